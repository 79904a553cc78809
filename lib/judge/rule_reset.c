/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of halts and resets: Bulk-Only Mass Storage Reset (BOT 1.0, 3.1), reset recovery (5.3.4),
 * and CLEAR_FEATURE(ENDPOINT_HALT) and GET_STATUS of USB 2.0. */
#include "judge/facts.h"

static void completes(struct msc_judging *j, const struct msc_record *r)
{
	enum msc_outcome outcome = r->u.control.outcome;
	const char *what = "Bulk-Only Mass Storage Reset";

	if (msc_is_configuration(r))
		what = r->past.unconfigured ? "SET_CONFIGURATION after one with the value 0"
					    : "SET_CONFIGURATION with the value in force";
	else if (!msc_is_good_reset(r))
		return;
	if (outcome == MSC_OUT_DONE || outcome == MSC_OUT_GONE || outcome == MSC_OUT_CANCELLED)
		return;
	msc_found(j, "%s was answered with %s", what, msc_outcome_name(outcome));
	msc_expected(j, "done");
	msc_actual(j, "%s", msc_outcome_name(outcome));
}

const struct msc_rule msc_rule_bot_reset_completes = {
	.id = "bot.reset.completes",
	.title = "Bulk-Only Mass Storage Reset and SET_CONFIGURATION complete",
	.spec = "BOT 1.0, 3.1 and 5.3.4; USB 2.0, 9.4.7; TD1.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "it is the host's way out of every error; the next rung is a port reset, and then the "
	       "device is given up",
	.mistake = "wIndex is compared with a fixed interface number, which fails in a composite "
		   "device, or the status stage is never sent",
	.on = MSC_RECORD_CONTROL,
	.judge = completes,
};

static void enumerates(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_port *p = &r->u.port;

	if (p->outcome == MSC_OUT_GONE)
		msc_found(j, "after %s the device did not come back",
			  msc_port_reset_text(&r->past));
	else if (p->outcome == MSC_OUT_TIMEOUT)
		msc_found(j,
			  "after %s the device could not be set up again: it does not answer, and "
			  "the port was reset %u times",
			  msc_port_reset_text(&r->past), p->resets);
	else
		return;
	msc_expected(j, "SET_ADDRESS and SET_CONFIGURATION are answered");
	msc_actual(j, "%s", msc_outcome_name(p->outcome));
}

const struct msc_rule msc_rule_usb_reset_enumerates = {
	.id = "usb.reset.enumerates",
	.title = "after a port reset the device can be set up again",
	.spec = "USB 2.0, 9.1.1.3 to 9.1.1.5",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "it is the last that a host tries before it gives the device up; Linux resets the port of "
	       "each new device twice",
	.mistake = "a reset is heeded only before the first configuration: the address stays, or "
		   "endpoint 0 is not armed again",
	.on = MSC_RECORD_PORT_RESET,
	.judge = enumerates,
};

static void first_time(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_port *p = &r->u.port;

	if (p->outcome != MSC_OUT_DONE || p->resets < 2)
		return;
	/* The medium may keep the device of a command that was cut short, and hosts expect as much. */
	if (r->past.exchange && !r->past.exchange->u.exchange.answered && !r->past.reset)
		msc_at_most(j, MSC_NOTE);
	msc_found(j,
		  "after %s the device did not answer; it could be set up again when the port had "
		  "been reset %u times",
		  msc_port_reset_text(&r->past), p->resets);
	msc_expected(j, "one port reset");
	msc_actual(j, "%u", p->resets);
}

const struct msc_rule msc_rule_usb_reset_first = {
	.id = "usb.reset.first",
	.title = "one port reset is enough",
	.spec = "USB 2.0, 9.1.1.3 and 7.1.7.5",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "hosts try again, so it costs seconds; a hub or a host that tries once does not see the "
	       "device",
	.mistake = "a reset of a configured device does not clear its address",
	.on = MSC_RECORD_PORT_RESET,
	.judge = first_time,
};

static void recovers(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_step *s = r->u.exchange.view.stuck;

	if (!s || !r->u.exchange.plain || r->u.exchange.view.after != MSC_AFTER_RESET)
		return;
	msc_found(j, "the first command after %s got %s in %s transport", msc_reset_text(&r->past),
		  msc_outcome_name(s->outcome),
		  s->kind == MSC_STEP_CBW    ? "command"
		  : s->kind == MSC_STEP_DATA ? "data"
					     : "status");
	msc_expected(j, "a CSW");
	msc_actual(j, "%s", msc_outcome_name(s->outcome));
}

const struct msc_rule msc_rule_bot_reset_recovers = {
	.id = "bot.reset.recovers",
	.title = "after a reset the device is ready for the next CBW",
	.spec = "BOT 1.0, 3.1 and 5.3.4; TD1.4",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the host has just recovered from one error; a second in a row makes it give up",
	.mistake = "the old command goes on and swallows the next CBW as its data, bulk-out is not "
		   "armed again, or the data toggles are not DATA0",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = recovers,
};

/* A successful GET_STATUS(endpoint); *ep and *halted are what it is about and says. */
static bool is_status(const struct msc_record *r, uint8_t *ep, bool *halted)
{
	const struct msc_control *c = &r->u.control;

	if (!msc_is_request(r, MSC_REQTYPE_IN | MSC_RECIPIENT_ENDPOINT, MSC_STD_GET_STATUS) ||
	    c->outcome != MSC_OUT_DONE || c->data_len != 2)
		return false;
	*ep = (uint8_t)c->setup.index;
	*halted = c->data[0] & 1;
	return true;
}

static void halts(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_poll *p = &r->u.poll;
	bool halted, request;
	uint8_t ep;

	if (r->kind == MSC_RECORD_POLL) {
		ep = p->ep;
		halted = p->outcome != MSC_OUT_DONE && !msc_hung(p->outcome);
	} else if (!is_status(r, &ep, &halted)) {
		return;
	}
	if (halted || msc_known_halt(r, ep, &request) != MSC_HALT_SET || !request)
		return;
	msc_found(j,
		  "endpoint %02Xh was halted before Bulk-Only Mass Storage Reset and is not after "
		  "it, and no host has cleared it",
		  ep);
	msc_expected(j, "halted");
	msc_actual(j, "not halted");
}

const struct msc_rule msc_rule_bot_reset_halts = {
	.id = "bot.reset.halts",
	.title = "Bulk-Only Mass Storage Reset leaves halts as they are",
	.spec = "BOT 1.0, 3.1",
	.severity = {MSC_FAIL, MSC_NOTE, MSC_NOTE},
	.why = "the host clears both halts next in any case; a device that restarts its toggles on its "
	       "own is out of step until then",
	.mistake = "the request's handler closes and opens the endpoints, or clears the stalls",
	.on = MSC_RECORD_CONTROL | MSC_RECORD_POLL,
	.judge = halts,
};

static void recover_alone(struct msc_judging *j, const struct msc_record *r)
{
	enum msc_outcome outcome = r->u.control.outcome;
	uint8_t ep;

	if (!msc_is_clear_halt(r, &ep) || (outcome != MSC_OUT_STALL && !msc_hung(outcome)))
		return;
	msc_found(j, "CLEAR_FEATURE(ENDPOINT_HALT) of endpoint %02Xh was answered with %s", ep,
		  msc_outcome_name(outcome));
	msc_expected(j, "done");
	msc_actual(j, "%s", msc_outcome_name(outcome));
}

/* Since the exchange before, halts were cleared that nobody had seen. */
static bool cleared_idle(const struct msc_past *past)
{
	return (past->cleared_in || past->cleared_out) && (past->in.idle || !past->cleared_in) &&
	       (past->out.idle || !past->cleared_out);
}

static void recover(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *s;

	if (r->kind == MSC_RECORD_CONTROL) {
		recover_alone(j, r);
		return;
	}
	s = r->u.exchange.view.stuck;
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind == MSC_STEP_CLEAR_HALT &&
		    (x->steps[i].outcome == MSC_OUT_STALL || msc_hung(x->steps[i].outcome)))
			s = &x->steps[i];
	if (!s || !r->u.exchange.plain ||
	    (s->kind != MSC_STEP_CLEAR_HALT && r->u.exchange.view.after != MSC_AFTER_CLEAR))
		return;
	if (s->kind == MSC_STEP_CLEAR_HALT)
		msc_found(j, "CLEAR_FEATURE(ENDPOINT_HALT) of endpoint %02Xh was answered with %s",
			  s->ep, msc_outcome_name(s->outcome));
	else
		msc_found(j, "after %s endpoint %02Xh gave %s",
			  cleared_idle(&r->past) || msc_clears_idle(x, s)
				  ? "CLEAR_FEATURE(ENDPOINT_HALT) of an endpoint "
				    "that was not halted,"
				  : "a halt was cleared",
			  s->ep, msc_outcome_name(s->outcome));
	msc_expected(j, "done");
	msc_actual(j, "%s", msc_outcome_name(s->outcome));
}

const struct msc_rule msc_rule_usb_halt_recover = {
	.id = "usb.halt.recover",
	.title = "after CLEAR_FEATURE(ENDPOINT_HALT) the endpoint works again, from DATA0",
	.spec = "USB 2.0, 9.4.5 and 5.8.5",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "one transfer is lost: the host drops the CSW or the device the CBW as a repetition, "
	       "and the command times out",
	.mistake =
		"the data toggle is not restarted, or what is armed is dropped when the halt is "
		"cleared",
	.on = MSC_RECORD_EXCHANGE | MSC_RECORD_CONTROL,
	.wrapper = true,
	.judge = recover,
};

/* The host has asked for the halt with SET_FEATURE: usb.halt.set. */
static bool was_asked(const struct msc_record *r, uint8_t ep)
{
	const struct msc_halt_known *h = ep == r->device->ep_in    ? &r->past.in
					 : ep == r->device->ep_out ? &r->past.out
								   : NULL;

	return h && h->asked && h->halt == MSC_HALT_SET && !h->request;
}

static void accept(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_setup *s = &r->u.control.setup;

	if (!msc_is_request(r, MSC_RECIPIENT_ENDPOINT, MSC_STD_SET_FEATURE) ||
	    r->u.control.outcome != MSC_OUT_STALL || s->value != MSC_FEATURE_ENDPOINT_HALT ||
	    (s->index != r->device->ep_in && s->index != r->device->ep_out))
		return;
	msc_found(j, "SET_FEATURE(ENDPOINT_HALT) of endpoint %02Xh was refused", s->index);
	msc_expected(j, "done");
	msc_actual(j, "STALL");
}

const struct msc_rule msc_rule_usb_halt_accept = {
	.id = "usb.halt.accept",
	.title = "SET_FEATURE(ENDPOINT_HALT) of a bulk endpoint is accepted",
	.spec = "USB 2.0, 9.4.5 and 9.4.9",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "the halt feature is required of bulk endpoints, and the compliance tests of chapter 9 "
	       "set it; hosts do not",
	.mistake = "SET_FEATURE knows the features of the device only",
	.on = MSC_RECORD_CONTROL,
	.judge = accept,
};

static void set(struct msc_judging *j, const struct msc_record *r)
{
	bool halted = false;
	uint8_t ep = 0;

	if (r->kind == MSC_RECORD_POLL) {
		halted = r->u.poll.outcome == MSC_OUT_STALL;
		ep = r->u.poll.ep;
	} else if (!is_status(r, &ep, &halted)) {
		return;
	}
	if (halted || !was_asked(r, ep))
		return;
	msc_found(j, "endpoint %02Xh is not halted after SET_FEATURE(ENDPOINT_HALT) was accepted",
		  ep);
	msc_expected(j, "halted");
	msc_actual(j, "not halted");
}

const struct msc_rule msc_rule_usb_halt_set = {
	.id = "usb.halt.set",
	.title = "SET_FEATURE(ENDPOINT_HALT) halts a bulk endpoint",
	.spec = "USB 2.0, 9.4.5 and 9.4.9",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "the compliance tests of chapter 9 look for it; hosts do not",
	.mistake = "SET_FEATURE is acknowledged and the endpoint never halted in the controller",
	.on = MSC_RECORD_CONTROL | MSC_RECORD_POLL,
	.judge = set,
};

static void status(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	const struct msc_past *past = &r->past;
	bool halted, request;
	enum msc_halt known;
	uint8_t ep;

	if (!msc_is_request(r, MSC_REQTYPE_IN | MSC_RECIPIENT_ENDPOINT, MSC_STD_GET_STATUS))
		return;
	if (c->outcome == MSC_OUT_DONE && c->setup.length == 2 && c->data_len != 2) {
		msc_found(j, "GET_STATUS gave %zu byte%s", c->data_len, MSC_PLURAL(c->data_len));
		msc_expected(j, "2");
		msc_actual(j, "%zu", c->data_len);
	}
	if (!is_status(r, &ep, &halted))
		return;
	known = msc_known_halt(r, ep, &request);
	/* Before reset recovery a cleared halt may come back: BOT 1.0, 6.6.1. */
	if (known == MSC_HALT_UNKNOWN || request || (!halted && was_asked(r, ep)) ||
	    (known == MSC_HALT_CLEAR && past->was_invalid) || halted == (known == MSC_HALT_SET))
		return;
	msc_found(
		j,
		halted ? "GET_STATUS says that endpoint %02Xh is halted, and nothing has halted it "
			 "since the newest reset or clear-halt"
		       : "GET_STATUS says that endpoint %02Xh is not halted, after it gave STALL",
		ep);
	msc_expected(j, halted ? "0" : "1");
	msc_actual(j, halted ? "1" : "0");
}

const struct msc_rule msc_rule_usb_halt_status = {
	.id = "usb.halt.status",
	.title = "GET_STATUS of an endpoint is two bytes and tells its halt",
	.spec = "USB 2.0, 9.4.5; TD1.4",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "the compliance tests ask after every invalid CBW; no common host does",
	.mistake =
		"a constant 0 is sent, or the endpoint number is looked up without its direction",
	.on = MSC_RECORD_CONTROL,
	.judge = status,
};
