/* SPDX-License-Identifier: BSD-2-Clause */
/* Where results go: each --report FORMAT[:FILE], its short forms, and text on standard output unless
 * something else takes that. A file is the old one until its result is whole (base/outfile.h). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "tool.h"

bool output_is(const struct output *o, const char *format)
{
	return !strcmp(o->is.name, format);
}

/* ---- formats ----------------------------------------------------------------------------------- */

struct format plain_format(size_t i)
{
	static const struct format formats[] = {
		{ "text", "for people", "txt" },
		{ "json", "one document, for programs; docs/schema/ describes it", "json" },
		{ .name = NULL },
	};

	return formats[i];
}

static int unknown_format(const struct cmd *cmd, const char *name, struct msc_err *err)
{
	struct msc_nearest near = { .wanted = name };
	char all[256] = "";
	struct format f;

	for (size_t i = 0; (f = cmd->format(i)).name; i++) {
		msc_nearest_try(&near, f.name);
		msc_append(all, sizeof all, "%s%s", i ? ", " : "", f.name);
	}
	if (near.best)
		return msc_fail(err, MSC_E_USAGE,
				"%s has no format called '%s'; did you mean '%s'?", cmd->name, name,
				near.best);
	return msc_fail(err, MSC_E_USAGE, "%s has no format called '%s'; there are %s", cmd->name,
			name, all);
}

static int find_format(const struct cmd *cmd, const char *name, struct format *f,
		       struct msc_err *err)
{
	for (size_t i = 0; (*f = cmd->format(i)).name; i++)
		if (!strcmp(f->name, name))
			return 0;
	return unknown_format(cmd, name, err);
}

/* ---- opening ----------------------------------------------------------------------------------- */

static struct output *add(struct tool *tool, const struct given *from, const char *format,
			  struct msc_err *err)
{
	struct output *o = &tool->outputs[tool->n_outputs];

	*o = (struct output){ .option = from ? from->opt->name : NULL,
			      .value = from ? from->value : NULL };
	if (find_format(tool->cmd, format, &o->is, err) < 0)
		return NULL;
	tool->n_outputs++;
	return o;
}

static bool is_standard_output(const struct msc_outfile *f)
{
	struct stat st;

	return f->there && !S_ISCHR(f->st.st_mode) && fstat(STDOUT_FILENO, &st) == 0 &&
	       st.st_dev == f->st.st_dev && st.st_ino == f->st.st_ino;
}

/* "-", and another name of the same file. */
static int open_output(struct output *o, const char *path, struct msc_err *err)
{
	if (!strcmp(path, "-")) {
		o->f = stdout;
		return 0;
	}
	if (msc_outfile_open(&o->file, path, err) < 0)
		return -1;
	if (is_standard_output(&o->file) || !strcmp(path, "/dev/stdout"))
		msc_outfile_discard(&o->file);
	o->f = o->file.f ? o->file.f : stdout;
	return 0;
}

static int collide(const struct output *a, const struct output *b, struct msc_err *err)
{
	return msc_fail(err, MSC_E_USAGE, "%s takes one report: --%s%s%s and --%s%s%s",
			a->f == stdout ? "standard output" : "a file", a->option,
			*a->value ? " " : "", a->value, b->option, *b->value ? " " : "", b->value);
}

static int open_one(struct tool *tool, const struct given *from, const char *format,
		    const char *path, struct msc_err *err)
{
	struct output *o = add(tool, from, format, err);

	if (!o || open_output(o, path, err) < 0)
		return -1;
	for (struct output *other = tool->outputs; other < o; other++)
		if (o->f == stdout || other->f == stdout
			    ? o->f == other->f
			    : msc_outfile_is_same(&o->file, &other->file))
			return collide(other, o, err);
	return 0;
}

static int open_report(struct tool *tool, const struct given *from, struct msc_err *err)
{
	const char *colon = strchr(from->value, ':');
	char format[32];

	if (colon && !colon[1])
		return msc_fail(err, MSC_E_USAGE, "--report %s: the colon asks for a file's name",
				from->value);
	snprintf(format, sizeof format, "%.*s",
		 (int)(colon ? colon - from->value : (long)strlen(from->value)), from->value);
	return open_one(tool, from, format, colon ? colon + 1 : "-", err);
}

/* The short forms: what they are called is the format that they stand for. */
static int open_given(struct tool *tool, const struct given *g, struct msc_err *err)
{
	const char *name = g->opt->name;

	if (!strcmp(name, "report"))
		return open_report(tool, g, err);
	if (!strcmp(name, "format"))
		return open_one(tool, g, g->value, "-", err);
	if (!g->opt->is_report)
		return 0;
	return open_one(tool, g, name, g->opt->value ? g->value : "-", err);
}

/* The text goes to one place, or is copied from memory to many. */
static int choose_text(struct tool *tool, struct msc_err *err)
{
	size_t texts = 0;

	for (size_t i = 0; i < tool->n_outputs; i++) {
		if (!output_is(&tool->outputs[i], "text"))
			continue;
		tool->text = tool->outputs[i].f;
		texts++;
	}
	tool->copies = texts > 1;
	if (tool->copies)
		tool->text = open_memstream(&tool->copied, &tool->copied_len);
	return texts && !tool->text ? msc_nomem(err) : 0;
}

int outputs_open(struct tool *tool, struct msc_err *err)
{
	bool taken = false;
	struct output *o;

	if (!tool->cmd->format)
		return 0;
	tool->outputs = calloc(tool->args.n_options + 1, sizeof *tool->outputs);
	if (!tool->outputs)
		return msc_nomem(err);
	for (size_t i = 0; i < tool->args.n_options; i++)
		if (open_given(tool, &tool->args.options[i], err) < 0)
			return -1;
	for (size_t i = 0; i < tool->n_outputs; i++)
		taken |= tool->outputs[i].f == stdout;
	if (!taken) {
		o = add(tool, NULL, "text", err);
		if (!o)
			return -1;
		o->f = stdout;
	}
	return choose_text(tool, err);
}

int outputs_leave(const struct tool *tool, int fd, const char *path, struct msc_err *err)
{
	struct stat theirs, ours;

	for (size_t i = 0; i < tool->n_outputs && fstat(fd, &ours) == 0; i++) {
		const struct msc_outfile *f = &tool->outputs[i].file;

		if (S_ISREG(ours.st_mode) && f->path && stat(f->path, &theirs) == 0 &&
		    ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
			return msc_fail(err, MSC_E_USAGE, "%s is to be a report and something else",
					path);
	}
	return 0;
}

/* ---- documents --------------------------------------------------------------------------------- */

bool json_is_wanted(const struct tool *tool)
{
	for (size_t i = 0; i < tool->n_outputs; i++)
		if (output_is(&tool->outputs[i], "json"))
			return true;
	return false;
}

int write_json(struct tool *tool, json_t *document, struct msc_err *err)
{
	int result = document ? 0 : msc_nomem(err);

	for (size_t i = 0; i < tool->n_outputs && result == 0; i++) {
		struct output *o = &tool->outputs[i];

		if (!output_is(o, "json"))
			continue;
		result = msc_json_write(o->f, json_incref(document), err);
		o->written = result == 0;
		if (!o->written)
			msc_outfile_blame(&o->file, err);
	}
	json_decref(document);
	return result;
}

/* ---- ending ------------------------------------------------------------------------------------ */

/* A person there reads on standard error why there is no result. */
static bool is_screen(const struct output *o)
{
	return o->f == stdout && output_is(o, "text");
}

/* What was to come, and why it did not. */
static int say_why(struct tool *tool, struct output *o, int status, const struct msc_err *why,
		   struct msc_err *err)
{
	const struct msc_report_context context = tool_context(tool);

	if (output_is(o, "text")) {
		fputs("stopped   ", o->f);
		msc_put_wrapped(o->f, 10, 10, why->msg);
		putc('\n', o->f);
	}
	if (!output_is(o, "json"))
		return 0;
	return msc_json_write(o->f,
			      msc_json_document(tool->cmd->document, &context,
						tool->device ? msc_device_json(tool->device) : NULL,
						status, why->msg),
			      err);
}

/* It is to say why there is no result, instead of what it has. What was printed cannot be taken back. */
static bool has_no_result(const struct output *o)
{
	if (o->f == stdout)
		return !o->written && !is_screen(o);
	return !o->written || memory_ran_out();
}

static int begin_anew(struct output *o, struct msc_err *err)
{
	if (o->f == stdout || (!o->file.temporary && !o->file.at_end))
		return 0;
	rewind(o->f); /* which forgets that it had failed */
	if (ftruncate(fileno(o->f), 0) == 0)
		return 0;
	return msc_fail_errno(err, MSC_E_IO, "cannot write %s", o->file.path);
}

static int end_one(struct tool *tool, struct output *o, int status, const struct msc_err *why,
		   struct msc_err *err)
{
	bool usage = status < 0 && why->code == MSC_E_USAGE;
	int result = 0;

	if (!o->f)
		return 0;
	if (tool->copied && output_is(o, "text"))
		fwrite(tool->copied, 1, tool->copied_len, o->f);
	if (status < 0 && !usage && has_no_result(o)) {
		result = begin_anew(o, err);
		if (result == 0)
			result = (tool->cmd->failed ? tool->cmd->failed
						    : say_why)(tool, o, tool_status(why), why, err);
	}
	if (o->f == stdout)
		return result;
	if (result == 0 && (!usage || o->written))
		return msc_outfile_keep(&o->file, err);
	msc_outfile_discard(&o->file);
	return result;
}

int outputs_end(struct tool *tool, int status, const struct msc_err *why, struct msc_err *err)
{
	int result = 0;

	if (tool->copies && tool->text && !msc_text_end(tool->text, &tool->copied))
		result = msc_nomem(err);
	tool->text = NULL;
	for (size_t i = 0; i < tool->n_outputs; i++)
		if (end_one(tool, &tool->outputs[i], status, why, err) < 0)
			result = -1;
	free(tool->copied);
	free(tool->outputs);
	tool->outputs = NULL;
	return result;
}
