/* SPDX-License-Identifier: BSD-2-Clause */
/* What a bench says of its rate: where the clock does not see the time between the commands (with the clock
 * of usbmon that is the way to this program), and where no bus of the device's speed could carry it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "report/bench.h"

#define SAMPLES 10
#define WITHIN	500000 /* ns a command, of 64 blocks: 65536.0 kB/s */

/* A bench of one run, in one of the formats; its commands follow each other every `each_ns`. */
static void written(char *buf, size_t size, enum msc_speed speed, int64_t each_ns,
		    const char *format)
{
	const struct msc_bench_run like = { .mode = MSC_BENCH_QUEUED,
					    .blocks = 64,
					    .block_size = 512 };
	const struct msc_bench_sample sample = { .ns = WITHIN };
	struct msc_bench b = { .clock = "usbmon", .device.speed = speed };
	const char *const argv[] = { "mscope", NULL };
	const struct msc_report_context context = { .version = "1", .argv = argv };
	struct msc_bench_report report = { .bench = &b, .context = &context };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_bench_run *r = msc_bench_add_run(&b, &like, &err);
	FILE *out = fmemopen(buf, size, "w");

	assert_non_null(r);
	assert_non_null(out);
	for (unsigned i = 0; i < SAMPLES; i++)
		assert_int_equal(msc_bench_add_sample(r, &sample, &err), 0);
	r->elapsed_ns = SAMPLES * each_ns;
	assert_int_equal(msc_bench_conclude(r, &err), 0);
	msc_bench_tell_impossible(&b);
	for (const struct msc_bench_format *f = msc_bench_formats; f->name; f++)
		if (!strcmp(f->name, format))
			assert_int_equal(f->write(out, &report, &err), 0);
	fclose(out);
	msc_bench_free(&b);
}

static void text(char *buf, size_t size, int64_t each_ns)
{
	written(buf, size, MSC_SPEED_UNKNOWN, each_ns, "text");
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

/* 65536.0 kB/s is more than a bus of high speed carries. */
static void what_no_bus_carries_is_no_rate(void **state)
{
	static const char *const formats[] = { "text", "json", "bmf", "gha", "go" };
	char buf[4096];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(formats); i++) {
		memset(buf, 0, sizeof buf);
		written(buf, sizeof buf, MSC_SPEED_HIGH, 510000, formats[i]);
		assert_null(strstr(buf, "65536"));
		assert_null(strstr(buf, "65.536"));
		assert_true(*buf);
		written(buf, sizeof buf, MSC_SPEED_SUPER, 510000, formats[i]);
		assert_true(strstr(buf, "65536") || strstr(buf, "65.536"));
	}
	written(buf, sizeof buf, MSC_SPEED_HIGH, 510000, "text");
	assert_non_null(strstr(buf, "1 of 1 runs took less time than their bytes need"));
	assert_non_null(strstr(buf, "53248 kB/s"));
	assert_null(strstr(buf, "for the bytes;"));
}

/* USB 2.0, tables 5-9 and 5-10. */
static void a_bus_carries_so_much(void **state)
{
	(void)state;
	assert_float_equal(msc_bus_most(MSC_SPEED_FULL), 19 * 64 * 1e3, 1e-3);
	assert_float_equal(msc_bus_most(MSC_SPEED_HIGH), 13 * 512 * 8e3, 1e-3);
	assert_float_equal(msc_bus_most(MSC_SPEED_UNKNOWN), 2.424e9, 1e6);
	assert_float_equal(msc_bus_most(MSC_SPEED_SUPER), 2.424e9, 1e6);
	assert_false(msc_beats_bus(MSC_SPEED_FULL, 1216e3));
	assert_true(msc_beats_bus(MSC_SPEED_FULL, 1218e3));
	assert_false(msc_beats_bus(MSC_SPEED_UNKNOWN, 2.4e9));
	assert_true(msc_beats_bus(MSC_SPEED_UNKNOWN, 2.5e9));
	assert_true(msc_beats_bus(MSC_SPEED_SUPER, 1e12));
}

static void no_bus_is_said_where_none_lies_between(void **state)
{
	static const char *const hosts[] = { "usbip", "vhci_hcd", "dummy_hcd" };
	struct msc_device d = { .host = "xhci_hcd" };
	char note[192] = "before";

	(void)state;
	msc_device_path_note(&d, note, sizeof note);
	assert_string_equal(note, "");
	for (size_t i = 0; i < MSC_COUNT(hosts); i++) {
		snprintf(d.host, sizeof d.host, "%s", hosts[i]);
		msc_device_path_note(&d, note, sizeof note);
		assert_ptr_equal(strstr(note, "none"), note);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_between_is_told),
		cmocka_unit_test(where_there_is_none_nothing_is_told),
		cmocka_unit_test(what_no_bus_carries_is_no_rate),
		cmocka_unit_test(a_bus_carries_so_much),
		cmocka_unit_test(no_bus_is_said_where_none_lies_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
