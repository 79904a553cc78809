/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of a simulated microcontroller share; private to sim/.
 *
 *	mcu.c   the processor: interrupts in order, the cursor, timers
 *	task.c  tasks on stacks of their own, and who of them runs
 *	sync.c  semaphores and queues between them and the interrupts
 *	udc.c   the USB peripheral, between the firmware's calls and the bus's tokens
 *	mutate.c  the hooks of mutants on what passes between them
 *	card.c  storage
 *	sdcard.c  the same behind the commands of an SD card on SPI
 */
#ifndef MSC_SIM_INTERNAL_H
#define MSC_SIM_INTERNAL_H

#include "sim/device.h"
#include "sim/udc.h"

enum { MCU_SLOTS = 16 };

struct card;
struct scheduler;
struct task;
struct mutation;
struct sd;

/* An interrupt waiting for the processor. */
struct irq {
	void (*fn)(struct mcu *, const struct irq *);
	uint8_t ep;
	size_t len;
	struct msc_setup setup;
	void (*timer)(struct mcu *, void *arg);
	void *arg;
};

struct mcu {
	struct sim *sim;
	const struct sim_device_config *config;
	void *state;
	struct udc *udc;
	struct scheduler *tasks;
	struct mutation *mutation; /* NULL: no mutant is active */
	struct card *card[MCU_SLOTS];
	struct sd *sd; /* NULL: no SD card was inserted */
	struct msc_err *err; /* during power-on: why the device cannot start */
	/* the processor */
	bool in_irq;
	int64_t cursor;	   /* of the running handler */
	int64_t busy_until; /* the last handler's last cursor */
	int64_t busy_ns;   /* interrupts and tasks, since it was last asked */
	struct irq *queue; /* a ring of room entries */
	size_t first, count, room;
};

/* Raises an interrupt now; it is served when the processor is free. */
void mcu_raise(struct mcu *, const struct irq *);

/* ns of the device's own clock in ns of the bus's: the clock may drift. */
int64_t mcu_scale(const struct mcu *, int64_t ns);

/* Runs fn(arg) when simulated time reaches the caller's cursor; at once in a task. */
void mcu_effect(struct mcu *, sim_fn *fn, void *arg);
void mcu_effect_owned(struct mcu *, sim_fn *fn, void *arg); /* arg is freed afterwards */

/* Ends the run, naming the model: "sim:reference: udc_transmit: endpoint 0x81 is busy". */
void mcu_misuse(struct mcu *, const char *fmt, ...) MSC_PRINTF(2, 3);

/* -- task.c -- */
struct scheduler *tasks_new(struct mcu *);
void tasks_free(struct scheduler *);
/* An interrupt takes the processor from the running task, and gives it back at when_ns. */
void tasks_pause(struct scheduler *);
void tasks_resume(struct scheduler *);
bool tasks_inside(const struct scheduler *); /* the caller runs on a task's stack */
void tasks_spin(struct scheduler *, int64_t ns);
/* The task that makes this call; NULL: none does, which is misuse of it. */
struct task *tasks_running(struct mcu *, const char *call);
void tasks_block(struct task *); /* the running one, until: */
void tasks_wake(struct task *, bool from_irq);
/* Zeroed, and freed with the scheduler. NULL ends the run. */
void *tasks_alloc(struct scheduler *, size_t size);

/* -- udc.c -- */
/* A buffer that the peripheral still uses overlaps [buf, buf + len). */
bool udc_uses(const struct udc *, const void *buf, size_t len);

/* Below the mutants: hands bytes to bulk-in. `copied` data is the peripheral's own; `tell` raises
 * in_done when it is gone. */
void udc_queue_in(struct udc *, uint8_t ep, const void *data, size_t len, bool copied, bool tell);
void udc_raw_drop(struct udc *, uint8_t ep);
void udc_raw_stall(struct udc *, uint8_t ep);
void udc_raw_unstall(struct udc *, uint8_t ep, bool reset_toggle);
void udc_raw_ep0_send(struct udc *, const uint8_t *data, size_t len);
/* Raises in_done as if the firmware's bytes had been sent. */
void udc_tell_sent(struct udc *, uint8_t ep);
/* Arms the same buffer again, from its beginning. */
void udc_receive_again(struct udc *, uint8_t ep);

/* -- mutate.c: every one of these passes straight through when no mutant is active ------------ */
struct mutation *mutation_new(const struct mutant_ops *const *, size_t n);
void mutation_free(struct mutation *);
void mutation_opened(struct mcu *, uint8_t ep, bool *keep_toggle, bool *keep_halt);
void mutation_reset(struct mcu *);
enum mutant_verdict mutate_setup(struct mcu *, struct msc_setup *);
void mutate_control_in(struct mcu *, const struct msc_setup *, uint8_t *buf, size_t *len,
		       size_t max);
enum mutant_verdict mutate_received(struct mcu *, uint8_t ep, uint8_t *buf, size_t *len);
void mutate_transmit(struct mcu *, uint8_t ep, const void *buf, size_t len);
void mutate_stall(struct mcu *, uint8_t ep);
void mutate_unstall(struct mcu *, uint8_t ep);
bool mutate_card_read(struct mcu *, uint64_t lba, uint32_t blocks, uint8_t *data);
bool mutate_card_write(struct mcu *, uint64_t *lba, uint32_t *blocks);

/* -- card.c -- */
void card_free(struct card *);
/* Time passes for the caller while the medium works: a handler polls, a task sleeps. */
void card_pass_time(struct mcu *, int64_t ns);

/* -- sdcard.c -- */
void sd_free(struct sd *);

#endif
