/* SPDX-License-Identifier: BSD-2-Clause */
/* The bus: a host controller that takes transactions from the queues of its endpoints in turn,
 * and what each costs in bit times. See bus.h for what is modelled.
 *
 * One transaction is under way or none is. It is decided when it begins (what the device
 * answers, how long it takes) and takes effect when it ends. As long as nothing else is due in
 * between, the loop in bus_run carries time forward by itself; packets that are alike pass in bursts.
 */
#include "sim/bus.h"

#include <stdlib.h>
#include <string.h>

#include "sim/burst.h"
#include "sim/host.h"
#include "sim/hub.h"

static void bus_run(void *arg);
static void device_ready(void *arg, uint8_t ep);

static unsigned index_of(uint8_t ep)
{
	unsigned n = ep & MSC_EP_NUMBER;

	return n && (ep & MSC_EP_IN) ? n + 15 : n;
}

struct bus *bus_new(struct sim *sim, struct udc *udc, enum msc_speed speed,
		    const struct bus_config *config)
{
	struct bus *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->sim = sim;
	b->attachments = 1;
	b->udc = udc;
	b->speed = speed;
	b->policy = host_policy(config);
	b->host_ns = config->host_ns;
	b->reset_ns = config->reset_ns ? config->reset_ns : 10 * MSC_MS;
	b->interrupt_ns = -b->policy.moderation_ns;
	b->costs = msc_wire_cost(speed);
	b->frame_ns = b->costs->frame_ns;
	b->first_ns = bytes_ns(b, b->costs->sof);
	/* Cut, not rounded: what is rounded up packet by packet must not miss it by a nanosecond. */
	b->last_ns = b->frame_ns - (int64_t)b->costs->end_bits * b->costs->bit_ps / 1000;
	b->wake_ns = MSC_NEVER;
	b->ep[0].max_packet = 64;
	if (config->hub && speed == MSC_SPEED_FULL && !(b->hub = hub_new(b, config))) {
		free(b);
		return NULL;
	}
	udc_attach(udc, device_ready, b);
	return b;
}

void bus_free(struct bus *b)
{
	if (b)
		hub_free(b->hub);
	free(b);
}

void bus_one_by_one(struct bus *b)
{
	b->one_by_one = true;
}

enum msc_speed bus_speed(const struct bus *b)
{
	return b->speed;
}

int64_t bus_frame_ns(const struct bus *b)
{
	return b->frame_ns;
}

bool bus_attached(const struct bus *b)
{
	return !b->detached;
}

/* ---- the schedule ------------------------------------------------------------------------- */

static void wake(struct bus *b, int64_t when_ns)
{
	if (when_ns < sim_now(b->sim))
		when_ns = sim_now(b->sim);
	if (b->now.active || when_ns >= b->wake_ns)
		return;
	b->wake_ns = when_ns;
	sim_at(b->sim, when_ns, bus_run, b);
}

/* The next endpoint in turn; -1: none is ready, and *when_ns is when one will be. */
static int choose(struct bus *b, int64_t *when_ns)
{
	uint32_t behind = b->pending & ~UINT32_C(0) << b->turn; /* the rest of this round */
	const uint32_t rounds[] = { behind, b->pending & ~behind };
	int64_t now = sim_now(b->sim);

	*when_ns = MSC_NEVER;
	for (unsigned k = 0; k < 2; k++) {
		for (uint32_t left = rounds[k]; left; left &= left - 1) {
			unsigned i = (unsigned)__builtin_ctz(left);
			const struct endpoint *e = &b->ep[i];

			if (e->parked)
				continue;
			if (e->poll_ns <= now) {
				b->turn = i + 1;
				return (int)i;
			}
			if (e->poll_ns < *when_ns)
				*when_ns = e->poll_ns;
		}
	}
	return -1;
}

/* Polls of parked endpoints share the wire with what is going on: one each per transaction. */
static int64_t shared_polls(struct bus *b, int64_t at_ns)
{
	int64_t nak_ns = bytes_ns(b, b->costs->handshake), spent = 0;

	for (uint32_t left = b->pending; left; left &= left - 1) {
		struct endpoint *e = &b->ep[__builtin_ctz(left)];

		if (!e->parked || e->poll_ns > at_ns)
			continue;
		e->head->naks++;
		if (b->tap) {
			b->polled[b->n_polled].index = (unsigned)(e - b->ep);
			b->polled[b->n_polled++].at_ns = at_ns + spent;
		}
		spent += nak_ns;
		e->poll_ns = at_ns + spent + b->policy.poll_gap_ns;
	}
	return spent;
}

static void finish(struct bus *b)
{
	transaction_finish(b);
	if (b->tap)
		tap_transaction(b);
}

static void end_transaction(void *arg)
{
	struct bus *b = arg;

	finish(b);
	bus_run(b);
}

static void bus_run(void *arg)
{
	struct bus *b = arg;

	if (b->wake_ns <= sim_now(b->sim))
		b->wake_ns = MSC_NEVER; /* this event, whatever comes of it */
	if (b->now.active || bus_stands(b))
		return;
	if (b->hub) {
		hub_run(b);
		return;
	}
	for (;;) {
		int64_t now = sim_now(b->sim), when, begin, end;
		int index = choose(b, &when);

		if (index < 0) {
			if (when != MSC_NEVER)
				wake(b, when);
			return;
		}
		if (burst(b, (unsigned)index))
			continue;
		end = transaction_plan(b, (unsigned)index);
		begin = bus_slot(b, now, end);
		if (begin > now && !sim_advance(b->sim, begin)) {
			b->turn = (unsigned)index;
			wake(b, begin);
			return;
		}
		if (begin > now)
			/* the device may have changed its mind */
			end = transaction_plan(b, (unsigned)index);
		if (!b->ep[index].head->began_ns)
			b->ep[index].head->began_ns = begin;
		bus_count(b, begin);
		end += begin;
		b->now.began_ns = begin;
		b->now.ended_ns = end;
		end += shared_polls(b, end);
		b->now.active = b->now.untold = true;
		if (!sim_advance(b->sim, end)) {
			sim_at(b->sim, end, end_transaction, b);
			return;
		}
		finish(b);
		if (b->held)
			return;
	}
}

/* ---- the two sides ------------------------------------------------------------------------ */

void bus_submit(struct bus *b, struct bus_transfer *t)
{
	struct endpoint *e = &b->ep[index_of(t->ep)];

	t->done = false;
	t->actual = 0;
	t->naks = t->packets = 0;
	t->began_ns = 0;
	t->next = NULL;
	t->number = ++b->submitted;
	if (b->detached || !e->max_packet) {
		t->outcome = BUS_GONE;
		t->ended_ns = t->seen_ns = sim_now(b->sim);
		transfer_complete(t);
		return;
	}
	if (e->tail)
		e->tail->next = t;
	else
		e->head = t;
	e->tail = t;
	b->pending |= UINT32_C(1) << index_of(t->ep);
	wake(b, sim_now(b->sim));
}

void bus_cancel(struct bus *b, struct bus_transfer *t)
{
	struct endpoint *e = &b->ep[index_of(t->ep)];
	struct bus_transfer **link = &e->head, *before = NULL;

	while (*link && *link != t) {
		before = *link;
		link = &(*link)->next;
	}
	if (!*link) { /* ended on the wire, only not yet seen */
		if (!t->done)
			sim_run(b->sim, &t->done, t->seen_ns);
		return;
	}
	if (link == &e->head) {
		if (b->hub)
			hub_drop(b->hub, index_of(t->ep));
		transfer_end(b, index_of(t->ep), BUS_CANCELLED);
		wake(b, sim_now(b->sim));
		return;
	}
	*link = t->next;
	if (e->tail == t)
		e->tail = before;
	t->next = NULL;
	t->outcome = BUS_CANCELLED;
	t->ended_ns = t->seen_ns = sim_now(b->sim);
	transfer_complete(t);
}

void bus_reset_toggle(struct bus *b, uint8_t ep)
{
	struct endpoint *e = &b->ep[index_of(ep)];

	e->toggle = false;
	e->ping = false;
	e->poll_ns = 0;
}

void bus_open_endpoint(struct bus *b, uint8_t ep, uint16_t max_packet)
{
	struct endpoint *e = &b->ep[index_of(ep)];

	e->max_packet = max_packet;
	if (index_of(ep))
		bus_reset_toggle(b, ep);
}

void bus_set_address(struct bus *b, uint8_t address)
{
	b->address = address;
}

static void end_all(struct bus *b, enum bus_outcome outcome)
{
	for (unsigned i = 0; i < ENDPOINTS; i++) {
		while (b->ep[i].head)
			transfer_end(b, i, outcome);
		b->ep[i].toggle = b->ep[i].ping = false;
		b->ep[i].poll_ns = 0;
	}
	if (b->hub)
		hub_reset(b->hub);
}

static void end_suspend(struct bus *b)
{
	b->suspended = false;
	if (b->told)
		udc_suspended(b->udc, false);
	b->told = false;
}

/* USB 2.0, 7.1.7.5: TRSTRCY. */
#define RECOVERY_NS (10 * MSC_MS)

void bus_port_reset(struct bus *b)
{
	static const bool never = false;

	if (b->detached)
		return;
	end_all(b, BUS_CANCELLED);
	b->suspended = b->told = false; /* and nobody tells the firmware of a resume */
	b->resetting = true;
	b->address = 0;
	udc_bus_reset(b->udc);
	sim_run(b->sim, &never, sim_now(b->sim) + b->reset_ns + RECOVERY_NS);
	b->resetting = false;
}

void bus_detach(struct bus *b)
{
	b->detached = true;
	b->held = false;
	end_all(b, BUS_GONE);
}

void bus_attach(struct bus *b)
{
	if (!b->detached)
		return;
	b->detached = b->suspended = b->told = false;
	b->attachments++;
	b->address = 0;
	for (unsigned i = 1; i < ENDPOINTS; i++)
		b->ep[i].max_packet = 0;
	b->ep[0].max_packet = 64;
}

unsigned bus_attachments(const struct bus *b)
{
	return b->attachments;
}

static void silence_noticed(void *arg)
{
	struct bus *b = arg;

	if (!b->suspended || sim_now(b->sim) != b->silent_ns || b->detached)
		return;
	b->told = true;
	udc_suspended(b->udc, true);
}

void bus_hold(struct bus *b)
{
	b->held = true;
}

void bus_suspend(struct bus *b)
{
	b->held = false;
	if (b->suspended || b->detached)
		return;
	b->suspended = true;
	b->silent_ns = sim_now(b->sim) + 3 * MSC_MS;
	sim_at(b->sim, b->silent_ns, silence_noticed, b);
}

static void resume_is_over(void *arg)
{
	struct bus *b = arg;

	if (!b->suspended || sim_now(b->sim) != b->resumed_ns)
		return;
	end_suspend(b);
	wake(b, sim_now(b->sim));
}

void bus_resume(struct bus *b)
{
	if (!b->suspended)
		return;
	b->resumed_ns = sim_now(b->sim) + 23 * MSC_MS;
	sim_at(b->sim, b->resumed_ns, resume_is_over, b);
}

static void device_ready(void *arg, uint8_t ep)
{
	struct bus *b = arg;
	struct endpoint *e = &b->ep[index_of(ep)];
	int64_t period = bytes_ns(b, b->costs->handshake) + b->policy.poll_gap_ns;
	int64_t now = sim_now(b->sim);

	if (!e->parked || e->parked_ep != ep)
		return;
	e->parked = false;
	if (now > e->poll_ns) {
		int64_t missed = (now - e->poll_ns + period - 1) / period;

		/* A refused OUT at full speed carries its data each time. */
		if (b->speed != MSC_SPEED_HIGH && !(ep & MSC_EP_IN)) {
			size_t left = e->stage == STAGE_STATUS ? 0 : e->head->len - e->head->actual;

			period +=
				bytes_ns(b, b->costs->data - b->costs->handshake +
						    (left < e->max_packet ? left : e->max_packet));
			missed = (now - e->poll_ns + period - 1) / period;
		}
		if (b->tap)
			tap_polls(b, index_of(ep), e->poll_ns, period, missed);
		e->head->naks += (uint64_t)missed;
		e->poll_ns += missed * period;
	}
	wake(b, e->poll_ns);
}
