/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal ways to differ in configurations that become longer: what a host does not know, it passes over by
 * its bLength (USB 2.0, 9.5). */
#include <string.h>

#include "firmware/fault/fault.h"
#include "firmware/variant/variant.h"

#define FIRST_ENDPOINT (MSC_CONFIG_DESC_LEN + MSC_INTERFACE_DESC_LEN)

/* Puts bytes into a configuration, as far as the host asks for it; the controller cuts at wLength. */
static void insert(const struct msc_setup *q, uint8_t *buf, size_t *len, size_t max, size_t at,
		   const uint8_t *more, size_t more_len)
{
	uint8_t type = (uint8_t)(q->value >> 8);

	if (q->request_type != MSC_REQTYPE_IN || q->request != MSC_STD_GET_DESCRIPTOR ||
	    (type != MSC_DESC_CONFIGURATION && type != MSC_DESC_OTHER_SPEED) || *len < 4)
		return;
	msc_put_le16(buf + 2, (uint16_t)(msc_get_le16(buf + 2) + more_len));
	if (*len < at || *len + more_len > max)
		return;
	memmove(buf + at + more_len, buf + at, *len - at);
	memcpy(buf + at, more, more_len);
	*len += more_len;
}

/* On-The-Go Supplement 1.3, 6.4.1: three bytes, and in no place of its own. */
ON_CONTROL_IN(with_otg)
{
	static const uint8_t otg[] = { 3, 0x09, 0x01 };

	insert(q, buf, len, max, MSC_CONFIG_DESC_LEN, otg, sizeof otg);
}

ON_CONTROL_IN(with_vendors)
{
	static const uint8_t of_interface[] = { 2, 0xff };
	static const uint8_t of_endpoint[] = { 4, 0x41, 0x01, 0x02 };

	insert(q, buf, len, max, FIRST_ENDPOINT + MSC_ENDPOINT_DESC_LEN, of_endpoint,
	       sizeof of_endpoint);
	insert(q, buf, len, max, FIRST_ENDPOINT, of_interface, sizeof of_interface);
}

static const struct msc_variant rows[] = {
	{ "descriptor-otg", "an OTG descriptor of 3 bytes comes before the interface",
	  "On-The-Go Supplement 1.3, 6.4.1; USB 2.0, 9.5", .ops = { .control_in = with_otg } },
	{ "descriptor-vendor",
	  "descriptors of 2 and 4 bytes of the vendor's are among the endpoints",
	  "USB 2.0, 9.5 and 9.6.3", .ops = { .control_in = with_vendors } },
};
const struct msc_variant_table msc_variants_descriptor = { rows, MSC_COUNT(rows) };
