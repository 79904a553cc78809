# SPDX-License-Identifier: BSD-2-Clause
"""A board's author, whose board does not mount, goes by docs/guide.md: bring-up first, then the whole suite, then the command that it
names. Ten faults are drawn at random among those that stop a host; what the author sees is tests/golden/guide.txt
(MSC_GOLDEN_UPDATE=1 writes it anew), and the first cause is the fault, or a tie that contains it.
"""
import random
import re

import pytest
from conftest import TOP, UPDATE, listing

SEED = 2026
TRANSCRIPT = TOP / "tests/golden/guide.txt"
pytestmark = pytest.mark.nosan


def run(mscope, *args):
    process = mscope.popen(*args)
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1, 3), err.decode()
    return process.returncode, out.decode()


def shown(args, out):
    """Less the transfers, which are indented by other columns than what is said of them."""
    lines = [line for line in out.splitlines() if not line.startswith(" ") or re.match(r" {10}\S| (FAIL|warn|skip) |  {19}\S", line)]
    return "\n".join([f"$ mscope {' '.join(args)}", *lines, ""])


def author(mscope, fault):
    """What is seen, in order; the causes that are named first, after bring-up and after all; None: the board mounts."""
    target = "sim:reference,fault=" + fault["name"]
    writes = ["--allow-writes"] if fault["needs_writes"] else []
    steps = [("check", target, "--bring-up", *writes)]
    status, out = run(mscope, *steps[0])
    if status == 0:
        return None
    seen = [shown(steps[0], out)]
    steps.append(("check", target, *writes))
    status, out = run(mscope, *steps[1])
    seen.append(shown(steps[1], out))
    named = re.findall(r"^(?:cause     | {10}or )([a-z0-9-]+): ", out.split("nothing that ran")[0].split("mistake:")[0], re.M)
    command = re.search(r"(?:alone|to repeat): +mscope (.*?)(?: -vv)?$", out, re.M)[1].split()
    status, out = run(mscope, *command)
    assert status in (1, 3), command   # 3: the defect leaves it unreachable
    seen.append(shown(command, out))
    return seen, named


def test_ten_faults_from_does_not_mount_to_the_cause(mscope):
    faults = listing("faults")
    random.Random(SEED).shuffle(faults)
    told, missed, text = 0, [], ""
    for fault in faults:
        went = author(mscope, fault)
        if went:
            told += 1
            text += f"# {told}. {fault['name']}: {fault['title']}\n" + "".join(went[0]) + "\n"
            if fault["name"] not in went[1]:
                missed.append((fault["name"], went[1]))
        if told == 10:
            break
    if UPDATE:
        TRANSCRIPT.write_text(text)
    assert told == 10 and missed == []
    assert TRANSCRIPT.read_text() == text
