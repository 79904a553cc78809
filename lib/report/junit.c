/* SPDX-License-Identifier: BSD-2-Clause */
/* JUnit's XML, as CI servers read it: one suite, one test case for each scenario, its class the
 * name up to the last dot. Times are the target's. A warning is told in system-out and passes. */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

struct state {
	bool failed; /* memory ran out */
	FILE *cases; /* they come after the totals */
	char *text;
	size_t len;
	struct msc_summary summary;
	unsigned waivers, untried;
	char target[160];
	char *reason; /* of a run that ended early */
};

/* An attribute: name="escaped". */
static void put_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	msc_put(out, MSC_XML, value);
	putc('"', out);
}

static void put_seconds(FILE *out, int64_t ns)
{
	fprintf(out, " time=\"%lld.%09lld\"", (long long)(ns / MSC_S), (long long)(ns % MSC_S));
}

/* All findings as lines of text. */
static void put_evidence(FILE *out, const struct msc_report_all *all,
			 const struct msc_report_case *c)
{
	for (size_t i = 0; i < c->findings.count; i++) {
		const struct msc_finding *f = &c->findings.list[i];
		const struct msc_cause *cause = msc_report_cause(all, c, f);
		const char *parts[] = { msc_severity_name(f->severity),
					": ",
					f->rule->id,
					": ",
					f->spec,
					": ",
					f->context,
					": ",
					f->message };

		for (size_t p = 0; p < MSC_COUNT(parts); p++)
			msc_put(out, MSC_XML, parts[p]);
		if (f->expected) {
			fputs("; expected ", out);
			msc_put(out, MSC_XML, f->expected);
		}
		if (f->actual) {
			fputs("; actual ", out);
			msc_put(out, MSC_XML, f->actual);
		}
		if (cause) {
			fputs("\n  cause: ", out);
			msc_put(out, MSC_XML, cause->id);
			fputs(": ", out);
			msc_put(out, MSC_XML, cause->title);
		}
		fputs("\n  why: ", out);
		msc_put(out, MSC_XML, f->rule->why);
		fputs("\n  mistake: ", out);
		msc_put(out, MSC_XML, f->rule->mistake);
		putc('\n', out);
	}
}

static void put_failure(FILE *out, const struct msc_report_all *all,
			const struct msc_report_case *c)
{
	const struct msc_finding *f = msc_report_worst(&c->findings);
	char *cause = msc_report_causes(all, c), *message = NULL;
	const char *said = f ? f->message : c->reason ? c->reason : "";

	fputs("<failure", out);
	put_attribute(out, "type", f ? f->rule->id : "fail");
	if (cause && asprintf(&message, "%s: %s", cause, said) < 0)
		message = NULL;
	put_attribute(out, "message", message ? message : said);
	putc('>', out);
	put_evidence(out, all, c);
	fputs("</failure>", out);
	free(message);
	free(cause);
}

static void put_reason(FILE *out, const char *element, const char *how, const char *reason)
{
	fprintf(out, "<%s message=\"%s", element, how);
	msc_put(out, MSC_XML, reason ? reason : "");
	fputs("\"/>", out);
}

static void put_body(FILE *out, const struct msc_report_all *all, const struct msc_report_case *ev)
{
	switch (ev->verdict) {
	case MSC_VERDICT_FAIL:
		put_failure(out, all, ev);
		break;
	case MSC_VERDICT_WARN:
		fputs("<system-out>", out);
		put_evidence(out, all, ev);
		fputs("</system-out>", out);
		break;
	case MSC_VERDICT_SKIP:
	case MSC_VERDICT_ERROR:
		put_reason(out, ev->verdict == MSC_VERDICT_SKIP ? "skipped" : "error", "",
			   ev->reason);
		break;
	case MSC_VERDICT_WAIVED:
		put_reason(out, "skipped", "waived ", ev->reason);
		fputs("<system-out>", out);
		put_evidence(out, all, ev);
		fputs("</system-out>", out);
		break;
	case MSC_VERDICT_PASS:
	case MSC_VERDICTS:
		break;
	}
}

static void put_case(struct state *s, const struct msc_report_all *all,
		     const struct msc_report_case *ev)
{
	const char *name = msc_scenario_name(ev->scenario), *dot = strrchr(name, '.');
	char class[128];

	if (!s->cases)
		return;
	snprintf(class, sizeof class, "%.*s", dot ? (int)(dot - name) : 0, name);
	fputs("    <testcase", s->cases);
	put_attribute(s->cases, "classname", class[0] ? class : "mscope");
	put_attribute(s->cases, "name", name);
	put_seconds(s->cases, ev->device_ns);
	putc('>', s->cases);
	put_body(s->cases, all, ev);
	fputs("</testcase>\n", s->cases);
}

/* Each is a case of its own: a stale one fails. */
static void put_waivers(struct state *s, const struct msc_waivers *all)
{
	for (size_t i = 0; s->cases && all && i < all->count; i++) {
		const struct msc_waiver *w = &all->list[i];
		enum msc_waiver_state state = msc_waiver_state(all, w);
		char text[512];

		fputs("    <testcase classname=\"mscope.waiver\"", s->cases);
		snprintf(text, sizeof text, "%s in %s", w->rule->id, w->name);
		put_attribute(s->cases, "name", text);
		put_seconds(s->cases, 0);
		putc('>', s->cases);
		msc_waiver_text(text, sizeof text, all, w);
		if (state != MSC_WAIVER_USED)
			put_reason(s->cases, state == MSC_WAIVER_UNTRIED ? "skipped" : "failure",
				   "", text);
		s->untried += state == MSC_WAIVER_UNTRIED;
		fputs("</testcase>\n", s->cases);
	}
	s->waivers = all ? (unsigned)all->count : 0;
}

static void run_begin(struct state *s, const struct msc_event *ev)
{
	snprintf(s->target, sizeof s->target, "%s", ev->device->name);
	s->cases = open_memstream(&s->text, &s->len);
	if (!s->cases)
		s->failed = true;
}

static void event(struct msc_report_run *run, const struct msc_event *ev)
{
	struct state *s = run->state;

	switch (ev->kind) {
	case MSC_EV_RUN_BEGIN:
		run_begin(s, ev);
		break;
	case MSC_EV_RUN_END:
		for (size_t i = 0; i < run->all.n; i++)
			put_case(s, &run->all, &run->all.cases[i]);
		put_waivers(s, run->all.waivers);
		if (ev->summary)
			s->summary = *ev->summary;
		if (ev->reason && !s->reason && !(s->reason = strdup(ev->reason)))
			s->failed = true;
		break;
	case MSC_EV_CASE_BEGIN:
	case MSC_EV_CASE_END:
	case MSC_EV_ESTIMATE:
	case MSC_EV_RECORD:
	case MSC_EV_NOTE:
		break;
	}
}

static int finish(struct msc_report_run *run, int exit_status, struct msc_err *err)
{
	struct state *s = run->state;
	const unsigned *n = s->summary.count;
	unsigned tests = 0, stopped = s->reason != NULL;

	(void)exit_status;
	if (s->failed || (s->cases && (fflush(s->cases) || ferror(s->cases))))
		return msc_nomem(err);
	for (int v = 0; v < MSC_VERDICTS; v++)
		tests += n[v];
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite", run->out);
	put_attribute(run->out, "name", s->target[0] ? s->target : "mscope");
	fprintf(run->out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\"",
		tests + stopped + s->waivers, n[MSC_VERDICT_FAIL] + s->summary.stale,
		n[MSC_VERDICT_ERROR] + stopped,
		n[MSC_VERDICT_SKIP] + n[MSC_VERDICT_WAIVED] + s->untried);
	put_seconds(run->out, s->summary.device_ns);
	fputs(">\n", run->out);
	if (s->text)
		fwrite(s->text, 1, s->len, run->out);
	if (stopped) {
		fputs("    <testcase classname=\"mscope\" name=\"run\"><error", run->out);
		put_attribute(run->out, "message", s->reason);
		fputs("/></testcase>\n", run->out);
	}
	for (size_t i = 0; i < run->all.n_said; i++) {
		fputs(i == 0 ? "    <system-out>" : "\n", run->out);
		msc_put(run->out, MSC_XML, run->all.said[i]);
	}
	fputs(run->all.n_said ? "</system-out>\n" : "", run->out);
	fputs("  </testsuite>\n</testsuites>\n", run->out);
	return 0;
}

static void discard(struct msc_report_run *run)
{
	struct state *s = run->state;

	if (s->cases)
		fclose(s->cases);
	free(s->text);
	free(s->reason);
}

const struct msc_report msc_report_junit = {
	.name = "junit",
	.summary = "JUnit XML, for CI servers",
	.suffix = "xml",
	.state_size = sizeof(struct state),
	.event = event,
	.finish = finish,
	.discard = discard,
};
