/* SPDX-License-Identifier: BSD-2-Clause */
/* One exchange: CBW, data, CSW, and the way back from a STALL. The diagram is in session.h.
 *
 * Serial and queued are one code: each phase starts its transfer unless that has been done, and
 * waits for it. Queued means that all three are started beforehand.
 *
 * Data of bulk-in goes into a buffer of whole packets, and the CSW too, so that what a device sends
 * beyond its due is seen instead of being lost in an error of the host controller.
 */
#include "session/engine.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK		((size_t)4 << 20)  /* most bytes of one transfer; more is not queued */
#define DATA_MAX	((size_t)64 << 20) /* most bytes of one exchange: the record holds them */
#define INVALID_POLL_NS (500 * MSC_MS)	   /* for the answer to a wrapper that is not valid */
#define CASE_2_PAUSE_NS (20 * MSC_MS)	   /* for a device to think about data nobody wants */
#define EARLY_NS	(5 * MSC_MS)	   /* from asking bulk-in to sending the CBW */
#define STEPS_KEPT	8		   /* of MSC_STEPS_MAX: for what follows the data */

struct flight {
	struct msc_xfer xfer;
	bool started; /* submitted; its end has not been seen */
	bool ended;   /* it ended while something else was waited for */
};

struct run {
	struct msc_session *s;
	const struct msc_request *rq;
	struct msc_exchange *x;
	int64_t timeout_ns;
	size_t packet; /* wMaxPacketSize of bulk-in */
	size_t total;  /* bytes that the data phase may move, in whole packets for bulk-in */
	bool capped;   /* the device may move more than that */
	struct flight cbw, data, csw;
	bool dead; /* nothing more can be asked of the device */
};

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

/* Room for a CSW and whatever else comes in its last packet. */
static size_t status_room(const struct run *r)
{
	return (MSC_CSW_LEN + r->packet - 1) / r->packet * r->packet;
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool merge_step(struct msc_step *last, const struct msc_step *new)
{
	if (new->kind != last->kind || new->ep != last->ep || last->outcome != MSC_OUT_DONE)
		return false;
	last->outcome = new->outcome;
	last->asked += new->asked;
	last->actual += new->actual;
	last->completed_ns = new->completed_ns;
	last->naks = last->naks < 0 || new->naks < 0 ? -1 : last->naks + new->naks;
	return true;
}

static void add_step(struct msc_exchange *x, const struct msc_step *step)
{
	if (step->kind == MSC_STEP_DATA && x->n_steps >= MSC_STEPS_MAX - STEPS_KEPT &&
	    merge_step(&x->steps[x->n_steps - 1], step))
		return;
	if (x->n_steps < MSC_STEPS_MAX)
		x->steps[x->n_steps++] = *step;
}

static void add_transfer(struct msc_exchange *x, enum msc_step_kind kind, const struct msc_xfer *t)
{
	add_step(x, &(struct msc_step){ .kind = kind,
					.ep = t->ep,
					.outcome = t->outcome,
					.asked = t->len,
					.actual = t->actual,
					.submitted_ns = t->submitted_ns,
					.completed_ns = t->completed_ns,
					.naks = t->naks });
}

static int start(struct run *r, struct flight *f, struct msc_err *err)
{
	if (msc_engine_submit(r->s, &f->xfer, err))
		return -1;
	f->started = true;
	return 0;
}

/* Starts the phase's transfer unless it is under way, waits for its end and records it. */
static int phase(struct run *r, struct flight *f, enum msc_step_kind kind, int64_t timeout_ns,
		 struct msc_err *err)
{
	if (!f->started && !f->ended && start(r, f, err))
		return -1;
	if (!f->ended && msc_engine_finish(r->s, &f->xfer, timeout_ns, err)) {
		f->started = false;
		return -1;
	}
	f->started = f->ended = false;
	add_transfer(r->x, kind, &f->xfer);
	return 0;
}

/* Takes back a transfer that was started early. What it brought all the same is kept for its phase.
 * A second STALL of a halted endpoint is no news. */
static int take_back(struct run *r, struct flight *f, enum msc_step_kind kind, struct msc_err *err)
{
	if (!f->started)
		return 0;
	f->started = false;
	if (msc_cancel(r->s->target, &f->xfer, err))
		return -1;
	f->ended = f->xfer.outcome == MSC_OUT_DONE;
	if (f->ended)
		return 0;
	if (f->xfer.outcome == MSC_OUT_STALL)
		f->xfer.outcome = MSC_OUT_CANCELLED;
	add_transfer(r->x, kind, &f->xfer);
	return 0;
}

static int clear_halt(struct run *r, uint8_t ep, struct msc_err *err)
{
	struct msc_clock *clock = r->s->target->clock;
	struct msc_step step = { .kind = MSC_STEP_CLEAR_HALT, .ep = ep, .naks = -1 };

	step.submitted_ns = msc_now(clock);
	if (msc_clear_halt(r->s->target, ep, r->timeout_ns, &step.outcome, err))
		return -1;
	step.completed_ns = msc_now(clock);
	add_step(r->x, &step);
	r->dead = step.outcome != MSC_OUT_DONE;
	return 0;
}

/* ---- data --------------------------------------------------------------------------------- */

/* Room for the next piece of bulk-in data, and the transfer that fills it. */
static int prepare_in(struct run *r, struct msc_err *err)
{
	struct msc_exchange *x = r->x;
	size_t len = r->total - x->data_len < CHUNK ? r->total - x->data_len : CHUNK;
	uint8_t *grown = realloc(x->data, x->data_len + len);

	if (!grown)
		return msc_nomem(err);
	x->data = grown;
	memset(grown + x->data_len, 0, len);
	r->data.xfer = (struct msc_xfer){ .ep = r->s->target->device.ep_in,
					  .data = grown + x->data_len,
					  .len = len };
	return 0;
}

static int prepare_out(struct run *r, struct msc_err *err)
{
	struct msc_exchange *x = r->x;
	size_t most = r->rq->out_split ? r->rq->out_split : CHUNK;
	size_t left = r->total - x->data_len;

	if (!x->data) {
		x->data = calloc(1, r->total);
		if (!x->data)
			return msc_nomem(err);
		if (r->rq->out)
			memcpy(x->data, r->rq->out, r->total);
	}
	r->data.xfer = (struct msc_xfer){ .ep = r->s->target->device.ep_out,
					  .data = x->data + x->data_len,
					  .len = left < most ? left : most };
	return 0;
}

static int prepare_data(struct run *r, struct msc_err *err)
{
	return r->x->dir == MSC_DIR_IN ? prepare_in(r, err) : prepare_out(r, err);
}

/* A device that sends less than it was asked for, in whole packets, and goes straight on to the
 * CSW leaves the host no way to tell the two apart but the CSW's own form. */
static void find_csw_in_data(struct run *r)
{
	struct msc_exchange *x = r->x;
	size_t len = x->data_len;
	const uint8_t *end;

	if (len < MSC_CSW_LEN || len >= x->cbw.h.length || (len - MSC_CSW_LEN) % r->packet)
		return;
	end = x->data + len - MSC_CSW_LEN;
	if (msc_get_le32(end) != MSC_CSW_SIGNATURE || msc_get_le32(end + 4) != x->cbw.h.tag)
		return;
	x->csw_in_data = true;
	x->data_len -= MSC_CSW_LEN;
	x->data_short_packet = 0;
	memcpy(x->status, end, MSC_CSW_LEN);
	x->status_len = MSC_CSW_LEN;
}

/* After a STALL of the data phase: BOT 1.0, 6.7.2 and 6.7.3. A CSW that was asked for on the halted
 * endpoint is asked for again later. */
static int data_stalled(struct run *r, struct msc_err *err)
{
	struct msc_clock *clock = r->s->target->clock;

	if (r->rq->leave) {
		r->dead = true;
		return 0;
	}
	if (r->x->dir == MSC_DIR_IN && take_back(r, &r->csw, MSC_STEP_CSW, err))
		return -1;
	if (r->rq->clear_after_ns)
		msc_wait_until(clock, msc_now(clock) + r->rq->clear_after_ns);
	return clear_halt(r, r->data.xfer.ep, err);
}

static int data_phase(struct run *r, struct msc_err *err)
{
	struct msc_exchange *x = r->x;
	const struct msc_xfer *t = &r->data.xfer;

	while (x->data_len < r->total) {
		if (!r->data.started && prepare_data(r, err))
			return -1;
		if (phase(r, &r->data, MSC_STEP_DATA,
			  msc_engine_data_ns(r->s, r->timeout_ns, t->len), err))
			return -1;
		x->data_len += t->actual;
		if (t->outcome == MSC_OUT_STALL)
			return data_stalled(r, err);
		if (t->outcome != MSC_OUT_DONE) {
			x->needs_reset = r->dead = true;
			return 0;
		}
		if (t->actual < t->len && x->dir == MSC_DIR_IN) {
			x->data_short_packet = 1 + t->actual % r->packet;
			find_csw_in_data(r);
			return 0;
		}
	}
	r->dead = r->capped;
	return 0;
}

/* ---- status ------------------------------------------------------------------------------- */

/* BOT 1.0, 5.3.3. One STALL and one empty packet are forgiven, and recorded. */
static int ask_status(struct run *r, struct msc_err *err)
{
	const struct msc_xfer *t = &r->csw.xfer;
	bool stalled = r->rq->leave, empty = stalled;

	for (;;) {
		if (phase(r, &r->csw, MSC_STEP_CSW, r->timeout_ns, err))
			return -1;
		if (t->outcome == MSC_OUT_STALL && !stalled) {
			stalled = true;
			if (clear_halt(r, t->ep, err))
				return -1;
			if (r->dead)
				break;
		} else if (t->outcome == MSC_OUT_DONE && !t->actual && !empty) {
			empty = true;
		} else {
			break;
		}
	}
	r->x->status_len = t->actual;
	return 0;
}

static int status_phase(struct run *r, struct msc_err *err)
{
	struct msc_exchange *x = r->x;

	if (x->csw_in_data ? take_back(r, &r->csw, MSC_STEP_CSW, err) : ask_status(r, err))
		return -1;
	x->have_csw = x->status_len == MSC_CSW_LEN &&
		      (x->csw_in_data || r->csw.xfer.outcome == MSC_OUT_DONE);
	if (x->have_csw)
		msc_csw_unpack(&x->csw, x->status);
	if (!msc_csw_is_valid(x) || x->csw.status > MSC_CSW_FAILED)
		x->needs_reset = !r->rq->leave || r->csw.xfer.outcome != MSC_OUT_STALL;
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int fill_in_sent(struct run *r, struct msc_err *err)
{
	const struct msc_request *rq = r->rq;
	struct msc_exchange *x = r->x;
	struct msc_cbw cbw = rq->cbw;
	uint8_t packed[MSC_CBW_LEN] = { 0 };
	size_t known;

	if (!cbw.h.tag && !rq->keep_tag)
		cbw.h.tag = ++r->s->tag;
	x->wrapper_len = rq->raw ? rq->raw_len : rq->wrapper_len;
	x->wrapper = calloc(1, x->wrapper_len ? x->wrapper_len : 1);
	x->status = calloc(1, status_room(r));
	if (!x->wrapper || !x->status)
		return msc_nomem(err);
	msc_cbw_pack(packed, &cbw);
	known = x->wrapper_len < sizeof(packed) ? x->wrapper_len : sizeof(packed);
	if (rq->raw)
		memcpy(x->wrapper, rq->raw, rq->raw_len);
	else
		memcpy(x->wrapper, packed, known);
	memset(packed, 0, sizeof(packed));
	memcpy(packed, x->wrapper, known);
	msc_cbw_unpack(&x->cbw, packed);
	return 0;
}

/* Case 2: the host wants no data and the command means some. A CSW that is asked for before the
 * device knows what to do with them may be given the data instead: QEMU's stick takes all of QEMU
 * down with it. Such an exchange is never queued, and a real device is given a moment. */
static bool is_case_2(const struct msc_exchange *x)
{
	return x->dir == MSC_DIR_NONE &&
	       msc_cdb_intent(x->cbw.cb, MSC_CBW_CB_MAX, &x->unit).dir == MSC_DIR_IN;
}

static bool can_be_queued(const struct run *r)
{
	const struct msc_request *rq = r->rq;

	return (rq->early || (r->s->o.queued && !rq->serial)) && !rq->leave && !rq->out_split &&
	       r->total <= CHUNK && !r->capped &&
	       msc_cbw_is_valid(r->x->wrapper, r->x->wrapper_len) && !is_case_2(r->x);
}

static void fill_in_known(struct run *r)
{
	struct msc_session *s = r->s;
	struct msc_exchange *x = r->x;
	uint64_t total = x->cbw.h.length;
	size_t most;

	if (total)
		x->dir = x->cbw.h.flags & MSC_CBW_FLAG_IN ? MSC_DIR_IN : MSC_DIR_OUT;
	x->stated = r->rq->stated;
	x->unit = s->units[x->cbw.h.lun & MSC_LUN_MAX];
	x->max_lun = s->have_max_lun ? s->max_lun : 0xff;

	if (x->dir == MSC_DIR_IN)
		total = (total + r->packet - 1) / r->packet * r->packet;
	else if (x->dir == MSC_DIR_OUT && r->rq->out_len != SIZE_MAX)
		total = r->rq->out_len;
	most = r->rq->in_len < DATA_MAX ? r->rq->in_len : DATA_MAX;
	r->capped = total > most || r->rq->in_len != SIZE_MAX;
	r->total = total > most ? most : (size_t)total;
	x->queued = can_be_queued(r);
	r->cbw.xfer = (struct msc_xfer){ .ep = s->target->device.ep_out,
					 .data = x->wrapper,
					 .len = x->wrapper_len };
	r->csw.xfer = (struct msc_xfer){ .ep = s->target->device.ep_in,
					 .data = x->status,
					 .len = status_room(r) };
}

static int start_data(struct run *r, struct msc_err *err)
{
	return r->total && (prepare_data(r, err) || start(r, &r->data, err)) ? -1 : 0;
}

static int start_all(struct run *r, struct msc_err *err)
{
	if (start(r, &r->cbw, err) || start_data(r, err))
		return -1;
	return start(r, &r->csw, err);
}

/* Bulk-in is asked first, which the device has to refuse with NAK until it has the CBW. */
static int start_early(struct run *r, struct msc_err *err)
{
	struct msc_clock *clock = r->s->target->clock;
	bool in = r->x->dir == MSC_DIR_IN;

	if ((in && start_data(r, err)) || start(r, &r->csw, err) ||
	    msc_wait(r->s->target, &r->csw.xfer, msc_now(clock) + EARLY_NS, err) ||
	    start(r, &r->cbw, err))
		return -1;
	return in ? 0 : start_data(r, err);
}

/* A wrapper that is not a CBW: the device halts, and all is left as it is (BOT 1.0, 6.6.1). */
static int after_invalid(struct run *r, struct msc_err *err)
{
	int64_t timeout_ns = r->timeout_ns < INVALID_POLL_NS ? r->timeout_ns : INVALID_POLL_NS;

	r->x->needs_reset = true;
	if (phase(r, &r->csw, MSC_STEP_CSW, timeout_ns, err))
		return -1;
	r->x->status_len = r->csw.xfer.actual;
	r->x->have_csw = r->csw.xfer.outcome == MSC_OUT_DONE && r->x->status_len == MSC_CSW_LEN;
	if (r->x->have_csw)
		msc_csw_unpack(&r->x->csw, r->x->status);
	return 0;
}

/* Nothing more will be asked. What was started early is taken back, the newest first so that none
 * moves up in the meantime; a CSW or data that came all the same is kept. */
static int give_up(struct run *r, struct msc_err *err)
{
	r->x->needs_reset |= !r->rq->leave;
	if (take_back(r, &r->csw, MSC_STEP_CSW, err) || take_back(r, &r->data, MSC_STEP_DATA, err))
		return -1;
	if (r->data.ended) {
		add_transfer(r->x, MSC_STEP_DATA, &r->data.xfer);
		r->x->data_len = r->data.xfer.actual;
	}
	return r->csw.ended ? status_phase(r, err) : 0;
}

static int run_phases(struct run *r, struct msc_err *err)
{
	struct msc_clock *clock = r->s->target->clock;
	struct msc_exchange *x = r->x;

	if (x->queued && (r->rq->early ? start_early(r, err) : start_all(r, err)))
		return -1;
	if (phase(r, &r->cbw, MSC_STEP_CBW, r->timeout_ns, err))
		return -1;
	if (!msc_cbw_is_valid(x->wrapper, x->wrapper_len))
		return after_invalid(r, err);
	if (r->cbw.xfer.outcome != MSC_OUT_DONE)
		x->needs_reset = r->dead = true;
	if (!r->dead && data_phase(r, err))
		return -1;
	if (!r->dead && is_case_2(x) && !r->s->target->device.simulated)
		msc_wait_until(clock, msc_now(clock) + CASE_2_PAUSE_NS);
	return r->dead ? give_up(r, err) : status_phase(r, err);
}

static void trace(const struct msc_session *s, const struct msc_exchange *x)
{
	static const char *const status[] = { "passed", "failed", "phase error",
					      "reserved status" };
	char text[128];

	msc_log(s->o.log, MSC_LOG_TRACE, "bot", msc_now(s->target->clock),
		"tag %#x %s: %zu bytes %s, %s%s", x->cbw.h.tag,
		msc_cdb_text(text, sizeof(text), x->cbw.cb, x->cbw.h.cb_length), x->data_len,
		msc_dir_name(x->dir),
		x->have_csw ? status[x->csw.status < 3 ? x->csw.status : 3] : "no CSW",
		x->needs_reset ? ", needs reset" : "");
}

int msc_session_exchange(struct msc_session *s, const struct msc_request *rq,
			 const struct msc_record **out, struct msc_err *err)
{
	struct msc_record *record = msc_engine_begin(s, MSC_RECORD_EXCHANGE, err);
	uint16_t packet = s->target->device.max_packet_in;
	struct run r = { .s = s,
			 .rq = rq,
			 .timeout_ns = rq->timeout_ns > 0 ? rq->timeout_ns : s->o.timeout_ns,
			 .packet = packet ? packet : 64 };

	if (!record)
		return -1;
	r.x = &record->u.exchange;
	if (fill_in_sent(&r, err)) {
		msc_record_free(record);
		return -1;
	}
	fill_in_known(&r);
	if (msc_gate_look(s, r.x->wrapper, r.x->wrapper_len,
			  r.x->dir == MSC_DIR_OUT ? rq->out : NULL, r.total, err)) {
		msc_record_free(record);
		return -1;
	}
	s->unclean = true;
	if (run_phases(&r, err)) {
		msc_engine_abandon(s, &r.csw.xfer);
		msc_engine_abandon(s, &r.data.xfer);
		msc_engine_abandon(s, &r.cbw.xfer);
		msc_record_free(record);
		s->needs_reset = true;
		return -1;
	}
	s->needs_reset = r.x->needs_reset;
	s->unclean = r.dead || r.x->needs_reset || !r.x->have_csw;
	msc_engine_count_hang(s, r.x, r.timeout_ns);
	trace(s, r.x);
	msc_engine_end(s, record, out);
	return 0;
}
