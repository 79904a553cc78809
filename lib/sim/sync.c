/* SPDX-License-Identifier: BSD-2-Clause */
/* Semaphores and queues: what tasks wait for, and tasks and interrupts give. One task may wait for
 * each. */
#include <string.h>

#include "sim/internal.h"

struct sema {
	bool given;
	struct task *waiter;
};

/* A ring of `count` items, `first` the oldest. */
struct queue {
	struct sema *filled;
	size_t item_size, room, first, count;
	uint8_t items[];
};

struct sema *sema_new(struct mcu *m)
{
	return tasks_alloc(m->tasks, sizeof(struct sema));
}

void sema_take(struct mcu *m, struct sema *sema)
{
	struct task *t = tasks_running(m, "sema_take");

	if (!t)
		return;
	if (!sema->given) {
		sema->waiter = t;
		tasks_block(t);
	}
	sema->given = false;
}

bool sema_try(struct sema *sema)
{
	bool given = sema->given;

	sema->given = false;
	return given;
}

static void give(struct sema *sema, bool from_irq)
{
	struct task *t = sema->waiter;

	sema->given = true;
	sema->waiter = NULL;
	if (t)
		tasks_wake(t, from_irq);
}

static void give_from_irq(void *sema)
{
	give(sema, true);
}

void sema_give(struct mcu *m, struct sema *sema)
{
	if (m->in_irq)
		mcu_effect(m, give_from_irq, sema);
	else
		give(sema, false);
}

struct queue *queue_new(struct mcu *m, size_t items, size_t item_size)
{
	struct queue *q = tasks_alloc(m->tasks, sizeof *q + items * item_size);

	if (!q)
		return NULL;
	q->room = items;
	q->item_size = item_size;
	q->filled = sema_new(m);
	return q;
}

bool queue_send(struct mcu *m, struct queue *q, const void *item)
{
	if (q->count == q->room)
		return false;
	memcpy(q->items + (q->first + q->count++) % q->room * q->item_size, item, q->item_size);
	sema_give(m, q->filled);
	return true;
}

void queue_receive(struct mcu *m, struct queue *q, void *item)
{
	while (q->count == 0) {
		sema_take(m, q->filled);
		if (!tasks_inside(m->tasks)) /* misuse: the run is over */
			return;
	}
	memcpy(item, q->items + q->first * q->item_size, q->item_size);
	q->first = (q->first + 1) % q->room;
	q->count--;
}
