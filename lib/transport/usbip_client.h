/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the USB/IP client share; private to the transport.
 *
 *	usbip.c		 the target: importing a device, enumerating it, its reset, listing
 *	usbip_import.c	 connecting, and the first question
 *	usbip_transfer.c URBs, once it is imported
 *
 * Nothing that the server says is believed before it is checked, and no wait is without an end.
 */
#ifndef MSC_TRANSPORT_USBIP_CLIENT_H
#define MSC_TRANSPORT_USBIP_CLIENT_H

#include "transport/transport.h"
#include "transport/usbip_link.h"
#include "wire/usbip.h"

struct msc_usbip_flight;

struct msc_usbip {
	struct msc_real_clock clock;
	struct msc_usbip_address address;
	char busid[MSC_USBIP_BUSID_LEN];
	struct msc_usbip_device found; /* as the server described it when it was imported */
	struct msc_usbip_link link;
	bool fresh; /* imported, and nothing has been asked since */
	uint32_t seqnum;
	struct msc_usbip_flight *flights; /* the newest first */
	/* The answer that is arriving. */
	struct {
		uint8_t header[MSC_USBIP_URB_LEN];
		struct msc_usbip_piece piece; /* of the header, then of its data */
		struct msc_usbip_return ret;
		struct msc_usbip_flight *flight; /* whose data is arriving; NULL: a header is */
	} in;
};

/* ---- usbip_import.c ------------------------------------------------------------------------ */

/* A client that wants to know something of a server: who, and how long he waits. */
struct msc_usbip_asker {
	struct msc_clock *clock;
	int64_t timeout_ns; /* for each of connecting and an answer */
	bool (*stop)(void *stop_user); /* or NULL */
	void *stop_user;
};

/* Asks for the device and leaves the connection in *link. MSC_E_NOTFOUND: there is no server, or no
 * such device there, and the message says what there is; MSC_E_BUSY: somebody has it already. Where the
 * server refuses, err->sys is the msc_usbip_status that it means. */
int msc_usbip_import(const struct msc_usbip_asker *, const struct msc_usbip_address *,
		     const char *busid, struct msc_usbip_link *link, struct msc_usbip_device *,
		     struct msc_err *) MSC_MUST_CHECK;

/* Each device that a server exports, with the class of its first mass-storage interface in
 * *is_storage. */
typedef void msc_usbip_exported_fn(void *user, const struct msc_usbip_device *, bool is_storage);
int msc_usbip_devices(const struct msc_usbip_asker *, const struct msc_usbip_address *,
		      msc_usbip_exported_fn *, void *user, struct msc_err *) MSC_MUST_CHECK;

/* ---- usbip_transfer.c ---------------------------------------------------------------------- */

int msc_usbip_submit(struct msc_target *, struct msc_xfer *, struct msc_err *) MSC_MUST_CHECK;
int msc_usbip_wait(struct msc_target *, struct msc_xfer *, int64_t deadline_ns,
		   struct msc_err *) MSC_MUST_CHECK;
int msc_usbip_cancel(struct msc_target *, struct msc_xfer *, struct msc_err *) MSC_MUST_CHECK;
/* Lets go of every transfer, whose outcome is then this one, and of the connection. */
void msc_usbip_drop(struct msc_usbip *, enum msc_outcome);
/* The same, but nobody looks at them any more. */
void msc_usbip_forget(struct msc_usbip *);

#endif
