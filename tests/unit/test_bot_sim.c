/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine on simulated devices, as every program uses it: opened by name, in both modes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "session/session.h"

#define BLOCK 512

struct bench {
	struct msc_target *target;
	struct msc_session *session;
};

static const uint8_t read10[16] = { MSC_OP_READ_10, [8] = 1 };
static const uint8_t tur[16] = { MSC_OP_TEST_UNIT_READY };

static void open_bench(struct bench *b, const char *name, bool queued)
{
	const struct msc_session_options options = { .queued = queued, .timeout_ns = MSC_S };
	const struct msc_open_options open = { .allow_writes = false };
	struct msc_err err = MSC_ERR_INIT;
	bool works = false;
	char why[128];

	b->target = msc_target_open(name, &open, &err);
	if (!b->target)
		fail_msg("%s: %s", name, err.msg);
	b->session = msc_session_new(b->target, &options);
	assert_non_null(b->session);
	if (msc_session_learn(b->session, 0, &err) ||
	    msc_session_probe_queued(b->session, &works, why, sizeof(why), &err))
		fail_msg("%s: %s", name, err.msg);
	if (!works)
		fail_msg("%s: %s", name, why);
}

static void close_bench(struct bench *b)
{
	msc_session_free(b->session);
	msc_target_close(b->target);
}

static const struct msc_record *run(struct bench *b, const uint8_t *cdb, enum msc_dir dir,
				    uint32_t length)
{
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;

	msc_request_init(&rq, cdb, msc_cdb_group_length(cdb[0]), dir, length);
	if (msc_session_exchange(b->session, &rq, &r, &err))
		fail_msg("%s: %s", b->target->device.name, err.msg);
	return r;
}

static int settle(struct bench *b)
{
	struct msc_err err = MSC_ERR_INIT;
	int rung = -1;

	if (msc_session_settle(b->session, &rung, &err))
		fail_msg("%s: %s", b->target->device.name, err.msg);
	return rung;
}

/* A medium for the gadget, in a file. */
static int make_file(void **state)
{
	static const char blocks[64 * BLOCK] = "the first block";
	char *path = strdup("/tmp/mscope-test-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, blocks, sizeof(blocks)), sizeof(blocks));
	close(fd);
	*state = path;
	return 0;
}

static int remove_file(void **state)
{
	unlink(*state);
	free(*state);
	return 0;
}

/* What any device that works must allow, in either mode. */
static void drive(const char *name, bool queued)
{
	const struct msc_record *r;
	const struct msc_unit *u;
	struct bench b;

	open_bench(&b, name, queued);
	u = msc_session_unit(b.session, 0);
	assert_true(u->have_inquiry && u->have_capacity && u->have_mode);
	assert_int_equal(u->block_size, BLOCK);

	r = run(&b, read10, MSC_DIR_IN, BLOCK);
	assert_int_equal(r->u.exchange.queued, queued);
	assert_int_equal(r->u.exchange.data_len, BLOCK);
	assert_true(msc_csw_is_valid(&r->u.exchange));
	assert_int_equal(r->u.exchange.csw.status, MSC_CSW_PASSED);
	assert_int_equal(r->u.exchange.csw.residue, 0);
	assert_int_equal(r->u.exchange.n_steps, 3);

	/* twice as much as there is: case 5 */
	r = run(&b, read10, MSC_DIR_IN, 2 * BLOCK);
	assert_int_equal(r->u.exchange.data_len, BLOCK);
	assert_int_equal(r->u.exchange.csw.residue, BLOCK);
	assert_false(r->u.exchange.needs_reset);

	/* nothing at all: case 2, and what it takes to go on */
	r = run(&b, read10, MSC_DIR_NONE, 0);
	assert_int_equal(r->u.exchange.csw.status, MSC_CSW_PHASE_ERROR);
	assert_true(r->u.exchange.needs_reset);
	assert_int_equal(settle(&b), 1);
	assert_int_equal(settle(&b), 0);

	r = run(&b, tur, MSC_DIR_NONE, 0);
	assert_int_equal(r->u.exchange.csw.status, MSC_CSW_PASSED);
	close_bench(&b);
}

static void every_device_in_both_modes(void **state)
{
	static const char *const names[] = { "sim:reference", "sim:reference,speed=full",
					     "sim:reference,speed=full,host=ohci" };
	char gadget[96];

	for (int queued = 0; queued < 2; queued++) {
		for (size_t i = 0; i < MSC_COUNT(names); i++)
			drive(names[i], queued);
		for (int stall = 0; stall < 2; stall++) {
			snprintf(gadget, sizeof(gadget), "sim:linux-gadget,stall=%d,file=%s", stall,
				 (char *)*state);
			drive(gadget, queued);
		}
	}
}

/* UHCI tells software of an ended transfer at the next frame, so a serial exchange costs a frame
 * for each of its three phases and a queued one a single frame. */
static void a_frame_for_each_phase(void **state)
{
	for (int queued = 0; queued < 2; queued++) {
		const struct msc_record *r;
		struct bench b;

		(void)state;
		open_bench(&b, "sim:reference,speed=full,host=uhci", queued);
		run(&b, tur, MSC_DIR_NONE, 0);
		r = run(&b, read10, MSC_DIR_IN, BLOCK);
		assert_int_equal(r->ended_ns - r->began_ns, queued ? MSC_MS : 3 * MSC_MS);
		for (size_t i = 0; i < r->u.exchange.n_steps; i++)
			assert_true(r->u.exchange.steps[i].naks >= 0);
		close_bench(&b);
	}
}

static void invalid_wrapper_and_back(void **state)
{
	for (int queued = 0; queued < 2; queued++) {
		struct msc_err err = MSC_ERR_INIT;
		const struct msc_record *r;
		struct msc_request rq;
		struct bench b;

		(void)state;
		open_bench(&b, "sim:reference", queued);
		msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
		rq.wrapper_len = 30;
		assert_int_equal(msc_session_exchange(b.session, &rq, &r, &err), 0);
		assert_non_null(msc_step_with(&r->u.exchange, MSC_STEP_CSW, MSC_OUT_STALL));
		assert_true(r->u.exchange.needs_reset);
		assert_int_equal(settle(&b), 1);
		close_bench(&b);
	}
}

/* A device that is pulled out ends the exchange with an error, wherever it was. */
static void unplugged(void **state)
{
	(void)state;
	for (int queued = 0; queued < 2; queued++) {
		struct msc_err err = MSC_ERR_INIT;
		const struct msc_record *r;
		struct msc_request rq;
		struct bench b;
		int result = 0;

		open_bench(&b, "sim:reference,unplug=60ms", queued);
		msc_request_init(&rq, read10, 10, MSC_DIR_IN, BLOCK);
		for (int i = 0; i < 1000 && !result; i++)
			result = msc_session_exchange(b.session, &rq, &r, &err);
		assert_int_equal(result, -1);
		assert_int_equal(err.code, MSC_E_GONE);
		assert_true(msc_now(b.target->clock) < 61 * MSC_MS);
		close_bench(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_device_in_both_modes, make_file, remove_file),
		cmocka_unit_test(a_frame_for_each_phase),
		cmocka_unit_test(invalid_wrapper_and_back),
		cmocka_unit_test(unplugged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
