/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the name of a simulated target: see spec.h. */
#include "firmware/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

static const char *const speeds[] = { "auto", "full", "high", NULL };
static const char *const hosts[] = { "auto", "uhci", "ohci", "ehci", "xhci", NULL };

#define FLASH_LONGEST_NS (100 * MSC_S)
#define BENCH(member) offsetof(struct msc_spec, bench.member)

const struct msc_knob msc_sim_knobs[] = {
	{ .name = "speed",
	  .type = MSC_KNOB_CHOICE,
	  .offset = BENCH(speed),
	  .initial = "auto",
	  .choices = speeds,
	  .help = "bus speed; auto is the fastest of the model" },
	{ .name = "host",
	  .type = MSC_KNOB_CHOICE,
	  .offset = BENCH(host),
	  .initial = "auto",
	  .choices = hosts,
	  .help = "host controller; auto is uhci at full speed, ehci at high speed" },
	{ .name = "seed",
	  .type = MSC_KNOB_U64,
	  .offset = BENCH(seed),
	  .initial = "1",
	  .help = "of everything random in the device" },
	{ .name = "unplug",
	  .type = MSC_KNOB_DURATION,
	  .offset = BENCH(unplug_ns),
	  .initial = "0s",
	  .help = "pull the cable after so much virtual time; 0s never" },
	{ .name = "drift",
	  .type = MSC_KNOB_U32,
	  .offset = BENCH(drift),
	  .initial = "0",
	  .max = 100000,
	  .help = "parts per million by which the device's clock is slow against the bus" },
	{ .name = "turnaround",
	  .type = MSC_KNOB_DURATION,
	  .offset = BENCH(turnaround_ns),
	  .initial = "5us",
	  .help = "what the host's software needs from an interrupt to its next call" },
	{ .name = "poll",
	  .type = MSC_KNOB_DURATION,
	  .offset = BENCH(poll_ns),
	  .initial = "0s",
	  .help = "bulk endpoints are looked at by a task, so often; 0s: by interrupts" },
	{ .name = "erase-page",
	  .type = MSC_KNOB_U32,
	  .offset = BENCH(flash.erase_page),
	  .initial = "0",
	  .max = 16 << 20,
	  .help = "the medium is erased in pages of so many bytes; 0: it needs no erasing" },
	{ .name = "erase",
	  .type = MSC_KNOB_DURATION,
	  .offset = BENCH(flash.erase_ns),
	  .initial = "45ms",
	  .help = "to erase such a page" },
	{ .name = "program",
	  .type = MSC_KNOB_DURATION,
	  .offset = BENCH(flash.program_ns),
	  .initial = "1ms",
	  .help = "to program 512 bytes of it" },
	{ .name = "load",
	  .type = MSC_KNOB_DURATION,
	  .offset = BENCH(flash.load_ns),
	  .initial = "82us",
	  .help = "to read 512 bytes of it" },
	{ .name = "merge",
	  .type = MSC_KNOB_BOOL,
	  .offset = BENCH(flash.merge),
	  .initial = "1",
	  .help = "a page written in part is read, erased and programmed; 0: blocks go elsewhere" },
	{ .name = "cache",
	  .type = MSC_KNOB_BOOL,
	  .offset = BENCH(flash.cache),
	  .initial = "0",
	  .help = "a page stays in memory until another is written, or the host synchronizes" },
	{ .name = "flush",
	  .type = MSC_KNOB_BOOL,
	  .offset = BENCH(flash.flush),
	  .initial = "0",
	  .help = "the cache is written before each CSW" },
	{ .name = "wear",
	  .type = MSC_KNOB_U32,
	  .offset = BENCH(flash.wear),
	  .initial = "0",
	  .help = "after so many erasures a page takes twice as long; 0: it does not wear" },
	{ .name = "piece",
	  .type = MSC_KNOB_U32,
	  .offset = BENCH(flash.piece),
	  .initial = "0",
	  .help = "bytes that the driver hands to the medium at a time; 0: all it is given" },
	{ .name = "access",
	  .type = MSC_KNOB_DURATION,
	  .offset = BENCH(flash.access_ns),
	  .initial = "0s",
	  .help = "what each command to the medium costs: each piece is one" },
	{ .name = "pause-every",
	  .type = MSC_KNOB_U32,
	  .offset = BENCH(flash.pause_every),
	  .initial = "0",
	  .help = "the medium pauses after so many blocks written; 0: never" },
	{ .name = "pause",
	  .type = MSC_KNOB_DURATION,
	  .offset = BENCH(flash.pause_ns),
	  .initial = "200ms",
	  .help = "for so long" },
	{ .name = NULL },
};

static int unknown_knob(const struct msc_firmware *fw, const char *key, struct msc_err *err)
{
	struct msc_nearest near = { .wanted = key };
	char kind[64], listing[64];

	for (const struct msc_knob *k = fw->knobs; k && k->name; k++)
		msc_nearest_try(&near, k->name);
	for (const struct msc_knob *k = msc_sim_knobs; k->name; k++)
		msc_nearest_try(&near, k->name);
	msc_nearest_try(&near, "fault");
	msc_nearest_try(&near, "variant");
	msc_nearest_try(&near, "event");
	snprintf(kind, sizeof kind, "knob of sim:%s", fw->name);
	snprintf(listing, sizeof listing, "firmware %s", fw->name);
	return msc_fail_unknown(err, kind, listing, &near);
}

static int add_mutant(struct msc_spec *s, const struct mutant_ops *ops, struct msc_err *err)
{
	if (s->n_mutants == MSC_SPEC_MUTANTS_MAX)
		return msc_fail(err, MSC_E_USAGE, "more than %d faults and variants at once",
				MSC_SPEC_MUTANTS_MAX);
	s->mutants[s->n_mutants++] = ops;
	return 0;
}

static int add_fault(struct msc_spec *s, const char *id, struct msc_err *err)
{
	const struct msc_fault *f = msc_fault_find(id, err);

	return f ? add_mutant(s, &f->ops, err) : -1;
}

/* The knob of the model that an event turns, if it can be turned, and to that. */
static int find_live(struct msc_spec *s, struct sim_event *e, struct msc_err *err)
{
	char *value = strchr(e->set, '=');
	struct msc_nearest near = { .wanted = e->set };
	void *trial;
	int rc;

	*value = '\0';
	for (const struct msc_knob *k = s->firmware->knobs; k && k->name; k++)
		if (k->live)
			msc_nearest_try(&near, k->name);
	e->knob = msc_knob_find(s->firmware->knobs, e->set);
	if (!e->knob || !e->knob->live)
		return msc_fail(err, MSC_E_USAGE,
				"sim:%s has no '%s' that could change while it runs%s%s%s",
				s->firmware->name, e->set, near.best ? "; did you mean '" : "",
				near.best ? near.best : "", near.best ? "'?" : "");
	*value = '=';
	trial = calloc(1, s->firmware->state_size);
	if (!trial)
		return msc_nomem(err);
	rc = msc_knob_set(e->knob, trial, value + 1, err);
	free(trial);
	return rc;
}

static int add_event(struct msc_spec *s, const char *text, struct msc_err *err)
{
	struct sim_event *e = &s->events[s->n_events];

	if (s->n_events == MSC_SPEC_EVENTS_MAX)
		return msc_fail(err, MSC_E_USAGE, "more than %d events", MSC_SPEC_EVENTS_MAX);
	if (msc_event_parse(e, text, err) < 0 || (e->what == SIM_SET && find_live(s, e, err) < 0)) {
		msc_err_prefix(err, "event: ");
		return -1;
	}
	if (e->what == SIM_EJECT && !s->firmware->vectors.eject)
		return msc_fail(err, MSC_E_USAGE, "sim:%s has no eject button", s->firmware->name);
	s->n_events++;
	return 0;
}

static void know_file(struct msc_spec *s, const char *path)
{
	struct stat st;

	s->has_file = true;
	if (stat(path, &st) == 0)
		snprintf(s->medium_id, sizeof s->medium_id, "sim-file-%jx-%jx",
			 (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
}

static int set_knob(struct msc_spec *s, char *word, struct msc_err *err);

/* A variant brings knobs of its own. */
static int add_variant(struct msc_spec *s, const char *id, struct msc_err *err)
{
	const struct msc_variant *v = msc_variant_find(id, err);
	char knobs[256], *left = knobs, *word;

	if (!v || add_mutant(s, &v->ops, err) < 0)
		return -1;
	snprintf(knobs, sizeof knobs, "%s", v->knobs ? v->knobs : "");
	while ((word = strsep(&left, ",")))
		if (*word && set_knob(s, word, err) < 0) {
			msc_err_prefix(err, "variant=%s: ", id);
			return -1;
		}
	return 0;
}

static int set_knob(struct msc_spec *s, char *word, struct msc_err *err)
{
	char *value = strchr(word, '=');
	const struct msc_knob *knob;

	if (!value)
		return msc_fail(err, MSC_E_USAGE, "'%s': expected knob=value", word);
	*value++ = '\0';
	if (strcmp(word, "fault") == 0)
		return add_fault(s, value, err);
	if (strcmp(word, "variant") == 0)
		return add_variant(s, value, err);
	if (strcmp(word, "event") == 0)
		return add_event(s, value, err);
	if (strcmp(word, "file") == 0)
		know_file(s, value);
	if ((knob = msc_knob_find(s->firmware->knobs, word)))
		return msc_knob_set(knob, s->state, value, err);
	if ((knob = msc_knob_find(msc_sim_knobs, word)))
		return msc_knob_set(knob, s, value, err);
	return unknown_knob(s->firmware, word, err);
}

static int begin(struct msc_spec *s, const char *name, struct msc_err *err)
{
	if (!*name)
		return msc_fail(err, MSC_E_USAGE,
				"sim: needs the name of a firmware, as in sim:reference");
	if (strchr(name, '/'))
		s->firmware = s->external = msc_external_open(name, err);
	else
		s->firmware = msc_firmware_find(name, err);
	if (!s->firmware)
		return -1;
	s->state = calloc(1, s->firmware->state_size ? s->firmware->state_size : 1);
	if (!s->state)
		return msc_nomem(err);
	msc_knobs_init(s->firmware->knobs, s->state);
	msc_knobs_init(msc_sim_knobs, s);
	return 0;
}

/* The text sets this knob ("KNOB=VALUE") by itself. */
static bool is_set(const char *text, const char *knob)
{
	size_t len = strcspn(knob, "=") + 1;

	for (const char *p = strchr(text, ','); p; p = strchr(p + 1, ','))
		if (!strncmp(p + 1, knob, len))
			return true;
	return false;
}

/* The firmware has a knob ("KNOB=") of that name, and it is that one's. */
static bool is_own(const struct msc_firmware *fw, const char *knob)
{
	char name[32];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(knob, "="), knob);
	return fw->knobs && msc_knob_find(fw->knobs, name);
}

/* Knobs that mean nothing without another one, which the text has not set. */
static int check_flash(const struct msc_spec *s, const char *text, struct msc_err *err)
{
	static const struct {
		const char *knob, *needs, *as;
	} rows[] = {
		{ "erase=", "erase-page=", "4096" }, { "program=", "erase-page=", "4096" },
		{ "load=", "erase-page=", "4096" },  { "merge=", "erase-page=", "4096" },
		{ "cache=", "erase-page=", "4096" }, { "wear=", "erase-page=", "4096" },
		{ "flush=", "cache=", "1" },	     { "pause=", "pause-every=", "1000" },
	};
	const struct sim_flash *f = &s->bench.flash;
	const int64_t times[] = { f->erase_ns,  f->program_ns, f->load_ns,
				  f->access_ns, f->pause_ns,   s->bench.poll_ns };

	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		if (is_set(text, rows[i].knob) && !is_set(text, rows[i].needs) &&
		    !is_own(s->firmware, rows[i].knob))
			return msc_fail(err, MSC_E_USAGE, "'%.*s' means nothing without %s%s",
					(int)strcspn(rows[i].knob, "="), rows[i].knob,
					rows[i].needs, rows[i].as);
	for (size_t i = 0; i < MSC_COUNT(times); i++)
		if (times[i] > FLASH_LONGEST_NS)
			return msc_fail(err, MSC_E_USAGE,
					"too long for a medium or a poll: at most 100 s");
	return 0;
}

static int end(struct msc_spec *s, const char *text, struct msc_err *err)
{
	if (check_flash(s, text, err) < 0)
		return -1;
	s->full_speed = s->firmware->full_speed_only;
	if (s->firmware->prepare &&
	    s->firmware->prepare(s->firmware, s->state, &s->full_speed, err) < 0)
		return -1;
	if (s->full_speed && s->bench.speed == 2)
		return msc_fail(err, MSC_E_USAGE, "sim:%s is a full-speed device",
				s->firmware->name);
	if (!s->bench.unplug_ns)
		return 0;
	if (s->n_events == MSC_SPEC_EVENTS_MAX)
		return msc_fail(err, MSC_E_USAGE, "more than %d events", MSC_SPEC_EVENTS_MAX);
	s->events[s->n_events++] =
		(struct sim_event){ .what = SIM_UNPLUG, .after_ns = s->bench.unplug_ns };
	return 0;
}

/* A knob has one value; faults, variants and events may be many, each of them once. */
static int once(const char *list, size_t at, struct msc_err *err)
{
	const char *word = list + at;
	bool many = !strncmp(word, "fault=", 6) || !strncmp(word, "variant=", 8) ||
		    !strncmp(word, "event=", 6);
	size_t len = strcspn(word, many ? "," : "=,");

	for (const char *p = list; len && p < word; p += strcspn(p, ",") + 1)
		if (!strncmp(p, word, len) && strchr(many ? "," : "=,", p[len]))
			return msc_fail(err, MSC_E_USAGE, "'%.*s': this is set twice",
					(int)strcspn(word, ","), word);
	return 0;
}

/* The name of the model or the simulator has this knob. */
static bool has_knob(const struct msc_spec *s, const char *name)
{
	return msc_knob_find(s->firmware->knobs, name) || msc_knob_find(msc_sim_knobs, name);
}

/* A fault brings the knobs without which it cannot show itself, where the firmware has them; what the user
 * sets has its way. */
static int set_for_faults(struct msc_spec *s, const char *text, struct msc_err *err)
{
	static const char key[] = ",fault=";

	for (const char *p = strstr(text, key); p; p = strstr(p + 1, key)) {
		char id[64], knobs[256], *left = knobs, *word;
		const struct msc_fault *f;

		snprintf(id, sizeof id, "%.*s", (int)strcspn(p + sizeof key - 1, ","),
			 p + sizeof key - 1);
		f = msc_fault_find(id, err);
		if (!f)
			return -1;
		snprintf(knobs, sizeof knobs, "%s", f->target ? f->target : "");
		while ((word = strsep(&left, ","))) {
			char knob[64];

			snprintf(knob, sizeof knob, "%.*s", (int)strcspn(word, "="), word);
			if (*word && has_knob(s, knob) && !is_set(text, word) &&
			    set_knob(s, word, err) < 0)
				return -1;
		}
	}
	return 0;
}

int msc_spec_parse(struct msc_spec *s, const char *name, struct msc_err *err)
{
	char *text = strdup(name), *left = text, *word;
	int rc;

	*s = (struct msc_spec){ .firmware = NULL };
	if (!text)
		return msc_nomem(err);
	rc = begin(s, strsep(&left, ","), err);
	if (rc == 0)
		rc = set_for_faults(s, name, err);
	while (rc == 0 && (word = strsep(&left, ",")))
		rc = once(name, (size_t)(word - text), err) < 0 ? -1 : set_knob(s, word, err);
	if (rc == 0)
		rc = end(s, name, err);
	free(text);
	if (rc < 0)
		msc_spec_free(s);
	return rc;
}

void msc_spec_free(struct msc_spec *s)
{
	if (s->state && s->firmware->release)
		s->firmware->release(s->state);
	free(s->state);
	s->state = NULL;
	msc_external_close(s->external);
	s->external = NULL;
}

struct sim_device_config msc_spec_config(const struct msc_spec *s)
{
	bool full = s->bench.speed == 1 || s->full_speed;

	return (struct sim_device_config){
		.name = s->firmware->name,
		.vectors = &s->firmware->vectors,
		.state = s->state,
		.state_size = s->firmware->state_size,
		.mutants = s->mutants,
		.n_mutants = s->n_mutants,
		.events = s->events,
		.n_events = s->n_events,
		.speed = full ? MSC_SPEED_FULL : MSC_SPEED_HIGH,
		.host = s->bench.host ? (enum bus_host)(s->bench.host - 1)
			: full        ? BUS_HOST_UHCI
				      : BUS_HOST_EHCI,
		.host_ns = s->bench.turnaround_ns,
		.poll_ns = s->bench.poll_ns,
		.flash = s->bench.flash,
		.seed = s->bench.seed,
		.drift_ppm = (int32_t)s->bench.drift,
	};
}
