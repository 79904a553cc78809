# SPDX-License-Identifier: BSD-2-Clause
"""bench: what it measures, what it refuses, what others can read of it. compare is in test_compare.py."""
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
    (["--baseline", "old.json", "--threshold", "5"], "--threshold: '5': expected a percentage above 0%, such as 5%"),
    (["--baseline", "old.json", "--threshold", "-5%"], "--threshold: '-5%': expected a percentage above 0%, such as 5%"),
    (["--baseline", "old.json", "--threshold", "0%"], "--threshold: '0%': expected a percentage above 0%, such as 5%"),
    (["--baseline", "old.json", "--threshold", "nan%"], "--threshold: 'nan%': expected a percentage above 0%, such as 5%"),
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
    """A line through these sizes gives time back for each command: the tick stays where it was at power-on."""
    document = bench(mscope, "a.json", "sim:stm32,stage=async,drift=1", "--mode", "queued")
    validate(document)          # nothing below 0
    assert document["model"]["per_command_ns"] == 0 and document["model"]["worst_residual"] > 0.03
    model = bench(mscope, "b.json", "sim:reference,host=uhci", "--mode", "serial", "--count", "3")["model"]
    assert 1e9 / 1216001 < model["per_byte_ns"] < 1e9 / 1215000     # 19 packets a frame
    out = mscope("bench", "sim:stm32,stage=async,drift=1", "--mode", "queued").out
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


# ---- what is compared -------------------------------------------------------------------------------------

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


def test_times_in_clumps_are_measured_more_often(mscope):
    """Ticks are: compare takes means of them, and a hundred commands give too few. What was asked for stays."""
    def samples(target, *more):
        return [run["commands"] for run in mscope.json("bench", target, "-b", "1", *more)["runs"]]
    assert samples("sim:stm32,stage=async") == [200, 200]
    assert samples("sim:stm32,stage=async", "-n", "100") == [100, 100]
    assert samples("sim:reference,speed=full") == [100, 100] # whole frames, all alike
    assert "up to 200 commands were measured" in mscope("bench", "sim:stm32,stage=async", "-b", "1").out
