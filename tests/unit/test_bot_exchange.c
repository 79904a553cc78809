/* SPDX-License-Identifier: BSD-2-Clause */
/* The exchange engine against scripts: every path of data and status transport, serial and queued,
 * with what the record must say of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "script_transport.h"
#include "session/session.h"

#define TIMEOUT (100 * MSC_MS)
#define IN  MSC_DIR_IN
#define OUT MSC_DIR_OUT
#define NO  MSC_DIR_NONE

struct expected {
	const char *steps; /* "cbw:done data:STALL clear:done csw:done" */
	bool have_csw, needs_reset;
	size_t data_len, short_packet, status_len;
	bool csw_in_data;
};

struct exchange_row {
	const char *name;
	enum msc_dir dir;
	uint32_t length;
	bool queued, leave;
	size_t out_len, out_split; /* out_len 0: all */
	struct script_row script[12];
	struct expected is;
};

static const struct exchange_row table[] = {
	{ "no data", NO, 0, .script = { R_CBW(DONE), R_CSW(0, 0) },
	  .is = { "cbw:done csw:done", true, .status_len = 13 } },
	{ "failed", NO, 0, .script = { R_CBW(DONE), R_CSW(1, 0) },
	  .is = { "cbw:done csw:done", true, .status_len = 13 } },
	{ "phase error", NO, 0, .script = { R_CBW(DONE), R_CSW(2, 0) },
	  .is = { "cbw:done csw:done", true, true, .status_len = 13 } },
	{ "reserved status", NO, 0, .script = { R_CBW(DONE), R_CSW(3, 0) },
	  .is = { "cbw:done csw:done", true, true, .status_len = 13 } },
	{ "residue above the length", IN, 64,
	  .script = { R_CBW(DONE), R_IN(64, DONE, 64), R_CSW(0, 65) },
	  .is = { "cbw:done data:done csw:done", true, false, 64, 0, 13 } },
	{ "CBW refused", NO, 0, .script = { R_CBW(STALL) }, .is = { "cbw:STALL", false, true } },
	{ "CBW not taken", NO, 0, .script = { R_CBW_PENDING },
	  .is = { "cbw:time-out", false, true } },

	{ "whole packets", IN, 128, .script = { R_CBW(DONE), R_IN(128, DONE, 128), R_CSW(0, 0) },
	  .is = { "cbw:done data:done csw:done", true, false, 128, 0, 13 } },
	{ "a part of a packet has room for all of it", IN, 36,
	  .script = { R_CBW(DONE), R_IN(64, DONE, 36), R_CSW(0, 0) },
	  .is = { "cbw:done data:done csw:done", true, false, 36, 37, 13 } },
	{ "more than was asked for", IN, 36,
	  .script = { R_CBW(DONE), R_IN(64, DONE, 40), R_CSW(0, 0) },
	  .is = { "cbw:done data:done csw:done", true, false, 40, 41, 13 } },
	{ "a full packet more than was asked for", IN, 36,
	  .script = { R_CBW(DONE), R_IN(64, DONE, 64), R_CSW(0, 0) },
	  .is = { "cbw:done data:done csw:done", true, false, 64, 0, 13 } },
	{ "short", IN, 256, .script = { R_CBW(DONE), R_IN(256, DONE, 100), R_CSW(0, 156) },
	  .is = { "cbw:done data:done csw:done", true, false, 100, 37, 13 } },
	{ "short, then STALL", IN, 256,
	  .script = { R_CBW(DONE), R_IN(256, DONE, 100), R_IN(64, STALL, 0),
		      R_CLEAR(SCRIPT_IN, DONE), R_CSW(0, 156) },
	  .is = { "cbw:done data:done csw:STALL clear:done csw:done", true, false, 100, 37, 13 } },
	{ "an empty packet ends the data", IN, 256,
	  .script = { R_CBW(DONE), R_IN(256, DONE, 64), R_CSW(0, 192) },
	  .is = { "cbw:done data:done csw:done", true, false, 64, 1, 13 } },
	{ "STALL at once", IN, 64,
	  .script = { R_CBW(DONE), R_IN(64, STALL, 0), R_CLEAR(SCRIPT_IN, DONE), R_CSW(1, 64) },
	  .is = { "cbw:done data:STALL clear:done csw:done", true, false, 0, 0, 13 } },
	{ "STALL after a packet", IN, 128,
	  .script = { R_CBW(DONE), R_IN(128, STALL, 64), R_CLEAR(SCRIPT_IN, DONE), R_CSW(1, 64) },
	  .is = { "cbw:done data:STALL clear:done csw:done", true, false, 64, 0, 13 } },
	{ "STALL that cannot be cleared", IN, 64,
	  .script = { R_CBW(DONE), R_IN(64, STALL, 0), R_CLEAR(SCRIPT_IN, TIMEOUT) },
	  .is = { "cbw:done data:STALL clear:time-out", false, true } },
	{ "STALL left alone", IN, 64, .leave = true, .script = { R_CBW(DONE), R_IN(64, STALL, 0) },
	  .is = { "cbw:done data:STALL", false, false } },
	{ "data never come", IN, 64, .script = { R_CBW(DONE), R_IN(64, PENDING, 0) },
	  .is = { "cbw:done data:time-out", false, true } },
	{ "babble", IN, 64, .script = { R_CBW(DONE), R_IN(64, BABBLE, 64) },
	  .is = { "cbw:done data:babble", false, true, 64 } },
	{ "bus error", IN, 64, .script = { R_CBW(DONE), R_IN(64, ERROR, 0) },
	  .is = { "cbw:done data:bus error", false, true } },

	{ "CSW in the data", IN, 256,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 256, MSC_OUT_DONE, .actual = 77, .csw = true } },
	  .is = { "cbw:done data:done", true, false, 64, 0, 13, true } },
	{ "CSW instead of data", IN, 64,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 64, MSC_OUT_DONE, .actual = 13, .csw = true,
			.status = 1 } },
	  .is = { "cbw:done data:done", true, false, 0, 0, 13, true } },
	{ "not a CSW in the data: another tag", IN, 256,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 256, MSC_OUT_DONE, .actual = 77, .csw = true,
			.tag_xor = 1 },
		      R_CSW(0, 179) },
	  .is = { "cbw:done data:done csw:done", true, false, 77, 14, 13 } },
	{ "not a CSW in the data: not after whole packets", IN, 256,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 256, MSC_OUT_DONE, .actual = 78, .csw = true },
		      R_CSW(0, 178) },
	  .is = { "cbw:done data:done csw:done", true, false, 78, 15, 13 } },
	{ "not a CSW in the data: nothing was missing", IN, 77,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 128, MSC_OUT_DONE, .actual = 77, .csw = true },
		      R_CSW(0, 0) },
	  .is = { "cbw:done data:done csw:done", true, false, 77, 14, 13 } },

	{ "empty CSW, then a good one", NO, 0,
	  .script = { R_CBW(DONE), R_IN(64, DONE, 0), R_CSW(0, 0) },
	  .is = { "cbw:done csw:done csw:done", true, .status_len = 13 } },
	{ "two empty CSWs", NO, 0, .script = { R_CBW(DONE), R_IN(64, DONE, 0), R_IN(64, DONE, 0) },
	  .is = { "cbw:done csw:done csw:done", false, true } },
	{ "CSW STALLs once", NO, 0,
	  .script = { R_CBW(DONE), R_IN(64, STALL, 0), R_CLEAR(SCRIPT_IN, DONE), R_CSW(0, 0) },
	  .is = { "cbw:done csw:STALL clear:done csw:done", true, .status_len = 13 } },
	{ "CSW STALLs twice", NO, 0,
	  .script = { R_CBW(DONE), R_IN(64, STALL, 0), R_CLEAR(SCRIPT_IN, DONE),
		      R_IN(64, STALL, 0) },
	  .is = { "cbw:done csw:STALL clear:done csw:STALL", false, true } },
	{ "CSW STALLs and is left alone", NO, 0, .leave = true,
	  .script = { R_CBW(DONE), R_IN(64, STALL, 0) },
	  .is = { "cbw:done csw:STALL", false, false } },
	{ "CSW STALL that cannot be cleared", NO, 0,
	  .script = { R_CBW(DONE), R_IN(64, STALL, 0), R_CLEAR(SCRIPT_IN, STALL) },
	  .is = { "cbw:done csw:STALL clear:STALL", false, true } },
	{ "CSW never comes", NO, 0, .script = { R_CBW(DONE), R_IN(64, PENDING, 0) },
	  .is = { "cbw:done csw:time-out", false, true } },
	{ "CSW too short", NO, 0, .script = { R_CBW(DONE), R_IN(64, DONE, 12) },
	  .is = { "cbw:done csw:done", false, true, .status_len = 12 } },
	{ "CSW too long", NO, 0,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 64, MSC_OUT_DONE, .actual = 14, .csw = true } },
	  .is = { "cbw:done csw:done", false, true, .status_len = 14 } },
	{ "data where the CSW belongs", IN, 64,
	  .script = { R_CBW(DONE), R_IN(64, DONE, 64), R_IN(64, DONE, 64) },
	  .is = { "cbw:done data:done csw:done", false, true, 64, 0, 64 } },
	{ "wrong signature", NO, 0,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 64, MSC_OUT_DONE, .actual = 13, .csw = true,
			.signature_xor = 1 } },
	  .is = { "cbw:done csw:done", true, true, .status_len = 13 } },
	{ "wrong tag", NO, 0,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 64, MSC_OUT_DONE, .actual = 13, .csw = true,
			.tag_xor = 0x100 } },
	  .is = { "cbw:done csw:done", true, true, .status_len = 13 } },

	{"out", OUT, 512, .script = {R_CBW(DONE), R_OUT(512, DONE, 512), R_CSW(0, 0)},
	 .is = {"cbw:done data:done csw:done", true, false, 512, 0, 13}},
	{"out STALLs", OUT, 512,
	 .script = {R_CBW(DONE), R_OUT(512, STALL, 64), R_CLEAR(SCRIPT_OUT, DONE), R_CSW(1, 448)},
	 .is = {"cbw:done data:STALL clear:done csw:done", true, false, 64, 0, 13}},
	{"out in pieces", OUT, 100, .out_split = 40,
	 .script = {R_CBW(DONE), R_OUT(40, DONE, 40), R_OUT(40, DONE, 40), R_OUT(20, DONE, 20),
		    R_CSW(0, 0)},
	 .is = {"cbw:done data:done data:done data:done csw:done", true, false, 100, 0, 13}},
	{"out, less than promised", OUT, 512, .out_len = 100,
	 .script = {R_CBW(DONE), R_OUT(100, DONE, 100), R_CSW(2, 0)},
	 .is = {"cbw:done data:done csw:done", true, true, 100, 0, 13}},
	{"out never taken", OUT, 64, .script = {R_CBW(DONE), R_OUT(64, PENDING, 0)},
	 .is = {"cbw:done data:time-out", false, true}},

	{ "queued, no data", NO, 0, true, .script = { R_CBW(DONE), R_CSW(0, 0) },
	  .is = { "cbw:done csw:done", true, .status_len = 13 } },
	{ "queued in", IN, 128, true, .script = { R_CBW(DONE), R_IN(128, DONE, 128), R_CSW(0, 0) },
	  .is = { "cbw:done data:done csw:done", true, false, 128, 0, 13 } },
	{ "queued in, short", IN, 128, true,
	  .script = { R_CBW(DONE), R_IN(128, DONE, 36), R_CSW(0, 92) },
	  .is = { "cbw:done data:done csw:done", true, false, 36, 37, 13 } },
	{ "queued in, STALL", IN, 128, true,
	  .script = { R_CBW(DONE), R_IN(128, STALL, 64), R_IN(64, PENDING, 0),
		      R_CLEAR(SCRIPT_IN, DONE), R_CSW(1, 64) },
	  .is = { "cbw:done data:STALL csw:cancelled clear:done csw:done", true, false, 64, 0,
		  13 } },
	{ "queued in, short, then STALL", IN, 128, true,
	  .script = { R_CBW(DONE), R_IN(128, DONE, 36), R_IN(64, STALL, 0),
		      R_CLEAR(SCRIPT_IN, DONE), R_CSW(1, 92) },
	  .is = { "cbw:done data:done csw:STALL clear:done csw:done", true, false, 36, 37, 13 } },
	/* It was under way when the first was taken for what it is: both are in the record. */
	{ "queued, CSW in the data and once more", IN, 256, true,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 256, MSC_OUT_DONE, .actual = 77, .csw = true,
			.takes_ns = MSC_MS },
		      { SCRIPT_XFER, SCRIPT_IN, 64, MSC_OUT_DONE, .actual = 13, .csw = true,
			.status = 1 } },
	  .is = { "cbw:done data:done csw:done", true, false, 64, 0, 13, true } },
	{ "queued, CSW in the data", IN, 256, true,
	  .script = { R_CBW(DONE),
		      { SCRIPT_XFER, SCRIPT_IN, 256, MSC_OUT_DONE, .actual = 77, .csw = true },
		      R_IN(64, PENDING, 0) },
	  .is = { "cbw:done data:done csw:cancelled", true, false, 64, 0, 13, true } },
	{ "queued, CSW never comes", IN, 64, true,
	  .script = { R_CBW(DONE), R_IN(64, DONE, 64), R_IN(64, PENDING, 0) },
	  .is = { "cbw:done data:done csw:time-out", false, true, 64 } },
	{ "queued, data never come", IN, 64, true,
	  .script = { R_CBW(DONE), R_IN(64, PENDING, 0), R_IN(64, PENDING, 0) },
	  .is = { "cbw:done data:time-out csw:cancelled", false, true } },
	{ "queued, CBW refused", IN, 64, true,
	  .script = { R_CBW(STALL), R_IN(64, PENDING, 0), R_IN(64, PENDING, 0) },
	  .is = { "cbw:STALL csw:cancelled data:cancelled", false, true } },
	{ "queued out", OUT, 64, true, .script = { R_CBW(DONE), R_OUT(64, DONE, 64), R_CSW(0, 0) },
	  .is = { "cbw:done data:done csw:done", true, false, 64, 0, 13 } },
	{ "queued out, STALL: the CSW stays asked for", OUT, 64, true,
	  .script = { R_CBW(DONE), R_OUT(64, STALL, 0), R_CSW(1, 64), R_CLEAR(SCRIPT_OUT, DONE) },
	  .is = { "cbw:done data:STALL clear:done csw:done", true, false, 0, 0, 13 } },
	{ "queued out, the CSW comes and the data are not taken", OUT, 64, true,
	  .script = { R_CBW(DONE), R_OUT(64, PENDING, 0), R_CSW(2, 0) },
	  .is = { "cbw:done data:time-out csw:done", true, true, 0, 0, 13 } },
	{ "queued, pieces are sent serially", OUT, 80, true, .out_split = 40,
	  .script = { R_CBW(DONE), R_OUT(40, DONE, 40), R_OUT(40, DONE, 40), R_CSW(0, 0) },
	  .is = { "cbw:done data:done data:done csw:done", true, false, 80, 0, 13 } },
};

static const char *steps_text(char *buf, size_t size, const struct msc_exchange *x)
{
	static const char *const kinds[] = { "cbw", "data", "csw", "clear" };
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < x->n_steps && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s:%s", i ? " " : "",
					kinds[x->steps[i].kind],
					msc_outcome_name(x->steps[i].outcome));
	return buf;
}

static void number_is(const char *name, const char *what, size_t actual, size_t expected)
{
	if (actual != expected)
		fail_msg("%s: %s is %zu, expected %zu", name, what, actual, expected);
}

static void check_exchange(const char *name, const struct msc_exchange *x, const struct expected *e)
{
	char text[256];

	if (strcmp(steps_text(text, sizeof(text), x), e->steps))
		fail_msg("%s: steps are \"%s\", expected \"%s\"", name, text, e->steps);
	number_is(name, "have_csw", x->have_csw, e->have_csw);
	number_is(name, "needs_reset", x->needs_reset, e->needs_reset);
	number_is(name, "data_len", x->data_len, e->data_len);
	number_is(name, "data_short_packet", x->data_short_packet, e->short_packet);
	number_is(name, "status_len", x->status_len, e->status_len);
	number_is(name, "csw_in_data", x->csw_in_data, e->csw_in_data);
}

static struct msc_session *open_session(struct script *script, const struct script_row *rows,
					bool queued)
{
	struct msc_session_options o = { .timeout_ns = TIMEOUT, .queued = queued };
	struct msc_session *s = msc_session_new(script_open(script, rows), &o);

	assert_non_null(s);
	return s;
}

static const uint8_t tur[16] = { MSC_OP_TEST_UNIT_READY };

static void run_row(const struct exchange_row *row)
{
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, row->script, row->queued);

	msc_request_init(&rq, tur, 6, row->dir, row->length);
	rq.leave = row->leave;
	rq.out_split = row->out_split;
	if (row->out_len)
		rq.out_len = row->out_len;
	if (msc_session_exchange(s, &rq, &r, &err))
		fail_msg("%s: %s %s", row->name, err.msg, script.problem);
	script_check(&script, row->name);
	check_exchange(row->name, &r->u.exchange, &row->is);
	number_is(row->name, "queued", r->u.exchange.queued, row->queued && !row->out_split);
	number_is(row->name, "newest", msc_session_last(s) == r, true);
	script.target.gone = true; /* what an unclean end does is tested elsewhere */
	msc_session_free(s);
}

static void exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(table); i++)
		run_row(&table[i]);
}

/* ---- wrappers that are not honest --------------------------------------------------------- */

static void invalid_wrappers(void **state)
{
	static const struct script_row stalls[] = { { SCRIPT_XFER, SCRIPT_OUT, 30, MSC_OUT_DONE,
						      .actual = 30 },
						    R_IN(64, STALL, 0),
						    { 0 } };
	static const struct script_row quiet[] = { { SCRIPT_XFER, SCRIPT_OUT, 32, MSC_OUT_DONE,
						     .actual = 32 },
						   R_IN(64, PENDING, 0),
						   { 0 } };
	static const struct script_row refused[] = { R_CBW(STALL), R_IN(64, STALL, 0), { 0 } };
	static const struct script_row answered[] = { R_CBW(DONE), R_CSW(0, 0), { 0 } };
	static const struct {
		const char *name;
		const struct script_row *rows;
		size_t wrapper_len;
		uint32_t signature;
		struct expected is;
	} cases[] = {
		{ "30 bytes",
		  stalls,
		  30,
		  MSC_CBW_SIGNATURE,
		  { .steps = "cbw:done csw:STALL", .needs_reset = true } },
		{ "32 bytes",
		  quiet,
		  32,
		  MSC_CBW_SIGNATURE,
		  { .steps = "cbw:done csw:time-out", .needs_reset = true } },
		{ "signature, refused",
		  refused,
		  31,
		  1,
		  { .steps = "cbw:STALL csw:STALL", .needs_reset = true } },
		{ "signature, executed",
		  answered,
		  31,
		  1,
		  { "cbw:done csw:done", true, true, .status_len = 13 } },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(cases); i++) {
		struct msc_err err = MSC_ERR_INIT;
		const struct msc_record *r;
		struct msc_request rq;
		struct script script;
		struct msc_session *s = open_session(&script, cases[i].rows, true);

		msc_request_init(&rq, tur, 6, MSC_DIR_IN, 64);
		rq.wrapper_len = cases[i].wrapper_len;
		rq.cbw.h.signature = cases[i].signature;
		assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
		script_check(&script, cases[i].name);
		check_exchange(cases[i].name, &r->u.exchange, &cases[i].is);
		assert_int_equal(r->u.exchange.wrapper_len, cases[i].wrapper_len);
		assert_int_equal(r->u.exchange.cbw.h.length, 64);
		assert_false(r->u.exchange.queued);
		script.target.gone = true;
		msc_session_free(s);
	}
}

/* The answer to an invalid wrapper is waited for, but not for long. */
static void invalid_wrappers_are_not_waited_for(void **state)
{
	static const struct script_row rows[] = { { SCRIPT_XFER, SCRIPT_OUT, 32, MSC_OUT_DONE,
						    .actual = 32 },
						  R_IN(64, PENDING, 0),
						  { 0 } };
	static const struct {
		int64_t timeout_ns, takes_ns;
	} cases[] = { { 100 * MSC_MS, 100 * MSC_MS }, { 30 * MSC_S, 5 * MSC_S } };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(cases); i++) {
		struct msc_err err = MSC_ERR_INIT;
		const struct msc_record *r;
		struct msc_request rq;
		struct script script;
		struct msc_session *s = open_session(&script, rows, false);

		msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
		rq.wrapper_len = 32;
		rq.timeout_ns = cases[i].timeout_ns;
		assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
		assert_int_equal(r->ended_ns - r->began_ns, cases[i].takes_ns);
		script.target.gone = true;
		msc_session_free(s);
	}
}

/* Case 2 is never queued, and a real device is given a moment before the CSW is asked for. */
static void case_2_is_serial(void **state)
{
	static const struct script_row rows[] = {
		R_CBW(DONE), R_CSW(2, 0), R_CBW(DONE), R_CSW(0, 0), { 0 }
	};
	static const uint8_t inquiry[16] = { MSC_OP_INQUIRY, [4] = 36 },
			     nothing[16] = { MSC_OP_READ_10 };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows, true);

	(void)state;
	script.target.device.simulated = false;
	msc_request_init(&rq, inquiry, 6, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_false(r->u.exchange.queued);
	assert_int_equal(r->u.exchange.steps[1].submitted_ns, 21 * MSC_MS);
	msc_request_init(&rq, nothing, 10, MSC_DIR_NONE, 0);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_true(r->u.exchange.queued);
	script_check(&script, "case 2");
	msc_session_free(s);
}

static void raw_wrapper(void **state)
{
	static const struct script_row rows[] = {
		{ SCRIPT_XFER, SCRIPT_OUT, 4, MSC_OUT_DONE, .actual = 4 }, R_IN(64, STALL, 0), { 0 }
	};
	static const uint8_t raw[] = { 'U', 'S', 'B', 'C' };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows, false);

	(void)state;
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	rq.raw = raw;
	rq.raw_len = sizeof(raw);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	script_check(&script, "raw");
	assert_memory_equal(script.sent, raw, sizeof(raw));
	assert_int_equal(r->u.exchange.cbw.h.signature, MSC_CBW_SIGNATURE);
	assert_int_equal(r->u.exchange.cbw.h.tag, 0);
	script.target.gone = true;
	msc_session_free(s);
}

/* The bytes of a CBW on the wire, and tags. */
static void wrapper_on_the_wire(void **state)
{
	static const struct script_row rows[] = { R_CBW(DONE), R_CSW(0, 0), R_CBW(DONE),
						  R_CSW(0, 0), R_CBW(DONE), R_CSW(0, 0),
						  { 0 } };
	static const uint8_t first[31] = { 'U', 'S', 'B', 'C', 1, 0, 0, 0, 0, 0, 0, 0, 0, 3, 6 };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;
	struct msc_request rq;
	struct script script;
	struct msc_session *s = open_session(&script, rows, false);

	(void)state;
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	rq.cbw.h.lun = 3;
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_int_equal(script.sent_len, 31);
	assert_memory_equal(script.sent, first, 31);
	assert_memory_equal(r->u.exchange.wrapper, first, 31);
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_int_equal(r->u.exchange.cbw.h.tag, 2);
	rq.keep_tag = true;
	assert_int_equal(msc_session_exchange(s, &rq, &r, &err), 0);
	assert_int_equal(r->u.exchange.cbw.h.tag, 0);
	script_check(&script, "tags");
	msc_session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges),
		cmocka_unit_test(invalid_wrappers),
		cmocka_unit_test(invalid_wrappers_are_not_waited_for),
		cmocka_unit_test(case_2_is_serial),
		cmocka_unit_test(raw_wrapper),
		cmocka_unit_test(wrapper_on_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
