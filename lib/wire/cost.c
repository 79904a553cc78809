/* SPDX-License-Identifier: BSD-2-Clause */
/* What packets cost on the wire: see cost.h. */
#include "wire/cost.h"

#include <math.h>

#include "base/clock.h"
#include "wire/bytes.h"

#define MBIT(n) .bit_ns = 1000.0 / (n), .bit_ps = 1000000 / (n)

static const struct msc_wire_cost full_speed = {
	MBIT(12), .frame_ns = MSC_MS,
	.data = 13, .handshake = 8, .setup = 21, .sof = 5, .isochronous = 9, .end_bits = 32,
};
/* A packet is 4 bytes of SYNC, what it holds, 1 of its end, and 11 of gap (table 5-10, 7.1.18.2): a SPLIT
 * holds 4 (8.4.2), a handshake 1. */
static const struct msc_wire_cost high_speed = {
	MBIT(480), .frame_ns = 125 * MSC_US, .data = 55,  .handshake = 36, .setup = 63,
	.sof = 23, .isochronous = 38,        .split = 20, .ack = 17,
};
/* USB 3.0: 5 Gbit/s in ten bits a byte; header packets and link commands reckoned as 40 bytes. The
 * simulator has no such bus. */
static const struct msc_wire_cost super_speed = {
	MBIT(4000), .frame_ns = 125 * MSC_US, .data = 40, .sof = 20,
};

const struct msc_wire_cost *msc_wire_cost(enum msc_speed speed)
{
	return speed == MSC_SPEED_SUPER  ? &super_speed
	       : speed == MSC_SPEED_HIGH ? &high_speed
					 : &full_speed;
}

double msc_packet_ns(enum msc_speed speed, double payload_bits)
{
	const struct msc_wire_cost *w = msc_wire_cost(speed);

	return (8.0 * w->data + payload_bits) * w->bit_ns;
}

double msc_packet_pace_ns(enum msc_speed speed, double payload_bits)
{
	const struct msc_wire_cost *w = msc_wire_cost(speed);
	double frame_ns = (double)w->frame_ns, room = frame_ns - 8.0 * w->sof * w->bit_ns;

	return frame_ns / floor(room / msc_packet_ns(speed, payload_bits));
}

/* Of the bits of w, in the order of the wire; *run ones came before them. A run of ones is looked at
 * whole: there is a stuffed bit after every six of it. */
static unsigned count_stuffed(uint64_t w, unsigned *run)
{
	unsigned bits = 64, stuffed = 0;

	while (bits) {
		unsigned ones = ~w ? (unsigned)__builtin_ctzll(~w) : 64, zeros;

		if (ones > bits)
			ones = bits;
		stuffed += (*run + ones) / 6;
		*run = (*run + ones) % 6;
		bits -= ones;
		if (!bits)
			break;
		w >>= ones;
		zeros = w ? (unsigned)__builtin_ctzll(w) : 64;
		if (zeros > bits)
			zeros = bits;
		*run = 0;
		bits -= zeros;
		w = zeros < 64 ? w >> zeros : 0;
	}
	return stuffed;
}

/* How many bits of a word are set, of few. */
static unsigned ones(uint64_t w)
{
	w -= w >> 1 & UINT64_C(0x5555555555555555);
	w = (w & UINT64_C(0x3333333333333333)) + (w >> 2 & UINT64_C(0x3333333333333333));
	w = (w + (w >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(w * UINT64_C(0x0101010101010101) >> 56);
}

/* Up to eight bytes in the order of the wire, and zeros behind them. */
static uint64_t word_of(const uint8_t *p, size_t len)
{
	uint64_t w = 0;

	if (len >= 8)
		return msc_get_le32(p) | (uint64_t)msc_get_le32(p + 4) << 32;
	while (len--)
		w = w << 8 | p[len];
	return w;
}

/* Eight bytes at a time: the run of ones that goes on from before, and the other runs, each of
 * which has one stuffed bit if it is of six ones or more. One of twelve or more is a rare guest. */
unsigned msc_stuffed_bits(const uint8_t *data, size_t len)
{
	unsigned run = 0, stuffed = 0;

	for (size_t i = 0; i < len; i += 8) {
		uint64_t w = word_of(data + i, len - i);
		uint64_t rest = w & (w + 1);	 /* without the ones that w begins with */
		uint64_t six = rest & rest >> 1; /* set where six begin, but first two, then four */
		unsigned begins;

		if (!w) {
			run = 0;
			continue;
		}
		six &= six >> 2;
		six &= rest >> 4 & rest >> 5;
		if (~w == 0 || six & six >> 6) {
			stuffed += count_stuffed(w, &run);
			continue;
		}
		begins = run + (unsigned)__builtin_ctzll(~w);
		if (begins >= 6)
			stuffed += begins / 6;
		if (six)
			stuffed += ones(six & ~(six << 1));
		run = (unsigned)__builtin_clzll(~w);
		if (run >= 6)
			run -= 6;
	}
	return stuffed;
}
