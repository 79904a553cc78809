/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal units that are late to be ready: SPC-2, 7.25 (TEST UNIT READY) says how a unit tells it, and
 * sets no limit. Until then each command that needs the medium fails; a unit attention that is
 * pending comes first. */
#include "firmware/variant/variant.h"

#include "base/clock.h"
#include "base/err.h"
#include "wire/scsi.h"

#define NOT_READY(ascq) MSC_SENSE_CODE(MSC_SENSE_NOT_READY, MSC_ASC_NOT_READY, ascq)
#define BECOMING	NOT_READY(0x01)
#define CAUSE_UNKNOWN	NOT_READY(0x00)
#define WANTS_START	NOT_READY(0x02)
#define LONG_WRITE	NOT_READY(0x08)
#define UNCONFIGURED	MSC_SENSE_CODE(MSC_SENSE_NOT_READY, 0x3e, 0x00)
#define NO_MEDIUM	MSC_SENSE_CODE(MSC_SENSE_NOT_READY, MSC_ASC_NO_MEDIUM, 0x00)

struct late {
	int64_t first_ns, then_ns; /* after a reset: how long each sense holds; 0: not at all */
	uint32_t first, then;	   /* key, code, qualifier, a byte each */
	uint8_t attention; /* the ASC of a unit attention that is told before it is ready; 0: none */
	bool wants_start;	   /* ready after START STOP UNIT with START, and not before */
	uint32_t long_write; /* one WRITE(10) in so many fails with 2/04/08, and passes when it is sent again; 0: none */
	bool stops;	   /* the same after START STOP UNIT without START; LOEJ moves nothing */
	/* kept */
	int64_t since_ns;
	uint32_t writes;
	bool started, stopped, told;
	uint32_t sense; /* of the command that was failed last; 0: none was */
};

static bool needs_medium(uint8_t opcode)
{
	static const uint8_t opcodes[] = { MSC_OP_TEST_UNIT_READY,
					   MSC_OP_READ_6,
					   MSC_OP_WRITE_6,
					   MSC_OP_READ_10,
					   MSC_OP_WRITE_10,
					   MSC_OP_READ_12,
					   MSC_OP_WRITE_12,
					   MSC_OP_READ_16,
					   MSC_OP_WRITE_16,
					   MSC_OP_VERIFY_10,
					   MSC_OP_READ_CAPACITY_10,
					   MSC_OP_SERVICE_ACTION_IN_16,
					   MSC_OP_SYNCHRONIZE_CACHE_10 };

	for (size_t i = 0; i < MSC_COUNT(opcodes); i++)
		if (opcodes[i] == opcode)
			return true;
	return false;
}

/* Why a command fails now; 0: it does not. */
static uint32_t reason(struct late *l, int64_t now)
{
	const int64_t t = now - l->since_ns;

	if (l->stopped || (l->wants_start ? !l->started : t < l->first_ns))
		return l->first;
	if (t < l->first_ns + l->then_ns)
		return l->then;
	if (l->attention && !l->told) {
		l->told = true;
		return MSC_SENSE_CODE(MSC_SENSE_UNIT_ATTENTION, l->attention, 0);
	}
	return 0;
}

static void start_stop(struct late *l, struct msc_cbw *seen)
{
	const bool start = seen->cb[4] & MSC_START_START;

	l->started |= start;
	if (l->stops) {
		l->stopped = !start;
		seen->cb[4] &= (uint8_t)~MSC_START_LOEJ;
	}
}

static enum mutant_verdict on_command(struct mcu *m, const struct mutant_view *v,
				      struct msc_cbw *seen, void *state)
{
	struct late *l = state;

	if (seen->cb[0] == MSC_OP_REQUEST_SENSE)
		return MUTANT_PASS;
	l->sense = 0;
	if (seen->cb[0] == MSC_OP_START_STOP_UNIT && seen->h.lun == 0)
		start_stop(l, seen);
	if (seen->h.lun == 0 && needs_medium(v->cbw.cb[0]))
		l->sense = reason(l, mcu_now(m));
	if (!l->sense && l->long_write && seen->h.lun == 0 && seen->cb[0] == MSC_OP_WRITE_10 &&
	    ++l->writes % l->long_write == 0)
		l->sense = LONG_WRITE;
	if (l->sense)
		variant_invalid_field(seen);
	return MUTANT_PASS;
}

static enum mutant_verdict on_data_in(struct mcu *m, const struct mutant_view *v, uint8_t *buf,
				      size_t *len, size_t max, void *state)
{
	const struct late *l = state;

	(void)m, (void)max;
	if (!l->sense || v->cbw.cb[0] != MSC_OP_REQUEST_SENSE || v->data_sent || *len < 14 ||
	    buf[12] != 0x24)
		return MUTANT_PASS;
	buf[2] = (uint8_t)(l->sense >> 16);
	buf[12] = (uint8_t)(l->sense >> 8);
	buf[13] = (uint8_t)l->sense;
	return MUTANT_PASS;
}

static void on_reset(struct mcu *m, void *state)
{
	struct late *l = state;

	l->since_ns = mcu_now(m);
	l->started = l->stopped = l->told = false;
	l->sense = 0;
}

#define LATE(...)                                                                                  \
	.ops = {.state_size = sizeof(struct late), .initial = &(const struct late){__VA_ARGS__},   \
		.command = on_command, .data_in = on_data_in, .reset = on_reset}

#define NO_LIMIT "SPC-2, 7.25 and table D.1: 2/04/01 has no limit; Linux waits 100 s"

static const struct msc_variant rows[] = {
	{ "late-1s", "the unit becomes ready 1 s after each reset, with 2/04/01 until then",
	  NO_LIMIT, LATE(.first_ns = 1 * MSC_S, .first = BECOMING) },
	{ "late-3s", "the unit becomes ready 3 s after each reset, with 2/04/01 until then",
	  NO_LIMIT, LATE(.first_ns = 3 * MSC_S, .first = BECOMING) },
	{ "late-8s", "the unit becomes ready 8 s after each reset, with 2/04/01 until then",
	  NO_LIMIT, LATE(.first_ns = 8 * MSC_S, .first = BECOMING) },
	{ "late-30s", "the unit becomes ready 30 s after each reset, with 2/04/01 until then",
	  NO_LIMIT, LATE(.first_ns = 30 * MSC_S, .first = BECOMING) },
	{ "late-60s", "the unit becomes ready 60 s after each reset, with 2/04/01 until then",
	  NO_LIMIT, LATE(.first_ns = 60 * MSC_S, .first = BECOMING) },
	{ "late-cause-unknown", "for 2 s after each reset the unit says 2/04/00",
	  "SPC-2, table D.1: not ready, cause not reportable",
	  LATE(.first_ns = 2 * MSC_S, .first = CAUSE_UNKNOWN) },
	{ "late-unconfigured",
	  "for 2 s after each reset the unit says 2/3E/00, it has not configured itself yet",
	  "SPC-2, table C.1: 3E/00 is of all device types; it has no limit either",
	  LATE(.first_ns = 2 * MSC_S, .first = UNCONFIGURED) },
	{ "late-start",
	  "the unit is stopped after each reset, with 2/04/02, until START STOP UNIT starts it",
	  "SBC-2, 5.17; SPC-2, table D.1: initializing command required",
	  LATE(.wants_start = true, .first = WANTS_START) },
	{ "late-start-needless", "for 3 s after each reset the unit says 2/04/02, started or not",
	  "SPC-2, table D.1; Linux starts it and goes on asking for 100 s",
	  LATE(.first_ns = 3 * MSC_S, .first = WANTS_START) },
	{ "stop", "START STOP UNIT without START stops the unit: 2/04/02 until it is started again",
	  "SBC-2, 5.17", .knobs = "removable=0", LATE(.stops = true, .first = WANTS_START) },
	{ "long-write", "one WRITE(10) in 40 fails with 2/04/08, and passes when it is sent again",
	  "SPC-2, table C.1: 04/08, long write in progress; hosts try again",
	  LATE(.long_write = 40) },
	{ "late-insertion", "after each reset 2/3A/00 for 1 s, then 6/28/00 once, then ready",
	  "SPC-2, 5.6.9: how a card that is found late is told",
	  LATE(.first_ns = 1 * MSC_S, .first = NO_MEDIUM, .attention = MSC_ASC_MEDIUM_CHANGED) },
	{ "late-two-steps",
	  "after each reset 2/3A/00 for 500 ms, then 2/04/01 for 1 s, then 6/28/00 once",
	  "SPC-2, 5.6.9 and table D.1",
	  LATE(.first_ns = 500 * MSC_MS, .first = NO_MEDIUM, .then_ns = 1 * MSC_S, .then = BECOMING,
	       .attention = MSC_ASC_MEDIUM_CHANGED) },
	{ "late-attention", "after the unit attention of a reset a second one, 6/28/00",
	  "SAM-2, 5.9.7: one after the other", LATE(.attention = MSC_ASC_MEDIUM_CHANGED) },
};
const struct msc_variant_table msc_variants_late = { rows, MSC_COUNT(rows) };
