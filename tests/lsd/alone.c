/* SPDX-License-Identifier: BSD-2-Clause */
/* The core of the Live Storage Device as a firmware of its own would have it, with nothing of mscope.
 *
 * On a computer it prints what it needs of the stack, and the whole volume follows:
 *	alone > FILE
 * For an LPC2148 (lpc2148.ld) it is an image, whose RAM the linker measures. */
#include "firmware/lsd/core/lsd.h"

struct lsd device;

static bool level[LSD_PINS];

static void select_pin(void *board, uint8_t pin, enum lsd_function function)
{
	(void)board, (void)function;
	level[pin] = false;
}

static void write_pin(void *board, uint8_t pin, bool high)
{
	(void)board;
	level[pin] = high;
}

static bool read_pin(void *board, uint8_t pin)
{
	(void)board;
	return level[pin];
}

static void matrix(void *board, const uint8_t rows[LSD_ROWS])
{
	(void)board, (void)rows;
}

static void lcd(void *board, const char text[LSD_LCD_CHARS])
{
	(void)board, (void)text;
}

static void motor(void *board, int speed)
{
	(void)board, (void)speed;
}

static int16_t thermometer(void *board)
{
	(void)board;
	return 25 * 256;
}

static const struct lsd_board board = { select_pin, write_pin, read_pin, matrix,
					lcd,        motor,     thermometer };

/* Each packet of the whole space is read, and written where that is possible. */
static void use_all(void)
{
	static uint8_t packet[64];

	for (uint32_t at = 0; at < LSD_BLOCKS * LSD_BLOCK; at += sizeof packet) {
		lsd_read(&device, at, packet, sizeof packet);
		lsd_write(&device, at, packet, sizeof packet);
	}
	for (uint32_t at = LSD_BLOCK * 4; at < LSD_BLOCK * 40; at += LSD_BLOCK) {
		packet[0] = '1';
		lsd_write(&device, at, packet, sizeof packet);
	}
}

#if __STDC_HOSTED__
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#define ROOM  (64 * 1024)
#define PAINT 0xa5

static ucontext_t here, there;

int main(void)
{
	static uint8_t stack[ROOM], block[LSD_BLOCK];
	static size_t untouched;

	if (!lsd_init(&device, &board, NULL))
		return 1;
	for (uint32_t at = 0; at < LSD_BLOCKS; at++) {
		if (!lsd_read(&device, at * LSD_BLOCK, block, sizeof block))
			return 1;
		fwrite(block, 1, sizeof block, stdout);
	}
	memset(stack, PAINT, sizeof stack);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof stack;
	there.uc_link = &here;
	makecontext(&there, use_all, 0);
	swapcontext(&here, &there);
	while (untouched < sizeof stack && stack[untouched] == PAINT)
		untouched++;
	fprintf(stderr, "%zu\n", sizeof stack - untouched);
	return 0;
}
#else
/* What the compiler calls without being asked to: a board's toolchain has its own. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
void __aeabi_memclr(void *to, size_t n);
void __aeabi_memclr4(void *to, size_t n);
void __aeabi_memclr8(void *to, size_t n);
uint64_t __aeabi_uidivmod(uint32_t n, uint32_t by);
uint32_t __aeabi_uidiv(uint32_t n, uint32_t by);
int32_t __aeabi_idiv(int32_t n, int32_t by);

void *memcpy(void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
	return to;
}

void *memset(void *to, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)to)[i] = (uint8_t)c;
	return to;
}

void __aeabi_memclr(void *to, size_t n)
{
	memset(to, 0, n);
}

void __aeabi_memclr4(void *to, size_t n)
{
	memset(to, 0, n);
}

void __aeabi_memclr8(void *to, size_t n)
{
	memset(to, 0, n);
}

/* The quotient in r0 and the rest in r1. */
uint64_t __aeabi_uidivmod(uint32_t n, uint32_t by)
{
	uint32_t quotient = 0;
	uint64_t rest = 0;

	for (int bit = 31; bit >= 0; bit--) {
		rest = rest << 1 | (n >> bit & 1);
		if (rest >= by) {
			rest -= by;
			quotient |= 1u << bit;
		}
	}
	return rest << 32 | quotient;
}

uint32_t __aeabi_uidiv(uint32_t n, uint32_t by)
{
	return (uint32_t)__aeabi_uidivmod(n, by);
}

int32_t __aeabi_idiv(int32_t n, int32_t by)
{
	uint32_t u = __aeabi_uidiv(n < 0 ? 0u - (uint32_t)n : (uint32_t)n,
				   by < 0 ? 0u - (uint32_t)by : (uint32_t)by);

	return (int32_t)((n < 0) == (by < 0) ? u : 0u - u);
}

void start(void);
void start(void)
{
	if (lsd_init(&device, &board, NULL))
		use_all();
	for (;;) {
	}
}
#endif
