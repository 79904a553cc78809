/* SPDX-License-Identifier: BSD-2-Clause */
/* The options, the exit status and the output of the gate. */
#include "gate.h"

#include <stdlib.h>
#include <string.h>

#include "mscope.h"

#define THRESHOLD 0.05

const struct opt gate_options[] = {
	{ "threshold", 0, "PERCENT", "how much slower counts, such as 5% (the default)" },
	{ "force", 0, NULL, "compare other devices, speeds, hosts, sizes all the same" },
	{ "format", 0, "NAME", "text, json, bmf (Bencher), gha (github-action-benchmark), go" },
	{ .name = NULL },
};

static int read_threshold(const char *text, double *threshold, struct msc_err *err)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || strcmp(end, "%") || !(value > 0 && value <= 1000) ||
	    strspn(text, "0123456789.") != (size_t)(end - text))
		return msc_fail(err, MSC_E_USAGE,
				"--threshold: '%s': expected a percentage above 0%%, such as 5%%",
				text);
	*threshold = value / 100;
	return 0;
}

int gate_options_read(const struct args *a, struct msc_compare_options *o, struct msc_err *err)
{
	const char *text = arg(a, "threshold");

	o->threshold = THRESHOLD;
	o->force = arg(a, "force");
	return text ? read_threshold(text, &o->threshold, err) : 0;
}

const struct msc_bench_format *gate_format(const struct tool *tool, struct msc_err *err)
{
	const char *name = arg(&tool->args, "format");
	const struct msc_bench_format *format = msc_bench_format_find(name ? name : "text", err);

	if (format && strcmp(format->name, "text") && tool->json == stdout) {
		msc_fail(err, MSC_E_USAGE, "standard output takes one of --json - and --format %s",
			 name);
		return NULL;
	}
	return format;
}

int gate_status(const struct msc_comparison *c)
{
	switch (msc_comparison_verdict(c)) {
	case MSC_CHANGE_SLOWER:
		return MSCOPE_FAILED;
	case MSC_CHANGE_UNKNOWN:
		return MSCOPE_USAGE;
	case MSC_CHANGE_NONE:
	case MSC_CHANGE_FASTER:
		break;
	}
	return MSCOPE_PASSED;
}

int gate_write(struct tool *tool, const struct msc_bench_format *format, struct msc_bench_report *r,
	       struct msc_err *err)
{
	const struct msc_report_context context = tool_context(tool);
	bool quiet = tool->verbosity < 0 && !r->exit_status && !strcmp(format->name, "text");
	int result = 0;

	r->context = &context;
	if (tool->text && !quiet && format->write(tool->text, r, err) < 0)
		result = -1;
	if (tool->json && msc_bench_write_json(tool->json, r, err) < 0)
		result = -1;
	r->context = NULL;
	return result;
}
