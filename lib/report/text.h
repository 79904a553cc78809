/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the text report share. Private to lib/report. */
#ifndef MSC_REPORT_TEXT_H
#define MSC_REPORT_TEXT_H

#include "report/report.h"

#define MSC_TEXT_INDENT 10 /* columns: where names and evidence begin */
#define MSC_TEXT_LABEL	10 /* of a label within it */

/* A word of ten columns at the beginning of a line; in colour if that is wanted. */
void msc_text_head(struct msc_report_run *, FILE *, const char *word, enum msc_tint);
void msc_text_verdict(struct msc_report_run *, FILE *, enum msc_verdict);
/* "          label:    text", wrapped; nothing for no text. */
void msc_text_labelled(FILE *, const char *label, const char *text);
void msc_text_evidence(FILE *, const struct msc_finding *);
/* What USB-IF tests of it: nothing where nobody asked. */
void msc_text_test(FILE *, const struct msc_finding *);
/* The command that shows the finding again: of that case, if need be after another one, or of all that
 * ran. It has been tried where that can be had; `cause`, which may be NULL, knows what its dictionary
 * says. It can be copied: one line, whatever its length. */
void msc_text_command(struct msc_report_run *, FILE *, const struct msc_cause *,
		      const struct msc_finding *, const char *name);

/* The causes; what is left, by rule and by what happened. */
void msc_text_causes(struct msc_report_run *);
/* What was let pass, and why; the waivers that fail the run. */
void msc_text_waivers(struct msc_report_run *);
/* In a line each: the cases that are not ok, less those that the causes explain; reasons of skips. */
void msc_text_cases(struct msc_report_run *);
void msc_text_skips(struct msc_report_run *);

#endif
