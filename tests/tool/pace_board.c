/* SPDX-License-Identifier: BSD-2-Clause */
/* The example's disk on boards whose causes of slowness are known, so that what pace says of a stack that is none of
 * mscope's own models can be held against what mending saves. disk.c reads a buffer full, sends it and waits; this
 * decides what that costs. Settings, all for the compiler:
 *
 *	BUFFER_BLOCKS	blocks of the buffer of disk.c, built with it
 *	HOLD		1; 2: a second buffer holds what is sent, so that the next is read meanwhile
 *	COPY_NS		the processor's own, for each block
 *	DEAF		1: with interrupts off while it reads and copies
 *	LOOK_NS		the task looks at a grid of so many only; 0: whenever something has come
 *	WAKE_NS		it is woken at a grid of so many when the medium is done; 0: at once
 *	FEED_NS		the processor hands each packet to the peripheral, and takes so long; 0: a buffer at once
 */
#include "hw.h"

/* What disk.c is given for the functions of hw.h of these names. */
void board_transmit(uint8_t ep, const void *buf, size_t len);
void board_abort(uint8_t ep);
bool board_read(uint32_t lba, uint32_t blocks, void *buf);
void board_wait(void);

void board_sent(uint8_t ep);

#define disk_sent board_sent
#include "port_mscope.c"
#undef disk_sent

enum { ROOM = BUFFER_BLOCKS * 512 };

static uint8_t second[ROOM];
static bool second_busy, second_waits; /* it is being sent; disk.c waits for it */
static const void *after;	       /* what comes then */
static size_t after_len;
static bool woken;
static const uint8_t *packet; /* the next of what is fed packet by packet */
static size_t packets_len;    /* and what is left from there on */

static void feed(void)
{
	size_t most = hw_high_speed() ? 512 : 64, n = packets_len < most ? packets_len : most;
	const uint8_t *from = packet;

	board->spin(board, FEED_NS);
	packet += n;
	packets_len -= n;
	hw_transmit(0x81, from, n);
}

static void give(uint8_t ep, const void *buf, size_t len)
{
	packet = buf;
	packets_len = FEED_NS ? len : 0;
	if (FEED_NS)
		feed();
	else
		hw_transmit(ep, buf, len);
}

static void send_second(const void *buf, size_t len)
{
	second_busy = true;
	memcpy(second, buf, len);
	give(0x81, second, len);
}

/* What disk.c hands over counts as sent as soon as its buffer is free. */
void board_transmit(uint8_t ep, const void *buf, size_t len)
{
	if (HOLD < 2) {
		give(ep, buf, len);
	} else if (second_busy) {
		second_waits = true;
		after = buf;
		after_len = len;
	} else {
		send_second(buf, len);
		disk_sent(ep);
	}
}

void board_sent(uint8_t ep)
{
	if (packets_len) {
		feed();
		return;
	}
	second_busy = false;
	if (second_waits)
		send_second(after, after_len);
	if (second_waits || HOLD < 2)
		disk_sent(ep);
	second_waits = false;
}

void board_abort(uint8_t ep)
{
	second_busy = second_waits = false;
	packets_len = 0;
	hw_abort(ep);
}

static void wake(mscope_board *b, void *arg)
{
	(void)b;
	(void)arg;
	woken = true;
}

static void wait_for_grid(int64_t ns)
{
	woken = ns == 0;
	if (ns)
		board->timer(board, ns - board->now(board) % ns, wake, NULL);
	while (!woken)
		hw_wait();
}

bool board_read(uint32_t lba, uint32_t blocks, void *buf)
{
	bool ok;

	if (DEAF)
		board->irq_disable(board);
	ok = hw_read(lba, blocks, buf);
	board->spin(board, (int64_t)COPY_NS * blocks);
	if (DEAF)
		board->irq_enable(board);
	wait_for_grid(WAKE_NS);
	return ok;
}

void board_wait(void)
{
	hw_wait();
	wait_for_grid(LOOK_NS);
}
