/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes and addresses: those of hosts most often, and others between them, since what a device does at
 * a length or a place that nobody tried is not known. */
#include "soak/soak.h"

static const struct {
	uint32_t least, most, weight; /* blocks; how often */
} sizes[] = {
	{ 1, 1, 6 },	  { 2, 7, 4 },	    { 8, 8, 6 },	{ 9, 63, 2 },
	{ 16, 16, 3 },	  { 32, 32, 3 },    { 64, 64, 4 },	{ 65, 239, 2 },
	{ 128, 128, 3 },  { 240, 240, 6 },  { 256, 256, 2 },	{ 257, 1023, 2 },
	{ 512, 512, 2 },  { 1024, 1024, 2 }, { 1025, 2047, 1 }, { 2048, 2048, 2 },
};

uint32_t msc_soak_shorter(uint32_t blocks)
{
	if (blocks > MSC_SOAK_CHUNK && blocks / 2 < MSC_SOAK_CHUNK)
		return MSC_SOAK_CHUNK;
	return blocks > 1 ? blocks / 2 : 1;
}

uint32_t msc_soak_size(struct msc_rng *rng, uint32_t most)
{
	uint32_t sum = 0, at, i;

	for (i = 0; i < MSC_COUNT(sizes); i++)
		sum += sizes[i].most <= most ? sizes[i].weight : 0;
	at = msc_rng_below(rng, sum);
	for (i = 0; sizes[i].most > most || at >= sizes[i].weight; i++)
		at -= sizes[i].most <= most ? sizes[i].weight : 0;
	return sizes[i].least + msc_rng_below(rng, sizes[i].most - sizes[i].least + 1);
}

/* Aligned to its own size, to 64 KiB, to 4 KiB, or to nothing. */
uint64_t msc_soak_place(struct msc_rng *rng, uint64_t first, uint32_t range, uint32_t n)
{
	static const uint32_t steps[] = { 0, 128, 8, 1, 1 };
	uint32_t step = steps[msc_rng_below(rng, MSC_COUNT(steps))];
	uint64_t at = first + msc_rng_below(rng, range - n + 1);

	step = step ? step : n;
	at = at / step * step;
	return at < first ? first : at;
}

uint32_t msc_soak_blocks(uint64_t bytes, uint32_t block_size)
{
	uint64_t blocks = block_size ? bytes / 8 / block_size / 64 * 64 : 0;

	if (!bytes || blocks > MSC_SOAK_BLOCKS)
		return MSC_SOAK_BLOCKS;
	return blocks < MSC_SCRATCH_LEAST ? MSC_SCRATCH_LEAST : (uint32_t)blocks;
}
