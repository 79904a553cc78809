/* SPDX-License-Identifier: BSD-2-Clause */
/* Knobs are data: a table says which member of a struct a "key=value" sets, so that a model or a
 * transport needs no parsing code and `mscope list` can document every one. */
#ifndef MSC_BASE_KNOB_H
#define MSC_BASE_KNOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum msc_knob_type {
	MSC_KNOB_BOOL,	   /* bool */
	MSC_KNOB_U32,	   /* uint32_t, a size as msc_parse_size reads it, within min..max */
	MSC_KNOB_U64,	   /* uint64_t, the same */
	MSC_KNOB_DURATION, /* int64_t nanoseconds */
	MSC_KNOB_CHOICE,   /* int: the index into choices */
	MSC_KNOB_TEXT,	   /* char[text_size] */
	MSC_KNOB_TENTHS,   /* int32_t, tenths of what "-5.5" says, within +-1000 */
};

struct msc_knob {
	const char *name;
	enum msc_knob_type type;
	size_t offset;		    /* of the member in the struct */
	const char *initial;	    /* the default, as a user would type it; NULL: leave it zero */
	const char *help;	    /* one line, lower case */
	uint64_t min, max;	    /* U32 and U64; max 0 means the type's own */
	const char *const *choices; /* CHOICE: names, NULL-terminated */
	size_t text_size;	    /* TEXT: of the array, including its NUL */
	bool live; /* it can change while the device runs: event=set:NAME=VALUE@WHEN */
};

/* Tables end with a knob without a name. Sets every knob of `table` in `base` to its default. */
void msc_knobs_init(const struct msc_knob *table, void *base);

/* NULL when there is none of that name. */
const struct msc_knob *msc_knob_find(const struct msc_knob *table, const char *name);

int msc_knob_set(const struct msc_knob *, void *base, const char *value,
		 struct msc_err *err) MSC_MUST_CHECK;

#endif
