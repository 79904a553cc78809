# SPDX-License-Identifier: BSD-2-Clause
"""sim:recorded: the device of a capture, as far as the capture knows."""
import pytest
from usbip import Serve

FULL = "sim:reference,speed=full,host=uhci"
AGAIN = "sim:recorded,capture=was.pcap"


@pytest.mark.parametrize("target", [FULL, "sim:reference", "sim:stm32,stage=cube", "sim:lsd"])
def test_it_answers_as_recorded_and_in_the_same_time(mscope, target):
    mscope("bench", target, "-b", "1,8", "-n", "4", "--op", "read", "--mode", "serial", "-q", "--record", "was.pcap", "--record-transfers")
    d = mscope.json("replay", "was.pcap", AGAIN)
    assert d["summary"]["same"] >= 20 and not d["summary"]["differs"]
    assert d["summary"]["recorded_ns"] == d["summary"]["replayed_ns"]
    slow = mscope.json("replay", "was.pcap", AGAIN + ",turnaround=2ms")
    assert slow["summary"]["replayed_ns"] > d["summary"]["replayed_ns"], "times can differ"


def test_a_capture_of_the_bus(mscope):
    mscope("bench", FULL, "-b", "1,8", "-n", "4", "--op", "read", "--mode", "serial", "-q", "--record", "was.pcap")
    d = mscope.json("replay", "was.pcap", AGAIN)
    assert d["summary"]["same"] >= 20 and not d["summary"]["differs"] and not d["summary"]["slower"]


@pytest.mark.parametrize("fault", ["residue-zero", "csw-tag", "csw-signature", "csw-12"])
def test_its_faults_are_found_again(mscope, fault):
    mscope("check", f"sim:reference,fault={fault}", "-q", "--record", "was.pcap", status=None)
    was = {f["rule"] for f in mscope.json("decode", "was.pcap", status=None)["summary"]["findings"]}
    again = {f["rule"] for c in mscope.json("check", AGAIN, status=None)["cases"] for f in c["findings"]}
    assert {r for r in was if r.startswith(("bot.csw", "bot.residue"))} <= again


@pytest.mark.parametrize("write, read", [("write10", "read12"), ("write12", "read10"), ("write16", "read16")])
def test_what_is_written_is_kept(mscope, write, read):
    """By any form of the command: the capture is of a medium that was read whole."""
    mscope("read", "sim:reference,blocks=512", "--lba", "0", "--record", "was.pcap")
    (mscope.cwd / "own.yaml").write_text(f"name: own.kept\ntitle: t\nspec: [x]\nscratch: 1\nsteps:\n"
                                         f"  - command: {{ {write}: {{ lba: scratch, blocks: 1 }} }}\n    data: stamps\n"
                                         f"  - command: {{ {read}: {{ lba: scratch, blocks: 1 }} }}\n    expect: {{ status: passed, data: stamps }}\n")
    mscope("run", AGAIN, "own.yaml", "--allow-writes")


@pytest.mark.parametrize("fault, case, rules", [
    ("cbw-signature-unchecked", "bot.cbw.signature", {"bot.cbw.invalid"}),
    ("cbw-length-unchecked", "bot.cbw.long", {"bot.cbw.invalid"}),
    ("csw-tag", "bot.cbw.signature", set()),
])
def test_wrappers_that_are_no_cbw(mscope, fault, case, rules):
    """What was done with such a thing is done again, and what was not seen is said."""
    mscope("check", f"sim:reference,fault={fault}", "--select", case, "-q", "--record-transfers", "--record", "was.pcap", status=None)
    d = mscope.json("check", AGAIN, "--select", case, status=None)
    again = {f["rule"] for c in d["cases"] for f in c["findings"]}
    assert rules == again & {"bot.cbw.invalid"}
    p = mscope("send", AGAIN, "-v", "--signature", "0x12345678", "--", "00 00 00 00 00 00", status=None)
    assert ("not in the capture: a CBW that is not valid" in p.err) == (case != "bot.cbw.signature")


def test_it_is_served(mscope, tmp_path):
    mscope("bench", FULL, "-b", "1,8", "-n", "4", "--op", "read", "--mode", "serial", "-q", "--record", "was.pcap", "--record-transfers")
    with Serve(tmp_path, AGAIN) as serve:
        d = mscope.json("replay", "was.pcap", serve.target())
        assert d["summary"]["same"] >= 20 and not d["summary"]["differs"]
        assert "1209:0001" in mscope("probe", serve.target()).out


def test_a_fault_is_found_in_what_is_served(mscope, tmp_path):
    case = ["--select", "bot.case05.inquiry"]
    mscope("check", "sim:reference,fault=residue-zero", *case, "-q", "--record", "was.pcap", status=1)
    with Serve(tmp_path, AGAIN) as serve:
        d = mscope.json("check", serve.target(), *case, status=1)
    assert "bot.residue.in" in {f["rule"] for c in d["cases"] for f in c["findings"]}


def test_what_the_capture_does_not_know(mscope):
    mscope("bench", FULL, "-b", "8", "-n", "2", "--op", "read", "--mode", "serial", "-q", "--record", "was.pcap", "--record-transfers")
    p = mscope("send", AGAIN, "-v", "--in", "512", "--", "28 00 00ffff00 00 0001 00", status=1)
    assert "not in the capture: READ(10) lba 16776960 blocks 1" in p.err and "unrecovered read error" in p.out
    p = mscope("send", AGAIN, "-v", "--in", "16", "--", "a0 00 00 00 00 00 00 00 00 10 00 00", status=1)
    assert "not in the capture" in p.err
    p = mscope("send", AGAIN, "-v", "--in", "1024", "--", "28 00 00000002 00 0002 00")
    assert "not in the capture" not in p.err, "a part of what was read"
    p = mscope("send", AGAIN, "-v", "--", "12 00 00 00 18 00")
    assert "not in the capture" not in p.err, "the same answer, cut"


def test_a_volume_is_read_from_it(mscope):
    mscope("read", "sim:lsd", "--file", "/SENSORS/THERMO.TXT", "--record", "was.pcap")
    assert mscope("read", AGAIN, "--file", "/SENSORS/THERMO.TXT").out == mscope("read", "sim:lsd", "--file", "/SENSORS/THERMO.TXT").out


def test_mistakes(mscope):
    assert "capture=FILE" in mscope("probe", "sim:recorded", status=2).err
    mscope("probe", "sim:recorded,capture=none.pcap", status=4)
    (mscope.cwd / "was.pcap").write_bytes(b"no capture at all")
    mscope("probe", AGAIN, status=4)
    mscope("send", FULL, "--record", "was.pcap", "--", "12 00 00 00 24 00")
    mscope("probe", AGAIN + ",number=3", status=4)
    mscope("probe", AGAIN + ",speed=high", status=2)
