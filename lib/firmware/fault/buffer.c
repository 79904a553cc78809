/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of buffers on the way between endpoint and medium: a cache of the processor that does not see what a
 * DMA has moved, two buffers of which one is forgotten. */
#include "firmware/fault/fault.h"

#include <string.h>

#define LINE 32 /* bytes, of a Cortex-M7 */

/* state: the first line of the block that was written before. */
ON_CARD_DATA(stale_write)
{
	uint8_t *before = state, first[LINE];

	if (size < LINE)
		return;
	memcpy(first, block, LINE);
	memcpy(block, before, LINE);
	memcpy(before, first, LINE);
}

const struct msc_fault msc_fault_write_line_stale = {
	.id = "write-line-stale",
	.title = "the first 32 bytes of a block that is written are those of the block before it",
	.seen = "https://github.com/STMicroelectronics/stm32-mw-fatfs/issues/15: what was copied into the "
		"buffer is still in the cache when the DMA begins",
	.caught_by = "scsi.write.readback",
	.mistake = "the data cache is not cleaned between the copy into the buffer and the DMA",
	.needs_writes = true,
	.ops = {.state_size = LINE, .card_data = stale_write},
};

ON_CARD_DATA(second_lost)
{
	uint64_t first = msc_get_be32(v->cbw.cb + 2);

	if (fault_is_write(v) && lba > first && (lba - first) % 2)
		card_peek(m, slot, lba, block);
	(void)size;
}

const struct msc_fault msc_fault_write_alternate_lost = {
	.id = "write-alternate-lost",
	.title = "of a write of several blocks every second one is not stored",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.data",
	.mistake = "the completion of one of two buffers is not handled",
	.needs_writes = true,
	.ops = {.card_data = second_lost},
};
