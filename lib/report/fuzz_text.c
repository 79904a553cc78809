/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope fuzz for people, within 80 columns: each failure by its cause, the steps that show it, and the
 * command that plays them. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "report/fuzz.h"

#define COLUMN	   12
#define ALSO_SHOWN 6 /* rules; all with -v */

static void print_head(FILE *out, const struct msc_fuzz_report *r)
{
	const struct msc_fuzz *f = r->fuzz;
	char text[320], took[24], places[48] = "";

	fprintf(out, "%-*s", COLUMN, "target");
	msc_put(out, MSC_PLAIN, f->device.name);
	fprintf(out, "%s\n", f->device.simulated ? "   (simulated, virtual time)" : "");
	if (f->places)
		snprintf(places, sizeof places, ", %" PRIu32 " places of the code", f->places);
	snprintf(text, sizeof text,
		 "%" PRIu64 " conversation%s of seed %" PRIu64 " from %" PRIu64 " on, %" PRIu32
		 " kinds of exchange%s, in %s of device time",
		 f->conversations, MSC_PLURAL(f->conversations), f->seed, f->first, f->coverage,
		 places, msc_format_ns(took, sizeof took, f->elapsed_ns));
	msc_put_row(out, COLUMN, "traffic", text);
	if (r->context->verbosity > 0) {
		snprintf(text, sizeof text,
			 "%" PRIu64 " ended before their last step; %" PRIu64
			 " more were run to shrink what failed",
			 f->cut, f->tries);
		msc_put_row(out, COLUMN, "", text);
	}
}

/* As in the file, so that they can be copied; and no wider. */
static void print_steps(FILE *out, const struct msc_fuzz_failure *f)
{
	const char *p = f->text ? strstr(f->text, "\nsteps:\n") : NULL;

	if (!p || !f->repeats)
		return;
	for (p += strlen("\nsteps:\n"); *p;) {
		size_t len = strcspn(p, "\n");

		fprintf(out, "%.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
}

static void print_also(FILE *out, const struct msc_fuzz_report *r, const struct msc_fuzz_failure *f)
{
	size_t shown = r->context->verbosity > 0 || f->n_also <= ALSO_SHOWN ? f->n_also
									    : ALSO_SHOWN;
	char text[1024] = "it also fails ";

	for (size_t i = 0; i < shown; i++)
		msc_append(text, sizeof text, "%s%s%s%s", i ? ", " : "", msc_fuzz_name(&f->also[i]),
			   *f->also[i].command ? " of " : "", f->also[i].command);
	if (f->n_also > shown)
		msc_append(text, sizeof text, ", and %zu more", f->n_also - shown);
	if (f->n_also)
		msc_put_row(out, COLUMN, "", text);
}

static void print_finding(FILE *out, const struct msc_fuzz_failure *f, bool color)
{
	const struct msc_finding *first = f->found.count ? f->found.list : NULL;
	char text[1024];

	snprintf(text, sizeof text, "%s: %s", msc_fuzz_name(&f->what),
		 first            ? first->message
		 : !f->what.rule  ? f->gone
				 : f->what.rule->title);
	if (first && first->expected && first->actual)
		msc_append(text, sizeof text, ": expected %s, actual %s", first->expected,
			   first->actual);
	msc_put_row_tinted(out, color, MSC_TINT_FAIL, COLUMN, f->cause ? "" : "FAIL", text);
}

static void print_failure(FILE *out, const struct msc_fuzz_report *r,
			  const struct msc_fuzz_failure *f)
{
	char text[512];

	if (f->cause) {
		snprintf(text, sizeof text, "%s: %s", f->cause, f->cause_title);
		msc_put_row_tinted(out, r->context->color, MSC_TINT_FAIL, COLUMN, "FAIL", text);
	}
	print_finding(out, f, r->context->color);
	print_also(out, r, f);
	if (f->repeats)
		snprintf(text, sizeof text,
			 "conversation %" PRIu64 ", %u step%s of its %u:", f->conversation,
			 f->steps, MSC_PLURAL(f->steps), f->drawn);
	else
		snprintf(text, sizeof text,
			 "conversation %" PRIu64 "; it has not been seen again by itself",
			 f->conversation);
	msc_put_row(out, COLUMN, "", text);
	print_steps(out, f);
	if (!f->path)
		return;
	fprintf(out, "%-*s%s%s ", COLUMN, "to repeat", r->plays,
		f->writes ? " --allow-writes" : "");
	msc_put_word(out, f->path);
	putc('\n', out);
}

void msc_fuzz_print(FILE *out, const struct msc_fuzz_report *r)
{
	const struct msc_fuzz *f = r->fuzz;

	if (r->context->verbosity < 0 && !r->exit_status)
		return;
	print_head(out, r);
	for (size_t i = 0; i < f->n_failures; i++)
		print_failure(out, r, &f->failures[i]);
	if (*f->reason)
		msc_put_row_tinted(out, r->context->color, MSC_TINT_WARN, COLUMN, "stopped",
				   f->reason);
	if (!f->n_failures && !*f->reason)
		msc_put_row_tinted(out, r->context->color, MSC_TINT_OK, COLUMN, "ok",
				   "no conversation has failed");
	fprintf(out, "%-*s%s --from %" PRIu64 "\n", COLUMN, "to go on", r->repeat,
		f->first + f->conversations);
}
