/* SPDX-License-Identifier: BSD-2-Clause */
/* The USB peripheral on the firmware's side: what mcu.h promises of udc_. A call that makes no sense
 * has no effect, as in the driver library of a controller that returns an error, and is remarked. */
#include <string.h>

#include "sim/endpoint.h"

struct endpoint *udc_usable(struct mcu *m, uint8_t ep, const char *call)
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
		mcu_remark(m, "ep_open: endpoint %#x with packets of %u bytes", ep, max_packet);
		return;
	}
	udc_drop_jobs(e);
	mutation_opened(m, ep, &keep_toggle, &keep_halt);
	*e = (struct endpoint){ .open = true,
				.max_packet = max_packet,
				.era = ++m->udc->eras,
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
	struct endpoint *e = udc_usable(m, ep, "ep_transmit");

	if (!e)
		return;
	flush_see_status(m, buf, len);
	if (!(ep & MSC_EP_IN) || !(ep & MSC_EP_NUMBER)) {
		mcu_remark(m, "ep_transmit: endpoint %#x is not a bulk-in endpoint", ep);
	} else if (e->busy) {
		mcu_remark(m, "ep_transmit: endpoint %#x is busy", ep);
	} else {
		e->busy = true;
		mutate_transmit(m, ep, buf, len);
	}
}

void udc_receive(struct mcu *m, uint8_t ep, void *buf, size_t len)
{
	struct endpoint *e = udc_usable(m, ep, "ep_receive");

	if (!e)
		return;
	if (ep & MSC_EP_IN || !(ep & MSC_EP_NUMBER)) {
		mcu_remark(m, "ep_receive: endpoint %#x is not a bulk-out endpoint", ep);
	} else if (e->busy) {
		mcu_remark(m, "ep_receive: endpoint %#x is busy", ep);
	} else if (!len) {
		mcu_remark(m, "ep_receive: a buffer of no bytes");
	} else {
		e->busy = true;
		e->out_buf = buf;
		e->out_room = len;
		udc_receive_again(m->udc, ep);
	}
}

void udc_abort(struct mcu *m, uint8_t ep)
{
	struct endpoint *e = udc_usable(m, ep, "ep_abort");

	if (!e)
		return;
	e->busy = false;
	e->era = ++m->udc->eras;
	mutate_abort(m, ep);
}

bool udc_busy(struct mcu *m, uint8_t ep)
{
	return udc_at(m->udc, ep)->busy;
}

/* Endpoint 0 is refused with udc_ep0_stall, and no longer halted at the next SETUP: USB 2.0, 8.5.3.4. */
static bool is_bulk(struct mcu *m, uint8_t ep, const char *call)
{
	if (!udc_usable(m, ep, call))
		return false;
	if (!(ep & MSC_EP_NUMBER))
		mcu_remark(m, "%s: endpoint %#x is a control endpoint", call, ep);
	return ep & MSC_EP_NUMBER;
}

void udc_stall(struct mcu *m, uint8_t ep)
{
	if (is_bulk(m, ep, "ep_stall"))
		mutate_stall(m, ep);
}

void udc_unstall(struct mcu *m, uint8_t ep)
{
	if (is_bulk(m, ep, "ep_unstall"))
		mutate_unstall(m, ep, true);
}

void udc_unstall_keep(struct mcu *m, uint8_t ep)
{
	if (is_bulk(m, ep, "ep_unstall_keep"))
		mutate_unstall(m, ep, false);
}

bool udc_stalled(struct mcu *m, uint8_t ep)
{
	const struct endpoint *e = udc_at(m->udc, ep);

	return e->open && e->halt_asked;
}
