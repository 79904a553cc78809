/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs scenarios with every report that was asked for, and a line of progress on a terminal. All
 * files are open before the target is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/isolate.h"
#include "base/text.h"
#include "mscope.h"
#include "repeat.h"
#include "scenario/waivers.h"
#include "tool.h"

#define ESTIMATE_LEAST 20 /* cases; fewer are done before it is read */
#define LEFT_FROM_NS	(2 * MSC_S) /* what is over sooner needs no word of when */
#define MINUTES_FROM_S 100 /* s; from there on minutes are told */

struct report {
	struct msc_report_context context;
	struct msc_report_run run;
};

struct conductor {
	struct report *reports; /* of each output */
	size_t n_reports;	/* that have begun */
	struct tool *tool;
	bool waits; /* somebody does, in real time, and is told how long */
	char *repeat, *selected;
	struct repeat tried;
	struct walk *walk; /* NULL: the run does not end with the first failure */
};

static void append_time(char *text, size_t size, int64_t ns)
{
	long long seconds = (ns + MSC_S - 1) / MSC_S;

	if (seconds >= MINUTES_FROM_S)
		msc_append(text, size, "%lld minutes", (seconds + 30) / 60);
	else
		msc_append(text, size, "%lld s", seconds);
}

/* Those that run are counted; what is skipped takes no time. */
static void show_progress(struct conductor *c, const struct msc_event *ev)
{
	char text[128];

	if (ev->kind == MSC_EV_CASE_BEGIN && ev->cases_total) {
		snprintf(text, sizeof text, "[%zu/%zu] %s", ev->cases_done + 1, ev->cases_total,
			 msc_scenario_name(ev->scenario));
		if (c->waits && ev->left_ns >= LEFT_FROM_NS) {
			msc_append(text, sizeof text, "; about ");
			append_time(text, sizeof text, ev->left_ns);
			msc_append(text, sizeof text, " left");
		}
		tool_progress(c->tool, text);
	} else if (ev->kind == MSC_EV_CASE_END) {
		tool_progress(c->tool, "");
	}
}

/* The first failure of a case; its strings are kept. */
static void keep_first(struct walk *walk, const struct msc_findings *all)
{
	struct msc_err none = MSC_ERR_INIT;

	for (size_t i = 0; i < all->count && !walk->first.count; i++) {
		const struct msc_findings one = { &all->list[i], 1, 1 };

		if (all->list[i].severity == MSC_FAIL &&
		    msc_findings_copy(&walk->first, &one, &none) < 0)
			msc_findings_clear(&walk->first);
	}
}

static void keep_untold(struct walk *walk, const struct msc_event *ev)
{
	struct untold *more = reallocarray(walk->untold, walk->n_untold + 1, sizeof *more);

	if (!more)
		return;
	walk->untold = more;
	more[walk->n_untold].scenario = ev->scenario;
	more[walk->n_untold].reason = strdup(ev->reason ? ev->reason : "");
	walk->n_untold += more[walk->n_untold].reason != NULL;
}

/* Mass Storage Class Overview 1.4, 2: the command sets that hosts have drivers for. */
static bool is_unbound(const struct msc_device *d)
{
	return !d->commands_only &&
	       (d->subclass < 0x01 || d->subclass > 0x06 || d->protocol != MSC_PROTOCOL_BULK_ONLY);
}

static void watch(struct walk *walk, const struct msc_event *ev)
{
	if (ev->kind == MSC_EV_RUN_BEGIN) {
		walk->opened = true;
		walk->unbound = is_unbound(ev->device);
	}
	if (ev->kind != MSC_EV_CASE_END || walk->failed)
		return;
	walk->warned |= ev->verdict == MSC_VERDICT_WARN || ev->verdict == MSC_VERDICT_WAIVED;
	if (ev->verdict == MSC_VERDICT_SKIP || ev->verdict == MSC_VERDICT_ERROR)
		keep_untold(walk, ev);
	if (ev->verdict != MSC_VERDICT_FAIL)
		return;
	walk->failed = ev->scenario;
	keep_first(walk, ev->findings);
}

void walk_end(struct walk *walk)
{
	for (size_t i = 0; i < walk->n_untold; i++)
		free(walk->untold[i].reason);
	free(walk->untold);
	msc_findings_clear(&walk->first);
}

/* Whoever waits for a real device is told how long, and again when that turns out wrong. */
static void tell_estimate(struct conductor *c, const struct msc_event *ev)
{
	char low[32] = "", high[32] = "", text[128] = "";

	c->waits = c->tool->verbosity >= 0 && !ev->device->simulated &&
		   ev->cases_total >= ESTIMATE_LEAST;
	if (!c->waits)
		return;
	if (ev->cases_done) {
		msc_append(text, sizeof text, "%zu of %zu cases in ", ev->cases_done,
			   ev->cases_total);
		append_time(text, sizeof text, ev->device_ns);
		msc_append(text, sizeof text, "; now ");
	} else {
		msc_append(text, sizeof text, "%zu cases, ", ev->cases_total);
	}
	append_time(low, sizeof low, ev->low_ns);
	append_time(high, sizeof high, ev->high_ns);
	if (!strcmp(low, high))
		tool_tell("%sabout %s in all", text, high);
	else
		tool_tell("%s%s to %s in all", text, low, high);
}

static void on_event(void *user, const struct msc_event *ev)
{
	struct conductor *c = user;

	show_progress(c, ev);
	if (ev->kind == MSC_EV_ESTIMATE)
		tell_estimate(c, ev);
	if (ev->kind == MSC_EV_NOTE && ev->safety && !c->tool->text)
		tool_medium_note(NULL, true, ev->text); /* standard output holds a document */
	if (c->walk)
		watch(c->walk, ev);
	for (size_t i = 0; i < c->n_reports; i++)
		msc_report_event(&c->reports[i].run, ev);
	if (ev->kind == MSC_EV_RUN_BEGIN || ev->kind == MSC_EV_CASE_END)
		output_failed(); /* who watches a slow device sees each verdict; tool_stop() asks */
	if (ev->kind == MSC_EV_RUN_BEGIN)
		tool_progress(c->tool, "asking the device what it is");
}

/* ---- reports ----------------------------------------------------------------------------------- */

struct format report_format(size_t i)
{
	const struct msc_report *r = i < msc_report_count ? msc_reports[i] : NULL;

	return r ? (struct format){ r->name, r->summary, r->suffix }
		 : (struct format){ .name = NULL };
}

static int begin_report(struct report *r, const struct tool *tool, const struct output *o,
			struct msc_err *err)
{
	const struct msc_report *report = msc_report_find(o->is.name, err);

	r->context.color = tool->color && o->f == stdout;
	return report ? msc_report_begin(&r->run, report, o->f, &r->context, err) : -1;
}

static int begin_reports(struct conductor *c, const struct msc_report_context *context,
			 struct msc_err *err)
{
	struct tool *tool = c->tool;

	c->reports = calloc(tool->n_outputs, sizeof *c->reports);
	if (!c->reports)
		return msc_nomem(err);
	for (; c->n_reports < tool->n_outputs; c->n_reports++) {
		struct report *r = &c->reports[c->n_reports];

		r->context = *context;
		if (begin_report(r, tool, &tool->outputs[c->n_reports], err) < 0)
			return -1;
	}
	return 0;
}

/* A report that cannot be written is a failure that those after it tell of. */
static int end_reports(struct conductor *c, int status, struct msc_err *err)
{
	int result = 0;

	for (size_t i = 0; i < c->n_reports; i++) {
		c->tool->outputs[i].written = msc_report_end(&c->reports[i].run, status, err) == 0;
		if (c->tool->outputs[i].written)
			continue;
		if (result == 0)
			msc_outfile_blame(&c->tool->outputs[i].file, err);
		result = -1;
		if (status == MSCOPE_PASSED || status == MSCOPE_FAILED)
			status = tool_status(err);
	}
	free(c->reports);
	return result;
}

int report_failure(struct tool *tool, struct output *o, int status, const struct msc_err *why,
		   struct msc_err *err)
{
	struct report r = { .context = tool_context(tool) };
	const struct msc_summary none = { .device_ns = 0 };
	const struct msc_event end = { .kind = MSC_EV_RUN_END,
				       .reason = why->msg,
				       .summary = &none };

	if (begin_report(&r, tool, o, err) < 0)
		return -1;
	msc_report_event(&r.run, &end);
	return msc_report_end(&r.run, status, err);
}

/* ---- the run ----------------------------------------------------------------------------------- */

static int read_options(struct tool *tool, struct msc_run_options *o, struct msc_err *err)
{
	const char *profile = arg(&tool->args, "profile");
	uint64_t lun = 0;

	o->profile = MSC_PROFILE_USBIF;
	if (tool_leave(tool, &o->allow_writes, &o->allow_unsafe, err) < 0)
		return -1;
	o->unsafe = tool->unsafe;
	o->n_unsafe = tool->n_unsafe;
	o->allow_eject = arg(&tool->args, "allow-eject");
	o->restore = arg(&tool->args, "restore");
	o->forget_journal = arg(&tool->args, "forget-journal");
	if (o->restore && o->forget_journal)
		return msc_fail(err, MSC_E_USAGE,
				"--restore and --forget-journal exclude each other");
	o->queued = arg(&tool->args, "queued");
	o->log = &tool->log;
	o->stop = tool_stop;
	if (profile && msc_profile_parse(profile, &o->profile, err) < 0)
		return -1;
	if (arg_size(&tool->args, "lun", MSC_LUN_MAX, &lun, err) < 0 ||
	    arg_duration(&tool->args, "timeout", &o->timeout_ns, err) < 0)
		return -1;
	o->lun = (uint8_t)lun;
	return 0;
}

/* 0 or 1, from the verdicts. */
static int judgement(const struct tool *tool, const struct msc_summary *s)
{
	bool strict = arg(&tool->args, "strict") && s->count[MSC_VERDICT_SKIP];

	return msc_summary_is_good(s) && !strict ? MSCOPE_PASSED : MSCOPE_FAILED;
}

/* Why a run fails in which no case does. */
static void tell_stale(const struct msc_waivers *all)
{
	for (size_t i = 0; all && i < all->count; i++) {
		char text[512];

		if (msc_waiver_state(all, &all->list[i]) >= MSC_WAIVER_UNUSED)
			tool_tell("%s", msc_waiver_text(text, sizeof text, all, &all->list[i]));
	}
}

/* With every report. A target that was not opened has none yet: report_failure() makes it. */
static int run_on(struct conductor *c, struct msc_target *target,
		  const struct msc_scenarios *scenarios, const struct msc_run_options *options,
		  struct msc_err *err)
{
	struct msc_report_context context = tool_context(c->tool);
	struct msc_summary summary = { .device_ns = 0 };
	struct msc_err unwritten = MSC_ERR_INIT;
	int result = -1, status;

	context.repeat = c->repeat;
	context.selected = c->selected;
	context.strict = arg(&c->tool->args, "strict");
	if (repeat_can(target)) {
		c->tried = (struct repeat){ .target = c->tool->target,
					    .cases = scenarios,
					    .options = *options };
		c->tried.options.as_hosts = c->tried.options.restore = false;
		c->tried.options.waivers = NULL;
		if (c->walk && !arg(&c->tool->args, "profile"))
			c->tried.options.profile = MSC_PROFILE_USBIF;
		context.repeats = repeat_try;
		context.repeats_user = &c->tried;
	}
	if (c->walk && context.verbosity == 0)
		context.verbosity = 1;
	if (begin_reports(c, &context, err) == 0)
		result = msc_run(target, scenarios, options, &summary, err);
	status = result < 0 ? tool_status(err) : judgement(c->tool, &summary);
	if (end_reports(c, status, &unwritten) == 0)
		unwritten = c->tried.err;
	if (unwritten.code && result == 0) {
		*err = unwritten;
		result = -1;
	}
	repeat_end(&c->tried);
	if (result == 0 && context.strict && !c->tool->text && summary.count[MSC_VERDICT_SKIP])
		tool_tell("%u skipped, which --strict counts as a failure",
			  (unsigned)summary.count[MSC_VERDICT_SKIP]);
	tell_stale(options->waivers);
	return result < 0 ? -1 : status;
}

/* for_it: less those that are about another device. */
static int run_opened(struct conductor *c, struct msc_scenarios *scenarios, bool for_it,
		      const struct msc_run_options *options, struct msc_err *err)
{
	struct msc_target *target =
		tool_open(c->tool, options->allow_writes || options->restore, err);
	char why[MSC_ISOLATE_WHY];
	int status;

	if (!target)
		return -1;
	if (for_it)
		msc_select_for(scenarios, &target->device);
	c->repeat = repeat_command(c->tool);
	c->selected = repeat_selected(c->tool);
	status = c->repeat && c->selected ? run_on(c, target, scenarios, options, err)
					  : msc_nomem(err);
	if (!target->device.simulated || !msc_isolate_step(why, sizeof why))
		msc_target_close(target); /* a destructor of the firmware may end the process */
	free(c->repeat);
	free(c->selected);
	return status;
}

/* Without the target: for_it leaves out what is about one device alone, unless the target names it by number. */
static int run_dry(struct conductor *c, struct msc_scenarios *scenarios, bool for_it,
		   const struct msc_run_options *options, struct msc_err *err)
{
	struct msc_device device = { .simulated = !strncmp(c->tool->target, "sim:", 4) };
	struct msc_report_context context = tool_context(c->tool);
	struct msc_summary summary;
	int status;

	if (c->walk)
		return msc_fail(
			err, MSC_E_USAGE,
			"--bring-up decides as it goes what is sent, and takes no --dry-run");
	snprintf(device.name, sizeof device.name, "%s", c->tool->target);
	sscanf(c->tool->target, "usb:%4hx:%4hx", &device.desc.vendor, &device.desc.product);
	if (for_it)
		msc_select_for(scenarios, &device);
	if (begin_reports(c, &context, err) < 0)
		return -1;
	msc_run_dry(&device, scenarios, options, &summary);
	status = msc_summary_is_good(&summary) ? MSCOPE_PASSED : MSCOPE_FAILED;
	if (end_reports(c, status, err) < 0)
		return -1;
	tell_stale(options->waivers);
	return status;
}

static int read_waivers(const struct tool *tool, const struct msc_scenarios *all,
			struct msc_waivers **waivers, struct msc_err *err)
{
	const char *path = arg(&tool->args, "waive");
	int today;

	*waivers = NULL;
	if (!path)
		return 0;
	if (msc_today(&today, err) < 0)
		return -1;
	*waivers = msc_waivers_load_file(path, today, all, err);
	return *waivers ? 0 : -1;
}

/* all: what a waiver may name. */
static int run_chosen(struct tool *tool, const struct msc_scenarios *all,
		      struct msc_scenarios *scenarios, bool for_it, struct walk *walk,
		      struct msc_err *err)
{
	struct conductor c = { .tool = tool, .walk = walk };
	struct msc_run_options options = { .event = on_event, .user = &c, .as_hosts = walk };
	static const char *const of_traffic[] = { "record", "record-transfers", "log", NULL };
	bool dry = arg(&tool->args, "dry-run");
	int status;

	if (dry &&
	    args_refuse(&tool->args, of_traffic,
			"--dry-run sends nothing, so there is nothing to write down", err) < 0)
		return -1;
	if (read_options(tool, &options, err) < 0 ||
	    read_waivers(tool, all, &options.waivers, err) < 0)
		return -1;
	if (walk && !arg(&tool->args, "profile"))
		options.profile = MSC_PROFILE_INTEROP;
	status = dry ? run_dry(&c, scenarios, for_it, &options, err)
		     : run_opened(&c, scenarios, for_it, &options, err);
	msc_waivers_free(options.waivers);
	return status;
}

const char **values_of(const struct tool *tool, const char *option, size_t *n)
{
	const char **list = calloc(tool->args.n_options + 1, sizeof *list);

	*n = 0;
	for (size_t i = 0; list && i < tool->args.n_options; i++) {
		if (!strcmp(tool->args.options[i].opt->name, option))
			list[(*n)++] = tool->args.options[i].value;
	}
	return list;
}

int conduct(struct tool *tool, const struct msc_scenarios *all, bool chosen_by_name,
	    struct msc_err *err)
{
	struct msc_scenarios chosen = { NULL };
	size_t n, n_except;
	const char **list = values_of(tool, "select", &n);
	const char **except = values_of(tool, "exclude", &n_except);
	int status = -1;

	if (!list || !except)
		msc_nomem(err);
	else if (msc_select(all, list, n, &chosen, err) == 0 &&
		 msc_select_except(&chosen, except, n_except, err) == 0)
		status = run_chosen(tool, all, &chosen, !n && !chosen_by_name, NULL, err);
	free(chosen.list);
	free(except);
	free(list);
	return status;
}

int conduct_walk(struct tool *tool, const struct msc_scenarios *all,
		 struct msc_scenarios *scenarios, struct walk *walk, struct msc_err *err)
{
	*walk = (struct walk){ .failed = NULL };
	return run_chosen(tool, all, scenarios, true, walk, err);
}
