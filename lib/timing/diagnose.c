/* SPDX-License-Identifier: BSD-2-Clause */
/* From the model to named causes, with the numbers that speak for each and what to do about it.
 *
 * The time of a block is divided among the causes in the order in which a firmware author would
 * remove them: what the processor holds inside an interrupt; what one buffer costs for want of a
 * second; what is rounded up to ticks; the rest is the medium's or the bus's. So the costs add up,
 * and none is counted twice. Causes that can be removed (faults) come first when together they
 * matter; the medium and the bus are limits, and come first when nothing else is left.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "timing/pace.h"

#define MATTERS	       0.05 /* share of the time from which on a fault is a bottleneck */
#define COMMAND_MATTERS 0.10 /* the same, of what is not in each block */
#define MENTIONED      0.03 /* and from which on it is named at all */
#define WAITING_LEAST  0.05 /* of a block, for anything beside the bus to be named */
#define DEAF_LEAST     0.5  /* of the medium's time, for its reading to be in an interrupt */
#define DEAF_MOST      3.0 /* times a block's time */
#define MEDIUM_CLEARLY 1.15 /* times the bus's time, to be the limit of the two */
#define WRITES_LEAST   16

const char *const msc_diagnosis_ids[MSC_DIAGS] = {
	"medium-in-interrupt", "single-buffered", "tick-bound",	  "host-paced",
	"per-command-cost",    "write-pauses",	  "medium-bound", "bus-bound",
};

struct costs {
	const struct msc_pace *p;
	enum msc_pace_set set; /* what is diagnosed */
	/* per block */
	double interrupt, buffer, tick, rest;
};

struct text {
	char s[24];
};

static struct text ns(double value)
{
	struct text t = { "" };

	msc_format_ns(t.s, sizeof t.s, (int64_t)(fmin(value, 9e18) + 0.5));
	return t;
}

/* ---- what each costs ------------------------------------------------------------------------- */

static bool keeps_to_tick(const struct msc_pace *p)
{
	return p->tick.locked && p->tick_clock != MSC_PACE_CLOCK_HOST;
}

static double tick_wait(const struct msc_pace *p)
{
	return keeps_to_tick(p) ? p->tick.resultant * p->tick.period_ns / 2 : 0;
}

/* Deaf for about as long as the medium needs for what comes together. If it is deaf for very much
 * longer, that is somebody else's doing: a host that was busy. */
static bool is_deaf(const struct msc_pace *p, double medium)
{
	return p->chunk && p->blocked_ns >= DEAF_LEAST * medium * p->chunk &&
	       p->blocked_ns <= DEAF_MOST * p->block_ns * p->chunk;
}

static void divide_block(struct costs *c)
{
	const struct msc_pace *p = c->p;
	double waiting = p->block_ns - p->bus_ns;
	double medium = p->medium_ns > 0 ? p->medium_ns : waiting;

	c->rest = p->block_ns;
	if (p->block_ns <= 0 || waiting < WAITING_LEAST * p->block_ns)
		return;
	if (is_deaf(p, medium))
		c->interrupt = waiting; /* nothing else can go on meanwhile */
	c->rest -= c->interrupt;
	if (p->buffers == 1) {
		c->buffer = fmin(medium, p->bus_ns);
		/* A second buffer cannot bring it below one tick. */
		if (keeps_to_tick(p) && !c->interrupt)
			c->buffer = fmin(ceil(c->buffer * p->chunk / p->tick.period_ns),
					 p->block_ns * p->chunk / p->tick.period_ns - 1) *
				    p->tick.period_ns / p->chunk;
		c->buffer = fmax(0, fmin(c->buffer, c->rest / 2));
	}
	c->rest -= c->buffer;
	if (p->chunk && !c->interrupt)
		c->tick = fmin(tick_wait(p) / p->chunk, c->rest - p->bus_ns / 2);
	c->rest -= c->tick;
}

static double whole(const struct costs *c, const struct msc_pace_size *z)
{
	return z->count[c->set] ? z->mean_ns[c->set] : z->true_ns;
}

/* What is left of a command when its blocks are taken away. */
static double per_command(const struct costs *c, const struct msc_pace_size *z)
{
	const struct msc_pace *p = c->p;
	double left;

	if (z->true_ns < 0 || p->block_ns <= 0)
		return 0;
	left = z->true_ns - z->bus_ns - z->blocks * (p->block_ns - p->bus_ns) - tick_wait(p);
	if (p->buffers != 1)
		left -= p->bus_ns * (z->blocks < p->chunk ? z->blocks : p->chunk);
	return fmax(0, left);
}

/* Without long reads the line through the sizes must tell what a block takes. */
static bool is_bus_bound(const struct costs *c)
{
	const struct msc_pace *p = c->p;
	double rest = p->block_ns > 0 ? c->rest : p->per_byte_ns * p->block_size;

	return rest > 0 && c->interrupt + c->buffer + c->tick <= 0 &&
	       rest <= MEDIUM_CLEARLY * p->bus_ns;
}

static double cost_of(const struct costs *c, enum msc_diagnosis_id id,
		      const struct msc_pace_size *z)
{
	double n = z->blocks, block = c->p->block_ns > 0 ? c->p->block_ns : 0;

	switch (id) {
	case MSC_DIAG_MEDIUM_IN_INTERRUPT: return n * c->interrupt;
	case MSC_DIAG_SINGLE_BUFFERED: return (n - 1) * c->buffer;
	case MSC_DIAG_TICK_BOUND: return c->tick > 0 ? n * c->tick + tick_wait(c->p) : 0;
	case MSC_DIAG_HOST_PACED: return fmax(0, z->host_ns[c->set]);
	case MSC_DIAG_PER_COMMAND_COST: return per_command(c, z);
	case MSC_DIAG_MEDIUM_BOUND:
		return block - c->p->bus_ns > WAITING_LEAST * block &&
				       c->rest > MEDIUM_CLEARLY * c->p->bus_ns
			       ? n * c->rest
			       : 0;
	case MSC_DIAG_BUS_BOUND: return is_bus_bound(c) ? z->bus_ns : 0;
	case MSC_DIAG_WRITE_PAUSES:
	case MSC_DIAGS: break;
	}
	return 0;
}

/* Queued commands are judged by the largest, where the device shows; serial ones by all sizes, each
 * with the same weight, as an operating system sends small and large. */
static double share_of(const struct costs *c, enum msc_diagnosis_id id)
{
	double sum = 0;
	size_t n = 0;

	for (size_t i = c->p->n_sizes; i-- > 0;) {
		const struct msc_pace_size *z = &c->p->sizes[i];

		if (!z->blocks || whole(c, z) <= 0)
			continue;
		sum += cost_of(c, id, z) / whole(c, z);
		n++;
		if (c->set == MSC_PACE_QUEUED)
			break;
	}
	return n ? sum / (double)n : 0;
}

/* ---- words ----------------------------------------------------------------------------------- */

static const struct msc_pace_size *largest(const struct msc_pace *p)
{
	return p->n_sizes && p->sizes[p->n_sizes - 1].blocks ? &p->sizes[p->n_sizes - 1] : NULL;
}

static const struct msc_pace_size *smallest(const struct msc_pace *p)
{
	for (size_t i = 0; i < p->n_sizes; i++)
		if (p->sizes[i].blocks)
			return &p->sizes[i];
	return NULL;
}

static void words_interrupt(const struct costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	double sure = p->request_error_ns > 0 ? p->request_extra_ns / p->request_error_ns : 9;

	d->confidence = fmin(0.99, 0.7 + 0.02 * sure);
	snprintf(d->evidence, sizeof d->evidence,
		 "GET_STATUS(device) on endpoint 0 takes %s while a read is under way and %s "
		 "otherwise (%zu and %zu requests, worst %s): the device is deaf for %s at a time, "
		 "and needs %s for a block beyond the bus",
		 ns(p->request_busy_ns).s, ns(p->request_idle_ns).s, p->requests_busy,
		 p->requests_idle, ns(p->request_worst_ns).s, ns(p->blocked_ns).s,
		 ns(p->block_ns - p->bus_ns).s);
	snprintf(d->advice, sizeof d->advice,
		 "do not read the medium inside the USB interrupt: let the interrupt put a request "
		 "into a queue and return, let a task read by DMA and arm the endpoint when the "
		 "block has come; until then the peripheral answers NAK by itself");
}

static void words_buffer(const struct costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	bool agrees = p->overlap < 0.35;

	d->confidence = agrees ? 0.95 : 0.75;
	snprintf(d->evidence, sizeof d->evidence,
		 "after a long pause of the host %u block%s ready: the next came %s later, where "
		 "the bus needs %s; the first block of a read takes %s, each further one %s: "
		 "medium and bus overlap by %.0f %%",
		 p->chunk > 1 ? p->chunk - 1 : 1, p->chunk > 2 ? "s were" : " was",
		 ns(p->after_pause_ns[1] > 0 ? p->after_pause_ns[1] : p->block_ns).s,
		 ns(p->bus_ns).s, ns(p->first_ns).s, ns(p->block_ns).s, 100 * p->overlap);
	snprintf(d->advice, sizeof d->advice,
		 "read the next block into a second buffer while the peripheral sends the first: "
		 "start it when a read ends, not when its data has gone, and wait for the earlier "
		 "transfer only before the next is armed");
}

static void words_tick(const struct costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	bool device = p->tick_clock == MSC_PACE_CLOCK_DEVICE;
	char drift[96] = "";

	d->confidence = fmin(0.99, 0.5 + p->tick.resultant / 2) * (device ? 1 : 0.8);
	if (p->drift_known && fabs(p->drift_ppm) > 2 * p->drift_error_ppm)
		snprintf(drift, sizeof drift, " that slips by %+.0f ppm against the host's frames",
			 p->drift_ppm);
	snprintf(d->evidence, sizeof d->evidence,
		 "blocks begin to arrive on a grid of %s%s (resultant %.2f of %zu arrivals, by "
		 "chance %.0e): a block takes %s, which is %.2f ticks; the bus needs %s of it%s",
		 ns(p->tick.period_ns).s, drift, p->tick.resultant, p->tick.events,
		 fmax(p->tick.chance, 1e-99), ns(p->block_ns).s, p->block_ns / p->tick.period_ns,
		 ns(p->bus_ns).s,
		 device ? "" : "; the host's frames have the same period and may be the cause");
	snprintf(d->advice, sizeof d->advice,
		 "let interrupts switch to the task that they wake (portYIELD_FROM_ISR or its like "
		 "after each give and each send from an interrupt) instead of leaving it to the "
		 "next tick; a shorter tick helps less and costs more");
}

static void words_host(const struct costs *c, struct msc_diagnosis *d)
{
	const struct costs serially = { .p = c->p, .set = MSC_PACE_SERIAL };
	const struct msc_pace *p = c->p;
	const struct msc_pace_size *z = smallest(p);
	char serial[160] = "", queued[96] = "", share[64] = "";

	d->confidence = p->host.locked ? 0.95 : 0.7;
	if (z->count[MSC_PACE_SERIAL])
		snprintf(serial, sizeof serial, ", %s phase after phase (CBW %s, data %s, CSW %s)",
			 ns(z->median_ns[MSC_PACE_SERIAL]).s, ns(z->cbw_ns[MSC_PACE_SERIAL]).s,
			 ns(z->data_ns[MSC_PACE_SERIAL]).s, ns(z->csw_ns[MSC_PACE_SERIAL]).s);
	if (z->count[MSC_PACE_QUEUED])
		snprintf(queued, sizeof queued, ", %s with all three submitted at once",
			 ns(z->median_ns[MSC_PACE_QUEUED]).s);
	if (p->serial && c->set != MSC_PACE_SERIAL)
		snprintf(share, sizeof share, "; serially the host costs %.0f %%, over all sizes",
			 100 * share_of(&serially, MSC_DIAG_HOST_PACED));
	snprintf(d->evidence, sizeof d->evidence,
		 "a read of %u block%s takes %s of device and bus%s%s%s%s%s", z->blocks,
		 z->blocks == 1 ? "" : "s", ns(z->true_ns).s, queued, serial, share,
		 p->host.locked ? "; the host sees completions only every " : "",
		 p->host.locked ? ns(p->host.period_ns).s : "");
	snprintf(d->advice, sizeof d->advice,
		 "not the firmware's to mend: fewer and larger commands, so that the host's frames "
		 "are spent on more data (larger clusters, read-ahead, max_sectors); a host that "
		 "submits CBW, data and CSW together; a host controller that reports at once");
}

static void words_command(const struct costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	const struct msc_pace_size *z = smallest(p);

	d->confidence = p->n_sizes > 2 ? 0.85 : 0.6;
	snprintf(d->evidence, sizeof d->evidence,
		 "a read of %u block%s takes %s, though its blocks need %s each: %s go to the "
		 "command itself; a command without data takes %s",
		 z->blocks, z->blocks == 1 ? "" : "s", ns(z->true_ns).s, ns(p->block_ns).s,
		 ns(per_command(c, z)).s,
		 p->sizes[0].blocks == 0 && p->sizes[0].true_ns >= 0 ? ns(p->sizes[0].true_ns).s
								     : "an unknown time");
	snprintf(d->advice, sizeof d->advice,
		 "start the medium before anything else when a CBW arrives, keep a multiple-block "
		 "read open across commands that follow each other, and send the CSW from the "
		 "interrupt that ends the data");
}

static void words_pauses(const struct costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;

	d->write = true;
	d->confidence = p->write_pauses > 2 ? 0.95 : 0.8;
	snprintf(d->evidence, sizeof d->evidence,
		 "%u of %u writes took %s longer than the usual %s, which is %.0f %% of all the "
		 "time spent writing",
		 p->write_pauses, p->writes, ns(p->write_pause_ns).s, ns(p->write_ns).s,
		 100 * p->write_pause_share);
	snprintf(d->advice, sizeof d->advice,
		 "the medium pauses to erase and to move blocks: announce and write many blocks in "
		 "one command (multiple-block write with a count announced before), align writes "
		 "to its allocation unit, and keep buffers to receive in meanwhile");
}

static void words_medium(const struct costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	bool alone = c->interrupt + c->buffer + c->tick <= 0;

	d->confidence = p->buffers && !keeps_to_tick(p) ? 0.9 : 0.6;
	snprintf(d->evidence, sizeof d->evidence,
		 "a block comes every %s, the bus needs %s of it, and %s%s is left to the medium%s",
		 ns(p->block_ns).s, ns(p->bus_ns).s, alone ? "" : "with all above mended ",
		 ns(c->rest).s,
		 p->buffers > 1 && alone ? "; bus and medium already work at the same time, and "
					   "arrivals keep to no tick"
					 : "");
	snprintf(d->advice, sizeof d->advice,
		 "a faster way to the medium (a wider or faster bus such as SDIO, multiple-block "
		 "reads that need not wait anew for each block, more blocks per request), or a "
		 "faster medium; the firmware's order of work is not what costs");
}

static void words_bus(const struct costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	const struct msc_pace_size *z = largest(p);

	d->confidence = fmin(0.99, 0.5 + d->share / 2);
	snprintf(d->evidence, sizeof d->evidence,
		 "a read of %u block%s takes %s, of which %s are packets on the wire (%.0f %%); a "
		 "block comes every %s, the wire needs %s",
		 z->blocks, z->blocks == 1 ? "" : "s", ns(whole(c, z)).s, ns(z->bus_ns).s,
		 100 * z->bus_ns / whole(c, z), ns(p->block_ns > 0 ? p->block_ns : p->bus_ns).s,
		 ns(p->bus_ns).s);
	snprintf(d->advice, sizeof d->advice,
		 "nothing is left to gain at this speed; only a faster bus helps%s",
		 p->speed == MSC_SPEED_FULL   ? " (high speed instead of full speed)"
		 : p->speed == MSC_SPEED_HIGH ? " (SuperSpeed instead of high speed)"
					      : "");
}

/* ---- the list -------------------------------------------------------------------------------- */

static void (*const words[MSC_DIAGS])(const struct costs *, struct msc_diagnosis *) = {
	[MSC_DIAG_MEDIUM_IN_INTERRUPT] = words_interrupt,
	[MSC_DIAG_SINGLE_BUFFERED] = words_buffer,
	[MSC_DIAG_TICK_BOUND] = words_tick,
	[MSC_DIAG_HOST_PACED] = words_host,
	[MSC_DIAG_PER_COMMAND_COST] = words_command,
	[MSC_DIAG_WRITE_PAUSES] = words_pauses,
	[MSC_DIAG_MEDIUM_BOUND] = words_medium,
	[MSC_DIAG_BUS_BOUND] = words_bus,
};

/* 0: a fault that matters; 1: a limit; 2: a lesser fault; 3: about writes. The host's pace is no
 * fault of the firmware, and must be worth half of what the limit costs to come before it. */
static int rank(const struct costs *c, const struct msc_diagnosis *d)
{
	double limit = fmax(share_of(c, MSC_DIAG_MEDIUM_BOUND), share_of(c, MSC_DIAG_BUS_BOUND));

	if (d->write)
		return 3;
	if (d->id >= MSC_DIAG_MEDIUM_BOUND)
		return 1;
	if (d->id == MSC_DIAG_HOST_PACED && d->share < limit / 2)
		return 2;
	if (d->id == MSC_DIAG_HOST_PACED || d->id == MSC_DIAG_PER_COMMAND_COST)
		return d->share >= COMMAND_MATTERS ? 0 : 2;
	return d->share >= MATTERS ? 0 : 2;
}

static void insert(struct msc_pace *p, const struct costs *c, const struct msc_diagnosis *d)
{
	size_t at = p->n_diagnosis++;

	for (; at > 0; at--) {
		const struct msc_diagnosis *before = &p->diagnosis[at - 1];
		int order = rank(c, before) - rank(c, d);

		if (order < 0 || (order == 0 && before->share >= d->share))
			break;
		p->diagnosis[at] = *before;
	}
	p->diagnosis[at] = *d;
}

static bool host_matters_serially(const struct msc_pace *p)
{
	struct costs serial = { .p = p, .set = MSC_PACE_SERIAL };

	return p->serial && share_of(&serial, MSC_DIAG_HOST_PACED) >= COMMAND_MATTERS;
}

static void untold(struct msc_pace *p, const struct costs *c)
{
	if (p->blurred)
		snprintf(p->untold, sizeof p->untold,
			 "the host was too slow to see when packets arrived, so it is unknown what "
			 "the device does between blocks");
	else if (p->block_ns <= 0)
		snprintf(
			p->untold, sizeof p->untold,
			"no long reads were measured, so it is unknown what the device does between "
			"blocks");
	else if (c->rest < p->block_ns && p->requests_busy < 8)
		snprintf(
			p->untold, sizeof p->untold,
			"endpoint 0 did not answer often enough to tell whether the medium is read "
			"in an interrupt");
	else if (p->tick.locked && p->tick_clock != MSC_PACE_CLOCK_DEVICE)
		snprintf(p->untold, sizeof p->untold,
			 "arrivals keep to the period of the host's frames and do not slip against "
			 "it: whose clock it is could not be told");
	else if (!p->n_diagnosis)
		snprintf(p->untold, sizeof p->untold,
			 "could not tell: no cause takes a share of the time that stands out");
}

void msc_pace_diagnose(struct msc_pace *p)
{
	struct costs c = { .p = p,
			   .set = p->queued && p->queued_works ? MSC_PACE_QUEUED
							       : MSC_PACE_SERIAL };

	p->n_diagnosis = 0;
	divide_block(&c);
	for (int id = 0; id < MSC_DIAGS; id++) {
		struct msc_diagnosis d = { .id = (enum msc_diagnosis_id)id };

		if (id == MSC_DIAG_WRITE_PAUSES) {
			d.share = p->writes >= WRITES_LEAST ? p->write_pause_share : 0;
			d.cost_ns = p->writes ? p->write_pauses * p->write_pause_ns / p->writes : 0;
		} else if (largest(p)) {
			d.share = fmin(1, share_of(&c, d.id));
			d.cost_ns = cost_of(&c, d.id, largest(p));
		}
		if (d.share < MENTIONED &&
		    !(id == MSC_DIAG_HOST_PACED && largest(p) && host_matters_serially(p)))
			continue;
		words[id](&c, &d);
		insert(p, &c, &d);
	}
	untold(p, &c);
}
