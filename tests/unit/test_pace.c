/* SPDX-License-Identifier: BSD-2-Clause */
/* The analysis of mscope pace, on samples of devices that are a few equations (pace_device.c): it
 * must find out what the equations are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pace_device.h"

static const struct msc_pace_options both = { .serial = true, .queued = true };
static const struct msc_pace_options serially = { .serial = true };

static void analyse(const struct pace_device *d, const struct msc_pace_options *o,
		    struct msc_pace *p)
{
	struct msc_pace_samples s;
	struct msc_err err = MSC_ERR_INIT;

	assert_true(pace_device_samples(d, &s));
	assert_int_equal(msc_pace_analyse(&s, o, p, &err), 0);
	msc_pace_samples_free(&s);
}

static const char *first(const struct msc_pace *p)
{
	return p->n_diagnosis ? msc_diagnosis_ids[p->diagnosis[0].id] : "nothing";
}

/* ---- the bottleneck ------------------------------------------------------------------------------ */

#define UHCI .frame_ns = 1e6
#define XHCI .frame_ns = 0

struct row {
	const char *what;
	struct pace_device d;
	const char *first;
	unsigned buffers; /* 0: it does not matter */
	double tick_ns;	  /* 0: none must be found */
};

static const struct row rows[] = {
	{ "in an interrupt", { 1, 2e6, 3e5, .interrupt = true, UHCI }, "medium-in-interrupt", 1, 0 },
	{ "in an interrupt, seen at once", { 1, 2e6, 3e5, .interrupt = true, XHCI },
	  "medium-in-interrupt", 1, 0 },
	{ "a slow one", { 1, 7e6, 1e6, .interrupt = true, UHCI }, "medium-in-interrupt", 1, 0 },
	{ "a quick one", { 1, 6e5, 1e5, .interrupt = true, UHCI }, "medium-in-interrupt", 1, 0 },
	{ "one buffer, a tick", { 1, 7e5, 3e5, 1e6, UHCI }, "single-buffered", 1, 1e6 },
	{ "the same, seen at once", { 1, 7e5, 3e5, 1e6, XHCI }, "single-buffered", 1, 1e6 },
	{ "the same, NAKs hidden", { 1, 7e5, 3e5, 1e6, UHCI, .naks_hidden = true },
	  "single-buffered", 1, 1e6 },
	{ "a tick of 2 ms", { 1, 7e5, 3e5, 2e6, UHCI }, "single-buffered", 1, 2e6 },
	{ "a slow medium", { 1, 14e5, 3e5, 1e6, UHCI }, "single-buffered", 1, 1e6 },
	{ "one buffer, no tick", { 1, 7e5, 3e5, UHCI }, "single-buffered", 1, 0 },
	{ "the same, seen at once", { 1, 7e5, 3e5, XHCI }, "single-buffered", 1, 0 },
	{ "two buffers, a tick", { 2, 7e5, 4e5, 1e6, UHCI }, "tick-bound", 0, 1e6 },
	{ "the same, seen at once", { 2, 7e5, 4e5, 1e6, XHCI }, "tick-bound", 0, 1e6 },
	{ "the same, NAKs hidden", { 2, 7e5, 4e5, 1e6, UHCI, .naks_hidden = true }, "tick-bound",
	  0, 1e6 },
	{ "always one tick", { 2, 7e5, 1e5, 1e6, UHCI }, "tick-bound", 0, 1e6 },
	{ "always two", { 2, 14e5, 1e5, 1e6, UHCI }, "tick-bound", 2, 1e6 },
	{ "a tick of 500 us", { 2, 7e5, 4e5, 5e5, UHCI }, "tick-bound", 2, 5e5 },
	{ "a tick of 10 ms", { 2, 7e5, 4e5, 1e7, UHCI }, "tick-bound", 0, 1e7 },
	{ "a tick of 1024 Hz", { 2, 7e5, 4e5, 1e9 / 1024, UHCI }, "tick-bound", 0, 1e9 / 1024 },
	{ "a tick that drifts", { 2, 7e5, 4e5, 1e6, 300, UHCI }, "tick-bound", 0, 1000300 },
	{ "two buffers, no tick", { 2, 7e5, 4e5, UHCI }, "medium-bound", 2, 0 },
	{ "the same, seen at once", { 2, 7e5, 4e5, XHCI }, "medium-bound", 2, 0 },
	{ "only the first block waits", { 2, 7e5, 4e5, 1e6, .first_only = true, UHCI },
	  "medium-bound", 2, 0 },
	{ "one buffer, only the first block waits", { 1, 9e5, 4e5, 1e6, .first_only = true, UHCI },
	  "single-buffered", 1, 0 },
	{ "a regular medium", { 2, 1e6, 0, UHCI }, "medium-bound", 2, 0 },
	{ "a regular medium, not whole frames", { 2, 83e4, 0, UHCI }, "medium-bound", 2, 0 },
	{ "a quick medium", { 2, 1e5, 1e5, UHCI }, "bus-bound", 0, 0 },
	{ "a quick medium, seen at once", { 2, 1e5, 1e5, XHCI }, "bus-bound", 0, 0 },
	{ "a slow command", { 2, 1e5, 1e5, .command_ns = 20e6, UHCI }, "per-command-cost", 0, 0 },
};

static void test_bottlenecks(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows) * 3; i++) {
		const struct row *r = &rows[i / 3];
		struct pace_device d = r->d;
		struct msc_pace p;

		d.seed = i % 3 * 77 + 5;
		analyse(&d, &both, &p);
		if (!pace_names_first(&p, r->first))
			fail_msg("%s, seed %d: %s, expected %s (%s)", r->what, (int)d.seed,
				 first(&p), r->first,
				 p.n_diagnosis ? p.diagnosis[0].evidence : p.untold);
		if (r->buffers && p.buffers != r->buffers)
			fail_msg("%s: %u buffers, expected %u", r->what, p.buffers, r->buffers);
		if (p.tick.locked != (r->tick_ns > 0) ||
		    (r->tick_ns > 0 && fabs(p.tick.period_ns / r->tick_ns - 1) > 100e-6))
			fail_msg("%s: tick %d of %.0f ns, resultant %.2f, expected %.0f ns",
				 r->what, p.tick.locked, p.tick.period_ns, p.tick.resultant,
				 r->tick_ns);
		if (p.host.locked != (d.frame_ns > 0))
			fail_msg("%s: the host's frame: %d", r->what, p.host.locked);
	}
}

static bool lists(const struct msc_pace *p, enum msc_diagnosis_id id)
{
	for (size_t i = 0; i < p->n_diagnosis; i++)
		if (p->diagnosis[i].id == id)
			return true;
	return false;
}

static const struct {
	const char *what;
	struct pace_device d;
	const char *first;
	double tick_ns; /* 0: none must be found */
	bool saves, untold;
} handed[] = {
	{ "quicker than the bus",
	  { 2, 2e5, 1e5, 1e6, UHCI },
	  "tick-bound",
	  1e6,
	  true,
	  false },
	{ "the same, seen at once",
	  { 2, 2e5, 1e5, 1e6, XHCI },
	  "tick-bound",
	  1e6,
	  true,
	  false },
	{ "at times", { 2, 38e4, 1e5, 1e6, XHCI }, "tick-bound", 1e6, true, false },
	{ "a tick of 10 ms", { 2, 38e4, 1e5, 1e7, UHCI }, "tick-bound", 1e7, true, false },
	{ "slower than the bus",
	  { 2, 7e5, 3e5, 1e6, UHCI },
	  "medium-bound",
	  1e6,
	  false,
	  false },
	{ "the same, seen at once",
	  { 2, 7e5, 3e5, 1e6, XHCI },
	  "medium-bound",
	  1e6,
	  false,
	  false },
	{ "about as quick", { 2, 47e4, 4e4, 1e6, UHCI }, "medium-bound", 1e6, true, true },
	{ "one buffer", { 1, 7e5, 3e5, 1e6, UHCI }, "single-buffered", 0, false, false },
	{ "no tick", { 2, 7e5, 3e5, 0, UHCI }, "medium-bound", 0, false, false },
};

/* A task that waits for the bus with the next block in its hands is woken late, and nothing else is. */
static void test_what_is_handed_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(handed) * 3; i++) {
		struct pace_device d = handed[i / 3].d;
		const char *what = handed[i / 3].what;
		struct msc_pace p;

		d.handed_only = true;
		d.seed = i % 3 * 77 + 5;
		analyse(&d, &both, &p);
		if (!pace_names_first(&p, handed[i / 3].first))
			fail_msg("%s, seed %d: %s: %s; block %.0f first %.0f R %.2f chance %g",
				 what, (int)d.seed, first(&p), p.diagnosis[0].evidence, p.block_ns,
				 p.first_ns, p.tick.resultant, p.tick.chance);
		if (p.handed.locked != (handed[i / 3].tick_ns > 0) ||
		    (p.handed.locked &&
		     fabs(p.handed.period_ns / handed[i / 3].tick_ns - 1) > 100e-6))
			fail_msg("%s: a tick of %.0f ns (%d), resultant %.2f", what,
				 p.handed.period_ns, p.handed.locked, p.handed.resultant);
		if (p.wake.locked || p.buffers != d.buffers)
			fail_msg("%s: %u buffers, first blocks %d", what, p.buffers, p.wake.locked);
		if (!p.untold[0] == handed[i / 3].untold)
			fail_msg("%s: untold: %s", what, p.untold);
		if (lists(&p, MSC_DIAG_TICK_BOUND) != handed[i / 3].saves)
			fail_msg("%s: tick-bound: %d", what, !handed[i / 3].saves);
	}
}

static void test_numbers(void **state)
{
	const struct pace_device d = { 1, 8e5, 0, UHCI };
	struct msc_pace p;

	(void)state;
	analyse(&d, &both, &p);
	assert_float_equal(p.host.period_ns, 1e6, 50);
	assert_float_equal(p.bus_ns, 421053, 1);
	assert_float_equal(p.block_ns, 1221e3, 15e3);
	assert_float_equal(p.medium_ns, 800e3, 15e3);
	assert_float_equal(p.first_ns, 800e3, 60e3);
	assert_true(p.overlap < 0.2);
	assert_float_equal(p.after_pause_ns[0], 421e3, 60e3);
	assert_float_equal(p.after_pause_ns[1], 1221e3, 60e3);
	assert_float_equal(p.per_byte_ns * 512, 1221e3, 15e3);
	assert_int_equal(p.naks_source, MSC_PACE_NAKS_BUS);
	assert_float_equal(p.nak_period_ns, 7333, 80);
	assert_float_equal(p.nak_ns, 800e3, 15e3);
	assert_int_equal(p.sizes[1].blocks, 1);
	assert_float_equal(p.sizes[1].true_ns, 1265e3, 70e3);
	assert_float_equal(p.sizes[1].host_ns[MSC_PACE_SERIAL], 1500e3, 400e3);
}

static void test_drift(void **state)
{
	static const double ppm[] = { 0, 60, -150, 700 };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(ppm); i++) {
		struct pace_device d = { 2, 7e5, 4e5, 1e6, ppm[i], UHCI };
		struct msc_pace p;

		analyse(&d, &both, &p);
		assert_true(p.drift_known);
		if (fabs(p.drift_ppm - ppm[i]) > p.drift_error_ppm + 1 || p.drift_error_ppm > 40)
			fail_msg("drift %.1f within %.1f ppm, expected %.0f", p.drift_ppm,
				 p.drift_error_ppm, ppm[i]);
		assert_int_equal(p.tick_clock, MSC_PACE_CLOCK_DEVICE);
	}
}

static void test_naks_that_cannot_be_seen_are_inferred(void **state)
{
	const struct pace_device d = { 1, 8e5, 0, UHCI, .naks_hidden = true };
	struct msc_pace p;

	(void)state;
	analyse(&d, &both, &p);
	assert_int_equal(p.naks_source, MSC_PACE_NAKS_INFERRED);
	assert_int_equal(p.naks, -1);
	assert_true(p.naks_per_block < 0);
	assert_float_equal(p.nak_ns, 800e3, 15e3);
}

static void test_serial_reads_of_a_quick_device_are_host_paced(void **state)
{
	const struct pace_device d = { 2, 1e5, 0, UHCI };
	struct msc_pace p;

	(void)state;
	analyse(&d, &serially, &p);
	assert_string_equal(first(&p), "host-paced");
	assert_non_null(strstr(p.diagnosis[0].evidence, "ms"));
}

/* ---- little, odd and no samples ------------------------------------------------------------------ */

static void test_no_samples(void **state)
{
	struct msc_pace_samples s = { .speed = MSC_SPEED_FULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_pace p;

	(void)state;
	assert_int_equal(msc_pace_analyse(&s, &both, &p, &err), 0);
	assert_int_equal(p.n_diagnosis, 0);
	assert_true(*p.untold);
	assert_false(p.host.locked || p.tick.locked);
	assert_int_equal(p.naks_source, MSC_PACE_NAKS_NONE);
}

/* Without long reads there is no evidence for anything within the device. */
static void test_commands_alone(void **state)
{
	const struct pace_device d = { 1, 2e6, 3e5, .interrupt = true, UHCI };
	struct msc_pace_samples s;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_pace p;

	(void)state;
	assert_true(pace_device_samples(&d, &s));
	while (s.n_streams)
		msc_pace_drop_stream(&s);
	assert_int_equal(msc_pace_analyse(&s, &both, &p, &err), 0);
	for (size_t i = 0; i < p.n_diagnosis; i++)
		assert_int_equal(p.diagnosis[i].id, MSC_DIAG_HOST_PACED);
	assert_non_null(strstr(p.untold, "no long reads"));
	msc_pace_samples_free(&s);
}

/* Four times as fast as the bus: an emulated controller. */
static void test_what_no_bus_carries(void **state)
{
	struct pace_device d = { 2, 1e5, 1e5, XHCI };
	struct msc_pace_samples s;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_pace p;

	(void)state;
	assert_true(pace_device_samples(&d, &s));
	for (size_t i = 0; i < s.n_commands; i++) {
		struct msc_pace_command *c = &s.commands[i];

		c->cbw_ns = c->began_ns + (c->cbw_ns - c->began_ns) / 4;
		c->data_ns = c->began_ns + (c->data_ns - c->began_ns) / 4;
		c->csw_ns = c->began_ns + (c->csw_ns - c->began_ns) / 4;
	}
	assert_int_equal(msc_pace_analyse(&s, &both, &p, &err), 0);
	msc_pace_samples_free(&s);
	assert_true(p.beats_bus);
	assert_false(lists(&p, MSC_DIAG_BUS_BOUND));
	assert_non_null(strstr(p.untold, "no such bus lies between"));
	assert_true(p.per_byte_ns < 0);
	for (size_t i = 0; i < p.n_sizes; i++)
		assert_true(p.sizes[i].true_ns <= p.sizes[i].mean_ns[MSC_PACE_STROBED]);
	analyse(&d, &both, &p);
	assert_false(p.beats_bus);
	assert_true(lists(&p, MSC_DIAG_BUS_BOUND));
}

static void test_endpoint_0_was_not_asked(void **state)
{
	const struct pace_device d = { 1, 2e6, 3e5, .interrupt = true, UHCI };
	struct msc_pace_samples s;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_pace p;

	(void)state;
	assert_true(pace_device_samples(&d, &s));
	s.n_requests = 3;
	assert_int_equal(msc_pace_analyse(&s, &both, &p, &err), 0);
	assert_string_not_equal(first(&p), "medium-in-interrupt");
	assert_non_null(strstr(p.untold, "endpoint 0"));
	msc_pace_samples_free(&s);
}

/* ---- writes -------------------------------------------------------------------------------------- */

static void with_writes(int pauses, size_t n, struct msc_pace *p)
{
	struct msc_pace_samples s = { .speed = MSC_SPEED_FULL };
	struct msc_err err = MSC_ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		struct msc_pace_write *w = msc_pace_add_write(&s);

		assert_non_null(w);
		*w = (struct msc_pace_write){ 8, 20 * MSC_MS + (int64_t)(i % 7) * MSC_MS };
		if ((int)i < pauses)
			w->ns += 300 * MSC_MS;
	}
	assert_int_equal(msc_pace_analyse(&s, &both, p, &err), 0);
	msc_pace_samples_free(&s);
}

static void test_write_pauses(void **state)
{
	struct msc_pace p;

	(void)state;
	with_writes(0, 100, &p);
	assert_int_equal(p.n_diagnosis, 0);
	with_writes(3, 100, &p);
	assert_int_equal(p.write_pauses, 3);
	assert_float_equal(p.write_pause_ns, 300e6, 5e6);
	assert_string_equal(first(&p), "write-pauses");
	assert_true(p.diagnosis[0].write);
	with_writes(3, 10, &p); /* too few to say anything */
	assert_int_equal(p.n_diagnosis, 0);
}

/* ---- the order ----------------------------------------------------------------------------------- */

static void test_order(void **state)
{
	const struct pace_device d = { 1, 7e5, 3e5, 1e6, UHCI };
	struct msc_pace p;
	double sum = 0;
	bool limit = false;

	(void)state;
	analyse(&d, &both, &p);
	assert_true(p.n_diagnosis >= 3);
	for (size_t i = 0; i < p.n_diagnosis; i++) {
		const struct msc_diagnosis *x = &p.diagnosis[i];

		sum += x->share;
		assert_true(*x->evidence && *x->advice && strlen(x->evidence) < 630);
		assert_true(x->saves_least >= 0 && x->saves_least <= x->saves_most);
		assert_true(x->saves_most < 1);
		if (i && !limit && x->id < MSC_DIAG_MEDIUM_BOUND)
			assert_true(x->saves_least + x->saves_most <=
				    p.diagnosis[i - 1].saves_least + p.diagnosis[i - 1].saves_most);
		limit |= x->id >= MSC_DIAG_MEDIUM_BOUND;
	}
	assert_true(limit);
	if (sum > 1.1) /* nothing is counted twice */
		fail_msg("the shares add up to %.2f", sum);
}

/* 64 blocks in packets of 64 bytes take the bus 1.08 ms at high speed, and of 512 bytes 0.62 ms: a write that takes less
 * than the first had the second, whatever wMaxPacketSize says. */
static void test_a_false_packet_size_is_seen_by_writes(void **state)
{
	static const struct {
		int64_t ns;
		uint32_t packet;
	} took[] = { { 700 * MSC_US, 512 }, { 5 * MSC_MS, 64 } };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(took); i++) {
		struct msc_pace_written w = { .blocks = 64,
					      .began_ns = 1,
					      .csw_ns = 1 + took[i].ns };
		struct msc_pace_samples s = { .speed = MSC_SPEED_HIGH,
					      .block_size = 512,
					      .packet = 64,
					      .written = &w,
					      .n_written = 1 };

		msc_pace_settle_packet(&s);
		assert_int_equal(s.packet, took[i].packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bottlenecks),
		cmocka_unit_test(test_what_is_handed_over),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_naks_that_cannot_be_seen_are_inferred),
		cmocka_unit_test(test_serial_reads_of_a_quick_device_are_host_paced),
		cmocka_unit_test(test_no_samples),
		cmocka_unit_test(test_commands_alone),
		cmocka_unit_test(test_what_no_bus_carries),
		cmocka_unit_test(test_endpoint_0_was_not_asked),
		cmocka_unit_test(test_write_pauses),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_a_false_packet_size_is_seen_by_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
