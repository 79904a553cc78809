/* SPDX-License-Identifier: BSD-2-Clause */
/* YAML text to a tree whose every node knows its line and column. Plain data only: no anchors,
 * aliases or tags, so that a file cannot grow when it is read. The parser is libfyaml; nothing
 * outside yaml.c knows. */
#ifndef MSC_SCENARIO_YAML_H
#define MSC_SCENARIO_YAML_H

#include "base/err.h"

/* Memory that is given back all at once. */
struct msc_arena {
	struct msc_chunk *chunks;
};
void *msc_arena_get(struct msc_arena *, size_t size); /* zeroed; NULL: out of memory */
char *msc_arena_text(struct msc_arena *, const char *text, size_t len);
void msc_arena_free(struct msc_arena *);

enum msc_yaml_kind { MSC_YAML_TEXT, MSC_YAML_MAP, MSC_YAML_LIST };

struct msc_yaml {
	enum msc_yaml_kind kind;
	int line, column;	/* from 1 */
	const char *text;	/* "" when nothing was written, and of a map or list */
	bool quoted;		/* TEXT: the column is that of the quotation mark */
	struct msc_yaml *key;	/* in a map: a node of its own; NULL otherwise */
	struct msc_yaml *child; /* the first, of MAP and LIST */
	struct msc_yaml *next;	/* the next of the same parent, or the next document */
};

/* The documents of a text, the first of them in *out, NULL when the text holds none. Errors are
 * "path:line:column: what was expected, what was found". */
int msc_yaml_parse(struct msc_arena *, const char *path, const char *text, struct msc_yaml **out,
		   struct msc_err *) MSC_MUST_CHECK;

/* A file as text that the caller frees; what: "scenario file". NULL: MSC_E_IO, or MSC_E_FORMAT when it is no
 * text or too long. */
char *msc_yaml_read(const char *path, const char *what, struct msc_err *);

/* Returns -1 with "path:line:column: " in front of the message. */
int msc_yaml_fail(const char *path, const struct msc_yaml *, struct msc_err *, const char *fmt, ...)
	MSC_PRINTF(4, 5);

/* "'word'", "a list", "a map" or "nothing", for the second half of a message; returns buf. */
char *msc_yaml_found(char *buf, size_t size, const struct msc_yaml *);

#endif
