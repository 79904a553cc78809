/* SPDX-License-Identifier: BSD-2-Clause */
/* The numbers behind the causes of the time of writes: see pace_writing.h. */
#include "report/pace_writing.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

#define COLUMN 10 /* where the text of a row begins */

/* ---- text -------------------------------------------------------------------------------------- */

static void print_sizes(FILE *out, const struct msc_pace *p)
{
	const struct msc_writing *w = &p->writing;
	bool seen = w->n_sizes && w->size[0].nak_ns >= 0;

	fprintf(out, "\n%6s %9s %9s %9s %9s %9s %9s\n", "", "a write,", "of it", "",
		seen ? "" : "NAKs,", "pauses", "longest");
	fprintf(out, "%6s %9s %9s %9s %9s %9s %9s %9s\n", "blocks", "steady", "bus",
		seen ? "NAKs" : "", seen ? "host" : "and host", "add", "write", "kB/s");
	for (size_t i = 0; i < w->n_sizes; i++) {
		const struct msc_writing_size *z = &w->size[i];
		char kbps[24] = "-";
		double rate =
			1e9 * z->blocks * p->block_size / fmax(1, z->steady_ns + z->pauses_ns);

		if (!msc_beats_bus(p->speed, rate))
			snprintf(kbps, sizeof kbps, "%.1f", rate / 1e3);
		fprintf(out, "%6u %9s %9s %9s %9s %9s %9s %9s\n", z->blocks, msc_ns(z->steady_ns).s,
			msc_ns(z->bus_ns).s, seen ? msc_ns(z->nak_ns).s : "", msc_ns(z->host_ns).s,
			z->pauses_ns > 0 ? msc_ns(z->pauses_ns).s : "-", msc_ns(z->longest_ns).s,
			kbps);
	}
	if (w->n_sizes && !seen)
		msc_put_row(out, COLUMN, "NAKs",
			    "cannot be seen here, so the device's time cannot be told from the "
			    "host's; a capture of the bus, or a simulated device, shows them");
}

static void print_pages(FILE *out, const struct msc_writing *w)
{
	if (!w->n_pages)
		return;
	fprintf(out, "\n%6s %9s %9s   alone, without the host and the bus, and with\n", "blocks",
		"aligned", "across");
	fprintf(out, "%6s %9s %9s   SYNCHRONIZE CACHE after it; a border in the middle\n", "", "",
		"");
	for (size_t i = 0; i < w->n_pages; i++)
		fprintf(out, "%6u %9s %9s\n", w->page[i].blocks, msc_ns(w->page[i].aligned_ns).s,
			msc_ns(w->page[i].across_ns).s);
	fprintf(out, "%6s %9s             the same block once more\n", "again",
		msc_ns(w->again_ns).s);
}

static void print_unit(FILE *out, const struct msc_pace *p)
{
	const struct msc_writing *w = &p->writing;
	char text[320], each[32] = "block";

	if (w->unit > 1)
		snprintf(each, sizeof each, "%u blocks", w->unit);
	if (w->each_alone)
		snprintf(text, sizeof text,
			 "none shows: each %s costs the same, however many are written", each);
	else if (w->unit)
		snprintf(text, sizeof text, "%s%u blocks (%u bytes) are written as one; %s",
			 w->unit == 256 ? "at least " : "", w->unit, w->unit * p->block_size,
			 w->gathers ? "a run of single blocks pays for each once"
				    : "each command pays for all that it touches");
	else
		snprintf(text, sizeof text, "no blocks are written as one, as far as times show");
	msc_put_row(out, COLUMN, "page", text);
}

static void print_cache(FILE *out, const struct msc_writing *w)
{
	char text[256];

	if (!w->syncs)
		snprintf(text, sizeof text, "SYNCHRONIZE CACHE is not known to the device");
	else if (!w->n_pages)
		return;
	else
		snprintf(text, sizeof text, "SYNCHRONIZE CACHE after one block takes %s: %s",
			 msc_ns(w->page[0].sync_ns).s,
			 w->page[0].sync_ns > w->page[0].aligned_ns / 2
				 ? "what was written lay in memory until then"
				 : "what was written was on the medium by then");
	msc_put_row(out, COLUMN, "cache", text);
}

static void print_pauses(FILE *out, const struct msc_writing *w)
{
	char text[256];

	if (!w->pauses)
		snprintf(text, sizeof text, "none was seen");
	else
		snprintf(text, sizeof text, "%u of %s, the longest %s; %s a block on average",
			 w->pauses, msc_ns(w->pause_ns).s, msc_ns(w->longest_pause_ns).s,
			 msc_ns(w->pause_per_block_ns).s);
	msc_put_row(out, COLUMN, "pauses", text);
	if (w->poll_ns > 0)
		snprintf(text, sizeof text, "commands are looked at every %s",
			 msc_ns(w->poll_ns).s);
	else
		snprintf(text, sizeof text, "%s",
			 w->poll_hidden ? "hidden by the host's frames" : "none shows");
	msc_put_row(out, COLUMN, "poll", text);
}

/* "at this rate Windows' writes of 64 KiB take 1.2 s of the 20 s that it waits, ..." */
static void print_hosts(FILE *out, const struct msc_writing *w)
{
	char text[480] = "";
	bool late = false;

	for (size_t i = 0; i < MSC_WRITING_HOSTS; i++) {
		const struct msc_writing_host *h = &w->host[i];
		size_t len = strlen(text);
		bool mega = h->bytes >= 1 << 20;

		if (h->takes_ns < 0)
			continue;
		snprintf(text + len, sizeof text - len,
			 "%s%s' writes of %u %s take %s%s of the %.0f s that it waits",
			 len ? ", " : "at this rate ", h->name, h->bytes >> (mega ? 20 : 10),
			 mega ? "MiB" : "KiB", msc_ns(h->takes_ns).s,
			 h->reckoned ? " (estimated)" : "", (double)h->waits_ns / MSC_S);
		late |= h->takes_ns + w->longest_pause_ns > (double)h->waits_ns;
	}
	if (!*text)
		return;
	if (w->longest_pause_ns > 0)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "; a pause may come on top");
	if (late)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "; who has waited in vain resets the device");
	msc_put_row(out, COLUMN, "hosts", text);
}

void msc_pace_writing_print(FILE *out, const struct msc_pace *p)
{
	const struct msc_writing *w = &p->writing;

	print_sizes(out, p);
	print_pages(out, w);
	putc('\n', out);
	print_unit(out, p);
	print_cache(out, w);
	print_pauses(out, w);
	print_hosts(out, w);
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static json_t *time_of(double ns)
{
	return ns >= 0 ? json_integer((json_int_t)fmin(ns + 0.5, 9e18)) : json_null();
}

static json_t *add(json_t *list, json_t *entry)
{
	if (!list || !entry || json_array_append_new(list, entry)) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static json_t *sizes(const struct msc_writing *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->n_sizes && list; i++) {
		const struct msc_writing_size *z = &w->size[i];

		list = add(list,
			   json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "blocks",
				     (json_int_t)z->blocks, "commands", (json_int_t)z->commands,
				     "steady_ns", time_of(z->steady_ns), "pauses_ns",
				     time_of(z->pauses_ns), "bus_ns", time_of(z->bus_ns), "nak_ns",
				     time_of(z->nak_ns), "host_ns",
				     z->nak_ns >= 0 ? time_of(z->host_ns) : json_null(), "naks",
				     z->naks >= 0 ? json_integer((json_int_t)(z->naks + 0.5))
						  : json_null(),
				     "longest_ns", time_of(z->longest_ns)));
	}
	return list;
}

static json_t *pages(const struct msc_writing *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->n_pages && list; i++)
		list = add(list, json_pack("{s:I, s:o, s:o, s:o}", "blocks",
					   (json_int_t)w->page[i].blocks, "aligned_ns",
					   time_of(w->page[i].aligned_ns), "across_ns",
					   time_of(w->page[i].across_ns), "sync_ns",
					   w->syncs ? time_of(w->page[i].sync_ns) : json_null()));
	return list;
}

static json_t *hosts(const struct msc_writing *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < MSC_WRITING_HOSTS && list; i++)
		list = add(list, json_pack("{s:s, s:I, s:I, s:o, s:b}", "name", w->host[i].name,
					   "bytes", (json_int_t)w->host[i].bytes, "waits_ns",
					   (json_int_t)w->host[i].waits_ns, "takes_ns",
					   time_of(w->host[i].takes_ns), "reckoned",
					   w->host[i].reckoned));
	return list;
}

json_t *msc_pace_writing_json(const struct msc_pace *p)
{
	const struct msc_writing *w = &p->writing;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:b, s:b, s:{s:I, s:o, s:o, s:o}, s:o}",
		"sizes", sizes(w), "alone", pages(w), "again_ns", time_of(w->again_ns),
		"unit_blocks", w->unit ? json_integer(w->unit) : json_null(), "each_alone",
		w->each_alone, "gathers", w->gathers, "poll_ns",
		w->poll_ns > 0 ? time_of(w->poll_ns) : json_null(), "poll_hidden", w->poll_hidden,
		"syncs", w->syncs, "pauses", "count", (json_int_t)w->pauses, "median_ns",
		w->pauses ? time_of(w->pause_ns) : json_null(), "longest_ns",
		w->pauses ? time_of(w->longest_pause_ns) : json_null(), "per_block_ns",
		time_of(w->pause_per_block_ns), "hosts", hosts(w));
}
