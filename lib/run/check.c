/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scenario states, held against what came back. A finding here says only what the rules of the
 * judge cannot know: where one of them spoke of the same exchange, it has named the defect. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "judge/story.h"
#include "run/runner.h"

void msc_check_list(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list args;

	if (len && len < size - 1)
		len += (size_t)snprintf(buf + len, size - len, " or ");
	if (len >= size)
		return;
	va_start(args, fmt);
	vsnprintf(buf + len, size - len, fmt, args);
	va_end(args);
}

static bool is_stated(const struct msc_rule *rule)
{
	return !strncmp(rule->id, "expect.", strlen("expect."));
}

/* A fact that is wrong, such as the form of INQUIRY data, says why another amount came, and nothing else
 * of the record. Told as above it counts as well; where a host decides by what it got, it weighs again. */
static bool fact_counts(const struct msc_runner *r, struct msc_finding *f, bool amount)
{
	const enum msc_severity now = f->severity;

	if (!amount)
		return false;
	msc_run_reweigh(r, f);
	if (f->severity >= msc_run_worst(r)) {
		if (f->above && !r->s->host)
			f->severity = now;
		return true;
	}
	f->severity = now;
	return false;
}

/* It is about sense data: what that says of a command, or how it says it. */
static bool is_of_sense(const struct msc_finding *f)
{
	return f->told || (f->rule->n_opcodes == 1 && f->rule->opcodes[0] == MSC_OP_REQUEST_SENSE);
}

/* A rule of the judge has called this record wrong, or, where it is sense data, the command that it is of. What is
 * stated of sense data is what those rules are about: of them a warning will do. amount: what is stated is how much
 * came. */
static bool has_spoken(struct msc_runner *r, const struct msc_rule *rule,
		       const struct msc_record *x, bool amount)
{
	char context[sizeof r->findings.list->context];

	if (!x || !is_stated(rule))
		return false;
	msc_record_text(context, sizeof context, x);
	for (size_t i = 0; i < r->findings.count; i++) {
		struct msc_finding *f = &r->findings.list[i];
		bool sense = rule == &msc_rule_expect_sense && is_of_sense(f);

		if (f->at_ns != x->ended_ns || is_stated(f->rule) ||
		    (!f->told && strcmp(f->context, context) != 0))
			continue;
		if (f->rule->fact ? fact_counts(r, f, amount)
				  : f->severity >= (sense ? MSC_WARN : msc_run_worst(r)))
			return true;
	}
	return false;
}

int msc_check_stated(struct msc_runner *r, const struct msc_rule *rule, const struct msc_record *x,
		     const char *expected, const char *actual, struct msc_err *err,
		     const char *what)
{
	if (has_spoken(r, rule, x, false))
		return 0;
	return msc_judge_stated(rule, r->s->clauses, x, r->o->profile, &r->findings, expected,
				actual, err, "%s", what);
}

static const char *status_name(unsigned status)
{
	static const char *const names[] = { "00h (passed)", "01h (failed)", "02h (phase error)" };

	return status < MSC_COUNT(names) ? names[status] : "reserved";
}

static bool is_expected(const struct msc_expect *e, uint8_t status)
{
	return status <= MSC_CSW_PHASE_ERROR && e->status & 1u << status;
}

static int check_status(struct msc_runner *r, const struct msc_expect *e,
			const struct msc_record *x, struct msc_err *err)
{
	uint8_t status = x->u.exchange.csw.status;
	char expected[96] = "";

	if (!e->status || is_expected(e, status))
		return 0;
	for (unsigned i = 0; i < 3; i++)
		if (e->status & 1u << i)
			msc_check_list(expected, sizeof expected, "%s", status_name(i));
	return msc_check_stated(r, &msc_rule_expect_status, x, expected, status_name(status), err,
				status == MSC_CSW_PASSED
					? MSC_STATED_PASSED
					: "the command ended with another bCSWStatus than it must");
}

/* One of several amounts. */
static int check_amount(struct msc_runner *r, const struct msc_exprs *e, int64_t actual,
			const struct msc_rule *rule, const char *what, const struct msc_record *x,
			struct msc_err *err)
{
	char expected[128] = "", found[24];
	int64_t v;

	for (size_t i = 0; i < e->count; i++) {
		if (!msc_run_value(r, &e->list[i], 0, &v) || v == actual)
			return 0;
		msc_check_list(expected, sizeof expected, "%" PRId64, v);
	}
	if (!e->count)
		return 0;
	if (has_spoken(r, rule, x, true))
		return 0;
	snprintf(found, sizeof found, "%" PRId64, actual);
	return msc_check_stated(r, rule, x, expected, found, err, what);
}

/* What the blocks that differ held before the case wrote to them, to be freed; NULL: it is not known of all. */
static uint8_t *read_old(struct msc_runner *r, const uint8_t *data, const uint8_t *want, size_t len,
			 uint64_t lba)
{
	size_t size = r->unit.block_size;
	uint8_t *old = size && len % size == 0 ? calloc(1, len + 1) : NULL;
	bool known = true;

	for (size_t i = 0; old && known && i < len; i += size)
		known = msc_medium_held(r->medium, lba + i / size, old + i) ||
			!memcmp(data + i, want + i, size);
	if (!known)
		free(old);
	return known ? old : NULL;
}

/* What differs from `want`, as a finding. lba: of the first byte; NULL: it is not of blocks. */
static int compare(struct msc_runner *r, const struct msc_rule *rule, const struct msc_record *x,
		   const uint8_t *data, const uint8_t *want, size_t len, const uint64_t *lba,
		   const char *what, struct msc_err *err)
{
	struct msc_story known = { .lba = lba ? *lba : 0,
				   .block_size = lba ? r->unit.block_size : 0,
				   .packet = lba ? r->target->device.max_packet_in : 0 };
	char expected[80], actual[80], story[240], text[400];
	size_t at = 0, differ = 0;
	uint8_t *old;

	for (size_t i = 0; i < len; i++)
		if (data[i] != want[i] && differ++ == 0)
			at = i;
	if (!differ)
		return 0;
	snprintf(expected, sizeof expected, "%02x at byte %zu", want[at], at);
	snprintf(actual, sizeof actual, "%02x at byte %zu, and %zu of %zu bytes differ", data[at],
		 at, differ, len);
	known.old = old = rule == &msc_rule_expect_data && lba ? read_old(r, data, want, len, *lba)
							       : NULL;
	msc_data_story(story, sizeof story, data, want, len, &known);
	free(old);
	snprintf(text, sizeof text, "%s: %s", what, story);
	return msc_check_stated(r, rule, x, expected, actual, err, text);
}

/* A block that holds the stamp of another one; false: there is none, or blocks are smaller than a stamp. */
static bool find_alias(const uint8_t *data, size_t len, uint64_t lba, uint32_t block_size,
		       uint64_t *at, uint64_t *stamp)
{
	if (block_size < MSC_STAMP_LEN)
		return false;
	for (size_t i = 0; i + block_size <= len; i += block_size) {
		*at = lba + i / block_size;
		if (msc_pattern_stamp(data + i, stamp) && *stamp != *at)
			return true;
	}
	return false;
}

static int check_stamps(struct msc_runner *r, const struct msc_record *x, const uint8_t *data,
			size_t len, uint64_t lba, bool *alias, struct msc_err *err)
{
	char expected[48], actual[48], apart[80], text[160];
	uint64_t at = 0, stamp = 0;

	*alias = find_alias(data, len, lba, r->unit.block_size, &at, &stamp);
	if (!*alias)
		return 0;
	snprintf(expected, sizeof expected, "what was written to block %" PRIu64, at);
	snprintf(actual, sizeof actual, "what was written to block %" PRIu64, stamp);
	msc_distance_story(apart, sizeof apart, at, stamp, r->unit.block_size);
	snprintf(text, sizeof text, "a block gives back what was written to %s one, %s",
		 stamp < at ? "an earlier" : "a later", apart);
	return msc_check_stated(r, &msc_rule_scsi_medium_alias, x, expected, actual, err, text);
}

static int check_pattern(struct msc_runner *r, enum msc_pattern pattern, const struct msc_record *x,
			 const uint8_t *data, size_t len, uint64_t lba, struct msc_err *err)
{
	uint8_t *want;
	bool alias;
	int rc;

	if (pattern == MSC_PATTERN_STAMPS && x->kind == MSC_RECORD_EXCHANGE) {
		rc = check_stamps(r, x, data, len, lba, &alias, err);
		if (rc < 0 || alias)
			return rc;
	}
	want = malloc(len ? len : 1);
	if (!want)
		return msc_nomem(err);
	msc_pattern_fill(pattern, want, len, lba, r->unit.block_size);
	if (x->kind == MSC_RECORD_EXCHANGE)
		rc = compare(r, &msc_rule_expect_data, x, data, want, len, &lba,
			     "the data read is not what was written", err);
	else
		rc = compare(r, &msc_rule_expect_value, x, data, want, len, NULL,
			     "the answer is not what it must be", err);
	free(want);
	return rc;
}

static int check_bytes(struct msc_runner *r, const struct msc_data_check *c,
		       const struct msc_record *x, const uint8_t *data, size_t len,
		       const struct msc_rule *rule, struct msc_err *err)
{
	char expected[80];
	int64_t at;

	if (!msc_run_value(r, &c->at, 0, &at))
		return 0;
	if ((uint64_t)at + c->bytes.len <= len)
		return compare(r, rule, x, data + at, c->bytes.data, c->bytes.len, NULL,
			       "the answer does not hold the bytes that it must", err);
	snprintf(expected, sizeof expected, "at least %zu byte%s", (size_t)at + c->bytes.len,
		 MSC_PLURAL((size_t)at + c->bytes.len));
	return msc_check_stated(r, rule, x, expected, "fewer", err, "the answer is too short");
}

/* The blocks from there on as the case has found them, up to the first that is not known. Returns how many bytes. */
static size_t read_original(const struct msc_runner *r, uint8_t *found, size_t len, uint64_t lba)
{
	size_t done = 0, piece = 0;

	while (done < len) {
		const uint8_t *from =
			msc_medium_original(r->medium, lba + done / r->unit.block_size, &piece);

		if (!from)
			break;
		piece = piece < len - done ? piece : len - done;
		memcpy(found + done, from, piece);
		done += piece;
	}
	return done;
}

/* What lies beyond the blocks that are saved cannot be looked at, and that is no pass. */
static int check_original(struct msc_runner *r, const struct msc_record *x, const uint8_t *data,
			  size_t len, uint64_t lba, struct msc_err *err)
{
	uint8_t *found = malloc(len + 1);
	size_t known;
	int rc;

	if (!found)
		return msc_nomem(err);
	known = r->unit.block_size ? read_original(r, found, len, lba) : 0;
	if (known < len)
		msc_run_end_case(r, MSC_VERDICT_SKIP,
				 "block %" PRIu64
				 " is none of those that are saved, so what was in it "
				 "before is not known",
				 lba + (known ? known / r->unit.block_size : 0));
	rc = compare(r, &msc_rule_expect_medium, x, data, found, known, &lba,
		     "the medium was changed where nothing may be written", err);
	free(found);
	return rc;
}

/* What is stated of data that did not come: a failure, unless the case has one that says why. */
static int check_no_data(struct msc_runner *r, const struct msc_record *x, const char *actual,
			 const struct msc_rule *rule, const char *what, struct msc_err *err)
{
	if (msc_findings_worst(&r->findings) >= MSC_WARN)
		return 0;
	return msc_check_stated(r, rule, x, "data", actual, err, what);
}

static int check_data(struct msc_runner *r, const struct msc_expect *e, const struct msc_record *x,
		      const uint8_t *data, size_t len, uint64_t lba, const struct msc_rule *rule,
		      struct msc_err *err)
{
	/* A status that may be failed says that it need not be there. */
	bool optional = e->status & 1u << MSC_CSW_FAILED;

	if (e->n_data && !len && !optional)
		return check_no_data(r, x, "none", rule,
				     "what must come back could not be looked at: no data came",
				     err);
	for (size_t i = 0; i < e->n_data; i++) {
		const struct msc_data_check *c = &e->data[i];
		const struct msc_saved_answer *saved = &r->slots[c->slot];
		size_t both = len < saved->len ? len : saved->len;
		int rc = 0;

		switch (c->kind) {
		case MSC_CHECK_PATTERN:
			rc = check_pattern(r, c->pattern, x, data, len, lba, err);
			break;
		case MSC_CHECK_BYTES: rc = check_bytes(r, c, x, data, len, rule, err); break;
		case MSC_CHECK_ORIGINAL: rc = check_original(r, x, data, len, lba, err); break;
		case MSC_CHECK_SAME:
			rc = both || optional
				     ? compare(r, rule, x, data, saved->data, both, NULL,
					       "the answer is not the same as before", err)
				     : check_no_data(
					       r, x, "none was saved", rule,
					       "the answer could not be compared: the one that "
					       "it must equal is empty",
					       err);
			break;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* Nothing of what is stated can be looked at without a valid CSW, and that is no pass. */
static int check_unseen(struct msc_runner *r, const struct msc_expect *e,
			const struct msc_record *x, struct msc_err *err)
{
	bool states = e->status || e->n_data || e->transferred.count || e->residue.count;

	if (!states || x->u.exchange.whole)
		return 0;
	return msc_check_stated(
		r, &msc_rule_expect_status, x, "a valid CSW", "none", err,
		"what must come back could not be looked at: the command ended without a "
		"valid CSW");
}

int msc_check_exchange(struct msc_runner *r, const struct msc_expect *e, const struct msc_record *x,
		       struct msc_err *err)
{
	const struct msc_exchange *ex = &x->u.exchange;
	const uint8_t *cdb = ex->cbw.cb;

	if (!msc_csw_is_valid(ex))
		return check_unseen(r, e, x, err);
	if (check_status(r, e, x, err) < 0)
		return -1;
	/* Amounts and data mean something only when the command did what was asked. Of data, a status that may be
	 * any says that it must be there all the same. */
	if (ex->csw.status != MSC_CSW_PASSED && !e->status && e->n_data)
		return check_no_data(r, x, status_name(ex->csw.status), &msc_rule_expect_data,
				     "what must come back could not be looked at: the command did "
				     "not pass",
				     err);
	if (ex->csw.status == MSC_CSW_PHASE_ERROR ||
	    (ex->csw.status != MSC_CSW_PASSED && e->status && !is_expected(e, ex->csw.status)))
		return 0;
	if (check_amount(r, &e->transferred, (int64_t)ex->data_len, &msc_rule_expect_transferred,
			 "another number of bytes was transferred than must be", x, err) < 0 ||
	    check_amount(r, &e->residue, ex->csw.residue, &msc_rule_expect_value,
			 "dCSWDataResidue is not what it must be", x, err) < 0)
		return -1;
	if (ex->csw.status != MSC_CSW_PASSED)
		return 0;
	return check_data(r, e, x, ex->data, ex->dir == MSC_DIR_IN ? ex->data_len : 0,
			  msc_cdb_value(cdb, "lba"), &msc_rule_expect_data, err);
}

static void take_back(struct msc_findings *f, const struct msc_rule *rule, size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < f->count; i++) {
		if (f->list[i].rule == rule)
			msc_finding_clear(&f->list[i]);
		else
			f->list[kept++] = f->list[i];
	}
	f->count = kept;
}

enum { IN_PROGRESS = 0x07, LONG_WRITE = 0x08 }; /* qualifiers of MSC_ASC_NOT_READY */

bool msc_check_again(struct msc_runner *r, const struct msc_expect *e,
		     const struct msc_sense_data *s, size_t from)
{
	if (!s->valid || s->key != MSC_SENSE_NOT_READY || s->asc != MSC_ASC_NOT_READY ||
	    (s->ascq != IN_PROGRESS && s->ascq != LONG_WRITE) || e->status != 1u << MSC_CSW_PASSED)
		return false;
	take_back(&r->findings, &msc_rule_expect_status, from);
	return true;
}

int msc_check_recovered(struct msc_runner *r, const struct msc_expect *e,
			const struct msc_record *x, const uint8_t *data, size_t from,
			struct msc_err *err)
{
	const struct msc_exchange *ex = &x->u.exchange;

	take_back(&r->findings, &msc_rule_expect_status, from);
	if (check_amount(r, &e->transferred, (int64_t)ex->data_len, &msc_rule_expect_transferred,
			 "another number of bytes was transferred than must be", x, err) < 0)
		return -1;
	if (ex->dir != MSC_DIR_IN)
		return 0;
	return check_data(r, e, x, data, ex->data_len, msc_cdb_value(ex->cbw.cb, "lba"),
			  &msc_rule_expect_data, err);
}

/* Whether or not a rule knows what is due there, a device that hangs is wrong. */
int msc_check_hung(struct msc_runner *r, const struct msc_record *x, const char *what,
		   struct msc_err *err)
{
	msc_run_end_case(r, MSC_VERDICT_FAIL, "%s", what);
	return msc_check_stated(r, &msc_rule_expect_outcome, x, "an answer",
				msc_outcome_name(MSC_OUT_TIMEOUT), err, what);
}

/* A phase error, which may be in order, is no status for the kernel. */
int msc_check_ended(struct msc_runner *r, const struct msc_record *x, struct msc_err *err)
{
	const struct msc_exchange *ex = &x->u.exchange;

	if (!ex->whole || msc_csw_is_valid(ex) ||
	    (ex->outcome == MSC_OUT_ERROR && ex->view.says.c.phase_error_possible))
		return 0;
	msc_run_end_case(r, MSC_VERDICT_FAIL,
			 "a command did not end, so the kernel has reset the device");
	return msc_check_stated(
		r, &msc_rule_expect_status, x, "a status", msc_outcome_name(ex->outcome), err,
		"the command ended without a status that the kernel can make something of");
}

static int check_outcome(struct msc_runner *r, unsigned wanted, enum msc_outcome outcome,
			 const struct msc_record *x, const char *what, struct msc_err *err)
{
	char expected[80] = "";

	if (!wanted || wanted & 1u << outcome)
		return 0;
	for (unsigned i = 0; i <= MSC_OUT_GONE; i++)
		if (wanted & 1u << i)
			msc_check_list(expected, sizeof expected, "%s",
				       msc_outcome_name((enum msc_outcome)i));
	return msc_check_stated(r, &msc_rule_expect_outcome, x, expected, msc_outcome_name(outcome),
				err, what);
}

int msc_check_control(struct msc_runner *r, const struct msc_expect *e, const struct msc_record *x,
		      struct msc_err *err)
{
	const struct msc_control *c = &x->u.control;

	if (check_outcome(r, e->outcome, c->outcome, x,
			  "the control request ended otherwise than it must", err) < 0)
		return -1;
	if (c->outcome != MSC_OUT_DONE && !e->outcome && e->n_data)
		return check_no_data(r, x, msc_outcome_name(c->outcome), &msc_rule_expect_value,
				     "what must come back could not be looked at: the request was "
				     "not carried out",
				     err);
	if (c->outcome != MSC_OUT_DONE)
		return 0;
	if (check_amount(r, &e->transferred, (int64_t)c->data_len, &msc_rule_expect_transferred,
			 "another number of bytes was transferred than must be", x, err) < 0)
		return -1;
	if (!(c->setup.request_type & MSC_REQTYPE_IN))
		return 0;
	return check_data(r, e, x, c->data, c->data_len, 0, &msc_rule_expect_value, err);
}

int msc_check_poll(struct msc_runner *r, const struct msc_expect *e, const struct msc_record *x,
		   struct msc_err *err)
{
	return check_outcome(r, e->outcome, x->u.poll.outcome, x,
			     "the endpoint answered otherwise than it must", err);
}

int msc_check_value(struct msc_runner *r, const struct msc_plan_unless *u, struct msc_err *err)
{
	int64_t met;

	if (!msc_run_value(r, &u->met, 1, &met) || met)
		return 0;
	return msc_check_stated(r, &msc_rule_expect_value, msc_session_last(r->session),
				u->met.text, NULL, err, u->because);
}
