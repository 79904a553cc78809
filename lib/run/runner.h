/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the runner share. A run has one session; each case is run in three layers:
 *
 *	run.c    the run: facts of the device, order, what happens when it goes away
 *	case.c   one scenario: needs, steps, recovery, verdict
 *	step*.c  one step; check*.c what was stated about its answer
 *	check_end.c, put_back.c  once the steps are over
 *
 * Private to lib/run. A function returns -1 only when the run cannot go on (the device has
 * gone, the user stopped it, the host failed). What ends a case alone is noted in the runner. */
#ifndef MSC_RUN_RUNNER_H
#define MSC_RUN_RUNNER_H

#include "medium/medium.h"
#include "run/run.h"
#include "scenario/plan.h"

#define MSC_RUN_HASTY_NS  (1200 * MSC_S) /* for the rest of a run on a device that hangs often */
#define MSC_CASE_HASTY_NS (60 * MSC_S)	  /* and for one scenario */
#define MSC_PHASES_MAX 8
#define MSC_FACTS_MAX  64

struct msc_told { /* a fact that some case has been judged by */
	uint64_t hash;
	const char *name;
	enum msc_severity severity;
};

enum msc_cost_part { MSC_COST_COMMAND, MSC_COST_RESET, MSC_COST_READ, MSC_COST_WRITE, MSC_COSTS };

/* Of one case or many, by their steps. */
struct msc_cost {
	int64_t wait_ns;
	int64_t part[MSC_COSTS]; /* commands, port resets, blocks read and written */
};

struct msc_price { /* what n of them took together */
	int64_t ns, n;
};

struct msc_estimate {
	struct msc_price price[MSC_COSTS];
	int64_t quickest_ns; /* of the commands before the first case */
	int64_t ready_ns;    /* from the beginning to the first case */
	size_t cases, done; /* that run; what is skipped without a command is none of them */
	struct msc_cost left;
	struct msc_cost
		past; /* of the cases that are done, without those where a command timed out */
	int64_t past_ns;
	bool hung;	 /* a command of the case under way timed out */
	size_t n_hung;	 /* cases in which one did */
	int64_t hang_ns; /* what was lost in one, of late */
	int64_t low_ns, high_ns; /* as told last */
};

struct msc_runner {
	struct msc_target *target;
	struct msc_session *session;
	const struct msc_run_options *o;
	struct msc_summary *summary;
	struct msc_env env;
	struct msc_unit unit;
	uint8_t max_lun;
	struct msc_medium *medium;
	unsigned elsewhere; /* of its blocks that have been told of */
	bool told_lost;	    /* and that nothing can be put back any more */
	char no_endpoints[256]; /* why there is nothing but whole commands, if so */
	char no_journal[512]; /* why there is no place for one; empty: there is */
	struct msc_err judge_err; /* from within the session's callback */
	unsigned unlevel; /* cases that did not begin as all do */
	unsigned leaves;   /* so often the device left in the case under way, and came back */
	unsigned restless; /* so many cases, up to now, in which it did so more than once */
	/* "its power was off": no reset brought the device back; NULL: that has not been */
	const char *revived_after;
	bool told_revived;
	bool odd_csw;		  /* the device answers, and never with a valid CSW */
	bool hasty; /* the device hangs so often that its time has been cut */
	int64_t end_ns, until_ns; /* hasty: when the run, and the case under way, are cut short */

	int64_t began_ns; /* the run */
	struct msc_estimate estimate;

	struct msc_told facts[MSC_FACTS_MAX];
	size_t n_facts;

	struct msc_scenario *const *next; /* the cases after the one under way */
	size_t n_next;

	/* the case under way */
	const struct msc_scenario *s;
	struct msc_findings findings;
	struct msc_saved_answer slots[MSC_SLOTS_MAX];
	bool ended;	    /* no more steps */
	bool deconfigured; /* SET_CONFIGURATION was taken with another value than the one in force */
	bool held_back; /* by the transport or the gate, in the middle of what the scenario meant to send */
	uint32_t steps;	    /* and turns of loops, so far */
	struct {
		const char *name;
		int64_t began_ns;
	} phase[MSC_PHASES_MAX];
	size_t n_phases;
	struct msc_record *slowest; /* the command that took longest; NULL: none was sent */
	enum msc_verdict verdict; /* SKIP or ERROR, when reason says so; FAIL: the findings say it */
	char reason[384];	  /* empty: the findings decide */
};

#define MSC_RUN_POWER_OFF_NS (2 * MSC_S) /* when its power is taken away */

/* run.c */
void msc_run_note(struct msc_runner *, const char *fmt, ...) MSC_PRINTF(2, 3);
/* The host owes the device a reset recovery before anything else is sent. */
bool msc_run_owes_reset(const struct msc_runner *);

/* revive.c: no reset has brought the device back. *wedged false: it answers again. */
int msc_run_revive(struct msc_runner *, bool *wedged, struct msc_err *err) MSC_MUST_CHECK;

/* misuse.c: what firmware has done that no hardware allows, since it was asked last: a finding of the case. record: the
 * one after which it was asked; NULL: that was after what is not judged. A failure is left in judge_err. */
int msc_run_misuse(struct msc_runner *, const struct msc_record *record);
/* Before the first case it is a note: those that enumerate the device anew find it again. Dead firmware is a finding
 * all the same. */
int msc_run_misuse_before(struct msc_runner *);

/* fact.c: what the profile makes of the findings of the case, when it ends. */
void msc_run_weigh(struct msc_runner *);
/* No finding of the case under way is worse than this. */
enum msc_severity msc_run_worst(const struct msc_runner *);
/* As when it was told first. */
void msc_run_reweigh(const struct msc_runner *, struct msc_finding *);
/* Those findings of the case, from `from` on, that an earlier one was judged by become notes. */
void msc_run_facts(struct msc_runner *, size_t from);

/* case.c: -1 leaves the reason in *err. Wedged: nothing brings the device back. */
int msc_run_case(struct msc_runner *, const struct msc_scenario *, bool *wedged,
		 struct msc_err *) MSC_MUST_CHECK;
/* The case ends here, without more steps, and this is its verdict unless findings are worse. The first reason stays,
 * but an error says more than a skip. */
void msc_run_end_case(struct msc_runner *, enum msc_verdict, const char *fmt, ...) MSC_PRINTF(3, 4);

/* leaving.c */
/* The device has left in the middle of the case, and err says so: waits for it, which is a finding. -1: it is not
 * back, and *err says why. */
int msc_run_rejoin(struct msc_runner *, struct msc_err *) MSC_MUST_CHECK;
/* Of a device that has left: what it was asked for last. */
void msc_run_tell_asked(const struct msc_runner *, struct msc_err *);

/* obstacle.c */
/* The scenario in hand cannot run on this device, or may not: *why says so. */
bool msc_run_obstacle(const struct msc_runner *, char *why, size_t size);
/* What keeps it from being run on any device until the user allows it; NULL: nothing. */
const char *msc_run_unpermitted(const struct msc_scenario *, const struct msc_run_options *,
				bool simulated);

/* cost.c; env: what is known of the device, or NULL; command_ns: what a command takes, for turns that end in time,
 * or 0. */
struct msc_cost msc_run_cost(const struct msc_scenario *, const struct msc_env *env,
			     int64_t command_ns);
/* estimate.c */
/* Tells how many cases will run and about how long they take. */
void msc_run_estimate(struct msc_runner *, const struct msc_scenarios *);
/* Learns from what the device took. */
void msc_run_measure(struct msc_runner *, const struct msc_record *);
/* The case in hand, one that was counted, has ended; tells anew when what was told turns out wrong. */
void msc_run_estimate_case(struct msc_runner *, int64_t took_ns);
/* How long the cases take that are left; 0: not known yet. */
int64_t msc_run_left(const struct msc_runner *);

/* step.c */
int msc_run_steps(struct msc_runner *, const struct msc_plan_step *, size_t n,
		  struct msc_err *) MSC_MUST_CHECK;
int msc_run_recover(struct msc_runner *, struct msc_err *) MSC_MUST_CHECK;
/* A device that is deconfigured gets its configuration back; nothing otherwise. */
int msc_run_configured(struct msc_runner *, struct msc_err *) MSC_MUST_CHECK;
/* step_aside.c: what a scenario does in the middle of a command, as the session is told of it; a is in use
 * until the command has ended. */
struct msc_run_aside {
	struct msc_runner *r;
	const struct msc_plan_aside *plan;
	unsigned turns;
};
struct msc_aside msc_run_aside(struct msc_run_aside *a, struct msc_runner *,
			       const struct msc_plan_aside *);
int msc_run_wait(struct msc_runner *, int64_t ns, struct msc_err *) MSC_MUST_CHECK;
/* step_command.c */
int msc_run_command(struct msc_runner *, const struct msc_plan_command *,
		    struct msc_err *) MSC_MUST_CHECK;
int msc_run_wrapper(struct msc_runner *, const struct msc_bytes *, struct msc_err *) MSC_MUST_CHECK;
int msc_run_sense(struct msc_runner *, uint8_t lun, const struct msc_expect *,
		  struct msc_sense_data *out, struct msc_err *) MSC_MUST_CHECK;
int msc_run_ready(struct msc_runner *, struct msc_err *) MSC_MUST_CHECK;
int msc_run_prelude(struct msc_runner *, struct msc_err *) MSC_MUST_CHECK;
/* step_control.c */
int msc_run_control(struct msc_runner *, const struct msc_plan_control *,
		    struct msc_err *) MSC_MUST_CHECK;
int msc_run_enumerate(struct msc_runner *, struct msc_err *) MSC_MUST_CHECK;

/* False: the value does not fit this device, and the case has ended as a skip. */
bool msc_run_value(struct msc_runner *, const struct msc_expr *, int64_t otherwise, int64_t *value);
int msc_run_save(struct msc_runner *, int slot, const uint8_t *data, size_t len,
		 struct msc_err *) MSC_MUST_CHECK;

/* check_stated.c */
/* Adds text to a list in words: "a", "a or b". */
void msc_check_list(char *buf, size_t size, const char *fmt, ...) MSC_PRINTF(3, 4);
/* A finding of an expect.* rule, unless a rule of the judge has spoken of the same exchange. */
int msc_check_stated(struct msc_runner *r, const struct msc_rule *rule, const struct msc_record *x,
		     const char *expected, const char *actual, struct msc_err *err,
		     const char *what) MSC_MUST_CHECK;
/* A rule of the judge has. amount: what is stated is how much came. */
bool msc_check_has_spoken(struct msc_runner *, const struct msc_rule *, const struct msc_record *,
			  bool amount);

/* check_data.c: what is stated of the data that came; lba: of its first byte, where it is of blocks. */
int msc_check_data(struct msc_runner *, const struct msc_expect *, const struct msc_record *,
		   const uint8_t *data, size_t len, uint64_t lba, const struct msc_rule *,
		   struct msc_err *) MSC_MUST_CHECK;
/* What is stated of data that did not come: a failure, unless the case has one that says why. */
int msc_check_no_data(struct msc_runner *, const struct msc_record *, const char *actual,
		      const struct msc_rule *, const char *what, struct msc_err *) MSC_MUST_CHECK;

/* check.c */
int msc_check_exchange(struct msc_runner *, const struct msc_expect *, const struct msc_record *,
		       struct msc_err *) MSC_MUST_CHECK;
/* The command has failed and had to pass, and the unit says that it is at work: as hosts do, it is sent again
 * after a pause, and what has been found on its status from `from` on is not held against the device. Linux
 * (scsi_io_completion) does so for longer. */
#define MSC_AGAIN_MAX 5 /* times */
bool msc_check_again(struct msc_runner *, const struct msc_expect *, const struct msc_sense_data *,
		     size_t from);
/* It had failed, and turns out to have been carried out: what was said of its status since the finding `from`
 * is taken back, and what came is looked at. data: of x, all that came. */
int msc_check_recovered(struct msc_runner *, const struct msc_expect *, const struct msc_record *x,
			const uint8_t *data, size_t from, struct msc_err *) MSC_MUST_CHECK;
/* A whole command has a status. Of an exchange with a CSW the judge knows more. */
int msc_check_ended(struct msc_runner *, const struct msc_record *,
		    struct msc_err *) MSC_MUST_CHECK;
/* The device hangs: the case ends here and is a failure. */
int msc_check_hung(struct msc_runner *, const struct msc_record *, const char *what,
		   struct msc_err *) MSC_MUST_CHECK;
int msc_check_sense(struct msc_runner *, const struct msc_expect *, const struct msc_record *,
		    const struct msc_sense_data *, struct msc_err *) MSC_MUST_CHECK;
int msc_check_control(struct msc_runner *, const struct msc_expect *, const struct msc_record *,
		      struct msc_err *) MSC_MUST_CHECK;
int msc_check_poll(struct msc_runner *, const struct msc_expect *, const struct msc_record *,
		   struct msc_err *) MSC_MUST_CHECK;
/* The case took so long. */
int msc_check_time(struct msc_runner *, int64_t took_ns, struct msc_err *) MSC_MUST_CHECK;
int msc_check_value(struct msc_runner *, const struct msc_plan_unless *,
		    struct msc_err *) MSC_MUST_CHECK;
int msc_check_settled(struct msc_runner *, int rung, struct msc_err *) MSC_MUST_CHECK;

/* What was written for safety's sake did not read as it was written: a finding of the case. */
int msc_check_readback(struct msc_runner *, const char *text, struct msc_err *) MSC_MUST_CHECK;
/* A block has changed that nobody wrote: a finding of the case. harm: the writes were such as every host sends. */
int msc_check_elsewhere(struct msc_runner *, const char *text, bool harm,
			struct msc_err *) MSC_MUST_CHECK;
/* The medium does not take back what was found on it, or is no longer the one that it was. */
int msc_check_lost(struct msc_runner *, const char *text, struct msc_err *) MSC_MUST_CHECK;

/* put_back.c: what the case has written, and at the end of the last that writes all that the run has: what is
 * seen of the medium then is found in that case. */
int msc_run_put_back(struct msc_runner *, struct msc_err *) MSC_MUST_CHECK;

#endif
