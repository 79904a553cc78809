# SPDX-License-Identifier: BSD-2-Clause
"""Captures: decode, --record and record. What lies in captures/, and tshark: test_captures.py."""
import struct
import subprocess

import pytest
from test_documents import validate

FULL = "sim:reference,speed=full,host=uhci"


@pytest.fixture
def run(mscope):
    """A capture of a run, recorded."""
    def record(*args, name="run.pcap", status=0):
        mscope(args[0], "--record", name, *args[1:], status=status)
        return name
    return record


def test_transfers_instead_of_packets(mscope, run):
    run("send", "sim:reference", "--record-transfers", "--", "12 00 00 00 24 00")
    d = mscope.json("decode", "run.pcap")
    assert not d["summary"]["evidence"]["bus"] and exchanges(d)[-1]["naks"] is None
    mscope("send", "sim:reference", "--record-transfers", "--", "00", status=2)


def exchanges(document):
    return [x for x in document["exchanges"] if x["kind"] == "exchange"]


def test_a_run_and_its_capture(mscope, run):
    run("bench", FULL, "--blocks", "1,8", "--count", "20", "-q")
    d = mscope.json("decode", "run.pcap")
    validate(d)
    reads = [x for x in exchanges(d) if x["cdb"].startswith("28 ")]
    assert len(reads) >= 40 and all(x["status"] == 0 and x["judged"] for x in reads)
    assert {x["transferred"] for x in reads} == {512, 4096}
    assert d["summary"]["exchanges"] == len(exchanges(d))
    assert d["summary"]["evidence"]["bus"] and d["summary"]["evidence"]["naks"] > 0
    assert d["summary"]["evidence"]["naks"] >= sum(x["naks"] for x in exchanges(d))
    row = next(c for c in d["summary"]["commands"] if c["opcode"] == 0x28)
    assert row["count"] == len(reads) and row["latency_ns"]["least"] <= row["latency_ns"]["median"] <= row["latency_ns"]["most"]
    text = mscope("decode", "run.pcap").out
    assert "READ(10) lba" in text and all(len(line) <= 80 for line in text.splitlines())


def test_what_the_run_finds_the_capture_shows(mscope, run):
    live = mscope.json("check", f"{FULL},fault=residue-zero", status=1)
    run("check", f"{FULL},fault=residue-zero", "-q", status=1)
    d = mscope.json("decode", "run.pcap", status=1)
    validate(d)
    rules = {f["rule"] for c in live["cases"] for f in c["findings"] if not f["rule"].startswith("expect.")}
    assert rules and rules <= {f["rule"] for f in d["summary"]["findings"]} | {"usb.firmware.misuse"}


@pytest.mark.parametrize("fault", ["residue-zero", "csw-12", "serial-missing"])
def test_a_cause_is_named_from_the_capture_alone(mscope, run, fault):
    run("check", f"{FULL},fault={fault}", "-q", status=1)
    d = mscope.json("decode", "run.pcap", status=1)
    validate(d)
    first = d["summary"]["causes"][0]
    assert fault in {first["id"], *(t["id"] for t in first["ties"])}
    assert first["explains"] > 0 and first["missing"] == [] and first["alone"] is None
    assert f"{fault}: " in mscope("decode", "run.pcap", "-q", status=1).out.split("\ncause ")[1]
    run("check", FULL, "-q", name="good.pcap")
    assert mscope.json("decode", "good.pcap")["summary"]["causes"] == []
    assert "\ncause " not in mscope("decode", "good.pcap", "-q").out


def test_filters(mscope, run):
    run("check", FULL, "--select", "scsi.*", "-q")
    everything = exchanges(mscope.json("decode", "run.pcap"))
    failed = exchanges(mscope.json("decode", "run.pcap", "--only", "failed"))
    assert 0 < len(failed) < len(everything)
    assert {x["index"] for x in failed} == {x["index"] for x in everything if x["status"] != 0}
    writes = exchanges(mscope.json("decode", "run.pcap", "--only", "writes"))
    assert len(writes) < len(everything)
    assert 0 < len(mscope.json("decode", "run.pcap", "--only", "slow")["exchanges"]) < len(everything)
    assert not mscope.json("decode", "run.pcap", "--lun", "3")["exchanges"]
    middle = everything[len(everything) // 2]["time_ns"]
    late = exchanges(mscope.json("decode", "run.pcap", "--time", f"{middle}ns.."))
    early = exchanges(mscope.json("decode", "run.pcap", "--time", f"..{middle - 1}ns"))
    assert len(late) + len(early) == len(everything)
    for wrong in (["--only", "odd"], ["--time", "5s"], ["--lun", "99"], []):
        mscope("decode", *(["run.pcap", *wrong] if wrong else []), status=2)


def test_recovery_is_told_in_words(mscope, run):
    run("check", FULL, "--select", "bot.case0*", "-q")
    text = mscope("decode", "run.pcap").out
    assert "the host cleared the halt and asked for the CSW" in " ".join(text.split())
    assert "the host reset the device's interface (Bulk-Only Reset), after" in " ".join(text.split())


def test_a_stream_is_shown_as_it_comes(mscope, run):
    run("bench", FULL, "--blocks", "1", "--count", "5", "-q")
    data = (mscope.cwd / "run.pcap").read_bytes()
    p = mscope.popen("decode", "-", stdin=subprocess.PIPE)
    p.stdin.write(data[:-1000])
    p.stdin.flush()
    seen = b""
    while b"READ(10) lba" not in seen: # before the end of the input
        more = p.stdout.read1()
        assert more, seen
        seen += more
    p.stdin.write(data[-1000:])
    out, err = p.communicate(timeout=60)
    assert p.returncode == 0 and not err
    assert (seen + out).decode() == mscope("decode", "run.pcap").out


def pcap(link, *packets):
    return struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link) + b"".join(
        struct.pack("<IIII", 0, i, len(p), len(p)) + p for i, p in enumerate(packets))


@pytest.mark.parametrize("content, words", [
    (b"", "is empty"),
    (b"{\"format\": \"mscope.bench/1\"}", "is no capture"),
    (pcap(220), "no packet in it"),
    (pcap(1, b"ethernet"), "link type 1, which is none of USB's"),
    (pcap(294, b"\xa5\x00\x10", b"\xa5\x01\xe8"), "no mass storage by Bulk-Only in it: 2 packets"),
    (pcap(220, b"S" * 10), "1 too short"),
    (pcap(294, b"\x5a")[:-1], "cut short"),
    (pcap(294, b"\x5a")[:-9], "cut short"),
], ids=lambda x: x if isinstance(x, str) else None)
def test_bad_input(mscope, content, words):
    (mscope.cwd / "bad.pcap").write_bytes(content)
    assert words in mscope("decode", "bad.pcap", status=4).err
    d = mscope.json("decode", "bad.pcap", status=4)
    validate(d)
    assert words in d["reason"]


def test_what_came_before_the_cut_is_shown(mscope, run):
    run("bench", FULL, "--blocks", "1", "--count", "5", "-q")
    data = (mscope.cwd / "run.pcap").read_bytes()
    (mscope.cwd / "cut.pcap").write_bytes(data[:-3])
    p = mscope("decode", "cut.pcap", status=4)
    assert "READ(10)" in p.out and "cut short" in p.err
    mscope("decode", "none.pcap", status=4)
    mscope("decode", ".", status=4)


def test_recording(mscope, run):
    mscope("record", "sim:reference", "-o", "a.pcap", "--", "send", "12", "00", "00", "00", "24", "00")
    run("send", "sim:reference", "--", "12 00 00 00 24 00", name="b.pcap")
    assert (mscope.cwd / "a.pcap").read_bytes() == (mscope.cwd / "b.pcap").read_bytes()
    assert "INQUIRY" in mscope("decode", "a.pcap").out
    mscope("record", "sim:reference", "--", "send", status=2)
    mscope("record", "sim:reference", "-o", "a.pcap", "--", "sned", status=2)
    mscope("record", "usbmon77", "-o", "c.pcap", status=3)
    assert not (mscope.cwd / "c.pcap").exists()
    mscope("check", "sim:reference", "--record", "no/such/dir.pcap", status=4)
    before = (mscope.cwd / "a.pcap").read_bytes()
    mscope("check", "sim:nothing", "--record", "a.pcap", status=2) # a mistake leaves the file alone
    assert (mscope.cwd / "a.pcap").read_bytes() == before
