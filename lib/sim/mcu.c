/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor: interrupts are served one at a time and in order; while a handler's cursor lies
 * in the future the processor is busy, whoever waits. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/internal.h"

/* Entering and leaving a handler, and the few dozen instructions in it that no model spells out;
 * a Cortex-M takes 12 cycles to enter one, and some 50 MHz is assumed. */
#define IRQ_ENTRY_NS (1 * MSC_US)

static void serve(void *arg);

void mcu_at(struct mcu *m, int64_t when_ns, sim_fn *fn, void *arg)
{
	sim_at_part(m->sim, when_ns, fn, arg, false, m);
}

void mcu_raise(struct mcu *m, const struct irq *irq)
{
	if (m->off)
		return;
	if (m->count == m->room) {
		size_t room = m->room ? 2 * m->room : 16;
		struct irq *queue = malloc(room * sizeof *queue);

		if (!queue) {
			sim_fault(m->sim, "out of memory");
			return;
		}
		for (size_t i = 0; i < m->count; i++)
			queue[i] = m->queue[(m->first + i) % m->room];
		free(m->queue);
		m->queue = queue;
		m->room = room;
		m->first = 0;
	}
	m->queue[(m->first + m->count++) % m->room] = *irq;
	if (m->count == 1)
		mcu_at(m, m->busy_until, serve, m);
}

struct seen {
	struct mcu *mcu;
	struct irq irq;
};

static void look(void *arg)
{
	struct seen *s = arg;

	mcu_raise(s->mcu, &s->irq);
}

static void raise_at(struct mcu *m, int64_t when_ns, const struct irq *irq)
{
	struct seen *s;

	if (m->off)
		return;
	s = malloc(sizeof *s);
	if (!s) {
		sim_fault(m->sim, "out of memory");
		return;
	}
	*s = (struct seen){ .mcu = m, .irq = *irq };
	sim_at_part(m->sim, when_ns, look, s, true, m);
}

void mcu_raise_polled(struct mcu *m, const struct irq *irq)
{
	int64_t period = mcu_scale(m, m->config->poll_ns), now = sim_now(m->sim);

	if (!period || now % period == 0)
		mcu_raise(m, irq);
	else
		raise_at(m, (now / period + 1) * period, irq);
}

void mcu_raise_later(struct mcu *m, int64_t ns, const struct irq *irq)
{
	raise_at(m, mcu_now(m) + mcu_scale(m, ns), irq);
}

static void card_irq(struct mcu *m, const struct irq *i)
{
	if (m->config->vectors->card)
		m->config->vectors->card(m, i->slot, i->present);
}

void mcu_raise_card(struct mcu *m, uint8_t slot, bool present)
{
	mcu_raise(m, &(struct irq){ .fn = card_irq, .slot = slot, .present = present });
}

static void eject_irq(struct mcu *m, const struct irq *i)
{
	if (m->config->vectors->eject)
		m->config->vectors->eject(m, i->slot);
}

void mcu_raise_eject(struct mcu *m, uint8_t slot)
{
	mcu_raise(m, &(struct irq){ .fn = eject_irq, .slot = slot });
}

/* Runs the first handler in the queue now, and calls itself again when the processor is free. */
static void serve(void *arg)
{
	struct mcu *m = arg;
	struct irq irq = m->queue[m->first];
	int64_t began = sim_now(m->sim);

	if (m->disabled) {
		m->held = true;
		return;
	}
	tasks_pause(m->tasks);
	m->in_irq = true;
	m->cursor = began + IRQ_ENTRY_NS;
	irq.fn(m, &irq);
	m->in_irq = false;
	m->busy_until = m->cursor;
	m->busy_ns += m->cursor - began;
	m->first = (m->first + 1) % m->room;
	if (--m->count)
		mcu_at(m, m->busy_until, serve, m);
	tasks_resume(m->tasks);
}

void mcu_irq_disable(struct mcu *m)
{
	m->disabled += !m->in_irq;
}

void mcu_irq_enable(struct mcu *m)
{
	if (!m->in_irq && m->disabled)
		mcu_irq_resume(m, m->disabled - 1);
}

unsigned mcu_irq_open(struct mcu *m)
{
	unsigned disabled = m->disabled;

	mcu_irq_resume(m, 0);
	return disabled;
}

void mcu_irq_resume(struct mcu *m, unsigned disabled)
{
	m->disabled = disabled;
	if (disabled || !m->held)
		return;
	m->held = false;
	mcu_at(m, sim_now(m->sim), serve, m);
}

bool mcu_irq_is_held(const struct mcu *m)
{
	return m->held;
}

void *mcu_state(struct mcu *m)
{
	return m->state;
}

enum msc_speed mcu_speed(struct mcu *m)
{
	return m->config->speed;
}

int64_t mcu_now(struct mcu *m)
{
	return m->in_irq ? m->cursor : sim_now(m->sim);
}

int64_t mcu_scale(const struct mcu *m, int64_t ns)
{
	return m->config->drift_ppm ? ns + ns / 1000 * m->config->drift_ppm / 1000 : ns;
}

void mcu_spin(struct mcu *m, int64_t ns)
{
	if (m->in_irq)
		m->cursor += mcu_scale(m, ns);
	else if (tasks_inside(m->tasks))
		tasks_spin(m->tasks, mcu_scale(m, ns));
}

uint32_t mcu_random(struct mcu *m)
{
	return (uint32_t)(msc_rng_next(sim_rng(m->sim)) >> 32);
}

void mcu_effect(struct mcu *m, sim_fn *fn, void *arg)
{
	if (m->in_irq && m->cursor > sim_now(m->sim))
		mcu_at(m, m->cursor, fn, arg);
	else
		fn(arg);
}

void mcu_effect_owned(struct mcu *m, sim_fn *fn, void *arg)
{
	int64_t when = m->in_irq ? m->cursor : sim_now(m->sim);

	if (when > sim_now(m->sim)) {
		sim_at_part(m->sim, when, fn, arg, true, m);
	} else {
		fn(arg);
		free(arg);
	}
}

void mcu_print(struct mcu *m, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	msc_log(m->config->log, MSC_LOG_INFO, "firmware", mcu_now(m), "%s", text);
}

struct timer {
	struct mcu *mcu;
	struct irq irq;
};

static void timer_irq(struct mcu *m, const struct irq *i)
{
	i->timer(m, i->arg);
}

static void timer_expires(void *arg)
{
	struct timer *t = arg;

	mcu_raise(t->mcu, &t->irq);
}

void mcu_timer(struct mcu *m, int64_t ns, void (*fn)(struct mcu *, void *), void *arg)
{
	struct timer *t = malloc(sizeof *t);

	if (!t) {
		sim_fault(m->sim, "out of memory");
		return;
	}
	t->mcu = m;
	t->irq = (struct irq){ .fn = timer_irq, .timer = fn, .arg = arg };
	sim_at_part(m->sim, mcu_now(m) + mcu_scale(m, ns), timer_expires, t, true, m);
}

void mcu_remark(struct mcu *m, const char *fmt, ...)
{
	va_list ap;

	if (m->remarks++)
		return;
	va_start(ap, fmt);
	vsnprintf(m->remark, sizeof m->remark, fmt, ap);
	va_end(ap);
}

void mcu_died(struct mcu *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->death, sizeof m->death, fmt, ap);
	va_end(ap);
	sim_drop(m->sim, m);
	tasks_halt(m->tasks);
	m->disabled = 0;
	m->held = false;
	if (m->in_irq)
		m->cursor = sim_now(m->sim);
	else if (m->count)
		mcu_at(m, sim_now(m->sim), serve, m);
}

void mcu_restart(struct mcu *m)
{
	tasks_end(m->tasks);
}

void mcu_misuse(struct mcu *m, const char *fmt, ...)
{
	char text[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	sim_fault(m->sim, "the firmware model '%s' misused its hardware: %s", m->config->name,
		  text);
}
