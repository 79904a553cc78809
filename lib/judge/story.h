/* SPDX-License-Identifier: BSD-2-Clause */
/* What happened to data that is not as it should be: the story that a mismatch tells. */
#ifndef MSC_JUDGE_STORY_H
#define MSC_JUDGE_STORY_H

#include <stddef.h>
#include <stdint.h>

/* What is known beside the bytes; 0 where it is not. */
struct msc_story {
	uint64_t lba;	     /* of the first byte */
	uint32_t block_size; /* 0: the data is not of blocks */
	uint32_t packet;     /* wMaxPacketSize */
	const uint8_t *old;  /* `len` bytes: what was there before the write; NULL */
};

/* "blocks 3, 5, ... 9, each second one: zeros", "a packet of 64 bytes is missing at byte 128", "from byte
 * 7 on it is shifted by 1 byte", "block 4: the data of block 3", "only bits were cleared"; at least which blocks or bytes differ, and of
 * how many. Both are of `len` bytes. Returns buf; empty when nothing differs. */
char *msc_data_story(char *buf, size_t size, const uint8_t *got, const uint8_t *want, size_t len,
		     const struct msc_story *);

/* Two blocks answer for each other: how far apart that is, and what an address of how many bits makes
 * of it: "8388608 blocks apart, 4 GiB: a byte address of 32 bits". Returns buf. */
char *msc_distance_story(char *buf, size_t size, uint64_t a, uint64_t b, uint32_t block_size);

#endif
