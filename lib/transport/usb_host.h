/* SPDX-License-Identifier: BSD-2-Clause */
/* What this host knows of its USB devices without opening them, from sysfs: names, matching, drivers.
 * `root` is put before "/sys": "" but in tests. */
#ifndef MSC_TRANSPORT_USB_HOST_H
#define MSC_TRANSPORT_USB_HOST_H

#include "transport/transport.h"

struct msc_usb_match { /* what follows "usb:"; every condition given must hold */
	bool by_id;
	uint16_t vendor, product;
	char serial[128]; /* empty: any */
	char path[64];	  /* empty: any */
};

struct msc_usb_found {
	uint16_t vendor, product;
	unsigned bus, address; /* /dev/bus/usb/BUS/ADDRESS */
	char path[64];	       /* "1-2.3" */
	char serial[128];      /* as the device gave it, printable; empty: none */
	char name[160];	       /* manufacturer and product */
	enum msc_speed speed;
	bool mass_storage; /* has an interface of that class */
};

struct msc_usb_list {
	struct msc_usb_found *list; /* sorted by path */
	size_t count;
};

/* "VID:PID", "serial=S", "path=P", or several with commas between them. */
int msc_usb_match_parse(struct msc_usb_match *, const char *text, struct msc_err *) MSC_MUST_CHECK;
bool msc_usb_matches(const struct msc_usb_match *, const struct msc_usb_found *);
/* "usb:0525:a4a5,path=1-2"; returns buf. */
char *msc_usb_match_text(char *buf, size_t size, const struct msc_usb_match *);

/* Every device that is not a hub. A host without USB has none. */
int msc_usb_scan(struct msc_usb_list *, const char *root, struct msc_err *) MSC_MUST_CHECK;
void msc_usb_list_free(struct msc_usb_list *);

/* The one that matches. None: MSC_E_NOTFOUND and the mass-storage devices that are there; several:
 * MSC_E_BUSY and how to tell them apart. */
int msc_usb_find(const struct msc_usb_match *, const char *root, struct msc_usb_found *,
		 struct msc_err *) MSC_MUST_CHECK;

/* The device that a place in sysfs lies below, whole as realpath gives it; false: none. */
bool msc_usb_behind(const char *root, const char *place, struct msc_usb_found *);

/* Names every mass-storage device, as short as it can be told from the others. */
int msc_usb_list_targets(const char *root, msc_found_fn *, void *user,
			 struct msc_err *) MSC_MUST_CHECK;

/* The interface of an active configuration has no driver, neither the kernel's nor another program,
 * although the kernel has one for mass storage. */
bool msc_usb_lost_driver(const char *root, const char *path, uint8_t interface);

/* The device's interface has other settings, such as UAS, that the kernel's driver may have chosen. */
bool msc_usb_has_alternates(const struct msc_device *);

/* A number that sysfs has of a device or one of its interfaces, such as "devnum" of "1-2.3"; 0: there is none. */
unsigned msc_usb_number(const char *root, const char *device, const char *name, int base);
/* It is still there, and has not come anew. */
bool msc_usb_is_there(const char *root, const struct msc_usb_found *);

/* A device whose cable is pulled gives bus errors until its hub is asked again. So after a transfer
 * that ended in one this waits a moment for the device to leave, and if it does, changes the
 * outcome to MSC_OUT_GONE. */
void msc_usb_explain_error(const char *root, const struct msc_usb_found *, struct msc_clock *,
			   struct msc_xfer *);

/* The device, "1-2.3", is slower than a hub above it that is none of the host's own: that one
 * translates (USB 2.0, 11.14). */
bool msc_usb_is_translated(const char *root, const char *path);

/* The driver of the host controller that the bus belongs to, such as "xhci_hcd"; "" if unknown. */
void msc_usb_host_controller(const char *root, unsigned bus, char *buf, size_t size);

#endif
