/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be told of a record by looking at it: BOT 1.0's "valid" and "meaningful", its steps,
 * and what it proves. Nothing here touches a device. */
#include "record/record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/copy.h"

struct msc_snapshot {
	unsigned refs;
	struct msc_device device;
};

struct msc_snapshot *msc_snapshot_new(const struct msc_device *device)
{
	struct msc_snapshot *s = malloc(sizeof *s);

	if (s)
		*s = (struct msc_snapshot){ 1, *device };
	return s;
}

struct msc_snapshot *msc_snapshot_ref(struct msc_snapshot *s)
{
	s->refs++;
	return s;
}

void msc_snapshot_drop(struct msc_snapshot *s)
{
	if (s && --s->refs == 0)
		free(s);
}

const struct msc_device *msc_snapshot_device(const struct msc_snapshot *s)
{
	return &s->device;
}

/* ---- records that nobody wants any more ----------------------------------------------------- */

#define SPARES_MAX  8	       /* more than an assembler lets go of before it wants one again */
#define BUFFERS_MAX 12	       /* for data: of the history's records, and of the newest */
#define BUFFER_MAX  (1u << 20) /* bytes: a larger one is given back to the system */

struct buffer {
	uint8_t *p;
	size_t room;
};

struct msc_spares {
	unsigned refs; /* of whom it was made by, and of its records */
	bool over;
	size_t n;
	struct msc_record *list[SPARES_MAX];
	size_t n_buffers;
	struct buffer buffers[BUFFERS_MAX];
};

struct msc_spares *msc_spares_new(void)
{
	struct msc_spares *s = calloc(1, sizeof *s);

	if (s)
		s->refs = 1;
	return s;
}

static void drop_spares(struct msc_spares *s)
{
	if (s && --s->refs == 0)
		free(s);
}

void msc_spares_end(struct msc_spares *s)
{
	if (!s)
		return;
	s->over = true;
	while (s->n)
		free(s->list[--s->n]);
	while (s->n_buffers)
		free(s->buffers[--s->n_buffers].p);
	drop_spares(s);
}

/* True: it is one of them now. */
static bool keep(struct msc_spares *s, struct msc_record *r)
{
	if (!s || s->over || s->n == SPARES_MAX)
		return false;
	s->list[s->n++] = r;
	return true;
}

static void make(struct msc_record *r, enum msc_record_kind kind, struct msc_spares *s)
{
	r->kind = kind;
	r->own.refs = 1;
	r->own.spares = s;
	if (s)
		s->refs++;
}

struct msc_record *msc_record_new(enum msc_record_kind kind)
{
	return msc_record_of(NULL, kind);
}

/* A record that is used again is cleared up to the steps: what other kinds have lies before them. */
_Static_assert(sizeof(struct msc_control) <= offsetof(struct msc_exchange, steps) &&
		       sizeof(struct msc_poll) <= offsetof(struct msc_exchange, steps),
	       "a record of any kind is cleared");

struct msc_record *msc_record_of(struct msc_spares *s, enum msc_record_kind kind)
{
	struct msc_record *r;

	if (s && s->n) {
		r = s->list[--s->n];
		memset(r, 0, offsetof(struct msc_record, u.exchange.steps));
	} else {
		r = calloc(1, sizeof *r);
	}
	if (r)
		make(r, kind, s);
	return r;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

uint8_t *msc_record_bytes(uint8_t own[MSC_RECORD_SMALL], const uint8_t *bytes, size_t len)
{
	uint8_t *p = len <= MSC_RECORD_SMALL ? own : malloc(len);

	if (p && len)
		memcpy(p, bytes, len);
	return p;
}

static void give_buffer(struct msc_spares *s, uint8_t *p, size_t room)
{
	if (!s || s->over || !room || room > BUFFER_MAX || s->n_buffers == BUFFERS_MAX)
		free(p);
	else
		s->buffers[s->n_buffers++] = (struct buffer){ p, room };
}

/* The smallest in which so much has room; p NULL: out of memory. */
static struct buffer take_buffer(struct msc_spares *s, size_t want)
{
	size_t best = SIZE_MAX;
	struct buffer b = { NULL, want };

	for (size_t i = 0; s && i < s->n_buffers; i++)
		if (s->buffers[i].room >= want &&
		    (best == SIZE_MAX || s->buffers[i].room < s->buffers[best].room))
			best = i;
	if (best == SIZE_MAX) {
		b.p = malloc(want);
		return b;
	}
	b = s->buffers[best];
	s->buffers[best] = s->buffers[--s->n_buffers];
	return b;
}

/* The first bytes of the data go into another buffer. */
static bool move_data(struct msc_record *r, size_t len, size_t want)
{
	struct msc_exchange *x = &r->u.exchange;
	struct buffer b = take_buffer(r->own.spares, want);

	if (!b.p)
		return false;
	if (len)
		msc_copy(b.p, x->data, len);
	give_buffer(r->own.spares, x->data, r->own.room);
	x->data = b.p;
	r->own.room = b.room;
	return true;
}

int msc_record_append(struct msc_record *r, const uint8_t *bytes, size_t len)
{
	struct msc_exchange *x = &r->u.exchange;

	if (!len)
		return 0;
	if (x->data_kept + len > r->own.room && !move_data(r, x->data_kept, x->data_kept + len))
		return -1;
	msc_copy(x->data + x->data_kept, bytes, len);
	x->data_kept += len;
	return 0;
}

void msc_record_of_bus(struct msc_record *r, const struct msc_transfer *t)
{
	r->began_ns = t->submitted_ns;
	r->ended_ns = t->completed_ns;
	if (r->kind == MSC_RECORD_PORT_RESET)
		r->u.port = (struct msc_port){ .outcome = t->outcome, .resets = t->resets };
	else
		r->u.suspend =
			(struct msc_silence){ .outcome = t->outcome, .resumed_ns = t->resumed_ns };
}

struct msc_record *msc_record_ref(const struct msc_record *r)
{
	struct msc_record *own = (struct msc_record *)(uintptr_t)r;

	if (own)
		own->own.refs++;
	return own;
}

static void drop_exchange(struct msc_record *r)
{
	struct msc_exchange *x = &r->u.exchange;

	if (x->wrapper != r->own.wrapper)
		free(x->wrapper);
	if (x->status != r->own.status)
		free(x->status);
	give_buffer(r->own.spares, x->data, r->own.room);
}

void msc_record_drop(const struct msc_record *record)
{
	struct msc_record *r = (struct msc_record *)(uintptr_t)record;
	struct msc_spares *s;

	if (!r || --r->own.refs)
		return;
	s = r->own.spares;
	switch (r->kind) {
	case MSC_RECORD_EXCHANGE: drop_exchange(r); break;
	case MSC_RECORD_CONTROL:    free(r->u.control.data); break;
	case MSC_RECORD_POLL:	    free(r->u.poll.data); break;
	case MSC_RECORD_PORT_RESET:
	case MSC_RECORD_SUSPEND: break;
	}
	msc_snapshot_drop(r->own.snapshot);
	if (!keep(s, r))
		free(r);
	drop_spares(s);
}

void msc_record_trim(struct msc_record *r)
{
	struct msc_exchange *x = &r->u.exchange;

	if (r->kind != MSC_RECORD_EXCHANGE || x->data_kept <= MSC_KEPT_MAX)
		return;
	if (x->data_kept == x->data_len)
		x->data_hash = msc_log_hash(x->data, x->data_len);
	x->data_kept = MSC_KEPT_MAX;
	move_data(r, MSC_KEPT_MAX, MSC_KEPT_MAX); /* or it stays where it is */
}

const struct msc_record *msc_record_hold(const struct msc_record *r)
{
	struct msc_record *own = msc_record_ref(r);

	if (own)
		own->own.holds++;
	return own;
}

void msc_record_release(const struct msc_record *r)
{
	struct msc_record *own = (struct msc_record *)(uintptr_t)r;

	if (!own)
		return;
	if (--own->own.holds == 0 && own->own.refs > 1)
		msc_record_trim(own);
	msc_record_drop(own);
}

bool msc_cbw_is_valid(const uint8_t *wrapper, size_t len)
{
	return len == MSC_CBW_LEN && msc_get_le32(wrapper) == MSC_CBW_SIGNATURE;
}

bool msc_cbw_means(const struct msc_cbw *cbw, uint8_t max_lun)
{
	const struct msc_cbw_header *h = &cbw->h;

	if ((h->flags & MSC_CBW_FLAGS_ZERO) || (h->lun & MSC_CBW_LUN_ZERO) ||
	    (h->cb_length & MSC_CBW_CBLEN_ZERO))
		return false;
	if (max_lun != 0xff && h->lun > max_lun)
		return false;
	return h->cb_length >= 1 && h->cb_length <= MSC_CBW_CB_MAX &&
	       h->cb_length >= msc_cdb_group_length(cbw->cb[0]);
}

bool msc_cbw_is_meaningful(const struct msc_exchange *x)
{
	return msc_exchange_is_valid(x) && msc_cbw_means(&x->cbw, x->max_lun);
}

bool msc_exchange_is_valid(const struct msc_exchange *x)
{
	return x->whole || msc_cbw_is_valid(x->wrapper, x->wrapper_len);
}

bool msc_exchange_ended(const struct msc_exchange *x)
{
	return !x->needs_reset && msc_csw_is_valid(x);
}

bool msc_exchange_passed(const struct msc_exchange *x)
{
	return msc_exchange_ended(x) && x->csw.status == MSC_CSW_PASSED;
}

bool msc_may_be_recovered(const struct msc_exchange *x)
{
	return !x->whole && msc_exchange_ended(x) && x->csw.status == MSC_CSW_FAILED &&
	       x->view.moves_blocks && x->cbw.h.length && x->data_len == x->cbw.h.length &&
	       !x->csw.residue;
}

size_t msc_exchange_offered(const struct msc_exchange *x)
{
	size_t total = 0;

	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind == MSC_STEP_DATA)
			total += x->steps[i].asked;
	return total;
}

bool msc_hung(enum msc_outcome outcome)
{
	return outcome == MSC_OUT_TIMEOUT || outcome == MSC_OUT_ERROR;
}

bool msc_csw_is_valid(const struct msc_exchange *x)
{
	if (x->whole)
		return x->outcome == MSC_OUT_DONE;
	return x->have_csw && x->csw.signature == MSC_CSW_SIGNATURE && x->csw.tag == x->cbw.h.tag;
}

bool msc_csw_is_meaningful(const struct msc_exchange *x)
{
	if (x->whole)
		return x->outcome == MSC_OUT_DONE &&
		       (x->csw.status == MSC_CSW_PASSED || x->scsi_status == MSC_CHECK_CONDITION);
	switch (x->have_csw ? x->csw.status : 0xff) {
	case MSC_CSW_PASSED:
	case MSC_CSW_FAILED:	  return x->csw.residue <= x->cbw.h.length;
	case MSC_CSW_PHASE_ERROR: return true;
	default:		  return false;
	}
}

const struct msc_step *msc_step_find(const struct msc_exchange *x, enum msc_step_kind kind)
{
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind == kind)
			return &x->steps[i];
	return NULL;
}

const struct msc_step *msc_step_with(const struct msc_exchange *x, enum msc_step_kind kind,
				     enum msc_outcome outcome)
{
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind == kind && x->steps[i].outcome == outcome)
			return &x->steps[i];
	return NULL;
}

bool msc_is_request(const struct msc_record *r, uint8_t request_type, uint8_t request)
{
	return r->kind == MSC_RECORD_CONTROL && r->u.control.setup.request_type == request_type &&
	       r->u.control.setup.request == request;
}

bool msc_is_good_reset(const struct msc_record *r)
{
	const struct msc_setup *s = &r->u.control.setup;

	return msc_is_request(r, MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE,
			      MSC_REQ_BULK_ONLY_RESET) &&
	       !s->value && s->index == r->device->interface_number && !s->length;
}

bool msc_is_good_max_lun(const struct msc_record *r)
{
	const struct msc_setup *s = &r->u.control.setup;

	return msc_is_request(r, MSC_REQTYPE_IN | MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE,
			      MSC_REQ_GET_MAX_LUN) &&
	       !s->value && s->index == r->device->interface_number && s->length == 1;
}

bool msc_is_clear_halt(const struct msc_record *r, uint8_t *ep)
{
	*ep = (uint8_t)r->u.control.setup.index;
	return r->kind == MSC_RECORD_CONTROL && msc_setup_clears_halt(&r->u.control.setup) &&
	       (*ep == r->device->ep_in || *ep == r->device->ep_out);
}

bool msc_is_configuration(const struct msc_record *r)
{
	return msc_is_request(r, 0, MSC_STD_SET_CONFIGURATION) &&
	       r->device->config_len >= MSC_CONFIG_DESC_LEN &&
	       r->u.control.setup.value == msc_device_configuration(r->device);
}

bool msc_is_any_configuration(const struct msc_record *r, uint8_t *value)
{
	*value = (uint8_t)r->u.control.setup.value;
	return r->kind == MSC_RECORD_CONTROL && msc_setup_sets_configuration(&r->u.control.setup);
}

bool msc_is_setting(const struct msc_record *r)
{
	return r->kind == MSC_RECORD_CONTROL &&
	       msc_setup_sets_interface(&r->u.control.setup, r->device->interface_number) &&
	       r->u.control.setup.value == r->device->alternate;
}
