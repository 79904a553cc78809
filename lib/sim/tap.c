/* SPDX-License-Identifier: BSD-2-Clause */
/* What passes on the bus, packet by packet: see bus_tap. */
#include "sim/transaction.h"
#include "wire/packet.h"

static const uint8_t handshakes[] = {
	[UDC_ACK] = MSC_PID_ACK, [UDC_NYET] = MSC_PID_NYET, [UDC_NAK] = MSC_PID_NAK, [UDC_STALL] = MSC_PID_STALL
};

void bus_tap(struct bus *b, bus_tap_fn *tap, void *user)
{
	b->tap = tap;
	b->tap_user = user;
}

static void token(struct bus *b, enum msc_pid pid, int64_t at_ns)
{
	unsigned number = b->now.token_ep & MSC_EP_NUMBER;
	uint8_t packet[MSC_TOKEN_LEN];

	msc_token_pack(packet, pid, (uint16_t)(b->now.address | number << 7));
	b->tap(b->tap_user, at_ns, packet, sizeof packet);
}

static void handshake(struct bus *b, uint8_t pid, int64_t at_ns)
{
	b->tap(b->tap_user, at_ns, &pid, 1);
}

static void data(struct bus *b, bool toggle, const uint8_t *bytes, size_t len, int64_t at_ns)
{
	uint8_t packet[MSC_PAYLOAD_MAX + MSC_DATA_EXTRA];

	b->tap(b->tap_user, at_ns, packet, msc_data_pack(packet, toggle, bytes, len));
}

/* The token at hand and what is sent with it; returns when the next packet may begin. */
static int64_t request(struct bus *b, int64_t at_ns)
{
	static const uint8_t pids[] = { [KIND_IN] = MSC_PID_IN,
					[KIND_OUT] = MSC_PID_OUT,
					[KIND_PING] = MSC_PID_PING,
					[KIND_SETUP] = MSC_PID_SETUP };
	int64_t packet_ns = bytes_ns(b, b->costs->sof);

	token(b, pids[b->now.kind], at_ns);
	if (b->now.kind == KIND_OUT || b->now.kind == KIND_SETUP) {
		uint8_t setup[MSC_SETUP_LEN];

		at_ns += packet_ns;
		if (b->now.kind == KIND_OUT) {
			data(b, b->now.toggle, b->now.data, b->now.len, at_ns);
		} else {
			msc_setup_pack(setup, &b->now.setup);
			data(b, false, setup, sizeof setup, at_ns);
		}
	}
	return at_ns + packet_ns;
}

static void tell(struct bus *b)
{
	int64_t at_ns, last_ns = b->now.ended_ns - bytes_ns(b, 2);

	if (b->now.reply == UDC_SILENT) {
		for (int i = 0; i < 3; i++)
			request(b, b->now.began_ns);
		return;
	}
	at_ns = request(b, b->now.began_ns);
	if (last_ns < at_ns)
		last_ns = at_ns;
	if (b->now.kind != KIND_IN || b->now.reply != UDC_ACK) {
		handshake(b, handshakes[b->now.reply], last_ns);
		return;
	}
	data(b, b->now.toggle, b->now.in, b->now.len, at_ns);
	if (!b->now.refused)
		handshake(b, MSC_PID_ACK, last_ns);
}

/* With the token that is due on that endpoint; what is at hand stays as it is. */
static void refuse(struct bus *b, unsigned index, int64_t at_ns)
{
	unsigned at_hand = b->now.index;
	uint8_t ep = b->now.token_ep;
	enum kind kind = b->now.kind;
	const uint8_t *bytes = b->now.data;
	size_t len = b->now.len;
	bool toggle = b->now.toggle;
	struct msc_setup setup = b->now.setup;

	transaction_token(b, &b->now, index);
	handshake(b, MSC_PID_NAK, request(b, at_ns));
	b->now.index = at_hand;
	b->now.token_ep = ep;
	b->now.kind = kind;
	b->now.data = bytes;
	b->now.len = len;
	b->now.toggle = toggle;
	b->now.setup = setup;
}

static int64_t in_order(struct bus *b, int64_t at_ns)
{
	return b->told_ns = at_ns < b->told_ns ? b->told_ns : at_ns;
}

void tap_transaction(struct bus *b)
{
	if (!b->now.dropped)
		tell(b);
	b->now.untold = false;
	b->told_ns = b->now.ended_ns;
	for (unsigned i = 0; i < b->n_polled; i++)
		if (b->ep[b->polled[i].index].head)
			refuse(b, b->polled[i].index, in_order(b, b->polled[i].at_ns));
	b->n_polled = 0;
}

/* Some may be counted for a time in which something else was on the wire: they come before it. */
void tap_polls(struct bus *b, unsigned index, int64_t at_ns, int64_t period_ns, int64_t count)
{
	for (; count > 0; count--, at_ns += period_ns)
		refuse(b, index,
		       in_order(b, b->now.untold && at_ns > b->now.began_ns ? b->now.began_ns
									    : at_ns));
}
