/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host knows of its USB devices, from a sysfs and a /proc made of files: naming, choosing,
 * and finding what is mounted. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "transport/usb_host.h"

/* ---- a host made of files ----------------------------------------------------------------- */

static void make_folders(const char *root, const char *path)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *p = whole + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(whole, 0700);
	}
}

static void put(const char *root, const char *path, const char *text)
{
	char whole[512];
	FILE *f;

	make_folders(root, path);
	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void link_to(const char *root, const char *path, const char *target)
{
	char whole[512];

	make_folders(root, path);
	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	assert_int_equal(symlink(target, whole), 0);
}

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
	snprintf(h->root, sizeof(h->root), "/tmp/mscope-test-XXXXXX");
	assert_non_null(mkdtemp(h->root));
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
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", h->root);
	assert_int_equal(system(command), 0);
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

/* ---- mounted ------------------------------------------------------------------------------ */

static void add_block(const char *root, const char *name, const char *place, const char *number,
		      const char *slave)
{
	char path[256], target[256], line[32];

	snprintf(path, sizeof(path), "sys/devices/%s/dev", place);
	snprintf(line, sizeof(line), "%s\n", number);
	put(root, path, line);
	if (slave) {
		snprintf(path, sizeof(path), "sys/devices/%s/slaves/%s", place, slave);
		put(root, path, "");
	}
	snprintf(path, sizeof(path), "sys/class/block/%s", name);
	snprintf(target, sizeof(target), "../../devices/%s", place);
	link_to(root, path, target);
}

#define STICK "pci0/usb1/1-1/1-1.10/1-1.10:1.0/host0/target0/0:0:0:0/block/sda"
#define OTHER "pci0/usb2/2-1/2-1:1.1/host1/target1/1:0:0:0/block/sdb"

static void mounted(void **state)
{
	static const struct {
		const char *name, *mountinfo, *swaps, *msg; /* NULL: free */
	} rows[] = {
		{ "nothing", "22 1 0:5 / /proc rw - proc proc rw\n", "Filename Type\n", NULL },
		{ "a partition", "22 1 8:1 / /mnt rw - vfat /dev/sda1 rw\n", "",
		  "/dev/sda1 is mounted on /mnt; unmount it first" },
		{ "the disk, in another place",
		  "1 1 8:0 / /a\\040b rw shared:1 - ext4 /dev/root rw\n", "",
		  "/dev/sda is mounted on /a\\040b; unmount it first" },
		{ "a number of its own", "1 1 0:31 / /data rw - btrfs /dev/sda1 rw\n", "",
		  "/dev/sda1 is mounted on /data; unmount it first" },
		{ "through device-mapper, twice", "1 1 254:1 / /crypt rw - ext4 /dev/mapper/x rw\n",
		  "", "/dev/dm-1 is mounted on /crypt; unmount it first" },
		{ "another device", "1 1 8:16 / /other rw - vfat /dev/sdb rw\n", "", NULL },
		{ "a number that begins alike", "1 1 8:10 / /other rw - vfat /dev/sda10 rw\n", "",
		  NULL },
		{ "swap", "", "Filename\n/dev/sda1 partition 8188 0 -2\n",
		  "/dev/sda1 is used as swap; swapoff it first" },
		{ "swap elsewhere", "", "Filename\n/dev/sdb partition 8188 0 -2\n", NULL },
		{ "nonsense", "garbage\n\n1 2\n - \n1 1 8:1\n", "\n/dev/\n", NULL },
	};
	const struct host *h = *state;

	add_block(h->root, "sda", STICK, "8:0", NULL);
	add_block(h->root, "sda1", STICK "/sda1", "8:1", NULL);
	add_block(h->root, "sdb", OTHER, "8:16", NULL);
	add_block(h->root, "dm-1", "virtual/block/dm-1", "254:1", "dm-0");
	add_block(h->root, "dm-0", "virtual/block/dm-0", "254:0", "sda1");
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		int r;

		put(h->root, "proc/self/mountinfo", rows[i].mountinfo);
		put(h->root, "proc/swaps", rows[i].swaps);
		r = msc_usb_not_mounted(h->root, "1-1.10", &err);
		if (r != (rows[i].msg ? -1 : 0))
			fail_msg("%s: %d %s", rows[i].name, r, err.msg);
		if (rows[i].msg) {
			assert_string_equal(err.msg, rows[i].msg);
			assert_int_equal(err.code, MSC_E_BUSY);
		}
		assert_int_equal(msc_usb_not_mounted("/nonexistent", "1-1.10", &err), 0);
	}
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
		cmocka_unit_test_setup_teardown(finds_one, make_host, remove_host),
		cmocka_unit_test(nothing_is_connected),
		cmocka_unit_test_setup_teardown(mounted, make_host, remove_host),
		cmocka_unit_test_setup_teardown(a_bus_error_of_a_device_that_leaves, make_host,
						remove_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
