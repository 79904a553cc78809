/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of control requests: Get Max LUN, and endpoint 0 itself. */
#include "firmware/fault/fault.h"

static bool is_max_lun(const struct msc_setup *q)
{
	return fault_is_class(q, MSC_REQ_GET_MAX_LUN);
}

static bool is_wrong(const struct msc_setup *q)
{
	return q->value || q->index || q->length != 1;
}

ON_SETUP(maxlun_fields)
{
	if (is_max_lun(q)) {
		q->value = 0;
		q->index = 0;
		q->length = 1;
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_maxlun_fields = {
	.id = "maxlun-fields",
	.title = "the fields of Get Max LUN are not checked",
	.seen = "field 12: Zephyr #11359, LUFA, CherryUSB",
	.caught_by = "bot.maxlun.fields",
	.ops = {.setup = maxlun_fields},
};

ON_CONTROL_IN(maxlun_empty)
{
	if (is_max_lun(q))
		*len = 0;
}

const struct msc_fault msc_fault_maxlun_empty = {
	.id = "maxlun-empty",
	.title = "Get Max LUN is answered with no byte",
	.seen = "exists to prove the rule",
	.caught_by = "bot.maxlun.length",
	.ops = {.control_in = maxlun_empty},
};

ON_CONTROL_IN(maxlun_high)
{
	if (is_max_lun(q))
		buf[0] = 27;
}

const struct msc_fault msc_fault_maxlun_high = {
	.id = "maxlun-high",
	.title = "Get Max LUN is 27",
	.seen = "field 9 and 14: EDK2 #7170, NuttX #19435: macOS read 28 units",
	.caught_by = "bot.maxlun.range",
	.ops = {.control_in = maxlun_high},
};

/* state: how often it was asked. */
ON_CONTROL_IN(maxlun_unstable)
{
	uint32_t *asked = state;

	if (is_max_lun(q) && (*asked)++ % 2)
		buf[0] ^= 1;
}

const struct msc_fault msc_fault_maxlun_unstable = {
	.id = "maxlun-unstable",
	.title = "Get Max LUN gives another answer every other time",
	.seen = "field 13: ZuluSCSI #512",
	.caught_by = "bot.maxlun.stable",
	.ops = {.state_size = sizeof(uint32_t), .control_in = maxlun_unstable},
};

ON_SETUP(request_ignored)
{
	return is_max_lun(q) && is_wrong(q) ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_request_ignored = {
	.id = "request-ignored",
	.title = "a control request with wrong fields is neither answered nor refused",
	.seen = "field 12: Arm MDK #119",
	.caught_by = "usb.control.answer",
	.ops = {.setup = request_ignored},
};

/* state: endpoint 0 was stalled. */
ON_SETUP(ep0_halted)
{
	bool *halted = state;

	if (*halted) {
		*halted = false;
		return MUTANT_SWALLOW;
	}
	*halted = is_max_lun(q) && is_wrong(q);
	return *halted ? MUTANT_STALL : MUTANT_PASS;
}

const struct msc_fault msc_fault_ep0_halted = {
	.id = "ep0-halted",
	.title = "the request after one that was refused is not answered",
	.seen = "exists to prove the rule",
	.caught_by = "usb.control.stall",
	.ops = {.state_size = sizeof(bool), .setup = ep0_halted},
};
