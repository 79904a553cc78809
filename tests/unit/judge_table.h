/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a table of rules: for each a record that must give no finding and one that must give
 * exactly that one, in the profile "spec", which is the strictest. */
#ifndef MSC_TEST_JUDGE_TABLE_H
#define MSC_TEST_JUDGE_TABLE_H

#include "judge/judge.h"

struct judge_row {
	const char *rule;
	const char *good, *bad; /* scripts of make_record.h; good may be NULL */
	const char *message;	/* part of the finding's message */
	const char *expected, *actual; /* whole; NULL: not looked at */
};

void judge_rows(const struct judge_row *, size_t count);

/* Scripts that give no finding in any profile: what devices do that is in order. */
void judge_conforming(const char *const *scripts, size_t count);

/* Every rule whose id begins with one of the prefixes (the last is NULL) has a row, unless only
 * scenarios raise it. */
void judge_coverage(const struct judge_row *, size_t count, const char *const *prefixes);

/* Judges every record of a script; returns the ids of the findings, with a blank after each. The
 * caller frees it. */
char *judge_script(const char *script, enum msc_profile);

#endif
