/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of halts that depend on when and in which state they are ended, and of toggles. */
#include "firmware/fault/fault.h"

#include <string.h>

/* -- toggles ---------------------------------------------------------------------------------- */

ON_UNSTALL(toggle_of_halted)
{
	*reset_toggle = udc_stalled(m, ep);
	return true;
}

const struct msc_fault msc_fault_toggle_kept_idle = {
	.id = "toggle-kept-idle",
	.title = "CLEAR_FEATURE restarts the data toggle of a halted endpoint only",
	.seen = "field 3: https://github.com/hathach/tinyusb/pull/1058; "
		"https://github.com/hathach/tinyusb/pull/1537",
	.caught_by = "usb.halt.recover",
	.by_toggle = true,
	.mistake =
		"CLEAR_FEATURE returns early when the endpoint is not halted: reset the "
		"toggle always",
	.ops = {.unstall = toggle_of_halted},
};

/* -- what is queued ---------------------------------------------------------------------------- */

/* The firmware still takes the endpoint for busy, and arms it no more. */
ON_UNSTALL(receive_dropped)
{
	if (ep == v->ep_out && !udc_stalled(m, ep))
		mutant_drop(m, ep);
	return true;
}

const struct msc_fault msc_fault_clear_idle = {
	.id = "clear-idle",
	.title =
		"CLEAR_FEATURE(ENDPOINT_HALT) of bulk-out that is not halted drops what is armed there, "
		"and nothing arms it again",
	.seen = "https://github.com/hathach/tinyusb/pull/3758: the endpoint answers NAK for ever "
		"(usbtest 29); #1529; http://janaxelson.com/device_errors.htm",
	.caught_by = "usb.halt.recover",
	.mistake =
		"CLEAR_FEATURE cancels what is armed: on an endpoint that is not halted it "
		"restarts the toggle and nothing else",
	.ops = {.unstall = receive_dropped},
};

/* Its toggle is that of an endpoint which has just been set up, and the host's is not. */
ON_UNSTALL(both_ended)
{
	mutant_unstall(m, ep == v->ep_in ? v->ep_out : v->ep_in);
	return true;
}

const struct msc_fault msc_fault_clear_both = {
	.id = "clear-both",
	.title =
		"CLEAR_FEATURE(ENDPOINT_HALT) of one bulk endpoint ends the halt of the other, too",
	.caught_by = "usb.halt.recover",
	.mistake = "wIndex names one endpoint, and its bit 7 which of the two: the other one keeps "
		   "its halt and its data toggle",
	.ops = {.unstall = both_ended},
};

ON_UNSTALL(status_dropped)
{
	if (ep == v->ep_in && !udc_stalled(m, ep))
		mutant_drop(m, ep);
	return true;
}

const struct msc_fault msc_fault_clear_status = {
	.id = "clear-status",
	.title =
		"CLEAR_FEATURE(ENDPOINT_HALT) of bulk-in that is not halted throws away the CSW that "
		"waits there",
	.seen = "https://github.com/hathach/tinyusb/issues/1529: what is pending is cleared with it",
	.caught_by = "usb.halt.recover",
	.mistake =
		"CLEAR_FEATURE flushes the endpoint's FIFO, and nothing fills it again",
	.ops = {.unstall = status_dropped},
};

/* -- what is armed twice: the buffer of a command in flight is nobody's business here ------------ */

static void arm_again(struct mcu *m, uint8_t ep, void *buf)
{
	if (udc_busy(m, ep))
		udc_receive(m, ep, buf, MSC_CBW_LEN);
}

ON_UNSTALL(receive_again)
{
	if (ep == v->ep_out)
		arm_again(m, ep, state);
	return true;
}

const struct msc_fault msc_fault_clear_rearms = {
	.id = "clear-rearms",
	.title = "CLEAR_FEATURE(ENDPOINT_HALT) of bulk-out arms it for a CBW although it is armed",
	.seen = "https://github.com/hathach/tinyusb/blob/fd70160/src/class/msc/msc_device.c: "
		"mscd_control_xfer_cb; "
		"https://github.com/STMicroelectronics/stm32_mw_usb_device/blob/0b06460/Class/MSC/Src/"
		"usbd_msc_bot.c",
	.caught_by = "firmware.misuse",
	.mistake =
		"the end of a halt means the next CBW only where bulk-out was halted: ask whether "
		"it is armed, or take the buffer back first",
	.ops = { .state_size = MSC_CBW_LEN, .unstall = receive_again },
};

/* state: bulk-out, learned from the first CBW, and a buffer. */
struct rearmed {
	uint8_t ep, cbw[MSC_CBW_LEN];
};

ON_COMMAND(learn_out)
{
	((struct rearmed *)state)->ep = v->ep_out;
	return MUTANT_PASS;
}

ON_SETUP(reset_receives)
{
	struct rearmed *r = state;

	if (fault_is_class(q, MSC_REQ_BULK_ONLY_RESET) && r->ep)
		arm_again(m, r->ep, r->cbw);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_reset_rearms = {
	.id = "reset-rearms",
	.title = "Bulk-Only Mass Storage Reset arms bulk-out for a CBW although it is armed",
	.seen = "https://github.com/STMicroelectronics/stm32_mw_usb_device/blob/0b06460/Class/MSC/Src/"
		"usbd_msc_bot.c: MSC_BOT_Reset",
	.caught_by = "firmware.misuse",
	.mistake =
		"the reset may come while the device waits for a CBW: take the buffer back before "
		"arming another",
	.ops = { .state_size = sizeof(struct rearmed),
		 .command = learn_out,
		 .setup = reset_receives },
};

/* state: the host has halted bulk-out. */
ON_SETUP(host_halts)
{
	if (q->request_type == MSC_RECIPIENT_ENDPOINT && q->request == MSC_STD_SET_FEATURE &&
	    q->value == MSC_FEATURE_ENDPOINT_HALT)
		*(uint8_t *)state = (uint8_t)q->index;
	return MUTANT_PASS;
}

ON_UNSTALL(halted_by_host)
{
	uint8_t *halted = state;

	if (ep == v->ep_out && *halted == ep) {
		mutant_drop(m, ep);
		*halted = 0;
	}
	return true;
}

const struct msc_fault msc_fault_halt_feature_sticks = {
	.id = "halt-feature-sticks",
	.title =
		"a halt of bulk-out by SET_FEATURE costs what was armed there, and nothing arms it again "
		"when the halt is cleared",
	.seen = "https://github.com/Nuand/bladeRF/issues/98: all that follows the halt endpoint test "
		"fails",
	.caught_by = "usb.halt.recover",
	.mistake = "the class is not told when the host clears a halt that the host has set",
	.ops = {.state_size = sizeof(uint8_t), .setup = host_halts, .unstall = halted_by_host},
};

/* -- time ------------------------------------------------------------------------------------- */

#define PATIENCE_NS (50 * MSC_MS)

/* state: the CSW that waits behind a halt, and since when. */
struct waiting {
	bool halted, have;
	int64_t since_ns;
	uint8_t csw[MSC_CSW_LEN];
};

ON_SETUP(forget_waiting)
{
	if (fault_is_class(q, MSC_REQ_BULK_ONLY_RESET))
		*(struct waiting *)state = (struct waiting){ .halted = false };
	return MUTANT_PASS;
}

ON_RESET(waiting_is_over)
{
	*(struct waiting *)state = (struct waiting){ .halted = false };
}

ON_STALL(halt_begins)
{
	struct waiting *w = state;

	if (ep == v->ep_in && v->in_command)
		*w = (struct waiting){ .halted = true, .since_ns = mcu_now(m) };
	return true;
}

ON_CSW(keep_behind_halt)
{
	struct waiting *w = state;

	if (!w->halted)
		return MUTANT_PASS;
	memcpy(w->csw, raw, sizeof w->csw);
	w->have = true;
	return MUTANT_SWALLOW;
}

ON_UNSTALL(send_in_time)
{
	struct waiting *w = state;

	if (ep == v->ep_in && w->have && mcu_now(m) - w->since_ns < PATIENCE_NS)
		mutant_transmit(m, w->csw, sizeof w->csw);
	if (ep == v->ep_in)
		*w = (struct waiting){ .halted = false };
	return true;
}

const struct msc_fault msc_fault_csw_impatient = {
	.id = "csw-impatient",
	.title =
		"a CSW behind a halt is given up when the host takes longer than 50 ms to clear it",
	.seen = "field 1: https://github.com/apache/nuttx/issues/19435; "
		"https://github.com/apache/nuttx/commit/cfeca506f8c: it works with hosts that "
		"clear the halt within 100 ms",
	.caught_by = "bot.csw.missing",
	.mistake =
		  "a time-out of the firmware runs while the host clears the halt: the CSW waits "
		  "as long as it takes",
	.ops = {.state_size = sizeof(struct waiting),
		.setup = forget_waiting,
		.reset = waiting_is_over,
		.stall = halt_begins,
		.csw = keep_behind_halt,
		.unstall = send_in_time},
};

/* A halt that comes late, and the CSW behind it. */
struct late {
	bool pending, waiting; /* for the CSW, for the time */
	uint8_t ep;
	uint8_t csw[MSC_CSW_LEN];
};

static void halt_at_last(struct mcu *m, void *arg)
{
	struct late *l = arg;

	if (!l->waiting)
		return;
	l->waiting = false;
	mutant_stall(m, l->ep);
	mutant_transmit(m, l->csw, sizeof l->csw);
}

ON_SETUP(forget_late)
{
	struct late *l = state;

	if (!fault_is_class(q, MSC_REQ_BULK_ONLY_RESET))
		return MUTANT_PASS;
	if (l->ep)
		mutant_drop(m, l->ep);
	*l = (struct late){ .pending = false };
	return MUTANT_PASS;
}

ON_RESET(late_is_over)
{
	*(struct late *)state = (struct late){ .pending = false };
}

ON_STALL(halt_later)
{
	struct late *l = state;

	if (ep != v->ep_in || !v->in_command)
		return true;
	l->pending = true;
	l->ep = ep;
	return false;
}

ON_CSW(csw_later)
{
	struct late *l = state;

	if (!l->pending)
		return MUTANT_PASS;
	l->pending = false;
	l->waiting = true;
	memcpy(l->csw, raw, sizeof l->csw);
	mcu_timer(m, 2 * MSC_S, halt_at_last, l);
	return MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_stall_late = {
	.id = "stall-late",
	.title = "two seconds pass between the last data and the STALL that says so",
	.seen = "field 39: https://github.com/raspberrypi/linux/issues/7452: halting times out",
	.caught_by = "bot.stall.late",
	.mistake = "the halt is set by a timer or the main loop, long after the data",
	.ops = {.state_size = sizeof(struct late),
		.setup = forget_late,
		.reset = late_is_over,
		.stall = halt_later,
		.csw = csw_later},
};

/* -- Bulk-Only Mass Storage Reset -------------------------------------------------------------- */

static bool is_reset(const struct msc_setup *q)
{
	return q->request_type == (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE) &&
	       q->request == MSC_REQ_BULK_ONLY_RESET && !q->value && !q->index && !q->length;
}

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
	.seen = LUFA_MSC "; " ROCKBOX "2662f1b3ce",
	.caught_by = "bot.reset.halts",
	.mistake =
		"Bulk-Only Reset opens the endpoints anew; 3.1 leaves halts to "
		"CLEAR_FEATURE",
	.ops = {.state_size = sizeof(struct halted),
		.setup = reset_clears_halts,
		.stall = remember_halts},
};

/* -- which endpoint is halted ------------------------------------------------------------------------ */

ON_STALL(halt_other)
{
	if (!v->in_command)
		return true;
	mutant_stall(m, ep == v->ep_in ? v->ep_out : v->ep_in);
	return false;
}

const struct msc_fault msc_fault_stall_wrong_endpoint = {
	.id = "stall-wrong-endpoint",
	.title =
		"bulk-out is halted where data to the host ends early, bulk-in where the host's is not taken",
	.seen = "https://github.com/hathach/tinyusb/commit/4b7857826: bulk-in for a command that is not known, "
		"whatever its direction",
	.caught_by = "bot.data.short bot.csw.merged",
	.mistake =
		"bit 7 of bmCBWFlags is 1 for data to the host: halt bulk-in then, else bulk-out",
	.ops = {.stall = halt_other},
};
