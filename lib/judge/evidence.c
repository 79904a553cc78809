/* SPDX-License-Identifier: BSD-2-Clause */
/* What was seen, put together by case and rule. */
#include "judge/cause.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "judge/facts.h"

static void *more(void *list, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return list;
	list = reallocarray(list, *room * 2 + 16, size);
	if (list)
		*room = *room * 2 + 16;
	return list;
}

/* A word that a command, a value or a name of the device puts there; what a reset is called stays, and so does 0:
 * that nothing came, or is told, is another thing than a wrong number. */
static bool is_value(const char *word, size_t len)
{
	bool small = false, line = false;

	if (len == 1 && word[0] == '0')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (isdigit((unsigned char)word[i]) || word[i] == '\'' || word[i] == '"')
			return true;
		small |= islower((unsigned char)word[i]) != 0;
		line |= word[i] == '_';
	}
	return !small && !line;
}

/* What was seen, without its values: one bit, by a hash (FNV-1a) of its words. Of the ways to fold it this one puts the
 * fewest forms of one rule that the catalogue shows onto the same bit: 6 pairs of 382. */
uint64_t msc_evidence_form(const char *message)
{
	uint32_t hash = 2166136261u;

	for (const char *at = message; at && *at; at += *at == ' ') {
		size_t len = strcspn(at, " ");

		for (size_t i = 0; i < len && !is_value(at, len); i++)
			if (isalnum((unsigned char)at[i]) &&
			    !(at[i] == 's' && !isalpha((unsigned char)at[i + 1])))
				hash = (hash ^ (uint8_t)at[i]) * 16777619u;
		at += len;
	}
	return message ? UINT64_C(1) << (hash ^ hash >> 20) % 64 : 0;
}

static void add_command(struct msc_sighting *s, const struct msc_finding *f)
{
	if (f->command)
		msc_commands_add(&s->commands, (uint8_t)(f->command - 1));
	else
		s->bare = true;
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
		s->forms |= msc_evidence_form(f->message);
		add_command(s, f);
		if (f->severity > s->worst)
			s->worst = f->severity;
		return 0;
	}
	s = more(e->seen, e->n_seen, &e->room, sizeof *s);
	if (!s)
		return msc_nomem(err);
	e->seen = s;
	s[e->n_seen++] = (struct msc_sighting){ .name = name,
						.rule = f->rule,
						.forms = msc_evidence_form(f->message),
						.findings = 1,
						.worst = f->severity };
	add_command(&s[e->n_seen - 1], f);
	return 0;
}

/* The firmware has died: whatever else was found in that case is what became of it. */
static bool has_died(const struct msc_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].rule == &msc_rule_firmware_dead)
			return true;
	return false;
}

int msc_evidence_add(struct msc_evidence *e, const char *name, const struct msc_findings *findings,
		     struct msc_err *err)
{
	size_t from = name ? e->n_seen : 0;
	struct msc_ran *ran;

	if (findings && has_died(findings))
		return 0;
	if (name) {
		ran = more(e->ran, e->n_ran, &e->ran_room, sizeof *ran);
		if (!ran)
			return msc_nomem(err);
		e->ran = ran;
		ran[e->n_ran++] =
			(struct msc_ran){ name, e->noted, e->noted && !e->failed, e->sent };
		e->noted = e->failed = false;
		e->sent = (struct msc_commands){ { 0 } };
	}
	for (size_t i = 0; findings && i < findings->count; i++)
		if (!findings->list[i].unsure && sight(e, name, &findings->list[i], from, err) < 0)
			return -1;
	return 0;
}

void msc_evidence_note(struct msc_evidence *e, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_record *failed;
	struct msc_sense_data sense;

	if (r->kind != MSC_RECORD_EXCHANGE)
		return;
	msc_commands_add(&e->sent, x->cbw.cb[0]);
	if (!x->command)
		return;
	e->noted = true;
	e->failed |= !msc_has_status(r, MSC_CSW_PASSED);
	if (x->unit.have_capacity)
		e->block_size = x->unit.block_size;
	failed = msc_explained(r, &sense);
	if (failed && sense.key == MSC_SENSE_ILLEGAL_REQUEST && sense.asc == MSC_ASC_INVALID_OPCODE)
		msc_commands_add(&e->refused, failed->u.exchange.cbw.cb[0]);
	if (msc_has_status(r, MSC_CSW_PASSED))
		msc_commands_add(&e->taken, x->cbw.cb[0]);
}

void msc_evidence_clear(struct msc_evidence *e)
{
	free(e->seen);
	free(e->ran);
	*e = (struct msc_evidence){ NULL };
}
