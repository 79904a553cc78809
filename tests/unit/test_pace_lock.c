/* SPDX-License-Identifier: BSD-2-Clause */
/* Circular statistics: a period is found where there is one, and only there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "timing/pace.h"

enum { GROUPS = 60, EACH = 6, EVENTS = GROUPS * EACH };

/* Of the grid: a tick of half a frame falls into both parts of it. */
#define PHASE 200e3

struct draw {
	double period_ns;    /* 0: none */
	double jitter_ns;    /* behind the grid */
	double spacing_ns;   /* within a group, at least; and up to twice that */
	double frame_ns;     /* events are known only to lie within a frame's first 58 %, or the
				52 us in which they are; 0: exact */
	bool regular;	     /* the spacing is exact */
	size_t groups;
};

static double uniform(struct msc_rng *r)
{
	return (double)(msc_rng_next(r) >> 11) / 9007199254740992.0;
}

/* As frames cut it when blocks of 420 us arrive: those that begin late in a frame are cut in two. */
static struct msc_event_time seen(const struct draw *d, double at, size_t group)
{
	double phase = fmod(at, d->frame_ns), start = at - phase, cell = 52e3;

	if (d->frame_ns <= 0)
		return (struct msc_event_time){ at, 0, group };
	if (phase < 0.58 * d->frame_ns)
		return (struct msc_event_time){ start + 0.29 * d->frame_ns, 0.29 * d->frame_ns,
						group };
	return (struct msc_event_time){ start + (floor(phase / cell) + 0.5) * cell, cell / 2,
					group };
}

static size_t draw_events(const struct draw *d, uint64_t seed, struct msc_event_time *e)
{
	struct msc_rng rng = { seed };
	double now = 1e6;
	size_t n = 0;

	for (size_t g = 0; g < (d->groups ? d->groups : GROUPS); g++) {
		now += 21e6 * uniform(&rng);
		for (int i = 0; i < EACH; i++) {
			now += d->spacing_ns * (d->regular ? 1 : 1 + uniform(&rng));
			if (d->period_ns > 0)
				now = ceil((now - PHASE) / d->period_ns) * d->period_ns + PHASE +
				      d->jitter_ns * uniform(&rng);
			e[n++] = seen(d, now, g);
		}
	}
	return n;
}

static void test_periods_are_found(void **state)
{
	static const struct draw rows[] = {
		{ 1e6, 50e3, 700e3 },	 { 1e6, 50e3, 700e3, 1e6 },   { 2e6, 50e3, 700e3, 1e6 },
		{ 5e5, 30e3, 700e3 },	 { 5e5, 30e3, 700e3, 1e6 },   { 1e7, 100e3, 700e3, 1e6 },
		{ 1e9 / 1024, 50e3, 7e5 }, { 1000100, 50e3, 7e5 }, { 1e6, 50e3, 2100e3, 1e6 },
		{ 250e3, 10e3, 700e3 },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows) * 4; i++) {
		const struct draw *d = &rows[i / 4];
		struct msc_event_time e[EVENTS];
		struct msc_err err = MSC_ERR_INIT;
		struct msc_pace_lock l;
		size_t n = draw_events(d, 11 + i % 4, e);
		double off;

		assert_int_equal(msc_find_lock(e, n, 200e3, 10.5e6, &l, &err), 0);
		off = fabs(l.period_ns / d->period_ns - 1);
		if (off > 60e-6 || l.chance > 1e-3 || l.resultant < 0.7)
			fail_msg("row %d: %.1f ns, expected %.1f; resultant %.2f, chance %.1e",
				 (int)(i / 4), l.period_ns, d->period_ns, l.resultant, l.chance);
	}
}

static void test_where_there_is_none(void **state)
{
	static const struct draw rows[] = {
		{ 0, 0, 700e3 },
		{ 0, 0, 700e3, 1e6 },
		{ 0, 0, 1300e3, 1e6, .regular = true },
		{ 0, 0, 1000e3, 1e6, .regular = true },
		{ 0, 0, 2459e3, 1e6, .regular = true },
		{ 0, 0, 881e3, 0, .regular = true },
	};
	int found = 0;

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows) * 10; i++) {
		struct msc_event_time e[EVENTS];
		struct msc_err err = MSC_ERR_INIT;
		struct msc_pace_lock l;
		size_t n = draw_events(&rows[i / 10], 100 + i, e);

		assert_int_equal(msc_find_lock(e, n, 200e3, 10.5e6, &l, &err), 0);
		found += l.chance < 1e-3;
	}
	assert_int_equal(found, 0);
}

static void test_few_events_prove_nothing(void **state)
{
	const struct draw d = { 1e6, 0, 700e3, .groups = 7 };
	struct msc_event_time e[EVENTS];
	struct msc_err err = MSC_ERR_INIT;
	struct msc_pace_lock l;
	size_t n = draw_events(&d, 1, e);

	(void)state;
	assert_int_equal(msc_find_lock(e, n, 200e3, 10.5e6, &l, &err), 0);
	assert_true(l.chance == 1);
	assert_int_equal(msc_find_lock(e, 0, 200e3, 10.5e6, &l, &err), 0);
	assert_true(l.chance == 1);
	msc_test_lock(e, 0, 1e6, 300, &l);
	assert_true(l.chance == 1);
}

static void test_a_period_that_is_known(void **state)
{
	const struct draw locked = { 1000200, 20e3, 700e3 }, loose = { 0, 0, 700e3 };
	struct msc_event_time e[EVENTS];
	struct msc_pace_lock l;

	(void)state;
	msc_test_lock(e, draw_events(&locked, 3, e), 1e6, 300, &l);
	assert_true(l.resultant > 0.95 && l.chance < 1e-9);
	assert_float_equal(l.period_ns, 1000200, 5);
	msc_test_lock(e, draw_events(&loose, 3, e), 1e6, 300, &l);
	assert_true(l.resultant < 0.3 && l.chance > 1e-6);
}

/* The grid that is found is the grid that was drawn. */
static void test_phase(void **state)
{
	struct msc_event_time e[100];
	struct msc_pace_lock l;

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(e); i++)
		e[i] = (struct msc_event_time){ 1e6 * (double)(i * i % 97 + i) + 345e3, 0, i };
	msc_test_lock(e, MSC_COUNT(e), 1e6, 1, &l);
	assert_float_equal(l.phase_ns, 345e3, 200);
	assert_float_equal(l.resultant, 1, 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_periods_are_found),
		cmocka_unit_test(test_where_there_is_none),
		cmocka_unit_test(test_few_events_prove_nothing),
		cmocka_unit_test(test_a_period_that_is_known),
		cmocka_unit_test(test_phase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
