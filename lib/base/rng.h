/* SPDX-License-Identifier: BSD-2-Clause */
/* A small seeded generator (splitmix64): the same seed gives the same run on every machine. */
#ifndef MSC_BASE_RNG_H
#define MSC_BASE_RNG_H

#include <stdint.h>

struct msc_rng {
	uint64_t state;
};

static inline uint64_t msc_rng_next(struct msc_rng *r)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 <= result < n; n > 0. The bias of the remainder is below 2^-32 for the n used here. */
static inline uint32_t msc_rng_below(struct msc_rng *r, uint32_t n)
{
	return (uint32_t)(((msc_rng_next(r) >> 32) * n) >> 32);
}

#endif
