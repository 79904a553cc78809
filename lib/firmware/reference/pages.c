/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of `reference` that describe the unit: INQUIRY, REQUEST SENSE, REPORT LUNS, the
 * capacities, and the mode pages. SPC-2 and SBC-2; READ FORMAT CAPACITIES is of MMC and UFI.
 *
 * Promises: every answer is built whole in the reply and only then cut to what the host allocated,
 * so that no length field depends on the allocation length.
 */
#include "firmware/reference/reference.h"

#include <string.h>

#include "base/err.h"

#define VERSION_SPC_2  0x04
#define NO_SUCH_UNIT   0x7f /* qualifier 011b, device type 1Fh: SPC-2, 7.3.2 */
#define EVPD	       0x01
#define CMDDT	       0x02
#define PAGE_HEADER    4 /* of a vital product data page: SPC-2, 8.4 */

/* ASCII, left-aligned, padded with blanks: SPC-2, 4.4.1. */
static void put_text(uint8_t *out, size_t width, const char *text)
{
	size_t len = strlen(text);

	memset(out, ' ', width);
	memcpy(out, text, len < width ? len : width);
}

/* -- INQUIRY --------------------------------------------------------------------------------- */

static void standard_inquiry(struct scsi *s, uint64_t allocation)
{
	const struct msc_inquiry_header header = {
		.peripheral = s->job.lun < s->config.luns ? 0x00 : NO_SUCH_UNIT,
		.removable = s->config.removable ? MSC_INQUIRY_RMB : 0,
		.version = VERSION_SPC_2,
		.format = 2,
		.additional = MSC_INQUIRY_LEN - 5,
	};

	msc_inquiry_header_pack(s->reply, &header);
	put_text(s->reply + 8, 8, "mscope");
	put_text(s->reply + 16, 16, "Reference Disk");
	put_text(s->reply + 32, 4, "1.00");
	scsi_answer(s, MSC_INQUIRY_LEN, allocation);
}

/* SPC-2, 8.4.3: one designator, of the vendor's own form (T10 vendor identification). */
static size_t put_device_id(const struct scsi *s, uint8_t *out)
{
	size_t serial = strlen(s->config.serial);

	out[0] = 0x02; /* code set: ASCII */
	out[1] = 0x01; /* associated with the unit; T10 vendor identification */
	out[2] = 0;
	out[3] = (uint8_t)(8 + serial);
	put_text(out + 4, 8, "mscope");
	memcpy(out + 12, s->config.serial, serial);
	return 12 + serial;
}

static void vital_product_data(struct scsi *s, uint8_t page, uint64_t allocation)
{
	uint8_t *out = s->reply + PAGE_HEADER;
	size_t len = 0;

	switch (page) {
	case MSC_VPD_SUPPORTED: /* SPC-2, 8.4.1: in ascending order, itself included */
		out[len++] = MSC_VPD_SUPPORTED;
		out[len++] = MSC_VPD_SERIAL;
		out[len++] = MSC_VPD_DEVICE_ID;
		break;
	case MSC_VPD_SERIAL:
		len = strlen(s->config.serial);
		memcpy(out, s->config.serial, len);
		break;
	case MSC_VPD_DEVICE_ID:
		len = put_device_id(s, out);
		break;
	default:
		scsi_fail(s, INVALID_FIELD_IN_CDB);
		return;
	}
	s->reply[0] = s->job.lun < s->config.luns ? 0x00 : NO_SUCH_UNIT;
	s->reply[1] = page;
	msc_put_be16(s->reply + 2, (uint16_t)len);
	scsi_answer(s, PAGE_HEADER + len, allocation);
}

/* SPC-2, 7.3: always answers, with or without a medium or a unit attention. The allocation length
 * has two bytes since SPC-3; a host of SPC-2 sends 0 in the first. */
void scsi_inquiry(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	(void)m;
	memset(s->reply, 0, sizeof s->reply);
	if (cb[1] & CMDDT || (!(cb[1] & EVPD) && cb[2]))
		scsi_fail(s, INVALID_FIELD_IN_CDB);
	else if (cb[1] & EVPD)
		vital_product_data(s, cb[2], msc_get_be16(cb + 3));
	else
		standard_inquiry(s, msc_get_be16(cb + 3));
}

/* -- REQUEST SENSE and REPORT LUNS ------------------------------------------------------------ */

/* SPC-2, 7.20: reading the sense data ends it. A pending unit attention stays for the command
 * that it will fail: SAM-2, 5.9.7, the first of its two choices. */
void scsi_request_sense(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	enum scsi_sense sense = LUN_NOT_SUPPORTED;
	struct msc_sense d = { .response = 0x70, .additional = MSC_SENSE_LEN - 8 };

	(void)m;
	if (s->job.lun < s->config.luns) {
		sense = s->units[s->job.lun].sense;
		s->units[s->job.lun].sense = NO_SENSE;
	}
	d.key = (uint8_t)(sense >> 16);
	d.asc = (uint8_t)(sense >> 8);
	d.ascq = (uint8_t)sense;
	msc_sense_pack(s->reply, &d);
	scsi_answer(s, MSC_SENSE_LEN, cb[4]);
}

/* SPC-3, 6.21: LUN n in the single-level form. SELECT REPORT 01h asks for well known units only,
 * of which there are none. */
void scsi_report_luns(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	uint32_t luns = cb[2] == 0x01 ? 0 : s->config.luns;

	(void)m;
	if (cb[2] > 0x02) {
		scsi_fail(s, INVALID_FIELD_IN_CDB);
		return;
	}
	memset(s->reply, 0, sizeof s->reply);
	msc_put_be32(s->reply, 8 * luns);
	for (uint32_t lun = 0; lun < luns; lun++)
		s->reply[8 + 8 * lun + 1] = (uint8_t)lun;
	scsi_answer(s, 8 + 8 * (size_t)luns, msc_get_be32(cb + 6));
}

/* -- capacities ------------------------------------------------------------------------------ */

static uint32_t clamp_32(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* SBC-2, 5.10: the last block, not how many. PMI asks from where access slows down: nowhere. */
void scsi_read_capacity_10(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	const struct msc_capacity_10 c = {
		.last_lba = clamp_32(scsi_blocks(m, s, s->job.lun) - 1),
		.block_size = s->config.block_size,
	};

	if (!(cb[8] & 0x01) && msc_get_be32(cb + 2) != 0) {
		scsi_fail(s, INVALID_FIELD_IN_CDB);
		return;
	}
	msc_capacity_10_pack(s->reply, &c);
	scsi_answer(s, MSC_CAPACITY_10_LEN, MSC_CAPACITY_10_LEN);
}

/* SBC-2, 5.11: READ CAPACITY(16). */
void scsi_service_action_in(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	if ((cb[1] & 0x1f) != MSC_SA_READ_CAPACITY_16 ||
	    (!(cb[14] & 0x01) && msc_get_be64(cb + 2) != 0)) {
		scsi_fail(s, INVALID_FIELD_IN_CDB);
		return;
	}
	memset(s->reply, 0, sizeof s->reply);
	msc_put_be64(s->reply, scsi_blocks(m, s, s->job.lun) - 1);
	msc_put_be32(s->reply + 8, s->config.block_size);
	scsi_answer(s, 32, msc_get_be32(cb + 10));
}

/* MMC-3, 5.16 and UFI, 4.10: how many blocks, not the last; descriptor type 2 formatted, 3 no
 * medium. */
void scsi_read_format_capacities(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	bool present = scsi_medium_present(m, s, s->job.lun);

	memset(s->reply, 0, sizeof s->reply);
	s->reply[3] = 8; /* bytes of descriptors */
	msc_put_be32(s->reply + 4, clamp_32(scsi_blocks(m, s, s->job.lun)));
	s->reply[8] = present ? 0x02 : 0x03;
	msc_put_be24(s->reply + 9, s->config.block_size);
	scsi_answer(s, 12, msc_get_be16(cb + 7));
}

/* -- mode pages ------------------------------------------------------------------------------ */

#define ALL_PAGES	0x3f
#define VENDOR_PAGE	0x00 /* no page format: the header alone. macOS asks for it. */
#define SUBPAGE_ALL	0xff
#define DPOFUA		0x10 /* DPO and FUA are accepted: data is on the medium before status */
#define SP		0x01 /* MODE SELECT: save pages */

/* Nothing can be changed, and a changeable-values page is all zero but for its two first bytes. */
static const uint8_t caching_page[20] = { 0x08, 18 }; /* SBC-2, 6.3.3: WCE 0, writes go through */
static const uint8_t exceptions_page[12] = { 0x1c, 10 }; /* SPC-2, 8.3.6: MRIE 0, reports nothing */

static const uint8_t *const mode_pages[] = { caching_page, exceptions_page };

/* Appends the pages asked for; 0: there is no such page. */
static size_t put_pages(uint8_t *out, uint8_t wanted)
{
	size_t len = 0;

	for (size_t i = 0; i < MSC_COUNT(mode_pages); i++) {
		const uint8_t *page = mode_pages[i];

		if (wanted != ALL_PAGES && wanted != page[0])
			continue;
		memcpy(out + len, page, 2 + (size_t)page[1]);
		len += 2 + (size_t)page[1];
	}
	return len;
}

/* SPC-2, 7.8 and 8.3.3, both sizes: header of `header` bytes, no block descriptor, pages. */
static void mode_sense(struct mcu *m, struct scsi *s, const uint8_t *cb, size_t header,
		       uint64_t allocation)
{
	uint8_t page = cb[2] & 0x3f, control = cb[2] >> 6;
	bool subpage_ok = cb[3] == 0 || (cb[3] == SUBPAGE_ALL && page == ALL_PAGES);
	bool protect = s->config.write_protect ||
		       (card_present(m, s->job.lun) && card_read_only(m, s->job.lun));
	size_t len;

	memset(s->reply, 0, sizeof s->reply);
	len = put_pages(s->reply + header, page);
	if ((len == 0 && page != VENDOR_PAGE) || !subpage_ok) {
		scsi_fail(s, INVALID_FIELD_IN_CDB);
		return;
	}
	if (control == MSC_MODE_PAGE_SAVED) {
		scsi_fail(s, SAVING_NOT_SUPPORTED);
		return;
	}
	len += header;
	if (header == MSC_MODE_HEADER_6_LEN) {
		s->reply[0] = (uint8_t)(len - 1);
		s->reply[2] = (protect ? MSC_MODE_WP : 0) | DPOFUA;
	} else {
		msc_put_be16(s->reply, (uint16_t)(len - 2));
		s->reply[3] = (protect ? MSC_MODE_WP : 0) | DPOFUA;
	}
	scsi_answer(s, len, allocation);
}

void scsi_mode_sense_6(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	mode_sense(m, s, cb, 4, cb[4]);
}

void scsi_mode_sense_10(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	mode_sense(m, s, cb, 8, msc_get_be16(cb + 7));
}

/* SPC-2, 7.6: the list comes as data; a length of 0 changes nothing and is no error. */
static void mode_select(struct scsi *s, const uint8_t *cb, size_t header, size_t len)
{
	s->job.dir = len ? SCSI_OUT : SCSI_NO_DATA;
	s->job.place = SCSI_PARAMETERS;
	s->job.length = len;
	s->job.offset = header;
	if (cb[1] & SP)
		scsi_fail(s, INVALID_FIELD_IN_CDB);
	else if (len && (len < header || len > SCSI_REPLY_MAX))
		scsi_fail(s, PARAMETER_LIST_LENGTH_ERROR);
}

void scsi_mode_select_6(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	(void)m;
	mode_select(s, cb, 4, cb[4]);
}

void scsi_mode_select_10(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	(void)m;
	mode_select(s, cb, 8, msc_get_be16(cb + 7));
}

/* SPC-2, 7.6: pages may be sent back as they were read; anything else is a change, and nothing
 * can be changed. */
void scsi_mode_parameters(struct scsi *s, const uint8_t *list, size_t len)
{
	const size_t header = s->job.offset;
	uint8_t page[sizeof caching_page];

	if (len < header) {
		scsi_fail(s, PARAMETER_LIST_LENGTH_ERROR);
		return;
	}
	if ((header == 4 && list[3]) || (header == 8 && msc_get_be16(list + 6))) {
		scsi_fail(s, INVALID_FIELD_IN_PARAMETERS); /* block descriptors: there are none */
		return;
	}
	for (size_t at = header; at < len;) {
		uint8_t code = list[at] & 0x3f;
		size_t page_len = code == ALL_PAGES ? 0 : put_pages(page, code);

		if (page_len == 0) {
			scsi_fail(s, INVALID_FIELD_IN_PARAMETERS);
			return;
		}
		if (len - at < page_len) {
			scsi_fail(s, PARAMETER_LIST_LENGTH_ERROR);
			return;
		}
		if (memcmp(list + at, page, page_len) != 0) {
			scsi_fail(s, INVALID_FIELD_IN_PARAMETERS);
			return;
		}
		at += page_len;
	}
}
