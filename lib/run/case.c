/* SPDX-License-Identifier: BSD-2-Clause */
/* One scenario on one device: whether it can run at all, its steps, bringing the device back, its
 * verdict. However it ends, the next case finds the device answering and the medium as it was, or
 * the run learns that this cannot be had. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/isolate.h"
#include "base/text.h"
#include "run/runner.h"

/* So often on end a device is tried that does not take the common beginning. */
#define UNLEVEL_MAX 20

/* The medium may not come back, or in somebody else's hands. */
static int put_all_back(struct msc_runner *r, struct msc_err *err)
{
	bool good;

	if (msc_medium_rest(r->medium, &good, err) < 0)
		return -1;
	if (!good)
		msc_run_end_case(r, MSC_VERDICT_SKIP,
				 "what was written cannot be put back, so the medium is kept");
	return 0;
}

/* Hosts do not wait so long either: what is put to a medium of this kind is shorter. */
static bool is_too_slow(struct msc_runner *r)
{
	uint64_t bytes = (uint64_t)r->s->scratch_blocks * r->unit.block_size;
	int64_t ns = msc_session_write_time(r->session, bytes);
	char text[24];

	if (r->s->scratch_blocks <= MSC_SCRATCH_LEAST || ns < msc_session_timeout(r->session) / 2)
		return false;
	msc_run_end_case(r, MSC_VERDICT_SKIP,
			 "the medium is too slow for long writes: %" PRIu64 " KiB would take %s",
			 bytes >> 10, msc_format_ns(text, sizeof text, ns));
	return true;
}

/* The blocks are saved, and the medium is still the one that they are of; without a medium there is
 * nothing to save. */
static int save_blocks(struct msc_runner *r, struct msc_err *err)
{
	char why[256];
	bool may, untrue;

	if (!r->s->writes || !msc_medium_blocks(r->medium))
		return 0;
	if (*r->no_journal) {
		msc_run_end_case(r, MSC_VERDICT_SKIP, "%s", r->no_journal);
		return 0;
	}
	if (r->s->ejects && !r->s->scratch_blocks)
		return put_all_back(r, err);
	untrue = msc_medium_is_untrue(r->medium);
	if (msc_medium_save(r->medium, &may, why, sizeof why, err) < 0)
		return -1;
	if (may && is_too_slow(r))
		return 0;
	if (may && msc_medium_grow(r->medium, (uint32_t)r->s->scratch_blocks, &may, why, sizeof why,
				   err) < 0)
		return -1;
	r->env.var[MSC_VAR_SCRATCH] = (int64_t)msc_medium_first(r->medium);
	if (!may)
		msc_run_end_case(r, MSC_VERDICT_SKIP, "%s", why);
	else if (msc_medium_fill(r->medium, (uint32_t)r->s->scratch_blocks, err) < 0)
		return -1;
	return untrue || !msc_medium_is_untrue(r->medium) ? 0 : msc_check_readback(r, why, err);
}

/* What this case finds does not depend on what ran before it. In bring-up nothing is sent that the
 * imitated host would not. */
static int begin_level(struct msc_runner *r, struct msc_err *err)
{
	bool level;

	if (r->o->as_hosts)
		return 0;
	if (r->unlevel == UNLEVEL_MAX) {
		msc_session_know(r->session, r->o->lun, &r->unit);
		return 0;
	}
	if (msc_session_level(r->session, r->o->lun, &r->unit, &level, err) < 0)
		return -1;
	r->unlevel = level ? 0 : r->unlevel + 1;
	return 0;
}

static int run_scenario(struct msc_runner *r, struct msc_err *err)
{
	char why[256];

	if (msc_run_obstacle(r, why, sizeof why)) {
		msc_run_end_case(r, MSC_VERDICT_SKIP, "%s", why);
		return 0;
	}
	if (save_blocks(r, err) < 0)
		return -1;
	if (r->ended)
		return 0;
	if (begin_level(r, err) < 0)
		return -1;
	if (msc_run_steps(r, r->s->steps, r->s->n_steps, err) == 0)
		return 0;
	/* What the transport cannot send (usbfs filters requests), or the gate does not let out, is
	 * no fault of the device. */
	if (err->code != MSC_E_UNSUPPORTED && err->code != MSC_E_REFUSED)
		return -1;
	r->held_back = true;
	msc_run_end_case(r, MSC_VERDICT_SKIP, "%s", err->msg);
	*err = (struct msc_err)MSC_ERR_INIT;
	return 0;
}

/* Whether TEST UNIT READY brings anything where the CSW belongs, be it right or wrong. */
static int answers(struct msc_runner *r, bool *yes, struct msc_err *err)
{
	enum msc_answer answer = MSC_ANSWER_NONE;
	int rc;

	msc_session_mute(r->session, true);
	rc = msc_session_answers(r->session, r->o->lun, &answer, err);
	msc_session_mute(r->session, false);
	*yes = answer != MSC_ANSWER_NONE;
	return rc;
}

/* A device whose CSW is never valid cannot be settled, and need not be given up: its exchanges are
 * judged as they come. */
static int settle(struct msc_runner *r, bool *wedged, struct msc_err *err)
{
	bool yes = false;
	int rung;

	if (r->odd_csw && answers(r, &yes, err) < 0)
		return -1;
	if (yes)
		return 0;
	if (msc_session_settle(r->session, &rung, err) < 0 ||
	    (rung > 2 && answers(r, &yes, err) < 0))
		return -1;
	if (yes && !r->odd_csw)
		msc_run_note(r, "no CSW of the device is valid, so it is not brought back between "
				"scenarios");
	r->odd_csw |= yes;
	*wedged = rung > 2 && !yes;
	if (*wedged && msc_run_revive(r, wedged, err) < 0)
		return -1;
	/* Half a command, which is all that left, may well need a reset. */
	return yes || r->held_back ? 0 : msc_check_settled(r, rung, err);
}

/* Brings the device back. What a host would do is judged; the rest is hidden, and named. */
static int clean_up(struct msc_runner *r, bool *wedged, struct msc_err *err)
{
	/* Step by step upward: whether commands are answered is not its question yet. */
	if (r->o->as_hosts && msc_session_known(r->session)->only_control)
		return 0;
	if (*r->reason && !msc_session_last(r->session)) /* it was not begun */
		return msc_run_put_back(r, err);
	if (msc_run_owes_reset(r) && msc_run_recover(r, err) < 0)
		return -1;
	if (settle(r, wedged, err) < 0)
		return -1;
	return *wedged ? 0 : msc_run_put_back(r, err);
}

/* Whether some of what was found is let pass; then its reason is that of the case. */
static bool waive(struct msc_runner *r)
{
	bool waived = msc_waive(r->o->waivers, r->s->name, &r->findings) > 0;
	const struct msc_waiver *last = NULL;
	char text[sizeof r->reason] = "";

	for (size_t i = 0; i < r->findings.count; i++) {
		const struct msc_waiver *w = r->findings.list[i].waiver;

		if (w && w != last)
			msc_append(text, sizeof text, "%suntil %s: %s", *text ? "; " : "", w->until,
				   w->reason);
		last = w ? w : last;
	}
	if (waived && r->verdict != MSC_VERDICT_ERROR)
		snprintf(r->reason, sizeof r->reason, "%s", text);
	return waived;
}

static enum msc_verdict verdict(const struct msc_runner *r, bool waived)
{
	enum msc_severity worst = msc_findings_worst(&r->findings);

	if (worst == MSC_FAIL)
		return MSC_VERDICT_FAIL;
	if (waived && r->verdict != MSC_VERDICT_ERROR)
		return MSC_VERDICT_WAIVED;
	if (*r->reason && r->verdict != MSC_VERDICT_FAIL &&
	    !(r->verdict == MSC_VERDICT_SKIP && worst == MSC_WARN))
		return r->verdict;
	return worst == MSC_WARN ? MSC_VERDICT_WARN : MSC_VERDICT_PASS;
}

/* How long the case took and where, for those that say what they are about. */
static int tell_phases(struct msc_runner *r, int64_t began, struct msc_err *err)
{
	int64_t end = msc_now(r->target->clock);
	char text[512] = "", took[32];
	size_t len = 0;

	if (r->ended)
		return 0;
	if (!r->n_phases)
		return msc_check_time(r, end - began, err);
	for (size_t i = 0; i < r->n_phases && len < sizeof text; i++) {
		int64_t next = i + 1 < r->n_phases ? r->phase[i + 1].began_ns : end;

		len += (size_t)snprintf(
			text + len, sizeof text - len, "%s%s %s", i ? ", " : "", r->phase[i].name,
			msc_format_ns(took, sizeof took, next - r->phase[i].began_ns));
	}
	msc_run_note(r, "took %s: %s", msc_format_ns(took, sizeof took, end - began), text);
	return msc_check_time(r, end - began, err);
}

static void forget(struct msc_runner *r)
{
	for (size_t i = 0; i < MSC_SLOTS_MAX; i++)
		free(r->slots[i].data);
	for (size_t i = 0; i < MSC_SLOTS_MAX; i++)
		r->slots[i] = (struct msc_saved_answer){ 0 };
	msc_findings_clear(&r->findings);
	msc_record_drop(r->slowest);
	r->slowest = NULL;
	for (int i = MSC_VAR_LET; i < MSC_VARS; i++)
		r->env.var[i] = 0;
	r->env.var[MSC_VAR_STATUS] = UINT8_MAX;
	r->env.var[MSC_VAR_STALLS] = 0;
	msc_session_forget(r->session);
}

/* The steps and all that follows them on the device. */
static int run_and_clean(struct msc_runner *r, bool *wedged, struct msc_err *err)
{
	int64_t began = msc_now(r->target->clock);
	struct msc_err ignored = MSC_ERR_INIT;
	int rc;

	r->leaves = 0;
	rc = run_scenario(r, err);
	if (rc < 0) /* what is to be put back needs a device that is configured */
		(void)!msc_run_configured(r, &ignored);
	else if ((rc = msc_run_configured(r, err)) == 0 && (rc = tell_phases(r, began, err)) == 0)
		rc = clean_up(r, wedged, err);
	while (rc < 0 && msc_run_rejoin(r, err) == 0)
		rc = clean_up(r, wedged, err);
	r->restless = r->leaves > 1 ? r->restless + 1 : 0;
	return rc;
}

/* Where the case ends this process another takes its place, with a device and a medium as they were before the
 * case. */
static int run_isolated(struct msc_runner *r, bool *wedged, struct msc_err *err)
{
	char why[MSC_ISOLATE_WHY];

	if (!r->target->device.simulated || !msc_isolate_step(why, sizeof why))
		return run_and_clean(r, wedged, err);
	return msc_judge_stated(&msc_rule_firmware_dead, NULL, NULL, r->o->profile, &r->findings,
				NULL, NULL, err, "%s", why);
}

int msc_run_case(struct msc_runner *r, const struct msc_scenario *s, bool *wedged,
		 struct msc_err *err)
{
	int64_t began = msc_now(r->target->clock), now;
	struct msc_event e = { .kind = MSC_EV_CASE_BEGIN, .at_ns = began, .scenario = s };
	bool waived, counted;
	char why[256];
	int rc;

	r->s = s;
	r->ended = r->held_back = false;
	r->reason[0] = '\0';
	r->n_phases = r->steps = 0;
	r->verdict = MSC_VERDICT_PASS;
	*wedged = false;
	r->until_ns = r->hasty ? began + MSC_CASE_HASTY_NS : MSC_NEVER;
	counted = !msc_run_obstacle(r, why, sizeof why) && r->estimate.done < r->estimate.cases;
	if (counted) {
		e.cases_done = r->estimate.done;
		e.cases_total = r->estimate.cases;
		e.left_ns = msc_run_left(r);
	}
	r->o->event(r->o->user, &e);
	msc_log(r->o->log, MSC_LOG_INFO, "scenario", began, "%s", s->name);
	rc = run_isolated(r, wedged, err);
	/* While the device was brought back; a failure is in judge_err. */
	(void)!msc_run_misuse(r, NULL);
	if (rc == 0 && r->judge_err.code != MSC_OK) {
		*err = r->judge_err;
		rc = -1;
	}
	if (rc < 0) {
		msc_run_tell_asked(r, err);
		msc_run_end_case(r, MSC_VERDICT_ERROR, "%s", err->msg);
	}
	msc_run_weigh(r);
	waived = waive(r);
	now = msc_now(r->target->clock);
	e = (struct msc_event){ .kind = MSC_EV_CASE_END,
				.at_ns = now,
				.scenario = s,
				.verdict = verdict(r, waived),
				.findings = &r->findings,
				.device_ns = now - began };
	if (e.verdict == MSC_VERDICT_SKIP || e.verdict == MSC_VERDICT_ERROR ||
	    e.verdict == MSC_VERDICT_WAIVED)
		e.reason = r->reason;
	if (e.verdict != MSC_VERDICT_SKIP && e.verdict != MSC_VERDICT_ERROR)
		msc_waivers_tried(r->o->waivers, s->name);
	r->summary->count[e.verdict]++;
	r->o->event(r->o->user, &e);
	if (counted)
		msc_run_estimate_case(r, now - began);
	forget(r);
	r->s = NULL;
	return rc;
}
