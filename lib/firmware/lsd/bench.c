/* SPDX-License-Identifier: BSD-2-Clause */
/* A window into the world of the board, for tests and demonstrations. The document's device has no
 * such command; a board has a bench with somebody sitting at it.
 *
 *	c0 00 ...	look: 512 bytes of text, what every output shows and every input is
 *	c0 01 NN	the button: 1 pressed, 0 not
 *	c0 02 NN	the joystick: enum lsd_direction
 *	c0 03 HH LL	the temperature, tenths of a degree, signed */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "firmware/lsd/port.h"

enum { LOOK, SET_BUTTON, SET_JOYSTICK, SET_TEMPERATURE };

static void add(struct lsd_port *s, const char *fmt, ...) MSC_PRINTF(2, 3);
static void add(struct lsd_port *s, const char *fmt, ...)
{
	char *text = (char *)s->bench;
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + len, sizeof s->bench - len, fmt, ap);
	va_end(ap);
}

/* Of two peripherals on one pin, a jumper lets the one see it that owns it. */
static bool is_lit(const struct lsd_port *s, enum lsd_id id, uint8_t pin)
{
	return s->core.owner[pin] == id + 1 && s->board.high[pin];
}

static void look(struct lsd_port *s)
{
	const int t = s->temperature;
	char line[9] = "";

	memset(s->bench, 0, sizeof s->bench);
	for (uint8_t i = 0; i < 8; i++)
		line[i] = is_lit(s, LSD_LEDS, (uint8_t)(8 + i)) ? '#' : '.';
	add(s, "leds      %s\n", line);
	add(s, "rgb       %c%c%c\n", is_lit(s, LSD_RGB, 7) ? 'R' : '.',
	    is_lit(s, LSD_RGB, 8) ? 'G' : '.', is_lit(s, LSD_RGB, 9) ? 'B' : '.');
	add(s, "buzzer    %d\n", is_lit(s, LSD_BUZZER, 7));
	add(s, "motor     %d\n", s->board.speed);
	for (unsigned row = 0; row < 2; row++)
		add(s, "lcd       |%.16s|\n", s->board.text + row * LSD_LCD_COLUMNS);
	for (unsigned y = 0; y < LSD_ROWS; y++) {
		for (unsigned x = 0; x < 8; x++)
			line[x] = s->board.rows[y] & 0x80 >> x ? '#' : '.';
		add(s, "matrix    %s\n", line);
	}
	add(s, "button    %d\n", s->button);
	add(s, "joystick  %s\n", lsd_directions[s->joystick]);
	add(s, "thermo    %s%d.%d\n", t < 0 ? "-" : "", (t < 0 ? -t : t) / 10,
	    (t < 0 ? -t : t) % 10);
	add(s, "starts   ");
	for (unsigned i = 0; i < LSD_IDS; i++)
		add(s, " %u", s->core.starts[i]);
	add(s, "\nhandled  ");
	for (unsigned i = 0; i < LSD_IDS; i++)
		add(s, " %u", s->core.handled[i]);
	add(s, "\n");
}

bool bench_command(struct mcu *m, const uint8_t *cb)
{
	struct lsd_port *s = mcu_state(m);

	switch (cb[1]) {
	case LOOK: look(s); return true;
	case SET_BUTTON: s->button = cb[2]; break;
	case SET_JOYSTICK:
		s->joystick = cb[2] <= LSD_PUSH ? cb[2] : LSD_CENTER;
		break;
	case SET_TEMPERATURE: s->temperature = (int16_t)msc_get_be16(cb + 2); break;
	default: break;
	}
	return false;
}
