/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope --complete WORD...: what the last word of a command line may be, for the completion of shells. The
 * words are those behind "mscope". All of it comes from the tables that the commands themselves are
 * read by, and from what "mscope list" shows. A line for each candidate, with a tab before what it is;
 * ":files PREFIX" stands for the names of files, each behind the prefix. Nothing is opened. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* Values that the tables say in words only. */
static const struct {
	const char *option, *values;
} known[] = {
	{ "color", "auto|always|never" },
	{ "mode", "serial|queued|both" },
	{ "only", "failed|slow|writes" },
};

static void offer(const char *before, const char *word, const char *after, const char *what)
{
	printf("%s%s%s\t%s\n", before, word, after, what ? what : "");
}

static void offer_files(const char *before)
{
	printf(":files %s\n", before);
}

static void offer_commands(void)
{
	for (size_t i = 0; i < command_count; i++)
		offer("", commands[i]->name, "", commands[i]->summary);
}

/* "a|b|c", behind a prefix. */
static void offer_alternatives(const char *before, const char *list)
{
	for (; *list; list += strcspn(list, "|"), list += *list == '|') {
		char word[64];

		snprintf(word, sizeof word, "%.*s", (int)strcspn(list, "|"), list);
		offer(before, word, "", NULL);
	}
}

static const char *text_of(json_t *entry, const char *member)
{
	return json_string_value(json_object_get(entry, member));
}

/* All of a kind; of scenarios the tags too. */
static void offer_listed(const char *before, const char *kind)
{
	json_t *list = list_of(kind), *entry, *tag;
	size_t i, k;

	json_array_foreach(list, i, entry)
	{
		const char *what = text_of(entry, "title");

		offer(before, text_of(entry, "name"), "", what ? what : text_of(entry, "summary"));
		json_array_foreach(json_object_get(entry, "tags"), k, tag)
			offer(before, json_string_value(tag), "", "a tag");
	}
	json_decref(list);
}

/* ---- targets ----------------------------------------------------------------------------------- */

static void offer_value_of_knob(const char *before, json_t *knob)
{
	const char *name = text_of(knob, "name"), *initial = text_of(knob, "default");
	json_t *choices = json_object_get(knob, "choices"), *choice;
	size_t i;

	if (!strcmp(name, "fault") || !strcmp(name, "variant")) {
		offer_listed(before, name[0] == 'f' ? "faults" : "variants");
	} else if (json_array_size(choices)) {
		json_array_foreach(choices, i, choice)
			offer(before, json_string_value(choice), "", NULL);
	} else if (!strcmp(name, "file") || !strcmp(name, "capture")) {
		offer_files(before);
	} else if (initial && *initial) {
		offer(before, initial, "", "the default");
	}
}

/* Behind "sim:NAME," and further knobs: a knob, or the value of one. */
static void offer_knobs(const char *cur)
{
	const char *comma = strrchr(cur, ','), *equals = strchr(comma, '=');
	size_t len = strcspn(cur, ",") - strlen("sim:");
	json_t *list = list_of("firmware"), *entry, *knob;
	char before[512];
	size_t i, k;

	snprintf(before, sizeof before, "%.*s", (int)((equals ? equals : comma) - cur + 1), cur);
	json_array_foreach(list, i, entry)
	{
		const char *name = text_of(entry, "name");

		if (strlen(name) != len || strncmp(name, cur + strlen("sim:"), len) != 0)
			continue;
		json_array_foreach(json_object_get(entry, "knobs"), k, knob)
		{
			const char *is = text_of(knob, "name");

			if (!equals)
				offer(before, is, "=", text_of(knob, "help"));
			else if (!strncmp(comma + 1, is, strlen(is)) &&
				 comma[1 + strlen(is)] == '=')
				offer_value_of_knob(before, knob);
		}
	}
	json_decref(list);
}

/* Patterns such as usb:VID:PID, sim:FIRMWARE[,...] and /dev/sdX are for people to read. */
static bool is_pattern(const char *name)
{
	return strpbrk(name, "[]ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
}

static void offer_targets(const char *cur)
{
	json_t *list, *entry;
	size_t i;

	if (!strncmp(cur, "sim:", strlen("sim:")) && strchr(cur, ',')) {
		offer_knobs(cur);
		return;
	}
	if (!strncmp(cur, "sim:", strlen("sim:")) && strchr(cur, '/'))
		offer_files("sim:");
	list = list_of("targets");
	json_array_foreach(list, i, entry)
	{
		const char *name = text_of(entry, "name");

		if (!is_pattern(name))
			offer("", name, "", text_of(entry, "description"));
	}
	json_decref(list);
	if (*cur == '/')
		offer_files("");
}

/* ---- options ----------------------------------------------------------------------------------- */

static void offer_options(const struct cmd *cmd)
{
	for (size_t t = 0; t < OPT_TABLES && cmd->options[t]; t++)
		for (const struct opt *o = cmd->options[t]; o->name; o++)
			if (opt_is_taken(cmd, o))
				offer("--", o->name, "", o->help);
}

static const struct opt *find_option(const struct cmd *cmd, const char *name, size_t len)
{
	for (size_t t = 0; t < OPT_TABLES && cmd->options[t]; t++)
		for (const struct opt *o = cmd->options[t]; o->name; o++)
			if ((strlen(o->name) == len && !strncmp(o->name, name, len)) ||
			    (len == 1 && o->letter == *name))
				return o;
	return NULL;
}

/* The option that takes the next word as its value; NULL: the word is none. */
static const struct opt *wants_value(const struct cmd *cmd, const char *word)
{
	const struct opt *o = NULL;

	if (!strncmp(word, "--", 2))
		o = find_option(cmd, word + 2, strlen(word + 2));
	else if (word[0] == '-' && word[1])
		o = find_option(cmd, word + strlen(word) - 1, 1);
	return o && o->value && *o->value != '[' ? o : NULL;
}

static void offer_formats(const struct cmd *cmd, const char *before, const char *cur)
{
	const char *colon = strchr(cur, ':');
	struct format f;
	char prefix[64];

	if (colon) {
		snprintf(prefix, sizeof prefix, "%s%.*s", before, (int)(colon - cur + 1), cur);
		offer_files(prefix);
		return;
	}
	for (size_t i = 0; cmd->format && (f = cmd->format(i)).name; i++)
		offer(before, f.name, "", f.summary);
}

static void offer_values(const struct cmd *cmd, const struct opt *o, const char *before,
			 const char *cur)
{
	for (size_t i = 0; i < MSC_COUNT(known); i++)
		if (!strcmp(known[i].option, o->name)) {
			offer_alternatives(before, known[i].values);
			return;
		}
	if (!strcmp(o->name, "select") || !strcmp(o->name, "exclude"))
		offer_listed(before, "scenarios");
	else if (!strcmp(o->name, "profile"))
		for (const char *const *p = msc_profile_names; *p; p++)
			offer(before, *p, "", NULL);
	else if (!strcmp(o->name, "report") || !strcmp(o->name, "format"))
		offer_formats(cmd, before, cur);
	else if (!strncmp(o->value, "FILE", 4) || !strncmp(o->value, "PATH", 4) ||
		 !strncmp(o->value, "DIR", 3))
		offer_files(before);
	else if (strchr(o->value, '|'))
		offer_alternatives(before, o->value);
}

/* ---- words ------------------------------------------------------------------------------------- */

/* cur is word number n of them, from 0; the table says by its usage what words a command takes. */
static void offer_words(const struct cmd *cmd, size_t n, const char *last, const char *cur)
{
	const char *kind;

	if (!strcmp(cmd->name, "help") && n == 0)
		offer_commands();
	else if (!strcmp(cmd->name, "list") && n == 0)
		for (size_t i = 0; (kind = list_kind_name(i)); i++)
			offer("", kind, "", NULL);
	else if (!strcmp(cmd->name, "list") && n == 1)
		offer_listed("", last);
	if (n == 0 && strstr(cmd->usage, "TARGET"))
		offer_targets(cur);
	if (strstr(cmd->usage, "FILE") || strstr(cmd->usage, "CAPTURE") ||
	    strstr(cmd->usage, "PATH") || strstr(cmd->usage, "IMAGE") ||
	    strstr(cmd->usage, ".json"))
		offer_files("");
}

static void complete_command(const struct cmd *cmd, const char *const *words, size_t n)
{
	const char *cur = words[n], *equals = strchr(cur, '='), *last = "";
	const struct opt *o = NULL;
	size_t plain = 0;
	char before[96];

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(words[i], "--"))
			return; /* bytes, or a command of somebody else's */
		if (!o && words[i][0] != '-') {
			plain++;
			last = words[i];
		}
		o = o ? NULL : wants_value(cmd, words[i]);
	}
	if (o) {
		offer_values(cmd, o, "", cur);
	} else if (!strncmp(cur, "--", 2) && equals) {
		o = find_option(cmd, cur + 2, (size_t)(equals - cur) - 2);
		snprintf(before, sizeof before, "%.*s", (int)(equals - cur + 1), cur);
		if (o && o->value)
			offer_values(cmd, o, before, equals + 1);
	} else if (*cur == '-') {
		offer_options(cmd);
	} else {
		offer_words(cmd, plain, last, cur);
	}
}

void complete(const char *const *words, size_t n)
{
	if (n == 0)
		return;
	if (n == 1) {
		offer_commands();
		if (*words[0] == '-') {
			offer("", "--help", "", "list the commands");
			offer("", "--version", "", "print the version");
		}
		return;
	}
	for (size_t i = 0; i < command_count; i++)
		if (!strcmp(commands[i]->name, words[0]))
			complete_command(commands[i], words + 1, n - 2);
}
