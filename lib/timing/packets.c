/* SPDX-License-Identifier: BSD-2-Clause */
/* What the packets of a block cost beyond the wire: that they are smaller than this speed allows, and that each is
 * handed to the peripheral only when the one before has gone. Both are seen within a block, where no medium is
 * waited for; a second buffer hides neither. */
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "timing/arrivals.h"
#include "timing/costs.h"
#include "timing/work.h"
#include "wire/cost.h"

#define TOGETHER \
	0.4 /* of a packet's time: two that are seen so near each other were reported together */
#define FED_VAGUE 0.1 /* of the waiting between packets: what of it is the wire's own pauses */
#define VAGUE	  0.03 /* of a block's time */
#define BOTH	  1.15 /* times the time of sending a block: nothing else is as slow */

/* Of one long read. */
struct within {
	double span_ns, blocks; /* from the first packet of a block to its last; how many blocks */
	double waited_ns, naks,
		all_naks; /* without packets; between those of one block; all. -1: not seen */
	bool together; /* packets of a block were reported together */
};

static struct within look_within(const struct msc_pace_stream *x, size_t per_block,
				 double packet_ns)
{
	struct within w = { .blocks = x->blocks };

	for (size_t i = per_block; i < x->pieces; i++) {
		double gap = (double)(x->seen_ns[i] - x->seen_ns[i - 1]);

		w.waited_ns += gap - packet_ns;
		if (x->naks[i] < 0)
			w.all_naks = -1;
		else if (w.all_naks >= 0)
			w.all_naks += x->naks[i];
		if (i % per_block == 0)
			continue;
		w.naks += x->naks[i];
		w.span_ns += gap;
		w.together |= gap < TOGETHER * packet_ns;
	}
	w.blocks -= 1;
	return w;
}

/* Where each packet is seen when it has passed, by that; else by the share that those between the packets of a
 * block have in all refused polls, of the time without packets. */
double msc_fed_ns(const struct msc_pace_samples *s, double packet_ns)
{
	size_t per_block = s->piece ? s->block_size / s->piece : 0;
	struct within sum = { 0 };

	if (per_block < 2 || s->translated)
		return 0;
	if (s->packet && s->piece > s->packet) /* what is seen is pieces of several packets */
		packet_ns *= s->piece / s->packet;
	for (size_t i = 0; i < s->n_streams; i++) {
		struct within w;

		if (s->streams[i].paused || s->streams[i].blocks < 3)
			continue;
		w = look_within(&s->streams[i], per_block, packet_ns);
		sum.span_ns += w.span_ns;
		sum.waited_ns += w.waited_ns;
		sum.blocks += w.blocks;
		sum.naks += w.naks;
		sum.all_naks = w.all_naks < 0 || sum.all_naks < 0 ? -1 : sum.all_naks + w.all_naks;
		sum.together |= w.together;
	}
	if (sum.blocks <= 0)
		return 0;
	if (!sum.together)
		return fmax(0, sum.span_ns / sum.blocks - (double)(per_block - 1) * packet_ns);
	return sum.all_naks > 0 ? fmax(0, sum.waited_ns) / sum.blocks * sum.naks / sum.all_naks : 0;
}

/* What lasts at least as long as the bus needs for its blocks says nothing. */
static bool is_too_quick(const struct msc_pace_samples *s, uint32_t blocks, int64_t ns)
{
	double packets = (double)blocks * s->block_size / s->packet;

	return blocks > 1 && ns > 0 &&
	       (double)ns < packets * msc_packet_pace_ns(s->speed, 8.0 * s->packet);
}

void msc_pace_settle_packet(struct msc_pace_samples *s)
{
	uint32_t most = msc_bulk_packet(s->speed);
	bool quick = false;

	if (!s->packet || s->packet >= most)
		return;
	for (size_t i = 0; i < s->n_streams && !quick; i++)
		quick = is_too_quick(s, s->streams[i].blocks,
				     s->streams[i].csw_ns - s->streams[i].began_ns);
	for (size_t i = 0; i < s->n_commands && !quick; i++)
		quick = is_too_quick(s, s->commands[i].blocks,
				     s->commands[i].csw_ns - s->commands[i].began_ns);
	for (size_t i = 0; i < s->n_written && !quick; i++)
		quick = is_too_quick(s, s->written[i].blocks,
				     s->written[i].csw_ns - s->written[i].began_ns);
	if (quick)
		s->packet = most;
}

void msc_weigh_packets(struct msc_pace_work *w, double bits)
{
	const struct msc_pace_samples *s = w->s;
	struct msc_pace *p = w->p;
	uint32_t largest = msc_largest_packet(s->speed);
	double pace = msc_packet_pace_ns(s->speed, bits), ratio;

	p->packet = s->packet;
	p->large_bus_ns = p->bus_ns;
	if (s->packet && s->packet < largest && s->block_size >= largest) {
		ratio = (double)largest / s->packet;
		p->large_bus_ns = s->block_size / (double)largest *
				  (msc_packet_pace_ns(s->speed, bits * ratio) + p->path_more_ns);
	}
	p->fed_ns = msc_fed_ns(s, pace);
	if (p->fed_ns < FED_LEAST * p->bus_ns)
		p->fed_ns = 0;
}

double msc_sends_ns(const struct msc_pace *p)
{
	return p->bus_ns + p->fed_ns + p->limited.within_ns;
}

double msc_sends_chunk_ns(const struct msc_pace *p)
{
	return msc_sends_ns(p) * p->chunk;
}

double msc_sends_ticks_ns(const struct msc_pace *p)
{
	double tick = p->tick.period_ns;

	return ceil(msc_sends_chunk_ns(p) / tick) * tick;
}

/* ---- what they cost, and what mending saves ------------------------------------------------------ */

/* With two buffers it is the slower of medium and sending that counts. */
static bool counts(const struct msc_pace *p)
{
	return p->buffers == 1 || p->buffers_unseen || p->block_ns <= 0 ||
	       p->block_ns < BOTH * msc_sends_ns(p);
}

void msc_divide_packets(struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double most = fmax(0, c->rest - p->large_bus_ns);

	if (!counts(p))
		return;
	c->fed = fmin(p->fed_ns, most);
	c->small = fmin(p->bus_ns - p->large_bus_ns, most - c->fed);
	c->rest -= c->fed + c->small;
}

/* What stays of a block with two buffers, when sending it is quicker: what the first block took at most. */
static double stays(const struct msc_costs *c)
{
	const struct msc_pace *p = c->p;

	return p->buffers == 1 || p->first_ns < 0 ? 0 : fmin(p->block_ns, p->first_ns);
}

/* `ns` less of sending a block, known to `vague`. What else is rounded up to ticks may hide it, or add a tick. */
static struct msc_range quicker(const struct msc_costs *c, double tick, double least, double most)
{
	const struct msc_pace *p = c->p;
	struct msc_range r = { least - VAGUE * p->block_ns, most + VAGUE * p->block_ns };

	if (p->buffers != 1) /* the medium is the next limit */
		r.least = fmin(r.least, p->block_ns - fmax(stays(c), msc_sends_ns(p) - most));
	if (tick > 0 || p->buffers_unseen || c->interrupt > 0)
		r.least = 0;
	if (tick > 0 && p->chunk)
		r.most += tick / p->chunk;
	r.least = fmax(0, fmin(r.least, r.most));
	return r;
}

void msc_bound_packets(struct msc_costs *c, double tick)
{
	const struct msc_pace *p = c->p;
	double small = p->bus_ns - p->large_bus_ns, fewer = 1 - p->large_bus_ns / p->bus_ns;

	if (p->block_ns <= 0)
		return;
	if (p->fed_ns > 0)
		c->saves_fed =
			quicker(c, tick, counts(p) ? (1 - FED_VAGUE) * c->fed : 0, p->fed_ns);
	if (small > 0)
		c->saves_small =
			quicker(c, tick, counts(p) ? c->small : 0, small + fewer * p->fed_ns);
}

/* ---- words ------------------------------------------------------------------------------------- */

void msc_words_fed(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;

	d->sure = p->buffers ? MSC_PACE_SHOWN : MSC_PACE_LIKELY;
	snprintf(
		d->evidence, sizeof d->evidence,
		"the device keeps the host waiting within a block, too: its %u packets take %s, of "
		"which the bus needs %s, so each packet is handed over only when the one before "
		"has gone",
		p->block_size / p->packet, msc_ns(msc_sends_ns(p)).s, msc_ns(p->bus_ns).s);
	snprintf(d->advice, sizeof d->advice,
		 "hand the peripheral a whole block at once (DMA, or a FIFO that is filled ahead); "
		 "where it takes single packets only, have two in it in turn (a double-buffered "
		 "endpoint), so that the next is copied while one is sent");
}

void msc_words_small(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	uint32_t largest = msc_largest_packet(p->speed);

	d->sure = MSC_PACE_SHOWN;
	snprintf(
		d->evidence, sizeof d->evidence,
		"bulk-in has packets of %u bytes: a block is %u of them, which need %s on the bus; "
		"%u of %u bytes need %s",
		p->packet, p->block_size / p->packet, msc_ns(p->bus_ns).s, p->block_size / largest,
		largest, msc_ns(p->large_bus_ns).s);
	snprintf(d->advice, sizeof d->advice,
		 "give the bulk endpoints a wMaxPacketSize of %u, the most at this speed (USB 2.0, "
		 "5.8.3), and send packets of that size",
		 largest);
}
