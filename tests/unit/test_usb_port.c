/* SPDX-License-Identifier: BSD-2-Clause */
/* The port of a device and its power, over a /sys made of files and a hub made of the function below. */
/* link: -Wl,--wrap=ioctl */
#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "made_of_files.h"
#include "transport/usb_port.h"

#define DEVICES "sys/bus/usb/devices/"
#define HUB	"sys/devices/hub/"
#define PORT	HUB "1-0:1.0/usb1-port1/"
#define PEER	HUB "2-0:1.0/usb2-port1/"

static struct hub {
	char root[64];
	uint8_t type;		 /* of the descriptor that it has */
	uint8_t characteristics; /* its low byte */
} hub;

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct usbdevfs_ctrltransfer *c;
	va_list args;

	va_start(args, request);
	c = va_arg(args, struct usbdevfs_ctrltransfer *);
	va_end(args);
	assert_true(fd >= 0);
	assert_int_equal(request, (unsigned long)USBDEVFS_CONTROL);
	assert_int_equal(c->bRequestType, 0xa0);
	assert_int_equal(c->bRequest, 6);
	if (c->wValue != hub.type << 8) {
		errno = EPIPE;
		return -1;
	}
	memcpy(c->data, (const uint8_t[]){ 9, hub.type, 1, hub.characteristics, 0 }, 5);
	return 9;
}

static int begin(void **state)
{
	(void)state;
	hub = (struct hub){ .type = 0x29, .characteristics = 0x01 };
	files_begin(hub.root, sizeof hub.root);
	put(hub.root, HUB "busnum", "1\n");
	put(hub.root, HUB "devnum", "2\n");
	put(hub.root, "dev/bus/usb/001/002", "");
	put(hub.root, PORT "disable", "0\n");
	put(hub.root, HUB "1-1/devnum", "3\n");
	link_to(hub.root, HUB "1-1/port", "../1-0:1.0/usb1-port1");
	link_to(hub.root, DEVICES "1-1", "../../../devices/hub/1-1");
	link_to(hub.root, DEVICES "1-0:1.0", "../../../devices/hub/1-0:1.0");
	link_to(hub.root, DEVICES "2-0:1.0", "../../../devices/hub/2-0:1.0");
	return 0;
}

static int end(void **state)
{
	(void)state;
	files_end(hub.root);
	return 0;
}

static char disabled(const char *folder)
{
	char path[160];
	FILE *f;
	int c;

	snprintf(path, sizeof path, "%s/%sdisable", hub.root, folder);
	f = fopen(path, "r");
	assert_non_null(f);
	c = fgetc(f);
	fclose(f);
	return (char)c;
}

static void assert_not_found(const char *why)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_usb_port port;

	assert_int_equal(msc_usb_port_find(&port, hub.root, "1-1", &err), -1);
	assert_int_equal(err.code, MSC_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, why));
}

static void a_port_is_switched(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_usb_port port;

	(void)state;
	assert_int_equal(msc_usb_port_find(&port, hub.root, "1-1", &err), 0);
	assert_string_equal(port.port, "1-0:1.0/usb1-port1");
	assert_string_equal(port.peer, "");
	assert_true(msc_usb_port_switch(&port, hub.root, false));
	assert_int_equal(disabled(PORT), '1');
	assert_true(msc_usb_port_switch(&port, hub.root, true));
	assert_int_equal(disabled(PORT), '0');
}

/* Half a connector that is off takes no power away. */
static void its_peer_is_switched_with_it(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_usb_port port;

	(void)state;
	hub.type = 0x2a;
	put(hub.root, PEER "disable", "0\n");
	link_to(hub.root, PORT "peer", "../../2-0:1.0/usb2-port1");
	assert_int_equal(msc_usb_port_find(&port, hub.root, "1-1", &err), 0);
	assert_string_equal(port.peer, "2-0:1.0/usb2-port1");
	assert_true(msc_usb_port_switch(&port, hub.root, false));
	assert_int_equal(disabled(PORT), '1');
	assert_int_equal(disabled(PEER), '1');
}

static void a_hub_that_does_not_switch_single_ports(void **state)
{
	(void)state;
	hub.characteristics = 0x00; /* all together */
	assert_not_found("does not switch the power of single ports");
	hub.characteristics = 0x02; /* none */
	assert_not_found("does not switch the power of single ports");
	hub.type = 0;
	assert_not_found("does not say whether it switches power");
}

static void a_kernel_that_does_not_switch_ports(void **state)
{
	char path[160];

	(void)state;
	snprintf(path, sizeof path, "%s/" PORT "disable", hub.root);
	assert_int_equal(remove(path), 0);
	assert_not_found("older than Linux 6.0");
	snprintf(path, sizeof path, "%s/" HUB "1-1/port", hub.root);
	assert_int_equal(remove(path), 0);
	assert_not_found("does not show its port");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_port_is_switched, begin, end),
		cmocka_unit_test_setup_teardown(its_peer_is_switched_with_it, begin, end),
		cmocka_unit_test_setup_teardown(a_hub_that_does_not_switch_single_ports, begin,
						end),
		cmocka_unit_test_setup_teardown(a_kernel_that_does_not_switch_ports, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
