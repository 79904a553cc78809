# SPDX-License-Identifier: BSD-2-Clause
"""Verdicts that were wrong once, of devices that do right and of devices that do not. More of the former are in test_variants.py,
test_sizes.py and test_reference.py."""
import json

import pytest
from conftest import listing

PROFILES = ("spec", "usbif", "interop")


def document(mscope, *args):
    process = mscope.popen(*args, "--json", "-")
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1, 3), err.decode()
    return json.loads(out)


def loud(d, *severities):
    return {(c["name"], f["rule"]) for c in d["cases"] for f in c["findings"] if f["severity"] in (severities or ("warn", "fail"))}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("target, lun", [("luns=2", 1), ("luns=3", 1), ("luns=4", 3), ("luns=16", 15), ("variant=units-first-empty", 1),
                                         ("variant=units-last-empty", 0), ("luns=2,block-size=2048", 1)])
def test_every_unit_of_a_clean_device_is_clean(mscope, target, lun, profile):
    d = document(mscope, "check", f"sim:reference,{target}", "--lun", str(lun), "--allow-writes", "--profile", profile)
    assert loud(d) == set() and d["summary"]["pass"] > 60 and d["summary"]["error"] == 0


@pytest.mark.parametrize("fault", ["reset-clears-toggles", "sense-opcode", "sense-stale", "inquiry-short", "maxlun-fields", "lba-unchecked",
                                   "reset-hangs", "residue-processed"])
def test_interop_fails_only_what_a_host_sends(mscope, fault):
    d = document(mscope, "check", f"sim:reference,fault={fault}", "--profile", "interop", "--allow-writes")
    assert {name for name, _ in loud(d, "fail")} <= {c["name"] for c in d["cases"] if c["name"].startswith("attach.")}


@pytest.mark.parametrize("target", ["blocks=16384", "blocks=16384,stall=0", "blocks=16384,ro=1", "blocks=16384,removable=0"])
def test_the_gadget_has_no_failure_in_interop(mscope, target):
    """All hosts take it."""
    d = document(mscope, "check", f"sim:linux-gadget,{target}", "--profile", "interop", "--allow-writes")
    assert loud(d, "fail") == set() and d["exit_status"] == 0


def test_interop_fails_what_a_host_shows(mscope):
    """A copy of a file, among them: a fact that another case has told as less is told again."""
    for fault in ("csw-missing-write", "hang-prevent", "interface-subclass", "residue-adds"):
        d = document(mscope, "check", f"sim:reference,fault={fault}", "--profile", "interop", "--allow-writes")
        assert any(name.startswith("attach.") for name, _ in loud(d, "fail")), fault


@pytest.mark.parametrize("host", ["linux", "windows", "macos"])
def test_interop_copies_and_ejects(mscope, host):
    """What is lost on the way, and what does not answer when it is ejected, is a failure of that host."""
    for fault, case in (("csw-missing-write", "copy"), ("write-lost", "copy"), ("hang-prevent", "eject"), ("hang-synchronize", "eject")):
        name = f"attach.{host}.{case}"
        d = document(mscope, "check", f"sim:reference,fault={fault}", "--profile", "interop", "--allow-writes", "--select", name)
        assert {n for n, _ in loud(d, "fail")} == {name}, fault
        assert all(f["host"] for c in d["cases"] for f in c["findings"] if f["severity"] == "fail")


def test_what_a_fact_says_no_expectation_repeats(mscope):
    """INQUIRY data that is too short is told once; where a host decides by it, its case fails for that."""
    for profile in PROFILES:
        d = document(mscope, "check", "sim:reference,fault=inquiry-short", "--profile", profile)
        told = {(f["at_ns"], f["context"]) for c in d["cases"] for f in c["findings"] if f["rule"] == "scsi.inquiry.length"}
        again = [(c["name"], f["rule"]) for c in d["cases"] for f in c["findings"]
                 if f["rule"] in ("expect.transferred", "expect.value") and (f["at_ns"], f["context"]) in told]
        assert told and again == []
        failed = {c["name"] for c in d["cases"] if c["verdict"] == "fail"}
        assert {f"attach.{h}.probe" for h in ("linux", "windows", "macos", "freebsd", "uefi")} <= failed


def test_one_defect_has_one_severity(mscope):
    """What a scenario states is silent where a rule has spoken of the same exchange."""
    for fault in ("lba-unchecked", "sense-fails", "residue-processed", "phase-needless"):
        d = document(mscope, "check", f"sim:reference,fault={fault}", "--profile", "spec")
        for c in d["cases"]:
            at = {f["at_ns"] for f in c["findings"] if not f["rule"].startswith("expect.") and f["severity"] == "fail"}
            twice = [f for f in c["findings"] if f["rule"].startswith("expect.") and f["at_ns"] in at and f["context"]]
            assert twice == [], (fault, c["name"])


def test_usbif_names_the_test(mscope):
    d = document(mscope, "check", "sim:reference,fault=residue-zero")
    tests = {c["name"]: f["test"] for c in d["cases"] for f in c["findings"] if f["severity"] == "fail"}
    assert len(tests) > 30
    about = {s["name"]: s for s in listing("scenarios")}
    for name, test in tests.items():
        named = [t for t in about[name]["tags"] if t.startswith("TD") or t[0].isdigit()]
        assert all(t in test for t in named) and (test == "none") == (not named), name
        assert ("reconstructed" in test) == (about[name]["evidence"] == "reconstructed"), name
    assert any("TD1." in t for t in tests.values()) and "none" in tests.values()
    for profile in ("spec", "interop"):
        d = document(mscope, "check", "sim:reference,fault=residue-zero", "--profile", profile)
        assert not any("test" in f for c in d["cases"] for f in c["findings"])


def test_what_is_stated_and_cannot_be_looked_at_fails(mscope):
    """Behind a CBW that is not valid nothing is answered, rightly, and no rule speaks."""
    (mscope.cwd / "own.yaml").write_text("name: own.silent\ntitle: t\nspec: [x]\nrecover: no\nsteps:\n  - wrapper: '00 00'\n"
                                         "  - command: test_unit_ready\n    expect: { status: passed }\n  - reset_recovery\n")
    c, = mscope.json("run", "sim:reference", "own.yaml", status=1)["cases"]
    assert c["verdict"] == "fail" and {f["rule"] for f in c["findings"]} == {"expect.status"}
    assert "could not be looked at" in c["findings"][0]["message"]


@pytest.mark.parametrize("first, blocks", [("0", 1), ("scratch", 256)])
def test_blocks_that_nobody_saved_are_not_as_they_were(mscope, first, blocks):
    """None of them is known, or the first are: it had passed."""
    (mscope.cwd / "own.yaml").write_text("name: own.outside\ntitle: t\nspec: [x]\nneeds: [writable]\nscratch: 16\nsteps:\n"
                                         f"  - command: {{ read10: {{ lba: {first}, blocks: {blocks} }} }}\n"
                                         "    expect: { status: passed, data: original }\n"
                                         "  - command: { write10: { lba: scratch, blocks: 1 } }\n    data: stamps\n")
    c, = mscope.json("run", "sim:reference", "own.yaml", "--allow-writes")["cases"]
    assert c["verdict"] == "skip" and "none of those that are saved" in c["reason"]


HARMS = ("cache-stale", "page-rest-lost", "medium-drops", "buffer-end", "write-onto-first", "write-past-wraps", "unit-rest-lost",
         "write-last-lost", "medium-wraps", "wp-ignored")


@pytest.mark.parametrize("fault", HARMS)
def test_the_exit_status_is_that_of_the_verdicts(mscope, fault):
    """What the care of the medium sees has a verdict, in every profile and on every way through the suite."""
    for args in (["--bring-up"], ["--select", "attach.linux.copy"], ["--profile", "interop", "--select", "scsi.write.*"]):
        d = document(mscope, "check", f"sim:reference,fault={fault}", "--allow-writes", *args)
        s = d["summary"]
        assert d["exit_status"] == (s["fail"] + s["error"] > 0), (args, s)


@pytest.mark.parametrize("event", ["card-out@read-block:2000", "card-out@write-block:1", "card-swap@write-block:100"])
def test_a_medium_that_is_taken_while_its_blocks_are_saved_is_an_error(mscope, event):
    """The case is skipped before its first step; it was a skip, with exit status 1 and no word of it in the counts."""
    d = document(mscope, "check", f"sim:reference,event={event}", "--allow-writes", "--select", "scsi.write.long", "--select", "attach.linux.copy")
    assert [c["verdict"] for c in d["cases"]] == ["error", "skip"] and d["exit_status"] == 1
    assert "not put back" in d["cases"][0]["reason"]


@pytest.mark.parametrize("events, said", [(["plug@2ms"], "plug: nothing happens: it is plugged in already"),
                                          (["card-out@1ms", "card-out@2ms"], "card-out: nothing happens: there is no card"),
                                          (["unplug@1ms", "unplug@2ms", "plug@3ms"], "unplug: nothing happens: it is not plugged in"),
                                          (["unplug@1ms", "plug@2ms"], None)])
def test_an_event_that_changes_nothing_is_told(mscope, events, said):
    target = ",".join(["sim:reference"] + [f"event={e}" for e in events])
    err = mscope("check", target, "--select", "bot.case04.tur", status=None).err
    assert said in err if said else "nothing happens" not in err


@pytest.mark.parametrize("fault, rule", [("cache-stale", "expect.medium"), ("page-rest-lost", "scsi.write.elsewhere")])
def test_what_is_done_to_the_medium_is_found_in_a_case(mscope, fault, rule):
    """Both had passed, with notes and exit status 1: the last case that writes tells, and what to do next follows from it."""
    target = f"sim:reference,fault={fault}"
    d = document(mscope, "check", target, "--bring-up", "--allow-writes")
    assert (d["cases"][12]["name"], d["cases"][12]["verdict"]) == ("attach.macos.copy", "fail")
    assert rule in {f["rule"] for f in d["cases"][12]["findings"] if f["severity"] == "fail"} and d["summary"]["fail"] == 1
    out = mscope("check", target, "--bring-up", "--allow-writes", status=1).out
    assert rule in out[out.index("\nnext "):] and "all steps passed" not in out
    assert rule in {r for _, r in loud(document(mscope, "check", target, "--select", "attach.linux.copy", "--allow-writes"), "fail")}


@pytest.mark.nosan
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("fault", [f["name"] for f in listing("faults") if f["name"].startswith("hang") or f["name"].startswith("csw-missing")])
def test_a_hang_is_no_error(mscope, fault, profile):
    d = document(mscope, "check", f"sim:reference,fault={fault}", "--profile", profile, "--allow-writes")
    assert d["summary"]["error"] == 0 and loud(d) != set()


@pytest.mark.parametrize("fault, resets", [("configuration-ignored", {"SET_CONFIGURATION"}), ("reset-only-acknowledged", {"reset recovery"}),
                                           ("port-reset-loses-command", {"a port reset", "a port reset that ended a suspend", "reset recovery"})])
def test_a_reset_is_called_what_it_was(mscope, fault, resets):
    d = document(mscope, "check", f"sim:reference,fault={fault}")
    said = {f["message"].split(" got ")[0] for c in d["cases"] for f in c["findings"] if f["rule"] == "bot.reset.recovers"}
    assert said == {f"the first command after {reset}" for reset in resets}


@pytest.mark.parametrize("profile", PROFILES)
def test_an_enumeration_that_fails_is_a_failure_of_its_case(mscope, profile):
    """And no skip, as if the device could not be asked."""
    d = document(mscope, "check", "sim:reference,fault=reset-dead", "-s", "usb.power-up.*", "--profile", profile)
    worst = "fail" if profile != "interop" else "warn"  # no host's sequence
    assert {c["verdict"] for c in d["cases"]} == {worst} and d["exit_status"] == (worst == "fail")
    for case in d["cases"]:                             # behind each its power is taken away, which brings it back
        assert ("usb.reset.enumerates", worst) in {(f["rule"], f["severity"]) for f in case["findings"]}
    d = document(mscope, "check", "sim:reference,fault=reset-deaf", "-s", "usb.power-up.*", "--profile", profile)
    assert {c["verdict"] for c in d["cases"]} == {worst} and d["causes"][0]["id"] == "reset-deaf"


def test_no_medium_is_said_only_when_the_device_says_so(mscope):
    for fault in ("csw-tag", "csw-12", "csw-padded", "capacity-first", "capacity-zero", "hang-mode-sense-all", "sense-fails", "csw-missing"):
        d = document(mscope, "check", f"sim:reference,fault={fault}")
        assert not [c["name"] for c in d["cases"] if "there is no medium" in (c["reason"] or "")], fault
    d = document(mscope, "check", "sim:reference,medium=0")
    assert any("there is no medium (the device says 2/3A)" == c["reason"] for c in d["cases"])


# -- what was passed over: each of these was without a failure once, or was told as something else ---------------------------------

PASSED_OVER = {
    # what: the device, further options; what has to be said: of which case, by which rule, how loud
    "short data and no STALL": ("case5=short", "-s bot.case05.*", ("bot.case05.read10", "bot.data.short", "warn")),
    "a protocol that nobody defined": ("fault=interface-protocol", "--bring-up",
                                       ("attach.linux.enumerate", "bot.interface.form", "fail")),
    "a subclass of the vendor's": ("fault=interface-subclass", "--bring-up", ("attach.linux.enumerate", "bot.interface.form", "fail")),
    "PREVENT that is not answered": ("fault=hang-prevent", "--bring-up", ("attach.linux.hold", "bot.csw.missing", "fail")),
    "no CSW behind what is written": ("fault=csw-missing-write", "--bring-up --allow-writes",
                                      ("attach.linux.copy", "bot.csw.missing", "fail")),
    "data that needs time behind its CBW": ("fault=out-too-soon", "--allow-writes -s bot.case12.write10",
                                            ("bot.case12.write10", "bot.csw.missing", "fail")),
    "a STALL and then no CSW": ("fault=csw-dropped", "-s bot.case04.range", ("bot.case04.range", "bot.csw.missing", "fail")),
    "no CSW behind a READ that is refused": ("fault=csw-missing", "-s scsi.range.read10",
                                             ("scsi.range.read10", "bot.csw.missing", "fail")),
    "SYNCHRONIZE CACHE that is refused by STALL alone": ("fault=synchronize-stalled", "--allow-writes -s *synchronize*",
                                                         ("scsi.optional.synchronize", "bot.csw.missing", "fail")),
}


@pytest.mark.parametrize("what", PASSED_OVER)
def test_what_was_passed_over(mscope, what):
    knobs, options, said = PASSED_OVER[what]
    d = document(mscope, "check", f"sim:reference,{knobs}", *options.split())
    assert said in {(c["name"], f["rule"], f["severity"]) for c in d["cases"] for f in c["findings"]}
    assert d["summary"]["error"] == 0 and d["exit_status"] == (1 if said[2] == "fail" else 0)


def test_a_missing_csw_is_not_the_halt(mscope):
    """No CSW follows a command that is refused, and the halt itself is in order: ordinary commands work behind every clear-halt."""
    d = document(mscope, "check", "sim:reference,fault=csw-missing")
    rules = {f["rule"] for c in d["cases"] for f in c["findings"] if f["severity"] == "fail"}
    assert "usb.halt.recover" not in rules and "bot.csw.missing" in rules
    said = [f["message"] for c in d["cases"] for f in c["findings"] if f["rule"] == "bot.csw.missing"]
    assert sum("bulk-in was halted, the halt was cleared, and no CSW followed" in m for m in said) > 20
    toggles = document(mscope, "check", "sim:reference,fault=toggle-kept")
    assert "usb.halt.recover" in {f["rule"] for c in toggles["cases"] for f in c["findings"] if c["name"].startswith("bot.recovery.toggles")}
    assert [d["causes"][0]["id"] for d in (d, toggles)] == ["csw-missing", "toggle-kept"]


@pytest.mark.parametrize("fault", ["toggle-kept", "reset-clears-toggles", "configuration-keeps-toggle"])
def test_a_verdict_is_the_same_alone_and_in_the_run(mscope, fault):
    """Whatever the toggles were left at by the case before."""
    cases = [c for c in document(mscope, "check", f"sim:reference,fault={fault}")["cases"]
             if c["name"].startswith(("bot.recovery.", "bot.configure.")) and c["verdict"] != "skip"]
    assert len(cases) > 20
    for case in cases:
        alone, = document(mscope, "check", f"sim:reference,fault={fault}", "-s", case["name"])["cases"]
        assert alone["verdict"] == case["verdict"], case["name"]


def test_a_clean_bill_has_no_condition(mscope):
    """Where steps of a host's were not run, nobody says that the host mounts it."""
    for target in ("sim:linux-gadget", "sim:reference", "sim:reference,fault=read-hole"):
        out = mscope("check", target, "--bring-up").out
        assert "\nnot tried " in out and "whether the others would is unknown" in " ".join(out.split()), target


def test_the_culprit_is_named_and_not_who_contradicts_it(mscope):
    """READ CAPACITY(10) is one too high, and all others are right."""
    d = document(mscope, "check", "sim:reference,fault=capacity-count")
    assert d["causes"][0]["id"] == "capacity-count"
    said = [f["context"] for c in d["cases"] for f in c["findings"] if f["rule"] == "scsi.capacity.agree" and f["severity"] == "fail"]
    assert not any("READ FORMAT CAPACITIES" in context for context in said)


def test_old_data_is_called_that(mscope):
    for fault, story in (("write-lost", "zeros, as before the write"), ("write-tail-lost", "the last of 2: what was there before the write"),
                         ("write-onto-first", "block apart")):
        d = document(mscope, "check", f"sim:reference,fault={fault}", "--allow-writes", "-s", "bot.case12.write10")
        assert any(story in f["message"] for c in d["cases"] for f in c["findings"]), fault


def test_units_that_were_not_tested_are_told(mscope):
    for lun in ("0", "1"):
        notes = document(mscope, "check", "sim:reference,luns=2", "--lun", lun)["notes"]
        assert any(f"2 logical units, and this run is about unit {lun} alone" in n for n in notes)
        other = 1 - int(lun)
        assert notes[-1].endswith(f": unit {other} (--lun {other})")
    assert document(mscope, "check", "sim:reference,luns=3")["notes"][-1].endswith(": unit 1 (--lun 1), unit 2 (--lun 2)")
    assert not any("logical units" in n for n in document(mscope, "check", "sim:reference")["notes"])
    for select, but in (("bot.units.*", ", but for what bot.units.* sends"), ("bot.case06*", "")):
        assert document(mscope, "check", "sim:reference,luns=2", "-s", select)["notes"][-1] == f"not tested{but}: unit 1 (--lun 1)"


def test_a_phase_error_in_a_capture_may_be_an_internal_error(mscope):
    """BOT 1.0, 6.6.2: whoever captured it may have seen a card that failed. What no medium has part in is wrong all the same."""
    target = "sim:reference,fault=phase-needless"
    mscope("check", target, "-s", "scsi.range.read10", "-s", "scsi.mode-sense6.unknown", "--record", "own.pcap", "-q", status=1)
    d = json.loads(mscope("decode", "own.pcap", "--json", "-", status=None).out)
    said = {(x["command"].split()[0], f["severity"]) for x in d["exchanges"] for f in x["findings"] if f["rule"] == "bot.case.needless"}
    assert {("READ(10)", "warn"), ("MODE", "fail")} <= said and ("READ(10)", "fail") not in said


def test_within_counts_where_nothing_is_called_a_phase(mscope):
    (mscope.cwd / "own.yaml").write_text("name: own.late\ntitle: t\nspec: [x]\nwithin: 1ms\nsteps:\n  - wait: 10ms\n")
    c, = mscope.json("run", "sim:reference", "own.yaml")["cases"]
    assert [(f["rule"], f["severity"]) for f in c["findings"]] == [("attach.time", "note")] and c["verdict"] == "pass"
