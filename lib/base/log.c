/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatting of log lines: see log.h. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void msc_log_write(const struct msc_log *log, enum msc_level level, const char *module,
		   int64_t at_ns, const char *fmt, ...)
{
	int saved = errno;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log->write(log->user, level, module, at_ns, text);
	errno = saved;
}
