/* SPDX-License-Identifier: BSD-2-Clause */
/* What all transports share: the checks and the trace log around every call, and the wire log's
 * beginning. */
#include <string.h>

#include "transport/transport.h"

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

/* The one place where the wire log begins: whatever a transport did is told here. The observer may keep
 * its data, and so comes last. */
static void tell(struct msc_target *t, const struct msc_transfer *x)
{
	if (t->record)
		t->record(t->record_user, x);
	if (t->observe)
		t->observe(t->observe_user, x);
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
		told.owner = x->owner;
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
	(void)msc_asked_note(&t->asked, x);
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
	t->asked = (struct msc_asked){ .kind = MSC_ASKED_REQUEST, .setup = setup };
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

/* It began then and is over now. */
static void tell_reset(struct msc_target *t, int64_t began_ns, enum msc_outcome outcome)
{
	const struct msc_transfer told = { .kind = MSC_TRANSFER_PORT_RESET,
					   .ended = true,
					   .naks = -1,
					   .number = ++t->submissions,
					   .submitted_ns = began_ns,
					   .completed_ns = msc_now(t->clock),
					   .outcome = outcome,
					   .resets = t->resets };

	tell(t, &told);
}

int msc_port_reset(struct msc_target *t, struct msc_err *err)
{
	int64_t began = msc_now(t->clock);
	enum msc_outcome outcome;

	if (t->gone)
		return gone(t, err);
	msc_log(t->log, MSC_LOG_TRACE, "transport", began, "port reset");
	t->resets = 0;
	outcome = reset_outcome(t, t->transport->reset(t, err), err);
	if (outcome == MSC_OUT_PENDING)
		return -1;
	tell_reset(t, began, outcome);
	return outcome == MSC_OUT_GONE ? -1 : 0;
}

static void forgive(struct msc_target *t)
{
	t->gone = t->stayed_away = false;
	if (t->next)
		forgive(t->next);
}

static bool is_same(const struct msc_device *a, const struct msc_device *b)
{
	return a->desc.vendor == b->desc.vendor && a->desc.product == b->desc.product &&
	       !strcmp(a->serial, b->serial);
}

int msc_rejoin(struct msc_target *t, struct msc_err *err)
{
	int64_t began = msc_now(t->clock);
	struct msc_device before = t->device;

	if (!t->gone || !t->transport->rejoin)
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", before.name);
	msc_log(t->log, MSC_LOG_INFO, "transport", began, "waiting for it to return");
	t->empty = 0;
	forgive(t);
	if (t->transport->rejoin(t, err) < 0) {
		t->gone = true;
		return -1;
	}
	follow(t, true);
	if (!is_same(&before, &t->device)) {
		t->gone = true;
		return msc_fail(err, MSC_E_DEVICE,
				"%s: what came back is another device: %04x:%04x, serial '%s'",
				before.name, t->device.desc.vendor, t->device.desc.product,
				t->device.serial);
	}
	tell_reset(t, began, MSC_OUT_DONE);
	return 0;
}

/* With the reset that the host has made of its own accord, where the device needed one. */
static void tell_suspend(struct msc_target *t, const struct msc_suspended *how)
{
	struct msc_transfer told = { .kind = MSC_TRANSFER_SUSPEND,
				     .ended = true,
				     .naks = -1,
				     .number = ++t->submissions,
				     .submitted_ns = how->silent_ns,
				     .resumed_ns = how->resumed_ns,
				     .completed_ns = msc_now(t->clock),
				     .outcome = how->outcome };

	tell(t, &told);
	if (how->outcome == MSC_OUT_DONE)
		return;
	told.kind = MSC_TRANSFER_PORT_RESET;
	told.outcome = MSC_OUT_DONE;
	told.number = ++t->submissions;
	told.submitted_ns = told.completed_ns;
	tell(t, &told);
}

int msc_suspend(struct msc_target *t, int64_t ns, bool resume, struct msc_err *err)
{
	struct msc_suspended how = { .outcome = MSC_OUT_DONE };
	int rc;

	if (t->gone)
		return gone(t, err);
	if (!t->transport->suspend)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"this host has no means to suspend the bus to %s", t->device.name);
	rc = t->transport->suspend(t, ns, resume, &how, err);
	t->gone |= rc && err->code == MSC_E_GONE;
	follow(t, !rc && how.outcome != MSC_OUT_DONE);
	if (rc)
		return -1;
	msc_log(t->log, MSC_LOG_TRACE, "transport", msc_now(t->clock), "suspended%s: %s",
		resume ? " and resumed" : "", msc_outcome_name(how.outcome));
	tell_suspend(t, &how);
	return 0;
}

/* A request with which the host's endpoints begin anew; send: the transport's, or NULL. */
static int begin_anew(struct msc_target *t, const char *what, const struct msc_setup *setup,
		      int (*send)(struct msc_target *, enum msc_outcome *, struct msc_err *),
		      enum msc_outcome *outcome, struct msc_err *err)
{
	int64_t began;

	if (t->gone)
		return gone(t, err);
	if (!send)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: %s cannot be sent this way",
				t->device.name, what);
	began = msc_now(t->clock);
	t->asked = (struct msc_asked){ .kind = MSC_ASKED_REQUEST, .setup = *setup };
	if (send(t, outcome, err) < 0)
		return -1;
	msc_log(t->log, MSC_LOG_TRACE, "transport", msc_now(t->clock), "%s: %s", what,
		msc_outcome_name(*outcome));
	tell_request(t, setup, began, *outcome);
	return *outcome == MSC_OUT_GONE ? gone(t, err) : 0;
}

int msc_configure(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	const struct msc_setup setup = { .request = MSC_STD_SET_CONFIGURATION,
					 .value = msc_device_configuration(&t->device) };

	return begin_anew(t, "SET_CONFIGURATION", &setup, t->transport->configure, outcome, err);
}

int msc_may_configure(struct msc_target *t, struct msc_err *err)
{
	if (!t->transport->configure)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: SET_CONFIGURATION cannot be sent this way", t->device.name);
	return t->transport->may_configure ? t->transport->may_configure(t, err) : 0;
}

int msc_set_interface(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	const struct msc_setup setup = { .request_type = MSC_RECIPIENT_INTERFACE,
					 .request = MSC_STD_SET_INTERFACE,
					 .value = t->device.alternate,
					 .index = t->device.interface_number };

	return begin_anew(t, "SET_INTERFACE", &setup, t->transport->set_interface, outcome, err);
}

int msc_not_mounted(struct msc_target *t, struct msc_err *err)
{
	return t->transport->mounted ? t->transport->mounted(t, err) : 0;
}

bool msc_device_remark(struct msc_target *t, char *buf, size_t size, bool *died)
{
	return t->transport->remark && t->transport->remark(t, buf, size, died);
}

double msc_device_cpu(struct msc_target *t)
{
	return t->transport->cpu_load ? t->transport->cpu_load(t) : -1;
}

void msc_device_shift_tick(struct msc_target *t, double share)
{
	if (t->transport->shift_tick)
		t->transport->shift_tick(t, share);
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
	if (dev->config_len == sizeof dev->config)
		return msc_fail(
			err, MSC_E_UNSUPPORTED,
			"%s: no interface with a bulk-in and a bulk-out endpoint in the first "
			"%zu bytes of its configuration",
			dev->name, sizeof dev->config);
	return msc_fail(err, MSC_E_UNSUPPORTED,
			"%s: no interface with a bulk-in and a bulk-out endpoint", dev->name);
}
