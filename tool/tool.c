/* SPDX-License-Identifier: BSD-2-Clause */
/* What every command needs: the common options, the log, the target, an end in good order. */
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "mscope.h"

/* ---- signals ------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught; /* what a signal handler may touch */

static void on_signal(int number)
{
	caught = number;
}

void catch_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction catch = { .sa_handler = on_signal };

	for (size_t i = 0; i < MSC_COUNT(ends); i++) {
		struct sigaction before;

		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(ends[i], &catch, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

int caught_signal(void)
{
	return caught;
}

static int output_errno; /* why standard output could first not be written */

bool output_failed(void)
{
	if (!output_errno && (fflush(stdout) || ferror(stdout)))
		output_errno = errno ? errno : EIO;
	return output_errno;
}

bool tool_stop(void *unused)
{
	(void)unused;
	return caught || output_failed();
}

/* Whoever read our output has left, and will not miss a message about it. */
void complain_of_output(void)
{
	if (output_errno != EPIPE)
		fprintf(stderr, "mscope: cannot write to standard output: %s\n",
			strerror(output_errno));
}

int tool_status(const struct msc_err *err)
{
	if (caught)
		return 128 + caught;
	if (err->code == MSC_E_INTERRUPTED && output_failed())
		return MSCOPE_FILE;
	return msc_exit_status(err->code);
}

/* ---- log ----------------------------------------------------------------------------------- */

static void write_log(void *user, enum msc_level level, const char *module, int64_t at_ns,
		      const char *text)
{
	static const enum msc_level wanted[] = { MSC_LOG_WARN, MSC_LOG_INFO, MSC_LOG_TRACE };
	const struct tool *tool = user;
	char line[640], when[24];

	snprintf(line, sizeof line, "mscope: %s: %s: %.512s\n",
		 msc_format_ns(when, sizeof when, at_ns), module, text);
	if (tool->verbosity >= 0 && level <= wanted[tool->verbosity])
		fputs(line, stderr);
	if (tool->log_file)
		fputs(line, tool->log_file);
}

/* ---- the common options -------------------------------------------------------------------- */

static int choose_color(struct tool *tool, struct msc_err *err)
{
	const char *when = arg(&tool->args, "color");
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	tool->color = isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
		      !(term && !strcmp(term, "dumb"));
	if (!when || !strcmp(when, "auto"))
		return 0;
	tool->color = !*when || !strcmp(when, "always");
	if (tool->color || !strcmp(when, "never"))
		return 0;
	return msc_fail(err, MSC_E_USAGE, "--color: '%s' is none of auto, always, never", when);
}

FILE *tool_create(const char *path, struct msc_err *err)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "we") : stdout;

	if (!f)
		msc_fail_errno(err, MSC_E_IO, "cannot write %s", path);
	return f;
}

int tool_begin(struct tool *tool, struct msc_err *err)
{
	const char *json = arg(&tool->args, "json"), *log = arg(&tool->args, "log");
	size_t verbose = arg_count(&tool->args, "verbose");

	if (verbose && arg(&tool->args, "quiet"))
		return msc_fail(err, MSC_E_USAGE, "--verbose and --quiet exclude each other");
	tool->verbosity = arg(&tool->args, "quiet") ? -1 : verbose > 2 ? 2 : (int)verbose;
	if (choose_color(tool, err) < 0)
		return -1;
	if (json && !(tool->json = tool_create(json, err)))
		return -1;
	if (tool->json == stdout)
		tool->text = NULL;
	if (log && !(tool->log_file = tool_create(log, err)))
		return -1;
	tool->log = (struct msc_log){ write_log, tool,
				      log                    ? MSC_LOG_TRACE
				      : tool->verbosity == 2 ? MSC_LOG_TRACE
				      : tool->verbosity == 1 ? MSC_LOG_INFO
							     : MSC_LOG_WARN };
	return 0;
}

static int close_file(FILE *f, const char *path, struct msc_err *err)
{
	bool failed;

	if (!f || f == stdout)
		return 0;
	failed = ferror(f);
	if (fclose(f) || failed)
		return msc_fail_errno(err, MSC_E_IO, "cannot write %s", path);
	return 0;
}

int tool_end(struct tool *tool, struct msc_err *err)
{
	int json = close_file(tool->json, arg(&tool->args, "json"), err);
	int log = close_file(tool->log_file, arg(&tool->args, "log"), err);

	tool->json = tool->log_file = NULL;
	free(tool->target);
	tool->target = NULL;
	return json < 0 || log < 0 ? -1 : 0;
}

void tool_progress(const struct tool *tool, const char *text)
{
	if (tool->verbosity < 0 || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K%s", text);
	fflush(stderr);
}

int tool_leave(struct tool *tool, bool *writes, bool *unsafe, struct msc_err *err)
{
	const char *codes = arg(&tool->args, "allow-unsafe");
	char text[3 * sizeof tool->unsafe] = "";

	*writes = arg(&tool->args, "allow-writes");
	*unsafe = codes;
	if (codes && !*writes)
		return msc_fail(err, MSC_E_USAGE, "--allow-unsafe goes with --allow-writes");
	for (size_t i = 0; codes && codes[i] && i < sizeof text - 1; i++)
		text[i] = codes[i] == ',' ? ' ' : codes[i];
	if (codes && *codes &&
	    (msc_parse_hex(text, tool->unsafe, sizeof tool->unsafe, &tool->n_unsafe, err) < 0 ||
	     !tool->n_unsafe)) {
		*err = (struct msc_err)MSC_ERR_INIT;
		return msc_fail(err, MSC_E_USAGE,
				"--allow-unsafe: '%s': expected operation codes, as in =04,3b",
				codes);
	}
	return 0;
}

struct msc_report_context tool_context(const struct tool *tool)
{
	return (struct msc_report_context){ .version = mscope_version(),
					    .argv = tool->argv,
					    .verbosity = tool->verbosity,
					    .color = tool->color };
}

/* ---- the target ---------------------------------------------------------------------------- */

static bool names_a_transport(const char *word)
{
	const char *colon = strchr(word, ':');

	for (size_t i = 0; colon && i < msc_transport_count; i++) {
		const char *name = msc_transports[i]->name;

		if (strlen(name) == (size_t)(colon - word) && !strncmp(word, name, strlen(name)))
			return true;
	}
	return false;
}

int tool_target(struct tool *tool, struct msc_err *err)
{
	const char *environment = getenv("MSCOPE_TARGET"), *name = environment;
	const char *first = tool->args.n_words ? tool->args.words[0] : NULL;
	bool is_set = environment && *environment;
	const char *seed = arg(&tool->args, "seed");
	uint64_t number = 0;

	if (first && (names_a_transport(first) || (tool->args.rest && !is_set))) {
		name = first;
		tool->target_words = 1;
	}
	if (!name || !*name)
		return msc_fail(err, MSC_E_USAGE,
				"no target: name one such as sim:reference, or set MSCOPE_TARGET; "
				"\"mscope list targets\" shows what there is");
	if (arg_size(&tool->args, "seed", UINT64_MAX, &number, err) < 0)
		return -1;
	if (seed && strncmp(name, "sim:", 4) != 0)
		return msc_fail(err, MSC_E_USAGE, "--seed: %s is not a simulated target", name);
	if (asprintf(&tool->target, "%s%s%s", name, seed ? ",seed=" : "", seed ? seed : "") < 0) {
		tool->target = NULL;
		return msc_nomem(err);
	}
	return 0;
}

struct msc_target *tool_open(struct tool *tool, bool allow_writes, struct msc_err *err)
{
	struct msc_open_options options = { .allow_writes = allow_writes, .log = &tool->log };
	struct msc_target *target = msc_target_open(tool->target, &options, err);

	if (target && msc_not_mounted(target, err) < 0) {
		msc_target_close(target);
		return NULL;
	}
	return target;
}
