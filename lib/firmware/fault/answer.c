/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of answers: INQUIRY, vital product data, REPORT LUNS, sense data, READ FORMAT CAPACITIES. Most
 * are rows: rows_scsi.c. */
#include "firmware/fault/fault.h"
#include "firmware/fault/table.h"

#include <string.h>

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
	.seen = LUFA_SCSI ": SCSI_Command_Inquiry",
	.caught_by = "bot.data.excess",
	.mistake = "ALLOCATION LENGTH is taken for the amount to send; it is a limit",
	.ops = {.data_in = inquiry_pads},
};

ON_DATA_IN(inquiry_strings)
{
	if (fault_answers(v, MSC_OP_INQUIRY, *len, MSC_INQUIRY_LEN) && !(v->cbw.cb[1] & 0x03))
		for (size_t i = 8; i < MSC_INQUIRY_LEN; i++)
			if (buf[i] == ' ')
				buf[i] = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_inquiry_strings = {
	.id = "inquiry-strings",
	.title = "vendor and product are filled up with zeros instead of blanks",
	.seen = "https://github.com/hathach/tinyusb/commit/fa8141f31: strncpy into fields that "
		"have to be filled with blanks",
	.caught_by = "scsi.inquiry.strings",
	.mistake = "strncpy or an initialiser fills with zeros: pad with blanks",
	.ops = {.data_in = inquiry_strings},
};

/* The first bytes of that page of vital product data. */
static bool is_page(const struct mutant_view *v, uint8_t page, size_t len)
{
	return fault_answers(v, MSC_OP_INQUIRY, len, 5) && v->cbw.cb[1] & 0x01 &&
	       v->cbw.cb[2] == page;
}

ON_DATA_IN(vpd_pages)
{
	if (is_page(v, 0x00, *len))
		buf[4] = buf[*len - 1];
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_vpd_pages = {
	.id = "vpd-pages",
	.title = "the list of pages of vital product data does not begin with itself",
	.seen = "https://github.com/open-iscsi/tcmu-runner/pull/203: the list has to begin with page 00h",
	.caught_by = "scsi.vpd.pages",
	.mistake = "the list of pages begins with 00h, itself",
	.ops = {.data_in = vpd_pages},
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
	.caught_by = "scsi.vpd.serial",
	.mistake =
		"the USB string with its two bytes to a character was copied: page 80h is "
		"ASCII",
	.ops = {.data_in = vpd_serial},
};

/* -- sense data ------------------------------------------------------------------------------- */

ON_DATA_IN(swap_codes)
{
	uint8_t asc;

	if (!fault_answers(v, MSC_OP_REQUEST_SENSE, *len, 14))
		return MUTANT_PASS;
	asc = buf[12];
	buf[12] = buf[13];
	buf[13] = asc;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_code_swapped = {
	.id = "sense-code-swapped",
	.title = "the additional sense code and its qualifier are in each other's place",
	.caught_by = "scsi.sense.opcode",
	.mistake = "ASC is byte 12 of the sense data and ASCQ byte 13",
	.ops = {.data_in = swap_codes},
};

/* -- MODE SENSE ------------------------------------------------------------------------------- */

ON_DATA_IN(swap_mode_length)
{
	if (fault_answers(v, MSC_OP_MODE_SENSE_10, *len, 2))
		msc_put_be16(buf, msc_get_le16(buf));
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_swapped_10 = {
	.id = "mode-swapped-10",
	.title = "MODE DATA LENGTH of MODE SENSE(10) has its lowest byte first",
	.seen = ROCKBOX "19815f8197",
	.caught_by = "scsi.mode.long",
	.mistake = "a structure is sent as the processor keeps it: SCSI has the highest byte first",
	.ops = {.data_in = swap_mode_length},
};

/* state: what the last answer of another command left in the buffer. */
ON_DATA_IN(mode_stale)
{
	uint8_t *left = state;

	if (fault_answers(v, MSC_OP_MODE_SENSE_6, *len, MSC_MODE_HEADER_6_LEN))
		memcpy(buf, left, MSC_MODE_HEADER_6_LEN);
	else if (v->in_command && v->data_sent == 0 && *len >= MSC_MODE_HEADER_6_LEN)
		memcpy(left, buf, MSC_MODE_HEADER_6_LEN);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_stale = {
	.id = "mode-stale",
	.title = "the header of MODE SENSE(6) is what the answer before it left in the buffer",
	.seen = "https://github.com/fujita/tgt/commit/574d7c3: hardly a byte of the answer is stored before it is sent",
	.caught_by = "scsi.mode.length scsi.mode.descriptor",
	.mistake =
		"the buffer is sent without being filled: all four bytes of the header are set, also those that are 0",
	.ops = {.state_size = MSC_MODE_HEADER_6_LEN, .data_in = mode_stale},
};

/* -- READ FORMAT CAPACITIES ------------------------------------------------------------------- */

ON_DATA_IN(count_bytes)
{
	if (fault_answers(v, MSC_OP_READ_FORMAT_CAPACITIES, *len, 8))
		msc_put_be32(buf + 4, msc_get_be32(buf + 4) * 512);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_format_bytes = {
	.id = "format-bytes",
	.title =
		"READ FORMAT CAPACITIES gives the size in bytes where the number of blocks belongs",
	.caught_by = "scsi.format.count",
	.mistake = "the first field of a descriptor is a number of blocks",
	.ops = {.data_in = count_bytes},
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
	.seen = "field 40: https://github.com/usbarmory/armory-ums/issues/2",
	.caught_by = "scsi.luns.list",
	.mistake =
		"the list of units is built for max LUN + 1 and begins with unit 0 again",
	.ops = {.state_size = sizeof(bool), .data_in = luns_twice, .csw = luns_counted},
};

/* -- sense data ------------------------------------------------------------------------------- */

enum { KEY = 2, ASC = 12, ASCQ = 13 };

/* state: the last reason given. */
ON_DATA_IN(sense_stale)
{
	uint8_t *last = state;

	if (!fault_answers(v, MSC_OP_REQUEST_SENSE, *len, ASCQ + 1))
		return MUTANT_PASS;
	if (buf[KEY] || buf[ASC]) {
		last[0] = buf[KEY];
		last[1] = buf[ASC];
	} else {
		buf[KEY] = last[0];
		buf[ASC] = last[1];
		buf[ASCQ] = 0;
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_stale = {
	.id = "sense-stale",
	.title = "the sense data is not forgotten when it has been read",
	.seen = CHERRYUSB_MSC ": SCSI_requestSense",
	.caught_by = "scsi.sense.cleared",
	.mistake =
		"the sense data is not cleared by REQUEST SENSE, nor by the next command "
		"that passes",
	.ops = {.state_size = 2, .data_in = sense_stale},
};

/* -- READ FORMAT CAPACITIES without a medium --------------------------------------------------- */

#define FORMATS_LEN 12 /* a header and a descriptor */
#define FORMATTED   0x02 /* DESCRIPTOR CODE */

struct formats {
	uint32_t blocks, size; /* of the medium while it was there */
	bool ejected;
};

ON_DATA_IN(formats_kept)
{
	struct formats *f = state;

	if (fault_answers(v, MSC_OP_READ_CAPACITY_10, *len, MSC_CAPACITY_10_LEN)) {
		f->blocks = msc_get_be32(buf) + 1;
		f->size = msc_get_be32(buf + 4);
	} else if (f->ejected && f->blocks &&
		   fault_answers(v, MSC_OP_READ_FORMAT_CAPACITIES, *len, FORMATS_LEN)) {
		msc_put_be32(buf + 4, f->blocks);
		msc_put_be32(buf + 8, f->size);
		buf[8] = FORMATTED;
	}
	return MUTANT_PASS;
}

ON_CSW(formats_ejected)
{
	struct formats *f = state;

	if (v->cbw.cb[0] == MSC_OP_START_STOP_UNIT && raw[CSW_STATUS] == MSC_CSW_PASSED)
		f->ejected = (v->cbw.cb[4] & 0x03) == 0x02; /* LOEJ and not START */
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_format_ejected = {
	.id = "format-ejected",
	.title = "READ FORMAT CAPACITIES gives the size of a medium that has been ejected",
	.seen = "https://github.com/udo-munk/RP2xxx-GEEK-80/pull/30: Windows 11 resets the device "
		"again and again",
	.caught_by = "scsi.format.absent",
	.mistake = "READ FORMAT CAPACITIES does not look at whether the medium is there: "
		   "DESCRIPTOR CODE is 3 then, or the command fails with 2/3A",
	.needs_writes = true,
	.ops = { .state_size = sizeof(struct formats),
		 .data_in = formats_kept,
		 .csw = formats_ejected },
};

const struct msc_fault msc_fault_reserved_left = {
	.id = "reserved-left",
	.title = "what is reserved in an answer holds what the buffer held before",
	.seen = ROCKBOX "688f8decf4: what was sent had not been cleared",
	.caught_by = "scsi.reserved.zero",
	.mistake = "the buffer of an answer is filled in field by field: clear all of it first",
	DEFECT({ AT_ANSWER,
		 { OPCODE(READ_FORMAT_CAPACITIES), { LEN, ABOVE, 3 } },
		 { { BYTE(0), PUT, 0x20 }, { BYTE(1), PUT, 0x20 } } },
	       { AT_ANSWER,
		 { OPCODE(MODE_SENSE_10), { LEN, ABOVE, 5 } },
		 { { BYTE(5), PUT, 0x20 } } }),
};

/* state: four bytes of the answer to come are missing. */
ON_DATA_IN(short_header)
{
	if (v->data_sent || v->cbw.cb[0] != MSC_OP_MODE_SENSE_10 || *len < 8)
		return MUTANT_PASS;
	buf[0] = (uint8_t)(msc_get_be16(buf) - 3);
	buf[1] = buf[2];
	buf[2] = buf[3];
	buf[3] = buf[7];
	memmove(buf + 4, buf + 8, *len - 8);
	*len -= 4;
	*(bool *)state = true;
	return MUTANT_PASS;
}

ON_CSW(header_is_missed)
{
	if (*(bool *)state && raw[CSW_STATUS] == MSC_CSW_PASSED)
		msc_put_le32(raw + CSW_RESIDUE, msc_get_le32(raw + CSW_RESIDUE) + 4);
	*(bool *)state = false;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_10_header = {
	.id = "mode-10-header",
	.title = "MODE SENSE(10) has the header of four bytes that belongs to MODE SENSE(6)",
	.seen = "https://github.com/PiSCSI/piscsi/issues/234: a short header where the long one belongs",
	.caught_by = "scsi.mode.long",
	.mistake = "the header of MODE SENSE(10) has eight bytes, and its first two are the length",
	.ops = {.state_size = sizeof(bool), .data_in = short_header, .csw = header_is_missed},
};
