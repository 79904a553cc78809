# SPDX-License-Identifier: BSD-2-Clause
"""compare: of two benches, and of all that a directory keeps."""
import itertools
import json
import os
import re
import statistics
import subprocess

import pytest
from test_bench import FULL, base, bench, edited, samples  # noqa: F401: base is a fixture
from test_documents import validate


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
    (lambda d: d.update(exit_status=130), 5, "not comparable: the new one is not whole: exit status 130"),
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


@pytest.mark.parametrize("host", ["uhci", "ohci"])
def test_another_power_on_is_no_other_firmware(mscope, host):
    """Where the tick lies in the frame from power-on on, decides on a frame of each command."""
    def verdict(base, new, knobs, status):
        for name, seed, more in (("a.json", base, ""), ("b.json", new, knobs)):
            bench(mscope, name, f"sim:stm32,stage=async,host={host}{more}", "--blocks", "1,8", "--seed", seed)
        return [r["verdict"] for r in mscope.json("compare", "a.json", "b.json", status=status)["runs"]]
    for seed in "456":
        assert verdict("1", seed, "", 0) == ["same"] * 4
    assert "slower" in verdict("1", "6", ",block=500us", 1)


def test_as_many_as_it_asks_for_give_a_verdict(mscope):
    """Times of 2 or 3 ms, another seed."""
    def pair(count):
        for name, seed in (("a.json", "1"), ("b.json", "3")):
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
