/* SPDX-License-Identifier: BSD-2-Clause */
/* What `sim:recorded` says to a command: see recorded.c for the order in which it looks. */
#include <stdlib.h>
#include <string.h>

#include "firmware/recorded/recorded.h"
#include "wire/scsi.h"

/* -- what the capture knows ----------------------------------------------------------------- */

static bool same_way(const struct tape_exchange *e, const struct msc_cbw *c)
{
	return e->cbw.h.lun == c->h.lun && !((e->cbw.h.flags ^ c->h.flags) & MSC_CBW_FLAG_IN);
}

static bool is_same(const struct tape_exchange *e, const struct msc_cbw *c)
{
	return same_way(e, c) && e->cbw.h.length == c->h.length &&
	       !memcmp(e->cbw.cb, c->cb, sizeof c->cb);
}

/* The same but for how much may be sent. */
static bool is_alike(const struct tape_exchange *e, const struct msc_cbw *c)
{
	struct tape_command asked;
	uint8_t a[MSC_CBW_CB_MAX], b[MSC_CBW_CB_MAX];

	if (e->cbw.cb[0] != c->cb[0] || !same_way(e, c))
		return false;
	tape_command(&asked, c);
	if (!asked.alloc_bytes)
		return false;
	memcpy(a, e->cbw.cb, sizeof a);
	memcpy(b, c->cb, sizeof b);
	memset(a + asked.alloc_at, 0, asked.alloc_bytes);
	memset(b + asked.alloc_at, 0, asked.alloc_bytes);
	return !memcmp(a, b, sizeof a) && e->status_end == TAPE_DONE;
}

static const struct tape_exchange *find(struct recorded *s,
					bool (*matches)(const struct tape_exchange *,
							const struct msc_cbw *))
{
	const struct tape *t = s->store->tape;

	for (size_t i = 0; i < t->n_exchanges; i++) {
		size_t at = (s->next + i) % t->n_exchanges;

		if (matches(&t->exchanges[at], &s->cbw)) {
			s->next = at + 1;
			return &t->exchanges[at];
		}
	}
	return NULL;
}

/* The recorded command of this operation code whose length is the nearest: for its times. */
static const struct tape_exchange *nearest(const struct recorded *s)
{
	const struct tape *t = s->store->tape;
	const struct tape_exchange *best = NULL;
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < t->n_exchanges; i++) {
		const struct tape_exchange *e = &t->exchanges[i];
		uint64_t a = e->cbw.h.length, b = s->cbw.h.length, off = a > b ? a - b : b - a;

		if (e->cbw.cb[0] == s->cbw.cb[0] && e->block_size && off < least) {
			least = off;
			best = e;
		}
	}
	return best;
}

/* Where a block that was written since is in the sorted list, or would be. */
static size_t place(const struct store *st, uint8_t lun, uint64_t lba)
{
	size_t from = 0, to = st->n_writes;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		const struct written *w = &st->writes[mid];

		if (w->lun < lun || (w->lun == lun && w->lba < lba))
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool is_at(const struct store *st, size_t at, uint8_t lun, uint64_t lba)
{
	return at < st->n_writes && st->writes[at].lun == lun && st->writes[at].lba == lba;
}

/* A block as it is now, or as it last went over the wire; NULL: it never did. */
static const uint8_t *block(const struct recorded *s, uint64_t lba, uint32_t size)
{
	const struct store *st = s->store;
	uint8_t lun = s->cbw.h.lun;
	size_t at = place(st, lun, lba);

	return is_at(st, at, lun, lba) ? st->writes[at].data : tape_block(st->tape, lun, lba, size);
}

static bool keep(struct recorded *s, uint64_t lba, uint32_t size, const uint8_t *data)
{
	struct store *st = s->store;
	uint8_t lun = s->cbw.h.lun;
	size_t at = place(st, lun, lba);

	if (!is_at(st, at, lun, lba)) {
		struct written w = { .lun = lun, .lba = lba };

		if (st->n_writes == WRITES_MAX || !(w.data = malloc(BLOCK_MAX)))
			return false;
		memmove(st->writes + at + 1, st->writes + at,
			(st->n_writes - at) * sizeof st->writes[0]);
		st->writes[at] = w;
		st->n_writes++;
	}
	memcpy(st->writes[at].data, data, size);
	return true;
}

/* The wrapper that was sent, no valid CBW; else one that is wrong in the same way. The tag is every
 * host's own. */
const struct tape_wrapper *recorded_wrapper(const struct recorded *s, size_t len)
{
	const struct tape *t = s->store->tape;
	const struct tape_wrapper *alike = NULL;
	bool is_signed = len >= 4 && msc_get_le32(s->packet) == MSC_CBW_SIGNATURE;

	for (size_t i = 0; i < t->n_wrappers; i++) {
		const struct tape_wrapper *w = &t->wrappers[i];

		if (w->len != len ||
		    is_signed != (len >= 4 && msc_get_le32(w->raw) == MSC_CBW_SIGNATURE))
			continue;
		if (len <= 8 ||
		    (!memcmp(w->raw, s->packet, 4) && !memcmp(w->raw + 8, s->packet + 8, len - 8)))
			return w;
		if (!alike)
			alike = w;
	}
	return alike;
}

/* -- answers that are not on the tape as they are --------------------------------------------- */

static void make_status(struct recorded *s, uint8_t status, size_t moved)
{
	const struct msc_csw csw = { .signature = MSC_CSW_SIGNATURE,
				     .tag = s->cbw.h.tag,
				     .residue = s->cbw.h.length > moved
							? s->cbw.h.length - (uint32_t)moved
							: 0,
				     .status = status };

	s->answer.cbw = s->cbw;
	s->answer.status_len = MSC_CSW_LEN;
	s->answer.status_end = TAPE_DONE;
	msc_csw_pack(s->answer.status, &csw);
}

static void make_data(struct recorded *s, const uint8_t *data, size_t len)
{
	if (len > s->cbw.h.length)
		len = s->cbw.h.length;
	if (len > ROOM)
		len = ROOM;
	if (data != s->store->buffer && len)
		memmove(s->store->buffer, data, len);
	s->answer.data = s->store->buffer;
	s->answer.data_len = len;
}

static bool answer_sense(struct recorded *s)
{
	struct msc_sense d = { .response = 0x70, .additional = MSC_SENSE_LEN - 8 };
	uint8_t raw[MSC_SENSE_LEN];

	if (s->cbw.cb[0] != MSC_OP_REQUEST_SENSE || !s->sense)
		return false;
	d.key = (uint8_t)(s->sense >> 16);
	d.asc = (uint8_t)(s->sense >> 8);
	d.ascq = (uint8_t)s->sense;
	s->sense = 0;
	msc_sense_pack(raw, &d);
	make_data(s, raw, sizeof raw < s->cbw.cb[4] ? sizeof raw : s->cbw.cb[4]);
	make_status(s, MSC_CSW_PASSED, s->answer.data_len);
	return true;
}

static bool answer_alike(struct recorded *s)
{
	const struct tape_exchange *e = find(s, is_alike);
	struct tape_command asked;

	if (!e)
		return false;
	tape_command(&asked, &s->cbw);
	s->answer = *e;
	make_data(s, e->data, e->data_len < asked.alloc ? e->data_len : (size_t)asked.alloc);
	s->answer.data_end = TAPE_DONE;
	make_status(s, e->status_len == MSC_CSW_LEN ? e->status[12] : MSC_CSW_FAILED,
		    s->answer.data_len);
	return true;
}

/* Longer commands take longer, as the nearest one on the tape did for each byte. */
static void take_times(struct recorded *s, const struct tape_exchange *e)
{
	double by = e && e->cbw.h.length ? (double)s->cbw.h.length / e->cbw.h.length : 1;

	s->answer.data_ns = e ? (int64_t)((double)e->data_ns * by) : 0;
	s->answer.status_ns = e ? s->answer.data_ns + (e->status_ns - e->data_ns) : 0;
}

static uint32_t block_size(const struct recorded *s)
{
	const struct tape *t = s->store->tape;

	for (size_t i = 0; i < t->n_exchanges; i++)
		if (t->exchanges[i].block_size)
			return t->exchanges[i].block_size;
	return 0;
}

static bool answer_blocks(struct recorded *s)
{
	struct tape_command asked;
	uint32_t size = block_size(s);
	uint64_t lba, n;

	tape_command(&asked, &s->cbw);
	lba = asked.lba;
	n = asked.blocks;
	if (!(asked.reads || asked.writes) || !size || size > BLOCK_MAX || n > ROOM / size ||
	    n * size != s->cbw.h.length)
		return false;
	for (uint64_t i = 0; asked.reads && i < n; i++) {
		const uint8_t *data = block(s, lba + i, size);

		if (!data)
			return false;
		memcpy(s->store->buffer + i * size, data, size);
	}
	take_times(s, nearest(s));
	s->answer.data = s->store->buffer;
	s->answer.data_len = s->cbw.h.length;
	make_status(s, MSC_CSW_PASSED, s->answer.data_len);
	return true;
}

static void refuse(struct mcu *m, struct recorded *s)
{
	struct tape_command asked;

	tape_command(&asked, &s->cbw);
	mcu_print(m, "not in the capture: %s (unit %u, %u bytes)", asked.text, s->cbw.h.lun,
		  (unsigned)s->cbw.h.length);
	s->sense = asked.reads ? 0x031100 : 0x052000;
	s->answer.data_end = s->cbw.h.length ? TAPE_STALL : TAPE_DONE;
	make_status(s, MSC_CSW_FAILED, 0);
}

void recorded_answer(struct mcu *m, struct recorded *s)
{
	const struct tape_exchange *e;

	s->answer = (struct tape_exchange){ .data = s->store->buffer };
	if (answer_sense(s))
		return;
	s->sense = 0;
	e = find(s, is_same);
	if (e && !(e->block_size && !e->written && s->store->n_writes))
		s->answer = *e;
	else if (!answer_blocks(s) && !answer_alike(s))
		refuse(m, s);
}

void recorded_keep(struct mcu *m, struct recorded *s, size_t len)
{
	uint32_t size = block_size(s);
	struct tape_command asked;
	bool kept = true;

	tape_command(&asked, &s->cbw);
	if (!asked.writes || !size || size > BLOCK_MAX)
		return;
	for (size_t at = 0; at + size <= len; at += size)
		kept &= keep(s, asked.lba++, size, s->store->buffer + at);
	if (!kept)
		mcu_print(m, "no more than %d blocks are kept: what is written now is lost",
			  WRITES_MAX);
}
