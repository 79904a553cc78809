/* SPDX-License-Identifier: BSD-2-Clause */
/* What a capture's exchanges are samples of: see pace_capture.h. */
#include <stdlib.h>
#include <string.h>

#include "timing/pace_collect.h"
#include "wire/cost.h"

#define CAME_MAX	 65536 /* pieces of one read */
#define REQUESTS_MAX	 8192
#define WRITES_MAX	 65536
#define LONG_LEAST	 3 /* blocks of a read in which one can be held against the next */
#define TOGETHER_PACKETS 2.0 /* what follows so soon was asked for beforehand */
#define PAUSE_LEAST_NS	 (4 * MSC_MS) /* a host that stops in the middle of a read */
#define STOP_MOST_NS	 (2 * MSC_MS) /* and one that is only late */

struct msc_pace_collector *msc_pace_collector_new(struct msc_pace_samples *out)
{
	struct msc_pace_collector *k = calloc(1, sizeof *k);

	if (!k)
		return NULL;
	*out = (struct msc_pace_samples){ .captured = true };
	k->out = out;
	k->ended_ns = INT64_MIN;
	return k;
}

void msc_pace_collector_free(struct msc_pace_collector *k)
{
	if (!k)
		return;
	free(k->came);
	free(k->seen);
	free(k);
}

/* Room for one more in a list that doubles; NULL: out of memory. */
static void *more(void **list, size_t n, size_t *room, size_t size)
{
	if (n == *room) {
		void *grown = realloc(*list, (*room ? 2 * *room : 64) * size);

		if (!grown)
			return NULL;
		*list = grown;
		*room = *room ? 2 * *room : 64;
	}
	return (char *)*list + n * size;
}

/* Another interface than that which is measured. */
static bool is_other(const struct msc_pace_collector *k, const struct msc_talk *t)
{
	return k->talk && k->talk != t->number;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static int add_came(struct msc_pace_collector *k, const struct msc_collected *new,
		    struct msc_err *err)
{
	void *list = k->came;
	struct msc_collected *c;

	if (k->n_came == CAME_MAX)
		return 0;
	c = more(&list, k->n_came, &k->room_came, sizeof *c);
	if (!c)
		return msc_nomem(err);
	k->came = list;
	*c = *new;
	k->n_came++;
	return 0;
}

int msc_pace_collect_packet(struct msc_pace_collector *k, const struct msc_talk *t,
			    const struct msc_bus_packet *p, struct msc_err *err)
{
	if (is_other(k, t))
		return 0;
	k->bus = true;
	if (!(p->ep & MSC_EP_IN)) {
		k->under_way = true;
		return 0;
	}
	return add_came(k,
			&(struct msc_collected){ .asked_ns = p->asked_ns,
						 .seen_ns = p->at_ns,
						 .len = p->len,
						 .naks = p->naks,
						 .ended = true },
			err);
}

int msc_pace_collect_wire(struct msc_pace_collector *k, const struct msc_talk *t,
			  const struct msc_log_entry *e, struct msc_err *err)
{
	const struct msc_transfer *x = &e->u.transfer;

	if (e->what != MSC_ENTRY_TRANSFER || x->kind != MSC_TRANSFER_BULK || is_other(k, t) ||
	    k->bus)
		return 0;
	if (!(x->ep & MSC_EP_IN)) {
		k->under_way |= x->ended;
		return 0;
	}
	if (!x->ended)
		return add_came(k,
				&(struct msc_collected){ .asked_ns = x->submitted_ns,
							 .naks = x->naks,
							 .number = x->number },
				err);
	for (size_t i = 0; i < k->n_came; i++) {
		struct msc_collected *c = &k->came[i];

		if (c->number != x->number || c->ended)
			continue;
		c->seen_ns = x->completed_ns;
		c->len = x->actual;
		c->naks = x->naks;
		c->ended = true;
		break;
	}
	return 0;
}

/* ---- long reads ------------------------------------------------------------------------------ */

/* Into how many equal pieces the data came, each a packet or a block; 0: it did not. */
static size_t pieces_of(const struct msc_pace_collector *k, const struct msc_exchange *x)
{
	uint32_t block = k->out->block_size;
	size_t len = k->n_came ? k->came[0].len : 0, n;

	if (!len || !block || block % len || (len != k->out->packet && len != block) ||
	    (k->out->piece && k->out->piece != len))
		return 0;
	n = x->data_len / len;
	if (k->n_came < n + 1)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (k->came[i].len != len || !k->came[i].ended)
			return 0;
	return n;
}

/* The host stops once, after the first block, or not at all: *paused. False: it did otherwise. */
static bool is_regular(const struct msc_pace_collector *k, size_t pieces, size_t per_block,
		       bool *paused)
{
	*paused = false;
	for (size_t i = 1; i < pieces; i++) {
		int64_t late = k->came[i].asked_ns - k->came[i - 1].seen_ns;

		if (i == per_block && late >= PAUSE_LEAST_NS)
			*paused = true;
		else if (late > (k->bus ? STOP_MOST_NS : 0))
			return false;
	}
	return true;
}

static int add_stream(struct msc_pace_collector *k, const struct msc_exchange *x,
		      const struct msc_seen_command *s, bool *paused, struct msc_err *err)
{
	size_t pieces = pieces_of(k, x), per_block;
	struct msc_pace_stream *out;

	*paused = false;
	if (!pieces || s->c.blocks < LONG_LEAST || k->poked)
		return 0;
	per_block = k->out->block_size / k->came[0].len;
	if (!is_regular(k, pieces, per_block, paused) || k->out->n_streams == MSC_COLLECT_STREAMS)
		return 0;
	k->out->piece = (uint32_t)k->came[0].len;
	out = msc_pace_add_stream(k->out, pieces);
	if (!out)
		return msc_nomem(err);
	out->blocks = s->c.blocks;
	out->queued = s->queued;
	out->paused = *paused;
	out->resumed_ns = *paused ? k->came[per_block].asked_ns : 0;
	out->began_ns = s->c.began_ns;
	out->cbw_ns = x->steps[0].completed_ns;
	out->asked_ns = k->came[0].asked_ns;
	out->status_ns = k->came[pieces].asked_ns;
	out->csw_ns = k->came[pieces].seen_ns;
	out->csw_naks = (int32_t)k->came[pieces].naks;
	for (size_t i = 0; i < pieces; i++) {
		out->seen_ns[i] = k->came[i].seen_ns;
		out->naks[i] = k->came[i].naks < INT32_MAX ? (int32_t)k->came[i].naks : INT32_MAX;
	}
	if (x->data_kept == x->data_len)
		msc_pace_weigh(k->out, x->data, x->data_len, s->c.blocks);
	return 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

static const struct msc_step *last_of(const struct msc_exchange *x, enum msc_step_kind kind)
{
	for (size_t i = x->n_steps; i-- > 0;)
		if (x->steps[i].kind == kind && x->steps[i].outcome == MSC_OUT_DONE)
			return &x->steps[i];
	return NULL;
}

static int64_t together_ns(const struct msc_pace_collector *k)
{
	return (int64_t)(TOGETHER_PACKETS * msc_packet_ns(k->out->speed, 8.0 * k->out->packet));
}

/* Of a command that worked. False: its parts are not all there. */
static bool see(const struct msc_pace_collector *k, const struct msc_record *r, uint32_t blocks,
		struct msc_seen_command *s)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *cbw = last_of(x, MSC_STEP_CBW), *csw = last_of(x, MSC_STEP_CSW);
	const struct msc_step *data = msc_step_find(x, MSC_STEP_DATA),
			      *end = last_of(x, MSC_STEP_DATA);

	if (!cbw || !csw || (blocks && (!data || !end)))
		return false;
	*s = (struct msc_seen_command){ .queued = x->queued,
					.before_ns = INT64_MAX,
					.after_ns = INT64_MAX };
	s->c.blocks = blocks;
	s->c.began_ns = cbw->submitted_ns;
	s->c.cbw_ns = cbw->completed_ns;
	s->c.data_ns = blocks ? end->completed_ns : s->c.cbw_ns;
	s->c.csw_ns = csw->completed_ns;
	for (size_t i = 0; i < x->n_steps && s->c.naks >= 0; i++)
		s->c.naks = x->steps[i].naks < 0 ? -1 : s->c.naks + x->steps[i].naks;
	s->to_data_ns = (blocks ? data : csw)->submitted_ns;
	s->to_csw_ns = csw->submitted_ns;
	if (k->bus)
		s->queued = s->to_data_ns - s->c.cbw_ns <= together_ns(k) &&
			    s->to_csw_ns - s->c.data_ns <= together_ns(k);
	if (k->ended_ns != INT64_MIN)
		s->before_ns = s->c.began_ns - k->ended_ns;
	return true;
}

size_t msc_collect_size(const struct msc_pace_collector *k, uint32_t blocks)
{
	size_t i = 0;

	while (i < k->n_sizes && k->sizes[i].blocks != blocks)
		i++;
	return i;
}

static int keep(struct msc_pace_collector *k, const struct msc_seen_command *s, struct msc_err *err)
{
	size_t size = msc_collect_size(k, s->c.blocks);
	void *list = k->seen;
	struct msc_seen_command *out;

	if (k->n_seen == MSC_COLLECT_COMMANDS || size == MSC_COLLECT_SIZES)
		return 0;
	out = more(&list, k->n_seen, &k->room_seen, sizeof *out);
	if (!out)
		return msc_nomem(err);
	k->seen = list;
	*out = *s;
	k->n_seen++;
	if (size == k->n_sizes) {
		k->sizes[k->n_sizes++].blocks = s->c.blocks;
		k->sizes[size].n = 0;
	}
	k->sizes[size].n++;
	k->sizes[size].queued |= s->queued;
	k->next_is_last = true;
	return 0;
}

static bool passed(const struct msc_exchange *x)
{
	return msc_csw_is_valid(x) && x->csw.status == MSC_CSW_PASSED &&
	       x->data_len == x->cbw.h.length;
}

static void meet(struct msc_pace_collector *k, const struct msc_talk *t, uint32_t block_size)
{
	k->talk = t->number;
	k->device = t->device;
	k->out->speed = t->device.speed;
	k->out->packet = t->device.max_packet_in ? t->device.max_packet_in
			 : t->device.speed == MSC_SPEED_HIGH ? 512
							     : 64;
	k->out->block_size = block_size;
}

/* A pause of the host is no part of what the command takes; nor are pieces what a driver sends. */
static int add_read(struct msc_pace_collector *k, const struct msc_record *r, struct msc_err *err)
{
	const struct msc_exchange *x = &r->u.exchange;
	bool paused;
	struct msc_seen_command s;

	if (!see(k, r, (uint32_t)x->view.blocks, &s))
		return 0;
	k->reads++;
	if (add_stream(k, x, &s, &paused, err) < 0)
		return -1;
	if (paused ||
	    (!k->bus && k->out->piece && k->n_came > 2 && k->came[0].len == k->out->piece))
		return 0;
	return keep(k, &s, err);
}

static int add_write(struct msc_pace_collector *k, const struct msc_record *r, struct msc_err *err)
{
	struct msc_pace_write *w;

	k->writes++;
	if (k->out->n_writes == WRITES_MAX)
		return 0;
	w = msc_pace_add_write(k->out);
	if (!w)
		return msc_nomem(err);
	*w = (struct msc_pace_write){ (uint32_t)r->u.exchange.view.blocks,
				      r->ended_ns - r->began_ns };
	return 0;
}

static void see_other(struct msc_pace_collector *k, const struct msc_talk *t)
{
	k->other_reads++;
	for (size_t i = 0; i < k->n_others; i++)
		if (k->others[i] == t->number)
			return;
	if (k->n_others < MSC_COLLECT_OTHERS)
		k->others[k->n_others++] = t->number;
}

static int add_exchange(struct msc_pace_collector *k, const struct msc_talk *t,
			const struct msc_record *r, struct msc_err *err)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_view *v = &x->view;
	bool blocks = v->moves_blocks && v->def->dir == x->dir && !x->whole, good = passed(x);
	uint32_t size = blocks ? (uint32_t)(x->cbw.h.length / v->blocks) : 0;
	struct msc_seen_command s;

	if (is_other(k, t)) {
		if (blocks && good)
			see_other(k, t);
		return 0;
	}
	if (k->next_is_last && k->seen[k->n_seen - 1].c.csw_ns == k->ended_ns)
		k->seen[k->n_seen - 1].after_ns = r->began_ns - k->ended_ns;
	k->next_is_last = false;
	k->failed += blocks && !good;
	if (blocks && good && (!k->talk || size != k->out->block_size))
		meet(k, t, size);
	if (blocks && good && x->dir == MSC_DIR_IN)
		return add_read(k, r, err);
	if (blocks && good)
		return add_write(k, r, err);
	if (x->cbw.cb[0] == MSC_OP_TEST_UNIT_READY && msc_csw_is_valid(x) && k->talk &&
	    see(k, r, 0, &s))
		return keep(k, &s, err);
	return 0;
}

static int add_request(struct msc_pace_collector *k, const struct msc_record *r,
		       struct msc_err *err)
{
	struct msc_pace_request *q;

	if (!msc_is_request(r, MSC_REQTYPE_IN, MSC_STD_GET_STATUS) ||
	    r->u.control.outcome != MSC_OUT_DONE || k->out->n_requests == REQUESTS_MAX)
		return 0;
	q = msc_pace_add_request(k->out);
	if (!q)
		return msc_nomem(err);
	*q = (struct msc_pace_request){ k->under_way, r->began_ns, r->ended_ns };
	k->poked |= k->under_way;
	return 0;
}

int msc_pace_collect_record(struct msc_pace_collector *k, const struct msc_talk *t,
			    const struct msc_record *r, struct msc_err *err)
{
	int rc = 0;

	if (r->kind == MSC_RECORD_EXCHANGE) {
		rc = r->cut ? 0 : add_exchange(k, t, r, err);
		k->cut_short += r->cut;
		if (is_other(k, t))
			return rc;
		k->n_came = 0;
		k->under_way = k->poked = false;
		k->ended_ns = r->ended_ns;
	} else if (r->kind == MSC_RECORD_CONTROL && !is_other(k, t)) {
		rc = add_request(k, r, err);
	}
	return rc;
}
