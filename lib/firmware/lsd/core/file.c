/* SPDX-License-Identifier: BSD-2-Clause */
/* The files: those of peripherals, one cluster each, and those that are linked in.
 *
 * A peripheral file is as long as its memory, and zeros behind that. It is measured into its memory
 * before that is read; what is written goes into its memory, and then the peripheral is given the
 * file from its beginning to the end of what was written. So a block that comes in eight packets
 * calls a peripheral for each packet that reaches its memory. */
#include "firmware/lsd/core/internal.h"

#define ATTR_READ_ONLY 0x01
#define ATTR_ARCHIVE   0x20

struct lsd_live {
	char name[12];
	uint8_t directory, id, channel;
	uint8_t size; /* of what is measured; 0 behind it */
	uint16_t memory, max; /* offset in struct lsd_memory, and bytes */
};

#define MEMORY(member) \
	offsetof(struct lsd_memory, member), sizeof(((struct lsd_memory *)0)->member)

static const struct lsd_live live[] = {
	{ "LED0    TXT", LSD_DIR_LEDS, LSD_LEDS, 0, 3, MEMORY(led[0]) },
	{ "LED1    TXT", LSD_DIR_LEDS, LSD_LEDS, 1, 3, MEMORY(led[1]) },
	{ "LED2    TXT", LSD_DIR_LEDS, LSD_LEDS, 2, 3, MEMORY(led[2]) },
	{ "LED3    TXT", LSD_DIR_LEDS, LSD_LEDS, 3, 3, MEMORY(led[3]) },
	{ "LED4    TXT", LSD_DIR_LEDS, LSD_LEDS, 4, 3, MEMORY(led[4]) },
	{ "LED5    TXT", LSD_DIR_LEDS, LSD_LEDS, 5, 3, MEMORY(led[5]) },
	{ "LED6    TXT", LSD_DIR_LEDS, LSD_LEDS, 6, 3, MEMORY(led[6]) },
	{ "LED7    TXT", LSD_DIR_LEDS, LSD_LEDS, 7, 3, MEMORY(led[7]) },
	{ "RED     TXT", LSD_DIR_LEDS, LSD_RGB, 0, 3, MEMORY(rgb[0]) },
	{ "GREEN   TXT", LSD_DIR_LEDS, LSD_RGB, 1, 3, MEMORY(rgb[1]) },
	{ "BLUE    TXT", LSD_DIR_LEDS, LSD_RGB, 2, 3, MEMORY(rgb[2]) },
	{ "LCD     TXT", LSD_DIR_DISPLAY, LSD_LCD, 0, 36, MEMORY(lcd) },
	{ "MATRIX  BMP", LSD_DIR_DISPLAY, LSD_MATRIX, 0, LSD_BMP_LEN, MEMORY(matrix) },
	{ "BUTTON  TXT", LSD_DIR_SENSORS, LSD_BUTTON, 0, 3, MEMORY(button) },
	{ "JOYSTICKTXT", LSD_DIR_SENSORS, LSD_JOYSTICK, 0, 8, MEMORY(joystick) },
	{ "THERMO  TXT", LSD_DIR_SENSORS, LSD_THERMOMETER, 0, 8, MEMORY(thermometer) },
	{ "BUZZER  TXT", LSD_DIR_ACTUATOR, LSD_BUZZER, 0, 3, MEMORY(buzzer) },
	{ "MOTOR   TXT", LSD_DIR_ACTUATOR, LSD_MOTOR, 0, 6, MEMORY(motor) },
};

uint16_t lsd_files(void)
{
	return (uint16_t)(LSD_COUNT(live) + lsd_n_statics);
}

void lsd_file(uint16_t i, struct lsd_file *f)
{
	if (i < LSD_COUNT(live)) {
		const struct lsd_live *p = &live[i];

		*f = (struct lsd_file){ .name = p->name,
					.directory = p->directory,
					.attributes = lsd_peripherals[p->id].set ? ATTR_ARCHIVE
										 : ATTR_READ_ONLY,
					.size = p->size,
					.live = p };
	} else {
		const struct lsd_static *s = &lsd_statics[i - LSD_COUNT(live)];

		*f = (struct lsd_file){ .name = s->name,
					.directory = LSD_ROOT,
					.attributes = ATTR_ARCHIVE,
					.size = s->size,
					.data = s->data };
	}
}

uint32_t lsd_file_clusters(const struct lsd_file *f)
{
	return (f->size + LSD_BLOCK - 1) / LSD_BLOCK;
}

uint32_t lsd_clusters(void)
{
	struct lsd_file f;
	uint32_t n = 0;

	for (uint16_t i = 0; i < lsd_files(); i++) {
		lsd_file(i, &f);
		n += lsd_file_clusters(&f);
	}
	return n;
}

bool lsd_file_at(uint32_t n, uint16_t *file, uint32_t *cluster)
{
	struct lsd_file f;

	for (*file = 0; *file < lsd_files(); ++*file) {
		uint32_t has;

		lsd_file(*file, &f);
		has = lsd_file_clusters(&f);
		*cluster = n;
		if (n < has)
			return true;
		n -= has;
	}
	return false;
}

/* Of len bytes from `at` on, those before the end. */
static uint32_t within(uint32_t at, uint32_t len, uint32_t end)
{
	if (at >= end)
		return 0;
	return len < end - at ? len : end - at;
}

void lsd_file_read(struct lsd *l, uint16_t i, uint32_t at, uint8_t *buf, uint32_t len)
{
	struct lsd_file f;
	const uint8_t *from;
	uint32_t n;

	lsd_file(i, &f);
	n = within(at, len, f.live ? f.live->max : f.size);
	from = f.data;
	if (f.live && n) {
		uint8_t *memory = (uint8_t *)&l->memory + f.live->memory;
		uint32_t got = lsd_measure(l, (enum lsd_id)f.live->id, f.live->channel, memory,
					   f.live->max);

		lsd_fill(memory + got, 0, f.live->max - got);
		from = memory;
	}
	if (n)
		lsd_copy(buf, from + at, n);
	lsd_fill(buf + n, 0, len - n);
}

void lsd_file_write(struct lsd *l, uint16_t i, uint32_t at, const uint8_t *buf, uint32_t len)
{
	struct lsd_file f;
	uint8_t *memory;
	uint32_t n;

	lsd_file(i, &f);
	if (!f.live)
		return;
	memory = (uint8_t *)&l->memory + f.live->memory;
	n = within(at, len, f.live->max);
	if (!n)
		return;
	lsd_copy(memory + at, buf, n);
	lsd_act(l, (enum lsd_id)f.live->id, f.live->channel, memory, at + n);
}
