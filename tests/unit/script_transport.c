/* SPDX-License-Identifier: BSD-2-Clause */
#include "script_transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct script *script_of(struct msc_target *t)
{
	return t->state;
}

static int mismatch(struct script *s, struct msc_err *err, const char *fmt, ...) MSC_PRINTF(3, 4);

static int mismatch(struct script *s, struct msc_err *err, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!s->problem[0])
		snprintf(s->problem, sizeof(s->problem), "row %zu: %s", s->index, text);
	return msc_fail(err, MSC_E_INTERNAL, "script row %zu: %s", s->index, text);
}

static const struct script_row *next_row(struct script *s, enum script_kind kind, uint8_t ep,
					 size_t asked, struct msc_err *err)
{
	static const char *const names[] = { "the end", "a transfer", "clear halt", "port reset" };
	const struct script_row *r = s->row;

	if (r->kind == SCRIPT_END && s->always) {
		s->index++;
		return s->always;
	}
	if (r->kind != kind || r->ep != ep)
		mismatch(s, err, "wants %s on %02x, gets %s on %02x", names[r->kind], r->ep,
			 names[kind], ep);
	else if (r->asked != asked && r->asked != SCRIPT_ANY && kind == SCRIPT_XFER)
		mismatch(s, err, "wants %zu on %02x, gets %zu", r->asked, ep, asked);
	else if (r->go_away)
		msc_fail(err, MSC_E_GONE, "gone");
	else {
		s->row++;
		s->index++;
		return r;
	}
	return NULL;
}

static void fill(struct script *s, const struct script_row *r, struct msc_xfer *x)
{
	struct msc_csw csw = { .signature = MSC_CSW_SIGNATURE ^ r->signature_xor,
			       .tag = s->tag ^ r->tag_xor,
			       .residue = r->residue,
			       .status = r->status };

	if (!(x->ep & MSC_EP_IN) && x->ep)
		return;
	for (size_t i = 0; i < x->actual; i++)
		x->data[i] = r->data ? ((const uint8_t *)r->data)[i] : (uint8_t)(i + 1);
	if (r->csw && x->actual >= MSC_CSW_LEN)
		msc_csw_pack(x->data + x->actual - MSC_CSW_LEN, &csw);
}

static int submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct script *s = script_of(t);
	const struct script_row *r =
		next_row(s, SCRIPT_XFER, x->ep, x->ep ? x->len : x->setup.request, err);

	if (!r)
		return -1;
	if (x->ep == SCRIPT_OUT) {
		s->sent_len = x->len < sizeof(s->sent) ? x->len : sizeof(s->sent);
		memcpy(s->sent, x->data, s->sent_len);
		if (x->len == MSC_CBW_LEN)
			s->tag = msc_get_le32(x->data + 4);
	}
	if (s->busy_until < s->now)
		s->busy_until = s->now;
	if (r->outcome != MSC_OUT_PENDING)
		s->busy_until += r->takes_ns;
	for (size_t i = 0; i < SCRIPT_FLIGHTS; i++)
		if (!s->flights[i].xfer) {
			s->flights[i].xfer = x;
			s->flights[i].row = r;
			s->flights[i].ends_ns = r->outcome == MSC_OUT_PENDING ? MSC_NEVER
									      : s->busy_until;
			x->priv = &s->flights[i];
			x->outcome = MSC_OUT_PENDING;
			x->submitted_ns = s->now;
			x->naks = -1;
			return 0;
		}
	return mismatch(s, err, "too many transfers at once");
}

static void end(struct script *s, size_t i, enum msc_outcome outcome)
{
	struct msc_xfer *x = s->flights[i].xfer;
	const struct script_row *r = s->flights[i].row;

	x->outcome = outcome;
	x->actual = outcome == r->outcome ? r->actual : 0;
	if (x->actual > x->len)
		x->actual = x->len;
	x->completed_ns = s->now;
	x->priv = NULL;
	fill(s, r, x);
	s->flights[i].xfer = NULL;
}

static void run_until(struct script *s, int64_t when)
{
	int64_t target = s->now > when ? s->now : when;

	for (size_t i = 0; i < SCRIPT_FLIGHTS; i++)
		if (s->flights[i].xfer && s->flights[i].ends_ns <= target) {
			if (s->flights[i].ends_ns > s->now)
				s->now = s->flights[i].ends_ns;
			end(s, i, s->flights[i].row->outcome);
		}
	s->now = target;
}

static size_t flight_of(const struct script *s, const struct msc_xfer *x)
{
	for (size_t i = 0; i < SCRIPT_FLIGHTS; i++)
		if (s->flights[i].xfer == x)
			return i;
	return SCRIPT_FLIGHTS;
}

static int wait(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns, struct msc_err *err)
{
	struct script *s = script_of(t);
	size_t i = flight_of(s, x);

	(void)err;
	s->waits++;
	if (i == SCRIPT_FLIGHTS)
		return 0;
	run_until(s, s->flights[i].ends_ns < deadline_ns ? s->flights[i].ends_ns : deadline_ns);
	return 0;
}

static int cancel(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct script *s = script_of(t);
	size_t i = flight_of(s, x);

	(void)err;
	if (i != SCRIPT_FLIGHTS)
		end(s, i, MSC_OUT_CANCELLED);
	return 0;
}

static int clear_halt(struct msc_target *t, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	struct script *s = script_of(t);
	const struct script_row *r = next_row(s, SCRIPT_CLEAR, ep, 0, err);

	if (!r)
		return -1;
	*outcome = r->outcome;
	s->now = r->outcome == MSC_OUT_TIMEOUT ? deadline_ns : s->now + r->takes_ns;
	return 0;
}

static int reset(struct msc_target *t, struct msc_err *err)
{
	struct script *s = script_of(t);
	const struct script_row *r = next_row(s, SCRIPT_RESET, 0, 0, err);

	if (!r)
		return -1;
	s->now += r->takes_ns;
	return 0;
}

static const struct msc_transport transport = {
	.name = "script",
	.submit = submit,
	.wait = wait,
	.cancel = cancel,
	.clear_halt = clear_halt,
	.reset = reset,
};

static struct script *script_of_clock(struct msc_clock *c)
{
	return (struct script *)((char *)c - offsetof(struct script, clock));
}

static int64_t now(struct msc_clock *c)
{
	return script_of_clock(c)->now;
}

static void wait_until(struct msc_clock *c, int64_t when_ns)
{
	run_until(script_of_clock(c), when_ns);
}

static const struct msc_clock_ops clock_ops = { "virtual", now, wait_until };

struct msc_target *script_open(struct script *s, const struct script_row *rows)
{
	memset(s, 0, sizeof(*s));
	s->row = rows;
	s->clock.ops = &clock_ops;
	s->target.transport = &transport;
	s->target.state = s;
	s->target.clock = &s->clock;
	snprintf(s->target.device.name, sizeof(s->target.device.name), "script");
	s->target.device.simulated = true;
	s->target.device.ep_in = SCRIPT_IN;
	s->target.device.ep_out = SCRIPT_OUT;
	s->target.device.max_packet_in = SCRIPT_PACKET;
	s->target.device.max_packet_out = SCRIPT_PACKET;
	return &s->target;
}

void script_check(const struct script *s, const char *what)
{
	if (s->problem[0])
		fail_msg("%s: %s", what, s->problem);
	if (s->row->kind != SCRIPT_END)
		fail_msg("%s: row %zu and those after it were not used", what, s->index);
	for (size_t i = 0; i < SCRIPT_FLIGHTS; i++)
		if (s->flights[i].xfer)
			fail_msg("%s: a transfer is still pending", what);
}
