/* SPDX-License-Identifier: BSD-2-Clause */
/* One READ(10) seen packet by packet. The data phase is cut into transfers of one packet, all
 * submitted before the first of them ends: on the bus nothing differs from one long transfer, but
 * software learns when each packet came. The host may stop in the middle and go on later, and may
 * ask endpoint 0 for something meanwhile; both are legal and tell what the device does with its
 * time.
 *
 * Every wait is bounded, nothing is pending when a function returns, and a device that failed is
 * brought back before the next read.
 */
#include "timing/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/cost.h"

#define DEFAULT_TIMEOUT_NS (5 * MSC_S)
#define SLICE_NS	   (100 * MSC_MS) /* of a wait on a real device: how long Ctrl-C may wait */
#define FAILURES_MAX	   3		  /* in a row */
#define GOLDEN_RATIO	   0x9e3779b9u	  /* of 2^32: each multiple falls into the widest gap */
#define FIRST_TAG	   0x70616365u
#define STROBE_NS	   (4 * MSC_MS)	 /* whole frames of every speed */
#define JITTER_NS	   (21 * MSC_MS) /* twice the longest tick that is looked for */
#define POKES_MAX	   48 /* in one read */
#define PACKET_MAX	   1024
#define SLOWEST_NS	   (16 * MSC_US) /* a byte of a device that is slow and not hung */

int msc_scope_open(struct msc_scope *s, struct msc_session *session,
		   const struct msc_pace_options *o, struct msc_pace_samples *out,
		   struct msc_err *err)
{
	const struct msc_unit *unit = msc_session_unit(session, o->lun);
	struct msc_target *t = msc_session_target(session);

	*s = (struct msc_scope){
		.session = session, .target = t, .o = o, .out = out, .unit = *unit
	};
	s->timeout_ns = o->timeout_ns > 0 ? o->timeout_ns : DEFAULT_TIMEOUT_NS;
	s->tag = FIRST_TAG;
	s->lba = o->first_lba;
	out->speed = t->device.speed;
	out->block_size = unit->block_size;
	out->packet = t->device.max_packet_in;
	out->piece = out->packet && unit->block_size % out->packet == 0 ? out->packet : 0;
	snprintf(out->host, sizeof out->host, "%s", t->device.host);
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

void msc_scope_close(struct msc_scope *s)
{
	free(s->xfer);
	free(s->data);
}

static int go_on(const struct msc_scope *s, struct msc_err *err)
{
	if (s->o->stop && s->o->stop(s->o->user))
		return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	return 0;
}

static int wait_part(struct msc_scope *s, uint32_t part, int64_t range_ns, struct msc_err *err)
{
	struct msc_clock *clock = s->target->clock;

	if (go_on(s, err) < 0)
		return -1;
	msc_wait_until(clock,
		       msc_now(clock) + (int64_t)((uint64_t)part * (uint64_t)range_ns >> 32));
	return 0;
}

int msc_scope_strobe(struct msc_scope *s, struct msc_err *err)
{
	return wait_part(s, ++s->strobes * GOLDEN_RATIO, STROBE_NS, err);
}

int msc_scope_jitter(struct msc_scope *s, struct msc_err *err)
{
	return wait_part(s, (uint32_t)(msc_rng_next(&s->rng) >> 32), JITTER_NS, err);
}

bool msc_scope_place(struct msc_scope *s, uint32_t blocks, uint64_t *lba)
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

int msc_scope_failed(struct msc_scope *s, const char *what, const char *how, bool clean,
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

/* ---- transfers ------------------------------------------------------------------------------- */

/* Waits for one transfer to end, the time-out included. */
static int finish(struct msc_scope *s, struct msc_xfer *x, struct msc_err *err)
{
	int64_t deadline = msc_now(s->target->clock) + s->timeout_ns;

	if (deadline > s->deadline_ns)
		deadline = s->deadline_ns;
	while (!s->target->device.simulated && x->outcome == MSC_OUT_PENDING) {
		int64_t slice = msc_now(s->target->clock) + SLICE_NS;

		if (slice >= deadline)
			break;
		if (go_on(s, err) < 0 || msc_wait(s->target, x, slice, err) < 0)
			return -1;
	}
	if (x->outcome == MSC_OUT_PENDING && msc_finish(s->target, x, deadline, err) < 0)
		return -1;
	if (x->outcome == MSC_OUT_GONE)
		return msc_fail(err, MSC_E_GONE, "%s: the device has left", s->target->device.name);
	return 0;
}

/* Takes back what is still pending, the newest first, so that none moves up in the meantime. */
static void take_back(struct msc_scope *s, struct msc_xfer *x, size_t n)
{
	struct msc_err ignored = MSC_ERR_INIT;

	while (n-- > 0)
		if (x[n].priv && x[n].outcome == MSC_OUT_PENDING &&
		    msc_cancel(s->target, &x[n], &ignored) < 0)
			ignored = (struct msc_err)MSC_ERR_INIT;
}

int msc_scope_request(struct msc_scope *s, bool busy, struct msc_err *err)
{
	uint8_t status[2];
	struct msc_xfer x = { .setup = { .request_type = MSC_REQTYPE_IN,
					 .request = MSC_STD_GET_STATUS,
					 .length = sizeof status },
			      .data = status,
			      .len = sizeof status };
	struct msc_pace_request *r;
	int64_t began;

	began = msc_now(s->target->clock);
	if (!busy)
		s->deadline_ns = began + s->timeout_ns;
	if (msc_submit(s->target, &x, err) < 0)
		return -1;
	if (finish(s, &x, err) < 0) {
		take_back(s, &x, 1);
		return -1;
	}
	if (x.outcome != MSC_OUT_DONE)
		return 0;
	r = msc_pace_add_request(s->out);
	if (!r)
		return msc_nomem(err);
	*r = (struct msc_pace_request){ busy, began, x.completed_ns };
	return 0;
}

/* ---- one read -------------------------------------------------------------------------------- */

struct reading {
	const struct msc_scope_read *what;
	struct msc_pace_stream *out;
	struct msc_xfer cbw;
	uint8_t wrapper[MSC_CBW_LEN], status[PACKET_MAX];
	size_t pieces, submitted; /* of s->xfer; the last is the CSW, at index pieces */
	const char *how;	  /* why it did not work; NULL: it did */
	bool clean;		  /* all the same the device awaits the next command */
};

static int make_room(struct msc_scope *s, size_t pieces, size_t bytes, struct msc_err *err)
{
	if (pieces + 1 > s->room_xfers) {
		free(s->xfer);
		s->xfer = calloc(pieces + 1, sizeof *s->xfer);
		s->room_xfers = s->xfer ? pieces + 1 : 0;
	}
	if (bytes > s->room_data) {
		free(s->data);
		s->data = malloc(bytes);
		s->room_data = s->data ? bytes : 0;
	}
	return s->xfer && s->data ? 0 : msc_nomem(err);
}

static int prepare(struct msc_scope *s, struct reading *r, struct msc_err *err)
{
	const struct msc_device *d = &s->target->device;
	uint32_t bytes = r->what->blocks * s->unit.block_size;
	struct msc_request rq;
	uint64_t lba;

	if (!msc_scope_place(s, r->what->blocks, &lba))
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: the medium has fewer than %u block%s",
				d->name, r->what->blocks, MSC_PLURAL(r->what->blocks));
	r->pieces = bytes / s->out->piece;
	if (make_room(s, r->pieces, bytes, err) < 0)
		return -1;
	msc_request_blocks(&rq, false, s->o->lun, lba, r->what->blocks, s->unit.block_size);
	rq.cbw.h.tag = ++s->tag;
	msc_cbw_pack(r->wrapper, &rq.cbw);
	r->cbw = (struct msc_xfer){ .ep = d->ep_out, .data = r->wrapper, .len = sizeof r->wrapper };
	for (size_t i = 0; i < r->pieces; i++)
		s->xfer[i] = (struct msc_xfer){ .ep = d->ep_in,
						.data = s->data + i * s->out->piece,
						.len = s->out->piece };
	s->xfer[r->pieces] =
		(struct msc_xfer){ .ep = d->ep_in, .data = r->status, .len = d->max_packet_in };
	*r->out = (struct msc_pace_stream){ .blocks = r->what->blocks,
					    .queued = r->what->queued,
					    .paused = r->what->pause_ns > 0,
					    .pieces = r->pieces,
					    .seen_ns = r->out->seen_ns,
					    .naks = r->out->naks };
	return 0;
}

static int submit_to(struct msc_scope *s, struct reading *r, size_t end, struct msc_err *err)
{
	for (; r->submitted < end; r->submitted++)
		if (msc_submit(s->target, &s->xfer[r->submitted], err) < 0)
			return -1;
	return 0;
}

/* Waits for the pieces up to `end`. */
static int collect(struct msc_scope *s, struct reading *r, size_t from, size_t end,
		   struct msc_err *err)
{
	for (size_t i = from; i < end; i++) {
		struct msc_xfer *x = &s->xfer[i];

		if (finish(s, x, err) < 0)
			return -1;
		if (x->outcome != MSC_OUT_DONE || x->actual != x->len) {
			r->how = x->outcome == MSC_OUT_DONE ? "its data ended early"
							    : msc_outcome_name(x->outcome);
			return 0;
		}
		r->out->seen_ns[i] = x->completed_ns;
		r->out->naks[i] = x->naks < INT32_MAX ? (int32_t)x->naks : INT32_MAX;
	}
	return 0;
}

/* Asks endpoint 0 until the last piece has come. */
static int poke(struct msc_scope *s, struct reading *r, struct msc_err *err)
{
	struct msc_xfer *last = &s->xfer[r->pieces - 1];

	for (int i = 0; i < POKES_MAX; i++) {
		if (msc_scope_strobe(s, err) < 0 ||
		    msc_wait(s->target, last, msc_now(s->target->clock), err) < 0)
			return -1;
		if (last->outcome != MSC_OUT_PENDING)
			break;
		if (msc_scope_request(s, true, err) < 0)
			return -1;
	}
	return 0;
}

/* The data phase, and in queued mode the CSW's transfer behind it. */
static int take_data(struct msc_scope *s, struct reading *r, struct msc_err *err)
{
	size_t all = r->pieces + (r->what->queued ? 1 : 0), first = 0;
	struct msc_clock *clock = s->target->clock;
	int64_t began;

	r->out->asked_ns = msc_now(clock);
	if (r->what->pause_ns > 0) {
		first = r->pieces / r->what->blocks;
		if (submit_to(s, r, first, err) < 0 || collect(s, r, 0, first, err) < 0)
			return -1;
		if (r->how)
			return 0;
		msc_wait_until(clock, msc_now(clock) + r->what->pause_ns);
		if (msc_scope_strobe(s, err) < 0)
			return -1;
		r->out->resumed_ns = msc_now(clock);
	}
	began = msc_now(clock);
	if (submit_to(s, r, all, err) < 0)
		return -1;
	s->submitting_ns = msc_now(clock) - began;
	if (r->what->poke && poke(s, r, err) < 0)
		return -1;
	return collect(s, r, first, r->pieces, err);
}

static int take_status(struct msc_scope *s, struct reading *r, struct msc_err *err)
{
	struct msc_xfer *x = &s->xfer[r->pieces];
	struct msc_csw csw;

	if (!r->what->queued) {
		r->out->status_ns = msc_now(s->target->clock);
		if (submit_to(s, r, r->pieces + 1, err) < 0)
			return -1;
	} else {
		r->out->status_ns = r->out->asked_ns;
	}
	if (finish(s, x, err) < 0)
		return -1;
	r->out->csw_ns = x->completed_ns;
	r->out->csw_naks = (int32_t)x->naks;
	if (x->outcome != MSC_OUT_DONE) {
		r->how = msc_outcome_name(x->outcome);
		return 0;
	}
	r->how = "no valid CSW";
	if (x->actual != MSC_CSW_LEN)
		return 0;
	msc_csw_unpack(&csw, r->status);
	if (csw.signature != MSC_CSW_SIGNATURE || csw.tag != s->tag)
		return 0;
	r->clean = csw.status <= MSC_CSW_FAILED;
	r->how = csw.status == MSC_CSW_PASSED ? NULL : "the device failed it";
	return 0;
}

static int run(struct msc_scope *s, struct reading *r, struct msc_err *err)
{
	r->out->began_ns = msc_now(s->target->clock);
	s->deadline_ns = r->out->began_ns + s->timeout_ns + r->what->pause_ns +
			 (int64_t)r->what->blocks * s->unit.block_size * SLOWEST_NS;
	if (msc_submit(s->target, &r->cbw, err) < 0)
		return -1;
	if (!r->what->queued && finish(s, &r->cbw, err) < 0)
		return -1;
	if (r->cbw.outcome == MSC_OUT_PENDING || r->cbw.outcome == MSC_OUT_DONE) {
		if (take_data(s, r, err) < 0)
			return -1;
		if (r->how)
			return 0;
		if (finish(s, &r->cbw, err) < 0)
			return -1;
	}
	if (r->cbw.outcome != MSC_OUT_DONE) {
		r->how = msc_outcome_name(r->cbw.outcome);
		return 0;
	}
	r->out->cbw_ns = r->cbw.completed_ns;
	return take_status(s, r, err);
}

static void weigh_payload(struct msc_scope *s, uint32_t blocks)
{
	size_t bytes = (size_t)blocks * s->unit.block_size;

	for (size_t at = 0; at < bytes; at += s->out->packet)
		s->out->payload_bits +=
			8 * s->out->packet + msc_stuffed_bits(s->data + at, s->out->packet);
	s->out->payload_blocks += blocks;
}

int msc_scope_read(struct msc_scope *s, const struct msc_scope_read *what,
		   struct msc_pace_stream *stream, bool *worked, struct msc_err *err)
{
	struct reading r = { .what = what, .out = stream };
	int rc;

	*worked = false;
	if (go_on(s, err) < 0 || prepare(s, &r, err) < 0)
		return -1;
	rc = run(s, &r, err);
	take_back(s, s->xfer, r.submitted);
	take_back(s, &r.cbw, 1);
	if (rc < 0) {
		/* The user's way out, or a failure of the host: the device is left ready. */
		struct msc_err ignored = MSC_ERR_INIT;

		msc_session_set_stop(s->session, NULL, NULL);
		if (!s->target->gone && msc_session_reset_recovery(s->session, NULL, &ignored) < 0)
			msc_log(s->target->log, MSC_LOG_WARN, "timing", msc_now(s->target->clock),
				"reset recovery did not succeed: %s", ignored.msg);
		return -1;
	}
	if (r.how)
		return msc_scope_failed(s, "READ(10)", r.how, r.clean, err);
	weigh_payload(s, what->blocks);
	s->failures = 0;
	*worked = true;
	return 0;
}
