/* SPDX-License-Identifier: BSD-2-Clause */
/* The mscope program: finds the command, runs it, and turns what came of it into an exit status:
 *
 *	0	all passed or skipped; skips are counted
 *	1	a failure or a regression
 *	2	usage, including nothing selected
 *	3	the target cannot be opened, or went away
 *	4	a file cannot be read or written
 *	5	no verdict: the data does not allow one
 *	70	internal error
 *	128+N	ended by signal N, after everything was put back
 *
 * With --strict a skip is a failure; standard output is a file. The signal itself ends the program,
 * which a shell shows as 128+N.
 *
 * Results go to standard output, everything else to standard error.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/isolate.h"
#include "base/text.h"
#include "mscope.h"
#include "tool.h"

#define OUTPUT_BUFFER (1 << 16) /* flushed after each case: a line must not be torn */

#define CMD(name) &cmd_##name,
const struct cmd *const commands[] = {
#include "cmd.list"
};
#undef CMD
const size_t command_count = MSC_COUNT(commands);

const struct cmd *command_find(const char *name, struct msc_err *err)
{
	struct msc_nearest near = { .wanted = name };

	for (size_t i = 0; i < command_count; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
		msc_nearest_try(&near, commands[i]->name);
	}
	if (near.best)
		msc_fail(err, MSC_E_USAGE, "no command called '%s'; did you mean '%s'?", name,
			 near.best);
	else
		msc_fail(err, MSC_E_USAGE, "no command called '%s'; \"mscope help\" lists them",
			 name);
	return NULL;
}

/* The arguments as a document shows them: where the program lies is nobody's business. */
static const char **shown_argv(int argc, char **argv)
{
	const char **copy = calloc((size_t)argc + 1, sizeof *copy);

	for (int i = 0; copy && i < argc; i++)
		copy[i] = i ? argv[i] : "mscope";
	return copy;
}

static bool is_foreign(const char *target)
{
	return target && !strncmp(target, "sim:", 4) && strcspn(target, "/") < strcspn(target, ",");
}

/* Firmware of others, which may end the process that it runs in. */
static bool runs_foreign(const struct tool *tool)
{
	for (size_t i = 0; i < tool->args.n_words; i++)
		if (is_foreign(tool->args.words[i]))
			return true;
	return is_foreign(getenv("MSCOPE_TARGET"));
}

/* In a process of its own, where that is needed. If it dies there is a document that says so. */
static int run_watched(struct tool *tool, struct msc_err *err)
{
	char why[MSC_ISOLATE_WHY];
	bool died = runs_foreign(tool) && msc_isolate_begin(caught_signal, why, sizeof why);

	if (tool_begin(tool, err) < 0)
		return -1;
	return died ? msc_fail(err, MSC_E_GONE, "%s", why) : tool->cmd->run(tool, err);
}

static int run_command(struct tool *tool, int argc, char **argv, struct msc_err *err)
{
	struct msc_err end = MSC_ERR_INIT;
	int status;

	if (args_parse(&tool->args, tool->cmd, argc, argv, err) < 0)
		return -1;
	if (arg(&tool->args, "help")) {
		print_help(stdout, tool->cmd);
		return 0;
	}
	status = run_watched(tool, err);
	if (status >= 0 && memory_ran_out())
		status = msc_nomem(err);
	if (tool_end(tool, status, err, &end) < 0 && status >= 0) {
		*err = end;
		return -1;
	}
	return status;
}

static int dispatch(int argc, char **argv, struct msc_err *err)
{
	struct tool tool = { .text = NULL };
	int status = -1;

	if (argc < 2) {
		print_commands(stderr);
		return MSCOPE_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("mscope %s\n", mscope_version());
		return 0;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_commands(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--complete")) { /* for completion/ */
		complete((const char *const *)argv + 2, (size_t)argc - 2);
		return 0;
	}
	tool.cmd = command_find(argv[1], err);
	if (!tool.cmd)
		return -1;
	tool.argv = shown_argv(argc, argv);
	if (!tool.argv)
		return msc_nomem(err);
	status = run_command(&tool, argc - 1, argv + 1, err);
	args_free(&tool.args);
	free(tool.argv);
	return status;
}

/* Called "dread", the program is "mscope read". *argv is allocated then; NULL: out of memory. */
static bool is_dread(int *argc, char ***argv)
{
	static char read[] = "read";
	const char *slash = *argc ? strrchr((*argv)[0], '/') : NULL;
	char **longer;

	if (!*argc || strcmp(slash ? slash + 1 : (*argv)[0], "dread") != 0 ||
	    (*argc > 1 && (!strcmp((*argv)[1], "--version") || !strcmp((*argv)[1], "-V"))))
		return false;
	longer = calloc((size_t)*argc + 2, sizeof *longer);
	if (longer) {
		longer[0] = (*argv)[0];
		longer[1] = read;
		memcpy(longer + 2, *argv + 1, (size_t)(*argc - 1) * sizeof *longer);
		++*argc;
	}
	*argv = longer;
	return true;
}

int main(int argc, char **argv)
{
	struct msc_err err = MSC_ERR_INIT;
	bool dread = is_dread(&argc, &argv);
	int status;

	if (!argv)
		return MSCOPE_INTERNAL;

	catch_signals();
	memory_begin();
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	status = choose_width(&err) < 0 ? -1 : dispatch(argc, argv, &err);
	memory_end();
	if (dread)
		free(argv);
	if (output_failed()) {
		msc_isolate_over(MSCOPE_FILE, 0);
		if (status < 0 && err.code != MSC_E_INTERRUPTED && err.code != MSC_E_IO)
			tool_tell("%s", err.msg);
		complain_of_output();
		return MSCOPE_FILE;
	}
	if (status < 0) {
		tool_tell("%s", err.msg);
		status = tool_status(&err);
	}
	msc_isolate_over(status, caught_signal());
	if (caught_signal()) {
		signal(caught_signal(), SIG_DFL);
		raise(caught_signal());
	}
	return status;
}
