/* SPDX-License-Identifier: BSD-2-Clause */
/* The numbers of mscope pace --op write, as text and JSON. Private to lib/report. */
#ifndef MSC_REPORT_PACE_WRITING_H
#define MSC_REPORT_PACE_WRITING_H

#include "report/pace.h"

void msc_pace_writing_print(FILE *, const struct msc_pace *);
json_t *msc_pace_writing_json(const struct msc_pace *); /* NULL when memory runs out */

#endif
