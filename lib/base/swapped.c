/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/swapped.h"

#include <stdbool.h>
#include <string.h>

#define WORD 4 /* bytes, the widest */

static bool is_swapped(const uint8_t *got, const uint8_t *want, size_t len, size_t mask)
{
	for (size_t i = 0; i < len; i++)
		if (got[i] != want[i ^ mask])
			return false;
	return true;
}

const char *msc_swapped(const uint8_t *got, const uint8_t *want, size_t len)
{
	static const char *const names[WORD] = { NULL, "the bytes of each 16-bit word are swapped",
						 "the halves of each 32-bit word are swapped",
						 "the bytes of each 32-bit word are reversed" };

	for (size_t mask = 1; len && len % WORD == 0 && mask < WORD; mask++)
		if (is_swapped(got, want, len, mask))
			return memcmp(got, want, len) ? names[mask] : NULL;
	return NULL;
}
