/* SPDX-License-Identifier: BSD-2-Clause */
/* How much of a sighting an entry of the dictionary explains. */
#include "judge/cause_match.h"

#include <string.h>

#define FEW	    3 /* defects */
#define FEW_OF_RULE 5 /* defects whose own rule it is: no more can be named side by side */
#define COMMANDS    4 /* on so many different ones it may be found on any */
#define ONE_COMMAND 3 /* cases, and all of them on the same: it is of that command */

/* "bot.case05." of "bot.case05.inquiry": cases with one stimulus in common. */
static size_t kind_length(const char *name)
{
	const char *dot = strchr(name, '.');

	dot = dot ? strchr(dot + 1, '.') : NULL;
	return dot ? (size_t)(dot + 1 - name) : strlen(name);
}

bool msc_match_is_same(const struct msc_pair *a, const struct msc_pair *b)
{
	return !a->forms || !b->forms || (a->forms & b->forms);
}

/* Of an exchange that a rule of the device may speak of as well; the others look at what is left behind. */
static bool is_of_exchange(const struct msc_rule *rule)
{
	return rule == &msc_rule_expect_status || rule == &msc_rule_expect_sense ||
	       rule == &msc_rule_expect_transferred || rule == &msc_rule_expect_outcome ||
	       rule == &msc_rule_expect_data;
}

static bool share_command(const struct msc_sighting *a, const struct msc_sighting *b)
{
	for (size_t i = 0; i < MSC_COUNT(a->commands.bits); i++)
		if (a->commands.bits[i] & b->commands.bits[i])
			return true;
	return a->bare && b->bare;
}

/* The dictionary is made under the profile that ignores least, where an expect.* rule is silent beside a rule
 * that fails. Where the profile at hand weighs that rule less, both are told of the same exchange: so of the
 * same command. */
static bool is_told_twice(const struct msc_match *w, const struct msc_entry *entry, size_t i)
{
	const struct msc_pair *pairs = w->d->pairs + entry->first;
	const struct msc_sighting *stated = &w->e->seen[i];

	for (size_t p = 0; is_of_exchange(stated->rule) && p < entry->n; p++) {
		const struct msc_rule *rule = w->rules[pairs[p].rule];

		if (pairs[p].name != w->seen[i].name || !rule ||
		    rule->severity[w->profile] >= rule->severity[MSC_PROFILE_SPEC])
			continue;
		for (size_t k = 0; k < w->e->n_seen; k++)
			if (w->seen[k].rule == pairs[p].rule && w->seen[k].name == pairs[p].name &&
			    share_command(stated, &w->e->seen[k]))
				return true;
	}
	return false;
}

bool msc_match_is_on_command(const struct msc_match *w, const struct msc_entry *entry, size_t i)
{
	const struct msc_sighting *s = &w->e->seen[i];
	const struct msc_pair *p = w->d->pairs + entry->first;
	struct msc_commands counted = { { 0 } };
	unsigned different = 0;

	if (s->name || s->bare)
		return true;
	for (uint32_t n = 0; n < entry->n; n++) {
		uint8_t opcode = (uint8_t)(p[n].command - 1);

		if (p[n].rule != w->seen[i].rule)
			continue;
		if (!p[n].command || msc_commands_has(&s->commands, opcode))
			return true;
		different += !msc_commands_has(&counted, opcode);
		msc_commands_add(&counted, opcode);
	}
	return different >= COMMANDS;
}

bool msc_match_is_of_another(const struct msc_match *w, const struct msc_entry *entry, size_t i)
{
	const struct msc_sighting *s = &w->e->seen[i];
	const struct msc_pair *p = w->d->pairs + entry->first;
	uint16_t command = 0;
	unsigned places = 0;

	for (uint32_t n = 0; n < entry->n; n++) {
		if (p[n].rule != w->seen[i].rule)
			continue;
		if (!p[n].command || (command && p[n].command != command))
			return false;
		command = p[n].command;
		places++;
	}
	return places >= ONE_COMMAND && !s->bare &&
	       !msc_commands_has(&s->commands, (uint8_t)(command - 1));
}

/* In a capture, all that a rule has found is one sighting. */
static int32_t degree_anywhere(const struct msc_match *w, const struct msc_entry *entry, size_t i)
{
	const struct msc_pair *p = w->d->pairs + entry->first;
	uint64_t forms = 0;

	for (uint32_t n = 0; n < entry->n; n++)
		if (p[n].rule == w->seen[i].rule)
			forms |= p[n].forms ? p[n].forms : UINT64_MAX;
	return w->common[i] > FEW_OF_RULE || !w->common[i] ? DEGREE_FAINT
	       : w->seen[i].forms & ~forms                 ? DEGREE_ENOUGH
							   : DEGREE_EXACT;
}

/* The dictionary has it on one command alone, and so it was seen, on that command among others. */
static bool is_on_same(const struct msc_pair *p, const struct msc_sighting *s)
{
	return !p->command || msc_commands_has(&s->commands, (uint8_t)(p->command - 1));
}

bool msc_match_stands_for(const struct msc_match *w, size_t i, const struct msc_pair *p)
{
	const struct msc_sighting *s = &w->e->seen[i];

	return s->rule == &msc_rule_expect_status && w->seen[i].name == p->name &&
	       s->forms != msc_evidence_form(MSC_STATED_PASSED) && /* it has failed */
	       w->rules[p->rule] == &msc_rule_scsi_lba_refused && is_on_same(p, s);
}

/* The dictionary has it on one command, and here it was found on others as well. */
static bool is_on_more(const struct msc_pair *p, const struct msc_sighting *s)
{
	unsigned n = s->bare;

	for (size_t i = 0; i < MSC_COUNT(s->commands.bits); i++)
		n += (unsigned)__builtin_popcountll(s->commands.bits[i]);
	return p->command && n > 1;
}

/* Of a pair of the sighting's own case and rule. */
static int32_t degree_there(const struct msc_match *w, const struct msc_pair *p, size_t i)
{
	bool on_same = is_on_same(p, &w->e->seen[i]);

	if (!msc_match_is_same(p, &w->seen[i]) || (!on_same && w->e->seen[i].rule->by_command))
		return DEGREE_OTHERWISE;
	return !on_same || is_on_more(p, &w->e->seen[i]) ||
			       (p->forms && w->seen[i].forms & ~p->forms)
		       ? DEGREE_PARTLY
		       : DEGREE_EXACT;
}

int32_t msc_match_degree(const struct msc_match *w, const struct msc_entry *entry, size_t i)
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
			return msc_match_is_of_another(w, entry, i) ? DEGREE_OTHERWISE
								    : degree_there(w, &pairs[p], i);
		has |= msc_match_is_same(&pairs[p], at);
	}
	if (name && is_told_twice(w, entry, i))
		return DEGREE_EXACT;
	for (size_t p = 0; name && p < entry->n; p++)
		if (msc_match_stands_for(w, i, &pairs[p]))
			return DEGREE_PARTLY;
	if (!has || !msc_match_is_on_command(w, entry, i))
		return 0;
	if (!name)
		return degree_anywhere(w, entry, i);
	for (size_t p = 0; p < entry->n && !msc_match_is_of_another(w, entry, i); p++)
		if (pairs[p].rule == at->rule && msc_match_is_same(&pairs[p], at) &&
		    !strncmp(w->d->names[pairs[p].name], name, kind))
			return DEGREE_ALIKE;
	return w->common[i] > FEW ? DEGREE_FAINT : DEGREE_ELSEWHERE;
}
