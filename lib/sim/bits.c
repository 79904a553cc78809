/* SPDX-License-Identifier: BSD-2-Clause */
/* Bit times: see bits.h. */
#include "sim/bits.h"

#include "wire/bytes.h"

static const struct bit_costs full_speed = { 83333, 13, 8, 21, 5, 32 };
static const struct bit_costs high_speed = { 2083, 55, 36, 63, 23, 0 };

const struct bit_costs *bit_costs_of(enum msc_speed speed)
{
	return speed == MSC_SPEED_HIGH ? &high_speed : &full_speed;
}

/* Of the lowest `bits` of w, in the order of the wire; *run ones came before them. A run of ones is
 * looked at whole: there is a stuffed bit after every six of it. */
static unsigned count_stuffed(uint64_t w, unsigned bits, unsigned *run)
{
	unsigned stuffed = 0;

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

/* Eight bytes at a time: the run of ones that goes on from before, and the other runs, each of
 * which has one stuffed bit if it is of six ones or more. One of twelve or more is a rare guest. */
unsigned bit_stuffing(const uint8_t *data, size_t len)
{
	unsigned run = 0, stuffed = 0;
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t w = msc_get_le32(data + i) | (uint64_t)msc_get_le32(data + i + 4) << 32;
		uint64_t rest = w & (w + 1);	 /* without the ones that w begins with */
		uint64_t six = rest & rest >> 1; /* set where six begin, but first two, then four */
		unsigned begins;

		six &= six >> 2;
		six &= rest >> 4 & rest >> 5;
		if (~w == 0 || six & six >> 6) {
			stuffed += count_stuffed(w, 64, &run);
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
	for (; i < len; i++)
		stuffed += count_stuffed(data[i], 8, &run);
	return stuffed;
}
