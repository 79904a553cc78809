# SPDX-License-Identifier: BSD-2-Clause
"""A conforming device of any size, block size or serial number has no finding; what cannot be a device is refused at once."""
import json
import os
import re

import pytest

SIZES = [f"blocks={n},block-size={size}" for size in (512, 1024, 2048, 4096) for n in (*range(1, 9), 2**32 - 1, 2**32, 6442450944)]
EMPTY = [f"medium=0,block-size={size}" for size in (512, 1024, 2048, 4096)]
# What is about commands that cannot name a block behind FFFFFFFFh: READ(10) itself at its last address, the forms of
# twelve bytes, VERIFY(10).
NARROW = {"scsi.read10.last-address", "scsi.range.read12", "scsi.range.verify", "scsi.optional.verify", "scsi.range.read12-wrap",
          "scsi.verify.compare", "field.command.write12", "usb.command.optional-write",
          "usb.command.write12-long"}


def findings(mscope, knobs, *options):
    """(rule, severity) of what is found, notes left out, and the cases that were skipped because they do not fit."""
    process = mscope.popen("check", f"sim:reference,{knobs}", *options, "--profile", "spec", "--json", "-")
    document = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == document["exit_status"] in (0, 1)
    assert document["summary"]["error"] == 0 and document["summary"]["pass"] > 100
    return ({(f["rule"], f["severity"]) for c in document["cases"] for f in c["findings"] if f["severity"] != "note"},
            {c["name"] for c in document["cases"] if re.match("does not fit|the medium reaches", c.get("reason") or "")})


@pytest.mark.parametrize("writes", [(), ("--allow-writes",)])
@pytest.mark.parametrize("knobs", SIZES + EMPTY)
def test_nothing_is_found(mscope, knobs, writes):
    assert findings(mscope, knobs, *writes)[0] == set()


@pytest.mark.parametrize("blocks", [2**32 - 1, 2**32, 6442450944])
def test_cases_run_behind_32_bits(mscope, blocks):
    """They choose READ(16) and WRITE(16) by themselves."""
    assert findings(mscope, f"blocks={blocks}", "--allow-writes")[1] <= (NARROW if blocks >= 2**32 else set())
    out = mscope("check", f"sim:reference,blocks={blocks}", "--select", "scsi.range.read10-tail", "-vv").out
    assert f"READ({16 if blocks > 2**32 else 10}) lba {blocks - 64} blocks 64" in out


@pytest.mark.parametrize("first", range(0, 127, 16))
def test_every_serial_number(mscope, first):
    """BOT 1.0, 4.1.1 wants twelve characters: one that is shorter has that finding, and no other; one of none is refused."""
    for length in range(first, min(first + 16, 127)):
        serial = ("0123456789ABCDEF" * 8)[:length]
        short = {("bot.serial.length" if length else "bot.serial.present", "fail")} if length < 12 else set()
        writes = ["--allow-writes"] * (length in (0, 1, 11, 12, 126))
        assert findings(mscope, f"serial={serial}", *writes)[0] == short, length


@pytest.mark.parametrize("blocks", [2**54, 36028797018963967, 2**64 - 1])
def test_too_large(mscope, blocks):
    assert "too large" in mscope("probe", f"sim:reference,blocks={blocks}", status=2).err


def test_what_is_no_file(mscope, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        assert "it is not a file" in mscope("probe", f"sim:reference,file={path}", status=4).err


@pytest.mark.parametrize("knob", ["blocks=18446744073709551616", "luns=4294967297", "seed=18446744073709551616", "drift=4294967296",
                                  "card-read=9223372037s", "unplug=9223372036s", "turnaround=99999999999999s",
                                  "event=card-out@9223372037s", "event=card-out@cbw:18446744073709551616"])
def test_what_overflows_is_refused(mscope, knob):
    assert re.search("too large|too long|out of range", mscope("probe", f"sim:reference,{knob}", status=2).err)


def test_noise_is_no_finding(mscope):
    assert findings(mscope, "blocks=6442450944,fill=noise")[0] == set()
