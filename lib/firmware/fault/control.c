/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of the stages of a control request. */
#include "firmware/fault/fault.h"

static bool no_end(struct mcu *m MAYBE, const struct msc_setup *q MAYBE, void *state MAYBE)
{
	return false;
}

const struct msc_fault msc_fault_zlp_ep0_missing = {
	.id = "zlp-ep0-missing",
	.title = "an answer that fills its last packet and is shorter than wLength does not end",
	.seen = "ArduinoCore-avr #553: Windows waits 5 s for each such request",
	.caught_by = "usb.control.zlp",
	.target = "serial=0123456789ABCDEF0123456789ABCDE",
	.ops = {.control_end = no_end},
};
