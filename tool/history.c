/* SPDX-License-Identifier: BSD-2-Clause */
/* compare --history: the benches that a directory holds, in the order of their names, and at which the
 * speed changed. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "report/series.h"

#define SUFFIX ".json"

struct files {
	const char *directory;
	struct dirent **names;
	int n;
	struct msc_series_entry *entry;
	struct msc_bench *bench;
};

static int is_document(const struct dirent *e)
{
	size_t len = strlen(e->d_name), suffix = strlen(SUFFIX);

	return e->d_name[0] != '.' && len > suffix && !strcmp(e->d_name + len - suffix, SUFFIX);
}

static void files_free(struct files *f)
{
	for (int i = 0; i < f->n; i++) {
		msc_bench_free(&f->bench[i]);
		free(f->names[i]);
	}
	free(f->names);
	free(f->entry);
	free(f->bench);
}

/* What is no bench, or measured nothing, is left out and told; a file that cannot be read is a failure. */
static int read_one(struct files *f, int i, struct msc_err *err)
{
	struct msc_series_entry *e = &f->entry[i];
	struct msc_err why = MSC_ERR_INIT;
	size_t size = strlen(f->directory) + strlen(f->names[i]->d_name) + 2, skip;
	char *path = malloc(size);
	int result;

	if (!path)
		return msc_nomem(err);
	snprintf(path, size, "%s/%s", f->directory, f->names[i]->d_name);
	*e = (struct msc_series_entry){ .name = f->names[i]->d_name, .bench = &f->bench[i] };
	result = msc_bench_read(path, &f->bench[i], &why);
	if (result < 0 && (why.code == MSC_E_FORMAT || why.code == MSC_E_UNDECIDED)) {
		skip = !strncmp(why.msg, path, size - 1) ? size - 1 : 0;
		skip += strspn(why.msg + skip, ": ");
		snprintf(e->left_out, sizeof e->left_out, "%.220s", why.msg + skip);
		result = 0;
	} else if (result < 0) {
		*err = why;
	}
	free(path);
	return result;
}

static int read_all(struct files *f, struct msc_err *err)
{
	int n = scandir(f->directory, &f->names, is_document, versionsort);

	if (n < 0)
		return msc_fail_errno(err, MSC_E_IO, "cannot read %s", f->directory);
	f->n = n;
	f->entry = calloc((size_t)n + 1, sizeof *f->entry);
	f->bench = calloc((size_t)n + 1, sizeof *f->bench);
	if (!f->entry || !f->bench) {
		free(f->bench);
		f->bench = NULL;
		f->n = 0;
		return msc_nomem(err);
	}
	for (int i = 0; i < n; i++)
		if (read_one(f, i, err) < 0)
			return -1;
	return n ? 0
		 : msc_fail(err, MSC_E_UNDECIDED, "%s: there are no files called *%s", f->directory,
			    SUFFIX);
}

static int show(struct tool *tool, const struct files *f, const struct msc_series *h, int status,
		struct msc_err *err)
{
	const struct msc_report_context context = tool_context(tool);
	const struct msc_series_report r = {
		.history = h, .directory = f->directory, .context = &context, .exit_status = status
	};

	if (tool->text && (tool->verbosity >= 0 || status))
		msc_series_print(tool->text, &r);
	return json_is_wanted(tool) ? write_json(tool, msc_series_json(&r), err) : 0;
}

static int options_check(const struct tool *tool, struct msc_err *err)
{
	if (tool->args.n_words)
		return msc_fail(err, MSC_E_USAGE,
				"--history takes the files of its directory, and no others: '%s'",
				tool->args.words[0]);
	for (size_t i = 0; i < tool->n_outputs; i++) {
		const struct output *o = &tool->outputs[i];

		if (!output_is(o, "text") && !output_is(o, "json"))
			return msc_fail(err, MSC_E_USAGE,
					"--history makes the formats text and json only");
	}
	return 0;
}

int history_compare(struct tool *tool, const struct msc_compare_options *o, struct msc_err *err)
{
	struct files f = { .directory = arg(&tool->args, "history") };
	struct msc_series h = { .n_runs = 0 };
	int status = -1;

	if (options_check(tool, err) < 0)
		return -1;
	if (read_all(&f, err) == 0) {
		if (msc_series_of(f.entry, (size_t)f.n, o, &h, err) < 0) {
			msc_err_prefix(err, "%s: ", f.directory);
		} else {
			status = gate_exit_status(msc_series_verdict(&h));
			if (show(tool, &f, &h, status, err) < 0)
				status = -1;
		}
	}
	msc_series_free(&h);
	files_free(&f);
	return status;
}
