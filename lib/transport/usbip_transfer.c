/* SPDX-License-Identifier: BSD-2-Clause */
/* URBs of an imported device.
 *
 * A transfer that is cancelled is unlinked on the server and waited for: until one of the two answers
 * has come, its data may be arriving. One that a server does not give back takes the connection
 * with it, because nobody could tell its late answer from another's. What had been moved when it was
 * cancelled is known only where the server answers the URB itself, as "mscope serve" does when there
 * is some; RET_UNLINK has no room for it.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/usbip_client.h"

#define CANCEL_NS      (5 * MSC_S)    /* for an answer to an unlink */
#define CANCEL_STOP_NS MSC_S	      /* the same when the user does not want to wait */
#define SLICE_NS       (100 * MSC_MS) /* between two looks at whether he does */

struct msc_usbip_flight { /* what msc_xfer.priv points to */
	struct msc_usbip_flight *next;
	struct msc_xfer *xfer; /* NULL: it has ended, and one of two answers is still to come */
	uint32_t seqnum, unlink_seqnum; /* 0: it was not unlinked, or that has been answered */
	size_t room;	  /* transfer_buffer_length */
	bool in;	  /* an answer carries data */
	uint8_t *control; /* where that of a control transfer arrives; NULL: in xfer->data */
};

/* ---- flights ------------------------------------------------------------------------------- */

static void flight_free(struct msc_usbip *u, struct msc_usbip_flight *f)
{
	struct msc_usbip_flight **p = &u->flights;

	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	free(f->control);
	free(f);
}

static void end_flight(struct msc_usbip *u, struct msc_usbip_flight *f, enum msc_outcome outcome,
		       size_t actual)
{
	struct msc_xfer *x = f->xfer;

	if (!x)
		return;
	x->completed_ns = msc_now(&u->clock.clock);
	x->actual = actual < x->len ? actual : x->len;
	if (f->control && f->in && x->actual)
		memcpy(x->data, f->control, x->actual);
	x->outcome = outcome;
	x->priv = NULL;
	f->xfer = NULL;
}

void msc_usbip_forget(struct msc_usbip *u)
{
	for (struct msc_usbip_flight *f = u->flights; f; f = f->next)
		f->xfer = NULL;
	msc_usbip_drop(u, MSC_OUT_CANCELLED);
}

void msc_usbip_drop(struct msc_usbip *u, enum msc_outcome outcome)
{
	while (u->flights) {
		end_flight(u, u->flights, outcome, 0);
		flight_free(u, u->flights);
	}
	u->in.flight = NULL;
	u->in.piece.len = 0;
	msc_usbip_link_close(&u->link);
}

static uint32_t next_seqnum(struct msc_usbip *u)
{
	if (!++u->seqnum)
		u->seqnum = 1;
	return u->seqnum;
}

static struct msc_usbip_flight *find_submit(struct msc_usbip *u, uint32_t seqnum)
{
	struct msc_usbip_flight *f = u->flights;

	while (f && (f->seqnum != seqnum || (!f->xfer && f->unlink_seqnum)))
		f = f->next;
	return f;
}

static struct msc_usbip_flight *find_unlink(struct msc_usbip *u, uint32_t seqnum)
{
	struct msc_usbip_flight *f = u->flights;

	while (f && !(f->unlink_seqnum && f->unlink_seqnum == seqnum))
		f = f->next;
	return f;
}

/* ---- answers ------------------------------------------------------------------------------- */

static enum msc_outcome outcome_of(uint32_t status)
{
	switch (0 - status) {
	case 0:
	case MSC_USBIP_EREMOTEIO: return MSC_OUT_DONE;
	case MSC_USBIP_EPIPE: return MSC_OUT_STALL;
	case MSC_USBIP_EOVERFLOW: return MSC_OUT_BABBLE;
	case MSC_USBIP_ETIMEDOUT: return MSC_OUT_TIMEOUT;
	case MSC_USBIP_ENOENT:
	case MSC_USBIP_ECONNRESET: return MSC_OUT_CANCELLED;
	case MSC_USBIP_ENODEV:
	case MSC_USBIP_ESHUTDOWN: return MSC_OUT_GONE;
	default: return MSC_OUT_ERROR;
	}
}

/* The connection is of no use any more: nobody waits for it, and nobody writes into what he has. */
static int lost(struct msc_target *t, enum msc_code code, const char *why, struct msc_err *err)
{
	msc_usbip_drop(msc_target_state(t), code == MSC_E_GONE ? MSC_OUT_GONE : MSC_OUT_ERROR);
	t->gone = true;
	return msc_fail(err, code, "%s: %s", t->device.name, why);
}

static int closed(struct msc_target *t, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	char why[128];

	if (errno)
		snprintf(why, sizeof why, "the connection to the server broke: %s",
			 strerror(errno));
	else
		snprintf(why, sizeof why, "the server closed the connection%s",
			 u->in.piece.have || u->in.flight ? " in the middle of an answer" : "");
	return lost(t, MSC_E_GONE, why, err);
}

static int nonsense(struct msc_target *t, struct msc_err *err, const char *fmt, ...)
	MSC_PRINTF(3, 4);
static int nonsense(struct msc_target *t, struct msc_err *err, const char *fmt, ...)
{
	char what[128], why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(why, sizeof why, "the server does not keep to USB/IP: %s", what);
	return lost(t, MSC_E_DEVICE, why, err);
}

static void submit_answered(struct msc_target *t)
{
	struct msc_usbip *u = msc_target_state(t);
	struct msc_usbip_flight *f = u->in.flight;
	enum msc_outcome outcome = outcome_of(u->in.ret.result.status);
	size_t actual = u->in.ret.result.actual;

	u->in.flight = NULL;
	if (f->xfer && f->xfer->ep && outcome == MSC_OUT_STALL)
		actual = msc_stalled_length(&t->device, f->xfer, actual);
	end_flight(u, f, outcome, actual);
	if (!f->unlink_seqnum)
		flight_free(u, f);
}

/* A header has come; what is to come next is in *piece. */
static int begin_submit_answer(struct msc_target *t, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	const struct msc_usbip_return *r = &u->in.ret;
	struct msc_usbip_flight *f = find_submit(u, r->base.seqnum);

	if (!f)
		return nonsense(t, err, "URB %u is answered, and was not asked for or has ended",
				r->base.seqnum);
	if (r->result.actual > f->room)
		return nonsense(t, err, "URB %u has %u bytes, and room for %zu", r->base.seqnum,
				r->result.actual, f->room);
	u->in.flight = f;
	u->in.piece = (struct msc_usbip_piece){ .into = f->control ? f->control : f->xfer->data,
						.len = f->in ? r->result.actual : 0 };
	return 0;
}

static int unlink_answered(struct msc_target *t, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	struct msc_usbip_flight *f = find_unlink(u, u->in.ret.base.seqnum);

	if (!f)
		return nonsense(t, err, "unlink %u is answered, and was not asked for",
				u->in.ret.base.seqnum);
	if (u->in.ret.result.status || !f->xfer) {
		end_flight(u, f, MSC_OUT_CANCELLED, 0);
		flight_free(u, f);
		return 0;
	}
	/* Linux's server has two queues, so the URB's own answer may come behind this one. */
	end_flight(u, f, MSC_OUT_CANCELLED, 0);
	f->unlink_seqnum = 0;
	free(f->control);
	f->control = malloc(f->room + 1);
	return f->control ? 0 : lost(t, MSC_E_NOMEM, "out of memory", err);
}

static int header_came(struct msc_target *t, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);

	msc_usbip_return_unpack(&u->in.ret, u->in.header);
	switch (u->in.ret.base.command) {
	case MSC_USBIP_RET_SUBMIT: return begin_submit_answer(t, err);
	case MSC_USBIP_RET_UNLINK: return unlink_answered(t, err);
	default:
		return nonsense(t, err, "%#x is no answer to an URB", u->in.ret.base.command);
	}
}

/* What is here, but nothing behind the end of x: what the server did then is for who asks next. */
static int receive(struct msc_target *t, const struct msc_xfer *x, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);

	while (x->outcome == MSC_OUT_PENDING) {
		enum msc_usbip_got got;

		if (!u->in.flight && !u->in.piece.len)
			u->in.piece = (struct msc_usbip_piece){ .into = u->in.header,
								.len = sizeof u->in.header };
		got = msc_usbip_link_take(&u->link, &u->in.piece);
		if (got == MSC_USBIP_ENDED)
			return closed(t, err);
		if (got == MSC_USBIP_MORE)
			return 0;
		u->in.piece.len = u->in.piece.have = 0;
		if (u->in.flight)
			submit_answered(t);
		else if (header_came(t, err) < 0)
			return -1;
	}
	return 0;
}

/* Sends and receives what goes, and waits until something does. */
static int serve(struct msc_target *t, const struct msc_xfer *x, int64_t until_ns,
		 struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	int64_t left = until_ns - msc_now(t->clock);
	struct pollfd p = { .fd = u->link.fd, .events = POLLIN };
	struct timespec ts;

	if (u->link.fd < 0)
		return lost(t, MSC_E_GONE, "the server closed the connection", err);
	left = left < 0 ? 0 : left > MSC_S ? MSC_S : left;
	ts = (struct timespec){ .tv_sec = left / MSC_S, .tv_nsec = left % MSC_S };
	if (msc_usbip_link_unsent(&u->link))
		p.events |= POLLOUT;
	if (ppoll(&p, 1, &ts, NULL) < 0)
		return errno == EINTR ? 0 : lost(t, MSC_E_DEVICE, strerror(errno), err);
	/* What a server said before it left is heard first. */
	if (p.revents & (POLLIN | POLLHUP | POLLERR) && receive(t, x, err) < 0)
		return -1;
	(void)msc_usbip_link_flush(&u->link); /* a peer that has left is noticed by reading */
	return 0;
}

/* ---- transfers ----------------------------------------------------------------------------- */

static struct msc_usbip_flight *flight_new(struct msc_usbip *u, struct msc_xfer *x)
{
	struct msc_usbip_flight *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->xfer = x;
	f->room = x->ep ? x->len : x->setup.length; /* Linux insists on wLength */
	f->in = x->ep ? x->ep & MSC_EP_IN
		      : x->setup.request_type & MSC_REQTYPE_IN && x->setup.length;
	if (!x->ep && f->room) {
		f->control = calloc(1, f->room);
		if (!f->control) {
			free(f);
			return NULL;
		}
		if (!f->in && x->len)
			memcpy(f->control, x->data, x->len < f->room ? x->len : f->room);
	}
	f->seqnum = next_seqnum(u);
	f->next = u->flights;
	u->flights = f;
	x->priv = f;
	return f;
}

static bool send_command(struct msc_usbip *u, const struct msc_usbip_command *c, const void *data,
			 size_t len)
{
	uint8_t raw[MSC_USBIP_URB_LEN];

	msc_usbip_command_pack(raw, c);
	return msc_usbip_link_send(&u->link, raw, sizeof raw) &&
	       msc_usbip_link_send(&u->link, data, len);
}

int msc_usbip_submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	struct msc_usbip_command c = { .base = { .command = MSC_USBIP_CMD_SUBMIT } };
	struct msc_usbip_flight *f;

	if (x->len > INT_MAX)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: %zu bytes are too many for an URB",
				t->device.name, x->len);
	if (u->link.fd < 0) {
		x->outcome = MSC_OUT_GONE;
		return 0;
	}
	f = flight_new(u, x);
	if (!f)
		return msc_nomem(err);
	c.base.seqnum = f->seqnum;
	c.base.devid = msc_usbip_devid(&u->found.facts);
	c.base.direction = f->in ? MSC_USBIP_IN : 0;
	c.base.ep = x->ep & MSC_EP_NUMBER;
	c.submit.length = (uint32_t)f->room;
	c.submit.packets = MSC_USBIP_NOT_ISO;
	if (!x->ep)
		c.setup = x->setup;
	if (!send_command(u, &c, f->control ? f->control : x->data, f->in ? 0 : f->room))
		return lost(t, MSC_E_NOMEM, "out of memory", err);
	(void)msc_usbip_link_flush(&u->link);
	return 0;
}

int msc_usbip_wait(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns,
		   struct msc_err *err)
{
	do {
		if (serve(t, x, deadline_ns, err) < 0)
			return -1;
	} while (x->outcome == MSC_OUT_PENDING && msc_now(t->clock) < deadline_ns);
	return 0;
}

static int ask_unlink(struct msc_target *t, struct msc_usbip_flight *f, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	struct msc_usbip_command c = { .base = { .command = MSC_USBIP_CMD_UNLINK } };

	f->unlink_seqnum = next_seqnum(u);
	c.base.seqnum = f->unlink_seqnum;
	c.base.devid = msc_usbip_devid(&u->found.facts);
	c.unlink_seqnum = f->seqnum;
	if (!send_command(u, &c, NULL, 0))
		return lost(t, MSC_E_NOMEM, "out of memory", err);
	(void)msc_usbip_link_flush(&u->link);
	return 0;
}

int msc_usbip_cancel(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct msc_usbip_flight *f = x->priv;
	int64_t now = msc_now(t->clock), until = now + CANCEL_NS;

	if (!f)
		return 0;
	if (!f->unlink_seqnum && ask_unlink(t, f, err) < 0)
		return -1;
	while (x->outcome == MSC_OUT_PENDING && now < until) {
		if (msc_is_stopped(t) && until > now + CANCEL_STOP_NS)
			until = now + CANCEL_STOP_NS;
		if (msc_usbip_wait(t, x, now + SLICE_NS < until ? now + SLICE_NS : until, err) < 0)
			return -1;
		now = msc_now(t->clock);
	}
	if (x->outcome != MSC_OUT_PENDING)
		return 0;
	return lost(t, MSC_E_DEVICE, "the server does not give a cancelled transfer back", err);
}
