/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts that do not change, such as a descriptor or the form of INQUIRY data, come again and again in
 * the course of a run. They are judged in the first case that sees them; in later ones they are noted,
 * with a word of where it was. Another message is another fact. */
#include "run/runner.h"

#include <string.h>

static uint64_t fingerprint(const struct msc_finding *f)
{
	return msc_log_hash(f->message, f->message ? strlen(f->message) : 0) ^
	       msc_log_hash(f->rule->id, strlen(f->rule->id));
}

/* The case that told it; NULL: none before this one. Of more than fit, each case tells. */
static const char *told_by(struct msc_runner *r, const struct msc_finding *f)
{
	uint64_t hash = fingerprint(f);

	for (size_t i = 0; i < r->n_facts; i++)
		if (r->facts[i].hash == hash)
			return r->facts[i].name == r->s->name ? NULL : r->facts[i].name;
	if (r->n_facts < MSC_FACTS_MAX)
		r->facts[r->n_facts++] = (struct msc_told){ hash, r->s->name };
	return NULL;
}

void msc_run_facts(struct msc_runner *r, size_t from)
{
	for (size_t i = from; r->s && i < r->findings.count; i++) {
		struct msc_finding *f = &r->findings.list[i];

		if (!f->rule->fact || f->severity < MSC_WARN)
			continue;
		f->above = told_by(r, f);
		if (f->above)
			f->severity = MSC_NOTE;
	}
}
