/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of what a unit says of itself: INQUIRY and MODE SENSE(6). */
#include "firmware/fault/fault.h"

#include <string.h>

/* -- INQUIRY ---------------------------------------------------------------------------------- */

static bool is_inquiry(const struct mutant_view *v, size_t len, size_t least)
{
	return fault_answers(v, MSC_OP_INQUIRY, len, least) && !(v->cbw.cb[1] & 0x03);
}

ON_COMMAND(inquiry_short)
{
	if (seen->cb[0] == MSC_OP_INQUIRY && !(seen->cb[1] & 0x03) && seen->cb[4] > 32)
		seen->cb[4] = 32;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_short = {
	.id = "inquiry-short",
	.title = "standard INQUIRY data ends before the revision",
	.seen = "Linux quirk FIX_INQUIRY",
	.caught_by = "scsi.inquiry.length expect.transferred",
	.ops = {.command = inquiry_short},
};

ON_DATA_IN(inquiry_additional)
{
	if (is_inquiry(v, *len, 5))
		buf[4] = 27;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_additional = {
	.id = "inquiry-additional",
	.title = "ADDITIONAL LENGTH leaves out the revision",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.inquiry.additional",
	.ops = {.data_in = inquiry_additional},
};

ON_DATA_IN(inquiry_format)
{
	if (is_inquiry(v, *len, 4))
		buf[3] = 0x00;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_format = {
	.id = "inquiry-format",
	.title = "RESPONSE DATA FORMAT is 0",
	.seen = "old devices; hosts tolerate it",
	.caught_by = "scsi.inquiry.format",
	.ops = {.data_in = inquiry_format},
};

ON_DATA_IN(inquiry_strings)
{
	if (is_inquiry(v, *len, MSC_INQUIRY_LEN))
		for (size_t i = 8; i < MSC_INQUIRY_LEN; i++)
			if (buf[i] == ' ')
				buf[i] = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_strings = {
	.id = "inquiry-strings",
	.title = "vendor and product are filled up with zeros instead of blanks",
	.seen = "C strings in the INQUIRY data of many devices",
	.caught_by = "scsi.inquiry.strings",
	.ops = {.data_in = inquiry_strings},
};

ON_DATA_IN(inquiry_type)
{
	if (is_inquiry(v, *len, 1))
		buf[0] = 0x7f;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_type = {
	.id = "inquiry-type",
	.title = "INQUIRY says that the unit does not exist",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.inquiry.type",
	.ops = {.data_in = inquiry_type},
};

/* state: a command has come since the last bus reset. */
ON_RESET(attention_pending)
{
	*(bool *)state = false;
}

ON_COMMAND(inquiry_attention)
{
	bool *told = state;

	/* TEST UNIT READY fails for the unit attention, with the sense data to go with it */
	if (!*told && seen->cb[0] == MSC_OP_INQUIRY)
		memset(seen->cb, 0, sizeof seen->cb);
	*told = true;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_attention = {
	.id = "inquiry-attention",
	.title = "the unit attention of power-on fails an INQUIRY",
	.seen = "a vendor's note on the power-up test of the compliance tests",
	.caught_by = "scsi.inquiry.status",
	.ops = {.state_size = sizeof(bool),
		.reset = attention_pending,
		.command = inquiry_attention},
};

/* -- MODE SENSE(6) ---------------------------------------------------------------------------- */

ON_DATA_IN(mode_length)
{
	if (fault_answers(v, MSC_OP_MODE_SENSE_6, *len, 1))
		buf[0]++;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_length = {
	.id = "mode-length",
	.title = "MODE DATA LENGTH counts itself",
	.seen = "field 37: STM32CubeL4 #42",
	.caught_by = "scsi.mode.length",
	.ops = {.data_in = mode_length},
};

ON_DATA_IN(mode_descriptor)
{
	if (fault_answers(v, MSC_OP_MODE_SENSE_6, *len, 4))
		buf[3] = 1;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_descriptor = {
	.id = "mode-descriptor",
	.title = "BLOCK DESCRIPTOR LENGTH counts descriptors",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.mode.descriptor",
	.ops = {.data_in = mode_descriptor},
};

ON_DATA_IN(mode_pages)
{
	if (fault_answers(v, MSC_OP_MODE_SENSE_6, *len, 6))
		buf[5] = (uint8_t)(buf[5] + 2);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_pages = {
	.id = "mode-pages",
	.title = "PAGE LENGTH counts the two bytes before it",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.mode.pages",
	.ops = {.data_in = mode_pages},
};

ON_DATA_IN(mode_protect)
{
	if (fault_answers(v, MSC_OP_MODE_SENSE_6, *len, 3))
		buf[2] &= (uint8_t)~MSC_MODE_WP;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_protect = {
	.id = "mode-protect",
	.title = "MODE SENSE does not say that the medium is write-protected",
	.seen = "CherryUSB in MODE SENSE(10)",
	.caught_by = "scsi.mode.protect",
	.needs_writes = true,
	.target = "wp=1",
	.ops = {.data_in = mode_protect},
};
