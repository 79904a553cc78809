/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side of a hub: see hub.h. As in bus.c one transaction is under way or none; it is decided when
 * it begins and takes effect when it ends. */
#include "sim/hub.h"

#include <stdlib.h>

#include "sim/neighbour.h"
#include "sim/translator.h"

enum { QUEUES = ENDPOINTS + BUS_NEIGHBOURS_MAX };

struct queue { /* of the host: of an endpoint of the device, and behind these of a bulk neighbour */
	struct translator *translator;
	bool started; /* a start-split was accepted, and its complete-split is due */
	int64_t poll_ns; /* of a neighbour; the device's are in struct endpoint */
};

struct hub {
	const struct msc_wire_cost *costs; /* of the host's wire */
	struct queue queue[QUEUES];
	unsigned queues;
	struct translator *translator[1 + BUS_NEIGHBOURS_MAX];
	unsigned translators;
	enum bus_neighbour neighbour;
	unsigned bytes;
	int64_t first_ns[MICROFRAMES]; /* of each, when it has had its SOF and the periodic splits */
	unsigned turn;
	int64_t wake_ns; /* the earliest queued wake event; MSC_NEVER: none */
	struct {
		bool active;
		unsigned queue;
		uint64_t transfer; /* whose it is, unless cancelled by then */
		const struct transaction *result; /* of a complete-split; NULL: none yet */
		int64_t ends_ns;
	} now;
};

static int64_t high_ns(const struct hub *h, uint64_t bytes, uint64_t stuffed_bits)
{
	return (int64_t)(((8 * bytes + stuffed_bits) * (uint64_t)h->costs->bit_ps + 999) / 1000);
}

static bool add_translator(struct hub *h, struct bus *b, int64_t periodic_ns)
{
	struct translator *t = translator_new(b, periodic_ns);

	if (t)
		h->translator[h->translators++] = t;
	return t;
}

struct hub *hub_new(struct bus *b, const struct bus_config *c)
{
	struct hub *h = calloc(1, sizeof *h);
	int64_t frame_ns = neighbours_frame_ns(c->neighbour, c->neighbours, c->neighbour_bytes);
	unsigned bulk = c->neighbour == BUS_BULK ? c->neighbours : 0;
	bool ok = h && add_translator(h, b, c->hub == BUS_HUB_TT ? frame_ns : 0);

	for (unsigned i = 0; ok && i < bulk && c->hub == BUS_HUB_TTS; i++)
		ok = add_translator(h, b, 0);
	if (!ok) {
		hub_free(h);
		return NULL;
	}
	h->costs = msc_wire_cost(MSC_SPEED_HIGH);
	h->neighbour = c->neighbour;
	h->bytes = c->neighbour_bytes;
	h->wake_ns = MSC_NEVER;
	h->queues = ENDPOINTS + bulk;
	for (unsigned i = 0; i < h->queues; i++)
		h->queue[i].translator =
			h->translator[i < ENDPOINTS || h->translators == 1 ? 0 : 1 + i - ENDPOINTS];
	neighbours_microframes(c->neighbour, c->neighbours, c->neighbour_bytes, h->first_ns);
	for (unsigned i = 0; i < MICROFRAMES; i++)
		h->first_ns[i] += high_ns(h, h->costs->sof, 0);
	return h;
}

void hub_free(struct hub *h)
{
	for (unsigned i = 0; h && i < h->translators; i++)
		translator_free(h->translator[i]);
	free(h);
}

void hub_drop(struct hub *h, unsigned index)
{
	h->queue[index].started = false;
	translator_drop(h->queue[index].translator, index);
}

void hub_reset(struct hub *h)
{
	h->now.active = false;
	for (unsigned i = 0; i < h->queues; i++) {
		h->queue[i].started = false;
		h->queue[i].poll_ns = 0;
	}
	for (unsigned i = 0; i < h->translators; i++)
		translator_reset(h->translator[i]);
}

/* ---- the schedule ------------------------------------------------------------------------- */

static int64_t slot(const struct hub *h, int64_t at, int64_t ns)
{
	int64_t micro_ns = h->costs->frame_ns, begin = at - at % micro_ns;
	int64_t first_ns = h->first_ns[begin / micro_ns % MICROFRAMES];

	if (at < begin + first_ns)
		at = begin + first_ns;
	if (at + ns > begin + micro_ns) {
		begin += micro_ns;
		at = begin + h->first_ns[begin / micro_ns % MICROFRAMES];
	}
	return at;
}

/* A bit for each that has something to ask. */
static uint64_t busy_queues(const struct bus *b)
{
	uint64_t neighbours = (UINT64_C(1) << b->hub->queues) - (UINT64_C(1) << ENDPOINTS);

	return b->pending | neighbours;
}

/* Not before this it is asked again. */
static int64_t *poll_of(struct bus *b, unsigned queue)
{
	struct queue *q = b->hub->queue;

	return queue < ENDPOINTS ? &b->ep[queue].poll_ns : &q[queue].poll_ns;
}

/* The next queue in turn; -1: none is due, and *when_ns is when one will be. */
static int choose(struct bus *b, int64_t *when_ns)
{
	uint64_t busy = busy_queues(b), behind = busy & ~UINT64_C(0) << b->hub->turn;
	const uint64_t rounds[] = { behind, busy & ~behind };
	int64_t now = sim_now(b->sim);

	*when_ns = MSC_NEVER;
	for (unsigned k = 0; k < 2; k++) {
		for (uint64_t left = rounds[k]; left; left &= left - 1) {
			unsigned q = (unsigned)__builtin_ctzll(left);

			if (*poll_of(b, q) <= now)
				return (int)q;
			if (*poll_of(b, q) < *when_ns)
				*when_ns = *poll_of(b, q);
		}
	}
	return -1;
}

/* A start-split of the device's next transaction, ns: with its data, when it goes to the device. */
static int64_t start_ns(const struct bus *b, unsigned queue)
{
	const struct hub *h = b->hub;
	struct transaction x;

	if (queue >= ENDPOINTS)
		return high_ns(h, h->costs->split + h->costs->handshake, 0);
	transaction_token(b, &x, queue);
	if (x.kind == KIND_IN)
		return high_ns(h, h->costs->split + h->costs->handshake, 0);
	if (x.kind == KIND_SETUP)
		return high_ns(h, h->costs->split + h->costs->setup, 0);
	return high_ns(h, h->costs->split + h->costs->data + x.len,
		       msc_stuffed_bits(x.data, x.len));
}

/* A complete-split that brings this; NULL: NYET. */
static int64_t complete_ns(const struct hub *h, unsigned queue, const struct transaction *x)
{
	unsigned bytes = h->costs->split + h->costs->handshake;
	unsigned with_data = h->costs->split + h->costs->data - h->costs->ack;

	if (!x || (x->reply != UDC_ACK && x->reply != UDC_NYET))
		return high_ns(h, bytes, 0);
	if (queue >= ENDPOINTS)
		return high_ns(h, with_data + h->bytes, 0);
	if (x->kind != KIND_IN)
		return high_ns(h, bytes, 0);
	return high_ns(h, with_data + x->len, msc_stuffed_bits(x->data, x->len));
}

/* Decides the next transaction of a queue; returns its duration, ns. */
static int64_t plan(struct bus *b, unsigned queue)
{
	struct hub *h = b->hub;
	const struct queue *q = &h->queue[queue];

	h->now.queue = queue;
	h->now.transfer = queue < ENDPOINTS ? b->ep[queue].head->number : 0;
	h->now.result = NULL;
	if (!q->started)
		return start_ns(b, queue);
	h->now.result = translator_result(q->translator, queue);
	return complete_ns(h, queue, h->now.result);
}

/* ---- what comes of it --------------------------------------------------------------------- */

static bool start(struct hub *h, unsigned queue)
{
	struct translator *t = h->queue[queue].translator;

	if (queue < ENDPOINTS)
		return translator_accept(t, queue);
	return translator_accept_other(t, queue, neighbour_ns(h->neighbour, h->bytes), !h->bytes);
}

static void finish(struct bus *b)
{
	struct hub *h = b->hub;
	unsigned queue = h->now.queue;
	struct queue *q = &h->queue[queue];
	struct bus_transfer *t = queue < ENDPOINTS ? b->ep[queue].head : NULL;
	const struct transaction *x = h->now.result;
	int64_t now = sim_now(b->sim), later = now + b->policy.poll_gap_ns;

	h->now.active = false;
	h->turn = queue + 1;
	if (queue < ENDPOINTS && (!t || t->number != h->now.transfer))
		return; /* cancelled while it was on the wire */
	*poll_of(b, queue) = later;
	if (!q->started) {
		q->started = start(h, queue);
		return;
	}
	if (!x)
		return;
	q->started = false;
	if (x->reply == UDC_NAK) {
		if (t)
			t->naks++;
	} else {
		*poll_of(b, queue) = now;
		if (t)
			transaction_reach_host(b, x);
	}
	translator_take(q->translator, queue);
}

static void end_transaction(void *arg)
{
	struct bus *b = arg;

	if (!b->hub->now.active || sim_now(b->sim) != b->hub->now.ends_ns)
		return; /* the cable was pulled meanwhile */
	finish(b);
	hub_run(b);
}

static void wake(void *arg)
{
	struct bus *b = arg;

	b->hub->wake_ns = MSC_NEVER;
	hub_run(b);
}

static void wake_at(struct bus *b, int64_t when_ns)
{
	if (when_ns >= b->hub->wake_ns)
		return;
	b->hub->wake_ns = when_ns;
	sim_at(b->sim, when_ns, wake, b);
}

/* false: it ends later, by an event. */
static bool move(struct bus *b, int64_t ns)
{
	struct hub *h = b->hub;
	struct bus_transfer *t = h->now.queue < ENDPOINTS ? b->ep[h->now.queue].head : NULL;

	if (t && !t->began_ns)
		t->began_ns = sim_now(b->sim);
	h->now.active = true;
	h->now.ends_ns = sim_now(b->sim) + ns;
	if (!sim_advance(b->sim, h->now.ends_ns)) {
		sim_at(b->sim, h->now.ends_ns, end_transaction, b);
		return false;
	}
	finish(b);
	return true;
}

/* Complete-splits of the only queue, which the translator answers with NYET: all those pass at once that
 * nobody can tell from one after the other. The planned one is such a one, and begins now. */
static bool ask_in_vain(struct bus *b, int64_t ns)
{
	const struct hub *h = b->hub;
	int64_t now = sim_now(b->sim), each = ns + b->policy.poll_gap_ns;
	int64_t last_ns = now - now % h->costs->frame_ns + h->costs->frame_ns;

	if (b->one_by_one || !h->queue[h->now.queue].started || h->now.result ||
	    busy_queues(b) != UINT64_C(1) << h->now.queue)
		return false;
	if (sim_horizon(b->sim) < last_ns)
		last_ns = sim_horizon(b->sim);
	if (now + ns > last_ns)
		return false;
	now += (last_ns - ns - now) / each * each; /* the last of them begins */
	*poll_of(b, h->now.queue) = now + each;
	return sim_advance(b->sim, now + ns);
}

void hub_run(struct bus *b)
{
	struct hub *h = b->hub;

	if (h->now.active || bus_stands(b))
		return;
	for (unsigned i = 0; i < h->translators; i++)
		translator_go(h->translator[i]);
	while (b->pending && !bus_stands(b)) {
		int64_t now = sim_now(b->sim), when, ns, begin;
		int queue = choose(b, &when);

		if (queue < 0) {
			if (when != MSC_NEVER)
				wake_at(b, when);
			return;
		}
		h->turn = (unsigned)queue;
		ns = plan(b, (unsigned)queue);
		begin = slot(h, now, ns);
		if (begin > now) {
			if (!sim_advance(b->sim, begin)) {
				wake_at(b, begin);
				return;
			}
		} else if (!ask_in_vain(b, ns) && !move(b, ns)) {
			return;
		}
	}
}
