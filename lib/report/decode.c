/* SPDX-License-Identifier: BSD-2-Clause */
/* See decode.h. */
#include "report/decode.h"

#include <stdlib.h>
#include <string.h>

#include "mscope.h"
#include "report/decode_sum.h"

struct msc_decode {
	struct msc_decode_options o;
	const char *path;
	struct msc_capture *capture;
	struct msc_sum *sum;
	struct msc_findings findings; /* of the record under way */
	uint64_t index;
	struct msc_err err; /* of a callback */
};

const char *const msc_decode_only_names[] = { "failed", "slow", "writes", NULL };

/* ---- records ------------------------------------------------------------------------------- */

static bool is_failure(const struct msc_decode *d, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (msc_findings_worst(&d->findings) >= MSC_WARN)
		return true;
	if (r->kind != MSC_RECORD_EXCHANGE)
		return r->kind == MSC_RECORD_PORT_RESET || msc_is_good_reset(r);
	return !x->have_csw ? !r->cut : !msc_csw_is_valid(x) || x->csw.status != MSC_CSW_PASSED;
}

static bool is_write(const struct msc_record *r)
{
	return r->kind == MSC_RECORD_EXCHANGE &&
	       (r->u.exchange.dir == MSC_DIR_OUT ||
		msc_cdb_effect(r->u.exchange.cbw.cb, MSC_CBW_CB_MAX, &msc_any_disk, NULL) !=
			MSC_EFFECT_NONE);
}

static bool is_listed(const struct msc_decode *d, const struct msc_record *r)
{
	uint8_t ep;

	switch (d->o.only) {
	case MSC_DECODE_FAILED: return is_failure(d, r);
	case MSC_DECODE_WRITES: return is_write(r);
	case MSC_DECODE_SLOW:
		return r->kind == MSC_RECORD_EXCHANGE && msc_sum_is_slow(d->sum, r);
	case MSC_DECODE_ALL: break;
	}
	if (d->o.verbosity < 0)
		return msc_findings_worst(&d->findings) >= MSC_WARN;
	if (r->kind != MSC_RECORD_CONTROL || d->o.verbosity > 0 || d->findings.count)
		return true;
	return msc_is_good_reset(r) || msc_is_clear_halt(r, &ep);
}

static int take(struct msc_decode *d, const struct msc_talk *t, const struct msc_record *r)
{
	struct msc_decoded one = {
		.talk = t, .record = r, .findings = &d->findings, .index = ++d->index
	};

	if (msc_judge(r, d->o.profile, &d->findings, &d->err) < 0 ||
	    (d->findings.count && msc_sum_findings(d->sum, &d->findings, &d->err) < 0))
		return -1;
	one.listed = is_listed(d, r);
	return d->o.record(d->o.user, &one, &d->err) < 0 ? -1 : msc_sum_add(d->sum, r, &d->err);
}

static void on_record(void *user, const struct msc_talk *t, const struct msc_record *r)
{
	struct msc_decode *d = user;

	if (d->err.code || !msc_window_has(&d->o.window, t, r))
		return;
	(void)!take(d, t, r); /* the error is kept */
	if (d->findings.count)
		msc_findings_clear(&d->findings);
}

/* ---- the capture --------------------------------------------------------------------------- */

struct msc_decode *msc_decode_open(const char *path, const struct msc_decode_options *o,
				   struct msc_err *err)
{
	struct msc_decode *d = calloc(1, sizeof *d);
	const struct msc_capture_options options = { .record = on_record, .user = d };

	if (d) {
		d->o = *o;
		d->path = path;
		d->sum = msc_sum_new();
	}
	if (!d || !d->sum)
		msc_nomem(err);
	else
		d->capture = msc_capture_open(path, &options, err);
	if (d && d->capture)
		return d;
	msc_decode_close(d);
	return NULL;
}

void msc_decode_close(struct msc_decode *d)
{
	if (!d)
		return;
	msc_capture_close(d->capture);
	msc_sum_free(d->sum);
	msc_findings_clear(&d->findings);
	free(d);
}

int msc_decode_read(struct msc_decode *d, size_t packets, bool *over, struct msc_err *err)
{
	int result = msc_capture_read(d->capture, packets, over, err);

	if (!d->err.code)
		return result;
	*err = d->err;
	return -1;
}

const struct msc_capture_facts *msc_decode_facts(const struct msc_decode *d)
{
	return msc_capture_facts(d->capture);
}

double msc_decode_share(const struct msc_decode *d)
{
	return msc_capture_share(d->capture);
}

uint64_t msc_decode_exchanges(const struct msc_decode *d)
{
	return msc_sum_exchanges(d->sum);
}

int msc_decode_end(struct msc_decode *d, int read, struct msc_err *err)
{
	struct msc_err second = MSC_ERR_INIT;

	if (msc_sum_conclude(d->sum, d->o.profile, read < 0 ? &second : err) < 0 || read < 0)
		return -1;
	if (!msc_decode_facts(d)->talks)
		return msc_window_nothing(d->path, msc_decode_facts(d), err);
	return msc_sum_has_failure(d->sum) ? MSCOPE_FAILED : MSCOPE_PASSED;
}

void msc_decode_print(const struct msc_decode *d, bool color, FILE *out)
{
	msc_sum_print(d->sum, msc_decode_facts(d), color, out);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

json_t *msc_decode_json(const struct msc_decode *d, const struct msc_report_context *context,
			int exit_status, const char *reason)
{
	json_t *document = msc_json_document("mscope.decode/1", context, NULL, exit_status, reason);

	if (!document || json_object_set_new(document, "capture", msc_json_text(d->path)) ||
	    json_object_set_new(document, "summary", msc_sum_json(d->sum, msc_decode_facts(d)))) {
		json_decref(document);
		return NULL;
	}
	return document;
}

json_t *msc_decoded_json(const struct msc_decoded *one)
{
	json_t *record = msc_record_json(one->record);
	const struct msc_device *device = &one->talk->device;

	if (!record || json_object_set_new(record, "index", json_integer((json_int_t)one->index)) ||
	    json_object_set_new(record, "device", json_string(device->name)) ||
	    json_object_set_new(record, "speed", json_string(msc_speed_name(device->speed))) ||
	    json_object_set_new(record, "max_packet", json_integer(device->max_packet_in)) ||
	    json_object_set_new(record, "judged", json_boolean(!one->record->cut)) ||
	    json_object_set_new(record, "findings", msc_findings_json(one->findings))) {
		json_decref(record);
		return NULL;
	}
	return record;
}
