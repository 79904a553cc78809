/* SPDX-License-Identifier: BSD-2-Clause */
/* `sim:stm32`: a card reader on a microcontroller with a full-speed USB peripheral and an SD card
 * on SPI, in the five stages in which its author made it faster. This file is the wrappers: what
 * ST's mass-storage class does in USB interrupts, brought up to what BOT 1.0 asks of it, because
 * the model is about time. stm32.h lists the other files.
 *
 *	             +-- Di --> DATA_IN --> LAST_DATA_IN --+
 *	             |                                     |
 *	IDLE --------+-- Dn -------------------------------+--> STATUS --- the CSW was taken --+
 *	 ^  |        |                                     |                                   |
 *	 |  |        +-- Do --> DATA_OUT_1ST --> DATA_OUT -+                                   |
 *	 |  +-- CBW not valid --> BROKEN                                                       |
 *	 +--------- WAITING <---- Bulk-Only Reset (from any state) --------------------------- +
 */
#include <string.h>

#include "firmware/firmware.h"
#include "firmware/stm32/stm32.h"

/* -- command and status transport ------------------------------------------------------------ */

static void await_command(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	s->state = IDLE;
	udc_receive(m, EP_OUT, s->packet, MAX_PACKET);
}

/* BOT 1.0, 5.2 and 5.3.3. Behind a halt the CSW waits in the peripheral. */
static void send_status(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);
	const struct msc_csw csw = { .signature = MSC_CSW_SIGNATURE,
				     .tag = s->cbw.h.tag,
				     .residue = s->residue,
				     .status = s->phase_error  ? MSC_CSW_PHASE_ERROR
					       : s->job.failed ? MSC_CSW_FAILED
							       : MSC_CSW_PASSED };

	msc_csw_pack(s->csw, &csw);
	s->state = STATUS;
	udc_transmit(m, EP_IN, s->csw, sizeof s->csw);
}

/* BOT 1.0, 6.7.2: less than the host expects obliges to STALL. */
void stm32_end_of_in(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	if (s->residue)
		udc_stall(m, EP_IN);
	send_status(m);
}

/* BOT 1.0, 6.7.3: what the host still has to send is refused. */
static void refuse_rest(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	if (s->host_left && !s->phase_error)
		udc_stall(m, EP_OUT);
	send_status(m);
}

void stm32_end_of_out(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	s->state = WAITING;
	if (udc_busy(m, EP_OUT))
		udc_abort(m, EP_OUT);
	stm32_abandon(m, refuse_rest);
}

/* -- commands -------------------------------------------------------------------------------- */

static void send_reply(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);
	size_t len = (size_t)s->job.length;

	s->residue -= (uint32_t)len;
	s->state = LAST_DATA_IN;
	udc_transmit(m, EP_IN, s->job.reply, len);
}

/* BOT 1.0, 6.2.2; a unit that does not exist is left to the commands. */
static bool meaningful(const struct msc_cbw_header *h)
{
	return !(h->flags & MSC_CBW_FLAGS_ZERO) && !(h->lun & MSC_CBW_LUN_ZERO) &&
	       h->cb_length >= 1 && h->cb_length <= MSC_CBW_CB_MAX;
}

/* BOT 1.0, 6.7: cases 2, 3, 7, 8, 10 and 13. */
static bool host_disagrees(const struct stm32_job *job, const struct msc_cbw_header *h)
{
	bool host_in = h->flags & MSC_CBW_FLAG_IN;

	if (job->dir == DIR_NONE || job->length == 0)
		return false;
	return h->length < job->length || host_in != (job->dir == DIR_IN);
}

static void execute(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);
	const struct msc_cbw_header *h = &s->cbw.h;
	bool host_in = h->flags & MSC_CBW_FLAG_IN;

	s->phase_error = true; /* 6.4 leaves open what a CBW without meaning gets */
	if (meaningful(h)) {
		/* 5.1: only bCBWCBLength bytes of CBWCB count */
		memset(s->cbw.cb + h->cb_length, 0, MSC_CBW_CB_MAX - h->cb_length);
		stm32_command(m, h->lun, s->cbw.cb, h->cb_length);
		s->phase_error = host_disagrees(&s->job, h);
	}
	s->residue = h->length;
	s->host_left = host_in ? 0 : h->length;
	if (s->job.failed || s->phase_error)
		s->job.length = 0;

	if (h->length == 0) { /* 5.1: the direction bit means nothing then */
		send_status(m);
	} else if (s->job.length == 0) {
		udc_stall(m, host_in ? EP_IN : EP_OUT);
		send_status(m);
	} else if (!s->job.medium) {
		send_reply(m);
	} else if (host_in) {
		stm32_begin_in(m);
	} else {
		stm32_begin_out(m);
	}
}

static void command_received(struct mcu *m, size_t len)
{
	struct stm32 *s = mcu_state(m);

	if (len == MSC_CBW_LEN)
		msc_cbw_unpack(&s->cbw, s->packet);
	if (len == MSC_CBW_LEN && s->cbw.h.signature == MSC_CBW_SIGNATURE) {
		execute(m);
		return;
	}
	s->state = BROKEN; /* 6.6.1 */
	udc_stall(m, EP_IN);
	udc_stall(m, EP_OUT);
}

/* -- interrupts ------------------------------------------------------------------------------ */

static void in_done(struct mcu *m, uint8_t ep)
{
	struct stm32 *s = mcu_state(m);

	(void)ep;
	if (s->state == STATUS)
		await_command(m);
	else if (s->state == LAST_DATA_IN && !s->job.medium)
		stm32_end_of_in(m);
	else if (s->state == DATA_IN || s->state == LAST_DATA_IN)
		stm32_block_sent(m);
}

static void out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct stm32 *s = mcu_state(m);

	(void)ep;
	if (s->state == IDLE)
		command_received(m, len);
	else if (s->state == DATA_OUT_1ST || s->state == DATA_OUT)
		stm32_block_received(m, len);
}

static void reset_is_complete(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	await_command(m);
	if (s->reset_owed)
		usbd_ack(m, &s->usbd);
	s->reset_owed = false;
}

/* BOT 1.0, 3.1: readies the device for the next CBW; the host is answered when it is. Toggles and
 * halts stay as they are. */
static void bulk_only_reset(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	if (udc_busy(m, EP_IN))
		udc_abort(m, EP_IN);
	if (udc_busy(m, EP_OUT))
		udc_abort(m, EP_OUT);
	s->state = WAITING;
	s->reset_owed = true;
	stm32_abandon(m, reset_is_complete);
}

static void setup(struct mcu *m, const struct msc_setup *q)
{
	static const uint8_t max_lun;
	struct stm32 *s = mcu_state(m);
	const uint8_t to_interface = MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE;
	bool well_formed = s->state != OFF && q->value == 0 && q->index == 0;

	s->reset_owed = false;
	if (usbd_setup(m, &s->usbd, q))
		return;
	if (well_formed && q->request_type == to_interface &&
	    q->request == MSC_REQ_BULK_ONLY_RESET && q->length == 0)
		bulk_only_reset(m);
	else if (well_formed && q->request_type == (MSC_REQTYPE_IN | to_interface) &&
		 q->request == MSC_REQ_GET_MAX_LUN && q->length == 1)
		usbd_send(m, &s->usbd, &max_lun, 1);
	else
		usbd_stall(m, &s->usbd);
}

USBD_EP0(struct stm32)

/* USB 2.0, 9.1.1.5: the endpoints are new; the card may still be busy with what was before. */
static void configured(struct mcu *m, uint8_t value)
{
	struct stm32 *s = mcu_state(m);

	s->state = value ? WAITING : OFF;
	stm32_abandon(m, value ? await_command : NULL);
}

/* BOT 1.0, 6.6.1: after a CBW that is not valid, CLEAR_FEATURE alone does not end the halts. */
static bool may_unhalt(struct mcu *m, uint8_t ep)
{
	const struct stm32 *s = mcu_state(m);

	(void)ep;
	return s->state != BROKEN;
}

static void reset(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	s->state = OFF;
	s->sense = 0;
	stm32_abandon(m, NULL);
	usbd_reset(m, &s->usbd);
}

/* The switch in the socket. What the card was asked for fails by itself. */
static void card(struct mcu *m, uint8_t slot, bool present)
{
	struct stm32 *s = mcu_state(m);

	(void)slot;
	s->new_card = present;
	s->changed = true;
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
	.endpoints = endpoints,
	.n_endpoints = 2,
} };

static const struct usbd_descriptors descriptors = {
	.device = {.usb = 0x0200,
		   .vendor = 0x0483,
		   .product = 0x572a,
		   .release = 0x0200,
		   .i_manufacturer = 1,
		   .i_product = 2,
		   .i_serial = 3},
	.attributes = 0x80, /* powered by the bus */
	.max_power = 50,    /* 100 mA */
	.interfaces = interfaces,
	.n_interfaces = 1,
	.strings = {NULL, "STMicroelectronics", "STM32 Mass Storage", "066DFF535051717867"},
};

/* When the tasks begin is not tied to the bus: how the tick lies in the host's frame differs from
 * one power-on to the next. */
static void start(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);
	int64_t extra = (int64_t)(mcu_random(m) % 1000000);

	s->usbd.desc = &descriptors;
	s->usbd.configured = configured;
	s->usbd.may_unhalt = may_unhalt;
	stm32_insert_card(m);
	stm32_make_objects(m);
	mcu_timer(m, stm32_times.power_on_ns + extra, stm32_start_tasks, NULL);
}

#define KNOB(member) offsetof(struct stm32, knob.member)
static const char *const stage_names[] = {
	"cube", "async", "double", "single-block", "yield", NULL
};
static const char *const cluster_names[] = { "4k", "16k", "32k", NULL };

static const struct msc_knob knobs[] = {
	{ "stage", MSC_KNOB_CHOICE, KNOB(stage), "yield", "the stage of the firmware", 0, 0,
	  stage_names, 0 },
	{ "card", MSC_KNOB_CHOICE, KNOB(card), "c6-8g", "the SD card", 0, 0, stm32_card_names, 0 },
	{ "cluster", MSC_KNOB_CHOICE, KNOB(cluster), "4k", "bytes in a cluster of its FAT32 volume",
	  0, 0, cluster_names, 0 },
	{ "file", MSC_KNOB_TEXT, KNOB(file), NULL, "a file to hold the card's blocks instead", 0, 0,
	  NULL, sizeof(((struct stm32 *)0)->knob.file) },
	{ "tick", MSC_KNOB_DURATION, KNOB(tick_ns), "1ms",
	  "period of the operating system's tick; 0ms: none, tasks switch at once", 0, 0, NULL, 0 },
	{ "command", MSC_KNOB_DURATION, KNOB(command_ns), "0us",
	  "a command to the card; 0us: as published", 0, 0, NULL, 0 },
	{ "read-wait", MSC_KNOB_DURATION, KNOB(read_wait_ns), "0us",
	  "minimum wait from a read command to its block, with the distribution scaled; 0us: the card's own",
	  0, 0, NULL, 0 },
	{ "write-wait", MSC_KNOB_DURATION, KNOB(write_wait_ns), "0us",
	  "minimum wait after a block is written, with the distribution scaled; 0us: the card's own",
	  0, 0, NULL, 0 },
	{ "block", MSC_KNOB_DURATION, KNOB(block_ns), "0us",
	  "512 bytes over SPI, either way; 0us: as published", 0, 0, NULL, 0 },
	{ "pauses", MSC_KNOB_BOOL, KNOB(pauses), "1", "some writes take 100 to 500 ms", 0, 0, NULL,
	  0 },
	{ "selftest", MSC_KNOB_BOOL, KNOB(selftest), "0",
	  "a task reads the card without USB and prints the speed (not in stage cube)", 0, 0, NULL,
	  0 },
	{ "cpu-load", MSC_KNOB_BOOL, KNOB(load), "0",
	  "prints the share of ticks in which the idle task never ran (not in stage cube)", 0, 0,
	  NULL, 0 },
	{ 0 },
};

const struct msc_firmware msc_firmware_stm32 = {
	.name = "stm32",
	.summary = "SD card on SPI behind full-speed USB, in five stages from slow to fast",
	.like = "an STM32F103 with ST's USB device library, FreeRTOS and an SD card",
	.expect =
		"passes in every profile: unlike ST's class it conforms, because it is about time",
	.state_size = sizeof(struct stm32),
	.knobs = knobs,
	.vectors = {.start = start,
		    .reset = reset,
		    .setup = setup,
		    .ep0_in = ep0_in,
		    .ep0_out = ep0_out,
		    .in_done = in_done,
		    .out_done = out_done,
		    .sd_done = stm32_sd_done,
		    .card = card},
	.full_speed_only = true,
};
