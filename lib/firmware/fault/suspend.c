/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a device on a bus that is suspended, and resumed or reset (USB 2.0, 9.1.1.6). */
#include "firmware/fault/fault.h"

#define ON_SUSPEND(name)                                                                           \
	static void name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE,                   \
			 bool suspended MAYBE, void *state MAYBE)

static void drop_both(struct mcu *m, const struct mutant_view *v)
{
	if (v->ep_in)
		mutant_drop(m, v->ep_in);
	if (v->ep_out)
		mutant_drop(m, v->ep_out);
}

ON_SUSPEND(disarm)
{
	if (suspended)
		drop_both(m, v);
}

const struct msc_fault msc_fault_suspend_disarms = {
	.id = "suspend-disarms",
	.title = "suspend cancels what is armed on the bulk endpoints, and resume arms nothing",
	.seen = "https://github.com/zephyrproject-rtos/zephyr/issues/26725: dead until it is set up "
		"anew",
	.caught_by = "usb.suspend.resumes",
	.mistake =
		  "transfers are cancelled at suspend: leave them, or arm bulk-out for a CBW "
		  "again at resume",
	.ops = {.suspend = disarm},
};

/* state: since the bus was suspended, and until the next reset. */
struct lost {
	bool is;
};

ON_RESET(found_again)
{
	((struct lost *)state)->is = false;
}

ON_SUSPEND(lose_all)
{
	if (suspended)
		drop_both(m, v);
	((struct lost *)state)->is = true;
}

ON_SETUP(asleep)
{
	return ((struct lost *)state)->is ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_suspend_deaf = {
	.id = "suspend-deaf",
	.title = "once the bus was suspended the device answers nothing until it is reset",
	.seen = "https://github.com/leaflabs/libmaple/pull/75: the state stays \"suspended\"",
	.caught_by = "usb.suspend.resumes",
	.mistake =
		"the state before suspend is not restored at resume, or the peripheral's clock stays "
		"off",
	.ops = {.state_size = sizeof(struct lost),
		.suspend = lose_all,
		.setup = asleep,
		.reset = found_again},
};

ON_SETUP(configured_again)
{
	if (!q->request_type && q->request == MSC_STD_SET_CONFIGURATION)
		((struct lost *)state)->is = false;
	return MUTANT_PASS;
}

ON_CONTROL_IN(unconfigured)
{
	if (((struct lost *)state)->is && q->request_type == MSC_REQTYPE_IN &&
	    q->request == MSC_STD_GET_CONFIGURATION && *len)
		buf[0] = 0;
}

const struct msc_fault msc_fault_suspend_forgets = {
	.id = "suspend-forgets",
	.title = "suspend takes the configuration away: it is 0, and the endpoints are closed",
	.seen = "https://github.com/zephyrproject-rtos/zephyr/pull/17492: endpoints are disabled; "
		"https://github.com/zephyrproject-rtos/hal_nordic/pull/124",
	.caught_by = "usb.suspend.keeps",
	.mistake = "suspend is handled like a disconnection",
	.ops = {.state_size = sizeof(struct lost),
		.suspend = lose_all,
		.setup = configured_again,
		.control_in = unconfigured,
		.reset = found_again},
};

/* state: asleep, and how many bus resets it has slept through. */
struct sleeper {
	bool asleep, slept_through;
};

ON_SUSPEND(sleep_until_resumed)
{
	((struct sleeper *)state)->asleep = suspended;
}

/* The first that comes while it is asleep is not seen. */
ON_RESET(sleep_through)
{
	struct sleeper *s = state;

	s->slept_through = s->asleep;
	s->asleep = false;
}

ON_SETUP(not_awake)
{
	return ((struct sleeper *)state)->slept_through ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_suspend_reset_deaf = {
	.id = "suspend-reset-deaf",
	.title = "a device that is suspended does not see a bus reset: only the next one",
	.seen = "https://github.com/qmk/qmk_firmware/pull/12831: a reset does not end the suspend; a device "
		"behind a switch stays asleep",
	.caught_by = "usb.reset.first",
	.mistake =
		"only a resume starts the peripheral's clock again: a reset of the bus has to wake the "
		"device as well",
	.ops = { .state_size = sizeof(struct sleeper),
		 .suspend = sleep_until_resumed,
		 .setup = not_awake,
		 .reset = sleep_through },
};

/* The stack still takes the bus for suspended, and does not touch a bulk endpoint. */
ON_COMMAND(not_resumed)
{
	return ((struct sleeper *)state)->slept_through ? fault_lose(v) : MUTANT_PASS;
}

const struct msc_fault msc_fault_suspend_reset_keeps = {
	.id = "suspend-reset-keeps",
	.title =
		"a bus reset out of suspend leaves the state \"suspended\": the device is set up, and takes "
		"no command",
	.seen = "https://github.com/qmk/qmk_firmware/pull/12831: a reset wakes it, and nothing "
		"tells the firmware",
	.caught_by = "bot.reset.recovers",
	.mistake =
		"the flag that says suspended is cleared by a resume alone: a reset of the bus clears it "
		"too",
	.ops = { .state_size = sizeof(struct sleeper),
		 .suspend = sleep_until_resumed,
		 .command = not_resumed,
		 .reset = sleep_through },
};
