/* SPDX-License-Identifier: BSD-2-Clause */
/* What libusb.c, which takes a device and gives it back, usb_transfer.c and usb_memory.c share. */
#ifndef MSC_TRANSPORT_USB_DEVICE_H
#define MSC_TRANSPORT_USB_DEVICE_H

#include <libusb.h>

#include "transport/usb_guardian.h"
#include "transport/usb_host.h"

#define MSC_USB_MEMORIES 3 /* pieces: of an exchange, of one within it, and a spare */

struct msc_usb_memory { /* device memory; see usb_memory.c */
	uint8_t *p;  /* NULL: there is none */
	size_t len;  /* bytes */
	bool lent;   /* and not given back */
};

struct msc_usb {
	libusb_context *context;
	libusb_device_handle *handle;
	struct msc_real_clock clock;
	struct msc_usb_match match;
	struct msc_usb_found found;
	struct msc_guardian guardian;
	struct msc_flight *flights; /* submitted, and not ended */
	struct msc_usb_memory memory[MSC_USB_MEMORIES]; /* of the handle */
	size_t memory_refused; /* so many bytes of it, and more, are not to be had; 0: not known */
	bool memory_tried; /* whether the processor reads it as quickly as other memory */
	bool stuck; /* transfers do not come back: no event may be handled any more */
	bool claimed;
	bool detached; /* the kernel's driver is to be given back */
	bool lost;     /* the same, but it was not there when we came */
	bool owed;     /* the same, of the device before it came anew */
};

int msc_usb_submit(struct msc_target *, struct msc_xfer *, struct msc_err *);
int msc_usb_wait(struct msc_target *, struct msc_xfer *, int64_t deadline_ns, struct msc_err *);
/* Bounded: a transfer that does not come back, or that the user does not want to wait for, makes the
 * target gone and is MSC_E_DEVICE. */
int msc_usb_cancel(struct msc_target *, struct msc_xfer *, struct msc_err *);
/* Once the handle is closed: frees what has never come back. */
void msc_usb_free_flights(struct msc_usb *);

/* Device memory of at least so many bytes; NULL: there is none. Then it is to be given back. */
uint8_t *msc_usb_lend(struct msc_target *, size_t len);
void msc_usb_unlend(struct msc_target *, uint8_t *);
/* What is kept and not lent is given up: usbfs has one limit for it and for transfers. false: there was none. */
bool msc_usb_spare_memory(struct msc_usb *);
/* Before the handle is closed, when all of it has been given back. */
void msc_usb_free_memory(struct msc_usb *);

/* Says what failed, in libusb's words; returns -1. */
int msc_usb_fail(struct msc_err *, enum msc_code, int number, const char *what);

#endif
