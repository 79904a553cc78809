/* SPDX-License-Identifier: BSD-2-Clause */
/* What a mismatch of data tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "judge/story.h"

#define LEN   2048
#define MANY  64 /* blocks */
#define PIECE 8192

static uint8_t want[MANY * 512], got[MANY * 512];

static const struct msc_story blocks = { .lba = 100, .block_size = 512, .packet = 64 };
static const struct msc_story answer = { .lba = 0 };

/* Bytes that are no pattern, so that nothing fits by chance; the same in both. */
static void begin(void)
{
	struct msc_rng rng = { 7 };

	for (size_t i = 0; i < sizeof want; i++)
		want[i] = (uint8_t)msc_rng_next(&rng);
	memcpy(got, want, sizeof got);
}

static void check_len(size_t len, const struct msc_story *k, const char *expected)
{
	char text[240];

	assert_string_equal(msc_data_story(text, sizeof text, got, want, len, k), expected);
}

static void check(const struct msc_story *k, const char *expected)
{
	check_len(LEN, k, expected);
}

/* Blocks like those of the suite, each a little further on in one sequence: so they look like a shift as well. */
static void blocks_in_each_others_place(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof want; i++)
		want[i] = (uint8_t)(i % 251);
	memcpy(got, want, sizeof got);
	memcpy(got + 512, want, 512);
	check(&blocks, "block 101, the second of 4: the data of block 100");
	memcpy(got + 1536, want + 1024, 512);
	check(&blocks, "blocks 101 and 103, each second one: each the data of the block before it");
	memcpy(got, want, sizeof got);
	memcpy(got + 1024, want, 512);
	memcpy(got + 1536, want, 512);
	check(&blocks, "blocks 102 to 103, the last 2 of 4: all the data of block 100");
	memcpy(got, want, sizeof got);
	memcpy(got, want + 512, 1024);
	check_len(1536, &blocks,
		  "blocks 100 to 101, all but the last of 3: each the data of the block behind it");
}

static void stories(void **unused)
{
	(void)unused;
	begin();
	check(&blocks, "");
	want[600] = 0x55;
	got[600] = 0x54;
	check(&blocks, "block 101, the second of 4: 1 byte, in which only bits were cleared");
	check(&answer, "byte 600: 1 byte");
	got[600] = 0x57;
	check(&blocks, "block 101, the second of 4: 1 byte, in which only bits were set");
	got[600] = 0x2a;
	check(&blocks, "block 101, the second of 4: 1 byte");
	begin();
	memset(got + 512, 0, 1024);
	want[512] = want[1535] = 1;
	check(&blocks, "blocks 101 to 102, 2 of 4: zeros");
	begin();
	memset(got + 512, 0xff, 512);
	want[512] = want[1023] = 1;
	check(&blocks, "block 101, the second of 4: FFh, as flash is when it is erased");
	begin();
	for (size_t i = 512; i < 1024; i++)
		got[i] &= 0x5a;
	check(&blocks,
	      "block 101, the second of 4: only bits were cleared, as in flash that is written "
	      "without being erased");
	begin();
	for (size_t i = 0; i < 512; i++)
		got[i] |= 0x11;
	check(&blocks, "block 100, the first of 4: only bits were set");
}

static void what_has_moved(void **unused)
{
	(void)unused;
	begin();
	memmove(got + 128, want + 192, LEN - 192);
	check(&blocks, "a packet of 64 bytes is missing at byte 128");
	begin();
	memmove(got + 192, want + 128, LEN - 192);
	check(&blocks, "the packet of 64 bytes before byte 192 came twice");
	begin();
	memmove(got + 7, want + 8, LEN - 8);
	check(&blocks, "from byte 7 on it is shifted by 1 byte: some are missing");
	begin();
	memmove(got + 12, want + 9, LEN - 12);
	got[9] = (uint8_t)~want[9];
	check(&blocks, "from byte 9 on it is shifted by 3 bytes: some are too many");
}

/* Zeros that are compared with zeros have not moved, however one shifts them. */
static void what_is_alike_has_not_moved(void **unused)
{
	(void)unused;
	memset(want, 0, LEN);
	memset(got, 0, LEN);
	got[3] = 9;
	check(&answer, "byte 3: 1 byte");
	memset(got, 0x31, 64);
	check(&answer, "bytes 0 to 63: 64 bytes");
}

static void fill(uint8_t byte, unsigned first, unsigned end, unsigned step)
{
	for (unsigned i = first; i < end; i += step)
		memset(got + (size_t)i * 512, byte, 512);
}

/* Right blocks between the wrong ones are no part of the story. */
static void which_blocks(void **unused)
{
	(void)unused;
	begin();
	fill(0, 1, 4, 2);
	check(&blocks, "blocks 101 and 103, each second one: zeros");
	fill(0, 1, MANY, 2);
	check_len(sizeof got, &blocks, "blocks 101, 103, ... 163, each second one: zeros");
	for (unsigned i = 0; i < MANY; i++)
		if (i % 8)
			fill(0, i, i + 1, 1);
	check_len(sizeof got, &blocks, "blocks 101, 102, ... 163, 7 of each 8: zeros");
	begin();
	fill(0, 1, 8, 1);
	check_len(8 * 512, &blocks, "blocks 101 to 107, all but the first of 8: zeros");
	begin();
	fill(0xff, 0, 3, 1);
	check(&blocks,
	      "blocks 100 to 102, all but the last of 4: FFh, as flash is when it is erased");
	begin();
	fill(0, 0, 4, 1);
	check(&blocks, "blocks 100 to 103: zeros");
	begin();
	fill(0xff, 3, 4, 1);
	check(&blocks, "block 103, the last of 4: FFh, as flash is when it is erased");
	begin();
	fill(0, 2, 3, 1);
	check(&blocks, "block 102, one of 4: zeros");
	fill(0, 5, 6, 1);
	fill(0, 6, 7, 1);
	check_len(16 * 512, &blocks, "blocks 102, 105 and 106, 3 of 16: zeros");
	fill(0, 12, 13, 1);
	check_len(16 * 512, &blocks, "blocks 102, 105, ... 112, 4 of 16: zeros");
}

static void which_part(void **unused)
{
	(void)unused;
	begin();
	want[3 * 512 + 256] = 1;
	memset(got + 3 * 512 + 256, 0, 256);
	check(&blocks, "block 103, the last of 4: zeros, from byte 256 of the block on");
	begin();
	want[512] = want[543] = 1;
	memset(got + 512, 0, 32);
	check(&blocks, "block 101, the second of 4: zeros, where it is wrong");
}

/* Each piece of a write by itself, and no further than a block. */
static void what_has_moved_in_pieces(void **unused)
{
	(void)unused;
	begin();
	for (size_t at = 0; at < sizeof got; at += PIECE)
		memmove(got + at + 512 + 100, want + at + 512, PIECE - 512 - 100);
	check_len(sizeof got, &blocks,
		  "from byte 612 on it is shifted by 100 bytes, in 4 pieces: some are too many");
	check_len(PIECE, &blocks, "from byte 612 on it is shifted by 100 bytes: some are too many");
	begin();
	for (size_t at = 0; at < sizeof got; at += PIECE)
		memmove(got + at, want + at + 3, PIECE - 3);
	check_len(sizeof got, &blocks,
		  "from byte 0 on it is shifted by 3 bytes, in 4 pieces: some are missing");
	begin();
	memmove(got + 512 + 40, want + 512, 200); /* and right again in the middle of the block */
	check(&blocks, "block 101, the second of 4: 200 bytes");
}

/* As stamps do, nearly: it seems to have moved by other distances, too. */
static void what_repeats_itself_nearly(void **unused)
{
	(void)unused;
	begin();
	for (size_t i = 0; i < sizeof want; i++)
		want[i] = (uint8_t)(i % 16 == 11  ? i % 512 / 16
				    : i % 16 == 6 ? i / 512
						  : i % 16 / 12);
	memcpy(got, want, sizeof got);
	for (size_t at = 0; at < sizeof got; at += PIECE)
		memmove(got + at + 512 + 100, want + at + 512, PIECE - 512 - 100);
	check_len(sizeof got, &blocks,
		  "from byte 614 on it is shifted by 100 bytes, in 4 pieces: some are too many");
}

static void words_that_are_swapped(void **unused)
{
	static const char *const how[] = { NULL, "the bytes of each 16-bit word are swapped",
					   "the halves of each 32-bit word are swapped",
					   "the bytes of each 32-bit word are reversed" };
	char text[120] = "block 101, the second of 4: ";
	size_t len = strlen(text);

	(void)unused;
	for (size_t mask = 1; mask < 4; mask++) {
		begin();
		for (size_t i = 512; i < 1024; i++)
			got[i] = want[i ^ mask];
		strcpy(text + len, how[mask]);
		check(&blocks, text);
	}
}

/* Of data that was there before the write nothing else is told, but that it is all alike. */
static void what_was_there_before(void **unused)
{
	static uint8_t before[LEN];
	const struct msc_story old = { .lba = 100, .block_size = 512, .packet = 64, .old = before };

	(void)unused;
	begin();
	memcpy(before, want + LEN, LEN);
	memcpy(got + 512, before + 512, 512);
	check(&old, "block 101, the second of 4: what was there before the write");
	memcpy(got + 3 * 512, before + 3 * 512, 512);
	check(&old, "blocks 101 and 103, each second one: what was there before the write");
	memset(got + 3 * 512, 0, 512);
	memset(got + 512, 0, 512);
	check(&old, "blocks 101 and 103, each second one: zeros");
	memset(before, 0, LEN);
	check(&old, "blocks 101 and 103, each second one: zeros, as before the write");
}

/* A byte or two that happen to be 0 or FFh are no erased flash. */
static void a_few_bytes_are_no_story(void **unused)
{
	(void)unused;
	begin();
	got[3] = want[3] ? 0 : 1;
	check(&answer, "byte 3: 1 byte");
	got[3] = 0xff;
	want[3] = 0xfe;
	check(&blocks, "block 100, the first of 4: 1 byte, in which only bits were set");
}

static void distances(void **unused)
{
	char text[80];

	(void)unused;
	assert_string_equal(msc_distance_story(text, sizeof text, 5, 5 + 8388608, 512),
			    "8388608 blocks apart, 4 GiB: a byte address of 32 bits");
	assert_string_equal(msc_distance_story(text, sizeof text, 32768, 0, 512),
			    "32768 blocks apart, 16 MiB: a byte address of 24 bits");
	assert_string_equal(msc_distance_story(text, sizeof text, 65536, 0, 512),
			    "65536 blocks apart, 32 MiB: a block address of 16 bits");
	assert_string_equal(msc_distance_story(text, sizeof text, 7, 8, 512), "1 block apart");
	assert_string_equal(msc_distance_story(text, sizeof text, 0, UINT64_MAX, 512),
			    "18446744073709551615 blocks apart");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stories), cmocka_unit_test(blocks_in_each_others_place),
		cmocka_unit_test(which_blocks),
		cmocka_unit_test(which_part),
		cmocka_unit_test(what_has_moved),
		cmocka_unit_test(what_has_moved_in_pieces),
		cmocka_unit_test(what_repeats_itself_nearly),
		cmocka_unit_test(words_that_are_swapped),
		cmocka_unit_test(what_is_alike_has_not_moved),
		cmocka_unit_test(what_was_there_before),
		cmocka_unit_test(a_few_bytes_are_no_story),
		cmocka_unit_test(distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
