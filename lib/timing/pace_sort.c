/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture is over: which of the samples are alike, which are used, and what there is none of. See
 * pace_capture.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "timing/arrivals.h"
#include "timing/pace_collect.h"

#define STREAMS_WANTED 8
#define ROW_NS (150 * MSC_US) /* between commands, the software of a host that does nothing else */
#define ROW_FRAME_NS   (1050 * MSC_US) /* the same, of one that learns of the end with its frame */
#define LATE_NS	       (100 * MSC_US)	/* of a CBW, to say anything of the host */

static void say(struct msc_pace_samples *s, const char *fmt, ...) MSC_PRINTF(2, 3);

static void say(struct msc_pace_samples *s, const char *fmt, ...)
{
	va_list args;

	if (s->n_left_out == MSC_PACE_MISSING_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(s->left_out[s->n_left_out++], sizeof s->left_out[0], fmt, args);
	va_end(args);
}

static void put(struct msc_pace_samples *out, enum msc_pace_set set,
		const struct msc_pace_command *c)
{
	struct msc_pace_command *to = msc_pace_add_command(out);

	if (!to)
		return;
	*to = *c;
	to->set = set;
}

static void act(struct msc_pace_samples *out, int64_t at_ns)
{
	int64_t *to = msc_pace_add_act(out);

	if (to)
		*to = at_ns;
}

/* As software saw it: a phase had ended when the host went on to the next. */
static struct msc_pace_command as_seen(const struct msc_seen_command *s, bool row)
{
	struct msc_pace_command c = s->c;

	c.cbw_ns = s->to_data_ns > c.cbw_ns ? s->to_data_ns : c.cbw_ns;
	if (c.blocks)
		c.data_ns = s->to_csw_ns > c.data_ns ? s->to_csw_ns : c.data_ns;
	else
		c.data_ns = c.cbw_ns;
	if (row)
		c.csw_ns += s->after_ns;
	return c;
}

/* Without what the host waited between its parts; the device may have been at work meanwhile. */
static struct msc_pace_command without_host(const struct msc_seen_command *s)
{
	struct msc_pace_command c = s->c;

	if (s->to_data_ns > c.cbw_ns)
		c.began_ns += s->to_data_ns - c.cbw_ns;
	if (c.blocks && s->to_csw_ns > c.data_ns)
		c.began_ns += s->to_csw_ns - c.data_ns;
	c.cbw_ns = c.began_ns;
	return c;
}

static void give_packets(struct msc_pace_collector *k, const struct msc_seen_command *s,
			 bool queued_too)
{
	int64_t most = k->out->speed == MSC_SPEED_HIGH ? ROW_NS : ROW_FRAME_NS;
	bool row = s->before_ns >= 0 && s->before_ns <= most && s->after_ns >= 0 &&
		   s->after_ns <= most;
	struct msc_pace_command c = as_seen(s, row);

	if (s->queued || !queued_too) {
		struct msc_pace_command alone = without_host(s);

		put(k->out, MSC_PACE_STROBED, &alone);
	}
	if (row)
		put(k->out, s->queued ? MSC_PACE_QUEUED : MSC_PACE_SERIAL, &c);
	if (s->queued)
		return;
	act(k->out, c.cbw_ns);
	if (c.blocks)
		act(k->out, c.data_ns);
	if (row)
		act(k->out, c.csw_ns);
}

static void give_transfers(struct msc_pace_collector *k, const struct msc_seen_command *s)
{
	bool row = s->before_ns >= 0 && s->before_ns <= ROW_NS;

	put(k->out, !s->queued ? MSC_PACE_SERIAL : row ? MSC_PACE_QUEUED : MSC_PACE_STROBED, &s->c);
	/* What hardware takes at once was seen late: by a host that looks at the end of its frame. */
	if (!s->queued && s->c.cbw_ns - s->c.began_ns >= LATE_NS)
		act(k->out, s->c.cbw_ns);
}

/* Those of which there are most; no data always. */
static void choose_sizes(struct msc_pace_collector *k)
{
	size_t kept = 0, left_out = 0;

	for (size_t i = 0; i < k->n_sizes; i++) {
		size_t better = 0;

		for (size_t j = 0; j < k->n_sizes; j++)
			better += k->sizes[j].blocks && k->sizes[j].n + (j < i) > k->sizes[i].n;
		if (k->sizes[i].blocks && better >= MSC_PACE_SIZES_MAX)
			k->sizes[i].n = 0;
	}
	for (size_t i = 0; i < k->n_sizes; i++) {
		if (k->sizes[i].n)
			k->sizes[kept++] = k->sizes[i];
		else
			left_out++;
	}
	k->n_sizes = kept;
	if (left_out)
		say(k->out, "reads of %zu rarer sizes are left out", left_out);
}

static void give_commands(struct msc_pace_collector *k)
{
	choose_sizes(k);
	for (size_t i = 0; i < k->n_seen; i++) {
		size_t size = msc_collect_size(k, k->seen[i].c.blocks);

		if (size == k->n_sizes)
			continue;
		k->out->queued_works |= k->seen[i].queued && k->seen[i].c.blocks;
		if (k->bus)
			give_packets(k, &k->seen[i], k->sizes[size].queued);
		else
			give_transfers(k, &k->seen[i]);
	}
	if (!k->out->queued_works)
		snprintf(k->out->queued_why, sizeof k->out->queued_why,
			 "the host of the capture sent no command so");
}

/* The shortest read, as a driver does it, if there is one. */
static void take_picture(struct msc_pace_samples *s)
{
	size_t best = s->n_streams;

	for (size_t i = 0; i < s->n_streams; i++) {
		const struct msc_pace_stream *x = &s->streams[i], *b = &s->streams[best];

		if (!x->paused && (best == s->n_streams || x->blocks < b->blocks ||
				   (x->blocks == b->blocks && b->queued && !x->queued)))
			best = i;
	}
	if (best == s->n_streams)
		return;
	s->picture = s->streams[best];
	memmove(&s->streams[best], &s->streams[best + 1],
		(--s->n_streams - best) * sizeof s->streams[0]);
}

static size_t count_alike(const struct msc_pace_samples *s, const struct msc_pace_stream *x)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_streams; i++)
		n += s->streams[i].paused == x->paused && s->streams[i].blocks == x->blocks &&
		     s->streams[i].queued == x->queued;
	return n;
}

/* Long reads are held against each other, so those that are most alike are taken; of queued ones few
 * are enough, for nothing of the host is in them. */
static void choose_streams(struct msc_pace_samples *s, bool paused)
{
	const struct msc_pace_stream *best = NULL;
	size_t kept = 0, most = 0;
	struct msc_pace_stream wanted;

	for (size_t i = 0; i < s->n_streams; i++) {
		const struct msc_pace_stream *x = &s->streams[i];
		size_t n = x->paused == paused ? count_alike(s, x) : 0;

		if (x->queued && n >= STREAMS_WANTED)
			n += MSC_COLLECT_STREAMS;
		if (n > most || (n && n == most && x->blocks > best->blocks)) {
			best = x;
			most = n;
		}
	}
	if (!best)
		return;
	wanted = *best;
	for (size_t i = 0; i < s->n_streams; i++) {
		struct msc_pace_stream x = s->streams[i];

		if (x.paused == paused &&
		    (x.blocks != wanted.blocks || x.queued != wanted.queued)) {
			free(x.seen_ns);
			free(x.naks);
		} else {
			s->streams[kept++] = x;
		}
	}
	s->n_streams = kept;
}

bool msc_pace_collect_end(struct msc_pace_collector *k, const struct msc_capture_facts *facts,
			  struct msc_device *device)
{
	struct msc_pace_samples *s = k->out;

	*device = k->device;
	s->bus = k->bus;
	give_commands(k);
	take_picture(s);
	msc_device_packet_warning(&k->device, s->warning, sizeof s->warning);
	msc_pace_settle_packet(s);
	choose_streams(s, false);
	choose_streams(s, true);
	if (k->n_others)
		say(s, "%llu commands to %zu other interfaces are left out: --device chooses one",
		    (unsigned long long)k->other_reads, k->n_others);
	if (k->failed)
		say(s, "%llu reads and writes failed or ended early, and are left out",
		    (unsigned long long)k->failed);
	if (k->cut_short)
		say(s, "%llu exchanges are left out: their CBW or CSW is not whole in the capture",
		    (unsigned long long)k->cut_short);
	if (facts->lost)
		say(s, "packets are missing in %llu places; what is in progress there is left out",
		    (unsigned long long)facts->lost);
	if (facts->clock_step_ns)
		say(s,
		    "the clock of the capture goes in steps of %s, and what is shorter is not told",
		    msc_ns((double)facts->clock_step_ns).s);
	if (k->n_seen == MSC_COLLECT_COMMANDS)
		say(s, "the first %u reads are looked at, of %llu", MSC_COLLECT_COMMANDS,
		    (unsigned long long)k->reads);
	return k->reads || k->writes;
}

/* ---- what is missing ------------------------------------------------------------------------- */

static void miss(struct msc_pace *p, const char *text)
{
	if (p->n_missing < MSC_PACE_MISSING_MAX)
		snprintf(p->missing[p->n_missing++], sizeof p->missing[0], "%s", text);
}

void msc_pace_tell_missing(const struct msc_pace_samples *s, struct msc_pace *p)
{
	char text[160];
	size_t sizes = 0;

	if (!s->captured)
		return;
	for (size_t i = 0; i < p->n_sizes; i++)
		sizes += p->sizes[i].blocks != 0;
	if (!s->bus)
		miss(p,
		     "NAKs are not in this kind of capture: when the device was ready is known by "
		     "ends of transfers alone");
	if (!sizes)
		miss(p, "no read: nothing is said of reads");
	if (sizes == 1) {
		snprintf(text, sizeof text,
			 "only one transfer size was seen, of %u block%s: what a command costs "
			 "beyond its blocks is unknown",
			 p->sizes[p->n_sizes - 1].blocks,
			 MSC_PLURAL(p->sizes[p->n_sizes - 1].blocks));
		miss(p, text);
	}
	if (sizes && !p->queued_works)
		miss(p,
		     s->bus ? "every phase was asked for by itself: what the device did while the "
			      "host waited counts as the host's"
			    : "every phase was asked for by itself: how much of the time is the "
			      "host's is known from the CBW alone");
	if (sizes && !msc_stream_blocks(s, false))
		miss(p, s->bus ? "no read of three blocks or more: nothing is known of what the "
				 "device does between blocks"
			       : "the data of a read is one transfer: nothing is known of what the "
				 "device does between blocks");
	if (sizes && !msc_stream_blocks(s, true))
		miss(p, "the host never paused in a read: how many buffers the device has is "
			"unknown");
	if (p->rhythm)
		miss(p,
		     "the reads began in a rhythm of the host's: whether the device keeps to a tick "
		     "is unknown");
	if (sizes && p->requests_busy < MSC_PACE_REQUESTS_LEAST)
		miss(p, "endpoint 0 was not asked during reads: whether the medium is read in an "
			"interrupt is unknown");
	if (!p->writes)
		miss(p, "no write: nothing is said of pauses of writes");
	for (size_t i = 0; i < s->n_left_out; i++)
		miss(p, s->left_out[i]);
}
