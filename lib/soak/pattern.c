/* SPDX-License-Identifier: BSD-2-Clause */
/* What all who look for a pattern need. */
#include <inttypes.h>
#include <stdio.h>

#include "soak/soak.h"

uint64_t msc_soak_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

bool msc_soak_counts(const struct msc_soak_wrong *w, bool aliased)
{
	if (w->after_reset || w->after_power || w->kind == MSC_SOAK_UNWRITABLE)
		return false;
	return !(aliased && w->kind == MSC_SOAK_FOREIGN) && w->kind != MSC_SOAK_ANDED;
}

struct msc_soak_pattern *msc_soak_add(struct msc_soak *r, enum msc_soak_pattern_id id,
				      uint64_t period, uint64_t phase, uint32_t of)
{
	struct msc_soak_pattern *new = &r->pattern[r->n_patterns++];

	*new = (struct msc_soak_pattern){ id, period, phase, of, "" };
	return new;
}

/* "2048 blocks (1 MiB)" */
char *msc_soak_span(char *buf, size_t size, const struct msc_soak *r, uint64_t blocks)
{
	uint64_t bytes = blocks * r->block_size;
	int n = snprintf(buf, size, "%" PRIu64 " block%s", blocks, blocks == 1 ? "" : "s");

	if (bytes >= 1 << 20 && bytes % (1 << 20) == 0)
		snprintf(buf + n, size - (size_t)n, " (%" PRIu64 " MiB)", bytes >> 20);
	else if (bytes >= 1024 && bytes % 1024 == 0)
		snprintf(buf + n, size - (size_t)n, " (%" PRIu64 " KiB)", bytes >> 10);
	else
		snprintf(buf + n, size - (size_t)n, " (%" PRIu64 " bytes)", bytes);
	return buf;
}
