/* SPDX-License-Identifier: BSD-2-Clause */
/* What the blocks tell by which a medium is divided: partition tables, and the boot sectors of volumes. Sources:
 * UEFI 2.10, 5.2.1 (MBR), 5.3.2 and 5.3.3 (GPT); Microsoft's FAT32 specification 1.03, boot sector; its exFAT
 * specification, 3.1. All numbers are little-endian; addresses and lengths count blocks. */
#ifndef MSC_RECORD_PARTS_H
#define MSC_RECORD_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSC_SECTOR 512 /* bytes that any of them needs; what an MBR counts in, whatever the block */
#define MSC_PARTS_MAX 16

struct msc_part {
	uint64_t first, blocks;
	uint64_t base; /* of a table: what the next one is counted from */
	unsigned number; /* from 1; logical ones from 5; of a table: of the next logical one */
	bool table; /* it begins with a table of logical partitions */
};

/* What the tables tell that were read, as far as it was. */
struct msc_parts {
	struct msc_part list[MSC_PARTS_MAX]; /* in the order in which they were found */
	size_t count;
	uint64_t entries; /* where those of a GPT begin; 0: there is none */
	uint32_t entry_size, n_entries;
};

/* How many blocks the volume has that begins with these MSC_SECTOR bytes; 0: none does. */
uint64_t msc_boot_blocks(const uint8_t *sector, uint32_t block_size);
/* The entries of an MBR in use that stand for blocks, `first` as it is written; false: it is no such table. */
bool msc_mbr_entries(const uint8_t *sector, struct msc_part out[4], size_t *n);
/* The block in which the second header of a GPT is, by its first; 0: it is no such header. */
uint64_t msc_gpt_last(const uint8_t *header, size_t len);
/* The logical partition of the table that `part` begins with; false: there is none. */
bool msc_logical(const uint8_t *sector, const struct msc_part *part, struct msc_part *out);

/* After a READ of whole blocks. */
void msc_parts_follow(struct msc_parts *, uint64_t lba, const uint8_t *data, size_t len,
		      uint32_t block_size);
/* The one that begins there; NULL: none is known. */
const struct msc_part *msc_parts_at(const struct msc_parts *, uint64_t lba);

#endif
