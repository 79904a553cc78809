/* SPDX-License-Identifier: BSD-2-Clause */
/* The power of a real device: its hub's port takes it away and gives it back, or somebody who pulls the cable
 * does. For libusb.c, which has to let go of the device in between and to take it again. */
#ifndef MSC_TRANSPORT_USB_POWER_H
#define MSC_TRANSPORT_USB_POWER_H

#include "transport/usb_port.h"

struct msc_target;

struct msc_usb_replug {
	struct msc_usb_port port; /* if there is one that can be switched */
	char why[512];		  /* there is not, and why */
	const char *after;	  /* "its power was off": what the device comes back after */
	int64_t back_ns;	  /* so long it may take until it is back */
	int number;		  /* errno: the port was not switched; 0: it was */
};

/* true: the port can be switched. */
bool msc_usb_power_find(const struct msc_target *, struct msc_usb_replug *);
/* Off, and on again at the latest when the user does not want to wait any longer; the guardian knows of it.
 * Nothing of the device may be held. */
void msc_usb_power_switch(struct msc_target *, struct msc_usb_replug *, int64_t off_ns);
/* Asks somebody to pull the cable and waits until it is; whoever does it need not say so. MSC_E_UNSUPPORTED:
 * nobody is there, or nobody does. */
int msc_usb_power_ask(struct msc_target *, struct msc_usb_replug *,
		      struct msc_err *) MSC_MUST_CHECK;
/* Once the device is back; MSC_E_UNSUPPORTED: it had its power all the time. */
int msc_usb_power_went(const struct msc_usb_replug *, struct msc_err *) MSC_MUST_CHECK;

#endif
