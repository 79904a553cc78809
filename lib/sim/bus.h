/* SPDX-License-Identifier: BSD-2-Clause */
/* One USB 2.0 port: the host controller on one side, a device controller (udc.h) on the other,
 * and between them tokens, data packets and handshakes that cost bit times.
 *
 * What is modelled: frames (1 ms at full speed) and microframes (125 us at high speed) with their
 * SOF, a transaction that is not begun unless it ends within the frame, data toggles on both
 * sides, NAK, STALL, short packets, babble, PING at high speed, bit stuffing from the real bytes,
 * and the host controller's policy (host.h): how soon it polls again after a NAK, when software learns
 * that a transfer has ended, where a short packet stops it. What is not: signalling errors, isochronous and interrupt
 * transfers of the device. A high-speed hub may be between the two (hub.h).
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

enum bus_hub {
	BUS_NO_HUB,    /* the device is on a root port */
	BUS_HUB_TT,    /* a high-speed hub that has one translator for all of its ports */
	BUS_HUB_TTS, /* one for each port: USB 2.0, 11.14.1 */
};
extern const char *const bus_hub_names[]; /* NULL-terminated, for a knob */

/* What each neighbour on the hub has, all of them the same. */
enum bus_neighbour {
	BUS_BULK, /* bulk-in packets of so many bytes as fast as they are taken; of none: it refuses, as
			    a serial adapter does that has nothing to say */
	BUS_INTERRUPT,	 /* one packet to the host in each frame; of none: it refuses */
	BUS_ISOCHRONOUS, /* one packet from the host in each frame, as to a loudspeaker */
};
extern const char *const bus_neighbour_names[]; /* NULL-terminated, for a knob */
enum { BUS_NEIGHBOURS_MAX = 6 };

/* The most that a neighbour may have in a packet: USB 2.0, 5.6.3, 5.7.3 and 5.8.3. */
unsigned bus_neighbour_most(enum bus_neighbour);
/* The share of each full-speed frame that so many neighbours take before anybody else, 0 to 1. No host
 * lets it be more than 0.9: USB 2.0, 5.6.4 and 5.7.4. */
double bus_periodic_share(enum bus_neighbour, unsigned neighbours, unsigned bytes);

/* The host: what is 0 is as most would have it. */
struct bus_config {
	enum bus_host host;
	int64_t host_ns; /* what its software needs from the controller's interrupt until it knows of an
			    end and has its next call ready */
	unsigned most_packets; /* with data in a frame or microframe; 0: as many as fit */
	int64_t moderation_ns; /* ehci: the interrupt threshold, 0: a microframe; xhci: so long between
				  interrupts; the others have none */
	int64_t reset_ns; /* how long it resets a port; 0: 10 ms, as a hub does */
	enum bus_hub hub; /* of a full-speed device on ehci or xhci */
	unsigned neighbours; /* on that hub, at most BUS_NEIGHBOURS_MAX */
	enum bus_neighbour neighbour;
	unsigned neighbour_bytes;
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
 * 7.1.7.6). Resuming takes 20 ms and 3 ms more (7.1.7.7); a port reset ends it too, and the
 * device is told of the reset alone. */
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
