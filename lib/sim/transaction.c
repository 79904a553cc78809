/* SPDX-License-Identifier: BSD-2-Clause */
/* One transaction: the token, what the device answers, and what becomes of the transfer. */
#include <string.h>

#include "sim/host.h"

static void plan_bulk(struct transaction *x, const struct endpoint *e, struct bus_transfer *t)
{
	x->token_ep = t->ep;
	x->toggle = e->toggle;
	if (t->ep & MSC_EP_IN) {
		x->kind = KIND_IN;
		return;
	}
	x->kind = e->ping ? KIND_PING : KIND_OUT;
	x->data = t->data + t->actual;
	x->len = t->len - t->actual < e->max_packet ? t->len - t->actual : e->max_packet;
}

/* It has a data stage, towards the host. */
static bool is_read(const struct bus_transfer *t)
{
	return t->setup.request_type & MSC_REQTYPE_IN && t->setup.length;
}

static void plan_control(struct transaction *x, const struct endpoint *e, struct bus_transfer *t)
{
	enum kind out = e->ping ? KIND_PING : KIND_OUT;
	bool in = is_read(t);

	x->toggle = e->toggle;
	switch (e->stage) {
	case STAGE_SETUP:
		x->kind = KIND_SETUP;
		x->setup = t->setup;
		break;
	case STAGE_DATA:
		x->kind = in ? KIND_IN : out;
		x->data = t->data + t->actual;
		x->len = t->len - t->actual < e->max_packet ? t->len - t->actual : e->max_packet;
		break;
	case STAGE_STATUS: /* the other way round, empty, DATA1: USB 2.0, 8.5.3 */
		x->kind = in ? out : KIND_IN;
		x->len = 0;
		break;
	}
	x->token_ep = x->kind == KIND_IN ? MSC_EP_IN : 0;
}

void transaction_token(const struct bus *b, struct transaction *x, unsigned index)
{
	const struct endpoint *e = &b->ep[index];

	x->index = index;
	x->address = b->address;
	x->data = NULL;
	x->len = 0;
	if (index)
		plan_bulk(x, e, e->head);
	else
		plan_control(x, e, e->head);
}

int64_t transaction_plan(struct bus *b, unsigned index)
{
	unsigned bits = 0, bytes = b->costs->handshake;

	transaction_token(b, &b->now, index);
	b->now.transfer = b->ep[index].head->number;
	b->now.reply = UDC_ACK;
	b->now.refused = b->now.dropped = false;

	if (udc_address(b->udc) != b->address) { /* nobody answers */
		b->now.reply = UDC_SILENT;
		return bytes_ns(b, bytes);
	}
	switch (b->now.kind) {
	case KIND_SETUP:
		bytes = b->costs->setup;
		break;
	case KIND_IN:
		b->now.reply = udc_in_token(b->udc, b->now.token_ep, &b->now.data, &b->now.len,
					    &b->now.toggle);
		if (b->now.reply == UDC_ACK) {
			bytes = b->costs->data + (unsigned)b->now.len;
			bits = msc_stuffed_bits(b->now.data, b->now.len);
			if (b->now.len)
				memcpy(b->now.in, b->now.data, b->now.len);
			b->now.data = b->now.in;
		}
		break;
	case KIND_OUT:
		b->now.reply = udc_out_room(b->udc, b->now.token_ep);
		bytes = b->costs->data + (unsigned)b->now.len;
		bits = msc_stuffed_bits(b->now.data, b->now.len);
		break;
	case KIND_PING:
		b->now.reply = udc_out_room(b->udc, b->now.token_ep);
		break;
	}
	return bytes_ns(b, bytes) + bits_ns(b, bits);
}

void bus_count(struct bus *b, int64_t began_ns)
{
	bool data = b->now.len && b->now.kind != KIND_PING && b->now.reply == UDC_ACK;

	bus_look_at(b, began_ns);
	b->in_frame += data;
}

void transfer_complete(void *arg)
{
	struct bus_transfer *t = arg;

	t->done = true;
	if (t->ended)
		t->ended(t, t->arg);
}

void transfer_end(struct bus *b, unsigned index, enum bus_outcome outcome)
{
	struct endpoint *e = &b->ep[index];
	struct bus_transfer *t = e->head;

	e->head = t->next;
	if (!e->head) {
		e->tail = NULL;
		b->pending &= ~(UINT32_C(1) << index);
	}
	e->parked = false;
	e->stage = STAGE_SETUP;
	t->next = NULL;
	t->outcome = outcome;
	t->ended_ns = sim_now(b->sim);
	t->seen_ns = t->ended_ns;
	if (outcome == BUS_CANCELLED || outcome == BUS_GONE) {
		transfer_complete(t);
		return;
	}
	t->seen_ns = host_seen(b, t->ended_ns) + b->host_ns;
	/* After an error the queue stands still until the driver has been told, and has had the time
	 * to take back what is queued behind. */
	if (outcome != BUS_DONE && index)
		e->poll_ns = t->seen_ns + 20 * MSC_US;
	sim_at(b->sim, t->seen_ns, transfer_complete, t);
}

static void park(struct bus *b, struct endpoint *e)
{
	e->head->naks++;
	e->parked = true;
	e->parked_ep = b->now.token_ep;
	e->poll_ns = sim_now(b->sim) + b->policy.poll_gap_ns;
	if (b->speed == MSC_SPEED_HIGH && (b->now.kind == KIND_OUT || b->now.kind == KIND_PING))
		e->ping = true;
}

void transaction_reach_device(struct bus *b)
{
	switch (b->now.kind) {
	case KIND_SETUP: udc_setup_packet(b->udc, &b->now.setup); break;
	case KIND_IN: udc_in_taken(b->udc, b->now.token_ep); break;
	case KIND_OUT:
		b->now.taken = udc_out_packet(b->udc, b->now.token_ep, b->now.toggle, b->now.data,
					      b->now.len);
		if (b->now.index || b->now.taken == UDC_NAK)
			b->now.reply = b->now.taken;
		break;
	case KIND_PING: break;
	}
}

/* A packet of the data stage or of bulk-in that is not a repetition and more than there is room for. */
static bool is_babble(const struct endpoint *e, const struct bus_transfer *t,
		      const struct transaction *x)
{
	size_t room = x->index || e->stage == STAGE_DATA ? t->len - t->actual : 0;

	return x->kind == KIND_IN && x->toggle == e->toggle &&
	       (x->len > room || (!x->index && x->len > e->max_packet));
}

static void took_in(struct bus *b, struct endpoint *e, struct bus_transfer *t,
		    const struct transaction *x)
{
	/* A packet with the wrong toggle is a repetition: acknowledged, and thrown away. */
	if (x->toggle != e->toggle)
		return;
	if (x->len)
		memcpy(t->data + t->actual, x->data, x->len);
	t->actual += x->len;
	t->packets++;
	e->toggle = !e->toggle;
	if (x->len < e->max_packet || t->actual == t->len) {
		bool stops = host_stops(b, e, t, x->len);

		transfer_end(b, x->index, BUS_DONE);
		if (stops)
			e->poll_ns = t->seen_ns;
	}
}

static void took_out(struct bus *b, struct endpoint *e, struct bus_transfer *t,
		     const struct transaction *x)
{
	e->toggle = !e->toggle;
	e->ping = x->taken == UDC_NYET && b->speed == MSC_SPEED_HIGH;
	t->actual += x->len;
	t->packets++;
	if (t->actual == t->len)
		transfer_end(b, x->index, BUS_DONE);
}

static void to_status(struct endpoint *e)
{
	e->stage = STAGE_STATUS;
	e->toggle = true; /* USB 2.0, 8.5.3 */
	e->ping = false;
}

/* A packet of the data stage towards the host, or the empty one of the status stage. */
static void took_control_in(struct bus *b, struct endpoint *e, struct bus_transfer *t,
			    const struct transaction *x)
{
	if (x->toggle != e->toggle) /* taken for a repetition: acknowledged, and thrown away */
		return;
	e->toggle = !e->toggle;
	if (e->stage == STAGE_STATUS) {
		if (t->setup.request_type == 0 && t->setup.request == MSC_STD_SET_ADDRESS)
			b->address = (uint8_t)t->setup.value; /* USB 2.0, 9.4.6 */
		transfer_end(b, 0, BUS_DONE);
		return;
	}
	if (x->len)
		memcpy(t->data + t->actual, x->data, x->len);
	t->actual += x->len;
	t->packets++;
	if (x->len < e->max_packet || t->actual == t->len)
		to_status(e);
}

static void took_control_out(struct bus *b, struct endpoint *e, struct bus_transfer *t,
			     const struct transaction *x)
{
	e->toggle = !e->toggle;
	e->ping = x->taken == UDC_NYET && b->speed == MSC_SPEED_HIGH;
	if (e->stage == STAGE_STATUS) {
		transfer_end(b, 0, BUS_DONE);
		return;
	}
	t->actual += x->len;
	t->packets++;
	if (t->actual == t->len)
		to_status(e);
}

static void took_control(struct bus *b, struct endpoint *e, struct bus_transfer *t,
			 const struct transaction *x)
{
	switch (x->kind) {
	case KIND_SETUP:
		e->toggle = true;
		e->ping = false;
		e->stage = t->setup.length ? STAGE_DATA : STAGE_STATUS;
		break;
	case KIND_IN: took_control_in(b, e, t, x); break;
	case KIND_OUT: took_control_out(b, e, t, x); break;
	case KIND_PING: e->ping = false; break;
	}
}

static void reach_host(struct bus *b, const struct transaction *x)
{
	struct endpoint *e = &b->ep[x->index];
	struct bus_transfer *t = e->head;

	if (x->index == 0)
		took_control(b, e, t, x);
	else if (x->kind == KIND_IN)
		took_in(b, e, t, x);
	else if (x->kind == KIND_PING)
		e->ping = false;
	else
		took_out(b, e, t, x);
}

void transaction_reach_host(struct bus *b, const struct transaction *x)
{
	struct endpoint *e = &b->ep[x->index];

	if (x->reply == UDC_STALL)
		transfer_end(b, x->index, BUS_STALL);
	else if (is_babble(e, e->head, x))
		transfer_end(b, x->index, BUS_BABBLE);
	else
		reach_host(b, x);
}

void transaction_finish(struct bus *b)
{
	struct endpoint *e = &b->ep[b->now.index];
	struct bus_transfer *t = e->head;

	b->now.active = false;
	b->now.dropped = !t || t->number != b->now.transfer;
	if (b->now.dropped) /* cancelled while its packet was on the wire */
		return;
	switch (b->now.reply) {
	case UDC_NAK:
		park(b, e);
		/* It may have become ready while it was saying no. */
		if (b->now.kind == KIND_IN) {
			const uint8_t *data;
			size_t len;
			bool toggle;

			if (udc_in_token(b->udc, b->now.token_ep, &data, &len, &toggle) != UDC_NAK)
				e->parked = false;
		} else if (udc_out_room(b->udc, b->now.token_ep) != UDC_NAK) {
			e->parked = false;
		}
		return;
	case UDC_STALL:
		transfer_end(b, b->now.index, BUS_STALL);
		return;
	case UDC_SILENT: /* and it would be silent twice more: EHCI 1.0, 4.15.1.1 */
		transfer_end(b, b->now.index, BUS_ERROR);
		return;
	case UDC_ACK:
	case UDC_NYET:
		break;
	}
	if (is_babble(e, t, &b->now)) {
		/* The host does not acknowledge it; the device still holds the packet. */
		b->now.refused = true;
		transfer_end(b, b->now.index, BUS_BABBLE);
		return;
	}
	transaction_reach_device(b);
	if (b->now.reply ==
	    UDC_NAK) /* its buffer was taken away while the packet was on the wire */
		park(b, e);
	else
		reach_host(b, &b->now);
}
