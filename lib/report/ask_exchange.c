/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations of a conversation that are single exchanges, and what is known of a unit. */
#include <stdlib.h>
#include <string.h>

#include "mscope.h"
#include "report/ask_state.h"

/* Every byte, for a program; the exchange itself shows the beginning. */
static json_t *all_bytes(const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = malloc(2 * len + 1);
	json_t *result;

	if (!hex)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[data[i] >> 4];
		hex[2 * i + 1] = digits[data[i] & 0x0f];
	}
	result = json_stringn(hex, 2 * len);
	free(hex);
	return result;
}

/* The newest record becomes what was asked for. */
static int give_newest(struct msc_ask *a, const struct msc_record *r, json_t *answer,
		       struct msc_err *err)
{
	json_t *record = r == a->newest ? json_array_get(a->records, a->newest_at) : NULL;

	if (!record)
		return a->err.code ? 0
				   : msc_fail(err, MSC_E_INTERNAL, "an exchange left no record");
	if (msc_ask_give(answer, "exchange", json_incref(record), err) < 0)
		return -1;
	json_array_remove(a->records, a->newest_at);
	return 0;
}

static json_t *sense_json(const struct msc_sense_data *s)
{
	char text[128];

	if (!s->valid)
		return json_null();
	return json_pack("{s:i, s:i, s:i, s:b, s:s}", "key", s->key, "asc", s->asc, "ascq", s->ascq,
			 "deferred", s->deferred, "text", msc_sense_text(text, sizeof text, s));
}

static int follow_up(struct msc_ask *a, const struct msc_exchange *x, json_t *answer,
		     struct msc_err *err)
{
	static const char *const how[] = { "nothing", "reset recovery", "port reset", "no answer" };
	struct msc_follow_up f;

	if (msc_session_follow_up(a->session, x, &f, err) < 0)
		return -1;
	if (f.asked && msc_ask_give(answer, "sense", sense_json(&f.sense), err) < 0)
		return -1;
	return f.rung ? msc_ask_give(answer, "recovery", json_string(how[f.rung]), err) : 0;
}

static int exchange(struct msc_ask *a, const struct msc_request *rq, bool raw, json_t *answer,
		    struct msc_err *err)
{
	const struct msc_record *r;
	const struct msc_exchange *x;

	if (msc_session_exchange(a->session, rq, &r, err) < 0 || give_newest(a, r, answer, err) < 0)
		return -1;
	x = &r->u.exchange;
	if (x->dir == MSC_DIR_IN &&
	    msc_ask_give(answer, "data", all_bytes(x->data, x->data_len), err) < 0)
		return -1;
	return raw ? 0 : follow_up(a, x, answer, err);
}

/* One that names blocks: these are saved, and the gate lets it pass. */
static int exchange_with_care(struct msc_ask *a, const struct msc_request *rq, bool raw,
			      json_t *answer, struct msc_err *err)
{
	struct msc_medium *medium;
	struct msc_write w;
	int result;

	if (rq->cbw.h.lun > MSC_LUN_MAX)
		return msc_fail(err, MSC_E_USAGE, "there is no unit above %d to write to",
				MSC_LUN_MAX);
	medium = msc_ask_medium(a, rq->cbw.h.lun, err);
	if (!medium || msc_medium_before(medium, rq, &w, err) < 0)
		return -1;
	if (w.may != MSC_MAY_SEND)
		return msc_fail(err, MSC_E_REFUSED,
				"%s; blocks %llu to %llu may be written, and are put back", w.why,
				(unsigned long long)msc_medium_first(medium),
				(unsigned long long)msc_medium_first(medium) +
					msc_medium_blocks(medium) - 1);
	result = exchange(a, rq, raw, answer, err);
	if (msc_medium_after(medium, &w, err) < 0)
		return -1;
	if (*w.hit)
		msc_ask_note(a, true, w.hit);
	return result;
}

static int dispatch(struct msc_ask *a, const struct msc_request *rq, bool raw, json_t *answer,
		    struct msc_err *err)
{
	if (!msc_ask_session(a, err))
		return -1;
	if (a->o.session.allow_writes && !a->o.session.allow_unsafe &&
	    msc_cdb_writes_blocks(rq->cbw.cb))
		return exchange_with_care(a, rq, raw, answer, err);
	return exchange(a, rq, raw, answer, err);
}

/* ---- command, send ------------------------------------------------------------------------------ */

struct message {
	struct msc_request request;
	uint8_t *cdb, *out;
	size_t cdb_len, out_len;
};

/* Direction and length of the honest data phase: what was asked for, or what the command means. is_said:
 * the CBW has a length that is none of either. */
static int data_phase(struct message *g, const struct msc_ask_members *m, bool is_said,
		      enum msc_dir *dir, uint64_t *length, struct msc_err *err)
{
	struct msc_unit unknown = { .have_capacity = false };
	uint8_t cdb[MSC_CBW_CB_MAX] = { 0 };
	struct msc_intent intent;
	char name[48];

	if (m->value[MSC_ASK_IN] && m->value[MSC_ASK_OUT])
		return msc_fail(err, MSC_E_USAGE, "'in' and 'out' exclude each other");
	if (m->value[MSC_ASK_IN]) {
		*length = (uint64_t)msc_ask_number(m, MSC_ASK_IN, 0);
		*dir = *length ? MSC_DIR_IN : MSC_DIR_NONE;
		return 0;
	}
	if (m->value[MSC_ASK_OUT]) {
		*length = g->out_len;
		*dir = *length ? MSC_DIR_OUT : MSC_DIR_NONE;
		return 0;
	}
	if (is_said)
		return 0;
	memcpy(cdb, g->cdb, g->cdb_len);
	intent = msc_cdb_intent(cdb, g->cdb_len, &unknown);
	if (!intent.known || intent.dir == MSC_DIR_OUT)
		return msc_fail(err, MSC_E_USAGE,
				"say what %s transfers: 'in' with a number of bytes, which may be "
				"0, or 'out' with the bytes in hex",
				msc_cdb_name(name, sizeof name, cdb));
	*dir = intent.dir;
	*length = intent.max;
	return 0;
}

static int build(struct message *g, struct msc_ask *a, const struct msc_ask_members *m,
		 bool is_said, struct msc_err *err)
{
	enum msc_dir dir = MSC_DIR_NONE;
	uint64_t length = 0;
	int64_t timeout_ns;

	g->cdb = msc_ask_hex(m, MSC_ASK_CDB, MSC_CBW_CB_MAX, &g->cdb_len, err);
	if (!g->cdb)
		return -1;
	if (g->cdb_len == 0)
		return msc_fail(err, MSC_E_USAGE, "cdb: the command has no bytes");
	if (m->value[MSC_ASK_OUT]) {
		g->out = msc_ask_hex(m, MSC_ASK_OUT, MSC_ASK_DATA_MAX, &g->out_len, err);
		if (!g->out)
			return -1;
	}
	if (msc_ask_timeout(a, m, &timeout_ns, err) < 0 ||
	    data_phase(g, m, is_said, &dir, &length, err) < 0)
		return -1;
	msc_request_init(&g->request, g->cdb, (uint8_t)g->cdb_len, dir, (uint32_t)length);
	g->request.keep_cb_length = true;
	g->request.out = g->out;
	if (g->out)
		g->request.out_len = g->out_len;
	g->request.timeout_ns = timeout_ns;
	return 0;
}

static void discard(struct message *g)
{
	free(g->cdb);
	free(g->out);
}

int msc_ask_command(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		    struct msc_err *err)
{
	struct message g = { .cdb = NULL };
	int result = -1;
	uint8_t lun;

	if (msc_ask_lun(m, &lun, err) == 0 && build(&g, a, m, false, err) == 0) {
		g.request.cbw.h.lun = lun;
		result = dispatch(a, &g.request, msc_ask_flag(m, MSC_ASK_RAW), answer, err);
	}
	discard(&g);
	return result;
}

#define CBW_MEMBERS                                                                             \
	(MSC_ASK_HAS(SIGNATURE) | MSC_ASK_HAS(TAG) | MSC_ASK_HAS(LENGTH) |                      \
	 MSC_ASK_HAS(DIRECTION) | MSC_ASK_HAS(FLAGS) | MSC_ASK_HAS(LUN) |                       \
	 MSC_ASK_HAS(CB_LENGTH) | MSC_ASK_HAS(FILL) | MSC_ASK_HAS(WRAPPER_LENGTH) |             \
	 MSC_ASK_HAS(WRAPPER_FILL))

/* Each field that is named; the others stay honest. */
static int lie(struct message *g, const struct msc_ask_members *m, struct msc_err *err)
{
	static const char *const directions[] = { "out", "in", NULL };
	struct msc_cbw_header *h = &g->request.cbw.h;
	int in = msc_ask_word(m, MSC_ASK_DIRECTION, directions, (h->flags & MSC_CBW_FLAG_IN) != 0,
			      err);

	if (in < 0)
		return -1;
	h->flags = (uint8_t)msc_ask_number(m, MSC_ASK_FLAGS, in ? MSC_CBW_FLAG_IN : 0);
	h->signature = (uint32_t)msc_ask_number(m, MSC_ASK_SIGNATURE, h->signature);
	h->tag = (uint32_t)msc_ask_number(m, MSC_ASK_TAG, h->tag);
	h->length = (uint32_t)msc_ask_number(m, MSC_ASK_LENGTH, h->length);
	h->lun = (uint8_t)msc_ask_number(m, MSC_ASK_LUN, h->lun);
	h->cb_length = (uint8_t)msc_ask_number(m, MSC_ASK_CB_LENGTH, h->cb_length);
	if (m->value[MSC_ASK_FILL])
		memset(g->request.cbw.cb + g->cdb_len, (int)msc_ask_number(m, MSC_ASK_FILL, 0),
		       MSC_CBW_CB_MAX - g->cdb_len);
	g->request.keep_tag = m->value[MSC_ASK_TAG];
	g->request.wrapper_len = (size_t)msc_ask_number(m, MSC_ASK_WRAPPER_LENGTH, MSC_CBW_LEN);
	g->request.wrapper_fill = (uint8_t)msc_ask_number(m, MSC_ASK_WRAPPER_FILL, 0);
	return 0;
}

int msc_ask_send(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		 struct msc_err *err)
{
	struct msc_ask_members cbw = { .value = { NULL } };
	struct message g = { .cdb = NULL };
	int result = -1;

	if (msc_ask_members(m->value[MSC_ASK_CBW], "cbw", CBW_MEMBERS, 0, &cbw, err) == 0 &&
	    build(&g, a, m, cbw.value[MSC_ASK_LENGTH], err) == 0 && lie(&g, &cbw, err) == 0)
		result = dispatch(a, &g.request, msc_ask_flag(m, MSC_ASK_RAW), answer, err);
	discard(&g);
	return result;
}

/* ---- control, reset ----------------------------------------------------------------------------- */

int msc_ask_control(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		    struct msc_err *err)
{
	struct msc_setup setup = {
		.request_type = (uint8_t)msc_ask_number(m, MSC_ASK_REQUEST_TYPE, 0),
		.request = (uint8_t)msc_ask_number(m, MSC_ASK_REQUEST, 0),
		.value = (uint16_t)msc_ask_number(m, MSC_ASK_VALUE, 0),
		.index = (uint16_t)msc_ask_number(m, MSC_ASK_INDEX, 0),
	};
	bool in = setup.request_type & MSC_REQTYPE_IN;
	int64_t length = msc_ask_number(m, MSC_ASK_LENGTH, 0);
	struct msc_session *s = msc_ask_session(a, err);
	const struct msc_record *r;
	uint8_t *out = NULL;
	size_t out_len = 0;
	int result = -1;

	if (!s)
		return -1;
	if (m->value[MSC_ASK_OUT] && (in || m->value[MSC_ASK_LENGTH]))
		return msc_fail(err, MSC_E_USAGE,
				"'out' goes with a request to the device, and says its length");
	if (!in && length)
		return msc_fail(
			err, MSC_E_USAGE,
			"'length' goes with a request from the device; 'out' has the bytes");
	if (m->value[MSC_ASK_OUT] &&
	    !(out = msc_ask_hex(m, MSC_ASK_OUT, UINT16_MAX, &out_len, err)))
		return -1;
	if (length > UINT16_MAX) {
		msc_fail(err, MSC_E_USAGE, "control: 'length' is out of range: 0 to %d",
			 UINT16_MAX);
	} else {
		setup.length = (uint16_t)(out ? out_len : (size_t)length);
		if (msc_session_control(s, &setup, out, &r, err) == 0 &&
		    give_newest(a, r, answer, err) == 0)
			result = in ? msc_ask_give(answer, "data",
						   all_bytes(r->u.control.data,
							     r->u.control.data_len),
						   err)
				    : 0;
	}
	free(out);
	return result;
}

int msc_ask_reset(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		  struct msc_err *err)
{
	static const char *const kinds[] = { "recovery", "port", NULL };
	int kind = msc_ask_word(m, MSC_ASK_KIND, kinds, 0, err);
	struct msc_session *s = kind < 0 ? NULL : msc_ask_session(a, err);
	enum msc_outcome outcome;
	const struct msc_record *r;

	if (!s)
		return -1;
	if (kind == 1)
		return msc_session_port_reset(s, &r, err) < 0 ? -1 : give_newest(a, r, answer, err);
	if (msc_session_reset_recovery(s, &outcome, err) < 0)
		return -1;
	return msc_ask_give(answer, "result",
			    json_pack("{s:b}", "recovered", outcome == MSC_OUT_DONE), err);
}

/* ---- blocks ------------------------------------------------------------------------------------- */

/* What is known of a unit, asked for when it is not known yet. */
static const struct msc_unit *learn(struct msc_ask *a, uint8_t lun, struct msc_err *err)
{
	struct msc_session *s = msc_ask_session(a, err);
	int result = 0;

	if (!s)
		return NULL;
	if (!msc_session_unit(s, lun)->have_capacity) {
		msc_session_mute(s, true);
		result = msc_session_learn(s, lun, err);
		msc_session_mute(s, false);
	}
	return result < 0 ? NULL : msc_session_unit(s, lun);
}

static int move_blocks(struct msc_ask *a, const struct msc_ask_members *m, bool write,
		       json_t *answer, struct msc_err *err)
{
	uint64_t lba = (uint64_t)msc_ask_number(m, MSC_ASK_LBA, 0), blocks;
	const struct msc_unit *u;
	struct msc_request rq;
	int64_t timeout_ns;
	uint8_t lun, *out = NULL;
	size_t len = 0;
	int result = -1;

	if (msc_ask_lun(m, &lun, err) < 0 || msc_ask_timeout(a, m, &timeout_ns, err) < 0)
		return -1;
	u = learn(a, lun, err);
	if (!u)
		return -1;
	if (!u->have_capacity || !u->block_size)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"unit %u does not say how long its blocks are: there is no medium",
				lun);
	if (write && !(out = msc_ask_hex(m, MSC_ASK_OUT, MSC_ASK_DATA_MAX, &len, err)))
		return -1;
	blocks = write ? len / u->block_size : (uint64_t)msc_ask_number(m, MSC_ASK_BLOCKS, 1);
	if (write && (!blocks || len % u->block_size))
		msc_fail(err, MSC_E_USAGE, "out: %zu bytes are not whole blocks of %u", len,
			 u->block_size);
	else if (!blocks || blocks > MSC_ASK_DATA_MAX / u->block_size)
		msc_fail(err, MSC_E_USAGE, "blocks: 1 to %u in one command",
			 MSC_ASK_DATA_MAX / u->block_size);
	if (!err->code) {
		msc_request_blocks(&rq, write, lun, lba, (uint32_t)blocks, u->block_size);
		rq.out = out;
		rq.timeout_ns = timeout_ns;
		result = dispatch(a, &rq, msc_ask_flag(m, MSC_ASK_RAW), answer, err);
	}
	free(out);
	return result;
}

int msc_ask_read(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		 struct msc_err *err)
{
	return move_blocks(a, m, false, answer, err);
}

int msc_ask_write(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		  struct msc_err *err)
{
	return move_blocks(a, m, true, answer, err);
}

int msc_ask_unit(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		 struct msc_err *err)
{
	const struct msc_unit *u;
	struct msc_session *s;
	uint8_t lun, max_lun;

	if (msc_ask_lun(m, &lun, err) < 0)
		return -1;
	u = learn(a, lun, err);
	s = a->session;
	if (!u || msc_session_max_lun(s, &max_lun, err) < 0)
		return -1;
	return msc_ask_give(
		answer, "result",
		json_pack(
			"{s:i, s:i, s:b, s:o, s:o, s:o, s:o}", "lun", lun, "max_lun", max_lun,
			"ready", msc_session_readiness(s, lun) == MSC_READINESS_READY, "blocks",
			u->have_capacity ? json_integer((json_int_t)u->last_lba + 1) : json_null(),
			"block_size", u->have_capacity ? json_integer(u->block_size) : json_null(),
			"removable", u->have_inquiry ? json_boolean(u->removable) : json_null(),
			"write_protected",
			u->have_mode ? json_boolean(u->write_protected) : json_null()),
		err);
}

int msc_ask_scratch(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		    struct msc_err *err)
{
	struct msc_medium *medium;
	uint8_t lun;

	if (msc_ask_lun(m, &lun, err) < 0)
		return -1;
	if (!a->o.session.allow_writes)
		return msc_fail(err, MSC_E_REFUSED,
				"nothing may be written: the session has no --allow-writes");
	medium = msc_ask_medium(a, lun, err);
	if (!medium)
		return -1;
	return msc_ask_give(answer, "result",
			    json_pack("{s:I, s:I}", "first_lba",
				      (json_int_t)msc_medium_first(medium), "blocks",
				      (json_int_t)msc_medium_blocks(medium)),
			    err);
}
