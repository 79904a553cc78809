/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope list: the map of everything that can be named. Each kind is an array of JSON objects with
 * a "name"; the text is made from them, so that the two cannot disagree. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tool.h"

static json_t *find_entry(const struct list_kind *kind, json_t *list, const char *name,
			  struct msc_err *err)
{
	struct msc_nearest near = { .wanted = name };
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		if (!strcmp(json_string_value(json_object_get(entry, "name")), name))
			return entry;
		msc_nearest_try(&near, json_string_value(json_object_get(entry, "name")));
	}
	msc_fail_unknown(err, kind->one, kind->name, &near);
	return NULL;
}

static bool is_named(const char *name, const char *pattern)
{
	return !fnmatch(pattern, name, 0) || strcasestr(name, pattern);
}

/* By a glob of the name, or by a word of the name or of what it is; a fault by a rule that catches it, too. */
static bool is_selected(const struct list_kind *kind, const json_t *entry, const char *pattern)
{
	const char *summary = json_string_value(json_object_get(entry, kind->summary));
	json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(entry, "caught_by"), i,
			   rule) if (is_named(json_string_value(rule), pattern)) return true;
	return is_named(json_string_value(json_object_get(entry, "name")), pattern) ||
	       (summary && strcasestr(summary, pattern));
}

/* Leaves what one pattern at least selects, unless that was done where they were collected. */
static int select_entries(struct tool *tool, const struct list_kind *kind, json_t *list,
			  struct msc_err *err)
{
	size_t n, i = 0;
	const char **patterns = values_of(tool, "select", &n);

	if (!patterns)
		return msc_nomem(err);
	while (n && !kind->selected && i < json_array_size(list)) {
		bool keep = false;

		for (size_t p = 0; p < n && !keep; p++)
			keep = is_selected(kind, json_array_get(list, i), patterns[p]);
		if (keep)
			i++;
		else
			json_array_remove(list, i);
	}
	if (n && !json_array_size(list))
		msc_fail(err, MSC_E_USAGE,
			 "--select %s: none of the %s is called that, or has it in its words",
			 patterns[0], kind->name);
	free(patterns);
	return err->code ? -1 : 0;
}

/* Puts one kind, or one entry of it, into the document, and shows it unless only its number is wanted. */
static int list_kind(struct tool *tool, const struct list_kind *kind, const char *name,
		     bool counted, json_t *document, struct msc_err *err)
{
	json_t *list = json_array(), *entry = NULL;
	struct msc_err unknown = MSC_ERR_INIT;

	if (json_object_set_new(document, kind->name, list))
		return msc_nomem(err);
	if (kind->collect(list, tool, err) < 0 || select_entries(tool, kind, list, err) < 0)
		return -1;
	if (name && !(entry = find_entry(kind, list, name, &unknown)) &&
	    (!kind->selected || arg(&tool->args, "select"))) {
		*err = unknown;
		return -1;
	}
	if (entry) {
		json_incref(entry);
		json_array_clear(list);
		json_array_append_new(list, entry);
	}
	if (!tool->text)
		return 0;
	if (counted)
		print_list_count(tool->text, kind->name, json_array_size(list), kind->what);
	else if (tool->verbosity < 0)
		print_list_names(tool->text, list);
	else if (entry || tool->verbosity > 0)
		print_list_entries(tool->text, list, tool_context(tool).color);
	else
		print_list(tool->text, kind->summary, list);
	if (kind->devices && !counted && !entry && !tool->verbosity && !arg(&tool->args, "select"))
		print_no_usb(tool->text, list);
	return 0;
}

static const struct list_kind *find_kind(const char *name, struct msc_err *err)
{
	struct msc_nearest near = { .wanted = name };

	for (size_t i = 0; i < list_kind_count; i++) {
		if (!strcmp(list_kinds[i].name, name))
			return &list_kinds[i];
		msc_nearest_try(&near, list_kinds[i].name);
	}
	if (near.best)
		msc_fail(err, MSC_E_USAGE, "cannot list '%s'; did you mean '%s'?", name, near.best);
	else
		msc_fail(err, MSC_E_USAGE,
			 "cannot list '%s'; there are targets, firmware, faults, variants, "
			 "scenarios, rules, profiles and formats",
			 name);
	return NULL;
}

const char *list_kind_name(size_t i)
{
	return i < list_kind_count ? list_kinds[i].name : NULL;
}

json_t *list_of(const char *name)
{
	struct tool tool = { .verbosity = -1 };
	struct msc_err ignored = MSC_ERR_INIT;
	const struct list_kind *kind = find_kind(name, &ignored);
	json_t *entries = kind ? json_array() : NULL;

	if (entries && kind->collect(entries, &tool, &ignored) == 0)
		return entries;
	json_decref(entries);
	return NULL;
}

static int list_all(struct tool *tool, json_t *document, struct msc_err *err)
{
	static const char *const of_kind[] = { "select", "verbose", "quiet", NULL };
	const struct list_kind *kind;

	if (tool->args.n_words > 2)
		return msc_fail(err, MSC_E_USAGE, "list takes a kind and a name, not also '%s'",
				tool->args.words[2]);
	if (tool->args.n_words > 0) {
		kind = find_kind(tool->args.words[0], err);
		return kind ? list_kind(tool, kind,
					tool->args.n_words > 1 ? tool->args.words[1] : NULL, false,
					document, err)
			    : -1;
	}
	if (args_refuse(&tool->args, of_kind, "of what? As in 'mscope list faults'", err) < 0)
		return -1;
	for (size_t i = 0; i < list_kind_count; i++) {
		if (list_kind(tool, &list_kinds[i], NULL, true, document, err) < 0)
			return -1;
	}
	if (tool->text)
		print_list_usage(tool->text);
	return 0;
}

static int list(struct tool *tool, struct msc_err *err)
{
	const struct msc_report_context context = tool_context(tool);
	json_t *document = msc_json_document("mscope.list/1", &context, NULL, 0, NULL);

	if (!document)
		return msc_nomem(err);
	if (list_all(tool, document, err) < 0) {
		json_decref(document);
		return -1;
	}
	return write_json(tool, document, err);
}

static const struct opt list_options[] = {
	{ "select", 's', "WHAT", "a name such as 'bot.*', or a word; may be repeated",
	  .many = true },
	{ .name = NULL },
};

const struct cmd cmd_list = {
	.name = "list",
	.summary = "show targets, firmware, faults, variants, scenarios, rules, profiles, formats",
	.usage = "[KIND [NAME]] [OPTION]...",
	.options = { list_options, common_options },
	.without = " log ", .why_without = "list opens no target, so there is nothing to log",
	.verbose = "all that is known of each",
	.quiet = "only the names",
	.document = "mscope.list/1",
	.format = plain_format,
	.run = list,
};
