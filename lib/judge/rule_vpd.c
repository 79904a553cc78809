/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of vital product data (SPC-4, 6.6 and 7.8). */
#include <string.h>

#include "judge/facts.h"

#define HEADER	  4

static bool is_vital(const uint8_t *cdb)
{
	return cdb[0] == MSC_OP_INQUIRY && (cdb[1] & 0x03) == 0x01;
}

/* A page with its header; *claimed is the length that it gives itself. */
static bool is_page(const struct msc_record *r, size_t *len, size_t *asked, size_t *claimed)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!msc_is_answer(r, MSC_OP_INQUIRY, len, asked) || !is_vital(x->cbw.cb) || *len < HEADER)
		return false;
	*claimed = HEADER + (size_t)msc_get_be16(x->data + 2);
	return true;
}

/* The same, of this page and whole. */
static bool is_whole(const struct msc_record *r, uint8_t page, size_t *len)
{
	size_t asked, claimed;

	return is_page(r, len, &asked, &claimed) && r->u.exchange.cbw.cb[2] == page &&
	       r->u.exchange.data[1] == page && claimed == *len;
}

static bool is_standard(const uint8_t *cdb, const uint8_t *before)
{
	(void)cdb;
	return !(before[1] & 0x03);
}

/* Vendor, product and revision, where the standard data has them. */
static bool has_names(const uint8_t *d)
{
	for (size_t i = 8; i < MSC_INQUIRY_LEN; i++)
		if (d[i] && (d[i] < ' ' || d[i] > '~'))
			return false;
	return d[8] > ' ';
}

/* The bytes of the standard data, as they came before; or what reads like it and is no page. */
static bool is_standard_data(const struct msc_record *r, size_t len, size_t claimed)
{
	const struct msc_record *before = msc_earlier_answer(r, MSC_OP_INQUIRY, is_standard);
	size_t then, asked;

	if (!before)
		return len >= MSC_INQUIRY_LEN && claimed != len && has_names(r->u.exchange.data);
	return msc_is_answer(before, MSC_OP_INQUIRY, &then, &asked) &&
	       !memcmp(r->u.exchange.data, before->u.exchange.data, len < then ? len : then);
}

static void form(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	size_t len, asked, claimed;

	if (!is_page(r, &len, &asked, &claimed))
		return;
	if (x->data[1] != x->cbw.cb[2] && is_standard_data(r, len, claimed)) {
		msc_found(j,
			  "page %02Xh was asked for, and the standard data came: byte 1 is %02Xh",
			  x->cbw.cb[2], x->data[1]);
		msc_expected(j, "%02Xh", x->cbw.cb[2]);
		msc_actual(j, "%02Xh", x->data[1]);
	} else if (x->data[1] != x->cbw.cb[2]) {
		msc_found(j, "page %02Xh was asked for, and PAGE CODE is %02Xh", x->cbw.cb[2],
			  x->data[1]);
		msc_expected(j, "%02Xh", x->cbw.cb[2]);
		msc_actual(j, "%02Xh", x->data[1]);
	} else if (claimed < len || (len < asked && claimed != len)) {
		msc_found(j, "%zu byte%s came of the %zu asked for, and PAGE LENGTH is %zu", len,
			  MSC_PLURAL(len), asked, claimed - HEADER);
		msc_expected(j, "%zu", len - HEADER);
		msc_actual(j, "%zu", claimed - HEADER);
	}
}

const struct msc_rule msc_rule_scsi_vpd_form = {
	.id = "scsi.vpd.form",
	.title = "a page of vital product data says which it is and how long",
	.spec = "SPC-4, 7.8",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "Windows reads the serial number from page 80h and takes what lies behind it for a part",
	.mistake =
		"standard INQUIRY data is sent for every page, or the length is that of a constant",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = form,
};

static void pages(struct msc_judging *j, const struct msc_record *r)
{
	const uint8_t *d = r->u.exchange.data;
	size_t len;

	if (!is_whole(r, MSC_VPD_SUPPORTED, &len))
		return;
	if (len == HEADER || d[HEADER] != MSC_VPD_SUPPORTED) {
		msc_found(j, "the list of pages does not begin with page 00h");
		msc_expected(j, "00h");
		return;
	}
	for (size_t i = HEADER + 1; i < len; i++) {
		if (d[i] > d[i - 1])
			continue;
		msc_found(j, "page %02Xh follows page %02Xh in the list of pages", d[i], d[i - 1]);
		msc_expected(j, "ascending order");
		return;
	}
}

const struct msc_rule msc_rule_scsi_vpd_pages = {
	.id = "scsi.vpd.pages",
	.title = "the list of pages is in ascending order and has page 00h itself",
	.spec = "SPC-4, 7.8.16",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "a host stops looking at the first page beyond the one that it wants",
	.mistake = "the list begins with the first page that is of use",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = pages,
};

static bool is_list(const uint8_t *cdb, const uint8_t *before)
{
	(void)cdb;
	return is_vital(before) && before[2] == MSC_VPD_SUPPORTED;
}

static void listed(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_record *list;
	uint8_t page = x->cbw.cb[2];
	size_t len;

	if (!msc_has_status(r, MSC_CSW_FAILED) || !is_vital(x->cbw.cb) ||
	    r->u.exchange.view.says.c.phase_error_possible)
		return;
	list = msc_earlier_answer(r, MSC_OP_INQUIRY, is_list);
	if (!list || !is_whole(list, MSC_VPD_SUPPORTED, &len) ||
	    !memchr(list->u.exchange.data + HEADER, page, len - HEADER))
		return;
	msc_found(j, "page %02Xh is in the list of pages and cannot be had", page);
	msc_expected(j, "00h");
	msc_actual(j, "01h");
}

const struct msc_rule msc_rule_scsi_vpd_listed = {
	.id = "scsi.vpd.listed",
	.title = "a page in the list of pages can be had",
	.spec = "SPC-4, 7.8.16",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "hosts ask for what is listed, and some retry for minutes",
	.mistake = "the list was copied from another device",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = listed,
};

static void serial(struct msc_judging *j, const struct msc_record *r)
{
	const uint8_t *d = r->u.exchange.data;
	size_t len;

	if (!is_whole(r, MSC_VPD_SERIAL, &len))
		return;
	for (size_t i = HEADER; i < len; i++) {
		if (d[i] >= 0x20 && d[i] < 0x7f)
			continue;
		msc_found(j, "byte %zu of page 80h, in the serial number, is %02Xh", i, d[i]);
		msc_expected(j, "20h to 7Eh");
		msc_actual(j, "%02Xh", d[i]);
		return;
	}
}

const struct msc_rule msc_rule_scsi_vpd_serial = {
	.id = "scsi.vpd.serial",
	.title = "the serial number of page 80h is ASCII",
	.spec = "SPC-4, 7.8.18 and 4.3.1",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "hosts make the name of the disk from it",
	.mistake = "the USB string descriptor is copied, with two bytes to a character",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = serial,
};

static void designators(struct msc_judging *j, const struct msc_record *r)
{
	const uint8_t *d = r->u.exchange.data;
	size_t len, at = HEADER;

	if (!is_whole(r, MSC_VPD_DEVICE_ID, &len))
		return;
	while (len - at >= 4 && d[at + 3] && d[at + 3] <= len - at - 4)
		at += 4u + d[at + 3];
	if (at == len && len > HEADER)
		return;
	msc_found(j, len == HEADER ? "page 83h has no designator"
				   : "the designators of page 83h do not end with the page");
	msc_expected(j, "one at least, of %zu bytes in all", len - HEADER);
}

const struct msc_rule msc_rule_scsi_vpd_designators = {
	.id = "scsi.vpd.designators",
	.title = "page 83h is made of designators, one at least",
	.spec = "SPC-4, 7.8.6",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "hosts walk them to tell one disk from another",
	.mistake = "the length of a designator includes its header",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = designators,
};
