/* SPDX-License-Identifier: BSD-2-Clause */
/* See usbip_export.h. */
#include "transport/usbip_export.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "transport/enumerate.h"

#define BUS		1
#define ADDRESS		1	     /* of the device on its own bus */
#define ADDRESS_NS	(500 * MSC_MS) /* USB 2.0, 9.2.6.3 has 50 ms; as the target sim: gives it */
#define SLICE_NS	(10 * MSC_MS) /* of virtual time, between two looks at real time */
#define TURN_NS		(20 * MSC_MS) /* of real time, before others have theirs */
#define TOO_FAR_NS	MSC_S	     /* behind real time */

static struct bus *bus_of(const struct msc_usbip_export *e)
{
	return sim_device_bus(e->sim);
}

static struct sim *sim_of(const struct msc_usbip_export *e)
{
	return sim_device_sim(e->sim);
}

/* ---- opening ------------------------------------------------------------------------------- */

/* What its descriptors say, from a twin: the one that is exported has not been spoken to when its first
 * client comes. */
static int learn(struct msc_usbip_export *e, const char *target, struct msc_err *err)
{
	const struct msc_open_options options = { .allow_writes = false };
	struct msc_target *t = msc_target_open(target, &options, err);

	if (!t)
		return -1;
	e->facts = t->device;
	msc_target_close(t);
	return 0;
}

static void describe(struct msc_usbip_export *e, unsigned number)
{
	const struct msc_device_desc *d = &e->facts.desc;
	struct msc_usbip_facts *f = &e->device.facts;

	*f = (struct msc_usbip_facts){
		.busnum = BUS,
		.devnum = number + 1, /* 1 is the root hub */
		.speed = msc_usbip_speed(e->facts.speed),
		.vendor = d->vendor,
		.product = d->product,
		.release = d->release,
		.device_class = d->device_class,
		.subclass = d->subclass,
		.protocol = d->protocol,
		.configuration = msc_device_configuration(&e->facts),
		.configurations = d->configurations,
		.interfaces = e->facts.config_len > 4 ? e->facts.config[4] : 0,
	};
	snprintf(e->device.busid, sizeof e->device.busid, "%d-%u", BUS, number);
	snprintf(e->device.path, sizeof e->device.path, "/sys/devices/mscope/usb%d/%s", BUS,
		 e->device.busid);
}

static void on_packet(void *user, int64_t at_ns, const uint8_t *packet, size_t len)
{
	struct msc_usbip_export *e = user;

	e->packet(e->packet_user, e->facts.speed, at_ns, packet, len);
}

int msc_usbip_export_open(struct msc_usbip_export *e, const char *target, unsigned number,
			  const struct msc_open_options *options, struct msc_clock *clock,
			  struct msc_err *err)
{
	struct sim_device_config config;
	const char *rest;
	const struct msc_transport *transport = msc_transport_of(target, &rest);

	*e = (struct msc_usbip_export){ .clock = clock,
					.log = options->log,
					.packet = options->packet,
					.packet_user = options->packet_user };
	if (transport != &msc_transport_sim)
		return msc_fail(err, MSC_E_USAGE,
				"%s: only a simulated device can be served, as in sim:reference",
				target);
	snprintf(e->name, sizeof e->name, "%s", target);
	if (learn(e, target, err) < 0 || msc_spec_parse(&e->spec, rest, err) < 0)
		return -1;
	config = msc_spec_config(&e->spec);
	config.allow_writes = options->allow_writes;
	config.log = options->log;
	e->sim = sim_device_new(&config, err);
	if (!e->sim) {
		msc_spec_free(&e->spec);
		return -1;
	}
	if (e->packet)
		bus_tap(bus_of(e), on_packet, e);
	describe(e, number);
	e->ended_tail = &e->ended;
	e->base_ns = msc_now(clock);
	return 0;
}

bool msc_usbip_export_attached(const struct msc_usbip_export *e)
{
	return bus_attached(bus_of(e));
}

static bool is_waited_for(const struct msc_usbip_export *e)
{
	const struct msc_usbip_urb *u = e->urbs;

	while (u && u->parked)
		u = u->next;
	return u;
}

/* A transfer that moved before the cable was pulled may end a little after: it is answered first. */
bool msc_usbip_export_lost(const struct msc_usbip_export *e)
{
	return bus_attachments(bus_of(e)) != e->attachments ||
	       (!bus_attached(bus_of(e)) && !is_waited_for(e));
}

/* ---- the bus ------------------------------------------------------------------------------- */

/* Both bulk endpoints from DATA0, or closed. */
static void open_endpoints(struct msc_usbip_export *e, bool open)
{
	const struct msc_device *d = &e->facts;

	bus_open_endpoint(bus_of(e), d->ep_in, open ? d->max_packet_in : 0);
	bus_open_endpoint(bus_of(e), d->ep_out, open ? d->max_packet_out : 0);
	e->configured = open;
}

static bool reset_and_address(struct msc_usbip_export *e)
{
	struct bus_transfer address = { .setup = { .request = MSC_STD_SET_ADDRESS,
						   .value = ADDRESS } };

	bus_port_reset(bus_of(e));
	bus_open_endpoint(bus_of(e), 0, e->facts.desc.max_packet0);
	open_endpoints(e, false);
	bus_submit(bus_of(e), &address);
	sim_run(sim_of(e), &address.done, sim_now(sim_of(e)) + ADDRESS_NS);
	if (!address.done)
		bus_cancel(bus_of(e), &address);
	return address.outcome == BUS_DONE;
}

/* As the target sim: does. */
static bool port_reset(struct msc_usbip_export *e)
{
	static const bool never = false;

	e->asked_64 = false;
	for (int tries = 1; !reset_and_address(e); tries++) {
		if (tries == MSC_PORT_INIT_TRIES)
			return false;
		sim_run(sim_of(e), &never, sim_now(sim_of(e)) + MSC_PORT_INIT_PAUSE_NS);
	}
	return true;
}

bool msc_usbip_export_import(struct msc_usbip_export *e)
{
	e->attachments = bus_attachments(bus_of(e));
	return port_reset(e);
}

static bool is_get_device(const struct msc_setup *s)
{
	return s->request_type == MSC_REQTYPE_IN && s->request == MSC_STD_GET_DESCRIPTOR &&
	       s->value == MSC_DESC_DEVICE << 8;
}

static bool is_host_after_reset(struct msc_usbip_export *e, const struct msc_usbip_urb *u)
{
	uint16_t length = u->bus.setup.length;
	bool before = e->asked_64, asks = !u->bus.ep && is_get_device(&u->bus.setup);

	e->asked_64 = asks && length == 64;
	return before && asks && (length == 8 || length == MSC_DEVICE_DESC_LEN);
}

/* What the host's half of the bus has to know of a request that succeeded. */
static void heed(struct msc_usbip_export *e, const struct msc_usbip_urb *u)
{
	const struct msc_setup *s = &u->bus.setup;
	unsigned what = (unsigned)s->request_type << 8 | s->request;

	if (msc_setup_clears_halt(s))
		bus_reset_toggle(bus_of(e), (uint8_t)s->index);
	else if ((what == MSC_STD_SET_CONFIGURATION && s->value) ||
		 what == (MSC_RECIPIENT_INTERFACE << 8 | MSC_STD_SET_INTERFACE))
		open_endpoints(e, true);
	else if (is_get_device(s) && u->bus.actual == MSC_DEVICE_DESC_LEN) {
		e->device.facts.vendor = msc_get_le16(u->data + 8); /* another device may be back */
		e->device.facts.product = msc_get_le16(u->data + 10);
	}
}

/* ---- URBs ---------------------------------------------------------------------------------- */

static void unlist(struct msc_usbip_export *e, struct msc_usbip_urb *u)
{
	struct msc_usbip_urb **p = &e->urbs;

	while (*p != u)
		p = &(*p)->next;
	*p = u->next;
}

static void urb_ended(struct bus_transfer *t, void *arg)
{
	struct msc_usbip_urb *u = arg;
	struct msc_usbip_export *e = u->on;

	unlist(e, u);
	u->next = NULL;
	*e->ended_tail = u;
	e->ended_tail = &u->next;
	if (!t->ep && t->outcome == BUS_DONE)
		heed(e, u);
}

static void end_by_hand(struct msc_usbip_urb *u, enum bus_outcome outcome)
{
	u->bus.done = true;
	u->bus.outcome = outcome;
	u->bus.actual = 0;
	urb_ended(&u->bus, u);
}

static bool is_simulated(const struct msc_usbip_export *e, uint8_t ep)
{
	return !ep || ep == e->facts.ep_in || ep == e->facts.ep_out;
}

/* One that only the configuration descriptor knows. */
static bool is_described(const struct msc_usbip_export *e, uint8_t ep)
{
	struct msc_reader r = msc_reader(e->facts.config, e->facts.config_len);

	while (msc_reader_left(&r) >= 2) {
		uint8_t len = r.p[0];
		const uint8_t *d = len >= 2 ? msc_read_bytes(&r, len) : NULL;

		if (!d)
			break;
		if (d[1] == MSC_DESC_ENDPOINT && len >= MSC_ENDPOINT_DESC_LEN && d[2] == ep)
			return true;
	}
	return false;
}

static void cancel_urb(struct msc_usbip_urb *u)
{
	if (!u->parked)
		bus_cancel(bus_of(u->on), &u->bus);
	if (!u->bus.done) /* parked, or the simulation has come to its end */
		end_by_hand(u, BUS_CANCELLED);
}

static void cancel_parked(struct msc_usbip_export *e)
{
	struct msc_usbip_urb *next;

	for (struct msc_usbip_urb *u = e->urbs; u; u = next) {
		next = u->next;
		if (u->parked)
			cancel_urb(u);
	}
}

/* On an endpoint that exists, but not in the simulation, nothing ever comes; on one that does not, or
 * not yet, nobody answers. */
static void begin(struct msc_usbip_export *e, struct msc_usbip_urb *u)
{
	if (is_simulated(e, u->bus.ep) && (!u->bus.ep || e->configured))
		bus_submit(bus_of(e), &u->bus);
	else if (e->configured && is_described(e, u->bus.ep))
		u->parked = true;
	else
		end_by_hand(u, BUS_ERROR);
}

void msc_usbip_export_submit(struct msc_usbip_export *e, struct msc_usbip_urb *u)
{
	if (is_host_after_reset(e, u)) {
		msc_log(e->log, MSC_LOG_INFO, "usbip", msc_now(e->clock),
			"%s: the client has reset the port: inferred", e->device.busid);
		cancel_parked(e);
		port_reset(e);
	}
	u->on = e;
	u->next = e->urbs;
	e->urbs = u;
	e->n_urbs++;
	e->n_bytes += u->bus.len;
	u->bus.data = u->data;
	u->bus.ended = urb_ended;
	u->bus.arg = u;
	begin(e, u);
}

bool msc_usbip_export_has(const struct msc_usbip_export *e, uint32_t seqnum)
{
	const struct msc_usbip_urb *u = e->urbs;

	while (u && u->seqnum != seqnum)
		u = u->next;
	return u;
}

uint32_t msc_usbip_export_unlink(struct msc_usbip_export *e, uint32_t seqnum)
{
	struct msc_usbip_urb *u = e->urbs;

	while (u && u->seqnum != seqnum)
		u = u->next;
	if (!u)
		return 0; /* its answer is on the way, or nobody has asked */
	cancel_urb(u);
	/* With something moved, or an end of another kind that came first, it has an answer of its own. */
	u->silent = u->bus.outcome == BUS_CANCELLED && !u->bus.actual;
	return u->silent ? msc_usbip_failed(MSC_USBIP_ECONNRESET) : 0;
}

static uint32_t status_of(const struct msc_usbip_urb *u)
{
	switch (u->bus.outcome) {
	case BUS_DONE:
		return u->in && u->flags & MSC_USBIP_SHORT_NOT_OK && u->bus.actual < u->bus.len
			       ? msc_usbip_failed(MSC_USBIP_EREMOTEIO)
			       : 0;
	case BUS_STALL: return msc_usbip_failed(MSC_USBIP_EPIPE);
	case BUS_BABBLE: return msc_usbip_failed(MSC_USBIP_EOVERFLOW);
	case BUS_ERROR: return msc_usbip_failed(MSC_USBIP_EPROTO);
	case BUS_CANCELLED: return msc_usbip_failed(MSC_USBIP_ECONNRESET);
	case BUS_GONE: return msc_usbip_failed(MSC_USBIP_ESHUTDOWN);
	}
	return msc_usbip_failed(MSC_USBIP_EPROTO);
}

struct msc_usbip_urb *msc_usbip_export_next(struct msc_usbip_export *e,
					    struct msc_usbip_return *ret)
{
	struct msc_usbip_urb *u;

	while ((u = e->ended)) {
		e->ended = u->next;
		if (!e->ended)
			e->ended_tail = &e->ended;
		e->n_urbs--;
		e->n_bytes -= u->bus.len;
		if (!u->silent)
			break;
		free(u);
	}
	if (!u)
		return NULL;
	*ret = (struct msc_usbip_return){
		.base = { .command = MSC_USBIP_RET_SUBMIT, .seqnum = u->seqnum },
		.result = { .status = status_of(u),
			    .actual = (uint32_t)u->bus.actual,
			    .packets = MSC_USBIP_NOT_ISO },
	};
	return u;
}

void msc_usbip_export_release(struct msc_usbip_export *e)
{
	struct msc_usbip_return ignored;
	struct msc_usbip_urb *u;

	while (e->urbs)
		cancel_urb(e->urbs);
	while ((u = msc_usbip_export_next(e, &ignored)))
		free(u);
	e->asked_64 = false;
}

void msc_usbip_export_close(struct msc_usbip_export *e)
{
	if (!e->sim)
		return;
	msc_usbip_export_release(e);
	sim_device_free(e->sim);
	msc_spec_free(&e->spec);
	e->sim = NULL;
}

/* ---- time ---------------------------------------------------------------------------------- */

static void say_remark(struct msc_usbip_export *e)
{
	char text[200];
	bool died;

	if (sim_device_remark(e->sim, text, sizeof text, &died))
		msc_log(e->log, MSC_LOG_WARN, "usbip", msc_now(e->clock), "%s: %s%s",
			e->device.busid, died ? "" : "the firmware misuses its hardware: ", text);
}

/* How far virtual time is behind. */
static int64_t behind(const struct msc_usbip_export *e)
{
	return msc_now(e->clock) - e->base_ns - sim_now(sim_of(e));
}

static void hold(struct msc_usbip_export *e, int64_t ns)
{
	e->base_ns += ns;
	e->lost_ns += ns;
	msc_log(e->log, MSC_LOG_WARN, "usbip", msc_now(e->clock),
		"%s: cannot keep up with real time: %lld ms lost, %lld ms in all", e->device.busid,
		(long long)(ns / MSC_MS), (long long)(e->lost_ns / MSC_MS));
}

int msc_usbip_export_follow(struct msc_usbip_export *e, struct msc_err *err)
{
	static const bool never = false;
	int64_t until = msc_now(e->clock) + TURN_NS, left = behind(e), step = SLICE_NS;
	const char *fault;

	/* What passes meanwhile is left to the next call, and there is always a step forward. */
	while (left > 0 && step == SLICE_NS && !sim_fault_text(sim_of(e))) {
		step = left < SLICE_NS ? left : SLICE_NS;
		sim_run(sim_of(e), &never, sim_now(sim_of(e)) + step);
		left = behind(e);
		if (msc_now(e->clock) >= until)
			break;
	}
	if (left > TOO_FAR_NS)
		hold(e, left);
	say_remark(e);
	fault = sim_fault_text(sim_of(e));
	return fault ? msc_fail(err, MSC_E_INTERNAL, "%s: %s", e->name, fault) : 0;
}

int64_t msc_usbip_export_due(const struct msc_usbip_export *e)
{
	int64_t next = sim_next(sim_of(e));

	return next == MSC_NEVER ? MSC_NEVER : next + e->base_ns;
}
