/* SPDX-License-Identifier: BSD-2-Clause */
/* A run: scenarios, one after the other, on one device, as a stream of events. */
#ifndef MSC_RUN_RUN_H
#define MSC_RUN_RUN_H

#include "judge/waiver.h"
#include "scenario/scenario.h"
#include "session/session.h"

#define MSC_CASE_STEPS_MAX 1000000 /* of one case: steps and turns of loops; docs/scenarios.md */

enum msc_verdict {
	MSC_VERDICT_PASS,
	MSC_VERDICT_FAIL,
	MSC_VERDICT_WARN,
	MSC_VERDICT_SKIP,  /* with a reason; never a pass */
	MSC_VERDICT_ERROR, /* the harness could not finish it, with a reason */
	MSC_VERDICT_WAIVED, /* what was found is known and let pass, with a reason; never a pass */
	MSC_VERDICTS,
};
const char *msc_verdict_name(enum msc_verdict);

struct msc_summary {
	unsigned count[MSC_VERDICTS];
	int64_t device_ns; /* of the target's clock */
	bool not_restored;  /* what was written could not be put back */
	unsigned stale;	    /* waivers that have expired or are unused */
};

/* Everything that a report can show is one stream of events. A consumer ignores kinds that it
 * does not know. Pointers are valid during the call. */
enum msc_event_kind {
	MSC_EV_RUN_BEGIN,  /* device, profile, cases_total, waivers */
	/* device; cases_done and cases_total of those that run; device_ns: since the run began; low_ns,
	 * high_ns: how long it will have taken. At the beginning, and again when that turns out wrong. */
	MSC_EV_ESTIMATE,
	MSC_EV_CASE_BEGIN, /* scenario; cases_done, cases_total, left_ns when it is one that runs */
	MSC_EV_RECORD,	   /* scenario, record: after it was judged */
	MSC_EV_NOTE,	   /* text: the reader should know, such as "driven serially: ..." */
	MSC_EV_CASE_END,   /* scenario, verdict, reason, findings, device_ns */
	MSC_EV_RUN_END,	   /* summary, waivers; reason when the run could not be finished */
};

struct msc_event {
	enum msc_event_kind kind;
	int64_t at_ns;
	const struct msc_device *device;
	enum msc_profile profile;
	size_t cases_done, cases_total;
	int64_t low_ns, high_ns;
	int64_t left_ns; /* about how long it still takes; 0: not known yet */
	const struct msc_scenario *scenario;
	const struct msc_record *record;
	const char *text;
	bool safety; /* of a note: what was, or was not, put back; never to be silenced */
	bool untested; /* of a note: which units the run leaves out; not to be silenced where there is text */
	enum msc_verdict verdict;
	const char *reason; /* of a skip, an error, a waived case; may be NULL */
	const struct msc_findings *findings;
	int64_t device_ns;
	const struct msc_summary *summary;
	const struct msc_waivers *waivers; /* NULL: none were given */
};
typedef void msc_event_fn(void *user, const struct msc_event *);

struct msc_run_options {
	enum msc_profile profile;
	bool allow_writes;
	bool allow_unsafe;  /* what cannot be undone, or nobody knows (session/gate.h) */
	const uint8_t *unsafe; /* only these operation codes; n_unsafe 0: all */
	size_t n_unsafe;
	bool allow_eject;   /* of a real device; a simulated one loses nothing by it */
	bool restore;	    /* put back what a run that was cut short has left */
	bool forget_journal; /* or throw away what it has saved */
	bool queued;	    /* drive queued where the device allows it */
	bool as_hosts;	    /* end the run after the first case that fails and imitates a host */
	int64_t timeout_ns; /* per phase; 0: the session's default */
	uint8_t lun;
	uint64_t seed;
	struct msc_waivers
		*waivers; /* known failures; NULL: there are none. Kept until the reports end. */
	const char *journal_dir; /* where the saved scratch range is kept; NULL: the default */
	const struct msc_log *log;
	bool (*stop)(void *user); /* asked between transfers; may be NULL */
	msc_event_fn *event;
	void *user;
	msc_wire_fn *wire; /* sees the wire log as it grows; may be NULL */
	void *wire_user;
};

/* Nothing failed or was not finished, the medium is as it was, and no waiver is stale. */
bool msc_summary_is_good(const struct msc_summary *);

/* Runs the scenarios in order on an open target; after each, the device must answer TEST UNIT
 * READY, else it is recovered and the reader is told. -1 when the run could not be finished: the
 * device has gone (MSC_E_GONE), the user stopped it, the harness failed; RUN_END has been sent all
 * the same, with what there is. */
int msc_run(struct msc_target *, const struct msc_scenarios *, const struct msc_run_options *,
	    struct msc_summary *, struct msc_err *) MSC_MUST_CHECK;

/* The events of such a run without a target: every case is skipped, and the reason is what would be done with it.
 * Of the device nothing counts but its name, and whether it is simulated. */
void msc_run_dry(const struct msc_device *, const struct msc_scenarios *,
		 const struct msc_run_options *, struct msc_summary *);

/* walk.c: what real hosts do, from the first descriptor to a file that is copied, then parts of the suite: for a run
 * with as_hosts. chosen->list is the caller's to free, also after -1; the scenarios stay those of `all`. */
int msc_run_walk(const struct msc_scenarios *all, struct msc_scenarios *chosen,
		 struct msc_err *) MSC_MUST_CHECK;

#endif
