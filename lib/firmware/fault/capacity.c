/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a firmware that believes its medium to be smaller than it is: every answer about the size
 * agrees with every other, and what lies beyond is refused. Only what is on the medium tells. */
#include "firmware/fault/fault.h"

#include <string.h>

/* Every answer that tells a size, from one function of the true number of blocks. state: how many the
 * firmware believes in; 0: nobody has asked yet. */
static enum mutant_verdict tell(const struct mutant_view *v, uint8_t *buf, size_t len, void *state,
				uint64_t (*believed)(uint64_t blocks))
{
	uint64_t blocks;

	if (fault_answers(v, MSC_OP_READ_CAPACITY_10, len, MSC_CAPACITY_10_LEN)) {
		blocks = believed((uint64_t)msc_get_be32(buf) + 1);
		msc_put_be32(buf, (uint32_t)(blocks - 1));
	} else if (fault_answers(v, MSC_OP_SERVICE_ACTION_IN_16, len, 8)) {
		blocks = believed(msc_get_be64(buf) + 1);
		msc_put_be64(buf, blocks - 1);
	} else if (fault_answers(v, MSC_OP_READ_FORMAT_CAPACITIES, len, 8)) {
		blocks = believed(msc_get_be32(buf + 4));
		msc_put_be32(buf + 4, (uint32_t)blocks);
	} else {
		return MUTANT_PASS;
	}
	*(uint64_t *)state = blocks;
	return MUTANT_PASS;
}

/* Which blocks a READ, WRITE or VERIFY is about. */
static bool is_about(const uint8_t *cb, uint64_t *lba, uint32_t *blocks)
{
	switch (cb[0]) {
	case MSC_OP_READ_6:
	case MSC_OP_WRITE_6:
		*lba = msc_get_be24(cb + 1) & 0x1fffff;
		*blocks = cb[4] ? cb[4] : 256;
		return true;
	case MSC_OP_READ_10:
	case MSC_OP_WRITE_10:
	case MSC_OP_VERIFY_10:
		*lba = msc_get_be32(cb + 2);
		*blocks = msc_get_be16(cb + 7);
		return true;
	case MSC_OP_READ_12:
	case MSC_OP_WRITE_12:
	case MSC_OP_VERIFY_12:
		*lba = msc_get_be32(cb + 2);
		*blocks = msc_get_be32(cb + 6);
		return true;
	case MSC_OP_READ_16:
	case MSC_OP_WRITE_16:
	case MSC_OP_VERIFY_16:
		*lba = msc_get_be64(cb + 2);
		*blocks = msc_get_be32(cb + 10);
		return true;
	default:
		return false;
	}
}

/* What ends beyond what the firmware believes in is refused as what lies beyond the medium is: its
 * address becomes one that no medium has. The short forms cannot hold one. */
ON_COMMAND(refuse_beyond)
{
	uint64_t blocks = *(const uint64_t *)state, lba;
	uint8_t *cb = seen->cb;
	uint32_t n;

	if (!blocks || !is_about(cb, &lba, &n) || (lba < blocks && n <= blocks - lba))
		return MUTANT_PASS;
	if (cb[0] == MSC_OP_READ_6 || cb[0] == MSC_OP_WRITE_6) {
		cb[0] = cb[0] == MSC_OP_READ_6 ? MSC_OP_READ_10 : MSC_OP_WRITE_10;
		seen->h.cb_length = 10;
		memset(cb + 1, 0, 9);
		msc_put_be16(cb + 7, (uint16_t)n);
	}
	memset(cb + 2, 0xff, 4);
	return MUTANT_PASS;
}

static uint64_t half(uint64_t blocks)
{
	return blocks / 2;
}

ON_DATA_IN(tell_half)
{
	return tell(v, buf, *len, state, half);
}

const struct msc_fault msc_fault_capacity_half = {
	.id = "capacity-half",
	.title = "half of the medium's blocks are reported, and the others are refused",
	.seen = "field: https://github.com/adafruit/circuitpython/pull/11012",
	.caught_by = "scsi.volume.fits",
	.mistake = "the size field of the card is cut: C_SIZE of an SDHC card has 22 bits",
	.target = "fill=partition",
	.ops = {.state_size = sizeof(uint64_t), .data_in = tell_half, .command = refuse_beyond},
};

static uint64_t one_less(uint64_t blocks)
{
	return blocks - 1;
}

ON_DATA_IN(tell_one_less)
{
	return tell(v, buf, *len, state, one_less);
}

const struct msc_fault msc_fault_capacity_less = {
	.id = "capacity-less",
	.title = "the last block is left out of the capacity, and is refused",
	.seen = "field: https://github.com/robertfisk/USG/issues/4",
	.caught_by = "scsi.volume.last",
	.mistake = "the last block of the medium inside is taken for the number of blocks",
	.target = "fill=partition",
	.ops = {.state_size = sizeof(uint64_t), .data_in = tell_one_less, .command = refuse_beyond},
};

/* -- byte order --------------------------------------------------------------------------------- */

ON_DATA_IN(swap_last)
{
	if (fault_answers(v, MSC_OP_READ_CAPACITY_10, *len, MSC_CAPACITY_10_LEN))
		msc_put_le32(buf, msc_get_be32(buf));
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_capacity_swapped = {
	.id = "capacity-swapped",
	.title = "the last block of READ CAPACITY(10) has its lowest byte first",
	.seen = INTEGRATED_CIRCUITS,
	.caught_by = "scsi.format.count",
	.mistake = "fields of SCSI have their highest byte first, unlike those of the CBW",
	.ops = {.data_in = swap_last},
};

ON_DATA_IN(swap_count)
{
	if (fault_answers(v, MSC_OP_READ_FORMAT_CAPACITIES, *len, 8))
		msc_put_le32(buf + 4, msc_get_be32(buf + 4));
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_format_swapped = {
	.id = "format-swapped",
	.title = "the number of blocks of READ FORMAT CAPACITIES has its lowest byte first",
	.seen = INTEGRATED_CIRCUITS,
	.caught_by = "scsi.format.count",
	.mistake = "fields of SCSI have their highest byte first, unlike those of the CBW",
	.ops = {.data_in = swap_count},
};

/* state of a firmware that counts its medium in blocks, and what it is asked for in 512 bytes. */
struct measured {
	uint64_t blocks;
	uint32_t block_size;
};

ON_DATA_IN(measure)
{
	struct measured *it = state;

	if (fault_answers(v, MSC_OP_READ_CAPACITY_10, *len, MSC_CAPACITY_10_LEN)) {
		it->blocks = (uint64_t)msc_get_be32(buf) + 1;
		it->block_size = msc_get_be32(buf + 4);
	}
	return MUTANT_PASS;
}

ON_COMMAND(compare_in_512)
{
	const struct measured *it = state;
	uint64_t lba;
	uint32_t n;

	if (it->blocks && is_about(seen->cb, &lba, &n) && lba < it->blocks &&
	    (lba + n) * (it->block_size / 512) > it->blocks)
		memset(seen->cb + 2, 0xff, 4);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_range_in_512 = {
	.id = "range-in-512",
	.title =
		"the end of a read or write is counted in 512 bytes, and compared with the number of larger blocks",
	.seen = ROCKBOX "e744dd4353: disks with sectors of more than 512 bytes",
	.caught_by = "scsi.lba.refused",
	.mistake =
		"the address is multiplied for the driver before it is compared with the capacity, which is in "
		"blocks of the medium",
	.target = "block-size=2048",
	.ops = {.state_size = sizeof(struct measured),
		.data_in = measure,
		.command = compare_in_512},
};
