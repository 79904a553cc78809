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
	.seen = "https://github.com/apache/nuttx/commit/6caa9317f64: a composite device, whose "
		"next request comes back empty",
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
	.seen = "https://github.com/hathach/tinyusb/issues/1529: a transfer on an endpoint that "
		"is busy",
	.caught_by = "firmware.misuse",
	.mistake = "a completion and a time-out, or the end of a halt, both arm the endpoint: ask "
		   "whether it is armed first",
	.ops = {.csw = arm_twice},
};

/* state: the bulk endpoints. */
struct opened {
	uint8_t in, out;
};

ON_OPEN(learn_endpoints)
{
	struct opened *o = state;

	if (ep & MSC_EP_IN)
		o->in = ep;
	else
		o->out = ep;
}

ON_SETUP(interface_closes)
{
	const struct opened *o = state;

	if (q->request_type != MSC_RECIPIENT_INTERFACE || q->request != MSC_STD_SET_INTERFACE ||
	    q->value || !o->in || !o->out)
		return MUTANT_PASS;
	udc_close(m, o->in);
	udc_close(m, o->out);
	mutant_acknowledge(m);
	return MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_interface_closes = {
	.id = "interface-closes",
	.title = "SET_INTERFACE with the setting in force closes the endpoints",
	.seen = "https://github.com/cherry-embedded/CherryUSB/blob/af16015/core/usbd_core.c: "
		"usbd_set_interface",
	.caught_by = "bot.reset.recovers",
	.mistake =
		"setting 0 is taken for one without endpoints: close those of the old setting, open those "
		"of the new one, and arm bulk-out",
	.ops = { .state_size = sizeof(struct opened),
		 .setup = interface_closes,
		 .open = learn_endpoints },
};

static void close_bulk(struct mcu *m, void *arg)
{
	const struct opened *o = arg;

	if (o->in && o->out) {
		udc_close(m, o->in);
		udc_close(m, o->out);
		udc_stalled(m, o->in); /* as firmware does that takes them for open */
	}
}

ON_OPEN(never_opened)
{
	struct opened *o = state;

	if (ep & MSC_EP_IN)
		o->in = ep;
	else
		o->out = ep;
	mcu_timer(m, 0, close_bulk, o);
}

const struct msc_fault msc_fault_configuration_opens_nothing = {
	.id = "configuration-opens-nothing",
	.title = "SET_CONFIGURATION is acknowledged, and no bulk endpoint is opened",
	.breaks = "USB 2.0, 9.1.1.5",
	.caught_by = "firmware.misuse expect.settles",
	.mistake =
		"SET_CONFIGURATION has to open both bulk endpoints and to arm bulk-out for a CBW",
	.ops = { .state_size = sizeof(struct opened), .open = never_opened },
};
