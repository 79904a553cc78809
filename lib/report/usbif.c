/* SPDX-License-Identifier: BSD-2-Clause */
/* One page by test description of USB-IF (TD): which passed, which failed, which did not run, and which are
 * reconstructed. All that the program carries are there, whatever was selected. */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define TEXT  26 /* column where the title or the reason begins */
#define TESTS_MAX 64

struct test { /* a test description */
	const char *name; /* "TD1.9" */
	bool reconstructed;
	const char *title;	/* of its first scenario */
	size_t scenarios, done; /* carried; run to their end */
	enum msc_verdict worst; /* of those */
	const struct msc_report_case
		*shows; /* the first as bad as that, or the first that did not run */
};

struct tests {
	struct test list[TESTS_MAX];
	size_t n;
};

static bool is_test(const char *tag)
{
	return !strncmp(tag, "TD", 2);
}

static struct test *find(struct tests *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->list[i].name, name))
			return &all->list[i];
	return NULL;
}

/* "TD1.9" before "TD1.10". */
static int by_number(const void *a, const void *b)
{
	return strverscmp(((const struct test *)a)->name, ((const struct test *)b)->name);
}

static void add_scenario(struct tests *all, const struct msc_scenario *s)
{
	const char *evidence = msc_scenario_evidence(s);
	struct test *t;

	for (const char *const *tag = msc_scenario_tags(s); *tag; tag++) {
		if (!is_test(*tag))
			continue;
		t = find(all, *tag);
		if (!t && all->n < TESTS_MAX) {
			t = &all->list[all->n++];
			*t = (struct test){ .name = *tag, .title = msc_scenario_title(s) };
		}
		if (!t)
			continue;
		t->scenarios++;
		t->reconstructed |= evidence && strcmp(evidence, "confirmed") != 0;
	}
}

/* How bad a verdict is for a test. */
static int badness(enum msc_verdict v)
{
	static const int order[MSC_VERDICTS] = {
		[MSC_VERDICT_PASS] = 0, [MSC_VERDICT_WARN] = 1,  [MSC_VERDICT_WAIVED] = 2,
		[MSC_VERDICT_SKIP] = 3, [MSC_VERDICT_ERROR] = 4, [MSC_VERDICT_FAIL] = 5
	};

	return order[v];
}

/* False: the case belongs to no test description. */
static bool add_case(struct tests *all, const struct msc_report_case *c)
{
	bool any = false;

	for (const char *const *tag = msc_scenario_tags(c->scenario); *tag; tag++) {
		struct test *t = is_test(*tag) ? find(all, *tag) : NULL;

		if (!t)
			continue;
		any = true;
		t->done += c->verdict != MSC_VERDICT_SKIP && c->verdict != MSC_VERDICT_ERROR;
		if (!t->shows || badness(c->verdict) > badness(t->worst)) {
			t->worst = c->verdict;
			t->shows = c;
		}
	}
	return any;
}

enum outcome { PASSED, FAILED, WAIVED, PARTLY, NOT_RUN, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = { "passed", "FAILED", "waived", "in part",
						     "not run" };

static enum outcome outcome_of(const struct test *t)
{
	if (t->shows && t->worst == MSC_VERDICT_FAIL)
		return FAILED;
	if (t->shows && t->worst == MSC_VERDICT_WAIVED)
		return WAIVED;
	if (t->done >= t->scenarios)
		return PASSED;
	return t->done ? PARTLY : NOT_RUN;
}

static void put_line(FILE *out, unsigned column, const char *text)
{
	msc_put_wrapped(out, column, TEXT, text);
	putc('\n', out);
}

static void put_more(FILE *out, const char *text)
{
	fprintf(out, "%*s", TEXT, "");
	put_line(out, TEXT, text);
}

static void put_failure(FILE *out, const struct msc_report_all *all, const struct test *t)
{
	const struct msc_finding *f = msc_report_worst(&t->shows->findings);
	char *cause = msc_report_causes(all, t->shows), *text = NULL;

	if (f && asprintf(&text, "%s: %s (%s)", msc_scenario_name(t->shows->scenario), f->message,
			  f->spec) >= 0)
		put_more(out, text);
	free(text);
	if (cause && asprintf(&text, "cause: %s", cause) >= 0) {
		put_more(out, text);
		free(text);
	}
	free(cause);
}

static void put_test(FILE *out, const struct msc_report_all *all, const struct test *t)
{
	enum outcome outcome = outcome_of(t);

	fprintf(out, "%-8s%-9s%-9s", t->name, outcome_names[outcome],
		t->reconstructed ? "(recon.)" : "");
	put_line(out, TEXT, t->title);
	if (outcome == FAILED)
		put_failure(out, all, t);
}

/* Why a test did not run, or not all of it, or is waived; NULL: it is none of these. */
static const char *reason_of(const struct test *t)
{
	enum outcome outcome = outcome_of(t);

	if (outcome == PASSED || outcome == FAILED)
		return NULL;
	return t->shows && t->shows->reason ? t->shows->reason : "it was not selected";
}

/* Each reason once, with the tests that it is of. */
static void put_reasons(FILE *out, const struct tests *all)
{
	unsigned column;

	for (size_t i = 0; i < all->n; i++) {
		const char *reason = reason_of(&all->list[i]);
		size_t first = 0;

		while (reason && (!reason_of(&all->list[first]) ||
				  strcmp(reason_of(&all->list[first]), reason) != 0))
			first++;
		if (!reason || first < i)
			continue;
		column = msc_put_wrapped(out, 0, 8, all->list[i].name);
		for (size_t k = i + 1; k < all->n; k++) {
			const char *other = reason_of(&all->list[k]);

			if (!other || strcmp(other, reason) != 0)
				continue;
			putc(',', out);
			column = msc_put_beside(out, column + 1, column + 2, 8, all->list[k].name);
		}
		putc(':', out);
		msc_put_beside(out, column + 1, column + 2, 8, reason);
		putc('\n', out);
	}
}

static void put_total(FILE *out, const struct tests *tests, unsigned others)
{
	unsigned n[OUTCOMES] = { 0 }, reconstructed = 0;

	for (size_t i = 0; i < tests->n; i++) {
		n[outcome_of(&tests->list[i])]++;
		reconstructed += tests->list[i].reconstructed;
	}
	fprintf(out, "%zu test descriptions: %u passed, %u failed, %u run in part, %u not run",
		tests->n, n[PASSED], n[FAILED], n[PARTLY], n[NOT_RUN]);
	if (n[WAIVED])
		fprintf(out, ", %u waived", n[WAIVED]);
	fputs(".\n", out);
	if (others)
		fprintf(out, "%u case%s failed that no test description is about.\n", others,
			MSC_PLURAL(others));
	if (reconstructed)
		fprintf(out, "(recon.) %u are reconstructed: their full text is not public.\n",
			reconstructed);
	fputs("This is not a certification by the USB-IF.\n", out);
}

static void put_head(struct msc_report_run *run, const struct msc_event *ev)
{
	fputs("Test descriptions of USB-IF, mass storage compliance\n", run->out);
	if (run->all.began) {
		fputs("device  ", run->out);
		msc_put(run->out, MSC_PLAIN, run->all.target);
		fprintf(run->out, "\nprofile %s%s\n", msc_profile_names[run->all.profile],
			run->all.profile == MSC_PROFILE_USBIF
				? ""
				: ", not usbif: other verdicts than those of USB-IF");
	}
	if (ev->reason) {
		fputs("stopped ", run->out);
		msc_put_wrapped(run->out, 8, 8, ev->reason);
		putc('\n', run->out);
	}
	putc('\n', run->out);
}

static void put_page(struct msc_report_run *run, const struct msc_event *ev)
{
	struct msc_scenarios carried = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct tests tests = { .n = 0 };
	unsigned others = 0;

	if (msc_scenarios_load_embedded(&carried, &err) < 0)
		run->all.failed = true;
	for (size_t i = 0; i < carried.count; i++)
		add_scenario(&tests, carried.list[i]);
	qsort(tests.list, tests.n, sizeof *tests.list, by_number);
	for (size_t i = 0; i < run->all.n; i++)
		if (!add_case(&tests, &run->all.cases[i]))
			others += run->all.cases[i].verdict == MSC_VERDICT_FAIL;
	put_head(run, ev);
	for (size_t i = 0; i < tests.n; i++)
		put_test(run->out, &run->all, &tests.list[i]);
	putc('\n', run->out);
	put_reasons(run->out, &tests);
	put_total(run->out, &tests, others);
	for (size_t i = 0; i < run->all.n_said; i++) {
		fputs("note    ", run->out);
		msc_put_wrapped(run->out, 8, 8, run->all.said[i]);
		putc('\n', run->out);
	}
	msc_scenarios_free(&carried);
}

static void event(struct msc_report_run *run, const struct msc_event *ev)
{
	if (ev->kind == MSC_EV_RUN_END)
		put_page(run, ev);
}

const struct msc_report msc_report_usbif = {
	.name = "usbif",
	.summary = "one page by test description of USB-IF",
	.suffix = "txt",
	.event = event,
};
