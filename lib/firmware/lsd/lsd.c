/* SPDX-License-Identifier: BSD-2-Clause */
/* `sim:lsd`: the Live Storage Device, a disk whose files are the peripherals of a board. port.h lists
 * the files, docs/lsd.md says what of the document is where. All is done in the USB interrupt. */
#include <string.h>

#include "firmware/firmware.h"
#include "firmware/lsd/port.h"

static void setup(struct mcu *m, const struct msc_setup *q)
{
	static const uint8_t max_lun;
	struct lsd_port *s = mcu_state(m);
	const uint8_t to_interface = MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE;
	bool well_formed = s->stage != STAGE_OFF && q->value == 0 && q->index == 0;

	if (usbd_setup(m, &s->usbd, q))
		return;
	if (well_formed && q->request_type == to_interface &&
	    q->request == MSC_REQ_BULK_ONLY_RESET && q->length == 0) {
		msc_reset(m);
		usbd_ack(m, &s->usbd);
	} else if (well_formed && q->request_type == (MSC_REQTYPE_IN | to_interface) &&
		   q->request == MSC_REQ_GET_MAX_LUN && q->length == 1) {
		usbd_send(m, &s->usbd, &max_lun, 1);
	} else {
		usbd_stall(m, &s->usbd);
	}
}

USBD_EP0(struct lsd_port)

static void configured(struct mcu *m, uint8_t value)
{
	struct lsd_port *s = mcu_state(m);

	s->stage = STAGE_OFF;
	if (value)
		msc_await_command(m);
}

/* BOT 1.0, 6.6.1: after a CBW that is not valid, CLEAR_FEATURE alone does not end the halts. */
static bool may_unhalt(struct mcu *m, uint8_t ep)
{
	const struct lsd_port *s = mcu_state(m);

	(void)ep;
	return s->stage != STAGE_ERROR;
}

static void reset(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);

	s->stage = STAGE_OFF;
	usbd_reset(m, &s->usbd);
}

/* -- power-on -------------------------------------------------------------------------------- */

static const struct usbd_endpoint endpoints[] = {
	{EP_IN, MAX_PACKET, 0},
	{EP_OUT, MAX_PACKET, 0},
};

static const struct usbd_interface interfaces[] = { {
	.interface_class = MSC_CLASS_MASS_STORAGE,
	.subclass = MSC_SUBCLASS_SCSI,
	.protocol = MSC_PROTOCOL_BULK_ONLY,
	.i_interface = 4,
	.endpoints = endpoints,
	.n_endpoints = 2,
} };

static const struct usbd_descriptors descriptors = {
	.device = {.usb = 0x0200,
		   .vendor = 0xc251, /* Keil Software */
		   .product = 0x1303,
		   .release = 0x0100,
		   .i_manufacturer = 1,
		   .i_product = 2,
		   .i_serial = 3},
	.attributes = 0x80, /* powered by the bus */
	.max_power = 50,    /* 100 mA */
	.interfaces = interfaces,
	.n_interfaces = 1,
	.strings = {NULL, "Keil Software", "Live Storage Device", "DEMO00000000", "Memory"},
};

static void start(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);

	s->usbd.desc = &descriptors;
	s->usbd.configured = configured;
	s->usbd.may_unhalt = may_unhalt;
	memset(s->board.text, ' ', sizeof s->board.text);
	if (!lsd_init(&s->core, &lsd_board, m))
		mcu_print(m, "the files that are linked in do not fit");
}

#define KNOB(member) offsetof(struct lsd_port, member)

static const struct msc_knob knobs[] = {
	{ .name = "button",
	  .type = MSC_KNOB_BOOL,
	  .offset = KNOB(button),
	  .initial = "0",
	  .live = true,
	  .help = "somebody presses it" },
	{ .name = "joystick",
	  .type = MSC_KNOB_CHOICE,
	  .offset = KNOB(joystick),
	  .initial = "center",
	  .live = true,
	  .choices = lsd_directions,
	  .help = "where it is pointed" },
	{ .name = "temperature",
	  .type = MSC_KNOB_TENTHS,
	  .offset = KNOB(temperature),
	  .initial = "25.0",
	  .live = true,
	  .help = "degrees Celsius at the thermometer" },
	{ .name = NULL },
};

const struct msc_firmware msc_firmware_lsd = {
	.name = "lsd",
	.summary = "a full disk whose files are the peripherals of a board",
	.like = "the Live Storage Device on an LPC2148 with Keil's mass storage example",
	.expect =
		"fails where Keil's example departs from BOT 1.0 and SPC-2: docs/lsd.md has the list",
	.state_size = sizeof(struct lsd_port),
	.knobs = knobs,
	.vectors = {.start = start,
		    .reset = reset,
		    .setup = setup,
		    .ep0_in = ep0_in,
		    .ep0_out = ep0_out,
		    .in_done = msc_in_done,
		    .out_done = msc_out_done},
	.full_speed_only = true,
};
