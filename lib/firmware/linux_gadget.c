/* SPDX-License-Identifier: BSD-2-Clause */
/* `sim:linux-gadget`: behaves as the Linux Mass Storage Function, kernel 6.1, as an STM32F7 board
 * runs it. This file is the transport and the task; linux_gadget_scsi.c is the disk.
 *
 * Promises: in each of the thirteen cases, and after wrong requests and CBWs, it transfers the
 * bytes, stalls (or not), and reports the residue, status and sense that the kernel does, faults
 * included. The lengths of its pauses are its own, but for one: with stall=1 it waits 100 ms
 * before it halts bulk-in behind data that was too short, because the controller refuses to halt
 * an endpoint that still has something to send.
 *
 * One task does all the work; interrupts only move buffers and raise exceptions.
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
#include "firmware/linux_gadget.h"

#include <string.h>

#include "base/clock.h"
#include "firmware/firmware.h"

#define MAX_PACKET_FS 64
#define MAX_PACKET_HS 512
#define HALT_RETRY_NS (100 * MSC_MS)

static uint32_t max_packet(struct mcu *m)
{
	return mcu_speed(m) == MSC_SPEED_HIGH ? MAX_PACKET_HS : MAX_PACKET_FS;
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

static void in_done(struct mcu *m, uint8_t ep)
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

static void out_done(struct mcu *m, uint8_t ep, size_t len)
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

static void forget_transfers(struct gadget *g)
{
	g->in.n = 0;
	g->out.n = 0;
}

/* -- exceptions ------------------------------------------------------------------------------ */

static void raise_exception(struct mcu *m, enum gadget_exception e)
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
		udc_ep0_ack(m);
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
	forget_transfers(g);
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
			raise_exception(m, ABORT_BULK_OUT);
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
	raise_exception(m, ABORT_BULK_OUT);
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

static void task(struct mcu *m)
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

/* -- requests -------------------------------------------------------------------------------- */

static void setup(struct mcu *m, const struct msc_setup *q)
{
	struct gadget *g = mcu_state(m);
	const uint8_t to_interface = MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE;
	uint8_t max_lun = (uint8_t)(g->knob.luns - 1);

	if (usbd_setup(m, &g->usbd, q))
		return;
	g->requests++;
	if (!g->running || q->value || q->index)
		udc_ep0_stall(m);
	else if (q->request_type == to_interface && q->request == MSC_REQ_BULK_ONLY_RESET &&
		 q->length == 0)
		raise_exception(m, PROTOCOL_RESET); /* the task will acknowledge it */
	else if (q->request_type == (MSC_REQTYPE_IN | to_interface) &&
		 q->request == MSC_REQ_GET_MAX_LUN && q->length == 1)
		udc_ep0_send(m, &max_lun, 1);
	else
		udc_ep0_stall(m);
}

static void change_configuration(struct mcu *m, bool enabled)
{
	struct gadget *g = mcu_state(m);

	g->enabled = enabled;
	g->wedged = false;
	forget_transfers(g);
	raise_exception(m, CONFIG_CHANGE);
}

static void configured(struct mcu *m, uint8_t value)
{
	change_configuration(m, value != 0);
}

static bool may_unhalt(struct mcu *m, uint8_t ep)
{
	const struct gadget *g = mcu_state(m);

	return ep != GADGET_EP_IN || !g->wedged;
}

static void reset(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	usbd_reset(m, &g->usbd);
	change_configuration(m, false);
}

/* -- power-on -------------------------------------------------------------------------------- */

static const struct usbd_endpoint endpoints[] = {
	{GADGET_EP_IN, MAX_PACKET_FS, MAX_PACKET_HS},
	{GADGET_EP_OUT, MAX_PACKET_FS, MAX_PACKET_HS},
};

static const struct usbd_interface interfaces[] = {{
	.interface_class = MSC_CLASS_MASS_STORAGE,
	.subclass = MSC_SUBCLASS_SCSI,
	.protocol = MSC_PROTOCOL_BULK_ONLY,
	.i_interface = 5,
	.endpoints = endpoints,
	.n_endpoints = 2,
}};

static const struct usbd_descriptors descriptors = {
	.device = {.usb = 0x0200,
		   .vendor = 0x0525,
		   .product = 0xa4a5,
		   .release = 0x0601, /* the kernel's version */
		   .i_manufacturer = 1,
		   .i_product = 2,
		   .i_serial = 3},
	.attributes = 0x80,
	.max_power = 1, /* 2 mA */
	.i_configuration = 4,
	.interfaces = interfaces,
	.n_interfaces = 1,
	.strings = {NULL, "Linux", "Mass Storage Gadget", NULL, "Linux File-Backed Storage",
		    "Mass Storage"},
};

/* A unit without a file has no medium, unless `blocks` gives it one in memory. The file is that
 * of unit 0. */
static void insert_media(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	for (uint8_t i = 0; i < g->knob.luns; i++) {
		const struct card_geometry c = {
			.blocks = g->knob.blocks,
			.block_size = GADGET_BLOCK,
			.path = i == 0 && g->knob.file[0] ? g->knob.file : NULL,
			.read_only = g->knob.ro,
		};
		struct gadget_lun *l = &g->luns[i];

		l->removable = g->knob.removable;
		l->ro = g->knob.ro;
		l->open = c.path || c.blocks;
		if (l->open)
			card_insert(m, i, &c);
	}
}

static void start(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	g->desc = descriptors;
	g->desc.strings[3] = g->knob.serial;
	g->desc.high_speed = mcu_speed(m) == MSC_SPEED_HIGH; /* the controller knows one speed */
	g->usbd.desc = &g->desc;
	g->usbd.configured = configured;
	g->usbd.may_unhalt = may_unhalt;
	insert_media(m);
	g->wake = sema_new(m);
	task_start(m, "file-storage", 1, task);
}

#define KNOB(member) offsetof(struct gadget, knob.member)
#define TEXT(member) sizeof(((struct gadget *)0)->knob.member)

static const struct msc_knob knobs[] = {
	{.name = "luns",
	 .type = MSC_KNOB_U32,
	 .offset = KNOB(luns),
	 .initial = "1",
	 .help = "logical units",
	 .min = 1,
	 .max = GADGET_LUNS_MAX},
	{.name = "stall",
	 .type = MSC_KNOB_BOOL,
	 .offset = KNOB(stall),
	 .initial = "1",
	 .help = "bulk endpoints may be halted (the board says 0)"},
	{.name = "removable",
	 .type = MSC_KNOB_BOOL,
	 .offset = KNOB(removable),
	 .initial = "1",
	 .help = "the medium can be taken out"},
	{.name = "ro",
	 .type = MSC_KNOB_BOOL,
	 .offset = KNOB(ro),
	 .initial = "0",
	 .help = "the medium is read-only"},
	{.name = "file",
	 .type = MSC_KNOB_TEXT,
	 .offset = KNOB(file),
	 .help = "the backing file of unit 0",
	 .text_size = TEXT(file)},
	{.name = "blocks",
	 .type = MSC_KNOB_U64,
	 .offset = KNOB(blocks),
	 .initial = "0",
	 .help = "512-byte blocks of a medium in memory; 0: as the file has, else no medium"},
	{.name = "serial",
	 .type = MSC_KNOB_TEXT,
	 .offset = KNOB(serial),
	 .initial = "123456",
	 .help = "serial number",
	 .text_size = TEXT(serial)},
	{0},
};

const struct msc_firmware msc_firmware_linux_gadget = {
	.name = "linux-gadget",
	.summary = "the Linux Mass Storage Function, two buffers, one task",
	.like = "g_mass_storage or configfs on Linux 6.1, such as on an STM32F7 board",
	.expect = "a short serial number; short data ended without padding when stall=0",
	.state_size = sizeof(struct gadget),
	.knobs = knobs,
	.vectors = {.start = start,
		    .reset = reset,
		    .setup = setup,
		    .in_done = in_done,
		    .out_done = out_done},
};
