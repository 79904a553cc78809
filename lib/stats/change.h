/* SPDX-License-Identifier: BSD-2-Clause */
/* Is one sample of times larger than another, beyond noise?
 *
 * A verdict needs both: a difference that chance would hardly make (Mann and Whitney's test), and
 * one that matters (the shift of Hodges and Lehmann against the threshold). Where the interval of
 * the shift is wider than the threshold on either side, no verdict is given.
 *
 * Samples are taken as they are while each tells something of its own. Where neighbours resemble
 * each other (a drift, a slow wave), the difference of the two, sample by sample in the order
 * of time, tells how much less they say together, and the test and the interval are widened by as
 * much; what both share, such as the same warm-up, falls out. Where times come in clumps
 * further apart than the threshold (whole frames of the bus), means of consecutive ones are
 * compared instead. */
#ifndef MSC_STATS_CHANGE_H
#define MSC_STATS_CHANGE_H

#include "stats/stats.h"

enum msc_change {
	MSC_CHANGE_NONE, /* a shift as large as the threshold can be ruled out, or is not there */
	MSC_CHANGE_SLOWER,
	MSC_CHANGE_FASTER,
	MSC_CHANGE_UNKNOWN, /* not enough data; reason says what is missing */
};
const char *msc_change_name(enum msc_change); /* "same", "slower", "faster", "unknown" */

struct msc_changed {
	enum msc_change change;
	double p;
	double base, later;	 /* medians */
	double shift, low, high; /* of the base's median; above 0: slower */
	bool have_interval;	 /* low and high say something */
	double confidence;	 /* of the interval */
	double memory;		 /* samples that weigh as much as one independent one; from 1 */
	uint32_t group;		 /* 1, or so many consecutive samples were averaged */
	bool base_drifts, later_drifts;
	double base_drift, later_drift; /* last third against first third, of the first */
	char reason[160]; /* of UNKNOWN, else empty */
};

/* Two samples, each in the order of time; they are averaged in place. threshold is a share of the
 * base's median; alpha is how often chance may be taken for a difference. Either may be empty. */
int msc_change_of(double *base, size_t n_base, double *later, size_t n_later, double threshold,
		  double alpha, struct msc_changed *, struct msc_err *) MSC_MUST_CHECK;

#endif
