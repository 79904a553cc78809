/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a transport that is right as long as there is one interface, one logical unit and one
 * configuration, and as long as the host agrees. */
#include "firmware/fault/fault.h"

static bool is_reset(const struct msc_setup *q)
{
	return q->request_type == (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE) &&
	       q->request == MSC_REQ_BULK_ONLY_RESET && !q->value && !q->length;
}

/* -- composite devices ------------------------------------------------------------------------ */

/* The reference's mass storage is interface 1 there. */
ON_SETUP(class_index_fixed)
{
	if ((q->request_type & ~MSC_REQTYPE_IN) != (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE) ||
	    q->index > 1)
		return MUTANT_PASS;
	if (q->index == 1)
		return MUTANT_STALL;
	q->index = 1;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_class_index_fixed = {
	.id = "class-index-fixed",
	.title = "wIndex of class requests is compared with 0 whatever the interface's number is",
	.seen = "field 9: NuttX #19435: macOS reads 28 units and then resets for ever",
	.caught_by = "bot.reset.completes expect.outcome",
	.target = "composite=1",
	.ops = {.setup = class_index_fixed},
};

/* state: Bulk-Only Reset has come. */
ON_SETUP(sibling_lost)
{
	bool *was_reset = state;

	*was_reset |= is_reset(q);
	return *was_reset && q->index == 0 &&
			       (q->request_type & MSC_REQTYPE_RECIPIENT) == MSC_RECIPIENT_INTERFACE
		       ? MUTANT_SWALLOW
		       : MUTANT_PASS;
}

const struct msc_fault msc_fault_sibling_lost = {
	.id = "sibling-lost",
	.title = "Bulk-Only Reset stops the other interface of the device, too",
	.seen = "field 11: rusEFI #9841; Zephyr #23191",
	.caught_by = "usb.control.answer",
	.target = "composite=1",
	.ops = {.state_size = sizeof(bool), .setup = sibling_lost},
};

/* -- configuration ---------------------------------------------------------------------------- */

/* state: configured since the last bus reset. */
ON_SETUP(configuration_ignored)
{
	bool *configured = state;

	if (q->request_type || q->request != MSC_STD_SET_CONFIGURATION || !q->value)
		return MUTANT_PASS;
	if (!*configured) {
		*configured = true;
		return MUTANT_PASS;
	}
	udc_ep0_ack(m);
	return MUTANT_SWALLOW;
}

ON_RESET(configuration_forgotten)
{
	*(bool *)state = false;
}

const struct msc_fault msc_fault_configuration_ignored = {
	.id = "configuration-ignored",
	.title =
		"SET_CONFIGURATION with the value in force changes nothing: halts and toggles stay",
	.seen = "field 4: TinyUSB #1061",
	.caught_by = "bot.reset.recovers",
	.ops = {.state_size = sizeof(bool),
		.setup = configuration_ignored,
		.reset = configuration_forgotten},
};

ON_CONTROL_IN(config_attributes)
{
	if (fault_is_get(q, MSC_DESC_CONFIGURATION) && *len >= 8)
		buf[7] = 0;
}

const struct msc_fault msc_fault_config_attributes = {
	.id = "config-attributes",
	.title = "bmAttributes of the configuration is 00h",
	.seen = "many devices",
	.caught_by = "usb.config.attributes",
	.ops = {.control_in = config_attributes},
};

ON_SETUP(otherspeed_copied)
{
	if (fault_is_get(q, MSC_DESC_OTHER_SPEED))
		q->value = MSC_DESC_CONFIGURATION << 8;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_otherspeed_copied = {
	.id = "otherspeed-copied",
	.title = "other_speed_configuration is the present configuration once more",
	.seen = "exists to prove the rule",
	.caught_by = "usb.otherspeed.form",
	.target = "speed=high",
	.ops = {.setup = otherspeed_copied},
};

/* -- Bulk-Only Reset -------------------------------------------------------------------------- */

ON_COMMAND(remember_endpoints)
{
	*(struct mutant_view *)state = *v;
	return MUTANT_PASS;
}

ON_SETUP(reset_clears_toggles)
{
	const struct mutant_view *last = state;

	if (is_reset(q) && last->ep_in) {
		mutant_unstall(m, last->ep_in);
		mutant_unstall(m, last->ep_out);
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_reset_clears_toggles = {
	.id = "reset-clears-toggles",
	.title = "Bulk-Only Reset restarts the data toggles",
	.seen = "LUFA",
	.caught_by = "bot.reset.recovers bot.reset.halts",
	.ops = {.state_size = sizeof(struct mutant_view),
		.command = remember_endpoints,
		.setup = reset_clears_toggles},
};

/* -- several units ---------------------------------------------------------------------------- */

/* state: the unit whose command was the last to fail. */
ON_CSW(sense_kept)
{
	if (raw[CSW_STATUS] == MSC_CSW_FAILED)
		*(uint8_t *)state = v->cbw.h.lun;
	return MUTANT_PASS;
}

ON_COMMAND(sense_shared)
{
	if (seen->cb[0] == MSC_OP_REQUEST_SENSE)
		seen->h.lun = *(uint8_t *)state;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_shared = {
	.id = "sense-shared",
	.title = "there is one sense for all logical units",
	.seen = "TinyUSB, CherryUSB, ST: read in their sources",
	.caught_by = "expect.data",
	.target = "luns=2",
	.ops = {.state_size = sizeof(uint8_t), .csw = sense_kept, .command = sense_shared},
};

/* state: the last block that any unit was said to have. */
ON_DATA_IN(capacity_told)
{
	if (fault_answers(v, MSC_OP_READ_CAPACITY_10, *len, MSC_CAPACITY_10_LEN))
		*(uint32_t *)state = msc_get_be32(buf);
	return MUTANT_PASS;
}

ON_COMMAND(capacity_shared)
{
	uint32_t last = *(uint32_t *)state;

	if (last && seen->cb[0] == MSC_OP_READ_10 && msc_get_be32(seen->cb + 2) > last)
		msc_put_be32(seen->cb + 2, UINT32_MAX);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_capacity_shared = {
	.id = "capacity-shared",
	.title = "reads are held to the capacity of the unit that was asked for it last",
	.seen = "field 27: STM32CubeH7 #308",
	.caught_by = "expect.status",
	.target = "luns=2",
	.ops = {.state_size = sizeof(uint32_t),
		.data_in = capacity_told,
		.command = capacity_shared},
};

/* -- disagreement ----------------------------------------------------------------------------- */

ON_CSW(hang_when_disagreeing)
{
	return raw[CSW_STATUS] == MSC_CSW_PHASE_ERROR ? MUTANT_SWALLOW : MUTANT_PASS;
}

ON_RECEIVED(hang_when_invalid)
{
	return v->in_command ? MUTANT_PASS : MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_hang_negative = {
	.id = "hang-negative",
	.title = "the device says no more whenever the host does not what it expects",
	.seen = "any firmware that was tried with one host only",
	.caught_by = "bot.csw.missing bot.cbw.invalid",
	.ops = {.csw = hang_when_disagreeing, .received = hang_when_invalid},
};

ON_COMMAND(length_16_bit)
{
	seen->h.length &= 0xffff;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_length_16_bit = {
	.id = "length-16-bit",
	.title = "dCBWDataTransferLength is kept in 16 bits",
	.seen = "field 32: Zephyr #26275: WRITE(12) of 64 KiB is never taken",
	.caught_by = "bot.case.needless",
	.ops = {.command = length_16_bit},
};
