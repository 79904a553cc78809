/* SPDX-License-Identifier: BSD-2-Clause */
/* The USB peripheral on the firmware's side: what mcu.h promises of udc_. A call that makes no sense
 * has no effect, as in the driver library of a controller that returns an error, and is remarked. */
#include <string.h>

#include "sim/endpoint.h"

static struct endpoint *usable(struct mcu *m, uint8_t ep, const char *call)
{
	struct endpoint *e = udc_at(m->udc, ep);

	if (e->open)
		return e;
	mcu_remark(m, "%s: endpoint %#x was never opened", call, ep);
	return NULL;
}

void udc_open(struct mcu *m, uint8_t ep, uint16_t max_packet)
{
	struct endpoint *e = udc_at(m->udc, ep);
	bool keep_toggle, keep_halt;

	if (!max_packet || max_packet > 1024) {
		mcu_remark(m, "udc_open: endpoint %#x with packets of %u bytes", ep, max_packet);
		return;
	}
	udc_drop_jobs(e);
	mutation_opened(m, ep, &keep_toggle, &keep_halt);
	*e = (struct endpoint){ .open = true,
				.max_packet = max_packet,
				.toggle = keep_toggle && e->toggle,
				.halted = keep_halt && e->halted,
				.halt_asked = keep_halt && e->halt_asked };
}

void udc_close(struct mcu *m, uint8_t ep)
{
	struct endpoint *e = udc_at(m->udc, ep);

	udc_drop_jobs(e);
	*e = (struct endpoint){ /* what only a mutant can bring back */
				.toggle = e->toggle,
				.halted = e->halted,
				.halt_asked = e->halt_asked
	};
}

void udc_transmit(struct mcu *m, uint8_t ep, const void *buf, size_t len)
{
	struct endpoint *e = usable(m, ep, "udc_transmit");

	if (!e)
		return;
	if (!(ep & MSC_EP_IN) || !(ep & MSC_EP_NUMBER)) {
		mcu_remark(m, "udc_transmit: endpoint %#x is not a bulk-in endpoint", ep);
	} else if (e->busy) {
		mcu_remark(m, "udc_transmit: endpoint %#x is busy", ep);
	} else {
		e->busy = true;
		mutate_transmit(m, ep, buf, len);
	}
}

void udc_receive(struct mcu *m, uint8_t ep, void *buf, size_t len)
{
	struct endpoint *e = usable(m, ep, "udc_receive");

	if (!e)
		return;
	if (ep & MSC_EP_IN || !ep) {
		mcu_remark(m, "udc_receive: endpoint %#x is not a bulk-out endpoint", ep);
	} else if (e->busy) {
		mcu_remark(m, "udc_receive: endpoint %#x is busy", ep);
	} else if (!len) {
		mcu_remark(m, "udc_receive: a buffer of no bytes");
	} else {
		e->busy = true;
		e->out_buf = buf;
		e->out_room = len;
		udc_receive_again(m->udc, ep);
	}
}

void udc_abort(struct mcu *m, uint8_t ep)
{
	struct endpoint *e = usable(m, ep, "udc_abort");

	if (!e)
		return;
	e->busy = false;
	udc_raw_drop(m->udc, ep);
}

bool udc_busy(struct mcu *m, uint8_t ep)
{
	return udc_at(m->udc, ep)->busy;
}

void udc_stall(struct mcu *m, uint8_t ep)
{
	if (usable(m, ep, "udc_stall"))
		mutate_stall(m, ep);
}

void udc_unstall(struct mcu *m, uint8_t ep)
{
	if (usable(m, ep, "udc_unstall"))
		mutate_unstall(m, ep);
}

bool udc_stalled(struct mcu *m, uint8_t ep)
{
	const struct endpoint *e = udc_at(m->udc, ep);

	return e->open && e->halt_asked;
}

/* ---- endpoint 0 --------------------------------------------------------------------------- */

void udc_raw_ep0_send(struct udc *u, const uint8_t *data, size_t len)
{
	size_t packet = udc_at(u, MSC_EP_IN)->max_packet;
	bool empty_end = len && len < u->setup.length && len % packet == 0;

	if (len > u->setup.length)
		len = u->setup.length;
	udc_queue_answer(u, data, len, empty_end && mutate_control_end(u->mcu, &u->setup));
}

/* Who has come back as another device has another device descriptor, whatever its firmware says. */
static void become_another(struct mcu *m, uint8_t raw[MSC_DEVICE_DESC_LEN])
{
	struct msc_device_desc d;

	msc_device_desc_unpack(&d, raw);
	if (world_is_another(m, &d.vendor, &d.product))
		msc_device_desc_pack(raw, &d);
}

void udc_ep0_send(struct mcu *m, const void *data, size_t len)
{
	struct udc *u = m->udc;

	if (!usable(m, MSC_EP_IN, "udc_ep0_send"))
		return;
	if (len > sizeof u->ep0_in) {
		mcu_remark(m, "udc_ep0_send: %zu bytes", len);
		return;
	}
	memcpy(u->ep0_in, data, len);
	if (u->setup.request_type == MSC_REQTYPE_IN && u->setup.request == MSC_STD_GET_DESCRIPTOR &&
	    u->setup.value >> 8 == MSC_DESC_DEVICE && len >= MSC_DEVICE_DESC_LEN)
		become_another(m, u->ep0_in);
	mutate_control_in(m, &u->setup, u->ep0_in, &len, sizeof u->ep0_in);
	udc_raw_ep0_send(u, u->ep0_in, len);
}

void udc_set_address(struct mcu *m, uint8_t address)
{
	m->udc->new_address = address;
}

void udc_ep0_receive(struct mcu *m, void *buf, size_t len)
{
	struct endpoint *e = usable(m, 0, "udc_ep0_receive");

	if (!e)
		return;
	e->out_buf = buf;
	e->out_room = len;
	udc_receive_again(m->udc, 0);
}

void udc_ep0_ack(struct mcu *m)
{
	if (usable(m, MSC_EP_IN, "udc_ep0_ack"))
		udc_queue_in(m->udc, MSC_EP_IN, "", 0, true, false);
}

void udc_ep0_stall(struct mcu *m)
{
	if (usable(m, 0, "udc_ep0_stall")) {
		udc_raw_stall(m->udc, 0);
		udc_raw_stall(m->udc, MSC_EP_IN);
	}
}
