/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the medium is the one that it was: by what the unit says (a unit attention, another
 * capacity), by the mark, and by the fingerprint. While the mark is there, a block of the fingerprint
 * that has changed was hit by the device's own doing, and is put back. Without it nobody can know, and
 * the writing ends. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"

#define PRINTS_QUICK   2 /* and the mark */
#define HITS_TOLD      4
#define TRIES	       8 /* to find a place for one */
#define PRINTS_TELLING 8 /* so many different blocks, none of one byte alone */

/* ---- fingerprint ------------------------------------------------------------------------------ */

/* It is saved, or would be read as one that is by a device that cuts its address: then it changes when
 * that one is written. */
bool care_is_reached(const struct msc_medium *m, uint64_t lba)
{
	struct care_image image[CARE_IMAGES_MAX];
	size_t n = care_images(m, lba, image);

	while (n > 0 && !care_find(m, image[n - 1].lba))
		n--;
	return n > 0 || care_find(m, lba);
}

int care_fingerprint(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	struct msc_rng rng = { m->o.seed };
	uint32_t n = MSC_JOURNAL_PRINTS_MAX;

	*readable = true;
	if (m->capacity / 4 < n)
		n = (uint32_t)(m->capacity / 4);
	for (uint32_t i = 0; i < n && *readable; i++) {
		struct care_print *p = &m->print[m->n_prints];

		p->lba = care_print_place(m, &rng, i, n);
		for (int tries = TRIES; care_is_reached(m, p->lba) && tries > 0; tries--)
			p->lba = care_print_place(m, &rng, i, n);
		if (care_is_reached(m, p->lba))
			continue;
		p->data = malloc(m->block_size);
		if (!p->data)
			return msc_nomem(err);
		m->n_prints++;
		if (care_read(m, p->lba, 1, p->data, readable, err) < 0)
			return -1;
	}
	return 0;
}

bool care_is_constant(const uint8_t *data, size_t len)
{
	return len < 2 || !memcmp(data, data + 1, len - 1);
}

bool care_is_telling(const struct msc_medium *m)
{
	unsigned telling = 0;

	for (uint32_t i = 0; i < m->n_prints; i++) {
		bool seen = care_is_constant(m->print[i].data, m->block_size);

		for (uint32_t k = 0; k < i && !seen; k++)
			seen = !memcmp(m->print[i].data, m->print[k].data, m->block_size);
		telling += !seen;
	}
	return telling >= PRINTS_TELLING;
}

/* One copy of the number is enough: a write that was cut short leaves the block half written. */
int care_is_marked(struct msc_medium *m, uint64_t lba, bool *marked, struct msc_err *err)
{
	uint8_t *now = care_room(m, err);
	bool good = false;
	int rc = now ? care_read(m, lba, 1, now, &good, err) : -1;

	*marked = rc == 0 && good && memmem(now, m->block_size, m->nonce, strlen(m->nonce));
	free(now);
	return rc;
}

/* A medium that repeats itself within so short a distance shows the mark in a large scratch range. What is
 * seen there is the mark, and is put back with it. */
int care_find_mark_in(struct msc_medium *m, uint64_t first, uint32_t blocks, bool *found,
		      struct msc_err *err)
{
	uint32_t most = m->block_size < CARE_PIECE ? CARE_PIECE / m->block_size : 1, n;
	uint8_t *now = care_room(m, err);
	bool good = true;
	int rc = now ? 0 : -1;

	*found = false;
	for (uint32_t at = 0; rc == 0 && good && at < blocks; at += n) {
		n = blocks - at < most ? blocks - at : most;
		rc = care_read(m, first + at, n, now, &good, err);
		for (uint32_t i = 0; rc == 0 && good && i < n; i++) {
			struct care_block *b = care_find(m, first + at + i);

			if (b->kind & CARE_MARK ||
			    !memmem(now + (size_t)i * m->block_size, m->block_size, m->nonce,
				    strlen(m->nonce)))
				continue;
			b->kind |= CARE_MARK;
			m->aliased = *found = true;
			care_hit(m,
				 "block %" PRIu64 " reads as block %" PRIu64 " does, %" PRIu64
				 " blocks on: the medium repeats itself",
				 b->lba, m->mark, m->mark - b->lba);
		}
	}
	free(now);
	return rc;
}

/* How many of `count` blocks of the fingerprint, from next_print on, are not as they were. */
static int look_at_prints(struct msc_medium *m, uint32_t count, unsigned *differ, bool *readable,
			  bool *is_hit, struct msc_err *err)
{
	uint8_t *now = care_room(m, err);
	int rc = now ? 0 : -1;

	*differ = 0;
	*readable = true;
	for (uint32_t i = 0; rc == 0 && *readable && i < count; i++) {
		uint32_t at = m->next_print++ % m->n_prints;

		rc = care_read(m, m->print[at].lba, 1, now, readable, err);
		if (rc < 0 || !*readable || !memcmp(now, m->print[at].data, m->block_size))
			continue;
		++*differ;
		if (is_hit)
			is_hit[at] = true;
	}
	free(now);
	return rc;
}

/* ---- what follows ------------------------------------------------------------------------------ */

/* The mark is there and these are not as they were: put back, with a copy in the journal first. */
static int take_hits(struct msc_medium *m, const bool *is_hit, struct msc_err *err)
{
	unsigned told = 0;
	bool good;

	for (uint32_t i = 0; i < m->n_prints; i++) {
		const struct msc_journal_block b = { m->print[i].lba, m->print[i].data };

		if (!is_hit[i])
			continue;
		if (told++ < HITS_TOLD)
			care_hit(m, "block %" PRIu64 ", which nobody wrote, has changed", b.lba);
		else
			m->elsewhere++;
		if (m->journal && msc_journal_add_blocks(m->journal, m->block_size, &b, 1, err) < 0)
			return -1;
		if (care_add(m, b.lba, 1, b.data, CARE_PRINT, err) < 0)
			return -1;
	}
	if (told > HITS_TOLD)
		care_note(m, true, "and so have %u more of the %u that are looked at",
			  told - HITS_TOLD, m->n_prints);
	return care_put_back(m, CARE_PRINT, false, false, &good, err);
}

static int ask_capacity(struct msc_medium *m, bool *same, struct msc_err *err)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_READ_CAPACITY_10 };
	const struct msc_unit *u = msc_session_unit(m->s, m->o.lun);
	const struct msc_exchange *x;
	const struct msc_record *r;
	struct msc_request rq;
	int rc;

	*same = u->have_capacity && u->last_lba + 1 == m->capacity &&
		u->block_size == m->block_size;
	if (*same)
		return 0;
	msc_request_init(&rq, cdb, 10, MSC_DIR_IN, MSC_CAPACITY_10_LEN);
	rq.cbw.h.lun = m->o.lun;
	msc_session_mute(m->s, true);
	rc = msc_session_exchange(m->s, &rq, &r, err);
	msc_session_mute(m->s, false);
	if (rc < 0)
		return -1;
	x = &r->u.exchange;
	/* Not answered: what the other signs say. (10) tells no more than FFFFFFFFh blocks. */
	*same = x->needs_reset || x->csw.status || x->data_len < MSC_CAPACITY_10_LEN ||
		msc_get_be32(x->data) == UINT32_MAX ||
		(msc_get_be32(x->data) + UINT64_C(1) == m->capacity &&
		 msc_get_be32(x->data + 4) == m->block_size);
	return 0;
}

static int check_all(struct msc_medium *m, struct msc_err *err)
{
	bool is_hit[MSC_JOURNAL_PRINTS_MAX] = { false }, marked = false, readable;
	unsigned differ;

	if (look_at_prints(m, m->n_prints, &differ, &readable, is_hit, err) < 0)
		return -1;
	if (!readable) { /* a reset may just have been: a unit has no limit to become ready in */
		memset(is_hit, 0, sizeof is_hit);
		if (msc_session_learn(m->s, m->o.lun, err) < 0 ||
		    look_at_prints(m, m->n_prints, &differ, &readable, is_hit, err) < 0)
			return -1;
	}
	if ((m->marked && care_is_marked(m, m->mark_at, &marked, err) < 0) ||
	    care_hear_signs(m, err) < 0)
		return -1;
	if (*m->ended)
		return 0;
	if (!readable)
		care_end(m, "the medium can no longer be read");
	else if (differ && marked)
		return take_hits(m, is_hit, err);
	else if (differ)
		care_end(m, "the medium is another one: %u of %u blocks that nobody wrote differ",
			 differ, m->n_prints);
	else if (m->marked && !marked && !care_is_telling(m))
		care_end(m, "the mark in block %" PRIu64 " is gone: the medium may be another one",
			 m->mark_at);
	else
		m->marked = marked;
	return 0;
}

int care_check(struct msc_medium *m, bool thorough, struct msc_err *err)
{
	const struct msc_medium_signs *g = msc_session_signs(m->s, m->o.lun);
	bool marked = true, readable = true, same;
	unsigned differ = 0;

	if (care_hear_signs(m, err) < 0)
		return -1;
	if (!m->saved || *m->ended)
		return 0;
	if (ask_capacity(m, &same, err) < 0)
		return -1;
	m->taken |= !same;
	if (!same)
		care_end(m, "the medium is another one: its capacity has changed");
	if (*m->ended)
		return 0;
	thorough |= g->doubts != m->doubts;
	if (!thorough) {
		if (m->marked && care_is_marked(m, m->mark_at, &marked, err) < 0)
			return -1;
		if (m->n_prints &&
		    look_at_prints(m, PRINTS_QUICK, &differ, &readable, NULL, err) < 0)
			return -1;
		care_heed_signs(m);
		thorough = !marked || !readable || differ || g->doubts != m->doubts;
	}
	m->doubts = g->doubts;
	return thorough && !*m->ended ? check_all(m, err) : 0;
}
