/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsing and printing of what people type and read: see text.h. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

int msc_parse_size(const char *text, uint64_t *value, struct msc_err *err)
{
	static const char suffixes[] = "kMG";
	const char *suffix;
	unsigned shift = 0;
	char *end;
	unsigned long long n;

	if (!isdigit((unsigned char)text[0]))
		return msc_fail(err, MSC_E_USAGE,
				"'%s' is not a number (such as 12, 0x1f, 64k, 1M)", text);
	errno = 0;
	n = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (errno)
		return msc_fail(err, MSC_E_USAGE, "'%s' is too large a number", text);
	if (*end && (suffix = strchr(suffixes, *end))) {
		shift = 10 * (unsigned)(suffix - suffixes + 1);
		end++;
	}
	if (*end)
		return msc_fail(err, MSC_E_USAGE,
				"'%s' is not a number (such as 12, 0x1f, 64k, 1M)", text);
	if (shift && n > UINT64_MAX >> shift)
		return msc_fail(err, MSC_E_USAGE, "'%s' is too large a number", text);
	*value = (uint64_t)n << shift;
	return 0;
}

int msc_parse_duration(const char *text, int64_t *ns, struct msc_err *err)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = { { "ns", 1 },
		      { "us", MSC_US },
		      { "ms", MSC_MS },
		      { "s", MSC_S },
		      { "min", 60 * MSC_S } };
	char *end;
	double n;

	if (!isdigit((unsigned char)text[0]) || (text[0] == '0' && (text[1] | 0x20) == 'x'))
		return msc_fail(err, MSC_E_USAGE, "'%s' is not a time (such as 20ms, 1.5us, 3s)",
				text);
	n = strtod(text, &end);
	for (size_t i = 0; i < MSC_COUNT(units); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (n * (double)units[i].ns > 1e18)
			return msc_fail(err, MSC_E_USAGE, "'%s' is too long a time", text);
		*ns = (int64_t)(n * (double)units[i].ns + 0.5);
		return 0;
	}
	if (!*end)
		return msc_fail(err, MSC_E_USAGE, "'%s' needs a unit: ns, us, ms, s or min", text);
	return msc_fail(err, MSC_E_USAGE, "'%s' is not a time (such as 20ms, 1.5us, 3s)", text);
}

int msc_parse_bool(const char *text, bool *value, struct msc_err *err)
{
	static const char *const words[] = { "0", "1", "no", "yes", "off", "on", "false", "true" };

	for (size_t i = 0; i < MSC_COUNT(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*value = i & 1;
			return 0;
		}
	}
	return msc_fail(err, MSC_E_USAGE, "'%s' is neither yes nor no (nor 1 or 0)", text);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int msc_parse_hex(const char *text, uint8_t *out, size_t max, size_t *len, struct msc_err *err)
{
	size_t n = 0;

	for (const char *p = text; *p;) {
		if (*p == ' ') {
			p++;
			continue;
		}
		int high = hex_digit(p[0]);
		int low = high < 0 ? -1 : hex_digit(p[1]);
		bool alone = high >= 0 && (p[1] == ' ' || !p[1]) && (p == text || p[-1] == ' ');

		if (alone) {
			low = high;
			high = 0;
		}
		if (low < 0)
			return msc_fail(err, MSC_E_USAGE,
					"'%s' is not hex: two digits a byte, as in 12 00 ff", text);
		if (n == max)
			return msc_fail(err, MSC_E_USAGE, "'%s' has more than %zu bytes", text,
					max);
		out[n++] = (uint8_t)(high << 4 | low);
		p += alone ? 1 : 2;
	}
	*len = n;
	return 0;
}

char *msc_format_ns(char *buf, size_t size, int64_t ns)
{
	static const struct {
		int64_t ns;
		const char *unit;
	} units[] = { { MSC_S, "s" }, { MSC_MS, "ms" }, { MSC_US, "us" } };
	int64_t size_ns = ns < 0 ? -ns : ns;

	for (size_t i = 0; i < MSC_COUNT(units); i++) {
		if (size_ns >= units[i].ns) {
			double v = (double)ns / (double)units[i].ns;
			double a = v < 0 ? -v : v;

			snprintf(buf, size, "%.*f %s",
				 a < 10     ? 3
				 : a < 100  ? 2
				 : a < 1000 ? 1
					    : 0,
				 v, units[i].unit);
			return buf;
		}
	}
	snprintf(buf, size, "%lld ns", (long long)ns);
	return buf;
}

struct msc_ns msc_ns(double ns)
{
	struct msc_ns t = { "-" };

	if (ns >= 0)
		msc_format_ns(t.s, sizeof t.s, (int64_t)(fmin(ns, 9e18) + 0.5));
	return t;
}

void msc_hexdump(FILE *out, const char *indent, const void *data, size_t len, size_t max_bytes)
{
	const uint8_t *p = data;
	size_t shown = len < max_bytes ? len : max_bytes;

	for (size_t at = 0; at < shown; at += 16) {
		size_t n = shown - at < 16 ? shown - at : 16;

		fprintf(out, "%s%04zx ", indent, at);
		for (size_t i = 0; i < 16; i++) {
			if (i < n)
				fprintf(out, "%s %02x", i == 8 ? " " : "", p[at + i]);
			else
				fprintf(out, "%s   ", i == 8 ? " " : "");
		}
		fputs("  ", out);
		for (size_t i = 0; i < n; i++)
			fputc(p[at + i] >= 0x20 && p[at + i] < 0x7f ? p[at + i] : '.', out);
		fputc('\n', out);
	}
	if (shown < len)
		fprintf(out, "%s... %zu more bytes\n", indent, len - shown);
}

char *msc_printable(char *buf, size_t size, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t n = len < size - 1 ? len : size - 1;

	for (size_t i = 0; i < n; i++)
		buf[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '.';
	while (n && buf[n - 1] == ' ')
		n--;
	buf[n] = '\0';
	return buf;
}

void msc_append(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf + len, size - len, fmt, args);
	va_end(args);
}

bool msc_text_end(FILE *f, char **text)
{
	bool cut = ferror(f);

	if (fclose(f) || cut) {
		free(*text);
		*text = NULL;
	}
	return *text;
}

/* Levenshtein's distance with neighbours swapped counting as one step; words are short. */
static size_t distance(const char *a, const char *b)
{
	enum { MAX = 48 };
	size_t la = strlen(a), lb = strlen(b);
	uint8_t rows[3][MAX + 1];
	uint8_t *before = rows[0], *above = rows[1], *row = rows[2];

	if (la > MAX || lb > MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		above[j] = (uint8_t)j;
	for (size_t i = 1; i <= la; i++) {
		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= lb; j++) {
			uint8_t best = (uint8_t)(above[j - 1] + (a[i - 1] != b[j - 1]));

			if (above[j] + 1 < best)
				best = (uint8_t)(above[j] + 1);
			if (row[j - 1] + 1 < best)
				best = (uint8_t)(row[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = (uint8_t)(before[j - 2] + 1);
			row[j] = best;
		}
		uint8_t *oldest = before;

		before = above;
		above = row;
		row = oldest;
	}
	return above[lb];
}

void msc_nearest_try(struct msc_nearest *n, const char *candidate)
{
	size_t d = distance(n->wanted, candidate);
	size_t limit = strlen(n->wanted) / 3 + 1;

	/* What was typed may also be the beginning of a long name. */
	if (d > limit && strlen(n->wanted) >= 3 &&
	    strncmp(n->wanted, candidate, strlen(n->wanted)) == 0)
		d = limit;
	if (d <= limit && (!n->best || d < n->distance)) {
		n->best = candidate;
		n->distance = d;
	}
}

int msc_fail_unknown(struct msc_err *err, const char *kind, const char *listing,
		     const struct msc_nearest *n)
{
	if (n->best)
		return msc_fail(err, MSC_E_USAGE, "no %s called '%s'; did you mean '%s'?", kind,
				n->wanted, n->best);
	if (listing)
		return msc_fail(err, MSC_E_USAGE,
				"no %s called '%s'; \"mscope list %s\" shows them", kind, n->wanted,
				listing);
	return msc_fail(err, MSC_E_USAGE, "no %s called '%s'", kind, n->wanted);
}
