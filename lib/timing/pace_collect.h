/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept of a capture until it is over: pace_capture.c collects, pace_sort.c sorts. Private to
 * lib/timing; see pace_capture.h. */
#ifndef MSC_TIMING_PACE_COLLECT_H
#define MSC_TIMING_PACE_COLLECT_H

#include "timing/pace_capture.h"

#define MSC_COLLECT_COMMANDS 65536
#define MSC_COLLECT_STREAMS  512
#define MSC_COLLECT_SIZES    256
#define MSC_COLLECT_OTHERS   32

/* A piece of bulk-in data, or the CSW, of the exchange under way. */
struct msc_collected {
	int64_t asked_ns, seen_ns;
	size_t len;
	int64_t naks;
	uint64_t number; /* of the transfer; 0: a packet */
	bool ended;
};

struct msc_seen_command {
	struct msc_pace_command c;
	bool queued;
	int64_t before_ns, after_ns; /* rest before it, and to the next; INT64_MAX: none is known */
	int64_t to_data_ns, to_csw_ns; /* from which on the host went on, where it waited */
};

struct msc_pace_collector {
	struct msc_pace_samples *out;
	unsigned talk; /* its number; 0: not known yet */
	struct msc_device device;
	bool bus;
	struct msc_collected *came;
	size_t n_came, room_came;
	bool poked; /* endpoint 0 was asked during the exchange under way */
	struct msc_seen_command *seen;
	size_t n_seen, room_seen;
	struct {
		uint32_t blocks;
		size_t n; /* of seen */
		bool queued; /* one of them at least was */
	} sizes[MSC_COLLECT_SIZES];
	size_t n_sizes;
	bool next_is_last; /* the newest of seen is the newest exchange */
	int64_t ended_ns;  /* of the newest exchange; INT64_MIN: none */
	bool under_way;	   /* a CBW was taken, and no CSW has come */
	uint64_t reads, other_reads, failed, cut_short, writes;
	unsigned others[MSC_COLLECT_OTHERS]; /* other interfaces with reads */
	size_t n_others;
};

/* The place of a size among k->sizes; n_sizes: it is not there. */
size_t msc_collect_size(const struct msc_pace_collector *k, uint32_t blocks);

#endif
