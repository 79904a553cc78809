/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to a device from outside: how events are written, and what each model makes of a
 * card that leaves, another that comes, a cable that is pulled, a bus that sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "firmware_bench.h"

enum { NOT_PRESENT = 0x023a00, CHANGED = 0x062800 };

/* ---- how they are written ----------------------------------------------------------------- */

static void events_are_read(void **unused)
{
	struct msc_err err = MSC_ERR_INIT;
	struct sim_event e;

	(void)unused;
	assert_int_equal(msc_event_parse(&e, "card-out@350ms", &err), 0);
	assert_true(e.what == SIM_CARD_OUT && e.when == SIM_AT_TIME && e.slot == 0);
	assert_int_equal(e.after_ns, 350 * MSC_MS);
	assert_int_equal(msc_event_parse(&e,
					 "card-swap/2:blocks=64k:keep=1:fill=zeros:wp@cbw:120+3ms",
					 &err),
			 0);
	assert_true(e.what == SIM_CARD_SWAP && e.when == SIM_AT_CBW && e.slot == 2);
	assert_true(e.n == 120 && e.after_ns == 3 * MSC_MS && e.after_bytes == 0);
	assert_true(e.medium.blocks == 65536 && e.medium.keep == 1 && !e.medium.noise &&
		    e.medium.read_only);
	assert_int_equal(msc_event_parse(&e, "card-in:file=a:b@c.img@write-block:17+100", &err), 0);
	assert_string_equal(e.medium.path, "a:b@c.img");
	assert_true(e.other && e.when == SIM_AT_WRITE_BLOCK && e.n == 17 && e.after_bytes == 100);
	assert_int_equal(msc_event_parse(&e, "plug:1209:00a2@2s", &err), 0);
	assert_true(e.what == SIM_PLUG && e.other && e.vendor == 0x1209 && e.product == 0x00a2);
	assert_int_equal(msc_event_parse(&e, "bad-block/1:64k@read-block:9", &err), 0);
	assert_true(e.what == SIM_BAD_BLOCK && e.slot == 1 && e.lba == 65536 && e.n == 9);
	assert_int_equal(msc_event_parse(&e, "set:joystick=up@cbw:3", &err), 0);
	assert_true(e.what == SIM_SET && e.when == SIM_AT_CBW && e.n == 3);
	assert_string_equal(e.set, "joystick=up");
}

static void mistakes_are_named(void **unused)
{
	static const struct {
		const char *text, *message;
	} row[] = {
		{ "card-out", "expected WHAT@WHEN" },
		{ "card-oot@1s", "did you mean 'card-out'?" },
		{ "card-out@1", "unit" },
		{ "card-out@cwb:1", "did you mean 'cbw'?" },
		{ "bad-block@cbw:1", "expected its address" },
		{ "card-out@cbw:0", "counted from 1" },
		{ "card-out/16@1s", "out of range" },
		{ "unplug/1@1s", "has no slot" },
		{ "unplug:x@1s", "takes no ':'" },
		{ "card-in:block=3@1s", "did you mean 'blocks=N'?" },
		{ "card-in:fill=ones@1s", "the fill 'ones'" },
		{ "plug:1209@1s", "expected VID:PID" },
		{ "plug:12 9:0001@1s", "expected VID:PID" },
		{ "plug:12g9:0001@1s", "hex" },
		{ "card-out@byte:5+7", "expected a time" },
		{ "set@1s", "expected a knob and its value" },
		{ "set:button@1s", "expected a knob and its value" },
	};

	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(row); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct sim_event e;

		if (msc_event_parse(&e, row[i].text, &err) == 0)
			fail_msg("'%s' was taken", row[i].text);
		if (!strstr(err.msg, row[i].message))
			fail_msg("'%s': %s", row[i].text, err.msg);
		assert_int_equal(err.code, MSC_E_USAGE);
	}
}

/* ---- cards -------------------------------------------------------------------------------- */

static const struct model {
	const char *name, *knobs;
} models[] = {
	{ "reference", "" },
	{ "linux-gadget", "blocks=4096," },
	{ "stm32", "" },
};

static void plug_in(struct bench *b, const struct model *m, const char *events)
{
	char knobs[256];

	snprintf(knobs, sizeof knobs, "%s%s", m->knobs, events);
	bench_open(b, m->name, knobs,
		   strcmp(m->name, "stm32") == 0 ? MSC_SPEED_FULL : MSC_SPEED_HIGH, NULL);
	bench_settle(b);
}

static struct bench_result ready(struct bench *b)
{
	static const uint8_t cb[6] = { MSC_OP_TEST_UNIT_READY };

	return bench_command(b, 0, cb, sizeof cb, false, 0, NULL);
}

static struct bench_result blocks(struct bench *b, uint8_t opcode, uint32_t lba, uint16_t n,
				  void *data)
{
	uint8_t cb[10] = { opcode };

	msc_put_be32(cb + 2, lba);
	msc_put_be16(cb + 7, n);
	return bench_command(b, 0, cb, sizeof cb, opcode == MSC_OP_READ_10, n * 512u, data);
}

static void pass(struct bench *b, int64_t until_ns)
{
	static const bool never = false;

	sim_run(sim_device_sim(b->device), &never, until_ns);
}

static void fails_with(struct bench *b, uint32_t sense)
{
	struct bench_result r = ready(b);

	assert_true(r.have_csw);
	assert_int_equal(r.status, MSC_CSW_FAILED);
	assert_int_equal(bench_sense(b, 0), sense);
}

static void a_card_leaves_and_comes_back(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(models); i++) {
		uint8_t out[512], in[512] = { 0 };
		struct bench b;

		plug_in(&b, &models[i], "event=card-out@1s,event=card-in@2s");
		memset(out, 0x5a, sizeof out);
		assert_int_equal(blocks(&b, MSC_OP_WRITE_10, 7, 1, out).status, MSC_CSW_PASSED);
		pass(&b, 1500 * MSC_MS);
		fails_with(&b, NOT_PRESENT);
		fails_with(&b, NOT_PRESENT);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 7, 1, in).status, MSC_CSW_FAILED);
		assert_int_equal(bench_sense(&b, 0), NOT_PRESENT);
		pass(&b, 2500 * MSC_MS);
		fails_with(&b, CHANGED);
		assert_int_equal(ready(&b).status, MSC_CSW_PASSED);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 7, 1, in).status, MSC_CSW_PASSED);
		assert_memory_equal(in, out, sizeof in);
		bench_close(&b);
	}
}

static uint32_t last_lba(struct bench *b)
{
	static const uint8_t cb[10] = { MSC_OP_READ_CAPACITY_10 };
	uint8_t raw[8] = { 0 };

	assert_int_equal(bench_command(b, 0, cb, sizeof cb, true, sizeof raw, raw).status,
			 MSC_CSW_PASSED);
	return msc_get_be32(raw);
}

/* Another card, a smaller one, whose first block is that of the one before. */
static void a_card_is_swapped(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(models); i++) {
		uint8_t first[512] = { 0 }, in[1024] = { 0 };
		struct bench b;

		plug_in(&b, &models[i], "event=card-swap:blocks=300:keep=1@3s");
		memset(first, 0x3c, sizeof first);
		assert_int_equal(blocks(&b, MSC_OP_WRITE_10, 0, 1, first).status, MSC_CSW_PASSED);
		assert_int_equal(blocks(&b, MSC_OP_WRITE_10, 1, 1, first).status, MSC_CSW_PASSED);
		pass(&b, 4 * MSC_S);
		fails_with(&b, CHANGED);
		assert_int_equal(last_lba(&b), 299);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 0, 2, in).status, MSC_CSW_PASSED);
		assert_memory_equal(in, first, sizeof first);
		assert_memory_not_equal(in + 512, first, sizeof first);
		bench_close(&b);
	}
}

/* By the device's own side: no unit attention, and other bytes. */
/* It costs what lies behind it in a command, no other command, and leaves with the card. */
static void a_block_goes_bad(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(models); i++) {
		uint8_t in[8 * 512], first[512];
		struct bench b;

		plug_in(&b, &models[i], "event=bad-block:5@3s,event=card-swap:keep=8@6s");
		memset(first, 0x3c, sizeof first);
		assert_int_equal(blocks(&b, MSC_OP_WRITE_10, 5, 1, first).status, MSC_CSW_PASSED);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 0, 8, in).status, MSC_CSW_PASSED);
		pass(&b, 4 * MSC_S);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 0, 8, in).status, MSC_CSW_FAILED);
		assert_int_equal(bench_sense(&b, 0) >> 16, MSC_SENSE_MEDIUM_ERROR);
		assert_int_equal(blocks(&b, MSC_OP_WRITE_10, 5, 1, first).status, MSC_CSW_FAILED);
		assert_int_equal(bench_sense(&b, 0) >> 16, MSC_SENSE_MEDIUM_ERROR);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 0, 5, in).status, MSC_CSW_PASSED);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 6, 2, in).status, MSC_CSW_PASSED);
		pass(&b, 7 * MSC_S);
		fails_with(&b, CHANGED);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 0, 8, in).status, MSC_CSW_PASSED);
		assert_memory_equal(in + 5 * 512, first, sizeof first);
		bench_close(&b);
	}
}

static void a_card_is_written_from_the_other_side(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(models); i++) {
		uint8_t zeros[1024] = { 0 }, in[1024] = { 0 };
		struct bench b;

		plug_in(&b, &models[i], "event=card-write:keep=1@3s");
		assert_int_equal(blocks(&b, MSC_OP_WRITE_10, 0, 2, zeros).status, MSC_CSW_PASSED);
		pass(&b, 4 * MSC_S);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 0, 2, in).status, MSC_CSW_PASSED);
		assert_memory_equal(in, zeros, 512);
		assert_memory_not_equal(in + 512, zeros, 512);
		bench_close(&b);
	}
}

/* At the third block of a write of eight: two are on the card, and a part of the third. */
static void a_card_leaves_in_the_middle_of_a_write(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(models); i++) {
		uint8_t out[8 * 512], in[8 * 512] = { 0 };
		bool waits = strcmp(models[i].name, "linux-gadget") == 0;
		struct bench b;
		struct bench_result r;

		plug_in(&b, &models[i], "event=card-out@write-block:3+100,event=card-in@4s");
		memset(out, 0x77, sizeof out);
		r = blocks(&b, MSC_OP_WRITE_10, 16, 8, out);
		assert_true(r.have_csw);
		assert_int_equal(r.status, waits ? MSC_CSW_PASSED : MSC_CSW_FAILED);
		if (!waits) {
			assert_true(r.residue >= 5 * 512);
			assert_int_equal(bench_sense(&b, 0), NOT_PRESENT);
		}
		pass(&b, 5 * MSC_S);
		bench_settle(&b);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 16, 8, in).status, MSC_CSW_PASSED);
		assert_memory_equal(in, out, waits ? sizeof in : 2 * 512 + 100);
		if (!waits)
			assert_int_equal(in[2 * 512 + 100], 0);
		bench_close(&b);
	}
}

static void prevent(struct bench *b, uint8_t prevented)
{
	const uint8_t cb[6] = { MSC_OP_PREVENT_ALLOW, 0, 0, 0, prevented, 0 };

	assert_int_equal(bench_command(b, 0, cb, sizeof cb, false, 0, NULL).status, MSC_CSW_PASSED);
}

static void the_button_can_be_locked(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct bench b;

		plug_in(&b, &models[i], "event=eject@1s,event=eject@2s,event=card-in@3s");
		prevent(&b, 1);
		pass(&b, 1500 * MSC_MS);
		assert_int_equal(ready(&b).status, MSC_CSW_PASSED);
		prevent(&b, 0);
		pass(&b, 2500 * MSC_MS);
		fails_with(&b, NOT_PRESENT);
		pass(&b, 3500 * MSC_MS);
		fails_with(&b, CHANGED);
		assert_int_equal(ready(&b).status, MSC_CSW_PASSED);
		bench_close(&b);
	}
}

static void an_empty_slot_gets_a_card(void **unused)
{
	struct bench b;

	(void)unused;
	bench_open(&b, "reference", "medium=0,block-size=2048,event=card-in:blocks=50@1s",
		   MSC_SPEED_HIGH, NULL);
	bench_settle(&b);
	fails_with(&b, NOT_PRESENT);
	pass(&b, 2 * MSC_S);
	fails_with(&b, CHANGED);
	assert_int_equal(last_lba(&b), 49);
	bench_close(&b);
}

static void what_cannot_be_is_refused(void **unused)
{
	static const struct {
		const char *name, *message;
	} row[] = {
		{ "reference,event=card-in/1:blocks=8@1s", "slot 1" },
		{ "reference,medium=0,event=card-swap@1s", "needs blocks= or file=" },
		{ "reference,event=card-swap:file=/nonexistent@1s", "/nonexistent" },
		{ "stm32,event=eject@1s", "no eject button" },
		{ "reference,event=unplug", "event: 'unplug': expected WHAT@WHEN" },
		{ "reference,evnt=unplug@1s", "did you mean 'event'?" },
	};

	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(row); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_spec s;

		if (msc_spec_parse(&s, row[i].name, &err) == 0) {
			const struct sim_device_config c = msc_spec_config(&s);

			assert_null(sim_device_new(&c, &err));
			msc_spec_free(&s);
		}
		if (!strstr(err.msg, row[i].message))
			fail_msg("%s: %s", row[i].name, err.msg);
	}
}

/* ---- the cable ---------------------------------------------------------------------------- */

static uint16_t product(struct bench *b)
{
	uint8_t raw[18] = { 0 };

	assert_int_equal(bench_control(b, MSC_REQTYPE_IN, MSC_STD_GET_DESCRIPTOR,
				       MSC_DESC_DEVICE << 8, 0, sizeof raw, raw, NULL),
			 DONE);
	return msc_get_le16(raw + 10);
}

/* The cable is pulled between a write and the next command, and the device is plugged in again as
 * another. What was on the card is on it; the firmware has forgotten its configuration. */
static void a_cable_is_pulled(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(models); i++) {
		uint8_t out[512], in[512] = { 0 };
		struct bench b;

		plug_in(&b, &models[i], "event=unplug@2s,event=plug:1209:0bad@3s");
		memset(out, 0x66, sizeof out);
		assert_int_equal(blocks(&b, MSC_OP_WRITE_10, 9, 1, out).status, MSC_CSW_PASSED);
		pass(&b, 2500 * MSC_MS);
		assert_false(bus_attached(b.bus));
		assert_false(ready(&b).have_csw);
		pass(&b, 3500 * MSC_MS);
		assert_true(bus_attached(b.bus));
		assert_int_equal(bus_attachments(b.bus), 2);
		assert_false(ready(&b).have_csw); /* it is not configured */
		bus_port_reset(b.bus);
		assert_int_equal(product(&b), 0x0bad);
		bench_configure(&b);
		bench_settle(&b);
		assert_int_equal(blocks(&b, MSC_OP_READ_10, 9, 1, in).status, MSC_CSW_PASSED);
		assert_memory_equal(in, out, sizeof in);
		bench_close(&b);
	}
}

/* In the middle of a write: nothing is written after it. At every point of a command there is
 * neither a crash nor a leak. */
static void a_cable_is_pulled_anywhere(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(models); i++) {
		for (unsigned n = 0; n < 40; n++) {
			static const char *const where[] = { "cbw:%u", "byte:%u",
							     "write-block:%u+300",
							     "read-block:%u" };
			char point[64], events[160];
			uint8_t data[8 * 512];
			struct bench b;

			snprintf(point, sizeof point, where[n % 4],
				 n % 4 == 1 ? 100 * n : n / 4 + 1);
			snprintf(events, sizeof events, "event=unplug@%s,event=plug@30s", point);
			plug_in(&b, &models[i], events);
			memset(data, 0x11, sizeof data);
			for (int k = 0; k < 6; k++) {
				blocks(&b, MSC_OP_WRITE_10, 8, 8, data);
				blocks(&b, MSC_OP_READ_10, 8, 8, data);
			}
			assert_false(bus_attached(b.bus));
			pass(&b, 31 * MSC_S);
			bus_port_reset(b.bus);
			bench_configure(&b);
			bench_settle(&b);
			assert_int_equal(blocks(&b, MSC_OP_READ_10, 8, 8, data).status,
					 MSC_CSW_PASSED);
			bench_close(&b);
		}
	}
}

/* ---- the bus ------------------------------------------------------------------------------ */

/* What is pending when the bus is suspended goes on when it is resumed. */
static void a_suspended_bus_is_silent(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(models); i++) {
		struct bench b;
		int64_t end;

		plug_in(&b, &models[i], "event=suspend@500ms,event=resume@1200ms");
		pass(&b, 600 * MSC_MS);
		assert_int_equal(ready(&b).status, MSC_CSW_PASSED);
		end = sim_now(sim_device_sim(b.device));
		assert_true(end > 1223 * MSC_MS && end < 1230 * MSC_MS);
		bench_close(&b);
	}
}

static void a_port_reset_wakes(void **unused)
{
	struct bench b;

	(void)unused;
	plug_in(&b, &models[0], "event=suspend@500ms");
	pass(&b, 600 * MSC_MS);
	bus_port_reset(b.bus);
	bench_configure(&b);
	bench_settle(&b);
	assert_int_equal(ready(&b).status, MSC_CSW_PASSED);
	bench_close(&b);
}

/* ---- points ------------------------------------------------------------------------------- */

/* The third CBW, counted from power-on: before the firmware has seen it. A CBW's bytes in data are
 * no CBW. */
static void cbws_are_counted(void **unused)
{
	uint8_t data[512] = { 'U', 'S', 'B', 'C' };
	struct bench b;

	(void)unused;
	bench_open(&b, "reference", "event=card-out@cbw:4", MSC_SPEED_HIGH, NULL);
	ready(&b);
	bench_sense(&b, 0);
	assert_int_equal(blocks(&b, MSC_OP_WRITE_10, 0, 1, data).status, MSC_CSW_PASSED);
	fails_with(&b, NOT_PRESENT);
	bench_close(&b);
}

static void bytes_of_a_command_are_counted(void **unused)
{
	uint8_t data[64 * 512];
	struct bench_result r;
	struct bench b;

	(void)unused;
	bench_open(&b, "reference", "event=suspend@cbw:3+1000", MSC_SPEED_HIGH, NULL);
	ready(&b);
	bench_sense(&b, 0);
	r = blocks(&b, MSC_OP_READ_10, 0, 64, data);
	assert_int_equal(r.data_outcome, TIMED_OUT);
	assert_int_equal(r.moved, 1024);
	bench_close(&b);
}

static bool is_pressed(struct bench *b)
{
	const struct msc_knob *k = msc_knob_find(b->firmware->knobs, "button");

	return *((const bool *)((const char *)sim_device_state(b->device) + k->offset));
}

/* The world is not the device's: what was set stays when its power has gone and comes back. */
static void the_world_changes_and_stays(void **unused)
{
	struct bench b;

	(void)unused;
	bench_open(&b, "lsd", "event=set:button=1@2s,event=unplug@3s,event=plug@4s", MSC_SPEED_FULL,
		   NULL);
	assert_false(is_pressed(&b));
	pass(&b, 2500 * MSC_MS);
	assert_true(is_pressed(&b));
	pass(&b, 4500 * MSC_MS);
	assert_int_equal(bus_attachments(b.bus), 2);
	assert_true(is_pressed(&b));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_read),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(a_card_leaves_and_comes_back),
		cmocka_unit_test(a_card_is_swapped),
		cmocka_unit_test(a_block_goes_bad),
		cmocka_unit_test(a_card_is_written_from_the_other_side),
		cmocka_unit_test(a_card_leaves_in_the_middle_of_a_write),
		cmocka_unit_test(the_button_can_be_locked),
		cmocka_unit_test(an_empty_slot_gets_a_card),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(a_cable_is_pulled),
		cmocka_unit_test(a_cable_is_pulled_anywhere),
		cmocka_unit_test(a_suspended_bus_is_silent),
		cmocka_unit_test(a_port_reset_wakes),
		cmocka_unit_test(cbws_are_counted),
		cmocka_unit_test(bytes_of_a_command_are_counted),
		cmocka_unit_test(the_world_changes_and_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
