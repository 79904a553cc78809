/* SPDX-License-Identifier: BSD-2-Clause */
/* An earlier run was cut short while it wrote its mark to find out what a READ and a write do on its device
 * (mark.c, reads.c). What it saved is then no more than what READs gave: where they give another block than the
 * one that they name, the mark is read at blocks that were never written, and to write what was saved of them
 * would destroy what lies there. So only addresses that were written before are written again, which reaches
 * what was reached before and nothing else: the last one first, and all is looked at again after each. */
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"

/* The saved blocks that hold something of the mark. */
struct look {
	const struct care_block *first; /* NULL: none does */
	const struct care_block *at; /* the one that is asked for, where it does */
	uint64_t asked;
	bool alike; /* what was saved of them is the same */
	bool marked; /* one holds the run's number */
};

static void add(struct msc_medium *m, struct care_block *b, const uint8_t *now, void *user)
{
	struct look *l = user;

	if (!care_is_ours(m, b, now))
		return;
	if (!l->first) {
		l->first = b;
		l->alike = true;
	}
	if (b->lba == l->asked)
		l->at = b;
	l->alike &= !memcmp(b->data, l->first->data, m->block_size);
	l->marked |= memmem(now, m->block_size, m->nonce, strlen(m->nonce)) != NULL;
}

static int look(struct msc_medium *m, uint64_t asked, struct look *l, bool *readable,
		struct msc_err *err)
{
	*l = (struct look){ .asked = asked };
	return care_compare(m, CARE_SCRATCH, false, add, l, readable, err);
}

int care_trial_shows(struct msc_medium *m, bool *marked, struct msc_err *err)
{
	bool readable;
	struct look l;

	if (look(m, 0, &l, &readable, err) < 0)
		return -1;
	*marked = readable && l.marked;
	return 0;
}

static int put(struct msc_medium *m, uint64_t lba, const uint8_t *data, bool *good,
	       struct msc_err *err)
{
	struct care_block *b = care_find(m, lba);

	if (b)
		b->dirty = true;
	if (care_write(m, lba, 1, data, false, good, err) < 0)
		return -1;
	return *good && !*m->ended ? care_flush(m, err) : 0;
}

/* One that was written shows the mark at its own place, or elsewhere: then what lay where the write went is what
 * was read there. Or nowhere: then what that run would have written next is written, where that is known. */
static int undo(struct msc_medium *m, uint64_t lba, bool next, bool *good, struct msc_err *err)
{
	const struct care_block *from;
	struct look l;

	if (look(m, lba, &l, good, err) < 0)
		return -1;
	from = l.at ? l.at : l.first;
	if (next && !from)
		from = care_find(m, lba);
	if (!*good || !from)
		return 0;
	*good = l.at || !l.first || l.alike;
	return *good ? put(m, lba, from->data, good, err) : 0;
}

/* Another block was tried after the mark's own, so the mark could not be read back from there, nor where it was
 * looked for. What was read in its place before is all that is known. */
static bool is_hidden(const struct msc_medium *m, const uint64_t *lba, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (lba[i] == m->mark)
			return true;
	return false;
}

int care_trial_undo(struct msc_medium *m, const uint64_t *lba, size_t n, bool *good,
		    struct msc_err *err)
{
	const struct care_block *own = care_find(m, m->mark);
	struct look l;

	*good = true;
	for (size_t i = n; i > 0 && *good && !*m->ended; i--)
		if (undo(m, lba[i - 1], i == n && lba[i - 1] != m->mark, good, err) < 0)
			return -1;
	if (!*good || *m->ended)
		return 0;
	if (own && is_hidden(m, lba, n) && put(m, m->mark, own->data, good, err) < 0)
		return -1;
	if (!*good || *m->ended || look(m, 0, &l, good, err) < 0)
		return err->code ? -1 : 0;
	*good = *good && !l.marked;
	return 0;
}
