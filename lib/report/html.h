/* SPDX-License-Identifier: BSD-2-Clause */
/* Documents as one HTML file that needs no network: what people look at.
 *
 * The documents are in it as they are, less what only the newest of a kind needs, and the program of
 * lib/report/html/ shows them. They come from anywhere: of their strings the program makes text, never markup,
 * and the browser is told to run nothing but the program. */
#ifndef MSC_REPORT_HTML_H
#define MSC_REPORT_HTML_H

#include "report/report.h"

struct msc_html_file {
	const char *name; /* as typed; borrowed */
	json_t *document; /* the caller's reference */
};

/* Reads a mscope.result/1, bench/1, pace/1 or decode/1; "-" is standard input. MSC_E_IO: it cannot be read;
 * MSC_E_FORMAT: it is no such document. The caller's reference. */
json_t *msc_html_read(const char *path, struct msc_err *) MSC_MUST_CHECK;

/* The files in the order of time, the oldest first. Documents lose what the page does not show. MSC_E_IO:
 * the stream failed. */
int msc_html_write(FILE *, const struct msc_html_file *, size_t n,
		   const struct msc_report_context *, struct msc_err *) MSC_MUST_CHECK;

#endif
