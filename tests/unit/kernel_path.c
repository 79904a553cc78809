/* SPDX-License-Identifier: BSD-2-Clause */
/* See drivers/usb/storage/transport.c of Linux 6.1: usb_stor_invoke_transport, usb_stor_Bulk_transport. */
#include "kernel_path.h"

#include <stdlib.h>
#include <string.h>

#include "session/session.h"

#define NO_CONNECT 0x01
#define TIME_OUT   0x03
#define ERROR	   0x07

struct path {
	struct msc_target *device;
	struct msc_session *session;
	bool ignores_residue; /* it has shown that its residues are nonsense */
	struct kernel_path_count count;
};

/* ---- one command by Bulk-Only ------------------------------------------------------------------ */

static bool timed_out(const struct msc_exchange *x)
{
	return msc_step_with(x, MSC_STEP_CBW, MSC_OUT_TIMEOUT) ||
	       msc_step_with(x, MSC_STEP_DATA, MSC_OUT_TIMEOUT) ||
	       msc_step_with(x, MSC_STEP_CSW, MSC_OUT_TIMEOUT);
}

/* The command is lost, and the port is reset. */
static int lost(struct path *p, struct msc_command *c, unsigned host, struct msc_err *err)
{
	c->outcome = host == TIME_OUT ? MSC_OUT_TIMEOUT : MSC_OUT_ERROR;
	c->host = host;
	c->actual = 0;
	p->count.lost++;
	return msc_session_port_reset(p->session, NULL, err);
}

/* Bytes that did not move, or that the device says do not count. An INQUIRY and a READ CAPACITY that came
 * in full and have a residue show a device whose residues are nonsense. */
static size_t residue(struct path *p, const struct msc_command *c, const struct msc_exchange *x)
{
	size_t missing = c->len - (x->data_len < c->len ? x->data_len : c->len),
	       says = x->csw.residue;

	if (says && !missing && x->csw.status == MSC_CSW_PASSED &&
	    ((c->cdb[0] == MSC_OP_INQUIRY && c->len == 36) ||
	     (c->cdb[0] == MSC_OP_READ_CAPACITY_10 && c->len == 8)))
		p->ignores_residue = true;
	if (p->ignores_residue)
		return missing;
	says = says < c->len ? says : c->len;
	return says > missing ? says : missing;
}

static int send(struct path *p, const uint8_t *cdb, uint8_t cdb_len, const struct msc_command *c,
		int64_t timeout_ns, const struct msc_exchange **x, struct msc_err *err)
{
	const struct msc_record *r;
	struct msc_request rq;

	msc_request_init(&rq, cdb, cdb_len, c->len ? c->dir : MSC_DIR_NONE, (uint32_t)c->len);
	rq.out = c->dir == MSC_DIR_OUT ? c->data : NULL;
	rq.timeout_ns = timeout_ns;
	if (msc_session_exchange(p->session, &rq, &r, err) < 0)
		return -1;
	*x = &r->u.exchange;
	return 0;
}

/* ---- why it failed ----------------------------------------------------------------------------- */

static bool says_nothing(const uint8_t *sense, size_t len)
{
	struct msc_sense_data d = msc_sense_decode(sense, len);

	return !d.key && !d.asc && !d.ascq && !(sense[2] & 0xa0);
}

static int ask_why(struct path *p, struct msc_command *c, int64_t timeout_ns, struct msc_err *err)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_REQUEST_SENSE, [4] = MSC_SENSE_LEN };
	uint8_t sense[96] = { 0 };
	const struct msc_command ask = { .dir = MSC_DIR_IN, .data = sense, .len = MSC_SENSE_LEN };
	const struct msc_exchange *x;

	p->count.fetched++;
	if (send(p, cdb, 6, &ask, timeout_ns, &x, err) < 0)
		return -1;
	if (!msc_exchange_passed(x) || x->data_len > MSC_SENSE_LEN)
		return lost(p, c, timed_out(x) ? TIME_OUT : ERROR, err);
	if (x->data_len)
		memcpy(sense, x->data, x->data_len);
	if (says_nothing(sense, sizeof sense)) {
		c->outcome = MSC_OUT_ERROR;
		c->host = ERROR;
		p->count.lost++;
		return 0;
	}
	c->status = MSC_CHECK_CONDITION;
	c->sense_len = 8u + sense[7] < sizeof sense ? 8u + sense[7] : sizeof sense;
	memcpy(c->sense, sense, c->sense_len);
	return 0;
}

/* ---- the transport ----------------------------------------------------------------------------- */

static int command(struct msc_target *t, struct msc_command *c, int64_t timeout_ns,
		   struct msc_err *err)
{
	/* More came than was asked for: the driver's own answer. */
	static const uint8_t invalid[MSC_SENSE_LEN] = { 0x70, 0, 5, [7] = 10, [12] = 0x24 };
	struct path *p = msc_target_state(t);
	const struct msc_exchange *x;

	p->count.commands++;
	p->count.changing += msc_cdb_effect(c->cdb, c->cdb_len, &msc_any_disk, NULL) !=
			     MSC_EFFECT_NONE;
	if (send(p, c->cdb, c->cdb_len, c, timeout_ns, &x, err) < 0)
		return -1;
	if (!msc_exchange_ended(x))
		return lost(p, c, timed_out(x) ? TIME_OUT : ERROR, err);
	c->outcome = MSC_OUT_DONE;
	c->actual = c->len - residue(p, c, x);
	if (c->dir == MSC_DIR_IN && x->data_len)
		memcpy(c->data, x->data, x->data_len < c->len ? x->data_len : c->len);
	if (x->csw.status == MSC_CSW_FAILED)
		return ask_why(p, c, timeout_ns, err);
	if (x->data_len > c->len) {
		c->status = MSC_CHECK_CONDITION;
		c->sense_len = sizeof invalid;
		memcpy(c->sense, invalid, sizeof invalid);
	}
	return 0;
}

static int no_transfers(struct msc_target *t, struct msc_err *err)
{
	return msc_fail(err, MSC_E_UNSUPPORTED, MSC_NEEDS_ENDPOINTS, t->device.name);
}

static int submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	(void)x;
	return no_transfers(t, err);
}

static int wait_for(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns,
		    struct msc_err *err)
{
	(void)x, (void)deadline_ns;
	return no_transfers(t, err);
}

static int clear_halt(struct msc_target *t, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	(void)ep, (void)deadline_ns, (void)outcome;
	return no_transfers(t, err);
}

static bool remark(struct msc_target *t, char *buf, size_t size, bool *died)
{
	struct path *p = msc_target_state(t);

	return msc_device_remark(p->device, buf, size, died);
}

static void close_path(struct msc_target *t)
{
	struct path *p = msc_target_state(t);

	msc_session_free(p->session);
	msc_target_close(p->device);
}

static const struct msc_transport transport = {
	.name = "kernel",
	.state_size = sizeof(struct path),
	.close = close_path,
	.submit = submit,
	.wait = wait_for,
	.cancel = submit,
	.clear_halt = clear_halt,
	.reset = no_transfers,
	.command = command,
	.remark = remark,
};

struct msc_target *kernel_path_open(const char *sim, struct msc_err *err)
{
	const struct msc_open_options open = { .allow_writes = true };
	/* What may leave is decided above. */
	const struct msc_session_options all = { .allow_writes = true, .allow_unsafe = true };
	struct msc_target *t = calloc(1, sizeof *t);
	struct path *p = calloc(1, sizeof *p);

	if (!t || !p || !(p->device = msc_target_open(sim, &open, err)) ||
	    !(p->session = msc_session_new(p->device, &all))) {
		if (p)
			msc_target_close(p->device);
		free(p);
		free(t);
		return NULL;
	}
	t->transport = &transport;
	t->state = p;
	t->clock = p->device->clock;
	t->device = (struct msc_device){ .name = KERNEL_PATH_NODE,
					 .commands_only = true,
					 .simulated = true,
					 .forgets = p->device->device.forgets,
					 .speed = p->device->device.speed };
	memcpy(t->device.medium_id, p->device->device.medium_id, sizeof t->device.medium_id);
	return t;
}

struct kernel_path_count kernel_path_count(struct msc_target *t)
{
	struct path *p = msc_target_state(t);

	return p->count;
}
