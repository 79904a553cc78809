/* SPDX-License-Identifier: BSD-2-Clause */
/* The one place that knows libfyaml: its events become a small tree. Depth is bounded, and what
 * could make a small file large (aliases) is refused. */
#include "scenario/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define DEPTH_MAX 16
#define FILE_MAX  (16 << 20) /* what decode makes of a capture of minutes */

struct msc_chunk {
	struct msc_chunk *next;
	max_align_t data[];
};

void *msc_arena_get(struct msc_arena *a, size_t size)
{
	struct msc_chunk *c = calloc(1, sizeof *c + size);

	if (!c)
		return NULL;
	c->next = a->chunks;
	a->chunks = c;
	return c->data;
}

char *msc_arena_text(struct msc_arena *a, const char *text, size_t len)
{
	char *copy = msc_arena_get(a, len + 1);

	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

void msc_arena_free(struct msc_arena *a)
{
	while (a->chunks) {
		struct msc_chunk *c = a->chunks;

		a->chunks = c->next;
		free(c);
	}
}

int msc_yaml_fail(const char *path, const struct msc_yaml *at, struct msc_err *err, const char *fmt,
		  ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return msc_fail(err, MSC_E_FORMAT, "%s:%d:%d: %s", path, at->line, at->column, text);
}

char *msc_yaml_found(char *buf, size_t size, const struct msc_yaml *n)
{
	if (n->kind == MSC_YAML_MAP)
		snprintf(buf, size, "a map");
	else if (n->kind == MSC_YAML_LIST)
		snprintf(buf, size, "a list");
	else if (!*n->text)
		snprintf(buf, size, "nothing");
	else
		snprintf(buf, size, "'%.60s'", n->text);
	return buf;
}

struct reading {
	struct fy_parser *parser;
	struct fy_event *event; /* the one to look at */
	struct msc_arena *arena;
	const char *path;
	struct msc_err *err;
};

static void advance(struct reading *r)
{
	if (r->event)
		fy_parser_event_free(r->parser, r->event);
	r->event = fy_parser_parse(r->parser);
}

static enum fy_event_type next_type(const struct reading *r)
{
	return r->event ? r->event->type : FYET_NONE;
}

static struct msc_yaml *new_node(struct reading *r, enum msc_yaml_kind kind,
				 const struct msc_yaml *beside)
{
	const struct fy_mark *mark = fy_event_start_mark(r->event);
	struct msc_yaml *n = msc_arena_get(r->arena, sizeof *n);

	if (!n) {
		msc_nomem(r->err);
		return NULL;
	}
	n->kind = kind;
	n->text = "";
	n->line = mark ? mark->line + 1 : beside ? beside->line : 1;
	n->column = mark ? mark->column + 1 : beside ? beside->column : 1;
	return n;
}

/* -1: what the event begins bears an anchor or a tag. */
static int plain(struct reading *r, const struct msc_yaml *n)
{
	const struct fy_event *e = r->event;
	bool marked;

	switch (e->type) {
	case FYET_SCALAR: marked = e->scalar.anchor || e->scalar.tag; break;
	case FYET_MAPPING_START: marked = e->mapping_start.anchor || e->mapping_start.tag; break;
	default: marked = e->sequence_start.anchor || e->sequence_start.tag; break;
	}
	if (!marked)
		return 0;
	return msc_yaml_fail(r->path, n, r->err, "expected plain data, found an anchor or a tag");
}

static struct msc_yaml *read_text(struct reading *r, const struct msc_yaml *beside)
{
	struct msc_yaml *n = new_node(r, MSC_YAML_TEXT, beside);
	struct fy_token *token = r->event->scalar.value;
	const char *text = token ? fy_token_get_text0(token) : "";

	if (!n)
		return NULL;
	if (token)
		n->quoted = fy_token_scalar_style(token) == FYSS_SINGLE_QUOTED ||
			    fy_token_scalar_style(token) == FYSS_DOUBLE_QUOTED;
	n->column -= n->quoted; /* the parser's mark stands after the quotation mark */
	/* Where nothing was written some versions of libfyaml have no mark, and others one behind the colon. */
	if (beside && !n->quoted && (!text || !*text)) {
		n->line = beside->line;
		n->column = beside->column;
	}
	n->text = msc_arena_text(r->arena, text ? text : "", text ? strlen(text) : 0);
	if (!n->text) {
		msc_nomem(r->err);
		return NULL;
	}
	if (plain(r, n) < 0)
		return NULL;
	advance(r);
	return n;
}

static struct msc_yaml *read_node(struct reading *r, const struct msc_yaml *beside, int depth);

/* NULL without an error in *err is a syntax error, which the parser has kept. */
static struct msc_yaml *read_key(struct reading *r, const struct msc_yaml *map, int depth)
{
	struct msc_yaml *key = read_node(r, map, depth);
	const struct msc_yaml *other;

	if (!key)
		return NULL;
	if (key->kind != MSC_YAML_TEXT) {
		msc_yaml_fail(r->path, key, r->err, "expected a word as the key, found a %s",
			      key->kind == MSC_YAML_MAP ? "map" : "list");
		return NULL;
	}
	for (other = map->child; other; other = other->next)
		if (!strcmp(other->key->text, key->text)) {
			msc_yaml_fail(r->path, key, r->err,
				      "expected each key once, found '%s' again", key->text);
			return NULL;
		}
	return key;
}

static struct msc_yaml *read_children(struct reading *r, enum msc_yaml_kind kind,
				      const struct msc_yaml *beside, int depth)
{
	enum fy_event_type end = kind == MSC_YAML_MAP ? FYET_MAPPING_END : FYET_SEQUENCE_END;
	struct msc_yaml *n = new_node(r, kind, beside);
	struct msc_yaml **tail;

	if (!n || plain(r, n) < 0)
		return NULL;
	if (depth == DEPTH_MAX) {
		msc_yaml_fail(r->path, n, r->err, "expected at most %d levels, found more",
			      DEPTH_MAX);
		return NULL;
	}
	tail = &n->child;
	advance(r);
	while (next_type(r) != end) {
		struct msc_yaml *key = NULL, *value;

		if (kind == MSC_YAML_MAP) {
			key = read_key(r, n, depth + 1);
			if (!key)
				return NULL;
		}
		value = read_node(r, key ? key : n, depth + 1);
		if (!value)
			return NULL;
		value->key = key;
		*tail = value;
		tail = &value->next;
	}
	advance(r);
	return n;
}

static struct msc_yaml *read_node(struct reading *r, const struct msc_yaml *beside, int depth)
{
	struct msc_yaml *n;

	switch (next_type(r)) {
	case FYET_SCALAR: return read_text(r, beside);
	case FYET_MAPPING_START: return read_children(r, MSC_YAML_MAP, beside, depth);
	case FYET_SEQUENCE_START: return read_children(r, MSC_YAML_LIST, beside, depth);
	case FYET_ALIAS:
		n = new_node(r, MSC_YAML_TEXT, beside);
		if (n) {
			n->column--; /* the mark stands after the asterisk */
			msc_yaml_fail(r->path, n, r->err, "expected plain data, found an alias");
		}
		return NULL;
	default: return NULL; /* the parser knows why */
	}
}

static int syntax_error(struct reading *r, struct fy_diag *diag)
{
	void *at = NULL;
	const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);

	if (r->err->code != MSC_OK)
		return -1;
	if (!e)
		return msc_fail(r->err, MSC_E_FORMAT, "%s:1:1: expected YAML, found something else",
				r->path);
	return msc_fail(r->err, MSC_E_FORMAT, "%s:%d:%d: expected YAML, found: %s", r->path,
			e->line, e->column, e->msg);
}

static int read_documents(struct reading *r, struct fy_diag *diag, struct msc_yaml **out)
{
	*out = NULL;
	for (advance(r); r->event; advance(r)) {
		struct msc_yaml *doc;

		if (next_type(r) != FYET_DOCUMENT_START)
			continue;
		advance(r);
		doc = read_node(r, NULL, 0);
		if (!doc)
			return syntax_error(r, diag);
		*out = doc;
		out = &doc->next;
	}
	return fy_parser_get_stream_error(r->parser) ? syntax_error(r, diag) : 0;
}

/* What is not UTF-8 the parser may read for ever. */
static int check_text(const char *path, const char *text, struct msc_err *err)
{
	const char *start = text;
	uint32_t point;
	int line = 1;

	for (size_t n; *text; text += n) {
		n = msc_utf8_decode(text, &point);
		if (!n)
			return msc_fail(err, MSC_E_FORMAT,
					"%s:%d:%d: expected text in UTF-8, found something else",
					path, line, (int)(text - start) + 1);
		if (*text == '\n') {
			line++;
			start = text + 1;
		}
	}
	return 0;
}

int msc_yaml_parse(struct msc_arena *arena, const char *path, const char *text,
		   struct msc_yaml **out, struct msc_err *err)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG };
	struct reading r = { .arena = arena, .path = path, .err = err };
	struct fy_diag *diag;
	int rc;

	if (check_text(path, text, err) < 0)
		return -1;
	errno = 0;
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag = fy_diag_create(&diag_cfg);
	if (!diag)
		return msc_nomem(err);
	fy_diag_set_collect_errors(diag, true);
	cfg.diag = diag;
	r.parser = fy_parser_create(&cfg);
	if (!r.parser || fy_parser_set_string(r.parser, text, strlen(text)) < 0)
		rc = msc_nomem(err);
	else
		rc = read_documents(&r, diag, out);
	if (errno ==
	    ENOMEM) { /* all that the parser says of it; it goes on without what it lacks */
		*err = (struct msc_err)MSC_ERR_INIT;
		rc = msc_nomem(err);
	}
	if (r.event)
		fy_parser_event_free(r.parser, r.event);
	if (r.parser)
		fy_parser_destroy(r.parser);
	fy_diag_destroy(diag);
	return rc;
}

char *msc_yaml_read(const char *path, const char *what, struct msc_err *err)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	size_t len;

	if (!f) {
		msc_fail_errno(err, MSC_E_IO, "%s: cannot open the %s", path, what);
		return NULL;
	}
	text = malloc(FILE_MAX + 1);
	if (!text) {
		msc_nomem(err);
		goto close_file;
	}
	len = fread(text, 1, FILE_MAX, f);
	text[len] = '\0';
	if (ferror(f))
		msc_fail_errno(err, MSC_E_IO, "%s: cannot read the %s", path, what);
	else if (len == FILE_MAX || memchr(text, '\0', len))
		msc_fail(err, MSC_E_FORMAT,
			 "%s:1:1: expected text of less than 16 MiB, found something else", path);
	else
		goto close_file;
	free(text);
	text = NULL;
close_file:
	fclose(f);
	return text;
}
