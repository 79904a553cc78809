/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads "card-swap/1:blocks=4096:keep=1@cbw:120+3ms": see spec.h for the grammar. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "firmware/spec.h"

static int unknown(const char *word, const char *what, const char *const *names, size_t n,
		   struct msc_err *err)
{
	struct msc_nearest near = { .wanted = word };
	char all[160];
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		msc_nearest_try(&near, names[i]);
	if (near.best)
		return msc_fail(err, MSC_E_USAGE, "%s '%s' does not exist; did you mean '%s'?",
				what, word, near.best);
	for (size_t i = 0; i < n && len < sizeof all; i++)
		len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "",
					names[i]);
	return msc_fail(err, MSC_E_USAGE, "%s '%s' does not exist; there are %s", what, word, all);
}

/* The index of the word; -1: it is none of them. */
static int find(const char *word, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, names[i]) == 0)
			return (int)i;
	return -1;
}

/* ---- when --------------------------------------------------------------------------------- */

static int positive(const char *text, uint64_t *n, struct msc_err *err)
{
	if (msc_parse_size(text, n, err) < 0)
		return -1;
	return *n ? 0 : msc_fail(err, MSC_E_USAGE, "they are counted from 1");
}

/* What follows the '+': a time, or a number of bytes. */
static int parse_later(struct sim_event *e, const char *text, struct msc_err *err)
{
	struct msc_err no_time = MSC_ERR_INIT;

	if (msc_parse_duration(text, &e->after_ns, &no_time) == 0)
		return 0;
	if (e->when == SIM_AT_BYTE)
		return msc_fail(err, MSC_E_USAGE, "'+%s': expected a time", text);
	return msc_parse_size(text, &e->after_bytes, err);
}

static int parse_when(struct sim_event *e, char *text, struct msc_err *err)
{
	static const char *const points[] = { "cbw", "byte", "block", "read-block", "write-block" };
	char *n = strchr(text, ':'), *later = n ? strchr(n, '+') : NULL;
	int point;

	if (!n) {
		e->when = SIM_AT_TIME;
		return msc_parse_duration(text, &e->after_ns, err);
	}
	*n++ = '\0';
	if (later)
		*later++ = '\0';
	point = find(text, points, MSC_COUNT(points));
	if (point < 0)
		return unknown(text, "the point", points, MSC_COUNT(points), err);
	e->when = (enum sim_event_when)(SIM_AT_CBW + point);
	if (positive(n, &e->n, err) < 0)
		return -1;
	return later ? parse_later(e, later, err) : 0;
}

/* ---- what --------------------------------------------------------------------------------- */

static int parse_fill(struct sim_medium *m, const char *value, struct msc_err *err)
{
	static const char *const fills[] = { "zeros", "noise" };
	int fill = find(value, fills, MSC_COUNT(fills));

	m->noise = fill == 1;
	return fill < 0 ? unknown(value, "the fill", fills, MSC_COUNT(fills), err) : 0;
}

static int parse_medium(struct sim_medium *m, char *text, struct msc_err *err)
{
	static const char *const keys[] = { "blocks=N",   "keep=N", "fill=zeros",
					    "fill=noise", "wp",     "file=PATH" };

	while (text && *text) {
		char *next = strchr(text, ':');

		if (strncmp(text, "file=", 5) == 0) { /* to the end: a path may hold a ':' */
			if (strlen(text + 5) >= sizeof m->path)
				return msc_fail(err, MSC_E_USAGE, "the path is too long");
			strcpy(m->path, text + 5);
			return 0;
		}
		if (next)
			*next++ = '\0';
		if (strncmp(text, "blocks=", 7) == 0) {
			if (positive(text + 7, &m->blocks, err) < 0)
				return -1;
		} else if (strncmp(text, "keep=", 5) == 0) {
			if (msc_parse_size(text + 5, &m->keep, err) < 0)
				return -1;
		} else if (strncmp(text, "fill=", 5) == 0) {
			if (parse_fill(m, text + 5, err) < 0)
				return -1;
		} else if (strcmp(text, "wp") == 0) {
			m->read_only = true;
		} else {
			return unknown(text, "a medium's", keys, MSC_COUNT(keys), err);
		}
		text = next;
	}
	return 0;
}

/* VID:PID, four hex digits each. */
static int parse_identity(struct sim_event *e, const char *text, struct msc_err *err)
{
	uint8_t id[4];
	size_t a, b;
	char vendor[5] = "";

	if (strlen(text) != 9 || text[4] != ':' || strchr(text, ' '))
		return msc_fail(err, MSC_E_USAGE, "'%s': expected VID:PID, as in 1209:0002", text);
	memcpy(vendor, text, 4);
	if (msc_parse_hex(vendor, id, 2, &a, err) < 0 ||
	    msc_parse_hex(text + 5, id + 2, 2, &b, err) < 0)
		return -1;
	if (a != 2 || b != 2)
		return msc_fail(err, MSC_E_USAGE, "'%s': expected VID:PID, as in 1209:0002", text);
	e->vendor = msc_get_be16(id);
	e->product = msc_get_be16(id + 2);
	return 0;
}

/* KNOB=VALUE; whether the model has it is known to who has the model. */
static int parse_set(struct sim_event *e, const char *text, struct msc_err *err)
{
	if (!text || !strchr(text, '='))
		return msc_fail(err, MSC_E_USAGE,
				"'set': expected a knob and its value, as in "
				"set:button=1");
	if (strlen(text) >= sizeof e->set)
		return msc_fail(err, MSC_E_USAGE, "'%s' is too long", text);
	strcpy(e->set, text);
	return 0;
}

static int parse_bad_block(struct sim_event *e, const char *text, struct msc_err *err)
{
	if (!text)
		return msc_fail(err, MSC_E_USAGE,
				"'bad-block': expected its address, as in bad-block:37");
	return msc_parse_size(text, &e->lba, err);
}

static int parse_slot(struct sim_event *e, const char *text, struct msc_err *err)
{
	uint64_t n;

	if (msc_parse_size(text, &n, err) < 0)
		return -1;
	if (n > 15)
		return msc_fail(err, MSC_E_USAGE, "%s is out of range (0 to 15)", text);
	e->slot = (uint8_t)n;
	return 0;
}

static int parse_what(struct sim_event *e, char *text, struct msc_err *err)
{
	const char *names[SIM_EVENTS];
	char *rest = strchr(text, ':'), *slot;
	int what;

	if (rest)
		*rest++ = '\0';
	slot = strchr(text, '/');
	if (slot)
		*slot++ = '\0';
	for (int i = 0; i < SIM_EVENTS; i++)
		names[i] = sim_event_name((enum sim_event_what)i);
	what = find(text, names, MSC_COUNT(names));
	if (what < 0)
		return unknown(text, "the event", names, MSC_COUNT(names), err);
	e->what = (enum sim_event_what)what;
	if (slot && e->what > SIM_EJECT)
		return msc_fail(err, MSC_E_USAGE, "'%s' has no slot", text);
	if (slot && parse_slot(e, slot, err) < 0)
		return -1;
	e->other = rest != NULL;
	e->medium.noise = true; /* another card is not an empty one unless it is said */
	if (e->what == SIM_SET)
		return parse_set(e, rest, err);
	if (e->what == SIM_BAD_BLOCK)
		return parse_bad_block(e, rest, err);
	if (!rest)
		return 0;
	if (e->what >= SIM_CARD_IN && e->what <= SIM_CARD_WRITE)
		return parse_medium(&e->medium, rest, err);
	if (e->what == SIM_PLUG)
		return parse_identity(e, rest, err);
	return msc_fail(err, MSC_E_USAGE, "'%s' takes no ':'", text);
}

int msc_event_parse(struct sim_event *e, const char *text, struct msc_err *err)
{
	char *what = strdup(text), *when;
	int rc;

	*e = (struct sim_event){ .slot = 0 };
	if (!what)
		return msc_nomem(err);
	when = strrchr(what, '@');
	if (when) {
		*when++ = '\0';
		rc = parse_what(e, what, err) < 0 || parse_when(e, when, err) < 0 ? -1 : 0;
	} else {
		rc = msc_fail(err, MSC_E_USAGE, "'%s': expected WHAT@WHEN, as in card-out@350ms",
			      text);
	}
	free(what);
	return rc;
}
