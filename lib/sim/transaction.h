/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the bus, shared by its two halves; private to sim/.
 *
 *	bus.c          queues, the schedule of frames
 *	host.c         the host controller's policy
 *	burst.c        packets that are alike, many at a time
 *	transaction.c  what the device answers to one token, and what then becomes of the transfer
 *	tap.c          the same as packets, for who listens
 *	hub.c          instead of the schedule: the wire on the other side of a hub
 *	translator.c   in it, what turns one into the other
 */
#ifndef MSC_SIM_TRANSACTION_H
#define MSC_SIM_TRANSACTION_H

#include "sim/bus.h"
#include "sim/udc.h"
#include "wire/cost.h"

struct policy { /* of a host controller: see host.c */
	int64_t poll_gap_ns;  /* between a NAK and the next token to that endpoint */
	int64_t seen_grid_ns; /* the boundary at which a finished transfer is reported; 0: at once */
	int64_t moderation_ns; /* the least between two interrupts */
	size_t descriptor; /* bytes of one, in which a short packet stops the queue unless it is the last
			      of its transfer; 1: a packet; 0: none does */
	unsigned most_packets; /* with data in a frame; 0: as many as fit */
};

enum { ENDPOINTS = 31 }; /* 0: control; 1..15 OUT; 16..30 IN */

enum stage { STAGE_SETUP, STAGE_DATA, STAGE_STATUS };

struct endpoint {
	struct bus_transfer *head, *tail;
	uint16_t max_packet;
	bool toggle;	   /* of the next packet */
	bool ping;	   /* high speed OUT: ask first, USB 2.0, 8.5.1 */
	bool parked;	   /* the device said NAK; it will say when it is ready */
	uint8_t parked_ep; /* where: endpoint 0 is polled either way */
	int64_t poll_ns;   /* not before this: after a NAK, or after a STALL */
	enum stage stage;  /* of the control transfer at the head */
};

enum kind { KIND_IN, KIND_OUT, KIND_PING, KIND_SETUP };

/* One on the wire of the device. */
struct transaction {
	bool active;
	unsigned index;
	uint64_t transfer; /* whose it is, unless cancelled by then */
	uint8_t token_ep;
	enum kind kind;
	enum udc_reply reply;
	enum udc_reply
		taken; /* what the device said to the data that it got; endpoint 0 shows an ACK */
	const uint8_t *data;
	size_t len;
	bool toggle;
	bool untold;  /* the tap has not seen it yet */
	bool refused; /* the host did not acknowledge what came */
	bool dropped; /* its transfer was cancelled while it was on the wire */
	uint8_t address;
	struct msc_setup setup;
	int64_t began_ns, ended_ns; /* of it alone */
	uint8_t in[1024]; /* an IN packet is on the wire whatever becomes of its buffer */
};

struct bus {
	struct sim *sim;
	struct udc *udc;
	enum msc_speed speed;
	struct policy policy;
	int64_t interrupt_ns; /* the newest, or the next, where they are moderated */
	int64_t reset_ns;
	int64_t host_ns; /* from there until the software above knows, and can call again */
	const struct msc_wire_cost *costs;
	int64_t frame_ns, first_ns, last_ns; /* its length; between which packets may be in it */
	bool detached, resetting, suspended, held;
	bool one_by_one; /* no bursts */
	struct hub *hub; /* between the host and the device; NULL: none */
	bool told; /* the device knows that it is suspended */
	unsigned attachments;
	int64_t silent_ns, resumed_ns; /* when the device notices; when resuming is over */
	struct endpoint ep[ENDPOINTS];
	uint32_t pending; /* a bit for each endpoint that has a transfer */
	unsigned turn; /* round robin */
	int64_t frame_began_ns; /* of the frame that was looked at last */
	unsigned in_frame; /* packets with data in it */
	int64_t wake_ns; /* the earliest queued wake event; MSC_NEVER: none */
	struct transaction now;
	uint64_t submitted; /* transfers so far */
	uint8_t address;    /* that the host sends to; the device has its own */
	bus_tap_fn *tap; /* or NULL */
	void *tap_user;
	int64_t told_ns; /* the newest packet that it was told */
	struct {
		unsigned index;
		int64_t at_ns;
	} polled[ENDPOINTS]; /* in the shadow of the transaction at hand: told after it */
	unsigned n_polled;
};

static inline int64_t bits_ns(const struct bus *b, uint64_t bits)
{
	return (int64_t)((bits * (uint64_t)b->costs->bit_ps + 999) / 1000);
}

static inline int64_t bytes_ns(const struct bus *b, uint64_t bytes)
{
	return bits_ns(b, 8 * bytes);
}

/* Nothing may begin on any wire. */
static inline bool bus_stands(const struct bus *b)
{
	return b->detached || b->resetting || b->suspended || b->held;
}

static inline void bus_look_at(struct bus *b, int64_t t)
{
	if (t - b->frame_began_ns < b->frame_ns)
		return;
	b->frame_began_ns = t - t % b->frame_ns;
	b->in_frame = 0;
}

/* The first instant at or after t at which a transaction of dur may begin: it ends in the frame, which
 * has not had all its packets. */
static inline int64_t bus_slot(struct bus *b, int64_t t, int64_t dur)
{
	int64_t start;

	bus_look_at(b, t);
	start = b->frame_began_ns;
	if (t < start + b->first_ns)
		t = start + b->first_ns;
	if (t + dur > start + b->last_ns ||
	    (b->policy.most_packets && b->in_frame >= b->policy.most_packets))
		t = start + b->frame_ns + b->first_ns;
	return t;
}

/* Which token comes next for an endpoint, and with what data: its transfer is at the head. */
void transaction_token(const struct bus *, struct transaction *, unsigned index);

/* Tells of the transaction that has ended, and of the polls in its shadow; of polls that were refused,
 * `count` of them, a period apart. */
void tap_transaction(struct bus *);
void tap_polls(struct bus *, unsigned index, int64_t at_ns, int64_t period_ns, int64_t count);

/* Decides what happens in the next transaction of an endpoint; returns its duration, ns. */
int64_t transaction_plan(struct bus *, unsigned index);

/* The planned one begins then: where it carries data it counts as one of its frame's. */
void bus_count(struct bus *, int64_t began_ns);

/* The planned transaction has ended, and takes effect. */
void transaction_finish(struct bus *);

/* The two halves of that, for a wire that does not end at the host (hub.h). The device has what came to
 * it, or hears that what it sent has arrived: bus.now. Its reply may be a NAK after all. */
void transaction_reach_device(struct bus *);
/* The host learns of one that was acknowledged or stalled; its transfer is still at the head. */
void transaction_reach_host(struct bus *, const struct transaction *);

/* The transfer at the head of an endpoint's queue has ended on the wire: it leaves the queue, and is
 * complete when the host's software learns of it. */
void transfer_end(struct bus *, unsigned index, enum bus_outcome);
void transfer_complete(void *transfer);

#endif
