/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture as a scenario: what the host sent, step by step, and above each step what the recorded device
 * answered and what the rules said of it. It states no expectation of its own: where it is run, the rules
 * judge the device that is there.
 *
 * Blocks that were written come to lie in the scratch range, and reads of them with it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "decode.h"
#include "wire/scsi.h"

#define DATA_MAX    4096u /* bytes that a step can have in hex */
#define WRAPPER_MAX 1024u
#define SCRATCH_MAX 192u
#define SPECS_MAX   16
#define GROUP	    200 /* steps that a list of the language can have */
#define GROUPS_MAX  200

struct script {
	struct msc_outfile file;
	const char *capture;
	FILE *steps; /* to text: the head is known at the end */
	char *text;
	size_t len;
	unsigned talk;
	uint64_t n_steps, others; /* in it; of other devices */
	bool left_out; /* what is being added has become no step */
	size_t group[GROUPS_MAX]; /* where in the text each begins */
	size_t n_groups;
	bool writes;
	uint64_t first_written; /* lba, which becomes the first of the scratch range */
	uint64_t scratch;	/* blocks of it */
	const char *spec[SPECS_MAX]; /* clauses of the rules that found something */
	size_t n_specs;
};

struct script *script_open(const struct args *a, const char *capture, struct msc_err *err)
{
	const char *path = arg(a, "to-scenario");
	struct script *s = path ? calloc(1, sizeof *s) : NULL;

	if (!path)
		return NULL;
	if (!s) {
		msc_nomem(err);
		return NULL;
	}
	s->capture = capture;
	s->steps = open_memstream(&s->text, &s->len);
	if (!s->steps)
		msc_nomem(err);
	if (s->steps && msc_outfile_open(&s->file, path, err) == 0)
		return s;
	if (s->steps)
		fclose(s->steps);
	free(s->text);
	free(s);
	return NULL;
}

/* ---- words --------------------------------------------------------------------------------- */

static void comment(struct script *s, const char *text)
{
	fputs("  # ", s->steps);
	msc_put(s->steps, MSC_PLAIN, text);
	putc('\n', s->steps);
}

static void put_hex(FILE *out, const uint8_t *bytes, size_t len)
{
	putc('"', out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s%02x", i ? " " : "", bytes[i]);
	putc('"', out);
}

static void tell_answer(struct script *s, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	char text[320], what[160];

	msc_record_text(what, sizeof what, r);
	snprintf(text, sizeof text, "%.6f %s", (double)r->began_ns / 1e9, what);
	if (r->kind == MSC_RECORD_CONTROL)
		msc_append(text, sizeof text, ": %s", msc_outcome_name(r->u.control.outcome));
	else if (r->kind == MSC_RECORD_EXCHANGE && x->have_csw)
		msc_append(text, sizeof text, ": %zu bytes, status %02xh, residue %u", x->data_len,
			   x->csw.status, (unsigned)x->csw.residue);
	else if (r->kind == MSC_RECORD_EXCHANGE)
		msc_append(text, sizeof text, ": %zu bytes, no CSW", x->data_len);
	comment(s, text);
}

static void tell_findings(struct script *s, const struct msc_findings *f)
{
	char text[640];

	for (size_t i = 0; i < f->count; i++) {
		const struct msc_finding *at = &f->list[i];
		size_t n = 0;

		snprintf(text, sizeof text, "%s %s: %s", msc_severity_name(at->severity),
			 at->rule->id, at->message);
		comment(s, text);
		while (n < s->n_specs && strcmp(s->spec[n], at->rule->spec) != 0)
			n++;
		if (n == s->n_specs && n < SPECS_MAX)
			s->spec[s->n_specs++] = at->rule->spec;
	}
}

static void leave_out(struct script *s, const char *why)
{
	char text[128];

	snprintf(text, sizeof text, "(left out: %s)", why);
	comment(s, text);
	s->left_out = true;
}

/* ---- commands ------------------------------------------------------------------------------ */

/* The address of blocks that are, or were, written, within the scratch range. */
static bool in_scratch(struct script *s, const struct msc_exchange *x, bool writes, uint64_t *from)
{
	uint64_t lba = msc_cdb_value(x->cbw.cb, "lba"), blocks = msc_cdb_value(x->cbw.cb, "blocks");

	if (writes && !s->writes) {
		s->writes = true;
		s->first_written = lba;
	}
	if (!s->writes || lba < s->first_written || blocks > SCRATCH_MAX ||
	    lba - s->first_written > SCRATCH_MAX - blocks)
		return false;
	*from = lba - s->first_written;
	if (writes && *from + blocks > s->scratch)
		s->scratch = *from + blocks;
	return writes || *from + blocks <= s->scratch;
}

static void put_command(struct script *s, const struct msc_exchange *x, bool moved, uint64_t from,
			bool writes)
{
	uint8_t len = x->cbw.h.cb_length;

	if (moved) {
		fprintf(s->steps, "  - command: { %s: { lba: scratch + %llu, blocks: %llu } }\n",
			writes ? "write" : "read", (unsigned long long)from,
			(unsigned long long)msc_cdb_value(x->cbw.cb, "blocks"));
		return;
	}
	fputs("  - command: ", s->steps);
	put_hex(s->steps, x->cbw.cb, len && len <= MSC_CBW_CB_MAX ? len : MSC_CBW_CB_MAX);
	putc('\n', s->steps);
}

static void put_cbw(struct script *s, const struct msc_exchange *x, bool moved)
{
	const struct msc_cbw_header *h = &x->cbw.h;
	const char *dir = h->flags & MSC_CBW_FLAG_IN ? "in" : "out";

	fprintf(s->steps, "    cbw: { length: %u", (unsigned)h->length);
	if (h->length)
		fprintf(s->steps, ", direction: %s", dir);
	if (h->lun)
		fprintf(s->steps, ", lun: %u", h->lun);
	if (h->flags & (uint8_t)~MSC_CBW_FLAG_IN || (!h->length && h->flags))
		fprintf(s->steps, ", flags: %#x", h->flags);
	if (!moved && (!h->cb_length || h->cb_length > MSC_CBW_CB_MAX))
		fprintf(s->steps, ", cb_length: %u", h->cb_length);
	fputs(" }\n", s->steps);
}

static void put_phases(struct script *s, const struct msc_exchange *x)
{
	bool ends = msc_step_find(x, MSC_STEP_CSW) || x->csw_in_data;
	size_t offered = msc_exchange_offered(x);

	if (x->dir == MSC_DIR_OUT && x->data_kept) {
		fputs("    data: { hex: ", s->steps);
		put_hex(s->steps, x->data, x->data_kept);
		fputs(" }\n", s->steps);
	}
	if (x->dir == MSC_DIR_OUT && offered != x->cbw.h.length)
		fprintf(s->steps, "    send: %zu\n", offered);
	if (!ends && msc_step_with(x, MSC_STEP_DATA, MSC_OUT_STALL))
		fputs("    leave: yes\n", s->steps);
	else if (!ends && x->dir == MSC_DIR_IN)
		fprintf(s->steps, "    take: %zu\n", x->data_len);
}

static void put_exchange(struct script *s, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	bool writes = msc_cdb_writes_blocks(x->cbw.cb);
	bool reads = x->cbw.cb[0] == MSC_OP_READ_10 || x->cbw.cb[0] == MSC_OP_READ_16;
	uint64_t from = 0;
	bool moved;

	if (!msc_exchange_is_valid(x)) {
		if (!x->wrapper_len || x->wrapper_len > WRAPPER_MAX || r->cut) {
			leave_out(s, "the capture does not have all of it");
			return;
		}
		fputs("  - wrapper: ", s->steps);
		put_hex(s->steps, x->wrapper, x->wrapper_len);
		putc('\n', s->steps);
		return;
	}
	if (x->dir == MSC_DIR_OUT && (x->data_len > DATA_MAX || x->data_kept < x->data_len)) {
		leave_out(s, "a step holds 4096 bytes of data, and the capture may have fewer");
		return;
	}
	moved = (writes || reads) && in_scratch(s, x, writes, &from);
	if (writes && !moved) {
		leave_out(s, "it writes elsewhere than to a range of 192 blocks");
		return;
	}
	put_command(s, x, moved, from, writes);
	put_cbw(s, x, moved);
	put_phases(s, x);
}

/* ---- requests ------------------------------------------------------------------------------ */

static void put_control(struct script *s, const struct msc_record *r)
{
	const struct msc_setup *q = &r->u.control.setup;
	uint8_t ep, value;

	if (msc_is_clear_halt(r, &ep)) {
		fprintf(s->steps, "  - clear_halt: %s\n", ep & MSC_EP_IN ? "in" : "out");
	} else if (msc_is_good_reset(r)) {
		fputs("  - bulk_only_reset\n", s->steps);
	} else if (msc_is_configuration(r)) {
		fputs("  - configure\n", s->steps);
	} else if (msc_is_setting(r)) {
		fputs("  - set_interface\n", s->steps);
	} else if (msc_is_any_configuration(r, &value)) {
		fprintf(s->steps, "  - set_configuration: { value: %u, expect: any }\n", value);
	} else if (q->request_type & MSC_REQTYPE_IN) {
		bool ours = (q->request_type & MSC_REQTYPE_RECIPIENT) == MSC_RECIPIENT_INTERFACE &&
			    q->index == r->device->interface_number;

		fprintf(s->steps, "  - control: { type: %#x, request: %#x, value: %#x, index: ",
			q->request_type, q->request, q->value);
		fprintf(s->steps, ours ? "interface" : "%#x", q->index);
		fprintf(s->steps, ", length: %u, expect: any }\n", q->length);
	} else {
		leave_out(s, "the host's own affair");
	}
}

static void put_poll(struct script *s, const struct msc_record *r)
{
	int64_t us = (r->ended_ns - r->began_ns) / 1000;

	if (!(r->u.poll.ep & MSC_EP_IN)) {
		leave_out(s, "bytes outside of any exchange");
		return;
	}
	fprintf(s->steps, "  - poll: { endpoint: in, time: %lldus, expect: any }\n",
		(long long)(us < 20000 ? 20000 : us));
}

static int begin_step(struct script *s, struct msc_err *err)
{
	s->left_out = false;
	if (s->n_steps < s->n_groups * GROUP)
		return 0;
	if (s->n_groups == GROUPS_MAX)
		return msc_fail(err, MSC_E_UNDECIDED,
				"a scenario has at most %d steps: choose some by --time, --lun or "
				"--device",
				GROUPS_MAX * GROUP);
	if (fflush(s->steps))
		return msc_nomem(err);
	s->group[s->n_groups++] = s->len;
	return 0;
}

int script_add(struct script *s, const struct msc_talk *t, const struct msc_record *r,
	       const struct msc_findings *f, struct msc_err *err)
{
	if (!s->talk)
		s->talk = t->number;
	if (s->talk != t->number) {
		s->others++;
		return 0;
	}
	if (begin_step(s, err) < 0)
		return -1;
	tell_answer(s, r);
	tell_findings(s, f);
	switch (r->kind) {
	case MSC_RECORD_EXCHANGE: put_exchange(s, r); break;
	case MSC_RECORD_CONTROL: put_control(s, r); break;
	case MSC_RECORD_POLL: put_poll(s, r); break;
	case MSC_RECORD_PORT_RESET: fputs("  - port_reset\n", s->steps); break;
	case MSC_RECORD_SUSPEND: break; /* no capture tells of one */
	}
	s->n_steps += !s->left_out;
	return ferror(s->steps) ? msc_nomem(err) : 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Of the name of the file: small letters, digits and '-'. */
static void put_name(FILE *out, const char *capture)
{
	const char *slash = strrchr(capture, '/'), *name = slash ? slash + 1 : capture;
	size_t n = strcspn(name, ".");
	bool any = false;

	fputs("name: captured.", out);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)tolower((unsigned char)name[i]);

		if (!isascii(c) || !isalnum(c))
			c = any && i + 1 < n ? '-' : 0;
		if (c)
			putc(c, out);
		any |= c != 0;
	}
	fputs(any ? "\n" : "traffic\n", out);
}

static void put_head(struct script *s)
{
	FILE *out = s->file.f;

	fputs("# What a host sent, from a capture. Above each step stands what the recorded device\n"
	      "# answered, and what the rules said of it; of a device that this is run on they judge\n"
	      "# what it does.\n",
	      out);
	put_name(out, s->capture);
	fputs("title: what a host sent in a capture\nspec: [", out);
	for (size_t i = 0; i < s->n_specs; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", s->spec[i]);
	fputs(s->n_specs ? "]\n" : "BOT 1.0]\n", out);
	if (s->scratch)
		fprintf(out, "scratch: %llu\n", (unsigned long long)s->scratch);
	fputs("autosense: no\nrecover: no\nsteps:\n", out);
}

/* One list, or several within one. */
static void put_steps(struct script *s)
{
	FILE *out = s->file.f;
	size_t next = 0;
	bool begins = true;

	for (size_t i = 0; i < s->len; i++) {
		if (s->n_groups > 1 && next < s->n_groups && i == s->group[next]) {
			fputs("  - repeat: 1\n    do:\n", out);
			next++;
		}
		if (begins && s->n_groups > 1)
			fputs("    ", out);
		begins = s->text[i] == '\n';
		putc(s->text[i], out);
	}
}

int script_end(struct script *s, bool keep, struct msc_err *err)
{
	int result = 0;

	if (!s)
		return 0;
	if (!msc_text_end(s->steps, &s->text))
		result = msc_nomem(err);
	if (keep && result == 0 && !s->n_steps)
		result = msc_fail(err, MSC_E_UNDECIDED,
				  "there is nothing to make a scenario of in what was asked for");
	if (keep && result == 0) {
		put_head(s);
		put_steps(s);
		if (s->others)
			tool_tell("the scenario is of device %u; what %llu steps did to "
				  "others is left out: --device",
				  s->talk, (unsigned long long)s->others);
		result = msc_outfile_keep(&s->file, err);
	} else {
		msc_outfile_discard(&s->file);
	}
	free(s->text);
	free(s);
	return result;
}
