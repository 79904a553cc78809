/* SPDX-License-Identifier: BSD-2-Clause */
/* Causes on a device that the catalogue does not have whole: what could not be seen there is not missed, and what
 * something else may have shown is not certain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cause_trial.h"
#include "wire/scsi.h"

/* The first four are of one kind. */
static const char *const names[] = { "a.b.a", "a.b.b", "a.b.c", "a.b.d", "c.d.a",
				     "e.f.a", "g.h.a", "i.j.a", "k.l.a", "m.n.a" };
static const char *const rules[] = { "bot.csw.tag", "bot.residue.in", "scsi.inquiry.strings" };
enum { TAG, RESIDUE, STRINGS };

#define ON(name) (MSC_OP_##name + 1)

static void see(struct msc_evidence *e, unsigned name, int rule, uint16_t command, uint16_t also)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_finding list[2] = { { .severity = MSC_FAIL, .command = command },
				       { .severity = MSC_FAIL, .command = also } };
	struct msc_findings findings = { list, rule < 0 ? 0 : also ? 2 : 1, 2 };

	for (size_t i = 0; rule >= 0 && i < 2; i++)
		list[i].rule = msc_rule_find(rules[rule], &err);
	assert_int_equal(msc_evidence_add(e, names[name], &findings, &err), 0);
}

static void see_both(struct msc_evidence *e, unsigned name)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_finding list[2] = {
		{ .severity = MSC_FAIL, .rule = msc_rule_find(rules[TAG], &err) },
		{ .severity = MSC_FAIL, .rule = msc_rule_find(rules[RESIDUE], &err) }
	};
	struct msc_findings findings = { list, 2, 2 };

	assert_int_equal(msc_evidence_add(e, names[name], &findings, &err), 0);
}

static struct msc_causes find(const struct msc_pair *pairs, const struct msc_entry *entries,
			      size_t n, const struct msc_evidence *e)
{
	const struct msc_dictionary d = { names, MSC_COUNT(names), rules, MSC_COUNT(rules),
					  pairs, entries,          n,     { { 0 } } };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	assert_int_equal(msc_causes_find(&d, e, MSC_PROFILE_USBIF, &causes, &err), 0);
	return causes;
}

static void note(struct msc_evidence *e, uint8_t opcode)
{
	struct msc_record r = { .kind = MSC_RECORD_EXCHANGE,
				.u.exchange = { .command = true, .answered = true } };

	r.u.exchange.cbw.cb[0] = opcode;
	msc_evidence_note(e, &r);
}

/* A host asks for sense data only where something has failed. */
static void what_was_not_sent_is_not_missing(void **unused)
{
	static const struct msc_pair pairs[] = { { 0, 0, TAG, ON(READ_10), false },
						 { 0, 1, TAG, ON(REQUEST_SENSE), false },
						 { 0, 2, TAG, ON(READ_10), false } };
	static const struct msc_entry entry = { "csw-tag", 0, 3, 0, { 0 }, NULL };
	static const uint8_t sent[] = { MSC_OP_READ_10, MSC_OP_REQUEST_SENSE };

	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(sent); i++) {
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		note(&e, MSC_OP_READ_10);
		see(&e, 0, TAG, ON(READ_10), 0);
		note(&e, sent[i]);
		see(&e, 1, -1, 0, 0);
		note(&e, MSC_OP_READ_10);
		see(&e, 2, TAG, ON(READ_10), 0);
		causes = find(pairs, &entry, 1, &e);
		assert_int_equal(causes.count, 1);
		assert_int_equal(causes.list[0].n_missing, i);
		assert_int_equal(causes.list[0].shows, 2 + i);
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

/* What shows on a medium that is not blank alone speaks for the defect where it was seen, and not against it elsewhere. */
static void what_lies_on_the_medium_is_not_missed(void **unused)
{
	static const struct msc_pair pairs[] = { { 0, 0, TAG, 0, false }, { 0, 1, TAG, 0, true } };
	static const struct msc_entry entry = { "csw-tag", 0, 2, 0, { 0 }, NULL };

	(void)unused;
	for (unsigned both = 0; both < 2; both++) {
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		see(&e, 0, TAG, 0, 0);
		see(&e, 1, both ? TAG : -1, 0, 0);
		causes = find(pairs, &entry, 1, &e);
		assert_int_equal(causes.count, 1);
		assert_int_equal(causes.list[0].n_missing, 0);
		assert_int_equal(causes.list[0].shown, 1 + both);
		assert_int_equal(causes.list[0].shows, 1 + both);
		assert_int_equal(causes.list[0].confidence, MSC_CERTAIN);
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

/* Found on READ(10) and on INQUIRY, it is of the defect that shows on both. */
static void one_command_is_not_the_whole_of_it(void **unused)
{
	static const struct msc_pair pairs[] = { { 0, 0, RESIDUE, ON(READ_10), false },
						 { 0, 0, RESIDUE, 0, false } };
	static const struct msc_entry entries[] = {
		{ "residue-kept-read", 0, 1, 0, { 0 }, NULL },
		{ "residue-processed", 1, 1, 0, { 0 }, NULL },
	};

	(void)unused;
	for (unsigned both = 0; both < 2; both++) {
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		see(&e, 0, RESIDUE, ON(READ_10), both ? ON(INQUIRY) : 0);
		causes = find(pairs, entries, 2, &e);
		assert_int_equal(causes.count, 1);
		assert_int_equal(causes.list[0].n_ties, !both);
		if (both)
			assert_string_equal(causes.list[0].id, "residue-processed");
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

/* Two defects in the same four cases, and each in two of its own: most of what speaks for either speaks for the other as
 * well. The one that shows in most places has what both explain. */
static void what_others_explain_is_not_certain(void **unused)
{
	static const struct msc_entry entries[] = {
		{ "csw-tag", 0, 6, 0, { 0 }, NULL },
		{ "csw-tag-cut", 6, 7, 0, { 0 }, NULL },
	};
	struct msc_pair pairs[13];
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	for (uint16_t i = 0; i < 6; i++)
		pairs[i] = (struct msc_pair){ 0, i, TAG, 0, false };
	for (uint16_t i = 0; i < 7; i++) /* the last of them by two rules */
		pairs[6 + i] = (struct msc_pair){ 0,
						  i < 4   ? i
						  : i < 6 ? i + 2
							  : 7,
						  i < 6 ? TAG : RESIDUE, 0, false };
	for (unsigned i = 0; i < 7; i++)
		see(&e, i, TAG, 0, 0);
	see_both(&e, 7);
	causes = find(pairs, entries, 2, &e);
	assert_int_equal(causes.count, 2);
	for (size_t i = 0; i < causes.count; i++)
		assert_int_not_equal(causes.list[i].confidence, MSC_CERTAIN);
	assert_string_equal(causes.list[0].id, "csw-tag-cut");
	assert_int_equal(causes.list[0].cases, 6);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* One of five cases at least has nothing in it that nobody knows; and where few cases show it, no other has. */
static void what_is_left_over_casts_doubt(void **unused)
{
	static const struct {
		unsigned shows, unknown_from, unknown_to;
		enum msc_confidence want;
	} rows[] = {
		{ 5, 0, 0, MSC_CERTAIN }, { 5, 0, 4, MSC_CERTAIN }, { 5, 0, 5, MSC_LIKELY },
		{ 5, 5, 9, MSC_CERTAIN }, { 2, 0, 0, MSC_CERTAIN }, { 2, 5, 6, MSC_LIKELY },
	};
	struct msc_pair pairs[5];

	(void)unused;
	for (uint16_t i = 0; i < 5; i++)
		pairs[i] = (struct msc_pair){ 0, i, TAG, 0, false };
	for (size_t row = 0; row < MSC_COUNT(rows); row++) {
		const struct msc_entry entry = { "csw-tag", 0, (uint16_t)rows[row].shows,
						 0,         { 0 }, NULL };
		struct msc_err err = MSC_ERR_INIT;
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		for (unsigned i = 0; i < 10; i++) {
			struct msc_finding list[2];
			struct msc_findings findings = { list, 0, 2 };

			if (i < rows[row].shows)
				list[findings.count++] = (struct msc_finding){
					.rule = msc_rule_find(rules[TAG], &err),
					.severity = MSC_FAIL
				};
			if (i >= rows[row].unknown_from && i < rows[row].unknown_to)
				list[findings.count++] = (struct msc_finding){
					.rule = msc_rule_find(rules[STRINGS], &err),
					.severity = MSC_FAIL
				};
			assert_int_equal(msc_evidence_add(&e, names[i], &findings, &err), 0);
		}
		causes = find(pairs, &entry, 1, &e);
		assert_int_equal(causes.count, 1);
		if (causes.list[0].confidence != rows[row].want)
			fail_msg("row %zu is %s", row,
				 msc_confidence_names[causes.list[0].confidence]);
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

/* More than a tenth was seen in cases where the dictionary does not have it. */
static void what_is_seen_elsewhere_casts_doubt(void **unused)
{
	static const struct msc_entry entry = { "csw-tag", 0, 8, 0, { 0 }, NULL };
	struct msc_pair pairs[8];

	(void)unused;
	for (uint16_t i = 0; i < 8; i++)
		pairs[i] = (struct msc_pair){ 0, i, TAG, 0, false };
	for (unsigned more = 0; more < 2; more++) {
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		for (unsigned i = 0; i < 8 + more; i++)
			see(&e, i, TAG, 0, 0);
		causes = find(pairs, &entry, 1, &e);
		assert_int_equal(causes.count, 1);
		assert_int_equal(causes.list[0].shows, 8 + more);
		assert_int_equal(causes.list[0].confidence, more ? MSC_LIKELY : MSC_CERTAIN);
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

/* Of those that nothing tells apart the one that shows in more of the cases that did not run. */
static void ties_have_an_order(void **unused)
{
	static const struct msc_pair pairs[] = { { 0, 0, TAG, 0, false },
						 { 0, 0, TAG, 0, false },
						 { 0, 0, TAG, 0, false },
						 { 0, 4, TAG, 0, false } };
	static const struct msc_entry entries[] = { { "csw-12", 0, 1, 0, { 0 }, NULL },
						    { "csw-tag", 1, 1, 0, { 0 }, NULL },
						    { "csw-padded", 2, 2, 0, { 0 }, NULL } };
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	see(&e, 0, TAG, 0, 0);
	causes = find(pairs, entries, MSC_COUNT(entries), &e);
	assert_int_equal(causes.count, 1);
	assert_string_equal(causes.list[0].id, "csw-tag"); /* it is about the rule */
	assert_int_equal(causes.list[0].n_ties, 2);
	assert_string_equal(causes.list[0].ties[0]->id, "csw-padded");
	assert_string_equal(causes.list[0].ties[1]->id, "csw-12");
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* A command that is refused with wrong sense data stands for the rule that goes by the sense data, where that is
 * silent; one that passes and must not does not: then something else is wrong. */
static void what_passes_is_not_refused(void **unused)
{
	static const char *const both[] = { "expect.status", "scsi.lba.refused" };
	static const struct msc_pair pair = { 0, 0, 1, ON(READ_10), false };
	static const struct msc_entry entry = { "last-eight-alone", 0, 1, 0, { 0 }, NULL };
	const struct msc_dictionary d = { names, MSC_COUNT(names), both, 2,
					  &pair, &entry,           1,    { { 0 } } };

	(void)unused;
	for (unsigned passed = 0; passed < 2; passed++) {
		struct msc_err err = MSC_ERR_INIT;
		char message[80];
		struct msc_finding found = { .severity = MSC_FAIL,
					     .rule = &msc_rule_expect_status,
					     .command = ON(READ_10),
					     .message = message };
		const struct msc_findings findings = { &found, 1, 1 };
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		snprintf(message, sizeof message, "%s",
			 passed ? MSC_STATED_PASSED
				: "the command ended with another bCSWStatus than it must");
		assert_int_equal(msc_evidence_add(&e, names[0], &findings, &err), 0);
		assert_int_equal(msc_causes_find(&d, &e, MSC_PROFILE_USBIF, &causes, &err), 0);
		assert_int_equal(causes.count, !passed);
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_sent_is_not_missing),
		cmocka_unit_test(what_lies_on_the_medium_is_not_missed),
		cmocka_unit_test(one_command_is_not_the_whole_of_it),
		cmocka_unit_test(what_others_explain_is_not_certain),
		cmocka_unit_test(what_is_left_over_casts_doubt),
		cmocka_unit_test(what_is_seen_elsewhere_casts_doubt),
		cmocka_unit_test(ties_have_an_order),
		cmocka_unit_test(what_passes_is_not_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
