/* SPDX-License-Identifier: BSD-2-Clause */
/* link: -Wl,--wrap=udc_pass */
/* Packets in bursts and one by one: whatever a device and a host do, both see the same, at the same
 * nanoseconds. What they do is drawn: buffers and transfers of any length, what is in them, interrupts
 * that come at any time and take the buffers back or halt the endpoints, hosts that give up, suspend,
 * reset, listen and call another address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "sim/device.h"
#include "sim/udc.h"

enum { EP_IN = 0x81, EP_OUT = 0x02, ROOM = 24 * 1024, NOTES = 4096, ALIKE = 300 };

/* All that either side learns, in order. */
struct note {
	int64_t at_ns;
	uint64_t value[6];
};
struct notes {
	struct note note[NOTES];
	size_t n;
	uint64_t heard; /* of all packets that somebody listened to */
};

static void note(struct notes *l, int64_t at_ns, const uint64_t value[6])
{
	assert_true(l->n < NOTES);
	l->note[l->n].at_ns = at_ns;
	memcpy(l->note[l->n++].value, value, sizeof l->note[0].value);
}

static uint64_t sum(const uint8_t *data, size_t len)
{
	uint64_t h = len;

	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * UINT64_C(0x100000001b3);
	return h;
}

static size_t bursts; /* so far */

void __real_udc_pass(struct udc *u, uint8_t ep, const uint8_t *data, size_t packets);
void __wrap_udc_pass(struct udc *u, uint8_t ep, const uint8_t *data, size_t packets);

void __wrap_udc_pass(struct udc *u, uint8_t ep, const uint8_t *data, size_t packets)
{
	assert_true(packets > 0);
	bursts++;
	__real_udc_pass(u, ep, data, packets);
}

/* -- what is drawn ---------------------------------------------------------------------------- */

static void draw_bytes(struct msc_rng *r, uint8_t *to, size_t len)
{
	uint32_t kind = msc_rng_below(r, 5);

	memset(to, kind == 1 ? 0xff : 0, len);
	if (kind < 2)
		return;
	for (size_t at = 0; at < len;
	     at += 64) { /* all of it, some packets, a period longer than one */
		uint64_t word = kind == 4 ? at / 64 % 3 * UINT64_C(0x7f3f1f0f3f) : msc_rng_next(r);

		if (kind == 3 && msc_rng_below(r, 4))
			continue;
		for (size_t i = at; i < at + 64 && i < len; i++)
			to[i] = (uint8_t)(word >> i % 8 * 8);
	}
}

/* Often whole packets, and a multiple of what the other side has. */
static size_t draw_len(struct msc_rng *r)
{
	static const uint32_t often[] = { 64, 512, 4096, 16384, 31, 13 };
	uint32_t k = msc_rng_below(r, 8);

	return k < MSC_COUNT(often) ? often[k] : msc_rng_below(r, ROOM) + 1;
}

/* -- the device ------------------------------------------------------------------------------- */

struct drawn {
	struct msc_rng rng;
	struct notes *notes;
	uint8_t in[2][ROOM], out[ROOM];
	unsigned turn;
};

static void arm(struct mcu *m, uint8_t ep)
{
	struct drawn *s = mcu_state(m);
	size_t len = draw_len(&s->rng);

	if (udc_busy(m, ep))
		return;
	if (msc_rng_below(&s->rng, 4) == 0)
		mcu_spin(m, msc_rng_below(&s->rng, 300) * MSC_US);
	if (ep == EP_OUT) {
		udc_receive(m, ep, s->out, len);
		return;
	}
	s->turn ^= 1;
	draw_bytes(&s->rng, s->in[s->turn], len);
	udc_transmit(m, ep, s->in[s->turn], len);
}

static void disturb(struct mcu *m, void *unused)
{
	struct drawn *s = mcu_state(m);
	uint8_t ep = msc_rng_below(&s->rng, 2) ? EP_IN : EP_OUT;

	(void)unused;
	note(s->notes, mcu_now(m), (uint64_t[6]){ 1, ep });
	switch (msc_rng_below(&s->rng, 8)) {
	case 0:
		udc_abort(m, ep);
		arm(m, ep);
		break;
	case 1: udc_stall(m, ep); break;
	case 2: udc_unstall(m, ep); break;
	default: mcu_spin(m, msc_rng_below(&s->rng, 50) * MSC_US); break;
	}
	mcu_timer(m, msc_rng_below(&s->rng, 3000) * MSC_US + 1, disturb, NULL);
}

static void reset(struct mcu *m)
{
	uint16_t size = mcu_speed(m) == MSC_SPEED_HIGH ? 512 : 64;

	udc_open(m, 0x00, 64);
	udc_open(m, 0x80, 64);
	udc_open(m, EP_IN, size);
	udc_open(m, EP_OUT, size);
	arm(m, EP_IN);
	arm(m, EP_OUT);
	mcu_timer(m, MSC_MS, disturb, NULL);
}

static void in_done(struct mcu *m, uint8_t ep)
{
	struct drawn *s = mcu_state(m);

	note(s->notes, mcu_now(m), (uint64_t[6]){ 2, ep });
	arm(m, ep);
}

static void out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct drawn *s = mcu_state(m);

	note(s->notes, mcu_now(m), (uint64_t[6]){ 3, ep, len, sum(s->out, len) });
	arm(m, ep);
}

static const struct mcu_vectors vectors = { .reset = reset,
					    .in_done = in_done,
					    .out_done = out_done };

/* -- the host --------------------------------------------------------------------------------- */

enum { AT_ONCE = 3 };

static void open_all(struct bus *b)
{
	uint16_t size = bus_speed(b) == MSC_SPEED_HIGH ? 512 : 64;

	bus_port_reset(b);
	bus_open_endpoint(b, EP_IN, size);
	bus_open_endpoint(b, EP_OUT, size);
}

static void ended(struct sim *sim, struct notes *l, const struct bus_transfer *t)
{
	note(l, sim_now(sim),
	     (uint64_t[6]){ 4, t->outcome, t->actual, t->naks, t->packets,
			    t->ep == EP_IN ? sum(t->data, t->actual) : 0 });
	note(l, t->began_ns, (uint64_t[6]){ 5, (uint64_t)t->ended_ns, (uint64_t)t->seen_ns });
}

/* A few transfers at a time, some of which are taken back before they end. */
static void some_transfers(struct sim *sim, struct bus *b, struct msc_rng *r, struct notes *l)
{
	static uint8_t data[AT_ONCE][ROOM];
	struct bus_transfer t[AT_ONCE] = { 0 };
	size_t n = msc_rng_below(r, 3) ? 1 : AT_ONCE;

	for (size_t i = 0; i < n; i++) {
		t[i].ep = msc_rng_below(r, 8) ? (msc_rng_below(r, 2) ? EP_IN : EP_OUT) : 0;
		t[i].data = data[i];
		t[i].len = t[i].ep ? draw_len(r) : 0;
		draw_bytes(r, data[i], t[i].len);
		bus_submit(b, &t[i]);
	}
	for (size_t i = 0; i < n; i++) {
		sim_run(sim, &t[i].done, sim_now(sim) + (msc_rng_below(r, 20000) + 1) * MSC_US);
		if (!t[i].done)
			bus_cancel(b, &t[i]);
		ended(sim, l, &t[i]);
	}
}

static void hear(void *user, int64_t at_ns, const uint8_t *packet, size_t len)
{
	struct notes *l = user;

	l->heard = l->heard * 31 + sum(packet, len) + (uint64_t)at_ns;
}

static void run(uint64_t seed, bool one_by_one, struct notes *l)
{
	static struct drawn state;
	struct msc_rng r = { .state = seed };
	struct sim_device_config c = { .name = "drawn",
				       .vectors = &vectors,
				       .state = &state,
				       .state_size = sizeof state,
				       .speed = msc_rng_below(&r, 2) ? MSC_SPEED_HIGH
								     : MSC_SPEED_FULL,
				       .bus.host = (enum bus_host)msc_rng_below(&r, 4),
				       .bus.host_ns = 5 * MSC_US,
				       .one_by_one = one_by_one,
				       .seed = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device *d;
	struct bus *b;

	memset(l, 0, sizeof *l);
	memset(&state, 0, sizeof state);
	state.rng.state = seed + 1;
	state.notes = l;
	d = sim_device_new(&c, &err);
	assert_non_null(d);
	b = sim_device_bus(d);
	open_all(b);
	for (unsigned i = 0; i < 40; i++) {
		some_transfers(sim_device_sim(d), b, &r, l);
		switch (msc_rng_below(&r, 40)) {
		case 0: open_all(b); break;
		case 1: bus_suspend(b); break;
		case 2: bus_resume(b); break;
		case 3: bus_tap(b, hear, l); break;
		case 4: bus_tap(b, NULL, NULL); break;
		case 5: bus_set_address(b, 1); break; /* of nobody */
		case 6: bus_set_address(b, 0); break;
		default: break;
		}
	}
	sim_device_free(d);
}

static void both_ways_are_the_same(void **unused)
{
	static struct notes many, one;

	(void)unused;
	for (uint64_t seed = 0; seed < ALIKE; seed++) {
		size_t before;

		run(seed << 32, false, &many);
		before = bursts;
		run(seed << 32, true, &one);
		assert_int_equal(bursts, before);
		assert_int_equal(many.n, one.n);
		assert_int_equal(many.heard, one.heard);
		for (size_t i = 0; i < one.n; i++) {
			assert_int_equal(many.note[i].at_ns, one.note[i].at_ns);
			for (size_t k = 0; k < MSC_COUNT(one.note[i].value); k++)
				assert_int_equal(many.note[i].value[k], one.note[i].value[k]);
		}
	}
	assert_true(bursts > (size_t)10 * ALIKE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
