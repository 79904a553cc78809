/* SPDX-License-Identifier: BSD-2-Clause */
/* What a firmware model sees: the microcontroller. A USB device peripheral (udc_), a processor
 * with interrupts (mcu_), tasks (task_, sema_), and storage (card_).
 *
 * How time passes. An interrupt handler starts at the simulated instant at which the processor
 * takes the interrupt, and has a cursor: mcu_spin() and blocking calls move the cursor, and every
 * call to a peripheral takes effect when simulated time reaches it. Until the handler's last
 * cursor the processor is busy, and other interrupts wait in order. A task runs whenever no
 * interrupt does; while it spins, interrupts are served and its own work is delayed by as much.
 *
 * Misuse. What hardware has an answer to is a finding about the firmware (firmware.misuse), and the
 * run goes on: arming a busy endpoint, a call on one that was never opened or of the wrong direction
 * has no effect, and of a packet larger than the buffer the rest is lost. What hardware has none to,
 * such as touching a buffer that the peripheral still uses, ends the run and names the model and the
 * call. Findings name the calls as mscope_firmware.h does: udc_transmit is "ep_transmit" there.
 */
#ifndef MSC_SIM_MCU_H
#define MSC_SIM_MCU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/knob.h"
#include "wire/usb.h"

struct mcu;

/* The vector table. Absent handlers are skipped. */
struct mcu_vectors {
	void (*start)(struct mcu *);	/* power-on, before the cable is plugged in */
	void (*reset)(struct mcu *);	/* the host drives a bus reset; endpoints are closed */
	void (*setup)(struct mcu *, const struct msc_setup *); /* a SETUP packet has arrived */
	void (*ep0_in)(struct mcu *);		   /* the packet of udc_ep0_in was taken */
	void (*ep0_out)(struct mcu *, size_t len); /* one has arrived for udc_ep0_out */
	void (*in_done)(struct mcu *, uint8_t ep); /* all that udc_transmit was given was taken */
	void (*out_done)(struct mcu *, uint8_t ep, size_t len); /* udc_receive: full, or short */
	void (*sd_done)(struct mcu *, bool ok);			/* sd_dma: the block is through */
	void (*card)(struct mcu *, uint8_t slot, bool present); /* a card came, or went */
	void (*eject)(struct mcu *, uint8_t slot); /* somebody presses the button of the slot */
	void (*suspend)(struct mcu *);		   /* the bus has been silent for 3 ms */
	void (*resume)(struct mcu *);
};

/* -- the processor ------------------------------------------------------------------------- */

void *mcu_state(struct mcu *);	      /* the model's own struct, zeroed, with its knobs set */
enum msc_speed mcu_speed(struct mcu *);
int64_t mcu_now(struct mcu *);	      /* the cursor, ns of virtual time */
void mcu_spin(struct mcu *, int64_t ns); /* computes for so long */
uint32_t mcu_random(struct mcu *);    /* of the run's seed */

/* A line on the debug port: it goes to the run's log. No newline at its end. */
void mcu_print(struct mcu *, const char *fmt, ...) MSC_PRINTF(2, 3);

/* Interrupts wait until they are enabled as often as they were disabled. Of tasks; in a handler there is no
 * other anyway. */
void mcu_irq_disable(struct mcu *);
void mcu_irq_enable(struct mcu *);
/* The same at once, however often: what mcu_irq_resume takes to have it as it was. */
unsigned mcu_irq_open(struct mcu *);
void mcu_irq_resume(struct mcu *, unsigned disabled);
bool mcu_irq_is_held(const struct mcu *); /* one is due, and waits for them to be enabled */

/* What no firmware should do, and the run goes on: a finding about it (firmware.misuse). */
void mcu_remark(struct mcu *, const char *fmt, ...) MSC_PRINTF(2, 3);
/* The firmware is dead (firmware.dead), wherever it was: the processor stands still, and what it had yet to do,
 * timers and calls on the peripheral behind its cursor, is dropped. The handlers are still called, for the
 * model to see the next reset. */
void mcu_died(struct mcu *, const char *fmt, ...) MSC_PRINTF(2, 3);
/* In a handler: the firmware is started anew, without the tasks that it had. */
void mcu_restart(struct mcu *);

/* Calls fn in interrupt context, ns after the cursor, once. */
void mcu_timer(struct mcu *, int64_t ns, void (*fn)(struct mcu *, void *arg), void *arg);

/* -- the USB device peripheral --------------------------------------------------------------
 * ep is a bEndpointAddress (bit 7: IN). Buffers stay the model's and must not be touched until
 * the matching interrupt. */

void udc_open(struct mcu *, uint8_t ep, uint16_t max_packet); /* not halted, DATA0 */
void udc_close(struct mcu *, uint8_t ep);

/* Sends len bytes in packets of wMaxPacketSize; no zero-length packet is added at the end, and
 * len 0 sends one. Then in_done. */
void udc_transmit(struct mcu *, uint8_t ep, const void *buf, size_t len);

/* Receives up to len bytes; a short packet ends it. Then out_done. */
void udc_receive(struct mcu *, uint8_t ep, void *buf, size_t len);

void udc_abort(struct mcu *, uint8_t ep); /* takes the buffer back; no interrupt follows */
bool udc_busy(struct mcu *, uint8_t ep);  /* a buffer is armed */

void udc_stall(struct mcu *, uint8_t ep);   /* ENDPOINT_HALT; an armed buffer stays */
void udc_unstall(struct mcu *, uint8_t ep); /* no longer halted, and DATA0: USB 2.0, 9.4.5 */
void udc_unstall_keep(struct mcu *, uint8_t ep); /* no longer halted; the toggle stays */
bool udc_stalled(struct mcu *, uint8_t ep);

/* Endpoint 0, packet by packet: USB 2.0, 8.5.3. It is opened in both directions, 00h and 80h. A
 * SETUP packet is always taken; it drops what is left of the request before, ends its STALL, sets
 * both directions to DATA1, and calls setup. From there the firmware moves the request on: an IN or
 * OUT packet at a time through the data stage, then the status stage, which is an empty packet the
 * other way (IN when there is no data stage). Where it has armed nothing the host hears NAK. Until
 * the setup handler has begun endpoint 0 hears nothing of it either: what is called before belongs
 * to the request that is over, and has no effect.
 *
 * Each is followed by its vector, which for the status stage says that the request is over. The
 * layer that most firmware has above this, a whole answer at a time, is firmware/usbd.h. */
void udc_ep0_in(struct mcu *, const void *packet, size_t len); /* copied; up to bMaxPacketSize0 */
void udc_ep0_out(struct mcu *, void *buf, size_t room); /* 0: the status stage, buf may be NULL */
void udc_ep0_stall(struct mcu *); /* refuses the request, whatever stage it is in; again: nothing */

/* At the cursor; the status stage of SET_ADDRESS is still answered at the old one: USB 2.0, 9.4.6. */
void udc_set_address(struct mcu *, uint8_t address);

/* -- storage --------------------------------------------------------------------------------
 * Slots 0..15. All calls block the caller for as long as the medium takes. */

struct card_geometry {
	uint64_t blocks;
	uint32_t block_size;  /* bytes */
	const char *path;     /* a file of the host to hold the medium, or NULL: memory, all zero.
				 blocks 0: as many as the file has, and without a file the
				 slot is empty */
	bool read_only;	      /* the medium refuses writes */
	int64_t read_ns, write_ns; /* time for one block */
	uint64_t noise; /* without a file: what it holds at first, eight bytes that come nowhere
			   else; the same number is the same noise, 0 is zeros */
	bool partition; /* without a file, and zeros: the first block is an MBR, and its one partition
			   reaches to the end of the medium */
};

void card_insert(struct mcu *, uint8_t slot, const struct card_geometry *);
void card_eject(struct mcu *, uint8_t slot);
bool card_present(struct mcu *, uint8_t slot);
bool card_read_only(struct mcu *, uint8_t slot);
uint64_t card_blocks(struct mcu *, uint8_t slot);
uint32_t card_block_size(struct mcu *, uint8_t slot);
/* false: no medium, beyond its end, or write to a read-only one. */
bool card_read(struct mcu *, uint8_t slot, uint64_t lba, uint32_t blocks, void *buf);
bool card_write(struct mcu *, uint8_t slot, uint64_t lba, uint32_t blocks, const void *buf);
/* What was on the medium when it came: takes no time, and no mutant sees it. */
bool card_preload(struct mcu *, uint8_t slot, uint64_t lba, uint32_t blocks, const void *buf);
bool card_peek(struct mcu *, uint8_t slot, uint64_t lba, void *block); /* the same to look */
/* While it is held nobody can take the card of the slot out or put another in: they wait. */
void card_hold(struct mcu *, uint8_t slot, bool hold);

/* -- an SD card on SPI ----------------------------------------------------------------------
 * The card in slot 0, as its driver sees it: a command, a wait until the card is ready, a block
 * over SPI. The processor sends the command and asks until the card is ready; the block it carries
 * itself, or hands to the DMA and is free meanwhile. */

enum sd_command { SD_READ_SINGLE, SD_READ_MULTIPLE, SD_WRITE_SINGLE, SD_WRITE_MULTIPLE, SD_STOP };

/* A time that varies between least_ns and least_ns + spread_ns. Of so many even draws the least
 * counts, or the greatest: the more of them, the rarer the other end. 0 draws: always least_ns. */
struct sd_time {
	int64_t least_ns, spread_ns;
	uint32_t draws;
	bool greatest;
};

struct sd_timing {
	int64_t command_ns; /* a command and its response, over SPI */
	int64_t stop_ns;    /* the same for the one that ends a multiple read */
	struct sd_time read_wait; /* from a read command to the first block */
	int64_t rest_ns, rested_wait_ns; /* and so much more when the card was left alone for longer
					    than rest_ns */
	int64_t next_wait_ns;		 /* further blocks of a multiple read */
	struct sd_time write_busy;	 /* after each block written */
	uint32_t pause_every;		 /* one write in so many pauses as well; 0: none */
	struct sd_time pause;
	int64_t block_ns;		/* 512 bytes over SPI by DMA, either way: one clock */
	int64_t block_pio_ns;		/* the same by the processor */
};

void sd_insert(struct mcu *, const struct card_geometry *, const struct sd_timing *);
/* Spins until the card listens and the command is through. */
void sd_command(struct mcu *, enum sd_command, uint64_t lba);
void sd_poll_ready(struct mcu *); /* spins until the card is ready */
/* The next block of the present command, by the processor. */
bool sd_pio(struct mcu *, void *buf);
/* The same by DMA, which begins when the card is ready: returns at once, and the vector sd_done
 * follows when the block is through. */
void sd_dma(struct mcu *, void *buf);

/* -- tasks ----------------------------------------------------------------------------------
 * A task is a function that never returns, on a stack of its own. Higher priority runs first;
 * tasks of one priority run in the order in which they became ready. */

typedef void task_fn(struct mcu *);
void task_start(struct mcu *, const char *name, int priority, task_fn *);
void task_sleep(struct mcu *, int64_t ns); /* to a tick, when there is one */

/* A tick of so many ns of the device's clock, the first one now. From then on a task that an interrupt wakes
 * gets the processor only at the next tick, as a small operating system does it, unless the handler calls
 * task_yield. Without a tick it gets it when the handler ends. */
void task_tick(struct mcu *, int64_t period_ns);
void task_yield(struct mcu *); /* in a handler: switch when it ends; in a task: now */

/* In how many ticks since task_tick nobody had the processor for a while: what a hook of the idle
 * task counts that looks at the number of the tick. */
uint64_t task_idle_ticks(struct mcu *);

/* What changing from one task to another costs the processor, to and from the idle task included.
 * Before this is called it is 2 us, and to and from idleness nothing. */
void task_switch_time(struct mcu *, int64_t ns);

struct sema; /* a binary semaphore */
struct sema *sema_new(struct mcu *);	     /* freed with the processor */
void sema_take(struct mcu *, struct sema *); /* a task waits until it is given */
bool sema_try(struct sema *);		     /* takes it if it is given, from anywhere */
void sema_give(struct mcu *, struct sema *); /* from anywhere */

/* Of so many items, each a copy; freed with the processor. */
struct queue;
struct queue *queue_new(struct mcu *, size_t items, size_t item_size);
bool queue_send(struct mcu *, struct queue *, const void *item); /* from anywhere; false: full */
void queue_receive(struct mcu *, struct queue *, void *item); /* a task waits until there is one */

#endif
