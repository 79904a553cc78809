/* SPDX-License-Identifier: BSD-2-Clause */
/* The USB peripheral on the wire's side: what it answers to tokens, the interrupts that it raises,
 * and the calls of the firmware when they take effect. See endpoint.h. */
#include <stdlib.h>
#include <string.h>

#include "base/copy.h"
#include "sim/endpoint.h"
#include "wire/bot.h"

struct udc *udc_new(struct mcu *m, const struct udc_irqs *irqs)
{
	struct udc *u = calloc(1, sizeof *u);

	if (!u)
		return NULL;
	u->mcu = m;
	u->irqs = irqs;
	return u;
}

static struct copy *copy_new(struct udc *u, const void *data, size_t len)
{
	struct copy *c = malloc(sizeof *c + len);

	if (!c) {
		sim_fault(u->mcu->sim, "out of memory");
		return NULL;
	}
	if (len)
		memcpy(c->data, data, len);
	c->next = u->copies;
	c->link = &u->copies;
	if (c->next)
		c->next->link = &c->next;
	u->copies = c;
	return c;
}

static void copy_free(struct copy *c)
{
	if (!c)
		return;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
}

void udc_drop_jobs(struct endpoint *e)
{
	for (unsigned i = 0; i < e->jobs; i++)
		copy_free(e->job[i].owned);
	e->jobs = 0;
}

void udc_free(struct udc *u)
{
	while (u && u->copies)
		copy_free(u->copies);
	free(u);
}

void udc_attach(struct udc *u, udc_ready_fn *ready, void *host)
{
	u->ready = ready;
	u->host = host;
}

bool udc_uses(const struct udc *u, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	for (unsigned i = 0; i < EP_COUNT; i++) {
		for (unsigned k = 0; k < u->ep[i].jobs; k++) {
			const struct job *j = &u->ep[i].job[k];
			const uint8_t *b = j->in ? j->in : j->out;

			if (b && p < b + j->len && b < p + len)
				return true;
		}
	}
	return false;
}

/* ---- the wire's side ---------------------------------------------------------------------- */

static void raise_done(struct udc *u, uint8_t ep, size_t len, uint64_t era)
{
	bool in = ep & MSC_EP_IN;
	const struct udc_irqs *irqs = u->irqs;
	struct irq i = { .fn = ep & MSC_EP_NUMBER ? (in ? irqs->in : irqs->out)
						  : (in ? irqs->ep0_in : irqs->ep0_out),
			 .ep = ep,
			 .len = len,
			 .number = era };

	if (ep & MSC_EP_NUMBER)
		mcu_raise_polled(u->mcu, &i);
	else
		mcu_raise(u->mcu, &i);
}

static size_t packet_len(const struct endpoint *e, const struct job *j)
{
	size_t left = j->len - j->at;

	return left < e->max_packet || j->one_packet ? left : e->max_packet;
}

enum udc_reply udc_in_token(struct udc *u, uint8_t ep, const uint8_t **data, size_t *len,
			    bool *toggle)
{
	struct endpoint *e = udc_at(u, ep);
	const struct job *j = &e->job[0];

	if (!e->open)
		return UDC_SILENT;
	if (e->halted)
		return UDC_STALL;
	if (!e->jobs)
		return UDC_NAK;
	*data = j->in + j->at;
	*len = packet_len(e, j);
	*toggle = e->toggle != j->wrong_toggle;
	e->on_wire = j->number;
	return UDC_ACK;
}

uint8_t udc_address(const struct udc *u)
{
	return u->address;
}

static void end_job(struct udc *u, uint8_t ep)
{
	struct endpoint *e = udc_at(u, ep);
	struct job j = e->job[0];

	memmove(&e->job[0], &e->job[1], --e->jobs * sizeof e->job[0]);
	copy_free(j.owned);
	if (j.tell)
		raise_done(u, ep, j.at, j.era);
}

void udc_in_taken(struct udc *u, uint8_t ep)
{
	struct endpoint *e = udc_at(u, ep);
	struct job *j = &e->job[0];
	uint64_t on_wire = e->on_wire;
	size_t len;

	e->on_wire = 0;
	if (!on_wire) /* the endpoint was opened anew, or its halt ended, under the packet */
		return;
	e->toggle = !e->toggle;
	if (!e->jobs || j->number != on_wire) /* the firmware has taken it back meanwhile */
		return;
	len = packet_len(e, j);
	if (ep & MSC_EP_NUMBER)
		world_in(u->mcu, j->in + j->at, len);
	else if (!udc_is_read(&u->setup))
		u->request_over = true;
	j->at += len;
	if (j->at == j->len)
		end_job(u, ep);
}

enum udc_reply udc_out_room(struct udc *u, uint8_t ep)
{
	struct endpoint *e = udc_at(u, ep);

	if (!e->open)
		return UDC_SILENT;
	if (e->halted)
		return UDC_STALL;
	return e->jobs ? UDC_ACK : UDC_NAK;
}

enum udc_reply udc_out_packet(struct udc *u, uint8_t ep, bool toggle, const uint8_t *data,
			      size_t len)
{
	struct endpoint *e = udc_at(u, ep);
	struct job *j = &e->job[0];
	bool is_short;

	if (!e->jobs) /* taken back under the packet */
		return UDC_NAK;
	if (toggle != e->toggle)
		return UDC_ACK; /* a repetition: acknowledged, and thrown away */
	e->toggle = !e->toggle;
	is_short = len < e->max_packet;
	if (len > j->len - j->at) { /* the controller stores what there is room for */
		mcu_remark(u->mcu,
			   "endpoint %#x: a packet of %zu bytes arrived in a buffer with %zu left",
			   ep, len, j->len - j->at);
		len = j->len - j->at;
	}
	if (len)
		memcpy(j->out + j->at, data, len);
	j->at += len;
	if (ep)
		world_out(u->mcu, data, len, is_short);
	else if (udc_is_read(&u->setup))
		u->request_over = true;
	if (is_short || j->at == j->len)
		end_job(u, ep);
	return e->jobs ? UDC_ACK : UDC_NYET;
}

size_t udc_ahead(struct udc *u, uint8_t ep, size_t packet, bool toggle, const uint8_t **data)
{
	const struct endpoint *e = udc_at(u, ep);
	const struct job *j = &e->job[0];

	if (!e->open || e->halted || !e->jobs || e->max_packet != packet || e->toggle != toggle ||
	    j->one_packet || j->wrong_toggle || u->mcu->world)
		return 0;
	if (ep & MSC_EP_IN)
		*data = j->in + j->at;
	return j->len - j->at;
}

void udc_pass(struct udc *u, uint8_t ep, const uint8_t *data, size_t packets)
{
	struct endpoint *e = udc_at(u, ep);
	struct job *j = &e->job[0];
	size_t len = packets * e->max_packet;

	if (!(ep & MSC_EP_IN))
		msc_copy(j->out + j->at, data, len);
	j->at += len;
	e->toggle ^= packets & 1;
	e->on_wire = 0;
}

void udc_setup_packet(struct udc *u, const struct msc_setup *setup)
{
	static const uint8_t both[] = { 0, MSC_EP_IN };
	struct irq i = { .fn = u->irqs->setup, .setup = *setup, .number = ++u->setups };

	for (unsigned k = 0; k < MSC_COUNT(both); k++) {
		struct endpoint *e = udc_at(u, both[k]);

		udc_drop_jobs(e);
		e->halted = e->halt_asked = false;
		e->on_wire = 0;
		e->toggle = true; /* data and status stage begin with DATA1: USB 2.0, 8.5.3 */
	}
	if ((setup->request_type & MSC_REQTYPE_TYPE) == MSC_REQTYPE_CLASS &&
	    setup->request == MSC_REQ_BULK_ONLY_RESET)
		world_command_ends(u->mcu);
	mcu_raise(u->mcu, &i);
}

void udc_bus_reset(struct udc *u)
{
	struct irq i = { .fn = u->irqs->reset };

	world_command_ends(u->mcu);
	u->address = 0;
	u->setups++; /* whatever the firmware has yet to say is about a request that is over */
	for (unsigned k = 0; k < EP_COUNT; k++) {
		udc_drop_jobs(&u->ep[k]);
		u->ep[k] = (struct endpoint){ .open = false };
	}
	mcu_raise(u->mcu, &i);
}

void udc_suspended(struct udc *u, bool suspended)
{
	mcu_raise(u->mcu, &(struct irq){ .fn = u->irqs->suspend, .present = suspended });
}

void udc_power_off(struct udc *u)
{
	for (unsigned k = 0; k < EP_COUNT; k++)
		u->ep[k] = (struct endpoint){ .open = false };
	while (u->copies)
		copy_free(u->copies);
	u->serving = u->setups;
	u->request_over = true;
	u->address = 0;
}

/* ---- what takes effect at the cursor ------------------------------------------------------ */

static void add_job(struct udc *u, struct endpoint *e, const struct job *j)
{
	e->job[e->jobs] = *j;
	e->job[e->jobs++].number = ++u->job_number;
}

/* It is about a control request, and another has arrived since the firmware made the call; or about a
 * transfer that the firmware has taken back while it was put off. */
static bool is_late(const struct effect *x)
{
	if (x->later_ns && x->job.era != udc_at(x->udc, x->ep)->era)
		return true;
	return !(x->ep & MSC_EP_NUMBER) && x->what != DO_ADDRESS && x->request != x->udc->setups;
}

static void apply(void *arg)
{
	struct effect *x = arg;
	struct endpoint *e = udc_at(x->udc, x->ep);

	if (!e->open || is_late(x)) {
		copy_free(x->job.owned);
		return;
	}
	switch (x->what) {
	case DO_JOB:
		if (e->jobs == JOBS)
			mcu_remark(x->udc->mcu, "endpoint %#x: more than %d packets queued", x->ep,
				   JOBS);
		else
			add_job(x->udc, e, &x->job);
		break;
	case DO_STALL:
		e->halted = true;
		break;
	case DO_UNSTALL:
		e->halted = false;
		if (x->reset_toggle) {
			e->toggle = false;
			e->on_wire = 0;
		}
		break;
	case DO_ABORT:
		udc_drop_jobs(e);
		break;
	case DO_ORPHAN:
		for (unsigned i = 0; i < e->jobs; i++)
			e->job[i].tell = false;
		break;
	case DO_ADDRESS:
		x->udc->address = x->address;
		break;
	}
	if (x->udc->ready)
		x->udc->ready(x->udc->host, x->ep);
}

void udc_effect(struct udc *u, const struct effect *what)
{
	struct effect *x = malloc(sizeof *x);

	if (!x) {
		sim_fault(u->mcu->sim, "out of memory");
		copy_free(what->job.owned);
		return;
	}
	*x = *what;
	x->udc = u;
	x->request = u->serving;
	if (x->later_ns)
		sim_at_part(u->mcu->sim, mcu_now(u->mcu) + x->later_ns, apply, x, true, u->mcu);
	else
		mcu_effect_owned(u->mcu, apply, x);
}

static void queue_copy(struct udc *u, uint8_t ep, const void *data, const struct job *job,
		       int64_t later_ns)
{
	struct effect x = { .ep = ep, .what = DO_JOB, .job = *job, .later_ns = later_ns };

	x.job.owned = copy_new(u, data, job->len);
	if (!x.job.owned)
		return;
	x.job.in = x.job.owned->data;
	udc_effect(u, &x);
}

void udc_queue_in(struct udc *u, uint8_t ep, const void *data, size_t len, bool copied, bool tell)
{
	const struct job j = { .in = data, .len = len, .tell = tell, .era = udc_at(u, ep)->era };

	if (copied)
		queue_copy(u, ep, data, &j, 0);
	else
		udc_effect(u, &(struct effect){ .ep = ep, .what = DO_JOB, .job = j });
}

void udc_queue_in_later(struct udc *u, uint8_t ep, const void *data, size_t len, int64_t ns)
{
	const struct job j = { .len = len, .tell = true, .era = udc_at(u, ep)->era };

	queue_copy(u, ep, data, &j, mcu_scale(u->mcu, ns));
}

void udc_queue_ep0(struct udc *u, const void *packet, size_t len, bool wrong_toggle, bool tell)
{
	queue_copy(u, MSC_EP_IN, packet,
		   &(struct job){ .len = len,
				  .tell = tell,
				  .one_packet = true,
				  .wrong_toggle = wrong_toggle },
		   0);
}

void udc_tell_sent(struct udc *u, uint8_t ep)
{
	raise_done(u, ep, 0, udc_at(u, ep)->era);
}

void udc_raw_drop(struct udc *u, uint8_t ep)
{
	udc_effect(u, &(struct effect){ .ep = ep, .what = DO_ABORT });
}

void udc_raw_orphan(struct udc *u, uint8_t ep)
{
	udc_effect(u, &(struct effect){ .ep = ep, .what = DO_ORPHAN });
}

void udc_raw_stall(struct udc *u, uint8_t ep)
{
	udc_at(u, ep)->halt_asked = true;
	udc_effect(u, &(struct effect){ .ep = ep, .what = DO_STALL });
}

void udc_raw_ep0_stall(struct udc *u)
{
	udc_raw_stall(u, 0);
	udc_raw_stall(u, MSC_EP_IN);
}

void udc_raw_unstall(struct udc *u, uint8_t ep, bool reset_toggle)
{
	udc_at(u, ep)->halt_asked = false;
	udc_effect(u,
		   &(struct effect){ .ep = ep, .what = DO_UNSTALL, .reset_toggle = reset_toggle });
}

void udc_receive_again(struct udc *u, uint8_t ep)
{
	struct endpoint *e = udc_at(u, ep);

	udc_effect(u, &(struct effect){ .ep = ep,
					.what = DO_JOB,
					.job = { .out = e->out_buf,
						 .len = e->out_room,
						 .tell = true,
						 .era = e->era } });
}
