/* SPDX-License-Identifier: BSD-2-Clause */
/* The oscilloscope picture in a terminal: up to four lanes of at most 70 columns, and what they say. A column
 * is a round amount of time; the ruler names every tenth. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "report/pace.h"

#define COLUMNS 70
#define LABEL	9 /* columns before a lane */

/* What a column shows. Where several things share one, the later in this list is seen. */
enum glyph { NOTHING, LINE, WAIT, NAK, WORKS, TICK, DATA, CSW, CBW, OPEN, CLOSE, BOTH, LETTER };

struct style {
	const char *glyph[LETTER];
};

static const struct style ascii = { { " ", "-", ":", ".", "~", "|", "#", "S", "C", "[", "]",
				      "|" } };
static const struct style boxes = { { " ", "\u2500", ":", "\u00b7", "\u2592", "|", "\u2588", "S",
				      "C", "\u251c", "\u2524", "\u2502" } };

struct canvas {
	double step_ns;
	size_t width;
	enum glyph cell[MSC_LANES][COLUMNS];
	char letter[MSC_LANES][COLUMNS]; /* of cells that are LETTER */
};

static double choose_step(double end_ns)
{
	double step = 1;

	for (;;) {
		static const double times[] = { 1, 1.5, 2, 2.5, 3, 4, 5, 7.5 };

		for (size_t i = 0; i < MSC_COUNT(times); i++)
			if (end_ns <= times[i] * step * COLUMNS)
				return times[i] * step;
		step *= 10;
	}
}

/* Where a span's edge is drawn: that of one span's end is that of the next one's beginning. */
static size_t column(const struct canvas *c, double ns)
{
	double at = round(ns / c->step_ns);

	return at < 0 ? 0 : at >= (double)c->width ? c->width - 1 : (size_t)at;
}

static void fill(struct canvas *c, enum msc_lane lane, size_t from, size_t to, enum glyph g)
{
	for (size_t i = from; i <= to; i++)
		if (c->cell[lane][i] < g)
			c->cell[lane][i] = g;
}

/* A transfer of the host: a bar between brackets, with its name if there is room. */
static void put_bar(struct canvas *c, size_t from, size_t to, const char *name)
{
	size_t len = strlen(name);

	fill(c, MSC_LANE_HOST, from, to, LINE);
	if (to > from + len) {
		for (size_t i = 0; i < len; i++) {
			c->cell[MSC_LANE_HOST][from + 1 + i] = LETTER;
			c->letter[MSC_LANE_HOST][from + 1 + i] = name[i];
		}
	}
	c->cell[MSC_LANE_HOST][from] = to > from ? OPEN : BOTH;
	if (to > from)
		c->cell[MSC_LANE_HOST][to] = CLOSE;
}

static void draw(struct canvas *c, const struct msc_timeline *t)
{
	static const char *const names[] = { "CBW", "data", "CSW", "CBW, data, CSW" };
	static const enum glyph glyphs[] = {
		[MSC_SPAN_CBW] = CBW,    [MSC_SPAN_DATA] = DATA, [MSC_SPAN_CSW] = CSW,
		[MSC_SPAN_ALL] = LINE,   [MSC_SPAN_NAK] = NAK,   [MSC_SPAN_WAIT] = WAIT,
		[MSC_SPAN_WORKS] = WORKS, [MSC_SPAN_TICK] = TICK
	};

	for (size_t i = 0; i < t->n; i++) {
		const struct msc_span *s = &t->span[i];
		size_t from = column(c, s->from_ns);
		size_t end = (size_t)fmin(round(s->to_ns / c->step_ns), (double)c->width);
		size_t to = end > from ? end - 1 : from;

		if (s->from_ns >= c->step_ns * (double)c->width)
			continue; /* a scale that was asked for */
		if (s->lane == MSC_LANE_HOST)
			put_bar(c, from, to, names[s->kind]);
		else
			fill(c, s->lane, from, to, glyphs[s->kind]);
	}
}

/* "2.5 ms": the ruler's times are round. */
static const char *round_time(char *buf, size_t size, double ns)
{
	double unit = ns < MSC_US ? 1 : ns < MSC_MS ? MSC_US : ns < MSC_S ? MSC_MS : MSC_S;

	snprintf(buf, size, "%.6g %s", ns / unit,
		 unit < MSC_US   ? "ns"
		 : unit < MSC_MS ? "us"
		 : unit < MSC_S  ? "ms"
				 : "s");
	return buf;
}

static void print_ruler(FILE *out, const struct canvas *c, bool utf8)
{
	char label[24];

	fprintf(out, "%-*s", LABEL, "time");
	for (size_t i = 0; i < c->width; i += 10) {
		round_time(label, sizeof label, (double)i * c->step_ns);
		if (i + 10 >= c->width)
			fputs(i ? label : "0", out);
		else
			fprintf(out, "%-10s", i ? label : "0");
	}
	fprintf(out, "\n%*s", LABEL, "");
	for (size_t i = 0; i < c->width; i++)
		fputs(i % 10 ? (utf8 ? "\u2500" : "-") : (utf8 ? "\u253c" : "+"), out);
	putc('\n', out);
}

static void print_lane(FILE *out, const struct canvas *c, enum msc_lane lane, const char *name,
		       const struct style *style)
{
	size_t end = c->width;

	while (end > 0 && c->cell[lane][end - 1] == NOTHING)
		end--;
	fprintf(out, "%-*s", LABEL, name);
	for (size_t i = 0; i < end; i++) {
		if (c->cell[lane][i] == LETTER)
			putc(c->letter[lane][i], out);
		else
			fputs(style->glyph[c->cell[lane][i]], out);
	}
	putc('\n', out);
}

static double percent(const struct msc_timeline *t, double ns)
{
	return 100 * ns / t->end_ns;
}

/* What is to be seen, in one sentence. */
static void print_sentence(FILE *out, const struct msc_timeline *t)
{
	double idle = t->end_ns - t->carries_ns - t->asks_ns - t->waits_ns;
	char text[400], end[24];

	snprintf(text, sizeof text, "Of %s the bus carries packets for %.0f %%",
		 msc_format_ns(end, sizeof end, (int64_t)t->end_ns), percent(t, t->carries_ns));
	if (percent(t, t->asks_ns) >= 1)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 ", asks a device that has nothing yet for %.0f %%",
			 percent(t, t->asks_ns));
	if (percent(t, t->waits_ns) >= 1)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 ", and is quiet for %.0f %% until the host sees at a frame's end that a "
			 "transfer is over",
			 percent(t, t->waits_ns));
	if (percent(t, idle) >= 1)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "; for %.0f %% nothing is under way", percent(t, idle));
	snprintf(text + strlen(text), sizeof text - strlen(text), "%s.",
		 t->overlaps ? "; the medium is read meanwhile, as two buffers allow" : "");
	msc_put_wrapped(out, 0, 0, text);
	putc('\n', out);
}

static bool has_lane(const struct msc_timeline *t, enum msc_lane lane)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->span[i].lane == lane)
			return true;
	return false;
}

/* Of what is there. */
static void print_legend(FILE *out, const struct msc_timeline *t, const struct style *style)
{
	char text[160] = "";

	msc_append(text, sizeof text, "C CBW, %s data, S CSW", style->glyph[DATA]);
	if (t->asks_ns > 0)
		msc_append(text, sizeof text, ", %s NAK", style->glyph[NAK]);
	if (t->waits_ns > 0)
		msc_append(text, sizeof text, ", %s until the frame ends", style->glyph[WAIT]);
	if (has_lane(t, MSC_LANE_MEDIUM))
		msc_append(text, sizeof text, "; %s the device gets data", style->glyph[WORKS]);
	if (has_lane(t, MSC_LANE_TICKS))
		msc_append(text, sizeof text, "; %s a tick of the device", style->glyph[TICK]);
	fprintf(out, "%*s", LABEL, "");
	msc_put_wrapped(out, LABEL, LABEL, text);
	putc('\n', out);
}

void msc_timeline_print(FILE *out, const struct msc_timeline *t, bool utf8, int64_t column_ns)
{
	const struct style *style = utf8 ? &boxes : &ascii;
	struct canvas c = { .step_ns = column_ns ? (double)column_ns : choose_step(t->end_ns) };
	char step[24];

	c.width = (size_t)ceil(t->end_ns / c.step_ns);
	c.width = c.width < 1 ? 1 : c.width > COLUMNS ? COLUMNS : c.width;
	draw(&c, t);
	fprintf(out, "one read of %u block%s, %s; a column is %s%s\n", t->blocks,
		t->blocks == 1 ? "" : "s", t->queued ? "queued" : "serial",
		round_time(step, sizeof step, c.step_ns),
		t->exact ? "" : ", bus positions are estimated");
	print_ruler(out, &c, utf8);
	print_lane(out, &c, MSC_LANE_HOST, "host", style);
	print_lane(out, &c, MSC_LANE_BUS, "bus", style);
	if (has_lane(t, MSC_LANE_MEDIUM))
		print_lane(out, &c, MSC_LANE_MEDIUM, "medium", style);
	if (has_lane(t, MSC_LANE_TICKS))
		print_lane(out, &c, MSC_LANE_TICKS, "ticks", style);
	print_legend(out, t, style);
	if (t->end_ns > c.step_ns * (double)c.width)
		fprintf(out, "%*sthe rest, up to %s, is beyond the picture\n", LABEL, "",
			round_time(step, sizeof step, t->end_ns));
	print_sentence(out, t);
}
