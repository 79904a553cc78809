/* SPDX-License-Identifier: BSD-2-Clause */
/* Mass storage as the example has it that Keil gives with its LPC2148 board, on which the document's
 * authors built: packets of 64 bytes in interrupts, twelve commands, a state for each thing that may
 * come next. It is "not a complete implementation", and its departures from BOT 1.0 and SPC-2 are
 * kept, each with a note that says "Keil"; docs/lsd.md lists them with what mscope finds.
 *
 *	CBW --+--------------------------------- data --> DATA_IN ----+--> DATA_IN_LAST -------+
 *	 ^    |                                                       +--> DATA_IN_LAST_STALL -+
 *	 |    +--> DATA_OUT ---------------------------------------------------------> CSW <---+
 *	 |    +--> ERROR                                                                |
 *	 +------------------------------------------------------------------------------+
 */
#include <string.h>

#include "firmware/lsd/port.h"

#define PACKET_NS 20000 /* to copy 64 bytes between endpoint memory and RAM at 60 MHz, by words */

static void write_endpoint(struct mcu *m, const void *data, size_t len)
{
	struct lsd_port *s = mcu_state(m);

	if (udc_busy(m, EP_IN))
		udc_abort(m, EP_IN); /* what was there is overwritten */
	if (len)
		memcpy(s->in, data, len);
	mcu_spin(m, PACKET_NS);
	udc_transmit(m, EP_IN, s->in, len);
}

void msc_await_command(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);

	s->stage = STAGE_CBW;
	if (!udc_busy(m, EP_OUT))
		udc_receive(m, EP_OUT, s->out, MAX_PACKET);
}

static void set_csw(struct mcu *m, uint8_t status)
{
	struct lsd_port *s = mcu_state(m);
	const struct msc_csw csw = { .signature = MSC_CSW_SIGNATURE,
				     .tag = s->cbw.h.tag,
				     .residue = s->residue,
				     .status = status };
	uint8_t raw[MSC_CSW_LEN];

	msc_csw_pack(raw, &csw);
	s->status = status;
	s->stage = STAGE_CSW;
	write_endpoint(m, raw, sizeof raw);
}

static bool host_in(const struct lsd_port *s)
{
	return s->cbw.h.flags & MSC_CBW_FLAG_IN;
}

/* -- data that is not of the address space ------------------------------------------------------ */

/* Keil: what is shorter than the host expects is not followed by a STALL (BOT 1.0, 6.7.2), and the
 * allocation length is not looked at (SPC-2, 4.3.4.6). */
static void reply(struct mcu *m, const uint8_t *data, uint32_t len)
{
	struct lsd_port *s = mcu_state(m);

	if (s->cbw.h.length == 0) {
		set_csw(m, MSC_CSW_PHASE_ERROR);
		return;
	}
	if (!host_in(s)) {
		udc_stall(m, EP_OUT);
		set_csw(m, MSC_CSW_PHASE_ERROR);
		return;
	}
	s->left = len < s->cbw.h.length ? len : s->cbw.h.length;
	s->reply = data;
	len = s->left < MAX_PACKET ? s->left : MAX_PACKET;
	s->left -= len;
	s->residue -= len;
	s->status = MSC_CSW_PASSED;
	s->stage = s->left ? STAGE_DATA_IN : STAGE_DATA_IN_LAST;
	write_endpoint(m, data, len);
	s->reply += len;
}

static void next_of_reply(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);
	uint32_t len = s->left < MAX_PACKET ? s->left : MAX_PACKET;

	s->left -= len;
	s->residue -= len;
	if (!s->left)
		s->stage = STAGE_DATA_IN_LAST;
	write_endpoint(m, s->reply, len);
	s->reply += len;
}

static void inquiry(struct mcu *m)
{
	/* Keil: the same for every page of vital product data (SPC-2, 7.3.4) */
	static const uint8_t data[37] = "\x00\x80\x00\x01\x1f\x80\x00\x00"
					"LSD     Live Storage    1.0 ";

	reply(m, data, 36);
}

static void request_sense(struct mcu *m)
{
	/* Keil: the same whatever happened: not ready, incompatible medium */
	static const uint8_t data[18] = { 0x70, 0, 0x02, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x30, 0x01 };

	reply(m, data, sizeof data);
}

static void mode_sense(struct mcu *m)
{
	static const uint8_t six[4] = { 3 }, ten[8] = { 0, 6 };
	const struct lsd_port *s = mcu_state(m);

	if (s->cbw.cb[0] == MSC_OP_MODE_SENSE_6)
		reply(m, six, sizeof six);
	else
		reply(m, ten, sizeof ten);
}

static void read_capacity(struct mcu *m)
{
	static const uint8_t data[8] = { 0, 0, (LSD_BLOCKS - 1) >> 8, (LSD_BLOCKS - 1) & 0xff,
					 0, 0, LSD_BLOCK >> 8,        LSD_BLOCK & 0xff };

	reply(m, data, sizeof data);
}

static void read_format_capacities(struct mcu *m)
{
	static const uint8_t data[12] = {
		0, 0, 0, 8, 0, 0, LSD_BLOCKS >> 8, LSD_BLOCKS & 0xff, 2, 0, LSD_BLOCK >> 8, 0
	};

	reply(m, data, sizeof data);
}

/* Keil: whatever the host wants to move, it passes; and a STALL, if any, is the other endpoint's
 * affair. */
static void test_unit_ready(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);

	if (s->cbw.h.length)
		udc_stall(m, host_in(s) ? EP_IN : EP_OUT);
	set_csw(m, MSC_CSW_PASSED);
}

/* -- the address space --------------------------------------------------------------------------- */

/* Keil: the address is a number of bytes in 32 bits, so that block 800000h is block 0; and lengths
 * that differ halt both endpoints and leave a phase error (BOT 1.0, 6.7.2 and 6.7.3). */
static bool set_up(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);

	s->offset = msc_get_be32(s->cbw.cb + 2) * LSD_BLOCK;
	s->left = msc_get_be16(s->cbw.cb + 7) * LSD_BLOCK;
	s->reply = NULL;
	if (s->cbw.h.length == s->left)
		return true;
	udc_stall(m, EP_IN);
	udc_stall(m, EP_OUT);
	set_csw(m, MSC_CSW_PHASE_ERROR);
	return false;
}

/* Keil: what lies beyond the end is not sent, and the command passes with a residue (SBC-2, 5.6). */
static void read_memory(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);
	const uint32_t end = LSD_BLOCKS * LSD_BLOCK;
	uint32_t len = s->left < MAX_PACKET ? s->left : MAX_PACKET;
	uint8_t data[MAX_PACKET];

	if (s->offset > end || len > end - s->offset) {
		len = s->offset < end ? end - s->offset : 0;
		s->stage = STAGE_DATA_IN_LAST_STALL;
	}
	lsd_read(&s->core, s->offset, data, len);
	s->offset += len;
	s->left -= len;
	s->residue -= len;
	if (!s->left)
		s->stage = STAGE_DATA_IN_LAST;
	s->status = MSC_CSW_PASSED;
	write_endpoint(m, data, len);
}

static void begin_read(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);

	if (!set_up(m))
		return;
	if (host_in(s)) {
		s->stage = STAGE_DATA_IN;
		read_memory(m);
	} else {
		udc_stall(m, EP_OUT);
		set_csw(m, MSC_CSW_PHASE_ERROR);
	}
}

/* Writes to where nothing is are refused as a whole, before any of it: the authors' own. */
static void begin_write(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);

	if (!set_up(m))
		return;
	if (host_in(s)) {
		udc_stall(m, EP_IN);
		set_csw(m, MSC_CSW_PHASE_ERROR);
	} else if (s->cbw.cb[0] == MSC_OP_WRITE_10 &&
		   !lsd_is_writable(&s->core, s->offset, s->left)) {
		if (s->left)
			udc_stall(m, EP_OUT);
		set_csw(m, MSC_CSW_FAILED);
	} else {
		s->stage = STAGE_DATA_OUT;
		s->matched = true;
	}
}

static bool same(struct lsd_port *s, uint32_t len)
{
	uint8_t data[MAX_PACKET];

	return lsd_read(&s->core, s->offset, data, len) && memcmp(data, s->out, len) == 0;
}

/* One packet, one block operation. */
static void packet_of_data(struct mcu *m, uint32_t len)
{
	struct lsd_port *s = mcu_state(m);

	if (len > s->left)
		len = s->left;
	if (s->cbw.cb[0] == MSC_OP_WRITE_10)
		lsd_write(&s->core, s->offset, s->out, len);
	else
		s->matched &= same(s, len);
	s->offset += len;
	s->left -= len;
	s->residue -= len;
	if (!s->left)
		set_csw(m, s->matched ? MSC_CSW_PASSED : MSC_CSW_FAILED);
}

/* -- command transport ---------------------------------------------------------------------------- */

static void bench(struct mcu *m)
{
	struct lsd_port *s = mcu_state(m);

	if (bench_command(m, s->cbw.cb))
		reply(m, s->bench, sizeof s->bench);
	else
		set_csw(m, MSC_CSW_PASSED);
}

/* Keil: what is not known fails, with no STALL for the data that the host may expect or have. */
static void execute(struct mcu *m)
{
	const struct lsd_port *s = mcu_state(m);

	switch (s->cbw.cb[0]) {
	case MSC_OP_TEST_UNIT_READY: test_unit_ready(m); break;
	case MSC_OP_REQUEST_SENSE: request_sense(m); break;
	case MSC_OP_INQUIRY: inquiry(m); break;
	case MSC_OP_MODE_SENSE_6:
	case MSC_OP_MODE_SENSE_10: mode_sense(m); break;
	case MSC_OP_READ_FORMAT_CAPACITIES: read_format_capacities(m); break;
	case MSC_OP_READ_CAPACITY_10: read_capacity(m); break;
	case MSC_OP_READ_10: begin_read(m); break;
	case MSC_OP_WRITE_10:
	case MSC_OP_VERIFY_10: begin_write(m); break;
	case OP_BENCH: bench(m); break;
	default: set_csw(m, MSC_CSW_FAILED);
	}
}

static void get_cbw(struct mcu *m, size_t len)
{
	struct lsd_port *s = mcu_state(m);
	const struct msc_cbw_header *h = &s->cbw.h;

	if (len == MSC_CBW_LEN)
		msc_cbw_unpack(&s->cbw, s->out);
	if (len != MSC_CBW_LEN || h->signature != MSC_CBW_SIGNATURE) {
		s->stage = STAGE_ERROR; /* BOT 1.0, 6.6.1 */
		udc_stall(m, EP_IN);
		udc_stall(m, EP_OUT);
		return;
	}
	s->residue = h->length;
	if (h->lun != 0 || h->cb_length < 1 || h->cb_length > MSC_CBW_CB_MAX)
		set_csw(m, MSC_CSW_FAILED);
	else
		execute(m);
}

void msc_out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct lsd_port *s = mcu_state(m);

	(void)ep;
	mcu_spin(m, PACKET_NS);
	if (s->stage == STAGE_CBW) {
		get_cbw(m, len);
	} else if (s->stage == STAGE_DATA_OUT) {
		packet_of_data(m, (uint32_t)len);
	} else { /* data that nobody asked for */
		udc_stall(m, EP_OUT);
		set_csw(m, MSC_CSW_PHASE_ERROR);
	}
	udc_receive(m, EP_OUT, s->out, MAX_PACKET);
}

void msc_in_done(struct mcu *m, uint8_t ep)
{
	struct lsd_port *s = mcu_state(m);

	(void)ep;
	switch (s->stage) {
	case STAGE_DATA_IN:
		if (s->reply)
			next_of_reply(m);
		else
			read_memory(m);
		break;
	case STAGE_DATA_IN_LAST_STALL: udc_stall(m, EP_IN); /* fall through */
	case STAGE_DATA_IN_LAST: set_csw(m, s->status); break;
	case STAGE_CSW: s->stage = STAGE_CBW; break;
	default: break;
	}
}

void msc_reset(struct mcu *m)
{
	if (udc_busy(m, EP_IN))
		udc_abort(m, EP_IN);
	if (udc_busy(m, EP_OUT))
		udc_abort(m, EP_OUT);
	msc_await_command(m);
}
