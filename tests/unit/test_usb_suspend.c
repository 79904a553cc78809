/* SPDX-License-Identifier: BSD-2-Clause */
/* Suspending a real device, over settings in files and a kernel made of the functions below. Whatever
 * comes of it, the settings are what they were. */
/* link: -Wl,--wrap=ioctl,--wrap=msc_guardian_keep */
#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "made_of_files.h"
#include "transport/usb_suspend.h"

#define NODE 77
#define POWER "sys/bus/usb/devices/1-1/power/"

static struct kernel {
	char root[64];
	int64_t now_ns;
	int allow_errno, forbid_errno; /* which the requests fail with */
	bool keeps_awake;	       /* somebody else has it open */
	int64_t wakes_ns;	       /* somebody does at that time; 0: nobody */
	bool asleep;
	int allowed, forbidden;
	struct msc_usb_power kept; /* by the guardian */
	char control_then[16], delay_then[16]; /* the settings when it was allowed to sleep */
} kernel;

static void write_setting(const char *name, const char *value)
{
	char path[64], line[32];

	snprintf(path, sizeof path, POWER "%s", name);
	snprintf(line, sizeof line, "%s\n", value);
	put(kernel.root, path, line);
}

static void read_setting(const char *name, char *buf, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/" POWER "%s", kernel.root, name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(buf, (int)size, f));
	buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

static void falls_asleep(bool asleep)
{
	kernel.asleep = asleep;
	write_setting("runtime_status", asleep ? "suspended" : "active");
}

int __wrap_ioctl(int fd, unsigned long request, ...);
void __wrap_msc_guardian_keep(struct msc_guardian *g, const struct msc_usb_power *power);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	assert_int_equal(fd, NODE);
	if (request == (unsigned long)USBDEVFS_ALLOW_SUSPEND) {
		errno = kernel.allow_errno;
		if (errno)
			return -1;
		kernel.allowed++;
		read_setting("control", kernel.control_then, sizeof kernel.control_then);
		read_setting("autosuspend_delay_ms", kernel.delay_then, sizeof kernel.delay_then);
		if (!kernel.keeps_awake)
			falls_asleep(true);
		return 0;
	}
	assert_true(request == (unsigned long)USBDEVFS_FORBID_SUSPEND);
	kernel.forbidden++;
	falls_asleep(false);
	errno = kernel.forbid_errno;
	return errno ? -1 : 0;
}

void __wrap_msc_guardian_keep(struct msc_guardian *g, const struct msc_usb_power *power)
{
	(void)g;
	kernel.kept = power ? *power : (struct msc_usb_power){ .control = "" };
}

static int64_t now(struct msc_clock *c)
{
	(void)c;
	return kernel.now_ns;
}

static void wait_until(struct msc_clock *c, int64_t when_ns)
{
	(void)c;
	if (kernel.wakes_ns && when_ns >= kernel.wakes_ns && kernel.asleep)
		falls_asleep(false);
	if (kernel.asleep)
		assert_string_equal(kernel.kept.delay, "2000"); /* should we be killed now */
	kernel.now_ns = when_ns;
}

static void begin(const char *control, const char *delay)
{
	kernel = (struct kernel){ .now_ns = MSC_S };
	files_begin(kernel.root, sizeof kernel.root);
	write_setting("control", control);
	write_setting("autosuspend_delay_ms", delay);
	write_setting("runtime_status", "active");
}

/* Suspends for 20 ms; afterwards the settings are these again. */
static int suspend(const char *control, const char *delay, struct msc_suspended *how,
		   struct msc_err *err)
{
	static const struct msc_clock_ops ops = { .name = "test",
						  .now = now,
						  .wait_until = wait_until };
	struct msc_clock clock = { &ops };
	struct msc_guardian guardian = { .on = true };
	const struct msc_usb_sleeper s = { .root = kernel.root,
					   .path = "1-1",
					   .fd = NODE,
					   .clock = &clock,
					   .guardian = &guardian };
	int rc = msc_usb_suspend(&s, 20 * MSC_MS, how, err);
	char text[16];

	read_setting("control", text, sizeof text);
	assert_string_equal(text, control);
	read_setting("autosuspend_delay_ms", text, sizeof text);
	assert_string_equal(text, delay);
	assert_int_equal(kernel.forbidden, 1);
	assert_string_equal(kernel.kept.control, "");
	files_end(kernel.root);
	return rc;
}

static void sleeps_and_wakes(void **state)
{
	struct msc_suspended how = { .outcome = MSC_OUT_DONE };
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	begin("on", "2000");
	assert_int_equal(suspend("on", "2000", &how, &err), 0);
	assert_string_equal(kernel.control_then, "auto");
	assert_string_equal(kernel.delay_then, "0");
	assert_int_equal(how.outcome, MSC_OUT_DONE);
	assert_int_equal(how.silent_ns, MSC_S);
	assert_int_equal(how.resumed_ns - how.silent_ns, 20 * MSC_MS);
}

static void what_comes_between(void **state)
{
	static const struct {
		struct kernel kernel;
		enum msc_code code;
		const char *says;
	} rows[] = {
		{{.allow_errno = ENOTTY}, MSC_E_UNSUPPORTED, "older than Linux 5.6"},
		{{.keeps_awake = true}, MSC_E_UNSUPPORTED, "did not suspend it within 3 s"},
		{{.wakes_ns = MSC_S + 10 * MSC_MS}, MSC_E_UNSUPPORTED, "did not stay suspended"},
		{{.forbid_errno = EIO}, MSC_E_GONE, "left while it was suspended"},
		{{.allow_errno = ENODEV, .forbid_errno = ENODEV}, MSC_E_GONE, "left"},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_suspended how = { .outcome = MSC_OUT_DONE };
		struct msc_err err = MSC_ERR_INIT;

		begin("on", "2000");
		kernel.allow_errno = rows[i].kernel.allow_errno;
		kernel.forbid_errno = rows[i].kernel.forbid_errno;
		kernel.keeps_awake = rows[i].kernel.keeps_awake;
		kernel.wakes_ns = rows[i].kernel.wakes_ns;
		assert_int_equal(suspend("on", "2000", &how, &err), -1);
		if (err.code != rows[i].code || !strstr(err.msg, rows[i].says))
			fail_msg("row %zu: code %d, %s", i, err.code, err.msg);
	}
}

/* A kernel without runtime power management shows no settings: nothing is asked of it. */
static void no_settings(void **state)
{
	struct msc_guardian guardian = { .on = true };
	struct msc_usb_sleeper s = {
		.root = kernel.root, .path = "1-1", .fd = NODE, .guardian = &guardian
	};
	struct msc_suspended how;
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	kernel = (struct kernel){ .now_ns = 0 };
	files_begin(kernel.root, sizeof kernel.root);
	assert_int_equal(msc_usb_suspend(&s, MSC_MS, &how, &err), -1);
	assert_int_equal(err.code, MSC_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "shows no power/control"));
	assert_int_equal(kernel.allowed, 0);
	files_end(kernel.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleeps_and_wakes),
		cmocka_unit_test(what_comes_between),
		cmocka_unit_test(no_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
