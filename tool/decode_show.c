/* SPDX-License-Identifier: BSD-2-Clause */
/* A record as one line of 80 columns, and below it what was found, and what the host did about what
 * went wrong. */
#include <string.h>

#include "base/text.h"
#include "decode.h"

#define COMMAND 24 /* columns */
#define INDENT	14 /* of what stands below a line */

/* ---- what went wrong, and what was done ----------------------------------------------------- */

static const char *phase_name(enum msc_step_kind kind)
{
	return kind == MSC_STEP_CBW ? "CBW" : kind == MSC_STEP_DATA ? "data" : "CSW";
}

static const char *sense_text(char *buf, size_t size, const struct msc_exchange *x)
{
	struct msc_sense_data sense;

	if (x->cbw.cb[0] != MSC_OP_REQUEST_SENSE || !x->data_kept)
		return NULL;
	sense = msc_sense_decode(x->data, x->data_kept);
	return sense.valid ? msc_sense_text(buf, size, &sense) : NULL;
}

/* The step at which the exchange came to a stop; NULL: it went on to its CSW. */
static const struct msc_step *stop(const struct msc_exchange *x)
{
	for (size_t i = x->n_steps; i-- > 0;) {
		const struct msc_step *s = &x->steps[i];

		if (s->kind == MSC_STEP_CLEAR_HALT || s->outcome == MSC_OUT_DONE)
			return NULL;
		if (s->outcome != MSC_OUT_CANCELLED || !i)
			return s;
	}
	return NULL;
}

static const char *words(enum msc_outcome outcome)
{
	switch (outcome) {
	case MSC_OUT_STALL: return "was answered with STALL";
	case MSC_OUT_TIMEOUT: return "was given up";
	case MSC_OUT_CANCELLED: return "was taken back";
	case MSC_OUT_BABBLE: return "brought more than there was room for";
	case MSC_OUT_ERROR: return "had no valid answer";
	case MSC_OUT_GONE: return "failed, for the device had left";
	default: return "never ended";
	}
}

static void remember(struct show *s, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *at = stop(x);
	char took[24], *t = s->trouble_text;
	size_t size = sizeof s->trouble_text;

	s->trouble = t;
	s->recovered = s->told = false;
	memcpy(s->cdb, x->cbw.cb, sizeof s->cdb);
	if (at)
		snprintf(t, size, "the %s transfer %s after %s", phase_name(at->kind),
			 words(at->outcome),
			 msc_format_ns(took, sizeof took, at->completed_ns - at->submitted_ns));
	else if (r->cut || msc_csw_is_valid(x))
		s->trouble = r->cut || x->csw.status < MSC_CSW_PHASE_ERROR ? NULL : "a phase error";
	else
		s->trouble = x->status_len ? "a CSW that is not valid" : "no CSW";
}

static void say(const struct show *s, const char *text)
{
	fprintf(s->out, "%*s", INDENT, "");
	msc_put_wrapped(s->out, INDENT, INDENT + 2, text);
	putc('\n', s->out);
}

static void say_recovery(struct show *s, const char *what)
{
	char text[256];

	if (s->trouble && !s->told)
		snprintf(text, sizeof text, "the host %s, after %s", what, s->trouble);
	else
		snprintf(text, sizeof text, "the host %s", what);
	if (s->trouble || s->verbosity > 0)
		say(s, text);
	s->told = true;
}

/* The halts that were cleared within an exchange, and the CSW asked for again. */
static void say_steps(const struct show *s, const struct msc_exchange *x)
{
	for (size_t i = 0; i < x->n_steps; i++) {
		char text[128];

		if (x->steps[i].kind != MSC_STEP_CLEAR_HALT)
			continue;
		snprintf(text, sizeof text,
			 "STALL of bulk-%s: the host cleared the halt%s and asked for the CSW%s",
			 x->steps[i].ep & MSC_EP_IN ? "in" : "out",
			 x->steps[i].outcome == MSC_OUT_DONE ? "" : " (which failed)",
			 i && x->steps[i - 1].kind == MSC_STEP_CSW ? " again" : "");
		say(s, text);
	}
}

void show_follow(struct show *s, const struct msc_record *r, bool after)
{
	if (r->kind != MSC_RECORD_EXCHANGE)
		s->recovered |= after && (r->kind == MSC_RECORD_PORT_RESET || msc_is_good_reset(r));
	else if (after)
		remember(s, r);
}

/* ---- lines --------------------------------------------------------------------------------- */

static const char *status_word(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (r->cut && !x->have_csw)
		return "cut";
	if (!x->have_csw)
		return x->status_len ? "no CSW" : "none";
	if (!msc_csw_is_valid(x))
		return "invalid";
	switch (x->csw.status) {
	case MSC_CSW_PASSED: return "passed";
	case MSC_CSW_FAILED: return "failed";
	case MSC_CSW_PHASE_ERROR: return "phase";
	default: return "odd";
	}
}

static void put_phase(const struct show *s, const struct msc_exchange *x, enum msc_step_kind kind)
{
	int64_t total = 0;
	bool any = false;
	char text[8];

	for (size_t i = 0; i < x->n_steps; i++) {
		if (x->steps[i].kind != kind)
			continue;
		any = true;
		total += x->steps[i].completed_ns - x->steps[i].submitted_ns;
	}
	fprintf(s->out, " %6s", any ? msc_short_ns(text, total) : "");
}

static void put_naks(const struct show *s, const struct msc_exchange *x)
{
	int64_t total = 0;

	for (size_t i = 0; i < x->n_steps && total >= 0; i++)
		total = x->steps[i].naks < 0 ? -1 : total + x->steps[i].naks;
	if (total < 0)
		fputs("    -\n", s->out);
	else
		fprintf(s->out, " %4lld\n", (long long)total);
}

static void put_time(const struct show *s, int64_t at_ns)
{
	fprintf(s->out, "%10.6f", (double)at_ns / 1e9);
}

static void put_exchange(const struct show *s, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	char text[160], sense[128];

	put_time(s, r->began_ns);
	msc_record_text(text, sizeof text, r);
	fprintf(s->out, " %2u ", x->cbw.h.lun);
	if (strlen(text) > COMMAND) {
		msc_put_wrapped(s->out, INDENT, INDENT, text);
		fprintf(s->out, "\n%*s%*s", INDENT, "", COMMAND, "");
	} else {
		fprintf(s->out, "%-*s", COMMAND, text);
	}
	fprintf(s->out, " %7zu %-7s", x->data_len, status_word(r));
	put_phase(s, x, MSC_STEP_CBW);
	put_phase(s, x, MSC_STEP_DATA);
	put_phase(s, x, MSC_STEP_CSW);
	put_naks(s, x);
	if (x->have_csw && (x->csw.residue || x->data_len != x->cbw.h.length)) {
		snprintf(text, sizeof text, "%u bytes were due, residue %u",
			 (unsigned)x->cbw.h.length, (unsigned)x->csw.residue);
		say(s, text);
	}
	if (sense_text(sense, sizeof sense, x))
		say(s, sense);
	say_steps(s, x);
	if (s->trouble && s->recovered && !memcmp(s->cdb, x->cbw.cb, sizeof s->cdb))
		say(s, "the same command again");
}

static void put_control(const struct show *s, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	char text[160], line[224];

	put_time(s, r->began_ns);
	fputs("    ", s->out);
	snprintf(line, sizeof line, "%s: %s, %zu of %u bytes",
		 msc_record_text(text, sizeof text, r), msc_outcome_name(c->outcome), c->data_len,
		 c->setup.length);
	msc_put_wrapped(s->out, INDENT, INDENT + 2, line);
	putc('\n', s->out);
}

static void put_other(struct show *s, const struct msc_record *r)
{
	uint8_t ep;

	if (r->kind == MSC_RECORD_PORT_RESET) {
		put_time(s, r->began_ns);
		fputs("    port reset\n", s->out);
		say_recovery(s, "reset the port");
	} else if (r->kind == MSC_RECORD_POLL) {
		put_time(s, r->began_ns);
		fprintf(s->out, "    bulk-%s %02xh, in no exchange: %s, %zu bytes\n",
			r->u.poll.ep & MSC_EP_IN ? "in" : "out", r->u.poll.ep,
			msc_outcome_name(r->u.poll.outcome), r->u.poll.data_len);
	} else {
		put_control(s, r);
		if (msc_is_good_reset(r))
			say_recovery(s, "reset the device's interface (Bulk-Only Reset)");
		else if (msc_is_clear_halt(r, &ep))
			say_recovery(s, ep & MSC_EP_IN ? "cleared the halt of bulk-in"
						       : "cleared the halt of bulk-out");
	}
}

static void put_findings(const struct show *s, const struct msc_findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct msc_finding *at = &f->list[i];
		const char *word = msc_severity_name(at->severity);
		unsigned column = INDENT + (unsigned)strlen(word) + 1;
		char text[512];

		snprintf(text, sizeof text, "%s: %s", at->rule->id, at->message);
		fprintf(s->out, "%*s", INDENT, "");
		msc_put_tinted(s->out, s->color, msc_severity_tint(at->severity), word);
		putc(' ', s->out);
		msc_put_wrapped(s->out, column, INDENT + 2, text);
		putc('\n', s->out);
	}
}

static void put_heading(struct show *s, const struct msc_talk *t)
{
	if (!s->headed)
		fprintf(s->out, "%10s %2s %-*s %7s %-7s %6s %6s %6s %4s\n", "time", "lu", COMMAND,
			"command", "bytes", "status", "CBW", "data", "CSW", "NAKs");
	if (s->talk != t->number) {
		fprintf(s->out, "-- %s", t->device.name);
		if (t->described)
			fprintf(s->out, ", %04x:%04x, %s speed, interface %u",
				t->device.desc.vendor, t->device.desc.product,
				msc_speed_name(t->device.speed), t->device.interface_number);
		fprintf(s->out, ", bulk-out %02xh, bulk-in %02xh\n", t->device.ep_out,
			t->device.ep_in);
	}
	s->headed = true;
	s->talk = t->number;
}

void show_record(struct show *s, const struct msc_talk *t, const struct msc_record *r,
		 const struct msc_findings *f)
{
	put_heading(s, t);
	if (s->verbosity > 1)
		msc_print_record(s->out, r, "", 512);
	else if (r->kind == MSC_RECORD_EXCHANGE)
		put_exchange(s, r);
	else
		put_other(s, r);
	put_findings(s, f);
}
