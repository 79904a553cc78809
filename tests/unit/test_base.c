/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsers and printers of what people type and read: value and message, bad strings first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/copy.h"
#include "base/knob.h"
#include "base/text.h"

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t value; /* -1: refused */
	} rows[] = {
		{ "", -1 },
		{ "x", -1 },
		{ "-1", -1 },
		{ " 1", -1 },
		{ "1 ", -1 },
		{ "1kk", -1 },
		{ "1K", -1 },
		{ "0x", -1 },
		{ "12abc", -1 },
		{ "99999999999999999999", -1 },
		{ "17179869184G", -1 },
		{ "0", 0 },
		{ "12", 12 },
		{ "0x1F", 31 },
		{ "010", 10 },
		{ "64k", 65536 },
		{ "1M", 1048576 },
		{ "2G", 2147483648 },
		{ "0x10k", 16384 },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		uint64_t value = 0;
		int rc = msc_parse_size(rows[i].text, &value, &err);

		if (rc != (rows[i].value < 0 ? -1 : 0) ||
		    (rc == 0 && value != (uint64_t)rows[i].value))
			fail_msg("'%s': %d, %llu", rows[i].text, rc, (unsigned long long)value);
		assert_int_equal(err.msg[0] != '\0', rc < 0);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{ "", -1 },
		{ "5", -1 },
		{ "-1ms", -1 },
		{ "1 ms", -1 },
		{ "9223372037s", -1 },
		{ "12xyzms", -1 },
		{ "ms", -1 },
		{ "0x5ms", -1 },
		{ "infs", -1 },
		{ "0ns", 0 },
		{ "20ms", 20000000 },
		{ "1.5us", 1500 },
		{ "3s", 3 * MSC_S },
		{ "2min", 120 * MSC_S },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		int64_t ns = -1;
		int rc = msc_parse_duration(rows[i].text, &ns, &err);

		if ((rc < 0) != (rows[i].ns < 0) || (rc == 0 && ns != rows[i].ns))
			fail_msg("'%s': %d, %lld", rows[i].text, rc, (long long)ns);
		assert_int_equal(err.msg[0] != '\0', rc < 0);
	}
}

static void hex(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	uint8_t out[4];
	size_t len;

	(void)state;
	assert_int_equal(msc_parse_hex("12 00fF", out, sizeof out, &len, &err), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(out, "\x12\x00\xff", 3);
	assert_int_equal(msc_parse_hex("f 0 12", out, sizeof out, &len, &err), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(out, ((uint8_t[]){ 0x0f, 0x00, 0x12 }), 3);
	assert_int_equal(msc_parse_hex("12f 0", out, sizeof out, &len, &err), -1);
	err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(msc_parse_hex("123", out, sizeof out, &len, &err), -1);
	err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(msc_parse_hex("0102030405", out, sizeof out, &len, &err), -1);
	assert_string_equal(err.msg, "'0102030405' has more than 4 bytes");
}

static void times_for_people(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = { { 0, "0 ns" },
		     { 999, "999 ns" },
		     { 1000, "1.000 us" },
		     { 1303000, "1.303 ms" },
		     { 41300000, "41.30 ms" },
		     { -5000, "-5.000 us" },
		     { 125 * MSC_S, "125.0 s" } };
	char buf[24];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		assert_string_equal(msc_format_ns(buf, sizeof buf, rows[i].ns), rows[i].text);
}

static void the_nearest_name(void **state)
{
	static const char *const names[] = { "reference", "linux-gadget", "residue-zero",
					     "csw-tag" };
	static const struct {
		const char *wanted, *best;
	} rows[] = { { "referense", "reference" },
		     { "refernece", "reference" },
		     { "linux", "linux-gadget" },
		     { "cws-tag", "csw-tag" },
		     { "residue-zero", "residue-zero" },
		     { "xyzzy", NULL },
		     { "", NULL } };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_nearest near = { .wanted = rows[i].wanted };
		struct msc_err err = MSC_ERR_INIT;

		for (size_t k = 0; k < MSC_COUNT(names); k++)
			msc_nearest_try(&near, names[k]);
		if (!rows[i].best)
			assert_null(near.best);
		else
			assert_string_equal(near.best, rows[i].best);
		msc_fail_unknown(&err, "firmware", "firmware", &near);
		assert_int_equal(err.code, MSC_E_USAGE);
		assert_non_null(
			strstr(err.msg, rows[i].best ? "did you mean" : "mscope list firmware"));
	}
}

static void first_error_wins(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	char longest[2000];

	(void)state;
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(msc_fail(&err, MSC_E_IO, "first"), -1);
	msc_fail(&err, MSC_E_GONE, "second");
	assert_int_equal(err.code, MSC_E_IO);
	msc_err_prefix(&err, "%s: ", "where");
	assert_string_equal(err.msg, "where: first");
	msc_err_prefix(&err, "%s", longest);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

struct knobs {
	bool flag;
	uint32_t n;
	int64_t ns;
	int choice;
	char text[8];
};

static void knobs(void **state)
{
	static const char *const words[] = { "stall", "short", NULL };
	static const struct msc_knob table[] = {
		{ .name = "flag",
		  .type = MSC_KNOB_BOOL,
		  .offset = offsetof(struct knobs, flag),
		  .initial = "1" },
		{ .name = "n",
		  .type = MSC_KNOB_U32,
		  .offset = offsetof(struct knobs, n),
		  .initial = "2",
		  .min = 1,
		  .max = 16 },
		{ .name = "ns",
		  .type = MSC_KNOB_DURATION,
		  .offset = offsetof(struct knobs, ns),
		  .initial = "3ms" },
		{ .name = "choice",
		  .type = MSC_KNOB_CHOICE,
		  .offset = offsetof(struct knobs, choice),
		  .choices = words },
		{ .name = "text",
		  .type = MSC_KNOB_TEXT,
		  .offset = offsetof(struct knobs, text),
		  .text_size = 8 },
		{ .name = NULL },
	};
	static const struct {
		const char *knob, *value, *says; /* NULL: accepted */
	} rows[] = {
		{"flag", "maybe", "flag: 'maybe' is neither yes nor no"},
		{"n", "17", "n: 17 is out of range (1 to 16)"},
		{"n", "0", "n: 0 is out of range"},
		{"ns", "5", "ns: '5' needs a unit"},
		{"choice", "pad", "choice: 'pad' is none of stall, short"},
		{"text", "12345678", "text: '12345678' is longer than 7 characters"},
		{"flag", "off", NULL}, {"n", "0x10", NULL}, {"ns", "1us", NULL},
		{"choice", "short", NULL}, {"text", "1234567", NULL},
	};
	struct knobs k = { 0 };

	(void)state;
	msc_knobs_init(table, &k);
	assert_true(k.flag && k.n == 2 && k.ns == 3 * MSC_MS && k.choice == 0);
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		int rc = msc_knob_set(msc_knob_find(table, rows[i].knob), &k, rows[i].value, &err);

		assert_int_equal(rc, rows[i].says ? -1 : 0);
		if (rows[i].says && !strstr(err.msg, rows[i].says))
			fail_msg("%s", err.msg);
	}
	assert_true(!k.flag && k.n == 16 && k.ns == MSC_US && k.choice == 1);
	assert_string_equal(k.text, "1234567");
	assert_null(msc_knob_find(table, "nothing"));
}

static void tenths(void **state)
{
	static const struct msc_knob knob = { .name = "t", .type = MSC_KNOB_TENTHS };
	static const struct {
		const char *value, *says;
		int32_t tenths;
	} rows[] = {
		{ "-0.5", NULL, -5 },
		{ "-273", NULL, -2730 },
		{ "1000", NULL, 10000 },
		{ "1000.1", "t: 1000.1 is out of range (-1000 to 1000)", 0 },
		{ "99999999999", "at most one decimal", 0 },
		{ "", "t: '': expected a number with at most one decimal", 0 },
		{ "-", "at most one decimal", 0 },
		{ "1.", "at most one decimal", 0 },
		{ ".5", "at most one decimal", 0 },
		{ "1.25", "at most one decimal", 0 },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		int32_t got = 0;
		int rc = msc_knob_set(&knob, &got, rows[i].value, &err);

		assert_int_equal(rc, rows[i].says ? -1 : 0);
		assert_int_equal(got, rows[i].tenths);
		if (rows[i].says && !strstr(err.msg, rows[i].says))
			fail_msg("%s", err.msg);
	}
}

static void dumps(void **state)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	msc_hexdump(f, "  ", "0123456789abcdefXY\x01", 19, 18);
	fclose(f);
	assert_string_equal(
		text, "  0000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef\n"
		      "  0010  58 59                                             XY\n"
		      "  ... 1 more bytes\n");
	free(text);
}

/* All bytes, in their places, and none behind them. */
static void copies(void **state)
{
	enum {
		MOST = 3 * MSC_COPY_PIECE + 7
	};
	static const size_t lens[] = {
		0, 1, MSC_COPY_PIECE - 1, MSC_COPY_PIECE, MSC_COPY_PIECE + 1, MOST
	};
	uint8_t from[MOST], to[MOST + 1];

	(void)state;
	for (size_t i = 0; i < MOST; i++)
		from[i] = (uint8_t)(i % 251);
	for (size_t k = 0; k < MSC_COUNT(lens); k++) {
		memset(to, 0xee, sizeof to);
		msc_copy(to, from, lens[k]);
		assert_memory_equal(to, from, lens[k]);
		assert_int_equal(to[lens[k]], 0xee);
	}
	msc_copy(NULL, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),	    cmocka_unit_test(durations),
		cmocka_unit_test(hex),		    cmocka_unit_test(times_for_people),
		cmocka_unit_test(the_nearest_name), cmocka_unit_test(first_error_wins),
		cmocka_unit_test(knobs),	    cmocka_unit_test(tenths),
		cmocka_unit_test(dumps),	    cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
