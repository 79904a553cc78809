/* SPDX-License-Identifier: BSD-2-Clause */
/* The judge itself: the oracle of the thirteen cases, the registry of rules, findings, and the
 * words for records. */
#include "judge/judge.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "make_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* ---- the oracle --------------------------------------------------------------------------- */

static const struct {
	const char *script;
	unsigned first, last;
	bool required, possible;
	uint64_t processed;
} cases[] = {
	{"send 000000000000 none 0", 1, 1, false, false, 0},
	{"send 28000000000000000100 none 0", 2, 2, true, true, 0},
	{"send 2a000000000000000100 none 0", 3, 3, true, true, 0},
	{"send 000000000000 in 512", 4, 4, false, false, 0},
	{"send 28000000000000000000 in 512", 4, 4, false, false, 0},
	{"send 28000000000000000100 in 1024", 5, 5, false, false, 512},
	{"send 28000000000000000200 in 1024", 6, 6, false, false, 1024},
	{"send 28000000000000000200 in 512", 7, 7, true, true, 512},
	{"send 2a000000000000000100 in 512", 8, 8, true, true, 0},
	{"send 000000000000 out 512", 9, 9, false, false, 0},
	{"send 2a000000000000000000 out 512", 9, 9, false, false, 0},
	{"send 28000000000000000100 out 512", 10, 10, true, true, 0},
	{"send 2a000000000000000100 out 1024", 11, 11, false, false, 512},
	{"send 2a000000000000000200 out 1024", 12, 12, false, false, 1024},
	{"send 2a000000000000000200 out 512", 13, 13, true, true, 512},
	{"unit disk 70000 512; send 2a000000000000ffff00 out 1", 13, 13, true, true, 1},

	/* intents that are ranges */
	{"send 120000002400 in 36", 6, 6, false, false, 36},
	{"send 120000002400 in 20", 7, 7, true, true, 20},
	{"send 12000000ff00 in 255", 5, 6, false, false, 255},
	{"send 12000000ff00 in 36", 6, 7, false, true, 36},
	{"send 12018000ff00 in 255", 4, 6, false, false, 255},
	{"send 1a003f00c000 in 4", 4, 7, false, true, 4},
	{"send 1a003f00c000 none 0", 1, 2, false, true, 0},
	{"send 1a003f00c000 out 192", 9, 10, false, true, 0},
	{"send 030000001200 in 18", 5, 6, false, false, 18},
	/* ... because the unit may refuse, or must */
	{"unit protected; send 2a000000000000000100 none 0", 1, 3, false, true, 0},
	{"send 28000000ffff00000100 in 512", 4, 6, false, false, 512},
	/* nothing is known of the unit, of the command, or of the CBW's meaning */
	{"unit unknown; send 28000000000000000100 in 512", 0, 0, false, true, 512},
	{"send e10000000000 in 512", 0, 0, false, true, 512},
	{"send 000000000000 none 0; lun 1", 0, 0, false, true, 0},
	{"send 28000000000000000100 in 512; cblength 6", 0, 0, false, true, 512},
	{"send 000000000000 none 0; wrapper 30", 0, 0, false, true, 0},
	/* a scenario states it */
	{"send e10000000000 in 512; means none 0", 4, 4, false, false, 0},
	{"send e10000000000 out 512; means out 1024", 13, 13, true, true, 512},
	{"send e10000000000 in 512; means in 100", 5, 5, false, false, 100},
};

static void the_oracle_knows_the_thirteen_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(cases); i++) {
		struct make m = { 0 };
		struct msc_case c;

		make_records(&m, cases[i].script);
		c = make_last(&m)->u.exchange.view.says.c;
		if (c.first != cases[i].first || c.last != cases[i].last)
			fail_msg("%s: case %u to %u", cases[i].script, c.first, c.last);
		if (c.phase_error_required != cases[i].required ||
		    c.phase_error_possible != cases[i].possible)
			fail_msg("%s: phase error required %d, possible %d", cases[i].script,
				 c.phase_error_required, c.phase_error_possible);
		if (c.processed_max != cases[i].processed)
			fail_msg("%s: processed %llu", cases[i].script,
				 (unsigned long long)c.processed_max);
		make_end(&m);
	}
}

/* ---- the registry ------------------------------------------------------------------------- */

static void check_id(const char *id)
{
	assert_true(strchr(id, '.') != NULL);
	for (const char *p = id; *p; p++)
		if (!islower((unsigned char)*p) && (*p != '.' || p == id || p[-1] == '.' || !p[1]))
			fail_msg("'%s' is not dotted lower case", id);
}

static void check_sentence(const struct msc_rule *rule, const char *text)
{
	if (!text || !*text || text[strlen(text) - 1] == '.' || strstr(text, "  "))
		fail_msg("%s: '%s'", rule->id, text ? text : "");
}

static void every_rule_is_complete(void **state)
{
	(void)state;
	assert_true(msc_rule_count >= 60);
	for (size_t i = 0; i < msc_rule_count; i++) {
		const struct msc_rule *rule = msc_rules[i];
		const enum msc_severity *s = rule->severity;

		check_id(rule->id);
		if (i && strcmp(msc_rules[i - 1]->id, rule->id) >= 0)
			fail_msg("%s comes after %s", rule->id, msc_rules[i - 1]->id);
		check_sentence(rule, rule->title);
		check_sentence(rule, rule->spec);
		check_sentence(rule, rule->why);
		check_sentence(rule, rule->mistake);
		if ((rule->on != 0) != (rule->judge != NULL) || rule->on > 31)
			fail_msg("%s: judged on %u", rule->id, rule->on);
		if (!strncmp(rule->id, "expect.", 7) && rule->on)
			fail_msg("%s: only scenarios raise expect.*", rule->id);
		if (!s[MSC_PROFILE_SPEC] || s[MSC_PROFILE_SPEC] < s[MSC_PROFILE_USBIF])
			if (strcmp(rule->id, "scsi.capacity.block") != 0)
				fail_msg("%s: spec is more lenient than usbif", rule->id);
	}
}

static void rules_and_profiles_are_found_by_name(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	enum msc_profile profile;

	(void)state;
	for (size_t i = 0; i < msc_rule_count; i++)
		assert_ptr_equal(msc_rule_find(msc_rules[i]->id, &err), msc_rules[i]);
	assert_null(msc_rule_find("bot.csw.tga", &err));
	assert_int_equal(err.code, MSC_E_USAGE);
	assert_non_null(strstr(err.msg, "did you mean 'bot.csw.tag'"));

	for (int i = 0; i < MSC_PROFILES; i++) {
		assert_int_equal(msc_profile_parse(msc_profile_names[i], &profile, &err), 0);
		assert_int_equal(profile, i);
	}
	assert_null(msc_profile_names[MSC_PROFILES]);
	err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(msc_profile_parse("strict", &profile, &err), -1);
	assert_int_equal(err.code, MSC_E_USAGE);
	assert_string_equal(err.msg,
			    "no profile called 'strict'; there are spec, usbif and interop");
	assert_string_equal(msc_severity_name(MSC_IGNORE), "ignore");
	assert_string_equal(msc_severity_name(MSC_NOTE), "note");
	assert_string_equal(msc_severity_name(MSC_WARN), "warn");
	assert_string_equal(msc_severity_name(MSC_FAIL), "fail");
}

/* ---- findings ----------------------------------------------------------------------------- */

static void findings_carry_their_evidence(void **state)
{
	struct msc_findings findings = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	struct make m = { 0 };
	const struct msc_finding *f;

	(void)state;
	assert_int_equal(msc_findings_worst(&findings), MSC_IGNORE);
	make_records(&m, "send 28000000000000000100 in 1024; data 512; status 0 512");
	assert_int_equal(msc_judge(make_last(&m), MSC_PROFILE_USBIF, &findings, &err), 0);
	assert_int_equal(findings.count, 1);
	assert_int_equal(msc_findings_worst(&findings), MSC_WARN);
	assert_int_equal(msc_judge_stated(&msc_rule_expect_sense, NULL, m.last, MSC_PROFILE_USBIF,
					  &findings, "5/21/00", "0/00/00", &err, "the sense is %s",
					  "wrong"),
			 0);
	assert_int_equal(msc_judge_stated(&msc_rule_expect_settles, NULL, NULL, MSC_PROFILE_USBIF,
					  &findings, NULL, NULL, &err, "lost"),
			 0);
	assert_int_equal(findings.count, 3);
	assert_int_equal(msc_findings_worst(&findings), MSC_FAIL);

	f = &findings.list[0];
	assert_ptr_equal(f->rule, &msc_rule_bot_data_short);
	assert_string_equal(f->context, "READ(10) lba 0 blocks 1");
	assert_int_equal(f->at_ns, m.last->ended_ns);
	f = &findings.list[1];
	assert_string_equal(f->message, "the sense is wrong");
	assert_string_equal(f->expected, "5/21/00");
	assert_string_equal(f->actual, "0/00/00");
	assert_string_equal(f->context, "READ(10) lba 0 blocks 1");
	f = &findings.list[2];
	assert_null(f->expected);
	assert_null(f->actual);
	assert_string_equal(f->context, "");

	msc_findings_clear(&findings);
	assert_int_equal(findings.count, 0);
	make_end(&m);
}

/* More findings than the list first has room for. */
static void the_list_of_findings_grows(void **state)
{
	struct msc_findings findings = { 0 };
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(msc_judge_stated(&msc_rule_expect_data, NULL, NULL,
						  MSC_PROFILE_SPEC, &findings, NULL, NULL, &err,
						  "%d", i),
				 0);
	assert_int_equal(findings.count, 100);
	assert_string_equal(findings.list[99].message, "99");
	msc_findings_clear(&findings);
}

static void records_have_words(void **state)
{
	static const struct {
		const char *script, *text;
	} table[] = {
		{"send 28000000000000000100 in 512", "READ(10) lba 0 blocks 1"},
		{"send 000000000000 none 0; wrapper 30", "a CBW of 30 bytes"},
		{"send 000000000000 none 0; signature 43425354", "a CBW with signature 43425354h"},
		{"control 80 6 100 0 18 done", "GET_DESCRIPTOR device"},
		{"control 80 6 200 0 9 done", "GET_DESCRIPTOR configuration"},
		{"control 80 6 303 409 255 done", "GET_DESCRIPTOR string 3"},
		{"control 80 6 f00 0 5 done", "GET_DESCRIPTOR type 0Fh"},
		{"control a1 fe 0 0 1 done 00", "Get Max LUN"},
		{"control a1 fe 1 0 1 done 00", "Get Max LUN with wValue 1, wIndex 0, wLength 1"},
		{"control 21 ff 0 0 0 done", "Bulk-Only Reset"},
		{"control 82 0 0 81 2 done 0000", "GET_STATUS endpoint 81h"},
		{"control 80 0 0 0 2 done 0100", "GET_STATUS"},
		{"control 2 1 0 81 0 done", "CLEAR_FEATURE endpoint 81h"},
		{"control c0 55 0 0 8 stall", "request C0h 55h"},
		{"poll in timeout", "a bare transfer on bulk-in (81h)"},
		{"reset recovery", "CLEAR_FEATURE endpoint 02h"},
		{"reset port", "port reset"},
		{"reset config", "SET_CONFIGURATION"},
		{"reset out", "CLEAR_FEATURE endpoint 02h"},
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(table); i++) {
		struct make m = { 0 };
		char text[96];

		make_records(&m, table[i].script);
		assert_string_equal(msc_record_text(text, sizeof text, m.last), table[i].text);
		assert_true(strlen(msc_record_text(text, 8, m.last)) < 8);
		make_end(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oracle_knows_the_thirteen_cases),
		cmocka_unit_test(every_rule_is_complete),
		cmocka_unit_test(rules_and_profiles_are_found_by_name),
		cmocka_unit_test(findings_carry_their_evidence),
		cmocka_unit_test(the_list_of_findings_grows),
		cmocka_unit_test(records_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
