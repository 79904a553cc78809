/* SPDX-License-Identifier: BSD-2-Clause */
/* One conversation in every form in which it can be captured says the same; what is cut, missing, in the
 * wrong order or a lie is never held against the device, and never more than a message. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "capture/urb.h"
#include "capture_bench.h"
#include "wire/packet.h"

#define FULL "sim:reference,speed=full,host=uhci"
#define HIGH "sim:reference"

static void same(const char *what, const struct told *a, const struct told *b)
{
	if (b->result < 0)
		fail_msg("%s: %s", what, b->err.msg);
	if (a->exchanges != b->exchanges || a->answered != b->answered || a->hash != b->hash ||
	    a->naks != b->naks || b->findings)
		fail_msg("%s: %zu exchanges of %zu, %zu answered of %zu, NAKs %lld of %lld, "
			 "%zu findings %s%s",
			 what, b->exchanges, a->exchanges, b->answered, a->answered,
			 (long long)b->naks, (long long)a->naks, b->findings, b->rule,
			 a->hash == b->hash ? "" : ", other bytes");
}

/* ---- forms --------------------------------------------------------------------------------- */

struct rewrite {
	struct writer w;
	uint16_t link;
	uint32_t interface;
	size_t limit; /* bytes of each packet; 0: all */
	size_t count, first, last; /* packets, and which of them are written */
	size_t drop; /* every so many one is left out; 0: none */
};

static void put_any(void *user, const struct msc_packet *p)
{
	struct rewrite *r = user;
	size_t n = r->count++, kept = r->limit && p->kept > r->limit ? r->limit : p->kept;

	if (n < r->first || n >= r->last || (r->drop && n % r->drop == r->drop - 1))
		return;
	write_packet(&r->w, r->interface, p->at_ns, p->data, kept, p->len);
}

static struct told told_anew(const struct file *f, struct rewrite r, bool ng, bool big,
			     void (*put)(void *, const struct msc_packet *))
{
	struct file copy;
	struct told t;

	r.last = r.last ? r.last : SIZE_MAX;
	r.w = write_begin(ng, big);
	write_interface(&r.w, r.link, 65535);
	each_packet(f, put, &r);
	copy = write_end(&r.w);
	t = tell(copy.data, copy.size);
	file_free(&copy);
	return t;
}

static void swap(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t b = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = b;
	}
}

/* usbmon's header as a host of the other byte order writes it, or the shorter one. */
static void put_usbmon(void *user, const struct msc_packet *p)
{
	static const uint8_t wide[][2] = { { 0, 8 },  { 12, 2 }, { 16, 8 }, { 24, 4 },
					   { 28, 4 }, { 32, 4 }, { 36, 4 }, { 48, 4 },
					   { 52, 4 }, { 56, 4 }, { 60, 4 } };
	struct rewrite *r = user;
	uint8_t *copy = malloc(p->kept);
	size_t head = r->link == MSC_LINK_USBMON ? MSC_USBMON_LEN : MSC_USBMON_64_LEN;
	size_t less = MSC_USBMON_64_LEN - head;

	assert_non_null(copy);
	memcpy(copy, p->data, p->kept);
	for (size_t i = 0; r->w.big && i < MSC_COUNT(wide); i++)
		swap(copy + wide[i][0], wide[i][1]);
	memmove(copy + head, copy + MSC_USBMON_64_LEN, p->kept - MSC_USBMON_64_LEN);
	write_packet(&r->w, 0, p->at_ns, copy, p->kept - less, p->len - less);
	free(copy);
}

/* The same as QEMU has it. */
static void put_qemu(void *user, const struct msc_packet *p)
{
	struct rewrite *r = user;
	uint8_t *copy = malloc(p->kept);
	uint32_t len = p->kept - MSC_USBMON_64_LEN;
	bool moved = (p->data[8] == 'C') == !!(p->data[10] & MSC_EP_IN);

	assert_non_null(copy);
	memcpy(copy, p->data, p->kept);
	memset(copy, 0, 8);
	copy[15] = len ? '=' : p->data[8] == 'C' ? '>' : '<';
	if (msc_get_le32(copy + 28) && p->data[8] == 'C')
		msc_put_le32(copy + 28, (uint32_t)-121);
	else
		msc_put_le32(copy + 28, 0);
	if (!moved)
		msc_put_le32(copy + 32, 0);
	msc_put_le32(copy + 36, p->kept);
	write_packet(&r->w, 0, p->at_ns, copy, p->kept, len + MSC_USBMON_64_LEN);
	free(copy);
}

/* The same as USBPcap has it. */
static void put_usbpcap(void *user, const struct msc_packet *p)
{
	struct rewrite *r = user;
	const uint8_t *d = p->data;
	bool completed = d[8] == 'C', control = d[9] == 2;
	size_t head = control ? 28 : 27, setup = control && !completed ? 8 : 0;
	size_t len = p->kept - MSC_USBMON_64_LEN;
	int32_t status = (int32_t)msc_get_le32(d + 28);
	uint8_t *copy = calloc(1, head + setup + len);

	assert_non_null(copy);
	msc_put_le16(copy, (uint16_t)head);
	memcpy(copy + 2, d, 8);
	msc_put_le32(copy + 10, status == -32 ? 0xc0000004 : status == -2 ? 0xc0010000 : 0);
	copy[16] = completed;
	msc_put_le16(copy + 17, 1);
	msc_put_le16(copy + 19, d[11]);
	copy[21] = d[10];
	copy[22] = d[9];
	msc_put_le32(copy + 23, (uint32_t)(setup + len));
	if (control)
		copy[27] = completed ? 3 : 0;
	if (setup)
		memcpy(copy + head, d + 40, 8);
	memcpy(copy + head + setup, d + MSC_USBMON_64_LEN, len);
	write_packet(&r->w, 0, p->at_ns, copy, head + setup + len, head + setup + len);
	free(copy);
}

/* And as it did before 1.4.1: of a bulk transfer only the half that has the data, and nothing that failed. */
static void put_usbpcap_old(void *user, const struct msc_packet *p)
{
	const uint8_t *d = p->data;
	bool completed = d[8] == 'C', in = d[10] & MSC_EP_IN;
	struct rewrite *r = user;

	if (r->count++ < r->first)
		return;
	if ((d[9] == 2 || completed == in) && !(completed && msc_get_le32(d + 28)))
		put_usbpcap(user, p);
}

#define TICK_NS (15625 * MSC_US)

/* On Windows 7: CBW, data and CSW are one request after the other in the same memory, and the clock goes on 64
 * times a second. */
static void put_usbpcap_ticks(void *user, const struct msc_packet *p)
{
	struct msc_packet q = *p;
	uint8_t *copy = malloc(p->kept);

	assert_non_null(copy);
	memcpy(copy, p->data, p->kept);
	if (copy[9] == 3)
		memcpy(copy, "\x10\x10\xae\x0e\x80\xfa\xff\xff", 8);
	q.data = copy;
	q.at_ns -= q.at_ns % TICK_NS;
	put_usbpcap_old(user, &q);
	free(copy);
}

static void every_form_says_the_same(void **state)
{
	struct file usbmon = record(FULL, true), packets = record(FULL, false);
	struct told a = tell(usbmon.data, usbmon.size), b = tell(packets.data, packets.size), c;

	(void)state;
	assert_true(a.exchanges > 25 && a.answered + 1 == a.exchanges && a.resets == 1);
	assert_int_equal(a.findings + b.findings, 0);
	assert_int_equal(b.answered, b.exchanges); /* the enumeration is there, too */
	assert_true(b.naks > 0 && a.hash == b.hash && b.exchanges == a.exchanges && b.resets == 1);
	c = told_anew(&usbmon, (struct rewrite){ .link = MSC_LINK_USBMON_64 }, false, false,
		      put_qemu);
	same("QEMU", &a, &c);
	for (int form = 0; form < 4; form++) {
		bool ng = form & 1, big = form & 2;

		c = told_anew(&usbmon, (struct rewrite){ .link = MSC_LINK_USBMON_64 }, ng, big,
			      put_usbmon);
		same("usbmon, 64 bytes", &a, &c);
		c = told_anew(&usbmon, (struct rewrite){ .link = MSC_LINK_USBMON }, ng, big,
			      put_usbmon);
		same("usbmon, 48 bytes", &a, &c);
		c = told_anew(&usbmon, (struct rewrite){ .link = MSC_LINK_USBPCAP }, ng, big,
			      put_usbpcap);
		same("USBPcap", &a, &c);
		assert_false(c.facts.halves);
		c = told_anew(&usbmon, (struct rewrite){ .link = MSC_LINK_USBPCAP }, ng, big,
			      put_usbpcap_old);
		same("USBPcap before 1.4.1", &a, &c);
		assert_true(c.facts.halves && !c.facts.clock_step_ns);
		c = told_anew(&usbmon, (struct rewrite){ .link = MSC_LINK_USBPCAP }, ng, big,
			      put_usbpcap_ticks);
		same("USBPcap on Windows 7", &a, &c);
		assert_int_equal(c.facts.clock_step_ns, TICK_NS);
		assert_int_equal(c.facts.lost + c.facts.repeated, 0);
		c = told_anew(&packets, (struct rewrite){ .link = MSC_LINK_USB_FULL }, ng, big,
			      put_any);
		same("packets, full speed", &b, &c);
		c = told_anew(&packets, (struct rewrite){ .link = MSC_LINK_USB_2_0 }, ng, big,
			      put_any);
		same("packets, speed not said", &b, &c);
	}
	file_free(&usbmon);
	file_free(&packets);
}

/* Two buses and something else in one file: what libpcap refuses. */
static void a_file_has_many_interfaces(void **state)
{
	struct file full = record(FULL, false), high = record(HIGH, false), both;
	struct told a = tell(full.data, full.size), b = tell(high.data, high.size), c;
	struct rewrite r = { .w = write_begin(true, false), .last = SIZE_MAX };

	(void)state;
	write_interface(&r.w, 1, 65535);
	write_interface(&r.w, MSC_LINK_USB_FULL, 65535);
	write_interface(&r.w, MSC_LINK_USB_HIGH, 65535);
	write_packet(&r.w, 0, 0, (const uint8_t *)"ethernet", 8, 8);
	r.interface = 1;
	each_packet(&full, put_any, &r);
	r.interface = 2;
	each_packet(&high, put_any, &r);
	write_packet(&r.w, 7, 0, (const uint8_t *)"no such interface", 17, 17);
	both = write_end(&r.w);
	c = tell(both.data, both.size);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.exchanges, a.exchanges + b.exchanges);
	assert_int_equal(c.naks, a.naks + b.naks);
	assert_int_equal(c.facts.unknown_packets, 1);
	assert_int_equal(c.facts.unknown_link, 1);
	assert_int_equal(c.facts.talks, 2);
	assert_int_equal(c.findings, 0);
	file_free(&full);
	file_free(&high);
	file_free(&both);
}

/* ---- less than all ------------------------------------------------------------------------- */

static const struct {
	const char *target;
	bool transfers;
	uint16_t link;
} kinds[] = { { FULL, true, MSC_LINK_USBMON_64 },
	      { FULL, false, MSC_LINK_USB_FULL },
	      { HIGH, false, MSC_LINK_USB_HIGH } };

static void a_capture_begins_anywhere(void **state)
{
	(void)state;
	for (size_t k = 0; k < MSC_COUNT(kinds); k++) {
		struct file f = record(kinds[k].target, kinds[k].transfers);
		struct told whole = tell(f.data, f.size);
		size_t total = (size_t)whole.facts.packets, later = 0;

		for (size_t first = 0; first < total; first += 1 + total / 150) {
			struct told t = told_anew(
				&f, (struct rewrite){ .link = kinds[k].link, .first = first },
				false, false, put_any);

			if (t.findings || t.result < 0)
				fail_msg("from packet %zu of %zu: %s", first, total, t.rule);
			later += first > total / 4 && t.answered > 5;
		}
		assert_true(later > 10); /* so it is found by its traffic alone */
		file_free(&f);
	}
}

/* And so does one of halves: what was before the first of them is not known. */
static void halves_begin_anywhere(void **state)
{
	struct file f = record(FULL, true);
	struct told whole = tell(f.data, f.size);
	size_t total = (size_t)whole.facts.packets, later = 0;

	(void)state;
	for (size_t first = 0; first < total; first++) {
		struct rewrite r = { .link = MSC_LINK_USBPCAP, .first = first };
		struct told t = told_anew(&f, r, false, false, put_usbpcap_old);
		struct told ticks = told_anew(&f, r, false, false, put_usbpcap_ticks);

		if (t.findings + ticks.findings || t.result < 0 || ticks.result < 0)
			fail_msg("from packet %zu of %zu: %s%s", first, total, t.rule, ticks.rule);
		later += first > total / 4 && t.answered > 5 && ticks.answered > 5;
	}
	assert_true(later > 10);
	file_free(&f);
}

static void packets_may_be_missing(void **state)
{
	(void)state;
	for (size_t k = 0; k < MSC_COUNT(kinds); k++) {
		struct file f = record(kinds[k].target, kinds[k].transfers);

		for (size_t drop = 2; drop < 90; drop++) {
			struct told t = told_anew(
				&f, (struct rewrite){ .link = kinds[k].link, .drop = drop }, false,
				false, put_any);

			if (t.findings || t.result < 0)
				fail_msg("%s, without every %zuth packet: %s", kinds[k].target,
					 drop, t.rule);
		}
		file_free(&f);
	}
}

static void packets_may_be_cut(void **state)
{
	struct file f = record(FULL, true), p = record(FULL, false);
	struct told whole = tell(f.data, f.size);

	(void)state;
	for (size_t limit = 1; limit < 64 + 600; limit += limit < 120 ? 1 : 37) {
		struct told t = told_anew(
			&f, (struct rewrite){ .link = MSC_LINK_USBMON_64, .limit = limit }, true,
			false, put_any);

		if (t.findings || t.result < 0)
			fail_msg("usbmon cut to %zu bytes: %s", limit, t.rule);
		if (limit >= 64 + MSC_CBW_LEN) { /* the CBWs and CSWs are there */
			assert_int_equal(t.exchanges, whole.exchanges);
			assert_true(t.facts.cut > 0 || limit > 64 + 512);
		}
	}
	for (size_t limit = 1; limit < 67; limit++) {
		struct told t =
			told_anew(&p, (struct rewrite){ .link = MSC_LINK_USB_FULL, .limit = limit },
				  true, false, put_any);

		if (t.findings || t.result < 0)
			fail_msg("packets cut to %zu bytes: %s", limit, t.rule);
	}
	file_free(&f);
	file_free(&p);
}

static void a_file_may_end_anywhere(void **state)
{
	(void)state;
	for (size_t k = 0; k < MSC_COUNT(kinds); k++) {
		struct file f = record(kinds[k].target, kinds[k].transfers);
		size_t most = f.size < 9000 ? f.size : 9000, whole = 0;

		for (size_t size = 0; size < most; size++) {
			char *part = malloc(size ? size : 1); /* so that a reader past it is seen */
			struct told t;

			assert_non_null(part);
			memcpy(part, f.data, size);
			t = tell(part, size);
			if (t.findings)
				fail_msg("%zu bytes: %s", size, t.rule);
			if (t.result < 0)
				assert_true(t.err.code == MSC_E_FORMAT && *t.err.msg);
			whole += t.result == 0;
			free(part);
		}
		assert_true(whole > 10 && whole < most / 10); /* at the end of a packet */
		file_free(&f);
	}
}

/* ---- lies ---------------------------------------------------------------------------------- */

static void refused(const char *what, const void *data, size_t size, const char *word)
{
	struct told t = tell(data, size);

	if (t.result >= 0 || t.err.code != MSC_E_FORMAT || !strstr(t.err.msg, word))
		fail_msg("%s: %d, %s", what, t.result, t.err.msg);
}

static void what_is_no_capture_is_refused(void **state)
{
	struct file f = record(FULL, true);
	struct writer w = write_begin(true, false);
	struct file ng;

	(void)state;
	refused("nothing", "", 0, "empty");
	refused("text", "#!/bin/sh\necho no capture\n", 26, "no capture");
	refused("three bytes", "\xd4\xc3\xb2", 3, "no capture");
	refused("half a head", f.data, 20, "cut short");
	msc_put_le32((uint8_t *)f.data + 24 + 8, 0x7fffffff);
	refused("a packet of 2 GiB", f.data, f.size, "not to be believed");
	file_free(&f);
	write_interface(&w, MSC_LINK_USB_FULL, 65535);
	write_packet(&w, 0, 0, (const uint8_t *)"Z", 1, 1);
	ng = write_end(&w);
	for (unsigned length = 0; length < 12; length++) {
		msc_put_le32((uint8_t *)ng.data + ng.size - 36 + 4, length);
		refused("a block that is too short", ng.data, ng.size, "not to be believed");
	}
	file_free(&ng);
}

/* Any single byte may be wrong. */
static void no_byte_is_trusted(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	(void)state;
	for (size_t k = 0; k < MSC_COUNT(kinds); k++) {
		struct file f = record(kinds[k].target, kinds[k].transfers);
		size_t size = f.size < 6000 ? f.size : 6000;

		for (size_t at = 0; at < size; at++) {
			char was = f.data[at];

			f.data[at] = (char)values[at % MSC_COUNT(values)];
			tell(f.data, size);
			f.data[at] = was;
		}
		file_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_says_the_same),
		cmocka_unit_test(a_file_has_many_interfaces),
		cmocka_unit_test(a_capture_begins_anywhere),
		cmocka_unit_test(halves_begin_anywhere),
		cmocka_unit_test(packets_may_be_missing),
		cmocka_unit_test(packets_may_be_cut),
		cmocka_unit_test(a_file_may_end_anywhere),
		cmocka_unit_test(what_is_no_capture_is_refused),
		cmocka_unit_test(no_byte_is_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
