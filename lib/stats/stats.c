/* SPDX-License-Identifier: BSD-2-Clause */
/* Order statistics, rank tests, and a robust line. No function here draws at random, and the
 * results are the same on every machine with IEEE arithmetic.
 *
 * A k-th smallest value is found by bisecting the doubles themselves: that is exact, needs no
 * memory, and works as well for the differences of all pairs, which are never written down. */
#include "stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 20   /* samples in all: 2^20 ways to share them out, counted by sums of ranks */
#define LAGS_MAX  1000 /* of an autocorrelation: longer memory is not resolved */

/* ---- order statistics -------------------------------------------------------------------------- */

/* Doubles and integers in the same order. */
static int64_t to_key(double x)
{
	int64_t i;

	memcpy(&i, &x, sizeof i);
	return i < 0 ? INT64_MIN - i : i;
}

static double from_key(int64_t key)
{
	int64_t i = key < 0 ? INT64_MIN - key : key;
	double x;

	memcpy(&x, &i, sizeof x);
	return x;
}

static int64_t halfway(int64_t low, int64_t high)
{
	return low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);
}

static size_t count_up_to(const double *x, size_t n, double limit)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += x[i] <= limit;
	return count;
}

/* The k-th smallest, 1 <= k <= n. */
static double kth(const double *x, size_t n, size_t k)
{
	double least = x[0], most = x[0];
	int64_t low, high;

	for (size_t i = 1; i < n; i++) {
		least = x[i] < least ? x[i] : least;
		most = x[i] > most ? x[i] : most;
	}
	low = to_key(least);
	high = to_key(most);
	while (low < high) {
		int64_t middle = halfway(low, high);

		if (count_up_to(x, n, from_key(middle)) >= k)
			high = middle;
		else
			low = middle + 1;
	}
	return from_key(low);
}

double msc_quantile(const double *x, size_t n, double p)
{
	double position = p * (double)(n - 1), below;
	size_t k = (size_t)position;

	below = kth(x, n, k + 1);
	if (position <= (double)k)
		return below;
	return below + (position - (double)k) * (kth(x, n, k + 2) - below);
}

bool msc_quantile_shows(size_t n, double p)
{
	return (double)n * (1 - p) > 1 - 1e-6;
}

double msc_median(const double *x, size_t n)
{
	return msc_quantile(x, n, 0.5);
}

/* P(X <= k) for X of n tosses of a fair coin. */
static double coin_tail(size_t n, size_t k)
{
	double sum = 0;
	int sign;

	for (size_t i = 0; i <= k; i++)
		sum += exp(lgamma_r((double)n + 1, &sign) - lgamma_r((double)i + 1, &sign) -
			   lgamma_r((double)(n - i) + 1, &sign) - (double)n * M_LN2);
	return sum;
}

/* So many standard deviations from the middle leave p outside, both sides together. */
static double normal_point(double p)
{
	double low = 0, high = 40;

	for (int i = 0; i < 100; i++) {
		double middle = (low + high) / 2;

		if (erfc(middle / M_SQRT2) > p)
			low = middle;
		else
			high = middle;
	}
	return high;
}

bool msc_median_interval(const double *x, size_t n, double confidence, double *low, double *high)
{
	double side = (1 - confidence) / 2,
	       half = normal_point(1 - confidence) * sqrt((double)n) / 2;
	size_t k = 0; /* order statistics that are left out on each side */

	if (n > 1000)
		k = (size_t)((double)n / 2 - half);
	else
		while (2 * (k + 1) < n && coin_tail(n, k) <= side)
			k++;
	if (k == 0)
		return false;
	*low = kth(x, n, k);
	*high = kth(x, n, n + 1 - k);
	return true;
}

/* ---- line -------------------------------------------------------------------------------------- */

/* Of what is left of each beside its bytes. */
static double median_of_rests(const double *bytes, const double *ns, size_t n, double per_byte)
{
	double rest[MSC_LINE_POINTS_MAX];

	for (size_t i = 0; i < n; i++)
		rest[i] = ns[i] - per_byte * bytes[i];
	return msc_median(rest, n);
}

static void find_residual(const double *bytes, const double *ns, size_t n, struct msc_line *line)
{
	line->worst_residual = 0;
	for (size_t i = 0; i < n; i++) {
		double fitted = line->per_command_ns + line->per_byte_ns * bytes[i];

		line->worst_residual = fmax(line->worst_residual, fabs(fitted - ns[i]) / ns[i]);
	}
}

bool msc_fit_line(const double *bytes, const double *ns, size_t n, struct msc_line *line)
{
	double slopes[MSC_LINE_POINTS_MAX * (MSC_LINE_POINTS_MAX - 1) / 2];
	size_t count = 0;

	n = n < MSC_LINE_POINTS_MAX ? n : MSC_LINE_POINTS_MAX;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (bytes[i] != bytes[j])
				slopes[count++] = (ns[i] - ns[j]) / (bytes[i] - bytes[j]);
	if (!count)
		return false;
	line->per_byte_ns = msc_median(slopes, count);
	line->per_command_ns = median_of_rests(bytes, ns, n, line->per_byte_ns);
	find_residual(bytes, ns, n, line);
	return true;
}

bool msc_fit_cost(const double *bytes, const double *ns, size_t n, double least_per_byte,
		  struct msc_line *line)
{
	double ratio[MSC_LINE_POINTS_MAX];

	if (!msc_fit_line(bytes, ns, n, line))
		return false;
	n = n < MSC_LINE_POINTS_MAX ? n : MSC_LINE_POINTS_MAX;
	if (line->per_byte_ns < least_per_byte) {
		line->per_byte_ns = least_per_byte;
		line->per_command_ns = median_of_rests(bytes, ns, n, least_per_byte);
	}
	if (line->per_command_ns < 0) {
		line->per_command_ns = 0;
		for (size_t i = 0; i < n; i++)
			ratio[i] = ns[i] / bytes[i];
		line->per_byte_ns = msc_median(ratio, n);
	}
	find_residual(bytes, ns, n, line);
	return true;
}

/* ---- two samples ------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int msc_sorted_of(struct msc_sorted *s, const double *x, size_t n, struct msc_err *err)
{
	s->n = n;
	s->x = malloc((n ? n : 1) * sizeof *s->x);
	if (!s->x)
		return msc_nomem(err);
	if (n)
		memcpy(s->x, x, n * sizeof *x);
	qsort(s->x, n, sizeof *s->x, compare_doubles);
	return 0;
}

void msc_sorted_free(struct msc_sorted *s)
{
	free(s->x);
	*s = (struct msc_sorted){ NULL };
}

int msc_middle_mean(const double *x, size_t n, double share, double *mean, struct msc_err *err)
{
	size_t skip = (size_t)((1 - share) / 2 * (double)n + 1e-9);
	struct msc_sorted s;
	double sum = 0;

	if (msc_sorted_of(&s, x, n, err) < 0)
		return -1;
	for (size_t i = skip; i < n - skip; i++)
		sum += s.x[i];
	*mean = sum / (double)(n - 2 * skip);
	msc_sorted_free(&s);
	return 0;
}

/* Twice the sum of the ranks of a among both, ties sharing the middle rank. When `twice` is not
 * NULL, twice the rank of each value of both goes there, in ascending order. *ties is the sum of
 * t^3 - t over groups of t equal values. */
static double rank_sum(const struct msc_sorted *a, const struct msc_sorted *b, unsigned *twice,
		       double *ties)
{
	size_t i = 0, j = 0, rank = 0;
	double sum = 0;

	*ties = 0;
	while (i < a->n || j < b->n) {
		double value = j == b->n || (i < a->n && a->x[i] <= b->x[j]) ? a->x[i] : b->x[j];
		size_t in_a = 0, in_b = 0, t;

		while (i < a->n && a->x[i] == value)
			i++, in_a++;
		while (j < b->n && b->x[j] == value)
			j++, in_b++;
		t = in_a + in_b;
		sum += (double)in_a * (double)(2 * rank + t + 1);
		*ties += (double)t * ((double)t * (double)t - 1);
		for (size_t k = 0; twice && k < t; k++)
			twice[rank + k] = (unsigned)(2 * rank + t + 1);
		rank += t;
	}
	return sum;
}

/* Of all ways to take m of the n ranks: the share whose sum (all of it doubled) is at most low, or
 * at least high. */
static double exact_tails(const unsigned *twice, size_t n, size_t m, double low, double high)
{
	enum { SUMS = EXACT_MAX * (EXACT_MAX + 1) + 1 };
	double ways[EXACT_MAX + 1][SUMS] = { { 0 } }, all = 0, tails = 0;

	ways[0][0] = 1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i < m ? i + 1 : m; k > 0; k--)
			for (size_t s = twice[i]; s < SUMS; s++)
				ways[k][s] += ways[k - 1][s - twice[i]];
	for (size_t s = 0; s < SUMS; s++) {
		all += ways[m][s];
		if ((double)s <= low || (double)s >= high)
			tails += ways[m][s];
	}
	return tails / all;
}

/* As many standard errors away from the middle, less when the samples are spread wider. */
static double widened(double p, double spread)
{
	double z;

	if (spread <= 1)
		return p > 1 ? 1 : p;
	z = p < 1 ? normal_point(p) : 0;
	return erfc(z / spread / M_SQRT2);
}

double msc_mann_whitney(const struct msc_sorted *a, const struct msc_sorted *b, double spread)
{
	double na = (double)a->n, nb = (double)b->n, n = na + nb, ties, away, variance;
	unsigned twice[EXACT_MAX];
	bool exact = a->n + b->n <= EXACT_MAX;
	double sum, middle = na * (n + 1); /* of the doubled sum */

	if (!a->n || !b->n)
		return 1;
	sum = rank_sum(a, b, exact ? twice : NULL, &ties);
	away = fabs(sum - middle);
	if (exact)
		return widened(away > 0 ? exact_tails(twice, a->n + b->n, a->n, middle - away,
						      middle + away)
					: 1,
			       spread);
	variance = na * nb / 12 * (n + 1 - ties / (n * (n - 1)));
	away = away / 2 - 0.5;
	if (away <= 0 || variance <= 0)
		return 1;
	return erfc(away / sqrt(variance) / (spread > 1 ? spread : 1) / M_SQRT2);
}

/* How many of all differences b - a are at most limit. */
static double pairs_up_to(const struct msc_sorted *a, const struct msc_sorted *b, double limit)
{
	size_t j = 0;
	double count = 0;

	for (size_t i = 0; i < a->n; i++) {
		while (j < b->n && b->x[j] - a->x[i] <= limit)
			j++;
		count += (double)j;
	}
	return count;
}

/* The k-th smallest of all differences, 1 <= k <= na * nb. */
static double kth_difference(const struct msc_sorted *a, const struct msc_sorted *b, double k)
{
	int64_t low = to_key(b->x[0] - a->x[a->n - 1]), high = to_key(b->x[b->n - 1] - a->x[0]);

	while (low < high) {
		int64_t middle = halfway(low, high);

		if (pairs_up_to(a, b, from_key(middle)) >= k)
			high = middle;
		else
			low = middle + 1;
	}
	return from_key(low);
}

/* How many of the differences the interval leaves out on each side. */
static double left_out(size_t na, size_t nb, double confidence, double spread)
{
	double a = (double)na, b = (double)nb, u = 0, least = a * (a + 1);
	double away = normal_point(1 - confidence) * (spread > 1 ? spread : 1);
	double side = erfc(away / M_SQRT2) / 2;
	unsigned twice[EXACT_MAX];
	size_t n = na + nb;

	if (n > EXACT_MAX)
		return floor(a * b / 2 - away * sqrt(a * b * (a + b + 1) / 12));
	for (size_t i = 0; i < n; i++)
		twice[i] = (unsigned)(2 * (i + 1));
	while (u < a * b / 2 && exact_tails(twice, n, na, least + 2 * u, INFINITY) <= side)
		u++;
	return u;
}

bool msc_shift_has_interval(size_t na, size_t nb, double confidence, double spread)
{
	return na && nb && left_out(na, nb, confidence, spread) >= 1;
}

bool msc_shift_of(const struct msc_sorted *a, const struct msc_sorted *b, double confidence,
		  double spread, struct msc_shift *s)
{
	double pairs = (double)a->n * (double)b->n, k;

	*s = (struct msc_shift){ 0, -INFINITY, INFINITY };
	if (pairs == 0)
		return false;
	s->shift = (kth_difference(a, b, floor((pairs + 1) / 2)) +
		    kth_difference(a, b, floor((pairs + 2) / 2))) /
		   2;
	k = left_out(a->n, b->n, confidence, spread);
	if (k < 1)
		return false;
	s->low = kth_difference(a, b, k);
	s->high = kth_difference(a, b, pairs + 1 - k);
	return true;
}

/* ---- samples in the order of time -------------------------------------------------------------- */

/* How many are below x, or, with `equal`, not above it. */
static size_t count_below(const struct msc_sorted *s, double x, bool equal)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->x[middle] < x || (equal && s->x[middle] == x))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Ranks less their mean, in the order of x; the caller frees them. */
static double *centred_ranks(const double *x, size_t n, struct msc_err *err)
{
	struct msc_sorted s;
	double *rank;

	if (msc_sorted_of(&s, x, n, err) < 0)
		return NULL;
	rank = malloc(n * sizeof *rank);
	if (!rank)
		msc_nomem(err);
	for (size_t i = 0; rank && i < n; i++)
		rank[i] = ((double)count_below(&s, x[i], false) +
			   (double)count_below(&s, x[i], true) - (double)n) /
			  2;
	msc_sorted_free(&s);
	return rank;
}

static double product(const double *x, const double *y, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i] * y[i];
	return sum;
}

static double autocorrelation(const double *rank, size_t n, size_t lag, double square)
{
	return product(rank, rank + lag, n - lag) / square * (double)n / (double)(n - lag);
}

/* Geyer: sums of two neighbouring lags are positive and fall, so the first that is not ends the
 * sum, and none may rise. */
int msc_memory_of(const double *x, size_t n, double *result, struct msc_err *err)
{
	double *rank, square, before = INFINITY;

	*result = 1;
	if (n < 4)
		return 0;
	rank = centred_ranks(x, n, err);
	if (!rank)
		return -1;
	square = product(rank, rank, n);
	for (size_t lag = 1; square > 0 && lag + 1 < n / 2 && lag < LAGS_MAX; lag += 2) {
		double pair = autocorrelation(rank, n, lag, square) +
			      autocorrelation(rank, n, lag + 1, square);

		if (pair <= 0)
			break;
		before = pair < before ? pair : before;
		*result += 2 * before;
	}
	free(rank);
	return 0;
}

int msc_drift_of(const double *x, size_t n, bool *drifts, double *from, double *to,
		 struct msc_err *err)
{
	const double one_in_a_thousand = 3.29;
	double *rank, square, along = 0, times = (double)n * ((double)n * (double)n - 1) / 12;
	size_t third = n / 3;

	*drifts = false;
	if (n < 9)
		return 0;
	rank = centred_ranks(x, n, err);
	if (!rank)
		return -1;
	square = product(rank, rank, n);
	for (size_t i = 0; i < n; i++)
		along += rank[i] * ((double)i - (double)(n - 1) / 2);
	free(rank);
	if (square > 0)
		*drifts = fabs(along) / sqrt(square * times) * sqrt((double)n - 1) >
			  one_in_a_thousand;
	*from = msc_median(x, third);
	*to = msc_median(x + n - third, third);
	return 0;
}
