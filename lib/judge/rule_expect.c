/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scenario states beyond the rules: these have no function, the runner raises them. */
#include "judge/judge.h"

const struct msc_rule msc_rule_expect_status = {
	.id = "expect.status",
	.title = "the command ends with the status that the scenario states",
	.spec = "the scenario",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the command block and the state of the unit leave no other outcome",
	.mistake = "a branch that nobody tried, or a status left over from an earlier command",
};

const struct msc_rule msc_rule_expect_sense = {
	.id = "expect.sense",
	.title = "the sense data is what the scenario states",
	.spec = "SPC-4, 4.5",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts decide by it whether to retry, to fall back or to tell the user",
	.mistake = "one sense code serves for every failure",
};

const struct msc_rule msc_rule_expect_transferred = {
	.id = "expect.transferred",
	.title = "as many bytes move as the scenario states",
	.spec = "BOT 1.0, 6.7",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the rest of the host's buffer holds what was in it before",
	.mistake = "the smaller of the host's length and the command's is not taken",
};

const struct msc_rule msc_rule_expect_outcome = {
	.id = "expect.outcome",
	.title = "a transfer or request ends as the scenario states",
	.spec = "the scenario",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "done, STALL and time-out lead a host along different ways",
	.mistake = "a request is acknowledged that should be refused, or the other way round",
};

const struct msc_rule msc_rule_expect_data = {
	.id = "expect.data",
	.title = "the data is what the scenario states",
	.spec = "the scenario",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "wrong data with a good status is the worst that storage can do",
	.mistake = "a buffer is sent before it is filled, or filled again before it is sent",
};

const struct msc_rule msc_rule_expect_medium = {
	.id = "expect.medium",
	.title = "the medium holds what was written, and nothing else has changed",
	.spec = "SBC-3, 5.33 WRITE (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "data is lost",
	.mistake =
		"a refused or clipped write reaches the medium or its neighbour, or one that passed is not kept",
};

const struct msc_rule msc_rule_expect_value = {
	.id = "expect.value",
	.title = "a value that the scenario reads is what it states",
	.spec = "the scenario",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "two answers of the device contradict each other",
	.mistake = "the same fact is kept in two places",
};

const struct msc_rule msc_rule_expect_settles = {
	.id = "expect.settles",
	.title = "after the scenario the device answers TEST UNIT READY without further help",
	.spec = "BOT 1.0, 5.3.4",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a host would go on with its next command, and have to reset first",
	.mistake = "a command that ended badly leaves an endpoint unarmed or a state behind",
};

const struct msc_rule msc_rule_scsi_write_elsewhere = {
	.id = "scsi.write.elsewhere",
	.title = "a write changes the blocks that it names, and no other",
	.spec = "SBC-3, 5.33 WRITE (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "files are lost that nobody touched",
	.mistake =
		"the address is formed in too few bits, or not compared with the capacity before "
		"the data is stored",
};
