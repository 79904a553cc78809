/* SPDX-License-Identifier: BSD-2-Clause */
/* The predicates over records: BOT 1.0's valid and meaningful, steps, and how records are kept. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "record/record.h"

static void valid_cbw(void **state)
{
	uint8_t wrapper[64] = { 'U', 'S', 'B', 'C' };
	static const struct {
		size_t len;
		bool valid;
	} rows[] = { { 31, true }, { 30, false }, { 32, false },
		     { 0, false }, { 13, false }, { 62, false } };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		if (msc_cbw_is_valid(wrapper, rows[i].len) != rows[i].valid)
			fail_msg("%zu bytes", rows[i].len);
	for (size_t bit = 0; bit < 32; bit++) {
		wrapper[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(msc_cbw_is_valid(wrapper, 31));
		wrapper[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void meaningful_cbw(void **state)
{
	static const struct {
		const char *name;
		uint8_t flags, lun, cb_length, opcode, max_lun;
		bool meaningful;
	} rows[] = {
		{"in", 0x80, 0, 6, 0x12, 0, true},
		{"out", 0x00, 0, 10, 0x2a, 0, true},
		{"longer command block", 0x80, 0, 12, 0x03, 0, true},
		{"shorter command block", 0x80, 0, 6, 0x28, 0, false},
		{"vendor command", 0x80, 0, 1, 0xc0, 0, true},
		{"no command block", 0x80, 0, 0, 0xc0, 0, false},
		{"17 bytes", 0x80, 0, 17, 0x12, 0, false},
		{"reserved length", 0x80, 0, 0x26, 0x12, 0, false},
		{"reserved flag", 0x81, 0, 6, 0x12, 0, false},
		{"obsolete flag", 0xc0, 0, 6, 0x12, 0, false},
		{"last unit", 0x80, 3, 6, 0x12, 3, true},
		{"unit above", 0x80, 4, 6, 0x12, 3, false},
		{"units not known", 0x80, 15, 6, 0x12, 0xff, true},
		{"reserved unit", 0x80, 0x10, 6, 0x12, 0xff, false},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		uint8_t wrapper[MSC_CBW_LEN];
		struct msc_exchange x = { .wrapper = wrapper, .wrapper_len = MSC_CBW_LEN };

		x.cbw.h = (struct msc_cbw_header){ .signature = MSC_CBW_SIGNATURE,
						   .flags = rows[i].flags,
						   .lun = rows[i].lun,
						   .cb_length = rows[i].cb_length };
		x.cbw.cb[0] = rows[i].opcode;
		x.max_lun = rows[i].max_lun;
		msc_cbw_pack(wrapper, &x.cbw);
		if (msc_cbw_is_meaningful(&x) != rows[i].meaningful)
			fail_msg("%s", rows[i].name);
		x.wrapper_len = 30;
		assert_false(msc_cbw_is_meaningful(&x));
	}
}

static void csw(void **state)
{
	static const struct {
		const char *name;
		uint32_t signature, tag, residue;
		uint8_t status;
		bool valid, meaningful;
	} rows[] = {
		{"passed", MSC_CSW_SIGNATURE, 7, 0, 0, true, true},
		{"failed, nothing moved", MSC_CSW_SIGNATURE, 7, 512, 1, true, true},
		{"residue too large", MSC_CSW_SIGNATURE, 7, 513, 0, true, false},
		{"failed, residue too large", MSC_CSW_SIGNATURE, 7, 513, 1, true, false},
		{"phase error, any residue", MSC_CSW_SIGNATURE, 7, 9999, 2, true, true},
		{"reserved", MSC_CSW_SIGNATURE, 7, 0, 3, true, false},
		{"signature of a CBW", MSC_CBW_SIGNATURE, 7, 0, 0, false, true},
		{"another tag", MSC_CSW_SIGNATURE, 8, 0, 0, false, true},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_exchange x = { .have_csw = true };

		x.cbw.h.tag = 7;
		x.cbw.h.length = 512;
		x.csw = (struct msc_csw){ rows[i].signature, rows[i].tag, rows[i].residue,
					  rows[i].status };
		if (msc_csw_is_valid(&x) != rows[i].valid ||
		    msc_csw_is_meaningful(&x) != rows[i].meaningful)
			fail_msg("%s", rows[i].name);
		x.have_csw = false;
		assert_false(msc_csw_is_valid(&x) || msc_csw_is_meaningful(&x));
	}
}

static void steps(void **state)
{
	struct msc_exchange x = { .n_steps = 3 };

	(void)state;
	x.steps[0] = (struct msc_step){ .kind = MSC_STEP_CBW, .outcome = MSC_OUT_DONE };
	x.steps[1] = (struct msc_step){ .kind = MSC_STEP_CSW, .outcome = MSC_OUT_STALL };
	x.steps[2] = (struct msc_step){ .kind = MSC_STEP_CSW, .outcome = MSC_OUT_DONE };
	x.steps[3] =
		(struct msc_step){ .kind = MSC_STEP_DATA, .outcome = MSC_OUT_DONE }; /* not used */
	assert_ptr_equal(msc_step_find(&x, MSC_STEP_CSW), &x.steps[1]);
	assert_ptr_equal(msc_step_with(&x, MSC_STEP_CSW, MSC_OUT_DONE), &x.steps[2]);
	assert_null(msc_step_find(&x, MSC_STEP_DATA));
	assert_null(msc_step_with(&x, MSC_STEP_CBW, MSC_OUT_STALL));
}

static void counted(void **state)
{
	static const enum msc_record_kind kinds[] = { MSC_RECORD_EXCHANGE, MSC_RECORD_CONTROL,
						      MSC_RECORD_POLL, MSC_RECORD_PORT_RESET };

	(void)state;
	msc_record_drop(NULL);
	assert_null(msc_record_ref(NULL));
	for (size_t i = 0; i < MSC_COUNT(kinds); i++) {
		struct msc_record *r = msc_record_new(kinds[i]);

		assert_non_null(r);
		assert_ptr_equal(msc_record_ref(r), r);
		msc_record_drop(r);
		assert_int_equal(r->kind, kinds[i]); /* still there */
		msc_record_drop(r);
	}
}

/* Of data that is no longer asked for the beginning stays, and what tells whether two are alike. */
static void trimmed(void **state)
{
	struct msc_record *r = msc_record_new(MSC_RECORD_EXCHANGE);
	struct msc_exchange *x = &r->u.exchange;
	uint64_t hash;

	(void)state;
	x->data_len = x->data_kept = MSC_KEPT_MAX + 9;
	x->data = calloc(1, x->data_len);
	assert_non_null(x->data);
	x->data[MSC_KEPT_MAX + 8] = 7;
	hash = msc_log_hash(x->data, x->data_len);
	msc_record_trim(r);
	assert_int_equal(x->data_len, MSC_KEPT_MAX + 9);
	assert_int_equal(x->data_kept, MSC_KEPT_MAX);
	assert_true(x->data_hash == hash);
	msc_record_trim(r);
	assert_true(x->data_hash == hash);
	msc_record_drop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_cbw), cmocka_unit_test(meaningful_cbw),
		cmocka_unit_test(csw),	     cmocka_unit_test(steps),
		cmocka_unit_test(counted),   cmocka_unit_test(trimmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
