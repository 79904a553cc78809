/* SPDX-License-Identifier: BSD-2-Clause */
/* The history for people, within 80 columns. The verdict comes first on its line. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "report/series.h"

#define COLUMN 32 /* of what is said beside a run's name */

static const char *name_at(const struct msc_series *h, const struct msc_series_run *r, size_t i)
{
	return h->entry[r->entry[i]].name;
}

static void put_head(FILE *out, const struct msc_series_report *r)
{
	const struct msc_series *h = r->history;
	char text[600];

	fputs("history   ", out);
	msc_put(out, MSC_PLAIN, r->directory);
	fprintf(out, ": %zu bench%s", h->used, h->used == 1 ? "" : "es");
	if (h->used < h->n)
		fprintf(out, " of %zu", h->n);
	putc('\n', out);
	for (size_t i = 0; i < h->n; i++) {
		if (!h->entry[i].left_out[0])
			continue;
		snprintf(text, sizeof text, "%.200s: %s", h->entry[i].name, h->entry[i].left_out);
		fputs("left out  ", out);
		msc_put_wrapped(out, 10, 10, text);
		putc('\n', out);
	}
	putc('\n', out);
}

static void put_change(FILE *out, const struct msc_series *h, const struct msc_series_run *r,
		       const struct msc_change_point *p, bool color)
{
	char before[24], after[24], text[900], name[64];

	snprintf(text, sizeof text, "%+.1f %%, %s -> %s from %.200s on", 100 * p->shift,
		 msc_format_ns(before, sizeof before, (int64_t)p->before),
		 msc_format_ns(after, sizeof after, (int64_t)p->after), name_at(h, r, p->at));
	if (p->first < p->last)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 " (with 95 %% one of %.200s to %.200s)", name_at(h, r, p->first),
			 name_at(h, r, p->last));
	if (p->gradual)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "; it came bit by bit rather than at once");
	msc_put_tinted(out, color, p->shift > 0 ? MSC_TINT_FAIL : MSC_TINT_OK,
		       p->shift > 0 ? " SLOWER  " : " faster  ");
	fprintf(out, "%-22s ", msc_bench_run_name(name, sizeof name, r->like));
	msc_put_wrapped(out, COLUMN, COLUMN, text);
	putc('\n', out);
}

static void put_steady(FILE *out, const struct msc_series_run *r, bool color)
{
	char text[200], name[64];

	if (r->n < MSC_POINT_LEAST)
		snprintf(text, sizeof text, "not enough benches: %zu of at least %d", r->n,
			 MSC_POINT_LEAST);
	else if (r->change == MSC_CHANGE_UNKNOWN)
		snprintf(text, sizeof text,
			 "not enough benches: they scatter by %.1f %%, so a change of less than "
			 "%.0f %% would not be seen",
			 100 * r->points.scatter, 100 * r->points.detectable);
	else
		snprintf(text, sizeof text, "%zu benches scatter by %.1f %%", r->n,
			 100 * r->points.scatter);
	if (r->change == MSC_CHANGE_UNKNOWN)
		msc_put_tinted(out, color, MSC_TINT_WARN, "      ?  ");
	else
		fputs("     ok  ", out);
	fprintf(out, "%-22s ", msc_bench_run_name(name, sizeof name, r->like));
	msc_put_wrapped(out, COLUMN, COLUMN, text);
	putc('\n', out);
}

static void put_verdict(FILE *out, const struct msc_series *h)
{
	static const char *const words[] = { "no change", "slower", "faster", "unknown" };
	unsigned count[MSC_COUNT(words)] = { 0 };
	const char *comma = "";

	for (size_t i = 0; i < h->n_runs; i++)
		count[h->run[i].change]++;
	for (size_t i = 0; i < MSC_COUNT(words); i++) {
		if (!count[i])
			continue;
		fprintf(out, "%s%u %s", comma, count[i], words[i]);
		comma = ", ";
	}
	fprintf(out, "; more than %g %% counts", 100 * h->threshold);
	if (msc_series_verdict(h) == MSC_CHANGE_UNKNOWN && msc_series_needed(h))
		fprintf(out, "; no verdict: about %zu benches would do", msc_series_needed(h));
	putc('\n', out);
}

void msc_series_print(FILE *out, const struct msc_series_report *r)
{
	const struct msc_series *h = r->history;

	put_head(out, r);
	for (size_t i = 0; i < h->n_runs; i++) {
		const struct msc_series_run *run = &h->run[i];

		if (!run->points.n)
			put_steady(out, run, r->context->color);
		for (size_t k = 0; k < run->points.n; k++)
			put_change(out, h, run, &run->points.point[k], r->context->color);
	}
	put_verdict(out, h);
}
