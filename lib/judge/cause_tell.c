/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of the causes that the search has named: what each explains, should have shown and did not, how
 * sure it is, and the case that shows it alone. */
#include <stdlib.h>
#include <string.h>

#include "judge/cause_match.h"

#define NONE SIZE_MAX
#define THIN \
	3 /* places: fewer, and a defect that the catalogue does not have may show there by chance */

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

static void describe(const struct msc_match *w, size_t k, struct msc_cause *cause)
{
	const struct msc_entry *entry = msc_match_entry(w, k);
	const struct msc_rule *rule;

	cause->id = entry->id;
	cause->fault = msc_match_fault(w, k);
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
		bool is_seen = msc_match_is_seen(w, p);

		if (!msc_match_is_expected(w, p) && !(p->maybe && is_seen))
			continue;
		cause->shows++;
		if (is_seen)
			cause->shown++;
		else
			cause->missing[cause->n_missing++] =
				(struct msc_missing){ w->d->names[p->name], w->d->rules[p->rule] };
	}
	return 0;
}

/* Both explain one of the sightings: what explains nothing of it is no other name for it. */
bool msc_cause_is_rival(const struct msc_match *w, size_t k, size_t t)
{
	const struct msc_candidate *c = w->cover.candidates;

	for (size_t i = 0; i < w->e->n_seen; i++) {
		int32_t enough = msc_match_enough(w, i);

		if (c[k].covers[i] >= enough && c[t].covers[i] >= enough)
			return true;
	}
	return false;
}

/* A toggle that was left wrong shows by chance, in any case: the host takes the packet for one that it has, and
 * drops it. A CSW that did not come may be that, unless a case that looks for it found nothing. */
static bool may_be_toggle(const struct msc_match *w, size_t k, const struct msc_entry *entry,
			  const struct msc_fault *f)
{
	const int32_t *covers = w->cover.candidates[k].covers;

	for (uint32_t i = 0; i < entry->n; i++) {
		const struct msc_pair *p = &w->d->pairs[entry->first + i];

		if (msc_match_is_expected(w, p) && !msc_match_is_seen(w, p) &&
		    msc_match_promises(f, w->d->rules[p->rule]))
			return false;
	}
	for (size_t i = 0; i < w->e->n_seen; i++)
		if (covers[i] >= msc_match_enough(w, i) &&
		    (w->e->seen[i].rule != &msc_rule_bot_csw_missing ||
		     !msc_match_degree(w, entry, i)))
			return false;
	return true;
}

/* It is a cause already, or a tie of this one. */
static bool is_named(const struct msc_match *w, const struct msc_cause *cause,
		     const struct msc_fault *f)
{
	for (size_t t = 0; t < w->cover.n; t++)
		if (w->cover.chosen[t] && msc_match_fault(w, t) == f)
			return true;
	for (size_t i = 0; i < cause->n_ties; i++)
		if (cause->ties[i] == f)
			return true;
	return false;
}

static void add_toggles(const struct msc_match *w, size_t k, struct msc_cause *cause)
{
	for (size_t n = 0; n < w->d->n_entries; n++) {
		const struct msc_fault *f = w->fault[n];

		if (f && f->by_toggle && !is_named(w, cause, f) &&
		    may_be_toggle(w, k, &w->d->entries[n], f))
			cause->ties[cause->n_ties++] = f;
	}
}

/* Of those marked as ties of k; it is no longer marked. NONE: none is left. */
static size_t take_likeliest(struct msc_match *w, size_t k)
{
	size_t best = NONE;

	for (size_t t = 0; t < w->cover.n; t++)
		if (w->tie[t] && msc_match_fault(w, t) && msc_cause_is_rival(w, k, t) &&
		    (best == NONE || msc_match_is_likelier(w, t, best)))
			best = t;
	if (best != NONE)
		w->tie[best] = false;
	return best;
}

static int list_ties(struct msc_match *w, size_t k, struct msc_cause *cause, struct msc_err *err)
{
	const struct msc_cover *c = &w->cover;

	/* Where something is hidden, a place more that is hidden decides nothing. */
	if (msc_cover_ties(c, k, cause->n_missing ? msc_match_hidden(2) : 0, w->tie, err) < 0)
		return -1;
	cause->ties = calloc(w->d->n_entries + 1, sizeof *cause->ties);
	if (!cause->ties)
		return msc_nomem(err);
	for (size_t t = take_likeliest(w, k); t != NONE; t = take_likeliest(w, k))
		cause->ties[cause->n_ties++] = msc_match_fault(w, t);
	add_toggles(w, k, cause);
	return 0;
}

/* In this case something was found that nothing explains. */
static bool is_in_doubt(const struct msc_match *w, const size_t *by, size_t i)
{
	for (size_t k = 0; k < w->e->n_seen; k++)
		if (by[k] == NONE && w->e->seen[k].name == w->e->seen[i].name)
			return true;
	return false;
}

/* Of what it explains by a rule of its own as the dictionary has it, with nothing else by that rule in the same case,
 * more than what another cause explains as well; and in one of the cases nothing is left over. */
static bool is_clear(const struct msc_match *w, const size_t *by, size_t k)
{
	unsigned alone = 0, shared = 0;
	bool whole = false;

	for (size_t i = 0; i < w->e->n_seen; i++) {
		if ((msc_match_fault(w, k) && !msc_match_is_own(w, k, i)) ||
		    !msc_match_is_exact(w, k, i))
			continue;
		if (by[i] != k || msc_match_is_shared(w, k, i)) {
			shared++;
			continue;
		}
		alone++;
		whole |= !is_in_doubt(w, by, i);
	}
	return whole && alone >= shared;
}

/* The dictionary has that rule, in a form that was seen, somewhere for another of the chosen, and one of the two is not
 * all there: what was seen may be more of that one. */
static bool is_contested(const struct msc_match *w, size_t k, size_t i)
{
	const struct msc_cover *c = &w->cover;

	for (size_t other = 0; other < c->n; other++) {
		const struct msc_entry *entry = msc_match_entry(w, other);
		const struct msc_pair *p = w->d->pairs + entry->first;

		if (!c->chosen[other] || other == k || (!w->missing[k] && !w->missing[other]))
			continue;
		for (uint32_t n = 0; n < entry->n; n++)
			if (p[n].rule == w->seen[i].rule && msc_match_is_same(&p[n], &w->seen[i]))
				return true;
	}
	return false;
}

/* Nothing speaks for it alone: each of its findings by a rule of its own may be another's. */
static bool is_in_dispute(const struct msc_match *w, const size_t *by, size_t k)
{
	for (size_t i = 0; i < w->e->n_seen; i++)
		if (by[i] == k && msc_match_is_own(w, k, i) && msc_match_is_exact(w, k, i) &&
		    !is_contested(w, k, i))
			return false;
	return true;
}

/* In one of the cases where a rule of its own speaks for it, it explains all that was found. */
static bool has_case(const struct msc_match *w, const size_t *by, size_t k)
{
	for (size_t i = 0; i < w->e->n_seen; i++) {
		bool all = by[i] == k && msc_match_is_own(w, k, i);

		for (size_t n = 0; all && n < w->e->n_seen; n++)
			all = w->e->seen[n].name != w->e->seen[i].name || by[n] == k;
		if (all)
			return true;
	}
	return false;
}

/* Of what it explains by rules of its own, more than a tenth is not as the dictionary has it. */
static bool is_inexact(const struct msc_match *w, const size_t *by, size_t k)
{
	unsigned all = 0, exact = 0;

	for (size_t i = 0; i < w->e->n_seen; i++) {
		if (by[i] != k || !msc_match_is_own(w, k, i))
			continue;
		all++;
		exact += msc_match_is_exact(w, k, i);
	}
	return exact * 10 < all * 9;
}

/* A rule that it is about has found what no cause explains. */
static bool leaves_own(const struct msc_match *w, const size_t *by, const struct msc_cause *cause)
{
	for (size_t i = 0; i < w->e->n_seen; i++)
		if (by[i] == NONE && msc_cause_is_about(cause, w->e->seen[i].rule))
			return true;
	return false;
}

/* Of what a rule of its own finds in it, in cases that ran, one form was seen nowhere: a defect that shows part of
 * this one, or two that are short of it together. */
static bool is_short_of_forms(const struct msc_match *w, size_t k, const struct msc_fault *f)
{
	const struct msc_entry *entry = msc_match_entry(w, k);

	for (uint32_t n = 0; n < entry->n; n++) {
		const struct msc_pair *p = &w->d->pairs[entry->first + n];
		uint64_t left = p->forms;

		if (!msc_match_is_expected(w, p) || !msc_match_promises(f, w->rules[p->rule]->id))
			continue;
		for (size_t i = 0; i < w->e->n_seen; i++)
			if (w->seen[i].rule == p->rule)
				left &= w->seen[i].forms ? ~w->seen[i].forms : 0;
		if (left)
			return true;
	}
	return false;
}

/* The catalogue does not have all of what is wrong with the device. */
static bool is_left_over(const struct msc_match *w, const size_t *by)
{
	for (size_t i = 0; i < w->e->n_seen; i++)
		if (by[i] == NONE)
			return true;
	return false;
}

/* `known`: of what it shows, so many places are in the dictionary. */
static enum msc_confidence confidence(const struct msc_match *w, const size_t *by, size_t k,
				      const struct msc_cause *cause, unsigned known)
{
	const struct msc_rule *rule = cause->fault ? main_rule(cause->fault) : NULL;

	if (cause->shown * 2 < cause->shows || cause->shown == 0)
		return MSC_POSSIBLE;
	if (cause->shown * 10 < cause->shows * 9 || cause->n_ties || !is_clear(w, by, k) ||
	    (rule && rule->doubtful))
		return MSC_LIKELY;
	if (cause->fault && (is_inexact(w, by, k) || leaves_own(w, by, cause) ||
			     is_in_dispute(w, by, k) || is_short_of_forms(w, k, cause->fault)))
		return MSC_LIKELY;
	/* A rule on nothing in particular, an expect.* one, says only that something is wrong. */
	if (known < THIN && rule && (is_left_over(w, by) || rule->on == 0 || !has_case(w, by, k)))
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

/* In how many places it was seen, or could not be looked for. */
static unsigned reach(const struct msc_match *w, size_t k)
{
	return msc_match_entry(w, k)->n - w->missing[k];
}

/* Which of the chosen explains it best, and of those that do as well the one that shows in most places; NONE: none
 * does. What is too little to name a fault for is enough once it has been named, if the rule is its own and it is
 * not one of a single command that was found on others. */
size_t msc_cause_explained_by(const struct msc_match *w, size_t i)
{
	const struct msc_cover *c = &w->cover;
	int32_t most = msc_match_enough(w, i) - 1;
	size_t by = NONE;

	for (size_t k = 0; k < c->n; k++) {
		int32_t covers = c->chosen[k] ? c->candidates[k].covers[i] : 0;

		if (covers > most || (by != NONE && covers == most && reach(w, k) > reach(w, by))) {
			most = covers;
			by = k;
		}
	}
	for (size_t k = 0; by == NONE && k < c->n; k++)
		if (c->chosen[k] && msc_match_is_own(w, k, i) &&
		    !msc_match_is_of_another(w, msc_match_entry(w, k), i))
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
		cause->worst = s->worst > cause->worst ? s->worst : cause->worst;
	}
}

static bool is_in_dictionary(const struct msc_match *w, const struct msc_entry *entry, size_t i)
{
	const struct msc_pair *pairs = w->d->pairs + entry->first;

	for (uint32_t p = 0; p < entry->n; p++)
		if (pairs[p].rule == w->seen[i].rule && pairs[p].name == w->seen[i].name)
			return true;
	return false;
}

bool msc_cause_is_about(const struct msc_cause *c, const struct msc_rule *rule)
{
	return c->fault && msc_match_promises(c->fault, rule->id);
}

/* A device takes other paths than the model: what the fault's own rules found elsewhere speaks for it. */
static void count_elsewhere(const struct msc_match *w, const size_t *by, size_t k,
			    const struct msc_entry *entry, struct msc_cause *cause)
{
	for (size_t i = 0; i < w->e->n_seen; i++) {
		bool more = by[i] == k && w->e->seen[i].name && !is_in_dictionary(w, entry, i) &&
			    msc_cause_is_about(cause, w->e->seen[i].rule);

		cause->shown += more;
		cause->shows += more;
	}
}

static int tell(struct msc_match *w, const size_t *by, struct msc_causes *causes,
		struct msc_err *err)
{
	const struct msc_cover *c = &w->cover;

	for (size_t k = 0; k < c->n; k++) {
		const struct msc_entry *entry = msc_match_entry(w, k);
		struct msc_cause *cause = &causes->list[causes->count];
		unsigned known;

		if (!c->chosen[k])
			continue;
		count(w, by, k, cause);
		if (!cause->explains)
			continue;
		causes->count++;
		describe(w, k, cause);
		if (list_missing(w, entry, cause, err) < 0 || list_ties(w, k, cause, err) < 0)
			return -1;
		known = cause->shows;
		count_elsewhere(w, by, k, entry, cause);
		cause->confidence = confidence(w, by, k, cause, known);
	}
	qsort(causes->list, causes->count, sizeof *causes->list, by_weight);
	return 0;
}

static void assign(struct msc_match *w, const size_t *by, struct msc_causes *causes)
{
	for (size_t i = 0; i < w->e->n_seen; i++) {
		const char *id = by[i] == NONE ? NULL : msc_match_entry(w, by[i])->id;

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

int msc_cause_tell(struct msc_match *w, struct msc_causes *causes, struct msc_err *err)
{
	size_t *by = calloc(w->e->n_seen + 1, sizeof *by);
	int rc = -1;

	causes->list = calloc(w->d->n_entries + 1, sizeof *causes->list);
	causes->of = calloc(w->e->n_seen + 1, sizeof *causes->of);
	if (!by || !causes->list || !causes->of) {
		msc_nomem(err);
	} else {
		for (size_t i = 0; i < w->e->n_seen; i++)
			by[i] = msc_cause_explained_by(w, i);
		rc = tell(w, by, causes, err);
	}
	if (rc == 0)
		assign(w, by, causes);
	free(by);
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
