/* SPDX-License-Identifier: BSD-2-Clause */
/* Each story is tried on all bytes that differ, the most telling first. A story is told only if it
 * explains every one of them, so none is told by chance: it takes MATCH_MIN bytes that are not all
 * alike to believe that data has moved. */
#include "judge/story.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define SHIFT_MAX 64
#define MATCH_MIN 16

struct span {
	size_t first, last; /* bytes that differ */
	size_t count;
};

static struct span differing(const uint8_t *got, const uint8_t *want, size_t len)
{
	struct span s = { len, 0, 0 };

	for (size_t i = 0; i < len; i++) {
		if (got[i] == want[i])
			continue;
		if (s.count++ == 0)
			s.first = i;
		s.last = i;
	}
	return s;
}

static bool all_alike(const uint8_t *p, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (p[i] != p[0])
			return false;
	return true;
}

/* got[at ...] is want[from ...] to the end of the shorter, and that is no chance. */
static bool runs_on(const uint8_t *got, const uint8_t *want, size_t len, size_t at, size_t from)
{
	size_t n = len - (at > from ? at : from);

	return at <= len && from <= len && n >= MATCH_MIN && !all_alike(got + at, n) &&
	       !memcmp(got + at, want + from, n);
}

static bool is_filled(const uint8_t *got, const struct span *s, uint8_t value)
{
	for (size_t i = s->first; i <= s->last; i++)
		if (got[i] != value)
			return false;
	return true;
}

/* No bit is 1 that should be 0: flash that was written without being erased. */
static bool only_cleared(const uint8_t *got, const uint8_t *want, const struct span *s, bool *set)
{
	bool cleared = true;

	*set = true;
	for (size_t i = s->first; i <= s->last; i++) {
		cleared &= !(got[i] & ~want[i]);
		*set &= !(want[i] & ~got[i]);
	}
	return cleared;
}

/* Which blocks, or which bytes. */
static void where(char *buf, size_t size, const struct span *s, const struct msc_story *k)
{
	uint64_t first = s->first, last = s->last;

	if (k->block_size) {
		first = k->lba + s->first / k->block_size;
		last = k->lba + s->last / k->block_size;
	}
	if (first == last)
		msc_append(buf, size, "%s %" PRIu64, k->block_size ? "block" : "byte", first);
	else
		msc_append(buf, size, "%s %" PRIu64 " to %" PRIu64,
			   k->block_size ? "blocks" : "bytes", first, last);
}

/* A packet that came twice or not at all moves all that follows by its size. */
static bool tell_packet(char *buf, size_t size, const uint8_t *got, const uint8_t *want, size_t len,
			size_t at, uint32_t packet)
{
	size_t begin = packet ? at / packet * packet : 0;

	if (!packet || len <= packet)
		return false;
	if (runs_on(got, want, len, begin, begin + packet)) {
		msc_append(buf, size, "a packet of %u bytes is missing at byte %zu", packet, begin);
		return true;
	}
	if (begin >= packet && !memcmp(got + begin, want + begin - packet, packet) &&
	    runs_on(got, want, len, begin + packet, begin)) {
		msc_append(buf, size, "the packet of %u bytes before byte %zu came twice", packet,
			   begin);
		return true;
	}
	return false;
}

static bool tell_shift(char *buf, size_t size, const uint8_t *got, const uint8_t *want, size_t len,
		       size_t at)
{
	for (size_t n = 1; n <= SHIFT_MAX && at + n < len; n++) {
		bool lost = runs_on(got, want, len, at, at + n);

		if (!lost && !runs_on(got, want, len, at + n, at))
			continue;
		msc_append(buf, size, "from byte %zu on it is shifted by %zu byte%s: %s", at, n,
			   n == 1 ? "" : "s", lost ? "some are missing" : "some are too many");
		return true;
	}
	return false;
}

char *msc_data_story(char *buf, size_t size, const uint8_t *got, const uint8_t *want, size_t len,
		     const struct msc_story *k)
{
	struct span s = differing(got, want, len);
	bool cleared, set, enough;

	if (size)
		buf[0] = '\0';
	if (k->old) {
		where(buf, size, &s, k);
		msc_append(buf, size, ": what was there before the write%s",
			   is_filled(got, &s, 0) ? ", zeros" : "");
		return buf;
	}
	if (!s.count || tell_packet(buf, size, got, want, len, s.first, k->packet) ||
	    tell_shift(buf, size, got, want, len, s.first))
		return buf;
	where(buf, size, &s, k);
	cleared = only_cleared(got, want, &s, &set);
	enough = s.count >= MATCH_MIN && !all_alike(want + s.first, s.last - s.first + 1);
	if (s.count >= MATCH_MIN && is_filled(got, &s, 0))
		msc_append(buf, size, ": zeros");
	else if (s.count >= MATCH_MIN && is_filled(got, &s, 0xff))
		msc_append(buf, size, ": FFh, as flash is when it is erased");
	else if (cleared && enough)
		msc_append(buf, size,
			   ": only bits were cleared, as in flash that is written without "
			   "being erased");
	else if (set && enough)
		msc_append(buf, size, ": only bits were set");
	else
		msc_append(buf, size, ": %zu byte%s%s", s.count, s.count == 1 ? "" : "s",
			   !k->block_size || s.count >= MATCH_MIN || set == cleared ? ""
			   : cleared ? ", in which only bits were cleared"
				     : ", in which only bits were set");
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
