/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual time: a binary heap of events, ordered by time and then by the order of queueing. */
#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct event {
	int64_t when_ns;
	uint64_t seq;
	sim_fn *fn;
	void *arg;
	bool owned;
	const void *part; /* whose it is, when that can lose its power */
};

struct sim {
	struct msc_clock clock; /* first: the clock is the simulation */
	int64_t now;
	int64_t limit; /* of the present run: no event may carry time past it */
	const bool *flag;
	uint64_t seq;
	struct event *heap;
	size_t count, room;
	struct msc_rng rng;
	bool faulty;
	char fault[256];
};

static int64_t clock_now(struct msc_clock *c)
{
	return ((struct sim *)c)->now;
}

static void clock_wait_until(struct msc_clock *c, int64_t when_ns)
{
	static const bool never = false;

	sim_run((struct sim *)c, &never, when_ns);
}

static const struct msc_clock_ops clock_ops = {
	.name = "virtual",
	.now = clock_now,
	.wait_until = clock_wait_until,
};

struct sim *sim_new(uint64_t seed)
{
	struct sim *s = calloc(1, sizeof *s);

	if (s) {
		s->clock.ops = &clock_ops;
		s->rng.state = seed;
	}
	return s;
}

void sim_free(struct sim *s)
{
	for (size_t i = 0; s && i < s->count; i++)
		if (s->heap[i].owned)
			free(s->heap[i].arg);
	if (s)
		free(s->heap);
	free(s);
}

struct msc_clock *sim_clock(struct sim *s)
{
	return &s->clock;
}

int64_t sim_now(const struct sim *s)
{
	return s->now;
}

struct msc_rng *sim_rng(struct sim *s)
{
	return &s->rng;
}

static bool before(const struct event *a, const struct event *b)
{
	return a->when_ns != b->when_ns ? a->when_ns < b->when_ns : a->seq < b->seq;
}

static void push(struct sim *s, struct event e)
{
	size_t i;

	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 32;
		struct event *heap = realloc(s->heap, room * sizeof *heap);

		if (!heap) {
			sim_fault(s, "out of memory");
			if (e.owned)
				free(e.arg);
			return;
		}
		s->heap = heap;
		s->room = room;
	}
	if (e.when_ns < s->now)
		e.when_ns = s->now;
	e.seq = s->seq++;
	for (i = s->count++; i && before(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
}

void sim_at(struct sim *s, int64_t when_ns, sim_fn *fn, void *arg)
{
	push(s, (struct event){ .when_ns = when_ns, .fn = fn, .arg = arg });
}

void sim_at_owned(struct sim *s, int64_t when_ns, sim_fn *fn, void *arg)
{
	push(s, (struct event){ .when_ns = when_ns, .fn = fn, .arg = arg, .owned = true });
}

void sim_at_part(struct sim *s, int64_t when_ns, sim_fn *fn, void *arg, bool owned,
		 const void *part)
{
	push(s, (struct event){
			.when_ns = when_ns, .fn = fn, .arg = arg, .owned = owned, .part = part });
}

static struct event pop(struct sim *s)
{
	struct event first = s->heap[0], last = s->heap[--s->count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= s->count)
			break;
		if (child + 1 < s->count && before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!before(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	if (s->count)
		s->heap[i] = last;
	return first;
}

static int in_order(const void *a, const void *b)
{
	return before(a, b) ? -1 : 1;
}

void sim_drop(struct sim *s, const void *part)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (s->heap[i].part != part)
			s->heap[kept++] = s->heap[i];
		else if (s->heap[i].owned)
			free(s->heap[i].arg);
	}
	s->count = kept;
	if (kept)
		qsort(s->heap, kept, sizeof *s->heap, in_order); /* what is in order is a heap */
}

int64_t sim_next(const struct sim *s)
{
	return s->count ? s->heap[0].when_ns : MSC_NEVER;
}

int64_t sim_horizon(const struct sim *s)
{
	int64_t before_next = sim_next(s) - 1;

	if (s->faulty || (s->flag && *s->flag))
		return INT64_MIN;
	return before_next < s->limit ? before_next : s->limit;
}

bool sim_advance(struct sim *s, int64_t when_ns)
{
	if (when_ns > sim_horizon(s))
		return false;
	if (when_ns > s->now)
		s->now = when_ns;
	return true;
}

bool sim_run(struct sim *s, const bool *flag, int64_t deadline_ns)
{
	s->limit = deadline_ns;
	s->flag = flag;
	while (!*flag && !s->faulty && sim_next(s) <= deadline_ns) {
		struct event e = pop(s);

		s->now = e.when_ns;
		e.fn(e.arg);
		if (e.owned)
			free(e.arg);
	}
	s->flag = NULL;
	if (!*flag && !s->faulty && deadline_ns > s->now && deadline_ns != MSC_NEVER)
		s->now = deadline_ns;
	return *flag;
}

void sim_fault(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->faulty)
		return;
	s->faulty = true;
	va_start(ap, fmt);
	vsnprintf(s->fault, sizeof s->fault, fmt, ap);
	va_end(ap);
}

const char *sim_fault_text(const struct sim *s)
{
	return s->faulty ? s->fault : NULL;
}
