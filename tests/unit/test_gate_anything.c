/* SPDX-License-Identifier: BSD-2-Clause */
/* A hundred thousand wrappers, pieces of them and command blocks drawn at random, through every entry:
 * nothing but what is permitted is ever written. */
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
#include "gate_bench.h"
#include "mscope.h"
#include "scenario_bench.h"

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
	const uint8_t lba = (uint8_t)msc_rng_below(r, GATE_BLOCKS);
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

static void send_something(struct gate_bench *b, struct msc_rng *r)
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
		if (gate_poll(b, cbw, len, &err) == 0)
			(void)!gate_poll(b, cbw + len, MSC_CBW_LEN - len, &err);
		break;
	case 4: (void)!gate_poll(b, data, len, &err); break;
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
		struct gate_bench b;
		unsigned id;

		gate_open(&b, devices[d], &gate_allowed);
		gate_permit(&b, 0, GATE_FIRST, GATE_COUNT, &id);
		for (unsigned i = 0; i < TRIES / MSC_COUNT(devices); i++) {
			send_something(&b, &r);
			if (i % 1000 == 0)
				gate_check_medium(&b, devices[d]);
		}
		gate_check_medium(&b, devices[d]);
		gate_close(&b);
	}
}

/* What a scenario may say: the same wrappers and pieces as YAML. */
static void anything_from_a_scenario(void **state)
{
	struct msc_rng r = { 7 };
	static uint8_t now[GATE_SIZE];
	struct gate_bench b;
	char name[96];

	(void)state;
	gate_make_medium(&b);
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
	gate_read_medium(&b, now);
	assert_memory_equal(now, b.before, GATE_SIZE);
	unlink(b.path);
}

/* mscope_send: no permit, so nothing is written. */
static void anything_from_the_library(void **state)
{
	struct msc_rng r = { 8 };
	struct mscope *m;
	struct gate_bench b;
	char name[96];
	static uint8_t now[GATE_SIZE];

	(void)state;
	gate_make_medium(&b);
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
	gate_read_medium(&b, now);
	assert_memory_equal(now, b.before, GATE_SIZE);
	unlink(b.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything),
		cmocka_unit_test(anything_from_a_scenario),
		cmocka_unit_test(anything_from_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
