/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request to the engine can do on purpose beside the honest exchange: ask bulk-in first, stop
 * in the middle of the data, clear a halt late; SET_CONFIGURATION; and patience that runs out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "session/session.h"

#define BLOCK 512

struct bench {
	struct msc_target *target;
	struct msc_session *session;
	struct msc_err err;
};

static const uint8_t tur[16] = { MSC_OP_TEST_UNIT_READY };
static const uint8_t inquiry[16] = { MSC_OP_INQUIRY, [4] = 36 };
static const uint8_t read8[16] = { MSC_OP_READ_10, [8] = 8 };

static void open_bench(struct bench *b, const char *name, unsigned hangs_max)
{
	const struct msc_session_options options = { .hangs_max = hangs_max };
	const struct msc_open_options open = { .allow_writes = false };

	b->err = (struct msc_err)MSC_ERR_INIT;
	b->target = msc_target_open(name, &open, &b->err);
	if (!b->target)
		fail_msg("%s: %s", name, b->err.msg);
	b->session = msc_session_new(b->target, &options);
	assert_non_null(b->session);
	assert_int_equal(msc_session_learn(b->session, 0, &b->err), 0);
}

static void close_bench(struct bench *b)
{
	msc_session_free(b->session);
	msc_target_close(b->target);
}

static struct msc_request request(const uint8_t *cdb, enum msc_dir dir, uint32_t length)
{
	struct msc_request rq;

	msc_request_init(&rq, cdb, msc_cdb_group_length(cdb[0]), dir, length);
	return rq;
}

static const struct msc_record *run(struct bench *b, const struct msc_request *rq)
{
	const struct msc_record *r;

	if (msc_session_exchange(b->session, rq, &r, &b->err))
		fail_msg("%s", b->err.msg);
	return r;
}

static void passes(struct bench *b)
{
	struct msc_request rq = request(tur, MSC_DIR_NONE, 0);
	const struct msc_exchange *x = &run(b, &rq)->u.exchange;

	assert_true(msc_csw_is_valid(x) && x->csw.status == MSC_CSW_PASSED);
}

static void bulk_in_may_be_asked_first(void **state)
{
	static const char *const targets[] = { "sim:reference", "sim:reference,speed=full",
					       "sim:linux-gadget", "sim:stm32" };
	struct bench b;

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(targets); i++) {
		struct msc_request rq = request(inquiry, MSC_DIR_IN, 36);
		const struct msc_exchange *x;

		open_bench(&b, targets[i], 0);
		rq.early = true;
		x = &run(&b, &rq)->u.exchange;
		assert_int_equal(x->data_len, 36);
		assert_true(msc_csw_is_valid(x) && x->csw.status == MSC_CSW_PASSED);
		/* The first transfer that was started is the data's. */
		assert_true(msc_step_find(x, MSC_STEP_DATA)->submitted_ns <
			    msc_step_find(x, MSC_STEP_CBW)->submitted_ns);
		rq = request(tur, MSC_DIR_NONE, 0);
		rq.early = true;
		x = &run(&b, &rq)->u.exchange;
		assert_true(msc_csw_is_valid(x));
		assert_true(msc_step_find(x, MSC_STEP_CSW)->submitted_ns <
			    msc_step_find(x, MSC_STEP_CBW)->submitted_ns);
		close_bench(&b);
	}
}

static void a_command_is_left_where_it_was_said(void **state)
{
	static const struct {
		const uint8_t *cdb;
		enum msc_dir dir;
		uint32_t length;
		size_t take, moved;
	} rows[] = {
		{ tur, MSC_DIR_NONE, 0, 0, 0 },
		{ read8, MSC_DIR_IN, 8 * BLOCK, 0, 0 },
		{ read8, MSC_DIR_IN, 8 * BLOCK, BLOCK, BLOCK },
		{ read8, MSC_DIR_IN, 8 * BLOCK, 8 * BLOCK, 8 * BLOCK },
	};
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference", 0);
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_request rq = request(rows[i].cdb, rows[i].dir, rows[i].length);
		const struct msc_exchange *x;

		rq.in_len = rows[i].take;
		x = &run(&b, &rq)->u.exchange;
		assert_int_equal(x->data_len, rows[i].moved);
		assert_null(msc_step_find(x, MSC_STEP_CSW));
		assert_true(x->needs_reset && !x->have_csw);
		assert_int_equal(msc_session_reset_recovery(b.session, NULL, &b.err), 0);
		passes(&b);
	}
	close_bench(&b);
}

static void a_halt_is_cleared_late(void **state)
{
	struct msc_request rq = request(inquiry, MSC_DIR_IN, 512);
	const struct msc_step *data, *clear;
	const struct msc_exchange *x;
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference", 0);
	rq.clear_after_ns = 100 * MSC_MS;
	x = &run(&b, &rq)->u.exchange;
	data = msc_step_with(x, MSC_STEP_CSW, MSC_OUT_STALL);
	if (!data) /* the data ended with a short packet, and the CSW met the halt */
		data = msc_step_with(x, MSC_STEP_DATA, MSC_OUT_STALL);
	clear = msc_step_find(x, MSC_STEP_CLEAR_HALT);
	assert_true(data && clear);
	assert_true(msc_csw_is_valid(x));
	rq = request((const uint8_t[16]){ MSC_OP_INQUIRY, 1, 0x5f, [4] = 64 }, MSC_DIR_IN, 64);
	rq.clear_after_ns = 100 * MSC_MS;
	x = &run(&b, &rq)->u.exchange;
	data = msc_step_with(x, MSC_STEP_DATA, MSC_OUT_STALL);
	clear = msc_step_find(x, MSC_STEP_CLEAR_HALT);
	assert_true(data && clear);
	assert_true(clear->submitted_ns - data->completed_ns >= 100 * MSC_MS);
	assert_true(msc_csw_is_valid(x));
	close_bench(&b);
}

static void configuration_begins_anew(void **state)
{
	struct msc_request rq = request(read8, MSC_DIR_IN, 8 * BLOCK);
	const struct msc_record *r;
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference", 0);
	passes(&b); /* an odd number of packets on either endpoint */
	rq.in_len = BLOCK;
	run(&b, &rq);
	assert_int_equal(msc_session_configure(b.session, &r, &b.err), 0);
	assert_true(msc_is_configuration(r));
	assert_int_equal(r->u.control.outcome, MSC_OUT_DONE);
	passes(&b);
	close_bench(&b);

	open_bench(&b, "sim:reference,fault=configuration-ignored", 0);
	run(&b, &rq);
	assert_int_equal(msc_session_configure(b.session, &r, &b.err), 0);
	rq = request(tur, MSC_DIR_NONE, 0);
	assert_false(msc_csw_is_valid(&run(&b, &rq)->u.exchange));
	close_bench(&b);
}

static void patience_runs_out(void **state)
{
	struct msc_request rq = request(read8, MSC_DIR_IN, BLOCK); /* case 7: phase error */
	struct bench b;

	(void)state;
	for (unsigned max = 0; max <= 3; max += 3) {
		open_bench(&b, "sim:reference,fault=hang-negative", max);
		for (unsigned i = 0; i < 5; i++) {
			bool hasty = max && i >= max;
			const struct msc_exchange *x;
			const struct msc_record *r;

			assert_int_equal(msc_session_timeout(b.session), hasty ? MSC_HASTY_NS
									 : i   ? MSC_HUNG_ONCE_NS
									       : MSC_TIMEOUT_NS);
			r = run(&b, &rq);
			x = &r->u.exchange;
			assert_true(x->needs_reset && !x->have_csw);
			assert_true((r->ended_ns - r->began_ns < 2 * MSC_S) == hasty);
			assert_int_equal(msc_session_reset_recovery(b.session, NULL, &b.err), 0);
			passes(&b);
		}
		close_bench(&b);
	}
}

static void a_wait_that_was_asked_for_is_no_hang(void **state)
{
	struct msc_request rq = request(read8, MSC_DIR_IN, BLOCK);
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference,fault=hang-negative", 3);
	rq.timeout_ns = 20 * MSC_MS;
	for (unsigned i = 0; i < 5; i++) {
		run(&b, &rq);
		assert_int_equal(msc_session_reset_recovery(b.session, NULL, &b.err), 0);
	}
	assert_int_equal(msc_session_timeout(b.session), MSC_TIMEOUT_NS);
	close_bench(&b);
}

struct asides {
	struct bench *b;
	unsigned runs, runs_max;
	int64_t first_ns, last_ns; /* when a request began, and ended */
};

static int ask_status(void *user, bool *again, struct msc_err *err)
{
	static const struct msc_setup get_status = { .request_type = MSC_REQTYPE_IN,
						     .request = MSC_STD_GET_STATUS,
						     .length = 2 };
	struct asides *a = user;
	const struct msc_record *r;

	if (msc_session_control(a->b->session, &get_status, NULL, &r, err))
		return -1;
	assert_int_equal(r->u.control.outcome, MSC_OUT_DONE);
	if (a->runs++ == 0)
		a->first_ns = r->began_ns;
	a->last_ns = r->ended_ns;
	*again = a->runs < a->runs_max;
	return 0;
}

static void requests_go_beside_the_data_and_before_the_status(void **state)
{
	for (unsigned both = 0; both < 2; both++) {
		struct msc_request rq = request(read8, MSC_DIR_IN, 8 * BLOCK);
		struct bench b;
		struct asides with = { .b = &b, .runs_max = 2 }, before = { .b = &b };
		const struct msc_step *data, *csw;
		const struct msc_exchange *x;

		(void)state;
		open_bench(&b, "sim:reference,speed=full", 0);
		rq.with_data = (struct msc_aside){ ask_status, &with };
		if (both)
			rq.before_status = (struct msc_aside){ ask_status, &before };
		x = &run(&b, &rq)->u.exchange;
		data = msc_step_find(x, MSC_STEP_DATA);
		csw = msc_step_find(x, MSC_STEP_CSW);
		assert_int_equal(x->csw.status, MSC_CSW_PASSED);
		assert_int_equal(with.runs, 2);
		assert_true(with.first_ns >= data->submitted_ns &&
			    with.last_ns < data->completed_ns);
		assert_int_equal(before.runs, both ? 1 : 0);
		if (both)
			assert_true(before.first_ns >= data->completed_ns &&
				    before.last_ns <= csw->submitted_ns);
		passes(&b);
		close_bench(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_in_may_be_asked_first),
		cmocka_unit_test(a_command_is_left_where_it_was_said),
		cmocka_unit_test(a_halt_is_cleared_late),
		cmocka_unit_test(configuration_begins_anew),
		cmocka_unit_test(patience_runs_out),
		cmocka_unit_test(a_wait_that_was_asked_for_is_no_hang),
		cmocka_unit_test(requests_go_beside_the_data_and_before_the_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
