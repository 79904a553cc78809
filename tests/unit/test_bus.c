/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator judged by the numbers of the USB 2.0 specification, with a firmware of a few
 * lines: it echoes what it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/device.h"

enum { ROOM = 1 << 20, EP_IN = 0x81, EP_OUT = 0x02 };

struct bulk {
	uint8_t in[ROOM], out[ROOM];
	size_t in_len;	 /* sent after every reset; 0: nothing is armed */
	size_t out_room; /* armed after every reset */
	int64_t delay_ns; /* before arming */
	int64_t ready_ns; /* arming takes effect then, if that is later */
	size_t received;
	unsigned in_done;
	bool stall_in, twice;
};

static void arm(struct mcu *m, void *unused)
{
	struct bulk *b = mcu_state(m);

	(void)unused;
	if (b->ready_ns > mcu_now(m))
		mcu_spin(m, b->ready_ns - mcu_now(m));
	if (b->stall_in)
		udc_stall(m, EP_IN);
	else if (b->in_len)
		udc_transmit(m, EP_IN, b->in, b->in_len);
	if (b->twice)
		udc_transmit(m, EP_IN, b->in, b->in_len);
	if (b->out_room)
		udc_receive(m, EP_OUT, b->out, b->out_room);
}

static void reset(struct mcu *m)
{
	struct bulk *b = mcu_state(m);
	uint16_t size = mcu_speed(m) == MSC_SPEED_HIGH ? 512 : 64;

	udc_open(m, 0x00, 64);
	udc_open(m, 0x80, 64);
	udc_open(m, EP_IN, size);
	udc_open(m, EP_OUT, size);
	if (b->delay_ns)
		mcu_timer(m, b->delay_ns, arm, NULL);
	else
		arm(m, NULL);
}

static void in_done(struct mcu *m, uint8_t ep)
{
	struct bulk *b = mcu_state(m);

	assert_int_equal(ep, EP_IN);
	b->in_done++;
}

static void out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct bulk *b = mcu_state(m);

	assert_int_equal(ep, EP_OUT);
	b->received += len;
}

static const struct mcu_vectors vectors = { .reset = reset,
					    .in_done = in_done,
					    .out_done = out_done };

static struct bulk setup;
static uint8_t host[ROOM];

static struct sim_device *plug(enum msc_speed speed, enum bus_host controller)
{
	struct sim_device_config c = { .name = "bulk",
				       .vectors = &vectors,
				       .state = &setup,
				       .state_size = sizeof setup,
				       .speed = speed,
				       .bus.host = controller,
				       .bus.host_ns = 5 * MSC_US,
				       .seed = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device *d = sim_device_new(&c, &err);
	uint16_t size = speed == MSC_SPEED_HIGH ? 512 : 64;

	assert_non_null(d);
	bus_port_reset(sim_device_bus(d));
	bus_open_endpoint(sim_device_bus(d), EP_IN, size);
	bus_open_endpoint(sim_device_bus(d), EP_OUT, size);
	return d;
}

static struct bus_transfer move(struct sim_device *d, uint8_t ep, size_t len)
{
	struct bus_transfer t = { .ep = ep, .data = host, .len = len };

	bus_submit(sim_device_bus(d), &t);
	sim_run(sim_device_sim(d), &t.done, sim_now(sim_device_sim(d)) + MSC_S);
	if (!t.done)
		bus_cancel(sim_device_bus(d), &t);
	return t;
}

/* USB 2.0, tables 5-9 and 5-10, and what bit stuffing makes of them. */
static void packets_in_a_frame(void **state)
{
	static const struct {
		enum msc_speed speed;
		uint8_t fill;
		unsigned packets; /* in one frame or microframe */
	} rows[] = {
		{MSC_SPEED_FULL, 0x00, 19}, {MSC_SPEED_FULL, 0xff, 17},
		{MSC_SPEED_HIGH, 0x00, 13}, {MSC_SPEED_HIGH, 0xff, 11},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (unsigned out = 0; out < 2; out++) {
			unsigned size = rows[i].speed == MSC_SPEED_HIGH ? 512 : 64, frames = 100;
			size_t len = (size_t)rows[i].packets * size * frames;
			struct sim_device *d;
			struct bus_transfer t;

			memset(&setup, 0, sizeof setup);
			memset(setup.in, rows[i].fill, sizeof setup.in);
			memset(host, rows[i].fill, sizeof host);
			setup.in_len = len;
			setup.out_room = len;
			d = plug(rows[i].speed, BUS_HOST_XHCI);
			t = move(d, out ? EP_OUT : EP_IN, len);
			assert_int_equal(t.outcome, BUS_DONE);
			assert_int_equal(t.actual, len);
			/* begun at the start of a frame, ended within the hundredth */
			assert_int_equal(t.began_ns / bus_frame_ns(sim_device_bus(d)) + frames - 1,
					 t.ended_ns / bus_frame_ns(sim_device_bus(d)));
			sim_device_free(d);
			/* one packet more needs another frame */
			setup.in_len += size;
			setup.out_room += size;
			d = plug(rows[i].speed, BUS_HOST_XHCI);
			t = move(d, out ? EP_OUT : EP_IN, len + size);
			assert_int_equal(t.began_ns / bus_frame_ns(sim_device_bus(d)) + frames,
					 t.ended_ns / bus_frame_ns(sim_device_bus(d)));
			sim_device_free(d);
		}
	}
}

/* One packet alone: the bytes of tables 5-9 and 5-10 beside the payload, then the stuffed bits,
 * each rounded up to a nanosecond; the frame begins with its SOF. */
static void one_packet(void **state)
{
	static const struct {
		enum msc_speed speed;
		uint8_t fill;
		size_t len;
		int64_t sof_ns, ns;
	} rows[] = {
		{MSC_SPEED_FULL, 0x00, 0, 3334, 8667},	     /* 104 bits of 83.333 ns */
		{MSC_SPEED_FULL, 0x00, 64, 3334, 51334},     /* 616 */
		{MSC_SPEED_FULL, 0xff, 64, 3334, 51334 + 7084}, /* and 85 stuffed */
		{MSC_SPEED_HIGH, 0x00, 0, 384, 917},	     /* 440 bits of 2.083 ns */
		{MSC_SPEED_HIGH, 0x00, 512, 384, 9449},	     /* 4536 */
		{MSC_SPEED_HIGH, 0xff, 512, 384, 9449 + 1421}, /* and 682 stuffed */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (unsigned out = 0; out < 2; out++) {
			struct sim_device *d;
			struct bus_transfer t;

			if (!out && !rows[i].len)
				continue; /* this firmware arms no empty packet */
			memset(&setup, 0, sizeof setup);
			memset(setup.in, rows[i].fill, sizeof setup.in);
			memset(host, rows[i].fill, sizeof host);
			setup.in_len = rows[i].len;
			setup.out_room = 512;
			d = plug(rows[i].speed, BUS_HOST_XHCI);
			t = move(d, out ? EP_OUT : EP_IN, rows[i].len);
			assert_int_equal(t.outcome, BUS_DONE);
			assert_int_equal(t.began_ns % bus_frame_ns(sim_device_bus(d)),
					 rows[i].sof_ns);
			assert_int_equal(t.ended_ns - t.began_ns, rows[i].ns);
			sim_device_free(d);
		}
	}
}

/* A device that becomes ready at the very instant of a poll is not refused by it; a nanosecond
 * later it has been. */
static void naks_are_polls_refused(void **state)
{
	static const struct {
		enum msc_speed speed;
		uint8_t ep;
		int64_t second_ns, period_ns; /* of the polls; the second counts from the reset */
	} rows[] = {
		/* a refused IN is 8 bytes, 5334 ns, and xHCI pauses 1 us */
		{ MSC_SPEED_FULL, EP_IN, 3334 + 6334, 6334 },
		/* a refused OUT carries its 64 bytes: table 5-9 */
		{ MSC_SPEED_FULL, EP_OUT, 3334 + 52334, 52334 },
		/* an IN, and a PING, of 36 bytes, 600 ns; the first OUT has no PING */
		{ MSC_SPEED_HIGH, EP_IN, 384 + 1600, 1600 },
		{ MSC_SPEED_HIGH, EP_OUT, 384 + 10449, 1600 },
	};
	struct bus_transfer t;
	struct sim_device *d;

	(void)state;
	memset(host, 0, sizeof host);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (unsigned late = 0; late < 2; late++) {
			size_t len = rows[i].speed == MSC_SPEED_HIGH ? 512 : 64;

			memset(&setup, 0, sizeof setup);
			setup.in_len = setup.out_room = len;
			setup.delay_ns = 20 * MSC_MS;
			setup.ready_ns =
				20 * MSC_MS + rows[i].second_ns + 1000 * rows[i].period_ns + late;
			d = plug(rows[i].speed, BUS_HOST_XHCI);
			t = move(d, rows[i].ep, len);
			assert_int_equal(t.outcome, BUS_DONE);
			assert_int_equal(t.naks, 1001 + late);
			sim_device_free(d);
		}
	}

	setup.in_len = 0;
	d = plug(MSC_SPEED_FULL, BUS_HOST_XHCI);
	t = move(d, EP_IN, 64);
	assert_int_equal(t.outcome, BUS_CANCELLED);
	assert_int_equal(t.actual, 0);
	sim_device_free(d);
}

static void completion_is_seen_by_policy(void **state)
{
	static const struct {
		enum bus_host host;
		int64_t grid_ns;
	} rows[] = { { BUS_HOST_UHCI, MSC_MS },
		     { BUS_HOST_OHCI, MSC_MS },
		     { BUS_HOST_EHCI, 125 * MSC_US },
		     { BUS_HOST_XHCI, 0 } };

	(void)state;
	memset(&setup, 0, sizeof setup);
	setup.in_len = 13;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sim_device *d = plug(MSC_SPEED_FULL, rows[i].host);
		struct bus_transfer t = move(d, EP_IN, 64);
		int64_t at = t.seen_ns - 5 * MSC_US;

		assert_int_equal(t.actual, 13);
		if (rows[i].grid_ns)
			assert_int_equal(at % rows[i].grid_ns, 0);
		else
			assert_int_equal(at, t.ended_ns);
		sim_device_free(d);
	}
}

static void stall_short_and_babble(void **state)
{
	struct bus_transfer t;
	struct sim_device *d;

	(void)state;
	memset(&setup, 0, sizeof setup);
	setup.stall_in = true;
	d = plug(MSC_SPEED_HIGH, BUS_HOST_EHCI);
	t = move(d, EP_IN, 512);
	assert_int_equal(t.outcome, BUS_STALL);
	sim_device_free(d);

	setup.stall_in = false;
	setup.in_len = 700; /* 512 and a short packet of 188 */
	d = plug(MSC_SPEED_HIGH, BUS_HOST_EHCI);
	t = move(d, EP_IN, 2048);
	assert_int_equal(t.outcome, BUS_DONE);
	assert_int_equal(t.actual, 700);
	assert_int_equal(t.packets, 2);
	sim_device_free(d);

	d = plug(MSC_SPEED_HIGH, BUS_HOST_EHCI);
	t = move(d, EP_IN, 600);
	assert_int_equal(t.outcome, BUS_BABBLE);
	assert_int_equal(t.actual, 512);
	sim_device_free(d);
}

/* A host that forgets its toggle loses exactly one packet: USB 2.0, 8.6. */
static void toggles(void **state)
{
	struct bus_transfer t;
	struct sim_device *d;

	(void)state;
	memset(&setup, 0, sizeof setup);
	setup.in_len = 512 * 3;
	for (size_t i = 0; i < 3; i++)
		memset(setup.in + 512 * i, (int)i + 1, 512);
	d = plug(MSC_SPEED_HIGH, BUS_HOST_EHCI);
	t = move(d, EP_IN, 512);
	assert_int_equal(host[0], 1);
	bus_reset_toggle(sim_device_bus(d), EP_IN);
	t = move(d, EP_IN, 512);
	assert_int_equal(t.outcome, BUS_DONE);
	assert_int_equal(host[0], 3); /* packet 2 came with DATA1 and was taken for a repetition */
	sim_device_free(d);
}

static void misuse_is_remarked(void **state)
{
	struct sim_device *d;
	struct bus_transfer t;
	char text[128];
	bool died;

	(void)state;
	memset(&setup, 0, sizeof setup);
	setup.in_len = 64;
	setup.twice = true;
	d = plug(MSC_SPEED_HIGH, BUS_HOST_EHCI);
	t = move(d, EP_IN, 512);
	assert_int_equal(t.outcome, BUS_DONE);
	assert_int_equal(t.actual, 64);
	assert_null(sim_fault_text(sim_device_sim(d)));
	assert_true(sim_device_remark(d, text, sizeof text, &died));
	assert_string_equal(text, "ep_transmit: endpoint 0x81 is busy");
	assert_false(sim_device_remark(d, text, sizeof text, &died));
	sim_device_free(d);
}

static void detached_is_gone(void **state)
{
	struct bus_transfer t = { .ep = EP_IN, .data = host, .len = 64 };
	struct sim_device *d;

	(void)state;
	memset(&setup, 0, sizeof setup);
	d = plug(MSC_SPEED_HIGH, BUS_HOST_EHCI);
	bus_submit(sim_device_bus(d), &t);
	bus_detach(sim_device_bus(d));
	assert_true(t.done);
	assert_int_equal(t.outcome, BUS_GONE);
	t = move(d, EP_OUT, 64);
	assert_int_equal(t.outcome, BUS_GONE);
	sim_device_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_in_a_frame),
		cmocka_unit_test(one_packet),
		cmocka_unit_test(naks_are_polls_refused),
		cmocka_unit_test(completion_is_seen_by_policy),
		cmocka_unit_test(stall_short_and_babble),
		cmocka_unit_test(toggles),
		cmocka_unit_test(misuse_is_remarked),
		cmocka_unit_test(detached_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
