/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: see gate.h. Looking changes nothing, so a request can be asked about as a whole before
 * its first byte leaves; what was let through is remembered only when it is submitted. */
#include "session/gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/engine.h"

#define OPCODE_AT     MSC_CBW_HEADER_LEN
#define SIGNATURE_LEN 4
/* Without a signature, bytes are looked at as a CBW only where no data can be so short or so exact. */
#define ODD_CBW_MIN   (OPCODE_AT + 1)
#define ODD_CBW_MAX   63
/* TEST_MODE: USB 2.0, table 9-6; only taking the power away ends it. */
#define FEATURE_TEST_MODE 2

/* What may be a CBW: it begins at p, and len bytes of it or more are there. */
struct guess {
	uint8_t lun;
	bool out;
	uint32_t length; /* dCBWDataTransferLength */
	uint8_t cb[MSC_CBW_CB_MAX];
	size_t cb_len; /* at least 1 */
};

typedef bool guess_fn(void *user, const struct guess *);

/* ---- permits ------------------------------------------------------------------------------ */

int msc_gate_permit(struct msc_session *s, const struct msc_permit *p, unsigned *id,
		    struct msc_err *err)
{
	struct msc_gate *g = &s->gate;

	if (g->n_permits == g->room) {
		size_t room = g->room ? 2 * g->room : 16;
		void *grown = realloc(g->permits, room * sizeof *g->permits);

		if (!grown)
			return msc_nomem(err);
		g->permits = grown;
		g->room = room;
	}
	*id = ++g->last_id;
	g->permits[g->n_permits++] = (struct msc_held){ .permit = *p, .id = *id };
	return 0;
}

void msc_gate_revoke(struct msc_session *s, unsigned id)
{
	struct msc_gate *g = &s->gate;

	for (size_t i = 0; i < g->n_permits; i++) {
		if (g->permits[i].id != id)
			continue;
		g->permits[i] = g->permits[--g->n_permits];
		return;
	}
}

/* The permit that lets this operation code (NULL: whatever it is) write that block; NULL: none. */
static const struct msc_permit *permit_for(const struct msc_gate *g, uint8_t lun, uint64_t lba,
					   const uint8_t *opcode)
{
	for (size_t i = 0; i < g->n_permits; i++) {
		const struct msc_permit *p = &g->permits[i].permit;

		if (p->lun == lun && lba >= p->first && lba - p->first < p->blocks &&
		    (!opcode || memchr(p->opcodes, *opcode, p->n_opcodes)))
			return p;
	}
	return NULL;
}

static bool all_covered(const struct msc_gate *g, uint8_t lun, uint64_t lba, uint64_t blocks,
			const uint8_t *opcode)
{
	while (blocks) {
		const struct msc_permit *p = permit_for(g, lun, lba, opcode);
		uint64_t step;

		if (!p)
			return false;
		step = p->blocks - (lba - p->first);
		if (step >= blocks)
			break;
		if (lba + step < lba)
			return false;
		lba += step;
		blocks -= step;
	}
	return true;
}

/* Every block is covered: those that the command block names, and those that the data would fill in a
 * device that goes by dCBWDataTransferLength. *bytes of data will be blocks then. */
static bool is_covered(const struct msc_gate *g, const struct guess *c, uint64_t *bytes)
{
	const struct msc_permit *p;
	uint64_t lba, named, blocks;

	msc_cdb_written(c->cb, &lba, &named);
	p = permit_for(g, c->lun, lba, c->cb);
	if (!p)
		return false;
	blocks = c->out ? ((uint64_t)c->length + p->block_size - 1) / p->block_size : 0;
	*bytes = named < blocks ? named * p->block_size : c->out ? c->length : 0;
	return all_covered(g, c->lun, lba, blocks < named ? named : blocks, c->cb);
}

bool msc_gate_covers(void *session, uint8_t lun, uint64_t lba, uint64_t blocks)
{
	const struct msc_session *s = session;

	return (s->o.allow_writes && s->o.allow_unsafe) ||
	       all_covered(&s->gate, lun, lba, blocks, NULL);
}

/* ---- what bytes may be -------------------------------------------------------------------- */

static struct guess guess(const uint8_t *p, size_t len)
{
	struct guess c = { .length = msc_get_le32(p + 8),
			   .out = !(p[12] & MSC_CBW_FLAG_IN),
			   .lun = p[13],
			   .cb_len = len - OPCODE_AT };

	if (c.cb_len > MSC_CBW_CB_MAX)
		c.cb_len = MSC_CBW_CB_MAX;
	memcpy(c.cb, p + OPCODE_AT, c.cb_len);
	return c;
}

static bool has_signature(const uint8_t *p)
{
	return msc_get_le32(p) == MSC_CBW_SIGNATURE;
}

/* A CBW in form: whatever was sent before it, this is where the next command begins. */
static bool is_honest(const uint8_t *p, size_t len)
{
	return len == MSC_CBW_LEN && has_signature(p);
}

/* Bytes on bulk-out. The first `old` of them have left already; what lies in them alone was looked at
 * then. */
struct stream {
	const uint8_t *bytes;
	size_t old, len;
	size_t packet; /* wMaxPacketSize; 0: not known */
	bool data;     /* a CBW in form has announced them, so that they need not be one */
};

/* Every place in the stream where a CBW may be seen. False as soon as the callback says so. */
static bool each_guess(const struct stream *s, guess_fn *see, void *user)
{
	const size_t fresh = s->len - s->old;
	const size_t last = s->packet ? s->len - fresh % s->packet : s->old;
	const bool odd = !s->data && fresh >= ODD_CBW_MIN && fresh <= ODD_CBW_MAX;

	for (size_t i = 0; i + OPCODE_AT < s->len; i++) {
		bool wrapper = has_signature(s->bytes + i) && i + MSC_CBW_LEN > s->old;

		wrapper |= i == s->old && odd;
		wrapper |= i == last && s->len - last == MSC_CBW_LEN;
		if (wrapper) {
			const struct guess c = guess(s->bytes + i, s->len - i);

			if (!see(user, &c))
				return false;
		}
	}
	return true;
}

/* ---- judgement ---------------------------------------------------------------------------- */

struct look {
	const struct msc_session *s;
	struct msc_err *err;
	/* Bytes: of blocks that the newest one writes, and that it announces. */
	uint64_t blocks, data;
};

bool msc_gate_lets_all(const struct msc_session *s, uint8_t opcode)
{
	const struct msc_session_options *o = &s->o;

	return o->allow_writes && o->allow_unsafe &&
	       (!o->n_unsafe || memchr(o->unsafe, opcode, o->n_unsafe));
}

static bool refuse(struct look *l, enum msc_effect effect, const char *what, const char *why)
{
	const bool writes = l->s->o.allow_writes;

	if (effect == MSC_EFFECT_BLOCKS && writes)
		msc_fail(l->err, MSC_E_REFUSED,
			 "%s is not sent: it writes to blocks that are not saved; give "
			 "--allow-unsafe to allow it",
			 what);
	else
		msc_fail(l->err, MSC_E_REFUSED, "%s is not sent: %s; give --allow-%s to allow it",
			 what, why, effect == MSC_EFFECT_UNSAFE ? "unsafe" : "writes");
	l->err->sys = effect;
	return false;
}

static bool may_leave(void *user, const struct guess *c)
{
	static const struct msc_unit unknown;
	struct look *l = user;
	const struct msc_history *known = msc_assembler_history(l->s->assembler);
	const struct msc_unit *u = c->lun <= MSC_LUN_MAX ? &known->unit[c->lun] : &unknown;
	const char *why;
	enum msc_effect effect = msc_cdb_effect(c->cb, c->cb_len, u, &why);
	char text[128], what[160];

	l->blocks = 0;
	l->data = c->out ? c->length : 0;
	switch (effect) {
	case MSC_EFFECT_NONE: return true;
	case MSC_EFFECT_STATE:
		if (l->s->o.allow_writes)
			return true;
		break;
	case MSC_EFFECT_BLOCKS:
		if (l->s->o.allow_writes && is_covered(&l->s->gate, c, &l->blocks))
			return true;
		break;
	case MSC_EFFECT_UNSAFE: break;
	}
	if (msc_gate_lets_all(l->s, c->cb[0]))
		return true;
	snprintf(what, sizeof what, "%s (unit %u)",
		 msc_cdb_text(text, sizeof text, c->cb, c->cb_len), c->lun);
	return refuse(l, effect, what, why);
}

/* The last bytes of the stream, and these. NULL: out of memory. */
static uint8_t *joined(const struct msc_gate *g, const uint8_t *bytes, size_t len,
		       struct msc_err *err)
{
	uint8_t *stream = malloc(g->tail_len + len + 1);

	if (!stream) {
		msc_nomem(err);
		return NULL;
	}
	memcpy(stream, g->tail, g->tail_len);
	if (len)
		memcpy(stream + g->tail_len, bytes, len);
	return stream;
}

static int look_at_wrapper(struct look *l, const uint8_t wrapper[MSC_CBW_LEN])
{
	const struct guess c = guess(wrapper, MSC_CBW_LEN);

	return may_leave(l, &c) ? 0 : -1;
}

static int look_at_bytes(struct look *l, const uint8_t *bytes, size_t len, bool data)
{
	const struct msc_gate *g = &l->s->gate;
	const struct stream s = { .bytes = joined(g, bytes, len, l->err),
				  .old = g->tail_len,
				  .len = g->tail_len + len,
				  .packet = l->s->target->device.max_packet_out,
				  .data = data };
	bool good;

	if (!s.bytes)
		return -1;
	good = each_guess(&s, may_leave, l);
	free((void *)s.bytes);
	return good ? 0 : -1;
}

static int look_at_request(const struct msc_session *s, const struct msc_setup *setup,
			   struct msc_err *err)
{
	struct look l = { .s = s, .err = err };
	const char *why;
	enum msc_effect effect = msc_gate_request_effect(setup, &why);
	char what[64];

	if (effect == MSC_EFFECT_NONE || (s->o.allow_writes && s->o.allow_unsafe && !s->o.n_unsafe))
		return 0;
	snprintf(what, sizeof what, "the control request %02x %02x %04x %04x", setup->request_type,
		 setup->request, setup->value, setup->index);
	refuse(&l, effect, what, why);
	return -1;
}

int msc_gate_look(const struct msc_session *s, const uint8_t *wrapper, size_t wrapper_len,
		  const uint8_t *out, size_t out_len, struct msc_err *err)
{
	struct look l = { .s = s, .err = err };
	const bool honest = is_honest(wrapper, wrapper_len);

	if (honest ? look_at_wrapper(&l, wrapper) : look_at_bytes(&l, wrapper, wrapper_len, false))
		return -1;
	if (!out || (honest && out_len <= l.blocks))
		return 0;
	return look_at_bytes(&l, out, out_len, honest && out_len <= l.data);
}

static void remember(struct msc_gate *g, const uint8_t *bytes, size_t len)
{
	const size_t room = sizeof g->tail;
	size_t keep = g->tail_len;

	if (len > room) {
		bytes += len - room;
		len = room;
	}
	if (keep > room - len)
		keep = room - len;
	memmove(g->tail, g->tail + g->tail_len - keep, keep);
	if (len)
		memcpy(g->tail + keep, bytes, len);
	g->tail_len = keep + len;
}

int msc_gate_pass(struct msc_session *s, const struct msc_xfer *x, struct msc_err *err)
{
	struct msc_gate *g = &s->gate;
	struct look l = { .s = s, .err = err };

	if (!x->ep || x->ep & MSC_EP_IN) {
		g->blocks_left = g->data_left = 0;
		return x->ep ? 0 : look_at_request(s, &x->setup, err);
	}
	if (x->len && x->len <= g->blocks_left) {
		g->blocks_left -= x->len;
		g->data_left -= x->len;
		return 0;
	}
	if (is_honest(x->data, x->len)) {
		if (look_at_wrapper(&l, x->data) < 0)
			return -1;
		g->blocks_left = l.blocks;
		g->data_left = l.data;
		g->tail_len = 0;
		return 0;
	}
	if (look_at_bytes(&l, x->data, x->len, x->len <= g->data_left) < 0)
		return -1;
	g->blocks_left = 0;
	g->data_left -= x->len <= g->data_left ? x->len : g->data_left;
	remember(g, x->data, x->len);
	return 0;
}

int msc_gate_pass_command(struct msc_session *s, const struct msc_command *c, struct msc_err *err)
{
	struct msc_cbw cbw = { .h = { .signature = MSC_CBW_SIGNATURE,
				      .length = (uint32_t)c->len,
				      .flags = c->dir == MSC_DIR_IN ? MSC_CBW_FLAG_IN : 0,
				      .cb_length = c->cdb_len } };
	uint8_t wrapper[MSC_CBW_LEN];

	memcpy(cbw.cb, c->cdb, c->cdb_len);
	msc_cbw_pack(wrapper, &cbw);
	return msc_gate_look(s, wrapper, sizeof wrapper, c->dir == MSC_DIR_OUT ? c->data : NULL,
			     c->len, err);
}

void msc_gate_forget(struct msc_session *s)
{
	s->gate.blocks_left = s->gate.data_left = 0;
	s->gate.tail_len = 0;
}

void msc_gate_free(struct msc_session *s)
{
	free(s->gate.permits);
	s->gate = (struct msc_gate){ .permits = NULL };
}

/* ---- without a session -------------------------------------------------------------------- */

struct worst {
	enum msc_effect effect;
	const char *why;
};

static bool keep_worst(void *user, const struct guess *c)
{
	struct worst *w = user;
	const char *why;
	enum msc_effect effect = msc_cdb_effect(c->cb, c->cb_len, &msc_any_disk, &why);

	if (effect > w->effect)
		*w = (struct worst){ effect, why };
	return true;
}

enum msc_effect msc_gate_bytes_effect(const uint8_t *bytes, size_t len, const char **why)
{
	struct worst w = { MSC_EFFECT_NONE, "" };

	const struct stream s = { .bytes = bytes, .len = len };

	each_guess(&s, keep_worst, &w);
	if (why)
		*why = w.why;
	return w.effect;
}

static bool is_known(const struct msc_setup *s)
{
	const bool in = s->request_type & MSC_REQTYPE_IN;

	switch (s->request_type & MSC_REQTYPE_TYPE) {
	case MSC_REQTYPE_CLASS: return in || s->request == MSC_REQ_BULK_ONLY_RESET;
	case MSC_REQTYPE_STANDARD: break;
	default: return false;
	}
	if (in)
		return true;
	switch (s->request) {
	case MSC_STD_SET_FEATURE: return s->value != FEATURE_TEST_MODE;
	case MSC_STD_CLEAR_FEATURE:
	case MSC_STD_SET_CONFIGURATION:
	case MSC_STD_SET_INTERFACE: return true;
	/* There is no descriptor of that type: USB 2.0, 9.4.8. */
	case MSC_STD_SET_DESCRIPTOR: return s->value >> 8 == 0;
	default: return false;
	}
}

enum msc_effect msc_gate_request_effect(const struct msc_setup *s, const char **why)
{
	const bool known = is_known(s);

	if (why)
		*why = known ? "" : "nobody knows what it does";
	return known ? MSC_EFFECT_NONE : MSC_EFFECT_UNSAFE;
}
