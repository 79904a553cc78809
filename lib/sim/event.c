/* SPDX-License-Identifier: BSD-2-Clause */
/* The events of event.h: what happens. When it does is world.c's.
 *
 * What happens to a card happens at once, so that not one block more is moved; what happens to the
 * bus happens as soon as the present packet is through.
 */
#include "sim/event.h"

#include <stdlib.h>

#include "base/clock.h"
#include "sim/internal.h"

struct happening {
	const struct sim_event *event;
	struct mcu *mcu;
	struct card *card; /* that it brings, from power-on until it does */
};

struct events {
	struct happening *each;
	size_t n;
	struct card *outside[MCU_SLOTS];  /* taken out, and kept */
	const struct sim_event *identity; /* of a plug that made it another device */
};

const char *sim_event_name(enum sim_event_what what)
{
	static const char *const names[] = { "card-out", "card-in", "card-swap", "card-write",
					     "bad-block", "eject",   "unplug",    "plug",
					     "suspend",   "resume",  "set" };

	return names[what];
}

static void tell_card(struct mcu *m, uint8_t slot)
{
	if (!m->off)
		mcu_raise_card(m, slot, m->card[slot] != NULL);
}

static void take_out(struct mcu *m, uint8_t slot)
{
	struct events *all = m->events;

	if (!m->card[slot])
		return;
	card_free(all->outside[slot]);
	all->outside[slot] = m->card[slot];
	m->card[slot] = NULL;
	tell_card(m, slot);
}

/* The card of the event, or the one that was here; one that is still in after the button was
 * pressed is pushed in again. */
static void put_in(struct mcu *m, struct happening *a)
{
	struct events *all = m->events;
	uint8_t slot = a->event->slot;
	struct card *before = all->outside[slot];

	if (a->card) {
		if (!card_copy_first(a->card, before, a->event->medium.keep))
			sim_fault(m->sim, "no memory for a card");
		m->card[slot] = a->card;
		a->card = NULL;
	} else if (!m->card[slot]) {
		m->card[slot] = before;
		all->outside[slot] = NULL;
	}
	if (m->card[slot])
		tell_card(m, slot);
}

/* What was written is in the card that is there from now on; but for that it is the same. */
static void write_over(struct mcu *m, struct happening *a)
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
	struct happening *a = arg;
	struct mcu *m = a->mcu;

	switch (a->event->what) {
	case SIM_UNPLUG:
		power_off(m);
		break;
	case SIM_PLUG:
		if (!m->off)
			break;
		m->events->identity = a->event->other ? a->event : NULL;
		power_on(m);
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

/* Why nothing comes of it; NULL: something does. */
static const char *in_vain(const struct mcu *m, const struct happening *a)
{
	const struct sim_event *e = a->event;
	bool there = m->card[e->slot] != NULL;

	switch (e->what) {
	case SIM_CARD_OUT:
	case SIM_CARD_WRITE: return there ? NULL : "there is no card";
	case SIM_CARD_SWAP:
	case SIM_CARD_IN:
		return there || a->card || m->events->outside[e->slot] ? NULL
								       : "no card was taken out";
	case SIM_EJECT: return m->off ? "the device has no power" : NULL;
	case SIM_UNPLUG: return m->off ? "it is not plugged in" : NULL;
	case SIM_PLUG: return m->off ? NULL : "it is plugged in already";
	default: return NULL;
	}
}

static void happen(struct mcu *m, size_t i)
{
	struct happening *a = &m->events->each[i];
	const struct sim_event *e = a->event;
	const char *vain = in_vain(m, a);

	msc_log(m->config->log, vain ? MSC_LOG_WARN : MSC_LOG_INFO, "world", sim_now(m->sim),
		"%s%s%s", sim_event_name(e->what), vain ? ": nothing happens: " : "",
		vain ? vain : "");
	switch (e->what) {
	case SIM_CARD_OUT: take_out(m, e->slot); break;
	case SIM_CARD_SWAP:
	case SIM_CARD_IN:
		if (a->card)
			take_out(m, e->slot);
		put_in(m, a);
		break;
	case SIM_CARD_WRITE: write_over(m, a); break;
	case SIM_BAD_BLOCK: break; /* the world knows where it is */
	case SIM_EJECT:
		if (!m->off)
			mcu_raise_eject(m, e->slot);
		break;
	case SIM_SET: world_set(m, e); break;
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

bool event_is_another(struct mcu *m, uint16_t *vendor, uint16_t *product)
{
	const struct sim_event *e = m->events ? m->events->identity : NULL;

	if (!e)
		return false;
	*vendor = e->vendor;
	*product = e->product;
	return true;
}

bool events_new(struct mcu *m)
{
	const struct sim_device_config *c = m->config;
	struct events *all = calloc(1, sizeof *all);

	m->events = all;
	m->world = world_new(m, c->events, c->n_events, happen);
	if (all)
		all->each = calloc(c->n_events, sizeof *all->each);
	if (!all || !all->each || !m->world)
		return false;
	all->n = c->n_events;
	for (size_t i = 0; i < all->n; i++)
		all->each[i] = (struct happening){ .event = &c->events[i], .mcu = m };
	return true;
}

void events_free(struct mcu *m)
{
	struct events *all = m->events;

	world_free(m->world);
	if (!all)
		return;
	for (size_t i = 0; i < all->n; i++)
		card_free(all->each[i].card);
	for (unsigned i = 0; i < MCU_SLOTS; i++)
		card_free(all->outside[i]);
	free(all->each);
	free(all);
}

bool events_begin(struct mcu *m)
{
	struct events *all = m->events;

	if (!all)
		return true;
	for (size_t i = 0; i < all->n; i++) {
		const struct sim_event *e = all->each[i].event;

		if (e->what != SIM_CARD_SWAP && e->what != SIM_CARD_WRITE &&
		    !(e->what == SIM_CARD_IN && e->other))
			continue;
		all->each[i].card = card_ready(m, e->slot, &e->medium);
		if (!all->each[i].card)
			return false;
	}
	world_begin(m);
	return true;
}
