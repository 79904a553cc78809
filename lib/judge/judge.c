/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of rules, the profiles, and how a rule's finding becomes a line of evidence. */
#include "judge/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define RULE(name) &msc_rule_##name,
const struct msc_rule *const msc_rules[] = {
#include "judge/rule.list"
};
#undef RULE
const size_t msc_rule_count = MSC_COUNT(msc_rules);

const char *const msc_profile_names[] = { "spec", "usbif", "interop", NULL };

/* One rule at work on one record. */
struct msc_judging {
	const struct msc_record *record;
	const struct msc_record *about; /* the command that it is found on; NULL: record */
	const struct msc_rule *rule;
	const char *spec; /* instead of the rule's; NULL: the rule's */
	enum msc_profile profile;
	enum msc_severity severity;
	struct msc_findings *out;
	bool unsure, borne; /* as in the finding */
	bool found; /* the rule's finding is the last of the list */
	bool no_memory;
};

int msc_profile_parse(const char *name, enum msc_profile *profile, struct msc_err *err)
{
	for (int i = 0; i < MSC_PROFILES; i++) {
		if (strcmp(name, msc_profile_names[i]) != 0)
			continue;
		*profile = (enum msc_profile)i;
		return 0;
	}
	return msc_fail(err, MSC_E_USAGE,
			"no profile called '%s'; there are spec, usbif and interop", name);
}

const char *msc_severity_name(enum msc_severity severity)
{
	static const char *const names[] = { "ignore", "note", "warn", "fail" };

	return (size_t)severity < MSC_COUNT(names) ? names[severity] : "?";
}

const struct msc_rule *msc_rule_find(const char *id, struct msc_err *err)
{
	struct msc_nearest nearest = { .wanted = id };

	for (size_t i = 0; i < msc_rule_count; i++) {
		if (!strcmp(msc_rules[i]->id, id))
			return msc_rules[i];
		msc_nearest_try(&nearest, msc_rules[i]->id);
	}
	msc_fail_unknown(err, "rule", "rules", &nearest);
	return NULL;
}

/* ---- findings ----------------------------------------------------------------------------- */

void msc_finding_clear(struct msc_finding *f)
{
	free(f->message);
	free(f->expected);
	free(f->actual);
	free(f->host);
}

void msc_findings_clear(struct msc_findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		msc_finding_clear(&f->list[i]);
	free(f->list);
	*f = (struct msc_findings){ 0 };
}

/* NULL stays NULL; false: out of memory. */
static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

int msc_findings_copy(struct msc_findings *to, const struct msc_findings *from, struct msc_err *err)
{
	*to = (struct msc_findings){ calloc(from->count + 1, sizeof *to->list), 0, from->count };
	if (!to->list)
		return msc_nomem(err);
	for (; to->count < from->count; to->count++) {
		const struct msc_finding *f = &from->list[to->count];
		struct msc_finding *copy = &to->list[to->count];
		bool good;

		*copy = *f;
		good = copy_text(&copy->message, f->message);
		good &= copy_text(&copy->expected, f->expected);
		good &= copy_text(&copy->actual, f->actual);
		good &= copy_text(&copy->host, f->host);
		if (!good) {
			to->count++;
			return msc_nomem(err);
		}
	}
	return 0;
}

enum msc_severity msc_findings_worst(const struct msc_findings *f)
{
	enum msc_severity worst = MSC_IGNORE;

	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].severity > worst)
			worst = f->list[i].severity;
	return worst;
}

void msc_at_most(struct msc_judging *j, enum msc_severity most)
{
	if (j->severity > most)
		j->severity = most;
	j->unsure = true;
}

void msc_about(struct msc_judging *j, const struct msc_record *command)
{
	j->about = command;
}

void msc_hosts_bear(struct msc_judging *j)
{
	j->borne = true;
	if (j->profile == MSC_PROFILE_INTEROP && j->severity > MSC_WARN)
		j->severity = MSC_WARN;
}

static struct msc_finding *append(struct msc_judging *j)
{
	struct msc_findings *f = j->out;
	struct msc_finding *list = f->list;

	if (f->count == f->room) {
		list = realloc(list, (f->room * 2 + 8) * sizeof *list);
		if (!list)
			return NULL;
		f->list = list;
		f->room = f->room * 2 + 8;
	}
	f->list[f->count] = (struct msc_finding){ .rule = j->rule,
						  .severity = j->severity,
						  .unsure = j->unsure,
						  .borne = j->borne,
						  .spec = j->spec ? j->spec : j->rule->spec };
	if (j->record) {
		const struct msc_record *about = j->about ? j->about : j->record;

		msc_record_text(f->list[f->count].context, sizeof f->list->context, about);
		msc_steps_text(f->list[f->count].steps, sizeof f->list->steps, j->record);
		f->list[f->count].at_ns = j->record->ended_ns;
		f->list[f->count].told = about != j->record;
		if (about->kind == MSC_RECORD_EXCHANGE && about->u.exchange.command)
			f->list[f->count].command = about->u.exchange.cbw.cb[0] + 1;
	}
	return &f->list[f->count++];
}

static void set_text(struct msc_judging *j, char **member, const char *fmt, va_list args)
{
	if (!*member && vasprintf(member, fmt, args) < 0) {
		*member = NULL;
		j->no_memory = true;
	}
}

static void found(struct msc_judging *j, const char *fmt, va_list args)
{
	struct msc_finding *f;

	if (j->found)
		return;
	f = append(j);
	if (!f) {
		j->no_memory = true;
		return;
	}
	j->found = true;
	set_text(j, &f->message, fmt, args);
}

static struct msc_finding *last(struct msc_judging *j)
{
	return j->found ? &j->out->list[j->out->count - 1] : NULL;
}

void msc_found(struct msc_judging *j, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	found(j, fmt, args);
	va_end(args);
}

void msc_expected(struct msc_judging *j, const char *fmt, ...)
{
	struct msc_finding *f = last(j);
	va_list args;

	va_start(args, fmt);
	if (f)
		set_text(j, &f->expected, fmt, args);
	va_end(args);
}

void msc_actual(struct msc_judging *j, const char *fmt, ...)
{
	struct msc_finding *f = last(j);
	va_list args;

	va_start(args, fmt);
	if (f)
		set_text(j, &f->actual, fmt, args);
	va_end(args);
}

/* ---- judging ------------------------------------------------------------------------------ */

/* The record shows what the rule looks at. */
static bool can_see(const struct msc_rule *rule, const struct msc_record *r)
{
	if (!(rule->on & r->kind))
		return false;
	return r->kind != MSC_RECORD_EXCHANGE || !r->u.exchange.whole || !rule->wrapper;
}

/* The rule is about records like this one. */
static bool is_about(const struct msc_rule *rule, const struct msc_record *r)
{
	if (r->kind != MSC_RECORD_EXCHANGE || !rule->n_opcodes)
		return true;
	for (size_t i = 0; i < rule->n_opcodes; i++)
		if (rule->opcodes[i] == r->u.exchange.cbw.cb[0])
			return true;
	return false;
}

static int judge(const struct msc_record *r, enum msc_profile profile, struct msc_findings *out,
		 bool all, struct msc_err *err)
{
	if (r->cut)
		return 0;
	for (size_t i = 0; i < msc_rule_count; i++) {
		const struct msc_rule *rule = msc_rules[i];
		struct msc_judging j = { .record = r,
					 .rule = rule,
					 .profile = profile,
					 .severity = rule->severity[profile],
					 .out = out };

		if (!can_see(rule, r) || j.severity == MSC_IGNORE || !(all || is_about(rule, r)))
			continue;
		rule->judge(&j, r);
		if (j.no_memory)
			return msc_nomem(err);
	}
	return 0;
}

int msc_judge(const struct msc_record *r, enum msc_profile profile, struct msc_findings *out,
	      struct msc_err *err)
{
	return msc_is_clean(r) ? 0 : judge(r, profile, out, false, err);
}

int msc_judge_by_all(const struct msc_record *r, enum msc_profile profile, struct msc_findings *out,
		     struct msc_err *err)
{
	return judge(r, profile, out, true, err);
}

int msc_judge_stated(const struct msc_rule *rule, const char *spec, const struct msc_record *r,
		     enum msc_profile profile, struct msc_findings *out, const char *expected,
		     const char *actual, struct msc_err *err, const char *fmt, ...)
{
	struct msc_judging j = { .record = r,
				 .rule = rule,
				 .spec = spec,
				 .profile = profile,
				 .severity = rule->severity[profile],
				 .out = out };
	struct msc_sense_data sense;
	va_list args;

	if (rule == &msc_rule_expect_sense && r && r->kind == MSC_RECORD_EXCHANGE)
		msc_about(&j, msc_explained(r, &sense));
	if (j.severity == MSC_IGNORE)
		return 0;
	va_start(args, fmt);
	found(&j, fmt, args);
	va_end(args);
	if (expected)
		msc_expected(&j, "%s", expected);
	if (actual)
		msc_actual(&j, "%s", actual);
	return j.no_memory ? msc_nomem(err) : 0;
}
