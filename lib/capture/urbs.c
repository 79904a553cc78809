/* SPDX-License-Identifier: BSD-2-Clause */
/* Two halves make a transfer. They are matched by the driver's own number, which is an address in
 * its memory and used again at once. */
#include <stdlib.h>
#include <string.h>

#include "capture/internal.h"

#define SLOTS	    4096 /* requests under way: more than any host has; a power of two */
#define PROBES	    8
#define SMALL	    64	 /* bytes that need no memory of their own: a CBW does not */
#define DATA_MAX    (16u << 20)
#define WINDOWS_MAX (64u << 10) /* what usbstor splits a data phase by */

struct slot {
	struct device *device;
	unsigned talk, epoch;  /* whose it was, by number, and when: see struct talk; 0: nobody's */
	bool bare, in_command;
	struct msc_transfer t;
	uint32_t kept;
	uint8_t small[SMALL];
	size_t room; /* of the bytes in `large` */
};

struct urbs {
	uint64_t id[SLOTS +
		    PROBES]; /* of the slots, side by side, because they are looked at most; 0: free */
	uint8_t *large[SLOTS + PROBES]; /* for more bytes; kept for the next */
	struct slot slot[SLOTS + PROBES]; /* those that nobody needs are never touched */
};

struct urbs *urbs_new(void)
{
	return calloc(1, sizeof(struct urbs));
}

void urbs_free(struct urbs *u)
{
	for (size_t i = 0; u && i < MSC_COUNT(u->large); i++)
		free(u->large[i]);
	free(u);
}

static size_t place(uint64_t id)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 52);
}

/* A number that is 0 would be a free slot's. */
static uint64_t key(uint64_t id)
{
	return id ? id : UINT64_MAX;
}

/* The slot of this number, or NULL. */
static struct slot *find(struct urbs *u, uint64_t id)
{
	size_t at = place(id);

	for (size_t i = at; i < at + PROBES; i++)
		if (u->id[i] == key(id))
			return &u->slot[i];
	return NULL;
}

static void release(struct urbs *u, struct slot *s)
{
	u->id[s - u->slot] = 0;
}

/* The talk that it belongs to, if it still goes on; NULL: it does not, or there is none. */
static struct talk *talk_of(const struct slot *s)
{
	struct talk *t = s->device->of_pipe[pipe_of(s->t.ep)];

	return t && t->is.number == s->talk && t->epoch == s->epoch ? t : NULL;
}

/* What was submitted and never came back, in a capture that has more: it was lost. */
static void give_up(struct urbs *u, struct slot *s)
{
	struct talk *t = talk_of(s);

	release(u, s);
	if (t)
		talk_lost(t);
}

static struct slot *claim(struct urbs *u, uint64_t id)
{
	size_t at = place(id), oldest = at;

	for (size_t i = at; i < at + PROBES; i++) {
		if (!u->id[i]) {
			u->id[i] = key(id);
			return &u->slot[i];
		}
		if (u->slot[i].t.number < u->slot[oldest].t.number)
			oldest = i;
	}
	give_up(u, &u->slot[oldest]);
	u->id[oldest] = key(id);
	return &u->slot[oldest];
}

/* The bytes that are sent. NULL: out of memory. */
static const uint8_t *keep(struct urbs *urbs, struct slot *s, const struct msc_urb *u)
{
	uint32_t kept = u->kept < DATA_MAX ? u->kept : DATA_MAX;
	uint8_t **large = &urbs->large[s - urbs->slot], *to = s->small;

	s->kept = kept;
	if (kept > SMALL) {
		if (s->room < kept) {
			free(*large);
			*large = malloc(kept);
			s->room = *large ? kept : 0;
		}
		to = *large;
	}
	if (to && kept)
		memcpy(to, u->data, kept);
	return to;
}

static bool is_in(const struct msc_transfer *t)
{
	return t->ep ? t->ep & MSC_EP_IN : t->setup.request_type & MSC_REQTYPE_IN;
}

/* Field by field: most of them are nothing here, and have never been anything else. */
static void begin(struct msc_transfer *t, const struct msc_urb *u, uint64_t number, int64_t at_ns)
{
	t->kind = u->bulk ? MSC_TRANSFER_BULK : MSC_TRANSFER_CONTROL;
	t->ended = false;
	t->number = number;
	t->ep = u->ep;
	t->setup = u->setup;
	t->submitted_ns = at_ns;
	t->asked = u->length;
	t->outcome = MSC_OUT_PENDING;
	t->actual = 0;
	t->data = NULL;
	t->kept = 0;
	t->completed_ns = 0;
	t->naks = -1;
}

static void submitted(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	struct slot *s = find(c->urbs, u->id);
	struct talk *talk;
	struct device *d;

	if (s)
		give_up(c->urbs, s);
	if (u->no_setup) {
		c->facts.other++;
		return;
	}
	d = device_get(c, u->bus, u->device);
	if (!d)
		return;
	s = claim(c->urbs, u->id);
	s->device = d;
	s->bare = u->bare;
	s->kept = 0;
	begin(&s->t, u, ++c->number, at_ns);
	if (!is_in(&s->t)) {
		s->t.data = keep(c->urbs, s, u);
		if (!s->t.data) {
			c->no_memory = true;
			release(c->urbs, s);
			return;
		}
		s->t.kept = s->kept;
	}
	talk = d->of_pipe[pipe_of(u->ep)];
	s->in_command = false;
	if (talk && u->bulk) {
		talk_submitted(talk, &s->t);
		s->in_command = talk->open && talk->wrapper != s->t.number;
	}
	s->talk = talk ? talk->is.number : 0;
	s->epoch = talk ? talk->epoch : 0;
	device_tell(c, d, &s->t);
}

/* USBPcap does not say how much was asked for. A data phase is asked for whole, or in pieces of 64
 * KiB; what is less was ended by a short packet. */
static size_t asked_for(const struct slot *s, const struct msc_urb *u)
{
	const struct talk *t = s->device->of_pipe[pipe_of(s->t.ep)];
	uint32_t due = t ? talk_due_in(t) : 0;

	if (u->length >= due || (u->length && u->length % WINDOWS_MAX == 0))
		return u->length;
	return due;
}

static void completed(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	struct slot *s = find(c->urbs, u->id);
	struct msc_transfer *t;

	if (!s) { /* it began before the capture, or its beginning was lost */
		struct device *d = u->bulk ? device_get(c, u->bus, u->device) : NULL;
		struct talk *talk = d ? d->of_pipe[pipe_of(u->ep)] : NULL;

		if (talk)
			talk_lost(talk);
		return;
	}
	t = &s->t; /* stays there, whoever may want the slot */
	t->ended = true;
	t->outcome = u->outcome;
	t->completed_ns = at_ns;
	t->actual = u->length;
	if (s->bare)
		t->asked = asked_for(s, u);
	if (is_in(t)) {
		if (t->actual > t->asked && !s->bare)
			t->actual = t->asked; /* or the header lies */
		t->data = u->data;
		t->kept = u->kept < t->actual ? u->kept : t->actual;
	} else if (t->actual > t->asked) {
		t->actual = t->asked;
	}
	if (!t->ep && t->actual > t->setup.length)
		t->actual = t->setup.length;
	release(c->urbs, s);
	if (!s->talk || talk_of(s))
		device_completed(c, s->device, t, s->in_command);
}

void urbs_take(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	if (u->completed)
		completed(c, u, at_ns);
	else
		submitted(c, u, at_ns);
}
