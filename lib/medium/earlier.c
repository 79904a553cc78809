/* SPDX-License-Identifier: BSD-2-Clause */
/* What an earlier run has left. Its blocks are put back onto the medium that carries its mark, each of
 * them only where what lies there is what that run found or wrote. Anything else is refused, and the
 * journal stays: it is the only copy.
 *
 * Without the mark nobody can know, once that run had begun to write. Either it was cut short just as it
 * wrote the mark, or after it had put everything back, or this is another medium, however alike. Then
 * the user decides: --restore where the fingerprint agrees, --forget-journal otherwise. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"

struct earlier {
	struct msc_medium *m; /* of this run */
	struct msc_medium then; /* what the journal says, on the medium that is there now */
	struct msc_journal *journal;
	struct msc_journal_content content;
	bool by_word; /* the user says that this is the medium */
	unsigned prints_differ;
	bool block_0_differs;
	unsigned differ, foreign;
	uint64_t foreign_lba, first, last;
};

static int directory(const struct msc_medium *m, char *buf, size_t size, struct msc_err *err)
{
	if (!m->o.journal_dir)
		return msc_journal_default_dir(buf, size, err);
	snprintf(buf, size, "%s", m->o.journal_dir);
	return 0;
}

static const char *path_of(const struct earlier *e)
{
	return msc_journal_path(e->journal);
}

/* ---- whose it is ------------------------------------------------------------------------------- */

/* It may lie there by that run's hand. */
static int know(struct msc_medium *t, const uint8_t *block, struct msc_err *err)
{
	uint8_t *fresh;
	size_t len;
	int rc = care_wrote(t, block, t->block_size, &fresh, &len, err);

	free(fresh);
	return rc;
}

/* One that was cut short holds too little of the mark to be known by it, and is that run's all the same. */
static int know_mark(struct msc_medium *t, struct msc_err *err)
{
	uint8_t *mark = care_room(t, err);
	int rc = mark ? 0 : -1;

	if (mark) {
		care_mark_fill(t, mark);
		rc = know(t, mark, err);
	}
	free(mark);
	return rc;
}

static int load(struct earlier *e, struct msc_err *err)
{
	const struct msc_journal_head *h = &e->content.head;
	struct msc_medium *t = &e->then;

	*t = (struct msc_medium){ .s = e->m->s,
				  .device = e->m->device,
				  .o = e->m->o,
				  .capacity = h->capacity,
				  .block_size = h->block_size,
				  .has_mark = *h->nonce,
				  .mark = h->mark,
				  .mark_at = h->mark,
				  .stamp = e->content.stamp,
				  .has_stamp = e->content.has_stamp,
				  .changed = e->m->changed,
				  .doubts = e->m->doubts,
				  .absent = e->m->absent };
	snprintf(t->nonce, sizeof t->nonce, "%s", h->nonce);
	for (size_t i = 0; i < e->content.n_blocks; i++)
		if (care_add(t, e->content.block[i].lba, 1, e->content.block[i].data, CARE_SCRATCH,
			     err) < 0)
			return -1;
	for (size_t i = 0; i < e->content.n_wrote; i++)
		if (know(t, e->content.wrote[i], err) < 0)
			return -1;
	return t->has_mark ? know_mark(t, err) : 0;
}

/* Looks for the mark where it was written, and where a device that cuts addresses puts it. Where reads
 * are cut too it is seen in several places, which are one block. */
static int find_mark(struct earlier *e, struct msc_err *err)
{
	struct msc_medium *t = &e->then;
	struct care_image image[CARE_IMAGES_MAX];
	size_t n;

	if (!t->has_mark)
		return 0;
	if (e->content.n_tried)
		return care_trial_shows(t, &t->marked, err);
	n = care_images(t, t->mark, image);
	for (size_t i = 0; i <= n; i++) {
		uint64_t lba = i ? image[i - 1].lba : t->mark;
		struct care_block *b = care_find(t, lba);
		bool here;

		if (care_is_marked(t, lba, &here, err) < 0)
			return -1;
		if (!here)
			continue;
		if (b)
			b->kind = CARE_MARK;
		t->mark_at = t->marked ? t->mark_at : lba;
		t->marked = true;
	}
	/* Not there, it is compared as any other: CARE_SCRATCH, as load() left it. */
	return 0;
}

/* That run's own device may have hit one of them; then it is saved, and among the blocks to put back. Or a READ of
 * it gives the block of the mark, until that is put back. */
static bool is_hit(const struct msc_medium *t, const struct care_print *p)
{
	const struct care_block *b = care_find(t, p->lba);

	if (t->has_mark && memmem(p->data, t->block_size, t->nonce, strlen(t->nonce)))
		return true;
	return b && care_is_ours(t, b, p->data);
}

static int compare_prints(struct earlier *e, struct msc_err *err)
{
	const struct msc_journal_head *h = &e->content.head;
	struct msc_medium *t = &e->then;
	bool good;

	for (uint32_t i = 0; i < h->n_prints; i++) {
		struct care_print *p = &t->print[t->n_prints];

		*p = (struct care_print){ h->print[i].lba, malloc(h->block_size) };
		if (!p->data)
			return msc_nomem(err);
		t->n_prints++;
		if (care_read(t, p->lba, 1, p->data, &good, err) < 0)
			return -1;
		if (good &&
		    (msc_journal_hash(p->data, h->block_size) == h->print[i].hash || is_hit(t, p)))
			continue;
		e->prints_differ++;
		e->block_0_differs |= p->lba == 0;
	}
	return 0;
}

static void include(struct earlier *e, uint64_t lba)
{
	if (!e->differ || lba > e->last)
		e->last = lba;
	if (!e->differ || lba < e->first)
		e->first = lba;
	e->differ++;
}

static void sort_out(struct msc_medium *t, struct care_block *b, const uint8_t *now, void *user)
{
	struct earlier *e = user;

	include(e, b->lba);
	if (care_is_ours(t, b, now))
		return;
	b->leave = true;
	if (!e->foreign++)
		e->foreign_lba = b->lba;
}

/* ---- putting back ------------------------------------------------------------------------------ */

static int not_readable(const struct earlier *e, struct msc_err *err)
{
	return msc_fail(err, MSC_E_GONE,
			"%s: the blocks that an earlier run saved in %s cannot be put back: the "
			"device does not let them be read or written",
			e->m->device->name, path_of(e));
}

static int refuse_foreign(const struct earlier *e, unsigned put_back, struct msc_err *err)
{
	char others[32] = "";

	if (e->foreign > 1)
		snprintf(others, sizeof others, ", like %u more", e->foreign - 1);
	return msc_fail(err, MSC_E_BUSY,
			"%s: block %" PRIu64
			"%s holds neither what was there before nor what that run wrote, and is "
			"left as it is (put back: %u); the journal is kept, and --forget-journal "
			"removes it if they are wanted as they are",
			path_of(e), e->foreign_lba, others, put_back);
}

/* It takes away what that run wrote to try the device, and looks again: what differed because a READ gives another
 * block than it names is as it was. */
static int undo_trial(struct earlier *e, bool *good, struct msc_err *err)
{
	struct msc_medium *t = &e->then;
	bool readable;

	for (size_t i = 0; i < t->n_blocks; i++)
		t->block[i].leave = false;
	if (care_trial_undo(t, e->content.tried, e->content.n_tried, good, err) < 0)
		return -1;
	if (!*good && !*t->ended)
		return msc_fail(
			err, MSC_E_BUSY,
			"%s: the mark of that run is read where it cannot be taken away: nothing "
			"more is written; --forget-journal removes the journal",
			path_of(e));
	if (*t->ended)
		return 0;
	e->differ = e->foreign = 0;
	for (size_t i = 0; i < t->n_blocks; i++)
		if (t->block[i].dirty)
			include(e, t->block[i].lba);
	return care_compare(t, CARE_SCRATCH, false, sort_out, e, &readable, err);
}

static int put_back(struct earlier *e, struct msc_err *err)
{
	struct msc_medium *t = &e->then;
	bool good = true;

	if (msc_not_mounted(msc_session_target(t->s), err) < 0)
		return -1;
	if (e->content.n_tried && undo_trial(e, &good, err) < 0)
		return -1;
	if (*t->ended)
		return not_readable(e, err);
	if (care_put_back(t, CARE_SCRATCH, false, false, &good, err) < 0)
		return -1;
	if (good && !e->foreign && t->has_mark && !*t->ended)
		if (care_put_back(t, CARE_MARK, false, false, &good, err) < 0)
			return -1;
	if (!good || *t->ended)
		return not_readable(e, err);
	if (e->foreign)
		return refuse_foreign(e, e->differ - e->foreign, err);
	return care_flush(t, err);
}

/* Of the blocks that were tried the last is not the mark's own, so a READ of that one gave another, or gives none
 * that is saved. What is written there is what is read there. */
static bool may_be_hidden(const struct earlier *e)
{
	size_t n = e->content.n_tried;

	return !e->differ && n > 1 && e->content.tried[n - 1] != e->then.mark;
}

static int no_mark(const struct earlier *e, struct msc_err *err)
{
	const struct msc_medium *t = &e->then;

	if (e->prints_differ)
		return msc_fail(
			err, MSC_E_BUSY,
			"%s holds blocks of another medium: %u of %u blocks that nobody "
			"wrote differ here, and the mark of that run is missing; insert the "
			"medium of that run, or give --forget-journal if they are not wanted",
			path_of(e), e->prints_differ, t->n_prints);
	if (may_be_hidden(e) && e->by_word)
		return 0;
	if (may_be_hidden(e))
		return msc_fail(
			err, MSC_E_BUSY,
			"%s: that run was cut short while it found out whether a READ gives the "
			"block that it names, and nothing shows what it wrote last: give "
			"--restore if this is its medium, or --forget-journal",
			path_of(e));
	if (!e->differ)
		return msc_fail(
			err, MSC_E_BUSY,
			"%s: all %zu blocks hold here what they held before, and the mark of "
			"that run is missing: either it was cut short just %s, or this is "
			"another medium of the same contents; if there is no such medium, "
			"--forget-journal removes the journal",
			path_of(e), t->n_blocks,
			e->content.n_wrote ? "after it had put them back"
					   : "as it wrote its mark or took it away");
	if (!e->by_word || !care_is_telling(t))
		return msc_fail(
			err, MSC_E_BUSY,
			"%s: the mark of that run is missing, so this may be another medium "
			"of the same contents: %s, or give --forget-journal if the blocks "
			"are not wanted",
			path_of(e),
			e->by_word ? "too few blocks tell the two apart; insert the medium "
				     "of that run"
				   : "give --restore if it is the medium of that run");
	return 0;
}

/* The journal says so, and the medium does not say otherwise. */
static bool wrote_nothing(const struct earlier *e)
{
	return !e->content.began && !e->then.marked && !e->differ;
}

static int is_the_same(const struct earlier *e, struct msc_err *err)
{
	if (!e->then.marked)
		return no_mark(e, err);
	if (e->prints_differ && !e->by_word)
		return msc_fail(err, MSC_E_BUSY,
				"%s holds blocks of this medium, but %s been written since: give "
				"--restore to put them back all the same, or --forget-journal if "
				"they are not wanted",
				path_of(e),
				e->block_0_differs ? "its first block has" : "other blocks have");
	return 0;
}

static bool same_size(const struct earlier *e)
{
	return e->content.head.capacity == e->m->capacity &&
	       e->content.head.block_size == e->m->block_size;
}

static int other_size(const struct earlier *e, struct msc_err *err)
{
	return msc_fail(err, MSC_E_BUSY,
			"%s holds blocks of another medium of this device (%" PRIu64
			" blocks of %" PRIu32
			" bytes): insert it, or give --forget-journal if they "
			"are not wanted",
			path_of(e), e->content.head.capacity, e->content.head.block_size);
}

/* The mark, which is not compared, is one of the blocks. */
static void count_mark(struct earlier *e)
{
	if (e->then.marked && !e->content.n_tried)
		include(e, e->then.mark_at);
}

static int settle(struct earlier *e, struct msc_err *err)
{
	bool readable;

	if (!same_size(e))
		return other_size(e, err);
	if (load(e, err) < 0 || find_mark(e, err) < 0 || compare_prints(e, err) < 0 ||
	    care_compare(&e->then, CARE_SCRATCH, false, sort_out, e, &readable, err) < 0)
		return -1;
	if (!readable || *e->then.ended)
		return not_readable(e, err);
	if (wrote_nothing(e)) {
		care_note(e->m, true,
			  "an earlier run was cut short before it wrote anything: %s is removed",
			  path_of(e));
		return 0;
	}
	if (is_the_same(e, err) < 0 || put_back(e, err) < 0)
		return -1;
	count_mark(e);
	if (e->differ == 1)
		care_note(e->m, true,
			  "an earlier run was cut short: block %" PRIu64
			  ", which it had changed, was put back from %s",
			  e->first, path_of(e));
	else
		care_note(
			e->m, true,
			"an earlier run was cut short: the %u blocks that it had changed (%" PRIu64
			" to %" PRIu64 ") were put back from %s",
			e->differ, e->first, e->last, path_of(e));
	return 0;
}

/* ---- finding it --------------------------------------------------------------------------------- */

static int put_back_found(struct earlier *e, struct msc_err *err)
{
	int rc = settle(e, err);

	care_blocks_free(&e->then);
	if (rc == 0)
		rc = msc_journal_remove(e->journal, err);
	else
		msc_journal_close(e->journal);
	msc_journal_content_free(&e->content);
	return rc;
}

/* A journal of another name may be of this medium all the same: the board is at another port, the card
 * in another reader. Its mark tells. */
static int search(struct msc_medium *m, const char *dir, const char *own, bool by_word, bool *found,
		  struct msc_err *err)
{
	DIR *d = opendir(dir);
	int rc = 0;

	*found = false;
	for (struct dirent *f = d ? readdir(d) : NULL; f && rc == 0 && !*found; f = readdir(d)) {
		struct earlier *e = calloc(1, sizeof *e);
		size_t len = strlen(f->d_name);
		struct msc_err ignored = MSC_ERR_INIT;
		char path[3584];

		if (!e) {
			rc = msc_nomem(err);
			break;
		}
		e->m = m;
		e->by_word = by_word;
		snprintf(path, sizeof path, "%.3000s/%.300s", dir, f->d_name);
		if (len > 8 && !strcmp(f->d_name + len - 8, ".journal") && strcmp(path, own) != 0 &&
		    msc_journal_open(path, &e->journal, &e->content, &ignored) == 0 && e->journal) {
			if (same_size(e) && e->content.head.lun == m->o.lun) {
				rc = load(e, err) < 0 ? -1 : find_mark(e, err);
				*found = rc == 0 && e->then.marked;
				care_blocks_free(&e->then);
			}
			if (*found) {
				rc = put_back_found(e, err);
			} else {
				msc_journal_close(e->journal);
				msc_journal_content_free(&e->content);
			}
		} else if (ignored.code == MSC_E_NOMEM) {
			rc = msc_nomem(err); /* it may be the one */
		}
		free(e);
	}
	if (d)
		closedir(d);
	return rc;
}

static int put_back_any(struct msc_medium *m, const char *dir, bool by_word, struct msc_err *err)
{
	struct earlier *e = calloc(1, sizeof *e);
	char own[3584];
	bool found = false;
	int rc;

	if (!e)
		return msc_nomem(err);
	e->m = m;
	e->by_word = by_word;
	msc_journal_name(dir, m->device->medium_id, m->o.lun, own, sizeof own);
	rc = msc_journal_find(dir, m->device->medium_id, m->o.lun, &e->journal, &e->content, err);
	if (rc == 0 && e->journal)
		rc = put_back_found(e, err);
	else if (rc == 0)
		rc = search(m, dir, own, by_word, &found, err);
	if (rc == 0 && !e->journal && !found && by_word)
		care_note(m, false, "no earlier run has left anything to put back on this device");
	free(e);
	return rc;
}

static int forget(struct msc_medium *m, const char *dir, struct msc_err *err)
{
	char path[3584] = "";

	if (msc_journal_forget(dir, m->device->medium_id, m->o.lun, path, sizeof path, err) < 0)
		return -1;
	if (*path)
		care_note(m, false, "%s was removed; the medium stays as it is", path);
	else
		care_note(m, false, "no earlier run has left a journal of this device");
	return 0;
}

int msc_medium_earlier(struct msc_medium *m, enum msc_earlier what, struct msc_err *err)
{
	struct msc_err unknown = MSC_ERR_INIT;
	char dir[3072];

	if (m->device->forgets || directory(m, dir, sizeof dir, &unknown) < 0)
		return 0; /* then there can be none */
	if (what == MSC_EARLIER_FORGET)
		return forget(m, dir, err);
	if (what == MSC_EARLIER_TELL || !m->blocks) {
		msc_medium_tell(m->device, dir, m->o.note, m->o.user);
		return 0;
	}
	return put_back_any(m, dir, what == MSC_EARLIER_RESTORE, err);
}
