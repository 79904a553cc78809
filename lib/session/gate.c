/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of permits. */
#include "session/gate.h"

#include <stdlib.h>

#include "session/engine.h"

int msc_gate_permit(struct msc_session *s, const struct msc_permit *p, unsigned *id,
		    struct msc_err *err)
{
	struct msc_gate_entry *grown =
		reallocarray(s->permits, s->n_permits + 1, sizeof *grown);

	if (!grown)
		return msc_nomem(err);
	s->permits = grown;
	*id = ++s->last_permit;
	grown[s->n_permits].id = *id;
	grown[s->n_permits].blocks = p->blocks;
	s->n_permits++;
	return 0;
}

void msc_gate_revoke(struct msc_session *s, unsigned id)
{
	for (size_t i = 0; i < s->n_permits; i++)
		if (s->permits[i].id == id)
			s->permits[i] = s->permits[--s->n_permits];
}
