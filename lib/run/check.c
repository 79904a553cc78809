/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scenario states, held against what came back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "run/runner.h"

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
	if (msc_check_has_spoken(r, rule, x, true))
		return 0;
	snprintf(found, sizeof found, "%" PRId64, actual);
	return msc_check_stated(r, rule, x, expected, found, err, what);
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
		return msc_check_no_data(
			r, x, status_name(ex->csw.status), &msc_rule_expect_data,
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
	return msc_check_data(r, e, x, ex->data, ex->dir == MSC_DIR_IN ? ex->data_len : 0,
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

bool msc_check_again(struct msc_runner *r, const struct msc_expect *e,
		     const struct msc_sense_data *s, size_t from)
{
	if (!s->valid || s->key != MSC_SENSE_NOT_READY || s->asc != MSC_ASC_NOT_READY ||
	    (s->ascq != MSC_ASCQ_IN_PROGRESS && s->ascq != MSC_ASCQ_LONG_WRITE) ||
	    e->status != 1u << MSC_CSW_PASSED)
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
	return msc_check_data(r, e, x, data, ex->data_len, msc_cdb_value(ex->cbw.cb, "lba"),
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
		return msc_check_no_data(
			r, x, msc_outcome_name(c->outcome), &msc_rule_expect_value,
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
	return msc_check_data(r, e, x, c->data, c->data_len, 0, &msc_rule_expect_value, err);
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
