/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of descriptors. None keeps a host from using the device: a descriptor that does so shows
 * itself without a test. */
#include "firmware/fault/fault.h"

#include <ctype.h>
#include <string.h>

/* -- device ----------------------------------------------------------------------------------- */

static bool is_device(const struct msc_setup *q, size_t len)
{
	return fault_is_get(q, MSC_DESC_DEVICE) && len == MSC_DEVICE_DESC_LEN;
}

ON_CONTROL_IN(serial_missing)
{
	if (is_device(q, *len))
		buf[16] = 0;
}

const struct msc_fault msc_fault_serial_missing = {
	.id = "serial-missing",
	.title = "iSerialNumber is 0",
	.seen = "many devices",
	.caught_by = "bot.serial.present",
	.ops = {.control_in = serial_missing},
};

ON_CONTROL_IN(device_configurations)
{
	if (is_device(q, *len))
		buf[17] = 0;
}

const struct msc_fault msc_fault_device_form = {
	.id = "device-form",
	.title = "bNumConfigurations is 0",
	.seen = "exists to prove the rule",
	.caught_by = "usb.device.form",
	.ops = {.control_in = device_configurations},
};

ON_CONTROL_IN(device_packet)
{
	if (is_device(q, *len))
		buf[7] = 255;
}

const struct msc_fault msc_fault_device_packet = {
	.id = "device-packet",
	.title = "bMaxPacketSize0 is 255",
	.seen = "exists to prove the rule",
	.caught_by = "usb.device.packet",
	.ops = {.control_in = device_packet},
};

ON_CONTROL_IN(device_version)
{
	if (is_device(q, *len))
		msc_put_le16(buf + 2, 0x0002);
}

const struct msc_fault msc_fault_device_version = {
	.id = "device-version",
	.title = "the bytes of bcdUSB are swapped",
	.seen = "exists to prove the rule",
	.caught_by = "usb.device.version",
	.ops = {.control_in = device_version},
};

ON_SETUP(qualifier_missing)
{
	return fault_is_get(q, MSC_DESC_DEVICE_QUALIFIER) ? MUTANT_STALL : MUTANT_PASS;
}

const struct msc_fault msc_fault_qualifier_missing = {
	.id = "qualifier-missing",
	.title = "a high-speed device has no device_qualifier",
	.seen = "exists to prove the rule",
	.caught_by = "usb.qualifier.form",
	.target = "speed=high",
	.ops = {.setup = qualifier_missing},
};

/* -- configuration ---------------------------------------------------------------------------- */

enum { INTERFACE = MSC_CONFIG_DESC_LEN, ENDPOINTS = INTERFACE + MSC_INTERFACE_DESC_LEN };

static bool is_configuration(const struct msc_setup *q, size_t len)
{
	return fault_is_get(q, MSC_DESC_CONFIGURATION) && len >= ENDPOINTS;
}

ON_CONTROL_IN(config_length)
{
	if (is_configuration(q, *len))
		msc_put_le16(buf + 2, (uint16_t)(*len + MSC_ENDPOINT_DESC_LEN));
}

const struct msc_fault msc_fault_config_length = {
	.id = "config-length",
	.title = "wTotalLength counts an endpoint that is no longer there",
	.seen = "exists to prove the rule",
	.caught_by = "usb.config.length",
	.ops = {.control_in = config_length},
};

ON_CONTROL_IN(config_walk)
{
	if (!is_configuration(q, *len) || *len + 2 > max)
		return;
	memset(buf + *len, 0, 2);
	*len += 2;
	msc_put_le16(buf + 2, (uint16_t)*len);
}

const struct msc_fault msc_fault_config_walk = {
	.id = "config-walk",
	.title = "the configuration ends with a descriptor of length 0",
	.seen = "exists to prove the rule",
	.caught_by = "usb.config.walk",
	.ops = {.control_in = config_walk},
};

ON_CONTROL_IN(config_interfaces)
{
	if (is_configuration(q, *len))
		buf[4] = 2;
}

const struct msc_fault msc_fault_config_interfaces = {
	.id = "config-interfaces",
	.title = "bNumInterfaces counts an interface that is not there",
	.seen = "exists to prove the rule",
	.caught_by = "usb.config.interfaces",
	.ops = {.control_in = config_interfaces},
};

ON_CONTROL_IN(interface_subclass)
{
	if (is_configuration(q, *len))
		buf[INTERFACE + 6] = 0xff;
}

const struct msc_fault msc_fault_interface_subclass = {
	.id = "interface-subclass",
	.title = "bInterfaceSubClass is FFh",
	.seen = "Linux quirk USB_SC: unusual_devs.h lists such devices",
	.caught_by = "bot.interface.form",
	.ops = {.control_in = interface_subclass},
};

ON_CONTROL_IN(interface_endpoints)
{
	if (is_configuration(q, *len))
		buf[INTERFACE + 4] = 3;
}

const struct msc_fault msc_fault_interface_endpoints = {
	.id = "interface-endpoints",
	.title = "bNumEndpoints counts endpoint 0",
	.seen = "exists to prove the rule",
	.caught_by = "usb.interface.endpoints",
	.ops = {.control_in = interface_endpoints},
};

/* state: SET_CONFIGURATION has come; a host that has not asked again works as it should. */
ON_SETUP(remember_configured)
{
	if (q->request_type == 0 && q->request == MSC_STD_SET_CONFIGURATION)
		*(bool *)state = true;
	return MUTANT_PASS;
}

ON_CONTROL_IN(interface_protocol)
{
	if (*(bool *)state && is_configuration(q, *len))
		buf[INTERFACE + 7] = 0x06;
}

const struct msc_fault msc_fault_interface_protocol = {
	.id = "interface-protocol",
	.title = "once configured, the device shows a bInterfaceProtocol that nobody defined",
	.seen = "Linux quirk USB_PR: unusual_devs.h lists such devices",
	.caught_by = "bot.interface.form",
	.ops = {.state_size = sizeof(bool),
		.setup = remember_configured,
		.control_in = interface_protocol},
};

ON_CONTROL_IN(endpoint_packet)
{
	const uint16_t other = mcu_speed(m) == MSC_SPEED_HIGH ? 64 : 512;

	if (*(bool *)state && is_configuration(q, *len) &&
	    *len >= ENDPOINTS + 2 * MSC_ENDPOINT_DESC_LEN) {
		msc_put_le16(buf + ENDPOINTS + 4, other);
		msc_put_le16(buf + ENDPOINTS + MSC_ENDPOINT_DESC_LEN + 4, other);
	}
}

const struct msc_fault msc_fault_endpoint_packet = {
	.id = "endpoint-packet",
	.title = "once configured, the device shows the wMaxPacketSize of the other speed",
	.seen = "Zephyr #54162: bulk endpoints of 256 bytes at high speed",
	.caught_by = "usb.endpoint.packet",
	.ops = {.state_size = sizeof(bool),
		.setup = remember_configured,
		.control_in = endpoint_packet},
};

/* -- strings ---------------------------------------------------------------------------------- */

/* The serial number, which is string 3 in every model. */
static bool is_serial(const struct msc_setup *q, size_t len)
{
	return fault_is_get(q, MSC_DESC_STRING) && (q->value & 0xff) == 3 && len > 2;
}

ON_CONTROL_IN(string_form)
{
	if (fault_is_get(q, MSC_DESC_STRING) && q->value & 0xff)
		buf[0] = (uint8_t)(*len - 2);
}

const struct msc_fault msc_fault_string_form = {
	.id = "string-form",
	.title = "bLength of a string leaves out its own two bytes",
	.seen = "exists to prove the rule",
	.caught_by = "usb.string.form",
	.ops = {.control_in = string_form},
};

ON_CONTROL_IN(serial_short)
{
	if (is_serial(q, *len) && *len > 14) {
		*len = 14;
		buf[0] = 14;
	}
}

const struct msc_fault msc_fault_serial_short = {
	.id = "serial-short",
	.title = "the serial number has six characters",
	.seen = "field 15: Zephyr #11336, TinyUSB #1147",
	.caught_by = "bot.serial.length",
	.ops = {.control_in = serial_short},
};

ON_CONTROL_IN(serial_lowercase)
{
	if (is_serial(q, *len))
		for (size_t i = 2; i < *len; i += 2)
			buf[i] = (uint8_t)tolower(buf[i]);
}

const struct msc_fault msc_fault_serial_lowercase = {
	.id = "serial-lowercase",
	.title = "the serial number has lower-case hex digits",
	.seen = "field 15: Zephyr #11336",
	.caught_by = "bot.serial.digits",
	.ops = {.control_in = serial_lowercase},
};

ON_CONTROL_IN(serial_zero)
{
	if (is_serial(q, *len))
		for (size_t i = 2; i < *len; i += 2)
			buf[i] = '0';
}

const struct msc_fault msc_fault_serial_zero = {
	.id = "serial-zero",
	.title = "every unit has the serial number 0",
	.seen = "NanoKVM and others: all units share one serial number",
	.caught_by = "bot.serial.zero",
	.ops = {.control_in = serial_zero},
};

/* state: how often it was read. */
ON_CONTROL_IN(serial_unstable)
{
	uint32_t *read = state;

	if (is_serial(q, *len))
		buf[2] = (uint8_t)('0' + (*read)++ % 10);
}

const struct msc_fault msc_fault_serial_unstable = {
	.id = "serial-unstable",
	.title = "the serial number is another at every reading",
	.seen = "exists to prove the rule",
	.caught_by = "bot.serial.stable",
	.ops = {.state_size = sizeof(uint32_t), .control_in = serial_unstable},
};
