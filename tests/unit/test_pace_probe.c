/* SPDX-License-Identifier: BSD-2-Clause */
/* The probe of mscope pace on simulated devices: what it collects, that it is bounded, and that it
 * leaves a device as it found it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pace_device.h"

struct bench {
	struct msc_target *target;
	struct msc_session *session;
	struct msc_pace_samples samples;
	struct msc_pace pace;
	struct msc_err err;
};

static void open_bench(struct bench *b, const char *name)
{
	const struct msc_session_options queued = { .queued = true,
						    .allow_writes = true,
						    .allow_unsafe = true };
	struct msc_open_options options = { .allow_writes = true };

	*b = (struct bench){ .err = MSC_ERR_INIT };
	b->target = msc_target_open(name, &options, &b->err);
	if (!b->target)
		fail_msg("%s: %s", name, b->err.msg);
	b->session = msc_session_new(b->target, &queued);
	assert_non_null(b->session);
	if (msc_session_learn(b->session, 0, &b->err) < 0)
		fail_msg("%s: %s", name, b->err.msg);
}

static void close_bench(struct bench *b)
{
	msc_pace_samples_free(&b->samples);
	msc_session_free(b->session);
	msc_target_close(b->target);
}

static const struct msc_pace_options both = { .serial = true, .queued = true };

static bool answers(struct bench *b)
{
	static const uint8_t cdb[6] = { MSC_OP_TEST_UNIT_READY };
	const struct msc_record *r;
	struct msc_request rq;

	msc_request_init(&rq, cdb, sizeof cdb, MSC_DIR_NONE, 0);
	return msc_session_exchange(b->session, &rq, &r, &b->err) == 0 &&
	       msc_csw_is_valid(&r->u.exchange);
}

/* ---- what is found -------------------------------------------------------------------------------- */

static void test_bottlenecks_of_simulated_devices(void **state)
{
	static const char *const rows[][2] = {
		{ "sim:reference,speed=full", "bus-bound" },
		{ "sim:reference", "bus-bound" },
		{ "sim:reference,speed=full,card-read=700us", "medium-in-interrupt" },
		{ "sim:stm32,stage=cube", "medium-in-interrupt" },
		{ "sim:stm32,stage=async", "single-buffered" },
		{ "sim:stm32,stage=double", "tick-bound" },
		{ "sim:stm32,stage=single-block", "tick-bound" },
		{ "sim:stm32,stage=yield", "medium-bound" },
		{ "sim:stm32,stage=cube,card=c10-8g,host=xhci", "medium-in-interrupt" },
		{ "sim:stm32,stage=async,card=sd-32g,seed=9", "single-buffered" },
		{ "sim:stm32,stage=double,card=c10-8g,drift=80", "tick-bound" },
		{ "sim:stm32,stage=single-block,card=sd-32g,tick=2ms", "tick-bound" },
		{ "sim:stm32,stage=yield,card=sd-32g,read-wait=400us,seed=4", "medium-bound" },
		{ "sim:stm32,stage=double,tick=0ms", "medium-bound" },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct bench b;
		const char *id = "nothing";

		open_bench(&b, rows[i][0]);
		if (msc_pace_probe(b.session, &both, &b.samples, &b.err) < 0 ||
		    msc_pace_analyse(&b.samples, &both, &b.pace, &b.err) < 0)
			fail_msg("%s: %s", rows[i][0], b.err.msg);
		if (b.pace.n_diagnosis)
			id = msc_diagnosis_ids[b.pace.diagnosis[0].id];
		if (!pace_names_first(&b.pace, rows[i][1]))
			fail_msg("%s: %s, expected %s", rows[i][0], id, rows[i][1]);
		assert_true(answers(&b));
		close_bench(&b);
	}
}

static void test_what_is_collected(void **state)
{
	struct msc_pace_options o = {
		.queued = true, .blocks = { 2, 5 }, .n_blocks = 2, .count = 7
	};
	size_t n[6][MSC_PACE_SETS] = { { 0 } };
	struct bench b;

	(void)state;
	open_bench(&b, "sim:stm32");
	assert_int_equal(msc_pace_probe(b.session, &o, &b.samples, &b.err), 0);
	for (size_t i = 0; i < b.samples.n_commands; i++) {
		const struct msc_pace_command *c = &b.samples.commands[i];

		assert_true(c->blocks == 0 || c->blocks == 2 || c->blocks == 5);
		n[c->blocks][c->set]++;
		assert_true(c->began_ns <= c->cbw_ns && c->cbw_ns <= c->data_ns &&
			    c->data_ns <= c->csw_ns);
		assert_true(c->naks >= 0);
	}
	for (int set = 0; set < MSC_PACE_SETS; set++)
		assert_true(n[0][set] == 7 && n[2][set] == 7 && n[5][set] == 7);
	assert_true(b.samples.n_streams > 100 && b.samples.n_requests > 100);
	for (size_t i = 0; i < b.samples.n_streams; i++) {
		const struct msc_pace_stream *x = &b.samples.streams[i];

		assert_int_equal(x->pieces, x->blocks * 8);
		for (size_t k = 1; k < x->pieces; k++)
			assert_true(x->seen_ns[k - 1] <= x->seen_ns[k]);
		assert_true(x->seen_ns[x->pieces - 1] <= x->csw_ns);
		assert_true(!x->paused ||
			    (x->resumed_ns > x->seen_ns[7] && x->resumed_ns < x->seen_ns[8]));
	}
	assert_true(b.samples.picture.pieces > 0);
	close_bench(&b);
}

static void test_two_runs_are_the_same(void **state)
{
	struct bench a, b;

	(void)state;
	open_bench(&a, "sim:stm32,stage=double");
	open_bench(&b, "sim:stm32,stage=double");
	assert_int_equal(msc_pace_probe(a.session, &both, &a.samples, &a.err), 0);
	assert_int_equal(msc_pace_probe(b.session, &both, &b.samples, &b.err), 0);
	assert_int_equal(a.samples.n_commands, b.samples.n_commands);
	assert_memory_equal(a.samples.commands, b.samples.commands,
			    a.samples.n_commands * sizeof *a.samples.commands);
	assert_int_equal(a.samples.n_requests, b.samples.n_requests);
	close_bench(&a);
	close_bench(&b);
}

/* ---- devices that do not play along ---------------------------------------------------------------- */

static void test_failures_end_it_and_are_told(void **state)
{
	static const char *const rows[][2] = {
		{ "sim:reference,speed=full,fault=data-missing", "ended early" },
		{ "sim:reference,speed=full,fault=hang-long-read", "time-out" },
		{ "sim:reference,speed=full,fault=stall-needless", "STALL" },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct bench b;
		int64_t began;

		open_bench(&b, rows[i][0]);
		began = msc_now(b.target->clock);
		if (msc_pace_probe(b.session, &both, &b.samples, &b.err) < 0)
			fail_msg("%s: %s", rows[i][0], b.err.msg);
		if (!strstr(b.samples.failure, rows[i][1]))
			fail_msg("%s: '%s', expected '%s'", rows[i][0], b.samples.failure,
				 rows[i][1]);
		assert_true(msc_now(b.target->clock) - began < 120 * MSC_S);
		assert_int_equal(msc_pace_analyse(&b.samples, &both, &b.pace, &b.err), 0);
		assert_true(answers(&b));
		close_bench(&b);
	}
}

/* As the host engine forgives it, and every host. */
static void test_empty_packet_before_the_csw(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference,speed=full,fault=zlp-before-csw");
	assert_int_equal(msc_pace_probe(b.session, &both, &b.samples, &b.err), 0);
	assert_string_equal(b.samples.failure, "");
	assert_true(b.samples.n_streams > 0);
	for (size_t i = 0; i < b.samples.n_streams; i++) {
		const struct msc_pace_stream *x = &b.samples.streams[i];

		assert_true(x->csw_ns > x->seen_ns[x->pieces - 1]);
		assert_true(x->status_ns >= x->asked_ns && x->cbw_ns >= x->began_ns);
	}
	close_bench(&b);
}

static void test_small_media(void **state)
{
	static const char *const names[] = { "sim:reference,blocks=1", "sim:reference,blocks=2",
					     "sim:reference,blocks=9,speed=full",
					     "sim:reference,blocks=40,block-size=4096" };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(names); i++) {
		struct bench b;

		open_bench(&b, names[i]);
		assert_int_equal(msc_pace_probe(b.session, &both, &b.samples, &b.err), 0);
		assert_string_equal(b.samples.failure, "");
		assert_int_equal(msc_pace_analyse(&b.samples, &both, &b.pace, &b.err), 0);
		close_bench(&b);
	}
}

static void test_refusals(void **state)
{
	struct msc_pace_options beyond = both;
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference,medium=0");
	assert_int_equal(msc_pace_probe(b.session, &both, &b.samples, &b.err), -1);
	assert_int_equal(b.err.code, MSC_E_UNSUPPORTED);
	close_bench(&b);
	open_bench(&b, "sim:reference,blocks=100");
	beyond.first_lba = 100;
	assert_int_equal(msc_pace_probe(b.session, &beyond, &b.samples, &b.err), -1);
	assert_int_equal(b.err.code, MSC_E_USAGE);
	close_bench(&b);
}

static void test_unplugged(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "sim:stm32,unplug=3s");
	assert_int_equal(msc_pace_probe(b.session, &both, &b.samples, &b.err), -1);
	assert_int_equal(b.err.code, MSC_E_GONE);
	assert_true(b.samples.n_commands > 0);
	close_bench(&b);
}

/* ---- Ctrl-C ----------------------------------------------------------------------------------------- */

static bool stop(void *left)
{
	return --*(int *)left < 0;
}

static void test_stopped_anywhere(void **state)
{
	(void)state;
	for (int after = 0; after < 30000; after = after * 3 + 1) {
		struct msc_pace_options o = both;
		struct bench b;
		int left = after;

		open_bench(&b, "sim:stm32,stage=async");
		o.stop = stop;
		o.user = &left;
		msc_session_set_stop(b.session, stop, &left);
		if (msc_pace_probe(b.session, &o, &b.samples, &b.err) == 0) {
			close_bench(&b);
			break;
		}
		assert_int_equal(b.err.code, MSC_E_INTERRUPTED);
		msc_session_free(b.session); /* brings the device back */
		b.session =
			msc_session_new(b.target, &(struct msc_session_options){ .queued = false });
		b.err = (struct msc_err)MSC_ERR_INIT;
		assert_true(answers(&b));
		close_bench(&b);
	}
}

/* ---- writes ----------------------------------------------------------------------------------------- */

static void test_writes(void **state)
{
	uint8_t *data = calloc(64, 512);
	struct bench b;

	(void)state;
	assert_non_null(data);
	open_bench(&b, "sim:stm32,seed=3");
	assert_int_equal(
		msc_pace_probe_writes(b.session, &both, 1000, 64, data, &b.samples, &b.err), 0);
	assert_true(b.samples.n_writes > 50);
	assert_int_equal(msc_pace_analyse(&b.samples, &both, &b.pace, &b.err), 0);
	assert_int_equal(b.pace.writes, b.samples.n_writes);
	close_bench(&b);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bottlenecks_of_simulated_devices),
		cmocka_unit_test(test_what_is_collected),
		cmocka_unit_test(test_two_runs_are_the_same),
		cmocka_unit_test(test_failures_end_it_and_are_told),
		cmocka_unit_test(test_empty_packet_before_the_csw),
		cmocka_unit_test(test_small_media),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_unplugged),
		cmocka_unit_test(test_stopped_anywhere),
		cmocka_unit_test(test_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
