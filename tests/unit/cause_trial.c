/* SPDX-License-Identifier: BSD-2-Clause */
#include "cause_trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "report/report.h"

#define FAULTS_MAX 1000

static void give_up(const char *what, const struct msc_err *err)
{
	fprintf(stderr, "%s: %s\n", what, err->msg);
	abort();
}

static void on_event(void *user, const struct msc_event *ev)
{
	struct msc_err err = MSC_ERR_INIT;

	if (ev->kind == MSC_EV_RECORD)
		msc_evidence_note(user, ev->record);
	if (ev->kind == MSC_EV_CASE_END && ev->verdict != MSC_VERDICT_SKIP &&
	    msc_evidence_add(user, msc_scenario_name(ev->scenario), ev->findings, &err) < 0)
		give_up("evidence", &err);
}

void trial_run(const struct msc_scenarios *all, const char *target, bool writes,
	       enum msc_profile profile, struct msc_evidence *seen)
{
	const struct msc_open_options open = { .allow_writes = writes };
	const struct msc_run_options options = {
		.profile = profile, .allow_writes = writes, .event = on_event, .user = seen
	};
	struct msc_err err = MSC_ERR_INIT;
	struct msc_scenarios chosen;
	struct msc_summary summary;
	struct msc_target *t = msc_target_open(target, &open, &err);

	*seen = (struct msc_evidence){ NULL };
	if (!t || msc_select(all, NULL, 0, &chosen, &err) < 0)
		give_up(target, &err);
	msc_select_for(&chosen, &t->device); /* as "mscope check" does */
	if (msc_run(t, &chosen, &options, &summary, &err) < 0 && err.code == MSC_E_NOMEM)
		give_up(target, &err);
	free(chosen.list);
	msc_target_close(t);
}

void trial_find(const struct msc_evidence *seen, enum msc_profile profile,
		struct msc_causes *causes)
{
	struct msc_err err = MSC_ERR_INIT;

	if (msc_causes_find(&msc_dictionary, seen, profile, causes, &err) < 0)
		give_up("causes", &err);
}

char *trial_target(char *buf, size_t size, const char *base, const struct msc_fault *f)
{
	snprintf(buf, size, "%s%s%s,fault=%s", base, f->target ? "," : "",
		 f->target ? f->target : "", f->id);
	return buf;
}

bool trial_is_named(const struct msc_cause *cause, const struct msc_fault *f)
{
	if (cause->fault == f)
		return true;
	for (size_t i = 0; i < cause->n_ties; i++)
		if (cause->ties[i] == f)
			return true;
	return false;
}

static bool is_same(const struct msc_evidence *a, const struct msc_evidence *b)
{
	if (a->n_seen != b->n_seen)
		return false;
	for (size_t i = 0; i < a->n_seen; i++)
		if (a->seen[i].name != b->seen[i].name || a->seen[i].rule != b->seen[i].rule)
			return false;
	return true;
}

static void tell(const char *what, const struct msc_causes *causes)
{
	printf("%s:", what);
	for (size_t i = 0; i < causes->count; i++)
		printf(" %s (%u, %u of %u, %s)", causes->list[i].id, causes->list[i].explains,
		       causes->list[i].shown, causes->list[i].shows,
		       msc_confidence_names[causes->list[i].confidence]);
	printf("; %u of %u left\n", causes->unexplained, causes->findings);
	fflush(stdout);
}

/* ---- one fault --------------------------------------------------------------------------------- */

static void try_single(const struct msc_scenarios *all, const char *base,
		       const struct msc_evidence *plain, const struct msc_fault *f,
		       enum msc_profile profile, bool writes, bool talk, struct trial_singles *s)
{
	char target[256];
	struct msc_evidence seen;
	struct msc_causes causes;
	bool named = false;

	trial_run(all, trial_target(target, sizeof target, base, f), writes, profile, &seen);
	trial_find(&seen, profile, &causes);
	for (size_t i = 0; i < causes.count; i++)
		named |= trial_is_named(&causes.list[i], f);
	s->faults++;
	if (!is_same(plain, &seen)) {
		bool first = causes.count && trial_is_named(&causes.list[0], f);

		s->visible++;
		s->first += first;
		s->named += named;
		if (talk && !first)
			tell(target, &causes);
	}
	msc_causes_clear(&causes);
	msc_evidence_clear(&seen);
}

struct trial_singles trial_singles(const struct msc_scenarios *all, const char *base,
				   enum msc_profile profile, bool talk)
{
	bool reference = !strcmp(base, "sim:reference");
	struct trial_singles s = { .faults = 0 };
	struct msc_evidence plain;

	trial_run(all, base, true, profile, &plain);
	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));)
		if (reference || !f->target)
			try_single(all, base, &plain, f, profile, f->needs_writes || !reference,
				   talk, &s);
	msc_evidence_clear(&plain);
	return s;
}

/* ---- two --------------------------------------------------------------------------------------- */

/* One knob cannot have two values: the faults that ask for the same or nothing go together. */
static bool go_together(const struct msc_fault *a, const struct msc_fault *b)
{
	return a != b && (!a->target || !b->target || !strcmp(a->target, b->target));
}

static void score(const struct msc_causes *causes, const struct msc_fault *a,
		  const struct msc_fault *b, struct trial_pairs *p)
{
	bool first = false, second = false;

	for (size_t i = 0; i < causes->count; i++) {
		const struct msc_cause *cause = &causes->list[i];
		bool is_a = trial_is_named(cause, a), is_b = trial_is_named(cause, b);

		p->named[cause->confidence]++;
		p->right[cause->confidence] += is_a || is_b;
		first |= is_a;
		second |= is_b;
	}
	p->pairs++;
	p->both += first && second;
}

static void try_pair(const struct msc_scenarios *all, const struct msc_fault *a,
		     const struct msc_fault *b, bool talk, struct trial_pairs *p)
{
	const enum msc_profile profile = MSC_PROFILE_USBIF;
	const char *knobs = a->target ? a->target : b->target;
	struct msc_evidence only_a, only_b, seen;
	char target[256], with[160];
	struct msc_causes causes;
	unsigned both = p->both;

	snprintf(with, sizeof with, "sim:reference%s%s", knobs ? "," : "", knobs ? knobs : "");
	snprintf(target, sizeof target, "%s,fault=%s", with, a->id);
	trial_run(all, target, true, profile, &only_a);
	snprintf(target, sizeof target, "%s,fault=%s", with, b->id);
	trial_run(all, target, true, profile, &only_b);
	snprintf(target, sizeof target, "%s,fault=%s,fault=%s", with, a->id, b->id);
	trial_run(all, target, true, profile, &seen);
	if (!is_same(&only_a, &seen) && !is_same(&only_b, &seen)) {
		trial_find(&seen, profile, &causes);
		score(&causes, a, b, p);
		if (talk && p->both == both)
			tell(target, &causes);
		msc_causes_clear(&causes);
	}
	msc_evidence_clear(&only_a);
	msc_evidence_clear(&only_b);
	msc_evidence_clear(&seen);
}

struct trial_pairs trial_pairs(const struct msc_scenarios *all, unsigned wanted, uint64_t seed,
			       bool talk)
{
	const struct msc_fault *faults[FAULTS_MAX];
	struct msc_rng rng = { seed };
	struct trial_pairs p = { .pairs = 0 };
	uint32_t n = 0;

	for (const struct msc_fault *f = NULL; n < FAULTS_MAX && (f = msc_fault_next(f));)
		faults[n++] = f;
	while (p.pairs < wanted) {
		const struct msc_fault *a = faults[msc_rng_below(&rng, n)];
		const struct msc_fault *b = faults[msc_rng_below(&rng, n)];

		if (go_together(a, b))
			try_pair(all, a, b, talk, &p);
	}
	return p;
}
