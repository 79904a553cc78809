/* SPDX-License-Identifier: BSD-2-Clause */
/* What any exchange tells of the medium behind a unit: that it is another one, that it is gone, how
 * long it takes to be written; and what any transfer does to the data toggles. */
#include "session/engine.h"

#define WRITE_SLACK   3 /* a flash takes longer now and then */
#define WRITE_MOST_NS (120 * MSC_S)

const struct msc_medium_signs *msc_session_signs(const struct msc_session *s, uint8_t lun)
{
	return &s->signs[lun & MSC_LUN_MAX];
}

static void watch_sense(struct msc_session *s, struct msc_medium_signs *g,
			const struct msc_exchange *x)
{
	struct msc_sense_data d = msc_sense_decode(x->data, x->data_kept);

	g->unexplained = false;
	if (!d.valid)
		return;
	if (d.key == MSC_SENSE_UNIT_ATTENTION && d.asc == MSC_ASC_MEDIUM_CHANGED) {
		if (s->excused)
			g->doubts++;
		else
			g->changed++;
	}
	if (d.key == MSC_SENSE_NOT_READY && d.asc == MSC_ASC_NO_MEDIUM && !g->ejected) {
		g->absent++;
		g->away = true;
	}
}

static void watch_exchange(struct msc_session *s, const struct msc_exchange *x, int64_t took_ns)
{
	struct msc_medium_signs *g = &s->signs[x->cbw.h.lun & MSC_LUN_MAX];
	uint8_t op = x->cbw.cb[0];

	if (!msc_csw_is_valid(x)) {
		s->excused |= x->whole; /* it was reset */
		return;
	}
	if (op == MSC_OP_START_STOP_UNIT) { /* whatever came of it */
		s->excused = true;
		g->ejected = (x->cbw.cb[4] & 0x03) == 0x02;
	}
	if (op == MSC_OP_REQUEST_SENSE) {
		if (x->csw.status == MSC_CSW_PASSED)
			watch_sense(s, g, x);
		return;
	}
	if (x->csw.status == MSC_CSW_FAILED) {
		g->unexplained = true;
		return;
	}
	/* A unit that has something to tell does not let these pass. */
	if (op == MSC_OP_TEST_UNIT_READY || op == MSC_OP_READ_10 || op == MSC_OP_WRITE_10) {
		s->excused = g->ejected = false;
		g->doubts +=
			g->away; /* one that comes back is told of: this one was not away, or it was not told */
		g->away = false;
	}
	if (x->csw.status == MSC_CSW_PASSED && x->dir == MSC_DIR_OUT && x->data_len >= 512 &&
	    took_ns / (int64_t)x->data_len > s->write_byte_ns)
		s->write_byte_ns = took_ns / (int64_t)x->data_len;
}

void msc_engine_watch(struct msc_session *s, const struct msc_record *r)
{
	if (r->kind == MSC_RECORD_EXCHANGE)
		watch_exchange(s, &r->u.exchange, r->ended_ns - r->began_ns);
	else if (r->kind == MSC_RECORD_PORT_RESET ||
		 (r->kind == MSC_RECORD_CONTROL &&
		  !(r->u.control.setup.request_type & MSC_REQTYPE_IN)))
		s->excused = true;
}

int64_t msc_session_write_time(const struct msc_session *s, size_t len)
{
	return len && s->write_byte_ns > INT64_MAX / (int64_t)len ? INT64_MAX
								  : s->write_byte_ns * (int64_t)len;
}

int64_t msc_engine_write_ns(const struct msc_session *s, size_t len)
{
	bool hasty = s->o.hangs_max && s->hangs >= s->o.hangs_max;
	int64_t ns = s->write_byte_ns * WRITE_SLACK;

	if (hasty || !len || !ns)
		return 0;
	return ns > WRITE_MOST_NS / (int64_t)len ? WRITE_MOST_NS : ns * (int64_t)len;
}

/* Packets of a bulk transfer (USB 2.0, 5.8.3): a short one ends it, which may be empty. */
static size_t packets(const struct msc_transfer *t, uint16_t max_packet)
{
	size_t whole = t->actual / max_packet;
	bool short_one = t->actual % max_packet ||
			 (t->outcome == MSC_OUT_DONE && (t->actual < t->asked || !t->asked));

	return whole + short_one;
}

void msc_engine_count_packets(struct msc_session *s, const struct msc_transfer *t)
{
	const struct msc_device *d = &s->target->device;
	bool in = t->ep & MSC_EP_IN;
	uint16_t max_packet = in ? d->max_packet_in : d->max_packet_out;

	if (!t->ended)
		return;
	if (t->kind == MSC_TRANSFER_PORT_RESET) {
		s->odd_in = s->odd_out = s->used = false;
	} else if (t->kind == MSC_TRANSFER_BULK && max_packet) {
		*(in ? &s->odd_in : &s->odd_out) ^= packets(t, max_packet) & 1;
	} else if (t->kind == MSC_TRANSFER_CONTROL && t->outcome == MSC_OUT_DONE) {
		bool all = msc_setup_sets_configuration(&t->setup);
		bool ours = msc_setup_sets_interface(&t->setup, d->interface_number);
		bool one = msc_setup_clears_halt(&t->setup);

		s->odd_in &= !all && !ours && !(one && t->setup.index == d->ep_in);
		s->odd_out &= !all && !ours && !(one && t->setup.index == d->ep_out);
		s->used &= !all && !ours;
	}
}
