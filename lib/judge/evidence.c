/* SPDX-License-Identifier: BSD-2-Clause */
/* What was seen, put together by case and rule. */
#include "judge/cause.h"

#include <stdlib.h>
#include <string.h>

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
	const char **ran;

	if (findings && has_died(findings))
		return 0;
	if (name) {
		ran = more(e->ran, e->n_ran, &e->ran_room, sizeof *ran);
		if (!ran)
			return msc_nomem(err);
		e->ran = ran;
		ran[e->n_ran++] = name;
	}
	for (size_t i = 0; findings && i < findings->count; i++)
		if (!findings->list[i].unsure && sight(e, name, &findings->list[i], from, err) < 0)
			return -1;
	return 0;
}

void msc_evidence_clear(struct msc_evidence *e)
{
	free(e->seen);
	free(e->ran);
	*e = (struct msc_evidence){ NULL };
}
