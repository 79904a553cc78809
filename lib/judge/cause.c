/* SPDX-License-Identifier: BSD-2-Clause */
/* From findings to causes: what each entry of the dictionary explains of them, and what is said of
 * those that the search names. The search itself is cover.c. */
#include "judge/cause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/cover.h"

/* Weights, in thousandths of a finding of a rule of its own. They were chosen so that pairs of faults
 * on `reference` and single faults on the other models are named best (tests/unit/test_cause.c). */
#define EXACT	   1000 /* the dictionary has the rule in this case */
#define ALIKE	   600	/* in a case of the same kind */
#define ELSEWHERE  250	/* in another case, and the rule is of few defects */
#define FAINT	   80	/* the same, and it is of many */
#define FEW	   3	/* defects */
#define STATED	   500	/* of an expect.* rule, which says only that something is wrong */
#define ENOUGH	   500	/* explains a finding */
#define NAMING	   300
#define NAMING_ALL 900 /* a firmware, with all its ways */
#define MISSING	   800
#define HIDDEN	   60 /* missing where the case found something else */

#define NONE SIZE_MAX

const char *const msc_confidence_names[] = { "possible", "likely", "certain" };

/* ---- evidence ------------------------------------------------------------------------------- */

static void *more(void *list, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return list;
	list = reallocarray(list, *room * 2 + 16, size);
	if (list)
		*room = *room * 2 + 16;
	return list;
}

static int sight(struct msc_evidence *e, const char *name, const struct msc_finding *f, size_t from,
		 struct msc_err *err)
{
	struct msc_sighting *s;

	for (size_t i = from; i < e->n_seen; i++) {
		s = &e->seen[i];
		if (s->rule != f->rule || (!name && s->name))
			continue;
		s->findings++;
		if (f->severity > s->worst)
			s->worst = f->severity;
		return 0;
	}
	s = more(e->seen, e->n_seen, &e->room, sizeof *s);
	if (!s)
		return msc_nomem(err);
	e->seen = s;
	s[e->n_seen++] = (struct msc_sighting){
		.name = name, .rule = f->rule, .findings = 1, .worst = f->severity
	};
	return 0;
}

int msc_evidence_add(struct msc_evidence *e, const char *name, const struct msc_findings *findings,
		     struct msc_err *err)
{
	size_t from = name ? e->n_seen : 0;
	const char **ran;

	if (name) {
		ran = more(e->ran, e->n_ran, &e->ran_room, sizeof *ran);
		if (!ran)
			return msc_nomem(err);
		e->ran = ran;
		ran[e->n_ran++] = name;
	}
	for (size_t i = 0; findings && i < findings->count; i++)
		if (sight(e, name, &findings->list[i], from, err) < 0)
			return -1;
	return 0;
}

void msc_evidence_clear(struct msc_evidence *e)
{
	free(e->seen);
	free(e->ran);
	*e = (struct msc_evidence){ NULL };
}

/* ---- the dictionary, as far as this evidence goes -------------------------------------------- */

struct work {
	const struct msc_dictionary *d;
	const struct msc_evidence *e;
	enum msc_profile profile;
	const struct msc_rule **rules; /* of the dictionary's; NULL: unknown or ignored */
	unsigned *common;	       /* of each: in how many faults it is */
	enum { NOT_RUN, RAN_CLEAN, RAN_DIRTY } *ran; /* of the dictionary's names */
	struct msc_pair *seen; /* of each sighting; UINT16_MAX: not in the dictionary */
	struct msc_cover cover;
	int32_t *worth; /* of all candidates' covers */
	bool *tie;
};

static size_t find_text(const char *const *list, size_t n, const char *text)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(list[mid], text);

		if (order == 0)
			return mid;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NONE;
}

static uint16_t find_index(const char *const *list, size_t n, const char *text)
{
	size_t i = text ? find_text(list, n, text) : NONE;

	return i < UINT16_MAX ? (uint16_t)i : UINT16_MAX;
}

static bool is_stated(const struct msc_rule *rule)
{
	return rule->on == 0;
}

static int32_t weight(const struct msc_rule *rule)
{
	return is_stated(rule) ? STATED : EXACT;
}

/* "bot.case05." of "bot.case05.inquiry": cases with one stimulus in common. */
static size_t kind_length(const char *name)
{
	const char *dot = strchr(name, '.');

	dot = dot ? strchr(dot + 1, '.') : NULL;
	return dot ? (size_t)(dot + 1 - name) : strlen(name);
}

/* How much of a sighting an entry explains, in thousandths. */
static int32_t degree(const struct work *w, const struct msc_entry *entry, size_t i)
{
	const struct msc_pair *pairs = w->d->pairs + entry->first, *at = &w->seen[i];
	const char *name = w->e->seen[i].name;
	size_t kind = name ? kind_length(name) : 0;
	bool has = false;

	if (at->rule == UINT16_MAX)
		return 0;
	for (size_t p = 0; p < entry->n; p++) {
		if (pairs[p].rule != at->rule)
			continue;
		if (pairs[p].name == at->name)
			return EXACT;
		has = true;
	}
	if (!has)
		return 0;
	for (size_t p = 0; name && p < entry->n; p++)
		if (pairs[p].rule == at->rule && !strncmp(w->d->names[pairs[p].name], name, kind))
			return ALIKE;
	return w->common[at->rule] > FEW ? FAINT : name ? ELSEWHERE : ENOUGH;
}

static bool was_seen(const struct work *w, const struct msc_pair *p)
{
	for (size_t i = 0; i < w->e->n_seen; i++)
		if (w->seen[i].rule == p->rule && w->seen[i].name == p->name)
			return true;
	return false;
}

static bool is_expected(const struct work *w, const struct msc_pair *p)
{
	return w->ran[p->name] != NOT_RUN && w->rules[p->rule];
}

/* Of a firmware nothing can be hidden: it is that one or it is not. */
static int32_t missing_cost(const struct work *w, const struct msc_entry *entry, bool firmware)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < entry->n; i++) {
		const struct msc_pair *p = &w->d->pairs[entry->first + i];

		if (is_expected(w, p) && !was_seen(w, p))
			sum += (int64_t)weight(w->rules[p->rule]) *
			       (w->ran[p->name] == RAN_DIRTY && !firmware ? HIDDEN : MISSING) /
			       EXACT;
	}
	return (int32_t)(sum < INT32_MAX / 2 ? sum : INT32_MAX / 2);
}

static bool is_firmware(const struct msc_entry *entry)
{
	for (size_t i = 0; i < msc_firmware_count; i++)
		if (!strcmp(msc_firmwares[i]->name, entry->id))
			return true;
	return false;
}

/* A rule that many faults show tells little about which one it is. */
static void count_rules(struct work *w)
{
	for (size_t k = 0; k < w->d->n_entries; k++) {
		const struct msc_entry *entry = &w->d->entries[k];

		for (size_t r = 0; r < w->d->n_rules; r++) {
			bool has = false;

			for (uint32_t i = 0; !has && i < entry->n; i++)
				has = w->d->pairs[entry->first + i].rule == r;
			w->common[r] += has && !is_firmware(entry);
		}
	}
}

static void resolve(struct work *w)
{
	const struct msc_dictionary *d = w->d;

	for (size_t i = 0; i < msc_rule_count; i++) {
		size_t r = find_text(d->rules, d->n_rules, msc_rules[i]->id);

		if (r != NONE && msc_rules[i]->severity[w->profile] != MSC_IGNORE)
			w->rules[r] = msc_rules[i];
	}
	for (size_t i = 0; i < w->e->n_ran; i++) {
		size_t n = find_text(d->names, d->n_names, w->e->ran[i]);

		if (n != NONE)
			w->ran[n] = RAN_CLEAN;
	}
	for (size_t i = 0; i < w->e->n_seen; i++) {
		const struct msc_sighting *s = &w->e->seen[i];

		w->seen[i].rule = find_index(d->rules, d->n_rules, s->rule->id);
		w->seen[i].name = find_index(d->names, d->n_names, s->name);
		if (w->seen[i].name != UINT16_MAX)
			w->ran[w->seen[i].name] = RAN_DIRTY;
	}
	count_rules(w);
}

/* Where there are cases, one of them at least must be as the dictionary says. */
static void list_candidates(struct work *w)
{
	struct msc_cover *c = &w->cover;

	for (size_t k = 0; k < w->d->n_entries; k++) {
		const struct msc_entry *entry = &w->d->entries[k];
		struct msc_candidate *candidate = &c->candidates[c->n];
		bool firmware = is_firmware(entry), any = false;

		candidate->covers = w->worth + c->n * c->n_seen;
		for (size_t i = 0; i < c->n_seen; i++) {
			int32_t d = degree(w, entry, i);

			candidate->covers[i] = d * weight(w->e->seen[i].rule) / EXACT;
			any |= d == EXACT || (d && !w->e->seen[i].name);
		}
		if (!any)
			continue;
		candidate->entry = k;
		candidate->cost =
			(firmware ? NAMING_ALL : NAMING) + missing_cost(w, entry, firmware);
		c->n++;
	}
}

static int begin(struct work *w, struct msc_err *err)
{
	const struct msc_dictionary *d = w->d;
	size_t n = w->e->n_seen;

	w->rules = calloc(d->n_rules + 1, sizeof *w->rules);
	w->common = calloc(d->n_rules + 1, sizeof *w->common);
	w->ran = calloc(d->n_names + 1, sizeof *w->ran);
	w->seen = calloc(n + 1, sizeof *w->seen);
	w->worth = calloc(d->n_entries * n + 1, sizeof *w->worth);
	w->cover.candidates = calloc(d->n_entries + 1, sizeof *w->cover.candidates);
	w->cover.chosen = calloc(d->n_entries + 1, sizeof *w->cover.chosen);
	w->tie = calloc(d->n_entries + 1, sizeof *w->tie);
	w->cover.n_seen = n;
	return w->rules && w->common && w->ran && w->seen && w->worth && w->cover.candidates &&
			       w->cover.chosen && w->tie
		       ? 0
		       : msc_nomem(err);
}

static void end(struct work *w)
{
	free(w->rules);
	free(w->common);
	free(w->ran);
	free(w->seen);
	free(w->worth);
	free(w->cover.candidates);
	free(w->cover.chosen);
	free(w->tie);
}

/* ---- what is said of a cause ----------------------------------------------------------------- */

static const struct msc_fault *fault_of(const char *id)
{
	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));)
		if (!strcmp(f->id, id))
			return f;
	return NULL;
}

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
	cause->fault = fault_of(entry->id);
	for (size_t i = 0; !cause->fault && i < msc_firmware_count; i++)
		if (!strcmp(msc_firmwares[i]->name, entry->id))
			cause->firmware = msc_firmwares[i];
	if (cause->fault) {
		rule = main_rule(cause->fault);
		cause->title = cause->fault->title;
		cause->mistake = rule ? rule->mistake : NULL;
		cause->spec = rule ? rule->spec : NULL;
	} else {
		cause->title = cause->firmware ? cause->firmware->summary : entry->id;
	}
}

static int list_missing(const struct work *w, const struct msc_entry *entry,
			struct msc_cause *cause, struct msc_err *err)
{
	cause->missing = calloc(entry->n + 1u, sizeof *cause->missing);
	if (!cause->missing)
		return msc_nomem(err);
	for (uint32_t i = 0; i < entry->n; i++) {
		const struct msc_pair *p = &w->d->pairs[entry->first + i];

		if (!is_expected(w, p))
			continue;
		cause->shows++;
		if (was_seen(w, p))
			cause->shown++;
		else
			cause->missing[cause->n_missing++] =
				(struct msc_missing){ w->d->names[p->name], w->d->rules[p->rule] };
	}
	return 0;
}

static int list_ties(struct work *w, size_t k, struct msc_cause *cause, struct msc_err *err)
{
	const struct msc_cover *c = &w->cover;

	if (msc_cover_ties(c, k, w->tie, err) < 0)
		return -1;
	cause->ties = calloc(c->n + 1, sizeof *cause->ties);
	if (!cause->ties)
		return msc_nomem(err);
	for (size_t t = 0; t < c->n; t++) {
		const struct msc_fault *f =
			w->tie[t] ? fault_of(w->d->entries[c->candidates[t].entry].id) : NULL;

		if (f)
			cause->ties[cause->n_ties++] = f;
	}
	return 0;
}

static enum msc_confidence confidence(const struct msc_cause *cause)
{
	if (cause->shown * 2 < cause->shows || cause->shown == 0)
		return MSC_POSSIBLE;
	return cause->shown * 10 < cause->shows * 9 || cause->n_ties ? MSC_LIKELY : MSC_CERTAIN;
}

/* A case which is known to show it alone, best one that did; else the first that did. */
static void choose_alone(const struct work *w, const struct msc_entry *entry,
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

/* Which of the chosen explains it best; NONE: none does well enough. */
static size_t explained_by(const struct work *w, size_t i)
{
	const struct msc_cover *c = &w->cover;
	int32_t most = weight(w->e->seen[i].rule) * ENOUGH / EXACT - 1;
	size_t by = NONE;

	for (size_t k = 0; k < c->n; k++)
		if (c->chosen[k] && c->candidates[k].covers[i] > most) {
			most = c->candidates[k].covers[i];
			by = k;
		}
	return by;
}

/* Notes behind what is wrong, a firmware's own ways behind faults; then by how much. */
static int by_weight(const void *a, const void *b)
{
	const struct msc_cause *x = a, *y = b;

	if ((x->worst > MSC_NOTE) != (y->worst > MSC_NOTE))
		return x->worst > MSC_NOTE ? -1 : 1;
	if (!x->fault != !y->fault)
		return x->fault ? -1 : 1;
	if (x->explains != y->explains)
		return x->explains > y->explains ? -1 : 1;
	return strcmp(x->id, y->id);
}

static void count(const struct work *w, const size_t *by, size_t k, struct msc_cause *cause)
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

static int tell(struct work *w, const size_t *by, struct msc_causes *causes, struct msc_err *err)
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

static void assign(struct work *w, const size_t *by, struct msc_causes *causes)
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

static int find(struct work *w, struct msc_causes *causes, struct msc_err *err)
{
	size_t *by = calloc(w->e->n_seen + 1, sizeof *by);
	int rc = -1;

	causes->list = calloc(w->d->n_entries + 1, sizeof *causes->list);
	causes->of = calloc(w->e->n_seen + 1, sizeof *causes->of);
	if (!by || !causes->list || !causes->of) {
		msc_nomem(err);
	} else if (msc_cover_solve(&w->cover, err) == 0) {
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
	struct work w = { .d = d, .e = e, .profile = profile };
	int rc = -1;

	*causes = (struct msc_causes){ NULL };
	if (begin(&w, err) == 0) {
		resolve(&w);
		list_candidates(&w);
		rc = find(&w, causes, err);
	}
	end(&w);
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
