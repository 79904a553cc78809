/* SPDX-License-Identifier: BSD-2-Clause */
/* What the probe sends one at a time, and when: a READ(10) seen packet by packet, a request on
 * endpoint 0 beside it. The session sends them; their times are those of the wire log. A device that
 * failed is brought back before the next.
 */
#include "timing/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX	   3		  /* in a row */
#define GOLDEN_RATIO	   0x9e3779b9u	  /* of 2^32: each multiple falls into the widest gap */
#define STROBE_NS	   (4 * MSC_MS)	 /* whole frames of every speed */
#define JITTER_NS	   (21 * MSC_MS) /* twice the longest tick that is looked for */
#define POKES_MAX	   48 /* in one read */
#define PACKET_MAX	   1024

int msc_probe_open(struct msc_probe *s, struct msc_session *session,
		   const struct msc_pace_options *o, struct msc_pace_samples *out,
		   struct msc_err *err)
{
	const struct msc_unit *unit = msc_session_unit(session, o->lun);
	struct msc_target *t = msc_session_target(session);
	uint32_t most;

	*s = (struct msc_probe){
		.session = session, .target = t, .o = o, .out = out, .unit = *unit
	};
	s->timeout_ns = o->timeout_ns > 0 ? o->timeout_ns : MSC_TIMEOUT_NS;
	s->lba = o->first_lba;
	out->speed = t->device.speed;
	out->block_size = unit->block_size;
	out->packet = t->device.max_packet_in;
	most = msc_bulk_packet(t->device.speed);
	if (!most)
		most = out->packet;
	/* who is described falsely may send packets of the speed's size, so no piece is smaller */
	if (out->packet && most % out->packet)
		out->packet = most;
	out->piece = out->packet && unit->block_size % most == 0 ? most : 0;
	snprintf(out->host, sizeof out->host, "%s", t->device.host);
	out->translated = t->device.translated;
	if (!unit->have_capacity)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: the device tells no capacity, so there is nothing to read and "
				"to time; \"mscope probe\" tells more",
				t->device.name);
	if (!out->packet || out->packet > PACKET_MAX)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: bulk-in has packets of %u bytes, which no speed has",
				t->device.name, out->packet);
	if (o->first_lba > unit->last_lba || o->first_lba > UINT32_MAX)
		return msc_fail(err, MSC_E_USAGE, "--lba: the last block is %llu",
				(unsigned long long)unit->last_lba);
	return 0;
}

static int go_on(const struct msc_probe *s, struct msc_err *err)
{
	if (s->o->stop && s->o->stop(s->o->user))
		return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	return 0;
}

static int wait_part(struct msc_probe *s, uint32_t part, int64_t range_ns, struct msc_err *err)
{
	struct msc_clock *clock = s->target->clock;

	if (go_on(s, err) < 0)
		return -1;
	msc_wait_until(clock,
		       msc_now(clock) + (int64_t)((uint64_t)part * (uint64_t)range_ns >> 32));
	return 0;
}

int msc_probe_strobe(struct msc_probe *s, struct msc_err *err)
{
	return wait_part(s, ++s->strobes * GOLDEN_RATIO, STROBE_NS, err);
}

int msc_probe_jitter(struct msc_probe *s, struct msc_err *err)
{
	return wait_part(s, (uint32_t)(msc_rng_next(&s->rng) >> 32), JITTER_NS, err);
}

bool msc_probe_place(struct msc_probe *s, uint32_t blocks, uint64_t *lba)
{
	uint64_t end = s->unit.last_lba < UINT32_MAX ? s->unit.last_lba + 1 : UINT32_MAX;

	if (s->lba + blocks > end)
		s->lba = s->o->first_lba;
	if (s->lba + blocks > end)
		return false;
	*lba = s->lba;
	s->lba += blocks;
	return true;
}

int msc_probe_failed(struct msc_probe *s, const char *what, const char *how, bool clean,
		     struct msc_err *err)
{
	int rung;

	s->out->failures++;
	if ((!clean && msc_session_reset_recovery(s->session, NULL, err) < 0) ||
	    msc_session_settle(s->session, &rung, err) < 0)
		return -1;
	if (rung == 3)
		return msc_fail(
			err, MSC_E_TIMEOUT,
			"%s: %s, and nothing brings the device back; \"mscope check\" tells "
			"more",
			what, how);
	if (++s->failures == FAILURES_MAX)
		return msc_fail(err, MSC_E_TIMEOUT,
				"%s: %s, %u time%s in a row; \"mscope check\" tells more", what,
				how, s->failures, MSC_PLURAL(s->failures));
	return 0;
}

/* ---- endpoint 0 ------------------------------------------------------------------------------ */

int msc_probe_request(struct msc_probe *s, bool busy, struct msc_err *err)
{
	const struct msc_setup get_status = { .request_type = MSC_REQTYPE_IN,
					      .request = MSC_STD_GET_STATUS,
					      .length = 2 };
	const struct msc_record *record;
	struct msc_pace_request *r;

	if (msc_session_control(s->session, &get_status, NULL, &record, err) < 0)
		return -1;
	if (record->u.control.outcome != MSC_OUT_DONE)
		return 0;
	r = msc_pace_add_request(s->out);
	if (!r)
		return msc_nomem(err);
	*r = (struct msc_pace_request){ busy, record->began_ns, record->ended_ns };
	return 0;
}

/* ---- one read -------------------------------------------------------------------------------- */

struct reading {
	struct msc_probe *s;
	const struct msc_probe_read *what;
	struct msc_pace_stream *out;
	size_t asked, came; /* transfers of bulk-in: the pieces, then the CSW */
	int64_t last_asked_ns;
	unsigned pokes;
	enum msc_outcome outcome; /* of the first transfer that went wrong; DONE: none did */
};

static void see_in(struct reading *r, const struct msc_transfer *t)
{
	struct msc_pace_stream *x = r->out;
	size_t i = t->ended ? r->came++ : r->asked++;

	if (!t->ended) {
		if (i == 0)
			x->asked_ns = t->submitted_ns;
		if (r->what->pause_ns > 0 && i == x->pieces / x->blocks)
			x->resumed_ns = t->submitted_ns;
		if (i == x->pieces)
			x->status_ns = t->submitted_ns;
		else if (i < x->pieces)
			r->last_asked_ns = t->submitted_ns;
	} else if (i >= x->pieces) { /* an empty packet before it is forgiven */
		x->csw_ns = t->completed_ns;
		x->csw_naks = (int32_t)t->naks;
	} else {
		x->seen_ns[i] = t->completed_ns;
		x->naks[i] = t->naks < INT32_MAX ? (int32_t)t->naks : INT32_MAX;
	}
}

/* The wire log, as it grows. Transfers of one endpoint end in the order in which they were asked for,
 * unless they are taken back, and then nothing of them is wanted. */
static void see(void *user, const struct msc_log_entry *e)
{
	const struct msc_transfer *t = &e->u.transfer;
	struct reading *r = user;

	if (e->what != MSC_ENTRY_TRANSFER || t->kind != MSC_TRANSFER_BULK)
		return;
	if (t->ended && t->outcome != MSC_OUT_DONE && r->outcome == MSC_OUT_DONE)
		r->outcome = t->outcome;
	if (t->ep & MSC_EP_IN)
		see_in(r, t);
	else if (t->ended)
		r->out->cbw_ns = t->completed_ns;
	else
		r->out->began_ns = t->submitted_ns;
}

static int paused(void *user, struct msc_err *err)
{
	struct reading *r = user;
	struct msc_clock *clock = r->s->target->clock;

	msc_wait_until(clock, msc_now(clock) + r->what->pause_ns);
	return msc_probe_strobe(r->s, err);
}

/* Asks endpoint 0, at a strobed instant each time. */
static int poke(void *user, struct msc_err *err)
{
	struct reading *r = user;

	if (r->pokes && msc_probe_request(r->s, true, err) < 0)
		return -1;
	if (r->pokes++ == POKES_MAX)
		return 0;
	return msc_probe_strobe(r->s, err) < 0 ? -1 : 1;
}

/* Why the read is of no use; NULL: it is. */
static const char *fault_of(const struct reading *r, const struct msc_exchange *x)
{
	if (r->outcome != MSC_OUT_DONE)
		return msc_outcome_name(r->outcome);
	if (x->data_len != x->cbw.h.length)
		return "its data ended early";
	if (!msc_csw_is_valid(x))
		return "no valid CSW";
	return x->csw.status == MSC_CSW_PASSED ? NULL : "the device failed it";
}

static int run(struct reading *r, const struct msc_record **record, struct msc_err *err)
{
	struct msc_probe *s = r->s;
	struct msc_pieces pieces = { .len = s->out->piece, .user = r };
	struct msc_request rq;
	uint64_t lba;
	int result;

	if (!msc_probe_place(s, r->what->blocks, &lba))
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: the medium has fewer than %u block%s",
				s->target->device.name, r->what->blocks,
				MSC_PLURAL(r->what->blocks));
	msc_request_blocks(&rq, false, s->o->lun, lba, r->what->blocks, s->unit.block_size);
	r->out->pieces = rq.cbw.h.length / s->out->piece;
	if (r->what->pause_ns > 0) {
		pieces.first = r->out->pieces / r->what->blocks;
		pieces.paused = paused;
	}
	pieces.meanwhile = r->what->poke ? poke : NULL;
	rq.pieces = &pieces;
	rq.serial = !r->what->queued;
	rq.timeout_ns = s->timeout_ns;
	msc_session_watch(s->session, see, r);
	result = msc_session_exchange(s->session, &rq, record, err);
	msc_session_watch(s->session, NULL, NULL);
	return result;
}

int msc_probe_read(struct msc_probe *s, const struct msc_probe_read *what,
		   struct msc_pace_stream *stream, bool *worked, struct msc_err *err)
{
	struct reading r = { .s = s, .what = what, .out = stream, .outcome = MSC_OUT_DONE };
	const struct msc_exchange *x;
	const struct msc_record *record;
	const char *how;

	*worked = false;
	*stream = (struct msc_pace_stream){ .blocks = what->blocks,
					    .queued = what->queued,
					    .paused = what->pause_ns > 0,
					    .seen_ns = stream->seen_ns,
					    .naks = stream->naks };
	if (run(&r, &record, err) < 0)
		return -1;
	x = &record->u.exchange;
	how = fault_of(&r, x);
	if (how) {
		if (msc_probe_failed(s, "READ(10)", how, !x->needs_reset, err) < 0)
			return -1;
	} else {
		s->submitting_ns = r.last_asked_ns -
				   (what->pause_ns > 0 ? stream->resumed_ns : stream->asked_ns);
		msc_pace_weigh(s->out, x->data, x->data_len, what->blocks);
		s->failures = 0;
		*worked = true;
	}
	msc_session_forget(s->session);
	return 0;
}
