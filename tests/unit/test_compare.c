/* SPDX-License-Identifier: BSD-2-Clause */
/* What is compared, what is refused, and which verdict comes of which samples. How often a verdict
 * is wrong is test_gate.c's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "timing/compare.h"

#define MS 1e6

static struct msc_bench new_bench(void)
{
	struct msc_bench b = { .clock = "libusb" };

	strcpy(b.device.name, "usb:0525:a4a5");
	strcpy(b.device.serial, "123456");
	strcpy(b.device.host, "xhci_hcd");
	strcpy(b.host.system, "Linux 6.1");
	strcpy(b.host.cpu, "a processor");
	b.device.speed = MSC_SPEED_HIGH;
	b.device.desc.vendor = 0x0525;
	b.device.desc.product = 0xa4a5;
	return b;
}

static struct msc_bench_run *add(struct msc_bench *b, uint32_t blocks)
{
	const struct msc_bench_run like = { .blocks = blocks, .block_size = 512 };
	struct msc_err err = MSC_ERR_INIT;

	return msc_bench_add_run(b, &like, &err);
}

static void put(struct msc_bench_run *r, double ns)
{
	const struct msc_bench_sample sample = { .ns = (int64_t)ns };
	struct msc_err err = MSC_ERR_INIT;

	assert_int_equal(msc_bench_add_sample(r, &sample, &err), 0);
}

/* Values from -1 to 1 that look like noise. */
static double noise(struct msc_rng *rng)
{
	return (double)msc_rng_below(rng, 20001) / 10000 - 1;
}

/* ---- comparable? ------------------------------------------------------------------------------- */

static void other_speed(struct msc_bench *b)
{
	b->device.speed = MSC_SPEED_FULL;
}

static void other_product(struct msc_bench *b)
{
	b->device.desc.product = 1;
}

static void other_serial(struct msc_bench *b)
{
	strcpy(b->device.serial, "99");
}

static void other_controller(struct msc_bench *b)
{
	strcpy(b->device.host, "uhci_hcd");
}

static void other_cpu(struct msc_bench *b)
{
	strcpy(b->host.cpu, "another");
}

static void other_clock(struct msc_bench *b)
{
	strcpy(b->clock, "usbmon");
}

static void other_payload(struct msc_bench *b)
{
	b->pattern_known = true;
	b->pattern = 0xff;
}

static void other_size(struct msc_bench *b)
{
	b->run[0].blocks = 8;
}

static void other_block_size(struct msc_bench *b)
{
	b->run[0].block_size = 4096;
}

static void other_op(struct msc_bench *b)
{
	b->run[0].op = MSC_BENCH_WRITE;
}

static void other_mode(struct msc_bench *b)
{
	b->run[0].mode = MSC_BENCH_QUEUED;
}

static void other_order(struct msc_bench *b)
{
	b->run[0].order = MSC_BENCH_RANDOM;
}

static void cut_short(struct msc_bench *b)
{
	strcpy(b->failure, "usb:0525:a4a5: the device has left");
}

static void simulated(struct msc_bench *b)
{
	b->device.simulated = true;
}

static const struct {
	void (*change)(struct msc_bench *);
	const char *message; /* NULL: comparable */
	bool runs_differ;    /* then there is nothing to compare, forced or not */
} rows[] = {
	{ other_speed, "not comparable: different speeds: high and full", false },
	{ other_product, "not comparable: different devices: 0525:a4a5 and 0525:0001", false },
	{ other_serial, "not comparable: different devices: serial numbers '123456' and '99'",
	  false },
	{ other_controller, "not comparable: different host controllers: 'xhci_hcd' and 'uhci_hcd'",
	  false },
	{ other_cpu, "not comparable: different hosts: 'a processor' and 'another'", false },
	{ other_clock, "not comparable: different clocks: libusb and usbmon", false },
	{ other_payload,
	  "not comparable: different payloads: all bytes 00h, all bytes ffh", false },
	{ other_size,
	  "not comparable: read/serial/1 with 512 bytes a block is only in the base, and more",
	  true },
	{ other_block_size,
	  "not comparable: read/serial/1 with 512 bytes a block is only in the base, and more",
	  true },
	{ other_op,
	  "not comparable: read/serial/1 with 512 bytes a block is only in the base, and more",
	  true },
	{ other_mode,
	  "not comparable: read/serial/1 with 512 bytes a block is only in the base, and more",
	  true },
	{ other_order,
	  "not comparable: read/serial/1 with 512 bytes a block is only in the base, and more",
	  true },
	{ cut_short,
	  "not comparable: the new one is not whole: usb:0525:a4a5: the device has left", false },
	{ simulated, "not comparable: different devices: usb:0525:a4a5 and usb:0525:a4a5", false },
};

static void what_differs_is_refused_unless_forced(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		struct msc_compare_options o = { .threshold = 0.05 };
		struct msc_bench a = new_bench(), b = new_bench();
		struct msc_err err = MSC_ERR_INIT;
		struct msc_comparison c;

		a.pattern_known = b.pattern_known = true;
		for (int k = 0; k < 20; k++) {
			put(a.n_runs ? a.run : add(&a, 1), 3 * MS);
			put(b.n_runs ? b.run : add(&b, 1), 3 * MS);
		}
		rows[i].change(&b);
		assert_int_equal(msc_compare(&a, &b, &o, &c, &err), -1);
		assert_int_equal(err.code, MSC_E_UNDECIDED);
		assert_string_equal(err.msg, rows[i].message);
		msc_comparison_free(&c);

		err = (struct msc_err)MSC_ERR_INIT;
		o.force = true;
		assert_int_equal(msc_compare(&a, &b, &o, &c, &err), rows[i].runs_differ ? -1 : 0);
		if (rows[i].runs_differ)
			assert_string_equal(err.msg, "the two have no run in common");
		else
			assert_string_equal(c.different[0], rows[i].message + 16);
		msc_comparison_free(&c);
		msc_bench_free(&a);
		msc_bench_free(&b);
	}
}

static void a_build_of_the_same_device_is_comparable(void **state)
{
	struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_bench a = new_bench(), b = new_bench();
	struct msc_err err = MSC_ERR_INIT;
	struct msc_comparison c;

	(void)state;
	a.device.simulated = b.device.simulated = true;
	strcpy(a.device.name, "sim:stm32,stage=double");
	strcpy(b.device.name, "sim:stm32,stage=yield");
	b.device.desc.release = 0x200;
	strcpy(b.host.system, "Linux 6.2");
	put(add(&a, 1), 1);
	put(add(&b, 1), 1);
	assert_int_equal(msc_compare(&a, &b, &o, &c, &err), 0);
	assert_string_equal(c.note, "the host's system is another: Linux 6.1, then Linux 6.2");
	msc_comparison_free(&c);
	strcpy(b.device.name, "sim:stm32x");
	assert_int_equal(msc_compare_devices(&a.device, &b.device, &err), -1);
	assert_string_equal(err.msg,
			    "not comparable: different devices: sim:stm32,stage=double and "
			    "sim:stm32x");
	msc_bench_free(&a);
	msc_bench_free(&b);
}

/* ---- verdicts ---------------------------------------------------------------------------------- */

/* One run each, with n samples around the levels. */
static void compare(struct msc_compare_run *result, size_t na, double a_ns, size_t nb, double b_ns,
		    double wide, double threshold)
{
	const struct msc_compare_options o = { .threshold = threshold };
	struct msc_bench a = new_bench(), b = new_bench();
	struct msc_bench_run *ra = add(&a, 1), *rb = add(&b, 1);
	struct msc_rng rng = { .state = 9 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_comparison c;

	for (size_t i = 0; i < na; i++)
		put(ra, a_ns * (1 + wide * noise(&rng)));
	for (size_t i = 0; i < nb; i++)
		put(rb, b_ns * (1 + wide * noise(&rng)));
	assert_int_equal(msc_compare(&a, &b, &o, &c, &err), 0);
	*result = c.run[0];
	assert_int_equal(result->is.change, msc_comparison_verdict(&c));
	result->base = result->new = NULL;
	msc_comparison_free(&c);
	msc_bench_free(&a);
	msc_bench_free(&b);
}

static void verdicts(void **state)
{
	static const struct {
		size_t na, nb;
		double b_ms, wide, threshold;
		enum msc_change change;
		const char *reason;
	} table[] = {
		{ 50, 50, 3.0, 0.03, 0.05, MSC_CHANGE_NONE, "" },
		{ 50, 50, 3.3, 0.03, 0.05, MSC_CHANGE_SLOWER, "" },
		{ 50, 50, 3.3, 0.03, 0.20, MSC_CHANGE_NONE, "" },
		{ 50, 50, 2.7, 0.03, 0.05, MSC_CHANGE_FASTER, "" },
		{ 50, 80, 3.3, 0.03, 0.05, MSC_CHANGE_SLOWER, "" },
		{ 50, 50, 3.0, 0, 0.05, MSC_CHANGE_NONE, "" },	 /* a simulated device */
		{ 50, 50, 3.16, 0, 0.05, MSC_CHANGE_SLOWER, "" },
		{ 50, 50, 3.14, 0, 0.05, MSC_CHANGE_NONE, "" },
		{ 6, 6, 3.3, 0.03, 0.05, MSC_CHANGE_SLOWER, "" },
		{ 6, 6, 6.0, 0.1, 0.05, MSC_CHANGE_UNKNOWN,
		  "not enough data: the times lie far apart, and 6 samples are too few to average; "
		  "40 of each would do" },
		{ 0, 50, 3.0, 0.03, 0.05, MSC_CHANGE_UNKNOWN,
		  "not enough data: no samples in the base" },
		{ 50, 0, 3.0, 0.03, 0.05, MSC_CHANGE_UNKNOWN,
		  "not enough data: no samples in the new one" },
		{ 1, 1, 6.0, 0.03, 0.05, MSC_CHANGE_UNKNOWN,
		  "not enough data: 1 and 1 samples allow no interval of 99 %; "
		  "about 5 of each would do" },
		{ 1, 50, 6.0, 0.03, 0.05, MSC_CHANGE_UNKNOWN,
		  "not enough data: 1 and 50 samples allow no interval of 99 %; "
		  "about 5 of each would do" },
		{ 4, 4, 6.0, 0, 0.05, MSC_CHANGE_UNKNOWN,
		  "not enough data: 4 and 4 samples allow no interval of 99 %; "
		  "about 5 of each would do" },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(table); i++) {
		struct msc_compare_run r;

		compare(&r, table[i].na, 3 * MS, table[i].nb, table[i].b_ms * MS, table[i].wide,
			table[i].threshold);
		assert_string_equal(r.is.reason, table[i].reason);
		assert_int_equal(r.is.change, table[i].change);
		if (r.is.change == MSC_CHANGE_UNKNOWN || !table[i].na)
			continue;
		assert_true(r.is.low <= r.is.shift && r.is.shift <= r.is.high);
		assert_true(fabs(r.is.shift - (table[i].b_ms / 3 - 1)) < 0.02);
		assert_true(fabs(r.is.confidence - 0.99) < 1e-12);
	}
}

static void noise_wider_than_the_threshold_allows_no_verdict(void **state)
{
	struct msc_compare_run r;

	(void)state;
	compare(&r, 20, 3 * MS, 20, 3.2 * MS, 0.2, 0.05);
	assert_int_equal(r.is.change, MSC_CHANGE_UNKNOWN);
	assert_memory_equal(r.is.reason, "not enough data: the ", 21);
	compare(&r, 500, 3 * MS, 500, 3.0 * MS, 0.2, 0.05); /* more of the same does */
	assert_int_equal(r.is.change, MSC_CHANGE_NONE);
	compare(&r, 20, 3 * MS, 20, 6 * MS, 0.02, 0.05); /* and so does a large difference */
	assert_int_equal(r.is.change, MSC_CHANGE_SLOWER);
}

/* Whole frames: 3 or 4 ms, the new one more often 4. The median of all differences is 0. */
static void clumps_are_averaged(void **state)
{
	const struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_bench a = new_bench(), b = new_bench();
	struct msc_bench_run *ra = add(&a, 1), *rb = add(&b, 1);
	struct msc_rng rng = { .state = 4 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_comparison c;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		put(ra, msc_rng_below(&rng, 100) < 30 ? 4 * MS : 3 * MS);
		put(rb, msc_rng_below(&rng, 100) < 68 ? 4 * MS : 3 * MS);
	}
	assert_int_equal(msc_compare(&a, &b, &o, &c, &err), 0);
	assert_in_range(c.run[0].is.group, 13, 14); /* a third of the median, by half of 5 % */
	assert_int_equal(c.run[0].is.change, MSC_CHANGE_SLOWER);
	assert_true(fabs(c.run[0].is.shift - 0.115) < 0.03);
	msc_comparison_free(&c);
	msc_bench_free(&a);
	msc_bench_free(&b);
}

/* Ten means of each, whose neighbours happen to resemble each other; the samples in them do not. */
static void ten_means_do_not_tell_a_memory(void **state)
{
	static const unsigned base[] = { 6, 6, 6, 7, 7, 7, 5, 5, 5, 5 },
			      later[] = { 5, 5, 6, 6, 7, 7, 7, 7, 6, 6 };
	const struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_bench a = new_bench(), b = new_bench();
	struct msc_bench_run *ra = add(&a, 1), *rb = add(&b, 1);
	struct msc_err err = MSC_ERR_INIT;
	struct msc_comparison c;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		put(ra, i * 3 % 10 < base[i / 10] ? 4 * MS : 3 * MS);
		put(rb, (i * 3 + 4) % 10 < later[i / 10] ? 4 * MS : 3 * MS);
	}
	assert_int_equal(msc_compare(&a, &b, &o, &c, &err), 0);
	assert_int_equal(c.run[0].is.group, 10);
	assert_true(c.run[0].is.memory < 1.01);
	assert_int_equal(c.run[0].is.change, MSC_CHANGE_NONE);
	msc_comparison_free(&c);
	msc_bench_free(&a);
	msc_bench_free(&b);
}

static void drift_is_noticed(void **state)
{
	const struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_bench a = new_bench(), b = new_bench();
	struct msc_bench_run *ra = add(&a, 1), *rb = add(&b, 1);
	struct msc_rng rng = { .state = 4 };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_comparison c;

	(void)state;
	for (int i = 0; i < 100; i++) {
		put(ra, 3 * MS * (1 + 0.03 * noise(&rng)));
		put(rb, 3 * MS * (1 + 0.03 * noise(&rng) + i / 100.0 * 0.30));
	}
	assert_int_equal(msc_compare(&a, &b, &o, &c, &err), 0);
	assert_false(c.run[0].is.base_drifts);
	assert_true(c.run[0].is.later_drifts);
	assert_true(fabs(c.run[0].is.later_drift - 0.2) < 0.03);
	assert_true(c.run[0].is.memory > 5);
	assert_int_equal(c.run[0].is.change, MSC_CHANGE_UNKNOWN);
	msc_comparison_free(&c);
	msc_bench_free(&a);
	msc_bench_free(&b);
}

/* The share of false alarms is that of the whole, however many runs there are. */
static void many_runs_share_the_false_alarms(void **state)
{
	const struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_bench a = new_bench(), b = new_bench();
	struct msc_err err = MSC_ERR_INIT;
	struct msc_comparison c;

	(void)state;
	for (uint32_t blocks = 1; blocks <= 10; blocks++) {
		struct msc_bench_run *ra = add(&a, blocks), *rb = add(&b, blocks);

		for (int i = 0; i < 6; i++) {
			put(ra, 3 * MS + i);
			put(rb, (blocks == 10 ? 4 : 3) * MS + i);
		}
	}
	assert_int_equal(msc_compare(&a, &b, &o, &c, &err), 0);
	assert_true(fabs(c.run[0].is.confidence - 0.999) < 1e-12);
	assert_int_equal(c.run[9].is.change, MSC_CHANGE_UNKNOWN); /* 6 and 6 allow 99.8 % at most */
	msc_comparison_free(&c);
	msc_bench_free(&a);
	msc_bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_refused_unless_forced),
		cmocka_unit_test(a_build_of_the_same_device_is_comparable),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(noise_wider_than_the_threshold_allows_no_verdict),
		cmocka_unit_test(clumps_are_averaged),
		cmocka_unit_test(ten_means_do_not_tell_a_memory),
		cmocka_unit_test(drift_is_noticed),
		cmocka_unit_test(many_runs_share_the_false_alarms),
	};

	return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
