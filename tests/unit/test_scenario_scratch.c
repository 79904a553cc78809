/* SPDX-License-Identifier: BSD-2-Clause */
/* The scratch range: whatever a scenario writes and however the run ends, the medium is put back, by
 * this run or by the next, and by no other. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "scenario_bench.h"

/* ---- the scratch range -------------------------------------------------------------------- */

#define SCRATCH_FIRST 0x1f00 /* of 8192 blocks, 256 before the end */
#define WRITE_AGAIN "    - command: { write10: { lba: scratch, blocks: 1 } }\n      data: stamps\n"
#define PROBE	      1984   /* the first of the single blocks; the last block is one too */

/* A block as the device gives it now. */
static void read_lba(struct msc_target *t, uint16_t lba, uint8_t block[512])
{
	const uint8_t cdb[16] = {
		MSC_OP_READ_10, [4] = (uint8_t)(lba >> 8), [5] = (uint8_t)lba, [8] = 1
	};
	const struct msc_session_options o = { .timeout_ns = MSC_S };
	struct msc_session *s = msc_session_new(t, &o);
	const struct msc_record *x;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	int rung;

	assert_non_null(s);
	assert_int_equal(msc_session_settle(s, &rung, &err), 0);
	msc_request_init(&rq, cdb, 10, MSC_DIR_IN, 512);
	assert_int_equal(msc_session_exchange(s, &rq, &x, &err), 0);
	assert_int_equal(x->u.exchange.data_len, 512);
	memcpy(block, x->u.exchange.data, 512);
	msc_session_free(s);
}

static void read_block(struct msc_target *t, uint8_t block[512])
{
	read_lba(t, SCRATCH_FIRST, block);
}

/* The single blocks are put back too, whether the run ends well or not. */
static void test_probes(void **state)
{
	static const char yaml[] = SCRATCH "  - for: { n: probes }\n    do:\n"
					   "    - command: { write10: { lba: n, blocks: 1 } }\n"
					   "      data: ones\n"
					   "    - command: { read10: { lba: n, blocks: 1 } }\n"
					   "      expect: { data: ones }\n";
	static const uint16_t lbas[] = { PROBE, PROBE + 2048, PROBE + 4096, 8191 };
	uint8_t before[512], after[512];

	(void)state;
	for (unsigned whole = 0, cut = 0; cut < 2; cut++) {
		struct seen s = case_fresh();
		struct msc_target *t = case_open(DISK ",fill=noise");

		s.stop_after = cut ? whole - 10 : 0;
		assert_int_equal(case_run_on(t, yaml, true, &s), cut ? -1 : 0);
		whole = s.asked;
		for (size_t k = 0; k < MSC_COUNT(lbas); k++) {
			struct msc_target *untouched = case_open(DISK ",fill=noise");

			read_lba(untouched, lbas[k], before);
			read_lba(t, lbas[k], after);
			assert_memory_equal(before, after, 512);
			msc_target_close(untouched);
		}
		msc_target_close(t);
		assert_false(case_journal_exists(&s));
		case_done(&s);
	}
}

static void write_file(const char *path, uint8_t byte)
{
	FILE *f = fopen(path, "wb");
	uint8_t block[512];

	assert_non_null(f);
	memset(block, byte, sizeof block);
	for (int i = 0; i < 8192; i++)
		assert_int_equal(fwrite(block, sizeof block, 1, f), 1);
	fclose(f);
}

/* One case on a medium of 77h, stopped after so many transfers unless that is 0: what was on it is there again, and
 * the journal was there while it had to be. Answers how many transfers there were before that. */
static unsigned put_back(const char *yaml, unsigned stop_after)
{
	struct seen s = case_fresh();
	char file[64], name[128];
	uint8_t before[512], after[512];
	struct msc_target *t;

	snprintf(file, sizeof file, "%s.img", s.dir);
	write_file(file, 0x77);
	snprintf(name, sizeof name, "sim:reference,file=%s", file);
	t = case_open(name);
	s.stop_after = stop_after;
	read_block(t, before);
	if ((case_run_on(t, yaml, true, &s) < 0) != (stop_after > 0))
		fail_msg("%s: %s", yaml, s.run);
	read_block(t, after);
	assert_memory_equal(before, after, sizeof before);
	assert_string_equal(s.note, "");
	assert_true(s.journal);
	msc_target_close(t);
	unlink(file);
	case_done(&s);
	return s.stated;
}

static void test_put_back(void **state)
{
	static const struct {
		const char *yaml;
		bool cut; /* among the commands that are repeated at the end */
	} rows[] = {
		{ SCRATCH WRITE("scratch", "8"), false },
		{ SCRATCH WRITE("scratch", "8") INQUIRY "    expect: { status: failed }\n", false },
		{ SCRATCH WRITE("scratch", "8") WRITE("0", "1"), false },
		{ SCRATCH WRITE("scratch", "8") "    cbw: { length: 512 }\n", false },
		{ SCRATCH WRITE("scratch", "8") "  - repeat: 99\n    do:\n" WRITE_AGAIN, true },
		{ SCRATCH WRITE("scratch", "8") "  - repeat: 99\n    do: [{ clear_halt: in }]\n",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		unsigned whole = put_back(rows[i].yaml, 0);

		if (rows[i].cut)
			put_back(rows[i].yaml, whole - 50);
	}
}

static int byte_at(const char *path, long at)
{
	FILE *f = fopen(path, "rb");
	int byte;

	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	byte = fgetc(f);
	fclose(f);
	return byte;
}

/* The cable is pulled after a write: the journal stays, a run without writes says so, and the next
 * with writes puts the blocks back. */
static void test_pulled(void **state)
{
	const long at = (long)SCRATCH_FIRST * 512 + 7;
	struct seen s = case_fresh(), again = { 0 };
	char file[64], name[128], expected[256];

	(void)state;
	snprintf(file, sizeof file, "%s.img", s.dir);
	write_file(file, 0x77);
	snprintf(name, sizeof name, "sim:linux-gadget,file=%s,unplug=300ms", file);
	assert_int_equal(
		case_run(name,
			 SCRATCH WRITE("scratch",
				       "8") "  - wait: 1s\n" INQUIRY "---\n"
					    "name: b.c\ntitle: t\nspec: x\nsteps: [ready]\n",
			 true, &s),
		-1);
	assert_int_equal(s.verdict, MSC_VERDICT_ERROR);
	assert_int_equal(s.summary.count[MSC_VERDICT_ERROR], 1);
	assert_int_equal(s.summary.count[MSC_VERDICT_SKIP], 1);
	snprintf(expected, sizeof expected,
		 "not run: %s: the device went away; the last that it was asked for was INQUIRY "
		 "alloc 36",
		 name);
	assert_string_equal(s.skipped, expected);
	assert_string_equal(strstr(s.note, "could"),
			    strstr(s.note, "could not be put back; they are "
					   "kept in "));
	assert_true(case_journal_exists(&s));
	assert_true(byte_at(file, at) != 0x77);

	snprintf(name, sizeof name, "sim:linux-gadget,file=%s", file);
	strcpy(again.dir, s.dir);
	assert_int_equal(case_run(name, STEPS INQUIRY, false, &again), 0);
	assert_non_null(strstr(again.note, "--restore\" puts the "));
	assert_true(case_journal_exists(&s));
	assert_true(byte_at(file, at) != 0x77);

	again = (struct seen){ 0 };
	strcpy(again.dir, s.dir);
	assert_int_equal(case_run(name, STEPS INQUIRY, true, &again), 0);
	assert_non_null(strstr(again.note,
			       "the 9 blocks that it had changed (7936 to 8143) were put back "
			       "from "));
	assert_int_equal(byte_at(file, at), 0x77);
	unlink(file);
	case_done(&s);
}

/* The journal is of another medium: nothing is written, whatever the user allows. */
static void test_other_medium(void **state)
{
	struct seen s = case_fresh(), again = { 0 };
	char file[64], name[128];

	(void)state;
	snprintf(file, sizeof file, "%s.img", s.dir);
	write_file(file, 0x77);
	snprintf(name, sizeof name, "sim:linux-gadget,file=%s,unplug=300ms", file);
	assert_int_equal(case_run(name, SCRATCH WRITE("scratch", "8") "  - wait: 1s\n" INQUIRY,
				  true, &s),
			 -1);
	assert_int_equal(truncate(file, 4096 * 512), 0);
	snprintf(name, sizeof name, "sim:linux-gadget,file=%s", file);
	strcpy(again.dir, s.dir);
	assert_int_equal(case_run(name, SCRATCH WRITE("scratch", "8"), true, &again), -1);
	assert_non_null(strstr(again.run,
			       "holds blocks of another medium of this device (8192 blocks "
			       "of 512 bytes)"));
	assert_int_equal(again.verdict, MSC_VERDICT_SKIP);
	assert_true(case_journal_exists(&s));
	case_remove_journal(&s);
	unlink(file);
	case_done(&s);
}

/* The user stops at any moment, from the first transfer to behind the last: every case has an end, and the run says
 * why. */
static void test_stopped(void **state)
{
	bool whole = false;

	(void)state;
	for (unsigned after = 1; !whole; after += 1 + after / 32) {
		struct seen s = case_fresh();

		s.stop_after = after;
		whole = case_run(DISK,
				 SCRATCH WRITE("scratch", "8")
					 READ("scratch", "8") "---\nname: b.c\n"
							      "title: t\nspec: x\nsteps: [ready]\n",
				 true, &s) == 0;
		if (whole)
			assert_int_equal(s.summary.count[MSC_VERDICT_PASS], 2);
		else
			assert_string_equal(s.run, "interrupted");
		case_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_pulled),
		cmocka_unit_test(test_other_medium),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests_name("scenario_scratch", tests, NULL, NULL);
}
