/* SPDX-License-Identifier: BSD-2-Clause */
/* What a bench says of its rate where the clock does not see the time between the commands: with
 * the clock of usbmon that is the way to this program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "report/bench.h"

#define SAMPLES 10
#define WITHIN	500000 /* ns a command, of 64 blocks: 65536.0 kB/s */

/* The text of a bench whose commands follow each other every `each_ns`. */
static void text(char *buf, size_t size, int64_t each_ns)
{
	const struct msc_bench_run like = { .mode = MSC_BENCH_QUEUED,
					    .blocks = 64,
					    .block_size = 512 };
	const struct msc_bench_sample sample = { .ns = WITHIN };
	struct msc_bench b = { .clock = "usbmon" };
	struct msc_bench_report report = { .bench = &b };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_bench_run *r = msc_bench_add_run(&b, &like, &err);
	FILE *out = fmemopen(buf, size, "w");

	assert_non_null(r);
	assert_non_null(out);
	for (unsigned i = 0; i < SAMPLES; i++)
		assert_int_equal(msc_bench_add_sample(r, &sample, &err), 0);
	r->elapsed_ns = SAMPLES * each_ns;
	assert_int_equal(msc_bench_conclude(r, &err), 0);
	assert_int_equal(msc_bench_write_text(out, &report, &err), 0);
	fclose(out);
	msc_bench_free(&b);
}

static void the_time_between_is_told(void **state)
{
	char buf[4096];

	(void)state;
	text(buf, sizeof buf, 800000);
	assert_non_null(strstr(buf, " 65536.0 "));
	assert_non_null(strstr(buf, "queued    64 blocks: 40960.0 kB/s with the time between the "
				    "commands, 38 %\n"));
}

static void where_there_is_none_nothing_is_told(void **state)
{
	char buf[4096];

	(void)state;
	text(buf, sizeof buf, 510000);
	assert_non_null(strstr(buf, " 65536.0 "));
	assert_null(strstr(buf, "between"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_between_is_told),
		cmocka_unit_test(where_there_is_none_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
