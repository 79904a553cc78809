/* SPDX-License-Identifier: BSD-2-Clause */
/* What mscope list shows: everything that can be named, by kind. A kind is one row of the table at the end, and a
 * function that puts its entries into an array. */
#include <stdlib.h>
#include <string.h>

#include "firmware/spec.h"
#include "tool.h"

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

/* Where the fault was seen; of one that is in no report, what it is there for: the rules that it proves, and the
 * clauses behind them. NULL if there is no memory. */
static json_t *seen_json(const struct msc_fault *f)
{
	char text[512] = "";
	size_t len = 0;
	json_t *rules = words_json(f->caught_by), *seen, *id;
	size_t i;

	json_array_foreach(rules, i, id)
	{
		struct msc_err none = MSC_ERR_INIT;
		const struct msc_rule *r = msc_rule_find(json_string_value(id), &none);

		if (len < sizeof text)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s (%s)",
						i ? ", " : "", json_string_value(id),
						f->breaks ? f->breaks
						: r       ? r->spec
							  : "");
	}
	seen = f->seen ? json_string(f->seen)
		       : json_sprintf("no report of it is known; it proves %s", text);
	json_decref(rules);
	return seen;
}

static int collect_faults(json_t *list, struct tool *tool, struct msc_err *err)
{
	(void)tool;
	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));) {
		if (append(list,
			   json_pack("{s:s, s:s, s:s?, s:o, s:o, s:b, s:s?}", "name", f->id,
				     "title", f->title, "mistake", f->mistake, "seen", seen_json(f),
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

/* Those that --select means; else those that the word behind the kind does, which may be a tag or a clause. */
static int collect_scenarios(json_t *list, struct tool *tool, struct msc_err *err)
{
	struct msc_scenarios all = { NULL }, chosen = { NULL };
	const char *word = tool->args.n_words > 1 ? tool->args.words[1] : NULL;
	size_t n;
	const char **patterns = values_of(tool, "select", &n);
	int result = -1;

	if (!patterns)
		return msc_nomem(err);
	if (msc_scenarios_load_embedded(&all, err) == 0 &&
	    msc_select(&all, n ? patterns : &word, n ? n : word != NULL, &chosen, err) == 0)
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

const struct list_kind list_kinds[] = {
	{ "targets", "target", "description", "how to name a device, and those that are here",
	  collect_targets, .devices = true },
	{ "firmware", "firmware", "summary", "models of a device for sim:NAME, with their knobs",
	  collect_firmware },
	{ "faults", "fault", "title", "defects that fault=NAME gives a simulated device",
	  collect_faults },
	{ "variants", "variant", "title", "legal differences, for variant=NAME", collect_variants },
	{ "scenarios", "scenario", "title", "what check runs, for --select", collect_scenarios,
	  .selected = true },
	{ "rules", "rule", "title", "what is judged, with its clause", collect_rules },
	{ "profiles", "profile", "summary", "how severely, for --profile", collect_profiles },
	{ "formats", "format", "summary", "of reports, for --report", collect_formats },
};

const size_t list_kind_count = MSC_COUNT(list_kinds);
