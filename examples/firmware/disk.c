/* SPDX-License-Identifier: BSD-2-Clause */
/* A USB disk in one file: Bulk-Only Transport 1.0, the commands that hosts send, and a main loop. Endpoint 0 is
 * served in interrupts; bulk transfers and the medium in the main loop, which waits where it has to. */
#include <string.h>

#include "hw.h"

enum { EP0_OUT = 0x00, EP0_IN = 0x80, EP_IN = 0x81, EP_OUT = 0x02 };
enum { EP0_PACKET = 64, BLOCK = 512, BUFFER_BLOCKS = 16 };
enum { PASSED, FAILED, PHASE_ERROR };

static uint8_t buffer[BUFFER_BLOCKS * BLOCK];

/* ---- the state that interrupts change ------------------------------------------------------------ */

static volatile unsigned epoch;	 /* whatever the main loop was at is over when it changes */
static volatile bool configured, reset_asked, locked;
static volatile bool sent, received;
static volatile size_t received_len;

/* ---- endpoint 0 ---------------------------------------------------------------------------------- */

static const uint8_t device_descriptor[18] = { 18,   1,    0,    2, 0, 0, 0, 64, 0x09,
					       0x12, 0x01, 0x00, 0, 1, 1, 2, 3,  1 };
static const uint8_t qualifier[10] = { 10, 6, 0, 2, 0, 0, 0, 64, 1, 0 };
static const uint8_t languages[4] = { 4, 3, 0x09, 0x04 };
static const char *const strings[] = { "mscope", "Example Disk", "0123456789AB" };

static struct {
	uint8_t data[64];
	size_t len, at;
	bool zero; /* an empty packet ends the data: USB 2.0, 5.5.3 */
	bool in_data;
} control;
static uint8_t address; /* to be taken when the status stage is over: USB 2.0, 9.4.6; 0: none */

static size_t put_configuration(uint8_t *d, uint8_t type)
{
	bool high = hw_high_speed() == (type == 2);
	uint16_t packet = high ? 512 : 64;
	const uint8_t all[32] = { 9,
				  type,
				  32,
				  0,
				  1,
				  1,
				  0,
				  0x80,
				  50,
				  9,
				  4,
				  0,
				  0,
				  2,
				  8,
				  6,
				  0x50,
				  0,
				  7,
				  5,
				  EP_IN,
				  2,
				  packet & 0xff,
				  packet >> 8,
				  0,
				  7,
				  5,
				  EP_OUT,
				  2,
				  packet & 0xff,
				  packet >> 8,
				  0 };

	memcpy(d, all, sizeof all);
	return sizeof all;
}

static size_t put_string(uint8_t *d, uint8_t index)
{
	const char *s;
	size_t n;

	if (index == 0) {
		memcpy(d, languages, sizeof languages);
		return sizeof languages;
	}
	if (index > sizeof strings / sizeof *strings)
		return 0;
	s = strings[index - 1];
	n = strlen(s);
	d[0] = (uint8_t)(2 + 2 * n);
	d[1] = 3;
	for (size_t i = 0; i < n; i++) {
		d[2 + 2 * i] = (uint8_t)s[i];
		d[3 + 2 * i] = 0;
	}
	return d[0];
}

static void send_packet(void)
{
	size_t n = control.len - control.at;

	if (n > EP0_PACKET)
		n = EP0_PACKET;
	hw_ep0_in(control.data + control.at, n);
	control.at += n;
	if (n < EP0_PACKET)
		control.zero = false;
}

static void answer(size_t len, uint16_t asked)
{
	control.zero = len < asked;
	control.len = len < asked ? len : asked;
	control.at = 0;
	control.in_data = true;
	send_packet();
}

static void acknowledge(void)
{
	control.in_data = false;
	hw_ep0_in(NULL, 0);
}

static void open_bulk(void)
{
	uint16_t packet = hw_high_speed() ? 512 : 64;

	hw_open(EP_IN, packet);
	hw_open(EP_OUT, packet);
}

/* A CBW that was not valid keeps both endpoints halted until reset recovery: BOT 1.0, 6.6.1. */
static void clear_halt(uint8_t ep)
{
	hw_unstall(ep);
	if (locked)
		hw_stall(ep);
	acknowledge();
}

static bool is_bulk(uint16_t index)
{
	return configured && (index == EP_IN || index == EP_OUT);
}

static bool get_descriptor(uint16_t value, uint16_t length)
{
	uint8_t type = (uint8_t)(value >> 8);
	size_t n = 0;

	if (type == 1) {
		memcpy(control.data, device_descriptor, n = sizeof device_descriptor);
	} else if ((type == 2 || type == 7) && !(value & 0xff)) {
		n = put_configuration(control.data, type);
	} else if (type == 3) {
		n = put_string(control.data, (uint8_t)value);
	} else if (type == 6) {
		memcpy(control.data, qualifier, n = sizeof qualifier);
	}
	if (n)
		answer(n, length);
	return n != 0;
}

static bool get_status(uint8_t recipient, uint16_t index, uint16_t length)
{
	if (recipient == 2 ? !(is_bulk(index) || !(index & 0x7f)) : index != 0)
		return false;
	control.data[0] = recipient == 2 && is_bulk(index) && hw_stalled((uint8_t)index);
	control.data[1] = 0;
	answer(2, length);
	return true;
}

static bool set_configuration(uint16_t value)
{
	if (value > 1)
		return false;
	configured = value;
	locked = false;
	epoch++;
	if (configured)
		open_bulk();
	acknowledge();
	return true;
}

static bool give(uint8_t byte, uint16_t length)
{
	control.data[0] = byte;
	answer(1, length);
	return true;
}

static bool standard(const uint8_t *p, uint16_t value, uint16_t index, uint16_t length)
{
	uint8_t recipient = p[0] & 0x1f;

	switch (p[0] << 8 | p[1]) {
	case 0x8006: return get_descriptor(value, length);
	case 0x0005:
		address = (uint8_t)value;
		acknowledge();
		return true;
	case 0x0009: return set_configuration(value);
	case 0x8008: return give(configured, length);
	case 0x810a: return configured && index == 0 && give(0, length);
	case 0x010b:
		if (!configured || index || value)
			return false;
		epoch++;
		open_bulk();
		acknowledge();
		return true;
	case 0x8000:
	case 0x8100:
	case 0x8200: return get_status(recipient, index, length);
	case 0x0201:
		if (value || !is_bulk(index))
			return false;
		clear_halt((uint8_t)index);
		return true;
	case 0x0203:
		if (value || !is_bulk(index))
			return false;
		hw_stall((uint8_t)index);
		acknowledge();
		return true;
	default: return false;
	}
}

/* BOT 1.0, 3.1 and 3.2: every field is looked at. The reset is acknowledged when it is done, by the main loop. */
static bool class_request(const uint8_t *p, uint16_t value, uint16_t index, uint16_t length)
{
	if (p[0] == 0xa1 && p[1] == 0xfe && !value && !index && length == 1)
		return give(0, length);
	if (p[0] != 0x21 || p[1] != 0xff || value || index || length || !configured)
		return false;
	reset_asked = true;
	epoch++;
	return true;
}

void disk_setup(const uint8_t p[8])
{
	uint16_t value = (uint16_t)(p[2] | p[3] << 8), index = (uint16_t)(p[4] | p[5] << 8);
	uint16_t length = (uint16_t)(p[6] | p[7] << 8);
	bool known = p[0] & 0x60 ? class_request(p, value, index, length)
				 : standard(p, value, index, length);

	if (!known)
		hw_ep0_stall();
}

void disk_ep0_sent(void)
{
	if (!control.in_data) {
		if (address)
			hw_set_address(address);
		address = 0;
		return;
	}
	if (control.at < control.len || control.zero) {
		send_packet();
		return;
	}
	control.in_data = false;
	hw_ep0_out(); /* the status stage */
}

void disk_ep0_received(void)
{
}

void disk_bus_reset(void)
{
	configured = reset_asked = locked = false;
	address = 0;
	epoch++;
	hw_open(EP0_OUT, EP0_PACKET);
	hw_open(EP0_IN, EP0_PACKET);
}

void disk_sent(uint8_t ep)
{
	sent |= ep == EP_IN;
}

void disk_received(uint8_t ep, size_t len)
{
	if (ep != EP_OUT)
		return;
	received_len = len;
	received = true;
}

/* ---- bulk transfers: false when what they belong to is over ---------------------------------------- */

static unsigned now; /* the epoch that the main loop is in */

static bool goes_on(void)
{
	return now == epoch;
}

static bool put(const void *data, size_t len)
{
	if (!goes_on()) /* the medium took its time, and a reset came: the endpoint may be closed */
		return false;
	sent = false;
	hw_transmit(EP_IN, data, len);
	while (goes_on() && !sent)
		hw_wait();
	return goes_on();
}

static bool get(void *data, size_t len)
{
	if (!goes_on())
		return false;
	received = false;
	hw_receive(EP_OUT, data, len);
	while (goes_on() && !received)
		hw_wait();
	return goes_on();
}

/* Halts bulk-in and waits until the host has seen it. */
static bool halt_in(void)
{
	hw_stall(EP_IN);
	while (goes_on() && hw_stalled(EP_IN))
		hw_wait();
	return goes_on();
}

/* ---- the command in hand ---------------------------------------------------------------------------- */

static struct {
	uint8_t tag[4], cb[16];
	uint32_t length; /* dCBWDataTransferLength */
	bool in;	 /* its direction */
	uint32_t moved;
	uint8_t status;
} cmd;

static uint8_t sense[3]; /* key, code, qualifier of the command before */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static bool fail(uint8_t key, uint8_t code)
{
	sense[0] = key;
	sense[1] = code;
	sense[2] = 0;
	cmd.status = FAILED;
	return true;
}

/* What the host offers and the device means disagree: BOT 1.0, 6.7, cases 2, 3, 7, 8, 10, 13. */
static bool phase_error(void)
{
	cmd.status = PHASE_ERROR;
	return true;
}

/* Whether the host expects `len` bytes or more in that direction; if not, it is a phase error. */
static bool fits(uint32_t len, bool in)
{
	if (len == 0 || (cmd.length >= len && cmd.in == in))
		return true;
	phase_error();
	return false;
}

static bool reply(uint32_t len, uint32_t alloc)
{
	if (len > alloc)
		len = alloc;
	if (!fits(len, true) || !len)
		return true;
	cmd.moved = len;
	return put(buffer, len);
}

/* ---- commands: false when the command is over because of a reset -------------------------------------- */

static bool inquiry(void)
{
	static const uint8_t standard_data[36] = "\0\0\4\2\37\0\0\0"
						 "mscope  Example Disk    1.00";
	static const uint8_t pages[6] = { 0, 0, 0, 2, 0x00, 0x80 };
	const uint8_t *cb = cmd.cb;
	uint16_t alloc = (uint16_t)(cb[3] << 8 | cb[4]);

	if (cb[1] & 2 || (!(cb[1] & 1) && cb[2]))
		return fail(5, 0x24);
	if (!(cb[1] & 1)) {
		memcpy(buffer, standard_data, sizeof standard_data);
		return reply(sizeof standard_data, alloc);
	}
	if (cb[2] == 0x00) {
		memcpy(buffer, pages, sizeof pages);
		return reply(sizeof pages, alloc);
	}
	if (cb[2] != 0x80)
		return fail(5, 0x24);
	memcpy(buffer,
	       "\0\x80\0\14"
	       "0123456789AB",
	       16);
	return reply(16, alloc);
}

static bool request_sense(void)
{
	memset(buffer, 0, 18);
	buffer[0] = 0x70;
	buffer[2] = sense[0];
	buffer[7] = 10;
	buffer[12] = sense[1];
	buffer[13] = sense[2];
	memset(sense, 0, sizeof sense);
	return reply(18, cmd.cb[4]);
}

static bool mode_sense(void)
{
	uint8_t page = cmd.cb[2] & 0x3f;

	if (cmd.cb[2] >> 6 || (page && page != 0x3f))
		return fail(5, 0x24);
	memset(buffer, 0, 4);
	buffer[0] = 3;
	buffer[2] = hw_write_protected() ? 0x80 : 0;
	return reply(4, cmd.cb[4]);
}

static bool read_capacity(void)
{
	put_be32(buffer, hw_blocks() - 1);
	put_be32(buffer + 4, BLOCK);
	return reply(8, 8);
}

static bool read_format_capacities(void)
{
	memset(buffer, 0, 4);
	buffer[3] = 8;
	put_be32(buffer + 4, hw_blocks());
	put_be32(buffer + 8, BLOCK);
	buffer[8] = 2; /* as it is */
	return reply(12, (uint32_t)(cmd.cb[7] << 8 | cmd.cb[8]));
}

/* The blocks of a READ(10), WRITE(10) or VERIFY(10), if they are all there. */
static bool extent(uint32_t *lba, uint32_t *blocks)
{
	uint32_t all = hw_blocks();

	*lba = be32(cmd.cb + 2);
	*blocks = (uint32_t)(cmd.cb[7] << 8 | cmd.cb[8]);
	if (*lba < all && *blocks <= all - *lba)
		return true;
	fail(5, 0x21);
	return false;
}

static uint32_t part(uint32_t blocks)
{
	return blocks < BUFFER_BLOCKS ? blocks : BUFFER_BLOCKS;
}

static bool read_blocks(void)
{
	uint32_t lba, blocks;

	if (!extent(&lba, &blocks) || !fits(blocks * BLOCK, true))
		return true;
	for (uint32_t n; blocks; lba += n, blocks -= n) {
		n = part(blocks);
		if (!hw_read(lba, n, buffer))
			return fail(3, 0x11);
		if (hw_defect("slow"))
			hw_spin_us(100 * n);
		if (!put(buffer, n * BLOCK))
			return false;
		cmd.moved += n * BLOCK;
	}
	return true;
}

static bool write_blocks(void)
{
	uint32_t lba, blocks;

	if (hw_write_protected())
		return fail(7, 0x27);
	if (!extent(&lba, &blocks) || !fits(blocks * BLOCK, false))
		return true;
	for (uint32_t n; blocks; lba += n, blocks -= n) {
		n = part(blocks);
		if (!get(buffer, n * BLOCK))
			return false;
		cmd.moved += (uint32_t)received_len;
		if (received_len != n * BLOCK)
			return phase_error();
		if (!hw_write(lba, n, buffer))
			return fail(3, 0x0c);
	}
	return true;
}

static bool verify(void)
{
	uint32_t lba, blocks;

	if (cmd.cb[1] & 6)
		return fail(5, 0x24);
	extent(&lba, &blocks);
	return true;
}

static bool run_command(void)
{
	if (cmd.cb[0] != 0x03)
		memset(sense, 0, sizeof sense);
	switch (cmd.cb[0]) {
	case 0x00: return true; /* TEST UNIT READY */
	case 0x03: return request_sense();
	case 0x12: return inquiry();
	case 0x1a: return mode_sense();
	case 0x1b: return cmd.cb[4] & 2 ? fail(5, 0x24) : true; /* START STOP UNIT: no LOEJ */
	case 0x23: return read_format_capacities();
	case 0x25: return read_capacity();
	case 0x28: return read_blocks();
	case 0x2a: return write_blocks();
	case 0x2f: return verify();
	case 0x35: return true; /* SYNCHRONIZE CACHE: there is none */
	default: return fail(5, 0x20);
	}
}

/* ---- Bulk-Only Transport ------------------------------------------------------------------------------- */

static bool is_valid(const uint8_t *cbw)
{
	return received_len == 31 && !memcmp(cbw, "USBC", 4) && !(cbw[12] & 0x7f) && !cbw[13] &&
	       cbw[14] >= 1 && cbw[14] <= 16;
}

static void take(const uint8_t *cbw)
{
	memset(&cmd, 0, sizeof cmd);
	memcpy(cmd.tag, cbw + 4, 4);
	cmd.length = cbw[8] | (uint32_t)cbw[9] << 8 | (uint32_t)cbw[10] << 16 |
		     (uint32_t)cbw[11] << 24;
	cmd.in = cbw[12] & 0x80;
	memcpy(cmd.cb, cbw + 15, cbw[14]);
}

/* Data that the host has room for, or offers, and that does not move, ends in a STALL. */
static bool end_data(void)
{
	if (cmd.moved == cmd.length)
		return true;
	if (cmd.in)
		return halt_in();
	hw_stall(EP_OUT);
	return true;
}

static bool send_status(void)
{
	uint32_t residue = cmd.length - cmd.moved;
	uint8_t csw[13] = "USBS";

	if (hw_defect("residue"))
		residue = 0;
	memcpy(csw + 4, cmd.tag, 4);
	for (int i = 0; i < 4; i++)
		csw[8 + i] = (uint8_t)(residue >> 8 * i);
	csw[12] = cmd.status;
	return put(csw, sizeof csw);
}

/* Not valid, or not meaningful: until reset recovery there is nothing but STALL. */
static void lock(void)
{
	locked = true;
	hw_stall(EP_IN);
	hw_stall(EP_OUT);
	while (goes_on())
		hw_wait();
}

static void serve(void)
{
	static uint8_t cbw[512];

	/* One packet: a CBW that is longer is told by its length. */
	if (!get(cbw, hw_high_speed() ? 512 : 64))
		return;
	if (!is_valid(cbw)) {
		lock();
		return;
	}
	take(cbw);
	if (hw_defect("crash") && cmd.cb[0] == 0x2f)
		*(volatile int *)0 = 0;
	while (hw_defect("loop") && cmd.cb[0] == 0x2f)
		;
	if (run_command() && end_data())
		send_status();
}

/* What was armed is not any more; halts and toggles stay as they are: BOT 1.0, 3.1. */
static void begin_epoch(void)
{
	now = epoch;
	if (!configured)
		return;
	hw_abort(EP_IN);
	hw_abort(EP_OUT);
	memset(sense, 0, sizeof sense);
	if (reset_asked) {
		reset_asked = false;
		locked = false;
		acknowledge();
	}
}

void disk_main(void)
{
	for (;;) {
		if (!goes_on())
			begin_epoch();
		if (configured)
			serve();
		else
			hw_wait();
	}
}
