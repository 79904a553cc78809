/* SPDX-License-Identifier: BSD-2-Clause */
/* A story is of the wrong blocks alone, and is told only if it explains each of them, so none is told by
 * chance: it takes MATCH_MIN bytes that are not all alike to believe that data has moved. */
#include "judge/story.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/swapped.h"
#include "base/text.h"

#define SHIFT_MAX  64 /* bytes, of data that is not of blocks */
#define MATCH_MIN  16
#define PERIOD_MIN 3
#define PERIOD_MAX 64 /* blocks */
#define LISTED	   3  /* blocks */

struct mismatch {
	const uint8_t *got, *want;
	size_t len;
	const struct msc_story *k;
	size_t first, last, count; /* of the bytes that differ */
};

struct part { /* bytes: a block that is wrong; of data that is not of blocks, what is */
	size_t at, len;
};

static bool differs(const struct mismatch *m, size_t at, size_t len)
{
	return memcmp(m->got + at, m->want + at, len) != 0;
}

static struct mismatch differing(const uint8_t *got, const uint8_t *want, size_t len,
				 const struct msc_story *k)
{
	struct mismatch m = { .got = got, .want = want, .len = len, .k = k, .first = len };

	for (size_t i = 0; i < len; i++) {
		if (got[i] == want[i])
			continue;
		if (m.count++ == 0)
			m.first = i;
		m.last = i;
	}
	return m;
}

/* The first wrong part, and the one after; false: that was the last. p: zero before the first. */
static bool next_part(const struct mismatch *m, struct part *p)
{
	size_t size = m->k->block_size, at = p->at + p->len;

	if (!size) {
		bool more = !p->len;

		*p = (struct part){ m->first, m->last + 1 - m->first };
		return more;
	}
	for (; at < m->len; at += size) {
		*p = (struct part){ at, m->len - at < size ? m->len - at : size };
		if (differs(m, p->at, p->len))
			return true;
	}
	return false;
}

static bool all_alike(const uint8_t *p, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (p[i] != p[0])
			return false;
	return true;
}

/* ---- which ------------------------------------------------------------------------------------ */

static bool is_wrong(const struct mismatch *m, size_t block)
{
	size_t size = m->k->block_size, at = block * size;

	return differs(m, at, m->len - at < size ? m->len - at : size);
}

/* After how many blocks of n it begins anew; 0: never. */
static size_t period(const struct mismatch *m, size_t n)
{
	for (size_t p = PERIOD_MIN; p <= PERIOD_MAX && p * 2 <= n; p++) {
		size_t i = p;

		while (i < n && is_wrong(m, i) == is_wrong(m, i - p))
			i++;
		if (i == n)
			return p;
	}
	return 0;
}

static bool is_alternate(const struct mismatch *m, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (is_wrong(m, i) == is_wrong(m, i - 1))
			return false;
	return n > 2;
}

static void put_one(char *buf, size_t size, const struct mismatch *m, size_t n)
{
	size_t i = m->first / m->k->block_size;

	msc_append(buf, size, "block %" PRIu64, m->k->lba + i);
	if (n > 1)
		msc_append(buf, size, ", %s of %zu",
			   i == 0       ? "the first"
			   : i == n - 1 ? "the last"
			   : i == 1     ? "the second"
					: "one",
			   n);
}

static void put_run(char *buf, size_t size, const struct mismatch *m, size_t n)
{
	size_t first = m->first / m->k->block_size, last = m->last / m->k->block_size;

	msc_append(buf, size, "blocks %" PRIu64 " to %" PRIu64, m->k->lba + first,
		   m->k->lba + last);
	if (first == 1 && last == n - 1)
		msc_append(buf, size, ", all but the first of %zu", n);
	else if (first == 0 && last == n - 2)
		msc_append(buf, size, ", all but the last of %zu", n);
	else if (last - first + 1 < n)
		msc_append(buf, size, ", %s%zu of %zu",
			   first == 0      ? "the first "
			   : last == n - 1 ? "the last "
					   : "",
			   last - first + 1, n);
}

static void put_list(char *buf, size_t size, const struct mismatch *m, size_t n, size_t wrong)
{
	size_t last = m->last / m->k->block_size, every, told = 0, of_period = 0;

	msc_append(buf, size, "blocks ");
	for (size_t i = 0; i <= last; i++) {
		if (!is_wrong(m, i) || (wrong > LISTED && told >= 2 && i < last))
			continue;
		msc_append(buf, size, "%s%" PRIu64,
			   !told                        ? ""
			   : i < last                   ? ", "
			   : wrong > LISTED             ? ", ... "
					    : " and ",
			   m->k->lba + i);
		told++;
	}
	if (is_alternate(m, n)) {
		msc_append(buf, size, ", each second one");
		return;
	}
	every = period(m, n);
	for (size_t i = 0; i < every; i++)
		of_period += is_wrong(m, i);
	if (every)
		msc_append(buf, size, ", %zu of each %zu", of_period, every);
	else
		msc_append(buf, size, ", %zu of %zu", wrong, n);
}

/* Which blocks, or which bytes. */
static void where(char *buf, size_t size, const struct mismatch *m)
{
	size_t block = m->k->block_size, n = block ? (m->len + block - 1) / block : 0, wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += is_wrong(m, i);
	if (!block && m->first == m->last)
		msc_append(buf, size, "byte %zu", m->first);
	else if (!block)
		msc_append(buf, size, "bytes %zu to %zu", m->first, m->last);
	else if (wrong == 1)
		put_one(buf, size, m, n);
	else if (m->last / block - m->first / block + 1 == wrong)
		put_run(buf, size, m, n);
	else
		put_list(buf, size, m, n, wrong);
}

/* ---- moved ------------------------------------------------------------------------------------ */

/* got[at ...] is want[from ...] to the end of the shorter, and that is no chance. */
static bool runs_on(const uint8_t *got, const uint8_t *want, size_t len, size_t at, size_t from)
{
	size_t n = len - (at > from ? at : from);

	return at <= len && from <= len && n >= MATCH_MIN && !all_alike(got + at, n) &&
	       !memcmp(got + at, want + from, n);
}

/* A packet that came twice or not at all moves all that follows by its size. */
static bool tell_packet(char *buf, size_t size, const struct mismatch *m)
{
	const uint8_t *got = m->got, *want = m->want;
	size_t packet = m->k->packet, begin = packet ? m->first / packet * packet : 0;

	if (!packet || m->len <= packet)
		return false;
	if (runs_on(got, want, m->len, begin, begin + packet)) {
		msc_append(buf, size, "a packet of %zu bytes is missing at byte %zu", packet,
			   begin);
		return true;
	}
	if (begin >= packet && !memcmp(got + begin, want + begin - packet, packet) &&
	    runs_on(got, want, m->len, begin + packet, begin)) {
		msc_append(buf, size, "the packet of %zu bytes before byte %zu came twice", packet,
			   begin);
		return true;
	}
	return false;
}

static size_t block_of(const struct mismatch *m)
{
	return m->k->block_size ? m->k->block_size : m->len;
}

struct run { /* of bytes that have moved by as much */
	size_t n;
	bool lost;
	size_t pieces;
	size_t good, bad; /* of the bytes that are wrong: those that this explains; all */
	size_t matched;	  /* since the last one that it does not explain */
	size_t last;	  /* that has moved */
	size_t odd;	  /* where the bytes begin that came in, or that were lost behind the end */
	bool moving, telling;
};

/* Of a byte that is wrong. false: this is no shift. */
static bool add_wrong(struct run *r, const struct mismatch *m, size_t i, size_t n, bool moved)
{
	const uint8_t *got = m->got;

	if (moved) {
		r->pieces += !r->good || (!r->moving && i / block_of(m) != r->last / block_of(m));
		r->moving = true;
		r->telling |= r->good && got[i] != got[r->last];
		r->last = i;
		r->good++;
		r->matched++;
		return true;
	}
	r->bad++;
	if (r->bad > 1 && i - r->odd < n)
		return true;
	if (r->bad > 1 && r->matched < MATCH_MIN)
		return false;
	r->odd = i;
	r->matched = 0;
	r->moving = false;
	return true;
}

/* Whether it is shifted by n bytes, each piece to its end: the end of a block. The best is kept. */
static void shifted(const struct mismatch *m, size_t n, bool lost, struct run *best)
{
	const size_t block = block_of(m);
	struct run r = { .n = n, .lost = lost };

	for (size_t i = m->first; i < m->len; i++) {
		bool inside = lost ? i + n < m->len : i >= n;
		bool moved = inside && m->got[i] == m->want[lost ? i + n : i - n];

		if (m->got[i] != m->want[i]) {
			if (!add_wrong(&r, m, i, n, moved))
				return;
		} else if (r.moving && inside && !moved) {
			if ((lost ? i + n : i) / block == r.last / block)
				return;
			r.moving = false;
		}
	}
	if (r.telling && r.good >= MATCH_MIN && r.good > r.bad && (!best->n || r.bad < best->bad))
		*best = r;
}

/* Data that nearly repeats itself seems to have moved by several distances: by that which explains most. */
static bool tell_shift(char *buf, size_t size, const struct mismatch *m)
{
	size_t most = m->k->block_size ? m->k->block_size - 1 : SHIFT_MAX;
	struct run best = { 0 };

	for (size_t n = 1; n <= most && m->first + n < m->len; n++) {
		shifted(m, n, true, &best);
		shifted(m, n, false, &best);
	}
	if (!best.n)
		return false;
	msc_append(buf, size, "from byte %zu on it is shifted by %zu byte%s", m->first, best.n,
		   MSC_PLURAL(best.n));
	if (best.pieces > 1)
		msc_append(buf, size, ", in %zu pieces", best.pieces);
	msc_append(buf, size, ": some are %s", best.lost ? "missing" : "too many");
	return true;
}

/* ---- blocks in each other's place --------------------------------------------------------------- */

/* What came for block i is what belongs into block j, and that is no chance. */
static bool is_data_of(const struct mismatch *m, size_t i, size_t j)
{
	size_t size = m->k->block_size;

	return !memcmp(m->got + i * size, m->want + j * size, size) &&
	       !all_alike(m->want + j * size, size);
}

/* Each block that is wrong holds the data of block j, or of the one that is as far from it as j from the first. */
static bool all_data_of(const struct mismatch *m, size_t n, size_t j, bool as_far)
{
	size_t first = m->first / m->k->block_size;

	for (size_t i = first; i < n; i++) {
		size_t of = as_far ? i + j - first : j;

		if (is_wrong(m, i) && (of >= n || !is_data_of(m, i, of)))
			return false;
	}
	return true;
}

static bool tell_other(char *buf, size_t size, const struct mismatch *m)
{
	size_t block = m->k->block_size, n = block ? m->len / block : 0;
	size_t first = block ? m->first / block : 0, j = 0;
	bool one = n && m->last / block == first, as_far = false;

	if (!n || m->last >= n * block)
		return false;
	for (; j < n; j++) {
		if (!is_data_of(m, first, j))
			continue;
		as_far = !one && all_data_of(m, n, j, true);
		if (as_far || all_data_of(m, n, j, false))
			break;
	}
	if (j == n)
		return false;
	where(buf, size, m);
	if (!as_far)
		msc_append(buf, size, ": %sthe data of block %" PRIu64, one ? "" : "all ",
			   m->k->lba + j);
	else if (j + 1 == first || j == first + 1)
		msc_append(buf, size, ": each the data of the block %s it",
			   j < first ? "before" : "behind");
	else
		msc_append(buf, size, ": each the data of %zu blocks %s it",
			   j < first ? first - j : j - first, j < first ? "before" : "behind");
	return true;
}

/* ---- what is there instead --------------------------------------------------------------------- */

enum source { OLD, ZEROS, ONES };
enum extent { NOWHERE, WHOLE, TAIL, SOME };

static uint8_t source_byte(const struct mismatch *m, enum source source, size_t at)
{
	return source == OLD ? m->k->old[at] : source == ZEROS ? 0 : 0xff;
}

/* Where a wrong part holds this. *from: from there on, in the part. */
static enum extent holds(const struct mismatch *m, const struct part *p, enum source source,
			 size_t *from)
{
	bool whole = true, tail = true, begun = false;

	for (size_t i = 0; i < p->len; i++) {
		size_t at = p->at + i;
		bool is = m->got[at] == source_byte(m, source, at);
		bool wrong = m->got[at] != m->want[at];

		if (wrong && !is)
			return NOWHERE;
		if (wrong && !begun)
			*from = i;
		begun |= wrong;
		whole &= is;
		tail &= is || !begun;
	}
	return whole ? WHOLE : tail ? TAIL : SOME;
}

static enum extent all_hold(const struct mismatch *m, enum source source, size_t *from)
{
	struct part p = { 0, 0 };
	enum extent most = NOWHERE;
	size_t first = SIZE_MAX;

	while (next_part(m, &p)) {
		enum extent e = holds(m, &p, source, from);

		if (e == NOWHERE)
			return NOWHERE;
		if (e == TAIL && first != SIZE_MAX && first != *from)
			e = SOME;
		first = *from;
		most = e > most ? e : most;
	}
	return m->count >= MATCH_MIN || (source == OLD && most == WHOLE) ? most : NOWHERE;
}

/* Of all wrong parts. */
static bool old_is(const struct mismatch *m, enum source source)
{
	struct part p = { 0, 0 };

	while (next_part(m, &p))
		for (size_t i = 0; i < p.len; i++)
			if (m->k->old[p.at + i] != source_byte(m, source, 0))
				return false;
	return true;
}

static bool tell_source(char *buf, size_t size, const struct mismatch *m, enum source source)
{
	size_t from = 0;
	enum extent e = source == OLD && !m->k->old ? NOWHERE : all_hold(m, source, &from);
	const bool zeros = source == ZEROS || (e && source == OLD && old_is(m, ZEROS));
	const bool ones = source == ONES || (e && source == OLD && old_is(m, ONES));

	if (e == NOWHERE)
		return false;
	msc_append(buf, size, ": %s",
		   zeros  ? "zeros"
		   : ones ? "FFh"
			  : "what was there before the write");
	if (source == OLD && (zeros || ones))
		msc_append(buf, size, ", as before the write");
	else if (ones)
		msc_append(buf, size, ", as flash is when it is erased");
	if (e == TAIL)
		msc_append(buf, size, ", from byte %zu of %s on", from,
			   m->k->block_size ? "the block" : "these");
	else if (e == SOME)
		msc_append(buf, size, ", where it is wrong");
	return true;
}

static bool tell_swapped(char *buf, size_t size, const struct mismatch *m)
{
	struct part p = { 0, 0 };
	const char *how = NULL;

	while (m->count >= MATCH_MIN && next_part(m, &p)) {
		const struct part w = m->k->block_size ? p
						       : (struct part){ 0, m->len & ~(size_t)3 };
		const char *here = msc_swapped(m->got + w.at, m->want + w.at, w.len);

		if (!here || (how && here != how))
			return false;
		how = here;
	}
	if (how)
		msc_append(buf, size, ": %s", how);
	return how;
}

/* No bit is 1 that should be 0: flash that was written without being erased. */
static bool only_cleared(const struct mismatch *m, bool *set)
{
	bool cleared = true;

	*set = true;
	for (size_t i = 0; i < m->len; i++) {
		cleared &= !(m->got[i] & ~m->want[i]);
		*set &= !(m->want[i] & ~m->got[i]);
	}
	return cleared;
}

static void tell_bits(char *buf, size_t size, const struct mismatch *m)
{
	bool set, cleared = only_cleared(m, &set);
	bool enough = m->count >= MATCH_MIN &&
		      !all_alike(m->want + m->first, m->last - m->first + 1);

	if (cleared && enough)
		msc_append(buf, size,
			   ": only bits were cleared, as in flash that is written without "
			   "being erased");
	else if (set && enough)
		msc_append(buf, size, ": only bits were set");
	else
		msc_append(buf, size, ": %zu byte%s%s", m->count, MSC_PLURAL(m->count),
			   !m->k->block_size || m->count >= MATCH_MIN || set == cleared ? ""
			   : cleared ? ", in which only bits were cleared"
				     : ", in which only bits were set");
}

char *msc_data_story(char *buf, size_t size, const uint8_t *got, const uint8_t *want, size_t len,
		     const struct msc_story *k)
{
	const struct mismatch m = differing(got, want, len, k);
	size_t from;

	if (size)
		buf[0] = '\0';
	if (!m.count || ((!k->old || !all_hold(&m, OLD, &from)) &&
			 (tell_packet(buf, size, &m) || tell_other(buf, size, &m) ||
			  tell_shift(buf, size, &m))))
		return buf;
	where(buf, size, &m);
	if (!tell_source(buf, size, &m, OLD) && !tell_source(buf, size, &m, ZEROS) &&
	    !tell_source(buf, size, &m, ONES) && !tell_swapped(buf, size, &m))
		tell_bits(buf, size, &m);
	return buf;
}

static void put_size(char *buf, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t unit = 0;

	while (bytes && bytes % 1024 == 0 && unit < 5) {
		bytes /= 1024;
		unit++;
	}
	msc_append(buf, size, "%" PRIu64 " %s", bytes, units[unit]);
}

char *msc_distance_story(char *buf, size_t size, uint64_t a, uint64_t b, uint32_t block_size)
{
	static const unsigned widths[] = { 16, 24, 28, 31, 32 };
	uint64_t blocks = a > b ? a - b : b - a, bytes = blocks * block_size;

	if (size)
		buf[0] = '\0';
	msc_append(buf, size, "%" PRIu64 " block%s apart", blocks, blocks == 1 ? "" : "s");
	if (!block_size || !blocks || bytes / block_size != blocks)
		return buf;
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		const char *of = bytes == UINT64_C(1) << widths[i]    ? "byte"
				 : blocks == UINT64_C(1) << widths[i] ? "block"
								      : NULL;

		if (!of)
			continue;
		msc_append(buf, size, ", ");
		put_size(buf, size, bytes);
		msc_append(buf, size, ": a %s address of %u bits", of, widths[i]);
		return buf;
	}
	return buf;
}
