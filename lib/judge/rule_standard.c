/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of standard requests that a host sends now and then: the BOS descriptor, GET_STATUS of the
 * device, GET_INTERFACE, and SET_CONFIGURATION with 0 beside GET_CONFIGURATION. */
#include "judge/facts.h"

#define USB_2_00 0x0200

enum { SELF_POWERED = 1 << 0, REMOTE_WAKE_UP = 1 << 1 }; /* GET_STATUS: USB 2.0, figure 9-4 */
enum { CAN_BE_SELF_POWERED = 0x40, CAN_WAKE_UP = 0x20 }; /* bmAttributes: USB 2.0, table 9-10 */

/* ---- BOS ---------------------------------------------------------------------------------- */

/* The capabilities of a BOS descriptor that has come in full; -1: they do not follow one another. */
static int capabilities(const uint8_t *p, size_t len)
{
	int n = 0;

	for (size_t at = MSC_BOS_DESC_LEN; at < len; at += p[at], n++)
		if (len - at < 3 || p[at] < 3 || p[at] > len - at ||
		    p[at + 1] != MSC_DESC_CAPABILITY)
			return -1;
	return n;
}

static void bos_bytes(struct msc_judging *j, const struct msc_control *c)
{
	const uint8_t *p = c->data;
	uint16_t total = msc_get_le16(p + 2);
	size_t due = total < c->setup.length ? total : c->setup.length;
	int n;

	if (p[0] != MSC_BOS_DESC_LEN || p[1] != MSC_DESC_BOS) {
		msc_found(j, "bLength of the BOS descriptor is %u and bDescriptorType %u", p[0],
			  p[1]);
		msc_expected(j, "5 and 15");
	} else if (total < MSC_BOS_DESC_LEN || c->data_len != due) {
		msc_found(
			j,
			"of %u bytes asked for, %zu came, and wTotalLength of the BOS descriptor is %u",
			c->setup.length, c->data_len, total);
		msc_expected(j, "%zu", due);
		msc_actual(j, "%zu", c->data_len);
	} else if (c->data_len == total) {
		n = capabilities(p, total);
		if (n == p[4])
			return;
		if (n < 0)
			msc_found(
				j,
				"the capabilities in the BOS descriptor do not follow one another");
		else
			msc_found(j, "bNumDeviceCaps is %u, and there are %d capabilities", p[4],
				  n);
		msc_expected(j, "as many capabilities as bNumDeviceCaps, up to wTotalLength");
	}
}

static void bos_form(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint8_t index;

	if (!msc_is_descriptor(r, MSC_DESC_BOS, &index) || index)
		return;
	if (c->outcome == MSC_OUT_STALL && r->device->desc.usb > USB_2_00) {
		msc_found(j, "bcdUSB is %04Xh, and there is no BOS descriptor",
			  r->device->desc.usb);
		msc_expected(j, "a BOS descriptor, or bcdUSB 0200h");
		msc_actual(j, "STALL");
	} else if (c->outcome == MSC_OUT_DONE && c->data_len >= MSC_BOS_DESC_LEN) {
		bos_bytes(j, c);
	}
}

const struct msc_rule msc_rule_usb_bos_form = {
	.id = "usb.bos.form",
	.title = "a device whose bcdUSB is above 2.00 has a BOS descriptor, and it is well formed",
	.spec = "USB 3.2, 9.6.2; USB 2.0 ECN of link power management, 3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "Windows asks for it whenever bcdUSB is above 2.00, and gives the device up when it fails",
	.mistake = "bcdUSB was taken from another device: without a BOS descriptor it is 0200h",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = bos_form,
};

/* ---- GET_STATUS of the device ------------------------------------------------------------- */

/* What bmAttributes rules out; nothing where the configuration is not known. */
static const char *ruled_out(const struct msc_device *d, uint16_t status)
{
	if (d->config_len < MSC_CONFIG_DESC_LEN)
		return NULL;
	if (status & SELF_POWERED && !(d->config[7] & CAN_BE_SELF_POWERED))
		return "it is powered by itself";
	if (status & REMOTE_WAKE_UP && !(d->config[7] & CAN_WAKE_UP))
		return "remote wake-up is enabled";
	return NULL;
}

static void status_device(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	const struct msc_device *d = r->device;
	uint16_t status, reserved = 0xfffc;
	const char *said;

	if (!msc_is_request(r, MSC_REQTYPE_IN, MSC_STD_GET_STATUS) || c->outcome != MSC_OUT_DONE ||
	    c->data_len != 2)
		return;
	status = msc_get_le16(c->data);
	said = ruled_out(d, status);
	if (d->speed == MSC_SPEED_SUPER || d->speed == MSC_SPEED_UNKNOWN)
		reserved = 0xffe0; /* U1, U2 and LTM: USB 3.2, 9.4.5 */
	if (status & reserved) {
		msc_found(j, "reserved bits are set in the status of the device, %04Xh", status);
		msc_expected(j, "%04Xh", status & ~reserved);
	} else if (said) {
		msc_found(j,
			  "the status of the device says that %s, and bmAttributes rules that out",
			  said);
		msc_expected(j, "what bmAttributes %02Xh allows", d->config[7]);
	}
	msc_actual(j, "%04Xh", status);
}

const struct msc_rule msc_rule_usb_status_device = {
	.id = "usb.status.device",
	.title = "the status of the device says nothing that its configuration rules out",
	.spec = "USB 2.0, 9.4.5 and 9.6.3",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "a hub without power of its own counts on it, and the compliance tests read it",
	.mistake = "GET_STATUS answers with a constant of an example",
	.on = MSC_RECORD_CONTROL,
	.judge = status_device,
};

/* ---- GET_INTERFACE ------------------------------------------------------------------------ */

static void interface_setting(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!msc_is_request(r, MSC_REQTYPE_IN | MSC_RECIPIENT_INTERFACE, MSC_STD_GET_INTERFACE) ||
	    c->setup.index != r->device->interface_number || c->setup.length != 1 || c->setup.value)
		return;
	if (c->outcome == MSC_OUT_STALL) {
		msc_found(j, "GET_INTERFACE was refused");
		msc_actual(j, "STALL");
	} else if (c->outcome == MSC_OUT_DONE && c->data_len != 1) {
		msc_found(j, "GET_INTERFACE was answered with %zu bytes", c->data_len);
		msc_actual(j, "%zu bytes", c->data_len);
	} else if (c->outcome == MSC_OUT_DONE && c->data[0] != r->device->alternate) {
		msc_found(j, "GET_INTERFACE says that the setting in force is %u", c->data[0]);
		msc_actual(j, "%u", c->data[0]);
	}
	msc_expected(j, "%u", r->device->alternate);
}

const struct msc_rule msc_rule_usb_interface_setting = {
	.id = "usb.interface.setting",
	.title = "GET_INTERFACE gives the alternate setting in force",
	.spec = "USB 2.0, 9.4.4",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "hosts remember what they have set; the compliance tests ask",
	.mistake =
		"the request falls into the default branch, or answers with a variable that nobody sets",
	.on = MSC_RECORD_CONTROL,
	.judge = interface_setting,
};

/* ---- SET_CONFIGURATION with 0, GET_CONFIGURATION ------------------------------------------- */

/* The value that was set last; -1: not known. What a port reset or a suspend leaves has rules of its own. */
static int configuration_set(const struct msc_record *r)
{
	if (r->past.suspended || r->past.unknown)
		return -1;
	if (r->past.unconfigured)
		return 0;
	if (!r->past.reset || r->past.reset_by != MSC_RESET_BY_CONFIGURATION)
		return -1;
	return msc_device_configuration(r->device);
}

static void configuration(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint8_t value;
	int set;

	if (msc_is_any_configuration(r, &value)) {
		if (value || c->outcome != MSC_OUT_STALL)
			return;
		msc_found(j, "SET_CONFIGURATION with the value 0 was refused");
		msc_expected(j, "done");
		msc_actual(j, "STALL");
		return;
	}
	set = configuration_set(r);
	if (!msc_is_request(r, MSC_REQTYPE_IN, MSC_STD_GET_CONFIGURATION) || set < 0 ||
	    c->outcome != MSC_OUT_DONE || c->data_len != 1 || c->data[0] == set)
		return;
	msc_found(j, "GET_CONFIGURATION says %u, and SET_CONFIGURATION has set %d", c->data[0],
		  set);
	msc_expected(j, "%d", set);
	msc_actual(j, "%u", c->data[0]);
}

const struct msc_rule msc_rule_usb_configuration_value = {
	.id = "usb.configuration.value",
	.title =
		"SET_CONFIGURATION takes the value 0, and GET_CONFIGURATION gives what was set last",
	.spec = "USB 2.0, 9.4.2, 9.4.7 and 9.1.1.5",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "a host that stops using a device without resetting its port sends 0; the compliance "
	       "tests ask",
	.mistake = "0 is looked for among the configurations, or the answer is a constant",
	.on = MSC_RECORD_CONTROL,
	.judge = configuration,
};
