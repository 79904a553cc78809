/* SPDX-License-Identifier: BSD-2-Clause */
/* See replay.h. */
#include "capture/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "transport/enumerate.h"

/* ---- what the host sent -------------------------------------------------------------------- */

static int plan_data(struct msc_replay_plan *p, const struct msc_exchange *x, struct msc_err *err)
{
	size_t len = msc_exchange_offered(x);

	if (x->data_kept < len && msc_cdb_writes_blocks(x->cbw.cb)) {
		p->left_out = "the capture does not have all of what it wrote";
		return 0;
	}
	p->out = calloc(1, len ? len : 1);
	if (!p->out)
		return msc_nomem(err);
	if (x->data_kept)
		memcpy(p->out, x->data, x->data_kept < len ? x->data_kept : len);
	p->request.out = p->out;
	p->request.out_len = len;
	return 0;
}

/* A host that stopped on its way, on purpose or not, stops there again. */
static void plan_end(struct msc_request *rq, const struct msc_exchange *x)
{
	if (!msc_step_find(x, MSC_STEP_CSW) && !x->csw_in_data && msc_exchange_is_valid(x)) {
		rq->leave = msc_step_with(x, MSC_STEP_DATA, MSC_OUT_STALL);
		if (x->dir != MSC_DIR_OUT && !rq->leave)
			rq->in_len = msc_step_with(x, MSC_STEP_DATA, MSC_OUT_CANCELLED)
					     ? x->data_len
					     : msc_exchange_offered(x);
	}
	if (msc_step_with(x, MSC_STEP_CBW, MSC_OUT_CANCELLED))
		rq->timeout_ns = x->steps[0].completed_ns - x->steps[0].submitted_ns;
	if (x->n_steps && x->steps[x->n_steps - 1].outcome == MSC_OUT_STALL)
		rq->leave = true;
}

static int plan_exchange(struct msc_replay_plan *p, const struct msc_record *r, struct msc_err *err)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (x->whole || !x->wrapper || (r->cut && x->wrapper_len < MSC_CBW_LEN)) {
		p->left_out = "the capture does not have its CBW";
		return 0;
	}
	msc_request_init(&p->request, x->cbw.cb, 0, x->dir, x->cbw.h.length);
	p->request.cbw = x->cbw;
	p->request.keep_tag = true;
	p->request.serial = !x->queued;
	if (x->wrapper_len != MSC_CBW_LEN) {
		p->request.raw = x->wrapper;
		p->request.raw_len = x->wrapper_len;
	}
	plan_end(&p->request, x);
	return x->dir == MSC_DIR_OUT ? plan_data(p, x, err) : 0;
}

int msc_replay_plan(struct msc_replay_plan *p, const struct msc_record *was, struct msc_err *err)
{
	const struct msc_control *c = &was->u.control;

	*p = (struct msc_replay_plan){ .left_out = NULL };
	if (was->kind == MSC_RECORD_EXCHANGE)
		return plan_exchange(p, was, err);
	if (was->kind == MSC_RECORD_POLL && !(was->u.poll.ep & MSC_EP_IN))
		p->left_out = "bytes outside of any exchange";
	if (was->kind != MSC_RECORD_CONTROL)
		return 0;
	if (msc_is_request(was, 0, MSC_STD_SET_ADDRESS))
		p->left_out = "addresses are given by the host controller";
	else if (!(c->setup.request_type & MSC_REQTYPE_IN) && c->setup.length)
		p->left_out = "a control request with data for the device";
	return 0;
}

void msc_replay_plan_end(struct msc_replay_plan *p)
{
	free(p->out);
	p->out = NULL;
}

/* ---- sending it again ----------------------------------------------------------------------- */

static int send_control(struct msc_session *s, const struct msc_record *was,
			const struct msc_record **now, struct msc_err *err)
{
	const struct msc_device *d = &msc_session_target(s)->device;
	struct msc_setup setup = was->u.control.setup;
	uint8_t ep;

	if (msc_is_clear_halt(was, &ep))
		return msc_session_clear_halt(s, ep & MSC_EP_IN ? d->ep_in : d->ep_out, now, err);
	if (msc_is_configuration(was))
		return msc_session_configure(s, now, err);
	if (msc_setup_sets_configuration(&setup) &&
	    msc_may_configure(msc_session_target(s), err) < 0)
		return -1;
	if (msc_is_setting(was))
		return msc_session_set_interface(s, now, err);
	if ((setup.request_type & MSC_REQTYPE_RECIPIENT) == MSC_RECIPIENT_INTERFACE &&
	    setup.index == was->device->interface_number)
		setup.index = d->interface_number;
	return msc_session_control(s, &setup, NULL, now, err);
}

/* As long as the recorded host waited for what never came, and not less than it takes to see it. */
static int send_poll(struct msc_session *s, const struct msc_record *was,
		     const struct msc_record **now, struct msc_err *err)
{
	const int64_t least_ns = 20 * MSC_MS;
	int64_t took_ns = was->ended_ns - was->began_ns;
	size_t len = was->u.poll.data_len > 512 ? was->u.poll.data_len : 512;

	return msc_session_poll(s, msc_session_target(s)->device.ep_in, NULL, len,
				took_ns > least_ns ? took_ns : least_ns, now, err);
}

int msc_replay_send(struct msc_session *s, const struct msc_replay_plan *p,
		    const struct msc_record *was, const struct msc_record **now,
		    struct msc_err *err)
{
	*now = NULL;
	switch (was->kind) {
	case MSC_RECORD_EXCHANGE: return msc_session_exchange(s, &p->request, now, err);
	case MSC_RECORD_CONTROL: return send_control(s, was, now, err);
	case MSC_RECORD_POLL: return send_poll(s, was, now, err);
	case MSC_RECORD_PORT_RESET: return msc_session_port_reset(s, now, err);
	case MSC_RECORD_SUSPEND: break; /* no capture tells of one */
	}
	return 0;
}

void msc_replay_track(bool *deconfigured, const struct msc_record *was,
		      const struct msc_record *now)
{
	uint8_t value;

	if (now->kind == MSC_RECORD_PORT_RESET)
		*deconfigured = false;
	else if (msc_is_any_configuration(was, &value) && now->u.control.outcome == MSC_OUT_DONE)
		*deconfigured = !msc_is_configuration(was);
}

int msc_replay_end(struct msc_session *s, bool deconfigured, struct msc_err *err)
{
	const struct msc_record *now;

	return deconfigured ? msc_session_configure(s, &now, err) : 0;
}

/* ---- differences ---------------------------------------------------------------------------- */

struct differences {
	struct msc_replay_difference *list;
	size_t n;
};

static struct msc_replay_difference *add(struct differences *d, const char *what)
{
	struct msc_replay_difference *at = &d->list[d->n];

	if (d->n == MSC_REPLAY_DIFFERENCES_MAX)
		return NULL;
	d->n++;
	*at = (struct msc_replay_difference){ .what = what };
	return at;
}

static void compare_words(struct differences *d, const char *what, const char *was, const char *now)
{
	struct msc_replay_difference *at = strcmp(was, now) ? add(d, what) : NULL;

	if (!at)
		return;
	snprintf(at->was, sizeof at->was, "%s", was);
	snprintf(at->now, sizeof at->now, "%s", now);
}

static void compare_numbers(struct differences *d, const char *what, uint64_t was, uint64_t now)
{
	struct msc_replay_difference *at = was != now ? add(d, what) : NULL;

	if (!at)
		return;
	snprintf(at->was, sizeof at->was, "%llu", (unsigned long long)was);
	snprintf(at->now, sizeof at->now, "%llu", (unsigned long long)now);
}

static void put_bytes(char *buf, size_t size, const uint8_t *bytes, size_t len, size_t at)
{
	snprintf(buf, size, "at %zu:", at);
	for (size_t i = at; i < len && i < at + 16; i++)
		msc_append(buf, size, " %02x", bytes[i]);
}

/* As far as both go: how many there are is compared elsewhere. */
static void compare_bytes(struct differences *d, const uint8_t *was, size_t was_len,
			  const uint8_t *now, size_t now_len)
{
	size_t both = was_len < now_len ? was_len : now_len, i = 0;
	struct msc_replay_difference *at;

	while (i < both && was[i] == now[i])
		i++;
	at = i < both ? add(d, "data") : NULL;
	if (!at)
		return;
	put_bytes(at->was, sizeof at->was, was, was_len, i);
	put_bytes(at->now, sizeof at->now, now, now_len, i);
}

static const char *status_of(const struct msc_exchange *x)
{
	if (!x->have_csw)
		return x->status_len ? "not a CSW" : "none";
	if (!msc_csw_is_valid(x))
		return "not valid";
	return x->csw.status == MSC_CSW_PASSED        ? "passed"
	       : x->csw.status == MSC_CSW_FAILED      ? "failed"
	       : x->csw.status == MSC_CSW_PHASE_ERROR ? "phase error"
						      : "odd";
}

static const char *end_of(const struct msc_exchange *x, enum msc_step_kind kind)
{
	const char *how = "none";

	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind == kind && x->steps[i].outcome != MSC_OUT_CANCELLED) {
			how = msc_outcome_name(x->steps[i].outcome);
			if (x->steps[i].outcome != MSC_OUT_DONE)
				break;
		}
	return how;
}

static void compare_exchanges(struct differences *d, const struct msc_record *a,
			      const struct msc_record *b)
{
	const struct msc_exchange *was = &a->u.exchange, *now = &b->u.exchange;

	compare_words(d, "CBW transfer", end_of(was, MSC_STEP_CBW), end_of(now, MSC_STEP_CBW));
	compare_words(d, "data transfer", end_of(was, MSC_STEP_DATA), end_of(now, MSC_STEP_DATA));
	if (!a->cut || was->have_csw) {
		compare_words(d, "CSW transfer", end_of(was, MSC_STEP_CSW),
			      end_of(now, MSC_STEP_CSW));
		compare_words(d, "status", status_of(was), status_of(now));
	}
	compare_numbers(d, "bytes", was->data_len, now->data_len);
	if (was->have_csw && now->have_csw)
		compare_numbers(d, "residue", was->csw.residue, now->csw.residue);
	if (was->dir == MSC_DIR_IN)
		compare_bytes(d, was->data, was->data_kept, now->data, now->data_kept);
}

size_t msc_replay_compare(const struct msc_record *was, const struct msc_record *now,
			  struct msc_replay_difference list[MSC_REPLAY_DIFFERENCES_MAX])
{
	struct differences d = { .list = list };

	if (was->kind != now->kind)
		return 0;
	if (was->kind == MSC_RECORD_EXCHANGE) {
		compare_exchanges(&d, was, now);
	} else if (was->kind == MSC_RECORD_CONTROL) {
		const struct msc_control *a = &was->u.control, *b = &now->u.control;

		compare_words(&d, "outcome", msc_outcome_name(a->outcome),
			      msc_outcome_name(b->outcome));
		if (a->setup.request_type & MSC_REQTYPE_IN) {
			compare_numbers(&d, "bytes", a->data_len, b->data_len);
			if (!was->cut)
				compare_bytes(&d, a->data, a->data_len, b->data, b->data_len);
		}
	} else if (was->kind == MSC_RECORD_POLL) {
		compare_numbers(&d, "bytes", was->u.poll.data_len, now->u.poll.data_len);
		if (!was->cut)
			compare_bytes(&d, was->u.poll.data, was->u.poll.data_len, now->u.poll.data,
				      now->u.poll.data_len);
	}
	return d.n;
}
