/* SPDX-License-Identifier: BSD-2-Clause */
/* The transaction translator of a hub: see translator.h. */
#include "sim/translator.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFERS = 2, TRIES = 3 };

struct buffer {
	enum { EMPTY, WAITING, RUNNING, DONE } state;
	unsigned queue;
	uint64_t number; /* of those that were accepted */
	bool dropped;	 /* nobody will ask for it */
	int64_t ns;	 /* of somebody else's transaction */
	struct transaction result; /* of the device's; of somebody else's the reply */
};

struct translator {
	struct bus *bus;
	int64_t first_ns; /* of a frame: when it has had its SOF and its periodic transactions */
	struct buffer buffer[BUFFERS];
	uint64_t accepted;
	struct buffer *running; /* or NULL */
	int64_t ends_ns;
	int64_t wake_ns; /* the newest time at which it wants to look again; MSC_NEVER: none */
};

struct translator *translator_new(struct bus *b, int64_t periodic_ns)
{
	struct translator *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->bus = b;
	t->first_ns = b->first_ns + periodic_ns;
	t->wake_ns = MSC_NEVER;
	return t;
}

void translator_free(struct translator *t)
{
	free(t);
}

/* ---- the wire ----------------------------------------------------------------------------- */

/* The first instant at or after `at` at which a transaction of so long may begin. */
static int64_t slot(const struct translator *t, int64_t at, int64_t ns)
{
	const struct bus *b = t->bus;
	int64_t frame = at - (at + b->frame_ns - TRANSLATOR_LAG_NS) % b->frame_ns;

	if (at < frame + t->first_ns)
		at = frame + t->first_ns;
	if (at + ns > frame + b->last_ns)
		at = frame + b->frame_ns + t->first_ns;
	return at;
}

static struct buffer *oldest_waiting(struct translator *t)
{
	struct buffer *found = NULL;

	for (unsigned i = 0; i < BUFFERS; i++) {
		struct buffer *b = &t->buffer[i];

		if (b->state == WAITING && (!found || b->number < found->number))
			found = b;
	}
	return found;
}

/* Decides what happens in the transaction that a buffer asks for; returns how long that takes, ns. */
static int64_t plan(struct translator *t, const struct buffer *f)
{
	struct transaction *x = &t->bus->now;
	int64_t ns;

	if (f->queue >= ENDPOINTS)
		return f->ns;
	ns = transaction_plan(t->bus, f->queue);
	if (x->reply == UDC_SILENT)
		return TRIES * ns;
	if (x->len > sizeof x->in) /* of a descriptor that no full-speed endpoint can have */
		x->len = sizeof x->in;
	if (x->kind == KIND_OUT && x->len) { /* the hub has had it since the start-split */
		memcpy(x->in, x->data, x->len);
		x->data = x->in;
	}
	return ns;
}

static void done(struct translator *t, struct buffer *f)
{
	struct bus *b = t->bus;

	if (f->queue < ENDPOINTS) {
		if (b->now.reply == UDC_ACK || b->now.reply == UDC_NYET)
			transaction_reach_device(b);
		if (b->tap)
			tap_transaction(b);
		if (b->now.reply == UDC_SILENT)
			b->now.reply = UDC_STALL;
		f->result = b->now;
		f->result.data = f->result.in;
	}
	f->state = f->dropped ? EMPTY : DONE;
}

static void end(void *arg)
{
	struct translator *t = arg;
	struct buffer *f = t->running;

	if (!f || sim_now(t->bus->sim) != t->ends_ns)
		return;
	t->running = NULL;
	done(t, f);
	translator_go(t);
}

static void look_again(void *arg)
{
	struct translator *t = arg;

	t->wake_ns = MSC_NEVER;
	translator_go(t);
}

void translator_go(struct translator *t)
{
	struct bus *b = t->bus;
	struct buffer *f = oldest_waiting(t);
	int64_t now = sim_now(b->sim), ns, begin;

	if (!f || t->running || bus_stands(b))
		return;
	ns = plan(t, f);
	begin = slot(t, now, ns);
	if (begin > now) { /* the device may change its mind until then */
		if (begin != t->wake_ns)
			sim_at(b->sim, begin, look_again, t);
		t->wake_ns = begin;
		return;
	}
	f->state = RUNNING;
	t->running = f;
	t->ends_ns = now + ns;
	if (f->queue < ENDPOINTS) {
		b->now.began_ns = now;
		b->now.ended_ns = t->ends_ns;
	}
	sim_at(b->sim, t->ends_ns, end, t);
}

/* ---- the host's side ---------------------------------------------------------------------- */

static struct buffer *find(const struct translator *t, unsigned queue)
{
	for (unsigned i = 0; i < BUFFERS; i++) {
		const struct buffer *f = &t->buffer[i];

		if (f->state != EMPTY && f->queue == queue && !f->dropped)
			return (struct buffer *)f;
	}
	return NULL;
}

static struct buffer *fill(struct translator *t, unsigned queue)
{
	for (unsigned i = 0; i < BUFFERS; i++) {
		struct buffer *f = &t->buffer[i];

		if (f->state != EMPTY)
			continue;
		f->state = WAITING;
		f->queue = queue;
		f->number = ++t->accepted;
		f->dropped = false;
		return f;
	}
	return NULL;
}

bool translator_accept(struct translator *t, unsigned index)
{
	if (!fill(t, index))
		return false;
	translator_go(t);
	return true;
}

bool translator_accept_other(struct translator *t, unsigned queue, int64_t ns, bool refused)
{
	struct buffer *f = fill(t, queue);

	if (!f)
		return false;
	f->ns = ns;
	f->result.reply = refused ? UDC_NAK : UDC_ACK;
	translator_go(t);
	return true;
}

const struct transaction *translator_result(const struct translator *t, unsigned queue)
{
	const struct buffer *f = find(t, queue);

	return f && f->state == DONE ? &f->result : NULL;
}

void translator_take(struct translator *t, unsigned queue)
{
	find(t, queue)->state = EMPTY;
}

void translator_reset(struct translator *t)
{
	t->running = NULL;
	for (unsigned i = 0; i < BUFFERS; i++)
		t->buffer[i].state = EMPTY;
}

void translator_drop(struct translator *t, unsigned queue)
{
	struct buffer *f = find(t, queue);

	if (!f)
		return;
	if (f->state == RUNNING)
		f->dropped = true;
	else
		f->state = EMPTY;
}
