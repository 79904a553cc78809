/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of status transport: the CSW, its fields, and when it comes. */
#include "firmware/fault/fault.h"

#include <string.h>

/* -- its form --------------------------------------------------------------------------------
 * Only where there was a data stage: a device that never sends one good CSW is not worth a test. */

ON_CSW(csw_12)
{
	if (v->cbw.h.length)
		*len = 12;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_12 = {
	.id = "csw-12",
	.title = "the CSW behind data has 12 bytes: its last field is forgotten",
	.seen = "exists to prove the rule",
	.caught_by = "bot.csw.length",
	.ops = {.csw = csw_12},
};

ON_CSW(csw_padded)
{
	if (v->cbw.h.length)
		*len = 16;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_padded = {
	.id = "csw-padded",
	.title = "the CSW behind data has 16 bytes: sizeof a struct that the compiler has padded",
	.seen = "a common mistake with structs that are not packed",
	.caught_by = "bot.csw.length",
	.ops = {.csw = csw_padded},
};

ON_CSW(csw_signature)
{
	if (v->cbw.h.length)
		msc_put_le32(raw + CSW_SIGNATURE, MSC_CBW_SIGNATURE);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_signature = {
	.id = "csw-signature",
	.title = "the CSW behind data carries the signature of the CBW",
	.seen = "Linux usb-storage learns odd signatures because devices send them",
	.caught_by = "bot.csw.signature",
	.ops = {.csw = csw_signature},
};

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
	.seen = "Linux quirk BULK_IGNORE_TAG",
	.caught_by = "bot.csw.tag",
	.ops = {.state_size = sizeof(uint32_t), .csw = csw_tag},
};

ON_CSW(status_reserved)
{
	if (raw[CSW_STATUS] == MSC_CSW_FAILED)
		raw[CSW_STATUS] = 0x05;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_status_reserved = {
	.id = "status-reserved",
	.title = "a failed command puts its sense key into bCSWStatus",
	.seen = "exists to prove the rule",
	.caught_by = "bot.csw.status",
	.ops = {.csw = status_reserved},
};

/* -- its residue ------------------------------------------------------------------------------ */

ON_CSW(residue_zero)
{
	if (raw[CSW_STATUS] != MSC_CSW_PHASE_ERROR)
		msc_put_le32(raw + CSW_RESIDUE, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_zero = {
	.id = "residue-zero",
	.title = "dCSWDataResidue is always 0",
	.seen = "Linux quirk IGNORE_RESIDUE; NuttX with NOT_STALL_BULKEP",
	.caught_by = "bot.residue.in bot.residue.out",
	.ops = {.csw = residue_zero},
};

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
	.seen = "Linux quirk IGNORE_RESIDUE",
	.caught_by = "bot.residue.in",
	.ops = {.csw = residue_processed},
};

ON_CSW(residue_wraps)
{
	if (raw[CSW_STATUS] == MSC_CSW_PASSED && fault_is_in(v) && v->cbw.h.length < 64)
		msc_put_le32(raw + CSW_RESIDUE, v->cbw.h.length - 64);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_residue_wraps = {
	.id = "residue-wraps",
	.title = "dCSWDataResidue is what the host asked for less the size of the device's buffer",
	.seen = "ST's MSC_BOT_SendData subtracts the device's length from a shorter one",
	.caught_by = "bot.csw.residue",
	.ops = {.csw = residue_wraps},
};

/* -- its status ------------------------------------------------------------------------------- */

ON_CSW(phase_ignored)
{
	if (raw[CSW_STATUS] == MSC_CSW_PHASE_ERROR)
		raw[CSW_STATUS] = MSC_CSW_PASSED;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_phase_ignored = {
	.id = "phase-ignored",
	.title = "a command passes although host and device disagree about its data",
	.seen = "devices that never look at dCBWDataTransferLength",
	.caught_by = "bot.case.phase",
	.ops = {.csw = phase_ignored},
};

ON_CSW(phase_failed)
{
	if (raw[CSW_STATUS] == MSC_CSW_PHASE_ERROR)
		raw[CSW_STATUS] = MSC_CSW_FAILED;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_phase_failed = {
	.id = "phase-failed",
	.title = "status 01h where phase error is due",
	.seen = "ST USBD_MSC; the compliance tests accept it",
	.caught_by = "bot.case.failed",
	.ops = {.csw = phase_failed},
};

ON_CSW(phase_needless)
{
	if (raw[CSW_STATUS] == MSC_CSW_FAILED)
		raw[CSW_STATUS] = MSC_CSW_PHASE_ERROR;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_phase_needless = {
	.id = "phase-needless",
	.title = "phase error for every command that fails",
	.seen = "exists to prove the rule",
	.caught_by = "bot.case.needless",
	.ops = {.csw = phase_needless},
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
	.seen = "field 25: TinyUSB #60",
	.caught_by = "scsi.sense.status",
	.ops = {.state_size = sizeof(bool), .csw = status_sticky},
};

/* -- whether and when it comes ---------------------------------------------------------------- */

ON_CSW(csw_missing)
{
	return raw[CSW_STATUS] == MSC_CSW_FAILED ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_missing = {
	.id = "csw-missing",
	.title = "no CSW follows a command that fails",
	.seen = "field 5: Zephyr #23191, ST #37, CherryUSB after bot_abort",
	.caught_by = "bot.csw.missing",
	.ops = {.csw = csw_missing},
};

ON_CSW(csw_after_write)
{
	bool moved = v->cbw.h.length && !fault_is_in(v);

	return moved && raw[CSW_STATUS] == MSC_CSW_PASSED ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_missing_write = {
	.id = "csw-missing-write",
	.title = "no CSW follows data from the host",
	.seen = "field 24: libopencm3 #409",
	.caught_by = "bot.csw.missing",
	.ops = {.csw = csw_after_write},
};

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
	.seen = "field 2: DAPLink #1013",
	.caught_by = "bot.data.stale",
	.ops = {.state_size = sizeof(bool), .stall = remember_halt, .csw = csw_twice},
};

ON_CSW(csw_dropped)
{
	return udc_stalled(m, v->ep_in) ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_csw_dropped = {
	.id = "csw-dropped",
	.title = "a CSW that is queued while bulk-in is halted is lost",
	.seen = "field 1: NuttX #19435, the fifth defect",
	.caught_by = "usb.halt.recover",
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
	.seen = "field 23: stm32-usb.rs #4",
	.caught_by = "bot.csw.zlp",
	.ops = {.csw = zlp_before_csw},
};

ON_CSW(stall_needless)
{
	if (fault_is_in(v) && v->data_sent == v->cbw.h.length && raw[CSW_STATUS] == MSC_CSW_PASSED)
		mutant_stall(m, v->ep_in);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_stall_needless = {
	.id = "stall-needless",
	.title = "bulk-in is halted behind every data stage, also one that was complete",
	.seen = "field 39: raspberrypi/linux #7452 shows what needless halts cost",
	.caught_by = "bot.stall.needless",
	.ops = {.csw = stall_needless},
};
