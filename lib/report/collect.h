/* SPDX-License-Identifier: BSD-2-Clause */
/* How a report's run keeps what it has been told. Private to lib/report. */
#ifndef MSC_REPORT_COLLECT_H
#define MSC_REPORT_COLLECT_H

#include "report/report.h"

/* Of MSC_EV_RUN_END the causes follow. */
void msc_report_collect(struct msc_report_all *, const struct msc_report_context *,
			const struct msc_event *);
void msc_report_forget(struct msc_report_all *);

#endif
