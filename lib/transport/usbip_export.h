/* SPDX-License-Identifier: BSD-2-Clause */
/* A simulated device as a USB/IP server exports it: URBs go in, answers come out, and its virtual time
 * follows real time. This is the host's half of the bus: the address, the toggles, a port reset.
 *
 * Virtual time never runs ahead of real time, but for a port reset and for a transfer that is
 * being taken back; the device then waits until real time is there. When it falls behind, which
 * a busy machine may cause, it catches up, and nothing that was to happen is left out. Where it
 * cannot, virtual time is held against a later instant of real time from then on: the device is
 * as if it were slow, and that is said.
 *
 * USB/IP has no port reset. One is inferred when a client imports the device, and from what a host
 * does after each reset and never else: GET_DESCRIPTOR of the device with wLength 64, and directly
 * behind it once more with 8 or 18 (Linux's hub_port_init(), Windows). What it sends in between,
 * the second reset and SET_ADDRESS, Linux's vhci keeps for itself.
 */
#ifndef MSC_TRANSPORT_USBIP_EXPORT_H
#define MSC_TRANSPORT_USBIP_EXPORT_H

#include "firmware/spec.h"
#include "transport/transport.h"
#include "wire/usbip.h"

struct msc_usbip_urb;

struct msc_usbip_export {
	char name[160]; /* of the target: "sim:reference" */
	struct msc_usbip_device device;
	struct msc_device facts; /* as the host's half of the bus has to know them */
	struct msc_spec spec;
	struct sim_device *sim;
	struct msc_clock *clock;   /* the real one */
	int64_t base_ns;	   /* virtual time 0 in real time */
	int64_t lost_ns;	   /* by which it has been moved, in all */
	unsigned attachments;	   /* of the bus at the import */
	bool configured;	   /* the client has, and the bulk endpoints are open */
	bool asked_64;		   /* the last URB was a GET_DESCRIPTOR of the device with 64 */
	struct msc_usbip_urb *urbs; /* under way */
	struct msc_usbip_urb *ended, **ended_tail; /* and those that have, in that order */
	size_t n_urbs, n_bytes;	   /* of both */
	const struct msc_log *log;
	msc_packet_fn *packet; /* sees its bus; or NULL */
	void *packet_user;
};

/* An URB of a client. Its data follows; the sender's, or room for the device's. */
struct msc_usbip_urb {
	struct bus_transfer bus;
	struct msc_usbip_export *on;
	struct msc_usbip_urb *next;
	uint32_t seqnum, flags;
	bool in;
	bool parked; /* on an endpoint that is not simulated: it never ends by itself */
	bool silent; /* the answer to its unlink says it all */
	uint8_t data[];
};

/* Starts the device; number is its place on the bus, from 1. Of the options: allow_writes, log, and
 * packet, which sees the bus from here on. On failure nothing is held. */
int msc_usbip_export_open(struct msc_usbip_export *, const char *target, unsigned number,
			  const struct msc_open_options *, struct msc_clock *,
			  struct msc_err *) MSC_MUST_CHECK;
void msc_usbip_export_close(struct msc_usbip_export *);

/* The cable is in. */
bool msc_usbip_export_attached(const struct msc_usbip_export *);
/* It was pulled since the device was imported, and nothing is under way any more. */
bool msc_usbip_export_lost(const struct msc_usbip_export *);

/* A client takes the device: port reset and SET_ADDRESS. false: it does not take an address. */
bool msc_usbip_export_import(struct msc_usbip_export *);
/* He has left: what is under way is taken back. */
void msc_usbip_export_release(struct msc_usbip_export *);

/* Takes the URB over. */
void msc_usbip_export_submit(struct msc_usbip_export *, struct msc_usbip_urb *);
/* Takes an URB back, as CMD_UNLINK has it; the status of the answer. */
uint32_t msc_usbip_export_unlink(struct msc_usbip_export *, uint32_t seqnum);
bool msc_usbip_export_has(const struct msc_usbip_export *, uint32_t seqnum);
/* The next one that has ended and is to be answered by *ret and its data; free() it. NULL: none. */
struct msc_usbip_urb *msc_usbip_export_next(struct msc_usbip_export *,
					    struct msc_usbip_return *ret);

/* Lets virtual time follow to now. MSC_E_INTERNAL: the model misused its hardware. */
int msc_usbip_export_follow(struct msc_usbip_export *, struct msc_err *) MSC_MUST_CHECK;
/* In real time, when something will happen in it next; MSC_NEVER: nothing by itself. */
int64_t msc_usbip_export_due(const struct msc_usbip_export *);

#endif
