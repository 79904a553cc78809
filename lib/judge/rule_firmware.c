/* SPDX-License-Identifier: BSD-2-Clause */
/* What only a simulation can see: how a firmware treats its own hardware. The runner raises it from
 * what the device remarks. */
#include "judge/judge.h"

const struct msc_rule msc_rule_firmware_misuse = {
	.id = "firmware.misuse",
	.title = "the firmware uses its USB peripheral as the peripheral can be used",
	.spec = "sim/mcu.h",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "what a real controller makes of it differs from part to part, up to memory that is overwritten",
	.mistake = "a buffer is armed on an endpoint that has one, or before it is opened",
};
