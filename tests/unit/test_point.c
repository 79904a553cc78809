/* SPDX-License-Identifier: BSD-2-Clause */
/* Change points: of series without one, with one, with two, with disturbances; how often they are
 * wrong, and how often the range holds the true place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "stats/point.h"

#define MS 1e6
#define ALPHA 0.01

static double uniform(struct msc_rng *r)
{
	return ((double)(msc_rng_next(r) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct msc_rng *r)
{
	return sqrt(-2 * log(uniform(r))) * cos(2 * M_PI * uniform(r));
}

static struct msc_change_points of(const double *x, size_t n)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_change_points p;

	assert_int_equal(msc_change_points_of(x, n, 0.05, ALPHA, &p, &err), 0);
	return p;
}

/* Against tables of Student's distribution. */
static void student(void **state)
{
	static const struct {
		size_t freedom;
		double t, outside;
	} rows[] = { { 1, 12.706, 0.05 }, { 2, 4.3027, 0.05 }, { 3, 5.8409, 0.01 },
		     { 4, 8.6103, 0.001 }, { 5, 2.5706, 0.05 }, { 10, 3.1693, 0.01 },
		     { 29, 2.7564, 0.01 }, { 30, 3.6460, 0.001 }, { 7, 0, 1 } };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		double p = msc_student_outside(rows[i].t, rows[i].freedom);

		assert_true(fabs(p / rows[i].outside - 1) < 1e-3);
	}
}

/* A simulated device: no noise at all. */
static void exact_series(void **state)
{
	static const double flat[] = { 3, 3, 3, 3, 3, 3 }, up[] = { 3, 3, 3, 3.3, 3.3, 3.3 },
			    late[] = { 3, 3, 3, 3, 3, 2.7, 2.7, 2.7 },
			    alone[] = { 3, 3, 3, 3, 9, 3, 3, 3 },
			    newest[] = { 3, 3, 3, 3, 3, 3, 9, 9 },
			    small[] = { 3, 3, 3, 3.1, 3.1, 3.1 },
			    two[] = { 3, 3, 3, 4, 4, 4, 4, 3, 3, 3 }, few[] = { 3, 3, 3, 6, 6 };
	struct msc_change_points p;

	(void)state;
	p = of(flat, 6);
	assert_int_equal(p.n, 0);
	assert_true(p.scatter == 0 && p.detectable == 0);
	p = of(up, 6);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.point[0].at, 3);
	assert_true(p.point[0].first == 3 && p.point[0].last == 3);
	assert_true(fabs(p.point[0].shift - 0.1) < 1e-9 && !p.point[0].gradual);
	msc_change_points_free(&p);
	p = of(late, 8);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.point[0].at, 5);
	assert_true(fabs(p.point[0].shift + 0.1) < 1e-9);
	msc_change_points_free(&p);
	p = of(two, 10);
	assert_int_equal(p.n, 2);
	assert_true(p.point[0].at == 3 && p.point[1].at == 7);
	assert_true(p.point[0].before == 3 && p.point[0].after == 4 && p.point[1].after == 3);
	msc_change_points_free(&p);
	p = of(alone, 8);
	assert_int_equal(p.n, 0);
	msc_change_points_free(&p);
	p = of(newest, 8);
	assert_int_equal(p.n, 0);
	msc_change_points_free(&p);
	p = of(small, 6);
	assert_int_equal(p.n, 0);
	msc_change_points_free(&p);
	p = of(few, 5);
	assert_int_equal(p.n, 0);
	assert_true(isinf(p.detectable));
	msc_change_points_free(&p);
}

/* It came bit by bit. */
static void a_slope_is_no_step(void **state)
{
	struct msc_rng rng = { .state = 3 };
	struct msc_change_points p;
	double x[40];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(x); i++)
		x[i] = 3 * MS * (1 + 0.01 * (double)i + 0.005 * normal(&rng));
	p = of(x, MSC_COUNT(x));
	assert_true(p.n >= 1);
	for (size_t i = 0; i < p.n; i++)
		assert_true(p.point[i].gradual || p.n > 1);
	msc_change_points_free(&p);
}

/* So little each time that no step reaches the threshold of 5 %, and in all 8 %. */
static void a_slope_is_told_from_end_to_end(void **state)
{
	struct msc_rng rng = { .state = 5 };
	struct msc_change_points p;
	double x[30];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(x); i++)
		x[i] = 3 * MS * (1 + 0.08 * (double)i / 29 + 0.005 * normal(&rng));
	p = of(x, MSC_COUNT(x));
	assert_int_equal(p.n, 1);
	assert_true(p.point[0].gradual && !p.point[0].have_interval);
	assert_true(fabs(p.point[0].shift - 0.08) < 0.01);
	assert_true(fabs(p.point[0].before / (3 * MS) - 1) < 0.005);
	msc_change_points_free(&p);
}

/* The same in whole frames, most of which are those of the bench before: the ends are no disturbances. */
static void a_slope_in_frames_is_told_from_end_to_end(void **state)
{
	static const double frames[] = { 61, 61, 62, 62, 62.12, 63, 63, 63.75, 64, 64, 65, 65 };
	struct msc_change_points p;
	double x[MSC_COUNT(frames)];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(x); i++)
		x[i] = frames[i] * MS;
	p = of(x, MSC_COUNT(x));
	assert_int_equal(p.n, 1);
	assert_true(p.point[0].gradual);
	assert_true(fabs(p.point[0].before / (61 * MS) - 1) < 0.005);
	assert_true(fabs(p.point[0].after / (65 * MS) - 1) < 0.005);
	msc_change_points_free(&p);
}

/* One in twenty benches ran on a machine that was busy with something else. */
static double draw(struct msc_rng *rng, bool busy)
{
	double x = 1 + 0.02 * normal(rng);

	return busy && msc_rng_below(rng, 20) == 0 ? 1.3 * x : x;
}

/* Without a change; 10 and 40 benches. */
static void false_alarms(void **state)
{
	const unsigned draws = 2000;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct msc_rng rng = { .state = 5 };
		size_t n = kind & 1 ? 40 : 10;
		unsigned alarms = 0;

		for (unsigned i = 0; i < draws; i++) {
			struct msc_change_points p;
			double x[40];

			for (size_t k = 0; k < n; k++)
				x[k] = 3 * MS * draw(&rng, kind & 2);
			p = of(x, n);
			alarms += p.n > 0;
			msc_change_points_free(&p);
		}
		if (getenv("MSC_POINT_PRINT"))
			printf("%zu%s: %u of %u\n", n, kind & 2 ? ", some busy" : "", alarms,
			       draws);
		assert_in_range(100 * alarms, 0, draws);
	}
}

/* One change of 8 % among 30 benches that scatter by 2 %. */
static void the_place_is_found(void **state)
{
	const unsigned draws = 1000;
	unsigned found = 0, held = 0, wide = 0;
	struct msc_rng rng = { .state = 6 };

	(void)state;
	for (unsigned i = 0; i < draws; i++) {
		size_t at = 5 + msc_rng_below(&rng, 21);
		struct msc_change_points p;
		double x[30];

		for (size_t k = 0; k < MSC_COUNT(x); k++)
			x[k] = 3 * MS * draw(&rng, false) * (k < at ? 1 : 1.08);
		p = of(x, MSC_COUNT(x));
		found += p.n == 1;
		if (p.n == 1) {
			held += p.point[0].first <= at && at <= p.point[0].last;
			wide += (unsigned)(p.point[0].last - p.point[0].first);
		}
		msc_change_points_free(&p);
	}
	if (getenv("MSC_POINT_PRINT"))
		printf("found %u of %u, held %u, %.2f wide\n", found, draws, held,
		       (double)wide / found);
	assert_in_range(100 * found, 97 * draws, 100 * draws);
	assert_in_range(100 * held, 94 * found, 100 * found);
	assert_in_range(wide, 0, 4 * found);
}

/* As many as are asked for show a step so large. */
static void as_many_as_are_needed(void **state)
{
	(void)state;
	for (int k = 1; k < 5; k++) {
		double scatter = 0.01 * k;
		size_t n = msc_change_points_needed(scatter, 0.10, ALPHA);

		assert_in_range(n, MSC_POINT_LEAST, 200);
		assert_true(k == 1 || n >= msc_change_points_needed(scatter - 0.01, 0.10, ALPHA));
	}
	assert_int_equal(msc_change_points_needed(0, 0.1, ALPHA), MSC_POINT_LEAST);
	assert_int_equal(msc_change_points_needed(10, 0.1, ALPHA), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(student),
		cmocka_unit_test(exact_series),
		cmocka_unit_test(a_slope_is_no_step),
		cmocka_unit_test(a_slope_is_told_from_end_to_end),
		cmocka_unit_test(a_slope_in_frames_is_told_from_end_to_end),
		cmocka_unit_test(false_alarms),
		cmocka_unit_test(the_place_is_found),
		cmocka_unit_test(as_many_as_are_needed),
	};

	return cmocka_run_group_tests_name("point", tests, NULL, NULL);
}
