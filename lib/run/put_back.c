/* SPDX-License-Identifier: BSD-2-Clause */
/* Putting back what was written, within the case: what the care of the medium sees of the device then is a
 * finding of it. All that the run has written is put back, and all that is saved compared, at the end of the last
 * case that writes, for only a case has a verdict. What is left after that (the run was cut short) is done when
 * the run ends, and told in notes. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "run/runner.h"

static bool will_write(struct msc_runner *r, const struct msc_scenario *s)
{
	const struct msc_scenario *now = r->s;
	char why[256];
	bool yes;

	if (!s->writes)
		return false;
	r->s = s;
	yes = !msc_run_obstacle(r, why, sizeof why);
	r->s = now;
	return yes;
}

/* No case after this one writes, or none will be run. */
static bool is_last(struct msc_runner *r)
{
	if (r->o->as_hosts && r->s->host && msc_findings_worst(&r->findings) == MSC_FAIL)
		return true;
	if (r->hasty && msc_now(r->target->clock) >= r->end_ns)
		return true;
	for (size_t i = 0; i < r->n_next; i++)
		if (will_write(r, r->next[i]))
			return false;
	return true;
}

static int put_back_case(struct msc_runner *r, struct msc_err *err)
{
	bool good;

	if (!r->s->writes)
		return 0;
	if (msc_medium_restore(r->medium, r->hasty, &good, err) < 0)
		return -1;
	if (!good)
		msc_run_note(r,
			     "%s: the scratch range could not be put back; it is tried again at "
			     "the end of the run",
			     r->s->name);
	return 0;
}

/* A failure, unless one was found that may well be the reason: then the notes of the medium's care are enough. */
static int lost(struct msc_runner *r, const char *text, struct msc_err *err)
{
	r->told_lost = true;
	if (r->summary->count[MSC_VERDICT_FAIL] ||
	    (msc_findings_worst(&r->findings) == MSC_FAIL && msc_run_worst(r) == MSC_FAIL))
		return 0;
	return msc_check_lost(r, text, err);
}

static int put_back_all(struct msc_runner *r, struct msc_err *err)
{
	int64_t began = msc_now(r->target->clock);
	char text[128];
	bool good;

	if (!msc_medium_is_saved(r->medium) || msc_medium_ended(r->medium) || r->told_lost ||
	    !is_last(r))
		return 0;
	if (msc_medium_rest(r->medium, &good, err) < 0)
		return -1;
	r->end_ns += msc_now(r->target->clock) - began; /* the cases after it have their own time */
	if (good || msc_medium_ended(r->medium))
		return 0;
	snprintf(text, sizeof text,
		 "what was found in blocks %" PRIu64 " to %" PRIu64 " could not be put back",
		 msc_medium_first(r->medium),
		 msc_medium_first(r->medium) + msc_medium_blocks(r->medium) - 1);
	return lost(r, text, err);
}

/* What has been seen since it was told last. */
static int tell(struct msc_runner *r, struct msc_err *err)
{
	const char *ended = msc_medium_ended(r->medium), *hit;
	unsigned hits = msc_medium_elsewhere(r->medium, &hit), more;
	char text[400] = "";

	if (hits > r->elsewhere) {
		more = hits - r->elsewhere - 1;
		msc_append(text, sizeof text, "%s", hit);
		if (more)
			msc_append(text, sizeof text, "; and %u more block%s changed", more,
				   more == 1 ? " has" : "s have");
		if (msc_check_elsewhere(r, text, true, err) < 0)
			return -1;
	}
	r->elsewhere = hits;
	/* what an untrue medium shows has its own rule: msc_check_readback */
	if (!ended || r->told_lost || !msc_medium_is_saved(r->medium) ||
	    msc_medium_is_untrue(r->medium))
		return 0;
	if (!msc_medium_is_taken(r->medium))
		return lost(r, ended, err);
	r->told_lost = true;
	/* a person may have done that: nothing is known of what was written */
	msc_run_end_case(r, MSC_VERDICT_ERROR, "what was written is not put back: %s", ended);
	return 0;
}

int msc_run_put_back(struct msc_runner *r, struct msc_err *err)
{
	if (put_back_case(r, err) < 0 || tell(r, err) < 0 || put_back_all(r, err) < 0)
		return -1;
	return tell(r, err);
}
