/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of status transport: the CSW, its fields, and when it comes. */
#include "firmware/fault/fault.h"

#include <string.h>

/* -- its form --------------------------------------------------------------------------------
 * Only where there was a data stage: a device that never sends one good CSW is not worth a test. */

ON_CSW(csw_tag)
{
	uint32_t *last = state;

	if (v->cbw.h.length)
		msc_put_le32(raw + CSW_TAG, *last);
	*last = v->cbw.h.tag;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_tag = {
	.id = "csw-tag",
	.title = "the CSW behind data repeats the tag of the command before",
	.seen = "Linux quirk BULK_IGNORE_TAG: " LINUX_UNUSUAL " (04ce:0002)",
	.caught_by = "bot.csw.tag",
	.mistake = "the CSW is filled before the new CBW's tag is stored",
	.ops = {.state_size = sizeof(uint32_t), .csw = csw_tag},
};

/* Here as well: a host that is never told the right tag cannot go on. */
ON_CSW(csw_tag_swapped)
{
	if (v->cbw.h.length)
		msc_put_be32(raw + CSW_TAG, v->cbw.h.tag);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_tag_swapped = {
	.id = "csw-tag-swapped",
	.title = "the CSW behind data has the bytes of its tag in reverse",
	.caught_by = "bot.csw.tag",
	.mistake = "dCBWTag is copied as it came; it is no number to the device",
	.ops = {.csw = csw_tag_swapped},
};

/* -- its residue ------------------------------------------------------------------------------ */

ON_CSW(residue_processed)
{
	uint32_t residue = msc_get_le32(raw + CSW_RESIDUE);

	if (raw[CSW_STATUS] == MSC_CSW_PASSED)
		msc_put_le32(raw + CSW_RESIDUE, v->cbw.h.length - residue);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_processed = {
	.id = "residue-processed",
	.title = "dCSWDataResidue is the number of bytes that were transferred",
	.seen = "Linux quirk IGNORE_RESIDUE: " LINUX_UNUSUAL " (03eb:2002)",
	.caught_by = "bot.residue.in",
	.mistake = "residue = bytes sent: it is dCBWDataTransferLength less these",
	.ops = {.csw = residue_processed},
};

ON_CSW(residue_kept)
{
	if (raw[CSW_STATUS] == MSC_CSW_PASSED && !fault_is_in(v))
		msc_put_le32(raw + CSW_RESIDUE, v->cbw.h.length);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_kept = {
	.id = "residue-kept",
	.title = "after a write dCSWDataResidue is still all that the host meant to send",
	.seen = "a write path of its own beside the one that subtracts: "
		"https://github.com/cherry-embedded/CherryUSB/blob/af16015/class/msc/usbd_msc.c",
	.caught_by = "bot.residue.out",
	.mistake =
		"dCSWDataResidue begins as dCBWDataTransferLength, and what is taken from the host "
		"is not subtracted on the way of a write",
	.needs_writes = true,
	.ops = {.csw = residue_kept},
};

/* It reads blocks: the way of its own that a READ takes. */
static bool is_read(const struct mutant_view *v)
{
	return v->cbw.cb[0] == MSC_OP_READ_10 || v->cbw.cb[0] == MSC_OP_READ_12 ||
	       v->cbw.cb[0] == MSC_OP_READ_16;
}

ON_CSW(residue_kept_read)
{
	if (raw[CSW_STATUS] == MSC_CSW_PASSED && is_read(v))
		msc_put_le32(raw + CSW_RESIDUE, v->cbw.h.length);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_kept_read = {
	.id = "residue-kept-read",
	.title = "after a READ dCSWDataResidue is still all that the host asked for",
	.caught_by = "bot.residue.in",
	.mistake =
		"dCSWDataResidue begins as dCBWDataTransferLength, and what a READ sends is not "
		"subtracted",
	.ops = {.csw = residue_kept_read},
};

ON_CSW(residue_from_zero)
{
	uint32_t residue = msc_get_le32(raw + CSW_RESIDUE);

	msc_put_le32(raw + CSW_RESIDUE, residue - v->cbw.h.length);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_from_zero = {
	.id = "residue-from-zero",
	.title = "dCSWDataResidue begins at 0, and what was moved is taken off that",
	.caught_by = "bot.csw.residue",
	.mistake = "dCSWDataResidue begins as dCBWDataTransferLength when a CBW arrives, not as 0",
	.ops = {.csw = residue_from_zero},
};

/* state: the bytes of all commands before. */
ON_CSW(residue_adds)
{
	uint32_t *total = state;
	uint32_t residue = msc_get_le32(raw + CSW_RESIDUE);

	msc_put_le32(raw + CSW_RESIDUE, residue - *total);
	if (residue <= v->cbw.h.length)
		*total += v->cbw.h.length - residue;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_adds = {
	.id = "residue-adds",
	.title = "dCSWDataResidue takes off what the commands before have moved as well",
	.caught_by = "bot.csw.residue",
	.mistake = "the count of bytes moved is not set to 0 when a CBW arrives",
	.ops = {.state_size = sizeof(uint32_t), .csw = residue_adds},
};

enum { PIECE = 8192 }; /* what goes through the buffer at once */

static void count_last_piece(const struct mutant_view *v, uint8_t *raw)
{
	uint32_t moved = v->cbw.h.length - msc_get_le32(raw + CSW_RESIDUE);

	if (raw[CSW_STATUS] == MSC_CSW_PASSED && moved > PIECE && moved <= v->cbw.h.length)
		msc_put_le32(raw + CSW_RESIDUE, v->cbw.h.length - (moved - 1) % PIECE - 1);
}

ON_CSW(residue_of_piece)
{
	count_last_piece(v, raw);
	return MUTANT_PASS;
}

ON_CSW(residue_of_piece_out)
{
	if (!fault_is_in(v))
		count_last_piece(v, raw);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_of_piece_out = {
	.id = "residue-of-piece-out",
	.title = "after a write dCSWDataResidue takes only the last piece for moved",
	.caught_by = "bot.residue.out",
	.mistake = "the bytes taken are assigned for each buffer, not added up",
	.needs_writes = true,
	.ops = {.csw = residue_of_piece_out},
};

const struct msc_fault msc_fault_residue_of_piece = {
	.id = "residue-of-piece",
	.title = "dCSWDataResidue takes only the last piece of longer data for moved",
	.caught_by = "bot.residue.in",
	.mistake = "the bytes moved are assigned for each buffer, not added up",
	.ops = {.csw = residue_of_piece},
};

ON_CSW(residue_swapped)
{
	uint32_t residue = msc_get_le32(raw + CSW_RESIDUE);

	msc_put_be32(raw + CSW_RESIDUE, residue);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_swapped = {
	.id = "residue-swapped",
	.title = "dCSWDataResidue has its highest byte first",
	.seen = "https://github.com/hathach/tinyusb/commit/a9a514610: of READ(10) and WRITE(10) that fail",
	.caught_by = "bot.csw.residue",
	.mistake =
		"fields of the CBW and the CSW have their lowest byte first, unlike those of SCSI",
	.ops = {.csw = residue_swapped},
};

/* What the device has or takes for a command, bytes; 0: for none of these. */
static uint32_t own_length(const uint8_t *cdb)
{
	switch (cdb[0]) {
	case MSC_OP_INQUIRY: return cdb[4] < 36 ? cdb[4] : 36;
	case MSC_OP_REQUEST_SENSE: return cdb[4] < 18 ? cdb[4] : 18;
	case MSC_OP_MODE_SENSE_6: return cdb[4] < 4 ? cdb[4] : 4;
	case MSC_OP_READ_CAPACITY_10: return 8;
	case MSC_OP_READ_FORMAT_CAPACITIES: return 12;
	case MSC_OP_READ_10:
	case MSC_OP_WRITE_10: return msc_get_be16(cdb + 7) * 512u;
	default: return 0;
	}
}

ON_CSW(residue_wraps)
{
	uint32_t own = own_length(v->cbw.cb);

	if (raw[CSW_STATUS] == MSC_CSW_FAILED || v->cbw.h.length >= own)
		return MUTANT_PASS;
	raw[CSW_STATUS] = MSC_CSW_PASSED;
	msc_put_le32(raw + CSW_RESIDUE, v->cbw.h.length - own);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_wraps = {
	.id = "residue-wraps",
	.title =
		"dCSWDataResidue is what the host asked for less what the command moves, also where that is more",
	.seen = ST_MSC "usbd_msc_bot.c: MSC_BOT_SendData; " LUFA_SCSI ": SCSI_Command_ReadWrite_10",
	.caught_by = "bot.csw.residue",
	.mistake =
		"the length of the whole answer is subtracted where the one that was sent belongs, and "
		"goes below 0",
	.ops = { .csw = residue_wraps },
};

/* -- its status ------------------------------------------------------------------------------- */

/* state: the status of the command before. */
ON_CSW(status_late)
{
	uint8_t *before = state, now = raw[CSW_STATUS];

	if (*before != MSC_CSW_PHASE_ERROR && now != MSC_CSW_PHASE_ERROR)
		raw[CSW_STATUS] = *before;
	*before = now;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_status_late = {
	.id = "status-late",
	.title = "each command is reported with the status of the one before",
	.caught_by = "scsi.sense.status",
	.mistake = "bCSWStatus is stored when the command is done, before the CSW is armed",
	.target = "attention=0",
	.ops = {.state_size = sizeof(uint8_t), .csw = status_late},
};

/* state: the command before has failed. */
ON_CSW(status_sticky)
{
	bool *failed = state;
	bool now = raw[CSW_STATUS] == MSC_CSW_FAILED;

	if (*failed && raw[CSW_STATUS] == MSC_CSW_PASSED)
		raw[CSW_STATUS] = MSC_CSW_FAILED;
	*failed = now;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_status_sticky = {
	.id = "status-sticky",
	.title = "the command after one that failed is reported as failed too",
	.seen = "field 25: https://github.com/hathach/tinyusb/issues/60",
	.caught_by = "scsi.sense.status",
	.mistake = "the status is not set to passed when a command begins",
	.ops = {.state_size = sizeof(bool), .csw = status_sticky},
};

/* -- whether and when it comes ---------------------------------------------------------------- */

/* state: bulk-in was halted for this command. */
ON_STALL(remember_halt)
{
	if (ep == v->ep_in)
		*(bool *)state = v->in_command;
	return true;
}

ON_CSW(csw_twice)
{
	bool *halted = state;

	if (*halted)
		mutant_transmit_after(m, raw, *len);
	*halted = false;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_twice = {
	.id = "csw-twice",
	.title = "the CSW is queued twice when bulk-in was halted before it",
	.seen = "field 2: https://github.com/ARMmbed/DAPLink/issues/1013",
	.caught_by = "bot.data.stale",
	.mistake = "the CSW is queued when the halt is set and again when it is cleared",
	.ops = {.state_size = sizeof(bool), .stall = remember_halt, .csw = csw_twice},
};

ON_CSW(csw_again)
{
	mutant_transmit_after(m, raw, *len);
	return MUTANT_PASS;
}

/* Whatever waits there makes room for the command's own. */
ON_COMMAND(no_csw_again)
{
	mutant_drop(m, v->ep_in);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_when_idle = {
	.id = "csw-when-idle",
	.title = "bulk-in gives the last CSW once more to a host that reads between two commands",
	.caught_by = "bot.data.stale",
	.mistake = "the CSW is sent in the status phase, and that phase lasts until the next CBW: "
		   "end it when the CSW has gone",
	.ops = {.csw = csw_again, .command = no_csw_again},
};

ON_CSW(csw_dropped)
{
	return udc_stalled(m, v->ep_in) ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_dropped = {
	.id = "csw-dropped",
	.title = "no CSW follows a halt of bulk-in",
	.seen = "field 1: https://github.com/apache/nuttx/issues/19435, the fifth defect; "
		"https://github.com/apache/nuttx/commit/cfeca506f8c",
	.caught_by = "bot.csw.missing",
	.mistake =
		"the path that halts bulk-in queues no CSW for when the host has cleared it; or "
		"hands it over while the endpoint is halted, and halting flushes the FIFO",
	.ops = {.csw = csw_dropped},
};

ON_CSW(zlp_before_csw)
{
	uint32_t packet = fault_max_packet(m);

	if (v->data_sent && v->data_sent == v->cbw.h.length && v->data_sent % packet == 0)
		mutant_transmit(m, raw, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_zlp_before_csw = {
	.id = "zlp-before-csw",
	.title = "a zero-length packet follows data that ends on a full packet",
	.seen = "field 23: https://github.com/cs2dsb/stm32-usb.rs/pull/4; "
		"https://github.com/usbarmory/tamago/commit/4392225",
	.caught_by = "bot.csw.zlp",
	.mistake =
		  "a zero-length packet is sent after data that fills its last packet: Bulk-Only "
		  "has none",
	.ops = {.csw = zlp_before_csw},
};

/* Commands that answer with data, and with none where the host allows none or asks for no blocks. */
static bool is_answered(uint8_t opcode)
{
	switch (opcode) {
	case MSC_OP_REQUEST_SENSE:
	case MSC_OP_INQUIRY:
	case MSC_OP_MODE_SENSE_6:
	case MSC_OP_MODE_SENSE_10:
	case MSC_OP_READ_FORMAT_CAPACITIES:
	case MSC_OP_READ_CAPACITY_10:
	case MSC_OP_SERVICE_ACTION_IN_16:
	case MSC_OP_READ_10:
	case MSC_OP_READ_12: return true;
	default: return false;
	}
}

ON_CSW(zlp_for_nothing)
{
	if (!v->cbw.h.length && is_answered(v->cbw.cb[0]) && raw[CSW_STATUS] == MSC_CSW_PASSED)
		mutant_transmit(m, raw, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_zlp_for_nothing = {
	.id = "zlp-for-nothing",
	.title = "an answer of no bytes is sent as a zero-length packet before the CSW",
	.seen = "https://github.com/yunsmall/usbipdcpp: MscBulkOnlyHandler.cpp",
	.caught_by = "bot.csw.zlp",
	.mistake =
		"the data stage is entered with nothing to send: where dCBWDataTransferLength is 0 the "
		"CSW comes at once",
	.ops = {.csw = zlp_for_nothing},
};
