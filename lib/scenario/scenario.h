/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: what to send, in YAML. docs/scenarios.md is the reference of the language. A scenario
 * states extra expectations only where the rules of the judge do not already imply them. */
#ifndef MSC_SCENARIO_SCENARIO_H
#define MSC_SCENARIO_SCENARIO_H

#include "judge/judge.h"

struct msc_scenario;

/* The scenarios built into the program, by stage (docs/scenarios.md) and then by name; and those of
 * files, in their order. */
struct msc_scenarios {
	struct msc_scenario **list;
	size_t count, room;
};
int msc_scenarios_load_embedded(struct msc_scenarios *, struct msc_err *) MSC_MUST_CHECK;
/* Errors are "path:line:column: what was expected, what was found". */
int msc_scenarios_load_file(struct msc_scenarios *, const char *path,
			    struct msc_err *) MSC_MUST_CHECK;
int msc_scenarios_load_text(struct msc_scenarios *, const char *path, const char *text,
			    struct msc_err *) MSC_MUST_CHECK;
void msc_scenarios_free(struct msc_scenarios *);
/* The one of that name; NULL: there is none. */
struct msc_scenario *msc_scenarios_find(const struct msc_scenarios *, const char *name);

const char *msc_scenario_name(const struct msc_scenario *);
const char *msc_scenario_title(const struct msc_scenario *);
const char *msc_scenario_path(const struct msc_scenario *);
const char *const *msc_scenario_spec(const struct msc_scenario *); /* NULL-terminated */
const char *const *msc_scenario_tags(const struct msc_scenario *); /* NULL-terminated */
/* False: it is about another device than the one with these numbers. */
bool msc_scenario_is_for(const struct msc_scenario *, uint16_t vendor, uint16_t product);
bool msc_scenario_writes(const struct msc_scenario *);
/* Some step is known to need allow_unsafe: session/gate.h. */
bool msc_scenario_is_unsafe(const struct msc_scenario *);
/* Of a test of USB-IF: "confirmed", or "reconstructed" when its text could not be had in full. NULL:
 * it is none. */
const char *msc_scenario_evidence(const struct msc_scenario *);
/* A name glob ("bot.*"), a tag, or a spec entry ("TD1.9"). */
bool msc_scenario_matches(const struct msc_scenario *, const char *pattern);

#endif
