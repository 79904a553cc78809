/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk over a map by its table of keys, and the readers of the plain kinds of value. */
#include "scenario/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define LIST_MAX 64 /* entries of any list of values */

int msc_load_map(struct msc_loader *l, const struct msc_yaml *map, const char *what,
		 const struct msc_key *table, void *into)
{
	if (map->kind != MSC_YAML_MAP)
		return msc_load_expected(l, map, "%s as a map", what);
	for (const struct msc_yaml *n = map->child; n; n = n->next) {
		const struct msc_key *k = table;

		while (k->name && strcmp(k->name, n->key->text) != 0)
			k++;
		if (!k->name) {
			char kind[80];

			snprintf(kind, sizeof kind, "a key of %s", what);
			return msc_load_unknown(l, n->key, kind, &table->name, sizeof *table,
						SIZE_MAX);
		}
		if (k->read && k->read(l, n, (char *)into + k->offset, k) < 0)
			return -1;
	}
	for (const struct msc_key *k = table; k->name; k++) {
		const struct msc_yaml *n = map->child;

		while (n && strcmp(n->key->text, k->name) != 0)
			n = n->next;
		if (k->required && !n)
			return msc_yaml_fail(l->path, map, l->err,
					     "expected the key '%s' in %s, found none", k->name,
					     what);
	}
	return 0;
}

int msc_load_text(struct msc_loader *l, const struct msc_yaml *n, void *into,
		  const struct msc_key *k)
{
	char **text = into;

	if (n->kind != MSC_YAML_TEXT || !*n->text)
		return msc_load_expected(l, n, "text for '%s'", k->name);
	*text = msc_arena_text(&l->s->arena, n->text, strlen(n->text));
	return *text ? 0 : msc_nomem(l->err);
}

int msc_load_texts(struct msc_loader *l, const struct msc_yaml *n, void *into,
		   const struct msc_key *k)
{
	const struct msc_yaml *one = n->kind == MSC_YAML_LIST ? n->child : n;
	size_t count = n->kind == MSC_YAML_LIST ? msc_load_count(n) : 1, i = 0;
	const char **list;

	if (n->kind == MSC_YAML_MAP || count > LIST_MAX)
		return msc_load_expected(l, n, "a list of up to %d words for '%s'", LIST_MAX,
					 k->name);
	list = msc_load_get(l, (count + 1) * sizeof *list);
	if (!list)
		return -1;
	for (; i < count; i++, one = one->next)
		if (msc_load_text(l, one, &list[i], k) < 0)
			return -1;
	*(const char ***)into = list;
	return 0;
}

static int find_word(struct msc_loader *l, const struct msc_yaml *n, const struct msc_key *k,
		     int *index)
{
	char what[80];

	snprintf(what, sizeof what, "a word for '%s'", k->name);
	if (n->kind == MSC_YAML_TEXT)
		for (int i = 0; k->words[i]; i++)
			if (!strcmp(n->text, k->words[i])) {
				*index = i;
				return 0;
			}
	return msc_load_unknown(l, n, what, k->words, sizeof *k->words, SIZE_MAX);
}

int msc_load_word(struct msc_loader *l, const struct msc_yaml *n, void *into,
		  const struct msc_key *k)
{
	return find_word(l, n, k, into);
}

int msc_load_words(struct msc_loader *l, const struct msc_yaml *n, void *into,
		   const struct msc_key *k)
{
	unsigned *bits = into;
	int index;

	if (n->kind != MSC_YAML_LIST) {
		if (find_word(l, n, k, &index) < 0)
			return -1;
		*bits |= 1u << index;
		return 0;
	}
	for (const struct msc_yaml *one = n->child; one; one = one->next) {
		if (find_word(l, one, k, &index) < 0)
			return -1;
		*bits |= 1u << index;
	}
	return 0;
}

int msc_load_bool(struct msc_loader *l, const struct msc_yaml *n, void *into,
		  const struct msc_key *k)
{
	struct msc_err ignored = MSC_ERR_INIT;

	if (n->kind != MSC_YAML_TEXT || msc_parse_bool(n->text, into, &ignored) < 0)
		return msc_load_expected(l, n, "yes or no for '%s'", k->name);
	return 0;
}

int msc_load_duration(struct msc_loader *l, const struct msc_yaml *n, void *into,
		      const struct msc_key *k)
{
	struct msc_err ignored = MSC_ERR_INIT;
	int64_t *ns = into;

	if (n->kind != MSC_YAML_TEXT || msc_parse_duration(n->text, ns, &ignored) < 0 ||
	    *ns > 60 * MSC_S)
		return msc_load_expected(l, n, "a time of up to 60s, such as 10ms, for '%s'",
					 k->name);
	return 0;
}

int msc_load_expr(struct msc_loader *l, const struct msc_yaml *n, void *into,
		  const struct msc_key *k)
{
	return msc_expr_parse(l, n, k->min, k->max, into);
}

int msc_load_exprs(struct msc_loader *l, const struct msc_yaml *n, void *into,
		   const struct msc_key *k)
{
	const struct msc_yaml *one = n->kind == MSC_YAML_LIST ? n->child : n;
	size_t count = n->kind == MSC_YAML_LIST ? msc_load_count(n) : 1;
	struct msc_exprs *e = into;

	if (!count || count > LIST_MAX)
		return msc_load_expected(l, n, "1 to %d numbers for '%s'", LIST_MAX, k->name);
	e->list = msc_load_get(l, count * sizeof *e->list);
	if (!e->list)
		return -1;
	for (e->count = 0; e->count < count; one = one->next)
		if (msc_expr_parse(l, one, k->min, k->max, &e->list[e->count++]) < 0)
			return -1;
	return 0;
}

int msc_load_bytes(struct msc_loader *l, const struct msc_yaml *n, void *into,
		   const struct msc_key *k)
{
	struct msc_err why = MSC_ERR_INIT;
	struct msc_bytes *b = into;
	size_t room = (size_t)k->max;
	uint8_t *data = msc_load_get(l, room);

	if (!data)
		return -1;
	if (n->kind != MSC_YAML_TEXT || msc_parse_hex(n->text, data, room, &b->len, &why) < 0)
		return msc_load_expected(l, n, "up to %zu bytes as pairs of hex digits for '%s'",
					 room, k->name);
	b->data = data;
	return 0;
}

int msc_load_save(struct msc_loader *l, const struct msc_yaml *n, void *into,
		  const struct msc_key *k)
{
	const char *name;

	if (msc_load_text(l, n, &name, k) < 0)
		return -1;
	for (size_t i = 0; i < l->n_slots; i++)
		if (!strcmp(l->slots[i], name)) {
			*(int *)into = (int)i;
			return 0;
		}
	if (l->n_slots == MSC_SLOTS_MAX)
		return msc_load_expected(l, n, "at most %d names to save under", MSC_SLOTS_MAX);
	*(int *)into = (int)l->n_slots;
	l->slots[l->n_slots++] = name;
	return 0;
}

/* A pattern, or { hex: "..." }. */
int msc_load_out_data(struct msc_loader *l, const struct msc_yaml *n, void *into,
		      const struct msc_key *k)
{
	static const char *const words[] = { "zeros", "ones", "counter", "stamps", NULL };
	static const struct msc_key keys[] = {
		{"hex", msc_load_bytes, offsetof(struct msc_out_data, bytes), 0, 4096, NULL, true},
		{0},
	};
	const struct msc_key named = { .name = k->name, .words = words };
	struct msc_out_data *d = into;
	int pattern = 0;

	if (n->kind == MSC_YAML_MAP)
		return msc_load_map(l, n, "'data'", keys, d);
	if (msc_load_word(l, n, &pattern, &named) < 0)
		return -1;
	d->pattern = (enum msc_pattern)pattern;
	return 0;
}

/* Bytes may stand there without `hex`, as they do in older files: no pattern is called like them. */
int msc_load_request_data(struct msc_loader *l, const struct msc_yaml *n, void *into,
			  const struct msc_key *k)
{
	const struct msc_key plain = { .name = k->name, .max = 256 };
	struct msc_out_data *d = into;
	struct msc_err ignored = MSC_ERR_INIT;
	uint8_t bytes[256];
	size_t len;

	if (n->kind == MSC_YAML_TEXT &&
	    msc_parse_hex(n->text, bytes, sizeof bytes, &len, &ignored) == 0)
		return msc_load_bytes(l, n, &d->bytes, &plain);
	return msc_load_out_data(l, n, into, k);
}
