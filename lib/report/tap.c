/* SPDX-License-Identifier: BSD-2-Clause */
/* The Test Anything Protocol, version 13: a plan, one line for each case with real skips, and a
 * YAML block of evidence under what failed, with its cause. So the lines are written when the run has
 * ended. A run that ended early bails out. */
#include "report/report.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct state {
	bool failed, began;
	size_t total, done;
};

/* A terminal has an end of the line, a file has none. */
static unsigned last_column(const struct msc_report_run *run)
{
	return run->out == stdout ? msc_columns() - 1 : UINT_MAX - 1;
}

/* The rest of a line that has so many columns already. Where it is broken, at a single blank, the next one begins
 * with the margin. */
static void put_folded(struct msc_report_run *run, size_t column, const char *margin,
		       const char *text)
{
	struct state *s = run->state;
	char *plain = malloc(MSC_PLAIN_ROOM(strlen(text)));

	if (!plain) {
		s->failed = true;
		return;
	}
	msc_plain(plain, text);
	for (const char *word = plain, *end; *word; word = end + (*end == ' ')) {
		size_t len = strcspn(word, " ");

		for (end = word + len; *end == ' ' && (end[1] == ' ' || !end[1]);)
			end++; /* of several blanks none is an end of a line */
		len = (size_t)(end - word);
		if (word > plain && column + 1 + len > last_column(run)) {
			fprintf(run->out, "\n%s", margin);
			column = strlen(margin);
		} else if (word > plain) {
			putc(' ', run->out);
			column++;
		}
		fwrite(word, 1, len, run->out);
		column += len;
	}
	putc('\n', run->out);
	free(plain);
}

/* A JSON string is a YAML string, and an end of a line in it is a blank. */
static void put_quoted(struct msc_report_run *run, const char *indent, const char *key,
		       const char *text)
{
	struct state *s = run->state;
	json_t *value = msc_json_text(text);
	char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	if (quoted)
		put_folded(run, (size_t)fprintf(run->out, "%s%s: ", indent, key), "        ",
			   quoted);
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

static void put_comment(struct msc_report_run *run, const char *text, size_t len)
{
	char *line = strndup(text, len);

	fputs("# ", run->out);
	put_folded(run, 2, "# ", line ? line : "");
	free(line);
}

/* How much of the reason the line of a test, which cannot be broken, has room for. */
static size_t room(const struct msc_report_run *run, size_t column, const char *reason)
{
	size_t whole = strlen(reason), first = strcspn(reason, ";");

	return column + whole <= last_column(run)   ? whole
	       : column + first <= last_column(run) ? first
						    : 0;
}

static void put_case(struct msc_report_run *run, const struct msc_report_case *ev)
{
	struct state *s = run->state;
	bool waived = ev->verdict == MSC_VERDICT_WAIVED;
	bool ok = ev->verdict != MSC_VERDICT_FAIL && ev->verdict != MSC_VERDICT_ERROR && !waived;
	const char *directive = waived                            ? " # TODO waived "
				: ev->verdict == MSC_VERDICT_SKIP ? " # SKIP "
								  : "";
	const char *reason = *directive && ev->reason ? ev->reason : "";
	char line[40], *part;
	size_t len;

	for (const char *n = ev->notes; n && *n; n += strcspn(n, "\n") + 1)
		put_comment(run, n, strcspn(n, "\n"));
	snprintf(line, sizeof line, "%sok %zu - ", ok ? "" : "not ", ++s->done);
	len = room(run, strlen(line) + strlen(msc_scenario_name(ev->scenario)) + strlen(directive),
		   reason);
	part = strndup(reason, len);
	if (reason[len] && (waived || msc_report_skips(&run->all, ev)))
		put_comment(run, reason, strlen(reason));
	fputs(line, run->out);
	msc_put(run->out, MSC_TAP, msc_scenario_name(ev->scenario));
	fputs(directive, run->out);
	msc_put(run->out, MSC_TAP, *reason && !len ? "as above" : part ? part : "");
	putc('\n', run->out);
	free(part);
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
			put_comment(run, text, strlen(text));
		}
	}
}

static void put_bail_out(struct msc_report_run *run, const char *reason)
{
	static const char word[] = "Bail out! ";

	if (room(run, sizeof word - 1, reason) < strlen(reason)) {
		put_comment(run, reason, strlen(reason));
		reason = "as above";
	}
	fputs(word, run->out);
	msc_put(run->out, MSC_TAP, reason);
	putc('\n', run->out);
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
			put_comment(run, ev->text, strlen(ev->text));
		break;
	case MSC_EV_RUN_END:
		if (!s->began)
			fputs("TAP version 13\n", run->out);
		for (size_t i = 0; i < run->all.n; i++)
			put_case(run, &run->all.cases[i]);
		put_waivers(run);
		if (ev->reason || s->done < s->total)
			put_bail_out(run, ev->reason ? ev->reason : "");
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
