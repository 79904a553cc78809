# SPDX-License-Identifier: BSD-2-Clause
"""The scenarios of the Linux mass storage gadget: each passes on the model with the knobs that it is about, is skipped with the
reason where it is about something else, and fails with a defect that breaks what it promises. tests/vm/test_gadget.py runs them on
the real gadget."""
import pytest
from conftest import listing

STALL0 = "blocks=4096,stall=0"
OWNER = "blocks=4096,event=card-write:keep=1@cbw:60"

# Each scenario, what it runs on, and faults that must make it fail, with a rule that says so.
TABLE = {
    "gadget.serial": (STALL0, {"serial-missing": "expect.value", "serial-unstable": "bot.serial.stable"}),
    "gadget.stall.in": (STALL0, {"stall-needless": "expect.value", "residue-zero": "bot.residue.in", "hang-when-short": "bot.csw.missing"}),
    "gadget.stall.in-blocks": (STALL0, {"stall-needless": "expect.value", "lba-unchecked": "scsi.lba.range", "data-missing": "bot.data.missing"}),
    "gadget.stall.out": (STALL0, {"out-halt-left": "bot.cbw.accept", "csw-missing-write": "bot.csw.missing", "length-16-bit": "bot.data.hang"}),
    "gadget.removable.commands": (STALL0, {"prevent-ignored": "expect.status", "hang-prevent": "bot.csw.missing"}),
    "gadget.removable.fixed": ("blocks=4096,removable=0", {"sense-opcode": "expect.sense", "hang-prevent": "bot.csw.missing"}),
    "gadget.removable.eject": (STALL0, {"prevent-ignored": "expect.status", "eject-ignored": "expect.status",
                                        "stop-ejects": "scsi.eject.needless", "ready-without-medium": "expect.status"}),
    "gadget.protect.told": ("blocks=4096,ro=1", {"mode-protect-10": "expect.value"}),
    "gadget.protect.writes": ("blocks=4096,ro=1", {"wp-ignored": "scsi.write.protect", "wp-sense-key": "scsi.sense.pair",
                                                   "wp-sense-opcode": "scsi.sense.protect", "hang-write-12": "bot.data.hang"}),
    "gadget.medium.none": ("stall=0", {"ready-without-medium": "expect.status", "hang-synchronize": "bot.csw.missing"}),
    "gadget.medium.owner": (OWNER, {"attention-again": "expect.status", "capacity-unstable": "scsi.capacity.stable", "sense-stale": "expect.data"}),
}
CHECK = ["--allow-writes", "--select"]


# Short data without a STALL is what stall=0 promises, and what the compliance tests do not want: no host minds.
HOST = ["--profile", "interop"]


def cases(document):
    return {c["name"]: c for c in document["cases"]}


def test_every_scenario_is_in_the_table():
    assert set(TABLE) == {s["name"] for s in listing("scenarios") if s["name"].startswith("gadget.")}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("more, options", [(",serial=123456789ABC", []), (",serial=123456789ABC", ["--queued"]), (",speed=full", [])])
def test_it_passes_on_what_it_is_about(mscope, name, more, options):
    """Of short data, and of a serial number of six characters, as the board has, a rule of the transport complains."""
    target = f"sim:linux-gadget,{TABLE[name][0]}{more}"
    assert cases(mscope.json("check", target, *CHECK, name, *options, *HOST))[name]["verdict"] == "pass"
    case = cases(mscope.json("check", target, *CHECK, name, *options))[name]
    loud = {f["rule"] for f in case["findings"] if f["severity"] in ("warn", "fail")}
    expected = {"bot.data.short"} if "stall=0" in target else set()
    assert loud == expected | ({"bot.serial.length"} if name == "gadget.serial" and "serial" not in more else set()), case


@pytest.mark.parametrize("name, fault, rule", [(n, f, r) for n, (_, faults) in TABLE.items() for f, r in faults.items()])
def test_it_fails_where_that_is_broken(mscope, name, fault, rule):
    case = cases(mscope.json("check", f"sim:linux-gadget,{TABLE[name][0]},fault={fault}", *CHECK, name, status=1))[name]
    assert case["verdict"] == "fail"
    assert rule in {f["rule"] for f in case["findings"] if f["severity"] == "fail"}


def test_elsewhere_it_is_skipped_with_the_reason(mscope):
    """Other devices do not get them unless they are named, and other gadgets get what fits them."""
    assert not [name for name in cases(mscope.json("check", "sim:reference")) if name.startswith("gadget.")]
    for target in ("sim:reference", "sim:reference,wp=1", "sim:reference,medium=0", "sim:reference,removable=0", "sim:stm32", "sim:lsd"):
        named = cases(mscope.json("check", target, *CHECK, "gadget", *HOST))
        assert set(named) == set(TABLE) and {c["verdict"] for c in named.values()} == {"skip"}, target
        assert all(c["reason"] for c in named.values())
    reasons = {name: c["reason"] for name, c in cases(mscope.json("check", "sim:linux-gadget,blocks=4096", *CHECK, "gadget")).items()}
    assert reasons["gadget.stall.in"] == reasons["gadget.stall.out"] == "it halts bulk-in behind short data, as with stall=1"
    assert "not write-protected" in reasons["gadget.protect.told"] and "there is a medium" in reasons["gadget.medium.none"]
    assert "removable" in reasons["gadget.removable.fixed"] and "nobody wrote" in reasons["gadget.medium.owner"]


def test_each_of_the_notes_flags_is_shown_by_one(mscope):
    """All that the board is started with, and the whole suite: nothing of the gadget's fails. The medium is gone when its turn comes
    to be ejected."""
    found = cases(mscope.json("check", "sim:linux-gadget,blocks=10240,stall=0,removable=1,serial=123456789ABC", "--allow-writes", *HOST))
    mine = {name: c["verdict"] for name, c in found.items() if name.startswith("gadget.")}
    assert set(mine) == set(TABLE) and set(mine.values()) == {"pass", "skip"}
    assert {name for name, verdict in mine.items() if verdict == "pass"} == {
        "gadget.serial", "gadget.stall.in", "gadget.stall.in-blocks", "gadget.stall.out", "gadget.removable.commands"}
