/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a driver of the USB peripheral: stages of a control request, buffers of endpoints. */
#include "firmware/fault/fault.h"

/* Both the library and the class answer it: the second packet of the status stage is one too many. */
static enum mutant_verdict answer_twice(struct mcu *m, const struct msc_setup *q, bool status,
					uint8_t *packet MAYBE, size_t *len MAYBE,
					bool *wrong_toggle MAYBE, void *state MAYBE)
{
	if (status && q->request_type == 0 && q->request == MSC_STD_SET_CONFIGURATION)
		udc_ep0_in(m, NULL, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_ep0_answered_twice = {
	.id = "ep0-answered-twice",
	.title = "SET_CONFIGURATION is acknowledged by the library and by the class as well",
	.seen = "NuttX 6caa9317f64: a composite device, whose next request comes back empty",
	.caught_by = "firmware.misuse",
	.mistake =
		"both the library and the class's callback send the status: one of them "
		"must",
	.ops = {.ep0_in = answer_twice},
};

/* The status is armed while the data before it, or the status itself, still is. */
ON_CSW(arm_twice)
{
	udc_transmit(m, v->ep_in, "", 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_endpoint_armed_twice = {
	.id = "endpoint-armed-twice",
	.title = "an endpoint is armed again while a buffer is armed there",
	.seen = "to prove the rule; stacks that do not look whether an endpoint is busy",
	.caught_by = "firmware.misuse",
	.mistake = "a completion and a time-out, or the end of a halt, both arm the endpoint: ask "
		   "whether it is armed first",
	.ops = {.csw = arm_twice},
};
