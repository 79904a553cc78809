/* SPDX-License-Identifier: BSD-2-Clause */
/* What mscope soak found, as text and as mscope.soak/1. */
#ifndef MSC_REPORT_SOAK_H
#define MSC_REPORT_SOAK_H

#include "report/report.h"
#include "soak/soak.h"

struct msc_soak_report {
	const struct msc_device *device;
	const struct msc_soak *soak;
	uint8_t lun, max_lun; /* of which this one alone was written to */
	const char *repeat; /* the command that does the same again */
	const char *go_on;  /* the same without --from */
	const char *reason; /* what ended it early beside the device; NULL or empty: nothing */
	bool restored;	    /* the medium is as it was found */
	unsigned elsewhere; /* blocks that changed although nobody wrote them */
	const struct msc_report_context *context;
	int exit_status;
};

void msc_soak_print(FILE *, const struct msc_soak_report *);
json_t *msc_soak_json(const struct msc_soak_report *); /* NULL when memory runs out */

#endif
