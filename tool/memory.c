/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of documents. jansson leaves out what it has no memory for, wherever that is, and ends the program
 * where it reads a file: so it never goes without. What the system does not give comes out of a reserve, and the
 * run ends as one that ran out of memory, whatever its documents look like. */
#include <jansson.h>
#include <stdlib.h>

#include "tool.h"

#define RESERVE (64 << 10)

static void *reserve;
static bool ran_out;

static void *take(size_t size)
{
	void *p = malloc(size);

	if (p)
		return p;
	ran_out = true;
	free(reserve);
	reserve = NULL;
	return malloc(size);
}

void memory_begin(void)
{
	reserve = malloc(RESERVE);
	ran_out = !reserve;
	json_set_alloc_funcs(take, free);
}

void memory_end(void)
{
	free(reserve);
	reserve = NULL;
}

bool memory_ran_out(void)
{
	return ran_out;
}
