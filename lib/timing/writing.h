/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the time of a write goes: what is sent (write_probe.c), what it says of the device
 * (write_costs.c), and its causes (write_causes.c). The samples are part of struct msc_pace_samples,
 * the result of struct msc_pace; docs/pacing.md has the equations.
 *
 * A write ends with its CSW, but what it wrote may still be in the device's memory. So a single write is
 * followed by SYNCHRONIZE CACHE, and both count; in a run of writes there is none. */
#ifndef MSC_TIMING_WRITING_H
#define MSC_TIMING_WRITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum msc_written_kind {
	MSC_WRITTEN_NONE, /* TEST UNIT READY, at any time: what a command costs that writes nothing */
	MSC_WRITTEN_ALONE, /* these blocks, from a place where every page begins; then synchronized */
	MSC_WRITTEN_ACROSS,  /* as many, half of them before that place; then synchronized */
	MSC_WRITTEN_AGAIN,   /* one block, right after the same was written */
	MSC_WRITTEN_RUN,     /* one of many in a row, the next blocks each time */
	MSC_WRITTEN_KINDS,
};

/* One command, by the target's clock, ns. */
struct msc_pace_written {
	enum msc_written_kind kind;
	uint32_t blocks;
	bool queued;	 /* its phases were submitted together */
	int64_t began_ns; /* CBW submitted */
	int64_t cbw_ns, data_ns, csw_ns; /* when software knew that each phase had ended */
	int64_t naks[3]; /* of CBW, data, CSW; below 0: cannot be seen */
	int64_t sync_ns; /* the SYNCHRONIZE CACHE after it; below 0: there was none */
};

#define MSC_WRITING_SIZES_MAX 16
#define MSC_WRITING_PAGES_MAX 9 /* 1 to 256 blocks */

/* A size of writes in a run; times per command, ns. */
struct msc_writing_size {
	uint32_t blocks;
	size_t commands;
	double steady_ns; /* mean of whole commands, without pauses */
	double pauses_ns; /* what the pauses add, at the rate at which they come */
	bool mixed; /* most writes of this size meet one: its pace is what is left without them */
	double bus_ns;	  /* its packets */
	double nak_ns; /* in which the device refused; below 0: it cannot be told from the host's */
	double host_ns;	  /* the rest; with nak_ns below 0, of both */
	double naks;	  /* a command; below 0: cannot be seen */
	double longest_ns; /* one command */
	double hidden_ns; /* beyond the pace of its pages alone: pauses that are no longer than the
			     step of a page may be in it; 0: none shows */
};

/* Blocks written alone; means without the host, with SYNCHRONIZE CACHE, ns; below 0: not measured. */
struct msc_writing_page {
	uint32_t blocks;
	double aligned_ns, across_ns;
	double sync_ns; /* of the aligned one, the part that is SYNCHRONIZE CACHE */
};

/* What an operating system waits for. */
struct msc_writing_host {
	const char *name;
	uint32_t bytes;
	int64_t waits_ns;
	double takes_ns; /* below 0: not known */
	bool reckoned;	 /* from smaller ones */
};
#define MSC_WRITING_HOSTS 3

struct msc_writing {
	bool measured; /* else nothing below counts */
	bool syncs;    /* the device knows SYNCHRONIZE CACHE */
	struct msc_writing_size size[MSC_WRITING_SIZES_MAX]; /* ascending */
	size_t n_sizes;
	struct msc_writing_page page[MSC_WRITING_PAGES_MAX]; /* ascending, from one block on */
	size_t n_pages;
	double block_ns;  /* of one block, alone; below 0: not measured */
	double again_ns;  /* of the same once more */
	uint32_t unit; /* blocks that are written as one: a page, or what the driver hands over; 0:
			     none shows */
	bool gathers;	  /* a run of single blocks costs each unit once */
	bool each_alone; /* every unit costs the same, however many there are, and no border shows */
	double each_ns;	  /* then: so much */
	double poll_ns;	  /* what commands wait for comes so often; 0: none shows */
	bool poll_hidden; /* the host's frames have that period, too */
	uint32_t pauses;
	double pause_ns, longest_pause_ns; /* median; 0: none */
	double pause_per_block_ns;	   /* what they cost, spread over what was written */
	struct msc_writing_host host[MSC_WRITING_HOSTS];
};

/* Units of which a command of so many blocks in a run writes only a part, and which others write again. */
double msc_writing_shared(const struct msc_writing *, uint32_t blocks);

#endif
