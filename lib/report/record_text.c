/* SPDX-License-Identifier: BSD-2-Clause */
/* One record as an oscilloscope would show it, in the standard's own words: what went out, each
 * phase with its times, what came back. It judges nothing. */
#include <string.h>

#include "base/text.h"
#include "report/report.h"

#define TIME   24 /* room that msc_format_ns wants */
#define MOMENT 22 /* columns of a moment and what it is */
#define TARGET 11 /* and of the endpoint behind it */
#define WIDTH  80

struct view {
	FILE *out;
	const char *indent;
	size_t data_bytes;
	int64_t began_ns;
};

static uint32_t field_value(const struct msc_field *f, const uint8_t *bytes)
{
	switch (f->kind) {
	case MSC_FIELD_u8: return bytes[f->offset];
	case MSC_FIELD_le16: return msc_get_le16(bytes + f->offset);
	case MSC_FIELD_le32: return msc_get_le32(bytes + f->offset);
	case MSC_FIELD_be16: return msc_get_be16(bytes + f->offset);
	case MSC_FIELD_be32: return msc_get_be32(bytes + f->offset);
	}
	return 0;
}

/* Lengths and counts read better in decimal; the rest is a pattern of bits. */
static bool is_number(const char *name)
{
	return strstr(name, "Length") || strstr(name, "Residue") || strstr(name, "LUN");
}

/* "dCBWTag 0x00000003  ..." for the fields that the bytes hold, two to a line. */
static void print_fields(const struct view *v, const struct msc_field *f, const uint8_t *bytes,
			 size_t len)
{
	for (unsigned n = 0; f->name && f->offset + (size_t)f->size <= len; f++, n++) {
		uint32_t value = field_value(f, bytes);

		if (n && n % 2 == 0)
			fprintf(v->out, "\n%s%*s", v->indent, MOMENT, "");
		if (is_number(f->name))
			fprintf(v->out, "  %s %u", f->name, value);
		else
			fprintf(v->out, "  %s 0x%0*x", f->name, 2 * f->size, value);
	}
}

/* "   +1.234 ms CSW         ": the moment and what it is. */
static void print_moment(const struct view *v, int64_t at_ns, const char *what)
{
	char when[TIME];

	msc_format_ns(when, sizeof when, at_ns - v->began_ns);
	fprintf(v->out, "%s+%-*s%-10s", v->indent, MOMENT - 11, when, what);
}

static void print_data(const struct view *v, const char *what, const uint8_t *data, size_t len)
{
	char deeper[64];

	if (len == 0 || v->data_bytes == 0)
		return;
	snprintf(deeper, sizeof deeper, "%s    ", v->indent);
	fprintf(v->out, "%s  %s, %zu byte%s\n", v->indent, what, len, len == 1 ? "" : "s");
	msc_hexdump(v->out, deeper, data, len, v->data_bytes);
}

/* A part of a line, on the next one where this one has no room left for it, and for a comma before one more. */
static void print_part(const struct view *v, size_t *column, const char *text, bool more)
{
	size_t first = strlen(v->indent) + MOMENT + TARGET;

	if (*column > first && *column + strlen(", ") + strlen(text) + more > WIDTH) {
		fprintf(v->out, ",\n%*s", (int)first, "");
		*column = first;
	}
	*column += (size_t)fprintf(v->out, "%s%s", *column > first ? ", " : "", text);
}

static void print_step(const struct view *v, const struct msc_step *s)
{
	static const char *const what[] = { [MSC_STEP_CBW] = "CBW",
					    [MSC_STEP_DATA] = "data",
					    [MSC_STEP_CSW] = "CSW",
					    [MSC_STEP_CLEAR_HALT] = "clear halt" };
	size_t column = strlen(v->indent) + MOMENT + TARGET;
	char took[TIME], text[64];

	print_moment(v, s->submitted_ns, what[s->kind]);
	fprintf(v->out, "  %s %02xh  ", s->ep & MSC_EP_IN ? "in " : "out", s->ep);
	if (s->ep & MSC_EP_IN && s->asked > s->actual)
		snprintf(text, sizeof text, "%zu bytes, room for %zu", s->actual, s->asked);
	else
		snprintf(text, sizeof text, "%zu of %zu bytes", s->actual, s->asked);
	if (s->kind != MSC_STEP_CLEAR_HALT)
		print_part(v, &column, text, true);
	snprintf(text, sizeof text, "%s after %s", msc_outcome_name(s->outcome),
		 msc_format_ns(took, sizeof took, s->completed_ns - s->submitted_ns));
	print_part(v, &column, text, s->naks > 0);
	snprintf(text, sizeof text, "%lld NAK%s", (long long)s->naks, s->naks == 1 ? "" : "s");
	if (s->naks > 0)
		print_part(v, &column, text, false);
	putc('\n', v->out);
}

/* Of a wrapper that is not as long as it should be. */
static void print_length(const struct view *v, size_t len, int expected)
{
	fprintf(v->out, "  %zu bytes, not %d:\n%s%*s", len, expected, v->indent, MOMENT, "");
}

/* In two rows, where one is too long. */
static void print_command(const struct view *v, const uint8_t *wrapper, size_t len)
{
	size_t room = WIDTH - strlen(v->indent) - MOMENT - strlen("  CBWCB");
	size_t half = MSC_CBW_HEADER_LEN + MSC_CBW_CB_MAX / 2;

	for (size_t i = MSC_CBW_HEADER_LEN; i < len; i++) {
		if (i == half && 3 * MSC_CBW_CB_MAX > room)
			fprintf(v->out, "\n%s%*s       ", v->indent, MOMENT, "");
		fprintf(v->out, " %02x", wrapper[i]);
	}
}

static void print_wrapper(const struct view *v, const struct msc_exchange *x)
{
	print_moment(v, v->began_ns, "wrapper");
	if (x->wrapper_len != MSC_CBW_LEN)
		print_length(v, x->wrapper_len, MSC_CBW_LEN);
	print_fields(v, msc_cbw_header_fields, x->wrapper, x->wrapper_len);
	if (x->wrapper_len > MSC_CBW_HEADER_LEN) {
		fprintf(v->out, "\n%s%*s  CBWCB", v->indent, MOMENT, "");
		print_command(v, x->wrapper,
			      x->wrapper_len < MSC_CBW_LEN ? x->wrapper_len : MSC_CBW_LEN);
	}
	putc('\n', v->out);
}

static void print_status(const struct view *v, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	print_moment(v, r->ended_ns, "status");
	if (x->status_len == 0)
		fputs("  none came", v->out);
	else if (x->status_len != MSC_CSW_LEN)
		print_length(v, x->status_len, MSC_CSW_LEN);
	print_fields(v, msc_csw_fields, x->status, x->status_len);
	if (x->have_csw)
		fprintf(v->out, " (%s)", msc_csw_status_name(x->csw.status));
	if (x->csw_in_data)
		fprintf(v->out, "\n%s%*s  (the last 13 bytes of the data)", v->indent, MOMENT, "");
	if (x->needs_reset)
		fprintf(v->out, "\n%s%*s  reset recovery is needed", v->indent, MOMENT, "");
	putc('\n', v->out);
}

static const char *scsi_status(const struct msc_exchange *x)
{
	switch (x->scsi_status) {
	case MSC_GOOD: return "good";
	case MSC_CHECK_CONDITION: return "check condition";
	case MSC_CONDITION_MET: return "condition met";
	case MSC_BUSY: return "busy";
	}
	return "see SAM-5, 5.3";
}

/* What there is without CBW, CSW and endpoints. */
static void print_whole(const struct view *v, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	print_moment(v, v->began_ns, "command");
	fputs(x->fetched ? "  by the kernel, with the command before: " : " ", v->out);
	for (size_t i = 0; i < x->cbw.h.cb_length && i < MSC_CBW_CB_MAX; i++)
		fprintf(v->out, " %02x", x->cbw.cb[i]);
	putc('\n', v->out);
	print_moment(v, r->ended_ns, "status");
	if (x->outcome == MSC_OUT_DONE)
		fprintf(v->out, "  %02xh (%s), ", x->scsi_status, scsi_status(x));
	else
		fprintf(v->out, "  none: %s, ", msc_outcome_name(x->outcome));
	fprintf(v->out, "%zu of %u bytes\n", x->data_len, (unsigned)x->cbw.h.length);
}

static void print_exchange(const struct view *v, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	char what[64];

	if (x->whole) {
		print_whole(v, r);
	} else {
		print_wrapper(v, x);
		for (size_t i = 0; i < x->n_steps; i++)
			print_step(v, &x->steps[i]);
		print_status(v, r);
	}
	snprintf(what, sizeof what, "data %s", msc_dir_name(x->dir));
	print_data(v, what, x->data, x->data_kept);
	if (x->status_len != 0 && x->status_len != MSC_CSW_LEN)
		print_data(v, "in the place of the CSW", x->status, x->status_len);
}

static void print_control(const struct view *v, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint8_t raw[MSC_SETUP_LEN];

	msc_setup_pack(raw, &c->setup);
	print_moment(v, r->began_ns, "setup");
	print_fields(v, msc_setup_fields, raw, sizeof raw);
	putc('\n', v->out);
	print_moment(v, r->ended_ns, "outcome");
	fprintf(v->out, "  %s, %zu of %u bytes\n", msc_outcome_name(c->outcome), c->data_len,
		c->setup.length);
	print_data(v, "data", c->data, c->data_len);
}

static void print_poll(const struct view *v, const struct msc_record *r)
{
	const struct msc_poll *p = &r->u.poll;

	print_moment(v, r->ended_ns, "outcome");
	fprintf(v->out, "  %s %02xh  %s, %zu bytes\n", p->ep & MSC_EP_IN ? "in " : "out", p->ep,
		msc_outcome_name(p->outcome), p->data_len);
	print_data(v, "data", p->data, p->data_len);
}

static void print_suspend(const struct view *v, const struct msc_record *r)
{
	const struct msc_silence *s = &r->u.suspend;

	if (s->resumed_ns) {
		print_moment(v, s->resumed_ns, "resume");
		fputs("  begins\n", v->out);
	}
	print_moment(v, r->ended_ns, "outcome");
	fprintf(v->out, "  %s\n", msc_outcome_name(s->outcome));
}

void msc_print_record(FILE *out, const struct msc_record *r, const char *indent, size_t data_bytes)
{
	char inner[64], text[160], at[TIME], took[TIME], when[128];
	const struct view v = { out, inner, data_bytes, r->began_ns };

	snprintf(inner, sizeof inner, "%s  ", indent);
	fputs(indent, out);
	msc_put(out, MSC_PLAIN, msc_record_text(text, sizeof text, r));
	snprintf(when, sizeof when, "at %s, took %s%s", msc_format_ns(at, sizeof at, r->began_ns),
		 msc_format_ns(took, sizeof took, r->ended_ns - r->began_ns),
		 r->kind != MSC_RECORD_EXCHANGE || r->u.exchange.whole ? ""
		 : r->u.exchange.queued				       ? ", queued"
								       : ", serial");
	if (strlen(indent) + strlen(text) + strlen("  ") + strlen(when) > WIDTH)
		fprintf(out, "\n%s    %s\n", indent, when);
	else
		fprintf(out, "  %s\n", when);
	switch (r->kind) {
	case MSC_RECORD_EXCHANGE:
		print_exchange(&v, r);
		break;
	case MSC_RECORD_CONTROL:
		print_control(&v, r);
		break;
	case MSC_RECORD_POLL:
		print_poll(&v, r);
		break;
	case MSC_RECORD_PORT_RESET: break;
	case MSC_RECORD_SUSPEND: print_suspend(&v, r); break;
	}
}
