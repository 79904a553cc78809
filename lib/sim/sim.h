/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual time. The clock is the event queue: time moves only from one event to the next, nothing
 * sleeps, and two events of one nanosecond run in the order in which they were queued. The same
 * run gives the same bytes twice. */
#ifndef MSC_SIM_SIM_H
#define MSC_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"

struct sim;
typedef void sim_fn(void *arg);

struct sim *sim_new(uint64_t seed); /* NULL: out of memory */
void sim_free(struct sim *);

struct msc_clock *sim_clock(struct sim *); /* borrowed; waiting on it runs events */
int64_t sim_now(const struct sim *);
struct msc_rng *sim_rng(struct sim *);

/* Calls fn(arg) at when_ns, or at once after the current event when that is past. */
void sim_at(struct sim *, int64_t when_ns, sim_fn *fn, void *arg);

/* The same with an arg from malloc, which the simulation frees after the call, or without it when
 * the run ends before. */
void sim_at_owned(struct sim *, int64_t when_ns, sim_fn *fn, void *arg);

/* The same for a part that can lose its power: sim_drop takes away all that its `part` has queued.
 * owned: as sim_at_owned has it. */
void sim_at_part(struct sim *, int64_t when_ns, sim_fn *fn, void *arg, bool owned,
		 const void *part);
void sim_drop(struct sim *, const void *part);

/* When the next event is due; MSC_NEVER: none is. */
int64_t sim_next(const struct sim *);

/* For an event that works ahead by itself, such as a bus moving packet after packet: moves time
 * to when_ns and returns true, unless another event or the end of the present run comes first. */
bool sim_advance(struct sim *, int64_t when_ns);
/* The last instant to which that is possible now; INT64_MIN: the run is over. */
int64_t sim_horizon(const struct sim *);

/* Runs events until *flag is true or nothing more is due up to deadline_ns; then time is that of
 * the last event, or deadline_ns when the flag stayed false. Returns *flag. */
bool sim_run(struct sim *, const bool *flag, int64_t deadline_ns);

/* A model misused its hardware, or memory ran out: the run cannot go on. Keeps the first message;
 * sim_run returns at once from then on. */
void sim_fault(struct sim *, const char *fmt, ...) MSC_PRINTF(2, 3);
const char *sim_fault_text(const struct sim *); /* NULL: all is well */

#endif
