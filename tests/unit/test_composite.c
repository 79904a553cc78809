/* SPDX-License-Identifier: BSD-2-Clause */
/* sim:reference,composite=1: mass storage is interface 1, behind one that has nothing to do with it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "report/report.h"
#include "run/run.h"
#include "session/session.h"

#define HELLO 0xc1, 0x01 /* a vendor's request to an interface */

struct bench {
	struct msc_target *target;
	struct msc_session *session;
};

static void open_bench(struct bench *b, const char *name)
{
	const struct msc_session_options options = { .timeout_ns = MSC_S,
						     .allow_writes = true,
						     .allow_unsafe = true };
	const struct msc_open_options open = { .allow_writes = false };
	struct msc_err err = MSC_ERR_INIT;

	b->target = msc_target_open(name, &open, &err);
	if (!b->target)
		fail_msg("%s: %s", name, err.msg);
	b->session = msc_session_new(b->target, &options);
	assert_non_null(b->session);
}

static void close_bench(struct bench *b)
{
	msc_session_free(b->session);
	msc_target_close(b->target);
}

static const struct msc_control *control(struct bench *b, uint8_t type, uint8_t request,
					 uint16_t index, uint16_t length)
{
	const struct msc_setup setup = {
		.request_type = type, .request = request, .index = index, .length = length };
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *r;

	if (msc_session_control(b->session, &setup, NULL, &r, &err))
		fail_msg("%s", err.msg);
	return &r->u.control;
}

static void alive(struct bench *b)
{
	const struct msc_control *c = control(b, HELLO, 0, 8);

	assert_int_equal(c->outcome, MSC_OUT_DONE);
	assert_int_equal(c->data_len, 5);
	assert_memory_equal(c->data, "alive", 5);
}

static void the_interface_is_found(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference,composite=1");
	assert_int_equal(b.target->device.interface_number, 1);
	assert_int_equal(b.target->device.ep_in, 0x81);
	assert_int_equal(b.target->device.ep_out, 0x02);
	assert_int_equal(msc_device_sibling(&b.target->device), 0);
	close_bench(&b);
	open_bench(&b, "sim:reference");
	assert_int_equal(b.target->device.interface_number, 0);
	assert_int_equal(msc_device_sibling(&b.target->device), 0);
	close_bench(&b);
}

static void requests_go_where_they_are_sent(void **state)
{
	static const struct {
		uint8_t type, request;
		uint16_t index, length;
		enum msc_outcome outcome;
	} rows[] = {
		{ 0xa1, 0xfe, 1, 1, MSC_OUT_DONE },  { 0xa1, 0xfe, 0, 1, MSC_OUT_STALL },
		{ 0xa1, 0xfe, 2, 1, MSC_OUT_STALL }, { 0xa1, 0xfe, 0x101, 1, MSC_OUT_STALL },
		{ 0x21, 0xff, 1, 0, MSC_OUT_DONE },  { 0x21, 0xff, 0, 0, MSC_OUT_STALL },
		{ HELLO, 0, 8, MSC_OUT_DONE },	     { HELLO, 1, 8, MSC_OUT_STALL },
		{ 0x81, 0x00, 0, 2, MSC_OUT_DONE },  { 0x81, 0x00, 1, 2, MSC_OUT_DONE },
		{ 0x81, 0x00, 2, 2, MSC_OUT_STALL },
	};
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference,composite=1");
	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		if (control(&b, rows[i].type, rows[i].request, rows[i].index, rows[i].length)
			    ->outcome != rows[i].outcome)
			fail_msg("row %zu", i);
	close_bench(&b);
	open_bench(&b, "sim:reference");
	assert_int_equal(control(&b, HELLO, 0, 8)->outcome, MSC_OUT_STALL);
	close_bench(&b);
}

static void the_other_interface_goes_on(void **state)
{
	static const uint8_t tur[16] = { 0 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_request rq;
	struct bench b;

	(void)state;
	open_bench(&b, "sim:reference,composite=1");
	alive(&b);
	msc_request_init(&rq, tur, 6, MSC_DIR_NONE, 0);
	rq.in_len = 0;
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), 0);
	alive(&b); /* a CSW is waiting */
	rq.wrapper_len = 30;
	assert_int_equal(msc_session_reset_recovery(b.session, NULL, &err), 0);
	alive(&b);
	assert_int_equal(msc_session_exchange(b.session, &rq, NULL, &err), 0);
	alive(&b); /* both bulk endpoints are halted */
	assert_int_equal(msc_session_configure(b.session, NULL, &err), 0);
	alive(&b);
	close_bench(&b);
}

/* ---- where the kernel keeps the other interface for itself --------------------------------------- */

static const struct msc_transport *behind;

static int refuse_sibling(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	if (!x->ep && x->setup.request_type & MSC_RECIPIENT_INTERFACE && !x->setup.index)
		return msc_fail(err, MSC_E_UNSUPPORTED, "refused");
	return behind->submit(t, x, err);
}

struct tally {
	unsigned skipped, others;
};

static void count(void *user, const struct msc_event *ev)
{
	struct tally *n = user;

	if (ev->kind != MSC_EV_CASE_END)
		return;
	if (ev->verdict == MSC_VERDICT_SKIP && strstr(ev->reason, "refused"))
		n->skipped++;
	else
		n->others++;
}

/* A driver is bound to it: usbfs lets no class request through. What was begun before that is no fault of
 * the device's. */
static void what_cannot_be_asked_is_skipped(void **state)
{
	const char *which = "usb.composite.reset-*";
	const struct msc_open_options open = { .allow_writes = false };
	struct msc_scenarios all = { NULL }, chosen = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_summary summary = { .device_ns = 0 };
	struct msc_transport refusing;
	struct msc_target *t;
	struct tally n = { 0, 0 };
	const struct msc_run_options options = { .event = count,
						 .user = &n,
						 .profile = MSC_PROFILE_SPEC };

	(void)state;
	t = msc_target_open("sim:reference,composite=1", &open, &err);
	assert_non_null(t);
	behind = t->transport;
	refusing = *behind;
	refusing.submit = refuse_sibling;
	t->transport = &refusing;
	assert_int_equal(msc_scenarios_load_embedded(&all, &err), 0);
	assert_int_equal(msc_select(&all, &which, 1, &chosen, &err), 0);
	assert_int_equal(msc_run(t, &chosen, &options, &summary, &err), 0);
	assert_true(n.skipped > 0);
	assert_int_equal(n.others, 0);
	t->transport = behind;
	free(chosen.list);
	msc_scenarios_free(&all);
	msc_target_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interface_is_found),
		cmocka_unit_test(requests_go_where_they_are_sent),
		cmocka_unit_test(the_other_interface_goes_on),
		cmocka_unit_test(what_cannot_be_asked_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
