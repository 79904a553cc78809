/* SPDX-License-Identifier: BSD-2-Clause */
/* Causes: the fewest defects that explain what was found. Findings in, causes out; where they come
 * from, a run or somebody's capture, is not asked.
 *
 * The dictionary says which (case, rule) pairs each fault of the catalogue shows, on the firmware and
 * with the knobs that its entry names. The build makes it by running them (scripts/dictionary.c). What
 * a device shows is explained by the set of entries whose cost is least: what they leave unexplained,
 * what they should have shown in cases that ran and did not, and each of them a little for itself. A
 * pair that is missing counts in full where the case found nothing at all, and for little where
 * something else may have hidden it. A device that no model resembles shows a defect in other cases
 * than the dictionary: the same rule in a case of the same kind, or only the rule, explain it in part.
 */
#ifndef MSC_JUDGE_CAUSE_H
#define MSC_JUDGE_CAUSE_H

#include "firmware/firmware.h"
#include "judge/judge.h"

/* ---- the dictionary ------------------------------------------------------------------------- */

#define MSC_ALONE_MAX 3

/* What a rule says differs with what was seen: "answered with 13 bytes" is another defect than "time-out". Each
 * form of a message, its words without the values, is one of 64 bits. */
struct msc_pair {
	uint64_t forms;	     /* 0: unknown, that may be any */
	uint16_t name, rule; /* of the dictionary's */
	uint16_t command; /* 1 + the operation code on which alone it was found; 0: on several, or none */
	bool maybe; /* in some of the runs of that case only: on a blank medium or one that is not, with leave to write or
		       without, or as hosts do: it is not missed */
};

struct msc_commands { /* a set of operation codes */
	uint64_t bits[4];
};

static inline bool msc_commands_has(const struct msc_commands *c, uint8_t opcode)
{
	return c->bits[opcode / 64] >> opcode % 64 & 1;
}

static inline void msc_commands_add(struct msc_commands *c, uint8_t opcode)
{
	c->bits[opcode / 64] |= UINT64_C(1) << opcode % 64;
}

struct msc_entry {
	const char *id; /* of a fault; or of a firmware, for what it does without one */
	uint32_t first; /* of the dictionary's pairs, sorted */
	uint16_t n;
	uint16_t n_alone;
	uint16_t alone[MSC_ALONE_MAX]; /* cases that show it when nothing else is run, the best first */
	const char
		*before; /* than this one, which leaves behind what they need; NULL: than nothing */
};

struct msc_dictionary {
	const char *const *names; /* of cases; sorted */
	size_t n_names;
	const char *const *rules; /* their ids; sorted */
	size_t n_rules;
	const struct msc_pair *pairs;
	const struct msc_entry *entries; /* sorted by id */
	size_t n_entries;
	struct msc_commands refused; /* by the model that it was made with */
};

extern const struct msc_dictionary msc_dictionary; /* of this build's catalogue and scenarios */

/* ---- what was seen -------------------------------------------------------------------------- */

struct msc_sighting { /* of one rule in one case */
	const char *name; /* of the case, borrowed; NULL: of none, in a capture */
	const struct msc_rule *rule;
	uint64_t forms; /* as in struct msc_pair */
	struct msc_commands commands; /* on which it was found */
	bool bare;		      /* and on something that is no command */
	unsigned findings;
	enum msc_severity worst;
};

struct msc_ran { /* a case */
	const char *name;
	bool noted; /* its commands were, which are: */
	bool well;  /* each of them passed */
	struct msc_commands sent;
};

struct msc_evidence { /* zero before its first case */
	struct msc_sighting *seen;
	size_t n_seen, room;
	struct msc_ran *ran; /* the cases, also those that found nothing; each once */
	size_t n_ran, ran_room;
	struct msc_commands refused,
		taken; /* as unknown, and with success: what the device was sent */
	uint32_t block_size; /* of the newest capacity; 0: none is known */
	/* Since the last case was added: whether there was a command, one that did not pass, and which. */
	bool noted, failed;
	struct msc_commands sent;
};

/* A case that ran, which must not have been added before; or, with name NULL, some findings of a
 * capture, any number of times. */
int msc_evidence_add(struct msc_evidence *, const char *name, const struct msc_findings *,
		     struct msc_err *) MSC_MUST_CHECK;
/* A record of the run, after it was judged and before its case is added: which commands the device does not
 * know at all, and whether one has failed. */
void msc_evidence_note(struct msc_evidence *, const struct msc_record *);
void msc_evidence_clear(struct msc_evidence *);
/* The form of a message: one bit. NULL: none. */
uint64_t msc_evidence_form(const char *message);

/* ---- what explains it ----------------------------------------------------------------------- */

/* How sure it is; docs/design.md says how often each word was right. */
enum msc_confidence {
	MSC_POSSIBLE, /* less than half of what it should have shown was seen, or never in the same case */
	MSC_LIKELY,   /* half of it or more */
	MSC_CERTAIN, /* nine tenths or more, no other defect shows the same, and its rule is not doubtful */
};
extern const char *const msc_confidence_names[]; /* "possible", "likely", "certain" */

struct msc_missing { /* should have been seen: the case ran */
	const char *name;
	const char *rule;
};

struct msc_cause {
	const char *id;
	const char *title;   /* the defect, in one line */
	const char *mistake; /* the usual one in firmware that leads to it; may be NULL */
	const char *spec;    /* the clause; may be NULL */
	const struct msc_fault *fault;	     /* NULL: a firmware as it is */
	const struct msc_firmware *firmware; /* or this */
	const struct msc_fault *
		*ties; /* they explain the same, and nothing that ran tells them apart */
	size_t n_ties;
	unsigned explains;	   /* findings */
	unsigned cases;		   /* in so many cases */
	enum msc_severity worst;   /* of them */
	/* Of the pairs that it shows in cases that ran, those seen; all. What its own rules found in cases where
	 * the dictionary does not have it counts in both. */
	unsigned shown, shows;
	struct msc_missing *missing; /* the others */
	size_t n_missing;
	const char *alone;  /* the case to run for it by itself, one of those that showed it */
	const char *before; /* and this case before it; NULL: none */
	bool alone_is_sure; /* on the firmware of the dictionary that has been tried */
	enum msc_confidence confidence;
};

struct msc_causes {
	struct msc_cause *
		list; /* what explains most, by how much of it was seen, first; what is no fault last */
	size_t count;
	int *of; /* of each sighting: the index of its cause; -1: it is left over */
	unsigned findings, unexplained;
};

/* Severities are the profile's: a pair whose rule it ignores is not expected. */
int msc_causes_find(const struct msc_dictionary *, const struct msc_evidence *, enum msc_profile,
		    struct msc_causes *, struct msc_err *) MSC_MUST_CHECK;
void msc_causes_clear(struct msc_causes *);
/* The rule is one of those that the fault is about. */
bool msc_cause_is_about(const struct msc_cause *, const struct msc_rule *);

#endif
