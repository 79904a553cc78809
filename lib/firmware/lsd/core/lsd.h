/* SPDX-License-Identifier: BSD-2-Clause */
/* The core of a Live Storage Device: a FAT12 volume that does not exist, whose files are the
 * peripherals of a board. It knows nothing of USB, of SCSI or of mscope, calls no library, allocates
 * nothing, and needs one `struct lsd` of RAM (docs/lsd.md has the figure, a test holds it).
 *
 *	segment.c     the address space as a tree of segments, each of which answers for its blocks
 *	fat.c	      boot record, file allocation table, directories
 *	file.c	      what the files are, and what reading and writing them means
 *	peripheral.c  the nine peripherals: pins, initialisation, getter, setter
 *	pins.c	      who owns which pin
 *	convert.c, bmp.c  what is in a file to what a peripheral takes, and back
 *
 * To use it on a board of your own: compile these with -I to the directory above firmware/, let
 * scripts/lsd-files.sh make the table of static files, give lsd_init a `struct lsd_board`, and have
 * your mass storage firmware call lsd_read and lsd_write for each packet. */
#ifndef MSC_FIRMWARE_LSD_CORE_LSD_H
#define MSC_FIRMWARE_LSD_CORE_LSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSD_BLOCK	512u /* bytes; a cluster is one block */
#define LSD_FAT_BLOCKS	2u
#define LSD_BLOCKS \
	684u /* two blocks of FAT have entries for 680 clusters; four blocks are before them */
#define LSD_DIRECTORIES 5    /* the root is one of them */
#define LSD_PINS	64   /* P0.n is n, P1.n is 32 + n */
#define LSD_LCD_COLUMNS 16
#define LSD_LCD_CHARS	(2 * LSD_LCD_COLUMNS)
#define LSD_ROWS	8 /* of the LED matrix; bit 7 is the leftmost LED */

enum lsd_id {
	LSD_LEDS,
	LSD_RGB,
	LSD_MATRIX,
	LSD_LCD,
	LSD_BUTTON,
	LSD_JOYSTICK,
	LSD_BUZZER,
	LSD_MOTOR,
	LSD_THERMOMETER,
	LSD_IDS,
};

enum lsd_direction { LSD_CENTER, LSD_UP, LSD_DOWN, LSD_LEFT, LSD_RIGHT, LSD_PUSH };

enum lsd_function { LSD_PIN_NONE, LSD_PIN_IN, LSD_PIN_OUT, LSD_PIN_SPI, LSD_PIN_I2C };

/* What the board does. A peripheral's pins are selected before anything else is asked for it. */
struct lsd_board {
	void (*select)(void *board, uint8_t pin, enum lsd_function);
	void (*write)(void *board, uint8_t pin, bool high);
	bool (*read)(void *board, uint8_t pin); /* also of an output */
	void (*matrix)(void *board, const uint8_t rows[LSD_ROWS]);
	void (*lcd)(void *board, const char text[LSD_LCD_CHARS]);
	void (*motor)(void *board, int speed); /* per cent; negative: backwards */
	int16_t (*thermometer)(void *board); /* register 0 of an LM75: half degrees in bits 15..7 */
};

/* What is in the peripheral files, as last written or measured. */
struct lsd_memory {
	uint8_t led[8][3], rgb[3][3], buzzer[3], button[3]; /* "1\r\n" */
	uint8_t joystick[8], motor[6], thermometer[8];
	uint8_t lcd[40];
	uint8_t matrix[320]; /* a BMP of 8 x 8 at up to 32 bits */
};

struct lsd {
	const struct lsd_board *board;
	void *context; /* the first argument of its functions */
	uint8_t owner[LSD_PINS]; /* 1 + enum lsd_id; 0: nobody's */
	bool ready[LSD_IDS];	 /* initialised, and has its pins */
	uint8_t starts[LSD_IDS]; /* how often it was initialised, for whoever looks at it */
	uint16_t handled[LSD_IDS]; /* and how often its setter was called */
	uint8_t rows[LSD_ROWS];
	char text[LSD_LCD_CHARS];
	int8_t speed;
	struct lsd_memory memory;
	uint8_t directory[LSD_DIRECTORIES][LSD_BLOCK];
};

/* A file that is linked in; scripts/lsd-files.sh makes the table. */
struct lsd_static {
	char name[12]; /* as in a directory: 8 and 3 characters, padded */
	const uint8_t *data;
	uint32_t size;
};
extern const struct lsd_static lsd_statics[];
extern const uint8_t lsd_n_statics;

/* Power-on. False: the static files do not fit into the volume or its root directory. */
bool lsd_init(struct lsd *, const struct lsd_board *, void *context);

/* One block operation, of any length at any byte address. Read fails where there is no address;
 * write also where nothing is behind it, and then nothing was written. A peripheral is measured
 * before its file is read, and acts after its file was written. */
bool lsd_read(struct lsd *, uint32_t address, uint8_t *buf, uint32_t len);
bool lsd_write(struct lsd *, uint32_t address, const uint8_t *buf, uint32_t len);
bool lsd_is_writable(struct lsd *, uint32_t address, uint32_t len);

#endif
