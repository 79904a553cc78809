/* SPDX-License-Identifier: BSD-2-Clause */
/* A device on a bus that was suspended and resumed: USB 2.0, 9.1.1.6. */
#include "judge/facts.h"

static void command_stuck(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *s = x->view.stuck;

	if (!s || !x->plain || x->view.after != MSC_AFTER_SUSPEND)
		return;
	msc_found(j, "the first command after the bus was resumed got %s in %s transport",
		  msc_outcome_name(s->outcome),
		  s->kind == MSC_STEP_CBW    ? "command"
		  : s->kind == MSC_STEP_DATA ? "data"
					     : "status");
	msc_expected(j, "a CSW");
	msc_actual(j, "%s", msc_outcome_name(s->outcome));
}

static void resumes(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (r->kind == MSC_RECORD_SUSPEND) {
		if (r->u.suspend.outcome == MSC_OUT_DONE)
			return;
		msc_found(j,
			  "when the bus was resumed the device did not answer the host, which then "
			  "reset its port");
		msc_expected(j, "an answer");
		msc_actual(j, "%s", msc_outcome_name(r->u.suspend.outcome));
		return;
	}
	if (!r->past.suspended)
		return;
	if (r->kind == MSC_RECORD_EXCHANGE) {
		command_stuck(j, r);
	} else if (!r->past.resumed && msc_hung(c->outcome)) {
		msc_found(j, "after the bus was resumed a control request was answered with %s",
			  msc_outcome_name(c->outcome));
		msc_expected(j, "an answer");
		msc_actual(j, "%s", msc_outcome_name(c->outcome));
	}
}

const struct msc_rule msc_rule_usb_suspend_resumes = {
	.id = "usb.suspend.resumes",
	.title = "after the bus was suspended and resumed the device goes on as before",
	.spec = "USB 2.0, 7.1.7.6, 7.1.7.7 and 9.1.1.6",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "computers that sleep suspend the bus, and systems that save power do it to idle devices: "
	       "the disk is gone when it is wanted again",
	.mistake = "suspend cancels the bulk-out transfer that is armed, or leaves the state "
		   "\"configured\", and resume does not make up for it",
	.on = MSC_RECORD_EXCHANGE | MSC_RECORD_CONTROL | MSC_RECORD_SUSPEND,
	.wrapper = true,
	.judge = resumes,
};

static void keeps(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!r->past.suspended || !msc_is_request(r, MSC_REQTYPE_IN, MSC_STD_GET_CONFIGURATION) ||
	    c->outcome != MSC_OUT_DONE || c->data_len != 1 || c->data[0])
		return;
	msc_found(j, "after the bus was resumed the device is not configured any more");
	msc_expected(j, "%u", msc_device_configuration(r->device));
	msc_actual(j, "0");
}

const struct msc_rule msc_rule_usb_suspend_keeps = {
	.id = "usb.suspend.keeps",
	.title = "a device that was suspended keeps its configuration",
	.spec = "USB 2.0, 9.1.1.6",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "no host sets it again: the device answers on endpoint 0 and nowhere else",
	.mistake = "suspend is handled like a disconnection",
	.on = MSC_RECORD_CONTROL,
	.judge = keeps,
};
