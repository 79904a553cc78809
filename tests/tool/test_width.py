# SPDX-License-Identifier: BSD-2-Clause
"""On a terminal of 80 columns no line is longer, whatever the command and the device. Only a command that can be copied stays on its line."""
import re
import subprocess
from pathlib import Path

import pytest
from conftest import PROGRAM, TOP

TARGETS = ["sim:reference", "sim:stm32,stage=cube", "sim:linux-gadget", "sim:lsd", "sim:reference,fault=csw-missing",
           "sim:reference,fault=residue-zero", "sim:reference,fault=csw-signature", "sim:reference,luns=3,variant=blocks-3t"]
COMMANDS = ["check {}", "check {} -v", "check {} -vv -s bot.* -s scsi.sense*", "check {} --bring-up", "check {} --dry-run", "probe {}",
            "bench {} --count 5 --blocks 1,64", "pace {} --blocks 1,8", "ls {}", "fuzz {} --duration 200ms --seed 3",
            "send {} --in 36 -- 12 00 00 00 24 00", "send {} --in 512 -- 28 00 ff 00 00 00 00 00 01 00",
            "send {} --in 36 --truncate 20 -- 12 00 00 00 24 00", "send {} --in 512 -- 85 08 0e 00 00 00 01 00 00 00 00 00 00 00 ec 00"]
TO_COPY = ("to repeat", "alone:", "to go on ", "mscope ")


def too_long(mscope, args):
    out = mscope(*args, status=None, env={"COLUMNS": "80"}).out
    return [line for line in out.splitlines() if len(line) > 80 and not line.lstrip().startswith(TO_COPY)]


@pytest.mark.parametrize("command", COMMANDS)
def test_of_a_device(mscope, command):
    assert {target: long for target in TARGETS if (long := too_long(mscope, command.format(target).split()))} == {}


@pytest.mark.parametrize("command", [
    "replay captures/csw-missing/capture.pcap sim:reference --fast", "fuzz sim:reference,fault=residue-zero --count 50",
    "decode captures/csw-missing/capture.pcap -vv", "soak sim:reference,fault=ring-end --allow-writes --bytes 2M"])
def test_of_what_is_found(mscope, command):
    assert too_long(mscope, [word if not word.startswith("captures/") else TOP / word for word in command.split()]) == []


def test_of_what_there_is(mscope):
    kinds = ["targets", "firmware", "faults", "variants", "scenarios", "rules", "formats", "profiles"]
    assert {kind: long for kind in kinds if (long := too_long(mscope, ["list", kind]))} == {}


def test_of_help(mscope):
    commands = [line.split()[0] for line in mscope("help").out.splitlines() if line.startswith("  ") and line.split()]
    assert len(commands) > 10
    assert {c: long for c in commands if (long := too_long(mscope, ["help", c]))} == {}


@pytest.mark.nosan
def test_of_the_manual():
    """As mandoc draws the pages on a terminal of 80 columns; a command that is broken is still one for a shell."""
    pages = sorted((Path(PROGRAM).parent / "man").glob("mscope*.?"))
    assert len(pages) > 20
    drawn = {page.name: re.sub(".\b", "", subprocess.run(["mandoc", "-Tutf8", "-Owidth=78", page], check=True,
                                                          stdout=subprocess.PIPE).stdout.decode()) for page in pages}
    assert {name: long for name, text in drawn.items() if (long := [line for line in text.splitlines() if len(line) > 80])} == {}
    joined = drawn["mscope-lsd.7"].replace("\\\n      ", "")
    for command in re.findall(r"^\$ (.*)$", (TOP / "docs" / "lsd.md").read_text(), re.M):
        assert f"$ {command}\n" in joined, command
