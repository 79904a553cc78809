/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope serve: simulated devices on this host's network, by USB/IP, until somebody ends it. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tool.h"
#include "transport/usbip_server.h"

#define STEP_NS (200 * MSC_MS) /* between two looks at whether somebody does */

static int add_all(struct msc_usbip_server *s, struct tool *tool, struct msc_err *err)
{
	struct msc_open_options options = { .allow_writes = arg(&tool->args, "allow-writes") };

	if (tool->args.n_words > 1 && arg(&tool->args, "record"))
		return msc_fail(err, MSC_E_USAGE,
				"a capture file has one bus: --record goes with one target");
	if (tool_record(tool, &options, err) < 0)
		return -1;
	for (size_t i = 0; i < tool->args.n_words; i++)
		if (msc_usbip_server_add(s, tool->args.words[i], &options, err) < 0)
			return -1;
	if (tool->args.n_words)
		return 0;
	if (tool_target(tool, err) < 0)
		return -1;
	return msc_usbip_server_add(s, tool->target, &options, err);
}

/* What to type for each of them. */
static void print_exports(const struct msc_usbip_server *s, const struct tool *tool)
{
	const struct msc_usbip_address *a = msc_usbip_server_address(s);
	const struct msc_usbip_device *d;
	char address[144], option[24] = "";

	msc_usbip_address_text(address, sizeof address, a);
	if (strcmp(a->port, MSC_USBIP_PORT) != 0)
		snprintf(option, sizeof option, "--tcp-port %s ", a->port);
	for (size_t i = 0; (d = msc_usbip_server_device(s, i)); i++) {
		printf("%s  %s (%04x:%04x, %s speed)\n", d->busid,
		       tool->args.n_words ? tool->args.words[i] : tool->target, d->facts.vendor,
		       d->facts.product, msc_speed_name(msc_usbip_speed_of(d->facts.speed)));
		if (tool->verbosity < 0)
			continue;
		printf("     mscope check usbip:%s/%s\n", address, d->busid);
		printf("     usbip %sattach -r %s -b %s\n", option, a->host, d->busid);
	}
	printf("serving at %s port %s\n", a->host, a->port);
	fflush(stdout);
}

static int serve(struct tool *tool, struct msc_err *err)
{
	const char *listen = arg(&tool->args, "listen");
	struct msc_usbip_server *s =
		msc_usbip_server_new(listen ? listen : "127.0.0.1", &tool->log, err);
	int status = -1;

	if (s && add_all(s, tool, err) == 0) {
		print_exports(s, tool);
		status = 0;
	}
	while (status == 0 && !tool_stop(NULL))
		status = msc_usbip_server_step(s, STEP_NS, err);
	msc_usbip_server_free(s);
	return status;
}

static const struct opt serve_options[] = {
	{ "listen", 0, "HOST[:PORT]", "where to listen; 127.0.0.1:3240 unless given" },
	{ "allow-writes", 0, NULL, "what hosts write goes to the files of media" },
	{ "record", 0, "FILE", "write the bus traffic to a capture file" },
	{ "verbose", 'v', NULL, "say who comes and who leaves, and each port reset" },
	{ "quiet", 'q', NULL, "do not show what to type, nor warnings" },
	{ "log", 0, "FILE", "write a trace to a file" },
	{ "help", 'h', NULL, "describe the command" },
	{ .name = NULL },
};

const struct cmd cmd_serve = {
	.name = "serve",
	.summary = "export simulated devices over USB/IP, in real time",
	.usage = "[TARGET]... [OPTION]...",
	.options = { serve_options },
	.run = serve,
};
