/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver "sg": whole commands on the kernel's SCSI path. The core tells of each command, the
 * assembler makes an exchange of it, and what carried it is the kernel's affair.
 *
 * When a command fails the kernel asks why by itself, and the device has nothing left to say: so the
 * REQUEST SENSE that a host sends next is not sent but answered with what the kernel was told.
 */
#include <stdlib.h>
#include <string.h>

#include "session/engine.h"

#define DATA_MAX ((size_t)64 << 20) /* most bytes of one exchange: the record holds them */

/* Nothing in it that only a CBW or an endpoint could carry. */
static bool is_honest(const struct msc_request *rq)
{
	const struct msc_cbw_header *h = &rq->cbw.h;

	return !rq->raw && rq->wrapper_len == MSC_CBW_LEN && !rq->keep_tag &&
	       h->signature == MSC_CBW_SIGNATURE && !(h->flags & MSC_CBW_FLAGS_ZERO) &&
	       h->cb_length >= 1 && h->cb_length <= MSC_CBW_CB_MAX &&
	       (rq->out_len == SIZE_MAX || rq->out_len == h->length) && !rq->out_split &&
	       rq->in_len == SIZE_MAX && !rq->clear_after_ns && !rq->early && !rq->leave;
}

static int may_send(const struct msc_session *s, const struct msc_request *rq, struct msc_err *err)
{
	const char *name = s->target->device.name;

	if (!is_honest(rq))
		return msc_fail(err, MSC_E_UNSUPPORTED, MSC_NEEDS_ENDPOINTS, name);
	if (rq->cbw.h.lun)
		return msc_fail(
			err, MSC_E_UNSUPPORTED,
			"there is no logical unit %u: %s is one unit, and here it is unit 0",
			rq->cbw.h.lun, name);
	if (rq->cbw.h.length > DATA_MAX)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: more than 64 MiB in one command",
				name);
	return 0;
}

/* For all that the other driver would wait for: the command, its data, its status. */
static int64_t time_for(const struct msc_session *s, const struct msc_command *c,
			int64_t timeout_ns)
{
	int64_t ns = msc_engine_data_ns(s, timeout_ns, c->len) + timeout_ns;

	return c->dir == MSC_DIR_OUT ? ns + 2 * msc_engine_write_ns(s, c->len) : ns;
}

static void keep_sense(struct msc_session *s, const struct msc_command *c)
{
	struct msc_fetched *f = &s->fetched;

	if (c->outcome != MSC_OUT_DONE || c->status != MSC_CHECK_CONDITION)
		return;
	f->len = c->sense_len < sizeof f->sense ? c->sense_len : sizeof f->sense;
	f->at_ns = c->completed_ns;
	memcpy(f->sense, c->sense, f->len);
}

/* As if it had been sent now; but the log says who it was. */
static int tell_sense(struct msc_session *s, const struct msc_request *rq, struct msc_err *err)
{
	const uint8_t *cb = rq->cbw.cb;
	struct msc_transfer told = {
		.kind = MSC_TRANSFER_COMMAND,
		.ended = true,
		.whole = { .cdb_len = rq->cbw.h.cb_length, .dir = MSC_DIR_IN, .fetched = true },
		.submitted_ns = s->fetched.at_ns,
		.completed_ns = s->fetched.at_ns,
		.asked = rq->cbw.h.length,
		.outcome = MSC_OUT_DONE,
		.actual = s->fetched.len,
		.data = s->fetched.sense,
		.kept = s->fetched.len,
		.naks = -1
	};

	if (cb[1] || cb[4] != MSC_SENSE_LEN || rq->cbw.h.length != MSC_SENSE_LEN)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"REQUEST SENSE of %u bytes comes too late: the kernel has asked %s "
				"already",
				cb[4], s->target->device.name);
	memcpy(told.whole.cdb, cb, MSC_CBW_CB_MAX);
	told.number = ++s->target->submissions;
	msc_engine_tell(s, &told);
	s->fetched.len = 0;
	return 0;
}

static int send(struct msc_session *s, const struct msc_request *rq, int64_t timeout_ns,
		struct msc_err *err)
{
	const struct msc_cbw *cbw = &rq->cbw;
	struct msc_command c = { .cdb = cbw->cb,
				 .cdb_len = cbw->h.cb_length,
				 .len = cbw->h.length };
	int result;

	if (cbw->cb[0] == MSC_OP_REQUEST_SENSE && s->fetched.len)
		return tell_sense(s, rq, err);
	if (c.len)
		c.dir = cbw->h.flags & MSC_CBW_FLAG_IN ? MSC_DIR_IN : MSC_DIR_OUT;
	c.data = calloc(1, c.len ? c.len : 1);
	if (!c.data)
		return msc_nomem(err);
	if (c.dir == MSC_DIR_OUT && rq->out)
		memcpy(c.data, rq->out, c.len);
	result = msc_command(s->target, &c, time_for(s, &c, timeout_ns), err);
	if (result == 0) {
		s->fetched.len = 0;
		keep_sense(s, &c);
	}
	free(c.data);
	return result;
}

/* One that has not left is no exchange; its note is taken back. */
static int exchange(struct msc_session *s, const struct msc_request *rq, int64_t timeout_ns,
		    struct msc_err *err)
{
	if (msc_engine_go_on(s, err) < 0 || may_send(s, rq, err) < 0)
		return -1;
	msc_engine_note(s, &(struct msc_note){ .kind = MSC_NOTE_BEGIN, .stated = rq->stated });
	if (send(s, rq, timeout_ns, err) < 0) {
		msc_engine_note(s, &(struct msc_note){ .kind = MSC_NOTE_ABANDON });
		return -1;
	}
	msc_engine_note(s, &(struct msc_note){ .kind = MSC_NOTE_END });
	return 0;
}

/* The kernel has, when the command did not end. */
static int climb(struct msc_session *s, int rung, struct msc_err *err)
{
	(void)rung;
	return msc_engine_go_on(s, err);
}

const struct msc_driver msc_driver_sg = {
	.name = "sg",
	.serial_only = "the kernel's SCSI path takes one command after the other",
	.exchange = exchange,
	.climb = climb,
};
