/* SPDX-License-Identifier: BSD-2-Clause */
/* Suspends a USB device that this program has open, by the kernel's runtime power management, and
 * resumes it. Linux suspends a device that nobody holds awake: its power/control in sysfs has to be
 * "auto", and a program that has it open has to allow it (USBDEVFS_ALLOW_SUSPEND, Linux 5.6). Both
 * are put back at the end, also by the guardian should this process be killed.
 *
 * Linux: Documentation/driver-api/usb/power-management.rst, drivers/usb/core/devio.c. */
#ifndef MSC_TRANSPORT_USB_SUSPEND_H
#define MSC_TRANSPORT_USB_SUSPEND_H

#include "transport/transport.h"
#include "transport/usb_guardian.h"

struct msc_usb_sleeper {
	const char *root;  /* before "/sys": "" but in tests */
	const char *path;  /* of the device, such as "1-2.3" */
	int fd;		   /* of usbfs, open */
	struct msc_clock *clock;
	bool (*stop)(void *stop_user); /* the user does not want to wait any longer; or NULL */
	void *stop_user;
	struct msc_guardian *guardian;
};

/* Returns when the device is awake and its settings are what they were. It was suspended for ns, or
 * until stop said so. MSC_E_UNSUPPORTED, and why: it was not, or something woke it before. MSC_E_GONE: it
 * did not answer when it was resumed, and the kernel has given it up; what comes back in its place is a
 * new device. */
int msc_usb_suspend(const struct msc_usb_sleeper *, int64_t ns, struct msc_suspended *,
		    struct msc_err *) MSC_MUST_CHECK;

/* The file of usbfs among those that libusb waits for; -1: there is none. */
struct libusb_context;
int msc_usb_node(struct libusb_context *);

#endif
