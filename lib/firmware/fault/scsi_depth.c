/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of what hosts ask rarely: vital product data, the long capacity, media that are ejected
 * and locked, and media that are not what they say. */
#include <string.h>

#include "base/clock.h"
#include "firmware/fault/fault.h"

enum { LOEJ = 0x02, START = 0x01 };

/* The first bytes of that page of vital product data. */
static bool is_page(const struct mutant_view *v, uint8_t page, size_t len)
{
	return fault_answers(v, MSC_OP_INQUIRY, len, 5) && v->cbw.cb[1] & 0x01 &&
	       v->cbw.cb[2] == page;
}

/* -- vital product data ----------------------------------------------------------------------- */

ON_DATA_IN(vpd_pages)
{
	if (is_page(v, 0x00, *len))
		buf[4] = buf[*len - 1];
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_vpd_pages = {
	.id = "vpd-pages",
	.title = "the list of pages of vital product data does not begin with itself",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.vpd.pages",
	.ops = {.data_in = vpd_pages},
};

ON_COMMAND(vpd_listed)
{
	if (seen->cb[0] == MSC_OP_INQUIRY && seen->cb[1] & 0x01 && seen->cb[2] == 0x83)
		seen->cb[2] = 0xff;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_vpd_listed = {
	.id = "vpd-listed",
	.title = "page 83h of vital product data is listed and refused",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.vpd.listed",
	.ops = {.command = vpd_listed},
};

ON_DATA_IN(vpd_serial)
{
	if (is_page(v, 0x80, *len))
		for (size_t i = 5; i < *len; i += 2)
			buf[i] = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_vpd_serial = {
	.id = "vpd-serial",
	.title = "the serial number of page 80h is that of USB, with two bytes to a character",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.vpd.serial",
	.ops = {.data_in = vpd_serial},
};

ON_DATA_IN(vpd_designators)
{
	if (is_page(v, 0x83, *len) && *len > 7)
		buf[7] = (uint8_t)(buf[7] + 4);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_vpd_designators = {
	.id = "vpd-designators",
	.title = "the length of a designator in page 83h includes its header",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.vpd.designators",
	.ops = {.data_in = vpd_designators},
};

/* -- capacity and addresses ------------------------------------------------------------------- */

ON_DATA_IN(capacity_long)
{
	if (fault_answers(v, MSC_OP_SERVICE_ACTION_IN_16, *len, 8))
		msc_put_be64(buf, msc_get_be64(buf) + 1);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_capacity_long = {
	.id = "capacity-long",
	.title = "READ CAPACITY(16) gives the number of blocks instead of the last one",
	.seen = "firmware to which the longer form was added later",
	.caught_by = "scsi.capacity.agree",
	.ops = {.data_in = capacity_long},
};

ON_COMMAND(lba_empty)
{
	if (seen->cb[0] == MSC_OP_READ_10 && !msc_get_be16(seen->cb + 7))
		msc_put_be32(seen->cb + 2, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_lba_empty = {
	.id = "lba-empty",
	.title = "the address of a READ(10) of no blocks is not looked at",
	.seen = "firmware that checks each block as it comes to it",
	.caught_by = "scsi.lba.empty",
	.ops = {.command = lba_empty},
};

/* Address bits from here on are lost. */
#define WRAP_BLOCKS 4096

ON_COMMAND(medium_wraps)
{
	uint8_t op = seen->cb[0];

	if (op == MSC_OP_READ_10 || op == MSC_OP_WRITE_10 || op == MSC_OP_READ_12 ||
	    op == MSC_OP_WRITE_12) {
		uint32_t lba = msc_get_be32(seen->cb + 2);

		if (lba < 4 * WRAP_BLOCKS) /* the size that the medium claims */
			msc_put_be32(seen->cb + 2, lba % WRAP_BLOCKS);
	}
	return MUTANT_PASS;
}

/* Something in the first block: an empty one shows nothing when it is only read. */
ON_CARD_READ(fill_first_block)
{
	if (lba == 0 && blocks)
		memcpy(data, "\xeb\x58\x90MSDOS5.0", 11);
	return true;
}

const struct msc_fault msc_fault_medium_wraps = {
	.id = "medium-wraps",
	.title = "the medium has a quarter of the blocks that it says, and begins again after them",
	.seen = "forged cards and sticks",
	.caught_by = "scsi.medium.alias scsi.medium.repeats",
	.target = "blocks=16384",
	.needs_writes = true,
	.ops = {.command = medium_wraps, .card_read = fill_first_block},
};

ON_CARD_WRITE(medium_drops)
{
	if (*lba >= WRAP_BLOCKS)
		*blocks = 0;
	return true;
}

const struct msc_fault msc_fault_medium_drops = {
	.id = "medium-drops",
	.title = "the medium has a quarter of the blocks that it says, and forgets what is beyond",
	.seen = "forged cards and sticks",
	.caught_by = "expect.data",
	.target = "blocks=16384",
	.needs_writes = true,
	.ops = {.card_write = medium_drops},
};

/* -- media that come and go ------------------------------------------------------------------- */

ON_COMMAND(eject_ignored)
{
	if (seen->cb[0] == MSC_OP_START_STOP_UNIT && (seen->cb[4] & (LOEJ | START)) == LOEJ)
		seen->cb[4] = START;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_eject_ignored = {
	.id = "eject-ignored",
	.title = "START STOP UNIT that ejects passes and does nothing",
	.seen = "most firmware with a fixed card",
	.caught_by = "scsi.eject.effect",
	.needs_writes = true,
	.ops = {.command = eject_ignored},
};

ON_COMMAND(stop_ejects)
{
	if (seen->cb[0] == MSC_OP_START_STOP_UNIT)
		seen->cb[4] |= LOEJ;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_stop_ejects = {
	.id = "stop-ejects",
	.title = "START STOP UNIT ejects and loads whether LOEJ is set or not",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.eject.needless",
	.needs_writes = true,
	.ops = {.command = stop_ejects},
};

ON_COMMAND(prevent_ignored)
{
	if (seen->cb[0] == MSC_OP_PREVENT_ALLOW)
		seen->cb[4] = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_prevent_ignored = {
	.id = "prevent-ignored",
	.title = "PREVENT ALLOW MEDIUM REMOVAL passes and locks nothing",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.eject.prevented",
	.needs_writes = true,
	.ops = {.command = prevent_ignored},
};

/* state: TEST UNIT READY is still to fail so often. */
ON_RESET(attention_again)
{
	*(uint8_t *)state = 3;
}

ON_CSW(attention_fails)
{
	uint8_t *left = state;

	if (v->cbw.cb[0] == MSC_OP_TEST_UNIT_READY && *left) {
		raw[CSW_STATUS] = MSC_CSW_FAILED;
		--*left;
	}
	return MUTANT_PASS;
}

ON_DATA_IN(attention_reason)
{
	if (fault_answers(v, MSC_OP_REQUEST_SENSE, *len, 14) && *(uint8_t *)state && !buf[2]) {
		buf[2] = MSC_SENSE_UNIT_ATTENTION;
		buf[12] = 0x29;
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_attention_sticky = {
	.id = "attention-sticky",
	.title = "the unit attention after a reset fails one command after the other",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.attention.once",
	.ops = { .state_size = 1,
		 .reset = attention_again,
		 .csw = attention_fails,
		 .data_in = attention_reason },
};

/* -- time ------------------------------------------------------------------------------------- */

ON_COMMAND(answer_slow)
{
	if (seen->cb[0] == MSC_OP_READ_FORMAT_CAPACITIES)
		mcu_spin(m, 4 * MSC_S);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_answer_slow = {
	.id = "answer-slow",
	.title = "READ FORMAT CAPACITIES takes four seconds",
	.seen = "field 7: libopencm3 #1334: Windows takes minutes to mount",
	.caught_by = "attach.time",
	.ops = {.command = answer_slow},
};
