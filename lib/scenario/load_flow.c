/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps about other steps: loops, conditions, names for values, and the phases of a case. */
#include "scenario/load.h"

#include <stdlib.h>
#include <string.h>

#define REPEAT_MAX 10000
#define VALUES_MAX 256 /* of one `for` */

static int inner_steps(struct msc_loader *l, const struct msc_yaml *n, void *into,
		       const struct msc_key *k)
{
	struct msc_plan_loop *loop = into;

	(void)k;
	return msc_load_steps(l, n, &loop->steps, &loop->n_steps);
}

int msc_load_repeat(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{ "repeat", msc_load_expr, offsetof(struct msc_plan_loop, times), 0, REPEAT_MAX,
		  NULL, true },
		{ "at_most", msc_load_duration, offsetof(struct msc_plan_loop, at_most_ns), 0, 0,
		  NULL, false },
		{ "do", inner_steps, 0, 0, 0, NULL, true },
		{ 0 },
	};

	out->what = MSC_DO_LOOP;
	return msc_load_map(l, step, "a repeat step", keys, &out->u.loop);
}

int msc_load_if(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{ "if", msc_load_expr, offsetof(struct msc_plan_loop, times), INT64_MIN, INT64_MAX,
		  NULL, true },
		{ "do", inner_steps, 0, 0, 0, NULL, true },
		{ 0 },
	};

	out->what = MSC_DO_IF;
	return msc_load_map(l, step, "an if step", keys, &out->u.loop);
}

/* "0x60..0x7d": both ends, as plain numbers. */
static int range(struct msc_loader *l, const struct msc_yaml *n, const char *dots,
		 struct msc_exprs *e)
{
	static const struct msc_env none;
	struct msc_yaml end = *n;
	struct msc_expr first, last;
	int64_t from, to;
	char *text = msc_arena_text(&l->s->arena, n->text, (size_t)(dots - n->text));

	if (!text)
		return msc_nomem(l->err);
	end.text = text;
	if (msc_expr_parse(l, &end, INT64_MIN, INT64_MAX, &first) < 0)
		return -1;
	end.text = dots + 2;
	end.column += (int)(dots + 2 - n->text);
	if (msc_expr_parse(l, &end, INT64_MIN, INT64_MAX, &last) < 0)
		return -1;
	if (!first.constant || !last.constant)
		return msc_load_expected(l, n, "plain numbers at both ends of a range");
	if (msc_expr_value(&first, &none, &from, l->err) < 0 ||
	    msc_expr_value(&last, &none, &to, l->err) < 0)
		return -1;
	if (to < from || to - from >= (int64_t)(VALUES_MAX - e->count))
		return msc_load_expected(l, n, "a range that rises, and %d values in all",
					 VALUES_MAX);
	for (; from <= to; from++)
		if (msc_expr_number(l, from, &e->list[e->count++]) < 0)
			return -1;
	return 0;
}

static int values(struct msc_loader *l, const struct msc_yaml *n, struct msc_exprs *e)
{
	const struct msc_yaml *one = n->kind == MSC_YAML_LIST ? n->child : n;

	if (!one || n->kind == MSC_YAML_MAP)
		return msc_load_expected(l, n, "1 to %d values", VALUES_MAX);
	e->list = msc_load_get(l, VALUES_MAX * sizeof *e->list);
	if (!e->list)
		return -1;
	for (; one; one = one->next) {
		const char *dots = one->kind == MSC_YAML_TEXT ? strstr(one->text, "..") : NULL;

		if (e->count == VALUES_MAX)
			return msc_load_expected(l, one, "at most %d values", VALUES_MAX);
		if (dots) {
			if (range(l, one, dots, e) < 0)
				return -1;
		} else if (msc_expr_parse(l, one, INT64_MIN, INT64_MAX, &e->list[e->count++]) < 0) {
			return -1;
		}
		if (n->kind != MSC_YAML_LIST)
			break;
	}
	return 0;
}

/* A name for a value, which nothing else has. */
static int new_name(struct msc_loader *l, const struct msc_yaml *key)
{
	const char *name = key->text;

	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz_") != strlen(name) ||
	    strlen(name) > 30)
		return msc_load_expected(l, key, "a name of small letters");
	if (msc_expr_is_name(name))
		return msc_load_expected(l, key, "a name that means nothing else");
	return 0;
}

/* for: { n: [1, 2, 8] } */
static int variable(struct msc_loader *l, const struct msc_yaml *n, void *into,
		    const struct msc_key *k)
{
	struct msc_plan_loop *loop = into;

	(void)k;
	if (n->kind != MSC_YAML_MAP || !n->child || n->child->next)
		return msc_load_expected(l, n, "one name with its values, as in { n: [1, 2] }");
	if (new_name(l, n->child->key) < 0)
		return -1;
	if (l->n_loops == MSC_LOOPS_MAX)
		return msc_load_expected(l, n, "at most %d loops within each other", MSC_LOOPS_MAX);
	if (n->child->kind == MSC_YAML_TEXT && !strcmp(n->child->text, "probes")) {
		loop->probes = true;
		l->s->needs |= MSC_NEED_MEDIUM;
	} else if (values(l, n->child, &loop->values) < 0) {
		return -1;
	}
	loop->slot = MSC_VAR_LOOP + (int)l->n_loops;
	l->loops[l->n_loops++] = n->child->key->text;
	return 0;
}

int msc_load_for(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"for", variable, 0, 0, 0, NULL, true},
		{"do", inner_steps, 0, 0, 0, NULL, true},
		{0},
	};
	size_t outer = l->n_loops;

	out->what = MSC_DO_LOOP;
	if (msc_load_map(l, step, "a for step", keys, &out->u.loop) < 0)
		return -1;
	l->n_loops = outer;
	return 0;
}

/* Which of the names of `let` this is, a new one if need be. */
static int let_slot(struct msc_loader *l, const struct msc_yaml *key, int *slot)
{
	size_t i = 0;

	while (i < l->n_lets && strcmp(l->lets[i], key->text) != 0)
		i++;
	*slot = MSC_VAR_LET + (int)i;
	if (i < l->n_lets)
		return 0;
	if (new_name(l, key) < 0)
		return -1;
	if (l->n_lets == MSC_LETS_MAX)
		return msc_load_expected(l, key, "at most %d names", MSC_LETS_MAX);
	l->lets[l->n_lets++] = key->text;
	return 0;
}

/* let: { fat: le16(boot, 14), size: le32(boot, 36) }, in this order */
static int lets(struct msc_loader *l, const struct msc_yaml *map, void *into,
		const struct msc_key *k)
{
	struct msc_plan_lets *out = into;

	(void)k;
	if (map->kind != MSC_YAML_MAP || !map->child)
		return msc_load_expected(l, map, "names and their values, as in { n: 1 }");
	out->list = msc_load_get(l, msc_load_count(map) * sizeof *out->list);
	if (!out->list)
		return -1;
	for (const struct msc_yaml *n = map->child; n; n = n->next) {
		struct msc_plan_let *let = &out->list[out->count++];

		if (msc_expr_parse(l, n, INT64_MIN, INT64_MAX, &let->value) < 0 ||
		    let_slot(l, n->key, &let->slot) < 0)
			return -1;
	}
	return 0;
}

int msc_load_let(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"let", lets, 0, 0, 0, NULL, true},
		{0},
	};

	out->what = MSC_DO_LET;
	return msc_load_map(l, step, "a let step", keys, &out->u.lets);
}

int msc_load_skip_unless(struct msc_loader *l, const struct msc_yaml *step,
			 struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{ "skip_unless", msc_load_expr, offsetof(struct msc_plan_unless, met), INT64_MIN,
		  INT64_MAX, NULL, true },
		{ "because", msc_load_text, offsetof(struct msc_plan_unless, because), 0, 0, NULL,
		  true },
		{ 0 },
	};

	out->what = MSC_DO_SKIP_UNLESS;
	return msc_load_map(l, step, "a skip_unless step", keys, &out->u.unless);
}

/* check: u8(answer, 0) == 1, and in words what is wrong otherwise */
int msc_load_check(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{ "check", msc_load_expr, offsetof(struct msc_plan_unless, met), INT64_MIN,
		  INT64_MAX, NULL, true },
		{ "otherwise", msc_load_text, offsetof(struct msc_plan_unless, because), 0, 0, NULL,
		  true },
		{ 0 },
	};

	out->what = MSC_DO_CHECK;
	return msc_load_map(l, step, "a check step", keys, &out->u.unless);
}

int msc_load_phase(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"phase", msc_load_text, 0, 0, 0, NULL, true},
		{0},
	};

	out->what = MSC_DO_PHASE;
	return msc_load_map(l, step, "a phase step", keys, &out->u.phase);
}

/* live: { lba: cluster + 2, blocks: 1 } */
static int live_fields(struct msc_loader *l, const struct msc_yaml *n, void *into,
		       const struct msc_key *k)
{
	static const struct msc_key keys[] = {
		{ "lba", msc_load_expr, offsetof(struct msc_plan_live, lba), 0, INT64_MAX, NULL,
		  true },
		{ "blocks", msc_load_expr, offsetof(struct msc_plan_live, blocks), 1,
		  MSC_LIVE_BLOCKS_MAX, NULL, false },
		{ 0 },
	};
	struct msc_plan_live *live = into;

	(void)k;
	l->s->needs |= MSC_NEED_MEDIUM;
	if (msc_load_map(l, n, "'live'", keys, live) < 0)
		return -1;
	return live->blocks.count ? 0 : msc_expr_number(l, 1, &live->blocks);
}

int msc_load_live(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"live", live_fields, 0, 0, 0, NULL, true},
		{0},
	};

	out->what = MSC_DO_LIVE;
	return msc_load_map(l, step, "a live step", keys, &out->u.live);
}
