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

static void send_second(const void *buf, size_t len)
{
	second_busy = true;
	memcpy(second, buf, len);
	hw_transmit(0x81, second, len);
}

/* What disk.c hands over counts as sent as soon as its buffer is free. */
void board_transmit(uint8_t ep, const void *buf, size_t len)
{
	if (HOLD < 2) {
		hw_transmit(ep, buf, len);
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
	hw_abort(ep);
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
	return ok;
}

static void wake(mscope_board *b, void *arg)
{
	(void)b;
	(void)arg;
	woken = true;
}

void board_wait(void)
{
	int64_t look = LOOK_NS;

	hw_wait();
	woken = look == 0;
	if (look)
		board->timer(board, look - board->now(board) % look, wake, NULL);
	while (!woken)
		hw_wait();
}
