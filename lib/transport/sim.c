/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated target: sim:FIRMWARE[,knob=value]... The firmware runs on a simulated controller
 * on a simulated bus in virtual time; opening it enumerates it as a host does. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "firmware/firmware.h"
#include "transport/transport.h"

enum { FAULTS_MAX = 8 };

/* Knobs of the bench around the firmware; a model's own come from its table. */
struct bench {
	int speed, host;
	uint64_t seed;
	int64_t unplug_ns; /* 0: never */
	uint32_t drift;	   /* parts per million */
	int64_t turnaround_ns;
};

static const char *const speeds[] = { "auto", "full", "high", NULL };
static const char *const hosts[] = { "auto", "uhci", "ohci", "ehci", "xhci", NULL };

const struct msc_knob msc_sim_knobs[] = {
	{ .name = "speed",
	  .type = MSC_KNOB_CHOICE,
	  .offset = offsetof(struct bench, speed),
	  .initial = "auto",
	  .choices = speeds,
	  .help = "bus speed; auto is the fastest of the model" },
	{ .name = "host",
	  .type = MSC_KNOB_CHOICE,
	  .offset = offsetof(struct bench, host),
	  .initial = "auto",
	  .choices = hosts,
	  .help = "host controller; auto is uhci at full speed, ehci at high speed" },
	{ .name = "seed",
	  .type = MSC_KNOB_U64,
	  .offset = offsetof(struct bench, seed),
	  .initial = "1",
	  .help = "of everything random in the device" },
	{ .name = "unplug",
	  .type = MSC_KNOB_DURATION,
	  .offset = offsetof(struct bench, unplug_ns),
	  .initial = "0s",
	  .help = "pull the cable after so much virtual time; 0s never" },
	{ .name = "drift",
	  .type = MSC_KNOB_U32,
	  .offset = offsetof(struct bench, drift),
	  .initial = "0",
	  .max = 100000,
	  .help = "parts per million by which the device's clock is slow against the bus" },
	{ .name = "turnaround",
	  .type = MSC_KNOB_DURATION,
	  .offset = offsetof(struct bench, turnaround_ns),
	  .initial = "5us",
	  .help = "what the host's software needs from an interrupt to its next call" },
	{ .name = NULL },
};

struct sim_target {
	struct bench bench;
	const struct msc_firmware *firmware;
	struct sim_device *device;
	const struct mutant_ops *mutants[FAULTS_MAX];
	size_t n_mutants;
	uint8_t address;
	bool has_file; /* the medium is a file of the host */
};

struct transfer { /* what an msc_xfer's priv points to */
	struct bus_transfer bus;
};

/* ---- the name ----------------------------------------------------------------------------- */

static int unknown_knob(const struct msc_firmware *fw, const char *key, struct msc_err *err)
{
	struct msc_nearest near = { .wanted = key };
	char kind[64], listing[64];

	for (const struct msc_knob *k = fw->knobs; k && k->name; k++)
		msc_nearest_try(&near, k->name);
	for (const struct msc_knob *k = msc_sim_knobs; k->name; k++)
		msc_nearest_try(&near, k->name);
	msc_nearest_try(&near, "fault");
	snprintf(kind, sizeof kind, "knob of sim:%s", fw->name);
	snprintf(listing, sizeof listing, "firmware %s", fw->name);
	return msc_fail_unknown(err, kind, listing, &near);
}

static int add_fault(struct sim_target *s, const char *id, struct msc_err *err)
{
	const struct msc_fault *f = msc_fault_find(id, err);

	if (!f)
		return -1;
	if (s->n_mutants == FAULTS_MAX)
		return msc_fail(err, MSC_E_USAGE, "more than %d faults at once", FAULTS_MAX);
	s->mutants[s->n_mutants++] = &f->ops;
	return 0;
}

static int set_knob(struct sim_target *s, void *state, char *word, struct msc_err *err)
{
	char *value = strchr(word, '=');
	const struct msc_knob *knob;

	if (!value)
		return msc_fail(err, MSC_E_USAGE, "'%s': expected knob=value", word);
	*value++ = '\0';
	if (strcmp(word, "fault") == 0)
		return add_fault(s, value, err);
	s->has_file |= strcmp(word, "file") == 0;
	if ((knob = msc_knob_find(s->firmware->knobs, word)))
		return msc_knob_set(knob, state, value, err);
	if ((knob = msc_knob_find(msc_sim_knobs, word)))
		return msc_knob_set(knob, &s->bench, value, err);
	return unknown_knob(s->firmware, word, err);
}

/* Reads "NAME,knob=value,..." and sets the knobs in *state, which the caller frees. */
static int parse(struct sim_target *s, const char *rest, void **state, struct msc_err *err)
{
	char *text = strdup(rest), *left = text, *word;
	int rc = -1;

	if (!text)
		return msc_nomem(err);
	word = strsep(&left, ",");
	if (!*word)
		msc_fail(err, MSC_E_USAGE,
			 "sim: needs the name of a firmware, as in sim:reference");
	else
		s->firmware = msc_firmware_find(word, err);
	if (!s->firmware)
		goto out;
	*state = calloc(1, s->firmware->state_size ? s->firmware->state_size : 1);
	if (!*state) {
		msc_nomem(err);
		goto out;
	}
	msc_knobs_init(s->firmware->knobs, *state);
	msc_knobs_init(msc_sim_knobs, &s->bench);
	while ((word = strsep(&left, ",")))
		if (msc_knob_once(rest, (size_t)(word - text), err) < 0 ||
		    set_knob(s, *state, word, err) < 0)
			goto out;
	rc = 0;
out:
	free(text);
	return rc;
}

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
static void collect(struct msc_xfer *x)
{
	struct transfer *t = x->priv;

	if (!t || !t->bus.done)
		return;
	x->outcome = outcome_of(t->bus.outcome);
	x->actual = t->bus.actual;
	x->naks = (int64_t)t->bus.naks;
	x->completed_ns = t->bus.seen_ns;
	x->priv = NULL;
	free(t);
}

static int submit(struct msc_target *target, struct msc_xfer *x, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);
	struct transfer *t = calloc(1, sizeof *t);

	if (!t)
		return msc_nomem(err);
	t->bus = (struct bus_transfer){
		.ep = x->ep, .setup = x->setup, .data = x->data, .len = x->len
	};
	x->priv = t;
	bus_submit(sim_device_bus(s->device), &t->bus);
	collect(x);
	return 0;
}

static int wait_for(struct msc_target *target, struct msc_xfer *x, int64_t deadline_ns,
		    struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);
	struct transfer *t = x->priv;

	sim_run(sim_device_sim(s->device), &t->bus.done, deadline_ns);
	collect(x);
	return check_model(s, err);
}

static int cancel(struct msc_target *target, struct msc_xfer *x, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);
	struct transfer *t = x->priv;

	bus_cancel(sim_device_bus(s->device), &t->bus);
	collect(x);
	return check_model(s, err);
}

/* A control request with a bounded wait, for enumeration and halts. */
static int request(struct msc_target *target, const struct msc_setup *setup, void *data,
		   int64_t deadline_ns, struct msc_xfer *x, struct msc_err *err)
{
	*x = (struct msc_xfer){ .setup = *setup, .data = data, .len = setup->length };
	if (submit(target, x, err) < 0)
		return -1;
	if (x->priv && wait_for(target, x, deadline_ns, err) < 0)
		return -1;
	if (x->priv && cancel(target, x, err) < 0)
		return -1;
	if (x->outcome == MSC_OUT_CANCELLED)
		x->outcome = MSC_OUT_TIMEOUT;
	return 0;
}

static int clear_halt(struct msc_target *target, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);
	const struct msc_setup setup = { .request_type = MSC_RECIPIENT_ENDPOINT,
					 .request = MSC_STD_CLEAR_FEATURE,
					 .value = MSC_FEATURE_ENDPOINT_HALT,
					 .index = ep };
	struct msc_xfer x;

	if (request(target, &setup, NULL, deadline_ns, &x, err) < 0)
		return -1;
	if (x.outcome == MSC_OUT_DONE)
		bus_reset_toggle(sim_device_bus(s->device), ep);
	*outcome = x.outcome;
	return 0;
}

/* ---- enumeration -------------------------------------------------------------------------- */

/* USB 2.0, 9.2.6.4: a standard request with data is answered within 500 ms. */
#define REQUEST_NS (500 * MSC_MS)

static int standard(struct msc_target *t, const char *what, const struct msc_setup *setup,
		    void *data, size_t *len, struct msc_err *err)
{
	struct msc_xfer x;

	if (request(t, setup, data, msc_now(t->clock) + REQUEST_NS, &x, err) < 0)
		return -1;
	if (len)
		*len = x.actual;
	if (x.outcome == MSC_OUT_DONE)
		return 0;
	return msc_fail(err, x.outcome == MSC_OUT_GONE ? MSC_E_GONE : MSC_E_UNSUPPORTED,
			"%s: cannot be enumerated: %s: %s", t->device.name, what,
			msc_outcome_name(x.outcome));
}

static int get_descriptor(struct msc_target *t, const char *what, uint8_t type, uint8_t index,
			  uint16_t language, void *data, uint16_t room, size_t *len,
			  struct msc_err *err)
{
	const struct msc_setup setup = { .request_type = MSC_REQTYPE_IN,
					 .request = MSC_STD_GET_DESCRIPTOR,
					 .value = (uint16_t)(type << 8 | index),
					 .index = language,
					 .length = room };

	return standard(t, what, &setup, data, len, err);
}

static const struct msc_setup set_configuration = { .request = MSC_STD_SET_CONFIGURATION,
						    .value = 1 };

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

	if (standard(t, "SET_ADDRESS", &address, NULL, NULL, err) < 0 ||
	    standard(t, "SET_CONFIGURATION", &set_configuration, NULL, NULL, err) < 0)
		return -1;
	open_endpoints(t);
	return 0;
}

static int configure(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	struct msc_xfer x;

	if (request(t, &set_configuration, NULL, msc_now(t->clock) + REQUEST_NS, &x, err) < 0)
		return -1;
	if (x.outcome == MSC_OUT_DONE)
		open_endpoints(t);
	*outcome = x.outcome;
	return 0;
}

/* The serial number as text; a device that refuses it has none. */
static void read_serial(struct msc_target *t)
{
	struct msc_err ignored = MSC_ERR_INIT;
	uint8_t raw[255];
	size_t len, n = 0;

	if (!t->device.desc.i_serial ||
	    get_descriptor(t, "serial number", MSC_DESC_STRING, t->device.desc.i_serial, 0x0409,
			   raw, sizeof raw, &len, &ignored) < 0)
		return;
	for (size_t i = 2; i + 1 < len && n + 1 < sizeof t->device.serial; i += 2)
		t->device.serial[n++] =
			raw[i + 1] == 0 && raw[i] >= 0x20 && raw[i] < 0x7f ? (char)raw[i] : '?';
	t->device.serial[n] = '\0';
}

static int enumerate(struct msc_target *t, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(t);
	struct bus *bus = sim_device_bus(s->device);
	uint8_t raw[MSC_DEVICE_DESC_LEN] = { 0 };
	size_t len;

	bus_port_reset(bus);
	if (get_descriptor(t, "device descriptor", MSC_DESC_DEVICE, 0, 0, raw, 8, &len, err) < 0)
		return -1;
	if (raw[7] == 8 || raw[7] == 16 || raw[7] == 32 || raw[7] == 64)
		bus_open_endpoint(bus, 0, raw[7]);
	if (get_descriptor(t, "device descriptor", MSC_DESC_DEVICE, 0, 0, raw, sizeof raw, &len,
			   err) < 0)
		return -1;
	msc_device_desc_unpack(&t->device.desc, raw);
	if (get_descriptor(t, "configuration descriptor", MSC_DESC_CONFIGURATION, 0, 0,
			   t->device.config, sizeof t->device.config, &t->device.config_len,
			   err) < 0)
		return -1;
	if (msc_device_parse(&t->device, err) < 0 || set_up(t, err) < 0)
		return -1;
	read_serial(t);
	return 0;
}

static int reset(struct msc_target *target, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(target);

	bus_port_reset(sim_device_bus(s->device));
	if (check_model(s, err) < 0)
		return -1;
	if (!bus_attached(sim_device_bus(s->device)))
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", target->device.name);
	return set_up(target, err);
}

/* ---- opening ------------------------------------------------------------------------------ */

static void unplug(void *bus)
{
	bus_detach(bus);
}

static void set_speed(struct sim_target *s, struct sim_device_config *c, struct msc_device *dev)
{
	c->speed = s->bench.speed == 1 || s->firmware->full_speed_only ? MSC_SPEED_FULL
								       : MSC_SPEED_HIGH;
	if (s->bench.host)
		c->host = (enum bus_host)(s->bench.host - 1);
	else
		c->host = c->speed == MSC_SPEED_FULL ? BUS_HOST_UHCI : BUS_HOST_EHCI;
	dev->speed = c->speed;
	snprintf(dev->host, sizeof dev->host, "%s", bus_host_names[c->host]);
}

static int check_speed(const struct sim_target *s, struct msc_err *err)
{
	if (s->firmware->full_speed_only && s->bench.speed == 2)
		return msc_fail(err, MSC_E_USAGE, "sim:%s is a full-speed device",
				s->firmware->name);
	return 0;
}

static void close_target(struct msc_target *t)
{
	struct sim_target *s = msc_target_state(t);

	sim_device_free(s->device);
}

static int open_target(struct msc_target *t, const char *rest,
		       const struct msc_open_options *options, struct msc_err *err)
{
	struct sim_target *s = msc_target_state(t);
	struct sim_device_config config = { 0 };
	void *state = NULL;

	if (parse(s, rest, &state, err) < 0 || check_speed(s, err) < 0) {
		free(state);
		return -1;
	}
	config.name = s->firmware->name;
	config.vectors = &s->firmware->vectors;
	config.state = state;
	config.state_size = s->firmware->state_size;
	config.mutants = s->mutants;
	config.n_mutants = s->n_mutants;
	config.seed = s->bench.seed;
	config.allow_writes = options->allow_writes;
	config.host_ns = s->bench.turnaround_ns;
	config.drift_ppm = (int32_t)s->bench.drift;
	config.log = options->log;
	set_speed(s, &config, &t->device);
	t->device.simulated = true;
	t->device.forgets = !s->has_file;
	s->device = sim_device_new(&config, err);
	free(state);
	if (!s->device)
		return -1;
	t->clock = sim_clock(sim_device_sim(s->device));
	if (s->bench.unplug_ns)
		sim_at(sim_device_sim(s->device), s->bench.unplug_ns, unplug,
		       sim_device_bus(s->device));
	if (enumerate(t, err) < 0) {
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
	.state_size = sizeof(struct sim_target),
	.open = open_target,
	.close = close_target,
	.submit = submit,
	.wait = wait_for,
	.cancel = cancel,
	.clear_halt = clear_halt,
	.reset = reset,
	.configure = configure,
	.list = list,
	.cpu_load = cpu_load,
};
