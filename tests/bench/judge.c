/* SPDX-License-Identifier: BSD-2-Clause */
/* What it costs to conclude and judge a clean READ(10), after so many others: bench_judge builds and runs it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "judge/judge.h"
#include "record/assemble.h"

#define TIMES  100 /* that each is judged: a look at the clock costs more than that */
#define SAMPLE 64  /* of so many one, in the long run */

static uint8_t block[512];
static struct msc_findings findings;
static int64_t spent_ns;
static long judged, samples;
static uint64_t number;
static int64_t at_ns;

static void die(const char *why)
{
	fprintf(stderr, "bench_judge: %s\n", why);
	exit(70);
}

static void judge(void *user, const struct msc_record *r)
{
	struct msc_err err = MSC_ERR_INIT;
	int64_t began;

	(void)user;
	if (judged++ % SAMPLE && judged > 1000)
		return;
	began = msc_cpu_time_ns();
	for (int i = 0; i < TIMES; i++) {
		msc_record_conclude((struct msc_record *)(uintptr_t)r); /* the same again */
		if (msc_judge(r, MSC_PROFILE_USBIF, &findings, &err) < 0)
			die(err.msg);
	}
	spent_ns += msc_cpu_time_ns() - began;
	samples += TIMES;
}

static void move(struct msc_assembler *a, uint8_t ep, const uint8_t *data, size_t len)
{
	struct msc_log_entry e = { MSC_ENTRY_TRANSFER };
	struct msc_err err = MSC_ERR_INIT;

	e.u.transfer = (struct msc_transfer){ .kind = MSC_TRANSFER_BULK,
					      .number = ++number,
					      .ep = ep,
					      .submitted_ns = at_ns,
					      .asked = len };
	if (msc_assemble(a, &e, &err) < 0)
		die(err.msg);
	e.u.transfer.ended = true;
	e.u.transfer.outcome = MSC_OUT_DONE;
	e.u.transfer.actual = e.u.transfer.kept = len;
	e.u.transfer.data = data;
	e.u.transfer.completed_ns = at_ns += 100;
	if (msc_assemble(a, &e, &err) < 0)
		die(err.msg);
}

static void command(struct msc_assembler *a, const uint8_t cdb[10], const uint8_t *data, size_t len)
{
	static uint32_t tag;
	uint8_t wrapper[MSC_CBW_LEN], status[MSC_CSW_LEN];
	struct msc_cbw cbw = { .h = { MSC_CBW_SIGNATURE, ++tag, (uint32_t)len, MSC_CBW_FLAG_IN, 0,
				      10 } };
	struct msc_csw csw = { MSC_CSW_SIGNATURE, tag, 0, 0 };

	memcpy(cbw.cb, cdb, 10);
	msc_cbw_pack(wrapper, &cbw);
	msc_csw_pack(status, &csw);
	move(a, 0x02, wrapper, sizeof wrapper);
	move(a, 0x81, data, len);
	move(a, 0x81, status, sizeof status);
}

int main(void)
{
	static const uint8_t capacity[10] = { MSC_OP_READ_CAPACITY_10 };
	static const uint8_t blocks[8] = { 0, 0x0f, 0, 0, 0, 0, 2, 0 };
	static struct msc_device device = { .name = "bench",
					    .speed = MSC_SPEED_HIGH,
					    .ep_in = 0x81,
					    .ep_out = 0x02,
					    .max_packet_in = 512,
					    .max_packet_out = 512 };
	const struct msc_log_entry notes[] = {
		{ MSC_ENTRY_NOTE, { .note = { .kind = MSC_NOTE_DEVICE, .device = &device } } },
		{ MSC_ENTRY_NOTE, { .note = { .kind = MSC_NOTE_FRESH } } },
	};
	struct msc_assembler *a = msc_assembler_new(judge, NULL);
	struct msc_err err = MSC_ERR_INIT;
	uint8_t read[10] = { MSC_OP_READ_10, [8] = 1 };
	long done = 0;

	if (!a || msc_assemble(a, &notes[0], &err) < 0 || msc_assemble(a, &notes[1], &err) < 0)
		die("out of memory");
	command(a, capacity, blocks, sizeof blocks);
	for (long count = 10; count <= 1000000; count *= 10) {
		for (spent_ns = samples = 0; done < count; done++) {
			msc_put_be32(read + 2, (uint32_t)(5 + done % 3 * 2));
			command(a, read, block, sizeof block);
		}
		printf("%ld %" PRId64 "\n", count, spent_ns / samples);
	}
	if (findings.count)
		die(findings.list[0].rule->id);
	msc_assembler_free(a);
	return 0;
}
