/* SPDX-License-Identifier: BSD-2-Clause */
/* Words, labels and evidence of the text report, which its long and its short form share. */
#include <string.h>

#include "base/text.h"
#include "report/text.h"

#define INDENT MSC_TEXT_INDENT
#define LABEL  MSC_TEXT_LABEL

struct look {
	const char *word;
	enum msc_tint tint;
};

static struct look verdict_look(enum msc_verdict verdict)
{
	switch (verdict) {
	case MSC_VERDICT_PASS: return (struct look){ "   ok     ", MSC_TINT_OK };
	case MSC_VERDICT_FAIL: return (struct look){ " FAIL     ", MSC_TINT_FAIL };
	case MSC_VERDICT_WARN: return (struct look){ " warn     ", MSC_TINT_WARN };
	case MSC_VERDICT_SKIP: return (struct look){ " skip     ", MSC_TINT_ASIDE };
	case MSC_VERDICT_WAIVED: return (struct look){ "waived    ", MSC_TINT_ASIDE };
	case MSC_VERDICT_ERROR:
	case MSC_VERDICTS: break;
	}
	return (struct look){ "ERROR     ", MSC_TINT_ERROR };
}

void msc_text_head(struct msc_report_run *run, FILE *out, const char *word, enum msc_tint tint)
{
	msc_put_tinted(out, run->context->color, tint, word);
}

void msc_text_verdict(struct msc_report_run *run, FILE *out, enum msc_verdict verdict)
{
	struct look look = verdict_look(verdict);

	msc_text_head(run, out, look.word, look.tint);
}

void msc_text_labelled(FILE *out, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(out, "%*s%-*s", INDENT, "", LABEL, label);
	msc_put_wrapped(out, INDENT + LABEL, INDENT + LABEL, text);
	putc('\n', out);
}

/* The case is of a test description, or the rule is, and what was sent is not. */
void msc_text_test(FILE *out, const struct msc_finding *f)
{
	const char *td = f->spec ? strstr(f->spec, "TD") : NULL;
	char text[128] = "no USB-IF test sends this";

	if (!f->test)
		return;
	if (strcmp(f->test, MSC_NO_TEST) != 0)
		snprintf(text, sizeof text, "%s", f->test);
	else if (td)
		snprintf(text, sizeof text, "no USB-IF test sends this; %.*s has this rule",
			 (int)strcspn(td, "; ,"), td);
	msc_text_labelled(out, "USB-IF:", text);
}

void msc_text_evidence(FILE *out, const struct msc_finding *f)
{
	msc_text_labelled(out, "sent:", f->context);
	msc_text_labelled(out, "seen:", f->message);
	msc_text_labelled(out, "expected:", f->expected);
	msc_text_labelled(out, "actual:", f->actual);
	msc_text_labelled(out, "host:", f->host);
}

void msc_text_command(struct msc_report_run *run, FILE *out, const struct msc_cause *cause,
		      const struct msc_finding *f, const char *name)
{
	const struct msc_report_context *c = run->context;
	const char *before = cause ? cause->before : NULL;
	enum msc_repeats repeats = MSC_REPEATS_UNTRIED;
	bool sure = cause && cause->alone_is_sure;

	if (!c->repeat || !name)
		return;
	if (c->repeats && f)
		repeats = c->repeats(c->repeats_user, name, f->rule, &before);
	sure |= repeats == MSC_REPEATS_ALONE || repeats == MSC_REPEATS_AFTER;
	if (repeats == MSC_REPEATS_NOT)
		msc_text_labelled(out, "together:", "the case shows it only among all that ran");
	fprintf(out, "%*s%-*s %s", INDENT, "", LABEL - 1,
		cause && sure && repeats != MSC_REPEATS_NOT ? "alone:" : "to repeat:", c->repeat);
	if (repeats == MSC_REPEATS_NOT)
		fputs(c->selected ? c->selected : "", out);
	else if (before)
		fprintf(out, " --select %s --select %s", before, name);
	else
		fprintf(out, " --select %s", name);
	fprintf(out, "%s\n", c->verbosity >= 2 ? "" : " -vv");
}
