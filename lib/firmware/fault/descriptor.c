/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of descriptors. None keeps a host from using the device: a descriptor that does so shows
 * itself without a test. */
#include "firmware/fault/fault.h"

#include <ctype.h>
#include <string.h>

/* -- configuration ---------------------------------------------------------------------------- */

/* Of one interface with two endpoints, as every model has it. */
enum {
	CONFIGURATION_LEN =
		MSC_CONFIG_DESC_LEN + MSC_INTERFACE_DESC_LEN + 2 * MSC_ENDPOINT_DESC_LEN
};

/* wTotalLength, as far as that much of it is asked for. */
static void put_total(uint8_t *buf, size_t len, uint16_t total)
{
	for (size_t i = 2; i < 4 && i < len; i++, total >>= 8)
		buf[i] = (uint8_t)total;
}

ON_CONTROL_IN(config_length)
{
	if (fault_is_get(q, MSC_DESC_CONFIGURATION))
		put_total(buf, *len, CONFIGURATION_LEN + MSC_ENDPOINT_DESC_LEN);
}

const struct msc_fault msc_fault_config_length = {
	.id = "config-length",
	.title = "wTotalLength counts an endpoint that is no longer there",
	.seen = "https://github.com/greatscottgadgets/ubertooth/pull/2: one byte of the string behind it "
		"is counted",
	.caught_by = "usb.config.length",
	.mistake = "an endpoint was removed and wTotalLength not adjusted",
	.ops = {.control_in = config_length},
};

ON_CONTROL_IN(config_length_swapped)
{
	uint8_t low = buf[2];

	if (!fault_is_get(q, MSC_DESC_CONFIGURATION) || *len < 4)
		return;
	buf[2] = buf[3];
	buf[3] = low;
}

const struct msc_fault msc_fault_config_length_swapped = {
	.id = "config-length-swapped",
	.title = "wTotalLength is sent with its highest byte first",
	.seen = "https://github.com/networkoptix/nx_system_tests: arms/usb_emulation",
	.caught_by = "usb.config.length",
	.mistake =
		"USB has the lowest byte first, SCSI the highest: the wrong one of two helpers was "
		"called",
	.ops = { .control_in = config_length_swapped },
};

ON_CONTROL_IN(config_walk)
{
	if (!fault_is_get(q, MSC_DESC_CONFIGURATION))
		return;
	put_total(buf, *len, CONFIGURATION_LEN + 2);
	if (*len == CONFIGURATION_LEN && *len + 2 <= max) {
		memset(buf + *len, 0, 2);
		*len += 2;
	}
}

const struct msc_fault msc_fault_config_walk = {
	.id = "config-walk",
	.title = "the configuration ends with a descriptor of length 0",
	.caught_by = "usb.config.walk",
	.mistake = "bLength of an added descriptor was left 0",
	.ops = {.control_in = config_walk},
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
		buf[0] -= 2;
}

const struct msc_fault msc_fault_string_form = {
	.id = "string-form",
	.title = "bLength of a string leaves out its own two bytes",
	.caught_by = "usb.string.form",
	.mistake = "bLength counts its own two bytes and the descriptor type",
	.ops = {.control_in = string_form},
};

ON_CONTROL_IN(string_bom)
{
	if (!fault_is_get(q, MSC_DESC_STRING) || !(q->value & 0xff) || *len < 2 || *len + 2 > max ||
	    *len + 2 > UINT8_MAX)
		return;
	memmove(buf + 4, buf + 2, *len - 2);
	msc_put_le16(buf + 2, 0xfeff);
	*len += 2;
	buf[0] = (uint8_t)*len;
}

const struct msc_fault msc_fault_string_bom = {
	.id = "string-bom",
	.title = "strings begin with a byte order mark",
	.seen = "https://github.com/networkoptix/nx_system_tests: arms/usb_emulation",
	.caught_by = "bot.serial.digits",
	.mistake =
		"the text was encoded as \"UTF-16\", which adds a byte order mark: a string descriptor "
		"is UTF-16LE without one",
	.ops = { .control_in = string_bom },
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
	.seen = "field 15: https://github.com/zephyrproject-rtos/zephyr/issues/11336",
	.caught_by = "bot.serial.digits",
	.mistake = "the number is printed with %x: digits and A to F only",
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
	.seen = "https://github.com/RfidResearchGroup/proxmark3/issues/1904: a constant; the second unit takes "
		"Windows 5 s",
	.caught_by = "bot.serial.zero",
	.mistake =
		"the serial number is a constant: derive it from the chip's unique "
		"identifier",
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
	.caught_by = "bot.serial.stable",
	.mistake =
		"the string is made from something that changes, such as a timer or a RAM "
		"address",
	.ops = {.state_size = sizeof(uint32_t), .control_in = serial_unstable},
};
