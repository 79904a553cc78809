/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions against scripts: the records and their chain, resets in their order, the ladder of
 * recovery, and what a session learns, from honest devices and hostile ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "bot/session.h"
#include "script_transport.h"

#define TIMEOUT (100 * MSC_MS)

#define R_DATA(room, bytes)                                                                        \
	{SCRIPT_XFER, SCRIPT_IN, room, MSC_OUT_DONE, .actual = sizeof(bytes), .data = bytes,       \
	 .takes_ns = MSC_MS}
#define R_RECOVERY                                                                                 \
	R_CONTROL(MSC_REQ_BULK_ONLY_RESET, DONE, 0), R_CLEAR(SCRIPT_IN, DONE),                     \
		R_CLEAR(SCRIPT_OUT, DONE)
#define R_PASSED R_CBW(DONE), R_CSW(0, 0)
#define R_SILENT R_CBW(DONE), R_IN(64, PENDING, 0) /* the CSW never comes */

static const uint8_t tur[16] = {MSC_OP_TEST_UNIT_READY};
static const uint8_t attention[18] = {0x70, [2] = 6, [7] = 10, [12] = 0x29};
static const uint8_t no_medium[18] = {0x70, [2] = 2, [7] = 10, [12] = 0x3a};
static const uint8_t becoming_ready[18] = {0x70, [2] = 2, [7] = 10, [12] = 0x04, [13] = 0x01};
static const uint8_t disk[36] = {0x00, 0x80, [4] = 31};
static const uint8_t capacity[8] = {0, 0, 0x3f, 0xff, 0, 0, 2, 0};
static const uint8_t protected[4] = {3, 0, 0x80, 0};

static struct msc_session *open_session(struct script *script, const struct script_row *rows)
{
	struct msc_session_options o = {.timeout_ns = TIMEOUT};
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

static void records_form_a_chain(void **state)
{
	static const uint8_t descriptor[4] = {4, 3, 9, 4};
	static const struct script_row rows[] = {
		{SCRIPT_XFER, 0, MSC_STD_GET_DESCRIPTOR, MSC_OUT_DONE, .actual = 4, .data = descriptor},
		R_IN(64, PENDING, 0), R_CLEAR(SCRIPT_IN, STALL), R_RESET, R_PASSED, {0}};
	const struct msc_setup setup = {.request_type = 0x80, .request = MSC_STD_GET_DESCRIPTOR,
					.length = 255};
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *control, *poll, *halt, *port, *exchange;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	unsigned kinds = 0;

	(void)state;
	msc_session_set_record(s, count_record, &kinds);
	assert_int_equal(msc_session_control(s, &setup, NULL, &control, &err), 0);
	assert_int_equal(msc_session_poll(s, SCRIPT_IN, NULL, 64, 20 * MSC_MS, &poll, &err), 0);
	assert_int_equal(msc_session_clear_halt(s, SCRIPT_IN, &halt, &err), 0);
	assert_int_equal(msc_session_port_reset(s, &port, &err), 0);
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(s, &rq, &exchange, &err), 0);

	assert_int_equal(control->u.control.outcome, MSC_OUT_DONE);
	assert_int_equal(control->u.control.data_len, 4);
	assert_memory_equal(control->u.control.data, descriptor, 4);
	assert_int_equal(poll->u.poll.outcome, MSC_OUT_TIMEOUT);
	assert_int_equal(poll->ended_ns - poll->began_ns, 20 * MSC_MS);
	assert_int_equal(halt->u.reset.kind, MSC_RESET_CLEAR_HALT);
	assert_int_equal(halt->u.reset.outcome, MSC_OUT_STALL);
	assert_int_equal(port->u.reset.kind, MSC_RESET_PORT);
	assert_int_equal(kinds, 0x24881);
	assert_ptr_equal(msc_session_last(s), exchange);
	assert_ptr_equal(exchange->prev, port);
	assert_ptr_equal(port->prev, halt);
	assert_ptr_equal(halt->prev, poll);
	assert_ptr_equal(poll->prev, control);
	assert_null(control->prev);
	msc_session_forget(s);
	assert_null(msc_session_last(s));
	close_session(s, &script, "chain");
}

static void control_out_data(void **state)
{
	static const struct script_row rows[] = {
		R_CONTROL(MSC_STD_SET_FEATURE, STALL, 0), {0}};
	const struct msc_setup setup = {.request = MSC_STD_SET_FEATURE, .length = 2};
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
		const struct msc_record *r;
		struct script script;
		struct msc_session *s = open_session(&script, cases[i].rows);

		assert_int_equal(msc_session_reset_recovery(s, &r, &err), 0);
		if (r->u.reset.outcome != cases[i].outcome)
			fail_msg("%s: %s", cases[i].name, msc_outcome_name(r->u.reset.outcome));
		assert_int_equal(r->u.reset.kind, MSC_RESET_RECOVERY);
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
		{"answers", 0, {R_PASSED}},
		{"not ready is an answer", 0,
		 {R_CBW(DONE), R_CSW(1, 0), R_CBW(DONE), R_DATA(64, no_medium), R_CSW(0, 0)}},
		{"unit attention is read away", 0,
		 {R_CBW(DONE), R_CSW(1, 0), R_CBW(DONE), R_DATA(64, attention), R_CSW(0, 0), R_PASSED}},
		{"reset recovery helps", 1, {R_SILENT, R_RECOVERY, R_PASSED}},
		{"CBW refused", 1, {R_CBW(STALL), R_RECOVERY, R_PASSED}},
		{"port reset helps", 2, {R_SILENT, R_RECOVERY, R_SILENT, R_RESET, R_PASSED}},
		{"reset recovery fails, port reset helps", 2,
		 {R_SILENT, R_CONTROL(MSC_REQ_BULK_ONLY_RESET, PENDING, 0), R_RESET, R_PASSED}},
		{"nothing helps", 3, {R_SILENT, R_RECOVERY, R_SILENT, R_RESET, R_SILENT}},
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
	static const struct script_row rows[] = {R_CBW(DONE), R_CSW(2, 0), R_RECOVERY, R_PASSED, {0}};
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
	static const struct script_row rows[] = {R_SILENT, R_RECOVERY, {0}};
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

/* ---- max LUN ------------------------------------------------------------------------------ */

static void max_lun(void **state)
{
	static const uint8_t three[] = {3}, silly[] = {200};
	static const struct {
		const char *name;
		struct script_row row;
		uint8_t max_lun;
	} cases[] = {
		{"three", {SCRIPT_XFER, 0, MSC_REQ_GET_MAX_LUN, MSC_OUT_DONE, .actual = 1, .data = three}, 3},
		{"stall", R_CONTROL(MSC_REQ_GET_MAX_LUN, STALL, 0), 0},
		{"silent", R_CONTROL(MSC_REQ_GET_MAX_LUN, PENDING, 0), 0},
		{"empty", R_CONTROL(MSC_REQ_GET_MAX_LUN, DONE, 0), 0},
		{"silly", {SCRIPT_XFER, 0, MSC_REQ_GET_MAX_LUN, MSC_OUT_DONE, .actual = 1, .data = silly}, 0},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(cases); i++) {
		const struct script_row rows[] = {cases[i].row, {0}};
		struct msc_err err = MSC_ERR_INIT;
		struct script script;
		struct msc_session *s = open_session(&script, rows);

		for (int twice = 0; twice < 2; twice++) { /* asked once only */
			uint8_t max = 77;

			assert_int_equal(msc_session_max_lun(s, &max, &err), 0);
			if (max != cases[i].max_lun)
				fail_msg("%s: %u, expected %u", cases[i].name, max, cases[i].max_lun);
		}
		close_session(s, &script, cases[i].name);
	}
}

/* ---- learning ----------------------------------------------------------------------------- */

#define R_INQUIRY  R_CBW(DONE), R_DATA(64, disk), R_CSW(0, 0)
#define R_CAPACITY R_CBW(DONE), R_DATA(64, capacity), R_CSW(0, 0)
#define R_MODE	   R_CBW(DONE), R_DATA(192, protected), R_CSW(0, 188)
#define R_NOT(why) R_CBW(DONE), R_CSW(1, 0), R_CBW(DONE), R_DATA(64, why), R_CSW(0, 0)

static void learns_an_honest_unit(void **state)
{
	static const struct script_row rows[] = {R_INQUIRY,  R_NOT(attention), R_NOT(becoming_ready),
						 R_PASSED,   R_CAPACITY,       R_MODE, {0}};
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_unit *u;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	unsigned kinds = 0;

	(void)state;
	msc_session_set_record(s, count_record, &kinds);
	assert_int_equal(msc_session_learn(s, 1, &err), 0);
	u = msc_session_unit(s, 1);
	assert_true(u->have_inquiry && u->removable && u->have_capacity && u->have_mode);
	assert_int_equal(u->device_type, 0);
	assert_int_equal(u->last_lba, 0x3fff);
	assert_int_equal(u->block_size, 512);
	assert_true(u->write_protected);
	assert_false(msc_session_unit(s, 0)->have_capacity);
	assert_int_equal(kinds, 0);
	/* 21 transfers of 1 ms, and one pause for the unit that becomes ready */
	assert_int_equal(script.now, 21 * MSC_MS + 250 * MSC_MS);
	close_session(s, &script, "honest");
}

static void learns_that_there_is_no_medium(void **state)
{
	static const struct script_row rows[] = {R_INQUIRY, R_NOT(no_medium), R_MODE, {0}};
	struct msc_err err = MSC_ERR_INIT;
	struct script script;
	struct msc_session *s = open_session(&script, rows);

	(void)state;
	assert_int_equal(msc_session_learn(s, 0, &err), 0);
	assert_true(msc_session_unit(s, 0)->have_inquiry);
	assert_false(msc_session_unit(s, 0)->have_capacity);
	assert_true(msc_session_unit(s, 0)->have_mode);
	close_session(s, &script, "no medium");
}

static void learns_from_any_exchange(void **state)
{
	static const uint8_t none[8] = {0, 0, 0x3f, 0xff}, huge[8] = {0, 0, 0, 1, 0x80};
	static const uint8_t large[32] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 16};
	static const uint8_t rc10[16] = {MSC_OP_READ_CAPACITY_10};
	static const uint8_t rc16[16] = {MSC_OP_SERVICE_ACTION_IN_16, 0x10, [13] = 32};
	static const struct script_row rows[] = {R_CAPACITY,
						 R_CBW(DONE), R_DATA(64, none), R_CSW(0, 0),
						 R_CBW(DONE), R_DATA(64, huge), R_CSW(0, 0),
						 R_CBW(DONE), R_DATA(64, large), R_CSW(0, 0),
						 R_CBW(DONE), R_DATA(64, capacity), R_CSW(1, 0), {0}};
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	const struct msc_unit *u = msc_session_unit(s, 0);

	(void)state;
	msc_request_init(&rq, rc10, 10, MSC_DIR_IN, 8);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_true(u->have_capacity);
	assert_false(r->u.exchange.unit.have_capacity); /* not known when it was sent */
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_false(u->have_capacity); /* blocks of no bytes */
	assert_true(r->u.exchange.unit.have_capacity);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_false(u->have_capacity); /* blocks of 2 GiB */
	msc_request_init(&rq, rc16, 16, MSC_DIR_IN, 32);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_true(u->have_capacity);
	assert_true(u->last_lba == UINT64_C(0x100000000));
	assert_int_equal(u->block_size, 4096);
	msc_request_init(&rq, rc10, 10, MSC_DIR_IN, 8);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_int_equal(u->block_size, 4096); /* a failed command teaches nothing */
	close_session(s, &script, "any exchange");
}

/* However a device misbehaves, learning ends, and soon. */
static void hostile_devices(void **state)
{
	static const struct script_row ends[] = {
		{.outcome = MSC_OUT_PENDING},
		{.outcome = MSC_OUT_STALL},
		{.outcome = MSC_OUT_DONE, .actual = 0},
		{.outcome = MSC_OUT_DONE, .actual = SIZE_MAX},
		{.outcome = MSC_OUT_DONE, .actual = 13},
		{.outcome = MSC_OUT_DONE, .actual = 13, .csw = true, .status = 1},
		{.outcome = MSC_OUT_DONE, .actual = 13, .csw = true, .status = 2},
		{.outcome = MSC_OUT_BABBLE, .actual = SIZE_MAX},
		{.outcome = MSC_OUT_ERROR},
	};
	static const struct script_row no_rows[] = {{0}};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(ends); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct script script;
		struct msc_session *s = open_session(&script, no_rows);
		bool works;
		char why[128];
		int rung;
		uint8_t max;

		script.always = &ends[i];
		assert_int_equal(msc_session_max_lun(s, &max, &err), 0);
		assert_int_equal(msc_session_learn(s, 0, &err), 0);
		assert_false(msc_session_unit(s, 0)->have_capacity);
		assert_int_equal(msc_session_probe_queued(s, &works, why, sizeof(why), &err), 0);
		assert_int_equal(msc_session_settle(s, &rung, &err), 0);
		if (script.index > 200)
			fail_msg("case %zu: %zu transfers", i, script.index);
		if (script.now > 40 * TIMEOUT)
			fail_msg("case %zu: %lld ms", i, (long long)(script.now / MSC_MS));
		close_session(s, &script, "hostile");
	}
}

/* ---- queued? ------------------------------------------------------------------------------ */

static void probe_finds_that_queued_works(void **state)
{
	static const struct script_row rows[] = {R_CAPACITY, R_PASSED, R_INQUIRY,
						 R_CBW(DONE), R_IN(512, DONE, 512), R_CSW(0, 0), {0}};
	static const uint8_t rc10[16] = {MSC_OP_READ_CAPACITY_10};
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	bool works = false;
	char why[128];

	(void)state;
	msc_request_init(&rq, rc10, 10, MSC_DIR_IN, 8);
	assert_int_equal(msc_session_exchange(s, &rq, NULL, &err), 0);
	assert_int_equal(msc_session_probe_queued(s, &works, why, sizeof(why), &err), 0);
	assert_true(works);
	assert_string_equal(why, "");
	assert_true(msc_session_last(s)->u.exchange.queued);
	close_session(s, &script, "queued works");
}

/* As QEMU's stick behaves on EHCI and xHCI: serially it answers. */
static void probe_finds_that_queued_fails(void **state)
{
	static const struct script_row rows[] = {
		R_PASSED, R_CBW(DONE), R_IN(64, DONE, 36), R_IN(64, PENDING, 0),
		R_RECOVERY, R_PASSED, R_INQUIRY, R_PASSED, {0}};
	struct msc_session_options o = {.timeout_ns = TIMEOUT, .queued = true};
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = msc_session_new(script_open(&script, rows), &o);
	bool works = true;
	char why[128];

	(void)state;
	assert_int_equal(msc_session_probe_queued(s, &works, why, sizeof(why), &err), 0);
	assert_false(works);
	assert_string_equal(why, "INQUIRY is not answered when CBW, data and CSW are queued together");
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_false(r->u.exchange.queued);
	close_session(s, &script, "queued fails");
}

/* A command that does not work either way accuses nothing. */
static void probe_does_not_blame_the_queue(void **state)
{
	static const struct script_row rows[] = {
		R_CBW(DONE), R_CSW(2, 0), R_RECOVERY, R_PASSED, R_CBW(DONE), R_CSW(2, 0), R_RECOVERY, R_PASSED,
		R_INQUIRY, {0}};
	struct msc_err err = MSC_ERR_INIT;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	bool works = false;
	char why[128];

	(void)state;
	assert_int_equal(msc_session_probe_queued(s, &works, why, sizeof(why), &err), 0);
	assert_true(works);
	close_session(s, &script, "no blame");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_form_a_chain),
		cmocka_unit_test(control_out_data),
		cmocka_unit_test(reset_recovery),
		cmocka_unit_test(ladder),
		cmocka_unit_test(settle_knows_of_a_phase_error),
		cmocka_unit_test(free_recovers_an_unclean_device),
		cmocka_unit_test(max_lun),
		cmocka_unit_test(learns_an_honest_unit),
		cmocka_unit_test(learns_that_there_is_no_medium),
		cmocka_unit_test(learns_from_any_exchange),
		cmocka_unit_test(hostile_devices),
		cmocka_unit_test(probe_finds_that_queued_works),
		cmocka_unit_test(probe_finds_that_queued_fails),
		cmocka_unit_test(probe_does_not_blame_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
