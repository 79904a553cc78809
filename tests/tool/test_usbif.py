# SPDX-License-Identifier: BSD-2-Clause
"""The test descriptions of the USB-IF: all there, by name, and marked where they are reconstructed."""
import fnmatch
import re

import pytest
from conftest import TOP, listing

NAMES = [f"TD1.{n}" for n in range(1, 20)] + ["TD2.1", "TD2.2"]
RECONSTRUCTED = {"TD1.3", "TD1.8", "TD1.10", "TD1.11", "TD1.12", "TD1.13", "TD1.14", "TD1.18", "TD2.1"}
ASSERTIONS = ["5.1.2", "5.2.3", "5.3.4", "5.5.6", "5.5.7", "5.7.2"]
SCENARIOS = listing("scenarios")


def of(tag):
    return [s for s in SCENARIOS if tag in s["tags"]]


@pytest.mark.parametrize("name", NAMES)
def test_every_description_is_there(mscope, name):
    chosen = of(name)
    assert chosen and {s["evidence"] for s in chosen} == {
        "reconstructed" if name in RECONSTRUCTED else "confirmed"}
    for profile in ("spec", "usbif", "interop"):
        s = mscope.json("check", "sim:reference", "--select", name, "--allow-writes", "--profile",
                        profile)["summary"]
        assert s["pass"] == len(chosen) and s["fail"] == s["warn"] == s["skip"] == s["error"] == 0


def test_the_tag_usbif_is_all_of_them():
    described = {s["name"] for s in SCENARIOS if s["evidence"]}
    assert {s["name"] for s in of("usbif")} == described
    assert all(set(s["tags"]) & set(NAMES) for s in of("usbif"))


@pytest.mark.parametrize("number", ASSERTIONS)
def test_every_assertion_is_a_tag(mscope, number):
    assert of(number)
    mscope("check", "sim:reference", "--select", number, "--allow-writes")


def test_the_list_marks_what_is_reconstructed(mscope):
    text = " ".join(mscope("list", "scenarios", "--select", "TD1.10").out.split())
    assert text.endswith("(reconstructed)")
    assert "reconstructed" not in mscope("list", "scenarios", "--select", "TD1.9").out
    assert "evidence      reconstructed" in mscope("list", "scenarios", "bot.case06.read10").out


def test_an_error_recovery_is_the_whole_of_it(mscope):
    """TD1.4: three CBWs that are not valid, a reset recovery after each, and the order of its steps."""
    document = mscope.json("check", "sim:reference,fault=cbw-ignored", "--select", "TD1.4", status=1)
    assert [c["name"] for c in document["cases"]] == ["bot.cbw.recovery"]
    kinds = [(e["kind"], e["command"]) for e in document["cases"][0]["exchanges"]]
    commands = [c for kind, c in kinds if kind == "exchange"]
    assert commands[:3] == ["INQUIRY alloc 36", "TEST UNIT READY", "READ CAPACITY(10) lba 0"]
    controls = [c for kind, c in kinds if kind == "control" and "GET_STATUS" not in c]
    assert controls == 3 * ["Bulk-Only Reset", "CLEAR_FEATURE endpoint 81h", "CLEAR_FEATURE endpoint 02h"]


@pytest.mark.parametrize("knob, name, text", [("stall", "stall", "ends in STALL"),
                                              ("short", "short_packet", "ends in a short packet"),
                                              ("pad", "padding", "is filled up")])
def test_the_answer_to_case_5_is_accepted_and_named(mscope, knob, name, text):
    target = f"sim:reference,case5={knob}"
    assert mscope.json("probe", target)["short_data"] == name
    assert text in mscope("probe", target).out
    for profile, severity in (("usbif", "warn"), ("interop", "note")):
        document = mscope.json("check", target, "--select", "TD1.9", "--profile", profile)
        found = [(f["rule"], f["severity"]) for c in document["cases"] for f in c["findings"]]
        assert set(found) == ({("bot.data.short", severity)} if knob == "short" else set())


def rows(first):
    """The rows of docs/cases.md whose first cell matches, as lists of cells."""
    lines = (TOP / "docs" / "cases.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if re.fullmatch(first, row[0])]


def test_the_page_has_every_description_with_its_scenarios():
    page = {row[0]: row[1:] for row in rows(r"TD\d\.\d+") if "`" in row[-1]}
    assert list(page) == NAMES
    for name, (about, scenarios) in page.items():
        assert ("(reconstructed)" in about) == (name in RECONSTRUCTED)
        assert scenarios.split(", ") == [f"`{s['name']}`" + " (writes)" * s["writes"] for s in of(name)]


def test_the_page_says_what_is_public_of_those_that_are_reconstructed():
    page = [row for row in rows(r"TD\d\.\d+") if "`" not in row[-1]]
    assert [row[0] for row in page] == [name for name in NAMES if name in RECONSTRUCTED]
    assert all(len(row) == 3 and row[1] and row[2] for row in page)


def test_the_page_has_every_case_with_its_rules():
    page = rows(r"\d+ H.*")
    rules = {rule["name"] for rule in listing("rules")}
    assert [int(row[0].split()[0]) for row in page] == list(range(1, 14))
    for number, row in enumerate(page, 1):
        assert set(re.findall(r"`(.*?)`", row[4])) <= rules, row
        glob, = re.findall(r"`(.*?)`", row[6])
        chosen = [s for s in SCENARIOS if fnmatch.fnmatch(s["name"], glob)]
        assert glob == f"bot.case{number:02}.*" and chosen
        assert row[5] in {tag for s in chosen for tag in s["tags"]}


def test_every_kind_can_be_searched(mscope):
    """By a glob of the name, or by a word; scenarios by tags and clauses too, as above."""
    def names(*args):
        document = mscope.json("list", *args)
        return [e["name"] for e in document[args[0]]]

    assert names("rules", "-s", "bot.csw.t*") == ["bot.csw.tag"]
    assert "csw-tag" in names("faults", "-s", "TAG") and "residue-zero" not in names("faults", "-s", "tag")
    assert names("profiles") == ["spec", "usbif", "interop"]
    assert set(names("variants", "-s", "late-8s", "-s", "no-read-12")) == {"late-8s", "no-read-12"}


def test_list_shows_the_scenarios_of_a_test(mscope):
    for name in [*NAMES, "usbif", "5.7.2"]:
        shown = mscope.json("list", "scenarios", name)["scenarios"]
        assert shown == mscope.json("list", "scenarios", "--select", name)["scenarios"] != [], name
