/* SPDX-License-Identifier: BSD-2-Clause */
/* What a capture comes to: commands by kind, how long they took, what was found. Its size does not depend
 * on the capture's. Private to lib/report. */
#ifndef MSC_REPORT_DECODE_SUM_H
#define MSC_REPORT_DECODE_SUM_H

#include "report/decode.h"

struct msc_sum;

struct msc_sum *msc_sum_new(void); /* NULL: out of memory */
void msc_sum_free(struct msc_sum *);
/* An exchange; -1: out of memory. */
int msc_sum_add(struct msc_sum *, const struct msc_record *, struct msc_err *);
int msc_sum_findings(struct msc_sum *, const struct msc_findings *, struct msc_err *);
/* It took much longer than its like so far. */
bool msc_sum_is_slow(const struct msc_sum *, const struct msc_record *);
uint64_t msc_sum_exchanges(const struct msc_sum *);
bool msc_sum_has_failure(const struct msc_sum *); /* a finding of severity fail */
/* What explains the findings, at the end. */
int msc_sum_conclude(struct msc_sum *, enum msc_profile, struct msc_err *);
void msc_sum_print(const struct msc_sum *, const struct msc_capture_facts *, bool color, FILE *);
/* NULL: out of memory. */
json_t *msc_sum_json(const struct msc_sum *, const struct msc_capture_facts *);

#endif
