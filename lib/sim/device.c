/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the parts of a simulated device together: see device.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/host.h"
#include "sim/internal.h"

struct sim_device {
	struct sim_device_config config;
	struct sim *sim;
	struct bus *bus;
	struct mcu mcu;
	int64_t load_asked_ns;
};

static bool make_parts(struct sim_device *d)
{
	const struct sim_device_config *c = &d->config;
	struct mcu *m = &d->mcu;

	m->initial = malloc(c->state_size ? c->state_size : 1);
	m->sim = d->sim = sim_new(c->seed);
	m->udc = udc_new(m, &udc_irqs);
	if (d->sim && m->udc)
		m->bus = d->bus = bus_new(d->sim, m->udc, c->speed, &c->bus);
	if (d->bus && c->one_by_one)
		bus_one_by_one(d->bus);
	if (!m->initial || !d->bus || (c->n_events && !events_new(m)))
		return false;
	if (c->state_size)
		memcpy(m->initial, c->state, c->state_size);
	return true;
}

static bool begin(struct mcu *m, struct msc_err *err)
{
	bool ok;

	if (!power_start(m, err))
		return false;
	m->err = err;
	ok = events_begin(m);
	m->err = NULL;
	return ok;
}

struct sim_device *sim_device_new(const struct sim_device_config *config, struct msc_err *err)
{
	struct sim_device *d = calloc(1, sizeof *d);

	if (!d) {
		msc_nomem(err);
		return NULL;
	}
	d->config = *config;
	d->mcu.config = &d->config;
	if (!make_parts(d))
		msc_nomem(err);
	else if (begin(&d->mcu, err))
		return d;
	sim_device_free(d);
	return NULL;
}

void sim_device_free(struct sim_device *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < MCU_SLOTS; i++)
		card_free(d->mcu.card[i]);
	events_free(&d->mcu);
	sd_free(d->mcu.sd);
	power_free(&d->mcu);
	udc_free(d->mcu.udc);
	free(d->mcu.queue);
	bus_free(d->bus);
	sim_free(d->sim);
	free(d->mcu.initial);
	free(d);
}

struct sim *sim_device_sim(struct sim_device *d)
{
	return d->sim;
}

struct bus *sim_device_bus(struct sim_device *d)
{
	return d->bus;
}

const void *sim_device_state(const struct sim_device *d)
{
	return d->mcu.state;
}

void sim_device_unplug(struct sim_device *d)
{
	if (!d->mcu.off)
		power_off(&d->mcu);
}

void sim_device_plug(struct sim_device *d)
{
	power_on(&d->mcu);
}

bool sim_device_is_masked(const struct sim_device *d)
{
	return mcu_irq_is_held(&d->mcu);
}

bool sim_device_remark(struct sim_device *d, char *buf, size_t size, bool *died)
{
	struct mcu *m = &d->mcu;

	*died = *m->death;
	if (*died) {
		snprintf(buf, size, "%s", m->death);
		*m->death = '\0';
		m->remarks = 0;
		return true;
	}
	if (!m->remarks)
		return false;
	if (m->remarks > 1)
		snprintf(buf, size, "%s, and %u more", m->remark, m->remarks - 1);
	else
		snprintf(buf, size, "%s", m->remark);
	m->remarks = 0;
	return true;
}

void sim_device_shift_tick(struct sim_device *d, double share)
{
	if (d->mcu.tasks && !d->config.drift_ppm)
		tasks_shift_tick(
			d->mcu.tasks,
			(int64_t)(share * (double)host_policy(&d->config.bus).seen_grid_ns));
}

double sim_device_cpu_load(struct sim_device *d)
{
	int64_t elapsed = sim_now(d->sim) - d->load_asked_ns;
	double load = elapsed > 0 ? (double)d->mcu.busy_ns / (double)elapsed : 0;

	d->mcu.busy_ns = 0;
	d->load_asked_ns = sim_now(d->sim);
	return load < 1 ? load : 1; /* a handler that has begun is counted to its end */
}
