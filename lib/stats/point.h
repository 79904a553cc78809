/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in a series does the level change?
 *
 * Values in the order of time, such as the median of one run out of many benches. A change point is
 * where two levels, one before and one after, fit the logarithms of the values better than one level
 * does, beyond chance: Student's t of the two means, at the place where it is largest, its probability
 * multiplied by the number of places (Bonferroni, so rather too careful). Each side has at least
 * three values: fewer are a disturbance. After a change each
 * side is looked at by itself for more.
 *
 * How sure the place is follows from how well the other places fit: the range holds the true one with
 * 95 %, when the noise is about normal and the values are independent of each other. */
#ifndef MSC_STATS_POINT_H
#define MSC_STATS_POINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define MSC_POINT_LEAST 6 /* values: fewer show no change */

struct msc_change_point {
	size_t at;	    /* the first value of the new level */
	size_t first, last; /* the same, at the earliest and at the latest: the 95 % range */
	/* The medians from the change before to this, and from this to the next; of a slope that is the only
	 * change, its ends. */
	double before, after;
	double shift;	      /* after / before - 1 */
	double low, high;     /* of shift, with 95 %; have_interval false: too few values */
	bool have_interval;
	bool gradual; /* a slope fits better than a step: it came bit by bit */
	double p;     /* of so large a step by chance */
};

struct msc_change_points {
	struct msc_change_point *point; /* in the order of time */
	size_t n;
	double scatter; /* of the values around their levels, as a share: one standard deviation */
	double detectable; /* the least step in the middle of a series so long that would be seen */
};

/* x: all above 0. threshold: lesser steps are not told. alpha: how often chance may be taken for a
 * change. Fewer than MSC_POINT_LEAST values: none, and detectable is infinite. The caller frees
 * the points in any case. */
int msc_change_points_of(const double *x, size_t n, double threshold, double alpha,
			 struct msc_change_points *, struct msc_err *) MSC_MUST_CHECK;
void msc_change_points_free(struct msc_change_points *);

/* The least n at which, with this scatter, a step so large in the middle is seen; 0: above 10000. */
size_t msc_change_points_needed(double scatter, double step, double alpha);

/* P(|T| >= t) of Student's t with so many degrees of freedom, from 1 on. */
double msc_student_outside(double t, size_t freedom);
/* The t for which that is p. */
double msc_student_point(double p, size_t freedom);

#endif
