/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists of struct msc_pace_samples. */
#include <stdlib.h>
#include <string.h>

#include "timing/pace.h"
#include "wire/cost.h"

const char *const msc_pace_set_names[MSC_PACE_SETS] = { "serial", "queued", "strobed" };

/* Room for one more element; NULL: out of memory. */
static void *add(void **list, size_t *n, size_t *room, size_t size)
{
	char *p;

	if (*n == *room) {
		size_t more = *room ? 2 * *room : 64;
		void *grown = realloc(*list, more * size);

		if (!grown)
			return NULL;
		*list = grown;
		*room = more;
	}
	p = (char *)*list + (*n)++ * size;
	memset(p, 0, size);
	return p;
}

struct msc_pace_command *msc_pace_add_command(struct msc_pace_samples *s)
{
	void *list = s->commands,
	     *p = add(&list, &s->n_commands, &s->room_commands, sizeof *s->commands);

	s->commands = list;
	return p;
}

struct msc_pace_request *msc_pace_add_request(struct msc_pace_samples *s)
{
	void *list = s->requests,
	     *p = add(&list, &s->n_requests, &s->room_requests, sizeof *s->requests);

	s->requests = list;
	return p;
}

struct msc_pace_write *msc_pace_add_write(struct msc_pace_samples *s)
{
	void *list = s->writes, *p = add(&list, &s->n_writes, &s->room_writes, sizeof *s->writes);

	s->writes = list;
	return p;
}

struct msc_pace_written *msc_pace_add_written(struct msc_pace_samples *s)
{
	void *list = s->written,
	     *p = add(&list, &s->n_written, &s->room_written, sizeof *s->written);

	s->written = list;
	return p;
}

int64_t *msc_pace_add_act(struct msc_pace_samples *s)
{
	void *list = s->acts, *p = add(&list, &s->n_acts, &s->room_acts, sizeof *s->acts);

	s->acts = list;
	return p;
}

void msc_pace_weigh(struct msc_pace_samples *s, const uint8_t *data, size_t len, uint32_t blocks)
{
	for (size_t at = 0; at + s->packet <= len && s->packet; at += s->packet)
		s->payload_bits += 8 * s->packet + msc_stuffed_bits(data + at, s->packet);
	s->payload_blocks += blocks;
}

static void stream_free(struct msc_pace_stream *s)
{
	free(s->seen_ns);
	free(s->naks);
}

struct msc_pace_stream *msc_pace_add_stream(struct msc_pace_samples *s, size_t pieces)
{
	void *list = s->streams;
	struct msc_pace_stream *p = add(&list, &s->n_streams, &s->room_streams, sizeof *s->streams);

	s->streams = list;
	if (!p)
		return NULL;
	p->pieces = pieces;
	p->seen_ns = calloc(pieces, sizeof *p->seen_ns);
	p->naks = calloc(pieces, sizeof *p->naks);
	return p->seen_ns && p->naks ? p : NULL;
}

void msc_pace_drop_stream(struct msc_pace_samples *s)
{
	stream_free(&s->streams[--s->n_streams]);
}

void msc_pace_samples_free(struct msc_pace_samples *s)
{
	for (size_t i = 0; i < s->n_streams; i++)
		stream_free(&s->streams[i]);
	stream_free(&s->picture);
	free(s->commands);
	free(s->streams);
	free(s->requests);
	free(s->writes);
	free(s->written);
	free(s->acts);
	memset(s, 0, sizeof *s);
}
