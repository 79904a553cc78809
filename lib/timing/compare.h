/* SPDX-License-Identifier: BSD-2-Clause */
/* Is one bench slower than another, beyond noise? Each run is compared with the run of the same
 * operation, mode, order and size.
 *
 * A verdict needs both: a difference that chance would hardly make (Mann and Whitney's test), and
 * one that matters (the shift of Hodges and Lehmann against the threshold). Where the interval of
 * the shift is wider than the threshold on either side, no verdict is given.
 *
 * Samples are taken as they are while each tells something of its own. Where neighbours resemble
 * each other (a drift, a slow wave), the difference of the two runs, sample by sample in the order
 * of time, tells how much less they say together, and the test and the interval are widened by as
 * much; what both runs share, such as the same warm-up, falls out. Where times come in clumps
 * further apart than the threshold (whole frames of the bus), means of consecutive commands are
 * compared instead. */
#ifndef MSC_TIMING_COMPARE_H
#define MSC_TIMING_COMPARE_H

#include "timing/bench.h"

enum msc_change {
	MSC_CHANGE_NONE, /* a shift as large as the threshold can be ruled out, or is not there */
	MSC_CHANGE_SLOWER,
	MSC_CHANGE_FASTER,
	MSC_CHANGE_UNKNOWN, /* not enough data; reason says what is missing */
};
const char *msc_change_name(enum msc_change); /* "same", "slower", "faster", "unknown" */

struct msc_compare_options {
	double threshold;	/* 0.05: five per cent of the base's median time */
	double false_alarms;	/* for the whole comparison; 0: 0.01 */
	bool force;		/* compare what is not comparable */
};

struct msc_compare_run {
	const struct msc_bench_run *base, *new; /* borrowed; one is NULL: only in the other, and
						   nothing below is filled in */
	enum msc_change change;
	double p;
	double base_ns, new_ns;	 /* medians */
	double shift, low, high; /* of the base's median; above 0: slower */
	bool have_interval;	 /* low and high say something */
	double confidence;	 /* of the interval */
	double memory;		 /* samples that weigh as much as one independent one; from 1 */
	uint32_t group;		 /* 1, or so many consecutive commands were averaged */
	bool base_drifts, new_drifts;
	double base_drift, new_drift; /* last third against first third, of the first */
	char reason[160]; /* of UNKNOWN, else empty */
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

/* Fails unless the two can be compared, as far as the device and the host tell: to be asked before
 * the time for measuring is spent. */
int msc_compare_devices(const struct msc_device *base, const struct msc_device *new,
			struct msc_err *) MSC_MUST_CHECK;

#endif
