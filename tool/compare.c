/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope compare: is the second bench slower than the first, beyond noise? Exit status 1 says yes,
 * 0 no, and 5 that it cannot be said. With --history: at which of many did the speed change? */
#include "gate.h"

static int read_both(const struct tool *tool, struct msc_bench *base, struct msc_bench *new,
		     struct msc_err *err)
{
	if (tool->args.n_words != 2)
		return msc_fail(err, MSC_E_USAGE,
				"compare takes two files that \"mscope bench --json\" wrote, the "
				"base first; %zu given",
				tool->args.n_words);
	if (msc_bench_read(tool->args.words[0], base, err) < 0)
		return -1;
	return msc_bench_read(tool->args.words[1], new, err);
}

static int compare_both(struct tool *tool, const struct msc_compare_options *o,
			const struct msc_bench *base, const struct msc_bench *new,
			struct msc_err *err)
{
	struct msc_comparison c = { .n_runs = 0 };
	struct msc_bench_report r = { .bench = new,
				      .base = base,
				      .comparison = &c,
				      .base_name = tool->args.words[0],
				      .new_name = tool->args.words[1] };
	int status = -1;

	if (msc_compare(base, new, o, &c, err) == 0) {
		r.exit_status = gate_status(&c);
		if (gate_write(tool, &r, err) == 0)
			status = r.exit_status;
	}
	msc_comparison_free(&c);
	return status;
}

static int compare_two(struct tool *tool, const struct msc_compare_options *o, struct msc_err *err)
{
	struct msc_bench base = { .n_runs = 0 }, new = { .n_runs = 0 };
	int status = -1;

	if (read_both(tool, &base, &new, err) == 0)
		status = compare_both(tool, o, &base, &new, err);
	msc_bench_free(&base);
	msc_bench_free(&new);
	return status;
}

static int compare(struct tool *tool, struct msc_err *err)
{
	struct msc_compare_options o = { .threshold = 0 };

	if (gate_options_read(&tool->args, &o, err) < 0)
		return -1;
	return arg(&tool->args, "history") ? history_compare(tool, &o, err)
					   : compare_two(tool, &o, err);
}

static const struct opt compare_options[] = {
	{ "history", 0, "DIR", "find the bench in this directory at which the speed changed" },
	{ .name = NULL },
};

const struct cmd cmd_compare = {
	.name = "compare",
	.summary = "decide whether one bench is slower than another, beyond noise",
	.usage = "BASE.json NEW.json [--threshold 5%] [--force], or --history DIR",
	.options = { compare_options, gate_options, common_options },
	.without = " verbose log ",
	.why_without = "compare opens no target, so there is nothing to log",
	.quiet = "show no text when the exit status is 0",
	.document = "mscope.compare/1",
	.format = bench_format,
	.run = compare,
};
