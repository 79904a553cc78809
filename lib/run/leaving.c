/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that leaves the bus in the middle of a case. That is its own doing when it is back a moment later: a
 * cable that somebody has pulled stays out. A server that fails says nothing of the device. */
#include "base/text.h"
#include "run/runner.h"

#define LEAVES_MAX   3 /* so often a device may leave in one case, and is waited for */
#define RESTLESS_MAX 5 /* in so many cases on end it may do so while it is brought back */

static int judge_leaving(struct msc_runner *r, int64_t away_ns, struct msc_err *err)
{
	char asked[160], away[24];

	msc_asked_text(asked, sizeof asked, &r->target->asked);
	msc_format_ns(away, sizeof away, away_ns);
	return msc_judge_stated(
		&msc_rule_usb_device_stays, NULL, NULL, r->o->profile, &r->findings, "it stays",
		away, err,
		"the device left the bus by itself and came back after %s; the last "
		"that it was asked for was %s",
		away, asked);
}

int msc_run_rejoin(struct msc_runner *r, struct msc_err *err)
{
	const struct msc_err left = *err;
	int64_t began = msc_now(r->target->clock);

	if (!r->target->gone || r->leaves == LEAVES_MAX || r->restless == RESTLESS_MAX)
		return -1;
	*err = (struct msc_err)MSC_ERR_INIT;
	if (msc_session_rejoin(r->session, err) < 0) {
		if (err->code == MSC_E_GONE)
			*err = left;
		return -1;
	}
	r->leaves++;
	r->deconfigured = false;
	if (left.code == MSC_E_GONE)
		return judge_leaving(r, msc_now(r->target->clock) - began, err);
	msc_run_end_case(r, MSC_VERDICT_ERROR, "%s", left.msg);
	return 0;
}

void msc_run_tell_asked(const struct msc_runner *r, struct msc_err *err)
{
	char asked[160];

	if (r->target->gone && r->target->asked.kind != MSC_ASKED_NOTHING)
		msc_append(err->msg, sizeof err->msg, "; the last that it was asked for was %s",
			   msc_asked_text(asked, sizeof asked, &r->target->asked));
}
