/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports: functions over one stream of events (scenario/scenario.h).
 *
 * A new format is lib/report/NAME.c with one `struct msc_report` and a line REPORT(name) in
 * report.list. A format ignores kinds of event that it does not know.
 */
#ifndef MSC_REPORT_REPORT_H
#define MSC_REPORT_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "judge/cause.h"
#include "run/run.h"

/* Whether a case shows a finding of the rule again when it is run on a device that is as this one was. */
enum msc_repeats {
	MSC_REPEATS_UNTRIED,
	MSC_REPEATS_ALONE, /* by itself */
	MSC_REPEATS_AFTER, /* after another one, *before */
	MSC_REPEATS_NOT,   /* neither: only among all that ran */
};
typedef enum msc_repeats msc_repeats_fn(void *user, const char *name, const struct msc_rule *,
					const char **before);

/* What a report needs to know of the run beyond its events. */
struct msc_report_context {
	const char *version;
	const char *const *argv; /* NULL-terminated, as typed */
	const char *repeat;	 /* "mscope check TARGET ...": a failing case is repeated by adding
				    --select NAME */
	const char *selected; /* " --select WHAT...", as typed: what the run was of; may be NULL */
	msc_repeats_fn *repeats; /* NULL: it cannot be tried */
	void *repeats_user;
	int verbosity;		 /* -1 quiet, 0, 1 exchanges of failing cases, 2 all exchanges */
	bool color; /* escape sequences may be written */
	bool strict; /* a skip counts as a failure */
};

/* A case that has ended. */
struct msc_report_case {
	const struct msc_scenario *scenario;
	enum msc_verdict verdict;
	char *reason; /* may be NULL */
	struct msc_findings findings;
	int64_t device_ns;
	char *notes; /* a line each; NULL: there are none */
};

/* All that has been reported so far; the causes when the run has ended. It points at scenarios, which
 * may be gone when MSC_EV_RUN_END has been dealt with. */
struct msc_report_all {
	bool failed; /* memory ran out */
	bool began;  /* the target was opened */
	char target[160]; /* its name */
	size_t cases_total; /* that were to run */
	enum msc_profile profile;
	struct msc_report_case *cases;
	size_t n, room;
	struct msc_evidence seen;
	struct msc_causes causes;
	const struct msc_waivers *waivers; /* NULL: none were given */
	char *notes; /* of the case under way */
	char **said; /* of the run as a whole, such as which units were not tested */
	size_t n_said;
};

struct msc_report_run {
	const struct msc_report *report;
	FILE *out;
	const struct msc_report_context *context;
	void *state;
	struct msc_report_all all;
};

/* The cause of a finding of that case; NULL: none is known. */
const struct msc_cause *msc_report_cause(const struct msc_report_all *,
					 const struct msc_report_case *,
					 const struct msc_finding *);
/* Those of its findings that are no notes: "residue-zero, csw-tag"; NULL: none is known. The caller
 * frees it. */
char *msc_report_causes(const struct msc_report_all *, const struct msc_report_case *);
/* One of them with its ties: "csw-12 or csw-padded"; returns buf. */
char *msc_report_cause_names(char *buf, size_t size, const struct msc_cause *);
/* The first of the worst; NULL: there is none. */
const struct msc_finding *msc_report_worst(const struct msc_findings *);
/* How many cases were skipped for the reason of that one; 0: it was not skipped, or an earlier one has
 * the same reason. */
unsigned msc_report_skips(const struct msc_report_all *, const struct msc_report_case *);
/* "12 passed, 1 failed, 2 not run in 3 ms of device time". */
void msc_report_counts(FILE *, const struct msc_report_run *, const struct msc_summary *);
/* The command that shows a cause by itself, as for msc_causes_json(); NULL: none is known, or memory ran
 * out. The caller frees it. */
char *msc_report_alone(const struct msc_cause *, const char *repeat, bool tried);

struct msc_report {
	const char *name, *summary, *suffix;
	size_t state_size; /* allocated by msc_report_begin, zeroed */
	void (*event)(struct msc_report_run *, const struct msc_event *); /* when it is in `all` */
	/* Writes what is left; exit_status is the program's. May be absent. */
	int (*finish)(struct msc_report_run *, int exit_status, struct msc_err *);
	/* Frees what the state holds. May be absent. */
	void (*discard)(struct msc_report_run *);
};

/* Of one rule, where the same happened. */
struct msc_group {
	const struct msc_finding *first;
	const struct msc_report_case *in, *last;
	unsigned findings, cases;
	char commands[160]; /* "READ(10), INQUIRY, ..." */
	unsigned n_commands;
};

struct msc_groups {
	struct msc_group *list; /* the worst and then the largest first; free() it */
	size_t n;
};

/* The findings, `least` severe or more, that no cause explains. False: memory ran out. */
bool msc_report_left(const struct msc_report_all *, enum msc_severity least, struct msc_groups *);

#define REPORT(name) extern const struct msc_report msc_report_##name;
#include "report/report.list"
#undef REPORT

extern const struct msc_report *const msc_reports[];
extern const size_t msc_report_count;
const struct msc_report *msc_report_find(const char *name, struct msc_err *err);

/* The stream stays the caller's, and so does the context. */
int msc_report_begin(struct msc_report_run *, const struct msc_report *, FILE *,
		     const struct msc_report_context *, struct msc_err *) MSC_MUST_CHECK;
void msc_report_event(struct msc_report_run *, const struct msc_event *);
/* Frees the run in any case. MSC_E_IO: the stream failed, now or before. */
int msc_report_end(struct msc_report_run *, int exit_status, struct msc_err *) MSC_MUST_CHECK;

/* The exit status that stands for an error: the public enum mscope_status. */
int msc_exit_status(enum msc_code);

/* Those of `all` that match one of the patterns (none given: all of them), borrowed, in the order
 * of `all`; free(out->list) afterwards. A pattern that matches nothing is MSC_E_USAGE with the
 * nearest name. */
int msc_select(const struct msc_scenarios *all, const char *const *patterns, size_t n_patterns,
	       struct msc_scenarios *out, struct msc_err *) MSC_MUST_CHECK;
/* Takes out those that match one of the patterns. One that takes nothing out is MSC_E_USAGE. */
int msc_select_except(struct msc_scenarios *, const char *const *patterns, size_t n_patterns,
		      struct msc_err *) MSC_MUST_CHECK;
/* Takes out those that are about another device than this one. */
void msc_select_for(struct msc_scenarios *, const struct msc_device *);

/* ---- text ---------------------------------------------------------------------------------- */

enum msc_escape {
	MSC_PLAIN,
	MSC_XML,
	MSC_TAP,
	MSC_MARKDOWN,
	MSC_GITHUB,	     /* the message of a workflow command */
	MSC_GITHUB_PROPERTY, /* and what follows its name */
	MSC_LAVA,	     /* a line that is no signal */
};

/* Writes text from anywhere as one line of valid UTF-8: blanks for line breaks and tabs, U+FFFD
 * for control characters and for what is not UTF-8; and escaped for where it goes. */
void msc_put(FILE *, enum msc_escape, const char *text);
/* The same in memory, as MSC_PLAIN: what len bytes become takes MSC_PLAIN_ROOM(len) at most, with its NUL.
 * Returns its length. */
#define MSC_PLAIN_ROOM(len) (3 * (len) + 1)
size_t msc_plain(char *buf, const char *text);

/* A line has as many columns as the environment variable COLUMNS says, 80 without it, and no end (UINT_MAX) where
 * it is 0. */
unsigned msc_columns(void);
/* Writes words from column `column` on, breaking before the last column; further lines are indented.
 * Returns the column reached. */
unsigned msc_put_wrapped(FILE *, unsigned column, unsigned indent, const char *text);
/* The same in lines of so many columns, whatever COLUMNS says. */
unsigned msc_put_wrapped_to(FILE *, unsigned columns, unsigned column, unsigned indent,
			    const char *text);
/* A row: the key, and the text from `column` on. */
void msc_put_row(FILE *, unsigned column, const char *key, const char *text);
/* How a word stands out on a terminal: by what it says, so that it is the same in every command. Colour adds
 * nothing that is not in the word. */
enum msc_tint {
	MSC_TINT_NONE,
	MSC_TINT_OK,
	MSC_TINT_FAIL, /* a failure, or what makes the exit status 1 */
	MSC_TINT_WARN,
	MSC_TINT_ASIDE, /* what was not run, or does not count */
	MSC_TINT_ERROR, /* of mscope or the host */
	MSC_TINT_NAME,	/* what a paragraph is about */
};
/* Writes the text as msc_put does; color: as msc_report_context says. */
void msc_put_tinted(FILE *, bool color, enum msc_tint, const char *text);
void msc_put_row_tinted(FILE *, bool color, enum msc_tint, unsigned column, const char *key,
			const char *text);
enum msc_tint msc_severity_tint(enum msc_severity);
/* A word of a command line as a shell takes it. */
void msc_put_word(FILE *, const char *word);

/* The same from column `at`, in a column of its own where the first word fits there, else on the next
 * line: no line ends in blanks. */
unsigned msc_put_beside(FILE *, unsigned at, unsigned column, unsigned indent, const char *text);

char *msc_short_ns(char buf[8], int64_t ns); /* "1.23ms", at most six columns */

/* One exchange as the oscilloscope shows it: wrapper fields, phases with times, data, status. At
 * most data_bytes of each buffer are shown. */
void msc_print_record(FILE *, const struct msc_record *, const char *indent, size_t data_bytes);

/* ---- JSON: all return NULL when memory runs out -------------------------------------------- */

json_t *msc_json_text(const char *text); /* cleaned as by msc_put; null for NULL */
json_t *msc_json_bytes(const void *data, size_t len, size_t max); /* hex, spaces between */

/* A member of exchanges[]: "kind" says which of the four kinds of record it is. */
json_t *msc_record_json(const struct msc_record *);
json_t *msc_finding_json(const struct msc_finding *);
json_t *msc_findings_json(const struct msc_findings *); /* none for NULL */
/* repeat: the command that `--select CASE` is added to, to see a cause alone; NULL: there is none. tried:
 * what is not sure is no command then. */
json_t *msc_causes_json(const struct msc_causes *, const char *repeat, bool tried);
json_t *msc_device_json(const struct msc_device *);

/* One entry of cases[], from an MSC_EV_CASE_END. */
json_t *msc_case_json(const struct msc_event *);

/* A document's common head: format, tool, argv, target (null when NULL), exit_status, and the reason
 * of a run that ended early (null when NULL or empty). Takes the reference to target. */
json_t *msc_json_document(const char *format, const struct msc_report_context *, json_t *target,
			  int exit_status, const char *reason);
/* Writes and frees it; a NULL document is MSC_E_NOMEM. */
int msc_json_write(FILE *, json_t *, struct msc_err *) MSC_MUST_CHECK;

#endif
