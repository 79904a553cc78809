/* SPDX-License-Identifier: BSD-2-Clause */
/* The registries of firmware models and faults, and what every model must do: enumerate, answer
 * INQUIRY, read and write its medium, at both speeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware_bench.h"
#include "judge/judge.h"

static bool is_name(const char *s)
{
	if (!*s || s[0] == '-' || s[strlen(s) - 1] == '-' || strstr(s, "--"))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s);
}

static bool is_line(const char *s)
{
	return s && *s && !strchr(s, '\n') && s[strlen(s) - 1] != '.';
}

static void firmware_registry(void **unused)
{
	(void)unused;
	assert_true(msc_firmware_count >= 2);
	for (size_t i = 0; i < msc_firmware_count; i++) {
		const struct msc_firmware *f = msc_firmwares[i];
		struct msc_err err = MSC_ERR_INIT;

		assert_true(is_name(f->name));
		assert_true(is_line(f->summary) && is_line(f->like) && is_line(f->expect));
		assert_true(f->state_size > 0);
		assert_ptr_equal(msc_firmware_find(f->name, &err), f);
		if (i)
			assert_true(strcmp(msc_firmwares[i - 1]->name, f->name) < 0);
		for (const struct msc_knob *k = f->knobs; k && k->name; k++)
			assert_true(is_name(k->name) && is_line(k->help));
	}
}

/* Each word names a rule. */
static void are_rules(const char *id, const char *words)
{
	char text[256] = "", *save = NULL;

	strncat(text, words, sizeof text - 1);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		struct msc_err err = MSC_ERR_INIT;

		if (!msc_rule_find(w, &err))
			fail_msg("fault %s: %s", id, err.msg);
	}
}

static void fault_registry(void **unused)
{
	/* two of one name would hide one another */
#define FAULT(name) +1
#define TABLE(name) +msc_table_##name.n
	size_t left =
#include "firmware/fault/fault.list"
		;
#undef FAULT
#undef TABLE

	(void)unused;
	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));) {
		struct msc_err err = MSC_ERR_INIT;

		if (!is_name(f->id) || !is_line(f->title) || (f->seen && !is_line(f->seen)) ||
		    !f->caught_by || !*f->caught_by)
			fail_msg("fault %s is not well described", f->id);
		are_rules(f->id, f->caught_by);
		assert_ptr_equal(msc_fault_find(f->id, &err), f);
		left--;
	}
	assert_int_equal(left, 0);
}

static void nearest_names(void **unused)
{
	struct msc_err err = MSC_ERR_INIT;

	(void)unused;
	assert_null(msc_firmware_find("refxrence", &err));
	assert_int_equal(err.code, MSC_E_USAGE);
	assert_non_null(strstr(err.msg, "'refxrence'"));
	assert_non_null(strstr(err.msg, "'reference'"));

	err = (struct msc_err)MSC_ERR_INIT;
	assert_null(msc_fault_find("residue-zeros", &err));
	assert_int_equal(err.code, MSC_E_USAGE);
	assert_non_null(strstr(err.msg, "'residue-zero'"));
}

/* -- every model at both speeds ---------------------------------------------------------------- */

struct model {
	const char *name, *knobs;
	uint16_t vendor, product;
	const char *inquiry; /* bytes 8 to 35 */
};

static const struct model models[] = {
	{"reference", NULL, 0x1209, 0x0001, "mscope  Reference Disk  1.00"},
	{"linux-gadget", "blocks=16384", 0x0525, 0xa4a5, "Linux   File-Stor Gadget0601"},
};

static void descriptors(struct bench *b, const struct model *model, enum msc_speed speed)
{
	const uint16_t packet = speed == MSC_SPEED_HIGH ? 512 : 64;
	const uint8_t get = MSC_REQTYPE_IN;
	struct msc_device_desc d;
	struct msc_config_desc c;
	struct msc_endpoint_desc e;
	uint8_t raw[64];
	size_t n;

	assert_int_equal(bench_control(b, get, MSC_STD_GET_DESCRIPTOR, MSC_DESC_DEVICE << 8, 0, 64,
				       raw, &n),
			 DONE);
	assert_int_equal(n, MSC_DEVICE_DESC_LEN);
	msc_device_desc_unpack(&d, raw);
	assert_int_equal(d.vendor, model->vendor);
	assert_int_equal(d.product, model->product);
	assert_int_equal(d.configurations, 1);

	assert_int_equal(bench_control(b, get, MSC_STD_GET_DESCRIPTOR, MSC_DESC_CONFIGURATION << 8,
				       0, 64, raw, &n),
			 DONE);
	msc_config_desc_unpack(&c, raw);
	assert_int_equal(n, 9 + 9 + 7 + 7);
	assert_int_equal(c.total_length, n);
	msc_endpoint_desc_unpack(&e, raw + 18);
	assert_int_equal(e.address, BENCH_IN);
	assert_int_equal(e.max_packet, packet);
	msc_endpoint_desc_unpack(&e, raw + 25);
	assert_int_equal(e.address, BENCH_OUT);
	assert_int_equal(e.max_packet, packet);

	/* strings: languages, one in UTF-16LE, one that does not exist */
	assert_int_equal(bench_control(b, get, MSC_STD_GET_DESCRIPTOR, MSC_DESC_STRING << 8, 0, 64,
				       raw, &n),
			 DONE);
	assert_memory_equal(raw, "\x04\x03\x09\x04", 4);
	assert_int_equal(bench_control(b, get, MSC_STD_GET_DESCRIPTOR, MSC_DESC_STRING << 8 | 3,
				       0x0409, 64, raw, &n),
			 DONE);
	assert_int_equal(raw[0], n);
	assert_true(n % 2 == 0 && raw[3] == 0);
	assert_int_equal(bench_control(b, get, MSC_STD_GET_DESCRIPTOR, MSC_DESC_STRING << 8 | 9,
				       0x0409, 64, raw, &n),
			 STALLED);
}

static void status_requests(struct bench *b)
{
	const uint8_t get = MSC_REQTYPE_IN;
	uint8_t raw[8];
	size_t n;

	assert_int_equal(bench_control(b, get, MSC_STD_GET_CONFIGURATION, 0, 0, 1, raw, &n), DONE);
	assert_int_equal(raw[0], 1);
	assert_int_equal(bench_control(b, get | MSC_RECIPIENT_ENDPOINT, MSC_STD_GET_STATUS, 0,
				       BENCH_IN, 2, raw, &n),
			 DONE);
	assert_int_equal(raw[0], 0);
	assert_int_equal(bench_control(b, MSC_RECIPIENT_ENDPOINT, MSC_STD_SET_FEATURE, 0, BENCH_IN,
				       0, NULL, NULL),
			 DONE);
	assert_int_equal(bench_control(b, get | MSC_RECIPIENT_ENDPOINT, MSC_STD_GET_STATUS, 0,
				       BENCH_IN, 2, raw, &n),
			 DONE);
	assert_int_equal(raw[0], 1);
	bench_clear_halt(b, BENCH_IN);
	assert_int_equal(bench_control(b, get | MSC_RECIPIENT_ENDPOINT, MSC_STD_GET_STATUS, 0,
				       BENCH_IN, 2, raw, &n),
			 DONE);
	assert_int_equal(raw[0], 0);
	/* an endpoint that does not exist, a vendor request, an unknown one */
	assert_int_equal(bench_control(b, get | MSC_RECIPIENT_ENDPOINT, MSC_STD_GET_STATUS, 0, 0x85,
				       2, raw, &n),
			 STALLED);
	assert_int_equal(bench_control(b, 0xc0, 0x01, 0, 0, 2, raw, &n), STALLED);
	assert_int_equal(bench_control(b, get, 0x33, 0, 0, 2, raw, &n), STALLED);
}

static void class_requests(struct bench *b)
{
	static const struct {
		uint8_t type, request;
		uint16_t value, index, length;
		enum bench_outcome outcome;
	} rows[] = {
		{0xa1, MSC_REQ_GET_MAX_LUN, 0, 0, 1, DONE},
		{0xa1, MSC_REQ_GET_MAX_LUN, 1, 0, 1, STALLED},
		{0xa1, MSC_REQ_GET_MAX_LUN, 0, 1, 1, STALLED},
		{0xa1, MSC_REQ_GET_MAX_LUN, 0, 0, 2, STALLED},
		{0xa1, MSC_REQ_GET_MAX_LUN, 0, 0, 1, DONE},
		{0x21, MSC_REQ_BULK_ONLY_RESET, 1, 0, 0, STALLED},
		{0x21, MSC_REQ_BULK_ONLY_RESET, 0, 1, 0, STALLED},
		{0x21, MSC_REQ_BULK_ONLY_RESET, 0, 0, 1, STALLED},
		{0x21, MSC_REQ_BULK_ONLY_RESET, 0, 0, 0, DONE},
		{0x20, MSC_REQ_BULK_ONLY_RESET, 0, 0, 0, STALLED},
	};
	uint8_t raw[8] = { 0xee };

	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		if (bench_control(b, rows[i].type, rows[i].request, rows[i].value, rows[i].index,
				  rows[i].length, raw, NULL) != rows[i].outcome)
			fail_msg("class request of row %zu was not answered as it should", i);
	assert_int_equal(raw[0], 0);
}

/* Blocks that differ, written in one piece and read in another. */
static void medium(struct bench *b)
{
	static const uint8_t write[10] = { MSC_OP_WRITE_10, 0, 0, 0, 0, 7, 0, 0, 100, 0 };
	static const uint8_t read[10] = { MSC_OP_READ_10, 0, 0, 0, 0, 8, 0, 0, 98, 0 };
	uint8_t *out = malloc(100 * 512), *in = malloc(98 * 512);
	struct bench_result r;

	for (size_t i = 0; i < 100 * 512; i++)
		out[i] = (uint8_t)(i * 7 + i / 512);
	r = bench_command(b, 0, write, sizeof write, false, 100 * 512, out);
	assert_true(r.have_csw && r.status == 0 && r.residue == 0 && !r.stalled_out);
	r = bench_command(b, 0, read, sizeof read, true, 98 * 512, in);
	assert_true(r.have_csw && r.status == 0 && r.residue == 0 && !r.stalled_in);
	assert_int_equal(r.moved, 98 * 512);
	assert_memory_equal(in, out + 512, 98 * 512);
	free(out);
	free(in);
}

static void attention(struct bench *b)
{
	static const uint8_t tur[6] = { MSC_OP_TEST_UNIT_READY };
	static const uint8_t inquiry[6] = { MSC_OP_INQUIRY, 0, 0, 0, 36, 0 };

	assert_int_equal(bench_command(b, 0, inquiry, 6, true, 36, NULL).status, 0);
	assert_int_equal(bench_command(b, 0, tur, 6, false, 0, NULL).status, 1);
	assert_int_equal(bench_sense(b, 0), 0x062900);
	assert_int_equal(bench_sense(b, 0), 0);
	assert_int_equal(bench_command(b, 0, tur, 6, false, 0, NULL).status, 0);
}

static void every_model(void **unused)
{
	static const uint8_t inquiry[6] = { MSC_OP_INQUIRY, 0, 0, 0, 36, 0 };
	static const enum msc_speed speeds[] = { MSC_SPEED_FULL, MSC_SPEED_HIGH };

	(void)unused;
	for (size_t i = 0; i < 2 * MSC_COUNT(models); i++) {
		const struct model *model = &models[i / 2];
		struct bench_result r;
		uint8_t raw[36];
		struct bench b;

		bench_open(&b, model->name, model->knobs, speeds[i % 2], NULL);
		descriptors(&b, model, speeds[i % 2]);
		status_requests(&b);
		attention(&b);
		r = bench_command(&b, 0, inquiry, 6, true, 36, raw);
		assert_true(r.have_csw && r.status == 0 && r.residue == 0);
		assert_memory_equal(raw + 8, model->inquiry, 28);
		class_requests(&b);
		medium(&b);
		bench_close(&b);
	}
}

/* Blocks so many powers of two apart are each unlike the others. */
static void noise_does_not_repeat(void **state)
{
	static uint8_t seen[34][512];
	struct bench b;

	(void)state;
	bench_open(&b, "reference", "blocks=6442450944,fill=noise", MSC_SPEED_HIGH, NULL);
	bench_settle(&b);
	for (unsigned n = 0; n < 34; n++) {
		uint8_t cb[16] = { MSC_OP_READ_16, [13] = 1 };

		msc_put_be64(cb + 2, n ? UINT64_C(1) << (n - 1) : 0);
		assert_int_equal(bench_command(&b, 0, cb, sizeof cb, true, 512, seen[n]).status,
				 MSC_CSW_PASSED);
		for (unsigned k = 0; k < n; k++)
			assert_memory_not_equal(seen[n], seen[k], 512);
	}
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise_does_not_repeat),
		cmocka_unit_test(firmware_registry),
		cmocka_unit_test(fault_registry),
		cmocka_unit_test(nearest_names),
		cmocka_unit_test(every_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
