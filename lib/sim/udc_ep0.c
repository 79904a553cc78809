/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoint 0 of the USB peripheral on the firmware's side: the packets of the data and the status
 * stage, refusal. mcu.h has what firmware is promised.
 *
 * The peripheral knows little of a request: which stage comes next is the firmware's business. It
 * knows which SETUP the firmware has been told of, so that no call that is about an older one can
 * answer a newer, and that a request is over when a packet went the other way.
 */
#include <string.h>

#include "sim/endpoint.h"

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
	    q->value >> 8 != MSC_DESC_DEVICE || !event_is_another(m, &vendor, &product))
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
	struct endpoint *e = to_arm(m, MSC_EP_IN, "ep0_in");
	uint8_t packet[EP0_PACKET_MAX];

	if (!e)
		return;
	if (len > e->max_packet || len > sizeof packet) {
		mcu_remark(m, "ep0_in: a packet of %zu bytes, where bMaxPacketSize0 is %u", len,
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
	struct endpoint *e = to_arm(m, 0, "ep0_out");

	if (!e)
		return;
	e->busy = true;
	e->out_buf = buf;
	e->out_room = room;
	mutate_ep0_out(m);
}

/* A second one changes nothing: many stacks halt 00h and 80h, which are one here. */
void udc_ep0_stall(struct mcu *m)
{
	if (m->udc->serving == m->udc->setups && m->udc->refused)
		return;
	if (!answering(m, 0, "ep0_stall"))
		return;
	m->udc->request_over = m->udc->refused = true;
	udc_raw_ep0_stall(m->udc);
}

void udc_set_address(struct mcu *m, uint8_t address)
{
	if (udc_usable(m, 0, "set_address"))
		udc_effect(m->udc, &(struct effect){ .what = DO_ADDRESS, .address = address });
}
