/* SPDX-License-Identifier: BSD-2-Clause */
/* How long everything takes in the model `stm32`: the one place where its numbers are. No number
 * here is a rate; rates come out of what happens. All stages have the same numbers.
 *
 * Published, measured by the firmware's author with an oscilloscope:
 *
 *	request to the task, answer back    < 100 us each
 *	a command to the card               70 us
 *	the card's wait, read               500 to 1000 us, floating: it depends on how often and
 *	                                    how much is asked, and on the address
 *	the card's wait, write              1 to 5 ms, and sometimes 100 to 500 ms
 *	the clock of SPI                    18 MHz: 512 bytes take 228 us, either way
 *	a block, from the start of its DMA
 *	until the task runs again           280 us read, 0.4 to 1.2 ms written
 *	a block in all, by the processor    2 to 3 ms read
 *	tick                                1 ms
 *
 * Everything else is chosen. docs/stm32.md says what each choice rests on.
 */
#include "base/clock.h"
#include "firmware/stm32/stm32.h"

const struct stm32_times stm32_times = {
	.switch_ns = 11 * MSC_US,    /* chosen: 800 cycles of 72 MHz */
	.dma_start_ns = 41 * MSC_US, /* 280 us without the clocks of 512 bytes and a switch */
	.power_on_ns = 20 * MSC_MS, /* chosen: clocks, the card's identification */
};

/* Chosen: what the processor adds to each byte that it carries itself, 2.15 us, which makes 2 ms of
 * a block read. */
#define PIO_NS (1102 * MSC_US)

static const struct sd_timing common = {
	.command_ns = 70 * MSC_US,	/* published */
	.stop_ns = 105 * MSC_US,	/* chosen: a command, and the card lets go of its output */
	.rest_ns = 500 * MSC_US,	/* chosen: a card that was left alone for so long ... */
	.rested_wait_ns = 105 * MSC_US, /* ... takes so much longer to the next block */
	.next_wait_ns = 100 * MSC_US,	/* chosen: it reads ahead */
	.block_ns = 228 * MSC_US,	/* published: 512 bytes at 18 MHz */
	.block_pio_ns = PIO_NS + 228 * MSC_US,
	.pause_every = 1800,		/* chosen: about once in a megabyte */
	.pause = { 100 * MSC_MS, 400 * MSC_MS, 2, false }, /* published range, chosen shape */
};

const char *const stm32_card_names[] = { "c6-8g", "c10-8g", "sd-32g", NULL };

/* What differs from card to card. The first is the author's, whose ranges are published; of the
 * others only the resulting speeds are. A card is busy from the end of a block on, but the task
 * that waits for it wakes at the next tick: to what it sees, half a tick is added. */
static const struct {
	uint64_t blocks; /* chosen: as such cards have */
	struct sd_time read_wait, write_busy;
} cards[] = {
	{ 15523840,
	  { 500 * MSC_US, 395 * MSC_US, 20, false },
	  { 1500 * MSC_US, 4000 * MSC_US, 4, true } },
	{ 15564800,
	  { 1000 * MSC_US, 1000 * MSC_US, 5, false },
	  { 1500 * MSC_US, 3400 * MSC_US, 2, true } },
	{ 62333952,
	  { 360 * MSC_US, 420 * MSC_US, 14, false },
	  { 1500 * MSC_US, 3400 * MSC_US, 2, true } },
};

/* The same shape from another least time. */
static void scale(struct sd_time *t, int64_t least_ns)
{
	t->spread_ns = (int64_t)((double)t->spread_ns / (double)t->least_ns * (double)least_ns);
	t->least_ns = least_ns;
}

struct sd_timing stm32_sd_timing(const struct stm32_knobs *k)
{
	struct sd_timing t = common;

	t.read_wait = cards[k->card].read_wait;
	t.write_busy = cards[k->card].write_busy;
	if (k->command_ns) {
		t.stop_ns += k->command_ns - t.command_ns;
		t.command_ns = k->command_ns;
	}
	if (k->block_ns) {
		t.block_ns = k->block_ns;
		t.block_pio_ns = PIO_NS + k->block_ns;
	}
	if (k->read_wait_ns)
		scale(&t.read_wait, k->read_wait_ns);
	if (k->write_wait_ns)
		scale(&t.write_busy, k->write_wait_ns);
	if (!k->pauses)
		t.pause_every = 0;
	return t;
}

uint64_t stm32_card_blocks(const struct stm32_knobs *k)
{
	return cards[k->card].blocks;
}
