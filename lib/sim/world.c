/* SPDX-License-Identifier: BSD-2-Clause */
/* When the events of event.h happen: what was armed, and what has been counted.
 *
 *	ARMED --- its point has come ---> HAPPENED
 *	  |                                  ^
 *	  +-- ... and so much later: LATER --+
 *	  |                                  |
 *	  +-- ... but the slot is held: HELD +
 *
 * A bad block is OVER when another card comes into its slot.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/internal.h"
#include "wire/bot.h"

struct armed {
	const struct sim_event *event;
	struct mcu *mcu;
	enum { ARMED, LATER, HELD, HAPPENED, OVER } state;
	uint64_t at_byte; /* LATER, of a CBW: when so many have passed; 0: a time */
};

struct world {
	world_happens_fn *happens;
	struct armed *armed;
	size_t n;
	uint64_t cbws, bytes, reads, writes; /* so far */
	uint32_t data_left; /* of the present command towards the device: no CBW yet */
	uint32_t held;	    /* a bit for each slot that cannot be emptied now */
};

struct world *world_new(struct mcu *m, const struct sim_event *events, size_t n,
			world_happens_fn *happens)
{
	struct world *w = calloc(1, sizeof *w);

	if (w)
		w->armed = calloc(n ? n : 1, sizeof *w->armed);
	if (!w || !w->armed) {
		free(w);
		return NULL;
	}
	w->happens = happens;
	w->n = n;
	for (size_t i = 0; i < n; i++)
		w->armed[i] = (struct armed){ .event = &events[i], .mcu = m };
	return w;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	free(w->armed);
	free(w);
}

static bool is_of_card(const struct sim_event *e)
{
	return e->what == SIM_CARD_OUT || e->what == SIM_CARD_IN || e->what == SIM_CARD_SWAP ||
	       e->what == SIM_CARD_WRITE || e->what == SIM_EJECT;
}

static bool brings_card(const struct sim_event *e)
{
	return e->what == SIM_CARD_SWAP || (e->what == SIM_CARD_IN && e->other);
}

static bool is_bad_block(const struct armed *a)
{
	return a->event->what == SIM_BAD_BLOCK && a->state == HAPPENED;
}

static void happen(struct armed *a)
{
	const struct sim_event *e = a->event;
	struct world *w = a->mcu->world;

	if (is_of_card(e) && w->held & UINT32_C(1) << e->slot) {
		a->state = HELD;
		return;
	}
	for (struct armed *b = w->armed; b < w->armed + w->n; b++)
		if (brings_card(e) && is_bad_block(b) && b->event->slot == e->slot)
			b->state = OVER;
	a->state = HAPPENED;
	w->happens(a->mcu, (size_t)(a - w->armed));
}

static void happen_later(void *arg)
{
	happen(arg);
}

void world_begin(struct mcu *m)
{
	for (size_t i = 0; i < m->world->n; i++) {
		struct armed *a = &m->world->armed[i];

		if (a->event->when != SIM_AT_TIME)
			continue;
		a->state = LATER;
		sim_at(m->sim, a->event->after_ns, happen_later, a);
	}
}

/* The value was tried when the event was read. */
void world_set(struct mcu *m, const struct sim_event *e)
{
	struct msc_err err = MSC_ERR_INIT;

	if (!m->off && msc_knob_set(e->knob, m->state, strchr(e->set, '=') + 1, &err) < 0)
		sim_fault(m->sim, "%s", err.msg);
}

void world_set_again(struct mcu *m)
{
	for (size_t i = 0; m->world && i < m->world->n; i++) {
		const struct armed *a = &m->world->armed[i];

		if (a->event->what == SIM_SET && a->state == HAPPENED)
			world_set(m, a->event);
	}
}

static void reach_point(struct armed *a)
{
	if (a->event->after_ns) {
		a->state = LATER;
		sim_at(a->mcu->sim, sim_now(a->mcu->sim) + a->event->after_ns, happen_later, a);
	} else {
		happen(a);
	}
}

static void count_bytes(struct world *w, size_t len)
{
	w->bytes += len;
	for (struct armed *a = w->armed; a < w->armed + w->n; a++) {
		if (a->state == ARMED && a->event->when == SIM_AT_BYTE && w->bytes >= a->event->n)
			reach_point(a);
		else if (a->state == LATER && a->at_byte && w->bytes >= a->at_byte)
			happen(a);
	}
}

static void count_cbw(struct world *w)
{
	w->cbws++;
	for (struct armed *a = w->armed; a < w->armed + w->n; a++) {
		if (a->state != ARMED || a->event->when != SIM_AT_CBW || a->event->n != w->cbws)
			continue;
		if (a->event->after_bytes) {
			a->state = LATER;
			a->at_byte = w->bytes + a->event->after_bytes;
		} else {
			reach_point(a);
		}
	}
}

void world_out(struct mcu *m, const uint8_t *data, size_t len, bool is_short)
{
	struct world *w = m->world;
	struct msc_cbw cbw;

	if (!w)
		return;
	count_bytes(w, len);
	if (w->data_left) {
		w->data_left -= is_short || len > w->data_left ? w->data_left : (uint32_t)len;
	} else if (len == MSC_CBW_LEN && msc_get_le32(data) == MSC_CBW_SIGNATURE) {
		msc_cbw_unpack(&cbw, data);
		w->data_left = cbw.h.flags & MSC_CBW_FLAG_IN ? 0 : cbw.h.length;
		count_cbw(w);
	}
}

void world_in(struct mcu *m, const uint8_t *data, size_t len)
{
	struct world *w = m->world;

	if (!w)
		return;
	if (len == MSC_CSW_LEN && msc_get_le32(data) == MSC_CSW_SIGNATURE)
		w->data_left = 0;
	count_bytes(w, len);
}

void world_command_ends(struct mcu *m)
{
	if (m->world)
		m->world->data_left = 0;
}

/* How many blocks lie before the one at which the event happens; UINT64_MAX: it does not. */
static uint64_t blocks_before(const struct world *w, const struct armed *a, bool writing)
{
	const struct sim_event *e = a->event;
	uint64_t done = e->when == SIM_AT_BLOCK ? w->reads + w->writes
			: writing               ? w->writes
						: w->reads;

	if (a->state != ARMED || e->n <= done ||
	    (e->when != SIM_AT_BLOCK &&
	     e->when != (writing ? SIM_AT_WRITE_BLOCK : SIM_AT_READ_BLOCK)))
		return UINT64_MAX;
	return e->n - 1 - done;
}

uint32_t world_good(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks)
{
	const struct world *w = m->world;

	for (size_t i = 0; w && i < w->n; i++) {
		const struct armed *a = &w->armed[i];
		uint64_t before = a->event->lba - lba;

		if (is_bad_block(a) && a->event->slot == slot && a->event->lba >= lba &&
		    before < blocks)
			blocks = (uint32_t)before;
	}
	return blocks;
}

uint32_t world_blocks(struct mcu *m, bool writing, uint32_t blocks, uint32_t *torn)
{
	struct world *w = m->world;
	uint64_t free = blocks;

	*torn = 0;
	for (size_t i = 0; w && i < w->n; i++) {
		uint64_t before = blocks_before(w, &w->armed[i], writing);

		if (before < free) {
			free = before;
			*torn = (uint32_t)w->armed[i].event->after_bytes;
		}
	}
	return (uint32_t)free;
}

void world_block_is_due(struct mcu *m, bool writing)
{
	for (size_t i = 0; i < m->world->n; i++)
		if (blocks_before(m->world, &m->world->armed[i], writing) == 0)
			reach_point(&m->world->armed[i]);
}

void world_moved(struct mcu *m, bool writing, uint32_t blocks)
{
	if (m->world)
		*(writing ? &m->world->writes : &m->world->reads) += blocks;
}

void world_hold(struct mcu *m, uint8_t slot, bool hold)
{
	struct world *w = m->world;

	if (!w)
		return;
	if (hold)
		w->held |= UINT32_C(1) << slot;
	else
		w->held &= ~(UINT32_C(1) << slot);
	for (size_t i = 0; i < w->n; i++)
		if (w->armed[i].state == HELD)
			happen(&w->armed[i]);
}

void world_release_all(struct mcu *m)
{
	for (uint8_t slot = 0; m->world && slot < MCU_SLOTS; slot++)
		world_hold(m, slot, false);
}
