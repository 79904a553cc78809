/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the core share. */
#ifndef MSC_FIRMWARE_LSD_CORE_INTERNAL_H
#define MSC_FIRMWARE_LSD_CORE_INTERNAL_H

#include "firmware/lsd/core/lsd.h"

#define LSD_COUNT(array) (sizeof(array) / sizeof *(array))

/* -- bytes: there may be no C library ------------------------------------------------------- */

static inline void lsd_copy(uint8_t *to, const uint8_t *from, uint32_t len)
{
	while (len--)
		*to++ = *from++;
}

static inline void lsd_fill(uint8_t *to, uint8_t value, uint32_t len)
{
	while (len--)
		*to++ = value;
}

static inline void lsd_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void lsd_put32(uint8_t *p, uint32_t v)
{
	lsd_put16(p, v);
	lsd_put16(p + 2, v >> 16);
}

static inline uint32_t lsd_get16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t lsd_get32(const uint8_t *p)
{
	return lsd_get16(p) | lsd_get16(p + 2) << 16;
}

/* -- segment.c ------------------------------------------------------------------------------ */

/* A part of the address space. Segments are made when they are walked, and take no RAM. */
struct lsd_segment {
	uint32_t first, len; /* bytes, of the whole address space */
	const struct lsd_segment_ops *ops;
	uint16_t index; /* which directory, or which file */
	uint32_t offset; /* of the segment within its file */
};

/* A segment has children, or answers itself. `at` is relative to it. */
struct lsd_segment_ops {
	/* The child that holds an address. */
	void (*child)(const struct lsd_segment *, uint32_t address, struct lsd_segment *child);
	void (*read)(struct lsd *, const struct lsd_segment *, uint32_t at, uint8_t *buf,
		     uint32_t len);
	/* NULL: there is nothing to write to. */
	void (*write)(struct lsd *, const struct lsd_segment *, uint32_t at, const uint8_t *buf,
		      uint32_t len);
};

/* -- file.c --------------------------------------------------------------------------------- */

enum lsd_directory_id {
	LSD_ROOT,
	LSD_DIR_LEDS,
	LSD_DIR_DISPLAY,
	LSD_DIR_SENSORS,
	LSD_DIR_ACTUATOR
};

struct lsd_file {
	const char *name; /* 11 characters */
	uint8_t directory;
	uint8_t attributes;
	uint32_t size; /* as its directory says at first */
	const struct lsd_live *live; /* or NULL, and then data is all of it */
	const uint8_t *data;
};

uint16_t lsd_files(void);
void lsd_file(uint16_t i, struct lsd_file *);
uint32_t lsd_file_clusters(const struct lsd_file *);
/* The file that holds the n-th cluster of all files; *cluster: which one of its own. False: none. */
bool lsd_file_at(uint32_t n, uint16_t *file, uint32_t *cluster);
/* Of all files together. */
uint32_t lsd_clusters(void);

void lsd_file_read(struct lsd *, uint16_t file, uint32_t at, uint8_t *buf, uint32_t len);
void lsd_file_write(struct lsd *, uint16_t file, uint32_t at, const uint8_t *buf, uint32_t len);

/* -- fat.c ---------------------------------------------------------------------------------- */

#define LSD_FIRST_CLUSTER 2u /* the numbers 0 and 1 name none */
#define LSD_ROOT_BLOCK	  (1 + LSD_FAT_BLOCKS)
#define LSD_DATA_BLOCK	  (LSD_ROOT_BLOCK + 1) /* where cluster 2 is */

void lsd_boot_record_read(uint32_t at, uint8_t *buf, uint32_t len);
void lsd_fat_read(uint32_t at, uint8_t *buf, uint32_t len);
/* False: too many files. */
bool lsd_make_directories(struct lsd *);

/* -- peripheral.c --------------------------------------------------------------------------- */

enum lsd_type { LSD_BOOL, LSD_NUMBER, LSD_TENTHS, LSD_TEXT, LSD_IMAGE, LSD_POSITION };

union lsd_value {
	bool on;
	int number; /* NUMBER; TENTHS: of a degree; POSITION: enum lsd_direction */
	char text[LSD_LCD_CHARS];
	uint8_t rows[LSD_ROWS];
};

struct lsd_pin {
	uint8_t pin;
	uint8_t function; /* enum lsd_function */
};

/* All there is to know of a peripheral, by its number. */
struct lsd_peripheral {
	const struct lsd_pin *pins;
	uint8_t n_pins;
	uint8_t type;
	void (*init)(struct lsd *);
	void (*disable)(struct lsd *);
	void (*get)(struct lsd *, uint8_t channel, union lsd_value *);
	void (*set)(struct lsd *, uint8_t channel, const union lsd_value *); /* NULL: read only */
};

extern const struct lsd_peripheral lsd_peripherals[LSD_IDS];

/* Initialises if necessary, calls the getter, and converts what it gives: returns how many bytes
 * that is. */
uint32_t lsd_measure(struct lsd *, enum lsd_id, uint8_t channel, uint8_t *raw, uint32_t max);
/* Initialises if necessary, converts, and calls the setter. What cannot be converted, or not yet,
 * sets nothing. */
void lsd_act(struct lsd *, enum lsd_id, uint8_t channel, const uint8_t *raw, uint32_t len);

/* -- pins.c --------------------------------------------------------------------------------- */

/* Takes all pins of a peripheral; whoever had one of them is disabled and no longer ready. */
void lsd_claim_pins(struct lsd *, enum lsd_id);

/* -- convert.c, bmp.c ----------------------------------------------------------------------- */

/* Returns the bytes used of max. */
uint32_t lsd_to_raw(enum lsd_type, const union lsd_value *, uint8_t *raw, uint32_t max);
/* False: it is none, or not all of one. */
bool lsd_from_raw(enum lsd_type, const uint8_t *raw, uint32_t len, union lsd_value *);

#define LSD_BMP_LEN 94u /* of the one that is written: 8 x 8, one bit, two colours */
void lsd_bmp_write(uint8_t bmp[LSD_BMP_LEN], const uint8_t rows[LSD_ROWS]);
bool lsd_bmp_read(const uint8_t *bmp, uint32_t len, uint8_t rows[LSD_ROWS]);

#endif
