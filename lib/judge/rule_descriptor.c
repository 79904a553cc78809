/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the configuration descriptor and what is in it, judged from the bytes of an answer to
 * GET_DESCRIPTOR(CONFIGURATION). Device, qualifier and string descriptors are in rule_device.c. */
#include "judge/facts.h"

#include <string.h>

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* An answer with at least the head of a configuration descriptor. */
static bool is_config(const struct msc_record *r)
{
	uint8_t index;

	return msc_is_descriptor(r, MSC_DESC_CONFIGURATION, &index) &&
	       r->u.control.outcome == MSC_OUT_DONE;
}

static uint16_t total_length(const struct msc_control *c)
{
	return c->data_len >= 4 ? msc_get_le16(c->data + 2) : 0;
}

static void config_length(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint16_t total = total_length(c);
	size_t due = smaller(total, c->setup.length);

	if (!is_config(r))
		return;
	if (c->setup.length >= 4 && total < MSC_CONFIG_DESC_LEN) {
		msc_found(j, "a configuration descriptor of %zu bytes came, with wTotalLength %u",
			  c->data_len, total);
		msc_expected(j, "at least %d", MSC_CONFIG_DESC_LEN);
	} else if (c->data_len >= 2 &&
		   (c->data[0] != MSC_CONFIG_DESC_LEN || c->data[1] != MSC_DESC_CONFIGURATION)) {
		msc_found(j, "bLength is %u and bDescriptorType %u", c->data[0], c->data[1]);
		msc_expected(j, "9 and 2");
	} else if (c->setup.length >= 4 && c->data_len != due &&
		   c->data_len == (uint16_t)(total >> 8 | total << 8)) {
		msc_found(
			j,
			"wTotalLength is %u, %04Xh: the %zu bytes that came are %04zXh, the same two bytes "
			"in the other order",
			total, total, c->data_len, c->data_len);
		msc_expected(j, "%zu", c->data_len);
		msc_actual(j, "%u", total);
	} else if (c->setup.length >= 4 && c->data_len != due) {
		msc_found(j, "of %u byte%s asked for, %zu came, and wTotalLength is %u",
			  c->setup.length, MSC_PLURAL(c->setup.length), c->data_len, total);
		msc_expected(j, "%zu", due);
		msc_actual(j, "%zu", c->data_len);
	}
}

const struct msc_rule msc_rule_usb_config_length = {
	.id = "usb.config.length",
	.title = "wTotalLength is what a complete configuration descriptor measures",
	.spec = "USB 2.0, 9.6.3 and 9.4.3; TD1.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a host asks for nine bytes, then for wTotalLength; Linux takes less with a complaint, and "
	       "others do not enumerate the device",
	.mistake = "a descriptor was added and the constant was not changed, or the length sent is "
		   "cut to one packet",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = config_length,
};

/* ---- walking ------------------------------------------------------------------------------ */

struct walk {
	const uint8_t *p;    /* the descriptor at hand */
	const uint8_t *end;
};

/* A complete descriptor of that type, which alone can be walked. */
static bool walk_type(const struct msc_control *c, uint8_t type, struct walk *w)
{
	if (total_length(c) < MSC_CONFIG_DESC_LEN || c->data_len < total_length(c) ||
	    c->data[0] != MSC_CONFIG_DESC_LEN || c->data[1] != type)
		return false;
	*w = (struct walk){ .p = c->data, .end = c->data + total_length(c) };
	return true;
}

static bool walk_begin(const struct msc_record *r, struct walk *w)
{
	return is_config(r) && walk_type(&r->u.control, MSC_DESC_CONFIGURATION, w);
}

/* The next descriptor that fits; false at the end, or where a length leads nowhere. */
static bool walk_next(struct walk *w)
{
	w->p += w->p[0];
	return w->end - w->p >= 2 && w->p[0] >= 2 && w->p[0] <= w->end - w->p;
}

static bool at_interface(const struct walk *w)
{
	return w->p[1] == MSC_DESC_INTERFACE && w->p[0] >= MSC_INTERFACE_DESC_LEN;
}

static bool at_endpoint(const struct walk *w)
{
	return w->p[1] == MSC_DESC_ENDPOINT && w->p[0] >= MSC_ENDPOINT_DESC_LEN;
}

static bool chain_is_whole(struct walk w)
{
	while (walk_next(&w))
		if ((w.p[1] == MSC_DESC_INTERFACE && !at_interface(&w)) ||
		    (w.p[1] == MSC_DESC_ENDPOINT && !at_endpoint(&w)))
			return false;
	return w.p == w.end;
}

/* Complete, and every length in it leads to the next descriptor. */
static bool is_whole(const struct msc_record *r, struct walk *w)
{
	return walk_begin(r, w) && chain_is_whole(*w);
}

static void config_walk(struct msc_judging *j, const struct msc_record *r)
{
	struct walk w;
	const uint8_t *begin;

	if (!walk_begin(r, &w) || chain_is_whole(w))
		return;
	begin = w.p;
	while (walk_next(&w) && (w.p[1] != MSC_DESC_INTERFACE || at_interface(&w)) &&
	       (w.p[1] != MSC_DESC_ENDPOINT || at_endpoint(&w)))
		;
	msc_found(j,
		  "the descriptor at offset %td of %td has a length that does not lead to the "
		  "next one",
		  w.p - begin, w.end - begin);
	if (w.p < w.end)
		msc_actual(j, "bLength %u", w.p[0]);
}

const struct msc_rule msc_rule_usb_config_walk = {
	.id = "usb.config.walk",
	.title = "the descriptors of a configuration follow one another without a gap",
	.spec = "USB 2.0, 9.5 and 9.6.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts walk by bLength and stop, or refuse the device, where it leads nowhere",
	.mistake = "a bLength of 0, or one that was not changed with its descriptor",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = config_walk,
};

static void config_interfaces(struct msc_judging *j, const struct msc_record *r)
{
	bool seen[256] = { false };
	unsigned count = 0;
	struct walk w;

	if (!is_whole(r, &w))
		return;
	while (walk_next(&w)) {
		if (!at_interface(&w) || seen[w.p[2]])
			continue;
		seen[w.p[2]] = true;
		count++;
	}
	if (count == r->u.control.data[4])
		return;
	msc_found(j, "bNumInterfaces is %u, and %u interfaces follow", r->u.control.data[4], count);
	msc_expected(j, "%u", count);
	msc_actual(j, "%u", r->u.control.data[4]);
}

const struct msc_rule msc_rule_usb_config_interfaces = {
	.id = "usb.config.interfaces",
	.title = "bNumInterfaces is the number of interfaces",
	.spec = "USB 2.0, 9.6.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "Windows decides by it whether a device is composite; Linux warns and goes on",
	.mistake = "alternate settings are counted, or an interface was added without it",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = config_interfaces,
};

/* What is wrong with the endpoints of the interface at hand: their number, an address used twice,
 * or endpoint 0. Leaves the walk where it is. */
static void check_endpoints(struct msc_judging *j, struct walk w)
{
	const uint8_t *interface = w.p;
	bool seen[256] = { false };
	unsigned count = 0;

	while (walk_next(&w) && w.p[1] != MSC_DESC_INTERFACE) {
		uint8_t address;

		if (!at_endpoint(&w))
			continue;
		count++;
		address = w.p[2] & (MSC_EP_IN | MSC_EP_NUMBER);
		if (!(address & MSC_EP_NUMBER) || seen[address]) {
			msc_found(j, "interface %u has the endpoint address %02Xh%s", interface[2],
				  w.p[2], seen[address] ? " twice" : "");
			msc_actual(j, "%02Xh", w.p[2]);
		}
		seen[address] = true;
	}
	if (count == interface[4])
		return;
	msc_found(j, "bNumEndpoints of interface %u is %u, and %u follow", interface[2],
		  interface[4], count);
	msc_expected(j, "%u", count);
	msc_actual(j, "%u", interface[4]);
}

static void interface_endpoints(struct msc_judging *j, const struct msc_record *r)
{
	struct walk w;

	if (!is_whole(r, &w))
		return;
	while (walk_next(&w))
		if (at_interface(&w))
			check_endpoints(j, w);
}

const struct msc_rule msc_rule_usb_interface_endpoints = {
	.id = "usb.interface.endpoints",
	.title = "bNumEndpoints agrees with the endpoints, and each has an address of its own",
	.spec = "USB 2.0, 9.6.5 and 9.6.6",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts open as many endpoints as announced, and miss the rest",
	.mistake = "endpoint 0 is counted, or bulk-in and bulk-out were copied from one another",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = interface_endpoints,
};

static void config_attributes(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint8_t attributes;

	if (!is_config(r) || c->data_len < MSC_CONFIG_DESC_LEN)
		return;
	attributes = c->data[7];
	if (c->data[5] && attributes & MSC_CONFIG_ONE && !(attributes & MSC_CONFIG_ZERO))
		return;
	msc_found(j, "bConfigurationValue is %u and bmAttributes %02Xh", c->data[5], attributes);
	msc_expected(j, "a value above 0; bit 7 set, bits 4 to 0 clear");
	msc_actual(j, "%u; %02Xh", c->data[5], attributes);
}

const struct msc_rule msc_rule_usb_config_attributes = {
	.id = "usb.config.attributes",
	.title = "the configuration has a value, and the reserved bits of bmAttributes are as they "
		 "must be",
	.spec = "USB 2.0, 9.6.3",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "value 0 cannot be chosen, as it means unconfigured; the bits are checked by the "
	       "compliance tests of chapter 9 and by no host",
	.mistake = "bmAttributes is 00h for a device that is powered by the bus, without bit 7",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = config_attributes,
};

static bool packet_size_fits(enum msc_speed speed, uint16_t size)
{
	switch (speed) {
	case MSC_SPEED_FULL: return size == 8 || size == 16 || size == 32 || size == 64;
	case MSC_SPEED_HIGH: return size == 512;
	case MSC_SPEED_SUPER: return size == 1024;
	default: return true;
	}
}

static void check_packet_sizes(struct msc_judging *j, struct walk w, enum msc_speed speed)
{
	while (walk_next(&w)) {
		uint16_t size;

		if (!at_endpoint(&w) || (w.p[3] & MSC_EP_TYPE) != MSC_EP_TYPE_BULK)
			continue;
		size = msc_get_le16(w.p + 4);
		if (packet_size_fits(speed, size))
			continue;
		msc_found(j, "wMaxPacketSize of bulk endpoint %02Xh is %u at %s speed", w.p[2],
			  size, msc_speed_name(speed));
		msc_expected(j, speed == MSC_SPEED_FULL ? "8, 16, 32 or 64"
				: speed == MSC_SPEED_HIGH ? "512"
							  : "1024");
		msc_actual(j, "%u", size);
	}
}

/* USB 3.2, 9.6.7: behind each endpoint. Streams are for UAS, which shares the configuration. */
static void check_companions(struct msc_judging *j, struct walk w)
{
	bool storage = false;

	while (walk_next(&w)) {
		struct walk next = w;
		uint8_t address = w.p[2];

		if (at_interface(&w))
			storage = w.p[5] == MSC_CLASS_MASS_STORAGE &&
				  w.p[7] == MSC_PROTOCOL_BULK_ONLY;
		if (!at_endpoint(&w) || (w.p[3] & MSC_EP_TYPE) != MSC_EP_TYPE_BULK)
			continue;
		if (!walk_next(&next) || next.p[1] != MSC_DESC_COMPANION ||
		    next.p[0] < MSC_COMPANION_DESC_LEN) {
			msc_found(j, "no SuperSpeed companion follows bulk endpoint %02Xh",
				  address);
			msc_expected(j, "a descriptor of type 30h and 6 bytes");
		} else if (next.p[2] > 15 || (storage && next.p[3] & MSC_COMPANION_STREAMS)) {
			msc_found(j,
				  "the SuperSpeed companion of bulk endpoint %02Xh has bMaxBurst "
				  "%u and bmAttributes %02Xh",
				  address, next.p[2], next.p[3]);
			msc_expected(j, "at most 15, and no streams in Bulk-Only Transport");
		}
	}
}

static void endpoint_packet(struct msc_judging *j, const struct msc_record *r)
{
	struct walk w;

	if (!is_whole(r, &w))
		return;
	check_packet_sizes(j, w, r->device->speed);
	if (r->device->speed == MSC_SPEED_SUPER)
		check_companions(j, w);
}

const struct msc_rule msc_rule_usb_endpoint_packet = {
	.id = "usb.endpoint.packet",
	.title = "a bulk endpoint is described as its speed demands: wMaxPacketSize, and at "
		 "SuperSpeed a companion without streams",
	.spec = "USB 2.0, 5.8.3; USB 3.2, 9.6.6 and 9.6.7",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "host controllers split data by it; a wrong size breaks every transfer longer than one "
	       "packet",
	.mistake = "the descriptor of one speed is used at the other",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = endpoint_packet,
};

/* ---- the other speed ---------------------------------------------------------------------- */

static bool gave_qualifier(const struct msc_record *r)
{
	const struct msc_answers *a = msc_history_controls(r);
	uint8_t index;

	for (size_t i = 0; a && i < a->count; i++)
		if (msc_is_descriptor(a->list[i], MSC_DESC_DEVICE_QUALIFIER, &index))
			return a->list[i]->u.control.outcome == MSC_OUT_DONE;
	return false;
}

static void otherspeed(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	struct walk w;
	uint8_t index;

	if (!msc_is_descriptor(r, MSC_DESC_OTHER_SPEED, &index) || index)
		return;
	if (c->outcome == MSC_OUT_STALL && gave_qualifier(r)) {
		msc_found(j, "the device gave a device_qualifier and refuses to give its "
			     "other_speed_configuration");
		msc_expected(j, "a configuration");
		msc_actual(j, "STALL");
	} else if (c->outcome == MSC_OUT_DONE && c->data_len >= 2 &&
		   (c->data[0] != MSC_CONFIG_DESC_LEN || c->data[1] != MSC_DESC_OTHER_SPEED)) {
		msc_found(j, "bLength is %u and bDescriptorType %u", c->data[0], c->data[1]);
		msc_expected(j, "9 and 7");
	} else if (c->outcome == MSC_OUT_DONE && walk_type(c, MSC_DESC_OTHER_SPEED, &w)) {
		check_packet_sizes(
			j, w, r->device->speed == MSC_SPEED_HIGH ? MSC_SPEED_FULL : MSC_SPEED_HIGH);
	}
}

const struct msc_rule msc_rule_usb_otherspeed_form = {
	.id = "usb.otherspeed.form",
	.title = "other_speed_configuration describes the device at its other speed",
	.spec = "USB 2.0, 9.6.2 and 9.6.4",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "Windows tells by it that a device would run faster in another port; the compliance tests "
	       "read it",
	.mistake = "the present configuration is sent again, with its packet sizes or its "
		   "bDescriptorType",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = otherspeed,
};

/* ---- the mass-storage interface ----------------------------------------------------------- */

static void check_storage(struct msc_judging *j, struct walk w)
{
	const uint8_t *interface = w.p;
	bool in = false, out = false;

	while (walk_next(&w) && w.p[1] != MSC_DESC_INTERFACE) {
		if (!at_endpoint(&w) || (w.p[3] & MSC_EP_TYPE) != MSC_EP_TYPE_BULK)
			continue;
		in |= w.p[2] & MSC_EP_IN;
		out |= !(w.p[2] & MSC_EP_IN);
	}
	if (interface[6] < 0x01 || interface[6] > 0x08) {
		msc_found(j, "bInterfaceSubClass is %02Xh", interface[6]);
		msc_expected(j, "06h (01h to 08h)");
		msc_actual(j, "%02Xh", interface[6]);
	} else if (!in || !out) {
		msc_found(j, "interface %u has no bulk-%s endpoint", interface[2],
			  in ? "out" : "in");
		msc_expected(j, "bulk-in and bulk-out");
	}
}

static void interface_form(struct msc_judging *j, const struct msc_record *r)
{
	bool any = false;
	struct walk w;

	if (!is_whole(r, &w))
		return;
	while (walk_next(&w)) {
		if (!at_interface(&w) || w.p[5] != MSC_CLASS_MASS_STORAGE ||
		    w.p[7] != MSC_PROTOCOL_BULK_ONLY)
			continue;
		any = true;
		check_storage(j, w);
	}
	if (any)
		return;
	msc_found(j, "no interface of the configuration is mass storage with Bulk-Only Transport");
	msc_expected(j, "bInterfaceClass 08h, bInterfaceProtocol 50h");
}

const struct msc_rule msc_rule_bot_interface_form = {
	.id = "bot.interface.form",
	.title = "there is a mass-storage interface: class 08h, subclass 01h to 08h, protocol 50h, "
		 "bulk-in and bulk-out",
	.spec = "BOT 1.0, 4.3 and 4.4; Mass Storage Class Overview 1.4, 2; TD1.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts choose their driver by these codes; Linux keeps a list of devices whose codes "
	       "are wrong",
	.mistake = "the subclass is left at the vendor's FFh, or the codes of another class stay",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = interface_form,
};
