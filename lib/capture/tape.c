/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture as the tape of a recorded device: see firmware/recorded/tape.h. */
#include "firmware/recorded/tape.h"

#include <stdlib.h>
#include <string.h>

#include "capture/image.h"

#define BATCH 4096

struct reading {
	struct tape *tape;
	unsigned talk; /* whose it is; 0: the first that says something */
	struct msc_err err;
};

void tape_free(struct tape *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_exchanges; i++)
		free(t->exchanges[i].data);
	for (size_t i = 0; i < t->n_requests; i++)
		free(t->requests[i].data);
	free(t->exchanges);
	free(t->requests);
	free(t->wrappers);
	free(t->blocks);
	free(t);
}

static int copy(struct reading *g, const uint8_t *data, size_t len, uint8_t **out)
{
	g->tape->bytes += len;
	if (g->tape->bytes > TAPE_BYTES_MAX)
		return msc_fail(
			&g->err, MSC_E_FORMAT,
			"the device in the capture said more than %u MiB, which is more than this "
			"model keeps",
			TAPE_BYTES_MAX >> 20);
	*out = malloc(len ? len : 1);
	if (!*out)
		return msc_nomem(&g->err);
	if (len)
		memcpy(*out, data, len);
	return 0;
}

/* Room for one more; NULL: out of memory. */
static void *grow(void *list, size_t n, size_t *room, size_t size)
{
	void *bigger;

	if (n < *room)
		return list;
	bigger = realloc(list, 2 * (*room + 8) * size);
	if (bigger)
		*room = 2 * (*room + 8);
	return bigger;
}

static enum tape_end end_of(const struct msc_step *s)
{
	return s->outcome == MSC_OUT_DONE    ? TAPE_DONE
	       : s->outcome == MSC_OUT_STALL ? TAPE_STALL
					     : TAPE_NEVER;
}

/* How the phases ended: of several transfers of the data the last counts, of the status the last that came
 * to something. A status that was refused once and then came was late by a halt of the host's. */
static void follow_steps(struct tape_exchange *e, const struct msc_exchange *x)
{
	int64_t began_ns = 0;

	e->status_end = TAPE_NEVER;
	for (size_t i = 0; i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];

		if (s->kind == MSC_STEP_CBW) {
			began_ns = s->completed_ns;
		} else if (s->kind == MSC_STEP_DATA && s->outcome != MSC_OUT_CANCELLED) {
			e->data_end = end_of(s);
			e->data_ns = s->completed_ns - began_ns;
		} else if (s->kind == MSC_STEP_CSW && s->outcome == MSC_OUT_STALL) {
			e->data_end = x->dir == MSC_DIR_IN ? TAPE_STALL : e->data_end;
		} else if (s->kind == MSC_STEP_CSW && s->outcome == MSC_OUT_DONE) {
			e->status_end = TAPE_DONE;
			e->status_ns = s->completed_ns - began_ns;
		}
	}
	if (x->csw_in_data)
		e->status_end = TAPE_DONE;
}

static int add_exchange(struct reading *g, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	struct tape *t = g->tape;
	struct tape_exchange *list, *e;
	struct msc_moved m;

	/* A CBW that was not taken is the host's affair, and of no use here. */
	if (!msc_exchange_is_valid(x) || r->cut || x->data_kept < x->data_len ||
	    !msc_step_with(x, MSC_STEP_CBW, MSC_OUT_DONE))
		return 0;
	list = grow(t->exchanges, t->n_exchanges, &t->room_exchanges, sizeof *list);
	if (!list)
		return msc_nomem(&g->err);
	t->exchanges = list;
	e = &list[t->n_exchanges];
	*e = (struct tape_exchange){ .cbw = x->cbw, .in_data = x->csw_in_data };
	if (copy(g, x->data, x->data_len, &e->data) < 0)
		return -1;
	e->data_len = x->data_len;
	e->status_len = x->status_len < TAPE_STATUS_MAX ? x->status_len : TAPE_STATUS_MAX;
	if (e->status_len)
		memcpy(e->status, x->status, e->status_len);
	follow_steps(e, x);
	if (msc_moved_blocks(r, &m)) {
		e->block_size = m.block_size;
		e->lba = m.lba;
		e->blocks = m.blocks;
		e->written = m.written;
	}
	t->n_exchanges++;
	return 0;
}

/* What the host asked of bulk-in afterwards is one poll; when it did not, nothing is known. */
static int add_wrapper(struct reading *g, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *cbw = msc_step_with(x, MSC_STEP_CBW, MSC_OUT_DONE);
	const struct msc_step *poll = msc_step_find(x, MSC_STEP_CSW);
	struct tape *t = g->tape;
	struct tape_wrapper *w;

	if (msc_exchange_is_valid(x) || r->cut || !cbw || !poll || x->whole || !x->wrapper_len ||
	    x->wrapper_len > TAPE_STATUS_MAX || x->status_len > TAPE_STATUS_MAX ||
	    poll->outcome == MSC_OUT_CANCELLED || poll->outcome == MSC_OUT_GONE)
		return 0;
	w = grow(t->wrappers, t->n_wrappers, &t->room_wrappers, sizeof *w);
	if (!w)
		return msc_nomem(&g->err);
	t->wrappers = w;
	w += t->n_wrappers++;
	*w = (struct tape_wrapper){ .len = x->wrapper_len,
				    .end = end_of(poll),
				    .answer_len = x->status_len,
				    .ns = poll->completed_ns - cbw->completed_ns };
	memcpy(w->raw, x->wrapper, w->len);
	if (w->answer_len)
		memcpy(w->answer, x->status, w->answer_len);
	return 0;
}

static int add_request(struct reading *g, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	struct tape *t = g->tape;
	struct tape_request *list;

	if (!(c->setup.request_type & MSC_REQTYPE_IN) || r->cut ||
	    (c->outcome != MSC_OUT_DONE && c->outcome != MSC_OUT_STALL))
		return 0;
	list = grow(t->requests, t->n_requests, &t->room_requests, sizeof *list);
	if (!list)
		return msc_nomem(&g->err);
	t->requests = list;
	list += t->n_requests;
	*list = (struct tape_request){ .setup = c->setup,
				       .len = c->data_len,
				       .stalled = c->outcome == MSC_OUT_STALL };
	if (copy(g, c->data, c->data_len, &list->data) < 0)
		return -1;
	t->n_requests++;
	return 0;
}

static void on_record(void *user, const struct msc_talk *talk, const struct msc_record *r)
{
	struct reading *g = user;
	struct tape *t = g->tape;

	if (!g->talk)
		g->talk = talk->number;
	if (g->err.code || talk->number != g->talk)
		return;
	t->described = talk->described;
	t->speed = talk->device.speed;
	t->desc = talk->device.desc;
	t->config_len = talk->device.config_len;
	memcpy(t->config, talk->device.config, t->config_len);
	t->ep_in = talk->device.ep_in;
	t->ep_out = talk->device.ep_out;
	if (r->kind == MSC_RECORD_EXCHANGE)
		(void)(add_exchange(g, r) || add_wrapper(g, r)); /* the error stays in g */
	else if (r->kind == MSC_RECORD_CONTROL)
		(void)add_request(g, r);
}

/* ---- blocks -------------------------------------------------------------------------------- */

static int by_place(const struct tape_block *a, const struct tape_block *b)
{
	if (a->lun != b->lun)
		return a->lun < b->lun ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return a->lba < b->lba ? -1 : a->lba > b->lba;
}

static int by_place_and_order(const void *a, const void *b)
{
	const struct tape_block *x = a, *y = b;
	int place = by_place(x, y);

	return place ? place : x->order < y->order ? -1 : x->order > y->order;
}

static int compare_places(const void *a, const void *b)
{
	return by_place(a, b);
}

/* Each block once, as it was last. */
static int index_blocks(struct tape *t, struct msc_err *err)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < t->n_exchanges; i++)
		n += t->exchanges[i].block_size ? t->exchanges[i].blocks : 0;
	t->blocks = malloc((n ? n : 1) * sizeof *t->blocks);
	if (!t->blocks)
		return msc_nomem(err);
	n = 0;
	for (size_t i = 0; i < t->n_exchanges; i++) {
		const struct tape_exchange *e = &t->exchanges[i];

		for (uint64_t k = 0; e->block_size && k < e->blocks; k++)
			t->blocks[n++] = (struct tape_block){ .lun = e->cbw.h.lun,
							      .size = e->block_size,
							      .lba = e->lba + k,
							      .data = e->data + k * e->block_size,
							      .order = i };
	}
	qsort(t->blocks, n, sizeof *t->blocks, by_place_and_order);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || by_place(&t->blocks[i], &t->blocks[i + 1]) != 0)
			t->blocks[kept++] = t->blocks[i];
	t->n_blocks = kept;
	return 0;
}

const uint8_t *tape_block(const struct tape *t, uint8_t lun, uint64_t lba, uint32_t size)
{
	const struct tape_block key = { .lun = lun, .size = size, .lba = lba }, *found;

	found = bsearch(&key, t->blocks, t->n_blocks, sizeof key, compare_places);
	return found ? found->data : NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

void tape_command(struct tape_command *c, const struct msc_cbw *cbw)
{
	const struct msc_cdb_def *def = msc_cdb_by_bytes(cbw->cb, sizeof cbw->cb);
	const struct msc_cdb_field *alloc = def ? msc_cdb_field(def, "alloc") : NULL;

	*c = (struct tape_command){ .lba = msc_cdb_value(cbw->cb, "lba"),
				    .blocks = msc_cdb_value(cbw->cb, "blocks"),
				    .alloc = msc_cdb_value(cbw->cb, "alloc"),
				    .reads = msc_reads_blocks(cbw->cb[0]),
				    .writes = msc_writes_blocks(cbw->cb[0]) };
	msc_cdb_text(c->text, sizeof c->text, cbw->cb, cbw->h.cb_length);
	if (alloc) {
		c->alloc_at = alloc->byte;
		c->alloc_bytes = alloc->bytes;
	}
}

struct tape *tape_read(const char *path, uint32_t number, struct msc_err *err)
{
	struct reading g = { .tape = calloc(1, sizeof *g.tape), .talk = number };
	const struct msc_capture_options options = { .record = on_record, .user = &g };
	struct msc_capture *c = g.tape ? msc_capture_open(path, &options, err) : NULL;
	bool over = false;

	if (!g.tape)
		msc_nomem(err);
	while (c && !over && !err->code) {
		(void)!msc_capture_read(c, BATCH, &over, err);
		if (g.err.code && !err->code)
			*err = g.err;
	}
	if (!err->code && !g.tape->n_exchanges)
		msc_fail(err, MSC_E_FORMAT, "%s: no exchange of mass storage is whole in it", path);
	msc_capture_close(c);
	if (!err->code && index_blocks(g.tape, err) == 0)
		return g.tape;
	tape_free(g.tape);
	return NULL;
}
