/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware of others, in a shared object (mscope_firmware.h). Private to this directory. */
#ifndef MSC_FIRMWARE_EXTERNAL_EXTERNAL_H
#define MSC_FIRMWARE_EXTERNAL_EXTERNAL_H

#include "firmware/firmware.h"
#include "mscope_firmware.h"

#define EXTERNAL_KNOBS_MAX 16 /* of its own */
#define EXTERNAL_VALUE_MAX 64 /* bytes, with NUL */

/* One device's copy of the shared object. */
struct external_copy {
	const char *path;
	void *handle; /* NULL: none is loaded */
	void *guard;  /* pages behind its globals that nobody may touch; NULL: there was no room */
	const struct mscope_firmware *fw;
	struct external_timer *timers; /* that have not expired, or were lost with the power */
};

/* A timer of the firmware, of one life of it. */
struct external_timer {
	struct external_timer *next;
	struct external *x;
	unsigned life;
	void (*fn)(mscope_board *, void *);
	void *arg;
};

/* What a handler has done since it began; of main, lately. */
struct external_work {
	unsigned calls;
	int64_t since_ns; /* main made the first of these */
	int64_t spun_ns;  /* main: while an interrupt waits that it has disabled */
};

/* The model's state: what the knobs set, and what is had anew at each power-on. */
struct external {
	mscope_board board; /* the first: the firmware has its address */
	struct mcu *mcu;
	struct external_copy *copy; /* the device's: it outlives a power-on */
	struct sema *woken;	    /* a handler has run */
	struct sema *never;
	unsigned life;	 /* of the firmware: it has been started so often */
	bool dead;	 /* it has crashed, or hangs */
	bool handling;	 /* a handler runs, or `start`; else main */
	struct external_work work; /* of what runs */
	unsigned timers; /* of this life that have not expired */
	char why[96];	 /* it does not come to its end */
	struct {
		char file[256];
		uint64_t blocks;
		uint32_t block_size;
		bool wp;
		int64_t read_ns, write_ns;
		char own[EXTERNAL_KNOBS_MAX][EXTERNAL_VALUE_MAX];
	} knob;
};

/* library.c: loads a copy whose globals nobody else has; the one before is unloaded. */
int external_load(struct external_copy *, struct msc_err *) MSC_MUST_CHECK;
void external_unload(struct external_copy *);
void external_timers_free(struct external_copy *); /* when none of them can expire any more */

/* external.c: calls fn(arg), which is the firmware's, unless it is dead or that life of it is over. `where` is
 * for the remark. */
void external_run(struct mcu *, const char *where, unsigned life, void (*fn)(void *), void *arg);

/* board.c: the calls of a board. */
extern const mscope_board external_board;

#endif
