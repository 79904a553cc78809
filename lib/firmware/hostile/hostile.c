/* SPDX-License-Identifier: BSD-2-Clause */
/* `sim:hostile`: a device that means harm, or has lost its mind. From the run's seed it draws what is
 * wrong with its descriptors and its medium, and then at every decision whether to do what a disk
 * does or something else: to fall silent, to halt an endpoint, to send too much, too little, twice,
 * late, or noise. The knob `wild` is how often it does something else, in percent.
 *
 * It never misuses the peripheral, so that whatever goes wrong goes wrong on the wire. It proves no
 * rule: it is there for the tool, which has to end in good order whatever a device does.
 *
 *	LISTENING --CBW, or what stands for one--> SENDING or RECEIVING or neither --> STATUS --> LISTENING
 *	SILENT: nothing is armed; only a reset leads out, and not always
 */
#include <string.h>

#include "firmware/firmware.h"
#include "firmware/usbd.h"
#include "wire/scsi.h"

#define EP_IN	      0x81
#define EP_OUT	      0x02
#define MAX_PACKET_0  64
#define MAX_PACKET_FS 64
#define MAX_PACKET_HS 512
#define BUFFER_SIZE   4096
#define CONFIG_LEN    (MSC_CONFIG_DESC_LEN + MSC_INTERFACE_DESC_LEN + 2 * MSC_ENDPOINT_DESC_LEN)

enum phase { LISTENING, SENDING, RECEIVING, STATUS, SILENT };

struct hostile {
	struct {
		uint32_t wild; /* percent */
	} knob;
	struct usbd usbd;
	struct usbd_descriptors desc;
	uint8_t device[MSC_DEVICE_DESC_LEN], config[CONFIG_LEN];
	uint8_t max_lun;
	uint32_t last_lba, block_size; /* as it says */

	enum phase phase;
	struct msc_cbw cbw;
	uint64_t left; /* bytes to send or to receive */
	bool again;    /* the CSW comes once more */
	uint8_t buffer[BUFFER_SIZE];
	uint8_t packet[MAX_PACKET_HS];
	uint8_t csw[64], scrap[96];
};

static uint32_t below(struct mcu *m, uint32_t n)
{
	return mcu_random(m) % n;
}

/* One that is never wild draws nothing here, so that what it answers follows from the commands alone,
 * whatever requests a kernel sends between them. */
static bool mischief(struct mcu *m)
{
	const struct hostile *s = mcu_state(m);

	return s->knob.wild && below(m, 100) < s->knob.wild;
}

static void noise(struct mcu *m, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)mcu_random(m);
}

/* Some bytes become others. */
static void spoil(struct mcu *m, uint8_t *bytes, size_t len)
{
	for (uint32_t n = 1 + below(m, 3); n; n--)
		bytes[below(m, (uint32_t)len)] =
			(uint8_t)(below(m, 2) ? mcu_random(m) : 0xffu * below(m, 2));
}

/* -- the wire -------------------------------------------------------------------------------- */

static uint32_t max_packet(struct mcu *m)
{
	return mcu_speed(m) == MSC_SPEED_HIGH ? MAX_PACKET_HS : MAX_PACKET_FS;
}

static void transmit(struct mcu *m, const void *data, size_t len)
{
	if (!udc_busy(m, EP_IN))
		udc_transmit(m, EP_IN, data, len);
}

static void listen(struct mcu *m)
{
	struct hostile *s = mcu_state(m);

	s->phase = LISTENING;
	if (mischief(m) && below(m, 8) == 0)
		s->phase = SILENT;
	else if (!udc_busy(m, EP_OUT))
		udc_receive(m, EP_OUT, s->packet, max_packet(m));
}

static void halt_something(struct mcu *m)
{
	udc_stall(m, below(m, 3) ? EP_IN : EP_OUT);
}

static void send_status(struct mcu *m)
{
	struct hostile *s = mcu_state(m);
	const struct msc_csw csw = { .signature = MSC_CSW_SIGNATURE,
				     .tag = s->cbw.h.tag,
				     .residue = (uint32_t)s->left };
	size_t len = MSC_CSW_LEN;

	s->phase = STATUS;
	msc_csw_pack(s->csw, &csw);
	if (!mischief(m)) {
		transmit(m, s->csw, len);
		return;
	}
	switch (below(m, 8)) {
	case 0: spoil(m, s->csw, MSC_CSW_LEN); break;
	case 6: s->csw[12] = (uint8_t)below(m, 4); break;
	case 7: msc_put_le32(s->csw + 8, mcu_random(m)); break;
	case 1: len = below(m, sizeof s->csw); break;
	case 2: halt_something(m); break;
	case 3: s->again = true; break;
	case 4: noise(m, s->csw, sizeof s->csw); break;
	default: listen(m); return; /* no CSW at all */
	}
	transmit(m, s->csw, len);
}

static void send_status_late(struct mcu *m, void *arg)
{
	struct hostile *s = mcu_state(m);

	(void)arg;
	if (s->phase == STATUS)
		send_status(m);
}

static void end_data(struct mcu *m)
{
	struct hostile *s = mcu_state(m);

	s->phase = STATUS;
	if (s->left && below(m, 2))
		udc_stall(m, s->cbw.h.flags & MSC_CBW_FLAG_IN ? EP_IN : EP_OUT);
	if (mischief(m) && below(m, 4) == 0)
		mcu_timer(m, (int64_t)below(m, 2000) * 1000000, send_status_late, NULL);
	else
		send_status(m);
}

/* A piece of the data, or what is sent instead of it. */
static void send_data(struct mcu *m)
{
	struct hostile *s = mcu_state(m);
	size_t len = s->left < BUFFER_SIZE ? (size_t)s->left : BUFFER_SIZE;

	s->phase = SENDING;
	if (mischief(m)) {
		switch (below(m, 5)) {
		case 0: len = below(m, BUFFER_SIZE); break;
		case 1: len = 0; break;
		case 2: noise(m, s->buffer, sizeof s->buffer); break;
		case 3: halt_something(m); break;
		default: s->left = 0; break;
		}
	}
	if (s->left == 0) {
		end_data(m);
		return;
	}
	s->left -= len < s->left ? len : s->left;
	transmit(m, s->buffer, len);
}

static void receive_data(struct mcu *m)
{
	struct hostile *s = mcu_state(m);

	s->phase = RECEIVING;
	if (!s->left || mischief(m))
		end_data(m);
	else if (!udc_busy(m, EP_OUT))
		udc_receive(m, EP_OUT, s->buffer, BUFFER_SIZE);
}

/* -- commands -------------------------------------------------------------------------------- */

static const uint8_t inquiry[MSC_INQUIRY_LEN] =
	"\x00\x80\x04\x02\x1f\0\0\0mscope  Hostile Disk    0.66";

/* What a disk would answer, as far as it fits into the buffer. */
static uint64_t answer(struct mcu *m)
{
	struct hostile *s = mcu_state(m);
	const uint8_t *cb = s->cbw.cb;

	memset(s->buffer, 0, sizeof s->buffer);
	switch (cb[0]) {
	case MSC_OP_INQUIRY: memcpy(s->buffer, inquiry, sizeof inquiry); return sizeof inquiry;
	case MSC_OP_READ_CAPACITY_10:
		msc_put_be32(s->buffer, s->last_lba);
		msc_put_be32(s->buffer + 4, s->block_size);
		return MSC_CAPACITY_10_LEN;
	case MSC_OP_SERVICE_ACTION_IN_16:
		msc_put_be64(s->buffer, below(m, 2) ? s->last_lba : UINT64_MAX);
		msc_put_be32(s->buffer + 8, s->block_size);
		return 32;
	case MSC_OP_REQUEST_SENSE:
		s->buffer[0] = 0x70;
		s->buffer[2] = (uint8_t)below(m, 16);
		s->buffer[7] = 10;
		s->buffer[12] = (uint8_t)below(m, 0x60);
		return MSC_SENSE_LEN;
	case MSC_OP_MODE_SENSE_6:
		s->buffer[0] = 3;
		s->buffer[2] = (uint8_t)(below(m, 2) * MSC_MODE_WP);
		return MSC_MODE_HEADER_6_LEN;
	case MSC_OP_READ_10:
		noise(m, s->buffer, 64);
		return (uint64_t)msc_get_be16(cb + 7) * s->block_size;
	default: return below(m, 4) ? 0 : below(m, BUFFER_SIZE);
	}
}

static void execute(struct mcu *m)
{
	struct hostile *s = mcu_state(m);
	uint32_t length = s->cbw.h.length;
	uint64_t due = answer(m);

	s->left = length;
	if (mischief(m)) {
		switch (below(m, 6)) {
		case 0: listen(m); return; /* was there anything? */
		case 1: s->phase = SILENT; return;
		case 2: halt_something(m); break;
		case 3: due = below(m, 2 * BUFFER_SIZE); break;
		case 4: noise(m, s->buffer, sizeof s->buffer); break;
		default: s->cbw.h.flags ^= MSC_CBW_FLAG_IN; break;
		}
	}
	if (!length) {
		send_status(m);
	} else if (s->cbw.h.flags & MSC_CBW_FLAG_IN) {
		s->left = due < length || mischief(m) ? due : length;
		send_data(m);
	} else {
		receive_data(m);
	}
}

static void out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct hostile *s = mcu_state(m);

	(void)ep;
	if (s->phase == RECEIVING) {
		s->left -= len < s->left ? len : s->left;
		receive_data(m);
		return;
	}
	if (len == MSC_CBW_LEN)
		msc_cbw_unpack(&s->cbw, s->packet);
	if (len == MSC_CBW_LEN || mischief(m)) {
		execute(m);
	} else {
		udc_stall(m, EP_IN);
		listen(m);
	}
}

static void in_done(struct mcu *m, uint8_t ep)
{
	struct hostile *s = mcu_state(m);

	(void)ep;
	switch (s->phase) {
	case SENDING: send_data(m); break;
	case STATUS:
		listen(m);
		if (s->again)
			transmit(m, s->csw, MSC_CSW_LEN);
		s->again = false;
		break;
	case LISTENING:
	case RECEIVING:
	case SILENT: break;
	}
}

/* -- requests -------------------------------------------------------------------------------- */

static void stop(struct mcu *m)
{
	if (udc_busy(m, EP_IN))
		udc_abort(m, EP_IN);
	if (udc_busy(m, EP_OUT))
		udc_abort(m, EP_OUT);
}

/* true: the request has had its answer, or never will. */
static bool misbehave(struct mcu *m, const struct msc_setup *q)
{
	struct hostile *s = mcu_state(m);
	uint8_t bytes[USBD_ANSWER_MAX];
	bool needed = q->request == MSC_STD_SET_ADDRESS || q->request == MSC_STD_SET_CONFIGURATION;

	/* A device that cannot even be enumerated shows nothing further. */
	if (!mischief(m) || (needed && below(m, 8)))
		return false;
	noise(m, bytes, sizeof bytes);
	switch (below(m, 5)) {
	case 0:
		if (below(m, 4) == 0)
			return true;
		usbd_stall(m, &s->usbd);
		return true;
	case 1:
		if (!(q->request_type & MSC_REQTYPE_IN))
			return false;
		usbd_send(m, &s->usbd, bytes, below(m, sizeof bytes));
		return true;
	case 2: halt_something(m); return false;
	case 3: /* packets of no stage at all */
		udc_ep0_out(m, s->scrap, below(m, sizeof s->scrap));
		udc_ep0_in(m, bytes, below(m, MAX_PACKET_0 + 1));
		return true;
	default: return false;
	}
}

static bool get_descriptor(struct mcu *m, const struct msc_setup *q)
{
	struct hostile *s = mcu_state(m);

	if (q->request_type != MSC_REQTYPE_IN || q->request != MSC_STD_GET_DESCRIPTOR)
		return false;
	if (q->value == MSC_DESC_DEVICE << 8)
		usbd_send(m, &s->usbd, s->device, sizeof s->device);
	else if (q->value == MSC_DESC_CONFIGURATION << 8)
		usbd_send(m, &s->usbd, s->config, sizeof s->config);
	else
		return false;
	return true;
}

static void setup(struct mcu *m, const struct msc_setup *q)
{
	struct hostile *s = mcu_state(m);

	usbd_begin(&s->usbd, q);
	if ((s->usbd.configuration && misbehave(m, q)) || get_descriptor(m, q) ||
	    usbd_setup(m, &s->usbd, q))
		return;
	if (q->request == MSC_REQ_GET_MAX_LUN && q->request_type & MSC_REQTYPE_IN) {
		usbd_send(m, &s->usbd, &s->max_lun, 1);
	} else if (q->request == MSC_REQ_BULK_ONLY_RESET && s->usbd.configuration) {
		stop(m);
		listen(m);
		usbd_ack(m, &s->usbd);
	} else {
		usbd_stall(m, &s->usbd);
	}
}

USBD_EP0(struct hostile)

static void configured(struct mcu *m, uint8_t value)
{
	struct hostile *s = mcu_state(m);

	s->phase = SILENT;
	if (value)
		listen(m);
}

static bool may_unhalt(struct mcu *m, uint8_t ep)
{
	(void)ep;
	return !mischief(m) || below(m, 4);
}

static void reset(struct mcu *m)
{
	struct hostile *s = mcu_state(m);

	s->phase = SILENT;
	s->again = false;
	usbd_reset(m, &s->usbd);
}

/* -- power-on -------------------------------------------------------------------------------- */

static const struct usbd_endpoint endpoints[] = {
	{EP_IN, MAX_PACKET_FS, MAX_PACKET_HS, 0},
	{EP_OUT, MAX_PACKET_FS, MAX_PACKET_HS, 0},
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
		   .vendor = 0x1209,
		   .product = 0x0002,
		   .i_manufacturer = 1,
		   .i_product = 2,
		   .i_serial = 3},
	.attributes = 0x80,
	.max_power = 50,
	.high_speed = true,
	.interfaces = interfaces,
	.n_interfaces = 1,
	.strings = {NULL, "mscope", "Hostile Disk", "0123456789AB"},
};

static void draw_descriptors(struct mcu *m)
{
	static const uint8_t device[MSC_DEVICE_DESC_LEN] = { 18,   1, 0, 2, 0, 0, 0, 64, 0x09,
							     0x12, 2, 0, 0, 1, 1, 2, 3,  1 };
	static const uint8_t config[CONFIG_LEN] = {
		9, 2, CONFIG_LEN, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 8, 6, 0x50, 0,
		7, 5, EP_IN,	  2, 0, 2, 0, 7, 5, EP_OUT, 2, 0, 2, 0 };
	struct hostile *s = mcu_state(m);

	memcpy(s->device, device, sizeof device);
	memcpy(s->config, config, sizeof config);
	if (mcu_speed(m) != MSC_SPEED_HIGH) {
		msc_put_le16(s->config + 22, MAX_PACKET_FS);
		msc_put_le16(s->config + 29, MAX_PACKET_FS);
	}
	if (mischief(m))
		spoil(m, s->device, sizeof s->device);
	if (mischief(m))
		spoil(m, s->config, sizeof s->config);
}

static void start(struct mcu *m)
{
	static const uint32_t sizes[] = { 512, 512, 512,   4096,     1024,       520,       0,
					  1,   3,   65536, 1u << 20, 0x80000000, UINT32_MAX };
	static const uint32_t ends[] = { 16383,      16383,          255,       63, 7, 0,
					 0x7fffffff, UINT32_MAX - 1, UINT32_MAX };
	struct hostile *s = mcu_state(m);

	s->desc = descriptors;
	s->usbd.desc = &s->desc;
	s->usbd.configured = configured;
	s->usbd.may_unhalt = may_unhalt;
	draw_descriptors(m);
	s->max_lun = (uint8_t)(mischief(m) ? below(m, 256) : 0);
	s->block_size = mischief(m) ? mcu_random(m) : sizes[below(m, sizeof sizes / sizeof *sizes)];
	s->last_lba = mischief(m) ? mcu_random(m) : ends[below(m, sizeof ends / sizeof *ends)];
}

static const struct msc_knob knobs[] = {
	{"wild", MSC_KNOB_U32, offsetof(struct hostile, knob.wild), "5",
	 "how often it does not behave like a disk, in percent", 0, 100, NULL, 0},
	{0},
};

const struct msc_firmware msc_firmware_hostile = {
	.name = "hostile",
	.summary = "answers at random, from the seed; to try out the tool, not the rules",
	.like = "memory corruption, a broken cable, malice",
	.expect = "another ruin for every seed, and always in good order",
	.state_size = sizeof(struct hostile),
	.knobs = knobs,
	.vectors = {.start = start,
		    .reset = reset,
		    .setup = setup,
		    .ep0_in = ep0_in,
		    .ep0_out = ep0_out,
		    .in_done = in_done,
		    .out_done = out_done},
};
