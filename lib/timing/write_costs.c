/* SPDX-License-Identifier: BSD-2-Clause */
/* What the writes say of a device: how many blocks are written as one, whether something gathers them,
 * whether commands wait for a poll, what is pause and what is pace. A pure function of the samples;
 * docs/pacing.md has the equations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/stats.h"
#include "timing/work.h"
#include "wire/cost.h"

#define BORDER	      0.3  /* by so much more does a write across a border cost */
#define FRAMES_LEAST  1.5  /* what counts is longer than so many of the host's frames, */
#define COST_LEAST    (50.0 * MSC_US) /* and than this */
#define ALIKE	      1.5 /* times what one block costs: it is written as one */
#define POLL_SHORTEST (90.0 * MSC_US)
#define POLL_LONGEST  (10.5 * MSC_MS) /* half of what the commands are spread over */
#define POLL_LOCKED   0.8
#define POLL_PPM      300.0
#define POLL_SAME     0.95
#define POLL_CHANCE   1e-3
#define POLL_WAITS    0.3 /* of its period: what a command without data takes at least */
#define LOOKS_MOST    12.0 /* blocks for which a stack that polls looks once, at least */
#define POLLS_MOST    3.0 /* that a part of a write may wait for */
#define PAUSE_LEAST   (50.0 * MSC_MS)
#define PAUSE_SPREADS 10.0 /* of the faster half of writes of one size */
#define PAUSE_PAGES   1.2 /* times what a page costs */
#define HIDDEN	      0.05 /* of the time: what runs take beyond their units at least, */
#define HIDDEN_SIZES  2	   /* in so many sizes */
#define PAUSES_SEEN 0.5 /* a command: where more are expected, they cannot be told from its pace */

struct weighing {
	const struct msc_pace_samples *s;
	struct msc_pace *p;
	struct msc_writing *w;
	double half_frame;
	double *x; /* room for as many as there are samples */
};

static double bus_of(const struct weighing *g, uint32_t blocks)
{
	return msc_pace_wire_ns(g->p, blocks);
}

/* ---- blocks alone ------------------------------------------------------------------------------ */

/* Of all three phases: queued, a command is late by half a frame on average, and else in each phase. */
static double late(const struct weighing *g, const struct msc_pace_written *t)
{
	return (t->queued ? 1 : 3) * g->half_frame;
}

/* The least of its like, without bus and host, since pauses come between; below 0: there is none. */
static double least(const struct weighing *g, enum msc_written_kind kind, uint32_t blocks,
		    double *sync_ns)
{
	double best = -1;

	for (size_t i = 0; i < g->s->n_written; i++) {
		const struct msc_pace_written *t = &g->s->written[i];
		double ns, sync = 0;

		if (t->kind != kind || t->blocks != blocks)
			continue;
		if (t->sync_ns >= 0)
			sync = fmax(0, (double)t->sync_ns - late(g, t) - bus_of(g, 0));
		ns = fmax(0, (double)(t->csw_ns - t->began_ns) - late(g, t) - bus_of(g, blocks));
		if (best >= 0 && ns + sync >= best)
			continue;
		best = ns + sync;
		if (sync_ns)
			*sync_ns = sync;
	}
	return best;
}

static bool exceeds(const struct weighing *g, double more, double less)
{
	return more - less > BORDER * less && more - less > COST_LEAST &&
	       more - less > FRAMES_LEAST * 2 * g->half_frame;
}

static void weigh_pages(struct weighing *g)
{
	struct msc_writing *w = g->w;

	for (uint32_t n = 1; w->n_pages < MSC_WRITING_PAGES_MAX; n *= 2) {
		struct msc_writing_page page = { .blocks = n };

		page.aligned_ns = least(g, MSC_WRITTEN_ALONE, n, &page.sync_ns);
		page.across_ns = n > 1 ? least(g, MSC_WRITTEN_ACROSS, n, NULL) : -1;
		if (page.aligned_ns < 0)
			break;
		w->page[w->n_pages++] = page;
		if (n == 2 * (w->unit ? w->unit : 1) && page.across_ns >= 0 &&
		    exceeds(g, page.across_ns, page.aligned_ns))
			w->unit = n;
	}
	w->block_ns = w->n_pages ? w->page[0].aligned_ns : -1;
	w->again_ns = least(g, MSC_WRITTEN_AGAIN, 1, NULL);
}

/* What each further block costs, from one number of blocks alone to the next. */
static double slope(const struct msc_writing *w, size_t i)
{
	return (w->page[i].aligned_ns - w->page[i - 1].aligned_ns) /
	       (w->page[i].blocks - w->page[i - 1].blocks);
}

/* The largest number of blocks where that is as it was before: beyond, pauses come between whenever they
 * are written. 0: there is none. */
static size_t last_in_proportion(const struct msc_writing *w, double blurred)
{
	size_t last = 0;

	for (size_t i = 2; i < w->n_pages; i++) {
		double half = w->page[i].blocks / 2.0, before = slope(w, i - 1);
		bool same = fabs(slope(w, i) - before) < BORDER * before + blurred / half;

		if (same && slope(w, i) * half > blurred)
			last = i;
		else if (last)
			break;
	}
	return last;
}

/* Where no border shows: as many blocks as cost no more than one, before each costs the same. A host that
 * sees ends at the end of a frame does not show what one block costs if that is less, nor does a stack that
 * polls; and that may wait for a look at every few blocks. */
static void look_for_chunk(struct weighing *g)
{
	struct msc_writing *w = g->w;
	double frames = FRAMES_LEAST * 2 * g->half_frame,
	       blurred = frames + POLLS_MOST * w->poll_ns;
	size_t last = w->unit ? 0 : last_in_proportion(w, frames + w->poll_ns);
	uint32_t chunk = 1;
	double each;

	if (!last)
		return;
	each = slope(w, last);
	if (each < BORDER * g->p->bus_ns || each < w->poll_ns / LOOKS_MOST)
		return;
	for (size_t i = 0; i < w->n_pages && w->block_ns > ALIKE * each + blurred; i++)
		if (w->page[i].aligned_ns < ALIKE * w->block_ns)
			chunk = w->page[i].blocks;
	if (w->page[last].blocks < 2 * chunk)
		return;
	w->each_alone = true;
	w->unit = chunk;
	w->each_ns = each * chunk;
}

/* ---- polling ----------------------------------------------------------------------------------- */

/* What keeps to a period keeps to its parts as well, exactly where nothing blurs it: the longest is meant. */
static void take_longest(const struct msc_event_time *e, size_t n, struct msc_pace_lock *lock)
{
	double period_ns = lock->period_ns, found = lock->resultant;

	for (int k = (int)(POLL_LONGEST / period_ns); k > 1; k--) {
		struct msc_pace_lock longer;

		msc_test_lock(e, n, k * period_ns, POLL_PPM, &longer);
		if (longer.resultant < POLL_SAME * found)
			continue;
		*lock = longer;
		return;
	}
}

static int look_for_poll(struct weighing *g, struct msc_err *err)
{
	struct msc_event_time *e = calloc(g->s->n_written + 1, sizeof *e);
	struct msc_pace_lock lock = { .locked = false };
	double frame = 2 * g->half_frame, waits = 0;
	size_t n = 0;
	int rc;

	if (!e)
		return msc_nomem(err);
	for (size_t i = 0; i < g->s->n_written; i++) {
		const struct msc_pace_written *t = &g->s->written[i];

		if (t->kind != MSC_WRITTEN_NONE)
			continue;
		e[n] = (struct msc_event_time){ (double)t->csw_ns - g->half_frame, g->half_frame,
						n };
		g->x[n++] = (double)(t->csw_ns - t->began_ns) - late(g, t) - bus_of(g, 0);
	}
	waits = msc_mean(g->x, n);
	rc = n ? msc_find_lock(e, n, POLL_SHORTEST, POLL_LONGEST, &lock, err) : 0;
	if (rc == 0 && lock.resultant >= POLL_LOCKED)
		take_longest(e, n, &lock);
	free(e);
	if (rc < 0 || lock.resultant < POLL_LOCKED || lock.chance > POLL_CHANCE ||
	    waits < POLL_WAITS * lock.period_ns)
		return rc;
	if (lock.period_ns > FRAMES_LEAST * frame)
		g->w->poll_ns = lock.period_ns;
	else
		g->w->poll_hidden = true;
	return 0;
}

/* ---- runs -------------------------------------------------------------------------------------- */

static double whole(const struct msc_pace_written *t)
{
	return (double)(t->csw_ns - t->began_ns);
}

static size_t pick(const struct weighing *g, uint32_t blocks)
{
	size_t n = 0;

	for (size_t i = 0; i < g->s->n_written; i++)
		if (g->s->written[i].kind == MSC_WRITTEN_RUN && g->s->written[i].blocks == blocks)
			g->x[n++] = whole(&g->s->written[i]);
	return n;
}

/* Beyond it a write of this size has met a pause. The pages that a write pays for differ by one, in
 * a run of a size that is not a number of whole pages. */
static double pause_limit(const struct weighing *g, uint32_t blocks, size_t n)
{
	bool whole_pages = g->w->unit && blocks % g->w->unit == 0;
	double usual = msc_quantile(g->x, n, 0.25),
	       page = whole_pages ? 0 : fmax(0, g->w->block_ns);
	double spread = msc_median(g->x, n) - msc_quantile(g->x, n, 0);

	return usual + fmax(PAUSE_LEAST, fmax(PAUSE_SPREADS * spread, PAUSE_PAGES * page));
}

/* In each phase the host is late by half a frame on average; what is left of a phase in which the device
 * refused is the device's. */
static double refused(const struct weighing *g, const struct msc_pace_written *t)
{
	double more = g->p->path_more_ns;
	const double bus[3] = { msc_packet_ns(g->s->speed, 8.0 * MSC_CBW_LEN) + more,
				t->blocks * g->p->bus_ns,
				msc_packet_ns(g->s->speed, 8.0 * MSC_CSW_LEN) + more };
	const double took[3] = { (double)(t->cbw_ns - t->began_ns),
				 (double)(t->data_ns - t->cbw_ns),
				 (double)(t->csw_ns - t->data_ns) };
	double ns = 0;

	for (int i = 0; i < 3; i++) {
		if (t->naks[i] < 0)
			return -1;
		if (t->naks[i] > 0)
			ns += fmax(0, took[i] - bus[i] - g->half_frame);
	}
	return ns;
}

/* Those of one size, divided into pace and pauses. *paused, *pauses: so many ns, so often. */
static void weigh_size(struct weighing *g, struct msc_writing_size *z, double *paused,
		       size_t *pauses, double *pause)
{
	size_t n = pick(g, z->blocks), steady = 0;
	double limit = pause_limit(g, z->blocks, n), usual = msc_quantile(g->x, n, 0.25);
	double naks = 0;

	z->commands = n;
	z->bus_ns = bus_of(g, z->blocks);
	for (size_t i = 0; i < g->s->n_written; i++) {
		const struct msc_pace_written *t = &g->s->written[i];
		double refuses;

		if (t->kind != MSC_WRITTEN_RUN || t->blocks != z->blocks)
			continue;
		z->longest_ns = fmax(z->longest_ns, whole(t));
		if (whole(t) > limit) {
			pause[(*pauses)++] = whole(t) - usual;
			*paused += whole(t) - usual;
			continue;
		}
		refuses = refused(g, t);
		z->steady_ns += whole(t);
		z->nak_ns = refuses < 0 || z->nak_ns < 0 ? -1 : z->nak_ns + refuses;
		naks += (double)(t->naks[0] + t->naks[1] + t->naks[2]);
		steady++;
	}
	z->steady_ns /= (double)(steady ? steady : 1);
	if (z->nak_ns >= 0)
		z->nak_ns = fmin(z->nak_ns / (double)(steady ? steady : 1),
				 fmax(0, z->steady_ns - z->bus_ns));
	z->naks = z->nak_ns < 0 ? -1 : naks / (double)(steady ? steady : 1);
}

/* Where a command meets a pause more often than not, its pace is what is left without them. */
static void take_pauses(struct weighing *g, struct msc_writing_size *z)
{
	struct msc_writing *w = g->w;
	size_t n = pick(g, z->blocks);
	double pace = fmax(z->bus_ns, msc_mean(g->x, n) - w->pause_per_block_ns * z->blocks);

	z->nak_ns = z->nak_ns < 0 ? -1 : fmax(0, z->nak_ns - (z->steady_ns - pace));
	z->steady_ns = pace;
	z->mixed = true;
}

static int weigh_runs(struct weighing *g, struct msc_err *err)
{
	struct msc_writing *w = g->w;
	double paused = 0, blocks = 0;
	size_t pauses = 0;
	double *pause = calloc(g->s->n_written + 1, sizeof *pause);

	if (!pause)
		return msc_nomem(err);
	for (size_t i = 0; i < w->n_sizes; i++) {
		struct msc_writing_size *z = &w->size[i];
		bool often = blocks > 0 && (double)pauses / blocks * z->blocks > PAUSES_SEEN;
		double here = 0;
		size_t found = pauses;

		weigh_size(g, z, &here, &found, pause);
		if (often) {
			take_pauses(g, z);
		} else {
			paused += here;
			pauses = found;
			blocks += (double)z->blocks * (double)z->commands;
		}
		w->pause_per_block_ns = blocks > 0 ? paused / blocks : 0;
	}
	w->pauses = (uint32_t)pauses;
	for (size_t i = 0; i < pauses; i++)
		w->longest_pause_ns = fmax(w->longest_pause_ns, pause[i]);
	w->pause_ns = pauses ? msc_median(pause, pauses) : 0;
	free(pause);
	for (size_t i = 0; i < w->n_sizes; i++) {
		struct msc_writing_size *z = &w->size[i];

		z->pauses_ns = w->pause_per_block_ns * z->blocks;
		z->host_ns = fmax(0, z->steady_ns - z->bus_ns - fmax(0, z->nak_ns));
	}
	return 0;
}

/* ---- pauses that do not show ------------------------------------------------------------------- */

/* What a whole unit takes alone: the least, since pauses come between. Below 0: there is no unit. */
static double whole_unit(const struct msc_writing *w)
{
	double least = -1;

	for (size_t i = 0; i < w->n_pages && w->unit > 1 && !w->each_alone; i++) {
		double each = w->page[i].aligned_ns * w->unit / w->page[i].blocks;

		if (w->page[i].blocks >= w->unit && (least < 0 || each < least))
			least = each;
	}
	return least;
}

/* Of one command in a run, if a part of a unit takes as long as one block alone. What is gathered is written
 * when another unit begins, the first time at once. */
static double units_take(const struct msc_writing *w, const struct msc_writing_size *z,
			 double unit_ns)
{
	double units = z->blocks / (double)w->unit, shared = msc_writing_shared(w, z->blocks);
	double begun = ceil(units * (double)z->commands) / (double)z->commands;

	if (w->gathers)
		return begun * fmax(unit_ns, w->block_ns);
	return units < 1 ? (units + shared) * fmax(unit_ns, w->block_ns) : units * unit_ns;
}

/* Whole units, or whole parts of one: else it is not known in which pieces the device hands them over. */
static bool is_even(const struct msc_writing *w, uint32_t blocks)
{
	return blocks % w->unit == 0 || w->unit % blocks == 0;
}

/* What a run takes beyond its units, a block; 0: too little to stand out if every phase waits for a poll and
 * for the host. */
static double beyond_units(const struct weighing *g, const struct msc_writing_size *z,
			   double unit_ns)
{
	double waits = POLLS_MOST * (g->w->poll_ns + 2 * g->half_frame);
	double beyond = z->steady_ns - z->bus_ns - units_take(g->w, z, unit_ns);

	if (beyond - waits <= HIDDEN * (z->steady_ns + z->pauses_ns))
		return 0;
	return beyond / z->blocks;
}

/* Pauses come by blocks written: they show in more sizes than one, and are in those where they do not show. */
static void look_for_hidden(struct weighing *g)
{
	struct msc_writing *w = g->w;
	double unit_ns = whole_unit(w), most = 0;
	unsigned shows = 0;

	for (size_t i = 0; i < w->n_sizes && unit_ns >= 0; i++) {
		double each = 0;

		if (!w->size[i].mixed && is_even(w, w->size[i].blocks))
			each = beyond_units(g, &w->size[i], unit_ns);
		shows += each > 0;
		most = fmax(most, each);
	}
	for (size_t i = 0; i < w->n_sizes && shows >= HIDDEN_SIZES; i++) {
		struct msc_writing_size *z = &w->size[i];

		if (!z->mixed)
			z->hidden_ns = fmin(fmax(0, z->steady_ns - z->bus_ns), most * z->blocks);
	}
}

static void find_sizes(struct weighing *g)
{
	struct msc_writing *w = g->w;

	for (size_t i = 0; i < g->s->n_written; i++) {
		const struct msc_pace_written *t = &g->s->written[i];
		size_t at = 0;

		if (t->kind != MSC_WRITTEN_RUN)
			continue;
		while (at < w->n_sizes && w->size[at].blocks < t->blocks)
			at++;
		if ((at < w->n_sizes && w->size[at].blocks == t->blocks) ||
		    w->n_sizes == MSC_WRITING_SIZES_MAX)
			continue;
		memmove(&w->size[at + 1], &w->size[at], (w->n_sizes++ - at) * sizeof w->size[0]);
		w->size[at] = (struct msc_writing_size){ .blocks = t->blocks };
	}
}

/* ---- what operating systems wait for ----------------------------------------------------------- */

/* Largest writes: Linux, drivers/usb/storage/scsiglue.c (240 blocks, and its comment on the others). How
 * long they wait: Linux SD_TIMEOUT 30 s; Windows resets after about 20 s (tinyusb 3547, zephyr 23188),
 * macOS after 30 s (nuttx 19435). */
static const struct msc_writing_host hosts[MSC_WRITING_HOSTS] = {
	{ .name = "Windows", .bytes = 64 << 10, .waits_ns = 20 * MSC_S },
	{ .name = "Linux", .bytes = 120 << 10, .waits_ns = 30 * MSC_S },
	{ .name = "macOS", .bytes = 1 << 20, .waits_ns = 30 * MSC_S },
};

static void weigh_hosts(struct weighing *g)
{
	struct msc_writing *w = g->w;

	for (size_t i = 0; i < MSC_WRITING_HOSTS; i++) {
		struct msc_writing_host *h = &w->host[i];
		uint32_t blocks = g->s->block_size ? hosts[i].bytes / g->s->block_size : 0;
		const struct msc_writing_size *z = NULL;

		*h = hosts[i];
		h->takes_ns = -1;
		for (size_t k = 0; k < w->n_sizes; k++)
			if (w->size[k].blocks <= blocks)
				z = &w->size[k];
		if (!z)
			continue;
		h->takes_ns = (z->steady_ns + z->pauses_ns) * blocks / z->blocks;
		h->reckoned = z->blocks != blocks;
	}
}

int msc_writing_analyse(const struct msc_pace_samples *s, struct msc_pace *p, struct msc_err *err)
{
	struct weighing g = { .s = s, .p = p, .w = &p->writing };
	int rc;

	*g.w = (struct msc_writing){ .measured = s->n_written > 0, .syncs = s->syncs };
	g.w->block_ns = g.w->again_ns = -1;
	if (!s->n_written)
		return 0;
	g.half_frame = p->host.locked ? p->host.period_ns / 2 : 0;
	g.x = calloc(s->n_written + 1, sizeof *g.x);
	if (!g.x)
		return msc_nomem(err);
	weigh_pages(&g);
	find_sizes(&g);
	rc = look_for_poll(&g, err);
	if (rc == 0) {
		look_for_chunk(&g);
		rc = weigh_runs(&g, err);
	}
	free(g.x);
	if (rc < 0)
		return -1;
	if (g.w->unit > 1 && !g.w->each_alone && g.w->n_sizes && g.w->size[0].blocks == 1)
		g.w->gathers = g.w->size[0].steady_ns - g.w->size[0].bus_ns <
			       g.w->block_ns * (1 + 1.0 / g.w->unit) / 2;
	look_for_hidden(&g);
	weigh_hosts(&g);
	return 0;
}
