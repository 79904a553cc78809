/* SPDX-License-Identifier: BSD-2-Clause */
/* What bounds an exchange: its times, many small pieces, lengths that no memory holds, a user who
 * wants to stop, a device that leaves. */
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

static struct msc_session *open_session(struct script *script, const struct script_row *rows,
					bool queued)
{
	struct msc_session_options o = { .timeout_ns = TIMEOUT, .queued = queued };
	struct msc_session *s = msc_session_new(script_open(script, rows), &o);

	assert_non_null(s);
	return s;
}

static const uint8_t tur[16] = { MSC_OP_TEST_UNIT_READY };

/* ---- time --------------------------------------------------------------------------------- */

static void times_are_exact(void **state)
{
	static const struct script_row rows[] = { R_CBW(DONE),          R_IN(512, DONE, 512),
						  R_IN(64, STALL, 0),   R_CLEAR(SCRIPT_IN, DONE),
						  R_IN(64, PENDING, 0), { 0 } };
	static const int64_t ends[] = { 1, 2, 3, 4, 104 };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows, false);

	(void)state;
	msc_request_init(&rq, tur, 6, MSC_DIR_IN, 512);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	script_check(&script, "times");
	assert_int_equal(r->u.exchange.n_steps, MSC_COUNT(ends));
	for (size_t i = 0; i < MSC_COUNT(ends); i++) {
		const struct msc_step *step = &r->u.exchange.steps[i];

		assert_int_equal(step->completed_ns, ends[i] * MSC_MS);
		assert_int_equal(step->submitted_ns, i ? ends[i - 1] * MSC_MS : 0);
		assert_int_equal(step->naks, -1);
	}
	assert_int_equal(r->began_ns, 0);
	assert_int_equal(r->ended_ns, 104 * MSC_MS);
	script.target.gone = true;
	msc_session_free(s);
}

/* Every byte of data is given 16 us more, so that a slow device is not called hung; the other
 * phases are not. */
static void data_has_longer_than_the_rest(void **state)
{
	static const int64_t data_ns = TIMEOUT + 128 * 16 * MSC_US;
	static const struct {
		struct script_row script[4];
		enum msc_dir dir;
		int64_t took_ns[3]; /* CBW, data, CSW */
		bool hung;
	} cases[] = {
		{{R_CBW(DONE), {SCRIPT_XFER, SCRIPT_IN, 128, MSC_OUT_DONE, .actual = 128,
				.takes_ns = data_ns}, R_CSW(0, 0)},
		 MSC_DIR_IN, {MSC_MS, data_ns, MSC_MS}, false},
		{{R_CBW(DONE), {SCRIPT_XFER, SCRIPT_OUT, 128, MSC_OUT_DONE, .actual = 128,
				.takes_ns = data_ns}, R_CSW(0, 0)},
		 MSC_DIR_OUT, {MSC_MS, data_ns, MSC_MS}, false},
		{{R_CBW(DONE), R_IN(128, PENDING, 0)}, MSC_DIR_IN, {MSC_MS, data_ns}, true},
		{{R_CBW(DONE), R_OUT(128, PENDING, 0)}, MSC_DIR_OUT, {MSC_MS, data_ns}, true},
		{{R_CBW(DONE), R_IN(128, DONE, 128), R_IN(64, PENDING, 0)},
		 MSC_DIR_IN, {MSC_MS, MSC_MS, TIMEOUT}, true},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(cases); i++) {
		struct msc_err err = MSC_ERR_INIT;
		const struct msc_record *r;
		struct msc_request rq;
		struct script script;
		struct msc_session *s = open_session(&script, cases[i].script, false);
		const struct msc_exchange *x;

		msc_request_init(&rq, tur, 6, cases[i].dir, 128);
		assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
		x = &r->u.exchange;
		assert_int_equal(x->have_csw, !cases[i].hung);
		for (size_t k = 0; k < x->n_steps; k++)
			assert_int_equal(x->steps[k].completed_ns - x->steps[k].submitted_ns,
					 cases[i].took_ns[k]);
		assert_int_equal(x->n_steps, cases[i].took_ns[2] ? 3 : 2);
		script_check(&script, "time-outs");
		script.target.gone = true;
		msc_session_free(s);
	}
}

/* Many small pieces are one step from some point on, and nothing is lost of them. */
static void small_pieces_are_merged(void **state)
{
	enum {
		PIECES = 100
	};
	struct script_row rows[PIECES + 3] = { R_CBW(DONE) };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s;
	size_t asked = 0, actual = 0;

	(void)state;
	for (size_t i = 1; i <= PIECES; i++)
		rows[i] = (struct script_row)R_OUT(1, DONE, 1);
	rows[PIECES + 1] = (struct script_row)R_CSW(0, 0);
	s = open_session(&script, rows, false);
	msc_request_init(&rq, tur, 6, MSC_DIR_OUT, PIECES);
	rq.out_split = 1;
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	script_check(&script, "pieces");
	assert_true(r->u.exchange.n_steps < MSC_STEPS_MAX);
	for (size_t i = 0; i < r->u.exchange.n_steps; i++)
		if (r->u.exchange.steps[i].kind == MSC_STEP_DATA) {
			asked += r->u.exchange.steps[i].asked;
			actual += r->u.exchange.steps[i].actual;
		}
	assert_int_equal(asked, PIECES);
	assert_int_equal(actual, PIECES);
	assert_int_equal(r->u.exchange.steps[r->u.exchange.n_steps - 1].kind, MSC_STEP_CSW);
	assert_true(r->u.exchange.have_csw);
	msc_session_free(s);
}

/* A length that no memory holds is bounded, and the device is not trusted to stop. */
static void huge_lengths(void **state)
{
	static const struct script_row rows[] = {
		R_CBW(DONE), R_IN(4 << 20, DONE, 36), R_CSW(0, 1), { 0 }
	};
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows, true);

	(void)state;
	msc_request_init(&rq, tur, 6, MSC_DIR_IN, UINT32_MAX);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	script_check(&script, "huge");
	assert_false(r->u.exchange.queued);
	assert_int_equal(r->u.exchange.data_len, 36);
	msc_session_free(s);
}

static void endless_data(void **state)
{
	struct script_row rows[18] = { R_CBW(DONE) };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s;

	(void)state;
	for (size_t i = 1; i <= 16; i++)
		rows[i] = (struct script_row)R_IN(4 << 20, DONE, 4 << 20);
	s = open_session(&script, rows, false);
	msc_request_init(&rq, tur, 6, MSC_DIR_IN, UINT32_MAX);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	script_check(&script, "endless");
	assert_int_equal(r->u.exchange.data_len, 64 << 20);
	assert_true(r->u.exchange.needs_reset);
	assert_false(r->u.exchange.have_csw);
	script.target.gone = true;
	msc_session_free(s);
}

/* ---- ways out ----------------------------------------------------------------------------- */

static bool stop_at_third(void *user)
{
	return ++*(int *)user >= 3;
}

/* The user asks to stop while a real device is being waited for: at once, nothing left pending,
 * and the device is recovered when the session ends. */
static void interrupted(void **state)
{
	static const struct script_row rows[] = { R_CBW(DONE),
						  R_IN(64, PENDING, 0),
						  R_IN(64, PENDING, 0),
						  R_CONTROL(MSC_REQ_BULK_ONLY_RESET, DONE, 0),
						  R_CLEAR(SCRIPT_IN, DONE),
						  R_CLEAR(SCRIPT_OUT, DONE),
						  { 0 } };
	struct msc_session_options o = { .timeout_ns = 100 * MSC_S, .queued = true };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = msc_session_new(script_open(&script, rows), &o);
	int asked = -2; /* three submissions, then slices */

	(void)state;
	script.target.device.simulated = false;
	msc_session_set_stop(s, stop_at_third, &asked);
	msc_request_init(&rq, tur, 6, MSC_DIR_IN, 64);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), -1);
	assert_int_equal(err.code, MSC_E_INTERRUPTED);
	assert_true(script.now <= 300 * MSC_MS);
	assert_null(msc_session_last(s));
	msc_session_free(s);
	script_check(&script, "interrupted");
}

static void interrupted_poll(void **state)
{
	static const struct script_row rows[] = { R_IN(64, PENDING, 0), { 0 } };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct script script;
	struct msc_session *s = open_session(&script, rows, false);
	int asked = 0;

	(void)state;
	script.target.device.simulated = false;
	msc_session_set_stop(s, stop_at_third, &asked);
	assert_int_equal(msc_session_poll(s, SCRIPT_IN, NULL, 64, 100 * MSC_S, &r, &err), -1);
	assert_int_equal(err.code, MSC_E_INTERRUPTED);
	assert_int_equal(script.now, 100 * MSC_MS); /* asked at once, and again after a slice */
	script_check(&script, "interrupted poll");
	msc_session_free(s);
}

static void gone(void **state)
{
	static const struct script_row rows[] = { R_CBW(DONE),
						  R_IN(64, PENDING, 0),
						  { SCRIPT_XFER, SCRIPT_IN, 64, .go_away = true },
						  { 0 } };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows, true);

	(void)state;
	msc_request_init(&rq, tur, 6, MSC_DIR_IN, 64);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), -1);
	assert_int_equal(err.code, MSC_E_GONE);
	script.row++;
	script_check(&script, "gone");
	script.target.gone = true;
	msc_session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_exact),
		cmocka_unit_test(data_has_longer_than_the_rest),
		cmocka_unit_test(small_pieces_are_merged),
		cmocka_unit_test(huge_lengths),
		cmocka_unit_test(endless_data),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(interrupted_poll),
		cmocka_unit_test(gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
