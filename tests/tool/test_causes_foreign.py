# SPDX-License-Identifier: BSD-2-Clause
"""The cause named first on firmware that is no model of the dictionary's: the example, with a defect written into its source."""
import shutil

import pytest
from test_external import EXAMPLE, build

STALL_IN = "\tlocked = true;\n\thw_stall(EP_IN);\n"
WRITE = "\t\tif (!hw_write(lba, n, buffer))\n"
RESET = "\treset_asked = true;\n\tepoch++;\n"
NO_LIST = ("case 0x23: return read_format_capacities();", "case 0x23: (void)read_format_capacities; return fail(5, 0x20);")

PLANTS = {
    "the reset does nothing for a command that is under way": (
        "reset-midway-ignored", "", (RESET, "\tif (!locked) {\n\t\tacknowledge();\n\t\treturn true;\n\t}\n" + RESET)),
    "bulk-in stays open after a CBW that is not valid": ("cbw-halts-out-only", "", (STALL_IN, "\tlocked = true;\n")),
    "no CSW where bulk-in was halted": ("csw-dropped", "", ("\t\treturn halt_in();\n", "\t\treturn halt_in() && false;\n")),
    "the count for the last block, and no other command tells": (
        "capacity-count", "", ("put_be32(buffer, hw_blocks() - 1);", "put_be32(buffer, hw_blocks());"), NO_LIST),
    "the last block that the capacity has is refused": (
        "last-block-refused", "", ("if (*lba < all && *blocks <= all - *lba)", "if (*lba < all && *blocks < all - *lba)"), NO_LIST),
    "the last block of a write is lost": (
        "write-last-lost", "", (WRITE, "\t\tif (n > (n == blocks) && !hw_write(lba, n - (n == blocks), buffer))\n")),
    "the last of several blocks is lost": (
        "write-tail-lost", "", (WRITE, "\t\tconst uint32_t less = n == blocks && cmd.length > BLOCK;\n\n"
                                       "\t\tif (n > less && !hw_write(lba, n - less, buffer))\n")),
    "every block goes to where the first belongs": (
        "write-onto-first", "", (WRITE, "\t\tbool ok = true;\n\n\t\tfor (uint32_t i = 0; i < n; i++)\n"
                                        "\t\t\tok &= hw_write(be32(cmd.cb + 2), 1, buffer + i * BLOCK);\n\t\tif (!ok)\n")),
    "more than 10 bytes of command block are not valid": ("cb-above-10", "", ("cbw[14] <= 16;", "cbw[14] <= 10;")),
    "VERIFY looks at the blocks of the read before it": (
        "verify-stale", "", ("static uint8_t sense[3];", "static uint64_t end;\nstatic uint8_t sense[3];"),
        ("\textent(&lba, &blocks);\n\treturn true;", "\t(void)lba;\n\t(void)blocks;\n\treturn end > hw_blocks() ? fail(5, 0x21) : true;"),
        ("\tif (*lba < all &&", "\tend = (uint64_t)*lba + *blocks;\n\tif (*lba < all &&")),
    "READ and WRITE are not ready, and TEST UNIT READY passes": (
        "ready-early", "", ("\tswitch (cmd.cb[0]) {\n", "\tif (cmd.cb[0] == 0x28 || cmd.cb[0] == 0x2a)\n"
                            "\t\treturn fail(2, 4);\n\tswitch (cmd.cb[0]) {\n")),
    "nor is READ CAPACITY": (
        "ready-always", "", ("\tswitch (cmd.cb[0]) {\n", "\tif (cmd.cb[0] >= 0x23 && cmd.cb[0] <= 0x2f)\n"
                             "\t\treturn fail(2, 4);\n\tswitch (cmd.cb[0]) {\n")),
    "reads begin again after 2 MiB": ("read-wraps", "", ("if (!hw_read(lba, n, buffer))", "if (!hw_read(lba & 4095, n, buffer))")),
    "the status of a failure stays": (
        "status-never-passes", "", ("\tcsw[12] = cmd.status;", "\tstatic uint8_t kept;\n\n\tif (cmd.status)\n\t\tkept = cmd.status;\n"
                                    "\tcsw[12] = kept;")),
    "bulk-out stays open after a CBW that is not valid": (
        "out-unarmed", "", ("\thw_stall(EP_OUT);\n\twhile", "\twhile"), ("\tif (locked)\n\t\thw_stall(ep);", "\tif (locked && ep == EP_IN)\n\t\thw_stall(ep);")),
    "every failure is an invalid field": ("sense-constant", "", ("\tsense[0] = key;\n\tsense[1] = code;", "\tsense[0] = key;\n\tsense[1] = code ? 0x24 : 0;")),
    "a format is told in bytes": ("format-bytes", "", ("put_be32(buffer + 4, hw_blocks());", "put_be32(buffer + 4, hw_blocks() * BLOCK);")),
    "a block is said to have 4096 bytes": (
        "capacity-block-larger", "", ("put_be32(buffer + 4, BLOCK);", "put_be32(buffer + 4, 4096);")),
    "every second block of a write is lost": (
        "write-alternate-lost", "", (WRITE, "\t\tbool ok = true;\n\n\t\tfor (uint32_t i = 0; i < n; i += 2)\n"
                                            "\t\t\tok &= hw_write(lba + i, 1, buffer + i * BLOCK);\n\t\tif (!ok)\n")),
    "the wake-up that is promised is refused": ("wakeup-refused", "", ("\t\t\t\t  0x80,\n", "\t\t\t\t  0xa0,\n")),
    "there is one configuration of two": ("config-count", "", ("1, 2, 3,  1 };", "1, 2, 3,  2 };")),
    "device_qualifier is one of USB 1.1": ("qualifier-version", "", ("{ 10, 6, 0, 2, 0,", "{ 10, 6, 0x10, 1, 0,")),
    "device_qualifier has packets of 0 bytes": ("qualifier-packet", "", ("0, 64, 1, 0 };", "0, 0, 1, 0 };")),
    "every failure halts both endpoints": (
        "read-halts-out", "", ("\t\treturn halt_in();\n", "\t\treturn (cmd.status ? hw_stall(EP_OUT) : (void)0), halt_in();\n")),
    "write protection is called a medium that is not there": (
        "wp-sense-absent", ",wp=1", ("fail(7, 0x27)", "fail(2, 0x3a)")),
    "a class request that is not known is not answered": (
        "class-unknown-hangs", "", ("\tif (!known)\n", "\tif (!known && (!(p[0] & 0x60) || p[1] >= 0xfe))\n")),
    "Get Max LUN sends its byte whatever wLength is": (
        "maxlun-uncut", "", ("!index && length == 1)\n\t\treturn give(0, length);", "!index)\n\t\treturn give(0, 1);")),
    "MODE SENSE sends what is in the buffer": (
        "mode-stale", "", ("\tmemset(buffer, 0, 4);\n\tbuffer[0] = 3;\n\tbuffer[2] = hw_write_protected() ? 0x80 : 0;\n", "")),
    "WP is never said": ("mode-protect", ",wp=1", ("hw_write_protected() ? 0x80 : 0;", "0;")),
}


# Of these the catalogue has none that is the same, or another one that is near: what is named may be near, and is not certain.
# The defects that are there all the same follow them.
NEAR = {
    "every second block by address is lost": (set(), (WRITE, "\t\tbool ok = true;\n\n\t\tfor (uint32_t i = 0; i < n; i++)\n"
                                                     "\t\t\tok &= !((lba + i) & 1) || hw_write(lba + i, 1, buffer + i * BLOCK);\n\t\tif (!ok)\n")),
    "the second half of each part of a write is lost": (set(), (WRITE, "\t\tif (!hw_write(lba, (n + 1) / 2, buffer))\n")),
    "all bits are stored inverted": (set(), (WRITE, "\t\tfor (uint32_t i = 0; i < n * BLOCK; i++)\n\t\t\tbuffer[i] ^= 0xff;\n" + WRITE)),
    "twice the capacity": (set(), ("\tput_be32(buffer, hw_blocks() - 1);\n", "\tput_be32(buffer, hw_blocks() * 2 - 1);\n")),
    "every READ is refused as out of range": (set(), ("case 0x28: return read_blocks();",
                                                      "case 0x28: return (void)read_blocks, fail(5, 0x21);")),
    "MODE SENSE falls into REQUEST SENSE": (set(), ("case 0x1a: return mode_sense();", "case 0x1a: (void)mode_sense; return request_sense();")),
    "the length of a CBW has its highest byte first": (set(), (
        "cmd.length = cbw[8] | (uint32_t)cbw[9] << 8 | (uint32_t)cbw[10] << 16 |\n\t\t     (uint32_t)cbw[11] << 24;",
        "cmd.length = cbw[11] | (uint32_t)cbw[10] << 8 | (uint32_t)cbw[9] << 16 |\n\t\t     (uint32_t)cbw[8] << 24;")),
    "the number of blocks has its lowest byte first": ({"blocks-swapped"}, (
        "*blocks = (uint32_t)(cmd.cb[7] << 8 | cmd.cb[8]);", "*blocks = (uint32_t)(cmd.cb[8] << 8 | cmd.cb[7]);")),
    "the residue is of all commands": ({"residue-adds"}, (
        "uint32_t residue = cmd.length - cmd.moved;", "static uint32_t sum;\n\tuint32_t residue = (sum += cmd.length) - cmd.moved;")),
}


@pytest.mark.parametrize("what", NEAR)
def test_near_is_not_certain(mscope, what):
    there, edit = NEAR[what]
    text = (EXAMPLE / "disk.c").read_text()
    assert text.count(edit[0]) == 1
    (mscope.cwd / "disk.c").write_text(text.replace(*edit))
    shutil.copy(EXAMPLE / "hw.h", mscope.cwd)
    so = build(mscope.cwd, mscope.cwd / "disk.c", EXAMPLE / "port_mscope.c")
    causes = mscope.json("check", f"sim:{so}", "--allow-writes", status=1)["causes"]
    assert {c["id"] for c in causes if c["confidence"] == "certain"} <= there


@pytest.mark.parametrize("what", PLANTS)
def test_the_first_line_is_true(mscope, what):
    cause, knobs, *edits = PLANTS[what]
    text = (EXAMPLE / "disk.c").read_text()
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (mscope.cwd / "disk.c").write_text(text)
    shutil.copy(EXAMPLE / "hw.h", mscope.cwd)
    so = build(mscope.cwd, mscope.cwd / "disk.c", EXAMPLE / "port_mscope.c")
    causes = mscope.json("check", f"sim:{so}{knobs}", "--allow-writes", status=1)["causes"]
    assert causes[0]["id"] == cause, [(c["id"], c["explains"], c["confidence"]) for c in causes]


@pytest.mark.parametrize("cause, old, new", [
    ("residue-processed", "uint32_t residue = cmd.length - cmd.moved;", "uint32_t residue = cmd.moved;"),
    ("mode-length", "buffer[0] = 3;", "buffer[0] = 4;"),
])
def test_what_hosts_see_of_it(mscope, cause, old, new):
    """A host sends what it has to, and not all that the dictionary was made with."""
    text = (EXAMPLE / "disk.c").read_text()
    assert text.count(old) == 1
    (mscope.cwd / "disk.c").write_text(text.replace(old, new))
    shutil.copy(EXAMPLE / "hw.h", mscope.cwd)
    so = build(mscope.cwd, mscope.cwd / "disk.c", EXAMPLE / "port_mscope.c")
    causes = mscope.json("check", f"sim:{so}", "--bring-up", status=None)["causes"]
    assert causes[0]["id"] == cause, [(c["id"], c["explains"], c["confidence"]) for c in causes]


def test_what_sense_data_says_is_found_on_the_command_that_failed(mscope):
    """REQUEST SENSE tells it, and did nothing wrong."""
    document = mscope.json("check", "sim:reference,fault=capacity-count", status=1)
    found = [f for c in document["cases"] for f in c["findings"] if f["rule"] == "scsi.lba.refused"]
    assert found and all(f["context"].startswith(("READ(", "VERIFY(")) for f in found)


def test_a_unit_that_is_at_work_is_asked_again(mscope):
    """2/04/08 to one write in 40: hosts send it again after a pause."""
    summary = mscope.json("check", "sim:reference,variant=long-write", "--allow-writes", "--profile", "spec")["summary"]
    assert summary["fail"] == summary["warn"] == 0


def test_a_csw_for_who_only_reads_is_none_twice(mscope):
    causes = mscope.json("check", "sim:reference,fault=csw-when-idle", status=1)["causes"]
    assert causes[0]["id"] == "csw-when-idle" and causes[0]["ties"] == []
