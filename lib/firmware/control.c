/* SPDX-License-Identifier: BSD-2-Clause */
/* The control pipe of the library: USB 2.0, 8.5.3, with the packets of udc_ep0_in and udc_ep0_out.
 *
 *	         usbd_send                 host has it all, or does not want more
 *	IDLE ----------------> DATA_IN ------------------------------------------> IDLE
 *	 |                        |  last packet is out                              ^
 *	 |                        +------------------> STATUS_OUT -------------------+
 *	 |   usbd_ack                                                    empty OUT   |
 *	 +----------------> STATUS_IN -----------------------------------------------+
 *	                                         empty IN taken
 *
 * The packet of the status stage is awaited as soon as there is data, so that a host which ends
 * the data stage early is answered as well.
 */
#include <string.h>

#include "firmware/usbd.h"

uint8_t usbd_max_packet0(const struct usbd *u, bool high)
{
	uint8_t full = u->desc->device.max_packet0;

	return high || !full ? 64 : full;
}

void usbd_begin(struct usbd *u, const struct msc_setup *q)
{
	u->request.setup = *q;
	u->request.stage = USBD_IDLE;
}

/* USB 2.0, 5.5.3: what is shorter than wLength ends with a short packet, an empty one if need be. */
static void send_packet(struct mcu *m, struct usbd *u)
{
	size_t packet = usbd_max_packet0(u, mcu_speed(m) == MSC_SPEED_HIGH),
	       left = u->request.len - u->request.at;
	size_t n = left < packet ? left : packet;
	const uint8_t *from = u->request.data + u->request.at;

	u->request.at += n;
	if (n < packet || u->request.at == u->request.setup.length)
		u->request.stage = USBD_STATUS_OUT;
	udc_ep0_in(m, from, n);
}

void usbd_send(struct mcu *m, struct usbd *u, const void *data, size_t len)
{
	uint16_t wanted = u->request.setup.length;

	if (!wanted) { /* no data stage, whatever the direction: 9.3.5 */
		usbd_ack(m, u);
		return;
	}
	if (len > wanted)
		len = wanted;
	if (len > sizeof u->request.data)
		len = sizeof u->request.data;
	memcpy(u->request.data, data, len);
	u->request.len = len;
	u->request.at = 0;
	u->request.stage = USBD_DATA_IN;
	udc_ep0_out(m, NULL, 0);
	send_packet(m, u);
}

void usbd_ack(struct mcu *m, struct usbd *u)
{
	u->request.stage = USBD_STATUS_IN;
	udc_ep0_in(m, NULL, 0);
}

void usbd_stall(struct mcu *m, struct usbd *u)
{
	u->request.stage = USBD_IDLE;
	udc_ep0_stall(m);
}

void usbd_ep0_in(struct mcu *m, struct usbd *u)
{
	const struct msc_setup *q = &u->request.setup;

	if (u->request.stage == USBD_DATA_IN)
		send_packet(m, u);
	if (u->request.stage != USBD_STATUS_IN)
		return;
	u->request.stage = USBD_IDLE;
	if (q->request_type == 0 && q->request == MSC_STD_SET_ADDRESS)
		udc_set_address(m, (uint8_t)q->value); /* 9.4.6: not before the status stage */
}

void usbd_ep0_out(struct mcu *m, struct usbd *u)
{
	(void)m;
	u->request.stage = USBD_IDLE;
}
