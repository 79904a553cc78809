/* SPDX-License-Identifier: BSD-2-Clause */
/* A page of Markdown, as a job summary of GitHub Actions or a comment on a merge request: the counts, the
 * causes, what no cause explains, then a table of what is not ok, and skips by reason. Tables and escapes
 * are those of GitHub Flavored Markdown 0.29, which GitLab and Gitea show too. */
#include <stdlib.h>

#include "report/report.h"

static void put(FILE *out, const char *text)
{
	msc_put(out, MSC_MARKDOWN, text ? text : "");
}

/* A command, to be copied. A fence of four holds what may have three. */
static void put_command(FILE *out, const char *command)
{
	fputs("\n   ````sh\n   ", out);
	msc_put(out, MSC_PLAIN, command);
	fputs("\n   ````\n", out);
}

static void put_cause(const struct msc_report_run *run, const struct msc_cause *c, unsigned number)
{
	FILE *out = run->out;
	char *alone = msc_report_alone(c, run->context->repeat, run->context->repeats);

	fprintf(out, "%u. **", number);
	put(out, c->id);
	for (size_t i = 0; i < c->n_ties; i++) {
		fputs("** or **", out);
		put(out, c->ties[i]->id);
	}
	fputs("**: ", out);
	put(out, c->title);
	fprintf(out, " (%s; explains %u of %u findings, in %u case%s)\n",
		msc_confidence_names[c->confidence], c->explains, run->all.causes.findings,
		c->cases, MSC_PLURAL(c->cases));
	if (c->mistake) {
		fputs("   * usual mistake: ", out);
		put(out, c->mistake);
		putc('\n', out);
	}
	if (c->spec) {
		fputs("   * clause: ", out);
		put(out, c->spec);
		putc('\n', out);
	}
	if (alone)
		put_command(out, alone);
	free(alone);
}

static void put_causes(const struct msc_report_run *run)
{
	const struct msc_causes *causes = &run->all.causes;
	unsigned n = 0;

	for (size_t i = 0; i < causes->count; i++) {
		if (causes->list[i].worst == MSC_NOTE)
			continue;
		if (!n)
			fputs("\n### Causes\n\n", run->out);
		put_cause(run, &causes->list[i], ++n);
	}
}

static void put_cells(FILE *out, const char *const *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fputs("| ", out);
		put(out, cells[i]);
		putc(' ', out);
	}
	fputs("|\n", out);
}

static void put_left(struct msc_report_run *run)
{
	struct msc_groups left;

	if (!msc_report_left(&run->all, MSC_WARN, &left))
		run->all.failed = true;
	if (left.n)
		fputs("\n### Not explained by a known cause\n\n"
		      "| severity | rule | findings | first in | seen |\n|---|---|--:|---|---|\n",
		      run->out);
	for (size_t i = 0; i < left.n; i++) {
		const struct msc_group *g = &left.list[i];
		char count[16];

		snprintf(count, sizeof count, "%u", g->findings);
		put_cells(run->out,
			  (const char *[]){ msc_severity_name(g->first->severity),
					    g->first->rule->id, count,
					    msc_scenario_name(g->in->scenario), g->first->message },
			  5);
	}
	free(left.list);
}

static bool is_ok(const struct msc_report_case *c)
{
	return c->verdict == MSC_VERDICT_PASS || c->verdict == MSC_VERDICT_SKIP ||
	       c->verdict == MSC_VERDICT_WAIVED;
}

static void put_not_ok(const struct msc_report_run *run)
{
	const struct msc_report_all *all = &run->all;
	bool first = true;

	for (size_t i = 0; i < all->n; i++) {
		const struct msc_report_case *c = &all->cases[i];
		const struct msc_finding *f = msc_report_worst(&c->findings);
		char *cause;

		if (is_ok(c))
			continue;
		if (first)
			fputs("\n### Cases that are not ok\n\n"
			      "| verdict | case | cause | clause | seen |\n|---|---|---|---|---|\n",
			      run->out);
		first = false;
		cause = msc_report_causes(all, c);
		put_cells(run->out,
			  (const char *[]){ msc_verdict_name(c->verdict),
					    msc_scenario_name(c->scenario), cause ? cause : "",
					    f ? f->spec : "", f ? f->message : c->reason },
			  5);
		free(cause);
	}
}

static void put_skips(const struct msc_report_run *run)
{
	bool first = true;

	for (size_t i = 0; i < run->all.n; i++) {
		unsigned n = msc_report_skips(&run->all, &run->all.cases[i]);
		char count[16];

		if (!n)
			continue;
		if (first)
			fputs("\n### Skipped\n\n| cases | reason |\n|--:|---|\n", run->out);
		first = false;
		snprintf(count, sizeof count, "%u", n);
		put_cells(run->out, (const char *[]){ count, run->all.cases[i].reason }, 2);
	}
}

static void put_waivers(const struct msc_report_run *run)
{
	const struct msc_waivers *all = run->all.waivers;
	char text[640];

	if (all && all->count)
		fputs("\n### Waivers\n\n| state | waiver |\n|---|---|\n", run->out);
	for (size_t i = 0; all && i < all->count; i++)
		put_cells(run->out,
			  (const char *[]){
				  msc_waiver_state_name(msc_waiver_state(all, &all->list[i])),
				  msc_waiver_text(text, sizeof text, all, &all->list[i]) },
			  2);
}

static void put_said(const struct msc_report_run *run)
{
	if (run->all.n_said)
		fputs("\n### Notes\n\n", run->out);
	for (size_t i = 0; i < run->all.n_said; i++) {
		fputs("* ", run->out);
		put(run->out, run->all.said[i]);
		putc('\n', run->out);
	}
}

static void event(struct msc_report_run *run, const struct msc_event *ev)
{
	FILE *out = run->out;

	if (ev->kind != MSC_EV_RUN_END)
		return;
	fputs("## mscope", out);
	if (run->all.began) {
		fputs(": ", out);
		put(out, run->all.target);
	}
	fputs("\n\n", out);
	if (ev->reason) {
		fputs("**Stopped:** ", out);
		put(out, ev->reason);
		fputs("\n\n", out);
	}
	if (run->all.began && ev->summary) {
		msc_report_counts(out, run, ev->summary);
		fprintf(out, "; profile %s\n", msc_profile_names[run->all.profile]);
	}
	put_causes(run);
	put_left(run);
	put_not_ok(run);
	put_waivers(run);
	put_skips(run);
	put_said(run);
}

const struct msc_report msc_report_markdown = {
	.name = "markdown",
	.summary = "a page of Markdown, for job summaries",
	.suffix = "md",
	.event = event,
};
