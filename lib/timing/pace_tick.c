/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the device has a tick, whose it is, and which of its waits keep to it: docs/pacing.md. */
#include <math.h>
#include <stdlib.h>

#include "timing/arrivals.h"
#include "timing/costs.h"
#include "timing/work.h"

#define TICK_SHORTEST (90.0 * MSC_US)
#define TICK_LONGEST  (10.5 * MSC_MS) /* half of what long reads are strobed over */
#define TICK_ROUND    (125.0 * MSC_US) /* ticks are whole multiples of it, or no drift is told */
#define TICK_PPM      50.0 /* how well the first blocks tell its period */
#define LOCKED_LEAST  0.5
#define LOCKED_SHARP  0.88 /* where arrivals are known to within a packet */
#define WAKE_LEAST    0.25 /* the medium's own time blurs it */
#define RHYTHM_MOST   0.5    /* of the beginnings of reads in a capture */
#define HANDED_LATE   0.25 /* of a tick */
#define OTHER_MOST    8 /* arrivals of a read that are searched for a tick of their own */
#define GRID_WITHIN   0.05   /* of a microframe */
#define DRIFT_MOST    2000.0	       /* ppm; beyond that the tick has an odd period */

/* The drift of the tick against the host's frames, if its period is meant to be a round one. */
static void tell_drift(struct msc_pace_work *w, double period_ns, const struct msc_event_time *e,
		       size_t n)
{
	struct msc_pace *p = w->p;
	double unit = TICK_ROUND, round, ppm, span_ns = e[n - 1].at_ns - e[0].at_ns, vague = 0;

	for (size_t i = 0; i < n; i++)
		vague += e[i].half_ns / (double)n;

	if (p->host.locked)
		unit *= p->host.period_ns / (p->host.period_ns > MSC_PACE_FRAME_NS / 2
						     ? MSC_PACE_FRAME_NS
						     : MSC_PACE_MICROFRAME_NS);
	round = unit * floor(period_ns / unit + 0.5);
	ppm = round > 0 ? (period_ns / round - 1) * 1e6 : DRIFT_MOST;
	if (fabs(ppm) >= DRIFT_MOST || span_ns <= 0)
		return;
	p->drift_known = true;
	p->drift_ppm = ppm;
	/* A tenth of a turn over all that was seen, and what each arrival is uncertain by. */
	p->drift_error_ppm = (0.1 * period_ns + vague) / span_ns * 1e6;
}

/* A tick that slips against the frames is the device's. One that does not may be the host's, unless
 * the host is known to poll within the frame, or its period is none of the host's; where packets are
 * seen, it is seen to poll. */
static enum msc_pace_clock whose(const struct msc_pace *p, double period_ns, bool bus)
{
	double frames = period_ns / (p->host.locked ? p->host.period_ns : MSC_PACE_FRAME_NS);

	if (bus || msc_slips(p))
		return MSC_PACE_CLOCK_DEVICE;
	if (!p->host.locked || p->midframe > 0.5 || fabs(frames - floor(frames + 0.5)) > 0.01)
		return MSC_PACE_CLOCK_DEVICE;
	return p->midframe >= 0 && p->midframe < 0.2 ? MSC_PACE_CLOCK_HOST : MSC_PACE_CLOCK_UNKNOWN;
}

static bool is_locked(const struct msc_pace_lock *l, double least)
{
	return l->resultant > least && l->chance < MSC_PACE_CHANCE;
}

/* Reads of a capture begin when its host liked, and pauses of the probe end at instants that are spread
 * evenly: where these have a rhythm of their own, what keeps to it keeps to nothing of the device's. */
static int leave_rhythm(const struct msc_pace_samples *s, bool paused, struct msc_pace_lock *found,
			bool *rhythm, struct msc_err *err)
{
	struct msc_event_time *e = calloc(s->n_streams + 1, sizeof *e);
	struct msc_pace_lock begins = { .locked = false };
	size_t n = 0;

	if (!e)
		return msc_nomem(err);
	for (size_t i = 0; i < s->n_streams; i++) {
		const struct msc_pace_stream *x = &s->streams[i];

		if (!paused || x->paused)
			e[n++] = (struct msc_event_time){
				(double)(paused ? x->resumed_ns : x->began_ns), 0, i
			};
	}
	msc_test_lock(e, n, found->period_ns, TICK_PPM, &begins);
	free(e);
	*rhythm = begins.resultant > RHYTHM_MOST && begins.chance < MSC_PACE_CHANCE;
	if (*rhythm)
		found->locked = false;
	return 0;
}

/* A hub's translator takes what it has to the host in microframes (USB 2.0, 11.18), and a host may report at
 * their ends: a grid of one is theirs, or of parts of it. */
static bool is_hosts_grid(const struct msc_pace_work *w, double period_ns)
{
	const struct msc_pace_lock *host = &w->p->host;
	double microframes = period_ns / MSC_PACE_MICROFRAME_NS;

	if (w->s->translated)
		return microframes < 1.5;
	return host->locked && host->period_ns < 1.5 * MSC_PACE_MICROFRAME_NS &&
	       fabs(microframes - 1) < GRID_WITHIN;
}

/* Leaves the first arrivals of each read; returns how many. */
static size_t a_few_of_each(struct msc_event_time *e, size_t n)
{
	size_t kept = 0, of_group = 0;

	for (size_t i = 0; i < n; i++) {
		of_group = i && e[i].group == e[i - 1].group ? of_group + 1 : 0;
		if (of_group < OTHER_MOST)
			e[kept++] = e[i]; /* kept <= i */
	}
	return kept;
}

/* The task that reads may be woken by another tick than the one that takes commands. */
static int find_other(struct msc_pace_work *w, struct msc_event_time *e, size_t n,
		      struct msc_err *err)
{
	struct msc_pace *p = w->p;
	struct msc_pace_lock other = { .locked = false };

	if (msc_find_lock(e, n, TICK_SHORTEST, TICK_LONGEST, &other, err) < 0)
		return -1;
	if (!is_locked(&other, LOCKED_SHARP) || is_hosts_grid(w, other.period_ns))
		return 0;
	other.locked = true;
	p->tick = other;
	p->tick_clock = whose(p, other.period_ns, w->s->bus);
	return 0;
}

/* Whether the other blocks keep to the tick that was found, and whose it is. */
static int follow_tick(struct msc_pace_work *w, const struct msc_pace_view *view,
		       const struct msc_pace_lock *found, struct msc_err *err)
{
	struct msc_pace *p = w->p;
	struct msc_event_time *e;
	size_t n;
	int rc = 0;

	p->tick_clock = whose(p, found->period_ns, w->s->bus);
	if (msc_arrivals(view, p->chunk ? p->chunk : 1, &e, &n, err) < 0)
		return -1;
	msc_test_lock(e, n, found->period_ns, TICK_PPM, &p->tick);
	/* Blocks that come by chance at the tick's own pace agree with it for a while. */
	p->tick.locked = is_locked(&p->tick, p->host.locked && !w->s->bus && view->nak_ns <= 0
						     ? LOCKED_LEAST
						     : LOCKED_SHARP);
	p->tick.period_ns = found->period_ns; /* known better */
	if (!p->tick.locked && p->wake.locked && !w->s->captured)
		rc = find_other(w, e, a_few_of_each(e, n), err);
	free(e);
	return rc;
}

/* What is handed over after a pause comes right behind the block before it, or its task is woken late: by
 * half a tick on average, and each time by what is left of one. */
static bool is_handed_late(const struct msc_pace *p)
{
	return p->handed.resultant > LOCKED_SHARP &&
	       p->after_pause_ns[1] - msc_sends_ns(p) * p->chunk >
		       HANDED_LATE * p->handed.period_ns;
}

static int find_in(struct msc_pace_work *w, struct msc_event_time *e, size_t n,
		   struct msc_pace_lock *found, struct msc_err *err)
{
	int rc = msc_find_lock(e, n, TICK_SHORTEST, TICK_LONGEST, found, err);

	found->locked = is_locked(found, WAKE_LEAST) && !is_hosts_grid(w, found->period_ns);
	if (found->locked)
		tell_drift(w, found->period_ns, e, n);
	free(e);
	return rc;
}

/* The first block of a read, which begins at any time, passes every wait for a tick between a command and
 * its data. What is handed over after a pause passes the wait of a task for the bus, which a device may have
 * alone. So these show the period; and then it is asked whether the other blocks keep to it, too. */
int msc_pace_find_tick(struct msc_pace_work *w, struct msc_err *err)
{
	struct msc_pace *p = w->p;
	struct msc_pace_view view = { w->s, &p->host, p->piece_ns, 0, NULL, p->limited.packets > 0 };
	struct msc_event_time *e;
	bool rhythm = false;
	size_t n;

	p->midframe = msc_midframe(&view);
	if (!msc_is_waiting(p))
		return 0;
	if (msc_nak_period(&view, p->chunk ? p->chunk : 1, &p->nak_period_ns, err) < 0)
		return -1;
	view.nak_ns = p->nak_period_ns;
	if (msc_first_arrivals(&view, &e, &n, err) < 0 || find_in(w, e, n, &p->wake, err) < 0)
		return -1;
	if (p->wake.locked && w->s->captured &&
	    leave_rhythm(w->s, false, &p->wake, &p->rhythm, err) < 0)
		return -1;
	if (p->wake.locked || p->chunk != 1)
		return p->wake.locked ? follow_tick(w, &view, &p->wake, err) : 0;
	if (msc_handed_arrivals(&view, p->chunk, &e, &n, err) < 0 ||
	    find_in(w, e, n, &p->handed, err) < 0)
		return -1;
	if (p->handed.locked && leave_rhythm(w->s, true, &p->handed, &rhythm, err) < 0)
		return -1;
	p->handed.locked = p->handed.locked && is_handed_late(p);
	if (p->handed.locked)
		return follow_tick(w, &view, &p->handed, err);
	p->drift_known = false;
	return 0;
}
