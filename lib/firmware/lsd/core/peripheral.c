/* SPDX-License-Identifier: BSD-2-Clause */
/* The nine peripherals. Where two of them need the same pin, the one that is used takes it:
 *
 *	LEDs     RGB LED (P0.8, P0.9), motor (P0.12, P0.13), button (P0.14), LED matrix (P0.15)
 *	RGB LED  buzzer (P0.7) */
#include "firmware/lsd/core/internal.h"

#define P0(n) (n)
#define P1(n) (32 + (n))

static const struct lsd_pin led_pins[] = {
	{ P0(8), LSD_PIN_OUT },	 { P0(9), LSD_PIN_OUT },  { P0(10), LSD_PIN_OUT },
	{ P0(11), LSD_PIN_OUT }, { P0(12), LSD_PIN_OUT }, { P0(13), LSD_PIN_OUT },
	{ P0(14), LSD_PIN_OUT }, { P0(15), LSD_PIN_OUT },
};
static const struct lsd_pin rgb_pins[] = {
	{ P0(7), LSD_PIN_OUT },
	{ P0(8), LSD_PIN_OUT },
	{ P0(9), LSD_PIN_OUT },
};
static const struct lsd_pin matrix_pins[] = {
	{ P0(4), LSD_PIN_SPI },	 /* SCK0 */
	{ P0(6), LSD_PIN_SPI },	 /* MOSI0 */
	{ P0(15), LSD_PIN_OUT }, /* latch */
};
static const struct lsd_pin lcd_pins[] = {
	{ P1(16), LSD_PIN_OUT }, { P1(17), LSD_PIN_OUT }, { P1(18), LSD_PIN_OUT },
	{ P1(19), LSD_PIN_OUT }, { P1(20), LSD_PIN_OUT }, { P1(21), LSD_PIN_OUT },
	{ P1(22), LSD_PIN_OUT }, { P1(23), LSD_PIN_OUT }, /* data */
	{ P1(24), LSD_PIN_OUT }, { P1(25), LSD_PIN_OUT }, /* RS, E */
	{ P0(22), LSD_PIN_OUT },			  /* R/W */
};
static const struct lsd_pin button_pins[] = { { P0(14), LSD_PIN_IN } };
static const struct lsd_pin joystick_pins[] = {
	{ P0(16), LSD_PIN_IN }, { P0(17), LSD_PIN_IN }, { P0(18), LSD_PIN_IN },
	{ P0(19), LSD_PIN_IN }, { P0(20), LSD_PIN_IN },
};
static const struct lsd_pin buzzer_pins[] = { { P0(7), LSD_PIN_OUT } };
static const struct lsd_pin motor_pins[] = {
	{ P0(12), LSD_PIN_OUT },
	{ P0(13), LSD_PIN_OUT },
	{ P0(21), LSD_PIN_OUT },
	{ P0(30), LSD_PIN_OUT },
};
static const struct lsd_pin thermometer_pins[] = {
	{ P0(2), LSD_PIN_I2C }, /* SCL0 */
	{ P0(3), LSD_PIN_I2C }, /* SDA0 */
};

/* -- those that are pins alone: LEDs, RGB LED, buzzer, button, joystick ---------------------- */

static void all_low(struct lsd *l, const struct lsd_pin *pins, uint8_t n)
{
	for (uint8_t i = 0; i < n; i++)
		l->board->write(l->context, pins[i].pin, false);
}

static void leds_off(struct lsd *l)
{
	all_low(l, led_pins, LSD_COUNT(led_pins));
}

static void leds_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	v->on = l->board->read(l->context, led_pins[channel].pin);
}

static void leds_set(struct lsd *l, uint8_t channel, const union lsd_value *v)
{
	l->board->write(l->context, led_pins[channel].pin, v->on);
}

static void rgb_off(struct lsd *l)
{
	all_low(l, rgb_pins, LSD_COUNT(rgb_pins));
}

static void rgb_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	v->on = l->board->read(l->context, rgb_pins[channel].pin);
}

static void rgb_set(struct lsd *l, uint8_t channel, const union lsd_value *v)
{
	l->board->write(l->context, rgb_pins[channel].pin, v->on);
}

static void buzzer_off(struct lsd *l)
{
	all_low(l, buzzer_pins, LSD_COUNT(buzzer_pins));
}

static void buzzer_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	(void)channel;
	v->on = l->board->read(l->context, buzzer_pins[0].pin);
}

static void buzzer_set(struct lsd *l, uint8_t channel, const union lsd_value *v)
{
	(void)channel;
	l->board->write(l->context, buzzer_pins[0].pin, v->on);
}

/* The switches pull their pins low. */
static void button_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	(void)channel;
	v->on = !l->board->read(l->context, button_pins[0].pin);
}

static void joystick_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	(void)channel;
	v->number = LSD_CENTER;
	for (uint8_t i = 0; i < LSD_COUNT(joystick_pins); i++)
		if (!l->board->read(l->context, joystick_pins[i].pin))
			v->number = LSD_UP + i;
}

/* -- LED matrix, LCD, motor, thermometer ------------------------------------------------------ */

static void matrix_show(struct lsd *l, const uint8_t *rows)
{
	for (uint8_t y = 0; y < LSD_ROWS; y++)
		l->rows[y] = rows ? rows[y] : 0;
	l->board->matrix(l->context, l->rows);
}

static void matrix_off(struct lsd *l)
{
	matrix_show(l, NULL);
}

static void matrix_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	(void)channel;
	lsd_copy(v->rows, l->rows, LSD_ROWS);
}

static void matrix_set(struct lsd *l, uint8_t channel, const union lsd_value *v)
{
	(void)channel;
	matrix_show(l, v->rows);
}

static void lcd_clear(struct lsd *l)
{
	lsd_fill((uint8_t *)l->text, ' ', LSD_LCD_CHARS);
	l->board->lcd(l->context, l->text);
}

static void lcd_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	(void)channel;
	lsd_copy((uint8_t *)v->text, (const uint8_t *)l->text, LSD_LCD_CHARS);
}

static void lcd_set(struct lsd *l, uint8_t channel, const union lsd_value *v)
{
	(void)channel;
	lsd_copy((uint8_t *)l->text, (const uint8_t *)v->text, LSD_LCD_CHARS);
	l->board->lcd(l->context, l->text);
}

static void motor_stop(struct lsd *l)
{
	l->speed = 0;
	l->board->motor(l->context, 0);
}

static void motor_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	(void)channel;
	v->number = l->speed;
}

static void motor_set(struct lsd *l, uint8_t channel, const union lsd_value *v)
{
	(void)channel;
	l->speed = (int8_t)(v->number > 100 ? 100 : v->number < -100 ? -100 : v->number);
	l->board->motor(l->context, l->speed);
}

static void thermometer_get(struct lsd *l, uint8_t channel, union lsd_value *v)
{
	int value = l->board->thermometer(l->context);

	(void)channel;
	/* nine bits, of which the sign is the first, of half degrees; the others mean nothing */
	v->number = (value - (value & 0x7f)) / 128 * 5;
}

/* -- the table ------------------------------------------------------------------------------ */

#define PINS(name) .pins = name##_pins, .n_pins = LSD_COUNT(name##_pins)

const struct lsd_peripheral lsd_peripherals[LSD_IDS] = {
	[LSD_LEDS] = { PINS(led), LSD_BOOL, leds_off, leds_off, leds_get, leds_set },
	[LSD_RGB] = { PINS(rgb), LSD_BOOL, rgb_off, rgb_off, rgb_get, rgb_set },
	[LSD_MATRIX] = { PINS(matrix), LSD_IMAGE, matrix_off, matrix_off, matrix_get, matrix_set },
	[LSD_LCD] = { PINS(lcd), LSD_TEXT, lcd_clear, lcd_clear, lcd_get, lcd_set },
	[LSD_BUTTON] = { PINS(button), LSD_BOOL, NULL, NULL, button_get, NULL },
	[LSD_JOYSTICK] = { PINS(joystick), LSD_POSITION, NULL, NULL, joystick_get, NULL },
	[LSD_BUZZER] = { PINS(buzzer), LSD_BOOL, buzzer_off, buzzer_off, buzzer_get, buzzer_set },
	[LSD_MOTOR] = { PINS(motor), LSD_NUMBER, motor_stop, motor_stop, motor_get, motor_set },
	[LSD_THERMOMETER] = { PINS(thermometer), LSD_TENTHS, NULL, NULL, thermometer_get, NULL },
};

/* -- use ------------------------------------------------------------------------------------- */

static const struct lsd_peripheral *ready(struct lsd *l, enum lsd_id id)
{
	const struct lsd_peripheral *p = &lsd_peripherals[id];

	if (l->ready[id])
		return p;
	lsd_claim_pins(l, id);
	if (p->init)
		p->init(l);
	l->ready[id] = true;
	l->starts[id]++;
	return p;
}

uint32_t lsd_measure(struct lsd *l, enum lsd_id id, uint8_t channel, uint8_t *raw, uint32_t max)
{
	const struct lsd_peripheral *p = ready(l, id);
	union lsd_value v;

	p->get(l, channel, &v);
	return lsd_to_raw((enum lsd_type)p->type, &v, raw, max);
}

void lsd_act(struct lsd *l, enum lsd_id id, uint8_t channel, const uint8_t *raw, uint32_t len)
{
	const struct lsd_peripheral *p = &lsd_peripherals[id];
	union lsd_value v;

	if (!p->set || !lsd_from_raw((enum lsd_type)p->type, raw, len, &v))
		return;
	ready(l, id);
	l->handled[id]++;
	p->set(l, channel, &v);
}

bool lsd_init(struct lsd *l, const struct lsd_board *board, void *context)
{
	lsd_fill((uint8_t *)l, 0, sizeof *l);
	l->board = board;
	l->context = context;
	return lsd_make_directories(l);
}
