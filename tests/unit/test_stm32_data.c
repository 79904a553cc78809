/* SPDX-License-Identifier: BSD-2-Clause */
/* The model `stm32` as a disk: bytes come back as they were written in every stage, whatever is
 * interrupted and wherever; a card that fails is reported; and the volume on the card is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware_bench.h"
#include "session/session.h"

static const char *const stages[] = { "cube", "async", "double", "single-block", "yield" };

struct rig {
	struct msc_target *target;
	struct msc_session *session;
};

static void rig_open(struct rig *r, const char *knobs)
{
	struct msc_open_options open = { .allow_writes = true };
	struct msc_session_options options = { .timeout_ns = 5 * MSC_S,
					       .allow_writes = true,
					       .allow_unsafe = true };
	struct msc_err err = MSC_ERR_INIT;
	char name[96];

	snprintf(name, sizeof name, "sim:stm32,%s", knobs);
	r->target = msc_target_open(name, &open, &err);
	if (!r->target)
		fail_msg("%s: %s", name, err.msg);
	r->session = msc_session_new(r->target, &options);
	assert_non_null(r->session);
}

/* With a fast card it is the card that has to wait for the bus. None pauses: in stage cube the
 * device would be deaf meanwhile, to a reset too. */
static void rig_stage(struct rig *r, const char *stage, bool fast)
{
	char knobs[64];

	snprintf(knobs, sizeof knobs, "stage=%s,pauses=0%s", stage,
		 fast ? ",read-wait=1us,write-wait=1us" : "");
	rig_open(r, knobs);
}

static void rig_close(struct rig *r)
{
	msc_session_free(r->session);
	msc_target_close(r->target);
}

static void prepare(struct msc_request *rq, bool write, uint32_t lba, uint16_t blocks)
{
	uint8_t cdb[10] = { write ? MSC_OP_WRITE_10 : MSC_OP_READ_10 };

	msc_put_be32(cdb + 2, lba);
	msc_put_be16(cdb + 7, blocks);
	msc_request_init(rq, cdb, sizeof cdb, write ? MSC_DIR_OUT : MSC_DIR_IN, blocks * 512u);
}

static const struct msc_exchange *exchange(struct rig *r, const struct msc_request *rq)
{
	const struct msc_record *record;
	struct msc_err err = MSC_ERR_INIT;

	msc_session_forget(r->session);
	if (msc_session_exchange(r->session, rq, &record, &err) < 0)
		fail_msg("%s: %s", r->target->device.name, err.msg);
	return &record->u.exchange;
}

/* A pattern that tells blocks, positions in them and versions apart. */
static void fill(uint8_t *p, uint32_t lba, uint16_t blocks, uint8_t version)
{
	for (uint32_t i = 0; i < blocks * 512u; i++)
		p[i] = (uint8_t)((lba + i / 512) * 31 + i % 512 * 7 + version);
}

/* In one transfer, or in pieces with the host's pauses in between. */
static void write_blocks(struct rig *r, uint32_t lba, uint16_t blocks, uint8_t version,
			 size_t piece)
{
	uint8_t *out = malloc(blocks * 512u);
	const struct msc_exchange *x;
	struct msc_request rq;

	fill(out, lba, blocks, version);
	prepare(&rq, true, lba, blocks);
	rq.out = out;
	rq.out_split = piece;
	x = exchange(r, &rq);
	assert_true(x->have_csw && x->csw.status == MSC_CSW_PASSED && x->csw.residue == 0);
	free(out);
}

static void expect_blocks(struct rig *r, uint32_t lba, uint16_t blocks, uint8_t version)
{
	uint8_t *wanted = malloc(blocks * 512u);
	const struct msc_exchange *x;
	struct msc_request rq;

	fill(wanted, lba, blocks, version);
	prepare(&rq, false, lba, blocks);
	x = exchange(r, &rq);
	assert_true(x->have_csw && x->csw.status == MSC_CSW_PASSED && x->csw.residue == 0);
	assert_int_equal(x->data_len, blocks * 512u);
	assert_memory_equal(x->data, wanted, blocks * 512u);
	free(wanted);
}

static void bytes_come_back(void **state)
{
	static const uint16_t sizes[] = { 1, 2, 3, 4, 7, 8, 128 };

	(void)state;
	for (size_t s = 0; s < 2 * MSC_COUNT(stages); s++) {
		struct rig r;

		rig_stage(&r, stages[s / 2], s % 2);
		for (size_t i = 0; i < MSC_COUNT(sizes); i++) {
			write_blocks(&r, 50000, sizes[i], (uint8_t)i, i % 2 ? 512 : 0);
			expect_blocks(&r, 50000, sizes[i], (uint8_t)i);
		}
		expect_blocks(&r, 50000, 128, MSC_COUNT(sizes) - 1);
		rig_close(&r);
	}
}

/* ---- interruptions ------------------------------------------------------------------------------- */

#define PLACE 60000
#define BEFORE 99 /* the version of the command that is interrupted */

/* Begins a command of 8 blocks, of which the host moves so many; leaves it after so long, and
 * recovers. */
static void interrupt(struct rig *r, bool write, size_t blocks, int64_t after_ns, bool port)
{
	enum msc_outcome outcome = MSC_OUT_DONE;
	struct msc_err err = MSC_ERR_INIT;
	uint8_t cbw[MSC_CBW_LEN], data[8 * 512];
	struct msc_request rq;
	struct msc_xfer x;

	prepare(&rq, write, PLACE, 8);
	msc_cbw_pack(cbw, &rq.cbw);
	x = (struct msc_xfer){ .ep = r->target->device.ep_out, .data = cbw, .len = sizeof cbw };
	assert_int_equal(msc_transfer(r->target, &x, MSC_S, &err), 0);
	assert_int_equal(x.outcome, MSC_OUT_DONE);
	x = (struct msc_xfer){ .ep = write ? r->target->device.ep_out : r->target->device.ep_in,
			       .data = data,
			       .len = blocks * 512 };
	fill(data, PLACE, 8, BEFORE);
	assert_int_equal(msc_submit(r->target, &x, &err), 0);
	msc_wait_until(r->target->clock, msc_now(r->target->clock) + after_ns);
	assert_int_equal(msc_wait(r->target, &x, msc_now(r->target->clock), &err), 0);
	if (x.outcome == MSC_OUT_PENDING)
		assert_int_equal(msc_cancel(r->target, &x, &err), 0);
	if (port)
		assert_int_equal(msc_session_port_reset(r->session, NULL, &err), 0);
	else
		assert_int_equal(msc_session_reset_recovery(r->session, &outcome, &err), 0);
	assert_int_equal(outcome, MSC_OUT_DONE);
	msc_session_forget(r->session);
}

/* What was interrupted has been written or not, each block as a whole. */
static void expect_whole_blocks(struct rig *r, uint32_t lba, uint16_t blocks)
{
	for (uint16_t i = 0; i < blocks; i++) {
		uint8_t written[512], untouched[512] = { 0 };
		const struct msc_exchange *x;
		struct msc_request rq;

		fill(written, lba + i, 1, BEFORE);
		prepare(&rq, false, lba + i, 1);
		x = exchange(r, &rq);
		assert_int_equal(x->data_len, 512);
		if (memcmp(x->data, written, 512) != 0)
			assert_memory_equal(x->data, untouched, 512);
	}
}

/* At many instants of a read and of a write, so that every state of the card's task is met: the
 * next commands are as if nothing had been. */
static void interrupted_anywhere(void **state)
{
	(void)state;
	for (size_t s = 0; s < 2 * MSC_COUNT(stages); s++) {
		struct rig r;

		rig_stage(&r, stages[s / 2], s % 2);
		for (unsigned i = 0; i < 480; i++) {
			bool write = i & 1, port = i & 2;

			interrupt(&r, write, 1 + i / 4 % 8, (int64_t)i / 4 * 83 * MSC_US, port);
			write_blocks(&r, PLACE, 4, (uint8_t)i, 512);
			expect_blocks(&r, PLACE, 4, (uint8_t)i);
			expect_whole_blocks(&r, PLACE + 4, 4);
		}
		rig_close(&r);
	}
}

/* The host ends the data early with a short packet: a phase error, and the device goes on. */
static void data_that_ends_early(void **state)
{
	(void)state;
	for (size_t s = 0; s < MSC_COUNT(stages); s++) {
		for (uint32_t len = 31; len < 5 * 512; len += 400) {
			struct msc_err err = MSC_ERR_INIT;
			const struct msc_exchange *x;
			struct msc_request rq;
			struct rig r;

			rig_stage(&r, stages[s], false);
			prepare(&rq, true, 70000, 5);
			rq.out_len = len;
			rq.out = calloc(1, 5 * 512);
			x = exchange(&r, &rq);
			free((void *)rq.out);
			assert_true(x->have_csw);
			assert_int_equal(x->csw.status, MSC_CSW_PHASE_ERROR);
			assert_int_equal(msc_session_reset_recovery(r.session, NULL, &err), 0);
			write_blocks(&r, 70000, 5, 3, 0);
			expect_blocks(&r, 70000, 5, 3);
			rig_close(&r);
		}
	}
}

/* ---- a card that fails ----------------------------------------------------------------------------- */

#define BAD_BLOCK 80003

static bool bad_read(struct mcu *m, const struct mutant_view *v, uint64_t lba, uint32_t blocks,
		     uint8_t *data, void *state)
{
	(void)m, (void)v, (void)blocks, (void)data, (void)state;
	return lba != BAD_BLOCK;
}

static bool bad_write(struct mcu *m, const struct mutant_view *v, uint64_t *lba, uint32_t *blocks,
		      void *state)
{
	(void)m, (void)v, (void)blocks, (void)state;
	return *lba != BAD_BLOCK;
}

static void power_on(struct bench *b, size_t stage)
{
	static const struct mutant_ops worn = { .card_read = bad_read, .card_write = bad_write };
	static const struct mutant_ops *const mutants[] = { &worn };
	struct sim_device_config c = { .name = "stm32",
				       .mutants = mutants,
				       .n_mutants = 1,
				       .speed = MSC_SPEED_FULL,
				       .bus = { .host = BUS_HOST_UHCI },
				       .seed = 1 };
	struct msc_err err = MSC_ERR_INIT;

	*b = (struct bench){ .tag = 1 };
	b->firmware = msc_firmware_find("stm32", &err);
	assert_non_null(b->firmware);
	b->state = calloc(1, b->firmware->state_size);
	msc_knobs_init(b->firmware->knobs, b->state);
	assert_int_equal(msc_knob_set(msc_knob_find(b->firmware->knobs, "stage"), b->state,
				      stages[stage], &err),
			 0);
	c.vectors = &b->firmware->vectors;
	c.state = b->state;
	c.state_size = b->firmware->state_size;
	b->device = sim_device_new(&c, &err);
	assert_non_null(b->device);
	b->bus = sim_device_bus(b->device);
	bus_port_reset(b->bus);
	bus_open_endpoint(b->bus, 0, 64);
	bench_configure(b);
}

static void errors_of_the_card(void **state)
{
	static const uint8_t read[10] = { MSC_OP_READ_10, 0, 0, 1, 0x38, 0x80, 0, 0, 8 };
	static const uint8_t write[10] = { MSC_OP_WRITE_10, 0, 0, 1, 0x38, 0x80, 0, 0, 8 };
	static const uint8_t next[10] = { MSC_OP_READ_10, 0, 0, 1, 0x38, 0x84, 0, 0, 1 };

	(void)state; /* blocks 80000 to 80007, of which the fourth is bad */
	for (size_t s = 0; s < MSC_COUNT(stages); s++) {
		static const uint8_t untouched[512];
		uint8_t data[8 * 512];
		struct bench_result x;
		struct bench b;

		power_on(&b, s);
		for (int again = 0; again < 2; again++) {
			x = bench_command(&b, 0, read, sizeof read, true, 8 * 512, NULL);
			assert_true(x.have_csw && x.stalled_in);
			assert_int_equal(x.status, MSC_CSW_FAILED);
			assert_int_equal(x.moved, 3 * 512);
			assert_int_equal(x.residue, 5 * 512);
			assert_int_equal(bench_sense(&b, 0), 0x031100);
			memset(data, 0xa5, sizeof data);
			x = bench_command(&b, 0, write, sizeof write, false, 8 * 512, data);
			assert_true(x.have_csw && x.stalled_out);
			assert_int_equal(x.status, MSC_CSW_FAILED);
			assert_int_equal(x.residue, 5 * 512);
			assert_int_equal(bench_sense(&b, 0), 0x030c00);
			x = bench_command(&b, 0, next, sizeof next, true, 512, data);
			assert_int_equal(x.status, MSC_CSW_PASSED);
			assert_memory_equal(data, untouched, 512);
		}
		bench_close(&b);
	}
}

/* ---- what is on the card --------------------------------------------------------------------------- */

static const uint8_t *block(struct rig *r, uint32_t lba)
{
	const struct msc_exchange *x;
	struct msc_request rq;

	prepare(&rq, false, lba, 1);
	x = exchange(r, &rq);
	assert_int_equal(x->data_len, 512);
	assert_int_equal(x->csw.status, MSC_CSW_PASSED);
	return x->data;
}

struct volume {
	const char *card, *cluster;
	uint32_t blocks, cluster_blocks;
};

static void check_volume(const struct volume *v)
{
	uint32_t start, total, fat, clusters;
	char knobs[64];
	const uint8_t *b;
	struct rig r;

	snprintf(knobs, sizeof knobs, "card=%s,cluster=%s", v->card, v->cluster);
	rig_open(&r, knobs);
	b = block(&r, 0);
	assert_int_equal(b[446 + 4], 0x0c);
	start = msc_get_le32(b + 446 + 8);
	total = msc_get_le32(b + 446 + 12);
	assert_int_equal(start + total, v->blocks);
	assert_int_equal(msc_get_le16(b + 510), 0xaa55);

	b = block(&r, start);
	assert_int_equal(b[13], v->cluster_blocks);
	assert_int_equal(msc_get_le32(b + 28), start);
	assert_int_equal(msc_get_le32(b + 32), total);
	fat = msc_get_le32(b + 36);
	clusters = (total - 32 - 2 * fat) / v->cluster_blocks;
	/* there is an entry for every cluster, and not a sector more than that takes */
	assert_true(fat * 128 >= clusters + 2);
	assert_true((fat - 1) * 128 < (total - 32 - 2 * (fat - 1)) / v->cluster_blocks + 2);
	assert_int_equal(msc_get_le32(block(&r, start + 1) + 488), clusters - 1);
	assert_memory_equal(block(&r, start + 6) + 82, "FAT32   ", 8);
	assert_int_equal(msc_get_le32(block(&r, start + 32)), 0x0ffffff8);
	assert_int_equal(msc_get_le32(block(&r, start + 32 + fat) + 8), 0x0fffffff);
	assert_int_equal(block(&r, start + 32 + 2 * fat)[11], 0x08);
	assert_int_equal(msc_get_le32(block(&r, start + 32 + fat - 1) + 508), 0);
	rig_close(&r);
}

static void the_volume_on_the_card(void **state)
{
	static const struct volume volumes[] = {
		{ "c6-8g", "4k", 15523840, 8 },	  { "c6-8g", "16k", 15523840, 32 },
		{ "c6-8g", "32k", 15523840, 64 }, { "c10-8g", "4k", 15564800, 8 },
		{ "sd-32g", "16k", 62333952, 32 },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(volumes); i++)
		check_volume(&volumes[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_back),
		cmocka_unit_test(interrupted_anywhere),
		cmocka_unit_test(data_that_ends_early),
		cmocka_unit_test(errors_of_the_card),
		cmocka_unit_test(the_volume_on_the_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
