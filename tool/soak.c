/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope soak: writes and reads much, compares all of it, and says what went wrong and where. What was
 * found is shown however it ended. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mscope.h"
#include "report/soak.h"
#include "tool.h"

struct job {
	struct tool *tool;
	struct msc_soak_options o;
	struct msc_session_options session;
	struct msc_soak soak;
	struct msc_device device;
	struct msc_medium_end end;
	uint8_t max_lun; /* that the device counts; 0: or it was not asked */
};

static int read_options(struct job *j, struct msc_err *err)
{
	const struct args *a = &j->tool->args;
	uint64_t lun = 0;

	j->o.seed = 1;
	if (arg_size(a, "bytes", UINT64_MAX, &j->o.bytes, err) < 0 ||
	    arg_duration(a, "duration", &j->o.duration_ns, err) < 0 ||
	    arg_size(a, "seed", INT64_MAX, &j->o.seed, err) < 0 ||
	    arg_size(a, "from", INT32_MAX, &j->o.from, err) < 0 ||
	    arg_size(a, "lun", MSC_LUN_MAX, &lun, err) < 0 ||
	    arg_duration(a, "timeout", &j->session.timeout_ns, err) < 0)
		return -1;
	if (arg(a, "bytes") && !j->o.bytes)
		return msc_fail(err, MSC_E_USAGE, "--bytes: expected more than none");
	if (!arg(a, "bytes") && !arg(a, "duration")) {
		j->o.bytes = MSC_SOAK_BYTES;
		j->o.duration_ns = MSC_SOAK_NS;
	}
	j->o.lun = (uint8_t)lun;
	if (!arg(a, "allow-writes"))
		return msc_fail(err, MSC_E_USAGE,
				"soak writes to the medium; give --allow-writes to allow it (a "
				"scratch range is saved and put back)");
	return 0;
}

static void show_progress(void *user, const char *text)
{
	const struct job *j = user;

	tool_progress(j->tool, text);
}

static int soak_medium(struct job *j, struct msc_session *s, struct msc_err *err)
{
	const struct msc_unit *u = msc_session_unit(s, j->o.lun);
	const struct msc_medium_options o = { .lun = j->o.lun,
					      .seed = j->o.seed,
					      .scratch = msc_soak_blocks(j->o.bytes, u->block_size),
					      .note = tool_medium_note };
	struct msc_medium *medium;
	int result;

	if (u->write_protected)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: the medium is write-protected",
				j->device.name);
	medium = msc_medium_begin(s, &o, err);
	if (!medium)
		return -1;
	result = msc_soak_run(s, medium, &j->o, &j->soak, err);
	msc_medium_finish(medium, &j->end);
	msc_medium_free(medium);
	return result;
}

static int use_target(struct job *j, struct msc_err *err)
{
	struct msc_target *target = tool_open(j->tool, true, err);
	struct msc_session *s;
	int result = -1;

	if (!target)
		return -1;
	j->device = target->device;
	j->session.log = &j->tool->log;
	j->session.hangs_max = j->session.timeout_ns ? 0 : MSC_SOAK_HANGS;
	j->session.queued = arg(&j->tool->args, "queued");
	j->session.allow_writes = true;
	s = msc_session_new(target, &j->session);
	if (s) {
		msc_session_set_stop(s, tool_stop, NULL);
		if (msc_session_max_lun(s, &j->max_lun, err) == 0 &&
		    msc_session_learn(s, j->o.lun, err) == 0)
			result = soak_medium(j, s, err);
	} else {
		msc_nomem(err);
	}
	msc_session_free(s);
	msc_target_close(target);
	return result;
}

/* The same command line: what is done follows from it alone. With what goes on, whoever reads it adds
 * --from. */
static char *repeat_of(const struct tool *tool, bool go_on)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (const char **a = tool->argv; f && *a; a++) {
		if (go_on && strncmp(*a, "--from", strlen("--from")) == 0) {
			a += (*a)[strlen("--from")] == '\0';
			continue;
		}
		fputs(a == tool->argv ? "" : " ", f);
		msc_put_word(f, *a);
	}
	return f && msc_text_end(f, &text) ? text : NULL;
}

static int show(struct job *j, int status, const char *reason, struct msc_err *err)
{
	struct tool *tool = j->tool;
	const struct msc_report_context context = tool_context(tool);
	char *repeat = repeat_of(tool, false), *go_on = repeat_of(tool, true);
	const struct msc_soak_report r = { .device = &j->device,
					   .soak = &j->soak,
					   .lun = j->o.lun,
					   .max_lun = j->max_lun,
					   .repeat = repeat ? repeat : "",
					   .go_on = go_on ? go_on : "",
					   .reason = reason,
					   .restored = j->end.restored,
					   .elsewhere = j->end.elsewhere,
					   .context = &context,
					   .exit_status = status };
	int result = 0;

	if (tool->text)
		msc_soak_print(tool->text, &r);
	if (json_is_wanted(tool))
		result = write_json(tool, msc_soak_json(&r), err);
	free(repeat);
	free(go_on);
	return result;
}

static int run(struct job *j, struct msc_err *err)
{
	struct msc_err unwritten = MSC_ERR_INIT;
	bool found;
	int result, status;

	j->o.progress = show_progress;
	j->o.user = j;
	result = use_target(j, err);
	tool_progress(j->tool, "");
	if (result < 0 && !j->soak.writes)
		return -1;
	found = *j->soak.failure || j->soak.n_wrong || j->soak.n_failed || !j->end.restored ||
		j->end.elsewhere;
	status = result < 0 ? tool_status(err) : found ? MSCOPE_FAILED : MSCOPE_PASSED;
	if (show(j, status, result < 0 ? err->msg : NULL, &unwritten) < 0 && result == 0) {
		*err = unwritten;
		return -1;
	}
	return result < 0 ? -1 : status;
}

static int soak(struct tool *tool, struct msc_err *err)
{
	struct job *j = calloc(1, sizeof *j);
	int status = -1;

	if (!j)
		return msc_nomem(err);
	j->tool = tool;
	if (tool_one_target(j->tool, err) == 0 && read_options(j, err) == 0)
		status = run(j, err);
	msc_soak_free(&j->soak);
	free(j);
	return status;
}

static const struct opt soak_options[] = {
	{ "bytes", 0, "SIZE", "written plus compared, together; 64M, or 60s, unless given" },
	{ "duration", 0, "TIME", "time limit; with --bytes, whichever ends first" },
	{ "from", 0, "N", "begin with the N-th round of the seed" },
	{ "lun", 0, "N", "the logical unit; 0 unless given" },
	{ "queued", 0, NULL, "submit CBW, data and CSW together where the device can" },
	{ "allow-writes", 0, NULL, "required; a scratch range is saved and restored" },
	{ "replug", 0, "[TIME]",
	  "allow power off: by the hub's port, or by hand within TIME" },
	{ .name = NULL },
};

const struct cmd cmd_soak = {
	.name = "soak",
	.summary = "write and read at random, compare everything, and locate what is wrong",
	.usage = "[TARGET] --allow-writes [OPTION]...",
	.options = { soak_options, target_options, common_options },
	.verbose = "show all wrong blocks; twice: log every transfer",
	.quiet = "log nothing, show no progress, and no text when the exit status is 0",
	.document = "mscope.soak/1",
	.format = plain_format,
	.run = soak,
};
