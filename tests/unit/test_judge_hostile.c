/* SPDX-License-Identifier: BSD-2-Clause */
/* The judge believes nothing: thousands of records of nonsense, each in buffers of exactly their
 * size, so that the sanitizers (make check SAN=1) see every byte read past an end. */
#include "judge/judge.h"
#include "record/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ROUNDS 20000
#define CHAIN  6

/* Bytes that mean something somewhere turn up more often than chance would have it. */
static uint8_t some_byte(struct msc_rng *g)
{
	static const uint8_t likely[] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x07,
					  0x08, 0x09, 0x12, 0x1a, 0x25, 0x28, 0x2a,
					  0x50, 0x53, 0x55, 0x70, 0x80, 0xff };

	return msc_rng_below(g, 3) ? likely[msc_rng_below(g, sizeof likely)]
				   : (uint8_t)msc_rng_next(g);
}

static uint8_t *some_bytes(struct msc_rng *g, size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	assert_non_null(p);
	for (size_t i = 0; i < len; i++)
		p[i] = some_byte(g);
	return p;
}

static uint8_t some_ep(struct msc_rng *g)
{
	return msc_rng_below(g, 2) ? 0x81 : 0x02;
}

static enum msc_outcome some_outcome(struct msc_rng *g)
{
	return msc_rng_below(g, 2) ? MSC_OUT_DONE
				   : (enum msc_outcome)msc_rng_below(g, MSC_OUT_GONE + 1);
}

/* Mostly valid and meaningful, with a command that the rules know. */
static void some_cbw(struct msc_rng *g, struct msc_exchange *x)
{
	static const uint8_t opcodes[] = { 0x00, 0x03, 0x12, 0x1a, 0x25, 0x28, 0x2a, 0x6d };

	x->wrapper_len = msc_rng_below(g, 8) ? MSC_CBW_LEN : msc_rng_below(g, 70);
	x->wrapper = some_bytes(g, x->wrapper_len);
	if (x->wrapper_len != MSC_CBW_LEN)
		return;
	msc_put_le32(x->wrapper, MSC_CBW_SIGNATURE);
	msc_put_le32(x->wrapper + 8, msc_rng_below(g, 4) * msc_rng_below(g, 300));
	if (msc_rng_below(g, 4)) {
		x->wrapper[12] = msc_rng_below(g, 4) ? MSC_CBW_FLAG_IN : 0;
		x->wrapper[13] = 0;
		x->wrapper[14] = MSC_CBW_CB_MAX;
		x->wrapper[15] = opcodes[msc_rng_below(g, sizeof opcodes)];
	}
	msc_cbw_unpack(&x->cbw, x->wrapper);
}

static void some_status(struct msc_rng *g, struct msc_exchange *x)
{
	x->status_len = msc_rng_below(g, 4) ? MSC_CSW_LEN : msc_rng_below(g, 70);
	x->status = some_bytes(g, x->status_len);
	x->have_csw = x->status_len == MSC_CSW_LEN;
	x->needs_reset = !msc_rng_below(g, 8);
	if (!x->have_csw)
		return;
	if (msc_rng_below(g, 8))
		msc_put_le32(x->status, MSC_CSW_SIGNATURE);
	if (msc_rng_below(g, 8))
		msc_put_le32(x->status + 4, x->cbw.h.tag);
	if (msc_rng_below(g, 4))
		msc_put_le32(x->status + 8, x->cbw.h.length - (uint32_t)x->data_len);
	x->status[12] = (uint8_t)msc_rng_below(g, 4);
	msc_csw_unpack(&x->csw, x->status);
}

static void some_exchange(struct msc_rng *g, struct msc_exchange *x)
{
	some_cbw(g, x);
	if (x->cbw.h.length)
		x->dir = x->cbw.h.flags & MSC_CBW_FLAG_IN ? MSC_DIR_IN : MSC_DIR_OUT;
	x->unit = (struct msc_unit){ .have_capacity = msc_rng_below(g, 2),
				     .last_lba = msc_rng_below(g, 2) ? UINT32_MAX
								     : msc_rng_below(g, 9),
				     .block_size = msc_rng_below(g, 2) * 512,
				     .have_inquiry = true,
				     .have_mode = msc_rng_below(g, 2),
				     .write_protected = msc_rng_below(g, 2) };
	x->max_lun = msc_rng_below(g, 2) ? 0 : 0xff;
	x->data_len = msc_rng_below(g, 4) * msc_rng_below(g, 300);
	if (msc_rng_below(g, 2))
		x->data_len = x->cbw.h.length < 1200 ? x->cbw.h.length : 0;
	x->data_kept = msc_rng_below(g, 16) ? x->data_len /* or a log that cuts */
					    : msc_rng_below(g, (uint32_t)x->data_len + 1);
	x->data = some_bytes(g, x->data_kept);
	some_status(g, x);
	x->csw_in_data = !msc_rng_below(g, 20);
	x->n_steps = msc_rng_below(g, 2) ? 0 : msc_rng_below(g, MSC_STEPS_MAX + 1);
	for (size_t i = 0; i < x->n_steps; i++)
		x->steps[i] = (struct msc_step){ .kind = (enum msc_step_kind)msc_rng_below(g, 4),
						 .ep = some_ep(g),
						 .outcome = some_outcome(g),
						 .actual = msc_rng_below(g, 600) };
}

static void some_control(struct msc_rng *g, struct msc_control *c)
{
	static const uint8_t types[] = { 0x80, 0x80, 0x82, 0xa1, 0x21, 0x02 };
	static const uint8_t requests[] = { 6, 6, 6, 0, 1, 3, 0xfe, 0xff };

	c->setup = (struct msc_setup){
		.request_type = types[msc_rng_below(g, sizeof types)],
		.request = requests[msc_rng_below(g, sizeof requests)],
		.value = (uint16_t)(msc_rng_below(g, 8) << 8 | msc_rng_below(g, 4)),
		.index = msc_rng_below(g, 2) ? 0x81 : (uint16_t)msc_rng_below(g, 3),
		.length = (uint16_t)msc_rng_below(g, 260)
	};
	c->outcome = some_outcome(g);
	c->data_len = msc_rng_below(g, (uint32_t)c->setup.length + 1);
	c->data = some_bytes(g, c->data_len);
	if (c->data_len >= 4 && msc_rng_below(g, 2)) { /* a likely head */
		c->data[0] = c->setup.value >> 8 == 3 ? (uint8_t)c->data_len
			     : msc_rng_below(g, 2)    ? 9
						      : 18;
		c->data[1] = (uint8_t)(c->setup.value >> 8);
		if (c->data[1] == 2)
			msc_put_le16(c->data + 2, (uint16_t)(c->data_len - msc_rng_below(g, 2)));
	}
}

static struct msc_record *some_record(struct msc_rng *g, const struct msc_device *device)
{
	struct msc_record *r = msc_record_new(MSC_RECORD_EXCHANGE);

	assert_non_null(r);
	r->device = device;
	switch (msc_rng_below(g, 6)) {
	case 0:
		r->kind = MSC_RECORD_POLL;
		r->u.poll.ep = some_ep(g);
		r->u.poll.outcome = some_outcome(g);
		r->u.poll.data_len = msc_rng_below(g, 70);
		r->u.poll.data = some_bytes(g, r->u.poll.data_len);
		break;
	case 1:
		r->kind = MSC_RECORD_PORT_RESET;
		break;
	case 2:
	case 3:
		r->kind = MSC_RECORD_CONTROL;
		some_control(g, &r->u.control);
		break;
	default:
		r->kind = MSC_RECORD_EXCHANGE;
		some_exchange(g, &r->u.exchange);
	}
	return r;
}

static void judge_chain(struct msc_rng *g, const struct msc_device *device, bool *seen)
{
	struct msc_findings findings = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_history history;

	msc_history_init(&history);
	if (msc_rng_below(g, 8))
		msc_history_forget(&history);
	for (int i = 0; i < CHAIN; i++) {
		struct msc_record *r = some_record(g, device);

		msc_history_begin(&history, r);
		if (r->kind == MSC_RECORD_EXCHANGE && msc_rng_below(g, 2))
			msc_history_begin_unit(&history, r);
		msc_record_conclude(r);
		r->history = &history;
		assert_int_equal(msc_judge(r, MSC_PROFILE_SPEC, &findings, &err), 0);
		msc_history_add(&history, r);
		msc_record_drop(r);
	}
	msc_history_free(&history);
	for (size_t i = 0; i < findings.count; i++) {
		assert_true(findings.list[i].message && *findings.list[i].message);
		for (size_t k = 0; k < msc_rule_count; k++)
			seen[k] |= msc_rules[k] == findings.list[i].rule;
	}
	msc_findings_clear(&findings);
}

static void nonsense_is_judged_without_harm(void **state)
{
	struct msc_device device = { .speed = MSC_SPEED_FULL,
				     .desc = { .i_serial = 1 },
				     .config = { 9, 4, 1, 0, 0, 0, 0, 0, 0, 0, 4 },
				     .config_len = 11,
				     .ep_in = 0x81,
				     .ep_out = 0x02,
				     .max_packet_in = 64,
				     .max_packet_out = 64 };
	bool *seen = calloc(msc_rule_count, sizeof *seen);
	struct msc_rng g = { 1 };
	size_t found = 0;

	(void)state;
	assert_non_null(seen);
	for (int i = 0; i < ROUNDS; i++)
		judge_chain(&g, &device, seen);
	for (size_t i = 0; i < msc_rule_count; i++)
		found += seen[i];
	if (found < 50) /* the nonsense must reach most rules */
		fail_msg("only %zu rules found something", found);
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_judged_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
