/* SPDX-License-Identifier: BSD-2-Clause */
/* The wire log is the record: what a live run gave is given again, byte for byte, by an assembler
 * that has seen nothing but the log. A fact that reaches a record by another way shows here; and so
 * that it would, each kind of note is left out once, and has to be missed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "judge/facts.h"
#include "kernel_path.h"
#include "report/report.h"
#include "run/run.h"
#include "scenario_bench.h"

/* What one source gave: records, what was known, findings, as text. */
struct told {
	char *text;
	size_t size;
	FILE *out;
	size_t records, findings, answered, clean;
};

static void begin(struct told *t)
{
	*t = (struct told){ NULL };
	t->out = open_memstream(&t->text, &t->size);
	assert_non_null(t->out);
}

static void end(struct told *t)
{
	assert_int_equal(fclose(t->out), 0);
}

static void dump(struct told *t, json_t *json)
{
	assert_non_null(json);
	assert_int_equal(json_dumpf(json, t->out, JSON_COMPACT), 0);
	json_decref(json);
	putc('\n', t->out);
}

/* What no report shows and rules look at. */
static void put_known(FILE *out, const struct msc_record *r)
{
	const struct msc_past *p = &r->past;
	const struct msc_exchange *x = &r->u.exchange;

	fprintf(out, "%d %d%d%d%d%d %d%d %d%d%d %d%d%d%d %d%d%d%d %s %u", p->unknown, p->reset,
		p->request, p->cleared_in, p->cleared_out, p->sent, p->awaits_recovery,
		p->was_invalid, p->prevented, p->ejected, p->gone, p->in.halt, p->in.request,
		p->out.halt, p->out.request, p->in.idle, p->out.idle, p->busy,
		p->suspended + 2 * p->asleep, r->device->name, r->device->max_packet_in);
	fprintf(out, " %zu %zu", r->history->controls.count, r->history->of_unit[0].answers.count);
	if (r->kind == MSC_RECORD_EXCHANGE)
		fprintf(out, " %d%d%d%d %llu %u %u %d%d%d %zu %zu %d%d%d %d", x->unit.have_capacity,
			x->unit.have_inquiry, x->unit.have_mode, x->unit.write_protected,
			(unsigned long long)x->unit.last_lba, x->unit.block_size, x->max_lun,
			x->csw_in_data, x->have_csw, x->needs_reset, x->data_short_packet,
			x->data_kept, x->command, x->plain, x->answered, x->stated.known);
	if (r->kind == MSC_RECORD_EXCHANGE && x->whole)
		fprintf(out, " whole %s %02x %d", msc_outcome_name(x->outcome), x->scsi_status,
			x->fetched);
	putc('\n', out);
}

/* A rule that is not called, because the record is clean or of another command, has nothing to say. */
static void same_by_all(const struct msc_record *r, const struct msc_findings *f)
{
	struct msc_findings all = { 0 };
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_judge_by_all(r, MSC_PROFILE_SPEC, &all, &err), 0);
	if (all.count != f->count)
		fail_msg("%zu findings by the rules that are called, %zu by all: %s", f->count,
			 all.count, all.list[0].rule->id);
	msc_findings_clear(&all);
}

static void tell(void *user, const struct msc_record *r)
{
	struct msc_findings findings = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	struct told *t = user;

	if (r->muted)
		return;
	dump(t, msc_record_json(r));
	put_known(t->out, r);
	assert_int_equal(msc_judge(r, MSC_PROFILE_SPEC, &findings, &err), 0);
	same_by_all(r, &findings);
	for (size_t i = 0; i < findings.count; i++)
		dump(t, msc_finding_json(&findings.list[i]));
	t->records++;
	t->clean += msc_is_clean(r);
	t->findings += findings.count;
	t->answered += r->kind == MSC_RECORD_EXCHANGE && r->u.exchange.answered;
	msc_findings_clear(&findings);
}

/* ---- a live run --------------------------------------------------------------------------- */

struct live {
	struct told told;
	struct msc_wire_log log;
	size_t findings; /* of the run's own judge, without those that scenarios raise */
};

static void on_event(void *user, const struct msc_event *e)
{
	struct live *l = user;

	if (e->kind == MSC_EV_RECORD)
		tell(&l->told, e->record);
	for (size_t i = 0; e->kind == MSC_EV_CASE_END && i < e->findings->count; i++)
		l->findings += e->findings->list[i].rule->on != 0;
}

static void on_entry(void *user, const struct msc_log_entry *e)
{
	struct live *l = user;
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_wire_log_add(&l->log, e, &err), 0);
}

#define KERNEL "kernel:" /* by the kernel's SCSI path: whole commands */

static void run_live(struct live *l, const char *name, bool queued)
{
	char dir[] = "/tmp/mscope-wire-XXXXXX";
	const struct msc_open_options open = { .allow_writes = true };
	const struct msc_run_options o = { .profile = MSC_PROFILE_SPEC,
					   .allow_writes = true,
					   .queued = queued,
					   .journal_dir = dir,
					   .event = on_event,
					   .user = l,
					   .wire = on_entry,
					   .wire_user = l };
	struct msc_scenarios all = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = strncmp(name, KERNEL, sizeof KERNEL - 1)
				       ? msc_target_open(name, &open, &err)
				       : kernel_path_open(name + sizeof KERNEL - 1, &err);
	struct msc_summary summary;

	*l = (struct live){ .log.keep = SIZE_MAX };
	begin(&l->told);
	if (!t || !mkdtemp(dir) || msc_scenarios_load_embedded(&all, &err) ||
	    msc_run(t, &all, &o, &summary, &err))
		fail_msg("%s: %s", name, err.msg);
	end(&l->told);
	msc_target_close(t);
	msc_scenarios_free(&all);
	rmdir(dir);
	assert_true(l->told.records > 100);
	assert_int_equal(l->findings, l->told.findings);
}

static void drop(struct live *l)
{
	free(l->told.text);
	msc_wire_log_clear(&l->log);
}

/* ---- the log alone ------------------------------------------------------------------------ */

/* Without: notes that are left out, as bits. */
static struct told assemble(const struct msc_wire_log *log, unsigned without)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_assembler *a;
	struct told t;

	begin(&t);
	a = msc_assembler_new(tell, &t);
	assert_non_null(a);
	for (size_t i = 0; i < log->count; i++) {
		const struct msc_log_entry *e = &log->list[i];

		if (e->what == MSC_ENTRY_NOTE && without & 1u << e->u.note.kind)
			continue;
		assert_int_equal(msc_assemble(a, e, &err), 0);
	}
	assert_int_equal(msc_assemble_end(a, &err), 0);
	msc_assembler_free(a);
	end(&t);
	return t;
}

static void first_difference(const char *name, const char *a, const char *b)
{
	const char *line_a = a, *line_b = b;

	for (; *a && *a == *b; a++, b++)
		if (*a == '\n')
			line_a = a + 1, line_b = b + 1;
	if (*a != *b)
		fail_msg("%s: live\n%.*s\nfrom the log\n%.*s", name, (int)strcspn(line_a, "\n"),
			 line_a, (int)strcspn(line_b, "\n"), line_b);
}

static const char *const models[] = {
	"sim:reference", "sim:linux-gadget",     "sim:linux-gadget",
	"sim:stm32",     KERNEL "sim:reference", "sim:hostile,seed=3"
};

#define CONFORMING 5 /* of them */

static void the_log_gives_the_same_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * MSC_COUNT(models); i++) {
		struct told again;
		struct live live;

		run_live(&live, models[i / 2], i % 2);
		again = assemble(&live.log, 0);
		first_difference(models[i / 2], live.told.text, again.text);
		assert_int_equal(again.records, live.told.records);
		if (i == 0)
			assert_true(live.told.clean > 100);
		free(again.text);
		drop(&live);
	}
}

/* MSC_NOTE_ABANDON takes a host that fails. */
static void each_note_is_missed(void **state)
{
	static const enum msc_note_kind kinds[] = { MSC_NOTE_DEVICE, MSC_NOTE_FRESH, MSC_NOTE_MUTE,
						    MSC_NOTE_UNMUTE, MSC_NOTE_BEGIN, MSC_NOTE_END,
						    MSC_NOTE_BARE };
	struct live live;

	(void)state;
	run_live(&live, "sim:reference", false);
	for (size_t i = 0; i < MSC_COUNT(kinds); i++) {
		struct told less = assemble(&live.log, 1u << kinds[i]);

		if (!strcmp(less.text, live.told.text))
			fail_msg("note %d makes no difference", kinds[i]);
		free(less.text);
	}
	drop(&live);
}

static void no_leave(struct msc_log_entry *e)
{
	if (e->what == MSC_ENTRY_NOTE)
		e->u.note.leave = false;
}

static void no_stated(struct msc_log_entry *e)
{
	if (e->what == MSC_ENTRY_NOTE)
		e->u.note.stated.known = false;
}

static void no_naks(struct msc_log_entry *e)
{
	if (e->what == MSC_ENTRY_TRANSFER)
		e->u.transfer.naks = -1;
}

static void no_room(struct msc_log_entry *e)
{
	if (e->what == MSC_ENTRY_TRANSFER)
		e->u.transfer.asked = e->u.transfer.actual;
}

static void no_start(struct msc_log_entry *e)
{
	if (e->what == MSC_ENTRY_TRANSFER)
		e->u.transfer.submitted_ns = e->u.transfer.completed_ns;
}

static void no_stall(struct msc_log_entry *e)
{
	if (e->what == MSC_ENTRY_TRANSFER && e->u.transfer.outcome == MSC_OUT_STALL)
		e->u.transfer.outcome = MSC_OUT_TIMEOUT;
}

static void no_request(struct msc_log_entry *e)
{
	if (e->what == MSC_ENTRY_TRANSFER)
		e->u.transfer.setup.index = 0;
}

static void no_bytes(struct msc_log_entry *e)
{
	if (e->what == MSC_ENTRY_TRANSFER && e->u.transfer.ep & MSC_EP_IN)
		e->u.transfer.kept = 0;
}

/* A fact that came to the records by another way than the log would not be. */
static void each_fact_is_missed(void **state)
{
	static void (*const forget[])(struct msc_log_entry *) = { no_leave,   no_stated, no_naks,
								  no_room,    no_start,  no_stall,
								  no_request, no_bytes };
	struct live live;

	(void)state;
	run_live(&live, "sim:reference", false);
	for (size_t f = 0; f < MSC_COUNT(forget); f++) {
		size_t size = live.log.count * sizeof *live.log.list;
		struct msc_wire_log less = { .list = malloc(size), .count = live.log.count };
		struct told told;

		assert_non_null(less.list);
		memcpy(less.list, live.log.list, size);
		for (size_t i = 0; i < less.count; i++)
			forget[f](&less.list[i]);
		told = assemble(&less, 0);
		if (!strcmp(told.text, live.told.text))
			fail_msg("fact %zu makes no difference", f);
		free(told.text);
		free(less.list);
	}
	drop(&live);
}

/* A captured log has no notes, and shows that a host took a transfer back, but not why. */
static void make_captured(struct msc_wire_log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		struct msc_transfer *t = &log->list[i].u.transfer;

		if (log->list[i].what == MSC_ENTRY_TRANSFER && t->outcome == MSC_OUT_TIMEOUT)
			t->outcome = MSC_OUT_CANCELLED;
	}
}

/* What was answered is found all the same, and nothing is held against a device against which
 * nothing is held when the host's intent is known. */
static void a_log_without_notes_will_do(void **state)
{
	const unsigned meant = 1u << MSC_NOTE_BEGIN | 1u << MSC_NOTE_END | 1u << MSC_NOTE_BARE |
			       1u << MSC_NOTE_ABANDON;

	(void)state;
	for (size_t i = 0; i < 2 * CONFORMING; i++) {
		struct told captured;
		struct live live;

		run_live(&live, models[i / 2], i % 2);
		make_captured(&live.log);
		captured = assemble(&live.log, meant);
		if (captured.answered != live.told.answered ||
		    captured.findings > live.told.findings)
			fail_msg("%s: %zu of %zu answered, %zu findings of %zu", models[i / 2],
				 captured.answered, live.told.answered, captured.findings,
				 live.told.findings);
		free(captured.text);
		drop(&live);
	}
}

/* One that begins in the middle of a command's data holds nothing against the device for it. */
static void a_log_may_begin_anywhere(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_wire_log whole = { .keep = SIZE_MAX };
	struct live live;

	(void)state;
	run_live(&live, "sim:reference", false);
	for (size_t from = 0; from < 4000; from += 37) {
		struct msc_wire_log part = { .list = live.log.list + from,
					     .count = live.log.count - from < 400
							      ? live.log.count - from
							      : 400 };
		struct told t;

		while (part.count && part.list[0].what == MSC_ENTRY_NOTE)
			part.list++, part.count--;
		whole.list = NULL;
		whole.count = whole.room = 0;
		assert_int_equal(msc_wire_log_add(&whole, &live.log.list[0], &err), 0); /* DEVICE */
		for (size_t i = 0; i < part.count; i++)
			assert_int_equal(msc_wire_log_add(&whole, &part.list[i], &err), 0);
		make_captured(&whole);
		t = assemble(&whole, ~1u);
		if (t.findings)
			fail_msg("from %zu: %s", from, strstr(t.text, "{\"rule\""));
		free(t.text);
		msc_wire_log_clear(&whole);
	}
	drop(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_log_gives_the_same_again),
		cmocka_unit_test(each_note_is_missed),
		cmocka_unit_test(each_fact_is_missed),
		cmocka_unit_test(a_log_without_notes_will_do),
		cmocka_unit_test(a_log_may_begin_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
