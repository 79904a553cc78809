/* SPDX-License-Identifier: BSD-2-Clause */
/* The language of scenarios: every mistake is named with its place, every expression has the value
 * that it reads as, every scenario of the program loads, and what may write is known to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "scenario/embedded.h"
#include "scenario/load.h"

#define HEAD  "name: a.b\ntitle: t\nspec: [x]\n"
#define STEPS HEAD "steps:\n"

static const struct {
	const char *text, *message;
} mistakes[] = {
	/* not YAML, or not plain YAML */
	{ "", "f:1:1: expected a scenario, found nothing" },
	{ "a: [1\n", "f:2:1: expected YAML, found: flow sequence without a closing bracket" },
	{ "name: a.b\n\ttitle: t\n", "f:1:7: expected YAML, found: invalid multiline plain key" },
	{ "name: &x a.b\n", "f:1:10: expected plain data, found an anchor or a tag" },
	{ "name: *x\n", "f:1:7: expected plain data, found an alias" },
	{ "steps: !t [1]\n", "f:1:11: expected plain data, found an anchor or a tag" },
	{ "name: a.b\nname: a.c\n", "f:2:1: expected each key once, found 'name' again" },
	{ "[a]: b\n", "f:1:1: expected a word as the key, found a list" },
	{ "a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n",
	  "f:1:19: expected at most 16 levels, found more" },
	/* the scenario */
	{ "- a\n", "f:1:1: expected a scenario as a map, found a list" },
	{ "titlee: x\n",
	  "f:1:1: expected a key of a scenario, found 'titlee'; did you mean 'title'?" },
	{ "colour: x\n",
	  "f:1:1: expected a key of a scenario (name, title, spec, tags, stage, evidence, device, needs, "
	  "scratch, recover, autosense, host, within, steps), found 'colour'" },
	{ "title: t\n", "f:1:1: expected the key 'name' in a scenario, found none" },
	{ HEAD, "f:1:1: expected the key 'steps' in a scenario, found none" },
	{ "name: Big\n", "f:1:7: expected a name such as bot.case05.read10, found 'Big'" },
	{ "name: [a.b]\n", "f:1:7: expected a name such as bot.case05.read10, found a list" },
	{ "title:\n", "f:1:1: expected text for 'title', found nothing" },
	{ "spec: {a: b}\n", "f:1:7: expected a list of up to 64 words for 'spec', found a map" },
	{ "stage: requestz\n",
	  "f:1:8: expected a word for 'stage', found 'requestz'; did you mean 'requests'?" },
	{ "needs: [medum]\n",
	  "f:1:9: expected a word for 'needs', found 'medum'; did you mean 'medium'?" },
	{ "needs: [{ blocks: block_size }]\n",
	  "f:1:19: expected a plain number of blocks, found 'block_size'" },
	{ "stage: [last]\n",
	  "f:1:8: expected a word for 'stage' (descriptors, requests, diagonal, commands, attach, "
	  "mismatch-in, mismatch-out, invalid, recovery, last, eject), found a list" },
	{ "needs: [[medium]]\n",
	  "f:1:9: expected a word for 'needs' (medium, no-medium, writable, write-protected, removable, "
	  "fixed, multi-lun, single-lun, full-speed, high-speed, simulated, composite, "
	  "super-speed, endpoints), found a list" },
	{ "device: c251\n", "f:1:9: expected idVendor:idProduct, as in c251:1303, found 'c251'" },
	{ "device: c2 1:1303\n",
	  "f:1:9: expected idVendor:idProduct, as in c251:1303, found 'c2 1:1303'" },
	{ "scratch: 4097\n", "f:1:10: expected 1 to 4096, found '4097'" },
	{ "recover: maybe\n", "f:1:10: expected yes or no for 'recover', found 'maybe'" },
	{ HEAD "steps: []\n", "f:4:8: expected a list of 1 to 200 steps, found a list" },
	{ HEAD "steps: ready\n", "f:4:8: expected a list of 1 to 200 steps, found 'ready'" },
	{ STEPS "  - ready\n---\n" STEPS "  - ready\n",
	  "f:7:1: expected a name of its own, found 'a.b', which is in f:1 too" },
	/* steps */
	{ STEPS "  - readdy\n", "f:5:5: expected a step, found 'readdy'; did you mean 'ready'?" },
	{ STEPS "  - []\n", "f:5:5: expected a step, found a list" },
	{ STEPS "  - ready: 1\n", "f:5:5: expected the word ready alone, found a map" },
	{ STEPS "  - wait: 10\n",
	  "f:5:11: expected a time of up to 60s, such as 10ms, for 'wait', found '10'" },
	{ STEPS "  - wait: 2min\n",
	  "f:5:11: expected a time of up to 60s, such as 10ms, for 'wait', found '2min'" },
	{ STEPS "  - clear_halt: both\n",
	  "f:5:17: expected a word for 'clear_halt' (out, in), found 'both'" },
	{ STEPS "  - wait: 1ms\n    expect: done\n",
	  "f:6:5: expected a key of a wait step (wait), found 'expect'" },
	{ STEPS "  - poll: { endpoint: in, data: 00 }\n",
	  "f:5:11: expected 'data' only for the endpoint out, found a map" },
	{ STEPS "  - repeat: \"1 + (\"\n    do: [ready]\n",
	  "f:5:19: expected a number, a name or '(', found the end" },
	{ STEPS "  - repeat: 10001\n    do: [ready]\n",
	  "f:5:13: expected 0 to 10000, found '10001'" },
	{ STEPS "  - repeat: 2\n", "f:5:5: expected the key 'do' in a repeat step, found none" },
	{ STEPS "  - for: { blocks: [1] }\n    do: [ready]\n",
	  "f:5:12: expected a name that means nothing else, found 'blocks'" },
	{ STEPS "  - for: { n: [] }\n    do: [ready]\n",
	  "f:5:15: expected 1 to 256 values, found a list" },
	{ STEPS "  - for: { n: 0..300 }\n    do: [ready]\n",
	  "f:5:15: expected a range that rises, and 256 values in all, found '0..300'" },
	{ STEPS "  - for: { n: [0x7d..0x60] }\n    do: [ready]\n",
	  "f:5:16: expected a range that rises, and 256 values in all, found '0x7d..0x60'" },
	{ STEPS "  - for: { n: 0..blocks }\n    do: [ready]\n",
	  "f:5:15: expected plain numbers at both ends of a range, found '0..blocks'" },
	{ STEPS "  - command: test_unit_ready\n    during: { data: [ready] }\n",
	  "f:6:22: expected a control request or a pause, found 'ready'" },
	{ STEPS "  - command: test_unit_ready\n    during: { data: [{ clear_halt: in }] }\n",
	  "f:6:22: expected a control request or a pause, found a map" },
	{ STEPS
	  "  - command: test_unit_ready\n    during: { status: [{ clear_halt: in }, ready] }\n",
	  "f:6:44: expected a control request, the clearing of a halt or a pause, found 'ready'" },
	{ STEPS "  - if: 1\n", "f:5:5: expected the key 'do' in an if step, found none" },
	{ STEPS "  - let: { blocks: 1 }\n",
	  "f:5:12: expected a name that means nothing else, found 'blocks'" },
	{ STEPS "  - let: { n: n + 1 }\n",
	  "f:5:15: expected a number or a name (block_size, last_lba, blocks, scratch, tested_unit, max_lun, "
	  "interface, max_packet, sibling, status, stalls), found 'n'" },
	{ STEPS "  - live: { blocks: 1 }\n",
	  "f:5:11: expected the key 'lba' in 'live', found none" },
	{ STEPS "  - live: { lba: 1, blocks: 9 }\n", "f:5:29: expected 1 to 8, found '9'" },
	{ STEPS "  - check: 1\n",
	  "f:5:5: expected the key 'otherwise' in a check step, found none" },
	{ STEPS "  - skip_unless: 1\n",
	  "f:5:5: expected the key 'because' in a skip_unless step, found none" },
	{ STEPS "  - command: test_unit_ready\n    on_failure: gives up\n",
	  "f:5:5: expected 'host' in the scenario, before its steps, for 'on_failure', found a map" },
	{ STEPS "  - for: { n: [1] }\n    do: [ready]\n  - repeat: n\n    do: [ready]\n",
	  "f:7:13: expected a number or a name (block_size, last_lba, blocks, scratch, tested_unit, max_lun, "
	  "interface, max_packet, sibling, status, stalls), found 'n'" },
	{ STEPS "  - sense: 5/2\n",
	  "f:5:12: expected sense such as 5, 5/21 or 5/21/00, found '5/2'" },
	{ STEPS "  - wrapper: 5x\n",
	  "f:5:14: expected up to 1024 bytes as pairs of hex digits for 'wrapper', found '5x'" },
	/* commands */
	{ STEPS "  - command: test_unit_readdy\n",
	  "f:5:14: expected a command, or 1 to 16 bytes of one as hex, found 'test_unit_readdy'; did you "
	  "mean 'test_unit_ready'?" },
	{ STEPS "  - command: { read10: { lab: 0 } }\n",
	  "f:5:26: expected a field of read10, found 'lab'; did you mean 'lba'?" },
	{ STEPS "  - command: { read10: { blocks: 65536 } }\n",
	  "f:5:34: expected 0 to 65535, found '65536'" },
	{ STEPS "  - command: { read10: 7 }\n",
	  "f:5:24: expected the fields of read10 as a map, found '7'" },
	{ STEPS "  - command: [1]\n",
	  "f:5:14: expected a command with its fields, or bytes as hex, found a list" },
	{ STEPS "  - command: test_unit_ready\n    cwb: {}\n",
	  "f:6:5: expected a key of a command step, found 'cwb'; did you mean 'cbw'?" },
	{ STEPS "  - command: test_unit_ready\n    cbw: { length: 5 }\n",
	  "f:5:5: expected 'direction' in 'cbw', because the command has none of its own, found none" },
	{ STEPS "  - command: test_unit_ready\n    cbw: { lun: 256 }\n",
	  "f:6:17: expected 0 to 255, found '256'" },
	{ STEPS "  - command: test_unit_ready\n    cbw: { direction: inn }\n",
	  "f:6:23: expected a word for 'direction', found 'inn'; did you mean 'in'?" },
	{ STEPS "  - command: test_unit_ready\n    patch: { 16: 1 }\n",
	  "f:6:14: expected an offset from 0 to 15, found '16'" },
	{ STEPS "  - command: test_unit_ready\n    intent: { direction: in }\n",
	  "f:6:13: expected 'length', or 'min' and 'max', in 'intent', found a map" },
	{ STEPS "  - command: inquiry\n    expect: { status: pazzed }\n",
	  "f:6:23: expected a word for 'status', found 'pazzed'; did you mean 'passed'?" },
	{ STEPS "  - command: inquiry\n    expect: { data: before }\n",
	  "f:6:21: expected a pattern, a saved name, or { at, hex } (original, zeros, ones, counter, "
	  "stamps), found 'before'" },
	{ STEPS "  - command: inquiry\n    expect: passed\n",
	  "f:6:13: expected 'expect' as a map, found 'passed'" },
	/* requests */
	{STEPS "  - get_max_lun: { valuee: 1 }\n",
	 "f:5:20: expected a key of get_max_lun, found 'valuee'; did you mean 'value'?"},
	{STEPS "  - get_descriptor: { type: stringg }\n",
	 "f:5:29: expected a descriptor, found 'stringg'; did you mean 'string'?"},
	{STEPS "  - get_status: { of: in, expect: dome }\n",
	 "f:5:35: expected a word for 'expect', found 'dome'; did you mean 'done'?"},
	{STEPS "  - control: { type: 0, request: 9, value: 1 }\n",
	 "f:5:14: expected a request that leaves address, configuration and halts alone, found "
	 "request 9; clear_halt, set_configuration, set_interface and port_reset do these with the "
	 "host's side"},
	{STEPS "  - get_max_lun: {}\n    expect: done\n",
	 "f:6:5: expected one key in this step, found 'expect'"},
};

static void test_mistakes(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(mistakes); i++) {
		struct msc_scenarios all = { 0 };
		struct msc_err err = MSC_ERR_INIT;

		if (msc_scenarios_load_text(&all, "f", mistakes[i].text, &err) == 0 ||
		    err.code != MSC_E_FORMAT || strcmp(err.msg, mistakes[i].message) != 0) {
			print_error("%s\n  says:     %s\n  expected: %s\n", mistakes[i].text,
				    err.msg, mistakes[i].message);
			wrong++;
		}
		msc_scenarios_free(&all);
	}
	assert_int_equal(wrong, 0);
}

/* ---- expressions -------------------------------------------------------------------------- */

#define WRONG INT64_MIN

static const struct {
	const char *text;
	int64_t value;
	const char *message; /* of what is wrong */
} expressions[] = {
	{"0", 0, NULL},
	{"0x10", 16, NULL},
	{"0XfF", 255, NULL},
	{"1 + 2 * 3", 7, NULL},
	{"(1 + 2) * 3", 9, NULL},
	{"10 - 3 - 2", 5, NULL},
	{"100 / 10 / 2", 5, NULL},
	{"7 / 2", 3, NULL},
	{"block_size", 512, NULL},
	{"2 * block_size - 1", 1023, NULL},
	{"last_lba + 1 - blocks", 0, NULL},
	{"scratch + 7", 8071, NULL},
	{"max_lun + interface + max_packet", 66, NULL},
	{"9223372036854775807", INT64_MAX, NULL},
	{"1 +", WRONG, "f:1:4: expected a number, a name or '(', found the end"},
	{"(1", WRONG, "f:1:3: expected ')', found the end"},
	{"1 2", WRONG, "f:1:3: expected an operator or the end, found '2'"},
	{"0x", WRONG, "f:1:3: expected a hexadecimal digit, found the end"},
	{"9223372036854775808", WRONG, "f:1:19: expected a number below 2 to the 63rd, found '8'"},
	{"blok_size", WRONG,
	 "f:1:1: expected a number or a name, found 'blok_size'; did you mean 'block_size'?"},
	{"((((((((((1))))))))))", WRONG,
	 "f:1:9: expected at most 8 parentheses within each other, found '('"},
	{"1/0", WRONG, "f:1:1: expected 0 to 9223372036854775807, found '1/0'"},
	{"1-2", WRONG, "f:1:1: expected 0 to 9223372036854775807, found '1-2'"},
	{"4611686018427387904 * 2", WRONG,
	 "f:1:1: expected 0 to 9223372036854775807, found '4611686018427387904 * 2'"},
	/* comparisons: 1 or 0, below all else, and one at most */
	{"1 == 1", 1, NULL},
	{"1 + 1 == 3", 0, NULL},
	{"2 <= 2", 1, NULL},
	{"3 < 2", 0, NULL},
	{"blocks > last_lba", 1, NULL},
	{"(1 != 2) + (2 >= 3)", 1, NULL},
	{"1 == 1 == 1", WRONG, "f:1:8: expected an operator or the end, found '='"},
	{"1 = 1", WRONG, "f:1:3: expected an operator or the end, found '='"},
	{"1 <", WRONG, "f:1:4: expected a number, a name or '(', found the end"},
	/* functions, and fields of what was saved: 12 34 ab cd ff ff ff ff ff ff ff ff */
	{ "min(7, 3) + max(2, 9)", 12, NULL },
	{ "u8(answer, 0)", 0x12, NULL },
	{ "same(answer, nothing)", 1, NULL },
	{ "same(answer, other)", 0, NULL },
	{ "same(answer, answer) + stalls", 1, NULL },
	{ "same(answer, 1)", WRONG,
	  "f:1:14: expected the name of a saved answer (answer, nothing, other), found '1'" },
	{ "same(answer)", WRONG, "f:1:12: expected ',', found ')'" },
	{ "le16(answer, 1 - 1)", 0x3412, NULL },
	{ "be16(answer, 2)", 0xabcd, NULL },
	{ "be24(answer, 1)", 0x34abcd, NULL },
	{ "le32(answer, 0)", 0xcdab3412, NULL },
	{ "be32(answer, 4)", 0xffffffff, NULL },
	{ "length(answer) - length(nothing)", 12, NULL },
	{ "u8(answer, 12)", WRONG, "'u8(answer, 12)' reads beyond the end of an answer" },
	{ "be32(answer, 9)", WRONG, "'be32(answer, 9)' reads beyond the end of an answer" },
	{ "u8(answer, 0 - 1)", WRONG, "'u8(answer, 0 - 1)' reads beyond the end of an answer" },
	{ "be64(answer, 4)", WRONG, "'be64(answer, 4)' reads beyond the end of an answer" },
	{ "u8(nothing, 0)", WRONG, "'u8(nothing, 0)' reads beyond the end of an answer" },
	{ "u8(answr, 0)", WRONG,
	  "f:1:4: expected the name of a saved answer, found 'answr'; did you mean 'answer'?" },
	{ "u9(answer, 0)", WRONG, "f:1:1: expected a function, found 'u9'; did you mean 'u8'?" },
	{ "u8(answer)", WRONG, "f:1:10: expected ',', found ')'" },
	{ "min(1, 2", WRONG, "f:1:9: expected ')', found the end" },
	{ "max(max(max(max(max(max(max(max(max(1, 2), 3), 4), 5), 6), 7), 8), 9), 10)", WRONG,
	  "f:1:36: expected at most 8 parentheses within each other, found '('" },
	/* seen only when the device is known */
	{"interface - 1", WRONG,
	 "'interface - 1' is -1, outside of 0 to 9223372036854775807"},
	{"1 / interface", WRONG, "'1 / interface' divides by zero or leaves 64 bits"},
	{"blocks * 9223372036854775807", WRONG,
	 "'blocks * 9223372036854775807' divides by zero or leaves 64 bits"},
};

static void test_expressions(void **state)
{
	uint8_t bytes[12] = { 0x12, 0x34, 0xab, 0xcd, 255, 255, 255, 255, 255, 255, 255, 255 };
	const struct msc_saved_answer slots[MSC_SLOTS_MAX] = { { bytes, sizeof bytes },
							       { NULL, 0 },
							       { bytes + 1, 3 } };
	const struct msc_env env = { .slots = slots,
				     .var = { [MSC_VAR_BLOCK_SIZE] = 512,
					      [MSC_VAR_LAST_LBA] = 8191,
					      [MSC_VAR_BLOCKS] = 8192,
					      [MSC_VAR_SCRATCH] = 8064,
					      [MSC_VAR_MAX_LUN] = 2,
					      [MSC_VAR_MAX_PACKET] = 64 } };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(expressions); i++) {
		struct msc_scenario s = { 0 };
		struct msc_err err = MSC_ERR_INIT;
		struct msc_loader l = { .path = "f",
					.s = &s,
					.slots = { "answer", "nothing", "other" },
					.n_slots = 3,
					.err = &err };
		const struct msc_yaml node = { .line = 1,
					       .column = 1,
					       .text = expressions[i].text };
		struct msc_expr e;
		int64_t v = WRONG;

		if (msc_expr_parse(&l, &node, 0, INT64_MAX, &e) < 0 ||
		    msc_expr_value(&e, &env, &v, &err) < 0)
			v = WRONG;
		assert_string_equal(err.msg, expressions[i].message ? expressions[i].message : "");
		assert_true(v == expressions[i].value);
		msc_arena_free(&s.arena);
	}
}

/* ---- what follows from a scenario --------------------------------------------------------- */

static const struct {
	const char *step;
	enum { HARMLESS, WRITES, UNSAFE } is;
} steps[] = {
	{ "command: test_unit_ready", HARMLESS },
	{ "command: { read10: { lba: 0, blocks: 1 } }\n    cbw: { direction: out }", HARMLESS },
	{ "command: { write10: { lba: 0, blocks: 0 } }", WRITES },
	{ "command: { write10: { lba: 0 } }\n    cbw: { direction: in, length: 512 }", WRITES },
	{ "command: \"2a 00 00 00 00 00 00 00 01 00\"", WRITES },
	{ "command: \"28 00 00 00 00 00 00 00 01 00\"", HARMLESS },
	{ "command: \"6d 00\"", WRITES }, /* nobody knows what it does */
	{ "command: test_unit_ready\n    patch: { 0: 0x2a }", WRITES },
	{ "command: test_unit_ready\n    patch: { 5: 0x40 }", HARMLESS },
	{ "command: test_unit_ready\n    patch: { 0: interface }", WRITES },
	{ "command: { start_stop_unit: { start: 1 } }", HARMLESS },
	{ "command: { start_stop_unit: { loej: 1 } }", WRITES },
	{ "command: { start_stop_unit: { start: max_lun } }", WRITES },
	{ "repeat: 2\n    do:\n    - command: { write10: { lba: 0 } }", WRITES },
	{ "if: 0\n    do:\n    - command: { write10: { lba: 0 } }", WRITES },
	{ "for: { n: [0, 1] }\n    do:\n    - command: { start_stop_unit: { start: n } }", WRITES },
	{ "for: { n: [1, 1] }\n    do:\n    - command: { start_stop_unit: { start: n } }",
	  HARMLESS },
	{ "for: { n: [0x03, 0x12] }\n    do:\n    - command: \"00 00\"\n      patch: { 0: n }",
	  HARMLESS },
	{ "for: { n: 0x12..0x15 }\n    do:\n    - command: \"00 00\"\n      patch: { 0: n }",
	  UNSAFE },
	{ "for: { n: [0x12, last_lba] }\n    do:\n    - command: \"00 00\"\n      patch: { 0: n }",
	  WRITES },
	{ "wrapper: 00 00", HARMLESS },
	{ "wrapper: 00 55534243 00000000 00000000 00 00 06 2a00000000000000000000000000000000",
	  UNSAFE }, /* read from its first byte it is command 06h */
	{ "poll: { endpoint: out, data: 55534243 00000000 00000000 00 00 0a "
	  "2a00000000000000000000000000000000 }",
	  WRITES },
	{ "poll: { endpoint: out, data: 55534243 00000000 00000000 00 00 0a "
	  "2800000000000000000000000000000000 }",
	  HARMLESS },
	{ "bulk_only_reset", HARMLESS },
	{ "command: format_unit", UNSAFE },
	{ "command: \"41 00\"", UNSAFE },
	{ "command: \"c0 00\"", UNSAFE },
	{ "command: { mode_select6: { alloc: 0 } }", WRITES },
	{ "command: { mode_select6: { alloc: 8 } }", UNSAFE },
	{ "control: { type: 0x00, request: 3, value: 2 }", UNSAFE }, /* TEST_MODE */
	{ "control: { type: 0x21, request: 1 }", UNSAFE }, /* the download of DFU */
	{ "control: { type: 0x40, request: 0 }", UNSAFE },
	{ "control: { type: 0xc0, request: 0 }", UNSAFE },
};

static void test_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < MSC_COUNT(steps); i++) {
		struct msc_scenarios all = { 0 };
		struct msc_err err = MSC_ERR_INIT;
		char text[512];

		snprintf(text, sizeof text, STEPS "  - %s\n", steps[i].step);
		if (msc_scenarios_load_text(&all, "f", text, &err) < 0)
			fail_msg("%s: %s", steps[i].step, err.msg);
		if (msc_scenario_writes(all.list[0]) != (steps[i].is != HARMLESS))
			fail_msg("%s: writes is %d", steps[i].step, steps[i].is == HARMLESS);
		if (msc_scenario_is_unsafe(all.list[0]) != (steps[i].is == UNSAFE))
			fail_msg("%s: unsafe is %d", steps[i].step, steps[i].is != UNSAFE);
		msc_scenarios_free(&all);
	}
}

/* With `hex` or, as in older files, without; a word is a pattern. */
static void test_request_data(void **state)
{
	static const char *const forms[] = { "\"00 ff\"", "{ hex: \"00 ff\" }", "ones" };

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(forms); i++) {
		struct msc_scenarios all = { 0 };
		struct msc_err err = MSC_ERR_INIT;
		const struct msc_out_data *d;
		char text[256];

		snprintf(text, sizeof text,
			 STEPS "  - control: { type: 0x40, request: 1, length: 2, data: %s }\n",
			 forms[i]);
		if (msc_scenarios_load_text(&all, "f", text, &err) < 0)
			fail_msg("%s: %s", forms[i], err.msg);
		d = &all.list[0]->steps[0].u.control.data;
		if (i < 2) {
			assert_int_equal(d->bytes.len, 2);
			assert_memory_equal(d->bytes.data, "\x00\xff", 2);
		} else {
			assert_true(!d->bytes.data && d->pattern == MSC_PATTERN_ONES);
		}
		msc_scenarios_free(&all);
	}
}

static void test_matches(void **state)
{
	static const struct {
		const char *pattern;
		bool matches;
	} rows[] = {
		{"bot.case05.read10", true}, {"bot.*", true},	  {"bot.case05", false},
		{"*read10", true},	     {"TD1.9", true},	  {"td1.9", true},
		{"TD1.*", true},	     {"TD1", false},	  {"BOT 1.0 6.7.2", true},
		{"BOT 1.0", false},	     {"slow", true},	  {"SLOW", true},
		{"mismatch-in", true},	     {"commands", false}, {"", false},
	};
	struct msc_scenarios all = { 0 };
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	assert_int_equal(0, msc_scenarios_load_text(&all, "f",
						    "name: bot.case05.read10\ntitle: t\n"
						    "spec: [BOT 1.0 6.7.2, TD1.9]\ntags: slow\n"
						    "stage: mismatch-in\nsteps: [ready]\n",
						    &err));
	for (size_t i = 0; i < MSC_COUNT(rows); i++)
		if (msc_scenario_matches(all.list[0], rows[i].pattern) != rows[i].matches)
			fail_msg("'%s': %d", rows[i].pattern, !rows[i].matches);
	msc_scenarios_free(&all);
}

/* Whatever the program carries with it loads, in the order of its stages. */
static void test_embedded(void **state)
{
	struct msc_scenarios all = { 0 };
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	if (msc_scenarios_load_embedded(&all, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(all.count >= msc_embedded_scenario_count);
	assert_true(all.count > 60);
	for (size_t i = 0; i < all.count; i++) {
		const struct msc_scenario *s = all.list[i], *before = i ? all.list[i - 1] : NULL;

		assert_true(*msc_scenario_title(s) && msc_scenario_spec(s)[0]);
		assert_string_equal(msc_scenario_tags(s)[0], msc_stage_names[s->stage]);
		if (before && (s->stage < before->stage ||
			       (s->stage == before->stage && strcmp(before->name, s->name) >= 0)))
			fail_msg("%s comes after %s", s->name, before->name);
	}
	msc_scenarios_free(&all);
}

/* All thirteen cases and every test of USB-IF that this transport has. */
static void test_complete(void **state)
{
	struct msc_scenarios all = { 0 };
	struct msc_err err = MSC_ERR_INIT;

	(void)state;
	assert_int_equal(0, msc_scenarios_load_embedded(&all, &err));
	for (int td = 1; td <= 19; td++) {
		char name[16];
		bool found = false;

		snprintf(name, sizeof name, "TD1.%d", td);
		for (size_t i = 0; i < all.count; i++)
			found |= msc_scenario_matches(all.list[i], name);
		if (!found)
			fail_msg("no scenario is %s", name);
	}
	for (int number = 1; number <= 13; number++) {
		char pattern[24];
		bool found = false;

		snprintf(pattern, sizeof pattern, "bot.case%02d.*", number);
		for (size_t i = 0; i < all.count; i++)
			found |= msc_scenario_matches(all.list[i], pattern);
		assert_true(found);
	}
	msc_scenarios_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_writes),	 cmocka_unit_test(test_matches),
		cmocka_unit_test(test_embedded), cmocka_unit_test(test_complete),
		cmocka_unit_test(test_request_data),
	};

	return cmocka_run_group_tests_name("scenario_load", tests, NULL, NULL);
}
