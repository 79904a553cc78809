/* SPDX-License-Identifier: BSD-2-Clause */
/* Random conversations, judged by the rules of the judge, and shrunk where one fails.
 *
 * A conversation is a list of steps drawn from a grammar of what hosts send and of what they should
 * not. It is written in the language of scenarios (docs/scenarios.md), loaded as any file is and run
 * by the runner: what is sent goes through the gate, and every exchange is judged. Nothing is known
 * here of the device, of the transport or of what is right.
 *
 *	grammar.c  the rows: a new kind of step, of twist or of value is one of them
 *	draw.c	   a conversation, from the seed and its index alone
 *	text.c	   a conversation as a scenario
 *	try.c	   runs one, on a device fresh from power-on where that can be had
 *	shrink.c   fewer and simpler steps that show the same
 *	fuzz.c	   one conversation after the other, and what they have found
 *
 * Firmware that tells which places of its code have run steers: every other conversation is then a variation
 * of one that reached a new place.
 */
#ifndef MSC_FUZZ_FUZZ_H
#define MSC_FUZZ_FUZZ_H

#include "base/coverage.h"
#include "judge/cause.h"
#include "run/run.h"

#define MSC_FUZZ_CONVERSATIONS 2000
#define MSC_FUZZ_TRIES_MAX     400 /* conversations that are run to shrink one */

/* What a conversation has failed. Of a rule that only scenarios raise (expect.status) the command tells
 * one failure from another. */
struct msc_fuzz_what {
	const struct msc_rule *rule; /* NULL: the device goes away, and no rule has said why */
	char command[40];	     /* "READ(10)"; empty: any */
};

/* A failure, by the shortest conversation that shows it. */
struct msc_fuzz_failure {
	struct msc_fuzz_what what;
	struct msc_fuzz_what *also; /* of the same conversation, or of the same cause */
	size_t n_also;
	uint64_t conversation;	     /* the first that failed it */
	unsigned again;		     /* so many others have failed it since */
	bool repeats;	/* it failed by itself again, and `text` is what it was shrunk to */
	unsigned steps; /* of the text */
	unsigned drawn; /* of the conversation that was drawn */
	bool writes;	/* it needs --allow-writes */
	char *text;	/* a scenario file */
	/* What failed in the shrunk conversation, the finding itself first; none: nothing but that the
	 * device has gone. */
	struct msc_findings found;
	char gone[512];	   /* what the device has gone by; empty: it has not */
	const char *cause; /* by the dictionary, where it has no other; NULL: not known */
	const char *cause_title;
	char *path;		   /* for whoever keeps it as a file; freed with it; may be NULL */
};

struct msc_fuzz {
	uint64_t seed, first, conversations; /* those from `first` on were run, so many */
	uint64_t cut;			     /* of them, those that ended before their last step */
	uint64_t tries;			     /* to shrink; beside them */
	uint64_t kept;			     /* new to the corpus */
	uint32_t coverage; /* kinds of exchanges: command, what happened, status and sense */
	uint32_t places; /* of the firmware's code; 0: it was not built to tell (base/coverage.h) */
	int64_t elapsed_ns; /* of the target's clock */
	struct msc_device device; /* when the first was run */
	struct msc_fuzz_failure *failures;
	size_t n_failures;
	char reason[512]; /* what ended it early: the device has gone, the user; empty: nothing */
};

struct msc_fuzz_options {
	uint64_t seed, first, count; /* count 0: no limit */
	int64_t duration_ns;	     /* of the target's clock; 0: no limit */
	bool one;		     /* end with the first failure */
	struct msc_run_options run;  /* how each is run; event and user are ours */
	/* A device fresh from power-on where it can be had anew, which *once says it cannot: then it
	 * is opened once, and is brought back after each conversation. */
	struct msc_target *(*open)(void *user, bool *once, struct msc_err *);
	/* A failure has been found and shrunk. -1 ends the run. May be NULL. */
	int (*found)(void *user, struct msc_fuzz_failure *, struct msc_err *);
	/* A conversation has found something or reached what none before it has; its text. -1 ends
	 * the run. May be NULL. */
	int (*keep)(void *user, uint64_t conversation, const char *text, struct msc_err *);
	void (*progress)(void *user, const struct msc_fuzz *); /* before each; may be NULL */
	void *user;
};

/* The result begins zeroed and is freed in any case. A device that goes away is a failure, and after
 * that -1 (MSC_E_GONE) where it cannot be had anew; so is what the user stopped. What there is, is
 * in the result. */
int msc_fuzz_run(const struct msc_fuzz_options *, struct msc_fuzz *,
		 struct msc_err *) MSC_MUST_CHECK;
void msc_fuzz_free(struct msc_fuzz *);

/* The rule's id, or "device.gone". */
const char *msc_fuzz_name(const struct msc_fuzz_what *);

/* ---- between the files of this directory ------------------------------------------------------- */

#define FUZZ_PLACES  6 /* of one row */
#define FUZZ_TWISTS  3 /* of one step */
#define FUZZ_STEPS   48
#define FUZZ_DRAWS   10 /* rows of one conversation */

enum fuzz_flag {
	FUZZ_PLAIN = 1 << 0, /* one command, with nothing beside it: twists may be added */
	FUZZ_WRITES = 1 << 1, /* needs leave to write, and the scratch range */
	FUZZ_SOLO = 1 << 2, /* relies on a device in order: of conversations without twists */
	FUZZ_CBW = 1 << 3,  /* of a twist: a field of the CBW */
	FUZZ_DATALESS = 1 << 4, /* the command moves no data; of a twist: not for such */
	FUZZ_WHOLE = 1 << 5,	/* not to be taken apart: the rest would be the host's fault */
	FUZZ_RECOVERS = 1 << 6, /* does reset recovery itself, where it wants it */
};

/* One or more steps, or a twist, as text of the language; $NAME is a value of that name, the same
 * wherever it stands in the row, and $id a number that no other row of the conversation has. */
struct fuzz_row {
	unsigned weight, flags;
	const char *text;
};

/* Values for $NAME: the simplest first, '|' between them; #N is a number of up to N bits. */
struct fuzz_values {
	const char *name, *choices;
};

extern const struct fuzz_row fuzz_steps[], fuzz_twists[];
extern const struct fuzz_values fuzz_values[];
extern const size_t fuzz_n_steps, fuzz_n_twists, fuzz_n_values;

struct fuzz_choice {
	uint8_t at; /* of the choices */
	uint32_t number; /* for #N */
};

struct fuzz_piece {
	const struct fuzz_row *row;
	struct fuzz_choice
		value[FUZZ_PLACES]; /* in the order in which they first stand in the text */
};

/* A row of several steps is taken apart, so that any of them can be left out: `part` of the row. */
struct fuzz_step {
	struct fuzz_piece stem;
	unsigned part, id; /* the parts of one row have one id */
	struct fuzz_piece twist[FUZZ_TWISTS];
	unsigned n_twists;
};

struct fuzz_talk {
	struct fuzz_step step[FUZZ_STEPS];
	unsigned n;
	bool no_autosense;
	bool twisted; /* rows that rely on a device in order have no place in it */
};

/* draw.c */
void fuzz_draw(struct fuzz_talk *, uint64_t seed, uint64_t index, bool writes);
/* A variation of another: other rows from some point on, or between, or another value. */
void fuzz_vary(struct fuzz_talk *, const struct fuzz_talk *of, uint64_t seed, uint64_t index,
	       bool writes);
/* A number of the conversation's own, on which no drawing depends. */
uint32_t fuzz_lot(uint64_t seed, uint64_t index);
/* Which value stands at a place of a row; NULL: the row has no more places. */
const struct fuzz_values *fuzz_place(const struct fuzz_row *, unsigned place);
unsigned fuzz_choices(const struct fuzz_values *);
const char *fuzz_choice(const struct fuzz_values *, unsigned at, size_t *len);

/* text.c: the scenario, which the caller frees; `head` stands before it. NULL: out of memory. */
struct fuzz_head {
	const char *comment; /* lines of it, "# " before each; may be NULL */
	const char *name, *title, *spec;
};
char *fuzz_text(const struct fuzz_talk *, const struct fuzz_head *);

/* try.c */
struct fuzz_trial {
	const struct msc_fuzz_options *o;
	struct msc_fuzz *fuzz;
	bool once;		 /* the device cannot be had anew: it is opened once */
	struct msc_target *kept; /* that one */
	/* of the conversation that was run last */
	struct msc_findings found; /* of the case */
	enum msc_verdict verdict;
	bool writes, gone;
	bool lost; /* memory ran out: not all that was found is in found */
	char why[512];		/* it has gone */
	struct fuzz_seen *seen; /* coverage; NULL: it is not counted */
	bool is_new;		/* a kind of exchange, or a place of the firmware's */
	bool is_new_place;
};
struct fuzz_seen {
	uint64_t bits[1024]; /* a bit for each kind of exchange */
	struct msc_coverage code;
};
/* Loads and runs it. -1: the run cannot go on. What cannot be loaded is refused with MSC_E_FORMAT. */
int fuzz_try(struct fuzz_trial *, const char *text, struct msc_err *) MSC_MUST_CHECK;
/* What a finding is a failure of. False: it is none. */
bool fuzz_what(const struct msc_finding *, struct msc_fuzz_what *);
bool fuzz_is_same(const struct msc_fuzz_what *, const struct msc_fuzz_what *);
/* The last one has failed it; the index of the finding, or -1. That the device has gone has none. */
bool fuzz_shows(const struct fuzz_trial *, const struct msc_fuzz_what *, long *at);
void fuzz_trial_end(struct fuzz_trial *);

/* shrink.c: makes *talk as simple as it gets while it fails that. *shows false: it does not, by
 * itself. -1: the run cannot go on; *talk is the simplest so far. */
int fuzz_shrink(struct fuzz_trial *, const struct msc_fuzz_what *, struct fuzz_talk *, bool *shows,
		struct msc_err *) MSC_MUST_CHECK;

#endif
