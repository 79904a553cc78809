/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of single commands, and of the first one after something: the firmware never hears of
 * them, and neither data nor CSW follows. More of them are in fault_hang.c. */
#include "firmware/fault/fault.h"

#include <string.h>

static enum mutant_verdict lose_if(const struct mutant_view *v, uint8_t opcode)
{
	return v->cbw.cb[0] == opcode ? fault_lose(v) : MUTANT_PASS;
}

/* -- single commands -------------------------------------------------------------------------- */

ON_COMMAND(hang_format_capacities)
{
	return lose_if(v, MSC_OP_READ_FORMAT_CAPACITIES);
}

const struct msc_fault msc_fault_hang_format_capacities = {
	.id = "hang-format-capacities",
	.title = "READ FORMAT CAPACITIES is not answered",
	.seen = "field 7: libopencm3 #1334: Windows takes minutes to mount",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_format_capacities},
};

ON_COMMAND(hang_mode_sense_10)
{
	return lose_if(v, MSC_OP_MODE_SENSE_10);
}

const struct msc_fault msc_fault_hang_mode_sense_10 = {
	.id = "hang-mode-sense-10",
	.title = "MODE SENSE(10) is not answered",
	.seen = "field 8: uf2-samdx1 #103: hangs under FreeBSD",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_mode_sense_10},
};

ON_COMMAND(hang_report_luns)
{
	return lose_if(v, MSC_OP_REPORT_LUNS);
}

const struct msc_fault msc_fault_hang_report_luns = {
	.id = "hang-report-luns",
	.title = "REPORT LUNS is not answered",
	.seen = "field 40: FreeMiNT #209; Linux quirk NO_REPORT_LUNS",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_report_luns},
};

ON_COMMAND(hang_synchronize)
{
	return lose_if(v, MSC_OP_SYNCHRONIZE_CACHE_10);
}

const struct msc_fault msc_fault_hang_synchronize = {
	.id = "hang-synchronize",
	.title = "SYNCHRONIZE CACHE(10) is not answered",
	.seen = "field 6: ST #41, MicroPython #3126: Windows resets the device in a loop",
	.caught_by = "bot.csw.missing",
	.ops = {.command = hang_synchronize},
};

ON_COMMAND(hang_no_blocks)
{
	bool none = v->cbw.cb[0] == MSC_OP_READ_10 && msc_get_be16(v->cbw.cb + 7) == 0;

	return none ? fault_lose(v) : MUTANT_PASS;
}

const struct msc_fault msc_fault_hang_no_blocks = {
	.id = "hang-no-blocks",
	.title = "READ(10) of 0 blocks is not answered: the firmware has divided by it",
	.seen = "field 16: TinyUSB #1106",
	.caught_by = "bot.csw.missing bot.data.hang",
	.ops = {.command = hang_no_blocks},
};

ON_COMMAND(hang_long_read)
{
	bool is_long = v->cbw.cb[0] == MSC_OP_READ_10 && msc_get_be16(v->cbw.cb + 7) > 64;

	return is_long ? fault_lose(v) : MUTANT_PASS;
}

const struct msc_fault msc_fault_hang_long_read = {
	.id = "hang-long-read",
	.title = "READ(10) of more than 64 blocks is not answered",
	.seen = "field 31: TinyUSB #3607; Linux quirk MAX_SECTORS_64",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_long_read},
};

/* -- the first command after a reset ---------------------------------------------------------- */

/* state: the next command will be lost. */
ON_SETUP(lose_after_request)
{
	if (fault_is_class(q, MSC_REQ_BULK_ONLY_RESET))
		*(bool *)state = true;
	return MUTANT_PASS;
}

ON_RESET(lose_after_bus_reset)
{
	*(bool *)state = true;
}

ON_COMMAND(lose_the_next)
{
	bool lost = *(bool *)state;

	*(bool *)state = false;
	return lost ? fault_lose(v) : MUTANT_PASS;
}

const struct msc_fault msc_fault_recovery_loses_command = {
	.id = "recovery-loses-command",
	.title = "the first command after reset recovery is not answered",
	.seen = "field 42: a boot loader's note: recovery fails under the compliance tests only",
	.caught_by = "bot.reset.recovers",
	.ops = {.state_size = sizeof(bool), .setup = lose_after_request, .command = lose_the_next},
};

const struct msc_fault msc_fault_port_reset_loses_command = {
	.id = "port-reset-loses-command",
	.title = "the first command after a port reset is not answered",
	.seen = "field 34: RIOT #19478",
	.caught_by = "bot.reset.recovers",
	.ops = { .state_size = sizeof(bool),
		 .reset = lose_after_bus_reset,
		 .command = lose_the_next },
};

/* -- commands that are answered wrongly -------------------------------------------------------- */

ON_COMMAND(cb_length_strict)
{
	if (seen->cb[0] < 0x20 && seen->h.cb_length != 6)
		seen->cb[0] = 0xff; /* which the firmware does not know */
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_cb_length_strict = {
	.id = "cb-length-strict",
	.title = "a six-byte command is refused when bCBWCBLength is more than 6",
	.seen = "field 26: Zephyr #57882: Windows sends REQUEST SENSE with 12",
	.caught_by = "expect.status",
	.ops = {.command = cb_length_strict},
};

ON_CSW(ready_without_medium)
{
	if (v->cbw.cb[0] == MSC_OP_TEST_UNIT_READY)
		raw[CSW_STATUS] = MSC_CSW_PASSED;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_ready_without_medium = {
	.id = "ready-without-medium",
	.title = "TEST UNIT READY passes although there is no medium",
	.seen = "field 35: ChibiOS-Contrib #131",
	.caught_by = "expect.status",
	.target = "medium=0",
	.ops = {.csw = ready_without_medium},
};
