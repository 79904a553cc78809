/* SPDX-License-Identifier: BSD-2-Clause */
/* An SD card on SPI: what its driver waits for. The bytes lie in slot 0 (card.c); here is the time
 * that the card takes to find them, drawn from the run's seed. */
#include <stdlib.h>

#include "sim/internal.h"

struct sd {
	struct sd_timing t;
	bool writing;
	uint64_t lba;	  /* of the next block */
	int64_t ready_ns; /* the card takes or gives nothing before this */
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
		*m->sd = (struct sd){.t = *t};
}

/* From least to least + spread; the square of an even draw makes long waits rare. */
static int64_t draw(struct mcu *m, int64_t least_ns, int64_t spread_ns)
{
	double u = (double)mcu_random(m) / 4294967296.0;

	return least_ns + (int64_t)(u * u * (double)spread_ns);
}

static struct sd *inserted(struct mcu *m, const char *call)
{
	if (!m->sd)
		mcu_misuse(m, "%s: no SD card was inserted", call);
	return m->sd;
}

/* A command goes to the card by polled SPI: the caller's processor is busy. */
void sd_command(struct mcu *m, enum sd_command command, uint64_t lba)
{
	struct sd *sd = inserted(m, "sd_command");

	if (!sd)
		return;
	if (command == SD_STOP) {
		card_pass_time(m, sd->t.stop_ns);
		return;
	}
	sd->writing = command == SD_WRITE_SINGLE || command == SD_WRITE_MULTIPLE;
	sd->lba = lba;
	card_pass_time(m, sd->t.command_ns);
	if (!sd->writing)
		sd->ready_ns = mcu_now(m) + draw(m, sd->t.read_wait_ns, sd->t.read_spread_ns);
}

void sd_poll_ready(struct mcu *m)
{
	struct sd *sd = inserted(m, "sd_poll_ready");

	if (sd && sd->ready_ns > mcu_now(m))
		mcu_spin(m, sd->ready_ns - mcu_now(m));
}

/* The block is through: when is the card ready for the next? */
static bool moved(struct mcu *m, void *buf, int64_t at_ns)
{
	struct sd *sd = m->sd;
	bool ok;

	if (!sd->writing) {
		ok = card_read(m, 0, sd->lba++, 1, buf);
		sd->ready_ns = at_ns + sd->t.next_wait_ns;
		return ok;
	}
	ok = card_write(m, 0, sd->lba++, 1, buf);
	sd->ready_ns = at_ns + draw(m, sd->t.write_busy_ns, sd->t.write_spread_ns);
	if (sd->t.pause_every && mcu_random(m) % sd->t.pause_every == 0)
		sd->ready_ns += draw(m, sd->t.pause_ns, sd->t.pause_spread_ns);
	return ok;
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
		m->config->vectors->sd_done(m, moved(m, buf, sim_now(m->sim)));
}

static void dma_ends(void *arg)
{
	struct irq i = {.fn = dma_irq};

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
	sd->dma_buf = buf;
	if (sd->ready_ns > from)
		from = sd->ready_ns;
	sim_at(m->sim, from + sd->t.block_dma_ns, dma_ends, m);
}
