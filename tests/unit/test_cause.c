/* SPDX-License-Identifier: BSD-2-Clause */
/* Causes: the search, on a dictionary of a few lines; test_cause_catalogue.c has the true one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cause_trial.h"

/* ---- a small dictionary ------------------------------------------------------------------------ */

static const char *const names[] = { "a.b.one", "a.b.two", "c.d.one", "c.d.two" };
static const char *const rules[] = { "bot.csw.length", "bot.csw.signature", "bot.csw.tag",
				     "bot.residue.in", "expect.status" };
enum { LENGTH, SIGNATURE, TAG, RESIDUE, STATUS };

static const struct msc_pair pairs[] = {
	{ 0, 0, LENGTH, 0, false }, { 0, 1, LENGTH, 0, false },		 /* csw-12 */
	{ 0, 0, LENGTH, 0, false }, { 0, 1, LENGTH, 0, false },		 /* csw-padded */
	{ 0, 0, TAG, 0, false },       { 0, 1, TAG, 0, false },
	{ 0, 2, TAG, 0, false },       { 0, 3, TAG, 0, false }, /* csw-tag */
	{ 0, 2, RESIDUE, 0, false },				 /* residue-zero */
	{ 0, 0, SIGNATURE, 0, false },				 /* stm32 */
};
static const struct msc_entry entries[] = {
	{ "csw-12", 0, 2, 1, { 1 }, NULL },	    { "csw-padded", 2, 2, 0, { 0 }, NULL },
	{ "csw-tag", 4, 4, 1, { 3 }, NULL },	    { "residue-zero", 8, 1, 0, { 0 }, NULL },
	{ "stm32", 9, 1, 0, { 0 }, NULL },
};
static const struct msc_dictionary small = {
	names, MSC_COUNT(names), rules, MSC_COUNT(rules), pairs, entries, MSC_COUNT(entries),
	{ { 0 } },
};

static const struct msc_rule *rule(const char *id)
{
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_rule *r = msc_rule_find(id, &err);

	assert_non_null(r);
	return r;
}

/* A case with one finding of each of the rules. */
static void add(struct msc_evidence *e, const char *name, const char *first, const char *second)
{
	struct msc_finding list[2] = { { .severity = MSC_FAIL }, { .severity = MSC_FAIL } };
	struct msc_findings findings = { list, 0, 2 };
	struct msc_err err = MSC_ERR_INIT;

	if (first)
		list[findings.count++].rule = rule(first);
	if (second)
		list[findings.count++].rule = rule(second);
	assert_int_equal(msc_evidence_add(e, name, &findings, &err), 0);
}

static struct msc_causes find(const struct msc_evidence *e)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	assert_int_equal(msc_causes_find(&small, e, MSC_PROFILE_USBIF, &causes, &err), 0);
	return causes;
}

static void nothing_has_no_cause(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[0], NULL, NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 0);
	assert_int_equal(causes.findings, 0);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

static void ties_are_named(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[0], rules[LENGTH], NULL);
	add(&e, names[1], rules[LENGTH], NULL);
	add(&e, names[2], NULL, NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 1);
	assert_string_equal(causes.list[0].id, "csw-12");
	assert_int_equal(causes.list[0].n_ties, 1);
	assert_string_equal(causes.list[0].ties[0]->id, "csw-padded");
	assert_int_equal(causes.list[0].confidence, MSC_LIKELY);
	assert_int_equal(causes.list[0].explains, 2);
	assert_int_equal(causes.list[0].cases, 2);
	assert_string_equal(causes.list[0].alone, names[1]);
	assert_true(causes.list[0].alone_is_sure);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

#define IN_READ(name) { 0, name, TAG, 0x29, false }
/* What a fault shows on one command in each of several cases is not what was found on another. */
static void the_command_is_that_of_the_fault(void **unused)
{
	static const struct msc_pair on_read[] = { IN_READ(0), IN_READ(1), IN_READ(2) };
	static const struct msc_entry entry[] = { { "csw-tag", 0, 3, 1, { 0 }, NULL } };
	const struct msc_dictionary d = {
		names, MSC_COUNT(names), rules, MSC_COUNT(rules), on_read, entry, 1, { { 0 } }
	};

	(void)unused;
	for (unsigned inquiry = 0; inquiry < 2; inquiry++) {
		struct msc_finding found = { .severity = MSC_FAIL,
					     .rule = rule(rules[TAG]),
					     .command = inquiry ? 0x13 : 0x29 };
		struct msc_findings findings = { &found, 1, 1 };
		struct msc_evidence e = { NULL };
		struct msc_err err = MSC_ERR_INIT;
		struct msc_causes causes;

		assert_int_equal(msc_evidence_add(&e, names[0], &findings, &err), 0);
		assert_int_equal(msc_causes_find(&d, &e, MSC_PROFILE_USBIF, &causes, &err), 0);
		assert_int_equal(causes.count, !inquiry);
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

static void two_causes_share_a_case(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	for (int i = 0; i < 4; i++)
		add(&e, names[i], rules[TAG], i == 2 ? rules[RESIDUE] : NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 2);
	assert_string_equal(causes.list[0].id, "csw-tag");
	assert_int_equal(causes.list[0].confidence, MSC_CERTAIN);
	assert_string_equal(causes.list[1].id, "residue-zero");
	assert_int_equal(causes.findings, 5);
	assert_int_equal(causes.unexplained, 0);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* What should have been seen, and was not, where the case ran; a case that did not says nothing. */
static void missing_is_told(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[0], rules[TAG], NULL);
	add(&e, names[1], rules[TAG], NULL);
	add(&e, names[2], NULL, NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 1);
	assert_int_equal(causes.list[0].shows, 3);
	assert_int_equal(causes.list[0].shown, 2);
	assert_int_equal(causes.list[0].n_missing, 1);
	assert_string_equal(causes.list[0].missing[0].name, names[2]);
	assert_string_equal(causes.list[0].missing[0].rule, rules[TAG]);
	assert_int_equal(causes.list[0].confidence, MSC_LIKELY);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* It is not claimed: one finding of many that ran clean, a rule that no entry has, a case that none has
 * it in. */
static void what_does_not_fit_is_left(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[0], rules[TAG], "bot.maxlun.range");
	add(&e, names[1], NULL, NULL);
	add(&e, names[2], NULL, NULL);
	add(&e, names[3], NULL, NULL);
	add(&e, "x.y.z", rules[RESIDUE], NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 0);
	assert_int_equal(causes.unexplained, 3);
	assert_int_equal(causes.of[0], -1);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* Another case altogether, where the rule is the fault's own and the fault has been named. */
static void its_own_rule_elsewhere(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[2], rules[RESIDUE], NULL);
	add(&e, "x.y.z", rules[RESIDUE], NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 1);
	assert_int_equal(causes.list[0].explains, 2);
	assert_int_equal(causes.unexplained, 0);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* A cause that is merely possible comes behind one that is sure, however much it explains. */
static void the_surest_is_named_first(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[0], rules[TAG], rules[TAG]);
	add(&e, names[1], rules[STATUS], NULL);
	add(&e, names[2], rules[RESIDUE], NULL);
	add(&e, names[3], rules[STATUS], NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 2);
	assert_string_equal(causes.list[0].id, "residue-zero");
	assert_int_equal(causes.list[0].confidence, MSC_LIKELY);
	assert_string_equal(causes.list[1].id, "csw-tag");
	assert_int_equal(causes.list[1].confidence, MSC_POSSIBLE);
	assert_int_equal(causes.list[1].explains, 2);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

static void add_message(struct msc_evidence *e, const char *name, char *message)
{
	struct msc_finding one = { .rule = rule("firmware.misuse"),
				   .severity = MSC_FAIL,
				   .message = message };
	struct msc_findings findings = { &one, 1, 1 };
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_evidence_add(e, name, &findings, &err), 0);
}

/* Values make no difference to what was seen, other words do: a finding of the same rule is left. */
static void another_form_is_left(void **unused)
{
	static const char *const one[] = { "firmware.misuse" };
	static const struct msc_entry entry[] = { { "endpoint-armed-twice", 0, 1, 0, { 0 }, NULL } };
	struct msc_pair pair[] = { { 0, 0, 0, 0, false } };
	const struct msc_dictionary dictionary = { names, MSC_COUNT(names), one, 1, pair, entry,
						   1,     { { 0 } } };
	char busy[] = "ep_transmit: endpoint 0x81 is busy",
	     other[] = "ep_transmit: endpoint 0x2 is busy",
	     opened[] = "ep_receive: endpoint 0x1 was never opened";
	struct msc_evidence e = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	(void)unused;
	add_message(&e, names[0], busy);
	add_message(&e, names[1], opened);
	add_message(&e, names[2], other);
	pair[0].forms = e.seen[0].forms;
	assert_int_equal(e.seen[2].forms, e.seen[0].forms);
	assert_int_not_equal(e.seen[1].forms, e.seen[0].forms);
	assert_int_equal(msc_causes_find(&dictionary, &e, MSC_PROFILE_USBIF, &causes, &err), 0);
	assert_int_equal(causes.count, 1);
	assert_int_equal(causes.list[0].explains, 2);
	assert_int_equal(causes.unexplained, 1);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* Another case of the same kind, beside one that fits: a device that no model is like. */
static void nothing_is_another_form_than_a_number(void **unused)
{
	struct msc_evidence e = { NULL };

	(void)unused;
	add_message(&e, names[0], (char[]){ "dCSWDataResidue is 0" });
	add_message(&e, names[1], (char[]){ "dCSWDataResidue is 512" });
	add_message(&e, names[2], (char[]){ "dCSWDataResidue is 8" });
	assert_int_equal(e.seen[1].forms, e.seen[2].forms);
	assert_int_not_equal(e.seen[0].forms, e.seen[1].forms);
	msc_evidence_clear(&e);
}

static void another_case_of_the_kind(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[2], rules[RESIDUE], NULL);
	add(&e, "c.d.three", rules[RESIDUE], NULL);
	add(&e, "e.f.four", "bot.csw.tag", NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 1);
	assert_string_equal(causes.list[0].id, "residue-zero");
	assert_int_equal(causes.list[0].explains, 2);
	assert_int_equal(causes.unexplained, 1);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* A firmware's own ways are no fault, and come last. */
static void a_firmware_as_it_is(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[0], rules[SIGNATURE], NULL);
	add(&e, names[2], rules[RESIDUE], NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 2);
	assert_string_equal(causes.list[0].id, "residue-zero");
	assert_null(causes.list[1].fault);
	assert_string_equal(causes.list[1].firmware->name, "stm32");
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* A capture has no cases: the rule alone speaks. */
static void without_cases(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, NULL, rules[RESIDUE], NULL);
	add(&e, NULL, rules[RESIDUE], NULL);
	causes = find(&e);
	assert_int_equal(e.n_seen, 1);
	assert_int_equal(causes.count, 1);
	assert_string_equal(causes.list[0].id, "residue-zero");
	assert_int_equal(causes.list[0].explains, 2);
	assert_null(causes.list[0].alone);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

#define ON(name) (MSC_OP_##name + 1)

static struct msc_causes find_in(const struct msc_pair *pairs_of, const struct msc_evidence *e)
{
	static const struct msc_entry two[] = { { "csw-12", 0, 2, 0, { 0 }, NULL },
						{ "csw-padded", 2, 2, 0, { 0 }, NULL } };
	const struct msc_dictionary dictionary = {
		names, MSC_COUNT(names), rules, MSC_COUNT(rules), pairs_of, two, 2, { { 0 } }
	};
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	assert_int_equal(msc_causes_find(&dictionary, e, MSC_PROFILE_USBIF, &causes, &err), 0);
	return causes;
}

/* One that shows on VERIFY(10) alone is no name for what READ(10) has shown, not even as a tie. */
static void a_capture_has_the_command(void **unused)
{
	static const struct msc_pair on[] = {
		{ 0, 0, LENGTH, ON(VERIFY_10), false },
		{ 0, 1, LENGTH, ON(VERIFY_10), false },
		{ 0, 0, LENGTH, ON(READ_10), false },
		{ 0, 1, LENGTH, ON(INQUIRY), false },
	};
	struct msc_finding one = { .rule = rule(rules[LENGTH]),
				   .severity = MSC_FAIL,
				   .command = ON(READ_10) };
	const struct msc_findings findings = { &one, 1, 1 };
	struct msc_evidence e = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	(void)unused;
	assert_int_equal(msc_evidence_add(&e, NULL, &findings, &err), 0);
	causes = find_in(on, &e);
	assert_int_equal(causes.count, 1);
	assert_string_equal(causes.list[0].id, "csw-padded");
	assert_int_equal(causes.list[0].n_ties, 0);
	msc_causes_clear(&causes);
	one.command = 0; /* found on no command, too: that leaves both */
	assert_int_equal(msc_evidence_add(&e, NULL, &findings, &err), 0);
	causes = find_in(on, &e);
	assert_int_equal(causes.list[0].n_ties, 1);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* The device refuses VERIFY(10): the case that sends it ran, and could not show anything. */
static void what_is_refused_is_not_missing(void **unused)
{
	static const struct msc_pair on[] = {
		{ 0, 0, LENGTH, ON(READ_10), false },
		{ 0, 1, LENGTH, ON(VERIFY_10), false },
		{ 0, 2, TAG, 0, false },
		{ 0, 3, TAG, 0, false },
	};
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[0], rules[LENGTH], NULL);
	add(&e, names[1], rules[SIGNATURE], NULL);
	causes = find_in(on, &e);
	assert_int_equal(causes.list[0].n_missing, 1);
	msc_causes_clear(&causes);
	msc_commands_add(&e.refused, MSC_OP_VERIFY_10);
	causes = find_in(on, &e);
	assert_int_equal(causes.list[0].shows, 1);
	assert_int_equal(causes.list[0].n_missing, 0);
	msc_causes_clear(&causes);
	msc_commands_add(&e.taken, MSC_OP_VERIFY_10); /* now and then it does know it */
	causes = find_in(on, &e);
	assert_int_equal(causes.list[0].n_missing, 1);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* ---- the true one ------------------------------------------------------------------------------ */

static void the_table_is_in_order(void **unused)
{
	const struct msc_dictionary *d = &msc_dictionary;
	struct msc_err err = MSC_ERR_INIT;
	size_t faults = 0;

	(void)unused;
	for (size_t i = 1; i < d->n_names; i++)
		assert_true(strcmp(d->names[i - 1], d->names[i]) < 0);
	for (size_t i = 0; i < d->n_rules; i++) {
		assert_true(i == 0 || strcmp(d->rules[i - 1], d->rules[i]) < 0);
		assert_non_null(msc_rule_find(d->rules[i], &err));
	}
	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f)); faults++) {
		const struct msc_entry *e = NULL;

		for (size_t i = 0; i < d->n_entries; i++)
			if (!strcmp(d->entries[i].id, f->id))
				e = &d->entries[i];
		assert_non_null(e);
		assert_true(e->n > 0);
		assert_true(f->mistake && *f->mistake);
	}
	assert_true(d->n_entries > faults);
}

/* What a fault's own rule finds in cases where no model shows it speaks for the fault. */
static void its_own_rule_elsewhere_makes_sure(void **unused)
{
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	add(&e, names[0], rules[TAG], NULL);
	for (int i = 1; i < 4; i++)
		add(&e, names[i], NULL, NULL);
	add(&e, "a.b.three", rules[TAG], NULL);
	add(&e, "a.b.four", rules[TAG], NULL);
	add(&e, "a.b.five", rules[TAG], NULL);
	causes = find(&e);
	assert_int_equal(causes.count, 1);
	assert_string_equal(causes.list[0].id, "csw-tag");
	assert_int_equal(causes.list[0].shown, 4);
	assert_int_equal(causes.list[0].shows, 7);
	assert_int_equal(causes.list[0].n_missing, 3);
	assert_int_equal(causes.list[0].confidence, MSC_LIKELY);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_own_rule_elsewhere_makes_sure),
		cmocka_unit_test(nothing_has_no_cause),
		cmocka_unit_test(ties_are_named),
		cmocka_unit_test(the_command_is_that_of_the_fault),
		cmocka_unit_test(two_causes_share_a_case),
		cmocka_unit_test(missing_is_told),
		cmocka_unit_test(what_does_not_fit_is_left),
		cmocka_unit_test(the_surest_is_named_first),
		cmocka_unit_test(another_form_is_left),
		cmocka_unit_test(nothing_is_another_form_than_a_number),
		cmocka_unit_test(another_case_of_the_kind),
		cmocka_unit_test(its_own_rule_elsewhere),
		cmocka_unit_test(a_firmware_as_it_is),
		cmocka_unit_test(without_cases),
		cmocka_unit_test(a_capture_has_the_command),
		cmocka_unit_test(what_is_refused_is_not_missing),
		cmocka_unit_test(the_table_is_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
