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
#define HALTED	    (UINT64_MAX - 1) /* the number of a transfer that was not written down */
#define SENT_MAX    8 /* more than usbstor sends before it reads */
#define WINDOWS_MAX (64u << 10) /* what usbstor splits a data phase by */
#define ENDED_MAX   16		 /* ends that are remembered */
/* Two interfaces of a capture that see the same bus tell of it within that time. */
#define TWICE_NS (50 * MSC_US)

struct slot {
	struct slot *next; /* of those that are not used */
	struct device *device;
	unsigned talk, epoch;  /* whose it was, by number, and when: see struct talk; 0: nobody's */
	bool bare, pieces, in_command;
	struct msc_transfer t;
	uint32_t kept;
	uint8_t small[SMALL];
	uint8_t *large; /* for more bytes; kept for the next */
	size_t room; /* of those */
};

/* The slot that was let go last is the next that is used: few are, and they stay in the processor's cache. */
struct urbs {
	uint64_t id[SLOTS +
		    PROBES]; /* 0: none. By their hash, and side by side, because they are looked at most */
	uint16_t slot[SLOTS + PROBES]; /* of each */
	struct slot *unused;
	size_t n; /* of slots that have ever been used */
	bool whole; /* both halves of a bulk transfer have been seen of a driver that may leave one out */
	bool halves; /* the other half has been missed */
	uint64_t sent[SENT_MAX]; /* until that is known: what was sent, oldest first */
	size_t n_sent;
	int64_t last_ns; /* of the newest half */
	struct {
		uint64_t id;
		int64_t at_ns;
	} ended[ENDED_MAX]; /* the newest ends */
	unsigned n_ended;
	struct slot slots[SLOTS + PROBES];
};

struct urbs *urbs_new(void)
{
	return calloc(1, sizeof(struct urbs));
}

void urbs_free(struct urbs *u)
{
	for (size_t i = 0; u && i < u->n; i++)
		free(u->slots[i].large);
	free(u);
}

static size_t place(uint64_t id)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 52);
}

/* A number that is 0 would be nobody's. */
static uint64_t key(uint64_t id)
{
	return id ? id : UINT64_MAX;
}

/* Where this number is, or SIZE_MAX. */
static inline size_t find(const struct urbs *u, uint64_t id)
{
	size_t at = place(id);

	for (size_t i = at; i < at + PROBES; i++)
		if (u->id[i] == key(id))
			return i;
	return SIZE_MAX;
}

static inline struct slot *release(struct urbs *u, size_t at)
{
	struct slot *s = &u->slots[u->slot[at]];

	u->id[at] = 0;
	s->next = u->unused;
	u->unused = s;
	return s;
}

/* The talk that it belongs to, if it still goes on; NULL: it does not, or there is none. */
static struct talk *talk_of(const struct slot *s)
{
	struct talk *t = s->device->of_pipe[pipe_of(s->t.ep)];

	return t && t->is.number == s->talk && t->epoch == s->epoch ? t : NULL;
}

/* What was submitted and never came back, in a capture that has more: it was lost. */
static MSC_APART void give_up(struct urbs *u, size_t at)
{
	struct talk *t = talk_of(release(u, at));

	if (t)
		talk_lost(t);
}

static MSC_APART size_t give_up_oldest(struct urbs *u, size_t at)
{
	size_t oldest = at;

	for (size_t i = at; i < at + PROBES; i++)
		if (u->slots[u->slot[i]].t.number < u->slots[u->slot[oldest]].t.number)
			oldest = i;
	give_up(u, oldest);
	return oldest;
}

static inline struct slot *claim(struct urbs *u, uint64_t id)
{
	size_t at = place(id), i = at;
	struct slot *s = u->unused;

	while (i < at + PROBES && u->id[i])
		i++;
	if (i == at + PROBES) {
		i = give_up_oldest(u, at);
		s = u->unused;
	}
	if (s)
		u->unused = s->next;
	else
		s = &u->slots[u->n++];
	u->id[i] = key(id);
	u->slot[i] = (uint16_t)(s - u->slots);
	return s;
}

/* The bytes that are sent. NULL: out of memory. */
static const uint8_t *keep(struct slot *s, const struct msc_urb *u)
{
	uint32_t kept = u->kept < DATA_MAX ? u->kept : DATA_MAX;
	uint8_t *to = s->small;

	s->kept = kept;
	if (kept > SMALL) {
		if (s->room < kept) {
			free(s->large);
			s->large = malloc(kept);
			s->room = s->large ? kept : 0;
		}
		to = s->large;
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

/* Where a later half stands before an earlier one, what belongs together cannot be told: files that were put
 * together from others are so, and then the host seems to have done what it has not. Whoever waits for endpoint 0 may
 * tell of bulk transfers only afterwards. When a half is missing its time is made up. */
static void note_order(struct msc_capture *c, struct device *d, bool bulk, int64_t at_ns)
{
	uint64_t lost = c->facts.lost;

	if (c->urbs->halves)
		return;
	if (at_ns >= d->told_ns[bulk]) {
		d->told_ns[bulk] = at_ns;
		return;
	}
	device_lost(d);
	c->facts.lost = lost;
	c->facts.disordered++;
}

/* usbmon0 and usbmon1 captured together tell everything twice. */
static bool begins_twice(const struct slot *s, const struct msc_urb *u, int64_t at_ns)
{
	const struct msc_transfer *t = &s->t;

	return at_ns - t->submitted_ns < TWICE_NS && s->device->bus == u->bus &&
	       s->device->address == u->device && t->ep == u->ep && t->asked == u->length &&
	       (!t->kept || (t->kept == u->kept && !memcmp(t->data, u->data, u->kept)));
}

static bool ends_twice(const struct urbs *urbs, const struct msc_urb *u, int64_t at_ns)
{
	for (unsigned i = 0; i < ENDED_MAX; i++)
		if (urbs->ended[i].id == key(u->id) && at_ns - urbs->ended[i].at_ns < TWICE_NS)
			return true;
	return false;
}

static void submitted(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	size_t before = find(c->urbs, u->id);
	struct slot *s;
	struct talk *talk;
	struct device *d;

	if (before != SIZE_MAX) {
		if (begins_twice(&c->urbs->slots[c->urbs->slot[before]], u, at_ns)) {
			c->facts.repeated++;
			return;
		}
		give_up(c->urbs, before);
	}
	if (u->no_setup) {
		c->facts.other++;
		return;
	}
	d = device_get(c, u->bus, u->device);
	if (!d)
		return;
	note_order(c, d, u->bulk, at_ns);
	s = claim(c->urbs, u->id);
	s->device = d;
	s->bare = u->bare;
	s->pieces = u->pieces;
	s->kept = 0;
	begin(&s->t, u, ++c->number, at_ns);
	if (!is_in(&s->t)) {
		s->t.data = keep(s, u);
		if (!s->t.data) {
			c->no_memory = true;
			release(c->urbs, find(c->urbs, u->id));
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
	if (talk && u->bulk)
		talk_tell(talk, &s->t);
	else
		device_tell(c, d, &s->t);
}

/* Windows asks for a data phase whole, or in pieces of 64 KiB; what is less was ended by a short packet. */
static size_t asked_for(const struct slot *s, const struct msc_urb *u)
{
	const struct talk *t = s->device->of_pipe[pipe_of(s->t.ep)];
	uint32_t due = t ? talk_due_in(t) : 0, piece = WINDOWS_MAX;

	if (s->pieces) {
		piece = device_max_packet(s->device, s->t.ep);
		piece = piece ? piece : 64;
	}
	if (u->length >= due || (u->length && u->length % piece == 0))
		return u->length;
	return due;
}

/* It began before the capture, or its beginning was lost. */
static MSC_APART void without_beginning(struct msc_capture *c, const struct msc_urb *u,
					int64_t at_ns)
{
	struct device *d = u->bulk ? device_get(c, u->bus, u->device) : NULL;
	struct talk *talk = d ? d->of_pipe[pipe_of(u->ep)] : NULL;

	if (d)
		note_order(c, d, u->bulk, at_ns);
	if (talk)
		talk_lost(talk);
}

/* Numbers are used again at once: where what came between is missing, or stands elsewhere, these are halves of two
 * transfers. No driver tells of more bytes than were asked for. */
static bool fit(const struct slot *s, const struct msc_urb *u, int64_t at_ns)
{
	return u->unsaid || (at_ns >= s->t.submitted_ns && s->device->bus == u->bus &&
			     s->device->address == u->device && s->t.ep == u->ep &&
			     (s->bare || u->length <= s->t.asked));
}

static void completed(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	size_t at = find(c->urbs, u->id);
	struct msc_transfer *t;
	struct slot *s;

	if (at == SIZE_MAX) {
		if (ends_twice(c->urbs, u, at_ns))
			c->facts.repeated++;
		else
			without_beginning(c, u, at_ns);
		return;
	}
	if (!fit(&c->urbs->slots[c->urbs->slot[at]], u, at_ns)) {
		give_up(c->urbs, at);
		without_beginning(c, u, at_ns);
		return;
	}
	c->urbs->ended[c->urbs->n_ended].id = key(u->id);
	c->urbs->ended[c->urbs->n_ended].at_ns = at_ns;
	c->urbs->n_ended = (c->urbs->n_ended + 1) % ENDED_MAX;
	s = release(c->urbs, at);
	note_order(c, s->device, s->t.ep != 0, at_ns);
	t = &s->t; /* stays there until another begins */
	t->ended = true;
	t->outcome = u->outcome;
	if (u->outcome == MSC_OUT_CANCELLED && at_ns - t->submitted_ns >= GAVE_UP_NS)
		t->outcome = MSC_OUT_TIMEOUT; /* whether anything moved meanwhile is not told */
	t->completed_ns = at_ns;
	t->actual = u->length;
	if (u->unsaid && !(is_in(t) && u->length))
		t->actual = t->outcome == MSC_OUT_DONE ? t->asked : 0;
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
	if (!s->talk || talk_of(s))
		device_completed(c, s->device, t, s->in_command);
}

/* ---- halves -------------------------------------------------------------------------------- */

static void end_as(struct msc_capture *c, uint64_t id, enum msc_outcome outcome, int64_t at_ns)
{
	completed(c,
		  &(struct msc_urb){ .id = id,
				     .completed = true,
				     .bulk = true,
				     .unsaid = true,
				     .outcome = outcome },
		  at_ns);
}

/* What was sent is complete when the host goes on; how long it took, nothing says. */
static void end_sent(struct msc_capture *c, int64_t at_ns)
{
	struct urbs *urbs = c->urbs;

	for (size_t i = 0; i < urbs->n_sent; i++)
		end_as(c, urbs->sent[i], MSC_OUT_DONE, at_ns);
	urbs->n_sent = 0;
}

/* What failed was not written down, either. A host that clears a halt within a command has met it. */
static MSC_APART void end_halted(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	struct urbs *urbs = c->urbs;
	struct device *d = device_get(c, u->bus, u->device);
	uint8_t ep = (uint8_t)u->setup.index;
	const struct talk *t = d ? d->of_pipe[pipe_of(ep)] : NULL;

	if (!t || !t->open)
		return;
	if (!(ep & MSC_EP_IN) && urbs->n_sent)
		end_as(c, urbs->sent[--urbs->n_sent], MSC_OUT_STALL, at_ns);
	end_sent(c, urbs->last_ns);
	if (ep & MSC_EP_IN) {
		submitted(c,
			  &(struct msc_urb){ .id = HALTED,
					     .bulk = true,
					     .bare = true,
					     .bus = u->bus,
					     .device = u->device,
					     .ep = ep },
			  urbs->last_ns);
		end_as(c, HALTED, MSC_OUT_STALL, at_ns);
	}
}

static void take(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	if (u->completed)
		completed(c, u, at_ns);
	else
		submitted(c, u, at_ns);
}

/* Windows sends CBW, data and CSW with one request after the other in the same memory, so that they have
 * the same number: a transfer is the one under way only if it goes the same way. */
static bool is_under_way(const struct urbs *urbs, const struct msc_urb *u)
{
	size_t at = find(urbs, u->id);

	return at != SIZE_MAX && urbs->slots[urbs->slot[at]].t.ep == u->ep;
}

/* A driver that may write down only what has data: bulk-out as it is sent, bulk-in as it came. */
static MSC_APART void take_half(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	struct urbs *urbs = c->urbs;
	bool in = u->ep & MSC_EP_IN;

	if (in != u->completed) {
		urbs->whole = true;
		urbs->n_sent = 0;
	} else if (in && !is_under_way(urbs, u)) {
		struct msc_urb asked = *u;

		if (!urbs->last_ns) /* the first of all */
			urbs->last_ns = at_ns;
		urbs->halves = c->facts.halves = true;
		end_sent(c, urbs->last_ns);
		asked.completed = false;
		asked.bare = true;
		submitted(c, &asked, urbs->last_ns);
	} else if (!in) {
		if (urbs->halves)
			end_sent(c, urbs->last_ns);
		urbs->n_sent %= SENT_MAX;
		urbs->sent[urbs->n_sent++] = u->id;
	}
	take(c, u, at_ns);
	urbs->last_ns = at_ns;
}

void urbs_take(struct msc_capture *c, const struct msc_urb *u, int64_t at_ns)
{
	if (u->halves && !c->urbs->whole) {
		take_half(c, u, at_ns);
		return;
	}
	if (c->urbs->halves && !u->completed && !u->no_setup && msc_setup_clears_halt(&u->setup))
		end_halted(c, u, at_ns);
	take(c, u, at_ns);
}
