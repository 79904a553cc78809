/* SPDX-License-Identifier: BSD-2-Clause */
/* A session on a simulated device whose medium is a file, so that a test of the gate sees what was
 * really written. */
#ifndef MSC_TESTS_GATE_BENCH_H
#define MSC_TESTS_GATE_BENCH_H

#include <stdint.h>

#include "session/gate.h"

#define GATE_BLOCKS 256
#define GATE_SIZE   (GATE_BLOCKS * 512)
#define GATE_FIRST  100 /* of what is permitted */
#define GATE_COUNT  8

extern const struct msc_session_options gate_allowed; /* to write */

struct gate_bench {
	char path[32];
	struct msc_target *target;
	struct msc_session *session;
	uint8_t before[GATE_SIZE];
};

void gate_make_medium(struct gate_bench *);
void gate_read_medium(const struct gate_bench *, uint8_t medium[GATE_SIZE]);
/* sim:reference with two units, and these knobs more. */
void gate_open(struct gate_bench *, const char *knobs, const struct msc_session_options *);
void gate_close(struct gate_bench *);
/* WRITE(6), (10), (12), (16) */
void gate_permit(struct gate_bench *, uint8_t lun, uint64_t first, uint64_t blocks, unsigned *id);
/* Fails the test when a block outside of GATE_FIRST and GATE_COUNT is not as it was. */
void gate_check_medium(const struct gate_bench *, const char *what);
/* Bare bytes on bulk-out. */
int gate_poll(struct gate_bench *, const void *bytes, size_t len, struct msc_err *);

#endif
