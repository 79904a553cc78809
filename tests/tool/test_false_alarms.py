# SPDX-License-Identifier: BSD-2-Clause
"""False alarms that were: what a device does by right, and the scenarios or rules that accused it. Each is run with what once went
wrong there, and all of test_variants.py is run with everything."""
import json
import re

import pytest
from conftest import listing

SEVERITY = {r["name"]: r["severity"] for r in listing("rules")}
SPEC = {r["name"]: r["spec"] for r in listing("rules")}
PROFILES = ("spec", "usbif", "interop")

# What the device is, further options, and the scenarios that it failed or could not run.
CASES = {
    # -- units, and media of other sizes
    "unit 1 is tested": ("luns=2", "--lun 1", "bot.units.* field.units.*"),
    "unit 2 is tested": ("luns=3", "--lun 1", "bot.units.* field.units.*"),
    "unit 3 is tested": ("luns=4", "--lun 3", "bot.units.* field.units.*"),
    "unit 1 is larger": ("variant=units-grow", "--lun 1", "bot.units.* field.units.*"),
    "unit 0 is empty": ("variant=units-first-empty", "--lun 1", "bot.units.* field.units.* scsi.*"),
    "unit 1 is a CD": ("variant=unit-1-cd", "", "bot.units.* field.units.*"),
    "the CD is tested": ("variant=unit-1-cd", "--lun 1", "bot.units.* field.units.* scsi.capacity.* bot.case09.*"),
    "2^32 blocks": ("blocks=4294967296", "", "scsi.read10.* scsi.range.*"),
    "3 TiB": ("blocks=6442450944", "", "scsi.read10.* scsi.range.* scsi.write10.* scsi.integrity.*"),
    "one block": ("blocks=1", "", "bot.case06.* scsi.read* *synchronize* scsi.range.*"),
    # -- slow and late
    "ready after 3 s": ("variant=late-3s", "", "scsi.* bot.recovery.* bot.case06.*"),
    "ready after 8 s": ("variant=late-8s", "", "scsi.medium.* scsi.read* bot.case06.*"),
    "ready after 60 s": ("variant=late-60s", "", "scsi.medium.* scsi.read* bot.case06.*"),
    "not ready, cause unknown": ("variant=late-cause-unknown", "", "scsi.medium.* scsi.read* bot.case06.*"),
    "not ready until started": ("variant=late-start", "", "scsi.medium.* scsi.read* bot.case06.*"),
    "a card that is found late": ("variant=late-insertion", "", "scsi.medium.* scsi.read* bot.case06.*"),
    "a cache that takes 6 s": ("variant=slow-synchronize", "", "*synchronize* attach.* usb.command.*"),
    "a motor that takes 6 s": ("variant=slow-start", "", "scsi.start.* attach.* usb.command.*"),
    "a read that takes 12 s": ("variant=slow-first-read", "", "scsi.read10.* bot.case06.*"),
    "NAK for 100 ms before a CBW": ("variant=slow-cbw-100ms", "", "bot.recovery.* bot.configure.* bot.port-reset.* bot.case12.* TD1.4"),
    "NAK for 3 s before a CBW": ("variant=slow-cbw", "", "bot.recovery.* bot.configure.* bot.port-reset.* bot.case12.* TD1.4"),
    # -- other kinds of device
    "an optical disk": ("variant=type-optical", "", "scsi.inquiry.* TD2.*"),
    "a CD-ROM": ("variant=type-cd", "", "scsi.inquiry.* TD2.*"),
    "a simplified disk": ("variant=type-rbc", "", "scsi.inquiry.* TD2.*"),
    "command blocks of 12 bytes": ("variant=cb-12-least", "", "scsi.* bot.case06.* TD1.1"),
    "LSDFS": ("variant=subclass-lsdfs", "", "TD1.1 usb.*"),
    "IEEE 1667": ("variant=subclass-ieee1667", "", "TD1.1 usb.*"),
    # -- what is left open
    "REPORT LUNS that wants room for one unit": ("variant=luns-16-least", "", "scsi.luns.* attach.freebsd.*"),
    "a fixed disk that stops": ("variant=stop", "", "scsi.start.*"),
    "no medium, and no mode pages": ("variant=empty-mode-sense", "", "bot.case04.* scsi.mode* attach.macos.*"),
    "a page of the vendor's": ("variant=vpd-vendor", "", "scsi.vital.*"),
    "short sense data": ("variant=sense-14", "", "scsi.sense.* scsi.range.* bot.case04.*"),
    "lengths of the CBW that it calls not meaningful": ("variant=cb-length-fits", "", "bot.cb-length.* scsi.sense.cb-length"),
    "the rest of the data is awaited": ("variant=waits-for-rest", "", "bot.case12.* bot.case13.*"),
    "a halt before the CSW": ("variant=halt-before-csw", "", "bot.case06.* scsi.read* scsi.inquiry.*"),
    "a halt before every CSW without data": ("variant=halt-before-csw-none", "", "bot.case01.* bot.case02.* scsi.ready*"),
}


@pytest.mark.parametrize("what", CASES)
def test_a_device_within_its_rights_is_not_accused(mscope, what):
    knobs, options, select = CASES[what]
    selected = [o for s in select.split() for o in ("--select", s)]
    process = mscope.popen("check", f"sim:reference,{knobs}", *options.split(), *selected, "--allow-writes", "--profile", "spec",
                           "--json", "-")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    d = json.loads(out)
    alarms = {(profile, f["rule"], c["name"]) for c in d["cases"] for f in c["findings"] for profile in PROFILES
              if SEVERITY[f["rule"]][profile] in ("warn", "fail")}
    assert alarms == set() and d["summary"]["error"] == d["summary"]["fail"] == 0 and d["summary"]["pass"] > 0
    assert [c["name"] for c in d["cases"] if c["verdict"] == "skip" and c["reason"].startswith("there is no medium")
            and "empty" not in knobs] == []


def test_patience_outlasts_what_the_host_did(mscope):
    """A device that waits for what the host has promised has not been shown to hang: the next commands have their time."""
    d = mscope.json("check", "sim:reference,variant=waits-for-rest,variant=slow-synchronize", "--allow-writes", "--select", "bot.case1*",
                    "--select", "*synchronize*", "--select", "attach.*")
    assert d["summary"]["fail"] == d["summary"]["warn"] == 0


@pytest.mark.parametrize("rule, clause", [
    ("bot.data.cut", "USB 2.0, 5.8.3"), ("scsi.capacity.stable", "SAM-5, 5.14"), ("scsi.sense.unit", "SAM-5, 5.13"),
    ("scsi.sense.opcode", "SPC-4, 4.2.5.1 and 6.39"), ("scsi.sense.missing", "6.39"), ("scsi.inquiry.status", "SPC-4, 6.6.1"),
    ("scsi.inquiry.length", "SPC-4, 6.6.2"), ("scsi.inquiry.additional", "SPC-4, 6.6.2 and 4.2.5.6"), ("scsi.mode.pages", "SPC-4, 6.13"),
    ("scsi.mode.long", "SPC-4, 6.14"), ("scsi.mode.agree", "SPC-4, 6.13 and 6.14"), ("scsi.mode.length", "4.2.5.6"),
])
def test_the_clause_of_a_rule(rule, clause):
    assert clause in SPEC[rule]


def test_one_draft_of_spc_4():
    """Numbers of others: INQUIRY was 6.4, MODE SENSE 6.11 and 6.12, ALLOCATION LENGTH 4.3.5.6."""
    scenarios = {s["name"]: s["spec"] for s in listing("scenarios")}
    clauses = [c for text in SPEC.values() for c in text.split(";")] + [c for spec in scenarios.values() for c in spec]
    of_spc = [c for c in clauses if "SPC-4" in c]
    assert len(of_spc) > 60
    for clause in of_spc:
        assert not re.search(r"(?<![\d.])(6\.4|6\.4\.[12]|6\.11|6\.12|4\.3\.5\.6|4\.3\.4|4\.4\.1|5\.14)(?![\d.]*\d)", clause), clause
    assert all("BOT 1.0 3.3" in scenarios[n] for n in scenarios if n.startswith("bot.early."))


DOCUMENTS = (r"BOT 1\.0|USB 2\.0|USB 2\.0 ECN of link power management|USB 3\.2|Mass Storage Class Overview 1\.4|"
             r"SPC-4|SBC-2|SBC-3|SAM-5|MMC-5|SAT-3|UFI 1\.0|UEFI 2\.10")
CLAUSE = r"\d+(?:\.\d+)*"
COMMAND = r"(?: [A-Z]+)+(?: \(\d+\))?"
OTHER = r"the scenario|mscope_firmware\.h|TD\d\.\d+|LSD [A-Z].*|g_mass_storage.*|Data Synchronization Issues"


def test_every_clause_has_its_number():
    """Also the name of the command where the drafts number their commands differently: SBC-3 and MMC-5."""
    for rule, text in SPEC.items():
        for clause in text.split("; "):
            assert re.match(rf"({DOCUMENTS}), {CLAUSE}(?![\w.]*\w)|(assertion {CLAUSE} of|NAK has no limit there: USB 2\.0, {CLAUSE}$|"
                            rf"BOT 1\.0 leaves open|({OTHER})$)", clause), f"{rule}: {clause}"
    clauses = [clause for s in listing("scenarios") for clause in s["spec"]]
    for clause in clauses:
        assert re.fullmatch(rf"({DOCUMENTS}) {CLAUSE}( cases? \d+( and \d+)*|{COMMAND})?|{OTHER}", clause), clause


def test_a_command_has_one_number():
    """Clause 5 of SBC-3 has the commands in alphabetical order: a number of another draft is out of place."""
    cited = {(document, number, name) for text in [*SPEC.values(), *(c for s in listing("scenarios") for c in s["spec"])]
             for document, clauses in re.findall(r"(SBC-3|MMC-5),? ([^;]*)", text)
             for number, name in re.findall(rf"({CLAUSE})({COMMAND})?", clauses)}
    of_sbc = sorted((int(number.split(".")[1]), name) for document, number, name in cited if document == "SBC-3")
    assert len(of_sbc) > 12 and all(name for _, _, name in cited)
    assert [name for _, name in of_sbc] == sorted({name for _, name in of_sbc})
    assert {(number, name) for document, number, name in cited if document == "MMC-5"} == {("6.24", " READ FORMAT CAPACITIES")}
