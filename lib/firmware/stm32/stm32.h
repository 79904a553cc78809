/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the model `stm32`: what its files share.
 *
 *	stm32.c         USB: wrappers, requests, halts, power-on, knobs
 *	stm32_data.c    the data phase: blocks between the bus and the card, in one buffer or two
 *	stm32_scsi.c    what the commands mean
 *	stm32_card.c    the card's driver and its task
 *	stm32_volume.c  what is on the card when it comes
 *	stm32_times.c   how long everything takes
 */
#ifndef MSC_FIRMWARE_STM32_STM32_H
#define MSC_FIRMWARE_STM32_STM32_H

#include "firmware/usbd.h"
#include "sim/mcu.h"
#include "wire/bot.h"
#include "wire/scsi.h"

#define EP_IN	   0x81
#define EP_OUT	   0x02
#define MAX_PACKET 64
#define BLOCK	   512 /* of the card, and of a media packet: one block at a time */
#define REPLY_MAX  64  /* the longest answer that is not read from the card */

/* How the firmware grew; each has what the one before it has. */
enum stm32_stage {
	STAGE_CUBE,	    /* the processor reads the card inside the USB interrupt */
	STAGE_ASYNC,	    /* a task with DMA reads the card */
	STAGE_DOUBLE,	    /* two buffers: the card and the bus work at the same time */
	STAGE_SINGLE_BLOCK, /* the card's commands for one block */
	STAGE_YIELD,	    /* an interrupt hands the processor to the task that it woke */
};

/* -- times: stm32_times.c -------------------------------------------------------------------- */

struct stm32_knobs {
	int stage, card, cluster;
	int64_t tick_ns;
	int64_t command_ns, block_ns;	   /* 0: as published; a block is the clock of SPI */
	int64_t read_wait_ns, write_wait_ns; /* least, the rest in proportion; 0: the card's own */
	bool pauses, selftest, load;
	char file[256];
};

struct stm32_times {
	int64_t switch_ns;   /* from one task to another, with the queue or semaphore behind it */
	int64_t dma_start_ns; /* the processor's work to start one */
	int64_t power_on_ns; /* until the tasks run */
};
extern const struct stm32_times stm32_times;

struct sd_timing stm32_sd_timing(const struct stm32_knobs *);
uint64_t stm32_card_blocks(const struct stm32_knobs *);
extern const char *const stm32_card_names[];

/* -- commands: stm32_scsi.c ------------------------------------------------------------------ */

enum stm32_dir { DIR_NONE, DIR_IN, DIR_OUT };

/* What a command block means on its own: BOT 1.0, 6.7 calls it Dn, Di and Do. */
struct stm32_job {
	enum stm32_dir dir;
	bool medium; /* blocks from lba on; else the reply */
	bool failed; /* CHECK CONDITION: nothing is transferred */
	uint64_t length; /* bytes */
	uint64_t lba;
	uint8_t reply[REPLY_MAX];
};

struct stm32;

void stm32_command(struct mcu *, uint8_t lun, const uint8_t cb[MSC_CBW_CB_MAX], uint8_t cb_length);

/* Ends the command with CHECK CONDITION; key, ASC and ASCQ in one number: SPC-4, 4.5.2. */
#define MEDIUM_NOT_PRESENT     MSC_SENSE_CODE(MSC_SENSE_NOT_READY, 0x3a, 0x00)
#define UNRECOVERED_READ_ERROR MSC_SENSE_CODE(MSC_SENSE_MEDIUM_ERROR, 0x11, 0x00)
#define WRITE_ERROR	       MSC_SENSE_CODE(MSC_SENSE_MEDIUM_ERROR, 0x0c, 0x00)
void stm32_fail(struct stm32 *, uint32_t sense);

/* -- the card: stm32_card.c ------------------------------------------------------------------ */

enum stm32_op { OP_READ, OP_WRITE };

struct stm32_request {
	enum stm32_op op;
	uint64_t lba;
	uint32_t blocks;
	uint8_t *buf;
	void (*done)(struct mcu *, bool ok, void *context);
	void *context;
	uint32_t era; /* of struct stm32 when it was made */
	bool own;     /* not the host's: done whatever the host does meanwhile */
};

/* Asks the card for something: in stage cube it is done when this returns, later the task does it
 * and the request's `done` runs there. */
void stm32_ask(struct mcu *, const struct stm32_request *);

/* Nothing that was asked of the card matters any more; what has not begun will not be done. Then,
 * as soon as the card is idle: `then`, which may be NULL. */
void stm32_abandon(struct mcu *, void (*then)(struct mcu *));

void stm32_make_objects(struct mcu *); /* the queue and the semaphores */

/* Starts the operating system and its tasks, or the loop of a firmware without one. */
void stm32_start_tasks(struct mcu *, void *unused);
void stm32_sd_done(struct mcu *, bool ok);

void stm32_insert_card(struct mcu *);
void stm32_format(struct mcu *, uint64_t blocks, uint32_t cluster_blocks); /* stm32_volume.c */

/* -- the data phase: stm32_data.c ------------------------------------------------------------ */

void stm32_begin_in(struct mcu *);
void stm32_begin_out(struct mcu *);
void stm32_block_sent(struct mcu *);
void stm32_block_received(struct mcu *, size_t len);

/* -- USB: stm32.c ---------------------------------------------------------------------------- */

/* The data phase is over, as far as the device is concerned: what is left of it, then the CSW. */
void stm32_end_of_in(struct mcu *);
void stm32_end_of_out(struct mcu *);

enum stm32_state {
	OFF,	      /* not configured */
	IDLE,	      /* one packet is armed on bulk-out, for a CBW */
	DATA_OUT_1ST, /* the first block is armed on bulk-out */
	DATA_OUT,     /* blocks are received and written */
	DATA_IN,      /* blocks are read and sent */
	LAST_DATA_IN, /* what is armed on bulk-in is the last */
	STATUS,	      /* the CSW is armed on bulk-in, perhaps behind a halt */
	WAITING,      /* for the card: nothing is armed */
	BROKEN,	      /* both endpoints are halted until reset recovery: BOT 1.0, 6.6.1 */
};

struct stm32 {
	struct stm32_knobs knob;
	struct usbd usbd;

	/* the command */
	enum stm32_state state;
	struct msc_cbw cbw;
	struct stm32_job job;
	uint32_t sense; /* of the last command */
	bool new_card;	/* the host has yet to be told of it */
	bool changed;	/* since the command began there has been another card, or none */
	uint32_t residue;
	uint32_t host_left; /* bytes that the host has yet to send */
	bool phase_error;
	bool reset_owed; /* a Bulk-Only Reset is under way and has not been answered */
	uint8_t packet[MAX_PACKET];
	uint8_t csw[MSC_CSW_LEN];

	/* its data */
	uint32_t to_ask;     /* bytes not yet asked of the card: read from it or written to it */
	uint32_t to_receive; /* bytes not yet asked of the host */
	uint8_t turn;	     /* the buffer that comes next */
	uint8_t data[2][BLOCK];
	struct stm32_write {
		enum { THEN_NOTHING, THEN_RECEIVE, THEN_STATUS } then;
		uint8_t buffer;
	} write[2];
	struct sema *sent;     /* the bus has taken the block before */
	struct sema *received; /* the bus has brought the block after */

	/* the card */
	struct queue *requests;
	struct sema *spi_done;
	bool spi_ok;
	uint32_t era;	  /* requests of another are void */
	uint32_t waiting; /* requests that are not done with */
	void (*when_idle)(struct mcu *);

	uint64_t idle_ticks; /* when the load was last printed */

	/* the test of the card's task */
	struct sema *test_done;
	uint8_t test_buffer[2 * BLOCK];
};

static inline bool two_buffers(const struct stm32 *s)
{
	return s->knob.stage >= STAGE_DOUBLE;
}

#endif
