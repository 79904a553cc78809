/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the device and device_qualifier descriptors, judged from answers to GET_DESCRIPTOR. */
#include "judge/facts.h"

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

static bool packet0_fits(enum msc_speed speed, uint8_t size, uint16_t usb)
{
	switch (speed) {
	case MSC_SPEED_SUPER: return size == 9; /* an exponent: 512 */
	case MSC_SPEED_HIGH: return size == 64;
	case MSC_SPEED_LOW: return size == 8;
	default: break;
	}
	if (speed == MSC_SPEED_UNKNOWN && size == 9 && usb >= 0x0300)
		return true;
	return size == 8 || size == 16 || size == 32 || size == 64;
}

static const char *packet0(enum msc_speed speed)
{
	switch (speed) {
	case MSC_SPEED_SUPER: return "9, which means 512";
	case MSC_SPEED_HIGH: return "64";
	case MSC_SPEED_UNKNOWN: return "8, 16, 32 or 64; of a SuperSpeed device 9";
	default: return "8, 16, 32 or 64";
	}
}

static void device_packet(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!is_device(r) || c->data_len < 8 ||
	    packet0_fits(r->device->speed, c->data[7], msc_get_le16(c->data + 2)))
		return;
	msc_found(j, "bMaxPacketSize0 is %u at %s speed", c->data[7],
		  msc_speed_name(r->device->speed));
	msc_expected(j, "%s", packet0(r->device->speed));
	msc_actual(j, "%u", c->data[7]);
}

const struct msc_rule msc_rule_usb_device_packet = {
	.id = "usb.device.packet",
	.title = "bMaxPacketSize0 fits the speed",
	.spec = "USB 2.0, 5.5.3 and 9.6.1; USB 3.2, 9.6.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a control transfer longer than one packet ends early or babbles",
	.mistake = "the size of a bulk endpoint is written there",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = device_packet,
};

/* What the device would be at the other speed. */
static void qualifier_fields(struct msc_judging *j, const uint8_t *data, enum msc_speed speed)
{
	enum msc_speed other = speed == MSC_SPEED_FULL ? MSC_SPEED_HIGH : MSC_SPEED_FULL;
	uint16_t usb = msc_get_le16(data + 2);

	if (!is_bcd(usb) || usb < 0x0200) {
		msc_found(j, "bcdUSB of the device_qualifier is %04Xh", usb);
		msc_expected(j, "at least 0200h");
		msc_actual(j, "%04Xh", usb);
	} else if (!packet0_fits(other, data[7], usb)) {
		msc_found(
			j,
			"bMaxPacketSize0 of the device_qualifier is %u, and the other speed is %s",
			data[7], msc_speed_name(other));
		msc_expected(j, other == MSC_SPEED_HIGH ? "64" : "8, 16, 32 or 64");
		msc_actual(j, "%u", data[7]);
	}
}

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
	} else if (c->data_len == MSC_QUALIFIER_DESC_LEN) {
		qualifier_fields(j, c->data, r->device->speed);
	}
}

const struct msc_rule msc_rule_usb_qualifier_form = {
	.id = "usb.qualifier.form",
	.title =
		"a device that can do high speed has a device_qualifier, and it fits the other speed",
	.spec = "USB 2.0, 9.6.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "it tells the host what the device would be at the other speed",
	.mistake = "only the descriptors of the current speed are there",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = qualifier_form,
};
