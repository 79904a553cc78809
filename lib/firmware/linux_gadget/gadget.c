/* SPDX-License-Identifier: BSD-2-Clause */
/* `sim:linux-gadget`: behaves as the Linux Mass Storage Function, kernel 6.1, as an STM32F7 board
 * runs it. This file is the device: its descriptors, its requests and its knobs. The task is in
 * linux_gadget_task.c, the disk in linux_gadget_scsi.c and linux_gadget_medium.c.
 *
 * Promises: in each of the thirteen cases, and after wrong requests and CBWs, it transfers the
 * bytes, stalls (or not), and reports the residue, status and sense that the kernel does, faults
 * included. The lengths of its pauses are its own, but for one: with stall=1 it waits 100 ms
 * before it halts bulk-in behind data that was too short, because the controller refuses to halt
 * an endpoint that still has something to send.
 *
 * Not modelled: the FIFO that dummy_hcd emulates. There a CSW of 13 bytes that was handed over
 * cannot be taken back, and comes even after Bulk-Only Mass Storage Reset; the board's controller
 * flushes its FIFO.
 *
 * Interrupts only move buffers and raise exceptions; one task does all the work.
 */
#include "firmware/linux_gadget/gadget.h"

#include "firmware/firmware.h"

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
		usbd_stall(m, &g->usbd);
	else if (q->request_type == to_interface && q->request == MSC_REQ_BULK_ONLY_RESET &&
		 q->length == 0)
		gadget_raise(m, PROTOCOL_RESET); /* the task will acknowledge it */
	else if (q->request_type == (MSC_REQTYPE_IN | to_interface) &&
		 q->request == MSC_REQ_GET_MAX_LUN && q->length == 1)
		usbd_send(m, &g->usbd, &max_lun, 1);
	else
		usbd_stall(m, &g->usbd);
}

USBD_EP0(struct gadget)

static void change_configuration(struct mcu *m, bool enabled)
{
	struct gadget *g = mcu_state(m);

	g->enabled = enabled;
	g->wedged = false;
	gadget_forget_transfers(g);
	gadget_raise(m, CONFIG_CHANGE);
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

/* What the owner writes into `file` and `forced_eject` of a unit: fsg_store_file and
 * fsg_store_forced_eject. It waits for the command under way: gadget_command holds the card. */
static void card(struct mcu *m, uint8_t slot, bool present)
{
	struct gadget *g = mcu_state(m);
	struct gadget_lun *l = &g->luns[slot];

	if (slot >= g->knob.luns)
		return;
	if (l->open) {
		l->prevented = false;
		l->attention = GADGET_NOT_PRESENT;
	}
	l->open = present;
	l->ro = g->knob.ro || card_read_only(m, slot);
	if (present)
		l->attention = 0x062800; /* not ready to ready */
}

/* An empty line into `file`: refused while removal is prevented. */
static void eject(struct mcu *m, uint8_t slot)
{
	struct gadget *g = mcu_state(m);
	struct gadget_lun *l = &g->luns[slot];

	if (slot >= g->knob.luns || !l->open || l->prevented)
		return;
	l->open = false;
	l->attention = GADGET_NOT_PRESENT;
}

/* -- power-on -------------------------------------------------------------------------------- */

static const struct usbd_endpoint endpoints[] = {
	{GADGET_EP_IN, GADGET_PACKET_FS, GADGET_PACKET_HS, 0},
	{GADGET_EP_OUT, GADGET_PACKET_FS, GADGET_PACKET_HS, 1},
};

static const struct usbd_interface interfaces[] = { {
	.interface_class = MSC_CLASS_MASS_STORAGE,
	.subclass = MSC_SUBCLASS_SCSI,
	.protocol = MSC_PROTOCOL_BULK_ONLY,
	.i_interface = 5,
	.endpoints = endpoints,
	.n_endpoints = 2,
} };

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
		card_insert(m, i, &c);
		l->open = card_present(m, i);
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
	task_start(m, "file-storage", 1, gadget_task);
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
		    .ep0_in = ep0_in,
		    .ep0_out = ep0_out,
		    .in_done = gadget_in_done,
		    .out_done = gadget_out_done,
		    .card = card,
		    .eject = eject},
};
