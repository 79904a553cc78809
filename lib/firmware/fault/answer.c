/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of answers that describe the unit: capacities, mode pages, vital product data, REPORT
 * LUNS; and of when they are due. */
#include "firmware/fault/fault.h"

#include <string.h>

/* -- capacities ------------------------------------------------------------------------------- */

/* state: READ CAPACITY has come since the last bus reset. */
ON_RESET(capacity_is_new)
{
	*(bool *)state = false;
}

ON_DATA_IN(capacity_first)
{
	bool *asked = state;

	if (!fault_answers(v, MSC_OP_READ_CAPACITY_10, *len, MSC_CAPACITY_10_LEN) || *asked)
		return MUTANT_PASS;
	*asked = true;
	msc_put_be32(buf + 4, 263520264);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_capacity_first = {
	.id = "capacity-first",
	.title = "the first READ CAPACITY(10) after a reset gives whatever the buffer held",
	.seen = "field 28: Zephyr #77175",
	.caught_by = "scsi.capacity.block",
	.ops = {.state_size = sizeof(bool), .reset = capacity_is_new, .data_in = capacity_first},
};

static bool is_format(const struct mutant_view *v, size_t len)
{
	return fault_answers(v, MSC_OP_READ_FORMAT_CAPACITIES, len, 12);
}

ON_DATA_IN(format_last)
{
	if (is_format(v, *len))
		msc_put_be32(buf + 4, msc_get_be32(buf + 4) - 1);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_format_last = {
	.id = "format-last",
	.title = "READ FORMAT CAPACITIES gives the last block instead of how many there are",
	.seen = "field 38: COKPOWEHEU #2; ST USBD_MSC",
	.caught_by = "scsi.format.count",
	.ops = {.data_in = format_last},
};

ON_DATA_IN(format_length)
{
	if (is_format(v, *len))
		buf[3] = 12;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_format_length = {
	.id = "format-length",
	.title = "CAPACITY LIST LENGTH counts its own header",
	.seen = "field 38: COKPOWEHEU #2",
	.caught_by = "scsi.format.length",
	.ops = {.data_in = format_length},
};

/* -- mode pages, vital product data ------------------------------------------------------------ */

ON_DATA_IN(mode_length_10)
{
	if (fault_answers(v, MSC_OP_MODE_SENSE_10, *len, 2))
		msc_put_be16(buf, 0x26);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_length_10 = {
	.id = "mode-length-10",
	.title = "MODE DATA LENGTH of MODE SENSE(10) is a constant that does not fit",
	.seen = "field 37: CherryUSB",
	.caught_by = "scsi.mode.long",
	.ops = {.data_in = mode_length_10},
};

ON_DATA_IN(mode_protect_10)
{
	if (fault_answers(v, MSC_OP_MODE_SENSE_10, *len, 4))
		buf[3] &= (uint8_t)~MSC_MODE_WP;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_protect_10 = {
	.id = "mode-protect-10",
	.title = "MODE SENSE(10) does not say that the medium is write-protected",
	.seen = "CherryUSB",
	.caught_by = "scsi.mode.agree",
	.target = "wp=1",
	.ops = {.data_in = mode_protect_10},
};

ON_DATA_IN(mode_sticky)
{
	if (fault_answers(v, MSC_OP_MODE_SENSE_6, *len, 3))
		buf[2] |= MSC_MODE_WP;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_protect_sticky = {
	.id = "mode-protect-sticky",
	.title =
		"MODE SENSE(6) goes on saying that the medium is write-protected when it no longer is",
	.seen = "ST USBD_MSC never clears the bit",
	.caught_by = "scsi.mode.agree",
	.ops = {.data_in = mode_sticky},
};

ON_COMMAND(mode_low_byte)
{
	if (seen->cb[0] == MSC_OP_MODE_SENSE_10)
		seen->cb[7] = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_low_byte = {
	.id = "mode-low-byte",
	.title = "MODE SENSE(10) looks at the low byte of ALLOCATION LENGTH alone",
	.seen = "ST USBD_MSC, CherryUSB",
	.caught_by = "scsi.mode.long",
	.ops = {.command = mode_low_byte},
};

ON_DATA_IN(vpd_length)
{
	if (fault_answers(v, MSC_OP_INQUIRY, *len, 5) && v->cbw.cb[1] & 0x01 && buf[1] == 0x80)
		buf[3] = (uint8_t)(buf[3] + 4);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_vpd_length = {
	.id = "vpd-length",
	.title = "PAGE LENGTH of the unit serial number page counts its header",
	.seen = "ST USBD_MSC gives 8 where 4 bytes follow",
	.caught_by = "scsi.vpd.form",
	.ops = {.data_in = vpd_length},
};

/* -- INQUIRY ---------------------------------------------------------------------------------- */

ON_DATA_IN(inquiry_pads)
{
	size_t alloc = msc_get_be16(v->cbw.cb + 3);

	if (!fault_answers(v, MSC_OP_INQUIRY, *len, MSC_INQUIRY_LEN) || v->cbw.cb[1] & 0x01)
		return MUTANT_PASS;
	if (alloc > max)
		alloc = max;
	if (alloc > *len) {
		memset(buf + *len, 0, alloc - *len);
		*len = alloc;
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_pads = {
	.id = "inquiry-pads",
	.title = "INQUIRY fills up to ALLOCATION LENGTH, however little the host expects",
	.seen = "LUFA",
	.caught_by = "bot.data.excess",
	.ops = {.data_in = inquiry_pads},
};

ON_CSW(inquiry_clamp)
{
	if (v->cbw.cb[0] == MSC_OP_INQUIRY && v->data_sent && v->data_sent < MSC_INQUIRY_LEN &&
	    raw[CSW_STATUS] == MSC_CSW_PASSED)
		raw[CSW_STATUS] = MSC_CSW_PHASE_ERROR;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_clamp = {
	.id = "inquiry-clamp",
	.title = "an INQUIRY that allocates less than 36 bytes is taken for a host that disagrees",
	.seen = "field 22: USBX #95",
	.caught_by = "bot.case.needless",
	.ops = {.csw = inquiry_clamp},
};

/* -- REPORT LUNS ------------------------------------------------------------------------------- */

/* state: the answer under way lists it twice. */
ON_DATA_IN(luns_twice)
{
	if (!fault_answers(v, MSC_OP_REPORT_LUNS, *len, 16) || *len + 8 > max ||
	    *len + 8 > v->cbw.h.length)
		return MUTANT_PASS;
	memcpy(buf + *len, buf + 8, 8);
	*len += 8;
	msc_put_be32(buf, (uint32_t)*len - 8);
	*(bool *)state = true;
	return MUTANT_PASS;
}

ON_CSW(luns_counted)
{
	if (*(bool *)state)
		msc_put_le32(raw + CSW_RESIDUE, msc_get_le32(raw + CSW_RESIDUE) - 8);
	*(bool *)state = false;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_luns_twice = {
	.id = "luns-twice",
	.title = "REPORT LUNS lists unit 0 twice",
	.seen = "field 40: armory-ums #2",
	.caught_by = "scsi.luns.list",
	.ops = {.state_size = sizeof(bool), .data_in = luns_twice, .csw = luns_counted},
};

/* -- unit attention, sense data ---------------------------------------------------------------- */

/* state: a medium was loaded, and nobody has been told. */
ON_CSW(attention_missing)
{
	bool *loaded = state;

	if (v->cbw.cb[0] == MSC_OP_START_STOP_UNIT && (v->cbw.cb[4] & 0x03) == 0x03)
		*loaded = true;
	if (!*loaded || v->cbw.cb[0] != MSC_OP_TEST_UNIT_READY)
		return MUTANT_PASS;
	*loaded = false;
	raw[CSW_STATUS] = MSC_CSW_PASSED;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_attention_missing = {
	.id = "attention-missing",
	.title = "no unit attention follows a change of the medium",
	.seen = "field 36: PiSCSI #689, ZuluSCSI #247: hosts go on with what they have cached",
	.caught_by = "scsi.attention.change",
	.needs_writes = true,
	.ops = {.state_size = sizeof(bool), .csw = attention_missing},
};

ON_COMMAND(verify_unknown)
{
	if (seen->cb[0] == MSC_OP_VERIFY_10)
		seen->cb[0] = 0xff;
	return MUTANT_PASS;
}

/* state: VERIFY was the command before. */
ON_DATA_IN(verify_no_sense)
{
	if (*(bool *)state && fault_answers(v, MSC_OP_REQUEST_SENSE, *len, 14)) {
		buf[2] = 0;
		buf[12] = 0;
	}
	return MUTANT_PASS;
}

ON_CSW(was_verify)
{
	*(bool *)state = v->cbw.cb[0] == MSC_OP_VERIFY_10;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_verify_senseless = {
	.id = "verify-senseless",
	.title = "VERIFY(10) fails and leaves no sense data",
	.seen = "CherryUSB",
	.caught_by = "scsi.sense.missing",
	.ops = {.state_size = sizeof(bool),
		.command = verify_unknown,
		.data_in = verify_no_sense,
		.csw = was_verify},
};
