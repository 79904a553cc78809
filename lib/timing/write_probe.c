/* SPDX-License-Identifier: BSD-2-Clause */
/* The stimuli of mscope pace --op write, in the order in which they are sent:
 *
 *	TEST UNIT READY		what a command costs that writes nothing, and whether it waits for a poll
 *	blocks alone		one, the same once more, as many as a page may have, across a border
 *	runs			of each size, one right after the other as drivers send them
 *
 * All within the scratch of the medium, and of two patterns in turn: a device that compares first finds
 * that it has to write. What the samples mean is decided in write_costs.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timing/probe.h"

#define READY	    48 /* TEST UNIT READY */
#define REQUESTS    24 /* to endpoint 0: what they keep to is the host's */
#define ALONE	    3  /* writes of each size and place */
#define PAGE_MOST   256
#define ALONE_NS    (4 * MSC_S) /* for those of one size: what is larger is not tried then */
#define RUN	    16
#define RUN_OF_ONE  64 /* several pages */
#define RUN_LEAST   4
#define RUN_NS	    (3 * MSC_S) /* for one size */
#define TOO_LONG_NS (10 * MSC_S) /* one write */

struct writer {
	struct msc_probe probe;
	uint64_t base; /* where every page begins */
	uint64_t end;  /* of the scratch */
	uint32_t before; /* blocks of the scratch before base, at most PAGE_MOST / 2 */
	uint64_t next; /* of a run */
	uint8_t *data;
	uint8_t pattern;
	bool worked; /* the last command */
};

static const uint8_t patterns[] = {
	0x55, 0xa5
}; /* no stuffed bits, and not what an erased medium holds */

static void say(const struct writer *w, const char *what, uint32_t blocks)
{
	char text[64];

	snprintf(text, sizeof text, "%s of %u block%s", what, blocks, MSC_PLURAL(blocks));
	if (w->probe.o->progress)
		w->probe.o->progress(w->probe.o->user, blocks ? text : what);
}

static int64_t ended(const struct msc_exchange *x, enum msc_step_kind kind, int64_t otherwise,
		     int64_t *naks)
{
	for (size_t i = x->n_steps; i-- > 0;)
		if (x->steps[i].kind == kind && x->steps[i].outcome == MSC_OUT_DONE) {
			*naks = x->steps[i].naks;
			return x->steps[i].completed_ns;
		}
	*naks = 0;
	return otherwise;
}

/* One command; *t is filled in when it worked. */
static int send(struct writer *w, struct msc_request *rq, const char *what,
		struct msc_pace_written *t, struct msc_err *err)
{
	struct msc_probe *s = &w->probe;
	const struct msc_exchange *x;
	const struct msc_record *r;

	w->worked = false;
	rq->cbw.h.lun = s->o->lun;
	rq->timeout_ns = s->timeout_ns;
	rq->serial = !t->queued;
	if (msc_session_exchange(s->session, rq, &r, err) < 0)
		return -1;
	x = &r->u.exchange;
	if (!msc_csw_is_valid(x) || x->csw.status) {
		if (msc_probe_failed(s, what, x->have_csw ? "the device failed it" : "no CSW",
				     !x->needs_reset, err) < 0)
			return -1;
	} else {
		s->failures = 0;
		w->worked = true;
		t->began_ns = x->steps[0].submitted_ns;
		t->cbw_ns = ended(x, MSC_STEP_CBW, t->began_ns, &t->naks[0]);
		t->data_ns = ended(x, MSC_STEP_DATA, t->cbw_ns, &t->naks[1]);
		t->csw_ns = ended(x, MSC_STEP_CSW, t->data_ns, &t->naks[2]);
	}
	msc_session_forget(s->session);
	return 0;
}

static int keep(struct writer *w, const struct msc_pace_written *t, struct msc_err *err)
{
	struct msc_pace_written *kept = w->worked ? msc_pace_add_written(w->probe.out) : NULL;

	if (!w->worked)
		return 0;
	if (!kept)
		return msc_nomem(err);
	*kept = *t;
	return 0;
}

static int write_blocks(struct writer *w, uint64_t lba, struct msc_pace_written *t,
			struct msc_err *err)
{
	struct msc_request rq;
	uint32_t size = w->probe.unit.block_size;

	w->pattern ^= 1;
	memset(w->data, patterns[w->pattern], (size_t)t->blocks * size);
	msc_request_blocks(&rq, true, w->probe.o->lun, lba, t->blocks, size);
	rq.out = w->data;
	return send(w, &rq, "WRITE(10)", t, err);
}

static int synchronize(struct writer *w, struct msc_pace_written *t, struct msc_err *err)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_SYNCHRONIZE_CACHE_10 };
	struct msc_pace_written sync = { .queued = t->queued };
	struct msc_request rq;

	t->sync_ns = -1;
	if (!w->probe.out->syncs)
		return 0;
	msc_request_init(&rq, cdb, 10, MSC_DIR_NONE, 0);
	if (send(w, &rq, "SYNCHRONIZE CACHE(10)", &sync, err) < 0)
		return -1;
	w->probe.out->syncs = w->worked; /* not to be asked again otherwise */
	if (w->worked)
		t->sync_ns = sync.csw_ns - sync.began_ns;
	w->worked = true;
	return 0;
}

/* ---- the sets -------------------------------------------------------------------------------- */

static int ready(struct writer *w, struct msc_err *err)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_TEST_UNIT_READY };

	say(w, "commands without data", 0);
	if (msc_probe_size(&w->probe, 0, err) < 0)
		return -1;
	for (int i = 0; i < REQUESTS; i++)
		if (msc_probe_strobe(&w->probe, err) < 0 ||
		    msc_probe_request(&w->probe, false, err) < 0)
			return -1;
	for (int i = 0; i < READY; i++) {
		struct msc_pace_written t = { .kind = MSC_WRITTEN_NONE, .sync_ns = -1 };
		struct msc_request rq;

		t.queued = w->probe.out->queued_works;
		msc_request_init(&rq, cdb, 6, MSC_DIR_NONE, 0);
		if (msc_probe_jitter(&w->probe, err) < 0 ||
		    send(w, &rq, "TEST UNIT READY", &t, err) < 0 || keep(w, &t, err) < 0)
			return -1;
	}
	return 0;
}

/* Alone, from a medium that is synchronized; *ns: what the longest took. */
static int alone(struct writer *w, enum msc_written_kind kind, uint32_t blocks, int64_t *ns,
		 struct msc_err *err)
{
	uint64_t lba = w->base - (kind == MSC_WRITTEN_ACROSS ? blocks / 2 : 0);

	for (int i = 0; i < ALONE; i++) {
		struct msc_pace_written t = { .kind = kind, .blocks = blocks };

		t.queued = w->probe.out->queued_works;
		if (kind == MSC_WRITTEN_AGAIN && write_blocks(w, lba, &t, err) < 0)
			return -1;
		if (msc_probe_strobe(&w->probe, err) < 0 || write_blocks(w, lba, &t, err) < 0)
			return -1;
		if (!w->worked)
			continue;
		if (msc_probe_strobe(&w->probe, err) < 0 || synchronize(w, &t, err) < 0 ||
		    keep(w, &t, err) < 0)
			return -1;
		if (t.csw_ns - t.began_ns > *ns)
			*ns = t.csw_ns - t.began_ns;
	}
	return 0;
}

static int pages(struct writer *w, struct msc_err *err)
{
	int64_t ns = 0;

	say(w, "single writes", 0);
	if (alone(w, MSC_WRITTEN_ALONE, 1, &ns, err) < 0 ||
	    alone(w, MSC_WRITTEN_AGAIN, 1, &ns, err) < 0)
		return -1;
	for (uint32_t n = 2; n <= PAGE_MOST && n / 2 <= w->before && ns * ALONE < ALONE_NS;
	     n *= 2) {
		if (n > w->end - w->base)
			break;
		say(w, "writes alone", n);
		if (alone(w, MSC_WRITTEN_ALONE, n, &ns, err) < 0 ||
		    alone(w, MSC_WRITTEN_ACROSS, n, &ns, err) < 0)
			return -1;
	}
	return 0;
}

/* Writes that follow each other, as drivers send them; *ns: what the longest took. */
static int run(struct writer *w, uint32_t blocks, int64_t *ns, struct msc_err *err)
{
	uint32_t count = w->probe.o->count ? w->probe.o->count : blocks == 1 ? RUN_OF_ONE : RUN;
	int64_t end = msc_now(w->probe.target->clock) + RUN_NS;
	struct msc_pace_written last = { .blocks = 1 };

	say(w, "runs of writes", blocks);
	w->next = w->base;
	*ns = 0;
	if (w->before && write_blocks(w, w->base - 1, &last, err) < 0) /* of another page */
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		struct msc_pace_written t = { .kind = MSC_WRITTEN_RUN,
					      .blocks = blocks,
					      .sync_ns = -1 };

		if (i >= RUN_LEAST && !w->probe.o->count && msc_now(w->probe.target->clock) > end)
			break;
		if (w->next + blocks > w->end)
			w->next = w->base;
		if (write_blocks(w, w->next, &t, err) < 0 || keep(w, &t, err) < 0)
			return -1;
		w->next += blocks;
		last = t;
		if (t.csw_ns - t.began_ns > *ns)
			*ns = t.csw_ns - t.began_ns;
	}
	return synchronize(w, &last, err);
}

static int runs(struct writer *w, struct msc_err *err)
{
	static const uint32_t standard[] = { 1, 8, 64, 128, 240, 2048 };
	const struct msc_pace_options *o = w->probe.o;
	const uint32_t *size = o->n_blocks ? o->blocks : standard;
	size_t n = o->n_blocks ? o->n_blocks : MSC_COUNT(standard);
	int64_t ns = 0;

	for (size_t i = 0; i < n; i++) {
		if (size[i] > w->end - w->base)
			continue;
		if (!o->n_blocks && i && ns / standard[i - 1] * size[i] > TOO_LONG_NS)
			break;
		if (run(w, size[i], &ns, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* A place that is a multiple of as large a number as the scratch allows, with room before it. */
static void find_place(struct writer *w, const struct msc_medium *medium)
{
	uint64_t first = msc_medium_first(medium), align = PAGE_MOST;

	w->end = first + msc_medium_blocks(medium);
	for (;; align /= 2) {
		w->base = (first + align / 2 + align - 1) / align * align;
		if (align == 1 || w->base + align <= w->end)
			break;
	}
	w->before = w->base - first < PAGE_MOST / 2 ? (uint32_t)(w->base - first) : PAGE_MOST / 2;
	if (w->before > align / 2) /* what lies before it is no border of larger pages */
		w->before = (uint32_t)(align / 2);
}

static int begin(struct writer *w, struct msc_medium *medium, struct msc_err *err)
{
	uint32_t size = w->probe.unit.block_size, most = PAGE_MOST;
	const struct msc_pace_options *o = w->probe.o;

	find_place(w, medium);
	if (w->end - w->base > most)
		most = (uint32_t)(w->end - w->base);
	for (size_t i = 0; i < o->n_blocks; i++)
		if (o->blocks[i] > w->end - w->base)
			return msc_fail(
				err, MSC_E_USAGE,
				"--blocks: %u is more than the %llu block%s of scratch that "
				"there are",
				o->blocks[i], (unsigned long long)(w->end - w->base),
				MSC_PLURAL(w->end - w->base));
	w->data = malloc((size_t)most * size);
	if (!w->data)
		return msc_nomem(err);
	for (size_t i = 0; i < MSC_COUNT(patterns); i++) {
		memset(w->data, patterns[i], size);
		if (msc_medium_announce(medium, w->data, size, err) < 0)
			return -1;
	}
	w->probe.out->syncs = true;
	return msc_session_probe_queued(w->probe.session, &w->probe.out->queued_works,
					w->probe.out->queued_why, sizeof w->probe.out->queued_why,
					err);
}

int msc_pace_probe_writing(struct msc_session *session, const struct msc_pace_options *o,
			   struct msc_medium *medium, struct msc_pace_samples *out,
			   struct msc_err *err)
{
	struct writer w = { .data = NULL };
	int rc = msc_probe_open(&w.probe, session, o, out, err);

	if (rc == 0)
		rc = begin(&w, medium, err);
	if (rc == 0)
		rc = msc_probe_path(&w.probe, err) < 0 || ready(&w, err) < 0 ||
				     pages(&w, err) < 0 || runs(&w, err) < 0
			     ? -1
			     : 0;
	if (rc == 0)
		rc = msc_session_packet_warning(session, out->warning, sizeof out->warning, err);
	msc_pace_settle_packet(out);
	free(w.data);
	return msc_probe_finish(&w.probe, rc, err);
}
