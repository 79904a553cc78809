/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the parts of a simulated device together: see device.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/internal.h"

struct sim_device {
	struct sim_device_config config;
	struct sim *sim;
	struct bus *bus;
	struct mcu mcu;
	void *initial; /* the model's state with its knobs set, for each power-on */
	int64_t load_asked_ns;
};

/* Everything of the microcontroller that has lost its power, anew. */
static bool make_mcu(struct sim_device *d)
{
	struct mcu *m = &d->mcu;

	m->state = calloc(1, d->config.state_size ? d->config.state_size : 1);
	m->tasks = tasks_new(m);
	if (d->config.n_mutants)
		m->mutation = mutation_new(d->config.mutants, d->config.n_mutants);
	if (!m->state || !m->tasks || (d->config.n_mutants && !m->mutation))
		return false;
	if (d->config.state_size)
		memcpy(m->state, d->initial, d->config.state_size);
	return true;
}

static void free_mcu(struct mcu *m)
{
	mutation_free(m->mutation);
	tasks_free(m->tasks);
	free(m->state);
	m->mutation = NULL;
	m->tasks = NULL;
	m->state = NULL;
}

static bool make_parts(struct sim_device *d)
{
	const struct sim_device_config *c = &d->config;
	struct mcu *m = &d->mcu;

	d->initial = malloc(c->state_size ? c->state_size : 1);
	m->sim = d->sim = sim_new(c->seed);
	m->udc = udc_new(m);
	if (d->sim && m->udc)
		m->bus = d->bus = bus_new(d->sim, m->udc, c->speed, c->host, c->host_ns);
	if (c->n_events)
		m->world = world_new(m, c->events, c->n_events);
	if (!d->initial || !d->bus || (c->n_events && !m->world))
		return false;
	if (c->state_size)
		memcpy(d->initial, c->state, c->state_size);
	udc_attach(m->udc, d->bus);
	return make_mcu(d);
}

static void run_start(struct sim_device *d, struct msc_err *err)
{
	struct mcu *m = &d->mcu;

	m->err = err;
	if (d->config.vectors->start)
		d->config.vectors->start(m);
	if (err->code == MSC_OK && !m->again)
		(void)world_begin(m); /* *err says so when it fails */
	m->err = NULL;
	if (err->code == MSC_OK && sim_fault_text(d->sim))
		msc_fail(err, MSC_E_INTERNAL, "%s", sim_fault_text(d->sim));
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
	d->mcu.device = d;
	if (!make_parts(d))
		msc_nomem(err);
	else
		run_start(d, err);
	if (err->code == MSC_OK)
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
	world_free(d->mcu.world);
	sd_free(d->mcu.sd);
	free_mcu(&d->mcu);
	udc_free(d->mcu.udc);
	free(d->mcu.queue);
	bus_free(d->bus);
	sim_free(d->sim);
	free(d->initial);
	free(d);
}

void device_power_off(struct mcu *m)
{
	m->off = true;
	sim_drop(m->sim, m);
	udc_power_off(m->udc);
	m->count = 0;
	m->busy_until = 0;
	free_mcu(m);
	sd_free(m->sd);
	m->sd = NULL;
	world_release_all(m);
}

void device_power_on(struct mcu *m)
{
	struct msc_err err = MSC_ERR_INIT;

	m->again = true;
	m->off = false;
	if (!make_mcu(m->device)) {
		msc_nomem(&err);
	} else {
		world_set_again(m);
		run_start(m->device, &err);
	}
	if (err.code != MSC_OK)
		sim_fault(m->sim, "%s", err.msg);
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

bool sim_device_remark(struct sim_device *d, char *buf, size_t size)
{
	struct mcu *m = &d->mcu;

	if (!m->remarks)
		return false;
	if (m->remarks > 1)
		snprintf(buf, size, "%s, and %u more", m->remark, m->remarks - 1);
	else
		snprintf(buf, size, "%s", m->remark);
	m->remarks = 0;
	return true;
}

double sim_device_cpu_load(struct sim_device *d)
{
	int64_t elapsed = sim_now(d->sim) - d->load_asked_ns;
	double load = elapsed > 0 ? (double)d->mcu.busy_ns / (double)elapsed : 0;

	d->mcu.busy_ns = 0;
	d->load_asked_ns = sim_now(d->sim);
	return load < 1 ? load : 1; /* a handler that has begun is counted to its end */
}
