/* SPDX-License-Identifier: BSD-2-Clause */
/* See window.h. */
#include "window.h"

#include <string.h>

#include "base/text.h"

static int read_moment(const char *text, size_t len, int64_t *ns, struct msc_err *err)
{
	char copy[64];

	snprintf(copy, sizeof copy, "%.*s", (int)len, text);
	if (len && msc_parse_duration(copy, ns, err) < 0) {
		msc_err_prefix(err, "--time: ");
		return -1;
	}
	return 0;
}

static int read_time(struct window *w, const char *time, struct msc_err *err)
{
	const char *dots;

	w->to_ns = INT64_MAX;
	if (!time)
		return 0;
	dots = strstr(time, "..");
	if (!dots)
		return msc_fail(
			err, MSC_E_USAGE,
			"--time: '%s': expected two moments, as in 1.5s..2s, 3s.. or ..10ms", time);
	return read_moment(time, (size_t)(dots - time), &w->from_ns, err) < 0
		       ? -1
		       : read_moment(dots + 2, strlen(dots + 2), &w->to_ns, err);
}

int window_read(struct window *w, const struct args *a, struct msc_err *err)
{
	*w = (struct window){ .have_lun = arg(a, "lun") };
	if (arg_size(a, "lun", MSC_LUN_MAX, &w->lun, err) < 0 ||
	    arg_size(a, "device", UINT32_MAX, &w->device, err) < 0)
		return -1;
	return read_time(w, arg(a, "time"), err);
}

bool window_has(const struct window *w, const struct msc_talk *t, const struct msc_record *r)
{
	return r->ended_ns >= w->from_ns && r->began_ns <= w->to_ns &&
	       (!w->device || t->number == w->device) &&
	       (!w->have_lun ||
		(r->kind == MSC_RECORD_EXCHANGE && r->u.exchange.cbw.h.lun == w->lun));
}

int window_nothing(const char *path, const struct msc_capture_facts *f, struct msc_err *err)
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
		"%s: no mass storage by Bulk-Only in it: %llu packets (%s), %llu devices, %llu "
		"packets of other kinds of endpoint, %llu too short",
		path, (unsigned long long)f->packets, kinds, (unsigned long long)f->devices,
		(unsigned long long)f->other, (unsigned long long)f->too_short);
}
