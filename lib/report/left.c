/* SPDX-License-Identifier: BSD-2-Clause */
/* What no cause explains, put together: findings of one rule in exchanges in which the same happened. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/report.h"

#define COMMANDS 6

/* "READ(10)" of "READ(10) lba 0 blocks 1": up to the first word in small letters. */
static size_t command_length(const char *context)
{
	const char *at = context;

	while (at[strcspn(at, " ")] &&
	       !(at[strcspn(at, " ") + 1] >= 'a' && at[strcspn(at, " ") + 1] <= 'z'))
		at += strcspn(at, " ") + 1;
	return (size_t)(at - context) + strcspn(at, " ");
}

static void add_command(struct msc_group *g, const char *context)
{
	size_t len = command_length(context);
	char name[64];

	if (!len || (*context >= 'a' && *context <= 'z'))
		len = strlen(context);
	snprintf(name, sizeof name, "%.*s", (int)len, context);
	if (!*name || strstr(g->commands, name))
		return;
	if (g->n_commands < COMMANDS)
		msc_append(g->commands, sizeof g->commands, "%s%s", g->n_commands ? ", " : "",
			   name);
	else if (g->n_commands == COMMANDS)
		msc_append(g->commands, sizeof g->commands, ", ...");
	g->n_commands++;
}

static bool add_left(struct msc_groups *all, const struct msc_report_case *c,
		     const struct msc_finding *f)
{
	struct msc_group *g = all->list;

	for (size_t i = 0; i < all->n; i++, g++)
		if (g->first->rule == f->rule && !strcmp(g->first->steps, f->steps))
			break;
	if (!all->list || g == all->list + all->n) {
		g = reallocarray(all->list, all->n + 1, sizeof *g);
		if (!g)
			return false;
		all->list = g;
		g += all->n++;
		*g = (struct msc_group){ .first = f, .in = c };
	}
	g->findings++;
	g->cases += g->last != c;
	g->last = c;
	add_command(g, f->context);
	return true;
}

/* What the firmware did to itself is why the rest came about. */
static bool is_own(const struct msc_group *g)
{
	return g->first->rule == &msc_rule_firmware_dead ||
	       g->first->rule == &msc_rule_usb_device_stays ||
	       g->first->rule == &msc_rule_firmware_misuse;
}

static int by_size(const void *a, const void *b)
{
	const struct msc_group *x = a, *y = b;
	int order;

	if (is_own(x) != is_own(y))
		return is_own(x) ? -1 : 1;
	if (x->first->severity != y->first->severity)
		return x->first->severity > y->first->severity ? -1 : 1;
	if (x->findings != y->findings)
		return x->findings > y->findings ? -1 : 1;
	order = strcmp(x->first->rule->id, y->first->rule->id);
	return order ? order : strcmp(x->first->steps, y->first->steps);
}

bool msc_report_left(const struct msc_report_all *all, enum msc_severity least,
		     struct msc_groups *left)
{
	bool good = true;

	*left = (struct msc_groups){ NULL, 0 };
	for (size_t c = 0; c < all->n; c++) {
		const struct msc_report_case *at = &all->cases[c];

		for (size_t i = 0; i < at->findings.count; i++)
			if (at->findings.list[i].severity >= least &&
			    !msc_report_cause(all, at, &at->findings.list[i]))
				good &= add_left(left, at, &at->findings.list[i]);
	}
	if (left->n)
		qsort(left->list, left->n, sizeof *left->list, by_size);
	return good;
}
