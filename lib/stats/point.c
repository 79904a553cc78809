/* SPDX-License-Identifier: BSD-2-Clause */
/* Change points of a series: see point.h. */
#include "stats/point.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/stats.h"

#define SIDE	    3	     /* values on each side of a change, at least */
#define SURE	    0.95     /* of the range of its place, and of the interval of its size */
#define DISTURBED   4.0	     /* standard deviations away from the neighbours */
#define NORMAL_MAD  1.4826   /* standard deviations in a median absolute deviation */
#define NORMAL_UPPER 0.8693  /* the same, in an upper quartile of absolute deviations */
#define NEEDED_MAX  10000
#define NOTHING	    1e-18    /* squares of logarithms: what rounding leaves of equal values */

struct series {
	const double *raw; /* as given */
	double *y;	   /* logarithms, without disturbances */
	double *sum, *square; /* of y, up to each place */
	size_t n;
	double alpha;
	struct msc_change_points *found;
	size_t room;
};

/* ---- Student's t ------------------------------------------------------------------------------- */

/* Abramowitz and Stegun 26.7.3 and 26.7.4. */
double msc_student_outside(double t, size_t freedom)
{
	double angle = atan(t / sqrt((double)freedom)), c = cos(angle), term, sum;
	bool odd = freedom % 2;

	term = sum = odd ? c : 1;
	if (odd && freedom == 1)
		sum = 0;
	for (size_t k = odd ? 3 : 2; k < freedom; k += 2) {
		term *= c * c * (double)(k - 1) / (double)k;
		sum += term;
	}
	sum *= sin(angle);
	sum = odd ? (angle + sum) * 2 / M_PI : sum;
	return sum < 1 ? 1 - sum : 0;
}

double msc_student_point(double p, size_t freedom)
{
	double low = 0, high = 1;

	while (msc_student_outside(high, freedom) > p && high < 1e9)
		high *= 2;
	for (int i = 0; i < 80; i++) {
		double middle = (low + high) / 2;

		if (msc_student_outside(middle, freedom) > p)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static double places(size_t n)
{
	return (double)(n - 2 * SIDE + 1);
}

/* ---- disturbances ------------------------------------------------------------------------------ */

/* Of the value and its two neighbours on either side, at the ends of the outermost five. */
static double around(const double *y, size_t n, size_t i)
{
	size_t from = i < 2 ? 0 : i - 2;

	return msc_median(y + (from + 5 < n ? from : n - 5), 5);
}

/* From differences of neighbours, which a few steps do not touch. Where times are whole frames most of them may be
 * nothing, and the others no disturbance: the upper quartile tells. */
static double scatter_of(const double *y, size_t n, double *room)
{
	for (size_t i = 1; i < n; i++)
		room[i - 1] = fabs(y[i] - y[i - 1]);
	return fmax(NORMAL_MAD * msc_median(room, n - 1),
		    NORMAL_UPPER * msc_quantile(room, n - 1, 0.75)) /
	       M_SQRT2;
}

static void drop_disturbed(struct series *s, const double *y, double *room)
{
	double far = DISTURBED * scatter_of(y, s->n, room);

	for (size_t i = 0; i < s->n; i++) {
		double middle = around(y, s->n, i);

		s->y[i] = fabs(y[i] - middle) > far ? middle : y[i];
	}
}

/* ---- one segment ------------------------------------------------------------------------------- */

static double mean_of(const struct series *s, size_t from, size_t to)
{
	return (s->sum[to] - s->sum[from]) / (double)(to - from);
}

/* Of squares around the mean. */
static double rest(const struct series *s, size_t from, size_t to)
{
	double sum = s->sum[to] - s->sum[from];
	double r = s->square[to] - s->square[from] - sum * sum / (double)(to - from);

	return r > NOTHING ? r : NOTHING;
}

static double rest_of_two(const struct series *s, size_t from, size_t at, size_t to)
{
	return rest(s, from, at) + rest(s, at, to);
}

/* Around a straight line, which rises by so much a place. */
static double rest_of_slope(const struct series *s, size_t from, size_t to, double *slope)
{
	double n = (double)(to - from), mean = mean_of(s, from, to), along = 0;
	double times = n * (n * n - 1) / 12;

	for (size_t i = from; i < to; i++)
		along += (s->y[i] - mean) * ((double)(i - from) - (n - 1) / 2);
	*slope = along / times;
	return rest(s, from, to) - along * along / times;
}

/* The likelihood of a change at each place, when nothing was known of levels and noise before: as
 * large as the place's rest to the power of half the degrees of freedom is small. */
static void find_range(const struct series *s, size_t from, size_t to, struct msc_change_point *p)
{
	double n = (double)(to - from), best = rest_of_two(s, from, p->at, to), all = 0, in;
	size_t first = p->at, last = p->at + 1;

#define LIKELY(k)                                                           \
	(pow(rest_of_two(s, from, k, to) / best, -(n - 2) / 2) /            \
	 sqrt((double)((k) - from) * (double)(to - (k))))
	for (size_t k = from + SIDE; k + SIDE <= to; k++)
		all += LIKELY(k);
	in = LIKELY(p->at);
	while (in < SURE * all && (first > from + SIDE || last + SIDE <= to)) {
		double left = first > from + SIDE ? LIKELY(first - 1) : -1;
		double right = last + SIDE <= to ? LIKELY(last) : -1;

		if (left >= right) {
			in += left;
			first--;
		} else {
			in += right;
			last++;
		}
	}
#undef LIKELY
	p->first = first;
	p->last = last - 1;
}

static struct msc_change_point *add_point(struct series *s, struct msc_err *err)
{
	struct msc_change_points *f = s->found;
	struct msc_change_point *grown;

	if (f->n == s->room) {
		s->room = s->room ? 2 * s->room : 8;
		grown = realloc(f->point, s->room * sizeof *grown);
		if (!grown) {
			msc_nomem(err);
			return NULL;
		}
		f->point = grown;
	}
	f->point[f->n] = (struct msc_change_point){ .at = 0 };
	return &f->point[f->n++];
}

/* The best place of [from, to), and what it is worth. */
static void find_best(const struct series *s, size_t from, size_t to, struct msc_change_point *p)
{
	double n = (double)(to - from), least = INFINITY, gain, t;

	for (size_t k = from + SIDE; k + SIDE <= to; k++) {
		double r = rest_of_two(s, from, k, to);

		if (r < least) {
			least = r;
			p->at = k;
		}
	}
	gain = rest(s, from, to) - least;
	t = gain > 0 ? sqrt(gain / (least / (n - 2))) : 0;
	p->p = msc_student_outside(t, to - from - 2) * places(to - from);
	p->p = p->p < 1 ? p->p : 1;
}

static size_t shorter(size_t len)
{
	size_t half = (len + 1) / 2;

	return half < MSC_POINT_LEAST && len > MSC_POINT_LEAST ? MSC_POINT_LEAST : half;
}

/* A change and its contrary leave the whole as it is, so shorter and shorter windows are looked at, each
 * half over the one before. Those of one length share out what chance is allowed, half of what the
 * lengths before have left. */
static bool find_change(const struct series *s, size_t from, size_t to, struct msc_change_point *p)
{
	double share = s->alpha / 2, windows = 1;

	for (size_t len = to - from; len >= MSC_POINT_LEAST; len = shorter(len)) {
		struct msc_change_point best = { .p = 1 };

		for (size_t at = from;; at += len / 2) {
			size_t begin = at + len < to ? at : to - len;
			struct msc_change_point x = { .at = 0 };

			find_best(s, begin, begin + len, &x);
			best = x.p < best.p ? x : best;
			if (begin + len == to)
				break;
		}
		if (best.p < share / windows) {
			*p = best;
			return true;
		}
		share /= 2;
		windows = 2 * windows + 1;
	}
	return false;
}

static int search(struct series *s, size_t from, size_t to, struct msc_err *err)
{
	struct msc_change_point p = { .at = 0 }, *kept;

	if (to - from < MSC_POINT_LEAST || !find_change(s, from, to, &p))
		return 0;
	if (search(s, from, p.at, err) < 0)
		return -1;
	kept = add_point(s, err);
	if (!kept)
		return -1;
	*kept = p;
	return search(s, p.at, to, err);
}

/* ---- all of it --------------------------------------------------------------------------------- */

static size_t end_of(const struct series *s, size_t i)
{
	return i + 1 < s->found->n ? s->found->point[i + 1].at : s->n;
}

/* Half of a slope lies between the means of its two halves: where it is all that has happened, it is told
 * from end to end. */
static void measure_slope(const struct series *s, double slope, struct msc_change_point *p)
{
	double middle = mean_of(s, 0, s->n), half = slope * (double)(s->n - 1) / 2;

	p->before = s->raw[0] * exp(middle - half);
	p->after = s->raw[0] * exp(middle + half);
	p->shift = p->after / p->before - 1;
	p->have_interval = false;
}

/* Between its neighbours, which are known now. */
static int measure(const struct series *s, size_t i, struct msc_err *err)
{
	struct msc_change_point *p = &s->found->point[i];
	size_t from = i ? s->found->point[i - 1].at : 0, to = end_of(s, i);
	struct msc_sorted a = { NULL, 0 }, b = { NULL, 0 };
	struct msc_shift shift;
	double slope;
	int result = -1;

	find_best(s, from, to, p);
	find_range(s, from, to, p);
	p->gradual = rest_of_slope(s, from, to, &slope) < rest_of_two(s, from, p->at, to);
	p->before = msc_median(s->raw + from, p->at - from);
	p->after = msc_median(s->raw + p->at, to - p->at);
	p->shift = p->after / p->before - 1;
	if (msc_sorted_of(&a, s->raw + from, p->at - from, err) == 0 &&
	    msc_sorted_of(&b, s->raw + p->at, to - p->at, err) == 0) {
		p->have_interval = msc_shift_of(&a, &b, SURE, 1, &shift);
		p->low = shift.low / p->before;
		p->high = shift.high / p->before;
		if (p->gradual && s->found->n == 1)
			measure_slope(s, slope, p);
		result = 0;
	}
	msc_sorted_free(&a);
	msc_sorted_free(&b);
	return result;
}

/* Steps that are too small to be told go, the smallest first, and the levels beside it become one. */
static int drop_small(struct series *s, double threshold, struct msc_err *err)
{
	struct msc_change_points *f = s->found;

	for (;;) {
		size_t least = 0;

		for (size_t i = 0; i < f->n; i++) {
			if (measure(s, i, err) < 0)
				return -1;
			if (fabs(f->point[i].shift) < fabs(f->point[least].shift))
				least = i;
		}
		if (!f->n || fabs(f->point[least].shift) >= threshold)
			return 0;
		f->n--;
		memmove(&f->point[least], &f->point[least + 1], (f->n - least) * sizeof *f->point);
	}
}

/* In the middle of n values: a step of t standard errors. */
static double least_step(double scatter, size_t n, double alpha)
{
	return exp(msc_student_point(alpha / places(n), n - 2) * scatter * 2 / sqrt((double)n)) - 1;
}

size_t msc_change_points_needed(double scatter, double step, double alpha)
{
	for (size_t n = MSC_POINT_LEAST; n <= NEEDED_MAX; n += 1 + n / 50)
		if (least_step(scatter, n, alpha) <= step)
			return n;
	return 0;
}

static void find_scatter(struct series *s)
{
	double squares = 0;
	size_t from = 0;

	for (size_t i = 0; i <= s->found->n; i++) {
		size_t to = i < s->found->n ? s->found->point[i].at : s->n;

		squares += rest(s, from, to);
		from = to;
	}
	s->found->scatter = squares > (double)(s->found->n + 1) * NOTHING
				    ? sqrt(squares / (double)(s->n - s->found->n - 1))
				    : 0;
	s->found->detectable = least_step(s->found->scatter, s->n, s->alpha);
}

static int find_all(struct series *s, double threshold, double *y, struct msc_err *err)
{
	for (size_t i = 0; i < s->n; i++)
		y[i] = log(s->raw[i] / s->raw[0]);
	drop_disturbed(s, y, s->sum);
	s->sum[0] = s->square[0] = 0;
	for (size_t i = 0; i < s->n; i++) {
		s->sum[i + 1] = s->sum[i] + s->y[i];
		s->square[i + 1] = s->square[i] + s->y[i] * s->y[i];
	}
	if (search(s, 0, s->n, err) < 0 || drop_small(s, threshold, err) < 0)
		return -1;
	find_scatter(s);
	return 0;
}

int msc_change_points_of(const double *x, size_t n, double threshold, double alpha,
			 struct msc_change_points *found, struct msc_err *err)
{
	struct series s = { .raw = x, .n = n, .alpha = alpha, .found = found };
	double *y;
	int result = -1;

	*found = (struct msc_change_points){ .scatter = INFINITY, .detectable = INFINITY };
	if (n < MSC_POINT_LEAST)
		return 0;
	y = malloc(n * sizeof *y);
	s.y = malloc(n * sizeof *s.y);
	s.sum = malloc((n + 1) * sizeof *s.sum);
	s.square = malloc((n + 1) * sizeof *s.square);
	if (y && s.y && s.sum && s.square)
		result = find_all(&s, threshold, y, err);
	else
		msc_nomem(err);
	free(y);
	free(s.y);
	free(s.sum);
	free(s.square);
	return result;
}

void msc_change_points_free(struct msc_change_points *p)
{
	free(p->point);
	*p = (struct msc_change_points){ .point = NULL };
}
