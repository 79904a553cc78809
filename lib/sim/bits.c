/* SPDX-License-Identifier: BSD-2-Clause */
/* Bit times: see bits.h. */
#include "sim/bits.h"

#include "wire/bytes.h"

static const struct bit_costs full_speed = {83333, 13, 8, 21, 5, 32};
static const struct bit_costs high_speed = {2083, 55, 36, 63, 23, 0};

const struct bit_costs *bit_costs_of(enum msc_speed speed)
{
	return speed == MSC_SPEED_HIGH ? &high_speed : &full_speed;
}

static unsigned count_stuffed(const uint8_t *data, size_t len, unsigned *run)
{
	unsigned stuffed = 0;

	for (size_t k = 0; k < len; k++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			*run = data[k] >> bit & 1 ? *run + 1 : 0;
			if (*run == 6) {
				stuffed++;
				*run = 0;
			}
		}
	}
	return stuffed;
}

/* Bits are taken in the order of the wire. Eight bytes without six ones in a row, which is nearly
 * all of them, are passed over at once. */
unsigned bit_stuffing(const uint8_t *data, size_t len)
{
	unsigned run = 0, stuffed = 0;
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t w = msc_get_le32(data + i) | (uint64_t)msc_get_le32(data + i + 4) << 32;
		uint64_t runs = w & w >> 1; /* of two ones; then of four; then of six */

		runs &= runs >> 2;
		runs = runs & (w >> 4 & w >> 5);
		if (runs || ~w == 0 || run + (unsigned)__builtin_ctzll(~w) >= 6)
			stuffed += count_stuffed(data + i, 8, &run);
		else
			run = (unsigned)__builtin_clzll(~w);
	}
	return stuffed + count_stuffed(data + i, len - i, &run);
}
