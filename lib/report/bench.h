/* SPDX-License-Identifier: BSD-2-Clause */
/* Benches and comparisons of two as text, as JSON (mscope.bench/1 and mscope.compare/1, which can
 * be read back), and as what other people's dashboards take.
 *
 * A new format is a function and a line in the table of bench_formats.c. */
#ifndef MSC_REPORT_BENCH_H
#define MSC_REPORT_BENCH_H

#include "report/report.h"
#include "timing/compare.h"

/* What a document shows; members may be NULL where that is said. */
struct msc_bench_report {
	const struct msc_bench *bench; /* the new one, of a comparison */
	const struct msc_bench *base;  /* NULL, and no comparison: a bench alone */
	const struct msc_comparison *comparison;
	const char *base_name, *new_name; /* of the files; new_name NULL: just measured */
	bool measured_again; /* the comparison is of a second measurement, because of an alarm */
	const struct msc_report_context *context;
	const char *reason; /* why measuring ended early; NULL or empty: it did not */
	int exit_status;
};

struct msc_bench_format {
	const char *name, *summary, *suffix;
	int (*write)(FILE *, const struct msc_bench_report *, struct msc_err *);
};
extern const struct msc_bench_format msc_bench_formats[]; /* ends with one without a name */

int msc_bench_write_text(FILE *, const struct msc_bench_report *, struct msc_err *) MSC_MUST_CHECK;
int msc_bench_write_json(FILE *, const struct msc_bench_report *, struct msc_err *) MSC_MUST_CHECK;

/* Reads a mscope.bench/1; "-" is standard input. MSC_E_IO: it cannot be read; MSC_E_FORMAT: it is not such a
 * document, and where; MSC_E_UNDECIDED: it is of a bench that measured nothing. bench begins zeroed and is
 * freed by the caller in any case. */
int msc_bench_read(const char *path, struct msc_bench *, struct msc_err *) MSC_MUST_CHECK;
int msc_bench_read_from(FILE *, const char *name, struct msc_bench *,
			struct msc_err *) MSC_MUST_CHECK;

#endif
