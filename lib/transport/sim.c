/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated target: sim:FIRMWARE[,knob=value]... The firmware runs on a simulated controller
 * on a simulated bus in virtual time; opening it enumerates it as a host does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/isolate.h"
#include "firmware/spec.h"
#include "scsi/scsi.h"
#include "transport/enumerate.h"
#include "wire/bot.h"

struct sim_target {
	struct msc_spec spec;
	struct sim_device *device;
	unsigned attachments; /* of the bus when it was enumerated */
	enum msc_speed speed;
	msc_packet_fn *packet; /* or NULL */
	void *packet_user;
	struct transfer *first; /* of those under way */
};

struct transfer { /* what an msc_xfer's priv points to */
	struct bus_transfer bus;
	struct transfer *next;
};

/* ---- transfers ---------------------------------------------------------------------------- */

static int check_model(struct sim_target *s, struct msc_err *err)
{
	const char *fault = sim_fault_text(sim_device_sim(s->device));

	return fault ? msc_fail(err, MSC_E_INTERNAL, "%s", fault) : 0;
}

static enum msc_outcome outcome_of(enum bus_outcome outcome)
{
	switch (outcome) {
	case BUS_DONE: return MSC_OUT_DONE;
	case BUS_STALL: return MSC_OUT_STALL;
	case BUS_BABBLE: return MSC_OUT_BABBLE;
	case BUS_ERROR: return MSC_OUT_ERROR;
	case BUS_CANCELLED: return MSC_OUT_CANCELLED;
	case BUS_GONE: return MSC_OUT_GONE;
	}
	return MSC_OUT_ERROR;
}

/* Copies the result of a transfer that has ended to its msc_xfer, and lets go of it. */
static void collect(struct sim_target *s, struct msc_xfer *x)
{
	struct transfer *t = x->priv, **p = &s->first;

	if (!t || !t->bus.done)
		return;
	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	x->outcome = outcome_of(t->bus.outcome);
	x->actual = t->bus.actual;
	x->naks = (int64_t)t->bus.naks;
	x->completed_ns = t->bus.seen_ns;
	x->priv = NULL;
	free(t);
}

/* It was unplugged since it was enumerated, even if it is back by now. */
static bool is_lost(const struct sim_target *s)
{
	const struct bus *bus = sim_device_bus(s->device);

	return !bus_attached(bus) || bus_attachments(bus) != s->attachments;
}

/* What the firmware is about to be asked, should it die of it. */
static void tell_command(const struct msc_xfer *x)
{
	struct msc_asked asked;
	char text[96];

	if (msc_asked_note(&asked, x))
		msc_isolate_doing(msc_asked_text(text, sizeof text, &asked));
}

static int submit(struct msc_target *target, struct msc_xfer *x, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);
	struct transfer *t;

	if (is_lost(s)) {
		x->outcome = MSC_OUT_GONE;
		return 0;
	}
	t = malloc(sizeof *t);
	if (!t)
		return msc_nomem(err);
	if (s->spec.external)
		tell_command(x);
	*t = (struct transfer){
		.bus = { .ep = x->ep, .setup = x->setup, .data = x->data, .len = x->len },
		.next = s->first,
	};
	s->first = t;
	x->priv = t;
	bus_submit(sim_device_bus(s->device), &t->bus);
	collect(s, x);
	return 0;
}

static int wait_for(struct msc_target *target, struct msc_xfer *x, int64_t deadline_ns,
		    struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);
	struct transfer *t = x->priv;

	sim_run(sim_device_sim(s->device), &t->bus.done, deadline_ns);
	collect(s, x);
	return check_model(s, err);
}

static int cancel(struct msc_target *target, struct msc_xfer *x, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);
	struct transfer *t = x->priv;

	bus_cancel(sim_device_bus(s->device), &t->bus);
	collect(s, x);
	return check_model(s, err);
}

static int clear_halt(struct msc_target *target, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);
	const struct msc_setup setup = msc_setup_clear_halt(ep);

	if (msc_enum_outcome(target, &setup, deadline_ns, outcome, err) < 0)
		return -1;
	if (*outcome == MSC_OUT_DONE)
		bus_reset_toggle(sim_device_bus(s->device), ep);
	return 0;
}

/* ---- enumeration -------------------------------------------------------------------------- */

/* USB 2.0, 9.2.6.4: a standard request with data is answered within 500 ms. */
#define REQUEST_NS (500 * MSC_MS)
/* 9.2.6.3: so long the device may need until it hears its new address. */
#define ADDRESS_RECOVERY_NS (2 * MSC_MS)

/* With the value that the device gave it: USB 2.0, 9.6.3. */
static struct msc_setup set_configuration(const struct msc_target *t)
{
	return (struct msc_setup){ .request = MSC_STD_SET_CONFIGURATION,
				   .value = msc_device_configuration(&t->device) };
}

/* The host's side of the endpoints, from DATA0. */
static void open_endpoints(struct msc_target *t)
{
	struct sim_target *s = msc_target_state(t);
	struct bus *bus = sim_device_bus(s->device);

	if (!t->device.ep_in)
		return;
	bus_open_endpoint(bus, t->device.ep_in, t->device.max_packet_in);
	bus_open_endpoint(bus, t->device.ep_out, t->device.max_packet_out);
}

static int set_up(struct msc_target *t, struct msc_err *err)
{
	const struct msc_setup address = { .request = MSC_STD_SET_ADDRESS, .value = 1 };
	const struct msc_setup configuration = set_configuration(t);

	if (msc_enum_standard(t, "SET_ADDRESS", &address, NULL, NULL, REQUEST_NS, err) < 0)
		return -1;
	msc_wait_until(t->clock, msc_now(t->clock) + ADDRESS_RECOVERY_NS);
	if (msc_enum_standard(t, "SET_CONFIGURATION", &configuration, NULL, NULL, REQUEST_NS, err) <
	    0)
		return -1;
	open_endpoints(t);
	return 0;
}

static int configure(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	const struct msc_setup setup = set_configuration(t);

	if (msc_enum_outcome(t, &setup, msc_now(t->clock) + REQUEST_NS, outcome, err) < 0)
		return -1;
	if (*outcome == MSC_OUT_DONE)
		open_endpoints(t);
	return 0;
}

static int set_interface(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	const struct msc_setup setup =
		msc_setup_set_interface(t->device.interface_number, t->device.alternate);

	if (msc_enum_outcome(t, &setup, msc_now(t->clock) + REQUEST_NS, outcome, err) < 0)
		return -1;
	if (*outcome == MSC_OUT_DONE)
		open_endpoints(t);
	return 0;
}

/* USB 2.0, 7.1.7.7: 20 ms of resume signalling, its end, and 10 ms for the device to recover. */
#define RESUME_NS (33 * MSC_MS)

static int suspend(struct msc_target *t, int64_t ns, bool resume, struct msc_suspended *how,
		   struct msc_err *err)
{
	struct sim_target *s = msc_target_state(t);
	struct bus *bus = sim_device_bus(s->device);

	bus_suspend(bus);
	how->silent_ns = msc_now(t->clock);
	msc_wait_until(t->clock, how->silent_ns + ns);
	if (!resume)
		return check_model(s, err);
	how->resumed_ns = msc_now(t->clock);
	bus_resume(bus);
	msc_wait_until(t->clock, msc_now(t->clock) + RESUME_NS);
	return check_model(s, err);
}

static int enumerate_once(struct msc_target *t, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(t);
	struct bus *bus = sim_device_bus(s->device);
	uint8_t raw[MSC_DEVICE_DESC_LEN] = { 0 };
	size_t len;

	s->attachments = bus_attachments(bus);
	bus_port_reset(bus);
	if (msc_enum_descriptor(t, MSC_DESC_DEVICE, raw, 8, &len, REQUEST_NS, err) < 0)
		return -1;
	if (raw[7] == 8 || raw[7] == 16 || raw[7] == 32 || raw[7] == 64)
		bus_open_endpoint(bus, 0, raw[7]);
	if (msc_enum_descriptor(t, MSC_DESC_DEVICE, raw, sizeof raw, &len, REQUEST_NS, err) < 0)
		return -1;
	msc_device_desc_unpack(&t->device.desc, raw);
	if (msc_enum_configuration(t, REQUEST_NS, err) < 0)
		return -1;
	if (msc_device_parse(&t->device, err) < 0)
		return 1;
	if (set_up(t, err) < 0)
		return -1;
	return msc_enum_serial(t, REQUEST_NS, err);
}

/* Hosts read the device descriptor anew behind every reset, and there are stacks that learn their speed when it is
 * asked for. Models of ours are not asked: they do not wait for it. */
static int ask_again(struct msc_target *t, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(t);
	uint8_t raw[MSC_DEVICE_DESC_LEN];
	size_t len;

	if (!s->spec.external)
		return 0;
	return msc_enum_descriptor(t, MSC_DESC_DEVICE, raw, sizeof raw, &len, REQUEST_NS, err);
}

static int reset_once(struct msc_target *target, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);

	bus_port_reset(sim_device_bus(s->device));
	if (check_model(s, err) < 0)
		return -1;
	if (is_lost(s))
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", target->device.name);
	return ask_again(target, err) < 0 ? -1 : set_up(target, err);
}

static int reset(struct msc_target *target, struct msc_err *err)
{
	return msc_enum_try(target, reset_once, err);
}

/* USB 2.0, 7.1.7.3: so long the connection has to be steady before the port is reset. */
#define ATTACH_NS (100 * MSC_MS)

static int power_cycle(struct msc_target *t, int64_t off_ns, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(t);
	struct bus *bus = sim_device_bus(s->device);

	sim_device_unplug(s->device);
	msc_wait_until(t->clock, msc_now(t->clock) + off_ns);
	sim_device_plug(s->device);
	s->attachments = bus_attachments(bus);
	bus_open_endpoint(bus, 0, t->device.desc.max_packet0);
	msc_wait_until(t->clock, msc_now(t->clock) + ATTACH_NS);
	return check_model(s, err);
}

/* Its endpoint 0 is as large as it was: it has to be the same device. */
static int rejoin(struct msc_target *t, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(t);
	struct bus *bus = sim_device_bus(s->device);
	int64_t until = msc_now(t->clock) + MSC_REJOIN_NS;

	while (!bus_attached(bus) && msc_now(t->clock) < until)
		msc_wait_until(t->clock, msc_now(t->clock) + MSC_MS);
	if (!bus_attached(bus))
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", t->device.name);
	bus_open_endpoint(bus, 0, t->device.desc.max_packet0);
	msc_wait_until(t->clock, msc_now(t->clock) + ATTACH_NS);
	return msc_enum_try(t, enumerate_once, err);
}

/* ---- opening ------------------------------------------------------------------------------ */

static void close_target(struct msc_target *t)
{
	struct sim_target *s = msc_target_state(t);

	sim_device_free(s->device);
	while (s->first) {
		struct transfer *next = s->first->next;

		free(s->first);
		s->first = next;
	}
	msc_spec_free(&s->spec);
}

static void on_packet(void *user, int64_t at_ns, const uint8_t *packet, size_t len)
{
	struct sim_target *s = user;

	s->packet(s->packet_user, s->speed, at_ns, packet, len);
}

/* Set by the tests: whatever is written to the medium, a permit must cover it. */
#define WATCH "MSCOPE_WATCH_MEDIUM"
/* The same: packets do not pass in bursts, and nothing else may come of it. */
#define ONE_BY_ONE "MSCOPE_ONE_BY_ONE"

static bool may_be_written(void *user, uint8_t slot, uint64_t lba, uint64_t blocks)
{
	const struct msc_target *t = user;

	return !t->covers || t->covers(t->covers_user, slot, lba, blocks);
}

static int open_target(struct msc_target *t, const char *rest,
		       const struct msc_open_options *options, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(t);
	struct sim_device_config config;

	if (msc_spec_parse(&s->spec, rest, err) < 0)
		return -1;
	config = msc_spec_config(&s->spec);
	config.allow_writes = options->allow_writes;
	config.log = options->log;
	config.watch = getenv(WATCH) ? may_be_written : NULL;
	config.watch_user = t;
	config.one_by_one = getenv(ONE_BY_ONE) != NULL;
	t->device.speed = config.speed;
	snprintf(t->device.host, sizeof t->device.host, "%s", bus_host_names[config.bus.host]);
	t->device.translated = config.bus.hub != BUS_NO_HUB;
	t->device.simulated = true;
	t->device.forgets = !s->spec.has_file;
	memcpy(t->device.medium_id, s->spec.medium_id, sizeof s->spec.medium_id);
	s->device = sim_device_new(&config, err);
	if (!s->device) {
		msc_spec_free(&s->spec);
		return -1;
	}
	s->speed = config.speed;
	s->packet = options->packet;
	s->packet_user = options->packet_user;
	if (s->packet)
		bus_tap(sim_device_bus(s->device), on_packet, s);
	t->clock = sim_clock(sim_device_sim(s->device));
	if (msc_enum_try(t, enumerate_once, err) < 0) {
		char why[192];
		bool died;

		if (sim_device_remark(s->device, why, sizeof why, &died))
			msc_err_prefix(err, "%s; ", why);
		else if (sim_device_is_masked(s->device))
			msc_err_prefix(err,
				       "the firmware has its interrupts disabled, and one waits; ");
		check_model(s, err);
		close_target(t);
		return -1;
	}
	return 0;
}

static double cpu_load(struct msc_target *t)
{
	struct sim_target *s = msc_target_state(t);

	return sim_device_cpu_load(s->device);
}

static void shift_tick(struct msc_target *t, double share)
{
	struct sim_target *s = msc_target_state(t);

	sim_device_shift_tick(s->device, share);
}

static bool remark(struct msc_target *t, char *buf, size_t size, bool *died)
{
	struct sim_target *s = msc_target_state(t);

	return sim_device_remark(s->device, buf, size, died);
}

static int list(msc_found_fn *found, void *user, struct msc_err *err)
{
	(void)err;
	for (size_t i = 0; i < msc_firmware_count; i++) {
		char name[64];

		snprintf(name, sizeof name, "sim:%s", msc_firmwares[i]->name);
		found(user, name, msc_firmwares[i]->summary);
	}
	return 0;
}

const struct msc_transport msc_transport_sim = {
	.name = "sim",
	.syntax = "sim:FIRMWARE[,knob=value]...",
	.summary = "a simulated firmware on a simulated bus, in virtual time",
	.times = "virtual",
	.state_size = sizeof(struct sim_target),
	.open = open_target,
	.close = close_target,
	.submit = submit,
	.wait = wait_for,
	.cancel = cancel,
	.clear_halt = clear_halt,
	.reset = reset,
	.configure = configure,
	.set_interface = set_interface,
	.suspend = suspend,
	.power_cycle = power_cycle,
	.rejoin = rejoin,
	.list = list,
	.cpu_load = cpu_load,
	.shift_tick = shift_tick,
	.remark = remark,
};
