/* SPDX-License-Identifier: BSD-2-Clause */
/* A session: the log that its transfers and notes make, and everything that is not an exchange (control
 * requests, bare transfers, resets). It promises that no transfer is pending when a function has returned, and
 * that a device left in the middle of a command is recovered when the session ends. */
#include "session/engine.h"

#include <stdlib.h>
#include <string.h>

/* Decorators wrap what sees the writes. */
static void tell_covers(struct msc_target *t, msc_covers_fn *covers, void *user)
{
	for (; t; t = t->next) {
		t->covers = covers;
		t->covers_user = user;
	}
}

/* Also for what another layer submits by itself. */
static int filter(void *user, const struct msc_xfer *x, struct msc_err *err)
{
	return msc_gate_pass(user, x, err);
}

static int filter_command(void *user, const struct msc_command *c, struct msc_err *err)
{
	return msc_gate_pass_command(user, c, err);
}

/* ---- the log ------------------------------------------------------------------------------ */

static void add_entry(struct msc_session *s, const struct msc_log_entry *e)
{
	struct msc_err err = MSC_ERR_INIT;

	if (s->o.wire)
		s->o.wire(s->o.wire_user, e);
	if (s->watch)
		s->watch(s->watch_user, e);
	s->no_memory |= msc_assemble(s->assembler, e, &err) < 0;
}

void msc_engine_tell(struct msc_session *s, const struct msc_transfer *t)
{
	msc_engine_count_packets(s, t);
	add_entry(s, &(struct msc_log_entry){ MSC_ENTRY_TRANSFER, { .transfer = *t } });
}

static void on_transfer(void *user, const struct msc_transfer *t)
{
	msc_engine_tell(user, t);
}

void msc_engine_note(struct msc_session *s, const struct msc_note *n)
{
	add_entry(s, &(struct msc_log_entry){ MSC_ENTRY_NOTE, { .note = *n } });
}

static void note(struct msc_session *s, enum msc_note_kind kind)
{
	msc_engine_note(s, &(struct msc_note){ .kind = kind });
}

/* A port reset may have brought it back with other descriptors. */
static void note_device(struct msc_session *s)
{
	if (!memcmp(&s->told, &s->target->device, sizeof s->told))
		return;
	s->told = s->target->device;
	msc_engine_note(s, &(struct msc_note){ .kind = MSC_NOTE_DEVICE, .device = &s->told });
}

void msc_session_watch(struct msc_session *s, msc_wire_fn *watch, void *user)
{
	s->watch = watch;
	s->watch_user = user;
}

static void on_record(void *user, const struct msc_record *r)
{
	struct msc_session *s = user;
	int64_t took = r->ended_ns - r->began_ns;

	msc_engine_watch(s, r);
	if (r->kind == MSC_RECORD_EXCHANGE && msc_exchange_passed(&r->u.exchange) &&
	    (!s->quickest_ns || took < s->quickest_ns))
		s->quickest_ns = took;
	if (s->o.record && !r->muted)
		s->o.record(s->o.user, r);
}

int msc_engine_give(struct msc_session *s, const struct msc_record **out, struct msc_err *err)
{
	const struct msc_record **slot = &s->given[s->muted ? 1 : 0];

	if (s->no_memory)
		return msc_nomem(err);
	if (!out)
		return 0;
	msc_record_release(*slot);
	*out = *slot = msc_record_hold(msc_assembler_newest(s->assembler));
	return 0;
}

/* ---- the session -------------------------------------------------------------------------- */

struct msc_session *msc_session_new(struct msc_target *target,
				    const struct msc_session_options *options)
{
	struct msc_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->target = target;
	s->driver = target->device.commands_only ? &msc_driver_sg : &msc_driver_bot;
	s->o = *options;
	s->patient = s->o.timeout_ns <= 0;
	if (s->patient)
		s->o.timeout_ns = MSC_TIMEOUT_NS;
	s->assembler = msc_assembler_new(on_record, s);
	if (!s->assembler) {
		free(s);
		return NULL;
	}
	note_device(s);
	note(s, MSC_NOTE_FRESH);
	target->filter = filter;
	tell_covers(target, msc_gate_covers, s);
	target->filter_command = filter_command;
	target->filter_user = s;
	target->observe = on_transfer;
	target->observe_user = s;
	return s;
}

void msc_session_free(struct msc_session *s)
{
	struct msc_err err = MSC_ERR_INIT;

	if (!s)
		return;
	if (msc_session_known(s)->unclean && !s->target->gone) {
		s->stop = NULL;
		msc_session_mute(s, true);
		if (msc_session_reset_recovery(s, NULL, &err) || msc_session_known(s)->unclean)
			msc_log(s->o.log, MSC_LOG_WARN, s->driver->name, msc_now(s->target->clock),
				"the device is left in the middle of a command: reset recovery "
				"did not succeed");
	}
	msc_gate_free(s);
	s->target->filter = NULL;
	tell_covers(s->target, NULL, NULL);
	s->target->filter_command = NULL;
	s->target->observe = NULL;
	msc_record_release(s->given[0]);
	msc_record_release(s->given[1]);
	msc_assembler_free(s->assembler);
	free(s);
}

struct msc_target *msc_session_target(struct msc_session *s)
{
	return s->target;
}

void msc_session_set_record(struct msc_session *s, msc_record_fn *record, void *user)
{
	s->o.record = record;
	s->o.user = user;
}

void msc_session_mute(struct msc_session *s, bool muted)
{
	if (muted && s->muted++ == 0)
		note(s, MSC_NOTE_MUTE);
	else if (!muted && --s->muted == 0)
		note(s, MSC_NOTE_UNMUTE);
}

void msc_session_set_stop(struct msc_session *s, bool (*stop)(void *user), void *user)
{
	s->stop = stop;
	s->stop_user = user;
}

const struct msc_unit *msc_session_unit(const struct msc_session *s, uint8_t lun)
{
	return &msc_session_known(s)->unit[lun & MSC_LUN_MAX];
}

const struct msc_record *msc_session_last(const struct msc_session *s)
{
	return msc_assembler_newest(s->assembler);
}

const struct msc_history *msc_session_known(const struct msc_session *s)
{
	return msc_assembler_history(s->assembler);
}

void msc_session_forget(struct msc_session *s)
{
	note(s, MSC_NOTE_FRESH);
}

/* ---- transfers ---------------------------------------------------------------------------- */

int msc_engine_go_on(struct msc_session *s, struct msc_err *err)
{
	if (s->stop && s->stop(s->stop_user))
		return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	return 0;
}

void msc_engine_abandon(struct msc_session *s, struct msc_xfer *x)
{
	struct msc_err ignored = MSC_ERR_INIT;

	if (msc_cancel(s->target, x, &ignored))
		msc_log(s->o.log, MSC_LOG_TRACE, s->driver->name, msc_now(s->target->clock), "%s",
			ignored.msg);
}

int msc_engine_submit(struct msc_session *s, struct msc_xfer *x, struct msc_err *err)
{
	if (msc_engine_go_on(s, err))
		return -1;
	return msc_submit(s->target, x, err);
}

/* A simulated device is never waited for in real time, so its waits need no slices. */
static int wait_in_slices(struct msc_session *s, struct msc_xfer *x, int64_t deadline,
			  struct msc_err *err)
{
	while (!s->target->device.simulated) {
		int64_t slice = msc_now(s->target->clock) + MSC_SLICE_NS;

		if (slice >= deadline)
			break;
		if (msc_engine_go_on(s, err) || msc_wait(s->target, x, slice, err))
			return -1;
		if (x->outcome != MSC_OUT_PENDING)
			return 0;
	}
	return msc_finish(s->target, x, deadline, err);
}

int msc_engine_finish(struct msc_session *s, struct msc_xfer *x, int64_t timeout_ns,
		      struct msc_err *err)
{
	if (wait_in_slices(s, x, msc_now(s->target->clock) + timeout_ns, err)) {
		msc_engine_abandon(s, x);
		return -1;
	}
	if (x->outcome == MSC_OUT_GONE)
		return msc_fail(err, MSC_E_GONE, "%s: the device has left", s->target->device.name);
	return 0;
}

static int transfer(struct msc_session *s, struct msc_xfer *x, int64_t timeout_ns,
		    struct msc_err *err)
{
	if (msc_engine_submit(s, x, err))
		return -1;
	return msc_engine_finish(s, x, timeout_ns, err);
}

/* ---- exchanges ---------------------------------------------------------------------------- */

void msc_request_init(struct msc_request *rq, const uint8_t *cdb, uint8_t cdb_len, enum msc_dir dir,
		      uint32_t length)
{
	memset(rq, 0, sizeof(*rq));
	rq->cbw.h.signature = MSC_CBW_SIGNATURE;
	rq->cbw.h.length = length;
	rq->cbw.h.flags = dir == MSC_DIR_IN ? MSC_CBW_FLAG_IN : 0;
	rq->cbw.h.cb_length = cdb_len;
	memcpy(rq->cbw.cb, cdb, cdb_len < MSC_CBW_CB_MAX ? cdb_len : MSC_CBW_CB_MAX);
	rq->wrapper_len = MSC_CBW_LEN;
	rq->out_len = rq->in_len = SIZE_MAX;
}

static void trace(const struct msc_session *s, const struct msc_exchange *x)
{
	char text[128];

	msc_log(s->o.log, MSC_LOG_TRACE, s->driver->name, msc_now(s->target->clock),
		"tag %#x %s: %zu bytes %s, %s%s", x->cbw.h.tag,
		msc_cdb_text(text, sizeof(text), x->cbw.cb, x->cbw.h.cb_length), x->data_len,
		msc_dir_name(x->dir),
		x->have_csw || (x->whole && msc_csw_is_valid(x))
			? msc_csw_status_name(x->csw.status)
			: "no status",
		x->needs_reset ? ", needs reset" : "");
}

int msc_session_exchange(struct msc_session *s, const struct msc_request *rq,
			 const struct msc_record **out, struct msc_err *err)
{
	int64_t timeout_ns = rq->timeout_ns > 0 ? rq->timeout_ns : s->o.timeout_ns;
	struct msc_request filled;

	if (!rq->raw && !rq->keep_cb_length && rq->cbw.h.cb_length >= 6 &&
	    rq->cbw.h.cb_length < msc_device_block(&s->target->device)) {
		filled = *rq;
		filled.cbw.h.cb_length = msc_device_block(&s->target->device);
		rq = &filled;
	}
	if (s->driver->exchange(s, rq, timeout_ns, err) < 0 || msc_engine_give(s, out, err) < 0)
		return -1;
	msc_engine_count_hang(s, &msc_session_last(s)->u.exchange, timeout_ns);
	trace(s, &msc_session_last(s)->u.exchange);
	return 0;
}

/* ---- outside of exchanges ----------------------------------------------------------------- */

/* Buffers are never NULL, so that a length of 0 needs no special case. */
static uint8_t *new_buffer(size_t len, const void *from, struct msc_err *err)
{
	uint8_t *p = calloc(1, len ? len : 1);

	if (!p)
		msc_nomem(err);
	else if (from)
		memcpy(p, from, len);
	return p;
}

int msc_session_control(struct msc_session *s, const struct msc_setup *setup, const void *data,
			const struct msc_record **out, struct msc_err *err)
{
	bool in = setup->request_type & MSC_REQTYPE_IN;
	struct msc_xfer x = { .setup = *setup, .len = setup->length };
	int result;

	x.data = new_buffer(x.len, in ? NULL : data, err);
	if (!x.data)
		return -1;
	result = transfer(s, &x, s->o.timeout_ns, err);
	free(x.data);
	if (result < 0)
		return -1;
	if (x.outcome == MSC_OUT_TIMEOUT)
		msc_engine_hung(s);
	return msc_engine_give(s, out, err);
}

int msc_session_poll(struct msc_session *s, uint8_t ep, const void *out_data, size_t len,
		     int64_t timeout_ns, const struct msc_record **out, struct msc_err *err)
{
	struct msc_xfer x = { .ep = ep, .len = len };
	int result;

	x.data = new_buffer(len, ep & MSC_EP_IN ? NULL : out_data, err);
	if (!x.data)
		return -1;
	note(s, MSC_NOTE_BARE);
	result = transfer(s, &x, timeout_ns, err);
	free(x.data);
	if (result < 0) {
		note(s, MSC_NOTE_ABANDON);
		return -1;
	}
	return msc_engine_give(s, out, err);
}

/* ---- resets ------------------------------------------------------------------------------- */

int msc_session_clear_halt(struct msc_session *s, uint8_t ep, const struct msc_record **out,
			   struct msc_err *err)
{
	enum msc_outcome outcome;

	if (msc_engine_go_on(s, err) ||
	    msc_clear_halt(s->target, ep, s->o.timeout_ns, &outcome, err))
		return -1;
	return msc_engine_give(s, out, err);
}

/* The class request, then both halts. A device that refuses the request is still given the rest;
 * one that does not answer on endpoint 0 at all is not asked three times. */
static int recover(struct msc_session *s, enum msc_outcome *first, struct msc_err *err)
{
	const struct msc_device *d = &s->target->device;
	const uint8_t eps[] = { d->ep_in, d->ep_out };
	struct msc_xfer x = { .setup = { .request_type = MSC_REQTYPE_CLASS |
							 MSC_RECIPIENT_INTERFACE,
					 .request = MSC_REQ_BULK_ONLY_RESET,
					 .index = d->interface_number } };
	enum msc_outcome outcome;

	if (transfer(s, &x, s->o.timeout_ns, err))
		return -1;
	*first = outcome = x.outcome;
	if (outcome == MSC_OUT_TIMEOUT)
		msc_engine_hung(s);
	for (size_t i = 0; i < MSC_COUNT(eps); i++) {
		if (outcome != MSC_OUT_DONE && outcome != MSC_OUT_STALL)
			return 0;
		if (msc_clear_halt(s->target, eps[i], s->o.timeout_ns, &outcome, err))
			return -1;
		if (*first == MSC_OUT_DONE)
			*first = outcome;
	}
	return 0;
}

int msc_session_reset_recovery(struct msc_session *s, enum msc_outcome *outcome,
			       struct msc_err *err)
{
	enum msc_outcome ignored;

	if (msc_engine_go_on(s, err) || recover(s, outcome ? outcome : &ignored, err))
		return -1;
	return msc_engine_give(s, NULL, err);
}

/* The device has been set up again, or failed. */
static int anew(struct msc_session *s, bool failed, const struct msc_record **out,
		struct msc_err *err)
{
	if (!failed)
		note_device(s);
	return failed ? -1 : msc_engine_give(s, out, err);
}

int msc_session_port_reset(struct msc_session *s, const struct msc_record **out,
			   struct msc_err *err)
{
	msc_gate_forget(s);
	return anew(s, msc_engine_go_on(s, err) || msc_port_reset(s->target, err), out, err);
}

int msc_session_power_cycle(struct msc_session *s, int64_t off_ns, struct msc_err *err)
{
	msc_gate_forget(s);
	return anew(s, msc_engine_go_on(s, err) || msc_power_cycle(s->target, off_ns, err), NULL,
		    err);
}

int msc_session_rejoin(struct msc_session *s, struct msc_err *err)
{
	msc_gate_forget(s);
	return anew(s, msc_engine_go_on(s, err) || msc_rejoin(s->target, err), NULL, err);
}

int msc_session_configure(struct msc_session *s, const struct msc_record **out, struct msc_err *err)
{
	enum msc_outcome o;

	return anew(s, msc_engine_go_on(s, err) || msc_configure(s->target, &o, err), out, err);
}

int msc_session_set_interface(struct msc_session *s, const struct msc_record **out,
			      struct msc_err *err)
{
	enum msc_outcome outcome;

	return anew(s, msc_engine_go_on(s, err) || msc_set_interface(s->target, &outcome, err), out,
		    err);
}

int msc_session_suspend(struct msc_session *s, int64_t ns, bool resume, struct msc_err *err)
{
	return anew(s, msc_engine_go_on(s, err) || msc_suspend(s->target, ns, resume, err), NULL,
		    err);
}
