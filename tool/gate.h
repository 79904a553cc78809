/* SPDX-License-Identifier: BSD-2-Clause */
/* What "bench" and "compare" share: the gate that says whether a bench is slower than another. */
#ifndef MSC_TOOL_GATE_H
#define MSC_TOOL_GATE_H

#include "report/bench.h"
#include "tool.h"

extern const struct opt gate_options[];

/* --threshold and --force. */
int gate_options_read(const struct args *, struct msc_compare_options *, struct msc_err *);
struct format bench_format(size_t i);
/* 0, 1 when slower, 5 when there is no verdict. */
int gate_exit_status(enum msc_change);
int gate_status(const struct msc_comparison *);
/* To each output. */
int gate_write(struct tool *, struct msc_bench_report *, struct msc_err *);

/* compare --history: history.c. The exit status, or -1. */
int history_compare(struct tool *, const struct msc_compare_options *, struct msc_err *);

#endif
