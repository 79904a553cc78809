/* SPDX-License-Identifier: BSD-2-Clause */
/* Putting back what was written: after each scenario, and at the end of a run, however it ended. */
#include <inttypes.h>

#include "medium/care.h"

int msc_medium_restore(struct msc_medium *m, bool quick, bool *good, struct msc_err *err)
{
	unsigned kinds = CARE_SCRATCH | CARE_PROBE | (m->cuts ? CARE_IMAGE : 0);
	bool dirty = false;

	*good = true;
	if (care_live_end(m, err) < 0)
		return -1;
	for (size_t i = 0; i < m->n_blocks && !dirty; i++)
		dirty = m->block[i].dirty || m->block[i].held;
	if (!m->saved || !dirty || *m->ended)
		return 0;
	if (care_check(m, false, err) < 0)
		return -1;
	if (*m->ended)
		return 0;
	for (size_t i = 0; m->cuts && i < m->n_blocks; i++)
		m->block[i].dirty |= m->block[i].kind & CARE_IMAGE;
	if (care_put_back(m, kinds, true, quick, good, err) < 0)
		return -1;
	*good |= *m->ended != '\0';
	return 0;
}

static void hit_image(struct msc_medium *m, struct care_block *b, const uint8_t *now, void *user)
{
	(void)now;
	(void)user;
	if (!(b->kind & (CARE_SCRATCH | CARE_PROBE | CARE_MARK)))
		care_hit(m,
			 "block %" PRIu64 " has changed, which nobody wrote: it lies beside the "
			 "scratch, or where a cut address leads",
			 b->lba);
}

static int restore_all(struct msc_medium *m, bool *good, struct msc_err *err)
{
	bool readable;

	*good = false;
	if (care_live_end(m, err) < 0 || care_check(m, false, err) < 0 || *m->ended)
		return *m->ended ? 0 : -1;
	if (care_put_back(m, CARE_SCRATCH | CARE_PROBE, false, false, good, err) < 0)
		return -1;
	if (!*good || *m->ended)
		return 0;
	if (!m->cuts && !m->aliased &&
	    care_compare(m, CARE_IMAGE, false, hit_image, NULL, &readable, err) < 0)
		return -1;
	/* and what putting those back hits in its turn */
	if (care_put_back(m, CARE_SCRATCH | CARE_PROBE | CARE_IMAGE | CARE_PRINT, false, false,
			  good, err) < 0)
		return -1;
	if (!*good || *m->ended || care_check(m, true, err) < 0 || *m->ended)
		return err->code ? -1 : 0;
	if (care_put_back(m, CARE_MARK, false, false, good, err) < 0)
		return -1;
	return *good ? care_flush(m, err) : 0;
}

int msc_medium_rest(struct msc_medium *m, bool *good, struct msc_err *err)
{
	int rc = 0;

	*good = true;
	if (!m->saved || *m->ended)
		return 0;
	if (restore_all(m, good, err) < 0)
		return -1;
	if (*m->ended || !*good)
		return 0;
	care_revoke(m);
	care_forget(m);
	if (m->journal)
		rc = msc_journal_remove(m->journal, err);
	m->journal = NULL;
	return rc;
}

void msc_medium_finish(struct msc_medium *m, struct msc_medium_end *end)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = msc_session_target(m->s);
	bool good = false;

	*end = (struct msc_medium_end){ .wrote = m->saved, .restored = true };
	if (m->saved) {
		msc_session_set_stop(m->s, NULL, NULL);
		for (int tries = 0; tries < 2 && !t->gone && !*m->ended && !good; tries++) {
			if (tries && err.code != MSC_E_NOMEM)
				break; /* memory alone may be there the next moment */
			if (tries)
				care_note(m, false,
					  "what was written is put back a second time: %s",
					  err.msg);
			err = (struct msc_err)MSC_ERR_INIT;
			if (restore_all(m, &good, &err) < 0)
				good = false;
		}
		good = good && !*m->ended;
		end->restored = good;
		if (!good && !*m->ended)
			care_note(m, true,
				  "blocks %" PRIu64 " to %" PRIu64 " could not be put back%s%s",
				  m->first, m->first + m->blocks - 1,
				  m->journal ? "; they are kept in " : "",
				  m->journal ? msc_journal_path(m->journal) : "");
		care_revoke(m);
	}
	end->elsewhere = m->elsewhere;
	if (m->journal && m->saved && !good)
		msc_journal_close(m->journal);
	else if (m->journal && msc_journal_remove(m->journal, &err) < 0)
		care_note(m, true, "%s", err.msg);
	m->journal = NULL;
	m->saved = false;
}
