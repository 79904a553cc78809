/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the requests of "mscope session", one a line, to a device whose medium is a file. The first byte says what is
 * allowed: 1 writes, 2 queued. Whatever is asked, each request has an answer, and the medium is as it was afterwards. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_file.h"
#include "report/ask.h"
#include "transport/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATIENCE 4000 /* transfers, of all requests; then the user stops it */

static unsigned asked;

static bool stop(void *unused)
{
	(void)unused;
	return ++asked > PATIENCE;
}

static void ask(struct msc_ask *a, const char *line, size_t len, bool *final)
{
	struct msc_err err = MSC_ERR_INIT;
	json_t *answer = msc_ask(a, line, len, &err);

	if (!answer || (err.code && !json_object_get(answer, "error")) ||
	    err.code == MSC_E_INTERNAL)
		abort();
	json_decref(answer);
	*final = err.code && msc_ask_is_final(&err);
}

static void ask_all(struct msc_ask *a, const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	bool final = false;

	while (data < end && !final && !msc_ask_is_closed(a)) {
		const uint8_t *next = memchr(data, '\n', (size_t)(end - data));

		ask(a, (const char *)data, (size_t)((next ? next : end) - data), &final);
		data = next ? next + 1 : end;
	}
}

static void converse(const uint8_t *data, size_t size, uint8_t allowed,
		     const struct fuzz_file *medium)
{
	static const char *const argv[] = { "mscope", "session", NULL };
	const struct msc_ask_options o = {
		.session = { .allow_writes = allowed & 1, .queued = allowed & 2 },
		.profile = MSC_PROFILE_USBIF,
		.argv = argv,
		.stop = stop,
	};
	struct msc_target *t = fuzz_open(medium, allowed & 1);
	struct msc_ask *a = msc_ask_new(t, &o);

	if (!a)
		abort();
	asked = 0;
	ask_all(a, data, size);
	if (!msc_ask_free(a))
		abort(); /* the medium is not as it was, and a note has said so */
	msc_target_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t copy[FUZZ_MEDIUM_SIZE];
	static struct fuzz_file medium;

	/* The operation "decode" opens a file of the host, whose name is not ours to guess. */
	if (!size || memmem(data, size, "decode", 6))
		return 0;
	if (!medium.fd) {
		medium = fuzz_medium(copy);
		if (setenv("XDG_STATE_HOME", fuzz_journals(), 1) < 0)
			abort();
	}
	converse(data + 1, size - 1, *data, &medium);
	if (!fuzz_medium_is(&medium, copy))
		abort();
	return 0;
}
