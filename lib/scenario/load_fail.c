/* SPDX-License-Identifier: BSD-2-Clause */
/* What every reader of a scenario needs: memory, and to say what was expected and what was found. */
#include "scenario/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void *msc_load_get(struct msc_loader *l, size_t size)
{
	void *p = msc_arena_get(&l->s->arena, size);

	if (!p)
		msc_nomem(l->err);
	return p;
}

size_t msc_load_count(const struct msc_yaml *n)
{
	size_t count = 0;

	for (const struct msc_yaml *c = n->child; c; c = c->next)
		count++;
	return count;
}

int msc_load_expected(struct msc_loader *l, const struct msc_yaml *n, const char *fmt, ...)
{
	char what[256], found[80];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	return msc_yaml_fail(l->path, n, l->err, "expected %s, found %s", what,
			     msc_yaml_found(found, sizeof found, n));
}

/* words: the address of the first name; stride: from one to the next, so that a column of names
 * in a larger table serves as well, which ends after count or at NULL. */
int msc_load_unknown(struct msc_loader *l, const struct msc_yaml *n, const char *what,
		     const char *const *words, size_t stride, size_t count)
{
	struct msc_nearest nearest = { .wanted = n->text };
	char all[256] = "", found[80];
	const char *at = (const char *)words;
	size_t len = 0;

	msc_yaml_found(found, sizeof found, n);
	for (; count-- && *(const char *const *)(const void *)at; at += stride) {
		const char *word = *(const char *const *)(const void *)at;

		msc_nearest_try(&nearest, word);
		if (len < sizeof all)
			len += (size_t)snprintf(all + len, sizeof all - len, "%s%s",
						len ? ", " : "", word);
	}
	if (nearest.best)
		return msc_yaml_fail(l->path, n, l->err,
				     "expected %s, found %s; did you mean '%s'?", what, found,
				     nearest.best);
	return msc_yaml_fail(l->path, n, l->err, "expected %s (%s%s), found %s", what, all,
			     len < sizeof all ? "" : "...", found);
}
