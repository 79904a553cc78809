/* SPDX-License-Identifier: BSD-2-Clause */
/* What each entry of the dictionary would explain; see the head of cause.h. */
#include "judge/cause_match.h"

#include <stdlib.h>
#include <string.h>

/* Weights, chosen as those of cause_match.h. */
#define BROAD \
	800 /* in another case, and the defect is seen in many already, by the same rule and form */
#define MANY	   8	/* cases */
#define STATED	   500	/* of an expect.* rule, which says only that something is wrong */
#define NAMING	   300
#define NAMING_ALL 900 /* a firmware, with all its ways */
#define MISSING	   800
#define HIDDEN	   60 /* missing where the case found something else */
/* The most that is missing of one rule counts: a firmware may have the defect on one path only. */
#define ABSENT 8000

#define USUAL 512 /* bytes of a block */

#define NONE SIZE_MAX

int32_t msc_match_hidden(int32_t places)
{
	return places * HIDDEN;
}

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
	return is_stated(rule) ? STATED : DEGREE_EXACT;
}

/* What was seen stands for a rule that its fault is about. */
static bool is_own_instead(const struct msc_match *w, size_t k, size_t i)
{
	const struct msc_entry *entry = msc_match_entry(w, k);
	const struct msc_pair *p = w->d->pairs + entry->first;

	for (uint32_t n = 0; n < entry->n; n++)
		if (msc_match_stands_for(w, i, &p[n]) &&
		    msc_match_promises(msc_match_fault(w, k), w->d->rules[p[n].rule]))
			return true;
	return false;
}

bool msc_match_is_own(const struct msc_match *w, size_t k, size_t i)
{
	const struct msc_fault *f = msc_match_fault(w, k);

	return f && w->cover.candidates[k].covers[i] > 0 &&
	       (msc_match_promises(f, w->e->seen[i].rule->id) || is_own_instead(w, k, i));
}

bool msc_match_is_seen(const struct msc_match *w, const struct msc_pair *p)
{
	for (size_t i = 0; i < w->e->n_seen; i++)
		if ((w->seen[i].rule == p->rule && w->seen[i].name == p->name) ||
		    msc_match_stands_for(w, i, p))
			return true;
	return false;
}

/* A command that the device does not know, and the model does: the case ran and could not look. */
static bool is_unknown(const struct msc_match *w, const struct msc_pair *p)
{
	uint8_t opcode = (uint8_t)(p->command - 1);

	return p->command && msc_commands_has(&w->e->refused, opcode) &&
	       !msc_commands_has(&w->e->taken, opcode) && !msc_commands_has(&w->d->refused, opcode);
}

/* The rule is about what a failed command leaves, and in that case none has failed: it could not look. */
static bool is_idle(const struct msc_match *w, const struct msc_pair *p)
{
	return w->rules[p->rule] == &msc_rule_scsi_sense_missing && w->of[p->name]->well;
}

/* It is found on one command, which this device was not sent in that case: hosts ask only when they have to. */
static bool is_unsent(const struct msc_match *w, const struct msc_pair *p)
{
	const struct msc_ran *ran = w->of[p->name];

	return p->command && ran->noted && !msc_commands_has(&ran->sent, (uint8_t)(p->command - 1));
}

bool msc_match_is_expected(const struct msc_match *w, const struct msc_pair *p)
{
	return !p->maybe && w->of[p->name] && w->rules[p->rule] && !is_unknown(w, p) &&
	       !is_idle(w, p) && !is_unsent(w, p);
}

/* What is missing tells little: something else was found there, or it is seen in half of the places only. Of a
 * firmware nothing can be hidden: it is that one or it is not. */
static int32_t missing_pair(const struct msc_match *w, const struct msc_pair *p, bool firmware,
			    bool by_chance)
{
	bool hidden = !firmware && (by_chance || w->dirty[p->name]);

	if (!msc_match_is_expected(w, p) || msc_match_is_seen(w, p))
		return 0;
	return weight(w->rules[p->rule]) * (hidden ? HIDDEN : MISSING) / DEGREE_EXACT;
}

static int32_t missing_cost(const struct msc_match *w, const struct msc_entry *entry, bool firmware,
			    const struct msc_fault *f)
{
	const struct msc_pair *pairs = w->d->pairs + entry->first;
	int64_t sum = 0;

	for (uint32_t i = 0; i < entry->n; i++) {
		int64_t of_rule = 0;
		bool first = true;

		for (uint32_t k = 0; k < i && first; k++)
			first = pairs[k].rule != pairs[i].rule;
		for (uint32_t k = i; first && k < entry->n; k++)
			if (pairs[k].rule == pairs[i].rule)
				of_rule += missing_pair(w, &pairs[k], firmware, f && f->by_toggle);
		sum += firmware || of_rule < ABSENT ? of_rule : ABSENT;
	}
	return (int32_t)(sum < INT32_MAX / 2 ? sum : INT32_MAX / 2);
}

static unsigned count_missing(const struct msc_match *w, const struct msc_entry *entry)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < entry->n; i++) {
		const struct msc_pair *p = &w->d->pairs[entry->first + i];

		n += msc_match_is_expected(w, p) && !msc_match_is_seen(w, p);
	}
	return n;
}

bool msc_match_promises(const struct msc_fault *f, const char *rule)
{
	const char *at = strstr(f->caught_by, rule);

	return at && (at == f->caught_by || at[-1] == ' ') && strchr(" ", at[strlen(rule)]);
}

static bool is_firmware(const struct msc_entry *entry)
{
	for (size_t i = 0; i < msc_firmware_count; i++)
		if (!strcmp(msc_firmwares[i]->name, entry->id))
			return true;
	return false;
}

/* In a case, it shows what was seen there. In a capture, what was seen is what it shows in most places: what it
 * shows now and then in another form than its own makes it no rival of those whose form that is. */
static bool shows_like(const struct msc_match *w, const struct msc_entry *entry, size_t i)
{
	const struct msc_pair *p = w->d->pairs + entry->first;
	unsigned alike = 0, all = 0;

	for (uint32_t n = 0; n < entry->n; n++) {
		if (p[n].rule != w->seen[i].rule)
			continue;
		all++;
		alike += msc_match_is_same(&p[n], &w->seen[i]);
	}
	return alike && (w->e->seen[i].name || alike * 2 >= all) &&
	       msc_match_is_on_command(w, entry, i);
}

/* What many faults show tells little about which one it is. In a capture, where there are no cases to tell them
 * apart by, those count that the rule is about: with the others it comes beside rules of their own. */
static void count_alike(struct msc_match *w)
{
	for (size_t k = 0; k < w->d->n_entries; k++) {
		const struct msc_entry *entry = &w->d->entries[k];
		const struct msc_fault *f = w->fault[k];

		for (size_t i = 0; f && i < w->e->n_seen; i++) {
			const struct msc_sighting *s = &w->e->seen[i];

			w->common[i] += shows_like(w, entry, i) &&
					(s->name || msc_match_promises(f, s->rule->id));
		}
	}
}

static void resolve(struct msc_match *w)
{
	const struct msc_dictionary *d = w->d;

	for (size_t i = 0; i < msc_rule_count; i++) {
		size_t r = find_text(d->rules, d->n_rules, msc_rules[i]->id);

		if (r != NONE && msc_rules[i]->severity[w->profile] != MSC_IGNORE)
			w->rules[r] = msc_rules[i];
	}
	for (size_t i = 0; i < w->e->n_ran; i++) {
		size_t n = find_text(d->names, d->n_names, w->e->ran[i].name);

		if (n == NONE)
			continue;
		w->of[n] = &w->e->ran[i];
	}
	for (size_t i = 0; i < w->e->n_seen; i++) {
		const struct msc_sighting *s = &w->e->seen[i];

		w->seen[i].rule = find_index(d->rules, d->n_rules, s->rule->id);
		w->seen[i].name = find_index(d->names, d->n_names, s->name);
		w->seen[i].forms = s->forms;
		if (w->seen[i].name != UINT16_MAX)
			w->dirty[w->seen[i].name] = true;
	}
	for (size_t k = 0; k < d->n_entries; k++)
		w->fault[k] = msc_fault_named(d->entries[k].id);
	count_alike(w);
}

/* What a defect shows in many cases as the dictionary has it, it shows in others too, on a device that takes other
 * paths than the model: a second defect has to explain more than that. */
static void spread(struct msc_match *w, int32_t *degrees)
{
	for (size_t i = 0; i < w->cover.n_seen; i++) {
		unsigned alike = 0;

		if (!degrees[i] || degrees[i] == DEGREE_OTHERWISE || degrees[i] >= BROAD)
			continue;
		for (size_t k = 0; k < w->cover.n_seen; k++)
			alike += (degrees[k] == DEGREE_EXACT || degrees[k] == DEGREE_PARTLY) &&
				 w->seen[k].rule == w->seen[i].rule &&
				 msc_match_is_same(&w->seen[k], &w->seen[i]);
		if (alike >= MANY)
			degrees[i] = BROAD;
	}
}

/* In this case the dictionary has a rule that the fault is about as well, and it found nothing: what else was
 * found there follows from something else. */
static bool is_orphan(const struct msc_match *w, const struct msc_entry *entry,
		      const struct msc_fault *f, size_t i)
{
	const struct msc_pair *p = w->d->pairs + entry->first;

	if (msc_match_promises(f, w->e->seen[i].rule->id))
		return false;
	for (uint32_t n = 0; n < entry->n; n++)
		if (p[n].name == w->seen[i].name && msc_match_is_expected(w, &p[n]) &&
		    msc_match_promises(f, w->d->rules[p[n].rule]) && !msc_match_is_seen(w, &p[n]))
			return true;
	return false;
}

static int32_t degree(const struct msc_match *w, const struct msc_entry *entry,
		      const struct msc_fault *f, size_t i)
{
	int32_t d = msc_match_degree(w, entry, i);

	return d >= DEGREE_PARTLY && f && !f->by_toggle && w->e->seen[i].name &&
			       is_orphan(w, entry, f, i)
		       ? DEGREE_OTHERWISE
		       : d;
}

/* The defect is of a medium with larger blocks, and this one has the usual ones. */
static bool is_impossible(const struct msc_match *w, const struct msc_fault *f)
{
	return f && f->target && strstr(f->target, "block-size=") && w->e->block_size == USUAL;
}

/* Where there are cases, one of them at least must be as the dictionary says. */
static void list_candidates(struct msc_match *w)
{
	struct msc_cover *c = &w->cover;

	for (size_t k = 0; k < w->d->n_entries; k++) {
		const struct msc_entry *entry = &w->d->entries[k];
		struct msc_candidate *candidate = &c->candidates[c->n];
		bool firmware = is_firmware(entry), any = false;
		const struct msc_fault *f = w->fault[k];

		if (is_impossible(w, f))
			continue;
		candidate->covers = w->worth + c->n * c->n_seen;
		for (size_t i = 0; i < c->n_seen; i++) {
			int32_t d = degree(w, entry, f, i);

			candidate->covers[i] = d;
			any |= d == DEGREE_EXACT || d == DEGREE_PARTLY ||
			       (d && !w->e->seen[i].name);
		}
		if (!any)
			continue;
		spread(w, candidate->covers);
		for (size_t i = 0; i < c->n_seen; i++)
			candidate->covers[i] =
				candidate->covers[i] * weight(w->e->seen[i].rule) / DEGREE_EXACT;
		candidate->entry = k;
		w->missing[c->n] = count_missing(w, entry);
		candidate->cost =
			(firmware ? NAMING_ALL : NAMING) + missing_cost(w, entry, firmware, f);
		c->n++;
	}
}

static int allocate(struct msc_match *w, struct msc_err *err)
{
	const struct msc_dictionary *d = w->d;
	size_t n = w->e->n_seen;

	w->rules = calloc(d->n_rules + 1, sizeof *w->rules);
	w->common = calloc(n + 1, sizeof *w->common);
	w->dirty = calloc(d->n_names + 1, sizeof *w->dirty);
	w->of = calloc(d->n_names + 1, sizeof *w->of);
	w->seen = calloc(n + 1, sizeof *w->seen);
	w->worth = calloc(d->n_entries * n + 1, sizeof *w->worth);
	w->cover.candidates = calloc(d->n_entries + 1, sizeof *w->cover.candidates);
	w->cover.chosen = calloc(d->n_entries + 1, sizeof *w->cover.chosen);
	w->tie = calloc(d->n_entries + 1, sizeof *w->tie);
	w->fault = calloc(d->n_entries + 1, sizeof *w->fault);
	w->missing = calloc(d->n_entries + 1, sizeof *w->missing);
	w->open = calloc(n + 1, sizeof *w->open);
	w->cover.n_seen = n;
	return w->rules && w->common && w->dirty && w->of && w->seen && w->worth &&
			       w->cover.candidates && w->cover.chosen && w->tie && w->fault &&
			       w->missing && w->open
		       ? 0
		       : msc_nomem(err);
}

int msc_match_begin(struct msc_match *w, const struct msc_dictionary *d,
		    const struct msc_evidence *e, enum msc_profile profile, struct msc_err *err)
{
	*w = (struct msc_match){ .d = d, .e = e, .profile = profile };
	if (allocate(w, err) < 0)
		return -1;
	resolve(w);
	list_candidates(w);
	return 0;
}

static bool covers(const struct msc_match *w, size_t k, size_t i, int32_t degree)
{
	return w->cover.candidates[k].covers[i] >=
	       weight(w->e->seen[i].rule) * degree / DEGREE_EXACT;
}

bool msc_match_is_whole(const struct msc_match *w, size_t k, size_t i)
{
	return covers(w, k, i, DEGREE_PARTLY);
}

bool msc_match_is_exact(const struct msc_match *w, size_t k, size_t i)
{
	return covers(w, k, i, DEGREE_EXACT);
}

int32_t msc_match_enough(const struct msc_match *w, size_t sighting)
{
	return weight(w->e->seen[sighting].rule) * DEGREE_ENOUGH / DEGREE_EXACT;
}

bool msc_match_is_shared(const struct msc_match *w, size_t k, size_t i)
{
	const struct msc_cover *c = &w->cover;

	for (size_t other = 0; other < c->n; other++)
		if (c->chosen[other] && other != k &&
		    c->candidates[other].covers[i] >= msc_match_enough(w, i))
			return true;
	return false;
}

static uint16_t breadth(const struct msc_match *w, size_t k)
{
	return msc_match_entry(w, k)->n;
}

/* In how many cases it shows what was seen. */
static unsigned shows_it(const struct msc_match *w, size_t k)
{
	const struct msc_entry *entry = msc_match_entry(w, k);
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
	const struct msc_fault *f = msc_match_fault(w, k);

	return f && f->target;
}

bool msc_match_is_likelier(const struct msc_match *w, size_t k, size_t than)
{
	if (w->missing[k] != w->missing[than])
		return w->missing[k] < w->missing[than];
	if (is_particular(w, k) != is_particular(w, than))
		return is_particular(w, than);
	return w->e->n_ran ? breadth(w, k) > breadth(w, than) : shows_it(w, k) > shows_it(w, than);
}

void msc_match_end(struct msc_match *w)
{
	free(w->rules);
	free(w->common);
	free(w->dirty);
	free(w->of);
	free(w->seen);
	free(w->worth);
	free(w->cover.candidates);
	free(w->cover.chosen);
	free(w->tie);
	free(w->fault);
	free(w->missing);
	free(w->open);
}
