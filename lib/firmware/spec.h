/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows "sim:" in the name of a target: a firmware, its knobs, those of the bench around it,
 * the faults and variants that are switched on, and the events that happen.
 *
 *	NAME[,KNOB=VALUE]...[,fault=ID]...[,variant=ID]...[,event=WHAT@WHEN]...
 *
 *	NAME  of a model, or with a '/' in it the path of a shared object
 *	WHAT  card-out[/SLOT]  card-in[/SLOT][:MEDIUM]  card-swap[/SLOT][:MEDIUM]  eject[/SLOT]
 *	      card-write[/SLOT][:MEDIUM]
 *	      unplug  plug[:VID:PID]  suspend  resume  set:KNOB=VALUE
 *	MEDIUM  any of blocks=N keep=N fill=zeros|noise wp, and at the end file=PATH, with ':' between
 *	WHEN  TIME  cbw:N  byte:N  block:N  read-block:N  write-block:N, these with +TIME or +BYTES
 *
 * docs/mscope.1.scd says what each means, sim/event.h what the firmware sees.
 */
#ifndef MSC_FIRMWARE_SPEC_H
#define MSC_FIRMWARE_SPEC_H

#include "firmware/firmware.h"

enum { MSC_SPEC_MUTANTS_MAX = 8, MSC_SPEC_EVENTS_MAX = 16 };

struct msc_spec {
	const struct msc_firmware *firmware;
	struct msc_firmware *external; /* the same, when it is in a shared object; else NULL */
	void *state; /* the model's, with its knobs set */
	struct {
		int speed, host; /* 0: auto */
		uint64_t seed;
		int64_t unplug_ns; /* 0: never */
		uint32_t drift;	   /* parts per million */
		int64_t turnaround_ns;
		uint32_t most_packets; /* 0: as many as fit */
		int64_t moderation_ns; /* 0: as the host has it by itself */
		int64_t port_reset_ns;
		int hub; /* enum bus_hub */
		uint32_t neighbours;
		int neighbour; /* enum bus_neighbour */
		uint32_t neighbour_bytes;
		int64_t poll_ns; /* 0: interrupts */
		struct sim_flash flash;
	} bench;
	const struct mutant_ops *mutants[MSC_SPEC_MUTANTS_MAX];
	size_t n_mutants;
	struct sim_event events[MSC_SPEC_EVENTS_MAX];
	size_t n_events;
	bool full_speed; /* the model can no faster */
	bool has_file; /* a medium is a file of the host */
	char medium_id[64]; /* of the file of the knob "file", by whatever name it is reached */
};

/* The knobs that every simulated target has beside its firmware's own. */
extern const struct msc_knob msc_sim_knobs[];

int msc_spec_parse(struct msc_spec *, const char *text, struct msc_err *err) MSC_MUST_CHECK;
void msc_spec_free(struct msc_spec *);

/* Everything of the device that the text says; it borrows from the spec, which must stay as long as
 * the device. */
struct sim_device_config msc_spec_config(const struct msc_spec *);

/* One event, the part behind "event=". */
int msc_event_parse(struct sim_event *, const char *text, struct msc_err *err) MSC_MUST_CHECK;

#endif
