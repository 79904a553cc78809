/* SPDX-License-Identifier: BSD-2-Clause */
/* Which scenarios a user means. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/report.h"

static int nothing_matches(const struct msc_scenarios *all, const char *pattern,
			   struct msc_err *err)
{
	struct msc_nearest near = { .wanted = pattern };

	for (size_t i = 0; i < all->count; i++) {
		msc_nearest_try(&near, msc_scenario_name(all->list[i]));
		for (const char *const *tag = msc_scenario_tags(all->list[i]); *tag; tag++)
			msc_nearest_try(&near, *tag);
	}
	return msc_fail_unknown(err, "scenario", "scenarios", &near);
}

static bool matches_any(const struct msc_scenario *s, const char *const *patterns, size_t n)
{
	for (size_t p = 0; p < n; p++)
		if (msc_scenario_matches(s, patterns[p]))
			return true;
	return false;
}

static bool any_matches(const struct msc_scenarios *all, const char *pattern)
{
	for (size_t i = 0; i < all->count; i++)
		if (msc_scenario_matches(all->list[i], pattern))
			return true;
	return false;
}

int msc_select(const struct msc_scenarios *all, const char *const *patterns, size_t n_patterns,
	       struct msc_scenarios *out, struct msc_err *err)
{
	*out = (struct msc_scenarios){ NULL };
	for (size_t p = 0; p < n_patterns; p++)
		if (!any_matches(all, patterns[p]))
			return nothing_matches(all, patterns[p], err);
	if (all->count == 0)
		return msc_fail(err, MSC_E_USAGE, "there is no scenario to run");
	out->list = calloc(all->count, sizeof *out->list);
	if (!out->list)
		return msc_nomem(err);
	out->room = all->count;
	for (size_t i = 0; i < all->count; i++)
		if (n_patterns == 0 || matches_any(all->list[i], patterns, n_patterns))
			out->list[out->count++] = all->list[i];
	return 0;
}

int msc_select_except(struct msc_scenarios *chosen, const char *const *patterns, size_t n_patterns,
		      struct msc_err *err)
{
	size_t n = 0;

	for (size_t p = 0; p < n_patterns; p++) {
		if (!any_matches(chosen, patterns[p]))
			return msc_fail(err, MSC_E_USAGE,
					"--exclude %s takes nothing out: none of the selected "
					"scenarios is called that",
					patterns[p]);
	}
	for (size_t i = 0; i < chosen->count; i++)
		if (!matches_any(chosen->list[i], patterns, n_patterns))
			chosen->list[n++] = chosen->list[i];
	chosen->count = n;
	return n ? 0 : msc_fail(err, MSC_E_USAGE, "no scenario is left to run");
}

void msc_select_for(struct msc_scenarios *chosen, const struct msc_device *d)
{
	size_t n = 0;

	for (size_t i = 0; i < chosen->count; i++)
		if (msc_scenario_is_for(chosen->list[i], d->desc.vendor, d->desc.product))
			chosen->list[n++] = chosen->list[i];
	chosen->count = n;
}
