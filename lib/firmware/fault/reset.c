/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of halts and resets. */
#include "firmware/fault/fault.h"

static bool is_clear_halt(const struct msc_setup *q)
{
	return q->request_type == MSC_RECIPIENT_ENDPOINT && q->request == MSC_STD_CLEAR_FEATURE &&
	       q->value == MSC_FEATURE_ENDPOINT_HALT;
}

static bool is_reset(const struct msc_setup *q)
{
	return q->request_type == (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE) &&
	       q->request == MSC_REQ_BULK_ONLY_RESET && !q->value && !q->index && !q->length;
}

/* -- CLEAR_FEATURE(ENDPOINT_HALT) ------------------------------------------------------------- */

ON_UNSTALL(toggle_kept)
{
	*reset_toggle = false;
	return true;
}

const struct msc_fault msc_fault_toggle_kept = {
	.id = "toggle-kept",
	.title = "CLEAR_FEATURE ends a halt but does not restart the data toggle",
	.seen = "field 3: Zephyr #23188, TinyUSB #1058",
	.caught_by = "usb.halt.recover",
	.ops = {.unstall = toggle_kept},
};

ON_SETUP(clear_halt_refused)
{
	return is_clear_halt(q) ? MUTANT_STALL : MUTANT_PASS;
}

const struct msc_fault msc_fault_clear_halt_refused = {
	.id = "clear-halt-refused",
	.title = "CLEAR_FEATURE(ENDPOINT_HALT) is not supported",
	.seen = "exists to prove the rule",
	.caught_by = "usb.halt.recover",
	.ops = {.setup = clear_halt_refused},
};

/* state: Bulk-Only Reset came since the last bus reset or halt. */
ON_SETUP(remember_reset)
{
	if (is_reset(q))
		*(bool *)state = true;
	return MUTANT_PASS;
}

ON_STALL(forget_reset)
{
	*(bool *)state = false;
	return true;
}

ON_UNSTALL(halt_stuck)
{
	return *(bool *)state || ep != v->ep_in;
}

const struct msc_fault msc_fault_halt_stuck = {
	.id = "halt-stuck",
	.title = "only reset recovery ends a halt of bulk-in, CLEAR_FEATURE alone does not",
	.seen = "exists to prove the rule",
	.caught_by = "bot.csw.stall",
	.ops = {.state_size = sizeof(bool),
		.setup = remember_reset,
		.stall = forget_reset,
		.unstall = halt_stuck},
};

ON_CONTROL_IN(halt_status)
{
	if (q->request_type == (MSC_REQTYPE_IN | MSC_RECIPIENT_ENDPOINT) &&
	    q->request == MSC_STD_GET_STATUS)
		buf[0] = 0;
}

const struct msc_fault msc_fault_halt_status = {
	.id = "halt-status",
	.title = "GET_STATUS of an endpoint never says that it is halted",
	.seen = "exists to prove the rule",
	.caught_by = "usb.halt.status expect.value",
	.ops = {.control_in = halt_status},
};

/* -- Bulk-Only Mass Storage Reset -------------------------------------------------------------- */

ON_SETUP(reset_refused)
{
	return is_reset(q) ? MUTANT_STALL : MUTANT_PASS;
}

const struct msc_fault msc_fault_reset_refused = {
	.id = "reset-refused",
	.title = "Bulk-Only Mass Storage Reset is refused",
	.seen = "field 9: NuttX #19435: wIndex is compared with a constant",
	.caught_by = "bot.reset.completes",
	.ops = {.setup = reset_refused},
};

ON_SETUP(reset_hangs)
{
	return is_reset(q) ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_reset_hangs = {
	.id = "reset-hangs",
	.title = "the status stage of Bulk-Only Mass Storage Reset never comes",
	.seen = "field 10: NuttX #19435",
	.caught_by = "bot.reset.completes",
	.ops = {.setup = reset_hangs},
};

ON_SETUP(reset_fields)
{
	if (fault_is_class(q, MSC_REQ_BULK_ONLY_RESET)) {
		q->value = 0;
		q->index = 0;
		q->length = 0;
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_reset_fields = {
	.id = "reset-fields",
	.title = "the fields of Bulk-Only Mass Storage Reset are not checked",
	.seen = "field 12: Zephyr #11359, LUFA, CherryUSB",
	.caught_by = "bot.reset.fields",
	.ops = {.setup = reset_fields},
};

/* state: the bulk endpoints, learned from the halts set on them. */
struct halted {
	bool in, out;
	uint8_t ep_in, ep_out;
};

ON_STALL(remember_halts)
{
	struct halted *h = state;

	h->ep_in = v->ep_in;
	h->ep_out = v->ep_out;
	h->in |= ep == v->ep_in;
	h->out |= ep == v->ep_out;
	return true;
}

ON_SETUP(reset_clears_halts)
{
	struct halted *h = state;

	if (!is_reset(q))
		return MUTANT_PASS;
	if (h->in)
		mutant_unstall(m, h->ep_in);
	if (h->out)
		mutant_unstall(m, h->ep_out);
	h->in = h->out = false;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_reset_clears_halts = {
	.id = "reset-clears-halts",
	.title = "Bulk-Only Mass Storage Reset itself ends the halts",
	.seen = "ST USBD_MSC, LUFA",
	.caught_by = "bot.reset.halts",
	.ops = {.state_size = sizeof(struct halted),
		.setup = reset_clears_halts,
		.stall = remember_halts},
};

ON_SETUP(reset_only_acknowledged)
{
	if (!is_reset(q))
		return MUTANT_PASS;
	udc_ep0_ack(m);
	return MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_reset_only_acknowledged = {
	.id = "reset-only-acknowledged",
	.title = "Bulk-Only Mass Storage Reset is acknowledged and changes nothing",
	.seen = "field 11: rusEFI #9841, CherryUSB",
	.caught_by = "bot.reset.recovers",
	.ops = {.setup = reset_only_acknowledged},
};
