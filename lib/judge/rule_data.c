/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of data transport: how much moves, in which direction, and how it ends (BOT 1.0, 5.3.2
 * and 6.7). What the residue says of it is in rule_residue.c. */
#include "judge/facts.h"

static void excess(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint32_t asked = x->cbw.h.length;

	if (!r->u.exchange.command || x->dir != MSC_DIR_IN ||
	    r->u.exchange.view.brought != MSC_BROUGHT_DATA)
		return;
	if (x->data_len > asked)
		msc_found(j, "%zu byte%s came in the data transfer", x->data_len,
			  MSC_PLURAL(x->data_len));
	else if (msc_step_with(x, MSC_STEP_DATA, MSC_OUT_BABBLE))
		msc_found(j, "the device sent more than there was room for after %zu byte%s",
			  x->data_len, MSC_PLURAL(x->data_len));
	else if (x->data_len == asked && r->u.exchange.view.came == MSC_CAME_DATA)
		msc_found(j, "all %u byte%s came, then more data where the CSW belongs",
			  (unsigned)asked, MSC_PLURAL(asked));
	msc_expected(j, "at most %u byte%s", (unsigned)asked, MSC_PLURAL(asked));
	msc_actual(j, "%zu byte%s%s", x->data_len, MSC_PLURAL(x->data_len),
		   x->data_len > asked ? "" : " and more");
}

const struct msc_rule msc_rule_bot_data_excess = {
	.id = "bot.data.excess",
	.title = "no more than dCBWDataTransferLength bytes are sent",
	.spec = "BOT 1.0, 6.7.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the excess overruns the host's buffer, which the controller reports as babble, or is "
	       "taken for the CSW; the host resets the device",
	.mistake =
		"the length comes from the command block alone and not from the smaller of it and "
		"dCBWDataTransferLength",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = excess,
};

static void unasked(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!r->u.exchange.command || x->dir == MSC_DIR_IN ||
	    r->u.exchange.view.came != MSC_CAME_DATA)
		return;
	if (x->dir == MSC_DIR_OUT)
		msc_found(j, "data came on bulk-in where the CSW belongs, and the host sends data");
	else
		msc_found(j,
			  "data came on bulk-in where the CSW belongs, and the host had asked for "
			  "none");
	msc_expected(j, "a CSW");
	msc_actual(j, "%zu byte%s of data", x->status_len, MSC_PLURAL(x->status_len));
}

const struct msc_rule msc_rule_bot_data_unasked = {
	.id = "bot.data.unasked",
	.title = "no data is sent when the host asks for none",
	.spec = "BOT 1.0, 6.7.1 and 6.7.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the host takes the data for the CSW and resets the device",
	.mistake = "dCBWDataTransferLength and the direction flag are never looked at",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = unasked,
};

static void split(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!r->u.exchange.command || x->dir != MSC_DIR_IN || x->data_len >= x->cbw.h.length ||
	    r->u.exchange.view.came != MSC_CAME_DATA ||
	    r->u.exchange.view.brought != MSC_BROUGHT_DATA)
		return;
	msc_found(j,
		  "a short packet ended the data after %zu of %u bytes, and then more data came "
		  "where the CSW belongs",
		  x->data_len, (unsigned)x->cbw.h.length);
	msc_expected(j, "a CSW");
	msc_actual(j, "%zu byte%s of data", x->status_len, MSC_PLURAL(x->status_len));
}

const struct msc_rule msc_rule_bot_data_split = {
	.id = "bot.data.split",
	.title = "only the last packet of the data is short",
	.spec = "USB 2.0, 5.8.3; BOT 1.0, 6.7.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a short packet ends the transfer at the host, which takes the rest for the CSW",
	.mistake =
		"each block or buffer is sent as a transfer of its own, and one of them is not a "
		"multiple of the packet size",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = split,
};

static void hang(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *s = r->u.exchange.view.stuck;

	if (!s || s->kind != MSC_STEP_DATA || !r->u.exchange.plain ||
	    r->u.exchange.view.after != MSC_AFTER_NOTHING)
		return;
	msc_found(j, "the data phase stopped after %zu of %u bytes: %s", x->data_len,
		  (unsigned)x->cbw.h.length, msc_outcome_name(s->outcome));
	msc_expected(j, "data, a short packet or a STALL");
	msc_actual(j, "%s", msc_outcome_name(s->outcome));
}

const struct msc_rule msc_rule_bot_data_hang = {
	.id = "bot.data.hang",
	.title = "the data phase ends: with all the data, a short packet or a STALL",
	.spec = "BOT 1.0, 6.7.2 and 6.7.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts wait 20 to 30 seconds and then reset; an unsupported command that is left "
	       "hanging so is the commonest defect in the field",
	.mistake =
		"a command that fails, or has less data than asked for, goes to the status phase "
		"without a STALL; or bulk-out is not drained",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = hang,
};

static void missing(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_cdb_def *def = x->view.def;
	const struct msc_intent *meant = &x->view.meant.intent;
	uint64_t due = meant->min < x->cbw.h.length ? meant->min : x->cbw.h.length;

	/* Lists may be shorter than asked for; blocks, and the capacity, may not. */
	if (!msc_has_status(r, MSC_CSW_PASSED) || !def || def->dir != x->dir ||
	    (def->amount != MSC_AMOUNT_BLOCKS && def->amount != MSC_AMOUNT_CAPACITY))
		return;
	if (!meant->known || x->data_len >= due || x->view.meant.c.phase_error_required)
		return;
	msc_found(j, "the command passed after %zu byte%s of data; it means %llu", x->data_len,
		  MSC_PLURAL(x->data_len), (unsigned long long)due);
	msc_expected(j, "%llu byte%s, or status 01h", (unsigned long long)due, MSC_PLURAL(due));
	msc_actual(j, "%zu byte%s", x->data_len, MSC_PLURAL(x->data_len));
}

const struct msc_rule msc_rule_bot_data_missing = {
	.id = "bot.data.missing",
	.title = "a command that passes has moved all its blocks",
	.spec = "BOT 1.0, 6.7.2 and 6.7.3, cases 5, 6, 11 and 12",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the host takes what is in its buffer for the rest of the data",
	.mistake = "the data stage is ended by an error that never reaches the status",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = missing,
};

static void short_data(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!r->u.exchange.command || x->dir != MSC_DIR_IN || x->csw_in_data ||
	    !msc_csw_is_valid(x) || r->u.exchange.view.brought != MSC_BROUGHT_DATA ||
	    x->data_len >= x->cbw.h.length || msc_stalled(x, r->device->ep_in))
		return;
	msc_found(j,
		  "%zu of %u bytes came, then the CSW; the device sent less than it was asked "
		  "for and did not halt bulk-in",
		  x->data_len, (unsigned)x->cbw.h.length);
	msc_expected(j, "STALL");
	msc_actual(j, "a short packet only");
}

const struct msc_rule msc_rule_bot_data_short = {
	.id = "bot.data.short",
	.title = "bulk-in is halted when less than dCBWDataTransferLength is sent",
	.spec = "BOT 1.0, 6.7.2",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "hosts accept a short packet alone, and some controllers handle it better than a STALL; "
	       "the compliance tests want the STALL",
	.mistake = "many devices do so on purpose (the Linux gadget with stall=0)",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = short_data,
};

static void needless(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	bool in = msc_stalled(x, r->device->ep_in);

	if (!msc_has_status(r, MSC_CSW_PASSED) || x->data_len != x->cbw.h.length ||
	    r->u.exchange.view.says.c.phase_error_possible)
		return;
	if (!in && !msc_stalled(x, r->device->ep_out))
		return;
	msc_found(j, "all %zu byte%s moved and the command passed, yet bulk-%s was halted",
		  x->data_len, MSC_PLURAL(x->data_len), in ? "in" : "out");
	msc_expected(j, "no STALL");
	msc_actual(j, "STALL");
}

const struct msc_rule msc_rule_bot_stall_needless = {
	.id = "bot.stall.needless",
	.title = "no endpoint is halted when everything moved as agreed",
	.spec = "BOT 1.0, 5.3.3 and 6.7: allowed, and of no use",
	.severity = {MSC_NOTE, MSC_NOTE, MSC_NOTE},
	.why = "each STALL costs a request on endpoint 0, and on some controllers a race; macOS and "
	       "the slower hosts feel it",
	.mistake = "the data stage is always ended with a STALL, or it is decided from the command "
		   "block's length before it is clipped",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = needless,
};

static void stale_csw(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!x->command)
		return;
	for (size_t i = 0; x->csw_in_data && i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];

		if (s->kind != MSC_STEP_CSW || s->outcome != MSC_OUT_DONE || !s->actual)
			continue;
		msc_found(j, "%zu byte%s came on bulk-in behind the CSW, which came as data",
			  s->actual, MSC_PLURAL(s->actual));
		msc_expected(j, "nothing");
		msc_actual(j, "%zu byte%s", s->actual, MSC_PLURAL(s->actual));
	}
	if (r->u.exchange.view.brought != MSC_BROUGHT_OLD_CSW)
		return;
	msc_found(j, "a CSW with tag %08Xh came as the data of the command with tag %08Xh",
		  (unsigned)msc_get_le32(x->data + 4), (unsigned)x->cbw.h.tag);
	msc_expected(j, "data");
	msc_actual(j, "a CSW of an earlier command");
}

static void stale(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_poll *p = &r->u.poll;
	const struct msc_past *past = &r->past;

	if (r->kind == MSC_RECORD_EXCHANGE) {
		stale_csw(j, r);
		return;
	}
	if (p->ep != r->device->ep_in || p->outcome != MSC_OUT_DONE || past->request || past->sent)
		return;
	if (!past->reset && !(past->exchange && past->exchange->u.exchange.have_csw))
		return;
	msc_found(j, "%zu byte%s still came on bulk-in %s%s", p->data_len, MSC_PLURAL(p->data_len),
		  past->reset ? "after " : "although the CSW had come",
		  past->reset ? msc_reset_text(past) : "");
	msc_expected(j, "nothing");
	msc_actual(j, "%zu byte%s", p->data_len, MSC_PLURAL(p->data_len));
}

const struct msc_rule msc_rule_bot_data_stale = {
	.id = "bot.data.stale",
	.title = "bulk-in is silent between a CSW and the next CBW",
	.spec = "BOT 1.0, 3.1 and 5.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "what is left over is taken for the data or the CSW of the next command",
	.mistake = "a CSW is queued twice around a STALL, or a reset does not cancel the transfer "
		   "that is armed",
	.on = MSC_RECORD_EXCHANGE | MSC_RECORD_POLL,
	.wrapper = true,
	.judge = stale,
};
