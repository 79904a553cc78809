/* SPDX-License-Identifier: BSD-2-Clause */
/* One conversation after the other; what fails is shrunk, and told once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz/fuzz.h"

#define WHATS_MAX 16  /* that one conversation fails and that are looked at */
#define POOL_MAX  256 /* conversations that have reached new places; the oldest makes room */

struct job {
	const struct msc_fuzz_options *o;
	struct msc_fuzz *fuzz;
	struct fuzz_trial t;
	uint64_t index;
	struct fuzz_talk drawn;
	struct fuzz_talk *pool;
	unsigned n_pool; /* so many have been added */
};

/* ---- what is known already --------------------------------------------------------------------- */

static struct msc_fuzz_failure *known(struct msc_fuzz *fuzz, const struct msc_fuzz_what *what)
{
	for (size_t i = 0; i < fuzz->n_failures; i++) {
		struct msc_fuzz_failure *f = &fuzz->failures[i];

		if (fuzz_is_same(&f->what, what))
			return f;
		for (size_t k = 0; k < f->n_also; k++)
			if (fuzz_is_same(&f->also[k], what))
				return f;
	}
	return NULL;
}

static int add_also(struct msc_fuzz_failure *f, const struct msc_fuzz_what *what,
		    struct msc_err *err)
{
	struct msc_fuzz_what *more;

	if (fuzz_is_same(&f->what, what))
		return 0;
	for (size_t i = 0; i < f->n_also; i++)
		if (fuzz_is_same(&f->also[i], what))
			return 0;
	more = reallocarray(f->also, f->n_also + 1, sizeof *more);
	if (!more)
		return msc_nomem(err);
	f->also = more;
	more[f->n_also++] = *what;
	return 0;
}

static void free_failure(struct msc_fuzz_failure *f)
{
	msc_findings_clear(&f->found);
	free(f->also);
	free(f->text);
	free(f->path);
}

/* ---- a failure --------------------------------------------------------------------------------- */

/* The dictionary knows rules and cases; of these there are none. What several defects explain alike is
 * not told. */
static int find_cause(const struct job *j, struct msc_fuzz_failure *f, struct msc_err *err)
{
	struct msc_evidence seen = { NULL };
	struct msc_causes causes = { NULL };
	int rc = msc_evidence_add(&seen, NULL, &f->found, err);

	if (rc == 0)
		rc = msc_causes_find(&msc_dictionary, &seen, j->o->run.profile, &causes, err);
	if (rc == 0 && causes.count == 1 && !causes.list[0].n_ties) {
		f->cause = causes.list[0].id;
		f->cause_title = causes.list[0].title;
	}
	msc_causes_clear(&causes);
	msc_evidence_clear(&seen);
	return rc;
}

static unsigned count_steps(const char *text)
{
	unsigned n = 0;

	for (const char *p = strstr(text, "\n  - "); p; p = strstr(p + 1, "\n  - "))
		n++;
	return n;
}

static void put_comment(FILE *out, const struct job *j, const struct msc_fuzz_what *what,
			const struct msc_finding *f)
{
	static const char *const labels[] = { "expected", "actual" };

	fprintf(out, "# %s%s%s: %s\n", msc_fuzz_name(what), *what->command ? " of " : "",
		what->command, f ? f->message : j->t.why);
	for (size_t i = 0; f && i < MSC_COUNT(labels); i++) {
		const char *value = i ? f->actual : f->expected;

		if (value)
			fprintf(out, "#   %s: %s\n", labels[i], value);
	}
	if (f && *f->context)
		fprintf(out, "#   in %s\n", f->context);
	fprintf(out, "# mscope fuzz, seed %" PRIu64 ", conversation %" PRIu64 "; %s\n", j->o->seed,
		j->index, what->rule ? what->rule->spec : "");
	fprintf(out, "# mscope run TARGET --profile %s%s FILE\n",
		msc_profile_names[j->o->run.profile],
		j->o->run.allow_writes ? " --allow-writes" : "");
}

/* The scenario file: with the finding in it. */
static char *describe(const struct job *j, const struct fuzz_talk *talk,
		      const struct msc_fuzz_what *what, const struct msc_finding *f)
{
	char *comment = NULL, *text = NULL, name[96];
	size_t len;
	FILE *out = open_memstream(&comment, &len);
	struct fuzz_head head = { .name = name,
				  .title = what->rule ? what->rule->title
						      : "the device stays with its host",
				  .spec = what->rule ? what->rule->spec : "BOT 1.0, 5.3" };

	if (!out)
		return NULL;
	snprintf(name, sizeof name, "fuzz.%s", msc_fuzz_name(what));
	put_comment(out, j, what, f);
	if (msc_text_end(out, &comment)) {
		head.comment = comment;
		text = fuzz_text(talk, &head);
	}
	free(comment);
	return text;
}

/* The findings of the last trial that are failures, that one first. */
static int keep_findings(const struct job *j, struct msc_fuzz_failure *f, long at,
			 struct msc_err *err)
{
	const struct msc_findings *all = &j->t.found;
	struct msc_findings some = { calloc(all->count + 1, sizeof *all->list), 0, 0 };
	int rc;

	if (!some.list)
		return msc_nomem(err);
	if (at >= 0)
		some.list[some.count++] = all->list[at];
	for (size_t i = 0; i < all->count; i++)
		if ((long)i != at && all->list[i].severity == MSC_FAIL)
			some.list[some.count++] = all->list[i];
	rc = msc_findings_copy(&f->found, &some, err);
	free(some.list);
	for (size_t i = 0; rc == 0 && i < f->found.count; i++) {
		struct msc_fuzz_what what;

		if (fuzz_what(&f->found.list[i], &what))
			rc = add_also(f, &what, err);
	}
	return rc;
}

/* Runs what was shrunk once more, as the file has it. */
static int confirm(struct job *j, struct msc_fuzz_failure *f, const struct fuzz_talk *talk,
		   struct msc_err *err)
{
	struct fuzz_seen *seen = j->t.seen;
	long at;
	int rc;

	f->text = describe(j, talk, &f->what, NULL);
	if (!f->text)
		return msc_nomem(err);
	j->t.seen = NULL;
	rc = fuzz_try(&j->t, f->text, err);
	j->t.seen = seen;
	if (rc < 0)
		return -1;
	f->repeats = fuzz_shows(&j->t, &f->what, &at);
	f->writes = j->t.writes;
	if (!f->repeats)
		return 0;
	memcpy(f->gone, j->t.why, sizeof f->gone);
	free(f->text);
	f->text = describe(j, talk, &f->what, at >= 0 ? &j->t.found.list[at] : NULL);
	f->steps = f->text ? count_steps(f->text) : 0;
	return f->text ? keep_findings(j, f, at, err) : msc_nomem(err);
}

/* Of a cause that is known it is another sign; otherwise it is told. */
static int tell(struct job *j, struct msc_fuzz_failure *f, struct msc_err *err)
{
	struct msc_fuzz *fuzz = j->fuzz;
	struct msc_fuzz_failure *more;

	for (size_t i = 0; f->cause && i < fuzz->n_failures; i++) {
		struct msc_fuzz_failure *first = &fuzz->failures[i];

		if (first->cause != f->cause)
			continue;
		first->again++;
		if (add_also(first, &f->what, err) < 0)
			return -1;
		for (size_t k = 0; k < f->n_also; k++)
			if (add_also(first, &f->also[k], err) < 0)
				return -1;
		free_failure(f);
		return 0;
	}
	more = reallocarray(fuzz->failures, fuzz->n_failures + 1, sizeof *more);
	if (!more) {
		free_failure(f);
		return msc_nomem(err);
	}
	fuzz->failures = more;
	more[fuzz->n_failures++] = *f;
	if (!j->o->found || !f->text)
		return 0;
	return j->o->found(j->o->user, &more[fuzz->n_failures - 1], err);
}

static int look_into(struct job *j, const struct msc_fuzz_what *what, struct msc_err *err)
{
	struct msc_fuzz_failure f = { .what = *what, .conversation = j->index };
	struct fuzz_talk talk = j->drawn;
	bool shows;
	int rc;

	f.drawn = talk.n;
	rc = fuzz_shrink(&j->t, what, &talk, &shows, err);
	if (rc == 0 && shows)
		rc = confirm(j, &f, &talk, err);
	if (rc == 0 && f.repeats)
		rc = find_cause(j, &f, err);
	if (rc < 0 &&
	    !f.text) /* what there is: the conversation as it was drawn, or as far as it went */
		f.text = describe(j, &talk, what, NULL);
	if (rc < 0) {
		struct msc_err second = MSC_ERR_INIT;

		(void)!tell(j, &f, &second);
		return -1;
	}
	return tell(j, &f, err);
}

static bool is_enough(const struct job *j)
{
	const struct msc_fuzz_options *o = j->o;

	return (o->one && j->fuzz->n_failures) ||
	       (o->count && j->fuzz->conversations >= o->count) ||
	       (o->duration_ns && j->fuzz->elapsed_ns >= o->duration_ns);
}

/* ---- one conversation -------------------------------------------------------------------------- */

/* The device has died or has left: what else was found in that conversation is what became of it. */
static bool is_end(const struct msc_finding *f)
{
	return f->rule == &msc_rule_firmware_dead || f->rule == &msc_rule_usb_device_stays;
}

static size_t list_failures(const struct fuzz_trial *t, struct msc_fuzz_what *list)
{
	bool ended = false;
	size_t n = 0;

	for (size_t i = 0; i < t->found.count; i++)
		ended |= is_end(&t->found.list[i]);
	for (size_t i = 0; i < t->found.count && n < WHATS_MAX; i++) {
		size_t k = 0;

		if ((ended && !is_end(&t->found.list[i])) ||
		    !fuzz_what(&t->found.list[i], &list[n]))
			continue;
		while (k < n && !fuzz_is_same(&list[k], &list[n]))
			k++;
		n += k == n;
	}
	if (!n && t->gone)
		list[n++] = (struct msc_fuzz_what){ .rule = NULL };
	return n;
}

/* Once the firmware tells what of it has run, three of four conversations vary one that reached a new place:
 * half of them the newest, or the one before it half as often, and so on, since from there more is new; half of
 * them any. What is drawn then depends on all that were run before. */
static void draw(struct job *j)
{
	const struct msc_fuzz_options *o = j->o;
	uint32_t lot = fuzz_lot(o->seed, j->index), rest = lot >> 3;
	unsigned n = j->n_pool < POOL_MAX ? j->n_pool : POOL_MAX, back;

	if (!n || !(lot & 3)) {
		fuzz_draw(&j->drawn, o->seed, j->index, o->run.allow_writes);
		return;
	}
	back = 1 + (lot & 4 && rest ? (unsigned)__builtin_ctz(rest) : rest) % n;
	fuzz_vary(&j->drawn, &j->pool[(j->n_pool - back) % POOL_MAX], o->seed, j->index,
		  o->run.allow_writes);
}

static int converse(struct job *j, struct msc_err *err)
{
	char name[48];
	const struct fuzz_head head = { .name = name,
					.title = "a random conversation",
					.spec = "BOT 1.0" };
	struct msc_fuzz_what list[WHATS_MAX];
	bool is_new, found = false;
	char *text;
	size_t n;
	int rc;

	snprintf(name, sizeof name, "fuzz.conversation.%" PRIu64, j->index);
	draw(j);
	text = fuzz_text(&j->drawn, &head);
	if (!text)
		return msc_nomem(err);
	rc = fuzz_try(&j->t, text, err);
	is_new = j->t.is_new;
	if (j->t.is_new_place)
		j->pool[j->n_pool++ % POOL_MAX] = j->drawn;
	n = list_failures(&j->t, list);
	if (rc < 0 && !j->t.gone)
		n = 0;
	else
		j->fuzz->conversations++;
	j->fuzz->cut += j->t.verdict == MSC_VERDICT_SKIP || j->t.verdict == MSC_VERDICT_ERROR;
	for (size_t i = 0; i < n && (rc == 0 || j->t.gone) && !(found && j->o->one); i++) {
		struct msc_fuzz_failure *f = known(j->fuzz, &list[i]);

		if (f) {
			f->again++;
			continue;
		}
		found = true;
		if (rc == 0)
			rc = look_into(j, &list[i], err);
	}
	if (rc == 0 && (is_new || found) && j->o->keep) {
		j->fuzz->kept++;
		rc = j->o->keep(j->o->user, j->index, text, err);
	}
	free(text);
	return rc;
}

/* ---- all of them ------------------------------------------------------------------------------- */

int msc_fuzz_run(const struct msc_fuzz_options *o, struct msc_fuzz *fuzz, struct msc_err *err)
{
	struct job *j = calloc(1, sizeof *j);
	int rc = 0;

	if (!j)
		return msc_nomem(err);
	*j = (struct job){ .o = o, .fuzz = fuzz, .index = o->first, .t = { .o = o, .fuzz = fuzz } };
	fuzz->seed = o->seed;
	fuzz->first = o->first;
	j->t.seen = calloc(1, sizeof *j->t.seen);
	j->pool = calloc(POOL_MAX, sizeof *j->pool);
	if (!j->t.seen || !j->pool)
		rc = msc_nomem(err);
	for (; rc == 0 && !is_enough(j); j->index++) {
		if (o->run.stop && o->run.stop(o->run.user))
			rc = msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
		if (rc == 0 && o->progress)
			o->progress(o->user, fuzz);
		if (rc == 0)
			rc = converse(j, err);
	}
	if (rc < 0)
		snprintf(fuzz->reason, sizeof fuzz->reason, "%s", err->msg);
	fuzz_trial_end(&j->t);
	free(j->t.seen);
	free(j->pool);
	free(j);
	return rc;
}

void msc_fuzz_free(struct msc_fuzz *fuzz)
{
	for (size_t i = 0; i < fuzz->n_failures; i++)
		free_failure(&fuzz->failures[i]);
	free(fuzz->failures);
}
