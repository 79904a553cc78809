/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in a file, and what a peripheral takes or gives. Text has a fixed width, padded with
 * spaces, and ends with CR LF, which every editor takes; so the size in the directory stays true
 * whatever is measured. What comes from a host ends where it ends, at a NUL at the latest. */
#include "firmware/lsd/core/internal.h"

static const char positions[][7] = { "CENTER", "UP", "DOWN", "LEFT", "RIGHT", "PUSH" };

struct text {
	uint8_t *p;
	uint32_t len, max;
};

static void put(struct text *t, uint8_t c)
{
	if (t->len < t->max)
		t->p[t->len++] = c;
}

static void put_padded(struct text *t, const char *s, uint32_t width)
{
	for (; *s; s++, width = width ? width - 1 : 0)
		put(t, (uint8_t)*s);
	while (width--)
		put(t, ' ');
}

static void end_line(struct text *t)
{
	put(t, '\r');
	put(t, '\n');
}

/* At the right of a field; tenths: one digit behind a point. */
static void put_number(struct text *t, int v, bool tenths, uint32_t width)
{
	char digits[12];
	uint32_t n = 0, i = sizeof digits;
	unsigned u = v < 0 ? 0u - (unsigned)v : (unsigned)v;

	do {
		if (tenths && n == 1) {
			digits[--i] = '.';
			n++;
		}
		digits[--i] = (char)('0' + u % 10);
		u /= 10;
		n++;
	} while (u || (tenths && n < 3));
	if (v < 0)
		digits[--i] = '-';
	for (n = sizeof digits - i; n < width; n++)
		put(t, ' ');
	while (i < sizeof digits)
		put(t, (uint8_t)digits[i++]);
}

uint32_t lsd_to_raw(enum lsd_type type, const union lsd_value *v, uint8_t *raw, uint32_t max)
{
	struct text t = { raw, 0, max };

	switch (type) {
	case LSD_BOOL: put(&t, v->on ? '1' : '0'); break;
	case LSD_NUMBER: put_number(&t, v->number, false, 4); break;
	case LSD_TENTHS: put_number(&t, v->number, true, 6); break;
	case LSD_POSITION: put_padded(&t, positions[v->number], 6); break;
	case LSD_TEXT:
		for (uint32_t i = 0; i < LSD_LCD_CHARS; i++) {
			if (i == LSD_LCD_COLUMNS)
				end_line(&t);
			put(&t, (uint8_t)v->text[i]);
		}
		break;
	case LSD_IMAGE:
		if (max < LSD_BMP_LEN)
			return 0;
		lsd_bmp_write(raw, v->rows);
		return LSD_BMP_LEN;
	}
	end_line(&t);
	return t.len;
}

/* -- from a host ----------------------------------------------------------------------------- */

static uint32_t skip_spaces(const uint8_t *raw, uint32_t len)
{
	uint32_t i = 0;

	while (i < len && (raw[i] == ' ' || raw[i] == '\t'))
		i++;
	return i;
}

static bool read_bool(const uint8_t *raw, uint32_t len, bool *on)
{
	uint32_t i = skip_spaces(raw, len);

	if (i == len || (raw[i] != '0' && raw[i] != '1'))
		return false;
	*on = raw[i] == '1';
	return true;
}

static bool read_number(const uint8_t *raw, uint32_t len, int *number)
{
	uint32_t i = skip_spaces(raw, len), first;
	bool minus = i < len && raw[i] == '-';
	int v = 0;

	i += minus || (i < len && raw[i] == '+');
	for (first = i; i < len && raw[i] >= '0' && raw[i] <= '9'; i++)
		v = v < 1000 ? v * 10 + (raw[i] - '0') : v;
	*number = minus ? -v : v;
	return i > first;
}

/* As it would stand on paper of two lines: what is too long for one goes on in the next. */
static bool read_text(const uint8_t *raw, uint32_t len, char *text)
{
	uint32_t at = 0;
	bool full = false; /* the line; the break that follows it breaks nothing more */

	lsd_fill((uint8_t *)text, ' ', LSD_LCD_CHARS);
	for (uint32_t i = 0; i < len && raw[i] && at < LSD_LCD_CHARS; i++) {
		if (raw[i] == '\n' && !full)
			at += LSD_LCD_COLUMNS - at % LSD_LCD_COLUMNS;
		else if (raw[i] >= ' ')
			text[at++] = (char)raw[i];
		full = at % LSD_LCD_COLUMNS == 0 && (raw[i] >= ' ' || (full && raw[i] == '\r'));
	}
	return true;
}

bool lsd_from_raw(enum lsd_type type, const uint8_t *raw, uint32_t len, union lsd_value *v)
{
	switch (type) {
	case LSD_BOOL: return read_bool(raw, len, &v->on);
	case LSD_NUMBER: return read_number(raw, len, &v->number);
	case LSD_TEXT: return read_text(raw, len, v->text);
	case LSD_IMAGE: return lsd_bmp_read(raw, len, v->rows);
	case LSD_TENTHS:
	case LSD_POSITION: break;
	}
	return false;
}
