/* SPDX-License-Identifier: BSD-2-Clause */
/* The history of a device's speed as text and as JSON: a mscope.compare/1 with a history in it. */
#ifndef MSC_REPORT_SERIES_H
#define MSC_REPORT_SERIES_H

#include "report/report.h"
#include "timing/series.h"

struct msc_series_report {
	const struct msc_series *history;
	const char *directory;
	const struct msc_report_context *context;
	int exit_status;
};

void msc_series_print(FILE *, const struct msc_series_report *);
json_t *msc_series_json(const struct msc_series_report *); /* NULL: out of memory */

#endif
