/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of reading and writing: blocks that are refused, left out or mixed up, and a medium
 * that leaves. */
#include "firmware/fault/fault.h"

#include <string.h>

static bool is_blocks(const uint8_t *cb)
{
	return cb[0] == MSC_OP_READ_10 || cb[0] == MSC_OP_WRITE_10;
}

/* state: how many blocks there are, from the device's own answer. */
ON_DATA_IN(learn_blocks)
{
	if (fault_answers(v, MSC_OP_READ_CAPACITY_10, *len, MSC_CAPACITY_10_LEN))
		*(uint64_t *)state = (uint64_t)msc_get_be32(buf) + 1;
	return MUTANT_PASS;
}

/* -- bounds ----------------------------------------------------------------------------------- */

ON_COMMAND(lba_unchecked)
{
	uint64_t blocks = *(const uint64_t *)state;

	if (seen->cb[0] != MSC_OP_READ_10 && seen->cb[0] != MSC_OP_WRITE_10)
		return MUTANT_PASS;
	if (blocks && msc_get_be32(seen->cb + 2) + (uint64_t)msc_get_be16(seen->cb + 7) > blocks)
		msc_put_be32(seen->cb + 2, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_lba_unchecked = {
	.id = "lba-unchecked",
	.title = "the address of a read or write is not compared with the capacity",
	.seen = "field 17: https://github.com/zephyrproject-rtos/zephyr/pull/23240",
	.caught_by = "scsi.lba.range",
	.mistake =
		"first block and length are used as they come: compare both with the capacity, and "
		"refuse with 5/21/00",
	.ops = { .state_size = sizeof(uint64_t), .data_in = learn_blocks, .command = lba_unchecked },
};

ON_COMMAND(start_only)
{
	uint64_t blocks = *(const uint64_t *)state, lba = msc_get_be32(seen->cb + 2);
	uint16_t n = msc_get_be16(seen->cb + 7);

	if (is_blocks(seen->cb) && lba < blocks && n > blocks - lba)
		msc_put_be32(seen->cb + 2, n <= blocks ? (uint32_t)(blocks - n) : 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_lba_start_only = {
	.id = "lba-start-only",
	.title = "only the first block of a read or write is compared with the capacity",
	.seen = "field 17: " LUFA_SCSI ": SCSI_Command_ReadWrite_10",
	.caught_by = "scsi.lba.range",
	.mistake = "lba is compared and lba + blocks is not",
	.ops = {.state_size = sizeof(uint64_t), .data_in = learn_blocks, .command = start_only},
};

ON_COMMAND(verify_start_only)
{
	uint64_t blocks = *(const uint64_t *)state, lba = msc_get_be32(seen->cb + 2);

	if (seen->cb[0] == MSC_OP_VERIFY_10 && lba < blocks)
		msc_put_be16(seen->cb + 7, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_verify_start_only = {
	.id = "verify-start-only",
	.title = "only the first block of VERIFY(10) is compared with the capacity",
	.caught_by = "scsi.verify.range",
	.mistake = "lba is compared and lba + blocks is not",
	.ops = { .state_size = sizeof(uint64_t),
		 .data_in = learn_blocks,
		 .command = verify_start_only },
};

ON_COMMAND(sum_wraps)
{
	uint64_t blocks = *(const uint64_t *)state;
	uint32_t end = msc_get_be32(seen->cb + 2) + msc_get_be16(seen->cb + 7);

	/* the sum of both fits into the medium only because it has wrapped around */
	if (is_blocks(seen->cb) && end <= blocks && msc_get_be32(seen->cb + 2) >= blocks)
		msc_put_be32(seen->cb + 2, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_lba_wraps = {
	.id = "lba-wraps",
	.title = "the sum of first block and length is formed in 32 bits, and wraps around",
	.seen = CHERRYUSB_MSC ": SCSI_read10; " ST_MSC "usbd_msc_scsi.c: SCSI_CheckAddressRange",
	.caught_by = "scsi.lba.range",
	.mistake = "lba + blocks overflows 32 bits: compare blocks with count - lba",
	.ops = {.state_size = sizeof(uint64_t), .data_in = learn_blocks, .command = sum_wraps},
};

#define LAST_BLOCKS 8

ON_COMMAND(last_eight_refused)
{
	uint64_t blocks = *(const uint64_t *)state;
	uint64_t end = (uint64_t)msc_get_be32(seen->cb + 2) + msc_get_be16(seen->cb + 7);

	if (is_blocks(seen->cb) && msc_get_be16(seen->cb + 7) > 1 && end <= blocks &&
	    end + LAST_BLOCKS > blocks)
		msc_put_be32(seen->cb + 2, UINT32_MAX);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_last_eight_alone = {
	.id = "last-eight-alone",
	.title = "the last eight blocks can be read only one by one",
	.seen = "Linux quirk LAST_SECTOR_BUG, Kingston MobileLite: https://git.kernel.org/linus/2b142900784c",
	.caught_by = "scsi.lba.refused",
	.mistake =
		"a read ahead of whole buffers is held to the capacity as if the host had asked for it",
	.ops = { .state_size = sizeof(uint64_t),
		 .data_in = learn_blocks,
		 .command = last_eight_refused },
};

ON_COMMAND(last_refused)
{
	uint64_t blocks = *(const uint64_t *)state;
	uint16_t n = msc_get_be16(seen->cb + 7);

	if (is_blocks(seen->cb) && n > 1 && msc_get_be32(seen->cb + 2) + (uint64_t)n == blocks)
		msc_put_be32(seen->cb + 2, UINT32_MAX);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_last_block_alone = {
	.id = "last-block-alone",
	.title = "a read of several blocks that ends with the last one is refused",
	.seen = "Linux quirk LAST_SECTOR_BUG: " LINUX_STORAGE "scsiglue.c?h=v6.1.192",
	.caught_by = "scsi.lba.refused",
	.mistake =
		"lba + blocks is compared with the last block instead of with the number of "
		"blocks",
	.ops = {.state_size = sizeof(uint64_t), .data_in = learn_blocks, .command = last_refused},
};

ON_COMMAND(last_block_refused)
{
	uint64_t blocks = *(const uint64_t *)state;
	uint16_t n = msc_get_be16(seen->cb + 7);

	if ((is_blocks(seen->cb) || seen->cb[0] == MSC_OP_VERIFY_10) && n &&
	    msc_get_be32(seen->cb + 2) + (uint64_t)n == blocks)
		msc_put_be32(seen->cb + 2, UINT32_MAX);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_last_block_refused = {
	.id = "last-block-refused",
	.title = "the last block that the capacity has is refused, alone and behind others",
	.seen = "the last block, kept under the name of a count, asked about in "
		"https://github.com/insane-adding-machines/unicore-mx/issues/22",
	.caught_by = "scsi.lba.refused",
	.mistake =
		"the last block is taken for the number of blocks where an address is compared; or "
		"every address is one too high; or READ CAPACITY gives the number of blocks",
	.ops = { .state_size = sizeof(uint64_t),
		 .data_in = learn_blocks,
		 .command = last_block_refused },
};

ON_COMMAND(one_past_passes)
{
	uint64_t blocks = *(const uint64_t *)state;
	uint64_t end = (uint64_t)msc_get_be32(seen->cb + 2) + msc_get_be16(seen->cb + 7);

	if ((is_blocks(seen->cb) || seen->cb[0] == MSC_OP_VERIFY_10) && blocks && end == blocks + 1)
		msc_put_be32(seen->cb + 2, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_lba_one_past = {
	.id = "lba-one-past",
	.title = "the block behind the last one is not refused",
	.caught_by = "scsi.lba.range",
	.mistake = "the number of blocks is taken for the last one where an address is compared",
	.ops = { .state_size = sizeof(uint64_t),
		 .data_in = learn_blocks,
		 .command = one_past_passes },
};

ON_COMMAND(write_past_wraps)
{
	uint64_t blocks = *(const uint64_t *)state;
	uint32_t lba = msc_get_be32(seen->cb + 2);

	if (seen->cb[0] == MSC_OP_WRITE_10 && blocks && lba >= blocks)
		msc_put_be32(seen->cb + 2, (uint32_t)(lba % blocks));
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_write_past_wraps = {
	.id = "write-past-wraps",
	.title = "a write behind the last block is stored at the beginning of the medium",
	.caught_by = "scsi.write.elsewhere scsi.lba.range",
	.mistake =
		"the flash driver takes the block number modulo its size, and only the read compares it "
		"with the capacity",
	.needs_writes = true,
	.ops = { .state_size = sizeof(uint64_t),
		 .data_in = learn_blocks,
		 .command = write_past_wraps },
};

/* state: as learn_blocks, and the extent of the last READ or WRITE. */
ON_COMMAND(verify_stale)
{
	uint8_t *last = state;

	if (is_blocks(seen->cb))
		memcpy(last, seen->cb + 2, 7);
	else if (seen->cb[0] == MSC_OP_VERIFY_10 && last[6])
		memcpy(seen->cb + 2, last, 7);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_verify_stale = {
	.id = "verify-stale",
	.title = "VERIFY(10) checks the blocks of the read before it instead of its own",
	.seen = ST_MSC "usbd_msc_scsi.c: SCSI_Verify10",
	.caught_by = "scsi.verify.range",
	.mistake = "VERIFY uses what the read before it left in the state",
	.ops = {.state_size = 7, .command = verify_stale},
};

/* -- contents --------------------------------------------------------------------------------- */

/* state: the command under way has been shortened. */
ON_COMMAND(first_block_only)
{
	uint16_t n = msc_get_be16(seen->cb + 7);
	bool *shortened = state;

	*shortened = seen->cb[0] == MSC_OP_WRITE_10 && n > 1 && !fault_is_in(v) &&
		     seen->h.length == n * card_block_size(m, seen->h.lun) &&
		     msc_get_be32(seen->cb + 2) + (uint64_t)n <= card_blocks(m, seen->h.lun);
	if (*shortened)
		msc_put_be16(seen->cb + 7, 1);
	return MUTANT_PASS;
}

ON_CSW(write_was_whole)
{
	if (*(bool *)state && raw[CSW_STATUS] == MSC_CSW_PASSED)
		msc_put_le32(raw + CSW_RESIDUE, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_write_first_only = {
	.id = "write-first-only",
	.title = "of a write of several blocks only the first is stored, and the rest thrown away",
	.seen = "field 24: https://github.com/libopencm3/libopencm3/pull/1361; "
		"https://github.com/cherry-embedded/CherryUSB/commit/7fce26fb: one block of each "
		"buffer",
	.caught_by = "expect.data",
	.mistake = "the loop over blocks writes the first and throws away the rest",
	.needs_writes = true,
	.ops = {.state_size = sizeof(bool),
		.command = first_block_only,
		.csw = write_was_whole},
};

#define BAD_BLOCK 37

/* One piece of a READ fails, and those behind it do not. */
ON_CARD_READ(error_forgotten)
{
	uint32_t size = card_block_size(m, v->cbw.h.lun);

	if (lba > BAD_BLOCK || lba + blocks <= BAD_BLOCK || v->cbw.cb[0] != MSC_OP_READ_10)
		return true;
	memset(data + (BAD_BLOCK - lba) * size, 0, size);
	return msc_get_be16(v->cbw.cb + 7) > 1;
}

const struct msc_fault msc_fault_read_error_passed = {
	.id = "read-error-passed",
	.title =
		"of a READ of several blocks, one of which cannot be read, the status is that of the last",
	.seen = "https://github.com/ChibiOS/ChibiOS-Contrib/blob/7aae17b/os/various/lib_scsi.c: "
		"data_read_write10 does not look at what blkRead returns; "
		RT_THREAD_MSC ": _read_10 prints it, and goes on",
	.caught_by = "expect.value",
	.mistake =
		"the result of each piece takes the place of the one before, or is not looked at: keep "
		"the first error, and end the command with it",
	.ops = { .card_read = error_forgotten },
};

ON_CARD_READ(rest_of_block)
{
	uint32_t size = card_block_size(m, v->cbw.h.lun);

	for (uint32_t i = 0; size > 512 && i < blocks; i++)
		memset(data + (size_t)i * size + 512, 0, size - 512);
	return true;
}

const struct msc_fault msc_fault_block_512 = {
	.id = "block-512",
	.title = "512 bytes of each block are moved, although the capacity says that it is larger",
	.seen = "field 29: https://github.com/zephyrproject-rtos/zephyr/issues/57735",
	.caught_by = "scsi.write.readback",
	.mistake =
		"512 is written into the copy loop, and block_size is used for the capacity "
		"alone",
	.target = "block-size=2048,fill=noise",
	.needs_writes = true,
	.ops = {.card_read = rest_of_block},
};

ON_CSW(wp_ignored)
{
	uint32_t all = msc_get_be16(v->cbw.cb + 7) * card_block_size(m, v->cbw.h.lun);

	if (v->cbw.cb[0] == MSC_OP_WRITE_10 && raw[CSW_STATUS] == MSC_CSW_FAILED &&
	    !fault_is_in(v) && v->cbw.h.length == all) {
		raw[CSW_STATUS] = MSC_CSW_PASSED;
		msc_put_le32(raw + CSW_RESIDUE, 0);
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_wp_ignored = {
	.id = "wp-ignored",
	.title = "a write to a write-protected medium passes and writes nothing",
	.seen = MBED_MSC ": memoryWrite leaves the block out, and passes",
	.caught_by = "scsi.write.protect",
	.mistake = "a write to a protected medium returns success: fail it with 7/27/00",
	.needs_writes = true,
	.target = "wp=1",
	.ops = {.csw = wp_ignored},
};

/* -- the medium leaves by itself -------------------------------------------------------------- */

#define IDLE_NS MSC_S

struct leaving {
	int64_t synchronized_ns;
	enum { STAYS, WAITS, LEAVES, LEFT } now;
};

/* The firmware has no timer: it ejects when it hears of the host again. */
ON_COMMAND(note_idle)
{
	struct leaving *l = state;

	if (l->now == WAITS && mcu_now(m) - l->synchronized_ns > IDLE_NS) {
		memset(seen->cb, 0, sizeof seen->cb);
		seen->cb[0] = MSC_OP_START_STOP_UNIT;
		seen->cb[4] = MSC_START_LOEJ;
		l->now = LEAVES;
	} else if (l->now == LEFT && v->cbw.cb[0] != MSC_OP_REQUEST_SENSE) {
		l->now = STAYS;
	} else if (l->now == WAITS) {
		l->now = STAYS;
	}
	return MUTANT_PASS;
}

ON_CSW(note_synchronized)
{
	struct leaving *l = state;

	if (l->now == LEAVES) {
		raw[CSW_STATUS] = MSC_CSW_FAILED;
		l->now = LEFT;
	} else if (v->cbw.cb[0] == MSC_OP_SYNCHRONIZE_CACHE_10 &&
		   raw[CSW_STATUS] == MSC_CSW_PASSED) {
		l->synchronized_ns = mcu_now(m);
		l->now = WAITS;
	}
	return MUTANT_PASS;
}

/* Why the command failed for which the medium left. */
ON_DATA_IN(medium_left)
{
	struct leaving *l = state;

	if (l->now == LEFT && fault_answers(v, MSC_OP_REQUEST_SENSE, *len, 14)) {
		buf[2] = MSC_SENSE_NOT_READY;
		buf[12] = MSC_ASC_NO_MEDIUM;
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sync_ejects = {
	.id = "sync-ejects",
	.title = "the medium is ejected when no command follows SYNCHRONIZE CACHE for a second",
	.seen = "Linux quirk SENSE_AFTER_SYNC: " LINUX_UNUSUAL " (1949:0004)",
	.caught_by = "scsi.eject.idle",
	.mistake = "a pause after SYNCHRONIZE CACHE is taken for the end of the host's work",
	.ops = {.state_size = sizeof(struct leaving),
		.data_in = medium_left,
		.csw = note_synchronized,
		.command = note_idle},
};
