/* SPDX-License-Identifier: BSD-2-Clause */
/* Halves of a host's USB requests, as drivers write them down: when one was submitted, and when it
 * was given back. Linux's usbmon (Documentation/usb/usbmon.rst) and USBPcap
 * (desowin.org/usbpcap/captureformat.html). */
#ifndef MSC_CAPTURE_URB_H
#define MSC_CAPTURE_URB_H

#include "capture/packets.h"
#include "transport/transfer.h"

struct msc_urb {
	uint64_t id; /* the same in both halves, and used again */
	bool completed;
	bool bulk; /* or control */
	bool bare; /* no length says how much was asked for: bulk-in of USBPcap and QEMU */
	bool pieces; /* and a full packet may be all of it: QEMU writes what its controllers ask at once */
	bool unsaid; /* completed, and no length says how much moved: all that was to, if it is done */
	bool halves; /* bulk of USBPcap: drivers before 1.4.1 write only the half that has the data */
	bool no_setup; /* control, but what it asks for is not written down */
	uint16_t bus, device;
	uint8_t ep; /* with MSC_EP_IN; 0: control */
	struct msc_setup setup; /* of the first half */
	uint32_t length; /* submitted: bytes offered, or room; completed: bytes moved */
	enum msc_outcome outcome; /* completed */
	const uint8_t *data; /* to the device: with the first half; from it: with the second */
	uint32_t kept; /* of those, what the file has */
};

enum msc_urb_is {
	MSC_URB,       /* *u is one */
	MSC_URB_OTHER, /* isochronous, interrupt, the driver's own affairs */
	MSC_URB_SHORT, /* not even its header is whole */
};
enum msc_urb_is msc_urb_read(struct msc_urb *u, const struct msc_packet *);

#define MSC_USBMON_LEN 48
#define MSC_USBMON_64_LEN 64

#endif
