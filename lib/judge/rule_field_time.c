/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of time that hold for any device, however slow its medium: how soon a standard request is
 * answered, and how soon a STALL follows the data that it ends. */
#include "base/text.h"
#include "judge/facts.h"

/* Times are seen by the host: its own delays must not accuse the device. */
#define GRACE_NS (150 * MSC_MS)

#define NO_DATA_NS  (50 * MSC_MS)  /* USB 2.0, 9.2.6.4 */
#define ONE_DATA_NS (500 * MSC_MS) /* for each packet of the data stage */
#define ALL_NS	    (5 * MSC_S)
#define STALL_NS    MSC_S

static bool is_standard(const struct msc_control *c)
{
	return (c->setup.request_type & MSC_REQTYPE_TYPE) == MSC_REQTYPE_STANDARD;
}

static bool was_answered(enum msc_outcome outcome)
{
	return outcome == MSC_OUT_DONE || outcome == MSC_OUT_STALL;
}

static void control_time(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	int64_t took = r->ended_ns - r->began_ns, limit = NO_DATA_NS;
	uint8_t packet = r->device->desc.max_packet0;
	char text[2][32];

	if (!is_standard(c) || !was_answered(c->outcome))
		return;
	if (c->setup.length)
		limit += ONE_DATA_NS * (int64_t)(c->data_len / (packet ? packet : 8) + 1);
	if (limit > ALL_NS)
		limit = ALL_NS;
	if (took <= limit + GRACE_NS)
		return;
	/* The clause makes no exception; but hosts do not ask then, and the medium may take its time. */
	if (r->past.busy)
		msc_at_most(j, MSC_NOTE);
	msc_found(j, "the request took %s%s", msc_format_ns(text[0], sizeof text[0], took),
		  r->past.busy ? ", in the middle of a command" : "");
	msc_expected(j, "at most %s", msc_format_ns(text[1], sizeof text[1], limit));
	msc_actual(j, "%s", text[0]);
}

const struct msc_rule msc_rule_usb_control_time = {
	.id = "usb.control.time",
	.title = "a standard request is answered in time",
	.spec = "USB 2.0, 9.2.6.4",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "hosts hold a lock on the device for as long as a request takes, and give up after 3 to "
	       "5 s",
	.mistake =
		"endpoint 0 is served by the task that also reads the medium, or waits until a halt "
		"has been carried out by the controller",
	.on = MSC_RECORD_CONTROL,
	.judge = control_time,
};

/* Data that ended with a short packet is all there is; what follows depends on nothing. */
static void stall_late(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *data = msc_step_with(x, MSC_STEP_DATA, MSC_OUT_DONE);
	const struct msc_step *stall = msc_step_with(x, MSC_STEP_CSW, MSC_OUT_STALL);
	char text[32];
	int64_t took;

	if (x->dir != MSC_DIR_IN || !x->data_short_packet || !data || !stall || stall < data)
		return;
	took = stall->completed_ns - data->completed_ns;
	if (took <= STALL_NS + GRACE_NS)
		return;
	msc_format_ns(text, sizeof text, took);
	msc_found(j, "bulk-in was halted %s after the last data", text);
	msc_expected(j, "at once");
	msc_actual(j, "%s", text);
}

const struct msc_rule msc_rule_bot_stall_late = {
	.id = "bot.stall.late",
	.title = "the STALL behind data that is short comes at once",
	.spec = "BOT 1.0, 6.7.2, case 5; NAK has no limit there: USB 2.0, 8.4.6.1",
	.severity = {MSC_NOTE, MSC_NOTE, MSC_NOTE},
	.why = "a host asks for such data several times at every attach, and waits each time; other "
	       "interfaces of the device may wait with it",
	.mistake = "the halt is carried out only when the endpoint has run empty, and a driver's "
		   "time-out is all that ends the wait",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = stall_late,
};
