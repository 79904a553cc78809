/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes that were moved in another order than they came in: the wrong width or byte order of a bus or a FIFO. */
#ifndef MSC_BASE_SWAPPED_H
#define MSC_BASE_SWAPPED_H

#include <stddef.h>
#include <stdint.h>

/* How each of the `len` bytes got is one of want; NULL: they are not, or are the same either way. */
const char *msc_swapped(const uint8_t *got, const uint8_t *want, size_t len);

#endif
