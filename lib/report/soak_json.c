/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope.soak/1; the schema is in docs/schema/. */
#include "report/soak.h"

static json_t *counts(const struct msc_soak *s)
{
	json_t *o = json_object();

	for (int k = 0; k < MSC_SOAK_KINDS; k++)
		if (s->count[k])
			json_object_set_new(o, msc_soak_kind_names[k], json_integer(s->count[k]));
	return o;
}

static json_t *known(bool is, uint64_t value)
{
	return is ? json_integer((json_int_t)value) : json_null();
}

static json_t *wrong_json(const struct msc_soak_wrong *w)
{
	bool written = w->generation,
	     read = w->kind != MSC_SOAK_UNREADABLE && w->kind != MSC_SOAK_UNWRITABLE;
	char text[320];

	return json_pack(
		"{s:s, s:I, s:I, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"kind", msc_soak_kind_names[w->kind], "lba", (json_int_t)w->lba, "generation",
		(json_int_t)w->generation, "after_reset", w->after_reset, "after_power",
		w->after_power, "offset", known(written, w->offset), "blocks",
		known(written, w->blocks), "ordinal", known(written, w->ordinal), "from_lba",
		known(w->has_from, w->from_lba), "from_generation",
		known(w->has_from, w->from_generation), "first_byte", known(read, w->at),
		"wrong_bytes", known(read, w->bytes), "wrong_bits", known(read, w->bits), "sense",
		*w->sense ? msc_json_text(w->sense) : json_null(), "text",
		msc_json_text(msc_soak_text(text, sizeof text, w)));
}

static json_t *wrongs(const struct msc_soak *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->n_kept; i++)
		if (json_array_append_new(list, wrong_json(&s->wrong[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *patterns(const struct msc_soak *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->n_patterns; i++) {
		const struct msc_soak_pattern *p = &s->pattern[i];
		json_t *entry = json_pack("{s:s, s:o, s:o, s:I, s:o}", "id",
					  msc_soak_pattern_names[p->id], "period_blocks",
					  known(p->period, p->period), "phase_blocks",
					  known(p->period, p->phase), "of", (json_int_t)p->of,
					  "text", msc_json_text(p->text));

		if (json_array_append_new(list, entry)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *failed_json(const struct msc_soak *s, enum msc_soak_end end, bool write)
{
	const struct msc_soak_failed *f = &s->failed[end][write];
	const struct msc_soak_command *c = &f->first;
	char text[400];

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:o}, s:o}",
			 "end", msc_soak_end_names[end], "command", write ? "write" : "read",
			 "times", (json_int_t)f->n, "least_blocks", (json_int_t)f->least,
			 "most_blocks", (json_int_t)f->most, "longest_passed",
			 known(s->longest_passed[write], s->longest_passed[write]), "first",
			 "number", (json_int_t)c->number, "at_ns", (json_int_t)c->at_ns, "lba",
			 (json_int_t)c->lba, "blocks", (json_int_t)c->blocks, "bytes",
			 (json_int_t)c->moved, "why", *c->why ? msc_json_text(c->why) : json_null(),
			 "text",
			 msc_json_text(msc_soak_failed_text(text, sizeof text, s, end, write)));
}

static json_t *failed(const struct msc_soak *s)
{
	json_t *list = json_array();

	for (int i = 0; i < MSC_SOAK_ENDS * 2; i++)
		if (s->failed[i / 2][i % 2].n &&
		    json_array_append_new(list,
					  failed_json(s, (enum msc_soak_end)(i / 2), i % 2))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *untested(const struct msc_soak_report *r)
{
	json_t *list = json_array();

	for (unsigned lun = 0; r->max_lun && lun <= r->max_lun; lun++)
		if (lun != r->lun && json_array_append_new(list, json_integer(lun))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static const char *power_name(const struct msc_soak *s)
{
	static const char *const names[] = { "not reached", "cycled", "skipped" };

	return names[s->power];
}

json_t *msc_soak_json(const struct msc_soak_report *r)
{
	const struct msc_soak *s = r->soak;
	json_t *document = msc_json_document("mscope.soak/1", r->context,
					     msc_device_json(r->device), r->exit_status,
					     r->reason && *r->reason ? r->reason : s->failure);
	json_t *rest = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:{s:s, s:b, s:o}, s:b, s:o, "
		"s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:o}",
		"seed", (json_int_t)s->seed, "from", (json_int_t)s->from, "next",
		(json_int_t)(s->from + s->rounds), "first_lba", (json_int_t)s->first, "blocks",
		(json_int_t)s->blocks, "block_size", (json_int_t)s->block_size, "writes",
		(json_int_t)s->writes, "reads", (json_int_t)s->reads, "bytes_written",
		(json_int_t)s->bytes_written, "bytes_read", (json_int_t)s->bytes_read, "elapsed_ns",
		(json_int_t)s->elapsed_ns, "compared_all", s->compared_all, "power", "state",
		power_name(s), "flushed", s->flushed, "reason",
		*s->power_why ? msc_json_text(s->power_why) : json_null(), "restored", r->restored,
		"failure", *s->failure ? msc_json_text(s->failure) : json_null(), "wrong_blocks",
		(json_int_t)s->wrong_blocks, "wrong_times", (json_int_t)s->n_wrong,
		"changed_elsewhere", (json_int_t)r->elsewhere, "kinds", counts(s), "patterns",
		patterns(s), "wrong", wrongs(s), "failed_commands", (json_int_t)s->n_failed,
		"commands", failed(s), "units_not_tested", untested(r));

	if (!document || !rest || json_object_update_new(document, rest)) {
		json_decref(document);
		return NULL;
	}
	return document;
}
