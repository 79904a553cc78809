/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the string descriptors, and of the serial number (BOT 1.0, 4.1), judged from answers to
 * GET_DESCRIPTOR. */
#include "judge/facts.h"

#include <ctype.h>
#include <string.h>

#define SERIAL_DIGITS 12 /* BOT 1.0, 4.1.1 */

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
	due = c->setup.length < c->data[0] ? c->setup.length : c->data[0];
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

/* A string that is refused in the first of the languages of string 0, as hosts ask for it; false as well when
 * none is known. */
static bool is_refused(const struct msc_record *r, uint8_t *index)
{
	const struct msc_answers *a = msc_history_controls(r);
	uint8_t at;

	if (!msc_is_descriptor(r, MSC_DESC_STRING, index) || !*index ||
	    r->u.control.outcome != MSC_OUT_STALL)
		return false;
	for (size_t i = 0; a && i < a->count; i++) {
		const struct msc_control *c = &a->list[i]->u.control;

		if (msc_is_descriptor(a->list[i], MSC_DESC_STRING, &at) && !at &&
		    c->outcome == MSC_OUT_DONE)
			return c->data_len >= 4 &&
			       msc_get_le16(c->data + 2) == r->u.control.setup.index;
	}
	return false;
}

/* Of the device descriptor; that of the serial number is bot.serial.present. */
static void string_named(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_device_desc *d = &r->device->desc;
	uint8_t index;

	if (!is_refused(r, &index) || index == d->i_serial ||
	    (index != d->i_manufacturer && index != d->i_product))
		return;
	msc_found(j,
		  "%s is %u, and that string is refused in the language that string 0 names, %04Xh",
		  index == d->i_product ? "iProduct" : "iManufacturer", index,
		  r->u.control.setup.index);
	msc_expected(j, "a string");
	msc_actual(j, "STALL");
}

const struct msc_rule msc_rule_usb_string_named = {
	.id = "usb.string.named",
	.title = "a string that the device descriptor names can be had",
	.spec = "USB 2.0, 9.6.1 and 9.6.7",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "the device has no name there; small hosts give it up at the first request that fails",
	.mistake = "the table of strings is shorter than the index, which is 0 where there is none",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = string_named,
};

static void serial_present(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint8_t index;

	if (is_refused(r, &index) && index == r->device->desc.i_serial) {
		msc_found(j,
			  "iSerialNumber is %u, and that string is refused in the language that "
			  "string 0 names, %04Xh",
			  r->device->desc.i_serial, c->setup.index);
		msc_expected(j, "a string");
		msc_actual(j, "STALL");
		return;
	}
	if (!msc_is_descriptor(r, MSC_DESC_DEVICE, &index) || c->outcome != MSC_OUT_DONE ||
	    c->data_len < MSC_DEVICE_DESC_LEN || c->data[16])
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

#define BYTE_ORDER_MARK \
	0xfeff /* Unicode, 23.8; a string descriptor is UTF-16LE without one: USB 2.0, 9.6.7 */

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
		uint16_t code = msc_get_le16(r->u.control.data + 2 + 2 * i);

		if (is_digit(character(r, i)))
			continue;
		serial_text(text, r, digits);
		if (code == BYTE_ORDER_MARK)
			msc_found(
				j,
				"the serial number '%s' has a byte order mark, U+FEFF, as character %zu",
				text, i + 1);
		else if (code >= 'a' && code <= 'f')
			msc_found(j,
				  "character %zu of the serial number '%s' is a lower-case digit",
				  i + 1, text);
		else
			msc_found(j, "character %zu of the serial number '%s' is U+%04X", i + 1,
				  text, code);
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
