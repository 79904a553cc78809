/* SPDX-License-Identifier: BSD-2-Clause */
/* What "bench" and "compare" share: the gate that says whether a bench is slower than another. */
#ifndef MSC_TOOL_GATE_H
#define MSC_TOOL_GATE_H

#include "report/bench.h"
#include "tool.h"

extern const struct opt gate_options[];

/* --threshold and --force. */
int gate_options_read(const struct args *, struct msc_compare_options *, struct msc_err *);
/* --format; text unless given. MSC_E_USAGE when standard output is wanted twice. */
const struct msc_bench_format *gate_format(const struct tool *, struct msc_err *);
/* 0, 1 when slower, 2 when there is no verdict. */
int gate_status(const struct msc_comparison *);
/* To standard output in the format asked for, and to --json. */
int gate_write(struct tool *, const struct msc_bench_format *, struct msc_bench_report *,
	       struct msc_err *);

#endif
