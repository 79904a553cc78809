/* SPDX-License-Identifier: BSD-2-Clause */
/* Device memory of the usb transport, over a libusb that is made of functions here (test_libusb.c). */
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
#include "session/session.h"
#include "transport/memory.h"

void __wrap_libusb_free_transfer(struct libusb_transfer *transfer);
void __real_libusb_free_transfer(struct libusb_transfer *transfer);

void __wrap_libusb_free_transfer(struct libusb_transfer *transfer)
{
	assert_ptr_not_equal(transfer, fake.pending); /* unless its handle is closed */
	fake.freed++;
	__real_libusb_free_transfer(transfer);
}

static void need(struct msc_target *t, struct msc_memory *m, size_t len, bool lent)
{
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_memory_need(t, m, len, &err), 0);
	assert_true(m->len >= len);
	assert_int_equal(m->lent, lent);
	memset(m->p, 0xa5, len);
}

/* Pieces are lent one by one, used again, and all unmapped before the handle is closed, which the fake
 * looks at; also when the device is opened anew behind a reset. */
static void device_memory(void **state)
{
	struct msc_memory a = { .p = NULL }, b = { .p = NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t;
	uint8_t *first;

	(void)state;
	fake = (struct fake){ .kernel_driver = true, .memory_most = 1 << 20 };
	t = fake_must_open();
	need(t, &a, 512, true);
	need(t, &b, 5000, true);
	assert_int_equal(fake.memories, 2);
	first = a.p;
	need(t, &a, 100, true); /* has room */
	assert_ptr_equal(a.p, first);
	msc_memory_free(t, &a);
	assert_null(a.p);
	need(t, &a, 1024, true); /* the same pages */
	assert_ptr_equal(a.p, first);
	assert_int_equal(fake.mapped, 2);
	need(t, &a, 1 << 20, true); /* it grows, and nothing of it stays with the caller */
	msc_memory_free(t, &a);
	msc_memory_free(t, &b);

	fake.fails = FAKE_RESET;
	fake.error = LIBUSB_ERROR_NOT_FOUND;
	fake.claims = fake.detached = 0;
	assert_int_equal(msc_port_reset(t, &err), 0);
	assert_int_equal(fake.memories, 0);
	need(t, &a, 512, true);
	msc_memory_free(t, &a);
	msc_target_close(t);
	fake_kept_nothing("device memory");
}

/* Where there is none, or not so much, it is ordinary memory. The kernel is asked once for a length. */
static void no_device_memory(void **state)
{
	struct msc_memory a = { .p = NULL }, b = { .p = NULL };
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .memory_most = 8192 };
	t = fake_must_open();
	need(t, &a, 8193, false);
	need(t, &b, 20000, false);
	assert_int_equal(fake.mapped, 1);
	msc_memory_free(t, &a);
	msc_memory_free(t, &b);
	need(t, &a, 8192, true);
	msc_memory_free(t, &a);
	msc_target_close(t);

	fake = (struct fake){ .memory_most = 0 };
	t = fake_must_open();
	need(t, &a, 1, false);
	msc_memory_free(t, &a);
	msc_target_close(t);
	fake_kept_nothing("no device memory");
}

/* usbfs counts it and what transfers need together (usbfs_memory_mb, 16 MiB): what is not in use makes way. */
static void makes_way_for_transfers(void **state)
{
	uint8_t bytes[512];
	struct msc_xfer x = { .ep = 0x81, .data = bytes, .len = sizeof bytes };
	struct msc_memory a = { .p = NULL }, b = { .p = NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t;

	(void)state;
	fake = (struct fake){ .memory_most = 1 << 20 };
	t = fake_must_open();
	need(t, &a, 512, true);
	need(t, &b, 5000, true);
	msc_memory_free(t, &b);
	fake.fails = FAKE_SUBMIT;
	fake.error = LIBUSB_ERROR_NO_MEM;
	assert_int_equal(msc_submit(t, &x, &err), -1);
	assert_int_equal(fake.memories, 1);
	memset(a.p, 0x5a, a.len); /* what is lent stays */
	msc_memory_free(t, &a);
	msc_target_close(t);
	fake_kept_nothing("memory that makes way");
}

struct seen {
	uint8_t bytes[1024];
	size_t len;
};

static void see(void *user, const struct msc_transfer *x)
{
	struct seen *seen = user;

	if (x->ended && x->ep == 0x81 && x->actual >= sizeof seen->bytes) {
		memcpy(seen->bytes, x->data, sizeof seen->bytes);
		seen->len = x->kept;
	}
}

/* The data of an exchange goes through it, both ways, and observers and records see the bytes. */
static void exchanges_use_device_memory(void **state)
{
	const struct msc_open_options options = { .allow_writes = false };
	const struct msc_session_options how = { .timeout_ns = 10 * MSC_S };
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	for (int memory = 0; memory < 2; memory++) {
		struct seen seen = { .len = 0 };
		uint8_t blocks[2][1024];
		struct msc_session *s;
		struct msc_target *t;
		bool passed = false;

		fake = (struct fake){ .behind = msc_target_open("sim:reference,fill=noise",
								&options, &err),
				      .memory_most = memory ? 1 << 20 : 0 };
		assert_non_null(fake.behind);
		t = fake_must_open();
		t->record = see;
		t->record_user = &seen;
		s = msc_session_new(t, &how);
		assert_non_null(s);
		assert_int_equal(msc_session_learn(s, 0, &err), 0);
		fake.from_memory = 0;
		for (int i = 0; i < 2; i++) {
			assert_int_equal(
				msc_session_read(s, 0, 8, 2, 512, blocks[i], 0, &passed, &err), 0);
			assert_true(passed);
			assert_memory_equal(seen.bytes, blocks[i], sizeof blocks[i]);
			assert_int_equal(seen.len, 1024);
		}
		assert_memory_equal(blocks[0], blocks[1], sizeof blocks[0]);
		assert_memory_not_equal(blocks[0], blocks[0] + 512, 512);
		assert_int_equal(fake.from_memory, memory ? 2 : 0);
		assert_int_equal(fake.mapped, 1);
		msc_session_free(s);
		msc_target_close(t);
		fake_kept_nothing("exchanges");
	}
}

static struct msc_session *open_behind(const char *name, int transfer_most)
{
	const struct msc_open_options options = { .allow_writes = true };
	const struct msc_session_options how = { .timeout_ns = 10 * MSC_S };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_session *s;

	fake = (struct fake){ .behind = msc_target_open(name, &options, &err),
			      .transfer_most = transfer_most };
	assert_non_null(fake.behind);
	s = msc_session_new(fake_must_open(), &how);
	assert_non_null(s);
	assert_int_equal(msc_session_learn(s, 0, &err), 0);
	fake.pieces = 0;
	return s;
}

static void close_behind(struct msc_session *s)
{
	struct msc_target *t = msc_session_target(s);

	msc_session_free(s);
	msc_target_close(t);
	fake_kept_nothing("pieces");
}

/* Where the kernel has no memory for the whole transfer, it moves in pieces of 16 KiB, and what is asked
 * for sees one. */
static void goes_in_pieces(void **state)
{
	enum { BLOCKS = 100, LEN = BLOCKS * 512 };
	struct msc_err err = MSC_ERR_INIT;
	static uint8_t whole[LEN], pieces[LEN];
	struct msc_session *s;
	bool passed = false;

	(void)state;
	s = open_behind("sim:reference,fill=noise", 0);
	assert_int_equal(msc_session_read(s, 0, 8, BLOCKS, 512, whole, 0, &passed, &err), 0);
	assert_true(passed);
	assert_int_equal(fake.pieces, 3); /* CBW, data, CSW */
	close_behind(s);

	s = open_behind("sim:reference,fill=noise", 16384);
	assert_int_equal(msc_session_read(s, 0, 8, BLOCKS, 512, pieces, 0, &passed, &err), 0);
	assert_true(passed);
	assert_int_equal(fake.pieces, 2 + 4);
	assert_memory_equal(whole, pieces, LEN);
	close_behind(s);
}

static void move(struct msc_target *t, struct msc_xfer *x)
{
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_submit(t, x, &err), 0);
	assert_int_equal(msc_wait(t, x, msc_now(t->clock) + MSC_S, &err), 0);
	assert_int_equal(x->outcome, MSC_OUT_DONE);
}

/* A transfer in pieces ends where the device ends it: with a CSW that comes into the middle of a piece, or
 * that comes first in one. */
static void pieces_end_early(void **state)
{
	static const uint8_t counts[] = { 40, 32 };
	static uint8_t data[65536];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(counts); i++) {
		struct msc_session *s = open_behind("sim:reference", 16384);
		struct msc_target *t = msc_session_target(s);
		uint8_t cbw[31] = { 'U', 'S', 'B', 'C', [12] = 0x80, [14] = 10, [15] = 0x28 };
		struct msc_xfer out = { .ep = t->device.ep_out, .data = cbw, .len = sizeof cbw };
		struct msc_xfer in = { .ep = t->device.ep_in, .data = data, .len = sizeof data };

		cbw[9] = counts[i] * 2; /* 512 bytes each */
		cbw[23] = counts[i];
		move(t, &out);
		fake.pieces = 0;
		move(t, &in);
		assert_int_equal(fake.pieces, 2);
		assert_int_equal(in.actual, counts[i] * 512 + 13);
		assert_memory_equal(data + counts[i] * 512, "USBS", 4);
		close_behind(s);
	}
}

/* Neither a piece that cannot be started nor one that is cancelled, be it too late, is followed by another. */
static void pieces_stop(void **state)
{
	static const struct {
		enum fake_call fails;
		int error;
		enum msc_outcome outcome;
	} stops[] = {
		{ FAKE_SUBMIT, LIBUSB_ERROR_NO_DEVICE, MSC_OUT_GONE },
		{ FAKE_SUBMIT, LIBUSB_ERROR_NO_MEM, MSC_OUT_ERROR },
		{ FAKE_NONE, 0, MSC_OUT_CANCELLED },
		{ FAKE_CANCEL, LIBUSB_ERROR_NOT_FOUND, MSC_OUT_DONE },
	};
	static uint8_t data[65536];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(stops); i++) {
		struct msc_xfer x = { .ep = 0x81, .data = data, .len = sizeof data };
		struct msc_err err = MSC_ERR_INIT;
		struct msc_target *t;

		fake = (struct fake){ .transfer_most = 16384, .actual = 16384 };
		t = fake_must_open();
		assert_int_equal(msc_submit(t, &x, &err), 0);
		fake.fails = stops[i].fails;
		fake.error = stops[i].error;
		if (stops[i].fails == FAKE_SUBMIT)
			assert_int_equal(msc_wait(t, &x, msc_now(t->clock) + MSC_S, &err),
					 stops[i].outcome == MSC_OUT_GONE ? -1 : 0);
		else
			assert_int_equal(msc_cancel(t, &x, &err), 0);
		assert_int_equal(x.outcome, stops[i].outcome);
		assert_int_equal(x.actual, 16384);
		assert_int_equal(fake.pieces, 1);
		msc_target_close(t);
		fake_kept_nothing("stopped pieces");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_memory),
		cmocka_unit_test(no_device_memory),
		cmocka_unit_test(makes_way_for_transfers),
		cmocka_unit_test(exchanges_use_device_memory),
		cmocka_unit_test(goes_in_pieces),
		cmocka_unit_test(pieces_end_early),
		cmocka_unit_test(pieces_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
