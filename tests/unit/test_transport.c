/* SPDX-License-Identifier: BSD-2-Clause */
/* Holds every transport to transport.h, bare and behind every decorator. Each has the same device
 * behind it, by whatever way: sim:reference. A new transport gets a line in `transports`. */
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
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "fake_libusb.h"
#include "scsi/scsi.h"
#include "transport/counter.h"
#include "usbip_bench.h"

/* ---- every transport, with a device behind it ------------------------------------------------ */

static struct msc_target *must_open(const char *name)
{
	const struct msc_open_options options = { .allow_writes = false };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = msc_target_open(name, &options, &err);

	if (!t)
		fail_msg("%s: %s", name, err.msg);
	return t;
}

static struct msc_target *open_usb(const char *device)
{
	fake = (struct fake){ .behind = must_open(device) };
	return fake_must_open();
}

static const struct {
	const char *name;
	/* A target whose device behaves like sim:reference, with what follows it in `device`; NULL:
	 * it takes commands, and no transfers. */
	struct msc_target *(*open)(const char *device);
} transports[] = {
	{"sim", must_open},
	{"usb", open_usb},
	{"usbip", usbip_must_open},
	{"sg", NULL},
};

struct variant {
	size_t transport;
	size_t first, n; /* of the decorators around it */
	char name[96];
};

#define SENTINEL 0xa7
#define QUICK_NS (20 * MSC_MS) /* for what will not come */
#define LONG_NS	 (60 * MSC_S)  /* for what will */

/* One transfer, with a wall around its data. */
struct piece {
	struct msc_xfer x;
	uint8_t before[16], data[1024], after[16];
};

struct bench {
	struct msc_target *t;
	struct msc_err err;
	uint32_t tag;
	/* what the observer was told */
	uint8_t told[64]; /* of each number: 1 submitted, 2 ended */
	uint64_t last;
	unsigned entries;
	struct msc_transfer newest;
	uint8_t bytes[64]; /* of it */
};

static void observe(void *user, const struct msc_transfer *x)
{
	struct bench *b = user;

	assert_true(x->number > 0 && x->number < sizeof b->told);
	if (!x->ended || x->kind == MSC_TRANSFER_PORT_RESET || x->kind == MSC_TRANSFER_SUSPEND)
		assert_int_equal(x->number, ++b->last);
	else
		assert_int_equal(b->told[x->number], 1);
	if (x->ended) {
		assert_int_not_equal(x->outcome, MSC_OUT_PENDING);
		assert_true(x->completed_ns >= x->submitted_ns);
		assert_true(x->actual <= x->asked);
	}
	b->told[x->number] = x->ended ? 2 : 1;
	b->entries++;
	b->newest = *x;
	if (x->ended && x->data)
		memcpy(b->bytes, x->data, x->kept < sizeof b->bytes ? x->kept : sizeof b->bytes);
}

static struct bench *begin(void **state, const char *device)
{
	const struct variant *v = *state;
	struct bench *b = calloc(1, sizeof *b);

	assert_non_null(b);
	b->err = (struct msc_err)MSC_ERR_INIT;
	b->t = transports[v->transport].open(device);
	for (size_t i = v->first; i < v->first + v->n; i++) {
		struct msc_target *outer = msc_target_wrap(
			b->t, msc_decorators[i % msc_decorator_count], NULL, &b->err);

		if (!outer)
			fail_msg("%s", b->err.msg);
		b->t = outer;
	}
	b->t->observe = observe;
	b->t->observe_user = b;
	return b;
}

static void end(struct bench *b)
{
	msc_target_close(b->t);
	for (uint64_t i = 1; i <= b->last; i++)
		if (b->told[i] != 2)
			fail_msg("of transfer %d of %d the end was not told", (int)i, (int)b->last);
	free(b);
}

static void ok(struct bench *b, int result)
{
	if (result < 0)
		fail_msg("%s", b->err.msg);
}

/* ---- transfers ------------------------------------------------------------------------------- */

static struct piece *piece(uint8_t ep, size_t len)
{
	struct piece *p = malloc(sizeof *p);

	assert_non_null(p);
	assert_true(len <= sizeof p->data);
	memset(p, SENTINEL, sizeof *p);
	p->x = (struct msc_xfer){ .ep = ep, .data = p->data, .len = len };
	return p;
}

/* How it has ended, and nothing beyond what it moved was touched. */
static void let_go(struct piece *p, enum msc_outcome outcome, size_t actual)
{
	const uint8_t *from = p->x.ep & MSC_EP_IN || !p->x.ep ? p->data + p->x.actual : p->after;

	assert_string_equal(msc_outcome_name(p->x.outcome), msc_outcome_name(outcome));
	assert_int_equal(p->x.actual, actual);
	assert_null(p->x.priv);
	assert_true(p->x.completed_ns >= p->x.submitted_ns);
	for (const uint8_t *at = from; at < p->after + sizeof p->after; at++)
		assert_int_equal(*at, SENTINEL);
	for (size_t i = 0; i < sizeof p->before; i++)
		assert_int_equal(p->before[i], SENTINEL);
	free(p);
}

static struct piece *start(struct bench *b, struct piece *p)
{
	ok(b, msc_submit(b->t, &p->x, &b->err));
	return p;
}

static struct piece *bulk_in(struct bench *b, size_t len)
{
	return start(b, piece(b->t->device.ep_in, len));
}

static struct piece *wrapper(struct bench *b, const uint8_t *cdb, uint8_t cdb_len, uint32_t length)
{
	struct piece *p = piece(b->t->device.ep_out, MSC_CBW_LEN);
	struct msc_cbw cbw = { .h = { .signature = MSC_CBW_SIGNATURE,
				      .tag = ++b->tag,
				      .length = length,
				      .flags = length ? MSC_CBW_FLAG_IN : 0,
				      .cb_length = cdb_len } };

	memcpy(cbw.cb, cdb, cdb_len);
	msc_cbw_pack(p->data, &cbw);
	return start(b, p);
}

static struct piece *test_unit_ready(struct bench *b)
{
	static const uint8_t cdb[6] = { MSC_OP_TEST_UNIT_READY };

	return wrapper(b, cdb, sizeof cdb, 0);
}

static struct piece *inquiry(struct bench *b)
{
	static const uint8_t cdb[6] = { MSC_OP_INQUIRY, [4] = 36 };

	return wrapper(b, cdb, sizeof cdb, 36);
}

static struct piece *finish(struct bench *b, struct piece *p)
{
	ok(b, msc_finish(b->t, &p->x, msc_now(b->t->clock) + LONG_NS, &b->err));
	return p;
}

static void is_csw(const struct bench *b, const struct piece *p)
{
	struct msc_csw csw;

	assert_int_equal(p->x.actual, MSC_CSW_LEN);
	msc_csw_unpack(&csw, p->data);
	assert_int_equal(csw.signature, MSC_CSW_SIGNATURE);
	assert_int_equal(csw.tag, b->tag);
}

/* A whole command: whatever was before, the device and the way to it are in order. */
static void answers(struct bench *b)
{
	struct piece *csw;

	let_go(finish(b, test_unit_ready(b)), MSC_OUT_DONE, MSC_CBW_LEN);
	csw = finish(b, bulk_in(b, 512));
	is_csw(b, csw);
	let_go(csw, MSC_OUT_DONE, MSC_CSW_LEN);
}

static struct piece *request(struct bench *b, struct msc_setup setup, size_t len)
{
	struct piece *p = piece(0, len);

	p->x.setup = setup;
	return start(b, p);
}

static const struct msc_setup get_config = { .request_type = MSC_REQTYPE_IN,
					     .request = MSC_STD_GET_DESCRIPTOR,
					     .value = MSC_DESC_CONFIGURATION << 8,
					     .length = MSC_CONFIG_DESC_LEN };

/* ---- the contract ---------------------------------------------------------------------------- */

static void opens(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	const struct msc_device *d = &b->t->device;
	int64_t now = msc_now(b->t->clock);

	assert_true(d->ep_in & MSC_EP_IN);
	assert_true(d->ep_out && !(d->ep_out & MSC_EP_IN));
	assert_true(d->max_packet_in && d->max_packet_out);
	assert_true(d->config_len >= MSC_CONFIG_DESC_LEN);
	assert_true(msc_device_configuration(d) != 0);
	assert_true(*d->name && *d->medium_id);
	assert_null(strchr(d->medium_id, ' '));
	msc_wait_until(b->t->clock, now + MSC_MS);
	assert_true(msc_now(b->t->clock) >= now + MSC_MS);
	assert_int_equal(b->entries, 0);
	end(b);
}

static void one_after_the_other(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	struct piece *data;

	let_go(finish(b, inquiry(b)), MSC_OUT_DONE, MSC_CBW_LEN);
	assert_int_equal(b->entries, 2);
	assert_int_equal(b->newest.kind, MSC_TRANSFER_BULK);
	assert_int_equal(b->newest.kept, MSC_CBW_LEN);
	assert_memory_equal(b->bytes, "USBC", 4);
	data = finish(b, bulk_in(b, 512)); /* a short packet ends it */
	assert_int_equal(data->data[4], 36 - 5); /* ADDITIONAL LENGTH */
	let_go(data, MSC_OUT_DONE, 36);
	assert_int_equal(b->newest.asked, 512);
	assert_int_equal(b->newest.actual, 36);
	let_go(finish(b, bulk_in(b, 512)), MSC_OUT_DONE, MSC_CSW_LEN);
	assert_memory_equal(b->bytes, "USBS", 4);
	assert_int_equal(b->entries, 6);
	answers(b);
	end(b);
}

/* All under way at once: they move in the order of submission, in whatever order they are waited for. */
static void together(void **state)
{
	static const uint8_t orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 } };
	struct bench *b = begin(state, "sim:reference");

	for (size_t i = 0; i < MSC_COUNT(orders); i++) {
		struct piece *p[3];

		p[0] = inquiry(b);
		p[1] = bulk_in(b, 512);
		p[2] = bulk_in(b, 512);
		for (size_t k = 0; k < 3; k++)
			finish(b, p[orders[i][k]]);
		is_csw(b, p[2]);
		assert_true(p[1]->x.completed_ns <= p[2]->x.completed_ns);
		let_go(p[0], MSC_OUT_DONE, MSC_CBW_LEN);
		let_go(p[1], MSC_OUT_DONE, 36);
		let_go(p[2], MSC_OUT_DONE, MSC_CSW_LEN);
	}
	end(b);
}

static void time_runs_out(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	int64_t deadline = msc_now(b->t->clock) + QUICK_NS;
	struct piece *p = bulk_in(b, 512);

	ok(b, msc_wait(b->t, &p->x, deadline, &b->err));
	assert_int_equal(p->x.outcome, MSC_OUT_PENDING);
	assert_true(msc_now(b->t->clock) >= deadline);
	assert_int_equal(b->entries, 1);
	ok(b, msc_wait(b->t, &p->x, 0, &b->err)); /* long ago */
	assert_int_equal(p->x.outcome, MSC_OUT_PENDING);
	ok(b, msc_finish(b->t, &p->x, deadline, &b->err));
	assert_int_equal(b->newest.outcome, MSC_OUT_TIMEOUT);
	let_go(p, MSC_OUT_TIMEOUT, 0);
	p = piece(b->t->device.ep_in, 512);
	ok(b, msc_transfer(b->t, &p->x, QUICK_NS, &b->err));
	assert_true(p->x.completed_ns >= p->x.submitted_ns + QUICK_NS);
	let_go(p, MSC_OUT_TIMEOUT, 0);
	answers(b);
	end(b);
}

static struct piece *cancel(struct bench *b, struct piece *p)
{
	ok(b, msc_cancel(b->t, &p->x, &b->err));
	return p;
}

/* Of two that wait for the same CSW. */
static void taken_back(void **state)
{
	struct bench *b = begin(state, "sim:reference");

	for (int newest = 0; newest < 2; newest++) {
		struct piece *p[2], *cbw;

		p[0] = bulk_in(b, 512);
		p[1] = bulk_in(b, 512);
		let_go(cancel(b, p[newest]), MSC_OUT_CANCELLED, 0);
		assert_int_equal(b->newest.outcome, MSC_OUT_CANCELLED);
		assert_int_equal(p[!newest]->x.outcome, MSC_OUT_PENDING);
		cbw = test_unit_ready(b);
		finish(b, p[!newest]);
		is_csw(b, p[!newest]);
		let_go(p[!newest], MSC_OUT_DONE, MSC_CSW_LEN);
		let_go(cancel(b, cbw), MSC_OUT_DONE, MSC_CBW_LEN); /* too late: it has ended */
	}
	answers(b);
	end(b);
}

static void taken_back_too_late(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	struct piece *cbw = finish(b, test_unit_ready(b)), *csw;
	struct msc_xfer never = { .ep = b->t->device.ep_in };

	cancel(b, cbw);
	cancel(b, finish(b, cbw));
	let_go(cbw, MSC_OUT_DONE, MSC_CBW_LEN);
	csw = cancel(b, cancel(b, finish(b, bulk_in(b, 512))));
	let_go(csw, MSC_OUT_DONE, MSC_CSW_LEN);
	assert_int_equal(b->entries, 4);
	ok(b, msc_cancel(b->t, &never, &b->err));
	ok(b, msc_wait(b->t, &never, msc_now(b->t->clock) + LONG_NS, &b->err));
	assert_int_equal(b->entries, 4);
	end(b);
}

static void nothing_to_move(void **state)
{
	static const struct msc_setup clear = { .request_type = MSC_RECIPIENT_ENDPOINT,
						.request = MSC_STD_CLEAR_FEATURE };
	struct bench *b = begin(state, "sim:reference");
	struct msc_setup setup = clear;
	struct piece *p;

	setup.index = b->t->device.ep_in;
	p = finish(b, request(b, setup, 0));
	let_go(p, MSC_OUT_DONE, 0);
	let_go(cancel(b, bulk_in(b, 0)), MSC_OUT_CANCELLED, 0);
	answers(b);
	let_go(finish(b, start(b, piece(b->t->device.ep_out, 0))), MSC_OUT_DONE, 0);
	ok(b, msc_port_reset(b->t, &b->err)); /* to the device it was a CBW that is not valid */
	answers(b);
	end(b);
}

static void control_requests(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	struct msc_setup setup = get_config;
	struct piece *p;

	p = finish(b, request(b, setup, setup.length));
	assert_int_equal(p->data[1], MSC_DESC_CONFIGURATION);
	let_go(p, MSC_OUT_DONE, MSC_CONFIG_DESC_LEN);
	assert_int_equal(b->newest.kind, MSC_TRANSFER_CONTROL);
	assert_int_equal(b->newest.setup.request, MSC_STD_GET_DESCRIPTOR);
	assert_int_equal(b->newest.kept, MSC_CONFIG_DESC_LEN);
	setup.length = 255; /* the device has less */
	p = finish(b, request(b, setup, setup.length));
	let_go(p, MSC_OUT_DONE, p->data[2]);
	setup.request = 0x55; /* there is no such request */
	let_go(finish(b, request(b, setup, setup.length)), MSC_OUT_STALL, 0);
	answers(b);
	end(b);
}

static void halts(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	static const uint8_t cdb[6] = { 0xff }; /* there is no such command */
	enum msc_outcome outcome;
	struct piece *csw;

	let_go(finish(b, wrapper(b, cdb, sizeof cdb, 512)), MSC_OUT_DONE, MSC_CBW_LEN);
	let_go(finish(b, bulk_in(b, 512)), MSC_OUT_STALL, 0);
	let_go(finish(b, bulk_in(b, 512)), MSC_OUT_STALL, 0);
	ok(b, msc_clear_halt(b->t, b->t->device.ep_in, LONG_NS, &outcome, &b->err));
	assert_int_equal(outcome, MSC_OUT_DONE);
	assert_int_equal(b->newest.kind, MSC_TRANSFER_CONTROL);
	assert_int_equal(b->newest.setup.request, MSC_STD_CLEAR_FEATURE);
	assert_int_equal(b->newest.setup.index, b->t->device.ep_in);
	csw = finish(b, bulk_in(b, 512));
	is_csw(b, csw);
	let_go(csw, MSC_OUT_DONE, MSC_CSW_LEN);
	answers(b);
	end(b);
}

static void port_reset(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	struct piece *p = bulk_in(b, 512);

	ok(b, msc_port_reset(b->t, &b->err));
	assert_int_equal(b->newest.kind, MSC_TRANSFER_PORT_RESET);
	assert_int_equal(b->entries, 2);
	ok(b, msc_cancel(b->t, &p->x, &b->err));
	let_go(p, MSC_OUT_CANCELLED, 0);
	answers(b);
	end(b);
}

static void configuration(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	enum msc_outcome outcome;
	int result = msc_configure(b->t, &outcome, &b->err);

	if (result < 0) {
		assert_int_equal(b->err.code, MSC_E_UNSUPPORTED);
		assert_int_equal(b->entries, 0);
	} else {
		assert_int_equal(outcome, MSC_OUT_DONE);
		assert_int_equal(b->newest.setup.request, MSC_STD_SET_CONFIGURATION);
		assert_int_equal(b->entries, 2);
	}
	answers(b);
	end(b);
}

static void is_gone(struct bench *b, int result)
{
	assert_int_equal(result, -1);
	assert_int_equal(b->err.code, MSC_E_GONE);
	assert_non_null(strstr(b->err.msg, b->t->device.name));
	b->err = (struct msc_err)MSC_ERR_INIT;
}

static void leaves(void **state)
{
	struct bench *b = begin(state, "sim:reference,event=unplug@cbw:2");
	enum msc_outcome outcome;
	struct piece *csw, *more;
	unsigned entries;

	answers(b);
	/* Under way before it leaves: after the CBW a transfer is submitted in time or too late, as
	 * the machine runs. */
	csw = bulk_in(b, 512);
	more = bulk_in(b, 512);
	let_go(finish(b, test_unit_ready(b)), MSC_OUT_DONE, MSC_CBW_LEN);
	is_gone(b, msc_finish(b->t, &csw->x, msc_now(b->t->clock) + LONG_NS, &b->err));
	let_go(csw, MSC_OUT_GONE, 0);
	assert_true(b->t->gone);
	(void)!msc_cancel(b->t, &more->x, &b->err);
	let_go(more, MSC_OUT_GONE, 0);
	entries = b->entries;
	more = piece(b->t->device.ep_in, 512);
	b->err = (struct msc_err)MSC_ERR_INIT;
	is_gone(b, msc_submit(b->t, &more->x, &b->err));
	is_gone(b, msc_transfer(b->t, &more->x, LONG_NS, &b->err));
	is_gone(b, msc_clear_halt(b->t, 0x81, LONG_NS, &outcome, &b->err));
	is_gone(b, msc_port_reset(b->t, &b->err));
	is_gone(b, msc_configure(b->t, &outcome, &b->err));
	free(more);
	assert_int_equal(b->entries, entries);
	end(b);
}

static int refuse(void *user, const struct msc_xfer *x, struct msc_err *err)
{
	(void)user;
	return x->ep ? 0 : msc_fail(err, MSC_E_REFUSED, "not this one");
}

static void is_filtered(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	struct piece *p = piece(0, 9);

	b->t->filter = refuse;
	p->x.setup = get_config;
	assert_int_equal(msc_submit(b->t, &p->x, &b->err), -1);
	assert_int_equal(b->err.code, MSC_E_REFUSED);
	ok(b, msc_cancel(b->t, &p->x, &b->err));
	free(p);
	assert_int_equal(b->entries, 0);
	answers(b);
	end(b);
}

/* Nobody touches them any more; what is kept of them by mistake is found by the sanitizers. */
static void closes_in_flight(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	struct piece *p[3], was[3];

	p[0] = inquiry(b);
	p[1] = bulk_in(b, 512);
	p[2] = request(b, get_config, MSC_CONFIG_DESC_LEN);
	b->t->observe = NULL;
	for (size_t i = 0; i < 3; i++)
		was[i] = *p[i];
	msc_target_close(b->t);
	for (size_t i = 0; i < 3; i++) {
		assert_memory_equal(&was[i], p[i], sizeof was[i]);
		free(p[i]);
	}
	free(b);
}

/* ---- what takes no transfers, and what is in the tables --------------------------------------- */

static void takes_commands_only(void **state)
{
	const struct msc_transport *transport = NULL;
	struct msc_target t = { .device = { .name = "here" } };
	enum msc_outcome outcome;
	struct msc_xfer x = { .ep = 0x81 };
	const struct variant *v = *state;
	struct msc_err err[5];

	for (size_t i = 0; i < msc_transport_count; i++)
		if (!strcmp(msc_transports[i]->name, transports[v->transport].name))
			transport = msc_transports[i];
	assert_non_null(transport);
	assert_non_null(transport->command);
	memset(err, 0, sizeof err);
	assert_int_equal(transport->submit(&t, &x, &err[0]), -1);
	assert_int_equal(transport->wait(&t, &x, 0, &err[1]), -1);
	assert_int_equal(transport->cancel(&t, &x, &err[2]), -1);
	assert_int_equal(transport->clear_halt(&t, 0x81, 0, &outcome, &err[3]), -1);
	assert_int_equal(transport->reset(&t, &err[4]), -1);
	for (size_t i = 0; i < MSC_COUNT(err); i++) {
		assert_int_equal(err[i].code, MSC_E_UNSUPPORTED);
		assert_non_null(strstr(err[i].msg, "here"));
	}
}

static void each_has_a_line(void **state)
{
	(void)state;
	assert_int_equal(MSC_COUNT(transports), msc_transport_count);
	for (size_t i = 0; i < msc_transport_count; i++) {
		const struct msc_transport *t = msc_transports[i];
		bool found = false;

		for (size_t k = 0; k < MSC_COUNT(transports); k++)
			found |= !strcmp(t->name, transports[k].name);
		if (!found)
			fail_msg("%s has no line in `transports`", t->name);
		assert_true(t->open && t->close && t->submit && t->wait && t->cancel);
		assert_true(t->clear_halt && t->reset);
		assert_null(t->ended);
	}
}

/* ---- the decorators themselves ---------------------------------------------------------------- */

static struct msc_target *wrap(struct msc_target *t, const char *knobs)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *outer = msc_target_wrap(t, &msc_decorator_fault, knobs, &err);

	if (!outer)
		fail_msg("%s: %s", knobs, err.msg);
	return outer;
}

static void counts(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	struct msc_target *inner = msc_target_wrap(b->t, &msc_decorator_counter, NULL, &b->err);
	struct msc_counter *c;

	assert_non_null(inner);
	c = msc_target_state(inner);
	b->t = wrap(inner, "ep=in,nth=2,as=lost"); /* which never gets that far */
	b->last = 0;
	answers(b);
	let_go(finish(b, test_unit_ready(b)), MSC_OUT_DONE, MSC_CBW_LEN);
	let_go(cancel(b, bulk_in(b, 512)), MSC_OUT_CANCELLED, 0);
	let_go(finish(b, bulk_in(b, 512)), MSC_OUT_DONE, MSC_CSW_LEN);
	ok(b, msc_port_reset(b->t, &b->err));
	assert_int_equal(c->submitted, 4);
	assert_int_equal(c->ended[MSC_OUT_DONE], 4);
	assert_int_equal(c->bytes, 2 * (MSC_CBW_LEN + MSC_CSW_LEN));
	assert_int_equal(c->resets, 1);
	end(b);
}

static void spoils_one(void **state)
{
	static const struct {
		const char *knobs;
		enum msc_outcome outcome;
		size_t actual;
	} rows[] = {
		{"as=stall,nth=1", MSC_OUT_STALL, 0},
		{"as=babble,nth=1", MSC_OUT_BABBLE, 0},
		{"as=bus-error,ep=in,nth=1", MSC_OUT_ERROR, 0},
		{"as=lost,nth=1", MSC_OUT_TIMEOUT, 0},
		{"as=flipped,nth=1", MSC_OUT_DONE, MSC_CSW_LEN},
		{"as=lost,ep=out,nth=2", MSC_OUT_DONE, MSC_CSW_LEN},
	};

	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct bench *b = begin(state, "sim:reference");
		struct piece *csw;

		b->t = wrap(b->t, rows[i].knobs);
		let_go(finish(b, test_unit_ready(b)), MSC_OUT_DONE, MSC_CBW_LEN);
		csw = bulk_in(b, 512);
		ok(b, msc_finish(b->t, &csw->x, msc_now(b->t->clock) + QUICK_NS, &b->err));
		if (strstr(rows[i].knobs, "flipped"))
			assert_int_equal(csw->data[0], 'U' ^ 0xff);
		let_go(csw, rows[i].outcome, rows[i].actual);
		if (rows[i].actual == 0) /* it is still there */
			let_go(finish(b, bulk_in(b, 512)), MSC_OUT_DONE, MSC_CSW_LEN);
		end(b);
	}
}

static void spoils_by_an_error(void **state)
{
	struct bench *b = begin(state, "sim:reference");
	struct piece *p = piece(0, MSC_CONFIG_DESC_LEN);

	b->t = wrap(b->t, "ep=control,nth=1,as=refused");
	b->t = wrap(b->t, "ep=out,nth=2,as=gone");
	p->x.setup = get_config;
	assert_int_equal(msc_submit(b->t, &p->x, &b->err), -1);
	assert_int_equal(b->err.code, MSC_E_DEVICE);
	b->err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(b->entries, 0);
	free(p);
	answers(b);
	p = piece(b->t->device.ep_out, MSC_CBW_LEN);
	is_gone(b, msc_transfer(b->t, &p->x, LONG_NS, &b->err));
	let_go(p, MSC_OUT_GONE, 0);
	end(b);
}

static void bad_knobs(void **state)
{
	static const char *const bad[] = { "", "as", "as=no", "nth=x", "who=in", "as=gone,", "ep=" };
	struct msc_target *t = must_open("sim:reference");

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(bad); i++) {
		struct msc_err err = MSC_ERR_INIT;

		assert_null(msc_target_wrap(t, &msc_decorator_fault, bad[i], &err));
		assert_int_equal(err.code, MSC_E_USAGE);
	}
	msc_target_close(t);
}

/* ---- all of it --------------------------------------------------------------------------------- */

#define TEST(f) {#f, f, NULL, NULL, NULL}
static const struct CMUnitTest contract[] = {
	TEST(opens),
	TEST(one_after_the_other),
	TEST(together),
	TEST(time_runs_out),
	TEST(taken_back),
	TEST(taken_back_too_late),
	TEST(nothing_to_move),
	TEST(control_requests),
	TEST(halts),
	TEST(port_reset),
	TEST(configuration),
	TEST(leaves),
	TEST(is_filtered),
	TEST(closes_in_flight),
	TEST(counts),
	TEST(spoils_one),
	TEST(spoils_by_an_error),
};
static const struct CMUnitTest commands[] = { TEST(takes_commands_only) };
static const struct CMUnitTest tables[] = { TEST(each_has_a_line), TEST(bad_knobs) };

static int run(const struct CMUnitTest *tests, size_t n, struct variant *v)
{
	struct CMUnitTest here[MSC_COUNT(contract)];

	for (size_t i = 0; i < n; i++) {
		here[i] = tests[i];
		here[i].initial_state = v;
	}
	return _cmocka_run_group_tests(v->name, here, n, NULL, NULL);
}

/* Bare, with each decorator, and with all of them. */
static int run_transport(size_t i)
{
	int failed = 0;

	for (size_t d = 0; d < msc_decorator_count + 2; d++) {
		bool bare = d == msc_decorator_count, all = d > msc_decorator_count;
		struct variant v = { .transport = i,
				     .first = bare || all ? 0 : d,
				     .n = bare  ? 0
					  : all ? msc_decorator_count
						: 1 };

		snprintf(v.name, sizeof v.name, "%s, %s", transports[i].name,
			 bare  ? "bare"
			 : all ? "all decorators"
			       : msc_decorators[d]->name);
		failed += transports[i].open ? run(contract, MSC_COUNT(contract), &v)
			  : bare             ? run(commands, MSC_COUNT(commands), &v)
					     : 0;
	}
	return failed;
}

int main(void)
{
	struct variant v = { .name = "tables" };
	int failed = run(tables, MSC_COUNT(tables), &v);

	for (size_t i = 0; i < MSC_COUNT(transports); i++)
		failed += run_transport(i);
	return failed != 0;
}
