/* SPDX-License-Identifier: BSD-2-Clause */
/* What mscope pace found out: as text with the oscilloscope picture, and as mscope.pace/1. */
#ifndef MSC_REPORT_PACE_H
#define MSC_REPORT_PACE_H

#include "report/report.h"
#include "timing/pace.h"

struct msc_pace_report {
	const struct msc_device *device;
	const struct msc_pace *pace;
	const struct msc_pace_stream *picture; /* pieces 0: there is none */
	const struct msc_pace_samples *samples; /* more pictures are of its streams; NULL: none */
	const char *capture; /* the file that it is from; NULL: a target was measured */
	const char *failure; /* what the device did that ended it early, or empty */
	const char *reason;		       /* or what else did; NULL or empty: nothing */
	bool picture_only;		       /* as text */
	int64_t column_ns;		       /* of the picture; 0: so that all is in it */
	bool utf8;			       /* the picture may use its box characters */
	const struct msc_report_context *context;
	int exit_status;
};

void msc_pace_print(FILE *, const struct msc_pace_report *);
/* column_ns: what a column is worth; 0: so that all is in it. */
void msc_timeline_print(FILE *, const struct msc_timeline *, bool utf8, int64_t column_ns);
json_t *msc_pace_json(const struct msc_pace_report *); /* NULL when memory runs out */

#endif
