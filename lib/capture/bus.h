/* SPDX-License-Identifier: BSD-2-Clause */
/* What passes over one endpoint of one device, seen from the bus; private to lib/capture. */
#ifndef MSC_CAPTURE_BUS_H
#define MSC_CAPTURE_BUS_H

#include "capture/internal.h"

enum { TOGGLE_UNKNOWN = 2 };

struct pipe {
	struct device *device;
	uint8_t ep;
	bool active;	 /* a transfer is under way */
	uint64_t number;
	int64_t began_ns, last_ns; /* first token; the newest */
	int64_t naks, naks_before; /* of the transfer; up to the packet before */
	int64_t asked_ns; /* the first token after the packet before */
	int64_t moved_ns; /* the packet before */
	int64_t quiet_ns; /* of the transfer, the longest between two tokens */
	bool fresh;	  /* there was none yet */
	uint8_t *data; /* what has moved; behind it the packet that is not acknowledged yet */
	size_t len, offered, room;
	size_t largest, last_len; /* packet that was seen; the one before */
	uint8_t toggle, offered_toggle; /* of the packet before; of that one */
	uint8_t unsure_toggle;
	bool cut;	 /* the file does not have all bytes */
	bool unsure; /* a packet came, and no handshake: it was refused, or the handshake is missing */
	bool lingers;	 /* bulk-out: the CSW has come, and it was not full yet */
	uint8_t silent;	 /* tokens without an answer, one after the other */
	enum { PIPE_IDLE, PIPE_DATA, PIPE_STATUS } stage; /* of a control transfer */
	struct msc_setup setup;
};

/* bus_transfer.c: what has happened to the transfer on this endpoint. */
void pipe_begin(struct msc_capture *, struct pipe *, int64_t at_ns);
void pipe_setup(struct msc_capture *, struct pipe *, int64_t at_ns); /* the offered packet is one */
void pipe_offer(struct msc_capture *, struct pipe *, uint8_t toggle, const uint8_t *, size_t len,
		size_t kept);
/* The offered packet was taken. */
void pipe_moved(struct msc_capture *, struct pipe *, bool in, int64_t at_ns);
void pipe_stalled(struct msc_capture *, struct pipe *, int64_t at_ns);
void pipe_unanswered(struct msc_capture *, struct pipe *, bool in, bool data, int64_t at_ns);
void pipe_end(struct msc_capture *, struct pipe *, enum msc_outcome, int64_t at_ns);
/* The host has turned to something else: what moved last was the end, or it gave the transfer up. */
void pipe_left(struct msc_capture *, struct pipe *, int64_t at_ns);

/* So long without a token to an endpoint that said NAK, and the host has stopped asking: a
 * controller that still wants the transfer asks at least once a frame. */
#define PIPE_GAP_NS INT64_C(20000000)

/* So long without a token, with others meanwhile, and the host has nothing more to send. */
#define PIPE_REST_NS INT64_C(2000000)

/* On the way to an endpoint that may have been left: inline, because it is most of what a bus that
 * says NAK is about. */
static inline void pipe_touch(struct msc_capture *c, struct pipe *p, int64_t at_ns)
{
	if (p->active && at_ns - p->last_ns > PIPE_GAP_NS && p->ep)
		pipe_left(c, p, at_ns);
	if (!p->active && p->ep)
		pipe_begin(c, p, at_ns);
	if (p->len && at_ns - p->last_ns > p->quiet_ns)
		p->quiet_ns = at_ns - p->last_ns;
	p->last_ns = at_ns;
	if (p->fresh) {
		p->fresh = false;
		p->asked_ns = at_ns;
	}
}

#endif
