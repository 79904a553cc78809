/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a transport that is right as long as there is one interface, one logical unit and one
 * configuration, and as long as the host agrees. */
#include "firmware/fault/fault.h"

static bool is_reset(const struct msc_setup *q)
{
	return q->request_type == (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE) &&
	       q->request == MSC_REQ_BULK_ONLY_RESET && !q->value && !q->length;
}

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
	.seen = LUFA_MSC ": MS_Device_USBTask",
	.caught_by = "bot.reset.recovers bot.reset.halts",
	.mistake = "Bulk-Only Reset opens the endpoints anew; 3.1 keeps toggles and halts",
	.ops = {.state_size = sizeof(struct mutant_view),
		.command = remember_endpoints,
		.setup = reset_clears_toggles},
};

/* state: what is on bulk-in is a CSW; the present request is the reset. */
struct armed {
	bool csw, reset;
};

ON_DATA_IN(data_is_armed)
{
	((struct armed *)state)->csw = false;
	return MUTANT_PASS;
}

ON_CSW(csw_is_armed)
{
	((struct armed *)state)->csw = true;
	return MUTANT_PASS;
}

ON_SETUP(reset_begins)
{
	((struct armed *)state)->reset = is_reset(q);
	return MUTANT_PASS;
}

ON_TAKE_BACK(unless_reset)
{
	return !((const struct armed *)state)->reset;
}

ON_TAKE_BACK(unless_reset_with_csw)
{
	const struct armed *a = state;

	return !a->reset || !a->csw;
}

const struct msc_fault msc_fault_reset_keeps_data = {
	.id = "reset-keeps-data",
	.title =
		"Bulk-Only Reset leaves on bulk-in what was armed there, and the next command gets it",
	.seen = "https://github.com/STMicroelectronics/stm32_mw_usb_device/blob/0b06460/Class/MSC/Src/"
		"usbd_msc_bot.c: MSC_BOT_Reset sets the state back and flushes nothing",
	.caught_by = "bot.data.stale",
	.mistake =
		"the state machine is reset and the transfer is not: take back what is armed on "
		"bulk-in, and flush the FIFO",
	.ops = {.state_size = sizeof(struct armed),
		.setup = reset_begins,
		.take_back = unless_reset},
};

const struct msc_fault msc_fault_reset_keeps_csw = {
	.id = "reset-keeps-csw",
	.title = "Bulk-Only Reset ends data, and leaves a CSW that waits on bulk-in",
	.caught_by = "bot.data.stale",
	.mistake =
		"what fits into the FIFO counts as sent: flush the FIFO in the reset, also when no "
		"transfer is under way",
	.ops = {.state_size = sizeof(struct armed),
		.setup = reset_begins,
		.data_in = data_is_armed,
		.csw = csw_is_armed,
		.take_back = unless_reset_with_csw},
};

/* -- a reset in the middle of a command ----------------------------------------------------------- */

struct midway {
	bool begun; /* a command is under way, or was the last thing that the host wanted */
	uint8_t ep_in, ep_out;
	uint16_t value; /* of the last SET_CONFIGURATION that the firmware was told of */
};

ON_COMMAND(has_begun)
{
	struct midway *s = state;

	s->begun = true;
	s->ep_in = v->ep_in;
	s->ep_out = v->ep_out;
	return MUTANT_PASS;
}

/* A CBW that is not valid; or one that is not meaningful, for which bulk-out is halted though the host sends
 * nothing. */
ON_RECEIVED(has_not_begun)
{
	if (!v->in_command)
		((struct midway *)state)->begun = false;
	return MUTANT_PASS;
}

ON_STALL(has_not_begun_either)
{
	if (ep == v->ep_out && (!v->cbw.h.length || fault_is_in(v)))
		((struct midway *)state)->begun = false;
	return true;
}

ON_RESET(has_ended)
{
	((struct midway *)state)->begun = false;
}

ON_SETUP(reset_passes_by)
{
	if (!is_reset(q) || q->index || !((const struct midway *)state)->begun)
		return MUTANT_PASS;
	mutant_acknowledge(m);
	return MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_reset_midway_ignored = {
	.id = "reset-midway-ignored",
	.title = "Bulk-Only Mass Storage Reset in the middle of a command does not end it",
	.seen = "https://github.com/ChibiOS/ChibiOS-Contrib/blob/b643aad/os/hal/src/hal_usb_msd.c: "
		"msd_request_hook acknowledges it, and no more",
	.caught_by = "bot.data.stale bot.reset.recovers",
	.mistake =
		"the request reaches the class and not the task that moves the data: it has to give the "
		"command up, with what is armed for it and its CSW",
	.ops = {.state_size = sizeof(struct midway),
		.setup = reset_passes_by,
		.command = has_begun,
		.received = has_not_begun,
		.stall = has_not_begun_either,
		.reset = has_ended},
};

/* The peripheral is set up anew, and whoever serves the command never hears of it. */
ON_SETUP(configuration_passes_by)
{
	struct midway *s = state;

	if (q->request_type || q->request != MSC_STD_SET_CONFIGURATION)
		return MUTANT_PASS;
	if (q->value != s->value || !s->begun) {
		s->value = q->value;
		s->begun = false;
		return MUTANT_PASS;
	}
	mutant_unstall(m, s->ep_in);
	mutant_unstall(m, s->ep_out);
	mutant_acknowledge(m);
	return MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_configuration_midway_ignored = {
	.id = "configuration-midway-ignored",
	.title =
		"SET_CONFIGURATION in the middle of a command opens the endpoints and does not end it",
	.seen = CHIBIOS_SCSI ": data_read_write10 does not look at what transmit and receive "
		"return",
	.caught_by = "bot.data.stale",
	.mistake =
		"the endpoints are set up again and the class is not: what is under way has to be "
		"forgotten, with what is armed for it",
	.ops = {.state_size = sizeof(struct midway),
		.setup = configuration_passes_by,
		.command = has_begun,
		.received = has_not_begun,
		.stall = has_not_begun_either,
		.reset = has_ended},
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
	.seen = CHERRYUSB_MSC ": SCSI_SetSenseData; " TINYUSB_MSC "; " ST_MSC "usbd_msc_scsi.c",
	.caught_by = "scsi.sense.unit",
	.mistake = "the sense data is one variable: keep one for each unit",
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
	.seen = "field 27: https://github.com/STMicroelectronics/STM32CubeH7/issues/308; "
		"https://github.com/micropython/micropython/commit/fd2ff867a0: one pair of "
		"cached values for all units",
	.caught_by = "scsi.lba.refused",
	.mistake = "the capacity is one variable for all units",
	.target = "luns=2",
	.ops = {.state_size = sizeof(uint32_t),
		.data_in = capacity_told,
		.command = capacity_shared},
};
