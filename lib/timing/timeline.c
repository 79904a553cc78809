/* SPDX-License-Identifier: BSD-2-Clause */
/* The picture of one exchange: who does what when. Where completions are seen at once, places on
 * the bus are exact. Where they are seen at the end of a frame, they are reckoned: from the NAKs,
 * which took their time; without these, as late as the frame allows. */
#include <math.h>

#include "timing/pace.h"
#include "wire/cost.h"

/* Packets' time: where NAKs are not counted, a longer gap on the bus is one in which the device had nothing. */
#define APART	    3.0
#define APART_EXACT 1.0 /* where places on the bus are seen */

#define TICKS_MAX 35 /* in the picture: more would fill the lane */

struct drawing {
	const struct msc_pace_stream *x;
	const struct msc_pace *p;
	struct msc_timeline *t;
	double zero; /* the CBW was submitted */
	double nak_ns; /* one refused poll, or what it takes at least */
};

static void add(struct drawing *d, enum msc_lane lane, enum msc_span_kind kind, double from,
		double to)
{
	struct msc_timeline *t = d->t;

	if (lane == MSC_LANE_BUS && to > from)
		*(kind == MSC_SPAN_NAK    ? &t->asks_ns
		  : kind == MSC_SPAN_WAIT ? &t->waits_ns
					  : &t->carries_ns) += to - from;
	if (t->n == MSC_SPANS_MAX || (to <= from && kind != MSC_SPAN_TICK))
		return;
	t->span[t->n++] = (struct msc_span){ lane, kind, from - d->zero, to - d->zero };
}

static void draw_host(struct drawing *d)
{
	const struct msc_pace_stream *x = d->x;
	double last = (double)x->seen_ns[x->pieces - 1];

	if (x->queued) {
		add(d, MSC_LANE_HOST, MSC_SPAN_ALL, d->zero, (double)x->csw_ns);
		return;
	}
	add(d, MSC_LANE_HOST, MSC_SPAN_CBW, d->zero, (double)x->cbw_ns);
	add(d, MSC_LANE_HOST, MSC_SPAN_DATA, (double)x->asked_ns, last);
	add(d, MSC_LANE_HOST, MSC_SPAN_CSW, (double)x->status_ns, (double)x->csw_ns);
}

/* When a packet that was seen at `seen` began, if the bus was free from `free` on and so many polls
 * were refused first. `behind`: how many more were seen at the same instant. */
static double place(const struct drawing *d, double seen, double free, int32_t naks, size_t behind,
		    double packet_ns)
{
	double latest = seen - (double)(behind + 1) * packet_ns;

	if (d->t->exact)
		return fmax(free, seen - packet_ns);
	if (naks < 0)
		return latest;
	return fmax(free, fmin(latest, fmax(free + naks * d->nak_ns, seen - d->p->host.period_ns)));
}

static size_t seen_together(const struct msc_pace_stream *x, size_t i)
{
	size_t n = 0;

	while (i + n + 1 < x->pieces && x->seen_ns[i + n + 1] == x->seen_ns[i])
		n++;
	return n;
}

/* The host asks from `from` on and the device has nothing until `to`; it has been at work since
 * `since`. */
static void draw_wait(struct drawing *d, double since, double from, double to)
{
	add(d, MSC_LANE_BUS, MSC_SPAN_NAK, from, to);
	add(d, MSC_LANE_MEDIUM, MSC_SPAN_WORKS, since, to);
}

static void draw_transfer(struct drawing *d, enum msc_span_kind kind, double from, double to)
{
	add(d, MSC_LANE_BUS, kind, from, to);
}

/* Is there a gap on the bus before a packet? `naks`: polls refused in it, -1: not known. */
static bool is_gap(const struct drawing *d, double gap, int32_t naks)
{
	double apart = d->t->exact ? APART_EXACT : APART;

	return gap > (naks > 0 ? 0 : apart * d->p->piece_ns);
}

/* From the end of a transfer on the bus until software knows, where that is at the end of a frame and
 * nothing else is under way. */
static void draw_end(struct drawing *d, double over, int64_t seen)
{
	if (d->p->host.locked && (double)seen - over > APART * d->p->piece_ns)
		add(d, MSC_LANE_BUS, MSC_SPAN_WAIT, over, (double)seen);
}

/* With a second buffer the medium is read while the data before it is sent: all of the time until the
 * last chunk goes, and not only when the host is kept waiting. */
static void draw_overlap(struct drawing *d, double since, double last)
{
	size_t kept = 0;

	if (d->p->buffers < 2 || d->x->blocks < 2)
		return;
	d->t->overlaps = true;
	for (size_t i = 0; i < d->t->n; i++)
		if (d->t->span[i].lane != MSC_LANE_MEDIUM)
			d->t->span[kept++] = d->t->span[i];
	d->t->n = kept;
	add(d, MSC_LANE_MEDIUM, MSC_SPAN_WORKS, since, last);
}

/* The first piece of the last chunk. */
static size_t last_chunk(const struct drawing *d)
{
	size_t chunk = d->p->chunk ? d->p->chunk : 1, blocks = d->x->blocks;

	return (blocks - 1) / chunk * chunk * d->x->pieces / blocks;
}

static void draw_ticks(struct drawing *d)
{
	const struct msc_pace_lock *k = &d->p->tick;
	double at, end = d->zero + d->t->end_ns;

	if (!k->locked || d->p->tick_clock == MSC_PACE_CLOCK_HOST || k->period_ns <= 0 ||
	    d->t->end_ns / k->period_ns > TICKS_MAX)
		return;
	at = k->phase_ns + ceil((d->zero - k->phase_ns) / k->period_ns) * k->period_ns;
	for (; at < end; at += k->period_ns)
		add(d, MSC_LANE_TICKS, MSC_SPAN_TICK, at, at);
}

/* Returns when the data has gone. `at`: when the CBW had. */
static double draw_data(struct drawing *d, double at)
{
	const struct msc_pace_stream *x = d->x;
	double asked = fmax(at, (double)x->asked_ns), free = asked, began = -1, since = at;

	for (size_t i = 0; i < x->pieces; i++) {
		double from = place(d, (double)x->seen_ns[i], free, x->naks[i], seen_together(x, i),
				    d->p->piece_ns);
		bool gap = is_gap(d, from - free, x->naks[i]);

		if (gap || began < 0) {
			if (began >= 0)
				draw_transfer(d, MSC_SPAN_DATA, began, free);
			if (gap && x->naks[i])
				draw_wait(d, since, free, from);
			began = from;
		}
		if (i == last_chunk(d))
			draw_overlap(d, at, from);
		free = since = from + d->p->piece_ns;
	}
	draw_transfer(d, MSC_SPAN_DATA, began, free);
	return free;
}

static void draw_status(struct drawing *d, double at)
{
	const struct msc_pace_stream *x = d->x;
	double packet_ns = msc_packet_ns(d->p->speed, 8.0 * MSC_CSW_LEN);
	double free = fmax(at, (double)x->status_ns);
	double from = place(d, (double)x->csw_ns, free, x->csw_naks, 0, packet_ns);

	if (is_gap(d, from - free, x->csw_naks) && x->csw_naks) /* the medium has been read */
		add(d, MSC_LANE_BUS, MSC_SPAN_NAK, free, from);
	draw_transfer(d, MSC_SPAN_CSW, from, from + packet_ns);
	draw_end(d, from + packet_ns, x->csw_ns);
}

bool msc_timeline_of(const struct msc_pace_stream *x, const struct msc_pace *p,
		     struct msc_timeline *t)
{
	struct drawing d = { x, p, t, (double)x->began_ns, p->nak_period_ns };
	double cbw_ns = msc_packet_ns(p->speed, 8.0 * MSC_CBW_LEN), over;

	*t = (struct msc_timeline){ .blocks = x->blocks, .queued = x->queued };
	if (!x->pieces || x->csw_ns <= x->began_ns)
		return false;
	t->exact = !p->host.locked || p->host.period_ns < 2 * p->piece_ns;
	if (d.nak_ns <= 0)
		d.nak_ns = msc_packet_ns(p->speed, 0);
	t->end_ns = (double)(x->csw_ns - x->began_ns);
	draw_host(&d);
	draw_transfer(&d, MSC_SPAN_CBW, d.zero, d.zero + cbw_ns);
	if (!x->queued)
		draw_end(&d, d.zero + cbw_ns, x->cbw_ns);
	over = draw_data(&d, d.zero + cbw_ns);
	if (!x->queued)
		draw_end(&d, over, x->seen_ns[x->pieces - 1]);
	draw_status(&d, over);
	draw_ticks(&d);
	return true;
}
