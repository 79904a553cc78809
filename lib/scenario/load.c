/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenario files: each YAML document is one scenario. Everything that can be wrong in a file is
 * found here, so that a run can only fail for reasons that lie in the device or the host. */
#include "scenario/load.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "scenario/embedded.h"

#define SCRATCH_MAX 4096

const char *const msc_stage_names[] = {
	"descriptors",	"requests", "diagonal", "commands", "attach", "mismatch-in",
	"mismatch-out", "invalid",  "recovery", "last",	    "eject",  NULL,
};
#define STAGE_DEFAULT 3

#define AT(member) offsetof(struct msc_scenario, member)

static int name(struct msc_loader *l, const struct msc_yaml *n, void *into, const struct msc_key *k)
{
	const char *letters = "abcdefghijklmnopqrstuvwxyz0123456789-.";

	if (n->kind != MSC_YAML_TEXT || !strchr(n->text, '.') || strlen(n->text) > 60 ||
	    strspn(n->text, letters) != strlen(n->text))
		return msc_load_expected(l, n, "a name such as bot.case05.read10");
	return msc_load_text(l, n, into, k);
}

static int need(struct msc_loader *l, const struct msc_yaml *n, struct msc_scenario *s)
{
	static const char *const words[] = { "medium",          "no-medium",  "writable",
					     "write-protected", "removable",  "fixed",
					     "multi-lun",       "single-lun", "full-speed",
					     "high-speed",      "simulated",  "composite",
					     "super-speed",     "endpoints",  NULL };
	static const struct msc_key keys[] = {
		{"blocks", msc_load_expr, 0, 1, INT64_MAX, NULL, true},
		{0},
	};
	static const struct msc_env none;
	const struct msc_key named = { .name = "needs", .words = words };
	struct msc_expr blocks = { 0 };
	int index = 0;

	if (n->kind != MSC_YAML_MAP) {
		if (msc_load_word(l, n, &index, &named) < 0)
			return -1;
		s->needs |= 1u << index;
		return 0;
	}
	if (msc_load_map(l, n, "'needs'", keys, &blocks) < 0)
		return -1;
	if (!blocks.constant)
		return msc_load_expected(l, n->child, "a plain number of blocks");
	s->needs |= MSC_NEED_MEDIUM;
	return msc_expr_value(&blocks, &none, &s->needs_blocks, l->err);
}

static int needs(struct msc_loader *l, const struct msc_yaml *n, void *into,
		 const struct msc_key *k)
{
	(void)k;
	if (n->kind != MSC_YAML_LIST)
		return need(l, n, into);
	for (const struct msc_yaml *one = n->child; one; one = one->next)
		if (need(l, one, into) < 0)
			return -1;
	return 0;
}

static int scratch(struct msc_loader *l, const struct msc_yaml *n, void *into,
		   const struct msc_key *k)
{
	static const struct msc_env none;
	struct msc_expr blocks;

	if (msc_expr_parse(l, n, k->min, k->max, &blocks) < 0)
		return -1;
	if (!blocks.constant)
		return msc_load_expected(l, n, "a plain number of blocks");
	return msc_expr_value(&blocks, &none, into, l->err);
}

/* c251:1303 */
static int device(struct msc_loader *l, const struct msc_yaml *n, void *into,
		  const struct msc_key *k)
{
	struct msc_scenario *s = into;

	(void)k;
	if (n->kind != MSC_YAML_TEXT || strlen(n->text) != 9 ||
	    strspn(n->text, "0123456789abcdef") != 4 || n->text[4] != ':' ||
	    strspn(n->text + 5, "0123456789abcdef") != 4 ||
	    sscanf(n->text, "%4hx:%4hx", &s->vendor, &s->product) != 2)
		return msc_load_expected(l, n, "idVendor:idProduct, as in c251:1303");
	return 0;
}

static int steps(struct msc_loader *l, const struct msc_yaml *n, void *into,
		 const struct msc_key *k)
{
	struct msc_scenario *s = into;

	(void)k;
	return msc_load_steps(l, n, &s->steps, &s->n_steps);
}

/* A stage and the names of USB-IF's tests are tags too. */
static int add_tags(struct msc_loader *l, struct msc_scenario *s)
{
	size_t n = 0, i;
	const char **tags;

	for (i = 0; s->tags && s->tags[i]; i++)
		n++;
	for (i = 0; s->spec[i]; i++)
		n++;
	tags = msc_load_get(l, (n + 2) * sizeof *tags);
	if (!tags)
		return -1;
	n = 0;
	tags[n++] = msc_stage_names[s->stage];
	for (i = 0; s->tags && s->tags[i]; i++)
		tags[n++] = s->tags[i];
	for (i = 0; s->spec[i]; i++)
		if (!strncmp(s->spec[i], "TD", 2))
			tags[n++] = s->spec[i];
	s->tags = tags;
	return 0;
}

static int join_spec(struct msc_loader *l, struct msc_scenario *s)
{
	size_t size = 1, at = 0;
	char *text;

	for (size_t i = 0; s->spec[i]; i++)
		size += strlen(s->spec[i]) + 2;
	text = msc_load_get(l, size);
	if (!text)
		return -1;
	for (size_t i = 0; s->spec[i]; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? "; " : "", s->spec[i]);
	s->clauses = text;
	return 0;
}

/* "5.3.4", as the tests of USB-IF number their assertions. */
static bool is_assertion(const char *tag)
{
	return isdigit((unsigned char)tag[0]) && tag[1] == '.';
}

/* "TD1.10, assertion 5.3.4 (reconstructed)". */
static int name_test(struct msc_loader *l, struct msc_scenario *s)
{
	bool described = msc_scenario_evidence(s);
	char text[128] = "";
	char *kept;

	for (size_t i = 0; s->tags[i]; i++)
		if (!strncmp(s->tags[i], "TD", 2))
			msc_append(text, sizeof text, "%s%s", *text ? ", " : "", s->tags[i]);
	for (size_t i = 0; s->tags[i]; i++)
		if (is_assertion(s->tags[i]))
			msc_append(text, sizeof text, "%sassertion %s", *text ? ", " : "",
				   s->tags[i]);
	if (!*text)
		return 0;
	if (described && s->evidence)
		msc_append(text, sizeof text, " (%s)", msc_evidence_names[s->evidence]);
	kept = msc_load_get(l, strlen(text) + 1);
	if (!kept)
		return -1;
	s->test = strcpy(kept, text);
	return 0;
}

static int fill_in(struct msc_loader *l, const struct msc_yaml *doc, struct msc_scenario *s)
{
	static const struct msc_key keys[] = {
		{"name", name, AT(name), 0, 0, NULL, true},
		{"title", msc_load_text, AT(title), 0, 0, NULL, true},
		{"spec", msc_load_texts, AT(spec), 0, 0, NULL, true},
		{"tags", msc_load_texts, AT(tags), 0, 0, NULL, false},
		{"stage", msc_load_word, AT(stage), 0, 0, msc_stage_names, false},
		{"evidence", msc_load_word, AT(evidence), 0, 0, msc_evidence_names, false},
		{"device", device, 0, 0, 0, NULL, false},
		{"needs", needs, 0, 0, 0, NULL, false},
		{"scratch", scratch, AT(scratch_blocks), 1, SCRATCH_MAX, NULL, false},
		{"recover", msc_load_bool, AT(recover), 0, 0, NULL, false},
		{"autosense", msc_load_bool, AT(autosense), 0, 0, NULL, false},
		{"host", msc_load_text, AT(host), 0, 0, NULL, false},
		{"within", msc_load_duration, AT(within_ns), 0, 0, NULL, false},
		{"steps", steps, 0, 0, 0, NULL, true},
		{0},
	};

	s->line = doc->line;
	s->stage = STAGE_DEFAULT;
	s->recover = s->autosense = true;
	s->path = msc_arena_text(&s->arena, l->path, strlen(l->path));
	if (!s->path)
		return msc_nomem(l->err);
	if (msc_load_map(l, doc, "a scenario", keys, s) < 0)
		return -1;
	s->writes = s->scratch_blocks || msc_plan_writes(s->steps, s->n_steps);
	s->unsafe = msc_plan_is_unsafe(s->steps, s->n_steps);
	s->ejects = msc_plan_ejects(s->steps, s->n_steps);
	if (s->scratch_blocks)
		s->needs |= MSC_NEED_MEDIUM;
	/* The kernel looks after a medium that it may have lost, with commands of its own. */
	if (s->ejects || msc_plan_needs_endpoints(s->steps, s->n_steps))
		s->needs |= MSC_NEED_ENDPOINTS;
	if (add_tags(l, s) < 0 || name_test(l, s) < 0)
		return -1;
	return join_spec(l, s);
}

static void scenario_free(struct msc_scenario *s)
{
	if (s)
		msc_arena_free(&s->arena);
	free(s);
}

static int append(struct msc_scenarios *all, struct msc_loader *l, struct msc_scenario *s,
		  const struct msc_yaml *doc)
{
	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->list[i]->name, s->name))
			return msc_yaml_fail(l->path, doc, l->err,
					     "expected a name of its own, found '%s', which is "
					     "in %s:%d too",
					     s->name, all->list[i]->path, all->list[i]->line);
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 32;
		struct msc_scenario **list = realloc(all->list, room * sizeof *list);

		if (!list)
			return msc_nomem(l->err);
		all->list = list;
		all->room = room;
	}
	all->list[all->count++] = s;
	return 0;
}

static int load_document(struct msc_scenarios *all, const char *path, const struct msc_yaml *doc,
			 struct msc_err *err)
{
	struct msc_scenario *s = calloc(1, sizeof *s);
	struct msc_loader l = { .path = path, .s = s, .err = err };

	if (!s)
		return msc_nomem(err);
	if (fill_in(&l, doc, s) < 0 || append(all, &l, s, doc) < 0) {
		scenario_free(s);
		return -1;
	}
	return 0;
}

int msc_scenarios_load_text(struct msc_scenarios *all, const char *path, const char *text,
			    struct msc_err *err)
{
	struct msc_arena tree = { 0 };
	struct msc_yaml *doc = NULL;
	int rc = msc_yaml_parse(&tree, path, text, &doc, err);

	if (rc == 0 && !doc)
		rc = msc_fail(err, MSC_E_FORMAT, "%s:1:1: expected a scenario, found nothing",
			      path);
	for (; rc == 0 && doc; doc = doc->next)
		rc = load_document(all, path, doc, err);
	msc_arena_free(&tree);
	return rc;
}

int msc_scenarios_load_file(struct msc_scenarios *all, const char *path, struct msc_err *err)
{
	char *text = msc_yaml_read(path, "scenario file", err);
	int rc = text ? msc_scenarios_load_text(all, path, text, err) : -1;

	free(text);
	return rc;
}

static int by_stage_and_name(const void *a, const void *b)
{
	const struct msc_scenario *const *x = a, *const *y = b;

	if ((*x)->stage != (*y)->stage)
		return (*x)->stage - (*y)->stage;
	return strcmp((*x)->name, (*y)->name);
}

int msc_scenarios_load_embedded(struct msc_scenarios *all, struct msc_err *err)
{
	for (size_t i = 0; i < msc_embedded_scenario_count; i++) {
		const struct msc_embedded *e = &msc_embedded_scenarios[i];

		if (msc_scenarios_load_text(all, e->path, e->text, err) < 0)
			return -1;
	}
	if (all->count)
		qsort(all->list, all->count, sizeof *all->list, by_stage_and_name);
	return 0;
}

void msc_scenarios_free(struct msc_scenarios *all)
{
	for (size_t i = 0; i < all->count; i++)
		scenario_free(all->list[i]);
	free(all->list);
	*all = (struct msc_scenarios){ 0 };
}
