# SPDX-License-Identifier: BSD-2-Clause
"""mscope fuzz: the same seed is the same run; what a fault shows becomes a short scenario that fails in the same way when it is run;
devices in order show nothing; nothing is written without leave."""
import hashlib
import json
import signal
import time

import pytest
from test_documents import validate

SPEC = ["--profile", "spec"]
WRITES = "--allow-writes"


@pytest.mark.parametrize("fault, options, rule", [
    ("residue-zero", [], "bot.residue.in"),
    ("hang-vpd", [], None),
    ("sense-opcode", [], None),
    ("write-first-only", [WRITES], None),
    ("maxlun-fields", [], None),
])
def test_a_failure_is_a_short_scenario_that_fails_alike(mscope, tmp_path, fault, options, rule):
    target = f"sim:reference,fault={fault}"
    d = mscope.json("fuzz", target, *SPEC, *options, "--first", "--count", "5000", "-o", "found", status=1)
    validate(d)
    [failure] = d["failures"]
    assert failure["repeats"] and 1 <= failure["steps"] <= 8 and failure["steps"] <= failure["drawn_steps"]
    assert rule in (None, failure["rule"])
    path = failure["scenario"]
    assert path.startswith("found/fuzz-") and (tmp_path / path).read_text() == failure["text"]
    assert f"conversation {failure['conversation']}" in failure["text"] and failure["message"] in failure["text"]
    again = mscope.json("run", target, path, *SPEC, *options, status=1)
    [case] = again["cases"]
    assert failure["rule"] in [f["rule"] for f in case["findings"] if f["severity"] == "fail"]
    assert mscope.json("run", "sim:reference", path, *SPEC, *options)["cases"][0]["verdict"] in ("pass", "skip")


def test_the_same_seed_is_the_same_run(mscope, tmp_path):
    target = "sim:reference,fault=residue-zero"
    runs = [mscope("fuzz", target, "--count", "60", "--seed", s, "-o", "out", status=1).out for s in (5, 5, 6)]
    assert runs[0] == runs[1] != runs[2]
    assert "1 step" in runs[0] and "to repeat   mscope run" in runs[0]
    assert all(len(line) <= 80 for line in runs[0].splitlines() if not line.startswith("to "))


def test_what_is_known_is_not_told_again(mscope):
    d = mscope.json("fuzz", "sim:reference,fault=residue-zero", "--count", "100", status=1)
    told = [(f["rule"], f["command"]) for f in d["failures"]] + [
        (a["rule"], a["command"]) for f in d["failures"] for a in f["also"]]
    assert len(told) == len(set(told))
    assert d["failures"][0]["again"] > 10


def test_it_goes_on_where_it_ended(mscope):
    """A conversation follows from the seed and its number: the second half alone finds what the whole finds there."""
    target = "sim:reference,fault=hang-vpd"
    whole = mscope.json("fuzz", target, *SPEC, "--count", "120", status=1)
    first = whole["failures"][0]["conversation"]
    assert mscope.json("fuzz", target, *SPEC, "--count", first or 1, status=None)["next"] == (first or 1)
    rest = mscope.json("fuzz", target, *SPEC, "--from", first, "--count", "1", status=1)
    assert (rest["from"], rest["next"]) == (first, first + 1)
    assert rest["failures"][0]["text"] == whole["failures"][0]["text"]


@pytest.mark.parametrize("target", ["sim:reference", "sim:reference,speed=full", "sim:reference,luns=2", "sim:reference,variant=empty",
                                    "sim:reference,wp=1"])
def test_devices_in_order_show_nothing(mscope, target):
    d = mscope.json("fuzz", target, *SPEC, WRITES, "--count", "150")
    validate(d)
    assert d["conversations"] == 150 and not d["failures"] and d["coverage"] > 30
    assert d["cut_short"] < 75 or "empty" in target # where most of what could be sent needs a medium


@pytest.mark.parametrize("variant, seed, at, writes", [
    ("slow-inquiry", 40155, 381, []),           # the host did not wait as long as hosts do
    ("late-insertion", 20839, 2885, []),        # no medium, as before START STOP UNIT
    ("late-8s", 20265, 330, [WRITES]),          # not ready behind a port reset
    ("stop", 20349, 36, [WRITES]),              # a medium that cannot be taken out
])
def test_what_was_held_against_a_legal_device(mscope, variant, seed, at, writes):
    d = mscope.json("fuzz", f"sim:reference,variant={variant}", *SPEC, *writes, "--seed", seed, "--from", at, "--count", "1")
    assert d["conversations"] == 1 and not d["failures"]


def test_nothing_is_written_without_leave(mscope, tmp_path):
    with open(tmp_path / "medium", "wb") as f:
        for i in range(1 << 15):
            f.write(hashlib.sha512(b"%d" % i).digest())
    before = (tmp_path / "medium").read_bytes()
    d = mscope.json("fuzz", "sim:reference,file=medium", *SPEC, "--count", "60", "--corpus", "kept")
    texts = [p.read_text() for p in (tmp_path / "kept").iterdir()]
    assert d["coverage"] and texts
    assert not any("write" in t or "scratch" in t for t in texts)
    assert (tmp_path / "medium").read_bytes() == before
    assert not list(tmp_path.glob("state/mscope/*"))


def test_what_was_written_is_put_back(mscope, tmp_path):
    with open(tmp_path / "medium", "wb") as f:
        for i in range(1 << 15):
            f.write(hashlib.sha512(b"%d" % i).digest())
    before = (tmp_path / "medium").read_bytes()
    mscope("fuzz", "sim:reference,file=medium", *SPEC, WRITES, "--count", "25", "--corpus", "kept")
    assert any("write" in p.read_text() for p in (tmp_path / "kept").iterdir())
    assert (tmp_path / "medium").read_bytes() == before


def test_the_corpus_can_be_run(mscope, tmp_path):
    d = mscope.json("fuzz", "sim:reference", *SPEC, "--count", "40", "--corpus", "kept")
    kept = sorted(p.name for p in (tmp_path / "kept").iterdir())
    assert 5 < len(kept) <= 40 and d["coverage"] >= len(kept)
    assert all(name.startswith("1-") and name.endswith(".yaml") for name in kept)
    cases = mscope.json("run", "sim:reference", *(f"kept/{name}" for name in kept), *SPEC)["cases"]
    assert {c["verdict"] for c in cases} <= {"pass", "skip"}


def test_interrupted_with_what_there_is(mscope, tmp_path):
    process = mscope.popen("fuzz", "sim:reference,fault=residue-zero", "--count", "1000000", "--json", "out.json")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("fuzz-*.yaml")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    document = json.loads((tmp_path / "out.json").read_text())
    validate(document)
    assert document["reason"] == "interrupted" and document["failures"]
    assert b"stopped     interrupted" in out and b"to go on" in out


def test_bad_words(mscope):
    assert "interop" in mscope("fuzz", "sim:reference", "--profile", "interop", status=2).err
    assert "did you mean '--corpus'" in mscope("fuzz", "sim:reference", "--korpus", "x", status=2).err
    assert "one target" in mscope("fuzz", "sim:reference", "sim:lsd", status=2).err
    assert "--count" in mscope("fuzz", "sim:reference", "--count", "0", status=2).err
    mscope("fuzz", "sim:reference", "--count", "1", "-o", "/dev/null/x", status=4)
