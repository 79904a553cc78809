/* SPDX-License-Identifier: BSD-2-Clause */
/* An SD card on SPI: what its driver waits for. The bytes lie in slot 0 (card.c); here is the time
 * that the card takes to find them, drawn from the run's seed.
 *
 *	command -> wait -> block [-> wait -> block]... [-> stop]      read
 *	command -> block -> busy [-> block -> busy]... [-> stop]      write
 *
 * Each part begins when the one before it is through, whoever does it.
 */
#include <stdlib.h>

#include "sim/internal.h"

struct sd {
	struct sd_timing t;
	bool writing;
	uint64_t lba;	  /* of the next block */
	int64_t free_ns;  /* the last part is through */
	int64_t ready_ns; /* the card takes or gives the next block; not before free_ns */
	void *dma_buf;	  /* of the transfer under way */
};

void sd_free(struct sd *sd)
{
	free(sd);
}

void sd_insert(struct mcu *m, const struct card_geometry *g, const struct sd_timing *t)
{
	card_insert(m, 0, g);
	if (!m->sd)
		m->sd = calloc(1, sizeof *m->sd);
	if (!m->sd)
		sim_fault(m->sim, "out of memory");
	else
		*m->sd = (struct sd){ .t = *t };
}

static int64_t draw(struct mcu *m, const struct sd_time *t)
{
	uint32_t best = t->greatest ? 0 : UINT32_MAX;

	if (t->draws == 0 || t->spread_ns <= 0)
		return t->least_ns;
	for (uint32_t i = 0; i < t->draws; i++) {
		uint32_t u = mcu_random(m);

		if ((u > best) == t->greatest)
			best = u;
	}
	return t->least_ns + (int64_t)((double)best / 4294967296.0 * (double)t->spread_ns);
}

static struct sd *inserted(struct mcu *m, const char *call)
{
	if (!m->sd)
		mcu_misuse(m, "%s: no SD card was inserted", call);
	return m->sd;
}

/* A command goes out as soon as the card listens; it is through at free_ns. */
static void issue(struct mcu *m, struct sd *sd, enum sd_command command, uint64_t lba)
{
	int64_t from = mcu_now(m), alone;

	if (command == SD_STOP && sd->writing) /* a single byte, and the card is busy as it was */
		return;
	if (from < sd->free_ns)
		from = sd->free_ns;
	if (sd->writing && from < sd->ready_ns)
		from = sd->ready_ns;
	alone = from - sd->free_ns;
	sd->free_ns = sd->ready_ns = from + (command == SD_STOP ? sd->t.stop_ns : sd->t.command_ns);
	if (command == SD_STOP)
		return;
	sd->writing = command == SD_WRITE_SINGLE || command == SD_WRITE_MULTIPLE;
	sd->lba = lba;
	if (sd->writing)
		return;
	sd->ready_ns += draw(m, &sd->t.read_wait);
	if (alone > sd->t.rest_ns)
		sd->ready_ns += sd->t.rested_wait_ns;
}

static void spin_until(struct mcu *m, int64_t when_ns)
{
	if (when_ns > mcu_now(m))
		mcu_spin(m, when_ns - mcu_now(m));
}

void sd_command(struct mcu *m, enum sd_command command, uint64_t lba)
{
	struct sd *sd = inserted(m, "sd_command");

	if (!sd)
		return;
	issue(m, sd, command, lba);
	spin_until(m, sd->free_ns);
}

void sd_poll_ready(struct mcu *m)
{
	struct sd *sd = inserted(m, "sd_poll_ready");

	if (sd)
		spin_until(m, sd->ready_ns);
}

/* What its flash needs is the card's own time: it is busy, and nobody spins. */
static bool move_flash(struct mcu *m, void *buf)
{
	struct sd *sd = m->sd;
	int64_t flash_ns = 0;
	bool ok;

	m->medium_ns = &flash_ns;
	ok = sd->writing ? card_write(m, 0, sd->lba++, 1, buf) : card_read(m, 0, sd->lba++, 1, buf);
	m->medium_ns = NULL;
	sd->ready_ns += mcu_scale(m, flash_ns);
	return ok;
}

/* The block went through at at_ns: when is the card ready for the next? */
static bool moved(struct mcu *m, void *buf, int64_t at_ns)
{
	struct sd *sd = m->sd;

	sd->free_ns = at_ns;
	if (!sd->writing) {
		sd->ready_ns = at_ns + sd->t.next_wait_ns;
		return move_flash(m, buf);
	}
	sd->ready_ns = at_ns + draw(m, &sd->t.write_busy);
	if (sd->t.pause_every && mcu_random(m) % sd->t.pause_every == 0)
		sd->ready_ns += draw(m, &sd->t.pause);
	return move_flash(m, buf);
}

bool sd_pio(struct mcu *m, void *buf)
{
	struct sd *sd = inserted(m, "sd_pio");

	if (!sd)
		return false;
	sd_poll_ready(m);
	mcu_spin(m, sd->t.block_pio_ns);
	return moved(m, buf, mcu_now(m));
}

static void dma_irq(struct mcu *m, const struct irq *i)
{
	void *buf = m->sd->dma_buf;

	(void)i;
	m->sd->dma_buf = NULL;
	if (m->config->vectors->sd_done)
		m->config->vectors->sd_done(m, moved(m, buf, m->sd->free_ns));
}

static void dma_ends(void *arg)
{
	struct irq i = { .fn = dma_irq };

	mcu_raise(arg, &i);
}

void sd_dma(struct mcu *m, void *buf)
{
	struct sd *sd = inserted(m, "sd_dma");
	int64_t from = mcu_now(m);

	if (!sd)
		return;
	if (sd->dma_buf) {
		mcu_misuse(m, "sd_dma: a transfer is under way");
		return;
	}
	if (from < sd->ready_ns)
		from = sd->ready_ns;
	sd->dma_buf = buf;
	sd->free_ns = from + sd->t.block_ns;
	mcu_at(m, sd->free_ns, dma_ends, m);
}
