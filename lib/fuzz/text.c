/* SPDX-License-Identifier: BSD-2-Clause */
/* A conversation in the language of scenarios. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz/fuzz.h"

#define SCRATCH 128 /* blocks: the rows of the grammar write none behind them */
#define BLOCKS	512 /* and rely on so many */

struct writer {
	FILE *out;
	const struct fuzz_piece *piece;
	unsigned id;
};

static void put_value(struct writer *w, const struct fuzz_values *v, const struct fuzz_choice *c)
{
	size_t len;
	const char *text = fuzz_choice(v, c->at, &len), *hash = memchr(text, '#', len);

	if (!hash) {
		fwrite(text, 1, len, w->out);
		return;
	}
	fwrite(text, 1, (size_t)(hash - text), w->out);
	fprintf(w->out, "0x%x", c->number & (uint32_t)((UINT64_C(1) << atoi(hash + 1)) - 1));
}

/* At the $ of a name; returns what is behind it. */
static const char *put_name(struct writer *w, const char *p)
{
	size_t len = 0;

	while (isalnum((unsigned char)p[1 + len]))
		len++;
	if (len == 2 && !strncmp(p + 1, "id", len))
		fprintf(w->out, "%u", w->id);
	for (unsigned i = 0; i < FUZZ_PLACES; i++) {
		const struct fuzz_values *v = fuzz_place(w->piece->row, i);

		if (v && !strncmp(v->name, p + 1, len) && !v->name[len])
			put_value(w, v, &w->piece->value[i]);
	}
	return p + 1 + len;
}

static void put_text(struct writer *w, const char *p, const char *end, const char *indent)
{
	while (p < end) {
		if (*p == '$') {
			p = put_name(w, p);
			continue;
		}
		putc(*p, w->out);
		if (*p++ == '\n')
			fputs(indent, w->out);
	}
}

static void put_twists(struct writer *w, const struct fuzz_step *s)
{
	bool open = false;

	for (unsigned i = 0; i < s->n_twists; i++) {
		if (!(s->twist[i].row->flags & FUZZ_CBW))
			continue;
		fputs(open ? ", " : "\n    cbw: { ", w->out);
		open = true;
		w->piece = &s->twist[i];
		put_text(w, w->piece->row->text, strchr(w->piece->row->text, '\0'), "");
	}
	fputs(open ? " }" : "", w->out);
	for (unsigned i = 0; i < s->n_twists; i++) {
		if (s->twist[i].row->flags & FUZZ_CBW)
			continue;
		fputs("\n    ", w->out);
		w->piece = &s->twist[i];
		put_text(w, w->piece->row->text, strchr(w->piece->row->text, '\0'), "");
	}
}

static void put_step(struct writer *w, const struct fuzz_step *s)
{
	const char *p = s->stem.row->text, *end;

	for (unsigned i = 0; i < s->part; i++)
		p = strstr(p, "\n- ") + 1;
	end = s->stem.row->flags & FUZZ_WHOLE ? NULL : strstr(p, "\n- ");
	w->piece = &s->stem;
	w->id = s->id;
	fputs("  ", w->out);
	put_text(w, p, end ? end : strchr(p, '\0'), "  ");
	put_twists(w, s);
	putc('\n', w->out);
}

/* In quotation marks, as YAML has them. */
static void put_quoted(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc((unsigned char)*text < ' ' ? ' ' : *text, out);
	}
	putc('"', out);
}

static void put_head(FILE *out, const struct fuzz_talk *talk, const struct fuzz_head *head)
{
	const unsigned both = FUZZ_WRITES | FUZZ_SOLO;
	bool written = false; /* and what is there then is compared */
	unsigned flags = 0;

	for (unsigned i = 0; i < talk->n; i++) {
		flags |= talk->step[i].stem.row->flags;
		written |= (talk->step[i].stem.row->flags & both) == both;
	}
	if (head->comment)
		fputs(head->comment, out);
	fprintf(out, "name: %s\ntitle: ", head->name);
	put_quoted(out, head->title);
	fputs("\nspec: [", out);
	put_quoted(out, head->spec);
	fputs("]\n", out);
	if (flags & (FUZZ_WRITES | FUZZ_SOLO))
		fprintf(out, "needs: [%s{ blocks: %d }]\n", written ? "writable, " : "", BLOCKS);
	if (flags & FUZZ_WRITES)
		fprintf(out, "scratch: %d\n", SCRATCH);
	if (flags & FUZZ_RECOVERS)
		fputs("recover: no\n", out);
	if (talk->no_autosense)
		fputs("autosense: no\n", out);
	fputs("steps:\n", out);
}

char *fuzz_text(const struct fuzz_talk *talk, const struct fuzz_head *head)
{
	char *text = NULL;
	size_t len;
	struct writer w = { .out = open_memstream(&text, &len) };

	if (!w.out)
		return NULL;
	put_head(w.out, talk, head);
	for (unsigned i = 0; i < talk->n; i++)
		put_step(&w, &talk->step[i]);
	return msc_text_end(w.out, &text) ? text : NULL;
}
