/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command may change: the table that the gate goes by. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "scsi/scsi.h"

#define NONE   MSC_EFFECT_NONE
#define STATE  MSC_EFFECT_STATE
#define BLOCKS MSC_EFFECT_BLOCKS
#define UNSAFE MSC_EFFECT_UNSAFE

static const struct msc_unit disc = { .have_inquiry = true, .device_type = 0x05 };
static const struct msc_unit nothing;

static const struct {
	uint8_t cdb[16];
	size_t len;
	enum msc_effect effect;
} rows[] = {
	{ { 0x00 }, 6, NONE },
	{ { 0x12 }, 6, NONE },
	{ { 0x28 }, 10, NONE },
	{ { 0x88 }, 16, NONE },
	{ { 0x25 }, 10, NONE },
	{ { 0x1a }, 6, NONE },
	{ { 0x35 }, 10, NONE },
	{ { 0x2f }, 10, NONE },
	{ { 0x9e, 0x10 }, 16, NONE },
	{ { 0x1e }, 6, NONE },
	{ { 0xa0 }, 12, NONE },
	{ { 0x34 }, 10, NONE },
	{ { 0x0a }, 6, BLOCKS },
	{ { 0x2a }, 10, BLOCKS },
	{ { 0xaa }, 12, BLOCKS },
	{ { 0x8a }, 16, BLOCKS },
	{ { 0x2e }, 10, BLOCKS },
	{ { 0xae }, 12, BLOCKS },
	{ { 0x8e }, 16, BLOCKS },
	{ { 0x2a }, 9, UNSAFE },
	{ { 0x8a }, 15, UNSAFE },
	{ { 0x0a }, 5, UNSAFE }, /* cut */
	{ { 0x04 }, 6, UNSAFE },
	{ { 0x41 }, 10, UNSAFE },
	{ { 0x42 }, 10, UNSAFE },
	{ { 0x93 }, 16, UNSAFE },
	{ { 0x89 }, 16, UNSAFE },
	{ { 0x3b, 0x05 }, 10, UNSAFE },
	{ { 0x5f }, 10, UNSAFE },
	{ { 0xb5 }, 12, UNSAFE },
	{ { 0x16 }, 6, UNSAFE },
	{ { 0x56 }, 10, UNSAFE },
	{ { 0x48 }, 10, UNSAFE },
	{ { 0x15 }, 6, STATE },
	{ { 0x15, [4] = 1 }, 6, UNSAFE },
	{ { 0x15 }, 4, UNSAFE },
	{ { 0x55 }, 10, STATE },
	{ { 0x55, [7] = 1 }, 10, UNSAFE },
	{ { 0x55, [8] = 1 }, 10, UNSAFE },
	{ { 0x1d, 0x04 }, 6, STATE },
	{ { 0x1d }, 6, UNSAFE },
	{ { 0x1d, 0x05 }, 6, UNSAFE },
	{ { 0x1d, 0x04, 0, 1 }, 6, UNSAFE },
	{ { 0x3c, 0x02 }, 10, NONE },
	{ { 0x3c, 0x01 }, 10, UNSAFE },
	{ { 0x3c }, 1, UNSAFE },
	{ { 0x4d }, 10, NONE },
	{ { 0x4d, 0x01 }, 10, UNSAFE },
	{ { 0x60 }, 6, STATE },
	{ { 0x7d }, 6, STATE },
	{ { 0x7e }, 6, UNSAFE },
	{ { 0x7f }, 6, UNSAFE },
	{ { 0xc0 }, 6, UNSAFE },
	{ { 0xff }, 6, UNSAFE },
	{ { 0 }, 0, UNSAFE },
	{ { 0x9e, 0x11 }, 16, UNSAFE },
	{ { 0x9e }, 1, UNSAFE },
	{ { 0x85, 0x08, [14] = 0xec }, 16, NONE },
	{ { 0x85, 0x0a, [14] = 0xec }, 16, UNSAFE },
	{ { 0x85, 0x08, [14] = 0x35 }, 16, UNSAFE },
	{ { 0x85, 0x08 }, 14, UNSAFE },
	{ { 0xa1, 0x08, [9] = 0xec }, 12, NONE },
	{ { 0xa1, 0x08, [9] = 0xca }, 12, UNSAFE },
	{ { 0xa3, 0x0c }, 12, NONE },
	{ { 0xa3, 0x1f }, 12, UNSAFE },
	{ { 0x1b, 0, 0, 0, 1 }, 6, NONE },
	{ { 0x1b, 0, 0, 0, 3 }, 6, NONE },
	{ { 0x1b, 0, 0, 0, 0 }, 6, STATE },
	{ { 0x1b, 0, 0, 0, 2 }, 6, STATE },
	{ { 0x1b, 0, 0, 0, 0x11 }, 6, STATE },
	{ { 0x1b, 0, 0, 0, 1 }, 4, STATE },
};

static void effects(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		const char *why = NULL;
		enum msc_effect effect =
			msc_cdb_effect(rows[i].cdb, rows[i].len, &msc_any_disk, &why);

		if (effect != rows[i].effect)
			fail_msg("row %zu: %02x %02x: %d, expected %d", i, rows[i].cdb[0],
				 rows[i].cdb[1], effect, rows[i].effect);
		if (!why || !*why)
			fail_msg("row %zu: %02x: no reason", i, rows[i].cdb[0]);
	}
}

/* BLANK of MMC is ATA PASS-THROUGH of a disk; SEND KEY is MAINTENANCE IN. */
static void effects_of_others(void **state)
{
	static const uint8_t a1[16] = { 0xa1, 0x08, [9] = 0xec }, a3[16] = { 0xa3, 0x0c };

	(void)state;
	assert_int_equal(msc_cdb_effect(a1, 12, &disc, NULL), UNSAFE);
	assert_int_equal(msc_cdb_effect(a1, 12, &nothing, NULL), UNSAFE);
	assert_int_equal(msc_cdb_effect(a3, 12, &disc, NULL), UNSAFE);
	assert_int_equal(msc_cdb_effect(a3, 12, &nothing, NULL), UNSAFE);
}

/* What the table of effects does not name is unsafe, and so is nearly everything that the table of
 * layouts does not know. */
static void effects_are_an_allow_list(void **state)
{
	unsigned harmless = 0;

	(void)state;
	for (unsigned op = 0; op < 256; op++) {
		uint8_t cdb[MSC_CBW_CB_MAX];

		memset(cdb, 0xff, sizeof cdb);
		cdb[0] = (uint8_t)op;
		harmless += msc_cdb_effect(cdb, 16, &msc_any_disk, NULL) == NONE;
		if (op >= 0xc0 && msc_cdb_effect(cdb, 16, &msc_any_disk, NULL) != UNSAFE)
			fail_msg("%02x is a vendor's and not unsafe", op);
	}
	assert_int_equal(harmless, 26);
}

static void what_is_written(void **state)
{
	static const struct {
		uint8_t cdb[16];
		uint64_t lba, blocks;
	} written[] = {
		{ { 0x0a, 0x01, 0x02, 0x03, 0 }, 0x010203, 256 },
		{ { 0x2a, 0, 1, 2, 3, 4, 0, 5, 6 }, 0x01020304, 0x0506 },
		{ { 0x2e, 0, 1, 2, 3, 4, 0, 5, 6 }, 0x01020304, 0x0506 },
		{ { 0xaa, 0, 1, 2, 3, 4, 5, 6, 7, 8 }, 0x01020304, 0x05060708 },
		{ { 0xae, 0, 1, 2, 3, 4, 5, 6, 7, 8 }, 0x01020304, 0x05060708 },
		{ { 0x8a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 },
		  UINT64_C(0x0102030405060708), 0x090a0b0c },
		{ { 0x8e, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 },
		  UINT64_C(0x0102030405060708), 0x090a0b0c },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(written); i++) {
		uint64_t lba, blocks;

		msc_cdb_written(written[i].cdb, &lba, &blocks);
		assert_int_equal(lba, written[i].lba);
		assert_int_equal(blocks, written[i].blocks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(effects),
		cmocka_unit_test(effects_of_others),
		cmocka_unit_test(effects_are_an_allow_list),
		cmocka_unit_test(what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
