/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: what may not leave does not, whoever sends it and in whatever pieces; what may, does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "gate_bench.h"

/* ---- one by one --------------------------------------------------------------------------- */

/* WRITE(10) to unit 0 unless the row says otherwise. */
static const struct {
	const char *what;
	bool leaves;
	uint8_t lun, cb[16];
	uint32_t length;
} rows[] = {
	{ "all of it", true, 0, { 0x2a, [5] = GATE_FIRST, [8] = GATE_COUNT }, GATE_COUNT * 512 },
	{ "its last block", true, 0, { 0x2a, [5] = GATE_FIRST + GATE_COUNT - 1, [8] = 1 }, 512 },
	{ "the block before", false, 0, { 0x2a, [5] = GATE_FIRST - 1, [8] = 1 }, 512 },
	{ "one too many",
	  false,
	  0,
	  { 0x2a, [5] = GATE_FIRST, [8] = GATE_COUNT + 1 },
	  (GATE_COUNT + 1) * 512 },
	{ "more data than blocks",
	  false,
	  0,
	  { 0x2a, [5] = GATE_FIRST, [8] = 1 },
	  (GATE_COUNT + 1) * 512 },
	{ "no blocks, and data", false, 0, { 0x2a, [5] = GATE_FIRST }, (GATE_COUNT + 1) * 512 },
	{ "no blocks, elsewhere", false, 0, { 0x2a, [5] = 1 }, 0 },
	{ "less data than blocks", true, 0, { 0x2a, [5] = GATE_FIRST, [8] = GATE_COUNT }, 512 },
	{ "another unit", false, 1, { 0x2a, [5] = GATE_FIRST, [8] = 1 }, 512 },
	{ "reserved bits of the unit", false, 0x10, { 0x2a, [5] = GATE_FIRST, [8] = 1 }, 512 },
	{ "another operation code", false, 0, { 0x2e, [5] = GATE_FIRST, [8] = 1 }, 512 },
	{ "WRITE(6)", true, 0, { 0x0a, [3] = GATE_FIRST, [4] = 1 }, 512 },
	{ "WRITE(6) of 0 blocks, which are 256", false, 0, { 0x0a, [3] = GATE_FIRST }, 0 },
	{ "WRITE(12)", true, 0, { 0xaa, [5] = GATE_FIRST, [9] = 1 }, 512 },
	{ "WRITE(16)", true, 0, { 0x8a, [9] = GATE_FIRST, [13] = 1 }, 512 },
	{ "WRITE(16) that wraps", false, 0,
	  { 0x8a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 2 }, 1024 },
	{ "COMPARE AND WRITE", false, 0, { 0x89, [9] = GATE_FIRST, [13] = 1 }, 1024 },
	{ "WRITE SAME", false, 0, { 0x41, [5] = GATE_FIRST, [8] = 1 }, 512 },
	{ "FORMAT UNIT", false, 0, { 0x04 }, 0 },
	{ "WRITE BUFFER, to download microcode", false, 0, { 0x3b, 0x05 }, 512 },
	{ "a vendor's", false, 0, { 0xc0 }, 0 },
	{ "READ(10)", true, 0, { 0x28, [8] = 1 }, 0 },
};

static void each_row(void **state)
{
	static const uint8_t data[(GATE_COUNT + 1) * 512];
	struct gate_bench b;
	unsigned id;

	(void)state;
	gate_open(&b, "", &gate_allowed);
	gate_permit(&b, 0, GATE_FIRST, GATE_COUNT, &id);
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_request rq;
		bool left;
		int rung;

		msc_request_init(&rq, rows[i].cb, 16, rows[i].length ? MSC_DIR_OUT : MSC_DIR_NONE,
				 rows[i].length);
		rq.cbw.h.lun = rows[i].lun;
		rq.out = data;
		left = msc_session_exchange(b.session, &rq, NULL, &err) == 0;
		if (left != rows[i].leaves)
			fail_msg("%s: %s", rows[i].what, left ? "left" : err.msg);
		if (!left)
			assert_int_equal(err.code, MSC_E_REFUSED);
		err = (struct msc_err)MSC_ERR_INIT;
		assert_int_equal(msc_session_settle(b.session, &rung, &err), 0);
		gate_check_medium(&b, rows[i].what);
	}
	gate_close(&b);
}

static void wrapper(uint8_t cbw[MSC_CBW_LEN], uint8_t opcode, uint8_t lba)
{
	struct msc_cbw c = { .h = { MSC_CBW_SIGNATURE, 1, 512, 0, 0, 10 },
			     .cb = { opcode, [5] = lba, [8] = 1 } };

	msc_cbw_pack(cbw, &c);
}

/* Bare bytes that a device may take for a CBW: whole, in pieces, one behind the other, and without a
 * signature. */
static void pieces(void **state)
{
	uint8_t cbw[2 * MSC_CBW_LEN + 100] = { 0 };
	struct gate_bench b;

	(void)state;
	gate_open(&b, "", &gate_allowed);
	for (size_t cut = 1; cut < MSC_CBW_LEN; cut++) {
		struct msc_err err = MSC_ERR_INIT;

		wrapper(cbw, 0x2a, 1);
		if (gate_poll(&b, cbw, cut, &err) == 0 &&
		    gate_poll(&b, cbw + cut, MSC_CBW_LEN - cut, &err) == 0)
			fail_msg("cut after %zu bytes it leaves", cut);
		assert_int_equal(err.code, MSC_E_REFUSED);
		err = (struct msc_err)MSC_ERR_INIT;
		assert_int_equal(msc_session_reset_recovery(b.session, NULL, &err), 0);
	}
	for (size_t at = 0; at < 64; at++) {
		struct msc_err err = MSC_ERR_INIT;

		memset(cbw, 0, sizeof cbw);
		wrapper(cbw, 0x28, 0);
		wrapper(cbw + at, 0x2a, 1);
		assert_int_equal(gate_poll(&b, cbw, at + MSC_CBW_LEN, &err), -1);
		assert_int_equal(err.code, MSC_E_REFUSED);
		/* Nothing has left, so the device owes nothing. */
		assert_false(msc_session_known(b.session)->needs_reset);
	}
	for (size_t len = 16; len < 64; len++) {
		struct msc_err err = MSC_ERR_INIT;

		memset(cbw, 0, sizeof cbw);
		wrapper(cbw, 0x2a, 1);
		cbw[0] ^= 1;
		assert_int_equal(gate_poll(&b, cbw, len, &err), -1);
		assert_int_equal(err.code, MSC_E_REFUSED);
	}
	gate_check_medium(&b, "pieces");
	gate_close(&b);
}

/* A byte stream that goes on behind a command that is harmless. */
static void data_that_is_none(void **state)
{
	static const uint8_t ready[16] = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	uint8_t data[1024] = { 0 };
	struct gate_bench b;

	(void)state;
	gate_open(&b, "", &gate_allowed);
	msc_request_init(&rq, ready, 6, MSC_DIR_OUT, sizeof data);
	rq.out = data;
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), 0);
	wrapper(data + 512, 0x2a, 1);
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), -1);
	assert_int_equal(err.code, MSC_E_REFUSED);
	gate_check_medium(&b, "data that is none");
	gate_close(&b);
}

static void without_leave(void **state)
{
	static const struct msc_session_options none = { .timeout_ns = MSC_S };
	static const uint8_t eject[6] = { 0x1b, [4] = 2 },
			     blocks[10] = { 0x2a, [5] = GATE_FIRST, [8] = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct gate_bench b;
	unsigned id;

	(void)state;
	gate_open(&b, "", &none);
	gate_permit(&b, 0, GATE_FIRST, GATE_COUNT, &id);
	msc_request_init(&rq, eject, 6, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), -1);
	assert_int_equal(err.code, MSC_E_REFUSED);
	assert_int_equal(err.sys, MSC_EFFECT_STATE);
	assert_string_equal(err.msg, "START STOP UNIT loej 1 (unit 0) is not sent: stops the "
				     "unit, or ejects or loads its medium; give --allow-writes to "
				     "allow it");
	err = (struct msc_err)MSC_ERR_INIT;
	msc_request_init(&rq, blocks, 10, MSC_DIR_OUT, 512);
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), -1);
	assert_int_equal(err.sys, MSC_EFFECT_BLOCKS);
	gate_close(&b);
}

static void a_permit_ends(void **state)
{
	static const uint8_t data[512], cdb[10] = { 0x2a, [5] = GATE_FIRST, [8] = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	unsigned id[40];
	struct gate_bench b;

	(void)state;
	gate_open(&b, "", &gate_allowed);
	for (size_t i = 0; i < MSC_COUNT(id); i++)
		gate_permit(&b, 0, GATE_FIRST + i % GATE_COUNT, 1, &id[i]);
	msc_request_init(&rq, cdb, 10, MSC_DIR_OUT, 512);
	rq.out = data;
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), 0);
	for (size_t i = 0; i < MSC_COUNT(id); i += GATE_COUNT)
		msc_gate_revoke(b.session, id[i]);
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), -1);
	gate_close(&b);
}

/* By name, and only with leave to write. */
static void unsafe_by_name(void **state)
{
	static const uint8_t ops[] = { 0x04 };
	const struct msc_session_options options[] = {
		{ .timeout_ns = MSC_S, .allow_writes = true, .allow_unsafe = true },
		{ .timeout_ns = MSC_S,
		  .allow_writes = true,
		  .allow_unsafe = true,
		  .unsafe = ops,
		  .n_unsafe = 1 },
		{ .timeout_ns = MSC_S, .allow_unsafe = true },
	};
	static const bool leaves[][3] = { { true, true, true }, { true, false, false }, { false } };
	static const uint8_t format[6] = { 0x04 }, vendor[6] = { 0xc0 };
	static const struct msc_setup request = { .request_type = 0x40, .request = 1 };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(options); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_request rq;
		struct gate_bench b;

		gate_open(&b, "", &options[i]);
		msc_request_init(&rq, format, 6, MSC_DIR_NONE, 0);
		assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err) == 0,
				 leaves[i][0]);
		err = (struct msc_err)MSC_ERR_INIT;
		msc_request_init(&rq, vendor, 6, MSC_DIR_NONE, 0);
		assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err) == 0,
				 leaves[i][1]);
		err = (struct msc_err)MSC_ERR_INIT;
		assert_int_equal(msc_session_control(b.session, &request, NULL, NULL, &err) == 0,
				 leaves[i][2]);
		gate_close(&b);
	}
}

static void requests(void **state)
{
	static const struct {
		struct msc_setup setup;
		enum msc_effect effect;
	} list[] = {
		{ { 0x80, 6, 0x0100, 0, 18 }, MSC_EFFECT_NONE },
		{ { 0x02, 1, 0, 0x81, 0 }, MSC_EFFECT_NONE },
		{ { 0x02, 3, 0, 0x81, 0 }, MSC_EFFECT_NONE },
		{ { 0x00, 3, 2, 0x0100, 0 }, MSC_EFFECT_UNSAFE }, /* TEST_MODE */
		{ { 0x00, 9, 1, 0, 0 }, MSC_EFFECT_NONE },
		{ { 0x01, 11, 0, 0, 0 }, MSC_EFFECT_NONE },
		{ { 0x00, 5, 9, 0, 0 }, MSC_EFFECT_UNSAFE }, /* SET_ADDRESS: the host's own */
		{ { 0x00, 7, 0x0100, 0, 18 }, MSC_EFFECT_UNSAFE },
		{ { 0xa1, 0xfe, 0, 0, 1 }, MSC_EFFECT_NONE },
		{ { 0x21, 0xff, 0, 0, 0 }, MSC_EFFECT_NONE },
		{ { 0x21, 1, 0, 0, 64 }, MSC_EFFECT_UNSAFE }, /* the download of DFU */
		{ { 0x40, 0, 0, 0, 0 }, MSC_EFFECT_UNSAFE },
		{ { 0xc0, 0, 0, 0, 1 }, MSC_EFFECT_UNSAFE },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(list); i++)
		if (msc_gate_request_effect(&list[i].setup, NULL) != list[i].effect)
			fail_msg("row %zu", i);
}

/* The simulated medium is watched without the gate's help: where the gate lets a write through that no
 * permit covers, the run is over. */
static void the_medium_is_watched(void **state)
{
	static const struct {
		const char *knobs;
		uint8_t lba, blocks;
		bool ends;
	} list[] = {
		{ "", GATE_FIRST, GATE_COUNT, false },
		{ "", GATE_FIRST, GATE_COUNT + 1, true },
		{ "", GATE_FIRST - 1, 1, true },
		{ "", 0, 1, true },
		{ ",fault=byte-address-32-write", 0, 1, true },
		/* The firmware was told of another block than the host has named. */
		{ ",fault=lba-start-only", GATE_BLOCKS - 1, 2, false },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(list); i++) {
		struct msc_cbw c = { .h = { MSC_CBW_SIGNATURE, 1, list[i].blocks * 512u, 0, 0, 10 },
				     .cb = { 0x2a, [5] = list[i].lba, [8] = list[i].blocks } };
		uint8_t wrapper[MSC_CBW_LEN], data[16 * 512] = { 0 }, csw[64];
		struct msc_err err = MSC_ERR_INIT;
		struct gate_bench b;
		struct msc_xfer x[3] = { { .data = wrapper, .len = sizeof wrapper },
					 { .data = data, .len = c.h.length },
					 { .data = csw, .len = sizeof csw } };
		unsigned id;
		int rc = 0;

		gate_open(&b, list[i].knobs, &gate_allowed);
		gate_permit(&b, 0, GATE_FIRST, GATE_COUNT, &id);
		msc_cbw_pack(wrapper, &c);
		b.target->filter = NULL; /* the gate is open */
		x[0].ep = x[1].ep = b.target->device.ep_out;
		x[2].ep = b.target->device.ep_in;
		for (size_t k = 0; k < MSC_COUNT(x) && rc == 0; k++)
			rc = msc_transfer(b.target, &x[k], MSC_S, &err);
		if (rc != (list[i].ends ? -1 : 0) || err.code != (rc ? MSC_E_INTERNAL : MSC_OK))
			fail_msg("row %zu: %s", i, err.msg);
		gate_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(pieces),
		cmocka_unit_test(data_that_is_none),
		cmocka_unit_test(without_leave),
		cmocka_unit_test(a_permit_ends),
		cmocka_unit_test(unsafe_by_name),
		cmocka_unit_test(requests),
		cmocka_unit_test(the_medium_is_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
