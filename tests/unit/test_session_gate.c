/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: what may not leave does not, whoever sends it and in whatever pieces; what may, does. The
 * medium is a file, so that a test sees what was really written. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/rng.h"
#include "mscope.h"
#include "scenario_bench.h"
#include "session/gate.h"

#define BLOCKS 256
#define SIZE   (BLOCKS * 512)
#define FIRST  100 /* of what is permitted */
#define COUNT  8

static const uint8_t writes[] = { 0x0a, 0x2a, 0xaa, 0x8a };

struct bench {
	char path[32];
	struct msc_target *target;
	struct msc_session *session;
	uint8_t before[SIZE];
};

static void read_medium(const struct bench *b, uint8_t medium[SIZE])
{
	FILE *f = fopen(b->path, "rb");

	assert_non_null(f);
	assert_int_equal(fread(medium, 1, SIZE, f), SIZE);
	fclose(f);
}

static void make_medium(struct bench *b)
{
	int fd;

	strcpy(b->path, "/tmp/mscope-gate-XXXXXX");
	fd = mkstemp(b->path);
	assert_true(fd >= 0);
	for (size_t i = 0; i < SIZE; i++)
		b->before[i] = (uint8_t)(i * 7 + i / 512);
	assert_int_equal(write(fd, b->before, SIZE), SIZE);
	close(fd);
}

static void open_bench(struct bench *b, const char *knobs, const struct msc_session_options *o)
{
	const struct msc_open_options open = { .allow_writes = true };
	struct msc_err err = MSC_ERR_INIT;
	char name[160];

	make_medium(b);
	snprintf(name, sizeof name, "sim:reference,luns=2,file=%s%s", b->path, knobs);
	b->target = msc_target_open(name, &open, &err);
	if (!b->target)
		fail_msg("%s: %s", name, err.msg);
	b->session = msc_session_new(b->target, o);
	assert_non_null(b->session);
	assert_int_equal(msc_session_learn(b->session, 0, &err), 0);
}

static void permit(struct bench *b, uint8_t lun, uint64_t first, uint64_t blocks, unsigned *id)
{
	const struct msc_permit p = { .lun = lun,
				      .first = first,
				      .blocks = blocks,
				      .block_size = 512,
				      .opcodes = writes,
				      .n_opcodes = sizeof writes };
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_gate_permit(b->session, &p, id, &err), 0);
}

static void close_bench(struct bench *b)
{
	msc_session_free(b->session);
	msc_target_close(b->target);
	unlink(b->path);
}

/* Fails the test when a block outside of what was permitted is not as it was. */
static void check_medium(const struct bench *b, const char *what)
{
	static uint8_t now[SIZE];

	read_medium(b, now);
	for (size_t i = 0; i < BLOCKS; i++)
		if ((i < FIRST || i >= FIRST + COUNT) &&
		    memcmp(now + i * 512, b->before + i * 512, 512) != 0)
			fail_msg("%s: block %zu was written", what, i);
}

/* ---- one by one --------------------------------------------------------------------------- */

static const struct msc_session_options allowed = { .timeout_ns = MSC_S, .allow_writes = true };

/* WRITE(10) to unit 0 unless the row says otherwise. */
static const struct {
	const char *what;
	bool leaves;
	uint8_t lun, cb[16];
	uint32_t length;
} rows[] = {
	{ "all of it", true, 0, { 0x2a, [5] = FIRST, [8] = COUNT }, COUNT * 512 },
	{ "its last block", true, 0, { 0x2a, [5] = FIRST + COUNT - 1, [8] = 1 }, 512 },
	{ "the block before", false, 0, { 0x2a, [5] = FIRST - 1, [8] = 1 }, 512 },
	{ "one too many", false, 0, { 0x2a, [5] = FIRST, [8] = COUNT + 1 }, (COUNT + 1) * 512 },
	{ "more data than blocks", false, 0, { 0x2a, [5] = FIRST, [8] = 1 }, (COUNT + 1) * 512 },
	{ "no blocks, and data", false, 0, { 0x2a, [5] = FIRST }, (COUNT + 1) * 512 },
	{ "no blocks, elsewhere", false, 0, { 0x2a, [5] = 1 }, 0 },
	{ "less data than blocks", true, 0, { 0x2a, [5] = FIRST, [8] = COUNT }, 512 },
	{ "another unit", false, 1, { 0x2a, [5] = FIRST, [8] = 1 }, 512 },
	{ "reserved bits of the unit", false, 0x10, { 0x2a, [5] = FIRST, [8] = 1 }, 512 },
	{ "another operation code", false, 0, { 0x2e, [5] = FIRST, [8] = 1 }, 512 },
	{ "WRITE(6)", true, 0, { 0x0a, [3] = FIRST, [4] = 1 }, 512 },
	{ "WRITE(6) of 0 blocks, which are 256", false, 0, { 0x0a, [3] = FIRST }, 0 },
	{ "WRITE(12)", true, 0, { 0xaa, [5] = FIRST, [9] = 1 }, 512 },
	{ "WRITE(16)", true, 0, { 0x8a, [9] = FIRST, [13] = 1 }, 512 },
	{ "WRITE(16) that wraps", false, 0,
	  { 0x8a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 2 }, 1024 },
	{ "COMPARE AND WRITE", false, 0, { 0x89, [9] = FIRST, [13] = 1 }, 1024 },
	{ "WRITE SAME", false, 0, { 0x41, [5] = FIRST, [8] = 1 }, 512 },
	{ "FORMAT UNIT", false, 0, { 0x04 }, 0 },
	{ "WRITE BUFFER, to download microcode", false, 0, { 0x3b, 0x05 }, 512 },
	{ "a vendor's", false, 0, { 0xc0 }, 0 },
	{ "READ(10)", true, 0, { 0x28, [8] = 1 }, 0 },
};

static void each_row(void **state)
{
	static const uint8_t data[(COUNT + 1) * 512];
	struct bench b;
	unsigned id;

	(void)state;
	open_bench(&b, "", &allowed);
	permit(&b, 0, FIRST, COUNT, &id);
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
		check_medium(&b, rows[i].what);
	}
	close_bench(&b);
}

static int poll(struct bench *b, const void *bytes, size_t len, struct msc_err *err)
{
	return msc_session_poll(b->session, b->target->device.ep_out, bytes, len, 5 * MSC_MS, NULL,
				err);
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
	struct bench b;

	(void)state;
	open_bench(&b, "", &allowed);
	for (size_t cut = 1; cut < MSC_CBW_LEN; cut++) {
		struct msc_err err = MSC_ERR_INIT;

		wrapper(cbw, 0x2a, 1);
		if (poll(&b, cbw, cut, &err) == 0 &&
		    poll(&b, cbw + cut, MSC_CBW_LEN - cut, &err) == 0)
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
		assert_int_equal(poll(&b, cbw, at + MSC_CBW_LEN, &err), -1);
		assert_int_equal(err.code, MSC_E_REFUSED);
		/* Nothing has left, so the device owes nothing. */
		assert_false(msc_session_known(b.session)->needs_reset);
	}
	for (size_t len = 16; len < 64; len++) {
		struct msc_err err = MSC_ERR_INIT;

		memset(cbw, 0, sizeof cbw);
		wrapper(cbw, 0x2a, 1);
		cbw[0] ^= 1;
		assert_int_equal(poll(&b, cbw, len, &err), -1);
		assert_int_equal(err.code, MSC_E_REFUSED);
	}
	check_medium(&b, "pieces");
	close_bench(&b);
}

/* A byte stream that goes on behind a command that is harmless. */
static void data_that_is_none(void **state)
{
	static const uint8_t ready[16] = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	uint8_t data[1024] = { 0 };
	struct bench b;

	(void)state;
	open_bench(&b, "", &allowed);
	msc_request_init(&rq, ready, 6, MSC_DIR_OUT, sizeof data);
	rq.out = data;
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), 0);
	wrapper(data + 512, 0x2a, 1);
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), -1);
	assert_int_equal(err.code, MSC_E_REFUSED);
	check_medium(&b, "data that is none");
	close_bench(&b);
}

static void without_leave(void **state)
{
	static const struct msc_session_options none = { .timeout_ns = MSC_S };
	static const uint8_t eject[6] = { 0x1b, [4] = 2 },
			     blocks[10] = { 0x2a, [5] = FIRST, [8] = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct bench b;
	unsigned id;

	(void)state;
	open_bench(&b, "", &none);
	permit(&b, 0, FIRST, COUNT, &id);
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
	close_bench(&b);
}

static void a_permit_ends(void **state)
{
	static const uint8_t data[512], cdb[10] = { 0x2a, [5] = FIRST, [8] = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	unsigned id[40];
	struct bench b;

	(void)state;
	open_bench(&b, "", &allowed);
	for (size_t i = 0; i < MSC_COUNT(id); i++)
		permit(&b, 0, FIRST + i % COUNT, 1, &id[i]);
	msc_request_init(&rq, cdb, 10, MSC_DIR_OUT, 512);
	rq.out = data;
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), 0);
	for (size_t i = 0; i < MSC_COUNT(id); i += COUNT)
		msc_gate_revoke(b.session, id[i]);
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), -1);
	close_bench(&b);
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
		struct bench b;

		open_bench(&b, "", &options[i]);
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
		close_bench(&b);
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

/* ---- anything ----------------------------------------------------------------------------- */

#define TRIES 100000

static uint8_t some_opcode(struct msc_rng *r)
{
	static const uint8_t likely[] = { 0x2a, 0x0a, 0xaa, 0x8a, 0x2e, 0x28, 0x00, 0x12, 0x1b };

	return msc_rng_below(r, 3) ? likely[msc_rng_below(r, sizeof likely)]
				   : (uint8_t)msc_rng_below(r, 256);
}

/* A wrapper that is right in most of its fields. */
static void some_cbw(struct msc_rng *r, uint8_t bytes[MSC_CBW_LEN])
{
	struct msc_cbw c = { .h = { MSC_CBW_SIGNATURE, (uint32_t)msc_rng_below(r, 1000), 0, 0, 0,
				    16 } };
	const uint8_t lba = (uint8_t)msc_rng_below(r, BLOCKS);
	const uint8_t blocks = (uint8_t)msc_rng_below(r, 12);

	c.cb[0] = some_opcode(r);
	switch (c.cb[0] >> 5) {
	case 0: c.cb[3] = lba, c.cb[4] = blocks; break;
	case 1:
	case 2: c.cb[5] = lba, c.cb[8] = blocks; break;
	case 4: c.cb[9] = lba, c.cb[13] = blocks; break;
	default: c.cb[5] = lba, c.cb[9] = blocks; break;
	}
	if (!msc_rng_below(r, 8))
		c.cb[msc_rng_below(r, 16)] = (uint8_t)msc_rng_below(r, 256);
	c.h.length = msc_rng_below(r, 4) ? blocks * 512u : (uint32_t)msc_rng_below(r, 8192);
	c.h.flags = msc_rng_below(r, 8) ? (c.cb[0] == 0x28 || c.cb[0] == 0x12 ? 0x80 : 0)
					: (uint8_t)msc_rng_below(r, 256);
	c.h.lun = msc_rng_below(r, 6) ? 0 : (uint8_t)msc_rng_below(r, 256);
	msc_cbw_pack(bytes, &c);
	if (!msc_rng_below(r, 6))
		bytes[msc_rng_below(r, MSC_CBW_LEN)] ^= (uint8_t)(1 << msc_rng_below(r, 8));
}

static void some_bytes(struct msc_rng *r, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)msc_rng_below(r, 256);
	for (unsigned n = (unsigned)msc_rng_below(r, 4); n && len > MSC_CBW_LEN; n--)
		some_cbw(r, bytes + msc_rng_below(r, len - MSC_CBW_LEN));
}

static void send_something(struct bench *b, struct msc_rng *r)
{
	struct msc_err err = MSC_ERR_INIT;
	uint8_t cbw[MSC_CBW_LEN], data[8192];
	struct msc_request rq;
	size_t len = msc_rng_below(r, 200);

	some_cbw(r, cbw);
	some_bytes(r, data, len);
	msc_request_init(&rq, cbw + 15, 16, MSC_DIR_NONE, 0);
	msc_cbw_unpack(&rq.cbw, cbw);
	rq.keep_tag = true;
	rq.leave = msc_rng_below(r, 2);
	rq.early = !msc_rng_below(r, 16);
	rq.serial = msc_rng_below(r, 2);
	rq.timeout_ns = 20 * MSC_MS;
	switch (msc_rng_below(r, 6)) {
	case 0: /* as it is */
		some_bytes(r, data, sizeof data);
		rq.out = data;
		rq.out_len = rq.cbw.h.length < sizeof data ? rq.cbw.h.length : sizeof data;
		rq.out_split = msc_rng_below(r, 3) ? 0 : 1 + msc_rng_below(r, 600);
		(void)!msc_session_exchange(b->session, &rq, NULL, &err);
		break;
	case 1: /* cut, or too long */
		rq.wrapper_len = msc_rng_below(r, 80);
		(void)!msc_session_exchange(b->session, &rq, NULL, &err);
		break;
	case 2: /* a wrapper of bytes */
		rq.raw = data;
		rq.raw_len = len;
		(void)!msc_session_exchange(b->session, &rq, NULL, &err);
		break;
	case 3: /* in two pieces */
		len = msc_rng_below(r, MSC_CBW_LEN + 1);
		if (poll(b, cbw, len, &err) == 0)
			(void)!poll(b, cbw + len, MSC_CBW_LEN - len, &err);
		break;
	case 4: (void)!poll(b, data, len, &err); break;
	default: (void)!msc_session_reset_recovery(b->session, NULL, &err); break;
	}
	assert_int_not_equal(err.code, MSC_E_INTERNAL);
	if (!msc_rng_below(r, 20)) {
		err = (struct msc_err)MSC_ERR_INIT;
		(void)!msc_session_reset_recovery(b->session, NULL, &err);
	}
	msc_session_forget(b->session);
}

/* Also to devices that take for a CBW what is none. */
static void anything(void **state)
{
	static const char *const devices[] = {
		"",
		",fault=cbw-signature-unchecked,fault=cbw-length-unchecked",
		",fault=length-16-bit",
		",fault=cbw-ignored",
	};

	(void)state;
	for (size_t d = 0; d < MSC_COUNT(devices); d++) {
		struct msc_rng r = { d };
		struct bench b;
		unsigned id;

		open_bench(&b, devices[d], &allowed);
		permit(&b, 0, FIRST, COUNT, &id);
		for (unsigned i = 0; i < TRIES / MSC_COUNT(devices); i++) {
			send_something(&b, &r);
			if (i % 1000 == 0)
				check_medium(&b, devices[d]);
		}
		check_medium(&b, devices[d]);
		close_bench(&b);
	}
}

/* What a scenario may say: the same wrappers and pieces as YAML. */
static void anything_from_a_scenario(void **state)
{
	struct msc_rng r = { 7 };
	static uint8_t now[SIZE];
	struct bench b;
	char name[96];

	(void)state;
	make_medium(&b);
	snprintf(name, sizeof name, "sim:reference,file=%s", b.path);
	for (unsigned i = 0; i < 300; i++) {
		char *yaml;
		size_t size;
		FILE *f = open_memstream(&yaml, &size);
		struct seen s = case_fresh();

		assert_non_null(f);
		fputs("name: my.any\ntitle: t\nspec: [X]\nsteps:\n", f);
		for (unsigned n = 0; n < 12; n++) {
			uint8_t bytes[96];
			const size_t len = 1 + msc_rng_below(&r, sizeof bytes);
			const bool cbw = msc_rng_below(&r, 2), poll_out = msc_rng_below(&r, 2);

			some_bytes(&r, bytes, len);
			if (cbw)
				some_cbw(&r, bytes);
			fputs(poll_out ? "  - poll: { endpoint: out, data: \"" : "  - wrapper: \"",
			      f);
			for (size_t k = 0; k < (cbw ? MSC_CBW_LEN : len); k++)
				fprintf(f, "%02x", bytes[k]);
			fputs(poll_out ? "\" }\n" : "\"\n", f);
		}
		fclose(f);
		case_run(name, yaml, true, &s);
		case_done(&s);
		free(yaml);
	}
	read_medium(&b, now);
	assert_memory_equal(now, b.before, SIZE);
	unlink(b.path);
}

/* mscope_send: no permit, so nothing is written. */
static void anything_from_the_library(void **state)
{
	struct msc_rng r = { 8 };
	struct mscope *m;
	struct bench b;
	char name[96];
	static uint8_t now[SIZE];

	(void)state;
	make_medium(&b);
	snprintf(name, sizeof name, "sim:reference,file=%s", b.path);
	assert_int_equal(mscope_open(&m, name, MSCOPE_ALLOW_WRITES), MSCOPE_PASSED);
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t cbw[MSC_CBW_LEN], data[600];
		size_t len = msc_rng_below(&r, sizeof data);
		char *json;

		some_cbw(&r, cbw);
		some_bytes(&r, data, len);
		mscope_send(m, (unsigned)msc_rng_below(&r, 2), cbw + 15, 1 + msc_rng_below(&r, 16),
			    NULL, 0, data, len, &json);
		mscope_free(json);
	}
	mscope_close(m);
	read_medium(&b, now);
	assert_memory_equal(now, b.before, SIZE);
	unlink(b.path);
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
		cmocka_unit_test(anything),
		cmocka_unit_test(anything_from_a_scenario),
		cmocka_unit_test(anything_from_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
