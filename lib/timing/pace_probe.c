/* SPDX-License-Identifier: BSD-2-Clause */
/* The stimuli of mscope pace, in the order in which they are sent:
 *
 *	TEST UNIT READY		what a command costs that moves nothing
 *	READ(10) of each size	serial, queued and strobed
 *	long reads, strobed	when each packet arrives
 *	the same with a pause	how much the device has ready after it
 *	GET_STATUS(device)	while idle, and while a read is under way
 *
 * Every set has a number of samples and a time that it may take; the shorter of the two ends it.
 * What the samples mean is not decided here, but in pace.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "timing/arrivals.h"
#include "timing/probe.h"
#include "wire/cost.h"

#define COUNT	     16		   /* commands of one size and set, unless told otherwise */
#define COUNT_LEAST  4		   /* however slow they are */
#define SET_NS	     (1500 * MSC_MS) /* time for one set of one size */
#define STREAMS	     48
#define PATH_READS   12
#define RESUMES	     96
#define RESUME_BLOCKS 12 /* at least; and so many chunks: */
#define RESUME_CHUNKS 4
#define STREAM_LEAST 12 /* blocks of a long read */
#define STREAM_MOST  128
#define SUBMITTING_MOST 10 /* 1 / the share of a read's time that submitting it may take */
#define STREAMS_LEAST 10 /* however slow they are */
#define CHUNKS	     4	/* that a long read shows */
#define STREAMS_NS   (4 * MSC_S) /* for each kind of them */
#define PAUSE_NS     (5 * MSC_MS) /* of the host, at least; and so many blocks' time: */
#define PAUSE_BLOCKS 6
#define IDLE_REQUESTS 64
#define BUSY_READS   12
#define REQUESTS_NS  (3 * MSC_S)
#define WRITE_BLOCKS 8
#define WRITES	     160
#define WRITES_NS    (12 * MSC_S)
#define PAUSES_WANTED 4
#define PAUSE_LEAST_NS (50 * MSC_MS)

static void say(const struct msc_probe *s, const char *text)
{
	if (s->o->progress)
		s->o->progress(s->o->user, text);
}

static int64_t now(const struct msc_probe *s)
{
	return msc_now(s->target->clock);
}

/* ---- whole commands -------------------------------------------------------------------------- */

static int64_t ended(const struct msc_exchange *x, enum msc_step_kind kind, int64_t otherwise)
{
	for (size_t i = x->n_steps; i-- > 0;)
		if (x->steps[i].kind == kind && x->steps[i].outcome == MSC_OUT_DONE)
			return x->steps[i].completed_ns;
	return otherwise;
}

static int keep(struct msc_probe *s, const struct msc_record *r, enum msc_pace_set set,
		uint32_t blocks, struct msc_err *err)
{
	struct msc_pace_command *c = msc_pace_add_command(s->out);
	const struct msc_exchange *x = &r->u.exchange;

	if (!c)
		return msc_nomem(err);
	*c = (struct msc_pace_command){ .set = set,
					.blocks = blocks,
					.began_ns = x->steps[0].submitted_ns };
	c->cbw_ns = ended(x, MSC_STEP_CBW, c->began_ns);
	c->data_ns = ended(x, MSC_STEP_DATA, c->cbw_ns);
	c->csw_ns = ended(x, MSC_STEP_CSW, c->data_ns);
	for (size_t i = 0; i < x->n_steps && c->naks >= 0; i++)
		c->naks = x->steps[i].naks < 0 ? -1 : c->naks + x->steps[i].naks;
	return 0;
}

/* One command by the host engine. A TEST UNIT READY may fail as it likes: its time is wanted. */
static int command(struct msc_probe *s, enum msc_pace_set set, uint32_t blocks, struct msc_err *err)
{
	uint32_t bytes = blocks * s->unit.block_size;
	const struct msc_exchange *x;
	const struct msc_record *r;
	struct msc_request rq;
	uint8_t cdb[6] = { MSC_OP_TEST_UNIT_READY };
	uint64_t lba;

	if (blocks && !msc_probe_place(s, blocks, &lba))
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: the medium has fewer than %u block%s",
				s->target->device.name, blocks, MSC_PLURAL(blocks));
	msc_request_init(&rq, cdb, 6, MSC_DIR_NONE, 0);
	if (blocks)
		msc_request_blocks(&rq, false, s->o->lun, lba, blocks, s->unit.block_size);
	rq.cbw.h.lun = s->o->lun;
	rq.timeout_ns = s->timeout_ns;
	rq.serial = set == MSC_PACE_SERIAL || !s->out->queued_works;
	if (msc_session_exchange(s->session, &rq, &r, err) < 0)
		return -1;
	x = &r->u.exchange;
	if (!msc_csw_is_valid(x) || (blocks && (x->csw.status || x->data_len != bytes))) {
		if (msc_probe_failed(s, blocks ? "READ(10)" : "TEST UNIT READY",
				     !x->have_csw          ? "no CSW"
				     : x->data_len < bytes ? "its data ended early"
							   : "the device failed it",
				     !x->needs_reset, err) < 0)
			return -1;
	} else {
		s->failures = 0;
		if (keep(s, r, set, blocks, err) < 0)
			return -1;
	}
	msc_session_forget(s->session);
	return 0;
}

static int set_of(struct msc_probe *s, enum msc_pace_set set, uint32_t blocks, struct msc_err *err)
{
	uint32_t count = s->o->count ? s->o->count : COUNT;
	int64_t end = now(s) + SET_NS;

	/* Of those in a row the first is not kept: nothing went before it. */
	if (set != MSC_PACE_STROBED) {
		if (command(s, set, blocks, err) < 0)
			return -1;
		if (s->out->n_commands && s->out->commands[s->out->n_commands - 1].set == set &&
		    s->out->commands[s->out->n_commands - 1].blocks == blocks)
			s->out->n_commands--;
	}
	for (uint32_t i = 0; i < count && (s->o->count || i < COUNT_LEAST || now(s) < end); i++) {
		if (set == MSC_PACE_STROBED && msc_probe_strobe(s, err) < 0)
			return -1;
		if (command(s, set, blocks, err) < 0)
			return -1;
	}
	return 0;
}

int msc_probe_size(struct msc_probe *s, uint32_t blocks, struct msc_err *err)
{
	if (set_of(s, MSC_PACE_SERIAL, blocks, err) < 0 ||
	    (s->out->queued_works && set_of(s, MSC_PACE_QUEUED, blocks, err) < 0))
		return -1;
	return set_of(s, MSC_PACE_STROBED, blocks, err);
}

static int commands(struct msc_probe *s, const uint32_t *blocks, size_t n, struct msc_err *err)
{
	for (size_t i = 0; i < n; i++) {
		char text[64];

		if (blocks[i])
			snprintf(text, sizeof text, "reads of %u block%s", blocks[i],
				 blocks[i] == 1 ? "" : "s");
		say(s, blocks[i] ? text : "commands without data");
		if (msc_probe_size(s, blocks[i], err) < 0)
			return -1;
	}
	return 0;
}

/* ---- long reads ------------------------------------------------------------------------------ */

static int stream(struct msc_probe *s, const struct msc_probe_read *what, struct msc_err *err)
{
	size_t pieces = (size_t)what->blocks * (s->unit.block_size / s->out->piece);
	struct msc_pace_stream *out = msc_pace_add_stream(s->out, pieces);
	bool worked = false;

	if (!out)
		return msc_nomem(err);
	if (msc_probe_read(s, what, out, &worked, err) < 0 || !worked || what->poke)
		msc_pace_drop_stream(s->out);
	return err->code ? -1 : 0;
}

/* Time of one block, from the largest reads so far. */
static int64_t block_time(const struct msc_pace_samples *out)
{
	const struct msc_pace_command *best = NULL;

	for (size_t i = 0; i < out->n_commands; i++)
		if (out->commands[i].blocks && (!best || out->commands[i].blocks >= best->blocks))
			best = &out->commands[i];
	return best ? (best->csw_ns - best->began_ns) / best->blocks + 1 : MSC_MS;
}

static uint32_t at_most(const struct msc_probe *s, int64_t blocks)
{
	uint64_t medium = s->unit.last_lba + 1 - s->o->first_lba;

	if (blocks > STREAM_MOST)
		blocks = STREAM_MOST;
	return (uint64_t)blocks < medium ? (uint32_t)blocks : (uint32_t)medium;
}

/* A host that needs a good part of a read's time to submit it packet by packet submits it block by
 * block. */
static bool is_slow(const struct msc_probe *s, const struct msc_pace_stream *x)
{
	return s->out->piece < s->unit.block_size &&
	       s->submitting_ns > (x->csw_ns - x->began_ns) / SUBMITTING_MOST;
}

/* How many blocks come together, by the long reads so far. */
static int see_chunk(struct msc_probe *s, uint32_t blocks, uint32_t *chunk, struct msc_err *err)
{
	double packets, packet_ns;
	double *gap;
	int rc;

	msc_pace_settle_packet(s->out);
	packets = (double)s->unit.block_size / s->out->packet;
	packet_ns =
		fmax(msc_packet_pace_ns(s->out->speed, 8.0 * s->out->packet), msc_path_ns(s->out));
	gap = calloc(STREAM_MOST, sizeof *gap);
	rc = gap ? msc_mean_gaps(s->out, false, blocks, gap, err) : msc_nomem(err);

	if (rc == 0)
		*chunk = msc_chunk_of(gap, blocks,
				      packets * packet_ns + msc_fed_ns(s->out, packet_ns));
	free(gap);
	return rc;
}

/* One long read tells about how many blocks come together. Then all long reads are so long that several
 * such chunks are seen, and as short as that allows, because each begins anew. */
static int choose_length(struct msc_probe *s, struct msc_err *err)
{
	const struct msc_probe_read what = { .blocks = at_most(s, STREAM_MOST),
					     .queued = s->out->queued_works };
	int64_t fit = STREAMS_NS / STREAMS / block_time(s->out), least;
	size_t before = s->out->n_streams;
	uint32_t chunk = 1;
	int rc = stream(s, &what, err);

	if (rc == 0 && s->out->n_streams > before && is_slow(s, &s->out->streams[before])) {
		s->out->piece = s->unit.block_size;
		msc_pace_drop_stream(s->out);
		rc = stream(s, &what, err);
	}
	if (rc == 0 && s->out->n_streams > before) {
		rc = see_chunk(s, what.blocks, &chunk, err);
		msc_pace_drop_stream(s->out);
	}
	least = CHUNKS * chunk > STREAM_LEAST ? CHUNKS * chunk : STREAM_LEAST;
	s->long_blocks = at_most(s, fit > least ? fit : least);
	return rc;
}

static int streams(struct msc_probe *s, int count, uint32_t blocks, int64_t pause_ns,
		   struct msc_err *err)
{
	const struct msc_probe_read what = { .blocks = blocks,
					     .queued = s->out->queued_works,
					     .pause_ns = pause_ns };
	int64_t end = now(s) + STREAMS_NS;

	for (int i = 0; i < count && (i < STREAMS_LEAST || now(s) < end); i++)
		if (msc_probe_jitter(s, err) < 0 || stream(s, &what, err) < 0)
			return -1;
	return 0;
}

/* Reads with a pause have to go beyond what the device has ready then. All long reads together tell that better
 * than the first did, where only frames are seen. */
static int reads_with_a_pause(struct msc_probe *s, struct msc_err *err)
{
	int64_t pause_ns = PAUSE_BLOCKS * block_time(s->out);
	uint32_t chunk = 1;

	if (s->out->n_streams && see_chunk(s, s->long_blocks, &chunk, err) < 0)
		return -1;
	s->resumed_blocks = at_most(s, RESUME_CHUNKS * chunk > RESUME_BLOCKS ? RESUME_CHUNKS * chunk
									     : RESUME_BLOCKS);
	return streams(s, RESUMES, s->resumed_blocks, pause_ns > PAUSE_NS ? pause_ns : PAUSE_NS,
		       err);
}

static int long_reads(struct msc_probe *s, struct msc_err *err)
{
	s->long_blocks = at_most(s, STREAM_LEAST);
	if (s->long_blocks < 3 || !s->out->piece)
		return 0;
	say(s, "long reads, packet by packet");
	if (choose_length(s, err) < 0 || streams(s, STREAMS, s->long_blocks, 0, err) < 0)
		return -1;
	say(s, "long reads with a pause of the host");
	return reads_with_a_pause(s, err);
}

int msc_probe_path(struct msc_probe *s, struct msc_err *err)
{
	uint32_t blocks = at_most(s, STREAM_LEAST);

	if (!s->out->translated || !s->out->piece || !blocks)
		return 0;
	say(s, "long reads, packet by packet");
	return streams(s, PATH_READS, blocks, 0, err);
}

/* The exchange that is drawn: a few blocks, as the host does it that is diagnosed, right after
 * another one. */
static int picture(struct msc_probe *s, struct msc_err *err)
{
	uint32_t blocks = s->out->speed == MSC_SPEED_FULL ? 4 : 16;
	struct msc_probe_read what = { .blocks = blocks, .queued = !s->o->serial };
	size_t before = s->out->n_streams;

	if (s->unit.last_lba + 1 - s->o->first_lba < blocks)
		what.blocks = 1;
	what.queued &= s->out->queued_works;
	if (!s->out->piece)
		return 0;
	if (stream(s, &what, err) < 0)
		return -1;
	if (s->out->n_streams > before)
		msc_pace_drop_stream(s->out);
	if (stream(s, &what, err) < 0)
		return -1;
	if (s->out->n_streams > before)
		s->out->picture = s->out->streams[--s->out->n_streams];
	return 0;
}

/* ---- endpoint 0 ------------------------------------------------------------------------------ */

static int requests(struct msc_probe *s, struct msc_err *err)
{
	const struct msc_probe_read what = { .blocks = s->long_blocks,
					     .queued = s->out->queued_works,
					     .poke = true };
	int64_t end = now(s) + REQUESTS_NS;

	if (!s->out->piece)
		return 0;
	say(s, "endpoint 0 during a read");
	for (int i = 0; i < IDLE_REQUESTS; i++)
		if (msc_probe_strobe(s, err) < 0 || msc_probe_request(s, false, err) < 0)
			return -1;
	for (int i = 0; i < BUSY_READS && (i < 2 || now(s) < end); i++)
		if (msc_probe_jitter(s, err) < 0 || stream(s, &what, err) < 0)
			return -1;
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int check_sizes(const struct msc_probe *s, struct msc_err *err)
{
	uint64_t room = s->unit.last_lba + 1 - s->o->first_lba;

	for (size_t i = 0; i < s->o->n_blocks; i++)
		if (s->o->blocks[i] > room)
			return msc_fail(err, MSC_E_USAGE,
					"--blocks: %u is more than the %llu block%s that there are",
					s->o->blocks[i], (unsigned long long)room,
					MSC_PLURAL(room));
	return 0;
}

static size_t choose_sizes(const struct msc_probe *s, uint32_t *blocks)
{
	static const uint32_t full[] = { 0, 1, 8, 64 }, high[] = { 0, 1, 8, 64, 240 };
	bool slow = s->out->speed == MSC_SPEED_FULL || s->out->speed == MSC_SPEED_LOW;
	const uint32_t *standard = slow ? full : high;
	size_t n = slow ? MSC_COUNT(full) : MSC_COUNT(high), kept = 0;

	if (s->o->n_blocks) {
		blocks[kept++] = 0;
		standard = s->o->blocks;
		n = s->o->n_blocks;
	}
	for (size_t i = 0; i < n && kept < MSC_PACE_SIZES_MAX; i++)
		if (s->o->n_blocks || standard[i] <= s->unit.last_lba + 1 - s->o->first_lba)
			blocks[kept++] = standard[i];
	return kept;
}

static int probe(struct msc_probe *s, struct msc_err *err)
{
	uint32_t blocks[MSC_PACE_SIZES_MAX + 1];
	size_t n = choose_sizes(s, blocks);

	if (check_sizes(s, err) < 0 ||
	    msc_session_probe_queued(s->session, &s->out->queued_works, s->out->queued_why,
				     sizeof s->out->queued_why, err) < 0 ||
	    commands(s, blocks, n, err) < 0 || long_reads(s, err) < 0 || requests(s, err) < 0)
		return -1;
	return picture(s, err);
}

int msc_probe_finish(struct msc_probe *s, int rc, struct msc_err *err)
{
	if (rc == 0 || err->code != MSC_E_TIMEOUT)
		return rc;
	snprintf(s->out->failure, sizeof s->out->failure, "%s", err->msg);
	*err = (struct msc_err)MSC_ERR_INIT;
	return 0;
}

int msc_pace_probe(struct msc_session *session, const struct msc_pace_options *o,
		   struct msc_pace_samples *out, struct msc_err *err)
{
	struct msc_probe s;
	int rc = msc_probe_open(&s, session, o, out, err);

	if (rc == 0)
		rc = probe(&s, err);
	if (rc == 0)
		rc = msc_session_packet_warning(session, out->warning, sizeof out->warning, err);
	msc_pace_settle_packet(out);
	return msc_probe_finish(&s, rc, err);
}

/* ---- writes ---------------------------------------------------------------------------------- */

static int write_once(struct msc_probe *s, uint64_t lba, uint32_t blocks, const uint8_t *data,
		      struct msc_err *err)
{
	const struct msc_exchange *x;
	const struct msc_record *r;
	struct msc_pace_write *w;
	struct msc_request rq;

	msc_request_blocks(&rq, true, s->o->lun, lba, blocks, s->unit.block_size);
	rq.timeout_ns = s->timeout_ns;
	rq.out = data;
	if (msc_session_exchange(s->session, &rq, &r, err) < 0)
		return -1;
	x = &r->u.exchange;
	if (!msc_csw_is_valid(x) || x->csw.status) {
		if (msc_probe_failed(s, "WRITE(10)",
				     x->have_csw ? "the device failed it" : "no CSW",
				     !x->needs_reset, err) < 0)
			return -1;
	} else {
		s->failures = 0;
		w = msc_pace_add_write(s->out);
		if (!w)
			return msc_nomem(err);
		*w = (struct msc_pace_write){ blocks, r->ended_ns - r->began_ns };
	}
	msc_session_forget(s->session);
	return 0;
}

int msc_pace_probe_writes(struct msc_session *session, const struct msc_pace_options *o,
			  uint64_t lba, uint32_t blocks, const uint8_t *data,
			  struct msc_pace_samples *out, struct msc_err *err)
{
	struct msc_probe s;
	int rc = msc_probe_open(&s, session, o, out, err);
	int64_t end = rc == 0 ? now(&s) + WRITES_NS : 0;
	int pauses = 0;

	if (rc == 0)
		say(&s, "writes");
	for (int i = 0; rc == 0 && i < WRITES && now(&s) < end && pauses < PAUSES_WANTED; i++) {
		uint32_t at = blocks > WRITE_BLOCKS ? (uint32_t)i * WRITE_BLOCKS % blocks : 0;
		uint32_t n = blocks - at < WRITE_BLOCKS ? blocks - at : WRITE_BLOCKS;

		rc = write_once(&s, lba + at, n, data + (size_t)at * s.unit.block_size, err);
		if (rc == 0 && out->n_writes && out->writes[out->n_writes - 1].ns > PAUSE_LEAST_NS)
			pauses++;
	}
	return msc_probe_finish(&s, rc, err);
}
