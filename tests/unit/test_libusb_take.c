/* SPDX-License-Identifier: BSD-2-Clause */
/* Which devices the usb transport takes, and that the kernel's driver gets them back. */
/* link: -Wl,--wrap=libusb_init,--wrap=libusb_exit,--wrap=libusb_get_device_list */
/* link: -Wl,--wrap=libusb_free_device_list,--wrap=libusb_get_bus_number */
/* link: -Wl,--wrap=libusb_get_device_address,--wrap=libusb_open,--wrap=libusb_close */
/* link: -Wl,--wrap=libusb_control_transfer,--wrap=libusb_get_configuration */
/* link: -Wl,--wrap=libusb_kernel_driver_active,--wrap=libusb_detach_kernel_driver */
/* link: -Wl,--wrap=libusb_attach_kernel_driver,--wrap=libusb_claim_interface */
/* link: -Wl,--wrap=libusb_release_interface,--wrap=libusb_set_interface_alt_setting */
/* link: -Wl,--wrap=libusb_submit_transfer,--wrap=libusb_cancel_transfer */
/* link: -Wl,--wrap=libusb_handle_events_timeout_completed,--wrap=libusb_clear_halt */
/* link: -Wl,--wrap=libusb_reset_device,--wrap=libusb_set_configuration */
/* link: -Wl,--wrap=libusb_dev_mem_alloc,--wrap=libusb_dev_mem_free */
/* link: -Wl,--wrap=msc_usb_find,--wrap=msc_usb_not_held */
/* link: -Wl,--wrap=msc_usb_explain_error,--wrap=msc_usb_lost_driver */
/* link: -Wl,--wrap=msc_guardian_start,--wrap=msc_guardian_dismiss */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_libusb.h"

struct heard {
	char text[512];
};

static void hear(void *user, enum msc_level level, const char *module, int64_t at_ns,
		 const char *text)
{
	struct heard *h = user;

	(void)level, (void)module, (void)at_ns;
	snprintf(h->text, sizeof(h->text), "%s", text);
}

/* As a run that was killed together with its guardian leaves it: nobody took a driver off, and yet it
 * is put back, and that is said. Where the kernel has none for the device, no more is said. */
static void a_lost_driver_is_put_back(void **state)
{
	static const int answers[] = { 0, LIBUSB_ERROR_NOT_FOUND };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(answers); i++) {
		struct heard heard = { "" };
		const struct msc_log log = { hear, &heard, MSC_LOG_WARN };
		const struct msc_open_options options = { .log = &log };
		struct msc_err err = MSC_ERR_INIT;
		struct msc_target *t;

		fake = (struct fake){ .lost_driver = true, .attach_error = answers[i] };
		t = msc_target_open("usb:0525:a4a5", &options, &err);
		assert_non_null(t);
		assert_non_null(strstr(heard.text, "interface 2 had no driver"));
		assert_int_equal(fake.guardians, 1);
		heard.text[0] = '\0';
		msc_target_close(t);
		assert_string_equal(heard.text, "");
		assert_int_equal(fake.detached, answers[i] ? 0 : -1); /* one more than was taken */
		fake.detached = 0;
		fake_kept_nothing("lost");
	}
}

/* The guardian of a run that was killed is at work at this moment. */
static void a_driver_that_comes_late_is_taken_off(void **state)
{
	(void)state;
	fake = (struct fake){ .lost_driver = true, .late_driver = true };
	msc_target_close(fake_must_open());
	fake_kept_nothing("late driver");
}

static void what_is_no_mass_storage_is_refused(void **state)
{
	static const struct {
		uint8_t class, protocol;
		const char *says; /* NULL: it is driven */
	} rows[] = {
		{ 0x08, 0x50, NULL },
		{ 0x0a, 0x01,
		  "interface 2 has bulk endpoints, but is class 0ah (serial data), protocol 01h; "
		  "--any-interface" },
		{ 0x08, 0x62, "class 08h (mass storage, but not Bulk-Only), protocol 62h" },
		{ 0xff, 0x50, "class ffh (vendor-specific), protocol 50h" },
		{ 0x4d, 0x50, "class 4dh (something else)" },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		for (int any = 0; any < 2; any++) {
			const struct msc_open_options options = { .any_interface = any };
			struct msc_err err = MSC_ERR_INIT;
			struct msc_target *t;

			fake = (struct fake){ .kernel_driver = true,
					      .class = rows[i].class,
					      .protocol = rows[i].protocol };
			t = msc_target_open("usb:0525:a4a5", &options, &err);
			if (!t != (rows[i].says && !any))
				fail_msg("row %zu, any %d: %s", i, any, err.msg);
			if (!t) {
				assert_non_null(strstr(err.msg, rows[i].says));
				assert_int_equal(err.code, MSC_E_UNSUPPORTED);
				assert_int_equal(fake.claims, 0);
			}
			msc_target_close(t);
			fake_kept_nothing("no mass storage");
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_driver_is_put_back),
		cmocka_unit_test(a_driver_that_comes_late_is_taken_off),
		cmocka_unit_test(what_is_no_mass_storage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
