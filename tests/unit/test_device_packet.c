/* SPDX-License-Identifier: BSD-2-Clause */
/* The warning of a wMaxPacketSize that is wrong for the speed: USB 2.0, 5.8.3 and USB 3.2, 8.12.1.2
 * leave no choice at high and SuperSpeed, and 8, 16, 32 or 64 at full speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "transport/transport.h"

static void is_told_where_there_is_no_choice(void **state)
{
	static const struct {
		struct msc_device device;
		const char *says; /* NULL: nothing */
	} rows[] = {
		{ { .speed = MSC_SPEED_HIGH, .max_packet_in = 512, .max_packet_out = 512 }, NULL },
		{ { .speed = MSC_SPEED_HIGH, .max_packet_in = 64, .max_packet_out = 512 },
		  "wMaxPacketSize of bulk-in is 64 at high speed, where it has to be 512" },
		{ { .speed = MSC_SPEED_HIGH, .max_packet_in = 512, .max_packet_out = 256 },
		  "wMaxPacketSize of bulk-out is 256 at high speed, where it has to be 512" },
		{ { .speed = MSC_SPEED_SUPER, .max_packet_in = 1024, .max_packet_out = 1024 },
		  NULL },
		{ { .speed = MSC_SPEED_SUPER, .max_packet_in = 512, .max_packet_out = 1024 },
		  "wMaxPacketSize of bulk-in is 512 at super speed, where it has to be 1024" },
		{ { .speed = MSC_SPEED_FULL, .max_packet_in = 64, .max_packet_out = 64 }, NULL },
		{ { .speed = MSC_SPEED_FULL, .max_packet_in = 8, .max_packet_out = 16 }, NULL },
		{ { .speed = MSC_SPEED_UNKNOWN, .max_packet_in = 64, .max_packet_out = 64 }, NULL },
		{ { .speed = MSC_SPEED_HIGH, .commands_only = true }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_device d = rows[i].device;
		char text[256] = "left over";

		d.ep_in = 0x81;
		d.ep_out = 0x02;
		msc_device_packet_warning(&d, text, sizeof text);
		if (!rows[i].says && *text)
			fail_msg("row %zu: '%s'", i, text);
		if (rows[i].says && !strstr(text, rows[i].says))
			fail_msg("row %zu: '%s' does not say '%s'", i, text, rows[i].says);
	}
}

/* An endpoint that is not there has no size. */
static void is_not_told_of_what_is_not_there(void **state)
{
	struct msc_device d = { .speed = MSC_SPEED_HIGH, .ep_in = 0x81, .max_packet_in = 512 };
	char text[256] = "left over";

	(void)state;
	msc_device_packet_warning(&d, text, sizeof text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_told_where_there_is_no_choice),
		cmocka_unit_test(is_not_told_of_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
