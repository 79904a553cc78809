/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes from a USB/IP peer. The first bit of the first byte says to whom: to a server, as one client
 * of "mscope serve", which is there for the next one; or to a client, as all that its server says. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/transport.h"
#include "transport/usbip_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUESTION 40 /* OP_REQ_IMPORT, which a client asks first */

static void say(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		size -= (size_t)n;
	}
}

/* ---- to a server --------------------------------------------------------------------------- */

static int knock(const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
		abort();
	return fd;
}

static void be_a_client(const uint8_t *data, size_t size)
{
	static struct msc_usbip_server *server;
	const struct msc_open_options options = { .allow_writes = false };
	struct msc_err err = MSC_ERR_INIT;
	int fd;

	if (!server) {
		server = msc_usbip_server_new("127.0.0.1:0", NULL, &err);
		if (!server || msc_usbip_server_add(server, "sim:reference", &options, &err) < 0)
			abort();
	}
	fd = knock(msc_usbip_server_address(server)->port);
	/* It fits into the socket's buffers, so nobody has to read yet. */
	say(fd, data, size < 60000 ? size : 60000);
	shutdown(fd, SHUT_WR);
	do {
		if (msc_usbip_server_step(server, 0, &err) < 0)
			abort();
	} while (msc_usbip_server_clients(server));
	close(fd);
}

/* ---- to a client --------------------------------------------------------------------------- */

struct speech {
	int listener;
	const uint8_t *data;
	size_t size;
};

static void *be_a_server(void *arg)
{
	const struct speech *s = arg;
	uint8_t question[QUESTION];
	int fd;

	/* The client may ask a second time, for a list. */
	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		if (recv(fd, question, 8, MSG_WAITALL) == 8)
			say(fd, s->data, s->size);
		shutdown(fd, SHUT_WR);
		while (recv(fd, question, sizeof question, 0) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void be_talked_to(const char *name)
{
	const struct msc_open_options options = { .allow_writes = false };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = msc_target_open(name, &options, &err);
	uint8_t data[600];
	struct msc_xfer x = { .data = data, .len = sizeof data };

	if (!t && !*err.msg)
		abort(); /* a refusal without a word */
	if (!t)
		return;
	x.ep = t->device.ep_in;
	if (msc_transfer(t, &x, 0, &err) < 0 && !*err.msg)
		abort();
	if (x.priv)
		abort(); /* somebody may still write to data */
	msc_target_close(t);
}

static void be_servers(const uint8_t *data, size_t size)
{
	struct speech s = { socket(AF_INET, SOCK_STREAM, 0), data, size };
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	pthread_t thread;
	char name[64];

	if (bind(s.listener, (const struct sockaddr *)&at, len) < 0 || listen(s.listener, 4) < 0 ||
	    getsockname(s.listener, (struct sockaddr *)&at, &len) < 0 ||
	    pthread_create(&thread, NULL, be_a_server, &s))
		abort();
	snprintf(name, sizeof name, "usbip:127.0.0.1:%u/1-1", ntohs(at.sin_port));
	be_talked_to(name);
	shutdown(s.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(s.listener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && *data & 1)
		be_a_client(data + 1, size - 1);
	else if (size)
		be_servers(data + 1, size - 1);
	return 0;
}
