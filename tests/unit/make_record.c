/* SPDX-License-Identifier: BSD-2-Clause */
/* Records made up for tests: see make_record.h. */
#include "make_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define EP_IN  0x81
#define EP_OUT 0x02
/* Of a length that is not known in full, with the value 1. */
#define CONFIG_HEAD {MSC_CONFIG_DESC_LEN, MSC_DESC_CONFIGURATION, 0xff, 0xff, 1, 1, 0, 0xe0}

/* One statement, cut into words. */
struct words {
	char text[2304];
	char *word[12];
	size_t count;
};

static _Noreturn void give_up(const struct words *w)
{
	fprintf(stderr, "make_records: '%s' with %zu words makes no sense\n", w->word[0], w->count);
	abort();
}

static void need(const struct words *w, size_t least)
{
	if (w->count < least)
		give_up(w);
}

static uint64_t count(const struct words *w, size_t i)
{
	need(w, i + 1);
	return strtoull(w->word[i], NULL, 10);
}

static uint32_t number(const struct words *w, size_t i)
{
	const uint64_t n = count(w, i);

	if (n > UINT32_MAX)
		give_up(w);
	return (uint32_t)n;
}

static uint32_t hex(const struct words *w, size_t i)
{
	need(w, i + 1);
	return (uint32_t)strtoul(w->word[i], NULL, 16);
}

static uint8_t *bytes(const struct words *w, size_t i, size_t *len)
{
	struct msc_err err = MSC_ERR_INIT;
	uint8_t *p = calloc(1, 1024);

	*len = 0;
	if (!p || (i < w->count && msc_parse_hex(w->word[i], p, 1024, len, &err)))
		give_up(w);
	return p;
}

static enum msc_outcome outcome(const struct words *w, size_t i)
{
	static const struct {
		const char *name;
		enum msc_outcome outcome;
	} table[] = { { "done", MSC_OUT_DONE },       { "stall", MSC_OUT_STALL },
		      { "timeout", MSC_OUT_TIMEOUT }, { "babble", MSC_OUT_BABBLE },
		      { "error", MSC_OUT_ERROR },     { "cancelled", MSC_OUT_CANCELLED } };

	if (i >= w->count)
		return MSC_OUT_DONE;
	for (size_t k = 0; k < MSC_COUNT(table); k++)
		if (!strcmp(table[k].name, w->word[i]))
			return table[k].outcome;
	give_up(w);
}

static bool is(const struct words *w, size_t i, const char *text)
{
	return i < w->count && !strcmp(w->word[i], text);
}

static enum msc_dir direction(const struct words *w, size_t i)
{
	if (is(w, i, "in"))
		return MSC_DIR_IN;
	if (is(w, i, "out"))
		return MSC_DIR_OUT;
	if (is(w, i, "none"))
		return MSC_DIR_NONE;
	give_up(w);
}

/* What is known of its unit is what the script said, and not what the history has learned. */
const struct msc_record *make_last(struct make *m)
{
	struct msc_record *r = m->last;

	if (r->kind == MSC_RECORD_EXCHANGE) {
		struct msc_unit unit = r->u.exchange.unit;
		uint8_t max_lun = r->u.exchange.max_lun;

		msc_history_begin_unit(&m->history, r);
		r->u.exchange.unit = unit;
		r->u.exchange.max_lun = max_lun;
		r->u.exchange.data_kept = r->u.exchange.data_len;
	}
	msc_record_conclude(r);
	r->history = &m->history;
	return r;
}

static int64_t complete(struct make *m)
{
	struct msc_record *r = m->last;
	int64_t ended_ns = r ? r->ended_ns : 0;

	if (!r)
		return 0;
	make_last(m);
	if (m->done)
		m->done(m->user, r);
	msc_history_add(&m->history, r);
	msc_record_drop(r);
	m->last = NULL;
	return ended_ns;
}

static struct msc_record *append(struct make *m, enum msc_record_kind kind)
{
	int64_t before_ns = complete(m);
	struct msc_record *r = msc_record_new(kind);

	if (!r)
		abort();
	r->device = &m->device;
	r->ended_ns = before_ns + MSC_MS;
	msc_history_begin(&m->history, r);
	m->last = r;
	return r;
}

/* ---- an exchange -------------------------------------------------------------------------- */

static struct msc_exchange *exchange(struct make *m, const struct words *w)
{
	if (!m->last || m->last->kind != MSC_RECORD_EXCHANGE)
		give_up(w);
	return &m->last->u.exchange;
}

static void step(struct msc_exchange *x, enum msc_step_kind kind, uint8_t ep,
		 enum msc_outcome outcome_, size_t asked, size_t actual)
{
	if (x->n_steps == MSC_STEPS_MAX)
		abort();
	x->steps[x->n_steps++] = (struct msc_step){ .kind = kind,
						    .ep = ep,
						    .outcome = outcome_,
						    .asked = asked,
						    .actual = actual,
						    .naks = -1 };
}

static void repack(struct msc_exchange *x)
{
	uint8_t packed[MSC_CBW_LEN];

	msc_cbw_pack(packed, &x->cbw);
	memcpy(x->wrapper, packed, x->wrapper_len < sizeof packed ? x->wrapper_len : sizeof packed);
}

static void send(struct make *m, const struct words *w)
{
	struct msc_exchange *x = &append(m, MSC_RECORD_EXCHANGE)->u.exchange;
	size_t len;
	uint8_t *cdb = bytes(w, 1, &len);

	need(w, 4);
	x->dir = direction(w, 2);
	x->cbw.h = (struct msc_cbw_header){ .signature = MSC_CBW_SIGNATURE,
					    .tag = ++m->tag,
					    .length = number(w, 3),
					    .flags = x->dir == MSC_DIR_IN ? MSC_CBW_FLAG_IN : 0,
					    .cb_length = (uint8_t)len };
	memcpy(x->cbw.cb, cdb, len < MSC_CBW_CB_MAX ? len : MSC_CBW_CB_MAX);
	free(cdb);
	x->wrapper = calloc(1, 1024);
	x->status = calloc(1, 1024);
	x->data = calloc(1, 1 << 20);
	x->wrapper_len = MSC_CBW_LEN;
	x->unit = m->unit;
	x->max_lun = 0;
	repack(x);
	step(x, MSC_STEP_CBW, EP_OUT, MSC_OUT_DONE, MSC_CBW_LEN, MSC_CBW_LEN);
}

static void move(struct msc_exchange *x, const uint8_t *data, size_t len)
{
	size_t left = x->cbw.h.length - x->data_len;
	size_t asked = x->dir == MSC_DIR_IN ? (left + 63) / 64 * 64 : len;

	if (data)
		memcpy(x->data + x->data_len, data, len);
	else
		memset(x->data + x->data_len, 0x5a, len);
	x->data_len += len;
	if (x->dir == MSC_DIR_IN && len < asked)
		x->data_short_packet = 1 + len % 64;
	step(x, MSC_STEP_DATA, x->dir == MSC_DIR_IN ? EP_IN : EP_OUT, MSC_OUT_DONE, asked, len);
}

static void set_csw(struct msc_exchange *x)
{
	x->have_csw = x->status_len == MSC_CSW_LEN;
	if (x->have_csw)
		msc_csw_unpack(&x->csw, x->status);
	x->needs_reset = !msc_csw_is_valid(x) || x->csw.status > MSC_CSW_FAILED;
}

static void status(struct msc_exchange *x, uint8_t value, uint32_t residue)
{
	x->csw = (struct msc_csw){ .signature = MSC_CSW_SIGNATURE,
				   .tag = x->cbw.h.tag,
				   .residue = residue,
				   .status = value };
	msc_csw_pack(x->status, &x->csw);
	x->status_len = MSC_CSW_LEN;
	set_csw(x);
	step(x, MSC_STEP_CSW, EP_IN, MSC_OUT_DONE, 64, MSC_CSW_LEN);
}

static void answer(struct msc_exchange *x, const struct words *w)
{
	uint8_t *p = bytes(w, 1, &x->status_len);

	memcpy(x->status, p, x->status_len);
	free(p);
	step(x, MSC_STEP_CSW, EP_IN, MSC_OUT_DONE, 64, x->status_len);
	set_csw(x);
}

static bool header(struct msc_exchange *x, const struct words *w)
{
	if (is(w, 0, "lun"))
		x->cbw.h.lun = (uint8_t)number(w, 1);
	else if (is(w, 0, "cblength"))
		x->cbw.h.cb_length = (uint8_t)number(w, 1);
	else if (is(w, 0, "flags"))
		x->cbw.h.flags = (uint8_t)hex(w, 1);
	else if (is(w, 0, "signature"))
		x->cbw.h.signature = hex(w, 1);
	else if (is(w, 0, "wrapper"))
		x->wrapper_len = number(w, 1);
	else if (is(w, 0, "max_lun"))
		x->max_lun = (uint8_t)number(w, 1);
	else
		return false;
	repack(x);
	if (!msc_cbw_is_valid(x->wrapper, x->wrapper_len))
		x->needs_reset = true;
	return true;
}

static bool transfer(struct msc_exchange *x, const struct words *w)
{
	uint8_t data_ep = x->dir == MSC_DIR_IN ? EP_IN : EP_OUT;

	if (is(w, 0, "data")) {
		move(x, NULL, number(w, 1));
	} else if (is(w, 0, "bytes")) {
		size_t len;
		uint8_t *p = bytes(w, 1, &len);

		move(x, p, len);
		free(p);
	} else if (is(w, 0, "ends")) {
		step(x, MSC_STEP_DATA, data_ep, outcome(w, 1), 64, 0);
		x->needs_reset |= outcome(w, 1) != MSC_OUT_STALL;
	} else if (is(w, 0, "refused")) {
		x->steps[0].outcome = outcome(w, 1);
		x->steps[0].actual = 0;
		x->needs_reset = true;
	} else {
		return false;
	}
	return true;
}

static bool ending(struct msc_exchange *x, const struct words *w)
{
	if (is(w, 0, "clear")) {
		step(x, MSC_STEP_CLEAR_HALT, is(w, 1, "in") ? EP_IN : EP_OUT, outcome(w, 2), 0, 0);
	} else if (is(w, 0, "status")) {
		status(x, (uint8_t)number(w, 1), number(w, 2));
	} else if (is(w, 0, "tag")) {
		msc_put_le32(x->status + 4, hex(w, 1));
		set_csw(x);
	} else if (is(w, 0, "answer")) {
		answer(x, w);
	} else if (is(w, 0, "merged")) {
		x->csw_in_data = true;
		x->data_short_packet = 0;
		x->n_steps--; /* of the CSW, which was not asked for */
	} else if (is(w, 0, "none")) {
		step(x, MSC_STEP_CSW, EP_IN, outcome(w, 1), 64, 0);
		x->needs_reset |= outcome(w, 1) != MSC_OUT_DONE && outcome(w, 1) != MSC_OUT_STALL;
	} else if (is(w, 0, "means")) {
		x->stated = (struct msc_intent){ .known = true,
						 .dir = direction(w, 1),
						 .min = number(w, 2),
						 .max = number(w, 2) };
	} else {
		return false;
	}
	return true;
}

/* ---- everything else ---------------------------------------------------------------------- */

static void control(struct make *m, const struct words *w)
{
	struct msc_control *c = &append(m, MSC_RECORD_CONTROL)->u.control;

	need(w, 7);
	c->setup = (struct msc_setup){ .request_type = (uint8_t)hex(w, 1),
				       .request = (uint8_t)hex(w, 2),
				       .value = (uint16_t)hex(w, 3),
				       .index = (uint16_t)hex(w, 4),
				       .length = (uint16_t)number(w, 5) };
	c->outcome = outcome(w, 6);
	c->data = bytes(w, 7, &c->data_len);
}

static void poll(struct make *m, const struct words *w)
{
	struct msc_poll *p = &append(m, MSC_RECORD_POLL)->u.poll;

	need(w, 3);
	p->ep = direction(w, 1) == MSC_DIR_IN ? EP_IN : EP_OUT;
	p->outcome = outcome(w, 2);
	p->data = bytes(w, 3, &p->data_len);
}

static void send_request(struct make *m, uint8_t type, uint8_t request, uint8_t value,
			 uint8_t index, enum msc_outcome outcome_)
{
	struct msc_control *c = &append(m, MSC_RECORD_CONTROL)->u.control;

	c->setup = (struct msc_setup){
		.request_type = type, .request = request, .value = value, .index = index
	};
	c->outcome = outcome_;
}

static void clear_halt(struct make *m, uint8_t ep, enum msc_outcome outcome_)
{
	send_request(m, MSC_RECIPIENT_ENDPOINT, MSC_STD_CLEAR_FEATURE, MSC_FEATURE_ENDPOINT_HALT,
		     ep, outcome_);
}

static void reset(struct make *m, const struct words *w)
{
	if (is(w, 1, "suspend")) {
		const bool stays = is(w, 2, "stays");

		append(m, MSC_RECORD_SUSPEND)->u.suspend =
			(struct msc_silence){ .outcome = stays ? MSC_OUT_DONE : outcome(w, 2),
					      .resumed_ns = !stays };
	} else if (is(w, 1, "recovery")) {
		send_request(m, MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE,
			     MSC_REQ_BULK_ONLY_RESET, 0, 0, outcome(w, 2));
		clear_halt(m, EP_IN, MSC_OUT_DONE);
		clear_halt(m, EP_OUT, MSC_OUT_DONE);
	} else if (is(w, 1, "port")) {
		append(m, MSC_RECORD_PORT_RESET);
	} else if (is(w, 1, "config")) {
		send_request(m, 0, MSC_STD_SET_CONFIGURATION, 1, 0, outcome(w, 2));
	} else {
		clear_halt(m, direction(w, 1) == MSC_DIR_IN ? EP_IN : EP_OUT, outcome(w, 2));
	}
}

static struct msc_unit disk(uint64_t blocks, uint32_t block_size)
{
	return (struct msc_unit){ .have_capacity = true,
				  .removable = true,
				  .last_lba = blocks - 1,
				  .block_size = block_size,
				  .have_inquiry = true,
				  .have_mode = true };
}

static void unit(struct make *m, const struct words *w)
{
	if (is(w, 1, "unknown")) {
		m->unit = (struct msc_unit){ 0 };
	} else if (is(w, 1, "protected")) {
		m->unit.write_protected = true;
	} else if (is(w, 1, "fixed")) {
		m->unit.removable = false;
	} else if (is(w, 1, "dpofua")) {
		m->unit.dpofua = true;
	} else {
		need(w, 4);
		m->unit = disk(count(w, 2), number(w, 3));
	}
}

static void speed(struct make *m, const struct words *w)
{
	m->device.speed = is(w, 1, "high")      ? MSC_SPEED_HIGH
			  : is(w, 1, "super") ? MSC_SPEED_SUPER
			  : is(w, 1, "low")   ? MSC_SPEED_LOW
			  : is(w, 1, "unknown") ? MSC_SPEED_UNKNOWN
						: MSC_SPEED_FULL;
}

static void interface(struct make *m, const struct words *w)
{
	uint8_t *p = m->device.config + m->device.config_len;

	p[0] = MSC_INTERFACE_DESC_LEN;
	p[1] = MSC_DESC_INTERFACE;
	p[2] = (uint8_t)number(w, 1);
	m->device.config_len += MSC_INTERFACE_DESC_LEN;
}

/* The last record, and the last step of an exchange, ended so much later. */
static void took(struct make *m, const struct words *w)
{
	struct msc_record *r = m->last;

	if (!r)
		give_up(w);
	r->ended_ns = r->began_ns + (int64_t)number(w, 1) * MSC_MS;
	if (r->kind == MSC_RECORD_EXCHANGE)
		r->u.exchange.steps[r->u.exchange.n_steps - 1].completed_ns = r->ended_ns;
}

static void statement(struct make *m, const struct words *w)
{
	if (is(w, 0, "unit"))
		unit(m, w);
	else if (is(w, 0, "took"))
		took(m, w);
	else if (is(w, 0, "speed"))
		speed(m, w);
	else if (is(w, 0, "interface"))
		interface(m, w);
	else if (is(w, 0, "wakes"))
		m->device.config[7] |= MSC_CONFIG_WAKEUP;
	else if (is(w, 0, "send"))
		send(m, w);
	else if (is(w, 0, "control"))
		control(m, w);
	else if (is(w, 0, "poll"))
		poll(m, w);
	else if (is(w, 0, "reset"))
		reset(m, w);
	else if (!header(exchange(m, w), w) && !transfer(exchange(m, w), w) &&
		 !ending(exchange(m, w), w))
		give_up(w);
}

static void begin(struct make *m)
{
	m->device = (struct msc_device){
		.name = "test:device",
		.speed = MSC_SPEED_FULL,
		.desc = { .max_packet0 = 8, .i_product = 2, .i_serial = 3, .configurations = 1 },
		.config = CONFIG_HEAD,
		.config_len = MSC_CONFIG_DESC_LEN,
		.protocol = MSC_PROTOCOL_BULK_ONLY,
		.subclass = MSC_SUBCLASS_SCSI,
		.ep_in = EP_IN,
		.ep_out = EP_OUT,
		.max_packet_in = 64,
		.max_packet_out = 64
	};
	m->unit = disk(1000, 512);
	m->tag = 1;
	msc_history_init(&m->history);
	msc_history_forget(&m->history);
}

void make_records(struct make *m, const char *script)
{
	struct words w;

	if (!m->tag)
		begin(m);
	while (*script) {
		size_t len = strcspn(script, ";");
		char *save = NULL;

		if (len >= sizeof w.text)
			abort();
		memcpy(w.text, script, len);
		w.text[len] = '\0';
		script += len + (script[len] == ';');
		w.count = 0;
		for (char *p = strtok_r(w.text, " \t\n", &save); p && w.count < MSC_COUNT(w.word);
		     p = strtok_r(NULL, " \t\n", &save))
			w.word[w.count++] = p;
		if (w.count)
			statement(m, &w);
	}
}

void make_end(struct make *m)
{
	complete(m);
	msc_history_free(&m->history);
	*m = (struct make){ 0 };
}
