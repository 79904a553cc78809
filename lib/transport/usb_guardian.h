/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's driver comes back also when the program that took the interface from it is killed. A
 * small process outlives that program and waits for its end; unless it was dismissed before, it
 * resets the device's port, since a command may have been cut short, and asks the kernel to find the
 * driver again. */
#ifndef MSC_TRANSPORT_USB_GUARDIAN_H
#define MSC_TRANSPORT_USB_GUARDIAN_H

#include <stdbool.h>
#include <stdint.h>

struct msc_guardian {
	bool on;
	int line; /* its end is how the guardian learns of ours */
};

/* To be called before the driver is taken. The device is known by its place, such as "1-2.3": with a
 * reset its address may change. Without a guardian (false, see errno) nothing is lost but this. One
 * that is on stays on. */
bool msc_guardian_start(struct msc_guardian *, const char *path, uint8_t interface);
/* The driver is back. */
void msc_guardian_dismiss(struct msc_guardian *);

#endif
