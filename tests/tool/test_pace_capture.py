# SPDX-License-Identifier: BSD-2-Clause
"""mscope pace on a capture: what the live run says, as far as the file has the evidence, and what it has not."""
import json
import pathlib
import shutil
import signal
import subprocess

import pytest
from test_documents import validate

CAPTURES = sorted((pathlib.Path(__file__).resolve().parents[2] / "captures").glob("*/capture.pcap"))
TARGETS = ["sim:reference", "sim:reference,speed=full", "sim:reference,host=xhci"] + [
    f"sim:stm32,stage={stage}" for stage in ("cube", "async", "double", "single-block", "yield")] + [
    "sim:stm32,stage=double,host=xhci", "sim:stm32,stage=async,card=c10-8g,seed=6"]
KINDS = {"packets": [], "transfers": ["--record-transfers"]}


def recorded(mscope, target, kind="packets"):
    """(the live run, what its recording tells)"""
    live = mscope.json("pace", target, "--record", f"{kind}.pcap", *KINDS[kind])
    return live, mscope.json("pace", f"{kind}.pcap")


def ids(document):
    return [d["id"] for d in document["diagnosis"]]


def size(document, blocks):
    return next(s for s in document["sizes"] if s["blocks"] == blocks)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", TARGETS)
def test_the_first_cause_is_that_of_the_live_run(mscope, target, kind):
    live, capture = recorded(mscope, target, kind)
    validate(capture)
    assert ids(capture)[0] == ids(live)[0]
    assert capture["capture"] == f"{kind}.pcap" and "capture" not in live
    assert capture["frame"]["clock"] == live["frame"]["clock"]
    assert (capture["frame"]["period_ns"] or 0) == pytest.approx(live["frame"]["period_ns"] or 0, rel=1e-6)
    for key in "chunk_blocks", "buffers", "bus_ns":
        assert capture["model"][key] == live["model"][key], key
    assert capture["model"]["block_ns"] == pytest.approx(live["model"]["block_ns"], rel=0.02)
    assert "no write: nothing is said of pauses of writes" in capture["missing"]
    assert capture["naks"]["source"] == ("bus" if kind == "packets" else "inferred")
    assert any("NAKs are not in this kind" in m for m in capture["missing"]) == (kind == "transfers")
    assert not any("places" in m for m in capture["missing"])


def test_virtual_times_are_exact(mscope):
    """A host that looks at the end of its frame needs whole ones, and the polls of its long reads are all there."""
    live, packets = recorded(mscope, "sim:stm32,stage=async")
    assert packets["naks"]["count"] == live["naks"]["count"] > 0
    assert packets["naks"]["per_block"] == live["naks"]["per_block"]
    assert packets["phases"] == {"mode": "serial", "blocks": 1, "cbw": 1000000, "data": 1000000, "csw": 1000000}
    assert packets["frame"]["period_ns"] == 1000000
    _, transfers = recorded(mscope, "sim:stm32,stage=async", "transfers")
    assert transfers["phases"] == packets["phases"]
    for blocks in 1, 8: # of longer ones the medium's own time varies, and the run leaves out the first
        for mode in "serial", "queued":
            a, b = size(live, blocks)[mode], size(transfers, blocks)[mode]
            assert [a[k] for k in ("median_ns", "cbw_ns", "data_ns", "csw_ns")] == [
                b[k] for k in ("median_ns", "cbw_ns", "data_ns", "csw_ns")], (blocks, mode)
        assert size(packets, blocks)["serial"]["median_ns"] == size(live, blocks)["serial"]["median_ns"]
    for key in "idle_ns", "busy_ns", "worst_ns", "idle_requests", "busy_requests":
        assert transfers["control"][key] == live["control"][key]


@pytest.mark.parametrize("stage", ["cube", "async", "double", "yield"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_drivers_reads_do_not_tell_what_the_firmware_does_wrong(mscope, stage, kind):
    """The host never paused, never queued, and never asked endpoint 0: the medium's share is unknown, and so said. Where the
    packets have their places, and a tick wanders through the frame, it shows in the first block of a read."""
    mscope("bench", f"sim:stm32,stage={stage}", "--op", "read", "--blocks", "1,8,64", "--count", 20, "--mode", "serial",
           "--record", "bench.pcap", *KINDS[kind])
    document = mscope.json("pace", "bench.pcap")
    validate(document)
    ticks = stage in ("async", "double") and kind == "packets"
    assert ids(document) == ["host-paced", *["tick-bound"][:ticks]]
    assert document["untold"]
    for missing in ("every phase was asked for by itself", "the host never paused in a read", "endpoint 0 was not asked"):
        assert any(m.startswith(missing) for m in document["missing"]), missing
    whole = any("the data of a read is one transfer" in m for m in document["missing"])
    assert whole == (kind == "transfers")
    assert (document["model"]["block_ns"] is None) == whole
    assert not document["queued"]["works"]


def test_one_size_is_said_to_be_one(mscope):
    mscope("bench", "sim:stm32,stage=yield", "--op", "read", "--blocks", "8", "--count", 20, "--mode", "serial",
           "--record", "one.pcap")
    document = mscope.json("pace", "one.pcap")
    assert any(m.startswith("only one transfer size was seen, of 8 blocks") for m in document["missing"])
    assert document["model"]["per_byte_ns"] is None
    assert "only one transfer size was seen" in mscope("pace", "one.pcap").out.replace("\n          ", " ")


def test_pauses_of_writes(mscope):
    mscope("bench", "sim:stm32,stage=async,seed=2,pauses=0", "--op", "write", "--blocks", "8", "--count", 40, "--mode",
           "serial", "--allow-writes", "--record", "w.pcap")
    document = mscope.json("pace", "w.pcap")
    assert document["writes"]["commands"] >= 40 and document["writes"]["pauses"] == 0
    assert "no write: nothing is said of pauses of writes" not in document["missing"]


def test_a_part_of_it(mscope):
    mscope("bench", "sim:reference", "--op", "read", "--blocks", "8", "--count", 20, "--mode", "both", "--record", "b.pcap")
    whole = mscope.json("pace", "b.pcap")
    assert mscope.json("pace", "b.pcap", "--device", "1")["sizes"] == whole["sizes"]
    assert mscope.json("pace", "b.pcap", "--lun", "0")["sizes"] == whole["sizes"]
    nothing = mscope.json("pace", "b.pcap", "--lun", "3", status=5)
    assert nothing["sizes"] == [] and nothing["exit_status"] == 5
    assert "no read: nothing is said of reads" in nothing["missing"]


def test_standard_input_and_the_same_bytes_twice(mscope, tmp_path):
    mscope("bench", "sim:stm32", "--op", "read", "--blocks", "1,8", "--count", 10, "--record", "b.pcap")
    once, again = mscope("pace", "b.pcap").out, mscope("pace", "b.pcap").out
    assert once == again
    with open(tmp_path / "b.pcap", "rb") as f:
        assert mscope("pace", "-", stdin=f).out == once.replace("b.pcap", "-")


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda p: p.parent.name)
def test_reference_captures(mscope, tmp_path, capture):
    shutil.copy(capture, tmp_path / "c.pcap")
    p = mscope("pace", "c.pcap", "--json", "-", status=None)
    document = json.loads(p.out)
    validate(document)
    reads = [s for s in document["sizes"] if s["blocks"]]
    assert p.returncode in (0, 5) and document["missing"] and document["exit_status"] == p.returncode
    if "usbmon" in capture.parent.name:
        assert document["naks"]["count"] is None
        assert any("NAKs are not in this kind of capture" in m for m in document["missing"])
    if not reads:
        assert p.returncode == 5 and not document["diagnosis"]


@pytest.mark.parametrize("args, status, says", [
    (["c.pcap", "--blocks", "8"], 2, "--blocks: a capture is what it is; that is for a target"),
    (["c.pcap", "--allow-writes"], 2, "--allow-writes: a capture is what it is; that is for a target"),
    (["sim:reference", "--time", "1s.."], 2, "--time: that is for a capture"),
    (["sim:reference", "--device", "1"], 2, "--device: that is for a capture"),
    (["c.pcap", "c.pcap"], 2, "pace takes one target or one capture, not 'c.pcap'"),
    (["none.pcap"], 4, "none.pcap is no capture: it begins neither as pcap nor as pcapng does, nor as usbmon's text"),
    (["head.pcap"], 4, "head.pcap: there is no packet in it"),
], ids=lambda x: " ".join(x) if isinstance(x, list) else None)
def test_refusals(mscope, tmp_path, args, status, says):
    (tmp_path / "none.pcap").write_bytes(b"no capture at all")
    (tmp_path / "head.pcap").write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff0000dc000000"))
    shutil.copy(CAPTURES[0], tmp_path / "c.pcap")
    p = mscope("pace", *args, status=status)
    assert p.out == "" and p.err == f"mscope: {says}\n"


def test_a_stream_that_is_interrupted_is_told_of(mscope, tmp_path):
    """As from tcpdump, which never ends by itself."""
    mscope("pace", "sim:reference,speed=full", "--record", "run.pcap")
    process = mscope.popen("pace", "-", "--json", "out.json", stdin=subprocess.PIPE)
    process.stdin.write((tmp_path / "run.pcap").read_bytes()) # all but what is in the pipe has been read then
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT and err == b"mscope: interrupted\n"
    assert out.startswith(b"capture   -: ") and b"stopped   interrupted\n" in out
    document = json.loads((tmp_path / "out.json").read_text())
    validate(document)
    assert document["reason"] == "interrupted" and document["diagnosis"] and document["sizes"]
