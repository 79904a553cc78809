/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of command transport: what becomes of a CBW, valid (BOT 1.0, 6.2.1) or not (6.6.1). */
#include "judge/facts.h"

static void accept(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_step *s = r->u.exchange.view.stuck;

	if (!s || s->kind != MSC_STEP_CBW || !r->u.exchange.plain ||
	    r->u.exchange.view.after != MSC_AFTER_NOTHING)
		return;
	if (s->outcome == MSC_OUT_STALL && msc_has_loose_length(r))
		return;
	msc_found(j, "a valid and meaningful CBW of 31 bytes was answered with %s",
		  msc_outcome_name(s->outcome));
	msc_expected(j, "done");
	msc_actual(j, "%s", msc_outcome_name(s->outcome));
}

const struct msc_rule msc_rule_bot_cbw_accept = {
	.id = "bot.cbw.accept",
	.title = "a valid CBW is taken from bulk-out",
	.spec = "BOT 1.0, 5.3.1 and 6.2.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a STALL in command transport makes every host reset the device; a time-out costs "
	       "20 to 30 seconds first",
	.mistake =
		"bulk-out is not armed again after a CSW, a write error or a short packet, or it "
		"is left halted when the command has failed",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = accept,
};

/* What bulk-in did after a wrapper that is not a CBW; NULL: the record does not show it. */
static const struct msc_step *in_step(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].ep == r->device->ep_in && x->steps[i].kind != MSC_STEP_CLEAR_HALT &&
		    x->steps[i].outcome != MSC_OUT_CANCELLED && x->steps[i].outcome != MSC_OUT_GONE)
			return &x->steps[i];
	return NULL;
}

/* A wrapper that is not a CBW, sent to a device that was ready for one. A zero-length packet is
 * left out: it may as well be nothing. */
static bool is_invalid(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_past *past = &r->past;

	return x->wrapper_len && !msc_cbw_is_valid(x->wrapper, x->wrapper_len) && !past->unknown &&
	       !past->awaits_recovery;
}

static void invalid(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const char *what = x->wrapper_len == MSC_CBW_LEN ? "another signature" : "another length";
	const struct msc_step *s = in_step(r);

	if (!is_invalid(r) || !s || s->outcome == MSC_OUT_STALL)
		return;
	if (s->outcome == MSC_OUT_DONE && x->have_csw)
		msc_found(j, "a CBW that is not valid (%s) was answered with a CSW that says %s",
			  what, msc_csw_status_name(x->csw.status));
	else if (s->outcome == MSC_OUT_DONE)
		msc_found(j, "a CBW that is not valid (%s) was answered with %zu byte%s on bulk-in",
			  what, s->actual, MSC_PLURAL(s->actual));
	else
		msc_found(j, "after a CBW that is not valid bulk-in gave %s",
			  msc_outcome_name(s->outcome));
	msc_expected(j, "STALL");
	msc_actual(j, "%s", msc_outcome_name(s->outcome));
}

const struct msc_rule msc_rule_bot_cbw_invalid = {
	.id = "bot.cbw.invalid",
	.title = "a CBW that is not valid halts bulk-in",
	.spec = "BOT 1.0, 6.6.1; TD1.4",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "the STALL is how a host learns that both have lost the thread; without it a write's "
	       "data can be taken for a command",
	.mistake =
		"the signature or the length of the CBW is not checked, or the CBW is dropped and "
		"the device goes on waiting",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = invalid,
};

static void discard(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_past *past = &r->past;
	const struct msc_step *s;

	if (r->kind == MSC_RECORD_POLL) {
		if (r->u.poll.ep == r->device->ep_out && past->was_invalid && !past->request &&
		    msc_hung(r->u.poll.outcome))
			msc_found(j, "after a CBW that is not valid bulk-out neither took data nor "
				     "was halted");
		return;
	}
	s = msc_step_find(&r->u.exchange, MSC_STEP_CBW);
	if (is_invalid(r) && s && msc_hung(s->outcome))
		msc_found(j,
			  "a wrapper of %zu byte%s, no valid CBW, was neither taken nor answered "
			  "with STALL",
			  r->u.exchange.wrapper_len, MSC_PLURAL(r->u.exchange.wrapper_len));
}

const struct msc_rule msc_rule_bot_cbw_discard = {
	.id = "bot.cbw.discard",
	.title = "after a CBW that is not valid bulk-out is halted, or takes and discards",
	.spec = "BOT 1.0, 6.6.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "a host that is still sending data would wait for its time-out",
	.mistake = "bulk-out is left unarmed after the bad CBW",
	.on = MSC_RECORD_EXCHANGE | MSC_RECORD_POLL,
	.wrapper = true,
	.judge = discard,
};

static void persist_poll(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_poll *p = &r->u.poll;
	const struct msc_past *past = &r->past;

	if (p->ep != r->device->ep_in || (p->outcome != MSC_OUT_DONE && !msc_hung(p->outcome)))
		return;
	msc_found(j,
		  "bulk-in gave %s%s%s before the reset recovery that a CBW that is not valid "
		  "demands",
		  msc_outcome_name(p->outcome),
		  past->cleared_in ? " once its halt was cleared," : "",
		  past->out.halt == MSC_HALT_SET ? ", while bulk-out is halted," : "");
	msc_expected(j, "STALL");
	msc_actual(j, "%s", msc_outcome_name(p->outcome));
}

static void persist(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_past *past = &r->past;

	if (!past->was_invalid || past->request || !past->exchange->u.exchange.wrapper_len)
		return;
	if (r->kind == MSC_RECORD_POLL) {
		persist_poll(j, r);
	} else if (x->have_csw) {
		msc_found(j,
			  "a command was executed without the reset recovery that the CBW before "
			  "it, which was not valid, demands");
		msc_expected(j, "STALL");
		msc_actual(j, "a CSW");
	}
}

const struct msc_rule msc_rule_bot_cbw_persist = {
	.id = "bot.cbw.persist",
	.title = "the halt after a CBW that is not valid lasts until reset recovery",
	.spec = "BOT 1.0, 6.6.1; TD1.4",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "clearing the halt is not enough to find the thread again; hosts perform the whole "
	       "reset recovery, so few notice",
	.mistake =
		"CLEAR_FEATURE(ENDPOINT_HALT) ends the state, because the peripheral's clear-stall "
		"is called without asking the mass-storage class",
	.on = MSC_RECORD_EXCHANGE | MSC_RECORD_POLL,
	.wrapper = true,
	.judge = persist,
};
