/* SPDX-License-Identifier: BSD-2-Clause */
/* From findings to causes: what each entry of the dictionary explains of them, and what is said of
 * those that the search names. The search itself is cover.c. */
#include "judge/cause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/cause_match.h"

#define NONE    SIZE_MAX
#define SEVERAL 2 /* cases */

const char *const msc_confidence_names[] = { "possible", "likely", "certain" };

/* ---- what is said of a cause ----------------------------------------------------------------- */

/* The first of the rules that the fault says must find it. */
static const struct msc_rule *main_rule(const struct msc_fault *f)
{
	size_t len = strcspn(f->caught_by, " ");

	for (size_t i = 0; i < msc_rule_count; i++)
		if (strlen(msc_rules[i]->id) == len &&
		    !strncmp(msc_rules[i]->id, f->caught_by, len))
			return msc_rules[i];
	return NULL;
}

static void describe(struct msc_cause *cause, const struct msc_entry *entry)
{
	const struct msc_rule *rule;

	cause->id = entry->id;
	cause->fault = msc_match_fault(entry->id);
	for (size_t i = 0; !cause->fault && i < msc_firmware_count; i++)
		if (!strcmp(msc_firmwares[i]->name, entry->id))
			cause->firmware = msc_firmwares[i];
	if (cause->fault) {
		rule = main_rule(cause->fault);
		cause->title = cause->fault->title;
		cause->mistake = cause->fault->mistake;
		cause->spec = rule ? rule->spec : NULL;
	} else {
		cause->title = cause->firmware ? cause->firmware->summary : entry->id;
	}
}

static int list_missing(const struct msc_match *w, const struct msc_entry *entry,
			struct msc_cause *cause, struct msc_err *err)
{
	cause->missing = calloc(entry->n + 1u, sizeof *cause->missing);
	if (!cause->missing)
		return msc_nomem(err);
	for (uint32_t i = 0; i < entry->n; i++) {
		const struct msc_pair *p = &w->d->pairs[entry->first + i];

		if (!msc_match_is_expected(w, p))
			continue;
		cause->shows++;
		if (msc_match_is_seen(w, p))
			cause->shown++;
		else
			cause->missing[cause->n_missing++] =
				(struct msc_missing){ w->d->names[p->name], w->d->rules[p->rule] };
	}
	return 0;
}

/* Both explain one of the sightings: what explains nothing of it is no other name for it. */
static bool is_rival(const struct msc_match *w, size_t k, size_t t)
{
	const struct msc_candidate *c = w->cover.candidates;

	for (size_t i = 0; i < w->e->n_seen; i++) {
		int32_t enough = msc_match_enough(w, i);

		if (c[k].covers[i] >= enough && c[t].covers[i] >= enough)
			return true;
	}
	return false;
}

static int list_ties(struct msc_match *w, size_t k, struct msc_cause *cause, struct msc_err *err)
{
	const struct msc_cover *c = &w->cover;

	/* Where something is hidden, a place more that is hidden decides nothing. */
	if (msc_cover_ties(c, k, cause->n_missing ? msc_match_hidden(2) : 0, w->tie, err) < 0)
		return -1;
	cause->ties = calloc(c->n + 1, sizeof *cause->ties);
	if (!cause->ties)
		return msc_nomem(err);
	for (size_t t = 0; t < c->n; t++) {
		if (w->tie[t] && w->fault[t] && is_rival(w, k, t))
			cause->ties[cause->n_ties++] = w->fault[t];
	}
	return 0;
}

static enum msc_confidence confidence(const struct msc_cause *cause)
{
	const struct msc_rule *rule = cause->fault ? main_rule(cause->fault) : NULL;

	if (cause->shown * 2 < cause->shows || cause->shown == 0)
		return MSC_POSSIBLE;
	if (cause->shown * 10 < cause->shows * 9 || cause->n_ties || (rule && rule->doubtful))
		return MSC_LIKELY;
	return MSC_CERTAIN;
}

/* A case which is known to show it alone, best one that did; else the first that did. */
static void choose_alone(const struct msc_match *w, const struct msc_entry *entry,
			 const struct msc_causes *causes, int self, struct msc_cause *cause)
{
	for (size_t a = 0; a < entry->n_alone && !cause->alone; a++)
		for (size_t i = 0; i < w->e->n_seen && !cause->alone; i++)
			if (causes->of[i] == self && w->seen[i].name == entry->alone[a])
				cause->alone = w->e->seen[i].name;
	cause->alone_is_sure = cause->alone;
	cause->before = cause->alone ? entry->before : NULL;
	for (size_t i = 0; i < w->e->n_seen && !cause->alone; i++)
		if (causes->of[i] == self)
			cause->alone = w->e->seen[i].name;
}

/* ---- the result ------------------------------------------------------------------------------ */

/* The rule is one that the fault itself is about. */
static bool is_own(const struct msc_match *w, size_t k, size_t i)
{
	return w->fault[k] && w->cover.candidates[k].covers[i] > 0 &&
	       msc_match_promises(w->fault[k], w->e->seen[i].rule->id);
}

/* Which of the chosen explains it best; NONE: none does. What is too little to name a fault for is enough
 * once it has been named, if the rule is its own. */
static size_t explained_by(const struct msc_match *w, size_t i)
{
	const struct msc_cover *c = &w->cover;
	int32_t most = msc_match_enough(w, i) - 1;
	size_t by = NONE;

	for (size_t k = 0; k < c->n; k++)
		if (c->chosen[k] && c->candidates[k].covers[i] > most) {
			most = c->candidates[k].covers[i];
			by = k;
		}
	for (size_t k = 0; by == NONE && k < c->n; k++)
		if (c->chosen[k] && is_own(w, k, i))
			by = k;
	return by;
}

/* What it explains, by how much of it was seen. */
static uint64_t weight(const struct msc_cause *cause)
{
	return (uint64_t)cause->explains * 1000 * cause->shown / (cause->shows + !cause->shows);
}

/* Notes behind what is wrong, a firmware's own ways behind faults; then by weight: what explains much and shows a
 * third of what it could comes before what explains one finding. */
static int by_weight(const void *a, const void *b)
{
	const struct msc_cause *x = a, *y = b;

	if ((x->worst > MSC_NOTE) != (y->worst > MSC_NOTE))
		return x->worst > MSC_NOTE ? -1 : 1;
	if (!x->fault != !y->fault)
		return x->fault ? -1 : 1;
	if (weight(x) != weight(y))
		return weight(x) > weight(y) ? -1 : 1;
	if (x->explains != y->explains)
		return x->explains > y->explains ? -1 : 1;
	return strcmp(x->id, y->id);
}

static void count(const struct msc_match *w, const size_t *by, size_t k, struct msc_cause *cause)
{
	const char *name = NULL;

	for (size_t i = 0; i < w->e->n_seen; i++) {
		const struct msc_sighting *s = &w->e->seen[i];

		if (by[i] != k)
			continue;
		cause->explains += s->findings;
		cause->cases += s->name != name || !s->name;
		name = s->name;
		if (s->worst > cause->worst)
			cause->worst = s->worst;
	}
}

static int tell(struct msc_match *w, const size_t *by, struct msc_causes *causes,
		struct msc_err *err)
{
	const struct msc_cover *c = &w->cover;

	for (size_t k = 0; k < c->n; k++) {
		const struct msc_entry *entry = &w->d->entries[c->candidates[k].entry];
		struct msc_cause *cause = &causes->list[causes->count];

		if (!c->chosen[k])
			continue;
		count(w, by, k, cause);
		if (!cause->explains)
			continue;
		causes->count++;
		describe(cause, entry);
		if (list_missing(w, entry, cause, err) < 0 || list_ties(w, k, cause, err) < 0)
			return -1;
		cause->confidence = confidence(cause);
	}
	qsort(causes->list, causes->count, sizeof *causes->list, by_weight);
	return 0;
}

static void assign(struct msc_match *w, const size_t *by, struct msc_causes *causes)
{
	for (size_t i = 0; i < w->e->n_seen; i++) {
		const char *id = by[i] == NONE ? NULL
					       : w->d->entries[w->cover.candidates[by[i]].entry].id;

		causes->of[i] = -1;
		for (size_t n = 0; id && n < causes->count; n++)
			if (causes->list[n].id == id)
				causes->of[i] = (int)n;
		causes->findings += w->e->seen[i].findings;
		if (causes->of[i] < 0)
			causes->unexplained += w->e->seen[i].findings;
	}
	for (size_t n = 0; n < causes->count; n++)
		for (size_t k = 0; k < w->d->n_entries; k++)
			if (w->d->entries[k].id == causes->list[n].id)
				choose_alone(w, &w->d->entries[k], causes, (int)n,
					     &causes->list[n]);
}

static bool is_whole(const struct msc_match *w, size_t k, size_t i)
{
	return w->cover.candidates[k].covers[i] >= msc_match_enough(w, i) * 2;
}

/* Of the chosen but `without`, one explains this sighting whole. */
static bool is_taken(const struct msc_match *w, size_t without, size_t i)
{
	const struct msc_cover *c = &w->cover;
	bool taken = false;

	for (size_t k = 0; !taken && k < c->n; k++)
		taken = c->chosen[k] && k != without && is_whole(w, k, i);
	return taken;
}

/* How many sightings that are open it would explain by a rule that the fault names as its own. */
static unsigned own(const struct msc_match *w, size_t k)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->e->n_seen; i++)
		n += w->open[i] && is_own(w, k, i) && is_whole(w, k, i);
	return n;
}

static uint16_t breadth(const struct msc_match *w, size_t k)
{
	return w->d->entries[w->cover.candidates[k].entry].n;
}

/* In how many cases it shows what was seen. */
static unsigned shows_it(const struct msc_match *w, size_t k)
{
	const struct msc_entry *entry = &w->d->entries[w->cover.candidates[k].entry];
	unsigned n = 0;

	for (uint16_t i = 0; i < entry->n; i++) {
		const struct msc_pair *p = &w->d->pairs[entry->first + i];
		bool seen = false;

		for (size_t s = 0; !seen && s < w->e->n_seen; s++)
			seen = w->seen[s].rule == p->rule && msc_match_is_same(p, &w->seen[s]);
		n += seen;
	}
	return n;
}

/* Not every device can have it: one with several interfaces, a certain medium. */
static bool is_particular(const struct msc_match *w, size_t k)
{
	return w->fault[k] && w->fault[k]->target;
}

/* Of two that explain as much: the one of which less is missing; one that every device can have. Then, where cases ran, the one that shows in more of
 * those that did not, for of the defects that a case shows those are met more often; in a capture, where no case tells
 * what else should have been seen, the one that shows in more of them what was. */
static bool is_likelier(const struct msc_match *w, size_t k, size_t than)
{
	if (w->missing[k] != w->missing[than])
		return w->missing[k] < w->missing[than];
	if (is_particular(w, k) != is_particular(w, than))
		return is_particular(w, than);
	return w->e->n_ran ? breadth(w, k) > breadth(w, than) : shows_it(w, k) > shows_it(w, than);
}

/* Which of those that are tied with k: the one that explains most by its own rules that no other does, then the
 * likelier one. */
static size_t best_of(struct msc_match *w, size_t k)
{
	size_t best = k;
	unsigned most;

	for (size_t i = 0; i < w->e->n_seen; i++)
		w->open[i] = !is_taken(w, k, i);
	most = own(w, k);
	for (size_t t = 0; t < w->cover.n; t++) {
		bool rival = w->tie[t] && is_rival(w, k, t);
		unsigned n = rival ? own(w, t) : 0;

		if (rival && (n > most || (n == most && is_likelier(w, t, best)))) {
			best = t;
			most = n;
		}
	}
	return best;
}

/* Of those that cannot be told apart, the one that the rules are about is named first, then the one of which least
 * is missing. */
static int prefer(struct msc_match *w, struct msc_err *err)
{
	struct msc_cover *c = &w->cover;

	for (size_t k = 0; k < c->n; k++) {
		size_t best = k;

		if (!c->chosen[k])
			continue;
		if (msc_cover_ties(c, k, msc_match_hidden(2), w->tie, err) < 0)
			return -1;
		best = best_of(w, k);
		c->chosen[k] = false;
		c->chosen[best] = true;
	}
	return 0;
}

/* Nothing of what the fault itself is about has been seen but what another of the chosen explains as well: the rest
 * may follow from something that the catalogue does not have. */
static bool is_guess(const struct msc_match *w, size_t k)
{
	const struct msc_cover *c = &w->cover;

	if (!c->chosen[k] || !w->fault[k] || !w->missing[k])
		return false;
	for (size_t i = 0; i < w->e->n_seen; i++) {
		bool shared = false;

		if (!is_own(w, k, i) || (w->e->seen[i].name && !is_whole(w, k, i)))
			continue;
		for (size_t other = 0; !shared && other < c->n; other++)
			shared = c->chosen[other] && other != k &&
				 c->candidates[other].covers[i] > msc_match_enough(w, i);
		if (!shared)
			return false;
	}
	return true;
}

/* The cheapest set without guesses: the one of which most is missing is given up, and what is left solved anew. */
static int solve(struct msc_match *w, struct msc_err *err)
{
	struct msc_cover *c = &w->cover;

	for (;;) {
		size_t worst = NONE;

		if (msc_cover_solve(c, err) < 0 || prefer(w, err) < 0)
			return -1;
		for (size_t k = 0; k < c->n; k++)
			if (is_guess(w, k) && (worst == NONE || w->missing[k] > w->missing[worst]))
				worst = k;
		if (worst == NONE)
			return 0;
		for (size_t i = 0; i < c->n_seen; i++)
			c->candidates[worst].covers[i] = 0;
	}
}

/* Sightings that are left over, and that it shows as the dictionary has them, by a rule that is its own. */
static unsigned left_for(const struct msc_match *w, size_t k)
{
	const struct msc_cover *c = &w->cover;
	unsigned n = 0;

	for (size_t i = 0; w->fault[k] && !c->chosen[k] && i < w->e->n_seen; i++)
		n += w->e->seen[i].name && explained_by(w, i) == NONE && is_own(w, k, i) &&
		     is_whole(w, k, i);
	return n;
}

/* A firmware may have a defect on one path only, and then most of what it shows is missing. Where nothing else explains
 * what its own rules say in several cases it is named all the same, with few places seen of many. */
static void add_partial(struct msc_match *w)
{
	struct msc_cover *c = &w->cover;

	for (;;) {
		unsigned most = SEVERAL - 1;
		size_t best = NONE;

		for (size_t k = 0; k < c->n; k++) {
			unsigned n = left_for(w, k);

			if (n > most || (best != NONE && n == most && is_likelier(w, k, best))) {
				most = n;
				best = k;
			}
		}
		if (best == NONE)
			return;
		c->chosen[best] = true;
	}
}

static int find(struct msc_match *w, struct msc_causes *causes, struct msc_err *err)
{
	size_t *by = calloc(w->e->n_seen + 1, sizeof *by);
	int rc = -1;

	causes->list = calloc(w->d->n_entries + 1, sizeof *causes->list);
	causes->of = calloc(w->e->n_seen + 1, sizeof *causes->of);
	if (!by || !causes->list || !causes->of) {
		msc_nomem(err);
	} else if (solve(w, err) == 0) {
		add_partial(w);
		for (size_t i = 0; i < w->e->n_seen; i++)
			by[i] = explained_by(w, i);
		rc = tell(w, by, causes, err);
	}
	if (rc == 0)
		assign(w, by, causes);
	free(by);
	return rc;
}

int msc_causes_find(const struct msc_dictionary *d, const struct msc_evidence *e,
		    enum msc_profile profile, struct msc_causes *causes, struct msc_err *err)
{
	struct msc_match w;
	int rc = -1;

	*causes = (struct msc_causes){ NULL };
	if (!e->n_seen)
		return 0;
	if (msc_match_begin(&w, d, e, profile, err) == 0)
		rc = find(&w, causes, err);
	msc_match_end(&w);
	return rc;
}

void msc_causes_clear(struct msc_causes *causes)
{
	for (size_t i = 0; i < causes->count; i++) {
		free(causes->list[i].missing);
		free(causes->list[i].ties);
	}
	free(causes->list);
	free(causes->of);
	*causes = (struct msc_causes){ NULL };
}
