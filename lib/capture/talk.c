/* SPDX-License-Identifier: BSD-2-Clause */
/* One mass-storage interface of one device: what is told of it goes through its own assembler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/internal.h"

static void on_record(void *user, const struct msc_record *r)
{
	struct talk *t = user;

	if (t->c->o.record)
		t->c->o.record(t->c->o.user, &t->is, r);
}

static void add(struct talk *t, const struct msc_transfer *x)
{
	if (t->c->o.wire)
		t->c->o.wire(t->c->o.user, &t->is,
			     &(struct msc_log_entry){ MSC_ENTRY_TRANSFER, { .transfer = *x } });
	if (msc_assemble_transfer(t->assembler, x, &t->c->err) < 0)
		t->c->no_memory = true;
}

static void note(struct talk *t, enum msc_note_kind kind)
{
	const struct msc_log_entry e = { MSC_ENTRY_NOTE,
					 { .note = { .kind = kind, .device = &t->is.device } } };

	if (t->c->o.wire)
		t->c->o.wire(t->c->o.user, &t->is, &e);
	if (msc_assemble(t->assembler, &e, &t->c->err) < 0)
		t->c->no_memory = true;
}

static void drop_waits(struct talk *t)
{
	for (size_t i = 0; i < t->n_waits; i++)
		free(t->waits[i].data);
	t->n_waits = 0;
}

static void forget_command(struct talk *t)
{
	drop_waits(t);
	t->open = false;
	t->wrapper = 0;
	t->in_flight = t->n_first = 0;
}

void talk_return(struct talk *t)
{
	t->device->left &=
		~(1u << pipe_of(t->is.device.ep_in) | 1u << pipe_of(t->is.device.ep_out));
	t->device->of_pipe[pipe_of(t->is.device.ep_in)] = t;
	t->device->of_pipe[pipe_of(t->is.device.ep_out)] = t;
}

struct talk *talk_new(struct msc_capture *c, struct device *d, const struct msc_device *device)
{
	struct talk *t;

	if (d->n_talks == TALKS_MAX)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t)
		t->assembler = msc_assembler_new(on_record, t);
	if (!t || !t->assembler) {
		free(t);
		c->no_memory = true;
		return NULL;
	}
	t->c = c;
	t->device = d;
	t->is = (struct msc_talk){ .number = ++c->n_talks, .bus = d->bus, .address = d->address };
	c->facts.talks++;
	d->talks[d->n_talks++] = t;
	talk_device(t, device);
	return t;
}

void talk_end(struct talk *t)
{
	struct msc_err err = MSC_ERR_INIT;

	if (!t)
		return;
	if (msc_assemble_end(t->assembler, &err) < 0)
		t->c->no_memory = true;
	for (size_t i = 0; i < ENDPOINTS; i++)
		if (t->device->of_pipe[i] == t)
			t->device->of_pipe[i] = NULL;
	drop_waits(t);
	msc_assembler_free(t->assembler);
	free(t);
}

void talk_device(struct talk *t, const struct msc_device *device)
{
	struct msc_device *d = &t->is.device;

	*d = *device;
	snprintf(d->name, sizeof d->name, "bus %u device %u", t->is.bus, t->is.address);
	t->is.described = d->config_len != 0;
	talk_return(t);
	note(t, MSC_NOTE_DEVICE);
}

/* ---- the conversation ---------------------------------------------------------------------- */

uint32_t talk_due_in(const struct talk *t)
{
	return t->bot.in_data && t->bot.dir == MSC_DIR_IN ? t->bot.left : MSC_CSW_LEN;
}

static void begin_command(struct talk *t, const uint8_t *wrapper)
{
	struct msc_cbw cbw;

	msc_cbw_unpack(&cbw, wrapper);
	t->bot.step = cbw.h.tag - t->bot.tag;
	t->bot.astray = false;
	t->bot.tag = cbw.h.tag;
	t->bot.length = t->bot.left = cbw.h.length;
	t->bot.in_data = cbw.h.length != 0;
	t->bot.early_status = false;
	t->bot.dir = cbw.h.flags & MSC_CBW_FLAG_IN ? MSC_DIR_IN : MSC_DIR_OUT;
}

static bool is_status(const struct msc_transfer *x)
{
	return x->ep & MSC_EP_IN && x->kept >= 4 && x->actual <= MSC_CSW_LEN &&
	       msc_get_le32(x->data) == MSC_CSW_SIGNATURE;
}

static void follow(struct talk *t, const struct msc_transfer *x)
{
	enum msc_dir dir = x->ep & MSC_EP_IN ? MSC_DIR_IN : MSC_DIR_OUT;

	if (dir == MSC_DIR_OUT && x->outcome == MSC_OUT_DONE && x->kept >= MSC_CBW_LEN &&
	    msc_cbw_is_valid(x->data, x->asked)) {
		begin_command(t, x->data);
		return;
	}
	if (!t->bot.in_data || t->bot.dir != dir) {
		t->bot.astray |= dir == MSC_DIR_OUT;
		return;
	}
	t->bot.early_status |= is_status(x) && x->actual == MSC_CSW_LEN;
	t->bot.left -= x->actual < t->bot.left ? (uint32_t)x->actual : t->bot.left;
	if (!t->bot.left || x->outcome != MSC_OUT_DONE || x->actual < x->asked)
		t->bot.in_data = false;
}

void talk_tell(struct talk *t, const struct msc_transfer *x)
{
	add(t, x);
	if (x->kind != MSC_TRANSFER_BULK)
		return;
	t->begun = true;
	if (!x->ended)
		return;
	if (x->kept < x->actual)
		t->c->facts.cut++;
	follow(t, x);
}

void talk_port_reset(struct talk *t, int64_t began_ns, int64_t ended_ns)
{
	const struct msc_transfer reset = { .kind = MSC_TRANSFER_PORT_RESET,
					    .ended = true,
					    .number = ++t->c->number,
					    .outcome = MSC_OUT_DONE,
					    .submitted_ns = began_ns,
					    .completed_ns = ended_ns,
					    .naks = -1 };

	forget_command(t);
	t->bot.in_data = false;
	t->epoch++;
	talk_tell(t, &reset);
}

void talk_leave(struct talk *t)
{
	const uint8_t ends[] = { t->is.device.ep_in, t->is.device.ep_out };

	forget_command(t);
	t->bot.in_data = false;
	t->epoch++;
	for (size_t i = 0; i < MSC_COUNT(ends); i++) {
		t->device->of_pipe[pipe_of(ends[i])] = NULL;
		t->device->left |= 1u << pipe_of(ends[i]);
	}
}

/* ---- gaps ---------------------------------------------------------------------------------- */

void talk_lost(struct talk *t)
{
	forget_command(t);
	t->c->facts.lost += t->begun;
	t->bot.in_data = false;
	t->epoch++;
	note(t, MSC_NOTE_LOST);
}

static bool is_wrapper(const struct msc_transfer *x)
{
	return !(x->ep & MSC_EP_IN) && x->data && x->kept == x->asked &&
	       msc_cbw_is_valid(x->data, x->kept);
}

/* A host sends a command when all of the one before has come back. */
void talk_submitted(struct talk *t, const struct msc_transfer *x)
{
	if (is_wrapper(x)) {
		if (t->wrapper || t->in_flight)
			talk_lost(t);
		t->open = true;
		t->wrapper = x->number;
		t->n_first = 0;
	} else if (t->open) {
		t->in_flight++;
		if (t->n_first < FIRST_MAX)
			t->first[t->n_first++] = x->number;
	}
}

static void forget_flight(struct talk *t, uint64_t number)
{
	for (unsigned i = 0; i < t->n_first; i++)
		if (t->first[i] == number)
			t->first[i] = 0;
}

/* Of that command another transfer was submitted before this one, and is still under way. */
static bool one_before(const struct talk *t, uint64_t number)
{
	for (unsigned i = 0; i < t->n_first; i++)
		if (t->first[i] && t->first[i] < number)
			return true;
	return false;
}

static void wait_for_wrapper(struct talk *t, const struct msc_transfer *x)
{
	struct held *h = &t->waits[t->n_waits];

	h->t = *x;
	h->data = malloc(x->kept ? x->kept : 1);
	if (!h->data) {
		t->c->no_memory = true;
		return;
	}
	if (x->kept)
		memcpy(h->data, x->data, x->kept);
	h->t.data = h->data;
	t->n_waits++;
}

/* A host asks for the data before it asks for a CSW and no more. If this one did not, its asking is what is
 * missing; and the device says that it did send. */
static bool data_is_missing(const struct talk *t, const struct msc_transfer *x)
{
	struct msc_csw csw;

	if (!t->bot.in_data || t->bot.dir != MSC_DIR_IN || t->bot.left != t->bot.length ||
	    t->bot.length == MSC_CSW_LEN || x->asked != MSC_CSW_LEN || x->kept != MSC_CSW_LEN ||
	    !is_status(x))
		return false;
	msc_csw_unpack(&csw, x->data);
	return csw.residue < t->bot.length;
}

#define AHEAD_MAX    4096
#define AHEAD_IN_ROW 3

/* Hosts count tags. A CSW with one that is not due yet belongs to a command that is missing here: a device
 * cannot know it. Where that goes on, or by steps of one, it is the device that counts. */
static bool command_is_missing(struct talk *t, const struct msc_transfer *x)
{
	struct msc_csw csw;
	bool ahead;

	if (!is_status(x) || x->kept != MSC_CSW_LEN)
		return false;
	msc_csw_unpack(&csw, x->data);
	ahead = t->bot.step == 1 && !t->bot.astray && csw.tag - t->bot.tag - 2 < AHEAD_MAX;
	t->bot.ahead = ahead ? t->bot.ahead + 1 : 0;
	return ahead && t->bot.ahead <= AHEAD_IN_ROW;
}

void talk_completed(struct talk *t, const struct msc_transfer *x, bool in_command)
{
	if (in_command && t->in_flight)
		t->in_flight--;
	forget_flight(t, x->number);
	/* the data before it, on the same endpoint, cannot still be under way */
	if ((is_status(x) && one_before(t, x->number) && t->bot.in_data &&
	     t->bot.dir == MSC_DIR_IN) ||
	    data_is_missing(t, x) || command_is_missing(t, x)) {
		talk_lost(t);
		return;
	}
	if (x->number == t->wrapper) {
		t->wrapper = 0;
		talk_tell(t, x);
		for (size_t i = 0; i < t->n_waits; i++)
			talk_tell(t, &t->waits[i].t);
		drop_waits(t);
	} else if (t->wrapper && x->number > t->wrapper && x->outcome == MSC_OUT_DONE) {
		if (t->n_waits == WAITS_MAX)
			talk_lost(t);
		else
			wait_for_wrapper(t, x);
	} else {
		talk_tell(t, x);
	}
	if (is_status(x))
		t->open = false;
}
