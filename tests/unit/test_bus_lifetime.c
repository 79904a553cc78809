/* SPDX-License-Identifier: BSD-2-Clause */
/* What must survive what: a packet on the wire its buffer, a transfer another at its address, an
 * answer its own length; and who is meant by a packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "firmware/usbd.h"
#include "sim/device.h"

enum { EP_IN = 0x81, EP_OUT = 0x02, PACKET = 64, BEGIN = 0x77 };

static const struct usbd_descriptors no_descriptors;

struct model {
	uint8_t in[4 * PACKET], again[PACKET], out[4 * PACKET];
	int64_t abort_ns; /* after arming; 0: never */
	uint8_t abort_ep;
	bool rearm;
	struct usbd usbd;
	size_t answer; /* bytes of every control answer, up to USBD_ANSWER_MAX */
	unsigned in_done, out_done;
};

static void take_back(struct mcu *m, void *unused)
{
	struct model *s = mcu_state(m);

	(void)unused;
	udc_abort(m, s->abort_ep);
	if (s->rearm && s->abort_ep == EP_IN)
		udc_transmit(m, EP_IN, s->again, sizeof s->again);
}

static void reset(struct mcu *m)
{
	struct model *s = mcu_state(m);

	s->usbd.desc = &no_descriptors;
	usbd_reset(m, &s->usbd);
	udc_open(m, EP_IN, PACKET);
	udc_open(m, EP_OUT, PACKET);
	memset(s->in, 'a', sizeof s->in);
	memset(s->again, 'b', sizeof s->again);
	udc_transmit(m, EP_IN, s->in, sizeof s->in);
	udc_receive(m, EP_OUT, s->out, sizeof s->out);
}

static void setup(struct mcu *m, const struct msc_setup *q)
{
	struct model *s = mcu_state(m);
	uint8_t answer[USBD_ANSWER_MAX] = { 0 };

	usbd_begin(&s->usbd, q);
	if (q->request_type & MSC_REQTYPE_IN) {
		usbd_send(m, &s->usbd, answer, s->answer);
		return;
	}
	usbd_ack(m, &s->usbd);
	if (s->abort_ns && q->request == BEGIN)
		mcu_timer(m, s->abort_ns, take_back, NULL);
}

static void ep0_in(struct mcu *m)
{
	struct model *s = mcu_state(m);

	usbd_ep0_in(m, &s->usbd);
}

static void ep0_out(struct mcu *m, size_t len)
{
	struct model *s = mcu_state(m);

	(void)len;
	usbd_ep0_out(m, &s->usbd);
}

static void in_done(struct mcu *m, uint8_t ep)
{
	struct model *s = mcu_state(m);

	(void)ep;
	s->in_done++;
}

static void out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct model *s = mcu_state(m);

	(void)ep, (void)len;
	s->out_done++;
}

static const struct mcu_vectors vectors = { .reset = reset,
					    .setup = setup,
					    .ep0_in = ep0_in,
					    .ep0_out = ep0_out,
					    .in_done = in_done,
					    .out_done = out_done };

/* With a mutant the peripheral sends copies of its own. */
static const struct mutant_ops idle;
static const struct mutant_ops *const mutants[] = { &idle };

static struct sim_device *plug(const struct model *s)
{
	struct sim_device_config c = { .name = "lifetime",
				       .vectors = &vectors,
				       .state = s,
				       .state_size = sizeof *s,
				       .mutants = mutants,
				       .n_mutants = 1,
				       .speed = MSC_SPEED_FULL,
				       .bus.host = BUS_HOST_XHCI,
				       .seed = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device *d = sim_device_new(&c, &err);

	assert_non_null(d);
	bus_port_reset(sim_device_bus(d));
	bus_open_endpoint(sim_device_bus(d), EP_IN, PACKET);
	bus_open_endpoint(sim_device_bus(d), EP_OUT, PACKET);
	return d;
}

static void run(struct sim_device *d, struct bus_transfer *t, int64_t ns)
{
	sim_run(sim_device_sim(d), &t->done, sim_now(sim_device_sim(d)) + ns);
	assert_null(sim_fault_text(sim_device_sim(d)));
}

static struct bus_transfer control(struct sim_device *d, uint8_t type, uint8_t request,
				   uint16_t value, uint8_t *data, uint16_t length)
{
	struct bus_transfer t = {
		.setup = {type, request, value, 0, length}, .data = data, .len = length};

	bus_submit(sim_device_bus(d), &t);
	run(d, &t, MSC_S);
	if (!t.done)
		bus_cancel(sim_device_bus(d), &t);
	return t;
}

/* The firmware takes its buffer back at every microsecond of four packets: each packet is whole, and
 * what follows is the new buffer or nothing. */
static void an_abort_in_mid_packet(void **unused)
{
	(void)unused;
	for (unsigned rearm = 0; rearm < 2; rearm++) {
		for (unsigned us = 1; us < 300; us++) {
			struct model s = { .abort_ns = us * MSC_US,
					   .abort_ep = EP_IN,
					   .rearm = rearm };
			uint8_t got[8 * PACKET] = { 0 };
			struct bus_transfer t = { .ep = EP_IN, .data = got, .len = sizeof got };
			struct sim_device *d = plug(&s);
			size_t first;

			bus_submit(sim_device_bus(d), &t);
			assert_true(control(d, 0, BEGIN, 0, NULL, 0).done);
			run(d, &t, 20 * MSC_MS);
			if (!t.done)
				bus_cancel(sim_device_bus(d), &t);
			assert_int_equal(t.actual % PACKET, 0);
			for (first = 0; first < t.actual && got[first] == 'a';)
				first++;
			assert_int_equal(first % PACKET, 0);
			for (size_t i = first; i < t.actual; i++)
				assert_int_equal(got[i], 'b');
			assert_int_equal(t.actual - first, rearm ? PACKET : 0);
			sim_device_free(d);
		}
	}
}

/* A packet towards a buffer that was taken back under it is not acknowledged. */
static void an_abort_under_an_out_packet(void **unused)
{
	unsigned partial = 0;

	(void)unused;
	for (unsigned us = 1; us < 300; us++) {
		struct model s = { .abort_ns = us * MSC_US, .abort_ep = EP_OUT };
		uint8_t data[4 * PACKET] = { 0 };
		struct bus_transfer t = { .ep = EP_OUT, .data = data, .len = sizeof data };
		struct sim_device *d = plug(&s);

		bus_submit(sim_device_bus(d), &t);
		assert_true(control(d, 0, BEGIN, 0, NULL, 0).done);
		run(d, &t, 20 * MSC_MS);
		partial += !t.done && t.actual > 0;
		if (!t.done)
			bus_cancel(sim_device_bus(d), &t);
		assert_true(t.actual == sizeof data || t.naks > 0);
		sim_device_free(d);
	}
	assert_true(partial > 0);
}

/* One is cancelled while its packet is on the wire, and the next has the same address. */
static void a_transfer_is_not_its_address(void **unused)
{
	uint8_t first[PACKET], second[PACKET];

	(void)unused;
	memset(first, 'A', sizeof first);
	memset(second, 'B', sizeof second);
	for (unsigned us = 1; us < 60; us++) {
		struct model s = { .answer = 1 };
		struct bus_transfer t = { .ep = EP_OUT, .data = first, .len = sizeof first };
		struct sim_device *d = plug(&s);
		const struct model *state;
		bool sent;

		bus_submit(sim_device_bus(d), &t);
		run(d, &t, us * MSC_US);
		sent = t.done || t.actual;
		if (!t.done)
			bus_cancel(sim_device_bus(d), &t);
		sent |= t.actual > 0;
		t = (struct bus_transfer){ .ep = EP_OUT, .data = second, .len = sizeof second };
		bus_submit(sim_device_bus(d), &t);
		run(d, &t, MSC_S);
		assert_true(t.done && t.outcome == BUS_DONE);
		state = sim_device_state(d);
		assert_int_equal(state->out[0], sent ? 'A' : 'B');
		assert_int_equal(state->out[PACKET], sent ? 'B' : 0);
		sim_device_free(d);
	}
}

/* USB 2.0, 5.5.3: every length of answer to every length asked for. */
static void an_answer_ends(void **unused)
{
	(void)unused;
	for (uint16_t asked = 1; asked <= 300;
	     asked += asked % 64 > 61 || asked % 64 < 2 ? 1 : 30) {
		for (size_t has = 0; has <= USBD_ANSWER_MAX;
		     has += has % 64 > 61 || has % 64 < 2 ? 1 : 30) {
			struct model s = { .answer = has };
			uint8_t data[512];
			struct sim_device *d = plug(&s);
			struct bus_transfer t = control(d, 0xc0, 1, 0, data, asked);

			assert_true(t.done);
			assert_int_equal(t.outcome, BUS_DONE);
			assert_int_equal(t.actual, has < asked ? has : asked);
			sim_device_free(d);
		}
	}
}

static void only_who_is_meant_answers(void **unused)
{
	static const bool never = false;
	struct model s = { .answer = 1 };
	uint8_t data[8];
	struct sim_device *d = plug(&s);

	(void)unused;
	assert_int_equal(control(d, 0xc0, 1, 0, data, 1).outcome, BUS_DONE);
	assert_int_equal(control(d, 0, MSC_STD_SET_ADDRESS, 7, NULL, 0).outcome, BUS_DONE);
	sim_run(sim_device_sim(d), &never, sim_now(sim_device_sim(d)) + 2 * MSC_MS); /* 9.2.6.3 */
	assert_int_equal(control(d, 0xc0, 1, 0, data, 1).outcome, BUS_DONE);
	bus_set_address(sim_device_bus(d), 8);
	assert_int_equal(control(d, 0xc0, 1, 0, data, 1).outcome, BUS_ERROR);
	bus_set_address(sim_device_bus(d), 7);
	assert_int_equal(control(d, 0xc0, 1, 0, data, 1).outcome, BUS_DONE);
	bus_port_reset(sim_device_bus(d)); /* both begin at 0 again */
	assert_int_equal(control(d, 0xc0, 1, 0, data, 1).outcome, BUS_DONE);
	bus_set_address(sim_device_bus(d), 7);
	assert_int_equal(control(d, 0xc0, 1, 0, data, 1).outcome, BUS_ERROR);
	sim_device_free(d);
}

struct calls {
	struct sim_device *device;
	struct bus_transfer second;
	unsigned n;
};

static void called(struct bus_transfer *t, void *arg)
{
	struct calls *c = arg;

	assert_true(t->done);
	if (c->n++ == 0)
		bus_submit(sim_device_bus(c->device), &c->second);
}

/* Whoever is told of an end can submit the next from there. */
static void an_end_is_told(void **unused)
{
	struct model s = { .answer = 1 };
	uint8_t a[PACKET], b[PACKET];
	struct calls c = { .n = 0 };
	struct bus_transfer t = {
		.ep = EP_IN, .data = a, .len = sizeof a, .ended = called, .arg = &c
	};

	(void)unused;
	c.device = plug(&s);
	c.second = (struct bus_transfer){
		.ep = EP_IN, .data = b, .len = sizeof b, .ended = called, .arg = &c
	};
	bus_submit(sim_device_bus(c.device), &t);
	run(c.device, &c.second, MSC_S);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.second.actual, PACKET);
	t = (struct bus_transfer){ .ep = EP_IN, .data = a, .len = 4, .ended = called, .arg = &c };
	bus_submit(sim_device_bus(c.device), &t);
	bus_cancel(sim_device_bus(c.device), &t);
	assert_int_equal(c.n, 3);
	sim_device_free(c.device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_abort_in_mid_packet),
		cmocka_unit_test(an_abort_under_an_out_packet),
		cmocka_unit_test(a_transfer_is_not_its_address),
		cmocka_unit_test(an_answer_ends),
		cmocka_unit_test(only_who_is_meant_answers),
		cmocka_unit_test(an_end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
