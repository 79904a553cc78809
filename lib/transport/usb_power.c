/* SPDX-License-Identifier: BSD-2-Clause */
/* The power of a real device: see usb_power.h. */
#include "transport/usb_power.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "transport/usb_device.h"

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

/* A port of vhci_hcd has no power, whatever its hub says. */
bool msc_usb_power_find(const struct msc_target *t, struct msc_usb_replug *p)
{
	struct msc_err err = MSC_ERR_INIT;
	bool found;

	*p = (struct msc_usb_replug){ .after = "its power was off", .back_ns = POWER_UP_NS };
	if (!strcmp(t->device.host, "vhci_hcd"))
		(void)msc_fail(&err, MSC_E_UNSUPPORTED, "it is attached by USB/IP");
	found = !err.code && msc_usb_port_find(&p->port, "", t->device.path, &err) == 0;
	snprintf(p->why, sizeof p->why, "%s", err.msg);
	return found;
}

void msc_usb_power_switch(struct msc_target *t, struct msc_usb_replug *p, int64_t off_ns)
{
	struct msc_usb *usb = msc_target_state(t);

	msc_guardian_keep_port(&usb->guardian, &p->port);
	if (!msc_usb_port_switch(&p->port, "", false))
		p->number = errno;
	else
		(void)!pause_for(t, off_ns);
	if (!msc_usb_port_switch(&p->port, "", true) && !p->number)
		p->number = errno;
	msc_guardian_keep_port(&usb->guardian, NULL);
}

int msc_usb_power_ask(struct msc_target *t, struct msc_usb_replug *p, struct msc_err *err)
{
	const struct msc_replug *r = &t->replug;
	struct msc_usb *usb = msc_target_state(t);
	int64_t until = msc_now(t->clock) + r->wait_ns;
	char text[400], time[24];

	p->after = "its cable was pulled";
	p->back_ns = r->wait_ns;
	if (!r->wait_ns)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s, and there is no terminal at which somebody could be asked for "
				"its cable",
				p->why);
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
					"%s, and nobody pulled its cable within %s", p->why, time);
	}
	return 0;
}

int msc_usb_power_went(const struct msc_usb_replug *p, struct msc_err *err)
{
	if (!p->number)
		return 0;
	return msc_fail(err, MSC_E_UNSUPPORTED, "the kernel does not switch its port (%s)",
			strerror(p->number));
}
