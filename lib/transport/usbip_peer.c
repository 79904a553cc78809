/* SPDX-License-Identifier: BSD-2-Clause */
/* See usbip_peer.h. */
#include "transport/usbip_peer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "transport/usbip_server.h"

#define QUESTION_NS   (10 * MSC_S) /* for a question, and for hearing its answer out */
#define MAX_URB	      (16u << 20)  /* transfer_buffer_length */
#define MESSAGES      64	   /* of one client, before others have their turn */

/* ---- what to expect ------------------------------------------------------------------------ */

static void await(struct msc_usbip_peer *p, enum msc_usbip_awaits what, void *into, size_t len)
{
	p->awaits = what;
	p->piece = (struct msc_usbip_piece){ .into = into, .len = len };
}

static void await_urb(struct msc_usbip_peer *p)
{
	await(p, MSC_USBIP_AWAITS_URB, p->header, MSC_USBIP_URB_LEN);
}

/* It is answered, and its connection closed as soon as it has heard that. */
static void await_end(struct msc_usbip_peer *p)
{
	await(p, MSC_USBIP_AWAITS_END, NULL, 0);
}

void msc_usbip_peer_open(struct msc_usbip_peer *p, int fd, const char *name,
			 struct msc_clock *clock)
{
	*p = (struct msc_usbip_peer){ .until_ns = msc_now(clock) + QUESTION_NS };
	snprintf(p->name, sizeof p->name, "%s", name);
	msc_usbip_link_open(&p->link, fd);
	await(p, MSC_USBIP_AWAITS_QUESTION, p->header, MSC_USBIP_OP_LEN);
}

static void say(const struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
		enum msc_level level, const char *fmt, ...) MSC_PRINTF(4, 5);
static void say(const struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
		enum msc_level level, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	msc_log(x->log, level, "usbip", msc_now(x->clock), "%s%s%s: %s",
		p->has ? p->has->device.busid : "", p->has ? ": " : "", p->name, text);
}

void msc_usbip_peer_close(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	free(p->urb);
	if (p->has) {
		msc_usbip_export_release(p->has);
		say(p, x, MSC_LOG_INFO, "has given the device back");
	}
	msc_usbip_link_close(&p->link);
	*p = (struct msc_usbip_peer){ .link = { .fd = -1 } };
}

#define BROKE(p, x, ...)                                                                           \
	do {                                                                                       \
		say(p, x, MSC_LOG_WARN, __VA_ARGS__);                                              \
		(p)->over = true;                                                                  \
	} while (0)

static void send_bytes(struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
		       const void *data, size_t len)
{
	if (!p->over && !msc_usbip_link_send(&p->link, data, len))
		BROKE(p, x, "out of memory for an answer");
}

/* ---- questions ----------------------------------------------------------------------------- */

static void answer_op(struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
		      enum msc_usbip_code code, enum msc_usbip_status status)
{
	const struct msc_usbip_op op = { .version = MSC_USBIP_VERSION,
					 .code = (uint16_t)code,
					 .status = status };
	uint8_t raw[MSC_USBIP_OP_LEN];

	msc_usbip_op_pack(raw, &op);
	send_bytes(p, x, raw, sizeof raw);
}

static void answer_device(struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
			  const struct msc_usbip_export *e)
{
	uint8_t raw[MSC_USBIP_DEVICE_LEN];

	msc_usbip_device_pack(raw, &e->device);
	send_bytes(p, x, raw, sizeof raw);
}

/* As many as the device says that it has; the classes of those that its descriptors show. */
static void answer_interfaces(struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
			      const struct msc_usbip_export *e)
{
	struct msc_reader r = msc_reader(e->facts.config, e->facts.config_len);
	uint8_t raw[MSC_USBIP_INTERFACE_LEN * 255] = { 0 };
	size_t n = 0, want = e->device.facts.interfaces;

	while (msc_reader_left(&r) >= 2 && n < want) {
		uint8_t len = r.p[0];
		const uint8_t *d = len >= 2 ? msc_read_bytes(&r, len) : NULL;

		if (!d)
			break;
		if (d[1] == MSC_DESC_INTERFACE && len >= MSC_INTERFACE_DESC_LEN && !d[3])
			memcpy(raw + MSC_USBIP_INTERFACE_LEN * n++, d + 5, 3);
	}
	send_bytes(p, x, raw, MSC_USBIP_INTERFACE_LEN * want);
}

static void answer_devlist(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	uint8_t raw[4];
	uint32_t n = 0;

	for (size_t i = 0; i < x->count; i++)
		n += msc_usbip_export_attached(x->list[i]);
	answer_op(p, x, MSC_USBIP_REP_DEVLIST, MSC_USBIP_OK);
	msc_put_be32(raw, n);
	send_bytes(p, x, raw, sizeof raw);
	for (size_t i = 0; i < x->count; i++) {
		if (!msc_usbip_export_attached(x->list[i]))
			continue;
		answer_device(p, x, x->list[i]);
		answer_interfaces(p, x, x->list[i]);
	}
	await_end(p);
}

static struct msc_usbip_export *find(const struct msc_usbip_exports *x, const char *busid)
{
	for (size_t i = 0; i < x->count; i++)
		if (!strcmp(x->list[i]->device.busid, busid))
			return x->list[i];
	return NULL;
}

static void answer_import(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	char busid[MSC_USBIP_BUSID_LEN + 1] = "", shown[MSC_USBIP_BUSID_LEN + 1];
	struct msc_usbip_export *e;
	enum msc_usbip_status status = MSC_USBIP_OK;

	memcpy(busid, p->header, MSC_USBIP_BUSID_LEN);
	e = find(x, busid);
	if (!e || !msc_usbip_export_attached(e))
		status = MSC_USBIP_NODEV;
	else if (x->taken(x->user, e))
		status = MSC_USBIP_BUSY;
	else if (!msc_usbip_export_import(e))
		status = MSC_USBIP_BROKEN;
	answer_op(p, x, MSC_USBIP_REP_IMPORT, status);
	if (status != MSC_USBIP_OK) {
		say(p, x, MSC_LOG_INFO, "may not import '%s': %s",
		    msc_printable(shown, sizeof shown, busid, strlen(busid)),
		    status == MSC_USBIP_NODEV  ? "there is no such device"
		    : status == MSC_USBIP_BUSY ? "somebody else has it"
					       : "it does not take an address");
		await_end(p);
		return;
	}
	answer_device(p, x, e);
	p->has = e;
	p->until_ns = MSC_NEVER;
	say(p, x, MSC_LOG_INFO, "has imported the device");
	await_urb(p);
}

static void question(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	struct msc_usbip_op op;

	msc_usbip_op_unpack(&op, p->header);
	if (op.version != MSC_USBIP_VERSION)
		BROKE(p, x, "speaks USB/IP %04x, and not 0111", op.version);
	else if (op.code == MSC_USBIP_REQ_DEVLIST)
		answer_devlist(p, x);
	else if (op.code == MSC_USBIP_REQ_IMPORT)
		await(p, MSC_USBIP_AWAITS_BUSID, p->header, MSC_USBIP_BUSID_LEN);
	else
		BROKE(p, x, "asks what nobody knows (command code %04x)", op.code);
}

/* ---- URBs ---------------------------------------------------------------------------------- */

/* What is wrong with it; NULL: nothing. */
static const char *objection(const struct msc_usbip_peer *p, const struct msc_usbip_command *c)
{
	const struct msc_usbip_export *e = p->has;
	bool in = c->base.direction == MSC_USBIP_IN;

	if (c->base.devid != msc_usbip_devid(&e->device.facts))
		return "is for another device (devid)";
	if (c->base.command != MSC_USBIP_CMD_SUBMIT)
		return NULL;
	if (c->base.direction > MSC_USBIP_IN || c->base.ep > MSC_EP_NUMBER)
		return "is for an endpoint that cannot be";
	if (c->submit.packets && c->submit.packets != MSC_USBIP_NOT_ISO)
		return "is isochronous";
	if (c->submit.length > MAX_URB)
		return "is too long";
	if (!c->base.ep && c->submit.length && c->setup.length &&
	    in != !!(c->setup.request_type & MSC_REQTYPE_IN))
		return "goes the other way than its bmRequestType";
	if (e->n_urbs >= MSC_USBIP_MAX_URBS || e->n_bytes + c->submit.length > MSC_USBIP_MAX_BYTES)
		return "is one too many under way";
	if (msc_usbip_export_has(e, c->base.seqnum))
		return "has the seqnum of one that is under way";
	return NULL;
}

/* The data is taken in whole, whatever wLength says. */
static void submit(struct msc_usbip_peer *p)
{
	struct msc_usbip_urb *u = p->urb;

	p->urb = NULL;
	if (!u->bus.ep && u->bus.len > u->bus.setup.length)
		u->bus.len = u->bus.setup.length;
	msc_usbip_export_submit(p->has, u);
	await_urb(p);
}

static void begin_submit(struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
			 const struct msc_usbip_command *c)
{
	bool in = c->base.direction == MSC_USBIP_IN;
	struct msc_usbip_urb *u = calloc(1, sizeof *u + c->submit.length);

	if (!u) {
		BROKE(p, x, "out of memory for an URB");
		return;
	}
	u->seqnum = c->base.seqnum;
	u->flags = c->submit.flags;
	u->in = in;
	u->bus.ep = (uint8_t)(c->base.ep | (c->base.ep && in ? MSC_EP_IN : 0));
	u->bus.setup = c->setup;
	u->bus.len = c->submit.length;
	p->urb = u;
	if (in || !c->submit.length)
		submit(p);
	else
		await(p, MSC_USBIP_AWAITS_DATA, u->data, c->submit.length);
}

static void answer(struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
		   const struct msc_usbip_return *r, const void *data, size_t len)
{
	uint8_t raw[MSC_USBIP_URB_LEN];

	msc_usbip_return_pack(raw, r);
	send_bytes(p, x, raw, sizeof raw);
	send_bytes(p, x, data, len);
}

/* All that has ended. */
static void answer_urbs(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	struct msc_usbip_return r;
	struct msc_usbip_urb *u;

	while ((u = msc_usbip_export_next(p->has, &r))) {
		answer(p, x, &r, u->data, u->in ? u->bus.actual : 0);
		free(u);
	}
}

static void unlink_urb(struct msc_usbip_peer *p, const struct msc_usbip_exports *x,
		       const struct msc_usbip_command *c)
{
	struct msc_usbip_return r = {
		.base = { .command = MSC_USBIP_RET_UNLINK, .seqnum = c->base.seqnum },
	};

	r.result.status = msc_usbip_export_unlink(p->has, c->unlink_seqnum);
	answer_urbs(p, x); /* its own answer comes first, when it has one */
	answer(p, x, &r, NULL, 0);
}

static void command(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	struct msc_usbip_command c;
	const char *wrong;

	msc_usbip_command_unpack(&c, p->header);
	if (c.base.command != MSC_USBIP_CMD_SUBMIT && c.base.command != MSC_USBIP_CMD_UNLINK) {
		BROKE(p, x, "sends the command %#x, which nobody knows", c.base.command);
		return;
	}
	wrong = objection(p, &c);
	if (wrong) {
		BROKE(p, x, "URB %u %s", c.base.seqnum, wrong);
	} else if (c.base.command == MSC_USBIP_CMD_UNLINK) {
		unlink_urb(p, x, &c);
		await_urb(p);
	} else {
		begin_submit(p, x, &c);
	}
}

/* ---- the connection ------------------------------------------------------------------------ */

static void left(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	p->over = true;
	if (errno)
		say(p, x, MSC_LOG_INFO, "has left: %s", strerror(errno));
	else if (p->piece.have || p->awaits == MSC_USBIP_AWAITS_BUSID || p->urb)
		say(p, x, MSC_LOG_WARN, "has left in the middle of a sentence");
}

bool msc_usbip_peer_may_speak(const struct msc_usbip_peer *p)
{
	return !p->over && p->awaits != MSC_USBIP_AWAITS_END &&
	       msc_usbip_link_unsent(&p->link) < MSC_USBIP_MAX_BYTES / 2;
}

void msc_usbip_peer_receive(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	for (int i = 0; i < MESSAGES && msc_usbip_peer_may_speak(p); i++) {
		switch (msc_usbip_link_take(&p->link, &p->piece)) {
		case MSC_USBIP_MORE: return;
		case MSC_USBIP_ENDED: left(p, x); return;
		case MSC_USBIP_WHOLE: break;
		}
		switch (p->awaits) {
		case MSC_USBIP_AWAITS_QUESTION: question(p, x); break;
		case MSC_USBIP_AWAITS_BUSID: answer_import(p, x); break;
		case MSC_USBIP_AWAITS_URB: command(p, x); break;
		case MSC_USBIP_AWAITS_DATA: submit(p); break;
		case MSC_USBIP_AWAITS_END: break;
		}
	}
}

void msc_usbip_peer_send(struct msc_usbip_peer *p, const struct msc_usbip_exports *x)
{
	if (p->over)
		return;
	if (p->has)
		answer_urbs(p, x);
	if (!msc_usbip_link_flush(&p->link))
		p->over = true;
	else if (p->awaits == MSC_USBIP_AWAITS_END && !msc_usbip_link_unsent(&p->link))
		p->over = true;
	else if (p->has && msc_usbip_export_lost(p->has) && !msc_usbip_link_unsent(&p->link)) {
		say(p, x, MSC_LOG_INFO, "loses the device, which has been unplugged");
		p->over = true;
	} else if (msc_now(x->clock) > p->until_ns) {
		BROKE(p, x, "takes too long to ask");
	}
}
