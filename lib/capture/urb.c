/* SPDX-License-Identifier: BSD-2-Clause */
/* See urb.h. */
#include "capture/urb.h"

#include <errno.h>
#include <string.h>

#include "wire/bytes.h"

/* ---- usbmon ------------------------------------------------------------------------------- */

/* struct usbmon_packet: id 0, type 8, xfer_type 9, epnum 10, devnum 11, busnum 12, flag_setup 14,
 * flag_data 15, ts 16 and 24, status 28, length 32, len_cap 36, setup 40. */
enum {
	USBMON_ISO,
	USBMON_INTERRUPT,
	USBMON_CONTROL,
	USBMON_BULK
};

static inline uint32_t get32(const uint8_t *p, bool big)
{
	return big ? msc_get_be32(p) : msc_get_le32(p);
}

static inline uint64_t get64(const uint8_t *p, bool big)
{
	return big ? msc_get_be64(p) : (uint64_t)msc_get_le32(p + 4) << 32 | msc_get_le32(p);
}

/* Documentation/driver-api/usb/error-codes.rst */
static enum msc_outcome usbmon_outcome(int32_t status)
{
	switch (-(int64_t)status) {
	case 0:
	case EREMOTEIO: return MSC_OUT_DONE; /* a short packet where none was wanted */
	case EPIPE: return MSC_OUT_STALL;
	case EOVERFLOW: return MSC_OUT_BABBLE;
	case ENOENT:
	case ECONNRESET: return MSC_OUT_CANCELLED;
	case ETIMEDOUT: return MSC_OUT_TIMEOUT;
	case ESHUTDOWN:
	case ENODEV: return MSC_OUT_GONE;
	default: return MSC_OUT_ERROR;
	}
}

/* len_cap counts the header, too; no length says what was asked of an IN transfer or what moved of an OUT
 * one; and whatever is not success is -EREMOTEIO: its storage refuses in no other way than by STALL. */
static MSC_APART void mend_qemu(struct msc_urb *u, const uint8_t *d, uint32_t kept, bool success)
{
	bool in = d[10] & MSC_EP_IN;

	u->kept = kept;
	if (u->outcome == MSC_OUT_DONE && !success)
		u->outcome = MSC_OUT_STALL;
	if (!u->completed && !u->bulk)
		u->length = u->setup.length;
	u->bare = u->pieces = !u->completed && u->bulk && in;
	u->unsaid = u->completed && !in;
}

/* Once for each byte order, which is not asked for each field. */
MSC_INLINE enum msc_urb_is read_usbmon(struct msc_urb *u, const struct msc_packet *p, bool big)
{
	uint32_t head = p->link == MSC_LINK_USBMON ? MSC_USBMON_LEN : MSC_USBMON_64_LEN;
	const uint8_t *d = p->data;
	uint32_t captured, kept;
	bool bulk, completed;

	if (p->kept < head)
		return MSC_URB_SHORT;
	kept = p->kept - head;
	bulk = d[9] == USBMON_BULK;
	completed = d[8] != 'S';
	if ((!bulk && d[9] != USBMON_CONTROL) || (completed && d[8] != 'C' && d[8] != 'E'))
		return MSC_URB_OTHER;
	captured = get32(d + 36, big);
	*u = (struct msc_urb){ .id = get64(d, big),
			       .completed = completed,
			       .bulk = bulk,
			       .bus = big ? msc_get_be16(d + 12) : msc_get_le16(d + 12),
			       .device = d[11],
			       .ep = bulk ? d[10] & (MSC_EP_IN | MSC_EP_NUMBER) : 0,
			       .length = get32(d + 32, big),
			       .data = d + head,
			       .kept = kept < captured ? kept : captured };
	if (!bulk && !completed) {
		u->no_setup = d[14] != 0;
		msc_setup_unpack(&u->setup, d + 40);
	}
	if (completed)
		u->outcome = d[8] == 'E' ? MSC_OUT_ERROR
					 : usbmon_outcome((int32_t)get32(d + 28, big));
	if (captured == p->kept && captured != p->len - head)
		mend_qemu(u, d, kept, !get32(d + 28, big));
	return MSC_URB;
}

/* ---- USBPcap ------------------------------------------------------------------------------ */

/* headerLen 0, irpId 2, status 10, function 14, info 16, bus 17, device 19, endpoint 21, transfer 22,
 * dataLength 23, and stage 27 of a control transfer. Always little-endian. */
#define USBPCAP_LEN 27
enum {
	USBPCAP_CONTROL = 2,
	USBPCAP_BULK = 3
};
enum {
	STAGE_SETUP,
	STAGE_DATA,
	STAGE_STATUS,
	STAGE_COMPLETE
};

static enum msc_outcome usbd_outcome(uint32_t status)
{
	if (!(status & 0x80000000)) /* success, pending */
		return MSC_OUT_DONE;
	switch (status) { /* usb.h of the Windows Driver Kit */
	case 0xc0000004: /* STALL_PID */
	case 0xc0000030: return MSC_OUT_STALL; /* ENDPOINT_HALTED */
	case 0xc000000c: /* BUFFER_OVERRUN */
	case 0xc0000008: return MSC_OUT_BABBLE; /* DATA_OVERRUN */
	case 0xc0000009: /* DATA_UNDERRUN */
	case 0x80000900: return MSC_OUT_DONE; /* ERROR_SHORT_TRANSFER */
	case 0xc0010000: return MSC_OUT_CANCELLED; /* CANCELED */
	case 0xc0006000: return MSC_OUT_TIMEOUT; /* TIMEOUT */
	case 0xc0007000: /* DEVICE_GONE */
	case 0xc0000e00: return MSC_OUT_GONE;
	default: return MSC_OUT_ERROR;
	}
}

/* Requests whose function says what they are, and whose setup packet the older driver leaves out. */
static bool known_function(uint16_t function, struct msc_setup *s)
{
	if (function != 0x001e && function != 0x0030) /* SYNC_RESET_PIPE, with CLEAR_STALL */
		return false;
	*s = (struct msc_setup){ .request_type = MSC_RECIPIENT_ENDPOINT,
				 .request = MSC_STD_CLEAR_FEATURE };
	return true;
}

static enum msc_urb_is read_usbpcap(struct msc_urb *u, const struct msc_packet *p)
{
	const uint8_t *d = p->data;
	uint32_t head, room;
	uint8_t stage = STAGE_SETUP;
	bool in;

	if (p->kept < USBPCAP_LEN)
		return MSC_URB_SHORT;
	if (d[22] != USBPCAP_BULK && d[22] != USBPCAP_CONTROL)
		return MSC_URB_OTHER;
	head = msc_get_le16(d);
	*u = (struct msc_urb){ .id = (uint64_t)msc_get_le32(d + 6) << 32 | msc_get_le32(d + 2),
			       .completed = d[16] & 1,
			       .bulk = d[22] == USBPCAP_BULK,
			       .bus = msc_get_le16(d + 17),
			       .device = msc_get_le16(d + 19),
			       .length = msc_get_le32(d + 23) };
	if (head < USBPCAP_LEN || head > p->kept)
		return MSC_URB_SHORT;
	u->ep = u->bulk ? d[21] & (MSC_EP_IN | MSC_EP_NUMBER) : 0;
	if (!u->bulk && head > USBPCAP_LEN)
		stage = d[27];
	in = d[21] & MSC_EP_IN;
	u->halves = u->bulk;
	u->bare = u->bulk && in && !u->completed;
	u->unsaid = u->completed && (u->bulk ? !in : stage == STAGE_STATUS);
	if (u->completed)
		u->outcome = usbd_outcome(msc_get_le32(d + 10));
	room = p->kept - head;
	u->data = d + head;
	u->kept = room < u->length ? room : u->length;
	if (u->bulk)
		return MSC_URB;
	if (u->completed) /* the older driver tells each stage; the last one ends it */
		return stage == STAGE_STATUS || stage == STAGE_COMPLETE || stage == STAGE_DATA
			       ? MSC_URB
			       : MSC_URB_OTHER;
	if (stage != STAGE_SETUP)
		return MSC_URB_OTHER;
	if (u->kept < MSC_SETUP_LEN) {
		u->no_setup = !known_function(msc_get_le16(d + 14), &u->setup);
		if (!u->no_setup)
			u->setup.index = d[21];
		u->kept = u->length = 0;
		return MSC_URB;
	}
	msc_setup_unpack(&u->setup, u->data);
	u->data += MSC_SETUP_LEN;
	u->kept -= MSC_SETUP_LEN;
	u->length = u->setup.length;
	return MSC_URB;
}

enum msc_urb_is msc_urb_read(struct msc_urb *u, const struct msc_packet *p)
{
	if (p->link == MSC_LINK_USBPCAP)
		return read_usbpcap(u, p);
	return p->big_endian ? read_usbmon(u, p, true) : read_usbmon(u, p, false);
}
