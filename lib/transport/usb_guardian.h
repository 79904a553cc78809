/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's driver comes back also when the program that took the interface from it is killed. A
 * small process outlives that program and waits for its end; unless it was dismissed before, it
 * resets the device's port, since a command may have been cut short, and asks the kernel to find the
 * driver again. Settings of the device that it was told to keep it puts back, and power that was taken
 * from its port it gives back. */
#ifndef MSC_TRANSPORT_USB_GUARDIAN_H
#define MSC_TRANSPORT_USB_GUARDIAN_H

#include <stdbool.h>
#include <stdint.h>

struct msc_guardian {
	bool on;
	int line; /* its end is how the guardian learns of ours */
};

/* power/control and power/autosuspend_delay_ms of a device in sysfs, as they are read there. */
struct msc_usb_power {
	char control[8], delay[16];
};

/* A port of a hub, as "1-1:1.0/1-1-port3" below /sys/bus/usb/devices, and the one that has the same
 * connector at another speed; empty: none. */
struct msc_usb_port {
	char port[96], peer[96];
};

/* To be called before the driver is taken. The device is known by its place, such as "1-2.3": with a
 * reset its address may change. Without a guardian (false, see errno) nothing is lost but this. One
 * that is on stays on. */
bool msc_guardian_start(struct msc_guardian *, const char *path, uint8_t interface);
/* These are to be put back; NULL: they have been. Without a guardian nothing happens. */
void msc_guardian_keep(struct msc_guardian *, const struct msc_usb_power *);
/* The same for a port whose power is off. Of settings and a port, what was told last is kept. */
void msc_guardian_keep_port(struct msc_guardian *, const struct msc_usb_port *);
/* Writes the port's "disable" below root; false, and errno: it did not come to that. Safe in a signal handler. */
bool msc_guardian_put_port(const char *root, const char *port, bool on);
/* The driver is back. */
void msc_guardian_dismiss(struct msc_guardian *);

#endif
