/* SPDX-License-Identifier: BSD-2-Clause */
/* The short form of the text report: what explains the findings, what nothing explains, and a line for
 * each case that is left. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/text.h"

#define MISSING_SHOWN 3
#define TESTS_SHOWN   6 /* of USB-IF */
#define TESTS_MAX     64 /* that are told apart; no fault of the catalogue has more than 24 */
#define SHOWN_WHOLE   3 /* groups of what is left with their evidence; of the others a line */

/* ---- causes ---------------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *text)
{
	fprintf(out, "%*s", MSC_TEXT_INDENT, "");
	msc_put_wrapped(out, MSC_TEXT_INDENT, MSC_TEXT_INDENT, text);
	putc('\n', out);
}

/* How well a finding stands for the cause: of a rule that the fault is about, in the case that is to be run for
 * it, as bad as the worst. */
static unsigned aptness(const struct msc_report_case *at, const struct msc_cause *cause,
			const struct msc_finding *f)
{
	bool own = msc_cause_is_about(cause, f->rule);

	return 1 + (own ? 4 : 0) + (msc_scenario_name(at->scenario) == cause->alone ? 2 : 0) +
	       (f->severity == cause->worst);
}

/* One of its findings: the first of those that stand for it best. */
static const struct msc_finding *example(const struct msc_report_all *all,
					 const struct msc_cause *cause)
{
	const struct msc_finding *found = NULL;
	unsigned best = 0;

	for (size_t c = 0; c < all->n; c++) {
		const struct msc_report_case *at = &all->cases[c];

		for (size_t i = 0; i < at->findings.count; i++) {
			const struct msc_finding *f = &at->findings.list[i];

			if (aptness(at, cause, f) > best && msc_report_cause(all, at, f) == cause) {
				best = aptness(at, cause, f);
				found = f;
			}
		}
	}
	return found;
}

static void put_missing(FILE *out, const struct msc_cause *cause)
{
	char text[512] = "";

	if (!cause->n_missing)
		return;
	msc_append(text, sizeof text,
		   "%zu of the %u places where this defect shows were clean: ", cause->n_missing,
		   cause->shows);
	for (size_t i = 0; i < cause->n_missing && i < MISSING_SHOWN; i++)
		msc_append(text, sizeof text, "%s%s (%s)", i ? ", " : "", cause->missing[i].name,
			   cause->missing[i].rule);
	if (cause->n_missing > MISSING_SHOWN)
		msc_append(text, sizeof text, ", ...");
	msc_text_labelled(out, "missing:", text);
}

/* The tests of USB-IF that fail of it, whichever exchange is shown: the example's own words where there are
 * none. */
static void put_tests(FILE *out, const struct msc_report_all *all, const struct msc_cause *cause,
		      const struct msc_finding *example)
{
	const char *tests[TESTS_MAX];
	char text[512] = "";
	unsigned n = 0;

	for (size_t c = 0; c < all->n; c++) {
		const struct msc_report_case *at = &all->cases[c];

		for (size_t i = 0; i < at->findings.count && n < TESTS_MAX; i++) {
			const struct msc_finding *f = &at->findings.list[i];
			unsigned k = 0;

			if (!f->test || strcmp(f->test, MSC_NO_TEST) == 0 ||
			    msc_report_cause(all, at, f) != cause)
				continue;
			while (k < n && strcmp(tests[k], f->test) != 0)
				k++;
			if (k == n)
				tests[n++] = f->test;
		}
	}
	for (unsigned k = 0; k < n && k < TESTS_SHOWN; k++)
		msc_append(text, sizeof text, "%s%s", k ? "; " : "", tests[k]);
	if (n > TESTS_SHOWN)
		msc_append(text, sizeof text, "; and %u more", n - TESTS_SHOWN);
	if (n)
		msc_text_labelled(out, "USB-IF:", text);
	else
		msc_text_test(out, example);
}

static void put_extent(FILE *out, const struct msc_causes *all, const struct msc_cause *cause)
{
	char text[256] = "";

	if (cause->explains < all->findings)
		msc_append(text, sizeof text, "explains %u of %u findings", cause->explains,
			   all->findings);
	else if (cause->explains > 1)
		msc_append(text, sizeof text, "explains all %u findings", cause->explains);
	else
		msc_append(text, sizeof text, "explains the one finding");
	msc_append(text, sizeof text, ", in %u case%s; %s", cause->cases,
		   cause->cases == 1 ? "" : "s", msc_confidence_names[cause->confidence]);
	put_text(out, text);
}

static void put_ties(FILE *out, const struct msc_cause *cause)
{
	for (size_t i = 0; i < cause->n_ties; i++) {
		char text[256];

		snprintf(text, sizeof text, "or %s: %s", cause->ties[i]->id, cause->ties[i]->title);
		put_text(out, text);
	}
	if (cause->n_ties)
		put_text(out, "nothing that ran tells these apart");
}

/* All that speaks for it in this run is let pass. */
static bool is_waived(const struct msc_report_all *all, const struct msc_cause *cause)
{
	for (size_t c = 0; cause->worst <= MSC_NOTE && c < all->n; c++)
		for (size_t i = 0; i < all->cases[c].findings.count; i++)
			if (all->cases[c].findings.list[i].waiver &&
			    msc_report_cause(all, &all->cases[c],
					     &all->cases[c].findings.list[i]) == cause)
				return true;
	return false;
}

static void put_cause(struct msc_report_run *run, const struct msc_cause *cause)
{
	const struct msc_report_all *all = &run->all;
	const struct msc_finding *f = example(all, cause);
	FILE *out = run->out;
	char text[512];

	msc_text_head(run, out,
		      is_waived(all, cause)    ? "waived    "
		      : cause->worst <= MSC_NOTE ? "noted     "
		      : cause->firmware        ? "known     "
		      : cause->confidence == MSC_POSSIBLE ? "perhaps   "
							  : "cause     ",
		      msc_severity_tint(cause->worst));
	snprintf(text, sizeof text, "%s: %s%s", cause->id,
		 cause->firmware ? "it does what this firmware does, " : "", cause->title);
	msc_put_wrapped(out, MSC_TEXT_INDENT, MSC_TEXT_INDENT, text);
	putc('\n', out);
	put_extent(out, &all->causes, cause);
	put_ties(out, cause);
	if (cause->worst <= MSC_NOTE)
		return;
	msc_text_labelled(out, "mistake:", cause->mistake);
	if (f) {
		snprintf(text, sizeof text, "%s: %s", f->rule->id, f->spec);
		msc_text_labelled(out, "rule:", text);
		msc_text_evidence(out, f);
		put_tests(out, all, cause, f);
	}
	put_missing(out, cause);
	msc_text_command(run, out, cause, f, cause->alone);
}

/* ---- what is left ---------------------------------------------------------------------------- */

static void put_group(struct msc_report_run *run, const struct msc_group *g, bool whole)
{
	char text[640] = "";

	msc_append(text, sizeof text, "%s: %s: %u time%s in %u case%s", g->first->rule->id,
		   msc_severity_name(g->first->severity), g->findings, g->findings == 1 ? "" : "s",
		   g->cases, g->cases == 1 ? "" : "s");
	if (*g->first->steps)
		msc_append(text, sizeof text, ", with %s", g->first->steps);
	if (*g->commands)
		msc_append(text, sizeof text, ": %s", g->commands);
	put_text(run->out, text);
	if (!whole)
		return;
	msc_text_labelled(run->out, "clause:", g->first->spec);
	msc_text_evidence(run->out, g->first);
	msc_text_test(run->out, g->first);
	msc_text_command(run, run->out, NULL, g->first, msc_scenario_name(g->in->scenario));
}

static void put_left(struct msc_report_run *run)
{
	struct msc_groups left;
	unsigned findings = 0;

	if (!msc_report_left(&run->all, MSC_WARN, &left))
		run->all.failed = true;

	for (size_t i = 0; i < left.n; i++)
		findings += left.list[i].findings;
	if (findings) {
		msc_text_head(run, run->out, "left over ", MSC_TINT_NAME);
		fprintf(run->out, "no known cause explains %s %u finding%s:\n",
			findings == 1 ? "this" : "these", findings, findings == 1 ? "" : "s");
	}
	for (size_t i = 0; i < left.n; i++)
		put_group(run, &left.list[i], i < SHOWN_WHOLE);
	free(left.list);
}

/* Blocks that a write has hit beside its own are the reader's data: each is told, whatever explains it. */
static void put_damage(struct msc_report_run *run)
{
	for (size_t c = 0; c < run->all.n; c++) {
		const struct msc_report_case *at = &run->all.cases[c];

		for (size_t i = 0; i < at->findings.count; i++) {
			const struct msc_finding *f = &at->findings.list[i];

			if (f->rule != &msc_rule_scsi_write_elsewhere)
				continue;
			msc_text_head(run, run->out, "medium    ", MSC_TINT_FAIL);
			msc_put_wrapped(run->out, MSC_TEXT_INDENT, MSC_TEXT_INDENT, f->message);
			putc('\n', run->out);
			msc_text_command(run, run->out, NULL, f, msc_scenario_name(at->scenario));
		}
	}
}

void msc_text_causes(struct msc_report_run *run)
{
	const struct msc_causes *causes = &run->all.causes;

	for (size_t i = 0; i < causes->count && causes->list[i].worst > MSC_NOTE; i++)
		put_cause(run, &causes->list[i]);
	put_left(run);
	put_damage(run);
	for (size_t i = 0; i < causes->count; i++)
		if (causes->list[i].worst <= MSC_NOTE)
			put_cause(run, &causes->list[i]);
}

/* ---- waivers --------------------------------------------------------------------------------- */

void msc_text_waivers(struct msc_report_run *run)
{
	const struct msc_waivers *all = run->all.waivers;

	for (size_t i = 0; all && i < all->count; i++) {
		const struct msc_waiver *w = &all->list[i];
		enum msc_waiver_state state = msc_waiver_state(all, w);
		char text[640];

		if (state == MSC_WAIVER_UNTRIED && run->context->verbosity < 0)
			continue;
		msc_waiver_text(text, sizeof text, all, w);
		if (state >= MSC_WAIVER_UNUSED)
			msc_text_head(run, run->out, " FAIL     ", MSC_TINT_FAIL);
		else
			msc_text_head(run, run->out,
				      state == MSC_WAIVER_USED ? "waived    " : "untried   ",
				      MSC_TINT_ASIDE);
		msc_put_wrapped(run->out, MSC_TEXT_INDENT, MSC_TEXT_INDENT, text);
		putc('\n', run->out);
	}
}

/* ---- cases ----------------------------------------------------------------------------------- */

/* Nothing is left of it once its causes have been told. */
static bool is_explained(const struct msc_report_all *all, const struct msc_report_case *c)
{
	if (c->verdict != MSC_VERDICT_FAIL && c->verdict != MSC_VERDICT_WARN)
		return false;
	for (size_t i = 0; i < c->findings.count; i++)
		if (c->findings.list[i].severity > MSC_NOTE &&
		    !msc_report_cause(all, c, &c->findings.list[i]))
			return false;
	return true;
}

/* "bot.case05" of "bot.case05.inquiry". */
static size_t family_length(const char *name)
{
	const char *dot = strchr(name, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;

	return second ? (size_t)(second - name) : dot ? (size_t)(dot - name) : strlen(name);
}

/* In how many cases of each family that is so. */
static void put_families(struct msc_report_run *run, enum msc_verdict verdict)
{
	const struct msc_report_all *all = &run->all;
	char text[2048] = "";
	unsigned total = 0;
	int column;

	for (size_t i = 0; i < all->n; i++) {
		const char *name = msc_scenario_name(all->cases[i].scenario);
		size_t len = family_length(name);
		unsigned n = 0;
		bool first = true;

		if (all->cases[i].verdict != verdict || !is_explained(all, &all->cases[i]))
			continue;
		total++;
		for (size_t k = 0; k < all->n; k++) {
			const char *other = msc_scenario_name(all->cases[k].scenario);

			if (family_length(other) != len || strncmp(other, name, len) ||
			    all->cases[k].verdict != verdict || !is_explained(all, &all->cases[k]))
				continue;
			first &= k >= i;
			n++;
		}
		if (first && n == 1)
			msc_append(text, sizeof text, "%s%s", *text ? ", " : "", name);
		else if (first)
			msc_append(text, sizeof text, "%s%.*s (%u)", *text ? ", " : "", (int)len,
				   name, n);
	}
	if (!total)
		return;
	msc_text_verdict(run, run->out, verdict);
	column = fprintf(run->out, "%u case%s, explained above: ", total, total == 1 ? "" : "s");
	msc_put_wrapped(run->out, MSC_TEXT_INDENT + (unsigned)column, MSC_TEXT_INDENT, text);
	putc('\n', run->out);
}

static void put_rules(FILE *out, const struct msc_report_case *c, unsigned column)
{
	char text[512] = "";

	for (size_t i = 0; i < c->findings.count; i++) {
		const struct msc_finding *f = &c->findings.list[i];
		bool first = f->severity > MSC_NOTE;

		for (size_t k = 0; first && k < i; k++)
			first = c->findings.list[k].rule != f->rule;
		if (first)
			msc_append(text, sizeof text, "%s%s", *text ? ", " : "", f->rule->id);
	}
	if (c->reason && !*text)
		msc_append(text, sizeof text, "%s", c->reason);
	msc_put_beside(out, column, column < 38 ? 40 : column + 2, MSC_TEXT_INDENT, text);
	putc('\n', out);
}

void msc_text_cases(struct msc_report_run *run)
{
	put_families(run, MSC_VERDICT_FAIL);
	put_families(run, MSC_VERDICT_WARN);
	for (size_t i = 0; i < run->all.n; i++) {
		const struct msc_report_case *c = &run->all.cases[i];
		const char *name = msc_scenario_name(c->scenario);

		if (c->verdict == MSC_VERDICT_PASS || c->verdict == MSC_VERDICT_SKIP ||
		    c->verdict == MSC_VERDICT_WAIVED || is_explained(&run->all, c))
			continue;
		msc_text_verdict(run, run->out, c->verdict);
		msc_put(run->out, MSC_PLAIN, name);
		put_rules(run->out, c, MSC_TEXT_INDENT + (unsigned)strlen(name));
	}
}

void msc_text_skips(struct msc_report_run *run)
{
	const struct msc_report_all *all = &run->all;

	for (size_t i = 0; i < all->n; i++) {
		const char *reason = all->cases[i].reason ? all->cases[i].reason : "";
		unsigned n = msc_report_skips(all, &all->cases[i]);
		char text[640];

		if (!n)
			continue;
		msc_text_verdict(run, run->out, MSC_VERDICT_SKIP);
		snprintf(text, sizeof text, "%u case%s: %s", n, n == 1 ? "" : "s", reason);
		msc_put_wrapped(run->out, MSC_TEXT_INDENT, MSC_TEXT_INDENT, text);
		putc('\n', run->out);
	}
}
