/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope.pace/1; the schema is in docs/schema/. Times are integer nanoseconds; null is what was not
 * measured or could not be told. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/pace_writing.h"

static json_t *time_of(double ns)
{
	return ns >= 0 ? json_integer((json_int_t)fmin(ns + 0.5, 9e18)) : json_null();
}

/* Three places, so that a document holds no digits of chance. */
static json_t *number(double x)
{
	return json_real(floor(x * 1000 + 0.5) / 1000);
}

static json_t *share(double x)
{
	return x >= 0 ? number(x) : json_null();
}

/* Two places of a probability, and 0 for those that no one needs to tell apart. */
static json_t *probability(double x)
{
	char text[24];

	snprintf(text, sizeof text, "%.1e", x);
	return json_real(x < 1e-30 ? 0 : strtod(text, NULL));
}

/* ---- parts ------------------------------------------------------------------------------------- */

static const char *clock_name(enum msc_pace_clock clock)
{
	static const char *const names[] = { NULL, "host", "device", "unknown" };

	return names[clock];
}

/* The smallest size in the mode that is diagnosed: what a person sees in a capture. */
static json_t *phases(const struct msc_pace *p)
{
	int set = p->serial || !p->queued_works ? MSC_PACE_SERIAL : MSC_PACE_QUEUED;
	const struct msc_pace_size *z = NULL;

	for (size_t i = 0; i < p->n_sizes && !z; i++)
		if (p->sizes[i].blocks && p->sizes[i].count[set])
			z = &p->sizes[i];
	if (!z)
		return json_pack("{s:n, s:n, s:n, s:n, s:n}", "mode", "blocks", "cbw", "data",
				 "csw");
	return json_pack("{s:s, s:I, s:o, s:o, s:o}", "mode", msc_pace_set_names[set], "blocks",
			 (json_int_t)z->blocks, "cbw", time_of(z->cbw_ns[set]), "data",
			 time_of(z->data_ns[set]), "csw", time_of(z->csw_ns[set]));
}

static json_t *mode_json(const struct msc_pace_size *z, int set)
{
	if (!z->count[set])
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "commands", (json_int_t)z->count[set],
			 "median_ns", time_of(z->median_ns[set]), "cbw_ns", time_of(z->cbw_ns[set]),
			 "data_ns", time_of(z->data_ns[set]), "csw_ns", time_of(z->csw_ns[set]),
			 "host_ns", time_of(z->host_ns[set]));
}

static json_t *sizes(const struct msc_pace *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_sizes; i++) {
		const struct msc_pace_size *z = &p->sizes[i];
		json_t *entry =
			json_pack("{s:I, s:o, s:o, s:o, s:o}", "blocks", (json_int_t)z->blocks,
				  "serial", mode_json(z, MSC_PACE_SERIAL), "queued",
				  mode_json(z, MSC_PACE_QUEUED), "device_ns", time_of(z->true_ns),
				  "bus_ns", time_of(p->beats_bus ? -1 : z->bus_ns));

		if (json_array_append_new(list, entry)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *lock_json(const struct msc_pace_lock *l)
{
	return json_pack("{s:o, s:b, s:o, s:o, s:I}", "period_ns",
			 l->locked ? time_of(l->period_ns) : json_null(), "locked", l->locked,
			 "resultant", number(l->resultant), "chance", probability(l->chance),
			 "events", (json_int_t)l->events);
}

/* What completions are quantised to, and by whose clock: the host's frame hides the device's tick
 * where both round up. */
static json_t *frame(const struct msc_pace *p)
{
	bool host = p->host.locked, device = !host && p->tick.locked;
	const struct msc_pace_lock *l = device ? &p->tick : &p->host;
	json_t *o = lock_json(l);

	if (o && json_object_set_new(o, "clock",
				     host     ? json_string("host")
				     : device ? json_string(clock_name(p->tick_clock))
					      : json_null()) |
			 json_object_set_new(o, "packets",
					     p->limited.packets ? json_integer(p->limited.packets)
								: json_null())) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *tick(const struct msc_pace *p)
{
	json_t *drift = json_null();
	const char *clock = p->wake.locked || p->handed.locked ? clock_name(p->tick_clock) : NULL;

	if (p->drift_known)
		drift = json_pack("{s:o, s:o}", "ppm", number(p->drift_ppm), "error_ppm",
				  number(p->drift_error_ppm));
	return json_pack("{s:o, s:o, s:o, s:s?, s:o}", "first_block", lock_json(&p->wake),
			 "handed_over", lock_json(&p->handed), "blocks", lock_json(&p->tick),
			 "clock", clock, "drift", drift);
}

static json_t *naks(const struct msc_pace *p)
{
	static const char *const sources[] = { "none", "inferred", "bus" };
	bool bus = p->naks_source == MSC_PACE_NAKS_BUS;

	return json_pack("{s:o, s:s, s:o, s:o}", "count",
			 bus ? json_integer((json_int_t)p->naks) : json_null(), "source",
			 sources[p->naks_source], "per_block", share(p->naks_per_block),
			 "ns_per_block", time_of(p->nak_ns));
}

static json_t *after_pause(const struct msc_pace *p)
{
	json_t *list = json_array();

	for (size_t k = 0; k < MSC_COUNT(p->after_pause_ns); k++)
		json_array_append_new(list, time_of(p->after_pause_ns[k]));
	return list;
}

static json_t *model(const struct msc_pace *p)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o*, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}}",
		"per_command_ns",
		p->per_byte_ns > 0 ? json_integer((json_int_t)floor(p->per_command_ns + 0.5))
				   : json_null(),
		"per_byte_ns", share(p->per_byte_ns), "worst_residual",
		p->per_byte_ns > 0 ? number(p->worst_residual) : json_null(), "block_ns",
		time_of(p->block_ns), "bus_ns", time_of(p->bus_ns), "translator_ns",
		p->path_more_ns > 0 ? time_of(p->path_more_ns) : NULL, "first_block_ns",
		time_of(p->first_ns), "medium_ns", time_of(p->medium_ns), "overlap",
		share(p->overlap), "chunk_blocks", p->chunk ? json_integer(p->chunk) : json_null(),
		"buffers", p->buffers ? json_integer(p->buffers) : json_null(), "after_pause_ns",
		after_pause(p), "mended_block_ns", "least", time_of(p->mended_least_ns), "most",
		time_of(p->mended_most_ns));
}

static json_t *control(const struct msc_pace *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I}", "idle_ns", time_of(p->request_idle_ns),
			 "busy_ns", time_of(p->request_busy_ns), "worst_ns",
			 time_of(p->request_worst_ns), "blocked_ns", time_of(p->blocked_ns),
			 "idle_requests", (json_int_t)p->requests_idle, "busy_requests",
			 (json_int_t)p->requests_busy);
}

static json_t *writes(const struct msc_pace *p)
{
	if (!p->writes)
		return json_null();
	return json_pack("{s:I, s:o, s:I, s:o, s:o}", "commands", (json_int_t)p->writes,
			 "median_ns", time_of(p->write_ns), "pauses", (json_int_t)p->write_pauses,
			 "pause_ns", time_of(p->write_pause_ns), "pause_share",
			 number(p->write_pause_share));
}

static json_t *diagnosis(const struct msc_pace *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_diagnosis; i++) {
		const struct msc_diagnosis *d = &p->diagnosis[i];
		json_t *entry = json_pack(
			"{s:s, s:s, s:s, s:b, s:o, s:{s:o, s:o}, s:o, s:b, s:o, s:o}", "id",
			msc_diagnosis_ids[d->id], "op", d->write ? "write" : "read", "confidence",
			msc_pace_sures[d->sure], "tied", d->tied, "share", number(d->share),
			"saves", "least", number(d->saves_least), "most", number(d->saves_most),
			"cost_ns", time_of(d->cost_ns), "limit", d->id >= MSC_DIAG_MEDIUM_BOUND,
			"evidence", msc_json_text(d->evidence), "advice", msc_json_text(d->advice));

		if (json_array_append_new(list, entry)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- the picture ------------------------------------------------------------------------------- */

static json_t *spans(const struct msc_timeline *t)
{
	static const char *const lanes[] = { "host", "bus", "medium", "ticks" };
	static const char *const kinds[] = { "cbw", "data", "csw",   "all",
					     "nak", "wait", "works", "tick" };
	json_t *list = json_array();

	for (size_t i = 0; i < t->n; i++) {
		const struct msc_span *s = &t->span[i];
		json_t *entry = json_pack("{s:s, s:s, s:o, s:o}", "lane", lanes[s->lane], "kind",
					  kinds[s->kind], "from_ns", time_of(s->from_ns), "to_ns",
					  time_of(s->to_ns));

		if (json_array_append_new(list, entry)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *timeline(const struct msc_pace_report *r, const struct msc_pace_stream *x)
{
	struct msc_timeline t;

	if (!msc_timeline_of(x, r->pace, &t))
		return json_null();
	return json_pack("{s:I, s:s, s:b, s:o, s:o}", "blocks", (json_int_t)t.blocks, "mode",
			 t.queued ? "queued" : "serial", "exact", t.exact, "end_ns",
			 time_of(t.end_ns), "spans", spans(&t));
}

/* The first of its kind. What the host itself paused is no picture of the device. */
static bool is_shown(const struct msc_pace_samples *s, const struct msc_pace_stream *x)
{
	const struct msc_pace_stream *first = s->streams;

	while (first < x &&
	       (first->paused || first->blocks != x->blocks || first->queued != x->queued))
		first++;
	return first == x && !x->paused;
}

static json_t *timelines(const struct msc_pace_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; r->samples && i < r->samples->n_streams; i++) {
		const struct msc_pace_stream *x = &r->samples->streams[i];
		json_t *t = is_shown(r->samples, x) ? timeline(r, x) : json_null();

		if (json_is_null(t))
			continue;
		if (json_array_append_new(list, t)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *missing(const struct msc_pace *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_missing; i++)
		json_array_append_new(list, msc_json_text(p->missing[i]));
	return list;
}

json_t *msc_pace_json(const struct msc_pace_report *r)
{
	const struct msc_pace *p = r->pace;
	json_t *document = msc_json_document("mscope.pace/1", r->context,
					     msc_device_json(r->device), r->exit_status,
					     r->reason && *r->reason ? r->reason : r->failure);
	json_t *rest = json_pack(
		"{s:s, s:{s:b, s:o}, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o}",
		"mode",
		!p->queued   ? "serial"
		: !p->serial ? "queued"
			     : "both",
		"queued", "works", p->queued_works, "reason",
		p->queued_works ? json_null() : msc_json_text(p->queued_why), "block_size",
		(json_int_t)p->block_size, "phases", phases(p), "sizes", sizes(p), "frame",
		frame(p), "tick", tick(p), "naks", naks(p), "model", model(p), "control",
		control(p), "writes", writes(p), "diagnosis", diagnosis(p), "untold",
		*p->untold ? msc_json_text(p->untold) : json_null(), "timeline",
		timeline(r, r->picture), "timelines", timelines(r), "failure",
		*r->failure ? msc_json_text(r->failure) : json_null());

	if (document && rest && r->capture &&
	    (json_object_set_new(rest, "capture", msc_json_text(r->capture)) ||
	     json_object_set_new(rest, "missing", missing(p)))) {
		json_decref(rest);
		rest = NULL;
	}
	if (document && rest && r->samples && *r->samples->warning &&
	    json_object_set_new(rest, "warning", msc_json_text(r->samples->warning))) {
		json_decref(rest);
		rest = NULL;
	}
	if (document && rest && p->writing.measured &&
	    json_object_set_new(rest, "writing", msc_pace_writing_json(p))) {
		json_decref(rest);
		rest = NULL;
	}
	if (!document || !rest || json_object_update_new(document, rest)) {
		json_decref(document);
		return NULL;
	}
	return document;
}
