/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope write: new contents for a file inside a device, in the blocks that it has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "direct/volume.h"
#include "medium/medium.h"
#include "tool.h"

#define FILE_MAX (64u << 20) /* bytes: that many are kept in memory and in the journal */

struct job {
	struct tool *tool;
	const char *file; /* inside it */
	uint8_t lun;
	uint8_t *data; /* what was given; zeros behind it with --fill */
	size_t len;
	uint64_t size; /* of the file */
	struct msc_extent *extent;
	size_t n, room;
	struct msc_target *target;
	struct msc_session *session;
};

/* ---- what is to be written ---------------------------------------------------------------------- */

static int take_input(struct job *j, FILE *f, const char *name, struct msc_err *err)
{
	size_t n;

	j->data = malloc((size_t)FILE_MAX + 1);
	if (!j->data)
		return msc_nomem(err);
	while ((n = fread(j->data + j->len, 1, FILE_MAX + 1 - j->len, f)) > 0)
		j->len += n;
	if (caught_signal())
		return msc_fail(err, MSC_E_INTERRUPTED, "stopped while reading %s", name);
	if (ferror(f))
		return msc_fail_errno(err, MSC_E_IO, "cannot read %s", name);
	if (j->len > FILE_MAX)
		return msc_fail(err, MSC_E_IO, "%s is too long: at most %u MiB are written", name,
				FILE_MAX >> 20);
	return 0;
}

static int read_input(struct job *j, struct msc_err *err)
{
	const char *name = arg(&j->tool->args, "input");
	FILE *f;
	int rc;

	if (!name || !strcmp(name, "-"))
		return take_input(j, stdin, "standard input", err);
	f = fopen(name, "rbe");
	if (!f)
		return msc_fail_errno(err, MSC_E_IO, "cannot read %s", name);
	rc = take_input(j, f, name, err);
	fclose(f);
	return rc;
}

/* ---- where to ----------------------------------------------------------------------------------- */

/* A place of the file; blocks in a row become one. */
static int add_place(void *user, uint64_t at, uint64_t offset, uint64_t len, struct msc_err *err)
{
	struct job *j = user;
	struct msc_extent *last = j->n ? &j->extent[j->n - 1] : NULL;

	j->size = at + len;
	if (at >= FILE_MAX)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s is too long: files of up to %u MiB are written", j->file,
				FILE_MAX >> 20);
	if (last && last->offset + last->len == offset) {
		last->len += (size_t)len;
		return 0;
	}
	if (j->n == j->room) {
		size_t room = 2 * j->room + 16;
		struct msc_extent *more = reallocarray(j->extent, room, sizeof *more);

		if (!more)
			return msc_nomem(err);
		j->extent = more;
		j->room = room;
	}
	j->extent[j->n++] = (struct msc_extent){ .offset = offset, .len = (size_t)len };
	return 0;
}

static int find_places(struct job *j, struct msc_err *err)
{
	struct msc_bytes bytes;
	struct msc_volume *v = NULL;
	int rc = msc_bytes_of_unit(&bytes, j->session, j->lun, err);

	if (rc == 0) {
		v = msc_volume_open(&bytes, err);
		rc = v ? msc_volume_places(v, j->file, add_place, j, err) : -1;
	}
	msc_volume_close(v);
	msc_bytes_end(&bytes);
	return rc;
}

/* A file keeps its length, for that is in its directory. */
static int fit(struct job *j, struct msc_err *err)
{
	size_t at = 0, i = 0;
	bool fill = arg(&j->tool->args, "fill");

	if (j->len > j->size)
		return msc_fail(err, MSC_E_IO,
				"%zu bytes do not go into %s, which has %llu and cannot grow",
				j->len, j->file, (unsigned long long)j->size);
	if (fill) {
		memset(j->data + j->len, 0, (size_t)j->size - j->len);
		j->len = (size_t)j->size;
	}
	if (j->len < j->size && j->tool->verbosity >= 0)
		tool_tell("%s has %llu bytes and keeps them: the last %llu stay what they "
			  "are (--fill makes zeros of them)",
			  j->file, (unsigned long long)j->size,
			  (unsigned long long)(j->size - j->len));
	for (; i < j->n && at < j->len; i++) {
		struct msc_extent *x = &j->extent[i];

		x->data = j->data + at;
		x->len = x->len < j->len - at ? x->len : j->len - at;
		at += x->len;
	}
	j->n = i;
	return 0;
}

/* ---- the command -------------------------------------------------------------------------------- */

static int replace(struct job *j, struct msc_err *err)
{
	const struct msc_medium_options o = { .lun = j->lun, .note = tool_medium_note };
	struct msc_medium *m;
	int rc;

	if (find_places(j, err) < 0 || fit(j, err) < 0)
		return -1;
	if (!j->len)
		return 0;
	m = msc_medium_new(j->session, &o, err);
	if (!m)
		return -1;
	rc = msc_medium_replace(m, j->extent, j->n, arg(&j->tool->args, "live"), err);
	msc_medium_free(m);
	return rc;
}

static int open_session(struct job *j, struct msc_session_options *options, struct msc_err *err)
{
	j->target = tool_open(j->tool, true, err);
	if (!j->target)
		return -1;
	j->session = msc_session_new(j->target, options);
	if (!j->session)
		return msc_nomem(err);
	msc_session_set_stop(j->session, tool_stop, NULL);
	return 0;
}

static int understand(struct job *j, struct msc_session_options *options, struct msc_err *err)
{
	struct tool *tool = j->tool;
	uint64_t lun = 0;

	if (tool_target(tool, err) < 0 ||
	    arg_duration(&tool->args, "timeout", &options->timeout_ns, err) < 0 ||
	    arg_size(&tool->args, "lun", MSC_LUN_MAX, &lun, err) < 0)
		return -1;
	j->lun = (uint8_t)lun;
	j->file = arg(&tool->args, "file");
	if (tool->args.n_words > tool->target_words)
		return msc_fail(err, MSC_E_USAGE, "write takes one target, not '%s' too",
				tool->args.words[tool->target_words]);
	if (!j->file)
		return msc_fail(err, MSC_E_USAGE, "--file says which file is overwritten");
	if (!arg(&tool->args, "allow-writes"))
		return msc_fail(
			err, MSC_E_USAGE,
			"writing changes the medium for good; give --allow-writes to allow it");
	return 0;
}

static int write_command(struct tool *tool, struct msc_err *err)
{
	struct job j = { .tool = tool };
	struct msc_session_options options = { .log = &tool->log, .allow_writes = true };
	int rc = understand(&j, &options, err);

	if (rc == 0)
		rc = read_input(&j, err);
	if (rc == 0)
		rc = open_session(&j, &options, err);
	if (rc == 0)
		rc = replace(&j, err);
	msc_session_free(j.session);
	msc_target_close(j.target);
	free(j.extent);
	free(j.data);
	return rc;
}

static const struct opt write_options[] = {
	{ "file", 'f', "PATH", "the file inside the device" },
	{ "input", 'i', "FILE", "what it gets; standard input unless given" },
	{ "fill", 0, NULL, "zeros for what is left of a longer file" },
	{ "live", 0, NULL, "the file acts when it is written: do not read it back" },
	{ "allow-writes", 0, NULL, "write; what was there is not put back" },
	{ "lun", 0, "N", "the logical unit; 0 unless given" },
	{ .name = NULL },
};

const struct cmd cmd_write = {
	.name = "write",
	.summary = "overwrite a file inside a device, in the blocks that it occupies",
	.usage = "[TARGET] --file PATH --allow-writes [OPTION]...",
	.options = { write_options, target_options, log_options },
	.run = write_command,
};
