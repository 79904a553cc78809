/* SPDX-License-Identifier: BSD-2-Clause */
/* Colours, of which there is one table: no other file writes an escape sequence into a result. And rows, whose keys
 * may have one. */
#include "report/report.h"

/* ECMA-48, 8.3.117 SELECT GRAPHIC RENDITION. */
static const char *const renditions[] = {
	[MSC_TINT_NONE] = NULL, [MSC_TINT_OK] = "32",	  [MSC_TINT_FAIL] = "1;31",
	[MSC_TINT_WARN] = "33", [MSC_TINT_ASIDE] = "36", [MSC_TINT_ERROR] = "1;35",
	[MSC_TINT_NAME] = "1",
};

void msc_put_tinted(FILE *out, bool color, enum msc_tint tint, const char *text)
{
	if (!color || !renditions[tint]) {
		msc_put(out, MSC_PLAIN, text);
		return;
	}
	fprintf(out, "\033[%sm", renditions[tint]);
	msc_put(out, MSC_PLAIN, text);
	fputs("\033[0m", out);
}

enum msc_tint msc_severity_tint(enum msc_severity severity)
{
	return severity >= MSC_FAIL   ? MSC_TINT_FAIL
	       : severity == MSC_WARN ? MSC_TINT_WARN
				      : MSC_TINT_ASIDE;
}

void msc_put_row_tinted(FILE *out, bool color, enum msc_tint tint, unsigned column, const char *key,
			const char *text)
{
	char padded[64];

	snprintf(padded, sizeof padded, "%-*s", (int)column, key);
	msc_put_tinted(out, color, tint, padded);
	msc_put_wrapped(out, column, column, text);
	putc('\n', out);
}

void msc_put_row(FILE *out, unsigned column, const char *key, const char *text)
{
	msc_put_row_tinted(out, false, MSC_TINT_NONE, column, key, text);
}
