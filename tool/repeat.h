/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a case shows again, by itself, what was found in it. */
#ifndef REPEAT_H
#define REPEAT_H

#include "tool.h"

struct tried;

struct repeat {
	const char *target;		/* its name */
	const struct msc_scenarios *cases; /* of the run, in their order */
	struct msc_run_options options; /* of the command that is printed */
	struct tried *known;
	size_t n;
	struct msc_err
		err; /* of the host: why something could not be tried, so that the reports lack it */
};

/* A device that can be had anew, as often as one likes. */
bool repeat_can(const struct msc_target *);
/* msc_repeats_fn of a report's context; user: a struct repeat. Each question is tried once. */
enum msc_repeats repeat_try(void *user, const char *name, const struct msc_rule *,
			    const char **before);
void repeat_end(struct repeat *);

/* "mscope COMMAND TARGET", with those options that are kept, as they were typed. free() it; NULL: out of memory. */
char *repeat_line(const struct tool *, const char *command, bool (*keep)(const struct opt *));
/* The command that repeats a case, less its --select; and that, " --select WHAT...", as it was typed. free() them;
 * NULL: out of memory. */
char *repeat_command(const struct tool *);
char *repeat_selected(const struct tool *);

#endif
