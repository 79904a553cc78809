/* SPDX-License-Identifier: BSD-2-Clause */
/* What all transports share: finding one by the target's name, the checks and the trace log around
 * every call, and reading the mass-storage interface out of a configuration descriptor. */
#include "transport/transport.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TRANSPORT(name) &msc_transport_##name,
const struct msc_transport *const msc_transports[] = {
#include "transport/transport.list"
};
#undef TRANSPORT
const size_t msc_transport_count = MSC_COUNT(msc_transports);

const char *msc_outcome_name(enum msc_outcome outcome)
{
	static const char *const names[] = {
		[MSC_OUT_PENDING] = "pending",	 [MSC_OUT_DONE] = "done",
		[MSC_OUT_STALL] = "STALL",	 [MSC_OUT_TIMEOUT] = "time-out",
		[MSC_OUT_BABBLE] = "babble",	 [MSC_OUT_CANCELLED] = "cancelled",
		[MSC_OUT_ERROR] = "bus error", [MSC_OUT_GONE] = "device gone",
	};

	return (size_t)outcome < MSC_COUNT(names) ? names[outcome] : "unknown";
}

/* ---- opening ------------------------------------------------------------------------------ */

const struct msc_transport *msc_transport_of(const char *name, const char **rest)
{
	size_t len = strcspn(name, ":");

	for (size_t i = 0; i < msc_transport_count; i++) {
		const struct msc_transport *t = msc_transports[i];

		if (t->begins && !strncmp(name, t->begins, strlen(t->begins))) {
			*rest = name;
			return t;
		}
		if (name[len] && strlen(t->name) == len && !strncmp(name, t->name, len) &&
		    !t->begins) {
			*rest = name + len + 1;
			return t;
		}
	}
	return NULL;
}

static const struct msc_transport *find(const char *name, const char **rest, struct msc_err *err)
{
	const struct msc_transport *transport = msc_transport_of(name, rest);
	char scheme[32], shapes[256] = "";
	struct msc_nearest near = { .wanted = scheme };

	if (transport)
		return transport;
	snprintf(scheme, sizeof scheme, "%.*s", (int)strcspn(name, ":"), name);
	for (size_t i = 0; i < msc_transport_count; i++) {
		if (!msc_transports[i]->begins)
			msc_nearest_try(&near, msc_transports[i]->name);
		msc_append(shapes, sizeof shapes, "%s%s", i ? ", " : "", msc_transports[i]->syntax);
	}
	if (!*name)
		msc_fail(err, MSC_E_USAGE, "empty target name");
	else if (!strchr(name, ':'))
		msc_fail(err, MSC_E_USAGE, "'%s' is not a target: expected %s", name, shapes);
	else
		msc_fail_unknown(err, "kind of target", "targets", &near);
	return NULL;
}

/* Where the transport knows nothing better: the device, and where it is plugged in. */
static void name_medium(struct msc_device *d)
{
	char *p = d->medium_id;

	if (!*p)
		snprintf(p, sizeof d->medium_id, "%04x:%04x:%s@%s", d->desc.vendor, d->desc.product,
			 d->serial, d->path);
	for (; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '_';
}

struct msc_target *msc_target_open(const char *name, const struct msc_open_options *options,
				   struct msc_err *err)
{
	const char *rest;
	const struct msc_transport *transport = find(name, &rest, err);
	struct msc_target *t;

	if (!transport)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t)
		t->state = calloc(1, transport->state_size ? transport->state_size : 1);
	if (!t || !t->state) {
		free(t);
		msc_nomem(err);
		return NULL;
	}
	t->transport = transport;
	t->log = options->log;
	t->allow_writes = options->allow_writes;
	t->any_interface = options->any_interface;
	t->stop = options->stop;
	t->stop_user = options->stop_user;
	snprintf(t->device.name, sizeof t->device.name, "%s", name);
	if (transport->open(t, rest, options, err) < 0) {
		free(t->state);
		free(t);
		return NULL;
	}
	name_medium(&t->device);
	return t;
}

void msc_target_close(struct msc_target *t)
{
	while (t) {
		struct msc_target *next = t->next;

		if (t->transport->close)
			t->transport->close(t);
		free(t->state);
		free(t);
		t = next;
	}
}

/* ---- transfers ---------------------------------------------------------------------------- */

static int gone(struct msc_target *t, struct msc_err *err)
{
	t->gone = true;
	return msc_fail(err, MSC_E_GONE, "%s: the device went away", t->device.name);
}

/* What a decorator is to know of the one that it wraps, after a call that may have changed it. */
static void follow(struct msc_target *t, bool reset)
{
	if (!t->next)
		return;
	follow(t->next, reset);
	t->gone |= t->next->gone;
	t->stayed_away |= t->next->stayed_away;
	t->resets = t->next->resets;
	if (reset)
		t->device = t->next->device;
}

static void trace(struct msc_target *t, const struct msc_xfer *x)
{
	if (x->ep)
		msc_log(t->log, MSC_LOG_TRACE, "transport", x->completed_ns,
			"bulk-%s %#04x: %zu of %zu bytes, %s", x->ep & MSC_EP_IN ? "in" : "out",
			x->ep, x->actual, x->len, msc_outcome_name(x->outcome));
	else
		msc_log(t->log, MSC_LOG_TRACE, "transport", x->completed_ns,
			"control %02x %02x %04x %04x %04x: %zu bytes, %s", x->setup.request_type,
			x->setup.request, x->setup.value, x->setup.index, x->setup.length,
			x->actual, msc_outcome_name(x->outcome));
}

/* The one place where the wire log begins: whatever a transport did is told here. */
static void tell(struct msc_target *t, const struct msc_transfer *x)
{
	if (t->observe)
		t->observe(t->observe_user, x);
	if (t->record)
		t->record(t->record_user, x);
}

static void tell_xfer(struct msc_target *t, const struct msc_xfer *x, bool ended)
{
	struct msc_transfer told = { .kind = x->ep ? MSC_TRANSFER_BULK : MSC_TRANSFER_CONTROL,
				     .ended = ended,
				     .number = x->number,
				     .ep = x->ep,
				     .setup = x->setup,
				     .asked = x->len,
				     .submitted_ns = x->submitted_ns };

	if (!ended && !(x->ep ? x->ep & MSC_EP_IN : x->setup.request_type & MSC_REQTYPE_IN)) {
		told.data = x->data;
		told.kept = x->data ? x->len : 0;
	} else if (ended) {
		told.outcome = x->outcome;
		told.actual = x->actual;
		told.completed_ns = x->completed_ns;
		told.naks = x->naks;
		told.data = x->data;
		told.kept = x->data ? msc_transfer_bytes(&told) : 0;
	}
	tell(t, &told);
}

/* A request that the transport sends by itself, because the host's toggles go with it. */
static void tell_request(struct msc_target *t, const struct msc_setup *setup, int64_t began_ns,
			 enum msc_outcome outcome)
{
	struct msc_transfer told = { .number = ++t->submissions,
				     .setup = *setup,
				     .submitted_ns = began_ns };

	tell(t, &told);
	told.ended = true;
	told.outcome = outcome;
	told.completed_ns = msc_now(t->clock);
	told.naks = -1;
	tell(t, &told);
}

int msc_submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	if (t->gone)
		return gone(t, err);
	if (t->filter && t->filter(t->filter_user, x, err) < 0)
		return -1;
	x->outcome = MSC_OUT_PENDING;
	x->actual = 0;
	x->naks = -1;
	x->submitted_ns = msc_now(t->clock);
	x->completed_ns = x->submitted_ns;
	x->number = t->submissions + 1;
	x->told = false;
	if (t->transport->submit(t, x, err) < 0) {
		x->number = 0;
		follow(t, false);
		return -1;
	}
	t->submissions++;
	tell_xfer(t, x, false);
	return 0;
}

static void tell_decorators(struct msc_target *t, struct msc_xfer *x)
{
	if (!t->next)
		return;
	tell_decorators(t->next, x);
	if (t->transport->ended)
		t->transport->ended(t, x);
}

static bool is_under_way(const struct msc_xfer *x)
{
	return x->number && x->outcome == MSC_OUT_PENDING;
}

/* After a transport call that may have ended a transfer, this one or another. */
static int ended(struct msc_target *t, struct msc_xfer *x, int result, struct msc_err *err)
{
	follow(t, false);
	if (x->outcome == MSC_OUT_PENDING)
		return result;
	if (!x->told) {
		x->told = true;
		tell_decorators(t, x);
		trace(t, x);
		tell_xfer(t, x, true);
	}
	return result == 0 && x->outcome == MSC_OUT_GONE ? gone(t, err) : result;
}

int msc_wait(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns, struct msc_err *err)
{
	int result = is_under_way(x) ? t->transport->wait(t, x, deadline_ns, err) : 0;

	return ended(t, x, result, err);
}

/* Ends a transfer; why says what it is called when nothing ended it before. */
static int take_back(struct msc_target *t, struct msc_xfer *x, enum msc_outcome why,
		     struct msc_err *err)
{
	int result = 0;

	if (is_under_way(x)) {
		result = t->transport->cancel(t, x, err);
		if (x->outcome == MSC_OUT_CANCELLED)
			x->outcome = why;
	}
	return ended(t, x, result, err);
}

int msc_cancel(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	return take_back(t, x, MSC_OUT_CANCELLED, err);
}

int msc_finish(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns, struct msc_err *err)
{
	struct msc_err ignored = MSC_ERR_INIT;

	if (msc_wait(t, x, deadline_ns, err) == 0)
		return take_back(t, x, MSC_OUT_TIMEOUT, err);
	(void)!take_back(t, x, MSC_OUT_CANCELLED, &ignored);
	return -1;
}

int msc_transfer(struct msc_target *t, struct msc_xfer *x, int64_t timeout_ns, struct msc_err *err)
{
	if (msc_submit(t, x, err) < 0)
		return -1;
	return msc_finish(t, x, x->submitted_ns + timeout_ns, err);
}

int msc_clear_halt(struct msc_target *t, uint8_t ep, int64_t timeout_ns, enum msc_outcome *outcome,
		   struct msc_err *err)
{
	const struct msc_setup setup = msc_setup_clear_halt(ep);
	int64_t began = msc_now(t->clock);

	if (t->gone)
		return gone(t, err);
	if (t->transport->clear_halt(t, ep, began + timeout_ns, outcome, err) < 0)
		return -1;
	msc_log(t->log, MSC_LOG_TRACE, "transport", msc_now(t->clock), "clear halt %#04x: %s", ep,
		msc_outcome_name(*outcome));
	tell_request(t, &setup, began, *outcome);
	return *outcome == MSC_OUT_GONE ? gone(t, err) : 0;
}

/* What a reset of the port came to, as an outcome; PENDING: nothing that the device did. */
static enum msc_outcome reset_outcome(struct msc_target *t, int rc, struct msc_err *err)
{
	follow(t, rc == 0);
	if (rc == 0)
		return MSC_OUT_DONE;
	t->gone |= err->code == MSC_E_GONE;
	if (t->gone)
		return t->stayed_away ? MSC_OUT_GONE : MSC_OUT_PENDING;
	/* It could not be set up again; or it is a disk of the kernel's, whose port nobody resets. */
	if (err->code != MSC_E_UNSUPPORTED || t->device.commands_only)
		return MSC_OUT_PENDING;
	msc_log(t->log, MSC_LOG_INFO, "transport", msc_now(t->clock), "%s", err->msg);
	*err = (struct msc_err)MSC_ERR_INIT;
	return MSC_OUT_TIMEOUT;
}

int msc_port_reset(struct msc_target *t, struct msc_err *err)
{
	struct msc_transfer told = { .kind = MSC_TRANSFER_PORT_RESET, .ended = true, .naks = -1 };

	if (t->gone)
		return gone(t, err);
	told.submitted_ns = msc_now(t->clock);
	msc_log(t->log, MSC_LOG_TRACE, "transport", told.submitted_ns, "port reset");
	t->resets = 0;
	told.outcome = reset_outcome(t, t->transport->reset(t, err), err);
	if (told.outcome == MSC_OUT_PENDING)
		return -1;
	told.completed_ns = msc_now(t->clock);
	told.number = ++t->submissions;
	told.resets = t->resets;
	tell(t, &told);
	return told.outcome == MSC_OUT_GONE ? -1 : 0;
}

int msc_configure(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	const struct msc_setup setup = { .request = MSC_STD_SET_CONFIGURATION,
					 .value = msc_device_configuration(&t->device) };
	int64_t began;

	if (t->gone)
		return gone(t, err);
	if (!t->transport->configure)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: SET_CONFIGURATION cannot be sent this way", t->device.name);
	began = msc_now(t->clock);
	if (t->transport->configure(t, outcome, err) < 0)
		return -1;
	msc_log(t->log, MSC_LOG_TRACE, "transport", msc_now(t->clock), "SET_CONFIGURATION: %s",
		msc_outcome_name(*outcome));
	tell_request(t, &setup, began, *outcome);
	return *outcome == MSC_OUT_GONE ? gone(t, err) : 0;
}

int msc_not_mounted(struct msc_target *t, struct msc_err *err)
{
	return t->transport->mounted ? t->transport->mounted(t, err) : 0;
}

bool msc_device_remark(struct msc_target *t, char *buf, size_t size)
{
	return t->transport->remark && t->transport->remark(t, buf, size);
}

double msc_device_cpu(struct msc_target *t)
{
	return t->transport->cpu_load ? t->transport->cpu_load(t) : -1;
}

/* ---- the configuration descriptor --------------------------------------------------------- */

static void take_endpoint(struct msc_device *dev, const struct msc_endpoint_desc *e)
{
	uint16_t size = e->max_packet & MSC_MAX_PACKET;

	if ((e->attributes & MSC_EP_TYPE) != MSC_EP_TYPE_BULK || !(e->address & MSC_EP_NUMBER))
		return;
	if (e->address & MSC_EP_IN && !dev->ep_in) {
		dev->ep_in = e->address;
		dev->max_packet_in = size;
	} else if (!(e->address & MSC_EP_IN) && !dev->ep_out) {
		dev->ep_out = e->address;
		dev->max_packet_out = size;
	}
}

static bool speaks_bulk_only(const struct msc_interface_desc *i)
{
	return i->interface_class == MSC_CLASS_MASS_STORAGE &&
	       i->protocol == MSC_PROTOCOL_BULK_ONLY;
}

/* The first interface that speaks Bulk-Only; a device with a wrong class code is taken by its bulk
 * endpoints when no interface is better, so that the judge can say what is wrong with it. */
static bool take_interface(struct msc_device *dev, bool by_class)
{
	struct msc_reader r = msc_reader(dev->config, dev->config_len);
	struct msc_interface_desc i;
	bool inside = false;

	dev->ep_in = dev->ep_out = 0;
	while (msc_reader_left(&r) >= 2) {
		uint8_t len = r.p[0], type = r.p[1];
		const uint8_t *d = len >= 2 ? msc_read_bytes(&r, len) : NULL;

		if (!d)
			break;
		if (type == MSC_DESC_INTERFACE && len >= MSC_INTERFACE_DESC_LEN) {
			if (dev->ep_in && dev->ep_out)
				break;
			msc_interface_desc_unpack(&i, d);
			inside = by_class ? speaks_bulk_only(&i) : true;
			dev->ep_in = dev->ep_out = 0;
			if (inside) {
				dev->interface_number = i.number;
				dev->alternate = i.alternate;
				dev->interface_class = i.interface_class;
				dev->subclass = i.subclass;
				dev->protocol = i.protocol;
			}
		} else if (inside && type == MSC_DESC_ENDPOINT && len >= MSC_ENDPOINT_DESC_LEN) {
			struct msc_endpoint_desc e;

			msc_endpoint_desc_unpack(&e, d);
			take_endpoint(dev, &e);
		}
	}
	return dev->ep_in && dev->ep_out && dev->max_packet_in && dev->max_packet_out;
}

int msc_device_parse(struct msc_device *dev, struct msc_err *err)
{
	if (take_interface(dev, true) || take_interface(dev, false))
		return 0;
	return msc_fail(err, MSC_E_UNSUPPORTED,
			"%s: no interface with a bulk-in and a bulk-out endpoint", dev->name);
}

uint8_t msc_device_configuration(const struct msc_device *dev)
{
	return dev->config_len > 5 ? dev->config[5] : 0;
}

uint8_t msc_device_block(const struct msc_device *d)
{
	bool longer = d->subclass == MSC_SUBCLASS_MMC || d->subclass == MSC_SUBCLASS_UFI ||
		      d->subclass == MSC_SUBCLASS_SFF8070I;

	return longer && !d->commands_only ? 12 : 6;
}

uint8_t msc_device_sibling(const struct msc_device *dev)
{
	struct msc_reader r = msc_reader(dev->config, dev->config_len);

	while (msc_reader_left(&r) >= 2) {
		uint8_t len = r.p[0];
		const uint8_t *d = len >= 2 ? msc_read_bytes(&r, len) : NULL;

		if (!d)
			break;
		if (d[1] == MSC_DESC_INTERFACE && len >= MSC_INTERFACE_DESC_LEN &&
		    d[2] != dev->interface_number)
			return d[2];
	}
	return dev->interface_number;
}
