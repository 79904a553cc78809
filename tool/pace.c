/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope pace: measures how a device spends the time of its reads, says what to do about it, and
 * draws one exchange. What was measured is shown however it ended. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "mscope.h"
#include "report/pace.h"
#include "timing/pace_capture.h"
#include "tool.h"
#include "window.h"

#define BATCH 16384 /* packets between two looks at the progress */

struct job {
	struct tool *tool;
	struct msc_pace_options o;
	struct msc_pace_samples samples;
	int64_t column_ns; /* of the picture; 0: so that all is in it */
	struct msc_pace pace;
	struct msc_device device;
	bool writes; /* are what is measured */
	bool not_restored;
	const char *capture; /* the file; NULL: a target is measured */
	struct msc_window window;
	struct msc_pace_collector *collector;
	bool told_nothing; /* of a capture: there is no verdict */
	struct msc_err err; /* of a callback */
};

/* ---- options ----------------------------------------------------------------------------------- */

static int add_size(struct job *j, const char *word, struct msc_err *err)
{
	uint64_t blocks;

	if (arg_blocks(word, &blocks, err) < 0)
		return -1;
	for (size_t i = 0; i < j->o.n_blocks; i++)
		if (j->o.blocks[i] == blocks)
			return msc_fail(err, MSC_E_USAGE, "--blocks: %s is there twice", word);
	if (j->o.n_blocks == MSC_PACE_SIZES_MAX)
		return msc_fail(err, MSC_E_USAGE, "--blocks: more than %d sizes",
				MSC_PACE_SIZES_MAX);
	j->o.blocks[j->o.n_blocks++] = (uint32_t)blocks;
	return 0;
}

static int read_sizes(struct job *j, const char *text, struct msc_err *err)
{
	char *copy = strdup(text), *left = copy, *word;
	int result = copy ? 0 : msc_nomem(err);

	while (result == 0 && (word = strsep(&left, ",")))
		result = add_size(j, word, err);
	free(copy);
	return result;
}

static int read_mode(struct job *j, const char *text, struct msc_err *err)
{
	bool serial = text && !strcmp(text, "serial"), queued = text && !strcmp(text, "queued");

	if (text && !serial && !queued && strcmp(text, "both"))
		return msc_fail(err, MSC_E_USAGE, "--mode: '%s' is none of serial, queued, both",
				text);
	j->o.serial = !queued;
	j->o.queued = !serial;
	return 0;
}

static int read_op(struct job *j, const char *text, struct msc_err *err)
{
	static const char *const of_read[] = { "mode", "timeline", "scale", NULL };

	j->writes = text && !strcmp(text, "write");
	if (text && !j->writes && strcmp(text, "read"))
		return msc_fail(err, MSC_E_USAGE, "--op: '%s' is none of read, write", text);
	if (j->writes && !arg(&j->tool->args, "allow-writes"))
		return msc_fail(err, MSC_E_USAGE,
				"writing changes the medium; give --allow-writes to allow it (a "
				"scratch range is saved and put back)");
	return j->writes ? args_refuse(&j->tool->args, of_read, "that is for reads", err) : 0;
}

static int read_options(struct job *j, struct msc_err *err)
{
	const struct args *a = &j->tool->args;
	static const char *const of_picture[] = { "scale", NULL };
	uint64_t count = 0, lba = 0, lun = 0;

	if (j->tool->verbosity < 0 && !arg(a, "timeline") &&
	    args_refuse(a, of_picture, "--quiet leaves the picture out", err) < 0)
		return -1;
	if (read_op(j, arg(a, "op"), err) < 0 || read_mode(j, arg(a, "mode"), err) < 0 ||
	    (arg(a, "blocks") && read_sizes(j, arg(a, "blocks"), err) < 0) ||
	    arg_size(a, "count", 10000, &count, err) < 0 ||
	    arg_size(a, "lba", UINT32_MAX, &lba, err) < 0 ||
	    arg_size(a, "lun", MSC_LUN_MAX, &lun, err) < 0 ||
	    arg_duration(a, "scale", &j->column_ns, err) < 0 ||
	    arg_duration(a, "timeout", &j->o.timeout_ns, err) < 0)
		return -1;
	if (arg(a, "count") && !count)
		return msc_fail(err, MSC_E_USAGE, "--count: expected at least 1");
	j->o.count = (uint32_t)count;
	j->o.first_lba = lba;
	j->o.lun = (uint8_t)lun;
	return 0;
}

/* A word that is no target and names a file, or standard input. */
static bool is_capture(const char *word)
{
	const char *rest;
	struct stat st;

	if (!strcmp(word, "-"))
		return true;
	return !msc_transport_of(word, &rest) && stat(word, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode));
}

/* What is asked of a device cannot be asked of a capture, and the other way round. */
static int check_source(const struct job *j, struct msc_err *err)
{
	static const char *const of_target[] = { "op",
						 "blocks",
						 "count",
						 "lba",
						 "allow-writes",
						 "record",
						 "record-transfers",
						 "timeout",
						 "seed",
						 "any-interface",
						 "log",
						 NULL };
	static const char *const of_capture[] = { "time", "device", NULL };

	return args_refuse(&j->tool->args, j->capture ? of_target : of_capture,
			   j->capture ? "a capture is what it is; that is for a target"
				      : "that is for a capture",
			   err);
}

static int find_source(struct job *j, struct msc_err *err)
{
	struct tool *tool = j->tool;
	const char *rest;
	size_t words = 1;

	if (tool->args.n_words && is_capture(tool->args.words[0])) {
		j->capture = tool->args.words[0];
	} else if (tool->args.n_words && !strchr(tool->args.words[0], ':') &&
		   !msc_transport_of(tool->args.words[0], &rest) &&
		   access(tool->args.words[0], F_OK) < 0) {
		return msc_fail(err, MSC_E_USAGE,
				"'%s' is no capture, for there is no such file, and no target: "
				"\"mscope list targets\" shows how one is named",
				tool->args.words[0]);
	} else {
		if (tool_target(tool, err) < 0)
			return -1;
		words = tool->target_words;
	}
	if (tool->args.n_words > words)
		return msc_fail(err, MSC_E_USAGE, "pace takes one target or one capture, not '%s'",
				tool->args.words[words]);
	return check_source(j, err) < 0 || window_read(&j->window, &tool->args, err) < 0 ? -1 : 0;
}

/* ---- measuring --------------------------------------------------------------------------------- */

static void show_progress(void *user, const char *text)
{
	const struct job *j = user;

	tool_progress(j->tool, text);
}

/* The very bytes that are there are written: the range is saved all the same. */
static int measure_writes(struct job *j, struct msc_session *s, struct msc_err *err)
{
	struct msc_medium *medium = tool_medium_begin(s, j->o.lun, 1, 0, err);
	const uint8_t *data;
	size_t len;
	int result;

	if (!medium)
		return -1;
	data = msc_medium_original(medium, msc_medium_first(medium), &len);
	result = !data ? msc_fail(err, MSC_E_UNSUPPORTED, "there is no medium in unit %u", j->o.lun)
		       : msc_pace_probe_writes(s, &j->o, msc_medium_first(medium),
					       msc_medium_blocks(medium), data, &j->samples, err);
	j->not_restored = !tool_medium_end(medium);
	return result;
}

/* All of it is about writes, which stay within a range that is saved before and put back afterwards. */
static int measure_writing(struct job *j, struct msc_session *s, struct msc_err *err)
{
	struct msc_medium *medium = tool_medium_begin(s, j->o.lun, 1, MSC_WRITING_SCRATCH, err);
	int result;

	if (!medium)
		return -1;
	result = msc_medium_blocks(medium)
			 ? msc_pace_probe_writing(s, &j->o, medium, &j->samples, err)
			 : msc_fail(err, MSC_E_UNSUPPORTED, "%s: there is no medium in unit %u",
				    msc_session_target(s)->device.name, j->o.lun);
	j->not_restored = !tool_medium_end(medium);
	return result;
}

static int measure(struct job *j, struct msc_session *s, struct msc_err *err)
{
	if (j->writes)
		return msc_session_learn(s, j->o.lun, err) < 0 ? -1 : measure_writing(j, s, err);
	if (msc_session_learn(s, j->o.lun, err) < 0 ||
	    msc_pace_probe(s, &j->o, &j->samples, err) < 0)
		return -1;
	if (*j->samples.failure || !arg(&j->tool->args, "allow-writes"))
		return 0;
	return measure_writes(j, s, err);
}

static int use_target(struct job *j, struct msc_err *err)
{
	struct msc_session_options options = { .log = &j->tool->log,
					       .allow_writes = arg(&j->tool->args, "allow-writes"),
					       .queued = true,
					       .timeout_ns = j->o.timeout_ns };
	struct msc_target *target = tool_open(j->tool, arg(&j->tool->args, "allow-writes"), err);
	struct msc_session *s;
	int result = -1;

	if (!target)
		return -1;
	j->device = target->device;
	if (!arg(&j->tool->args, "allow-writes"))
		tool_tell_journal(target);
	s = msc_session_new(target, &options);
	if (s) {
		msc_session_set_stop(s, tool_stop, NULL);
		result = measure(j, s, err);
	} else {
		msc_nomem(err);
	}
	msc_session_free(s);
	msc_target_close(target);
	return result;
}

/* ---- a capture --------------------------------------------------------------------------------- */

static bool is_asked_for(const struct job *j, const struct msc_talk *t)
{
	return !j->window.device || t->number == j->window.device;
}

static void on_wire(void *user, const struct msc_talk *t, const struct msc_log_entry *e)
{
	struct job *j = user;

	if (!j->err.code && is_asked_for(j, t))
		(void)!msc_pace_collect_wire(j->collector, t, e, &j->err);
}

static void on_packet(void *user, const struct msc_talk *t, const struct msc_bus_packet *p)
{
	struct job *j = user;

	if (!j->err.code && is_asked_for(j, t))
		(void)!msc_pace_collect_packet(j->collector, t, p, &j->err);
}

static void on_record(void *user, const struct msc_talk *t, const struct msc_record *r)
{
	struct job *j = user;

	if (!j->err.code && msc_window_has(&j->window, t, r))
		(void)!msc_pace_collect_record(j->collector, t, r, &j->err);
}

static int read_capture(struct job *j, struct msc_capture *c, struct msc_err *err)
{
	const struct msc_capture_facts *facts = msc_capture_facts(c);
	bool over = false;
	int result = 0;

	while (!over && result == 0) {
		double share = msc_capture_share(c);
		char text[64];

		snprintf(text, sizeof text, share < 0 ? "%.0f packets" : "%3.0f %%",
			 share < 0 ? (double)facts->packets : 100 * share);
		tool_progress(j->tool, text);
		result = msc_capture_read(c, BATCH, &over, err);
		if (j->err.code) {
			*err = j->err;
			return -1;
		}
		if (tool_stop(NULL)) /* what was there until then counts */
			result = msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	}
	if (!facts->talks && result == 0)
		return msc_window_nothing(j->capture, facts, err);
	j->told_nothing = !msc_pace_collect_end(j->collector, facts, &j->device);
	return result;
}

static int use_capture(struct job *j, struct msc_err *err)
{
	const struct msc_capture_options options = {
		.record = on_record, .wire = on_wire, .packet = on_packet, .user = j
	};
	struct msc_capture *c;
	int result = -1;

	j->collector = msc_pace_collector_new(&j->samples);
	if (!j->collector)
		return msc_nomem(err);
	c = msc_capture_open(j->capture, &options, err);
	if (c)
		result = read_capture(j, c, err);
	msc_capture_close(c);
	msc_pace_collector_free(j->collector);
	return result;
}

/* ---- showing ----------------------------------------------------------------------------------- */

static bool terminal_takes_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return !strcasecmp(nl_langinfo(CODESET), "UTF-8");
}

static int show(struct job *j, int status, const char *reason, struct msc_err *err)
{
	struct tool *tool = j->tool;
	const struct msc_report_context context = tool_context(tool);
	const struct msc_pace_report r = { .device = &j->device,
					   .pace = &j->pace,
					   .picture = &j->samples.picture,
					   .samples = &j->samples,
					   .capture = j->capture,
					   .failure = j->samples.failure,
					   .reason = reason,
					   .picture_only = arg(&tool->args, "timeline"),
					   .column_ns = j->column_ns,
					   .utf8 = terminal_takes_utf8(),
					   .context = &context,
					   .exit_status = status };

	if (msc_pace_analyse(&j->samples, &j->o, &j->pace, err) < 0)
		return -1;
	if (tool->text)
		msc_pace_print(tool->text, &r);
	return json_is_wanted(tool) ? write_json(tool, msc_pace_json(&r), err) : 0;
}

static int run(struct job *j, struct msc_err *err)
{
	struct msc_err unwritten = MSC_ERR_INIT;
	int result, status;

	j->o.stop = tool_stop;
	j->o.progress = show_progress;
	j->o.user = j;
	result = j->capture ? use_capture(j, err) : use_target(j, err);
	tool_progress(j->tool, "");
	if (result < 0 && !j->samples.n_commands)
		return -1;
	status = result < 0                               ? tool_status(err)
		 : j->told_nothing                        ? MSCOPE_NO_VERDICT
		 : *j->samples.failure || j->not_restored ? MSCOPE_FAILED
							  : MSCOPE_PASSED;
	if (show(j, status, result < 0 ? err->msg : NULL, &unwritten) < 0 && result == 0) {
		*err = unwritten;
		return -1;
	}
	return result < 0 ? -1 : status;
}

static int pace(struct tool *tool, struct msc_err *err)
{
	struct job *j = calloc(1, sizeof *j);
	int status = -1;

	if (!j)
		return msc_nomem(err);
	j->tool = tool;
	if (find_source(j, err) == 0 && read_options(j, err) == 0)
		status = run(j, err);
	msc_pace_samples_free(&j->samples);
	free(j);
	return status;
}

static const struct opt pace_options[] = {
	{ "op", 0, "OP", "what is measured: read (the default), or write" },
	{ "mode", 0, "MODE", "what is diagnosed: serial, queued, or both (the default)" },
	{ "blocks", 'b', "N,...",
	  "blocks per command; 1,8,64 unless given, at high speed 240 too" },
	{ "count", 'n', "N", "commands of each size; 16 unless given, fewer of slow ones" },
	{ "lba", 0, "N", "the first block that is read; 0 unless given" },
	{ "lun", 0, "N", "the logical unit; 0 unless given; of a capture, all unless given" },
	WINDOW_DEVICE,
	WINDOW_TIME,
	{ "allow-writes", 0, NULL, "also look for pauses in writes; a scratch range is saved" },
	{ "timeline", 0, NULL, "show only the timeline of one exchange" },
	{ "scale", 0, "TIME", "time per column of the timeline, to compare two" },
	{ .name = NULL },
};

const struct cmd cmd_pace = {
	.name = "pace",
	.summary = "show where the time of a read goes, and what to do about it",
	.usage = "[TARGET|CAPTURE|-] [OPTION]...",
	.options = { pace_options, target_options, common_options },
	.verbose = "log more on standard error; twice: every transfer",
	.quiet = "show only the diagnosis, and no progress",
	.document = "mscope.pace/1",
	.endpoints = true,
	.format = plain_format,
	.run = pace,
};
