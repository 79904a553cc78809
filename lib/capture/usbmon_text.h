/* SPDX-License-Identifier: BSD-2-Clause */
/* usbmon's text, /sys/kernel/debug/usb/usbmon/Nu and Nt, as people paste it into reports: a line is made the packet
 * that the binary interface gives (Documentation/usb/usbmon.rst of Linux). The kernel shows at most 32 bytes of a
 * transfer, which is all of a CBW and of a CSW. */
#ifndef MSC_CAPTURE_USBMON_TEXT_H
#define MSC_CAPTURE_USBMON_TEXT_H

#include "capture/packets.h"
#include "capture/urb.h"

#define MSC_USBMON_TEXT_DATA 32 /* bytes: DATA_MAX of drivers/usb/mon/mon_text.c */
#define MSC_USBMON_TEXT_LINE 1024 /* characters: no line of isochronous transfers is longer */

struct msc_usbmon_line { /* the newest; all zero before the first */
	uint8_t packet[MSC_USBMON_64_LEN + MSC_USBMON_TEXT_DATA]; /* little-endian */
	uint32_t len; /* bytes of it */
	int64_t at_ns; /* goes on where the kernel's count begins anew */
	uint32_t at_us;
};

/* One line, without its end. False: it is none of usbmon's, and the time stays. */
bool msc_usbmon_text_read(struct msc_usbmon_line *, const char *line, size_t len);
/* Of the lines of a text's beginning one is usbmon's: others may come before it, the command that it is from, what
 * a mail says. */
bool msc_usbmon_text_is(struct msc_usbmon_line *, const char *text, size_t len);

#endif
