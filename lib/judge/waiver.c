/* SPDX-License-Identifier: BSD-2-Clause */
/* Which findings a waiver lets pass, and which waivers have had their time. */
#include "judge/waiver.h"

#include <fnmatch.h>
#include <stdio.h>

const char *msc_waiver_state_name(enum msc_waiver_state state)
{
	static const char *const names[] = { "used", "untried", "unused", "expired" };

	return (size_t)state < MSC_COUNT(names) ? names[state] : "?";
}

enum msc_waiver_state msc_waiver_state(const struct msc_waivers *all, const struct msc_waiver *w)
{
	if (w->until_day < all->today)
		return MSC_WAIVER_EXPIRED;
	if (w->findings)
		return MSC_WAIVER_USED;
	return w->known && !w->tried ? MSC_WAIVER_UNTRIED : MSC_WAIVER_UNUSED;
}

unsigned msc_waivers_stale(const struct msc_waivers *all)
{
	unsigned n = 0;

	for (size_t i = 0; all && i < all->count; i++)
		n += msc_waiver_state(all, &all->list[i]) >= MSC_WAIVER_UNUSED;
	return n;
}

char *msc_waiver_text(char *buf, size_t size, const struct msc_waivers *all,
		      const struct msc_waiver *w)
{
	char why[160] = "";

	switch (msc_waiver_state(all, w)) {
	case MSC_WAIVER_USED:
		snprintf(buf, size, "%s in %s: %u finding%s in %u case%s, until %s: %s",
			 w->rule->id, w->name, w->findings, MSC_PLURAL(w->findings), w->cases,
			 MSC_PLURAL(w->cases), w->until, w->reason);
		return buf;
	case MSC_WAIVER_UNTRIED:
		snprintf(why, sizeof why, "was not tried: the case did not run");
		break;
	case MSC_WAIVER_UNUSED:
		snprintf(why, sizeof why, "is unused: %s",
			 w->known ? "the case no longer shows it; remove the waiver"
				  : "there is no case of that name");
		break;
	case MSC_WAIVER_EXPIRED:
		snprintf(why, sizeof why, "expired on %s, and waives nothing", w->until);
		break;
	}
	snprintf(buf, size, "%s:%d:%d: the waiver of %s in %s %s", all->path, w->line, w->column,
		 w->rule->id, w->name, why);
	return buf;
}

static bool names(const struct msc_waiver *w, const char *name)
{
	return fnmatch(w->name, name, 0) == 0;
}

static struct msc_waiver *find(struct msc_waivers *all, const char *name,
			       const struct msc_rule *rule)
{
	for (size_t i = 0; i < all->count; i++) {
		struct msc_waiver *w = &all->list[i];

		if (w->rule == rule && w->until_day >= all->today && names(w, name))
			return w;
	}
	return NULL;
}

unsigned msc_waive(struct msc_waivers *all, const char *name, struct msc_findings *found)
{
	unsigned n = 0;

	for (size_t i = 0; all && i < found->count; i++) {
		struct msc_finding *f = &found->list[i];
		struct msc_waiver *w;
		bool again = false;

		if (f->severity < MSC_WARN || !(w = find(all, name, f->rule)))
			continue;
		for (size_t k = 0; k < i; k++)
			again |= found->list[k].waiver == w;
		f->waiver = w;
		f->waived = f->severity;
		f->severity = MSC_NOTE;
		w->findings++;
		w->cases += !again;
		n++;
	}
	return n;
}

void msc_waivers_tried(struct msc_waivers *all, const char *name)
{
	for (size_t i = 0; all && i < all->count; i++)
		all->list[i].tried |= names(&all->list[i], name);
}
