/* SPDX-License-Identifier: BSD-2-Clause */
/* What the time of a read is made of, and what mending each part saves. Private to lib/timing.
 *
 * The time of a block is divided among the causes in the order in which a firmware author would
 * remove them: what the processor holds inside an interrupt; what one buffer costs for want of a
 * second; what is rounded up to ticks; what its packets take beyond the wire; the rest is the medium's
 * or the bus's. So the costs add up, and none is counted twice.
 *
 * What mending saves does not add up: who has a second buffer may be rid of a wait for a tick as well,
 * and a wait that ends within a tick cannot be seen from outside. So it is a range, for each cause
 * alone, from what the medium may need (`medium`) on one side and the other; nothing saves what the
 * bus needs.
 */
#ifndef MSC_TIMING_COSTS_H
#define MSC_TIMING_COSTS_H

#include "timing/pace.h"

struct msc_range {
	double least, most;
};

struct msc_costs {
	const struct msc_pace *p;
	enum msc_pace_set set; /* what is diagnosed */
	/* per block, ns */
	double interrupt, buffer, tick, fed, small, limit, rest;
	struct msc_range medium; /* what the medium alone may need of it */
	struct msc_range saves_interrupt, saves_buffer, saves_tick, saves_fed, saves_small,
		saves_limit;
};

/* Divides the time of a block. */
void msc_costs_of(const struct msc_pace *, enum msc_pace_set, struct msc_costs *);

/* packets.c: what a block takes that is ready, from its first packet to its last. */
double msc_sends_ns(const struct msc_pace *);
/* The time of sending a chunk, and up to the next tick: whole ticks, where blocks keep to one. */
double msc_sends_chunk_ns(const struct msc_pace *);
double msc_sends_ticks_ns(const struct msc_pace *);
/* The parts of it that are not the wire's, out of c->rest; and what mending them saves. */
void msc_divide_packets(struct msc_costs *);
void msc_bound_packets(struct msc_costs *, double tick_ns); /* that blocks may keep to; 0: none */
void msc_words_fed(const struct msc_costs *, struct msc_diagnosis *);
void msc_words_small(const struct msc_costs *, struct msc_diagnosis *);

/* What a block takes at least and at most when all faults are mended. */
void msc_bound_mended(struct msc_pace *, const struct msc_costs *);

/* Of one command, ns. */
double msc_cost_of(const struct msc_costs *, enum msc_diagnosis_id, const struct msc_pace_size *);
double msc_whole(const struct msc_costs *, const struct msc_pace_size *);
/* What is left of it when its blocks are taken away. */
double msc_per_command(const struct msc_costs *, const struct msc_pace_size *);

/* Of the time of the commands that are diagnosed, 0 to 1: what a cause costs, and what is saved when
 * it alone is mended. Queued commands are judged by the largest, where the device shows; serial ones by
 * all sizes, each with the same weight, as an operating system sends small and large. */
struct msc_shares {
	double cost;
	struct msc_range saves;
};
struct msc_shares msc_shares_of(const struct msc_costs *, enum msc_diagnosis_id);

/* untold.c: into p->untold, what is left open; the causes are known. */
void msc_pace_untold(struct msc_pace *, const struct msc_costs *);
/* Endpoint 0 would be kept waiting for too short a time for this host's frames to show it. */
bool msc_hides_deafness(const struct msc_pace *);

/* What can be done about a bus that has a hub's translator in it. */
void msc_advise_path(const struct msc_pace *, struct msc_diagnosis *);

/* order.c: into the list of causes, at the place that its rank and weight give it; behind its equals. */
void msc_diagnosis_insert(struct msc_pace *, const struct msc_diagnosis *);
/* What mending either may save is in the range of the other. */
bool msc_diagnosis_overlaps(const struct msc_diagnosis *, const struct msc_diagnosis *);

/* Blocks keep to a tick of the device. */
bool msc_keeps_to_tick(const struct msc_pace *);
bool msc_wakes_by_tick(const struct msc_pace *); /* the first block of a command does */
/* First blocks do not, and the task that hands a block over after the bus was busy does. */
bool msc_hands_by_tick(const struct msc_pace *);
/* The tick slips against the host's frames: the run met it in all their parts. */
bool msc_slips(const struct msc_pace *);
/* The tick stays where it is in the host's frames, and how long what is handed over waits for it depends on
 * where that is: what a block then takes at most. 0: no longer than in the run. */
double msc_elsewhere_ns(const struct msc_pace *);
bool msc_ticks_at_times(const struct msc_pace *); /* so do some of the others */
/* One of the two, and whether the other blocks do is hidden: the host sees completions no oftener than about
 * each tick. */
bool msc_hides_tick(const struct msc_pace *);
bool msc_may_tick(const struct msc_pace *); /* it does, and a block takes about a tick */
/* Blocks of a long read take longer than the bus and than the first one, or what was ready after a pause came
 * late; and the host sees frames only: a tick that is shorter would not be found. */
bool msc_waits_unseen(const struct msc_pace *);
/* From an endpoint that is armed to the host's next look at it, at most; of what NAKs show, else of two tokens
 * and what separates them (USB 2.0, tables 5-9 and 5-10). */
double msc_poll_ns(const struct msc_pace *);
/* A block takes longer than the bus needs for it. */
bool msc_is_waiting(const struct msc_pace *);
/* A probe pauses in the middle of a read and asks endpoint 0 meanwhile; the host of a capture may have
 * done neither. Without it, what is left of a block is not the medium's: it is unknown whose. */
bool msc_is_divided(const struct msc_pace *);

#endif
