/* SPDX-License-Identifier: BSD-2-Clause */
/* See firmware_bench.h. */
#include "firmware_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"

#define TIMEOUT_NS (2 * MSC_S)

static enum bench_outcome outcome_of(enum bus_outcome o)
{
	switch (o) {
	case BUS_DONE:
		return DONE;
	case BUS_STALL:
		return STALLED;
	case BUS_BABBLE:
		return BABBLED;
	default:
		return OTHER;
	}
}

static enum bench_outcome transfer(struct bench *b, struct bus_transfer *t, size_t *actual)
{
	struct sim *sim = sim_device_sim(b->device);
	bool done;

	bus_submit(b->bus, t);
	done = sim_run(sim, &t->done, sim_now(sim) + TIMEOUT_NS);
	if (sim_fault_text(sim))
		fail_msg("%s", sim_fault_text(sim));
	if (!done)
		bus_cancel(b->bus, t);
	if (actual)
		*actual = t->actual;
	return done ? outcome_of(t->outcome) : TIMED_OUT;
}

enum bench_outcome bench_control(struct bench *b, uint8_t type, uint8_t request, uint16_t value,
				 uint16_t index, uint16_t length, void *data, size_t *actual)
{
	struct bus_transfer t = {
		.setup = {type, request, value, index, length}, .data = data, .len = length};

	return transfer(b, &t, actual);
}

enum bench_outcome bench_bulk(struct bench *b, uint8_t ep, void *data, size_t len, size_t *actual)
{
	struct bus_transfer t = { .ep = ep, .data = data, .len = len };

	return transfer(b, &t, actual);
}

void bench_clear_halt(struct bench *b, uint8_t ep)
{
	assert_int_equal(bench_control(b, MSC_RECIPIENT_ENDPOINT, MSC_STD_CLEAR_FEATURE,
				       MSC_FEATURE_ENDPOINT_HALT, ep, 0, NULL, NULL),
			 DONE);
	bus_reset_toggle(b->bus, ep);
}

void bench_reset_recovery(struct bench *b)
{
	assert_int_equal(bench_control(b, MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE,
				       MSC_REQ_BULK_ONLY_RESET, 0, 0, 0, NULL, NULL),
			 DONE);
	bench_clear_halt(b, BENCH_IN);
	bench_clear_halt(b, BENCH_OUT);
}

void bench_configure(struct bench *b)
{
	uint16_t packet = bus_speed(b->bus) == MSC_SPEED_HIGH ? 512 : 64;

	assert_int_equal(bench_control(b, 0, MSC_STD_SET_CONFIGURATION, 1, 0, 0, NULL, NULL), DONE);
	bus_open_endpoint(b->bus, BENCH_IN, packet);
	bus_open_endpoint(b->bus, BENCH_OUT, packet);
}

void bench_open(struct bench *b, const char *firmware, const char *knobs, enum msc_speed speed,
		const char *const *faults)
{
	struct msc_err err = MSC_ERR_INIT;
	struct sim_device_config c;
	char name[512] = "";

	*b = (struct bench){ .tag = 0x1000 };
	msc_append(name, sizeof name, "%s%s%s", firmware, knobs && *knobs ? "," : "",
		   knobs ? knobs : "");
	while (faults && *faults)
		msc_append(name, sizeof name, ",fault=%s", *faults++);
	if (msc_spec_parse(&b->spec, name, &err) < 0)
		fail_msg("%s", err.msg);
	b->firmware = b->spec.firmware;
	b->state = b->spec.state;
	c = msc_spec_config(&b->spec);
	c.allow_writes = true;
	c.bus.host_ns = 0;
	c.speed = speed;
	c.bus.host = speed == MSC_SPEED_HIGH ? BUS_HOST_EHCI : BUS_HOST_UHCI;
	b->device = sim_device_new(&c, &err);
	if (!b->device)
		fail_msg("%s", err.msg);
	b->bus = sim_device_bus(b->device);
	bus_port_reset(b->bus);
	bus_open_endpoint(b->bus, 0, 64);
	bench_configure(b);
}

void bench_close(struct bench *b)
{
	sim_device_free(b->device);
	free(b->state);
}

/* BOT 1.0, 5.3.3: a STALL is cleared and the CSW asked for once more. */
static void status(struct bench *b, struct bench_result *r)
{
	uint8_t raw[MSC_CSW_LEN] = { 0 };
	struct msc_csw csw;
	size_t n = 0;
	enum bench_outcome o = bench_bulk(b, BENCH_IN, raw, sizeof raw, &n);

	if (o == STALLED) {
		r->stalled_in = true;
		bench_clear_halt(b, BENCH_IN);
		o = bench_bulk(b, BENCH_IN, raw, sizeof raw, &n);
	}
	msc_csw_unpack(&csw, raw);
	r->have_csw = o == DONE && n == sizeof raw && csw.signature == MSC_CSW_SIGNATURE &&
		      csw.tag == b->tag;
	r->residue = csw.residue;
	r->status = csw.status;
}

struct bench_result bench_command(struct bench *b, uint8_t lun, const uint8_t *cb,
				  uint8_t cb_length, bool in, uint32_t length, void *data)
{
	struct msc_cbw cbw = { .h = { .signature = MSC_CBW_SIGNATURE,
				      .tag = ++b->tag,
				      .length = length,
				      .flags = in ? MSC_CBW_FLAG_IN : 0,
				      .lun = lun,
				      .cb_length = cb_length } };
	struct bench_result r = { .data_outcome = DONE, .status = 0xff };
	uint8_t raw[MSC_CBW_LEN], *own = NULL;

	memcpy(cbw.cb, cb, cb_length);
	msc_cbw_pack(raw, &cbw);
	if (bench_bulk(b, BENCH_OUT, raw, sizeof raw, NULL) != DONE)
		return r;
	if (length) {
		if (!data)
			data = own = calloc(1, length);
		assert_non_null(data);
		r.data_outcome = bench_bulk(b, in ? BENCH_IN : BENCH_OUT, data, length, &r.moved);
		free(own);
	}
	if (r.data_outcome == STALLED) {
		*(in ? &r.stalled_in : &r.stalled_out) = true;
		bench_clear_halt(b, in ? BENCH_IN : BENCH_OUT);
	}
	status(b, &r);
	return r;
}

uint32_t bench_sense(struct bench *b, uint8_t lun)
{
	static const uint8_t cb[] = { MSC_OP_REQUEST_SENSE, 0, 0, 0, MSC_SENSE_LEN, 0 };
	uint8_t raw[MSC_SENSE_LEN] = { 0 };
	struct bench_result r = bench_command(b, lun, cb, sizeof cb, true, sizeof raw, raw);

	assert_true(r.have_csw);
	assert_int_equal(r.status, MSC_CSW_PASSED);
	return (uint32_t)(raw[2] & 0x0f) << 16 | (uint32_t)raw[12] << 8 | raw[13];
}

void bench_settle(struct bench *b)
{
	static const uint8_t cb[6] = { MSC_OP_TEST_UNIT_READY };

	for (int i = 0; i < 3; i++)
		if (bench_command(b, 0, cb, sizeof cb, false, 0, NULL).status == MSC_CSW_PASSED)
			return;
}
