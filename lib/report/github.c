/* SPDX-License-Identifier: BSD-2-Clause */
/* Workflow commands of GitHub Actions, which make annotations when a step prints them. Of a step it shows
 * ten errors, ten warnings and ten notices, so they are causes, what no cause explains, and why a run has
 * ended; not cases. What is more than ten is counted in the tenth.
 *
 * Every line begins with "::": no text of a device begins one. */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define SHOWN 10 /* of a kind, in one step */

enum { ERRORS, WARNINGS, LEVELS };
static const char *const levels[LEVELS] = { "error", "warning" };

/* The lines of a level, to be counted before they are written. */
struct annotations {
	FILE *out; /* NULL: they are only counted */
	unsigned n[LEVELS], all[LEVELS];
};

/* False: it is counted, not shown. */
static bool begin(struct annotations *a, int level, const char *title)
{
	unsigned at = a->n[level]++;

	if (!a->out || at >= SHOWN || (at == SHOWN - 1 && a->all[level] > SHOWN))
		return false;
	fprintf(a->out, "::%s title=", levels[level]);
	msc_put(a->out, MSC_GITHUB_PROPERTY, title);
	fputs("::", a->out);
	return true;
}

/* A further line of the same annotation. */
static void put_more(FILE *out, const char *label, const char *text)
{
	if (!text)
		return;
	fprintf(out, "%%0A%s: ", label);
	msc_put(out, MSC_GITHUB, text);
}

static int level_of(enum msc_severity severity)
{
	return severity == MSC_FAIL ? ERRORS : WARNINGS;
}

static void put_cause(struct annotations *a, const struct msc_report_run *run,
		      const struct msc_cause *c)
{
	char *alone, names[1024];

	if (c->worst == MSC_NOTE ||
	    !begin(a, level_of(c->worst), msc_report_cause_names(names, sizeof names, c)))
		return;
	alone = msc_report_alone(c, run->context->repeat, run->context->repeats);
	msc_put(a->out, MSC_GITHUB, c->title);
	fprintf(a->out, " (%s; explains %u of %u findings, in %u case%s)",
		msc_confidence_names[c->confidence], c->explains, run->all.causes.findings,
		c->cases, MSC_PLURAL(c->cases));
	put_more(a->out, "clause", c->spec);
	put_more(a->out, "usual mistake", c->mistake);
	put_more(a->out, "alone", alone);
	putc('\n', a->out);
	free(alone);
}

static void put_group(struct annotations *a, const struct msc_group *g)
{
	const struct msc_finding *f = g->first;

	if (!begin(a, level_of(f->severity), f->rule->id))
		return;
	msc_put(a->out, MSC_GITHUB, f->message);
	fprintf(a->out, " (no cause is known; %u finding%s, in %u case%s)", g->findings,
		MSC_PLURAL(g->findings), g->cases, MSC_PLURAL(g->cases));
	put_more(a->out, "case", msc_scenario_name(g->in->scenario));
	put_more(a->out, "sent", f->context);
	put_more(a->out, "expected", f->expected);
	put_more(a->out, "actual", f->actual);
	put_more(a->out, "clause", f->spec);
	putc('\n', a->out);
}

static void put_reason(struct annotations *a, const char *title, const char *reason)
{
	if (!begin(a, ERRORS, title))
		return;
	msc_put(a->out, MSC_GITHUB, reason ? reason : "");
	putc('\n', a->out);
}

static void put_all(struct annotations *a, const struct msc_report_run *run,
		    const struct msc_event *ev, const struct msc_groups *left)
{
	const struct msc_report_all *all = &run->all;
	char text[640];

	if (ev->reason)
		put_reason(a, "stopped", ev->reason);
	for (size_t i = 0; all->waivers && i < all->waivers->count; i++)
		if (msc_waiver_state(all->waivers, &all->waivers->list[i]) >= MSC_WAIVER_UNUSED)
			put_reason(a, "waiver",
				   msc_waiver_text(text, sizeof text, all->waivers,
						   &all->waivers->list[i]));
	for (size_t i = 0; i < all->causes.count; i++)
		put_cause(a, run, &all->causes.list[i]);
	for (size_t i = 0; i < left->n; i++)
		put_group(a, &left->list[i]);
	for (size_t i = 0; i < all->n; i++)
		if (all->cases[i].verdict == MSC_VERDICT_ERROR)
			put_reason(a, msc_scenario_name(all->cases[i].scenario),
				   all->cases[i].reason);
}

static void put_annotations(struct msc_report_run *run, const struct msc_event *ev)
{
	struct annotations counted = { .out = NULL }, shown = { .out = run->out };
	struct msc_groups left;

	if (!msc_report_left(&run->all, MSC_WARN, &left))
		run->all.failed = true;
	put_all(&counted, run, ev, &left);
	memcpy(shown.all, counted.n, sizeof shown.all);
	put_all(&shown, run, ev, &left);
	for (int l = 0; l < LEVELS; l++)
		if (shown.all[l] > SHOWN)
			fprintf(run->out, "::%s title=mscope::%u more are in the other reports\n",
				levels[l], shown.all[l] - (SHOWN - 1));
	free(left.list);
	if (!run->all.began || !ev->summary)
		return;
	for (size_t i = 0; i < run->all.n_said; i++) {
		fputs("::notice title=note::", run->out);
		msc_put(run->out, MSC_GITHUB, run->all.said[i]);
		putc('\n', run->out);
	}
	fputs("::notice title=", run->out);
	msc_put(run->out, MSC_GITHUB_PROPERTY, run->all.target);
	fputs("::", run->out);
	msc_report_counts(run->out, run, ev->summary);
	putc('\n', run->out);
}

static void event(struct msc_report_run *run, const struct msc_event *ev)
{
	if (ev->kind == MSC_EV_RUN_END)
		put_annotations(run, ev);
}

const struct msc_report msc_report_github = {
	.name = "github",
	.summary = "annotations of GitHub Actions, causes first",
	.suffix = "txt",
	.event = event,
};
