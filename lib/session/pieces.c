/* SPDX-License-Identifier: BSD-2-Clause */
/* Bulk-in data in pieces: see msc_pieces in session.h. */
#include "session/engine.h"

#include <stdlib.h>
#include <string.h>

int msc_pieces_begin(struct msc_piece_run *p, size_t total, struct msc_err *err)
{
	size_t len = p->how->len;

	p->n = (total + len - 1) / len;
	p->xfer = calloc(p->n, sizeof *p->xfer);
	if (!p->xfer)
		return msc_nomem(err);
	if (msc_memory_need(p->s->target, &p->data, total, err) < 0)
		return -1;
	memset(p->data.p, 0, total);
	for (size_t i = 0, at = 0; i < p->n; i++, at += len)
		p->xfer[i] = (struct msc_xfer){ .ep = p->s->target->device.ep_in,
						.data = p->data.p + at,
						.len = total - at < len ? total - at : len };
	return 0;
}

int msc_pieces_submit(struct msc_piece_run *p, size_t end, struct msc_err *err)
{
	for (; p->submitted < end && p->submitted < p->n; p->submitted++)
		if (msc_engine_submit(p->s, &p->xfer[p->submitted], err) < 0)
			return -1;
	return 0;
}

int msc_pieces_collect(struct msc_piece_run *p, size_t *moved, struct msc_err *err)
{
	for (; p->ended < p->submitted && !p->broken; p->ended++) {
		struct msc_xfer *x = &p->xfer[p->ended];

		if (msc_engine_finish(p->s, x, p->timeout_ns, err) < 0)
			return -1;
		*moved += x->actual;
		p->broken = x->outcome != MSC_OUT_DONE || x->actual != x->len;
	}
	return 0;
}

int msc_pieces_meanwhile(struct msc_piece_run *p, struct msc_err *err)
{
	struct msc_target *t = p->s->target;
	struct msc_xfer *last = &p->xfer[p->n - 1];
	int more = 1;

	while (more > 0 && last->outcome == MSC_OUT_PENDING) {
		more = p->how->meanwhile(p->how->user, err);
		if (more < 0 || msc_wait(t, last, msc_now(t->clock), err) < 0)
			return -1;
	}
	return 0;
}

void msc_pieces_end(struct msc_piece_run *p)
{
	while (p->submitted > 0)
		msc_engine_abandon(p->s, &p->xfer[--p->submitted]);
	free(p->xfer);
	p->xfer = NULL;
	if (p->s)
		msc_memory_free(p->s->target, &p->data);
}
