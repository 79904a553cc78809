/* SPDX-License-Identifier: BSD-2-Clause */
/* What is held against the device once the steps of a case are over: how long they took, what they have left behind,
 * and what has become of the medium. */
#include <stdio.h>

#include "base/text.h"
#include "run/runner.h"

int msc_check_time(struct msc_runner *r, int64_t took_ns, struct msc_err *err)
{
	char expected[32], actual[24];

	if (!r->s->within_ns || took_ns <= r->s->within_ns)
		return 0;
	msc_format_ns(actual, sizeof actual, r->s->within_ns);
	snprintf(expected, sizeof expected, "at most %s", actual);
	msc_format_ns(actual, sizeof actual, took_ns);
	return msc_check_stated(
		r, &msc_rule_attach_time, r->slowest, expected, actual, err,
		"the user waits longer for the volume than for that of other devices");
}

int msc_check_settled(struct msc_runner *r, int rung, struct msc_err *err)
{
	static const struct {
		const char *actual, *message;
	} rungs[] = {
		{ "an answer", NULL },
		{ "an answer only after a reset recovery",
		  "after the scenario the device gave no valid answer to TEST UNIT READY" },
		{ "an answer only after a port reset",
		  "after the scenario the device gave no valid answer to TEST UNIT READY, and reset recovery did not help" },
		{ "no valid answer, even after a port reset",
		  "after the scenario the device gave no valid answer to TEST UNIT READY, and no reset helped" }
	};
	size_t at = rung < (int)MSC_COUNT(rungs) ? (size_t)rung : MSC_COUNT(rungs) - 1;

	if (rung <= 0)
		return 0;
	return msc_check_stated(r, &msc_rule_expect_settles, NULL, rungs[0].actual,
				rungs[at].actual, err, rungs[at].message);
}

int msc_check_readback(struct msc_runner *r, const char *text, struct msc_err *err)
{
	return msc_judge_stated(&msc_rule_scsi_write_readback, NULL, NULL, r->o->profile,
				&r->findings, "what was written", NULL, err, "%s", text);
}

static int check_harm(struct msc_runner *r, const struct msc_rule *rule, const char *text,
		      bool harm, struct msc_err *err)
{
	size_t from = r->findings.count;
	int rc = msc_judge_stated(rule, NULL, NULL, r->o->profile, &r->findings, NULL, NULL, err,
				  "%s", text);

	for (; from < r->findings.count; from++)
		r->findings.list[from].harm = harm;
	return rc;
}

int msc_check_elsewhere(struct msc_runner *r, const char *text, bool harm, struct msc_err *err)
{
	return check_harm(r, &msc_rule_scsi_write_elsewhere, text, harm, err);
}

int msc_check_lost(struct msc_runner *r, const char *text, struct msc_err *err)
{
	return check_harm(r, &msc_rule_expect_medium, text, true, err);
}
