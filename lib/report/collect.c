/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run has found so far, kept until its causes can be named: every format needs them, and most
 * before the first case. */
#include "report/collect.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define CAUSE_TRIES 4

/* A line more; line breaks within it become blanks. */
static void add_note(struct msc_report_all *all, const char *text)
{
	size_t len = all->notes ? strlen(all->notes) : 0, more = strlen(text);
	char *notes = realloc(all->notes, len + more + 2);

	if (!notes) {
		all->failed = true;
		return;
	}
	all->notes = notes;
	for (size_t i = 0; i < more; i++)
		notes[len + i] = text[i] == '\n' ? ' ' : text[i];
	strcpy(notes + len + more, "\n");
}

static void add_said(struct msc_report_all *all, const char *text)
{
	char **said = realloc(all->said, (all->n_said + 1) * sizeof *said);

	if (said)
		all->said = said;
	if (said && (said[all->n_said] = strdup(text)))
		all->n_said++;
	else
		all->failed = true;
}

static void add_case(struct msc_report_all *all, const struct msc_event *ev)
{
	static const struct msc_findings none;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_report_case *c = all->cases;

	if (all->n == all->room) {
		c = reallocarray(c, all->room * 2 + 64, sizeof *c);
		if (!c) {
			all->failed = true;
			return;
		}
		all->cases = c;
		all->room = all->room * 2 + 64;
	}
	c += all->n++;
	*c = (struct msc_report_case){ .scenario = ev->scenario,
				       .verdict = ev->verdict,
				       .reason = ev->reason ? strdup(ev->reason) : NULL,
				       .device_ns = ev->device_ns,
				       .notes = all->notes };
	all->notes = NULL;
	if (!c->reason != !ev->reason ||
	    msc_findings_copy(&c->findings, ev->findings ? ev->findings : &none, &err) < 0 ||
	    (ev->verdict != MSC_VERDICT_SKIP &&
	     msc_evidence_add(&all->seen, msc_scenario_name(ev->scenario), ev->findings, &err) < 0))
		all->failed = true;
}

/* What shows each cause by itself is tried where that can be had; the dictionary knows it of its own
 * models only. The case that it names is the first choice, then the others that have shown it. */
static void try_causes(struct msc_report_all *all, const struct msc_report_context *c)
{
	for (size_t n = 0; c->repeats && n < all->causes.count; n++) {
		struct msc_cause *cause = &all->causes.list[n];
		enum msc_repeats repeats = MSC_REPEATS_NOT;
		const char *before = NULL;
		unsigned tries = 0;

		for (int round = 0; round < 2 && repeats == MSC_REPEATS_NOT; round++)
			for (size_t i = 0; i < all->seen.n_seen && tries < CAUSE_TRIES; i++) {
				const struct msc_sighting *s = &all->seen.seen[i];

				if (all->causes.of[i] != (int)n || s->worst < cause->worst ||
				    (s->name == cause->alone) != (round == 0))
					continue;
				tries++;
				repeats = c->repeats(c->repeats_user, s->name, s->rule, &before);
				if (repeats == MSC_REPEATS_NOT)
					continue;
				cause->alone = s->name;
				break;
			}
		if (repeats == MSC_REPEATS_UNTRIED)
			continue;
		cause->before = before;
		cause->alone_is_sure = repeats != MSC_REPEATS_NOT;
	}
}

void msc_report_collect(struct msc_report_all *all, const struct msc_report_context *context,
			const struct msc_event *ev)
{
	struct msc_err err = MSC_ERR_INIT;

	switch (ev->kind) {
	case MSC_EV_RUN_BEGIN:
		all->profile = ev->profile;
		all->waivers = ev->waivers;
		all->began = true;
		snprintf(all->target, sizeof all->target, "%s", ev->device->name);
		all->cases_total = ev->cases_total;
		break;
	case MSC_EV_RECORD:
		msc_evidence_note(&all->seen, ev->record);
		break;
	case MSC_EV_CASE_END:
		add_case(all, ev);
		break;
	case MSC_EV_NOTE:
		if (ev->scenario)
			add_note(all, ev->text);
		else
			add_said(all, ev->text);
		break;
	case MSC_EV_RUN_END:
		msc_causes_clear(&all->causes);
		if (msc_causes_find(&msc_dictionary, &all->seen, all->profile, &all->causes, &err) <
		    0)
			all->failed = true;
		else
			try_causes(all, context);
		break;
	case MSC_EV_CASE_BEGIN:
	case MSC_EV_ESTIMATE:
		break;
	}
}

void msc_report_forget(struct msc_report_all *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->cases[i].reason);
		free(all->cases[i].notes);
		msc_findings_clear(&all->cases[i].findings);
	}
	for (size_t i = 0; i < all->n_said; i++)
		free(all->said[i]);
	free(all->said);
	free(all->cases);
	free(all->notes);
	msc_causes_clear(&all->causes);
	msc_evidence_clear(&all->seen);
	*all = (struct msc_report_all){ .cases = NULL };
}

const struct msc_cause *msc_report_cause(const struct msc_report_all *all,
					 const struct msc_report_case *c,
					 const struct msc_finding *f)
{
	const char *name = msc_scenario_name(c->scenario);

	for (size_t i = 0; all->causes.of && i < all->seen.n_seen; i++)
		if (all->seen.seen[i].rule == f->rule && all->seen.seen[i].name == name)
			return all->causes.of[i] < 0 ? NULL : &all->causes.list[all->causes.of[i]];
	return NULL;
}

char *msc_report_causes(const struct msc_report_all *all, const struct msc_report_case *c)
{
	const struct msc_cause *last = NULL;
	char *text = NULL, names[1024];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (size_t n = 0; f && n < all->causes.count; n++) {
		const struct msc_cause *cause = &all->causes.list[n];
		bool is = false;

		for (size_t i = 0; !is && i < c->findings.count; i++)
			is = c->findings.list[i].severity > MSC_NOTE &&
			     msc_report_cause(all, c, &c->findings.list[i]) == cause;
		if (!is)
			continue;
		fprintf(f, "%s%s", last ? ", " : "",
			msc_report_cause_names(names, sizeof names, cause));
		last = cause;
	}
	if (f && msc_text_end(f, &text) && last)
		return text;
	free(text);
	return NULL;
}
