/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the parts of a simulated device together: see device.h. */
#include <stdlib.h>
#include <string.h>

#include "sim/internal.h"

struct sim_device {
	struct sim_device_config config;
	struct sim *sim;
	struct bus *bus;
	struct mcu mcu;
	int64_t load_asked_ns;
};

struct sim_device *sim_device_new(const struct sim_device_config *config, struct msc_err *err)
{
	struct sim_device *d = calloc(1, sizeof *d);
	struct mcu *m;

	if (!d) {
		msc_nomem(err);
		return NULL;
	}
	d->config = *config;
	m = &d->mcu;
	m->config = &d->config;
	m->sim = d->sim = sim_new(config->seed);
	m->state = calloc(1, config->state_size ? config->state_size : 1);
	m->udc = udc_new(m);
	m->tasks = tasks_new(m);
	if (config->n_mutants)
		m->mutation = mutation_new(config->mutants, config->n_mutants);
	if (d->sim && m->udc)
		d->bus = bus_new(d->sim, m->udc, config->speed, config->host, config->host_ns);
	if (!d->bus || !m->state || !m->tasks || (config->n_mutants && !m->mutation)) {
		msc_nomem(err);
		goto fail;
	}
	if (config->state_size)
		memcpy(m->state, config->state, config->state_size);
	udc_attach(m->udc, d->bus);

	m->err = err;
	if (config->vectors->start)
		config->vectors->start(m);
	m->err = NULL;
	if (sim_fault_text(d->sim))
		msc_fail(err, MSC_E_INTERNAL, "%s", sim_fault_text(d->sim));
	if (err->code != MSC_OK)
		goto fail;
	return d;
fail:
	sim_device_free(d);
	return NULL;
}

void sim_device_free(struct sim_device *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < MCU_SLOTS; i++)
		card_free(d->mcu.card[i]);
	sd_free(d->mcu.sd);
	mutation_free(d->mcu.mutation);
	tasks_free(d->mcu.tasks);
	udc_free(d->mcu.udc);
	free(d->mcu.state);
	free(d->mcu.queue);
	bus_free(d->bus);
	sim_free(d->sim);
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

double sim_device_cpu_load(struct sim_device *d)
{
	int64_t elapsed = sim_now(d->sim) - d->load_asked_ns;
	double load = elapsed > 0 ? (double)d->mcu.busy_ns / (double)elapsed : 0;

	d->mcu.busy_ns = 0;
	d->load_asked_ns = sim_now(d->sim);
	return load < 1 ? load : 1; /* a handler that has begun is counted to its end */
}
