/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope run: scenarios from files. All of them are read before the target is opened. */
#include "tool.h"

static int run(struct tool *tool, struct msc_err *err)
{
	struct msc_scenarios all = { NULL };
	int status = 0;

	if (tool_target(tool, err) < 0)
		return -1;
	if (tool->args.n_words == tool->target_words)
		return msc_fail(
			err, MSC_E_USAGE,
			"%s%sno scenario file; \"mscope check\" runs those that are built in",
			tool->target_words ? tool->args.words[0] : "",
			tool->target_words ? " is the target, and there is " : "");
	for (size_t i = tool->target_words; status == 0 && i < tool->args.n_words; i++)
		status = msc_scenarios_load_file(&all, tool->args.words[i], err);
	if (status == 0)
		status = conduct(tool, &all, true, err);
	msc_scenarios_free(&all);
	return status;
}

const struct cmd cmd_run = {
	.name = "run",
	.summary = "run scenario files",
	.usage = "[TARGET] FILE...",
	.options = { report_options, run_options, target_options, common_options },
	.document = "mscope.result/1",
	.format = report_format,
	.run = run,
	.failed = report_failure,
};
