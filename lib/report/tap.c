/* SPDX-License-Identifier: BSD-2-Clause */
/* The Test Anything Protocol, version 13: a plan, one line for each case with real skips, and a
 * YAML block of evidence under what failed, with its cause. So the lines are written when the run has
 * ended. A run that ended early bails out. */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

struct state {
	bool failed, began;
	size_t total, done;
};

/* A JSON string is a YAML string. */
static void put_quoted(struct msc_report_run *run, const char *indent, const char *key,
		       const char *text)
{
	struct state *s = run->state;
	json_t *value = msc_json_text(text);
	char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	if (quoted)
		fprintf(run->out, "%s%s: %s\n", indent, key, quoted);
	else
		s->failed = true;
	free(quoted);
	json_decref(value);
}

static void put_block(struct msc_report_run *run, const struct msc_report_case *c)
{
	char *cause = msc_report_causes(&run->all, c);

	fputs("  ---\n", run->out);
	if (c->reason)
		put_quoted(run, "  ", "reason", c->reason);
	if (cause)
		put_quoted(run, "  ", "cause", cause);
	free(cause);
	if (c->findings.count)
		fputs("  findings:\n", run->out);
	for (size_t i = 0; i < c->findings.count; i++) {
		const struct msc_finding *f = &c->findings.list[i];

		put_quoted(run, "    - ", "rule", f->rule->id);
		put_quoted(run, "      ", "severity", msc_severity_name(f->severity));
		put_quoted(run, "      ", "spec", f->spec);
		put_quoted(run, "      ", "command", f->context);
		put_quoted(run, "      ", "message", f->message);
		if (f->expected)
			put_quoted(run, "      ", "expected", f->expected);
		if (f->actual)
			put_quoted(run, "      ", "actual", f->actual);
		put_quoted(run, "      ", "why", f->rule->why);
		put_quoted(run, "      ", "mistake", f->rule->mistake);
	}
	fputs("  ...\n", run->out);
}

static void put_comment(FILE *out, const char *text, size_t len)
{
	char *line = strndup(text, len);

	fputs("# ", out);
	msc_put(out, MSC_PLAIN, line ? line : "");
	putc('\n', out);
	free(line);
}

static void put_case(struct msc_report_run *run, const struct msc_report_case *ev)
{
	struct state *s = run->state;
	bool waived = ev->verdict == MSC_VERDICT_WAIVED;
	bool ok = ev->verdict != MSC_VERDICT_FAIL && ev->verdict != MSC_VERDICT_ERROR && !waived;

	for (const char *n = ev->notes; n && *n; n += strcspn(n, "\n") + 1)
		put_comment(run->out, n, strcspn(n, "\n"));

	fprintf(run->out, "%sok %zu - ", ok ? "" : "not ", ++s->done);
	msc_put(run->out, MSC_TAP, msc_scenario_name(ev->scenario));
	if (ev->verdict == MSC_VERDICT_SKIP || waived) {
		fputs(waived ? " # TODO waived " : " # SKIP ", run->out);
		msc_put(run->out, MSC_TAP, ev->reason ? ev->reason : "");
	}
	putc('\n', run->out);
	if (!ok || ev->verdict == MSC_VERDICT_WARN)
		put_block(run, ev);
}

/* Each is a line of the plan: a stale one fails. */
static void put_waivers(struct msc_report_run *run)
{
	const struct msc_waivers *all = run->all.waivers;
	struct state *s = run->state;

	for (size_t i = 0; all && i < all->count; i++) {
		const struct msc_waiver *w = &all->list[i];
		enum msc_waiver_state state = msc_waiver_state(all, w);
		char text[512];

		fprintf(run->out, "%sok %zu - ", state >= MSC_WAIVER_UNUSED ? "not " : "",
			++s->done);
		snprintf(text, sizeof text, "waiver of %s in %s", w->rule->id, w->name);
		msc_put(run->out, MSC_TAP, text);
		fputs(state == MSC_WAIVER_UNTRIED ? " # SKIP the case did not run\n" : "\n",
		      run->out);
		if (state >= MSC_WAIVER_UNUSED) {
			msc_waiver_text(text, sizeof text, all, w);
			put_comment(run->out, text, strlen(text));
		}
	}
}

static void event(struct msc_report_run *run, const struct msc_event *ev)
{
	struct state *s = run->state;

	switch (ev->kind) {
	case MSC_EV_RUN_BEGIN:
		s->began = true;
		s->total = ev->cases_total + (ev->waivers ? ev->waivers->count : 0);
		fprintf(run->out, "TAP version 13\n1..%zu\n", s->total);
		break;
	case MSC_EV_NOTE:
		if (!ev->scenario)
			put_comment(run->out, ev->text, strlen(ev->text));
		break;
	case MSC_EV_RUN_END:
		if (!s->began)
			fputs("TAP version 13\n", run->out);
		for (size_t i = 0; i < run->all.n; i++)
			put_case(run, &run->all.cases[i]);
		put_waivers(run);
		if (ev->reason || s->done < s->total) {
			fputs("Bail out! ", run->out);
			msc_put(run->out, MSC_TAP, ev->reason ? ev->reason : "");
			putc('\n', run->out);
		}
		break;
	case MSC_EV_CASE_BEGIN:
	case MSC_EV_CASE_END:
	case MSC_EV_ESTIMATE:
	case MSC_EV_RECORD:
		break;
	}
}

static int finish(struct msc_report_run *run, int exit_status, struct msc_err *err)
{
	struct state *s = run->state;

	(void)exit_status;
	return s->failed ? msc_nomem(err) : 0;
}

const struct msc_report msc_report_tap = {
	.name = "tap",
	.summary = "Test Anything Protocol, version 13",
	.suffix = "tap",
	.state_size = sizeof(struct state),
	.event = event,
	.finish = finish,
};
