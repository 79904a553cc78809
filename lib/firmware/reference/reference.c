/* SPDX-License-Identifier: BSD-2-Clause */
/* `sim:reference`: a disk that conforms to BOT 1.0 in every branch, and says which clause each
 * branch obeys. This file is the transport; reference_scsi.c and reference_pages.c are the disk.
 *
 * All work is done in interrupts. Two buffers take turns, so that the medium and the bus work at
 * the same time.
 *
 *	           +-- Di --> SENDING --- short of L: STALL, or ENDING ---+
 *	           |                                                      |
 *	COMMAND ---+-- Dn ------------------------------------------------+--> STATUS
 *	 ^  ^  |   |                                                      |      |
 *	 |  |  |   +-- Do --> RECEIVING ----------------------------------+      |
 *	 |  |  |                                                                 |
 *	 |  |  +-- CBW not valid --> BROKEN                                      |
 *	 |  +-------- Bulk-Only Reset (from any state)                           |
 *	 +---------------------------------------------- the CSW was taken ------+
 *
 *	OFF        not configured: no endpoint is open
 *	COMMAND    one packet is armed on bulk-out, for a CBW
 *	SENDING    buffer `turn` is armed on bulk-in; the other holds what follows it
 *	ENDING     a zero-length packet is armed on bulk-in (only with case5=short)
 *	RECEIVING  buffer `turn` is armed on bulk-out
 *	STATUS     the CSW is armed on bulk-in, perhaps behind a halt that the host must end first
 *	BROKEN     both bulk endpoints are halted and stay so: BOT 1.0, 6.6.1
 *
 * The thirteen cases of BOT 1.0, 6.7, with L for dCBWDataTransferLength:
 *
 *	1, 6, 12       what both expect is transferred
 *	4              STALL bulk-in, residue L
 *	5              Di bytes, then what the knob case5 says; residue L - Di
 *	9, 11          all L bytes are taken, Do of them used; residue L - Do
 *	2, 3           nothing is transferred; phase error
 *	7, 8, 10, 13   nothing is transferred, STALL where the host expects data; phase error
 */
#include <string.h>

#include "firmware/firmware.h"
#include "firmware/reference/reference.h"

#define BUFFER_SIZE 16384 /* a multiple of every block size and packet size */
#define CBW_ROOM    32u	  /* the least multiple of the small packet sizes that a CBW fits into */

enum phase { OFF, COMMAND, SENDING, ENDING, RECEIVING, STATUS, BROKEN };

struct buffer {
	size_t len, useful; /* bytes; of them, those that are not filler */
	uint8_t data[BUFFER_SIZE];
};

struct reference {
	struct reference_knobs knob; /* the first: knobs.c */

	struct usbd usbd;
	struct usbd_descriptors desc;
	struct scsi scsi;

	struct usbd_endpoint endpoints[2];
	struct usbd_interface interfaces[2];

	enum phase phase;
	uintptr_t round; /* of awaiting a CBW */
	struct msc_cbw cbw;
	bool phase_error;
	uint32_t residue;   /* L less what was processed: BOT 1.0, 5.2 */
	uint64_t job_left;  /* of Di or Do, what has yet to be got or used */
	uint32_t host_left; /* of L, what has yet to be filled or armed */
	uint8_t turn;	    /* the buffer that the bus uses */
	struct buffer buffer[2];
	uint8_t packet[MAX_PACKET_HS]; /* for a CBW */
	uint8_t csw[MSC_CSW_LEN];
};

static uint32_t max_packet(struct mcu *m)
{
	const struct reference *s = mcu_state(m);

	return mcu_speed(m) == MSC_SPEED_HIGH ? MAX_PACKET_HS : s->endpoints[0].full;
}

/* -- command and status transport ------------------------------------------------------------ */

/* BOT 1.0, 5.3.1: a CBW ends as a short packet, after 31 bytes. */
static void listen(struct mcu *m, void *round)
{
	struct reference *s = mcu_state(m);
	uint32_t packet = max_packet(m);

	if (s->phase == COMMAND && (uintptr_t)round == s->round)
		udc_receive(m, EP_OUT, s->packet, packet < CBW_ROOM ? CBW_ROOM : packet);
}

/* Until it has rested bulk-out answers NAK, which has no limit: USB 2.0, 8.4.6.1. */
static void await_command(struct mcu *m)
{
	struct reference *s = mcu_state(m);

	s->phase = COMMAND;
	s->round++;
	if (s->knob.rest)
		mcu_timer(m, s->knob.rest, listen, (void *)s->round);
	else
		listen(m, (void *)s->round);
}

/* BOT 1.0, 5.2 and 5.3.3. Behind a halt the CSW waits in the peripheral. */
static void send_status(struct mcu *m)
{
	struct reference *s = mcu_state(m);
	const struct msc_csw csw = {
		.signature = MSC_CSW_SIGNATURE,
		.tag = s->cbw.h.tag,
		.residue = s->residue,
		.status = s->phase_error       ? MSC_CSW_PHASE_ERROR
			  : s->scsi.job.failed ? MSC_CSW_FAILED
					       : MSC_CSW_PASSED,
	};

	msc_csw_pack(s->csw, &csw);
	s->phase = STATUS;
	udc_transmit(m, EP_IN, s->csw, sizeof s->csw);
}

static void stall_and_send_status(struct mcu *m, uint8_t ep)
{
	udc_stall(m, ep);
	send_status(m);
}

/* -- data to the host ------------------------------------------------------------------------ */

/* Gets what follows into the buffer that the bus does not use. With case5=pad filler comes behind
 * the last of it, in the same packet: a short packet would end the data. */
static void fill(struct mcu *m)
{
	struct reference *s = mcu_state(m);
	struct buffer *b = &s->buffer[s->turn ^ 1];
	size_t room;

	b->useful = s->job_left < BUFFER_SIZE ? (size_t)s->job_left : BUFFER_SIZE;
	if (b->useful && !scsi_get(m, &s->scsi, b->data, b->useful)) {
		b->useful = 0;
		s->job_left = 0;
	}
	s->job_left -= b->useful;
	s->host_left -= (uint32_t)b->useful;
	b->len = b->useful;
	if (s->knob.case5 != CASE5_PAD || s->job_left || s->host_left == s->cbw.h.length)
		return;
	room = BUFFER_SIZE - b->len;
	b->len += s->host_left < room ? s->host_left : room;
	memset(b->data + b->useful, 0, b->len - b->useful);
	s->host_left -= (uint32_t)(b->len - b->useful);
}

static void send_filled(struct mcu *m)
{
	struct reference *s = mcu_state(m);

	s->turn ^= 1;
	udc_transmit(m, EP_IN, s->buffer[s->turn].data, s->buffer[s->turn].len);
	fill(m);
}

/* BOT 1.0, 6.7.2: nothing more is to be sent. */
static void end_of_sending(struct mcu *m)
{
	struct reference *s = mcu_state(m);
	uint32_t sent = s->cbw.h.length - s->host_left;

	if (s->host_left == 0) {
		send_status(m); /* case 6; or case 5, padded */
	} else if (sent == 0 || s->knob.case5 != CASE5_SHORT) {
		stall_and_send_status(m, EP_IN); /* cases 4 and 5: less than L obliges to STALL */
	} else if (sent % max_packet(m) == 0) {
		s->phase = ENDING; /* not of BOT 1.0, but of many devices: a zero-length packet */
		udc_transmit(m, EP_IN, s->csw, 0);
	} else {
		send_status(m); /* the same: the last packet was short */
	}
}

static void begin_sending(struct mcu *m)
{
	struct reference *s = mcu_state(m);

	s->phase = SENDING;
	fill(m);
	if (s->buffer[s->turn ^ 1].len)
		send_filled(m);
	else
		end_of_sending(m);
}

static void in_done(struct mcu *m, uint8_t ep)
{
	struct reference *s = mcu_state(m);

	(void)ep;
	switch (s->phase) {
	case SENDING:
		s->residue -= (uint32_t)s->buffer[s->turn].useful;
		if (s->buffer[s->turn ^ 1].len)
			send_filled(m);
		else
			end_of_sending(m);
		break;
	case ENDING:
		send_status(m);
		break;
	case STATUS:
		await_command(m);
		break;
	case OFF:
	case COMMAND:
	case RECEIVING:
	case BROKEN:
		break;
	}
}

/* -- data from the host ---------------------------------------------------------------------- */

static void receive(struct mcu *m)
{
	struct reference *s = mcu_state(m);
	struct buffer *b = &s->buffer[s->turn];
	uint32_t packet = max_packet(m);

	b->len = s->host_left < BUFFER_SIZE ? s->host_left : BUFFER_SIZE;
	s->host_left -= (uint32_t)b->len;
	s->phase = RECEIVING;
	udc_receive(m, EP_OUT, b->data, (b->len + packet - 1) / packet * packet);
}

/* BOT 1.0, 6.7.3: cases 9, 11 and 12, and what is left of a command that failed on the way. */
static void received(struct mcu *m, size_t len)
{
	struct reference *s = mcu_state(m);
	struct buffer *b = &s->buffer[s->turn];
	bool last = len < b->len || s->host_left == 0; /* a short packet ends it early */
	size_t use = len < s->job_left ? len : (size_t)s->job_left;

	if (!last) {
		s->turn ^= 1;
		receive(m);
	}
	if (use && !s->scsi.job.failed) {
		s->residue -= (uint32_t)scsi_put(m, &s->scsi, b->data, use);
		s->job_left -= use;
	}
	if (last) {
		/* the host broke its word: 5.3.2 has no other answer for it */
		s->phase_error = s->job_left > 0 && !s->scsi.job.failed;
		send_status(m);
	}
}

/* -- commands -------------------------------------------------------------------------------- */

/* BOT 1.0, 6.2.2: reserved bits are zero, and the command block has a length that exists. A LUN
 * that does not exist is left to the SCSI half, which has words for it. */
static bool meaningful(const struct msc_cbw_header *h)
{
	return !(h->flags & MSC_CBW_FLAGS_ZERO) && !(h->lun & MSC_CBW_LUN_ZERO) &&
	       h->cb_length >= 1 && h->cb_length <= MSC_CBW_CB_MAX;
}

/* BOT 1.0, 6.7: cases 2, 3, 7, 8, 10 and 13, where more would have to move than the host expects,
 * or the other way. */
static bool host_disagrees(const struct scsi_job *job, uint32_t length, bool host_in)
{
	if (job->dir == SCSI_NO_DATA || job->length == 0)
		return false;
	return length < job->length || host_in != (job->dir == SCSI_IN);
}

static void execute(struct mcu *m)
{
	struct reference *s = mcu_state(m);
	const struct msc_cbw_header *h = &s->cbw.h;
	bool host_in = h->flags & MSC_CBW_FLAG_IN;

	if (meaningful(h)) {
		/* 5.1: only bCBWCBLength bytes of CBWCB count */
		memset(s->cbw.cb + h->cb_length, 0, MSC_CBW_CB_MAX - h->cb_length);
		scsi_start(m, &s->scsi, h->lun, s->cbw.cb, h->cb_length);
		s->phase_error = host_disagrees(&s->scsi.job, h->length, host_in);
	} else {
		s->phase_error = true; /* 6.4 leaves the answer open */
	}
	s->residue = h->length;
	s->host_left = h->length;
	s->turn = 0;
	s->job_left = s->scsi.job.failed || s->phase_error ? 0 : s->scsi.job.length;

	if (h->length == 0)
		send_status(m); /* 5.1: the direction bit means nothing then */
	else if (s->phase_error)
		stall_and_send_status(m, host_in ? EP_IN : EP_OUT);
	else if (host_in)
		begin_sending(m);
	else
		receive(m);
}

static void out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct reference *s = mcu_state(m);

	(void)ep;
	if (s->phase == RECEIVING) {
		received(m, len);
		return;
	}
	/* 6.2.1: a valid CBW has 31 bytes and the signature; its place is given by the phase */
	if (len == MSC_CBW_LEN)
		msc_cbw_unpack(&s->cbw, s->packet);
	if (len == MSC_CBW_LEN && s->cbw.h.signature == MSC_CBW_SIGNATURE) {
		execute(m);
		return;
	}
	s->phase = BROKEN; /* 6.6.1 */
	udc_stall(m, EP_IN);
	udc_stall(m, EP_OUT);
}

/* -- requests -------------------------------------------------------------------------------- */

/* BOT 1.0, 3.1: ends the command and readies the device for the next CBW; toggles and halts stay
 * as they are. */
static void bulk_only_reset(struct mcu *m)
{
	struct reference *s = mcu_state(m);

	if (udc_busy(m, EP_IN))
		udc_abort(m, EP_IN);
	if (udc_busy(m, EP_OUT))
		udc_abort(m, EP_OUT);
	await_command(m);
	usbd_ack(m, &s->usbd);
}

static void setup(struct mcu *m, const struct msc_setup *q)
{
	struct reference *s = mcu_state(m);
	const uint8_t to_interface = MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE;
	bool well_formed = s->phase != OFF && q->value == 0 && q->index == s->knob.composite;
	uint8_t max_lun = (uint8_t)(s->knob.luns - 1);

	if (usbd_setup(m, &s->usbd, q) || (s->knob.composite && sibling_setup(m, &s->usbd, q)))
		return;
	if (well_formed && q->request_type == to_interface &&
	    q->request == MSC_REQ_BULK_ONLY_RESET && q->length == 0)
		bulk_only_reset(m);
	else if (well_formed && q->request_type == (MSC_REQTYPE_IN | to_interface) &&
		 q->request == MSC_REQ_GET_MAX_LUN && q->length == 1)
		usbd_send(m, &s->usbd, &max_lun, 1); /* 3.2 */
	else
		usbd_stall(m, &s->usbd);
}

USBD_EP0(struct reference)

/* USB 2.0, 9.1.1.5: the endpoints are new, and nothing of before is left on them. */
static void configured(struct mcu *m, uint8_t value)
{
	struct reference *s = mcu_state(m);

	s->phase = OFF;
	if (value)
		await_command(m);
}

/* BOT 1.0, 6.6.1: after a CBW that is not valid, CLEAR_FEATURE alone does not end the halts. */
static bool may_unhalt(struct mcu *m, uint8_t ep)
{
	const struct reference *s = mcu_state(m);

	(void)ep;
	return s->phase != BROKEN;
}

static void reset(struct mcu *m)
{
	struct reference *s = mcu_state(m);

	s->phase = OFF;
	usbd_reset(m, &s->usbd);
	scsi_reset(&s->scsi);
}

static void card(struct mcu *m, uint8_t slot, bool present)
{
	struct reference *s = mcu_state(m);

	scsi_card(&s->scsi, slot, present);
}

static void eject(struct mcu *m, uint8_t slot)
{
	struct reference *s = mcu_state(m);

	scsi_eject(&s->scsi, slot);
}

/* -- power-on -------------------------------------------------------------------------------- */

static void start(struct mcu *m)
{
	struct reference *s = mcu_state(m);
	struct scsi_config *c = &s->scsi.config;

	s->desc = reference_descriptors;
	s->desc.strings[3] = s->knob.serial;
	s->desc.device.max_packet0 = (uint8_t)(8 << s->knob.ep0);
	for (size_t i = 0; i < MSC_COUNT(s->endpoints); i++) {
		s->endpoints[i] = reference_interfaces[1].endpoints[i];
		s->endpoints[i].full = (uint16_t)(8 << s->knob.packet);
		s->interfaces[i] = reference_interfaces[i];
	}
	s->interfaces[1].endpoints = s->endpoints;
	s->desc.interfaces = s->interfaces + !s->knob.composite;
	s->desc.n_interfaces = s->knob.composite ? 2 : 1;
	s->usbd.desc = &s->desc;
	s->usbd.configured = configured;
	s->usbd.may_unhalt = may_unhalt;

	c->luns = s->knob.luns;
	c->removable = s->knob.removable;
	c->attention = s->knob.attention;
	c->write_protect = s->knob.wp;
	c->block_size = 512u << s->knob.block_size;
	memcpy(c->serial, s->knob.serial, sizeof c->serial);
	scsi_reset(&s->scsi);
	reference_insert_media(m, &s->knob, c);
}

_Static_assert(offsetof(struct reference, knob) == 0, "as the table of knobs has it");

const struct msc_firmware msc_firmware_reference = {
	.name = "reference",
	.summary = "conforms in every branch; each branch cites its clause",
	.like = "the Bulk-Only Transport specification itself",
	.expect = "passes in every profile, with no warning",
	.state_size = sizeof(struct reference),
	.knobs = reference_knobs,
	.vectors = {.start = start,
		    .reset = reset,
		    .setup = setup,
		    .ep0_in = ep0_in,
		    .ep0_out = ep0_out,
		    .in_done = in_done,
		    .out_done = out_done,
		    .card = card,
		    .eject = eject},
};
