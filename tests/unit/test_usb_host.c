/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host knows of its USB devices, from a sysfs and a /proc made of files: naming and
 * choosing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "made_of_files.h"
#include "transport/usb_host.h"

#define DEVICES "sys/bus/usb/devices/"
#define HOST	"sys/devices/pci0/0000:00:02.0"

static void add_device(const char *root, const char *name, const char *const (*attributes)[2])
{
	char path[256];

	for (; (*attributes)[0]; attributes++) {
		snprintf(path, sizeof(path), DEVICES "%s/%s", name, (*attributes)[0]);
		put(root, path, (*attributes)[1]);
	}
}

static const char *const hub[][2] = { { "bDeviceClass", "09\n" },
				      { "idVendor", "1d6b\n" },
				      { NULL, NULL } };
static const char *const stick[][2] = {
	{ "bDeviceClass", "00\n" },    { "idVendor", "0525\n" },
	{ "idProduct", "a4a5\n" },     { "serial", "123456\n" },
	{ "manufacturer", "Linux\n" }, { "product", "File-Stor Gadget\n" },
	{ "busnum", "1\n" },           { "devnum", "7\n" },
	{ "speed", "480\n" },          { NULL, NULL }
};
static const char *const twin[][2] = { { "bDeviceClass", "00\n" }, { "idVendor", "0525\n" },
				       { "idProduct", "a4a5\n" },  { "serial", "evil\x1b[2J\n" },
				       { "busnum", "2\n" },        { "devnum", "3\n" },
				       { "speed", "12\n" },        { NULL, NULL } };
static const char *const keyboard[][2] = { { "bDeviceClass", "00\n" },
					   { "idVendor", "046d\n" },
					   { "idProduct", "c31c\n" },
					   { "busnum", "1\n" },
					   { "devnum", "4\n" },
					   { "speed", "1.5\n" },
					   { NULL, NULL } };
static const char *const storage[][2] = { { "bInterfaceClass", "08\n" }, { NULL, NULL } };
static const char *const input[][2] = { { "bInterfaceClass", "03\n" }, { NULL, NULL } };

struct host {
	char root[64];
};

static int make_host(void **state)
{
	struct host *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	files_begin(h->root, sizeof(h->root));
	add_device(h->root, "1-1", hub);
	add_device(h->root, "1-1.10", stick);
	add_device(h->root, "1-1.10:1.0", storage);
	add_device(h->root, "1-1.9", keyboard);
	add_device(h->root, "1-1.9:1.0", input);
	add_device(h->root, "2-1", twin);
	add_device(h->root, "2-1:1.0", input);
	add_device(h->root, "2-1:1.1", storage);
	put(h->root, HOST "/usb1/idVendor", "1d6b\n");
	link_to(h->root, DEVICES "usb1", "../../../devices/pci0/0000:00:02.0/usb1");
	put(h->root, "sys/bus/pci/drivers/xhci_hcd/bind", "");
	link_to(h->root, HOST "/driver", "../../../bus/pci/drivers/xhci_hcd");
	*state = h;
	return 0;
}

static int remove_host(void **state)
{
	struct host *h = *state;

	files_end(h->root);
	free(h);
	return 0;
}

/* ---- names -------------------------------------------------------------------------------- */

static void targets(void **state)
{
	static const struct {
		const char *text, *canonical; /* NULL: not a target */
	} rows[] = {
		{"0525:a4a5", "usb:0525:a4a5"},
		{"525:A4A5", "usb:0525:a4a5"},
		{"serial=123", "usb:serial=123"},
		{"path=1-2.3", "usb:path=1-2.3"},
		{"path=1-2.3,0525:a4a5", "usb:0525:a4a5,path=1-2.3"},
		{"0525:a4a5,serial=a:b", "usb:0525:a4a5,serial=a:b"},
		{"", NULL}, {",", NULL}, {"0525", NULL}, {"0525:", NULL}, {":a4a5", NULL},
		{"zz:yy", NULL}, {"0525:a4a5x", NULL}, {"00525:a4a5", NULL}, {"serial=", NULL},
		{"path=", NULL}, {"name=x", NULL}, {"0525:a4a5 ", NULL}, {"0x525:1", NULL},
		{"path=1111111111111111111111111111111111111111111111111111111111111111", NULL},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_usb_match m;
		char text[256];
		int r = msc_usb_match_parse(&m, rows[i].text, &err);

		if (r != (rows[i].canonical ? 0 : -1))
			fail_msg("'%s': %d %s", rows[i].text, r, err.msg);
		if (r)
			assert_int_equal(err.code, MSC_E_USAGE);
		else
			assert_string_equal(msc_usb_match_text(text, sizeof(text), &m),
					    rows[i].canonical);
	}
}

static void says_what_a_target_looks_like(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_usb_match m;

	(void)state;
	assert_int_equal(msc_usb_match_parse(&m, "zz:yy", &err), -1);
	assert_string_equal(err.msg,
			    "usb:zz:yy: 'zz:yy' is not VID:PID (hexadecimal, as in 0525:a4a5), "
			    "serial=S or path=P, each once");
}

/* ---- choosing ----------------------------------------------------------------------------- */

static void scans(void **state)
{
	const struct host *h = *state;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_usb_list l;
	char host[64];

	assert_int_equal(msc_usb_scan(&l, h->root, &err), 0);
	assert_int_equal(l.count, 3); /* no hub; in the order of paths, as numbers */
	assert_string_equal(l.list[0].path, "1-1.9");
	assert_false(l.list[0].mass_storage);
	assert_int_equal(l.list[0].speed, MSC_SPEED_LOW);
	assert_string_equal(l.list[1].path, "1-1.10");
	assert_true(l.list[1].mass_storage);
	assert_string_equal(l.list[1].name, "Linux File-Stor Gadget");
	assert_string_equal(l.list[1].serial, "123456");
	assert_int_equal(l.list[1].vendor, 0x0525);
	assert_int_equal(l.list[1].product, 0xa4a5);
	assert_int_equal(l.list[1].bus, 1);
	assert_int_equal(l.list[1].address, 7);
	assert_int_equal(l.list[1].speed, MSC_SPEED_HIGH);
	assert_string_equal(l.list[2].serial, "evil.[2J"); /* printable */
	assert_true(l.list[2].mass_storage);		   /* by its second interface */
	assert_string_equal(l.list[2].name, "");
	msc_usb_list_free(&l);

	assert_int_equal(msc_usb_scan(&l, "/nonexistent", &err), 0);
	assert_int_equal(l.count, 0);
	msc_usb_list_free(&l);

	msc_usb_host_controller(h->root, 1, host, sizeof(host));
	assert_string_equal(host, "xhci_hcd");
	msc_usb_host_controller(h->root, 2, host, sizeof(host));
	assert_string_equal(host, "");
}

/* Below 1-2, a hub of high speed; below 3-1, one of full speed; on a root port of a fast host. */
static void knows_a_translator(void **state)
{
	static const char *const high[][2] = { { "speed", "480\n" }, { NULL, NULL } };
	static const char *const full[][2] = { { "speed", "12\n" }, { NULL, NULL } };
	static const char *const low[][2] = { { "speed", "1.5\n" }, { NULL, NULL } };
	const struct host *h = *state;

	add_device(h->root, "usb9", high);
	add_device(h->root, "9-1", full);
	add_device(h->root, "9-2", high);
	add_device(h->root, "9-2.1", full);
	add_device(h->root, "9-2.1.4", full);
	add_device(h->root, "9-2.2", high);
	add_device(h->root, "9-2.3", low);
	add_device(h->root, "9-1.1", full);
	assert_false(msc_usb_is_translated(h->root, "9-1"));
	assert_true(msc_usb_is_translated(h->root, "9-2.1"));
	assert_true(msc_usb_is_translated(h->root, "9-2.1.4"));
	assert_false(msc_usb_is_translated(h->root, "9-2.2"));
	assert_true(msc_usb_is_translated(h->root, "9-2.3"));
	assert_false(msc_usb_is_translated(h->root, "9-1.1"));
	assert_false(msc_usb_is_translated(h->root, ""));
	assert_false(msc_usb_is_translated(h->root, "9-7.1"));
}

static void finds_one(void **state)
{
	static const struct {
		const char *target, *path;
		enum msc_code code;
		const char *msg;
	} rows[] = {
		{ "serial=123456", "1-1.10", MSC_OK, NULL },
		{ "path=2-1", "2-1", MSC_OK, NULL },
		{ "0525:a4a5,path=2-1", "2-1", MSC_OK, NULL },
		{ "046d:c31c", "1-1.9", MSC_OK, NULL },
		{ "0525:a4a5", NULL, MSC_E_BUSY,
		  "usb:0525:a4a5: 2 devices match: path=1-1.10 serial=123456, path=2-1 "
		  "serial=evil.[2J; name one of them by its path" },
		{ "1234:5678", NULL, MSC_E_NOTFOUND,
		  "usb:1234:5678: no such device; mass storage that is here: usb:0525:a4a5 path=1-1.10 "
		  "serial=123456, usb:0525:a4a5 path=2-1 serial=evil.[2J" },
		{ "0525:a4a5,path=1-1.9", NULL, MSC_E_NOTFOUND, NULL },
		{ "serial=12345", NULL, MSC_E_NOTFOUND, NULL },
		{ "path=1-1", NULL, MSC_E_NOTFOUND, NULL }, /* the hub */
	};
	const struct host *h = *state;

	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_usb_found found;
		struct msc_usb_match m;
		int r;

		assert_int_equal(msc_usb_match_parse(&m, rows[i].target, &err), 0);
		r = msc_usb_find(&m, h->root, &found, &err);
		if (err.code != rows[i].code || (r == 0) != (rows[i].code == MSC_OK))
			fail_msg("%s: %s", rows[i].target, err.msg);
		if (rows[i].path)
			assert_string_equal(found.path, rows[i].path);
		if (rows[i].msg)
			assert_string_equal(err.msg, rows[i].msg);
	}
}

static void nothing_is_connected(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_usb_found found;
	struct msc_usb_match m;

	(void)state;
	assert_int_equal(msc_usb_match_parse(&m, "0525:a4a5", &err), 0);
	assert_int_equal(msc_usb_find(&m, "/nonexistent", &found, &err), -1);
	assert_string_equal(err.msg,
			    "usb:0525:a4a5: no such device; no mass storage is connected by USB");
}

/* ---- drivers ------------------------------------------------------------------------------ */

static void lost_drivers(void **state)
{
	const struct host *h = *state;

	put(h->root, DEVICES "1-1.10/bConfigurationValue", "1\n");
	assert_false(msc_usb_lost_driver(h->root, "1-1.10", 0)); /* the kernel has none for it */
	put(h->root, "sys/bus/usb/drivers/usb-storage/bind", "");
	assert_true(msc_usb_lost_driver(h->root, "1-1.10", 0));
	assert_false(msc_usb_lost_driver(h->root, "1-1.10", 1)); /* no such interface */
	assert_false(msc_usb_lost_driver(h->root, "2-1", 1));	 /* not configured */
	put(h->root, DEVICES "1-1.10:1.0/driver", ""); /* another program, or the driver */
	assert_false(msc_usb_lost_driver(h->root, "1-1.10", 0));
}

static void a_bus_error_of_a_device_that_leaves(void **state)
{
	const struct host *h = *state;
	struct msc_usb_found found = { .path = "1-1.10", .address = 7 };
	struct msc_xfer x = { .outcome = MSC_OUT_ERROR };
	struct msc_real_clock clock;

	msc_real_clock_init(&clock);
	msc_usb_explain_error(h->root, &found, &clock.clock, &x);
	assert_int_equal(x.outcome, MSC_OUT_ERROR); /* it is still there */
	assert_true(msc_now(&clock.clock) >= 400 * MSC_MS);
	x.outcome = MSC_OUT_STALL;
	found.address = 6;
	msc_usb_explain_error(h->root, &found, &clock.clock, &x);
	assert_int_equal(x.outcome, MSC_OUT_STALL);
	x.outcome = MSC_OUT_ERROR;
	msc_usb_explain_error(h->root, &found, &clock.clock, &x); /* another is in its place */
	assert_int_equal(x.outcome, MSC_OUT_GONE);
	x.outcome = MSC_OUT_ERROR;
	snprintf(found.path, sizeof(found.path), "3-1");
	msc_usb_explain_error(h->root, &found, &clock.clock, &x);
	assert_int_equal(x.outcome, MSC_OUT_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),
		cmocka_unit_test(says_what_a_target_looks_like),
		cmocka_unit_test_setup_teardown(scans, make_host, remove_host),
		cmocka_unit_test_setup_teardown(knows_a_translator, make_host, remove_host),
		cmocka_unit_test_setup_teardown(finds_one, make_host, remove_host),
		cmocka_unit_test(nothing_is_connected),
		cmocka_unit_test_setup_teardown(lost_drivers, make_host, remove_host),
		cmocka_unit_test_setup_teardown(a_bus_error_of_a_device_that_leaves, make_host,
						remove_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
