/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios on simulated devices, for tests: YAML in, what the events of the run said out. */
#ifndef MSC_TESTS_SCENARIO_BENCH_H
#define MSC_TESTS_SCENARIO_BENCH_H

#include "run/run.h"

#define HEAD	"name: a.b\ntitle: t\nspec: [x]\n"
#define STEPS	HEAD "steps:\n"
#define SCRATCH HEAD "scratch: 8\nsteps:\n"

#define DISK   "sim:reference,blocks=8192"
#define GADGET "sim:linux-gadget,blocks=8192"

#define INQUIRY "  - command: { inquiry: { alloc: 36 } }\n"
#define READ(lba, blocks)                                                                          \
	"  - command: { read10: { lba: " lba ", blocks: " blocks " } }\n"
#define WRITE(lba, blocks)                                                                         \
	"  - command: { write10: { lba: " lba ", blocks: " blocks " } }\n    data: stamps\n"

/* What the events of a run said. */
struct seen {
	char dir[32]; /* of the journal */
	unsigned begins, ends, records;
	bool journal; /* was there after a command of a case */
	enum msc_verdict verdict; /* of the first case */
	char reason[256];	  /* of the first case */
	char rule[64];		  /* of its worst finding */
	char expected[128], actual[128];
	char note[512];	    /* the last */
	char run[256];	    /* why the run could not be finished */
	char skipped[256];  /* reason of the last case */
	bool begun, ended;
	unsigned stop_after; /* transfers; 0: never */
	unsigned asked;
	unsigned stated; /* of those up to the last that belongs to a case, before what was written is put back */
	size_t will_run; /* of the estimate */
	int64_t low_ns, high_ns;
	struct msc_summary summary;
};

/* With a new empty directory for the journal. */
struct seen case_fresh(void);
/* Fails the test unless nothing is left in that directory; removes it. */
void case_done(const struct seen *);
bool case_journal_exists(const struct seen *);
void case_remove_journal(const struct seen *);

/* Opened with writes allowed. */
struct msc_target *case_open(const char *name);

/* What msc_run returns. Fails the test when events are missing. */
int case_run_on(struct msc_target *, const char *yaml, bool allow_writes, struct seen *);
int case_run(const char *name, const char *yaml, bool allow_writes, struct seen *);

#endif
