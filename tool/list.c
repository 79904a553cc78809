/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope list: the map of everything that can be named. Each kind is an array of JSON objects with
 * a "name"; the text is made from them, so that the two cannot disagree. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "firmware/spec.h"
#include "tool.h"

struct kind {
	const char *name, *one;
	const char *summary; /* the member shown beside the name */
	const char *what;    /* shown beside the kind when no kind is asked for */
	int (*collect)(json_t *list, struct tool *, struct msc_err *);
};

static int append(json_t *list, json_t *entry, struct msc_err *err)
{
	return json_array_append_new(list, entry) ? msc_nomem(err) : 0;
}

/* ---- targets ------------------------------------------------------------------------------- */

struct found {
	json_t *list;
	struct msc_err *err;
};

static void found(void *user, const char *target, const char *description)
{
	struct found *f = user;

	append(f->list,
	       json_pack("{s:o, s:o}", "name", msc_json_text(target), "description",
			 msc_json_text(description)),
	       f->err);
}

static int collect_targets(json_t *list, struct tool *tool, struct msc_err *err)
{
	struct found f = { list, err };

	(void)tool;
	for (size_t i = 0; i < msc_transport_count; i++) {
		const struct msc_transport *t = msc_transports[i];
		struct msc_err why = MSC_ERR_INIT;

		if (append(list,
			   json_pack("{s:s, s:s}", "name", t->syntax, "description", t->summary),
			   err) < 0)
			return -1;
		if (t->list && t->list(found, &f, &why) < 0)
			tool_tell("%s: %s", t->name, why.msg);
	}
	return err->code ? -1 : 0;
}

/* ---- firmware ------------------------------------------------------------------------------ */

static void add_knobs(json_t *list, const struct msc_knob *knob)
{
	static const char *const types[] = {
		[MSC_KNOB_BOOL] = "bool",     [MSC_KNOB_U32] = "number",
		[MSC_KNOB_U64] = "number",    [MSC_KNOB_DURATION] = "time",
		[MSC_KNOB_CHOICE] = "choice", [MSC_KNOB_TEXT] = "text",
		[MSC_KNOB_TENTHS] = "number"
	};

	for (; knob && knob->name; knob++) {
		json_t *choices = json_array();

		for (const char *const *c = knob->choices; c && *c; c++)
			json_array_append_new(choices, json_string(*c));
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s?, s:s, s:o}", "name", knob->name,
						"type", types[knob->type], "default", knob->initial,
						"help", knob->help, "choices", choices));
	}
}

/* The model's own, then those that every simulated target has. */
static json_t *knobs_json(const struct msc_firmware *f)
{
	json_t *list = json_array();

	add_knobs(list, f->knobs);
	add_knobs(list, msc_sim_knobs);
	json_array_append_new(list, json_pack("{s:s, s:s, s:n, s:s, s:[]}", "name", "fault", "type",
					      "fault", "default", "help",
					      "a defect to switch on; may be repeated", "choices"));
	json_array_append_new(list, json_pack("{s:s, s:s, s:n, s:s, s:[]}", "name", "variant",
					      "type", "variant", "default", "help",
					      "a legal difference to switch on; may be repeated",
					      "choices"));
	json_array_append_new(list, json_pack("{s:s, s:s, s:n, s:s, s:[]}", "name", "event", "type",
					      "event", "default", "help",
					      "what happens to the device, as in card-out@350ms or "
					      "unplug@write-block:17; may be repeated; mscope(1)",
					      "choices"));
	return list;
}

static int add_firmware(json_t *list, const struct msc_firmware *f, struct msc_err *err)
{
	return append(list,
		      json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "name", f->name, "summary",
				f->summary, "like", f->like, "expect", f->expect, "full_speed_only",
				f->full_speed_only, "knobs", knobs_json(f)),
		      err);
}

/* The models; and of shared objects the one that was asked for. */
static int collect_firmware(json_t *list, struct tool *tool, struct msc_err *err)
{
	const char *name = tool->args.n_words > 1 ? tool->args.words[1] : "";

	for (size_t i = 0; i < msc_firmware_count; i++)
		if (add_firmware(list, msc_firmwares[i], err) < 0)
			return -1;
	if (strchr(name, '/')) {
		struct msc_firmware *f = msc_external_open(name, err);
		int rc = f ? add_firmware(list, f, err) : -1;

		msc_external_close(f);
		return rc;
	}
	return 0;
}

/* ---- faults -------------------------------------------------------------------------------- */

static json_t *words_json(const char *text)
{
	json_t *list = json_array();

	while (text && *(text += strspn(text, " "))) {
		size_t len = strcspn(text, " ");

		json_array_append_new(list, json_stringn(text, len));
		text += len;
	}
	return list;
}

static int collect_faults(json_t *list, struct tool *tool, struct msc_err *err)
{
	(void)tool;
	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));) {
		if (append(list,
			   json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:b, s:s?}", "name", f->id,
				     "title", f->title, "mistake", f->mistake, "seen", f->seen,
				     "caught_by", words_json(f->caught_by), "needs_writes",
				     f->needs_writes, "target", f->target),
			   err) < 0)
			return -1;
	}
	return 0;
}

static int collect_variants(json_t *list, struct tool *tool, struct msc_err *err)
{
	(void)tool;
	for (const struct msc_variant *v = NULL; (v = msc_variant_next(v));)
		if (append(list,
			   json_pack("{s:s, s:s, s:s, s:o, s:s?}", "name", v->id, "title", v->title,
				     "legal", v->legal, "profiles", words_json(v->profiles),
				     "knobs", v->knobs),
			   err) < 0)
			return -1;
	return 0;
}

/* ---- scenarios ----------------------------------------------------------------------------- */

static json_t *strings_json(const char *const *strings)
{
	json_t *list = json_array();

	for (; *strings; strings++)
		json_array_append_new(list, msc_json_text(*strings));
	return list;
}

static int add_scenarios(json_t *list, const struct msc_scenarios *chosen, struct msc_err *err)
{
	for (size_t i = 0; i < chosen->count; i++) {
		const struct msc_scenario *s = chosen->list[i];

		if (append(list,
			   json_pack("{s:s, s:o, s:o, s:o, s:s?, s:b, s:s}", "name",
				     msc_scenario_name(s), "title",
				     msc_json_text(msc_scenario_title(s)), "spec",
				     strings_json(msc_scenario_spec(s)), "tags",
				     strings_json(msc_scenario_tags(s)), "evidence",
				     msc_scenario_evidence(s), "writes", msc_scenario_writes(s),
				     "path", msc_scenario_path(s)),
			   err) < 0)
			return -1;
	}
	return 0;
}

static int collect_scenarios(json_t *list, struct tool *tool, struct msc_err *err)
{
	struct msc_scenarios all = { NULL }, chosen = { NULL };
	size_t n;
	const char **patterns = values_of(tool, "select", &n);
	int result = -1;

	if (!patterns)
		return msc_nomem(err);
	if (msc_scenarios_load_embedded(&all, err) == 0 &&
	    msc_select(&all, patterns, n, &chosen, err) == 0)
		result = add_scenarios(list, &chosen, err);
	free(chosen.list);
	free(patterns);
	msc_scenarios_free(&all);
	return result;
}

/* ---- rules, profiles, formats -------------------------------------------------------------- */

static int collect_rules(json_t *list, struct tool *tool, struct msc_err *err)
{
	(void)tool;
	for (size_t i = 0; i < msc_rule_count; i++) {
		const struct msc_rule *r = msc_rules[i];
		json_t *severity = json_object();

		for (int p = 0; p < MSC_PROFILES; p++)
			json_object_set_new(severity, msc_profile_names[p],
					    json_string(msc_severity_name(r->severity[p])));
		if (append(list,
			   json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "name", r->id, "title",
				     r->title, "spec", r->spec, "severity", severity, "why", r->why,
				     "mistake", r->mistake),
			   err) < 0)
			return -1;
	}
	return 0;
}

static int collect_profiles(json_t *list, struct tool *tool, struct msc_err *err)
{
	static const char *const summaries[MSC_PROFILES] = {
		[MSC_PROFILE_SPEC] = "the letter of BOT 1.0, USB 2.0, SPC-4, SBC-3 and MMC-5",
		[MSC_PROFILE_USBIF] = "what the USB-IF compliance tests tolerate; the default",
		[MSC_PROFILE_INTEROP] =
			"what keeps Windows, Linux, macOS, FreeBSD or UEFI from using the device",
	};

	(void)tool;
	for (int i = 0; i < MSC_PROFILES; i++)
		if (append(list,
			   json_pack("{s:s, s:s}", "name", msc_profile_names[i], "summary",
				     summaries[i]),
			   err) < 0)
			return -1;
	return 0;
}

static json_t *find_named(json_t *list, const char *name)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i,
			   entry) if (!strcmp(json_string_value(json_object_get(entry, "name")),
					      name)) return entry;
	return NULL;
}

/* A format of several commands is there once, with all of them. */
static int add_format(json_t *list, const struct format *f, const struct cmd *cmd,
		      struct msc_err *err)
{
	json_t *entry = find_named(list, f->name);

	if (!entry) {
		entry = json_pack("{s:s, s:s, s:s, s:[]}", "name", f->name, "summary", f->summary,
				  "suffix", f->suffix, "commands");
		if (append(list, entry, err) < 0)
			return -1;
	}
	return append(json_object_get(entry, "commands"), json_string(cmd->name), err);
}

static int collect_formats(json_t *list, struct tool *tool, struct msc_err *err)
{
	struct format f;

	(void)tool;
	for (size_t c = 0; c < command_count; c++)
		for (size_t i = 0; commands[c]->format && (f = commands[c]->format(i)).name; i++)
			if (add_format(list, &f, commands[c], err) < 0)
				return -1;
	return 0;
}

static const struct kind kinds[] = {
	{ "targets", "target", "description", "how to name a device, and those that are here",
	  collect_targets },
	{ "firmware", "firmware", "summary", "models of a device for sim:NAME, with their knobs",
	  collect_firmware },
	{ "faults", "fault", "title", "defects that fault=NAME gives a simulated device",
	  collect_faults },
	{ "variants", "variant", "title", "legal differences, for variant=NAME",
	  collect_variants },
	{ "scenarios", "scenario", "title", "what check runs, for --select", collect_scenarios },
	{ "rules", "rule", "title", "what is judged, with its clause", collect_rules },
	{ "profiles", "profile", "summary", "how severely, for --profile", collect_profiles },
	{ "formats", "format", "summary", "of reports, for --report", collect_formats },
};

/* ---- the command --------------------------------------------------------------------------- */

static json_t *find_entry(const struct kind *kind, json_t *list, const char *name,
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

/* By a glob of the name, or by a word of the name or of what it is. */
static bool is_selected(const struct kind *kind, const json_t *entry, const char *pattern)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	const char *summary = json_string_value(json_object_get(entry, kind->summary));

	return !fnmatch(pattern, name, 0) || strcasestr(name, pattern) ||
	       (summary && strcasestr(summary, pattern));
}

/* Leaves what one pattern at least selects; scenarios are selected where they are collected, by tags and clauses too. */
static int select_entries(struct tool *tool, const struct kind *kind, json_t *list,
			  struct msc_err *err)
{
	size_t n, i = 0;
	const char **patterns = values_of(tool, "select", &n);

	if (!patterns)
		return msc_nomem(err);
	while (n && kind->collect != collect_scenarios && i < json_array_size(list)) {
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
static int list_kind(struct tool *tool, const struct kind *kind, const char *name, bool counted,
		     json_t *document, struct msc_err *err)
{
	json_t *list = json_array(), *entry = NULL;

	if (json_object_set_new(document, kind->name, list))
		return msc_nomem(err);
	if (kind->collect(list, tool, err) < 0 || select_entries(tool, kind, list, err) < 0)
		return -1;
	if (name) {
		entry = find_entry(kind, list, name, err);
		if (!entry)
			return -1;
		json_incref(entry);
		json_array_clear(list);
		json_array_append_new(list, entry);
	}
	if (!tool->text)
		return 0;
	if (counted)
		print_list_count(tool->text, kind->name, json_array_size(list), kind->what);
	else if (entry)
		print_list_entry(tool->text, entry);
	else
		print_list(tool->text, kind->summary, list);
	if (kind->collect == collect_targets && !counted && !entry && !arg(&tool->args, "select"))
		print_no_usb(tool->text, list);
	return 0;
}

static const struct kind *find_kind(const char *name, struct msc_err *err)
{
	struct msc_nearest near = { .wanted = name };

	for (size_t i = 0; i < MSC_COUNT(kinds); i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
		msc_nearest_try(&near, kinds[i].name);
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
	return i < MSC_COUNT(kinds) ? kinds[i].name : NULL;
}

json_t *list_of(const char *name)
{
	struct tool tool = { .verbosity = -1 };
	struct msc_err ignored = MSC_ERR_INIT;
	const struct kind *kind = find_kind(name, &ignored);
	json_t *entries = kind ? json_array() : NULL;

	if (entries && kind->collect(entries, &tool, &ignored) == 0)
		return entries;
	json_decref(entries);
	return NULL;
}

static int list_all(struct tool *tool, json_t *document, struct msc_err *err)
{
	const struct kind *kind;

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
	if (arg(&tool->args, "select"))
		return msc_fail(err, MSC_E_USAGE,
				"--select needs to know of what: 'mscope list faults --select %s'",
				arg(&tool->args, "select"));
	for (size_t i = 0; i < MSC_COUNT(kinds); i++) {
		if (list_kind(tool, &kinds[i], NULL, true, document, err) < 0)
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
	.verbose = "accepted, no effect",
	.quiet = "accepted, no effect",
	.document = "mscope.list/1",
	.format = plain_format,
	.run = list,
};
