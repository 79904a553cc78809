/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of devices with several logical units: state that is kept once for all of them, or units
 * that are not what they seem. */
#include "firmware/fault/fault.h"

ON_COMMAND(unit_mirrored)
{
	seen->h.lun = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_unit_mirrored = {
	.id = "unit-mirrored",
	.title = "one medium answers as every unit",
	.seen = "Linux quirk SINGLE_LUN",
	.caught_by = "scsi.sense.unit expect.data",
	.target = "luns=2",
	.ops = {.command = unit_mirrored},
};

ON_COMMAND(unit_limit)
{
	if (seen->h.lun > 1)
		seen->h.lun = MSC_LUN_MAX;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_unit_limit = {
	.id = "unit-limit",
	.title = "Get Max LUN counts units that the firmware then takes for absent",
	.seen = "ST USBD_MSC compares bCBWLUN with 1",
	.caught_by = "scsi.inquiry.type",
	.target = "luns=3",
	.ops = {.command = unit_limit},
};

/* state: how often it was asked. */
ON_SETUP(maxlun_late)
{
	uint32_t *asked = state;

	if (!fault_is_class(q, MSC_REQ_GET_MAX_LUN))
		return MUTANT_PASS;
	return (*asked)++ < 2 ? MUTANT_STALL : MUTANT_PASS;
}

const struct msc_fault msc_fault_maxlun_late = {
	.id = "maxlun-late",
	.title = "Get Max LUN is refused until the media have been found",
	.seen = "field 13: ZuluSCSI #512: the host waits 10 s and sees one unit",
	.caught_by = "bot.maxlun.stable",
	.target = "luns=2",
	.ops = {.state_size = sizeof(uint32_t), .setup = maxlun_late},
};
