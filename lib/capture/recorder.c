/* SPDX-License-Identifier: BSD-2-Clause */
/* See recorder.h. */
#include "capture/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/packets.h"
#include "capture/urb.h"
#include "wire/bytes.h"

#define SNAPLEN	 (256u << 10)
#define ADDRESS	 1	/* of the device, where nobody knows it */
#define ID_FIRST 0x1000 /* of requests: usbmon's are addresses, and never 0 */

struct msc_recorder {
	FILE *out;
	bool begun;   /* the head is there */
	bool packets; /* else transfers */
	bool want_transfers;
	uint16_t bus;
	struct msc_target *target;
};

/* ---- pcap --------------------------------------------------------------------------------- */

void msc_pcap_head(FILE *out, uint16_t link)
{
	uint8_t head[24] = { 0 };

	msc_put_le32(head, 0xa1b23c4d);
	msc_put_le16(head + 4, 2);
	msc_put_le16(head + 6, 4);
	msc_put_le32(head + 16, SNAPLEN);
	msc_put_le32(head + 20, link);
	fwrite(head, 1, sizeof head, out);
}

void msc_pcap_packet(FILE *out, int64_t at_ns, const uint8_t *head, size_t head_len,
		     const uint8_t *data, size_t len)
{
	size_t kept = len < SNAPLEN - head_len ? len : SNAPLEN - head_len;
	uint8_t record[16];

	msc_put_le32(record, (uint32_t)(at_ns / 1000000000));
	msc_put_le32(record + 4, (uint32_t)(at_ns % 1000000000));
	msc_put_le32(record + 8, (uint32_t)(head_len + kept));
	msc_put_le32(record + 12, (uint32_t)(head_len + len));
	fwrite(record, 1, sizeof record, out);
	if (head_len)
		fwrite(head, 1, head_len, out);
	if (kept)
		fwrite(data, 1, kept, out);
}

/* ---- packets ------------------------------------------------------------------------------ */

static void on_packet(void *user, enum msc_speed speed, int64_t at_ns, const uint8_t *packet,
		      size_t len)
{
	struct msc_recorder *r = user;

	if (!r->begun)
		msc_pcap_head(r->out,
			      speed == MSC_SPEED_HIGH ? MSC_LINK_USB_HIGH : MSC_LINK_USB_FULL);
	r->begun = r->packets = true;
	msc_pcap_packet(r->out, at_ns, NULL, 0, packet, len);
}

/* ---- transfers ---------------------------------------------------------------------------- */

/* Documentation/driver-api/usb/error-codes.rst. A host that gave up has unlinked its request. */
static int status_of(enum msc_outcome outcome)
{
	switch (outcome) {
	case MSC_OUT_DONE: return 0;
	case MSC_OUT_STALL: return -EPIPE;
	case MSC_OUT_BABBLE: return -EOVERFLOW;
	case MSC_OUT_PENDING:
	case MSC_OUT_TIMEOUT:
	case MSC_OUT_CANCELLED: return -ENOENT;
	case MSC_OUT_ERROR: return -EPROTO;
	case MSC_OUT_GONE: return -ESHUTDOWN;
	}
	return -EPROTO;
}

static void put_urb(struct msc_recorder *r, const struct msc_transfer *t, uint8_t device)
{
	bool in = t->ep ? t->ep & MSC_EP_IN : t->setup.request_type & MSC_REQTYPE_IN;
	int64_t at_ns = t->ended ? t->completed_ns : t->submitted_ns;
	size_t length = t->ended ? t->actual : t->asked;
	const uint8_t *data = in == t->ended ? t->data : NULL;
	size_t len = data ? t->kept : 0;
	uint8_t h[MSC_USBMON_64_LEN] = { 0 };

	if (len > SNAPLEN - sizeof h)
		len = SNAPLEN - sizeof h;
	msc_put_le32(h, ID_FIRST + (uint32_t)t->number);
	h[8] = t->ended ? 'C' : 'S';
	h[9] = t->ep ? 3 : 2;
	h[10] = t->ep ? t->ep : in ? MSC_EP_IN : 0;
	h[11] = device;
	msc_put_le16(h + 12, r->bus);
	h[14] = t->ep || t->ended ? '-' : 0;
	h[15] = len ? 0 : t->ended == in ? '-' : t->ended ? '>' : '<';
	msc_put_le32(h + 16, (uint32_t)(at_ns / 1000000000));
	msc_put_le32(h + 24, (uint32_t)(at_ns % 1000000000 / 1000));
	msc_put_le32(h + 28, (uint32_t)(t->ended ? status_of(t->outcome) : -EINPROGRESS));
	msc_put_le32(h + 32, (uint32_t)length);
	msc_put_le32(h + 36, (uint32_t)len);
	if (!t->ep && !t->ended)
		msc_setup_pack(h + 40, &t->setup);
	msc_pcap_packet(r->out, at_ns, h, sizeof h, data, len);
}

static void put_both(struct msc_recorder *r, struct msc_transfer *t, uint8_t device)
{
	t->ended = false;
	put_urb(r, t, device);
	t->ended = true;
	put_urb(r, t, device);
}

/* Nothing of a driver's shows a reset but what comes after: an address is given again. When the host began
 * to reset, how often, and what it asked meanwhile is not known here; only a reset that came to nothing is
 * seen to take its time. */
static void put_reset(struct msc_recorder *r, const struct msc_transfer *t)
{
	struct msc_transfer address = {
		.number = t->number,
		.setup = { .request = MSC_STD_SET_ADDRESS, .value = ADDRESS },
		.outcome = t->outcome,
		.submitted_ns = t->outcome == MSC_OUT_DONE ? t->completed_ns : t->submitted_ns,
		.completed_ns = t->completed_ns
	};

	put_both(r, &address, 0);
}

static void on_transfer(void *user, const struct msc_transfer *t)
{
	struct msc_recorder *r = user;

	if (t->kind == MSC_TRANSFER_PORT_RESET)
		put_reset(r, t);
	else if (t->kind != MSC_TRANSFER_SUSPEND) /* which usbmon has no entry for */
		put_urb(r, t, ADDRESS);
}

/* What the host read before we could see it. It asks for as much as a configuration says that it has, and
 * more may be said than comes. */
static void put_descriptor(struct msc_recorder *r, uint8_t type, const uint8_t *data, size_t len,
			   uint64_t number)
{
	size_t total = type == MSC_DESC_CONFIGURATION && len >= 4 ? msc_get_le16(data + 2) : 0;
	size_t asked = total > len ? total : len;
	struct msc_transfer t = { .number = number,
				  .setup = { .request_type = MSC_REQTYPE_IN,
					     .request = MSC_STD_GET_DESCRIPTOR,
					     .value = (uint16_t)(type << 8),
					     .length = (uint16_t)asked },
				  .outcome = MSC_OUT_DONE,
				  .asked = asked,
				  .actual = len,
				  .kept = len,
				  .data = data };

	put_both(r, &t, ADDRESS);
}

/* ---- the recorder -------------------------------------------------------------------------- */

struct msc_recorder *msc_recorder_new(FILE *out, struct msc_err *err)
{
	struct msc_recorder *r = calloc(1, sizeof *r);

	if (!r)
		msc_nomem(err);
	else
		r->out = out;
	return r;
}

void msc_recorder_transfers(struct msc_recorder *r)
{
	r->want_transfers = true;
}

void msc_recorder_prepare(struct msc_recorder *r, struct msc_open_options *o)
{
	if (r->want_transfers)
		return;
	o->packet = on_packet;
	o->packet_user = r;
}

int msc_recorder_attach(struct msc_recorder *r, struct msc_target *t, struct msc_err *err)
{
	uint8_t device[MSC_DEVICE_DESC_LEN];
	int bus;

	if (r->packets)
		return 0;
	if (t->device.commands_only)
		return msc_fail(
			err, MSC_E_UNSUPPORTED,
			"%s: whole commands go to the kernel, whose transfers cannot be seen; "
			"\"mscope record\" sees those of a USB bus",
			t->device.name);
	msc_pcap_head(r->out, MSC_LINK_USBMON_64);
	r->begun = true;
	bus = atoi(t->device.path);
	r->bus = bus > 0 && bus < UINT16_MAX ? (uint16_t)bus : 1;
	msc_device_desc_pack(device, &t->device.desc);
	put_descriptor(r, MSC_DESC_DEVICE, device, sizeof device, UINT32_MAX - 2 * ID_FIRST);
	put_descriptor(r, MSC_DESC_CONFIGURATION, t->device.config, t->device.config_len,
		       UINT32_MAX - 2 * ID_FIRST + 1);
	t->record = on_transfer;
	t->record_user = r;
	return 0;
}

int msc_recorder_end(struct msc_recorder *r, struct msc_err *err)
{
	bool failed;

	if (!r)
		return 0;
	failed = fflush(r->out) || ferror(r->out);
	free(r);
	return failed ? msc_fail_errno(err, MSC_E_IO, "cannot write the capture") : 0;
}
