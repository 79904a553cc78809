/* SPDX-License-Identifier: BSD-2-Clause */
/* See decode_sum.h. */
#include "report/decode_sum.h"

#include <stdlib.h>
#include <string.h>

#include "judge/cause.h"

#define STEPS	 16 /* of a histogram within a power of two: a quantile is right to 1 in 16 */
#define OCTAVES	 44
#define ENOUGH	 8  /* commands of a kind before one can be slow */
#define SLOWER	 4  /* times the median */
#define SLOW_NS	 INT64_C(1000000000) /* and this, whatever the median */
#define REFRESH	 64 /* the median is reckoned anew after so many */

struct kind {
	uint64_t count, failed, bytes;
	int64_t busy_ns, least_ns, most_ns, median_ns;
	uint32_t hist[OCTAVES * STEPS];
};

struct found { /* the first of a sighting's findings */
	int64_t at_ns;
	char *message;
};

struct msc_sum {
	struct kind *kinds[256];
	struct msc_evidence evidence; /* by rule, in the order in which they first spoke */
	struct found *found;	      /* one for each */
	size_t n_found;
	struct msc_causes causes;
	uint64_t exchanges, cut, unknown, no_csw, bytes;
	int64_t busy_ns;
	unsigned speeds; /* of the devices: bit n for the n-th of enum msc_speed */
};

struct msc_sum *msc_sum_new(void)
{
	return calloc(1, sizeof(struct msc_sum));
}

void msc_sum_free(struct msc_sum *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < MSC_COUNT(s->kinds); i++)
		free(s->kinds[i]);
	for (size_t i = 0; i < s->n_found; i++)
		free(s->found[i].message);
	free(s->found);
	msc_evidence_clear(&s->evidence);
	msc_causes_clear(&s->causes);
	free(s);
}

/* ---- histogram ----------------------------------------------------------------------------- */

static size_t place(int64_t ns)
{
	unsigned octave;

	if (ns < STEPS)
		return ns < 0 ? 0 : (size_t)ns;
	octave = 63 - (unsigned)__builtin_clzll((unsigned long long)ns);
	if (octave - 3 >= OCTAVES)
		return OCTAVES * STEPS - 1;
	return (octave - 3) * STEPS + ((size_t)(ns >> (octave - 4)) & (STEPS - 1));
}

static int64_t value(size_t at)
{
	unsigned octave = (unsigned)(at / STEPS);

	if (octave == 0)
		return (int64_t)at;
	return (int64_t)(STEPS + at % STEPS) << (octave - 1);
}

static int64_t quantile(const struct kind *k, double p)
{
	uint64_t wanted = (uint64_t)(p * (double)(k->count - 1)), seen = 0;
	int64_t ns = k->most_ns;

	for (size_t i = 0; i < MSC_COUNT(k->hist); i++) {
		seen += k->hist[i];
		if (seen > wanted) {
			ns = value(i);
			break;
		}
	}
	return ns < k->least_ns ? k->least_ns : ns > k->most_ns ? k->most_ns : ns;
}

/* ---- counting ------------------------------------------------------------------------------ */

int msc_sum_add(struct msc_sum *s, const struct msc_record *r, struct msc_err *err)
{
	const struct msc_exchange *x = &r->u.exchange;
	struct kind *k = s->kinds[x->cbw.cb[0]];
	int64_t took = r->ended_ns - r->began_ns;

	if (r->kind != MSC_RECORD_EXCHANGE)
		return 0;
	s->exchanges++;
	s->cut += r->cut;
	s->unknown += r->past.unknown;
	s->no_csw += !x->have_csw;
	if (!msc_cbw_is_valid(x->wrapper, x->wrapper_len))
		return 0;
	if (!k) {
		k = s->kinds[x->cbw.cb[0]] = calloc(1, sizeof *k);
		if (!k)
			return msc_nomem(err);
		k->least_ns = INT64_MAX;
	}
	s->speeds |= 1u << r->device->speed;
	k->count++;
	k->failed += !x->have_csw || x->csw.status != MSC_CSW_PASSED;
	k->bytes += x->data_len;
	k->busy_ns += took;
	k->least_ns = took < k->least_ns ? took : k->least_ns;
	k->most_ns = took > k->most_ns ? took : k->most_ns;
	k->hist[place(took)]++;
	if (k->count == ENOUGH || k->count % REFRESH == 0)
		k->median_ns = quantile(k, 0.5);
	s->bytes += x->data_len;
	s->busy_ns += took;
	return 0;
}

bool msc_sum_is_slow(const struct msc_sum *s, const struct msc_record *r)
{
	const struct kind *k = s->kinds[r->u.exchange.cbw.cb[0]];
	int64_t took = r->ended_ns - r->began_ns;

	return took >= SLOW_NS ||
	       (k && k->count >= ENOUGH && k->median_ns && took > SLOWER * k->median_ns);
}

int msc_sum_findings(struct msc_sum *s, const struct msc_findings *f, struct msc_err *err)
{
	if (msc_evidence_add(&s->evidence, NULL, f, err) < 0)
		return -1;
	for (size_t i = 0; i < f->count && s->n_found < s->evidence.n_seen; i++) {
		const struct msc_finding *new = &f->list[i];
		struct found *list;

		if (new->rule != s->evidence.seen[s->n_found].rule)
			continue;
		list = realloc(s->found, (s->n_found + 1) * sizeof *list);
		if (!list)
			return msc_nomem(err);
		s->found = list;
		list[s->n_found] = (struct found){ new->at_ns, strdup(new->message) };
		if (!list[s->n_found++].message)
			return msc_nomem(err);
	}
	return 0;
}

uint64_t msc_sum_exchanges(const struct msc_sum *s)
{
	return s->exchanges;
}

bool msc_sum_has_failure(const struct msc_sum *s)
{
	for (size_t i = 0; i < s->evidence.n_seen; i++)
		if (s->evidence.seen[i].worst == MSC_FAIL)
			return true;
	return false;
}

int msc_sum_conclude(struct msc_sum *s, enum msc_profile profile, struct msc_err *err)
{
	return msc_causes_find(&msc_dictionary, &s->evidence, profile, &s->causes, err);
}

/* ---- text ---------------------------------------------------------------------------------- */

static const char *name_of(char buf[48], size_t opcode)
{
	const uint8_t cdb[MSC_CBW_CB_MAX] = { (uint8_t)opcode };

	return msc_cdb_name(buf, 48, cdb);
}

static double rate(uint64_t bytes, int64_t ns) /* kB/s */
{
	return ns > 0 ? (double)bytes * 1e6 / (double)ns : 0;
}

/* That of the fastest device. */
static enum msc_speed fastest(const struct msc_sum *s)
{
	enum msc_speed speed = MSC_SPEED_UNKNOWN;
	double most = 0;

	for (enum msc_speed i = MSC_SPEED_UNKNOWN; i <= MSC_SPEED_SUPER; i++) {
		if (!(s->speeds & 1u << i) || msc_bus_most(i) <= most)
			continue;
		most = msc_bus_most(i);
		speed = i;
	}
	return speed;
}

/* The times of the capture are not those of a bus. */
static bool beats_bus(const struct msc_sum *s, uint64_t bytes, int64_t ns)
{
	return msc_beats_bus(fastest(s), 1e3 * rate(bytes, ns));
}

static unsigned impossible_kinds(const struct msc_sum *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < MSC_COUNT(s->kinds); i++)
		n += s->kinds[i] && beats_bus(s, s->kinds[i]->bytes, s->kinds[i]->busy_ns);
	return n;
}

static void print_kinds(const struct msc_sum *s, FILE *out)
{
	char name[48], t[4][8];

	fprintf(out, "\n%-24s %7s %6s %8s %6s %6s %6s %6s\n", "command", "count", "failed", "kB/s",
		"median", "95 %", "99 %", "most");
	for (size_t i = 0; i < MSC_COUNT(s->kinds); i++) {
		const struct kind *k = s->kinds[i];

		if (!k)
			continue;
		fprintf(out, "%-24.24s %7llu %6llu ", name_of(name, i),
			(unsigned long long)k->count, (unsigned long long)k->failed);
		if (k->bytes && !beats_bus(s, k->bytes, k->busy_ns))
			fprintf(out, "%8.0f", rate(k->bytes, k->busy_ns));
		else
			fprintf(out, "%8s", "");
		fprintf(out, " %6s %6s %6s %6s\n", msc_short_ns(t[0], quantile(k, 0.5)),
			msc_short_ns(t[1], quantile(k, 0.95)),
			msc_short_ns(t[2], quantile(k, 0.99)), msc_short_ns(t[3], k->most_ns));
	}
}

static void print_findings(const struct msc_sum *s, bool color, FILE *out)
{
	char head[128], at[8];

	for (size_t i = 0; i < s->n_found; i++) {
		const struct msc_sighting *f = &s->evidence.seen[i];

		fputs(i ? "" : "\n", out);
		snprintf(head, sizeof head, "%5s ", msc_severity_name(f->worst));
		msc_put_tinted(out, color, msc_severity_tint(f->worst), head);
		fprintf(out, "%s: ", f->rule->id);
		msc_put_wrapped(out, (unsigned)(strlen(head) + strlen(f->rule->id)) + 2, 6,
				f->rule->title);
		snprintf(head, sizeof head, "%u time%s, first at %s: ", f->findings,
			 MSC_PLURAL(f->findings), msc_short_ns(at, s->found[i].at_ns));
		fprintf(out, "\n%6s%s", "", head);
		msc_put_wrapped(out, 6 + (unsigned)strlen(head), 6, s->found[i].message);
		putc('\n', out);
	}
}

/* In a capture nothing says which case a finding is of, so a cause is told by its rules alone. */
static void print_causes(const struct msc_sum *s, bool color, FILE *out)
{
	for (size_t i = 0; i < s->causes.count; i++) {
		const struct msc_cause *c = &s->causes.list[i];

		if (c->worst <= MSC_NOTE)
			continue;
		fputs(i ? "" : "\n", out);
		msc_put_tinted(out, color, msc_severity_tint(c->worst), "cause ");
		fprintf(out, "%s: ", c->id);
		msc_put_wrapped(out, 8 + (unsigned)strlen(c->id), 6, c->title);
		fprintf(out, "\n      explains %u of %u findings; %s\n", c->explains,
			s->causes.findings, msc_confidence_names[c->confidence]);
		for (size_t k = 0; k < c->n_ties; k++) {
			fprintf(out, "      or %s: ", c->ties[k]->id);
			msc_put_wrapped(out, 11 + (unsigned)strlen(c->ties[k]->id), 6,
					c->ties[k]->title);
			putc('\n', out);
		}
		if (c->mistake) {
			fputs("      mistake: ", out);
			msc_put_wrapped(out, 15, 6, c->mistake);
			putc('\n', out);
		}
	}
}

static void say(FILE *out, const char *text)
{
	fputs("  ", out);
	msc_put_wrapped(out, 2, 4, text);
	putc('\n', out);
}

#define SAY(out, count, ...)                                      \
	do {                                                      \
		if (count) {                                      \
			char text_[256];                          \
			snprintf(text_, sizeof text_, __VA_ARGS__); \
			say(out, text_);                          \
		}                                                 \
	} while (0)

static void print_evidence(const struct msc_sum *s, const struct msc_capture_facts *f, FILE *out)
{
	char step[24], bus[80];

	fputs("\nevidence\n", out);
	SAY(out, !f->sees_packets,
	    "NAKs cannot be seen in this kind of capture, nor toggles and retries");
	SAY(out, f->sees_packets, "%llu NAKs, %llu packets sent again", (unsigned long long)f->naks,
	    (unsigned long long)f->retries);
	SAY(out, s->cut,
	    "%llu exchange%s not judged: the capture does not have all bytes of CBW, CSW or "
	    "data",
	    (unsigned long long)s->cut, s->cut == 1 ? " is" : "s are");
	SAY(out, f->cut,
	    "%llu transfer%s cut: the capture was taken with a limit to the length of "
	    "packets; what is not there is not held against the device",
	    (unsigned long long)f->cut, f->cut == 1 ? " is" : "s are");
	SAY(out, f->halves,
	    "USBPcap wrote only the half of each bulk transfer that has the data, as it did "
	    "before 1.4.1: a phase is reckoned from the packet before, and what failed is not "
	    "told");
	SAY(out, s->unknown,
	    "%llu exchange%s came when it was not known what was before: nothing is held "
	    "against the device that depends on that",
	    (unsigned long long)s->unknown, MSC_PLURAL(s->unknown));
	SAY(out, f->lost, "%llu gap%s: packets are missing%s", (unsigned long long)f->lost,
	    MSC_PLURAL(f->lost), f->disordered ? ", or are in another place" : "");
	SAY(out, f->disordered,
	    "%llu packet%s behind later ones: the file is not in the order of time, and nothing is "
	    "held against the device there; Wireshark's reordercap puts it in order",
	    (unsigned long long)f->disordered, f->disordered == 1 ? " stands" : "s stand");
	SAY(out, f->other_setting,
	    "%llu transfer%s not looked at: the host had chosen another setting of the interface, as "
	    "that of UAS, and they are not Bulk-Only's",
	    (unsigned long long)f->other_setting, f->other_setting == 1 ? " is" : "s are");
	SAY(out, f->repeated,
	    "%llu packet%s there twice, from two interfaces of the capture that see the same "
	    "bus: once is looked at",
	    (unsigned long long)f->repeated, f->repeated == 1 ? " is" : "s are");
	SAY(out, f->clock_step_ns,
	    "the clock of the capture goes in steps of %s: what is shorter is shown as 0, and a "
	    "rate means something only for many commands",
	    msc_short_ns(step, f->clock_step_ns));
	SAY(out, impossible_kinds(s),
	    "%u of the commands took less time than their bytes need on %s: the capture was not taken "
	    "at one, and no rate is given for them",
	    impossible_kinds(s), msc_bus_text(bus, sizeof bus, fastest(s)));
	SAY(out, f->clock_set,
	    "the clock was set back %llu time%s: from there times go on where they were",
	    (unsigned long long)f->clock_set, MSC_PLURAL(f->clock_set));
	SAY(out, f->bad, "%llu packet%s with a wrong CRC or PID", (unsigned long long)f->bad,
	    MSC_PLURAL(f->bad));
	SAY(out, f->too_short, "%llu packet%s too short to be read",
	    (unsigned long long)f->too_short, MSC_PLURAL(f->too_short));
	SAY(out, f->unknown_packets, "left out: %llu packet%s of another kind (link type %u)",
	    (unsigned long long)f->unknown_packets, MSC_PLURAL(f->unknown_packets),
	    f->unknown_link);
}

void msc_sum_print(const struct msc_sum *s, const struct msc_capture_facts *f, bool color,
		   FILE *out)
{
	char text[24];

	if (s->exchanges)
		print_kinds(s, out);
	print_causes(s, color, out);
	print_findings(s, color, out);
	print_evidence(s, f, out);
	fprintf(out, "\n%llu exchange%s in %llu packet%s", (unsigned long long)s->exchanges,
		MSC_PLURAL(s->exchanges), (unsigned long long)f->packets, MSC_PLURAL(f->packets));
	fprintf(out, ", %s", msc_short_ns(text, f->ended_ns - f->began_ns));
	if (!beats_bus(s, s->bytes, f->ended_ns - f->began_ns))
		fprintf(out, ": %.0f kB/s", rate(s->bytes, f->ended_ns - f->began_ns));
	if (!beats_bus(s, s->bytes, s->busy_ns))
		fprintf(out, ", %.0f kB/s while busy", rate(s->bytes, s->busy_ns));
	putc('\n', out);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *kinds_json(const struct msc_sum *s)
{
	json_t *list = json_array();
	char name[48];

	for (size_t i = 0; i < MSC_COUNT(s->kinds); i++) {
		const struct kind *k = s->kinds[i];

		if (k &&
		    json_array_append_new(
			    list,
			    json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I}}",
				      "command", name_of(name, i), "opcode", (int)i, "count",
				      (json_int_t)k->count, "failed", (json_int_t)k->failed,
				      "bytes", (json_int_t)k->bytes, "busy_ns",
				      (json_int_t)k->busy_ns, "latency_ns", "least",
				      (json_int_t)k->least_ns, "median",
				      (json_int_t)quantile(k, 0.5), "p95",
				      (json_int_t)quantile(k, 0.95), "p99",
				      (json_int_t)quantile(k, 0.99), "most",
				      (json_int_t)k->most_ns))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *found_json(const struct msc_sum *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_found; i++) {
		const struct msc_sighting *f = &s->evidence.seen[i];

		if (json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:o}", "rule",
							  f->rule->id, "severity",
							  msc_severity_name(f->worst), "count",
							  (json_int_t)f->findings, "first_ns",
							  (json_int_t)s->found[i].at_ns, "message",
							  msc_json_text(s->found[i].message)))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *msc_sum_json(const struct msc_sum *s, const struct msc_capture_facts *f)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:{s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}",
		"exchanges", (json_int_t)s->exchanges, "packets", (json_int_t)f->packets, "bytes",
		(json_int_t)s->bytes, "began_ns", (json_int_t)f->began_ns, "ended_ns",
		(json_int_t)f->ended_ns, "busy_ns", (json_int_t)s->busy_ns, "commands",
		kinds_json(s), "causes", msc_causes_json(&s->causes, NULL, false), "findings",
		found_json(s), "evidence", "bus", f->sees_packets, "naks",
		f->sees_packets ? json_integer((json_int_t)f->naks) : json_null(), "not_judged",
		(json_int_t)s->cut, "cut", (json_int_t)f->cut, "unknown_before",
		(json_int_t)s->unknown, "other_setting", (json_int_t)f->other_setting, "gaps",
		(json_int_t)f->lost, "repeated", (json_int_t)f->repeated, "disordered",
		(json_int_t)f->disordered, "clock_set", (json_int_t)f->clock_set, "clock_step_ns",
		(json_int_t)f->clock_step_ns, "bad_packets", (json_int_t)f->bad, "short_packets",
		(json_int_t)f->too_short, "left_out", (json_int_t)f->unknown_packets);
}
