/* SPDX-License-Identifier: BSD-2-Clause */
/* What every transport to a device that is not ours has to know of it. */
#include <stdio.h>

#include "transport/transport.h"

/* What a person calls the classes that have bulk endpoints, or that a device for mass storage may have
 * by mistake. USB-IF, defined class codes. */
static const char *class_name(uint8_t class)
{
	static const struct {
		uint8_t class;
		const char *name;
	} names[] = { { 0x02, "communications" }, { 0x06, "still images" },
		      { 0x07, "a printer" },      { 0x08, "mass storage, but not Bulk-Only" },
		      { 0x0a, "serial data" },    { 0x0b, "smart cards" },
		      { 0x0e, "video" },          { 0xe0, "a wireless controller" },
		      { 0xff, "vendor-specific" } };

	for (size_t i = 0; i < MSC_COUNT(names); i++)
		if (names[i].class == class)
			return names[i].name;
	return "something else";
}

int msc_device_known(const struct msc_target *t, struct msc_err *err)
{
	const struct msc_device *d = &t->device;

	if (t->any_interface ||
	    (d->interface_class == MSC_CLASS_MASS_STORAGE && d->protocol == MSC_PROTOCOL_BULK_ONLY))
		return 0;
	return msc_fail(err, MSC_E_UNSUPPORTED,
			"%s: no interface is mass storage by Bulk-Only (class 08h, protocol 50h); "
			"interface %u has bulk endpoints, but is class %02xh (%s), protocol %02xh; "
			"--any-interface drives it all the same",
			d->name, d->interface_number, d->interface_class,
			class_name(d->interface_class), d->protocol);
}

/* USB 2.0, 5.8.3; USB 3.2, 9.6.6. */
uint16_t msc_bulk_packet(enum msc_speed speed)
{
	return speed == MSC_SPEED_SUPER ? 1024 : speed == MSC_SPEED_HIGH ? 512 : 0;
}

void msc_device_packet_warning(const struct msc_device *d, char *buf, size_t size)
{
	uint16_t wanted = msc_bulk_packet(d->speed);
	bool in = d->ep_in && wanted && d->max_packet_in != wanted;
	bool out = d->ep_out && wanted && d->max_packet_out != wanted;

	*buf = '\0';
	if (d->commands_only || (!in && !out))
		return;
	snprintf(buf, size,
		 "wMaxPacketSize of bulk-%s is %u at %s speed, where it has to be %u: what another "
		 "host makes of it may be slower, or fail",
		 in ? "in" : "out", (unsigned)(in ? d->max_packet_in : d->max_packet_out),
		 msc_speed_name(d->speed), wanted);
}

size_t msc_stalled_length(const struct msc_device *d, const struct msc_xfer *x, size_t actual)
{
	size_t packet = x->ep & MSC_EP_IN ? d->max_packet_in : d->max_packet_out;

	if (!x->ep || !actual || !packet)
		return actual;
	actual -= actual == x->len;
	return actual - actual % packet;
}

uint8_t msc_device_configuration(const struct msc_device *dev)
{
	return dev->config_len > 5 ? dev->config[5] : 0;
}

uint8_t msc_device_block(const struct msc_device *d)
{
	bool longer = d->subclass == MSC_SUBCLASS_MMC || d->subclass == MSC_SUBCLASS_UFI ||
		      d->subclass == MSC_SUBCLASS_SFF8070I;

	return longer && !d->commands_only ? 12 : 6;
}

uint8_t msc_device_sibling(const struct msc_device *dev)
{
	struct msc_reader r = msc_reader(dev->config, dev->config_len);

	while (msc_reader_left(&r) >= 2) {
		uint8_t len = r.p[0];
		const uint8_t *d = len >= 2 ? msc_read_bytes(&r, len) : NULL;

		if (!d)
			break;
		if (d[1] == MSC_DESC_INTERFACE && len >= MSC_INTERFACE_DESC_LEN &&
		    d[2] != dev->interface_number)
			return d[2];
	}
	return dev->interface_number;
}
