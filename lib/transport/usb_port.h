/* SPDX-License-Identifier: BSD-2-Clause */
/* The port of a hub that a USB device is plugged into, and its power. Linux 6.0 and newer switch it by the
 * port's file "disable" in sysfs (Documentation/ABI/testing/sysfs-bus-usb); that the hub switches the power
 * of single ports it says in wHubCharacteristics (USB 2.0, 11.23.2.1). A port of a hub for SuperSpeed shares its
 * connector, and with it the power, with one of a hub of USB 2.0, its peer: both are switched.
 *
 * A hub may say so and have no switch, and a device may have a supply of its own; neither is to be seen. */
#ifndef MSC_TRANSPORT_USB_PORT_H
#define MSC_TRANSPORT_USB_PORT_H

#include "base/err.h"
#include "transport/usb_guardian.h"

/* Finds the port of the device, such as "1-2.3". MSC_E_UNSUPPORTED, and why: its power cannot be
 * switched from here. `root` is put before "/sys" and "/dev": "" but in tests. */
int msc_usb_port_find(struct msc_usb_port *, const char *root, const char *path,
		      struct msc_err *) MSC_MUST_CHECK;

/* false, and errno: it did not come to that. */
bool msc_usb_port_switch(const struct msc_usb_port *, const char *root, bool on);

#endif
