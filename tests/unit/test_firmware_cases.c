/* SPDX-License-Identifier: BSD-2-Clause */
/* The thirteen cases of BOT 1.0, 6.7 and their natural relatives, on every model that has an
 * opinion of its own about them: what moved, what was halted, residue, status and sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware_bench.h"

#define IN  true
#define OUT false
#define L   MSC_CBW_CB_MAX
#define ANY 0xffffffff

#define TUR	       {MSC_OP_TEST_UNIT_READY}
#define INQUIRY(n)     {MSC_OP_INQUIRY, 0, 0, 0, n}
#define READ(lba, n)   {MSC_OP_READ_10, 0, 0, 0, (lba) >> 8, (lba) & 0xff, 0, (n) >> 8, (n) & 0xff}
#define WRITE(lba, n)  {MSC_OP_WRITE_10, 0, 0, 0, (lba) >> 8, (lba) & 0xff, 0, (n) >> 8, (n) & 0xff}
#define LAST	       0x3fff /* of 8 MiB in blocks of 512 bytes */

enum halt { NO_HALT, HALT_IN, HALT_OUT };

struct row {
	const char *what;
	uint8_t cb[L], cb_length;
	bool in;
	uint32_t length;
	size_t moved;
	enum halt halt;
	uint8_t status;
	uint32_t residue;
	uint32_t sense; /* after status 01h */
};

static void check(struct bench *b, const char *model, const struct row *row)
{
	struct bench_result r =
		bench_command(b, 0, row->cb, row->cb_length, row->in, row->length, NULL);
	enum halt halt = r.stalled_in ? HALT_IN : r.stalled_out ? HALT_OUT : NO_HALT;
	char at[160];

	snprintf(at, sizeof at, "%s: %s", model, row->what);
	if (!r.have_csw)
		fail_msg("%s: no valid CSW", at);
	if (r.moved != row->moved)
		fail_msg("%s: %zu bytes moved, expected %zu", at, r.moved, row->moved);
	if (halt != row->halt)
		fail_msg("%s: halt is %d, expected %d", at, halt, row->halt);
	if (r.status != row->status)
		fail_msg("%s: status is %u, expected %u", at, r.status, row->status);
	if (r.residue != row->residue)
		fail_msg("%s: residue is %u, expected %u", at, r.residue, row->residue);
	if (r.status == MSC_CSW_FAILED) {
		uint32_t sense = bench_sense(b, 0);

		if (sense != row->sense)
			fail_msg("%s: sense is %06x, expected %06x", at, sense, row->sense);
	}
	if (r.status == MSC_CSW_PHASE_ERROR)
		bench_reset_recovery(b);
}

static void check_all(const char *model, const char *knobs, const struct row *rows, size_t n)
{
	static const enum msc_speed speeds[] = { MSC_SPEED_FULL, MSC_SPEED_HIGH };

	for (size_t s = 0; s < MSC_COUNT(speeds); s++) {
		struct bench b;

		bench_open(&b, model, knobs, speeds[s], NULL);
		bench_settle(&b);
		for (size_t i = 0; i < n; i++)
			check(&b, model, &rows[i]);
		bench_close(&b);
	}
}

/* Whatever the knob case5 says. */
static const struct row common_rows[] = {
	{ "case 1", TUR, 6, OUT, 0, 0, NO_HALT, 0, 0, 0 },
	{ "case 1, READ of nothing", READ(0, 0), 10, IN, 0, 0, NO_HALT, 0, 0, 0 },
	{ "case 2", READ(0, 1), 10, IN, 0, 0, NO_HALT, 2, 0, 0 },
	{ "case 2, INQUIRY", INQUIRY(36), 6, IN, 0, 0, NO_HALT, 2, 0, 0 },
	{ "case 3", WRITE(0, 1), 10, OUT, 0, 0, NO_HALT, 2, 0, 0 },
	{ "case 4", TUR, 6, IN, 512, 0, HALT_IN, 0, 512, 0 },
	{ "case 4, READ of nothing", READ(0, 0), 10, IN, 512, 0, HALT_IN, 0, 512, 0 },
	{ "case 4, READ beyond the end", READ(LAST, 2), 10, IN, 1024, 0, HALT_IN, 1, 1024,
	  0x052100 },
	{ "case 4, unknown command", { 0xe7 }, 6, IN, 100, 0, HALT_IN, 1, 100, 0x052000 },
	{ "case 6", READ(0, 1), 10, IN, 512, 512, NO_HALT, 0, 0, 0 },
	{ "case 6, 40 blocks", READ(0, 40), 10, IN, 40 * 512, 40 * 512, NO_HALT, 0, 0, 0 },
	{ "case 6, the last block", READ(LAST, 1), 10, IN, 512, 512, NO_HALT, 0, 0, 0 },
	{ "case 7", READ(0, 2), 10, IN, 512, 0, HALT_IN, 2, 512, 0 },
	{ "case 7, one byte", READ(0, 1), 10, IN, 1, 0, HALT_IN, 2, 1, 0 },
	{ "case 8", WRITE(0, 1), 10, IN, 512, 0, HALT_IN, 2, 512, 0 },
	{ "case 9", TUR, 6, OUT, 512, 512, NO_HALT, 0, 512, 0 },
	{ "case 9, WRITE of nothing", WRITE(0, 0), 10, OUT, 512, 512, NO_HALT, 0, 512, 0 },
	{ "case 9, WRITE beyond the end", WRITE(LAST, 2), 10, OUT, 1024, 1024, NO_HALT, 1, 1024,
	  0x052100 },
	{ "case 9, unknown command", { 0xe7 }, 6, OUT, 100, 100, NO_HALT, 1, 100, 0x052000 },
	{ "case 10", READ(0, 1), 10, OUT, 512, 0, HALT_OUT, 2, 512, 0 },
	{ "case 11", WRITE(0, 1), 10, OUT, 1024, 1024, NO_HALT, 0, 512, 0 },
	{ "case 11, not whole packets", WRITE(0, 1), 10, OUT, 777, 777, NO_HALT, 0, 265, 0 },
	{ "case 12", WRITE(0, 1), 10, OUT, 512, 512, NO_HALT, 0, 0, 0 },
	{ "case 12, 40 blocks", WRITE(0, 40), 10, OUT, 40 * 512, 40 * 512, NO_HALT, 0, 0, 0 },
	{ "case 13", WRITE(0, 2), 10, OUT, 512, 0, HALT_OUT, 2, 512, 0 },
	{ "case 13, half a block", WRITE(0, 1), 10, OUT, 256, 0, HALT_OUT, 2, 256, 0 },
	{ "case 13, one byte of 65535 blocks", WRITE(0, 0xffff), 10, OUT, 1, 0, HALT_OUT, 2, 1, 0 },
	{ "an LBA that would wrap",
	  { MSC_OP_READ_10, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1 },
	  10,
	  IN,
	  512,
	  0,
	  HALT_IN,
	  1,
	  512,
	  0x052100 },
	{ "16-byte LBA that would wrap",
	  { MSC_OP_READ_16, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1 },
	  16,
	  IN,
	  512,
	  0,
	  HALT_IN,
	  1,
	  512,
	  0x052100 },
	{ "READ(6)", { MSC_OP_READ_6, 0, 0, 3, 2 }, 6, IN, 1024, 1024, NO_HALT, 0, 0, 0 },
	{ "READ(6) of 0 means 256",
	  { MSC_OP_READ_6, 0, 0, 0, 0 },
	  6,
	  IN,
	  131072,
	  131072,
	  NO_HALT,
	  0,
	  0,
	  0 },
	{ "READ(12)",
	  { MSC_OP_READ_12, 0, 0, 0, 0, 1, 0, 0, 0, 2 },
	  12,
	  IN,
	  1024,
	  1024,
	  NO_HALT,
	  0,
	  0,
	  0 },
	{ "a CDB that is cut off", READ(0, 1), 6, IN, 512, 0, HALT_IN, 1, 512, 0x052400 },
	{ "a CDB with bytes behind it", TUR, 16, OUT, 0, 0, NO_HALT, 0, 0, 0 },
};

static const struct row stall_rows[] = {
	{"case 5", READ(0, 1), 10, IN, 1024, 512, HALT_IN, 0, 512, 0},
	{"case 5, INQUIRY", INQUIRY(255), 6, IN, 255, 36, HALT_IN, 0, 219, 0},
};

static const struct row short_rows[] = {
	{"case 5", READ(0, 1), 10, IN, 1024, 512, NO_HALT, 0, 512, 0},
	{"case 5, INQUIRY", INQUIRY(255), 6, IN, 255, 36, NO_HALT, 0, 219, 0},
};

static const struct row pad_rows[] = {
	{"case 5", READ(0, 1), 10, IN, 1024, 1024, NO_HALT, 0, 512, 0},
	{"case 5, INQUIRY", INQUIRY(255), 6, IN, 255, 255, NO_HALT, 0, 219, 0},
	{"case 5, long", READ(0, 1), 10, IN, 40000, 40000, NO_HALT, 0, 39488, 0},
};

static void reference(void **unused)
{
	(void)unused;
	check_all("reference", "case5=stall", common_rows, MSC_COUNT(common_rows));
	check_all("reference", "case5=short", common_rows, MSC_COUNT(common_rows));
	check_all("reference", "case5=pad", common_rows, MSC_COUNT(common_rows));
	check_all("reference", "case5=stall", stall_rows, MSC_COUNT(stall_rows));
	check_all("reference", "case5=short", short_rows, MSC_COUNT(short_rows));
	check_all("reference", "case5=pad", pad_rows, MSC_COUNT(pad_rows));
}

/* Executes what fits, never halts bulk-out, ends short data with a short or empty packet and, if
 * it may, a halt behind it. */
static const struct row gadget_rows[] = {
	{ "case 1", TUR, 6, OUT, 0, 0, NO_HALT, 0, 0, 0 },
	{ "case 2", READ(0, 1), 10, IN, 0, 0, NO_HALT, 2, 0, 0 },
	{ "case 3", WRITE(0, 1), 10, OUT, 0, 0, NO_HALT, 2, 0, 0 },
	{ "case 4", TUR, 6, IN, 512, 0, HALT_IN, 0, 512, 0 },
	{ "case 4, unknown command", { 0xe7 }, 6, IN, 100, 0, HALT_IN, 1, 100, 0x052000 },
	{ "case 5", READ(0, 1), 10, IN, 1024, 512, HALT_IN, 0, 512, 0 },
	{ "case 5, INQUIRY", INQUIRY(255), 6, IN, 255, 36, HALT_IN, 0, 219, 0 },
	{ "case 6", READ(0, 40), 10, IN, 40 * 512, 40 * 512, NO_HALT, 0, 0, 0 },
	{ "case 7", READ(0, 2), 10, IN, 512, 512, NO_HALT, 2, 0, 0 },
	{ "case 7, one byte", READ(0, 2), 10, IN, 1, 1, NO_HALT, 2, 0, 0 },
	{ "case 7, INQUIRY", INQUIRY(255), 6, IN, 36, 36, NO_HALT, 2, 0, 0 },
	{ "case 8", WRITE(0, 1), 10, IN, 512, 0, HALT_IN, 2, 512, 0 },
	{ "case 9", TUR, 6, OUT, 512, 512, NO_HALT, 0, 512, 0 },
	{ "case 9, WRITE of nothing", WRITE(0, 0), 10, OUT, 512, 512, NO_HALT, 0, 512, 0 },
	{ "case 10", READ(0, 1), 10, OUT, 512, 512, NO_HALT, 2, 512, 0 },
	{ "case 11", WRITE(0, 1), 10, OUT, 1024, 1024, NO_HALT, 0, 512, 0 },
	{ "case 12", WRITE(0, 80), 10, OUT, 80 * 512, 80 * 512, NO_HALT, 0, 0, 0 },
	{ "case 13", WRITE(0, 2), 10, OUT, 512, 512, NO_HALT, 2, 0, 0 },
	{ "case 13, half a block", WRITE(0, 1), 10, OUT, 256, 256, NO_HALT, 2, 256, 0 },
	{ "READ across the end", READ(LAST, 2), 10, IN, 1024, 512, HALT_IN, 1, 512, 0x052100 },
	{ "WRITE across the end", WRITE(LAST, 2), 10, OUT, 1024, 1024, NO_HALT, 0, 512, 0 },
	{ "READ beyond the end", READ(LAST + 1, 1), 10, IN, 512, 0, HALT_IN, 1, 512, 0x052100 },
	{ "a reserved byte",
	  { MSC_OP_READ_10, 0, 0, 0, 0, 0, 1, 0, 1 },
	  10,
	  IN,
	  512,
	  0,
	  HALT_IN,
	  1,
	  512,
	  0x052400 },
	{ "a CDB that is cut off", READ(0, 1), 6, IN, 512, 0, HALT_IN, 2, 512, 0 },
	{ "MODE SENSE(6)",
	  { MSC_OP_MODE_SENSE_6, 0, 0x3f, 0, 192 },
	  6,
	  IN,
	  192,
	  16,
	  HALT_IN,
	  0,
	  176,
	  0 },
	{ "MODE SENSE(6), page 1Ch",
	  { MSC_OP_MODE_SENSE_6, 0, 0x1c, 0, 192 },
	  6,
	  IN,
	  192,
	  0,
	  HALT_IN,
	  1,
	  192,
	  0x052400 },
	{ "MODE SELECT(6)",
	  { MSC_OP_MODE_SELECT_6, 0, 0, 0, 4 },
	  6,
	  OUT,
	  4,
	  4,
	  NO_HALT,
	  1,
	  4,
	  0x052000 },
};

static void linux_gadget(void **unused)
{
	struct row rows[MSC_COUNT(gadget_rows)];

	(void)unused;
	check_all("linux-gadget", "blocks=16384", gadget_rows, MSC_COUNT(gadget_rows));
	memcpy(rows, gadget_rows, sizeof rows);
	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		rows[i].halt = NO_HALT;
	check_all("linux-gadget", "blocks=16384,stall=0", rows, MSC_COUNT(rows));
}

static void no_medium(void **unused)
{
	static const struct row rows[] = {
		{"TEST UNIT READY", TUR, 6, OUT, 0, 0, NO_HALT, 1, 0, 0x023a00},
		{"READ", READ(0, 1), 10, IN, 512, 0, HALT_IN, 1, 512, 0x023a00},
		{"WRITE", WRITE(0, 1), 10, OUT, 512, 512, NO_HALT, 1, 512, 0x023a00},
		{"INQUIRY", INQUIRY(36), 6, IN, 36, 36, NO_HALT, 0, 0, 0},
	};

	(void)unused;
	check_all("reference", "medium=0", rows, MSC_COUNT(rows));
	check_all("linux-gadget", NULL, rows, MSC_COUNT(rows));
}

static void write_protected(void **unused)
{
	static const struct row rows[] = {
		{"WRITE", WRITE(0, 1), 10, OUT, 512, 512, NO_HALT, 1, 512, 0x072700},
		{"READ", READ(0, 1), 10, IN, 512, 512, NO_HALT, 0, 0, 0},
	};

	(void)unused;
	check_all("reference", "wp=1", rows, MSC_COUNT(rows));
	check_all("linux-gadget", "blocks=16384,ro=1", rows, MSC_COUNT(rows));
}

/* -- CBWs that are not valid: BOT 1.0, 6.6.1 -------------------------------------------------- */

static bool is_halted(struct bench *b, uint8_t ep)
{
	uint8_t raw[2] = { 0 };

	assert_int_equal(bench_control(b, MSC_REQTYPE_IN | MSC_RECIPIENT_ENDPOINT,
				       MSC_STD_GET_STATUS, 0, ep, 2, raw, NULL),
			 DONE);
	return raw[0];
}

static void invalid_cbw(struct bench *b, size_t len)
{
	static const uint8_t tur[6] = { MSC_OP_TEST_UNIT_READY };
	uint8_t raw[512] = "USBC";

	if (len == MSC_CBW_LEN)
		raw[0] = 'X';
	assert_int_equal(bench_bulk(b, BENCH_OUT, raw, len, NULL), DONE);
	assert_int_equal(bench_bulk(b, BENCH_IN, raw, 13, NULL), STALLED);
	assert_true(is_halted(b, BENCH_IN));
	bench_clear_halt(b, BENCH_IN); /* does not help */
	assert_int_equal(bench_bulk(b, BENCH_IN, raw, 13, NULL), STALLED);
	bench_reset_recovery(b);
	assert_false(is_halted(b, BENCH_IN));
	assert_false(is_halted(b, BENCH_OUT));
	assert_int_equal(bench_command(b, 0, tur, 6, false, 0, NULL).status, 0);
}

static void invalid_cbws(void **unused)
{
	static const char *const names[] = { "reference", "linux-gadget" };
	static const size_t lengths[] = { 31, 30, 32, 1, 13, 0 };

	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(names); i++) {
		struct bench b;

		bench_open(&b, names[i], i ? "blocks=100" : NULL, MSC_SPEED_HIGH, NULL);
		bench_settle(&b);
		for (size_t k = 0; k < MSC_COUNT(lengths); k++)
			invalid_cbw(&b, lengths[k]);
		bench_close(&b);
	}
}

/* A reset in the middle of data: no late data, no late CSW, and the next command works. */
static void reset_in_data(void **unused)
{
	static const uint8_t tur[6] = { MSC_OP_TEST_UNIT_READY };
	static const char *const names[] = { "reference", "linux-gadget" };

	(void)unused;
	for (size_t i = 0; i < 2 * MSC_COUNT(names); i++) {
		struct msc_cbw cbw = { .h = { MSC_CBW_SIGNATURE, 1, 40 * 512, 0, 0, 10 },
				       .cb = { MSC_OP_READ_10, [8] = 40 } };
		uint8_t raw[MSC_CBW_LEN], data[1024] = { 0 };
		struct bench b;

		bench_open(&b, names[i / 2], i / 2 ? "blocks=100" : NULL, MSC_SPEED_FULL, NULL);
		bench_settle(&b);
		if (i % 2)
			cbw.cb[0] = MSC_OP_WRITE_10;
		else
			cbw.h.flags = MSC_CBW_FLAG_IN;
		msc_cbw_pack(raw, &cbw);
		assert_int_equal(bench_bulk(&b, BENCH_OUT, raw, sizeof raw, NULL), DONE);
		assert_int_equal(bench_bulk(&b, i % 2 ? BENCH_OUT : BENCH_IN, data, sizeof data,
					    NULL),
				 DONE);
		bench_reset_recovery(&b);
		assert_int_equal(bench_bulk(&b, BENCH_IN, data, 13, NULL), TIMED_OUT);
		assert_int_equal(bench_command(&b, 0, tur, 6, false, 0, NULL).status, 0);
		bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference),	   cmocka_unit_test(linux_gadget),
		cmocka_unit_test(no_medium),	   cmocka_unit_test(write_protected),
		cmocka_unit_test(invalid_cbws),	   cmocka_unit_test(reset_in_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
