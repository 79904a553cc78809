/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoint 0 in packets: the stages of a control transfer against a firmware that does in each what
 * bRequest tells it to. With the library that models have: test_control.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "sim/device.h"

enum { PACKET = 8, DATA = 20, READ = 0xc0, WRITE = 0x40 };

/* bRequest: where the firmware does other than answer with DATA bytes, or take them. */
enum act {
	WELL,
	STALL_DATA,   /* refuses after a packet of data */
	STALL_STATUS, /* and after the last */
	NO_STATUS,    /* is never ready for the status stage */
	EXCESS,	      /* one byte more than wLength in the last packet */
	ADDRESS,      /* takes wValue for its address after the status stage */
	ADDRESS_EARLY,
	TWICE,	     /* arms a packet on an armed endpoint */
	AFTERWARDS,  /* sends a packet when the request is over */
	TOO_LONG,    /* more than bMaxPacketSize0 */
	UNOPENED,    /* when endpoint 0 is closed */
	STALL_AS_BULK,
};

struct model {
	uint8_t data[DATA + 1];
	size_t at;
	struct msc_setup request;
	int64_t busy_ns; /* in every interrupt of a packet */
	char events[256];
};

static void note(struct model *s, const char *event, size_t len)
{
	msc_append(s->events, sizeof s->events, "%s%zu ", event, len);
}

static void reset(struct mcu *m)
{
	struct model *s = mcu_state(m);

	udc_open(m, 0, PACKET);
	udc_open(m, MSC_EP_IN, PACKET);
	for (size_t i = 0; i < sizeof s->data; i++)
		s->data[i] = (uint8_t)(0x10 + i);
}

static bool reads(const struct model *s)
{
	return s->request.request_type & MSC_REQTYPE_IN && s->request.length;
}

static void next(struct mcu *m)
{
	struct model *s = mcu_state(m);
	size_t wanted = s->request.length, n = wanted - s->at < PACKET ? wanted - s->at : PACKET;

	if (s->at && s->request.request == STALL_DATA) {
		udc_ep0_stall(m);
	} else if (s->at < wanted && reads(s)) {
		udc_ep0_in(m, s->data + s->at, n + (n < PACKET && s->request.request == EXCESS));
		s->at += n;
	} else if (s->at < wanted) {
		udc_ep0_out(m, s->data + s->at, n);
		s->at += n;
	} else if (s->request.request == STALL_STATUS) {
		udc_ep0_stall(m);
	} else if (s->request.request == NO_STATUS) {
		return;
	} else if (reads(s)) {
		udc_ep0_out(m, NULL, 0);
	} else {
		udc_ep0_in(m, NULL, 0);
	}
}

/* The request is over, and the firmware does what has waited for that. */
static void over(struct mcu *m)
{
	struct model *s = mcu_state(m);

	note(s, "over ", 0);
	if (s->request.request == ADDRESS)
		udc_set_address(m, (uint8_t)s->request.value);
	if (s->request.request == AFTERWARDS)
		udc_ep0_in(m, s->data, 1);
}

static void setup(struct mcu *m, const struct msc_setup *q)
{
	struct model *s = mcu_state(m);

	note(s, "setup", q->request);
	s->request = *q;
	s->at = 0;
	if (q->request == ADDRESS_EARLY)
		udc_set_address(m, (uint8_t)q->value);
	if (q->request == UNOPENED)
		udc_close(m, MSC_EP_IN);
	if (q->request == STALL_AS_BULK)
		udc_stall(m, 0);
	if (q->request == TOO_LONG)
		udc_ep0_in(m, s->data, PACKET + 1);
	next(m);
	if (q->request == TWICE)
		next(m);
}

static void packet_done(struct mcu *m, bool status)
{
	struct model *s = mcu_state(m);

	if (s->busy_ns)
		mcu_spin(m, s->busy_ns);
	if (status)
		over(m);
	else
		next(m);
}

static void ep0_in(struct mcu *m)
{
	struct model *s = mcu_state(m);

	note(s, "in", s->at);
	packet_done(m, !reads(s));
}

static void ep0_out(struct mcu *m, size_t len)
{
	struct model *s = mcu_state(m);

	note(s, "out", len);
	packet_done(m, reads(s));
}

static const struct mcu_vectors by_hand = {
	.reset = reset, .setup = setup, .ep0_in = ep0_in, .ep0_out = ep0_out
};

static struct sim_device *plug_model(const struct model *s)
{
	struct sim_device_config c = { .name = "ep0",
				       .vectors = &by_hand,
				       .state = s,
				       .state_size = sizeof *s,
				       .speed = MSC_SPEED_FULL,
				       .bus.host = BUS_HOST_XHCI,
				       .seed = 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device *d = sim_device_new(&c, &err);

	assert_non_null(d);
	bus_port_reset(sim_device_bus(d));
	bus_open_endpoint(sim_device_bus(d), 0, PACKET);
	return d;
}

static void pass(struct sim_device *d, const bool *until, int64_t ns)
{
	sim_run(sim_device_sim(d), until, sim_now(sim_device_sim(d)) + ns);
	assert_null(sim_fault_text(sim_device_sim(d)));
}

static void rest(struct sim_device *d)
{
	static const bool never = false;

	pass(d, &never, 2 * MSC_MS);
}

static struct bus_transfer control_value(struct sim_device *d, uint8_t type, uint8_t request,
					 uint16_t value, uint8_t *data, uint16_t length)
{
	struct bus_transfer t = {
		.setup = {type, request, value, 0, length}, .data = data, .len = length};

	bus_submit(sim_device_bus(d), &t);
	pass(d, &t.done, 100 * MSC_MS);
	if (!t.done)
		bus_cancel(sim_device_bus(d), &t);
	rest(d);
	return t;
}

static struct bus_transfer control(struct sim_device *d, uint8_t type, uint8_t request,
				   uint8_t *data, uint16_t length)
{
	return control_value(d, type, request, 0, data, length);
}

static const struct model *state_of(struct sim_device *d)
{
	return sim_device_state(d);
}

/* What the firmware hears, and what the host sees, in every stage. */
static void each_stage(void **unused)
{
	static const struct {
		uint8_t type;
		enum act act;
		uint16_t length;
		enum bus_outcome outcome;
		size_t actual;
		const char *events;
	} rows[] = {
		{READ, WELL, DATA, BUS_DONE, DATA, "setup0 in8 in16 in20 out0 over 0 "},
		{READ, WELL, 16, BUS_DONE, 16, "setup0 in8 in16 out0 over 0 "},
		{READ, WELL, 0, BUS_DONE, 0, "setup0 in0 over 0 "},
		{READ, STALL_DATA, DATA, BUS_STALL, 8, "setup1 in8 "},
		{READ, STALL_STATUS, DATA, BUS_STALL, DATA, "setup2 in8 in16 in20 "},
		{READ, NO_STATUS, DATA, BUS_CANCELLED, DATA, "setup3 in8 in16 in20 "},
		/* the host does not acknowledge babble */
		{READ, EXCESS, DATA, BUS_BABBLE, 16, "setup4 in8 in16 "},
		{WRITE, WELL, DATA, BUS_DONE, DATA, "setup0 out8 out8 out4 in20 over 0 "},
		{WRITE, WELL, 16, BUS_DONE, 16, "setup0 out8 out8 in16 over 0 "},
		{WRITE, WELL, 0, BUS_DONE, 0, "setup0 in0 over 0 "},
		{WRITE, STALL_DATA, DATA, BUS_STALL, 8, "setup1 out8 "},
		{WRITE, STALL_STATUS, DATA, BUS_STALL, DATA, "setup2 out8 out8 out4 "},
		{WRITE, STALL_STATUS, 0, BUS_STALL, 0, "setup2 "},
		{WRITE, NO_STATUS, DATA, BUS_CANCELLED, DATA, "setup3 out8 out8 out4 "},
		{WRITE, NO_STATUS, 0, BUS_CANCELLED, 0, "setup3 "},
	};
	struct model s = { .at = 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t data[DATA + 1], expected[DATA];
		bool in = rows[i].type & MSC_REQTYPE_IN;
		struct sim_device *d = plug_model(&s);
		struct bus_transfer t;

		for (size_t k = 0; k < DATA; k++)
			expected[k] = (uint8_t)((in ? 0x10 : 0x80) + k);
		memset(data, 0, sizeof data);
		if (!in)
			memcpy(data, expected, DATA);
		t = control(d, rows[i].type, (uint8_t)rows[i].act, data, rows[i].length);
		assert_int_equal(t.outcome, rows[i].outcome);
		assert_int_equal(t.actual, rows[i].actual);
		assert_string_equal(state_of(d)->events, rows[i].events);
		assert_memory_equal(in ? data : state_of(d)->data, expected, t.actual);
		/* and whatever it was, the next SETUP ends it */
		t = control(d, READ, WELL, data, DATA);
		assert_int_equal(t.outcome, BUS_DONE);
		for (size_t k = 0; in && k < DATA; k++)
			assert_int_equal(data[k], 0x10 + k);
		assert_false(sim_device_remark(d, (char[128]){ 0 }, 128, &(bool){ false }));
		sim_device_free(d);
	}
}

/* The host gives up at any moment and asks something else. The firmware, which is busy for longer
 * than a packet takes, hears of the old request's packets late, and what it then does is about a
 * request that is over. */
static void a_new_setup_ends_the_old(void **unused)
{
	(void)unused;
	for (unsigned us = 1; us < 300; us++) {
		struct model s = { .busy_ns = 40 * MSC_US };
		uint8_t old[DATA], data[DATA] = { 0 };
		struct sim_device *d = plug_model(&s);
		struct bus_transfer t = { .setup = { us % 2 ? READ : WRITE, WELL, 0, 0, DATA },
					  .data = old,
					  .len = DATA };

		memset(old, 0xee, sizeof old);
		bus_submit(sim_device_bus(d), &t);
		pass(d, &t.done, us * MSC_US);
		if (!t.done)
			bus_cancel(sim_device_bus(d), &t);
		t = (struct bus_transfer){ .setup = { READ, WELL, 0, 0, 12 },
					   .data = data,
					   .len = 12 };
		bus_submit(sim_device_bus(d), &t);
		pass(d, &t.done, 100 * MSC_MS);
		assert_true(t.done);
		assert_int_equal(t.outcome, BUS_DONE);
		assert_int_equal(t.actual, 12);
		for (size_t k = 0; k < 12; k++)
			assert_true(data[k] == 0x10 + k || data[k] == 0xee);
		rest(d);
		assert_non_null(strstr(state_of(d)->events, "over"));
		assert_false(sim_device_remark(d, (char[128]){ 0 }, 128, &(bool){ false }));
		sim_device_free(d);
	}
}

/* USB 2.0, 9.4.6. */
static void an_address_counts_after_the_status_stage(void **unused)
{
	static const struct {
		enum act act;
		enum bus_outcome outcome;
	} rows[] = { { ADDRESS, BUS_DONE }, { ADDRESS_EARLY, BUS_ERROR } };
	struct model s = { .at = 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sim_device *d = plug_model(&s);
		uint8_t data[1];

		assert_int_equal(control_value(d, WRITE, (uint8_t)rows[i].act, 5, NULL, 0).outcome,
				 rows[i].outcome);
		assert_int_equal(control(d, READ, WELL, data, 1).outcome, BUS_ERROR);
		bus_set_address(sim_device_bus(d), 5);
		assert_int_equal(control(d, READ, WELL, data, 1).outcome, BUS_DONE);
		sim_device_free(d);
	}
}

static void misuse_is_remarked(void **unused)
{
	static const struct {
		enum act act;
		const char *text;
	} rows[] = {
		{TWICE, "ep0_in: endpoint 0x80 is busy"},
		{AFTERWARDS, "ep0_in: no request is under way"},
		{TOO_LONG, "ep0_in: a packet of 9 bytes, where bMaxPacketSize0 is 8"},
		{UNOPENED, "ep0_in: endpoint 0x80 was never opened"},
		{STALL_AS_BULK, "ep_stall: endpoint 0 is a control endpoint"},
	};
	struct model s = { .at = 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sim_device *d = plug_model(&s);
		char text[128] = "";
		uint8_t data[DATA];
		bool died;

		control(d, READ, (uint8_t)rows[i].act, data, sizeof data);
		assert_true(sim_device_remark(d, text, sizeof text, &died));
		assert_string_equal(text, rows[i].text);
		sim_device_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stage),
		cmocka_unit_test(a_new_setup_ends_the_old),
		cmocka_unit_test(an_address_counts_after_the_status_stage),
		cmocka_unit_test(misuse_is_remarked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
