/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a scenario can run on this device, and may: the needs that it states, and what the user has allowed. */
#include <inttypes.h>
#include <stdio.h>

#include "run/runner.h"

/* Of a unit without a capacity that could be learned: what is known of its medium. */
static const char *no_capacity(const struct msc_runner *r)
{
	switch (msc_session_readiness(r->session, r->o->lun)) {
	case MSC_READINESS_EMPTY: return "there is no medium (the device says 2/3A)";
	case MSC_READINESS_LATE: return "the unit does not get ready";
	case MSC_READINESS_READY: return "READ CAPACITY gives nothing that can be used";
	case MSC_READINESS_UNKNOWN:
	case MSC_READINESS_REFUSED: break;
	}
	return "TEST UNIT READY neither passes nor says why";
}

/* Why the scenario cannot run here; NULL: it can. */
static const char *unmet(const struct msc_runner *r)
{
	const struct msc_unit *u = &r->unit;
	const struct msc_device *d = &r->target->device;
	static const char untold[] = "INQUIRY did not report whether the medium is removable";
	unsigned speed = d->speed;
	bool empty = msc_session_readiness(r->session, r->o->lun) == MSC_READINESS_EMPTY;
	const struct {
		unsigned need;
		bool met;
		const char *reason;
	} needs[] = {
		{ MSC_NEED_ENDPOINTS, !d->commands_only, r->no_endpoints },
		{ MSC_NEED_MEDIUM, u->have_capacity, no_capacity(r) },
		{ MSC_NEED_NO_MEDIUM, empty,
		  u->have_capacity ? "there is a medium" : no_capacity(r) },
		{ MSC_NEED_WRITABLE, !u->write_protected, "the medium is write-protected" },
		{ MSC_NEED_WRITE_PROTECTED, u->write_protected,
		  "the medium is not write-protected" },
		{ MSC_NEED_REMOVABLE, u->removable,
		  u->have_inquiry ? "the medium is not removable" : untold },
		{ MSC_NEED_FIXED, u->have_inquiry && !u->removable,
		  u->have_inquiry ? "the medium is removable" : untold },
		{ MSC_NEED_MULTI_LUN, r->max_lun > 0, "the device has one logical unit" },
		{ MSC_NEED_SINGLE_LUN, r->max_lun == 0, "the device has several logical units" },
		{ MSC_NEED_FULL_SPEED, speed == MSC_SPEED_FULL, "the device is not at full speed" },
		{ MSC_NEED_HIGH_SPEED, speed == MSC_SPEED_HIGH, "the device is not at high speed" },
		{ MSC_NEED_COMPOSITE, r->env.var[MSC_VAR_SIBLING] != d->interface_number,
		  "the device has one interface" },
		{ MSC_NEED_SUPER_SPEED, d->speed == MSC_SPEED_SUPER,
		  "the device is not at SuperSpeed" },
		{ MSC_NEED_SIMULATED, r->target->device.simulated, "the device is not simulated" },
	};

	for (size_t i = 0; i < MSC_COUNT(needs); i++)
		if (r->s->needs & needs[i].need && !needs[i].met)
			return needs[i].reason;
	return NULL;
}

/* Somebody has taken the medium out: what needs one would only say so again and again. */
static const char *taken_out(const struct msc_runner *r)
{
	const unsigned with_medium = MSC_NEED_MEDIUM | MSC_NEED_WRITABLE;

	if (!(r->s->needs & with_medium || r->s->writes) ||
	    !msc_session_signs(r->session, r->o->lun)->away || !r->unit.have_capacity)
		return NULL;
	return "the medium has been taken out (the device says 2/3A)";
}

const char *msc_run_unpermitted(const struct msc_scenario *s, const struct msc_run_options *o,
				bool simulated)
{
	if (s->writes && !o->allow_writes)
		return "writes to the medium; give --allow-writes to allow it";
	if (s->unsafe && !o->allow_unsafe)
		return "sends what cannot be undone, or what nobody knows; give --allow-unsafe to "
		       "allow it";
	if (s->ejects && !o->allow_eject && !simulated)
		return "takes the medium away; give --allow-eject to allow it";
	return NULL;
}

bool msc_run_obstacle(const struct msc_runner *r, char *why, size_t size)
{
	const struct msc_scenario *s = r->s;
	const char *reason = unmet(r);

	if (!reason)
		reason = taken_out(r);
	if (!reason && s->needs_blocks && (uint64_t)s->needs_blocks > r->unit.last_lba + 1) {
		snprintf(why, size, "the medium has less than %" PRId64 " block%s", s->needs_blocks,
			 MSC_PLURAL(s->needs_blocks));
		return true;
	}
	if (!reason)
		reason = msc_run_unpermitted(s, r->o, r->target->device.simulated);
	if (!reason && s->scratch_blocks > msc_medium_room(r->medium)) {
		snprintf(why, size,
			 "the medium is too small for a scratch range of %" PRId64 " blocks",
			 s->scratch_blocks);
		return true;
	}
	snprintf(why, size, "%s", reason ? reason : "");
	return reason != NULL;
}
