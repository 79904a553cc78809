/* SPDX-License-Identifier: BSD-2-Clause */
/* Every report format on one fixed stream of events, full of nasty strings, against golden files
 * in tests/unit/golden (MSC_GOLDEN_UPDATE=1 writes them anew); and what the formats share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#include <cmocka.h>

#define NASTY \
	"<b a='1'>\"&amp;]]></b> # \\ \t\n\x1b[31m \xff\xc0\xaf \xed\xa0\x80 caf\xc3\xa9 \xf0\x9f\x94\x8c"

static const char scenarios_text[] = "name: bot.pass\n"
				     "title: what passes\n"
				     "spec: [BOT 1.0 5.1]\n"
				     "steps:\n"
				     "  - command: { test_unit_ready: {} }\n"
				     "---\n"
				     "name: bot.fail\n"
				     "title: \"what <fails> & how # it \\\\ does\"\n"
				     "spec: [\"BOT 1.0 5.2 <#>\", TD1.9]\n"
				     "tags: [nasty]\n"
				     "steps:\n"
				     "  - command: { test_unit_ready: {} }\n"
				     "---\n"
				     "name: bot.warn-with-a-name-that-is-longer-than-its-column\n"
				     "title: what warns\n"
				     "spec: [BOT 1.0 5.2]\n"
				     "steps:\n"
				     "  - command: { test_unit_ready: {} }\n"
				     "---\n"
				     "name: scsi.skip\n"
				     "title: what is skipped\n"
				     "spec: [BOT 1.0 5.2]\n"
				     "steps:\n"
				     "  - command: { test_unit_ready: {} }\n"
				     "---\n"
				     "name: scsi.error\n"
				     "title: what cannot be finished\n"
				     "spec: [BOT 1.0 5.2]\n"
				     "steps:\n"
				     "  - command: { test_unit_ready: {} }\n";

static const struct msc_rule rule = {
	.id = "bot.csw.residue",
	.title = "the residue is what was asked for less what was processed",
	.spec = "BOT 1.0, 5.2 and 6.7.2",
	.severity = { MSC_FAIL, MSC_FAIL, MSC_FAIL },
	.why = "a host that believes it throws good data away or takes stale data for new",
	.mistake = "the residue is always 0",
};

static const struct msc_rule other = {
	.id = "bot.stall",
	.title = "a short answer ends with a STALL",
	.spec = "BOT 1.0, 6.7.2",
	.severity = { MSC_WARN, MSC_WARN, MSC_NOTE },
	.why = "hosts may wait for the rest",
	.mistake = "a short packet alone",
};

static struct msc_finding findings_list[] = {
	{ .rule = &other,
	  .severity = MSC_WARN,
	  .spec = "BOT 1.0, 6.7.2",
	  .message = "it did not",
	  .context = "INQUIRY alloc 255",
	  .at_ns = 5 },
	{ .rule = &rule,
	  .severity = MSC_FAIL,
	  .spec = "BOT 1.0, 5.2 and 6.7.2",
	  .message = "INQUIRY asked for 255 bytes, received 36, and dCSWDataResidue is 0",
	  .expected = "219",
	  .actual = "0",
	  .context = "INQUIRY alloc 255",
	  .at_ns = 10 },
	{ .rule = &rule,
	  .severity = MSC_FAIL,
	  .spec = "BOT 1.0, 5.2 and 6.7.2",
	  .message = "again " NASTY,
	  .expected = NASTY,
	  .context = NASTY,
	  .at_ns = 20 },
};
static const struct msc_findings findings = { findings_list, 3, 3 };
static const struct msc_findings warnings = { findings_list, 1, 1 };

static uint8_t wrapper[MSC_CBW_LEN] = { 'U', 'S', 'B',  'C', 3, 0,    0, 0, 255, 0,
					0,   0,   0x80, 0,   6, 0x12, 0, 0, 0,   255 };
static uint8_t status[MSC_CSW_LEN] = { 'U', 'S', 'B', 'S', 3 };
static uint8_t data[36] = { 0, 0x80, 4, 2, 31, 0, 0, 0, 'm', 's', 'c', 'o', 'p', 'e' };

static const struct msc_device device = {
	.name = "sim:" NASTY,
	.speed = MSC_SPEED_FULL,
	.desc = { .vendor = 0x1234, .product = 0xabcd, .release = 0x0100, .usb = 0x0200 },
	.subclass = 6,
	.protocol = 0x50,
	.ep_in = 0x81,
	.ep_out = 0x01,
	.max_packet_in = 64,
	.max_packet_out = 64,
	.simulated = true,
	.serial = "123456",
	.host = "uhci",
};

static struct msc_record exchange_record(void)
{
	struct msc_record r = { .kind = MSC_RECORD_EXCHANGE,
				.device = &device,
				.began_ns = 1000000,
				.ended_ns = 4000000 };
	struct msc_exchange *x = &r.u.exchange;

	x->wrapper = wrapper;
	x->wrapper_len = sizeof wrapper;
	msc_cbw_unpack(&x->cbw, wrapper);
	x->dir = MSC_DIR_IN;
	x->data = data;
	x->data_len = x->data_kept = sizeof data;
	x->status = status;
	x->status_len = sizeof status;
	x->have_csw = true;
	msc_csw_unpack(&x->csw, status);
	x->steps[0] =
		(struct msc_step){ MSC_STEP_CBW, 0x01, MSC_OUT_DONE, 31, 31, 1000000, 1500000, 0 };
	x->steps[1] = (struct msc_step){ MSC_STEP_DATA, 0x81, MSC_OUT_DONE, 255, 36, 1500000,
					 2500000,       17 };
	x->steps[2] =
		(struct msc_step){ MSC_STEP_CSW, 0x81, MSC_OUT_STALL, 13, 0, 2500000, 3000000, 1 };
	x->steps[3] = (struct msc_step){
		MSC_STEP_CLEAR_HALT, 0x81, MSC_OUT_DONE, 0, 0, 3000000, 3250000, 0
	};
	x->steps[4] =
		(struct msc_step){ MSC_STEP_CSW, 0x81, MSC_OUT_DONE, 13, 13, 3250000, 4000000, 0 };
	x->n_steps = 5;
	return r;
}

static struct msc_record control_record(void)
{
	static uint8_t lun[1];

	return (struct msc_record){ .kind = MSC_RECORD_CONTROL,
				    .device = &device,
				    .began_ns = 5000000,
				    .ended_ns = 5100000,
				    .u.control = { .setup = { 0xa1, 0xfe, 0, 0, 1 },
						   .outcome = MSC_OUT_DONE,
						   .data = lun,
						   .data_len = 1 } };
}

static struct msc_record clear_halt_record(void)
{
	return (struct msc_record){ .kind = MSC_RECORD_CONTROL,
				    .device = &device,
				    .began_ns = 6000000,
				    .ended_ns = 7000000,
				    .u.control = { .setup = { 0x02, 0x01, 0, 0x81, 0 },
						   .outcome = MSC_OUT_STALL } };
}

static struct msc_record reset_record(void)
{
	return (struct msc_record){ .kind = MSC_RECORD_PORT_RESET,
				    .device = &device,
				    .began_ns = 7000000,
				    .ended_ns = 7000000 };
}

static struct msc_record poll_record(void)
{
	return (struct msc_record){ .kind = MSC_RECORD_POLL,
				    .device = &device,
				    .began_ns = 7000000,
				    .ended_ns = 8000000,
				    .u.poll = { .ep = 0x81, .outcome = MSC_OUT_TIMEOUT } };
}

static void send_case(struct msc_report_run *run, const struct msc_scenario *s,
		      enum msc_verdict verdict, const char *reason,
		      const struct msc_findings *found)
{
	struct msc_record records[] = { exchange_record(), control_record(), clear_halt_record(),
					reset_record(), poll_record() };
	struct msc_event ev = { .kind = MSC_EV_CASE_BEGIN, .scenario = s };

	msc_report_event(run, &ev);
	ev.kind = MSC_EV_RECORD;
	for (size_t i = 0; i < MSC_COUNT(records); i++) {
		ev.record = &records[i];
		msc_report_event(run, &ev);
	}
	ev = (struct msc_event){ .kind = MSC_EV_NOTE,
				 .text = "the device was brought back " NASTY };
	if (verdict == MSC_VERDICT_WARN)
		msc_report_event(run, &ev);
	ev = (struct msc_event){ .kind = MSC_EV_CASE_END,
				 .scenario = s,
				 .verdict = verdict,
				 .reason = reason,
				 .findings = found,
				 .device_ns = 1234567 };
	msc_report_event(run, &ev);
}

static void send_stream(struct msc_report_run *run)
{
	static const struct msc_summary summary = { { 1, 1, 1, 2, 1 }, 41300000 };
	struct msc_scenarios all = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_event ev = { .kind = MSC_EV_RUN_BEGIN,
				.device = &device,
				.profile = MSC_PROFILE_USBIF,
				.cases_total = 8 };

	if (msc_scenarios_load_text(&all, "test", scenarios_text, &err) < 0)
		fail_msg("%s", err.msg);
	msc_report_event(run, &ev);
	ev = (struct msc_event){ .kind = MSC_EV_NOTE, .text = "driven serially: " NASTY };
	msc_report_event(run, &ev);
	send_case(run, all.list[0], MSC_VERDICT_PASS, NULL, NULL);
	send_case(run, all.list[1], MSC_VERDICT_FAIL, NULL, &findings);
	send_case(run, all.list[2], MSC_VERDICT_WARN, NULL, &warnings);
	send_case(run, all.list[3], MSC_VERDICT_SKIP, "writes to the medium " NASTY, NULL);
	send_case(run, all.list[3], MSC_VERDICT_SKIP, "writes to the medium " NASTY, NULL);
	send_case(run, all.list[4], MSC_VERDICT_ERROR, "memory " NASTY, NULL);
	ev = (struct msc_event){ .kind = MSC_EV_RUN_END,
				 .summary = &summary,
				 .reason = "the device has gone " NASTY };
	msc_report_event(run, &ev);
	msc_scenarios_free(&all);
}

static char *render(const struct msc_report *report, int verbosity, bool color)
{
	static const char *const argv[] = { "mscope", "check", "sim:reference", NASTY, NULL };
	const struct msc_report_context context = { .version = "1.2.3",
						    .argv = argv,
						    .repeat = "mscope check 'sim:a b'",
						    .verbosity = verbosity,
						    .color = color };
	struct msc_report_run run;
	struct msc_err err = MSC_ERR_INIT;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(msc_report_begin(&run, report, out, &context, &err), 0);
	send_stream(&run);
	assert_int_equal(msc_report_end(&run, 3, &err), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* ---- golden -------------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);

	if (f && text) {
		size_t n = fread(text, 1, (1 << 20) - 1, f);

		text[n] = '\0';
	}
	if (f)
		fclose(f);
	return text;
}

static void compare(const char *name, char *got)
{
	char path[128], *want;

	snprintf(path, sizeof path, "tests/unit/golden/%s", name);
	if (getenv("MSC_GOLDEN_UPDATE")) {
		FILE *f = fopen(path, "wb");

		assert_non_null(f);
		fputs(got, f);
		assert_int_equal(fclose(f), 0);
	}
	want = read_file(path);
	if (strcmp(got, want) != 0)
		fail_msg("%s is not as expected; got:\n%s", path, got);
	free(want);
	free(got);
}

static void golden(void **unused)
{
	(void)unused;
	compare("report.txt", render(&msc_report_text, 0, false));
	compare("report-quiet.txt", render(&msc_report_text, -1, false));
	compare("report-v.txt", render(&msc_report_text, 1, false));
	compare("report-vv.txt", render(&msc_report_text, 2, false));
	compare("report-color.txt", render(&msc_report_text, 0, true));
	compare("report.json", render(&msc_report_json, 0, false));
	compare("report-vv.json", render(&msc_report_json, 2, false));
	compare("report.tap", render(&msc_report_tap, 0, false));
	compare("report.xml", render(&msc_report_junit, 0, false));
	compare("report.github", render(&msc_report_github, 0, false));
	compare("report.lava", render(&msc_report_lava, 0, false));
	compare("report.md", render(&msc_report_markdown, 0, false));
}

/* Whatever a device says, a terminal gets no control character but the line break. */
static void nothing_controls_the_terminal(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < msc_report_count; i++) {
		for (int verbosity = -1; verbosity <= 2; verbosity++) {
			char *text = render(msc_reports[i], verbosity, false);

			for (const char *p = text; *p; p++) {
				if ((unsigned char)*p < 0x20 && *p != '\n')
					fail_msg("%s: control character %#x", msc_reports[i]->name,
						 *p);
			}
			free(text);
		}
	}
}

/* Lines that are words, and not evidence to be copied, fit a terminal. */
static void lines_fit(void **unused)
{
	char *text = render(&msc_report_text, 1, false), *save = NULL;

	(void)unused;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strlen(line) > 100 && !strstr(line, "to repeat:") && !strstr(line, "alone:") &&
		    !strstr(line, "\xef\xbf\xbd"))
			fail_msg("too long: %s", line);
	}
	free(text);
}

/* ---- what the formats share ---------------------------------------------------------------- */

static void cleaning(void **unused)
{
	static const struct {
		enum msc_escape how;
		const char *text, *want;
	} rows[] = {
		{ MSC_PLAIN, "", "" },
		{ MSC_PLAIN, "plain <&>\"#\\", "plain <&>\"#\\" },
		{ MSC_PLAIN, "a\tb\nc\rd", "a b c d" },
		{ MSC_PLAIN, "\x1b[2J", "\xef\xbf\xbd[2J" },
		{ MSC_PLAIN, "\xc2\x9b", "\xef\xbf\xbd" },		  /* CSI as one character */
		{ MSC_PLAIN, "\xff", "\xef\xbf\xbd" },
		{ MSC_PLAIN, "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* overlong */
		{ MSC_PLAIN, "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" }, /* cut short */
		{ MSC_PLAIN, "\xf4\x90\x80\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ MSC_PLAIN, "\xef\xbf\xbe",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* no character in XML */
		{ MSC_PLAIN, "\xf0\x9f\x94\x8c", "\xf0\x9f\x94\x8c" },
		{ MSC_XML, "<a b=\"c\">&", "&lt;a b=&quot;c&quot;&gt;&amp;" },
		{ MSC_TAP, "a # SKIP \\", "a \\# SKIP \\\\" },
		{ MSC_MARKDOWN, "[a](b) | <c> `d` *e* & \\",
		  "\\[a\\](b) \\| &lt;c&gt; \\`d\\` \\*e\\* &amp; \\\\" },
		{ MSC_GITHUB, "::error::50 %\n::x, y", "::error::50 %25 ::x, y" },
		{ MSC_GITHUB_PROPERTY, "a:b,c%\n", "a%3Ab%2Cc%25 " },
		{ MSC_LAVA, "<LAVA_SIGNAL_X y>", "&lt;LAVA_SIGNAL_X y>" },
	};

	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		msc_put(out, rows[i].how, rows[i].text);
		fclose(out);
		assert_string_equal(text, rows[i].want);
		free(text);
	}
}

static void wrapping(void **unused)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	unsigned column;

	(void)unused;
	column = msc_put_wrapped(out, 70, 4, "  caf\xc3\xa9 ole \n supercalifragilistic ");
	fclose(out);
	assert_string_equal(text, "caf\xc3\xa9 ole\n    supercalifragilistic");
	assert_int_equal(column, 24);
	free(text);
}

/* No line ends in blanks, however long the name before the text is. */
static void beside(void **unused)
{
	static const struct {
		unsigned at, column;
		const char *text, *want;
	} rows[] = {
		{ 2, 6, "one two", "    one two" },
		{ 2, 75, "abcd", "%73sabcd" },
		{ 2, 75, "abcde", "\n    abcde" },
		{ 2, 78, "supercalifragilistic", "\n    supercalifragilistic" },
		{ 77, 79, "a b", "\n    a b" },
	};

	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		char *text = NULL, want[128];
		size_t len;
		FILE *out = open_memstream(&text, &len);

		snprintf(want, sizeof want, rows[i].want, "");
		msc_put_beside(out, rows[i].at, rows[i].column, 4, rows[i].text);
		fclose(out);
		assert_string_equal(text, want);
		free(text);
	}
}

static void names(void **unused)
{
	struct msc_err err = MSC_ERR_INIT;

	(void)unused;
	assert_ptr_equal(msc_report_find("tap", &err), &msc_report_tap);
	assert_null(msc_report_find("jsn", &err));
	assert_int_equal(err.code, MSC_E_USAGE);
	assert_string_equal(err.msg, "no format called 'jsn'; did you mean 'json'?");
}

static void selecting(void **unused)
{
	static const struct {
		const char *pattern;
		size_t count; /* 0: an error */
		const char *says;
	} rows[] = {
		{ "bot.*", 3, "" },
		{ "scsi.skip", 1, "" },
		{ "nasty", 1, "" },
		{ "TD1.9", 1, "" },
		{ "bot.pas", 0, "no scenario called 'bot.pas'; did you mean 'bot.pass'?" },
		{ "zzzzzzzzzzzz", 0,
		  "no scenario called 'zzzzzzzzzzzz'; \"mscope list scenarios\" shows them" },
	};
	struct msc_scenarios all = { NULL }, chosen;
	struct msc_err err = MSC_ERR_INIT;

	(void)unused;
	assert_int_equal(msc_scenarios_load_text(&all, "test", scenarios_text, &err), 0);
	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		err = (struct msc_err)MSC_ERR_INIT;
		assert_int_equal(msc_select(&all, &rows[i].pattern, 1, &chosen, &err),
				 rows[i].count ? 0 : -1);
		assert_int_equal(chosen.count, rows[i].count);
		assert_string_equal(err.msg, rows[i].says);
		free(chosen.list);
	}
	assert_int_equal(msc_select(&all, NULL, 0, &chosen, &err), 0);
	assert_int_equal(chosen.count, 5);
	free(chosen.list);
	msc_scenarios_free(&all);
}

/* A stream that cannot be written is an error of the file, told at the end. */
static void full_disk(void **unused)
{
	static const char *const argv[] = { "mscope", NULL };
	const struct msc_report_context context = { .version = "1", .argv = argv };

	(void)unused;
	for (size_t i = 0; i < msc_report_count; i++) {
		FILE *out = fopen("/dev/full", "w");
		struct msc_err err = MSC_ERR_INIT;
		struct msc_report_run run;

		assert_non_null(out);
		assert_int_equal(msc_report_begin(&run, msc_reports[i], out, &context, &err), 0);
		send_stream(&run);
		assert_int_equal(msc_report_end(&run, 0, &err), -1);
		assert_int_equal(err.code, MSC_E_IO);
		assert_non_null(strstr(err.msg, "No space left on device"));
		fclose(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(nothing_controls_the_terminal),
		cmocka_unit_test(lines_fit),
		cmocka_unit_test(cleaning),
		cmocka_unit_test(wrapping),
		cmocka_unit_test(beside),
		cmocka_unit_test(names),
		cmocka_unit_test(selecting),
		cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
