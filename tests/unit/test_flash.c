/* SPDX-License-Identifier: BSD-2-Clause */
/* What a medium of flash costs: each mechanism of sim/flash.h alone, then where two of them meet.
 * Blocks of 512 bytes, pages of eight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/internal.h"

#define BLOCK 512

enum { ERASE = 1000000, PROGRAM = 1000, LOAD = 10 }; /* ns, far enough apart to be told in a sum */

static const struct sim_flash pages = {
	.erase_page = 8 * BLOCK, .erase_ns = ERASE, .program_ns = PROGRAM, .load_ns = LOAD
};

static struct flash *flash(const struct sim_flash *c)
{
	struct msc_err err = MSC_ERR_INIT;
	struct flash *f = flash_new(c, BLOCK, &err);

	assert_non_null(f);
	return f;
}

static void blocks_are_programmed_and_read_by_the_unit(void **state)
{
	struct flash *f = flash(&pages);

	(void)state;
	assert_int_equal(flash_move(f, true, 0, 1), PROGRAM);
	assert_int_equal(flash_move(f, true, 6, 4), 4 * PROGRAM); /* across pages */
	assert_int_equal(flash_move(f, false, 6, 4), 4 * LOAD);
	flash_free(f);
}

/* A part of a page costs the rest of it read, and all of it erased and programmed. */
static void a_part_of_a_page_is_merged(void **state)
{
	struct sim_flash c = pages;
	struct flash *f;

	(void)state;
	c.merge = true;
	f = flash(&c);
	assert_int_equal(flash_move(f, true, 0, 8), ERASE + 8 * PROGRAM);
	assert_int_equal(flash_move(f, true, 3, 1), 7 * LOAD + ERASE + 8 * PROGRAM);
	assert_int_equal(flash_move(f, true, 6, 4), 12 * LOAD + 2 * (ERASE + 8 * PROGRAM));
	flash_free(f);
}

/* One page stays in memory: it is paid for when another is written, or when it is flushed. */
static void a_cache_defers_one_page(void **state)
{
	struct sim_flash c = pages;
	struct flash *f;

	(void)state;
	c.merge = c.cache = true;
	f = flash(&c);
	assert_int_equal(flash_move(f, true, 0, 1), 0);
	assert_int_equal(flash_move(f, true, 0, 1), 0); /* the same block again */
	assert_int_equal(flash_move(f, false, 0, 2), LOAD); /* one of them lies in memory */
	assert_int_equal(flash_move(f, true, 8, 1), 7 * LOAD + ERASE + 8 * PROGRAM);
	assert_int_equal(flash_flush(f), 7 * LOAD + ERASE + 8 * PROGRAM);
	assert_int_equal(flash_flush(f), 0);
	assert_int_equal(flash_move(f, true, 8, 1), 0);
	flash_forget(f); /* the power went */
	assert_int_equal(flash_flush(f), 0);
	flash_free(f);
}

static void each_piece_is_a_command(void **state)
{
	struct sim_flash c = { .piece = 2 * BLOCK, .access_ns = 100 };
	struct flash *f = flash(&c);

	(void)state;
	assert_int_equal(flash_move(f, true, 0, 5), 300);
	assert_int_equal(flash_move(f, false, 0, 4), 200);
	c.piece = 1; /* less than a block is a block */
	assert_int_equal(flash_move(f, true, 0, 3), 300);
	c.piece = 0; /* as many as it is given */
	assert_int_equal(flash_move(f, true, 0, 64), 100);
	flash_free(f);
}

/* Every tenth block written, wherever the commands begin and end; reads do not count. */
static void pauses_come_by_the_blocks_written(void **state)
{
	struct sim_flash c = { .pause_every = 10, .pause_ns = 7 };
	struct flash *f = flash(&c);

	(void)state;
	assert_int_equal(flash_move(f, true, 0, 9), 0);
	assert_int_equal(flash_move(f, false, 0, 64), 0);
	assert_int_equal(flash_move(f, true, 0, 1), 7);
	assert_int_equal(flash_move(f, true, 0, 25), 14);
	assert_int_equal(flash_move(f, true, 0, 5), 7);
	flash_free(f);
}

/* The erasure after `wear` of them takes twice as long, that after twice as many three times; each
 * page counts for itself, also when there are more of them than the table began with. */
static void a_page_wears_by_itself(void **state)
{
	struct sim_flash c = pages;
	struct flash *f;

	(void)state;
	c.merge = true;
	c.program_ns = c.load_ns = 0;
	c.wear = 4;
	f = flash(&c);
	for (int i = 0; i < 9; i++)
		assert_int_equal(flash_move(f, true, 0, 8), ERASE + ERASE * i / 4);
	for (uint64_t page = 1; page < 500; page++)
		assert_int_equal(flash_move(f, true, 8 * page, 8), ERASE);
	assert_int_equal(flash_move(f, true, 0, 8), ERASE + ERASE * 9 / 4);
	assert_int_equal(flash_move(f, true, 8 * 499, 8), ERASE + ERASE / 4);
	flash_free(f);
}

/* What does not erase does not wear: reads, blocks that stay in memory, a medium without merging. */
static void only_erasing_wears(void **state)
{
	struct sim_flash c = pages;
	struct flash *f;

	(void)state;
	c.wear = 1;
	f = flash(&c);
	for (int i = 0; i < 5; i++)
		assert_int_equal(flash_move(f, true, 0, 8), 8 * PROGRAM);
	c.merge = c.cache = true;
	for (int i = 0; i < 5; i++)
		assert_int_equal(flash_move(f, true, 0, 8), 0);
	assert_int_equal(flash_flush(f), ERASE + 8 * PROGRAM);
	assert_int_equal(flash_move(f, true, 0, 8), 0);
	assert_int_equal(flash_flush(f), 2 * ERASE + 8 * PROGRAM);
	flash_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_programmed_and_read_by_the_unit),
		cmocka_unit_test(a_part_of_a_page_is_merged),
		cmocka_unit_test(a_cache_defers_one_page),
		cmocka_unit_test(each_piece_is_a_command),
		cmocka_unit_test(pauses_come_by_the_blocks_written),
		cmocka_unit_test(a_page_wears_by_itself),
		cmocka_unit_test(only_erasing_wears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
