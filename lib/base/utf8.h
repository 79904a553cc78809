/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from anywhere as UTF-8 (RFC 3629). */
#ifndef MSC_BASE_UTF8_H
#define MSC_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the sequence at text, which ends with a NUL, and its code point; 0: it is none, or of no character. */
size_t msc_utf8_decode(const char *text, uint32_t *point);

#endif
