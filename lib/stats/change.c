/* SPDX-License-Identifier: BSD-2-Clause */
/* Two samples of times: see change.h. */
#include "stats/change.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/point.h"

#define GROUPS	  10 /* of averaged samples on each side: fewer cannot be told apart */
#define GROUP_MAX 20 /* samples in a group */
#define NEEDED_MAX 1000000 /* beyond it, a quieter machine is the better advice */

const char *msc_change_name(enum msc_change change)
{
	static const char *const names[] = { "same", "slower", "faster", "unknown" };

	return names[change];
}

struct means {
	double base, later;
	double half; /* of the interval of their difference */
	double p;
};

struct pair {
	struct msc_changed *r;
	double threshold, alpha;
	double *a, *b; /* in the order of time */
	size_t na, nb;
	struct msc_sorted sa, sb;
	double spread;
	struct means single; /* of samples that are averaged */
	uint32_t clump; /* of samples to average, if there were enough */
};

/* Means of consecutive ones, in place. What is left over at the end is left out. */
static size_t average(double *x, size_t n, size_t group)
{
	for (size_t i = 0; i < n / group; i++) {
		double sum = 0;

		for (size_t k = 0; k < group; k++)
			sum += x[i * group + k];
		x[i] = sum / (double)group;
	}
	return n / group;
}

/* The widest gap in the middle four fifths of the values, as a share of their median. */
static double widest_gap(const struct msc_sorted *s)
{
	double widest = 0;

	for (size_t i = s->n / 10 + 1; i + s->n / 10 < s->n; i++) {
		double gap = s->x[i] - s->x[i - 1];

		widest = gap > widest ? gap : widest;
	}
	return widest / s->x[s->n / 2];
}

/* How many commands to average so that means fill the gaps between the clumps: 1 where there are
 * no clumps, 0 where there are too few samples. */
static uint32_t choose_group(struct pair *p)
{
	double a = widest_gap(&p->sa), b = widest_gap(&p->sb), gap = a > b ? a : b;
	double wanted = ceil(2 * gap / p->threshold);
	size_t fewer = p->na < p->nb ? p->na : p->nb;

	if (gap <= p->threshold)
		return 1;
	if (wanted > GROUP_MAX)
		wanted = GROUP_MAX;
	p->clump = (uint32_t)wanted;
	return (uint32_t)(wanted < (double)(fewer / GROUPS) ? wanted : (double)(fewer / GROUPS));
}

static int sort_both(struct pair *p, struct msc_err *err)
{
	return msc_sorted_of(&p->sa, p->a, p->na, err) < 0 ||
			       msc_sorted_of(&p->sb, p->b, p->nb, err) < 0
		       ? -1
		       : 0;
}

/* The difference of the two, each in units of its median, place by place in the order of time. */
static int find_memory(struct pair *p, struct msc_err *err)
{
	size_t n = p->na < p->nb ? p->na : p->nb;
	double a = msc_median(p->a, p->na), b = msc_median(p->b, p->nb);
	double *d = malloc(n * sizeof *d);
	int result;

	if (!d)
		return msc_nomem(err);
	for (size_t i = 0; i < n; i++)
		d[i] = p->b[i * p->nb / n] / b - p->a[i * p->na / n] / a;
	result = msc_memory_of(d, n, &p->r->memory, err);
	free(d);
	return result;
}

/* Of means: what reaches no further than one of them is inside it. Ten means would tell less of how they
 * resemble each other than the samples do. */
static void share_memory(struct pair *p)
{
	struct msc_changed *r = p->r;

	r->memory = r->memory > r->group ? r->memory / r->group : 1;
	p->spread = sqrt(r->memory);
}

static int find_drift(struct pair *p, struct msc_err *err)
{
	struct msc_changed *r = p->r;
	double from = 1, to = 1;

	if (msc_drift_of(p->a, p->na, &r->base_drifts, &from, &to, err) < 0)
		return -1;
	r->base_drift = r->base_drifts ? to / from - 1 : 0;
	if (msc_drift_of(p->b, p->nb, &r->later_drifts, &from, &to, err) < 0)
		return -1;
	r->later_drift = r->later_drifts ? to / from - 1 : 0;
	return 0;
}

/* ---- means -------------------------------------------------------------------------------------- */

static double mean_of(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum / (double)n;
}

/* The square of its standard error. */
static double error_of(const double *x, size_t n, double mean)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	return sum / (double)(n - 1) / (double)n;
}

/* Welch (1947): the difference of two means. Means of a few clumped times lie on a grid of their own, on which
 * a shift of ranks jumps by several per cent. */
static struct means difference_of(const struct pair *p, double memory)
{
	struct means m = { mean_of(p->a, p->na), mean_of(p->b, p->nb), 0, 0 };
	double ea = error_of(p->a, p->na, m.base), eb = error_of(p->b, p->nb, m.later);
	double ratio = ea * ea / (double)(p->na - 1) + eb * eb / (double)(p->nb - 1);
	size_t freedom = ratio > 0 ? (size_t)((ea + eb) * (ea + eb) / ratio) : p->na + p->nb - 2;
	double error = sqrt((ea + eb) * memory), shift = fabs(m.later - m.base);

	m.half = error * msc_student_point(p->alpha, freedom);
	m.p = shift > 0 ? msc_student_outside(shift / error, freedom) : 1;
	return m;
}

static void shift_of_means(struct pair *p, struct msc_shift *s)
{
	struct msc_changed *r = p->r;
	struct means m = difference_of(p, r->memory);

	if (p->single.half < m.half)
		m = p->single;
	r->have_interval = true;
	r->base = m.base;
	r->later = m.later;
	r->p = m.p;
	s->shift = m.later - m.base;
	s->low = s->shift - m.half;
	s->high = s->shift + m.half;
}

/* ---- how many would do ------------------------------------------------------------------------- */

/* Of two digits, rounded up: more would be no better known. */
static uint32_t rounded_up(double commands)
{
	double unit = 1;

	while (commands / unit > 99)
		unit *= 10;
	commands = ceil(commands / unit) * unit;
	return commands > NEEDED_MAX ? 0 : (uint32_t)commands;
}

/* Enough of both for an interval at all, each with as many. */
static uint32_t needed_for_interval(const struct pair *p)
{
	size_t n = p->na < p->nb ? p->na : p->nb;

	while (n * p->r->group < NEEDED_MAX &&
	       !msc_shift_has_interval(n, n, 1 - p->alpha, p->spread))
		n++;
	return rounded_up((double)n * p->r->group);
}

/* The interval narrows with the square root of the number; the shift itself moves, so a quarter more. */
static uint32_t needed_for_width(const struct pair *p)
{
	const struct msc_changed *r = p->r;
	double n = (double)(p->na < p->nb ? p->na : p->nb) * r->group;
	double wide = (r->high - r->low) / (2 * p->threshold);

	return rounded_up(1.25 * n * (wide > 1 ? wide * wide : 1));
}

static void unknown(struct pair *p, uint32_t needed)
{
	struct msc_changed *r = p->r;
	size_t used;

	r->change = MSC_CHANGE_UNKNOWN;
	r->needed = needed;
	if (r->have_interval)
		snprintf(r->reason, sizeof r->reason,
			 "not enough data: the shift is anything from %+.1f to %+.1f %%",
			 100 * r->low, 100 * r->high);
	else
		snprintf(r->reason, sizeof r->reason,
			 "not enough data: %zu and %zu samples allow no interval of %.4g %%", p->na,
			 p->nb, 100 * r->confidence);
	used = strlen(r->reason);
	if (needed)
		snprintf(r->reason + used, sizeof r->reason - used, "; about %u of each would do",
			 needed);
}

static void shift_of_ranks(struct pair *p, struct msc_shift *s)
{
	struct msc_changed *r = p->r;

	r->have_interval = msc_shift_of(&p->sa, &p->sb, r->confidence, p->spread, s);
	r->p = msc_mann_whitney(&p->sa, &p->sb, p->spread);
}

/* The rule of change.h. */
static void judge(struct pair *p)
{
	struct msc_changed *r = p->r;
	struct msc_shift s;

	r->confidence = 1 - p->alpha;
	if (r->group > 1)
		shift_of_means(p, &s);
	else
		shift_of_ranks(p, &s);
	r->shift = s.shift / r->base;
	r->low = s.low / r->base;
	r->high = s.high / r->base;

	if (!r->have_interval) {
		unknown(p, needed_for_interval(p));
		return;
	}
	if (fabs(r->shift) < p->threshold) {
		if (r->low <= -2 * p->threshold || r->high >= 2 * p->threshold)
			unknown(p, needed_for_width(p));
	} else if (r->p >= p->alpha || (r->low <= 0 && r->high >= 0)) {
		unknown(p, needed_for_width(p));
	} else {
		r->change = r->shift > 0 ? MSC_CHANGE_SLOWER : MSC_CHANGE_FASTER;
	}
}

static int compare_pair(struct pair *p, struct msc_err *err)
{
	struct msc_changed *r = p->r;

	r->base = msc_median(p->a, p->na);
	r->later = msc_median(p->b, p->nb);
	if (find_drift(p, err) < 0 || find_memory(p, err) < 0 || sort_both(p, err) < 0)
		return -1;
	r->group = choose_group(p);
	if (r->group == 0) {
		r->group = 1;
		r->change = MSC_CHANGE_UNKNOWN;
		r->needed = GROUPS * p->clump;
		snprintf(r->reason, sizeof r->reason,
			 "not enough data: the times lie far apart, and %zu samples are too few to "
			 "average; %u of each would do",
			 p->na < p->nb ? p->na : p->nb, r->needed);
		return 0;
	}
	if (r->group > 1) {
		p->single = difference_of(p, r->memory);
		p->na = average(p->a, p->na, r->group);
		p->nb = average(p->b, p->nb, r->group);
	}
	share_memory(p);
	judge(p);
	return 0;
}

int msc_change_of(double *base, size_t n_base, double *later, size_t n_later, double threshold,
		  double alpha, struct msc_changed *r, struct msc_err *err)
{
	struct pair p = { .r = r,
			  .threshold = threshold,
			  .alpha = alpha,
			  .a = base,
			  .b = later,
			  .na = n_base,
			  .nb = n_later,
			  .spread = 1 };
	int result;

	*r = (struct msc_changed){ .group = 1, .memory = 1, .p = 1 };
	if (!n_base || !n_later) {
		r->change = MSC_CHANGE_UNKNOWN;
		r->confidence = 1 - alpha;
		r->needed = needed_for_interval(&p);
		snprintf(r->reason, sizeof r->reason, "not enough data: no samples in the %s",
			 n_base ? "new one" : "base");
		return 0;
	}
	result = compare_pair(&p, err);
	msc_sorted_free(&p.sa);
	msc_sorted_free(&p.sb);
	return result;
}

int msc_change_clumps(const double *x, size_t n, double threshold, bool *clumps,
		      struct msc_err *err)
{
	struct msc_sorted s;

	if (msc_sorted_of(&s, x, n, err) < 0)
		return -1;
	*clumps = n && widest_gap(&s) > threshold;
	msc_sorted_free(&s);
	return 0;
}
