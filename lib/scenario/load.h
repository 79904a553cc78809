/* SPDX-License-Identifier: BSD-2-Clause */
/* How YAML becomes a plan: each map of the language is one table of keys, and each key names the
 * function that reads its value. Unknown keys, wrong kinds and values out of range are refused
 * here, with the place and what was expected. Private to lib/scenario. */
#ifndef MSC_SCENARIO_LOAD_H
#define MSC_SCENARIO_LOAD_H

#include "scenario/plan.h"

struct msc_loader {
	const char *path;
	struct msc_scenario *s; /* the one being read */
	const char *loops[MSC_LOOPS_MAX];
	size_t n_loops;
	const char *lets[MSC_LETS_MAX];
	size_t n_lets;
	const char *slots[MSC_SLOTS_MAX];
	size_t n_slots;
	struct msc_err *err;
};

struct msc_key;
typedef int msc_key_fn(struct msc_loader *, const struct msc_yaml *, void *into,
		       const struct msc_key *);

struct msc_key {
	const char *name; /* NULL ends a table */
	msc_key_fn *read;
	size_t offset; /* of what it fills in */
	int64_t min, max;	  /* of expressions */
	const char *const *words; /* of words: the value is the index */
	bool required;
};

/* Reads a map by its table into the struct at `into`. */
int msc_load_map(struct msc_loader *, const struct msc_yaml *, const char *what,
		 const struct msc_key *table, void *into) MSC_MUST_CHECK;

/* "expected WHAT, found ..." at the node. */
int msc_load_expected(struct msc_loader *, const struct msc_yaml *, const char *fmt, ...)
	MSC_PRINTF(3, 4);
/* The same for a word that is none of those known; with the nearest. */
int msc_load_unknown(struct msc_loader *, const struct msc_yaml *, const char *what,
		     const char *const *words, size_t stride, size_t count);
void *msc_load_get(struct msc_loader *, size_t size);
size_t msc_load_count(const struct msc_yaml *); /* children */

msc_key_fn msc_load_text;     /* const char * */
msc_key_fn msc_load_texts;    /* const char **, NULL-terminated; one word is a list of one */
msc_key_fn msc_load_word;     /* int: index into words */
msc_key_fn msc_load_words;    /* unsigned: bits, one for each of the words named */
msc_key_fn msc_load_bool;     /* bool: yes or no */
msc_key_fn msc_load_duration; /* int64_t nanoseconds, up to 60 s */
msc_key_fn msc_load_expr;     /* struct msc_expr within min..max */
msc_key_fn msc_load_exprs;    /* struct msc_exprs: one, or a list */
msc_key_fn msc_load_bytes;    /* struct msc_bytes: hex, up to max bytes */
msc_key_fn msc_load_save;     /* int: a new slot, by name */

/* expr.c: parses text at a node. */
int msc_expr_parse(struct msc_loader *, const struct msc_yaml *, int64_t min, int64_t max,
		   struct msc_expr *) MSC_MUST_CHECK;
bool msc_expr_is_name(const char *); /* of something known of every device */
int msc_expr_number(struct msc_loader *, int64_t value, struct msc_expr *) MSC_MUST_CHECK;

/* load_command.c */
int msc_load_command(struct msc_loader *, const struct msc_yaml *step,
		     struct msc_plan_step *) MSC_MUST_CHECK;
/* load_expect.c */
msc_key_fn msc_load_expect;	    /* struct msc_expect of a command */
msc_key_fn msc_load_expect_control; /* struct msc_expect of a control request */
msc_key_fn msc_load_out_data;	    /* struct msc_out_data */
msc_key_fn msc_load_request_data;   /* the same, of a control request: also as plain hex */
msc_key_fn msc_load_expect_poll;    /* struct msc_expect of a poll */
msc_key_fn msc_load_senses;	    /* struct msc_expect: its senses */
/* load_step.c */
int msc_load_steps(struct msc_loader *, const struct msc_yaml *list, struct msc_plan_step **,
		   size_t *count) MSC_MUST_CHECK;
/* load_flow.c: steps about other steps */
typedef int msc_step_fn(struct msc_loader *, const struct msc_yaml *step, struct msc_plan_step *);
msc_step_fn msc_load_repeat, msc_load_for, msc_load_if, msc_load_let, msc_load_skip_unless,
	msc_load_phase, msc_load_live, msc_load_check;
/* load_control.c: the step of a key that is a control request; *known false: it is none. */
int msc_load_control(struct msc_loader *, const struct msc_yaml *value, struct msc_plan_step *,
		     bool *known) MSC_MUST_CHECK;

#endif
