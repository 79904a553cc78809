/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the model `lsd`: the core of core/ on a simulated LPC2148.
 *
 *	lsd.c	 power-on, USB, knobs
 *	msc.c	 Bulk-Only Transport and the few commands, as Keil's example has them
 *	board.c	 what is wired to the pins, and the world around it
 *	bench.c	 the window into that world: a vendor's command that no LPC2148 has */
#ifndef MSC_FIRMWARE_LSD_PORT_H
#define MSC_FIRMWARE_LSD_PORT_H

#include "firmware/lsd/core/lsd.h"
#include "firmware/usbd.h"
#include "wire/scsi.h"

#define EP_IN	   0x82 /* endpoint 2, both ways */
#define EP_OUT	   0x02
#define MAX_PACKET 64

enum stage {
	STAGE_OFF,
	STAGE_CBW,
	STAGE_DATA_OUT,
	STAGE_DATA_IN,
	STAGE_DATA_IN_LAST,	  /* nothing follows it but the CSW */
	STAGE_DATA_IN_LAST_STALL, /* the same, behind a STALL */
	STAGE_CSW,
	STAGE_ERROR, /* an invalid CBW: only Reset leads out */
};

struct board {
	uint8_t function[LSD_PINS]; /* enum lsd_function */
	bool high[LSD_PINS];	    /* what an output drives */
	uint8_t rows[LSD_ROWS];
	char text[LSD_LCD_CHARS];
	int speed;
};

struct lsd_port {
	/* the world, and the first three also what it is at first */
	bool button;
	int joystick; /* enum lsd_direction */
	int32_t temperature; /* tenths of a degree Celsius */

	struct usbd usbd;
	struct lsd core;
	struct board board;

	enum stage stage;
	struct msc_cbw cbw;
	uint32_t residue;
	uint8_t status;
	uint32_t offset, left; /* bytes, of the address space */
	bool matched;	       /* VERIFY(10): so far */
	const uint8_t *reply;  /* instead of the address space; NULL: that */
	uint8_t out[MAX_PACKET], in[MAX_PACKET]; /* the endpoints' own memory */
	uint8_t bench[512]; /* a reply of bench.c */
};

/* -- msc.c -- */
void msc_await_command(struct mcu *);
void msc_in_done(struct mcu *, uint8_t ep);
void msc_out_done(struct mcu *, uint8_t ep, size_t len);
void msc_reset(struct mcu *); /* Bulk-Only Mass Storage Reset */

/* -- board.c -- */
extern const struct lsd_board lsd_board;
extern const char *const lsd_directions[]; /* as knob and as text */

/* -- bench.c -- */
#define OP_BENCH 0xc0
/* The command changes the world and false is returned, or it asks for the reply in s->bench. */
bool bench_command(struct mcu *, const uint8_t *cb);

#endif
