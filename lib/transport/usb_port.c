/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/usb_port.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "transport/usb_host.h"
#include "wire/bytes.h"
#include "wire/usb.h"

#define DEVICES	      "/sys/bus/usb/devices"
#define ASK_MS	      1000
#define HUB_DESC      0x29 /* USB 2.0, table 11-13 */
#define HUB_DESC_SS   0x2a /* USB 3.2, 10.15.2.1 */
#define HUB_DESC_LEN  12   /* of SuperSpeed; of the others with eight ports 9 */
#define HUB_DESC_HEAD 5	   /* up to wHubCharacteristics */
#define SWITCHING     0x03 /* 0: all ports together; 1: each by itself; else: none */
#define EACH	      0x01

/* "1-0:1.0/usb1-port2", from a link that leads there. */
static bool port_behind(char *port, size_t size, const char *link)
{
	char *place = realpath(link, NULL), *end = place ? strrchr(place, '/') : NULL;
	bool found = false;

	while (end > place && end[-1] != '/')
		end--;
	if (end > place)
		found = (size_t)snprintf(port, size, "%s", end) < size;
	free(place);
	return found;
}

/* The hub that the port belongs to: the device whose interface the port's folder lies in. */
static int open_hub(const char *root, const char *port)
{
	char hub[128], file[PATH_MAX];

	snprintf(hub, sizeof hub, "%.*s/..", (int)strcspn(port, "/"), port);
	snprintf(file, sizeof file, "%s/dev/bus/usb/%03u/%03u", root,
		 msc_usb_number(root, hub, "busnum", 10), msc_usb_number(root, hub, "devnum", 10));
	return open(file, O_RDWR | O_CLOEXEC);
}

static bool read_hub(int fd, uint8_t type, uint8_t desc[HUB_DESC_LEN])
{
	struct usbdevfs_ctrltransfer request = { .bRequestType = MSC_REQTYPE_IN | MSC_REQTYPE_CLASS,
						 .bRequest = MSC_STD_GET_DESCRIPTOR,
						 .wValue = (uint16_t)(type << 8),
						 .wLength = HUB_DESC_LEN,
						 .timeout = ASK_MS,
						 .data = desc };

	return ioctl(fd, USBDEVFS_CONTROL, &request) >= HUB_DESC_HEAD && desc[1] == type;
}

/* The hub itself is asked: sysfs does not show it. */
static int check_hub(const char *root, const char *port, struct msc_err *err)
{
	uint8_t desc[HUB_DESC_LEN] = { 0 };
	int fd = open_hub(root, port);
	bool known;

	if (fd < 0)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"its hub cannot be asked whether it switches power (%s)",
				strerror(errno));
	known = read_hub(fd, HUB_DESC, desc) || read_hub(fd, HUB_DESC_SS, desc);
	close(fd);
	if (!known)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"its hub does not say whether it switches power");
	if ((msc_get_le16(desc + 3) & SWITCHING) != EACH)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"its hub does not switch the power of single ports");
	return 0;
}

int msc_usb_port_find(struct msc_usb_port *p, const char *root, const char *path,
		      struct msc_err *err)
{
	char place[PATH_MAX];

	*p = (struct msc_usb_port){ .port = "" };
	snprintf(place, sizeof place, "%s" DEVICES "/%s/port", root, path);
	if (!port_behind(p->port, sizeof p->port, place))
		return msc_fail(err, MSC_E_UNSUPPORTED, "the kernel does not show its port");
	snprintf(place, sizeof place, "%s" DEVICES "/%s/disable", root, p->port);
	if (access(place, F_OK) < 0)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"this kernel, older than Linux 6.0, does not switch the power of "
				"ports");
	if (access(place, W_OK) < 0)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"the power of its port cannot be switched (%s); that is root's",
				strerror(errno));
	snprintf(place, sizeof place, "%s" DEVICES "/%s/peer", root, p->port);
	if (!port_behind(p->peer, sizeof p->peer, place))
		p->peer[0] = '\0';
	return check_hub(root, p->port, err);
}

bool msc_usb_port_switch(const struct msc_usb_port *p, const char *root, bool on)
{
	const char *const ports[] = { p->peer, p->port };
	bool done = true;

	for (size_t i = 0; i < MSC_COUNT(ports); i++)
		if (*ports[i])
			done = msc_guardian_put_port(root, ports[i], on) && done;
	return done;
}
