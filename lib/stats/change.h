/* SPDX-License-Identifier: BSD-2-Clause */
/* Is one sample of times larger than another, beyond noise?
 *
 * What is found is the shift of Hodges and Lehmann, with its interval. SLOWER and FASTER need a shift
 * that reaches the threshold and a difference that chance would hardly make: the interval is on one side
 * of 0, and Mann and Whitney's test says so, too. NONE needs a shift below the threshold, and one twice
 * as large can be ruled out. Between the two no verdict is given, and how many samples would do is
 * told. So equal samples are hardly ever told to differ, nor those equal that differ by twice the
 * threshold; of what lies in between, either may be said.
 *
 * Samples are taken as they are while each tells something of its own. Where neighbours resemble
 * each other (a drift, a slow wave), the difference of the two, sample by sample in the order
 * of time, tells how much less they say together, and the test and the interval are widened by as
 * much; what both share, such as the same warm-up, falls out. Where times come in clumps
 * further apart than the threshold (whole frames of the bus), means of consecutive ones are
 * compared instead: not by their ranks, since a mean of ten of two values is on a grid, but by Welch's t, with the
 * scatter of the means or of the samples themselves, whichever leaves the narrower interval. */
#ifndef MSC_STATS_CHANGE_H
#define MSC_STATS_CHANGE_H

#include "stats/stats.h"

enum msc_change {
	MSC_CHANGE_NONE,
	MSC_CHANGE_SLOWER,
	MSC_CHANGE_FASTER,
	MSC_CHANGE_UNKNOWN, /* not enough data; reason says what is missing */
};
const char *msc_change_name(enum msc_change); /* "same", "slower", "faster", "unknown" */

struct msc_changed {
	enum msc_change change;
	double p;
	double base, later;	 /* medians; means where group is above 1 */
	double shift, low, high; /* of the base's; above 0: slower */
	bool have_interval;	 /* low and high say something */
	double confidence;	 /* of the interval */
	double memory; /* samples, or groups of them, that weigh as much as one independent one; from 1 */
	uint32_t group;		 /* 1, or so many consecutive samples were averaged */
	bool base_drifts, later_drifts;
	double base_drift, later_drift; /* last third against first third, of the first */
	uint32_t needed;  /* of UNKNOWN: about so many of each would do; 0: nobody knows */
	char reason[192]; /* of UNKNOWN, else empty */
};

/* Two samples, each in the order of time; they are averaged in place. threshold is a share of the
 * base's median; alpha is how often chance may be taken for a difference. Either may be empty. */
int msc_change_of(double *base, size_t n_base, double *later, size_t n_later, double threshold,
		  double alpha, struct msc_changed *, struct msc_err *) MSC_MUST_CHECK;

/* Whether times lie in clumps further apart than the threshold, a share of their median: then means of some are
 * compared, and more of them are needed. */
int msc_change_clumps(const double *x, size_t n, double threshold, bool *clumps,
		      struct msc_err *) MSC_MUST_CHECK;

#endif
