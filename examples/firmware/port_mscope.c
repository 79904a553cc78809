/* SPDX-License-Identifier: BSD-2-Clause */
/* The board of disk.c is mscope's simulator: each function of hw.h is one call of struct mscope_board. */
#include <string.h>

#include "hw.h"
#include "mscope_firmware.h"

static mscope_board *board; /* of this copy: each simulated device has one of its own */

bool hw_high_speed(void)
{
	return board->is_high_speed(board);
}

void hw_open(uint8_t ep, uint16_t max_packet)
{
	board->ep_open(board, ep, max_packet);
}

void hw_transmit(uint8_t ep, const void *buf, size_t len)
{
	board->ep_transmit(board, ep, buf, len);
}

void hw_receive(uint8_t ep, void *buf, size_t len)
{
	board->ep_receive(board, ep, buf, len);
}

void hw_abort(uint8_t ep)
{
	board->ep_abort(board, ep);
}

void hw_stall(uint8_t ep)
{
	board->ep_stall(board, ep);
}

void hw_unstall(uint8_t ep)
{
	board->ep_unstall(board, ep);
}

bool hw_stalled(uint8_t ep)
{
	return board->ep_stalled(board, ep);
}

void hw_ep0_in(const void *packet, size_t len)
{
	board->ep0_in(board, packet, len);
}

void hw_ep0_out(void)
{
	board->ep0_out(board, NULL, 0);
}

void hw_ep0_stall(void)
{
	board->ep0_stall(board);
}

void hw_set_address(uint8_t address)
{
	board->set_address(board, address);
}

void hw_wait(void)
{
	board->wait_for_interrupt(board);
}

uint32_t hw_blocks(void)
{
	return (uint32_t)board->medium_blocks(board);
}

bool hw_write_protected(void)
{
	return board->medium_read_only(board);
}

bool hw_read(uint32_t lba, uint32_t blocks, void *buf)
{
	return board->medium_read(board, lba, blocks, buf);
}

bool hw_write(uint32_t lba, uint32_t blocks, const void *buf)
{
	return board->medium_write(board, lba, blocks, buf);
}

void hw_spin_us(unsigned us)
{
	board->spin(board, us * 1000LL);
}

bool hw_defect(const char *name)
{
	return !strcmp(board->knob(board, "defect"), name);
}

/* ---- interrupts ------------------------------------------------------------------------------------ */

static void start(mscope_board *b)
{
	board = b;
}

static void run(mscope_board *b)
{
	(void)b;
	disk_main();
}

static void bus_reset(mscope_board *b)
{
	(void)b;
	disk_bus_reset();
}

static void setup(mscope_board *b, const uint8_t packet[8])
{
	(void)b;
	disk_setup(packet);
}

static void ep0_sent(mscope_board *b)
{
	(void)b;
	disk_ep0_sent();
}

static void ep0_received(mscope_board *b, size_t len)
{
	(void)b;
	(void)len;
	disk_ep0_received();
}

static void sent(mscope_board *b, uint8_t ep)
{
	(void)b;
	disk_sent(ep);
}

static void received(mscope_board *b, uint8_t ep, size_t len)
{
	(void)b;
	disk_received(ep, len);
}

static const struct mscope_firmware_knob knobs[] = {
	{ "defect", "none", "what is wrong with it: residue, crash, loop, slow" },
	{ NULL, NULL, NULL },
};

const struct mscope_firmware mscope_firmware = {
	MSCOPE_FIRMWARE_BEGIN,
	.name = "example disk 1.00",
	.summary = "a small disk in one file, with a main loop",
	.knobs = knobs,
	.start = start,
	.main = run,
	.bus_reset = bus_reset,
	.setup = setup,
	.ep0_sent = ep0_sent,
	.ep0_received = ep0_received,
	.sent = sent,
	.received = received,
};
