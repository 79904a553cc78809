/* SPDX-License-Identifier: BSD-2-Clause */
/* nosan: every fault goes under them in tests/tool/test_faults.py, the SG path in test_sg.c */
/* The same device by USB and by the kernel's SCSI path: what is found in its commands is the same, for
 * every model and every fault, but for the differences that are listed here with their reason. */
#include <fnmatch.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "firmware/firmware.h"
#include "kernel_path.h"
#include "run/run.h"
#include "scenario/plan.h"

/* ---- a run ------------------------------------------------------------------------------------- */

#define CASES_MAX 400
#define RULES_MAX 24

/* Of one scenario. */
struct outcome {
	const char *name;
	enum msc_verdict verdict;
	char reason[200];
	bool lost;  /* the kernel made nothing of a command in it */
	bool amiss; /* some rule found something, be it of the wrapper */
	const struct msc_rule *rules[RULES_MAX]; /* of those that need no wrapper */
	size_t n_rules;
};

struct run {
	struct msc_target *target;
	bool kernel; /* the target is a kernel_path */
	struct outcome of[CASES_MAX];
	size_t n;
	unsigned lost; /* before the case */
	struct kernel_path_count count;
};

static bool has(const struct outcome *o, const struct msc_rule *rule)
{
	for (size_t i = 0; i < o->n_rules; i++)
		if (o->rules[i] == rule)
			return true;
	return false;
}

static void see_finding(struct outcome *o, const struct msc_finding *f)
{
	o->amiss |= f->severity >= MSC_WARN;
	if (f->rule->wrapper || f->above || has(o, f->rule))
		return;
	assert_true(o->n_rules < RULES_MAX);
	o->rules[o->n_rules++] = f->rule;
}

static void on_event(void *user, const struct msc_event *e)
{
	struct run *r = user;
	unsigned lost = r->kernel ? kernel_path_count(r->target).lost : 0;
	struct outcome *o = &r->of[r->n];

	if (e->kind == MSC_EV_CASE_BEGIN)
		r->lost = lost;
	if (e->kind != MSC_EV_CASE_END)
		return;
	assert_true(r->n < CASES_MAX);
	*o = (struct outcome){ .name = msc_scenario_name(e->scenario),
			       .verdict = e->verdict,
			       .lost = lost != r->lost };
	snprintf(o->reason, sizeof o->reason, "%s", e->reason ? e->reason : "");
	for (size_t i = 0; i < e->findings->count; i++)
		see_finding(o, &e->findings->list[i]);
	r->n++;
}

static void run_on(struct run *r, const struct msc_scenarios *some, bool writes)
{
	char dir[] = "/tmp/mscope-sg-XXXXXX";
	const struct msc_run_options o = { .profile = MSC_PROFILE_SPEC,
					   .allow_writes = writes,
					   .allow_eject = true,
					   .journal_dir = dir,
					   .event = on_event,
					   .user = r };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_summary summary;

	assert_non_null(mkdtemp(dir));
	/* A device may be lost for good: what was found till then counts. */
	if (msc_run(r->target, some, &o, &summary, &err) < 0 && err.code != MSC_E_GONE)
		fail_msg("%s", err.msg);
	rmdir(dir);
	assert_int_equal(r->n, some->count);
}

static void by_usb(struct run *r, const char *name, const struct msc_scenarios *some, bool writes)
{
	const struct msc_open_options open = { .allow_writes = writes };
	struct msc_err err = MSC_ERR_INIT;

	*r = (struct run){ .target = msc_target_open(name, &open, &err) };
	if (!r->target)
		fail_msg("%s: %s", name, err.msg);
	run_on(r, some, writes);
	msc_target_close(r->target);
}

static void by_kernel(struct run *r, const char *name, const struct msc_scenarios *some,
		      bool writes)
{
	struct msc_err err = MSC_ERR_INIT;

	*r = (struct run){ .kernel = true, .target = kernel_path_open(name, &err) };
	if (!r->target)
		fail_msg("%s: %s", name, err.msg);
	run_on(r, some, writes);
	r->count = kernel_path_count(r->target);
	msc_target_close(r->target);
}

/* Those that need endpoints; or the others. Without those about one device. */
static struct msc_scenarios choose(bool endpoints, struct msc_scenarios *all)
{
	struct msc_scenarios some = { NULL };
	struct msc_err err = MSC_ERR_INIT;

	*all = (struct msc_scenarios){ NULL };
	assert_int_equal(msc_scenarios_load_embedded(all, &err), 0);
	some.list = calloc(all->count, sizeof *some.list);
	assert_non_null(some.list);
	for (size_t i = 0; i < all->count; i++)
		if (!all->list[i]->vendor &&
		    !(all->list[i]->needs & MSC_NEED_ENDPOINTS) == !endpoints)
			some.list[some.count++] = all->list[i];
	return some;
}

/* ---- the same findings ------------------------------------------------------------------------- */

/* What differs, and why. Each row is met, and nothing else is. */
struct known {
	const char *device, *scenario, *rule; /* as patterns; rule "": it is skipped */
	const char *why;
};

#define ASKED	"the kernel has asked why already, with room for 18 bytes"
#define ENDLESS \
	"a failure is an error for the kernel; it resets the port, the reset is told as a failure, and so on"
#define CLAMPED "of a residue that is more than the length the kernel takes the length"
#define NOTHING "for the kernel, a failure without a reason is an error"
#define LEFT_OVER "bytes that are left over by the residue are none for the kernel"

static const struct known known[] = {
	{ "*", "scsi.sense.short", "", ASKED },
	{ "*", "scsi.sense.zero-cut", "", ASKED },
	{ "*=sense-stale", "scsi.sense.inquiry", "expect.sense", ASKED },
	{ "*=sense-outlives", "scsi.sense.*", "scsi.sense.outlived", ASKED },
	{ "*=csw-missing", "*", "*", ENDLESS },
	{ "*=configuration-opens-nothing", "*", "*", ENDLESS },
	{ "*-restarts", "*", "*",
	  "a disk that leaves the bus comes back as another one of the kernel's" },
	{ "*=clear-both", "*", "*", ENDLESS },
	{ "*=phase-needless", "*", "*", ENDLESS },
	{ "*=data-split", "scsi.ready.*", "expect.status", ENDLESS },
	{ "*=port-reset-loses-command", "*", "*", ENDLESS },
	{ "*=maxlun-arms", "*", "*", ENDLESS },
	{ "*=sense-fails", "*", "*", ENDLESS },
	{ "*=status-reserved", "*", "*", ENDLESS },
	{ "*=status-late", "*", "*", ENDLESS },
	{ "*=status-never-passes", "*", "*", ENDLESS },
	{ "*=status-sticky", "*", "*", ENDLESS },
	{ "*=sense-form", "scsi.sense.status", "expect.status", NOTHING },
	{ "*=sense-zero", "scsi.sense.*", "expect.status", NOTHING },
	{ "*=residue-swapped", "*", "*", CLAMPED },
	{ "*=residue-kept-read", "*", "*", LEFT_OVER },
	{ "*=inquiry-pads", "scsi.inquiry.allocation", "scsi.inquiry.additional", LEFT_OVER },
	{ "*=maxlun-*", "scsi.*luns*", "scsi.luns.list",
	  "how many units there are cannot be asked" },
	{ "*=attention-again", "*", "expect.s*",
	  "which command meets it depends on how many came before, and toggles need some" },
	{ "*=toggle-kept", "scsi.*", "expect.settles", "the port reset restarts the toggles" },
	{ "*=toggle-kept", "*", "expect.*", "packets fall out, and so do the commands" },
	{ "sim:hostile", "*", "*", "what it does follows from every transfer before" },
};

static void differ(const char *device, const struct outcome *usb, const struct outcome *kernel,
		   const char *rule, bool met[])
{
	for (size_t i = 0; i < MSC_COUNT(known); i++) {
		const struct known *k = &known[i];

		if (fnmatch(k->device, device, 0) || fnmatch(k->scenario, usb->name, 0) ||
		    fnmatch(k->rule, rule, 0))
			continue;
		met[i] = true;
		return;
	}
	fail_msg("%s: %s: %s by USB, %s by the kernel (%s): %s", device, usb->name,
		 msc_verdict_name(usb->verdict), msc_verdict_name(kernel->verdict), kernel->reason,
		 *rule ? rule : "skipped");
}

/* What the kernel loses is amiss by USB too. */
static void compare_case(const char *device, const struct outcome *usb,
			 const struct outcome *kernel, bool met[])
{
	assert_string_equal(usb->name, kernel->name);
	if (kernel->lost && usb->amiss)
		return;
	/* A case that is skipped here may be so by USB, and yet have findings about wrappers. */
	if (kernel->verdict == MSC_VERDICT_SKIP && usb->verdict != MSC_VERDICT_SKIP &&
	    (!usb->amiss || usb->n_rules)) {
		differ(device, usb, kernel, "", met);
		return;
	}
	for (size_t i = 0; i < usb->n_rules; i++)
		if (!has(kernel, usb->rules[i]))
			differ(device, usb, kernel, usb->rules[i]->id, met);
	/* By USB a rule about the wrapper has said what is amiss, and what is stated is silent. */
	for (size_t i = 0; i < kernel->n_rules; i++)
		if (!has(usb, kernel->rules[i]) &&
		    !(usb->amiss && !strncmp(kernel->rules[i]->id, "expect.", strlen("expect."))))
			differ(device, usb, kernel, kernel->rules[i]->id, met);
}

static void compare(const char *device, const struct msc_scenarios *some, bool met[])
{
	struct run *usb = malloc(sizeof *usb), *kernel = malloc(sizeof *kernel);

	assert_true(usb && kernel);
	by_usb(usb, device, some, true);
	by_kernel(kernel, device, some, true);
	for (size_t i = 0; i < some->count; i++)
		compare_case(device, &usb->of[i], &kernel->of[i], met);
	free(usb);
	free(kernel);
}

static void same_findings(void **state)
{
	struct msc_scenarios all, some = choose(false, &all);
	bool met[MSC_COUNT(known)] = { false };
	char name[160];

	(void)state;
	for (size_t i = 0; i < msc_firmware_count; i++) {
		if (!strcmp(msc_firmwares[i]->name, "recorded"))
			continue; /* it needs a capture */
		snprintf(name, sizeof name, "sim:%s", msc_firmwares[i]->name);
		compare(name, &some, met);
	}
	for (const struct msc_fault *f = msc_fault_next(NULL); f; f = msc_fault_next(f)) {
		snprintf(name, sizeof name, "sim:reference%s%s,fault=%s", f->target ? "," : "",
			 f->target ? f->target : "", f->id);
		compare(name, &some, met);
	}
	for (size_t i = 0; i < MSC_COUNT(known); i++)
		if (!met[i])
			fail_msg("%s %s %s: no difference any more: %s", known[i].device,
				 known[i].scenario, known[i].rule, known[i].why);
	free(some.list);
	msc_scenarios_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
