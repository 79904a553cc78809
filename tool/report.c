/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope report: documents of other commands as one HTML file. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/html.h"
#include "tool.h"

static int read_files(const struct tool *tool, struct msc_html_file *files, struct msc_err *err)
{
	for (size_t i = 0; i < tool->args.n_words; i++) {
		files[i].name = tool->args.words[i];
		files[i].document = msc_html_read(files[i].name, err);
		if (!files[i].document)
			return -1;
		if (tool_stop(NULL))
			return msc_fail(err, MSC_E_INTERRUPTED, "stopped");
	}
	return 0;
}

static int write_page(const struct tool *tool, const struct msc_html_file *files,
		      struct msc_outfile *file, struct msc_err *err)
{
	const struct msc_report_context context = tool_context(tool);
	int result = msc_html_write(file->f ? file->f : stdout, files, tool->args.n_words, &context,
				    err);

	if (result < 0)
		msc_outfile_blame(file, err);
	return result;
}

static int report(struct tool *tool, struct msc_err *err)
{
	const char *path = arg(&tool->args, "output");
	struct msc_outfile file = { .f = NULL };
	struct msc_html_file *files;
	int result;

	if (!tool->args.n_words)
		return msc_fail(err, MSC_E_USAGE,
				"report takes files that --json wrote, the oldest first");
	if (!path || (!strcmp(path, "-") && isatty(STDOUT_FILENO)))
		return msc_fail(err, MSC_E_USAGE, "report writes a file: give -o FILE.html%s",
				path ? ", not a terminal" : "");
	files = calloc(tool->args.n_words, sizeof *files);
	result = files ? read_files(tool, files, err) : msc_nomem(err);
	if (result == 0 && strcmp(path, "-") != 0)
		result = msc_outfile_open(&file, path, err);
	if (result == 0)
		result = write_page(tool, files, &file, err);
	if (file.f && result == 0)
		result = msc_outfile_keep(&file, err);
	else if (file.f)
		msc_outfile_discard(&file);
	for (size_t i = 0; files && i < tool->args.n_words; i++)
		json_decref(files[i].document);
	free(files);
	return result < 0 ? -1 : 0;
}

static const struct opt options[] = {
	{ "output", 'o', "FILE", "where the page goes; '-' is standard output" },
	{ .name = NULL },
};

const struct cmd cmd_report = {
	.name = "report",
	.summary = "show results as one HTML file: causes, verdicts, charts, history",
	.usage = "RESULT.json... -o FILE.html",
	.options = { options, log_options },
	.without = " verbose quiet log ",
	.why_without = "report opens no target, so there is nothing to log",
	.run = report,
};
