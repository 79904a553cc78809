/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope record: another command with --record, or whatever passes on a bus of this host. */
#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/library.h"
#include "base/text.h"
#include "mscope.h"
#include "tool.h"

#define SNAPLEN	  (1 << 18)
#define WAIT_MS	  100 /* for packets, before a look at the user */
#define BUFFER	  (16 << 20)

/* ---- a bus --------------------------------------------------------------------------------- */

#define FUNCTIONS(X)                                                                         \
	X(pcap_create)                                                                       \
	X(pcap_set_snaplen)                                                                  \
	X(pcap_set_timeout)                                                                  \
	X(pcap_set_buffer_size)                                                              \
	X(pcap_activate)                                                                     \
	X(pcap_geterr)                                                                       \
	X(pcap_statustostr)                                                                  \
	X(pcap_datalink)                                                                     \
	X(pcap_setnonblock)                                                                  \
	X(pcap_get_selectable_fd)                                                            \
	X(pcap_dispatch)                                                                     \
	X(pcap_stats)                                                                        \
	X(pcap_close)

struct api {
	FUNCTIONS(MSC_POINTER)
};

static const struct msc_import imports[] = { FUNCTIONS(MSC_IMPORT) };

/* Debian's name is that of an old version; elsewhere it is the other. */
static const struct msc_library library = {
	.sonames = { "libpcap.so.0.8", "libpcap.so.1" },
	.package = "libpcap0.8",
	.what = "listening on a bus",
	.imports = imports,
	.n_imports = MSC_COUNT(imports),
};

struct tap {
	struct api api;
	pcap_t *pcap;
	FILE *out; /* standard output, or file.f */
	struct msc_outfile file;
	uint64_t packets;
};

static void on_packet(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	struct tap *t = (struct tap *)user;

	msc_pcap_packet(t->out, (int64_t)h->ts.tv_sec * 1000000000 + (int64_t)h->ts.tv_usec * 1000,
			NULL, 0, data, h->caplen);
	t->packets++;
}

static int open_bus(struct tap *t, const char *bus, struct msc_err *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	int status;

	if (msc_library_load(&library, &t->api, err) < 0)
		return -1;
	t->pcap = t->api.pcap_create(bus, why);
	if (!t->pcap)
		return msc_fail(err, MSC_E_NOTFOUND, "%s: %s", bus, why);
	t->api.pcap_set_snaplen(t->pcap, SNAPLEN);
	t->api.pcap_set_timeout(t->pcap, WAIT_MS);
	t->api.pcap_set_buffer_size(t->pcap, BUFFER);
	status = t->api.pcap_activate(t->pcap);
	if (status < 0)
		return msc_fail(err,
				status == PCAP_ERROR_PERM_DENIED ? MSC_E_ACCESS : MSC_E_NOTFOUND,
				"cannot listen on %s: %s; the module usbmon must be loaded, and "
				"/dev/%s be readable",
				bus,
				*t->api.pcap_geterr(t->pcap) ? t->api.pcap_geterr(t->pcap)
							     : t->api.pcap_statustostr(status),
				bus);
	return 0;
}

/* libpcap waits on a quiet bus for ever, and takes no notice of a signal: it is asked only when there is
 * something. */
static int wait_for_packets(struct tap *t, struct msc_err *err)
{
	struct pollfd fd = { .fd = t->api.pcap_get_selectable_fd(t->pcap), .events = POLLIN };

	if (poll(&fd, 1, WAIT_MS) < 0 && errno != EINTR)
		return msc_fail_errno(err, MSC_E_DEVICE, "cannot wait for packets");
	return 0;
}

/* A capture with gaps is not to be taken for a whole one. */
static void tell_end(const struct tool *tool, struct tap *t)
{
	struct pcap_stat counts = { .ps_drop = 0 };
	bool known = t->api.pcap_stats(t->pcap, &counts) == 0;

	if (known && counts.ps_drop)
		tool_tell("%llu packets; the kernel had no room for %u more: the capture has "
			  "gaps",
			  (unsigned long long)t->packets, counts.ps_drop);
	else if (tool->verbosity >= 0)
		tool_tell("%llu packets", (unsigned long long)t->packets);
}

static int listen_to(struct tool *tool, struct tap *t, struct msc_err *err)
{
	char text[64], why[PCAP_ERRBUF_SIZE] = "";

	if (t->api.pcap_setnonblock(t->pcap, 1, why) < 0)
		return msc_fail(err, MSC_E_DEVICE, "%s", why);
	msc_pcap_head(t->out, (uint16_t)t->api.pcap_datalink(t->pcap));
	while (!tool_stop(NULL)) {
		if (wait_for_packets(t, err) < 0)
			return -1;
		if (t->api.pcap_dispatch(t->pcap, -1, on_packet, (u_char *)t) < 0)
			return msc_fail(err, MSC_E_DEVICE, "%s", t->api.pcap_geterr(t->pcap));
		if (fflush(t->out)) {
			msc_fail_errno(err, MSC_E_IO, "cannot write the capture");
			msc_outfile_blame(&t->file, err);
			return -1;
		}
		snprintf(text, sizeof text, "%llu packets; Ctrl-C ends it",
			 (unsigned long long)t->packets);
		tool_progress(tool, text);
	}
	tool_progress(tool, "");
	tell_end(tool, t);
	return 0;
}

static int record_bus(struct tool *tool, const char *bus, const char *path, struct msc_err *err)
{
	struct tap t = { .out = NULL };
	int result = open_bus(&t, bus, err);

	if (result == 0 && !strcmp(path, "-"))
		t.out = stdout;
	else if (result == 0)
		result = msc_outfile_open(&t.file, path, err);
	if (t.file.f)
		t.out = t.file.f;
	if (result == 0)
		result = listen_to(tool, &t, err);
	if (t.file.f && msc_outfile_keep(&t.file, err) < 0)
		result = -1;
	if (t.pcap)
		t.api.pcap_close(t.pcap);
	return result;
}

/* ---- a command ------------------------------------------------------------------------------ */

/* TARGET -o FILE -- COMMAND [ARGUMENT]... is COMMAND TARGET --record FILE [ARGUMENT]... */
static int record_command(struct tool *tool, const char *path, struct msc_err *err)
{
	const struct args *a = &tool->args;
	const char *self = "/proc/self/exe";
	const char **argv = calloc(a->n_words + 6, sizeof *argv);
	size_t n = 0;

	if (!argv)
		return msc_nomem(err);
	argv[n++] = "mscope";
	argv[n++] = a->words[a->rest];
	if (a->rest)
		argv[n++] = a->words[0];
	argv[n++] = "--record";
	argv[n++] = path;
	for (size_t i = a->rest + 1; i < a->n_words; i++)
		argv[n++] = a->words[i];
	execv(self, (char *const *)argv);
	free(argv);
	return msc_fail_errno(err, MSC_E_IO, "cannot run %s", self);
}

static int record(struct tool *tool, struct msc_err *err)
{
	const struct args *a = &tool->args;
	static const char *const quiet[] = { "quiet", NULL };
	const char *path = arg(a, "output");

	if (!path)
		return msc_fail(err, MSC_E_USAGE, "say where to: -o FILE");
	if (a->rest < a->n_words) {
		if (a->rest > 1)
			return msc_fail(err, MSC_E_USAGE, "one target before \"--\"; %zu given",
					a->rest);
		if (!strcmp(path, "-"))
			return msc_fail(err, MSC_E_USAGE,
					"the command writes to standard output: name a file");
		if (args_refuse(a, quiet, "options of the command go behind \"--\"", err) < 0)
			return -1;
		return command_find(a->words[a->rest], err) ? record_command(tool, path, err) : -1;
	}
	if (a->n_words != 1 || strncmp(a->words[0], "usbmon", 6) != 0)
		return msc_fail(
			err, MSC_E_USAGE,
			"name a target and, after \"--\", a command; or a bus of this host, as "
			"usbmon1, or usbmon0 for all of them");
	if (record_bus(tool, a->words[0], path, err) < 0)
		return -1;
	return MSCOPE_PASSED;
}

static const struct opt record_options[] = {
	{ "output", 'o', "FILE", "the capture; '-' is standard output, for a bus" },
	{ .name = NULL },
};

const struct cmd cmd_record = {
	.name = "record",
	.summary = "write a capture of a command, or of a USB bus of this host",
	.usage = "TARGET -o FILE -- COMMAND [ARGUMENT]... | usbmonN -o FILE",
	.options = { record_options, common_options },
	.without = " report json verbose color log ",
	.why_without = "it is the command's behind \"--\"; a bus has no use for it",
	.quiet = "do not say how many packets there were, and show no progress",
	.run = record,
};
