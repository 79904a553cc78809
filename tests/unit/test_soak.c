/* SPDX-License-Identifier: BSD-2-Clause */
/* Stamps, what a wrong block holds, and what several have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "medium/stamp.h"
#include "soak/soak.h"

#define SIZE 512
#define SEED 77

static void fill(uint8_t *block, uint64_t lba, uint32_t generation)
{
	const struct msc_stamp s = { SEED, lba, generation };

	msc_stamp_fill(&s, block, SIZE);
}

static void test_a_stamp_says_what_it_is(void **state)
{
	struct msc_stamp s, other = { SEED, 5, 10 };
	uint8_t block[SIZE];

	(void)state;
	fill(block, 5, 9);
	assert_true(msc_stamp_read(block, SEED, &s));
	assert_true(s.lba == 5 && s.generation == 9);
	assert_true(msc_stamp_read(block + SIZE - MSC_STAMP_HEAD, SEED, &s));
	assert_false(msc_stamp_read(block, SEED + 1, &s));
	assert_int_equal(msc_stamp_begin(&s, block, SIZE), SIZE);
	assert_int_equal(msc_stamp_end(&s, block, SIZE), SIZE);
	assert_in_range(msc_stamp_begin(&other, block, SIZE), 8, MSC_STAMP_HEAD);
	block[100] ^= 1;
	assert_int_equal(msc_stamp_begin(&s, block, SIZE), 100);
	assert_int_equal(msc_stamp_end(&s, block, SIZE), SIZE - 101);
	block[20] ^= 1;
	assert_false(msc_stamp_read(block, SEED, &s));
}

enum what { ZEROS, ONES, OLDER, FOUND, OTHER_LBA, SHIFT, AND, OR, HALF, BIT, NOISE };

static const struct {
	enum what what;
	enum msc_soak_kind kind;
} rows[] = {
	{ ZEROS, MSC_SOAK_ZEROS }, { ONES, MSC_SOAK_ONES },         { OLDER, MSC_SOAK_STALE },
	{ FOUND, MSC_SOAK_STALE },     { OTHER_LBA, MSC_SOAK_FOREIGN }, { SHIFT, MSC_SOAK_SHIFTED },
	{ AND, MSC_SOAK_ANDED },   { OR, MSC_SOAK_ORED },           { HALF, MSC_SOAK_MIXED },
	{ BIT, MSC_SOAK_BITS },	       { NOISE, MSC_SOAK_OTHER },
};

static void damage(enum what what, uint8_t *found, const uint8_t *before, const uint8_t *original)
{
	uint8_t block[SIZE];

	switch (what) {
	case ZEROS: memset(found, 0, SIZE); break;
	case ONES: memset(found, 0xff, SIZE); break;
	case OLDER: memcpy(found, before, SIZE); break;
	case FOUND: memcpy(found, original, SIZE); break;
	case OTHER_LBA: fill(found, 2053, 8); break;
	case SHIFT:
		memcpy(block, found, SIZE);
		memmove(found + 64, block, SIZE - 64);
		memset(found, 0xe5, 64);
		break;
	case AND:
	case OR:
		for (int i = 0; i < SIZE; i++)
			found[i] = what == AND ? found[i] & before[i] : found[i] | before[i];
		break;
	case HALF: memcpy(found + SIZE / 2, before + SIZE / 2, SIZE / 2); break;
	case BIT: found[200] ^= 0x10; break;
	case NOISE:
		for (int i = 0; i < SIZE; i++)
			found[i] = (uint8_t)(found[i] * 7 + 3 * i + 1);
		break;
	}
}

static void test_what_a_block_holds(void **state)
{
	uint8_t found[SIZE], expected[SIZE], before[SIZE], original[SIZE];
	const struct msc_soak_look l = { SEED, SIZE, found, expected, before, original };

	(void)state;
	fill(expected, 5, 9);
	fill(before, 5, 3);
	memset(original, 0x33, SIZE);
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_soak_wrong w = { .lba = 5, .generation = 9 };

		memcpy(found, expected, SIZE);
		damage(rows[i].what, found, before, original);
		msc_soak_look(&l, &w);
		if (w.kind != rows[i].kind)
			fail_msg("row %zu: %s, expected %s", i, msc_soak_kind_names[w.kind],
				 msc_soak_kind_names[rows[i].kind]);
		if (rows[i].what == OTHER_LBA)
			assert_true(w.has_from && w.from_lba == 2053 && w.from_generation == 8);
		if (rows[i].what == BIT)
			assert_true(w.at == 200 && w.bytes == 1 && w.bits == 1);
	}
}

/* The i-th wrong block of a kind of loss. */
typedef struct msc_soak_wrong wrong_fn(uint32_t i);

static struct msc_soak_wrong aliased(uint32_t i)
{
	return (struct msc_soak_wrong){ MSC_SOAK_FOREIGN, .lba = 1000 + i * 3, .generation = 1 + i,
					.has_from = true,
					.from_lba = 1000 + i * 3 + 64 * (1 + i % 3) };
}

static struct msc_soak_wrong in_command(uint32_t i)
{
	return (struct msc_soak_wrong){ MSC_SOAK_MIXED, .lba = 1000 + i * i * 7 % 911,
					.generation = 1 + i, .offset = 64 * (1 + i % 4),
					.ordinal = i * 977 };
}

static struct msc_soak_wrong in_ring(uint32_t i)
{
	return (struct msc_soak_wrong){ MSC_SOAK_MIXED, .lba = 1000 + i * i * 7 % 911,
					.generation = 1 + i, .offset = i * 13 % 64,
					.ordinal = 2047 + 2048 * (uint64_t)i };
}

static struct msc_soak_wrong in_place(uint32_t i)
{
	return (struct msc_soak_wrong){ MSC_SOAK_BITS, .lba = 9192 + 2048 * (uint64_t)(i % 4),
					.generation = 1 + i, .offset = i * 13 % 64,
					.ordinal = i * i * 977 + i };
}

static struct msc_soak_wrong anywhere(uint32_t i)
{
	static const uint16_t chance[] = { 3, 1177, 20, 4091, 555, 902, 2333, 71, 1608, 3001 };

	return (struct msc_soak_wrong){ MSC_SOAK_OTHER, .lba = 9000u + chance[i % 10],
					.generation = 1 + i, .offset = chance[(i + 3) % 10] % 37,
					.ordinal = chance[(i + 6) % 10] * 3u };
}

/* The last block of writes of 240 blocks or more that begin on 64 KiB. */
static struct msc_soak_wrong last(uint32_t i)
{
	uint32_t blocks = i % 3 ? 240 + i : 240;
	uint64_t begin = 1024 + 128 * (uint64_t)(i * i * 7 % 31);

	return (struct msc_soak_wrong){ MSC_SOAK_STALE, .lba = begin + blocks - 1,
					.generation = 1 + i, .offset = blocks - 1,
					.blocks = blocks, .ordinal = i * i * 977 + i };
}

static struct msc_soak_wrong first(uint32_t i)
{
	return (struct msc_soak_wrong){ MSC_SOAK_STALE, .lba = 1001 + i * i * 7 % 911,
					.generation = 1 + i, .blocks = 1 + i,
					.ordinal = i * i * 977 + i };
}

/* One block in 64 of the medium, in commands that all begin at such a one: it proves nothing of them. */
static struct msc_soak_wrong in_both(uint32_t i)
{
	return (struct msc_soak_wrong){
		MSC_SOAK_STALE,      .lba = 1000 + 64 * (uint64_t)(i * i % 19),
		.generation = 1 + i, .offset = 64 * (i % 4),
		.blocks = 240,       .ordinal = i * i * 977 + i
	};
}

/* Behind the first 128. */
static struct msc_soak_wrong behind(uint32_t i)
{
	return (struct msc_soak_wrong){ MSC_SOAK_STALE,
					.lba = 1001 + 77 * (i / 10) + i % 10,
					.generation = 1 + i / 10,
					.offset = 128 + i % 10,
					.blocks = 138,
					.ordinal = i * i * 977 + i };
}

/* What a command wrote, 8 blocks further on, but for its last 8. */
static struct msc_soak_wrong rotated(uint32_t i)
{
	return (struct msc_soak_wrong){ MSC_SOAK_FOREIGN,
					.lba = 1001 + i * 3,
					.generation = 1 + i,
					.offset = i * 5 % 37,
					.blocks = 64,
					.has_from = true,
					.from_lba = 1009 + i * 3,
					.from_generation = 1 + i,
					.ordinal = i * i * 977 + i };
}

static struct msc_soak sum_of(wrong_fn *make, uint32_t n)
{
	struct msc_soak r = { .block_size = SIZE, .n_kept = n, .n_wrong = n };

	r.wrong = calloc(n, sizeof *r.wrong);
	assert_non_null(r.wrong);
	for (uint32_t i = 0; i < n; i++)
		r.wrong[i] = make(i);
	msc_soak_sum(&r);
	return r;
}

static void check_words(wrong_fn *make, uint32_t n, const char *words)
{
	struct msc_soak r = sum_of(make, n);

	assert_int_equal(r.n_patterns, 1);
	assert_string_equal(r.pattern[0].text, words);
	msc_soak_free(&r);
}

static void check_sum(wrong_fn *make, uint32_t n, const char *name, uint64_t period)
{
	struct msc_soak r = sum_of(make, n);

	if (!name) {
		assert_int_equal(r.n_patterns, 0);
	} else {
		assert_int_equal(r.n_patterns, 1);
		assert_string_equal(msc_soak_pattern_names[r.pattern[0].id], name);
		assert_int_equal(r.pattern[0].period, period);
	}
	msc_soak_free(&r);
}

static void test_what_they_have_in_common(void **state)
{
	(void)state;
	check_sum(aliased, 20, "alias", 64);
	check_sum(in_command, 20, "command", 64);
	check_sum(in_ring, 20, "ring", 2048);
	check_sum(in_place, 20, "place", 2048);
	check_sum(anywhere, 10, NULL, 0);
	check_sum(in_ring, 2, NULL, 0);
}

static void test_a_place_within_the_command(void **state)
{
	(void)state;
	check_words(last, 20,
		    "it is always the last block of its command; these have 240 to 259 blocks that "
		    "begin at a multiple of 128 blocks (64 KiB) of the medium");
	check_words(first, 20,
		    "it is always the first block of its command; these have 1 to 20 blocks");
	check_words(
		in_both, 20,
		"it is the same block in each 64 blocks (32 KiB) of the medium: those whose address "
		"leaves 40 when divided by 64");
	check_words(
		behind, 100,
		"it is what lies behind the first 128 blocks (64 KiB) of its command: nothing longer "
		"is stored as it was sent");
	check_sum(rotated, 20, NULL, 0);
}

/* Those of hosts, and whatever lies between, none longer than asked for. */
static void test_sizes(void **state)
{
	static const uint32_t hosts[] = { 1, 8, 16, 32, 64, 128, 240, 256, 512, 1024, 2048 };
	struct msc_rng rng = { .state = SEED };
	uint32_t seen[MSC_SOAK_LONGEST + 1] = { 0 }, few = 0, odd = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint32_t n = msc_soak_size(&rng, MSC_SOAK_LONGEST);

		assert_in_range(n, 1, MSC_SOAK_LONGEST);
		seen[n]++;
		few += n > 1 && n < 8;
		odd += n > 256 && n % 2;
		assert_in_range(msc_soak_size(&rng, 1), 1, 1);
		assert_in_range(msc_soak_size(&rng, 300), 1, 300);
	}
	for (size_t i = 0; i < MSC_COUNT(hosts); i++)
		assert_true(seen[hosts[i]] >= 10);
	assert_true(few >= 10 && odd >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_stamp_says_what_it_is),
		cmocka_unit_test(test_what_a_block_holds),
		cmocka_unit_test(test_what_they_have_in_common),
		cmocka_unit_test(test_a_place_within_the_command),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
