/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of the capacity, and of which blocks may be read and written. */
#include "firmware/fault/fault.h"

/* -- READ CAPACITY(10) ------------------------------------------------------------------------ */

static bool is_capacity(const struct mutant_view *v, size_t len)
{
	return fault_answers(v, MSC_OP_READ_CAPACITY_10, len, MSC_CAPACITY_10_LEN);
}

ON_DATA_IN(capacity_count)
{
	if (is_capacity(v, *len))
		msc_put_be32(buf, msc_get_be32(buf) + 1);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_capacity_count = {
	.id = "capacity-count",
	.title = "READ CAPACITY(10) gives the number of blocks instead of the last one",
	.seen = "Linux quirks FIX_CAPACITY and CAPACITY_HEURISTICS",
	.caught_by = "expect.status",
	.ops = {.data_in = capacity_count},
};

ON_DATA_IN(capacity_block)
{
	if (is_capacity(v, *len))
		msc_put_be32(buf + 4, 520);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_capacity_block = {
	.id = "capacity-block",
	.title = "READ CAPACITY(10) gives blocks of 520 bytes",
	.seen = "field 28: Zephyr #77175: blocks of 263520264 bytes",
	.caught_by = "scsi.capacity.block",
	.ops = {.data_in = capacity_block},
};

ON_DATA_IN(capacity_zero)
{
	if (is_capacity(v, *len))
		msc_put_be64(buf, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_capacity_zero = {
	.id = "capacity-zero",
	.title = "READ CAPACITY(10) passes with zeros",
	.seen = "field 28: RIOT #15941",
	.caught_by = "scsi.capacity.zero",
	.ops = {.data_in = capacity_zero},
};

/* state: how often it was asked. */
ON_DATA_IN(capacity_unstable)
{
	uint32_t *asked = state;

	if (is_capacity(v, *len) && (*asked)++ % 2)
		msc_put_be32(buf, msc_get_be32(buf) - 1);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_capacity_unstable = {
	.id = "capacity-unstable",
	.title = "READ CAPACITY(10) gives another capacity every other time",
	.seen = "field 28: Zephyr #77175, STM32CubeH7 #308",
	.caught_by = "scsi.capacity.stable",
	.ops = {.state_size = sizeof(uint32_t), .data_in = capacity_unstable},
};

/* -- READ(10) and WRITE(10) ------------------------------------------------------------------- */

/* state: how many blocks there are, from the device's own answer. */
ON_DATA_IN(learn_blocks)
{
	if (is_capacity(v, *len))
		*(uint64_t *)state = (uint64_t)msc_get_be32(buf) + 1;
	return MUTANT_PASS;
}

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
	.title = "a read or write past the end of the medium begins again at block 0",
	.seen = "field 17: Zephyr #23240; LUFA checks the first block only",
	.caught_by = "scsi.lba.range",
	.ops = {.state_size = sizeof(uint64_t),
		.data_in = learn_blocks,
		.command = lba_unchecked},
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
	.seen = "exists to prove the rule",
	.caught_by = "scsi.write.protect",
	.needs_writes = true,
	.target = "wp=1",
	.ops = {.csw = wp_ignored},
};
