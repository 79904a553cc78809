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

/* Eight bytes without six ones in a row, which is nearly all of them, are passed over at once. */
unsigned bit_stuffing(const uint8_t *data, size_t len)
{
	unsigned run = 0, stuffed = 0;
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t w = msc_get_le32(data + i) | (uint64_t)msc_get_le32(data + i + 4) << 32;
		uint64_t runs = w & w >> 1; /* of two ones; then of four; then of six */

		runs &= runs >> 2;
		runs = runs & (w >> 4 & w >> 5);
		if (runs || run + (unsigned)__builtin_ctzll(~w) >= 6)
			stuffed += count_stuffed(w, 64, &run);
		else
			run = (unsigned)__builtin_clzll(~w);
	}
	for (; i < len; i++)
		stuffed += count_stuffed(data[i], 8, &run);
	return stuffed;
}
