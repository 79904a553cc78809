/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoint 0 of the USB peripheral, on the wire's side and on the firmware's: SETUP packets, the
 * packets of the data and the status stage, refusal. mcu.h has what firmware is promised.
 *
 * The peripheral knows little of a request: which stage comes next is the firmware's business. It
 * knows which SETUP the firmware has been told of, so that no call that is about an older one can
 * answer a newer, and that a request is over when a packet went the other way.
 */
#include <string.h>

#include "sim/endpoint.h"

/* ---- the wire's side ---------------------------------------------------------------------- */

static void setup_irq(struct mcu *m, const struct irq *i)
{
	struct msc_setup setup = i->setup;
	struct udc *u = m->udc;

	u->setup = setup;
	u->serving = i->number;
	u->request_over = false;
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

void udc_setup_packet(struct udc *u, const struct msc_setup *setup)
{
	static const uint8_t both[] = { 0, MSC_EP_IN };
	struct irq i = { .fn = setup_irq, .setup = *setup, .number = ++u->setups };

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

void udc_ep0_in_irq(struct mcu *m, const struct irq *i)
{
	(void)i;
	if (mutate_ep0_goes_on(m))
		return;
	udc_at(m->udc, MSC_EP_IN)->busy = false;
	if (m->config->vectors->ep0_in)
		m->config->vectors->ep0_in(m);
}

void udc_ep0_out_irq(struct mcu *m, const struct irq *i)
{
	udc_at(m->udc, 0)->busy = false;
	if (m->config->vectors->ep0_out)
		m->config->vectors->ep0_out(m, i->len);
}

void udc_raw_ep0_stall(struct udc *u)
{
	udc_raw_stall(u, 0);
	udc_raw_stall(u, MSC_EP_IN);
}

/* ---- the firmware's side ------------------------------------------------------------------ */

/* A call about the request that the firmware was last told of. NULL: it has no effect. */
static struct endpoint *answering(struct mcu *m, uint8_t ep, const char *call)
{
	if (m->udc->serving != m->udc->setups) /* another SETUP has come meanwhile, or a reset */
		return NULL;
	if (!m->udc->request_over)
		return udc_usable(m, ep, call);
	mcu_remark(m, "%s: no request is under way", call);
	return NULL;
}

static struct endpoint *to_arm(struct mcu *m, uint8_t ep, const char *call)
{
	struct endpoint *e = answering(m, ep, call);

	if (!e || !e->busy)
		return e;
	mcu_remark(m, "%s: endpoint %#x is busy", call, ep);
	return NULL;
}

/* Who has come back as another device has another idVendor and idProduct, whatever its firmware
 * says: these bytes of the device descriptor, as far as they are in this packet. */
static void become_another(struct mcu *m, uint8_t *packet, size_t len)
{
	const struct msc_setup *q = &m->udc->setup;
	uint16_t vendor, product;
	uint8_t id[4];

	if (q->request_type != MSC_REQTYPE_IN || q->request != MSC_STD_GET_DESCRIPTOR ||
	    q->value >> 8 != MSC_DESC_DEVICE || !world_is_another(m, &vendor, &product))
		return;
	msc_put_le16(id, vendor);
	msc_put_le16(id + 2, product);
	for (size_t i = 0; i < sizeof id; i++) {
		size_t at = 8 + i; /* USB 2.0, table 9-8 */

		if (at >= m->udc->answered && at - m->udc->answered < len)
			packet[at - m->udc->answered] = id[i];
	}
}

void udc_ep0_in(struct mcu *m, const void *data, size_t len)
{
	struct endpoint *e = to_arm(m, MSC_EP_IN, "udc_ep0_in");
	uint8_t packet[EP0_PACKET_MAX];

	if (!e)
		return;
	if (len > e->max_packet || len > sizeof packet) {
		mcu_remark(m, "udc_ep0_in: a packet of %zu bytes, where bMaxPacketSize0 is %u", len,
			   e->max_packet);
		return;
	}
	if (len)
		memcpy(packet, data, len);
	become_another(m, packet, len);
	m->udc->answered += len;
	e->busy = true;
	mutate_ep0_in(m, packet, len);
}

void udc_ep0_out(struct mcu *m, void *buf, size_t room)
{
	struct endpoint *e = to_arm(m, 0, "udc_ep0_out");

	if (!e)
		return;
	e->busy = true;
	e->out_buf = buf;
	e->out_room = room;
	mutate_ep0_out(m);
}

void udc_ep0_stall(struct mcu *m)
{
	if (!answering(m, 0, "udc_ep0_stall"))
		return;
	m->udc->request_over = true;
	udc_raw_ep0_stall(m->udc);
}

void udc_set_address(struct mcu *m, uint8_t address)
{
	if (udc_usable(m, 0, "udc_set_address"))
		udc_effect(m->udc, &(struct effect){ .what = DO_ADDRESS, .address = address });
}
