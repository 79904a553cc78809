/* SPDX-License-Identifier: BSD-2-Clause */
/* The task of `linux-gadget` and its transport: what it does between a CBW and its CSW, and what
 * makes it drop everything.
 *
 *	             +----------------------- exception: start anew --------------------+
 *	             v                                                                  |
 *	not running --configured--> next_command --> gadget_command --> finish_reply --> send_status
 *	                               ^   |                                            |
 *	                               |   +-- not valid: wedge bulk-in, discard OUT    |
 *	                               +------------------------------------------------+
 *
 * The CSW is only queued: the next CBW may be received before the host has fetched it.
 */
#include "firmware/linux_gadget/gadget.h"

#include <string.h>

#include "base/clock.h"

#define HALT_RETRY_NS (100 * MSC_MS)

static uint32_t max_packet(struct mcu *m)
{
	return mcu_speed(m) == MSC_SPEED_HIGH ? GADGET_PACKET_HS : GADGET_PACKET_FS;
}

/* -- buffers and the controller -------------------------------------------------------------- */

static void start_first(struct mcu *m, struct gadget_queue *q, bool in)
{
	struct gadget_buffer *b = q->waiting[0];
	uint32_t packet = max_packet(m);

	if (in)
		udc_transmit(m, GADGET_EP_IN, b->data, b->in_len);
	else
		udc_receive(m, GADGET_EP_OUT, b->data,
			    (b->out_wanted + packet - 1) / packet * packet);
}

static void enqueue(struct mcu *m, struct gadget_queue *q, struct gadget_buffer *b, bool in)
{
	b->state = BUFFER_BUSY;
	b->zero_sent = false;
	q->waiting[q->n++] = b;
	if (q->n == 1)
		start_first(m, q, in);
}

/* The first of the queue is done. */
static void complete(struct mcu *m, struct gadget_queue *q, bool in)
{
	struct gadget *g = mcu_state(m);

	q->waiting[0]->state = in ? BUFFER_EMPTY : BUFFER_FULL;
	q->waiting[0] = q->waiting[1];
	if (--q->n)
		start_first(m, q, in);
	sema_give(m, g->wake);
}

void gadget_in_done(struct mcu *m, uint8_t ep)
{
	struct gadget *g = mcu_state(m);
	struct gadget_buffer *b = g->in.waiting[0];

	(void)ep;
	if (g->in.n == 0)
		return;
	if (b->zero && !b->zero_sent && b->in_len && b->in_len % max_packet(m) == 0) {
		b->zero_sent = true;
		udc_transmit(m, GADGET_EP_IN, b->data, 0);
		return;
	}
	complete(m, &g->in, true);
}

void gadget_out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct gadget *g = mcu_state(m);

	(void)ep;
	if (g->out.n == 0)
		return;
	g->out.waiting[0]->out_actual = len;
	complete(m, &g->out, false);
}

bool gadget_start_in(struct mcu *m, struct gadget_buffer *b)
{
	struct gadget *g = mcu_state(m);

	if (g->enabled)
		enqueue(m, &g->in, b, true);
	return g->enabled;
}

bool gadget_start_out(struct mcu *m, struct gadget_buffer *b, size_t len)
{
	struct gadget *g = mcu_state(m);

	b->out_wanted = len;
	if (g->enabled)
		enqueue(m, &g->out, b, false);
	return g->enabled;
}

bool gadget_wait(struct mcu *m, struct gadget_buffer *b)
{
	struct gadget *g = mcu_state(m);

	while (b->state == BUFFER_BUSY) {
		if (g->exception)
			return false;
		sema_take(m, g->wake);
	}
	return true;
}

void gadget_forget_transfers(struct gadget *g)
{
	g->in.n = 0;
	g->out.n = 0;
}

/* -- exceptions ------------------------------------------------------------------------------ */

void gadget_raise(struct mcu *m, enum gadget_exception e)
{
	struct gadget *g = mcu_state(m);

	if (g->exception > e)
		return;
	g->exception = e;
	g->exception_request = g->requests;
	sema_give(m, g->wake);
}

static void nap_is_over(struct mcu *m, void *nap)
{
	struct gadget *g = mcu_state(m);

	if ((uintptr_t)nap == g->naps)
		g->awake = true;
	sema_give(m, g->wake);
}

/* false: an exception has cut it short. */
static bool nap(struct mcu *m, int64_t ns)
{
	struct gadget *g = mcu_state(m);

	g->awake = false;
	g->naps++;
	mcu_timer(m, ns, nap_is_over, (void *)g->naps);
	while (!g->awake && !g->exception)
		sema_take(m, g->wake);
	return !g->exception;
}

/* The controller refuses to halt bulk-in while it has something to send. */
static bool halt_bulk_in(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	while (g->in.n)
		if (!nap(m, HALT_RETRY_NS))
			return false;
	if (g->enabled)
		udc_stall(m, GADGET_EP_IN);
	return true;
}

static void send_status(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	struct gadget_buffer *b = &g->buffer[g->fill];
	struct msc_csw csw = {
		.signature = MSC_CSW_SIGNATURE,
		.tag = g->tag,
		.residue = g->residue,
		.status = MSC_CSW_PASSED,
	};

	if (!gadget_wait(m, b))
		return;
	if (g->phase_error)
		csw.status = MSC_CSW_PHASE_ERROR;
	else if (g->lun ? g->lun->sense != 0 : !g->bad_lun_okay)
		csw.status = MSC_CSW_FAILED;
	msc_csw_pack(b->data, &csw);
	b->in_len = MSC_CSW_LEN;
	b->zero = false;
	if (gadget_start_in(m, b))
		g->fill ^= 1;
}

/* Every exception but ABORT_BULK_OUT forgets sense data and unit attentions. */
static void forget_sense(struct gadget *g)
{
	for (struct gadget_lun *l = g->luns; l < g->luns + g->knob.luns; l++) {
		l->prevented = false;
		l->sense = 0;
		l->attention = 0;
		l->information = 0;
		l->information_valid = false;
	}
}

/* The kernel ends the wedge that it had to set, though BOT 1.0, 3.1 wants halts preserved. */
static void protocol_reset(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	if (!g->enabled)
		return;
	if (g->ignore_out) {
		g->ignore_out = false;
		g->wedged = false;
		udc_unstall(m, GADGET_EP_IN);
	}
	if (g->requests == g->exception_request)
		usbd_ack(m, &g->usbd);
}

static void config_change(struct gadget *g)
{
	g->running = g->enabled;
	if (!g->running)
		return;
	g->ignore_out = false;
	for (uint32_t i = 0; i < g->knob.luns; i++)
		g->luns[i].attention = 0x062900; /* power on or reset */
}

static void handle_exception(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	enum gadget_exception e;

	if (g->in.n)
		udc_abort(m, GADGET_EP_IN);
	if (g->out.n)
		udc_abort(m, GADGET_EP_OUT);
	gadget_forget_transfers(g);
	e = g->exception;
	g->exception = NO_EXCEPTION;
	for (unsigned i = 0; i < GADGET_BUFFERS; i++)
		g->buffer[i].state = BUFFER_EMPTY;
	g->fill = 0;
	g->drain = 0;
	if (e != ABORT_BULK_OUT)
		forget_sense(g);
	switch (e) {
	case ABORT_BULK_OUT:
		send_status(m);
		break;
	case PROTOCOL_RESET:
		protocol_reset(m);
		break;
	case CONFIG_CHANGE:
		config_change(g);
		break;
	case NO_EXCEPTION:
		break;
	}
}

/* -- the task -------------------------------------------------------------------------------- */

/* BOT 1.0, 6.6.1, as far as a controller driver lets the kernel. */
static void not_valid(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	if (halt_bulk_in(m))
		g->wedged = true;
	g->ignore_out = true;
}

static void not_meaningful(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	if (!g->knob.stall || !g->enabled)
		return;
	udc_stall(m, GADGET_EP_OUT);
	halt_bulk_in(m);
}

static bool received_cbw(struct mcu *m, const struct gadget_buffer *b)
{
	struct gadget *g = mcu_state(m);
	struct msc_cbw cbw;

	if (g->ignore_out)
		return false;
	if (b->out_actual == MSC_CBW_LEN)
		msc_cbw_unpack(&cbw, b->data);
	if (b->out_actual != MSC_CBW_LEN || cbw.h.signature != MSC_CBW_SIGNATURE) {
		not_valid(m);
		return false;
	}
	if (cbw.h.lun >= GADGET_LUNS_MAX || cbw.h.flags & MSC_CBW_FLAGS_ZERO ||
	    cbw.h.cb_length == 0 || cbw.h.cb_length > MSC_CBW_CB_MAX) {
		not_meaningful(m);
		return false;
	}
	g->cb_length = cbw.h.cb_length;
	memcpy(g->cb, cbw.cb, g->cb_length); /* what was behind it stays from the last command */
	g->length = cbw.h.length;
	g->dir = g->length == 0			     ? GADGET_NONE
		 : cbw.h.flags & MSC_CBW_FLAG_IN ? GADGET_IN
						 : GADGET_OUT;
	g->lun_number = cbw.h.lun;
	g->lun = cbw.h.lun < g->knob.luns ? &g->luns[cbw.h.lun] : NULL;
	g->tag = cbw.h.tag;
	return true;
}

static bool next_command(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	struct gadget_buffer *b = &g->buffer[g->fill];
	bool received;

	if (!gadget_wait(m, b) || !gadget_start_out(m, b, MSC_CBW_LEN) || !gadget_wait(m, b))
		return false;
	received = received_cbw(m, b);
	b->state = BUFFER_EMPTY;
	return received;
}

/* Bulk-out is never halted: packets may have been taken already, and the host would not see it. */
static bool throw_away(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	for (;;) {
		struct gadget_buffer *full = &g->buffer[g->drain];
		struct gadget_buffer *next = &g->buffer[g->fill];

		if (full->state == BUFFER_EMPTY && g->usb_left == 0)
			return true;
		if (next->state == BUFFER_EMPTY && g->usb_left > 0) {
			uint32_t n = g->usb_left < GADGET_BUFFER ? g->usb_left : GADGET_BUFFER;

			if (!gadget_start_out(m, next, n))
				return false;
			g->fill ^= 1;
			g->usb_left -= n;
			continue;
		}
		if (!gadget_wait(m, full))
			return false;
		full->state = BUFFER_EMPTY;
		g->drain ^= 1;
		if (full->out_actual < full->out_wanted) {
			gadget_raise(m, ABORT_BULK_OUT);
			return false;
		}
	}
}

/* Less than the host expects ends with a short or empty packet, and with stall=1 in a halt. */
static bool finish_in(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	struct gadget_buffer *b = &g->buffer[g->fill];

	b->zero = g->residue != 0;
	if (!gadget_start_in(m, b))
		return false;
	g->fill ^= 1;
	return !b->zero || !g->knob.stall || halt_bulk_in(m);
}

static bool finish_out(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	if (g->residue == 0)
		return true;
	if (!g->short_packet)
		return throw_away(m);
	gadget_raise(m, ABORT_BULK_OUT);
	return false;
}

static bool finish_reply(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	switch (g->dir) {
	case GADGET_IN:
		return finish_in(m);
	case GADGET_OUT:
		return finish_out(m);
	case GADGET_NONE:
		break;
	}
	return true;
}

void gadget_task(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	for (;;) {
		if (g->exception)
			handle_exception(m);
		else if (!g->running)
			sema_take(m, g->wake);
		else if (next_command(m) && !g->exception && gadget_command(m) && !g->exception &&
			 finish_reply(m) && !g->exception)
			send_status(m);
	}
}
