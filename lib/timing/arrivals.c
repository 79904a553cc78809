/* SPDX-License-Identifier: BSD-2-Clause */
/* What the long reads say of one block after the other: how far apart they come, how many come
 * together, how many are ready after a pause, and within which interval each began to arrive. */
#include <math.h>
#include <stdlib.h>

#include "stats/stats.h"
#include "timing/arrivals.h"
#include "timing/work.h"

#define NAK_ERROR    0.0005 /* of the time that a refused poll takes */
#define POLL_ERROR_NS 300.0
#define NAK_STEPS    24
#define DOUBT_MOST   0.1
#define SOF_NS	     5000.0 /* of a start of frame, and what may precede the first packet */
#define AFTER_PAUSE  4 /* so many chunks do not show the pace of a long read */
#define PATH_LEAST   16	/* blocks, to tell how long a packet takes behind a hub */
#define CONCENTRATED 0.85 /* share of the waiting that lies between chunks */

static size_t pieces_per_block(const struct msc_pace_samples *s)
{
	return s->piece ? s->block_size / s->piece : 0;
}

/* When its packets were seen, on average: that is rounded up by frames less coarsely than one of
 * them. `since` keeps the sum exact. */
static double block_seen(const struct msc_pace_samples *s, const struct msc_pace_stream *x,
			 uint32_t block, int64_t since)
{
	size_t n = pieces_per_block(s);
	double sum = 0;

	for (size_t i = block * n; i < (block + 1) * n; i++)
		sum += (double)(x->seen_ns[i] - since);
	return sum / (double)n;
}

static bool usable(const struct msc_pace_stream *x, bool paused, uint32_t blocks)
{
	return x->paused == paused && x->blocks == blocks && x->blocks > 2;
}

uint32_t msc_stream_blocks(const struct msc_pace_samples *s, bool paused)
{
	for (size_t i = 0; i < s->n_streams; i++)
		if (s->streams[i].paused == paused && s->streams[i].blocks > 2)
			return s->streams[i].blocks;
	return 0;
}

static double duration(const struct msc_pace_stream *x)
{
	return (double)(x->csw_ns - (x->paused ? x->resumed_ns : x->began_ns));
}

/* The duration above which a read was disturbed. */
static int limit_of(const struct msc_pace_samples *s, bool paused, uint32_t blocks, double *limit,
		    struct msc_err *err)
{
	double *x = calloc(s->n_streams + 1, sizeof *x);
	size_t n = 0;

	if (!x)
		return msc_nomem(err);
	for (size_t i = 0; i < s->n_streams; i++)
		if (usable(&s->streams[i], paused, blocks))
			x[n++] = duration(&s->streams[i]);
	*limit = msc_disturbed_above(x, n);
	free(x);
	return 0;
}

int msc_mean_gaps(const struct msc_pace_samples *s, bool paused, uint32_t blocks, double *gap,
		  struct msc_err *err)
{
	double limit = 0;
	size_t n = 0;

	if (limit_of(s, paused, blocks, &limit, err) < 0)
		return -1;
	for (uint32_t k = 0; k < blocks; k++)
		gap[k] = 0;
	for (size_t i = 0; i < s->n_streams; i++) {
		const struct msc_pace_stream *x = &s->streams[i];
		int64_t since = paused ? x->resumed_ns : x->began_ns;
		double from = 0;

		if (!usable(x, paused, blocks) || duration(x) > limit)
			continue;
		n++;
		for (uint32_t k = paused ? 1 : 0; k < blocks; k++) {
			double at = block_seen(s, x, k, since);

			gap[k] += at - from;
			from = at;
		}
	}
	for (uint32_t k = 0; n && k < blocks; k++)
		gap[k] /= (double)n;
	return 0;
}

/* Sums keep their signs, so that what frames round up in one gap they take back in another. */
uint32_t msc_chunk_of(const double *gap, uint32_t blocks, double bus_ns)
{
	double all = 0;
	uint32_t best = 1;

	for (uint32_t k = 1; k < blocks; k++)
		all += gap[k] - bus_ns;
	if (all <= 0)
		return 0;
	for (uint32_t chunk = 2; chunk <= blocks / 3; chunk++) {
		double between = 0;

		for (uint32_t k = chunk; k < blocks; k += chunk)
			between += gap[k] - bus_ns;
		if (between >= CONCENTRATED * all)
			best = chunk;
	}
	return best;
}

/* From the first packet of a block to its last; 0: the device was not ready in between. */
static int64_t span_of(const struct msc_pace_stream *x, size_t first, size_t packets)
{
	for (size_t i = first + 1; i < first + packets; i++)
		if (x->naks[i] > 0)
			return 0;
	return x->seen_ns[first + packets - 1] - x->seen_ns[first];
}

double msc_path_ns(const struct msc_pace_samples *s)
{
	size_t packets = pieces_per_block(s), blocks = 0, gaps = 0;
	double sum = 0, whole = 0;

	if (!s->translated || packets < 2)
		return 0;
	for (size_t i = 0; i < s->n_streams; i++) {
		const struct msc_pace_stream *x = &s->streams[i];

		if (x->paused || x->pieces < packets)
			continue;
		whole += (double)(x->seen_ns[x->pieces - 1] - x->seen_ns[0]);
		gaps += x->pieces - 1;
		for (size_t k = 0; k + packets <= x->pieces; k += packets) {
			int64_t ns = span_of(x, k, packets);

			sum += (double)ns;
			blocks += ns > 0;
		}
	}
	if (blocks < PATH_LEAST)
		return 0;
	return fmin(sum / (double)blocks / (double)(packets - 1), whole / (double)gaps);
}

/* ---- intervals ------------------------------------------------------------------------------- */

struct interval {
	double lo, hi;
};

/* Completions of one boundary may differ by what software needs to look at each of them. */
static bool frame_wise(const struct msc_pace_view *v)
{
	return v->host->locked && !v->s->bus && v->host->period_ns > 2 * v->piece_ns;
}

/* When packet i began, if completions are seen at the frame's end only. */
static struct interval within_frame(const struct msc_pace_view *v, const struct msc_pace_stream *x,
				    size_t i, size_t per_chunk)
{
	size_t first = i, end = i + 1;
	double seen = (double)x->seen_ns[i];
	struct interval r;

	while (first > 0 && x->seen_ns[first - 1] == x->seen_ns[i])
		first--;
	while (end < x->pieces && x->seen_ns[end] == x->seen_ns[i])
		end++;
	r.hi = seen - (double)(end - i) * v->piece_ns;
	r.lo = seen - v->host->period_ns + (double)(i - first) * v->piece_ns;
	/* More of the same chunk was there, and did not fit; where it is of a later one, that says nothing. */
	if (end < x->pieces && end < i + per_chunk)
		r.lo = fmax(r.lo, r.hi - v->piece_ns);
	r.lo = fmin(r.lo, r.hi);
	return r;
}

/* When the chunk before packet i had gone, given the interval of its beginning. Its packets followed
 * each other at once; what a frame cut off went right after the frame's boundary. */
static struct interval chunk_end(const struct msc_pace_view *v, const struct msc_pace_stream *x,
				 size_t i, size_t per_chunk, const struct interval *before)
{
	size_t from = i - per_chunk, rest = 0;
	double packets = (double)per_chunk * v->piece_ns;

	for (size_t k = from + 1; k < i; k++) /* unless the device had them one by one only */
		packets += x->naks[k] * v->nak_ns;
	if (x->seen_ns[from] == x->seen_ns[i - 1])
		return (struct interval){ before->lo + packets, before->hi + packets };
	while (x->seen_ns[i - 1 - rest] == x->seen_ns[i - 1])
		rest++;
	packets = (double)x->seen_ns[i - 1] - v->host->period_ns + (double)rest * v->piece_ns;
	return (struct interval){ packets, packets + SOF_NS };
}

/* Piece i is the first that the host asks for after its pause. */
static bool resumes(const struct msc_pace_stream *x, size_t i)
{
	return x->paused && i && x->seen_ns[i - 1] < x->resumed_ns && x->seen_ns[i] > x->resumed_ns;
}

/* What the NAKs say: the polls that were refused took their time, from when the host began to ask. */
static struct interval by_naks(const struct msc_pace_view *v, const struct msc_pace_stream *x,
			       size_t i, size_t per_chunk, const struct interval *before)
{
	double refused = x->naks[i] * v->nak_ns, error = NAK_ERROR * refused + POLL_ERROR_NS;
	double asked = (double)(x->queued ? x->began_ns : x->asked_ns);
	struct interval r = { asked - v->nak_ns, asked + 2 * v->piece_ns };

	if (resumes(x, i))
		r = (struct interval){ (double)x->resumed_ns, (double)x->resumed_ns + v->nak_ns };
	else if (i)
		r = chunk_end(v, x, i, per_chunk, before);
	return (struct interval){ r.lo + refused - error, r.hi + refused + error };
}

/* What does not fit into a frame begins in the next one. */
static void push_over_boundary(const struct msc_pace_view *v, double seen, struct interval *r)
{
	double boundary = seen - v->host->period_ns;

	if (r->hi > boundary - 1.5 * v->piece_ns && r->lo < boundary) {
		r->lo = boundary - v->piece_ns;
		r->hi = fmax(r->hi, boundary + SOF_NS);
	}
}

/* The beginning of the packet i, which is the first of a chunk; *before is that of the chunk before
 * it, and becomes this one's. */
static struct interval arrival(const struct msc_pace_view *v, const struct msc_pace_stream *x,
			       size_t i, size_t per_chunk, struct interval *before)
{
	double at = (double)x->seen_ns[i] - v->piece_ns;
	struct interval r = { at, at };

	if (frame_wise(v)) {
		r = within_frame(v, x, i, per_chunk);
		if (v->nak_ns > 0) {
			struct interval n = by_naks(v, x, i, per_chunk, before);

			push_over_boundary(v, (double)x->seen_ns[i], &n);
			n.lo = fmax(n.lo, r.lo);
			n.hi = fmin(n.hi, r.hi);
			if (n.lo <= n.hi)
				r = n;
			else if (v->conflicts)
				++*v->conflicts;
		}
	}
	*before = r;
	return r;
}

static struct msc_event_time event(struct interval r, size_t group)
{
	return (struct msc_event_time){ (r.lo + r.hi) / 2, (r.hi - r.lo) / 2, group };
}

/* Where NAKs tell, what they do not tell is left out rather than mixed with it. */
static bool is_precise(const struct msc_pace_view *v, struct interval r, int32_t naks)
{
	if (v->limited && naks == 0)
		return false;
	return !frame_wise(v) || v->nak_ns <= 0 || r.hi - r.lo < 6 * v->piece_ns;
}

/* A stream's chunks in turn: the events of those that were waited for, after the first `skip`
 * (SIZE_MAX: of none). */
static size_t walk(const struct msc_pace_view *v, size_t group, size_t per_chunk, size_t skip,
		   struct msc_event_time *out)
{
	const struct msc_pace_stream *x = &v->s->streams[group];
	struct interval before = { 0, 0 };
	size_t n = 0;

	for (size_t p = 0; p < x->pieces; p += per_chunk) {
		struct interval r = arrival(v, x, p, per_chunk, &before);

		/* What was already there came at the bus's pace, whenever it was ready. */
		if (p && !frame_wise(v) &&
		    (double)(x->seen_ns[p] - x->seen_ns[p - 1]) < 1.5 * v->piece_ns)
			continue;
		if (p / per_chunk >= skip && is_precise(v, r, x->naks[p]))
			out[n++] = event(r, group);
	}
	return n;
}

int msc_arrivals(const struct msc_pace_view *v, uint32_t chunk, struct msc_event_time **out,
		 size_t *n, struct msc_err *err)
{
	size_t per_chunk = chunk * pieces_per_block(v->s), room = 1;

	*n = 0;
	for (size_t i = 0; i < v->s->n_streams; i++)
		room += v->s->streams[i].blocks + 1;
	*out = calloc(room, sizeof **out);
	if (!*out)
		return msc_nomem(err);
	for (size_t i = 0; i < v->s->n_streams && per_chunk; i++)
		*n += walk(v, i, per_chunk, v->s->streams[i].paused ? AFTER_PAUSE : 1, *out + *n);
	return 0;
}

int msc_first_arrivals(const struct msc_pace_view *v, struct msc_event_time **out, size_t *n,
		       struct msc_err *err)
{
	*n = 0;
	*out = calloc(v->s->n_streams + 1, sizeof **out);
	if (!*out)
		return msc_nomem(err);
	for (size_t i = 0; i < v->s->n_streams; i++) {
		const struct msc_pace_stream *x = &v->s->streams[i];
		struct interval before, r;

		if (!x->pieces)
			continue;
		r = arrival(v, x, 0, pieces_per_block(v->s), &before);
		if (is_precise(v, r, x->naks[0]))
			(*out)[(*n)++] = event(r, i);
	}
	return 0;
}

int msc_handed_arrivals(const struct msc_pace_view *v, uint32_t chunk, struct msc_event_time **out,
			size_t *n, struct msc_err *err)
{
	size_t per_chunk = chunk * pieces_per_block(v->s), handed = per_chunk * (chunk > 1 ? 1 : 2);

	*n = 0;
	*out = calloc(v->s->n_streams + 1, sizeof **out);
	if (!*out)
		return msc_nomem(err);
	for (size_t i = 0; i < v->s->n_streams && per_chunk; i++) {
		const struct msc_pace_stream *x = &v->s->streams[i];
		struct interval before = { 0, 0 }, r = { 0, 0 };

		if (!x->paused || x->pieces <= handed)
			continue;
		for (size_t p = 0; p <= handed; p += per_chunk)
			r = arrival(v, x, p, per_chunk, &before);
		if (is_precise(v, r, x->naks[handed]))
			(*out)[(*n)++] = event(r, i);
	}
	return 0;
}

/* ---- the time of a refused poll ------------------------------------------------------------------ */

/* What is left of long reads when their packets are taken away. */
struct waited {
	double ns, lost_ns; /* at the ends of frames, half a packet each on average */
	double naks, blocks;
};

static struct waited waited_in(const struct msc_pace_view *v, const struct msc_pace_stream *x)
{
	size_t per_block = pieces_per_block(v->s);
	struct waited w = { .blocks = x->blocks - 1 };

	w.ns = (double)(x->seen_ns[x->pieces - 1] - x->seen_ns[per_block - 1]);
	for (size_t k = per_block; k < x->pieces; k++) {
		if (x->naks[k] < 0)
			return (struct waited){ .naks = -1 };
		w.naks += x->naks[k];
		w.ns -= v->piece_ns;
		if (k % per_block && x->seen_ns[k] != x->seen_ns[k - 1])
			w.lost_ns += v->piece_ns / 2;
	}
	return w;
}

/* The median over all reads: a few whose blocks were all held up at the ends of frames do not
 * matter. *doubt, a share: what the ends cost may be more or less than the average in all cases alike,
 * and a read is seen to end up to a frame late. 0: polls cannot be seen, or hardly any are refused. */
static double rough_nak_period(const struct msc_pace_view *v, double *x, double *doubt)
{
	struct waited sum = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < v->s->n_streams; i++) {
		const struct msc_pace_stream *s = &v->s->streams[i];
		struct waited one;

		if (s->paused || s->blocks < 2)
			continue;
		one = waited_in(v, s);
		if (one.naks < 0)
			return 0;
		sum.ns += one.ns;
		sum.lost_ns += one.lost_ns;
		sum.naks += one.naks;
		sum.blocks += one.blocks;
		if (one.naks > 0)
			x[n++] = (one.ns - one.lost_ns) / one.naks;
	}
	if (!n || sum.naks < 2 * sum.blocks || sum.ns <= 0)
		return 0;
	*doubt = (sum.lost_ns + (double)n * v->host->period_ns) / sum.ns;
	return fmax(0, msc_median(x, n));
}

static size_t count_conflicts(const struct msc_pace_view *view, double nak_ns, size_t per_chunk)
{
	struct msc_pace_view v = *view;
	size_t conflicts = 0;

	v.nak_ns = nak_ns;
	v.conflicts = &conflicts;
	for (size_t i = 0; i < v.s->n_streams; i++)
		walk(&v, i, per_chunk, SIZE_MAX, NULL);
	return conflicts;
}

/* Within the doubt: where NAKs and frames contradict each other least, as near as can be. */
static double sharpen(const struct msc_pace_view *view, double rough, double doubt,
		      size_t per_chunk)
{
	size_t fewest = SIZE_MAX;
	double best = rough;

	for (int i = 0; i <= 2 * NAK_STEPS; i++) {
		int step = (i + 1) / 2 * (i % 2 ? 1 : -1); /* 0, 1, -1, 2, -2, ... */
		double nak_ns = rough * (1 + step * fmin(doubt, DOUBT_MOST) / NAK_STEPS);
		size_t conflicts = count_conflicts(view, nak_ns, per_chunk);

		if (conflicts < fewest) {
			fewest = conflicts;
			best = nak_ns;
		}
	}
	return best;
}

int msc_nak_period(const struct msc_pace_view *view, uint32_t chunk, double *period_ns,
		   struct msc_err *err)
{
	double doubt = 0, *x = calloc(view->s->n_streams + 1, sizeof *x);

	if (!x)
		return msc_nomem(err);
	*period_ns = rough_nak_period(view, x, &doubt);
	if (*period_ns > 0 && frame_wise(view))
		*period_ns = sharpen(view, *period_ns, doubt, chunk * pieces_per_block(view->s));
	free(x);
	return 0;
}

double msc_midframe(const struct msc_pace_view *v)
{
	size_t asked = 0, answered = 0, per_block = pieces_per_block(v->s);

	for (size_t i = 0; i < v->s->n_streams && per_block && frame_wise(v); i++) {
		const struct msc_pace_stream *x = &v->s->streams[i];
		double since = (double)x->resumed_ns - v->host->phase_ns, left;

		if (!x->paused)
			continue;
		left = v->host->period_ns * ceil(since / v->host->period_ns) - since;
		if (left < 4 * v->piece_ns)
			continue;
		asked++;
		answered += (double)(x->seen_ns[per_block] - x->resumed_ns) <
			    left + v->host->period_ns / 2;
	}
	return asked >= 8 ? (double)answered / (double)asked : -1;
}
