/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of command transport: CBWs that are not valid, and valid ones that are not taken. */
#include "firmware/fault/fault.h"

#include <string.h>

ON_SETUP(halt_lost)
{
	if (msc_setup_clears_halt(q))
		mutant_unstall(m, (uint8_t)q->index);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_halt_lost = {
	.id = "halt-lost",
	.title = "CLEAR_FEATURE ends the halt of a CBW that was not valid",
	.seen = "field 41: https://github.com/zephyrproject-rtos/zephyr/pull/55531",
	.caught_by = "bot.cbw.persist",
	.mistake =
		"CLEAR_FEATURE clears every halt; after an invalid CBW it must stay until "
		"reset recovery",
	.ops = {.setup = halt_lost},
};

ON_RECEIVED(invalid_fails)
{
	struct msc_cbw none = { .h = { .signature = MSC_CBW_SIGNATURE, .cb_length = 6 },
				.cb = { 0xff } };

	if (v->in_command || (*len == MSC_CBW_LEN && msc_get_le32(buf) == MSC_CBW_SIGNATURE))
		return MUTANT_PASS;
	none.h.tag = *len < 8 ? v->cbw.h.tag : msc_get_le32(buf + 4);
	msc_cbw_pack(buf, &none);
	*len = MSC_CBW_LEN;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_cbw_invalid_fails = {
	.id = "cbw-invalid-fails",
	.title = "a CBW that is not valid is answered with a CSW that says failed",
	.seen = "https://github.com/yunsmall/usbipdcpp: MscBulkOnlyHandler.cpp",
	.caught_by = "bot.cbw.invalid",
	.mistake =
		"the path of a command that fails serves CBWs of another length or signature too: there "
		"is no command to answer, so halt both endpoints until reset recovery",
	.ops = {.received = invalid_fails},
};

static bool is_common(uint8_t opcode)
{
	switch (opcode) {
	case MSC_OP_TEST_UNIT_READY:
	case MSC_OP_REQUEST_SENSE:
	case MSC_OP_INQUIRY:
	case MSC_OP_MODE_SENSE_6:
	case MSC_OP_START_STOP_UNIT:
	case MSC_OP_PREVENT_ALLOW:
	case MSC_OP_READ_FORMAT_CAPACITIES:
	case MSC_OP_READ_CAPACITY_10:
	case MSC_OP_READ_10:
	case MSC_OP_WRITE_10:
	case MSC_OP_VERIFY_10:
	case MSC_OP_MODE_SENSE_10:
	case MSC_OP_SERVICE_ACTION_IN_16:
	case MSC_OP_READ_12:
	case MSC_OP_WRITE_12:
		return true;
	default:
		return false;
	}
}

/* The firmware takes the path of a CBW that is not valid. */
ON_COMMAND(unknown_is_invalid)
{
	if (!is_common(seen->cb[0]))
		seen->h.signature = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_unknown_invalid = {
	.id = "unknown-invalid",
	.title =
		"a command that it does not know is refused as a CBW that is not valid: both endpoints stay "
		"halted until reset recovery",
	.seen = "https://github.com/STMicroelectronics/stm32_mw_usb_device/blob/0b06460/Class/MSC/Src/"
		"usbd_msc_scsi.c: SCSI_ProcessCmd",
	.caught_by = "bot.csw.stall",
	.mistake =
		"the default of the switch over operation codes shares the error state of an invalid "
		"CBW: fail the command with 5/20/00, and send a CSW",
	.ops = { .command = unknown_is_invalid },
};

/* SBC has commands of 6, 10, 12 and 16 bytes, and the firmware knows of the first two. */
ON_COMMAND(long_is_invalid)
{
	if (seen->h.cb_length > 10)
		seen->h.signature = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_cb_above_10 = {
	.id = "cb-above-10",
	.title =
		"a CBW with more than 10 bytes of command block is refused as one that is not valid",
	.caught_by = "bot.csw.stall",
	.mistake =
		"bCBWCBLength is compared with the longest command that is known: 1 to 16 are valid, and a "
		"command that is not known fails with 5/20/00",
	.ops = { .command = long_is_invalid },
};

ON_CONTROL_IN(one_unit_more)
{
	if (fault_is_class(q, MSC_REQ_GET_MAX_LUN) && *len)
		buf[0]++;
}

ON_COMMAND(unit_is_invalid)
{
	if (seen->h.lun)
		seen->h.signature = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_maxlun_invalid = {
	.id = "maxlun-invalid",
	.title = "Get Max LUN counts a unit whose commands are refused as a CBW that is not valid",
	.seen = "https://github.com/STMicroelectronics/STM32CubeH7RS/issues/4: a LUN above 1 is taken for "
		"a CBW that is not valid",
	.caught_by = "bot.csw.stall scsi.luns.list",
	.mistake = "Get Max LUN is the last unit, 0 where there is one: not the number of units",
	.ops = { .control_in = one_unit_more, .command = unit_is_invalid },
};

/* state: the last CBW, and that a bus reset has come since. */
struct replay {
	bool fresh;
	uint8_t raw[MSC_CBW_LEN];
};

ON_RESET(replay_armed)
{
	((struct replay *)state)->fresh = true;
}

ON_COMMAND(replay_kept)
{
	struct replay *r = state;

	r->fresh = false;
	msc_cbw_pack(r->raw, &v->cbw);
	return MUTANT_PASS;
}

ON_RECEIVED(replay_last)
{
	struct replay *r = state;

	if (v->in_command || !r->fresh)
		return MUTANT_PASS;
	r->fresh = false;
	memcpy(buf, r->raw, sizeof r->raw);
	*len = sizeof r->raw;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_cbw_replayed = {
	.id = "cbw-replayed",
	.title =
		"a CBW that is not valid and comes first after a port reset repeats the last command",
	.seen = "field 19: https://github.com/apohrebniak/usbd-storage/pull/28, "
		"https://github.com/apohrebniak/usbd-storage/pull/30",
	.caught_by = "bot.cbw.invalid",
	.mistake =
		"the CBW is left in its buffer, and the buffer is executed whatever arrived",
	.ops = {.state_size = sizeof(struct replay),
		.reset = replay_armed,
		.command = replay_kept,
		.received = replay_last},
};

/* state: the unit of the command before. */
ON_COMMAND(unit_stale)
{
	uint8_t *last = state, now = seen->h.lun;

	switch (seen->cb[0]) {
	case MSC_OP_READ_6:
	case MSC_OP_WRITE_6:
	case MSC_OP_READ_CAPACITY_10:
	case MSC_OP_READ_FORMAT_CAPACITIES:
	case MSC_OP_PREVENT_ALLOW: seen->h.lun = *last; break;
	default: break;
	}
	*last = now;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_unit_stale = {
	.id = "unit-stale",
	.title = "READ CAPACITY(10) and others are carried out on the unit of the command before",
	.seen = "https://github.com/apache/nuttx/commit/80e22691fa8: the pointer to the unit is taken "
		"before it is set",
	.caught_by = "scsi.capacity.stable",
	.target = "luns=2",
	.mistake =
		"the unit is looked up before bCBWLUN of this command has been stored: look it up "
		"behind",
	.ops = { .state_size = 1, .command = unit_stale },
};

#define RESTART_NS (300 * MSC_MS) /* of a boot loader and a start of the stack */

ON_COMMAND(restart_on_unknown)
{
	if (is_common(seen->cb[0]))
		return MUTANT_PASS;
	mutant_restart(m, RESTART_NS);
	return MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_unknown_restarts = {
	.id = "unknown-restarts",
	.title = "a command that it does not know restarts the board",
	.seen = "https://github.com/PiSCSI/piscsi/issues/2: a command that it does not know ends the "
		"firmware",
	.caught_by = "usb.device.stays",
	.mistake =
		"the operation code is an index into a table that ends before it: look it up, and fail "
		"the command with 5/20/00",
	.ops = { .command = restart_on_unknown },
};

ON_COMMAND(restart_on_empty)
{
	if (seen->h.cb_length)
		return MUTANT_PASS;
	mutant_restart(m, RESTART_NS);
	return MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_cb_empty_restarts = {
	.id = "cb-empty-restarts",
	.title = "a command block of no bytes restarts the board",
	.seen = "https://github.com/jabezwinston/usbip-python",
	.caught_by = "usb.device.stays",
	.mistake = "the first byte of the command block is read before bCBWCBLength is looked at",
	.ops = { .command = restart_on_empty },
};
