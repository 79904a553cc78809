/* SPDX-License-Identifier: BSD-2-Clause */
/* Real devices, by libusb: usb:VID:PID, usb:serial=S, usb:path=1-2.3.
 *
 * Opening takes the mass-storage interface from the kernel's driver; closing gives it back,
 * whatever happened in between. Only a process killed with SIGKILL cannot do that: the device then
 * has no driver until it is plugged in again. Because taking the interface is to the kernel as if
 * the cable were pulled, a device with something mounted on it is refused, also for reading.
 *
 * Transfers are asynchronous and have no time-out of their own: they are waited for until the
 * caller's deadline. Completion times are taken in libusb's callback. usbfs reports neither NAKs
 * nor the time on the bus.
 */
#include <errno.h>
#include <libusb.h>
#include <stdlib.h>
#include <string.h>

#include "transport/usb_host.h"

#define CANCEL_NS	    (10 * MSC_S)    /* for a cancelled transfer to come back */
#define REAPPEAR_NS	    (5 * MSC_S)	    /* for a device that enumerates anew */
#define REAPPEAR_PAUSE_NS   (50 * MSC_MS)
#define DESCRIPTOR_CONFIGS  8		    /* configurations that are looked at */

struct usb {
	libusb_context *context;
	libusb_device_handle *handle;
	struct msc_real_clock clock;
	struct msc_usb_match match;
	struct msc_usb_found found;
	bool claimed;
	bool detached; /* the kernel's driver is to be given back */
};

struct flight { /* what msc_xfer.priv points to; freed when the transfer has ended */
	struct usb *usb;
	const struct msc_device *device;
	struct msc_xfer *xfer;
	struct libusb_transfer *transfer;
	uint8_t *control; /* SETUP and data of a control transfer */
};

static int fail_usb(struct msc_err *err, enum msc_code code, int number, const char *what)
{
	msc_fail(err, code, "%s: %s", what, libusb_strerror(number));
	err->sys = number;
	return -1;
}

static int gone(struct msc_target *t, struct msc_err *err)
{
	return msc_fail(err, MSC_E_GONE, "%s: the device has left", t->device.name);
}

/* ---- transfers ---------------------------------------------------------------------------- */

static enum msc_outcome outcome_of(enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_COMPLETED: return MSC_OUT_DONE;
	case LIBUSB_TRANSFER_STALL:	return MSC_OUT_STALL;
	case LIBUSB_TRANSFER_TIMED_OUT: return MSC_OUT_TIMEOUT;
	case LIBUSB_TRANSFER_OVERFLOW:	return MSC_OUT_BABBLE;
	case LIBUSB_TRANSFER_CANCELLED: return MSC_OUT_CANCELLED;
	case LIBUSB_TRANSFER_NO_DEVICE: return MSC_OUT_GONE;
	case LIBUSB_TRANSFER_ERROR:	break;
	}
	return MSC_OUT_ERROR;
}

static void flight_free(struct flight *f)
{
	libusb_free_transfer(f->transfer);
	free(f->control);
	free(f);
}

/* What ended in a STALL has moved whole packets, because a short one would have been its end, and
 * not the last of them, because that was refused. Some host controllers count it, or one byte. */
static size_t actual_of(const struct flight *f, const struct libusb_transfer *transfer)
{
	const struct msc_device *d = f->device;
	size_t actual = transfer->actual_length > 0 ? (size_t)transfer->actual_length : 0;
	size_t packet = f->xfer->ep & MSC_EP_IN ? d->max_packet_in : d->max_packet_out;

	if (actual > f->xfer->len)
		actual = f->xfer->len;
	if (f->xfer->ep && transfer->status == LIBUSB_TRANSFER_STALL && actual) {
		actual -= actual == f->xfer->len;
		actual -= actual % packet;
	}
	return actual;
}

static void LIBUSB_CALL ended(struct libusb_transfer *transfer)
{
	struct flight *f = transfer->user_data;
	struct msc_xfer *x = f->xfer;

	x->completed_ns = msc_now(&f->usb->clock.clock);
	x->actual = actual_of(f, transfer);
	if (f->control && (x->setup.request_type & MSC_REQTYPE_IN) && x->actual)
		memcpy(x->data, f->control + MSC_SETUP_LEN, x->actual);
	x->outcome = outcome_of(transfer->status);
	x->priv = NULL;
	flight_free(f);
}

static struct flight *flight_new(struct msc_target *t, struct msc_xfer *x)
{
	struct flight *f = calloc(1, sizeof(*f));
	size_t room = x->ep ? 1 : MSC_SETUP_LEN + (size_t)x->setup.length;

	if (!f)
		return NULL;
	f->usb = msc_target_state(t);
	f->device = &t->device;
	f->xfer = x;
	f->transfer = libusb_alloc_transfer(0);
	f->control = x->ep ? NULL : calloc(1, room);
	if (f->transfer && (x->ep || f->control))
		return f;
	flight_free(f);
	return NULL;
}

static void fill(struct flight *f)
{
	struct msc_xfer *x = f->xfer;
	size_t len = x->len < x->setup.length ? x->len : x->setup.length;

	if (x->ep) {
		libusb_fill_bulk_transfer(f->transfer, f->usb->handle, x->ep, x->data, (int)x->len,
					  ended, f, 0);
		return;
	}
	msc_setup_pack(f->control, &x->setup);
	if (!(x->setup.request_type & MSC_REQTYPE_IN) && len)
		memcpy(f->control + MSC_SETUP_LEN, x->data, len);
	libusb_fill_control_transfer(f->transfer, f->usb->handle, f->control, ended, f, 0);
}

/* usbfs lets no control request through to an interface or endpoint that does not exist. */
static int refused(struct msc_target *t, const struct msc_xfer *x, int number, struct msc_err *err)
{
	if (number == LIBUSB_ERROR_NO_DEVICE) {
		t->gone = true;
		return gone(t, err);
	}
	if (number == LIBUSB_ERROR_NO_MEM)
		return fail_usb(err, MSC_E_NOMEM, number, "cannot start a transfer");
	if (x->ep)
		return fail_usb(err, MSC_E_IO, number, "cannot start a transfer");
	return msc_fail(err, MSC_E_UNSUPPORTED,
			"the kernel does not let this control request through (wIndex %#06x)",
			x->setup.index);
}

static int submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct flight *f = flight_new(t, x);
	int r;

	if (!f)
		return msc_nomem(err);
	fill(f);
	x->priv = f;
	x->submitted_ns = msc_now(t->clock);
	r = libusb_submit_transfer(f->transfer);
	if (r) {
		x->priv = NULL;
		flight_free(f);
		return refused(t, x, r, err);
	}
	return 0;
}

static int handle_events(struct usb *usb, int64_t until_ns, struct msc_err *err)
{
	int64_t left = until_ns - msc_now(&usb->clock.clock);
	struct timeval tv;
	int r;

	left = left < 0 ? 0 : left > MSC_S ? MSC_S : left;
	tv = (struct timeval){ .tv_sec = left / MSC_S, .tv_usec = left % MSC_S / MSC_US };
	r = libusb_handle_events_timeout_completed(usb->context, &tv, NULL);
	return r && r != LIBUSB_ERROR_INTERRUPTED
		       ? fail_usb(err, MSC_E_IO, r, "cannot wait for a transfer")
		       : 0;
}

static int wait_for(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns,
		    struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);

	do {
		if (handle_events(usb, deadline_ns, err))
			return -1;
	} while (x->outcome == MSC_OUT_PENDING && msc_now(t->clock) < deadline_ns);
	msc_usb_explain_error("", &usb->found, t->clock, x);
	return 0;
}

static int cancel(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct flight *f = x->priv;

	if (!f)
		return 0;
	libusb_cancel_transfer(f->transfer); /* too late is fine: then it has just ended */
	if (wait_for(t, x, msc_now(t->clock) + CANCEL_NS, err))
		return -1;
	if (x->outcome != MSC_OUT_PENDING)
		return 0;
	t->gone = true;
	return msc_fail(err, MSC_E_INTERNAL, "%s: a cancelled transfer did not come back",
			t->device.name);
}

/* The kernel's own time-out, five seconds, holds here; it cannot be told another. */
static int clear_halt(struct msc_target *t, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);
	int r;

	(void)deadline_ns;
	(void)err;
	errno = 0;
	r = libusb_clear_halt(usb->handle, ep);
	if (!r)
		*outcome = MSC_OUT_DONE;
	else if (r == LIBUSB_ERROR_NO_DEVICE)
		*outcome = MSC_OUT_GONE;
	else if (r == LIBUSB_ERROR_PIPE || errno == EPIPE)
		*outcome = MSC_OUT_STALL;
	else if (r == LIBUSB_ERROR_TIMEOUT || errno == ETIMEDOUT)
		*outcome = MSC_OUT_TIMEOUT;
	else
		*outcome = MSC_OUT_ERROR;
	return 0;
}

/* ---- taking the device and giving it back ------------------------------------------------- */

static void give_back(struct msc_target *t)
{
	struct usb *usb = msc_target_state(t);
	uint8_t number = t->device.interface_number;
	int r = 0;

	if (usb->claimed)
		libusb_release_interface(usb->handle, number);
	if (usb->detached)
		r = libusb_attach_kernel_driver(usb->handle, number);
	if (r && r != LIBUSB_ERROR_NO_DEVICE)
		msc_log(t->log, MSC_LOG_WARN, "transport", msc_now(t->clock),
			"%s: the kernel's driver did not take the device back (%s); plug it in again",
			t->device.name, libusb_strerror(r));
	usb->claimed = usb->detached = false;
	if (usb->handle)
		libusb_close(usb->handle);
	usb->handle = NULL;
}

static int take(struct msc_target *t, struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);
	uint8_t number = t->device.interface_number;
	int r = 0;

	if (libusb_kernel_driver_active(usb->handle, number) == 1) {
		if (msc_usb_not_mounted("", usb->found.path, err)) {
			msc_err_prefix(err, "%s: ", t->device.name);
			return -1;
		}
		r = libusb_detach_kernel_driver(usb->handle, number);
		usb->detached = !r;
	}
	if (!r || r == LIBUSB_ERROR_NOT_FOUND)
		r = libusb_claim_interface(usb->handle, number);
	if (!r) {
		usb->claimed = true;
		if (msc_usb_has_alternates(&t->device))
			r = libusb_set_interface_alt_setting(usb->handle, number,
							     t->device.alternate);
	}
	if (!r)
		return 0;
	return msc_fail(err, r == LIBUSB_ERROR_NO_DEVICE ? MSC_E_GONE : MSC_E_BUSY,
			"%s: cannot take interface %u: %s%s", t->device.name, number,
			libusb_strerror(r),
			r == LIBUSB_ERROR_BUSY ? ": another program is using the device" : "");
}

/* The device that sysfs showed, as libusb knows it. */
static libusb_device *find_device(struct usb *usb, libusb_device **list)
{
	for (size_t i = 0; list[i]; i++)
		if (libusb_get_bus_number(list[i]) == usb->found.bus &&
		    libusb_get_device_address(list[i]) == usb->found.address)
			return list[i];
	return NULL;
}

static int open_handle(struct msc_target *t, struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);
	libusb_device **list, *device;
	ssize_t n = libusb_get_device_list(usb->context, &list);
	int r;

	if (n < 0)
		return fail_usb(err, MSC_E_IO, (int)n, "cannot list USB devices");
	device = find_device(usb, list);
	r = device ? libusb_open(device, &usb->handle) : LIBUSB_ERROR_NO_DEVICE;
	libusb_free_device_list(list, 1);
	if (r == LIBUSB_ERROR_ACCESS)
		return msc_fail(err, MSC_E_ACCESS,
				"%s: no permission for /dev/bus/usb/%03u/%03u; install "
				"udev/60-mscope.rules (\"make install\", or copy it to "
				"/etc/udev/rules.d), join the group plugdev and plug the device in "
				"again; or run as root",
				t->device.name, usb->found.bus, usb->found.address);
	if (r == LIBUSB_ERROR_NO_DEVICE)
		return gone(t, err);
	return r ? fail_usb(err, MSC_E_IO, r, t->device.name) : 0;
}

/* ---- facts -------------------------------------------------------------------------------- */

static int read_descriptors(struct msc_target *t, struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);
	struct msc_device *d = &t->device;
	uint8_t raw[MSC_DEVICE_DESC_LEN];
	int active, r;

	r = libusb_get_descriptor(usb->handle, MSC_DESC_DEVICE, 0, raw, sizeof(raw));
	if (r != sizeof(raw))
		return msc_fail(err, MSC_E_IO, "%s: cannot read the device descriptor: %s", d->name,
				r < 0 ? libusb_strerror(r) : "it is too short");
	msc_device_desc_unpack(&d->desc, raw);
	if (libusb_get_configuration(usb->handle, &active))
		active = 0;
	for (uint8_t i = 0; i < d->desc.configurations && i < DESCRIPTOR_CONFIGS; i++) {
		r = libusb_get_descriptor(usb->handle, MSC_DESC_CONFIGURATION, i, d->config,
					  sizeof(d->config));
		if (r >= MSC_CONFIG_DESC_LEN && d->config[5] == active) {
			d->config_len = (size_t)r;
			return msc_device_parse(d, err);
		}
	}
	return msc_fail(err, MSC_E_UNSUPPORTED, "%s: cannot read the active configuration",
			d->name);
}

static void take_facts(struct msc_target *t)
{
	struct usb *usb = msc_target_state(t);
	struct msc_device *d = &t->device;

	d->speed = usb->found.speed;
	memcpy(d->serial, usb->found.serial, sizeof(d->serial));
	memcpy(d->path, usb->found.path, sizeof(d->path));
	msc_usb_host_controller("", usb->found.bus, d->host, sizeof(d->host));
}

/* Finds, opens and takes the device that the match names now. */
static int attach(struct msc_target *t, struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);

	if (msc_usb_find(&usb->match, "", &usb->found, err) || open_handle(t, err))
		return -1;
	if (read_descriptors(t, err) || take(t, err)) {
		give_back(t);
		return -1;
	}
	take_facts(t);
	return 0;
}

/* ---- reset -------------------------------------------------------------------------------- */

/* After a reset that changed the device's descriptors, or made it leave for a moment, it is a new
 * device to the kernel, in the same place. */
static int attach_again(struct msc_target *t, struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);
	int64_t until = msc_now(t->clock) + REAPPEAR_NS;

	usb->claimed = usb->detached = false;
	give_back(t);
	usb->match = (struct msc_usb_match){ .by_id = true,
					     .vendor = t->device.desc.vendor,
					     .product = t->device.desc.product };
	memcpy(usb->match.path, t->device.path, sizeof(usb->match.path));
	while (msc_now(t->clock) < until) {
		struct msc_err ignored = MSC_ERR_INIT;

		msc_wait_until(t->clock, msc_now(t->clock) + REAPPEAR_PAUSE_NS);
		if (!attach(t, &ignored))
			return 0;
	}
	return msc_fail(err, MSC_E_GONE, "%s: the device did not come back after a port reset",
			t->device.name);
}

static int reset(struct msc_target *t, struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);
	int r = libusb_reset_device(usb->handle);

	if (r == LIBUSB_ERROR_NOT_FOUND || r == LIBUSB_ERROR_NO_DEVICE)
		return attach_again(t, err);
	return r ? fail_usb(err, MSC_E_GONE, r, "cannot reset the port") : 0;
}

/* The kernel refuses it while an interface is claimed, ours too; with the value in force it keeps
 * all drivers where they are. */
static int configure(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);
	uint8_t number = t->device.interface_number;
	bool stalled;
	int r, again;

	libusb_release_interface(usb->handle, number);
	errno = 0;
	r = libusb_set_configuration(usb->handle, t->device.config[5]);
	stalled = r == LIBUSB_ERROR_PIPE || errno == EPIPE;
	again = libusb_claim_interface(usb->handle, number);
	usb->claimed = !again;
	if (!again && msc_usb_has_alternates(&t->device))
		again = libusb_set_interface_alt_setting(usb->handle, number, t->device.alternate);
	if (again || r == LIBUSB_ERROR_NO_DEVICE)
		return gone(t, err);
	if (r == LIBUSB_ERROR_BUSY)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"the kernel does not let SET_CONFIGURATION through while another "
				"interface of the device is in use");
	*outcome = !r ? MSC_OUT_DONE : stalled ? MSC_OUT_STALL : MSC_OUT_ERROR;
	return 0;
}

/* ---- open, close, list -------------------------------------------------------------------- */

static int open_usb(struct msc_target *t, const char *rest, const struct msc_open_options *options,
		    struct msc_err *err)
{
	struct usb *usb = msc_target_state(t);
	int r;

	(void)options;
	msc_real_clock_init(&usb->clock);
	t->clock = &usb->clock.clock;
	if (msc_usb_match_parse(&usb->match, rest, err))
		return -1;
	msc_usb_match_text(t->device.name, sizeof(t->device.name), &usb->match);
	r = libusb_init(&usb->context);
	if (r)
		return fail_usb(err, MSC_E_IO, r, "cannot start libusb");
	if (attach(t, err)) {
		libusb_exit(usb->context);
		return -1;
	}
	return 0;
}

static void close_usb(struct msc_target *t)
{
	struct usb *usb = msc_target_state(t);

	give_back(t);
	libusb_exit(usb->context);
}

static int list_usb(msc_found_fn *fn, void *user, struct msc_err *err)
{
	return msc_usb_list_targets("", fn, user, err);
}

const struct msc_transport msc_transport_libusb = {
	.name = "usb",
	.syntax = "usb:VID:PID, usb:serial=S, usb:path=1-2.3",
	.summary = "a real device, by libusb; conditions can be combined with commas",
	.state_size = sizeof(struct usb),
	.open = open_usb,
	.close = close_usb,
	.submit = submit,
	.wait = wait_for,
	.cancel = cancel,
	.clear_halt = clear_halt,
	.reset = reset,
	.configure = configure,
	.list = list_usb,
};
