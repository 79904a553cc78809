/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner on simulated devices: verdicts and their reasons, what a scenario states and does not
 * get, writes that are refused, and devices that do not come back. */
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
#include "script_transport.h"

/* ---- verdicts ----------------------------------------------------------------------------- */

#define P MSC_VERDICT_PASS
#define F MSC_VERDICT_FAIL
#define W MSC_VERDICT_WARN
#define S MSC_VERDICT_SKIP

static const struct {
	const char *target, *yaml;
	bool writes;
	enum msc_verdict verdict;
	const char *reason, *rule, *expected, *actual;
} verdicts[] = {
	{DISK, STEPS INQUIRY, false, P, "", "", "", ""},
	/* needs */
	{ DISK, HEAD "needs: no-medium\nsteps:\n" INQUIRY, false, S, "there is a medium", "", "",
	  "" },
	{ DISK, HEAD "needs: fixed\nsteps:\n" INQUIRY, false, S, "the medium is removable", "", "",
	  "" },
	{ DISK, HEAD "needs: [{ blocks: 8193 }]\nsteps:\n" INQUIRY, false, S,
	  "the medium has less than 8193 blocks", "", "", "" },
	{ DISK, HEAD "needs: multi-lun\nsteps:\n" INQUIRY, false, S,
	  "the device has one logical unit", "", "", "" },
	{ DISK, HEAD "needs: full-speed\nsteps:\n" INQUIRY, false, S,
	  "the device is not at full speed", "", "", "" },
	{ DISK ",wp=1", HEAD "needs: writable\nsteps:\n" INQUIRY, false, S,
	  "the medium is write-protected", "", "", "" },
	{ "sim:reference,medium=0", STEPS READ("0", "1"), false, S,
	  "there is no medium (the device says 2/3A)", "", "", "" },
	{ "sim:reference,blocks=5", SCRATCH INQUIRY, true, S,
	  "the medium is too small for a scratch range of 8 blocks", "", "", "" },
	{ DISK, STEPS READ("last_lba - 9000", "1"), false, S,
	  "does not fit this device: 'last_lba - 9000' is -809, outside of 0 to 4294967295", "", "",
	  "" },
	/* writes */
	{ "sim:reference,medium=0",
	  HEAD "needs: no-medium\nsteps:\n"
	       "  - command: { write10: { lba: 0, blocks: 1 } }\n    cbw: { length: 4096 }\n"
	       "    expect: { status: failed, sense: 2/3a }\n",
	  true, P, "", "", "", "" },
	{ DISK, SCRATCH INQUIRY, false, S, "writes to the medium; give --allow-writes to allow it",
	  "", "", "" },
	{ DISK, STEPS WRITE("0", "1"), true, S,
	  "WRITE(10) lba 0 blocks 1 would write outside of the scratch range; "
	  "give --allow-unsafe to allow it",
	  "", "", "" },
	{ DISK, SCRATCH WRITE("scratch + 188", "5"), true, S,
	  "WRITE(10) lba 8124 blocks 5 would write outside of the scratch range; "
	  "give --allow-unsafe to allow it",
	  "", "", "" },
	{ DISK, SCRATCH WRITE("scratch - 1", "1"), true, S,
	  "WRITE(10) lba 7935 blocks 1 would write outside of the scratch range; "
	  "give --allow-unsafe to allow it",
	  "", "", "" },
	{ DISK, SCRATCH WRITE("last_lba", "2"), true, P, "", "", "", "" },
	{ DISK, SCRATCH WRITE("last_lba - 1", "3"), true, S,
	  "WRITE(10) lba 8190 blocks 3 would write outside of the scratch range; "
	  "give --allow-unsafe to allow it",
	  "", "", "" },
	{ DISK, SCRATCH WRITE("1984", "1"), true, P, "", "", "", "" },
	{ DISK, SCRATCH WRITE("1984", "2"), true, S,
	  "WRITE(10) lba 1984 blocks 2 would write outside of the scratch range; "
	  "give --allow-unsafe to allow it",
	  "", "", "" },
	{ DISK,
	  SCRATCH
	  "  - for: { n: probes }\n    do:\n    - command: { write10: { lba: n, blocks: 1 } }\n"
	  "      data: stamps\n",
	  true, P, "", "", "", "" },
	{ DISK, SCRATCH WRITE("last_lba + 1", "1"), true, P, "", "", "", "" },
	{ DISK, SCRATCH WRITE("scratch", "64"), true, P, "", "", "", "" },
	{ DISK, SCRATCH WRITE("scratch", "8") READ("scratch", "8") "    expect: { data: stamps }\n",
	  true, P, "", "", "", "" },
	/* values, conditions, ends */
	{ DISK, STEPS "  - skip_unless: blocks == 1\n    because: it is too large\n" INQUIRY, false,
	  S, "it is too large", "", "", "" },
	{ DISK,
	  STEPS "  - if: 0\n    do:\n    - command: { inquiry: { alloc: 36 } }\n"
		"      expect: { status: failed }\n",
	  false, P, "", "", "", "" },
	{ DISK, STEPS "  - if: status == 255\n    do:\n    - command: { inquiry: { alloc: 36 } }\n"
		      "      expect: { status: failed }\n",
	  false, F, "", "expect.status", "01h (failed)", "00h (passed)" },
	{ DISK, STEPS INQUIRY "    save: a\n  - let: { n: \"u8(a, 4)\" }\n"
		      "  - skip_unless: n == 0x20\n    because: it is another\n",
	  false, S, "it is another", "", "", "" },
	{ DISK, STEPS INQUIRY "    save: a\n  - let: { n: \"u8(a, 36)\" }\n", false, S,
	  "does not fit this device: 'u8(a, 36)' reads beyond the end of an answer", "", "", "" },
	{ DISK, STEPS "  - let: { n: 0 }\n  - for: { m: 1..5 }\n    do:\n    - let: { n: n + m }\n"
		      "  - skip_unless: n != 15\n    because: the sum is right\n",
	  false, S, "the sum is right", "", "", "" },
	{ DISK, HEAD "needs: simulated\nsteps:\n" INQUIRY, false, P, "", "", "", "" },
	/* what is stated */
	{ DISK, STEPS INQUIRY "    expect: { status: failed }\n", false, F, "", "expect.status",
	  "01h (failed)", "00h (passed)" },
	{ DISK, STEPS INQUIRY "    expect: { transferred: [18, 24] }\n", false, F, "",
	  "expect.transferred", "18 or 24", "36" },
	{ DISK, STEPS INQUIRY "    expect: { residue: block_size }\n", false, F, "", "expect.value",
	  "512", "0" },
	{ DISK, STEPS INQUIRY "    expect: { data: { at: 4, hex: 1f 01 } }\n", false, F, "",
	  "expect.data", "01 at byte 1", "00 at byte 1, and 1 of 2 bytes differ" },
	{ DISK, STEPS INQUIRY "    expect: { data: { at: 35, hex: 00 00 } }\n", false, F, "",
	  "expect.data", "at least 37 bytes", "fewer" },
	/* stated, and nothing to look at */
	{ DISK, STEPS "  - command: test_unit_ready\n    expect: { sense: 5/20/00 }\n", false, F,
	  "", "expect.status", "01h (failed)", "00h (passed)" },
	{ DISK, STEPS READ("last_lba + 1", "1") "    expect: { data: zeros }\n", false, F, "",
	  "expect.status", "00h (passed)", "01h (failed)" },
	{ DISK, STEPS READ("last_lba + 1", "1") "    expect: { residue: 512 }\n", false, F, "",
	  "expect.status", "00h (passed)", "01h (failed)" },
	{ DISK, STEPS READ("last_lba + 1", "1") "    expect: { status: any, data: zeros }\n", false,
	  F, "", "expect.data", "data", "01h (failed)" },
	{ DISK, STEPS READ("last_lba + 1", "1") "    expect: { status: any, residue: 0 }\n", false,
	  F, "", "expect.value", "0", "512" },
	{ DISK,
	  STEPS READ("last_lba + 1",
		     "1") "    expect: { status: [passed, failed], data: zeros }\n",
	  false, P, "", "", "", "" },
	{ DISK, STEPS "  - command: test_unit_ready\n    expect: { data: zeros }\n", false, F, "",
	  "expect.data", "data", "none" },
	{ DISK, STEPS READ("last_lba + 1", "1") "    save: q\n" INQUIRY "    expect: { data: q }\n",
	  false, F, "", "expect.data", "data", "none was saved" },
	{ DISK, STEPS "  - get_descriptor: { type: string, index: 200, expect: { data: zeros } }\n",
	  false, F, "", "expect.outcome", "done", "STALL" },
	{ DISK,
	  STEPS
	  "  - get_descriptor: { type: string, index: 200, expect: { outcome: any, data: zeros } }\n",
	  false, F, "", "expect.value", "data", "STALL" },
	/* what the care of the medium sees when the last case that writes ends */
	{ "sim:reference,fault=page-rest-lost",
	  SCRATCH WRITE("scratch", "8"), true, F, "", "scsi.write.elsewhere", "", "" },
	{ DISK, STEPS INQUIRY "    save: x\n" READ("0", "1") "    expect: { data: x }\n", false, F,
	  "", "expect.data", "80 at byte 1", "00 at byte 1, and 32 of 36 bytes differ" },
	{ DISK,
	  SCRATCH WRITE("scratch", "1") READ("scratch", "1") "    expect: { data: original }\n",
	  true, F, "", "expect.medium", "87 at byte 0",
	  "00 at byte 0, and 510 of 512 bytes differ" },
	{ DISK, STEPS READ("last_lba + 1", "1") "    expect: { sense: 5/24/00 }\n", false, F, "",
	  "expect.sense", "ILLEGAL REQUEST, invalid field in cdb (5/24/00)",
	  "ILLEGAL REQUEST, logical block address out of range (5/21/00)" },
	{ DISK, STEPS READ("last_lba + 1", "1") "    expect: { sense: [3, 5/20] }\n", false, F, "",
	  "expect.sense", "sense key 3h or 5/20/any",
	  "ILLEGAL REQUEST, logical block address out of range (5/21/00)" },
	{ DISK, STEPS READ("last_lba + 1", "1") "    expect: { sense: [3, 5/21] }\n", false, P, "",
	  "", "", "" },
	{ DISK, STEPS "  - sense: 6/29/00\n", false, F, "", "expect.sense",
	  "UNIT ATTENTION, power on, reset, or bus device reset occurred (6/29/00)",
	  "NO SENSE, no additional sense information (0/00/00)" },
	{ DISK, STEPS "  - get_max_lun: { expect: stall }\n", false, F, "", "expect.outcome",
	  "STALL", "done" },
	{ DISK, STEPS "  - get_descriptor: { type: device, expect: { transferred: 17 } }\n", false,
	  F, "", "expect.transferred", "17", "18" },
	{ DISK, STEPS "  - poll: { endpoint: in, expect: [stall, data] }\n", false, F, "",
	  "expect.outcome", "done or STALL", "time-out" },
	/* loops, saved answers, patches */
	{DISK, STEPS "  - for: { n: [36, 5] }\n    do:\n    - repeat: 2\n      do:\n"
		     "      - command: { inquiry: { alloc: n } }\n"
		     "        expect: { transferred: n }\n", false, P, "", "", "", ""},
	{DISK, STEPS "  - command: \"00 00 00 00 00 00\"\n    patch: { 0: 0x12, 4: 36 }\n"
		     "    cbw: { direction: in, length: 36 }\n    expect: { transferred: 36 }\n",
	 true, P, "", "", "", ""},
	/* recovery comes by itself between steps, and is not missed at the end */
	{ DISK, STEPS READ("0", "1") "    cbw: { length: 0 }\n" READ("0", "1"), false, P, "", "",
	  "", "" },
	{ DISK, STEPS INQUIRY "    cbw: { wrapper_length: 30 }\n", false, P, "", "", "", "" },
	/* a fault that leaves the device in a state which only hidden traffic would meet */
	{ DISK ",fault=csw-missing", STEPS "  - port_reset\n", false, F, "", "expect.settles",
	  "an answer", "an answer only after a reset recovery" },
};

static void test_verdicts(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(verdicts); i++) {
		struct seen s = case_fresh();

		case_run(verdicts[i].target, verdicts[i].yaml, verdicts[i].writes, &s);
		if (s.verdict != verdicts[i].verdict || strcmp(s.reason, verdicts[i].reason) != 0 ||
		    strcmp(s.rule, verdicts[i].rule) != 0 ||
		    strcmp(s.expected, verdicts[i].expected) != 0 ||
		    strcmp(s.actual, verdicts[i].actual) != 0) {
			print_error("%s\n%s  gives: %s '%s' %s, expected '%s', actual '%s'\n",
				    verdicts[i].target, verdicts[i].yaml,
				    msc_verdict_name(s.verdict), s.reason, s.rule, s.expected,
				    s.actual);
			wrong++;
		}
		case_done(&s);
	}
	assert_int_equal(wrong, 0);
}

/* ---- devices that do not come back -------------------------------------------------------- */

/* Nothing ever answers on bulk; control requests do, so that every rung is tried. */
static void test_wedged(void **state)
{
	static const struct script_row rows[] = { { .kind = SCRIPT_END } };
	static const struct script_row silent = { SCRIPT_XFER, 0, 0, MSC_OUT_PENDING, .actual = 0 };
	struct script script;
	struct msc_target *t = script_open(&script, rows);
	struct seen s = case_fresh();

	(void)state;
	script.always = &silent;
	assert_int_equal(case_run_on(t,
				     STEPS "  - get_max_lun\n---\nname: b.c\ntitle: t\nspec: x\n"
					   "steps: [ready]\n",
				     false, &s),
			 -1);
	assert_non_null(strstr(s.run,
			       "the device no longer answers, not even after a port reset; it "
			       "must be unplugged"));
	assert_int_equal(s.summary.count[MSC_VERDICT_SKIP], 1);
	assert_non_null(strstr(s.skipped, "not run: "));
	script.target.gone = true;
	case_done(&s);
}

/* The simulator's, with a wrong tag in every CSW. */
static int wait_and_spoil(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns,
			  struct msc_err *err)
{
	int rc = msc_transport_sim.wait(t, x, deadline_ns, err);

	if (rc == 0 && x->ep & 0x80 && x->outcome == MSC_OUT_DONE && x->actual == MSC_CSW_LEN)
		x->data[4] ^= 0x80;
	return rc;
}

/* No CSW is ever valid: a defect like any other, and the run goes on. */
static void test_odd(void **state)
{
	struct msc_target *t = case_open(DISK);
	struct msc_transport spoiling = msc_transport_sim;
	struct seen s = case_fresh();

	(void)state;
	spoiling.wait = wait_and_spoil;
	t->transport = &spoiling;
	assert_int_equal(case_run_on(t,
				     STEPS INQUIRY
				     "---\nname: b.c\ntitle: t\nspec: x\n"
				     "steps: [ready]\n---\nname: c.d\ntitle: t\nspec: x\n"
				     "steps: [get_max_lun]\n",
				     false, &s),
			 0);
	assert_int_equal(s.summary.count[MSC_VERDICT_FAIL], 2);
	assert_int_equal(s.summary.count[MSC_VERDICT_PASS], 1);
	assert_string_equal(s.rule, "bot.csw.tag");
	assert_string_equal(s.note,
			    "no CSW of the device is valid, so it is not brought back between "
			    "scenarios");
	msc_target_close(t);
	case_done(&s);
}

/* What the scenario asks for, what a host does next, and nothing else. */
static void test_records(void **state)
{
	static const struct {
		const char *yaml;
		unsigned records;
	} rows[] = {
		{ STEPS "  - repeat: 3\n    do:\n  " INQUIRY, 3 },
		/* REQUEST SENSE after status 01h */
		{ STEPS READ("last_lba + 1", "1") INQUIRY, 3 },
		{ HEAD "autosense: no\nsteps:\n" READ("last_lba + 1", "1") INQUIRY, 2 },
		/* reset recovery, which is three requests, before the next step, or at the end, or
		 * where the scenario says */
		{ STEPS INQUIRY "    cbw: { wrapper_length: 30 }\n" INQUIRY, 5 },
		{ STEPS INQUIRY "    cbw: { wrapper_length: 30 }\n", 4 },
		{ STEPS INQUIRY "    cbw: { wrapper_length: 30 }\n  - reset_recovery\n" INQUIRY,
		  5 },
		{ HEAD "recover: no\nsteps:\n" INQUIRY "    cbw: { wrapper_length: 30 }\n"
		       "  - clear_halt: in\n  - reset_recovery\n" INQUIRY, 6 },
		/* a request on endpoint 0 while the device waits for recovery */
		{ HEAD "recover: no\nsteps:\n" INQUIRY "    cbw: { wrapper_length: 30 }\n"
		       "  - get_status: { of: in, expect: { data: { hex: 01 } } }\n", 5 },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct seen s = case_fresh();

		assert_int_equal(case_run(DISK, rows[i].yaml, false, &s), 0);
		if (s.records != rows[i].records || s.verdict != MSC_VERDICT_PASS)
			fail_msg("%s gives %u records, %s %s", rows[i].yaml, s.records,
				 msc_verdict_name(s.verdict), s.rule);
		assert_true(s.summary.device_ns > 0 && s.summary.device_ns < MSC_S);
		case_done(&s);
	}
}

/* How many cases will run, and about how long they take, is told before the first: waits are as long as they
 * are; nothing was measured yet of what the medium takes. */
static void test_estimate(void **state)
{
	static const struct {
		const char *yaml;
		bool allow_writes;
		size_t will_run;
	} rows[] = {
		{ STEPS INQUIRY, false, 1 },
		{ STEPS "  - wait: 3s\n  - repeat: 5\n    do:\n      - wait: 2s\n    " INQUIRY,
		  false, 1 },
		{ STEPS "  - repeat: max_lun + 2\n    do:\n      - wait: 1s\n", false, 1 },
		{ STEPS "  - for: { n: [1, 2, 3] }\n    do:\n      - wait: 1s\n", false, 1 },
		{ SCRATCH WRITE("scratch", "8"), false, 0 },
		{ SCRATCH WRITE("scratch", "8"), true, 1 },
		{ HEAD "needs: [no-medium]\nsteps:\n" INQUIRY, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct seen s = case_fresh();
		int64_t took;

		assert_int_equal(case_run(DISK, rows[i].yaml, rows[i].allow_writes, &s), 0);
		took = s.summary.device_ns;
		if (s.will_run != rows[i].will_run)
			fail_msg("%s: %zu cases", rows[i].yaml, s.will_run);
		/* Loops and waits are counted as they are: without them the range would end before. */
		if (rows[i].will_run &&
		    (s.low_ns > took || s.high_ns < took || s.high_ns > took + 6 * MSC_S))
			fail_msg("%s: %lld to %lld ns, and it took %lld", rows[i].yaml,
				 (long long)s.low_ns, (long long)s.high_ns, (long long)took);
		case_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_wedged),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_estimate),
	};

	return cmocka_run_group_tests_name("scenario_run", tests, NULL, NULL);
}
