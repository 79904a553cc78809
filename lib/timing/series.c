/* SPDX-License-Identifier: BSD-2-Clause */
/* The history of a device's speed: see series.h. */
#include "timing/series.h"

#include <stdio.h>
#include <stdlib.h>

#define MIDDLE 0.8 /* of a bench's times, whose mean is its level */

/* The last one that is whole is what the others are held against. */
static const struct msc_bench *newest_of(struct msc_series *h, bool force)
{
	for (size_t i = h->n; i-- > 0;) {
		const struct msc_bench *b = h->entry[i].bench;

		if (!h->entry[i].left_out[0] && b->n_runs && (force || !*b->failure))
			return b;
	}
	return NULL;
}

static void choose(struct msc_series *h, const struct msc_bench *newest, bool force)
{
	for (size_t i = 0; i < h->n; i++) {
		struct msc_series_entry *e = &h->entry[i];

		if (e->left_out[0])
			continue;
		if (!e->bench->n_runs)
			snprintf(e->left_out, sizeof e->left_out, "there are no runs in it");
		else if (!force)
			msc_compare_conditions(newest, e->bench, e->left_out, sizeof e->left_out);
		h->used += !e->left_out[0];
	}
}

/* A bench's level. Times of whole frames lie in clumps, between which a median jumps; a mean over all
 * goes with every pause. */
static int level(const struct msc_bench_run *run, double *x, struct msc_err *err)
{
	double *times = msc_bench_times(run, err);
	int result;

	if (!times)
		return -1;
	result = msc_middle_mean(times, run->samples, MIDDLE, x, err);
	free(times);
	return result;
}

/* Of this run, in each bench that has it. */
static double *values(const struct msc_series *h, struct msc_series_run *r, struct msc_err *err)
{
	double *x = malloc(h->n * sizeof *x);

	r->entry = malloc(h->n * sizeof *r->entry);
	if (!x || !r->entry) {
		msc_nomem(err);
		free(x);
		return NULL;
	}
	for (size_t i = 0; i < h->n; i++) {
		const struct msc_bench_run *run;

		if (h->entry[i].left_out[0])
			continue;
		run = msc_bench_find(h->entry[i].bench, r->like);
		if (!run || !run->samples)
			continue;
		r->entry[r->n] = i;
		if (level(run, &x[r->n++], err) < 0) {
			free(x);
			return NULL;
		}
	}
	return x;
}

static void judge(struct msc_series_run *r, double threshold, double alpha)
{
	const struct msc_change_points *p = &r->points;

	if (p->n) {
		r->change = p->point[p->n - 1].shift > 0 ? MSC_CHANGE_SLOWER : MSC_CHANGE_FASTER;
	} else if (r->n < MSC_POINT_LEAST) {
		r->change = MSC_CHANGE_UNKNOWN;
		r->needed = MSC_POINT_LEAST;
	} else if (p->detectable > 2 * threshold) {
		r->change = MSC_CHANGE_UNKNOWN;
		r->needed = msc_change_points_needed(p->scatter, 2 * threshold, alpha);
	}
}

static int add_run(struct msc_series *h, const struct msc_bench_run *like, double alpha,
		   struct msc_err *err)
{
	struct msc_series_run *r = &h->run[h->n_runs++];
	double *x;
	int result;

	r->like = like;
	x = values(h, r, err);
	if (!x)
		return -1;
	result = msc_change_points_of(x, r->n, h->threshold, alpha, &r->points, err);
	free(x);
	judge(r, h->threshold, alpha);
	return result;
}

int msc_series_of(struct msc_series_entry *entry, size_t n, const struct msc_compare_options *o,
		  struct msc_series *h, struct msc_err *err)
{
	double alarms = o->false_alarms > 0 ? o->false_alarms : MSC_FALSE_ALARMS;
	const struct msc_bench *newest;

	*h = (struct msc_series){ .entry = entry, .n = n, .threshold = o->threshold };
	newest = newest_of(h, o->force);
	if (!newest)
		return msc_fail(err, MSC_E_UNDECIDED, "there is no bench in it that is whole");
	choose(h, newest, o->force);
	h->run = calloc(newest->n_runs, sizeof *h->run);
	if (!h->run)
		return msc_nomem(err);
	for (size_t i = 0; i < newest->n_runs; i++)
		if (add_run(h, &newest->run[i], alarms / (double)newest->n_runs, err) < 0)
			return -1;
	return 0;
}

void msc_series_free(struct msc_series *h)
{
	for (size_t i = 0; i < h->n_runs; i++) {
		free(h->run[i].entry);
		msc_change_points_free(&h->run[i].points);
	}
	free(h->run);
	h->run = NULL;
	h->n_runs = 0;
}

size_t msc_series_needed(const struct msc_series *h)
{
	size_t most = 0;

	for (size_t i = 0; i < h->n_runs; i++) {
		if (h->run[i].change != MSC_CHANGE_UNKNOWN)
			continue;
		if (!h->run[i].needed)
			return 0;
		most = h->run[i].needed > most ? h->run[i].needed : most;
	}
	return most;
}

enum msc_change msc_series_verdict(const struct msc_series *h)
{
	bool there[MSC_CHANGE_UNKNOWN + 1] = { false };

	for (size_t i = 0; i < h->n_runs; i++)
		there[h->run[i].change] = true;
	return msc_change_worst(there);
}
