/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the dictionary of causes (lib/judge/cause.h): runs the whole suite on each fault of the
 * catalogue, on the target that its entry names, and on each firmware as it is, and writes as C what
 * was found. The build runs it once; it is linked from the library's own objects, of which the
 * dictionary is the last.
 *
 * One run with leave to write, under the profile that ignores least, serves all: a reader of the table
 * leaves out the cases that have not run and the rules that his profile ignores. What a device shows that keeps a
 * state through all resets depends on the cases before; so each fault is also run without leave to write, and as
 * hosts do (msc_run_walk).
 *
 * usage: dictionary KEY > dictionary.c      (the key goes into the first lines; see dictionary.sh)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "judge/cause.h"
#include "report/report.h"
#include "run/run.h"

#define WORKERS_MAX 8
#define TRIES_MAX   8  /* cases that are tried alone for one fault */
#define BEFORE_MAX  60 /* and before the first of them, where none shows it alone */

struct entry {
	const char *id;
	char target[256];
	const struct msc_fault *fault; /* NULL: a firmware as it is */
	struct msc_evidence seen;
	const char *alone[MSC_ALONE_MAX];
	size_t n_alone;
	const char *before; /* what must be run before the only one of them; NULL: nothing */
};

struct run {
	struct msc_evidence *seen;
	struct msc_err err;
};

static void die(const char *what, const struct msc_err *err)
{
	fprintf(stderr, "dictionary: %s: %s\n", what, err->msg);
	exit(1);
}

static void on_event(void *user, const struct msc_event *ev)
{
	struct run *run = user;

	if (ev->kind == MSC_EV_RECORD)
		msc_evidence_note(run->seen, ev->record);
	if (ev->kind == MSC_EV_CASE_END && ev->verdict != MSC_VERDICT_SKIP &&
	    msc_evidence_add(run->seen, msc_scenario_name(ev->scenario), ev->findings, &run->err) < 0)
		die("a run", &run->err);
}

/* A device that goes away has shown what it shows. */
static void run_cases(const char *target, const struct msc_scenarios *cases, bool writes, bool as_hosts,
		      struct msc_evidence *seen)
{
	struct run r = { .seen = seen, .err = MSC_ERR_INIT };
	const struct msc_open_options open = { .allow_writes = writes };
	struct msc_run_options options = { .profile = as_hosts ? MSC_PROFILE_INTEROP
							       : MSC_PROFILE_SPEC,
					   .allow_writes = writes,
					   .as_hosts = as_hosts,
					   .event = on_event,
					   .user = &r };
	struct msc_scenarios chosen;
	struct msc_summary summary;
	struct msc_err gone = MSC_ERR_INIT;
	struct msc_target *t = msc_target_open(target, &open, &r.err);

	if (!t || (as_hosts ? msc_run_walk(cases, &chosen, &r.err)
			    : msc_select(cases, NULL, 0, &chosen, &r.err)) < 0)
		die(target, &r.err);
	if (!as_hosts)
		msc_select_for(&chosen, &t->device); /* as "mscope check" does */
	if (msc_run(t, &chosen, &options, &summary, &gone) < 0 && gone.code != MSC_E_GONE &&
	    gone.code != MSC_E_DEVICE && gone.code != MSC_E_UNSUPPORTED)
		die(target, &gone);
	free(chosen.list);
	msc_target_close(t);
}

static void run(const char *target, const struct msc_scenarios *cases, bool writes,
		struct msc_evidence *seen)
{
	run_cases(target, cases, writes, false, seen);
}

/* ---- what shows it alone ----------------------------------------------------------------------- */

static struct msc_scenario *find_case(const struct msc_scenarios *all, const char *name)
{
	struct msc_scenario *s = msc_scenarios_find(all, name);

	if (!s)
		abort();
	return s;
}

static bool is_promised(const struct msc_fault *f, const struct msc_rule *rule)
{
	const char *at = strstr(f->caught_by, rule->id);

	return at && (at == f->caught_by || at[-1] == ' ') && strchr(" ", at[strlen(rule->id)]);
}

static unsigned findings_of(const struct msc_evidence *e, const char *name)
{
	unsigned n = 0;

	for (size_t i = 0; i < e->n_seen; i++)
		if (!strcmp(e->seen[i].name, name))
			n += e->seen[i].findings;
	return n;
}

/* What is best for a reader comes first: nothing is written, the rule is the fault's own, the case of
 * the same subject, and there is little beside it. */
static unsigned badness(const struct entry *e, const struct msc_scenarios *all, size_t i)
{
	const struct msc_sighting *s = &e->seen.seen[i];

	return (is_promised(e->fault, s->rule) ? 0 : 200000) +
	       (msc_scenario_writes(find_case(all, s->name)) ? 100000 : 0) +
	       (strncmp(s->name, s->rule->id, 3) ? 10000 : 0) + findings_of(&e->seen, s->name);
}

/* Some of what the case shows in the whole suite; `first` is run before it, unless it is NULL. */
static bool shows_alone(const struct entry *e, struct msc_scenario *first, struct msc_scenario *it)
{
	struct msc_scenario *list[] = { first ? first : it, it };
	const struct msc_scenarios cases = { .list = list, .count = first ? 2 : 1 };
	bool writes = msc_scenario_writes(it) || (first && msc_scenario_writes(first));
	struct msc_evidence seen = { NULL };
	bool shown = false;

	run(e->target, &cases, writes, &seen);
	for (size_t i = 0; i < seen.n_seen; i++)
		for (size_t k = 0; k < e->seen.n_seen; k++)
			shown |= seen.seen[i].name == msc_scenario_name(it) &&
				 seen.seen[i].name == e->seen.seen[k].name &&
				 seen.seen[i].rule == e->seen.seen[k].rule;
	msc_evidence_clear(&seen);
	return shown;
}

/* It needs what another case leaves behind: the nearest one before it. */
static void try_after(struct entry *e, const struct msc_scenarios *all, const char *name)
{
	size_t at = 0;

	while (msc_scenario_name(all->list[at]) != name)
		at++;
	for (size_t i = at; i > 0 && at - i < BEFORE_MAX; i--) {
		if (!shows_alone(e, all->list[i - 1], all->list[at]))
			continue;
		e->alone[e->n_alone++] = name;
		e->before = msc_scenario_name(all->list[i - 1]);
		return;
	}
}

static void try_alone(struct entry *e, const struct msc_scenarios *all)
{
	size_t n = e->seen.n_seen, best, tries = 0;
	bool *tried = calloc(n + 1, sizeof *tried);
	const char *first = NULL;

	while (tried && tries++ < TRIES_MAX && e->n_alone < MSC_ALONE_MAX) {
		best = n;
		for (size_t i = 0; i < n; i++)
			if (!tried[i] &&
			    (best == n || badness(e, all, i) < badness(e, all, best)))
				best = i;
		if (best == n)
			break;
		for (size_t i = 0; i < n; i++)
			tried[i] |= e->seen.seen[i].name == e->seen.seen[best].name;
		if (!first)
			first = e->seen.seen[best].name;
		if (shows_alone(e, NULL, find_case(all, e->seen.seen[best].name)))
			e->alone[e->n_alone++] = e->seen.seen[best].name;
	}
	free(tried);
	if (!e->n_alone && first)
		try_after(e, all, first);
}

/* ---- the work, divided --------------------------------------------------------------------------- */

static size_t list_entries(struct entry **list)
{
	/* A medium, and a device that is in the field; `hostile` is what its seed makes of it. */
	static const char *const models[] = { "linux-gadget,blocks=16384", "stm32" };
	size_t n = 0;

	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));)
		n++;
	*list = calloc(n + MSC_COUNT(models), sizeof **list);
	if (!*list)
		abort();
	n = 0;
	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f)); n++) {
		(*list)[n] = (struct entry){ .id = f->id, .fault = f };
		snprintf((*list)[n].target, sizeof (*list)[n].target, "sim:reference%s%s,fault=%s",
			 f->target ? "," : "", f->target ? f->target : "", f->id);
	}
	for (size_t i = 0; i < MSC_COUNT(models); i++, n++) {
		struct entry *e = &(*list)[n];

		snprintf(e->target, sizeof e->target, "sim:%s", models[i]);
		e->id = strndup(models[i], strcspn(models[i], ","));
	}
	return n;
}

/* 1 + the operation code, if there is but one. */
static unsigned command_of(const struct msc_sighting *s)
{
	unsigned command = 0, n = s->bare;

	for (unsigned op = 0; op < 256; op++)
		if (msc_commands_has(&s->commands, (uint8_t)op)) {
			command = op + 1;
			n++;
		}
	return n == 1 ? command : 0;
}

static struct msc_sighting *same_in(const struct msc_evidence *e, const struct msc_sighting *s)
{
	for (size_t i = 0; i < e->n_seen; i++)
		if (e->seen[i].rule == s->rule && !strcmp(e->seen[i].name, s->name))
			return &e->seen[i];
	return NULL;
}

static bool has_run(const struct msc_evidence *e, const char *name)
{
	for (size_t i = 0; i < e->n_ran; i++)
		if (!strcmp(e->ran[i].name, name))
			return true;
	return false;
}

/* The runs of an entry: the first is the one that counts. The last, as hosts do, adds to it alone, for there a case
 * begins where the one before it ended. */
enum { WRITING, READING, NOISE, HOSTS, RUNS };

/* Of what a run has that none before it had: in all of them, and not missed where one has run the case without. */
static void put_pair(FILE *out, size_t entry, const struct msc_evidence *runs, unsigned from,
		     const struct msc_sighting *s)
{
	struct msc_sighting all = *s;
	bool maybe = from != WRITING;

	for (unsigned r = from + 1; r < RUNS; r++) {
		const struct msc_sighting *again = same_in(&runs[r], s);

		if (!again) {
			maybe |= r != HOSTS && has_run(&runs[r], s->name);
			continue;
		}
		all.forms |= again->forms;
		all.bare |= again->bare;
		for (size_t i = 0; i < MSC_COUNT(all.commands.bits); i++)
			all.commands.bits[i] |= again->commands.bits[i];
	}
	fprintf(out, "p %zu %s %s %" PRIu64 " %u %d\n", entry, s->name, s->rule->id, all.forms,
		command_of(&all), maybe);
}

static bool is_new(const struct msc_evidence *runs, unsigned at, const struct msc_sighting *s)
{
	for (unsigned r = 0; r < at; r++)
		if (same_in(&runs[r], s))
			return false;
	return true;
}

/* What is told of data depends on what lay on the medium before: on one that is not blank the same findings have other
 * forms as well, and there are others. */
static void put_pairs(FILE *out, size_t i, const struct entry *e, const struct msc_scenarios *all)
{
	struct msc_evidence runs[RUNS] = { [WRITING] = e->seen };
	char target[sizeof e->target + sizeof ",fill=noise"];

	if (e->fault) {
		run_cases(e->target, all, false, false, &runs[READING]);
		run_cases(e->target, all, true, true, &runs[HOSTS]);
	}
	snprintf(target, sizeof target, "%s,fill=noise", e->target);
	if (e->fault && e->fault->needs_writes && !strstr(e->target, "fill="))
		run_cases(target, all, true, false, &runs[NOISE]);
	for (unsigned r = 0; r < RUNS; r++)
		for (size_t k = 0; k < runs[r].n_seen; k++)
			if (is_new(runs, r, &runs[r].seen[k]))
				put_pair(out, i, runs, r, &runs[r].seen[k]);
	for (unsigned r = WRITING + 1; r < RUNS; r++)
		msc_evidence_clear(&runs[r]);
}

/* Lines "p ENTRY NAME RULE FORMS COMMAND MAYBE" and "a ENTRY NAME BEFORE 0 0 0", with the place in the list. */
static void work(struct entry *list, size_t n, const struct msc_scenarios *all, size_t first,
		 size_t step, FILE *out)
{
	for (size_t i = first; i < n; i += step) {
		struct entry *e = &list[i];

		run(e->target, all, true, &e->seen);
		if (e->fault)
			try_alone(e, all);
		put_pairs(out, i, e, all);
		for (size_t a = 0; a < e->n_alone; a++)
			fprintf(out, "a %zu %s %s 0 0 0\n", i, e->alone[a], e->before ? e->before : "-");
		msc_evidence_clear(&e->seen);
	}
}

struct line {
	char kind;
	size_t entry, at;
	char name[128], rule[128];
	uint64_t forms;
	unsigned command;
	int maybe;
};

struct lines {
	struct line *list;
	size_t n, room;
};

static void read_lines(FILE *f, struct lines *lines)
{
	struct line line;

	rewind(f);
	while (fscanf(f, "%c %zu %127s %127s %" SCNu64 " %u %d\n", &line.kind, &line.entry,
		      line.name, line.rule, &line.forms, &line.command, &line.maybe) == 7) {
		if (lines->n == lines->room) {
			lines->room = lines->room * 2 + 1024;
			lines->list = reallocarray(lines->list, lines->room, sizeof line);
			if (!lines->list)
				abort();
		}
		line.at = line.kind == 'a' ? lines->n : 0; /* an order of its own */
		lines->list[lines->n++] = line;
	}
	fclose(f);
}

static void divide(struct entry *list, size_t n, const struct msc_scenarios *all,
		   struct lines *lines)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t workers = cpus < 1 ? 1 : cpus > WORKERS_MAX ? WORKERS_MAX : (size_t)cpus;
	FILE *out[WORKERS_MAX];
	pid_t child[WORKERS_MAX];
	int status;

	fflush(stdout);
	for (size_t w = 0; w < workers; w++) {
		out[w] = tmpfile();
		child[w] = out[w] ? fork() : -1;
		if (child[w] < 0)
			abort();
		if (child[w] == 0) {
			work(list, n, all, w, workers, out[w]);
			_exit(fflush(out[w]) != 0);
		}
	}
	for (size_t w = 0; w < workers; w++) {
		if (waitpid(child[w], &status, 0) < 0 || status != 0)
			exit(1);
		read_lines(out[w], lines);
	}
}

/* ---- the table ----------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order;

	if (x->kind != y->kind)
		return x->kind > y->kind ? -1 : 1; /* pairs first */
	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	order = strcmp(x->name, y->name);
	return order ? order : strcmp(x->rule, y->rule);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct texts {
	const char **list;
	size_t n;
};

/* Sorted, each once. */
static struct texts collect(const struct lines *lines, bool rules)
{
	struct texts t = { calloc(lines->n + 1, sizeof *t.list), 0 };
	size_t n = 0;

	if (!t.list)
		abort();
	for (size_t i = 0; i < lines->n; i++)
		if (lines->list[i].kind == 'p')
			t.list[t.n++] = rules ? lines->list[i].rule : lines->list[i].name;
	qsort(t.list, t.n, sizeof *t.list, by_text);
	for (size_t i = 0; i < t.n; i++)
		if (!n || strcmp(t.list[n - 1], t.list[i]))
			t.list[n++] = t.list[i];
	t.n = n;
	return t;
}

static size_t index_of(const struct texts *t, const char *text)
{
	const char **at = bsearch(&text, t->list, t->n, sizeof *t->list, by_text);

	return (size_t)(at - t->list);
}

static void put_texts(const char *name, const struct texts *t)
{
	printf("static const char *const %s[] = {\n", name);
	for (size_t i = 0; i < t->n; i++)
		printf("\t\"%s\",\n", t->list[i]);
	puts("};\n");
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->id, ((const struct entry *)b)->id);
}

static size_t count_lines(const struct lines *lines, size_t from, char kind, size_t entry)
{
	size_t n = 0;

	while (from + n < lines->n && lines->list[from + n].kind == kind &&
	       lines->list[from + n].entry == entry)
		n++;
	return n;
}

static void put_entries(const struct entry *list, size_t n, const struct lines *lines,
			const struct texts *names)
{
	size_t pair = 0, alone = 0;

	while (alone < lines->n && lines->list[alone].kind == 'p')
		alone++;
	puts("static const struct msc_entry entries[] = {");
	for (size_t i = 0; i < n; i++) {
		size_t pairs = count_lines(lines, pair, 'p', i);
		size_t n_alone = count_lines(lines, alone, 'a', i);

		printf("\t{ \"%s\", %zu, %zu, %zu, {", list[i].id, pair, pairs, n_alone);
		for (size_t a = 0; a < n_alone; a++)
			printf("%s %zu", a ? "," : "", index_of(names, lines->list[alone + a].name));
		if (n_alone && strcmp(lines->list[alone].rule, "-") != 0)
			printf(" }, \"%s\" },\n", lines->list[alone].rule);
		else
			printf("%s }, NULL },\n", n_alone ? "" : " 0");
		pair += pairs;
		alone += n_alone;
	}
	puts("};\n");
}

static void put_table(const struct entry *list, size_t n, struct lines *lines,
		      struct msc_commands refused)
{
	struct texts names, rules;

	qsort(lines->list, lines->n, sizeof *lines->list, by_place);
	names = collect(lines, false);
	rules = collect(lines, true);
	put_texts("names", &names);
	put_texts("rules", &rules);
	puts("static const struct msc_pair pairs[] = {");
	for (size_t i = 0; i < lines->n && lines->list[i].kind == 'p'; i++)
		printf("%s{0x%" PRIx64 ", %zu, %zu, %u, %d},", i % 4 ? " " : i ? "\n\t" : "\t",
		       lines->list[i].forms, index_of(&names, lines->list[i].name),
		       index_of(&rules, lines->list[i].rule), lines->list[i].command,
		       lines->list[i].maybe);
	puts("\n};\n");
	put_entries(list, n, lines, &names);
	puts("const struct msc_dictionary msc_dictionary = {\n"
	     "\tnames, sizeof names / sizeof *names, rules, sizeof rules / sizeof *rules,\n"
	     "\tpairs, entries, sizeof entries / sizeof *entries,");
	printf("\t{ { 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 " } },\n};\n",
	       refused.bits[0], refused.bits[1], refused.bits[2], refused.bits[3]);
}

/* By the model as it is. */
static struct msc_commands refused_by_model(const struct msc_scenarios *all)
{
	struct msc_evidence seen = { NULL };
	struct msc_commands refused;

	run("sim:reference", all, true, &seen);
	refused = seen.refused;
	for (size_t i = 0; i < MSC_COUNT(refused.bits); i++)
		refused.bits[i] &= ~seen.taken.bits[i];
	msc_evidence_clear(&seen);
	return refused;
}

int main(int argc, char **argv)
{
	struct msc_scenarios all = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct lines lines = { NULL };
	struct entry *list;
	size_t n;

	if (argc != 2 || msc_scenarios_load_embedded(&all, &err) < 0)
		die("usage: dictionary KEY", &err);
	n = list_entries(&list);
	qsort(list, n, sizeof *list, compare_ids);
	divide(list, n, &all, &lines);
	printf("/* SPDX-License-Identifier: BSD-2-Clause */\n"
	       "/* Generated by scripts/dictionary.c; do not edit. Key %s. */\n"
	       "#include \"judge/cause.h\"\n\n",
	       argv[1]);
	put_table(list, n, &lines, refused_by_model(&all));
	return fflush(stdout) || ferror(stdout);
}
