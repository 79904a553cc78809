/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope.result/1: one document for a run, written when it ends. The exchanges of a case are kept
 * when it did not pass, the newest EXCHANGES_MAX of them; at verbosity 2 all, of every case. */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define EXCHANGES_MAX 32

struct state {
	bool failed; /* memory ran out; said at the end */
	json_t *target, *cases, *notes, *estimates, *causes, *unexplained;
	char *reason;
	json_t *exchanges, *case_notes; /* of the present case */
	json_int_t omitted;
	const char *profile;
	struct msc_summary summary;
};

static void append(struct state *s, json_t **list, json_t *value)
{
	if (!*list)
		*list = json_array();
	if (json_array_append_new(*list, value))
		s->failed = true;
}

static json_t *taken(json_t **list)
{
	json_t *result = *list ? *list : json_array();

	*list = NULL;
	return result;
}

static void case_begin(struct state *s)
{
	json_decref(s->exchanges);
	json_decref(s->case_notes);
	s->exchanges = json_array();
	s->case_notes = json_array();
	s->omitted = 0;
	if (!s->exchanges || !s->case_notes)
		s->failed = true;
}

static void record(struct state *s, const struct msc_record *r, bool keep_all)
{
	append(s, &s->exchanges, msc_record_json(r));
	if (!keep_all && json_array_size(s->exchanges) > EXCHANGES_MAX) {
		json_array_remove(s->exchanges, 0);
		s->omitted++;
	}
}

static void case_end(struct msc_report_run *run, const struct msc_event *ev)
{
	struct state *s = run->state;
	bool passed = ev->verdict == MSC_VERDICT_PASS || ev->verdict == MSC_VERDICT_SKIP;
	json_t *c = msc_case_json(ev);

	if (!c || json_object_set_new(c, "notes", taken(&s->case_notes)))
		s->failed = true;
	if (c && (!passed || run->context->verbosity >= 2) &&
	    (json_object_set_new(c, "exchanges", taken(&s->exchanges)) ||
	     json_object_set_new(c, "exchanges_omitted", json_integer(s->omitted))))
		s->failed = true;
	append(s, &s->cases, c);
}

/* ---- causes ---------------------------------------------------------------------------------- */

static json_t *ties_json(const struct msc_cause *cause)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cause->n_ties; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "id", cause->ties[i]->id,
						      "title", cause->ties[i]->title));
	return list;
}

static json_t *missing_json(const struct msc_cause *cause)
{
	json_t *list = json_array();

	for (size_t i = 0; i < cause->n_missing; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "case", cause->missing[i].name,
						      "rule", cause->missing[i].rule));
	return list;
}

json_t *msc_causes_json(const struct msc_causes *all, const char *repeat, bool tried)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->count; i++) {
		const struct msc_cause *c = &all->list[i];
		char *alone = msc_report_alone(c, repeat, tried);
		json_t *entry = json_pack(
			"{s:s, s:s, s:s, s:s?, s:s?, s:i, s:i, s:i, s:i, s:i, s:s, s:s, s:o, s:o, "
			"s:s?}",
			"id", c->id, "kind", c->fault ? "fault" : "firmware", "title", c->title,
			"mistake", c->mistake, "spec", c->spec, "explains", (int)c->explains, "of",
			(int)all->findings, "cases", (int)c->cases, "shown", (int)c->shown, "shows",
			(int)c->shows, "severity", msc_severity_name(c->worst), "confidence",
			msc_confidence_names[c->confidence], "ties", ties_json(c), "missing",
			missing_json(c), "alone", alone);

		free(alone);
		if (json_array_append_new(list, entry)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *group_json(const struct msc_group *g)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:s, s:o, s:s}", "rule", g->first->rule->id,
			 "severity", msc_severity_name(g->first->severity), "findings",
			 (int)g->findings, "cases", (int)g->cases, "steps", g->first->steps,
			 "commands", msc_json_text(g->commands), "case",
			 msc_scenario_name(g->in->scenario));
}

static json_t *unexplained_json(struct msc_report_run *run)
{
	struct msc_groups left;
	json_t *list = json_array();

	msc_report_left(&run->all, MSC_NOTE, &left);
	for (size_t i = 0; i < left.n; i++)
		json_array_append_new(list, group_json(&left.list[i]));
	free(left.list);
	return list;
}

/* Now that they are known, and what the events pointed at is still there: each finding's own. */
static void name_causes(const struct msc_report_run *run, json_t *cases)
{
	for (size_t c = 0; c < run->all.n && c < json_array_size(cases); c++) {
		const struct msc_report_case *at = &run->all.cases[c];
		json_t *findings = json_object_get(json_array_get(cases, c), "findings");

		for (size_t i = 0; i < at->findings.count; i++) {
			const struct msc_cause *cause =
				msc_report_cause(&run->all, at, &at->findings.list[i]);

			json_object_set_new(json_array_get(findings, i), "cause",
					    cause ? json_string(cause->id) : json_null());
		}
	}
}

static void event(struct msc_report_run *run, const struct msc_event *ev)
{
	struct state *s = run->state;

	switch (ev->kind) {
	case MSC_EV_RUN_BEGIN:
		s->target = msc_device_json(ev->device);
		s->profile = msc_profile_names[ev->profile];
		if (!s->target)
			s->failed = true;
		break;
	case MSC_EV_CASE_BEGIN:
		case_begin(s);
		break;
	case MSC_EV_RECORD:
		record(s, ev->record, run->context->verbosity >= 2);
		break;
	case MSC_EV_NOTE:
		append(s, s->case_notes ? &s->case_notes : &s->notes, msc_json_text(ev->text));
		break;
	case MSC_EV_CASE_END:
		case_end(run, ev);
		break;
	case MSC_EV_RUN_END:
		if (ev->summary)
			s->summary = *ev->summary;
		name_causes(run, s->cases);
		json_decref(s->causes);
		json_decref(s->unexplained);
		s->causes = msc_causes_json(&run->all.causes, run->context->repeat,
					    run->context->repeats);
		s->unexplained = unexplained_json(run);
		free(s->reason);
		s->reason = ev->reason ? strdup(ev->reason) : NULL;
		if (ev->reason && !s->reason)
			s->failed = true;
		break;
	case MSC_EV_ESTIMATE:
		append(s, &s->estimates,
		       json_pack("{s:I, s:I, s:I, s:I, s:I}", "device_ns",
				 (json_int_t)ev->device_ns, "done", (json_int_t)ev->cases_done,
				 "cases", (json_int_t)ev->cases_total, "low_ns",
				 (json_int_t)ev->low_ns, "high_ns", (json_int_t)ev->high_ns));
		break;
	}
}

/* Only a run with waivers has waived cases. */
static json_t *summary_json(const struct msc_summary *s, bool waivers)
{
	json_t *result = json_object();

	for (int v = 0; v < MSC_VERDICTS; v++) {
		if (v == MSC_VERDICT_WAIVED && !waivers)
			continue;
		if (json_object_set_new(result, msc_verdict_name(v), json_integer(s->count[v]))) {
			json_decref(result);
			return NULL;
		}
	}
	return result;
}

static json_t *waivers_json(const struct msc_waivers *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->count; i++) {
		const struct msc_waiver *w = &all->list[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "rule", w->rule->id,
					"case", w->name, "reason", w->reason, "until", w->until,
					"state", msc_waiver_state_name(msc_waiver_state(all, w)),
					"findings", (int)w->findings, "cases", (int)w->cases));
	}
	return list;
}

static int finish(struct msc_report_run *run, int exit_status, struct msc_err *err)
{
	struct state *s = run->state;
	json_t *target = s->target, *rest, *document;

	if (s->failed)
		return msc_nomem(err);
	s->target = NULL;
	document =
		msc_json_document("mscope.result/1", run->context, target, exit_status, s->reason);
	rest = json_pack("{s:s?, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "profile", s->profile,
			 "summary", summary_json(&s->summary, run->all.waivers), "device_ns",
			 (json_int_t)s->summary.device_ns, "estimates", taken(&s->estimates),
			 "causes", taken(&s->causes), "unexplained", taken(&s->unexplained),
			 "notes", taken(&s->notes), "cases", taken(&s->cases));
	if (rest && run->all.waivers)
		json_object_set_new(rest, "waivers", waivers_json(run->all.waivers));
	if (!document || !rest || json_object_update_new(document, rest)) {
		json_decref(document);
		return msc_nomem(err);
	}
	return msc_json_write(run->out, document, err);
}

static void discard(struct msc_report_run *run)
{
	struct state *s = run->state;

	json_decref(s->target);
	json_decref(s->cases);
	json_decref(s->notes);
	json_decref(s->estimates);
	json_decref(s->causes);
	json_decref(s->unexplained);
	free(s->reason);
	json_decref(s->exchanges);
	json_decref(s->case_notes);
}

const struct msc_report msc_report_json = {
	.name = "json",
	.summary = "one document, for programs; docs/schema/ describes it",
	.suffix = "json",
	.state_size = sizeof(struct state),
	.event = event,
	.finish = finish,
	.discard = discard,
};
