/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the mutants of a device, shared by mutate.c and mutate_ep0.c; private to sim/. */
#ifndef MSC_SIM_MUTATION_H
#define MSC_SIM_MUTATION_H

#include "sim/internal.h"

/* Room that hooks have beyond the firmware's own bytes; bytes of an answer on endpoint 0. */
enum { SPARE = 64, AFTER_MAX = 2, ANSWER_MAX = 1024 };

struct mutation {
	const struct mutant_ops *const *ops;
	size_t n;
	void **state;
	struct mutant_view view;
	struct { /* put behind what the firmware is sending */
		uint8_t data[SPARE];
		size_t len;
	} after[AFTER_MAX];
	unsigned n_after;
	bool garbled; /* see mutate_has_garbled */
	int64_t later_ns; /* of what the hooks are looking at: mutant_later */
	/* The data stage towards the host. Hooks see it whole, so packets are held back until the
	 * firmware has handed over the last. */
	struct {
		uint8_t data[ANSWER_MAX];
		size_t len, at;	  /* at: of what has gone out */
		bool whole, more; /* more: a packet has yet to go out */
	} answer;
};

#endif
