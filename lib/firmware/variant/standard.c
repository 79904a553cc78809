/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal ways to differ in what a device has besides: a BOS descriptor, another setting of its
 * interface, an endpoint that Bulk-Only does not use. */
#include <string.h>

#include "firmware/fault/fault.h"
#include "firmware/variant/variant.h"

static bool is_configuration(const struct msc_setup *q)
{
	return fault_is_get(q, MSC_DESC_CONFIGURATION) || fault_is_get(q, MSC_DESC_OTHER_SPEED);
}

/* Puts bytes behind a configuration, as far as there is room; the controller cuts at wLength. */
static void append(uint8_t *buf, size_t *len, size_t max, const uint8_t *more, size_t more_len)
{
	size_t whole = *len >= 4 ? msc_get_le16(buf + 2) : 0;

	if (*len < 4)
		return;
	msc_put_le16(buf + 2, (uint16_t)(whole + more_len));
	if (*len < whole || whole + more_len > max)
		return;
	memcpy(buf + whole, more, more_len);
	*len = whole + more_len;
}

/* ---- BOS ---------------------------------------------------------------------------------- */

/* The model knows no such descriptor; it gives another, whose bytes are then exchanged. */
ON_SETUP(ask_for_bos)
{
	if (fault_is_get(q, MSC_DESC_BOS))
		q->value = MSC_DESC_DEVICE << 8;
	return MUTANT_PASS;
}

ON_CONTROL_IN(with_bos)
{
	/* USB 3.2, 9.6.2.1: the USB 2.0 extension, which says that LPM is supported. */
	static const uint8_t bos[] = { 5, MSC_DESC_BOS, 12, 0, 1, 7, MSC_DESC_CAPABILITY,
				       2, 0x02,         0,  0, 0 };

	if (fault_is_get(q, MSC_DESC_DEVICE) && *len >= 4)
		msc_put_le16(buf + 2, 0x0201);
	if (!fault_is_get(q, MSC_DESC_BOS) || max < sizeof bos)
		return;
	memcpy(buf, bos, sizeof bos);
	*len = sizeof bos;
}

/* ---- another setting ---------------------------------------------------------------------- */

/* USB Attached SCSI 1.0, 5.3: the same interface by another protocol, as bridges of disks have it.
 * Nobody sets it here. */
ON_CONTROL_IN(with_uas)
{
	static const uint8_t uas[] = {
		9, MSC_DESC_INTERFACE, 0, 1, 4, 0x08, 0x06, 0x62, 0, /* four pipes */
		7, MSC_DESC_ENDPOINT, 0x83, 0x02, 0, 2, 0, 4, 0x24, 3, 0, /* data-in */
		7, MSC_DESC_ENDPOINT, 0x04, 0x02, 0, 2, 0, 4, 0x24, 4, 0, /* data-out */
		7, MSC_DESC_ENDPOINT, 0x85, 0x02, 0, 2, 0, 4, 0x24, 2, 0, /* status */
		7, MSC_DESC_ENDPOINT, 0x06, 0x02, 0, 2, 0, 4, 0x24, 1, 0, /* command */
	};
	uint8_t more[sizeof uas];

	if (!is_configuration(q))
		return;
	memcpy(more, uas, sizeof uas);
	if ((mcu_speed(m) == MSC_SPEED_HIGH) != fault_is_get(q, MSC_DESC_CONFIGURATION))
		for (size_t at = 9; at < sizeof more; at += 11)
			msc_put_le16(more + at + 4, 64);
	append(buf, len, max, more, sizeof more);
}

/* ---- an endpoint more --------------------------------------------------------------------- */

ON_CONTROL_IN(with_interrupt)
{
	static const uint8_t endpoint[] = { 7, MSC_DESC_ENDPOINT, 0x8f, 0x03, 8, 0, 10 };

	if (!is_configuration(q))
		return;
	if (*len > MSC_CONFIG_DESC_LEN + 4)
		buf[MSC_CONFIG_DESC_LEN + 4] = 3;
	append(buf, len, max, endpoint, sizeof endpoint);
}

static const struct msc_variant rows[] = {
	{ "usb-2-01", "a device of USB 2.01 with a BOS descriptor that says it supports LPM",
	  "USB 2.0 ECN of link power management, 3; USB 3.2, 9.6.2",
	  .ops = { .setup = ask_for_bos, .control_in = with_bos } },
	{ "alternate-uas", "the interface has a second setting with the protocol of UAS",
	  "USB 2.0, 9.6.5; USB Attached SCSI 1.0, 5.3: setting 0 is Bulk-Only",
	  .ops = { .control_in = with_uas } },
	{ "endpoint-interrupt", "the interface has an interrupt endpoint besides",
	  "BOT 1.0, 4.4: at least bulk-in and bulk-out",
	  .ops = { .control_in = with_interrupt } },
};
const struct msc_variant_table msc_variants_standard = { rows, MSC_COUNT(rows) };
