/* SPDX-License-Identifier: BSD-2-Clause */
/* What the long reads say of one block after the other: how far apart they come, how many come
 * together, how many are ready after a pause, and within which interval each began to arrive. */
#include <math.h>
#include <stdlib.h>

#include "timing/arrivals.h"

#define CONCENTRATED 0.85 /* share of the waiting that lies between chunks */

static size_t pieces_per_block(const struct msc_pace_samples *s)
{
	return s->packet ? s->block_size / s->packet : 0;
}

/* When the last packet of a block was seen. */
static double block_seen(const struct msc_pace_samples *s, const struct msc_pace_stream *x,
			 uint32_t block)
{
	return (double)x->seen_ns[(block + 1) * pieces_per_block(s) - 1];
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

size_t msc_mean_gaps(const struct msc_pace_samples *s, bool paused, uint32_t blocks, double *gap)
{
	size_t n = 0;

	for (uint32_t k = 0; k < blocks; k++)
		gap[k] = 0;
	for (size_t i = 0; i < s->n_streams; i++) {
		const struct msc_pace_stream *x = &s->streams[i];
		double from = (double)(paused ? x->resumed_ns : x->began_ns);

		if (!usable(x, paused, blocks))
			continue;
		n++;
		for (uint32_t k = paused ? 1 : 0; k < blocks; k++) {
			double at = block_seen(s, x, k);

			gap[k] += at - from;
			from = at;
		}
	}
	for (uint32_t k = 0; n && k < blocks; k++)
		gap[k] /= (double)n;
	return n;
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

/* The interval of one packet's beginning when completions are seen at the frame's end only. `first`
 * and `end` are the pieces that were seen at the same instant as piece i. */
static void within_frame(const struct msc_pace_stream *x, size_t i, size_t per_chunk,
			 const struct msc_pace_lock *host, double packet_ns,
			 struct msc_event_time *e)
{
	size_t first = i, end = i + 1;
	double seen = (double)x->seen_ns[i], lo, hi;

	while (first > 0 && x->seen_ns[first - 1] == x->seen_ns[i])
		first--;
	while (end < x->pieces && x->seen_ns[end] == x->seen_ns[i])
		end++;
	hi = seen - (double)(end - i) * packet_ns;
	lo = seen - host->period_ns + (double)(i - first) * packet_ns;
	/* More of the same chunk was there, and did not fit. */
	if (end < x->pieces && end % per_chunk)
		lo = fmax(lo, hi - packet_ns);
	lo = fmin(lo, hi);
	e->at_ns = (lo + hi) / 2;
	e->half_ns = (hi - lo) / 2;
}

/* Completions of one boundary may differ by what software needs to look at each of them. */
static bool frame_wise(const struct msc_pace_lock *host, double packet_ns)
{
	return host->locked && host->period_ns > 2 * packet_ns;
}

int msc_arrivals(const struct msc_pace_samples *s, const struct msc_pace_lock *host, uint32_t chunk,
		 uint32_t buffers, double packet_ns, struct msc_event_time **out, size_t *n,
		 struct msc_err *err)
{
	size_t per_chunk = chunk * pieces_per_block(s), room = 1;
	struct msc_event_time *e;

	*n = 0;
	*out = NULL;
	for (size_t i = 0; i < s->n_streams; i++)
		room += s->streams[i].blocks;
	e = *out = calloc(room, sizeof *e);
	if (!e)
		return msc_nomem(err);
	for (size_t i = 0; i < s->n_streams && per_chunk; i++) {
		const struct msc_pace_stream *x = &s->streams[i];
		size_t skip = x->paused ? 2 + buffers : 1;

		for (size_t p = skip * per_chunk; p < x->pieces; p += per_chunk) {
			struct msc_event_time *new = &e[*n];

			/* What was already there came at the bus's pace, whenever it was ready. */
			if (!frame_wise(host, packet_ns) &&
			    (double)(x->seen_ns[p] - x->seen_ns[p - 1]) < 1.5 * packet_ns)
				continue;
			*new = (struct msc_event_time){ (double)x->seen_ns[p] - packet_ns, 0, i };
			if (frame_wise(host, packet_ns))
				within_frame(x, p, per_chunk, host, packet_ns, new);
			(*n)++;
		}
	}
	return 0;
}

double msc_midframe(const struct msc_pace_samples *s, const struct msc_pace_lock *host,
		    double packet_ns)
{
	size_t asked = 0, answered = 0, per_block = pieces_per_block(s);

	for (size_t i = 0; i < s->n_streams && per_block && frame_wise(host, packet_ns); i++) {
		const struct msc_pace_stream *x = &s->streams[i];
		double since = (double)x->resumed_ns - host->phase_ns, left;

		if (!x->paused)
			continue;
		left = host->period_ns * ceil(since / host->period_ns) - since;
		if (left < 4 * packet_ns)
			continue;
		asked++;
		answered += (double)(x->seen_ns[per_block] - x->resumed_ns) <
			    left + host->period_ns / 2;
	}
	return asked >= 8 ? (double)answered / (double)asked : -1;
}
