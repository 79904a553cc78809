/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics over samples of time: robust against a few disturbed ones, deterministic, and silent
 * about nothing: too few samples are said to be too few. */
#ifndef MSC_STATS_STATS_H
#define MSC_STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* ---- one sample: x is in any order and stays as it is; n is at least 1 ----------------------- */

double msc_median(const double *x, size_t n);
/* 0 <= p <= 1, linear between order statistics. */
double msc_quantile(const double *x, size_t n, double p);
/* Whether n values say something of it: one of them at least is expected beyond. */
bool msc_quantile_shows(size_t n, double p);
/* The distribution-free interval of the median between two order statistics; false when n is too
 * small for the confidence asked for (95 % needs 6). */
bool msc_median_interval(const double *x, size_t n, double confidence, double *low, double *high);

/* The mean of so large a share of the values, as many left out on either side. */
int msc_middle_mean(const double *x, size_t n, double share, double *mean,
		    struct msc_err *) MSC_MUST_CHECK;

/* time = per_command + bytes * per_byte, by the medians of each size (Theil and Sen), so that one
 * disturbed size does not bend it. false: fewer than two different sizes. */
struct msc_line {
	double per_command_ns, per_byte_ns;
	double worst_residual; /* largest |measured - fitted| / measured over the sizes */
};
#define MSC_LINE_POINTS_MAX 64 /* further ones are not looked at */
bool msc_fit_line(const double *bytes, const double *ns, size_t n, struct msc_line *);

/* The same where a command does not give time back, and no byte takes less than least_per_byte ns. Where the
 * line says so, the sizes do not lie on one; what is left over of it is the bound, and worst_residual
 * tells. */
bool msc_fit_cost(const double *bytes, const double *ns, size_t n, double least_per_byte,
		  struct msc_line *);

/* ---- two samples ----------------------------------------------------------------------------- */

/* A copy in ascending order. */
struct msc_sorted {
	double *x;
	size_t n;
};
int msc_sorted_of(struct msc_sorted *, const double *x, size_t n, struct msc_err *) MSC_MUST_CHECK;
void msc_sorted_free(struct msc_sorted *);

/* Mann and Whitney's U, with ties: the probability, if there were no difference, of one at least so
 * large, in either direction. Exact up to 20 samples in all, then the normal approximation with
 * continuity correction.
 *
 * spread is 1 for samples that are independent of each other. Above it, the samples are taken for
 * so much less certain, as if the standard error were multiplied by it. */
double msc_mann_whitney(const struct msc_sorted *a, const struct msc_sorted *b, double spread);

/* Hodges and Lehmann: the median of all b - a, and its interval. false: not enough samples for this
 * confidence; shift is filled in all the same when neither is empty. */
struct msc_shift {
	double shift, low, high;
};
bool msc_shift_of(const struct msc_sorted *a, const struct msc_sorted *b, double confidence,
		  double spread, struct msc_shift *);
/* Whether so many samples of each allow one. */
bool msc_shift_has_interval(size_t na, size_t nb, double confidence, double spread);

/* ---- samples in the order of time ------------------------------------------------------------ */

/* How many samples weigh as much as one that is independent of the others: 1 when there is no
 * memory, more when neighbours resemble each other or when there is a trend. From the
 * autocorrelation of the ranks, summed up to where it drowns in noise. */
int msc_memory_of(const double *x, size_t n, double *result, struct msc_err *) MSC_MUST_CHECK;

/* Does it drift: Spearman's correlation of the values with time, beyond chance at one in a
 * thousand. *from, *to: the medians of the first and the last third. */
int msc_drift_of(const double *x, size_t n, bool *drifts, double *from, double *to,
		 struct msc_err *) MSC_MUST_CHECK;

#endif
