/* SPDX-License-Identifier: BSD-2-Clause */
/* The events of event.h: what was armed, what has been counted, and what then happens.
 *
 *	ARMED --- its point has come ---> HAPPENED
 *	  |                                  ^
 *	  +-- ... and so much later: LATER --+
 *	  |                                  |
 *	  +-- ... but the slot is held: HELD +
 *
 * What happens to a card happens at once, so that not one block more is moved; what happens to the
 * bus happens as soon as the present packet is through.
 */
#include "sim/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sim/internal.h"
#include "wire/bot.h"

struct armed {
	const struct sim_event *event;
	struct mcu *mcu;
	enum { ARMED, LATER, HELD, HAPPENED } state;
	uint64_t at_byte;  /* LATER, of a CBW: when so many have passed; 0: a time */
	struct card *card; /* that it brings, from power-on until it does */
};

struct world {
	struct armed *armed;
	size_t n;
	uint64_t cbws, bytes, reads, writes; /* so far */
	uint32_t data_left; /* of the present command towards the device: no CBW yet */
	uint32_t held;	    /* a bit for each slot that cannot be emptied now */
	struct card *outside[MCU_SLOTS]; /* taken out, and kept */
	const struct sim_event *identity; /* of a plug that made it another device */
};

/* ---- what happens ------------------------------------------------------------------------- */

static void tell_card(struct mcu *m, uint8_t slot)
{
	if (!m->off)
		mcu_raise_card(m, slot, m->card[slot] != NULL);
}

static void take_out(struct mcu *m, uint8_t slot)
{
	struct world *w = m->world;

	if (!m->card[slot])
		return;
	card_free(w->outside[slot]);
	w->outside[slot] = m->card[slot];
	m->card[slot] = NULL;
	tell_card(m, slot);
}

/* The card of the event, or the one that was here; one that is still in after the button was
 * pressed is pushed in again. */
static void put_in(struct mcu *m, struct armed *a)
{
	struct world *w = m->world;
	uint8_t slot = a->event->slot;
	struct card *before = w->outside[slot];

	if (a->card) {
		if (!card_copy_first(a->card, before, a->event->medium.keep))
			sim_fault(m->sim, "no memory for a card");
		m->card[slot] = a->card;
		a->card = NULL;
	} else if (!m->card[slot]) {
		m->card[slot] = before;
		w->outside[slot] = NULL;
	}
	if (m->card[slot])
		tell_card(m, slot);
}

/* What was written is in the card that is there from now on; but for that it is the same. */
static void write_over(struct mcu *m, struct armed *a)
{
	struct card **card = &m->card[a->event->slot];

	if (!*card)
		return;
	if (!card_copy_first(a->card, *card, a->event->medium.keep))
		sim_fault(m->sim, "no memory for a card");
	card_pass_for(a->card, *card);
	card_free(*card);
	*card = a->card;
	a->card = NULL;
}

static void happen_to_bus(void *arg)
{
	struct armed *a = arg;
	struct mcu *m = a->mcu;

	switch (a->event->what) {
	case SIM_UNPLUG:
		bus_detach(m->bus);
		device_power_off(m);
		break;
	case SIM_PLUG:
		if (!m->off)
			break;
		m->world->identity = a->event->other ? a->event : NULL;
		m->world->data_left = 0;
		device_power_on(m);
		bus_attach(m->bus);
		break;
	case SIM_SUSPEND:
		bus_suspend(m->bus);
		break;
	case SIM_RESUME:
		bus_resume(m->bus);
		break;
	default: break;
	}
}

static bool is_of_card(const struct sim_event *e)
{
	return e->what == SIM_CARD_OUT || e->what == SIM_CARD_IN || e->what == SIM_CARD_SWAP ||
	       e->what == SIM_CARD_WRITE || e->what == SIM_EJECT;
}

/* The value was tried when the event was read. */
static void set(struct mcu *m, const struct sim_event *e)
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
			set(m, a->event);
	}
}

static void happen(struct armed *a)
{
	const struct sim_event *e = a->event;
	struct mcu *m = a->mcu;

	if (is_of_card(e) && m->world->held & UINT32_C(1) << e->slot) {
		a->state = HELD;
		return;
	}
	a->state = HAPPENED;
	msc_log(m->config->log, MSC_LOG_INFO, "world", sim_now(m->sim), "%s",
		sim_event_name(e->what));
	switch (e->what) {
	case SIM_CARD_OUT: take_out(m, e->slot); break;
	case SIM_CARD_SWAP:
	case SIM_CARD_IN:
		if (a->card)
			take_out(m, e->slot);
		put_in(m, a);
		break;
	case SIM_CARD_WRITE: write_over(m, a); break;
	case SIM_EJECT:
		if (!m->off)
			mcu_raise_eject(m, e->slot);
		break;
	case SIM_SET: set(m, e); break;
	case SIM_UNPLUG:
	case SIM_PLUG:
	case SIM_SUSPEND:
	case SIM_RESUME:
		m->off |= e->what == SIM_UNPLUG; /* nothing is written from now on */
		if (e->what == SIM_UNPLUG || e->what == SIM_SUSPEND)
			bus_hold(m->bus);
		sim_at(m->sim, sim_now(m->sim), happen_to_bus, a);
		break;
	}
}

static void happen_later(void *arg)
{
	happen(arg);
}

/* ---- when --------------------------------------------------------------------------------- */

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

bool world_is_another(struct mcu *m, uint16_t *vendor, uint16_t *product)
{
	const struct sim_event *e = m->world ? m->world->identity : NULL;

	if (!e)
		return false;
	*vendor = e->vendor;
	*product = e->product;
	return true;
}

/* ---- power-on ----------------------------------------------------------------------------- */

const char *sim_event_name(enum sim_event_what what)
{
	static const char *const names[] = { "card-out", "card-in", "card-swap", "card-write",
					     "eject",    "unplug",  "plug",      "suspend",
					     "resume",   "set" };

	return names[what];
}

struct world *world_new(struct mcu *m, const struct sim_event *events, size_t n)
{
	struct world *w = calloc(1, sizeof *w);

	if (w)
		w->armed = calloc(n ? n : 1, sizeof *w->armed);
	if (!w || !w->armed) {
		free(w);
		return NULL;
	}
	w->n = n;
	for (size_t i = 0; i < n; i++)
		w->armed[i] = (struct armed){ .event = &events[i], .mcu = m };
	return w;
}

bool world_begin(struct mcu *m)
{
	struct world *w = m->world;

	for (size_t i = 0; w && i < w->n; i++) {
		struct armed *a = &w->armed[i];
		const struct sim_event *e = a->event;

		if (e->what == SIM_CARD_SWAP || e->what == SIM_CARD_WRITE ||
		    (e->what == SIM_CARD_IN && e->other)) {
			a->card = card_ready(m, e->slot, &e->medium);
			if (!a->card)
				return false;
		}
		if (e->when == SIM_AT_TIME) {
			a->state = LATER;
			sim_at(m->sim, e->after_ns, happen_later, a);
		}
	}
	return true;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		card_free(w->armed[i].card);
	for (unsigned i = 0; i < MCU_SLOTS; i++)
		card_free(w->outside[i]);
	free(w->armed);
	free(w);
}
