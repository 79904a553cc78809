/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope ls: the files inside a device or an image, without mounting it. */
#include "base/text.h"
#include "source.h"

struct listing {
	FILE *text;   /* or NULL */
	bool color;
	json_t *files; /* or NULL */
};

static void print(FILE *f, bool color, const struct msc_volume_file *file)
{
	if (file->is_directory)
		fprintf(f, "%12s  ", "-");
	else
		fprintf(f, "%12llu  ", (unsigned long long)file->size);
	msc_put_tinted(f, color, file->is_directory ? MSC_TINT_NAME : MSC_TINT_NONE, file->path);
	fputs(file->is_directory ? "/\n" : "\n", f);
}

static int show(void *user, const struct msc_volume_file *f, struct msc_err *err)
{
	struct listing *l = user;

	if (tool_stop(NULL))
		return msc_fail(err, MSC_E_INTERRUPTED, "stopped");
	if (l->text)
		print(l->text, l->color, f);
	if (l->files &&
	    json_array_append_new(l->files,
				  json_pack("{s:o, s:b, s:I}", "path", msc_json_text(f->path),
					    "directory", f->is_directory, "bytes",
					    (json_int_t)(f->is_directory ? 0 : f->size))))
		return msc_nomem(err);
	return 0;
}

static int write_list(const struct source *s, struct tool *tool, json_t *files, struct msc_err *err)
{
	const struct msc_report_context context = tool_context(tool);
	json_t *target = s->target ? msc_device_json(&s->target->device) : NULL;
	json_t *document = msc_json_document("mscope.ls/1", &context, target, 0, NULL);

	if (!document || json_object_set(document, "files", files)) {
		json_decref(document);
		return msc_nomem(err);
	}
	return write_json(tool, document, err);
}

static int walk(struct source *s, struct tool *tool, const char *directory, struct msc_err *err)
{
	struct listing l = { tool->text, tool_context(tool).color,
			     json_is_wanted(tool) ? json_array() : NULL };
	struct msc_volume *v = msc_volume_open(&s->bytes, err);
	int rc = v ? msc_volume_list(v, directory, show, &l, err) : -1;

	msc_volume_close(v);
	if (rc == 0 && l.files)
		rc = write_list(s, tool, l.files, err);
	json_decref(l.files);
	return rc;
}

static int list(struct source *s, struct tool *tool, struct msc_err *err)
{
	const char *directory = "/";

	if (tool->args.n_words > s->words + 1)
		return msc_fail(err, MSC_E_USAGE, "ls takes one target and one directory");
	if (tool->args.n_words > s->words)
		directory = tool->args.words[s->words];
	if (source_begin(s, err) < 0)
		return -1;
	if (!s->session && !s->direct.direct)
		source_tell_cached(s);
	return walk(s, tool, directory, err);
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
	{ .name = NULL },
};

const struct cmd cmd_ls = {
	.name = "ls",
	.summary = "list the files inside a device, without mounting it",
	.usage = "[TARGET|DEVICE|IMAGE] [DIRECTORY]",
	.options = { ls_options, target_options, common_options },
	.verbose = "log what happens; twice: every transfer",
	.quiet = "log nothing, not even warnings",
	.document = "mscope.ls/1",
	.format = plain_format,
	.run = ls,
};
