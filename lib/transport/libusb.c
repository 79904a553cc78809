/* SPDX-License-Identifier: BSD-2-Clause */
/* Real devices, by libusb: usb:VID:PID, usb:serial=S, usb:path=1-2.3.
 *
 * Opening takes the mass-storage interface from the kernel's driver; closing gives it back, whatever
 * happened in between. If we are killed a guardian does it (usb_guardian.h); if that is killed too
 * the next run finds an interface without a driver and gives it back at its end. Because taking the
 * interface is to the kernel as if the cable were pulled, a device that somebody uses is refused
 * (disk_holders.h), also for reading.
 *
 * What is no mass storage by Bulk-Only is refused unless the caller insists: bytes that look like a
 * CBW to us may be anything to it.
 */
#include <errno.h>
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "transport/disk_holders.h"
#include "transport/usb_device.h"
#include "transport/usb_power.h"
#include "transport/usb_suspend.h"

#define REAPPEAR_NS	    (5 * MSC_S)	    /* for a device that enumerates anew */
#define REAPPEAR_PAUSE_NS   (50 * MSC_MS)
#define CLAIM_TRIES	    3		    /* when a driver comes while we claim */
#define DESCRIPTOR_CONFIGS  8		    /* configurations that are looked at */

static int gone(struct msc_target *t, struct msc_err *err)
{
	return msc_fail(err, MSC_E_GONE, "%s: the device has left", t->device.name);
}

/* The kernel's own time-out, five seconds, holds here; it cannot be told another. */
static int clear_halt(struct msc_target *t, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
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
	struct msc_usb *usb = msc_target_state(t);
	uint8_t number = t->device.interface_number;
	int r = 0;

	msc_usb_free_memory(usb);
	if (usb->claimed)
		libusb_release_interface(usb->handle, number);
	if (usb->detached)
		r = libusb_attach_kernel_driver(usb->handle, number);
	if (r == LIBUSB_ERROR_NOT_FOUND && usb->lost)
		r = 0; /* it had none because the kernel knows none for it */
	if (r && r != LIBUSB_ERROR_NO_DEVICE)
		msc_log(t->log, MSC_LOG_WARN, "transport", msc_now(t->clock),
			"%s: the kernel's driver did not take the device back (%s); plug it in again",
			t->device.name, libusb_strerror(r));
	usb->claimed = usb->detached = usb->lost = false;
	if (usb->handle)
		libusb_close(usb->handle);
	usb->handle = NULL;
	msc_usb_free_flights(usb);
}

/* After the last give_back(). */
static void leave(struct msc_usb *usb)
{
	msc_guardian_dismiss(&usb->guardian);
	if (usb->context)
		libusb_exit(usb->context);
}

static void guard(struct msc_target *t)
{
	struct msc_usb *usb = msc_target_state(t);

	if (!msc_guardian_start(&usb->guardian, usb->found.path, t->device.interface_number))
		msc_log(t->log, MSC_LOG_WARN, "transport", msc_now(t->clock),
			"%s: no process could be started to give the driver back should this one be "
			"killed (%s)",
			t->device.name, strerror(errno));
}

/* Takes the interface from the kernel's driver, or notes that it has lost it. */
static int detach(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	uint8_t number = t->device.interface_number;
	int r = 0;

	if (libusb_kernel_driver_active(usb->handle, number) == 1) {
		if (msc_usb_not_held("", usb->found.path, err)) {
			msc_err_prefix(err, "%s: ", t->device.name);
			return -1;
		}
		guard(t);
		r = libusb_detach_kernel_driver(usb->handle, number);
		usb->detached = !r;
		usb->lost = false;
	} else if (!usb->detached && t->device.interface_class == MSC_CLASS_MASS_STORAGE &&
		   (usb->owed || msc_usb_lost_driver("", usb->found.path, number))) {
		guard(t);
		usb->detached = usb->lost = true;
	}
	return r == LIBUSB_ERROR_NOT_FOUND ? 0 : r;
}

static int take(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	uint8_t number = t->device.interface_number;
	int r;

	/* The guardian of a run that was killed may put a driver in between. */
	for (int i = 0; i < CLAIM_TRIES; i++) {
		r = detach(t, err);
		if (err->code)
			return -1;
		if (!r)
			r = libusb_claim_interface(usb->handle, number);
		if (r != LIBUSB_ERROR_BUSY || libusb_kernel_driver_active(usb->handle, number) != 1)
			break;
	}
	if (!r) {
		usb->claimed = true;
		if (msc_usb_has_alternates(&t->device))
			r = libusb_set_interface_alt_setting(usb->handle, number,
							     t->device.alternate);
	}
	if (!r && usb->lost && !usb->owed)
		msc_log(t->log, MSC_LOG_WARN, "transport", msc_now(t->clock),
			"%s: interface %u had no driver, as after a program that was killed; "
			"the kernel's driver will have it at the end of this run",
			t->device.name, number);
	if (!r)
		return 0;
	return msc_fail(err, r == LIBUSB_ERROR_NO_DEVICE ? MSC_E_GONE : MSC_E_BUSY,
			"%s: cannot take interface %u: %s%s", t->device.name, number,
			libusb_strerror(r),
			r == LIBUSB_ERROR_BUSY ? ": another program is using the device" : "");
}

/* The device that sysfs showed, as libusb knows it. */
static libusb_device *find_device(struct msc_usb *usb, libusb_device **list)
{
	for (size_t i = 0; list[i]; i++)
		if (libusb_get_bus_number(list[i]) == usb->found.bus &&
		    libusb_get_device_address(list[i]) == usb->found.address)
			return list[i];
	return NULL;
}

static int open_handle(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	libusb_device **list, *device;
	ssize_t n = libusb_get_device_list(usb->context, &list);
	int r;

	if (n < 0)
		return msc_usb_fail(err, MSC_E_DEVICE, (int)n, "cannot list USB devices");
	device = find_device(usb, list);
	r = device ? libusb_open(device, &usb->handle) : LIBUSB_ERROR_NO_DEVICE;
	libusb_free_device_list(list, 1);
	if (r == LIBUSB_ERROR_ACCESS)
		return msc_fail(
			err, MSC_E_ACCESS,
			"%s: no permission for /dev/bus/usb/%03u/%03u: install "
			"udev/60-mscope.rules (the package and \"make install\" do, or copy "
			"it to /etc/udev/rules.d), join the group plugdev (\"sudo adduser "
			"NAME plugdev\", then log in again) and plug the device in again; "
			"or run as root",
			t->device.name, usb->found.bus, usb->found.address);
	if (r == LIBUSB_ERROR_NO_DEVICE)
		return gone(t, err);
	return r ? msc_usb_fail(err, MSC_E_DEVICE, r, t->device.name) : 0;
}

/* ---- facts -------------------------------------------------------------------------------- */

static int read_descriptors(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	struct msc_device *d = &t->device;
	uint8_t raw[MSC_DEVICE_DESC_LEN];
	int active, r;

	r = libusb_get_descriptor(usb->handle, MSC_DESC_DEVICE, 0, raw, sizeof(raw));
	if (r != sizeof(raw))
		return msc_fail(err, MSC_E_DEVICE, "%s: cannot read the device descriptor: %s",
				d->name, r < 0 ? libusb_strerror(r) : "it is too short");
	msc_device_desc_unpack(&d->desc, raw);
	if (libusb_get_configuration(usb->handle, &active))
		active = 0;
	for (uint8_t i = 0; i < d->desc.configurations && i < DESCRIPTOR_CONFIGS; i++) {
		r = libusb_get_descriptor(usb->handle, MSC_DESC_CONFIGURATION, i, d->config,
					  sizeof(d->config));
		if (r >= MSC_CONFIG_DESC_LEN && d->config[5] == active) {
			d->config_len = (size_t)r;
			return msc_device_parse(d, err) || msc_device_known(t, err) ? -1 : 0;
		}
	}
	return msc_fail(err, MSC_E_UNSUPPORTED, "%s: cannot read the active configuration",
			d->name);
}

static void take_facts(struct msc_target *t)
{
	struct msc_usb *usb = msc_target_state(t);
	struct msc_device *d = &t->device;

	d->speed = usb->found.speed;
	memcpy(d->serial, usb->found.serial, sizeof(d->serial));
	memcpy(d->path, usb->found.path, sizeof(d->path));
	msc_usb_host_controller("", usb->found.bus, d->host, sizeof(d->host));
	d->translated = msc_usb_is_translated("", d->path);
}

/* Finds, opens and takes the device that the match names now. */
static int attach(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);

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

/* libusb learns of a new device from udev, which not every system has running; at its start it looks for
 * itself. */
static int look_again(struct msc_usb *usb)
{
	if (usb->context)
		libusb_exit(usb->context);
	usb->context = NULL;
	return libusb_init(&usb->context);
}

/* Of a device that has left, or is about to: its driver comes with the one that comes in its place. */
static void let_go(struct msc_target *t)
{
	struct msc_usb *usb = msc_target_state(t);

	usb->owed |= usb->detached;
	usb->claimed = usb->detached = false;
	give_back(t);
}

/* After a reset that changed the device's descriptors, or made it leave for a moment, it is a new
 * device to the kernel, in the same place. A user who does not want to wait any longer still waits
 * REAPPEAR_NS: what was written is to be restored. */
static int attach_again(struct msc_target *t, const char *after, const char *serial,
			int64_t wait_ns, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	int64_t soon = msc_now(t->clock) + REAPPEAR_NS, until = msc_now(t->clock) + wait_ns;
	struct msc_err why = MSC_ERR_INIT;

	let_go(t);
	usb->match = (struct msc_usb_match){ .by_id = true,
					     .vendor = t->device.desc.vendor,
					     .product = t->device.desc.product };
	memcpy(usb->match.path, t->device.path, sizeof(usb->match.path));
	snprintf(usb->match.serial, sizeof(usb->match.serial), "%s", serial);
	while (msc_now(t->clock) < until && (msc_now(t->clock) < soon || !msc_is_stopped(t))) {
		why = (struct msc_err)MSC_ERR_INIT;
		msc_wait_until(t->clock, msc_now(t->clock) + REAPPEAR_PAUSE_NS);
		if (!look_again(usb) && !attach(t, &why)) {
			usb->owed = false;
			return 0;
		}
	}
	t->stayed_away = why.code == MSC_E_NOTFOUND;
	if (why.code == MSC_E_BUSY)
		return msc_fail(err, MSC_E_GONE, "%s: the device came back after %s, but %s",
				t->device.name, after, why.msg);
	return msc_fail(err, MSC_E_GONE, "%s: the device did not come back after %s",
			t->device.name, after);
}

static int reset(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	int r = libusb_reset_device(usb->handle);

	if (r == LIBUSB_ERROR_NOT_FOUND || r == LIBUSB_ERROR_NO_DEVICE)
		return attach_again(t, "a port reset", "", REAPPEAR_NS, err);
	return r ? msc_usb_fail(err, MSC_E_GONE, r, "cannot reset the port") : 0;
}

static int sibling_in_use(struct msc_err *err)
{
	return msc_fail(err, MSC_E_UNSUPPORTED,
			"the kernel does not let SET_CONFIGURATION through while another interface "
			"of the device is in use");
}

/* usbfs passes a SET_CONFIGURATION among the control requests on unseen: a driver of another interface would
 * go on using a device that is not configured. */
static int may_configure(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	uint8_t interfaces = t->device.config[4];

	for (uint8_t i = 0; i < interfaces; i++)
		if (i != t->device.interface_number &&
		    libusb_kernel_driver_active(usb->handle, i) == 1)
			return sibling_in_use(err);
	return 0;
}

/* The kernel refuses it while an interface is claimed, ours too; with the value in force it keeps
 * all drivers where they are. */
static int configure(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
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
		return sibling_in_use(err);
	*outcome = !r ? MSC_OUT_DONE : stalled ? MSC_OUT_STALL : MSC_OUT_ERROR;
	return 0;
}

/* A device that refuses it is to the kernel one with a single setting: it clears the halts of its endpoints
 * one by one instead, and says that all went well. */
static int set_interface(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	int r;

	errno = 0;
	r = libusb_set_interface_alt_setting(usb->handle, t->device.interface_number,
					     t->device.alternate);
	if (r == LIBUSB_ERROR_NO_DEVICE)
		return gone(t, err);
	*outcome = !r ? MSC_OUT_DONE : errno == EPIPE ? MSC_OUT_STALL : MSC_OUT_ERROR;
	return 0;
}

/* The kernel's simulated host controllers have a port that can be suspended, but vhci_hcd cannot tell the
 * device behind it. */
static int suspend(struct msc_target *t, int64_t ns, bool resume, struct msc_suspended *how,
		   struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	const struct msc_usb_sleeper sleeper = { .root = "",
						 .path = t->device.path,
						 .fd = msc_usb_node(usb->context),
						 .clock = t->clock,
						 .stop = t->stop,
						 .stop_user = t->stop_user,
						 .guardian = &usb->guardian };

	if (!strcmp(t->device.host, "vhci_hcd"))
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"it is attached by USB/IP, which has no message that suspends a "
				"device");
	/* usb_reset_device() of drivers/usb/core/hub.c. */
	if (!resume)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"Linux resumes a suspended device before it resets its port");
	guard(t);
	if (!msc_usb_suspend(&sleeper, ns, how, err))
		return 0;
	if (err->code != MSC_E_GONE)
		return -1;
	/* The kernel resets the port and sets the device up anew, as a new one. */
	*err = (struct msc_err)MSC_ERR_INIT;
	how->outcome = MSC_OUT_TIMEOUT;
	return attach_again(t, "the bus was resumed", "", REAPPEAR_NS, err);
}

/* To the kernel what comes back is a new device. */
static int power_cycle(struct msc_target *t, int64_t off_ns, struct msc_err *err)
{
	struct msc_usb_replug p;

	if (msc_usb_power_find(t, &p)) {
		guard(t);
		let_go(t);
		msc_usb_power_switch(t, &p, off_ns);
	} else if (msc_usb_power_ask(t, &p, err)) {
		return -1;
	}
	if (attach_again(t, p.after, t->device.serial, p.back_ns, err))
		return -1;
	return msc_usb_power_went(&p, err);
}

/* Transfers that do not come back are not left behind: the handle that they are of cannot be closed. */
static int rejoin(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);

	if (usb->stuck)
		return gone(t, err);
	return attach_again(t, "it left", t->device.serial, MSC_REJOIN_NS, err);
}

/* ---- open, close, list -------------------------------------------------------------------- */

static int open_usb(struct msc_target *t, const char *rest, const struct msc_open_options *options,
		    struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	int r;

	(void)options;
	msc_real_clock_init(&usb->clock);
	t->clock = &usb->clock.clock;
	if (msc_usb_match_parse(&usb->match, rest, err))
		return -1;
	msc_usb_match_text(t->device.name, sizeof(t->device.name), &usb->match);
	r = libusb_init(&usb->context);
	if (r)
		return msc_usb_fail(err, MSC_E_DEVICE, r, "cannot start libusb");
	if (attach(t, err)) {
		leave(usb);
		return -1;
	}
	return 0;
}

static void close_usb(struct msc_target *t)
{
	struct msc_usb *usb = msc_target_state(t);

	give_back(t);
	leave(usb);
}

static int list_usb(msc_found_fn *fn, void *user, struct msc_err *err)
{
	return msc_usb_list_targets("", fn, user, err);
}

const struct msc_transport msc_transport_libusb = {
	.name = "usb",
	.syntax = "usb:VID:PID, usb:serial=S, usb:path=1-2.3",
	.summary = "a real device, through libusb; conditions can be combined with commas",
	.times = "libusb",
	.state_size = sizeof(struct msc_usb),
	.open = open_usb,
	.close = close_usb,
	.submit = msc_usb_submit,
	.wait = msc_usb_wait,
	.cancel = msc_usb_cancel,
	.clear_halt = clear_halt,
	.reset = reset,
	.configure = configure,
	.may_configure = may_configure,
	.set_interface = set_interface,
	.lend = msc_usb_lend,
	.unlend = msc_usb_unlend,
	.suspend = suspend,
	.power_cycle = power_cycle,
	.rejoin = rejoin,
	.list = list_usb,
};
