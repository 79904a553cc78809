# SPDX-License-Identifier: BSD-2-Clause
"""docs/devices.md explains, cause by cause, all that the runs on real devices are expected to find (tests/vm/expected), and nothing else:
here the two are held against each other, without those devices."""
import re

import pytest
from conftest import TOP, listing

EXPECTED = TOP / "tests/vm/expected"
# Only of a queued run, which has no list.
QUEUED = {"bot.stall.needless"}
GADGETS = ["blocks=16384", "blocks=16384,stall=0", "blocks=16384,ro=1", "blocks=16384,removable=0", "blocks=16384,luns=3", "stall=1"]


def section(title, level="##"):
    text = (TOP / "docs/devices.md").read_text()
    return text.split(f"\n{level} {title}\n", 1)[1].split("\n## ")[0]


def rows(text):
    """The rules of each row of the table that begins with rules, and what is said of them."""
    table = re.search(r"^\| rule \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M)[1]
    cells = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in table.splitlines()]
    return [(set(re.findall(r"`([a-z0-9.-]+)`", first)), rest) for first, *rest in cells]


def stick_lists():
    """(scenario, rules) of each line."""
    return [(line.split(": ")[0].split()[1], set(line.split(": ")[1].split(", ")))
            for path in sorted(EXPECTED.glob("stick-*.txt")) for line in path.read_text().splitlines()]


def test_what_is_expected_of_the_sticks_is_explained():
    told = set().union(*(rules for rules, _ in rows(section("QEMU's sticks"))))
    found = set().union(*(rules for _, rules in stick_lists()))
    assert found - told == set()
    assert told - found == QUEUED, "explained, and no run finds it"


def test_each_cause_says_what_and_whose():
    known = {r["name"] for r in listing("rules")}
    for title in ("The Linux gadget", "QEMU's sticks"):
        for rules, rest in rows(section(title)):
            assert rules and rules <= known, rules
            assert rest and all(len(cell) > 20 for cell in rest), rules


def test_what_is_left_out_is_explained():
    source = (TOP / "tests/vm/test_sticks.py").read_text()
    left_out = set(re.findall(r'"([a-z0-9.-]+)"', re.search(r"LEFT_OUT = \[(.*?)\]", source, re.S)[1].split("\n", 2)[2]))
    told = section("Cases that crash QEMU", "###")
    assert left_out == set(re.findall(r"`(bot\.[a-z0-9.-]+)`", told))
    assert not {name for name, _ in stick_lists()} & left_out


@pytest.mark.parametrize("queued", [[], ["--queued"]])
@pytest.mark.parametrize("knobs", GADGETS)
def test_what_the_gadget_does_is_explained(mscope, knobs, queued):
    """The model does what the real one does; the tests in tests/vm hold them against each other."""
    told = set().union(*(rules for rules, _ in rows(section("The Linux gadget"))))
    d = mscope.json("check", f"sim:linux-gadget,serial=123456,{knobs}", "--allow-writes", *queued, status=None)
    assert {f["rule"] for c in d["cases"] for f in c["findings"] if f["severity"] in ("warn", "fail")} - told == set()
    its_own = {"linux-gadget"} | ({"stall-missing"} if "stall=0" in knobs else set())
    assert {c["id"] for c in d["causes"] if c["severity"] != "note"} <= its_own


def test_the_differences_have_their_reasons():
    names = {s["name"] for s in listing("scenarios")}
    text = (EXPECTED / "gadget-differences.toml").read_text()
    for block in text.split("[[difference]]")[1:]:
        listed = re.search(r"scenarios = \[(.*?)\]", block, re.S)[1]
        assert set(re.findall(r'"([^"]+)"', listed)) <= names and re.search(r'reason = "+.{10,}', block, re.S)
