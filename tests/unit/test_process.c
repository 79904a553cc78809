/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process of our own keeps of us: nothing. And the guardian's, which learns of our end. That it
 * brings the driver back is seen in tests/vm/test_holders.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "transport/usb_guardian.h"

#define LONG_MS 20000 /* only as long when it fails */

/* Waits for the other end of a pipe to be closed by all. */
static bool is_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&p, 1, LONG_MS) == 1 && read(fd, &byte, 1) == 0;
}

/* Answers over `keep` what it has, and stays. */
static void tell(int keep, int other)
{
	char word[] = "no files no signals no terminal";
	sigset_t blocked;

	if (fcntl(other, F_GETFD) >= 0)
		word[0] = '!';
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (!sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGHUP))
		word[9] = '!';
	if (getsid(0) != getpid())
		word[20] = '!';
	if (write(keep, word, sizeof(word)) < 0)
		_exit(1);
	pause();
	_exit(0);
}

static void a_bare_process(void **state)
{
	char word[64] = "";
	int keep[2], other[2];
	sigset_t before, after;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(keep), 0);
	assert_int_equal(pipe(other), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	pid = msc_fork_bare(keep[1]);
	assert_true(pid >= 0);
	if (pid == 0)
		tell(keep[1], other[1]);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
	close(keep[1]);
	close(other[1]);
	assert_true(is_closed(other[0]));
	assert_true(read(keep[0], word, sizeof(word)) > 0);
	assert_string_equal(word, "no files no signals no terminal");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(keep[0]);
	close(other[0]);
}

/* Whoever reads what we write must not wait for the guardian; and there is no child left to reap. */
static void a_guardian_keeps_nothing(void **state)
{
	struct msc_guardian g = { .on = false }, again;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(msc_guardian_start(&g, "0-0", 0));
	again = g;
	assert_true(msc_guardian_start(&again, "0-0", 0)); /* is the same */
	assert_int_equal(again.line, g.line);
	close(ends[1]);
	assert_true(is_closed(ends[0]));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	msc_guardian_dismiss(&g);
	assert_false(g.on);
	msc_guardian_dismiss(&g);
	close(ends[0]);
}

/* It ends when it is told, and when we end, for a device that is not there. */
static void a_guardian_ends(void **state)
{
	(void)state;
	for (int dismissed = 0; dismissed < 2; dismissed++) {
		struct msc_guardian g = { .on = false };
		int line;

		assert_true(msc_guardian_start(&g, "0-0", 0));
		line = dup(g.line);
		if (dismissed)
			msc_guardian_dismiss(&g);
		else
			shutdown(g.line, SHUT_WR);
		assert_true(is_closed(line));
		close(line);
		msc_guardian_dismiss(&g); /* there is nobody any more, and that is no SIGPIPE */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_process),
		cmocka_unit_test(a_guardian_keeps_nothing),
		cmocka_unit_test(a_guardian_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
