/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope send: one raw exchange, in which every field of the CBW can be set wrong on purpose. A
 * command that the device failed is followed by REQUEST SENSE, and a device left in need of a reset
 * is brought back, unless --raw. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mscope.h"
#include "tool.h"

#define OUT_MAX (16u << 20) /* bytes of a data phase: more than any host sends at once */
#define PAD_MAX 480

struct job {
	struct msc_request request;
	uint8_t cdb[MSC_CBW_CB_MAX];
	size_t cdb_len;
	uint8_t *out;
	size_t out_len;
	struct msc_session *session;
	struct msc_findings findings;
	json_t *exchanges;
	struct msc_err err; /* of the record callback */
};

static int read_cdb(struct job *j, const struct tool *tool, struct msc_err *err)
{
	char text[256] = "";
	size_t len = 0;

	for (size_t i = tool->target_words; i < tool->args.n_words && len < sizeof text; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s ", tool->args.words[i]);
	if (len == 0)
		return msc_fail(err, MSC_E_USAGE,
				"no command: give its bytes in hex, as in -- 12 00 00 00 24 00");
	if (msc_parse_hex(text, j->cdb, sizeof j->cdb, &j->cdb_len, err) < 0) {
		msc_err_prefix(err, "command: ");
		return -1;
	}
	if (j->cdb_len == 0)
		return msc_fail(err, MSC_E_USAGE, "the command has no bytes");
	return 0;
}

static int read_out(struct job *j, const char *path, struct msc_err *err)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
	bool failed;

	if (!f)
		return msc_fail_errno(err, MSC_E_IO, "cannot read %s", path);
	j->out = malloc(OUT_MAX);
	if (j->out)
		j->out_len = fread(j->out, 1, OUT_MAX, f);
	failed = ferror(f) != 0;
	if (failed)
		msc_fail_errno(err, MSC_E_IO, "cannot read %s", path);
	else if (!j->out)
		msc_nomem(err);
	else if (j->out_len == OUT_MAX)
		msc_fail(err, MSC_E_USAGE, "%s: a data phase is at most %u bytes here", path,
			 OUT_MAX - 1);
	if (f != stdin)
		fclose(f);
	return err->code ? -1 : 0;
}

/* Direction and length of the honest data phase: what was asked for, or what the command means. */
static int data_phase(struct job *j, const struct tool *tool, enum msc_dir *dir, uint64_t *length,
		      struct msc_err *err)
{
	const char *out = arg(&tool->args, "out");
	bool in = arg(&tool->args, "in");
	struct msc_unit unknown = { .have_capacity = false };
	uint8_t cdb[MSC_CBW_CB_MAX] = { 0 };
	struct msc_intent intent;
	char name[48];

	if (in && out)
		return msc_fail(err, MSC_E_USAGE, "--in and --out exclude each other");
	if (in) {
		*dir = MSC_DIR_IN;
		return arg_size(&tool->args, "in", OUT_MAX, length, err);
	}
	if (out) {
		*dir = MSC_DIR_OUT;
		*length = j->out_len;
		return 0;
	}
	if (arg(&tool->args, "length"))
		return 0;
	memcpy(cdb, j->cdb, j->cdb_len);
	intent = msc_cdb_intent(cdb, j->cdb_len, &unknown);
	if (!intent.known || intent.dir == MSC_DIR_OUT)
		return msc_fail(err, MSC_E_USAGE,
				"say what %s transfers: --in N, --out FILE, or --length 0",
				msc_cdb_name(name, sizeof name, cdb));
	*dir = intent.dir;
	*length = intent.max;
	return 0;
}

static int lie_direction(struct job *j, const char *text, struct msc_err *err)
{
	if (!text)
		return 0;
	if (strcmp(text, "in") && strcmp(text, "out"))
		return msc_fail(err, MSC_E_USAGE, "--direction: '%s' is neither in nor out", text);
	j->request.cbw.h.flags = strcmp(text, "in") ? 0 : MSC_CBW_FLAG_IN;
	return 0;
}

/* Each field that an option names. */
static int lie(struct job *j, const struct args *a, struct msc_err *err)
{
	struct msc_cbw_header *h = &j->request.cbw.h;
	uint64_t tag = h->tag, length = h->length, flags, lun = h->lun;
	uint64_t cb_length = h->cb_length, signature = h->signature;
	uint64_t cut = MSC_CBW_LEN, pad = 0;

	if (arg(a, "direction") && arg(a, "flags"))
		return msc_fail(err, MSC_E_USAGE, "--direction and --flags exclude each other");
	if (lie_direction(j, arg(a, "direction"), err) < 0)
		return -1;
	flags = h->flags;
	if (arg_size(a, "tag", UINT32_MAX, &tag, err) < 0 ||
	    arg_size(a, "length", UINT32_MAX, &length, err) < 0 ||
	    arg_size(a, "flags", UINT8_MAX, &flags, err) < 0 ||
	    arg_size(a, "lun", UINT8_MAX, &lun, err) < 0 ||
	    arg_size(a, "cb-length", UINT8_MAX, &cb_length, err) < 0 ||
	    arg_size(a, "signature", UINT32_MAX, &signature, err) < 0 ||
	    arg_size(a, "truncate", MSC_CBW_LEN, &cut, err) < 0 ||
	    arg_size(a, "pad", PAD_MAX, &pad, err) < 0)
		return -1;
	*h = (struct msc_cbw_header){ .signature = (uint32_t)signature,
				      .tag = (uint32_t)tag,
				      .length = (uint32_t)length,
				      .flags = (uint8_t)flags,
				      .lun = (uint8_t)lun,
				      .cb_length = (uint8_t)cb_length };
	j->request.keep_tag = arg(a, "tag");
	j->request.wrapper_len = (size_t)(cut + pad);
	return 0;
}

static int build(struct job *j, const struct tool *tool, struct msc_err *err)
{
	const char *out = arg(&tool->args, "out");
	enum msc_dir dir = MSC_DIR_NONE;
	uint64_t length = 0;

	if (read_cdb(j, tool, err) < 0)
		return -1;
	if ((out && read_out(j, out, err) < 0) || data_phase(j, tool, &dir, &length, err) < 0)
		return -1;
	msc_request_init(&j->request, j->cdb, (uint8_t)j->cdb_len, dir, (uint32_t)length);
	j->request.keep_cb_length = true;
	j->request.out = j->out;
	if (out)
		j->request.out_len = j->out_len;
	return lie(j, &tool->args, err);
}

/* ---- showing ------------------------------------------------------------------------------- */

static void on_record(void *user, const struct msc_record *r)
{
	struct job *j = user;
	size_t before = j->findings.count;
	json_t *record, *findings = json_array();

	if (msc_judge(r, MSC_PROFILE_SPEC, &j->findings, &j->err) < 0)
		return;
	for (size_t i = before; i < j->findings.count; i++)
		json_array_append_new(findings, msc_finding_json(&j->findings.list[i]));
	record = msc_record_json(r);
	if (!record || json_object_set_new(record, "findings", findings) ||
	    json_array_append_new(j->exchanges, record))
		msc_nomem(&j->err);
}

static void show(const struct tool *tool, const struct msc_record *r, const struct job *j)
{
	if (!tool->text)
		return;
	msc_print_record(tool->text, r, "", tool->verbosity > 0 ? SIZE_MAX : 512);
	for (size_t i = 0; i < j->findings.count; i++) {
		const struct msc_finding *f = &j->findings.list[i];

		fputs("  ", tool->text);
		msc_put_tinted(tool->text, tool_context(tool).color, msc_severity_tint(f->severity),
			       msc_severity_name(f->severity));
		fprintf(tool->text, ": %s: %s\n          ", f->rule->id, f->rule->spec);
		msc_put_wrapped(tool->text, 10, 10, f->message);
		putc('\n', tool->text);
		if (f->expected)
			fprintf(tool->text, "          expected: %s\n", f->expected);
		if (f->actual)
			fprintf(tool->text, "          actual:   %s\n", f->actual);
	}
}

/* Asks why the command failed: the answer is gone when the next command comes. */
static int after(struct job *j, const struct tool *tool, const struct msc_exchange *x,
		 struct msc_err *err)
{
	struct msc_follow_up f;
	char text[128];

	if (arg(&tool->args, "raw"))
		return 0;
	if (msc_session_follow_up(j->session, x, &f, err) < 0)
		return -1;
	if (!tool->text)
		return 0;
	if (f.asked)
		msc_put_row(tool->text, 17, "  REQUEST SENSE: ",
			    f.sense.valid ? msc_sense_text(text, sizeof text, &f.sense)
					  : "no valid answer");
	if (f.rung > 0)
		fprintf(tool->text, "  the device %s\n", msc_session_settled(f.rung));
	return 0;
}

static int exchange(struct job *j, const struct tool *tool, struct msc_err *err)
{
	const struct msc_record *r;
	const struct msc_exchange *x;
	bool passed;

	if (msc_session_exchange(j->session, &j->request, &r, err) < 0)
		return -1;
	x = &r->u.exchange;
	passed = msc_csw_is_valid(x) && x->csw.status == MSC_CSW_PASSED;
	show(tool, r, j);
	if (after(j, tool, x, err) < 0)
		return -1;
	if (j->err.code) {
		*err = j->err;
		return -1;
	}
	return passed ? MSCOPE_PASSED : MSCOPE_FAILED;
}

/* One that names blocks to be written: they are saved first and put back at the end. Anything else is
 * the gate's business. */
static bool writes_blocks(const struct job *j)
{
	return msc_cdb_writes_blocks(j->request.cbw.cb);
}

static int exchange_within(struct job *j, struct msc_medium *m, const struct tool *tool,
			   struct msc_err *err)
{
	struct msc_write w;
	int status;

	if (msc_medium_before(m, &j->request, &w, err) < 0)
		return -1;
	if (w.may != MSC_MAY_SEND)
		return msc_fail(err, MSC_E_USAGE,
				"%s; blocks %llu to %llu may be written, and are put back; "
				"--allow-unsafe writes others, for good",
				w.why, (unsigned long long)msc_medium_first(m),
				(unsigned long long)msc_medium_first(m) + msc_medium_blocks(m) - 1);
	status = exchange(j, tool, err);
	if (msc_medium_after(m, &w, err) < 0)
		return -1;
	if (!*w.hit)
		return status;
	if (tool->text)
		fprintf(tool->text, "  %s\n", w.hit);
	return status < 0 ? -1 : MSCOPE_FAILED;
}

static int write_and_put_back(struct job *j, const struct tool *tool, struct msc_err *err)
{
	struct msc_medium *m;
	int status;

	if (j->request.cbw.h.lun > MSC_LUN_MAX)
		return msc_fail(err, MSC_E_USAGE, "there is no unit above %d to write to",
				MSC_LUN_MAX);
	if (msc_session_learn(j->session, j->request.cbw.h.lun, err) < 0)
		return -1;
	m = tool_medium_begin(j->session, j->request.cbw.h.lun, 1, 0, err);
	if (!m)
		return -1;
	status = exchange_within(j, m, tool, err);
	msc_session_mute(j->session, true);
	if (!tool_medium_end(m))
		return status < 0 ? -1 : MSCOPE_FAILED;
	if (status >= 0 && tool->text && tool->verbosity >= 0)
		fputs("  what was written has been put back as it was\n", tool->text);
	return status;
}

static int write_document(struct job *j, struct tool *tool, const struct msc_target *target,
			  int status, struct msc_err *err)
{
	const struct msc_report_context context = tool_context(tool);
	json_t *document = msc_json_document("mscope.send/1", &context,
					     msc_device_json(&target->device),
					     status < 0 ? tool_status(err) : status, err->msg);

	if (document && json_object_set(document, "exchanges", j->exchanges)) {
		json_decref(document);
		document = NULL;
	}
	return write_json(tool, document, err);
}

static int drive(struct job *j, struct tool *tool, struct msc_err *err)
{
	struct msc_session_options options = { .log = &tool->log, .record = on_record, .user = j };
	struct msc_target *target;
	int status = -1;

	options.queued = arg(&tool->args, "queued");
	if (arg_duration(&tool->args, "timeout", &options.timeout_ns, err) < 0 ||
	    tool_leave(tool, &options.allow_writes, &options.allow_unsafe, err) < 0)
		return -1;
	options.unsafe = tool->unsafe;
	options.n_unsafe = tool->n_unsafe;
	target = tool_open(tool, arg(&tool->args, "allow-writes"), err);
	if (!target)
		return -1;
	j->session = msc_session_new(target, &options);
	if (j->session) {
		msc_session_set_stop(j->session, tool_stop, NULL);
		if (writes_blocks(j) && options.allow_writes && !options.allow_unsafe) {
			status = write_and_put_back(j, tool, err);
		} else {
			tool_tell_journal(target);
			status = exchange(j, tool, err);
		}
		if (err->code != MSC_E_USAGE && write_document(j, tool, target, status, err) < 0)
			status = -1;
	} else {
		msc_nomem(err);
	}
	msc_session_free(j->session);
	msc_target_close(target);
	return status;
}

static int send(struct tool *tool, struct msc_err *err)
{
	struct job j = { .exchanges = json_array() };
	int status = -1;

	if (tool_target(tool, err) == 0 && build(&j, tool, err) == 0)
		status = drive(&j, tool, err);
	msc_findings_clear(&j.findings);
	json_decref(j.exchanges);
	free(j.out);
	return status;
}

static const struct opt send_options[] = {
	{ "in", 'i', "N", "the data phase is bulk-in, of N bytes" },
	{ "out", 'o', "FILE", "the data phase is bulk-out, of the file's bytes" },
	{ "tag", 0, "N", "dCBWTag" },
	{ "length", 0, "N", "dCBWDataTransferLength" },
	{ "direction", 0, "in|out", "bit 7 of bmCBWFlags" },
	{ "flags", 0, "N", "bmCBWFlags, all of it" },
	{ "lun", 0, "N", "bCBWLUN" },
	{ "cb-length", 0, "N", "bCBWCBLength" },
	{ "signature", 0, "N", "dCBWSignature" },
	{ "truncate", 0, "N", "send only the first N bytes of the CBW" },
	{ "pad", 0, "N", "send N zero bytes after the CBW" },
	{ "queued", 0, NULL, "submit CBW, data and CSW together" },
	{ "raw", 0, NULL, "send nothing else: no REQUEST SENSE, no recovery" },
	{ "allow-writes", 0, NULL, "allow commands that write; blocks are saved and restored" },
	{ "allow-unsafe", 0, "[OPCODE,...]",
	  "and irreversible or unknown commands: all, or these, e.g. =04,3b" },
	{ .name = NULL },
};

const struct cmd cmd_send = {
	.name = "send",
	.summary = "send one command, with any field of its CBW wrong on purpose",
	.usage = "[TARGET] [OPTION]... -- BYTE...",
	.options = { send_options, target_options, common_options },
	.verbose = "show all bytes of the data; twice: log every transfer",
	.quiet = "log nothing, not even warnings",
	.document = "mscope.send/1",
	.format = plain_format,
	.run = send,
};
