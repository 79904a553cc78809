/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the name of a simulated target: see spec.h. */
#include "firmware/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

enum { FULL = 1, HIGH }; /* of the knob "speed" */

#define FLASH_LONGEST_NS (100 * MSC_S)

static bool is_full_speed(const struct msc_spec *s)
{
	bool host = s->bench.host && bus_host_full_speed_only((enum bus_host)(s->bench.host - 1));

	return s->full_speed || s->bench.speed == FULL ||
	       (s->bench.speed != HIGH && (host || s->bench.hub));
}

static enum bus_host host_of(const struct msc_spec *s)
{
	return s->bench.host ? (enum bus_host)(s->bench.host - 1)
	       : is_full_speed(s) && !s->bench.hub ? BUS_HOST_UHCI
						   : BUS_HOST_EHCI;
}

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

/* What controllers of that kind can; the numbers are EHCI 1.0, 2.3.1 (1 to 64 microframes), xHCI 1.1,
 * 5.5.2.2 (16 bits of 250 ns), USB 2.0, 7.1.7.5. */
static int check_host(const struct msc_spec *s, struct msc_err *err)
{
	enum bus_host host = host_of(s);
	const char *name = bus_host_names[host];
	int64_t ns = s->bench.moderation_ns, uframes = ns / (125 * MSC_US);
	bool ehci = host == BUS_HOST_EHCI;

	if (bus_host_full_speed_only(host) && s->bench.speed == HIGH)
		return msc_fail(err, MSC_E_USAGE,
				"host=%s has no high speed: expected host=ehci or host=xhci", name);
	if (s->bench.port_reset_ns < 10 * MSC_MS)
		return msc_fail(err, MSC_E_USAGE, "port-reset: a port is reset for at least 10ms");
	if (ns && bus_host_full_speed_only(host))
		return msc_fail(err, MSC_E_USAGE, "moderation: host=%s has none", name);
	if (ns && ehci && (ns % (125 * MSC_US) || uframes > 64 || (uframes & (uframes - 1))))
		return msc_fail(err, MSC_E_USAGE,
				"moderation: host=ehci has 125us, 250us, 500us, 1ms, 2ms, 4ms or "
				"8ms");
	if (ns > UINT16_MAX * (int64_t)250)
		return msc_fail(err, MSC_E_USAGE, "moderation: host=%s has at most 16383us", name);
	return 0;
}

/* What there can be on a hub. */
static int check_hub(const struct msc_spec *s, struct msc_err *err)
{
	enum bus_host host = host_of(s);
	enum bus_neighbour kind = (enum bus_neighbour)s->bench.neighbour;
	unsigned bytes = s->bench.neighbour_bytes;
	double share = bus_periodic_share(kind, s->bench.neighbours, bytes);

	if (!s->bench.hub)
		return s->bench.neighbours ? msc_fail(err, MSC_E_USAGE, "neighbours need hub=tt")
					   : 0;
	if (s->bench.speed == HIGH)
		return msc_fail(err, MSC_E_USAGE,
				"hub=%s translates for a full-speed device: expected speed=full",
				bus_hub_names[s->bench.hub]);
	if (bus_host_full_speed_only(host))
		return msc_fail(
			err, MSC_E_USAGE,
			"host=%s has no high speed, and so no hub=%s: expected host=ehci or "
			"host=xhci",
			bus_host_names[host], bus_hub_names[s->bench.hub]);
	if (s->bench.most_packets)
		return msc_fail(
			err, MSC_E_USAGE,
			"packets: a translator fetches them, not the host, where there is a hub");
	if (bytes > bus_neighbour_most(kind))
		return msc_fail(err, MSC_E_USAGE, "neighbour-bytes: a packet of %s has at most %u",
				bus_neighbour_names[kind], bus_neighbour_most(kind));
	if (share > 0.9) /* USB 2.0, 5.6.4 and 5.7.4 */
		return msc_fail(
			err, MSC_E_USAGE,
			"neighbours: they would take %.0f %% of each frame, and a host gives "
			"at most 90 %%",
			100 * share);
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
static int check_needs(const struct msc_spec *s, const char *text, struct msc_err *err)
{
	static const struct {
		const char *knob, *needs, *as;
	} rows[] = {
		{ "erase=", "erase-page=", "4096" }, { "program=", "erase-page=", "4096" },
		{ "load=", "erase-page=", "4096" },  { "merge=", "erase-page=", "4096" },
		{ "cache=", "erase-page=", "4096" }, { "wear=", "erase-page=", "4096" },
		{ "flush=", "cache=", "1" },	     { "pause=", "pause-every=", "1000" },
		{ "neighbours=", "hub=", "tt" },     { "neighbour=", "neighbours=", "1" },
		{ "neighbour-bytes=", "neighbours=", "1" },
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
	if (check_needs(s, text, err) < 0)
		return -1;
	s->full_speed = s->firmware->full_speed_only;
	if (s->firmware->prepare &&
	    s->firmware->prepare(s->firmware, s->state, &s->full_speed, err) < 0)
		return -1;
	if (s->full_speed && s->bench.speed == HIGH)
		return msc_fail(err, MSC_E_USAGE, "sim:%s is a full-speed device",
				s->firmware->name);
	if (check_host(s, err) < 0 || check_hub(s, err) < 0)
		return -1;
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
	return (struct sim_device_config){
		.name = s->firmware->name,
		.vectors = &s->firmware->vectors,
		.state = s->state,
		.state_size = s->firmware->state_size,
		.mutants = s->mutants,
		.n_mutants = s->n_mutants,
		.events = s->events,
		.n_events = s->n_events,
		.speed = is_full_speed(s) ? MSC_SPEED_FULL : MSC_SPEED_HIGH,
		.bus = { .host = host_of(s),
			 .host_ns = s->bench.turnaround_ns,
			 .most_packets = s->bench.most_packets,
			 .moderation_ns = s->bench.moderation_ns,
			 .reset_ns = s->bench.port_reset_ns,
			 .hub = (enum bus_hub)s->bench.hub,
			 .neighbours = s->bench.neighbours,
			 .neighbour = (enum bus_neighbour)s->bench.neighbour,
			 .neighbour_bytes = s->bench.neighbour_bytes },
		.poll_ns = s->bench.poll_ns,
		.flash = s->bench.flash,
		.seed = s->bench.seed,
		.drift_ppm = (int32_t)s->bench.drift,
	};
}
