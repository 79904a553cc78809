/* SPDX-License-Identifier: BSD-2-Clause */
/* What only a simulation can see: how a firmware treats its own hardware, and that it crashed. The runner
 * raises it from what the device remarks. */
#include "judge/judge.h"

const struct msc_rule msc_rule_firmware_misuse = {
	.id = "firmware.misuse",
	.title =
		"the firmware uses its USB peripheral as the peripheral can be used, and does not die",
	.spec = "mscope_firmware.h",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "what a real controller makes of it differs from part to part, up to memory that is overwritten",
	.mistake = "a buffer is armed on an endpoint that has one, or before it is opened",
};

const struct msc_rule msc_rule_firmware_dead = {
	.id = "firmware.dead",
	.title = "the firmware neither crashes nor loops without an end",
	.spec = "mscope_firmware.h",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the board stands still until it is reset",
	.mistake =
		"a pointer that was never set, an index beyond its array, a wait for what does not come",
};
