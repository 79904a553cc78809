/* SPDX-License-Identifier: BSD-2-Clause */
/* See capture_bench.h. */
#include "capture_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "capture/recorder.h"
#include "judge/judge.h"
#include "session/session.h"

void file_free(struct file *f)
{
	free(f->data);
	*f = (struct file){ NULL };
}

/* ---- recording ----------------------------------------------------------------------------- */

static void command(struct msc_session *s, const uint8_t *cdb, uint8_t len, enum msc_dir dir,
		    uint32_t length)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;

	msc_request_init(&rq, cdb, len, dir, length);
	if (msc_session_exchange(s, &rq, NULL, &err) < 0)
		fail_msg("%s", err.msg);
}

static void converse(struct msc_session *s)
{
	static const uint8_t inquiry[6] = { MSC_OP_INQUIRY, 0, 0, 0, 36 };
	static const uint8_t sense[6] = { MSC_OP_REQUEST_SENSE, 0, 0, 0, 18 };
	static const uint8_t beyond[10] = { MSC_OP_READ_10, 0, 0x7f, 0, 0, 0, 0, 0, 1 };
	struct msc_err err = MSC_ERR_INIT;
	uint8_t max_lun;

	assert_int_equal(msc_session_max_lun(s, &max_lun, &err), 0);
	assert_int_equal(msc_session_learn(s, 0, &err), 0);
	for (unsigned i = 0; i < 12; i++) {
		const uint8_t blocks = (uint8_t)(1 + i % 4 * 5);
		const uint8_t read[10] = { MSC_OP_READ_10,   0, 0, 0,     0,
					   (uint8_t)(3 + i), 0, 0, blocks };

		command(s, read, 10, MSC_DIR_IN, 512u * blocks);
	}
	command(s, inquiry, 6, MSC_DIR_IN, 255); /* a STALL, or a short packet */
	command(s, beyond, 10, MSC_DIR_IN, 512);
	command(s, sense, 6, MSC_DIR_IN, 18);
	assert_int_equal(msc_session_port_reset(s, NULL, &err), 0);
	assert_int_equal(msc_session_learn(s, 0, &err), 0);
	command(s, inquiry, 6, MSC_DIR_IN, 36);
}

struct file record(const char *target, bool transfers)
{
	const struct msc_session_options so = { .timeout_ns = 0 };
	struct msc_open_options open = { .allow_writes = false };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_session *s;
	struct msc_recorder *r;
	struct msc_target *t;
	struct file f;
	FILE *out = open_memstream(&f.data, &f.size);

	assert_non_null(out);
	r = msc_recorder_new(out, &err);
	assert_non_null(r);
	if (transfers)
		msc_recorder_transfers(r);
	msc_recorder_prepare(r, &open);
	t = msc_target_open(target, &open, &err);
	if (!t || msc_recorder_attach(r, t, &err) < 0)
		fail_msg("%s: %s", target, err.msg);
	s = msc_session_new(t, &so);
	assert_non_null(s);
	converse(s);
	msc_session_free(s);
	msc_target_close(t);
	assert_int_equal(msc_recorder_end(r, &err), 0);
	fclose(out);
	return f;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void on_record(void *user, const struct msc_talk *talk, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	struct msc_findings f = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	struct told *t = user;

	(void)talk;
	assert_int_equal(msc_judge(r, MSC_PROFILE_SPEC, &f, &err), 0);
	if (f.count && !t->findings)
		snprintf(t->rule, sizeof t->rule, "%s: %s, at %lld ns", f.list[0].rule->id,
			 f.list[0].message, (long long)r->began_ns);
	t->findings += f.count;
	msc_findings_clear(&f);
	t->records++;
	t->cut += r->cut;
	t->resets += r->kind == MSC_RECORD_PORT_RESET;
	t->controls += r->kind == MSC_RECORD_CONTROL;
	if (r->kind != MSC_RECORD_EXCHANGE)
		return;
	t->exchanges++;
	t->answered += x->answered;
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].naks > 0)
			t->naks += x->steps[i].naks;
	t->hash = t->hash * 31 + msc_log_hash(x->wrapper, x->wrapper_len);
	t->hash = t->hash * 31 + msc_log_hash(x->data, x->data_kept);
	t->hash = t->hash * 31 + msc_log_hash(x->status, x->status_len);
}

struct told tell(const void *data, size_t size)
{
	struct told t = { .err = MSC_ERR_INIT };
	const struct msc_capture_options o = { .record = on_record, .user = &t };
	struct msc_capture *c = msc_capture_of(data, size, &o, &t.err);
	bool over = false;

	t.result = -1;
	if (!c)
		return t;
	t.result = msc_capture_read(c, SIZE_MAX, &over, &t.err);
	t.facts = *msc_capture_facts(c);
	msc_capture_close(c);
	return t;
}

void each_packet(const struct file *f, void (*fn)(void *user, const struct msc_packet *),
		 void *user)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_packets *p = msc_packets_of(f->data, f->size, &err);
	struct msc_packet packet;

	assert_non_null(p);
	while (msc_packets_next(p, &packet, &err) == 1)
		fn(user, &packet);
	assert_int_equal(err.code, MSC_OK);
	msc_packets_close(p);
}

/* ---- writing ------------------------------------------------------------------------------- */

void put32(const struct writer *w, uint8_t *p, uint32_t v)
{
	if (w->big)
		msc_put_be32(p, v);
	else
		msc_put_le32(p, v);
}

static void put16(const struct writer *w, uint8_t *p, uint16_t v)
{
	if (w->big)
		msc_put_be16(p, v);
	else
		msc_put_le16(p, v);
}

static void block(struct writer *w, uint32_t type, const uint8_t *head, size_t head_len,
		  const uint8_t *body, size_t len)
{
	static const uint8_t zeros[4];
	size_t padded = (head_len + len + 3) & ~(size_t)3;
	uint8_t b[8];

	put32(w, b, type);
	put32(w, b + 4, (uint32_t)padded + 12);
	fwrite(b, 1, 8, w->out);
	fwrite(head, 1, head_len, w->out);
	if (len)
		fwrite(body, 1, len, w->out);
	fwrite(zeros, 1, padded - head_len - len, w->out);
	fwrite(b + 4, 1, 4, w->out);
}

struct writer write_begin(bool ng, bool big)
{
	struct writer w = { .ng = ng, .big = big, .out = tmpfile() };
	uint8_t head[16] = { 0 };

	assert_non_null(w.out);
	if (!ng)
		return w;
	put32(&w, head, 0x1a2b3c4d);
	put16(&w, head + 4, 1);
	memset(head + 8, 0xff, 8);
	block(&w, 0x0a0d0d0a, head, sizeof head, NULL, 0);
	return w;
}

void write_interface(struct writer *w, uint16_t link, uint32_t snaplen)
{
	static const uint8_t version[4] = { 2, 0, 4, 0 }, big_version[4] = { 0, 2, 0, 4 };
	uint8_t h[24] = { 0 };

	if (w->ng) {
		put16(w, h, link);
		put32(w, h + 4, snaplen);
		put16(w, h + 8, 9); /* if_tsresol: nanoseconds */
		put16(w, h + 10, 1);
		h[12] = 9;
		block(w, 1, h, 20, NULL, 0);
		return;
	}
	put32(w, h, 0xa1b23c4d);
	memcpy(h + 4, w->big ? big_version : version, 4);
	put32(w, h + 16, snaplen);
	put32(w, h + 20, link);
	fwrite(h, 1, sizeof h, w->out);
}

void write_packet(struct writer *w, uint32_t interface, int64_t at_ns, const uint8_t *data,
		  size_t kept, size_t len)
{
	uint8_t h[20];

	if (w->ng) {
		put32(w, h, interface);
		put32(w, h + 4, (uint32_t)((uint64_t)at_ns >> 32));
		put32(w, h + 8, (uint32_t)at_ns);
		put32(w, h + 12, (uint32_t)kept);
		put32(w, h + 16, (uint32_t)len);
		block(w, 6, h, 20, data, kept);
		return;
	}
	put32(w, h, (uint32_t)(at_ns / 1000000000));
	put32(w, h + 4, (uint32_t)(at_ns % 1000000000));
	put32(w, h + 8, (uint32_t)kept);
	put32(w, h + 12, (uint32_t)len);
	fwrite(h, 1, 16, w->out);
	if (kept)
		fwrite(data, 1, kept, w->out);
}

struct file write_end(struct writer *w)
{
	struct file f;
	long size;

	assert_int_equal(fflush(w->out), 0);
	size = ftell(w->out);
	assert_true(size > 0);
	f.size = (size_t)size;
	f.data = malloc(f.size);
	assert_non_null(f.data);
	rewind(w->out);
	assert_int_equal(fread(f.data, 1, f.size, w->out), f.size);
	fclose(w->out);
	return f;
}
