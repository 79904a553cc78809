/* SPDX-License-Identifier: BSD-2-Clause */
/* The board around the processor. A pin does what it was selected for; an output that is not
 * selected drives nothing. What is shown is told on the debug port when it changes. */
#include <string.h>

#include "firmware/lsd/port.h"

#define PIN_BUTTON   14
#define PIN_JOYSTICK 16 /* and the four after it */

/* HD44780: 37 us for a character; and two addresses, one for each line. */
#define LCD_NS	  (34 * 40 * 1000)
/* LM75 at 100 kHz: address, pointer, address, two bytes, with their acknowledgements. */
#define I2C_NS	  (5 * 9 * 10 * 1000)
#define SPI_ROW_NS 4000 /* two bytes at 4 MHz */

const char *const lsd_directions[] = { "center", "up", "down", "left", "right", "push", NULL };

static void select_pin(void *context, uint8_t pin, enum lsd_function function)
{
	struct lsd_port *s = mcu_state(context);

	s->board.function[pin] = (uint8_t)function;
	if (function != LSD_PIN_OUT)
		s->board.high[pin] = false;
}

static void write_pin(void *context, uint8_t pin, bool high)
{
	struct lsd_port *s = mcu_state(context);

	if (s->board.function[pin] != LSD_PIN_OUT || s->board.high[pin] == high)
		return;
	s->board.high[pin] = high;
	mcu_print(context, "P0.%u is %s", pin, high ? "high" : "low");
}

/* Switches pull low, everything else is pulled up. */
static bool read_pin(void *context, uint8_t pin)
{
	const struct lsd_port *s = mcu_state(context);

	if (s->board.function[pin] == LSD_PIN_OUT)
		return s->board.high[pin];
	if (pin == PIN_BUTTON)
		return !s->button;
	return s->joystick == LSD_CENTER || pin != PIN_JOYSTICK + s->joystick - LSD_UP;
}

static void show_matrix(void *context, const uint8_t rows[LSD_ROWS])
{
	struct lsd_port *s = mcu_state(context);
	bool same = memcmp(s->board.rows, rows, LSD_ROWS) == 0;
	char line[9] = "";

	mcu_spin(context, LSD_ROWS * SPI_ROW_NS);
	memcpy(s->board.rows, rows, LSD_ROWS);
	for (unsigned y = 0; !same && y < LSD_ROWS; y++) {
		for (unsigned x = 0; x < 8; x++)
			line[x] = rows[y] & 0x80 >> x ? '#' : '.';
		mcu_print(context, "matrix %s", line);
	}
}

static void show_lcd(void *context, const char text[LSD_LCD_CHARS])
{
	struct lsd_port *s = mcu_state(context);

	mcu_spin(context, LCD_NS);
	if (memcmp(s->board.text, text, LSD_LCD_CHARS) == 0)
		return;
	memcpy(s->board.text, text, LSD_LCD_CHARS);
	mcu_print(context, "lcd |%.16s|%.16s|", text, text + LSD_LCD_COLUMNS);
}

static void turn_motor(void *context, int speed)
{
	struct lsd_port *s = mcu_state(context);

	if (s->board.speed != speed)
		mcu_print(context, "motor %d %%", speed);
	s->board.speed = speed;
}

static int16_t read_thermometer(void *context)
{
	const struct lsd_port *s = mcu_state(context);
	int halves = (s->temperature < 0 ? s->temperature - 2 : s->temperature + 2) / 5;

	mcu_spin(context, I2C_NS);
	return (int16_t)(halves * 128);
}

const struct lsd_board lsd_board = {
	.select = select_pin,
	.write = write_pin,
	.read = read_pin,
	.matrix = show_matrix,
	.lcd = show_lcd,
	.motor = turn_motor,
	.thermometer = read_thermometer,
};
