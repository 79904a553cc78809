# SPDX-License-Identifier: BSD-2-Clause
"""What a reader sees first: the causes. Which ones are named is for tests/unit/test_cause.c; here, that each format has them, that
what is printed is short, and that nothing is made up."""
import json
import re
import shlex
import xml.etree.ElementTree as ET

import pytest

ZERO = "sim:reference,fault=residue-zero"


def lines_of_80(text):
    """As a terminal shows it."""
    return sum(max(1, -(-len(line) // 80)) for line in text.splitlines())


def test_a_failing_device_fits_on_a_screen(mscope):
    out = mscope("check", ZERO, status=1).out
    assert lines_of_80(out) <= 40
    assert any(line.startswith("cause     residue-zero: ") for line in out.splitlines()[:5])


def test_a_clean_device_fits_in_15_lines(mscope):
    out = mscope("check", "sim:reference").out
    assert lines_of_80(out) <= 15 and "cause" not in out and "left over" not in out
    skipped = sum(int(n) for n in re.findall(r"^ skip +(\d+) case", out, re.M))
    assert f", {skipped} skipped in" in out


@pytest.mark.parametrize("fault", ["residue-zero", "endpoint-armed-twice", "csw-tag"])
def test_the_tests_of_usbif_that_fail_are_all_accounted_for(mscope, fault):
    """Six by name, and how many there are besides; whichever exchange is shown."""
    target = f"sim:reference,fault={fault}"
    cases = mscope.json("check", target, status=1)["cases"]
    tests = {f["test"] for case in cases for f in case["findings"] if f.get("cause") == fault} - {"none", None}
    line, = re.findall(r"^ +USB-IF: +(.*)$", mscope("check", target, status=1, env={"COLUMNS": "400"}).out, re.M)
    named = line.split("; ")
    more = int(named.pop().split()[1]) if line.endswith(" more") else 0
    assert set(named) <= tests and len(named) == min(6, len(tests)) and len(named) + more == len(tests)


def test_a_failure_without_a_reason_is_found_on_the_command_that_failed(mscope):
    d = mscope.json("check", "sim:reference,fault=verify-senseless", "--allow-writes", status=1)
    found = [f for c in d["cases"] for f in c["findings"] if f["rule"] == "scsi.sense.missing"]
    assert found and all(f["context"].startswith("VERIFY(10)") for f in found)
    assert not [f for c in d["cases"] for f in c["findings"] if f["rule"] == "expect.sense"]     # one of the two speaks


def test_json_has_causes(mscope):
    d = mscope.json("check", ZERO, status=1)
    first, = d["causes"]
    assert first["id"] == "residue-zero" and first["confidence"] == "certain" and first["missing"] == []
    assert first["explains"] == first["of"] == sum(len(c["findings"]) for c in d["cases"]) and d["unexplained"] == []
    assert {f["cause"] for c in d["cases"] for f in c["findings"]} == {"residue-zero"}
    again = mscope(*shlex.split(first["alone"])[1:], status=1).out
    assert "bot.residue.in" in again


def test_junit_and_tap_carry_the_cause_of_each_failing_case(mscope):
    mscope("check", ZERO, "-s", "bot.case*", "--junit", "x.xml", "--report", "tap:x.tap", "-q", status=1)
    cases = ET.parse(mscope.cwd / "x.xml").getroot().iter("failure")
    assert {f.get("message").split(":")[0] for f in cases} == {"residue-zero"}
    tap = (mscope.cwd / "x.tap").read_text()
    assert tap.count("\nnot ok ") == tap.count('\n  cause: "residue-zero"\n') > 5


def test_ties_are_named(mscope):
    """On a medium this small the ways to form an address too narrow do the same, and without writes also that of reads alone."""
    d = mscope.json("check", "sim:reference,fault=byte-address-24", status=1)
    assert {d["causes"][0]["id"], *(t["id"] for t in d["causes"][0]["ties"])} == {
        "block-address-16", "byte-address-24", "byte-address-32", "byte-address-32-read"}
    assert d["causes"][0]["confidence"] == "likely"
    assert "nothing that ran tells these apart" in mscope("check", "sim:reference,fault=byte-address-24", status=1).out


@pytest.mark.parametrize("fault", ["toggle-kept", "csw-dropped"])
@pytest.mark.parametrize("how", [["--bring-up"], ["-s", "bot.case05.inquiry"]])
def test_one_csw_that_did_not_come_may_be_a_toggle(mscope, fault, how):
    """Whether a toggle that was kept shows is chance; only the cases that look for it tell it from a CSW that was dropped."""
    found = mscope.json("check", f"sim:reference,fault={fault}", *how, status=None)["causes"]
    if found:       # by an even number of packets nothing shows
        assert {fault, "toggle-kept"} <= {found[0]["id"], *(t["id"] for t in found[0]["ties"])}
        assert found[0]["confidence"] != "certain"
    whole = mscope.json("check", f"sim:reference,fault={fault}", status=1)["causes"][0]
    assert whole["id"] == fault and whole["ties"] == [] and whole["confidence"] == "certain"


@pytest.mark.parametrize("fault", ["csw-12", "csw-padded"])
def test_a_csw_too_long_is_none_too_short(mscope, fault):
    d = mscope.json("check", f"sim:reference,fault={fault}", status=1)
    assert [c["id"] for c in d["causes"]] == [fault] and d["causes"][0]["ties"] == []


@pytest.mark.parametrize("target, named", [
    ("stm32,fault=mode-length-10,fault=mode-low-byte", {"mode-length-10", "mode-low-byte"}),
    ("reference,fault=verify-any", {"verify-any"}),
    ("reference,fault=verify-stale", {"verify-stale"}),
    ("reference,fault=configuration-ignored", {"configuration-ignored"}),
    ("reference,fault=configuration-keeps-command", {"configuration-keeps-command"}),
    ("reference,fault=vpd-page-ignored", {"vpd-page-ignored"}),
    ("reference,fault=evpd-ignored", {"evpd-ignored"}),
    ("reference,fault=lba-wraps-refused", {"lba-wraps-refused"}),
    ("reference,fault=hang-get-status", {"hang-get-status"}),
    ("reference,fault=hang-get-status-device", {"hang-get-status-device"}),
    ("reference,fault=out-halt-left", {"out-halt-left"}),
    ("reference,fault=read-halts-out", {"read-halts-out"}),
    ("reference,fault=wp-sense-absent", {"wp-sense-absent"}),
    ("reference,fault=status-late", {"status-late"}),
    ("reference,fault=status-never-passes", {"status-never-passes"}),
])
def test_defects_that_look_alike(mscope, target, named):
    d = mscope.json("check", f"sim:{target}", "--profile", "usbif", "--allow-writes", status=1)
    assert {c["id"] for c in d["causes"]} == named and not any(c["ties"] for c in d["causes"])


@pytest.mark.parametrize("fault", ["residue-processed", "mode-length", "mode-length-zero"])
def test_what_hosts_see_is_enough(mscope, fault):
    """The words of a finding tell these from what they are like."""
    cause, = mscope.json("check", f"sim:reference,fault={fault}", "--bring-up", status=None)["causes"]
    assert (cause["id"], cause["ties"], cause["confidence"]) == (fault, [], "certain")


@pytest.mark.parametrize("fault", ["attention-again", "block-512", "cache-stale", "capacity-block", "page-rest-lost", "read-first-fails", "write-wraps"])
def test_bring_up_has_the_cause_of_what_only_it_shows(mscope, fault):
    """The care of the medium is first taken, and last told, in other cases than those of the suite; and no case begins alike."""
    d = mscope.json("check", f"sim:reference,fault={fault}", "--bring-up", "--allow-writes", status=None)
    assert d["causes"] and fault in [d["causes"][0]["id"]] + [t["id"] for t in d["causes"][0]["ties"]] and not d["unexplained"]


@pytest.mark.parametrize("fault", ["attention-again", "sense-stale", "cbw-too-soon", "capacity-unstable"])
def test_what_depends_on_the_cases_before_has_its_cause_without_writes_too(mscope, fault):
    d = mscope.json("check", f"sim:reference,fault={fault}", status=1)
    assert [c["id"] for c in d["causes"]] == [fault] and not d["unexplained"]


def test_what_hosts_see_may_be_too_little(mscope):
    """One REQUEST SENSE that fails: whatever does that is named."""
    cause, = mscope.json("check", "sim:reference,fault=sense-fails", "--bring-up", status=1)["causes"]
    assert {"sense-fails", "status-stays-failed"} <= {cause["id"], *(t["id"] for t in cause["ties"])}
    assert cause["confidence"] != "certain"


@pytest.mark.parametrize("fault", ["read-wraps", "medium-wraps"])
def test_a_medium_that_is_not_blank(mscope, fault):
    """Reads begin again, and so nothing is written that tells whether writes do."""
    cause, = mscope.json("check", f"sim:reference,fault={fault},fill=noise", "--allow-writes", status=1)["causes"]
    assert {"read-wraps", "medium-wraps"} <= {cause["id"], *(t["id"] for t in cause["ties"])}
    assert cause["confidence"] == "likely"


def test_a_status_that_comes_late_is_seen_everywhere(mscope):
    """The capacity is learned all the same, and with it nothing is skipped that would show the defect."""
    skipped = [mscope.json("check", target, "--allow-writes", status=status)["summary"]["skip"]
               for target, status in (("sim:reference,fault=status-late", 1), ("sim:reference", 0))]
    assert skipped[0] == skipped[1]


def test_why_nothing_ran_comes_first(mscope):
    out = mscope("check", "sim:reference", "--lun", "1", status=2).out
    assert out.index("stopped ") < out.index(" skip ")


def test_the_value_in_force_is_that_of_now(mscope):
    """Out of its configuration and back into it, a device that does nothing for the value in force does all."""
    d = mscope.json("check", "sim:reference,fault=configuration-ignored", "--profile", "usbif", status=1)
    cases = {c["name"]: c["verdict"] for c in d["cases"]}
    assert {cases[c] for c in ("usb.configuration.zero", "usb.configuration.zero-toggles")} == {"pass"}


def test_sense_data_is_not_asked_for_what_passed(mscope):
    d = mscope.json("check", "sim:reference,fault=inquiry-page-passes", "--profile", "usbif", status=1)
    assert {f["rule"] for c in d["cases"] for f in c["findings"]} == {"expect.status"}


def test_nothing_is_made_up(mscope):
    """A scenario of the user's own, which demands what no fault is about."""
    (mscope.cwd / "own.yaml").write_text("name: own.inquiry\ntitle: t\nspec: [x]\nsteps:\n"
                                         "  - command: { inquiry: { alloc: 36 } }\n    expect: { transferred: 35 }\n")
    p = mscope("run", "sim:reference", "own.yaml", status=1)
    assert "\ncause " not in p.out and "left over no known cause explains this 1 finding" in p.out
    d = mscope.json("run", "sim:reference", "own.yaml", status=1)
    assert d["causes"] == [] and [(g["rule"], g["commands"], g["steps"]) for g in d["unexplained"]] == [
        ("expect.transferred", "INQUIRY", "data, CSW")]


def test_what_happened_is_told(mscope):
    """Commands of which nobody knows why, with what they have in common."""
    text = ("name: own.{1}\ntitle: t\nspec: [x]\nsteps:\n  - command: {{ {0}: {{ alloc: 8 }} }}\n    expect: {{ transferred: 7 }}\n")
    for name in ("inquiry", "request_sense"):
        (mscope.cwd / f"{name}.yaml").write_text(text.format(name, name.replace("_", "-")))
    d = mscope.json("run", "sim:reference", "inquiry.yaml", "request_sense.yaml", status=1)
    assert [(g["findings"], g["commands"]) for g in d["unexplained"]] == [(2, "INQUIRY, REQUEST SENSE")]


def test_a_run_that_is_stopped_has_its_causes(mscope):
    d = mscope.json("check", "sim:reference,fault=csw-tag,unplug=2s", status=3)
    assert d["reason"] and d["causes"][0]["id"] == "csw-tag"
    assert all(c["verdict"] == "skip" for c in d["cases"][-5:])


def test_what_does_not_change_is_judged_once(mscope):
    d = mscope.json("check", "sim:reference,fault=inquiry-strings", status=0)
    found = [(c["name"], c["verdict"], f) for c in d["cases"] for f in c["findings"] if f["rule"] == "scsi.inquiry.strings"]
    first, *later = found
    assert first[1] == "warn" and "above" not in first[2]
    assert later and all(v in ("pass", "skip") and f["severity"] == "note" and f["above"] == first[0] for _, v, f in later)
    assert d["causes"][0]["id"] == "inquiry-strings" and d["causes"][0]["explains"] == len([v for _, v, _ in found if v != "skip"])


def test_the_gadget_is_known(mscope):
    d = mscope.json("check", "sim:linux-gadget,blocks=16384", status=1)
    assert [(c["id"], c["kind"]) for c in d["causes"]] == [("linux-gadget", "firmware")] and d["unexplained"] == []
    d = mscope.json("check", "sim:linux-gadget,blocks=16384,fault=csw-tag", status=1)
    assert d["causes"][0]["id"] == "csw-tag"


def test_list_faults_says_the_mistake(mscope):
    faults = json.loads(mscope("list", "faults", "--json", "-").out)["faults"]
    assert all(f["mistake"] for f in faults)
    cause = mscope.json("check", ZERO, status=1)["causes"][0]
    assert cause["mistake"] == next(f["mistake"] for f in faults if f["name"] == "residue-zero")
