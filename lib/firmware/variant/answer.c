/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal ways to differ in answers that become longer, or have another form. */
#include <string.h>

#include "firmware/fault/fault.h"
#include "firmware/variant/variant.h"

/* What has been added to the answer under way, and how long it is now. The firmware does not know of
 * it, so what it says of the length is corrected: the residue, and the halt of what is short. */
struct grown {
	uint8_t page; /* that there is not; stays */
	int32_t added;
	uint32_t sent;
	bool halted;	/* by the firmware, because its own answer is short */
	bool disagrees; /* it means to send more than the host expects: BOT 1.0, 6.7, case 7 */
};

/* The answer becomes `all` bytes long, as far as the host allows: its allocation length, and what it
 * expects in all. What is added is zero. */
static void grow(struct grown *g, const struct mutant_view *v, uint8_t *buf, size_t *len,
		 size_t max, size_t all, size_t allocation)
{
	size_t end = all < allocation ? all : allocation, old = *len;

	g->disagrees = end > v->cbw.h.length;
	if (g->disagrees)
		end = v->cbw.h.length;
	if (end > max)
		end = max;
	if (end <= old)
		return;
	memset(buf + old, 0, end - old);
	*len = end;
	g->added = (int32_t)(end - old);
	g->sent = (uint32_t)end;
}

static void shorten(struct grown *g, size_t *len, size_t to)
{
	if (*len <= to)
		return;
	g->added = (int32_t)to - (int32_t)*len;
	g->sent = (uint32_t)to;
	g->halted = false;
	*len = to;
}

ON_CSW(grown_residue)
{
	struct grown *g = state;

	if (v->cbw.h.length) /* else the answer stayed where it was */
		msc_put_le32(raw + CSW_RESIDUE,
			     msc_get_le32(raw + CSW_RESIDUE) - (uint32_t)g->added);
	if (g->added < 0 && !g->halted && g->sent < v->cbw.h.length)
		mutant_stall(m, v->ep_in); /* BOT 1.0, 6.7.2 */
	if (g->disagrees)
		raw[CSW_STATUS] = MSC_CSW_PHASE_ERROR;
	*g = (struct grown){ .page = g->page };
	return MUTANT_PASS;
}

ON_STALL(grown_stall)
{
	struct grown *g = state;

	g->halted |= ep == v->ep_in;
	return g->added <= 0 || ep != v->ep_in || g->sent < v->cbw.h.length;
}

#define GROWN(...)                                                                                 \
	.ops = {.state_size = sizeof(struct grown), .csw = grown_residue, .stall = grown_stall,    \
		__VA_ARGS__}
#define WITHOUT_PAGE(page_)                                                                        \
	GROWN(.initial = &(const struct grown){.page = (page_)}, .command = vpd_refused,           \
	      .data_in = vpd_unlisted)

ON_DATA_IN(inquiry_96)
{
	if (v->cbw.cb[1] || !fault_answers(v, MSC_OP_INQUIRY, *len, 5))
		return MUTANT_PASS;
	buf[4] = 96 - 5;
	grow(state, v, buf, len, max, 96, msc_get_be16(v->cbw.cb + 3));
	return MUTANT_PASS;
}

ON_DATA_IN(sense_24)
{
	if (!fault_answers(v, MSC_OP_REQUEST_SENSE, *len, 8))
		return MUTANT_PASS;
	buf[7] = 24 - 8;
	grow(state, v, buf, len, max, 24, v->cbw.cb[4]);
	return MUTANT_PASS;
}

ON_DATA_IN(sense_14)
{
	if (!fault_answers(v, MSC_OP_REQUEST_SENSE, *len, 8))
		return MUTANT_PASS;
	buf[7] = 14 - 8;
	shorten(state, len, 14);
	return MUTANT_PASS;
}

/* SPC-3, 6.27: with DESC the host asks for the descriptor form. */
ON_DATA_IN(sense_descriptor)
{
	const uint8_t form[] = { 0x72, buf[2], buf[12], buf[13], 0, 0, 0, 0 };

	if (!fault_answers(v, MSC_OP_REQUEST_SENSE, *len, 14) || !(v->cbw.cb[1] & 0x01))
		return MUTANT_PASS;
	memcpy(buf, form, sizeof form);
	shorten(state, len, sizeof form);
	return MUTANT_PASS;
}

/* SPC-2, 8.3.3: one short block descriptor between header and pages. */
ON_DATA_IN(mode_descriptor)
{
	const uint8_t *cb = v->cbw.cb;
	const bool six = cb[0] == MSC_OP_MODE_SENSE_6;
	const size_t header = six ? 4 : 8, old = *len;
	const uint8_t descriptor[8] = { [6] = 0x02 }; /* all blocks, of 512 bytes */
	uint8_t whole[64] = { 0 };

	if (!v->in_command || v->data_sent || (!six && cb[0] != MSC_OP_MODE_SENSE_10) ||
	    cb[1] & 0x08 || old + sizeof descriptor > sizeof whole)
		return MUTANT_PASS;
	memcpy(whole, buf, old);
	if (six) {
		whole[0] = (uint8_t)(whole[0] + sizeof descriptor);
		whole[3] = sizeof descriptor;
	} else {
		msc_put_be16(whole, (uint16_t)(msc_get_be16(whole) + sizeof descriptor));
		whole[7] = sizeof descriptor;
	}
	memmove(whole + header + sizeof descriptor, whole + header,
		sizeof whole - header - sizeof descriptor);
	memcpy(whole + header, descriptor, sizeof descriptor);
	grow(state, v, buf, len, max, old + sizeof descriptor, six ? cb[4] : msc_get_be16(cb + 7));
	memcpy(buf, whole, *len);
	return MUTANT_PASS;
}

/* A page that does not exist, and is not in the list: SPC-2, 8.4.1. */
ON_COMMAND(vpd_refused)
{
	const struct grown *g = state;

	if (v->cbw.cb[0] == MSC_OP_INQUIRY && v->cbw.cb[1] & 0x01 && v->cbw.cb[2] == g->page)
		seen->cb[2] = 0x7e;
	return MUTANT_PASS;
}

ON_DATA_IN(vpd_unlisted)
{
	struct grown *g = state;

	if (!fault_answers(v, MSC_OP_INQUIRY, *len, 4) || !(v->cbw.cb[1] & 0x01) || v->cbw.cb[2])
		return MUTANT_PASS;
	buf[3] = 2;
	for (size_t i = 4; i + 1 < *len; i++)
		if (buf[i] == g->page)
			memmove(buf + i, buf + i + 1, *len - i - 1);
	shorten(g, len, 6);
	return MUTANT_PASS;
}

/* SPC-2, 8.4: pages C0h to FFh are the vendor's. */
ON_COMMAND(vpd_vendor_asked)
{
	if (v->cbw.cb[0] == MSC_OP_INQUIRY && v->cbw.cb[1] & 0x01 && v->cbw.cb[2] == 0xff)
		seen->cb[2] = 0x80;
	return MUTANT_PASS;
}

ON_DATA_IN(vpd_vendor)
{
	if (!fault_answers(v, MSC_OP_INQUIRY, *len, 4) || !(v->cbw.cb[1] & 0x01))
		return MUTANT_PASS;
	if (v->cbw.cb[2] == 0xff) {
		buf[1] = 0xff;
	} else if (v->cbw.cb[2] == 0x00) {
		bool whole = *len == 7;

		buf[3] = 4;
		grow(state, v, buf, len, max, 8, msc_get_be16(v->cbw.cb + 3));
		if (whole && *len == 8)
			buf[7] = 0xff;
	}
	return MUTANT_PASS;
}

/* MMC-3, 5.16.2: a list of two capacities, as far as the host wants it. */
ON_DATA_IN(format_two)
{
	uint8_t second[8] = { 0 };

	if (!fault_answers(v, MSC_OP_READ_FORMAT_CAPACITIES, *len, 4))
		return MUTANT_PASS;
	buf[3] = 16;
	grow(state, v, buf, len, max, 20, msc_get_be16(v->cbw.cb + 7));
	if (*len > 12) {
		memcpy(second, buf + 4, sizeof second);
		second[4] = 0;
		memcpy(buf + 12, second, *len - 12 < sizeof second ? *len - 12 : sizeof second);
	}
	return MUTANT_PASS;
}

/* SBC-2, 6.3.4: page 01h with PER set, in front of those that the model has; and as SBC-2, 4.13.1 has it, every
 * eighth read is one that needed a second look: all of its data has come, and 1/18/00 says so. */
enum { ERROR_PAGE = 0x01, ERROR_PAGE_LEN = 12, PER = 0x04, EVERY = 8 };

struct recovering {
	struct grown grown; /* first: its hooks know no more */
	unsigned reads;
	bool told; /* the command that came last */
};

static bool is_mode_sense(const uint8_t *cb)
{
	return cb[0] == MSC_OP_MODE_SENSE_6 || cb[0] == MSC_OP_MODE_SENSE_10;
}

static bool is_read(uint8_t opcode)
{
	return opcode == MSC_OP_READ_6 || opcode == MSC_OP_READ_10 || opcode == MSC_OP_READ_12 ||
	       opcode == MSC_OP_READ_16;
}

ON_COMMAND(recovering_command)
{
	struct recovering *r = state;

	if (is_mode_sense(v->cbw.cb) && (v->cbw.cb[2] & 0x3f) == ERROR_PAGE && !v->cbw.cb[3])
		seen->cb[2] = (uint8_t)((seen->cb[2] & 0xc0) | 0x3f);
	if (v->cbw.cb[0] != MSC_OP_REQUEST_SENSE)
		r->told = false;
	return MUTANT_PASS;
}

/* The answer to MODE SENSE with the page in it: of the model's, all pages, `old` bytes have come. */
static void add_error_page(struct recovering *r, const struct mutant_view *v, uint8_t *buf,
			   size_t *len, size_t max)
{
	const uint8_t *cb = v->cbw.cb;
	const bool six = cb[0] == MSC_OP_MODE_SENSE_6, alone = (cb[2] & 0x3f) == ERROR_PAGE;
	const size_t header = six ? 4 : 8, old = *len;
	const uint8_t page[ERROR_PAGE_LEN] = { ERROR_PAGE, ERROR_PAGE_LEN - 2,
					       cb[2] >> 6 == 1 ? 0
							       : PER }; /* none can be changed */
	uint8_t whole[64] = { 0 };
	size_t all;

	if (old < (six ? 1 : 2) || old > sizeof whole - sizeof page)
		return;
	memcpy(whole, buf, old < header ? old : header);
	memcpy(whole + header, page, sizeof page);
	if (old > header && !alone)
		memcpy(whole + header + sizeof page, buf + header, old - header);
	all = six ? whole[0] + 1u : msc_get_be16(whole) + 2u;
	all = alone ? header + sizeof page : all + sizeof page;
	if (six)
		whole[0] = (uint8_t)(all - 1);
	else
		msc_put_be16(whole, (uint16_t)(all - 2));
	if (all > old)
		grow(&r->grown, v, buf, len, max, all, six ? cb[4] : msc_get_be16(cb + 7));
	else
		shorten(&r->grown, len, all);
	memcpy(buf, whole, *len);
}

ON_DATA_IN(recovering_answer)
{
	struct recovering *r = state;
	const uint8_t page = v->cbw.cb[2] & 0x3f;

	if (r->told && fault_answers(v, MSC_OP_REQUEST_SENSE, *len, 14)) {
		buf[2] = 0x01;
		buf[12] = 0x18;
		r->told = false;
	}
	if (v->in_command && !v->data_sent && is_mode_sense(v->cbw.cb) &&
	    (page == ERROR_PAGE || page == 0x3f))
		add_error_page(r, v, buf, len, max);
	return MUTANT_PASS;
}

ON_CSW(recovering_status)
{
	struct recovering *r = state;

	if (is_read(v->cbw.cb[0]) && raw[CSW_STATUS] == MSC_CSW_PASSED && v->data_sent &&
	    ++r->reads % EVERY == 0) {
		raw[CSW_STATUS] = MSC_CSW_FAILED;
		r->told = true;
	}
	return grown_residue(m, v, raw, len, &r->grown);
}

ON_STALL(recovering_stall)
{
	struct recovering *r = state;

	return grown_stall(m, v, ep, &r->grown);
}

static const struct msc_variant rows[] = {
	{ "inquiry-96", "standard INQUIRY data has 96 bytes",
	  "SPC-2, 7.3.2: ADDITIONAL LENGTH says how many", GROWN(.data_in = inquiry_96) },
	{ "sense-24", "sense data has 24 bytes", "SPC-2, 7.20.2: additional sense bytes",
	  GROWN(.data_in = sense_24) },
	{ "sense-descriptor", "sense data comes in descriptor form when the host asks for it",
	  "SPC-3, 6.27: DESC", GROWN(.data_in = sense_descriptor) },
	{ "sense-14", "sense data has 14 bytes",
	  "SPC-2, 7.20.2: ADDITIONAL SENSE LENGTH says how many", GROWN(.data_in = sense_14) },
	{ "no-vpd-serial", "there is no page 80h of vital product data", "optional: SPC-2, 8.4.6",
	  WITHOUT_PAGE(MSC_VPD_SERIAL) },
	{ "no-vpd-id", "there is no page 83h of vital product data",
	  "mandatory since SPC-3 only: SPC-2, 8.4.3",
	  WITHOUT_PAGE(MSC_VPD_DEVICE_ID) },
	{ "mode-block-descriptor", "MODE SENSE gives a block descriptor", "SPC-2, 8.3.3",
	  GROWN(.data_in = mode_descriptor) },
	{ "vpd-vendor", "there is a page FFh of vital product data",
	  "SPC-2, 8.4: C0h to FFh are the vendor's",
	  GROWN(.command = vpd_vendor_asked, .data_in = vpd_vendor) },
	{ "recovered-errors",
	  "a read that needed a second look ends with 1/18/00 when all of its data has come",
	  "SBC-2, 6.3.4: PER is set in mode page 01h, so recovered errors are reported",
	  .ops = { .state_size = sizeof(struct recovering),
		   .command = recovering_command,
		   .data_in = recovering_answer,
		   .csw = recovering_status,
		   .stall = recovering_stall } },
	{ "format-two", "READ FORMAT CAPACITIES lists two capacities", "MMC-3, 5.16.2",
	  GROWN(.data_in = format_two) },
};
const struct msc_variant_table msc_variants_answer = { rows, MSC_COUNT(rows) };
