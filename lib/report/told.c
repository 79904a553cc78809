/* SPDX-License-Identifier: BSD-2-Clause */
/* What several formats say of a run in the same words. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/report.h"

const struct msc_finding *msc_report_worst(const struct msc_findings *all)
{
	const struct msc_finding *worst = NULL;

	for (size_t i = 0; all && i < all->count; i++)
		if (!worst || all->list[i].severity > worst->severity)
			worst = &all->list[i];
	return worst;
}

static bool is_skip_for(const struct msc_report_case *c, const char *reason)
{
	return c->verdict == MSC_VERDICT_SKIP && !strcmp(c->reason ? c->reason : "", reason);
}

unsigned msc_report_skips(const struct msc_report_all *all, const struct msc_report_case *c)
{
	const char *reason = c->reason ? c->reason : "";
	unsigned n = 0;

	if (c->verdict != MSC_VERDICT_SKIP)
		return 0;
	for (const struct msc_report_case *other = all->cases; other < all->cases + all->n;
	     other++) {
		if (!is_skip_for(other, reason))
			continue;
		if (other < c)
			return 0;
		n++;
	}
	return n;
}

void msc_report_counts(FILE *out, const struct msc_report_run *run, const struct msc_summary *s)
{
	static const char *const words[MSC_VERDICTS] = {
		[MSC_VERDICT_PASS] = "passed",	 [MSC_VERDICT_FAIL] = "failed",
		[MSC_VERDICT_WARN] = "warned",	 [MSC_VERDICT_SKIP] = "skipped",
		[MSC_VERDICT_ERROR] = "not finished", [MSC_VERDICT_WAIVED] = "waived",
	};
	size_t done = 0;
	char time[24];

	for (int v = 0; v < MSC_VERDICTS; v++) {
		unsigned n = s->count[v];

		done += n;
		if (n || v <= MSC_VERDICT_FAIL)
			fprintf(out, "%s%u %s", v ? ", " : "", n, words[v]);
	}
	if (done < run->all.cases_total)
		fprintf(out, ", %zu not run", run->all.cases_total - done);
	fprintf(out, " in %s of device time", msc_format_ns(time, sizeof time, s->device_ns));
	if (run->context->strict && s->count[MSC_VERDICT_SKIP])
		fputs("; --strict: a skip counts as a failure", out);
}

char *msc_report_cause_names(char *buf, size_t size, const struct msc_cause *c)
{
	*buf = '\0';
	msc_append(buf, size, "%s", c->id);
	for (size_t i = 0; i < c->n_ties; i++)
		msc_append(buf, size, " or %s", c->ties[i]->id);
	return buf;
}

char *msc_report_alone(const struct msc_cause *c, const char *repeat, bool tried)
{
	char *text = NULL;

	if (!repeat || !c->alone || (!c->alone_is_sure && tried))
		return NULL;
	if (asprintf(&text, "%s%s%s --select %s", repeat, c->before ? " --select " : "",
		     c->before ? c->before : "", c->alone) < 0)
		return NULL;
	return text;
}
