/* SPDX-License-Identifier: BSD-2-Clause */
/* The oscilloscope picture: from the times of one exchange to what a terminal shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "report/pace.h"

enum { PIECES = 16 };

struct bench {
	struct msc_pace pace;
	struct msc_pace_stream x;
	int64_t seen[PIECES];
	int32_t naks[PIECES];
};

/* Two blocks at full speed, seen at once: the first is ready after 1 ms, the second 0.6 ms after
 * the first has gone. */
static void exact(struct bench *b, bool queued)
{
	double at = 1037e3;

	*b = (struct bench){ .pace = { .speed = MSC_SPEED_FULL, .piece_ns = 51333 } };
	b->x = (struct msc_pace_stream){
		.blocks = 2, .queued = queued, .pieces = PIECES, .seen_ns = b->seen, .naks = b->naks
	};
	b->x.csw_naks = -1;
	b->x.cbw_ns = 40 * MSC_US;
	b->x.asked_ns = b->x.status_ns = queued ? 0 : 50 * MSC_US;
	for (int i = 0; i < PIECES; i++) {
		at += i == 8 ? 651e3 : 51.4e3;
		b->seen[i] = (int64_t)at;
		b->naks[i] = -1;
	}
	if (!queued)
		b->x.status_ns = (int64_t)at + 10 * MSC_US;
	b->x.csw_ns = (int64_t)at + 60 * MSC_US;
}

static char *print(const struct bench *b, bool utf8)
{
	struct msc_timeline t;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_true(msc_timeline_of(&b->x, &b->pace, &t));
	msc_timeline_print(f, &t, utf8, 0);
	fclose(f);
	return text;
}

static void test_serial(void **state)
{
	struct bench b;
	char *text;

	(void)state;
	exact(&b, false);
	text = print(&b, false);
	assert_string_equal(
		text,
		"one read of 2 blocks, serial; a column is 40 us\n"
		"time     0         400 us    800 us    1.2 ms    1.6 ms    2 ms      2.4 ms\n"
		"         +---------+---------+---------+---------+---------+---------+--\n"
		"host     |[data------------------------------------------------------] |\n"
		"bus      C.........................##########...............########## S\n"
		"medium    ~~~~~~~~~~~~~~~~~~~~~~~~~          ~~~~~~~~~~~~~~~\n"
		"         C CBW, # data, S CSW, . NAK; ~ the device gets data\n"
		"Of 2.519 ms the bus carries packets for 34 %, asks a device that has nothing\n"
		"yet for 63 %; for 3 % nothing is under way.\n");
	free(text);
}

static void test_queued_in_utf8(void **state)
{
	struct bench b;
	char *text;

	(void)state;
	exact(&b, true);
	text = print(&b, true);
	assert_non_null(strstr(text, "queued; a column is 40 us\n"));
	assert_non_null(strstr(text, "\u251cCBW, data, CSW\u2500"));
	assert_non_null(strstr(text, "\u2588\u2588\u2588"));
	free(text);
}

/* Seen at frames only: the NAKs tell where in the frame a block began. */
static void test_frames_and_naks(void **state)
{
	struct bench b;
	char *text;

	(void)state;
	exact(&b, true);
	b.pace.host = (struct msc_pace_lock){ .locked = true, .period_ns = 1e6 };
	b.pace.nak_period_ns = 7333;
	for (int i = 0; i < PIECES; i++) {
		b.seen[i] = i < 8 ? 2 * MSC_MS : 3 * MSC_MS;
		b.naks[i] = 0;
	}
	b.x.csw_naks = 0;
	b.naks[0] = 150; /* 1.1 ms */
	b.naks[8] = 82;	 /* 0.6 ms */
	b.x.csw_ns = 3 * MSC_MS;
	text = print(&b, false);
	assert_non_null(strstr(text, "bus positions are estimated"));
	assert_non_null(
		strstr(text, "bus      C......................########............########S:"));
	free(text);
}

/* A second buffer, a tick of the device, a host that sees ends at frames. */
static void test_overlap_ticks_and_waits(void **state)
{
	struct bench b;
	char *text;

	(void)state;
	exact(&b, false);
	b.pace.host = (struct msc_pace_lock){ .locked = true, .period_ns = 1e6 };
	b.pace.tick = (struct msc_pace_lock){ .locked = true, .period_ns = 1e6, .phase_ns = 0.5e6 };
	b.pace.tick_clock = MSC_PACE_CLOCK_DEVICE;
	b.pace.buffers = 2;
	b.x.cbw_ns = b.x.asked_ns = 1 * MSC_MS;
	b.x.csw_ns = 4 * MSC_MS;
	b.x.csw_naks = 0;
	text = print(&b, false);
	assert_non_null(strstr(text, "\nbus      C::::::::::"));
	assert_non_null(strstr(text, "S::::::::::::"));
	assert_non_null(strstr(text, "\nticks    "));
	assert_non_null(strstr(text, "| a tick of the device"));
	assert_non_null(strstr(text, "at a frame's end"));
	assert_non_null(strstr(text, "as two buffers"));
	free(text);
}

/* The medium is read until the last block goes, and not while the host waits for the CSW. */
static void test_how_long_the_medium_works(void **state)
{
	struct bench b;
	struct msc_timeline t;
	char *text, *bus, *medium;
	size_t last, spans = 0;

	(void)state;
	exact(&b, true);
	b.pace.buffers = 2;
	b.x.csw_ns += 1 * MSC_MS;
	text = print(&b, false);
	bus = strstr(text, "\nbus      ");
	medium = strstr(text, "\nmedium   ");
	assert_true(bus && medium);
	*medium = '\0';
	bus = strrchr(bus, '#');
	while (bus[-1] == '#')
		bus--;
	*bus = '\0';
	last = strlen(strrchr(text, '\n') + 10); /* in that column both are to be seen */
	assert_in_range(strspn(medium + 10, "~"), last, last + 1);
	assert_int_equal(medium[10 + strspn(medium + 10, "~")], '\n');
	free(text);
	assert_true(msc_timeline_of(&b.x, &b.pace, &t));
	for (size_t i = 0; i < t.n; i++)
		spans += t.span[i].lane == MSC_LANE_MEDIUM;
	assert_int_equal(spans, 1); /* drawn once, not through another */
}

static int width_of(const char *line)
{
	int n = 0;

	for (; *line && *line != '\n'; line++)
		n += (*line & 0xc0) != 0x80;
	return n;
}

/* However long it takes, 80 columns are enough. */
static void test_80_columns(void **state)
{
	static const double scale[] = { 1e-3, 0.37, 1, 1.7, 6.9, 33, 1e3, 1e6 };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(scale) * 2; i++) {
		struct bench b;
		char *text;

		exact(&b, i % 2);
		for (int k = 0; k < PIECES; k++)
			b.seen[k] = (int64_t)((double)b.seen[k] * scale[i / 2]);
		b.x.csw_ns = b.seen[PIECES - 1] + 60 * MSC_US;
		if (b.x.status_ns)
			b.x.status_ns = b.seen[PIECES - 1];
		text = print(&b, true);
		for (char *line = text; *line; line = strchr(line, '\n') + 1)
			if (width_of(line) > 80)
				fail_msg("%d columns: %.90s", width_of(line), line);
		free(text);
	}
}

static void test_nothing_to_show(void **state)
{
	struct bench b = { .pace = { .speed = MSC_SPEED_FULL } };
	struct msc_timeline t;

	(void)state;
	assert_false(msc_timeline_of(&b.x, &b.pace, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serial),          cmocka_unit_test(test_queued_in_utf8),
		cmocka_unit_test(test_frames_and_naks),
		cmocka_unit_test(test_overlap_ticks_and_waits),
		cmocka_unit_test(test_how_long_the_medium_works), cmocka_unit_test(test_80_columns),
		cmocka_unit_test(test_nothing_to_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
