/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands of the program share. A new command is tool/NAME.c with one `struct cmd` and
 * a line CMD(name) in cmd.list; help, completion and the nearest-name message come from it.
 *
 * Functions return 0, or -1 with *err filled in, as in the library.
 */
#ifndef MSC_TOOL_TOOL_H
#define MSC_TOOL_TOOL_H

#include <stdio.h>

#include "base/outfile.h"
#include "capture/recorder.h"
#include "medium/medium.h"
#include "report/report.h"

struct tool;
struct output;
struct cmd;

/* ---- options: args.c ----------------------------------------------------------------------- */

struct opt {
	const char *name;  /* NULL ends a table */
	char letter;	   /* 0: none */
	const char *value; /* what help calls it, in [] when it may be left out; NULL: a flag */
	const char *help;
	bool many;	/* it may be given again, each time with another value */
	bool is_report; /* short for --report NAME:VALUE, or for --report NAME */
};

extern const struct opt common_options[]; /* of every command that makes a document */
extern const struct opt log_options[];	  /* instead, of those whose output is the data */
extern const struct opt target_options[]; /* of those that open a target */
extern const struct opt run_options[];	  /* of those that run scenarios: what is done */
extern const struct opt report_options[]; /* and what is made of it */
bool opt_is_in(const struct opt *, const struct opt *table);
/* The command takes it, of those in its tables. */
bool opt_is_taken(const struct cmd *, const struct opt *);

struct given {
	const struct opt *opt;
	const char *value; /* "" for a flag */
};

struct args {
	struct given *options; /* in the order in which they were given */
	size_t n_options;
	const char **words; /* the other words; those after "--" begin at rest */
	size_t n_words, rest;
};

#define OPT_TABLES 5

/* A way to show a result, by which --report names it. */
struct format {
	const char *name, *summary, *suffix;
};

struct cmd {
	const char *name;
	const char *summary; /* one line, lower case */
	const char *usage;   /* what follows "mscope NAME" */
	const struct opt *options[OPT_TABLES]; /* NULL after the last */
	const char *verbose, *quiet; /* what -v and -q do here; NULL: what their table says */
	/* Those of its tables that it has no use for, as " log verbose ", and why: they are refused, for an
	 * option that does nothing misleads. NULL: there are none. */
	const char *without, *why_without;
	const char *document; /* the "format" of its JSON; NULL: it makes none */
	bool endpoints; /* it needs the device's own: a node of the kernel's is refused */
	bool own_seed;	/* its --seed is not the knob of a simulated target */
	/* The i-th that it can make; no name: there are no more. */
	struct format (*format)(size_t i);
	int (*run)(struct tool *, struct msc_err *); /* the exit status, or -1 */
	/* Writes a run that failed before it had any result as one output. Absent: its JSON says so. */
	int (*failed)(struct tool *, struct output *, int status, const struct msc_err *why,
		      struct msc_err *);
};

#define CMD(name) extern const struct cmd cmd_##name;
#include "cmd.list"
#undef CMD
extern const struct cmd *const commands[];
extern const size_t command_count;
const struct cmd *command_find(const char *name, struct msc_err *err);

/* argv[0] is the command's name. */
int args_parse(struct args *, const struct cmd *, int argc, char **argv, struct msc_err *);
void args_free(struct args *);

/* Fails if one of these is given: "--NAME: WHY". The list ends with NULL. */
int args_refuse(const struct args *, const char *const *names, const char *why, struct msc_err *);

/* The last value given; NULL: not given. */
const char *arg(const struct args *, const char *name);
size_t arg_count(const struct args *, const char *name);
/* Parsed; *value stays as it is when the option was not given. A duration is never 0. */
int arg_size(const struct args *, const char *name, uint64_t max, uint64_t *value,
	     struct msc_err *);
/* A number of blocks of one command, as --blocks lists them. */
int arg_blocks(const char *word, uint64_t *blocks, struct msc_err *);
int arg_duration(const struct args *, const char *name, int64_t *ns, struct msc_err *);

/* ---- the run of the program: tool.c -------------------------------------------------------- */

struct tool {
	const struct cmd *cmd;
	const char **argv; /* as typed, NULL-terminated; the first is "mscope" */
	struct args args;
	int verbosity;	   /* as in msc_report_context */
	bool color;	   /* on standard output */
	struct output *outputs;
	size_t n_outputs;
	FILE *text;	   /* what is written here is in each text output; NULL: there is none */
	char *copied;	   /* of several text outputs: what is copied to each at the end */
	size_t copied_len;
	bool copies;
	FILE *log_file;			 /* --log; NULL: not asked for */
	bool log_is_new, log_has_begun;	 /* it was made by us; what it held before is gone */
	struct msc_device *device;	 /* what tool_open() has opened; NULL: nothing */
	bool endpoints;	     /* what is done needs the device's own, whatever the command says */
	char *target;	     /* tool_target() */
	size_t target_words; /* of args.words that it took: 0 or 1 */
	uint8_t unsafe[256]; /* the operation codes of --allow-unsafe; none: every one */
	size_t n_unsafe;
	struct msc_log log;
	struct msc_outfile record_file; /* --record */
	struct msc_recorder *recorder;	/* NULL: not asked for */
};

/* Reads the common options and opens their files. */
int tool_begin(struct tool *, struct msc_err *);
/* Ends the outputs of a run with this status, or -1 and *why: a usage error leaves the files as they
 * were; after any other a document says why there is no result. -1: something cannot be written. */
int tool_end(struct tool *, int status, const struct msc_err *why, struct msc_err *);

/* The exit status of a run that ended with an error. */
int tool_status(const struct msc_err *);

/* Finds the target that is meant: the first word, or MSCOPE_TARGET. */
int tool_target(struct tool *, struct msc_err *);
/* The same of a command that takes nothing else. */
int tool_one_target(struct tool *, struct msc_err *);
struct msc_target *tool_open(struct tool *, bool allow_writes, struct msc_err *);
/* Where --record is given, what is opened with these options is written down. tool_open() does so itself. */
int tool_record(struct tool *, struct msc_open_options *, struct msc_err *);

/* The line of progress on a terminal's standard error, in place of the one before; "" erases it. Does
 * nothing elsewhere, or with -q. */
void tool_progress(const struct tool *, const char *text);
/* The same as "", for who writes to a terminal meanwhile. */
void erase_progress(void);
/* Reads COLUMNS, and sets it where it is not set; once, before anything is written. */
int choose_width(struct msc_err *) MSC_MUST_CHECK;
/* "mscope: TEXT" on standard error; broken where that is a terminal. */
void tool_tell(const char *fmt, ...) MSC_PRINTF(1, 2);

/* --allow-writes and --allow-unsafe, which goes with it; see session/gate.h. */
int tool_leave(struct tool *, bool *writes, bool *unsafe, struct msc_err *);

struct msc_report_context tool_context(const struct tool *);

/* ---- reports: output.c --------------------------------------------------------------------- */

struct output {
	const char *option, *value; /* what asked for it; NULL: the text that needs no asking */
	struct format is;
	FILE *f; /* standard output, or file.f */
	struct msc_outfile file;
	bool written; /* it holds a whole result */
};

/* Opens what --report and its short forms name, and text if nothing takes standard output. */
int outputs_open(struct tool *, struct msc_err *);
/* A file that is written beside them must not be one of them. */
int outputs_leave(const struct tool *, int fd, const char *path, struct msc_err *);
int outputs_end(struct tool *, int status, const struct msc_err *why, struct msc_err *);
bool output_is(const struct output *, const char *format);

/* For commands whose result is text or a document. */
struct format plain_format(size_t i);
bool json_is_wanted(const struct tool *);
/* Writes it to each JSON output, and frees it. */
int write_json(struct tool *, json_t *document, struct msc_err *);

/* Ctrl-C, SIGTERM and SIGHUP end a run in good order. */
void catch_signals(void);
int caught_signal(void); /* 0: none */
bool tool_stop(void *unused); /* the user, or whoever reads our output, has had enough */

/* Flushes standard output; true: it could not be written, now or before. */
bool output_failed(void);
/* The same for who writes by other means than stdio: this errno is why. */
void output_lost(int why);
void complain_of_output(void);

/* ---- the memory of documents: memory.c ------------------------------------------------------- */

void memory_begin(void);
void memory_end(void);
/* There was too little of it at some time since: no document is whole. */
bool memory_ran_out(void);

/* ---- writing without scenarios: medium.c --------------------------------------------------- */

/* Says that an earlier run has left a journal for this device, if so. */
void tool_tell_journal(const struct msc_target *);
/* msc_medium_note_fn: on standard error. */
void tool_medium_note(void *unused, bool safety, const char *text);
/* msc_medium_begin, with its notes on standard error. */
struct msc_medium *tool_medium_begin(struct msc_session *, uint8_t lun, uint64_t seed,
				     uint32_t scratch, struct msc_err *);
/* False: the medium is not as it was, and a note says where. */
bool tool_medium_end(struct msc_medium *);

/* ---- running scenarios: conduct.c ---------------------------------------------------------- */

/* What "check" and "run" can be shown as: the registry of reports, whatever is in it. */
struct format report_format(size_t i);
int report_failure(struct tool *, struct output *, int status, const struct msc_err *why,
		   struct msc_err *);
/* The values of an option that may be repeated; free() the list. NULL: out of memory. */
const char **values_of(const struct tool *, const char *option, size_t *n);
/* Runs those of the scenarios that --select names on the target, with the reports that were asked
 * for; the exit status, or -1. */
int conduct(struct tool *, const struct msc_scenarios *, bool chosen_by_name, struct msc_err *);

/* The same for all of them in the order given, until one that imitates a host fails; and with the
 * reasons. */
struct untold { /* a step that was not run, or not to its end */
	const struct msc_scenario *scenario;
	char *reason;
};

struct walk {
	const struct msc_scenario *failed; /* NULL: none did */
	struct msc_findings first; /* the first failure of that one, if it has one */
	bool opened;		   /* the target */
	bool unbound;		   /* by its descriptors no host has a driver for it */
	bool warned;
	struct untold *untold;
	size_t n_untold;
};
int conduct_walk(struct tool *, const struct msc_scenarios *all, struct msc_scenarios *chosen,
		 struct walk *, struct msc_err *);
void walk_end(struct walk *); /* frees what it holds */

/* ---- bring_up.c ---------------------------------------------------------------------------- */

/* As hosts do it, up to the first thing that stops one of them; as conduct(). */
int bring_up(struct tool *, const struct msc_scenarios *, struct msc_err *);

/* ---- list_text.c --------------------------------------------------------------------------- */

/* All that is known of each; the names alone; a line for each, with that member beside its name. */
void print_list_entries(FILE *, json_t *list, bool color);
void print_list_names(FILE *, json_t *list);
void print_list(FILE *, const char *summary, json_t *list);
void print_list_count(FILE *, const char *kind, size_t count, const char *what);
void print_list_usage(FILE *); /* below the counts */
void print_no_usb(FILE *, json_t *targets);

/* ---- list_kinds.c --------------------------------------------------------------------------- */

struct list_kind {
	const char *name, *one;
	const char *summary; /* the member shown beside the name */
	const char *what;    /* shown beside the kind when no kind is asked for */
	int (*collect)(json_t *list, struct tool *, struct msc_err *);
	bool devices;  /* some are there only while a device is */
	bool selected; /* collect leaves those that are meant, by tags and clauses too */
};
extern const struct list_kind list_kinds[];
extern const size_t list_kind_count;

/* ---- list.c ---------------------------------------------------------------------------------- */

const char *list_kind_name(size_t i); /* NULL: there are no more */
/* Its entries, as in the document; NULL: there is no such kind, or memory ran out. */
json_t *list_of(const char *kind);

/* ---- complete.c ------------------------------------------------------------------------------ */

/* Prints what the last of n words behind "mscope" may be. */
void complete(const char *const *words, size_t n);

/* ---- probe_text.c -------------------------------------------------------------------------- */

/* described: as the device's descriptor has it when it is asked once more */
void print_probe(FILE *, const struct msc_device *, const struct msc_device *described,
		 json_t *document, bool color);

/* ---- help.c -------------------------------------------------------------------------------- */

void print_commands(FILE *);
void print_help(FILE *, const struct cmd *);

#endif
