/* SPDX-License-Identifier: BSD-2-Clause */
/* From the model to named causes, with the numbers that speak for each and what to do about it: what
 * each costs, and what mending it saves, is in costs.c. Causes that can be removed (faults) come first
 * when together they matter; the medium and the bus are limits, and come first when nothing else is
 * left.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "timing/costs.h"
#include "timing/limited.h"
#include "wire/cost.h"

#define MATTERS	       0.05 /* share of the time from which on a fault is a bottleneck */
#define COMMAND_MATTERS 0.10 /* the same, of what is not in each block */
#define MENTIONED      0.03 /* and from which on it is named at all */
#define FULL	       0.93 /* of the time is packets: what is left is the command's */
#define WRITES_LEAST   16
#define FIRST_LONGER   1.15 /* times what each further block takes */
#define USUAL_TICK_NS  1e6 /* of an RTOS: configTICK_RATE_HZ is 1000 in FreeRTOS' examples */

const char *const msc_diagnosis_ids[MSC_DIAGS] = {
	"medium-in-interrupt", "single-buffered", "tick-bound",   "packet-by-packet",
	"small-packets",       "host-limited",    "host-paced",   "per-command-cost",
	"write-pauses",        "page-merge",      "small-buffer", "block-by-block",
	"polling-task",        "medium-bound",    "bus-bound",
};

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

const char *const msc_pace_sures[] = { "shown", "likely", "possible" };

static enum msc_pace_sure sure_if(bool shown)
{
	return shown ? MSC_PACE_SHOWN : MSC_PACE_LIKELY;
}

/* A task that the system's tick wakes, not the interrupt, when the bus is done and, with one buffer, again when the
 * medium is: of a chunk in whole ticks, at least; docs/pacing.md. */
static double woken_by_tick_ns(const struct msc_pace *p)
{
	double bus = ceil(msc_sends_chunk_ns(p) / USUAL_TICK_NS) * USUAL_TICK_NS;

	return p->buffers == 1 ? bus + USUAL_TICK_NS : bus;
}

/* What mending loses again when that is how its task is woken; empty: nothing worth a word. */
static void words_woken(const struct msc_pace *p, char *buf, size_t size)
{
	double now = p->block_ns * p->chunk, then = woken_by_tick_ns(p);
	char each[40] = "a block takes", saved[64] = "longer than now";

	*buf = '\0';
	if (then - msc_sends_chunk_ns(p) < MATTERS * now)
		return;
	if (p->chunk > 1)
		snprintf(each, sizeof each, "%u blocks take", p->chunk);
	if (then < now)
		snprintf(saved, sizeof saved, "so that at most %.0f %% of the time is saved",
			 100 * (1 - then / now));
	snprintf(
		buf, size,
		". Let interrupts switch to that task: if a tick of %s wakes it, %s %s at least, %s",
		msc_ns(USUAL_TICK_NS).s, each, msc_ns(then).s, saved);
}

static void words_interrupt(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	double sure = p->request_error_ns > 0 ? p->request_extra_ns / p->request_error_ns : 9;
	char woken[200];

	d->sure = sure_if(sure > 10);
	words_woken(p, woken, sizeof woken);
	snprintf(d->evidence, sizeof d->evidence,
		 "GET_STATUS(device) on endpoint 0 takes %s while a read is under way and %s "
		 "otherwise (%zu and %zu requests, worst %s): the device is deaf for %s at a time, "
		 "and needs %s for a block beyond the bus",
		 msc_ns(p->request_busy_ns).s, msc_ns(p->request_idle_ns).s, p->requests_busy,
		 p->requests_idle, msc_ns(p->request_worst_ns).s, msc_ns(p->blocked_ns).s,
		 msc_ns(p->block_ns - p->bus_ns).s);
	snprintf(d->advice, sizeof d->advice,
		 "do not read the medium inside the USB interrupt: let the interrupt put a request "
		 "into a queue and return, let a task read by DMA and arm the endpoint when the "
		 "block has come; until then the peripheral answers NAK by itself. DMA saves "
		 "the copying, not the wait for the medium, and no host sees which is which: a pin "
		 "that is set while the processor copies would tell%s",
		 woken);
}

static void words_buffer(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	bool agrees = p->overlap < 0.35;

	if (p->buffers_unseen) {
		d->sure = MSC_PACE_POSSIBLE;
		snprintf(
			d->evidence, sizeof d->evidence,
			"a block takes %s, and the bus needs %s of it; after a long pause of the host "
			"the second one came %s after the first%s",
			msc_ns(p->block_ns).s, msc_ns(p->bus_ns).s, msc_ns(p->after_pause_ns[1]).s,
			!p->ready
				? ", and all others as promptly: how many one buffer holds was not seen"
			: msc_keeps_to_tick(p) ? ": a tick holds both, whether they overlap or not"
			: p->host.locked
				? ": what tells one buffer from two lies within what the host's frames "
				  "leave unknown"
				: ": what tells one buffer from two lies within what the host's polls "
				  "leave unknown");
	} else {
		d->sure = sure_if(agrees);
		snprintf(
			d->evidence, sizeof d->evidence,
			"after a long pause of the host %u block%s ready: the next came %s later, where "
			"the bus needs %s; the first block of a read takes %s, each further one %s: "
			"medium and bus overlap by %.0f %%",
			p->chunk > 1 ? p->chunk - 1 : 1, p->chunk > 2 ? "s were" : " was",
			msc_ns(p->after_pause_ns[1] > 0 ? p->after_pause_ns[1] : p->block_ns).s,
			msc_ns(p->bus_ns).s, msc_ns(p->first_ns).s, msc_ns(p->block_ns).s,
			100 * p->overlap);
	}
	snprintf(d->advice, sizeof d->advice,
		 "read the next block into a second buffer while the peripheral sends the first: "
		 "start it when a read ends, not when its data has gone, and wait for the earlier "
		 "transfer only before the next is armed");
}

/* What of the blocks that follow is known of the tick. */
static const char *keeping(const struct msc_pace *p)
{
	if (msc_may_tick(p))
		return "take about as long, and this host does not show whether they wait for it";
	return msc_ticks_at_times(p) ? "keep to it at times" : "do not keep to it";
}

static void words_handed(const struct msc_pace *p, const char *drift, struct msc_diagnosis *d)
{
	bool keeps = msc_keeps_to_tick(p);
	double most = msc_elsewhere_ns(p);
	char elsewhere[160] = "";

	if (most > 0)
		snprintf(
			elsewhere, sizeof elsewhere,
			"; where the tick lies in the host's frames is another thing after each power-on, "
			"and with it a block may take up to %s",
			msc_ns(most).s);
	snprintf(
		d->evidence, sizeof d->evidence,
		"after a pause of the host the next block is handed over on a grid of %s%s "
		"(resultant %.2f of %zu reads), %s after the one before, for which the bus needs "
		"%s: a task that waits for the bus goes on at the next tick; in a long read a block "
		"takes %s, the first one %s; further blocks %s%s",
		msc_ns(p->handed.period_ns).s, drift, p->handed.resultant, p->handed.events,
		msc_ns(p->after_pause_ns[1]).s, msc_ns(p->bus_ns).s, msc_ns(p->block_ns).s,
		msc_ns(p->first_ns).s,
		keeps             ? "wait for it"
		: msc_may_tick(p) ? "may wait for it, which this host does not show"
				  : keeping(p),
		elsewhere);
}

static void words_tick(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	bool device = p->tick_clock == MSC_PACE_CLOCK_DEVICE;
	char drift[96] = "";

	d->sure = msc_may_tick(p) || msc_waits_unseen(p)
			  ? MSC_PACE_POSSIBLE
			  : sure_if(device && !msc_ticks_at_times(p));
	if (msc_slips(p))
		snprintf(drift, sizeof drift, " that slips by %+.0f ppm against the host's frames",
			 p->drift_ppm);
	if (msc_waits_unseen(p))
		snprintf(
			d->evidence, sizeof d->evidence,
			"a block of a long read takes %s, the bus needs %s and the first block "
			"takes %s; what is ready after a pause of the host takes %s: a task that "
			"waits for the bus may be woken by a tick shorter than %s, which this host "
			"does not show",
			msc_ns(p->block_ns).s, msc_ns(p->bus_ns).s, msc_ns(p->first_ns).s,
			msc_ns(p->after_pause_ns[1]).s, msc_ns(p->host.period_ns).s);
	else if (msc_hands_by_tick(p))
		words_handed(p, drift, d);
	else if (!msc_keeps_to_tick(p))
		snprintf(
			d->evidence, sizeof d->evidence,
			"the first block of a read comes on a grid of %s%s (resultant %.2f of %zu "
			"reads): a command waits for the next tick, %s on average; further blocks %s",
			msc_ns(p->wake.period_ns).s, drift, p->wake.resultant, p->wake.events,
			msc_ns(p->wake.period_ns / 2).s, keeping(p));
	else
		snprintf(
			d->evidence, sizeof d->evidence,
			"blocks begin to arrive on a grid of %s%s (resultant %.2f of %zu arrivals, by "
			"chance %.0e): a block takes %s, which is %.2f ticks; the bus needs %s of it%s",
			msc_ns(p->tick.period_ns).s, drift, p->tick.resultant, p->tick.events,
			fmax(p->tick.chance, 1e-99), msc_ns(p->block_ns).s,
			p->block_ns / p->tick.period_ns, msc_ns(p->bus_ns).s,
			device ? ""
			       : "; the host's frames have the same period and may be the cause");
	snprintf(d->advice, sizeof d->advice,
		 "let interrupts switch to the task that they wake (portYIELD_FROM_ISR or its like "
		 "after each give and each send from an interrupt%s) instead of leaving it to the "
		 "next tick; a shorter tick helps less and costs more",
		 msc_hands_by_tick(p) ? ", here the one that tells the task that a block has gone"
				      : "");
}

static void words_host(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	struct msc_costs serially;
	const struct msc_pace_size *z = smallest(p);
	char serial[160] = "", queued[96] = "", share[64] = "", device[160];

	msc_costs_of(p, MSC_PACE_SERIAL, &serially);
	d->sure = sure_if(p->host.locked);
	if (z->count[MSC_PACE_SERIAL])
		snprintf(serial, sizeof serial, ", %s phase after phase (CBW %s, data %s, CSW %s)",
			 msc_ns(z->median_ns[MSC_PACE_SERIAL]).s,
			 msc_ns(z->cbw_ns[MSC_PACE_SERIAL]).s,
			 msc_ns(z->data_ns[MSC_PACE_SERIAL]).s,
			 msc_ns(z->csw_ns[MSC_PACE_SERIAL]).s);
	if (z->count[MSC_PACE_QUEUED])
		snprintf(queued, sizeof queued, ", %s with all three submitted at once",
			 msc_ns(z->median_ns[MSC_PACE_QUEUED]).s);
	if (p->serial && c->set != MSC_PACE_SERIAL)
		snprintf(share, sizeof share, "; serially the host costs %.0f %%, over all sizes",
			 100 * msc_shares_of(&serially, MSC_DIAG_HOST_PACED).cost);
	if (z->true_ns >= 0)
		snprintf(device, sizeof device, "takes %s of device and bus", msc_ns(z->true_ns).s);
	else
		snprintf(device, sizeof device,
			 "begins with a CBW, which needs %s on the bus and was seen to end after "
			 "%s; the other phases may cost as much",
			 msc_ns(msc_packet_ns(p->speed, 8.0 * MSC_CBW_LEN)).s,
			 msc_ns(z->cbw_ns[MSC_PACE_SERIAL]).s);
	snprintf(d->evidence, sizeof d->evidence, "a read of %u block%s %s%s%s%s%s%s", z->blocks,
		 z->blocks == 1 ? "" : "s", device, queued, serial, share,
		 p->host.locked ? "; the host sees completions only every " : "",
		 p->host.locked ? msc_ns(p->host.period_ns).s : "");
	snprintf(
		d->advice, sizeof d->advice,
		"not for the firmware to fix: fewer and larger commands, so that the host's frames "
		"are spent on more data (larger clusters, read-ahead, max_sectors); a host that "
		"submits CBW, data and CSW together; a host controller that reports at once");
}

static void words_command(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	const struct msc_pace_size *z = smallest(p);

	d->sure = p->n_sizes > 2 ? MSC_PACE_LIKELY : MSC_PACE_POSSIBLE;
	snprintf(d->evidence, sizeof d->evidence,
		 "a read of %u block%s takes %s, though its blocks need %s each: %s go to the "
		 "command itself; a command without data takes %s",
		 z->blocks, z->blocks == 1 ? "" : "s", msc_ns(z->true_ns).s, msc_ns(p->block_ns).s,
		 msc_ns(msc_per_command(c, z)).s,
		 p->sizes[0].blocks == 0 && p->sizes[0].true_ns >= 0 ? msc_ns(p->sizes[0].true_ns).s
								     : "an unknown time");
	snprintf(
		d->advice, sizeof d->advice,
		"start the medium before anything else when a CBW arrives, keep a multiple-block "
		"read open across commands that follow each other, send the first block when it is "
		"there and not when its buffer is full, and the CSW from the interrupt that ends "
		"the data");
}

static void words_pauses(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;

	d->write = true;
	d->sure = sure_if(p->write_pauses > 2);
	snprintf(d->evidence, sizeof d->evidence,
		 "%u of %u writes took %s longer than the usual %s, which is %.0f %% of all the "
		 "time spent writing",
		 p->write_pauses, p->writes, msc_ns(p->write_pause_ns).s, msc_ns(p->write_ns).s,
		 100 * p->write_pause_share);
	snprintf(d->advice, sizeof d->advice,
		 "the medium pauses to erase and to move blocks: announce and write many blocks in "
		 "one command (multiple-block write with a count announced before), align writes "
		 "to its allocation unit, and keep buffers to receive in meanwhile");
}

/* A medium that needs a command for each block takes as long for the first as for each other. */
static const char *of_commands(const struct msc_pace *p)
{
	double medium = p->medium_ns > 0 ? p->medium_ns : p->block_ns;

	if (p->first_ns < 0 || p->chunk != 1 || msc_wakes_by_tick(p))
		return "the processor's copying counts as the medium's time";
	return p->first_ns > FIRST_LONGER * medium
		       ? "the first of a command takes longer, so that further ones need no command "
			 "to the medium of their own, or a shorter one"
		       : "the first of a command takes no longer, so that a command to the medium for "
			 "each block, and the processor's copying, may be part of it";
}

static void words_medium(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	bool alone = c->interrupt + c->buffer + c->tick <= 0;

	d->sure = sure_if(p->buffers && alone && !msc_hides_tick(p) && !msc_hides_deafness(p));
	if (alone)
		snprintf(
			d->evidence, sizeof d->evidence,
			"a block comes every %s, and the bus needs %s of it; %s%s",
			msc_ns(p->block_ns).s, msc_ns(p->bus_ns).s, of_commands(p),
			p->buffers > 1 && !msc_hides_tick(p)
				? msc_wakes_by_tick(p)
					  ? "; bus and medium already work at the same time, and blocks "
					    "do not keep to the tick that first blocks wait for"
					  : "; bus and medium already work at the same time, and arrivals "
					    "keep to no tick"
				: "");
	else
		snprintf(
			d->evidence, sizeof d->evidence,
			"a block comes every %s, the bus needs %s of it, and the medium at most %s%s: "
			"with all above fixed a block takes %s to %s",
			msc_ns(p->block_ns).s, msc_ns(p->bus_ns).s, msc_ns(c->medium.most).s,
			c->interrupt > 0
				? ", with the processor's own copying, which cannot be told apart from it"
				: "",
			msc_ns(p->mended_least_ns).s, msc_ns(p->mended_most_ns).s);
	snprintf(d->advice, sizeof d->advice,
		 "a faster way to the medium (a wider or faster bus such as SDIO, multiple-block "
		 "reads that need not wait again for each block, more blocks per request), or a "
		 "faster medium%s",
		 alone && !msc_hides_tick(p) && !p->buffers_unseen
			 ? "; the firmware's order of work is not what costs"
			 : "");
}

static void words_bus(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	const struct msc_pace_size *z = largest(p);
	char left[40] = "nothing is";
	bool hub = p->path_more_ns > 0;

	d->sure = sure_if(d->share > 0.8);
	snprintf(d->evidence, sizeof d->evidence,
		 "a read of %u block%s takes %s, of which %s are packets on %s (%.0f %%); a block "
		 "comes every %s, the %s needs %s",
		 z->blocks, z->blocks == 1 ? "" : "s", msc_ns(msc_whole(c, z)).s,
		 msc_ns(z->bus_ns).s, hub ? "their way through a hub" : "the wire",
		 100 * z->bus_ns / msc_whole(c, z),
		 msc_ns(p->block_ns > 0 ? p->block_ns : p->bus_ns).s, hub ? "way" : "wire",
		 msc_ns(p->bus_ns).s);
	if (d->share < FULL)
		snprintf(left, sizeof left, "no more than %.0f %% is", 100 * (1 - d->share));
	if (hub) {
		msc_advise_path(p, d);
		return;
	}
	snprintf(d->advice, sizeof d->advice,
		 "%s left to gain at this speed; only a faster bus helps%s%s", left,
		 d->share < FULL ? " beyond that" : "",
		 p->speed == MSC_SPEED_FULL   ? " (high speed instead of full speed)"
		 : p->speed == MSC_SPEED_HIGH ? " (SuperSpeed instead of high speed)"
					      : "");
}

/* ---- the list -------------------------------------------------------------------------------- */

static void (*const words[MSC_DIAGS])(const struct msc_costs *, struct msc_diagnosis *) = {
	[MSC_DIAG_MEDIUM_IN_INTERRUPT] = words_interrupt,
	[MSC_DIAG_SINGLE_BUFFERED] = words_buffer,
	[MSC_DIAG_TICK_BOUND] = words_tick,
	[MSC_DIAG_PACKET_BY_PACKET] = msc_words_fed,
	[MSC_DIAG_SMALL_PACKETS] = msc_words_small,
	[MSC_DIAG_HOST_LIMITED] = msc_words_limit,
	[MSC_DIAG_HOST_PACED] = words_host,
	[MSC_DIAG_PER_COMMAND_COST] = words_command,
	[MSC_DIAG_WRITE_PAUSES] = words_pauses,
	[MSC_DIAG_MEDIUM_BOUND] = words_medium,
	[MSC_DIAG_BUS_BOUND] = words_bus,
};

/* What mending it saves, in the middle of its range: the order of faults; limits keep to their share. */
static double weight(const struct msc_diagnosis *d)
{
	return d->id < MSC_DIAG_MEDIUM_BOUND ? (d->saves_least + d->saves_most) / 2 : d->share;
}

/* What is seen of a cause may be little, and what is hidden much. */
static double worth(const struct msc_diagnosis *d)
{
	return fmax(d->share, weight(d));
}

/* 0: a fault that matters; 1: a limit; 2: a lesser fault; 3: about writes. The host's pace is no
 * fault of the firmware, and must be worth half of what the limit costs to come before it. */
static int rank(const struct msc_costs *c, const struct msc_diagnosis *d)
{
	double limit = fmax(msc_shares_of(c, MSC_DIAG_MEDIUM_BOUND).cost,
			    msc_shares_of(c, MSC_DIAG_BUS_BOUND).cost);

	if (d->write)
		return 3;
	if (d->id >= MSC_DIAG_MEDIUM_BOUND)
		return 1;
	if (d->id == MSC_DIAG_HOST_PACED && d->share < limit / 2)
		return 2;
	if (d->id == MSC_DIAG_HOST_PACED || d->id == MSC_DIAG_PER_COMMAND_COST)
		return d->share >= COMMAND_MATTERS ? 0 : 2;
	return worth(d) >= MATTERS && d->sure != MSC_PACE_POSSIBLE ? 0 : 2;
}

/* Others of its rank that may save as much. What the processor holds in an interrupt has to be mended
 * before a second buffer helps; how much of it is the medium's is not seen. Nor is whether blocks that come
 * with the ticks wait for them, where the host hides it. */
static bool ties(const struct msc_diagnosis *first, const struct msc_diagnosis *d)
{
	if (first->id == MSC_DIAG_MEDIUM_IN_INTERRUPT)
		return d->id == MSC_DIAG_MEDIUM_BOUND || d->id == MSC_DIAG_TICK_BOUND;
	if (first->id >= MSC_DIAG_MEDIUM_BOUND)
		return (d->id == MSC_DIAG_TICK_BOUND || d->id == MSC_DIAG_SINGLE_BUFFERED) &&
		       d->sure == MSC_PACE_POSSIBLE;
	return first->id < MSC_DIAG_MEDIUM_BOUND && d->rank == first->rank &&
	       d->write == first->write && msc_diagnosis_overlaps(first, d);
}

static void tie(struct msc_pace *p)
{
	for (size_t i = 1; i < p->n_diagnosis; i++)
		p->diagnosis[i].tied = ties(&p->diagnosis[0], &p->diagnosis[i]);
}

static bool host_matters_serially(const struct msc_pace *p)
{
	struct msc_costs serial;

	msc_costs_of(p, MSC_PACE_SERIAL, &serial);
	return p->serial && msc_shares_of(&serial, MSC_DIAG_HOST_PACED).cost >= COMMAND_MATTERS;
}

void msc_pace_diagnose(struct msc_pace *p)
{
	struct msc_costs c;

	p->n_diagnosis = 0;
	msc_costs_of(p, p->queued && p->queued_works ? MSC_PACE_QUEUED : MSC_PACE_SERIAL, &c);
	msc_bound_mended(p, &c);
	for (int id = 0; id < MSC_DIAGS; id++) {
		struct msc_diagnosis d = { .id = (enum msc_diagnosis_id)id };

		if (!words[id]) /* of writes alone */
			continue;
		if (id == MSC_DIAG_WRITE_PAUSES) {
			d.share = p->writes >= WRITES_LEAST ? p->write_pause_share : 0;
			d.cost_ns = p->writes ? p->write_pauses * p->write_pause_ns / p->writes : 0;
			d.saves_most = d.share;
		} else if (largest(p)) {
			struct msc_shares shares = msc_shares_of(&c, d.id);

			d.share = fmin(1, shares.cost);
			d.cost_ns = msc_cost_of(&c, d.id, largest(p));
			d.saves_least = shares.saves.least;
			d.saves_most = shares.saves.most;
		}
		if (worth(&d) < MENTIONED &&
		    !(id == MSC_DIAG_MEDIUM_BOUND && msc_is_divided(p) &&
		      c.interrupt + c.tick > 0) &&
		    !(id == MSC_DIAG_HOST_PACED && largest(p) && host_matters_serially(p)))
			continue;
		words[id](&c, &d);
		d.rank = rank(&c, &d);
		d.weight = weight(&d);
		msc_diagnosis_insert(p, &d);
	}
	tie(p);
	msc_pace_untold(p, &c);
}
