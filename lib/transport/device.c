/* SPDX-License-Identifier: BSD-2-Clause */
/* What every transport to a device that is not ours has to know of it. */
#include <stdio.h>
#include <string.h>

#include "transport/transport.h"
#include "wire/cost.h"

#define ANY_USB_MOST \
	(20e9 / 8 * 128 / 132) /* bytes a second: USB 3.2, two lanes of 10 Gbit/s, 128b/132b */
#define FRAME_SHORT 0.0005 /* a frame may be so much shorter: USB 2.0, 7.1.12 */

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
uint16_t msc_largest_packet(enum msc_speed speed)
{
	switch (speed) {
	case MSC_SPEED_FULL: return 64;
	case MSC_SPEED_HIGH: return 512;
	case MSC_SPEED_SUPER: return 1024;
	default: return 0;
	}
}

uint16_t msc_bulk_packet(enum msc_speed speed)
{
	return speed == MSC_SPEED_FULL ? 0 : msc_largest_packet(speed);
}

double msc_byte_least_ns(enum msc_speed speed)
{
	uint16_t packet = msc_largest_packet(speed);

	return packet ? msc_packet_pace_ns(speed, 8.0 * packet) / packet : 0;
}

/* Has it a bound of its own? "Super" may be any speed from 5 Gbit/s on. */
static bool is_bounded(enum msc_speed speed)
{
	return speed != MSC_SPEED_SUPER && msc_byte_least_ns(speed) > 0;
}

double msc_bus_most(enum msc_speed speed)
{
	return is_bounded(speed) ? 1e9 / msc_byte_least_ns(speed) : ANY_USB_MOST;
}

char *msc_bus_text(char *buf, size_t size, enum msc_speed speed)
{
	if (is_bounded(speed))
		snprintf(buf, size, "a %s-speed bus (%.0f kB/s at most)", msc_speed_name(speed),
			 msc_bus_most(speed) / 1e3);
	else
		snprintf(buf, size, "the fastest USB that there is (%.0f kB/s)",
			 msc_bus_most(speed) / 1e3);
	return buf;
}

bool msc_beats_bus(enum msc_speed speed, double bytes_per_second)
{
	return bytes_per_second > msc_bus_most(speed) * (1 + FRAME_SHORT);
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

/* By what transports and Linux call them: drivers/usb/usbip, drivers/usb/gadget/udc/dummy_hcd.c. */
void msc_device_path_note(const struct msc_device *d, char *buf, size_t size)
{
	if (!strcmp(d->host, "usbip") || !strcmp(d->host, "vhci_hcd"))
		snprintf(buf, size,
			 "none on this host: a program serves the device over USB/IP, and times "
			 "include the network's and that program's");
	else if (!strcmp(d->host, "dummy_hcd"))
		snprintf(buf, size,
			 "none: dummy_hcd joins a gadget to this host in memory, and times are "
			 "this host's");
	else
		*buf = '\0';
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
