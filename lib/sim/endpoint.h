/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the USB peripheral, shared by its two sides; private to sim/. The mutants lie between
 * them, and neither side calls across: the wire's raises interrupts by `irqs`.
 *
 *	udc.c      the wire's side: tokens, packets, SETUP; and calls of the firmware taking effect
 *	udc_irq.c  the firmware's side: interrupts
 *	udc_api.c  the firmware's side: what mcu.h promises, checked against misuse
 *	udc_ep0.c  the same for endpoint 0, and the request under way
 *
 * Each endpoint has two faces: what the firmware has asked for (`busy`, `halt_asked`: true from
 * the call on) and what the wire sees (`job`, `halted`: from the cursor of that call on). Bulk-in
 * has a short queue of jobs, because a mutant may put packets before or behind those of the
 * firmware; firmware itself can only ever have one.
 */
#ifndef MSC_SIM_ENDPOINT_H
#define MSC_SIM_ENDPOINT_H

#include "sim/internal.h"

enum { EP_COUNT = 32, JOBS = 4 };

struct job {
	const uint8_t *in;  /* what is sent */
	uint8_t *out;	    /* where to receive */
	size_t len, at;
	bool tell;	    /* raise the interrupt at the end */
	bool one_packet;    /* however long it is */
	bool wrong_toggle;  /* it goes out with the other toggle: a mutant's doing */
	uint64_t number;    /* of all jobs so far */
	uint64_t era;	    /* of the endpoint, when the firmware asked for it */
	struct copy *owned; /* what `in` points into */
};

/* Bytes that belong to the peripheral; in a list, so that none is lost when a run ends early. */
struct copy {
	struct copy *next, **link;
	uint8_t data[];
};

struct endpoint {
	bool open;
	uint16_t max_packet;
	bool busy, halt_asked;
	uint64_t era; /* another each time the firmware opens it or takes its buffer back: what has ended
			 before, and what it has not been told of yet, it is never told of */
	bool halted, toggle;
	struct job job[JOBS];
	unsigned jobs;
	uint64_t on_wire; /* the job whose packet the bus has now; 0: none, or one that is void */
	uint8_t *out_buf; /* of the last udc_receive */
	size_t out_room;
};

struct udc_irqs {
	irq_fn *setup, *ep0_in, *ep0_out, *in, *out, *reset, *suspend;
};

struct udc {
	struct mcu *mcu;
	const struct udc_irqs *irqs;
	udc_ready_fn *ready;
	void *host;
	struct endpoint ep[EP_COUNT];
	struct msc_setup setup;	  /* of the request that the firmware answers */
	uint64_t setups, serving; /* SETUP packets so far; the number of that request's */
	bool request_over;	  /* its status stage is through, or it was refused */
	bool refused;
	size_t answered;	  /* bytes of its data stage that the firmware has handed over */
	struct copy *copies;
	uint64_t job_number; /* of the last */
	uint64_t eras;	     /* so far, of all endpoints */
	uint8_t address;
};

/* A call of the firmware that takes effect at its cursor. */
struct effect {
	struct udc *udc;
	uint8_t ep;
	enum { DO_JOB, DO_STALL, DO_UNSTALL, DO_ABORT, DO_ORPHAN, DO_ADDRESS } what;
	struct job job;
	bool reset_toggle;
	uint8_t address;
	uint64_t request; /* of endpoint 0: void when another has arrived */
	int64_t later_ns; /* than the cursor; then void when the endpoint has another era */
};

static inline struct endpoint *udc_at(struct udc *u, uint8_t ep)
{
	return &u->ep[(ep & MSC_EP_NUMBER) | (ep & MSC_EP_IN ? 16 : 0)];
}

/* NULL, and a remark: it was never opened. */
struct endpoint *udc_usable(struct mcu *, uint8_t ep, const char *call);

/* The present request has a data stage, towards the host: USB 2.0, 9.3.5. */
static inline bool udc_is_read(const struct msc_setup *q)
{
	return q->request_type & MSC_REQTYPE_IN && q->length;
}

/* Makes a call of the firmware take effect at its cursor. */
void udc_effect(struct udc *, const struct effect *);
void udc_drop_jobs(struct endpoint *);

#endif
