/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope ls: the files inside a device or an image, without mounting it. */
#include "base/text.h"
#include "source.h"

static int show(void *user, const struct msc_volume_file *f, struct msc_err *err)
{
	(void)user;
	if (tool_stop(NULL))
		return msc_fail(err, MSC_E_INTERRUPTED, "stopped");
	if (f->is_directory)
		printf("%12s  ", "-");
	else
		printf("%12llu  ", (unsigned long long)f->size);
	msc_put(stdout, MSC_PLAIN, f->path);
	fputs(f->is_directory ? "/\n" : "\n", stdout);
	return 0;
}

static int list(struct source *s, struct tool *tool, struct msc_err *err)
{
	const char *directory = "/";
	struct msc_volume *v;
	int rc;

	if (tool->args.n_words > s->words + 1)
		return msc_fail(err, MSC_E_USAGE, "ls takes one target and one directory");
	if (tool->args.n_words > s->words)
		directory = tool->args.words[s->words];
	if (source_begin(s, err) < 0)
		return -1;
	if (!s->session && !s->direct.direct)
		source_tell_cached(s);
	v = msc_volume_open(&s->bytes, err);
	if (!v)
		return -1;
	rc = msc_volume_list(v, directory, show, NULL, err);
	msc_volume_close(v);
	return rc;
}

static int ls(struct tool *tool, struct msc_err *err)
{
	struct source s;
	int rc = source_open(&s, tool, err);

	if (rc == 0)
		rc = list(&s, tool, err);
	source_close(&s);
	return rc;
}

static const struct opt ls_options[] = {
	{ "lun", 0, "N", "the logical unit; 0 unless given" },
	{ "verbose", 'v', NULL, "log what is done; twice: every transfer" },
	{ "quiet", 'q', NULL, "log nothing" },
	{ "log", 0, "FILE", "write a trace of every transfer to a file" },
	{ "help", 'h', NULL, "describe the command" },
	{ .name = NULL },
};

const struct cmd cmd_ls = {
	.name = "ls",
	.summary = "list the files inside a device, without mounting it",
	.usage = "[TARGET|DEVICE|IMAGE] [DIRECTORY]",
	.options = { ls_options, target_options },
	.run = ls,
};
