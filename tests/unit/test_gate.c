/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate's own bench: runs are drawn from known distributions with 3 % noise (14 % where times are whole
 * frames), equal ones and ones that are 10 % slower, and compared at a threshold of 5 %. A false alarm is "slower" of equal runs,
 * a miss is "same" of slower ones; where no verdict is given, that is counted, too, and whether as many
 * samples as it asks for bring one.
 *
 * MSC_GATE_DRAWS=5000 draws as many of each, and prints the rates ("make bench"); MSC_GATE_SEED draws others. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "timing/compare.h"

#define SAMPLES 100 /* as many as "mscope bench" takes */
#define NOISE	0.03
#define LEVEL	3e6 /* ns */
#define DRAWS	300
#define SILENT_MAX 5 /* per cent of pairs that may stay without a verdict */

static double uniform(struct msc_rng *r)
{
	return ((double)(msc_rng_next(r) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct msc_rng *r)
{
	return sqrt(-2 * log(uniform(r))) * cos(2 * M_PI * uniform(r));
}

/* Each gives one sample's deviation; `at` runs from 0 to 1 along the run, `memory` is its own. */
struct shape {
	const char *name;
	double (*draw)(struct msc_rng *, double at, double *memory);
};

static double draw_normal(struct msc_rng *r, double at, double *memory)
{
	(void)at, (void)memory;
	return NOISE * normal(r);
}

static double draw_skewed(struct msc_rng *r, double at, double *memory)
{
	(void)at, (void)memory;
	return NOISE * (-log(uniform(r)) - 1);
}

static double draw_bimodal(struct msc_rng *r, double at, double *memory)
{
	(void)at, (void)memory;
	return (uniform(r) < 0.5 ? -NOISE : NOISE) + NOISE / 10 * normal(r);
}

/* Three frames or four, as the tick of the firmware was met or missed. */
static double draw_frames(struct msc_rng *r, double at, double *memory)
{
	(void)at, (void)memory;
	return uniform(r) < 0.5 ? -1.0 / 7 : 1.0 / 7;
}

/* A trend of its own in each run, of up to 6 % from end to end. */
static double draw_drift(struct msc_rng *r, double at, double *memory)
{
	if (at == 0)
		*memory = 0.12 * uniform(r) - 0.06;
	return NOISE * normal(r) + *memory * (at - 0.5);
}

/* The device warms up: both runs begin 10 % slow. */
static double draw_warming(struct msc_rng *r, double at, double *memory)
{
	(void)memory;
	return NOISE * normal(r) + 0.10 * exp(-at * 5);
}

/* A slow wave: half of the variance has a memory of 20 samples. */
static double draw_wave(struct msc_rng *r, double at, double *memory)
{
	double keep = exp(-1.0 / 20);

	*memory = at == 0 ? normal(r) : keep * *memory + sqrt(1 - keep * keep) * normal(r);
	return NOISE * M_SQRT1_2 * (*memory + normal(r));
}

static const struct shape shapes[] = {
	{ "normal", draw_normal },     { "skewed", draw_skewed },
	{ "bimodal", draw_bimodal },   { "drift", draw_drift },
	{ "warming up", draw_warming }, { "slow wave", draw_wave },
	{ "whole frames", draw_frames },
};

/* A bench of one run. */
static void draw(struct msc_bench *b, struct msc_rng *rng, const struct shape *shape, double level,
		 uint32_t samples)
{
	const struct msc_bench_run like = { .blocks = 1, .block_size = 512 };
	struct msc_err err = MSC_ERR_INIT;
	double memory = 0;
	struct msc_bench_run *run = msc_bench_add_run(b, &like, &err);

	assert_non_null(run);
	for (uint32_t i = 0; i < samples; i++) {
		double x = level * (1 + shape->draw(rng, (double)i / (samples - 1), &memory));
		const struct msc_bench_sample sample = { .ns = (int64_t)x };

		assert_int_equal(msc_bench_add_sample(run, &sample, &err), 0);
	}
}

static struct msc_changed verdict(struct msc_rng *rng, const struct shape *shape, double slower,
				  uint32_t samples)
{
	const struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_bench base = { .n_runs = 0 }, new = { .n_runs = 0 };
	struct msc_comparison c;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_changed is;

	draw(&base, rng, shape, LEVEL, samples);
	draw(&new, rng, shape, LEVEL * slower, samples);
	assert_int_equal(msc_compare(&base, &new, &o, &c, &err), 0);
	assert_int_equal(c.run[0].is.change, msc_comparison_verdict(&c));
	is = c.run[0].is;
	msc_comparison_free(&c);
	msc_bench_free(&base);
	msc_bench_free(&new);
	return is;
}

struct tally {
	unsigned wrong, silent, silent_again;
};

/* One pair, and, where it gives no verdict, another with as many samples as that asks for. */
static void draw_pair(struct tally *t, struct msc_rng *rng, const struct shape *shape, bool slower)
{
	double factor = slower ? 1.10 : 1;
	struct msc_changed is = verdict(rng, shape, factor, SAMPLES);

	if (is.change == MSC_CHANGE_UNKNOWN) {
		assert_in_range(is.needed, SAMPLES, 100 * SAMPLES);
		t->silent++;
		is = verdict(rng, shape, factor, is.needed);
		t->silent_again += is.change == MSC_CHANGE_UNKNOWN;
	} else {
		t->wrong += (is.change == MSC_CHANGE_SLOWER) != slower;
	}
}

static void the_gate_keeps_its_promise(void **state)
{
	const char *wanted = getenv("MSC_GATE_DRAWS"), *seed = getenv("MSC_GATE_SEED");
	unsigned draws = wanted ? (unsigned)strtoul(wanted, NULL, 10) : DRAWS;
	struct msc_rng rng = { .state = seed ? strtoull(seed, NULL, 10) : 1 };

	(void)state;
	for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
		struct tally equal = { 0, 0, 0 }, slower = { 0, 0, 0 };
		unsigned silent, again;

		for (unsigned i = 0; i < draws; i++) {
			draw_pair(&equal, &rng, &shapes[s], false);
			draw_pair(&slower, &rng, &shapes[s], true);
		}
		silent = equal.silent + slower.silent;
		again = equal.silent_again + slower.silent_again;
		if (wanted)
			printf("gate\t%s\t%u\t%u\t%u\t%u\t%u\n", shapes[s].name, draws, equal.wrong,
			       slower.wrong, silent, again);
		assert_in_range(100 * equal.wrong, 0, draws - 1);
		assert_in_range(100 * slower.wrong, 0, draws - 1);
		assert_in_range(100 * silent, 0, 2 * draws * SILENT_MAX);
		assert_in_range(again, 0, silent / 4 + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_gate_keeps_its_promise) };

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
