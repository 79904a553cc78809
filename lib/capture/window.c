/* SPDX-License-Identifier: BSD-2-Clause */
/* See window.h. */
#include "capture/window.h"

#include "base/text.h"
#include "capture/packets.h"

bool msc_window_has(const struct msc_window *w, const struct msc_talk *t,
		    const struct msc_record *r)
{
	return r->ended_ns >= w->from_ns && r->began_ns <= w->to_ns &&
	       (!w->device || t->number == w->device) &&
	       (!w->have_lun ||
		(r->kind == MSC_RECORD_EXCHANGE && r->u.exchange.cbw.h.lun == w->lun));
}

int msc_window_nothing(const char *path, const struct msc_capture_facts *f, struct msc_err *err)
{
	char kinds[256] = "";

	for (size_t i = 0; i < msc_capture_link_count; i++)
		if (f->links & UINT64_C(1) << i)
			msc_append(kinds, sizeof kinds, "%s%s", *kinds ? ", " : "",
				   msc_capture_links[i].name);
	if (!*kinds && f->unknown_packets)
		return msc_fail(
			err, MSC_E_FORMAT,
			"%s: %llu packets of link type %u, which is none of USB's: %s", path,
			(unsigned long long)f->unknown_packets, f->unknown_link,
			"usbmon (189, 220), USBPcap (249), packets of the bus (288, 293-295)");
	if (!f->packets)
		return msc_fail(err, MSC_E_FORMAT, "%s: there is no packet in it", path);
	return msc_fail(
		err, MSC_E_FORMAT,
		"%s: no mass storage by Bulk-Only in it: %llu packet%s (%s) of %llu device%s, of which "
		"%llu are of other kinds and %llu too short%s",
		path, (unsigned long long)f->packets, MSC_PLURAL(f->packets), kinds,
		(unsigned long long)f->devices, MSC_PLURAL(f->devices),
		(unsigned long long)f->other, (unsigned long long)f->too_short,
		f->clipped ? "; the capture was taken with a limit to the length of packets, "
			     "which has to leave 31 bytes of data: take it without one"
			   : "");
}
