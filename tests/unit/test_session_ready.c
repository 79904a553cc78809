/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a unit that is not ready is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "session/ready.h"

static struct msc_sense_data sense(uint8_t key, uint8_t asc, uint8_t ascq)
{
	return (struct msc_sense_data){ .valid = true, .key = key, .asc = asc, .ascq = ascq };
}

static enum msc_await_step after(struct msc_awaiting *a, int64_t now_ns, struct msc_sense_data d,
				 enum msc_readiness expected)
{
	enum msc_readiness why;
	enum msc_await_step step = msc_await(a, now_ns, &d, &why);

	assert_int_equal(why, expected);
	return step;
}

static void becoming_ready_is_waited_for(void **state)
{
	struct msc_awaiting a = { .until_ns = 100 * MSC_S };
	const uint8_t qualifiers[] = { 0x00, 0x01, 0x03, 0x04, 0x07 };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(qualifiers); i++) {
		struct msc_sense_data d = sense(MSC_SENSE_NOT_READY, 0x04, qualifiers[i]);

		assert_int_equal(after(&a, 0, d, MSC_READINESS_LATE), MSC_AWAIT_PAUSE);
		assert_int_equal(after(&a, 99 * MSC_S, d, MSC_READINESS_LATE), MSC_AWAIT_PAUSE);
		assert_int_equal(after(&a, 100 * MSC_S, d, MSC_READINESS_LATE), MSC_AWAIT_END);
	}
}

static void a_unit_that_wants_it_is_started_once(void **state)
{
	struct msc_awaiting a = { .until_ns = 100 * MSC_S };
	struct msc_sense_data d = sense(MSC_SENSE_NOT_READY, 0x04, 0x02);

	(void)state;
	assert_int_equal(after(&a, 0, d, MSC_READINESS_LATE), MSC_AWAIT_START);
	assert_int_equal(after(&a, 1, d, MSC_READINESS_LATE), MSC_AWAIT_PAUSE);
}

static void an_empty_unit_is_given_a_moment(void **state)
{
	struct msc_awaiting a = { .until_ns = 100 * MSC_S, .empty_until_ns = 2 * MSC_S };
	struct msc_sense_data d = sense(MSC_SENSE_NOT_READY, 0x3a, 0x00);

	(void)state;
	assert_int_equal(after(&a, 1 * MSC_S, d, MSC_READINESS_EMPTY), MSC_AWAIT_PAUSE);
	assert_int_equal(after(&a, 2 * MSC_S, d, MSC_READINESS_EMPTY), MSC_AWAIT_END);
}

static void attentions_are_read_away_but_not_for_ever(void **state)
{
	struct msc_awaiting a = { .until_ns = 100 * MSC_S };
	struct msc_sense_data d = sense(MSC_SENSE_UNIT_ATTENTION, 0x29, 0x00);
	unsigned n = 0;

	(void)state;
	while (after(&a, 0, d, MSC_READINESS_REFUSED) == MSC_AWAIT_AGAIN)
		assert_true(++n < 100);
	assert_true(n >= 4);
}

static void a_unit_that_does_not_exist_ends_it(void **state)
{
	struct msc_awaiting a = { .until_ns = 100 * MSC_S, .empty_until_ns = 2 * MSC_S };

	(void)state;
	assert_int_equal(after(&a, 0, sense(MSC_SENSE_ILLEGAL_REQUEST, 0x25, 0),
			       MSC_READINESS_REFUSED),
			 MSC_AWAIT_END);
}

/* Firmware with wrong sense data has unit attentions all the same. */
static void a_failure_without_a_reason_may_pass(void **state)
{
	struct msc_awaiting a = { .until_ns = 100 * MSC_S };

	(void)state;
	assert_int_equal(after(&a, 0, (struct msc_sense_data){ 0 }, MSC_READINESS_REFUSED),
			 MSC_AWAIT_AGAIN);
	assert_int_equal(after(&a, 0, sense(0, 0, 0), MSC_READINESS_REFUSED), MSC_AWAIT_AGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(becoming_ready_is_waited_for),
		cmocka_unit_test(a_unit_that_wants_it_is_started_once),
		cmocka_unit_test(an_empty_unit_is_given_a_moment),
		cmocka_unit_test(attentions_are_read_away_but_not_for_ever),
		cmocka_unit_test(a_unit_that_does_not_exist_ends_it),
		cmocka_unit_test(a_failure_without_a_reason_may_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
