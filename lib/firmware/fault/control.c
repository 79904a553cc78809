/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a driver of the USB peripheral: stages of a control request, buffers of endpoints. */
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
	.mistake =
		"an answer that is shorter than wLength and fills its last packet needs a "
		"zero-length packet",
	.target = "serial=0123456789ABCDEF0123456789ABCDE",
	.ops = {.control_end = no_end},
};

/* The status is armed while the data before it, or the status itself, still is. */
ON_CSW(arm_twice)
{
	udc_transmit(m, v->ep_in, "", 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_endpoint_armed_twice = {
	.id = "endpoint-armed-twice",
	.title = "bulk-in is armed again while a buffer is armed there",
	.seen = "to prove the rule; stacks that do not look whether an endpoint is busy",
	.caught_by = "firmware.misuse",
	.mistake = "a completion and a time-out both arm the endpoint",
	.ops = {.csw = arm_twice},
};
