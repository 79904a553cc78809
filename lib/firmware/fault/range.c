/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of one of two paths: what reaches past the end is refused on neither as it should be, or an address is
 * cut on one and not on the other; and the medium whose addresses begin again on both. */
#include "firmware/fault/fault.h"

#include <string.h>

static bool is_past_end(struct mcu *m, const struct msc_cbw *cbw)
{
	return msc_get_be32(cbw->cb + 2) + (uint64_t)msc_get_be16(cbw->cb + 7) >
	       card_blocks(m, cbw->h.lun);
}

ON_COMMAND(clip_read)
{
	uint64_t blocks = card_blocks(m, seen->h.lun), lba = msc_get_be32(seen->cb + 2);

	if (seen->cb[0] == MSC_OP_READ_10 && lba < blocks && is_past_end(m, seen))
		msc_put_be16(seen->cb + 7, (uint16_t)(blocks - lba));
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_read_past_clipped = {
	.id = "read-past-clipped",
	.title = "a read that reaches past the end gives the blocks that there are, and passes",
	.seen = DAPLINK_MSC ": USBD_MSC_MemoryRead",
	.caught_by = "scsi.lba.range",
	.mistake =
		"the medium is read as a file is, and less than asked for is no error: compare lba + "
		"blocks with the capacity first, and refuse with 5/21/00",
	.ops = {.command = clip_read},
};

/* state: the write under way goes nowhere. */
ON_COMMAND(past_end_taken)
{
	bool *lost = state;

	*lost = seen->cb[0] == MSC_OP_WRITE_10 && is_past_end(m, seen);
	if (*lost)
		msc_put_be32(seen->cb + 2, 0);
	return MUTANT_PASS;
}

ON_CARD_WRITE(past_end_lost)
{
	if (*(const bool *)state)
		*blocks = 0;
	return true;
}

const struct msc_fault msc_fault_write_past_passes = {
	.id = "write-past-passes",
	.title = "a write past the end passes and is thrown away",
	.seen = DAPLINK_MSC ": USBD_MSC_MemoryWrite, which halts bulk-out as well",
	.caught_by = "scsi.lba.range",
	.mistake =
		"what no branch of the write wants is dropped: compare lba + blocks with the capacity "
		"first, and refuse with 5/21/00",
	.needs_writes = true,
	.ops = { .state_size = sizeof(bool),
		 .command = past_end_taken,
		 .card_write = past_end_lost },
};

#define WRAP_BLOCKS 4096 /* address bits from there on are lost */

ON_ADDRESS(medium_wraps)
{
	return lba % WRAP_BLOCKS;
}

/* Something in the first block: an empty one shows nothing when it is only read. */
ON_CARD_READ(fill_first_block)
{
	uint64_t next = (lba + WRAP_BLOCKS - 1) / WRAP_BLOCKS * WRAP_BLOCKS;

	for (; next < lba + blocks; next += WRAP_BLOCKS)
		memcpy(data + (next - lba) * card_block_size(m, 0), "\xeb\x58\x90MSDOS5.0", 11);
	return true;
}

const struct msc_fault msc_fault_medium_wraps = {
	.id = "medium-wraps",
	.title = "the medium has a quarter of the blocks that it says, and begins again after them",
	.seen = "forged sticks, which f3 tells from whole ones: https://github.com/AltraMayor/f3",
	.caught_by = "scsi.medium.alias scsi.medium.repeats",
	.mistake = "the medium is smaller than it says and its address lines wrap",
	.target = "blocks=16384",
	.needs_writes = true,
	.ops = {.address = medium_wraps, .card_read = fill_first_block},
};

ON_ADDRESS(read_wraps)
{
	return writing ? lba : lba % WRAP_BLOCKS;
}

const struct msc_fault msc_fault_read_wraps = {
	.id = "read-wraps",
	.title = "a read begins again at block 0 behind a part of the medium, and a write does not",
	.caught_by = "scsi.write.readback",
	.mistake = "the address of a read is masked, or has fewer bits than that of a write",
	.target = "blocks=16384",
	.needs_writes = true,
	.ops = {.address = read_wraps},
};

ON_ADDRESS(write_wraps)
{
	return writing ? lba % WRAP_BLOCKS : lba;
}

const struct msc_fault msc_fault_write_wraps = {
	.id = "write-wraps",
	.title = "a write begins again at block 0 behind a part of the medium, and a read does not",
	.caught_by = "scsi.write.readback",
	.mistake = "the address of a write is masked, or has fewer bits than that of a read",
	.target = "blocks=16384",
	.needs_writes = true,
	.ops = {.address = write_wraps},
};
