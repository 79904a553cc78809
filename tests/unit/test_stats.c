/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics against what a slower, plainer way gives: sorted copies, all pairs, all ways to share
 * ranks out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "stats/stats.h"

#define CLOSE(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-9 * (1 + fabs((double)(b))))

static struct msc_err err;

static double uniform(struct msc_rng *r)
{
	return (double)(msc_rng_next(r) >> 11) / 9007199254740992.0;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct msc_sorted sorted(const double *x, size_t n)
{
	struct msc_sorted s;

	assert_int_equal(msc_sorted_of(&s, x, n, &err), 0);
	return s;
}

/* ---- order statistics -------------------------------------------------------------------------- */

static void quantiles_are_those_of_the_sorted_sample(void **state)
{
	struct msc_rng rng = { .state = 1 };

	(void)state;
	for (size_t n = 1; n < 40; n++) {
		double x[40], s[40];

		for (size_t i = 0; i < n; i++) /* with ties, negative ones and both zeros */
			x[i] = s[i] = (double)msc_rng_below(&rng, 21) - 10;
		qsort(s, n, sizeof *s, ascending);
		CLOSE(msc_median(x, n), (s[(n - 1) / 2] + s[n / 2]) / 2);
		CLOSE(msc_quantile(x, n, 0), s[0]);
		CLOSE(msc_quantile(x, n, 1), s[n - 1]);
		for (int p = 1; p < 100; p++) {
			double at = p / 100.0 * (double)(n - 1), floor_at = floor(at);
			size_t k = (size_t)floor_at;
			double want = k + 1 < n ? s[k] + (at - floor_at) * (s[k + 1] - s[k]) : s[k];

			CLOSE(msc_quantile(x, n, p / 100.0), want);
		}
	}
}

static void interval_of_the_median(void **state)
{
	/* n, and which order statistics bound the median with 95 %: from tables of the sign test */
	static const struct {
		size_t n, k;
	} rows[] = { { 5, 0 },  { 6, 1 },  { 8, 1 },   { 9, 2 },   { 12, 3 },
		     { 20, 6 }, { 25, 8 }, { 50, 18 }, { 100, 40 } };
	double x[100], low, high;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		x[i] = (double)(99 - i) + 1;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const double *part = x + 100 - rows[i].n; /* n, ..., 1 */
		bool known = msc_median_interval(part, rows[i].n, 0.95, &low, &high);

		assert_int_equal(known, rows[i].k > 0);
		if (!known)
			continue;
		CLOSE(low, (double)rows[i].k);
		CLOSE(high, (double)(rows[i].n + 1 - rows[i].k));
	}
}

static void intervals_cover_as_often_as_they_say(void **state)
{
	struct msc_rng rng = { .state = 7 };
	unsigned covered = 0, draws = 4000;
	double x[31], low, high;

	(void)state;
	for (unsigned i = 0; i < draws; i++) {
		for (size_t k = 0; k < 31; k++)
			x[k] = uniform(&rng);
		assert_true(msc_median_interval(x, 31, 0.95, &low, &high));
		covered += low <= 0.5 && 0.5 <= high;
	}
	assert_in_range(covered, 0.95 * draws, 0.985 * draws);
}

/* ---- line -------------------------------------------------------------------------------------- */

static void a_line_is_found_again(void **state)
{
	const double bytes[] = { 512, 4096, 32768, 65536 };
	double ns[4];
	struct msc_line l;

	(void)state;
	for (int i = 0; i < 4; i++)
		ns[i] = 1.5e6 + 820 * bytes[i];
	assert_true(msc_fit_line(bytes, ns, 4, &l));
	CLOSE(l.per_command_ns, 1.5e6);
	CLOSE(l.per_byte_ns, 820);
	assert_true(l.worst_residual < 1e-9);
	ns[1] *=
		3; /* one size disturbed does not bend the line much, and is what the residual shows */
	assert_true(msc_fit_line(bytes, ns, 4, &l));
	assert_true(fabs(l.per_byte_ns / 820 - 1) < 0.05);
	assert_true(l.worst_residual > 0.4);
	assert_false(msc_fit_line(bytes, ns, 1, &l));
	assert_false(msc_fit_line((const double[]){ 512, 512 }, ns, 2, &l));
}

/* ---- two samples ------------------------------------------------------------------------------- */

/* The share of all ways to take na of the n values for a, whose U lies as far from the middle. */
static double enumerate(const double *all, size_t n, size_t na)
{
	double middle = (double)na * (double)(n - na) / 2, seen = 0;
	unsigned far = 0, count = 0;

	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned set = pass ? 0 : (1u << na) - 1; set < 1u << n; set++) {
			double u = 0;

			if ((size_t)__builtin_popcount(set) != na)
				continue;
			for (size_t i = 0; i < n; i++)
				for (size_t j = 0; j < n; j++)
					if (set >> i & 1 && !(set >> j & 1))
						u += all[i] < all[j]    ? 1
						     : all[i] == all[j] ? 0.5
									: 0;
			if (!pass) { /* the first set is the one that was drawn */
				seen = fabs(u - middle);
				break;
			}
			count++;
			far += fabs(u - middle) >= seen - 1e-9;
		}
	}
	return (double)far / count;
}

static void small_samples_are_tested_exactly(void **state)
{
	struct msc_rng rng = { .state = 3 };

	(void)state;
	for (int round = 0; round < 60; round++) {
		size_t na = 1 + msc_rng_below(&rng, 5), nb = 1 + msc_rng_below(&rng, 5);
		unsigned values = round % 2 ? 4 : 1000; /* with many ties, and with few */
		struct msc_sorted a, b;
		double all[10];

		for (size_t i = 0; i < na + nb; i++)
			all[i] = msc_rng_below(&rng, values);
		a = sorted(all, na);
		b = sorted(all + na, nb);
		CLOSE(msc_mann_whitney(&a, &b, 1), enumerate(all, na + nb, na));
		CLOSE(msc_mann_whitney(&a, &b, 1), msc_mann_whitney(&b, &a, 1));
		msc_sorted_free(&a);
		msc_sorted_free(&b);
	}
}

static void large_samples_are_tested_as_others_do_it(void **state)
{
	/* a[i] = i % 17 + i / 10, b[i] = i % 13 + i / 10 + shift; scipy 1.10.1 mannwhitneyu,
	 * two-sided, asymptotic, with continuity correction */
	static const struct {
		size_t na, nb;
		double shift, p;
	} rows[] = { { 30, 30, 0, 0.1881567342861068 },
		     { 30, 40, 2.5, 0.1596242962765957 },
		     { 25, 25, 7, 7.546252688563234e-05 } };
	double x[40], y[40];

	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		struct msc_sorted a, b;

		for (size_t i = 0; i < rows[r].na; i++)
			x[i] = (double)(i % 17) + (double)i / 10;
		for (size_t i = 0; i < rows[r].nb; i++)
			y[i] = (double)(i % 13) + (double)i / 10 + rows[r].shift;
		a = sorted(x, rows[r].na);
		b = sorted(y, rows[r].nb);
		CLOSE(msc_mann_whitney(&a, &b, 1), rows[r].p);
		assert_true(msc_mann_whitney(&a, &b, 2) >
			    rows[r].p); /* less certain, less telling */
		msc_sorted_free(&a);
		msc_sorted_free(&b);
	}
}

static void shift_is_the_median_of_all_differences(void **state)
{
	struct msc_rng rng = { .state = 5 };

	(void)state;
	for (int round = 0; round < 50; round++) {
		size_t na = 1 + msc_rng_below(&rng, 30), nb = 1 + msc_rng_below(&rng, 30), n = 0;
		double x[30], y[30], all[900];
		struct msc_sorted a, b;
		struct msc_shift s;

		for (size_t i = 0; i < na; i++)
			x[i] = (double)msc_rng_below(&rng, 50) - 25;
		for (size_t i = 0; i < nb; i++)
			y[i] = uniform(&rng) * 50 - 25;
		for (size_t i = 0; i < na; i++)
			for (size_t j = 0; j < nb; j++)
				all[n++] = y[j] - x[i];
		qsort(all, n, sizeof *all, ascending);
		a = sorted(x, na);
		b = sorted(y, nb);
		if (msc_shift_of(&a, &b, 0.95, 1, &s))
			assert_true(s.low <= s.shift && s.shift <= s.high);
		CLOSE(s.shift, (all[(n - 1) / 2] + all[n / 2]) / 2);
		msc_sorted_free(&a);
		msc_sorted_free(&b);
	}
}

static void interval_of_the_shift(void **state)
{
	/* 95 %: how many differences are left out on each side, from tables of Mann and Whitney */
	static const struct {
		size_t na, nb, k;
	} rows[] = { { 3, 3, 0 }, { 4, 4, 1 },  { 5, 5, 3 },
		     { 6, 6, 6 }, { 8, 8, 14 }, { 10, 10, 24 } };
	double x[10], y[10];

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		x[i] = (double)i;
		y[i] = (double)i * 16; /* so that all differences differ */
	}
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		struct msc_sorted a = sorted(x, rows[r].na), b = sorted(y, rows[r].nb);
		size_t below = 0;
		struct msc_shift s;
		bool known = msc_shift_of(&a, &b, 0.95, 1, &s);

		assert_int_equal(known, rows[r].k > 0);
		for (size_t i = 0; i < rows[r].na; i++)
			for (size_t j = 0; j < rows[r].nb; j++)
				below += y[j] - x[i] < s.low;
		if (known)
			assert_int_equal(below, rows[r].k - 1);
		msc_sorted_free(&a);
		msc_sorted_free(&b);
	}
}

static void nothing_is_said_of_nothing(void **state)
{
	struct msc_sorted none = sorted(NULL, 0), one = sorted((const double[]){ 4 }, 1);
	struct msc_shift s;

	(void)state;
	assert_false(msc_shift_of(&none, &one, 0.95, 1, &s));
	assert_false(msc_shift_of(&one, &one, 0.95, 1, &s));
	CLOSE(s.shift, 0);
	CLOSE(msc_mann_whitney(&none, &one, 1), 1);
	CLOSE(msc_mann_whitney(&one, &one, 1), 1);
	msc_sorted_free(&none);
	msc_sorted_free(&one);
}

/* ---- in the order of time ---------------------------------------------------------------------- */

static void memory_of_a_sample(void **state)
{
	struct msc_rng rng = { .state = 11 };
	double x[2000], before = 0, memory;

	(void)state;
	for (size_t i = 0; i < 2000; i++)
		x[i] = uniform(&rng);
	assert_int_equal(msc_memory_of(x, 2000, &memory, &err), 0);
	assert_true(memory < 1.3);
	for (size_t i = 0; i < 2000; i++) /* (1 + 0.8) / (1 - 0.8) = 9 weigh as much as one */
		before = x[i] = 0.8 * before + uniform(&rng) - 0.5;
	assert_int_equal(msc_memory_of(x, 2000, &memory, &err), 0);
	assert_true(memory > 6 && memory < 13);
	for (size_t i = 0; i < 2000; i++)
		x[i] = 3;
	assert_int_equal(msc_memory_of(x, 2000, &memory, &err), 0);
	CLOSE(memory, 1);
}

static void drift_of_a_sample(void **state)
{
	struct msc_rng rng = { .state = 13 };
	double x[100], from, to;
	unsigned alarms = 0;
	bool drifts;

	(void)state;
	for (unsigned k = 0; k < 500; k++) {
		for (size_t i = 0; i < 100; i++)
			x[i] = 100 + uniform(&rng);
		assert_int_equal(msc_drift_of(x, 100, &drifts, &from, &to, &err), 0);
		alarms += drifts;
	}
	assert_in_range(alarms, 0, 4);
	for (size_t i = 0; i < 100; i++)
		x[i] = 100 + uniform(&rng) + (double)i / 100 * 6;
	assert_int_equal(msc_drift_of(x, 100, &drifts, &from, &to, &err), 0);
	assert_true(drifts);
	assert_true(to - from > 3.5 && to - from < 4.5);
}

static void middle_mean(void **state)
{
	static const double x[] = { 4, 1, 900, 2, 3, 0, 5, 6, 8, 7 };
	double mean;

	(void)state;
	assert_int_equal(msc_middle_mean(x, 10, 0.8, &mean, &err), 0);
	assert_true(mean == 4.5);
	assert_int_equal(msc_middle_mean(x, 3, 0.8, &mean, &err), 0);
	assert_true(fabs(mean - 905.0 / 3) < 1e-9);
	assert_int_equal(msc_middle_mean(x, 1, 0.8, &mean, &err), 0);
	assert_true(mean == 4);
}

/* Ten and ten have an interval of 99.75 % until they weigh as eight and eight do: the exact distribution,
 * not its tail as of a normal one, says so. */
static void few_samples_that_resemble_each_other(void **state)
{
	(void)state;
	assert_true(msc_shift_has_interval(10, 10, 0.9975, 1));
	assert_true(msc_shift_has_interval(10, 10, 0.9975, 1.4));
	assert_false(msc_shift_has_interval(10, 10, 0.9975, 1.6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_samples_that_resemble_each_other),
		cmocka_unit_test(middle_mean),
		cmocka_unit_test(quantiles_are_those_of_the_sorted_sample),
		cmocka_unit_test(interval_of_the_median),
		cmocka_unit_test(intervals_cover_as_often_as_they_say),
		cmocka_unit_test(a_line_is_found_again),
		cmocka_unit_test(small_samples_are_tested_exactly),
		cmocka_unit_test(large_samples_are_tested_as_others_do_it),
		cmocka_unit_test(shift_is_the_median_of_all_differences),
		cmocka_unit_test(interval_of_the_shift),
		cmocka_unit_test(nothing_is_said_of_nothing),
		cmocka_unit_test(memory_of_a_sample),
		cmocka_unit_test(drift_of_a_sample),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
