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

static int read_time(struct msc_window *w, const char *time, struct msc_err *err)
{
	const char *dots;

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

int window_read(struct msc_window *w, const struct args *a, struct msc_err *err)
{
	*w = MSC_WINDOW_ALL;
	w->have_lun = arg(a, "lun");
	if (arg_size(a, "lun", MSC_LUN_MAX, &w->lun, err) < 0 ||
	    arg_size(a, "device", UINT32_MAX, &w->device, err) < 0)
		return -1;
	return read_time(w, arg(a, "time"), err);
}
