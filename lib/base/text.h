/* SPDX-License-Identifier: BSD-2-Clause */
/* Words and numbers as people type and read them. One parser per kind of value: the whole string
 * must be the value, and every refusal says what was expected. */
#ifndef MSC_BASE_TEXT_H
#define MSC_BASE_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* "12", "0x1f", "64k", "1M", "2G" (k, M, G are powers of 1024). */
int msc_parse_size(const char *text, uint64_t *value, struct msc_err *err) MSC_MUST_CHECK;

/* "20ms", "1.5us", "3s", "0ns": a unit is required; never negative. */
int msc_parse_duration(const char *text, int64_t *ns, struct msc_err *err) MSC_MUST_CHECK;

/* "1", "0", "yes", "no", "on", "off", "true", "false". */
int msc_parse_bool(const char *text, bool *value, struct msc_err *err) MSC_MUST_CHECK;

/* Pairs of hex digits, spaces between pairs allowed: "12 00 ff" or "1200ff"; a digit that stands
 * alone is a byte, as sg_raw takes it: "12 0 ff". Writes at most max bytes to out; *len is how many. */
int msc_parse_hex(const char *text, uint8_t *out, size_t max, size_t *len,
		  struct msc_err *err) MSC_MUST_CHECK;

/* "1.234 ms": four significant digits and a unit, into a caller's buffer of at least 24 bytes;
 * returns buf. */
char *msc_format_ns(char *buf, size_t size, int64_t ns);
/* The same of a time that was reckoned, for printf: msc_ns(value).s; "-" below 0, which is not known. */
struct msc_ns {
	char s[24];
};
struct msc_ns msc_ns(double ns);

/* Offset, 16 bytes in hex, and the printable ones, a line each. At most max_bytes are shown. */
void msc_hexdump(FILE *out, const char *indent, const void *data, size_t len, size_t max_bytes);

/* A copy of up to len bytes as printable ASCII, others as '.', trailing blanks cut. */
char *msc_printable(char *buf, size_t size, const void *bytes, size_t len);

/* Adds to the text in buf, which holds at most size bytes with its NUL; what does not fit is cut. */
void msc_append(char *buf, size_t size, const char *fmt, ...) MSC_PRINTF(3, 4);

/* Ends a stream that open_memstream made of *text. False: memory ran out, now or before, which closing does not
 * tell: the text would be cut, and is freed; *text is NULL then. */
bool msc_text_end(FILE *, char **text) MSC_MUST_CHECK;

/* The nearest of many names to a mistyped one. Feed it every candidate; .best is NULL when none
 * is near enough to be meant (more than about a third of the letters differ). */
struct msc_nearest {
	const char *wanted;
	const char *best; /* borrowed from the caller of msc_nearest_try */
	size_t distance;
};
void msc_nearest_try(struct msc_nearest *, const char *candidate);

/* Fails with MSC_E_USAGE: `no KIND called 'WANTED'; did you mean 'BEST'?` (or, when nothing is
 * near, `...; "mscope list LISTING" shows them`). */
int msc_fail_unknown(struct msc_err *err, const char *kind, const char *listing,
		     const struct msc_nearest *);

#endif
