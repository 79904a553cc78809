/* SPDX-License-Identifier: BSD-2-Clause */
/* One USB 2.0 port: the host controller on one side, a device controller (udc.h) on the other,
 * and between them tokens, data packets and handshakes that cost bit times.
 *
 * What is modelled: frames (1 ms at full speed) and microframes (125 us at high speed) with their
 * SOF, a transaction that is not begun unless it ends within the frame, data toggles on both
 * sides, NAK, STALL, short packets, babble, PING at high speed, bit stuffing from the real bytes,
 * and the host controller's policy (host.h): how soon it polls again after a NAK, when software learns
 * that a transfer has ended, where a short packet stops it. What is not: signalling errors, hubs, isochronous and interrupt
 * transfers.
 *
 * A device that is not ready answers NAK. The polls that it refuses are counted when it becomes
 * ready, from the policy's polling period, not stepped one by one.
 */
#ifndef MSC_SIM_BUS_H
#define MSC_SIM_BUS_H

#include <stddef.h>

#include "sim/sim.h"
#include "wire/usb.h"

struct bus;
struct udc;

enum bus_host { BUS_HOST_UHCI, BUS_HOST_OHCI, BUS_HOST_EHCI, BUS_HOST_XHCI };
extern const char *const bus_host_names[]; /* NULL-terminated, for a knob */
/* Controllers of USB 1.1 have no high speed. */
bool bus_host_full_speed_only(enum bus_host);

/* The host: what is 0 is as most would have it. */
struct bus_config {
	enum bus_host host;
	int64_t host_ns; /* what its software needs from the controller's interrupt until it knows of an
			    end and has its next call ready */
	unsigned most_packets; /* with data in a frame or microframe; 0: as many as fit */
	int64_t moderation_ns; /* ehci: the interrupt threshold, 0: a microframe; xhci: so long between
				  interrupts; the others have none */
	int64_t reset_ns; /* how long it resets a port; 0: 10 ms, as a hub does */
};

enum bus_outcome {
	BUS_DONE,      /* all of it, or a short packet ended it */
	BUS_STALL,     /* the endpoint is halted, or refused a control request */
	BUS_BABBLE,    /* the device sent more than there was room for */
	BUS_ERROR,     /* no answer at all, three times: the endpoint does not exist */
	BUS_CANCELLED, /* bus_cancel; also everything pending at a port reset */
	BUS_GONE,      /* the device is no longer attached */
};

struct bus_transfer {
	/* set by the submitter; must stay until done */
	uint8_t ep; /* bEndpointAddress; 0: a control transfer described by setup */
	struct msc_setup setup;
	uint8_t *data;
	size_t len;
	/* optional: called as soon as it is done, with `done` set; it may submit the next one, but not
	 * after BUS_CANCELLED or BUS_GONE */
	void (*ended)(struct bus_transfer *, void *arg);
	void *arg;
	/* set by the bus */
	bool done;
	enum bus_outcome outcome;
	size_t actual;	   /* bytes moved, up to len */
	uint64_t naks;	   /* NAK handshakes that this transfer received */
	uint64_t packets;  /* data packets that were acknowledged */
	int64_t began_ns;  /* first token on the bus; 0 until then */
	int64_t ended_ns;  /* last handshake on the bus */
	int64_t seen_ns;   /* when software learned of it: the host controller's policy */
	struct bus_transfer *next; /* the bus's own */
	uint64_t number;	   /* the same: addresses are used again */
};

struct bus *bus_new(struct sim *, struct udc *, enum msc_speed, const struct bus_config *);
void bus_free(struct bus *);

/* Every packet by itself from now on, with the same outcome: what tests compare bursts with (burst.h). */
void bus_one_by_one(struct bus *);

/* Queues a transfer on its endpoint; those of one endpoint run in order. */
void bus_submit(struct bus *, struct bus_transfer *);

/* Takes a transfer off the bus; it is done when this returns. */
void bus_cancel(struct bus *, struct bus_transfer *);

/* The host's side of an endpoint forgets its toggle: USB 2.0, 9.4.5, with CLEAR_FEATURE. */
void bus_reset_toggle(struct bus *, uint8_t ep);

/* bMaxPacketSize0 or wMaxPacketSize, as the host has read it; 0: the endpoint does not exist. */
void bus_open_endpoint(struct bus *, uint8_t ep, uint16_t max_packet);

/* The address that tokens carry from now on. It follows a SET_ADDRESS that succeeds, and is 0 after a
 * port reset, by itself. */
void bus_set_address(struct bus *, uint8_t address);

/* Drives SE0 for reset_ns: everything pending ends as cancelled, both sides forget toggles and halts,
 * and the device is unconfigured. A hub takes 10 ms or more, a root port 50 (USB 2.0, 7.1.7.5, TDRST and
 * TDRSTR). Time has passed when this returns, the 10 ms of recovery behind it included (TRSTRCY). */
void bus_port_reset(struct bus *);

/* The cable is pulled: everything ends as BUS_GONE, now and from now on. */
void bus_detach(struct bus *);
bool bus_attached(const struct bus *);
/* It is plugged in again: unconfigured, and waiting for a port reset. */
void bus_attach(struct bus *);
unsigned bus_attachments(const struct bus *); /* how often it was; 1 at first */

/* No traffic, not even SOF: what is pending stays pending. The device notices after 3 ms (USB 2.0,
 * 7.1.7.6). Resuming takes 20 ms and 3 ms more (7.1.7.7); a port reset also ends it. */
void bus_suspend(struct bus *);
void bus_resume(struct bus *);
/* It is about to be suspended or detached: no transaction begins until it is. */
void bus_hold(struct bus *);

enum msc_speed bus_speed(const struct bus *);
int64_t bus_frame_ns(const struct bus *); /* 1 ms, or 125 us */

/* Every packet that passes, from the PID to the CRC, as an analyser would see it: polls that the device
 * refuses too, each of those that are counted. SOFs are not told. Times never go back. */
typedef void bus_tap_fn(void *user, int64_t at_ns, const uint8_t *packet, size_t len);
void bus_tap(struct bus *, bus_tap_fn *, void *user);

#endif
