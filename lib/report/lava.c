/* SPDX-License-Identifier: BSD-2-Clause */
/* LAVA, which runs farms of boards: what it reads from the console of a test shell (lava_dispatcher,
 * actions/test/shell.py). A signal is <LAVA_SIGNAL_NAME parameter...>, a parameter has no blank and no '>'.
 * A result is pass, fail, skip or unknown, and has one measurement: here the device time. What has a warning
 * passes; what is waived is skipped. A name may occur once in a job. The last case is the run itself: it
 * fails when it ended early, or a waiver is expired or unused.
 *
 * The evidence is in lines of text before the signals. */
#include <string.h>

#include "report/report.h"

static const char *const results[MSC_VERDICTS] = {
	[MSC_VERDICT_PASS] = "pass", [MSC_VERDICT_FAIL] = "fail",     [MSC_VERDICT_WARN] = "pass",
	[MSC_VERDICT_SKIP] = "skip", [MSC_VERDICT_ERROR] = "unknown", [MSC_VERDICT_WAIVED] = "skip",
};

/* The names of LAVA's results are slugs. */
static void put_name(FILE *out, const char *name)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	for (; *name; name++)
		putc(strchr(plain, *name) ? *name : '_', out);
}

/* How many cases before this one have its name. */
static unsigned before(const struct msc_report_all *all, const struct msc_report_case *c)
{
	unsigned n = 0;

	for (const struct msc_report_case *other = all->cases; other < c; other++)
		n += !strcmp(msc_scenario_name(other->scenario), msc_scenario_name(c->scenario));
	return n;
}

static void put_line(FILE *out, const char *label, const char *text)
{
	if (!text)
		return;
	fprintf(out, "%s: ", label);
	msc_put(out, MSC_LAVA, text);
	putc('\n', out);
}

static void put_evidence(FILE *out, const struct msc_report_all *all,
			 const struct msc_report_case *c)
{
	for (size_t i = 0; i < c->findings.count; i++) {
		const struct msc_finding *f = &c->findings.list[i];
		const struct msc_cause *cause = msc_report_cause(all, c, f);

		if (f->severity == MSC_NOTE)
			continue;
		fprintf(out, "%s: %s (%s)\n", msc_severity_name(f->severity), f->rule->id, f->spec);
		put_line(out, "  sent", f->context);
		put_line(out, "  seen", f->message);
		put_line(out, "  expected", f->expected);
		put_line(out, "  actual", f->actual);
		put_line(out, "  cause", cause ? cause->id : NULL);
	}
	put_line(out, msc_verdict_name(c->verdict), c->reason);
}

static void put_case(FILE *out, const struct msc_report_all *all, const struct msc_report_case *c)
{
	unsigned earlier = before(all, c);

	put_evidence(out, all, c);
	fputs("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=", out);
	put_name(out, msc_scenario_name(c->scenario));
	if (earlier)
		fprintf(out, "-%u", earlier + 1);
	fprintf(out, " RESULT=%s", results[c->verdict]);
	if (c->verdict != MSC_VERDICT_SKIP && c->verdict != MSC_VERDICT_WAIVED)
		fprintf(out, " MEASUREMENT=%lld.%09lld UNITS=s", (long long)(c->device_ns / MSC_S),
			(long long)(c->device_ns % MSC_S));
	fputs(">\n", out);
}

static void event(struct msc_report_run *run, const struct msc_event *ev)
{
	const struct msc_waivers *waivers = run->all.waivers;
	char text[640];

	if (ev->kind != MSC_EV_RUN_END)
		return;
	for (size_t i = 0; i < run->all.n; i++)
		put_case(run->out, &run->all, &run->all.cases[i]);
	put_line(run->out, "stopped", ev->reason);
	for (size_t i = 0; i < run->all.n_said; i++)
		put_line(run->out, "note", run->all.said[i]);
	for (size_t i = 0; waivers && i < waivers->count; i++)
		put_line(run->out,
			 msc_waiver_state_name(msc_waiver_state(waivers, &waivers->list[i])),
			 msc_waiver_text(text, sizeof text, waivers, &waivers->list[i]));
	fprintf(run->out, "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=mscope.run RESULT=%s>\n",
		ev->reason || run->all.n < run->all.cases_total || msc_waivers_stale(waivers)
			? "fail"
			: "pass");
}

const struct msc_report msc_report_lava = {
	.name = "lava",
	.summary = "signals of LAVA test cases, for farms of boards",
	.suffix = "lava",
	.event = event,
};
