/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks that say what they are: of which address, of which writing, of which run. What is read
 * somewhere else, later than it should be or only in part is known by them. Head and tail name the
 * block, and what lies between follows from these and is found nowhere else. */
#ifndef MSC_MEDIUM_STAMP_H
#define MSC_MEDIUM_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSC_STAMP_HEAD 32  /* bytes of head and of tail */
#define MSC_STAMP_LEAST 128 /* bytes of a block that can carry one */

struct msc_stamp {
	uint64_t seed, lba;
	uint32_t generation; /* of the run's writes, from 1 on */
};

void msc_stamp_fill(const struct msc_stamp *, uint8_t *block, size_t size);
/* What a head or a tail says: MSC_STAMP_HEAD bytes. false: it is none of that seed. */
bool msc_stamp_read(const uint8_t *head, uint64_t seed, struct msc_stamp *);
/* The bytes of the block that are as they would be filled, from its beginning or up to its end. */
size_t msc_stamp_begin(const struct msc_stamp *, const uint8_t *block, size_t size);
size_t msc_stamp_end(const struct msc_stamp *, const uint8_t *block, size_t size);

#endif
