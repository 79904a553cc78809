/* SPDX-License-Identifier: BSD-2-Clause */
/* The data phase of READ(10) and WRITE(10) of `stm32`: one block after the other between the bus
 * and the card, and who waits for whom.
 *
 * One buffer (cube, async): the card and the bus take turns.
 *
 *	read   ask card -- read_done: transmit -- block_sent: ask card -- ...
 *	write  receive -- block_received: ask card -- write_done: receive -- ...
 *
 * Two buffers (double and later): the card goes on as soon as it is done with a block, and the
 * card's task waits for the bus in between.
 *
 *	read   ask card -- read_done: ask card, wait for `sent`, transmit -- ...
 *	       block_sent gives `sent`; the first block has nothing to wait for, so the command
 *	       gives it once
 *	write  receive -- block_received: ask card, and for the first block receive one more
 *	       write_done: wait for `received`, receive into the buffer just written -- ...
 *	       block_received gives `received`, but for the first block, which nobody waits for
 *
 * So the write of block n waits for block n + 1 to be there before it asks for block n + 2. The
 * last but one has no block to ask for, and the last sends the status.
 *
 * Interrupts and the card's task both come here. What a function does after a wait it does only
 * when the command is still the same.
 */
#include "firmware/stm32/stm32.h"

/* Waits for the bus; false: the command is no more. */
static bool wait_for(struct mcu *m, struct sema *sema)
{
	struct stm32 *s = mcu_state(m);
	uint32_t era = s->era;

	sema_take(m, sema);
	return era == s->era;
}

/* -- to the host ----------------------------------------------------------------------------- */

static void read_done(struct mcu *m, bool ok, void *context);

static void ask_read(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);
	struct stm32_request r = { .op = OP_READ,
				   .lba = s->job.lba++,
				   .blocks = 1,
				   .buf = s->data[s->turn],
				   .done = read_done,
				   .context = s->data[s->turn] };

	s->to_ask -= BLOCK;
	if (two_buffers(s))
		s->turn ^= 1;
	stm32_ask(m, &r);
}

static void read_done(struct mcu *m, bool ok, void *context)
{
	struct stm32 *s = mcu_state(m);
	bool last = !ok || s->to_ask == 0;

	/* first the next request: the moment a block is handed over, the interrupt of its being
	 * sent may come and look at the same members */
	if (two_buffers(s) && !last)
		ask_read(m);
	if (two_buffers(s) && !wait_for(m, s->sent))
		return;
	if (!ok) {
		stm32_fail(s, s->changed ? MEDIUM_NOT_PRESENT : UNRECOVERED_READ_ERROR);
		stm32_end_of_in(m);
		return;
	}
	s->residue -= BLOCK;
	s->state = last ? LAST_DATA_IN : DATA_IN;
	udc_transmit(m, EP_IN, context, BLOCK);
}

void stm32_begin_in(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	s->state = DATA_IN;
	s->to_ask = (uint32_t)s->job.length;
	s->turn = 0;
	sema_give(m, s->sent);
	ask_read(m);
}

void stm32_block_sent(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	if (s->state == LAST_DATA_IN)
		stm32_end_of_in(m);
	else if (two_buffers(s))
		sema_give(m, s->sent);
	else
		ask_read(m);
}

/* -- from the host --------------------------------------------------------------------------- */

static void receive_block(struct mcu *m, uint8_t buffer)
{
	struct stm32 *s = mcu_state(m);

	s->to_receive -= BLOCK;
	udc_receive(m, EP_OUT, s->data[buffer], BLOCK);
}

static void write_done(struct mcu *m, bool ok, void *context)
{
	struct stm32 *s = mcu_state(m);
	const struct stm32_write *w = context;

	if (!ok) {
		stm32_fail(s, s->changed ? MEDIUM_NOT_PRESENT : WRITE_ERROR);
		stm32_end_of_out(m);
		return;
	}
	s->residue -= BLOCK;
	if (w->then == THEN_STATUS) {
		stm32_end_of_out(m);
		return;
	}
	if (two_buffers(s) && !wait_for(m, s->received))
		return;
	if (w->then == THEN_RECEIVE)
		receive_block(m, w->buffer);
}

/* What follows when the block that has just come is written. */
static void plan(struct stm32 *s, struct stm32_write *w)
{
	w->buffer = s->turn;
	if (s->to_ask == 0)
		w->then = THEN_STATUS;
	else if (two_buffers(s) && s->to_ask == BLOCK)
		w->then = THEN_NOTHING; /* the last was asked for when the first had come */
	else
		w->then = THEN_RECEIVE;
}

static void ask_write(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);
	struct stm32_write *w = &s->write[s->turn];
	bool first = s->state == DATA_OUT_1ST;

	s->to_ask -= BLOCK;
	plan(s, w);
	s->state = DATA_OUT;
	if (two_buffers(s))
		s->turn ^= 1;
	if (two_buffers(s) && first && s->to_receive)
		receive_block(m, s->turn);
	stm32_ask(m, &(struct stm32_request){ .op = OP_WRITE,
					      .lba = s->job.lba++,
					      .blocks = 1,
					      .buf = s->data[w->buffer],
					      .done = write_done,
					      .context = w });
}

void stm32_begin_out(struct mcu *m)
{
	struct stm32 *s = mcu_state(m);

	s->state = DATA_OUT_1ST;
	s->to_ask = s->to_receive = (uint32_t)s->job.length;
	s->turn = 0;
	sema_try(s->received);
	receive_block(m, 0);
}

void stm32_block_received(struct mcu *m, size_t len)
{
	struct stm32 *s = mcu_state(m);

	s->host_left -= (uint32_t)len;
	if (len < BLOCK) { /* the host broke its word, and 5.3.2 has no other answer for it */
		s->phase_error = true;
		stm32_end_of_out(m);
		return;
	}
	if (s->state == DATA_OUT && two_buffers(s))
		sema_give(m, s->received);
	ask_write(m);
}
