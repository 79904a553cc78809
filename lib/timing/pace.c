/* SPDX-License-Identifier: BSD-2-Clause */
/* From samples to a model of the device: what the host adds, what the bus needs, what is left for
 * the device and whether it keeps to a tick. docs/pacing.md has the equations. A pure function: it
 * sees no device, and leaves unknown what the samples do not tell. */
#include "timing/pace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/stats.h"
#include "timing/arrivals.h"
#include "timing/costs.h"
#include "timing/limited.h"
#include "timing/pace_capture.h"
#include "timing/work.h"
#include "wire/cost.h"

#define CLOCKS_PPM    300.0 /* between a host's clock and its controller's frames */
#define HOST_LOCKED   0.9
#define WAITING_LEAST 0.05 /* of a block's time, for anything to be said about what is waited for */
#define READY_MOST    0.75
#define NO_LONGER     1.15 /* times a block's time: as in a long read */
#define OVERLAPPED    0.5  /* from which share on medium and bus are said to overlap */
#define BLURRED	      0.8
#define STAGES	      3 /* of a request */
#define TOGETHER      10 /* 1 / the share of packets that are reported with the one before */
#define HANDED_PART   4.0 /* of what tells one buffer from two: where the line between them is */
#define LIMIT_READY   0.75 /* share of pauses, to tell one buffer from two where frames are full */
#define POLLS	      1.5 /* of the host, which any block may wait for */
#define TELLS	      3.0 /* standard errors, from one buffer to two */
#define PAUSE_LEAST   (50.0 * MSC_MS)
#define PAUSE_TIMES   5.0

/* ---- the bus --------------------------------------------------------------------------------- */

static void weigh_bus(struct msc_pace_work *w)
{
	const struct msc_pace_samples *s = w->s;
	double bits = 8.0 * s->packet, packets = s->packet ? (double)s->block_size / s->packet : 0;
	double in_piece = s->packet ? s->piece / s->packet : 0;

	if (s->payload_blocks && packets > 0)
		bits = (double)s->payload_bits / (double)s->payload_blocks / packets;
	w->packet_ns = msc_packet_ns(s->speed, bits);
	w->p->piece_ns = in_piece * w->packet_ns;
	w->p->bus_ns = packets * msc_packet_pace_ns(s->speed, bits);
	w->p->path_more_ns = fmax(0, msc_path_ns(s) - msc_packet_pace_ns(s->speed, bits));
	w->packet_ns += w->p->path_more_ns;
	w->p->alone_ns = w->p->bus_ns;
	w->p->bus_ns += packets * w->p->path_more_ns;
	msc_weigh_packets(w, bits);
	w->half_block = in_piece > 0 ? (packets - in_piece) / 2 * w->packet_ns + w->p->fed_ns / 2
				     : 0;
}

/* ---- the host's frame ------------------------------------------------------------------------ */

static bool is_on_grid(const struct msc_pace_lock *l)
{
	return l->resultant >= HOST_LOCKED && l->chance < MSC_PACE_CHANCE;
}

/* A stack that polls takes a CBW when it looks, and endpoint 0 at once: the last of these events, as many
 * as there are requests. Too few of them say nothing. */
static bool requests_keep_to(const struct msc_event_time *e, size_t n, size_t requests,
			     double period_ns)
{
	struct msc_pace_lock lock = { .locked = false };

	if (requests < MSC_PACE_REQUESTS_LEAST)
		return true;
	msc_test_lock(e + n - requests, requests, period_ns, CLOCKS_PPM, &lock);
	return is_on_grid(&lock);
}

/* A CBW is taken by hardware, and a strobed one was submitted at any time: if its completion keeps
 * to a grid, then the host's controller does. */
static int find_host(struct msc_pace_work *w, struct msc_err *err)
{
	static const double periods[] = { MSC_PACE_FRAME_NS, MSC_PACE_MICROFRAME_NS };
	const struct msc_pace_samples *s = w->s;
	struct msc_event_time *e = calloc(s->n_commands + s->n_requests + s->n_acts + 1, sizeof *e);
	size_t n = 0, requests = 0;

	if (!e)
		return msc_nomem(err);
	for (size_t i = 0; i < s->n_acts; i++, n++)
		e[n] = (struct msc_event_time){ (double)s->acts[i], 0, n };
	for (size_t i = 0; i < s->n_commands && !s->bus; i++)
		if (s->commands[i].set == MSC_PACE_STROBED) {
			e[n] = (struct msc_event_time){ (double)s->commands[i].cbw_ns, 0, n };
			n++;
		}
	for (size_t i = 0; i < s->n_requests && !s->bus; i++)
		if (!s->requests[i].busy) {
			e[n] = (struct msc_event_time){ (double)s->requests[i].ended_ns, 0, n };
			n++;
			requests++;
		}
	for (size_t i = 0; i < MSC_COUNT(periods) && !w->p->host.locked; i++) {
		msc_test_lock(e, n, periods[i], CLOCKS_PPM, &w->p->host);
		w->p->host.locked = is_on_grid(&w->p->host) &&
				    requests_keep_to(e, n, requests, periods[i]);
	}
	if (w->p->host.locked && !s->bus)
		w->half_frame = w->p->host.period_ns / 2;
	free(e);
	return 0;
}

/* From one interrupt of the host's to the next, where it reports packets together that the wire did not carry
 * together: any event may wait for one. 0: each is reported when it ends. */
static double moderation(const struct msc_pace_work *w)
{
	double sum = 0;
	size_t gaps = 0, together = 0;

	for (size_t i = 0; i < w->s->n_streams; i++) {
		const int64_t *seen = w->s->streams[i].seen_ns;

		for (size_t k = 1; k < w->s->streams[i].pieces; k++) {
			double gap = (double)(seen[k] - seen[k - 1]);
			bool at_once = gap < BLURRED / 2 * w->p->piece_ns;

			together += at_once;
			gaps += !at_once;
			sum += at_once ? 0 : gap;
		}
	}
	return gaps && together * TOGETHER > gaps && !w->s->bus && !w->p->host.locked
		       ? sum / (double)gaps
		       : 0;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool waits(const struct msc_pace *p)
{
	return p->block_ns > 0 && p->block_ns - p->bus_ns > WAITING_LEAST * p->block_ns;
}

/* From one block to the next after a pause of the host; gaps of blocks + 1. */
static int look_after_pause(struct msc_pace_work *w, double *gap, uint32_t blocks,
			    struct msc_err *err)
{
	struct msc_pace *p = w->p;

	if (msc_mean_gaps(w->s, true, blocks, gap, err) < 0)
		return -1;
	gap[1] -= w->half_frame - w->half_block; /* to the end of the block */
	for (size_t i = 0; i < w->s->n_streams; i++)
		p->resumed += w->s->streams[i].paused;
	for (uint32_t k = 0; k < MSC_COUNT(p->after_pause_ns) && k + 1 < blocks; k++)
		p->after_pause_ns[k] = gap[k + 1];
	return 0;
}

static int measure_blocks(struct msc_pace_work *w, struct msc_err *err)
{
	struct msc_pace *p = w->p;
	uint32_t blocks = msc_stream_blocks(w->s, false), after = msc_stream_blocks(w->s, true);
	double *gap = calloc(blocks + 1, sizeof *gap);
	double cbw_ns = msc_packet_ns(p->speed, 8.0 * MSC_CBW_LEN);
	int rc;

	p->block_ns = p->first_ns = p->medium_ns = p->overlap = -1;
	for (size_t k = 0; k < MSC_COUNT(p->after_pause_ns); k++)
		p->after_pause_ns[k] = -1;
	w->after = calloc(after + 1, sizeof *w->after);
	rc = gap && w->after ? msc_mean_gaps(w->s, false, blocks, gap, err) : msc_nomem(err);
	if (rc == 0 && blocks) {
		p->first_ns =
			fmax(0, gap[0] + w->half_block - msc_sends_ns(p) - cbw_ns - w->half_frame);
		p->block_ns = msc_mean(gap + 1, blocks - 1);
		p->chunk = waits(p) ? msc_chunk_of(gap, blocks, msc_sends_ns(p)) : 0;
		if (p->chunk) /* whole chunks only */
			p->block_ns = msc_mean(gap + 1, (blocks - 1) / p->chunk * p->chunk);
	}
	free(gap);
	p->moderation_ns = moderation(w);
	if (rc == 0 && p->chunk && after)
		rc = look_after_pause(w, w->after, after, err);
	p->limited.ready = p->chunk ? msc_limit_ready(w->s, p->chunk, p->first_ns) : -1;
	/* Quicker than the wire: this host learns of packets when it comes to it. */
	p->blurred = blocks && p->block_ns < BLURRED * p->bus_ns;
	if (p->blurred)
		p->block_ns = p->first_ns = -1;
	else if (blocks) /* at the ends of a read frames are not full */
		p->block_ns = fmax(p->block_ns, p->alone_ns);
	return rc;
}

/* ---- buffers --------------------------------------------------------------------------------- */

/* The overlap that the first block tells of: with one buffer a block costs the medium, which the
 * first block's latency shows when it is rid of the wait for a tick, and the bus. */
static double overlap(const struct msc_pace *p)
{
	double medium = p->first_ns, sends = msc_sends_ns(p);

	if (p->wake.locked)
		medium = fmax(0, medium - p->wake.period_ns / 2);
	return fmin(1, fmax(0, (medium + sends - p->block_ns) / fmax(1, fmin(medium, sends))));
}

/* The second block was perhaps ready, and waited for a tick to be handed over, though blocks seldom do in a
 * long read. */
static bool hands_over_late(const struct msc_pace *p, double later)
{
	return later < msc_sends_ns(p) * p->chunk + p->wake.period_ns &&
	       (msc_ticks_at_times(p) ||
		(msc_wakes_by_tick(p) && later > NO_LONGER * p->block_ns * p->chunk));
}

/* What frames leave unknown of a mean over so many reads: a time is rounded up or down to whole frames. */
static double frame_error(const struct msc_pace *p, double ns)
{
	double frames = ns / p->host.period_ns, part = frames - floor(frames);

	return p->host.locked && !p->bus && p->resumed
		       ? p->host.period_ns * sqrt(part * (1 - part) / p->resumed)
		       : 0;
}

/* A second block that was ready takes the bus, and one that was not takes as long as in a long read; a ready
 * one waits for the host's next poll as well, since its endpoint has to be armed. */
static bool tells_buffers(const struct msc_pace *p, double ready, double other)
{
	double error = fmax(frame_error(p, ready), frame_error(p, other));

	return other - ready > POLLS * msc_poll_ns(p) && other - ready > TELLS * error &&
	       other - ready > p->moderation_ns;
}

/* Two buffers work at the same time: no chunk takes longer than the bus, or than the first one took, unless
 * both wait for a tick. Where one does, the chunks are not as long as they look: frames show blocks together
 * that do not come so. */
static void settle_chunks(struct msc_pace *p, double bus, double block)
{
	double tick = p->wake.locked ? p->wake.period_ns : 0;

	p->buffers = (p->ready + 1 + p->chunk / 2) / p->chunk;
	p->buffers_unseen = p->buffers > 1 && block > NO_LONGER * (fmax(bus, p->first_ns) + tick);
	if (p->buffers_unseen)
		p->buffers = 0;
}

/* What a chunk takes at most, after the one before it has gone, if it was ready: half a tick, and a part of the
 * ticks that the device needs for one. One that was not waits for half a tick as well, and for the medium. */
static double handed_within(const struct msc_pace *p)
{
	double more = fmax(0, p->block_ns * p->chunk - msc_sends_ticks_ns(p));

	return p->tick.period_ns / 2 + more / HANDED_PART;
}

/* How many blocks come promptly after a pause: between two chunks of several lies what a whole one waits for. */
static void count_ready(struct msc_pace_work *w)
{
	struct msc_pace *p = w->p;
	uint32_t blocks = msc_stream_blocks(w->s, true);
	double late = READY_MOST * p->block_ns;

	if (!p->chunk || !blocks)
		return;
	if (p->chunk > 1)
		late = msc_sends_ns(p) +
		       (p->tick.locked ? handed_within(p)
				       : READY_MOST * (p->block_ns - msc_sends_ns(p)) * p->chunk);
	p->ready = 1;
	while (p->ready + 1 < blocks && w->after[p->ready + 1] < late)
		p->ready++;
	if (p->ready + 1 == blocks)
		p->ready = 0;
}

/* After a pause of the host, a device with one buffer has one chunk ready, and the next comes as in
 * a long read. One with two has two; but a task may have to hand the second over, which can wait
 * for a tick. Where that hides the difference, the first block decides; nowhere else, for its time has the
 * command's own work in it. */
static void settle_buffers(struct msc_pace *p)
{
	double tick = p->tick.locked ? p->tick.period_ns : 0;
	double bus = fmax(msc_sends_chunk_ns(p), msc_limit_floor_ns(p) * p->chunk);
	double block = p->block_ns * p->chunk;
	double rounded = tick > 0 ? msc_sends_ticks_ns(p) : bus;
	double later = p->after_pause_ns[1], limit = bus + (block - bus) * READY_MOST;

	if (p->block_ns <= 0 || p->first_ns < 0)
		return;
	p->overlap = overlap(p);
	if (!waits(p))
		return;
	if (!p->ready) { /* all that was read behind the pause came promptly */
		p->buffers_unseen = p->resumed > 0 && !p->captured;
		return;
	}
	if (p->handed.locked) /* only a task that holds a further block waits for the bus alone */
		p->buffers = 2;
	else if (p->chunk > 1 && !tells_buffers(p, bus, block))
		p->buffers_unseen = true;
	else if (p->chunk > 1)
		settle_chunks(p, bus, block);
	else if (tick > 0 && block < 1.25 * rounded) /* a tick holds both, overlapping or not */
		p->buffers_unseen = !(p->buffers = p->overlap > OVERLAPPED ? 2 : 0);
	else if (tick > 0)
		p->buffers = later < bus + handed_within(p) ? 2 : 1;
	else if (!tells_buffers(p, bus, block))
		p->buffers_unseen = true;
	else if (later < limit)
		p->buffers = p->ready > 2 ? p->ready : 2;
	else if (hands_over_late(p, later))
		p->buffers = p->overlap > OVERLAPPED ? 2 : 0;
	else
		p->buffers = p->wake.locked && p->overlap > OVERLAPPED ? 2 : 1;
	if (p->chunk > 1 && !p->buffers && !p->buffers_unseen)
		p->buffers = 1;
	if (p->limited.packets) {
		p->buffers = p->limited.ready > LIMIT_READY
				     ? 2
				     : p->limited.ready >= 0 && p->limited.ready < 1 - LIMIT_READY;
		p->buffers_unseen = !p->buffers;
	}
	if (p->buffers)
		p->medium_ns = p->buffers > 1 ? p->block_ns : p->block_ns - msc_sends_ns(p);
}

/* ---- endpoint 0 ------------------------------------------------------------------------------ */

/* The mean and its error, and what only one request in twenty takes longer. */
struct listened {
	size_t n;
	double mean, error, slow;
};

static struct listened listen_to(const struct msc_pace_samples *s, bool busy, double *x)
{
	struct listened l = { 0 };
	double squares = 0;

	for (size_t i = 0; i < s->n_requests; i++)
		if (s->requests[i].busy == busy)
			x[l.n++] = (double)(s->requests[i].ended_ns - s->requests[i].began_ns);
	if (!l.n)
		return l;
	l.mean = msc_mean(x, l.n);
	for (size_t i = 0; i < l.n; i++)
		squares += (x[i] - l.mean) * (x[i] - l.mean);
	l.error = sqrt(squares) / (double)l.n;
	l.slow = msc_quantile(x, l.n, 0.95);
	return l;
}

/* For how long at a time endpoint 0 is not served. Where frames do not hide it, that is what the
 * slowest requests wait, less a packet of the read for each stage, which may go before it. Otherwise the mean
 * tells: a request that comes at any time into a period of which a stretch is deaf waits
 * stretch^2 / (2 * period), and packets of the read share the bus with it. */
static double deaf(const struct msc_pace_work *w, double slow_ns)
{
	const struct msc_pace *p = w->p;
	double shared = 1.5 * w->packet_ns * p->bus_ns / fmax(p->block_ns, p->bus_ns);

	if (!p->host.locked || w->s->bus || !p->chunk)
		return slow_ns - STAGES * w->packet_ns - p->moderation_ns - msc_limit_delays_ns(p);
	shared += msc_limit_delays_mean_ns(p);
	return sqrt(2 * p->block_ns * p->chunk * fmax(0, p->request_extra_ns - shared));
}

static int listen(struct msc_pace_work *w, struct msc_err *err)
{
	struct msc_pace *p = w->p;
	double *x = calloc(w->s->n_requests + 1, sizeof *x);
	struct listened idle, busy;

	if (!x)
		return msc_nomem(err);
	idle = listen_to(w->s, false, x);
	busy = listen_to(w->s, true, x);
	p->requests_idle = idle.n;
	p->requests_busy = busy.n;
	p->request_idle_ns = p->request_busy_ns = p->request_extra_ns = p->request_error_ns = -1;
	for (size_t i = 0; i < busy.n; i++)
		p->request_worst_ns = fmax(p->request_worst_ns, x[i]);
	free(x);
	if (idle.n < MSC_PACE_REQUESTS_LEAST || busy.n < MSC_PACE_REQUESTS_LEAST)
		return 0;
	p->request_idle_ns = idle.mean;
	p->request_busy_ns = busy.mean;
	p->request_extra_ns = busy.mean - idle.mean;
	p->request_error_ns = hypot(busy.error, idle.error);
	if (p->request_extra_ns > 3 * p->request_error_ns)
		p->blocked_ns = fmax(0, deaf(w, busy.slow - idle.slow));
	return 0;
}

/* ---- NAKs and writes ------------------------------------------------------------------------- */

static void count_naks(struct msc_pace_work *w)
{
	struct msc_pace *p = w->p;
	double blocks = 0;
	bool seen = true;

	p->naks = 0;
	for (size_t i = 0; i < w->s->n_streams; i++) {
		const struct msc_pace_stream *x = &w->s->streams[i];

		for (size_t k = 0; k < x->pieces; k++) {
			seen &= x->naks[k] >= 0;
			p->naks += x->naks[k];
		}
		blocks += x->blocks;
	}
	p->naks_per_block = -1;
	p->nak_ns = -1;
	p->naks_source = MSC_PACE_NAKS_NONE;
	if (p->block_ns > 0) {
		p->naks_source = seen ? MSC_PACE_NAKS_BUS : MSC_PACE_NAKS_INFERRED;
		p->nak_ns = fmax(0, p->block_ns - p->bus_ns);
	}
	if (p->naks_source == MSC_PACE_NAKS_BUS)
		p->naks_per_block = (double)p->naks / blocks;
	else
		p->naks = -1;
}

static int weigh_writes(struct msc_pace_work *w, struct msc_err *err)
{
	struct msc_pace *p = w->p;
	size_t n = w->s->n_writes, pauses = 0;
	double *x = calloc(n + 1, sizeof *x), total = 0, paused = 0;

	if (!x)
		return msc_nomem(err);
	for (size_t i = 0; i < n; i++)
		x[i] = (double)w->s->writes[i].ns;
	p->writes = (uint32_t)n;
	p->write_ns = n ? msc_median(x, n) : -1;
	for (size_t i = 0; i < n; i++) {
		double extra = x[i] - p->write_ns;

		total += x[i];
		if (extra < PAUSE_LEAST || x[i] < PAUSE_TIMES * p->write_ns)
			continue;
		paused += extra;
		x[pauses++] = extra; /* pauses <= i */
	}
	p->write_pauses = (uint32_t)pauses;
	p->write_pause_ns = pauses ? msc_median(x, pauses) : -1;
	p->write_pause_share = total > 0 ? paused / total : 0;
	free(x);
	return 0;
}

int msc_pace_analyse(const struct msc_pace_samples *s, const struct msc_pace_options *o,
		     struct msc_pace *p, struct msc_err *err)
{
	struct msc_pace_work w = { .s = s, .p = p };
	int rc;

	*p = (struct msc_pace){ .speed = s->speed,
				.block_size = s->block_size,
				.serial = o->serial,
				.queued = o->queued,
				.captured = s->captured,
				.bus = s->bus,
				.queued_works = s->queued_works };
	memcpy(p->queued_why, s->queued_why, sizeof p->queued_why);
	weigh_bus(&w);
	if (find_host(&w, err) < 0 || msc_pace_sizes(&w, err) < 0)
		return -1;
	if (s->n_written) {
		if (msc_writing_analyse(s, p, err) < 0)
			return -1;
		p->naks = -1;
		msc_writing_diagnose(p);
		return 0;
	}
	msc_find_limit(&w);
	rc = measure_blocks(&w, err);
	if (rc == 0 &&
	    (listen(&w, err) < 0 || msc_pace_find_tick(&w, err) < 0 || weigh_writes(&w, err) < 0))
		rc = -1;
	if (rc == 0)
		count_ready(&w);
	free(w.after);
	if (rc < 0)
		return -1;
	settle_buffers(p);
	count_naks(&w);
	msc_pace_diagnose(p);
	msc_pace_tell_missing(s, p);
	return 0;
}
