/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of a simulated microcontroller share; private to sim/.
 *
 *	mcu.c   the processor: interrupts in order, the cursor, timers
 *	task.c  tasks on stacks of their own, and who of them runs
 *	sync.c  semaphores and queues between them and the interrupts
 *	world.c when something happens from outside: the points of what passes
 *	udc.c   the USB peripheral, between the firmware's calls and the bus's tokens (endpoint.h)
 *	mutate.c  the hooks of mutants on what passes between them; mutate_ep0.c on endpoint 0
 *	card.c  storage
 *	flash.c   what a medium of flash costs
 *	sdcard.c  storage behind the commands of an SD card on SPI
 *	power.c power off and on again
 *	event.c what happens from outside, and to what
 *
 * In this order: each calls only those before it, but for the processor and its tasks.
 */
#ifndef MSC_SIM_INTERNAL_H
#define MSC_SIM_INTERNAL_H

#include "sim/device.h"
#include "sim/udc.h"

enum { MCU_SLOTS = 16, EP0_PACKET_MAX = 64 };

/* Of a card that an event brings: other than what fill=noise holds. */
#define NOISE UINT64_C(0x6d73000000000000)

struct card;
struct scheduler;
struct task;
struct mutation;
struct sd;
struct world;
struct events;

struct irq;
typedef void irq_fn(struct mcu *, const struct irq *);

/* An interrupt waiting for the processor. */
struct irq {
	irq_fn *fn;
	uint8_t ep;
	size_t len;
	uint8_t slot;
	bool present;
	uint64_t number;
	struct msc_setup setup;
	void (*timer)(struct mcu *, void *arg);
	void *arg;
};

struct mcu {
	struct sim *sim;
	const struct sim_device_config *config;
	void *state;
	void *initial; /* state with its knobs set, for each power-on */
	struct udc *udc;
	struct scheduler *tasks;
	struct mutation *mutation; /* NULL: no mutant is active */
	struct card *card[MCU_SLOTS];
	struct card_geometry socket[MCU_SLOTS]; /* of the first card; block_size 0: no socket */
	struct sd *sd; /* NULL: no SD card was inserted */
	struct msc_err *err; /* during power-on: why the device cannot start */
	struct bus *bus;
	struct world *world;   /* NULL: nothing happens to it */
	struct events *events; /* the same */
	uint64_t cards;	       /* made so far */
	bool off, again;       /* without power; it has been so */
	int64_t restarts_ns;   /* mutant_restart: when it is back */
	char remark[192];    /* the first that nobody has asked for; empty: none */
	unsigned remarks;    /* how many there were since */
	char death[128];     /* of what the firmware died, if nobody has asked; empty: it has not */
	/* the processor */
	bool in_irq;
	int64_t cursor;	   /* of the running handler */
	int64_t busy_until; /* the last handler's last cursor */
	int64_t busy_ns;   /* interrupts and tasks, since it was last asked */
	struct irq *queue; /* a ring of room entries */
	size_t first, count, room;
	unsigned disabled; /* interrupts: so often */
	bool sync_asked;   /* the command under way is SYNCHRONIZE CACHE */
	int64_t *medium_ns; /* where the time of flash is added instead of passing; NULL: it passes */
	bool held;	   /* the first of the queue was due, and waits for them to be enabled */
};

/* sim_at for what ends when the power goes. */
void mcu_at(struct mcu *, int64_t when_ns, sim_fn *fn, void *arg);

/* Raises an interrupt now; it is served when the processor is free. */
void mcu_raise(struct mcu *, const struct irq *);
/* The same of a bulk endpoint: where the stack polls, it sees it when it looks. */
void mcu_raise_polled(struct mcu *, const struct irq *);
void mcu_raise_later(struct mcu *, int64_t ns, const struct irq *); /* than now, for whom runs */
void mcu_raise_card(struct mcu *, uint8_t slot, bool present);
void mcu_raise_eject(struct mcu *, uint8_t slot);

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
/* None of them runs any more, and all that they have queued has been dropped. */
void tasks_halt(struct scheduler *);
void tasks_end(struct scheduler *); /* of which there are none then; from outside of them */
/* An interrupt takes the processor from the running task, and gives it back at when_ns. */
void tasks_pause(struct scheduler *);
void tasks_resume(struct scheduler *);
void tasks_shift_tick(struct scheduler *, int64_t ns); /* later */
bool tasks_inside(const struct scheduler *); /* the caller runs on a task's stack */
/* Time passes for the caller while the medium works: a handler polls, a task sleeps. */
void task_wait_for_medium(struct mcu *, int64_t ns);
void tasks_spin(struct scheduler *, int64_t ns);
/* The task that makes this call; NULL: none does, which is misuse of it. */
struct task *tasks_running(struct mcu *, const char *call);
void tasks_block(struct task *); /* the running one, until: */
void tasks_wake(struct task *, bool from_irq);
/* Zeroed, and freed with the scheduler. NULL ends the run. */
void *tasks_alloc(struct scheduler *, size_t size);

/* -- world.c: none of these does anything when no event is armed ------------------------------ */
/* The i-th event happens now. */
typedef void world_happens_fn(struct mcu *, size_t i);
struct world *world_new(struct mcu *, const struct sim_event *, size_t n, world_happens_fn *);
void world_free(struct world *);
void world_begin(struct mcu *); /* those that come at a time are due from now on */
void world_set(struct mcu *, const struct sim_event *); /* SIM_SET has happened */
/* Power comes back, and the world has not changed: what SET events have set stays set. */
void world_set_again(struct mcu *);
/* Packets on a bulk endpoint. */
void world_out(struct mcu *, const uint8_t *data, size_t len, bool is_short);
void world_in(struct mcu *, const uint8_t *data, size_t len);
void world_command_ends(struct mcu *); /* a reset, of either kind; power is off */
/* How many of the next blocks may move before something happens; of the block after these, so many
 * bytes more. */
uint32_t world_blocks(struct mcu *, bool writing, uint32_t blocks, uint32_t *torn);
void world_block_is_due(struct mcu *, bool writing);
uint32_t world_good(struct mcu *, uint8_t slot, uint64_t lba,
		    uint32_t blocks); /* before the first bad one */
void world_moved(struct mcu *, bool writing, uint32_t blocks);
void world_hold(struct mcu *, uint8_t slot, bool hold);
void world_release_all(struct mcu *);

/* -- udc.c -- */
void udc_power_off(struct udc *);
/* A buffer that the peripheral still uses overlaps [buf, buf + len). */
bool udc_uses(const struct udc *, const void *buf, size_t len);

/* Below the mutants: hands bytes to bulk-in. `copied` data is the peripheral's own; `tell` raises
 * in_done when it is gone. */
void udc_queue_in(struct udc *, uint8_t ep, const void *data, size_t len, bool copied, bool tell);
/* The same, copied, telling, and so much later; not at all where the firmware has taken it back by then. */
void udc_queue_in_later(struct udc *, uint8_t ep, const void *data, size_t len, int64_t ns);
/* One packet of endpoint 0; copied. */
void udc_queue_ep0(struct udc *, const void *packet, size_t len, bool wrong_toggle, bool tell);
void udc_raw_drop(struct udc *, uint8_t ep);
void udc_raw_orphan(struct udc *, uint8_t ep); /* what is queued goes out, and nobody is told */
void udc_raw_stall(struct udc *, uint8_t ep);
void udc_raw_unstall(struct udc *, uint8_t ep, bool reset_toggle);
void udc_raw_ep0_stall(struct udc *);
/* Raises in_done or ep0_in as if the firmware's bytes had been sent. */
void udc_tell_sent(struct udc *, uint8_t ep);
/* Arms the same buffer again, from its beginning. */
void udc_receive_again(struct udc *, uint8_t ep);

/* -- mutate.c: every one of these passes straight through when no mutant is active ------------ */
struct mutation *mutation_new(const struct mutant_ops *const *, size_t n);
void mutation_free(struct mutation *);
void mutation_opened(struct mcu *, uint8_t ep, bool *keep_toggle, bool *keep_halt);
void mutation_reset(struct mcu *);
void mutation_suspended(struct mcu *, bool suspended);
void mutation_power_off(struct mcu *);
enum mutant_verdict mutate_setup(struct mcu *, struct msc_setup *);
void mutate_ep0_in(struct mcu *, const uint8_t *packet, size_t len);
void mutate_ep0_out(struct mcu *);
/* The packet before was sent, and the next one of the same answer is on its way: the firmware is not
 * to be told. */
bool mutate_ep0_goes_on(struct mcu *);
enum mutant_verdict mutate_received(struct mcu *, uint8_t ep, uint8_t *buf, size_t *len);
int64_t mutate_later(struct mcu *); /* ns by which the hooks have put off what they saw last */
void mutate_transmit(struct mcu *, uint8_t ep, const void *buf, size_t len);
void mutate_abort(struct mcu *, uint8_t ep);
void mutate_stall(struct mcu *, uint8_t ep);
void mutate_unstall(struct mcu *, uint8_t ep, bool reset_toggle);
bool mutate_card_read(struct mcu *, uint64_t lba, uint32_t blocks, uint8_t *data);
bool mutate_card_write(struct mcu *, uint64_t *lba, uint32_t *blocks);

bool mutate_has_card_data(const struct mcu *);
void mutate_card_data(struct mcu *, uint8_t slot, uint64_t lba, uint8_t *block, uint32_t size);

/* The newest command came to the firmware otherwise than it was sent. */
bool mutate_has_garbled(const struct mcu *);
bool mutate_has_address(const struct mcu *);
uint64_t mutate_address(struct mcu *, uint64_t lba, bool writing);

/* -- card.c -- */
void card_free(struct card *);
/* A card that is not in its slot yet. NULL: *m->err says why. */
struct card *card_ready(struct mcu *, uint8_t slot, const struct sim_medium *);
/* The first blocks of `from`, which may be NULL, as far as there are any. */
bool card_copy_first(struct card *, struct card *from, uint64_t blocks);
/* It is the other one from now on, whatever is on it. */
void card_pass_for(struct card *, const struct card *other);
struct flash *card_flash(struct mcu *, uint8_t slot); /* NULL: no card */

/* -- flash.c -- */
struct flash *flash_new(const struct sim_flash *, uint32_t block_size, struct msc_err *);
void flash_free(struct flash *);
/* What it takes to write or read a part of the medium, in ns; what to write the page that is in memory. */
int64_t flash_move(struct flash *, bool writing, uint64_t lba, uint32_t blocks);
int64_t flash_flush(struct flash *);
void flash_forget(struct flash *); /* the page in memory */

/* -- flush.c -- */
/* A packet has come that may be a CBW, and one is to go out that may be a CSW: what is kept in memory goes
 * to the media when the host has said so, or the driver is of that kind. */
void flush_see_command(struct mcu *, const uint8_t *packet, size_t len);
void flush_see_status(struct mcu *, const uint8_t *packet, size_t len);
void flush_power_off(struct mcu *); /* what was kept in memory is gone */

/* -- sdcard.c -- */
void sd_free(struct sd *);

/* -- power.c -- */
/* Everything that has lost its power, anew, and the firmware started. false: *err says why not. */
bool power_start(struct mcu *, struct msc_err *err);
void power_free(struct mcu *);
void power_off(struct mcu *); /* and off the bus */
void power_on(struct mcu *); /* again, and on the bus; nothing where it has its power */

/* -- event.c -- */
/* Arms the world with m->config->events. false: out of memory. */
bool events_new(struct mcu *);
void events_free(struct mcu *);
/* Time begins. false: *m->err says why a card that one of them brings cannot be had. */
bool events_begin(struct mcu *);
/* It has come back as another device. */
bool event_is_another(struct mcu *, uint16_t *vendor, uint16_t *product);

#endif
