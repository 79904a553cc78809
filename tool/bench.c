/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope bench: throughput and latency, and whether they are worse than a baseline. What was
 * measured is shown however the bench ended. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "gate.h"
#include "judge/story.h"
#include "mscope.h"

#define SIZES_MAX   MSC_LINE_POINTS_MAX
#define COUNT	    100
#define CLUMPED_COUNT 200 /* of times in clumps so far apart: */
#define CLUMPS	    0.05 /* what compare can be asked for, unless told otherwise */
#define DURATION_NS (10 * MSC_S)
#define WARM_UP	    3
#define PLACES	    4 /* for the largest size, when places are drawn */
#define FILL	    0x55 /* neither stuffed bits nor what an erased medium holds */

struct job {
	struct tool *tool;
	struct msc_bench_options o;
	struct msc_compare_options gate;
	struct msc_session_options session;
	uint32_t sizes[SIZES_MAX];
	const char *baseline; /* NULL: none */
	struct msc_bench base, bench;
	struct msc_comparison comparison;
	bool compared, measured_again, not_restored;
	bool usbmon;
};

/* ---- options ----------------------------------------------------------------------------------- */

static int add_size(struct job *j, uint64_t blocks, struct msc_err *err)
{
	for (size_t i = 0; i < j->o.n_blocks; i++)
		if (j->sizes[i] == blocks)
			return msc_fail(err, MSC_E_USAGE, "--blocks: %u is there twice",
					j->sizes[i]);
	if (j->o.n_blocks == SIZES_MAX)
		return msc_fail(err, MSC_E_USAGE, "--blocks: more than %d sizes", SIZES_MAX);
	j->sizes[j->o.n_blocks++] = (uint32_t)blocks;
	return 0;
}

static int read_sizes(struct job *j, const char *text, struct msc_err *err)
{
	char *copy = strdup(text), *left = copy, *word;
	int result = copy ? 0 : msc_nomem(err);
	uint64_t blocks;

	while (result == 0 && (word = strsep(&left, ",")))
		result = arg_blocks(word, &blocks, err) < 0 ? -1 : add_size(j, blocks, err);
	free(copy);
	return result;
}

static int choice(const struct args *a, const char *name, const char *const *names, int *value,
		  struct msc_err *err)
{
	const char *text = arg(a, name);
	struct msc_nearest near = { .wanted = text };

	if (!text)
		return 0;
	for (int i = 0; names[i]; i++) {
		if (!strcmp(names[i], text)) {
			*value = i;
			return 0;
		}
		msc_nearest_try(&near, names[i]);
	}
	if (near.best)
		return msc_fail(err, MSC_E_USAGE, "--%s: no '%s'; did you mean '%s'?", name, text,
				near.best);
	return msc_fail(err, MSC_E_USAGE,
			"--%s: no '%s'; \"mscope help bench\" lists what there is", name, text);
}

/* What the baseline measured is measured again, unless options say otherwise. */
static void adopt(struct job *j)
{
	const struct msc_bench_run *r = j->base.run;

	j->o.serial = j->o.queued = false;
	for (size_t i = 0; i < j->base.n_runs; i++) {
		struct msc_err full = MSC_ERR_INIT;

		j->o.op = r[i].op == MSC_BENCH_READ ? MSC_BENCH_READ : MSC_BENCH_WRITE;
		j->o.mixed = r[i].op == MSC_BENCH_MIXED_READ || r[i].op == MSC_BENCH_MIXED_WRITE;
		j->o.order = r[i].order;
		j->o.serial |= r[i].mode == MSC_BENCH_SERIAL;
		j->o.queued |= r[i].mode == MSC_BENCH_QUEUED;
		if (!arg(&j->tool->args, "blocks") && add_size(j, r[i].blocks, &full) < 0)
			continue; /* another mode's */
	}
	if (!j->o.serial && !j->o.queued) /* the kernel's */
		j->o.serial = j->o.queued = true;
}

static int read_baseline(struct job *j, struct msc_err *err)
{
	static const char *const of_gate[] = { "threshold", "force", NULL };

	j->baseline = arg(&j->tool->args, "baseline");
	if (!j->baseline)
		return args_refuse(&j->tool->args, of_gate,
				   "nothing is compared; it goes with --baseline FILE", err);
	if (gate_options_read(&j->tool->args, &j->gate, err) < 0 ||
	    msc_bench_read(j->baseline, &j->base, err) < 0)
		return -1;
	if (!j->base.n_runs)
		return msc_fail(err, MSC_E_UNDECIDED, "%s: there are no runs to compare with",
				j->baseline);
	if (*j->base.failure && !arg(&j->tool->args, "force"))
		return msc_fail(err, MSC_E_UNDECIDED, "%s: it is not whole: %.180s", j->baseline,
				j->base.failure);
	adopt(j);
	return 0;
}

static int read_amount(struct job *j, struct msc_err *err)
{
	const struct args *a = &j->tool->args;
	uint64_t count = COUNT, warm_up = WARM_UP, seed = 1, lun = 0;
	bool counted = arg(a, "count"), timed = arg(a, "duration");

	j->o.duration_ns = counted ? 0 : DURATION_NS;
	if (arg_size(a, "count", UINT32_MAX, &count, err) < 0 ||
	    arg_duration(a, "duration", &j->o.duration_ns, err) < 0 ||
	    arg_size(a, "warm-up", UINT16_MAX, &warm_up, err) < 0 ||
	    arg_size(a, "seed", UINT64_MAX, &seed, err) < 0 ||
	    arg_size(a, "lun", MSC_LUN_MAX, &lun, err) < 0 ||
	    arg_duration(a, "timeout", &j->session.timeout_ns, err) < 0)
		return -1;
	if (counted && !count)
		return msc_fail(err, MSC_E_USAGE, "--count: expected at least 1");
	j->o.count = timed && !counted ? 0 : (uint32_t)count;
	if (!timed && !counted)
		j->o.clumped_count = CLUMPED_COUNT;
	j->o.clumps = CLUMPS;
	j->o.warm_up = (uint32_t)warm_up;
	j->o.seed = seed;
	j->o.lun = (uint8_t)lun;
	return 0;
}

static void tell_story(void *user, char *buf, size_t size, const uint8_t *got, const uint8_t *want,
		       size_t len, uint64_t lba, uint32_t block_size)
{
	const struct msc_story s = { .lba = lba, .block_size = block_size };

	(void)user;
	msc_data_story(buf, size, got, want, len, &s);
}

static int read_options(struct job *j, struct msc_err *err)
{
	static const char *const modes[] = { "serial", "queued", "both", NULL };
	static const char *const clocks[] = { "libusb", "usbmon", NULL };
	const struct args *a = &j->tool->args;
	static const char *const ops[] = { "read", "write", "mixed", NULL };
	int op, mode = -1, clock = 0;

	j->o.serial = j->o.queued = true;
	j->o.blocks = j->sizes;
	j->o.fill = FILL;
	if (read_baseline(j, err) < 0 || read_amount(j, err) < 0)
		return -1;
	op = j->o.mixed ? 2 : (int)j->o.op;
	if (choice(a, "op", ops, &op, err) < 0 || choice(a, "mode", modes, &mode, err) < 0 ||
	    choice(a, "clock", clocks, &clock, err) < 0)
		return -1;
	j->usbmon = clock == 1;
	if (arg(a, "clock") && !clock && !strncmp(j->tool->target, "sim:", 4))
		return msc_fail(err, MSC_E_USAGE, "--clock libusb: the time of %s is virtual",
				j->tool->target);
	j->o.op = op ? MSC_BENCH_WRITE : MSC_BENCH_READ;
	j->o.mixed = op == 2;
	j->o.verify = arg(a, "verify");
	j->o.story = tell_story;
	if (j->o.verify && !op)
		return msc_fail(
			err, MSC_E_USAGE,
			"--verify compares what was written; it goes with --op write or mixed");
	if (mode >= 0) {
		j->o.serial = mode != 1;
		j->o.queued = mode != 0;
	}
	if (arg(a, "random"))
		j->o.order = MSC_BENCH_RANDOM;
	if ((arg(a, "blocks") || !j->baseline) &&
	    read_sizes(j, arg(a, "blocks") ? arg(a, "blocks") : "1,8,64", err) < 0)
		return -1;
	if (j->o.op == MSC_BENCH_WRITE && !arg(a, "allow-writes"))
		return msc_fail(err, MSC_E_USAGE,
				"writing changes the medium; give --allow-writes to allow it (a "
				"scratch range is saved and put back)");
	return 0;
}

/* A block device is read as files are; what else there is in /dev, and what is written, goes by whole
 * commands. */
static bool is_block(const struct job *j)
{
	const char *name = j->tool->target;
	struct stat st;

	return !strncmp(name, "/dev/", 5) && j->o.op == MSC_BENCH_READ &&
	       (stat(name, &st) < 0 || S_ISBLK(st.st_mode));
}

/* ---- measuring --------------------------------------------------------------------------------- */

static void show_progress(void *user, const char *text)
{
	const struct job *j = user;

	tool_progress(j->tool, text);
}

/* Room for the largest size, and for some places of it when they are drawn. */
static uint32_t scratch_of(const struct job *j)
{
	uint32_t most = 0;

	for (size_t i = 0; i < j->o.n_blocks; i++)
		most = j->sizes[i] > most ? j->sizes[i] : most;
	if (j->o.order == MSC_BENCH_RANDOM && most <= MSC_SCRATCH_MOST / PLACES)
		most *= PLACES;
	return most > MSC_SCRATCH_LEAST ? most : 0;
}

/* Writes stay within a range that is saved before and put back afterwards. */
static int measure_writes(struct job *j, struct msc_session *s, struct msc_err *err)
{
	struct msc_medium *medium;
	int result = -1;

	if (j->o.queued && msc_bench_try_queued(s, &j->bench, err) < 0)
		return -1;
	medium = tool_medium_begin(s, j->o.lun, j->o.seed, scratch_of(j), err);
	if (!medium)
		return -1;
	if (msc_medium_blocks(medium)) {
		j->o.medium = medium;
		j->o.first_lba = msc_medium_first(medium);
		j->o.span = msc_medium_blocks(medium);
		result = msc_bench_measure(s, &j->o, &j->bench, err);
		j->o.medium = NULL;
	} else {
		msc_fail(err, MSC_E_UNSUPPORTED, "%s: there is no medium in unit %u",
			 msc_session_target(s)->device.name, j->o.lun);
	}
	j->not_restored |= !tool_medium_end(medium);
	return result;
}

static int measure_once(struct job *j, struct msc_session *s, struct msc_err *err)
{
	if (j->o.op == MSC_BENCH_WRITE)
		return measure_writes(j, s, err);
	return msc_bench_measure(s, &j->o, &j->bench, err);
}

static int compare(struct job *j, struct msc_err *err)
{
	if (!j->baseline || *j->bench.failure)
		return 0;
	msc_comparison_free(&j->comparison);
	j->compared = false;
	if (msc_compare(&j->base, &j->bench, &j->gate, &j->comparison, err) < 0)
		return -1;
	j->compared = true;
	return 0;
}

/* An alarm is raised only when a second measurement confirms it. */
static int measure(struct job *j, struct msc_session *s, struct msc_err *err)
{
	if (measure_once(j, s, err) < 0 || compare(j, err) < 0)
		return -1;
	if (!j->compared || msc_comparison_verdict(&j->comparison) != MSC_CHANGE_SLOWER)
		return 0;
	msc_comparison_free(&j->comparison);
	msc_bench_free(&j->bench);
	j->compared = false;
	j->measured_again = true;
	return measure_once(j, s, err) < 0 ? -1 : compare(j, err);
}

static int use_session(struct job *j, struct msc_target *target, struct msc_err *err)
{
	struct msc_bench_clock clock = { .state = NULL };
	struct msc_session *s;
	int result = -1;

	j->o.clock = j->usbmon ? &clock : NULL;
	if (j->baseline && !j->gate.force &&
	    msc_compare_devices(&j->base.device, &target->device, err) < 0)
		return -1;
	j->session.log = &j->tool->log;
	j->session.queued = j->o.queued;
	j->session.allow_writes = arg(&j->tool->args, "allow-writes");
	s = msc_session_new(target, &j->session);
	if (!s)
		return msc_nomem(err);
	msc_session_set_stop(s, tool_stop, NULL);
	if ((!j->usbmon || msc_bench_usbmon(&target->device, &clock, err) == 0) &&
	    msc_session_learn(s, j->o.lun, err) == 0)
		result = measure(j, s, err);
	msc_session_free(s);
	msc_bench_usbmon_close(&clock);
	return result;
}

static int use_block(struct job *j, struct msc_err *err)
{
	j->o.stop = tool_stop;
	if (msc_block_measure(j->tool->target, &j->o, &j->bench, err) < 0)
		return -1;
	return compare(j, err);
}

static int use_target(struct job *j, struct msc_err *err)
{
	struct msc_target *target;
	int result;

	if (is_block(j))
		return j->usbmon ? msc_fail(err, MSC_E_USAGE, "--clock usbmon: name the USB device")
				 : use_block(j, err);
	target = tool_open(j->tool, j->o.op == MSC_BENCH_WRITE, err);
	if (!target)
		return -1;
	if (j->o.op != MSC_BENCH_WRITE)
		tool_tell_journal(target);
	result = use_session(j, target, err);
	msc_target_close(target);
	return result;
}

/* ---- the command ------------------------------------------------------------------------------- */

static int status_of(const struct job *j)
{
	if (*j->bench.failure || j->not_restored)
		return MSCOPE_FAILED;
	return j->compared ? gate_status(&j->comparison) : MSCOPE_PASSED;
}

static int show(struct job *j, int status, const char *reason, struct msc_err *err)
{
	struct msc_bench_report r = { .bench = &j->bench,
				      .base = j->compared ? &j->base : NULL,
				      .comparison = j->compared ? &j->comparison : NULL,
				      .base_name = j->baseline,
				      .measured_again = j->measured_again,
				      .reason = reason,
				      .exit_status = status };

	return gate_write(j->tool, &r, err);
}

static int run(struct job *j, struct msc_err *err)
{
	struct msc_err unwritten = MSC_ERR_INIT;
	int result, status;

	j->o.progress = show_progress;
	j->o.user = j;
	result = use_target(j, err);
	tool_progress(j->tool, "");
	if (result < 0 && !j->bench.n_runs)
		return -1;
	status = result < 0 ? tool_status(err) : status_of(j);
	if (show(j, status, result < 0 ? err->msg : NULL, &unwritten) < 0 && result == 0) {
		*err = unwritten;
		return -1;
	}
	return result < 0 ? -1 : status;
}

static int bench(struct tool *tool, struct msc_err *err)
{
	struct job j = { .tool = tool };
	int status = -1;

	if (tool_one_target(tool, err) == 0 && read_options(&j, err) == 0)
		status = run(&j, err);
	msc_comparison_free(&j.comparison);
	msc_bench_free(&j.bench);
	msc_bench_free(&j.base);
	return status;
}

static const struct opt bench_options[] = {
	{ "op", 0, "read|write|mixed", "what is timed; read unless given" },
	{ "verify", 0, NULL, "read back what was written, outside of the time, and compare it" },
	{ "blocks", 'b', "N,...", "blocks per command; 1,8,64 unless given" },
	{ "mode", 0, "MODE", "serial, queued, or both (the default)" },
	{ "count", 'n', "N",
	  "commands of each size; 100 unless given (200 of times in clumps), or until 10s are over" },
	{ "duration", 0, "TIME", "time for each size, instead of a number of commands" },
	{ "random", 0, NULL, "random addresses instead of consecutive ones" },
	{ "warm-up", 0, "N", "uncounted commands of each size beforehand; 3 unless given" },
	{ "lun", 0, "N", "the logical unit; 0 unless given" },
	{ "allow-writes", 0, NULL,
	  "allow --op write and mixed; a scratch range is saved and restored" },
	{ "clock", 0, "libusb|usbmon",
	  "source of timestamps: the program, or the kernel's usbmon" },
	{ "baseline", 0, "FILE", "a bench to compare with; the same sizes are measured" },
	{ .name = NULL },
};

const struct cmd cmd_bench = {
	.name = "bench",
	.summary = "measure throughput and latency, and compare them with a baseline",
	.usage = "[TARGET] [OPTION]...",
	.options = { bench_options, gate_options, target_options, common_options },
	.verbose = "log more on standard error; twice: every transfer",
	.quiet = "log nothing, show no progress, and no text when the exit status is 0",
	.document = "mscope.bench/1",
	.format = bench_format,
	.run = bench,
};
