/* SPDX-License-Identifier: BSD-2-Clause */
/* The cases of a bring-up, in their order. */
#include "run/run.h"

#include <stdlib.h>

static const char *const steps[] = {
	/* hosts, in the order in which they get there */
	"attach.linux.enumerate",
	"attach.windows.enumerate",
	"attach.macos.enumerate",
	"attach.linux.probe",
	"attach.windows.probe",
	"attach.macos.probe",
	"attach.uefi.probe",
	"attach.freebsd.probe",
	"attach.linux.hold",
	"attach.windows.idle",
	"attach.linux.copy",
	"attach.windows.copy",
	"attach.macos.copy",
	/* one thing at a time */
	"usb.descriptor.interface",
	"usb.descriptor.device",
	"usb.descriptor.configuration",
	"usb.request.get-max-lun",
	"bot.case01.direction",
	"bot.case06.inquiry",
	"scsi.inquiry.standard",
	"scsi.sense.idle",
	"scsi.ready.medium",
	"bot.case06.capacity",
	"scsi.capacity.stable",
	"bot.case05.inquiry",
	"bot.case05.mode-sense6",
	"bot.case04.packet",
	"scsi.unknown.none",
	"bot.case06.read10",
	"bot.case06.read10-sizes",
	"scsi.capacity.last-block",
	"usb.request.reset",
	"bot.recovery.stalled",
	"bot.recovery.toggles-in",
};

int msc_run_walk(const struct msc_scenarios *all, struct msc_scenarios *chosen, struct msc_err *err)
{
	*chosen = (struct msc_scenarios){ .list = calloc(MSC_COUNT(steps), sizeof *chosen->list) };
	if (!chosen->list)
		return msc_nomem(err);
	for (size_t i = 0; i < MSC_COUNT(steps); i++) {
		chosen->list[i] = msc_scenarios_find(all, steps[i]);
		if (!chosen->list[i])
			return msc_fail(err, MSC_E_INTERNAL, "there is no scenario %s", steps[i]);
		chosen->count++;
	}
	return 0;
}
