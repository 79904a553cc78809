/* SPDX-License-Identifier: BSD-2-Clause */
/* What a person reads: the causes first, then what no cause explains, then a line for each case that
 * is not ok and each reason of a skip; with -v every case, its evidence and the command that repeats
 * it. The last line counts everything. So all but the head is written when the run ends; a terminal
 * shows its progress meanwhile. Times are the target's clock's. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/text.h"

#define INDENT	   MSC_TEXT_INDENT
#define LABEL	   MSC_TEXT_LABEL
#define BODY	   40 /* where the first line of evidence begins, beside the name */
#define DATA_SHOWN 64	/* bytes of a buffer at verbosity 1 */
#define DATA_ALL   4096 /* and at 2 */

struct held { /* what must wait until the verdict has been written */
	FILE *stream;
	char *text;
	size_t len;
};

struct state {
	bool failed; /* memory ran out */
	struct held exchanges, notes;
	bool began_cases, in_case;
	struct held body; /* of all cases: the causes come before it */
	char *last_skip; /* the reason of the case before, when that was skipped */
	bool *explained; /* by the place of a rule in msc_rules */
};

static void hold(struct state *s, struct held *h)
{
	h->stream = open_memstream(&h->text, &h->len);
	if (!h->stream)
		s->failed = true;
}

/* Writes what was held, if wanted, and forgets it. */
static void let_go(struct state *s, struct held *h, FILE *out)
{
	if (h->stream && !msc_text_end(h->stream, &h->text))
		s->failed = true;
	if (out && h->text)
		fwrite(h->text, 1, h->len, out);
	free(h->text);
	*h = (struct held){ NULL };
}

static void run_begin(struct msc_report_run *run, const struct msc_event *ev)
{
	const struct msc_device *d = ev->device;
	unsigned column;

	if (run->context->verbosity < 0)
		return;
	fputs("target    ", run->out);
	column = msc_put_wrapped(run->out, INDENT, INDENT, d->name);
	if (d->simulated) {
		msc_put_beside(run->out, column, column + 3, INDENT, "(simulated, virtual time)");
	} else {
		char what[256];

		snprintf(what, sizeof what, "(%s speed%s%s%s%s)", msc_speed_name(d->speed),
			 d->serial[0] ? ", serial " : "", d->serial, d->host[0] ? ", on " : "",
			 d->host);
		msc_put_beside(run->out, column, column + 3, INDENT, what);
	}
	fprintf(run->out, "\nprofile   %s\n", msc_profile_names[ev->profile]);
}

static void put_line(FILE *out, const char *head, const char *text)
{
	fprintf(out, "%*s", INDENT, "");
	fputs(head, out);
	msc_put_wrapped(out, INDENT + (unsigned)strlen(head), INDENT, text);
	putc('\n', out);
}

/* Of what was put back, or was not, and of units that were left out, nothing is silenced. */
static void note(struct msc_report_run *run, const char *text, bool always)
{
	struct state *s = run->state;
	int verbosity = run->context->verbosity;
	bool later = s->in_case && verbosity > 0;
	FILE *out = later ? s->notes.stream : s->began_cases ? s->body.stream : run->out;

	if ((!always && (verbosity < 0 || (s->in_case && verbosity < 1))) || !out)
		return;
	if (later) {
		put_line(out, "note: ", text);
		return;
	}
	fputs("note      ", out);
	msc_put_wrapped(out, INDENT, INDENT, text);
	putc('\n', out);
}

/* How many findings of this rule there are, and whether an earlier one has been shown. */
static size_t count_rule(const struct msc_findings *all, size_t at, bool *first)
{
	size_t count = 0;

	*first = true;
	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i].rule != all->list[at].rule)
			continue;
		count++;
		if (i < at)
			*first = false;
	}
	return count;
}

/* What a rule demands, and why, is said once; a note of a rule that has been explained is short. */
static bool is_explained(struct state *s, const struct msc_rule *rule)
{
	size_t at = 0;
	bool was;

	if (!s->explained)
		s->explained = calloc(msc_rule_count, sizeof *s->explained);
	if (!s->explained) {
		s->failed = true;
		return false;
	}
	while (at < msc_rule_count && msc_rules[at] != rule)
		at++;
	if (at == msc_rule_count)
		return false;
	was = s->explained[at];
	s->explained[at] = true;
	return was;
}

/* One rule's findings; column is where the line stands, 0 at its beginning. */
static void put_rule(struct msc_report_run *run, FILE *out, const struct msc_event *ev, size_t at,
		     unsigned column)
{
	const struct msc_finding *f = &ev->findings->list[at];
	bool said = f->severity == (ev->verdict == MSC_VERDICT_FAIL ? MSC_FAIL : MSC_WARN);
	bool explained = is_explained(run->state, f->rule);
	char head[256];
	bool first;
	size_t count = count_rule(ev->findings, at, &first);

	snprintf(head, sizeof head, "%s%s%s: %s", said ? "" : msc_severity_name(f->severity),
		 said ? "" : ": ", f->rule->id, f->spec);
	if (column && column < BODY && BODY + strlen(head) < 80) {
		fprintf(out, "%*s", (int)(BODY - column), "");
		msc_put(out, MSC_PLAIN, head);
		putc('\n', out);
	} else {
		if (column)
			putc('\n', out);
		put_line(out, "", head);
	}
	if (f->above) {
		snprintf(head, sizeof head, "as above, in %s", f->above);
		msc_text_labelled(out, "seen:", head);
		return;
	}
	if (f->severity > MSC_NOTE || !explained) {
		msc_text_evidence(out, f);
		msc_text_test(out, f);
	} else
		msc_text_labelled(out, "seen:", f->message);
	if (count > 1)
		fprintf(out, "%*sand %zu more like it\n", INDENT, "", count - 1);
	if (!explained) {
		msc_text_labelled(out, "demand:", f->rule->title);
		msc_text_labelled(out, "why:", f->rule->why);
		msc_text_labelled(out, "mistake:", f->rule->mistake);
	}
}

/* The worst first; notes only when asked for. */
static void put_findings(struct msc_report_run *run, FILE *out, const struct msc_event *ev,
			 unsigned column)
{
	const struct msc_findings *all = ev->findings;
	int least = run->context->verbosity > 0 ? MSC_NOTE : MSC_WARN;

	for (int severity = MSC_FAIL; all && severity >= least; severity--) {
		for (size_t i = 0; i < all->count; i++) {
			bool first;

			if ((int)all->list[i].severity != severity)
				continue;
			count_rule(all, i, &first);
			if (!first)
				continue;
			put_rule(run, out, ev, i, column);
			column = 0;
		}
	}
	if (column)
		putc('\n', out);
}

/* The reason of a skip; many in a row for one reason say it once. */
static const char *skip_reason(struct state *s, const struct msc_event *ev)
{
	bool same = ev->verdict == MSC_VERDICT_SKIP && ev->reason && s->last_skip &&
		    !strcmp(ev->reason, s->last_skip);

	if (same)
		return "as above";
	free(s->last_skip);
	s->last_skip = ev->verdict == MSC_VERDICT_SKIP && ev->reason ? strdup(ev->reason) : NULL;
	return ev->reason;
}

/* Returns the column that is reached; 0: the line is complete. */
static unsigned put_verdict(struct msc_report_run *run, FILE *out, const struct msc_event *ev)
{
	const char *name = msc_scenario_name(ev->scenario);
	unsigned column = INDENT + (unsigned)strlen(name);
	const char *text = skip_reason(run->state, ev);

	msc_text_verdict(run, out, ev->verdict);
	msc_put(out, MSC_PLAIN, name);
	if (!text && run->context->verbosity > 0)
		text = msc_scenario_title(ev->scenario);
	if (!text)
		return column;
	msc_put_beside(out, column, column < BODY - 2 ? BODY : column + 2, INDENT, text);
	putc('\n', out);
	return 0;
}

/* Only a reader who asks for it gets every case; the others are told the causes and what is left. */
static void case_end(struct msc_report_run *run, const struct msc_event *ev)
{
	struct state *s = run->state;
	int verbosity = run->context->verbosity;
	bool good = ev->verdict == MSC_VERDICT_PASS || ev->verdict == MSC_VERDICT_SKIP;
	bool show = verbosity >= 2 || (verbosity == 1 && !good);
	FILE *out = s->body.stream;

	s->in_case = false;
	if (verbosity > 0 && out) {
		put_findings(run, out, ev, put_verdict(run, out, ev));
		let_go(s, &s->notes, out);
		if (!good)
			msc_text_command(run, out, NULL, msc_report_worst(ev->findings),
					 msc_scenario_name(ev->scenario));
		let_go(s, &s->exchanges, show ? out : NULL);
	}
	let_go(s, &s->notes, NULL);
	let_go(s, &s->exchanges, NULL);
}

static void case_begin(struct state *s)
{
	if (!s->began_cases)
		hold(s, &s->body);
	s->in_case = s->began_cases = true;
	hold(s, &s->exchanges);
	hold(s, &s->notes);
}

static void stopped(struct msc_report_run *run, const char *reason)
{
	msc_text_head(run, run->out, "stopped   ", MSC_TINT_WARN);
	msc_put_wrapped(run->out, INDENT, INDENT, reason);
	putc('\n', run->out);
}

static bool has_run(const struct msc_summary *s)
{
	unsigned ran = 0;

	for (size_t v = 0; v < MSC_VERDICTS; v++)
		ran += v == MSC_VERDICT_SKIP ? 0 : s->count[v];
	return ran != 0;
}

/* Why nothing has run comes before what has not. */
static void run_end(struct msc_report_run *run, const struct msc_event *ev)
{
	struct state *s = run->state;
	bool none_ran = ev->summary && !has_run(ev->summary);

	if (ev->reason && none_ran)
		stopped(run, ev->reason);
	msc_text_causes(run);
	msc_text_waivers(run);
	if (run->context->verbosity == 0)
		msc_text_cases(run);
	let_go(s, &s->body, run->out);
	if (run->context->verbosity == 0)
		msc_text_skips(run);
	if (ev->reason && !none_ran)
		stopped(run, ev->reason);
	if (!run->all.began || !ev->summary)
		return;
	msc_report_counts(run->out, run, ev->summary);
	putc('\n', run->out);
}

static void event(struct msc_report_run *run, const struct msc_event *ev)
{
	struct state *s = run->state;

	switch (ev->kind) {
	case MSC_EV_RUN_BEGIN:
		run_begin(run, ev);
		break;
	case MSC_EV_CASE_BEGIN:
		case_begin(s);
		break;
	case MSC_EV_RECORD:
		if (run->context->verbosity > 0 && s->exchanges.stream)
			msc_print_record(s->exchanges.stream, ev->record, "  ",
					 run->context->verbosity > 1 ? DATA_ALL : DATA_SHOWN);
		break;
	case MSC_EV_NOTE:
		note(run, ev->text, ev->safety || ev->untested);
		break;
	case MSC_EV_CASE_END:
		case_end(run, ev);
		break;
	case MSC_EV_RUN_END:
		run_end(run, ev);
		break;
	case MSC_EV_ESTIMATE:
		break;
	}
}

static int finish(struct msc_report_run *run, int exit_status, struct msc_err *err)
{
	struct state *s = run->state;

	(void)exit_status;
	return s->failed ? msc_nomem(err) : 0;
}

static void discard(struct msc_report_run *run)
{
	struct state *s = run->state;

	let_go(s, &s->exchanges, NULL);
	let_go(s, &s->notes, NULL);
	free(s->last_skip);
	free(s->explained);
	let_go(s, &s->body, NULL);
}

const struct msc_report msc_report_text = {
	.name = "text",
	.summary = "for people",
	.suffix = "txt",
	.state_size = sizeof(struct state),
	.event = event,
	.finish = finish,
	.discard = discard,
};

char *msc_short_ns(char buf[8], int64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double v = (double)ns;
	size_t u = 0;

	while (u + 1 < MSC_COUNT(units) && v >= 999.5)
		v /= 1000, u++;
	if (u == 3 && v >= 9999.5)
		snprintf(buf, 8, "%.1e", v);
	else
		snprintf(buf, 8, "%.*f%s",
			 u == 0 || v >= 99.95 ? 0
			 : v >= 9.995         ? 1
					      : 2,
			 v, units[u]);
	return buf;
}
