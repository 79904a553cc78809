/* SPDX-License-Identifier: BSD-2-Clause */
/* The usb transport over a libusb that is made of the functions below: the linker puts them in the
 * place of the real ones. Above all: whatever fails, what was taken is given back. */
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
/* link: -Wl,--wrap=msc_usb_explain_error,--wrap=msc_usb_lost_driver,--wrap=libusb_free_transfer */
/* link: -Wl,--wrap=msc_guardian_start,--wrap=msc_guardian_dismiss */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "fake_libusb.h"

void __wrap_libusb_free_transfer(struct libusb_transfer *transfer);
void __real_libusb_free_transfer(struct libusb_transfer *transfer);

void __wrap_libusb_free_transfer(struct libusb_transfer *transfer)
{
	assert_ptr_not_equal(transfer, fake.pending); /* unless its handle is closed */
	fake.freed++;
	__real_libusb_free_transfer(transfer);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void opens_and_gives_back(void **state)
{
	(void)state;
	for (int driver = 0; driver < 2; driver++)
		for (int alternates = 0; alternates < 2; alternates++) {
			struct msc_target *t;

			fake = (struct fake){ .kernel_driver = driver, .alternates = alternates };
			t = fake_must_open();
			assert_int_equal(fake.claims, 1);
			assert_int_equal(fake.detached, driver);
			assert_int_equal(fake.guardians, driver);
			assert_int_equal(fake.alts_set,
					 alternates); /* only where there is a choice */
			assert_string_equal(t->device.name, "usb:0525:a4a5");
			assert_string_equal(t->device.path, "1-1");
			assert_string_equal(t->device.serial, "123456");
			assert_int_equal(t->device.interface_number, 2);
			assert_int_equal(t->device.alternate, 0);
			assert_int_equal(t->device.ep_in, 0x81);
			assert_int_equal(t->device.max_packet_in, 512);
			assert_int_equal(t->device.desc.vendor, 0x0525);
			assert_int_equal(t->device.speed, MSC_SPEED_HIGH);
			assert_false(t->device.simulated);
			msc_target_close(t);
			fake_kept_nothing("after close");
		}
}

static void every_way_out_of_open(void **state)
{
	static const struct {
		enum fake_call fails;
		int error;
		enum msc_code code;
		const char *says;
	} rows[] = {
		{FAKE_INIT, LIBUSB_ERROR_OTHER, MSC_E_DEVICE, "cannot start libusb"},
		{FAKE_FIND, 0, MSC_E_NOTFOUND, "nothing there"},
		{FAKE_LIST, LIBUSB_ERROR_NO_MEM, MSC_E_DEVICE, "cannot list"},
		{FAKE_OPEN, LIBUSB_ERROR_ACCESS, MSC_E_ACCESS, "60-mscope.rules"},
		{FAKE_OPEN, LIBUSB_ERROR_NO_DEVICE, MSC_E_GONE, "has left"},
		{FAKE_OPEN, LIBUSB_ERROR_IO, MSC_E_DEVICE, "usb:0525:a4a5"},
		{FAKE_DEVICE_DESC, LIBUSB_ERROR_PIPE, MSC_E_DEVICE, "device descriptor"},
		{FAKE_DEVICE_DESC, 17, MSC_E_DEVICE, "too short"},
		{FAKE_CONFIG_DESC, LIBUSB_ERROR_TIMEOUT, MSC_E_UNSUPPORTED, "configuration"},
		{FAKE_CONFIGURATION, LIBUSB_ERROR_IO, MSC_E_UNSUPPORTED, "configuration"},
		{FAKE_MOUNTED, 0, MSC_E_BUSY, "usb:0525:a4a5: /dev/sda is mounted on /x"},
		{FAKE_DETACH, LIBUSB_ERROR_IO, MSC_E_BUSY, "cannot take interface 2"},
		{FAKE_CLAIM, LIBUSB_ERROR_BUSY, MSC_E_BUSY, "another program is using"},
		{FAKE_CLAIM, LIBUSB_ERROR_NO_DEVICE, MSC_E_GONE, "cannot take"},
		{FAKE_SET_ALT, LIBUSB_ERROR_IO, MSC_E_BUSY, "cannot take"},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;

		fake = (struct fake){ .kernel_driver = true,
				      .alternates = true,
				      .fails = rows[i].fails,
				      .error = rows[i].error,
				      .unconfigured = rows[i].fails == FAKE_CONFIGURATION };
		if (fake_open("usb:0525:a4a5", &err))
			fail_msg("row %zu: opened", i);
		if (err.code != rows[i].code || !strstr(err.msg, rows[i].says))
			fail_msg("row %zu: code %d, %s", i, err.code, err.msg);
		fake_kept_nothing(rows[i].says);
	}
}

/* Someone else took the driver away in between: no driver to give back. */
static void driver_left_by_itself(void **state)
{
	(void)state;
	fake = (struct fake){ .kernel_driver = true,
			      .fails = FAKE_DETACH,
			      .error = LIBUSB_ERROR_NOT_FOUND };
	msc_target_close(fake_must_open());
	fake_kept_nothing("no driver");
}

static void outcomes(void **state)
{
	static const struct {
		enum libusb_transfer_status status;
		uint8_t ep;
		int len, actual;
		enum msc_outcome outcome;
		size_t told;
	} rows[] = {
		{LIBUSB_TRANSFER_COMPLETED, 0x81, 1024, 1024, MSC_OUT_DONE, 1024},
		{LIBUSB_TRANSFER_COMPLETED, 0x81, 1024, 13, MSC_OUT_DONE, 13},
		{LIBUSB_TRANSFER_COMPLETED, 0x02, 31, 31, MSC_OUT_DONE, 31},
		{LIBUSB_TRANSFER_STALL, 0x81, 1024, 512, MSC_OUT_STALL, 512},
		{LIBUSB_TRANSFER_STALL, 0x81, 1024, 1, MSC_OUT_STALL, 0},
		{LIBUSB_TRANSFER_STALL, 0x81, 1024, 513, MSC_OUT_STALL, 512},
		{LIBUSB_TRANSFER_STALL, 0x02, 512, 512, MSC_OUT_STALL, 0},
		{LIBUSB_TRANSFER_STALL, 0x02, 31, 0, MSC_OUT_STALL, 0},
		{LIBUSB_TRANSFER_OVERFLOW, 0x81, 512, 512, MSC_OUT_BABBLE, 512},
		{LIBUSB_TRANSFER_ERROR, 0x81, 1024, 512, MSC_OUT_ERROR, 512},
		{LIBUSB_TRANSFER_TIMED_OUT, 0x81, 512, 0, MSC_OUT_TIMEOUT, 0},
		{LIBUSB_TRANSFER_CANCELLED, 0x81, 512, 0, MSC_OUT_CANCELLED, 0},
		{LIBUSB_TRANSFER_COMPLETED, 0x81, 512, -5, MSC_OUT_DONE, 0},
		{LIBUSB_TRANSFER_COMPLETED, 0x81, 512, 600, MSC_OUT_DONE, 512},
	};
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .kernel_driver = true };
	t = fake_must_open();
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		uint8_t data[1024];
		struct msc_xfer x = { .ep = rows[i].ep, .data = data, .len = (size_t)rows[i].len };

		fake.status = rows[i].status;
		fake.actual = rows[i].actual;
		assert_int_equal(msc_transfer(t, &x, MSC_S, &err), 0);
		if (x.outcome != rows[i].outcome || x.actual != rows[i].told)
			fail_msg("row %zu: %s, %zu", i, msc_outcome_name(x.outcome), x.actual);
		assert_null(x.priv);
		assert_int_equal(x.naks, -1);
		assert_true(x.completed_ns >= x.submitted_ns);
	}
	msc_target_close(t);
	fake_kept_nothing("outcomes");
}

static void control_requests(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	uint8_t data[64] = { 0 };
	struct msc_xfer x = {
		.setup = { .request_type = 0xa1, .request = 0xfe, .index = 2, .length = 4 },
		.data = data,
		.len = 4
	};
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .actual = 3 };
	t = fake_must_open();
	assert_int_equal(msc_transfer(t, &x, MSC_S, &err), 0);
	assert_int_equal(x.actual, 3);
	assert_int_equal(data[2], 0x5a);
	assert_int_equal(data[3], 0);

	/* what usbfs does not let through is not the device's doing */
	fake.fails = FAKE_SUBMIT;
	fake.error = LIBUSB_ERROR_IO;
	assert_int_equal(msc_transfer(t, &x, MSC_S, &err), -1);
	assert_int_equal(err.code, MSC_E_UNSUPPORTED);
	msc_target_close(t);
	fake_kept_nothing("control");
}

static void timeout_cancels(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	uint8_t data[64];
	struct msc_xfer x = { .ep = 0x81, .data = data, .len = sizeof(data) };
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .never = true };
	t = fake_must_open();
	assert_int_equal(msc_transfer(t, &x, MSC_MS, &err), 0);
	assert_int_equal(x.outcome, MSC_OUT_TIMEOUT);
	assert_true(x.completed_ns - x.submitted_ns >= MSC_MS);
	assert_null(fake.pending);
	msc_target_close(t);
	fake_kept_nothing("time-out");
}

static bool at_once(void *user)
{
	(void)user;
	return true;
}

/* What the host controller keeps is the caller's no longer: nothing is written to a frame that is
 * gone, nothing waits again, and all is freed once the device is closed. */
static void a_transfer_that_never_comes_back(void **state)
{
	const struct msc_open_options options = { .stop = at_once };
	struct msc_err err = MSC_ERR_INIT, again = MSC_ERR_INIT;
	uint8_t data[64];
	struct msc_xfer x = { .ep = 0x81, .data = data, .len = sizeof(data) };
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .kernel_driver = true, .never = true, .deaf = true };
	t = msc_target_open("usb:0525:a4a5", &options, &err);
	assert_non_null(t);
	assert_int_equal(msc_transfer(t, &x, MSC_MS, &err), -1);
	assert_int_equal(err.code, MSC_E_DEVICE);
	assert_int_equal(x.outcome, MSC_OUT_ERROR);
	assert_null(x.priv);
	assert_true(t->gone);
	assert_true(x.completed_ns - x.submitted_ns <
		    5 * MSC_S); /* the user has not waited for all */
	assert_int_equal(fake.freed, 0);
	assert_int_equal(msc_transfer(t, &x, MSC_MS, &again), -1);
	assert_int_equal(again.code, MSC_E_GONE);
	msc_target_close(t);
	assert_int_equal(fake.freed, 1);
	fake_kept_nothing("never came back");
}

static void events_fail(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	uint8_t data[64];
	struct msc_xfer x = { .ep = 0x81, .data = data, .len = sizeof(data) };
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .kernel_driver = true, .never = true, .deaf = true };
	t = fake_must_open();
	assert_int_equal(msc_submit(t, &x, &err), 0);
	fake.fails = FAKE_EVENTS;
	fake.error = LIBUSB_ERROR_IO;
	assert_int_equal(msc_wait(t, &x, INT64_MAX, &err), -1);
	assert_int_equal(err.code, MSC_E_DEVICE);
	assert_null(x.priv);
	assert_int_equal(msc_cancel(t, &x, &err), 0); /* there is nothing any more */
	msc_target_close(t);
	assert_int_equal(fake.freed, 1);
	fake_kept_nothing("events");
}

static void device_leaves(void **state)
{
	uint8_t data[64];
	struct msc_xfer x = { .ep = 0x81, .data = data, .len = sizeof(data) };

	(void)state;
	for (int at_submit = 0; at_submit < 2; at_submit++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_target *t;

		fake = (struct fake){ .kernel_driver = true, .status = LIBUSB_TRANSFER_NO_DEVICE };
		t = fake_must_open();
		if (at_submit) {
			fake.fails = FAKE_SUBMIT;
			fake.error = LIBUSB_ERROR_NO_DEVICE;
		}
		assert_int_equal(msc_transfer(t, &x, MSC_S, &err), -1);
		assert_int_equal(err.code, MSC_E_GONE);
		assert_true(t->gone);
		msc_target_close(t);
		fake_kept_nothing("left");
	}
}

/* The kernel has taken its endpoints away, and not yet the device itself. */
static void device_is_taken_apart(void **state)
{
	uint8_t data[64];
	struct msc_xfer x = { .ep = 0x81, .data = data, .len = sizeof(data) };

	(void)state;
	for (int leaves = 0; leaves < 2; leaves++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_target *t;

		fake = (struct fake){ .leaves = leaves };
		t = fake_must_open();
		fake.fails = FAKE_SUBMIT;
		fake.error = LIBUSB_ERROR_IO;
		assert_int_equal(msc_transfer(t, &x, MSC_S, &err), -1);
		assert_int_equal(err.code, leaves ? MSC_E_GONE : MSC_E_DEVICE);
		assert_int_equal(t->gone, leaves);
		msc_target_close(t);
		fake_kept_nothing("taken apart");
	}
}

static void device_leaves_with_a_bus_error(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	uint8_t data[64];
	struct msc_xfer x = { .ep = 0x81, .data = data, .len = sizeof(data) };
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .status = LIBUSB_TRANSFER_ERROR, .leaves = true };
	t = fake_must_open();
	assert_int_equal(msc_transfer(t, &x, MSC_S, &err), -1);
	assert_int_equal(err.code, MSC_E_GONE);
	assert_true(t->gone);
	msc_target_close(t);
	fake_kept_nothing("left with a bus error");
}

static void clearing_a_halt(void **state)
{
	static const struct {
		int error, error_number;
		enum msc_outcome outcome;
	} rows[] = {
		{0, 0, MSC_OUT_DONE},
		{LIBUSB_ERROR_PIPE, 0, MSC_OUT_STALL},
		{LIBUSB_ERROR_OTHER, EPIPE, MSC_OUT_STALL},
		{LIBUSB_ERROR_OTHER, ETIMEDOUT, MSC_OUT_TIMEOUT},
		{LIBUSB_ERROR_OTHER, EPROTO, MSC_OUT_ERROR},
		{LIBUSB_ERROR_NOT_FOUND, 0, MSC_OUT_ERROR},
	};
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .kernel_driver = false };
	t = fake_must_open();
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;
		enum msc_outcome outcome;

		fake.fails = FAKE_CLEAR;
		fake.error = rows[i].error;
		fake.error_number = rows[i].error_number;
		assert_int_equal(msc_clear_halt(t, 0x81, MSC_S, &outcome, &err), 0);
		if (outcome != rows[i].outcome)
			fail_msg("row %zu: %s", i, msc_outcome_name(outcome));
	}
	msc_target_close(t);
	fake_kept_nothing("clear halt");
}

static void port_reset(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .kernel_driver = true };
	t = fake_must_open();
	assert_int_equal(msc_port_reset(t, &err), 0);
	assert_int_equal(fake.finds, 1);

	/* the device enumerates anew: it is found again by its place, and taken again */
	fake.fails = FAKE_RESET;
	fake.error = LIBUSB_ERROR_NOT_FOUND;
	fake.claims = fake.detached = 0; /* the kernel has let go of the old one */
	assert_int_equal(msc_port_reset(t, &err), 0);
	assert_int_equal(fake.finds, 2);
	assert_int_equal(fake.handles, 1);
	assert_int_equal(fake.claims, 1);

	fake.error = LIBUSB_ERROR_IO;
	assert_int_equal(msc_port_reset(t, &err), -1);
	assert_int_equal(err.code, MSC_E_GONE);
	msc_target_close(t);
	fake_kept_nothing("reset");
}

static void keep_reset(void *user, const struct msc_transfer *x)
{
	if (x->kind == MSC_TRANSFER_PORT_RESET)
		*(enum msc_outcome *)user = x->outcome;
}

/* That is the device's doing, and is told as such; that the reset is refused to us is not. */
static void a_device_that_stays_away(void **state)
{
	(void)state;
	for (int refused = 0; refused < 2; refused++) {
		struct msc_err err = MSC_ERR_INIT;
		enum msc_outcome told = MSC_OUT_PENDING;
		struct msc_target *t;

		fake = (struct fake){ .stays_away = !refused };
		t = fake_must_open();
		if (refused) {
			fake.fails = FAKE_RESET;
			fake.error = LIBUSB_ERROR_IO;
		}
		t->record = keep_reset;
		t->record_user = &told;
		assert_int_equal(msc_port_reset(t, &err), -1);
		assert_int_equal(err.code, MSC_E_GONE);
		assert_int_equal(told, refused ? MSC_OUT_PENDING : MSC_OUT_GONE);
		msc_target_close(t);
	}
}

static void configuring(void **state)
{
	static const struct {
		int error, error_number;
		enum msc_outcome outcome;
		enum msc_code code;
	} rows[] = {
		{0, 0, MSC_OUT_DONE, MSC_OK},
		{LIBUSB_ERROR_OTHER, EPIPE, MSC_OUT_STALL, MSC_OK},
		{LIBUSB_ERROR_OTHER, EPROTO, MSC_OUT_ERROR, MSC_OK},
		{LIBUSB_ERROR_BUSY, 0, MSC_OUT_PENDING, MSC_E_UNSUPPORTED},
		{LIBUSB_ERROR_NO_DEVICE, 0, MSC_OUT_PENDING, MSC_E_GONE},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		enum msc_outcome outcome = MSC_OUT_PENDING;
		struct msc_err err = MSC_ERR_INIT;
		struct msc_target *t;

		fake = (struct fake){ .kernel_driver = true, .alternates = true };
		t = fake_must_open();
		fake.fails = FAKE_CONFIGURE;
		fake.error = rows[i].error;
		fake.error_number = rows[i].error_number;
		assert_int_equal(msc_configure(t, &outcome, &err), rows[i].code ? -1 : 0);
		if (outcome != rows[i].outcome || err.code != rows[i].code)
			fail_msg("row %zu: %s %s", i, msc_outcome_name(outcome), err.msg);
		assert_int_equal(fake.alts_set, 2); /* when it was opened, and again */
		msc_target_close(t);
		fake_kept_nothing("configure");
	}
}

/* A driver of another interface would not learn of a SET_CONFIGURATION that passes usbfs by. */
static void a_sibling_in_use(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .kernel_driver = true };
	t = fake_must_open();
	t->device.config[4] = 4;
	assert_int_equal(msc_may_configure(t, &err), 0);
	fake.sibling_driver = true;
	assert_int_equal(msc_may_configure(t, &err), -1);
	assert_int_equal(err.code, MSC_E_UNSUPPORTED);
	msc_target_close(t);
	fake_kept_nothing("a sibling");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_gives_back),	 cmocka_unit_test(every_way_out_of_open),
		cmocka_unit_test(driver_left_by_itself), cmocka_unit_test(outcomes),
		cmocka_unit_test(control_requests),	 cmocka_unit_test(timeout_cancels),
		cmocka_unit_test(device_leaves),	 cmocka_unit_test(clearing_a_halt),
		cmocka_unit_test(device_is_taken_apart),
		cmocka_unit_test(device_leaves_with_a_bus_error),
		cmocka_unit_test(port_reset),
		cmocka_unit_test(a_device_that_stays_away),
		cmocka_unit_test(configuring),		 cmocka_unit_test(a_sibling_in_use),
		cmocka_unit_test(a_transfer_that_never_comes_back),
		cmocka_unit_test(events_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
