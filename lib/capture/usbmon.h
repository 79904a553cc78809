/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's binary USB monitor as a source of timestamps: when the host controller's driver was
 * given a transfer and when it gave it back, in microseconds. Only headers are read, of the bulk
 * transfers of one device. Documentation/usb/usbmon.rst of Linux. */
#ifndef MSC_CAPTURE_USBMON_H
#define MSC_CAPTURE_USBMON_H

#include "transport/transport.h"

struct msc_usbmon;

struct msc_usbmon_event {
	bool completed; /* else submitted */
	int64_t at_ns;	/* of the kernel's own clock */
	uint8_t ep;	/* with MSC_EP_IN */
};

/* MSC_E_USAGE: the device is not on a bus of this host; MSC_E_NOTFOUND or MSC_E_ACCESS: the module
 * is not loaded, or /dev/usbmonN may not be read. NULL then. */
struct msc_usbmon *msc_usbmon_open(const struct msc_device *, struct msc_err *) MSC_MUST_CHECK;
void msc_usbmon_close(struct msc_usbmon *); /* NULL: nothing */

/* The next event, in the order of time; never waits. *found false: there is none yet. */
int msc_usbmon_next(struct msc_usbmon *, struct msc_usbmon_event *, bool *found,
		    struct msc_err *) MSC_MUST_CHECK;
const char *msc_usbmon_path(const struct msc_usbmon *);

#endif
