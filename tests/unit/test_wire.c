/* SPDX-License-Identifier: BSD-2-Clause */
/* Every layout: its rows meet without gap or overlap and fill its length, and every single bit
 * survives unpacking and packing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "wire/bot.h"
#include "wire/cost.h"
#include "wire/scsi.h"
#include "wire/usb.h"
#include "wire/usbip.h"

static void walk(const char *name, const struct msc_field *fields, size_t len)
{
	size_t at = 0;

	for (const struct msc_field *f = fields; f->name; f++) {
		if (f->offset != at)
			fail_msg("%s: %s begins at %u, expected %zu", name, f->name, f->offset, at);
		at += f->size;
	}
	assert_int_equal(at, len);
}

#define CHECK(lower, UPPER)                                                                        \
	do {                                                                                       \
		walk(#lower, msc_##lower##_fields, MSC_##UPPER##_LEN);                             \
		for (unsigned bit = 0; bit < 8 * MSC_##UPPER##_LEN; bit++) {                       \
			uint8_t in[MSC_##UPPER##_LEN] = {0}, out[MSC_##UPPER##_LEN] = {0};         \
			struct msc_##lower s;                                                      \
                                                                                                   \
			in[bit / 8] = (uint8_t)(1u << bit % 8);                                    \
			msc_##lower##_unpack(&s, in);                                              \
			msc_##lower##_pack(out, &s);                                               \
			assert_memory_equal(in, out, sizeof in);                                   \
		}                                                                                  \
	} while (0)

static void layouts(void **state)
{
	(void)state;
	CHECK(cbw_header, CBW_HEADER);
	CHECK(csw, CSW);
	CHECK(setup, SETUP);
	CHECK(device_desc, DEVICE_DESC);
	CHECK(config_desc, CONFIG_DESC);
	CHECK(interface_desc, INTERFACE_DESC);
	CHECK(endpoint_desc, ENDPOINT_DESC);
	CHECK(qualifier_desc, QUALIFIER_DESC);
	CHECK(inquiry_header, INQUIRY_HEADER);
	CHECK(capacity_10, CAPACITY_10);
	CHECK(sense, SENSE);
	CHECK(mode_header_6, MODE_HEADER_6);
	CHECK(usbip_op, USBIP_OP);
	CHECK(usbip_facts, USBIP_FACTS);
	CHECK(usbip_base, USBIP_BASE);
	CHECK(usbip_submit, USBIP_SUBMIT);
	CHECK(usbip_result, USBIP_RESULT);
}

/* The bytes of a real READ(10), written out by hand from BOT 1.0, table 5.1. */
static void a_cbw_by_hand(void **state)
{
	static const uint8_t bytes[MSC_CBW_LEN] = {
		'U',  'S',  'B',  'C',  0x78, 0x56, 0x34, 0x12, 0x00, 0x02, 0x00, 0x00, 0x80,
		0x01, 0x0a, 0x28, 0x00, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x01, 0x00,
	};
	struct msc_cbw cbw;
	uint8_t out[MSC_CBW_LEN];

	(void)state;
	msc_cbw_unpack(&cbw, bytes);
	assert_int_equal(cbw.h.signature, MSC_CBW_SIGNATURE);
	assert_int_equal(cbw.h.tag, 0x12345678);
	assert_int_equal(cbw.h.length, 512);
	assert_int_equal(cbw.h.flags, MSC_CBW_FLAG_IN);
	assert_int_equal(cbw.h.lun, 1);
	assert_int_equal(cbw.h.cb_length, 10);
	assert_int_equal(cbw.cb[0], 0x28);
	assert_int_equal(cbw.cb[5], 7);
	msc_cbw_pack(out, &cbw);
	assert_memory_equal(out, bytes, sizeof bytes);
}

/* The first lines of the example in Linux's Documentation/usb/usbip_protocol. */
static void usbip_by_hand(void **state)
{
	static const uint8_t submit[MSC_USBIP_URB_LEN] = {
		[3] = 1,  [6] = 0x0d,  [7] = 0x05,  [9] = 1,     [11] = 0x0f, [15] = 1,
		[19] = 1, [22] = 2,    [27] = 0x40, [32] = 0xff, [33] = 0xff, [34] = 0xff,
		[35] = 0xff, [39] = 4,
	};
	static const uint8_t ret[MSC_USBIP_URB_LEN] = {
		[3] = 3,     [6] = 0x0d,  [7] = 0x06,  [27] = 0x40,
		[32] = 0xff, [33] = 0xff, [34] = 0xff, [35] = 0xff,
	};
	uint8_t out[MSC_USBIP_URB_LEN];
	struct msc_usbip_command c;
	struct msc_usbip_return r;

	(void)state;
	msc_usbip_command_unpack(&c, submit);
	assert_int_equal(c.base.seqnum, 0xd05);
	assert_int_equal(c.submit.flags, 0x200);
	assert_int_equal(c.submit.length, 0x40);
	msc_usbip_return_unpack(&r, ret);
	assert_int_equal(r.base.command, MSC_USBIP_RET_SUBMIT);
	assert_int_equal(r.result.actual, 0x40);
	msc_usbip_return_pack(out, &r);
	assert_memory_equal(out, ret, sizeof ret);
}

static void usbip_strings_end(void **state)
{
	uint8_t raw[MSC_USBIP_DEVICE_LEN];
	struct msc_usbip_device d;

	(void)state;
	memset(raw, 'x', sizeof raw);
	msc_usbip_device_unpack(&d, raw);
	assert_int_equal(strlen(d.path), MSC_USBIP_PATH_LEN);
	assert_int_equal(strlen(d.busid), MSC_USBIP_BUSID_LEN);
	msc_usbip_device_pack(raw, &d);
	assert_int_equal(raw[MSC_USBIP_PATH_LEN - 1], 0);
	assert_int_equal(raw[MSC_USBIP_PATH_LEN + MSC_USBIP_BUSID_LEN - 1], 0);
}

static void integers(void **state)
{
	static const uint8_t p[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t out[8];

	(void)state;
	assert_int_equal(msc_get_le16(p), 0x0201);
	assert_int_equal(msc_get_le32(p), 0x04030201);
	assert_int_equal(msc_get_be16(p), 0x0102);
	assert_int_equal(msc_get_be24(p), 0x010203);
	assert_int_equal(msc_get_be32(p), 0x01020304);
	assert_true(msc_get_be64(p) == UINT64_C(0x0102030405060708));
	msc_put_be64(out, msc_get_be64(p));
	assert_memory_equal(out, p, 8);
	msc_put_be24(out, 0xaabbcc);
	assert_memory_equal(out, "\xaa\xbb\xcc", 3);
}

static void the_reader_never_runs_past_the_end(void **state)
{
	static const uint8_t p[3] = { 1, 2, 3 };
	struct msc_reader r = msc_reader(p, sizeof p);

	(void)state;
	assert_int_equal(msc_read_le16(&r), 0x0201);
	assert_false(r.overrun);
	assert_int_equal(msc_read_be16(&r), 0);
	assert_true(r.overrun);
	assert_int_equal(msc_reader_left(&r), 0);
	assert_int_equal(msc_read_u8(&r), 0);
	r = msc_reader(p, sizeof p);
	assert_int_equal(msc_read_le32(&r), 0);
	assert_int_equal(msc_read_be32(&r), 0);
	assert_true(r.overrun);
	assert_null(msc_read_bytes(&r, 1));
}

/* USB 2.0, 7.1.9, bit by bit, in the order of the wire. */
static unsigned stuffed_slowly(const uint8_t *data, size_t len)
{
	unsigned run = 0, stuffed = 0;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		run = data[bit / 8] >> bit % 8 & 1 ? run + 1 : 0;
		if (run == 6) {
			stuffed++;
			run = 0;
		}
	}
	return stuffed;
}

static void stuffing(void **state)
{
	struct msc_rng rng = { 1 };
	uint8_t data[512];

	(void)state;
	memset(data, 0x55, sizeof data);
	assert_int_equal(msc_stuffed_bits(data, sizeof data), 0);
	memset(data, 0xff, sizeof data);
	assert_int_equal(msc_stuffed_bits(data, 64), 85);
	data[0] = 0xf8; /* five ones, then more in the next byte */
	assert_int_equal(msc_stuffed_bits(data, 1), 0);
	assert_int_equal(msc_stuffed_bits(data, 2), 2);
	for (unsigned round = 0; round < 2000; round++) {
		size_t len = msc_rng_below(&rng, sizeof data + 1);

		/* mostly ones, so that runs of every length cross the ends of bytes and words */
		for (size_t i = 0; i < len; i++)
			data[i] =
				(uint8_t)(msc_rng_next(&rng) | msc_rng_next(&rng) >> round % 7 * 8);
		assert_int_equal(msc_stuffed_bits(data, len), stuffed_slowly(data, len));
	}
}

/* USB 2.0, tables 5-9 and 5-10: 13 and 55 bytes beside the payload, so 19 packets a frame and 13 a
 * microframe. */
static void costs(void **state)
{
	(void)state;
	assert_float_equal(msc_packet_ns(MSC_SPEED_FULL, 0), 13 * 8 / 0.012, 1e-6);
	assert_float_equal(msc_packet_ns(MSC_SPEED_HIGH, 0), 55 * 8 / 0.480, 1e-6);
	assert_float_equal(msc_packet_ns(MSC_SPEED_FULL, 64 * 8), 616 / 0.012, 1e-6);
	assert_float_equal(msc_packet_pace_ns(MSC_SPEED_FULL, 64 * 8), 1e6 / 19, 1e-6);
	assert_float_equal(msc_packet_pace_ns(MSC_SPEED_HIGH, 512 * 8), 125e3 / 13, 1e-6);
	assert_float_equal(msc_packet_pace_ns(MSC_SPEED_FULL, 64 * 8 + 85), 1e6 / 17, 1e-6);
	assert_ptr_equal(msc_wire_cost(MSC_SPEED_LOW), msc_wire_cost(MSC_SPEED_FULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts),
		cmocka_unit_test(a_cbw_by_hand),
		cmocka_unit_test(usbip_by_hand),
		cmocka_unit_test(usbip_strings_end),
		cmocka_unit_test(integers),
		cmocka_unit_test(the_reader_never_runs_past_the_end),
		cmocka_unit_test(stuffing),
		cmocka_unit_test(costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
