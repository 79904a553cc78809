/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of the bus become transactions: a token, what follows it, a handshake; USB 2.0, 8.5.
 *
 *	IN    NAK                  the device has nothing: counted
 *	IN    DATA   ACK           moved, unless it is the packet before once more (8.6.4)
 *	IN    DATA                 the host did not take it: it is asked again, or there was no room
 *	OUT   DATA   ACK or NYET   moved
 *	OUT   DATA   NAK           counted, and sent again
 *	PING  NAK                  counted
 *	any          STALL
 *	any                        nobody is there
 *
 * Of a split transaction (8.4.2) the hub's answer to its start says nothing of the device; the answer
 * to its completion is the device's.
 */
#include "capture/bus.h"

#include <stdlib.h>
#include <string.h>

#include "wire/bytes.h"
#include "wire/packet.h"

#define LINES_MAX 64
#define TOKENS	  2048 /* address and endpoint: eleven bits */

enum split { SPLIT_NONE, SPLIT_START, SPLIT_COMPLETE };

/* One interface of the file: one place on a bus. */
struct line {
	uint32_t interface;
	enum msc_speed speed;
	uint8_t token; /* that awaits its answer; 0: none */
	bool data;     /* which came, and awaits its handshake */
	enum split split, next_split;
	struct pipe *pipe; /* whose token it was; NULL: nobody's */
	int64_t at_ns;	   /* of the token */
	struct pipe *by_token[2][TOKENS]; /* to the device, from it */
};

struct bus_reader {
	struct line *lines[LINES_MAX];
	size_t n_lines;
	uint8_t crc5[TOKENS];
};

/* ---- whose -------------------------------------------------------------------------------- */

static enum msc_speed speed_of(uint16_t link)
{
	switch (link) {
	case MSC_LINK_USB_LOW: return MSC_SPEED_LOW;
	case MSC_LINK_USB_FULL: return MSC_SPEED_FULL;
	case MSC_LINK_USB_HIGH: return MSC_SPEED_HIGH;
	default: return MSC_SPEED_UNKNOWN;
	}
}

static struct line *line_of(struct msc_capture *c, const struct msc_packet *p)
{
	struct bus_reader *r = c->bus;
	struct line *l;

	for (size_t i = 0; r && i < r->n_lines; i++)
		if (r->lines[i]->interface == p->interface)
			return r->lines[i];
	if (!r) {
		r = c->bus = calloc(1, sizeof *r);
		for (uint16_t i = 0; r && i < TOKENS; i++)
			r->crc5[i] = msc_crc5(i);
	}
	if (r && r->n_lines == LINES_MAX)
		return NULL;
	l = r ? calloc(1, sizeof *l) : NULL;
	if (!l) {
		c->no_memory = true;
		return NULL;
	}
	l->interface = p->interface;
	l->speed = speed_of(p->link);
	c->facts.sees_packets = true;
	return r->lines[r->n_lines++] = l;
}

static struct pipe *find_pipe(struct msc_capture *c, struct line *l, unsigned bits, bool in)
{
	uint8_t number = bits >> 7 & MSC_EP_NUMBER;
	uint8_t ep = number && in ? number | MSC_EP_IN : number;
	struct device *d = device_get(c, (uint16_t)l->interface, bits & 0x7f);
	struct pipe *p;

	if (!d)
		return NULL;
	if (d->speed == MSC_SPEED_UNKNOWN)
		d->speed = l->speed;
	p = d->pipes[pipe_of(ep)];
	if (!p) {
		p = d->pipes[pipe_of(ep)] = calloc(1, sizeof *p);
		if (!p) {
			c->no_memory = true;
			return NULL;
		}
		p->device = d;
		p->ep = ep;
		p->fresh = true;
		p->toggle = TOGGLE_UNKNOWN;
	}
	return l->by_token[in][bits] = p;
}

/* Packets are missing, and nobody can know whose. */
static void lost(struct msc_capture *c, const struct line *l)
{
	for (size_t i = 0; i < c->n_devices; i++)
		if (c->devices[i]->bus == (uint16_t)l->interface)
			device_lost(c->devices[i]);
}

/* ---- transactions ------------------------------------------------------------------------- */

/* A new token, and the one before has no end. */
static void unanswered(struct msc_capture *c, struct line *l)
{
	if (l->pipe && l->split == SPLIT_NONE)
		pipe_unanswered(c, l->pipe, l->token == MSC_PID_IN, l->data, l->at_ns);
	l->token = 0;
	l->data = false;
}

static void take_token(struct msc_capture *c, struct line *l, const struct msc_packet *p,
		       int64_t at_ns)
{
	unsigned word, bits;
	bool in = p->data[0] == MSC_PID_IN;

	if (l->token)
		unanswered(c, l);
	l->split = l->next_split;
	l->next_split = SPLIT_NONE;
	if (p->kept < MSC_TOKEN_LEN) {
		c->facts.cut++;
		return;
	}
	word = msc_get_le16(p->data + 1);
	bits = word & (TOKENS - 1);
	if (c->bus->crc5[bits] != word >> 11 || p->len != MSC_TOKEN_LEN) {
		c->facts.bad++;
		return;
	}
	l->token = p->data[0];
	l->at_ns = at_ns;
	l->pipe = l->by_token[in][bits];
	if (!l->pipe)
		l->pipe = find_pipe(c, l, bits, in);
	if (l->pipe)
		pipe_touch(c, l->pipe, at_ns);
}

static void take_data(struct msc_capture *c, struct line *l, const struct msc_packet *p,
		      int64_t at_ns)
{
	size_t len = p->len - MSC_DATA_EXTRA, kept = p->kept - 1 < len ? p->kept - 1 : len;
	struct pipe *pipe = l->pipe;

	if (!l->token) {
		lost(c, l);
		return;
	}
	if (!pipe || p->len < MSC_DATA_EXTRA)
		return;
	if (l->data) {
		device_lost(pipe->device);
		return;
	}
	if (len > MSC_PAYLOAD_MAX ||
	    (p->kept == p->len && msc_crc16(p->data + 1, len) != msc_get_le16(p->data + 1 + len))) {
		c->facts.bad++;
		return;
	}
	l->data = true;
	pipe_offer(c, pipe, p->data[0] == MSC_PID_DATA1, p->data + 1, len, kept);
	if (l->token == MSC_PID_IN &&
	    l->split == SPLIT_COMPLETE) { /* the hub has acknowledged it */
		pipe_moved(c, pipe, true, at_ns);
		l->token = 0;
		l->data = false;
	}
}

static void acknowledged(struct msc_capture *c, struct line *l, int64_t at_ns)
{
	struct pipe *p = l->pipe;
	bool in = l->token == MSC_PID_IN;

	if (l->token == MSC_PID_PING || l->split == SPLIT_START)
		return;
	if (!l->data &&
	    (in || l->split != SPLIT_COMPLETE)) { /* what is acknowledged was not seen */
		device_lost(p->device);
		return;
	}
	if (l->token == MSC_PID_SETUP)
		pipe_setup(c, p, at_ns);
	else
		pipe_moved(c, p, in, at_ns);
}

static void take_handshake(struct msc_capture *c, struct line *l, uint8_t pid, int64_t at_ns)
{
	struct pipe *p = l->pipe;

	if (!l->token) {
		lost(c, l);
		return;
	}
	if (p)
		p->silent = 0;
	if (p && p->unsure && (pid == MSC_PID_NAK || pid == MSC_PID_STALL)) {
		if (l->token == MSC_PID_IN) /* a device that has nothing more has seen the ACK */
			device_lost(p->device);
		p->unsure = false;
	}
	if (p && pid == MSC_PID_NAK) {
		if (l->split != SPLIT_START)
			p->naks++;
		c->facts.naks++;
	} else if (p && pid == MSC_PID_STALL) {
		pipe_stalled(c, p, at_ns);
	} else if (p && (pid == MSC_PID_ACK || (pid == MSC_PID_NYET && l->split == SPLIT_NONE))) {
		acknowledged(c, l, at_ns);
	}
	l->token = 0;
	l->data = false;
}

static void take_split(struct msc_capture *c, struct line *l, const struct msc_packet *p)
{
	if (l->token)
		unanswered(c, l);
	if (p->kept < MSC_SPLIT_LEN || p->len != MSC_SPLIT_LEN) {
		c->facts.bad++;
		return;
	}
	l->next_split = p->data[1] & 0x80 ? SPLIT_COMPLETE : SPLIT_START;
}

void bus_take(struct msc_capture *c, const struct msc_packet *p, int64_t at_ns)
{
	struct line *l =
		c->bus && c->bus->n_lines && c->bus->lines[0]->interface == p->interface ? c->bus->lines
												   [0]
											 : line_of(c,
												   p);

	if (!l)
		return;
	if (!p->kept) {
		c->facts.too_short++;
		return;
	}
	switch (p->data[0]) {
	case MSC_PID_IN:
	case MSC_PID_OUT:
	case MSC_PID_SETUP:
	case MSC_PID_PING: take_token(c, l, p, at_ns); break;
	case MSC_PID_NAK:
	case MSC_PID_ACK:
	case MSC_PID_STALL:
	case MSC_PID_NYET: take_handshake(c, l, p->data[0], at_ns); break;
	case MSC_PID_DATA0:
	case MSC_PID_DATA1:
	case MSC_PID_DATA2:
	case MSC_PID_MDATA: take_data(c, l, p, at_ns); break;
	case MSC_PID_SOF: c->facts.frames++; break;
	case MSC_PID_SPLIT: take_split(c, l, p); break;
	case MSC_PID_ERR: break;
	default: c->facts.bad++; break;
	}
}

void bus_end(struct msc_capture *c, int64_t at_ns)
{
	for (size_t i = 0; c->bus && i < c->n_devices; i++)
		for (unsigned n = 0; n < ENDPOINTS; n++) {
			struct pipe *p = c->devices[i]->pipes[n];

			if (p && p->active && at_ns - p->last_ns > PIPE_GAP_NS)
				pipe_left(c, p, at_ns);
		}
}

void pipe_free(struct pipe *p)
{
	free(p->data);
	free(p);
}

void bus_reader_free(struct bus_reader *r)
{
	for (size_t i = 0; r && i < r->n_lines; i++)
		free(r->lines[i]);
	free(r);
}
