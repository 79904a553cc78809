/* SPDX-License-Identifier: BSD-2-Clause */
/* The bodies of USB/IP's layouts: see usbip.h. */
#include "wire/usbip.h"

#include <string.h>

MSC_DEFINE_LAYOUT(usbip_op, USBIP_OP)
MSC_DEFINE_LAYOUT(usbip_facts, USBIP_FACTS)
MSC_DEFINE_LAYOUT(usbip_base, USBIP_BASE)
MSC_DEFINE_LAYOUT(usbip_submit, USBIP_SUBMIT)
MSC_DEFINE_LAYOUT(usbip_result, USBIP_RESULT)

#define FACTS_AT (MSC_USBIP_PATH_LEN + MSC_USBIP_BUSID_LEN)
#define SETUP_AT (MSC_USBIP_BASE_LEN + MSC_USBIP_SUBMIT_LEN)

/* A string closed with zero, and the rest filled with zeros. */
static void put_string(uint8_t *out, const char *text, size_t room)
{
	size_t len = strnlen(text, room - 1);

	memcpy(out, text, len);
	memset(out + len, 0, room - len);
}

void msc_usbip_device_pack(uint8_t out[MSC_USBIP_DEVICE_LEN], const struct msc_usbip_device *d)
{
	put_string(out, d->path, MSC_USBIP_PATH_LEN);
	put_string(out + MSC_USBIP_PATH_LEN, d->busid, MSC_USBIP_BUSID_LEN);
	msc_usbip_facts_pack(out + FACTS_AT, &d->facts);
}

void msc_usbip_device_unpack(struct msc_usbip_device *d, const uint8_t in[MSC_USBIP_DEVICE_LEN])
{
	memcpy(d->path, in, MSC_USBIP_PATH_LEN);
	d->path[MSC_USBIP_PATH_LEN] = '\0';
	memcpy(d->busid, in + MSC_USBIP_PATH_LEN, MSC_USBIP_BUSID_LEN);
	d->busid[MSC_USBIP_BUSID_LEN] = '\0';
	msc_usbip_facts_unpack(&d->facts, in + FACTS_AT);
}

uint32_t msc_usbip_speed(enum msc_speed speed)
{
	switch (speed) {
	case MSC_SPEED_UNKNOWN: return 0;
	case MSC_SPEED_LOW: return 1;
	case MSC_SPEED_FULL: return 2;
	case MSC_SPEED_HIGH: return 3;
	case MSC_SPEED_SUPER: return 5;
	}
	return 0;
}

enum msc_speed msc_usbip_speed_of(uint32_t number)
{
	switch (number) {
	case 1: return MSC_SPEED_LOW;
	case 2: return MSC_SPEED_FULL;
	case 3: return MSC_SPEED_HIGH;
	case 5: /* SuperSpeed */
	case 6: /* SuperSpeedPlus */
		return MSC_SPEED_SUPER;
	default: return MSC_SPEED_UNKNOWN; /* 4 is Wireless USB */
	}
}

void msc_usbip_command_pack(uint8_t out[MSC_USBIP_URB_LEN], const struct msc_usbip_command *c)
{
	memset(out, 0, MSC_USBIP_URB_LEN);
	msc_usbip_base_pack(out, &c->base);
	if (c->base.command == MSC_USBIP_CMD_UNLINK) {
		msc_put_be32(out + MSC_USBIP_BASE_LEN, c->unlink_seqnum);
		return;
	}
	msc_usbip_submit_pack(out + MSC_USBIP_BASE_LEN, &c->submit);
	msc_setup_pack(out + SETUP_AT, &c->setup);
}

void msc_usbip_command_unpack(struct msc_usbip_command *c, const uint8_t in[MSC_USBIP_URB_LEN])
{
	*c = (struct msc_usbip_command){ .unlink_seqnum = 0 };
	msc_usbip_base_unpack(&c->base, in);
	if (c->base.command == MSC_USBIP_CMD_UNLINK) {
		c->unlink_seqnum = msc_get_be32(in + MSC_USBIP_BASE_LEN);
		return;
	}
	msc_usbip_submit_unpack(&c->submit, in + MSC_USBIP_BASE_LEN);
	msc_setup_unpack(&c->setup, in + SETUP_AT);
}

void msc_usbip_return_pack(uint8_t out[MSC_USBIP_URB_LEN], const struct msc_usbip_return *r)
{
	memset(out, 0, MSC_USBIP_URB_LEN);
	msc_usbip_base_pack(out, &r->base);
	if (r->base.command == MSC_USBIP_RET_UNLINK)
		msc_put_be32(out + MSC_USBIP_BASE_LEN, r->result.status);
	else
		msc_usbip_result_pack(out + MSC_USBIP_BASE_LEN, &r->result);
}

void msc_usbip_return_unpack(struct msc_usbip_return *r, const uint8_t in[MSC_USBIP_URB_LEN])
{
	*r = (struct msc_usbip_return){ .result = { .packets = MSC_USBIP_NOT_ISO } };
	msc_usbip_base_unpack(&r->base, in);
	if (r->base.command == MSC_USBIP_RET_UNLINK)
		r->result.status = msc_get_be32(in + MSC_USBIP_BASE_LEN);
	else
		msc_usbip_result_unpack(&r->result, in + MSC_USBIP_BASE_LEN);
}
