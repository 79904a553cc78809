# SPDX-License-Identifier: BSD-2-Clause
"""bench and compare: what they measure, what they refuse, what others can read of it."""
import itertools
import json
import os
import pty
import re
import signal
import statistics
import subprocess

import pytest
from conftest import PROGRAM, read_terminal
from test_documents import validate

FULL = "sim:reference,speed=full"


def bench(mscope, name, *args, status=0):
    mscope("bench", *args, "--json", name, "-q", status=status)
    return json.loads((mscope.cwd / name).read_text())


def run(document, mode, blocks):
    return next(r for r in document["runs"] if (r["mode"], r["blocks"]) == (mode, blocks))


# ---- what is measured ----------------------------------------------------------------------------

def test_document(mscope):
    document = bench(mscope, "a.json", FULL, "--count", "40")
    validate(document)
    assert [(r["mode"], r["blocks"]) for r in document["runs"]] == [
        *itertools.product(["serial", "queued"], [1, 8, 64])]
    assert document["pattern"] == 0 and document["clock"] == "virtual" and document["host"] is None
    for r in document["runs"]:
        samples = r["samples_ns"]
        assert len(samples) == r["commands"] == 40
        median = statistics.median(samples)
        assert r["latency_ns"]["median"] == median and r["latency_ns"]["max"] == max(samples)
        rate = r["blocks"] * 512e9 / median
        assert abs(r["bytes_per_second"]["median"] - rate) <= 1
        assert r["bytes_per_second"]["low"] <= rate + 1 and r["bytes_per_second"]["high"] >= rate - 1
        assert sum(r["phases_ns"].values()) == sum(samples)
        assert r["elapsed_ns"] >= sum(samples)
        assert r["naks"] >= 0 and 0 <= r["device_cpu"] <= 1
    assert run(document, "queued", 1)["latency_ns"]["median"] < run(document, "serial", 1)["latency_ns"]["median"]
    assert document["model"] == document["models"][0]
    assert 0.8e3 < document["models"][1]["per_byte_ns"] < 0.9e3        # 1216 kB/s at most


def test_two_runs_are_the_same_bytes(mscope):
    for args in (["--op", "write", "--allow-writes"], ["--random", "--seed", "5"], ["--format", "go"]):
        outs = [mscope("bench", FULL, *args, "--json", "x.json").out for _ in range(2)]
        jsons = []
        for _ in range(2):
            mscope("bench", FULL, *args, "--json", "x.json")
            jsons.append((mscope.cwd / "x.json").read_bytes())
        assert outs[0] == outs[1] and jsons[0] == jsons[1]


def test_text(mscope):
    out = mscope("bench", FULL, "--blocks", "1,64").out
    assert re.search(r"^serial +1 +3\.000 ms .* 170\.7 +171-171", out, re.M), out
    assert re.search(r"^queued .* a command, and 1\d\d\d\.\d kB/s for the bytes; fits within ", out, re.M), out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_duration_and_count(mscope):
    r = bench(mscope, "a.json", FULL, "--duration", "300ms", "--blocks", "1", "--mode", "serial")["runs"][0]
    assert r["commands"] == 100         # of 3 ms
    r = bench(mscope, "b.json", FULL, "--count", "7", "--duration", "15ms", "--blocks", "1", "--mode", "serial")["runs"][0]
    assert r["commands"] == 5
    r = bench(mscope, "c.json", FULL, "--duration", "1ns", "--blocks", "64", "--mode", "serial")["runs"][0]
    assert r["commands"] == 1 and r["bytes_per_second"]["low"] is None


def test_pattern(mscope, tmp_path):
    (tmp_path / "ff.img").write_bytes(b"\xff" * 1024 * 1024)
    ff = bench(mscope, "ff.json", f"sim:linux-gadget,speed=full,file={tmp_path}/ff.img", "--blocks", "64")
    (tmp_path / "00.img").write_bytes(bytes(1024 * 1024))
    zero = bench(mscope, "00.json", f"sim:linux-gadget,speed=full,file={tmp_path}/00.img", "--blocks", "64")
    (tmp_path / "xx.img").write_bytes(os.urandom(1024 * 1024))
    mixed = bench(mscope, "xx.json", f"sim:linux-gadget,speed=full,file={tmp_path}/xx.img", "--blocks", "64")
    assert (ff["pattern"], zero["pattern"], mixed["pattern"]) == (255, 0, None)
    slow, fast = (run(d, "queued", 64)["latency_ns"]["median"] for d in (ff, zero))
    assert 1.05 < slow / fast < 1.15    # six ones, a stuffed bit
    text = mscope("bench", f"sim:linux-gadget,speed=full,file={tmp_path}/ff.img", "--blocks", "1").out
    assert "all bytes ffh, which bit stuffing makes slow" in text
    p = mscope("compare", "00.json", "ff.json", status=5)
    assert "different payloads: all bytes 00h, all bytes ffh" in p.err


def test_random_order_is_seeded(mscope):
    log = []
    for seed in "112":
        mscope("bench", FULL, "--random", "--seed", seed, "--blocks", "1", "--count", "5", "--mode", "serial", "--log", "log")
        log.append(re.findall(r"READ\(10\) lba (\d+)", (mscope.cwd / "log").read_text()))
    assert log[0] == log[1] != log[2]
    assert len(set(log[0])) > 4 and log[0] != sorted(log[0], key=int)


# ---- what is refused -----------------------------------------------------------------------------

@pytest.mark.parametrize("args, message", [
    (["--blocks", "0"], "--blocks: '0': expected 1 to 65535 blocks"),
    (["--blocks", "1,1"], "--blocks: 1 is there twice"),
    (["--blocks", ","], "--blocks: expected sizes such as 1,8,64"),
    (["--blocks", "1,x"], None),
    (["--blocks", "9000"], "9000 blocks in one command: expected 1 to 8192 of 512 bytes"),
    (["--op", "reed"], "--op: no 'reed'; did you mean 'read'?"),
    (["--mode", "fast"], "--mode: no 'fast'; \"mscope help bench\" lists what there is"),
    (["--count", "0"], "--count: expected at least 1"),
    (["--duration", "0s"], "--duration: expected more than no time"),
    (["--duration", "5"], None),
    (["--op", "write"], "writing changes the medium; give --allow-writes to allow it (a scratch range is saved and put back)"),
    (["--verify"], "--verify compares what was written; it goes with --op write or mixed"),
    (["--op", "mixed"], "writing changes the medium; give --allow-writes to allow it (a scratch range is saved and put back)"),
    (["--blocks", "0x2000,9000"], "9000 blocks in one command: expected 1 to 8192 of 512 bytes"),
    (["--threshold", "5"], "--threshold: '5': expected a percentage above 0%, such as 5%"),
    (["--threshold", "-5%"], "--threshold: '-5%': expected a percentage above 0%, such as 5%"),
    (["--threshold", "0%"], "--threshold: '0%': expected a percentage above 0%, such as 5%"),
    (["--threshold", "nan%"], "--threshold: 'nan%': expected a percentage above 0%, such as 5%"),
    (["--format", "zzzzzz"], "bench has no format called 'zzzzzz'; there are text, json, bmf, gha, go"),
    (["--blocks", "1,"], "--blocks: expected sizes such as 1,8,64"),
    (["--blocks", "1,,8"], "--blocks: expected sizes such as 1,8,64"),
    (["--format", "bmf", "--json", "-"], "standard output takes one report: --format bmf and --json -"),
    (["--clock", "usbmon"], "--clock usbmon: sim:reference,speed=full is not on a bus of this host"),
    (["sim:reference"], "bench takes one target, not 'sim:reference'"),
])
def test_usage(mscope, args, message):
    p = mscope("bench", FULL, *args, status=2)
    assert p.out == ""
    assert message is None or p.err == f"mscope: {message}\n"


def test_no_medium(mscope):
    p = mscope("bench", "sim:reference,medium=0", status=3)
    assert p.err == ("mscope: sim:reference,medium=0: unit 0 gives no capacity: there is no medium, or "
                     '"mscope probe" says what is wrong\n')


# ---- devices that do not do it -------------------------------------------------------------------

@pytest.mark.parametrize("fault, blocks, status, message", [
    ("hang-long-read", "1,128", 1, "READ(10) lba 0 blocks 128: the data ended in: time-out; it answers again after reset recovery"),
    ("data-missing", "8", 1, None),
])
def test_a_device_that_fails_ends_the_bench(mscope, fault, blocks, status, message):
    document = bench(mscope, "a.json", f"{FULL},fault={fault}", "--blocks", blocks, "--mode", "serial", status=status)
    validate(document)
    assert document["failure"] and document["exit_status"] == status
    if message:
        assert document["failure"] == message
        assert document["runs"][0]["commands"] == 100 and document["runs"][1]["commands"] == 0
        assert f"ended early: {message[:30]}" in mscope("bench", f"{FULL},fault={fault}", "--blocks", blocks, "--mode", "serial", status=1).out


def test_a_device_that_leaves(mscope):
    document = bench(mscope, "a.json", f"{FULL},unplug=400ms", "--blocks", "1,64", "--mode", "serial", status=3)
    validate(document)
    assert document["runs"][0]["commands"] == 100 and document["runs"][1]["commands"] < 100


def test_a_device_that_cannot_be_driven_queued(mscope):
    document = bench(mscope, "a.json", f"{FULL},fault=csw-twice", "--mode", "queued", "--count", "5", "--blocks", "1")
    validate(document)
    assert not document["queued"]["works"] and "TEST UNIT READY" in document["queued"]["reason"]
    assert [r["mode"] for r in document["runs"]] == ["serial"]
    out = mscope("bench", f"{FULL},fault=csw-twice", "--count", "5", "--blocks", "1").out
    assert "queued    not possible: TEST UNIT READY is not answered" in out


def test_a_command_that_hangs_either_way_is_not_the_queue_s_fault(mscope):
    document = bench(mscope, "a.json", f"{FULL},fault=hang-long-read", "--mode", "queued", "--blocks", "1,128", status=1)
    assert document["queued"]["works"] and document["failure"].startswith("READ(10) lba 0 blocks 128: ")
    assert [(r["blocks"], r["commands"]) for r in document["runs"]] == [(1, 100), (128, 0)]


def test_queued_only(mscope):
    document = bench(mscope, "a.json", FULL, "--mode", "queued", "--count", "5", "--blocks", "1")
    assert document["queued"] == {"works": True, "reason": None}
    assert [r["mode"] for r in document["runs"]] == ["queued"]


# ---- writes --------------------------------------------------------------------------------------

def test_writes_are_put_back(mscope, tmp_path):
    image = tmp_path / "disk.img"
    before = os.urandom(1024 * 1024)
    image.write_bytes(before)
    document = bench(mscope, "a.json", f"sim:linux-gadget,file={image}", "--op", "write", "--allow-writes", "--count", "5")
    validate(document)
    assert document["pattern"] == 0x55
    assert [r["op"] for r in document["runs"]] == ["write"] * 6
    assert image.read_bytes() == before
    assert not list(tmp_path.glob("state/**/*.journal"))


def test_writes_as_long_as_hosts_send_them(mscope, tmp_path):
    image = tmp_path / "disk.img"
    before = os.urandom(8 * 1024 * 1024)
    image.write_bytes(before)
    document = bench(mscope, "a.json", f"sim:linux-gadget,file={image}", "--op", "write", "--allow-writes", "--count", "3",
                     "--blocks", "240,2048", "--random", "--verify")
    validate(document)
    assert [(r["mode"], r["blocks"], r["order"]) for r in document["runs"]] == [
        (m, b, "random") for m in ("serial", "queued") for b in (240, 2048)]
    assert document["pattern"] is None          # stamps
    assert image.read_bytes() == before


@pytest.mark.parametrize("fault, mode, story", [
    ("write-lost", "serial", "5 blocks at 16128 read back otherwise than written: blocks 16128 to 16132: zeros"),
    ("write-first-only", "queued", "read back otherwise than written"),
    ("buffer-end", "serial", "otherwise than written"),
])
def test_what_was_written_is_compared(mscope, fault, mode, story):
    target = f"{FULL},fault={fault}"
    args = ["--op", "write", "--allow-writes", "--mode", mode, "--count", "2", "--blocks", "1,128"]
    document = bench(mscope, "a.json", target, *args, "--verify", status=1)
    validate(document)
    assert story in document["failure"]
    assert bench(mscope, "b.json", target, *args)["failure"] is None        # it takes a comparison to see it


def test_verifying_is_not_timed(mscope):
    args = ["--op", "write", "--allow-writes", "--count", "30", "--blocks", "8,64", "--mode", "serial"]
    plain = bench(mscope, "a.json", FULL, *args)
    checked = bench(mscope, "b.json", FULL, *args, "--verify")
    for a, b in zip(plain["runs"], checked["runs"]):
        assert a["commands"] == b["commands"] and abs(b["elapsed_ns"] / a["elapsed_ns"] - 1) < 0.05


def test_mixed(mscope):
    document = bench(mscope, "a.json", FULL, "--op", "mixed", "--allow-writes", "--count", "50", "--blocks", "8", "--random", "--verify")
    validate(document)
    rows = document["runs"]
    assert [(r["op"], r["mode"]) for r in rows] == [(f"mixed-{w}", m) for m in ("serial", "queued") for w in ("read", "write")]
    assert rows[0]["commands"] + rows[1]["commands"] == 100 and 30 < rows[0]["commands"] < 70
    assert all(r["elapsed_ns"] >= sum(r["samples_ns"]) for r in rows)
    text = mscope("bench", FULL, "--op", "mixed", "--allow-writes", "--baseline", "a.json").out     # measures what that did
    assert "mixed     random, reads (r) and writes (w)" in text and "serial r" in text and "queued w" in text
    assert "4 no change" in text


@pytest.mark.parametrize("target, args, left_out, sizes", [
    ("sim:reference,blocks=8", [], [64], [1, 8]),
    ("sim:reference,blocks=1", [], [8, 64], [1]),
    ("sim:reference,blocks=300", ["--op", "write", "--allow-writes", "--blocks", "8,2048"], [2048], [8]),
])
def test_small_media_have_the_sizes_that_fit(mscope, target, args, left_out, sizes):
    document = bench(mscope, "a.json", target, *args, "--count", "2", "--mode", "serial")
    validate(document)
    assert document["left_out"] == left_out and [r["blocks"] for r in document["runs"]] == sizes
    assert re.search(r"^left out  .*blocks: there (is|are) only \d+$", mscope("bench", target, *args, "--count", "2").out, re.M)


def test_nothing_that_fits_is_refused(mscope):
    assert mscope("bench", "sim:reference,blocks=8", "--blocks", "9,64", status=2).err == (
        "mscope: 9 blocks in one command: there are only 8 to read\n")


def test_percentiles_need_samples(mscope):
    for count, known in (("9", []), ("10", ["p90"]), ("20", ["p90", "p95"]), ("100", ["p90", "p95", "p99"]),
                         ("1000", ["p90", "p95", "p99", "p99_9"])):
        args = ["--blocks", "1", "--mode", "queued", "--count", count]
        r = bench(mscope, "a.json", "sim:reference", *args)["runs"][0]
        assert [p for p in ("p90", "p95", "p99", "p99_9") if r["latency_ns"][p] is not None] == known
        out = mscope("bench", "sim:reference", *args).out
        assert ("p99.9     read/queued/1: " in out) == ("p99_9" in known)
        assert bool(re.search(r"^queued +1 +125\.0 us +- ", out, re.M)) == ("p99" not in known)


def test_no_figure_is_impossible(mscope):
    """A line through these sizes gives time back for each command."""
    document = bench(mscope, "a.json", "sim:stm32,stage=async", "--mode", "queued")
    validate(document)          # nothing below 0
    assert document["model"]["per_command_ns"] == 0 and document["model"]["worst_residual"] > 0.03
    out = mscope("bench", "sim:stm32,stage=async", "--mode", "queued").out
    assert "queued    nothing a command, and " in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_interrupted_writes_are_put_back(mscope, tmp_path):
    image = tmp_path / "disk.img"
    before = os.urandom(1024 * 1024)
    image.write_bytes(before)
    p = mscope.popen("bench", f"sim:linux-gadget,file={image}", "--op", "write", "--allow-writes", "--count", "1M", "--warm-up", "0")
    times = set()               # a block was written at each: the mark, then samples
    while len(times) < 10:
        assert p.poll() is None
        times.add(image.stat().st_mtime_ns)
    assert list(tmp_path.glob("state/**/*.journal"))
    p.send_signal(signal.SIGINT)
    out, _ = p.communicate(timeout=60)
    assert p.returncode == -signal.SIGINT
    assert b"write     sequential" in out       # what there is
    assert image.read_bytes() == before
    assert not list(tmp_path.glob("state/**/*.journal"))


# ---- compare -------------------------------------------------------------------------------------

def edited(mscope, source, name, edit):
    document = json.loads((mscope.cwd / source).read_text())
    edit(document)
    (mscope.cwd / name).parent.mkdir(exist_ok=True)
    (mscope.cwd / name).write_text(json.dumps(document))


def samples(*lists):
    """An edit that gives the runs these samples."""
    def edit(document):
        for r, values in zip(document["runs"], lists):
            r["samples_ns"], r["commands"] = list(values), len(values)
        document["runs"] = document["runs"][:len(lists)]
    return edit


@pytest.fixture
def base(mscope):
    bench(mscope, "base.json", FULL, "--mode", "serial")
    return mscope


def test_compare_itself(base):
    p = base("compare", "base.json", "base.json")
    assert p.out.count("     ok  ") == 3 and p.out.endswith("3 no change; more than 5 % counts\n")
    document = base.json("compare", "base.json", "base.json")
    validate(document)
    assert document["verdict"] == "same" and document["exit_status"] == 0


@pytest.mark.parametrize("factor, threshold, status, verdict", [
    (1.10, "5%", 1, "slower"), (1.10, "20%", 0, "same"), (0.8, "5%", 0, "faster"), (1.0, "0.1%", 0, "same"),
])
def test_compare(base, factor, threshold, status, verdict):
    def slower(document):
        for r in document["runs"]:
            r["samples_ns"] = [int(x * factor) for x in r["samples_ns"]]
    edited(base, "base.json", "new.json", slower)
    document = base.json("compare", "base.json", "new.json", "--threshold", threshold, status=status)
    validate(document)
    assert document["verdict"] == verdict
    assert {r["verdict"] for r in document["runs"]} == {verdict}
    assert all(abs(r["shift"] - (factor - 1)) < 1e-4 for r in document["runs"])
    assert base("compare", "base.json", "new.json", "--threshold", threshold, status=status).out.count(
        {"slower": "SLOWER", "same": "     ok", "faster": " faster  "}[verdict]) == 3


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_samples_give_no_verdict(base, count):
    edited(base, "base.json", "few.json", samples(*[[9999999] * count] * 3))
    p = base("compare", "base.json", "few.json", status=5)
    assert p.out.count("not enough data") == 3
    assert "no verdict: measure both with --count 6" in p.out and "SLOWER" not in p.out
    document = base.json("compare", "few.json", "base.json", status=5)
    validate(document)
    assert document["verdict"] == "unknown"


BAD = [
    (lambda d: d.update(reason="interrupted"), 5, "not comparable: the new one is not whole: interrupted"),
    ("", 4, "bad.json:1:0: not valid JSON"),
    ("{", 4, ":1:1: not valid JSON"),
    ("truncated", 4, "not valid JSON"),
    ("[]", 4, "expected a mscope.bench/1 document, found something else"),
    ('{"format": "mscope.bench/1", "reason": "the device went away"}', 5, "bad.json: nothing was measured: the device went away"),
    ('{"format": "mscope.result/1"}', 4, "expected a mscope.bench/1 document, found mscope.result/1"),
    (lambda d: d.pop("target"), 4, "target: expected an object"),
    (lambda d: d["target"].update(speed="warp"), 4, "target.speed: expected one of unknown low full high super"),
    (lambda d: d["target"].update(vendor_id=-1), 4, "target.vendor_id: expected a whole number from 0 to 65535"),
    (lambda d: d.update(pattern=256), 4, "pattern: expected a whole number from 0 to 255"),
    (lambda d: d.update(runs={}), 4, "runs: expected an array of runs"),
    (lambda d: d.update(runs=[1]), 4, "runs[0].op: expected one of read write"),
    (lambda d: d["runs"].append(d["runs"][0]), 4, "runs[3].blocks: this run is there twice"),
    (lambda d: d["runs"][1].update(samples_us=d["runs"][1].pop("samples_ns")), 4,
     "runs[1].samples_ns: expected an array of nanoseconds"),
    (lambda d: d["runs"][1]["samples_ns"].pop(), 4, "runs[1].samples_ns: expected 100 of them, as commands says; there are 99"),
    (lambda d: d["runs"][1]["samples_ns"].__setitem__(5, 0), 4, "runs[1].samples_ns[5]: expected a whole number of nanoseconds above 0"),
    (lambda d: d["runs"][1]["samples_ns"].__setitem__(5, -7), 4, "above 0"),
    (lambda d: d["runs"][1]["samples_ns"].__setitem__(5, 1.5), 4, "above 0"),
    (lambda d: d["runs"][1]["samples_ns"].__setitem__(5, 10**17), 4, "above 0"),
    (lambda d: d["runs"][1].update(blocks=0), 4, "runs[1].blocks: expected a whole number from 1"),
    (lambda d: d.update(runs=[]), 5, "not comparable: read/serial/1 with 512 bytes a block is only in the base, and more"),
    (lambda d: d["runs"][1].update(block_size=4096), 5, "read/serial/8 with 512 bytes a block is only in the base"),
    (lambda d: d["target"].update(speed="high"), 5, "not comparable: different speeds: full and high"),
    (lambda d: d["target"].update(name="sim:other"), 5, "not comparable: different devices: sim:reference,speed=full and sim:other"),
]


@pytest.mark.parametrize("content, status, message", BAD)
def test_bad_input_gives_no_verdict(base, content, status, message):
    if callable(content):
        edited(base, "base.json", "bad.json", content)
    elif content == "truncated":
        text = (base.cwd / "base.json").read_text()
        (base.cwd / "bad.json").write_text(text[:len(text) // 2])
    else:
        (base.cwd / "bad.json").write_text(content)
    p = base("compare", "base.json", "bad.json", status=status)
    assert message in p.err
    assert p.out == "" and p.err.startswith("mscope: ") and p.err.count("\n") == 1


def test_what_is_not_whole_is_no_baseline(base):
    edited(base, "base.json", "cut.json", lambda d: (d.update(reason="interrupted", failure=None), d["runs"].pop()))
    p = base("bench", FULL, "--baseline", "cut.json", status=5)
    assert p.out == "" and p.err == "mscope: cut.json: it is not whole: interrupted\n"
    p = base("compare", "cut.json", "base.json", "--force")
    assert "forced    the base is not whole: interrupted" in p.out and "2 no change" in p.out


def test_a_simulation_of_many_times_is_no_slower_than_itself(mscope):
    for name in ("a.json", "b.json"):
        bench(mscope, name, "sim:stm32,stage=async")
    assert "6 no change" in mscope("compare", "a.json", "b.json").out


def test_as_many_as_it_asks_for_give_a_verdict(mscope):
    """Times of 2 or 3 ms, another seed."""
    def pair(count):
        for name, seed in (("a.json", "1"), ("b.json", "7")):
            bench(mscope, name, "sim:stm32,stage=double", "--blocks", "1", "--count", count, "--seed", seed)
        return mscope.json("compare", "a.json", "b.json", status=5 if count == "30" else 0)
    document = pair("30")
    validate(document)
    needed = [r["needed"] or 0 for r in document["runs"]]
    assert document["verdict"] == "unknown" and max(needed) > 30
    assert pair(str(max(needed)))["verdict"] == "same"


def test_history(base):
    """Ten is newer than nine; what is no bench, cut short or of another device is left out."""
    for i in range(1, 13):
        factor = 1 + 0.004 * (-1) ** i + (0.08 if i >= 9 else 0)
        edited(base, "base.json", f"h/run-{i}.json", lambda d: [r.update(samples_ns=[int(x * factor) for x in r["samples_ns"]]) for r in d["runs"]])
    (base.cwd / "h/other.json").write_text("{}")
    edited(base, "base.json", "h/cut.json", lambda d: d.update(reason="interrupted"))
    edited(base, "base.json", "h/fast.json", lambda d: d["target"].update(speed="high"))
    (base.cwd / "h/README").write_text("no bench")
    p = base("compare", "--history", "h", status=1)
    assert p.out.startswith("history   h: 12 benches of 15\n")
    assert "left out  cut.json: the bench is not whole: interrupted\n" in p.out
    assert "left out  fast.json: different speeds: full and high\n" in p.out
    assert p.out.count("SLOWER") == 3 and "from run-9.json on" in " ".join(p.out.split())
    assert all(len(line) <= 80 for line in p.out.splitlines())
    document = base.json("compare", "--history", "h", status=1)
    validate(document)
    assert document["verdict"] == "slower" and document["history"]["files"] == [f"run-{i}.json" for i in range(1, 13)]
    for r in document["history"]["runs"]:
        change, = r["changes"]
        assert change["at"] == "run-9.json" and abs(change["shift"] - 0.08) < 0.01 and not change["gradual"]
        assert change["low"] <= change["shift"] <= change["high"]
    assert "3 no change; more than 10 % counts" in base("compare", "--history", "h", "--threshold", "10%").out


def test_history_without_a_verdict(base):
    for i, factor in enumerate((1, 1.3, 0.8, 1.1, 0.7, 1.4)):
        edited(base, "base.json", f"h/{i}.json", lambda d: [r.update(samples_ns=[int(x * factor) for x in r["samples_ns"]]) for r in d["runs"]])
    p = base("compare", "--history", "h", status=5)
    assert re.search(r"3 unknown; .* no verdict: about \d+ benches would do", p.out)
    validate(base.json("compare", "--history", "h", status=5))
    for name in "12345":
        os.remove(base.cwd / f"h/{name}.json")
    p = base("compare", "--history", "h", status=5)
    assert p.out.count("not enough benches: 1 of at least 6") == 3


def test_history_refusals(base):
    (base.cwd / "h").mkdir()
    assert base("compare", "--history", "h", status=5).err == "mscope: h: there are no files called *.json\n"
    (base.cwd / "h/x.json").write_text("[]")
    assert base("compare", "--history", "h", status=5).err == "mscope: h: there is no bench in it that is whole\n"
    assert "cannot read none: No such file" in base("compare", "--history", "none", status=4).err
    assert "'base.json'" in base("compare", "base.json", "--history", "h", status=2).err
    assert "text and json only" in base("compare", "--history", "h", "--format", "go", status=2).err


def test_bad_arguments(base):
    assert "base first; 1 given" in base("compare", "base.json", status=2).err
    assert "cannot read none.json: No such file" in base("compare", "base.json", "none.json", status=4).err
    assert "cannot read" in base("compare", "base.json", ".", status=4).err
    assert "'5'" in base("compare", "base.json", "base.json", "--threshold", "5", status=2).err
    assert "standard input" in base("compare", "base.json", "-", status=4).err


def test_forced(base):
    edited(base, "base.json", "new.json", lambda d: (d["target"].update(speed="high"), d["runs"].pop()))
    base("compare", "base.json", "new.json", status=5)
    p = base("compare", "base.json", "new.json", "--force")
    assert "forced    different speeds: full and high" in p.out
    assert "read/serial/64         only in the base" in p.out
    document = base.json("compare", "base.json", "new.json", "--force")
    validate(document)
    assert document["only_base"] == ["read/serial/64"] and len(document["different"]) == 2


def test_standard_input(base):
    text = (base.cwd / "base.json").read_bytes()
    process = base.popen("compare", "-", "base.json", stdin=subprocess.PIPE)
    assert process.communicate(text, timeout=60)[1] == b"" and process.returncode == 0


# ---- the statistics, against someone else's ------------------------------------------------------

def exact_p(a, b):
    """The share of all ways to deal the values out whose U is as far from the middle."""
    def u(chosen, rest):
        return sum((x < y) + (x == y) / 2 for x in chosen for y in rest)
    values, middle = a + b, len(a) * len(b) / 2
    seen = abs(u(a, b) - middle)
    all_ways = list(itertools.combinations(range(len(values)), len(a)))
    far = 0
    for way in all_ways:
        chosen = [values[i] for i in way]
        rest = [values[i] for i in range(len(values)) if i not in way]
        far += abs(u(chosen, rest) - middle) >= seen - 1e-9
    return far / len(all_ways)


SAMPLES = [
    ([100, 101, 102, 103, 104, 105], [103, 104, 105, 106, 107, 108]),
    ([100, 101, 102, 103], [104, 105, 106, 107, 107]),
    ([100, 100, 101, 101, 102], [101, 101, 102, 102, 103, 103]),
]


@pytest.mark.parametrize("a, b", SAMPLES)
def test_statistics_of_few(base, a, b):
    edited(base, "base.json", "a.json", samples([x * 1000 for x in a]))
    edited(base, "base.json", "b.json", samples([x * 1000 for x in b]))
    p = base.popen("compare", "a.json", "b.json", "--json", "-")
    r = json.loads(p.communicate(timeout=60)[0])["runs"][0]
    differences = [y - x for x in a for y in b]
    assert r["shift"] == pytest.approx(statistics.median(differences) / statistics.median(a), abs=1e-6)
    if r["memory"] == 1:
        assert r["p"] == pytest.approx(exact_p(a, b), rel=1e-9)


def test_statistics_of_many(base):
    stats = pytest.importorskip("scipy.stats")
    a = [3000000 + (i * 7919) % 90001 for i in range(60)]
    b = [3020000 + (i * 104729) % 90001 for i in range(70)]
    edited(base, "base.json", "a.json", samples(a))
    edited(base, "base.json", "b.json", samples(b))
    r = base.json("compare", "a.json", "b.json")["runs"][0]
    p = stats.mannwhitneyu(a, b, method="asymptotic").pvalue
    if r["memory"] == 1:
        assert r["p"] == pytest.approx(p, rel=1e-9)
    else:
        assert r["p"] > p


# ---- baseline ------------------------------------------------------------------------------------

def test_baseline(mscope):
    bench(mscope, "base.json", FULL, "--mode", "serial", "--blocks", "1,8")
    document = bench(mscope, "new.json", FULL, "--baseline", "base.json")
    validate(document)
    assert [(r["mode"], r["blocks"]) for r in document["runs"]] == [("serial", 1), ("serial", 8)]   # as the baseline
    assert document["comparison"]["verdict"] == "same" and not document["comparison"]["measured_again"]
    assert "2 no change" in mscope("bench", FULL, "--baseline", "base.json").out


def test_baseline_alarm_is_confirmed_first(mscope):
    bench(mscope, "base.json", FULL, "--mode", "serial", "--blocks", "1,8")
    edited(mscope, "base.json", "fast.json", lambda d: [r.update(samples_ns=[x // 2 for x in r["samples_ns"]]) for r in d["runs"]])
    p = mscope("bench", FULL, "--baseline", "fast.json", status=1)
    assert "measured again, because the first time looked slower" in p.out and p.out.count("SLOWER") == 2
    document = bench(mscope, "new.json", FULL, "--baseline", "fast.json", status=1)
    validate(document)
    assert document["comparison"]["measured_again"] and document["comparison"]["verdict"] == "slower"
    mscope("bench", FULL, "--baseline", "fast.json", "--threshold", "150%")


def test_baseline_refusals(mscope):
    bench(mscope, "base.json", FULL, "--mode", "serial", "--blocks", "1")
    assert "different speeds: full and high" in mscope("bench", "sim:reference", "--baseline", "base.json", status=5).err
    assert "forced    different speeds" in mscope("bench", "sim:reference", "--baseline", "base.json", "--force").out
    edited(mscope, "base.json", "none.json", samples())
    assert mscope("bench", FULL, "--baseline", "none.json", status=5).err == "mscope: none.json: there are no runs to compare with\n"
    assert "cannot read" in mscope("bench", FULL, "--baseline", "gone.json", status=4).err
    p = mscope("bench", FULL, "--baseline", "base.json", "--count", "2", status=5)
    assert "not enough data" in p.out


# ---- formats -------------------------------------------------------------------------------------

def test_bmf(base):
    bmf = json.loads(base("bench", FULL, "--format", "bmf").out)
    assert set(bmf) == {f"read/{m}/{b}" for m in ("serial", "queued") for b in (1, 8, 64)}
    for measures in bmf.values():
        assert set(measures) == {"latency", "bytes-per-second"}
        for m in measures.values():
            assert m["lower_value"] <= m["value"] <= m["upper_value"]
    bmf = json.loads(base("compare", "base.json", "base.json", "--format", "bmf").out)
    assert bmf["read/serial/1"]["change-percent"] == {"value": 0, "lower_value": 0, "upper_value": 0}


def test_gha(base):
    for args in (["bench", FULL], ["compare", "base.json", "base.json"]):
        for entry in json.loads(base(*args, "--format", "gha").out):
            assert set(entry) == {"name", "unit", "value", "range", "extra"}
            assert entry["unit"] == "B/s" and entry["value"] > 0
    assert "time +0.0 %: same" in entry["extra"]


GO = re.compile(r"Benchmark[A-Z]\S* [1-9]\d* (?:[\d.]+ \S+(?: |$))+")


def test_go(base):
    lines = base("bench", FULL, "--format", "go", "--random", "--seed", "3").out.splitlines()
    results = [x for x in lines if x.startswith("Benchmark")]
    assert len(results) == 600 and all(GO.fullmatch(x) for x in results)
    assert results[0] == "BenchmarkRead/mode=serial/order=random/blocks=1 1 3000000 ns/op 0.171 MB/s"
    assert all(re.fullmatch(r"[a-z]\S*: .*", x) for x in lines if x not in results)
    lines = base("compare", "base.json", "base.json", "--format", "go").out.splitlines()
    assert [x for x in lines if x.startswith("run:")] == ["run: base", "run: new"]


# ---- block devices -------------------------------------------------------------------------------

def test_not_a_block_device(mscope):
    assert mscope("bench", "/dev/null", status=3).err.startswith("mscope: /dev/null is no SCSI disk: expected a whole disk")
    p = mscope("bench", "/dev/no-such-disk", status=3)
    assert p.err == "mscope: /dev/no-such-disk: cannot open it for direct reads: No such file or directory\n"
    p = mscope("bench", "/dev/no-such-disk", "--op", "write", "--allow-writes", status=3)
    assert p.err == "mscope: /dev/no-such-disk: No such file or directory\n"


def test_progress_is_for_terminals_only(mscope):
    assert mscope("bench", FULL).err == ""
    master, slave = pty.openpty()
    process = subprocess.Popen([PROGRAM, "bench", FULL], stdout=subprocess.PIPE, stderr=slave, env=mscope.env)
    process.communicate(timeout=60)
    os.close(slave)
    shown = read_terminal(master).decode()
    assert "read/serial/64 (3 of 6)" in shown and shown.endswith("\x1b[K")
