/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of commands against the standards' own bytes, and what is derived from it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "scsi/scsi.h"

/* ---- the table ---------------------------------------------------------------------------- */

static void table_is_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < msc_cdb_count; i++) {
		const struct msc_cdb_def *d = &msc_cdbs[i];
		bool moves = d->amount != MSC_AMOUNT_NONE;

		if (d->length != msc_cdb_group_length(d->opcode))
			fail_msg("%s: %u bytes, its group has %u", d->name, d->length,
				 msc_cdb_group_length(d->opcode));
		if (moves != (d->dir != MSC_DIR_NONE))
			fail_msg("%s: direction and amount disagree", d->name);
		if (msc_cdb_by_name(d->name) != d)
			fail_msg("%s: there twice", d->name);
		if (d->dir == MSC_DIR_OUT &&
		    msc_cdb_effect((uint8_t[16]){ d->opcode, [4] = 1, [8] = 1 }, 16, &msc_any_disk,
				   NULL) == MSC_EFFECT_NONE)
			fail_msg("%s: sends data and is said to be harmless", d->name);
		if (moves && d->amount != MSC_AMOUNT_CAPACITY &&
		    !msc_cdb_field(d, d->amount == MSC_AMOUNT_BLOCKS ? "blocks" : "alloc"))
			fail_msg("%s: has no field for its amount", d->name);
		for (const struct msc_cdb_field *f = d->fields; f->name; f++) {
			if (f == &d->fields[MSC_COUNT(d->fields) - 1])
				fail_msg("%s: its fields have no end", d->name);
			if (f->byte + (f->bytes ? f->bytes : 1) > d->length - 1)
				fail_msg("%s: field %s reaches the control byte", d->name, f->name);
		}
	}
}

/* msc_cdb_look takes them from there. */
static void blocks_stand_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < msc_cdb_count; i++)
		if (msc_cdbs[i].amount == MSC_AMOUNT_BLOCKS) {
			assert_string_equal(msc_cdbs[i].fields[0].name, "lba");
			assert_string_equal(msc_cdbs[i].fields[1].name, "blocks");
		}
}

/* No two fields of a command share a bit, and each gives back what was put in. */
static void fields_do_not_overlap(void **state)
{
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < msc_cdb_count; i++) {
		const struct msc_cdb_def *d = &msc_cdbs[i];
		uint8_t all[MSC_CBW_CB_MAX], one[MSC_CBW_CB_MAX];

		msc_cdb_begin(d, all);
		for (const struct msc_cdb_field *f = d->fields; f->name; f++) {
			unsigned width = f->bits ? f->bits : 8u * f->bytes;
			uint64_t most = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;

			msc_cdb_begin(d, one);
			if (msc_cdb_set(d, one, f, most, &err) || msc_cdb_get(one, f) != most)
				fail_msg("%s: field %s does not hold its largest value", d->name,
					 f->name);
			for (size_t b = d->has_service_action ? 2 : 1; b < sizeof(all); b++) {
				if (all[b] & one[b])
					fail_msg("%s: field %s overlaps another", d->name, f->name);
				all[b] |= one[b];
			}
			if (width < 64 && !msc_cdb_set(d, one, f, most + 1, &err))
				fail_msg("%s: field %s takes too large a value", d->name, f->name);
			err = (struct msc_err)MSC_ERR_INIT;
		}
	}
}

static const struct {
	const char *name;
	struct {
		const char *field;
		uint64_t value;
	} set[4];
	uint8_t cdb[16];
} commands[] = {
	{ "inquiry", { { "alloc", 36 } }, { 0x12, 0, 0, 0, 0x24 } },
	{ "inquiry",
	  { { "evpd", 1 }, { "page", 0x80 }, { "alloc", 255 } },
	  { 0x12, 1, 0x80, 0, 0xff } },
	{ "request_sense", { { "alloc", 18 } }, { 0x03, 0, 0, 0, 0x12 } },
	{ "read_format_capacities", { { "alloc", 252 } }, { 0x23, [8] = 0xfc } },
	{ "read_capacity10", { { NULL, 0 } }, { 0x25 } },
	{ "read_capacity16", { { "alloc", 32 } }, { 0x9e, 0x10, [13] = 0x20 } },
	{ "mode_sense6",
	  { { "page", 0x1c }, { "alloc", 192 } },
	  { 0x1a, 0, 0x1c, 0, 0xc0 } },
	{ "mode_sense6",
	  { { "page", 0x3f }, { "dbd", 1 }, { "alloc", 255 } },
	  { 0x1a, 8, 0x3f, 0, 0xff } },
	{ "mode_sense6", { { "page", 0x3f }, { "pc", 3 } }, { 0x1a, 0, 0xff } },
	{ "mode_sense10",
	  { { "page", 0x3f }, { "alloc", 192 } },
	  { 0x5a, 0, 0x3f, [8] = 0xc0 } },
	{ "mode_select6", { { "pf", 1 }, { "alloc", 24 } }, { 0x15, 0x10, 0, 0, 24 } },
	{ "prevent_allow", { { "prevent", 1 } }, { 0x1e, 0, 0, 0, 1 } },
	{ "start_stop_unit", { { "loej", 1 } }, { 0x1b, 0, 0, 0, 2 } },
	{ "start_stop_unit", { { "loej", 1 }, { "start", 1 } }, { 0x1b, 0, 0, 0, 3 } },
	{ "start_stop_unit", { { "immed", 1 }, { "start", 1 } }, { 0x1b, 1, 0, 0, 1 } },
	{ "synchronize_cache10", { { NULL, 0 } }, { 0x35 } },
	{ "verify10",
	  { { "lba", 1 }, { "blocks", 2 }, { "bytchk", 1 } },
	  { 0x2f, 2, 0, 0, 0, 1, 0, 0, 2 } },
	{ "read6", { { "lba", 0x1fffff }, { "blocks", 1 } }, { 0x08, 0x1f, 0xff, 0xff, 1 } },
	{ "read10",
	  { { "lba", 0x01020304 }, { "blocks", 0x0506 } },
	  { 0x28, 0, 1, 2, 3, 4, 0, 5, 6 } },
	{ "write10",
	  { { "blocks", 1 }, { "fua", 1 }, { "dpo", 1 } },
	  { 0x2a, 0x18, [8] = 1 } },
	{ "read12",
	  { { "lba", 1 }, { "blocks", 0x80 } },
	  { 0xa8, 0, 0, 0, 0, 1, 0, 0, 0, 0x80 } },
	{ "write16",
	  { { "lba", UINT64_C(0x0102030405060708) }, { "blocks", 9 } },
	  { 0x8a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9 } },
	{ "report_luns", { { "alloc", 16 } }, { 0xa0, [9] = 0x10 } },
};

static void builds_what_hosts_send(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(commands); i++) {
		const struct msc_cdb_def *d = msc_cdb_by_name(commands[i].name);
		struct msc_err err = MSC_ERR_INIT;
		uint8_t cdb[MSC_CBW_CB_MAX];

		assert_non_null(d);
		msc_cdb_begin(d, cdb);
		for (size_t j = 0; commands[i].set[j].field; j++) {
			const struct msc_cdb_field *f = msc_cdb_field(d, commands[i].set[j].field);

			assert_non_null(f);
			assert_int_equal(msc_cdb_set(d, cdb, f, commands[i].set[j].value, &err), 0);
		}
		if (memcmp(cdb, commands[i].cdb, sizeof(cdb)))
			fail_msg("row %zu, %s: wrong bytes", i, commands[i].name);
		assert_ptr_equal(msc_cdb_by_bytes(cdb, d->length), d);
	}
}

static void names_the_field_that_does_not_fit(void **state)
{
	const struct msc_cdb_def *d = msc_cdb_by_name("read10");
	struct msc_err err = MSC_ERR_INIT;
	uint8_t cdb[MSC_CBW_CB_MAX];

	(void)state;
	msc_cdb_begin(d, cdb);
	assert_int_equal(msc_cdb_set(d, cdb, msc_cdb_field(d, "blocks"), 65536, &err), -1);
	assert_int_equal(err.code, MSC_E_USAGE);
	assert_string_equal(err.msg, "read10: blocks is at most 65535, not 65536");
	assert_null(msc_cdb_field(d, "alloc"));
	assert_null(msc_cdb_by_name("read11"));
}

static void values(void **state)
{
	static const uint8_t read6[16] = { 0x08 }, read10[16] = { 0x28 },
			     vendor[16] = { 0xc0, 1, 2 };

	(void)state;
	assert_int_equal(msc_cdb_value(read6, "blocks"), 256);
	assert_int_equal(msc_cdb_value(read6, "lba"), 0);
	assert_int_equal(msc_cdb_value(read10, "blocks"), 0);
	assert_int_equal(msc_cdb_value(read10, "alloc"), 0);
	assert_int_equal(msc_cdb_value(vendor, "lba"), 0);
	assert_null(msc_cdb_by_bytes(vendor, 16));
	assert_null(msc_cdb_by_bytes(read10, 0));
}

/* ---- intent ------------------------------------------------------------------------------- */

static const struct msc_unit disk = { .have_capacity = true,
				      .last_lba = 99,
				      .block_size = 512,
				      .have_inquiry = true,
				      .have_mode = true };

static const struct msc_unit protected = { .have_capacity = true,
					   .last_lba = 99,
					   .block_size = 512,
					   .have_inquiry = true,
					   .have_mode = true,
					   .write_protected = true };
static const struct msc_unit cdrom = { .have_capacity = true,
				       .last_lba = 99,
				       .block_size = 2048,
				       .have_inquiry = true,
				       .device_type = 5,
				       .have_mode = true };
static const struct msc_unit unknown = { .have_capacity = false };
static const struct {
	const char *name;
	const struct msc_unit *unit;
	uint8_t cdb[16];
	size_t len;
	struct msc_intent is;
} meanings[] = {
	{ "nothing", &disk, { 0x00 }, 6, { true, MSC_DIR_NONE, 0, 0 } },
	{ "read", &disk, { 0x28, [8] = 2 }, 10, { true, MSC_DIR_IN, 1024, 1024 } },
	{ "read nothing", &unknown, { 0x28 }, 10, { true, MSC_DIR_NONE, 0, 0 } },
	{ "read, capacity unknown",
	  &unknown,
	  { 0x28, [8] = 2 },
	  10,
	  { false, MSC_DIR_IN, 0, 0 } },
	{ "read the last",
	  &disk,
	  { 0x28, [5] = 99, [8] = 1 },
	  10,
	  { true, MSC_DIR_IN, 512, 512 } },
	{ "read past the end",
	  &disk,
	  { 0x28, [5] = 99, [8] = 2 },
	  10,
	  { true, MSC_DIR_IN, 0, 1024 } },
	{ "read beyond",
	  &disk,
	  { 0x28, 0, 0xff, 0xff, 0xff, 0xff, [8] = 1 },
	  10,
	  { true, MSC_DIR_IN, 0, 512 } },
	{ "read with DPO may be refused",
	  &disk,
	  { 0x28, 0x10, [8] = 1 },
	  10,
	  { true, MSC_DIR_IN, 0, 512 } },
	{ "read(6) of 256", &disk, { 0x08 }, 6, { true, MSC_DIR_IN, 0, 131072 } },
	{ "read(12) may be refused",
	  &disk,
	  { 0xa8, [9] = 1 },
	  12,
	  { true, MSC_DIR_IN, 0, 512 } },
	{ "read a CD-ROM", &cdrom, { 0x28, [8] = 1 }, 10, { true, MSC_DIR_IN, 0, 2048 } },
	{ "write", &disk, { 0x2a, [8] = 1 }, 10, { true, MSC_DIR_OUT, 512, 512 } },
	{ "write, protected",
	  &protected,
	  { 0x2a, [8] = 1 },
	  10,
	  { true, MSC_DIR_OUT, 0, 512 } },
	{ "inquiry", &disk, { 0x12, [4] = 255 }, 6, { true, MSC_DIR_IN, 36, 255 } },
	{ "inquiry, 5 bytes", &disk, { 0x12, [4] = 5 }, 6, { true, MSC_DIR_IN, 5, 5 } },
	{ "inquiry, none", &disk, { 0x12 }, 6, { true, MSC_DIR_NONE, 0, 0 } },
	{ "inquiry, page",
	  &disk,
	  { 0x12, 1, 0x80, 0, 255 },
	  6,
	  { true, MSC_DIR_IN, 0, 255 } },
	{ "request sense", &unknown, { 0x03, [4] = 18 }, 6, { true, MSC_DIR_IN, 8, 18 } },
	{ "mode sense", &disk, { 0x1a, 0, 0x3f, 0, 192 }, 6, { true, MSC_DIR_IN, 0, 192 } },
	{ "mode select", &disk, { 0x15, [4] = 24 }, 6, { true, MSC_DIR_OUT, 0, 24 } },
	{ "capacity", &disk, { 0x25 }, 10, { true, MSC_DIR_IN, 8, 8 } },
	{ "capacity, no medium", &unknown, { 0x25 }, 10, { true, MSC_DIR_IN, 0, 8 } },
	{ "capacity of an lba", &disk, { 0x25, [5] = 1 }, 10, { true, MSC_DIR_IN, 0, 8 } },
	{ "verify", &disk, { 0x2f, [8] = 1 }, 10, { true, MSC_DIR_NONE, 0, 0 } },
	{ "verify, compare",
	  &disk,
	  { 0x2f, 2, [8] = 2 },
	  10,
	  { true, MSC_DIR_OUT, 0, 1024 } },
	{ "verify, compare with one",
	  &disk,
	  { 0x2f, 6, [8] = 2 },
	  10,
	  { true, MSC_DIR_OUT, 0, 512 } },
	{ "cut", &disk, { 0x28, [8] = 1 }, 6, { false, MSC_DIR_NONE, 0, 0 } },
	{ "vendor", &disk, { 0xc0 }, 6, { false, MSC_DIR_NONE, 0, 0 } },
};

static void intents(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(meanings); i++) {
		struct msc_intent is =
			msc_cdb_intent(meanings[i].cdb, meanings[i].len, meanings[i].unit);

		if (is.known != meanings[i].is.known || is.dir != meanings[i].is.dir ||
		    is.min != meanings[i].is.min || is.max != meanings[i].is.max)
			fail_msg("%s: known %d, %s %llu..%llu", meanings[i].name, is.known,
				 msc_dir_name(is.dir), (unsigned long long)is.min,
				 (unsigned long long)is.max);
	}
}

/* ---- words -------------------------------------------------------------------------------- */

static void texts(void **state)
{
	static const struct {
		uint8_t cdb[16];
		size_t len;
		const char *text;
	} rows[] = {
		{{0x00}, 6, "TEST UNIT READY"},
		{{0x28, [8] = 1}, 10, "READ(10) lba 0 blocks 1"},
		{{0x28, [8] = 1}, 6, "READ(10) lba 0 blocks 0 (cut to 6 bytes)"},
		{{0x08}, 6, "READ(6) lba 0 blocks 256"},
		{{0x12, 1, 0x80, 0, 255}, 6, "INQUIRY evpd 1 page 0x80 alloc 255"},
		{{0x1a, 0, 0x3f, 0, 192}, 6, "MODE SENSE(6) page 0x3f alloc 192"},
		{{0x9e, 0x10, [13] = 32}, 16, "READ CAPACITY(16) lba 0 alloc 32"},
		{{0x1b, 0, 0, 0, 2}, 6, "START STOP UNIT loej 1"},
		{{0xc0, 1}, 6, "operation code C0h: c0 01 00 00 00 00"},
		{{0x02}, 6, "operation code 02h: 02 00 00 00 00 00"},
		{{0x93}, 4, "WRITE SAME(16): 93 00 00 00"},
		{{0}, 0, "empty command block"},
	};
	char buf[128], tiny[8];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		assert_string_equal(msc_cdb_text(buf, sizeof(buf), rows[i].cdb, rows[i].len),
				    rows[i].text);
	assert_string_equal(msc_cdb_text(tiny, sizeof(tiny), rows[1].cdb, 10), "READ(10");
	for (unsigned op = 0; op < 256; op++) {
		const uint8_t cdb[MSC_CBW_CB_MAX] = { (uint8_t)op, 0x1f };
		char name[48];

		assert_true(strlen(msc_cdb_name(name, sizeof(name), cdb)) > 0);
	}
}

static void sense(void **state)
{
	static const struct {
		uint8_t data[18];
		size_t len;
		struct msc_sense_data is;
		const char *text;
	} rows[] = {
		{ { 0x70, 0, 5, [7] = 10, [12] = 0x21 },
		  18,
		  { true, false, 5, 0x21, 0 },
		  "ILLEGAL REQUEST, logical block address out of range (5/21/00)" },
		{ { 0xf1, 0, 0x62, [7] = 6, [12] = 0x3a, [13] = 1 },
		  14,
		  { true, true, 2, 0x3a, 1 },
		  "NOT READY, medium not present - tray closed (2/3a/01)" },
		{ { 0x72, 6, 0x28, 0 },
		  8,
		  { true, false, 6, 0x28, 0 },
		  "UNIT ATTENTION, not ready to ready change, medium may have changed (6/28/00)" },
		{ { 0x73, 0x15, 0x20, 0 },
		  18,
		  { true, true, 5, 0x20, 0 },
		  "ILLEGAL REQUEST, invalid command operation code (5/20/00)" },
		{ { 0x70 }, 18, { false, false, 0, 0, 0 }, "no valid sense data" },
		{ { 0x70, 0, 5, [7] = 10, [12] = 0x21 },
		  13,
		  { false, false, 5, 0, 0 },
		  "no valid sense data" },
		{ { 0x70, 0, 5, [7] = 5, [12] = 0x21 },
		  18,
		  { false, false, 5, 0, 0 },
		  "no valid sense data" },
		{ { 0x70, 0, 5 }, 3, { false, false, 5, 0, 0 }, "no valid sense data" },
		{ { 0x72, 6, 0x28 }, 7, { false, false, 6, 0, 0 }, "no valid sense data" },
		{ { 0x00, 0, 5, [7] = 10, [12] = 0x21 },
		  18,
		  { false, false, 0, 0, 0 },
		  "no valid sense data" },
		{ { 0x7f, 0, 5, [7] = 10 }, 18, { false, false, 0, 0, 0 }, "no valid sense data" },
		{ { 0x70 }, 0, { false, false, 0, 0, 0 }, "no valid sense data" },
		{ { 0x70, [7] = 10 },
		  18,
		  { true, false, 0, 0, 0 },
		  "NO SENSE, no additional sense information (0/00/00)" },
	};
	char buf[128];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_sense_data s = msc_sense_decode(rows[i].data, rows[i].len);

		if (memcmp(&s, &rows[i].is, sizeof(s)))
			fail_msg("row %zu: valid %d deferred %d %x/%02x/%02x", i, s.valid,
				 s.deferred, s.key, s.asc, s.ascq);
		assert_string_equal(msc_sense_text(buf, sizeof(buf), &s), rows[i].text);
	}
	for (unsigned code = 0; code < 65536; code++) {
		struct msc_sense_data s = { true, false, code & 15, code >> 8, code & 255 };

		assert_true(strlen(msc_sense_text(buf, sizeof(buf), &s)) > 12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_well_formed),
		cmocka_unit_test(blocks_stand_first),
		cmocka_unit_test(fields_do_not_overlap),
		cmocka_unit_test(builds_what_hosts_send),
		cmocka_unit_test(names_the_field_that_does_not_fit),
		cmocka_unit_test(values),
		cmocka_unit_test(intents),
		cmocka_unit_test(texts),
		cmocka_unit_test(sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
