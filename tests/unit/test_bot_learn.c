/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session learns, from honest devices and hostile ones: units, max LUN, whether it can drive
 * the device queued. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

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
static const uint8_t becoming_ready[18] = { 0x70, [2] = 2, [7] = 10, [12] = 0x04, [13] = 0x01 };
static const uint8_t disk[36] = { 0x00, 0x80, [4] = 31 };
static const uint8_t capacity[8] = { 0, 0, 0x3f, 0xff, 0, 0, 2, 0 };
static const uint8_t protected[4] = { 3, 0, 0x80, 0 };

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

static void count_record(void *user, const struct msc_record *r)
{
	unsigned *kinds = user;

	*kinds = *kinds << 4 | r->kind;
}

/* ---- max LUN ------------------------------------------------------------------------------ */

static void max_lun(void **state)
{
	static const uint8_t three[] = { 3 }, silly[] = { 200 };
	static const struct {
		const char *name;
		struct script_row row;
		uint8_t max_lun;
	} cases[] = {
		{ "three",
		  { SCRIPT_XFER, 0, MSC_REQ_GET_MAX_LUN, MSC_OUT_DONE, .actual = 1, .data = three },
		  3 },
		{ "stall", R_CONTROL(MSC_REQ_GET_MAX_LUN, STALL, 0), 0 },
		{ "silent", R_CONTROL(MSC_REQ_GET_MAX_LUN, PENDING, 0), 0 },
		{ "empty", R_CONTROL(MSC_REQ_GET_MAX_LUN, DONE, 0), 0 },
		{ "silly",
		  { SCRIPT_XFER, 0, MSC_REQ_GET_MAX_LUN, MSC_OUT_DONE, .actual = 1, .data = silly },
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(cases); i++) {
		const struct script_row rows[] = { cases[i].row, { 0 } };
		struct msc_err err = MSC_ERR_INIT;
		struct script script;
		struct msc_session *s = open_session(&script, rows);

		for (int twice = 0; twice < 2; twice++) { /* asked once only */
			uint8_t max = 77;

			assert_int_equal(msc_session_max_lun(s, &max, &err), 0);
			if (max != cases[i].max_lun)
				fail_msg("%s: %u, expected %u", cases[i].name, max,
					 cases[i].max_lun);
		}
		close_session(s, &script, cases[i].name);
	}
}

/* ---- learning ----------------------------------------------------------------------------- */

#define R_INQUIRY  R_CBW(DONE), R_DATA(64, disk), R_CSW(0, 0)
#define R_CAPACITY R_CBW(DONE), R_DATA(64, capacity), R_CSW(0, 0)
#define R_MODE	   R_CBW(DONE), R_DATA(192, protected), R_CSW(0, 188)
#define R_NOT(why) R_CBW(DONE), R_CSW(1, 0), R_CBW(DONE), R_DATA(64, why), R_CSW(0, 0)
#define R_NOT_5(why) R_NOT(why), R_NOT(why), R_NOT(why), R_NOT(why), R_NOT(why)

static void learns_an_honest_unit(void **state)
{
	static const struct script_row rows[] = {
		R_INQUIRY, R_NOT(attention), R_NOT(becoming_ready), R_PASSED, R_CAPACITY, R_MODE,
		{ 0 }
	};
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
	assert_int_equal(script.now, 21 * MSC_MS + MSC_AWAIT_PAUSE_NS);
	close_session(s, &script, "honest");
}

/* Waited for 2 s, at 105 ms each. */
#define R_EMPTY                                                                                    \
	R_INQUIRY, R_NOT_5(no_medium), R_NOT_5(no_medium), R_NOT_5(no_medium), R_NOT_5(no_medium), \
		R_MODE

static void learns_that_there_is_no_medium(void **state)
{
	static const struct script_row rows[] = { R_EMPTY, { 0 } };
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

/* Each item of a pytest run is a session of its own. */
static void waits_once_for_a_unit_that_is_empty(void **state)
{
	static const struct script_row rows[] = {
		R_EMPTY, R_INQUIRY, R_NOT(no_medium), R_MODE, { 0 }
	};
	struct msc_session_options o = { .timeout_ns = TIMEOUT };
	struct msc_err err = MSC_ERR_INIT;
	struct script script;
	struct msc_session *s = open_session(&script, rows);

	(void)state;
	assert_int_equal(msc_session_learn(s, 0, &err), 0);
	msc_session_free(s);
	s = msc_session_new(&script.target, &o);
	assert_non_null(s);
	assert_int_equal(msc_session_learn(s, 0, &err), 0);
	assert_int_equal(msc_session_readiness(s, 0), MSC_READINESS_EMPTY);
	close_session(s, &script, "empty twice");
}

/* Peripheral qualifier 3, and what follows is of no unit. */
static void learns_that_there_is_no_unit(void **state)
{
	static const uint8_t nobody[36] = { 0x7f, [4] = 31 };
	static const struct script_row rows[] = { R_CBW(DONE),
						  R_DATA(64, nobody),
						  R_CSW(0, 0),
						  R_NOT_5(no_medium),
						  R_NOT_5(no_medium),
						  R_NOT_5(no_medium),
						  R_NOT_5(no_medium),
						  R_MODE,
						  { 0 } };
	struct msc_err err = MSC_ERR_INIT;
	struct script script;
	struct msc_session *s = open_session(&script, rows);

	(void)state;
	assert_int_equal(msc_session_learn(s, 5, &err), 0);
	assert_false(msc_session_unit(s, 5)->have_inquiry);
	close_session(s, &script, "no unit");
}

static void learns_from_any_exchange(void **state)
{
	static const uint8_t none[8] = { 0, 0, 0x3f, 0xff }, huge[8] = { 0, 0, 0, 1, 0x80 };
	static const uint8_t large[32] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 16 };
	static const uint8_t rc10[16] = { MSC_OP_READ_CAPACITY_10 };
	static const uint8_t rc16[16] = { MSC_OP_SERVICE_ACTION_IN_16, 0x10, [13] = 32 };
	static const struct script_row rows[] = { R_CAPACITY,  R_CBW(DONE), R_DATA(64, none),
						  R_CSW(0, 0), R_CBW(DONE), R_DATA(64, huge),
						  R_CSW(0, 0), R_CBW(DONE), R_DATA(64, large),
						  R_CSW(0, 0), R_CBW(DONE), R_DATA(64, capacity),
						  R_CSW(1, 0), { 0 } };
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
	static const struct script_row no_rows[] = { { 0 } };

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

enum { ROUNDS = 8 };

static void probe_finds_that_queued_works(void **state)
{
	static const struct script_row learn[] = { R_CAPACITY };
	static const struct script_row round[] = { R_PASSED, R_INQUIRY, R_CBW(DONE),
						   R_IN(512, DONE, 512), R_CSW(0, 0) };
	static const uint8_t rc10[16] = { MSC_OP_READ_CAPACITY_10 };
	struct script_row rows[MSC_COUNT(learn) + ROUNDS * MSC_COUNT(round) + 1] = { { 0 } };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	bool works = false;
	char why[128];

	(void)state;
	memcpy(rows, learn, sizeof(learn));
	for (size_t i = 0; i < ROUNDS; i++)
		memcpy(&rows[MSC_COUNT(learn) + i * MSC_COUNT(round)], round, sizeof(round));
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
		R_RECOVERY, R_PASSED,    R_INQUIRY,          R_PASSED,
		{ 0 }
	};
	struct msc_session_options o = { .timeout_ns = TIMEOUT, .queued = true };
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
	assert_string_equal(why,
			    "INQUIRY is not answered when CBW, data and CSW are queued together");
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_false(r->u.exchange.queued);
	close_session(s, &script, "queued fails");
}

/* A command that does not work either way accuses nothing. */
static void probe_does_not_blame_the_queue(void **state)
{
	static const struct script_row fails[] = { R_CBW(DONE), R_CSW(2, 0), R_RECOVERY, R_PASSED,
						   R_CBW(DONE), R_CSW(2, 0), R_RECOVERY, R_PASSED };
	static const struct script_row inquiry[] = { R_INQUIRY };
	struct script_row rows[MSC_COUNT(fails) + ROUNDS * MSC_COUNT(inquiry) + 1] = { { 0 } };
	struct msc_err err = MSC_ERR_INIT;
	struct script script;
	struct msc_session *s = open_session(&script, rows);
	bool works = false;
	char why[128];

	(void)state;
	memcpy(rows, fails, sizeof(fails));
	for (size_t i = 0; i < ROUNDS; i++)
		memcpy(&rows[MSC_COUNT(fails) + i * MSC_COUNT(inquiry)], inquiry, sizeof(inquiry));
	assert_int_equal(msc_session_probe_queued(s, &works, why, sizeof(why), &err), 0);
	assert_true(works);
	close_session(s, &script, "no blame");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(max_lun),
		cmocka_unit_test(learns_an_honest_unit),
		cmocka_unit_test(learns_that_there_is_no_medium),
		cmocka_unit_test(waits_once_for_a_unit_that_is_empty),
		cmocka_unit_test(learns_that_there_is_no_unit),
		cmocka_unit_test(learns_from_any_exchange),
		cmocka_unit_test(hostile_devices),
		cmocka_unit_test(probe_finds_that_queued_works),
		cmocka_unit_test(probe_finds_that_queued_fails),
		cmocka_unit_test(probe_does_not_blame_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
