/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope probe: what a device says of itself, asked with harmless commands, and what was odd about
 * its answers. The document is made first, and the text from it. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mscope.h"
#include "record/history.h"
#include "tool.h"

#define READY_TRIES 8 /* unit attentions are read away, one at a time */
/* An MBR or a boot sector, the header of a GPT, and the first of its entries. */
#define FIRST_BLOCKS 3
#define BLOCK_SIZE_MAX 4096 /* bytes; none larger is known */
#define LONG_CAPACITY_LEN 32

struct probe {
	struct tool *tool;
	struct msc_target *target;
	struct msc_session *session;
	struct msc_device described; /* by its descriptor, once it is configured */
	struct msc_findings findings;
	struct msc_err err; /* of the record callback */
	const char *short_data; /* how such data ends; NULL: not seen yet */
};

static void on_record(void *user, const struct msc_record *r)
{
	struct probe *p = user;

	if (msc_judge(r, MSC_PROFILE_SPEC, &p->findings, &p->err) < 0)
		return;
}

/* ---- asking -------------------------------------------------------------------------------- */

static int exchange(struct probe *p, const struct msc_request *request,
		    const struct msc_exchange **x, struct msc_err *err)
{
	const struct msc_record *r;

	if (msc_session_exchange(p->session, request, &r, err) < 0)
		return -1;
	if (p->err.code) {
		*err = p->err;
		return -1;
	}
	*x = &r->u.exchange;
	if ((*x)->needs_reset) {
		int rung;

		return msc_session_settle(p->session, &rung, err);
	}
	return 0;
}

/* An honest bulk-in command; *x is what came of it. */
static int ask(struct probe *p, uint8_t lun, const uint8_t *cdb, uint8_t cdb_len, uint32_t length,
	       const struct msc_exchange **x, struct msc_err *err)
{
	struct msc_request request;

	msc_request_init(&request, cdb, cdb_len, length ? MSC_DIR_IN : MSC_DIR_NONE, length);
	request.cbw.h.lun = lun;
	return exchange(p, &request, x, err);
}

static bool passed(const struct msc_exchange *x)
{
	return msc_csw_is_valid(x) && x->csw.status == MSC_CSW_PASSED;
}

static json_t *sense_json(const struct msc_exchange *x)
{
	struct msc_sense_data sense = msc_sense_decode(x->data, x->data_len);
	char text[128];

	if (!sense.valid)
		return json_null();
	return msc_json_text(msc_sense_text(text, sizeof text, &sense));
}

static json_t *printable_json(const uint8_t *bytes, size_t len)
{
	char text[64];

	return msc_json_text(msc_printable(text, sizeof text, bytes, len));
}

static int ask_inquiry(struct probe *p, uint8_t lun, json_t *unit, struct msc_err *err)
{
	static const uint8_t cdb[] = { MSC_OP_INQUIRY, 0, 0, 0, MSC_INQUIRY_LEN, 0 };
	const struct msc_exchange *x;
	struct msc_inquiry_header h;
	uint8_t data[MSC_INQUIRY_LEN] = { 0 };

	if (ask(p, lun, cdb, sizeof cdb, MSC_INQUIRY_LEN, &x, err) < 0)
		return -1;
	if (!passed(x) || x->data_len < MSC_INQUIRY_HEADER_LEN)
		return json_object_set_new(unit, "inquiry", json_null()) ? msc_nomem(err) : 0;
	memcpy(data, x->data, x->data_len < sizeof data ? x->data_len : sizeof data);
	msc_inquiry_header_unpack(&h, data);
	return json_object_set_new(unit, "inquiry",
				   json_pack("{s:i, s:b, s:i, s:o, s:o, s:o, s:o}", "device_type",
					     h.peripheral & 0x1f, "removable", h.removable & 0x80,
					     "version", h.version, "vendor",
					     printable_json(data + 8, 8), "product",
					     printable_json(data + 16, 16), "revision",
					     printable_json(data + 32, 4), "data",
					     msc_json_bytes(x->data, x->data_len, 64)))
		       ? msc_nomem(err)
		       : 0;
}

/* TEST UNIT READY until it passes or says twice the same. */
static int ask_ready(struct probe *p, uint8_t lun, json_t *unit, struct msc_err *err)
{
	static const uint8_t ready[6] = { MSC_OP_TEST_UNIT_READY };
	const struct msc_exchange *x;
	json_t *sense = json_array();
	struct msc_request why;
	bool is_ready = false;

	for (int i = 0; i < READY_TRIES && !is_ready; i++) {
		if (ask(p, lun, ready, sizeof ready, 0, &x, err) < 0)
			goto drop;
		is_ready = passed(x);
		if (is_ready)
			break;
		msc_request_sense(&why, lun);
		if (exchange(p, &why, &x, err) < 0)
			goto drop;
		json_array_append_new(sense, sense_json(x));
		if (i > 0 && json_equal(json_array_get(sense, (size_t)i - 1),
					json_array_get(sense, (size_t)i)))
			break;
	}
	if (json_object_set_new(unit, "ready", json_boolean(is_ready)) ||
	    json_object_set_new(unit, "sense", sense))
		return msc_nomem(err);
	return 0;
drop:
	json_decref(sense);
	return -1;
}

/* The blocks that READ CAPACITY(16) tells of; 0: it is refused, or gives none. */
static int ask_long_capacity(struct probe *p, uint8_t lun, uint64_t *blocks, struct msc_err *err)
{
	static const uint8_t cdb[16] = { MSC_OP_SERVICE_ACTION_IN_16,
					 MSC_SA_READ_CAPACITY_16, [13] = LONG_CAPACITY_LEN };
	const struct msc_exchange *x;

	if (ask(p, lun, cdb, sizeof cdb, LONG_CAPACITY_LEN, &x, err) < 0)
		return -1;
	*blocks = passed(x) && x->data_len >= 8 ? msc_get_be64(x->data) + 1 : 0;
	return 0;
}

static int read_blocks(struct probe *p, uint8_t lun, uint64_t lba, uint8_t n, uint32_t block_size,
		       struct msc_err *err)
{
	uint8_t cdb[10] = { MSC_OP_READ_10, [8] = n };
	const struct msc_exchange *x;

	msc_put_be32(cdb + 2, (uint32_t)lba);
	return ask(p, lun, cdb, sizeof cdb, n * block_size, &x, err);
}

/* The first blocks, and those of the partitions of which they tell, for the rules that hold partition tables and
 * boot sectors against the capacity. There are more of them once a table of logical ones is read. */
static int read_first(struct probe *p, uint8_t lun, uint64_t blocks, uint32_t block_size,
		      struct msc_err *err)
{
	uint8_t n = blocks < FIRST_BLOCKS ? (uint8_t)blocks : FIRST_BLOCKS;
	const struct msc_parts *parts = &msc_session_known(p->session)->of_unit[lun].parts;

	if (!n || !block_size || block_size > BLOCK_SIZE_MAX)
		return 0;
	if (read_blocks(p, lun, 0, n, block_size, err) < 0)
		return -1;
	for (size_t i = 0; i < parts->count; i++) {
		uint64_t first = parts->list[i].first;

		if (first < blocks && first < UINT32_MAX &&
		    read_blocks(p, lun, first, 1, block_size, err) < 0)
			return -1;
	}
	return 0;
}

static int ask_capacity(struct probe *p, uint8_t lun, json_t *unit, struct msc_err *err)
{
	static const uint8_t cdb[10] = { MSC_OP_READ_CAPACITY_10 };
	const struct msc_exchange *x;
	struct msc_capacity_10 c;
	uint64_t blocks;

	if (ask(p, lun, cdb, sizeof cdb, MSC_CAPACITY_10_LEN, &x, err) < 0)
		return -1;
	if (!passed(x) || x->data_len < MSC_CAPACITY_10_LEN)
		return json_object_set_new(unit, "capacity", json_null()) ? msc_nomem(err) : 0;
	msc_capacity_10_unpack(&c, x->data);
	blocks = (uint64_t)c.last_lba + 1;
	/* all ones: more than ten bytes can tell (SBC-3, 5.15) */
	if (c.last_lba == UINT32_MAX && ask_long_capacity(p, lun, &blocks, err) < 0)
		return -1;
	if (json_object_set_new(unit, "capacity",
				blocks ? json_pack("{s:I, s:I}", "blocks", (json_int_t)blocks,
						   "block_size", (json_int_t)c.block_size)
				       : json_null()))
		return msc_nomem(err);
	return read_first(p, lun, blocks, c.block_size, err);
}

/* The page codes in MODE SENSE data; pages of a later format (SPF) carry a two-byte length. */
static json_t *page_codes(const uint8_t *data, size_t len)
{
	json_t *list = json_array();
	struct msc_reader r = msc_reader(data, len);

	msc_read_bytes(&r, 3);
	msc_read_bytes(&r, msc_read_u8(&r));
	while (msc_reader_left(&r) >= 2) {
		uint8_t code = msc_read_u8(&r);
		size_t length;

		if (code & 0x40) {
			msc_read_u8(&r);
			length = msc_read_be16(&r);
		} else {
			length = msc_read_u8(&r);
		}
		msc_read_bytes(&r, length);
		if (r.overrun)
			break;
		json_array_append_new(list, json_integer(code & 0x3f));
	}
	return list;
}

/* How the device ends bulk-in data that is shorter than the host expects: case 5 of BOT 1.0, 6.7.2,
 * for which there are several answers. NULL: this exchange does not tell. */
static const char *short_data(const struct probe *p, const struct msc_exchange *x)
{
	uint8_t in = p->target->device.ep_in;

	if (!passed(x) || x->whole)
		return NULL;
	if (x->data_len == x->cbw.h.length)
		return x->csw.residue ? "padding" : NULL;
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].ep == in && x->steps[i].outcome == MSC_OUT_STALL)
			return "stall";
	return "short_packet";
}

static int ask_mode(struct probe *p, uint8_t lun, json_t *unit, struct msc_err *err)
{
	static const uint8_t cdb[] = { MSC_OP_MODE_SENSE_6, 0, 0x3f, 0, 192, 0 };
	const struct msc_exchange *x;
	json_t *mode = json_null();

	if (ask(p, lun, cdb, sizeof cdb, 192, &x, err) < 0)
		return -1;
	if (!p->short_data)
		p->short_data = short_data(p, x);
	if (passed(x) && x->data_len >= MSC_MODE_HEADER_6_LEN)
		mode = json_pack("{s:b, s:i, s:o, s:o}", "write_protected",
				 x->data[2] & MSC_MODE_WP, "medium_type", x->data[1], "pages",
				 page_codes(x->data, x->data_len), "data",
				 msc_json_bytes(x->data, x->data_len, 192));
	return json_object_set_new(unit, "mode", mode) ? msc_nomem(err) : 0;
}

static json_t *ask_unit(struct probe *p, uint8_t lun, struct msc_err *err)
{
	json_t *unit = json_pack("{s:i}", "lun", lun);

	if (!unit) {
		msc_nomem(err);
		return NULL;
	}
	if (ask_inquiry(p, lun, unit, err) < 0 || ask_ready(p, lun, unit, err) < 0 ||
	    ask_capacity(p, lun, unit, err) < 0 || ask_mode(p, lun, unit, err) < 0) {
		json_decref(unit);
		return NULL;
	}
	return unit;
}

/* ---- descriptors --------------------------------------------------------------------------- */

/* GET_DESCRIPTOR; *c is what came of it. */
static int ask_descriptor(struct probe *p, uint16_t value, uint16_t index, uint16_t length,
			  const struct msc_control **c, struct msc_err *err)
{
	const struct msc_setup setup = { .request_type = MSC_REQTYPE_IN,
					 .request = MSC_STD_GET_DESCRIPTOR,
					 .value = value,
					 .index = index,
					 .length = length };
	const struct msc_record *r;

	if (msc_session_control(p->session, &setup, NULL, &r, err) < 0)
		return -1;
	*c = &r->u.control;
	return 0;
}

/* A string descriptor in the first language that the device has, as far as it is ASCII; null when
 * there is none. */
static int ask_string(struct probe *p, json_t *strings, const char *key, uint8_t index,
		      struct msc_err *err)
{
	const struct msc_control *c;
	json_t *value = json_null();
	char text[128];
	size_t n = 0;
	uint16_t language;

	if (index) {
		if (ask_descriptor(p, MSC_DESC_STRING << 8, 0, 255, &c, err) < 0)
			return -1;
		language = c->data_len >= 4 ? msc_get_le16(c->data + 2) : 0;
		if (ask_descriptor(p, (uint16_t)(MSC_DESC_STRING << 8 | index), language, 255, &c,
				   err) < 0)
			return -1;
		for (size_t i = 2; i + 1 < c->data_len && n + 1 < sizeof text; i += 2)
			text[n++] = c->data[i + 1] ? '?' : (char)c->data[i];
		if (c->outcome == MSC_OUT_DONE)
			value = printable_json((const uint8_t *)text, n);
	}
	return json_object_set_new(strings, key, value) ? msc_nomem(err) : 0;
}

static int ask_descriptors(struct probe *p, json_t *document, struct msc_err *err)
{
	const struct msc_device *d = &p->target->device;
	const struct msc_control *c;
	json_t *strings = json_object();

	if (json_object_set_new(document, "strings", strings) ||
	    json_object_set_new(document, "configuration",
				msc_json_bytes(d->config, d->config_len, sizeof d->config)))
		return msc_nomem(err);
	p->described = *d;
	if (d->commands_only)
		return json_object_set_new(strings, "manufacturer", json_null()) ||
				       json_object_set_new(strings, "product", json_null()) ||
				       json_object_set_new(strings, "serial",
							   msc_json_text(*d->serial ? d->serial
										    : NULL))
			       ? msc_nomem(err)
			       : 0;
	if (ask_descriptor(p, MSC_DESC_DEVICE << 8, 0, MSC_DEVICE_DESC_LEN, &c, err) < 0 ||
	    msc_session_described(p->session, &p->described, err) < 0)
		return -1;
	if (ask_string(p, strings, "manufacturer", d->desc.i_manufacturer, err) < 0 ||
	    ask_string(p, strings, "product", d->desc.i_product, err) < 0 ||
	    ask_string(p, strings, "serial", d->desc.i_serial, err) < 0)
		return -1;
	return 0;
}

/* Each rule once: a device repeats its habits. */
static json_t *quirks(const struct msc_findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		bool seen = findings->list[i].severity < MSC_WARN;

		for (size_t j = 0; j < i && !seen; j++)
			seen = findings->list[j].rule == findings->list[i].rule;
		if (!seen)
			json_array_append_new(list, msc_finding_json(&findings->list[i]));
	}
	return list;
}

static int ask_all(struct probe *p, json_t *document, struct msc_err *err)
{
	json_t *units, *unit;
	char why[128] = "";
	uint8_t max_lun;
	bool works;

	if (ask_descriptors(p, document, err) < 0)
		return -1;
	units = json_array();
	if (json_object_set_new(document, "units", units))
		return msc_nomem(err);
	if (msc_session_max_lun(p->session, &max_lun, err) < 0)
		return -1;
	for (unsigned lun = 0; lun <= max_lun && lun <= MSC_LUN_MAX; lun++) {
		unit = ask_unit(p, (uint8_t)lun, err);
		if (!unit)
			return -1;
		json_array_append_new(units, unit);
	}
	if (msc_session_probe_queued(p->session, &works, why, sizeof why, err) < 0)
		return -1;
	if (json_object_set_new(document, "queued",
				json_pack("{s:b, s:o}", "works", works, "reason",
					  works ? json_null() : msc_json_text(why))) ||
	    json_object_set_new(document, "short_data", msc_json_text(p->short_data)) ||
	    json_object_set_new(document, "findings", quirks(&p->findings)))
		return msc_nomem(err);
	return 0;
}

/* ---- the command --------------------------------------------------------------------------- */

static int probe_target(struct probe *p, struct msc_err *err)
{
	const struct msc_report_context context = tool_context(p->tool);
	json_t *document = msc_json_document("mscope.probe/1", &context,
					     msc_device_json(&p->target->device), 0, NULL);

	if (!document)
		return msc_nomem(err);
	if (ask_all(p, document, err) < 0) {
		json_decref(document);
		return -1;
	}
	if (p->tool->text)
		print_probe(p->tool->text, &p->target->device, &p->described, document,
			    tool_context(p->tool).color);
	return write_json(p->tool, document, err);
}

static int probe(struct tool *tool, struct msc_err *err)
{
	struct probe p = { .tool = tool };
	struct msc_session_options options = { .log = &tool->log, .record = on_record, .user = &p };
	int status = -1;

	if (tool_one_target(tool, err) < 0 ||
	    arg_duration(&tool->args, "timeout", &options.timeout_ns, err) < 0)
		return -1;
	p.target = tool_open(tool, false, err);
	if (!p.target)
		return -1;
	tool_tell_journal(p.target);
	p.session = msc_session_new(p.target, &options);
	if (p.session) {
		msc_session_set_stop(p.session, tool_stop, NULL);
		status = probe_target(&p, err);
	} else {
		msc_nomem(err);
	}
	msc_session_free(p.session);
	msc_target_close(p.target);
	msc_findings_clear(&p.findings);
	return status;
}

const struct cmd cmd_probe = {
	.name = "probe",
	.summary = "show what a device reports about itself, and what is unusual",
	.usage = "[TARGET]",
	.options = { target_options, common_options },
	.verbose = "log what happens; twice: every transfer",
	.quiet = "log nothing, not even warnings",
	.document = "mscope.probe/1",
	.format = plain_format,
	.run = probe,
};
