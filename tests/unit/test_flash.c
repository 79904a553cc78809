/* SPDX-License-Identifier: BSD-2-Clause */
/* What flash costs, mechanism by mechanism, with times of which each is another power of ten: a sum says
 * what it is made of. Blocks are as large as the unit of its times, unless it is about that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/internal.h"

#define ERASE	INT64_C(1000000000)
#define PROGRAM INT64_C(1000000)
#define LOAD	INT64_C(1000)
#define ACCESS	INT64_C(1)
#define PAUSE	INT64_C(1000000000000)

enum { BLOCK = SIM_FLASH_UNIT, IN_PAGE = 8, PAGE = IN_PAGE * BLOCK };

/* Pages of eight blocks, of which a part is merged. */
static const struct sim_flash merging = {
	.erase_page = PAGE, .erase_ns = ERASE, .program_ns = PROGRAM, .load_ns = LOAD, .merge = true
};

static struct flash *with_blocks_of(const struct sim_flash *c, uint32_t block_size)
{
	struct msc_err err = MSC_ERR_INIT;
	struct flash *f = flash_new(c, block_size, &err);

	assert_non_null(f);
	return f;
}

static struct flash *fresh(const struct sim_flash *c)
{
	return with_blocks_of(c, BLOCK);
}

static void writes(struct flash *f, uint64_t lba, uint32_t blocks, int64_t ns)
{
	assert_int_equal(flash_move(f, true, lba, blocks), ns);
}

static void reads(struct flash *f, uint64_t lba, uint32_t blocks, int64_t ns)
{
	assert_int_equal(flash_move(f, false, lba, blocks), ns);
}

/* Of a page of which so many blocks are written. */
static int64_t merged(uint32_t blocks)
{
	return ERASE + IN_PAGE * PROGRAM + (IN_PAGE - blocks) * LOAD;
}

static void without_pages_it_costs_nothing(void **state)
{
	const struct sim_flash c = { .program_ns = PROGRAM, .load_ns = LOAD };
	struct flash *f = fresh(&c);

	(void)state;
	writes(f, 3, 200, 0);
	reads(f, 3, 200, 0);
	assert_int_equal(flash_flush(f), 0);
	flash_free(f);
}

static void a_part_of_a_page_is_merged(void **state)
{
	struct flash *f = fresh(&merging);

	(void)state;
	writes(f, 0, 1, merged(1));
	writes(f, 7, 1, merged(1));
	writes(f, 8, 8, merged(8));
	writes(f, 6, 4, 2 * merged(2)); /* across a border */
	writes(f, 7, 10, merged(1) + merged(8) + merged(1));
	reads(f, 6, 4, 4 * LOAD);
	flash_free(f);
}

static void without_merging_blocks_are_programmed(void **state)
{
	struct sim_flash c = merging;
	struct flash *f = fresh(&c);

	(void)state;
	c.merge = false;
	writes(f, 6, 4, 4 * PROGRAM);
	flash_free(f);
}

static void times_are_of_units_not_of_blocks(void **state)
{
	struct flash *large = with_blocks_of(&merging, 2048), *whole;

	(void)state;
	writes(large, 0, 1, ERASE + 8 * PROGRAM + 4 * LOAD); /* two blocks a page */
	reads(large, 0, 1, 4 * LOAD);
	flash_free(large);
	whole = with_blocks_of(&merging, 2 * PAGE); /* a block is never less than a page */
	writes(whole, 5, 2, 2 * (ERASE + 16 * PROGRAM));
	flash_free(whole);
}

static void a_cache_keeps_the_last_page(void **state)
{
	struct sim_flash c = merging;
	struct flash *f = fresh(&c);

	(void)state;
	c.cache = true;
	writes(f, 0, 1, 0);
	writes(f, 3, 2, 0);
	writes(f, 3, 1, 0); /* again: still three of them */
	reads(f, 2, 3, LOAD); /* two of which lie in memory */
	writes(f, 8, 8, merged(3));
	assert_int_equal(flash_flush(f), merged(8));
	assert_int_equal(flash_flush(f), 0);
	reads(f, 8, 1, LOAD);
	writes(f, 8, 1, 0); /* what was flushed is not written with it */
	writes(f, 15, 2, merged(2));
	flash_forget(f); /* the power went */
	assert_int_equal(flash_flush(f), 0);
	flash_free(f);
}

static void each_piece_is_a_command(void **state)
{
	struct sim_flash c = merging;
	struct flash *f = fresh(&c);

	(void)state;
	c.access_ns = ACCESS;
	writes(f, 0, 16, ACCESS + 2 * merged(8));
	c.piece = 2 * BLOCK;
	writes(f, 0, 8, 4 * (ACCESS + merged(2)));
	writes(f, 0, 3, 2 * ACCESS + merged(2) + merged(1));
	reads(f, 0, 3, 2 * ACCESS + 3 * LOAD);
	c.piece = 1; /* less than a block: a block */
	reads(f, 0, 3, 3 * (ACCESS + LOAD));
	flash_free(f);
}

static void pauses_come_by_blocks_written(void **state)
{
	const struct sim_flash c = { .pause_every = 10, .pause_ns = PAUSE };
	struct flash *f = fresh(&c);

	(void)state;
	writes(f, 0, 9, 0);
	reads(f, 0, 100, 0);
	writes(f, 0, 1, PAUSE);
	writes(f, 0, 25, 2 * PAUSE);
	writes(f, 0, 4, 0);
	writes(f, 0, 1, PAUSE);
	flash_free(f);
}

/* Twice as long after so many erasures, three times after twice as many; each page by itself. */
static void a_page_wears(void **state)
{
	enum { WEAR = 4 };
	struct sim_flash c = merging;
	struct flash *f = fresh(&c);

	(void)state;
	c.wear = WEAR;
	for (int i = 0; i <= 3 * WEAR; i++)
		writes(f, 8, 8, merged(8) + ERASE * i / WEAR);
	writes(f, 16, 8, merged(8));
	writes(f, 8, 1, merged(1) + ERASE * (3 * WEAR + 1) / WEAR); /* merging erases as well */
	flash_free(f);
}

static void what_stays_in_memory_wears_once(void **state)
{
	struct sim_flash c = merging;
	struct flash *f = fresh(&c);

	(void)state;
	c.cache = true;
	c.wear = 1;
	for (int i = 0; i < 100; i++)
		writes(f, i % 8, 1, 0);
	assert_int_equal(flash_flush(f), merged(8));
	writes(f, 0, 8, 0);
	assert_int_equal(flash_flush(f), merged(8) + ERASE);
	flash_free(f);
}

/* More pages than the table has places at first, some far apart: none is lost or taken for another. */
static void every_page_is_remembered(void **state)
{
	enum { PAGES = 1000, APART = 4096 };
	struct sim_flash c = merging;
	struct flash *f = fresh(&c);

	(void)state;
	c.wear = 1;
	for (int64_t round = 0; round < 3; round++)
		for (uint64_t i = 0; i < PAGES; i++) {
			uint64_t page = i % 2 ? i : i * APART;

			writes(f, page * IN_PAGE, 8, merged(8) + ERASE * round);
		}
	flash_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_pages_it_costs_nothing),
		cmocka_unit_test(a_part_of_a_page_is_merged),
		cmocka_unit_test(without_merging_blocks_are_programmed),
		cmocka_unit_test(times_are_of_units_not_of_blocks),
		cmocka_unit_test(a_cache_keeps_the_last_page),
		cmocka_unit_test(each_piece_is_a_command),
		cmocka_unit_test(pauses_come_by_blocks_written),
		cmocka_unit_test(a_page_wears),
		cmocka_unit_test(what_stays_in_memory_wears_once),
		cmocka_unit_test(every_page_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
