/* SPDX-License-Identifier: BSD-2-Clause */
/* A second unit that is a CD-ROM with blocks of 2048 bytes, as modems and sticks have one for their
 * drivers (BOT 1.0, 3.2; SPC-2, table 47; MMC). Its medium is that of the model, four blocks at a
 * time. */
#include <string.h>

#include "firmware/fault/fault.h"
#include "firmware/variant/variant.h"

#define CD_LUN	 1
#define CD_BLOCK 2048
#define EACH	 4 /* blocks of 512 bytes in one of the CD */

static bool is_cd(const struct mutant_view *v)
{
	return v->cbw.h.lun == CD_LUN;
}

/* The same command over four times as much, in the form that has room for it; READ and VERIFY begin
 * alike: flags, address, blocks. */
static void widen(struct msc_cbw *c, uint8_t opcode, uint64_t lba, uint32_t blocks)
{
	c->cb[0] = opcode;
	msc_put_be64(c->cb + 2, lba > UINT64_MAX / EACH ? UINT64_MAX : lba * EACH);
	msc_put_be32(c->cb + 10, blocks > UINT32_MAX / EACH ? UINT32_MAX : blocks * EACH);
	c->cb[14] = c->cb[15] = 0;
	c->h.cb_length = 16;
}

static uint32_t quarter(uint32_t blocks)
{
	return blocks > UINT16_MAX / EACH ? UINT16_MAX : blocks * EACH;
}

ON_COMMAND(as_cd)
{
	uint8_t *cb = seen->cb;
	const uint32_t lba = msc_get_be32(cb + 2);

	if (!is_cd(v))
		return MUTANT_PASS;
	switch (cb[0]) {
	case MSC_OP_READ_10: widen(seen, MSC_OP_READ_16, lba, msc_get_be16(cb + 7)); break;
	case MSC_OP_READ_12: widen(seen, MSC_OP_READ_16, lba, msc_get_be32(cb + 6)); break;
	case MSC_OP_WRITE_10: widen(seen, MSC_OP_WRITE_16, lba, msc_get_be16(cb + 7)); break;
	case MSC_OP_WRITE_12: widen(seen, MSC_OP_WRITE_16, lba, msc_get_be32(cb + 6)); break;
	case MSC_OP_READ_16:
	case MSC_OP_WRITE_16:
		widen(seen, cb[0], msc_get_be64(cb + 2), msc_get_be32(cb + 10));
		break;
	case MSC_OP_VERIFY_10:
	case MSC_OP_SYNCHRONIZE_CACHE_10:
		msc_put_be32(cb + 2, lba > UINT32_MAX / EACH ? UINT32_MAX : lba * EACH);
		msc_put_be16(cb + 7, (uint16_t)quarter(msc_get_be16(cb + 7)));
		break;
	case MSC_OP_READ_6:
	case MSC_OP_WRITE_6:
	case MSC_OP_READ_FORMAT_CAPACITIES: cb[0] = VARIANT_NO_OPCODE; break;
	default: break;
	}
	return MUTANT_PASS;
}

/* The first bytes of an answer, as many as it has. */
static void put_first(uint8_t *buf, size_t len, const uint8_t *from, size_t n)
{
	memcpy(buf, from, len < n ? len : n);
}

ON_DATA_IN(of_cd)
{
	uint64_t last = card_blocks(m, CD_LUN) / EACH - 1;
	uint8_t long_form[12], *short_form = long_form + 4;

	if (!is_cd(v))
		return MUTANT_PASS;
	msc_put_be64(long_form, last);
	msc_put_be32(long_form + 8, CD_BLOCK);
	if (fault_answers(v, MSC_OP_INQUIRY, *len, 1))
		buf[0] = (uint8_t)((buf[0] & 0xe0) | 0x05);
	else if (fault_answers(v, MSC_OP_READ_CAPACITY_10, *len, 1))
		put_first(buf, *len, short_form, 8);
	else if (fault_answers(v, MSC_OP_SERVICE_ACTION_IN_16, *len, 1))
		put_first(buf, *len, long_form, sizeof long_form);
	return MUTANT_PASS;
}

static const struct msc_variant rows[] = {
	{ "unit-1-cd", "unit 0 is a disk, unit 1 a CD-ROM with blocks of 2048 bytes",
	  "BOT 1.0, 3.2; SPC-2, table 47: each unit is a device of its own", 
	  .knobs = "luns=2,event=card-swap/1:blocks=8192:wp@0ns",
	  .ops = { .command = as_cd, .data_in = of_cd } },
};
const struct msc_variant_table msc_variants_cdrom = { rows, MSC_COUNT(rows) };
