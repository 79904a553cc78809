/* SPDX-License-Identifier: BSD-2-Clause */
/* Is one bench slower than another, beyond noise? Each run is compared with the run of the same
 * operation, mode, order and size; what decides is in stats/change.h. */
#ifndef MSC_TIMING_COMPARE_H
#define MSC_TIMING_COMPARE_H

#include "stats/change.h"
#include "timing/bench.h"

#define MSC_FALSE_ALARMS 0.01

struct msc_compare_options {
	double threshold;	/* 0.05: five per cent of the base's median time */
	double false_alarms;	/* for the whole comparison; 0: MSC_FALSE_ALARMS */
	bool force;		/* compare what is not comparable, or not whole */
};

struct msc_compare_run {
	const struct msc_bench_run *base, *new; /* borrowed; one is NULL: only in the other, and
						   the rest is not filled in */
	struct msc_changed is;
};

struct msc_comparison {
	struct msc_compare_run *run;
	size_t n_runs;
	char different[8][192]; /* what makes the two incomparable, forced or not */
	size_t n_different;
	char note[256]; /* what a reader should know, such as another kernel; may be empty */
	double threshold;
};

/* MSC_E_UNDECIDED and the first difference when they are not comparable and o->force is not set.
 * The result borrows the runs of both. */
int msc_compare(const struct msc_bench *base, const struct msc_bench *new,
		const struct msc_compare_options *, struct msc_comparison *,
		struct msc_err *) MSC_MUST_CHECK;
void msc_comparison_free(struct msc_comparison *);

/* SLOWER when any run is, else UNKNOWN when any is or none was compared, else FASTER when any is. */
enum msc_change msc_comparison_verdict(const struct msc_comparison *);

/* About so many commands of each size would give a verdict on every run; 0: all have one, or no number
 * is known that would. */
uint32_t msc_comparison_needed(const struct msc_comparison *);

/* Fails unless the two can be compared, as far as the device and the host tell: to be asked before
 * the time for measuring is spent. */
int msc_compare_devices(const struct msc_device *base, const struct msc_device *new,
			struct msc_err *) MSC_MUST_CHECK;

/* Why the second cannot be compared with the first, by devices, hosts and clocks, or is not whole;
 * empty: nothing speaks against it. */
void msc_compare_conditions(const struct msc_bench *base, const struct msc_bench *new, char *why,
			    size_t size);

/* Of several, there[] says which are among them: SLOWER before UNKNOWN, FASTER, NONE. */
enum msc_change msc_change_worst(const bool there[MSC_CHANGE_UNKNOWN + 1]);

#endif
