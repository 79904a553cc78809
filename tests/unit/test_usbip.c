/* SPDX-License-Identifier: BSD-2-Clause */
/* A simulated device behind USB/IP, with a clock that the test moves: virtual time follows, is never
 * ahead, catches up, and is held where that is impossible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/usbip_export.h"
#include "transport/usbip_link.h"

struct hand { /* a clock that is moved by hand, and by so much each time that it is read */
	struct msc_clock clock;
	int64_t now_ns, creep_ns;
};

static int64_t hand_now(struct msc_clock *c)
{
	struct hand *h = (struct hand *)c;

	h->now_ns += h->creep_ns;
	return h->now_ns;
}

static const struct msc_clock_ops hand_ops = { .name = "hand", .now = hand_now };

struct bench {
	struct hand hand;
	struct msc_log log;
	char said[256];
	struct msc_usbip_export e;
	struct msc_err err;
};

static void listen_to(void *user, enum msc_level level, const char *module, int64_t at_ns,
		      const char *text)
{
	struct bench *b = user;

	(void)module, (void)at_ns;
	if (level == MSC_LOG_WARN)
		snprintf(b->said, sizeof b->said, "%s", text);
}

static void open_bench(struct bench *b, const char *target)
{
	*b = (struct bench){ .hand = { .clock = { &hand_ops }, .now_ns = 5 * MSC_S } };
	b->log = (struct msc_log){ listen_to, b, MSC_LOG_WARN };
	assert_int_equal(msc_usbip_export_open(&b->e, target, 1,
					       &(struct msc_open_options){ .log = &b->log },
					       &b->hand.clock, &b->err),
			 0);
	assert_true(msc_usbip_export_import(&b->e));
	b->hand.now_ns += 100 * MSC_MS; /* the port reset is over */
	assert_int_equal(msc_usbip_export_follow(&b->e, &b->err), 0);
}

static void submit(struct bench *b, uint32_t seqnum, uint8_t ep, struct msc_setup setup,
		   const void *data, size_t len)
{
	struct msc_usbip_urb *u = calloc(1, sizeof *u + len);

	assert_non_null(u);
	u->seqnum = seqnum;
	u->in = ep ? ep & MSC_EP_IN : setup.request_type & MSC_REQTYPE_IN;
	u->bus.ep = ep;
	u->bus.setup = setup;
	u->bus.len = len;
	if (data)
		memcpy(u->data, data, len);
	msc_usbip_export_submit(&b->e, u);
}

/* The next answer is to this one; how many bytes it has, or the negative status. */
static int answered(struct bench *b, uint32_t seqnum)
{
	struct msc_usbip_return r;
	struct msc_usbip_urb *u = msc_usbip_export_next(&b->e, &r);

	assert_non_null(u);
	assert_int_equal(r.base.seqnum, seqnum);
	free(u);
	return r.result.status ? (int)r.result.status : (int)r.result.actual;
}

static bool nothing_ended(struct bench *b)
{
	struct msc_usbip_return r;

	return !msc_usbip_export_next(&b->e, &r);
}

static void follow(struct bench *b, int64_t ns)
{
	b->hand.now_ns += ns;
	assert_int_equal(msc_usbip_export_follow(&b->e, &b->err), 0);
}

static const struct msc_setup get_device = { .request_type = MSC_REQTYPE_IN,
					     .request = MSC_STD_GET_DESCRIPTOR,
					     .value = MSC_DESC_DEVICE << 8,
					     .length = MSC_DEVICE_DESC_LEN };
static const struct msc_setup configure = { .request = MSC_STD_SET_CONFIGURATION, .value = 1 };

static void time_does_not_run_ahead(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference");
	submit(&b, 7, 0, get_device, NULL, MSC_DEVICE_DESC_LEN);
	for (int i = 0; i < 5; i++)
		follow(&b, 0);
	assert_true(nothing_ended(&b));
	/* The three packets of a control transfer take microseconds, and ehci tells once in 125 us. */
	follow(&b, 2 * MSC_US);
	assert_true(nothing_ended(&b));
	follow(&b, MSC_MS);
	assert_int_equal(answered(&b, 7), MSC_DEVICE_DESC_LEN);
	msc_usbip_export_close(&b.e);
}

static void it_catches_up(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "sim:stm32"); /* with a tick each millisecond */
	submit(&b, 1, 0, get_device, NULL, MSC_DEVICE_DESC_LEN);
	follow(&b, 700 * MSC_MS);
	assert_int_equal(answered(&b, 1), MSC_DEVICE_DESC_LEN);
	assert_true(msc_usbip_export_due(&b.e) > b.hand.now_ns);
	assert_string_equal(b.said, "");
	assert_int_equal(b.e.lost_ns, 0);
	msc_usbip_export_close(&b.e);
}

/* A host so slow that nine seconds pass whenever it looks: what was to happen does, only late. */
static void what_cannot_keep_up_is_said(void **state)
{
	struct bench b;
	int64_t lost;

	(void)state;
	open_bench(&b, "sim:stm32");
	submit(&b, 1, 0, get_device, NULL, MSC_DEVICE_DESC_LEN);
	b.hand.creep_ns = 9 * MSC_S;
	for (int i = 0; i < 20; i++)
		follow(&b, 0);
	assert_non_null(strstr(b.said, "1-1: cannot keep up with real time: "));
	assert_int_equal(answered(&b, 1), MSC_DEVICE_DESC_LEN);
	/* From then on it is as fast as ever. */
	b.hand.creep_ns = 0;
	follow(&b, 0);
	lost = b.e.lost_ns;
	assert_true(lost > 9 * MSC_S);
	submit(&b, 2, 0, get_device, NULL, MSC_DEVICE_DESC_LEN);
	follow(&b, 10 * MSC_MS);
	assert_int_equal(answered(&b, 2), MSC_DEVICE_DESC_LEN);
	assert_int_equal(b.e.lost_ns, lost);
	msc_usbip_export_close(&b.e);
}

static void configure_device(struct bench *b)
{
	submit(b, 1, 0, configure, NULL, 0);
	follow(b, 3 * MSC_MS); /* uhci tells at the end of a frame */
	assert_int_equal(answered(b, 1), 0);
}

static void send_cbw(struct bench *b, uint32_t seqnum, const uint8_t *cdb, uint8_t cdb_len,
		     uint32_t len)
{
	struct msc_cbw cbw = { .h = { MSC_CBW_SIGNATURE, seqnum, len, MSC_CBW_FLAG_IN, 0,
				      cdb_len } };
	uint8_t raw[MSC_CBW_LEN];

	memcpy(cbw.cb, cdb, cdb_len);
	msc_cbw_pack(raw, &cbw);
	submit(b, seqnum, b->e.facts.ep_out, (struct msc_setup){ 0 }, raw, sizeof raw);
	follow(b, 3 * MSC_MS); /* uhci tells at the end of a frame */
	assert_int_equal(answered(b, seqnum), MSC_CBW_LEN);
}

/* RET_UNLINK has no room for what was moved, so the URB is answered by itself, and the unlink came too
 * late. Where nothing was, RET_UNLINK is the only answer. */
static void what_had_come_before_an_unlink(void **state)
{
	static const uint8_t ready[6], read[10] = { 0x28, [8] = 100 };
	struct msc_usbip_return r;
	struct msc_usbip_urb *u;
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference,speed=full");
	configure_device(&b);
	submit(&b, 2, b.e.facts.ep_in, (struct msc_setup){ 0 }, NULL, MSC_CSW_LEN);
	assert_true(msc_usbip_export_has(&b.e, 2));
	assert_int_equal((int32_t)msc_usbip_export_unlink(&b.e, 2), -MSC_USBIP_ECONNRESET);
	assert_true(nothing_ended(&b));
	assert_int_equal(msc_usbip_export_unlink(&b.e, 2), 0);
	send_cbw(&b, 3, ready, sizeof ready, 0); /* takes the unit attention away */
	submit(&b, 4, b.e.facts.ep_in, (struct msc_setup){ 0 }, NULL, MSC_CSW_LEN);
	follow(&b, 3 * MSC_MS);
	assert_int_equal(answered(&b, 4), MSC_CSW_LEN);
	send_cbw(&b, 5, read, sizeof read, 51200);
	submit(&b, 6, b.e.facts.ep_in, (struct msc_setup){ 0 }, NULL, 51200);
	follow(&b, 20 * MSC_MS); /* of the 42 that it takes */
	assert_true(nothing_ended(&b));
	assert_int_equal(msc_usbip_export_unlink(&b.e, 6), 0);
	u = msc_usbip_export_next(&b.e, &r);
	assert_non_null(u);
	assert_int_equal((int32_t)r.result.status, -MSC_USBIP_ECONNRESET);
	assert_in_range(r.result.actual, 10000, 30000);
	free(u);
	msc_usbip_export_close(&b.e);
}

/* The other interface of a composite device has endpoints, and nothing comes there; elsewhere nobody
 * answers. */
static void endpoints_that_are_not_simulated(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference,composite=1");
	submit(&b, 1, b.e.facts.ep_in, (struct msc_setup){ 0 }, NULL, 512); /* not configured */
	assert_int_equal(answered(&b, 1), -MSC_USBIP_EPROTO);
	submit(&b, 2, 0, configure, NULL, 0);
	follow(&b, MSC_MS);
	assert_int_equal(answered(&b, 2), 0);
	submit(&b, 3, 0x83, (struct msc_setup){ 0 }, NULL, 512);
	submit(&b, 4, 0x85, (struct msc_setup){ 0 }, NULL, 512);
	follow(&b, MSC_S / 2);
	assert_int_equal(answered(&b, 4), -MSC_USBIP_EPROTO);
	assert_true(nothing_ended(&b));
	assert_int_equal((int32_t)msc_usbip_export_unlink(&b.e, 3), -MSC_USBIP_ECONNRESET);
	msc_usbip_export_close(&b.e);
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *host, *port, *again;
	} rows[] = {
		{ "localhost", "localhost", "3240", "localhost" },
		{ "10.0.2.2:3240", "10.0.2.2", "3240", "10.0.2.2" },
		{ "10.0.2.2:0", "10.0.2.2", "0", "10.0.2.2:0" },
		{ "[::1]", "::1", "3240", "[::1]" },
		{ "[fe80::1%eth0]:65535", "fe80::1%eth0", "65535", "[fe80::1%eth0]:65535" },
	};
	static const char *const bad[] = { "",    ":1",      "[]",   "[::1",  "[::1]x", "a:",
					   "a:x", "a:65536", "a:-1", "a:1:2", "::1",    "a:000001" };
	struct msc_usbip_address a;
	char text[160];

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_err err = MSC_ERR_INIT;

		assert_int_equal(msc_usbip_address_parse(&a, rows[i].text, "x", &err), 0);
		assert_string_equal(a.host, rows[i].host);
		assert_string_equal(a.port, rows[i].port);
		assert_string_equal(msc_usbip_address_text(text, sizeof text, &a), rows[i].again);
	}
	for (size_t i = 0; i < MSC_COUNT(bad); i++) {
		struct msc_err err = MSC_ERR_INIT;

		assert_int_equal(msc_usbip_address_parse(&a, bad[i], "x", &err), -1);
		assert_int_equal(err.code, MSC_E_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_does_not_run_ahead),
		cmocka_unit_test(it_catches_up),
		cmocka_unit_test(what_cannot_keep_up_is_said),
		cmocka_unit_test(what_had_come_before_an_unlink),
		cmocka_unit_test(endpoints_that_are_not_simulated),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
