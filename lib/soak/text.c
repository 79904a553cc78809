/* SPDX-License-Identifier: BSD-2-Clause */
/* A wrong block in words. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "soak/soak.h"

const char *const msc_soak_kind_names[MSC_SOAK_KINDS] = {
	[MSC_SOAK_ZEROS] = "zeros",	  [MSC_SOAK_ONES] = "ones",
	[MSC_SOAK_STALE] = "stale",	  [MSC_SOAK_FOREIGN] = "foreign",
	[MSC_SOAK_SHIFTED] = "shifted",	  [MSC_SOAK_ANDED] = "anded",
	[MSC_SOAK_ORED] = "ored",	  [MSC_SOAK_MIXED] = "mixed",
	[MSC_SOAK_BITS] = "bits",	  [MSC_SOAK_OTHER] = "other",
	[MSC_SOAK_UNREADABLE] = "unreadable", [MSC_SOAK_UNWRITABLE] = "unwritable",
};

const char *const msc_soak_pattern_names[MSC_SOAK_PATTERNS] = {
	[MSC_SOAK_ALIAS] = "alias",	      [MSC_SOAK_COMMAND] = "command",
	[MSC_SOAK_RING] = "ring",	      [MSC_SOAK_PLACE] = "place",
	[MSC_SOAK_NEIGHBOUR] = "neighbour",
	[MSC_SOAK_NOT_ERASED] = "not-erased", [MSC_SOAK_AFTER_RESET] = "reset",
	[MSC_SOAK_POWER] = "power",
};

const char *const msc_soak_end_names[MSC_SOAK_ENDS] = {
	[MSC_SOAK_PASSED] = "passed",   [MSC_SOAK_HUNG] = "hung",
	[MSC_SOAK_SHORT] = "short",     [MSC_SOAK_RESET] = "reset",
	[MSC_SOAK_REFUSED] = "refused", [MSC_SOAK_LIMITED] = "limited",
	[MSC_SOAK_RESIDUE] = "residue", [MSC_SOAK_ACCEPTED] = "accepted",
};

/* "2 to 240 blocks" */
static void put_lengths(char *buf, size_t size, uint32_t least, uint32_t most)
{
	if (least == most)
		snprintf(buf, size, "%" PRIu32 " block%s", most, most == 1 ? "" : "s");
	else
		snprintf(buf, size, "%" PRIu32 " to %" PRIu32 " blocks", least, most);
}

char *msc_soak_failed_text(char *buf, size_t size, const struct msc_soak *r, enum msc_soak_end end,
			   bool write)
{
	static const char *const one[] = {
		"passes",
		"hangs",
		"passes with less data than was asked for",
		"ends without a valid status and needs a reset",
		"is refused",
		"is longer than the device takes",
		"passes with all data and says that some was not processed",
		"passes although it reaches past the end of the medium"
	};
	static const char *const many[] = { "pass",
					    "hang",
					    "pass with less data than was asked for",
					    "end without a valid status and need a reset",
					    "are refused",
					    "are longer than the device takes",
					    "pass with all data and say that some was not processed",
					    "pass although they reach past the end of the medium" };
	const struct msc_soak_failed *f = &r->failed[end][write];
	const struct msc_soak_command *c = &f->first;
	char lengths[48], first[32], passed[64] = " (none passes)", when[24];

	if (!f->n)
		return NULL;
	put_lengths(lengths, sizeof lengths, f->least, f->most);
	put_lengths(first, sizeof first, c->blocks, c->blocks);
	if (end == MSC_SOAK_RESIDUE || end == MSC_SOAK_ACCEPTED)
		*passed = '\0';
	else if (r->longest_passed[write])
		snprintf(passed, sizeof passed, " (the longest that passes has %" PRIu32 ")",
			 r->longest_passed[write]);
	snprintf(buf, size,
		 "%" PRIu32 " of %" PRIu32 " %s%s %s, of %s%s. The first is command %" PRIu32
		 " of the run, after %s: %s at block %" PRIu64 "%s%s",
		 f->n, write ? r->writes : r->reads, write ? "WRITE" : "READ",
		 (write ? r->writes : r->reads) == 1 ? "" : "s", f->n == 1 ? one[end] : many[end],
		 lengths, passed, c->number, msc_format_ns(when, sizeof when, c->at_ns), first,
		 c->lba, *c->why ? ": " : "", c->why);
	return buf;
}

/* "what was written to block 5 by write 3" */
static void put_from(char *buf, size_t size, const struct msc_soak_wrong *w)
{
	if (!w->from_generation)
		snprintf(buf, size, "what was there before the run");
	else if (w->from_lba == w->lba)
		snprintf(buf, size, "what write %" PRIu32 " put there", w->from_generation);
	else
		snprintf(buf, size,
			 "what was written to block %" PRIu64 " by write %" PRIu32 ", %" PRIu64
			 " %s",
			 w->from_lba, w->from_generation,
			 w->from_lba > w->lba ? w->from_lba - w->lba : w->lba - w->from_lba,
			 w->from_lba > w->lba ? "further on" : "before it");
}

static void put_content(char *buf, size_t size, const struct msc_soak_wrong *w)
{
	char from[128] = "something else";

	if (w->has_from)
		put_from(from, sizeof from, w);
	switch (w->kind) {
	case MSC_SOAK_ZEROS: snprintf(buf, size, "is all zeros"); break;
	case MSC_SOAK_ONES: snprintf(buf, size, "is all FFh"); break;
	case MSC_SOAK_STALE:
	case MSC_SOAK_FOREIGN: snprintf(buf, size, "holds %s", from); break;
	case MSC_SOAK_SHIFTED:
		snprintf(buf, size, "holds a part of %s, at another place of the block", from);
		break;
	case MSC_SOAK_ANDED:
		snprintf(buf, size, "holds the AND of it and of what lay there before");
		break;
	case MSC_SOAK_ORED:
		snprintf(buf, size, "holds the OR of it and of what lay there before");
		break;
	case MSC_SOAK_MIXED:
		snprintf(buf, size,
			 "is right in part; from byte %" PRIu32 " on, %" PRIu32 " bytes are %s",
			 w->at, w->bytes, from);
		break;
	case MSC_SOAK_BITS:
		snprintf(buf, size, "has %" PRIu32 " wrong bit%s, the first in byte %" PRIu32,
			 w->bits, w->bits == 1 ? "" : "s", w->at);
		break;
	case MSC_SOAK_UNREADABLE:
	case MSC_SOAK_UNWRITABLE:
		snprintf(buf, size, "cannot be %s: %s",
			 w->kind == MSC_SOAK_UNREADABLE ? "read" : "written",
			 *w->sense ? w->sense : "the device does not say why");
		break;
	case MSC_SOAK_OTHER:
	case MSC_SOAK_KINDS:
		snprintf(buf, size, "holds none of what was written");
		break;
	}
}

char *msc_soak_text(char *buf, size_t size, const struct msc_soak_wrong *w)
{
	char holds[224], due[96];

	put_content(holds, sizeof holds, w);
	if (w->generation)
		snprintf(due, sizeof due, "block %" PRIu32 " of %" PRIu32 " of write %" PRIu32,
			 w->offset + 1, w->blocks, w->generation);
	else
		snprintf(due, sizeof due, "never written by the run");
	snprintf(buf, size, "block %" PRIu64 " (%s)%s %s", w->lba, due,
		 w->after_power	  ? ", after the power was off,"
		 : w->after_reset ? ", after a port reset,"
				  : "",
		 holds);
	return buf;
}
