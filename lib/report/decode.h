/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture of anybody's traffic, judged, counted and listed: for `mscope decode` and the operation of
 * that name. Memory does not grow with the capture, but for what the caller keeps.
 *
 *	decode.c	the capture, the judge, which records are listed; the document
 *	decode_sum.c	what is counted, and the summary
 */
#ifndef MSC_REPORT_DECODE_H
#define MSC_REPORT_DECODE_H

#include "capture/window.h"
#include "report/report.h"

enum msc_decode_only {
	MSC_DECODE_FAILED, /* a warning or worse, a failed command, a reset */
	MSC_DECODE_SLOW,   /* an exchange that took much longer than its like so far */
	MSC_DECODE_WRITES, /* an exchange that changes the medium or the device */
	MSC_DECODE_ALL,
};
extern const char *const msc_decode_only_names[]; /* of all but the last; ends with NULL */

/* One record, valid during the call. */
struct msc_decoded {
	const struct msc_talk *talk;
	const struct msc_record *record;
	const struct msc_findings *findings;
	uint64_t index; /* from 1, of those within the window */
	bool listed;
};

struct msc_decode_options {
	enum msc_profile profile;
	enum msc_decode_only only;
	int verbosity; /* with MSC_DECODE_ALL: -1 warnings and worse, 0 no ordinary control requests, 1 all */
	struct msc_window window;
	/* Every record within the window, listed or not. -1 and *err end the reading. */
	int (*record)(void *user, const struct msc_decoded *, struct msc_err *);
	void *user;
};

struct msc_decode;

/* path: as for msc_capture_open, and borrowed. NULL: its errors, and MSC_E_NOMEM. */
struct msc_decode *msc_decode_open(const char *path, const struct msc_decode_options *,
				   struct msc_err *) MSC_MUST_CHECK;
void msc_decode_close(struct msc_decode *); /* NULL is nothing to close */

/* As msc_capture_read, or as the callback failed. */
int msc_decode_read(struct msc_decode *, size_t packets, bool *over,
		    struct msc_err *) MSC_MUST_CHECK;
const struct msc_capture_facts *msc_decode_facts(const struct msc_decode *);
double msc_decode_share(const struct msc_decode *); /* as msc_capture_share */
uint64_t msc_decode_exchanges(const struct msc_decode *);

/* No more is read: what explains the findings. read: what msc_decode_read returned last; after an error
 * all that came before it is counted all the same. The exit status, or -1: *err, which is MSC_E_FORMAT
 * where there is no mass storage in the capture. */
int msc_decode_end(struct msc_decode *, int read, struct msc_err *) MSC_MUST_CHECK;

/* After that. */
void msc_decode_print(const struct msc_decode *, bool color, FILE *);
/* An mscope.decode/1 but for its exchanges[]. NULL: out of memory. */
json_t *msc_decode_json(const struct msc_decode *, const struct msc_report_context *,
			int exit_status, const char *reason);
/* A member of exchanges[]. NULL: out of memory. */
json_t *msc_decoded_json(const struct msc_decoded *);

#endif
