/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of the harness itself: no such device, a file that cannot be read, bad usage.
 *
 * What a device does wrong is never an error here: it is a verdict (judge/judge.h), and what
 * happened to a transfer is its outcome (transport/transport.h).
 */
#ifndef MSC_BASE_ERR_H
#define MSC_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define MSC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MSC_MUST_CHECK	      __attribute__((warn_unused_result))
/* In a loop over millions: part of it, and what must not be in its way. */
#define MSC_INLINE	      static inline __attribute__((always_inline))
#define MSC_APART	      __attribute__((noinline))
/* The end of a noun behind its number: "1 byte", "2 bytes". */
#define MSC_PLURAL(n)	      ((n) == 1 ? "" : "s")
#define MSC_COUNT(array)      (sizeof(array) / sizeof((array)[0]))

enum msc_code {
	MSC_OK,
	MSC_E_USAGE, /* the caller asked for something that does not exist or makes no sense */
	MSC_E_NOTFOUND,	   /* no such device */
	MSC_E_ACCESS,	   /* permission */
	MSC_E_BUSY,	   /* in use, mounted, or ambiguous */
	MSC_E_IO,	   /* a file of the host cannot be read or written */
	MSC_E_DEVICE,	   /* the device, or the way to it, failed */
	MSC_E_REFUSED,	   /* the gate (session/gate.h): it may change the medium or the device */
	MSC_E_TIMEOUT,	   /* a service of the host did not answer in time */
	MSC_E_GONE,	   /* the device was there and is no longer */
	MSC_E_FORMAT,	   /* a file's contents are not what they should be */
	MSC_E_UNDECIDED,   /* the data does not allow an answer */
	MSC_E_NOMEM,	   /* out of memory */
	MSC_E_UNSUPPORTED, /* this transport or build cannot do it */
	MSC_E_INTERRUPTED, /* the user asked to stop */
	MSC_E_INTERNAL,	   /* a simulated model misused its hardware, or our own mistake */
};

struct msc_err {	   /* lives in the caller; never allocated, never global */
	enum msc_code code;
	int sys;	   /* errno, or the libusb number, or 0 */
	char msg[512];	   /* no newline, no program name, starts lower case unless it quotes */
};

#define MSC_ERR_INIT {.code = MSC_OK}

/* Fills in *err unless it already holds an error (the first writer wins); returns -1, so that a
 * failure is one statement. */
int msc_fail(struct msc_err *err, enum msc_code code, const char *fmt, ...) MSC_PRINTF(3, 4);

/* The same, with ": " and the text of errno appended and errno kept in err->sys. */
int msc_fail_errno(struct msc_err *err, enum msc_code code, const char *fmt, ...) MSC_PRINTF(3, 4);

int msc_nomem(struct msc_err *err);

/* Puts text in front of the message on its way up, as in "sim:reference: ". */
void msc_err_prefix(struct msc_err *err, const char *fmt, ...) MSC_PRINTF(2, 3);

#endif
