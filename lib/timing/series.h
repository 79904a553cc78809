/* SPDX-License-Identifier: BSD-2-Clause */
/* Many benches of one device, in the order in which they were taken: at which did the speed change?
 * Of each run the level in each bench, the mean of the middle four fifths of its times, is one value of a
 * series; stats/point.h finds the changes. */
#ifndef MSC_TIMING_SERIES_H
#define MSC_TIMING_SERIES_H

#include "stats/point.h"
#include "timing/compare.h"

/* One bench of the history: the caller fills in name and bench. */
struct msc_series_entry {
	const char *name;
	const struct msc_bench *bench;
	char left_out[224]; /* why it is; empty: it is not */
};

/* The run of one operation, mode, order and size. */
struct msc_series_run {
	const struct msc_bench_run *like; /* in the newest bench */
	size_t *entry; /* of each value of the series, the entry that it is from */
	size_t n;
	struct msc_change_points points; /* at, first, last: places in entry[] */
	enum msc_change
		change; /* the newest; UNKNOWN: a change by twice the threshold could not be seen */
	size_t needed; /* of UNKNOWN: benches that would do; 0: nobody knows */
};

struct msc_series {
	struct msc_series_entry *entry;
	size_t n, used; /* of them are not left out */
	struct msc_series_run *run;
	size_t n_runs;
	double threshold;
};

/* entry[0..n) are the caller's, oldest first, and are borrowed, as are their benches. Those that cannot be
 * compared with the newest one, or are not whole, are left out, unless o->force. MSC_E_UNDECIDED: none is
 * left. Freed by the caller in any case. */
int msc_series_of(struct msc_series_entry *entry, size_t n, const struct msc_compare_options *,
		  struct msc_series *, struct msc_err *) MSC_MUST_CHECK;
void msc_series_free(struct msc_series *);

/* SLOWER when the newest change of any run is, else UNKNOWN when any run is, else FASTER when any is. */
enum msc_change msc_series_verdict(const struct msc_series *);
/* So many benches would show a change by twice the threshold in every run; 0: they do, or nobody knows. */
size_t msc_series_needed(const struct msc_series *);

#endif
