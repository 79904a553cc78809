/* SPDX-License-Identifier: BSD-2-Clause */
/* Causes: when one is called certain, and what is held against an entry that was not seen everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cause_trial.h"
#include "wire/scsi.h"

#define CASES 10

static const char *const names[CASES] = { "a.b.a", "a.b.b", "a.b.c", "a.b.d", "a.b.e",
					  "a.b.f", "a.b.g", "a.b.h", "a.b.i", "a.b.j" };

static const struct msc_rule *rule(const char *id)
{
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_rule *r = msc_rule_find(id, &err);

	assert_non_null(r);
	return r;
}

/* So many of the cases find it, on that command, in one form or two. */
static void see(struct msc_evidence *e, const char *id, unsigned cases, unsigned forms,
		uint8_t opcode)
{
	struct msc_finding list[] = { { .rule = rule(id),
					.severity = MSC_FAIL,
					.message = (char[]){ "it is busy" },
					.command = (uint16_t)(opcode + 1) },
				      { .rule = rule(id),
					.severity = MSC_FAIL,
					.message = (char[]){ "it was never opened" },
					.command = (uint16_t)(opcode + 1) } };
	struct msc_err err = MSC_ERR_INIT;

	for (unsigned i = 0; i < CASES; i++) {
		struct msc_findings findings = { list, i < cases ? forms : 0, 2 };

		assert_int_equal(msc_evidence_add(e, names[i], &findings, &err), 0);
	}
}

static struct msc_causes find(const char *const *rules, size_t n_rules,
			      const struct msc_pair *pairs, const struct msc_entry *entries,
			      size_t n, const struct msc_evidence *e)
{
	const struct msc_dictionary d = {
		names, CASES, rules, n_rules, pairs, entries, n, { { 0 } }
	};
	struct msc_err err = MSC_ERR_INIT;
	struct msc_causes causes;

	assert_int_equal(msc_causes_find(&d, e, MSC_PROFILE_USBIF, &causes, &err), 0);
	return causes;
}

/* Nine tenths of what it shows, nothing else that shows the same, and something of it just as the dictionary has it: form,
 * command, and no other form beside it. */
static void certain_is_not_said_lightly(void **unused)
{
	static const struct {
		const char *rule, *fault;
		unsigned seen, forms;
		uint8_t command;
		size_t rivals;
		enum msc_confidence want;
	} rows[] = {
		{ "bot.csw.tag", "csw-tag", 10, 1, MSC_OP_READ_10, 0, MSC_CERTAIN },
		{ "bot.csw.tag", "csw-tag", 9, 1, MSC_OP_READ_10, 0, MSC_CERTAIN },
		{ "bot.csw.tag", "csw-tag", 8, 1, MSC_OP_READ_10, 0, MSC_LIKELY },
		{ "bot.csw.tag", "csw-tag", 5, 1, MSC_OP_READ_10, 0, MSC_LIKELY },
		{ "bot.csw.tag", "csw-tag", 4, 1, MSC_OP_READ_10, 0, MSC_POSSIBLE },
		{ "bot.csw.tag", "csw-tag", 10, 1, MSC_OP_READ_10, 1, MSC_LIKELY }, /* a tie */
		{ "bot.csw.tag", "csw-tag", 10, 2, MSC_OP_READ_10, 0, MSC_LIKELY },
		{ "scsi.eject.returns", "eject-returns", 10, 1, MSC_OP_READ_10, 0,
		  MSC_LIKELY }, /* the rule is doubtful */
		{ "bot.residue.in", "csw-tag", 10, 1, MSC_OP_READ_10, 0,
		  MSC_LIKELY }, /* and this one is not the fault's own */
	};
	struct msc_pair pairs[2 * CASES];

	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		const struct msc_entry entries[] = {
			{ rows[i].fault, 0, CASES, 0, { 0 }, NULL },
			{ "csw-tag-swapped", CASES, CASES, 0, { 0 }, NULL },
		};
		struct msc_evidence e = { NULL }, first = { NULL };
		struct msc_causes causes;

		see(&first, rows[i].rule, 1, 1, MSC_OP_READ_10);
		for (uint16_t p = 0; p < 2 * CASES; p++)
			pairs[p] = (struct msc_pair){ first.seen[0].forms, p % CASES, 0,
						      MSC_OP_READ_10 + 1, false };
		see(&e, rows[i].rule, rows[i].seen, rows[i].forms, rows[i].command);
		causes = find(&rows[i].rule, 1, pairs, entries, 1 + rows[i].rivals, &e);
		assert_int_equal(causes.count, 1);
		assert_string_equal(causes.list[0].id, rows[i].fault);
		if (causes.list[0].confidence != rows[i].want)
			fail_msg("row %zu is %s", i,
				 msc_confidence_names[causes.list[0].confidence]);
		msc_causes_clear(&causes);
		msc_evidence_clear(&first);
		msc_evidence_clear(&e);
	}
}

/* In one of the cases it shows another form as well: seen nowhere, it speaks for a defect that is part of this one. */
static void certain_wants_each_form(void **unused)
{
	static const char *const of[] = { "bot.csw.tag" };
	static const struct msc_entry entry = { "csw-tag", 0, CASES, 0, { 0 }, NULL };

	(void)unused;
	for (unsigned seen = 1; seen <= 2; seen++) {
		struct msc_pair pairs[CASES];
		struct msc_evidence e = { NULL }, both = { NULL };
		struct msc_causes causes;

		see(&both, of[0], 1, 2, MSC_OP_READ_10);
		see(&e, of[0], CASES, seen, MSC_OP_READ_10);
		for (uint16_t p = 0; p < CASES; p++)
			pairs[p] = (struct msc_pair){ p ? e.seen[0].forms : both.seen[0].forms, p,
						      0, MSC_OP_READ_10 + 1, false };
		causes = find(of, 1, pairs, &entry, 1, &e);
		assert_int_equal(causes.count, 1);
		assert_int_equal(causes.list[0].confidence, seen == 2 ? MSC_CERTAIN : MSC_LIKELY);
		msc_causes_clear(&causes);
		msc_evidence_clear(&both);
		msc_evidence_clear(&e);
	}
}

/* In every case the fault shows it on one command; what was found on another has another cause. */
static void another_command_is_not_explained(void **unused)
{
	static const char *const of[] = { "bot.csw.tag" };
	static const struct msc_entry entry = { "csw-tag", 0, CASES, 0, { 0 }, NULL };
	struct msc_pair pairs[CASES];
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	see(&e, of[0], CASES, 1, MSC_OP_WRITE_10);
	for (uint16_t p = 0; p < CASES; p++)
		pairs[p] = (struct msc_pair){ e.seen[0].forms, p, 0, MSC_OP_READ_10 + 1, false };
	causes = find(of, 1, pairs, &entry, 1, &e);
	assert_int_equal(causes.count, 0);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* A toggle that was left wrong shows by chance in half of the places: it is named before a defect of which as much was seen, and
 * less is missing. */
static void a_toggle_shows_in_half_of_the_places(void **unused)
{
	static const char *const of[] = { "usb.halt.recover" };
	static const struct msc_entry entries[] = {
		{ "halt-feature-sticks", 0, 6, 0, { 0 }, NULL },
		{ "toggle-kept", 6, CASES, 0, { 0 }, NULL },
	};
	struct msc_pair pairs[6 + CASES];
	struct msc_evidence e = { NULL };
	struct msc_causes causes;

	(void)unused;
	for (uint16_t p = 0; p < 6 + CASES; p++)
		pairs[p] = (struct msc_pair){ 0, p < 6 ? p : p - 6, 0, 0, false };
	see(&e, of[0], 4, 1, MSC_OP_TEST_UNIT_READY);
	causes = find(of, 1, pairs, entries, 2, &e);
	assert_int_equal(causes.count, 1);
	assert_string_equal(causes.list[0].id, "toggle-kept");
	assert_int_equal(causes.list[0].confidence, MSC_POSSIBLE);
	msc_causes_clear(&causes);
	msc_evidence_clear(&e);
}

/* READ FORMAT CAPACITIES that takes long is no reason why INQUIRY does. */
static void each_command_has_its_own_time(void **unused)
{
	static const char *const of[] = { "attach.time" };
	static const struct msc_entry entries[] = { { "answer-slow", 0, 1, 0, { 0 }, NULL } };
	static const struct msc_pair pair = { 0, 0, 0, MSC_OP_READ_FORMAT_CAPACITIES + 1 };
	static const uint8_t commands[] = { MSC_OP_INQUIRY, MSC_OP_READ_FORMAT_CAPACITIES };

	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(commands); i++) {
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		see(&e, of[0], 1, 1, commands[i]);
		causes = find(of, 1, &pair, entries, 1, &e);
		assert_int_equal(causes.count, i);
		assert_int_equal(causes.unexplained, 1 - i);
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

/* Where the sense data is wrong as well, what goes by it cannot speak: expect.status is found in its place, on that command. */
static void what_goes_by_sense_data_has_a_stand_in(void **unused)
{
	static const char *const rules[] = { "expect.status", "scsi.lba.refused" };
	static const struct msc_entry entries[] = { { "capacity-count", 0, CASES, 0, { 0 }, NULL } };
	static const uint8_t commands[] = { MSC_OP_WRITE_10, MSC_OP_READ_10 };
	struct msc_pair pairs[CASES];

	(void)unused;
	for (uint16_t p = 0; p < CASES; p++)
		pairs[p] = (struct msc_pair){ 1, p, 1, MSC_OP_READ_10 + 1, false };
	for (size_t i = 0; i < MSC_COUNT(commands); i++) {
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		see(&e, "expect.status", CASES, 1, commands[i]);
		causes = find(rules, 2, pairs, entries, 1, &e);
		assert_int_equal(causes.count, i);
		assert_int_equal(causes.unexplained, i ? 0 : CASES);
		for (size_t c = 0; c < causes.count; c++)
			assert_int_equal(causes.list[c].n_missing, 0);
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

/* A CBW of a wrong length that is executed opens the endpoints too early as well. Where it was refused, and they open too
 * early all the same, that is a defect of its own. */
static void what_follows_needs_what_it_follows(void **unused)
{
	static const char *const rules[] = { "bot.cbw.invalid", "bot.cbw.persist" };
	static const struct msc_pair pairs[] = { { 0, 0, 0, 0, false }, { 0, 0, 1, 0, false },
						 { 0, 1, 0, 0, false }, { 0, 1, 1, 0, false },
						 { 0, 0, 1, 0, false }, { 0, 1, 1, 0, false } };
	static const struct msc_entry entries[] = {
		{ "cbw-length-unchecked", 0, 4, 0, { 0 }, NULL },
		{ "halt-lost", 4, 2, 0, { 0 }, NULL },
	};
	struct msc_finding list[] = { { .rule = rule(rules[1]), .severity = MSC_FAIL },
				      { .rule = rule(rules[0]), .severity = MSC_FAIL } };
	struct msc_err err = MSC_ERR_INIT;

	(void)unused;
	for (size_t refused = 0; refused < 2; refused++) {
		struct msc_evidence e = { NULL };
		struct msc_causes causes;

		for (size_t i = 0; i < 2; i++) {
			struct msc_findings findings = { list, i < refused ? 1 : 2, 2 };

			assert_int_equal(msc_evidence_add(&e, names[i], &findings, &err), 0);
		}
		causes = find(rules, 2, pairs, entries, 2, &e);
		assert_int_equal(causes.count, 1 + refused);
		assert_int_equal(causes.unexplained, 0);
		assert_string_equal(causes.list[0].id, "cbw-length-unchecked");
		msc_causes_clear(&causes);
		msc_evidence_clear(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certain_is_not_said_lightly),
		cmocka_unit_test(certain_wants_each_form),
		cmocka_unit_test(another_command_is_not_explained),
		cmocka_unit_test(a_toggle_shows_in_half_of_the_places),
		cmocka_unit_test(each_command_has_its_own_time),
		cmocka_unit_test(what_goes_by_sense_data_has_a_stand_in),
		cmocka_unit_test(what_follows_needs_what_it_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
