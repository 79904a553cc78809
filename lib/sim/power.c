/* SPDX-License-Identifier: BSD-2-Clause */
/* What a microcontroller loses with its power, and has anew when it comes back. What lies in its
 * slots and what has been armed to happen to it stays. */
#include <stdlib.h>
#include <string.h>

#include "sim/internal.h"

static bool make(struct mcu *m)
{
	const struct sim_device_config *c = m->config;

	m->state = calloc(1, c->state_size ? c->state_size : 1);
	m->tasks = tasks_new(m);
	if (c->n_mutants)
		m->mutation = mutation_new(c->mutants, c->n_mutants);
	if (!m->state || !m->tasks || (c->n_mutants && !m->mutation))
		return false;
	if (c->state_size)
		memcpy(m->state, m->initial, c->state_size);
	return true;
}

void power_free(struct mcu *m)
{
	mutation_free(m->mutation);
	tasks_free(m->tasks);
	free(m->state);
	m->mutation = NULL;
	m->tasks = NULL;
	m->state = NULL;
}

bool power_start(struct mcu *m, struct msc_err *err)
{
	if (!make(m)) {
		msc_nomem(err);
		return false;
	}
	world_set_again(m);
	m->err = err;
	if (m->config->vectors->start)
		m->config->vectors->start(m);
	m->err = NULL;
	if (err->code == MSC_OK && sim_fault_text(m->sim))
		msc_fail(err, MSC_E_INTERNAL, "%s", sim_fault_text(m->sim));
	return err->code == MSC_OK;
}

void power_off(struct mcu *m)
{
	bus_detach(m->bus);
	m->off = false;
	mutation_power_off(m);
	m->off = true;
	sim_drop(m->sim, m);
	udc_power_off(m->udc);
	m->count = 0;
	m->disabled = 0;
	m->held = false;
	m->busy_until = 0;
	power_free(m);
	flush_power_off(m);
	sd_free(m->sd);
	m->sd = NULL;
	world_release_all(m);
}

void power_on(struct mcu *m)
{
	struct msc_err err = MSC_ERR_INIT;

	if (!m->off)
		return;
	world_command_ends(m);
	m->off = false;
	m->again = true;
	if (!power_start(m, &err))
		sim_fault(m->sim, "%s", err.msg);
	bus_attach(m->bus);
}

static void restart_ends(void *arg)
{
	power_on(arg);
}

static void restart_begins(void *arg)
{
	struct mcu *m = arg;

	power_off(m);
	sim_at(m->sim, m->restarts_ns, restart_ends, m);
}

void mutant_restart(struct mcu *m, int64_t away_ns)
{
	if (m->off)
		return;
	m->off = true;
	m->restarts_ns = sim_now(m->sim) + away_ns;
	bus_hold(m->bus);
	sim_at(m->sim, sim_now(m->sim), restart_begins, m);
}
