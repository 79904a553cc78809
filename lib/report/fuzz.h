/* SPDX-License-Identifier: BSD-2-Clause */
/* What mscope fuzz found, as text and as mscope.fuzz/1. */
#ifndef MSC_REPORT_FUZZ_H
#define MSC_REPORT_FUZZ_H

#include "fuzz/fuzz.h"
#include "report/report.h"

struct msc_fuzz_report {
	const struct msc_fuzz *fuzz;
	const char *
		plays; /* the command that plays a scenario file, less the file and --allow-writes */
	const char *repeat; /* the command that goes on, less its --from */
	const struct msc_report_context *context;
	int exit_status;
};

void msc_fuzz_print(FILE *, const struct msc_fuzz_report *);
json_t *msc_fuzz_json(const struct msc_fuzz_report *); /* NULL when memory runs out */

#endif
