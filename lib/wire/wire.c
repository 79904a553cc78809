/* SPDX-License-Identifier: BSD-2-Clause */
/* The bodies of every wire layout, and of the bounded reader. */
#include <string.h>

#include "wire/bot.h"
#include "wire/scsi.h"
#include "wire/usb.h"

MSC_DEFINE_LAYOUT(cbw_header, CBW_HEADER)
MSC_DEFINE_LAYOUT(csw, CSW)
MSC_DEFINE_LAYOUT(setup, SETUP)
MSC_DEFINE_LAYOUT(device_desc, DEVICE_DESC)
MSC_DEFINE_LAYOUT(config_desc, CONFIG_DESC)
MSC_DEFINE_LAYOUT(interface_desc, INTERFACE_DESC)
MSC_DEFINE_LAYOUT(endpoint_desc, ENDPOINT_DESC)
MSC_DEFINE_LAYOUT(qualifier_desc, QUALIFIER_DESC)
MSC_DEFINE_LAYOUT(inquiry_header, INQUIRY_HEADER)
MSC_DEFINE_LAYOUT(capacity_10, CAPACITY_10)
MSC_DEFINE_LAYOUT(sense, SENSE)
MSC_DEFINE_LAYOUT(mode_header_6, MODE_HEADER_6)

void msc_cbw_pack(uint8_t out[MSC_CBW_LEN], const struct msc_cbw *cbw)
{
	msc_cbw_header_pack(out, &cbw->h);
	memcpy(out + MSC_CBW_HEADER_LEN, cbw->cb, sizeof cbw->cb);
}

void msc_cbw_unpack(struct msc_cbw *cbw, const uint8_t in[MSC_CBW_LEN])
{
	msc_cbw_header_unpack(&cbw->h, in);
	memcpy(cbw->cb, in + MSC_CBW_HEADER_LEN, sizeof cbw->cb);
}

struct msc_setup msc_setup_set_interface(uint8_t interface, uint8_t alternate)
{
	return (struct msc_setup){ .request_type = MSC_RECIPIENT_INTERFACE,
				   .request = MSC_STD_SET_INTERFACE,
				   .value = alternate,
				   .index = interface };
}

struct msc_setup msc_setup_clear_halt(uint8_t ep)
{
	return (struct msc_setup){ .request_type = MSC_RECIPIENT_ENDPOINT,
				   .request = MSC_STD_CLEAR_FEATURE,
				   .value = MSC_FEATURE_ENDPOINT_HALT,
				   .index = ep };
}

bool msc_setup_sets_interface(const struct msc_setup *s, uint8_t number)
{
	return s->request_type == MSC_RECIPIENT_INTERFACE && s->request == MSC_STD_SET_INTERFACE &&
	       s->index == number;
}

bool msc_setup_sets_configuration(const struct msc_setup *s)
{
	return s->request_type == MSC_RECIPIENT_DEVICE && s->request == MSC_STD_SET_CONFIGURATION;
}

bool msc_setup_clears_halt(const struct msc_setup *s)
{
	return s->request_type == MSC_RECIPIENT_ENDPOINT && s->request == MSC_STD_CLEAR_FEATURE &&
	       s->value == MSC_FEATURE_ENDPOINT_HALT;
}

const char *msc_speed_name(enum msc_speed speed)
{
	static const char *const names[] = { "unknown", "low", "full", "high", "super" };

	return (size_t)speed < sizeof names / sizeof names[0] ? names[speed] : "unknown";
}

const uint8_t *msc_read_bytes(struct msc_reader *r, size_t len)
{
	const uint8_t *at = r->p;

	if (msc_reader_left(r) < len) {
		r->p = r->end;
		r->overrun = true;
		return NULL;
	}
	r->p += len;
	return at;
}

uint8_t msc_read_u8(struct msc_reader *r)
{
	const uint8_t *p = msc_read_bytes(r, 1);

	return p ? *p : 0;
}

uint16_t msc_read_le16(struct msc_reader *r)
{
	const uint8_t *p = msc_read_bytes(r, 2);

	return p ? msc_get_le16(p) : 0;
}

uint32_t msc_read_le32(struct msc_reader *r)
{
	const uint8_t *p = msc_read_bytes(r, 4);

	return p ? msc_get_le32(p) : 0;
}

uint16_t msc_read_be16(struct msc_reader *r)
{
	const uint8_t *p = msc_read_bytes(r, 2);

	return p ? msc_get_be16(p) : 0;
}

uint32_t msc_read_be32(struct msc_reader *r)
{
	const uint8_t *p = msc_read_bytes(r, 4);

	return p ? msc_get_be32(p) : 0;
}

const char *msc_csw_status_name(uint8_t status)
{
	switch (status) {
	case MSC_CSW_PASSED: return "passed";
	case MSC_CSW_FAILED: return "failed";
	case MSC_CSW_PHASE_ERROR: return "phase error";
	}
	return "reserved";
}
