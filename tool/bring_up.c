/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope check --bring-up: from the first descriptor upward, in the order in which hosts come to it,
 * to the first thing that would keep one from mounting the device. The scenarios are those of the
 * suite; what is here is their order, and what to do when one fails. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const struct stage {
	const char *scenario;
	const char *next; /* what to do when it fails */
} stages[] = {
	{ "usb.descriptor.interface",
	  "correct the descriptors and plug the device in again; nothing above them counts until a "
	  "host can read what the device is" },
	{ "usb.descriptor.device",
	  "let GET_DESCRIPTOR send the smaller of wLength and the descriptor's own length, in "
	  "packets of bMaxPacketSize0, with an empty packet only when both call for one" },
	{ "usb.descriptor.configuration",
	  "send the whole configuration in one answer, and count wTotalLength from its bytes" },
	{ "usb.request.get-max-lun",
	  "answer A1h FEh with one byte, the number of the last logical unit (0 for one unit), or "
	  "refuse it with STALL; compare wIndex with the interface's real number" },
	{ "bot.case01.direction",
	  "follow one command by hand: bulk-out armed for 31 bytes before the host sends, the CBW "
	  "read, the CSW of 13 bytes with the same tag armed on bulk-in, bulk-out armed again" },
	{ "bot.case06.inquiry",
	  "send exactly 36 bytes on bulk-in, then the CSW as a transfer of its own, and nothing "
	  "between them" },
	{ "scsi.inquiry.standard",
	  "fill in the 36 bytes of standard INQUIRY data; a host decides by them what kind of device "
	  "this is" },
	{ "scsi.sense.idle",
	  "let REQUEST SENSE always pass, with 18 bytes of fixed format; every failure after this "
	  "one is explained to the host by it" },
	{ "scsi.ready.medium",
	  "let TEST UNIT READY pass once the medium can be read, and until then fail it with a reason "
	  "that REQUEST SENSE gives: 2/3A/00 without a medium, 2/04/01 while it starts" },
	{ "bot.case06.capacity",
	  "answer READ CAPACITY(10) with eight bytes, big-endian: the address of the last block, not "
	  "the number of blocks, and the size of a block" },
	{ "scsi.capacity.stable",
	  "compute the capacity before the first command can come, and leave it alone" },
	{ "bot.case05.inquiry",
	  "when less is to be sent than dCBWDataTransferLength, end the data with a short packet and "
	  "halt bulk-in, or fill it up; then the CSW, with the difference as dCSWDataResidue" },
	{ "bot.case05.mode-sense6",
	  "the same for MODE SENSE(6) with 192 bytes, which Linux and Windows send before they read: "
	  "a header of four bytes is enough of an answer" },
	{ "bot.case04.packet",
	  "when a command fails that has data for the host, halt bulk-in, and let the CSW wait behind "
	  "the halt until the host has cleared it" },
	{ "scsi.unknown.none",
	  "end every command that is not known with status 01h and sense 5/20/00; hosts try many" },
	{ "bot.case06.read10",
	  "read two blocks by hand, and look at each packet: all full, none empty, the CSW last" },
	{ "bot.case06.read10-sizes",
	  "read in sizes that your buffers divide, and in sizes that they do not; the first that fails "
	  "is the size of something" },
	{ "scsi.capacity.last-block",
	  "make the capacity agree with what can be read: hosts read the last block when they look "
	  "for a partition table" },
	{ "usb.request.reset",
	  "let 21h FFh ready the device for the next CBW, and acknowledge it only then" },
	{ "bot.recovery.stalled",
	  "let Bulk-Only Reset drop the command that is under way, with all that is armed for it" },
	{ "bot.recovery.toggles-in",
	  "restart the data toggle in CLEAR_FEATURE(ENDPOINT_HALT), also when the endpoint is not "
	  "halted" },
	{ "attach.linux.probe",
	  "everything so far was right by itself; look at the command named above, in the place where "
	  "Linux sends it" },
	{ "attach.windows.probe",
	  "look at the command named above, in the place where Windows sends it" },
	{ "attach.macos.probe",
	  "look at the command named above, in the place where macOS sends it" },
	{ "attach.freebsd.probe",
	  "look at the command named above, in the place where FreeBSD sends it" },
	{ "attach.uefi.probe",
	  "look at the command named above, in the place where a UEFI firmware sends it" },
};

static const struct msc_scenario *find(const struct msc_scenarios *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(msc_scenario_name(all->list[i]), name))
			return all->list[i];
	return NULL;
}

static int choose(const struct msc_scenarios *all, struct msc_scenarios *chosen,
		  struct msc_err *err)
{
	chosen->list = calloc(MSC_COUNT(stages), sizeof *chosen->list);
	if (!chosen->list)
		return msc_nomem(err);
	for (size_t i = 0; i < MSC_COUNT(stages); i++) {
		const struct msc_scenario *s = find(all, stages[i].scenario);

		if (!s)
			return msc_fail(err, MSC_E_INTERNAL, "there is no scenario %s",
					stages[i].scenario);
		chosen->list[chosen->count++] = (struct msc_scenario *)s;
	}
	return 0;
}

static void put_next(FILE *out, const char *text)
{
	fputs("next      ", out);
	msc_put_wrapped(out, 10, 10, text);
	putc('\n', out);
}

static void explain(struct tool *tool, const struct walk *walk, int status)
{
	if (!tool->text)
		return;
	for (size_t i = 0; walk->failed && i < MSC_COUNT(stages); i++) {
		char text[512];

		if (strcmp(stages[i].scenario, msc_scenario_name(walk->failed)))
			continue;
		snprintf(text, sizeof text, "%s; then run this again, for what comes after it",
			 stages[i].next);
		put_next(tool->text, text);
	}
	if (!walk->failed && status == 0)
		put_next(tool->text, "nothing here keeps a host from mounting the device; without "
				     "--bring-up mscope runs the whole suite");
}

/* The device could not even be asked. */
static void explain_unopened(struct tool *tool, const struct msc_err *err)
{
	if (!tool->text)
		return;
	fputs(" FAIL     enumeration\n", tool->text);
	fputs("          seen:     ", tool->text);
	msc_put_wrapped(tool->text, 20, 20, err->msg);
	fputs("\n          why:      ", tool->text);
	msc_put_wrapped(
		tool->text, 20, 20,
		"a host asks for the device and the configuration descriptor, gives an address "
		"and a configuration, and looks for an interface with bulk-in and bulk-out; "
		"until then there is no device");
	fputs("\n          mistake:  ", tool->text);
	msc_put_wrapped(
		tool->text, 20, 20,
		"endpoint 0 is not served in time, the status stage of a request is left out, or "
		"a length in the configuration leads past its end");
	putc('\n', tool->text);
	put_next(tool->text,
		 "make a standard request of each kind work by itself, GET_DESCRIPTOR with "
		 "8 bytes first; on Linux, \"dmesg\" says which one failed");
}

int bring_up(struct tool *tool, const struct msc_scenarios *all, struct msc_err *err)
{
	struct msc_scenarios chosen = { NULL };
	struct walk walk = { .failed = NULL };
	int status = -1;

	if (arg(&tool->args, "select"))
		return msc_fail(err, MSC_E_USAGE,
				"--bring-up has an order of its own and takes no "
				"--select");
	tool->endpoints = true;
	if (choose(all, &chosen, err) == 0)
		status = conduct_walk(tool, &chosen, &walk, err);
	if (status >= 0)
		explain(tool, &walk, status);
	else if (err->code == MSC_E_UNSUPPORTED && !walk.opened)
		explain_unopened(tool, err);
	free(chosen.list);
	return status;
}
