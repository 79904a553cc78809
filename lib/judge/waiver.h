/* SPDX-License-Identifier: BSD-2-Clause */
/* Known failures that a run lets pass: each names a rule and a case, and says why and until when. A
 * waived finding weighs no more than a note; what it would have weighed is kept with it. A waiver that
 * has expired waives nothing, and one that nothing needs is to be taken out: both fail the run. */
#ifndef MSC_JUDGE_WAIVER_H
#define MSC_JUDGE_WAIVER_H

#include "judge/judge.h"

enum msc_waiver_state {
	MSC_WAIVER_USED,
	MSC_WAIVER_UNTRIED, /* no case that it names has been run, or not to its end */
	MSC_WAIVER_UNUSED,
	MSC_WAIVER_EXPIRED,
};
const char *msc_waiver_state_name(enum msc_waiver_state); /* "used", "untried", ... */

struct msc_waiver {
	const struct msc_rule *rule;
	const char *name;   /* of the case; a glob, as in --select */
	const char *reason; /* why this is known and let pass */
	const char *until;  /* the last day on which it is, "2027-01-31" */
	int until_day;	    /* the same as 20270131 */
	int line, column;   /* of the file, from 1 */
	/* kept by the run: */
	unsigned findings, cases; /* that it has waived */
	bool known;   /* there is a case of that name */
	bool tried;   /* such a case has been run to its end */
};

struct msc_waivers {
	const char *path; /* of their file */
	int today;	  /* 20270131, UTC */
	struct msc_waiver *list;
	size_t count;
};

/* NULL is no waivers, everywhere. */
enum msc_waiver_state msc_waiver_state(const struct msc_waivers *, const struct msc_waiver *);
/* How many have expired or are unused. */
unsigned msc_waivers_stale(const struct msc_waivers *);
/* What became of it: "known.yaml:3:3: ... expired on 2027-01-31", or what it waived and why; returns buf. */
char *msc_waiver_text(char *buf, size_t size, const struct msc_waivers *,
		      const struct msc_waiver *);

/* Of the findings of a case, those that weigh more than a note. Returns how many are waived. The
 * findings point at the waivers. */
unsigned msc_waive(struct msc_waivers *, const char *name, struct msc_findings *);
/* The case ran to its end, so that what it did not show is not there. */
void msc_waivers_tried(struct msc_waivers *, const char *name);

#endif
