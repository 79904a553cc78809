/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a medium in our care, from the first look to the last: see medium.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "medium/care.h"
#include "session/gate.h"

#define VERIFIED_SINGLY	  1024 /* more blocks are read once more, */
#define VERIFIED_TOGETHER 31   /* so many at a time */

#define NEIGHBOURS 8 /* on either side of the range: what a write that goes on too far reaches */

/* What reaches blocks and is put back by reading and comparing. */
static const uint8_t write_opcodes[] = { MSC_OP_WRITE_6,  MSC_OP_WRITE_10, MSC_OP_WRITE_12,
					 MSC_OP_WRITE_16, MSC_OP_WRITE_AND_VERIFY_10 };

struct msc_medium *msc_medium_new(struct msc_session *s, const struct msc_medium_options *o,
				  struct msc_err *err)
{
	const struct msc_unit *u = msc_session_unit(s, o->lun);
	const struct msc_medium_signs *g = msc_session_signs(s, o->lun);
	struct msc_medium *m = calloc(1, sizeof *m);

	if (!m) {
		msc_nomem(err);
		return NULL;
	}
	m->s = s;
	m->device = &msc_session_target(s)->device;
	m->o = *o;
	m->changed = g->changed;
	m->doubts = g->doubts;
	m->absent = g->absent;
	m->suspects = ~0u;
	m->block_size = u->block_size;
	m->capacity = u->have_capacity ? u->last_lba + 1 : 0;
	care_place(m);
	m->mark_at = m->mark;
	return m;
}

void msc_medium_free(struct msc_medium *m)
{
	if (!m)
		return;
	care_revoke(m);
	if (m->journal)
		msc_journal_close(m->journal);
	care_blocks_free(m);
	free(m);
}

const char *msc_medium_ended(const struct msc_medium *m)
{
	return *m->ended ? m->ended : NULL;
}

bool msc_medium_is_untrue(const struct msc_medium *m)
{
	return m->untrue;
}

bool msc_medium_is_taken(const struct msc_medium *m)
{
	return m->taken;
}

bool msc_medium_is_saved(const struct msc_medium *m)
{
	return m->saved;
}

unsigned msc_medium_elsewhere(const struct msc_medium *m, const char **text)
{
	*text = m->hit;
	return m->elsewhere;
}

uint64_t msc_medium_first(const struct msc_medium *m)
{
	return m->first;
}

uint32_t msc_medium_blocks(const struct msc_medium *m)
{
	return m->blocks;
}

uint32_t msc_medium_probes(const struct msc_medium *m)
{
	return m->n_probes;
}

uint64_t msc_medium_probe(const struct msc_medium *m, uint32_t i)
{
	return m->probe[i];
}

bool msc_medium_mark(const struct msc_medium *m, uint64_t *lba)
{
	*lba = m->mark;
	return m->marked;
}

int msc_medium_stamp(struct msc_medium *m, uint64_t seed, struct msc_err *err)
{
	m->stamp = seed;
	m->has_stamp = true;
	for (size_t i = 0; i < m->n_blocks; i++)
		if (m->block[i].kind & CARE_SCRATCH)
			m->block[i].dirty = true;
	return m->journal ? msc_journal_add_stamp(m->journal, seed, err) : 0;
}

int msc_medium_hold(struct msc_medium *m, struct msc_err *err)
{
	char dir[3072];

	if (m->journal || !m->blocks || m->device->forgets)
		return 0;
	if (m->o.journal_dir)
		snprintf(dir, sizeof dir, "%s", m->o.journal_dir);
	else if (msc_journal_default_dir(dir, sizeof dir, err) < 0)
		return -1;
	return msc_journal_reserve(dir, m->device->medium_id, m->o.lun, &m->journal, err);
}

/* ---- saving ----------------------------------------------------------------------------------- */

static int take_neighbours(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	uint64_t end = m->first + m->blocks;
	uint32_t before = m->first < NEIGHBOURS ? (uint32_t)m->first : NEIGHBOURS;
	uint32_t after = m->capacity - end < NEIGHBOURS ? (uint32_t)(m->capacity - end)
							: NEIGHBOURS;

	if (care_take(m, m->first - before, before, CARE_IMAGE, readable, err) < 0)
		return -1;
	return care_take(m, end, after, CARE_IMAGE, readable, err);
}

/* The blocks that a write to one of those that are saved would reach by a cut address. */
static int take_images(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	struct care_image image[CARE_IMAGES_MAX];
	uint64_t *list = calloc(m->n_blocks, CARE_IMAGES_MAX * sizeof *list);
	size_t n = 0;
	int rc;

	if (!list)
		return msc_nomem(err);
	for (size_t i = 0; i < m->n_blocks; i++)
		for (size_t k = care_images(m, m->block[i].lba, image); k > 0; k--)
			list[n++] = image[k - 1].lba;
	rc = care_take_all(m, list, n, CARE_IMAGE, readable, err);
	free(list);
	return rc;
}

/* What was saved must be what lies there, or it is no use to put it back: each block is read once more,
 * by itself and not in a row; of a large range, in rows of another length. */
static int verify(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	size_t most = m->n_blocks > VERIFIED_SINGLY ? VERIFIED_TOGETHER : 1;
	uint8_t *now = malloc(most * m->block_size);
	int rc = now ? 0 : msc_nomem(err);

	if (most * m->block_size > CARE_PIECE)
		most = 1;
	for (size_t i = 0, n; rc == 0 && *readable && i < m->n_blocks; i += n) {
		for (n = 1;
		     n < most && i + n < m->n_blocks && m->block[i + n].lba == m->block[i].lba + n;)
			n++;
		rc = care_read(m, m->block[i].lba, (uint32_t)n, now, readable, err);
		for (size_t k = 0; rc == 0 && *readable && k < n; k++) {
			if (!memcmp(now + k * m->block_size, m->block[i + k].data, m->block_size))
				continue;
			m->unsteady = m->block[i + k].lba;
			m->has_unsteady = true;
			*readable = false;
		}
	}
	free(now);
	return rc;
}

/* The unit of so many blocks that this one lies in: a device that erases all of it for a write and keeps
 * nothing of the rest hits them. */
static int take_unit(struct msc_medium *m, uint64_t lba, uint32_t blocks, enum care_kind kind,
		     bool *readable, struct msc_err *err)
{
	uint64_t *list = calloc(blocks, sizeof *list);
	uint32_t n = 0;
	int rc;

	if (!list)
		return msc_nomem(err);
	for (lba -= lba % blocks; n < blocks && lba < m->capacity; lba++)
		list[n++] = lba;
	rc = care_take_all(m, list, n, kind, readable, err);
	free(list);
	return rc;
}

static int take_page(struct msc_medium *m, uint64_t lba, bool *readable, struct msc_err *err)
{
	return take_unit(m, lba, care_page(m), CARE_IMAGE, readable, err);
}

static int take_mark(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	uint64_t list[CARE_STAND_INS_MAX];

	if (!m->has_mark)
		return 0;
	if (care_take(m, m->mark, 1, CARE_MARK, readable, err) < 0)
		return -1;
	if (care_take_all(m, list, care_stand_ins(m, list), CARE_IMAGE, readable, err) < 0 ||
	    care_take_all(m, list, care_wraps(m, list), CARE_WRAP, readable, err) < 0)
		return -1;
	return take_page(m, m->mark, readable, err);
}

/* In rows alone: they are written only when the write of the mark has changed them. */
static int take_around_mark(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	uint32_t unit = CARE_UNIT_BYTES / m->block_size;

	if (!m->has_mark || unit <= care_page(m))
		return 0;
	return take_unit(m, m->mark, unit, CARE_UNIT, readable, err);
}

static int read_all(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	if (care_take(m, m->first, m->blocks, CARE_SCRATCH, readable, err) < 0)
		return -1;
	for (uint32_t i = 0; i < m->n_probes; i++)
		if (care_take(m, m->probe[i], 1, CARE_PROBE, readable, err) < 0 ||
		    take_page(m, m->probe[i], readable, err) < 0)
			return -1;
	if (take_mark(m, readable, err) < 0 || take_neighbours(m, readable, err) < 0 ||
	    take_images(m, readable, err) < 0 || verify(m, readable, err) < 0 ||
	    take_around_mark(m, readable, err) < 0)
		return -1;
	return *readable ? care_fingerprint(m, readable, err) : 0;
}

static int make_nonce(struct msc_medium *m, struct msc_err *err)
{
	uint64_t value = m->o.seed;

	if (m->journal && getrandom(&value, sizeof value, 0) != sizeof value)
		return msc_fail_errno(err, MSC_E_INTERNAL, "no random number to be had");
	snprintf(m->nonce, sizeof m->nonce, "%016" PRIx64, value);
	return 0;
}

static int write_journal(struct msc_medium *m, struct msc_err *err)
{
	struct msc_journal_head *h = calloc(1, sizeof *h);
	struct msc_journal_block *list = calloc(m->n_blocks + 1, sizeof *list);
	int rc = -1;

	if (h && list) {
		snprintf(h->device, sizeof h->device, "%s", m->device->medium_id);
		h->lun = m->o.lun;
		h->capacity = m->capacity;
		h->block_size = m->block_size;
		h->mark = m->mark;
		if (m->has_mark)
			snprintf(h->nonce, sizeof h->nonce, "%s", m->nonce);
		h->n_prints = m->n_prints;
		for (uint32_t i = 0; i < m->n_prints; i++)
			h->print[i] = (struct msc_print){
				m->print[i].lba, msc_journal_hash(m->print[i].data, m->block_size)
			};
		for (size_t i = 0; i < m->n_blocks; i++)
			list[i] = (struct msc_journal_block){ m->block[i].lba, m->block[i].data };
		rc = msc_journal_write(m->journal, h, list, m->n_blocks, err);
	} else {
		msc_nomem(err);
	}
	free(h);
	free(list);
	return rc;
}

int care_permit(struct msc_medium *m, uint64_t first, uint32_t blocks, struct msc_err *err)
{
	const struct msc_permit p = { .lun = m->o.lun,
				      .first = first,
				      .blocks = blocks,
				      .block_size = m->block_size,
				      .opcodes = write_opcodes,
				      .n_opcodes = MSC_COUNT(write_opcodes) };

	if (msc_gate_permit(m->s, &p, &m->permit[m->n_permits], err) < 0)
		return -1;
	m->n_permits++;
	return 0;
}

int care_begin(struct msc_medium *m, struct msc_err *err)
{
	if (make_nonce(m, err) < 0 || (m->journal && write_journal(m, err) < 0))
		return -1;
	for (size_t i = 0; i < m->n_blocks; i++)
		m->block[i].noted = true;
	m->saved = true;
	return care_write_mark(m, err);
}

static int save(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	*readable = true;
	if (msc_medium_hold(m, err) < 0 || read_all(m, readable, err) < 0 ||
	    care_hear_signs(m, err) < 0)
		return -1;
	if (!*readable || *m->ended)
		return 0;
	if (care_begin(m, err) < 0)
		return -1;
	if (*m->ended)
		return 0;
	if (care_permit(m, m->first, m->blocks, err) < 0)
		return -1;
	for (uint32_t i = 0; i < m->n_probes; i++)
		if (care_permit(m, m->probe[i], 1, err) < 0)
			return -1;
	return 0;
}

int msc_medium_save(struct msc_medium *m, bool *may, char *why, size_t size, struct msc_err *err)
{
	bool readable = true;
	int rc = 0;

	if (!m->saved && m->blocks && !*m->ended) {
		rc = save(m, &readable, err);
		if (!m->saved)
			care_forget(m);
	} else if (m->saved) {
		rc = care_check(m, false, err);
	}
	*may = rc == 0 && m->blocks && readable && !*m->ended;
	if (*m->ended)
		snprintf(why, size, "%s", m->ended);
	else if (m->has_unsteady)
		snprintf(why, size,
			 "block %" PRIu64 " does not read the same twice, so what is on the medium "
			 "cannot be saved",
			 m->unsteady);
	else
		snprintf(why, size, "%s",
			 m->blocks ? "the scratch range cannot be read, so it cannot be saved"
				   : "there is no medium");
	return rc;
}

struct msc_medium *msc_medium_begin(struct msc_session *s, const struct msc_medium_options *o,
				    struct msc_err *err)
{
	struct msc_medium *m = msc_medium_new(s, o, err);
	struct msc_medium_end end;
	char why[256] = "";
	bool may = false;

	if (!m || !m->blocks)
		return m;
	msc_session_mute(s, true);
	if (msc_medium_earlier(m, MSC_EARLIER_PUT_BACK, err) == 0 &&
	    msc_medium_save(m, &may, why, sizeof why, err) == 0 && !may)
		msc_fail(err, MSC_E_UNSUPPORTED, "%s: %s, so nothing is written", m->device->name,
			 why);
	msc_session_mute(s, false);
	if (may)
		return m;
	msc_medium_finish(m, &end);
	msc_medium_free(m);
	return NULL;
}
