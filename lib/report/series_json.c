/* SPDX-License-Identifier: BSD-2-Clause */
/* The history in a mscope.compare/1; the schema is in docs/schema/. A NULL anywhere is out of memory
 * and makes the whole NULL. */
#include <math.h>

#include "report/series.h"

static json_t *whole(double x)
{
	return json_integer((json_int_t)llround(x));
}

static json_t *fraction(double x)
{
	return isfinite(x) ? json_real(round(x * 1e6) / 1e6) : json_null();
}

/* Appends, or makes the list NULL. */
static json_t *with(json_t *list, json_t *item)
{
	if (list && json_array_append_new(list, item) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *change_json(const struct msc_series *h, const struct msc_series_run *r,
			   const struct msc_change_point *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "at",
			 msc_json_text(h->entry[r->entry[p->at]].name), "first",
			 msc_json_text(h->entry[r->entry[p->first]].name), "last",
			 msc_json_text(h->entry[r->entry[p->last]].name), "before_ns",
			 whole(p->before), "after_ns", whole(p->after), "shift", fraction(p->shift),
			 "low", p->have_interval ? fraction(p->low) : json_null(), "high",
			 p->have_interval ? fraction(p->high) : json_null(), "gradual", p->gradual,
			 "p", json_real(p->p));
}

static json_t *run_json(const struct msc_series *h, const struct msc_series_run *r)
{
	json_t *changes = json_array();
	char name[64];

	for (size_t i = 0; i < r->points.n; i++)
		changes = with(changes, change_json(h, r, &r->points.point[i]));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:o, s:o, s:o, s:o}", "name",
		msc_bench_run_name(name, sizeof name, r->like), "op",
		msc_bench_op_names[r->like->op], "mode", msc_bench_mode_names[r->like->mode],
		"order", msc_bench_order_names[r->like->order], "blocks",
		(json_int_t)r->like->blocks, "block_size", (json_int_t)r->like->block_size,
		"verdict", msc_change_name(r->change), "benches", (json_int_t)r->n, "scatter",
		fraction(r->points.scatter), "detectable", fraction(r->points.detectable), "needed",
		r->needed ? json_integer((json_int_t)r->needed) : json_null(), "changes", changes);
}

static json_t *entries_json(const struct msc_series *h, bool left_out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n; i++) {
		const struct msc_series_entry *e = &h->entry[i];

		if (!e->left_out[0] == left_out)
			continue;
		list = with(list, left_out ? json_pack("{s:o, s:o}", "file", msc_json_text(e->name),
						       "reason", msc_json_text(e->left_out))
					   : msc_json_text(e->name));
	}
	return list;
}

static json_t *history_json(const struct msc_series_report *r)
{
	const struct msc_series *h = r->history;
	json_t *runs = json_array();

	for (size_t i = 0; i < h->n_runs; i++)
		runs = with(runs, run_json(h, &h->run[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "directory", msc_json_text(r->directory), "files",
			 entries_json(h, false), "left_out", entries_json(h, true), "runs", runs);
}

json_t *msc_series_json(const struct msc_series_report *r)
{
	const struct msc_series *h = r->history;
	const struct msc_device *d = NULL;
	json_t *document, *rest;

	for (size_t i = 0; i < h->n; i++)
		if (!h->entry[i].left_out[0])
			d = &h->entry[i].bench->device;
	document = msc_json_document("mscope.compare/1", r->context, d ? msc_device_json(d) : NULL,
				     r->exit_status, NULL);
	rest = json_pack("{s:o, s:s, s:o}", "threshold", fraction(h->threshold), "verdict",
			 msc_change_name(msc_series_verdict(h)), "history", history_json(r));
	if (document && rest && json_object_update_new(document, rest) == 0)
		return document;
	json_decref(document);
	return NULL;
}
