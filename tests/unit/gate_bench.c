/* SPDX-License-Identifier: BSD-2-Clause */
/* See gate_bench.h. */
#include "gate_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

const struct msc_session_options gate_allowed = { .timeout_ns = MSC_S, .allow_writes = true };

static const uint8_t writes[] = { 0x0a, 0x2a, 0xaa, 0x8a };

void gate_read_medium(const struct gate_bench *b, uint8_t medium[GATE_SIZE])
{
	FILE *f = fopen(b->path, "rb");

	assert_non_null(f);
	assert_int_equal(fread(medium, 1, GATE_SIZE, f), GATE_SIZE);
	fclose(f);
}

void gate_make_medium(struct gate_bench *b)
{
	int fd;

	strcpy(b->path, "/tmp/mscope-gate-XXXXXX");
	fd = mkstemp(b->path);
	assert_true(fd >= 0);
	for (size_t i = 0; i < GATE_SIZE; i++)
		b->before[i] = (uint8_t)(i * 7 + i / 512);
	assert_int_equal(write(fd, b->before, GATE_SIZE), GATE_SIZE);
	close(fd);
}

void gate_open(struct gate_bench *b, const char *knobs, const struct msc_session_options *o)
{
	const struct msc_open_options open = { .allow_writes = true };
	struct msc_err err = MSC_ERR_INIT;
	char name[160];

	gate_make_medium(b);
	setenv("MSCOPE_WATCH_MEDIUM", "1", 1);
	snprintf(name, sizeof name, "sim:reference,luns=2,file=%s%s", b->path, knobs);
	b->target = msc_target_open(name, &open, &err);
	if (!b->target)
		fail_msg("%s: %s", name, err.msg);
	b->session = msc_session_new(b->target, o);
	assert_non_null(b->session);
	assert_int_equal(msc_session_learn(b->session, 0, &err), 0);
}

void gate_permit(struct gate_bench *b, uint8_t lun, uint64_t first, uint64_t blocks, unsigned *id)
{
	const struct msc_permit p = { .lun = lun,
				      .first = first,
				      .blocks = blocks,
				      .block_size = 512,
				      .opcodes = writes,
				      .n_opcodes = sizeof writes };
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_gate_permit(b->session, &p, id, &err), 0);
}

void gate_close(struct gate_bench *b)
{
	msc_session_free(b->session);
	msc_target_close(b->target);
	unlink(b->path);
}

void gate_check_medium(const struct gate_bench *b, const char *what)
{
	static uint8_t now[GATE_SIZE];

	gate_read_medium(b, now);
	for (size_t i = 0; i < GATE_BLOCKS; i++)
		if ((i < GATE_FIRST || i >= GATE_FIRST + GATE_COUNT) &&
		    memcmp(now + i * 512, b->before + i * 512, 512) != 0)
			fail_msg("%s: block %zu was written", what, i);
}

int gate_poll(struct gate_bench *b, const void *bytes, size_t len, struct msc_err *err)
{
	return msc_session_poll(b->session, b->target->device.ep_out, bytes, len, 5 * MSC_MS, NULL,
				err);
}
