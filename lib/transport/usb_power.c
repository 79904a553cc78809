/* SPDX-License-Identifier: BSD-2-Clause */
/* The power of a real device: its hub's port takes it away and gives it back, or somebody who pulls the cable does.
 * To the kernel what comes back is a new device. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "transport/usb_device.h"
#include "transport/usb_port.h"

#define POWER_UP_NS (20 * MSC_S) /* for a device that starts anew, by way of its boot loader */

/* False: the user did not want to wait so long. */
static bool pause_for(struct msc_target *t, int64_t ns)
{
	int64_t until = msc_now(t->clock) + ns;

	while (msc_now(t->clock) < until && !msc_is_stopped(t)) {
		int64_t next = msc_now(t->clock) + MSC_SLICE_NS;

		msc_wait_until(t->clock, next < until ? next : until);
	}
	return !msc_is_stopped(t);
}

static int switch_port(struct msc_target *t, const struct msc_usb_port *port, int64_t off_ns,
		       struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	int number = 0;

	msc_usb_guard(t);
	msc_guardian_keep_port(&usb->guardian, port);
	msc_usb_let_go(t);
	if (!msc_usb_port_switch(port, "", false))
		number = errno;
	else
		(void)!pause_for(t, off_ns);
	if (!msc_usb_port_switch(port, "", true) && !number)
		number = errno;
	msc_guardian_keep_port(&usb->guardian, NULL);
	if (msc_usb_attach_again(t, "its power was off", t->device.serial, POWER_UP_NS, err))
		return -1;
	if (number)
		return msc_fail(err, MSC_E_UNSUPPORTED, "the kernel does not switch its port (%s)",
				strerror(number));
	return 0;
}

/* Whoever pulls it need not say so: it is seen. */
static int ask_for_cable(struct msc_target *t, const char *why, struct msc_err *err)
{
	const struct msc_replug *r = &t->replug;
	struct msc_usb *usb = msc_target_state(t);
	int64_t until = msc_now(t->clock) + r->wait_ns;
	char text[400], time[24];

	if (!r->wait_ns)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s, and there is no terminal at which somebody could be asked for "
				"its cable",
				why);
	msc_format_ns(time, sizeof time, r->wait_ns);
	snprintf(text, sizeof text,
		 "%s: pull its cable, wait two seconds, and plug it in again at the same place "
		 "(within %s each)",
		 t->device.name, time);
	if (r->ask)
		r->ask(r->ask_user, text);
	while (msc_usb_is_there("", &usb->found)) {
		if (!pause_for(t, MSC_SLICE_NS))
			return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
		if (msc_now(t->clock) >= until)
			return msc_fail(err, MSC_E_UNSUPPORTED,
					"%s, and nobody pulled its cable within %s", why, time);
	}
	return msc_usb_attach_again(t, "its cable was pulled", t->device.serial, r->wait_ns, err);
}

/* A port of vhci_hcd has no power, whatever its hub says. */
int msc_usb_power_cycle(struct msc_target *t, int64_t off_ns, struct msc_err *err)
{
	struct msc_err why = MSC_ERR_INIT;
	struct msc_usb_port port;

	if (!strcmp(t->device.host, "vhci_hcd"))
		return ask_for_cable(t, "it is attached by USB/IP", err);
	if (msc_usb_port_find(&port, "", t->device.path, &why) == 0)
		return switch_port(t, &port, off_ns, err);
	return ask_for_cable(t, why.msg, err);
}
