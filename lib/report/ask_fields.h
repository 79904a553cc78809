/* SPDX-License-Identifier: BSD-2-Clause */
/* The members of requests (report/ask.h), which are read by one table. Private to lib/report. */
#ifndef MSC_REPORT_ASK_FIELDS_H
#define MSC_REPORT_ASK_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Name, kind, greatest number. */
#define MSC_ASK_FIELDS(F)                            \
	F(ID, "id", ANY, 0)                          \
	F(OP, "op", TEXT, 0)                         \
	F(CDB, "cdb", TEXT, 0)                       \
	F(IN, "in", NUMBER, MSC_ASK_DATA_MAX)        \
	F(OUT, "out", TEXT, 0)                       \
	F(LUN, "lun", NUMBER, UINT8_MAX)             \
	F(TIMEOUT, "timeout_ns", NUMBER, INT64_MAX)  \
	F(CBW, "cbw", OBJECT, 0)                     \
	F(RAW, "raw", FLAG, 0)                       \
	F(SIGNATURE, "signature", NUMBER, UINT32_MAX) \
	F(TAG, "tag", NUMBER, UINT32_MAX)            \
	F(LENGTH, "length", NUMBER, UINT32_MAX)      \
	F(DIRECTION, "direction", TEXT, 0)           \
	F(FLAGS, "flags", NUMBER, UINT8_MAX)         \
	F(CB_LENGTH, "cb_length", NUMBER, UINT8_MAX) \
	F(FILL, "fill", NUMBER, UINT8_MAX)           \
	F(WRAPPER_LENGTH, "wrapper_length", NUMBER, MSC_ASK_WRAPPER_MAX) \
	F(WRAPPER_FILL, "wrapper_fill", NUMBER, UINT8_MAX) \
	F(REQUEST_TYPE, "request_type", NUMBER, UINT8_MAX) \
	F(REQUEST, "request", NUMBER, UINT8_MAX)     \
	F(VALUE, "value", NUMBER, UINT16_MAX)        \
	F(INDEX, "index", NUMBER, UINT16_MAX)        \
	F(KIND, "kind", TEXT, 0)                     \
	F(LBA, "lba", NUMBER, INT64_MAX)             \
	F(BLOCKS, "blocks", NUMBER, UINT32_MAX)      \
	F(SELECT, "select", TEXTS, 0)                \
	F(EXCLUDE, "exclude", TEXTS, 0)              \
	F(PROFILE, "profile", TEXT, 0)               \
	F(QUEUED, "queued", FLAG, 0)                 \
	F(ALLOW_EJECT, "allow_eject", FLAG, 0)       \
	F(NAME, "name", TEXT, 0)                     \
	F(YAML, "text", TEXT, 0)                     \
	F(TRANSFER, "transfer", TEXT, 0)             \
	F(SIZES, "sizes", NUMBERS, UINT32_MAX)       \
	F(MODE, "mode", TEXT, 0)                     \
	F(COUNT, "count", NUMBER, UINT32_MAX)        \
	F(DURATION, "duration_ns", NUMBER, INT64_MAX) \
	F(RANDOM, "random", FLAG, 0)                 \
	F(WARM_UP, "warm_up", NUMBER, UINT16_MAX)    \
	F(BASE, "base", OBJECT, 0)                   \
	F(NEW, "new", OBJECT, 0)                     \
	F(THRESHOLD, "threshold", REAL, 0)           \
	F(FORCE, "force", FLAG, 0)                   \
	F(CAPTURE, "capture", TEXT, 0)               \
	F(ONLY, "only", TEXT, 0)                     \
	F(DEVICE, "device", NUMBER, UINT32_MAX)      \
	F(FROM, "from_ns", NUMBER, INT64_MAX)        \
	F(TO, "to_ns", NUMBER, INT64_MAX)

#define MSC_ASK_DATA_MAX \
	((16 << 20) - 1) /* bytes of a data phase: more than any host sends at once */
#define MSC_ASK_WRAPPER_MAX 512

enum msc_ask_field {
#define F(id, name, kind, max) MSC_ASK_##id,
	MSC_ASK_FIELDS(F)
#undef F
	MSC_ASK_FIELDS_N
};

/* A set of fields, for an operation's table. */
#define MSC_ASK_HAS(field) (UINT64_C(1) << MSC_ASK_##field)

struct msc_ask_members {
	const json_t *value[MSC_ASK_FIELDS_N]; /* borrowed; NULL: it is not there */
};

/* Every member of the object is one of `allowed`, of the right kind and in range, and those that are
 * required are there; else MSC_E_USAGE. what: "command", for the message. */
int msc_ask_members(const json_t *object, const char *what, uint64_t allowed, uint64_t required,
		    struct msc_ask_members *, struct msc_err *) MSC_MUST_CHECK;

int64_t msc_ask_number(const struct msc_ask_members *, enum msc_ask_field, int64_t otherwise);
bool msc_ask_flag(const struct msc_ask_members *, enum msc_ask_field);
const char *msc_ask_text(const struct msc_ask_members *, enum msc_ask_field); /* NULL: absent */
/* The index of the word; `otherwise` where it is absent. -1 and *err: it is none of them. words ends with
 * NULL. */
int msc_ask_word(const struct msc_ask_members *, enum msc_ask_field, const char *const *words,
		 int otherwise, struct msc_err *);
/* The bytes that a text names in hex, up to max; the caller frees them. NULL: *err. */
uint8_t *msc_ask_hex(const struct msc_ask_members *, enum msc_ask_field, size_t max, size_t *len,
		     struct msc_err *);
/* The texts of a list; one text is a list of one. The caller frees the list, and not the texts. NULL:
 * out of memory. */
const char **msc_ask_texts(const struct msc_ask_members *, enum msc_ask_field, size_t *n);

#endif
