/* SPDX-License-Identifier: BSD-2-Clause */
/* How much a finding weighs in the case that it was made in.
 *
 * Under profile interop nothing is a failure but what a host shows that really sends it: findings of a
 * case that imitates no host are warnings at most, but for harm that is done to the medium. Under usbif a
 * failure names the test of USB-IF that its case carries out.
 *
 * Facts that do not change, such as a descriptor or the form of INQUIRY data, come again and again in
 * the course of a run. They are judged in the first case that sees them; in later ones they are noted,
 * with a word of where it was. Another message is another fact. */
#include "run/runner.h"

#include <string.h>

enum msc_severity msc_run_worst(const struct msc_runner *r)
{
	return r->o->profile == MSC_PROFILE_INTEROP && !r->s->host ? MSC_WARN : MSC_FAIL;
}

static void weigh(const struct msc_runner *r, struct msc_finding *f)
{
	if (f->severity > msc_run_worst(r) && !f->harm)
		f->severity = msc_run_worst(r);
	if (r->o->profile == MSC_PROFILE_USBIF && f->severity == MSC_FAIL)
		f->test = r->s->test ? r->s->test : MSC_NO_TEST;
}

void msc_run_reweigh(const struct msc_runner *r, struct msc_finding *f)
{
	f->severity = f->rule->severity[r->o->profile];
	weigh(r, f);
}

void msc_run_weigh(struct msc_runner *r)
{
	for (size_t i = 0; i < r->findings.count; i++)
		weigh(r, &r->findings.list[i]);
}

static uint64_t fingerprint(const struct msc_finding *f)
{
	return msc_log_hash(f->message, f->message ? strlen(f->message) : 0) ^
	       msc_log_hash(f->rule->id, strlen(f->rule->id));
}

/* The case that told it, and thought it as bad; NULL: none before this one. Of more than fit, each case
 * tells. */
static const char *told_by(struct msc_runner *r, const struct msc_finding *f)
{
	uint64_t hash = fingerprint(f);

	for (size_t i = 0; i < r->n_facts; i++)
		if (r->facts[i].hash == hash && r->facts[i].severity >= f->severity)
			return r->facts[i].name == r->s->name ? NULL : r->facts[i].name;
	if (r->n_facts < MSC_FACTS_MAX)
		r->facts[r->n_facts++] = (struct msc_told){ hash, r->s->name, f->severity };
	return NULL;
}

void msc_run_facts(struct msc_runner *r, size_t from)
{
	for (size_t i = from; r->s && i < r->findings.count; i++) {
		struct msc_finding *f = &r->findings.list[i];

		weigh(r, f);
		if (!f->rule->fact || f->severity < MSC_WARN)
			continue;
		f->above = told_by(r, f);
		if (f->above)
			f->severity = MSC_NOTE;
	}
}
