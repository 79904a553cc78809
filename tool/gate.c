/* SPDX-License-Identifier: BSD-2-Clause */
/* The options, the exit status and the output of the gate. */
#include "gate.h"

#include <stdlib.h>
#include <string.h>

#include "mscope.h"

#define THRESHOLD 0.05

const struct opt gate_options[] = {
	{ "threshold", 0, "PERCENT", "how much slower counts, e.g. 5% (the default)" },
	{ "force", 0, NULL, "compare even if device, speed, host or sizes differ" },
	{ "format", 0, "NAME", "the same as --report NAME: text, json, bmf, gha, go" },
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

struct format bench_format(size_t i)
{
	const struct msc_bench_format *f = &msc_bench_formats[i];

	return (struct format){ f->name, f->summary, f->suffix };
}

int gate_exit_status(enum msc_change change)
{
	switch (change) {
	case MSC_CHANGE_SLOWER:
		return MSCOPE_FAILED;
	case MSC_CHANGE_UNKNOWN:
		return MSCOPE_NO_VERDICT;
	case MSC_CHANGE_NONE:
	case MSC_CHANGE_FASTER:
		break;
	}
	return MSCOPE_PASSED;
}

int gate_status(const struct msc_comparison *c)
{
	return gate_exit_status(msc_comparison_verdict(c));
}

static int write_as(const struct output *o, const struct msc_bench_report *r, struct msc_err *err)
{
	const struct msc_bench_format *f = msc_bench_formats;

	while (!output_is(o, f->name))
		f++;
	return f->write(o->f, r, err);
}

int gate_write(struct tool *tool, struct msc_bench_report *r, struct msc_err *err)
{
	const struct msc_report_context context = tool_context(tool);
	bool quiet = tool->verbosity < 0 && !r->exit_status;
	int result = 0;

	r->context = &context; /* cppcheck-suppress autoVariables */
	for (size_t i = 0; i < tool->n_outputs; i++) {
		struct output *o = &tool->outputs[i];

		if (quiet && o->f == stdout && output_is(o, "text"))
			o->written = true;
		else
			o->written = write_as(o, r, err) == 0;
		if (!o->written && result == 0)
			msc_outfile_blame(&o->file, err);
		if (!o->written)
			result = -1;
	}
	r->context = NULL;
	return result;
}
