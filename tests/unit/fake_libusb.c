/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_libusb.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fake fake;

static int may(enum fake_call call)
{
	if (fake.fails != call)
		return 0;
	errno = fake.error_number;
	return fake.error;
}

/* ---- a device behind it ---------------------------------------------------------------------- */

static struct fake_flight *flight_of(const struct libusb_transfer *transfer)
{
	for (size_t i = 0; i < MSC_COUNT(fake.flights); i++)
		if (fake.flights[i].transfer == transfer)
			return &fake.flights[i];
	fail_msg("no such flight");
	return NULL;
}

static int behind_submit(struct libusb_transfer *transfer)
{
	struct fake_flight *f = flight_of(NULL);
	struct msc_err err = MSC_ERR_INIT;

	f->xfer = (struct msc_xfer){ .data = transfer->buffer, .len = (size_t)transfer->length };
	if (transfer->endpoint) {
		f->xfer.ep = transfer->endpoint & 0x80 ? fake.behind->device.ep_in
						       : fake.behind->device.ep_out;
	} else {
		msc_setup_unpack(&f->xfer.setup, transfer->buffer);
		f->xfer.data += MSC_SETUP_LEN;
		f->xfer.len -= MSC_SETUP_LEN;
	}
	if (msc_submit(fake.behind, &f->xfer, &err) < 0)
		return LIBUSB_ERROR_NO_DEVICE;
	f->transfer = transfer;
	return 0;
}

static int behind_cancel(struct libusb_transfer *transfer)
{
	struct fake_flight *f = flight_of(transfer);
	struct msc_err err = MSC_ERR_INIT;

	if (f->xfer.outcome != MSC_OUT_PENDING)
		return LIBUSB_ERROR_NOT_FOUND;
	return msc_cancel(fake.behind, &f->xfer, &err) < 0 ? LIBUSB_ERROR_NO_DEVICE : 0;
}

static void deliver(struct fake_flight *f)
{
	static const enum libusb_transfer_status status[] = {
		[MSC_OUT_DONE] = LIBUSB_TRANSFER_COMPLETED,
		[MSC_OUT_STALL] = LIBUSB_TRANSFER_STALL,
		[MSC_OUT_BABBLE] = LIBUSB_TRANSFER_OVERFLOW,
		[MSC_OUT_CANCELLED] = LIBUSB_TRANSFER_CANCELLED,
		[MSC_OUT_ERROR] = LIBUSB_TRANSFER_ERROR,
		[MSC_OUT_GONE] = LIBUSB_TRANSFER_NO_DEVICE,
	};
	struct libusb_transfer *transfer = f->transfer;

	transfer->status = status[f->xfer.outcome];
	transfer->actual_length = (int)f->xfer.actual;
	f->transfer = NULL;
	transfer->callback(transfer);
}

/* All that has ended, or what ends next; its time is the simulator's. */
static void behind_events(int64_t within_ns)
{
	int64_t until = msc_now(fake.behind->clock) + within_ns, now;
	bool any = false;

	do {
		now = msc_now(fake.behind->clock) + MSC_MS;
		for (size_t i = 0; i < MSC_COUNT(fake.flights); i++) {
			struct fake_flight *f = &fake.flights[i];
			struct msc_err err = MSC_ERR_INIT;

			if (f->transfer && f->xfer.outcome == MSC_OUT_PENDING)
				(void)!msc_wait(fake.behind, &f->xfer, now, &err);
			if (f->transfer && f->xfer.outcome != MSC_OUT_PENDING) {
				deliver(f);
				any = true;
			}
		}
	} while (!any && now < until);
}

static int behind_result(enum msc_outcome outcome)
{
	return outcome == MSC_OUT_DONE    ? 0
	       : outcome == MSC_OUT_STALL ? LIBUSB_ERROR_PIPE
					  : LIBUSB_ERROR_IO;
}

/* Opaque things only need an address. */
static char context_thing, device_thing, handle_thing;
static libusb_device *devices[] = { (libusb_device *)&device_thing, NULL };

int __wrap_libusb_init(libusb_context **context)
{
	*context = (libusb_context *)&context_thing;
	fake.contexts += !may(FAKE_INIT);
	return may(FAKE_INIT);
}

void __wrap_libusb_exit(libusb_context *context)
{
	assert_ptr_equal(context, &context_thing);
	assert_int_equal(fake.handles, 0);
	fake.contexts--;
	msc_target_close(fake.behind);
	fake.behind = NULL;
}

ssize_t __wrap_libusb_get_device_list(libusb_context *context, libusb_device ***list)
{
	(void)context;
	*list = devices;
	fake.lists += !may(FAKE_LIST);
	return may(FAKE_LIST) ? may(FAKE_LIST) : 1;
}

void __wrap_libusb_free_device_list(libusb_device **list, int unref)
{
	assert_ptr_equal(list, devices);
	assert_int_equal(unref, 1);
	fake.lists--;
}

uint8_t __wrap_libusb_get_bus_number(libusb_device *device)
{
	(void)device;
	return 1;
}

uint8_t __wrap_libusb_get_device_address(libusb_device *device)
{
	(void)device;
	return 7;
}

int __wrap_libusb_open(libusb_device *device, libusb_device_handle **handle)
{
	(void)device;
	if (may(FAKE_OPEN))
		return may(FAKE_OPEN);
	*handle = (libusb_device_handle *)&handle_thing;
	fake.handles++;
	return 0;
}

void __wrap_libusb_close(libusb_device_handle *handle)
{
	assert_ptr_equal(handle, &handle_thing);
	assert_int_equal(fake.memories, 0); /* or the device stays open */
	fake.handles--;
	if (fake.deaf)
		fake.pending = NULL; /* libusb lets go of what is under way */
	for (size_t i = 0; i < MSC_COUNT(fake.flights); i++) {
		struct msc_err err = MSC_ERR_INIT;

		if (fake.flights[i].transfer)
			(void)!msc_cancel(fake.behind, &fake.flights[i].xfer, &err);
		fake.flights[i].transfer = NULL;
	}
}

static const uint8_t device_desc[] = { 18,   1,    0,    2, 0, 0, 0, 64, 0x25,
				       0x05, 0xa5, 0xa4, 0, 0, 1, 2, 3,  1 };
static const uint8_t config_desc[] = { 9, 2, 55, 0, 1, 1,    0,    0x80, 50, 9,    4,
				       2, 0, 2,  8, 6, 0x50, 0,    7,    5,  0x81, 2,
				       0, 2, 0,  7, 5, 0x02, 2,    0,    2,  0,    9,
				       4, 2, 1,  2, 8, 6,    0x62, 0,    7,  5,    0x81,
				       2, 0, 2,  0, 7, 5,    0x02, 2,    0,  2,    0 };

int __wrap_libusb_control_transfer(libusb_device_handle *handle, uint8_t type, uint8_t request,
				   uint16_t value, uint16_t index, unsigned char *data,
				   uint16_t length, unsigned timeout)
{
	bool device = value == 0x0100;
	size_t len = device ? sizeof(device_desc) : fake.alternates ? sizeof(config_desc) : 32;

	(void)handle;
	(void)index;
	assert_int_equal(type, 0x80);
	assert_int_equal(request, 6);
	assert_true(timeout > 0);
	if (may(device ? FAKE_DEVICE_DESC : FAKE_CONFIG_DESC))
		return may(device ? FAKE_DEVICE_DESC : FAKE_CONFIG_DESC);
	len = len < length ? len : length;
	memcpy(data, device ? device_desc : config_desc, len);
	if (!device && len > 16) {
		data[14] = fake.class ? fake.class : data[14];
		data[16] = fake.protocol ? fake.protocol : data[16];
	}
	return (int)len;
}

int __wrap_libusb_get_configuration(libusb_device_handle *handle, int *value)
{
	(void)handle;
	*value = fake.unconfigured ? 0 : 1;
	return may(FAKE_CONFIGURATION);
}

int __wrap_libusb_kernel_driver_active(libusb_device_handle *handle, int interface)
{
	(void)handle;
	if (interface != 2)
		return fake.sibling_driver;
	return fake.kernel_driver && fake.detached <= 0;
}

int __wrap_libusb_detach_kernel_driver(libusb_device_handle *handle, int interface)
{
	(void)handle;
	assert_int_equal(interface, 2);
	assert_true(fake.guardians > 0);
	fake.detached += !may(FAKE_DETACH);
	return may(FAKE_DETACH);
}

int __wrap_libusb_attach_kernel_driver(libusb_device_handle *handle, int interface)
{
	(void)handle;
	assert_int_equal(interface, 2);
	assert_int_equal(fake.claims, 0); /* released before */
	assert_true(fake.guardians > 0); /* it watches until the driver is back */
	fake.detached -= !fake.attach_error;
	return fake.attach_error;
}

int __wrap_libusb_claim_interface(libusb_device_handle *handle, int interface)
{
	(void)handle;
	assert_int_equal(interface, 2);
	if (fake.late_driver) {
		fake.late_driver = false;
		fake.kernel_driver = true;
		return LIBUSB_ERROR_BUSY;
	}
	fake.claims += !may(FAKE_CLAIM);
	return may(FAKE_CLAIM);
}

int __wrap_libusb_release_interface(libusb_device_handle *handle, int interface)
{
	(void)handle;
	assert_int_equal(interface, 2);
	fake.claims--;
	return 0;
}

int __wrap_libusb_set_interface_alt_setting(libusb_device_handle *handle, int interface, int alt)
{
	(void)handle;
	(void)interface;
	assert_int_equal(alt, 0);
	fake.alts_set++;
	return may(FAKE_SET_ALT);
}

unsigned char *__wrap_libusb_dev_mem_alloc(libusb_device_handle *handle, size_t length)
{
	struct fake_memory *m = fake.memory;

	assert_ptr_equal(handle, &handle_thing);
	assert_true(fake.handles > 0 && length > 0);
	fake.mapped++;
	if (length > fake.memory_most)
		return NULL;
	while (m->p)
		assert_true(++m < fake.memory + MSC_COUNT(fake.memory));
	m->p = aligned_alloc(4096, (length + 4095) / 4096 * 4096) /* as mmap(2) gives it */;
	m->len = length;
	fake.memories++;
	return m->p;
}

int __wrap_libusb_dev_mem_free(libusb_device_handle *handle, unsigned char *buffer, size_t length)
{
	struct fake_memory *m = fake.memory;

	assert_ptr_equal(handle, &handle_thing);
	assert_true(fake.handles > 0);
	while (m->p != buffer)
		assert_true(++m < fake.memory + MSC_COUNT(fake.memory));
	assert_int_equal(m->len, length);
	free(m->p);
	m->p = NULL;
	fake.memories--;
	return 0;
}

static void count_memory(const struct libusb_transfer *transfer)
{
	for (size_t i = 0; i < MSC_COUNT(fake.memory); i++) {
		const struct fake_memory *m = &fake.memory[i];

		fake.from_memory += m->p && transfer->buffer >= m->p &&
				    transfer->buffer + transfer->length <= m->p + m->len;
	}
}

int __wrap_libusb_submit_transfer(struct libusb_transfer *transfer)
{
	count_memory(transfer);
	assert_int_equal(transfer->timeout, 0);
	if (may(FAKE_SUBMIT))
		return may(FAKE_SUBMIT);
	if (transfer->endpoint && fake.transfer_most && transfer->length > fake.transfer_most)
		return LIBUSB_ERROR_NO_MEM;
	fake.pieces += transfer->endpoint != 0;
	if (fake.behind)
		return behind_submit(transfer);
	assert_null(fake.pending);
	fake.pending = transfer;
	return 0;
}

int __wrap_libusb_cancel_transfer(struct libusb_transfer *transfer)
{
	if (fake.behind)
		return behind_cancel(transfer);
	assert_ptr_equal(transfer, fake.pending);
	if (may(FAKE_CANCEL)) /* too late: it has ended, and libusb has not told yet */
		return may(FAKE_CANCEL);
	fake.status = LIBUSB_TRANSFER_CANCELLED;
	fake.never = fake.deaf;
	return 0;
}

int __wrap_libusb_handle_events_timeout_completed(libusb_context *context, struct timeval *tv,
						  int *completed)
{
	struct libusb_transfer *transfer = fake.pending;

	(void)context;
	(void)completed;
	assert_true(tv->tv_sec >= 0 && tv->tv_usec >= 0);
	assert_true(fake.handles > 0);
	if (may(FAKE_EVENTS))
		return may(FAKE_EVENTS);
	if (fake.behind)
		behind_events(tv->tv_sec * MSC_S + tv->tv_usec * MSC_US);
	if (transfer && !fake.never) {
		fake.pending = NULL;
		transfer->status = fake.status;
		transfer->actual_length = fake.actual;
		if (fake.actual > 0 && (transfer->endpoint & 0x80 || !transfer->endpoint))
			memset(transfer->buffer + (transfer->endpoint ? 0 : 8), 0x5a,
			       (size_t)fake.actual);
		transfer->callback(transfer);
	}
	return 0;
}

int __wrap_libusb_clear_halt(libusb_device_handle *handle, unsigned char ep)
{
	enum msc_outcome outcome;
	struct msc_err err = MSC_ERR_INIT;

	(void)handle;
	if (fake.behind)
		return msc_clear_halt(fake.behind, ep, MSC_S, &outcome, &err) < 0
			       ? LIBUSB_ERROR_NO_DEVICE
			       : behind_result(outcome);
	assert_int_equal(ep, 0x81);
	return may(FAKE_CLEAR);
}

int __wrap_libusb_set_configuration(libusb_device_handle *handle, int value)
{
	enum msc_outcome outcome;
	struct msc_err err = MSC_ERR_INIT;

	(void)handle;
	assert_int_equal(value, 1);
	assert_int_equal(fake.claims, 0); /* the kernel refuses otherwise */
	if (fake.behind)
		return msc_configure(fake.behind, &outcome, &err) < 0 ? LIBUSB_ERROR_NO_DEVICE
								      : behind_result(outcome);
	return may(FAKE_CONFIGURE);
}

int __wrap_libusb_reset_device(libusb_device_handle *handle)
{
	struct msc_err err = MSC_ERR_INIT;

	(void)handle;
	if (fake.behind)
		return msc_port_reset(fake.behind, &err) < 0 ? LIBUSB_ERROR_NO_DEVICE : 0;
	if (fake.stays_away)
		fake.claims = fake.detached = 0; /* the kernel has let go of it */
	return fake.stays_away ? LIBUSB_ERROR_NOT_FOUND : may(FAKE_RESET);
}

int __wrap_msc_usb_find(const struct msc_usb_match *m, const char *root, struct msc_usb_found *f,
			struct msc_err *err)
{
	(void)m;
	(void)root;
	fake.finds++;
	if ((fake.fails == FAKE_FIND && fake.finds >= fake.error_number) ||
	    (fake.stays_away && fake.finds > 1))
		return msc_fail(err, MSC_E_NOTFOUND, "nothing there");
	*f = (struct msc_usb_found){
		.bus = 1, .address = 7, .speed = MSC_SPEED_HIGH, .path = "1-1", .serial = "123456"
	};
	return 0;
}

int __wrap_msc_usb_not_held(const char *root, const char *path, struct msc_err *err)
{
	(void)root;
	assert_string_equal(path, "1-1");
	return fake.fails == FAKE_MOUNTED ? msc_fail(err, MSC_E_BUSY, "/dev/sda is mounted on /x")
					  : 0;
}

bool __wrap_msc_usb_lost_driver(const char *root, const char *path, uint8_t interface)
{
	(void)root;
	assert_string_equal(path, "1-1");
	assert_int_equal(interface, 2);
	return fake.lost_driver && !fake.kernel_driver;
}

bool __wrap_msc_guardian_start(struct msc_guardian *g, const char *path, uint8_t interface)
{
	assert_string_equal(path, "1-1");
	assert_int_equal(interface, 2);
	fake.guardians += !g->on;
	return g->on = true;
}

void __wrap_msc_guardian_dismiss(struct msc_guardian *g)
{
	fake.guardians -= g->on;
	g->on = false;
}

void __wrap_msc_usb_explain_error(const char *root, const struct msc_usb_found *found,
				  struct msc_clock *clock, struct msc_xfer *x)
{
	(void)root;
	(void)clock;
	assert_int_equal(found->address, 7);
	if (fake.leaves && x->outcome == MSC_OUT_ERROR)
		x->outcome = MSC_OUT_GONE;
}

/* ---- for the tests ------------------------------------------------------------------------- */

struct msc_target *fake_open(const char *name, struct msc_err *err)
{
	const struct msc_open_options options = { .allow_writes = false };

	return msc_target_open(name, &options, err);
}

struct msc_target *fake_must_open(void)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = fake_open("usb:0525:a4a5", &err);

	if (!t)
		fail_msg("%s", err.msg);
	return t;
}

void fake_kept_nothing(const char *what)
{
	if (fake.contexts || fake.lists || fake.handles || fake.claims || fake.detached ||
	    fake.pending || fake.guardians)
		fail_msg(
			"%s: kept %d contexts, %d lists, %d handles, %d claims, %d detached drivers, "
			"%d guardians",
			what, fake.contexts, fake.lists, fake.handles, fake.claims, fake.detached,
			fake.guardians);
}
