/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope soak for people, within 80 columns: what was done, what the wrong blocks have in common, then
 * the first of them. */
#include <inttypes.h>

#include "base/text.h"
#include "report/soak.h"

#define COLUMN	   12
#define SHOWN	   8 /* wrong blocks; all with -v */
#define MIB(bytes) ((double)(bytes) / (1 << 20))

static void print_head(FILE *out, const struct msc_soak_report *r)
{
	const struct msc_device *d = r->device;
	const struct msc_soak *s = r->soak;
	char text[320], took[24], from[40] = "";

	fprintf(out, "%-*s", COLUMN, "target");
	msc_put(out, MSC_PLAIN, d->name);
	fprintf(out, "%s\n", d->simulated ? "   (simulated, virtual time)" : "");
	if (s->from)
		snprintf(from, sizeof from, ", from round %" PRIu64, s->from);
	snprintf(text, sizeof text,
		 "blocks %" PRIu64 " to %" PRIu64 " (%.1f MiB); seed %" PRIu64 "%s", s->first,
		 s->first + s->blocks - 1, MIB((uint64_t)s->blocks * s->block_size), s->seed, from);
	msc_put_row(out, COLUMN, "range", text);
	msc_format_ns(took, sizeof took, s->elapsed_ns);
	snprintf(text, sizeof text,
		 "%.1f MiB written in %" PRIu32 " commands, %.1f MiB read and compared in %" PRIu32
		 ": %.1f MiB in both directions, in %s of device time",
		 MIB(s->bytes_written), s->writes, MIB(s->bytes_read), s->reads,
		 MIB(s->bytes_written + s->bytes_read), took);
	msc_put_row(out, COLUMN, "traffic", text);
	if (s->power == MSC_SOAK_POWER_CYCLED)
		msc_put_row(out, COLUMN, "power",
			    s->flushed ? "off and on, after SYNCHRONIZE CACHE; all read again"
				       : "off and on; all read again");
	else if (s->power == MSC_SOAK_POWER_SKIPPED)
		msc_put_row(out, COLUMN, "skip", s->power_why);
}

static void print_kinds(FILE *out, const struct msc_soak *s, bool color)
{
	char text[256] = "", often[96] = "", all[448];
	size_t n = 0;

	for (int k = 0; k < MSC_SOAK_KINDS; k++)
		if (s->count[k])
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%" PRIu32 " %s",
					      n ? ", " : "", s->count[k], msc_soak_kind_names[k]);
	if (s->n_wrong != s->wrong_blocks)
		snprintf(often, sizeof often,
			 ", %" PRIu32 " times in all, once for each write of %s", s->n_wrong,
			 s->wrong_blocks == 1 ? "it" : "them");
	snprintf(all, sizeof all, "%" PRIu32 " block%s not as %s should be%s: %s", s->wrong_blocks,
		 s->wrong_blocks == 1 ? " is" : "s are", s->wrong_blocks == 1 ? "it" : "they",
		 often, text);
	msc_put_row_tinted(out, color, MSC_TINT_FAIL, COLUMN, "FAIL", all);
}

static void print_failed(FILE *out, const struct msc_soak *s, bool color)
{
	char text[400];

	for (int end = 0; end < MSC_SOAK_ENDS; end++)
		for (int write = 0; write < 2; write++)
			if (!msc_soak_failed_text(text, sizeof text, s, (enum msc_soak_end)end,
						  write))
				continue;
			else if (end == MSC_SOAK_LIMITED)
				msc_put_row(out, COLUMN, "limit", text);
			else
				msc_put_row_tinted(out, color, MSC_TINT_FAIL, COLUMN, "FAIL", text);
}

static void print_wrong(FILE *out, const struct msc_soak_report *r)
{
	const struct msc_soak *s = r->soak;
	uint32_t shown = r->context->verbosity > 0 ? s->n_kept : SHOWN;
	char text[320];

	if (shown > s->n_kept)
		shown = s->n_kept;
	for (uint32_t i = 0; i < shown; i++)
		msc_put_row(out, COLUMN, "", msc_soak_text(text, sizeof text, &s->wrong[i]));
	if (s->n_wrong > shown) {
		snprintf(text, sizeof text, "and %" PRIu32 " more%s", s->n_wrong - shown,
			 s->n_kept > shown ? "; -v shows them" : "");
		msc_put_row(out, COLUMN, "", text);
	}
}

void msc_soak_print(FILE *out, const struct msc_soak_report *r)
{
	const struct msc_soak *s = r->soak;
	bool color = r->context->color;
	char units[MSC_UNITS_TEXT];

	if (r->context->verbosity < 0 && !r->exit_status)
		return;
	print_head(out, r);
	if (*s->failure)
		msc_put_row_tinted(out, color, MSC_TINT_FAIL, COLUMN, "FAIL", s->failure);
	print_failed(out, s, color);
	if (r->reason && *r->reason)
		msc_put_row_tinted(out, color, MSC_TINT_WARN, COLUMN, "stopped", r->reason);
	if (!r->restored)
		msc_put_row_tinted(out, color, MSC_TINT_FAIL, COLUMN, "FAIL",
				   "the medium is not as it was found");
	else if (r->elsewhere)
		msc_put_row_tinted(out, color, MSC_TINT_FAIL, COLUMN, "FAIL",
				   "blocks have changed that nobody wrote; they are put back");
	if (s->n_wrong) {
		print_kinds(out, s, color);
		for (uint32_t i = 0; i < s->n_patterns; i++)
			msc_put_row(out, COLUMN, msc_soak_pattern_names[s->pattern[i].id],
				    s->pattern[i].text);
		print_wrong(out, r);
	}
	if (s->n_wrong || s->n_failed)
		fprintf(out, "%-*s%s\n", COLUMN, "to repeat", r->repeat);
	else if (!*s->failure && r->restored && !r->elsewhere)
		msc_put_row_tinted(out, color, MSC_TINT_OK, COLUMN, "ok",
				   "every block that was read is as it was written");
	if (r->max_lun)
		msc_put_row_tinted(out, color, MSC_TINT_WARN, COLUMN, "not tested",
				   msc_session_other_units(units, sizeof units, r->max_lun,
							   r->lun));
	if (r->reason && *r->reason)
		fprintf(out, "%-*s%s --from %" PRIu64 "\n", COLUMN, "to go on", r->go_on,
			s->from + s->rounds);
}
