/* SPDX-License-Identifier: BSD-2-Clause */
/* See usbip_bench.h. */
#include "usbip_bench.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/transport.h"
#include "transport/usbip_server.h"

static pid_t server; /* 0: there is none */

/* Never returns. Its port goes into the pipe. */
static void serve(const char *device, int pipe)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_usbip_server *s = msc_usbip_server_new("127.0.0.1:0", NULL, &err);
	const struct msc_open_options options = { .allow_writes = false };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!s || msc_usbip_server_add(s, device, &options, &err) < 0 ||
	    write(pipe, msc_usbip_server_address(s)->port, 6) != 6)
		_exit(1);
	close(pipe);
	while (msc_usbip_server_step(s, MSC_S, &err) == 0)
		;
	_exit(1);
}

struct msc_target *usbip_must_open(const char *device)
{
	const struct msc_open_options options = { .allow_writes = false };
	struct msc_err err = MSC_ERR_INIT;
	char port[6] = "", name[64];
	struct msc_target *t;
	int ends[2];

	if (server) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	assert_int_equal(pipe(ends), 0);
	server = fork();
	assert_true(server >= 0);
	if (!server)
		serve(device, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], port, sizeof port), sizeof port);
	close(ends[0]);
	snprintf(name, sizeof name, "usbip:127.0.0.1:%s/1-1", port);
	t = msc_target_open(name, &options, &err);
	if (!t)
		fail_msg("%s: %s", name, err.msg);
	return t;
}
