/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of the harness: see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct msc_err *err, enum msc_code code, const char *fmt, va_list ap)
{
	err->code = code;
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
}

int msc_fail(struct msc_err *err, enum msc_code code, const char *fmt, ...)
{
	va_list ap;

	if (err->code != MSC_OK)
		return -1;
	va_start(ap, fmt);
	set(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

int msc_fail_errno(struct msc_err *err, enum msc_code code, const char *fmt, ...)
{
	int saved = errno;
	size_t used;
	va_list ap;

	if (err->code != MSC_OK)
		return -1;
	va_start(ap, fmt);
	set(err, code, fmt, ap);
	va_end(ap);
	err->sys = saved;
	used = strlen(err->msg);
	snprintf(err->msg + used, sizeof err->msg - used, ": %s", strerror(saved));
	return -1;
}

int msc_nomem(struct msc_err *err)
{
	return msc_fail(err, MSC_E_NOMEM, "out of memory");
}

void msc_err_prefix(struct msc_err *err, const char *fmt, ...)
{
	char tail[sizeof err->msg];
	size_t used;
	va_list ap;

	memcpy(tail, err->msg, sizeof tail);
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	snprintf(err->msg + used, sizeof err->msg - used, "%s", tail);
}
