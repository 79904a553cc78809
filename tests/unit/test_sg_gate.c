/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole commands: the gate lets through of them what it would as CBWs, and no more; and what the driver
 * does by itself. The kernel's side is kernel_path.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gate_bench.h"
#include "kernel_path.h"
#include "scenario_bench.h"

/* ---- benches ----------------------------------------------------------------------------------- */

static void open_kernel(struct gate_bench *b, const char *knobs,
			const struct msc_session_options *o)
{
	struct msc_err err = MSC_ERR_INIT;
	char name[160];

	gate_make_medium(b);
	snprintf(name, sizeof name, "sim:reference,luns=2,file=%s%s", b->path, knobs);
	b->target = kernel_path_open(name, &err);
	if (!b->target)
		fail_msg("%s: %s", name, err.msg);
	b->session = msc_session_new(b->target, o);
	assert_non_null(b->session);
	assert_int_equal(msc_session_learn(b->session, 0, &err), 0);
}

static unsigned sent(const struct gate_bench *b)
{
	return kernel_path_count(b->target).commands;
}

/* ---- the same gate ----------------------------------------------------------------------------- */

#define TRIES 4000

/* An honest request, of any kind. */
static void some_request(struct msc_rng *r, struct msc_request *rq, uint8_t data[4096])
{
	static const uint8_t likely[] = {
		0x2a, 0x0a, 0xaa, 0x8a, 0x2e, 0x28, 0x00, 0x12, 0x1b, 0x35
	};
	uint8_t cdb[MSC_CBW_CB_MAX] = { 0 }, lba = (uint8_t)msc_rng_below(r, GATE_BLOCKS);
	uint8_t blocks = (uint8_t)msc_rng_below(r, 8);
	enum msc_dir dir = (enum msc_dir)msc_rng_below(r, 3);
	uint32_t length = dir ? blocks * 512u : 0;

	cdb[0] = msc_rng_below(r, 2) ? likely[msc_rng_below(r, sizeof likely)]
				     : (uint8_t)msc_rng_below(r, 256);
	if (!msc_rng_below(r, 2))
		lba = GATE_FIRST + lba % GATE_COUNT;
	switch (cdb[0] >> 5) {
	case 0: cdb[3] = lba, cdb[4] = blocks; break;
	case 1:
	case 2: cdb[5] = lba, cdb[8] = blocks; break;
	case 4: cdb[9] = lba, cdb[13] = blocks; break;
	default: cdb[5] = lba, cdb[9] = blocks; break;
	}
	if (!msc_rng_below(r, 8))
		cdb[msc_rng_below(r, 16)] = (uint8_t)msc_rng_below(r, 256);
	if (dir && !msc_rng_below(r, 4))
		length = 1 + (uint32_t)msc_rng_below(r, 4096);
	msc_request_init(rq, cdb, 16, dir, length);
	memset(data, 0, 4096);
	/* A device that does not take the data takes this for a command. */
	if (!msc_rng_below(r, 3)) {
		struct msc_cbw w = { .h = { MSC_CBW_SIGNATURE, 1, 512, 0, 0, 10 },
				     .cb = { 0x2a, [5] = (uint8_t)msc_rng_below(r, 256), [8] = 1 } };

		msc_cbw_pack(data + msc_rng_below(r, 4096 - MSC_CBW_LEN), &w);
	}
	rq->out = data;
	rq->timeout_ns = 20 * MSC_MS;
}

static void try_both(struct gate_bench *usb, struct gate_bench *kernel,
		     const struct msc_request *rq, unsigned *refused)
{
	struct msc_err by_usb = MSC_ERR_INIT, by_kernel = MSC_ERR_INIT;
	unsigned before = sent(kernel);

	(void)!msc_session_exchange(usb->session, rq, NULL, &by_usb);
	(void)!msc_session_exchange(kernel->session, rq, NULL, &by_kernel);
	assert_int_not_equal(by_usb.code, MSC_E_INTERNAL);
	if (by_kernel.code == MSC_E_UNSUPPORTED) { /* a REQUEST SENSE that comes too late */
		assert_int_equal(sent(kernel), before);
		return;
	}
	if ((by_usb.code == MSC_E_REFUSED) != (by_kernel.code == MSC_E_REFUSED) ||
	    (by_usb.code == MSC_E_REFUSED && strcmp(by_usb.msg, by_kernel.msg)))
		fail_msg("%02x %02x %02x: '%s' by USB, '%s' by the kernel", rq->cbw.cb[0],
			 rq->cbw.cb[1], rq->cbw.cb[2], by_usb.msg, by_kernel.msg);
	if (by_kernel.code == MSC_E_REFUSED) {
		assert_int_equal(by_usb.sys, by_kernel.sys);
		assert_int_equal(sent(kernel), before);
		++*refused;
	}
	msc_session_forget(usb->session);
	msc_session_forget(kernel->session);
}

static void one_gate(void **state)
{
	static const uint8_t some[] = { 0x04, 0x3b };
	static const struct msc_session_options leave[] = {
		{ .timeout_ns = MSC_S },
		{ .timeout_ns = MSC_S, .allow_writes = true },
		{ .timeout_ns = MSC_S,
		  .allow_writes = true,
		  .allow_unsafe = true,
		  .unsafe = some,
		  .n_unsafe = sizeof some },
		{ .timeout_ns = MSC_S, .allow_writes = true, .allow_unsafe = true },
	};
	static uint8_t data[4096];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(leave); i++) {
		struct gate_bench usb, kernel;
		struct msc_rng r = { i };
		struct msc_request rq;
		unsigned id, refused = 0;

		gate_open(&usb, "", &leave[i]);
		open_kernel(&kernel, "", &leave[i]);
		gate_permit(&usb, 0, GATE_FIRST, GATE_COUNT, &id);
		gate_permit(&kernel, 0, GATE_FIRST, GATE_COUNT, &id);
		for (unsigned k = 0; k < TRIES; k++) {
			some_request(&r, &rq, data);
			try_both(&usb, &kernel, &rq, &refused);
		}
		assert_true(refused > TRIES / 10 || leave[i].allow_unsafe);
		assert_true(sent(&kernel) > TRIES / 10);
		if (!leave[i].allow_unsafe)
			gate_check_medium(&kernel, "kernel");
		gate_close(&usb);
		gate_close(&kernel);
	}
}

/* Without a session nothing is saved, so nothing that changes anything leaves. */
static void no_session(void **state)
{
	const uint8_t ready[6] = { 0 }, write[10] = { 0x2a, [8] = 1 };
	struct msc_command good = { .cdb = ready, .cdb_len = 6 };
	struct msc_command bad = { .cdb = write, .cdb_len = 10 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = kernel_path_open("sim:reference", &err);

	(void)state;
	assert_non_null(t);
	assert_int_equal(msc_command(t, &bad, MSC_S, &err), -1);
	assert_int_equal(err.code, MSC_E_REFUSED);
	assert_int_equal(kernel_path_count(t).commands, 0);
	err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(msc_command(t, &good, MSC_S, &err), 0);
	msc_target_close(t);
}

/* ---- the driver -------------------------------------------------------------------------------- */

static const struct msc_session_options reading = { .timeout_ns = MSC_S };
static const uint8_t past_end[MSC_CBW_CB_MAX] = { 0x28, 0, 0, 1, 0, 0, 0, 0, 1 };

static const struct msc_exchange *exchange(struct gate_bench *b, const struct msc_request *rq)
{
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;

	if (msc_session_exchange(b->session, rq, &r, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(r->u.exchange.whole);
	return &r->u.exchange;
}

/* The REQUEST SENSE that comes next is answered with what the kernel was told, and none goes out. */
static void why_it_failed(void **state)
{
	struct msc_sense_data sense;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct gate_bench b;
	unsigned before;

	(void)state;
	open_kernel(&b, "", &reading);
	for (int again = 0; again < 2; again++) {
		msc_request_init(&rq, past_end, 10, MSC_DIR_IN, 512);
		assert_int_equal(exchange(&b, &rq)->scsi_status, MSC_CHECK_CONDITION);
		before = sent(&b);
		assert_int_equal(msc_session_sense(b.session, 0, &sense, &err), 0);
		assert_true(sense.valid && sense.key == 5 && sense.asc == 0x21);
		assert_int_equal(sent(&b), before);
		assert_true(msc_session_last(b.session)->u.exchange.fetched);
		/* Once: the next is the device's own answer. */
		assert_int_equal(msc_session_sense(b.session, 0, &sense, &err), 0);
		assert_true(sense.valid && !sense.key);
		assert_int_equal(sent(&b), before + 1);
	}
	/* Nor when another command came between. */
	msc_request_init(&rq, past_end, 10, MSC_DIR_IN, 512);
	exchange(&b, &rq);
	msc_request_blocks(&rq, false, 0, 0, 1, 512);
	assert_true(msc_exchange_passed(exchange(&b, &rq)));
	before = sent(&b);
	assert_int_equal(msc_session_sense(b.session, 0, &sense, &err), 0);
	assert_true(sense.valid && !sense.key);
	assert_int_equal(sent(&b), before + 1);
	gate_close(&b);
}

static void another_length_comes_too_late(void **state)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_REQUEST_SENSE, [4] = 14 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct gate_bench b;

	(void)state;
	open_kernel(&b, "", &reading);
	msc_request_init(&rq, past_end, 10, MSC_DIR_IN, 512);
	exchange(&b, &rq);
	msc_request_init(&rq, cdb, 6, MSC_DIR_IN, 14);
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), -1);
	assert_int_equal(err.code, MSC_E_UNSUPPORTED);
	assert_string_equal(err.msg,
			    "REQUEST SENSE of 14 bytes comes too late: the kernel has asked "
			    "/dev/sdz already");
	assert_false(msc_session_known(b.session)->unclean);
	gate_close(&b);
}

/* What only a wrapper or an endpoint could carry is not sent without it. */
static void lies(void **state)
{
	static const uint8_t raw[MSC_CBW_LEN] = { 0 };
	struct gate_bench b;

	(void)state;
	open_kernel(&b, "", &reading);
	for (int i = 0; i < 13; i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_request rq;
		unsigned before = sent(&b);

		msc_request_blocks(&rq, false, 0, 0, 1, 512);
		switch (i) {
		case 0: rq.raw = raw, rq.raw_len = sizeof raw; break;
		case 1: rq.wrapper_len = 30; break;
		case 2: rq.keep_tag = true; break;
		case 3: rq.cbw.h.signature++; break;
		case 4: rq.cbw.h.flags |= 1; break;
		case 5: rq.cbw.h.lun = 1; break;
		case 6: rq.cbw.h.cb_length = 17; break;
		case 7: rq.cbw.h.cb_length = 0; break;
		case 8: rq.in_len = 13; break;
		case 9: rq.early = true; break;
		case 10: rq.leave = true; break;
		case 11: rq.clear_after_ns = 1; break;
		case 12: rq.out_split = 64; break;
		}
		if (msc_session_exchange(b.session, &rq, NULL, &err) == 0 ||
		    err.code != MSC_E_UNSUPPORTED || !strstr(err.msg, KERNEL_PATH_NODE) ||
		    sent(&b) != before)
			fail_msg("lie %d: '%s'", i, err.msg);
		assert_false(msc_session_known(b.session)->unclean);
	}
	gate_close(&b);
}

/* Whatever needs an endpoint says so; the ladder of msc_session_settle needs none. */
static void endpoints(void **state)
{
	const struct msc_setup setup = { .request_type = MSC_REQTYPE_IN, .length = 2 };
	struct msc_err e[6] = { MSC_ERR_INIT, MSC_ERR_INIT, MSC_ERR_INIT,
				MSC_ERR_INIT, MSC_ERR_INIT, MSC_ERR_INIT };
	struct msc_err err = MSC_ERR_INIT;
	struct gate_bench b;
	uint8_t max_lun = 9;
	bool works = true;
	char why[128];
	int rung = 9;

	(void)state;
	open_kernel(&b, "", &reading);
	assert_int_equal(msc_session_control(b.session, &setup, NULL, NULL, &e[0]), -1);
	assert_int_equal(msc_session_poll(b.session, 0x81, NULL, 64, MSC_MS, NULL, &e[1]), -1);
	assert_int_equal(msc_session_clear_halt(b.session, 0x81, NULL, &e[2]), -1);
	assert_int_equal(msc_session_reset_recovery(b.session, NULL, &e[3]), -1);
	assert_int_equal(msc_session_port_reset(b.session, NULL, &e[4]), -1);
	assert_int_equal(msc_session_configure(b.session, NULL, &e[5]), -1);
	for (size_t i = 0; i < MSC_COUNT(e); i++)
		assert_int_equal(e[i].code, MSC_E_UNSUPPORTED);
	assert_int_equal(msc_session_max_lun(b.session, &max_lun, &err), 0);
	assert_int_equal(max_lun, 0);
	assert_int_equal(msc_session_probe_queued(b.session, &works, why, sizeof why, &err), 0);
	assert_false(works);
	assert_string_equal(why, "the kernel's SCSI path takes one command after the other");
	assert_int_equal(msc_session_settle(b.session, &rung, &err), 0);
	assert_int_equal(rung, 0);
	gate_close(&b);
}

/* A time-out is no status, nor a debt of the host's; it counts as a hang, and later as a reset. */
static void no_status(void **state)
{
	static const uint8_t mode[MSC_CBW_CB_MAX] = { 0x5a, [2] = 0x3f, [8] = 192 };
	const struct msc_exchange *x;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct gate_bench b;
	int rung;

	(void)state;
	open_kernel(&b, ",fault=hang-mode-sense-10", &reading);
	msc_request_init(&rq, mode, 10, MSC_DIR_IN, 192);
	x = exchange(&b, &rq);
	assert_int_equal(x->outcome, MSC_OUT_TIMEOUT);
	assert_false(msc_csw_is_valid(x) || msc_exchange_passed(x) || msc_exchange_ended(x));
	assert_int_equal(x->csw.status, 0xff); /* nobody takes it for passed */
	assert_false(x->needs_reset || x->answered || msc_session_known(b.session)->unclean ||
		     msc_session_known(b.session)->owed);
	assert_true(msc_session_known(b.session)->past.reset);
	assert_false(msc_session_known(b.session)->past.awaits_recovery); /* that has been done */
	assert_int_equal(msc_session_settle(b.session, &rung, &err), 0);
	assert_int_equal(rung, 0);
	gate_close(&b);
}

/* ---- scenarios --------------------------------------------------------------------------------- */

static void run_yaml(const char *sim, const char *yaml, struct seen *s)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = kernel_path_open(sim, &err);

	assert_non_null(t);
	*s = case_fresh();
	assert_int_equal(case_run_on(t, yaml, false, s), 0);
	case_done(s);
	msc_target_close(t);
}

static void scenarios(void **state)
{
	static const char lacks[] = "needs the device's own endpoints: the kernel's SCSI path "
				    "(/dev/sdz) sends command blocks only";
	static const char *const steps[] = {
		STEPS "  - wrapper: 00\n",
		STEPS "  - get_max_lun\n",
		STEPS "  - enumerate\n",
		STEPS "  - configure\n",
		STEPS "  - poll: { endpoint: in }\n",
		STEPS "  - clear_halt: in\n",
		STEPS "  - reset_recovery\n",
		STEPS "  - repeat: 2\n    do:\n      - port_reset\n",
		STEPS INQUIRY "    cbw: { tag: 1 }\n",
		STEPS INQUIRY "    cbw: { length: 36 }\n",
		STEPS INQUIRY "    cbw: { lun: 1 }\n",
		STEPS INQUIRY "    expect: { status: phase_error }\n",
		STEPS "  - command: { read10: { lba: max_packet, blocks: 1 } }\n",
		STEPS "  - command: { start_stop_unit: { loej: 1 } }\n",
		HEAD "needs: endpoints\nsteps:\n" INQUIRY,
	};
	struct seen s;

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(steps); i++) {
		run_yaml("sim:reference", steps[i], &s);
		if (s.verdict != MSC_VERDICT_SKIP || strcmp(s.reason, lacks))
			fail_msg("%s: %s: %s", steps[i], msc_verdict_name(s.verdict), s.reason);
	}
	run_yaml("sim:reference", STEPS INQUIRY "    expect: { status: passed, residue: 0 }\n", &s);
	assert_int_equal(s.verdict, MSC_VERDICT_PASS);
	run_yaml("sim:reference",
		 STEPS
		 "  - command: \"12 00 00 00 24 00\"\n    cbw: { direction: in, length: 36 }\n",
		 &s);
	assert_int_equal(s.verdict, MSC_VERDICT_PASS);
	run_yaml("sim:reference,fault=hang-mode-sense-10",
		 STEPS "  - command: { mode_sense10: { page: 0x3f, alloc: 192 } }\n" INQUIRY, &s);
	assert_int_equal(s.verdict, MSC_VERDICT_FAIL);
	assert_string_equal(s.rule, "expect.status");
	assert_string_equal(s.actual, "time-out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_gate),
		cmocka_unit_test(no_session),
		cmocka_unit_test(why_it_failed),
		cmocka_unit_test(another_length_comes_too_late),
		cmocka_unit_test(lies),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(no_status),
		cmocka_unit_test(scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
