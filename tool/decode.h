/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope decode: what its files share.
 *
 *	decode.c	options, the capture, the judge, which records are listed
 *	decode_show.c	one record as a line, and what the host did about it in words
 *	decode_sum.c	what is counted, and the summary
 *	decode_image.c	the images of the medium
 *	decode_scenario.c	what was sent, as a scenario
 */
#ifndef MSC_TOOL_DECODE_H
#define MSC_TOOL_DECODE_H

#include "capture/image.h"
#include "tool.h"

/* ---- decode_sum.c -------------------------------------------------------------------------- */

struct sum;

struct sum *sum_new(void); /* NULL: out of memory */
void sum_free(struct sum *);
/* An exchange; -1: out of memory. */
int sum_add(struct sum *, const struct msc_record *, struct msc_err *);
int sum_findings(struct sum *, const struct msc_findings *, struct msc_err *);
/* It took much longer than its like so far. */
bool sum_is_slow(const struct sum *, const struct msc_record *);
uint64_t sum_exchanges(const struct sum *);
bool sum_has_failure(const struct sum *); /* a finding of severity fail */
/* What explains the findings, at the end. */
int sum_conclude(struct sum *, enum msc_profile, struct msc_err *);
void sum_print(const struct sum *, const struct msc_capture_facts *, FILE *);
json_t *sum_json(const struct sum *, const struct msc_capture_facts *); /* NULL: out of memory */

/* ---- decode_show.c ------------------------------------------------------------------------- */

struct show {
	FILE *out;
	int verbosity;
	bool headed;	   /* the names of the columns are there */
	unsigned talk;	   /* whose record was shown last */
	const char *trouble; /* of the exchange before, in words; NULL: none */
	char trouble_text[160];
	uint8_t cdb[MSC_CBW_CB_MAX]; /* and what it was */
	bool told;	   /* it was said */
	bool recovered;	   /* and the host did something about it */
};

/* Follows what the host does about what went wrong, whether it is listed or not. */
void show_follow(struct show *, const struct msc_record *, bool after);
void show_record(struct show *, const struct msc_talk *, const struct msc_record *,
		 const struct msc_findings *);
char *show_short_ns(char buf[8], int64_t ns); /* "1.23ms", at most six columns */

/* ---- decode_image.c ------------------------------------------------------------------------ */

#define IMAGES 3 /* as it was last seen, as read, as written */
struct images {
	struct {
		const char *path;
		struct msc_outfile file;
		struct msc_image image;
	} list[IMAGES];
	size_t n;
};
/* What --image, --image-read and --image-written name. End them in any case. */
int images_open(struct images *, const struct args *, struct msc_err *);
int images_add(struct images *, const struct msc_talk *, const struct msc_record *,
	       struct msc_err *);
/* keep: the capture could be read to its end, and they appear under their names. */
int images_end(struct images *, bool keep, struct msc_err *);

/* ---- decode_scenario.c --------------------------------------------------------------------- */

struct script; /* a scenario that is being written */
/* NULL and no error: it is not asked for. */
struct script *script_open(const struct args *, const char *capture, struct msc_err *);
int script_add(struct script *, const struct msc_talk *, const struct msc_record *,
	       const struct msc_findings *, struct msc_err *);
int script_end(struct script *, bool keep, struct msc_err *); /* frees it */

#endif
