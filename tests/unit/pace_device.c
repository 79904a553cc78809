/* SPDX-License-Identifier: BSD-2-Clause */
#include "pace_device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"

enum { PACKETS = 8, PACKET = 64, STREAMS = 48, RESUMES = 64, LONG = 40, RESUMED = 12 };

#define POLL_NS	 7333.0 /* of one NAK */
#define PACKET_NS (616 * 1000.0 / 12)
#define CBW_NS	 (8 * (13 + 31) * 1000.0 / 12)
#define CSW_NS	 (8 * (13 + 13) * 1000.0 / 12)
#define PAUSE_NS 15e6

struct bench {
	const struct pace_device *d;
	struct msc_pace_samples *out;
	struct msc_rng rng;
	double now;
};

static double draw(struct bench *b)
{
	return (double)(msc_rng_next(&b->rng) >> 11) / 9007199254740992.0;
}

static double medium(struct bench *b)
{
	double u = draw(b);

	return b->d->medium_ns + u * u * b->d->spread_ns;
}

static double next_tick(const struct bench *b, double t)
{
	double tick = b->d->tick_ns * (1 + b->d->drift_ppm * 1e-6), theta = 0.13 * tick;

	return tick > 0 ? ceil((t - theta) / tick) * tick + theta + 30e3 : t;
}

static double woken(const struct bench *b, double t, bool first)
{
	return b->d->handed_only || (b->d->first_only && !first) ? t : next_tick(b, t);
}

static double seen(const struct bench *b, double t)
{
	double frame = b->d->frame_ns;

	return frame > 0 ? ceil(t / frame) * frame + 5e3 : t + 5e3;
}

/* One packet on the bus, not before t; returns its end. It fits into its frame. */
static double packet(double t, double takes)
{
	double frame = floor(t / 1e6) * 1e6, start = fmax(t, frame + 3.3e3);

	if (start + takes > frame + 1e6)
		start = frame + 1e6 + 3.3e3;
	return start + takes;
}

/* One read: fills the stream if there is one; returns the end of the CSW on the bus. */
static double one_read(struct bench *b, uint32_t blocks, struct msc_pace_stream *x)
{
	const struct pace_device *d = b->d;
	double asked = packet(b->now, CBW_NS), free = asked, read, sent[2] = { 0 };
	double begin = woken(b, asked + d->command_ns, true);

	if (x) {
		x->began_ns = x->asked_ns = x->status_ns = (int64_t)b->now;
		x->cbw_ns = (int64_t)seen(b, asked);
	}
	for (uint32_t k = 0; k < blocks; k++) {
		double arm, from, end;

		read = woken(b, begin + medium(b), false);
		if (d->buffers > 1) {
			arm = fmax(read, sent[(k + 1) % 2]);
			if (d->handed_only && arm > read)
				arm = next_tick(b, arm);
			begin = arm > read ? woken(b, arm, false) : read;
		} else {
			arm = read;
		}
		from = fmax(arm, free);
		if (x)
			x->naks[k * PACKETS] =
				d->naks_hidden ? -1 : (int32_t)ceil((from - free) / POLL_NS);
		if (x && !d->naks_hidden) /* it goes with the poll that is not refused */
			from = free + x->naks[k * PACKETS] * POLL_NS;
		end = from;
		for (int i = 0; i < PACKETS; i++) {
			end = packet(end, PACKET_NS);
			if (x)
				x->seen_ns[k * PACKETS + (uint32_t)i] = (int64_t)seen(b, end);
			if (x && i)
				x->naks[k * PACKETS + (uint32_t)i] = d->naks_hidden ? -1 : 0;
		}
		sent[k % 2] = free = end;
		if (d->buffers == 1)
			begin = woken(b, end, false);
		if (x && x->paused && k == 0) {
			x->resumed_ns = (int64_t)(seen(b, end) + PAUSE_NS + draw(b) * 4e6);
			free = (double)x->resumed_ns;
		}
	}
	free = packet(free, CSW_NS);
	if (x) {
		x->csw_ns = (int64_t)seen(b, free);
		x->csw_naks = d->naks_hidden ? -1 : 0;
	}
	return free;
}

static bool streams(struct bench *b, int count, uint32_t blocks, bool paused)
{
	for (int i = 0; i < count; i++) {
		struct msc_pace_stream *x = msc_pace_add_stream(b->out, blocks * PACKETS);

		if (!x)
			return false;
		x->blocks = blocks;
		x->queued = true;
		x->paused = paused;
		b->now += draw(b) * 21e6;
		b->now = seen(b, one_read(b, blocks, x)) + 20e3;
	}
	return true;
}

/* In all three ways. The host needs one frame, or 10 us, for each phase of a serial command. */
static bool commands(struct bench *b, uint32_t blocks)
{
	double phase = b->d->frame_ns > 0 ? b->d->frame_ns : 10e3;

	for (int set = 0; set < MSC_PACE_SETS; set++) {
		for (int i = 0; i < 16; i++) {
			struct msc_pace_command *c = msc_pace_add_command(b->out);
			double end;

			if (!c)
				return false;
			if (set == MSC_PACE_STROBED)
				b->now += 4e6 * (i * 7 % 16 + 0.5) / 16;
			*c = (struct msc_pace_command){ .set = (enum msc_pace_set)set,
							.blocks = blocks,
							.began_ns = (int64_t)b->now };
			c->cbw_ns = (int64_t)seen(b, b->now + CBW_NS);
			end = seen(b, one_read(b, blocks, NULL)) +
			      (set == MSC_PACE_SERIAL ? phase : 0);
			c->csw_ns = (int64_t)end;
			c->data_ns = (int64_t)(set == MSC_PACE_SERIAL ? end - phase : end);
			b->now = end;
		}
	}
	return true;
}

/* A request waits for the rest of an interrupt that holds the processor for the medium's time in
 * each block. */
static bool requests(struct bench *b)
{
	const struct pace_device *d = b->d;
	double deaf = d->interrupt ? d->medium_ns + d->spread_ns / 3 : 0;
	double period = d->buffers > 1 ? fmax(deaf, PACKETS * PACKET_NS)
				       : deaf + PACKETS * PACKET_NS;

	for (int i = 0; i < 200; i++) {
		struct msc_pace_request *r = msc_pace_add_request(b->out);
		double at = draw(b) * period, wait = i % 2 && at < deaf ? deaf - at : 0;

		if (!r)
			return false;
		b->now += draw(b) * 4e6;
		*r = (struct msc_pace_request){ i % 2, (int64_t)b->now,
						(int64_t)seen(b, b->now + 45e3 + wait) };
		b->now = (double)r->ended_ns;
	}
	return true;
}

bool pace_device_samples(const struct pace_device *d, struct msc_pace_samples *out)
{
	struct bench b = { .d = d, .out = out, .rng = { d->seed + 1 }, .now = 3e6 };

	*out = (struct msc_pace_samples){ .speed = MSC_SPEED_FULL,
					  .block_size = PACKETS * PACKET,
					  .packet = PACKET,
					  .piece = PACKET,
					  .queued_works = true,
					  .payload_bits = PACKETS * PACKET * 8,
					  .payload_blocks = 1 };
	return commands(&b, 0) && commands(&b, 1) && commands(&b, 8) && commands(&b, 64) &&
	       streams(&b, STREAMS, LONG, false) && streams(&b, RESUMES, RESUMED, true) &&
	       requests(&b);
}

bool pace_names_first(const struct msc_pace *p, const char *id)
{
	for (size_t i = 0; i < p->n_diagnosis; i++)
		if ((i == 0 || p->diagnosis[i].tied) &&
		    !strcmp(msc_diagnosis_ids[p->diagnosis[i].id], id))
			return true;
	return false;
}
