/* SPDX-License-Identifier: BSD-2-Clause */
/* The picture of the LED matrix: as painting programs write it, at every depth, cut short, and with
 * nonsense in its header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "firmware/lsd/core/internal.h"

static const uint8_t face[LSD_ROWS] = { 0x3c, 0x42, 0xa5, 0x81, 0xa5, 0x99, 0x42, 0x3d };

/* A picture of the face. */
static uint32_t draw(uint8_t *bmp, unsigned bits, bool top_down)
{
	const uint32_t colours = bits <= 8 ? 2 : 0, stride = (8 * bits + 31) / 32 * 4;
	const uint32_t at = 54 + 4 * colours;

	memset(bmp, 0, 1024);
	memcpy(bmp, "BM", 2);
	lsd_put32(bmp + 10, at);
	lsd_put32(bmp + 14, 40);
	lsd_put32(bmp + 18, 8);
	lsd_put32(bmp + 22, top_down ? 0u - 8 : 8);
	lsd_put16(bmp + 26, 1);
	lsd_put16(bmp + 28, bits);
	if (colours) /* the first colour is light here, unlike in the one that the core writes */
		memset(bmp + 54, 0xff, 3);
	for (unsigned y = 0; y < 8; y++)
		for (unsigned x = 0; x < 8; x++) {
			uint8_t *row = bmp + at + stride * (top_down ? y : 7 - y);
			bool lit = face[y] & 0x80 >> x;
			unsigned bit = x * bits;

			if (bits >= 16)
				memset(row + bit / 8, lit ? 0xe0 : 0x20, bits / 8);
			else if (!lit)
				row[bit / 8] |= (uint8_t)(1 << (8 - bits - bit % 8));
		}
	return at + 8 * stride;
}

static void test_every_depth_is_read(void **state)
{
	static const unsigned depths[] = { 1, 4, 8, 24, 32 };
	uint8_t bmp[1024], rows[LSD_ROWS];

	(void)state;
	for (size_t i = 0; i < LSD_COUNT(depths); i++)
		for (int top_down = 0; top_down < 2; top_down++) {
			uint32_t len = draw(bmp, depths[i], top_down);

			assert_true(len <= sizeof((struct lsd_memory *)0)->matrix);
			assert_true(lsd_bmp_read(bmp, len, rows));
			assert_memory_equal(rows, face, LSD_ROWS);
			assert_false(lsd_bmp_read(bmp, len - 1, rows));
		}
}

static void test_what_is_written_is_read(void **state)
{
	uint8_t bmp[LSD_BMP_LEN], rows[LSD_ROWS];

	(void)state;
	lsd_bmp_write(bmp, face);
	assert_true(lsd_bmp_read(bmp, sizeof bmp, rows));
	assert_memory_equal(rows, face, LSD_ROWS);
}

static void test_other_pictures_are_none(void **state)
{
	static const struct {
		uint32_t at, value;
	} wrong[] = { { 18, 9 },           { 22, 7 },  { 22, 0u - 7 },     { 28, 16 },
		      { 28, 0 },           { 30, 1 },  { 30, 3 },          { 14, 12 },
		      { 14, 4000000000u }, { 10, 94 }, { 10, 4294967290u } };
	uint8_t bmp[1024], rows[LSD_ROWS];

	(void)state;
	for (size_t i = 0; i < LSD_COUNT(wrong); i++) {
		uint32_t len = draw(bmp, 4, false);

		lsd_put32(bmp + wrong[i].at, wrong[i].value);
		assert_false(lsd_bmp_read(bmp, len, rows));
	}
}

/* Nothing is read behind the end of what there is: each file has a buffer of just its length. */
static void test_nonsense_is_survived(void **state)
{
	struct msc_rng rng = { 7 };
	uint8_t whole[1024], rows[LSD_ROWS];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t len = draw(whole, 1u << msc_rng_below(&rng, 6), i % 2);
		uint8_t *bmp;

		len = msc_rng_below(&rng, len + 1);
		bmp = malloc(len ? len : 1);
		assert_non_null(bmp);
		memcpy(bmp, whole, len);
		for (uint32_t k = msc_rng_below(&rng, 4); len && k > 0; k--)
			bmp[msc_rng_below(&rng, len < 54 ? len : 54)] = (uint8_t)msc_rng_next(&rng);
		(void)lsd_bmp_read(bmp, len, rows);
		free(bmp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_depth_is_read),
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_other_pictures_are_none),
		cmocka_unit_test(test_nonsense_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
