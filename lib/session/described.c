/* SPDX-License-Identifier: BSD-2-Clause */
/* A host reads the descriptors before it configures a device, and goes by them from then on; firmware may show
 * others afterwards. */
#include <stdio.h>
#include <string.h>

#include "session/session.h"

int msc_session_described(struct msc_session *s, struct msc_device *out, struct msc_err *err)
{
	const struct msc_device *d = &msc_session_target(s)->device;
	const struct msc_setup setup = { .request_type = MSC_REQTYPE_IN,
					 .request = MSC_STD_GET_DESCRIPTOR,
					 .value = MSC_DESC_CONFIGURATION << 8,
					 .length = (uint16_t)d->config_len };
	struct msc_err ignored = MSC_ERR_INIT;
	const struct msc_control *c;
	const struct msc_record *r;

	*out = *d;
	if (d->commands_only || !d->ep_in)
		return 0;
	if (msc_session_control(s, &setup, NULL, &r, err) < 0)
		return -1;
	c = &r->u.control;
	if (c->outcome != MSC_OUT_DONE || c->data_len > sizeof out->config)
		return 0;
	memcpy(out->config, c->data, c->data_len);
	out->config_len = c->data_len;
	if (msc_device_parse(out, &ignored) < 0 || out->ep_in != d->ep_in ||
	    out->ep_out != d->ep_out)
		*out = *d;
	return 0;
}

int msc_session_packet_warning(struct msc_session *s, char *buf, size_t size, struct msc_err *err)
{
	const struct msc_device *d = &msc_session_target(s)->device;
	struct msc_device now;
	char text[192];

	msc_device_packet_warning(d, buf, size);
	if (*buf)
		return 0;
	if (msc_session_described(s, &now, err) < 0)
		return -1;
	msc_device_packet_warning(&now, text, sizeof text);
	if (*text)
		snprintf(
			buf, size,
			"asked once more when it is configured, the device says another thing: %s. "
			"This host goes by the %u that it said before",
			text, (unsigned)d->max_packet_in);
	return 0;
}
