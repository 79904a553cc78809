/* SPDX-License-Identifier: BSD-2-Clause */
/* The card of `stm32`: its driver, the task that serves requests from a queue, and the test of
 * that task without USB.
 *
 * As SdFat's driver with its author's SPI driver below it: what is short or has to be asked for
 * goes byte by byte through the processor (commands, the wait for the start token of a block read,
 * the wait of a card that is busy), and only the 512 bytes of a block may go by DMA. Stage cube has
 * the processor carry them too, inside the USB interrupt; the task sleeps meanwhile.
 */
#include "base/clock.h"
#include "firmware/firmware.h"
#include "firmware/stm32/stm32.h"

enum { PRIORITY_TEST = 1, PRIORITY_CARD = 2 };

#define QUEUE_LENGTH 3 /* two blocks may wait to be written, and the test's request */

/* -- the driver ------------------------------------------------------------------------------ */

static enum sd_command command_of(const struct stm32 *s, enum stm32_op op)
{
	bool single = s->knob.stage >= STAGE_SINGLE_BLOCK;

	if (op == OP_READ)
		return single ? SD_READ_SINGLE : SD_READ_MULTIPLE;
	return single ? SD_WRITE_SINGLE : SD_WRITE_MULTIPLE;
}

static bool is_multiple(enum sd_command c)
{
	return c == SD_READ_MULTIPLE || c == SD_WRITE_MULTIPLE;
}

/* A command of the host goes on with the card that it began with, or not at all. */
static bool changed(struct mcu *m, const struct stm32_request *r)
{
	const struct stm32 *s = mcu_state(m);

	return s->changed && !r->own;
}

/* By the processor, which does nothing else meanwhile. */
static bool transfer_polled(struct mcu *m, const struct stm32_request *r)
{
	enum sd_command c = command_of(mcu_state(m), r->op);
	bool ok = true;

	if (changed(m, r))
		return false;
	sd_command(m, c, r->lba);
	for (uint32_t i = 0; ok && i < r->blocks; i++)
		ok = sd_pio(m, r->buf + (size_t)i * BLOCK);
	if (r->op == OP_WRITE)
		sd_poll_ready(m);
	if (is_multiple(c))
		sd_command(m, SD_STOP, 0);
	return ok;
}

/* Only the block itself leaves the processor free. A card that reads needs to be asked for the
 * start token first: there is no other way to learn of it over SPI. */
static bool transfer_block(struct mcu *m, uint8_t *buf)
{
	struct stm32 *s = mcu_state(m);

	sd_poll_ready(m);
	mcu_spin(m, stm32_times.dma_start_ns);
	sd_dma(m, buf);
	sema_take(m, s->spi_done);
	return s->spi_ok;
}

/* In a task. A command for one block is there once for each of them, and does not wait for the
 * block to be programmed: the command after it does. One for several waits before it ends. */
static bool transfer_dma(struct mcu *m, const struct stm32_request *r)
{
	enum sd_command c = command_of(mcu_state(m), r->op);
	bool ok = true;

	if (changed(m, r))
		return false;
	for (uint32_t i = 0; ok && i < r->blocks; i++) {
		if (i == 0 || !is_multiple(c))
			sd_command(m, c, r->lba + i);
		ok = transfer_block(m, r->buf + (size_t)i * BLOCK);
	}
	if (is_multiple(c)) {
		if (r->op == OP_WRITE)
			sd_poll_ready(m);
		sd_command(m, SD_STOP, 0);
	}
	return ok;
}

void stm32_sd_done(struct mcu *m, bool ok)
{
	struct stm32 *s = mcu_state(m);

	s->spi_ok = ok;
	sema_give(m, s->spi_done);
	if (s->knob.stage >= STAGE_YIELD)
		task_yield(m);
}

/* -- requests -------------------------------------------------------------------------------- */

static void finish(struct mcu *m, const struct stm32_request *r, bool ok)
{
	struct stm32 *s = mcu_state(m);
	void (*then)(struct mcu *) = NULL;

	if (r->era == s->era || r->own)
		r->done(m, ok, r->context);
	if (--s->waiting == 0) {
		then = s->when_idle;
		s->when_idle = NULL;
	}
	if (then)
		then(m);
}

void stm32_ask(struct mcu *m, const struct stm32_request *request)
{
	struct stm32 *s = mcu_state(m);
	struct stm32_request r = *request;

	r.era = s->era;
	s->waiting++;
	if (s->knob.stage == STAGE_CUBE)
		finish(m, &r, transfer_polled(m, &r));
	else if (!queue_send(m, s->requests, &r))
		finish(m, &r, false);
	else if (s->knob.stage >= STAGE_YIELD)
		task_yield(m); /* from the USB interrupt; from the task it changes nothing */
}

void stm32_abandon(struct mcu *m, void (*then)(struct mcu *))
{
	struct stm32 *s = mcu_state(m);

	s->era++;
	s->when_idle = then;
	if (s->waiting) { /* the task may be waiting for the bus */
		sema_give(m, s->sent);
		sema_give(m, s->received);
	} else if (then) {
		s->when_idle = NULL;
		then(m);
	}
}

static void card_task(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);
	struct stm32_request r;

	for (;;) {
		queue_receive(m, s->requests, &r);
		finish(m, &r, (r.era == s->era || r.own) && transfer_dma(m, &r));
	}
}

/* -- the test of the task, without USB ------------------------------------------------------- */

static void test_read(struct mcu *m, bool ok, void *context)
{
	struct stm32 *s = mcu_state(m);

	(void)context;
	if (!ok)
		mcu_print(m, "the card cannot be read");
	sema_give(m, s->test_done);
}

/* Reads the card from its beginning to its end in pieces of two blocks, and says each second how
 * fast. */
static void test_task(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);
	uint64_t blocks = card_blocks(m, 0);
	int64_t second = mcu_now(m);
	uint32_t kilobytes = 0;

	for (uint64_t lba = 0; lba + 2 <= blocks; lba += 2) {
		stm32_ask(m, &(struct stm32_request){ .op = OP_READ,
						      .lba = lba,
						      .blocks = 2,
						      .own = true,
						      .buf = s->test_buffer,
						      .done = test_read });
		sema_take(m, s->test_done);
		kilobytes++;
		if (mcu_now(m) - second >= MSC_S) {
			mcu_print(m, "the card is read at %u kB/s", kilobytes);
			second = mcu_now(m);
			kilobytes = 0;
		}
	}
	for (;;)
		task_sleep(m, MSC_S);
}

/* -- start ----------------------------------------------------------------------------------- */

/* A firmware without an operating system ends in a loop that asks its peripherals in turn and is
 * never idle; interrupts take from it what they need. */
static void main_loop(struct mcu *m)
{
	for (;;)
		mcu_spin(m, MSC_S);
}

void stm32_make_objects(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	s->requests = queue_new(m, QUEUE_LENGTH, sizeof(struct stm32_request));
	s->spi_done = sema_new(m);
	s->sent = sema_new(m);
	s->received = sema_new(m);
	s->test_done = sema_new(m);
}

#define LOAD_TICKS 512 /* the original's: about half a second */

/* The load as the original's hook of the idle task counts it: the share of ticks in which the hook
 * never ran. What computes for a part of each tick is no load to it. */
static void print_load(struct mcu *m, void *unused)
{
	struct stm32 *s = mcu_state(m);
	uint64_t idle = task_idle_ticks(m);
	double share = (double)(idle - s->idle_ticks) / LOAD_TICKS;

	(void)unused;
	if (share > 1) /* the first and the last of them are each seen in part */
		share = 1;
	mcu_print(m, "the idle task did not run in %.1f %% of the ticks", 100 * (1 - share));
	s->idle_ticks = idle;
	mcu_timer(m, LOAD_TICKS * s->knob.tick_ns, print_load, NULL);
}

void stm32_start_tasks(struct mcu *m, void *unused)
{
	struct stm32 *s = mcu_state(m);

	(void)unused;
	if (s->knob.stage == STAGE_CUBE) {
		task_start(m, "main", 0, main_loop);
		return;
	}
	task_switch_time(m, stm32_times.switch_ns);
	task_tick(m, s->knob.tick_ns);
	task_start(m, "card", PRIORITY_CARD, card_task);
	if (s->knob.load && s->knob.tick_ns)
		mcu_timer(m, LOAD_TICKS * s->knob.tick_ns, print_load, NULL);
	if (s->knob.selftest)
		task_start(m, "test", PRIORITY_TEST, test_task);
}

void stm32_insert_card(struct mcu *m)
{
	static const uint32_t cluster_blocks[] = { 8, 32, 64 };
	struct stm32 *s = mcu_state(m);
	struct sd_timing t = stm32_sd_timing(&s->knob);
	struct card_geometry g = { .block_size = BLOCK };

	if (s->knob.file[0])
		g.path = s->knob.file;
	else
		g.blocks = stm32_card_blocks(&s->knob);
	sd_insert(m, &g, &t);
	if (!g.path)
		stm32_format(m, g.blocks, cluster_blocks[s->knob.cluster]);
}
