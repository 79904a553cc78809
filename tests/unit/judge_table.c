/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a table of rules: see judge_table.h. */
#include "judge_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct judged {
	enum msc_profile profile;
	struct msc_findings findings;
};

static void judge_record(void *user, const struct msc_record *r)
{
	struct judged *j = user;
	struct msc_err err = MSC_ERR_INIT;

	if (msc_judge(r, j->profile, &j->findings, &err))
		fail_msg("%s", err.msg);
}

static struct msc_findings findings_of(const char *script, enum msc_profile profile)
{
	struct judged j = { .profile = profile };
	struct make m = { .done = judge_record, .user = &j };

	make_records(&m, script);
	make_end(&m);
	return j.findings;
}

static char *ids_of(const struct msc_findings *f)
{
	char *text = calloc(f->count + 1, 40);

	assert_non_null(text);
	for (size_t i = 0; i < f->count; i++) {
		strncat(text, f->list[i].rule->id, 38);
		strcat(text, " ");
	}
	return text;
}

char *judge_script(const char *script, enum msc_profile profile)
{
	struct msc_findings f = findings_of(script, profile);
	char *ids = ids_of(&f);

	msc_findings_clear(&f);
	return ids;
}

static void same(const struct judge_row *row, const char *what, const char *want, const char *have)
{
	if (want && (!have || strcmp(want, have) != 0))
		fail_msg("%s: %s is '%s', not '%s'\n%s", row->rule, what, have ? have : "(none)",
			 want, row->bad);
}

void judge_conforming(const char *const *scripts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (int p = 0; p < MSC_PROFILES; p++) {
			char *ids = judge_script(scripts[i], (enum msc_profile)p);

			if (*ids)
				fail_msg("a good record gave %s\n%s", ids, scripts[i]);
			free(ids);
		}
}

static void judge_bad(const struct judge_row *row)
{
	struct msc_findings f = findings_of(row->bad, MSC_PROFILE_SPEC);
	char *ids = ids_of(&f);

	if (f.count != 1 || strcmp(f.list[0].rule->id, row->rule) != 0)
		fail_msg("%s: the bad record gave %s\n%s", row->rule, *ids ? ids : "nothing",
			 row->bad);
	if (!strstr(f.list[0].message, row->message))
		fail_msg("%s: the message is '%s', without '%s'", row->rule, f.list[0].message,
			 row->message);
	same(row, "expected", row->expected, f.list[0].expected);
	same(row, "actual", row->actual, f.list[0].actual);
	if (f.list[0].unsure)
		assert_true(f.list[0].severity < f.list[0].rule->severity[MSC_PROFILE_SPEC]);
	else
		assert_int_equal(f.list[0].severity, f.list[0].rule->severity[MSC_PROFILE_SPEC]);
	assert_true(f.list[0].at_ns > 0);
	assert_true(f.list[0].context[0]);
	free(ids);
	msc_findings_clear(&f);
}

void judge_rows(const struct judge_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].good)
			judge_conforming(&rows[i].good, 1);
		judge_bad(&rows[i]);
	}
}

void judge_coverage(const struct judge_row *rows, size_t count, const char *const *prefixes)
{
	for (size_t i = 0; i < msc_rule_count; i++) {
		const char *id = msc_rules[i]->id;
		bool wanted = false, have = false;

		for (const char *const *p = prefixes; *p; p++)
			wanted |= !strncmp(id, *p, strlen(*p));
		for (size_t k = 0; k < count; k++)
			have |= !strcmp(rows[k].rule, id);
		if (wanted && !have && msc_rules[i]->judge)
			fail_msg("no row for %s", id);
	}
}
