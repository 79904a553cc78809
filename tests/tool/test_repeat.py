# SPDX-License-Identifier: BSD-2-Clause
"""The command that is printed to see a finding again shows it again: it has been tried. A case that shows it only after another one
names both."""
import random
import re
import shlex

import pytest
from conftest import listing

# Defects that one case leaves for a later one, and some of all the others.
KEPT = ["sense-stale", "toggle-kept", "sense-shared", "capacity-unstable", "csw-twice", "verify-stale"]
REST = sorted({f["name"] for f in listing("faults")} - set(KEPT))
FAULTS = KEPT + random.Random(11).sample(REST, 12)


def rules_of(d, name):
    return {f["rule"] for c in d["cases"] if c["name"] == name for f in c["findings"]}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_command_of_a_cause_shows_it(mscope, fault):
    knobs = next(f["target"] for f in listing("faults") if f["name"] == fault)
    d = mscope.json("check", f"sim:reference,{knobs + ',' if knobs else ''}fault={fault}", "--allow-writes", status=None)
    assert d["causes"]
    for cause in d["causes"]:
        if not cause["alone"]:
            continue
        words = shlex.split(cause["alone"])
        case = words[-1]
        its = {f["rule"] for c in d["cases"] if c["name"] == case for f in c["findings"] if f["cause"] == cause["id"]}
        assert its & rules_of(mscope.json(*words[1:], status=None), case), cause["alone"]


def test_both_cases_are_named(mscope):
    """Of a device that never clears its sense data; each line in turn."""
    out = mscope("check", "sim:reference,fault=sense-stale", "-v", status=1).out
    lines = re.findall(r"^ +to repeat: mscope (.*)$", out, re.M)
    assert sum(line.count("--select") == 2 for line in lines) >= 3 and any(line.count("--select") == 1 for line in lines)
    for line in lines:
        *_, case, _ = words = shlex.split(line)
        d = mscope.json(*words[:-1], "-q", status=1)
        assert [c["verdict"] for c in d["cases"] if c["name"] == case] == ["fail"], line
        if line.count("--select") == 2:
            words = words[:2] + words[4:]  # without the one before it
            assert not rules_of(d, case) <= rules_of(mscope.json(*words[:-1], "-q", status=None), case), line


def test_a_file_is_not_touched_for_it(mscope):
    """The medium is the user's, so nothing is tried; the command is that of the case."""
    (mscope.cwd / "disk.img").write_bytes(bytes(16384 * 512))
    out = mscope("check", "sim:reference,file=disk.img,fault=sense-stale", "-v", status=1).out
    assert "to repeat: " in out and not re.search(r"to repeat: .*--select .*--select", out)
