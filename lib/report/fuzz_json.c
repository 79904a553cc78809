/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope.fuzz/1; the schema is in docs/schema/. */
#include "report/fuzz.h"

static json_t *what_json(const struct msc_fuzz_what *what)
{
	return json_pack("{s:s, s:o}", "rule", msc_fuzz_name(what), "command",
			 *what->command ? msc_json_text(what->command) : json_null());
}

static json_t *also(const struct msc_fuzz_failure *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_also; i++)
		if (json_array_append_new(list, what_json(&f->also[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *failure_json(const struct msc_fuzz_failure *f)
{
	const struct msc_finding *first = f->found.count ? f->found.list : NULL;
	json_t *entry = what_json(&f->what);
	json_t *rest = json_pack(
		"{s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "cause",
		msc_json_text(f->cause), "cause_title", msc_json_text(f->cause_title), "steps",
		(json_int_t)f->steps, "drawn_steps", (json_int_t)f->drawn, "conversation",
		(json_int_t)f->conversation, "again", (json_int_t)f->again, "repeats", f->repeats,
		"writes", f->writes, "message",
		msc_json_text(first      ? first->message
			      : *f->gone ? f->gone
					 : NULL),
		"expected", msc_json_text(first ? first->expected : NULL), "actual",
		msc_json_text(first ? first->actual : NULL), "also", also(f), "scenario",
		msc_json_text(f->path), "text", f->text ? json_string(f->text) : json_null());

	if (!entry || !rest || json_object_update(entry, rest)) {
		json_decref(entry);
		entry = NULL;
	}
	json_decref(rest);
	return entry;
}

static json_t *failures(const struct msc_fuzz *fuzz)
{
	json_t *list = json_array();

	for (size_t i = 0; i < fuzz->n_failures; i++)
		if (json_array_append_new(list, failure_json(&fuzz->failures[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *msc_fuzz_json(const struct msc_fuzz_report *r)
{
	const struct msc_fuzz *f = r->fuzz;
	json_t *document = msc_json_document("mscope.fuzz/1", r->context,
					     *f->device.name ? msc_device_json(&f->device) : NULL,
					     r->exit_status, f->reason);
	json_t *rest = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o}", "seed",
				 (json_int_t)f->seed, "from", (json_int_t)f->first, "conversations",
				 (json_int_t)f->conversations, "next",
				 (json_int_t)(f->first + f->conversations), "cut_short",
				 (json_int_t)f->cut, "tries", (json_int_t)f->tries, "coverage",
				 (json_int_t)f->coverage, "code_places",
				 f->places ? json_integer(f->places) : json_null(), "elapsed_ns",
				 (json_int_t)f->elapsed_ns, "failures", failures(f));

	if (!document || !rest || json_object_update(document, rest)) {
		json_decref(document);
		document = NULL;
	}
	json_decref(rest);
	return document;
}
