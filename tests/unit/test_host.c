/* SPDX-License-Identifier: BSD-2-Clause */
/* Host controllers where they differ, by exact times: where a short packet stops a queue, how many
 * packets and interrupts there are, how long a port is reset, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/spec.h"
#include "sim/device.h"

enum { ROOM = 1 << 17, EP_IN = 0x81, MOST = 3 };
#define HOST_NS (5 * MSC_US)

/* Firmware that sends so much, one after the other. */
struct sender {
	uint8_t data[ROOM];
	size_t len[MOST];
	unsigned next;
	uint16_t packet;
};

static void send_next(struct mcu *m, uint8_t ep)
{
	struct sender *s = mcu_state(m);

	(void)ep;
	if (s->next < MOST && s->len[s->next])
		udc_transmit(m, EP_IN, s->data, s->len[s->next]);
	s->next++;
}

static void reset(struct mcu *m)
{
	struct sender *s = mcu_state(m);

	udc_open(m, 0x00, 64);
	udc_open(m, 0x80, 64);
	udc_open(m, EP_IN, s->packet);
	s->next = 0;
	send_next(m, EP_IN);
}

static const struct mcu_vectors vectors = { .reset = reset, .in_done = send_next };

static struct sender setup;
static uint8_t room[MOST][ROOM];

static struct sim_device *plug(enum msc_speed speed, const struct bus_config *bus)
{
	struct sim_device_config c = { .name = "sender",
				       .vectors = &vectors,
				       .state = &setup,
				       .state_size = sizeof setup,
				       .speed = speed,
				       .bus = *bus,
				       .seed = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device *d = sim_device_new(&c, &err);

	assert_non_null(d);
	bus_port_reset(sim_device_bus(d));
	bus_open_endpoint(sim_device_bus(d), EP_IN, setup.packet);
	return d;
}

/* Queues transfers with so much room (0: no more), and waits for the last. */
static void take(struct sim_device *d, const size_t len[MOST], struct bus_transfer t[MOST])
{
	unsigned n = 0;

	for (; n < MOST && len[n]; n++) {
		t[n] = (struct bus_transfer){ .ep = EP_IN, .data = room[n], .len = len[n] };
		bus_submit(sim_device_bus(d), &t[n]);
	}
	sim_run(sim_device_sim(d), &t[n - 1].done, sim_now(sim_device_sim(d)) + MSC_S);
	for (unsigned i = 0; i < n; i++) {
		assert_true(t[i].done);
		assert_int_equal(t[i].outcome, BUS_DONE);
	}
}

/* A transfer that a short packet ends, and one that is queued behind it. */
static void a_short_packet_and_the_queue(void **state)
{
	static const struct {
		enum bus_host host;
		enum msc_speed speed;
		size_t room, sent;
		bool stops;
	} rows[] = {
		/* UHCI: a descriptor is a packet, and the last may be short */
		{ BUS_HOST_UHCI, MSC_SPEED_FULL, 256, 100, true },
		{ BUS_HOST_UHCI, MSC_SPEED_FULL, 256, 200, false },
		{ BUS_HOST_UHCI, MSC_SPEED_FULL, 64, 13, false },
		{ BUS_HOST_UHCI, MSC_SPEED_FULL, 65, 13, true },
		/* OHCI: 4096 bytes */
		{ BUS_HOST_OHCI, MSC_SPEED_FULL, 256, 100, false },
		{ BUS_HOST_OHCI, MSC_SPEED_FULL, 4096, 100, false },
		{ BUS_HOST_OHCI, MSC_SPEED_FULL, 4160, 100, true },
		{ BUS_HOST_OHCI, MSC_SPEED_FULL, 4160, 4100, false },
		/* EHCI: five pages */
		{ BUS_HOST_EHCI, MSC_SPEED_HIGH, 20480, 700, false },
		{ BUS_HOST_EHCI, MSC_SPEED_HIGH, 20992, 700, true },
		{ BUS_HOST_EHCI, MSC_SPEED_HIGH, 20992, 20500, false },
		/* xHCI: all of it */
		{ BUS_HOST_XHCI, MSC_SPEED_HIGH, 65536, 700, false },
		{ BUS_HOST_XHCI, MSC_SPEED_FULL, 65536, 100, false },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		const struct bus_config bus = { .host = rows[i].host, .host_ns = HOST_NS };
		const size_t len[MOST] = { rows[i].room, 512 };
		struct bus_transfer t[MOST];
		struct sim_device *d;

		memset(&setup, 0, sizeof setup);
		setup.packet = rows[i].speed == MSC_SPEED_HIGH ? 512 : 64;
		setup.len[0] = rows[i].sent;
		setup.len[1] = 13;
		d = plug(rows[i].speed, &bus);
		take(d, len, t);
		assert_int_equal(t[0].actual, rows[i].sent);
		assert_int_equal(t[1].actual, 13);
		if (rows[i].stops)
			assert_int_equal(t[1].began_ns, t[0].seen_ns);
		else if (t[1].began_ns / bus_frame_ns(sim_device_bus(d)) ==
			 t[0].ended_ns / bus_frame_ns(sim_device_bus(d)))
			assert_int_equal(t[1].began_ns, t[0].ended_ns);
		else
			fail_msg("row %zu: the next frame", i);
		sim_device_free(d);
	}
}

/* How many full packets there are in each of a hundred frames: so many, and not one more. */
static void count(enum msc_speed speed, uint16_t packet, uint8_t fill, const struct bus_config *bus,
		  unsigned packets)
{
	unsigned frames = ROOM / packet / packets < 100 ? ROOM / packet / packets - 1 : 100;

	for (unsigned more = 0; more < 2; more++) {
		const size_t len[MOST] = { (size_t)packets * packet * frames + more * packet };
		struct bus_transfer t[MOST];
		struct sim_device *d;
		int64_t frame_ns;

		memset(&setup, 0, sizeof setup);
		memset(setup.data, fill, sizeof setup.data);
		setup.packet = packet;
		setup.len[0] = len[0];
		d = plug(speed, bus);
		frame_ns = bus_frame_ns(sim_device_bus(d));
		take(d, len, t);
		if (t[0].ended_ns / frame_ns - t[0].began_ns / frame_ns != frames - 1 + more)
			fail_msg("%s, %u bytes of %02xh: %u in %lld frames, expected %u",
				 bus_host_names[bus->host], packet, fill, packets * frames + more,
				 (long long)(t[0].ended_ns / frame_ns - t[0].began_ns / frame_ns) +
					 1,
				 frames + more);
		sim_device_free(d);
	}
}

/* USB 2.0, table 5-9, for every size of a bulk packet. 71 of 8 bytes end with the last bit time in which
 * something may be on the wire: rounding of each must not cost one. */
static void table_5_9(void **state)
{
	const struct bus_config bus = { .host = BUS_HOST_XHCI, .host_ns = HOST_NS };

	(void)state;
	count(MSC_SPEED_FULL, 8, 0, &bus, 71);
	count(MSC_SPEED_FULL, 16, 0, &bus, 51);
	count(MSC_SPEED_FULL, 32, 0, &bus, 33);
	count(MSC_SPEED_FULL, 64, 0, &bus, 19);
}

static void packets_a_frame(void **state)
{
	struct bus_config bus = { .host = BUS_HOST_EHCI, .host_ns = HOST_NS, .most_packets = 8 };

	(void)state;
	count(MSC_SPEED_HIGH, 512, 0, &bus, 8);
	bus.most_packets = 14; /* more than fit */
	count(MSC_SPEED_HIGH, 512, 0, &bus, 13);
	bus.most_packets = 3;
	count(MSC_SPEED_FULL, 64, 0, &bus, 3);
}

/* Three packets follow each other: the first interrupts at once, the other two with the next interrupt,
 * 40 us later. */
static void interrupts_are_moderated(void **state)
{
	const size_t len[MOST] = { 512, 512, 512 };
	struct bus_config bus = { .host = BUS_HOST_XHCI, .host_ns = HOST_NS };
	struct bus_transfer t[MOST];
	struct sim_device *d;

	(void)state;
	memset(&setup, 0, sizeof setup);
	setup.packet = 512;
	for (unsigned i = 0; i < MOST; i++)
		setup.len[i] = 512;
	d = plug(MSC_SPEED_HIGH, &bus);
	take(d, len, t);
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(t[i].seen_ns, t[i].ended_ns + HOST_NS);
	sim_device_free(d);

	bus.moderation_ns = 40 * MSC_US;
	d = plug(MSC_SPEED_HIGH, &bus);
	take(d, len, t);
	assert_true(t[2].ended_ns < t[0].ended_ns + 40 * MSC_US);
	assert_int_equal(t[0].seen_ns, t[0].ended_ns + HOST_NS);
	assert_int_equal(t[1].seen_ns, t[0].ended_ns + 40 * MSC_US + HOST_NS);
	assert_int_equal(t[2].seen_ns, t[1].seen_ns);
	sim_device_free(d);

	bus.host = BUS_HOST_EHCI; /* its threshold is a grid */
	bus.moderation_ns = MSC_MS;
	d = plug(MSC_SPEED_HIGH, &bus);
	take(d, len, t);
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(t[i].seen_ns, (t[i].ended_ns / MSC_MS + 1) * MSC_MS + HOST_NS);
	sim_device_free(d);
}

/* USB 2.0, 7.1.7.5: TDRST by a hub, TDRSTR by a root port, and TRSTRCY behind both. */
static void how_long_a_port_is_reset(void **state)
{
	static const int64_t reset_ms[] = { 0, 10, 50 };

	(void)state;
	memset(&setup, 0, sizeof setup);
	setup.packet = 64;
	for (size_t i = 0; i < MSC_COUNT(reset_ms); i++) {
		const struct bus_config bus = { .host = BUS_HOST_XHCI,
						.reset_ns = reset_ms[i] * MSC_MS };
		struct sim_device *d = plug(MSC_SPEED_FULL, &bus);
		int64_t began = sim_now(sim_device_sim(d));

		bus_port_reset(sim_device_bus(d));
		assert_int_equal(sim_now(sim_device_sim(d)) - began,
				 (reset_ms[i] ? reset_ms[i] + 10 : 20) * MSC_MS);
		sim_device_free(d);
	}
}

static void what_a_host_can(void **state)
{
	static const struct {
		const char *name;
		enum msc_speed speed; /* 0: refused */
		const char *says;
	} rows[] = {
		{ "reference", MSC_SPEED_HIGH, NULL },
		{ "reference,host=uhci", MSC_SPEED_FULL, NULL },
		{ "reference,host=ohci", MSC_SPEED_FULL, NULL },
		{ "reference,host=ehci", MSC_SPEED_HIGH, NULL },
		{ "reference,host=uhci,speed=high", 0, "host=uhci has no high speed" },
		{ "reference,speed=high,host=ohci", 0, "host=ohci has no high speed" },
		{ "reference,moderation=1ms", MSC_SPEED_HIGH, NULL },
		{ "reference,moderation=40us", 0, "host=ehci has 125us" },
		{ "reference,moderation=375us", 0, "host=ehci has 125us" },
		{ "reference,moderation=16ms", 0, "host=ehci has 125us" },
		{ "reference,host=xhci,moderation=40us", MSC_SPEED_HIGH, NULL },
		{ "reference,host=xhci,moderation=17ms", 0, "at most 16383us" },
		{ "reference,host=uhci,moderation=1ms", 0, "host=uhci has none" },
		{ "stm32,moderation=1ms", 0, "host=uhci has none" },
		{ "reference,port-reset=50ms", MSC_SPEED_HIGH, NULL },
		{ "reference,port-reset=9ms", 0, "at least 10ms" },
		{ "reference,hub=tt", MSC_SPEED_FULL, NULL },
		{ "stm32,hub=multi-tt,host=xhci,neighbours=6", MSC_SPEED_FULL, NULL },
		{ "reference,hub=none", MSC_SPEED_HIGH, NULL },
		{ "reference,speed=high,hub=tt", 0, "expected speed=full" },
		{ "reference,hub=tt,host=uhci", 0, "no hub=tt: expected host=ehci" },
		{ "stm32,hub=multi-tt,host=ohci", 0, "no hub=multi-tt" },
		{ "reference,hub=tt,packets=3", 0, "packets: a translator" },
		{ "reference,neighbours=2", 0, "nothing without hub=tt" },
		{ "reference,hub=none,neighbours=2", 0, "neighbours need hub=tt" },
		{ "reference,hub=tt,neighbour=bulk", 0, "nothing without neighbours=1" },
		{ "reference,hub=tt,neighbours=7", 0, "neighbours" },
		{ "reference,hub=tt,neighbours=1,neighbour-bytes=65", 0, "bulk has at most 64" },
		{ "reference,hub=tt,neighbours=1,neighbour=isochronous,neighbour-bytes=1023",
		  MSC_SPEED_FULL, NULL },
		{ "reference,hub=tt,neighbours=2,neighbour=isochronous,neighbour-bytes=700", 0,
		  "95 % of each frame" },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_spec s;

		if (msc_spec_parse(&s, rows[i].name, &err) < 0) {
			if (!rows[i].says || err.code != MSC_E_USAGE ||
			    !strstr(err.msg, rows[i].says))
				fail_msg("%s: %s", rows[i].name, err.msg);
			continue;
		}
		if (rows[i].says || msc_spec_config(&s).speed != rows[i].speed)
			fail_msg("%s: taken, or at another speed", rows[i].name);
		msc_spec_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_packet_and_the_queue),
		cmocka_unit_test(table_5_9),
		cmocka_unit_test(packets_a_frame),
		cmocka_unit_test(interrupts_are_moderated),
		cmocka_unit_test(how_long_a_port_is_reset),
		cmocka_unit_test(what_a_host_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
