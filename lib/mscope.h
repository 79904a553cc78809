/* SPDX-License-Identifier: BSD-2-Clause */
/* libmscope: the public interface, all that an outside program needs. It includes no other header
 * of the project.
 *
 *	struct mscope *m;
 *	char *result;
 *
 *	if (mscope_open(&m, "sim:reference", 0) || mscope_check(m, NULL, &result) > MSCOPE_FAILED)
 *		fprintf(stderr, "%s\n", mscope_error(m));
 *	...
 *	mscope_free(result);
 *	mscope_close(m);
 *
 * Functions that can fail return one of enum mscope_status, which is also the exit status of the
 * program; mscope_error() then says in words what happened. Documents are JSON text in UTF-8, with
 * schemas in docs/schema/, and belong to the caller, who gives them back to mscope_free().
 *
 * One `struct mscope` is used by one thread at a time, but for mscope_stop(); different ones are independent. Nothing is
 * written to a device, not even on request, unless it was opened with MSCOPE_ALLOW_WRITES; what is
 * refused then ends with MSCOPE_USAGE, and nothing of it was sent.
 */
#ifndef MSCOPE_H
#define MSCOPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MSC_API __attribute__((visibility("default")))

enum mscope_status {
	MSCOPE_PASSED = 0,     /* all passed; skips are allowed, and counted */
	MSCOPE_FAILED = 1,     /* a failure or a regression */
	MSCOPE_USAGE = 2,      /* usage, including nothing selected */
	MSCOPE_TARGET = 3,     /* the target cannot be opened, or went away */
	MSCOPE_FILE = 4,       /* a file cannot be read or written */
	MSCOPE_NO_VERDICT = 5, /* no verdict: the data does not allow one */
	MSCOPE_INTERNAL = 70,  /* internal error */
};

/* Such as "0.1.0". */
MSC_API const char *mscope_version(void);

struct mscope; /* an open target */

enum mscope_flags {
	MSCOPE_ALLOW_WRITES = 1, /* blocks may be written that are saved first and put back */
	MSCOPE_ALLOW_UNSAFE = 2, /* with it: also what cannot be undone, or nobody knows */
};

/* Opens a target by the name that the program takes ("sim:reference", "usb:0525:a4a5"). *m is set
 * even on failure, so that mscope_error(*m) can say why; it is NULL only when memory ran out. For a
 * real device a process is forked that gives it back to the kernel's driver should this one die; it
 * keeps none of our files and is no child to be waited for. */
MSC_API int mscope_open(struct mscope **m, const char *target, unsigned flags);

/* Gives the device and all else back. m may be NULL. */
MSC_API void mscope_close(struct mscope *m);

/* What went wrong in the last call; empty when nothing did. Valid until the next call. m may be
 * NULL, which means that memory ran out. */
MSC_API const char *mscope_error(const struct mscope *m);

/* What the host knows of the device: the member "target" of every document. */
MSC_API int mscope_device(struct mscope *m, char **json);

/* Called after each case with its member of cases[] as JSON text, which is valid during the call.
 * A return value other than 0 ends the run. */
typedef int mscope_case_fn(void *user, const char *json);

struct mscope_check {
	const char *profile;	   /* "spec", "usbif", "interop"; NULL: usbif */
	const char *const *select; /* name globs, tags, clauses; NULL-terminated; NULL: all */
	int queued;		   /* not 0: submit CBW, data and CSW together */
	unsigned lun;
	int64_t timeout_ns;	   /* for each phase; 0: 30 s, and less once it has hung */
	mscope_case_fn *done;	   /* may be NULL */
	void *user;
};

/* Runs conformance scenarios. NULL options are all zero. *result is an mscope.result/1, also when
 * the run ended early; it is NULL only when nothing was run. result may be NULL, when the status is
 * enough; so may `exchange` and `answer` below. */
MSC_API int mscope_check(struct mscope *m, const struct mscope_check *options, char **result);

/* One command, with an honest wrapper: bulk-in when `in_len` is not 0 (`in` may be NULL), bulk-out
 * when `out_len` is not 0, never both. MSCOPE_FAILED when the device did not answer with a valid
 * CSW whose status is 00h. *exchange is a member of exchanges[] as in mscope.send/1. */
MSC_API int mscope_send(struct mscope *m, unsigned lun, const uint8_t *cdb, size_t cdb_len,
			void *in, size_t in_len, const void *out, size_t out_len, char **exchange);

/* One request of a conversation, as `mscope session` takes them, and its answer, which the caller
 * gives back: docs/schema/mscope.session-1.json, mscope-session(1). This is the way to what has no
 * function of its own: wrong fields in a CBW, time-outs, control requests, resets, blocks in and out,
 * scenarios of one's own, bench, pace, compare.
 *
 *	mscope_ask(m, "{\"id\": 1, \"op\": \"bench\", \"sizes\": [1, 64]}", &answer);
 *
 * MSCOPE_PASSED means that it was answered, whatever the device did, which is in the answer; any other
 * status is that of the error in the answer. What is written stays written until the operation
 * `close`, mscope_check(), mscope_send() or mscope_close(), each of which puts it back first; a
 * status of MSCOPE_TARGET from one of the three that return one says that this did not succeed. */
MSC_API int mscope_ask(struct mscope *m, const char *request, char **answer);

/* Ends what is under way between two transfers, within a case too: the call returns soon, with what
 * there is until then and an error. From another thread or a signal handler; of no effect on calls
 * that begin later. m is open. */
MSC_API void mscope_stop(struct mscope *m);

/* Gives a document back. */
MSC_API void mscope_free(char *json);

#ifdef __cplusplus
}
#endif
#endif
