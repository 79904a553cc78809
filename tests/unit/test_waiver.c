/* SPDX-License-Identifier: BSD-2-Clause */
/* Known failures: what the file may say, what is let pass, and which waivers fail the run. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "scenario/waivers.h"

#define TODAY 20270131

#define ONE(rule, name, until) \
	"- rule: " rule "\n  case: " name "\n  reason: r\n  until: " until "\n"
#define GOOD ONE("bot.csw.tag", "a.b", "2027-01-31")

static const struct {
	const char *text, *message;
} mistakes[] = {
	{ "", "f:1:1: expected a list of waivers, found nothing" },
	{ "rule: x\n", "f:1:1: expected a list of waivers, found a map" },
	{ GOOD "---\n" GOOD, "f:6:1: expected one list of waivers, found another" },
	{ "- a\n", "f:1:3: expected a waiver as a map, found 'a'" },
	{ "- rulee: x\n",
	  "f:1:3: expected a key of a waiver, found 'rulee'; did you mean 'rule'?" },
	{ ONE("bot.csw.tagg", "a.b", "2027-01-31"),
	  "f:1:9: expected a rule: no rule called 'bot.csw.tagg'; did you mean 'bot.csw.tag'?" },
	{ ONE("[x]", "a.b", "2027-01-31"),
	  "f:1:9: expected the name of a rule for 'rule', found a list" },
	{ ONE("bot.csw.tag", "", "2027-01-31"), "f:2:3: expected text for 'case', found nothing" },
	{ ONE("bot.csw.tag", "a.b", "2027-02-29"),
	  "f:4:10: expected a day such as 2027-01-31 for 'until', found '2027-02-29'" },
	{ ONE("bot.csw.tag", "a.b", "31.1.2027"),
	  "f:4:10: expected a day such as 2027-01-31 for 'until', found '31.1.2027'" },
	{ "- rule: bot.csw.tag\n  case: a.b\n  until: 2027-01-31\n",
	  "f:1:3: expected the key 'reason' in a waiver, found none" },
	{ GOOD GOOD, "f:5:3: expected each rule and case once, found them at line 1 too" },
};

/* What there is to be named. */
static struct msc_scenarios scenarios(void)
{
	struct msc_scenarios all = { NULL };
	struct msc_err err = MSC_ERR_INIT;

	if (msc_scenarios_load_text(&all, "s", "name: a.b\ntitle: t\nspec: [x]\nsteps: [ready]\n",
				    &err) < 0)
		fail_msg("%s", err.msg);
	return all;
}

static struct msc_waivers *load(const char *text, int today, struct msc_err *err)
{
	struct msc_scenarios all = scenarios();
	struct msc_waivers *waivers = msc_waivers_load_text("f", text, today, &all, err);

	msc_scenarios_free(&all);
	return waivers;
}

static void every_mistake_has_its_place(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(mistakes); i++) {
		struct msc_err err = MSC_ERR_INIT;

		assert_null(load(mistakes[i].text, TODAY, &err));
		assert_string_equal(err.msg, mistakes[i].message);
		assert_int_equal(err.code, MSC_E_FORMAT);
	}
}

static void an_empty_list_waives_nothing(void **unused)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_waivers *all = load("[]\n", TODAY, &err);

	(void)unused;
	assert_non_null(all);
	assert_int_equal(all->count, 0);
	assert_int_equal(msc_waivers_stale(all), 0);
	msc_waivers_free(all);
	assert_int_equal(msc_waivers_stale(NULL), 0);
}

static void what_is_named_is_let_pass(void **unused)
{
	struct msc_finding list[] = {
		{ .rule = &msc_rule_bot_csw_tag, .severity = MSC_FAIL },
		{ .rule = &msc_rule_bot_csw_signature, .severity = MSC_FAIL },
		{ .rule = &msc_rule_bot_csw_tag, .severity = MSC_WARN },
		{ .rule = &msc_rule_bot_csw_tag, .severity = MSC_NOTE },
	};
	struct msc_findings found = { list, MSC_COUNT(list), MSC_COUNT(list) };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_waivers *all = load(ONE("bot.csw.tag", "a.*", "2027-01-31"), TODAY, &err);

	(void)unused;
	assert_non_null(all);
	assert_int_equal(msc_waive(all, "c.d", &found), 0);
	assert_int_equal(msc_waiver_state(all, all->list), MSC_WAIVER_UNTRIED);
	assert_int_equal(msc_waive(all, "a.b", &found), 2);
	assert_int_equal(list[0].severity, MSC_NOTE);
	assert_int_equal(list[0].waived, MSC_FAIL);
	assert_string_equal(list[0].waiver->reason, "r");
	assert_int_equal(list[1].severity, MSC_FAIL);
	assert_int_equal(list[2].waived, MSC_WARN);
	assert_null(list[3].waiver);
	assert_int_equal(all->list[0].findings, 2);
	assert_int_equal(all->list[0].cases, 1);
	assert_int_equal(msc_waiver_state(all, all->list), MSC_WAIVER_USED);
	msc_waivers_free(all);
}

static void who_is_of_no_use_is_told(void **unused)
{
	struct msc_finding f = { .rule = &msc_rule_bot_csw_tag, .severity = MSC_FAIL };
	struct msc_findings found = { &f, 1, 1 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_waivers *all = load(GOOD ONE("bot.csw.tag", "x.y", "2027-01-31"), TODAY, &err);
	char text[256];

	(void)unused;
	assert_non_null(all);
	assert_int_equal(msc_waivers_stale(all), 1);
	assert_string_equal(
		msc_waiver_text(text, sizeof text, all, &all->list[1]),
		"f:5:3: the waiver of bot.csw.tag in x.y is unused: there is no case of that name");
	msc_waivers_tried(all, "a.b");
	assert_int_equal(msc_waivers_stale(all), 2);
	msc_waivers_free(all);

	all = load(GOOD, TODAY + 1, &err); /* the day after */
	assert_int_equal(msc_waive(all, "a.b", &found), 0);
	assert_int_equal(msc_waiver_state(all, all->list), MSC_WAIVER_EXPIRED);
	assert_int_equal(msc_waivers_stale(all), 1);
	msc_waivers_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_has_its_place),
		cmocka_unit_test(an_empty_list_waives_nothing),
		cmocka_unit_test(what_is_named_is_let_pass),
		cmocka_unit_test(who_is_of_no_use_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
