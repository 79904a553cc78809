/* SPDX-License-Identifier: BSD-2-Clause */
/* The library never writes to a stream: it hands finished lines to one callback. */
#ifndef MSC_BASE_LOG_H
#define MSC_BASE_LOG_H

#include <stdint.h>

#include "base/err.h"

enum msc_level {
	MSC_LOG_ERROR, /* also returned as msc_err, so rarely logged */
	MSC_LOG_WARN,  /* the run goes on but the reader should know */
	MSC_LOG_INFO,  /* what is being done, about once a case */
	MSC_LOG_TRACE, /* every transfer */
};

/* text is complete, without newline or prefix; module is the directory that speaks; at_ns is the
 * target's clock. */
typedef void msc_log_fn(void *user, enum msc_level level, const char *module, int64_t at_ns,
			const char *text);

struct msc_log {
	msc_log_fn *write; /* NULL: nobody listens */
	void *user;
	enum msc_level level; /* the most talkative level wanted */
};

/* Preserves errno. log may be NULL. Arguments are evaluated only when the level is wanted. */
#define msc_log(log, lvl, module, at_ns, ...)                                                      \
	do {                                                                                       \
		const struct msc_log *log_ = (log);                                                \
		if (log_ && log_->write && (lvl) <= log_->level)                                   \
			msc_log_write(log_, (lvl), (module), (at_ns), __VA_ARGS__);                \
	} while (0)

void msc_log_write(const struct msc_log *log, enum msc_level level, const char *module,
		   int64_t at_ns, const char *fmt, ...) MSC_PRINTF(5, 6);

#endif
