/* SPDX-License-Identifier: BSD-2-Clause */
/* The descriptors and interfaces of the model `reference`: mass storage, and for a composite device
 * another one in front of it, a vendor's, that has nothing to do with it and goes on whatever
 * befalls it. */
#include "firmware/reference/reference.h"

#define EP_SIBLING 0x83

enum { SIBLING_HELLO = 0x01 }; /* bRequest: the vendor's interface says that it lives */

static const struct usbd_endpoint sibling_endpoints[] = {
	{EP_SIBLING, MAX_PACKET_FS, MAX_PACKET_HS, 0},
};

static const struct usbd_endpoint endpoints[] = {
	{EP_IN, MAX_PACKET_FS, MAX_PACKET_HS, 0},
	{EP_OUT, MAX_PACKET_FS, MAX_PACKET_HS, 0},
};

const struct usbd_interface reference_interfaces[] = {
	{
		.interface_class = 0xff,
		.subclass = 0xff,
		.protocol = 0xff,
		.endpoints = sibling_endpoints,
		.n_endpoints = 1,
	},
	{
		.interface_class = MSC_CLASS_MASS_STORAGE,
		.subclass = MSC_SUBCLASS_SCSI,
		.protocol = MSC_PROTOCOL_BULK_ONLY,
		.endpoints = endpoints,
		.n_endpoints = 2,
	},
};

const struct usbd_descriptors reference_descriptors = {
	.device = {.usb = 0x0200,
		   .vendor = 0x1209, /* pid.codes: for tests that leave the laboratory never */
		   .product = 0x0001,
		   .release = 0x0100,
		   .i_manufacturer = 1,
		   .i_product = 2,
		   .i_serial = 3},
	.attributes = 0x80, /* powered by the bus */
	.max_power = 50,    /* 100 mA */
	.high_speed = true,
	.strings = {NULL, "mscope", "Reference Disk"},
};

bool sibling_setup(struct mcu *m, struct usbd *u, const struct msc_setup *q)
{
	static const uint8_t hello[] = "alive";

	if ((q->request_type & MSC_REQTYPE_RECIPIENT) != MSC_RECIPIENT_INTERFACE || q->index)
		return false;
	if ((q->request_type & ~MSC_REQTYPE_RECIPIENT) == (MSC_REQTYPE_IN | MSC_REQTYPE_VENDOR) &&
	    q->request == SIBLING_HELLO)
		usbd_send(m, u, hello, sizeof hello - 1);
	else
		usbd_stall(m, u);
	return true;
}
