/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing that is meant to stay: the blocks of a file get new contents. Until all of them are on the
 * medium the journal has the old ones, and whatever ends the writing early puts these back.
 *
 * The blocks around a file are not ours to write, so its first block carries the mark, and gets its own
 * new content last, when all others have been read back. A device that cuts addresses is found by
 * the mark, before anything else is written; the blocks that it may have hit by that are saved, too.
 *
 * Blocks that act get no mark, and nothing else is read, for that may act as well. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"

#define LIST_MAX (UINT32_MAX / 2) /* blocks */

struct replacing {
	struct msc_medium *m;
	uint8_t *data; /* new contents, block for block of m->block */
	bool live;
};

static uint64_t first_of(const struct msc_medium *m, const struct msc_extent *x)
{
	return x->offset / m->block_size;
}

static uint64_t end_of(const struct msc_medium *m, const struct msc_extent *x)
{
	return (x->offset + x->len + m->block_size - 1) / m->block_size;
}

/* The first block, and where a write to it may land. */
static int take_mark(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	struct care_image image[CARE_IMAGES_MAX];
	uint64_t list[CARE_IMAGES_MAX];
	size_t n;

	m->mark = m->mark_at = m->block[0].lba;
	m->block[0].kind = CARE_MARK;
	n = care_images(m, m->mark, image);
	for (size_t i = 0; i < n; i++)
		list[i] = image[i].lba;
	return care_take_all(m, list, n, CARE_IMAGE, readable, err);
}

static int save_blocks(struct msc_medium *m, const struct msc_extent *x, size_t n, bool live,
		       struct msc_err *err)
{
	uint64_t *list, count = 0;
	bool readable = true;
	size_t at = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		if (x[i].offset / m->block_size >= m->capacity || end_of(m, &x[i]) > m->capacity)
			return msc_fail(err, MSC_E_FORMAT,
					"%s: the file ends behind the end of the medium",
					m->device->name);
		count += end_of(m, &x[i]) - first_of(m, &x[i]);
	}
	list = count < LIST_MAX ? calloc(count + 1, sizeof *list) : NULL;
	if (!list)
		return msc_nomem(err);
	for (size_t i = 0; i < n; i++)
		for (uint64_t lba = first_of(m, &x[i]); lba < end_of(m, &x[i]); lba++)
			list[at++] = lba;
	rc = care_take_all(m, list, at, CARE_SCRATCH, &readable, err);
	if (rc == 0 && readable && !live)
		rc = take_mark(m, &readable, err);
	free(list);
	if (rc == 0 && !readable)
		rc = msc_fail(err, MSC_E_DEVICE,
			      "%s: the blocks of the file cannot be read, so they cannot be saved, "
			      "and nothing is written",
			      m->device->name);
	return rc;
}

/* What is saved, with the new bytes in it. */
static int fill_in(struct replacing *r, const struct msc_extent *x, size_t n, struct msc_err *err)
{
	const struct msc_medium *m = r->m;

	r->data = calloc(m->n_blocks + 1, m->block_size);
	if (!r->data)
		return msc_nomem(err);
	for (size_t i = 0; i < m->n_blocks; i++)
		memcpy(r->data + i * m->block_size, m->block[i].data, m->block_size);
	for (size_t i = 0; i < n; i++) {
		for (size_t at = 0, part; at < x[i].len; at += part) {
			uint64_t offset = x[i].offset + at;
			size_t skip = (size_t)(offset % m->block_size);
			size_t k = (size_t)(care_find(m, offset / m->block_size) - m->block);

			part = m->block_size - skip;
			part = x[i].len - at < part ? x[i].len - at : part;
			memcpy(r->data + k * m->block_size + skip, x[i].data + at, part);
		}
	}
	return 0;
}

/* The old contents, the mark, and what is going to be written. */
static int begin(struct replacing *r, struct msc_err *err)
{
	struct msc_medium *m = r->m;
	struct care_block *mark;
	uint8_t *fresh = NULL;
	size_t len = 0;
	int rc;

	m->has_mark = !r->live;
	mark = m->has_mark ? care_find(m, m->mark) : NULL;
	rc = care_begin(m, err);
	if (mark)
		mark->dirty = m->saved; /* the journal is whole, and the mark may be there */
	if (rc < 0)
		return -1;
	if (mark && (!m->marked || m->elsewhere || m->untrue))
		return msc_fail(err, MSC_E_DEVICE,
				"%s: the device does not keep block %" PRIu64 "%s%s",
				m->device->name, m->mark, m->elsewhere || m->untrue ? ": " : "",
				m->elsewhere ? m->hit : m->ended);
	if (!m->journal)
		return 0;
	rc = care_wrote(m, r->data, m->n_blocks * m->block_size, &fresh, &len, err);
	if (rc == 0 && len)
		rc = msc_journal_add_wrote(m->journal, fresh, len, err);
	free(fresh);
	return rc;
}

/* How many blocks from the i-th on lie in a row, are of this kind, and fit into a piece. */
static size_t row_from(const struct msc_medium *m, size_t i, enum care_kind kind)
{
	size_t end = i;

	while (end < m->n_blocks && m->block[end].kind & kind &&
	       (end == i || m->block[end].lba == m->block[end - 1].lba + 1) &&
	       (end == i || (end - i + 1) * m->block_size <= CARE_PIECE))
		end++;
	return end - i;
}

static int write_row(struct replacing *r, size_t i, size_t n, struct msc_err *err)
{
	struct msc_medium *m = r->m;
	bool good = true;

	for (size_t k = i; k < i + n; k++)
		m->block[k].dirty = true;
	if (care_write(m, m->block[i].lba, (uint32_t)n, r->data + i * m->block_size, false, &good,
		       err) < 0)
		return -1;
	return good ? 0
		    : msc_fail(err, MSC_E_DEVICE,
			       "%s: the device does not take block %" PRIu64 "%s%s",
			       m->device->name, m->block[i].lba, *m->ended ? ": " : "", m->ended);
}

static int read_row(struct replacing *r, size_t i, size_t n, uint8_t *now, struct msc_err *err)
{
	struct msc_medium *m = r->m;
	bool good;

	if (care_read(m, m->block[i].lba, (uint32_t)n, now, &good, err) < 0)
		return -1;
	for (size_t k = 0; k < n; k++)
		if (!good || memcmp(now + k * m->block_size, r->data + (i + k) * m->block_size,
				    m->block_size) != 0)
			return msc_fail(err, MSC_E_DEVICE,
					"%s: block %" PRIu64 " does not read as it was written",
					m->device->name, m->block[i + k].lba);
	return 0;
}

/* Writes the blocks of the kind, and reads them back, unless they act and may read otherwise. */
static int write_kind(struct replacing *r, enum care_kind kind, struct msc_err *err)
{
	struct msc_medium *m = r->m;
	uint8_t *now = care_room(m, err);
	int rc = now ? 0 : -1;

	for (size_t i = 0, n; rc == 0 && i < m->n_blocks; i += n ? n : 1) {
		n = row_from(m, i, kind);
		rc = n ? write_row(r, i, n, err) : 0;
	}
	if (rc == 0)
		rc = care_flush(m, err);
	for (size_t i = 0, n; rc == 0 && !r->live && i < m->n_blocks; i += n ? n : 1) {
		n = row_from(m, i, kind);
		rc = n ? read_row(r, i, n, now, err) : 0;
	}
	free(now);
	return rc;
}

/* Images first: a block of the file may be among them. */
static bool old_is_back(struct msc_medium *m)
{
	struct msc_err ignored = MSC_ERR_INIT;
	bool good;

	if (*m->ended || msc_session_target(m->s)->gone)
		return false;
	msc_session_set_stop(m->s, NULL, NULL);
	return care_put_back(m, CARE_IMAGE, false, false, &good, &ignored) == 0 && good &&
	       care_put_back(m, CARE_SCRATCH, true, false, &good, &ignored) == 0 && good &&
	       care_put_back(m, CARE_MARK, false, false, &good, &ignored) == 0 && good &&
	       care_flush(m, &ignored) == 0;
}

/* *err says why the new contents are not there, and gains what became of the old ones. */
static void put_old_back(struct msc_medium *m, struct msc_err *err)
{
	const struct msc_err first = *err;
	bool dirty = false;

	for (size_t i = 0; i < m->n_blocks; i++)
		dirty |= m->block[i].dirty;
	*err = (struct msc_err)MSC_ERR_INIT;
	if (!dirty || old_is_back(m)) {
		msc_fail(err, first.code, "%s; the file is as it was", first.msg);
		return;
	}
	msc_fail(err, first.code, "%s; the file may be old and new in parts%s%s", first.msg,
		 m->journal ? ": what it was is kept in " : "",
		 m->journal ? msc_journal_path(m->journal) : "");
	if (m->journal)
		msc_journal_close(m->journal);
	m->journal = NULL;
}

static int replace(struct replacing *r, struct msc_err *err)
{
	if (begin(r, err) == 0 && write_kind(r, CARE_SCRATCH, err) == 0 &&
	    write_kind(r, CARE_MARK, err) == 0)
		return 0;
	put_old_back(r->m, err);
	return -1;
}

int msc_medium_replace(struct msc_medium *m, const struct msc_extent *x, size_t n, bool live,
		       struct msc_err *err)
{
	struct replacing r = { .m = m, .live = live };
	struct msc_err ignored = MSC_ERR_INIT;
	int rc = -1;

	if (!m->capacity)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: there is no medium", m->device->name);
	if (msc_session_unit(m->s, m->o.lun)->write_protected)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: the medium is write-protected, so nothing is written",
				m->device->name);
	msc_session_mute(m->s, true);
	if (msc_medium_earlier(m, MSC_EARLIER_PUT_BACK, err) == 0 && msc_medium_hold(m, err) == 0 &&
	    save_blocks(m, x, n, live, err) == 0 && fill_in(&r, x, n, err) == 0)
		rc = replace(&r, err);
	msc_session_mute(m->s, false);
	if (m->journal && msc_journal_remove(m->journal, rc == 0 ? err : &ignored) < 0 && rc == 0)
		rc = -1;
	m->journal = NULL;
	free(r.data);
	care_forget(m);
	return rc;
}
