/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoint 0 with the library that models have: every length in packets of every size, a host that
 * ends early, a wrong toggle, and exact times. The packets themselves: test_ep0.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "firmware/usbd.h"
#include "sim/device.h"

enum { DATA = 20, READ = 0xc0 };

struct model {
	struct usbd usbd;
	struct usbd_descriptors desc;
};

static const struct usbd_descriptors descriptors = { .device = { .usb = 0x0200 } };

static void reset(struct mcu *m)
{
	struct model *s = mcu_state(m);

	s->desc.device.usb = 0x0200;
	s->usbd.desc = &s->desc;
	usbd_reset(m, &s->usbd);
}

static void setup(struct mcu *m, const struct msc_setup *q)
{
	struct model *s = mcu_state(m);
	uint8_t bytes[USBD_ANSWER_MAX];

	if (usbd_setup(m, &s->usbd, q))
		return;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	usbd_send(m, &s->usbd, bytes, q->value);
}

USBD_EP0(struct model)

static const struct mcu_vectors vectors = {
	.reset = reset, .setup = setup, .ep0_in = ep0_in, .ep0_out = ep0_out
};

/* With bMaxPacketSize0 of 8 << size. */
static struct sim_device *plug(enum msc_speed speed, unsigned size,
			       const struct mutant_ops *const *mutant)
{
	struct model s = { .desc = descriptors };
	struct sim_device_config c = { .name = "control",
				       .vectors = &vectors,
				       .state = &s,
				       .state_size = sizeof s,
				       .mutants = mutant,
				       .n_mutants = mutant != NULL,
				       .speed = speed,
				       .bus.host = BUS_HOST_XHCI,
				       .seed = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device *d;

	s.desc.device.max_packet0 = (uint8_t)(8u << size);
	d = sim_device_new(&c, &err);
	assert_non_null(d);
	bus_port_reset(sim_device_bus(d));
	bus_open_endpoint(sim_device_bus(d), 0, (uint16_t)(8u << size));
	return d;
}

/* room: of the host's buffer, where it wants less than wLength. */
static struct bus_transfer control_room(struct sim_device *d, uint8_t type, uint8_t request,
					uint16_t value, uint16_t length, uint8_t *data, size_t room)
{
	struct bus_transfer t = {
		.setup = {type, request, value, 0, length}, .data = data, .len = room};
	int64_t end_ns = sim_now(sim_device_sim(d)) + 100 * MSC_MS;

	bus_submit(sim_device_bus(d), &t);
	sim_run(sim_device_sim(d), &t.done, end_ns);
	assert_null(sim_fault_text(sim_device_sim(d)));
	if (!t.done)
		bus_cancel(sim_device_bus(d), &t);
	return t;
}

/* It goes on to the status stage, for which the library is ready: USB 2.0, 8.5.3.1. */
static void a_host_that_has_enough(void **unused)
{
	uint8_t data[DATA];

	(void)unused;
	for (size_t room = 8; room <= 16; room += 8) {
		struct sim_device *d = plug(MSC_SPEED_FULL, 0, NULL);
		struct bus_transfer t = control_room(d, READ, 1, DATA, DATA, data, room);

		assert_int_equal(t.outcome, BUS_DONE);
		assert_int_equal(t.actual, room);
		t = control_room(d, READ, 1, DATA, DATA, data, DATA);
		assert_int_equal(t.outcome, BUS_DONE);
		assert_int_equal(data[DATA - 1], DATA - 1);
		assert_false(sim_device_remark(d, (char[128]){ 0 }, 128, &(bool){ false }));
		sim_device_free(d);
	}
}

/* Every answer to every wLength, in every size of packet, as it is and by way of a mutant that does
 * nothing: USB 2.0, 5.5.3. */
static void every_length(void **unused)
{
	static const struct mutant_ops idle;
	static const struct mutant_ops *const mutant = &idle;
	static const uint16_t lengths[] = { 1, 7, 8, 9, 15, 16, 17, 24, 63, 64, 65, 128, 200, 256 };
	enum { N = sizeof lengths / sizeof lengths[0] };

	(void)unused;
	for (unsigned i = 0; i < 4 * 2 * N * (N + 1); i++) {
		unsigned size = i % 4, has = i / 8 % (N + 1), asked = i / 8 / (N + 1);
		uint16_t len = has ? lengths[has - 1] : 0, room = lengths[asked];
		struct sim_device *d = plug(MSC_SPEED_FULL, size, i / 4 % 2 ? &mutant : NULL);
		uint8_t data[USBD_ANSWER_MAX];
		struct bus_transfer t = control_room(d, READ, 1, len, room, data, room);

		assert_int_equal(t.outcome, BUS_DONE);
		assert_int_equal(t.actual, len < room ? len : room);
		for (size_t k = 0; k < t.actual; k++)
			assert_int_equal(data[k], (uint8_t)k);
		assert_false(sim_device_remark(d, (char[128]){ 0 }, 128, &(bool){ false }));
		sim_device_free(d);
	}
}

/* state: packets so far. */
static enum mutant_verdict data0(struct mcu *m, const struct msc_setup *q, bool status,
				 uint8_t *packet, size_t *len, bool *wrong_toggle, void *state)
{
	unsigned *n = state;

	(void)m, (void)q, (void)packet, (void)len;
	*wrong_toggle = !status && (*n)++ == 0;
	return MUTANT_PASS;
}

/* Of a data stage that begins with DATA0 the host throws away the first packet, which it has seen
 * before, as it thinks, and the second, which comes with DATA0 by right. */
static void a_wrong_toggle(void **unused)
{
	static const struct mutant_ops ops = { .state_size = sizeof(unsigned), .ep0_in = data0 };
	static const struct mutant_ops *const mutant = &ops;
	struct sim_device *d = plug(MSC_SPEED_FULL, 0, &mutant);
	uint8_t data[DATA] = { 0 };
	struct bus_transfer t = control_room(d, READ, 1, DATA, DATA, data, DATA);

	(void)unused;
	assert_int_equal(t.outcome, BUS_DONE); /* the short packet ends it */
	assert_int_equal(t.actual, DATA - 16);
	assert_int_equal(data[0], 16);
	t = control_room(d, READ, 1, DATA, DATA, data, DATA);
	assert_int_equal(t.actual, DATA);
	sim_device_free(d);
}

/* GET_DESCRIPTOR of 18 bytes in bit times, by hand. Full speed, 83.333 ns a bit: SETUP 168 bits,
 * 14000 ns; the device needs 1 us to its interrupt handler, so that an IN is refused once for each
 * packet, 64 bits, 5334 ns, and the controller pauses 1 us; IN of n bytes 104 + 8n bits; the
 * status stage 104 bits, 8667 ns, for which the device is ready. High speed, 2.083 ns a bit: 504,
 * 288, 440 + 8n and 440 bits. */
static void time_of_a_descriptor(void **unused)
{
	static const struct {
		enum msc_speed speed;
		unsigned size, naks;
		int64_t ns;
	} rows[] = {
		{MSC_SPEED_FULL, 0, 3, 14000 + 3 * 6334 + 2 * 14000 + 10000 + 8667}, /* 8, 8, 2 */
		{MSC_SPEED_FULL, 1, 2, 14000 + 2 * 6334 + 19334 + 10000 + 8667},     /* 16, 2 */
		{MSC_SPEED_FULL, 2, 1, 14000 + 6334 + 20667 + 8667},
		{MSC_SPEED_FULL, 3, 1, 14000 + 6334 + 20667 + 8667},
		{MSC_SPEED_HIGH, 3, 1, 1050 + 1600 + 1217 + 917},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sim_device *d = plug(rows[i].speed, rows[i].size, NULL);
		uint8_t data[MSC_DEVICE_DESC_LEN];
		struct bus_transfer t = control_room(d, MSC_REQTYPE_IN, MSC_STD_GET_DESCRIPTOR,
						     MSC_DESC_DEVICE << 8, sizeof data, data,
						     sizeof data);

		assert_int_equal(t.outcome, BUS_DONE);
		assert_int_equal(t.actual, sizeof data);
		assert_int_equal(data[7], 8u << rows[i].size);
		assert_int_equal(t.naks, rows[i].naks);
		assert_int_equal(t.ended_ns - t.began_ns, rows[i].ns);
		sim_device_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_has_enough),
		cmocka_unit_test(every_length),
		cmocka_unit_test(a_wrong_toggle),
		cmocka_unit_test(time_of_a_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
