/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope check --bring-up: what real hosts do, from the first descriptor to a file that is copied, up to
 * the first thing that stops one of them; then parts of the suite, one thing at a time, which stop no host
 * and are listed. The scenarios are those of the suite, in the order of lib/run/walk.c; what is here is what is
 * said of the end. Under profile interop only a host's own sequence can fail. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tool.h"

#define COLUMN 10 /* where the text of a row begins */

/* What to do follows from the rule that spoke, and from the command on which it did. */
static void put_next(FILE *out, const struct msc_finding *f)
{
	char text[1280] = "";

	msc_append(text, sizeof text, "%s%s%s", f->context, *f->context ? ": " : "", f->message);
	if (f->expected)
		msc_append(text, sizeof text, "; expected %s", f->expected);
	msc_append(text, sizeof text,
		   ". What is demanded there (%s): %s. The usual mistake: %s. Fix "
		   "that, and run this again for what comes after it",
		   f->rule->id, f->rule->title, f->rule->mistake);
	msc_put_row(out, COLUMN, "next", text);
}

/* Where the walk could not look, by reason. */
static void put_untold(FILE *out, const struct walk *walk)
{
	for (size_t i = 0; i < walk->n_untold; i++) {
		const struct untold *u = &walk->untold[i];
		char text[1024] = "";
		bool told = false;

		for (size_t k = 0; k < i; k++)
			told |= !strcmp(walk->untold[k].reason, u->reason);
		for (size_t k = i; !told && k < walk->n_untold; k++)
			if (!strcmp(walk->untold[k].reason, u->reason))
				msc_append(text, sizeof text, "%s%s", *text ? ", " : "",
					   msc_scenario_name(walk->untold[k].scenario));
		if (told)
			continue;
		msc_append(text, sizeof text, ": %s", u->reason);
		msc_put_row(out, COLUMN, "not tried", text);
	}
}

static void explain(struct tool *tool, const struct walk *walk)
{
	FILE *out = tool->text;

	if (!out)
		return;
	put_untold(out, walk);
	if (walk->first.count)
		put_next(out, &walk->first.list[0]);
	else if (walk->failed)
		msc_put_row(out, COLUMN, "next",
			    "the last step did not end; what is said of it above is the "
			    "first thing to look at");
	else if (walk->unbound)
		msc_put_row(
			out, COLUMN, "next",
			"no driver of a host binds to this bInterfaceSubClass: 06h is what disks "
			"have, 01h to 05h are taken too. What was tried above no host will send");
	else if (walk->n_untold)
		msc_put_row(
			out, COLUMN, "next",
			"no step that was run stops a host; whether the others would is unknown. "
			"Do what the reasons after \"not tried\" call for, and run this again");
	else
		msc_put_row(
			out, COLUMN, "next",
			walk->warned
				? "no host is stopped by what is listed above, and it is wrong "
				  "all the same: \"mscope check\" has the whole of it"
				: "all steps passed. They do not prove the medium right, nor all "
				  "that hosts seldom send: now run \"mscope check\" without "
				  "--bring-up");
}

/* The device could not even be asked. */
static void explain_unopened(struct tool *tool, const struct msc_err *err)
{
	if (!tool->text)
		return;
	msc_put_tinted(tool->text, tool_context(tool).color, MSC_TINT_FAIL, " FAIL     ");
	fputs("enumeration\n", tool->text);
	fputs("          seen:     ", tool->text);
	msc_put_wrapped(tool->text, 20, 20, err->msg);
	fputs("\n          why:      ", tool->text);
	msc_put_wrapped(
		tool->text, 20, 20,
		"a host asks for the device and the configuration descriptor, gives an address "
		"and a configuration, and looks for an interface with bulk-in and bulk-out; "
		"until then there is no device");
	fputs("\n          mistake:  ", tool->text);
	msc_put_wrapped(
		tool->text, 20, 20,
		"endpoint 0 is not served in time, the status stage of a request is left out, or "
		"a length in the configuration leads past its end");
	putc('\n', tool->text);
	msc_put_row(tool->text, COLUMN, "next",
		    "make a standard request of each kind work by itself, GET_DESCRIPTOR with "
		    "8 bytes first; on Linux, \"dmesg\" says which one failed");
}

int bring_up(struct tool *tool, const struct msc_scenarios *all, struct msc_err *err)
{
	struct msc_scenarios chosen = { NULL };
	struct walk walk = { .failed = NULL };
	int status = -1;

	if (arg(&tool->args, "select") || arg(&tool->args, "exclude"))
		return msc_fail(err, MSC_E_USAGE,
				"--bring-up has an order of its own and takes neither --select "
				"nor --exclude");
	tool->endpoints = true;
	if (msc_run_walk(all, &chosen, err) == 0)
		status = conduct_walk(tool, all, &chosen, &walk, err);
	if (status >= 0)
		explain(tool, &walk);
	else if (err->code == MSC_E_UNSUPPORTED && !walk.opened)
		explain_unopened(tool, err);
	walk_end(&walk);
	free(chosen.list);
	return status;
}
