/* SPDX-License-Identifier: BSD-2-Clause */
/* The core of the Live Storage Device by itself, on a board of this test: the volume, the segments,
 * each peripheral written and seen or changed and read, and who loses a pin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "firmware/lsd/core/internal.h"

#define SIZE (LSD_BLOCKS * LSD_BLOCK)

struct board {
	uint8_t function[LSD_PINS];
	bool high[LSD_PINS], pulled[LSD_PINS]; /* an output drives high; a switch pulls low */
	uint8_t rows[LSD_ROWS];
	char text[LSD_LCD_CHARS + 1];
	int speed, shown; /* shown: how often the display was written */
	int16_t register0;
};

struct bench {
	struct board board;
	struct lsd lsd;
	uint8_t image[SIZE];
};

static void select_pin(void *context, uint8_t pin, enum lsd_function function)
{
	((struct board *)context)->function[pin] = (uint8_t)function;
}

static void write_pin(void *context, uint8_t pin, bool high)
{
	struct board *b = context;

	assert_int_equal(b->function[pin], LSD_PIN_OUT);
	b->high[pin] = high;
}

static bool read_pin(void *context, uint8_t pin)
{
	struct board *b = context;

	assert_int_not_equal(b->function[pin], LSD_PIN_NONE);
	return b->function[pin] == LSD_PIN_OUT ? b->high[pin] : !b->pulled[pin];
}

static void matrix(void *context, const uint8_t rows[LSD_ROWS])
{
	memcpy(((struct board *)context)->rows, rows, LSD_ROWS);
}

static void lcd(void *context, const char text[LSD_LCD_CHARS])
{
	memcpy(((struct board *)context)->text, text, LSD_LCD_CHARS);
	((struct board *)context)->shown++;
}

static void motor(void *context, int speed)
{
	((struct board *)context)->speed = speed;
}

static int16_t thermometer(void *context)
{
	return ((struct board *)context)->register0;
}

static const struct lsd_board functions = { select_pin, write_pin, read_pin, matrix,
					    lcd,        motor,     thermometer };

static struct bench *power_on(void)
{
	static struct bench b;

	memset(&b, 0, sizeof b);
	assert_true(lsd_init(&b.lsd, &functions, &b.board));
	return &b;
}

/* -- a host: finds files as one would, from the boot record on --------------------------------- */

static uint32_t data_address(struct bench *b)
{
	uint8_t r[LSD_BLOCK];

	assert_true(lsd_read(&b->lsd, 0, r, sizeof r));
	return (lsd_get16(r + 14) + r[16] * lsd_get16(r + 22) +
		lsd_get16(r + 17) * 32 / LSD_BLOCK) *
	       LSD_BLOCK;
}

/* Of its entry; fails the test when there is none. */
static uint32_t find_entry(struct bench *b, uint32_t directory, const char *name, uint32_t *cluster,
			   uint32_t *size)
{
	uint8_t d[LSD_BLOCK];

	assert_true(lsd_read(&b->lsd, directory, d, sizeof d));
	for (uint32_t at = 0; at < LSD_BLOCK; at += 32)
		if (!memcmp(d + at, name, 11)) {
			*cluster = lsd_get16(d + at + 26);
			*size = lsd_get32(d + at + 28);
			return directory + at;
		}
	fail_msg("there is no %s", name);
	return 0;
}

static uint32_t address_of(struct bench *b, const char *directory, const char *name)
{
	uint32_t data = data_address(b), cluster, size;

	find_entry(b, data - LSD_BLOCK, directory, &cluster, &size);
	find_entry(b, data + (cluster - 2) * LSD_BLOCK, name, &cluster, &size);
	return data + (cluster - 2) * LSD_BLOCK;
}

static void put(struct bench *b, const char *directory, const char *name, const char *text)
{
	uint8_t block[LSD_BLOCK] = { 0 };

	memcpy(block, text, strlen(text));
	assert_true(lsd_write(&b->lsd, address_of(b, directory, name), block, sizeof block));
}

static void expect(struct bench *b, const char *directory, const char *name, const char *text)
{
	uint8_t block[LSD_BLOCK], want[LSD_BLOCK] = { 0 };

	memcpy(want, text, strlen(text));
	assert_true(lsd_read(&b->lsd, address_of(b, directory, name), block, sizeof block));
	assert_string_equal((char *)block, text);
	assert_memory_equal(block, want, sizeof want);
}

#define LEDS	 "LEDS       "
#define DISPLAY	 "DISPLAY    "
#define SENSORS	 "SENSORS    "
#define ACTUATOR "ACTUATOR   "

/* -- the volume -------------------------------------------------------------------------------- */

static uint32_t entry(const uint8_t *fat, uint32_t n)
{
	uint32_t pair = lsd_get16(fat + n * 3 / 2);

	return n % 2 ? pair >> 4 : pair & 0xfff;
}

static void test_no_cluster_is_free(void **state)
{
	struct bench *b = power_on();
	uint8_t fat[LSD_FAT_BLOCKS * LSD_BLOCK];

	(void)state;
	assert_true(lsd_read(&b->lsd, LSD_BLOCK, fat, sizeof fat));
	assert_int_equal(entry(fat, 0), 0xff8);
	for (uint32_t n = 1; n < sizeof fat * 2 / 3; n++)
		assert_true(entry(fat, n) == 0xfff || entry(fat, n) == n + 1);
}

static void test_each_file_is_the_chain_that_its_size_says(void **state)
{
	struct bench *b = power_on();
	uint8_t fat[LSD_FAT_BLOCKS * LSD_BLOCK], block[LSD_BLOCK];
	uint32_t data = data_address(b);

	(void)state;
	assert_true(lsd_read(&b->lsd, LSD_BLOCK, fat, sizeof fat));
	for (uint8_t i = 0; i < lsd_n_statics; i++) {
		const struct lsd_static *s = &lsd_statics[i];
		uint32_t cluster, size, at = 0;

		find_entry(b, data - LSD_BLOCK, s->name, &cluster, &size);
		assert_int_equal(size, s->size);
		for (; at < size; at += LSD_BLOCK) {
			uint32_t n = size - at < LSD_BLOCK ? size - at : LSD_BLOCK;

			assert_true(lsd_read(&b->lsd, data + (cluster - 2) * LSD_BLOCK, block,
					     sizeof block));
			assert_memory_equal(block, s->data + at, n);
			for (; n < LSD_BLOCK; n++)
				assert_int_equal(block[n], 0);
			cluster = entry(fat, cluster);
		}
		assert_int_equal(cluster, 0xfff);
	}
}

/* -- segments ---------------------------------------------------------------------------------- */

/* Whatever the length and the place of an operation, it gives what the blocks hold. */
static void test_operations_are_split_between_segments(void **state)
{
	static uint8_t part[4 * LSD_BLOCK];
	struct bench *b = power_on();
	struct msc_rng rng = { 1 };

	(void)state;
	for (uint32_t at = 0; at < SIZE; at += LSD_BLOCK)
		assert_true(lsd_read(&b->lsd, at, b->image + at, LSD_BLOCK));
	for (int i = 0; i < 4000; i++) {
		uint32_t len = 1 + msc_rng_below(&rng, sizeof part);
		uint32_t at = msc_rng_below(&rng, i % 2 ? SIZE - len : 40 * LSD_BLOCK);

		assert_true(lsd_read(&b->lsd, at, part, len));
		assert_memory_equal(part, b->image + at, len);
	}
}

static void test_there_is_nothing_beyond_the_end(void **state)
{
	struct bench *b = power_on();
	uint8_t block[LSD_BLOCK] = { 1 };

	(void)state;
	assert_true(lsd_read(&b->lsd, SIZE - 1, block, 1));
	assert_int_equal(block[0], 0);
	assert_false(lsd_read(&b->lsd, SIZE - 1, block, 2));
	assert_false(lsd_read(&b->lsd, SIZE, block, 1));
	assert_false(lsd_read(&b->lsd, UINT32_MAX, block, LSD_BLOCK));
	assert_false(lsd_write(&b->lsd, SIZE, block, 1));
	assert_false(lsd_write(&b->lsd, UINT32_MAX - 100, block, LSD_BLOCK));
}

/* A write that reaches where no file is changes nothing at all. */
static void test_writes_to_where_nothing_is_are_refused(void **state)
{
	static uint8_t blocks[LSD_BLOCKS * LSD_BLOCK], before[LSD_BLOCK], after[LSD_BLOCK];
	struct bench *b = power_on();
	uint32_t free = data_address(b) + (LSD_DIRECTORIES - 1 + lsd_clusters()) * LSD_BLOCK;
	uint32_t lcd_at = address_of(b, DISPLAY, "LCD     TXT");

	(void)state;
	memset(blocks, 'x', sizeof blocks);
	assert_true(lsd_is_writable(&b->lsd, free - LSD_BLOCK, LSD_BLOCK));
	assert_false(lsd_is_writable(&b->lsd, free, 1));
	assert_true(lsd_read(&b->lsd, free, before, sizeof before));
	assert_false(lsd_write(&b->lsd, lcd_at, blocks, free + 1 - lcd_at));
	assert_int_equal(b->lsd.handled[LSD_LCD], 0);
	assert_false(lsd_write(&b->lsd, free, blocks, LSD_BLOCK));
	assert_true(lsd_read(&b->lsd, free, after, sizeof after));
	assert_memory_equal(before, after, sizeof after);
}

static void test_directories_keep_what_hosts_write(void **state)
{
	struct bench *b = power_on();
	uint32_t cluster, size, data = data_address(b);
	uint8_t length[4] = { 11 };
	uint32_t at;

	(void)state;
	find_entry(b, data - LSD_BLOCK, DISPLAY, &cluster, &size);
	at = find_entry(b, data + (cluster - 2) * LSD_BLOCK, "LCD     TXT", &cluster, &size);
	assert_int_equal(size, 36);
	assert_true(lsd_write(&b->lsd, at + 28, length, sizeof length));
	find_entry(b, at - at % LSD_BLOCK, "LCD     TXT", &cluster, &size);
	assert_int_equal(size, 11);
}

/* -- peripherals ------------------------------------------------------------------------------- */

static void test_outputs_are_written_and_seen(void **state)
{
	struct bench *b = power_on();
	char led[] = "LED0    TXT";

	(void)state;
	for (uint8_t i = 0; i < 8; i++) {
		led[3] = (char)('0' + i);
		put(b, LEDS, led, "1\r\n");
		assert_true(b->board.high[8 + i]);
		assert_int_equal(b->board.high[8 + (i + 1) % 8], 0);
		expect(b, LEDS, led, "1\r\n");
		put(b, LEDS, led, "0");
		assert_false(b->board.high[8 + i]);
	}
	put(b, LEDS, "GREEN   TXT", " 1");
	assert_true(b->board.high[8] && !b->board.high[7] && !b->board.high[9]);
	put(b, ACTUATOR, "BUZZER  TXT", "1");
	assert_true(b->board.high[7]);
	put(b, ACTUATOR, "MOTOR   TXT", "-42\n");
	assert_int_equal(b->board.speed, -42);
	expect(b, ACTUATOR, "MOTOR   TXT", " -42\r\n");
	put(b, ACTUATOR, "MOTOR   TXT", "-4711");
	assert_int_equal(b->board.speed, -100);
	put(b, DISPLAY, "LCD     TXT", "Hello\r\n\nWorld");
	assert_string_equal(b->board.text, "Hello                           ");
	put(b, DISPLAY, "LCD     TXT", "0123456789abcdef\r\nsecond\tline");
	assert_string_equal(b->board.text, "0123456789abcdefsecondline      ");
	expect(b, DISPLAY, "LCD     TXT", "0123456789abcdef\r\nsecondline      \r\n");
}

static void test_what_is_not_understood_changes_nothing(void **state)
{
	struct bench *b = power_on();

	(void)state;
	put(b, LEDS, "LED0    TXT", "1");
	put(b, LEDS, "LED0    TXT", "maybe");
	assert_true(b->board.high[8]);
	put(b, ACTUATOR, "MOTOR   TXT", "7");
	put(b, ACTUATOR, "MOTOR   TXT", "- 8");
	assert_int_equal(b->board.speed, 7);
}

static void test_inputs_are_changed_and_read(void **state)
{
	static const char *const positions[] = { "UP    \r\n", "DOWN  \r\n", "LEFT  \r\n",
						 "RIGHT \r\n", "PUSH  \r\n" };
	static const struct {
		int halves;
		const char *text;
	} degrees[] = { { 50, "  25.0\r\n" }, { 51, "  25.5\r\n" }, { 0, "   0.0\r\n" },
			{ 1, "   0.5\r\n" },  { -1, "  -0.5\r\n" }, { -110, " -55.0\r\n" },
			{ 250, " 125.0\r\n" } };
	struct bench *b = power_on();

	(void)state;
	expect(b, SENSORS, "BUTTON  TXT", "0\r\n");
	b->board.pulled[14] = true;
	expect(b, SENSORS, "BUTTON  TXT", "1\r\n");
	put(b, SENSORS, "BUTTON  TXT", "0\r\n");
	expect(b, SENSORS, "BUTTON  TXT", "1\r\n");
	expect(b, SENSORS, "JOYSTICKTXT", "CENTER\r\n");
	for (uint8_t i = 0; i < 5; i++) {
		b->board.pulled[16 + i] = true;
		expect(b, SENSORS, "JOYSTICKTXT", positions[i]);
		b->board.pulled[16 + i] = false;
	}
	for (size_t i = 0; i < LSD_COUNT(degrees); i++) {
		b->board.register0 = (int16_t)(degrees[i].halves * 128 + 0x7f);
		expect(b, SENSORS, "THERMO  TXT", degrees[i].text);
	}
}

/* "After writing to bytes 32 to 63 of LCD.TXT, the handler is passed bytes 0 to 63." */
static void test_a_handler_is_called_for_each_operation_with_all_so_far(void **state)
{
	static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	struct bench *b = power_on();
	uint32_t at = address_of(b, DISPLAY, "LCD     TXT");

	(void)state;
	assert_true(lsd_write(&b->lsd, at, (const uint8_t *)text, 8));
	assert_string_equal(b->board.text, "01234567                        ");
	assert_true(lsd_write(&b->lsd, at + 8, (const uint8_t *)text + 8, 24));
	assert_string_equal(b->board.text, "0123456789abcdefghijklmnopqrstuv");
	assert_int_equal(b->lsd.handled[LSD_LCD], 2);
	assert_int_equal(b->board.shown, 3); /* and once when it was initialised */
	assert_true(lsd_write(&b->lsd, at + 40, (const uint8_t *)text, 24)); /* behind its memory */
	assert_int_equal(b->lsd.handled[LSD_LCD], 2);
}

/* -- pins -------------------------------------------------------------------------------------- */

static const struct {
	const char *directory, *name;
	enum lsd_id id;
} first_file[LSD_IDS] = {
	{ LEDS, "LED0    TXT", LSD_LEDS },	  { LEDS, "RED     TXT", LSD_RGB },
	{ DISPLAY, "MATRIX  BMP", LSD_MATRIX },	  { DISPLAY, "LCD     TXT", LSD_LCD },
	{ SENSORS, "BUTTON  TXT", LSD_BUTTON },	  { SENSORS, "JOYSTICKTXT", LSD_JOYSTICK },
	{ ACTUATOR, "BUZZER  TXT", LSD_BUZZER },  { ACTUATOR, "MOTOR   TXT", LSD_MOTOR },
	{ SENSORS, "THERMO  TXT", LSD_THERMOMETER },
};

static void use(struct bench *b, int i)
{
	uint8_t block[LSD_BLOCK];

	assert_true(lsd_read(&b->lsd, address_of(b, first_file[i].directory, first_file[i].name),
			     block, sizeof block));
}

static bool share(int a, int b)
{
	const struct lsd_peripheral *x = &lsd_peripherals[a], *y = &lsd_peripherals[b];

	for (int i = 0; i < x->n_pins; i++)
		for (int k = 0; k < y->n_pins; k++)
			if (x->pins[i].pin == y->pins[k].pin)
				return true;
	return false;
}

/* For every two of the nine: the loser is initialised anew at its next use, and no other. */
static void test_whoever_loses_a_pin_is_initialised_at_its_next_use(void **state)
{
	int conflicts = 0;

	(void)state;
	for (int x = 0; x < LSD_IDS; x++)
		for (int y = 0; y < LSD_IDS; y++) {
			struct bench *b = power_on();
			const bool conflict = x != y && share(x, y);

			conflicts += conflict;
			use(b, x);
			use(b, x);
			assert_int_equal(b->lsd.starts[x], 1);
			use(b, y);
			assert_int_equal(b->lsd.ready[x], !conflict);
			for (int i = 0; conflict && i < lsd_peripherals[x].n_pins; i++)
				assert_int_not_equal(b->lsd.owner[lsd_peripherals[x].pins[i].pin],
						     x + 1);
			use(b, x);
			assert_int_equal(b->lsd.starts[x], 1 + conflict);
			assert_int_equal(b->lsd.ready[y], !conflict);
			assert_int_equal(b->lsd.starts[y], 1);
		}
	assert_int_equal(conflicts, 10);
}

static void test_a_loser_is_turned_off_and_begins_anew(void **state)
{
	struct bench *b = power_on();

	(void)state;
	put(b, LEDS, "LED3    TXT", "1");
	put(b, ACTUATOR, "MOTOR   TXT", "50");
	assert_int_equal(b->board.function[11], LSD_PIN_NONE);
	assert_false(b->board.high[11]);
	expect(b, LEDS, "LED3    TXT", "0\r\n");
	assert_int_equal(b->board.speed, 0);
	expect(b, ACTUATOR, "MOTOR   TXT", "   0\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_cluster_is_free),
		cmocka_unit_test(test_each_file_is_the_chain_that_its_size_says),
		cmocka_unit_test(test_operations_are_split_between_segments),
		cmocka_unit_test(test_there_is_nothing_beyond_the_end),
		cmocka_unit_test(test_writes_to_where_nothing_is_are_refused),
		cmocka_unit_test(test_directories_keep_what_hosts_write),
		cmocka_unit_test(test_outputs_are_written_and_seen),
		cmocka_unit_test(test_what_is_not_understood_changes_nothing),
		cmocka_unit_test(test_inputs_are_changed_and_read),
		cmocka_unit_test(test_a_handler_is_called_for_each_operation_with_all_so_far),
		cmocka_unit_test(test_whoever_loses_a_pin_is_initialised_at_its_next_use),
		cmocka_unit_test(test_a_loser_is_turned_off_and_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
