/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scenario states and is not so, as a finding. It says only what the rules of the judge cannot know:
 * where one of them spoke of the same exchange, it has named the defect. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "run/runner.h"

void msc_check_list(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list args;

	if (len && len < size - 1)
		len += (size_t)snprintf(buf + len, size - len, " or ");
	if (len >= size)
		return;
	va_start(args, fmt);
	vsnprintf(buf + len, size - len, fmt, args);
	va_end(args);
}

static bool is_stated(const struct msc_rule *rule)
{
	return !strncmp(rule->id, "expect.", strlen("expect."));
}

/* A fact that is wrong, such as the form of INQUIRY data, says why another amount came, and nothing else
 * of the record. Told as above it counts as well; where a host decides by what it got, it weighs again. */
static bool fact_counts(const struct msc_runner *r, struct msc_finding *f, bool amount)
{
	const enum msc_severity now = f->severity;

	if (!amount)
		return false;
	msc_run_reweigh(r, f);
	if (f->severity >= msc_run_worst(r)) {
		if (f->above && !r->s->host)
			f->severity = now;
		return true;
	}
	f->severity = now;
	return false;
}

/* It is about sense data: what that says of a command, or how it says it. */
static bool is_of_sense(const struct msc_finding *f)
{
	return f->told || (f->rule->n_opcodes == 1 && f->rule->opcodes[0] == MSC_OP_REQUEST_SENSE);
}

/* A rule of the judge has called this record wrong, or, where it is sense data, the command that it is of. What is
 * stated of sense data is what those rules are about: of them a warning will do. amount: what is stated is how much
 * came. */
bool msc_check_has_spoken(struct msc_runner *r, const struct msc_rule *rule,
			  const struct msc_record *x, bool amount)
{
	char context[sizeof r->findings.list->context];

	if (!x || !is_stated(rule))
		return false;
	msc_record_text(context, sizeof context, x);
	for (size_t i = 0; i < r->findings.count; i++) {
		struct msc_finding *f = &r->findings.list[i];
		bool sense = rule == &msc_rule_expect_sense && is_of_sense(f);

		if (f->at_ns != x->ended_ns || is_stated(f->rule) ||
		    (!f->told && strcmp(f->context, context) != 0))
			continue;
		if (f->rule->fact ? fact_counts(r, f, amount)
				  : f->severity >= (sense ? MSC_WARN : msc_run_worst(r)))
			return true;
	}
	return false;
}

int msc_check_stated(struct msc_runner *r, const struct msc_rule *rule, const struct msc_record *x,
		     const char *expected, const char *actual, struct msc_err *err,
		     const char *what)
{
	if (msc_check_has_spoken(r, rule, x, false))
		return 0;
	return msc_judge_stated(rule, r->s->clauses, x, r->o->profile, &r->findings, expected,
				actual, err, "%s", what);
}
