/* SPDX-License-Identifier: BSD-2-Clause */
/* The interpreter of faults that are rows: see table.h. Each hook lays out the numbers of its
 * moment, goes through the rows, and takes back what they may have changed. */
#include "firmware/fault/table.h"

#include <assert.h>

#include "firmware/fault/fault.h"

/* The room of a CSW and of what is received, and of a packet on endpoint 0: sim/mutant.h. */
enum { SPARE = 64, EP0_ROOM = 128 };

struct moment {
	struct mcu *m;
	const struct mutant_view *v; /* NULL where a hook has none */
	uint8_t *cb, *buf;
	size_t room;		  /* of buf */
	int64_t n[FAULT_FIELDS];
	/* A bit for each field; a row that asks for more is our mistake. */
	uint32_t known, writable;
};

#define BIT(field) (UINT32_C(1) << (field))

enum {
	OF_SETUP = BIT(FAULT_REQUEST_TYPE) | BIT(FAULT_REQUEST) | BIT(FAULT_VALUE) |
		   BIT(FAULT_INDEX) | BIT(FAULT_REQUEST_LENGTH),
	OF_CBW = BIT(FAULT_CB) | BIT(FAULT_HOST_LENGTH) | BIT(FAULT_LUN),
	OF_BUF = BIT(FAULT_BUF) | BIT(FAULT_BUF_LE) | BIT(FAULT_LEN),
};

static bool there(const struct moment *x, const struct fault_place *p)
{
	assert(x->known & BIT(p->field));
	if (p->field == FAULT_CB)
		return p->at + p->size <= MSC_CBW_CB_MAX;
	return p->field > FAULT_BUF_LE || p->at + p->size <= x->n[FAULT_LEN];
}

/* The byte of a place that counts 256 to the power of `i`; NULL: it has been cut off. */
static uint8_t *byte(const struct moment *x, const struct fault_place *p, unsigned i)
{
	unsigned at = p->at + (p->field == FAULT_BUF_LE ? i : p->size - 1u - i);

	if (p->field == FAULT_CB)
		return x->cb + at;
	return at < x->n[FAULT_LEN] ? x->buf + at : NULL;
}

static int64_t get(const struct moment *x, const struct fault_place *p)
{
	uint64_t value = 0;

	if (p->field > FAULT_BUF_LE)
		return x->n[p->field];
	for (unsigned i = 0; i < p->size; i++)
		if (byte(x, p, i))
			value |= (uint64_t)*byte(x, p, i) << 8 * i;
	return (int64_t)value;
}

static void put(struct moment *x, const struct fault_place *p, int64_t value)
{
	assert(x->writable & BIT(p->field));
	assert(p->field != FAULT_LEN || (size_t)value <= x->room);
	if (p->field > FAULT_BUF_LE) {
		x->n[p->field] = value;
		return;
	}
	for (unsigned i = 0; i < p->size; i++)
		if (byte(x, p, i))
			*byte(x, p, i) = (uint8_t)((uint64_t)value >> 8 * i);
}

static bool holds(const struct moment *x, const struct fault_term *t)
{
	int64_t is;

	if (!there(x, &t->place))
		return false;
	is = get(x, &t->place);
	switch (t->verb) {
	case IS: return is == t->value;
	case NOT: return is != t->value;
	case ABOVE: return is > t->value;
	case BELOW: return is < t->value;
	case HAS: return (is & t->value) == t->value;
	case LACKS: return !(is & t->value);
	default: assert(!"an edit among the terms"); return false;
	}
}

static void change(struct moment *x, const struct fault_term *t)
{
	int64_t is = get(x, &t->place);

	switch (t->verb) {
	case PUT: is = t->value; break;
	case ADD: is += t->value; break;
	case SET: is |= t->value; break;
	case CLEAR: is &= ~t->value; break;
	case FLIP: is ^= t->value; break;
	default: assert(!"a term among the edits");
	}
	put(x, &t->place, is);
}

/* Of an answer that the host has cut off, what is put there as far as it goes; else, all of its places. */
static bool reaches(const struct moment *x, const struct fault_row *r)
{
	bool all = true, some = false, puts = r->at == AT_ANSWER;

	for (size_t i = 0; i < MSC_COUNT(r->edit) && r->edit[i].verb; i++) {
		const struct fault_place *p = &r->edit[i].place;

		all = all && there(x, p);
		puts = puts && r->edit[i].verb == PUT &&
		       (p->field == FAULT_BUF || p->field == FAULT_BUF_LE);
		some = some || (puts && p->at < x->n[FAULT_LEN]);
	}
	return r->at == AT_CONTROL_IN || all || (puts && some);
}

static bool matches(const struct moment *x, const struct fault_row *r)
{
	for (size_t i = 0; i < MSC_COUNT(r->where) && r->where[i].verb; i++)
		if (!holds(x, &r->where[i]))
			return false;
	return reaches(x, r);
}

static enum mutant_verdict verdict(const struct moment *x, enum fault_then then)
{
	switch (then) {
	case GO_ON: break;
	case SWALLOW: return MUTANT_SWALLOW;
	case REFUSE: return MUTANT_STALL;
	case LOSE: return fault_lose(x->v);
	case ACK: mutant_acknowledge(x->m); return MUTANT_SWALLOW;
	}
	return MUTANT_PASS;
}

static enum mutant_verdict go_through(struct moment *x, enum fault_point at, void *state)
{
	struct fault_memory *memory = state;
	enum fault_then then = GO_ON;

	x->n[FAULT_MARK] = memory->mark;
	x->n[FAULT_HIGH_SPEED] = mcu_speed(x->m) == MSC_SPEED_HIGH;
	x->known |= BIT(FAULT_MARK) | BIT(FAULT_HIGH_SPEED);
	x->writable |= BIT(FAULT_MARK);
	for (const struct fault_row *r = memory->rows; r->at && then == GO_ON; r++) {
		if (r->at != at || !matches(x, r))
			continue;
		for (size_t i = 0; i < MSC_COUNT(r->edit) && r->edit[i].verb; i++)
			change(x, &r->edit[i]);
		if (r->spin_ns)
			mcu_spin(x->m, r->spin_ns);
		if (r->later_ns)
			mutant_later(x->m, r->later_ns);
		if (r->halt)
			mutant_stall(x->m, r->halt == HALT_IN ? x->v->ep_in : x->v->ep_out);
		then = r->then;
	}
	memory->mark = x->n[FAULT_MARK];
	return verdict(x, then);
}

/* ---- the moments --------------------------------------------------------------------------------- */

static struct moment of_setup(struct mcu *m, const struct msc_setup *q)
{
	bool get_descriptor = q->request_type == MSC_REQTYPE_IN &&
			      q->request == MSC_STD_GET_DESCRIPTOR;

	return (struct moment){
		.m = m,
		.n = { [FAULT_REQUEST_TYPE] = q->request_type,
		       [FAULT_REQUEST] = q->request,
		       [FAULT_VALUE] = q->value,
		       [FAULT_INDEX] = q->index,
		       [FAULT_REQUEST_LENGTH] = q->length,
		       [FAULT_DESCRIPTOR] = get_descriptor ? q->value >> 8 : -1 },
		.known = OF_SETUP | BIT(FAULT_DESCRIPTOR),
	};
}

/* The command as `cbw` has it: the host's, or what the firmware will see of it. */
static struct moment of_command(struct mcu *m, const struct mutant_view *v, struct msc_cbw *cbw)
{
	bool in = cbw->h.flags & MSC_CBW_FLAG_IN;

	return (struct moment){
		.m = m,
		.v = v,
		.cb = cbw->cb,
		.n = { [FAULT_HOST_LENGTH] = cbw->h.length,
		       [FAULT_HOST_WANTS] = cbw->h.length && in,
		       [FAULT_HOST_SENDS] = cbw->h.length && !in,
		       [FAULT_LUN] = cbw->h.lun,
		       [FAULT_CB_LENGTH] = cbw->h.cb_length,
		       [FAULT_SENT] = v->data_sent,
		       [FAULT_LEFT] = (int64_t)cbw->h.length - v->data_sent,
		       [FAULT_IN_COMMAND] = v->in_command },
		.known = OF_CBW | BIT(FAULT_HOST_WANTS) | BIT(FAULT_HOST_SENDS) |
			 BIT(FAULT_CB_LENGTH) | BIT(FAULT_SENT) | BIT(FAULT_LEFT) |
			 BIT(FAULT_IN_COMMAND),
	};
}

static void with_buf(struct moment *x, uint8_t *buf, size_t len, size_t room)
{
	x->buf = buf;
	x->room = room;
	x->n[FAULT_LEN] = (int64_t)len;
	x->known |= OF_BUF;
	x->writable |= OF_BUF;
}

static void with_ep(struct moment *x, uint8_t ep)
{
	x->n[FAULT_EP_IN] = ep == x->v->ep_in;
	x->n[FAULT_EP_OUT] = ep == x->v->ep_out;
	x->known |= BIT(FAULT_EP_IN) | BIT(FAULT_EP_OUT);
}

static void with(struct moment *x, enum fault_field field, int64_t value)
{
	x->n[field] = value;
	x->known |= BIT(field);
	x->writable |= BIT(field);
}

/* ---- the hooks ----------------------------------------------------------------------------------- */

enum mutant_verdict fault_row_setup(struct mcu *m, struct msc_setup *q, void *state)
{
	struct moment x = of_setup(m, q);
	enum mutant_verdict verdict;

	x.writable = OF_SETUP;
	verdict = go_through(&x, AT_SETUP, state);
	q->request_type = (uint8_t)x.n[FAULT_REQUEST_TYPE];
	q->request = (uint8_t)x.n[FAULT_REQUEST];
	q->value = (uint16_t)x.n[FAULT_VALUE];
	q->index = (uint16_t)x.n[FAULT_INDEX];
	q->length = (uint16_t)x.n[FAULT_REQUEST_LENGTH];
	return verdict;
}

void fault_row_control_in(struct mcu *m, const struct msc_setup *q, uint8_t *buf, size_t *len,
			  size_t max, void *state)
{
	struct moment x = of_setup(m, q);

	with_buf(&x, buf, *len, max);
	go_through(&x, AT_CONTROL_IN, state);
	*len = (size_t)x.n[FAULT_LEN];
}

enum mutant_verdict fault_row_ep0_in(struct mcu *m, const struct msc_setup *q, bool status,
				     uint8_t *packet, size_t *len, bool *wrong_toggle, void *state)
{
	struct moment x = of_setup(m, q);
	enum mutant_verdict verdict;

	with_buf(&x, packet, *len, EP0_ROOM);
	with(&x, FAULT_WRONG_TOGGLE, *wrong_toggle);
	x.n[FAULT_STATUS_STAGE] = status;
	x.known |= BIT(FAULT_STATUS_STAGE);
	verdict = go_through(&x, AT_EP0_IN, state);
	*len = (size_t)x.n[FAULT_LEN];
	*wrong_toggle = x.n[FAULT_WRONG_TOGGLE] != 0;
	return verdict;
}

enum mutant_verdict fault_row_ep0_out(struct mcu *m, const struct msc_setup *q, bool status,
				      void *state)
{
	struct moment x = of_setup(m, q);

	x.n[FAULT_STATUS_STAGE] = status;
	x.known |= BIT(FAULT_STATUS_STAGE);
	return go_through(&x, AT_EP0_OUT, state);
}

enum mutant_verdict fault_row_command(struct mcu *m, const struct mutant_view *v,
				      struct msc_cbw *seen, void *state)
{
	struct moment x = of_command(m, v, seen);
	enum mutant_verdict verdict;

	x.writable = OF_CBW;
	verdict = go_through(&x, AT_COMMAND, state);
	seen->h.length = (uint32_t)x.n[FAULT_HOST_LENGTH];
	seen->h.lun = (uint8_t)x.n[FAULT_LUN];
	return verdict;
}

/* Of the hooks whose bytes belong to a command that stays as the host sent it. */
static enum mutant_verdict on_bytes(struct mcu *m, const struct mutant_view *v, enum fault_point at,
				    uint8_t *buf, size_t *len, size_t room, void *state)
{
	struct msc_cbw cbw = v->cbw;
	struct moment x = of_command(m, v, &cbw);
	enum mutant_verdict verdict;

	with_buf(&x, buf, *len, room);
	verdict = go_through(&x, at, state);
	*len = (size_t)x.n[FAULT_LEN];
	return verdict;
}

enum mutant_verdict fault_row_received(struct mcu *m, const struct mutant_view *v, uint8_t *buf,
				       size_t *len, void *state)
{
	return on_bytes(m, v, AT_RECEIVED, buf, len, *len > SPARE ? *len : SPARE, state);
}

enum mutant_verdict fault_row_data_in(struct mcu *m, const struct mutant_view *v, uint8_t *buf,
				      size_t *len, size_t max, void *state)
{
	if (!v->in_command || v->data_sent)
		return MUTANT_PASS;
	return on_bytes(m, v, AT_ANSWER, buf, len, max, state);
}

enum mutant_verdict fault_row_csw(struct mcu *m, const struct mutant_view *v, uint8_t *raw,
				  size_t *len, void *state)
{
	return on_bytes(m, v, AT_CSW, raw, len, SPARE, state);
}

bool fault_row_stall(struct mcu *m, const struct mutant_view *v, uint8_t ep, void *state)
{
	struct msc_cbw cbw = v->cbw;
	struct moment x = of_command(m, v, &cbw);

	with_ep(&x, ep);
	return go_through(&x, AT_STALL, state) == MUTANT_PASS;
}

bool fault_row_unstall(struct mcu *m, const struct mutant_view *v, uint8_t ep, bool *reset_toggle,
		       void *state)
{
	struct msc_cbw cbw = v->cbw;
	struct moment x = of_command(m, v, &cbw);
	bool pass;

	with_ep(&x, ep);
	with(&x, FAULT_RESET_TOGGLE, *reset_toggle);
	pass = go_through(&x, AT_UNSTALL, state) == MUTANT_PASS;
	*reset_toggle = x.n[FAULT_RESET_TOGGLE] != 0;
	return pass;
}

bool fault_row_card_write(struct mcu *m, const struct mutant_view *v, uint64_t *lba,
			  uint32_t *blocks, void *state)
{
	struct msc_cbw cbw = v->cbw;
	struct moment x = of_command(m, v, &cbw);

	with(&x, FAULT_LBA, (int64_t)*lba);
	with(&x, FAULT_BLOCKS, *blocks);
	go_through(&x, AT_WRITE, state);
	*lba = (uint64_t)x.n[FAULT_LBA];
	*blocks = (uint32_t)x.n[FAULT_BLOCKS];
	return true;
}

void fault_row_open(struct mcu *m, uint8_t ep, bool *keep_toggle, bool *keep_halt, void *state)
{
	struct moment x = { .m = m };

	(void)ep;
	with(&x, FAULT_KEEP_TOGGLE, *keep_toggle);
	with(&x, FAULT_KEEP_HALT, *keep_halt);
	go_through(&x, AT_OPEN, state);
	*keep_toggle = x.n[FAULT_KEEP_TOGGLE] != 0;
	*keep_halt = x.n[FAULT_KEEP_HALT] != 0;
}

void fault_row_reset(struct mcu *m, void *state)
{
	struct moment x = { .m = m };

	go_through(&x, AT_RESET, state);
}
