/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of command transport: CBWs that are not valid, and valid ones that are not taken. */
#include "firmware/fault/fault.h"

#include <string.h>

ON_RECEIVED(invalid_cbw_ignored)
{
	return v->in_command ? MUTANT_PASS : MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_cbw_ignored = {
	.id = "cbw-ignored",
	.title = "a CBW that is not valid is dropped, and the next one awaited",
	.seen = "field 41: Zephyr #55531: a host cannot tell that its CBW was dropped",
	.caught_by = "bot.cbw.invalid",
	.ops = {.received = invalid_cbw_ignored},
};

ON_RECEIVED(signature_unchecked)
{
	if (!v->in_command && *len == MSC_CBW_LEN)
		msc_put_le32(buf, MSC_CBW_SIGNATURE);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_cbw_signature_unchecked = {
	.id = "cbw-signature-unchecked",
	.title = "a CBW with a wrong signature is executed",
	.seen = "exists to prove the rule",
	.caught_by = "bot.cbw.invalid",
	.ops = {.received = signature_unchecked},
};

ON_RECEIVED(length_unchecked)
{
	if (!v->in_command && *len >= MSC_CBW_LEN - 1 && *len <= MSC_CBW_LEN + 1 &&
	    msc_get_le32(buf) == MSC_CBW_SIGNATURE)
		*len = MSC_CBW_LEN;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_cbw_length_unchecked = {
	.id = "cbw-length-unchecked",
	.title = "a CBW of 30 or 32 bytes is executed",
	.seen = "LUFA",
	.caught_by = "bot.cbw.invalid",
	.ops = {.received = length_unchecked},
};

ON_COMMAND(wants_32)
{
	mutant_stall(m, v->ep_in);
	return MUTANT_STALL;
}

const struct msc_fault msc_fault_cbw_wants_32 = {
	.id = "cbw-wants-32",
	.title = "a CBW is taken for one only when it has 32 bytes",
	.seen = "Linux quirk BULK32",
	.caught_by = "expect.settles",
	.ops = {.command = wants_32},
};

ON_STALL(out_unarmed)
{
	return ep != v->ep_out || v->in_command;
}

const struct msc_fault msc_fault_out_unarmed = {
	.id = "out-unarmed",
	.title = "after a CBW that is not valid bulk-out neither takes data nor is halted",
	.seen = "field 41: Zephyr #55531",
	.caught_by = "bot.cbw.discard expect.outcome",
	.ops = {.stall = out_unarmed},
};

ON_SETUP(halt_lost)
{
	if (q->request_type == MSC_RECIPIENT_ENDPOINT && q->request == MSC_STD_CLEAR_FEATURE &&
	    q->value == MSC_FEATURE_ENDPOINT_HALT)
		mutant_unstall(m, (uint8_t)q->index);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_halt_lost = {
	.id = "halt-lost",
	.title = "CLEAR_FEATURE ends the halt of a CBW that was not valid",
	.seen = "field 41: Zephyr #55531; dwc2 before it had a wedge",
	.caught_by = "bot.cbw.persist",
	.ops = {.setup = halt_lost},
};

ON_CSW(out_halt_left)
{
	if (raw[CSW_STATUS] == MSC_CSW_FAILED && v->cbw.h.length && !fault_is_in(v))
		mutant_stall(m, v->ep_out);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_out_halt_left = {
	.id = "out-halt-left",
	.title = "a write that fails halts bulk-out when all its data has been taken",
	.seen = "field 33: TinyUSB #3471",
	.caught_by = "bot.cbw.accept",
	.needs_writes = true,
	.ops = {.csw = out_halt_left},
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
	.seen = "field 19: usbd-storage #28",
	.caught_by = "bot.cbw.invalid",
	.ops = {.state_size = sizeof(struct replay),
		.reset = replay_armed,
		.command = replay_kept,
		.received = replay_last},
};
