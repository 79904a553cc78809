/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope check: the scenarios that the program carries with it. The main job. */
#include "tool.h"

static int check(struct tool *tool, struct msc_err *err)
{
	struct msc_scenarios all = { NULL };
	int status = -1;

	if (tool_target(tool, err) < 0)
		return -1;
	if (tool->args.n_words > tool->target_words)
		return msc_fail(err, MSC_E_USAGE,
				"check takes one target, not '%s'; \"mscope run\" takes files",
				tool->args.words[tool->target_words]);
	if (msc_scenarios_load_embedded(&all, err) == 0)
		status = arg(&tool->args, "bring-up") ? bring_up(tool, &all, err)
						      : conduct(tool, &all, false, err);
	msc_scenarios_free(&all);
	return status;
}

static const struct opt check_options[] = {
	{ "bring-up", 0, NULL,
	  "do what hosts do, up to the first thing that stops one" },
	{ .name = NULL },
};

const struct cmd cmd_check = {
	.name = "check",
	.summary = "run conformance scenarios and judge every exchange",
	.usage = "[TARGET] [--select WHAT]... [--profile NAME] [--allow-writes]",
	.options = { check_options, report_options, run_options, target_options, common_options },
	.document = "mscope.result/1",
	.format = report_format,
	.run = check,
	.failed = report_failure,
};
