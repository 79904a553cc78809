/* SPDX-License-Identifier: BSD-2-Clause */
/* Transfers of a real device: asynchronous, without a time-out of their own, waited for until the
 * caller's deadline. Completion times are taken in libusb's callback.
 *
 * A transfer belongs to its caller, who may have it on the stack, so it is let go of on every way
 * out. One that does not even come back when it is cancelled stays with the kernel until the device
 * is closed. Until then nothing may ask libusb for events, which would write into a buffer that is
 * no longer there; the target counts as gone, which sees to that.
 *
 * A long transfer for which the kernel has no memory goes in pieces, one after the other: of whole
 * packets, so that on the bus it is still one transfer, with a pause behind each piece.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/usb_device.h"

#define CANCEL_NS      (5 * MSC_S)    /* for a cancelled transfer to come back */
#define CANCEL_STOP_NS MSC_S	      /* the same when the user does not want to wait */
#define PIECE 16384 /* bytes: whole packets of every size, and what usbfs has in a list */

struct msc_flight { /* what msc_xfer.priv points to; freed when the transfer has ended */
	struct msc_usb *usb;
	struct msc_flight *next;
	const struct msc_device *device;
	struct msc_xfer *xfer; /* NULL: its caller has given it up */
	struct libusb_transfer *transfer;
	uint8_t *control; /* SETUP and data of a control transfer */
	size_t moved;	  /* bytes, in the pieces before this one */
	bool cancelled;	  /* no other piece follows */
};

int msc_usb_fail(struct msc_err *err, enum msc_code code, int number, const char *what)
{
	msc_fail(err, code, "%s: %s", what, libusb_strerror(number));
	err->sys = number;
	return -1;
}

static enum msc_outcome outcome_of(enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_COMPLETED: return MSC_OUT_DONE;
	case LIBUSB_TRANSFER_STALL:	return MSC_OUT_STALL;
	case LIBUSB_TRANSFER_TIMED_OUT: return MSC_OUT_TIMEOUT;
	case LIBUSB_TRANSFER_OVERFLOW:	return MSC_OUT_BABBLE;
	case LIBUSB_TRANSFER_CANCELLED: return MSC_OUT_CANCELLED;
	case LIBUSB_TRANSFER_NO_DEVICE: return MSC_OUT_GONE;
	case LIBUSB_TRANSFER_ERROR:	break;
	}
	return MSC_OUT_ERROR;
}

static void flight_free(struct msc_flight *f)
{
	libusb_free_transfer(f->transfer);
	free(f->control);
	free(f);
}

static void unlink_flight(struct msc_flight *f)
{
	struct msc_flight **p = &f->usb->flights;

	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
}

static size_t actual_of(const struct msc_flight *f, const struct libusb_transfer *transfer)
{
	size_t actual = f->moved;

	if (transfer->actual_length > 0)
		actual += (size_t)transfer->actual_length;
	if (actual > f->xfer->len)
		actual = f->xfer->len;
	return transfer->status == LIBUSB_TRANSFER_STALL
		       ? msc_stalled_length(f->device, f->xfer, actual)
		       : actual;
}

/* The piece behind the one that has moved, of at most PIECE bytes. */
static int submit_next(struct msc_flight *f)
{
	struct libusb_transfer *transfer = f->transfer;
	size_t left = f->xfer->len - f->moved;

	transfer->buffer = f->xfer->data + f->moved;
	transfer->length = (int)(left < PIECE ? left : PIECE);
	return libusb_submit_transfer(transfer);
}

/* Whether another piece is under way. */
static bool goes_on(struct msc_flight *f, struct libusb_transfer *transfer)
{
	size_t moved = f->moved + (size_t)transfer->length;
	int r;

	if (f->control || !f->xfer || f->cancelled ||
	    transfer->status != LIBUSB_TRANSFER_COMPLETED ||
	    transfer->actual_length < transfer->length || moved >= f->xfer->len)
		return false;
	f->moved = moved;
	r = submit_next(f);
	if (!r)
		return true;
	transfer->actual_length = 0;
	transfer->status = r == LIBUSB_ERROR_NO_DEVICE ? LIBUSB_TRANSFER_NO_DEVICE
						       : LIBUSB_TRANSFER_ERROR;
	return false;
}

static void LIBUSB_CALL ended(struct libusb_transfer *transfer)
{
	struct msc_flight *f = transfer->user_data;
	struct msc_xfer *x = f->xfer;

	if (goes_on(f, transfer))
		return;
	unlink_flight(f);
	if (x) {
		x->completed_ns = msc_now(&f->usb->clock.clock);
		x->actual = actual_of(f, transfer);
		if (f->control && (x->setup.request_type & MSC_REQTYPE_IN) && x->actual)
			memcpy(x->data, f->control + MSC_SETUP_LEN, x->actual);
		x->outcome = outcome_of(transfer->status);
		x->priv = NULL;
	}
	flight_free(f);
}

static struct msc_flight *flight_new(struct msc_target *t, struct msc_xfer *x)
{
	struct msc_flight *f = calloc(1, sizeof(*f));
	size_t room = x->ep ? 1 : MSC_SETUP_LEN + (size_t)x->setup.length;

	if (!f)
		return NULL;
	f->usb = msc_target_state(t);
	f->device = &t->device;
	f->xfer = x;
	f->transfer = libusb_alloc_transfer(0);
	f->control = x->ep ? NULL : calloc(1, room);
	if (f->transfer && (x->ep || f->control))
		return f;
	flight_free(f);
	return NULL;
}

static void fill(struct msc_flight *f)
{
	struct msc_xfer *x = f->xfer;
	size_t len = x->len < x->setup.length ? x->len : x->setup.length;

	if (x->ep) {
		libusb_fill_bulk_transfer(f->transfer, f->usb->handle, x->ep, x->data, (int)x->len,
					  ended, f, 0);
		return;
	}
	msc_setup_pack(f->control, &x->setup);
	if (!(x->setup.request_type & MSC_REQTYPE_IN) && len)
		memcpy(f->control + MSC_SETUP_LEN, x->data, len);
	libusb_fill_control_transfer(f->transfer, f->usb->handle, f->control, ended, f, 0);
}

/* usbfs lets no control request through to an interface or endpoint that does not exist. */
static int refused(struct msc_target *t, const struct msc_xfer *x, int number, struct msc_err *err)
{
	if (number == LIBUSB_ERROR_NO_DEVICE) {
		t->gone = true;
		return msc_fail(err, MSC_E_GONE, "%s: the device has left", t->device.name);
	}
	if (number == LIBUSB_ERROR_NO_MEM || x->ep)
		return msc_fail(err, number == LIBUSB_ERROR_NO_MEM ? MSC_E_NOMEM : MSC_E_DEVICE,
				"%s: cannot start a transfer: %s", t->device.name,
				libusb_strerror(number));
	return msc_fail(err, MSC_E_UNSUPPORTED,
			"the kernel does not let this control request through (wIndex %#06x)",
			x->setup.index);
}

/* While the kernel takes a device apart that has come back from a reset as another one, its endpoints
 * are not there, and usbfs says ENOENT (no number of libusb's: it becomes LIBUSB_ERROR_IO) until it says ENODEV. */
static bool is_leaving(struct msc_flight *f)
{
	struct msc_xfer x = { .ep = f->xfer->ep, .outcome = MSC_OUT_ERROR };

	msc_usb_explain_error("", &f->usb->found, &f->usb->clock.clock, &x);
	return x.outcome == MSC_OUT_GONE;
}

static int submit_whole(struct msc_flight *f)
{
	int r = libusb_submit_transfer(f->transfer);

	if (r == LIBUSB_ERROR_IO && !f->control)
		r = is_leaving(f) ? LIBUSB_ERROR_NO_DEVICE : libusb_submit_transfer(f->transfer);
	return r;
}

/* The whole of it, or its first piece where the kernel has no memory for the whole. */
static int submit_first(struct msc_target *t, struct msc_flight *f)
{
	int r = submit_whole(f);

	if (r == LIBUSB_ERROR_NO_MEM && msc_usb_spare_memory(f->usb))
		r = libusb_submit_transfer(f->transfer);
	if (r != LIBUSB_ERROR_NO_MEM || f->control || f->xfer->len <= PIECE)
		return r;
	msc_log(t->log, MSC_LOG_INFO, "transport", msc_now(t->clock),
		"%s: no memory for a transfer of %zu bytes: it goes in pieces of %d",
		t->device.name, f->xfer->len, PIECE);
	return submit_next(f);
}

int msc_usb_submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct msc_flight *f = flight_new(t, x);
	int r;

	if (!f)
		return msc_nomem(err);
	fill(f);
	x->priv = f;
	f->next = f->usb->flights;
	f->usb->flights = f;
	x->submitted_ns = msc_now(t->clock);
	r = submit_first(t, f);
	if (r) {
		x->priv = NULL;
		unlink_flight(f);
		flight_free(f);
		return refused(t, x, r, err);
	}
	return 0;
}

/* No caller is kept waiting for what will not end, or has its frame written to. */
static int give_up(struct msc_target *t, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);

	for (struct msc_flight *f = usb->flights; f; f = f->next) {
		if (!f->xfer)
			continue;
		f->xfer->outcome = MSC_OUT_ERROR;
		f->xfer->completed_ns = msc_now(t->clock);
		f->xfer->priv = NULL;
		f->xfer = NULL;
	}
	usb->stuck = true;
	t->gone = true;
	return msc_fail(err, MSC_E_DEVICE,
			"%s: the host controller does not give a cancelled transfer back; plug the "
			"device in again",
			t->device.name);
}

static int handle_events(struct msc_target *t, int64_t until_ns, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);
	int64_t left = until_ns - msc_now(t->clock);
	struct timeval tv;
	int r;

	if (usb->stuck)
		return give_up(t, err);
	left = left < 0 ? 0 : left > MSC_S ? MSC_S : left;
	tv = (struct timeval){ .tv_sec = left / MSC_S, .tv_usec = left % MSC_S / MSC_US };
	r = libusb_handle_events_timeout_completed(usb->context, &tv, NULL);
	if (!r || r == LIBUSB_ERROR_INTERRUPTED)
		return 0;
	msc_usb_fail(err, MSC_E_DEVICE, r, "cannot wait for a transfer");
	return give_up(t, err);
}

int msc_usb_wait(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns, struct msc_err *err)
{
	struct msc_usb *usb = msc_target_state(t);

	do {
		if (handle_events(t, deadline_ns, err))
			return -1;
	} while (x->outcome == MSC_OUT_PENDING && msc_now(t->clock) < deadline_ns);
	msc_usb_explain_error("", &usb->found, t->clock, x);
	return 0;
}

int msc_usb_cancel(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct msc_flight *f = x->priv;
	int64_t now = msc_now(t->clock), until = now + CANCEL_NS;

	if (!f)
		return 0;
	f->cancelled = true;
	if (!f->usb->stuck)
		libusb_cancel_transfer(f->transfer); /* too late is fine: it has just ended */
	while (x->outcome == MSC_OUT_PENDING && now < until) {
		if (msc_is_stopped(t) && until > now + CANCEL_STOP_NS)
			until = now + CANCEL_STOP_NS;
		if (msc_usb_wait(t, x, now + MSC_SLICE_NS < until ? now + MSC_SLICE_NS : until,
				 err))
			return -1;
		now = msc_now(t->clock);
	}
	return x->outcome == MSC_OUT_PENDING ? give_up(t, err) : 0;
}

void msc_usb_free_flights(struct msc_usb *usb)
{
	while (usb->flights) {
		struct msc_flight *f = usb->flights;

		usb->flights = f->next;
		flight_free(f);
	}
}
