/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupts of the USB peripheral: what has come or gone, past the mutants, to the firmware. */
#include "sim/endpoint.h"

static void setup_irq(struct mcu *m, const struct irq *i)
{
	struct msc_setup setup = i->setup;
	struct udc *u = m->udc;

	u->setup = setup;
	u->serving = i->number;
	u->request_over = u->refused = false;
	u->answered = 0;
	udc_at(u, 0)->busy = udc_at(u, MSC_EP_IN)->busy = false;
	switch (mutate_setup(m, &setup)) {
	case MUTANT_PASS:
		if (m->config->vectors->setup)
			m->config->vectors->setup(m, &setup);
		break;
	case MUTANT_STALL:
		udc_raw_ep0_stall(u);
		break;
	case MUTANT_SWALLOW:
	case MUTANT_DEAF:
		break;
	}
}

static void ep0_in_irq(struct mcu *m, const struct irq *i)
{
	(void)i;
	if (mutate_ep0_goes_on(m))
		return;
	udc_at(m->udc, MSC_EP_IN)->busy = false;
	if (m->config->vectors->ep0_in)
		m->config->vectors->ep0_in(m);
}

static void ep0_out_irq(struct mcu *m, const struct irq *i)
{
	udc_at(m->udc, 0)->busy = false;
	if (m->config->vectors->ep0_out)
		m->config->vectors->ep0_out(m, i->len);
}

static void in_irq(struct mcu *m, const struct irq *i)
{
	struct endpoint *e = udc_at(m->udc, i->ep);

	if (i->number != e->era) /* opened anew since, closed, or the buffer was taken back */
		return;
	e->busy = false;
	if (m->config->vectors->in_done)
		m->config->vectors->in_done(m, i->ep);
}

static void hear_irq(struct mcu *m, const struct irq *i)
{
	struct endpoint *e = udc_at(m->udc, i->ep);

	if (i->number != e->era)
		return;
	e->busy = false;
	flush_see_command(m, e->out_buf, i->len);
	if (m->config->vectors->out_done)
		m->config->vectors->out_done(m, i->ep, i->len);
}

static void out_irq(struct mcu *m, const struct irq *i)
{
	struct udc *u = m->udc;
	struct endpoint *e = udc_at(u, i->ep);
	struct irq heard = *i;
	size_t len = i->len;
	int64_t later_ns;
	enum mutant_verdict verdict;

	if (i->number != e->era)
		return;
	verdict = mutate_received(m, i->ep, e->out_buf, &len);
	later_ns = mutate_later(m);
	switch (verdict) {
	case MUTANT_STALL:
		udc_raw_stall(u, i->ep);
		udc_receive_again(u, i->ep);
		return;
	case MUTANT_SWALLOW:
		udc_receive_again(u, i->ep);
		return;
	case MUTANT_DEAF:
		return;
	case MUTANT_PASS:
		break;
	}
	heard.fn = hear_irq;
	heard.len = len;
	if (later_ns)
		mcu_raise_later(m, later_ns, &heard);
	else
		hear_irq(m, &heard);
}

static void reset_irq(struct mcu *m, const struct irq *i)
{
	(void)i;
	mutation_reset(m);
	if (m->config->vectors->reset)
		m->config->vectors->reset(m);
}

static void suspend_irq(struct mcu *m, const struct irq *i)
{
	void (*tell)(struct mcu *) = i->present ? m->config->vectors->suspend
						: m->config->vectors->resume;

	mutation_suspended(m, i->present);
	if (tell)
		tell(m);
}

const struct udc_irqs udc_irqs = {
	.setup = setup_irq,
	.ep0_in = ep0_in_irq,
	.ep0_out = ep0_out_irq,
	.in = in_irq,
	.out = out_irq,
	.reset = reset_irq,
	.suspend = suspend_irq,
};
