/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope fuzz: random conversations, and each failure as a scenario file. What was found is shown however
 * it ended. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mscope.h"
#include "repeat.h"
#include "report/fuzz.h"
#include "tool.h"

#define PROGRESS 64 /* conversations between two lines of it */

struct job {
	struct tool *tool;
	struct msc_fuzz_options o;
	struct msc_fuzz fuzz;
	const char *dir, *corpus; /* NULL: the one it is in; none */
	bool opened;
};

/* ---- files ------------------------------------------------------------------------------------- */

static int make_dir(const char *path, struct msc_err *err)
{
	if (!path || mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	return msc_fail_errno(err, MSC_E_IO, "%s: cannot be made", path);
}

static int write_file(const char *path, const char *text, struct msc_err *err)
{
	struct msc_outfile file;

	if (msc_outfile_open(&file, path, err) < 0)
		return -1;
	fputs(text, file.f);
	return msc_outfile_keep(&file, err);
}

/* "expect.status" of "READ(10)": fuzz-expect.status-read10.yaml */
static int path_of(const struct job *j, const struct msc_fuzz_what *what, char **path,
		   struct msc_err *err)
{
	char command[sizeof what->command];
	size_t n = 0;

	for (const char *p = what->command; *p; p++)
		if ((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9'))
			command[n++] = (char)(*p >= 'A' ? *p + ('a' - 'A') : *p);
	command[n] = '\0';
	if (asprintf(path, "%s%sfuzz-%s%s%s.yaml", j->dir ? j->dir : "", j->dir ? "/" : "",
		     msc_fuzz_name(what), n ? "-" : "", command) < 0) {
		*path = NULL;
		return msc_nomem(err);
	}
	return 0;
}

static int on_found(void *user, struct msc_fuzz_failure *f, struct msc_err *err)
{
	struct job *j = user;

	if (path_of(j, &f->what, &f->path, err) < 0)
		return -1;
	return write_file(f->path, f->text, err);
}

static int on_keep(void *user, uint64_t conversation, const char *text, struct msc_err *err)
{
	const struct job *j = user;
	char *path;
	int rc;

	if (asprintf(&path, "%s/%" PRIu64 "-%" PRIu64 ".yaml", j->corpus, j->o.seed, conversation) <
	    0)
		return msc_nomem(err);
	rc = write_file(path, text, err);
	free(path);
	return rc;
}

/* ---- options ----------------------------------------------------------------------------------- */

static int read_profile(struct job *j, struct msc_err *err)
{
	const char *profile = arg(&j->tool->args, "profile");

	j->o.run.profile = MSC_PROFILE_USBIF;
	if (profile && msc_profile_parse(profile, &j->o.run.profile, err) < 0)
		return -1;
	if (j->o.run.profile == MSC_PROFILE_INTEROP)
		return msc_fail(err, MSC_E_USAGE,
				"--profile interop: nothing fails there but what a host really "
				"sends; fuzz takes spec and usbif");
	return 0;
}

static int read_options(struct job *j, struct msc_err *err)
{
	const struct args *a = &j->tool->args;
	uint64_t lun = 0;

	j->o.seed = 1;
	if (arg_size(a, "seed", INT64_MAX, &j->o.seed, err) < 0 ||
	    arg_size(a, "count", INT32_MAX, &j->o.count, err) < 0 ||
	    arg_size(a, "from", INT32_MAX, &j->o.first, err) < 0 ||
	    arg_duration(a, "duration", &j->o.duration_ns, err) < 0 ||
	    arg_size(a, "lun", MSC_LUN_MAX, &lun, err) < 0 ||
	    arg_duration(a, "timeout", &j->o.run.timeout_ns, err) < 0 || read_profile(j, err) < 0)
		return -1;
	if (arg(a, "count") && !j->o.count)
		return msc_fail(err, MSC_E_USAGE, "--count: expected more than none");
	if (!arg(a, "count") && !arg(a, "duration"))
		j->o.count = MSC_FUZZ_CONVERSATIONS;
	j->o.one = arg(a, "first");
	j->o.run.lun = (uint8_t)lun;
	j->o.run.allow_writes = arg(a, "allow-writes");
	j->o.run.queued = arg(a, "queued");
	j->o.run.log = j->tool->log.level < MSC_LOG_TRACE ? NULL : &j->tool->log;
	j->o.run.stop = tool_stop;
	j->dir = arg(a, "output");
	j->corpus = arg(a, "corpus");
	return make_dir(j->dir, err) < 0 || make_dir(j->corpus, err) < 0 ? -1 : 0;
}

static const struct opt fuzz_options[] = {
	{ "count", 0, "N", "number of conversations; 2000 unless given" },
	{ "duration", 0, "TIME", "time limit on the device's clock" },
	{ "first", 0, NULL, "stop at the first failure" },
	{ "from", 0, "N", "begin with the N-th conversation of the seed" },
	{ "profile", 0, "NAME", "what counts as a failure: usbif (the default) or spec" },
	{ "output", 'o', "DIR", "directory for scenario files of failures; default: here" },
	{ "corpus", 0, "DIR", "directory to keep conversations that reached something new" },
	{ "seed", 0, "N", "seed of the random conversations; 1 unless given" },
	{ "lun", 0, "N", "the logical unit; 0 unless given" },
	{ "timeout", 0, "TIME", "time-out for each phase; 30s unless given" },
	{ "any-interface", 0, NULL,
	  "drive a real device that does not declare mass storage" },
	{ "queued", 0, NULL, "submit CBW, data and CSW together where the device can" },
	{ "allow-writes", 0, NULL, "also write; a scratch range is saved and restored" },
	{ .name = NULL },
};

/* ---- the run ----------------------------------------------------------------------------------- */

static struct msc_target *on_open(void *user, bool *once, struct msc_err *err)
{
	struct job *j = user;
	const struct msc_open_options options = { .allow_writes = j->o.run.allow_writes,
						  .log = j->o.run.log,
						  .stop = tool_stop };
	struct msc_target *target = j->opened ? msc_target_open(j->tool->target, &options, err)
					      : tool_open(j->tool, j->o.run.allow_writes, err);

	j->opened = true;
	*once = target && !repeat_can(target);
	return target;
}

static void on_progress(void *user, const struct msc_fuzz *fuzz)
{
	const struct job *j = user;
	char text[96];

	if (fuzz->conversations % PROGRESS)
		return;
	snprintf(text, sizeof text, "%" PRIu64 " conversations, %zu failures", fuzz->conversations,
		 fuzz->n_failures);
	tool_progress(j->tool, text);
}

/* What "mscope run" needs to see a failure again; and what goes on with the conversations. */
static bool is_of_run(const struct opt *o)
{
	static const char *const both[] = { "profile", "lun", "timeout", "queued",
					    "any-interface" };

	for (size_t i = 0; i < MSC_COUNT(both); i++)
		if (!strcmp(o->name, both[i]))
			return true;
	return false;
}

static bool is_of_fuzz(const struct opt *o)
{
	return opt_is_in(o, fuzz_options) && strcmp(o->name, "from") != 0;
}

static int show(struct job *j, int status, struct msc_err *err)
{
	struct tool *tool = j->tool;
	const struct msc_report_context context = tool_context(tool);
	char *plays = repeat_line(tool, "run", is_of_run);
	char *repeat = repeat_line(tool, "fuzz", is_of_fuzz);
	const struct msc_fuzz_report r = { .fuzz = &j->fuzz,
					   .plays = plays ? plays : "",
					   .repeat = repeat ? repeat : "",
					   .context = &context,
					   .exit_status = status };
	int result = plays && repeat ? 0 : msc_nomem(err);

	if (tool->text)
		msc_fuzz_print(tool->text, &r);
	if (result == 0 && json_is_wanted(tool))
		result = write_json(tool, msc_fuzz_json(&r), err);
	free(plays);
	free(repeat);
	return result;
}

static int run(struct job *j, struct msc_err *err)
{
	struct msc_err unwritten = MSC_ERR_INIT;
	int result, status;

	j->o.open = on_open;
	j->o.found = on_found;
	j->o.keep = j->corpus ? on_keep : NULL;
	j->o.progress = on_progress;
	j->o.user = j;
	result = msc_fuzz_run(&j->o, &j->fuzz, err);
	tool_progress(j->tool, "");
	if (result < 0 && !j->fuzz.conversations)
		return -1;
	status = result < 0 ? tool_status(err) : j->fuzz.n_failures ? MSCOPE_FAILED : MSCOPE_PASSED;
	if (show(j, status, &unwritten) < 0 && result == 0) {
		*err = unwritten;
		return -1;
	}
	return result < 0 ? -1 : status;
}

static int fuzz(struct tool *tool, struct msc_err *err)
{
	struct job *j = calloc(1, sizeof *j);
	int status = -1;

	if (!j)
		return msc_nomem(err);
	j->tool = tool;
	if (tool_one_target(j->tool, err) == 0 && read_options(j, err) == 0)
		status = run(j, err);
	msc_fuzz_free(&j->fuzz);
	free(j);
	return status;
}

const struct cmd cmd_fuzz = {
	.name = "fuzz",
	.summary = "send random sequences, legal and illegal; shrink a failure to a short scenario",
	.usage = "[TARGET] [OPTION]...",
	.options = { fuzz_options, common_options },
	.verbose = "the other rules that a failure breaks, too; twice: every transfer",
	.quiet = "log nothing, show no progress, and no text when the exit status is 0",
	.document = "mscope.fuzz/1",
	.format = plain_format,
	.own_seed = true,
	.run = fuzz,
};
