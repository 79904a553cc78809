/* SPDX-License-Identifier: BSD-2-Clause */
/* A head is 8 bytes of text, then seed, address, generation and a check of these, big-endian. The
 * eight bytes at any other place are one number of a generator that begins as the block's own. */
#include "medium/stamp.h"

#include <string.h>

#include "base/rng.h"
#include "wire/bytes.h"

#define TEXT "mscstamp"
#define WORD 8
#define STEP \
	UINT64_C(0x9e3779b97f4a7c15) /* of the generator, so that any number can be had by itself */

static uint64_t key_of(const struct msc_stamp *s)
{
	struct msc_rng r = { .state = s->seed ^ (s->lba << 32) ^ (s->lba >> 32) };

	r.state = msc_rng_next(&r) + s->generation;
	return msc_rng_next(&r);
}

static void make_head(const struct msc_stamp *s, uint64_t key, uint8_t head[MSC_STAMP_HEAD])
{
	memcpy(head, TEXT, WORD);
	msc_put_be64(head + 8, s->seed);
	msc_put_be64(head + 16, s->lba);
	msc_put_be32(head + 24, s->generation);
	msc_put_be32(head + 28, (uint32_t)key);
}

static void make_word(uint64_t key, size_t i, uint8_t word[WORD])
{
	struct msc_rng r = { .state = key + i * STEP };

	msc_put_be64(word, msc_rng_next(&r));
}

void msc_stamp_fill(const struct msc_stamp *s, uint8_t *block, size_t size)
{
	uint64_t key = key_of(s);
	size_t at = MSC_STAMP_HEAD, end = size - MSC_STAMP_HEAD;

	make_head(s, key, block);
	for (; at + WORD <= end; at += WORD)
		make_word(key, at / WORD, block + at);
	memset(block + at, 0, end - at);
	memcpy(block + end, block, MSC_STAMP_HEAD);
}

bool msc_stamp_read(const uint8_t *head, uint64_t seed, struct msc_stamp *s)
{
	uint8_t again[MSC_STAMP_HEAD];

	*s = (struct msc_stamp){ .seed = msc_get_be64(head + 8),
				 .lba = msc_get_be64(head + 16),
				 .generation = msc_get_be32(head + 24) };
	make_head(s, key_of(s), again);
	return s->seed == seed && !memcmp(head, again, sizeof again);
}

/* The byte at that place. */
static uint8_t byte_of(const struct msc_stamp *s, uint64_t key, size_t size, size_t at)
{
	uint8_t head[MSC_STAMP_HEAD], word[WORD];
	size_t end = size - MSC_STAMP_HEAD;

	if (at < MSC_STAMP_HEAD || at >= end) {
		make_head(s, key, head);
		return head[at < MSC_STAMP_HEAD ? at : at - end];
	}
	if (at / WORD * WORD + WORD > end)
		return 0;
	make_word(key, at / WORD, word);
	return word[at % WORD];
}

size_t msc_stamp_begin(const struct msc_stamp *s, const uint8_t *block, size_t size)
{
	uint64_t key = key_of(s);
	size_t n = 0;

	while (n < size && block[n] == byte_of(s, key, size, n))
		n++;
	return n;
}

size_t msc_stamp_end(const struct msc_stamp *s, const uint8_t *block, size_t size)
{
	uint64_t key = key_of(s);
	size_t n = 0;

	while (n < size && block[size - 1 - n] == byte_of(s, key, size, size - 1 - n))
		n++;
	return n;
}
