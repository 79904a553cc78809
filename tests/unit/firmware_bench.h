/* SPDX-License-Identifier: BSD-2-Clause */
/* A host for tests of firmware models: it drives the simulated bus directly, one transfer at a
 * time, and judges nothing. */
#ifndef TESTS_UNIT_FIRMWARE_BENCH_H
#define TESTS_UNIT_FIRMWARE_BENCH_H

#include "firmware/spec.h"
#include "wire/bot.h"
#include "wire/scsi.h"

#define BENCH_IN  0x81
#define BENCH_OUT 0x02

enum bench_outcome { DONE, STALLED, TIMED_OUT, BABBLED, OTHER };

struct bench {
	struct msc_spec spec;
	const struct msc_firmware *firmware;
	struct sim_device *device;
	struct bus *bus;
	void *state;
	uint32_t tag;
};

/* What came of one command. */
struct bench_result {
	enum bench_outcome data_outcome; /* of the data transfer; DONE when there was none */
	size_t moved;			 /* bytes of it */
	bool stalled_in, stalled_out;	 /* at any time */
	bool have_csw;			 /* valid, with the right tag */
	uint32_t residue;
	uint8_t status;
};

/* "reference" with knobs "luns=2,wp=1,event=card-out@1s" (NULL: none) and faults by id (NULL-terminated, or NULL).
 * Fails the test when it cannot. The device is enumerated and configured. */
void bench_open(struct bench *, const char *firmware, const char *knobs, enum msc_speed,
		const char *const *faults);
void bench_close(struct bench *);
void bench_configure(struct bench *);

enum bench_outcome bench_control(struct bench *, uint8_t type, uint8_t request, uint16_t value,
				 uint16_t index, uint16_t length, void *data, size_t *actual);
enum bench_outcome bench_bulk(struct bench *, uint8_t ep, void *data, size_t len, size_t *actual);
void bench_clear_halt(struct bench *, uint8_t ep);
void bench_reset_recovery(struct bench *);

/* Sends a CBW of that command block, moves `length` bytes in or out, fetches the CSW; clears
 * halts on the way as BOT 1.0, 5.3.3 wants. data has room for length bytes, or is NULL. */
struct bench_result bench_command(struct bench *, uint8_t lun, const uint8_t *cb, uint8_t cb_length,
				  bool in, uint32_t length, void *data);

/* REQUEST SENSE: key, ASC and ASCQ in one number. */
uint32_t bench_sense(struct bench *, uint8_t lun);
/* TEST UNIT READY until the unit attention of power-on is gone. */
void bench_settle(struct bench *);

#endif
