/* SPDX-License-Identifier: BSD-2-Clause */
/* A hub's translator and its neighbours, by exact times that are worked out here from the clauses. In ns of
 * the simulator, where a bit takes 2.083 ns on the host's wire and 83.333 ns on the device's, and what does
 * not come out even is rounded up:
 *
 *	host's wire	SOF 23 bytes 384;  SSPLIT IN 20 + 19 + 17 = 56 bytes 934;  CSPLIT and handshake the
 *			same 934;  CSPLIT and 64 bytes 20 + 19 + 19 + 64 = 122 bytes 2034;  SSPLIT OUT of 31
 *			20 + 19 + 19 + 31 + 17 = 106 bytes 1767; a queue is asked again 1000 later
 *	device's wire	SOF 3334;  IN or OUT of 64 bytes 77 bytes 51334;  OUT of 31 44 bytes 29334;  NAK
 *			8 bytes 5334;  a frame begins 125000 after the host's, and nothing ends in its last 2666
 *
 * All begins at 20 ms, behind a port reset, with a frame of the host; times below are since then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/device.h"
#include "sim/neighbour.h"
#include "sim/translator.h"

enum { ROOM = 4096, EP_IN = 0x81, EP_OUT = 0x02 };
#define BEGAN_NS (20 * MSC_MS)

/* Firmware that sends so much when power comes, and takes one packet. */
struct both {
	uint8_t in[ROOM], out[64];
	size_t len;
};

static void reset(struct mcu *m)
{
	struct both *s = mcu_state(m);

	udc_open(m, 0x00, 64);
	udc_open(m, 0x80, 64);
	udc_open(m, EP_IN, 64);
	udc_open(m, EP_OUT, 64);
	if (s->len)
		udc_transmit(m, EP_IN, s->in, s->len);
	udc_receive(m, EP_OUT, s->out, sizeof s->out);
}

static const struct mcu_vectors vectors = { .reset = reset };

static struct sim_device *plug(size_t len, const struct bus_config *bus, bool one_by_one)
{
	static struct both state;
	struct sim_device_config c = { .name = "both",
				       .vectors = &vectors,
				       .state = &state,
				       .state_size = sizeof state,
				       .speed = MSC_SPEED_FULL,
				       .bus = *bus,
				       .one_by_one = one_by_one,
				       .seed = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device *d;

	state.len = len;
	d = sim_device_new(&c, &err);
	assert_non_null(d);
	bus_port_reset(sim_device_bus(d));
	bus_open_endpoint(sim_device_bus(d), EP_IN, 64);
	bus_open_endpoint(sim_device_bus(d), EP_OUT, 64);
	assert_int_equal(sim_now(sim_device_sim(d)), BEGAN_NS);
	return d;
}

static uint8_t room[ROOM];

static struct bus_transfer move(struct sim_device *d, uint8_t ep, size_t len, int64_t until_ns)
{
	struct bus_transfer t = { .ep = ep, .data = room, .len = len };

	memset(room, 0, sizeof room);
	bus_submit(sim_device_bus(d), &t);
	if (!sim_run(sim_device_sim(d), &t.done, BEGAN_NS + until_ns))
		bus_cancel(sim_device_bus(d), &t);
	return t;
}

#define HUB(...) { .host = BUS_HOST_XHCI, .hub = BUS_HUB_TT, __VA_ARGS__ }
#define HUBS(...) { .host = BUS_HOST_XHCI, .hub = BUS_HUB_TTS, __VA_ARGS__ }

static void exact_times(void **state)
{
	static const struct {
		const char *what;
		struct bus_config bus;
		uint8_t ep;
		size_t len;
		int64_t began_ns, ended_ns;
	} rows[] = {
		/* SSPLIT 384 to 1318; the device 1318 to 52652; asked at 2318 and each 1934 later, first after
		 * that at 54536; 2034 */
		{ "a packet", HUB(), EP_IN, 64, 384, 56570 },
		/* SSPLIT to 57504; the device to 108838; asked from 58504 on, at 110722 */
		{ "two", HUB(), EP_IN, 128, 384, 112756 },
		/* SSPLIT to 113690; the rest of the device's frame, to 122334, is too short, and the next is
		 * free at 128334; to 179668. Asked until 123360, from 125384 on, at 181470 */
		{ "three: the frame ends", HUB(), EP_IN, 192, 384, 183504 },
		/* SSPLIT with the data 384 to 2151; the device to 31485; asked from 3151 on, at 32161; 934 */
		{ "out", HUB(), EP_OUT, 31, 384, 33095 },
		/* Two SSPLITs of theirs in microframe 0, 650 each (39 bytes), two CSPLITs of 2034 in microframe 2.
		 * Two packets as above, from 1684 on: to 114056. SSPLIT to 114990; in the device's next frame
		 * theirs come first, 3334 + 2 * 51334: 231002 to 282336. Asked from 254452 on, at 283462 */
		{ "interrupts",
		  HUB(.neighbours = 2, .neighbour = BUS_INTERRUPT, .neighbour_bytes = 64), EP_IN,
		  192, 1684, 285496 },
		/* Not on the device's wire: at 128334, to 179668. Asked from 125660 on, at 179812 */
		{ "interrupts elsewhere",
		  HUBS(.neighbours = 2, .neighbour = BUS_INTERRUPT, .neighbour_bytes = 64), EP_IN,
		  192, 1684, 181846 },
		/* Its SSPLIT is 1318 to 2252, and takes the other buffer: 52652 to 103986 on the device's wire.
		 * Ours is asked as if it were alone: 56570. The neighbour is asked first then, our SSPLIT is 57504
		 * to 58438 and waits for the wire, 103986, where no packet fits into the frame: 128334 to 179668.
		 * Asked from 125384 on, at 181470 */
		{ "bulk", HUB(.neighbours = 1, .neighbour_bytes = 64), EP_IN, 128, 384, 183504 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * MSC_COUNT(rows); i++) {
		struct sim_device *d = plug(ROOM, &rows[i / 2].bus, i & 1);
		struct bus_transfer t = move(d, rows[i / 2].ep, rows[i / 2].len, MSC_S);

		if (t.outcome != BUS_DONE || t.actual != rows[i / 2].len || t.naks ||
		    t.began_ns - BEGAN_NS != rows[i / 2].began_ns ||
		    t.ended_ns - BEGAN_NS != rows[i / 2].ended_ns || t.seen_ns != t.ended_ns)
			fail_msg("%s: %d, %zu bytes, %lld to %lld", rows[i / 2].what, t.outcome,
				 t.actual, (long long)(t.began_ns - BEGAN_NS),
				 (long long)(t.ended_ns - BEGAN_NS));
		sim_device_free(d);
	}
}

/* SSPLIT 934, NAK 5334 after it, asked 1000 after it and each 1934 later: 9054 for the first, and a round
 * each 9670: ten of them until 100000. EHCI tells its software of what ends at the next microframe. */
static void a_device_that_refuses(void **state)
{
	const struct bus_config bus = { .host = BUS_HOST_EHCI, .hub = BUS_HUB_TT };
	struct bus_transfer t;
	struct sim_device *d;

	(void)state;
	for (int i = 0; i < 2; i++) {
		d = plug(0, &bus, i);
		t = move(d, EP_IN, 64, 100000);
		assert_int_equal(t.outcome, BUS_CANCELLED);
		assert_int_equal(t.naks, 10);
		/* and what it has then is nobody's any more */
		t = move(d, EP_OUT, 31, MSC_MS);
		assert_int_equal(t.outcome, BUS_DONE);
		assert_int_equal(t.seen_ns % (125 * MSC_US), 0);
		sim_device_free(d);
	}
}

/* Asked three times, 3 * 5334, and told as STALL: 1318 to 17320, asked at 17790. */
static void a_device_that_is_silent(void **state)
{
	const struct bus_config bus = HUB();
	struct sim_device *d = plug(64, &bus, false);
	struct bus_transfer t;

	(void)state;
	bus_set_address(sim_device_bus(d), 5);
	t = move(d, EP_IN, 64, MSC_S);
	assert_int_equal(t.outcome, BUS_STALL);
	assert_int_equal(t.ended_ns - BEGAN_NS, 18724);
	sim_device_free(d);
}

/* A transfer that is taken back while the device speaks: the device has sent its packet, and does not know
 * that nobody asked what came of it. The toggles differ from then on, and the second is lost. */
static void taken_back_halfway(void **state)
{
	const struct bus_config bus = HUB();
	struct sim_device *d = plug(192, &bus, false);
	struct bus_transfer t = move(d, EP_IN, 64, 30000);

	(void)state;
	assert_int_equal(t.outcome, BUS_CANCELLED);
	assert_int_equal(t.actual, 0);
	t = move(d, EP_IN, 64, MSC_S);
	assert_int_equal(t.outcome, BUS_DONE);
	assert_int_equal(t.actual, 64); /* the third */
	t = move(d, EP_IN, 64, MSC_MS);
	assert_int_equal(t.outcome, BUS_CANCELLED);
	sim_device_free(d);
}

/* The cable is pulled, and the port is reset, while both wires are busy. */
static void ends_of_the_wire(void **state)
{
	const struct bus_config bus = HUB(.neighbours = 2, .neighbour_bytes = 64);
	struct sim_device *d = plug(192, &bus, false);
	struct bus_transfer t = { .ep = EP_IN, .data = room, .len = 192 };
	struct bus *b = sim_device_bus(d);
	static const bool never = false;

	(void)state;
	bus_submit(b, &t);
	sim_run(sim_device_sim(d), &never, BEGAN_NS + 30000);
	bus_port_reset(b);
	assert_true(t.done);
	assert_int_equal(t.outcome, BUS_CANCELLED);
	bus_open_endpoint(b, EP_IN, 64);
	bus_submit(b, &t);
	sim_run(sim_device_sim(d), &never, sim_now(sim_device_sim(d)) + 30000);
	sim_device_unplug(d);
	assert_int_equal(t.outcome, BUS_GONE);
	sim_run(sim_device_sim(d), &never, sim_now(sim_device_sim(d)) + MSC_MS);
	assert_null(sim_fault_text(sim_device_sim(d)));
	sim_device_free(d);
}

/* Two buffers, in the order in which they were filled: 0 to 51334 and on to 102668. The third is refused until
 * somebody has taken what came of one. */
static void two_buffers(void **state)
{
	const struct bus_config bus = HUB();
	struct sim_device *d = plug(0, &bus, false);
	struct translator *t = translator_new(sim_device_bus(d), 0);
	enum { FIRST = ENDPOINTS, SECOND, THIRD };
	static const bool never = false;

	(void)state;
	assert_non_null(t);
	assert_true(translator_accept_other(t, FIRST, 51334, false));
	assert_true(translator_accept_other(t, SECOND, 51334, true));
	assert_false(translator_accept_other(t, THIRD, 51334, false));
	sim_run(sim_device_sim(d), &never, BEGAN_NS + 51333);
	assert_null(translator_result(t, FIRST));
	sim_run(sim_device_sim(d), &never, BEGAN_NS + 51334);
	assert_int_equal(translator_result(t, FIRST)->reply, UDC_ACK);
	assert_false(translator_accept_other(t, THIRD, 51334, false));
	translator_take(t, FIRST);
	assert_true(translator_accept_other(t, THIRD, 51334, false));
	sim_run(sim_device_sim(d), &never, BEGAN_NS + 102667);
	assert_null(translator_result(t, SECOND));
	sim_run(sim_device_sim(d), &never, BEGAN_NS + 102668);
	assert_int_equal(translator_result(t, SECOND)->reply, UDC_NAK);
	assert_null(translator_result(t, THIRD));
	sim_device_free(d);
	translator_free(t);
}

/* An interrupt of 64 bytes that crosses into another microframe is asked for once in vain; 192 bytes to a
 * loudspeaker are 188 and 4 (11.18.1). */
static void what_neighbours_take(void **state)
{
	int64_t ns[MICROFRAMES];

	(void)state;
	assert_int_equal(neighbour_ns(BUS_BULK, 64), 51334);
	assert_int_equal(neighbour_ns(BUS_BULK, 0), 5334);
	assert_int_equal(neighbour_ns(BUS_ISOCHRONOUS, 192), 134000);
	neighbours_microframes(BUS_BULK, 6, 64, ns);
	for (unsigned i = 0; i < MICROFRAMES; i++)
		assert_int_equal(ns[i], 0);
	/* on the device's wire 3334, 54668, 106002 to 157336 */
	neighbours_microframes(BUS_INTERRUPT, 3, 64, ns);
	assert_int_equal(ns[0], 3 * 650);
	assert_int_equal(ns[2], 2 * 2034 + 934);
	assert_int_equal(ns[3], 2034);
	assert_int_equal(ns[1] + ns[4] + ns[5] + ns[6] + ns[7], 0);
	/* 20 + 38 + 188 bytes 4100, 20 + 38 + 4 bytes 1034 */
	neighbours_microframes(BUS_ISOCHRONOUS, 1, 192, ns);
	assert_int_equal(ns[0], 4100);
	assert_int_equal(ns[1], 1034);
	assert_int_equal(ns[2], 0);
	assert_true(bus_periodic_share(BUS_ISOCHRONOUS, 1, 1023) < 0.9);
	assert_true(bus_periodic_share(BUS_ISOCHRONOUS, 2, 700) > 0.9);
	assert_true(bus_periodic_share(BUS_BULK, 6, 64) <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_times),
		cmocka_unit_test(a_device_that_refuses),
		cmocka_unit_test(a_device_that_is_silent),
		cmocka_unit_test(taken_back_halfway),
		cmocka_unit_test(ends_of_the_wire),
		cmocka_unit_test(two_buffers),
		cmocka_unit_test(what_neighbours_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
