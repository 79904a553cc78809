/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope help: from the same tables as the commands themselves. */
#include <string.h>

#include "tool.h"

#define SUMMARY 11 /* the column where the summary of a command begins */
#define HELP	26 /* and the help of an option */

void print_commands(FILE *out)
{
	fputs("usage: mscope COMMAND [ARGUMENT]...\n\n", out);
	for (size_t i = 0; i < command_count; i++) {
		fprintf(out, "  %-*s", SUMMARY - 2, commands[i]->name);
		msc_put_wrapped(out, SUMMARY, SUMMARY, commands[i]->summary);
		putc('\n', out);
	}
	fputs("\n\"mscope help COMMAND\" describes one; \"mscope list\" what can be named.\n"
	      "Exit status: 0 passed, 1 failed, 2 usage, 3 no target, 4 a file, 5 no verdict,\n"
	      "70 internal error, 128+N ended by signal N.\n",
	      out);
}

static void print_option(FILE *out, const struct cmd *cmd, const struct opt *o)
{
	const char *special = o->letter == 'v'   ? cmd->verbose
			      : o->letter == 'q' ? cmd->quiet
						 : NULL;
	char head[64], letter[8] = "    ";

	if (o->letter)
		snprintf(letter, sizeof letter, "-%c, ", o->letter);
	snprintf(head, sizeof head, "  %s--%s%s%s", letter, o->name,
		 o->value && o->value[0] != '[' ? " " : "", o->value ? o->value : "");
	if (strlen(head) < HELP)
		fprintf(out, "%-*s", HELP, head);
	else
		fprintf(out, "%s\n%*s", head, HELP, "");
	msc_put_wrapped(out, HELP, HELP + 2, special ? special : o->help);
	putc('\n', out);
}

void print_help(FILE *out, const struct cmd *cmd)
{
	unsigned column = (unsigned)fprintf(out, "usage: mscope %s", cmd->name);

	msc_put_beside(out, column, column + 1, column + 1, cmd->usage);
	fprintf(out, "\n\n%s\n\n", cmd->summary);
	for (size_t t = 0; t < OPT_TABLES && cmd->options[t]; t++) {
		for (const struct opt *o = cmd->options[t]; o->name; o++)
			if (opt_is_taken(cmd, o))
				print_option(out, cmd, o);
	}
	fprintf(out, "\nThe manual page mscope-%s(1) says more.\n", cmd->name);
}

static int help(struct tool *tool, struct msc_err *err)
{
	const struct cmd *cmd;

	if (tool->args.n_words == 0) {
		print_commands(stdout);
		return 0;
	}
	if (tool->args.n_words > 1)
		return msc_fail(err, MSC_E_USAGE, "help takes one command, not also '%s'",
				tool->args.words[1]);
	cmd = command_find(tool->args.words[0], err);
	if (!cmd)
		return -1;
	print_help(stdout, cmd);
	return 0;
}

static const struct opt help_options[] = {
	{ "help", 'h', NULL, "describe the command" },
	{ .name = NULL },
};

const struct cmd cmd_help = {
	.name = "help",
	.summary = "describe the commands",
	.usage = "[COMMAND]",
	.options = { help_options },
	.run = help,
};
