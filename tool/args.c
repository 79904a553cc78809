/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: options may come before, between and after the other words, until "--". */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tool.h"

#define MAX_OPTIONS 64
#define FIRST_VALUE 256 /* of the numbers given to getopt_long: no letter */

const struct opt common_options[] = {
	{ "report", 0, "FORMAT[:FILE]",
	  "write a report to a file, or in place of text; may be repeated", .many = true },
	{ "json", 0, "FILE", "the same as --report json:FILE; '-' is standard output",
	  .is_report = true },
	{ "verbose", 'v', NULL, "show more, and why it matters; -vv: every transfer" },
	{ "quiet", 'q', NULL, "show only what is wrong" },
	{ "color", 0, "[=WHEN]", "auto (the default), always, never" },
	{ "log", 0, "FILE", "write a trace of every transfer to a file" },
	{ "help", 'h', NULL, "describe the command" },
	{ .name = NULL },
};

const struct opt log_options[] = {
	{ "verbose", 'v', NULL, "log what happens; twice: every transfer" },
	{ "quiet", 'q', NULL, "log nothing" },
	{ "log", 0, "FILE", "write a trace of every transfer to a file" },
	{ "help", 'h', NULL, "describe the command" },
	{ .name = NULL },
};

const struct opt report_options[] = {
	{ "select", 's', "WHAT", "a name such as 'bot.*', a tag, a clause; may be repeated",
	  .many = true },
	{ "exclude", 'x', "WHAT", "leave these out; same patterns; may be repeated",
	  .many = true },
	{ "strict", 0, NULL, "a skip counts as a failure" },
	{ "waive", 0, "FILE", "known failures that do not fail the run, each with an end date" },
	{ "junit", 0, "FILE", "the same as --report junit:FILE", .is_report = true },
	{ "tap", 0, NULL, "the same as --report tap", .is_report = true },
	{ .name = NULL },
};

const struct opt run_options[] = {
	{ "profile", 'p', "NAME", "how strict: spec, usbif (the default), interop" },
	{ "dry-run", 0, NULL, "show what would run and what would write; send nothing" },
	{ "allow-writes", 0, NULL,
	  "run scenarios that write; a scratch range is saved and restored" },
	{ "allow-unsafe", 0, "[OPCODE,...]",
	  "and irreversible or unknown commands: all, or these, e.g. =04,3b" },
	{ "allow-eject", 0, NULL,
	  "run scenarios that eject; the device may have to be replugged" },
	{ "replug", 0, "[TIME]",
	  "allow power off: by the hub's port, or by hand within TIME" },
	{ "restore", 0, NULL, "restore the blocks saved by a run that was cut short" },
	{ "forget-journal", 0, NULL, "leave the medium as it is, and delete the saved blocks" },
	{ "queued", 0, NULL, "submit CBW, data and CSW together where the device can" },
	{ "lun", 0, "N", "the logical unit; 0 unless given" },
	{ .name = NULL },
};

const struct opt target_options[] = {
	{ "record", 0, "FILE", "write the bus traffic to a capture file" },
	{ "record-transfers", 0, NULL,
	  "with --record: transfers, even where packets are available" },
	{ "timeout", 0, "TIME", "time-out for each phase; 30s unless given" },
	{ "any-interface", 0, NULL,
	  "drive a real device that does not declare mass storage" },
	{ "seed", 0, "N", "the same as the knob seed=N of a simulated target" },
	{ .name = NULL },
};

bool opt_is_in(const struct opt *o, const struct opt *table)
{
	for (; table->name; table++) {
		if (o == table)
			return true;
	}
	return false;
}

bool opt_is_taken(const struct cmd *cmd, const struct opt *o)
{
	char name[32];

	snprintf(name, sizeof name, " %s ", o->name);
	return !cmd->without || !strstr(cmd->without, name);
}

/* The command's options in one list. */
static size_t collect(const struct cmd *cmd, const struct opt **list)
{
	size_t n = 0;

	for (size_t t = 0; t < OPT_TABLES && cmd->options[t]; t++) {
		for (const struct opt *o = cmd->options[t]; o->name && n < MAX_OPTIONS; o++)
			if (opt_is_taken(cmd, o))
				list[n++] = o;
	}
	return n;
}

/* One that other commands have, and why this one does not. NULL: it is none. */
static const struct opt *left_out(const struct cmd *cmd, const char *text)
{
	for (size_t t = 0; t < OPT_TABLES && cmd->options[t]; t++)
		for (const struct opt *o = cmd->options[t]; o->name; o++)
			if (!opt_is_taken(cmd, o) &&
			    (optopt ? optopt == o->letter : !strcmp(text, o->name)))
				return o;
	return NULL;
}

static int unknown_option(const struct cmd *cmd, const struct opt *const *list, size_t n,
			  const char *text, struct msc_err *err)
{
	char wanted[64];
	struct msc_nearest near = { .wanted = wanted };
	const struct opt *out;

	text += strspn(text, "-");
	snprintf(wanted, sizeof wanted, "%.*s", (int)strcspn(text, "="), text);
	out = left_out(cmd, wanted);
	if (out)
		return msc_fail(err, MSC_E_USAGE, "--%s: %s", out->name, cmd->why_without);
	if (optopt >= FIRST_VALUE)
		return msc_fail(err, MSC_E_USAGE, "--%s takes no value",
				list[optopt - FIRST_VALUE]->name);
	if (optopt)
		return msc_fail(err, MSC_E_USAGE,
				"unknown option '-%c'; \"mscope help %s\" lists them", optopt,
				cmd->name);
	for (size_t i = 0; i < n; i++)
		msc_nearest_try(&near, list[i]->name);
	if (near.best)
		return msc_fail(err, MSC_E_USAGE, "unknown option '--%s'; did you mean '--%s'?",
				wanted, near.best);
	return msc_fail(err, MSC_E_USAGE, "unknown option '--%s'; \"mscope help %s\" lists them",
			wanted, cmd->name);
}

static int missing_value(const struct opt *const *list, size_t n, struct msc_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (optopt == FIRST_VALUE + (int)i || (optopt && optopt == list[i]->letter))
			return msc_fail(err, MSC_E_USAGE, "--%s needs a value: %s", list[i]->name,
					list[i]->value);
	}
	return msc_fail(err, MSC_E_USAGE, "an option needs a value");
}

static const struct opt *option_of(const struct opt *const *list, size_t n, int c)
{
	if (c >= FIRST_VALUE)
		return list[c - FIRST_VALUE];
	for (size_t i = 0; i < n; i++) {
		if (list[i]->letter == c)
			return list[i];
	}
	return NULL;
}

/* The tables in getopt_long's own form. */
static void describe(const struct opt *const *list, size_t n, struct option *longs, char *shorts)
{
	shorts = stpcpy(shorts, "-:"); /* words in their order; a missing value is ':' */
	for (size_t i = 0; i < n; i++) {
		int needs = !list[i]->value            ? no_argument
			    : list[i]->value[0] == '[' ? optional_argument
						       : required_argument;

		longs[i] = (struct option){ list[i]->name, needs, NULL, FIRST_VALUE + (int)i };
		if (list[i]->letter) {
			*shorts++ = list[i]->letter;
			shorts = stpcpy(shorts, needs == required_argument ? ":" : "");
		}
	}
}

static int add_option(struct args *a, const struct opt *o, const char *value, struct msc_err *err)
{
	if (o->value && !o->many && arg(a, o->name))
		return msc_fail(err, MSC_E_USAGE, "--%s is given twice", o->name);
	a->options[a->n_options++] = (struct given){ o, value ? value : "" };
	return 0;
}

int args_parse(struct args *a, const struct cmd *cmd, int argc, char **argv, struct msc_err *err)
{
	const struct opt *list[MAX_OPTIONS];
	struct option longs[MAX_OPTIONS + 1] = { { NULL } };
	char shorts[2 * MAX_OPTIONS + 3];
	size_t n = collect(cmd, list);
	int c;

	a->options = calloc((size_t)argc, sizeof *a->options);
	a->words = calloc((size_t)argc + 1, sizeof *a->words);
	if (!a->options || !a->words)
		return msc_nomem(err);
	describe(list, n, longs, shorts);
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == '?')
			return unknown_option(cmd, list, n, argv[optind - 1], err);
		if (c == ':')
			return missing_value(list, n, err);
		if (c == 1)
			a->words[a->n_words++] = optarg;
		else if (add_option(a, option_of(list, n, c), optarg, err) < 0)
			return -1;
	}
	a->rest = a->n_words;
	while (optind < argc)
		a->words[a->n_words++] = argv[optind++];
	return 0;
}

void args_free(struct args *a)
{
	free(a->options);
	free(a->words);
}

const char *arg(const struct args *a, const char *name)
{
	for (size_t i = a->n_options; i-- > 0;) {
		if (!strcmp(a->options[i].opt->name, name))
			return a->options[i].value;
	}
	return NULL;
}

int args_refuse(const struct args *a, const char *const *names, const char *why,
		struct msc_err *err)
{
	for (; *names; names++)
		if (arg(a, *names))
			return msc_fail(err, MSC_E_USAGE, "--%s: %s", *names, why);
	return 0;
}

size_t arg_count(const struct args *a, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_options; i++)
		n += !strcmp(a->options[i].opt->name, name);
	return n;
}

int arg_size(const struct args *a, const char *name, uint64_t max, uint64_t *value,
	     struct msc_err *err)
{
	const char *text = arg(a, name);
	uint64_t result;

	if (!text)
		return 0;
	if (msc_parse_size(text, &result, err) < 0) {
		msc_err_prefix(err, "--%s: ", name);
		return -1;
	}
	if (result > max)
		return msc_fail(err, MSC_E_USAGE, "--%s: %s is more than %llu", name, text,
				(unsigned long long)max);
	*value = result;
	return 0;
}

int arg_duration(const struct args *a, const char *name, int64_t *ns, struct msc_err *err)
{
	const char *text = arg(a, name);

	if (text && msc_parse_duration(text, ns, err) < 0) {
		msc_err_prefix(err, "--%s: ", name);
		return -1;
	}
	if (text && !*ns)
		return msc_fail(err, MSC_E_USAGE, "--%s: expected more than no time", name);
	return 0;
}

int arg_blocks(const char *word, uint64_t *blocks, struct msc_err *err)
{
	if (!*word)
		return msc_fail(err, MSC_E_USAGE, "--blocks: expected sizes such as 1,8,64");
	if (msc_parse_size(word, blocks, err) < 0) {
		msc_err_prefix(err, "--blocks: ");
		return -1;
	}
	if (!*blocks || *blocks > UINT16_MAX)
		return msc_fail(err, MSC_E_USAGE, "--blocks: '%s': expected 1 to %u blocks", word,
				UINT16_MAX);
	return 0;
}
