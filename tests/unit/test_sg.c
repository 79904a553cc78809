/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's SCSI path over a libsgutils2 made of the functions below, and a sysfs made of files:
 * which node is a disk, who may write to it, and what becomes of a command. */
/* link: -Wl,--wrap=construct_scsi_pt_obj_with_fd,--wrap=destruct_scsi_pt_obj */
/* link: -Wl,--wrap=clear_scsi_pt_obj,--wrap=set_scsi_pt_cdb,--wrap=set_scsi_pt_sense */
/* link: -Wl,--wrap=set_scsi_pt_data_in,--wrap=set_scsi_pt_data_out,--wrap=do_scsi_pt */
/* link: -Wl,--wrap=get_scsi_pt_result_category,--wrap=get_scsi_pt_transport_err */
/* link: -Wl,--wrap=get_scsi_pt_status_response,--wrap=get_scsi_pt_sense_len */
/* link: -Wl,--wrap=get_scsi_pt_resid,--wrap=get_scsi_pt_os_err,--wrap=realpath,--wrap=open64 */
/* link: -Wl,--wrap=msc_disk_not_held,--wrap=msc_usb_behind */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <scsi/sg_pt.h>
#include <unistd.h>

#include "made_of_files.h"
#include "transport/command.h"
#include "transport/disk_holders.h"
#include "transport/usb_host.h"

static struct {
	char root[64];	  /* of the SCSI device's folder */
	int lun;
	bool elsewhere;	  /* the disk is not on USB */
	const char *held; /* who holds the disk */
	int open_error;
	char opened[128]; /* what was opened how, in order */
	int objects;

	/* the command */
	int result, category, host, status, os_error, residue, sense_len;
	uint8_t cdb[16], *sense;
	int cdb_len, in, out, seconds, commands;
} fake;

/* ---- the host ----------------------------------------------------------------------------- */

char *__wrap_realpath(const char *path, char *into);
char *__wrap_realpath(const char *path, char *into)
{
	char real[160];

	assert_null(into);
	if (!strcmp(path, "/dev/disk/by-id/stick") || !strcmp(path, "/dev/sdx"))
		return strdup("/dev/sdx");
	if (!strcmp(path, "/dev/sg7") || !strcmp(path, "/dev/sdx1") ||
	    !strcmp(path, "/dev/nvme0n1") || !strcmp(path, "/tmp/file"))
		return strdup(path);
	if (!strcmp(path, "/sys/class/block/sdx/device") ||
	    !strcmp(path, "/sys/class/scsi_generic/sg7/device")) {
		snprintf(real, sizeof(real), "%s/0:0:0:%d", fake.root, fake.lun);
		return strdup(real);
	}
	if (!strcmp(path, "/sys/class/block/nvme0n1/device"))
		return strdup("/sys/devices/pci0/nvme/nvme0");
	errno = ENOENT;
	return NULL;
}

int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	size_t len = strlen(fake.opened);

	snprintf(fake.opened + len, sizeof(fake.opened) - len, "%s %s%s; ", path,
		 (flags & O_ACCMODE) == O_RDWR ? "rw" : "ro", flags & O_EXCL ? " alone" : "");
	assert_true(flags & O_CLOEXEC);
	assert_true(flags & O_NONBLOCK);
	errno = fake.open_error;
	return fake.open_error ? -1 : dup(0);
}

int __wrap_msc_disk_not_held(const char *root, const char *disk, struct msc_err *err);
int __wrap_msc_disk_not_held(const char *root, const char *disk, struct msc_err *err)
{
	assert_string_equal(root, "");
	assert_string_equal(disk, "sdx");
	return fake.held ? msc_fail(err, MSC_E_BUSY, "%s", fake.held) : 0;
}

bool __wrap_msc_usb_behind(const char *root, const char *place, struct msc_usb_found *f);
bool __wrap_msc_usb_behind(const char *root, const char *place, struct msc_usb_found *f)
{
	(void)root;
	assert_non_null(strstr(place, "/0:0:0:"));
	if (fake.elsewhere)
		return false;
	*f = (struct msc_usb_found){ .vendor = 0x0525,
				     .product = 0xa4a5,
				     .speed = MSC_SPEED_HIGH,
				     .path = "1-1",
				     .serial = "123456" };
	return true;
}

/* ---- the pass-through --------------------------------------------------------------------- */

static char object;
#define OBJECT ((struct sg_pt_base *)&object)

struct sg_pt_base *__wrap_construct_scsi_pt_obj_with_fd(int fd, int verbose);
struct sg_pt_base *__wrap_construct_scsi_pt_obj_with_fd(int fd, int verbose)
{
	assert_true(fd >= 0);
	assert_int_equal(verbose, 0);
	fake.objects++;
	return OBJECT;
}

void __wrap_destruct_scsi_pt_obj(struct sg_pt_base *pt);
void __wrap_destruct_scsi_pt_obj(struct sg_pt_base *pt)
{
	assert_ptr_equal(pt, OBJECT);
	fake.objects--;
}

void __wrap_clear_scsi_pt_obj(struct sg_pt_base *pt);
void __wrap_clear_scsi_pt_obj(struct sg_pt_base *pt)
{
	(void)pt;
	fake.in = fake.out = -1;
	fake.cdb_len = 0;
	fake.sense = NULL;
}

void __wrap_set_scsi_pt_cdb(struct sg_pt_base *pt, const uint8_t *cdb, int len);
void __wrap_set_scsi_pt_cdb(struct sg_pt_base *pt, const uint8_t *cdb, int len)
{
	(void)pt;
	assert_in_range(len, 1, 16);
	memcpy(fake.cdb, cdb, (size_t)len);
	fake.cdb_len = len;
}

void __wrap_set_scsi_pt_sense(struct sg_pt_base *pt, uint8_t *sense, int max_len);
void __wrap_set_scsi_pt_sense(struct sg_pt_base *pt, uint8_t *sense, int max_len)
{
	(void)pt;
	assert_int_equal(max_len, MSC_SENSE_MAX);
	fake.sense = sense;
}

void __wrap_set_scsi_pt_data_in(struct sg_pt_base *pt, uint8_t *data, int len);
void __wrap_set_scsi_pt_data_in(struct sg_pt_base *pt, uint8_t *data, int len)
{
	(void)pt;
	memset(data, 0x5a, (size_t)len);
	fake.in = len;
}

void __wrap_set_scsi_pt_data_out(struct sg_pt_base *pt, const uint8_t *data, int len);
void __wrap_set_scsi_pt_data_out(struct sg_pt_base *pt, const uint8_t *data, int len)
{
	(void)pt, (void)data;
	fake.out = len;
}

int __wrap_do_scsi_pt(struct sg_pt_base *pt, int fd, int seconds, int verbose);
int __wrap_do_scsi_pt(struct sg_pt_base *pt, int fd, int seconds, int verbose)
{
	(void)pt, (void)fd;
	assert_int_equal(verbose, 0);
	fake.seconds = seconds;
	fake.commands++;
	if (fake.sense_len > 0 && fake.sense_len <= MSC_SENSE_MAX)
		memset(fake.sense, 0x70, (size_t)fake.sense_len);
	return fake.result;
}

#define GET(name, member)                                                                          \
	int __wrap_get_scsi_pt_##name(const struct sg_pt_base *pt);                                \
	int __wrap_get_scsi_pt_##name(const struct sg_pt_base *pt)                                 \
	{                                                                                          \
		(void)pt;                                                                          \
		return fake.member;                                                                \
	}
GET(result_category, category)
GET(transport_err, host)
GET(status_response, status)
GET(sense_len, sense_len)
GET(resid, residue)
GET(os_err, os_error)

/* ---- opening ------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	files_begin(fake.root, sizeof(fake.root));
	put(fake.root, "0:0:0:0/block/sdx/dev", "");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	files_end(fake.root);
	return 0;
}

static struct msc_target *open_disk(const char *name, bool writes, struct msc_err *err)
{
	const struct msc_open_options options = { .allow_writes = writes };

	return msc_target_open(name, &options, err);
}

static void opens(void **state)
{
	static const struct {
		const char *name;
		bool writes;
		const char *opened;
	} rows[] = {
		{ "/dev/sdx", false, "/dev/sdx ro; " },
		{ "/dev/disk/by-id/stick", false, "/dev/disk/by-id/stick ro; " },
		{ "/dev/sg7", false, "/dev/sg7 ro; " },
		{ "/dev/sdx", true, "/dev/sdx ro alone; /dev/sdx rw; " },
		{ "/dev/sg7", true, "/dev/sdx ro alone; /dev/sg7 rw; " },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_target *t = open_disk(rows[i].name, rows[i].writes, &err);

		if (!t)
			fail_msg("%s: %s", rows[i].name, err.msg);
		assert_string_equal(fake.opened, rows[i].opened);
		assert_string_equal(t->device.name, rows[i].name);
		assert_true(t->device.commands_only);
		assert_int_equal(t->device.desc.vendor, 0x0525);
		assert_string_equal(t->device.serial, "123456");
		msc_target_close(t);
		assert_int_equal(fake.objects, 0);
		fake.opened[0] = '\0';
	}
}

/* Two units of one device, and two disks that say nothing of themselves, are not taken for one another. */
static void what_the_medium_is_called(void **state)
{
	static const struct {
		bool elsewhere;
		int lun;
		const char *wwid, *id;
	} rows[] = {
		{ false, 0, NULL, "0525:a4a5:123456@1-1" },
		{ false, 1, NULL, "0525:a4a5:123456@1-1/1" },
		{ true, 0, NULL, "scsi:0:0:0:0" },
		{ true, 1, NULL, "scsi:0:0:0:1" },
		{ true, 0, "t10.ATA     QEMU\n", "scsi:t10.ATA_____QEMU" },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_target *t;
		struct msc_err err = MSC_ERR_INIT;

		fake.elsewhere = rows[i].elsewhere;
		fake.lun = rows[i].lun;
		if (rows[i].wwid)
			put(fake.root, "0:0:0:0/wwid", rows[i].wwid);
		t = open_disk("/dev/sg7", false, &err);
		assert_non_null(t);
		assert_string_equal(t->device.medium_id, rows[i].id);
		msc_target_close(t);
	}
}

static void does_not_open(void **state)
{
	static const struct {
		const char *name;
		int error;
		enum msc_code code;
		const char *says;
	} rows[] = {
		{ "/dev/nothing", 0, MSC_E_NOTFOUND, "/dev/nothing: No such file" },
		{ "/dev/sdx1", 0, MSC_E_NOTFOUND,
		  "/dev/sdx1 is no SCSI disk: expected a whole disk" },
		{ "/dev/nvme0n1", 0, MSC_E_NOTFOUND, "/dev/nvme0n1 is no SCSI disk" },
		{ "/dev/sdx", EACCES, MSC_E_ACCESS, "/dev/sdx: no permission; join the group" },
		{ "/dev/sdx", ENXIO, MSC_E_GONE, "has left" },
		{ "/dev/sg7", EBUSY, MSC_E_BUSY, "cannot open it: Device or resource busy" },
		{ "sg:7", 0, MSC_E_USAGE, "no kind of target called 'sg'" },
		{ "0525:a4a5", 0, MSC_E_USAGE, "did you mean 'usb:0525:a4a5'?" },
		{ "0525:a4a", 0, MSC_E_USAGE, "no kind of target called '0525'" },
		{ "0525:a4a5,", 0, MSC_E_USAGE, "no kind of target called '0525'" },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;

		fake.open_error = rows[i].error;
		assert_null(open_disk(rows[i].name, false, &err));
		if (err.code != rows[i].code || !strstr(err.msg, rows[i].says))
			fail_msg("%s: %d %s", rows[i].name, err.code, err.msg);
		assert_int_equal(fake.objects, 0);
	}
}

/* To read beside a mounted filesystem does no harm; to write does. */
static void a_held_disk(void **state)
{
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	fake.held = "/dev/sdx is mounted on /mnt; unmount it first";
	msc_target_close(open_disk("/dev/sg7", false, &err));
	assert_int_equal(err.code, MSC_OK);
	fake.opened[0] = '\0';
	assert_null(open_disk("/dev/sg7", true, &err));
	assert_int_equal(err.code, MSC_E_BUSY);
	assert_string_equal(err.msg, "/dev/sg7: /dev/sdx is mounted on /mnt; unmount it first");
	assert_string_equal(fake.opened, "");
}

/* ---- commands ----------------------------------------------------------------------------- */

static struct msc_target *must_open(void)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = open_disk("/dev/sg7", false, &err);

	assert_non_null(t);
	return t;
}

static void commands(void **state)
{
	static const struct {
		const char *name;
		enum msc_dir dir;
		int category, host, status, residue, sense_len;
		enum msc_outcome outcome;
		size_t actual;
	} rows[] = {
		{ "good", MSC_DIR_IN, SCSI_PT_RESULT_GOOD, 0, 0, 0, 0, MSC_OUT_DONE, 36 },
		{ "short", MSC_DIR_IN, SCSI_PT_RESULT_GOOD, 0, 0, 30, 0, MSC_OUT_DONE, 6 },
		{ "out", MSC_DIR_OUT, SCSI_PT_RESULT_GOOD, 0, 0, 0, 0, MSC_OUT_DONE, 36 },
		{ "no data", MSC_DIR_NONE, SCSI_PT_RESULT_GOOD, 0, 0, 0, 0, MSC_OUT_DONE, 0 },
		{ "sense", MSC_DIR_IN, SCSI_PT_RESULT_SENSE, 0, 2, 36, 18, MSC_OUT_DONE, 0 },
		{ "busy", MSC_DIR_IN, SCSI_PT_RESULT_STATUS, 0, 8, 36, 0, MSC_OUT_DONE, 0 },
		{ "time-out", MSC_DIR_IN, SCSI_PT_RESULT_TRANSPORT_ERR, 3, 0, 36, 0,
		  MSC_OUT_TIMEOUT, 0 },
		{ "error", MSC_DIR_IN, SCSI_PT_RESULT_TRANSPORT_ERR, 7, 0, 36, 0, MSC_OUT_ERROR,
		  0 },
		{ "residue of nonsense", MSC_DIR_IN, SCSI_PT_RESULT_GOOD, 0, 0, 37, 0, MSC_OUT_DONE,
		  0 },
		{ "and below nothing", MSC_DIR_IN, SCSI_PT_RESULT_GOOD, 0, 0, -1, -1, MSC_OUT_DONE,
		  0 },
		{ "too much sense", MSC_DIR_IN, SCSI_PT_RESULT_SENSE, 0, 2, 0, 9999, MSC_OUT_DONE,
		  36 },
	};
	const uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36, 0 };
	struct msc_target *t = must_open();

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		uint8_t data[36] = { 0 };
		struct msc_command c = { .cdb = inquiry,
					 .cdb_len = 6,
					 .dir = rows[i].dir,
					 .data = data,
					 .len = rows[i].dir ? sizeof(data) : 0 };
		struct msc_err err = MSC_ERR_INIT;

		fake.category = rows[i].category;
		fake.host = rows[i].host;
		fake.status = rows[i].status;
		fake.residue = rows[i].residue;
		fake.sense_len = rows[i].sense_len;
		assert_int_equal(msc_command(t, &c, 1500 * MSC_MS, &err), 0);
		if (c.outcome != rows[i].outcome || c.actual != rows[i].actual ||
		    c.status != rows[i].status)
			fail_msg("%s: %s, %zu, %02x", rows[i].name, msc_outcome_name(c.outcome),
				 c.actual, c.status);
		assert_int_equal(c.sense_len, rows[i].sense_len < 0     ? 0
					      : rows[i].sense_len > 252 ? 252
									: rows[i].sense_len);
		assert_int_equal(c.host, rows[i].host);
		assert_int_equal(fake.seconds, 2); /* rounded up */
		assert_int_equal(fake.cdb_len, 6);
		assert_memory_equal(fake.cdb, inquiry, 6);
		assert_int_equal(fake.in, rows[i].dir == MSC_DIR_IN ? 36 : -1);
		assert_int_equal(fake.out, rows[i].dir == MSC_DIR_OUT ? 36 : -1);
		assert_true(c.completed_ns >= c.submitted_ns);
	}
	msc_target_close(t);
}

static void commands_that_fail(void **state)
{
	static const struct {
		int result, category, host, os_error;
		enum msc_code code;
		bool gone;
		size_t len; /* of data */
	} rows[] = {
		{ -ENODEV, 0, 0, 0, MSC_E_GONE, true },
		{ 0, SCSI_PT_RESULT_OS_ERR, 0, ENXIO, MSC_E_GONE, true },
		{ 0, SCSI_PT_RESULT_TRANSPORT_ERR, 1, 0, MSC_E_GONE, true },
		{ 0, SCSI_PT_RESULT_TRANSPORT_ERR, 4, 0, MSC_E_GONE, true },
		{ -EPERM, 0, 0, 0, MSC_E_UNSUPPORTED, false },
		{ -ENOMEM, 0, 0, 0, MSC_E_UNSUPPORTED, false },
		{ SCSI_PT_DO_BAD_PARAMS, 0, 0, 0, MSC_E_UNSUPPORTED, false },
		{ -EINTR, 0, 0, 0, MSC_E_INTERRUPTED, false },
		{ -EIO, 0, 0, 0, MSC_E_DEVICE, false },
		/* more of it than a block device takes at once */
		{ -EIO, 0, 0, 0, MSC_E_UNSUPPORTED, false, 512 },
	};
	const uint8_t ready[6] = { 0 };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		uint8_t data[512];
		struct msc_command c = { .cdb = ready,
					 .cdb_len = 6,
					 .dir = MSC_DIR_IN,
					 .data = data,
					 .len = rows[i].len };
		struct msc_err err = MSC_ERR_INIT, again = MSC_ERR_INIT;
		struct msc_target *t = must_open();

		fake.result = rows[i].result;
		fake.category = rows[i].category;
		fake.host = rows[i].host;
		fake.os_error = rows[i].os_error;
		assert_int_equal(msc_command(t, &c, MSC_S, &err), -1);
		if (err.code != rows[i].code || t->gone != rows[i].gone)
			fail_msg("row %zu: %d %s", i, err.code, err.msg);
		fake.result = fake.category = fake.commands = 0;
		assert_int_equal(msc_command(t, &c, MSC_S, &again), rows[i].gone ? -1 : 0);
		assert_int_equal(fake.commands,
				 rows[i].gone ? 0 : 1); /* one that has left is let be */
		msc_target_close(t);
	}
}

/* Neither side pretends to be the other. */
static void transfers_and_commands(void **state)
{
	struct msc_err err = MSC_ERR_INIT, other = MSC_ERR_INIT;
	const uint8_t ready[6] = { 0 };
	struct msc_command c = { .cdb = ready, .cdb_len = 6 };
	struct msc_xfer x = { .ep = 0x81 };
	struct msc_target *t = must_open();

	(void)state;
	assert_int_equal(msc_submit(t, &x, &err), -1);
	assert_int_equal(err.code, MSC_E_UNSUPPORTED);
	assert_string_equal(err.msg,
			    "needs the device's own endpoints: the kernel's SCSI path (/dev/sg7) "
			    "sends command blocks only");
	assert_false(t->gone);
	msc_target_close(t);
	t = open_disk("sim:reference", false, &other);
	assert_non_null(t);
	assert_int_equal(msc_command(t, &c, MSC_S, &other), -1);
	assert_int_equal(other.code, MSC_E_UNSUPPORTED);
	msc_target_close(t);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(opens),
		TEST(what_the_medium_is_called),
		TEST(does_not_open),
		TEST(a_held_disk),
		TEST(commands),
		TEST(commands_that_fail),
		TEST(transfers_and_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
