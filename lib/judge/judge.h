/* SPDX-License-Identifier: BSD-2-Clause */
/* Judgement: rules look at records and nothing else, so that one rule serves live tests and other
 * people's captures alike.
 *
 * A new rule is one function and one `struct msc_rule` in the rule_*.c of its subject, and a line
 * RULE(name) in rule.list.
 */
#ifndef MSC_JUDGE_JUDGE_H
#define MSC_JUDGE_JUDGE_H

#include "record/record.h"

enum msc_profile {
	MSC_PROFILE_SPEC,    /* the letter of BOT 1.0 and USB 2.0 */
	MSC_PROFILE_USBIF,   /* what the USB-IF compliance tests tolerate; the default */
	MSC_PROFILE_INTEROP, /* what Windows, Linux and macOS need */
	MSC_PROFILES,
};
extern const char *const msc_profile_names[]; /* NULL-terminated */
int msc_profile_parse(const char *name, enum msc_profile *, struct msc_err *) MSC_MUST_CHECK;

enum msc_severity {
	MSC_IGNORE, /* this profile does not care */
	MSC_NOTE,   /* named, but no fault: one of several legal answers */
	MSC_WARN,
	MSC_FAIL,
};
const char *msc_severity_name(enum msc_severity); /* "ignore", "note", "warn", "fail" */

struct msc_judging;

struct msc_rule {
	const char *id;	   /* dotted, lower case, permanent: "bot.csw.tag" */
	const char *title; /* the demand, as a sentence without a full stop */
	const char *spec;  /* document, clause */
	enum msc_severity severity[MSC_PROFILES]; /* by profile, in the order of the enum */
	const char *why;     /* why a host cares */
	const char *mistake; /* the usual mistake in firmware */
	bool doubtful; /* what it sees can be of the user's making, such as an image for a larger medium: a
			  cause that shows nothing else is never certain */
	bool by_command; /* each command can have it for a reason of its own: found on another one, it is another defect */
	bool fact; /* about what does not change, such as a descriptor: a run tells it once */
	unsigned on;	     /* msc_record_kind bits; 0: only scenarios raise it */
	bool wrapper; /* it looks at a CBW, a CSW or an endpoint, or has to know that nobody else talks to
			 the device: never asked about a whole command */
	uint8_t n_opcodes, opcodes[3]; /* of an exchange: MSC_ON_COMMANDS; none: any */
	void (*judge)(struct msc_judging *, const struct msc_record *);
};

/* In a rule: it is only about these commands. */
#define MSC_ON_COMMANDS(...) \
	.n_opcodes = sizeof((const uint8_t[]){ __VA_ARGS__ }), .opcodes = { __VA_ARGS__ }

#define RULE(name) extern const struct msc_rule msc_rule_##name;
#include "judge/rule.list"
#undef RULE

extern const struct msc_rule *const msc_rules[]; /* sorted by id */
extern const size_t msc_rule_count;
const struct msc_rule *msc_rule_find(const char *id, struct msc_err *err);

struct msc_waiver;

struct msc_finding {
	const struct msc_rule *rule;
	enum msc_severity severity;
	const char *spec;     /* the rule's clause, or that of the scenario which states it */
	char *message;	      /* what was seen, a sentence; then, where they are values: */
	char *expected;	      /* may be NULL */
	char *actual;	      /* may be NULL */
	char *host;	      /* what a host would have done then, from a scenario; may be NULL */
	uint16_t command; /* 1 + the operation code of the exchange that it is about; 0: it is on none */
	char context[96];     /* that command or request: "READ(10) lba 0 blocks 1" */
	char steps[96];	      /* of an exchange, without its numbers: "data, bulk-in halted and
				 cleared, no CSW"; else empty */
	int64_t at_ns;	      /* of the record's end */
	bool told; /* by that record, of a command before it (msc_about): the context is that command */
	const char *test;  /* of USB-IF, in whose case a run under profile usbif found this failure;
			      MSC_NO_TEST: no USB-IF test sends it; NULL: nobody asked */
	bool unsure; /* the evidence allows less than the rule says (msc_at_most): no cause is sought for it */
	bool borne; /* by hosts (msc_hosts_bear) */
	bool harm; /* done to the medium by plain writes and reads, which every host sends: a failure in every case */
	const char *above; /* of a fact that an earlier case was judged by: that case; else NULL */
	const struct msc_waiver *waiver; /* which lets it pass (judge/waiver.h); NULL: none does */
	enum msc_severity waived; /* what it weighed before that */
};

/* What expect.status says of a command that passes and has to fail; causes tell it from the others. */
#define MSC_STATED_PASSED "the command passed, and must not"

/* No test description of USB-IF is about what was sent: the clause alone says that it is wrong. */
#define MSC_NO_TEST "none"

struct msc_findings {
	struct msc_finding *list;
	size_t count, room;
};
void msc_finding_clear(struct msc_finding *); /* frees its strings */
void msc_findings_clear(struct msc_findings *); /* frees the strings and the list */
/* *to is overwritten, and is to be cleared in any case. */
int msc_findings_copy(struct msc_findings *to, const struct msc_findings *,
		      struct msc_err *) MSC_MUST_CHECK;
enum msc_severity msc_findings_worst(const struct msc_findings *);

/* Applies every rule to one record; appends to *out what the profile does not ignore. Nothing is
 * found on a record that is cut. -1: out of memory. */
int msc_judge(const struct msc_record *, enum msc_profile, struct msc_findings *out,
	      struct msc_err *) MSC_MUST_CHECK;

/* For rules: what is found from now on weighs no more than this, because another explanation fits. */
void msc_at_most(struct msc_judging *, enum msc_severity);
/* For rules: hosts do without what is wrong here, so that under interop it weighs no more than a warning. */
void msc_hosts_bear(struct msc_judging *);
/* For rules: what is found from now on is wrong with this command, which came before the record at hand: it has
 * failed, and the record is the sense data that says why. NULL: with the record at hand. */
void msc_about(struct msc_judging *, const struct msc_record *);
/* For rules: begin a finding; then optionally its two values. Only the first finding of one rule
 * on one record is kept. */
void msc_found(struct msc_judging *, const char *fmt, ...) MSC_PRINTF(2, 3);
void msc_expected(struct msc_judging *, const char *fmt, ...) MSC_PRINTF(2, 3);
void msc_actual(struct msc_judging *, const char *fmt, ...) MSC_PRINTF(2, 3);

/* For scenarios: a finding of a rule with on == 0. spec is what the scenario cites, and outlives the
 * findings; NULL: the rule's own. r may be NULL. */
int msc_judge_stated(const struct msc_rule *, const char *spec, const struct msc_record *r,
		     enum msc_profile, struct msc_findings *out, const char *expected,
		     const char *actual, struct msc_err *, const char *fmt, ...) MSC_PRINTF(9, 10);

/* "READ(10) lba 0 blocks 1", "GET_DESCRIPTOR configuration", ...; returns buf. */
char *msc_record_text(char *buf, size_t size, const struct msc_record *);
/* What happened in an exchange, in the order of its steps and without numbers, so that those in which
 * the same happened can be put together; empty for other records. Returns buf. */
char *msc_steps_text(char *buf, size_t size, const struct msc_record *);

#endif
