/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the file of known failures, by the same tables of keys as scenarios. */
#include "scenario/waivers.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/load.h"

struct file {
	struct msc_waivers waivers;
	struct msc_scenario memory; /* what the readers of keys write into: its arena alone is used */
};

static int rule(struct msc_loader *l, const struct msc_yaml *n, void *into, const struct msc_key *k)
{
	struct msc_err why = MSC_ERR_INIT;
	const struct msc_rule **found = into;

	if (n->kind != MSC_YAML_TEXT || !*n->text)
		return msc_load_expected(l, n, "the name of a rule for '%s'", k->name);
	*found = msc_rule_find(n->text, &why);
	return *found ? 0 : msc_yaml_fail(l->path, n, l->err, "expected a rule: %s", why.msg);
}

static bool is_day(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (leap && month == 2);
}

static int until(struct msc_loader *l, const struct msc_yaml *n, void *into,
		 const struct msc_key *k)
{
	struct msc_waiver *w = into;
	bool shaped = n->kind == MSC_YAML_TEXT && strlen(n->text) == strlen("2027-01-31");
	int year, month, day;

	for (size_t i = 0; shaped && n->text[i]; i++)
		shaped = i == 4 || i == 7 ? n->text[i] == '-' : isdigit((unsigned char)n->text[i]);
	if (!shaped || sscanf(n->text, "%4d-%2d-%2d", &year, &month, &day) != 3 ||
	    !is_day(year, month, day))
		return msc_load_expected(l, n, "a day such as 2027-01-31 for '%s'", k->name);
	w->until_day = (year * 100 + month) * 100 + day;
	return msc_load_text(l, n, &w->until, k);
}

static int read_one(struct msc_loader *l, const struct msc_yaml *n, struct msc_waivers *all)
{
	static const struct msc_key keys[] = {
		{"rule", rule, offsetof(struct msc_waiver, rule), 0, 0, NULL, true},
		{"case", msc_load_text, offsetof(struct msc_waiver, name), 0, 0, NULL, true},
		{"reason", msc_load_text, offsetof(struct msc_waiver, reason), 0, 0, NULL, true},
		{"until", until, 0, 0, 0, NULL, true},
		{0},
	};
	struct msc_waiver *w = &all->list[all->count];

	w->line = n->line;
	w->column = n->column;
	if (msc_load_map(l, n, "a waiver", keys, w) < 0)
		return -1;
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].rule == w->rule && !strcmp(all->list[i].name, w->name))
			return msc_yaml_fail(l->path, n, l->err,
					     "expected each rule and case once, found them at line "
					     "%d too",
					     all->list[i].line);
	all->count++;
	return 0;
}

static int read_list(struct msc_loader *l, const struct msc_yaml *doc, struct msc_waivers *all)
{
	if (!doc)
		return msc_fail(l->err, MSC_E_FORMAT,
				"%s:1:1: expected a list of waivers, found nothing", l->path);
	if (doc->kind != MSC_YAML_LIST)
		return msc_load_expected(l, doc, "a list of waivers");
	if (doc->next)
		return msc_yaml_fail(l->path, doc->next, l->err,
				     "expected one list of waivers, found another");
	all->path = msc_arena_text(&l->s->arena, l->path, strlen(l->path));
	all->list = msc_load_get(l, (msc_load_count(doc) + 1) * sizeof *all->list);
	if (!all->path || !all->list)
		return msc_nomem(l->err);
	for (const struct msc_yaml *n = doc->child; n; n = n->next)
		if (read_one(l, n, all) < 0)
			return -1;
	return 0;
}

static bool is_known(const struct msc_scenarios *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (fnmatch(name, msc_scenario_name(all->list[i]), 0) == 0)
			return true;
	return false;
}

struct msc_waivers *msc_waivers_load_text(const char *path, const char *text, int today,
					  const struct msc_scenarios *all, struct msc_err *err)
{
	struct file *f = calloc(1, sizeof *f);
	struct msc_loader l = { .path = path, .s = f ? &f->memory : NULL, .err = err };
	struct msc_arena tree = { 0 };
	struct msc_yaml *doc = NULL;
	int rc;

	if (!f) {
		msc_nomem(err);
		return NULL;
	}
	f->waivers.today = today;
	rc = msc_yaml_parse(&tree, path, text, &doc, err);
	if (rc == 0)
		rc = read_list(&l, doc, &f->waivers);
	msc_arena_free(&tree);
	for (size_t i = 0; rc == 0 && i < f->waivers.count; i++)
		f->waivers.list[i].known = is_known(all, f->waivers.list[i].name);
	if (rc == 0)
		return &f->waivers;
	msc_waivers_free(&f->waivers);
	return NULL;
}

struct msc_waivers *msc_waivers_load_file(const char *path, int today,
					  const struct msc_scenarios *all, struct msc_err *err)
{
	char *text = msc_yaml_read(path, "file of waivers", err);
	struct msc_waivers *waivers = text ? msc_waivers_load_text(path, text, today, all, err)
					   : NULL;

	free(text);
	return waivers;
}

void msc_waivers_free(struct msc_waivers *all)
{
	struct file *f = (struct file *)all;

	if (f)
		msc_arena_free(&f->memory.arena);
	free(f);
}
