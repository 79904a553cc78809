/* SPDX-License-Identifier: BSD-2-Clause */
/* The causes of the time of writes: what each costs, what mending it alone saves, and what to do about it.
 *
 * What is saved is a range, of the time of runs of writes of all sizes that were sent, each with the same
 * weight, as an operating system writes small and large. It is never more than what the bus leaves, and
 * ranges do not add up. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "timing/costs.h"
#include "timing/pace.h"

#define MENTIONED   0.03 /* of the time: what is less is not named */
#define MATTERS	    0.05
#define BUS_MATTERS 0.5
#define ERASURE_NS  (15.0 * MSC_MS) /* no medium programs one block for so long without erasing */
#define PAGE_BYTES  1024 /* the smallest erase page of a flash that erases so slowly: STM32F10x */
#define PAGE_USUAL  4096 /* that of serial flash */
#define LOADS	    0.5	 /* of what a page costs when it is merged, reading it is no more */
#define POLLS_LEAST \
	1.5 /* that a write waits for: the CBW a whole one, and the data or the CSW half */
#define POLLS_MOST  2.5	 /* that are in what a command alone takes */
#define FRAMES_MOST 3.0	 /* of the host, that a command may be late by in all its phases */
#define PAUSES_SURE 2
#define MIXED	    0.8
#define PAUSES_HALF 0.5  /* of a pause that was counted may be the medium's usual pace */

struct causes {
	struct msc_pace *p;
	const struct msc_writing *w;
};

/* What mending a cause saves of one command of this size, ns. */
typedef struct msc_range saves_fn(const struct causes *, const struct msc_writing_size *);

static double whole(const struct msc_writing_size *z)
{
	return z->steady_ns + z->pauses_ns;
}

static double beyond_bus(const struct msc_writing_size *z)
{
	return fmax(0, z->steady_ns - z->bus_ns);
}

/* The same without what is the host's, if that is not known at least. */
static double device_least(const struct causes *c, const struct msc_writing_size *z)
{
	double frames = c->p->host.locked ? FRAMES_MOST * c->p->host.period_ns : 0;

	return z->nak_ns >= 0 ? fmin(z->nak_ns, beyond_bus(z)) : fmax(0, beyond_bus(z) - frames);
}

/* ---- what is saved ----------------------------------------------------------------------------- */

static uint32_t common(uint32_t a, uint32_t b)
{
	return b ? common(b, a % b) : a;
}

double msc_writing_shared(const struct msc_writing *w, uint32_t blocks)
{
	return (double)(w->unit - common(blocks, w->unit)) / w->unit;
}

/* Of what one block alone takes, SYNCHRONIZE CACHE included, so much at least is not waiting for polls. */
static double medium_least(const struct causes *c)
{
	return fmax(0, c->w->block_ns - (c->w->syncs ? 2 : 1) * POLLS_MOST * c->w->poll_ns);
}

/* What is written as one is the page where it is as large as that of serial flash is; else it may be what the
 * driver hands over of a page that is larger, and does not show. */
static struct msc_range save_merge(const struct causes *c, const struct msc_writing_size *z)
{
	double shared = c->w->unit > 1 ? msc_writing_shared(c->w, z->blocks) : 0;
	struct msc_range r = { 0, 0 };

	if (c->w->each_alone || c->w->gathers || c->w->unit < 2)
		return r;
	r.least = fmin(shared * medium_least(c),
		       shared / (shared + z->blocks / (double)c->w->unit) * device_least(c, z));
	if (c->w->unit * c->p->block_size != PAGE_USUAL)
		r.most = beyond_bus(z);
	else if (shared > 0)
		r.most = shared * c->w->block_ns + LOADS * c->w->block_ns * z->blocks / c->w->unit;
	return r;
}

/* Where each unit costs the same it is known without what one block alone waits for polls. */
static bool erases(const struct causes *c)
{
	return (c->w->each_alone ? c->w->each_ns : c->w->block_ns) >= ERASURE_NS;
}

/* Where each unit that the driver hands over is erased by itself. How large the page is does not show:
 * at least as large as the smallest that there are. */
static struct msc_range save_buffer(const struct causes *c, const struct msc_writing_size *z)
{
	double block = c->p->block_size, unit = c->w->unit * block;
	double page = fmax(PAGE_BYTES / block, 1) / fmax(c->w->unit, 1);
	struct msc_range r = { 0, 0 };

	if (!erases(c) || !c->w->unit || unit >= PAGE_USUAL || z->blocks <= c->w->unit)
		return r;
	r.most = beyond_bus(z);
	if (c->w->each_alone && page > 1) /* a whole page costs no more than a part of it */
		r.least = device_least(c, z) * (1 - 1 / page);
	return r;
}

static struct msc_range save_commands(const struct causes *c, const struct msc_writing_size *z)
{
	struct msc_range r = { 0, 0 };

	if (c->w->each_alone && !erases(c) && z->blocks > c->w->unit)
		r.most = beyond_bus(z);
	return r;
}

/* The medium takes its time for each unit in a run, and at least once for each command. */
static struct msc_range save_polls(const struct causes *c, const struct msc_writing_size *z)
{
	double poll = c->w->poll_ns, medium = medium_least(c);
	struct msc_range r = { 0, 0 };

	if (poll <= 0)
		return r;
	if (c->w->gathers || !c->w->unit)
		medium = 0;
	else
		medium *= fmax(1, (double)z->blocks / c->w->unit);
	r.most = fmax(0, beyond_bus(z) - medium);
	r.least = fmin(POLLS_LEAST * poll, r.most);
	return r;
}

static struct msc_range save_pauses(const struct causes *c, const struct msc_writing_size *z)
{
	struct msc_range r = { PAUSES_HALF * z->pauses_ns, z->pauses_ns };

	r.most += z->hidden_ns;
	if (z->mixed)
		r.most = whole(z) - z->bus_ns;
	if (c->w->pauses > PAUSES_SURE)
		r.least = 0.9 * z->pauses_ns;
	return r;
}

/* Where NAKs are seen the host's part is known; else it is what the frames may make of three phases. */
static struct msc_range save_host(const struct causes *c, const struct msc_writing_size *z)
{
	struct msc_range r = { 0, 0 };

	if (c->w->poll_ns > 0 || !c->p->host.locked)
		return r;
	r.most = z->nak_ns >= 0 ? z->host_ns : fmin(z->host_ns, FRAMES_MOST * c->p->host.period_ns);
	return r;
}

static struct msc_range save_medium(const struct causes *c, const struct msc_writing_size *z)
{
	struct msc_range r = { 0, 0 }, polls = save_polls(c, z);

	r.most = fmax(0, beyond_bus(z) - polls.least);
	if (z->nak_ns >= 0)
		r.most = fmin(r.most, fmax(0, z->nak_ns + c->p->host.period_ns - polls.least));
	return r;
}

/* ---- words ------------------------------------------------------------------------------------- */

static const struct msc_writing_size *size_at_least(const struct causes *c, uint32_t blocks)
{
	for (size_t i = 0; i < c->w->n_sizes; i++)
		if (c->w->size[i].blocks >= blocks)
			return &c->w->size[i];
	return &c->w->size[c->w->n_sizes - 1];
}

static const struct msc_writing_page *page_of(const struct causes *c, uint32_t blocks)
{
	for (size_t i = 0; i < c->w->n_pages; i++)
		if (c->w->page[i].blocks == blocks)
			return &c->w->page[i];
	return &c->w->page[c->w->n_pages - 1];
}

static void words_merge(const struct causes *c, struct msc_diagnosis *d)
{
	const struct msc_writing *w = c->w;
	const struct msc_writing_page *page = page_of(c, w->unit);

	d->sure = MSC_PACE_SHOWN;
	snprintf(
		d->evidence, sizeof d->evidence,
		"one block takes %s, %u aligned blocks %s, and %u across a border %s: %u bytes are "
		"written as one; the same block again takes %s, and in a run of single blocks each "
		"takes %s: each command pays for whole pages. Whether nothing keeps the page, or it "
		"is flushed after each command, cannot be told from outside",
		msc_ns(w->block_ns).s, page->blocks, msc_ns(page->aligned_ns).s, page->blocks,
		msc_ns(page->across_ns).s, w->unit * c->p->block_size,
		msc_ns(fmax(0, w->again_ns)).s, msc_ns(w->size[0].steady_ns).s);
	snprintf(d->advice, sizeof d->advice,
		 "keep the page that was written last in RAM: read, erase and program it when "
		 "another page is written, when the host sends SYNCHRONIZE CACHE or the medium is "
		 "ejected, and after a second of silence; not after each command. A page that was "
		 "written whole need not be read first");
}

static void words_buffer(const struct causes *c, struct msc_diagnosis *d)
{
	const struct msc_writing *w = c->w;
	const struct msc_writing_page *last = &w->page[w->n_pages - 1];

	d->sure = w->each_alone ? MSC_PACE_LIKELY : MSC_PACE_POSSIBLE;
	snprintf(
		d->evidence, sizeof d->evidence,
		"one block takes %s, which no medium needs to program it: a page is erased; and %u "
		"aligned blocks take %s, as if each %u bytes were erased by themselves: the page is "
		"larger than what it is given at a time, and is erased once for each part. How "
		"large it is does not show",
		msc_ns(w->block_ns).s, last->blocks, msc_ns(last->aligned_ns).s,
		w->unit * c->p->block_size);
	snprintf(
		d->advice, sizeof d->advice,
		"hand the medium whole erase pages: a buffer of the page's size (4096 bytes for most "
		"serial flash) between the class driver and the flash, filled block by block, and "
		"written when it is full or another page begins; the flash also lasts that much "
		"longer");
}

static void words_commands(const struct causes *c, struct msc_diagnosis *d)
{
	const struct msc_writing *w = c->w;
	const struct msc_writing_page *last = &w->page[w->n_pages - 1];
	char each[32] = "block";

	if (w->unit > 1)
		snprintf(each, sizeof each, "run of %u blocks", w->unit);
	d->sure = MSC_PACE_POSSIBLE;
	snprintf(d->evidence, sizeof d->evidence,
		 "one block alone takes %s and %u take %s: each %s costs the same, however many "
		 "follow. It may be a command to the medium for each of them, or what the medium "
		 "needs for them; these probes cannot tell, the medium driver's own log would",
		 msc_ns(w->block_ns).s, last->blocks, msc_ns(last->aligned_ns).s, each);
	snprintf(
		d->advice, sizeof d->advice,
		"look whether the driver sends the medium one command for each block: a "
		"multiple-block write (CMD25 with the count announced by ACMD23 on an SD card) for all "
		"that the CBW announces costs its overhead once");
}

static void words_polling(const struct causes *c, struct msc_diagnosis *d)
{
	const struct msc_writing_size *z = size_at_least(c, 1);

	d->sure = MSC_PACE_SHOWN;
	snprintf(
		d->evidence, sizeof d->evidence,
		"TEST UNIT READY, which needs no medium and was sent at any time, ends on a grid of "
		"%s: somebody looks so often, or tasks are woken so often; a write waits for it once "
		"for the CBW, once for its data and until the next CBW is taken. A write of %u "
		"block%s takes %s in a run",
		msc_ns(c->w->poll_ns).s, z->blocks, MSC_PLURAL(z->blocks), msc_ns(z->steady_ns).s);
	snprintf(
		d->advice, sizeof d->advice,
		"let the USB interrupt wake the task (a semaphore or queue given from the interrupt, "
		"with an immediate switch) instead of sleeping between looks; where it has to be a "
		"loop, handle all that is pending in each pass and do not sleep while a command is "
		"under way");
}

static const struct msc_writing_size *most_hidden(const struct causes *c)
{
	const struct msc_writing_size *most = NULL;
	double share = 0;

	for (size_t i = 0; i < c->w->n_sizes; i++) {
		const struct msc_writing_size *z = &c->w->size[i];

		if (z->hidden_ns <= share * whole(z))
			continue;
		share = z->hidden_ns / whole(z);
		most = z;
	}
	return most;
}

static void words_pauses(const struct causes *c, struct msc_diagnosis *d)
{
	const struct msc_writing_size *z = most_hidden(c);
	const struct msc_writing *w = c->w;
	double blocks = 0;
	size_t n = 0;

	for (size_t i = 0; i < w->n_sizes; i++)
		blocks += (double)w->size[i].blocks * (double)w->size[i].commands;
	d->sure = w->pauses > PAUSES_SURE ? MSC_PACE_SHOWN
		  : w->pauses             ? MSC_PACE_LIKELY
					  : MSC_PACE_POSSIBLE;
	if (w->pauses)
		n = (size_t)snprintf(
			d->evidence, sizeof d->evidence,
			"%u write%s, of %.0f blocks in all, paused for %s (longest %s) beyond the "
			"pace of others of the size; spread over all blocks that is %s each%s",
			w->pauses, MSC_PLURAL(w->pauses), blocks, msc_ns(w->pause_ns).s,
			msc_ns(w->longest_pause_ns).s, msc_ns(w->pause_per_block_ns).s,
			z ? ". " : "");
	if (z && n < sizeof d->evidence)
		snprintf(d->evidence + n, sizeof d->evidence - n,
			 "%s%u block%s in a run take%s %s longer than their pages do alone: pauses "
			 "that are shorter than the step of a page look like that",
			 n ? "Besides, " : "", z->blocks, MSC_PLURAL(z->blocks),
			 z->blocks == 1 ? "s" : "", msc_ns(z->hidden_ns).s);
	snprintf(
		d->advice, sizeof d->advice,
		"the medium erases and moves blocks: write many blocks in one command and announce "
		"how many, align to its allocation unit, leave it some room, and receive into buffers "
		"meanwhile, so that a short pause does not stop the bus");
}

static void words_host(const struct causes *c, struct msc_diagnosis *d)
{
	const struct msc_writing_size *z = &c->w->size[0];

	d->sure = z->nak_ns >= 0 ? MSC_PACE_SHOWN : MSC_PACE_POSSIBLE;
	snprintf(
		d->evidence, sizeof d->evidence,
		"a write of %u block%s takes %s, of which the bus needs %s, and %s%s is the host's: it "
		"sees completions every %s",
		z->blocks, MSC_PLURAL(z->blocks), msc_ns(z->steady_ns).s, msc_ns(z->bus_ns).s,
		z->nak_ns >= 0 ? "" : "at most ", msc_ns(save_host(c, z).most).s,
		msc_ns(c->p->host.period_ns).s);
	snprintf(d->advice, sizeof d->advice,
		 "not for the firmware to fix: fewer and larger writes, or a host controller that "
		 "reports at once");
}

static void words_medium(const struct causes *c, struct msc_diagnosis *d)
{
	const struct msc_writing_size *z = size_at_least(c, 64);

	d->sure = c->w->each_alone ? MSC_PACE_POSSIBLE : MSC_PACE_LIKELY;
	snprintf(d->evidence, sizeof d->evidence,
		 "%u block%s in a run take%s %s, and the bus needs %s of it", z->blocks,
		 MSC_PLURAL(z->blocks), z->blocks == 1 ? "s" : "", msc_ns(z->steady_ns).s,
		 msc_ns(z->bus_ns).s);
	snprintf(
		d->advice, sizeof d->advice,
		"a faster medium, or one that keeps erased pages ready; several of its pages or banks "
		"at work at a time");
}

static void words_bus(const struct causes *c, struct msc_diagnosis *d)
{
	const struct msc_writing_size *z = &c->w->size[c->w->n_sizes - 1];

	d->sure = MSC_PACE_SHOWN;
	snprintf(d->evidence, sizeof d->evidence,
		 "a write of %u block%s takes %s, of which %s are packets on %s (%.0f %%)",
		 z->blocks, MSC_PLURAL(z->blocks), msc_ns(whole(z)).s, msc_ns(z->bus_ns).s,
		 c->p->path_more_ns > 0 ? "their way through a hub" : "the wire",
		 100 * z->bus_ns / whole(z));
	if (c->p->path_more_ns > 0) {
		msc_advise_path(c->p, d);
		return;
	}
	snprintf(d->advice, sizeof d->advice,
		 "little is left to gain at this speed; only a faster "
		 "bus helps");
}

/* ---- the list ---------------------------------------------------------------------------------- */

static const struct {
	enum msc_diagnosis_id id;
	saves_fn *saves; /* NULL: of the bus, which is not mended */
	void (*words)(const struct causes *, struct msc_diagnosis *);
} rows[] = {
	{ MSC_DIAG_PAGE_MERGE, save_merge, words_merge },
	{ MSC_DIAG_SMALL_BUFFER, save_buffer, words_buffer },
	{ MSC_DIAG_BLOCK_BY_BLOCK, save_commands, words_commands },
	{ MSC_DIAG_POLLING, save_polls, words_polling },
	{ MSC_DIAG_WRITE_PAUSES, save_pauses, words_pauses },
	{ MSC_DIAG_HOST_PACED, save_host, words_host },
	{ MSC_DIAG_MEDIUM_BOUND, save_medium, words_medium },
	{ MSC_DIAG_BUS_BOUND, NULL, words_bus },
};

static void weigh(const struct causes *c, saves_fn *saves, struct msc_diagnosis *d)
{
	const struct msc_writing *w = c->w;

	for (size_t i = 0; i < w->n_sizes; i++) {
		const struct msc_writing_size *z = &w->size[i];
		double t = fmax(1, whole(z)), n = (double)w->n_sizes;
		struct msc_range r = { 0, 0 };

		if (saves)
			r = saves(c, z);
		else
			d->share += z->bus_ns / t / n;
		if (saves != save_pauses && z->hidden_ns > 0)
			r.least *= MIXED;
		if (z->mixed &&
		    saves != save_pauses) { /* what is pause and what is pace is not sure */
			r.most += r.most > 0 ? z->pauses_ns : 0;
			r.least *= MIXED;
		}
		r.most = fmin(r.most, fmax(0, t - z->bus_ns));
		r.least = fmin(r.least, r.most);
		d->saves_least += r.least / t / n;
		d->saves_most += r.most / t / n;
		d->cost_ns = (r.least + r.most) / 2;
	}
	if (saves)
		d->share = d->id >= MSC_DIAG_MEDIUM_BOUND ? d->saves_most
							  : (d->saves_least + d->saves_most) / 2;
}

/* 0: a fault that matters; 1: a limit; 2: a lesser fault, or the host's pace. */
static int rank(const struct msc_diagnosis *d)
{
	if (d->id >= MSC_DIAG_MEDIUM_BOUND)
		return 1;
	return d->share < MATTERS || d->id == MSC_DIAG_HOST_PACED ? 2 : 0;
}

/* What each block costs by itself may be the medium's own; else those that may save as much. */
static bool ties(const struct msc_diagnosis *first, const struct msc_diagnosis *d)
{
	if (first->id == MSC_DIAG_BLOCK_BY_BLOCK || first->id == MSC_DIAG_SMALL_BUFFER)
		if (d->id == MSC_DIAG_MEDIUM_BOUND)
			return first->id == MSC_DIAG_BLOCK_BY_BLOCK;
	return d->rank == 0 && first->rank == 0 && msc_diagnosis_overlaps(first, d);
}

static void untold(const struct causes *c)
{
	struct msc_pace *p = c->p;
	const struct msc_writing *w = c->w;

	if (!w->n_sizes)
		snprintf(p->untold, sizeof p->untold, "no run of writes was measured");
	else if (w->poll_hidden)
		snprintf(
			p->untold, sizeof p->untold,
			"commands without data take about a frame of this host: whether a task of the "
			"device polls as often could not be told; a host controller that reports at "
			"once (xHCI) would tell");
	else if (!w->syncs && w->n_pages)
		snprintf(
			p->untold, sizeof p->untold,
			"the device does not know SYNCHRONIZE CACHE: what it keeps in memory after a "
			"write could not be told");
	else if (!p->n_diagnosis)
		snprintf(p->untold, sizeof p->untold,
			 "could not tell: no cause takes a share of the time that stands out");
}

void msc_writing_diagnose(struct msc_pace *p)
{
	const struct causes c = { .p = p, .w = &p->writing };

	p->n_diagnosis = 0;
	for (size_t i = 0; i < MSC_COUNT(rows) && c.w->n_sizes; i++) {
		struct msc_diagnosis d = { .id = rows[i].id, .write = true };

		weigh(&c, rows[i].saves, &d);
		if (fmax(d.share, d.saves_most) < MENTIONED ||
		    (d.id == MSC_DIAG_BUS_BOUND && d.share < BUS_MATTERS))
			continue;
		rows[i].words(&c, &d);
		d.rank = rank(&d);
		d.weight = d.share;
		msc_diagnosis_insert(p, &d);
	}
	for (size_t i = 1; i < p->n_diagnosis; i++)
		p->diagnosis[i].tied = ties(&p->diagnosis[0], &p->diagnosis[i]);
	untold(&c);
}
