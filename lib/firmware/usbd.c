/* SPDX-License-Identifier: BSD-2-Clause */
/* Chapter 9 of USB 2.0 for every model: descriptors, address, configuration, halts. Any request
 * that it does not know, or whose fields are not as chapter 9 demands, is refused with STALL; class
 * and vendor requests are left to the model. One configuration, whose value is 1; interfaces have
 * no alternate settings.
 *
 *	attached --SET_ADDRESS--> addressed --SET_CONFIGURATION(1)--> configured
 *	   ^                          ^                                  |
 *	   +---- bus reset            +-------- SET_CONFIGURATION(0) ----+
 */
#include "firmware/usbd.h"

#include <string.h>

#define CONFIGURATION	1
#define LANGUAGE	0x0409 /* English (United States) */
#define SELF_POWERED	0x40   /* bit 6 of bmAttributes: USB 2.0, table 9-10 */

static void use_endpoints(struct mcu *m, const struct usbd_interface *i, bool open)
{
	bool high = mcu_speed(m) == MSC_SPEED_HIGH;

	for (const struct usbd_endpoint *e = i->endpoints; e < i->endpoints + i->n_endpoints; e++)
		if (open)
			udc_open(m, e->address, high ? e->high : e->full);
		else
			udc_close(m, e->address);
}

static void use_interfaces(struct mcu *m, const struct usbd *u, bool open)
{
	for (uint8_t i = 0; i < u->desc->n_interfaces; i++)
		use_endpoints(m, &u->desc->interfaces[i], open);
}

static bool has_endpoint(const struct usbd *u, uint8_t address)
{
	if ((address & MSC_EP_NUMBER) == 0)
		return true;
	for (uint8_t n = 0; u->configuration && n < u->desc->n_interfaces; n++) {
		const struct usbd_interface *i = &u->desc->interfaces[n];

		for (uint8_t e = 0; e < i->n_endpoints; e++)
			if (i->endpoints[e].address == address)
				return true;
	}
	return false;
}

/* -- descriptors ----------------------------------------------------------------------------- */

static void send_device(struct mcu *m, struct usbd *u)
{
	struct msc_device_desc d = u->desc->device;
	uint8_t raw[MSC_DEVICE_DESC_LEN];

	d.length = sizeof raw;
	d.type = MSC_DESC_DEVICE;
	d.max_packet0 = usbd_max_packet0(u, mcu_speed(m) == MSC_SPEED_HIGH);
	d.configurations = 1;
	msc_device_desc_pack(raw, &d);
	usbd_send(m, u, raw, sizeof raw);
}

/* USB 2.0, 9.6.2: what would be different at the other speed. */
static void send_qualifier(struct mcu *m, struct usbd *u)
{
	const struct msc_device_desc *d = &u->desc->device;
	const struct msc_qualifier_desc q = {
		.length = MSC_QUALIFIER_DESC_LEN,
		.type = MSC_DESC_DEVICE_QUALIFIER,
		.usb = d->usb,
		.device_class = d->device_class,
		.subclass = d->subclass,
		.protocol = d->protocol,
		.max_packet0 = usbd_max_packet0(u, mcu_speed(m) != MSC_SPEED_HIGH),
		.configurations = 1,
	};
	uint8_t raw[MSC_QUALIFIER_DESC_LEN];

	msc_qualifier_desc_pack(raw, &q);
	usbd_send(m, u, raw, sizeof raw);
}

static size_t put_interface(uint8_t *out, const struct usbd_interface *i, uint8_t number, bool high)
{
	const struct msc_interface_desc d = {
		.length = MSC_INTERFACE_DESC_LEN,
		.type = MSC_DESC_INTERFACE,
		.number = number,
		.endpoints = i->n_endpoints,
		.interface_class = i->interface_class,
		.subclass = i->subclass,
		.protocol = i->protocol,
		.i_interface = i->i_interface,
	};
	size_t len = MSC_INTERFACE_DESC_LEN;

	msc_interface_desc_pack(out, &d);
	for (uint8_t n = 0; n < i->n_endpoints; n++) {
		const struct msc_endpoint_desc e = {
			.length = MSC_ENDPOINT_DESC_LEN,
			.type = MSC_DESC_ENDPOINT,
			.address = i->endpoints[n].address,
			.attributes = MSC_EP_TYPE_BULK,
			.max_packet = high ? i->endpoints[n].high : i->endpoints[n].full,
			.interval = high ? i->endpoints[n].high_interval : 0,
		};

		msc_endpoint_desc_pack(out + len, &e);
		len += MSC_ENDPOINT_DESC_LEN;
	}
	return len;
}

/* The configuration with everything in it, as it is at this speed or at the other. */
static void send_configuration(struct mcu *m, struct usbd *u, uint8_t type)
{
	bool high = (mcu_speed(m) == MSC_SPEED_HIGH) == (type == MSC_DESC_CONFIGURATION);
	struct msc_config_desc c = {
		.length = MSC_CONFIG_DESC_LEN,
		.type = type,
		.interfaces = u->desc->n_interfaces,
		.value = CONFIGURATION,
		.i_configuration = u->desc->i_configuration,
		.attributes = u->desc->attributes,
		.max_power = u->desc->max_power,
	};
	uint8_t raw[USBD_ANSWER_MAX];
	size_t len = MSC_CONFIG_DESC_LEN;

	for (uint8_t n = 0; n < u->desc->n_interfaces; n++)
		len += put_interface(raw + len, &u->desc->interfaces[n], n, high);
	c.total_length = (uint16_t)len;
	msc_config_desc_pack(raw, &c);
	usbd_send(m, u, raw, len);
}

/* USB 2.0, 9.6.7: index 0 lists the languages, the others are UTF-16LE. */
static void send_string(struct mcu *m, struct usbd *u, uint8_t index, uint16_t language)
{
	const char *text = index && index < USBD_STRINGS_MAX ? u->desc->strings[index] : NULL;
	uint8_t raw[2 + 2 * 126];
	size_t len = 2;

	if (index == 0) {
		msc_put_le16(raw + len, LANGUAGE);
		len += 2;
	} else if (text && *text && language == LANGUAGE) {
		for (; *text && len < sizeof raw; len += 2)
			msc_put_le16(raw + len, (uint8_t)*text++);
	} else {
		usbd_stall(m, u);
		return;
	}
	raw[0] = (uint8_t)len;
	raw[1] = MSC_DESC_STRING;
	usbd_send(m, u, raw, len);
}

static void get_descriptor(struct mcu *m, struct usbd *u, const struct msc_setup *s)
{
	uint8_t type = (uint8_t)(s->value >> 8), index = (uint8_t)s->value;

	if (type == MSC_DESC_STRING)
		send_string(m, u, index, s->index);
	else if (index != 0)
		usbd_stall(m, u);
	else if (type == MSC_DESC_DEVICE)
		send_device(m, u);
	else if (type == MSC_DESC_CONFIGURATION)
		send_configuration(m, u, type);
	else if (type == MSC_DESC_OTHER_SPEED && u->desc->high_speed)
		send_configuration(m, u, type);
	else if (type == MSC_DESC_DEVICE_QUALIFIER && u->desc->high_speed)
		send_qualifier(m, u);
	else
		usbd_stall(m, u);
}

/* -- state ----------------------------------------------------------------------------------- */

static void get_status(struct mcu *m, struct usbd *u, const struct msc_setup *s)
{
	uint8_t endpoint = (uint8_t)s->index;
	uint8_t status[2] = { 0 };
	bool known = false;

	switch (s->request_type & MSC_REQTYPE_RECIPIENT) {
	case MSC_RECIPIENT_DEVICE:
		known = s->index == 0;
		status[0] = u->desc->attributes & SELF_POWERED ? 1 : 0;
		break;
	case MSC_RECIPIENT_INTERFACE:
		known = u->configuration && s->index < u->desc->n_interfaces;
		break;
	case MSC_RECIPIENT_ENDPOINT:
		known = s->index <= UINT8_MAX && has_endpoint(u, endpoint);
		if (known && endpoint & MSC_EP_NUMBER)
			status[0] = udc_stalled(m, endpoint);
		break;
	}
	if (known && s->value == 0 && s->length == sizeof status)
		usbd_send(m, u, status, sizeof status);
	else
		usbd_stall(m, u);
}

/* USB 2.0, 9.1.1.5 and 9.4.7: also when it is the configuration in force, so that halts end and
 * toggles begin anew. */
static void set_configuration(struct mcu *m, struct usbd *u, const struct msc_setup *s)
{
	if (s->value > CONFIGURATION || s->index || s->length) {
		usbd_stall(m, u);
		return;
	}
	if (u->configuration)
		use_interfaces(m, u, false);
	u->configuration = (uint8_t)s->value;
	if (u->configuration)
		use_interfaces(m, u, true);
	usbd_ack(m, u);
	u->configured(m, u->configuration);
}

/* USB 2.0, 9.4.10: the only setting is 0; the endpoints begin anew. */
static void set_interface(struct mcu *m, struct usbd *u, const struct msc_setup *s)
{
	if (!u->configuration || s->value || s->index >= u->desc->n_interfaces || s->length) {
		usbd_stall(m, u);
		return;
	}
	use_endpoints(m, &u->desc->interfaces[s->index], false);
	use_endpoints(m, &u->desc->interfaces[s->index], true);
	usbd_ack(m, u);
	u->configured(m, u->configuration);
}

/* USB 2.0, 9.4.1 and 9.4.9; the one feature is ENDPOINT_HALT. */
static void change_halt(struct mcu *m, struct usbd *u, const struct msc_setup *s)
{
	uint8_t endpoint = (uint8_t)s->index;

	if (s->value != MSC_FEATURE_ENDPOINT_HALT || s->index > UINT8_MAX || s->length ||
	    !has_endpoint(u, endpoint)) {
		usbd_stall(m, u);
		return;
	}
	usbd_ack(m, u);
	if ((endpoint & MSC_EP_NUMBER) == 0)
		return; /* endpoint 0 is never halted for longer than a request */
	if (s->request == MSC_STD_SET_FEATURE) {
		udc_stall(m, endpoint);
		return;
	}
	if (u->may_unhalt && !u->may_unhalt(m, endpoint))
		return;
	udc_unstall(m, endpoint);
	if (u->halt_cleared)
		u->halt_cleared(m, endpoint);
}

/* It is the status stage after which the address counts: control.c. */
static void set_address(struct mcu *m, struct usbd *u, const struct msc_setup *s)
{
	if (s->value > 127 || s->index || s->length) {
		usbd_stall(m, u);
		return;
	}
	usbd_ack(m, u);
}

/* bmRequestType and bRequest together say which request it is: USB 2.0, tables 9-3 and 9-4. */
#define REQUEST(type, recipient, request) ((unsigned)((type) | (recipient)) << 8 | (request))
#define DEVICE_OUT(request)		  REQUEST(0, MSC_RECIPIENT_DEVICE, request)
#define DEVICE_IN(request)		  REQUEST(MSC_REQTYPE_IN, MSC_RECIPIENT_DEVICE, request)
#define INTERFACE_OUT(request)		  REQUEST(0, MSC_RECIPIENT_INTERFACE, request)
#define INTERFACE_IN(request)		  REQUEST(MSC_REQTYPE_IN, MSC_RECIPIENT_INTERFACE, request)
#define ENDPOINT_OUT(request)		  REQUEST(0, MSC_RECIPIENT_ENDPOINT, request)
#define ENDPOINT_IN(request)		  REQUEST(MSC_REQTYPE_IN, MSC_RECIPIENT_ENDPOINT, request)

bool usbd_setup(struct mcu *m, struct usbd *u, const struct msc_setup *s)
{
	static const uint8_t no_setting;

	usbd_begin(u, s);
	if ((s->request_type & MSC_REQTYPE_TYPE) != MSC_REQTYPE_STANDARD)
		return false;
	switch ((unsigned)s->request_type << 8 | s->request) {
	case DEVICE_IN(MSC_STD_GET_STATUS):
	case INTERFACE_IN(MSC_STD_GET_STATUS):
	case ENDPOINT_IN(MSC_STD_GET_STATUS):
		get_status(m, u, s);
		break;
	case ENDPOINT_OUT(MSC_STD_CLEAR_FEATURE):
	case ENDPOINT_OUT(MSC_STD_SET_FEATURE):
		change_halt(m, u, s);
		break;
	case DEVICE_OUT(MSC_STD_SET_ADDRESS):
		set_address(m, u, s);
		break;
	case DEVICE_IN(MSC_STD_GET_DESCRIPTOR):
		get_descriptor(m, u, s);
		break;
	case DEVICE_IN(MSC_STD_GET_CONFIGURATION):
		usbd_send(m, u, &u->configuration, 1);
		break;
	case DEVICE_OUT(MSC_STD_SET_CONFIGURATION):
		set_configuration(m, u, s);
		break;
	case INTERFACE_IN(MSC_STD_GET_INTERFACE):
		if (u->configuration && s->index < u->desc->n_interfaces)
			usbd_send(m, u, &no_setting, 1);
		else
			usbd_stall(m, u);
		break;
	case INTERFACE_OUT(MSC_STD_SET_INTERFACE):
		set_interface(m, u, s);
		break;
	default:
		usbd_stall(m, u);
		break;
	}
	return true;
}

void usbd_reset(struct mcu *m, struct usbd *u)
{
	uint8_t packet = usbd_max_packet0(u, mcu_speed(m) == MSC_SPEED_HIGH);

	u->configuration = 0;
	u->request.stage = USBD_IDLE;
	udc_open(m, 0, packet);
	udc_open(m, MSC_EP_IN, packet);
}
