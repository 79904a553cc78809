/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of known failures: a list of maps, each with the keys rule, case, reason and until. What
 * they do is in judge/waiver.h. */
#ifndef MSC_SCENARIO_WAIVERS_H
#define MSC_SCENARIO_WAIVERS_H

#include "judge/waiver.h"
#include "scenario/scenario.h"

/* Errors are MSC_E_IO, or MSC_E_FORMAT with "path:line:column: what was expected, what was found".
 * today: as 20270131. `all` is every scenario that a waiver may name: one that names none is unused. */
struct msc_waivers *msc_waivers_load_file(const char *path, int today,
					  const struct msc_scenarios *all, struct msc_err *);
struct msc_waivers *msc_waivers_load_text(const char *path, const char *text, int today,
					  const struct msc_scenarios *all, struct msc_err *);
void msc_waivers_free(struct msc_waivers *); /* NULL is nothing */

#endif
