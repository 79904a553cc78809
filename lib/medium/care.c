/* SPDX-License-Identifier: BSD-2-Clause */
/* What every part of the care needs: to say something, to end the writing, to forget. */
#include "medium/care.h"

#include <stdarg.h>
#include <stdio.h>

#include "session/gate.h"

void care_note(struct msc_medium *m, bool safety, const char *fmt, ...)
{
	char text[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (m->o.note)
		m->o.note(m->o.user, safety, text);
}

void care_hit(struct msc_medium *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(m->hit, sizeof m->hit, fmt, args);
	va_end(args);
	m->elsewhere++;
	care_note(m, true, "%s", m->hit);
}

void care_live_revoke(struct msc_medium *m)
{
	while (m->n_live)
		msc_gate_revoke(m->s, m->live[--m->n_live].permit);
}

void care_revoke(struct msc_medium *m)
{
	care_live_revoke(m);
	while (m->n_permits)
		msc_gate_revoke(m->s, m->permit[--m->n_permits]);
}

void care_end(struct msc_medium *m, const char *fmt, ...)
{
	const char *kept = m->untrue ? "; what was read of its blocks is kept in "
				     : "; the blocks of the medium that was there are kept in ";
	va_list args;

	if (*m->ended)
		return;
	va_start(args, fmt);
	vsnprintf(m->ended, sizeof m->ended, fmt, args);
	va_end(args);
	care_revoke(m);
	if (!m->saved)
		return;
	care_note(m, true,
		  "%s: nothing is written any more, and nothing is put back onto what is there "
		  "now%s%s",
		  m->ended, m->journal ? kept : "", m->journal ? msc_journal_path(m->journal) : "");
}

void care_forget(struct msc_medium *m)
{
	care_blocks_free(m);
	m->block = NULL;
	m->arena = NULL;
	m->wrote = NULL;
	m->fill[0] = m->fill[1] = NULL;
	m->grown = 0;
	m->wrote_hash = NULL;
	m->n_blocks = m->room_blocks = m->n_arenas = m->n_wrote = m->room_wrote = 0;
	m->n_prints = 0;
	m->saved = m->marked = false;
}

void care_heed_signs(struct msc_medium *m)
{
	const struct msc_medium_signs *g = msc_session_signs(m->s, m->o.lun);

	if (!m->capacity) /* there was none */
		return;
	m->taken |= !*m->ended && (g->changed != m->changed || (g->absent != m->absent && g->away));
	if (g->changed != m->changed)
		care_end(m, "the medium has been changed (the device says 6/28/00)");
	if (g->absent != m->absent && g->away)
		care_end(m, "the medium has been taken out (the device says 2/3a)");
}

int care_hear_signs(struct msc_medium *m, struct msc_err *err)
{
	const struct msc_medium_signs *g = msc_session_signs(m->s, m->o.lun);
	enum msc_answer answer;
	int rc = 0;

	if (m->capacity && g->absent != m->absent && g->away) {
		msc_session_mute(m->s, true);
		rc = msc_session_answers(m->s, m->o.lun, &answer, err);
		msc_session_mute(m->s, false);
	}
	if (rc == 0)
		care_heed_signs(m);
	return rc;
}
