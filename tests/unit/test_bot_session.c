/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions against scripts: the records, resets in their order, the ladder of
 * recovery. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "judge/judge.h"
#include "script_transport.h"
#include "session/session.h"

#define TIMEOUT (100 * MSC_MS)

#define R_DATA(room, bytes)                                                                        \
	{SCRIPT_XFER, SCRIPT_IN, room, MSC_OUT_DONE, .actual = sizeof(bytes), .data = bytes,       \
	 .takes_ns = MSC_MS}
#define R_RECOVERY                                                                                 \
	R_CONTROL(MSC_REQ_BULK_ONLY_RESET, DONE, 0), R_CLEAR(SCRIPT_IN, DONE),                     \
		R_CLEAR(SCRIPT_OUT, DONE)
#define R_PASSED R_CBW(DONE), R_CSW(0, 0)
#define R_SILENT R_CBW(DONE), R_IN(64, PENDING, 0) /* the CSW never comes */

static const uint8_t tur[16] = { MSC_OP_TEST_UNIT_READY };
static const uint8_t attention[18] = { 0x70, [2] = 6, [7] = 10, [12] = 0x29 };
static const uint8_t no_medium[18] = { 0x70, [2] = 2, [7] = 10, [12] = 0x3a };

static struct msc_session *open_session(struct script *script, const struct script_row *rows)
{
	struct msc_session_options o = { .timeout_ns = TIMEOUT };
	struct msc_session *s = msc_session_new(script_open(script, rows), &o);

	assert_non_null(s);
	return s;
}

static void close_session(struct msc_session *s, struct script *script, const char *what)
{
	script_check(script, what);
	script->target.gone = true;
	msc_session_free(s);
}

/* ---- records ------------------------------------------------------------------------------ */

static void count_record(void *user, const struct msc_record *r)
{
	unsigned *kinds = user;

	*kinds = *kinds << 4 | r->kind;
}

static void records_come_one_by_one(void **state)
{
	static const uint8_t descriptor[4] = { 4, 3, 9, 4 };
	static const struct script_row rows[] = { { SCRIPT_XFER, 0, MSC_STD_GET_DESCRIPTOR,
						    MSC_OUT_DONE, .actual = 4, .data = descriptor },
						  R_IN(64, PENDING, 0),
						  R_CLEAR(SCRIPT_IN, STALL),
						  R_RESET,
						  R_PASSED,
						  { 0 } };
	const struct msc_setup setup = { .request_type = 0x80,
					 .request = MSC_STD_GET_DESCRIPTOR,
					 .length = 255 };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	unsigned kinds = 0;
	uint8_t ep;

	(void)state;
	msc_session_set_record(s, count_record, &kinds);
	assert_int_equal(msc_session_control(s, &setup, NULL, &r, &err), 0);
	assert_int_equal(r->u.control.outcome, MSC_OUT_DONE);
	assert_int_equal(r->u.control.data_len, 4);
	assert_memory_equal(r->u.control.data, descriptor, 4);
	assert_int_equal(msc_session_poll(s, SCRIPT_IN, NULL, 64, 20 * MSC_MS, &r, &err), 0);
	assert_int_equal(r->u.poll.outcome, MSC_OUT_TIMEOUT);
	assert_int_equal(r->ended_ns - r->began_ns, 20 * MSC_MS);
	assert_int_equal(msc_session_clear_halt(s, SCRIPT_IN, &r, &err), 0);
	assert_true(msc_is_clear_halt(r, &ep));
	assert_int_equal(ep, SCRIPT_IN);
	assert_int_equal(r->u.control.outcome, MSC_OUT_STALL);
	assert_int_equal(msc_session_port_reset(s, &r, &err), 0);
	assert_int_equal(r->kind, MSC_RECORD_PORT_RESET);
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_true(r->past.reset);
	assert_int_equal(kinds, 0x24281);
	assert_ptr_equal(msc_session_last(s), r);
	msc_session_forget(s);
	assert_null(msc_session_last(s));
	close_session(s, &script, "chain");
}

static void control_out_data(void **state)
{
	static const struct script_row rows[] = { R_CONTROL(MSC_STD_SET_FEATURE, STALL, 0), { 0 } };
	const struct msc_setup setup = { .request = MSC_STD_SET_FEATURE, .length = 2 };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct script script;
	struct msc_session *s = open_session(&script, rows);

	(void)state;
	assert_int_equal(msc_session_control(s, &setup, "ab", &r, &err), 0);
	assert_memory_equal(r->u.control.data, "ab", 2);
	assert_int_equal(r->u.control.outcome, MSC_OUT_STALL);
	close_session(s, &script, "control out");
}

/* ---- resets ------------------------------------------------------------------------------- */

static void reset_recovery(void **state)
{
	static const struct {
		const char *name;
		struct script_row rows[4];
		enum msc_outcome outcome;
	} cases[] = {
		{"class request, bulk-in, bulk-out", {R_RECOVERY}, MSC_OUT_DONE},
		{"refused request: the halts are cleared all the same",
		 {R_CONTROL(MSC_REQ_BULK_ONLY_RESET, STALL, 0), R_CLEAR(SCRIPT_IN, DONE),
		  R_CLEAR(SCRIPT_OUT, DONE)}, MSC_OUT_STALL},
		{"a halt that stays",
		 {R_CONTROL(MSC_REQ_BULK_ONLY_RESET, DONE, 0), R_CLEAR(SCRIPT_IN, STALL),
		  R_CLEAR(SCRIPT_OUT, DONE)}, MSC_OUT_STALL},
		{"a deaf device is not asked three times",
		 {R_CONTROL(MSC_REQ_BULK_ONLY_RESET, PENDING, 0)}, MSC_OUT_TIMEOUT},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(cases); i++) {
		struct msc_err err = MSC_ERR_INIT;
		enum msc_outcome outcome;
		struct script script;
		struct msc_session *s = open_session(&script, cases[i].rows);

		assert_int_equal(msc_session_reset_recovery(s, &outcome, &err), 0);
		if (outcome != cases[i].outcome)
			fail_msg("%s: %s", cases[i].name, msc_outcome_name(outcome));
		assert_true(msc_session_last(s)->kind == MSC_RECORD_CONTROL);
		close_session(s, &script, cases[i].name);
	}
}

static void ladder(void **state)
{
	static const struct {
		const char *name;
		int rung;
		struct script_row rows[20];
	} cases[] = {
		{ "answers", 0, { R_PASSED } },
		{ "not ready is an answer",
		  0,
		  { R_CBW(DONE), R_CSW(1, 0), R_CBW(DONE), R_DATA(64, no_medium), R_CSW(0, 0) } },
		{ "unit attention is read away",
		  0,
		  { R_CBW(DONE), R_CSW(1, 0), R_CBW(DONE), R_DATA(64, attention), R_CSW(0, 0),
		    R_PASSED } },
		{ "reset recovery helps", 1, { R_SILENT, R_RECOVERY, R_PASSED } },
		{ "CBW refused", 1, { R_CBW(STALL), R_RECOVERY, R_PASSED } },
		{ "port reset helps", 2, { R_SILENT, R_RECOVERY, R_SILENT, R_RESET, R_PASSED } },
		{ "reset recovery fails, port reset helps",
		  2,
		  { R_SILENT, R_CONTROL(MSC_REQ_BULK_ONLY_RESET, PENDING, 0), R_RESET, R_PASSED } },
		{ "nothing helps", 3, { R_SILENT, R_RECOVERY, R_SILENT, R_RESET, R_SILENT } },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(cases); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct script script;
		struct msc_session *s = open_session(&script, cases[i].rows);
		unsigned kinds = 0;
		int rung = -1;

		msc_session_set_record(s, count_record, &kinds);
		if (msc_session_settle(s, &rung, &err))
			fail_msg("%s: %s", cases[i].name, err.msg);
		if (rung != cases[i].rung)
			fail_msg("%s: rung is %d, expected %d", cases[i].name, rung, cases[i].rung);
		assert_int_equal(kinds, 0); /* not judged */
		close_session(s, &script, cases[i].name);
	}
}

/* After a phase error nothing is sent before reset recovery: BOT 1.0, 5.3.3.1. */
static void settle_knows_of_a_phase_error(void **state)
{
	static const struct script_row rows[] = {
		R_CBW(DONE), R_CSW(2, 0), R_RECOVERY, R_PASSED, { 0 }
	};
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	int rung;

	(void)state;
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(s, &rq, NULL, &err), 0);
	assert_int_equal(msc_session_settle(s, &rung, &err), 0);
	assert_int_equal(rung, 1);
	script_check(&script, "phase error");
	msc_session_free(s); /* and it is clean now: no recovery */
	script_check(&script, "phase error, free");
}

static void free_recovers_an_unclean_device(void **state)
{
	static const struct script_row rows[] = { R_SILENT, R_RECOVERY, { 0 } };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows);

	(void)state;
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(s, &rq, NULL, &err), 0);
	msc_session_free(s);
	script_check(&script, "free");
}

/* Queued, and the second was under way when the first was taken for what it is. */
static void a_csw_that_comes_twice_is_found(void **state)
{
	static const struct script_row rows[] = {
		R_CBW(DONE),
		{ SCRIPT_XFER, SCRIPT_IN, 256, MSC_OUT_DONE, .actual = 77, .csw = true,
		  .takes_ns = MSC_MS },
		{ SCRIPT_XFER, SCRIPT_IN, 64, MSC_OUT_DONE, .actual = 13, .csw = true },
		{ 0 } };
	static const uint8_t inquiry[16] = { MSC_OP_INQUIRY, [4] = 255 };
	struct msc_findings findings = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session_options o = { .timeout_ns = TIMEOUT, .queued = true };
	struct msc_session *s = msc_session_new(script_open(&script, rows), &o);
	bool found = false;

	(void)state;
	msc_request_init(&rq, inquiry, 6, MSC_DIR_IN, 256);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_int_equal(msc_judge(r, MSC_PROFILE_SPEC, &findings, &err), 0);
	for (size_t i = 0; i < findings.count; i++)
		found |= findings.list[i].rule == &msc_rule_bot_data_stale;
	assert_true(found);
	msc_findings_clear(&findings);
	msc_session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_one_by_one),
		cmocka_unit_test(control_out_data),
		cmocka_unit_test(reset_recovery),
		cmocka_unit_test(ladder),
		cmocka_unit_test(settle_knows_of_a_phase_error),
		cmocka_unit_test(free_recovers_an_unclean_device),
		cmocka_unit_test(a_csw_that_comes_twice_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
