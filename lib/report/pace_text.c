/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope pace for people, within 80 columns: the diagnosis first, then the numbers behind it, then
 * the picture. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "report/pace_writing.h"

#define COLUMN	  10 /* where the text of a row begins */
#define SAME_TICK 0.01

/* What follows is of what was measured until then. */
static void print_early(FILE *out, const struct msc_pace_report *r)
{
	if (*r->failure) {
		msc_put_tinted(out, r->context->color, MSC_TINT_FAIL, "FAIL      ");
		fputs("ended early: ", out);
		msc_put_wrapped(out, 23, 10, r->failure);
		putc('\n', out);
	} else if (r->reason && *r->reason) {
		msc_put_row_tinted(out, r->context->color, MSC_TINT_WARN, COLUMN, "stopped",
				   r->reason);
	}
}

static void print_head(FILE *out, const struct msc_pace_report *r)
{
	const struct msc_device *d = r->device;
	char path[192];

	fputs(r->capture ? "capture   " : "target    ", out);
	if (r->capture) {
		msc_put(out, MSC_PLAIN, r->capture);
		fputs(": ", out);
	}
	msc_put(out, MSC_PLAIN, d->name);
	fprintf(out, "%s\n          %s speed%s%s\n",
		d->simulated ? "   (simulated, virtual time)" : "", msc_speed_name(d->speed),
		*d->host ? ", " : "", d->host);
	if (!r->capture) {
		msc_device_path_note(d, path, sizeof path);
		if (*path)
			msc_put_row(out, COLUMN, "bus", path);
	}
	if (r->samples && *r->samples->warning)
		msc_put_row_tinted(out, r->context->color, MSC_TINT_WARN, COLUMN, "warning",
				   r->samples->warning);
	print_early(out, r);
}

/* ---- the diagnosis ----------------------------------------------------------------------------- */

static void print_saving(FILE *out, const struct msc_diagnosis *d)
{
	const char *of = d->write ? "writes" : "reads";

	if (d->id == MSC_DIAG_BUS_BOUND)
		fprintf(out, "a limit, %.0f %% of the time of %s", 100 * d->share, of);
	else if (d->id == MSC_DIAG_MEDIUM_BOUND)
		fprintf(out, "a limit, at most %.0f %% of the time of %s", 100 * d->saves_most, of);
	else if (d->id == MSC_DIAG_HOST_PACED && d->saves_most < 0.005)
		fputs("a cost of serial reads alone, as given below", out);
	else if (d->saves_least < 0.005)
		fprintf(out, "fixing it saves up to %.0f %% of %s", 100 * d->saves_most, of);
	else if (lround(100 * d->saves_least) == lround(100 * d->saves_most))
		fprintf(out, "fixing it saves %.0f %% of %s", 100 * d->saves_most, of);
	else
		fprintf(out, "fixing it saves %.0f to %.0f %% of %s", 100 * d->saves_least,
			100 * d->saves_most, of);
	fprintf(out, "; %s", msc_pace_sures[d->sure]);
}

/* "1, 2 and 3: ..." */
static void print_ties(FILE *out, const struct msc_pace *p)
{
	char text[256] = "";
	size_t tied = 0;

	for (size_t i = 1; i < p->n_diagnosis; i++)
		tied += p->diagnosis[i].tied;
	for (size_t i = 1; i < p->n_diagnosis; i++) {
		if (!p->diagnosis[i].tied)
			continue;
		tied--;
		msc_append(text, sizeof text, "%s%s %zu", *text ? "" : "1", tied ? "," : " and",
			   i + 1);
	}
	if (!*text)
		return;
	snprintf(text + strlen(text), sizeof text - strlen(text),
		 ": these probes cannot tell which saves more, and fixing one changes what the "
		 "other saves");
	msc_put_row(out, COLUMN, "tied", text);
}

static void print_diagnosis(FILE *out, const struct msc_pace_report *r)
{
	const struct msc_pace *p = r->pace;

	putc('\n', out);
	for (size_t i = 0; i < p->n_diagnosis; i++) {
		const struct msc_diagnosis *d = &p->diagnosis[i];

		fprintf(out, "%zu. ", i + 1);
		msc_put_tinted(out, r->context->color, MSC_TINT_NAME, msc_diagnosis_ids[d->id]);
		fputs("   ", out);
		print_saving(out, d);
		fputs("\n   ", out);
		msc_put_wrapped(out, 3, 3, d->evidence);
		fputs("\n   to do: ", out);
		msc_put_wrapped(out, 10, 10, d->advice);
		putc('\n', out);
	}
	print_ties(out, p);
	if (*p->untold)
		msc_put_row(out, COLUMN, "unknown", p->untold);
	for (size_t i = 0; i < p->n_missing; i++)
		msc_put_row(out, COLUMN, i ? "" : "missing", p->missing[i]);
}

/* ---- the numbers ------------------------------------------------------------------------------- */

static void print_sizes(FILE *out, const struct msc_pace *p)
{
	fprintf(out, "\n%6s %31s %9s %9s %9s %9s\n", "", "serial, CBW + data + CSW", "", "queued",
		"device", "bus");
	fprintf(out, "%6s %31s %9s %9s %9s %9s\n", "blocks", "", "in all", "in all", "and bus",
		"alone");
	for (size_t i = 0; i < p->n_sizes; i++) {
		const struct msc_pace_size *z = &p->sizes[i];

		fprintf(out, "%6u %9s +%9s +%9s %9s %9s %9s %9s\n", z->blocks,
			msc_ns(z->cbw_ns[MSC_PACE_SERIAL]).s, msc_ns(z->data_ns[MSC_PACE_SERIAL]).s,
			msc_ns(z->csw_ns[MSC_PACE_SERIAL]).s,
			msc_ns(z->median_ns[MSC_PACE_SERIAL]).s,
			msc_ns(z->median_ns[MSC_PACE_QUEUED]).s, msc_ns(z->true_ns).s,
			msc_ns(p->beats_bus ? -1 : z->bus_ns).s);
	}
	if (!p->queued_works) {
		fputs("queued    not possible: ", out);
		msc_put_wrapped(out, 24, 10, p->queued_why);
		putc('\n', out);
	}
}

static void print_frame(FILE *out, const struct msc_pace *p)
{
	char text[256];

	if (p->host.locked)
		snprintf(text, sizeof text,
			 "the host sees completions every %s (resultant %.2f of %zu)",
			 msc_ns(p->host.period_ns).s, p->host.resultant, p->host.events);
	else
		snprintf(text, sizeof text, "the host sees completions at once");
	if (p->limited.packets)
		msc_append(text, sizeof text, ", and takes %u packets in one at most",
			   p->limited.packets);
	msc_put_row(out, COLUMN, "frame", text);
}

static void print_tick(FILE *out, const struct msc_pace *p)
{
	static const char *const whose[] = { "nobody's", "the host's", "the device's",
					     "the host's or the device's" };
	const struct msc_pace_lock *first = p->wake.locked ? &p->wake : &p->handed;
	char text[320], drift[96] = "", further[64] = "do not";

	if (!first->locked) {
		msc_put_row(out, COLUMN, "tick", "arrivals keep to none");
		return;
	}
	if (p->tick.locked && fabs(p->tick.period_ns / first->period_ns - 1) < SAME_TICK)
		snprintf(further, sizeof further, "too");
	else if (p->tick.locked)
		snprintf(further, sizeof further, "to another of %s", msc_ns(p->tick.period_ns).s);
	if (p->drift_known)
		snprintf(drift, sizeof drift, ", %+.0f ppm against the host's frame (within %.0f)",
			 p->drift_ppm, p->drift_error_ppm);
	snprintf(text, sizeof text,
		 "%s, %s clock%s: %s to it (resultant %.2f of %zu), further ones %s "
		 "(%.2f of %zu)",
		 msc_ns(first->period_ns).s, whose[p->tick_clock], drift,
		 p->wake.locked ? "first blocks keep" : "what is handed over after a pause keeps",
		 first->resultant, first->events, further, p->tick.resultant, p->tick.events);
	msc_put_row(out, COLUMN, "tick", text);
}

static void print_blocks(FILE *out, const struct msc_pace *p)
{
	char text[320];
	size_t len;

	if (p->block_ns <= 0)
		return;
	snprintf(text, sizeof text,
		 "one every %s in a long read, of which the bus needs %s; the "
		 "first after %s%s%s",
		 msc_ns(p->block_ns).s, msc_ns(p->bus_ns).s, msc_ns(p->first_ns).s,
		 p->path_more_ns > 0
			 ? "; on the way through the hub each packet takes so much more: "
			 : "",
		 p->path_more_ns > 0 ? msc_ns(p->path_more_ns).s : "");
	msc_put_row(out, COLUMN, "block", text);
	if (p->after_pause_ns[0] >= 0) {
		len = (size_t)snprintf(text, sizeof text,
				       "after a pause of the host a block comes in "
				       "%s, further ones each",
				       msc_ns(p->after_pause_ns[0]).s);
		for (size_t k = 1; k < MSC_COUNT(p->after_pause_ns); k++)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s %s",
						k > 1 ? "," : "", msc_ns(p->after_pause_ns[k]).s);
		msc_put_row(out, COLUMN, "pause", text);
	}
	len = (size_t)snprintf(text, sizeof text, "%s",
			       p->buffers > 1 ? "two or more"
			       : p->buffers   ? "one"
					      : "unknown");
	if (p->chunk > 1 && p->buffers)
		len += (size_t)snprintf(text + len, sizeof text - len, " of %u blocks", p->chunk);
	if (p->medium_ns >= 0)
		snprintf(text + len, sizeof text - len,
			 "; the medium and its driver need %s a block", msc_ns(p->medium_ns).s);
	msc_put_row(out, COLUMN, "buffers", text);
}

static void print_rest(FILE *out, const struct msc_pace *p)
{
	char text[320];

	if (p->per_byte_ns > 0) {
		snprintf(text, sizeof text,
			 "%s for a command, %.1f kB/s for its bytes, within %.1f %%",
			 p->per_command_ns > 0 ? msc_ns(p->per_command_ns).s : "no time",
			 1e6 / p->per_byte_ns, 100 * p->worst_residual);
		msc_put_row(out, COLUMN, "model", text);
	}
	if (p->request_idle_ns >= 0) {
		snprintf(text, sizeof text,
			 "GET_STATUS takes %s, and %s during a read (longest %s); deaf for %s",
			 msc_ns(p->request_idle_ns).s, msc_ns(p->request_busy_ns).s,
			 msc_ns(p->request_worst_ns).s,
			 p->blocked_ns > 0 ? msc_ns(p->blocked_ns).s : "no time that shows");
		msc_put_row(out, COLUMN, "control", text);
	}
	if (p->naks_source == MSC_PACE_NAKS_BUS)
		snprintf(text, sizeof text, "%.1f a block, seen on the bus; they take %s of each",
			 p->naks_per_block, msc_ns(p->nak_ns).s);
	else
		snprintf(text, sizeof text, "cannot be seen; inferred: %s of each block",
			 msc_ns(p->nak_ns).s);
	if (p->naks_source != MSC_PACE_NAKS_NONE)
		msc_put_row(out, COLUMN, "NAKs", text);
	if (p->writes) {
		snprintf(text, sizeof text, "%u, usually %s; %u pause%s of %s, %.0f %% of the time",
			 p->writes, msc_ns(p->write_ns).s, p->write_pauses,
			 MSC_PLURAL(p->write_pauses), msc_ns(p->write_pause_ns).s,
			 100 * p->write_pause_share);
		msc_put_row(out, COLUMN, "writes", text);
	}
}

void msc_pace_print(FILE *out, const struct msc_pace_report *r)
{
	struct msc_timeline t;

	if (r->picture_only) {
		print_early(out, r);
		if (msc_timeline_of(r->picture, r->pace, &t))
			msc_timeline_print(out, &t, r->utf8, r->column_ns);
		return;
	}
	print_head(out, r);
	print_diagnosis(out, r);
	if (r->context->verbosity < 0)
		return;
	if (r->pace->writing.measured) {
		msc_pace_writing_print(out, r->pace);
		print_frame(out, r->pace);
		return;
	}
	print_sizes(out, r->pace);
	putc('\n', out);
	print_frame(out, r->pace);
	print_tick(out, r->pace);
	print_blocks(out, r->pace);
	print_rest(out, r->pace);
	if (!msc_timeline_of(r->picture, r->pace, &t))
		return;
	putc('\n', out);
	msc_timeline_print(out, &t, r->utf8, r->column_ns);
}
