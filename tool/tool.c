/* SPDX-License-Identifier: BSD-2-Clause */
/* What every command needs: the common options, the log, the target, an end in good order. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/isolate.h"
#include "base/text.h"
#include "mscope.h"
#include "transport/command.h"

#define REPLUG_NS (60 * MSC_S) /* for somebody at a terminal */
#define PROGRESS_COLUMNS 79
#define TELL_INDENT	 8

/* ---- signals ------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught; /* what a signal handler may touch */

/* An alarm does not last through a fork: in the process that runs firmware of others it is the firmware's. */
static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	if ((number == SIGALRM || number == SIGPROF) && info->si_code == SI_KERNEL &&
	    msc_isolated())
		return;
	caught = number;
}

/* All that end a program unless they are caught, but those that tell of a mistake of its own. A
 * file that may not grow is told by the write that fails, as a reader that has left. */
void catch_signals(void)
{
	static const int ends[] = { SIGINT,  SIGTERM, SIGHUP,   SIGQUIT, SIGUSR1,
				    SIGUSR2, SIGALRM, SIGXCPU,  SIGPROF, SIGVTALRM,
				    SIGPOLL, SIGPWR,  SIGSTKFLT };
	struct sigaction catch = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	for (size_t i = 0; i < MSC_COUNT(ends); i++) {
		struct sigaction before;

		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(ends[i], &catch, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
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

void output_lost(int why)
{
	if (!output_errno)
		output_errno = why;
}

bool tool_stop(void *unused)
{
	(void)unused;
	return caught || output_failed();
}

/* ---- the terminal -------------------------------------------------------------------------- */

/* It knows what moves its cursor and changes its colours. */
static bool is_terminal(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && !(term && !strcmp(term, "dumb"));
}

static bool progress_is_shown; /* on the terminal, of which there is one */

/* How many bytes of it stay on one line of a terminal. */
static size_t one_line(const char *text)
{
	size_t len = 0;
	unsigned columns = 0;

	while (text[len] && columns < PROGRESS_COLUMNS) {
		for (len++; ((uint8_t)text[len] & 0xc0) == 0x80;)
			len++;
		columns++;
	}
	return len;
}

void erase_progress(void)
{
	if (!progress_is_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress_is_shown = false;
}

void tool_progress(const struct tool *tool, const char *text)
{
	erase_progress();
	if (!*text || tool->verbosity < 0 || !is_terminal(STDERR_FILENO))
		return;
	output_failed(); /* what was written before is above it */
	fwrite(text, 1, one_line(text), stderr);
	fflush(stderr);
	progress_is_shown = true;
}

static unsigned told_columns; /* of standard error, where that is a terminal */

/* Lines are broken for who reads them on a terminal; whoever searches them in a pipe or a file has them whole. */
int choose_width(struct msc_err *err)
{
	const char *columns = getenv("COLUMNS");

	told_columns = msc_columns();
	if (columns && *columns)
		return 0;
	return setenv("COLUMNS", isatty(STDOUT_FILENO) ? "80" : "0", 1) < 0 ? msc_nomem(err) : 0;
}

void tool_tell(const char *fmt, ...)
{
	char text[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	erase_progress();
	fputs("mscope: ", stderr);
	if (isatty(STDERR_FILENO))
		msc_put_wrapped_to(stderr, told_columns, TELL_INDENT, TELL_INDENT, text);
	else
		msc_put(stderr, MSC_PLAIN, text);
	putc('\n', stderr);
}

/* Whoever read our output has left, and will not miss a message about it. */
void complain_of_output(void)
{
	if (output_errno != EPIPE)
		tool_tell("cannot write to standard output: %s", strerror(output_errno));
	else
		erase_progress();
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

static void begin_log(struct tool *tool)
{
	if (tool->log_has_begun)
		return;
	tool->log_has_begun = true;
	if (ftruncate(fileno(tool->log_file), 0) < 0)
		return; /* a terminal, a pipe */
}

static void write_log(void *user, enum msc_level level, const char *module, int64_t at_ns,
		      const char *text)
{
	static const enum msc_level wanted[] = { MSC_LOG_WARN, MSC_LOG_INFO, MSC_LOG_TRACE };
	struct tool *tool = user;
	char line[640], when[24];

	snprintf(line, sizeof line, "%s: %s: %.512s", msc_format_ns(when, sizeof when, at_ns),
		 module, text);
	if (tool->verbosity >= 0 && level <= wanted[tool->verbosity])
		tool_tell("%s", line);
	if (tool->log_file) {
		begin_log(tool);
		fprintf(tool->log_file, "mscope: %s\n", line);
	}
}

/* A trace is for who looks on, and for what ends badly: so it is written in place. It takes the
 * place of an older one when it has something to say. */
static int open_log(struct tool *tool, const char *path, struct msc_err *err)
{
	int fd;

	if (!strcmp(path, "-")) {
		tool->log_file = stdout;
		tool->log_has_begun = true;
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
	tool->log_is_new = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	tool->log_file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!tool->log_file)
		return msc_fail_errno(err, MSC_E_IO, "cannot write %s", path);
	return outputs_leave(tool, fd, path, err);
}

static int close_log(struct tool *tool, bool usage, struct msc_err *err)
{
	const char *path = arg(&tool->args, "log");
	bool failed;

	if (!tool->log_file || tool->log_file == stdout)
		return 0;
	if (!usage)
		begin_log(tool);
	else if (tool->log_is_new)
		unlink(path);
	failed = ferror(tool->log_file);
	if (fclose(tool->log_file) || failed)
		msc_fail_errno(err, MSC_E_IO, "cannot write %s", path);
	tool->log_file = NULL;
	return err->code ? -1 : 0;
}

/* ---- --record ------------------------------------------------------------------------------ */

int tool_record(struct tool *tool, struct msc_open_options *options, struct msc_err *err)
{
	const char *path = arg(&tool->args, "record");

	if (!path && arg(&tool->args, "record-transfers"))
		return msc_fail(err, MSC_E_USAGE, "--record-transfers goes with --record FILE");
	if (!path || tool->recorder)
		return 0;
	if (msc_outfile_open(&tool->record_file, path, err) < 0)
		return -1;
	tool->recorder = msc_recorder_new(tool->record_file.f, err);
	if (!tool->recorder || outputs_leave(tool, fileno(tool->record_file.f), path, err) < 0)
		return -1;
	if (arg(&tool->args, "record-transfers"))
		msc_recorder_transfers(tool->recorder);
	msc_recorder_prepare(tool->recorder, options);
	return 0;
}

/* What was recorded of a run that failed is what it is wanted for. */
static int end_record(struct tool *tool, bool usage, struct msc_err *err)
{
	int result = msc_recorder_end(tool->recorder, err);

	tool->recorder = NULL;
	if (result < 0)
		msc_outfile_blame(&tool->record_file, err);
	if (!tool->record_file.f)
		return result;
	if (!usage)
		return msc_outfile_keep(&tool->record_file, err) < 0 ? -1 : result;
	msc_outfile_discard(&tool->record_file);
	return result;
}

/* ---- the common options -------------------------------------------------------------------- */

static int choose_color(struct tool *tool, struct msc_err *err)
{
	const char *when = arg(&tool->args, "color");
	const char *no_color = getenv("NO_COLOR");

	tool->color = is_terminal(STDOUT_FILENO) && !(no_color && *no_color);
	if (!when || !strcmp(when, "auto"))
		return 0;
	tool->color = !*when || !strcmp(when, "always");
	if (tool->color || !strcmp(when, "never"))
		return 0;
	return msc_fail(err, MSC_E_USAGE, "--color: '%s' is none of auto, always, never", when);
}

int tool_begin(struct tool *tool, struct msc_err *err)
{
	const char *log = arg(&tool->args, "log");
	size_t verbose = arg_count(&tool->args, "verbose");

	if (verbose && arg(&tool->args, "quiet"))
		return msc_fail(err, MSC_E_USAGE, "--verbose and --quiet exclude each other");
	tool->verbosity = arg(&tool->args, "quiet") ? -1 : verbose > 2 ? 2 : (int)verbose;
	if (choose_color(tool, err) < 0)
		return -1;
	if (outputs_open(tool, err) < 0 || (log && open_log(tool, log, err) < 0))
		return -1;
	tool->log = (struct msc_log){ write_log, tool,
				      log                    ? MSC_LOG_TRACE
				      : tool->verbosity == 2 ? MSC_LOG_TRACE
				      : tool->verbosity == 1 ? MSC_LOG_INFO
							     : MSC_LOG_WARN };
	return 0;
}

int tool_end(struct tool *tool, int status, const struct msc_err *why, struct msc_err *err)
{
	bool usage = status < 0 && why->code == MSC_E_USAGE;
	int outputs = outputs_end(tool, status, why, err), log = close_log(tool, usage, err);
	int record = end_record(tool, usage, err);

	free(tool->device);
	free(tool->target);
	tool->device = NULL;
	tool->target = NULL;
	return outputs < 0 || log < 0 || record < 0 ? -1 : 0;
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
					    .color = tool->color && tool->text == stdout };
}

/* ---- the target ---------------------------------------------------------------------------- */

int tool_target(struct tool *tool, struct msc_err *err)
{
	const char *environment = getenv("MSCOPE_TARGET"), *name = environment;
	const char *first = tool->args.n_words ? tool->args.words[0] : NULL;
	bool is_set = environment && *environment;
	const char *seed = tool->cmd->own_seed ? NULL : arg(&tool->args, "seed");
	uint64_t number = 0;
	const char *rest;

	if (first && (msc_transport_of(first, &rest) || (tool->args.rest && !is_set))) {
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

int tool_one_target(struct tool *tool, struct msc_err *err)
{
	if (tool_target(tool, err) < 0)
		return -1;
	if (tool->args.n_words > tool->target_words)
		return msc_fail(err, MSC_E_USAGE, "%s takes one target, not '%s'", tool->cmd->name,
				tool->args.words[tool->target_words]);
	return 0;
}

/* For a document of a failure, which is written when the target has been closed. */
static int keep_device(struct tool *tool, const struct msc_target *target, struct msc_err *err)
{
	tool->device = malloc(sizeof *tool->device);
	if (!tool->device)
		return msc_nomem(err);
	*tool->device = target->device;
	return 0;
}

static void ask_for_cable(void *unused, const char *text)
{
	(void)unused;
	tool_tell("%s", text);
}

/* Without a time somebody is asked only where somebody can read it. */
static int read_replug(const struct tool *tool, struct msc_replug *r, struct msc_err *err)
{
	const char *time = arg(&tool->args, "replug");

	r->allowed = time;
	r->ask = ask_for_cable;
	if (time && !*time)
		r->wait_ns = isatty(STDERR_FILENO) ? REPLUG_NS : 0;
	return time && *time ? arg_duration(&tool->args, "replug", &r->wait_ns, err) : 0;
}

struct msc_target *tool_open(struct tool *tool, bool allow_writes, struct msc_err *err)
{
	struct msc_open_options options = { .allow_writes = allow_writes,
					    .any_interface = arg(&tool->args, "any-interface"),
					    .log = &tool->log,
					    .stop = tool_stop };
	struct msc_target *target;
	char text[128];

	snprintf(text, sizeof text, "opening %s", tool->target);
	if (read_replug(tool, &options.replug, err) < 0 || tool_record(tool, &options, err) < 0)
		return NULL;
	tool_progress(tool, text); /* at once: a device may take its time */
	target = msc_target_open(tool->target, &options, err);
	tool_progress(tool, "");
	if (target && target->device.commands_only && (tool->endpoints || tool->cmd->endpoints)) {
		msc_fail(err, MSC_E_USAGE, MSC_NEEDS_ENDPOINTS, target->device.name);
		msc_err_prefix(err, "this ");
		msc_target_close(target);
		return NULL;
	}
	if (target && ((tool->recorder && msc_recorder_attach(tool->recorder, target, err) < 0) ||
		       keep_device(tool, target, err) < 0 || msc_not_mounted(target, err) < 0)) {
		msc_target_close(target);
		return NULL;
	}
	return target;
}
