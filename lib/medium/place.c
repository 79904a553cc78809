/* SPDX-License-Identifier: BSD-2-Clause */
/* Which blocks are written, and which may be hit. Arithmetic alone.
 *
 * The scratch range ends 64 blocks before the end of the medium. The last 33 blocks may hold the
 * second copy of a GUID partition table; before them is, on most media, the part of a MiB that
 * partitioning programs leave free because partitions begin and end on whole MiB. The mark lies there
 * too, away from the range, so that a write that goes on too far does not reach it.
 *
 * The probes find a medium that is smaller than it says. One is the last block, one lies before the
 * first partition, and the others above that one by every power of two: where such a medium drops
 * address bits, they are the same block. */
#include <stdio.h>
#include <string.h>

#include "medium/care.h"

#define TAIL_BLOCKS    64
#define MARK_IN_TAIL   9 /* or more, up to */
#define MARK_IN_TAIL_MOST 30
#define PAGE_BYTES     4096
#define PAGE_BLOCKS_MAX 8 /* some say that a block has a byte */
#define PROBE_FIRST    1984 /* between a partition table and the first MiB */
#define PROBE_STEP_MIN 2048

static void place_probes(struct msc_medium *m)
{
	uint64_t step = PROBE_STEP_MIN;

	if (m->first + m->blocks < m->capacity)
		m->probe[m->n_probes++] = m->capacity - 1;
	if (PROBE_FIRST + step >= m->first)
		return;
	m->probe[m->n_probes++] = PROBE_FIRST;
	for (; PROBE_FIRST + step < m->first && m->n_probes < CARE_PROBES_MAX; step *= 2)
		m->probe[m->n_probes++] = PROBE_FIRST + step;
}

/* As many as are asked for, up to half of the medium. */
static uint32_t scratch_blocks(const struct msc_medium *m)
{
	uint64_t room = m->capacity / 2 > TAIL_BLOCKS ? m->capacity / 2 - TAIL_BLOCKS : 0;
	uint32_t wanted = m->o.scratch < MSC_SCRATCH_MOST ? m->o.scratch : MSC_SCRATCH_MOST;

	if (wanted > room)
		wanted = (uint32_t)room;
	if (wanted > MSC_SCRATCH_LEAST)
		return wanted;
	return m->capacity < MSC_SCRATCH_LEAST ? (uint32_t)m->capacity : MSC_SCRATCH_LEAST;
}

uint32_t care_page(const struct msc_medium *m)
{
	uint32_t n = m->block_size < PAGE_BYTES ? PAGE_BYTES / m->block_size : 1;

	if (m->page)
		return m->page;
	return n < PAGE_BLOCKS_MAX ? n : PAGE_BLOCKS_MAX;
}

/* The block whose address has the most low bits set: a device that drops some of them when it reads gives
 * another block than this one. */
static uint64_t odd_block(uint64_t first, uint64_t last)
{
	uint64_t lba = last, better;

	for (unsigned bit = 1; bit < 64; bit++) {
		better = ((last + 1) >> bit << bit) - 1;
		if (better < first || better > last)
			break;
		lba = better;
	}
	return lba;
}

void care_place(struct msc_medium *m)
{
	if (!m->capacity)
		return;
	m->blocks = scratch_blocks(m);
	if (m->capacity >= 2 * ((uint64_t)m->blocks + TAIL_BLOCKS)) {
		m->first = m->capacity - TAIL_BLOCKS - m->blocks;
		m->mark = odd_block(m->first + m->blocks + MARK_IN_TAIL,
				    m->first + m->blocks + MARK_IN_TAIL_MOST);
		m->has_mark = true;
	} else {
		m->first = m->capacity - m->blocks;
		m->mark = m->first - 1;
		m->has_mark = m->first > 1;
	}
	place_probes(m);
}

void care_mark_fill(const struct msc_medium *m, uint8_t *block)
{
	char text[96];
	size_t len = (size_t)snprintf(text, sizeof text,
				      "mscope writes here, run %s; see its journal\n", m->nonce);

	for (size_t i = 0; i < m->block_size; i++)
		block[i] = (uint8_t)text[i % len];
}

/* The n-th part of the medium, and a place in it: never the scratch nor what is next to it. */
uint64_t care_print_place(const struct msc_medium *m, struct msc_rng *rng, uint32_t i, uint32_t n)
{
	uint64_t begin = m->capacity / n * i, len = m->capacity / n;

	if (i == 0 || !len)
		return 0;
	return begin +
	       (len > UINT32_MAX ? msc_rng_next(rng) % len : msc_rng_below(rng, (uint32_t)len));
}

/* ---- addresses in too few bits ---------------------------------------------------------------- */

/* The likeliest first: a device that handles its own capacity has at least so many bits. */
static const struct {
	uint64_t mask;
	bool bytes;
	const char *how;
} cuts[] = {
	{ UINT32_MAX, true, "the byte address is cut to 32 bits" },
	{ UINT32_MAX, false, "the block address is cut to 32 bits" },
	{ 0x7fffffff, true, "the byte address is cut to 31 bits" },
	{ 0xffffff, true, "the byte address is cut to 24 bits" },
	{ 0x7fffffff, false, "the block address is cut to 31 bits" },
	{ 0xfffffff, false, "the block address is cut to 28 bits" },
	{ 0xffffff, false, "the block address is cut to 24 bits" },
	{ 0xffff, false, "the block address is cut to 16 bits" },
	{ 0, false, "the address wraps around at the end of the medium" },
	{ 0, false, "the address wraps around at a power of two" },
};

const char *care_cut_text(unsigned ways, char *buf, size_t size)
{
	if (!ways)
		return "the address is not looked at";
	snprintf(buf, size, "%s%s", cuts[__builtin_ctz(ways)].how,
		 ways & (ways - 1) ? ", or otherwise so that the same blocks are meant" : "");
	return buf;
}

static uint64_t cut(const struct msc_medium *m, size_t i, uint64_t lba)
{
	uint64_t power = 1;

	if (cuts[i].bytes)
		return (lba * m->block_size & cuts[i].mask) / m->block_size;
	if (cuts[i].mask)
		return lba & cuts[i].mask;
	if (i + 1 < MSC_COUNT(cuts))
		return lba % m->capacity;
	while (power < m->capacity)
		power *= 2;
	return lba & (power - 1);
}

size_t care_images(const struct msc_medium *m, uint64_t lba, struct care_image out[CARE_IMAGES_MAX])
{
	size_t n = 0, at;

	for (size_t i = 0; i < MSC_COUNT(cuts); i++) {
		uint64_t image = cut(m, i, lba);

		if (image == lba || image >= m->capacity)
			continue;
		for (at = 0; at < n && out[at].lba != image;)
			at++;
		if (at == n)
			out[n++] = (struct care_image){ .lba = image };
		out[at].cuts |= 1u << i;
	}
	return n;
}
