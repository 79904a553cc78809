/* SPDX-License-Identifier: BSD-2-Clause */
/* nosan: every fault goes under them in tests/tool/test_faults.py, captures in test_captures.py */
/* Faults are found from captures alone: every one is run, written down in both forms, packets and
 * transfers, and judged once more from the file. What the file does not show is the table of
 * docs/faults.md, "Not found from a capture", and what it shows and the run did not is the one after it;
 * both have their reasons there. A row that is not true any more fails as much as one that is missing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "capture/capture.h"
#include "capture/recorder.h"
#include "firmware/firmware.h"
#include "judge/judge.h"
#include "run/run.h"

#define DOC	  "docs/faults.md"
#define LOST	  "\n## Not found from a capture\n"
#define GAINED	  "\n## Found in a capture alone\n"
#define RULES_MAX 256

enum form { PACKETS, TRANSFERS, FORMS };
static const char *const form_names[FORMS] = { "packets", "transfers" };

/* They make a host wait for seconds: the packets, most of them NAKs, would fill gigabytes. */
static const char *const slow[] = { "answer-slow", "control-slow", "stall-late" };

struct found {
	bool rule[RULES_MAX];
};

struct taken {
	FILE *out;
	char *file;
	size_t size;
	struct msc_recorder *recorder;
};

static void note(struct found *f, const struct msc_findings *all)
{
	for (size_t i = 0; i < all->count; i++)
		for (size_t n = 0; n < msc_rule_count; n++)
			f->rule[n] |= all->list[i].rule == msc_rules[n];
}

/* ---- the run ------------------------------------------------------------------------------- */

static void on_event(void *user, const struct msc_event *e)
{
	if (e->kind == MSC_EV_CASE_END && e->findings)
		note(user, e->findings);
}

static void take(struct taken *t, enum form form)
{
	struct msc_err err = MSC_ERR_INIT;

	t->out = open_memstream(&t->file, &t->size);
	assert_non_null(t->out);
	t->recorder = msc_recorder_new(t->out, &err);
	assert_non_null(t->recorder);
	if (form == TRANSFERS)
		msc_recorder_transfers(t->recorder);
}

/* Both recorders see the same run: one is told of packets, the other of transfers. */
static struct found run(const char *target, bool writes, enum form from, struct taken taken[FORMS])
{
	char dir[] = "/tmp/mscope-faults-XXXXXX";
	struct msc_open_options open = { .allow_writes = writes };
	struct found live = { { false } };
	const struct msc_run_options o = { .profile = MSC_PROFILE_SPEC,
					   .allow_writes = writes,
					   .journal_dir = dir,
					   .event = on_event,
					   .user = &live };
	struct msc_scenarios all = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_summary summary;
	struct msc_target *t;

	for (enum form f = from; f < FORMS; f++) {
		take(&taken[f], f);
		msc_recorder_prepare(taken[f].recorder, &open);
	}
	t = msc_target_open(target, &open, &err);
	for (enum form f = from; t && f < FORMS; f++)
		if (msc_recorder_attach(taken[f].recorder, t, &err) < 0)
			fail_msg("%s: %s", target, err.msg);
	if (!t || !mkdtemp(dir) || msc_scenarios_load_embedded(&all, &err))
		fail_msg("%s: %s", target, err.msg);
	if (msc_run(t, &all, &o, &summary, &err) < 0)
		assert_int_equal(err.code, MSC_E_GONE);
	msc_target_close(t);
	for (enum form f = from; f < FORMS; f++) {
		assert_int_equal(msc_recorder_end(taken[f].recorder, &err), 0);
		fclose(taken[f].out);
	}
	msc_scenarios_free(&all);
	rmdir(dir);
	return live;
}

/* ---- the file ------------------------------------------------------------------------------ */

static void on_record(void *user, const struct msc_talk *talk, const struct msc_record *r)
{
	struct msc_findings f = { 0 };
	struct msc_err err = MSC_ERR_INIT;

	(void)talk;
	assert_int_equal(msc_judge(r, MSC_PROFILE_SPEC, &f, &err), 0);
	note(user, &f);
	msc_findings_clear(&f);
}

static struct found decode(struct taken *t)
{
	struct found found = { { false } };
	const struct msc_capture_options o = { .record = on_record, .user = &found };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_capture *c = msc_capture_of(t->file, t->size, &o, &err);
	bool over = false;

	if (!c || msc_capture_read(c, SIZE_MAX, &over, &err) < 0)
		fail_msg("%s", err.msg);
	msc_capture_close(c);
	free(t->file);
	return found;
}

/* ---- the table ----------------------------------------------------------------------------- */

/* Rows "| `fault` | `rule` | forms | reason |", all of them in one text. */
static char *read_table(const char *name)
{
	FILE *in = fopen(DOC, "r");
	char *text = calloc(1, 1 << 20), *section, *end;

	assert_non_null(in);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	section = strstr(text, name);
	if (!section)
		fail_msg(DOC " has no section%s", name);
	end = strstr(section + strlen(name), "\n## ");
	if (end)
		end[1] = 0;
	memmove(text, section, strlen(section) + 1);
	return text;
}

/* The row of this fault and rule; used rows are blanked, so that what is left over is wrong. */
static bool use_row(char *table, const char *fault, const char *rule, const char *forms)
{
	char row[256], *at;

	snprintf(row, sizeof row, "\n| `%s` | `%s` | %s | ", fault, rule, forms);
	at = strstr(table, row);
	if (!at || at[strlen(row)] == '|')
		return false;
	at[3] = ' ';
	return true;
}

static size_t count_unused(const char *table)
{
	size_t n = 0;

	for (const char *p = strstr(table, "\n| `"); p; p = strstr(p + 1, "\n| `")) {
		print_message("%s: this is not so any more:%.*s\n", DOC,
			      (int)strcspn(p + 1, "\n") + 1, p);
		n++;
	}
	return n;
}

/* ---- every fault --------------------------------------------------------------------------- */

static bool is_named(const struct msc_fault *f, const char *rule)
{
	const char *at = strstr(f->caught_by, rule);
	size_t len = strlen(rule);

	return at && (at == f->caught_by || at[-1] == ' ') && (!at[len] || at[len] == ' ');
}

/* What a scenario states is no rule of a record's; the rule that the fault names is asked for in any
 * case, and so is each other that found it. */
static bool is_asked(const struct msc_fault *f, size_t n)
{
	return msc_rules[n]->on || is_named(f, msc_rules[n]->id);
}

/* One of the two ways: where the rule is only on this side. */
static size_t compare(const struct msc_fault *f, const char *rule, char *table, bool packets,
		      bool transfers)
{
	const char *forms = packets && transfers ? "both" : form_names[!packets];

	if ((!packets && !transfers) || use_row(table, f->id, rule, forms))
		return 0;
	print_message("%s: no row for %s, %s, in%.*s\n", f->id, rule, forms,
		      (int)strcspn(table + 1, "\n") + 1, table);
	return 1;
}

static bool is_slow(const struct msc_fault *f)
{
	for (size_t i = 0; i < MSC_COUNT(slow); i++)
		if (!strcmp(slow[i], f->id))
			return true;
	return false;
}

static size_t try_fault(const struct msc_fault *f, char *lost, char *gained)
{
	struct taken taken[FORMS];
	struct found live, file[FORMS];
	char target[256];
	size_t wrong = 0;

	snprintf(target, sizeof target, "sim:reference%s%s,fault=%s", f->target ? "," : "",
		 f->target ? f->target : "", f->id);
	live = run(target, f->needs_writes, is_slow(f) ? TRANSFERS : PACKETS, taken);
	for (enum form i = FORMS; i-- > (is_slow(f) ? TRANSFERS : PACKETS);)
		file[i] = decode(&taken[i]);
	if (is_slow(f))
		file[PACKETS] = file[TRANSFERS];
	for (size_t n = 0; n < msc_rule_count; n++) {
		const bool *p = &file[PACKETS].rule[n], *t = &file[TRANSFERS].rule[n];

		if (live.rule[n] && is_asked(f, n))
			wrong += compare(f, msc_rules[n]->id, lost, !*p, !*t);
		else if (!live.rule[n])
			wrong += compare(f, msc_rules[n]->id, gained, *p, *t);
	}
	return wrong;
}

static void every_fault(void **state)
{
	char *lost = read_table(LOST), *gained = read_table(GAINED);
	size_t wrong = 0;

	(void)state;
	assert_true(msc_rule_count <= RULES_MAX);
	for (const struct msc_fault *f = msc_fault_next(NULL); f; f = msc_fault_next(f))
		wrong += try_fault(f, lost, gained);
	wrong += count_unused(lost) + count_unused(gained);
	free(lost);
	free(gained);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
