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

#define LEN 2048

static uint8_t want[LEN], got[LEN];

static const struct msc_story blocks = { .lba = 100, .block_size = 512, .packet = 64 };
static const struct msc_story answer = { .lba = 0 };

/* Bytes that are no pattern, so that nothing fits by chance; the same in both. */
static void begin(void)
{
	struct msc_rng rng = { 7 };

	for (size_t i = 0; i < LEN; i++)
		want[i] = (uint8_t)msc_rng_next(&rng);
	memcpy(got, want, LEN);
}

static void check(const struct msc_story *k, const char *expected)
{
	char text[160];

	assert_string_equal(msc_data_story(text, sizeof text, got, want, LEN, k), expected);
}

static void stories(void **unused)
{
	(void)unused;
	begin();
	check(&blocks, "");
	want[600] = 0x55;
	got[600] = 0x54;
	check(&blocks, "block 101: 1 byte, in which only bits were cleared");
	check(&answer, "byte 600: 1 byte");
	got[600] = 0x57;
	check(&blocks, "block 101: 1 byte, in which only bits were set");
	got[600] = 0x2a;
	check(&blocks, "block 101: 1 byte");
	begin();
	memset(got + 512, 0, 1024);
	want[512] = want[1535] = 1;
	check(&blocks, "blocks 101 to 102: zeros");
	begin();
	memset(got + 512, 0xff, 512);
	want[512] = want[1023] = 1;
	check(&blocks, "block 101: FFh, as flash is when it is erased");
	begin();
	for (size_t i = 512; i < 1024; i++)
		got[i] &= 0x5a;
	check(&blocks,
	      "block 101: only bits were cleared, as in flash that is written without being "
	      "erased");
	begin();
	for (size_t i = 0; i < 512; i++)
		got[i] |= 0x11;
	check(&blocks, "block 100: only bits were set");
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

/* Of data that was there before the write nothing else is told. */
static void what_was_there_before(void **unused)
{
	const struct msc_story old = { .lba = 100, .block_size = 512, .packet = 64, .old = true };

	(void)unused;
	begin();
	memmove(got + 512, want + 576, 512);
	check(&old, "block 101: what was there before the write");
	memset(got + 512, 0, 1024);
	check(&old, "blocks 101 to 102: what was there before the write, zeros");
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
	check(&blocks, "block 100: 1 byte, in which only bits were set");
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
		cmocka_unit_test(stories),
		cmocka_unit_test(what_has_moved),
		cmocka_unit_test(what_is_alike_has_not_moved),
		cmocka_unit_test(what_was_there_before),
		cmocka_unit_test(a_few_bytes_are_no_story),
		cmocka_unit_test(distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
