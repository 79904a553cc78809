/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the device, device_qualifier and string descriptors, and of the serial number (BOT 1.0,
 * 4.1), judged from answers to GET_DESCRIPTOR. */
#include "judge/facts.h"

#include <ctype.h>
#include <string.h>

#define SERIAL_DIGITS 12 /* BOT 1.0, 4.1.1 */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- device ------------------------------------------------------------------------------- */

static bool is_device(const struct msc_record *r)
{
	uint8_t index;

	return msc_is_descriptor(r, MSC_DESC_DEVICE, &index) &&
	       r->u.control.outcome == MSC_OUT_DONE;
}

static void device_form(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	size_t due = smaller(c->setup.length, MSC_DEVICE_DESC_LEN);

	if (!is_device(r))
		return;
	if (c->data_len != due) {
		msc_found(j, "of %u byte%s asked for, %zu came", c->setup.length,
			  MSC_PLURAL(c->setup.length), c->data_len);
		msc_expected(j, "%zu", due);
		msc_actual(j, "%zu", c->data_len);
	} else if (c->data_len >= 2 &&
		   (c->data[0] != MSC_DEVICE_DESC_LEN || c->data[1] != MSC_DESC_DEVICE)) {
		msc_found(j, "bLength is %u and bDescriptorType %u", c->data[0], c->data[1]);
		msc_expected(j, "18 and 1");
	} else if (c->data_len == MSC_DEVICE_DESC_LEN && !c->data[17]) {
		msc_found(j, "bNumConfigurations is 0");
		msc_expected(j, "at least 1");
	}
}

const struct msc_rule msc_rule_usb_device_form = {
	.id = "usb.device.form",
	.title = "the device descriptor is 18 bytes and has a configuration",
	.spec = "USB 2.0, 9.6.1; TD1.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "enumeration fails",
	.mistake = "the answer is not cut to wLength, or is cut to the first packet",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = device_form,
};

/* Raised by the runner, when the device is back. */
const struct msc_rule msc_rule_usb_device_stays = {
	.id = "usb.device.stays",
	.title = "the device stays on the bus",
	.spec = "USB 2.0, 9.1.1.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "to the host it is a cable that was pulled: what was being written is lost, and the volume "
	       "is gone",
	.mistake =
		"a fault handler or the watchdog restarts the board: look for an index or a length that "
		"the host chose",
};

static void device_class(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!is_device(r) || c->data_len < 7 || c->data[4] != MSC_CLASS_MASS_STORAGE)
		return;
	msc_found(j, "bDeviceClass, bDeviceSubClass and bDeviceProtocol are %02Xh, %02Xh and %02Xh",
		  c->data[4], c->data[5], c->data[6]);
	msc_expected(j, "00h: the class is that of the interface");
	msc_actual(j, "%02Xh", c->data[4]);
}

const struct msc_rule msc_rule_bot_device_class = {
	.id = "bot.device.class",
	.title = "mass storage is the class of the interface and not of the device",
	.spec = "BOT 1.0, 4.1",
	.severity = {MSC_FAIL, MSC_WARN, MSC_FAIL},
	.why = "macOS does not take the device: it looks for the class in interfaces of a device "
	       "whose own class is 00h",
	.mistake = "the three bytes of the interface were written into the device descriptor, too",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = device_class,
};

static bool is_bcd(uint16_t v)
{
	return (v & 0xf) < 10 && (v >> 4 & 0xf) < 10 && (v >> 8 & 0xf) < 10 && v >> 12 < 10;
}

static void device_version(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint16_t least, usb;

	if (!is_device(r) || c->data_len < 4)
		return;
	usb = msc_get_le16(c->data + 2);
	least = r->device->speed == MSC_SPEED_SUPER  ? 0x0300
		: r->device->speed == MSC_SPEED_HIGH ? 0x0200
						     : 0x0100;
	if (is_bcd(usb) && usb >= least)
		return;
	msc_found(j, "bcdUSB is %04Xh at %s speed", usb, msc_speed_name(r->device->speed));
	msc_expected(j, "at least %04Xh", least);
	msc_actual(j, "%04Xh", usb);
}

const struct msc_rule msc_rule_usb_device_version = {
	.id = "usb.device.version",
	.title = "bcdUSB is a version that has the speed",
	.spec = "USB 2.0, 9.6.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "hosts ask for further descriptors, or do not, according to it",
	.mistake = "the two bytes are swapped",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = device_version,
};

static bool packet0_fits(enum msc_speed speed, uint8_t size)
{
	switch (speed) {
	case MSC_SPEED_SUPER: return size == 9; /* an exponent: 512 */
	case MSC_SPEED_HIGH: return size == 64;
	case MSC_SPEED_LOW: return size == 8;
	default: return size == 8 || size == 16 || size == 32 || size == 64;
	}
}

static void device_packet(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!is_device(r) || c->data_len < 8 || packet0_fits(r->device->speed, c->data[7]))
		return;
	msc_found(j, "bMaxPacketSize0 is %u at %s speed", c->data[7],
		  msc_speed_name(r->device->speed));
	msc_expected(j, r->device->speed == MSC_SPEED_SUPER ? "9, which means 512"
			: r->device->speed == MSC_SPEED_HIGH ? "64"
							     : "8, 16, 32 or 64");
	msc_actual(j, "%u", c->data[7]);
}

const struct msc_rule msc_rule_usb_device_packet = {
	.id = "usb.device.packet",
	.title = "bMaxPacketSize0 fits the speed",
	.spec = "USB 2.0, 5.5.3 and 9.6.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a control transfer longer than one packet ends early or babbles",
	.mistake = "the size of a bulk endpoint is written there",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = device_packet,
};

static void qualifier_form(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint8_t index;

	if (!msc_is_descriptor(r, MSC_DESC_DEVICE_QUALIFIER, &index))
		return;
	if (c->outcome == MSC_OUT_STALL && r->device->speed == MSC_SPEED_HIGH) {
		msc_found(j, "a device at high speed refuses to give its device_qualifier");
		msc_expected(j, "10 bytes");
		msc_actual(j, "STALL");
	}
	if (c->outcome != MSC_OUT_DONE)
		return;
	if (c->data_len != smaller(c->setup.length, MSC_QUALIFIER_DESC_LEN)) {
		msc_found(j, "of %u byte%s asked for, %zu came", c->setup.length,
			  MSC_PLURAL(c->setup.length), c->data_len);
		msc_expected(j, "%d", MSC_QUALIFIER_DESC_LEN);
		msc_actual(j, "%zu", c->data_len);
	} else if (c->data_len == MSC_QUALIFIER_DESC_LEN &&
		   (c->data[0] != MSC_QUALIFIER_DESC_LEN ||
		    c->data[1] != MSC_DESC_DEVICE_QUALIFIER || !c->data[8] || c->data[9])) {
		msc_found(j,
			  "bLength is %u, bDescriptorType %u, bNumConfigurations %u, bReserved %u",
			  c->data[0], c->data[1], c->data[8], c->data[9]);
		msc_expected(j, "10, 6, at least 1, 0");
	}
}

const struct msc_rule msc_rule_usb_qualifier_form = {
	.id = "usb.qualifier.form",
	.title = "a device that can do high speed has a device_qualifier of 10 bytes",
	.spec = "USB 2.0, 9.6.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "it tells the host what the device would be at the other speed",
	.mistake = "only the descriptors of the current speed are there",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = qualifier_form,
};

/* ---- strings ------------------------------------------------------------------------------ */

static void string_form(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	size_t due;
	uint8_t index;

	if (!msc_is_descriptor(r, MSC_DESC_STRING, &index) || c->outcome != MSC_OUT_DONE ||
	    c->setup.length < 2)
		return;
	if (c->data_len < 2) {
		msc_found(j, "%zu byte%s came", c->data_len, MSC_PLURAL(c->data_len));
		msc_expected(j, "at least 2");
		return;
	}
	due = smaller(c->setup.length, c->data[0]);
	if (c->data[1] != MSC_DESC_STRING || c->data[0] % 2 || c->data[0] < (index ? 2 : 4)) {
		msc_found(j, "bLength is %u and bDescriptorType %u", c->data[0], c->data[1]);
		msc_expected(j, "an even number of at least %d, and 3", index ? 2 : 4);
	} else if (c->data_len != due) {
		msc_found(j, "of %u byte%s asked for, %zu came, and bLength is %u%s",
			  c->setup.length, MSC_PLURAL(c->setup.length), c->data_len, c->data[0],
			  c->data_len == due + 2 ? ": it leaves out its own two bytes" : "");
		msc_expected(j, "%zu", due);
		msc_actual(j, "%zu", c->data_len);
	}
}

const struct msc_rule msc_rule_usb_string_form = {
	.id = "usb.string.form",
	.title = "a string descriptor is as long as its bLength; string 0 names a language",
	.spec = "USB 2.0, 9.6.7; TD1.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "Windows asks for 255 bytes and takes what comes; a wrong length cuts the serial number",
	.mistake = "bLength counts characters instead of bytes, or leaves its own two bytes out",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = string_form,
};

/* In the first of the languages of string 0, as hosts ask for it. */
static bool refuses_serial(const struct msc_record *r)
{
	const struct msc_answers *a = msc_history_controls(r);
	const struct msc_control *c = &r->u.control, *languages = NULL;
	uint8_t index;

	if (!msc_is_descriptor(r, MSC_DESC_STRING, &index) || !index ||
	    index != r->device->desc.i_serial || c->outcome != MSC_OUT_STALL)
		return false;
	for (size_t i = 0; a && i < a->count && !languages; i++)
		if (msc_is_descriptor(a->list[i], MSC_DESC_STRING, &index) && !index &&
		    a->list[i]->u.control.outcome == MSC_OUT_DONE)
			languages = &a->list[i]->u.control;
	return languages && languages->data_len >= 4 &&
	       msc_get_le16(languages->data + 2) == c->setup.index;
}

static void serial_present(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (refuses_serial(r)) {
		msc_found(j,
			  "iSerialNumber is %u, and that string is refused in the language that "
			  "string 0 names, %04Xh",
			  r->device->desc.i_serial, c->setup.index);
		msc_expected(j, "a string");
		msc_actual(j, "STALL");
		return;
	}
	if (!is_device(r) || c->data_len < MSC_DEVICE_DESC_LEN || c->data[16])
		return;
	msc_found(j, "iSerialNumber is 0: the device has no serial number");
	msc_expected(j, "a string index");
	msc_actual(j, "0");
}

const struct msc_rule msc_rule_bot_serial_present = {
	.id = "bot.serial.present",
	.title = "the device has a serial number",
	.spec = "BOT 1.0, 4.1.1; TD1.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "without it Windows installs the device again at every port, and a host that resets the "
	       "bus cannot know it again",
	.mistake = "the string was left out to save flash",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = serial_present,
};

/* A complete, well-formed serial number string; *digits is how many characters. */
static bool is_serial(const struct msc_record *r, size_t *digits)
{
	const struct msc_control *c = &r->u.control;
	uint8_t index;

	if (!msc_is_descriptor(r, MSC_DESC_STRING, &index) || !index ||
	    index != r->device->desc.i_serial || c->outcome != MSC_OUT_DONE || c->data_len < 2 ||
	    c->data[0] != c->data_len || c->data_len % 2 || c->data[1] != MSC_DESC_STRING)
		return false;
	*digits = c->data_len / 2 - 1;
	return true;
}

/* The character of UTF-16 at i, as far as it is ASCII; 0: it is not. */
static char character(const struct msc_record *r, size_t i)
{
	uint16_t c = msc_get_le16(r->u.control.data + 2 + 2 * i);

	return c < 0x80 ? (char)c : '\0';
}

/* For messages: at most 40 characters. */
static void serial_text(char text[41], const struct msc_record *r, size_t digits)
{
	size_t i;

	for (i = 0; i < digits && i < 40; i++) {
		char c = character(r, i);

		text[i] = isprint((unsigned char)c) ? c : '.';
	}
	text[i] = '\0';
}

static void serial_length(struct msc_judging *j, const struct msc_record *r)
{
	char text[41];
	size_t digits;

	if (!is_serial(r, &digits) || digits >= SERIAL_DIGITS)
		return;
	serial_text(text, r, digits);
	msc_found(j, "the serial number '%s' has %zu characters", text, digits);
	msc_expected(j, "at least %d", SERIAL_DIGITS);
	msc_actual(j, "%zu", digits);
}

const struct msc_rule msc_rule_bot_serial_length = {
	.id = "bot.serial.length",
	.title = "the serial number has at least 12 characters",
	.spec = "BOT 1.0, 4.1.1; TD1.2; assertion 5.1.2 of the compliance tests, a warning there",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "the last twelve tell devices of one make apart",
	.mistake =
		"a short placeholder stays, or the chip's number is printed without leading zeros",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = serial_length,
};

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static void serial_digits(struct msc_judging *j, const struct msc_record *r)
{
	char text[41];
	size_t digits;

	if (!is_serial(r, &digits))
		return;
	for (size_t i = 0; i < digits; i++) {
		if (is_digit(character(r, i)))
			continue;
		serial_text(text, r, digits);
		msc_found(j, "character %zu of the serial number '%s' is U+%04X", i + 1, text,
			  msc_get_le16(r->u.control.data + 2 + 2 * i));
		msc_expected(j, "0 to 9, A to F");
		return;
	}
}

const struct msc_rule msc_rule_bot_serial_digits = {
	.id = "bot.serial.digits",
	.title = "the serial number consists of 0 to 9 and A to F",
	.spec = "BOT 1.0, 4.1.2; TD1.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "Windows makes names of it and replaces the device's serial when a character is not "
	       "allowed in them",
	.mistake = "lower-case hex digits, or a product name with a number",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = serial_digits,
};

static void serial_zero(struct msc_judging *j, const struct msc_record *r)
{
	size_t digits;

	if (!is_serial(r, &digits) || digits < SERIAL_DIGITS)
		return;
	for (size_t i = digits - SERIAL_DIGITS; i < digits; i++)
		if (character(r, i) != '0')
			return;
	msc_found(j, "the last %d characters of the serial number are all '0'", SERIAL_DIGITS);
	msc_expected(j, "a number of the device's own");
}

const struct msc_rule msc_rule_bot_serial_zero = {
	.id = "bot.serial.zero",
	.title = "the last 12 characters of the serial number are not all 0",
	.spec = "BOT 1.0, 4.1.1; TD1.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "two devices with one serial number cannot be used on one Windows machine",
	.mistake =
		"the chip's unique number is read before its clock is on, or was never programmed",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = serial_zero,
};

static void serial_stable(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	const struct msc_answers *a = msc_history_controls(r);
	size_t digits, before;

	if (!is_serial(r, &digits))
		return;
	for (size_t i = 0; a && i < a->count; i++) {
		const struct msc_record *p = a->list[i];

		if (!is_serial(p, &before) || p->u.control.setup.index != c->setup.index)
			continue;
		if (digits != before || memcmp(p->u.control.data, c->data, c->data_len) != 0)
			msc_found(j, "the serial number is not the one that was read before");
		msc_expected(j, "the same again");
		return;
	}
}

const struct msc_rule msc_rule_bot_serial_stable = {
	.id = "bot.serial.stable",
	.title = "the serial number is the same at every reading",
	.spec = "BOT 1.0, 4.1.1; TD1.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts know a device again by it",
	.mistake =
		"it is made from a random number, a clock or a buffer that is used for other things",
	.on = MSC_RECORD_CONTROL,
	.judge = serial_stable,
};
