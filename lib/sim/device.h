/* SPDX-License-Identifier: BSD-2-Clause */
/* A simulated device as the transport uses it: firmware on a microcontroller, plugged into a bus,
 * in virtual time. */
#ifndef MSC_SIM_DEVICE_H
#define MSC_SIM_DEVICE_H

#include "base/err.h"
#include "base/log.h"
#include "sim/bus.h"
#include "sim/event.h"
#include "sim/flash.h"
#include "sim/mcu.h"
#include "sim/mutant.h"

struct sim_device_config {
	const char *name;		   /* of the model, for messages */
	const struct mcu_vectors *vectors;
	const void *state;		   /* copied: the model's struct with its knobs set */
	size_t state_size;
	const struct mutant_ops *const *mutants; /* n_mutants of them, active in this order */
	size_t n_mutants;
	const struct sim_event *events; /* n_events of them: what happens to the device */
	size_t n_events;
	enum msc_speed speed;
	struct bus_config bus;
	bool one_by_one; /* as bus_one_by_one has it */
	uint64_t seed;
	int32_t drift_ppm; /* by how much the device's clock is slow against the bus's */
	int64_t poll_ns; /* the firmware's stack looks so often for what the bulk endpoints have, from
			    power-on on; 0: it is interrupted. Endpoint 0 interrupts always: an address has
			    to be taken within 2 ms (USB 2.0, 9.2.6.3) */
	struct sim_flash flash;
	const struct msc_log *log; /* of the debug port; may be NULL */
	bool allow_writes; /* false: files are opened read-only, and what the firmware writes to
			      them stays in memory */
	/* For tests: whether the firmware may write these blocks now. Where it may not, and no mutant
	 * has changed the command that it was given, the run ends. NULL: nobody watches. */
	bool (*watch)(void *watch_user, uint8_t slot, uint64_t lba, uint64_t blocks);
	void *watch_user;
};

struct sim_device;

/* Powers the device on and plugs it in. NULL: *err says why (a medium's file, memory). */
struct sim_device *sim_device_new(const struct sim_device_config *, struct msc_err *err);
void sim_device_free(struct sim_device *);

struct sim *sim_device_sim(struct sim_device *);
struct bus *sim_device_bus(struct sim_device *);

/* The model's own state; for tests. It moves when the power has been off. */
const void *sim_device_state(const struct sim_device *);

/* How the firmware has misused its peripheral since the last call, the first of such calls in words
 * ("ep_transmit: endpoint 0x81 is busy, and 2 more"), or of what it died; false: it has not. */
bool sim_device_remark(struct sim_device *, char *buf, size_t size, bool *died);
bool sim_device_is_masked(const struct sim_device *); /* an interrupt waits, for they are disabled */

/* Pulls the cable, or puts it in again, as SIM_UNPLUG and SIM_PLUG do: between two packets. */
void sim_device_unplug(struct sim_device *);
void sim_device_plug(struct sim_device *);

/* Share of virtual time in which the processor was not idle, 0 to 1, since the last call. */
double sim_device_cpu_load(struct sim_device *);

/* The scheduler's ticks come later from now on, by this share, 0 to 1, of the times between which the host's
 * software learns of nothing. Where it learns at once it follows the tick, which is nowhere then; nor is
 * anything done where there is no tick, or where the device's clock drifts by itself (drift_ppm). */
void sim_device_shift_tick(struct sim_device *, double share);

#endif
