/* SPDX-License-Identifier: BSD-2-Clause */
/* "to repeat", tried before it is printed: on a simulated device, which can be had anew, the case is run
 * by itself; where that does not show what was found, after one that ran before it. A device from the
 * outside, or a medium in a file, is not touched for that. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "repeat.h"

#define BEFORE_MAX 60 /* cases that are tried before it, the nearest first */
#define RULES_MAX  64

struct tried {
	const char *name, *before;
	const struct msc_rule *rule;
	enum msc_repeats repeats;
};

struct trial {
	const char *name; /* of the case that is looked at */
	const struct msc_rule *rules[RULES_MAX];
	size_t n;
};

static void on_event(void *user, const struct msc_event *ev)
{
	struct trial *t = user;

	if (ev->kind != MSC_EV_CASE_END || strcmp(msc_scenario_name(ev->scenario), t->name) != 0)
		return;
	for (size_t i = 0; i < ev->findings->count && t->n < RULES_MAX; i++)
		t->rules[t->n++] = ev->findings->list[i].rule;
}

/* What the device does in a trial is its own; what the host lacks is told in the end. */
static void note_failure(struct repeat *r, const struct msc_err *why)
{
	if (!r->err.code &&
	    (why->code == MSC_E_NOMEM || why->code == MSC_E_IO || why->code == MSC_E_INTERNAL))
		r->err = *why;
}

/* first may be NULL. */
static bool shows(struct repeat *r, struct msc_scenario *first, struct msc_scenario *it,
		  const struct msc_rule *rule)
{
	struct msc_scenario *list[] = { first ? first : it, it };
	const struct msc_scenarios cases = { .list = list, .count = first ? 2 : 1 };
	const struct msc_open_options open = { .allow_writes = r->options.allow_writes };
	struct trial t = { .name = msc_scenario_name(it) };
	struct msc_run_options options = r->options;
	struct msc_summary summary;
	struct msc_err why = MSC_ERR_INIT;
	struct msc_target *target = msc_target_open(r->target, &open, &why);

	if (!target) {
		note_failure(r, &why);
		return false;
	}
	options.event = on_event;
	options.user = &t;
	options.log = NULL;
	options.wire = NULL;
	if (msc_run(target, &cases, &options, &summary, &why) < 0)
		note_failure(r, &why);
	msc_target_close(target);
	for (size_t i = 0; i < t.n; i++)
		if (t.rules[i] == rule)
			return true;
	return false;
}

static struct tried try(struct repeat *r, const char *name, const struct msc_rule *rule)
{
	struct tried t = { .name = name, .rule = rule, .repeats = MSC_REPEATS_NOT };
	const struct msc_scenarios *all = r->cases;
	size_t at = 0;

	while (at < all->count && strcmp(msc_scenario_name(all->list[at]), name) != 0)
		at++;
	if (at == all->count)
		return t;
	if (shows(r, NULL, all->list[at], rule)) {
		t.repeats = MSC_REPEATS_ALONE;
		return t;
	}
	for (size_t i = at; i > 0 && at - i < BEFORE_MAX && !r->err.code; i--) {
		if (!shows(r, all->list[i - 1], all->list[at], rule))
			continue;
		t.repeats = MSC_REPEATS_AFTER;
		t.before = msc_scenario_name(all->list[i - 1]);
		break;
	}
	return t;
}

enum msc_repeats repeat_try(void *user, const char *name, const struct msc_rule *rule,
			    const char **before)
{
	struct repeat *r = user;
	struct tried *known = r->known, *more;
	size_t i = 0;

	*before = NULL;
	if (tool_stop(NULL) || r->err.code)
		return MSC_REPEATS_UNTRIED;
	while (i < r->n && (known[i].rule != rule || strcmp(known[i].name, name) != 0))
		i++;
	if (i == r->n) {
		more = reallocarray(known, r->n + 1, sizeof *known);
		if (!more) {
			msc_nomem(&r->err);
			return MSC_REPEATS_UNTRIED;
		}
		r->known = known = more;
		known[r->n++] = try(r, name, rule);
	}
	*before = known[i].before;
	return r->err.code ? MSC_REPEATS_UNTRIED : known[i].repeats;
}

bool repeat_can(const struct msc_target *target)
{
	return target->device.simulated && target->device.forgets;
}

void repeat_end(struct repeat *r)
{
	free(r->known);
	r->known = NULL;
	r->n = 0;
}

/* ---- the command line -------------------------------------------------------------------------- */

/* Whoever copies the command wants to see the case again: no file of theirs is written over, and
 * nothing of an earlier run is decided anew. The seed is in the target's name. */
static bool is_repeated(const struct opt *o)
{
	static const char *const once[] = { "record",  "record-transfers", "seed",
					    "restore", "forget-journal",   "dry-run" };

	for (size_t i = 0; i < MSC_COUNT(once); i++)
		if (!strcmp(o->name, once[i]))
			return false;
	return opt_is_in(o, run_options) || opt_is_in(o, target_options);
}

char *repeat_line(const struct tool *tool, const char *command, bool (*keep)(const struct opt *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fprintf(f, "mscope %s ", command);
	msc_put_word(f, tool->target);
	for (size_t i = tool->target_words; i < tool->args.n_words; i++) {
		putc(' ', f);
		msc_put_word(f, tool->args.words[i]);
	}
	for (size_t i = 0; i < tool->args.n_options; i++) {
		const struct given *g = &tool->args.options[i];

		if (!keep(g->opt))
			continue;
		fprintf(f, " --%s", g->opt->name);
		if (g->opt->value && (*g->opt->value != '[' || *g->value)) {
			putc(*g->opt->value == '[' ? '=' : ' ', f);
			msc_put_word(f, g->value);
		}
	}
	return msc_text_end(f, &text) ? text : NULL;
}

char *repeat_command(const struct tool *tool)
{
	return repeat_line(tool, tool->cmd->name, is_repeated);
}

char *repeat_selected(const struct tool *tool)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; f && i < tool->args.n_options; i++) {
		const struct given *g = &tool->args.options[i];

		if (!strcmp(g->opt->name, "bring-up"))
			fputs(" --bring-up", f);
		if (strcmp(g->opt->name, "select") != 0)
			continue;
		fputs(" --select ", f);
		msc_put_word(f, g->value);
	}
	return f && msc_text_end(f, &text) ? text : NULL;
}
