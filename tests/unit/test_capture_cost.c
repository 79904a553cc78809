/* SPDX-License-Identifier: BSD-2-Clause */
/* What a capture costs: reading, assembling and judging three times as many packets allocates no more
 * than reading them once, however many there are of them and whatever a transfer holds. */
/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "capture_bench.h"
#include "judge/judge.h"
#include "wire/packet.h"

#define FIRST 4 /* of the READs, so that what is learned once has been */
#define LAST  8 /* four of them, of 1, 6, 11 and 16 blocks: toggles end as they began */

static size_t allocations;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	allocations++;
	return __real_realloc(p, size);
}

/* ---- a longer capture ---------------------------------------------------------------------- */

struct part {
	struct writer w;
	bool transfers;
	size_t from, to; /* packets that are written */
	int64_t later_ns;
	/* found out in a first pass */
	size_t n, reads, begin[LAST + 1];
	int64_t at_ns[LAST + 1];
};

static bool is_read(const struct part *part, const struct msc_packet *p)
{
	size_t head = part->transfers ? 64 : 1;

	return p->kept >= head + MSC_CBW_LEN && !memcmp(p->data + head, "USBC", 4) &&
	       p->data[head + 15] == MSC_OP_READ_10;
}

static void find(void *user, const struct msc_packet *p)
{
	struct part *part = user;

	if (is_read(part, p) && part->reads <= LAST) {
		part->begin[part->reads] = part->n - (part->transfers ? 0 : 1); /* its token */
		part->at_ns[part->reads++] = p->at_ns;
	}
	part->n++;
}

static void put(void *user, const struct msc_packet *p)
{
	struct part *part = user;
	size_t n = part->n++;

	if (n >= part->from && n < part->to)
		write_packet(&part->w, 0, p->at_ns + part->later_ns, p->data, p->kept, p->len);
}

static void write_part(struct part *part, const struct file *f, size_t from, size_t to,
		       int64_t later_ns)
{
	part->from = from;
	part->to = to;
	part->later_ns = later_ns;
	part->n = 0;
	each_packet(f, put, part);
}

/* The beginning, and then the same READs so many times. */
static struct file repeated(const struct file *f, uint16_t link, bool transfers, int times)
{
	struct part part = { .transfers = transfers };
	int64_t period_ns;

	each_packet(f, find, &part);
	assert_true(part.reads > LAST);
	period_ns = part.at_ns[LAST] - part.at_ns[FIRST];
	part.w = write_begin(false, false);
	write_interface(&part.w, link, 65535);
	write_part(&part, f, 0, part.begin[FIRST], 0);
	for (int i = 0; i < times; i++)
		write_part(&part, f, part.begin[FIRST], part.begin[LAST], i * period_ns);
	return write_end(&part.w);
}

/* ---- reading it ---------------------------------------------------------------------------- */

struct count {
	size_t exchanges, answered, findings;
};

static void on_record(void *user, const struct msc_talk *talk, const struct msc_record *r)
{
	struct msc_findings found = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	struct count *c = user;

	(void)talk;
	assert_int_equal(msc_judge(r, MSC_PROFILE_USBIF, &found, &err), 0);
	c->findings += found.count;
	msc_findings_clear(&found);
	if (r->kind != MSC_RECORD_EXCHANGE)
		return;
	c->exchanges++;
	c->answered += r->u.exchange.answered;
}

static size_t cost_of(const struct file *f, struct count *c)
{
	const struct msc_capture_options o = { .record = on_record, .user = c };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_capture *capture;
	size_t before = allocations;
	bool over = false;

	*c = (struct count){ 0 };
	capture = msc_capture_of(f->data, f->size, &o, &err);
	assert_non_null(capture);
	while (!over)
		assert_int_equal(msc_capture_read(capture, 1000, &over, &err), 0);
	msc_capture_close(capture);
	return allocations - before;
}

static void nothing_is_allocated_for_a_packet(const char *target, uint16_t link, bool transfers)
{
	struct file whole = record(target, transfers);
	struct file some = repeated(&whole, link, transfers, 10);
	struct file more = repeated(&whole, link, transfers, 30);
	struct count few, many;
	size_t once = cost_of(&some, &few), thrice = cost_of(&more, &many);

	assert_int_equal(many.exchanges - few.exchanges, 20 * (LAST - FIRST));
	assert_int_equal(many.answered - few.answered, 20 * (LAST - FIRST));
	assert_int_equal(few.findings + many.findings, 0);
	assert_true(once > 0);
	assert_int_equal(once, thrice);
	file_free(&whole);
	file_free(&some);
	file_free(&more);
}

static void transfers(void **state)
{
	(void)state;
	nothing_is_allocated_for_a_packet("sim:reference", MSC_LINK_USBMON_64, true);
}

static void packets(void **state)
{
	(void)state;
	nothing_is_allocated_for_a_packet("sim:reference,speed=full,host=uhci", MSC_LINK_USB_FULL,
					  false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfers),
		cmocka_unit_test(packets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
