/* SPDX-License-Identifier: BSD-2-Clause */
/* A decorator that counts what goes through it, and changes nothing. */
#ifndef MSC_TRANSPORT_COUNTER_H
#define MSC_TRANSPORT_COUNTER_H

#include "transport/transport.h"

/* msc_target_state() of the target that msc_decorator_counter has made. */
struct msc_counter {
	uint64_t submitted;
	uint64_t ended[MSC_OUT_GONE + 1]; /* by outcome */
	uint64_t bytes;			  /* moved by those */
	uint64_t cleared, resets;	  /* halts, ports */
};

#endif
