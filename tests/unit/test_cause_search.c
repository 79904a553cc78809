/* SPDX-License-Identifier: BSD-2-Clause */
/* Causes: what an entry explains of a case in which more than it was seen, and the search for the cheapest set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cause_trial.h"
#include "judge/cover.h"
#include "wire/scsi.h"

static const char *const names[] = { "a.b.one", "a.b.two", "c.d.one", "c.d.two" };

static const struct msc_rule *rule(const char *id)
{
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_rule *r = msc_rule_find(id, &err);

	assert_non_null(r);
	return r;
}

static void add_on(struct msc_evidence *e, const char *name, uint8_t first, const char *stated,
		   uint8_t second)
{
	struct msc_finding list[] = {
		{ .rule = rule("scsi.inquiry.strings"),
		  .severity = MSC_NOTE,
		  .command = (uint16_t)(first + 1) },
		{ .rule = rule(stated), .severity = MSC_FAIL, .command = (uint16_t)(second + 1) }
	};
	struct msc_findings findings = { list, 2, 2 };
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_evidence_add(e, name, &findings, &err), 0);
}

/* A note beside which a statement would be silent under another profile explains what is stated of the same command,
 * not of another one, and not what the device was like afterwards. */
static void a_note_explains_its_own_command(void **unused)
{
	static const char *const of[] = { "expect.settles", "expect.status",
					  "scsi.inquiry.strings" };
	static const struct msc_entry entry[] = { { "inquiry-strings", 0, 3, 0, { 0 }, NULL } };
	static const struct msc_pair three[] = { { 0, 0, 2, 0, false },
						 { 0, 1, 2, 0, false },
						 { 0, 2, 2, 0, false } };
	const struct msc_dictionary dictionary = {
		names, MSC_COUNT(names), of, MSC_COUNT(of), three, entry, 1, { { 0 } }
	};
	struct msc_evidence e = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	(void)unused;
	add_on(&e, names[0], MSC_OP_INQUIRY, "expect.status", MSC_OP_INQUIRY);
	add_on(&e, names[1], MSC_OP_INQUIRY, "expect.status", MSC_OP_READ_10);
	add_on(&e, names[2], MSC_OP_INQUIRY, "expect.settles", MSC_OP_INQUIRY);
	assert_int_equal(msc_causes_find(&dictionary, &e, MSC_PROFILE_INTEROP, &causes, &err), 0);
	assert_int_equal(causes.count, 1);
	assert_int_equal(causes.list[0].explains, 4);
	assert_int_equal(causes.of[1], 0);
	assert_int_equal(causes.of[3], -1);
	assert_int_equal(causes.of[5], -1);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* One entry has all that two others have, each a half, and costs more than both. It is the best to begin with, and no single
 * exchange is for the better. */
static void two_that_fit_before_one_that_does_not(void **unused)
{
	int32_t all[] = { 1000, 1000, 1000, 1000 }, first[] = { 1000, 1000, 0, 0 },
		second[] = { 0, 0, 1000, 1000 };
	struct msc_candidate candidates[] = { { 0, 900, all },
					      { 1, 350, first },
					      { 2, 350, second } };
	bool chosen[3];
	struct msc_cover cover = { candidates, 3, 4, chosen };
	struct msc_err err = MSC_ERR_INIT;

	(void)unused;
	assert_int_equal(msc_cover_solve(&cover, &err), 0);
	assert_false(chosen[0]);
	assert_true(chosen[1]);
	assert_true(chosen[2]);
}

/* Three ways of one rule in one case: the entry that has all of them comes before the one that has the first. */
static void all_forms_before_one(void **unused)
{
	static const char *const of[] = { "firmware.misuse" };
	static const struct msc_entry entry[] = { { "csw-12", 0, 1, 0, { 0 }, NULL },
						  { "csw-padded", 1, 1, 0, { 0 }, NULL } };
	struct msc_pair two[] = { { 0, 0, 0, 0, false }, { 0, 0, 0, 0, false } };
	const struct msc_dictionary dictionary = { names, MSC_COUNT(names), of, 1, two, entry,
						   2, { { 0 } } };
	struct msc_finding list[] = { { .rule = rule("firmware.misuse"),
					.severity = MSC_FAIL,
					.message = (char[]){ "it is busy" } },
				      { .rule = rule("firmware.misuse"),
					.severity = MSC_FAIL,
					.message = (char[]){ "it was never opened" } } };
	struct msc_findings findings = { list, 1, 2 };
	struct msc_evidence e = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	(void)unused;
	assert_int_equal(msc_evidence_add(&e, "other", &findings, &err), 0);
	two[0].forms = e.seen[0].forms;
	findings.count = 2;
	assert_int_equal(msc_evidence_add(&e, names[0], &findings, &err), 0);
	two[1].forms = e.seen[1].forms;
	assert_int_not_equal(two[0].forms, two[1].forms);
	assert_int_equal(msc_causes_find(&dictionary, &e, MSC_PROFILE_USBIF, &causes, &err), 0);
	assert_int_equal(causes.count, 1);
	assert_string_equal(causes.list[0].id, "csw-padded");
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* A rule about what a failed command leaves could not look where none has failed: that is no place where the defect is missing. */
static void where_nothing_fails_no_sense_data_is_missing(void **unused)
{
	static const char *const of[] = { "scsi.sense.missing" };
	static const struct msc_entry entry[] = { { "sense-zero", 0, 4, 0, { 0 }, NULL } };
	static const struct msc_pair four[] = { { 0, 0, 0, 0, false },
						{ 0, 1, 0, 0, false },
						{ 0, 2, 0, 0, false },
						{ 0, 3, 0, 0, false } };
	const struct msc_dictionary dictionary = {
		names, MSC_COUNT(names), of, MSC_COUNT(of), four, entry, 1, { { 0 } }
	};
	struct msc_finding found = { .rule = rule("scsi.sense.missing"), .severity = MSC_FAIL };
	struct msc_findings findings = { &found, 1, 1 }, none = { NULL };
	struct msc_record r = { .kind = MSC_RECORD_EXCHANGE,
				.u.exchange = { .command = true, .answered = true } };
	struct msc_evidence e = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	(void)unused;
	for (size_t i = 0; i < 4; i++) {
		r.u.exchange.csw.status = i == 2 ? MSC_CSW_PASSED : MSC_CSW_FAILED;
		msc_evidence_note(&e, &r);
		assert_int_equal(msc_evidence_add(&e, names[i], i < 2 ? &findings : &none, &err),
				 0);
	}
	assert_int_equal(msc_causes_find(&dictionary, &e, MSC_PROFILE_USBIF, &causes, &err), 0);
	assert_int_equal(causes.count, 1);
	assert_int_equal(causes.list[0].shows, 3);
	assert_int_equal(causes.list[0].n_missing, 1);
	assert_string_equal(causes.list[0].missing[0].name, names[3]);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

static void add_missing(struct msc_evidence *e, const char *name, uint8_t opcode)
{
	struct msc_finding found = { .rule = rule("scsi.sense.missing"),
				     .severity = MSC_FAIL,
				     .command = (uint16_t)(opcode + 1) };
	struct msc_findings findings = { &found, 1, 1 };
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_evidence_add(e, name, &findings, &err), 0);
}

/* A fault of one command, which that command shows: what the same rule found on others is not laid to it. */
static void of_one_command_alone(void **unused)
{
	enum { ON_VERIFY = MSC_OP_VERIFY_10 + 1 };
	static const char *const of[] = { "scsi.sense.missing" };
	static const struct msc_entry entry[] = { { "verify-senseless", 0, 3, 0, { 0 }, NULL } };
	static const struct msc_pair three[] = { { 0, 0, 0, ON_VERIFY },
						 { 1, 0, 0, ON_VERIFY },
						 { 2, 0, 0, ON_VERIFY } };
	const struct msc_dictionary dictionary = {
		names, MSC_COUNT(names), of, MSC_COUNT(of), three, entry, 1, { { 0 } }
	};
	struct msc_evidence e = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	(void)unused;
	add_missing(&e, names[0], MSC_OP_VERIFY_10);
	add_missing(&e, names[1], MSC_OP_VERIFY_10);
	add_missing(&e, names[2], MSC_OP_READ_10);
	add_missing(&e, names[3], MSC_OP_READ_10);
	assert_int_equal(msc_causes_find(&dictionary, &e, MSC_PROFILE_USBIF, &causes, &err), 0);
	assert_int_equal(causes.count, 1);
	assert_int_equal(causes.list[0].explains, 2);
	assert_int_equal(causes.unexplained, 2);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_explains_its_own_command),
		cmocka_unit_test(two_that_fit_before_one_that_does_not),
		cmocka_unit_test(all_forms_before_one),
		cmocka_unit_test(where_nothing_fails_no_sense_data_is_missing),
		cmocka_unit_test(of_one_command_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
