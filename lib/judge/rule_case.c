/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the status that each of the thirteen cases demands (BOT 1.0, 6.7). The cases come from
 * the oracle; amounts and STALLs are judged in rule_data.c, residues in rule_residue.c. */
#include "judge/facts.h"

#include <stdio.h>

/* "1024 bytes in", "no data". */
static char *amount(char *buf, size_t size, enum msc_dir dir, uint64_t bytes)
{
	if (!bytes || dir == MSC_DIR_NONE)
		snprintf(buf, size, "no data");
	else if (bytes == UINT64_MAX)
		snprintf(buf, size, "data %s", msc_dir_name(dir));
	else
		snprintf(buf, size, "%llu byte%s %s", (unsigned long long)bytes, MSC_PLURAL(bytes),
			 msc_dir_name(dir));
	return buf;
}

/* "(case 7: the host expects 512 bytes in, the command means 1024 bytes in)" */
static void tell(struct msc_judging *j, const struct msc_exchange *x,
		 const struct msc_meaning *meaning, const char *what)
{
	const struct msc_case *c = &meaning->c;
	const struct msc_intent *intent = &meaning->intent;
	char host[48], device[48], number[16];

	snprintf(number, sizeof number, c->first == c->last ? "%u" : "%u to %u", c->first, c->last);
	msc_found(j, "%s (case %s: the host expects %s, the command means %s)", what, number,
		  amount(host, sizeof host, x->dir, x->cbw.h.length),
		  amount(device, sizeof device, intent->dir, intent->max));
}

/* Case 7 of a command whose answer is a list that may be cut off anywhere. */
static bool is_truncation(const struct msc_exchange *x)
{
	const struct msc_case *c = &x->view.meant.c;
	const struct msc_cdb_def *def = x->view.def;

	return c->first == 7 && c->last == 7 && def && def->amount == MSC_AMOUNT_ALLOCATION &&
	       x->data_len == x->cbw.h.length && !x->csw.residue;
}

/* Status 00h although the case, now that the command is known to have passed, demands 02h. */
static bool passed_wrongly(const struct msc_record *r)
{
	return msc_has_status(r, MSC_CSW_PASSED) && r->u.exchange.view.meant.c.phase_error_required;
}

static void phase(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!passed_wrongly(r) || is_truncation(x))
		return;
	tell(j, x, &x->view.meant, "the command passed although host and device disagree");
	msc_expected(j, "02h");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_bot_case_phase = {
	.id = "bot.case.phase",
	.title = "a transfer that host and device disagree about does not pass",
	.spec = "BOT 1.0, 6.7, cases 2, 3, 7, 8, 10 and 13",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the host believes that data was read or written which was not",
	.mistake =
		"the command is clipped to dCBWDataTransferLength, or its direction ignored, and "
		"the status is that of what was left of it",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = phase,
};

static void truncated(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!passed_wrongly(r) || !is_truncation(x))
		return;
	tell(j, x, &x->view.meant, "the answer was cut to the host's length and passed");
	msc_expected(j, "02h");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_bot_case_truncated = {
	.id = "bot.case.truncated",
	.title = "an answer longer than the host allows ends in phase error",
	.spec = "BOT 1.0, 6.7.2, case 7",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "hosts set both lengths alike, so it hardly ever matters",
	.mistake = "the answer's length is the smallest of three, and which of them it was is "
		   "forgotten",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = truncated,
};

static void failed(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_past *past = &r->past;

	/* After a reset the command may have failed for a unit attention, which is in order. */
	if (!msc_has_status(r, MSC_CSW_FAILED) || past->reset ||
	    !x->view.says.c.phase_error_required)
		return;
	tell(j, x, &x->view.says, "the command failed where a phase error is due");
	msc_expected(j, "02h");
	msc_actual(j, "01h");
}

const struct msc_rule msc_rule_bot_case_failed = {
	.id = "bot.case.failed",
	.title = "a transfer that host and device disagree about ends in phase error",
	.spec = "BOT 1.0, 6.7, cases 2, 3, 7, 8, 10 and 13",
	.severity = {MSC_FAIL, MSC_NOTE, MSC_NOTE},
	.why = "01h makes the host ask for sense data, 02h makes it reset; the compliance tests "
	       "accept both",
	.mistake = "one check of the length serves all cases, and it fails the command",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = failed,
};

/* 6.6.2: an internal error that only a reset ends is answered with 02h, whatever was agreed. No scenario
 * causes one; whoever's traffic was captured may have met it, where blocks are moved. */
static bool may_be_internal(const struct msc_exchange *x)
{
	return !x->noted && x->view.def && x->view.def->amount == MSC_AMOUNT_BLOCKS;
}

static void needless(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!msc_has_status(r, MSC_CSW_PHASE_ERROR) || x->view.says.c.phase_error_possible)
		return;
	if (may_be_internal(x)) {
		msc_at_most(j, MSC_WARN);
		tell(j, x, &x->view.says,
		     "phase error although the device can do what the host expects, unless it has met "
		     "an internal error");
	} else {
		tell(j, x, &x->view.says,
		     "phase error although the device can do what the host expects");
	}
	msc_expected(j, "00h or 01h");
	msc_actual(j, "02h");
}

const struct msc_rule msc_rule_bot_case_needless = {
	.id = "bot.case.needless",
	.title = "no phase error where host and device agree, or the host allows for more",
	.spec = "BOT 1.0, 6.7, cases 1, 4, 5, 6, 9, 11 and 12, and 6.6.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "02h makes every host perform reset recovery, and no sense data tells it why",
	.mistake =
		"a command that is not supported, or an answer shorter than asked for, is reported "
		"as phase error instead of 01h or a residue",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = needless,
};
