/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope decode: what its files share. What is listed and counted is report/decode.h's.
 *
 *	decode.c	options, the listing, the document as it comes
 *	decode_show.c	one record as a line, and what the host did about it in words
 *	decode_image.c	the images of the medium
 *	decode_scenario.c	what was sent, as a scenario
 */
#ifndef MSC_TOOL_DECODE_H
#define MSC_TOOL_DECODE_H

#include "capture/image.h"
#include "report/decode.h"
#include "tool.h"

/* ---- decode_show.c ------------------------------------------------------------------------- */

struct show {
	FILE *out;
	int verbosity;
	bool color;
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
