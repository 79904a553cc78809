/* SPDX-License-Identifier: BSD-2-Clause */
/* A host that takes fewer packets a frame than fit. What tells it from a device that is not ready is that it
 * does not ask: a frame ends with time left, after as many packets as the fullest of all frames had, and the
 * next one begins with a packet that was not refused once. Where polls are not seen, only packets within a
 * block count, which lie ready with those before them. See docs/pacing.md. */
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "timing/limited.h"
#include "wire/cost.h"

#define FULL_LEAST    8	   /* full frames that are seen, for anything to be said */
#define FULL_SHARE 0.5 /* of the frames with the most packets: the host ended at least so many */
#define REFUSED_LEAST 8	   /* polls of a first block, to tell how long one takes */
#define SPREAD 0.15 /* of a frame: polls of first blocks differ by so much, to tell it by that */
#define POLL_ERROR    0.03 /* of its time */
#define POLL_SHORTEST 0.6  /* of a packet without data: a token and a NAK */
#define READY_PART    0.25 /* of a first block's time: until one that is ready is handed over */
#define FIRST_VAGUE   1.2  /* times a first block's: what the medium needs for another */
#define ELSEWHERE 0.2 /* of a block's: chosen, so that tests/bench/bench_pace keeps to the ranges */
#define VAGUE	      0.03 /* of a block's */
#define LEAST	      0.03 /* of what a block needs on the bus */
#define FRAME_NEXT 1.5 /* frames: from one packet to the other, in frames that follow each other */
#define GAP_LEAST     2.5  /* packets: between two that followed each other at the ends of frames */

/* Of the long reads without a pause. */
struct counted {
	size_t frames; /* that had packets, and were followed by more */
	uint32_t most; /* packets in one */
	/* frames with so many; those that the host ended; of these, within a block */
	size_t with_most, full, within;
	double left_ns, within_ns;	/* of those */
	double blocks, naks, idle_ns;
};

static double frame_ns(const struct msc_pace *p)
{
	return p->speed == MSC_SPEED_FULL ? MSC_PACE_FRAME_NS : MSC_PACE_MICROFRAME_NS;
}

static bool not_refused(const struct msc_pace_stream *x, size_t i, size_t per_block)
{
	return x->naks[i] == 0 || (x->naks[i] < 0 && i % per_block != 0);
}

/* One end of a frame, before packet i; n packets were in it. */
struct turn {
	size_t i, n;
	bool full;	/* packet i is in the very next frame, and was not refused */
	double left_ns; /* from the last packet to that, where it is seen */
};

static void add(struct counted *c, const struct turn *t, size_t per_block)
{
	c->frames++;
	if (t->n > c->most) {
		c->most = (uint32_t)t->n;
		c->with_most = c->full = c->within = 0;
		c->left_ns = c->within_ns = 0;
	}
	if (t->n < c->most)
		return;
	c->with_most++;
	if (!t->full)
		return;
	c->full++;
	c->left_ns += t->left_ns;
	if (t->i % per_block == 0)
		return;
	c->within++;
	c->within_ns += t->left_ns;
}

/* Packets that are seen at one end of a frame were in it. */
static void count_frames(const struct msc_pace_work *w, const struct msc_pace_stream *x,
			 size_t per_block, struct counted *c)
{
	double frame = w->p->host.period_ns;
	size_t first = 0;

	for (size_t i = 1; i < x->pieces; i++) {
		double gap = (double)(x->seen_ns[i] - x->seen_ns[i - 1]);
		struct turn t = { .i = i, .n = i - first };

		if (gap < frame / 2)
			continue;
		t.full = gap < FRAME_NEXT * frame && x->naks[i] == 0;
		add(c, &t, per_block);
		first = i;
	}
}

/* The time of a refused poll, by first blocks: from the CBW on nothing but polls passes until they come. Where they
 * come at a tick, wherever that is in the host's frames, a command that begins so much later meets so much fewer.
 * 0: it cannot be told. */
static double refused_ns(const struct msc_pace_work *w)
{
	double n = 0, x = 0, y = 0, xx = 0, xy = 0, ratio, slope;
	double first =
		msc_packet_ns(w->p->speed, 8.0 * MSC_CBW_LEN) + w->p->piece_ns + w->half_frame;

	for (size_t k = 0; k < w->s->n_streams; k++) {
		const struct msc_pace_stream *s = &w->s->streams[k];
		double naks, ns;

		if (!s->pieces || !s->queued || s->naks[0] < 0)
			continue;
		naks = s->naks[0];
		ns = (double)(s->seen_ns[0] - s->began_ns);
		n++;
		x += naks;
		y += ns;
		xx += naks * naks;
		xy += naks * ns;
	}
	if (n < FULL_LEAST || x < REFUSED_LEAST * n)
		return 0;
	ratio = (y / n - first) / (x / n);
	slope = (n * xy - x * y) / fmax(1e-9, n * xx - x * x);
	return sqrt(fmax(0, n * xx - x * x)) / n * ratio > SPREAD * w->p->host.period_ns ? slope
											 : ratio;
}

/* Of a read the time that neither packets nor polls take. */
static void weigh_read(const struct msc_pace_work *w, const struct msc_pace_stream *x,
		       struct counted *c)
{
	double ns = (double)(x->seen_ns[x->pieces - 1] - x->seen_ns[0]), pace = w->p->bus_ns;

	for (size_t i = 1; i < x->pieces; i++)
		c->naks += x->naks[i];
	c->idle_ns += ns - (double)(x->pieces - 1) * pace * w->s->piece / w->s->block_size;
}

/* Each packet is seen when it has passed: what lies between two of which the second was not refused is the
 * host's. Frames begin where such gaps end. */
static void count_gaps(const struct msc_pace_work *w, const struct msc_pace_stream *x,
		       size_t per_block, double since_ns, struct counted *c)
{
	double frame = frame_ns(w->p), piece = w->p->piece_ns;
	size_t first = 0;

	for (size_t i = 1; i < x->pieces; i++) {
		double gap = (double)(x->seen_ns[i] - x->seen_ns[i - 1]);
		double turns = floor(((double)x->seen_ns[i] - piece - since_ns) / frame) -
			       floor(((double)x->seen_ns[i - 1] - piece - since_ns) / frame);
		struct turn t = { .i = i, .n = i - first, .left_ns = gap - piece };

		if (turns < 1)
			continue;
		t.full = turns < FRAME_NEXT && gap > GAP_LEAST * piece &&
			 not_refused(x, i, per_block);
		add(c, &t, per_block);
		first = i;
	}
}

/* A frame's beginning, where each packet is seen: by the ends of gaps in which a packet was not refused. NAN: there
 * is none, or they keep to none. */
static double frame_began(const struct msc_pace_work *w, size_t per_block)
{
	double frame = frame_ns(w->p), piece = w->p->piece_ns, x = 0, y = 0, first = NAN, r;
	size_t n = 0;

	for (size_t k = 0; k < w->s->n_streams; k++)
		for (size_t i = 1; i < w->s->streams[k].pieces; i++) {
			const struct msc_pace_stream *s = &w->s->streams[k];
			double at = (double)s->seen_ns[i] - piece, turn;

			if (s->paused || !not_refused(s, i, per_block) ||
			    (double)(s->seen_ns[i] - s->seen_ns[i - 1]) < GAP_LEAST * piece)
				continue;
			first = n ? first : at;
			turn = 2 * M_PI * (at - first) / frame;
			x += cos(turn);
			y += sin(turn);
			n++;
		}
	r = n ? hypot(x, y) / (double)n : 0;
	return n >= FULL_LEAST && r > .95 ? first + atan2(y, x) / (2 * M_PI) * frame - piece / 2
					  : NAN;
}

/* Where frames are seen, it is what is left of the reads, to what the time of a poll is uncertain by. */
static void take_frames(const struct msc_pace_work *w, const struct counted *c,
			struct msc_pace_limited *l)
{
	double poll = refused_ns(w), usual = msc_packet_ns(w->p->speed, 0), part = POLL_ERROR,
	       polls, ns, error;

	if (poll < POLL_SHORTEST * usual) { /* a host whose frame is full with the CBW */
		poll = usual;
		part = .5;
	}
	polls = c->naks * poll / c->blocks;
	ns = c->idle_ns / c->blocks - polls;
	error = part * polls + VAGUE * w->p->bus_ns;
	l->least_ns = fmax(0, ns - error);
	l->most_ns = fmax(0, ns + error);
	l->within_ns = ns * (double)c->within / (double)c->full;
}

void msc_find_limit(struct msc_pace_work *w)
{
	const struct msc_pace_samples *s = w->s;
	struct msc_pace *p = w->p;
	struct msc_pace_limited l = { 0 };
	size_t per_block = s->piece ? s->block_size / s->piece : 0;
	bool frames = p->host.locked && !s->bus;
	double since = 0;
	struct counted c = { 0 };

	if (!per_block || s->translated || s->piece != s->packet || p->speed > MSC_SPEED_HIGH)
		return;
	if (!frames)
		since = frame_began(w, per_block);
	for (size_t i = 0; i < s->n_streams && !isnan(since); i++) {
		if (s->streams[i].paused || s->streams[i].blocks < 3)
			continue;
		if (frames) {
			count_frames(w, &s->streams[i], per_block, &c);
			weigh_read(w, &s->streams[i], &c);
		} else {
			count_gaps(w, &s->streams[i], per_block, since, &c);
		}
		c.blocks += s->streams[i].blocks - 1;
	}
	if (c.full < FULL_LEAST || (double)c.full < FULL_SHARE * (double)c.with_most ||
	    (c.most + 1) * p->piece_ns > frame_ns(p))
		return;
	l.packets = c.most;
	l.full = (double)c.with_most / (double)c.frames;
	l.least_ns = l.most_ns = c.left_ns / c.blocks;
	l.within_ns = c.within_ns / c.blocks;
	if (frames)
		take_frames(w, &c, &l);
	if (l.least_ns <= LEAST * p->bus_ns) /* no more than is uncertain */
		return;
	p->limited = l;
	p->fed_ns = p->fed_ns - l.within_ns < FED_LEAST * p->bus_ns ? 0 : p->fed_ns - l.within_ns;
	w->half_block = (per_block - 1) / 2. * w->packet_ns + (p->fed_ns + l.within_ns) / 2;
}

double msc_limit_ready(const struct msc_pace_samples *s, uint32_t chunk, double first_ns)
{
	double polls = READY_PART * first_ns / msc_packet_ns(s->speed, 0);
	size_t at = s->piece ? (size_t)(chunk > 1 ? chunk : 2) * (s->block_size / s->piece) : 0;
	double ready = 0, n = 0;

	for (size_t i = 0; i < s->n_streams && at; i++)
		if (s->streams[i].paused && s->streams[i].pieces > at) {
			if (s->streams[i].naks[at] < 0)
				return -1;
			ready += s->streams[i].naks[at] <= polls;
			n++;
		}
	return n >= FULL_LEAST ? ready / n : -1;
}

double msc_limit_floor_ns(const struct msc_pace *p)
{
	return p->limited.packets ? frame_ns(p) * p->block_size / p->packet / p->limited.packets
				  : 0;
}

static double left_ns(const struct msc_pace *p)
{
	return fmax(0, frame_ns(p) - p->limited.packets * p->piece_ns);
}

/* Its SETUP and its data are packets, too. */
double msc_limit_delays_ns(const struct msc_pace *p)
{
	double frames = p->limited.packets > 2 ? 0 : 3 - p->limited.packets;

	return p->limited.packets ? left_ns(p) + frames * frame_ns(p) : 0;
}

double msc_limit_delays_mean_ns(const struct msc_pace *p)
{
	double frames = p->limited.packets > 2 ? 1 : 4 - p->limited.packets;

	return p->limited.packets ? p->limited.full * frames * frame_ns(p) : 0;
}

/* ---- what it costs, and what a host saves that takes as many as fit --------------------------------------------- */

static double tick_of(const struct msc_costs *c)
{
	const struct msc_pace *p = c->p;

	return p->chunk && (msc_keeps_to_tick(p) || msc_hides_tick(p) || msc_wakes_by_tick(p))
		       ? p->tick.period_ns / p->chunk
		       : 0;
}

/* With one buffer what lies ready waits, and nothing else goes on. With two the medium works meanwhile. It needs about
 * as long as the first block took. */
static double surely(const struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double error =
		(p->limited.most_ns - p->limited.least_ns) / 2 + VAGUE * p->block_ns + tick_of(c);

	double idle = p->buffers == 1 ? p->limited.within_ns : p->limited.least_ns;
	double hidden = p->limited.packets == 1 ? frame_ns(p)
						: 0; /* the CBW has filled the frame */
	double left =
		p->block_ns - FIRST_VAGUE * fmax(fmax(p->first_ns, hidden), p->bus_ns + p->fed_ns);

	return p->first_ns < 0 ? 0 : fmin(idle, left) - error;
}

void msc_divide_limit(struct msc_costs *c)
{
	const struct msc_pace *p = c->p;
	double most = fmin(p->block_ns - p->bus_ns,
			   p->limited.most_ns + VAGUE * p->block_ns + tick_of(c));

	if (!p->limited.packets || p->block_ns <= 0)
		return;
	c->saves_limit = (struct msc_range){ fmax(0, fmin(surely(c), most)), most };
	c->limit = fmin((c->saves_limit.least + most) / 2, fmax(0, c->rest - p->large_bus_ns));
	c->rest -= c->limit;
}

/* Who mends something else still has this host. */
static void keep_limit(const struct msc_costs *c, struct msc_range *r)
{
	const struct msc_pace *p = c->p;
	double most = fmax(0, (1 + VAGUE) * p->block_ns - msc_limit_floor_ns(p));

	/* Commands that meet a tick elsewhere in the host's frames take longer, and gain more. */
	if (p->host.locked && !p->bus && tick_of(c) > 0)
		most += ELSEWHERE * p->block_ns;
	if (r->most > 0) /* what is less of a block begins with the packets of another frame */
		r->most += frame_ns(p) / p->limited.packets;

	r->most = fmin(r->most, most);
	r->least = fmax(0, fmin(r->most, r->least - p->limited.most_ns + p->limited.within_ns));
}

void msc_bound_limit(struct msc_costs *c)
{
	const struct msc_pace *p = c->p;

	if (!p->limited.packets || p->block_ns <= 0)
		return;
	keep_limit(c, &c->saves_interrupt);
	keep_limit(c, &c->saves_buffer);
	keep_limit(c, &c->saves_tick);
	keep_limit(c, &c->saves_fed);
	c->medium.least = fmax(0, c->medium.least - p->limited.most_ns +
					  (p->buffers == 1 ? p->limited.within_ns : 0));
}

void msc_words_limit(const struct msc_costs *c, struct msc_diagnosis *d)
{
	const struct msc_pace *p = c->p;
	const char *frame = p->speed == MSC_SPEED_FULL ? "frame" : "microframe";
	char asks[40];

	snprintf(asks, sizeof asks, "%s", msc_ns(p->limited.most_ns).s);
	d->sure = MSC_PACE_SHOWN;
	snprintf(
		d->evidence, sizeof d->evidence,
		"no %s has more than %u packets of data, of the %.0f that fit: then the host does not ask until "
		"the next one, and is not refused there; that is %s of a block's %s at most, %s of it while the "
		"rest of a block lies ready",
		frame, p->limited.packets, floor(frame_ns(p) / p->piece_ns), asks,
		msc_ns(p->block_ns).s, msc_ns(fmax(0, p->limited.within_ns)).s);
	snprintf(
		d->advice, sizeof d->advice,
		"not for the firmware to fix: the host's controller, or a hub, takes %u packets a %s; measure at "
		"another host before the firmware is changed. Here a block takes %s at least, whatever the device "
		"does",
		p->limited.packets, frame, msc_ns(fmax(msc_limit_floor_ns(p), p->bus_ns)).s);
}
