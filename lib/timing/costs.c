/* SPDX-License-Identifier: BSD-2-Clause */
/* What each cause costs, and what mending it saves: see costs.h. */
#include "timing/costs.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "timing/limited.h"
#include "wire/cost.h"

#define WAITING_LEAST  0.05 /* of a block, for anything beside the bus to be named */
#define DEAF_LEAST     0.5  /* of the medium's time, for its reading to be in an interrupt */
#define DEAF_MOST      3.0 /* times a block's time */
#define MEDIUM_CLEARLY 1.15 /* times the bus's time, to be the limit of the two */
#define SHARED_MOST    4      /* blocks that come in a whole number of ticks together */
#define SHARED_WITHIN  300e-6 /* of a tick for each of them */
#define SHARED_CHANCE  1e-9   /* at most, that arrivals agree so well without a tick */
#define AT_TIMES_LEAST 0.1    /* resultant of blocks that keep to the tick at times */
#define HANDED_LATE    1.25   /* times the bus's time, after a pause, for what was ready */
#define ABOUT_AS_FAST  1.5    /* times the bus's time, what a first block takes */
#define TICK_NEARLY    0.95 /* of a tick: blocks that take so long may each wait for one */
/* Times a block's time: a tick of which few blocks wait for. There is no place where each does. */
#define RARELY	       2.5
#define TWICE_LEAST    0.75 /* of the ticks of a block beside those of the bus */
#define FED_MOST       1.1 /* times what was seen, of a processor that feeds packets meanwhile */
#define VAGUE	       0.03 /* of a time: what the model leaves out, a task's switch and the like */

/* A few blocks come in a whole number of ticks, to some parts in ten thousand: not each waits for one, as
 * where three take two. */
static bool share_ticks(const struct msc_pace *p)
{
	for (int n = 2; n <= SHARED_MOST && p->wake.locked && p->block_ns > 0; n++) {
		double ticks = n * p->block_ns / p->wake.period_ns;

		if (fmod(round(ticks), n) > 0 && fabs(ticks - round(ticks)) < SHARED_WITHIN * n &&
		    p->tick.chance < SHARED_CHANCE)
			return true;
	}
	return false;
}

bool msc_wakes_by_tick(const struct msc_pace *p)
{
	return p->wake.locked && p->tick_clock != MSC_PACE_CLOCK_HOST;
}

bool msc_hands_by_tick(const struct msc_pace *p)
{
	return p->handed.locked && p->tick_clock != MSC_PACE_CLOCK_HOST;
}

bool msc_slips(const struct msc_pace *p)
{
	return p->drift_known && fabs(p->drift_ppm) > 2 * p->drift_error_ppm;
}

double msc_elsewhere_ns(const struct msc_pace *p)
{
	double tick = p->handed.period_ns, frame = p->host.period_ns, ratio, block;

	if (!msc_hands_by_tick(p) || !p->host.locked || p->bus || msc_slips(p) || !p->chunk)
		return 0;
	ratio = fmax(tick, frame) / fmin(tick, frame);
	if (fabs(ratio - round(ratio)) > SHARED_WITHIN) /* each command finds it elsewhere */
		return 0;
	block = ceil(fmax(msc_sends_chunk_ns(p), p->first_ns) / tick) * tick / p->chunk;
	return block > p->block_ns && block < RARELY * p->block_ns ? block : 0;
}

/* What a block takes longer than the bus and than the first one, which waited for no tick. */
static double handing_wait(const struct msc_pace *p)
{
	return msc_hands_by_tick(p) ? p->block_ns - fmax(msc_sends_ns(p), p->first_ns) : 0;
}

bool msc_keeps_to_tick(const struct msc_pace *p)
{
	return (p->tick.locked || share_ticks(p) ||
		handing_wait(p) > WAITING_LEAST * p->block_ns) &&
	       p->tick_clock != MSC_PACE_CLOCK_HOST;
}

/* The host sees completions no oftener than about each tick, so that all that it sees keeps to something. */
static bool sees_frames(const struct msc_pace *p)
{
	return !p->bus && p->host.locked && p->host.period_ns > p->tick.period_ns / 2;
}

bool msc_ticks_at_times(const struct msc_pace *p)
{
	return (msc_wakes_by_tick(p) || (msc_hands_by_tick(p) && !sees_frames(p))) &&
	       !msc_keeps_to_tick(p) && p->tick.resultant > AT_TIMES_LEAST &&
	       p->tick.chance < SHARED_CHANCE && !msc_hides_tick(p);
}

/* Only a medium that is about as fast as the bus is ever done before it, and waits for it. */
bool msc_hides_tick(const struct msc_pace *p)
{
	if (msc_keeps_to_tick(p) || !sees_frames(p))
		return false;
	if (msc_wakes_by_tick(p) && p->host.period_ns > 2 * p->tick.period_ns)
		return true; /* several in a frame */
	return (msc_wakes_by_tick(p) && p->block_ns < 1.15 * p->tick.period_ns) ||
	       (msc_hands_by_tick(p) && p->first_ns < ABOUT_AS_FAST * msc_sends_ns(p));
}

bool msc_may_tick(const struct msc_pace *p)
{
	return msc_hides_tick(p) &&
	       (msc_hands_by_tick(p) || p->block_ns > TICK_NEARLY * p->tick.period_ns);
}

bool msc_waits_unseen(const struct msc_pace *p)
{
	bool late = p->after_pause_ns[1] > HANDED_LATE * msc_sends_ns(p) * p->chunk &&
		    p->first_ns < ABOUT_AS_FAST * msc_sends_ns(p);

	return !p->bus && p->host.locked && !p->wake.locked && !p->handed.locked &&
	       p->buffers > 1 && p->first_ns >= 0 && msc_is_waiting(p) &&
	       (late ||
		p->block_ns - fmax(msc_sends_ns(p), p->first_ns) > WAITING_LEAST * p->block_ns);
}

double msc_poll_ns(const struct msc_pace *p)
{
	return p->nak_period_ns > 0 ? p->nak_period_ns : 2 * msc_packet_ns(p->speed, 0);
}

bool msc_is_waiting(const struct msc_pace *p)
{
	return p->block_ns > 0 && p->block_ns - p->bus_ns > WAITING_LEAST * p->block_ns;
}

bool msc_is_divided(const struct msc_pace *p)
{
	return !p->captured ||
	       (p->buffers && p->requests_busy >= MSC_PACE_REQUESTS_LEAST && !p->rhythm);
}

static double tick_wait(const struct msc_pace *p)
{
	return msc_keeps_to_tick(p) ? p->tick.resultant * p->tick.period_ns / 2 : 0;
}

/* That of a command's first block, on average. */
static double wake_wait(const struct msc_pace *p)
{
	return msc_wakes_by_tick(p) ? p->wake.resultant * p->wake.period_ns / 2 : 0;
}

/* Deaf for about as long as the medium needs for what comes together, of which a tick may be waiting. If it is deaf
 * for very much longer, that is somebody else's doing: a host that was busy. */
static bool is_deaf(const struct msc_pace *p, double medium)
{
	double needs = medium * p->chunk;

	if (msc_keeps_to_tick(p) && p->tick.locked)
		needs = fmax(needs / 2, needs - p->tick.period_ns);
	return p->chunk && p->blocked_ns > 0 && p->blocked_ns >= DEAF_LEAST * needs &&
	       p->blocked_ns <= DEAF_MOST * p->block_ns * p->chunk;
}

static void divide_block(struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double waiting = p->block_ns - p->bus_ns, sends = msc_sends_ns(p);
	double medium = p->medium_ns > 0 ? p->medium_ns : fmax(0, p->block_ns - sends);

	c->rest = p->block_ns;
	if (p->block_ns <= 0 || waiting < WAITING_LEAST * p->block_ns) {
		msc_divide_packets(c);
		return;
	}
	if (is_deaf(p, medium))
		c->interrupt = fmax(0, p->block_ns - sends); /* nothing else can go on meanwhile */
	c->rest -= c->interrupt;
	if (p->buffers == 1) {
		c->buffer = fmin(medium, sends);
		/* A second buffer cannot bring it below one tick. */
		if (msc_keeps_to_tick(p) && !c->interrupt)
			c->buffer = fmin(ceil(c->buffer * p->chunk / p->tick.period_ns),
					 p->block_ns * p->chunk / p->tick.period_ns - 1) *
				    p->tick.period_ns / p->chunk;
		c->buffer = fmax(0, fmin(c->buffer, c->rest / 2));
	}
	c->rest -= c->buffer;
	if (p->chunk && !c->interrupt)
		c->tick = msc_keeps_to_tick(p) && handing_wait(p) > 0
				  ? handing_wait(p)
				  : fmin(tick_wait(p) / p->chunk, c->rest - p->bus_ns / 2);
	c->rest -= c->tick;
	msc_divide_packets(c);
	msc_divide_limit(c);
}

/* By how much a tick rounds up the bus time of a chunk, if nothing else goes on in it. */
static double rounds_bus_by(const struct msc_pace *p)
{
	return msc_sends_ticks_ns(p) - msc_sends_chunk_ns(p);
}

/* With one buffer the first block tells how much of the medium's time the bus hides already. */
static void bound_medium(struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double sends = msc_sends_ns(p), waiting = fmax(0, p->block_ns - sends);
	bool one = p->buffers == 1;

	c->medium = (struct msc_range){ 0, one ? waiting : p->block_ns };
	if (c->interrupt > 0)
		return; /* how much of it is the processor's own copying is not seen */
	if (p->buffers_unseen) {
		c->medium.least = msc_keeps_to_tick(p) ? 0 : fmax(0, waiting - msc_poll_ns(p));
		return;
	}
	if (c->tick <= 0 && !msc_hides_tick(p) && (one || c->fed <= 0))
		c->medium.least = c->medium.most;
	if (one)
		c->medium.most += fmax(0, p->overlap) * fmin(waiting, sends);
}

/* What of the medium's time the bus hides now, and a tick may round up when it no longer does; and who is done
 * before the bus then waits for it, and is woken late. */
static double hidden(const struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double tick = p->tick.period_ns / p->chunk;
	bool bus_is_longer = p->block_ns - msc_sends_ns(p) < msc_sends_ns(p) + tick;

	return p->overlap > VAGUE || bus_is_longer ? tick : 0;
}

/* What a second buffer takes out of the whole ticks of one, at most: beside the bus there may lie, between two
 * ticks, what the task does after the medium was read and before it hands over (a command that ends a read of
 * many blocks). It is less than a tick, and what is left of a block is not below one. */
static double in_tick_of_bus(const struct msc_costs *c)
{
	double tick = c->p->tick.period_ns / c->p->chunk, block = c->p->block_ns;

	return fmax(c->buffer, fmin(c->buffer + tick, block - tick)) + VAGUE * block;
}

/* It waits for a tick when the bus is done and again when the medium is: the block after a pause of the host takes
 * all that one of a long read takes. A task that waits once, when it has no free buffer or when the medium is
 * done, need not wait at all with a second one. */
static bool waits_twice(const struct msc_pace *p)
{
	double tick = p->tick.period_ns, more = p->block_ns - msc_sends_ticks_ns(p);

	return p->chunk == 1 && more > tick / 2 &&
	       p->after_pause_ns[1] - msc_sends_ns(p) - tick / 2 > TWICE_LEAST * more;
}

static struct msc_range save_ticks(const struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double least = c->buffer - VAGUE * p->block_ns - hidden(c);
	double most = waits_twice(p) ? in_tick_of_bus(c) : p->block_ns - msc_sends_ns(p);

	return (struct msc_range){ fmax(0, least), most };
}

/* The task that reads the medium with interrupts off does so at ticks. */
static bool deaf_by_ticks(const struct msc_costs *c)
{
	return c->interrupt > 0 && msc_keeps_to_tick(c->p) && c->p->tick.locked;
}

static void bound_savings(struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double sends = msc_sends_ns(p), waiting = p->block_ns - p->bus_ns;

	msc_bound_packets(c, msc_keeps_to_tick(p) || msc_hides_tick(p) ? p->tick.period_ns : 0);
	if (c->interrupt > 0)
		c->saves_interrupt = (struct msc_range){ 0, fmax(0, p->block_ns - sends) };
	if (p->buffers_unseen && c->interrupt <= 0)
		c->saves_buffer =
			(struct msc_range){ 0, p->block_ns - fmax(c->medium.least, sends) };
	else if (c->buffer > 0 && c->interrupt > 0)
		c->saves_buffer = (struct msc_range){ 0, fmin(waiting, sends + msc_poll_ns(p)) };
	else if (p->buffers == 1 && c->tick > 0)
		c->saves_buffer = save_ticks(c);
	else if (c->buffer > 0)
		c->saves_buffer = (struct msc_range){
			fmax(0, p->block_ns - fmax(c->medium.most + FED_MOST * p->fed_ns, sends) -
					VAGUE * p->block_ns - msc_poll_ns(p) -
					(msc_hides_tick(p) ? hidden(c) : 0)),
			p->block_ns - fmax(c->medium.least - msc_poll_ns(p), sends) +
				VAGUE * p->block_ns +
				(msc_wakes_by_tick(p) ? rounds_bus_by(p) / p->chunk : 0)
		};
	if (msc_ticks_at_times(p))
		c->saves_tick.most =
			fmax(waiting, p->tick.period_ns); /* another read may keep to it */
	else if (c->tick > 0 || msc_may_tick(p) || msc_waits_unseen(p) || deaf_by_ticks(c))
		c->saves_tick.most = waiting;
	msc_bound_limit(c);
}

void msc_costs_of(const struct msc_pace *p, enum msc_pace_set set, struct msc_costs *c)
{
	*c = (struct msc_costs){ .p = p, .set = set };
	divide_block(c);
	bound_medium(c);
	bound_savings(c);
}

void msc_bound_mended(struct msc_pace *p, const struct msc_costs *c)
{
	bool vague = msc_hides_tick(p) || msc_ticks_at_times(p) || msc_waits_unseen(p) ||
		     !msc_is_divided(p);
	double least = fmin(c->medium.least, p->block_ns);

	if (p->host.locked && !p->bus &&
	    !p->wake.locked) /* a tick that is short beside the frame */
		least -= VAGUE * p->block_ns;

	p->mended_least_ns = p->mended_most_ns = -1;
	if (p->block_ns <= 0)
		return;
	p->mended_least_ns = fmax(p->bus_ns, vague ? 0 : least);
	p->mended_most_ns = fmax(p->bus_ns, fmin(c->medium.most, p->block_ns));
	p->mended_most_ns = fmax(p->mended_most_ns, fmin(p->block_ns, msc_limit_floor_ns(p)));
}

double msc_whole(const struct msc_costs *c, const struct msc_pace_size *z)
{
	return z->count[c->set] ? z->mean_ns[c->set] : z->true_ns;
}

double msc_per_command(const struct msc_costs *c, const struct msc_pace_size *z)
{
	const struct msc_pace *p = c->p;
	double left;

	if (z->true_ns < 0 || p->block_ns <= 0)
		return 0;
	left = z->true_ns - z->bus_ns - z->blocks * (p->block_ns - p->bus_ns) - wake_wait(p);
	if (p->buffers != 1)
		left -= msc_sends_ns(p) * (z->blocks < p->chunk ? z->blocks : p->chunk);
	return fmax(0, left);
}

/* Without long reads the line through the sizes must tell what a block takes. */
static bool is_bus_bound(const struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double rest = p->block_ns > 0 ? c->rest : p->per_byte_ns * p->block_size;
	double bus = p->block_ns > 0 ? p->large_bus_ns : p->bus_ns;

	return !p->beats_bus && rest > 0 && c->interrupt + c->buffer + c->tick <= 0 &&
	       c->fed + c->limit <= 0 && rest <= MEDIUM_CLEARLY * bus;
}

/* What its packets need on the bus, if they are as large as they may be. */
static double needed_ns(const struct msc_costs *c, const struct msc_pace_size *z)
{
	return z->bus_ns - z->blocks * (c->p->bus_ns - c->p->large_bus_ns);
}

double msc_cost_of(const struct msc_costs *c, enum msc_diagnosis_id id,
		   const struct msc_pace_size *z)
{
	double n = z->blocks;

	switch (id) {
	case MSC_DIAG_MEDIUM_IN_INTERRUPT: return n * c->interrupt;
	case MSC_DIAG_SINGLE_BUFFERED: return (n - 1) * c->buffer;
	case MSC_DIAG_TICK_BOUND: return c->p->block_ns > 0 ? n * c->tick + wake_wait(c->p) : 0;
	case MSC_DIAG_HOST_PACED: return fmax(0, z->host_ns[c->set]);
	case MSC_DIAG_PER_COMMAND_COST: return msc_per_command(c, z);
	case MSC_DIAG_MEDIUM_BOUND:
		return msc_is_waiting(c->p) && c->rest > MEDIUM_CLEARLY * c->p->large_bus_ns &&
				       msc_is_divided(c->p)
			       ? n * c->rest
			       : 0;
	case MSC_DIAG_BUS_BOUND: return is_bus_bound(c) ? needed_ns(c, z) : 0;
	case MSC_DIAG_PACKET_BY_PACKET: return n * c->fed;
	case MSC_DIAG_SMALL_PACKETS: return n * c->small;
	case MSC_DIAG_HOST_LIMITED: return n * c->limit;
	case MSC_DIAG_WRITE_PAUSES:
	case MSC_DIAG_PAGE_MERGE:
	case MSC_DIAG_SMALL_BUFFER:
	case MSC_DIAG_BLOCK_BY_BLOCK:
	case MSC_DIAG_POLLING:
	case MSC_DIAGS: break;
	}
	return 0;
}

static struct msc_range times(double n, struct msc_range r)
{
	return (struct msc_range){ n * r.least, n * r.most };
}

/* A host that sees completions at the ends of frames sends the next command there, so that commands in a row
 * take whole frames: what is saved of the device's time may be a frame less, by what the end of a command lies
 * before that of a frame now, or more. */
static void in_frames(const struct msc_costs *c, const struct msc_pace_size *z, struct msc_range *r)
{
	double frame = c->p->host.locked && !c->p->bus ? c->p->host.period_ns : 0;
	double before = fmax(0, fmin(frame, z->host_ns[c->set]));

	if (!z->count[c->set])
		return;
	r->least = fmax(0, r->least - (frame - before));
	r->most += before;
}

/* Of one command, ns. */
static struct msc_range saving(const struct msc_costs *c, enum msc_diagnosis_id id,
			       const struct msc_pace_size *z)
{
	double n = z->blocks;
	double elsewhere = id == MSC_DIAG_TICK_BOUND ? msc_elsewhere_ns(c->p) : 0;
	double needed = id == MSC_DIAG_SMALL_PACKETS ? needed_ns(c, z) : z->bus_ns;
	struct msc_range r = { 0, msc_cost_of(c, id, z) };

	switch (id) {
	case MSC_DIAG_MEDIUM_IN_INTERRUPT: r = times(n, c->saves_interrupt); break;
	case MSC_DIAG_SINGLE_BUFFERED: r = times(n - 1, c->saves_buffer); break;
	case MSC_DIAG_TICK_BOUND:
		r = times(n, c->saves_tick);
		/* that of the first, that of a CSW that waits for its task, what a command does besides */
		if (msc_wakes_by_tick(c->p))
			r.most += 2 * c->p->wake.period_ns + msc_per_command(c, z);
		break;
	case MSC_DIAG_PACKET_BY_PACKET: r = times(n, c->saves_fed); break;
	case MSC_DIAG_SMALL_PACKETS: r = times(n, c->saves_small); break;
	case MSC_DIAG_HOST_LIMITED: r = times(n, c->saves_limit); break;
	case MSC_DIAG_MEDIUM_BOUND: r.most = msc_whole(c, z); break;
	case MSC_DIAG_BUS_BOUND: r.most = 0; break;
	case MSC_DIAG_HOST_PACED:
	case MSC_DIAG_PER_COMMAND_COST:
	case MSC_DIAG_WRITE_PAUSES:
	case MSC_DIAG_PAGE_MERGE:
	case MSC_DIAG_SMALL_BUFFER:
	case MSC_DIAG_BLOCK_BY_BLOCK:
	case MSC_DIAG_POLLING:
	case MSC_DIAGS: break;
	}
	if ((id < MSC_DIAG_HOST_PACED || id == MSC_DIAG_PER_COMMAND_COST) && r.most > 0)
		in_frames(c, z, &r);
	r.most = fmax(0, fmin(r.most, msc_whole(c, z) - needed));
	r.least = fmin(r.least, r.most);
	if (elsewhere > 0 && c->saves_tick.most > 0) /* of what it takes then */
		r.most = fmax(r.most, msc_whole(c, z) * (1 - needed / (n * elsewhere)));
	return r;
}

struct msc_shares msc_shares_of(const struct msc_costs *c, enum msc_diagnosis_id id)
{
	struct msc_shares sum = { 0 };
	size_t n = 0;

	for (size_t i = c->p->n_sizes; i-- > 0;) {
		const struct msc_pace_size *z = &c->p->sizes[i];
		double all = msc_whole(c, z);
		struct msc_range r;

		if (!z->blocks || all <= 0)
			continue;
		r = saving(c, id, z);
		sum.cost += msc_cost_of(c, id, z) / all;
		sum.saves.least += r.least / all;
		sum.saves.most += r.most / all;
		n++;
		if (c->set == MSC_PACE_QUEUED)
			break;
	}
	if (!n)
		return sum;
	sum.cost /= (double)n;
	sum.saves = times(1 / (double)n, sum.saves);
	return sum;
}

void msc_advise_path(const struct msc_pace *p, struct msc_diagnosis *d)
{
	snprintf(
		d->advice, sizeof d->advice,
		"not for the firmware to fix: a hub translates between high and full speed, and "
		"its translator and what else is plugged into it take %.0f %%; without them a block "
		"needs %s. A port of the host itself, a hub with a translator for each port, or "
		"fewer neighbours help, or a device of high speed",
		100 * (1 - p->alone_ns / p->bus_ns), msc_ns(p->alone_ns).s);
}
