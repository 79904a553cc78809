/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver "bot". One exchange: CBW, data, CSW, and the way back from a STALL. The diagram is in
 * session.h.
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

#include "base/copy.h"

#define CHUNK		((size_t)4 << 20)  /* most bytes of one transfer; more is not queued */
#define DATA_MAX	((size_t)64 << 20) /* most bytes of one exchange: the record holds them */
#define INVALID_POLL_NS MSC_HUNG_ONCE_NS /* for the answer to a wrapper that is not valid */
#define CASE_2_PAUSE_NS (20 * MSC_MS)	   /* for a device to think about data nobody wants */
#define EARLY_NS	(5 * MSC_MS)	   /* from asking bulk-in to sending the CBW */

struct flight {
	struct msc_xfer xfer;
	bool started; /* submitted; its end has not been seen */
	bool ended;   /* it ended while something else was waited for */
};

struct run {
	struct msc_session *s;
	const struct msc_request *rq;
	int64_t timeout_ns;
	int64_t slow_ns; /* and so much more where the medium is written */
	size_t packet; /* wMaxPacketSize of bulk-in */
	uint8_t *wrapper, *status;
	size_t wrapper_len;
	struct msc_memory memory; /* of the data */
	struct msc_cbw cbw; /* what the wrapper says; zero where it was too short */
	enum msc_dir dir;
	size_t total;  /* bytes that the data phase may move, in whole packets for bulk-in */
	size_t moved;
	bool capped;   /* the device may move more than that */
	bool queued;
	struct flight command, data, csw;
	struct msc_piece_run pieces; /* instead of data */
	bool dead; /* nothing more can be asked of the device */
};

/* Room for a CSW and whatever else comes in its last packet. */
static size_t status_room(const struct run *r)
{
	return (MSC_CSW_LEN + r->packet - 1) / r->packet * r->packet;
}

static bool is_valid(const struct run *r)
{
	return msc_cbw_is_valid(r->wrapper, r->wrapper_len);
}

/* ---- transfers ---------------------------------------------------------------------------- */

static int start(struct run *r, struct flight *f, struct msc_err *err)
{
	if (msc_engine_submit(r->s, &f->xfer, err))
		return -1;
	f->started = true;
	return 0;
}

/* Starts the phase's transfer unless it is under way, and waits for its end. */
static int phase(struct run *r, struct flight *f, int64_t timeout_ns, struct msc_err *err)
{
	if (!f->started && !f->ended && start(r, f, err))
		return -1;
	if (!f->ended && msc_engine_finish(r->s, &f->xfer, timeout_ns, err)) {
		f->started = false;
		return -1;
	}
	f->started = f->ended = false;
	return 0;
}

/* Takes back a transfer that was started early; what it brought all the same ends its phase. */
static int take_back(struct run *r, struct flight *f, struct msc_err *err)
{
	if (!f->started)
		return 0;
	f->started = false;
	if (msc_cancel(r->s->target, &f->xfer, err))
		return -1;
	f->ended = f->xfer.outcome == MSC_OUT_DONE;
	return 0;
}

static int clear_halt(struct run *r, uint8_t ep, struct msc_err *err)
{
	enum msc_outcome outcome;

	if (msc_clear_halt(r->s->target, ep, r->timeout_ns, &outcome, err))
		return -1;
	r->dead = outcome != MSC_OUT_DONE;
	return 0;
}

/* ---- data --------------------------------------------------------------------------------- */

/* The transfer of the next piece. What was moved before is in the log already. */
static int prepare_in(struct run *r, struct msc_err *err)
{
	size_t len = r->total - r->moved < CHUNK ? r->total - r->moved : CHUNK;

	if (msc_memory_need(r->s->target, &r->memory, len, err))
		return -1;
	r->data.xfer = (struct msc_xfer){ .ep = r->s->target->device.ep_in,
					  .data = r->memory.p,
					  .len = len,
					  .owner = r->memory.lent ? NULL : &r->memory.p };
	return 0;
}

static int prepare_out(struct run *r, struct msc_err *err)
{
	size_t most = r->rq->out_split ? r->rq->out_split : CHUNK;
	size_t left = r->total - r->moved;

	if (!r->memory.p) {
		if (msc_memory_need(r->s->target, &r->memory, r->total, err))
			return -1;
		if (r->rq->out)
			msc_copy(r->memory.p, r->rq->out, r->total);
		else
			memset(r->memory.p, 0, r->total);
	}
	r->data.xfer = (struct msc_xfer){ .ep = r->s->target->device.ep_out,
					  .data = r->memory.p + r->moved,
					  .len = left < most ? left : most };
	if (!r->memory.lent && r->data.xfer.len == r->total)
		r->data.xfer.owner = &r->memory.p;
	return 0;
}

static int prepare_data(struct run *r, struct msc_err *err)
{
	return r->dir == MSC_DIR_IN ? prepare_in(r, err) : prepare_out(r, err);
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
	if (r->dir == MSC_DIR_IN && take_back(r, &r->csw, err))
		return -1;
	if (r->rq->clear_after_ns)
		msc_wait_until(clock, msc_now(clock) + r->rq->clear_after_ns);
	return clear_halt(r, r->data.xfer.ep, err);
}

static int start_pieces(struct run *r, struct msc_err *err)
{
	const struct msc_pieces *how = r->rq->pieces;

	r->pieces = (struct msc_piece_run){
		.s = r->s,
		.how = how,
		.timeout_ns = msc_engine_data_ns(r->s, r->timeout_ns, r->total),
	};
	if (msc_pieces_begin(&r->pieces, r->total, err))
		return -1;
	return msc_pieces_submit(&r->pieces, how->first ? how->first : r->pieces.n, err);
}

/* What follows the pieces that are submitted before the pause. */
static int resume(struct run *r, struct msc_err *err)
{
	const struct msc_pieces *how = r->rq->pieces;

	if (msc_pieces_collect(&r->pieces, &r->moved, err))
		return -1;
	if (r->pieces.broken)
		return 0;
	if (how->paused(how->user, err) || msc_pieces_submit(&r->pieces, r->pieces.n, err))
		return -1;
	return r->queued ? start(r, &r->csw, err) : 0;
}

static int piece_phase(struct run *r, struct msc_err *err)
{
	if (!r->pieces.xfer && start_pieces(r, err))
		return -1;
	if (r->rq->pieces->first && resume(r, err))
		return -1;
	if (r->rq->pieces->meanwhile && !r->pieces.broken && msc_pieces_meanwhile(&r->pieces, err))
		return -1;
	if (msc_pieces_collect(&r->pieces, &r->moved, err))
		return -1;
	r->dead = r->pieces.broken;
	return 0;
}

/* While the data moves. A transport that waits carries both. */
static int beside_data(struct run *r, struct msc_err *err)
{
	const struct msc_aside *aside = &r->rq->with_data;
	struct msc_target *t = r->s->target;
	bool again = aside->run != NULL;

	while (again) {
		if (aside->run(aside->user, &again, err) ||
		    msc_wait(t, &r->data.xfer, msc_now(t->clock), err))
			return -1;
		again &= r->data.xfer.outcome == MSC_OUT_PENDING;
	}
	return 0;
}

static int data_phase(struct run *r, struct msc_err *err)
{
	const struct msc_xfer *t = &r->data.xfer;

	if (r->rq->pieces && r->dir == MSC_DIR_IN)
		return piece_phase(r, err);
	while (r->moved < r->total) {
		if (!r->data.started && (prepare_data(r, err) || start(r, &r->data, err)))
			return -1;
		if (beside_data(r, err))
			return -1;
		if (phase(r, &r->data, msc_engine_data_ns(r->s, r->timeout_ns, t->len) + r->slow_ns,
			  err))
			return -1;
		r->moved += t->actual;
		if (t->outcome == MSC_OUT_STALL)
			return data_stalled(r, err);
		if (t->outcome != MSC_OUT_DONE) {
			r->dead = true;
			return 0;
		}
		if (t->actual < t->len && r->dir == MSC_DIR_IN)
			return 0;
	}
	r->dead = r->capped;
	return 0;
}

/* ---- status ------------------------------------------------------------------------------- */

/* BOT 1.0, 5.3.3. One STALL and one empty packet are forgiven, and recorded. */
static int ask_status(struct run *r, struct msc_err *err)
{
	const struct msc_xfer *t = &r->csw.xfer;
	bool stalled = r->rq->leave, empty = stalled, again;

	if (r->rq->before_status.run &&
	    r->rq->before_status.run(r->rq->before_status.user, &again, err))
		return -1;
	for (;;) {
		if (phase(r, &r->csw, r->timeout_ns + r->slow_ns, err))
			return -1;
		if (t->outcome == MSC_OUT_STALL && !stalled) {
			stalled = true;
			if (clear_halt(r, t->ep, err))
				return -1;
			if (r->dead)
				return 0;
		} else if (t->outcome == MSC_OUT_DONE && !t->actual && !empty) {
			empty = true;
		} else {
			return 0;
		}
	}
}

/* The CSW may have come with the data; one that was asked for early is then taken back. */
static int status_phase(struct run *r, struct msc_err *err)
{
	const struct msc_exchange *x = msc_assembler_exchange(r->s->assembler);

	return x && x->csw_in_data ? take_back(r, &r->csw, err) : ask_status(r, err);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int fill_in_sent(struct run *r, struct msc_err *err)
{
	const struct msc_request *rq = r->rq;
	struct msc_cbw cbw = rq->cbw;
	uint8_t packed[MSC_CBW_LEN] = { 0 };
	size_t known;

	if (!cbw.h.tag && !rq->keep_tag)
		cbw.h.tag = ++r->s->tag;
	r->wrapper_len = rq->raw ? rq->raw_len : rq->wrapper_len;
	r->wrapper = malloc(r->wrapper_len ? r->wrapper_len : 1);
	r->status = malloc(status_room(r));
	if (!r->wrapper || !r->status)
		return msc_nomem(err);
	msc_cbw_pack(packed, &cbw);
	known = r->wrapper_len < sizeof(packed) ? r->wrapper_len : sizeof(packed);
	if (rq->raw)
		memcpy(r->wrapper, rq->raw, rq->raw_len);
	else
		memcpy(r->wrapper, packed, known);
	if (!rq->raw && r->wrapper_len > known)
		memset(r->wrapper + known, rq->wrapper_fill, r->wrapper_len - known);
	memset(packed, 0, sizeof(packed));
	memcpy(packed, r->wrapper, known);
	msc_cbw_unpack(&r->cbw, packed);
	return 0;
}

/* Case 2: the host wants no data and the command means some. A CSW that is asked for before the
 * device knows what to do with them may be given the data instead: QEMU's stick takes all of QEMU
 * down with it. Such an exchange is never queued, and a real device is given a moment. */
static bool is_case_2(const struct run *r)
{
	const struct msc_unit *u = msc_session_unit(r->s, r->cbw.h.lun);

	return r->dir == MSC_DIR_NONE &&
	       msc_cdb_intent(r->cbw.cb, MSC_CBW_CB_MAX, u).dir == MSC_DIR_IN;
}

static bool can_be_queued(const struct run *r)
{
	const struct msc_request *rq = r->rq;

	return (rq->early || (r->s->o.queued && !rq->serial)) && !rq->leave && !rq->out_split &&
	       !rq->before_status.run && r->total <= CHUNK && !r->capped && is_valid(r) &&
	       !is_case_2(r);
}

static void plan(struct run *r)
{
	const struct msc_device *d = &r->s->target->device;
	uint64_t total = r->cbw.h.length;
	size_t most;

	if (total)
		r->dir = r->cbw.h.flags & MSC_CBW_FLAG_IN ? MSC_DIR_IN : MSC_DIR_OUT;
	if (r->dir == MSC_DIR_IN)
		total = (total + r->packet - 1) / r->packet * r->packet;
	else if (r->dir == MSC_DIR_OUT && r->rq->out_len != SIZE_MAX)
		total = r->rq->out_len;
	most = r->rq->in_len < DATA_MAX ? r->rq->in_len : DATA_MAX;
	r->capped = total > most || r->rq->in_len != SIZE_MAX;
	r->total = total > most ? most : (size_t)total;
	r->slow_ns = r->dir == MSC_DIR_OUT ? msc_engine_write_ns(r->s, r->total) : 0;
	r->queued = can_be_queued(r);
	r->command.xfer =
		(struct msc_xfer){ .ep = d->ep_out, .data = r->wrapper, .len = r->wrapper_len };
	r->csw.xfer = (struct msc_xfer){ .ep = d->ep_in, .data = r->status, .len = status_room(r) };
}

static int start_data(struct run *r, struct msc_err *err)
{
	if (r->rq->pieces && r->dir == MSC_DIR_IN)
		return start_pieces(r, err);
	return r->total && (prepare_data(r, err) || start(r, &r->data, err)) ? -1 : 0;
}

static int start_all(struct run *r, struct msc_err *err)
{
	if (start(r, &r->command, err) || start_data(r, err))
		return -1;
	return r->rq->pieces && r->rq->pieces->first ? 0 : start(r, &r->csw, err);
}

/* Bulk-in is asked first, which the device has to refuse with NAK until it has the CBW. */
static int start_early(struct run *r, struct msc_err *err)
{
	struct msc_clock *clock = r->s->target->clock;
	bool in = r->dir == MSC_DIR_IN;

	if ((in && start_data(r, err)) || start(r, &r->csw, err) ||
	    msc_wait(r->s->target, &r->csw.xfer, msc_now(clock) + EARLY_NS, err) ||
	    start(r, &r->command, err))
		return -1;
	return in ? 0 : start_data(r, err);
}

/* A wrapper that is not a CBW: the device halts, and all is left as it is (BOT 1.0, 6.6.1). */
static int after_invalid(struct run *r, struct msc_err *err)
{
	return phase(r, &r->csw, r->timeout_ns < INVALID_POLL_NS ? r->timeout_ns : INVALID_POLL_NS,
		     err);
}

/* Nothing more will be asked. What was started early is taken back, the newest first so that none
 * moves up in the meantime. */
static int give_up(struct run *r, struct msc_err *err)
{
	if (take_back(r, &r->csw, err))
		return -1;
	msc_pieces_end(&r->pieces);
	return take_back(r, &r->data, err);
}

/* Only a CBW that is not meaningful may be left lying. */
static int64_t command_ns(const struct run *r)
{
	const struct msc_history *known = msc_session_known(r->s);
	uint8_t max_lun = known->have_max_lun ? known->max_lun : 0xff;
	bool due = r->rq->patient && is_valid(r) && msc_cbw_means(&r->cbw, max_lun);

	return due && r->timeout_ns < r->s->o.timeout_ns ? r->s->o.timeout_ns : r->timeout_ns;
}

static int run_phases(struct run *r, struct msc_err *err)
{
	struct msc_clock *clock = r->s->target->clock;

	if (r->queued && (r->rq->early ? start_early(r, err) : start_all(r, err)))
		return -1;
	if (phase(r, &r->command, command_ns(r), err))
		return -1;
	if (!is_valid(r))
		return after_invalid(r, err);
	r->dead = r->command.xfer.outcome != MSC_OUT_DONE;
	if (!r->dead && data_phase(r, err))
		return -1;
	if (!r->dead && is_case_2(r) && !r->s->target->device.simulated)
		msc_wait_until(clock, msc_now(clock) + CASE_2_PAUSE_NS);
	return r->dead ? give_up(r, err) : status_phase(r, err);
}

static int run(struct run *r, struct msc_err *err)
{
	struct msc_session *s = r->s;

	if (fill_in_sent(r, err))
		return -1;
	plan(r);
	if (msc_gate_look(s, r->wrapper, r->wrapper_len, r->dir == MSC_DIR_OUT ? r->rq->out : NULL,
			  r->total, err))
		return -1;
	msc_engine_note(s, &(struct msc_note){ .kind = MSC_NOTE_BEGIN,
					       .stated = r->rq->stated,
					       .leave = r->rq->leave });
	if (run_phases(r, err)) {
		msc_engine_abandon(s, &r->csw.xfer);
		msc_pieces_end(&r->pieces);
		msc_engine_abandon(s, &r->data.xfer);
		msc_engine_abandon(s, &r->command.xfer);
		msc_engine_note(s, &(struct msc_note){ .kind = MSC_NOTE_ABANDON });
		return -1;
	}
	msc_engine_note(s, &(struct msc_note){ .kind = MSC_NOTE_END });
	return 0;
}

static int exchange(struct msc_session *s, const struct msc_request *rq, int64_t timeout_ns,
		    struct msc_err *err)
{
	uint16_t packet = s->target->device.max_packet_in;
	struct run r = {
		.s = s, .rq = rq, .timeout_ns = timeout_ns, .packet = packet ? packet : 64
	};
	int result = run(&r, err);

	msc_pieces_end(&r.pieces);
	free(r.wrapper);
	msc_memory_free(s->target, &r.memory);
	free(r.status);
	return result;
}

static int ask_max_lun(struct msc_session *s, struct msc_err *err)
{
	const struct msc_setup setup = {
		.request_type = MSC_REQTYPE_IN | MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE,
		.request = MSC_REQ_GET_MAX_LUN,
		.index = s->target->device.interface_number,
		.length = 1};

	return msc_session_control(s, &setup, NULL, NULL, err);
}

static int climb(struct msc_session *s, int rung, struct msc_err *err)
{
	return rung == 1 ? msc_session_reset_recovery(s, NULL, err)
			 : msc_session_port_reset(s, NULL, err);
}

const struct msc_driver msc_driver_bot = {
	.name = "bot",
	.exchange = exchange,
	.ask_max_lun = ask_max_lun,
	.climb = climb,
};
