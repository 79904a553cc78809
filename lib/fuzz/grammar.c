/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar: what hosts send, and what they should not. A row is a step, or several that belong
 * together; a twist is added to a step that is one plain command. What is expected of a step is
 * stated only where no rule can know it, and there the device is brought into order before. */
#include "fuzz/fuzz.h"

#define P FUZZ_PLAIN
#define W FUZZ_WRITES
#define S FUZZ_SOLO
#define N FUZZ_DATALESS
#define H FUZZ_WHOLE
#define R (FUZZ_RECOVERS | FUZZ_WHOLE | FUZZ_SOLO)

/* The data of two commands, where both pass. */
#define SAME "expect: { status: [passed, failed], data: a$id }"
/* A command that a device may not know. */
#define OPTIONAL "\n  expect: { status: [passed, failed], sense: [5/20/00, 5/24/00] }"

const struct fuzz_row fuzz_steps[] = {
	/* what every host sends */
	{ 8, P | N, "- command: test_unit_ready" },
	{ 6, P, "- command: { inquiry: { alloc: $alloc } }" },
	{ 4, P, "- command: { inquiry: { evpd: 1, page: $vpd, alloc: $alloc } }" },
	{ 1, P, "- command: { inquiry: { evpd: $bit, cmddt: $bit, page: $byte, alloc: $alloc } }" },
	{ 5, P, "- command: { request_sense: { alloc: $small } }" },
	{ 1, P, "- command: { request_sense: { desc: 1, alloc: $small } }" },
	{ 5, P, "- command: { mode_sense6: { page: $mode, pc: $pc, alloc: $small } }" },
	{ 5, P, "- command: { mode_sense10: { page: $mode, pc: $pc, alloc: $alloc } }" },
	{ 5, P, "- command: read_capacity10" },
	{ 1, P, "- command: { read_capacity10: { lba: $lba, pmi: $bit } }" },
	{ 3, P, "- command: { read_capacity16: { alloc: $alloc } }" },
	{ 4, P, "- command: { read_format_capacities: { alloc: $alloc } }" },
	{ 3, P, "- command: { report_luns: { alloc: $alloc } }" },
	{ 12, P, "- command: { read10: { lba: $lba, blocks: $blocks } }" },
	{ 2, P, "- command: { read10: { lba: $lba, blocks: $blocks, fua: $bit, dpo: $bit2 } }" },
	{ 2, P, "- command: { read6: { lba: $lba21, blocks: $few } }" },
	{ 4, P, "- command: { read12: { lba: $lba, blocks: $blocks } }" },
	{ 4, P, "- command: { read16: { lba: $lba64, blocks: $blocks } }" },
	{ 1, P, "- command: { read10: { lba: 0, blocks: 1, protect: $protect } }" },
	{ 4, P | N, "- command: { verify10: { lba: $lba, blocks: $blocks } }" },
	{ 1, P | N, "- command: { verify12: { lba: $lba, blocks: $blocks } }" },
	{ 1, P | N, "- command: { verify16: { lba: $lba64, blocks: $blocks } }" },
	{ 3, P | N,
	  "- command: { synchronize_cache10: { lba: $lba, blocks: $blocks, immed: $bit } }" },
	{ 1, P | N, "- command: { synchronize_cache16: { lba: $lba64, blocks: $blocks } }" },
	{ 2, P | N, "- command: { prevent_allow: { prevent: $bit } }" },
	{ 2, P | N, "- command: { start_stop_unit: { start: 1, immed: $bit } }" },
	/* what some hosts send, and devices do not know */
	{ 2, P, "- command: { report_opcodes: { options: $bit, opcode: $byte, alloc: $alloc } }" },
	{ 1, P | N, "- command: { seek10: { lba: $lba } }" },
	{ 1, P | N, "- command: { pre_fetch10: { lba: $lba, blocks: $blocks } }" },
	{ 1, P, "- command: { read_toc: { format: $pc, alloc: $alloc } }" },
	{ 1, P, "- command: { get_configuration: { alloc: $alloc } }" },
	{ 1, P, "- command: { get_event_status: { polled: 1, alloc: $alloc } }" },
	{ 1, P, "- command: { log_sense: { page: $mode, alloc: $alloc } }" },
	{ 1, P, "- command: { receive_diagnostic: { alloc: $alloc } }" },
	{ 1, P, "- command: { read_defect10: { alloc: $alloc } }" },
	{ 1, P, "- command: { read_buffer: { mode: 3, alloc: $alloc } }" },
	{ 1, P, "- command: { persistent_reserve_in: { alloc: $alloc } }" },
	{ 2, W, "- command: \"60 00 00 00 00 00 00 00 00 00\"\n  patch: { 0: $reserved }\n"
		"  intent: { direction: none }\n  expect: { status: failed, sense: 5/20/00 }" },
	{ 2, W, "- command: \"60 00 00 00 00 00 00 00 00 00\"\n  patch: { 0: $reserved }\n"
		"  cbw: { direction: $way, length: $length }\n  intent: { direction: none }" },
	{ 1, 0, "- command: \"85 08 0e 00 00 00 01 00 00 00 00 00 00 00 ec 00\"\n"
		"  cbw: { direction: in, length: 512 }\n"
		"  intent: { direction: in, min: 0, max: 512 }" },
	{ 1, 0, "- command: \"a1 08 0e 00 01 00 00 00 00 ec 00 00\"\n"
		"  cbw: { direction: in, length: 512 }\n"
		"  intent: { direction: in, min: 0, max: 512 }" },

	/* the answer again, cut: the same bytes */
	{ 2, S, "- command: { $answer: { alloc: 252 } }\n  save: a$id\n"
		"- command: { $answer: { alloc: $small } }\n  " SAME },
	{ 1, S, "- command: { mode_sense6: { page: $mode, alloc: 192 } }\n  save: a$id\n"
		"- command: { mode_sense6: { page: $mode, alloc: $small } }\n"
		"  " SAME },
	{ 1, S, "- command: { mode_sense10: { page: $mode, alloc: 192 } }\n  save: a$id\n"
		"- command: { mode_sense10: { page: $mode, alloc: $alloc } }\n"
		"  " SAME },
	{ 1, S, "- command: { inquiry: { evpd: 1, page: $vpd, alloc: 255 } }\n  save: a$id\n"
		"- command: { inquiry: { evpd: 1, page: $vpd, alloc: $small } }\n"
		"  " SAME },
	{ 1, 0, "- command: read_capacity10\n  save: a$id\n"
		"- command: read_capacity10\n  " SAME },

	/* what a host relies on, of a device that is ready */
	{ 3, S,
	  "- ready\n- command: { read: { lba: $inside, blocks: 1 } }\n  save: a$id\n"
	  "  expect: { status: passed }\n"
	  "- command: { read: { lba: $inside, blocks: $some } }\n  " SAME },
	{ 2, S,
	  "- ready\n- command: { read: { lba: last_lba - $some + 1, blocks: $some } }\n"
	  "  expect: { status: passed }" },
	{ 2, S,
	  "- ready\n- command: { read: { lba: last_lba - $some + 2, blocks: $some } }\n"
	  "  expect: { status: failed, sense: 5/21/00 }" },
	{ 2, S,
	  "- ready\n- command: { read: { lba: last_lba - 7, blocks: $seven } }\n"
	  "  expect: { status: passed }" },
	{ 1, S,
	  "- ready\n- command: { read10: { lba: 0, blocks: 64 } }\n  save: a$id\n"
	  "- command: { read10: { lba: 0, blocks: 64 } }\n"
	  "  during: { data: [ { get_status: { of: device, expect: done } },"
	  " { get_descriptor: { type: device, length: 18, expect: done } }, get_max_lun ] }\n"
	  "  " SAME },
	{ 1, S,
	  "- ready\n- command: { read6: { lba: $lba21, blocks: $few } }\n  save: a$id\n"
	  "- command: { read10: { lba: $lba21, blocks: $few } }\n  " SAME },
	{ 2, S,
	  "- ready\n- command: { verify10: { lba: $inside, blocks: $some } }\n"
	  "  expect: { status: [passed, failed], sense: [5/20/00, 5/24/00] }" },
	{ 1, S,
	  "- ready\n- command: { inquiry: { alloc: 36 } }\n"
	  "  expect: { status: passed, transferred: 36 }" },
	{ 1, S,
	  "- port_reset\n- command: { inquiry: { alloc: 36 } }\n"
	  "  expect: { status: passed }\n- command: { request_sense: { alloc: 18 } }\n"
	  "  expect: { status: passed }" },
	{ 1, S,
	  "- port_reset\n- ready\n- command: { read10: { lba: 0, blocks: 1 } }\n"
	  "  expect: { status: passed }" },
	{ 1, S,
	  "- port_reset\n- ready\n- command: read_capacity10\n"
	  "  expect: { status: passed }\n  save: a$id\n"
	  "- command: read_capacity10\n  " SAME },
	{ 1, S,
	  "- ready\n- command: { synchronize_cache10: {} }\n- wait: 3s\n"
	  "- command: test_unit_ready\n  expect: { status: passed }" },
	{ 1, S,
	  "- ready\n- command: { start_stop_unit: { immed: $bit, loej: 0, start: 0 } }" OPTIONAL
	  "\n- command: test_unit_ready\n"
	  "  expect: { status: [passed, failed], sense: 2/04 }\n"
	  "- command: { start_stop_unit: { start: 1 } }" },

	{ 1, S, "- ready\n- command: { seek10: { lba: 0 } }\n"
		"  expect: { status: [passed, failed], sense: [5/20/00, 2/3a] }" },
	/* sense data: there, and then gone */
	{ 2, S, "- ready\n- command: { read: { lba: last_lba + 1, blocks: $few1 } }\n"
		"  expect: { status: failed, sense: 5/21/00 }\n- sense: 0/00/00" },
	{ 2, S, "- ready\n- command: { inquiry: { evpd: 0, page: 0x80, alloc: 36 } }\n"
		"- command: test_unit_ready\n  expect: { status: passed }\n- sense: 0/00/00" },
	{ 2, S, "- ready\n- command: { inquiry: { evpd: 1, page: 0x5f, alloc: 64 } }\n"
		"  expect: { status: failed, sense: 5/24/00 }" },

	/* other units */
	{ 2, 0, "- command: test_unit_ready\n  cbw: { lun: max_lun }\n"
		"- command: { request_sense: { alloc: 18 } }\n  cbw: { lun: max_lun }" },
	{ 1, H, "- command: { inquiry: { alloc: 36 } }\n  cbw: { lun: $lun }\n  timeout: 20s\n"
		"- reset_recovery" },
	{ 2, S, "- ready\n- repeat: 3\n  do:\n    - command: test_unit_ready\n"
		"      cbw: { lun: max_lun }\n- command: read_capacity10\n  cbw: { lun: max_lun }\n"
		"- command: { read: { lba: last_lba, blocks: 1 } }\n"
		"  expect: { status: passed }" },
	{ 1, S, "- ready\n- repeat: 3\n  do:\n    - command: test_unit_ready\n"
		"      cbw: { lun: max_lun }\n- command: { read10: { lba: 0, blocks: $few1 } }\n"
		"  cbw: { lun: max_lun, length: $few1 * block_size }" },
	{ 1, S, "- ready\n- command: { inquiry: { evpd: 1, page: 0x5f, alloc: 64 } }\n"
		"  cbw: { lun: max_lun * (tested_unit < max_lun) }\n"
		"- command: test_unit_ready" },

	/* medium: taken out, locked in */
	{ 1, S, "- ready\n- command: { prevent_allow: { prevent: 1 } }" OPTIONAL "\n"
		"- command: { start_stop_unit: { loej: 1, start: 0 } }\n"
		"- command: test_unit_ready\n- command: { prevent_allow: { prevent: 0 } }\n"
		"- command: { start_stop_unit: { loej: 1, start: 1 } }" },
	{ 2, S, "- ready\n- command: { start_stop_unit: { loej: 1, start: 0 } }\n"
		"- command: $medium\n- repeat: $few1\n  do:\n    - wait: 1s\n"
		"    - command: test_unit_ready\n"
		"- command: { start_stop_unit: { loej: 1, start: 1 } }\n- ready" },

	/* wrappers that are none */
	{ 3, H, "- command: test_unit_ready\n  cbw: { wrapper_length: $wrapper }\n"
		"- reset_recovery\n- poll: { endpoint: in }" },
	{ 2, H, "- command: read_capacity10\n  cbw: { signature: $signature }\n"
		"- reset_recovery\n- poll: { endpoint: in }" },
	{ 1, H, "- wrapper: \"00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
		" 00 00 00 00 00 00 00 00\"\n- reset_recovery" },
	{ 2, 0, "- get_max_lun\n- command: { inquiry: { alloc: 36 } }\n  save: a$id\n"
		"- command: test_unit_ready\n"
		"  cbw: { wrapper_length: $long, wrapper_fill: 0xff }\n- reset_recovery\n"
		"- get_max_lun\n- command: { inquiry: { alloc: 36 } }\n  " SAME },
	{ 2, 0, "- port_reset\n- command: test_unit_ready\n  cbw: { signature: 0 }\n"
		"- reset_recovery\n- ready" },

	/* requests */
	{ 3, 0, "- get_max_lun" },
	{ 1, 0, "- get_max_lun: { length: $length8 }\n- get_max_lun" },
	{ 1, 0, "- get_max_lun: { value: $odd }\n- get_max_lun" },
	{ 1, 0, "- get_max_lun: { index: interface + $far }\n- get_max_lun" },
	{ 2, 0, "- bulk_only_reset" },
	{ 1, 0, "- bulk_only_reset: { value: $odd }\n- bulk_only_reset" },
	{ 1, 0, "- bulk_only_reset: { index: interface + $far }\n- bulk_only_reset" },
	{ 1, 0, "- bulk_only_reset: { length: 1 }\n- bulk_only_reset" },
	{ 3, 0, "- get_status: { of: $of, expect: { outcome: done, transferred: 2 } }" },
	{ 2, 0,
	  "- get_descriptor: { type: device, length: 18, save: a$id }\n"
	  "- get_descriptor: { type: device, length: $desc,"
	  " expect: { outcome: done, data: a$id } }" },
	{ 2, 0,
	  "- get_descriptor: { type: configuration, length: 255, save: a$id }\n"
	  "- get_descriptor: { type: configuration, length: $desc,"
	  " expect: { outcome: done, data: a$id } }" },
	{ 1, 0,
	  "- get_descriptor: { type: string, index: $index, language: 0x0409, length: $desc }" },
	{ 1, 0,
	  "- control: { type: 0x80, request: 6, value: 0x0300 + $absent, index: 0x0409,"
	  " length: 255 }\n- get_status: { of: device, expect: done }" },
	{ 1, 0,
	  "- control: { type: 0x80, request: 6, value: $nodesc, length: 64, expect: stall }\n"
	  "- get_status: { of: device, expect: done }" },
	{ 1, 0,
	  "- control: { type: 0x81, request: 0, index: interface + 100, length: 2 }\n"
	  "- get_status: { of: device, expect: done }" },
	{ 1, 0,
	  "- control: { type: 0x82, request: 0, index: $endpoint, length: 2 }\n"
	  "- get_status: { of: device, expect: done }" },
	{ 1, 0,
	  "- control: { type: 0xa1, request: 0x77, index: interface, length: 1, expect: stall }\n"
	  "- get_max_lun" },
	{ 1, 0, "- control: { type: 0x80, request: 8, length: 1, expect: done }" },
	{ 2, 0, "- enumerate" },
	{ 1, 0, "- enumerate\n- port_reset\n- enumerate\n- ready" },
	{ 1, 0, "- set_interface" },
	{ 1, 0, "- set_interface: { alternate: 100 }\n- get_status: { of: device, expect: done }" },
	{ 2, 0, "- configure\n- ready" },
	{ 1, 0,
	  "- set_configuration: { value: 0 }\n- get_status: { of: device }\n- configure\n- ready" },
	{ 1, 0,
	  "- set_configuration: { value: 100, expect: any }\n- get_status: { of: device, expect: done }" },
	{ 2, 0, "- set_halt: $end\n- get_status: { of: $end }\n- clear_halt: $end\n"
		"- get_status: { of: $end }" },
	{ 2, 0, "- clear_halt: $end" },

	/* time and resets */
	{ 3, 0, "- reset_recovery" },
	{ 2, 0, "- reset_recovery\n- poll: { endpoint: in }" },
	{ 2, 0, "- port_reset\n- ready" },
	{ 1, 0, "- port_reset\n- get_max_lun\n- bulk_only_reset\n- ready" },
	{ 2, 0, "- wait: $time" },
	{ 2, 0, "- suspend: $time\n- get_status: { of: $of }" },
	{ 1, 0, "- suspend: $time\n- control: { type: 0x80, request: 8, length: 1 }\n- ready" },
	{ 1, S, "- prelude" },
	{ 2, 0, "- poll: { endpoint: in }" },

	/* transfers that the host gives up: what it does then belongs to them */
	{ 3, H,
	  "- command: { read10: { lba: 0, blocks: 8 } }\n  take: $take\n- wait: $time\n- $again\n"
	  "- poll: { endpoint: in }\n- ready" },
	{ 3, H, "- command: $any\n  take: $take\n- $again\n- poll: { endpoint: in }\n- ready" },
	{ 3, H,
	  "- command: { inquiry: { alloc: 36 } }\n  cbw: { length: 512 }\n  leave: yes\n"
	  "- $again\n- get_status: { of: in }\n- get_status: { of: out }\n"
	  "- poll: { endpoint: in }\n- ready" },
	{ 3, H,
	  "- command: $any\n  cbw: { wrapper_length: $wrapper }\n- $again\n"
	  "- get_status: { of: in }\n- get_status: { of: out }\n- poll: { endpoint: in }\n"
	  "- ready" },
	{ 2, R,
	  "- command: test_unit_ready\n  cbw: { wrapper_length: 30 }\n- clear_halt: $end\n"
	  "- poll: { endpoint: in, time: 1s }\n- clear_halt: out\n- clear_halt: in\n"
	  "- poll: { endpoint: in, time: 1s }\n- reset_recovery\n- command: test_unit_ready" },
	{ 2, R,
	  "- command: test_unit_ready\n  cbw: { wrapper_length: $near }\n- clear_halt: in\n"
	  "- clear_halt: out\n- command: test_unit_ready\n  leave: yes\n  timeout: 500ms\n"
	  "- reset_recovery\n- command: test_unit_ready" },
	{ 1, R,
	  "- command: test_unit_ready\n  cbw: { wrapper_length: 30 }\n- bulk_only_reset\n"
	  "- get_status: { of: in }\n- clear_halt: in\n- clear_halt: out\n"
	  "- command: test_unit_ready" },
	{ 1, R,
	  "- command: test_unit_ready\n  cbw: { signature: 0 }\n- command: test_unit_ready\n"
	  "  cbw: { wrapper_length: 30 }\n- poll: { endpoint: in, expect: stall }\n"
	  "- reset_recovery\n- command: test_unit_ready" },
	{ 1, H,
	  "- command: test_unit_ready\n- command: test_unit_ready\n"
	  "  during: { status: [ wait: 5ms, clear_halt: in ] }\n- command: test_unit_ready" },

	/* writes, within the scratch range */
	{ 8, W | P, "- command: { write10: { lba: scratch + $off, blocks: $some } }\n"
		    "  data: $pattern" },
	{ 2, W | P, "- command: { write12: { lba: scratch + $off, blocks: $some } }\n"
		    "  data: $pattern" },
	{ 2, W | P, "- command: { write16: { lba: scratch + $off, blocks: $some } }\n"
		    "  data: $pattern" },
	{ 1, W | P, "- command: { write10: { lba: scratch, blocks: 0 } }" },
	{ 6, W | S,
	  "- ready\n- command: { write: { lba: scratch + $off, blocks: $some } }\n"
	  "  data: stamps\n  expect: { status: passed }\n"
	  "- command: { read: { lba: scratch + $off, blocks: $some } }\n"
	  "  expect: { status: passed, data: stamps }" },
	{ 3, W | S,
	  "- ready\n- command: { write: { lba: scratch, blocks: 64 } }\n  data: ones\n"
	  "  expect: { status: passed }\n"
	  "- command: { write: { lba: scratch + 8, blocks: $some8 } }\n  data: stamps\n"
	  "- command: { read: { lba: scratch + 7, blocks: 1 } }\n  expect: { data: ones }\n"
	  "- command: { read: { lba: scratch + 8, blocks: $some8 } }\n"
	  "  expect: { data: stamps }\n"
	  "- command: { read: { lba: scratch + 8 + $some8, blocks: 1 } }\n"
	  "  expect: { data: ones }" },
	{ 3, W | S,
	  "- ready\n- command: { read: { lba: last_lba, blocks: 1 } }\n  save: a$id\n"
	  "- command: { write: { lba: \"$beyond\", blocks: $few1 } }\n  data: ones\n"
	  "  expect: { status: failed, sense: 5/21/00 }\n"
	  "- command: { read: { lba: last_lba, blocks: 1 } }\n"
	  "  expect: { status: passed, data: a$id }" },
	{ 2, W | S,
	  "- ready\n- command: { read: { lba: last_lba, blocks: 1 } }\n  save: a$id\n"
	  "- command: { write: { lba: last_lba, blocks: $two } }\n  data: ones\n"
	  "  expect: { status: failed, sense: 5/21/00 }\n"
	  "- command: { read: { lba: last_lba, blocks: 1 } }\n"
	  "  expect: { status: passed, data: a$id }" },
	{ 2, W | S,
	  "- ready\n- command: { write: { lba: scratch, blocks: 8 } }\n  data: stamps\n"
	  "  split: $split\n  expect: { status: passed }\n"
	  "- command: { read: { lba: scratch, blocks: 8 } }\n"
	  "  expect: { status: passed, data: stamps }" },
	{ 2, W | S,
	  "- ready\n- for: { at: probes }\n  do:\n"
	  "    - command: { write: { lba: at, blocks: 1 } }\n      data: stamps\n"
	  "- for: { other: probes }\n  do:\n"
	  "    - command: { read: { lba: other, blocks: 1 } }\n"
	  "      expect: { status: passed, data: stamps }" },
	{ 2, W | S,
	  "- ready\n- command: { write12: { lba: scratch, blocks: $some } }\n"
	  "  data: stamps\n  expect: { status: [passed, failed], sense: 5/20/00 }" },
	{ 2, W | S,
	  "- ready\n- command: { write: { fua: 1, lba: scratch, blocks: 1 } }\n"
	  "  data: stamps\n  expect: { status: [passed, failed], sense: 5/24/00 }" },
	{ 2, W | S,
	  "- ready\n- command: { write: { lba: scratch, blocks: 64 } }\n  data: stamps\n"
	  "  during: { data: [ { get_status: { of: device, expect: done } },"
	  " { get_descriptor: { type: device, length: 18, expect: done } } ] }\n"
	  "- command: { read: { lba: scratch, blocks: 64 } }\n"
	  "  expect: { status: passed, data: stamps }" },
	{ 2, W | S,
	  "- ready\n- command: { write: { lba: scratch, blocks: 8 } }\n  data: stamps\n"
	  "  expect: { status: passed }\n- command: { synchronize_cache10: {} }\n- $restart\n"
	  "- ready\n- command: { read: { lba: scratch, blocks: 8 } }\n"
	  "  expect: { status: passed, data: stamps }" },
	{ 2, W | H,
	  "- command: { write: { lba: scratch, blocks: 8 } }\n  data: stamps\n"
	  "  send: $take\n  leave: yes\n  timeout: 20ms\n- $again\n- poll: { endpoint: in }\n"
	  "- ready" },
	{ 2, W | H,
	  "- command: { write: { lba: scratch, blocks: 1 } }\n  data: stamps\n"
	  "  send: $bytes\n- reset_recovery\n- poll: { endpoint: in }" },
	{ 1, W | S,
	  "- ready\n- command: { write: { lba: scratch, blocks: 1 } }\n  data: ones\n"
	  "- repeat: 8\n  do:\n    - command: { write: { lba: scratch, blocks: 1 } }\n"
	  "      data: stamps\n- command: { read: { lba: scratch, blocks: 1 } }\n"
	  "  expect: { data: stamps }" },
	{ 1, W | S,
	  "- ready\n- for: { at: [0..7] }\n  do:\n"
	  "    - command: { write: { lba: scratch + 8 * at, blocks: 8 } }\n"
	  "      data: stamps\n"
	  "- command: { read: { lba: scratch, blocks: 64 } }\n  expect: { data: stamps }" },
};
const size_t fuzz_n_steps = MSC_COUNT(fuzz_steps);

#define C FUZZ_CBW

const struct fuzz_row fuzz_twists[] = {
	{ 12, C | N, "length: $length" },
	{ 4, C, "length: $length, direction: $way" },
	{ 4, C | N, "direction: $dir" },
	{ 2, C, "lun: $lun" },
	{ 2, C, "tag: $tag" },
	{ 2, C, "flags: $flags" },
	{ 3, C, "cb_length: $cblen" },
	{ 2, C, "fill: $byte" },
	{ 3, C, "signature: $signature" },
	{ 3, C, "wrapper_length: $wrapper" },
	{ 2, 0, "early: yes" },
	{ 2, 0, "clear_after: $time" },
	{ 2, 0, "split: $split" },
	{ 2, 0, "during: { data: [ get_max_lun, { get_status: { of: device } } ] }" },
	{ 1, 0, "during: { status: [ { wait: $time }, { get_status: { of: in } } ] }" },
};
const size_t fuzz_n_twists = MSC_COUNT(fuzz_twists);

const struct fuzz_values fuzz_values[] = {
	{ "again", "reset_recovery|configure|port_reset" },
	{ "restart", "port_reset|power_cycle|reset_recovery" },
	{ "end", "in|out" },
	{ "of", "device|interface|in|out" },
	{ "way", "in|out" },
	{ "dir", "none|in|out" },
	{ "pattern", "zeros|ones|counter|stamps" },
	{ "answer", "inquiry|read_format_capacities|read_capacity16|report_luns" },
	{ "any", "test_unit_ready|{ inquiry: { alloc: 36 } }|{ request_sense: { alloc: 18 } }|"
		 "read_capacity10|{ mode_sense6: { page: 0x3f, alloc: 192 } }|"
		 "{ read10: { lba: 0, blocks: 1 } }|{ read10: { lba: 0, blocks: 8 } }|"
		 "{ inquiry: { evpd: 1, page: 0x5f, alloc: 64 } }|"
		 "{ read: { lba: last_lba + 1, blocks: 1 } }" },
	{ "medium", "test_unit_ready|read_capacity10|{ read10: { lba: 0, blocks: 1 } }|"
		    "{ inquiry: { alloc: 36 } }|{ mode_sense6: { page: 0x3f, alloc: 192 } }|"
		    "{ read_format_capacities: { alloc: 252 } }" },
	{ "time", "1ms|5ms|20ms|100ms|2s" },
	{ "bit", "0|1" },
	{ "bit2", "0|1" },
	{ "pc", "0|1|2|3" },
	{ "protect", "0|1|3|7" },
	{ "byte", "0|1|0x12|0x55|0x80|0xff|#8" },
	{ "small",
	  "36|18|0|1|2|4|5|7|8|12|13|14|17|19|20|24|31|35|37|63|64|96|192|252|254|255|#8" },
	{ "alloc", "36|18|0|1|2|4|5|7|8|12|13|16|20|24|31|32|35|37|63|64|96|192|252|255|256|260|"
		   "264|511|512|513|4096|65280|65535|#8|#12" },
	{ "vpd", "0|0x80|0x83|0x01|0x5f|0xb0|0xb1|0xb2|#8" },
	{ "mode", "0x3f|0x08|0x1c|0x00|0x01|0x1a|0x0a|0x05|#6" },
	{ "reserved", "0x60|0x6d|0x7d|0x60 + #4" },
	{ "lba",
	  "0|1|last_lba|last_lba - 1|last_lba - 7|last_lba + 1|last_lba + 2|last_lba / 2|"
	  "0xfff|0x7fff|0xffff|0x10000|0x7fffffff|0x80000000|0xfffffffe|0xffffffff|#8|#16|#31" },
	{ "lba64", "0|1|last_lba|last_lba - 1|last_lba + 1|last_lba / 2|0xffff|0x80000000|"
		   "0xffffffff|0x100000000|0x100000000 + last_lba|0x7fffffffffffffff|#16|#31" },
	{ "lba21", "0|1|8|64|#8|#10" },
	{ "inside", "0|1|last_lba / 2|last_lba - 64|64|128|256|last_lba / 4 * 3|#8" },
	{ "beyond", "last_lba + 1|last_lba + 2|max(0x7fffffff, last_lba + 1)|"
		    "max(0x80000000, last_lba + 1)|max(0xffffffff, last_lba + 1)" },
	{ "blocks", "1|2|8|0|3|4|7|16|63|64|65|120|128|240|256|#7" },
	{ "some", "1|2|3|4|7|8|9|16|17|31|32|33|48|63|64" },
	{ "some8", "1|2|3|4|5|7|8|16|32" },
	{ "seven", "1|2|3|4|5|6|7|8" },
	{ "few", "1|2|8|3|0|16|255" },
	{ "few1", "1|2|3|8" },
	{ "two", "2|8|128" },
	{ "off", "0|1|2|7|8|20|37|55" },
	{ "take", "0|max_packet|1 * block_size|4 * block_size|8 * block_size" },
	{ "bytes", "1|13|31|63|64|0" },
	{ "split", "max_packet|2 * max_packet|3 * max_packet|5 * max_packet" },
	{ "length", "0|1|2|4|8|13|18|31|36|64|96|252|255|512|513|max_packet|max_packet - 1|"
		    "max_packet + 13|block_size|block_size - 1|block_size + 1|block_size + 13|"
		    "2 * block_size|2 * block_size + 13|8 * block_size|64 * block_size|0x10000|"
		    "0x10200|0x80000000|0xffffffff|#8|#12|#16" },
	{ "lun", "max_lun|max_lun + 1|0|15|0x10|0xff" },
	{ "tag", "0|1|0xffffffff|0x53425355|#31" },
	{ "flags", "0x80|0x00|0x01|0x40|0x7f|0x81|0xc0|0xff" },
	{ "cblen", "6|10|12|16|0|1|5|7|17|31|255" },
	{ "signature", "0|0x53425355|0x43425354|0x43425455|0x43435355|0x55534243|#31" },
	{ "wrapper", "30|32|0|1|13|15|31|62|63|64|65|512" },
	{ "near", "30|32" },
	{ "long", "64|512|32|62" },
	{ "length8", "0|2|8|64" },
	{ "odd", "1|0x100|0xff00" },
	{ "far", "7|0x100|0x8000|0xff00" },
	{ "desc", "18|9|8|2|1|4|16|17|32|64|255|256" },
	{ "index", "0|1|2|3|0xfe" },
	{ "absent", "0x7f|0xee" },
	{ "nodesc", "0x2200|0x0000|0x0800" },
	{ "endpoint", "0x0f|0x8f" },
};
const size_t fuzz_n_values = MSC_COUNT(fuzz_values);
