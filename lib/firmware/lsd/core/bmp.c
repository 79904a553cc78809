/* SPDX-License-Identifier: BSD-2-Clause */
/* The LED matrix as a picture: a BMP of 8 x 8 pixels, in which a light pixel is an LED that is lit.
 * What is shown is given as one bit a pixel; what is taken is whatever a painting program makes of
 * it, uncompressed at 1, 4, 8, 24 or 32 bits. */
#include "firmware/lsd/core/internal.h"

#define FILE_HEADER 14u
#define INFO_HEADER 40u
#define PIXELS_AT   (FILE_HEADER + INFO_HEADER + 2 * 4)
#define STRIDE	    4u /* of a row of eight bits */
#define COMPRESSION_NONE   0
#define COMPRESSION_FIELDS 3 /* as some write 32 bits */

void lsd_bmp_write(uint8_t bmp[LSD_BMP_LEN], const uint8_t rows[LSD_ROWS])
{
	lsd_fill(bmp, 0, LSD_BMP_LEN);
	bmp[0] = 'B';
	bmp[1] = 'M';
	lsd_put32(bmp + 2, LSD_BMP_LEN);
	lsd_put32(bmp + 10, PIXELS_AT);
	lsd_put32(bmp + 14, INFO_HEADER);
	lsd_put32(bmp + 18, 8);	 /* width */
	lsd_put32(bmp + 22, 8);	 /* height: the last row comes first */
	lsd_put16(bmp + 26, 1);	 /* planes */
	lsd_put16(bmp + 28, 1);	 /* bits of a pixel */
	lsd_put32(bmp + 34, STRIDE * LSD_ROWS);
	lsd_put32(bmp + 46, 2);	 /* colours: black is all zero, and white */
	lsd_fill(bmp + 58, 0xff, 3);
	for (uint32_t y = 0; y < LSD_ROWS; y++)
		bmp[PIXELS_AT + STRIDE * (LSD_ROWS - 1 - y)] = rows[y];
}

/* Blue, green, red. */
static bool is_light(const uint8_t *colour)
{
	return colour[0] + colour[1] + colour[2] >= 3 * 128;
}

struct bmp {
	const uint8_t *p, *palette, *pixels;
	uint32_t len, bits, stride;
	uint32_t colours; /* that lie before the end of the file */
	bool top_down;
};

static bool read_header(struct bmp *b)
{
	uint32_t info, pixels, height, compression;

	if (b->len < FILE_HEADER + INFO_HEADER || b->p[0] != 'B' || b->p[1] != 'M')
		return false;
	pixels = lsd_get32(b->p + 10);
	info = lsd_get32(b->p + 14);
	height = lsd_get32(b->p + 22);
	b->bits = lsd_get16(b->p + 28);
	compression = lsd_get32(b->p + 30);
	b->top_down = height == 0u - LSD_ROWS;
	if (lsd_get32(b->p + 18) != 8 || (height != LSD_ROWS && !b->top_down))
		return false;
	if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 24 && b->bits != 32)
		return false;
	if (compression != COMPRESSION_NONE &&
	    !(compression == COMPRESSION_FIELDS && b->bits == 32))
		return false;
	b->stride = (8 * b->bits + 31) / 32 * 4;
	if (pixels > b->len || b->len - pixels < b->stride * LSD_ROWS)
		return false;
	if (info < INFO_HEADER || info > b->len - FILE_HEADER)
		return false;
	b->pixels = b->p + pixels;
	b->palette = b->p + FILE_HEADER + info;
	b->colours = (b->len - FILE_HEADER - info) / 4;
	return true;
}

static bool is_lit(const struct bmp *b, const uint8_t *row, uint32_t x)
{
	static const uint8_t black[3];
	uint32_t bit = x * b->bits, index;

	if (b->bits >= 24)
		return is_light(row + bit / 8);
	index = row[bit / 8] >> (8 - b->bits - bit % 8) & ((1u << b->bits) - 1);
	return is_light(index < b->colours ? b->palette + 4 * index : black);
}

bool lsd_bmp_read(const uint8_t *bmp, uint32_t len, uint8_t rows[LSD_ROWS])
{
	struct bmp b = { .p = bmp, .len = len };

	if (!read_header(&b))
		return false;
	for (uint32_t y = 0; y < LSD_ROWS; y++) {
		const uint8_t *row = b.pixels + b.stride * (b.top_down ? y : LSD_ROWS - 1 - y);

		rows[y] = 0;
		for (uint32_t x = 0; x < 8; x++)
			rows[y] = (uint8_t)(rows[y] << 1 | is_lit(&b, row, x));
	}
	return true;
}
