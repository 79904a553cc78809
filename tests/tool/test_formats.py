# SPDX-License-Identifier: BSD-2-Clause
"""What CI servers and farms read, by parsers of others where there are any: after a whole run, one that the user ends and
one whose device goes away."""
import json
import re
import signal
import time

import junitparser
import pytest
from conftest import TOP, Mscope, listing
from tap.parser import Parser

FORMATS = sorted(re.findall(r"^REPORT\((\w+)\)", (TOP / "lib/report/report.list").read_text(), re.M))
FAULTY = "sim:reference,fault=residue-zero"
# Each of two cases takes an hour of the device's time.
LONG = """name: test.%s
title: a command, ten million times
spec: [BOT 1.0 5.1]
steps:
  - repeat: 10000
    do:
      - repeat: 1000
        do:
          - command: { test_unit_ready: {} }
"""


class Ended:
    """Every format of one run."""

    def __init__(self, place, status, document):
        self.place, self.status, self.document = place, status, document

    def text(self, name):
        return (self.place / f"out.{name}").read_text()


def every_format(mscope, *args):
    return mscope.popen(*args, *(f"--report={name}:out.{name}" for name in FORMATS))


@pytest.fixture(scope="module", params=["whole", "interrupted", "gone"])
def ended(tmp_path_factory, request):
    tmp_path = tmp_path_factory.mktemp("ended")
    mscope = Mscope(tmp_path)
    if request.param == "interrupted":
        (tmp_path / "long.yaml").write_text(LONG % "one" + "---\n" + LONG % "two")
        process = every_format(mscope, "run", "sim:reference", "long.yaml", "--log", "trace")
        while not (tmp_path / "trace").exists() or not (tmp_path / "trace").stat().st_size:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
    else:
        process = every_format(mscope, "check", FAULTY if request.param == "whole" else "sim:reference,unplug=1s")
    process.communicate(timeout=60)
    assert process.returncode == {"whole": 1, "interrupted": -signal.SIGINT, "gone": 3}[request.param]
    return Ended(tmp_path, process.returncode, json.loads((tmp_path / "out.json").read_text()))


def test_junit_by_another_parser(ended):
    suite, = junitparser.JUnitXml.fromfile(str(ended.place / "out.junit"))
    cases, stopped = list(suite), bool(ended.document["reason"])
    count = {kind: sum(isinstance(r, kind) for c in cases for r in c.result)
             for kind in (junitparser.Failure, junitparser.Error, junitparser.Skipped)}
    summary = ended.document["summary"]
    assert suite.tests == len(cases) == sum(summary.values()) + stopped
    assert suite.failures == count[junitparser.Failure] == summary["fail"]
    assert suite.errors == count[junitparser.Error] == summary["error"] + stopped
    assert suite.skipped == count[junitparser.Skipped] == summary["skip"]
    assert [c.name for c in cases[:len(cases) - stopped]] == [c["name"] for c in ended.document["cases"]]
    if stopped:
        assert cases[-1].result[0].message == ended.document["reason"]


def test_tap_by_another_parser(ended):
    lines = list(Parser().parse_text(ended.text("tap")))
    assert not [line for line in lines if line.category == "unknown" and line.text.strip()]
    version, plan = lines[:2]
    tests = [line for line in lines if line.category == "test"]
    assert version.version == 13
    assert [t.number for t in tests] == list(range(1, len(tests) + 1))
    assert [(t.description.removeprefix("- "), t.ok, t.skip) for t in tests] == [
        (c["name"], c["verdict"] not in ("fail", "error"), c["verdict"] == "skip") for c in ended.document["cases"]]
    bails = [line.reason for line in lines if line.category == "bail"]
    assert bails == ([ended.document["reason"]] if ended.document["reason"] else [])
    assert plan.expected_tests == len(tests) or bails


def test_lava_as_its_dispatcher_reads_it(ended):
    """lava_dispatcher/actions/test/shell.py: the pattern of a signal, split at blanks, each part KEY=VALUE; a name once."""
    results = {}
    for name, parameters in re.findall(r"<LAVA_SIGNAL_(\S+) ([^>]+)>", ended.text("lava")):
        assert name == "TESTCASE"
        data = dict(p.split("=") for p in parameters.split())
        assert set(data) <= {"TEST_CASE_ID", "RESULT", "MEASUREMENT", "UNITS"}
        assert re.fullmatch(r"[-\w.]+", data["TEST_CASE_ID"]) and data["TEST_CASE_ID"] not in results
        results[data["TEST_CASE_ID"]] = data["RESULT"]
    run = results.pop("mscope.run")
    assert run == ("fail" if ended.document["reason"] else "pass")
    meant = {"pass": "pass", "warn": "pass", "fail": "fail", "skip": "skip", "error": "unknown"}
    assert results == {c["name"]: meant[c["verdict"]] for c in ended.document["cases"]}


def test_github_annotations(ended):
    """Only commands, ten of a kind at most, and every cause and reason is one."""
    lines = ended.text("github").splitlines()
    rows = [re.fullmatch(r"::(error|warning|notice) title=([^:,]+)::(.+)", line).groups() for line in lines]
    assert all(not re.search(r"%(?!25|0A|3A|2C)", part) for row in rows for part in row)
    for level in ("error", "warning", "notice"):
        assert sum(row[0] == level for row in rows) <= 10
    titles = [title for _, title, _ in rows]
    assert set(c["id"] for c in ended.document["causes"] if c["severity"] != "note") <= set(titles)
    assert ("stopped" in titles) == bool(ended.document["reason"])
    assert rows[-1][0] == "notice" and f"{ended.document['summary']['pass']} passed" in rows[-1][2]


def rows_of(text, heading):
    """The cells of the table under a heading."""
    if f"### {heading}\n" not in text:
        return []
    lines = text.split(f"### {heading}\n\n")[1].split("\n\n")[0].splitlines()
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    assert len({len(row) for row in rows}) == 1 and re.fullmatch(r"(\|-+:?)+\|", lines[1])
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_markdown_has_causes_first_and_what_is_not_ok(ended):
    text = ended.text("markdown")
    bad = [(c["verdict"], c["name"]) for c in ended.document["cases"] if c["verdict"] in ("fail", "warn", "error")]
    assert [(row[0], row[1]) for row in rows_of(text, "Cases that are not ok")] == bad
    assert sum(int(row[0]) for row in rows_of(text, "Skipped")) == ended.document["summary"]["skip"]
    assert sum(int(row[2]) for row in rows_of(text, "Not explained by a known cause")) == sum(
        g["findings"] for g in ended.document["unexplained"] if g["severity"] != "note")
    for cause in ended.document["causes"]:
        assert text.index(f"**{cause['id']}**") < text.index("### Cases that are not ok")
    assert text.startswith("## mscope: sim:reference") and ("**Stopped:** " in text) == bool(ended.document["reason"])


def test_usbif_has_every_test_description(ended):
    text = ended.text("usbif")
    rows = re.findall(r"^(TD\d\.\d+) +(passed|FAILED|in part|not run)( +\(recon\.\))? ", text, re.M)
    carried = [s for s in listing("scenarios") if s["evidence"]]
    verdict = {c["name"]: c["verdict"] for c in ended.document["cases"]}
    names = {tag for s in carried for tag in s["tags"] if tag.startswith("TD")}
    assert {r[0] for r in rows} == names and len(rows) == len(names)
    for name, outcome, reconstructed in rows:
        its = [s for s in carried if name in s["tags"]]
        done = {verdict.get(s["name"]) for s in its}
        assert bool(reconstructed) == any(s["evidence"] == "reconstructed" for s in its)
        assert (outcome == "FAILED") == ("fail" in done)
        if outcome == "passed":
            assert done <= {"pass", "warn"}
        elif outcome == "not run":
            assert done <= {"skip", "error", None}
    total = re.search(r"(\d+) test descriptions: (\d+) passed, (\d+) failed, (\d+) run in part, (\d+) not run", text)
    assert [int(n) for n in total.groups()] == [len(rows)] + [
        sum(r[1] == o for r in rows) for o in ("passed", "FAILED", "in part", "not run")]
    assert all(len(line) <= 80 for line in text.splitlines())


def test_usbif_says_when_it_is_not_their_profile(mscope):
    assert "other verdicts" in mscope("check", "sim:reference", "-s", "TD1.5", "--profile", "spec", "--report", "usbif").out
    text = mscope("check", "sim:reference", "-s", "TD1.5", "--report", "usbif").out
    assert "other verdicts" not in text and "1 passed, 0 failed, 0 run in part, 20 not run" in text
    assert "it was not selected" in text


@pytest.mark.parametrize("report", FORMATS)
def test_every_report_says_which_units_were_not_tested(mscope, report):
    """And how they are."""
    out = mscope("check", "sim:reference,luns=3", "--select", "bot.case01.tur", "--select", "bot.case04.tur", "--report", report).out
    assert "unit 1 (--lun 1), unit 2 (--lun 2)" in " ".join(out.split()), out
