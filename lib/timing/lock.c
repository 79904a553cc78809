/* SPDX-License-Identifier: BSD-2-Clause */
/* Do events keep to a period? Circular statistics: each event is an arrow whose angle is its phase;
 * the mean of the arrows is long when the phases agree, and its length is the resultant (Rayleigh).
 *
 * An event that is known only to lie within an interval is the mean of the arrows of the interval,
 * which is shorter. Intervals that are cut by a host's frames do so without favour to a phase: over
 * events that come at any time, their arrows cancel like exact ones.
 *
 * Events of one group (one long read) follow each other and are not independent; groups begin at
 * strobed instants and are. So the evidence is the sum of the groups' arrows against what their
 * lengths alone would give in a random walk: under chance that ratio is above x with probability
 * exp(-x), for each period that is tried.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "timing/pace.h"

#define TURN	     6.283185307179586
#define OVERSAMPLE   3.0  /* periods tried in the width of one peak */
#define FINE	     10.0 /* the same, where few are tried */
#define STRETCH	     64	  /* neighbouring periods between exact computations */
#define SCAN_GROUPS  256 /* at most, and of each so many events: */
#define SCAN_EVENTS  4
#define WEIGHT_LEAST 0.5
#define PEAKS	     48
#define SPAN_MOST    60e9 /* ns */
#define TRIALS_MOST  20000.0
#define SURE	     9.0  /* exp(-9): what chance is left beyond the number of periods tried */
#define NEARLY_BEST  0.85 /* a longer period is taken if its resultant is so near the best one's */
#define GROUPS_LEAST 8

struct arrows {
	double resultant; /* against what it would be if all agreed: intervals are given their due */
	double evidence;
	double re, im; /* of their sum */
};

/* Of so many turns, the last one that is not whole. */
static double angle_of(double turns)
{
	return TURN * (turns - (double)(int64_t)turns);
}

/* The mean of the arrows of an interval, against an exact one: sin(x) / x. */
static double shortened(double half_ns, double turns_per_ns)
{
	double x = TURN * half_ns * turns_per_ns;

	return x < 1e-6 ? 1 : sin(x) / x;
}

/* `weights`: the sum of the arrows' lengths. Below WEIGHT_LEAST of n they say next to nothing. */
static struct arrows sum_of(double re, double im, double squares, double weights, size_t n)
{
	double length2 = re * re + im * im;

	return (struct arrows){ sqrt(length2) / fmax(weights, WEIGHT_LEAST * (double)n),
				squares > 0 ? length2 / squares : 0, re, im };
}

static struct arrows arrows_at(const struct msc_event_time *e, size_t n, double f)
{
	double re = 0, im = 0, squares = 0, weights = 0;

	for (size_t i = 0; i < n;) {
		size_t group = e[i].group;
		double a = 0, b = 0;

		for (; i < n && e[i].group == group; i++) {
			double w = shortened(e[i].half_ns, f), angle = angle_of(e[i].at_ns * f);

			weights += fabs(w);
			a += w * cos(angle);
			b += w * sin(angle);
		}
		re += a;
		im += b;
		squares += a * a + b * b;
	}
	return sum_of(re, im, squares, weights, n);
}

/* ---- many neighbouring periods ---------------------------------------------------------------- */

struct turning { /* one event's arrow, which turns by a fixed angle from one frequency to the next */
	double re, im, step_re, step_im;
};

/* Returns the sum of their lengths. */
static double set_arrows(struct turning *t, const struct msc_event_time *e, size_t n, double f,
			 double df)
{
	double weights = 0;

	for (size_t i = 0; i < n; i++) {
		double angle = angle_of(e[i].at_ns * f), step = TURN * e[i].at_ns * df;
		double weight = shortened(e[i].half_ns, f + df * STRETCH / 2);

		t[i] = (struct turning){ weight * cos(angle), weight * sin(angle), cos(step),
					 sin(step) };
		weights += fabs(weight);
	}
	return weights;
}

static struct arrows turn(struct turning *t, const struct msc_event_time *e, size_t n,
			  double weights)
{
	double re = 0, im = 0, squares = 0;

	for (size_t i = 0; i < n;) {
		size_t group = e[i].group;
		double a = 0, b = 0;

		for (; i < n && e[i].group == group; i++) {
			double r = t[i].re;

			a += r;
			b += t[i].im;
			t[i].re = r * t[i].step_re - t[i].im * t[i].step_im;
			t[i].im = r * t[i].step_im + t[i].im * t[i].step_re;
		}
		re += a;
		im += b;
		squares += a * a + b * b;
	}
	return sum_of(re, im, squares, weights, n);
}

struct peak {
	double f, resultant, evidence;
};

/* The best frequency within df of f. */
static struct peak climb(const struct msc_event_time *e, size_t n, double f, double df)
{
	struct peak best = { f, -1, 0 };

	for (int round = 0; round < 4; round++, df /= 6) {
		double centre = round ? best.f : f;

		for (int i = -6; i <= 6; i++) {
			double at = centre + df * i / 6;
			struct arrows a = arrows_at(e, n, at);

			if (a.resultant > best.resultant)
				best = (struct peak){ at, a.resultant, a.evidence };
		}
	}
	return best;
}

static void keep_peak(struct peak *peaks, size_t *n, struct peak p)
{
	size_t worst = 0;

	if (*n < PEAKS) {
		peaks[(*n)++] = p;
		return;
	}
	for (size_t i = 1; i < *n; i++)
		if (peaks[i].resultant < peaks[worst].resultant)
			worst = i;
	if (p.resultant > peaks[worst].resultant)
		peaks[worst] = p;
}

/* Tries frequencies from `from` on in steps of df, and keeps the peaks that chance does not
 * explain. */
static size_t scan(const struct msc_event_time *e, size_t n, struct turning *t, double from,
		   double df, size_t steps, struct peak *peaks)
{
	double before = 0, sure = log((double)steps) + SURE, weights = 0;
	struct peak last = { 0, 0, 0 };
	size_t found = 0;

	for (size_t i = 0; i < steps; i++) {
		struct arrows a;

		if (i % STRETCH == 0)
			weights = set_arrows(t, e, n, from + df * (double)i, df);
		a = turn(t, e, n, weights);
		if (last.resultant > before && last.resultant >= a.resultant &&
		    last.evidence > sure)
			keep_peak(peaks, &found, last);
		before = last.resultant;
		last = (struct peak){ from + df * (double)i, a.resultant, a.evidence };
	}
	return found;
}

/* ---- looking for a period -------------------------------------------------------------------- */

static size_t count_groups(const struct msc_event_time *e, size_t n)
{
	size_t groups = 0;

	for (size_t i = 0; i < n; i++)
		groups += i == 0 || e[i].group != e[i - 1].group;
	return groups;
}

/* The first few of the first groups, with times from the first event on. None is so far away that
 * clocks would have to be better than they are. */
static size_t choose(const struct msc_event_time *e, size_t n, struct msc_event_time *out)
{
	size_t groups = 0, in_group = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool same = i && e[i].group == e[i - 1].group;
		double at = e[i].at_ns - e[0].at_ns;

		in_group = same ? in_group + 1 : 0;
		groups += !same;
		if (groups <= SCAN_GROUPS && in_group < SCAN_EVENTS && fabs(at) <= SPAN_MOST) {
			out[kept] = e[i];
			out[kept++].at_ns = at;
		}
	}
	return kept;
}

static double span_of(const struct msc_event_time *e, size_t n)
{
	double last = 0;

	for (size_t i = 0; i < n; i++)
		last = fmax(last, fabs(e[i].at_ns - e[0].at_ns));
	return last;
}

static void fill_in(const struct msc_event_time *e, size_t n, double f, double trials,
		    struct msc_pace_lock *out)
{
	struct arrows a = arrows_at(e, n, f);
	double turns = atan2(a.im, a.re) / TURN;

	out->period_ns = 1 / f;
	out->phase_ns = (turns < 0 ? turns + 1 : turns) / f;
	out->resultant = a.resultant;
	out->chance = fmin(1, trials * exp(-a.evidence));
	out->events = n;
}

int msc_find_lock(const struct msc_event_time *e, size_t n, double shortest_ns, double longest_ns,
		  struct msc_pace_lock *out, struct msc_err *err)
{
	struct peak peaks[PEAKS], best = { 0, 0, 0 };
	struct msc_event_time *few;
	struct turning *t;
	size_t kept, found, steps;
	double df;

	*out = (struct msc_pace_lock){ .chance = 1, .events = n };
	if (count_groups(e, n) < GROUPS_LEAST || span_of(e, n) < 2 * longest_ns)
		return 0;
	few = calloc(n, sizeof *few);
	t = calloc(n, sizeof *t);
	if (!few || !t) {
		free(few);
		free(t);
		return msc_nomem(err);
	}
	kept = choose(e, n, few);
	df = 1 / (OVERSAMPLE * span_of(few, kept));
	steps = (size_t)((1 / shortest_ns - 1 / longest_ns) / df);
	found = scan(few, kept, t, 1 / longest_ns, df, steps, peaks);
	for (size_t i = 0; i < found; i++) {
		peaks[i] = climb(few, kept, peaks[i].f, df);
		if (peaks[i].resultant > best.resultant)
			best = peaks[i];
	}
	/* Its harmonics agree as well as the period itself does: the longest is meant. */
	for (size_t i = 0; i < found; i++)
		if (peaks[i].resultant >= NEARLY_BEST * best.resultant && peaks[i].f < best.f)
			best.f = peaks[i].f;
	if (found) {
		fill_in(few, kept, best.f, (double)steps, out);
		out->phase_ns = fmod(out->phase_ns + e[0].at_ns, out->period_ns);
	}
	out->events = n;
	free(few);
	free(t);
	return 0;
}

void msc_test_lock(const struct msc_event_time *e, size_t n, double period_ns, double ppm,
		   struct msc_pace_lock *out)
{
	double span = span_of(e, n), range = ppm * 1e-6 / period_ns;
	double df = span > 0 ? fmin(range, 1 / (FINE * span)) : range;
	double trials = 2 * range / df + 1;
	struct peak best = { 1 / period_ns, -1, 0 };

	*out = (struct msc_pace_lock){ .chance = 1, .events = n };
	if (n < GROUPS_LEAST || !(trials < TRIALS_MOST))
		return;
	for (double f = 1 / period_ns - range; f <= 1 / period_ns + range * 1.001; f += df) {
		struct arrows a = arrows_at(e, n, f);

		if (a.resultant > best.resultant)
			best = (struct peak){ f, a.resultant, a.evidence };
	}
	best = climb(e, n, best.f, df);
	fill_in(e, n, best.f, trials, out);
}
