/* SPDX-License-Identifier: BSD-2-Clause */
#include "scenario_bench.h"

#include <glob.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static void copy(char *buf, size_t size, const char *text)
{
	snprintf(buf, size, "%s", text ? text : "");
}

bool case_journal_exists(const struct seen *s)
{
	char pattern[64];
	glob_t found;
	bool exists;

	snprintf(pattern, sizeof pattern, "%s/*.journal", s->dir);
	exists = glob(pattern, 0, NULL, &found) == 0;
	globfree(&found);
	return exists;
}

void case_remove_journal(const struct seen *s)
{
	char pattern[64];
	glob_t found;

	snprintf(pattern, sizeof pattern, "%s/*.journal", s->dir);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	unlink(found.gl_pathv[0]);
	globfree(&found);
}

static void case_end(struct seen *s, const struct msc_event *e)
{
	const struct msc_finding *worst = NULL;

	copy(s->skipped, sizeof s->skipped, e->reason);
	if (s->ends++)
		return;
	s->verdict = e->verdict;
	copy(s->reason, sizeof s->reason, e->reason);
	for (size_t i = 0; i < e->findings->count; i++)
		if (!worst || e->findings->list[i].severity > worst->severity)
			worst = &e->findings->list[i];
	copy(s->rule, sizeof s->rule, worst ? worst->rule->id : "");
	copy(s->expected, sizeof s->expected, worst ? worst->expected : "");
	copy(s->actual, sizeof s->actual, worst ? worst->actual : "");
}

static void on_event(void *user, const struct msc_event *e)
{
	struct seen *s = user;

	switch (e->kind) {
	case MSC_EV_RUN_BEGIN: s->begun = e->device != NULL; break;
	case MSC_EV_ESTIMATE:
		s->will_run = e->cases_total;
		s->low_ns = e->low_ns;
		s->high_ns = e->high_ns;
		break;
	case MSC_EV_CASE_BEGIN: s->begins++; break;
	case MSC_EV_RECORD:
		s->records++;
		s->stated = s->asked;
		s->journal |= case_journal_exists(s);
		break;
	case MSC_EV_NOTE: copy(s->note, sizeof s->note, e->text); break;
	case MSC_EV_CASE_END:
		case_end(s, e);
		break;
	case MSC_EV_RUN_END:
		s->ended = e->summary != NULL;
		copy(s->run, sizeof s->run, e->reason);
		break;
	}
}

static bool stop(void *user)
{
	struct seen *s = user;

	return ++s->asked > s->stop_after && s->stop_after;
}

int case_run_on(struct msc_target *t, const char *yaml, bool allow_writes, struct seen *s)
{
	struct msc_run_options o = { .profile = MSC_PROFILE_USBIF,
				     .allow_writes = allow_writes,
				     .journal_dir = s->dir,
				     .stop = stop,
				     .event = on_event,
				     .user = s };
	struct msc_scenarios all = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	int rc;

	if (msc_scenarios_load_text(&all, "f", yaml, &err) < 0)
		fail_msg("%s", err.msg);
	rc = msc_run(t, &all, &o, &s->summary, &err);
	assert_int_equal(rc < 0, err.code != MSC_OK);
	assert_string_equal(s->run, err.msg);
	assert_true(s->begun && s->ended);
	assert_int_equal(s->begins, all.count);
	assert_int_equal(s->ends, all.count);
	msc_scenarios_free(&all);
	return rc;
}

int case_run(const char *name, const char *yaml, bool allow_writes, struct seen *s)
{
	const struct msc_open_options open = { .allow_writes = allow_writes };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = msc_target_open(name, &open, &err);
	int rc;

	if (!t)
		fail_msg("%s", err.msg);
	rc = case_run_on(t, yaml, allow_writes, s);
	msc_target_close(t);
	return rc;
}

struct msc_target *case_open(const char *name)
{
	const struct msc_open_options open = { .allow_writes = true };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = msc_target_open(name, &open, &err);

	if (!t)
		fail_msg("%s", err.msg);
	return t;
}

struct seen case_fresh(void)
{
	struct seen s = { .dir = "/tmp/mscope-test-XXXXXX" };

	assert_non_null(mkdtemp(s.dir));
	return s;
}

void case_done(const struct seen *s)
{
	if (rmdir(s->dir) < 0)
		fail_msg("%s is not empty", s->dir);
}
