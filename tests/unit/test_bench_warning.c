/* SPDX-License-Identifier: BSD-2-Clause */
/* A bench says so when wMaxPacketSize is not what the speed of the device wants (USB 2.0, 5.8.3): the
 * simulated device has the right one, and its descriptors are told falsely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <cmocka.h>

#include "report/bench.h"
#include "session/session.h"
#include "timing/bench.h"

/* What a device with such endpoints is told, or "". */
static const char *told(enum msc_speed speed, uint16_t in, uint16_t out)
{
	static char text[192];
	const struct msc_device d = { .speed = speed,
				      .ep_in = 0x81,
				      .ep_out = 0x02,
				      .max_packet_in = in,
				      .max_packet_out = out };

	msc_device_packet_warning(&d, text, sizeof text);
	return text;
}

static void what_the_speed_wants_is_right(void **state)
{
	(void)state;
	assert_string_equal(told(MSC_SPEED_HIGH, 512, 512), "");
	assert_string_equal(told(MSC_SPEED_SUPER, 1024, 1024), "");
	for (uint16_t size = 8; size <= 64; size *= 2) /* there is a choice */
		assert_string_equal(told(MSC_SPEED_FULL, size, size), "");
	assert_string_equal(told(MSC_SPEED_UNKNOWN, 7, 7), "");
}

static void the_endpoint_the_speed_and_the_size_are_named(void **state)
{
	(void)state;
	assert_string_equal(told(MSC_SPEED_HIGH, 64, 512),
			    "wMaxPacketSize of bulk-in is 64 at high speed, where it has to be "
			    "512: what another host makes of it may be slower, or fail");
	assert_non_null(strstr(told(MSC_SPEED_HIGH, 512, 64), "bulk-out is 64 at high speed"));
	assert_non_null(strstr(told(MSC_SPEED_SUPER, 512, 512), "it has to be 1024:"));
}

/* A device that is seen through its commands alone has no endpoints to be wrong. */
static void without_endpoints_nothing_is_told(void **state)
{
	struct msc_device d = { .speed = MSC_SPEED_HIGH, .max_packet_in = 64 };
	char text[192] = "before";

	(void)state;
	msc_device_packet_warning(&d, text, sizeof text);
	assert_string_equal(text, "");
	d.ep_in = 0x81;
	d.commands_only = true;
	msc_device_packet_warning(&d, text, sizeof text);
	assert_string_equal(text, "");
}

/* A bench of one read, as text and as a document, of a device whose bulk-in is said to be so large. */
static json_t *bench(uint16_t max_packet_in, char *text, size_t size)
{
	const struct msc_session_options so = { .timeout_ns = MSC_S };
	const struct msc_open_options open = { .allow_writes = false };
	const uint32_t blocks = 8;
	const struct msc_bench_options o = {
		.serial = true, .blocks = &blocks, .n_blocks = 1, .count = 1
	};
	struct msc_bench b = { .run = NULL };
	const char *const argv[] = { "mscope", "bench", NULL };
	const struct msc_report_context context = { .version = "1", .argv = argv };
	struct msc_bench_report report = { .bench = &b, .context = &context };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = msc_target_open("sim:reference,speed=high", &open, &err);
	struct msc_session *s;
	FILE *out = tmpfile();
	json_t *document;

	assert_non_null(t);
	assert_non_null(out);
	s = msc_session_new(t, &so);
	assert_non_null(s);
	assert_int_equal(msc_session_learn(s, 0, &err), 0);
	t->device.max_packet_in = max_packet_in;
	assert_int_equal(msc_bench_measure(s, &o, &b, &err), 0);
	assert_int_equal(msc_bench_write_json(out, &report, &err), 0);
	rewind(out);
	document = json_loadf(out, 0, NULL);
	assert_non_null(document);
	rewind(out);
	assert_int_equal(msc_bench_write_text(out, &report, &err), 0);
	size = (size_t)ftell(out) < size ? (size_t)ftell(out) : size - 1;
	rewind(out);
	assert_int_equal(fread(text, 1, size, out), size);
	text[size] = '\0';
	fclose(out);
	msc_bench_free(&b);
	msc_session_free(s);
	msc_target_close(t);
	return document;
}

static void a_bench_tells_it_to_people_and_programs(void **state)
{
	char text[4096];
	json_t *document = bench(64, text, sizeof text);

	(void)state;
	assert_non_null(strstr(text, "\nwarning "));
	assert_non_null(strstr(text, "bulk-in is 64 at high"));
	assert_non_null(strstr(json_string_value(json_object_get(document, "warning")),
			       "wMaxPacketSize of bulk-in is 64 at high speed"));
	json_decref(document);
	document = bench(512, text, sizeof text);
	assert_null(strstr(text, "warning"));
	assert_true(json_is_null(json_object_get(document, "warning")));
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_speed_wants_is_right),
		cmocka_unit_test(the_endpoint_the_speed_and_the_size_are_named),
		cmocka_unit_test(without_endpoints_nothing_is_told),
		cmocka_unit_test(a_bench_tells_it_to_people_and_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
