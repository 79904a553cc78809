/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes that scenarios write and look for. */
#include <string.h>

#include "scenario/plan.h"
#include "wire/bytes.h"

#define STAMP_MARK 0x5ca77e12

/* Every 16 bytes: the block's address and the place within the block, so that data from elsewhere,
 * or a packet too many or too few, cannot look right. */
static void stamp(uint8_t *buf, size_t len, uint64_t lba, uint32_t block_size)
{
	uint8_t words[MSC_STAMP_LEN];

	for (size_t i = 0; i < len; i += sizeof words) {
		size_t n = len - i < sizeof words ? len - i : sizeof words;

		msc_put_be64(words, lba + i / block_size);
		msc_put_be32(words + 8, (uint32_t)(i % block_size));
		msc_put_be32(words + 12, STAMP_MARK);
		memcpy(buf + i, words, n);
	}
}

bool msc_pattern_stamp(const uint8_t block[MSC_STAMP_LEN], uint64_t *lba)
{
	*lba = msc_get_be64(block);
	return !msc_get_be32(block + 8) && msc_get_be32(block + 12) == STAMP_MARK;
}

void msc_pattern_fill(enum msc_pattern pattern, uint8_t *buf, size_t len, uint64_t lba,
		      uint32_t block_size)
{
	switch (pattern) {
	case MSC_PATTERN_ZEROS: memset(buf, 0, len); break;
	case MSC_PATTERN_ONES: memset(buf, 0xff, len); break;
	case MSC_PATTERN_COUNTER:
		/* A prime period, so that it never falls in with packets or blocks. */
		for (size_t i = 0; i < len; i++)
			buf[i] = (uint8_t)(i % 251);
		break;
	case MSC_PATTERN_STAMPS: stamp(buf, len, lba, block_size ? block_size : 512); break;
	}
}
