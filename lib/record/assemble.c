/* SPDX-License-Identifier: BSD-2-Clause */
/* Transfers become records: see assemble.h for the states. What belongs to an exchange and how is
 * in exchange.c. */
#include "record/build.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 64 /* transfers that ended before one ahead of them on their endpoint */
#define FLYING_MAX  2048

/* A transfer under way. */
struct flying {
	uint64_t number;
	uint8_t ep;
};

/* One that ended while another, submitted before it on the same endpoint, has not. */
struct waiting {
	struct msc_transfer t;
	uint64_t order;
	uint8_t *data;
};

struct msc_assembler {
	msc_record_fn *done;
	void *user;
	struct msc_history history;
	struct msc_snapshot *device;
	struct msc_record *newest;
	struct msc_building building;
	struct msc_building *open; /* the exchange under way: that one; NULL: none is */
	struct msc_spares *spares;
	bool muted;
	bool bare; /* the next bulk transfer belongs to no exchange */
	bool no_memory;
	uint64_t entries; /* so far: the order in which ends were seen */
	struct flying flying[FLYING_MAX];
	size_t n_flying;
	struct waiting waiting[WAITING_MAX];
	size_t n_waiting;
};

struct msc_assembler *msc_assembler_new(msc_record_fn *done, void *user)
{
	static const struct msc_device nothing;
	struct msc_assembler *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->done = done;
	a->user = user;
	a->device = msc_snapshot_new(&nothing);
	a->spares = msc_spares_new();
	msc_history_init(&a->history);
	if (!a->device || !a->spares) {
		msc_assembler_free(a);
		return NULL;
	}
	return a;
}

static void set_newest(struct msc_assembler *a, struct msc_record *r)
{
	msc_record_release(msc_record_hold(a->newest)); /* trims it */
	msc_record_drop(a->newest);
	a->newest = r;
}

static void forget_flights(struct msc_assembler *a)
{
	for (size_t i = 0; i < a->n_waiting; i++)
		free(a->waiting[i].data);
	a->n_waiting = a->n_flying = 0;
}

static void drop_open(struct msc_assembler *a)
{
	if (a->open)
		msc_record_drop(a->open->record);
	a->open = NULL;
}

void msc_assembler_free(struct msc_assembler *a)
{
	if (!a)
		return;
	drop_open(a);
	forget_flights(a);
	msc_history_free(&a->history);
	msc_record_drop(a->newest);
	msc_snapshot_drop(a->device);
	msc_spares_end(a->spares);
	free(a);
}

const struct msc_record *msc_assembler_newest(const struct msc_assembler *a)
{
	return a->newest;
}

const struct msc_exchange *msc_assembler_exchange(const struct msc_assembler *a)
{
	return a->open ? &a->open->record->u.exchange : NULL;
}

const struct msc_history *msc_assembler_history(const struct msc_assembler *a)
{
	return &a->history;
}

/* ---- records ------------------------------------------------------------------------------ */

static struct msc_record *begin(struct msc_assembler *a, enum msc_record_kind kind)
{
	struct msc_record *r = msc_record_of(a->spares, kind);

	if (!r) {
		a->no_memory = true;
		return NULL;
	}
	r->own.snapshot = msc_snapshot_ref(a->device);
	r->device = msc_snapshot_device(a->device);
	r->muted = a->muted;
	msc_history_begin(&a->history, r);
	return r;
}

static void complete(struct msc_assembler *a, struct msc_record *r)
{
	msc_record_conclude(r);
	r->history = &a->history;
	if (a->done)
		a->done(a->user, r);
	msc_history_add(&a->history, r);
	set_newest(a, r);
}

static void finish_exchange(struct msc_assembler *a)
{
	struct msc_building *b = a->open;

	if (!b)
		return;
	a->no_memory |= b->no_memory;
	if (msc_building_end(b)) {
		a->open = NULL;
		complete(a, b->record);
	} else {
		drop_open(a);
	}
}

static void begin_exchange(struct msc_assembler *a, const struct msc_note *note)
{
	struct msc_record *r;

	finish_exchange(a);
	r = begin(a, MSC_RECORD_EXCHANGE);
	if (!r)
		return;
	a->open = &a->building;
	msc_building_begin(a->open, r, note);
	a->open->was_unclean = a->history.unclean;
	a->history.unclean = true;
}

/* A buffer is never NULL, so that a length of 0 needs no special case. */
static uint8_t *copy(struct msc_assembler *a, const struct msc_transfer *t)
{
	uint8_t *p = malloc(t->kept ? t->kept : 1);

	if (!p)
		a->no_memory = true;
	else if (t->kept)
		memcpy(p, t->data, t->kept);
	return p;
}

static void add_poll(struct msc_assembler *a, const struct msc_transfer *t)
{
	struct msc_record *r = begin(a, MSC_RECORD_POLL);

	a->bare = false;
	if (!r)
		return;
	r->began_ns = t->submitted_ns;
	r->ended_ns = t->completed_ns;
	r->u.poll = (struct msc_poll){ .ep = t->ep, .outcome = t->outcome };
	r->cut = t->kept < t->actual;
	r->u.poll.data = copy(a, t);
	if (r->u.poll.data)
		r->u.poll.data_len = t->actual < t->kept ? t->actual : t->kept;
	complete(a, r);
}

static void add_control(struct msc_assembler *a, const struct msc_transfer *t)
{
	struct msc_record *r = begin(a, MSC_RECORD_CONTROL);

	if (!r)
		return;
	/* What the exchange under way has done to the endpoints is not told yet. */
	if (a->open)
		r->past.in.halt = r->past.out.halt = MSC_HALT_UNKNOWN;
	r->past.busy = a->open != NULL;
	r->began_ns = t->submitted_ns;
	r->ended_ns = t->completed_ns;
	r->u.control = (struct msc_control){ .setup = t->setup, .outcome = t->outcome };
	r->cut = t->kept < t->actual;
	r->u.control.data = copy(a, t);
	if (r->u.control.data)
		r->u.control.data_len = t->actual < t->kept ? t->actual : t->kept;
	complete(a, r);
}

static void add_of_bus(struct msc_assembler *a, const struct msc_transfer *t)
{
	bool reset = t->kind == MSC_TRANSFER_PORT_RESET;
	struct msc_record *r;

	finish_exchange(a);
	r = begin(a, reset ? MSC_RECORD_PORT_RESET : MSC_RECORD_SUSPEND);
	if (!r)
		return;
	msc_record_of_bus(r, t);
	complete(a, r);
}

/* ---- what belongs where ------------------------------------------------------------------- */

static bool bulk_is_flying(const struct msc_assembler *a)
{
	for (size_t i = 0; i < a->n_flying; i++)
		if (a->flying[i].ep)
			return true;
	return false;
}

/* Without the host's word for it: the CSW has come, and all that was asked for with it. */
static void end_if_over(struct msc_assembler *a)
{
	if (a->open && !a->open->noted && msc_building_has_status(a->open) && !bulk_is_flying(a))
		finish_exchange(a);
}

/* Bulk-out that no exchange wants: it is a wrapper, unless the log began in the middle of data. */
static bool begins_exchange(const struct msc_assembler *a, const struct msc_transfer *t)
{
	if (t->ep & MSC_EP_IN)
		return false;
	return !a->history.past.unknown ||
	       (t->data && t->kept == t->asked && msc_cbw_is_valid(t->data, t->kept));
}

static void take_bulk(struct msc_assembler *a, const struct msc_transfer *t, uint64_t order)
{
	struct msc_building *b = a->open;

	if (b && !b->noted && !msc_building_wants(b, t)) {
		finish_exchange(a);
		b = NULL;
	}
	if (a->bare || (!b && !begins_exchange(a, t))) {
		add_poll(a, t);
		return;
	}
	if (!b)
		begin_exchange(a, NULL);
	b = a->open;
	if (!b)
		return;
	if (b->wrapped) {
		msc_building_add(b, t, order);
	} else {
		msc_building_wrap(b, t, order, bulk_is_flying(a));
		msc_history_begin_unit(&a->history, b->record);
	}
	end_if_over(a);
}

static void take_whole(struct msc_assembler *a, const struct msc_transfer *t)
{
	bool noted = a->open && a->open->noted && !a->open->wrapped;

	if (!noted)
		begin_exchange(a, NULL);
	if (!a->open)
		return;
	msc_building_whole(a->open, t);
	msc_history_begin_unit(&a->history, a->open->record);
	if (!noted)
		finish_exchange(a);
}

/* A request that only makes sense where a conversation has ended. */
static bool ends_conversation(const struct msc_transfer *t)
{
	const struct msc_setup *s = &t->setup;

	return (s->request_type == (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE) &&
		s->request == MSC_REQ_BULK_ONLY_RESET) ||
	       (s->request_type == 0 && s->request == MSC_STD_SET_CONFIGURATION) ||
	       (s->request_type == MSC_RECIPIENT_INTERFACE && s->request == MSC_STD_SET_INTERFACE);
}

static bool is_clear_halt(const struct msc_assembler *a, const struct msc_transfer *t)
{
	const struct msc_device *d = msc_snapshot_device(a->device);

	return msc_setup_clears_halt(&t->setup) &&
	       (t->setup.index == d->ep_in || t->setup.index == d->ep_out);
}

static void take_control(struct msc_assembler *a, const struct msc_transfer *t, uint64_t order)
{
	struct msc_building *b = a->open;

	if (b && is_clear_halt(a, t) &&
	    (b->noted || msc_building_may_clear(b, (uint8_t)t->setup.index))) {
		msc_building_clear(b, t, order);
		return;
	}
	if (b && !b->noted && (is_clear_halt(a, t) || ends_conversation(t)))
		finish_exchange(a);
	add_control(a, t);
}

static void take(struct msc_assembler *a, const struct msc_transfer *t, uint64_t order)
{
	switch (t->kind) {
	case MSC_TRANSFER_CONTROL: take_control(a, t, order); break;
	case MSC_TRANSFER_BULK: take_bulk(a, t, order); break;
	case MSC_TRANSFER_PORT_RESET:
	case MSC_TRANSFER_SUSPEND: add_of_bus(a, t); break;
	case MSC_TRANSFER_COMMAND: take_whole(a, t); break;
	}
}

/* ---- order -------------------------------------------------------------------------------- */

static void takes_off(struct msc_assembler *a, const struct msc_transfer *t)
{
	if (a->n_flying == FLYING_MAX) /* more than any host has; the oldest never came back */
		memmove(a->flying, a->flying + 1, --a->n_flying * sizeof a->flying[0]);
	a->flying[a->n_flying++] = (struct flying){ t->number, t->ep };
}

static void lands(struct msc_assembler *a, uint64_t number)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->n_flying; i++)
		if (a->flying[i].number != number)
			a->flying[kept++] = a->flying[i];
	a->n_flying = kept;
}

static bool is_behind(const struct msc_assembler *a, const struct msc_transfer *t)
{
	for (size_t i = 0; i < a->n_flying; i++)
		if (t->ep && a->flying[i].ep == t->ep && a->flying[i].number < t->number)
			return true;
	return false;
}

/* Takes what waits and need not any longer, in the order of submission; all: whatever it is. */
static void take_waiting(struct msc_assembler *a, bool all)
{
	for (;;) {
		size_t first = a->n_waiting;
		struct waiting w;

		for (size_t i = 0; i < a->n_waiting; i++)
			if ((all || !is_behind(a, &a->waiting[i].t)) &&
			    (first == a->n_waiting ||
			     a->waiting[i].t.number < a->waiting[first].t.number))
				first = i;
		if (first == a->n_waiting)
			return;
		w = a->waiting[first];
		memmove(a->waiting + first, a->waiting + first + 1,
			(--a->n_waiting - first) * sizeof w);
		take(a, &w.t, w.order);
		free(w.data);
	}
}

/* On one endpoint transfers move in the order of submission, so that is the order in which they
 * have a meaning; a host that takes them back sees them end in another. */
static void ended(struct msc_assembler *a, const struct msc_transfer *t)
{
	uint64_t order = ++a->entries;
	struct waiting w;

	lands(a, t->number);
	if (!is_behind(a, t)) {
		take(a, t, order);
		if (a->n_waiting)
			take_waiting(a, false);
		return;
	}
	w = (struct waiting){ .t = *t, .order = order };
	if (a->n_waiting == WAITING_MAX)
		take_waiting(a, true);
	w.data = copy(a, t);
	if (!w.data)
		return;
	w.t.data = w.data;
	w.t.owner = NULL;
	a->waiting[a->n_waiting++] = w;
}

/* ---- notes -------------------------------------------------------------------------------- */

/* What never took off has left the device as it was. */
static void abandon(struct msc_assembler *a)
{
	struct msc_building *b = a->open;
	bool grounded = !a->n_flying && (b ? !b->wrapped || b->record->u.exchange.whole : a->bare);

	if (grounded && b)
		a->history.unclean = b->was_unclean;
	drop_open(a);
	a->bare = false;
	if (grounded)
		return;
	forget_flights(a);
	a->history.needs_reset = a->history.unclean = true;
}

/* What is known of the units stays; what they answered may not stand any more. */
static void lose(struct msc_assembler *a)
{
	drop_open(a);
	forget_flights(a);
	a->bare = false;
	msc_history_forget(&a->history);
	a->history.past.unknown = a->history.unclean = true;
}

static void set_device(struct msc_assembler *a, const struct msc_device *device)
{
	struct msc_snapshot *s = msc_snapshot_new(device);

	if (!s) {
		a->no_memory = true;
		return;
	}
	msc_snapshot_drop(a->device);
	a->device = s;
}

static void take_note(struct msc_assembler *a, const struct msc_note *n)
{
	switch (n->kind) {
	case MSC_NOTE_DEVICE: set_device(a, n->device); break;
	case MSC_NOTE_FRESH:
		finish_exchange(a);
		msc_history_forget(&a->history);
		set_newest(a, NULL);
		break;
	case MSC_NOTE_MUTE: a->muted = true; break;
	case MSC_NOTE_UNMUTE: a->muted = false; break;
	case MSC_NOTE_UNIT: a->history.unit[n->lun & MSC_LUN_MAX] = n->unit; break;
	case MSC_NOTE_BEGIN: begin_exchange(a, n); break;
	case MSC_NOTE_END:
		take_waiting(a, true);
		finish_exchange(a);
		break;
	case MSC_NOTE_ABANDON: abandon(a); break;
	case MSC_NOTE_BARE:
		finish_exchange(a);
		a->bare = true;
		break;
	case MSC_NOTE_LOST: lose(a); break;
	}
}

int msc_assemble_transfer(struct msc_assembler *a, const struct msc_transfer *t,
			  struct msc_err *err)
{
	(t->ended ? ended : takes_off)(a, t);
	return a->no_memory ? msc_nomem(err) : 0;
}

int msc_assemble(struct msc_assembler *a, const struct msc_log_entry *e, struct msc_err *err)
{
	if (e->what == MSC_ENTRY_TRANSFER)
		return msc_assemble_transfer(a, &e->u.transfer, err);
	take_note(a, &e->u.note);
	return a->no_memory ? msc_nomem(err) : 0;
}

int msc_assemble_end(struct msc_assembler *a, struct msc_err *err)
{
	take_waiting(a, true);
	finish_exchange(a);
	return a->no_memory ? msc_nomem(err) : 0;
}
