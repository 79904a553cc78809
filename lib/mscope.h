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
	MSCOPE_PASSED = 0,     /* all passed or skipped; skips are counted */
	MSCOPE_FAILED = 1,     /* a failure or a regression */
	MSCOPE_USAGE = 2,      /* usage, including nothing selected */
	MSCOPE_TARGET = 3,     /* the target cannot be opened, or went away */
	MSCOPE_FILE = 4,       /* a file cannot be read or written */
	MSCOPE_NO_VERDICT = 5, /* no verdict: the data does not allow one */
	MSCOPE_INTERNAL = 70,  /* internal error */
};

/** The version of this header, which is that of the package. */
#define MSCOPE_VERSION "0.1.0"

/** The version of the library that is loaded: MSCOPE_VERSION of the header it was built with.
 * @return a constant; nobody frees it */
MSC_API const char *mscope_version(void);

struct mscope; /* an open target */

enum mscope_flags {
	MSCOPE_ALLOW_WRITES = 1, /* blocks may be written that are saved first and put back */
	MSCOPE_ALLOW_UNSAFE = 2, /* with it: also what cannot be undone, or nobody knows */
};

/** Opens a target by the name that the program takes ("sim:reference", "usb:0525:a4a5"; mscope(1), TARGETS). For
 * a real device a process is forked that gives it back to the kernel's driver should this one die; it
 * keeps none of our files and is no child to be waited for.
 * @param m       set even on failure, so that mscope_error(*m) can say why; NULL only when memory ran out. The
 *                caller's, to be closed in any case
 * @param target  copied
 * @param flags   of enum mscope_flags; 0: nothing is ever written
 * @return MSCOPE_PASSED; MSCOPE_USAGE: no such kind of target, or a bad knob; MSCOPE_TARGET: it is not there, in use,
 *         or not permitted; MSCOPE_FILE: a file that it names; MSCOPE_INTERNAL: out of memory */
MSC_API int mscope_open(struct mscope **m, const char *target, unsigned flags);

/** Gives the device back to the kernel, and frees all else.
 * @param m  may be NULL */
MSC_API void mscope_close(struct mscope *m);

/** What went wrong in the last call.
 * @param m  NULL means that memory ran out
 * @return a sentence in UTF-8 without a full stop, empty when nothing went wrong; the library's, until the next call
 *         with m */
MSC_API const char *mscope_error(const struct mscope *m);

/** What the host knows of the device by its descriptors; nothing is sent.
 * @param json  the member "target" of every document (mscope-result(5)), for mscope_free(); NULL on failure
 * @return MSCOPE_PASSED; MSCOPE_TARGET when m was not opened; MSCOPE_INTERNAL */
MSC_API int mscope_device(struct mscope *m, char **json);

/** Called after each case, in the thread that called mscope_check().
 * @param user  that of struct mscope_check
 * @param json  the case's member of cases[] (mscope-result(5)); the library's, valid during the call
 * @return 0 to go on; anything else ends the run, with the cases that are left as skips */
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

/** Runs conformance scenarios, and brings the device back after each.
 * @param options  NULL: all zero. Nothing in it is kept
 * @param result   may be NULL, when the status is enough; else an mscope.result/1, also when the run ended early,
 *                 for mscope_free(), and NULL only when nothing was run
 * @return MSCOPE_PASSED: all passed, skips and warnings allowed; MSCOPE_FAILED: a case failed or could not be
 *         finished, or the medium is not as it was; MSCOPE_USAGE: nothing is selected, no such profile or unit;
 *         MSCOPE_TARGET: the device went away; MSCOPE_INTERNAL */
MSC_API int mscope_check(struct mscope *m, const struct mscope_check *options, char **result);

/** One command, with an honest wrapper (BOT 1.0, 5.1), and what follows from it: no REQUEST SENSE, but a halt is
 * cleared.
 * @param lun       0 to 15
 * @param cdb       the command block, 1 to 16 bytes
 * @param in        where data goes; may be NULL, and then it is only counted
 * @param in_len    bytes that the host expects; not 0: bulk-in
 * @param out       data to send
 * @param out_len   bytes of it; not 0: bulk-out. Never both
 * @param exchange  may be NULL; else a member of exchanges[] as in mscope.send/1 (mscope-result(5)), for
 *                  mscope_free(), and NULL when nothing was sent
 * @return MSCOPE_PASSED: a valid CSW with status 00h; MSCOPE_FAILED: anything else that the device did;
 *         MSCOPE_USAGE: lengths that cannot be, or a command that may write and is not allowed, and nothing was
 *         sent; MSCOPE_TARGET: the device went away */
MSC_API int mscope_send(struct mscope *m, unsigned lun, const uint8_t *cdb, size_t cdb_len,
			void *in, size_t in_len, const void *out, size_t out_len, char **exchange);

/** One request of a conversation, as `mscope session` takes them, and its answer. This is the way to what has no
 * function of its own: wrong fields in a CBW, time-outs, control requests, resets, blocks in and out,
 * scenarios of one's own, bench, pace, compare, decode.
 *
 *	mscope_ask(m, "{\"id\": 1, \"op\": \"bench\", \"sizes\": [1, 64]}", &answer);
 *
 * What is written stays written until the operation `close`, mscope_check(), mscope_send() or mscope_close(), each
 * of which puts it back first; a status of MSCOPE_TARGET from one of the three that return one says that
 * this did not succeed.
 * @param request  JSON text, by docs/schema/mscope.session-1.json and mscope-session(1)
 * @param answer   may be NULL; else JSON text for mscope_free()
 * @return MSCOPE_PASSED: it was answered, whatever the device did, which is in the answer; any other status is that of
 *         the error in the answer */
MSC_API int mscope_ask(struct mscope *m, const char *request, char **answer);

/** Ends what is under way between two transfers, within a case too: the call returns soon, with what
 * there is until then and an error. From another thread or a signal handler; of no effect on calls
 * that begin later.
 * @param m  is open */
MSC_API void mscope_stop(struct mscope *m);

/** Gives a document back.
 * @param json  what a call above gave; NULL is nothing */
MSC_API void mscope_free(char *json);

#ifdef __cplusplus
}
#endif
#endif
