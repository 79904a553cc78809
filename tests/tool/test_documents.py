# SPDX-License-Identifier: BSD-2-Clause
"""What programs read: JSON by its schemas, JUnit, TAP; and two runs that are the same bytes."""
import json
import re
import xml.etree.ElementTree as ElementTree

import jsonschema
import pytest
import yaml
from conftest import TOP

SCHEMAS = {p.name: json.loads(p.read_text()) for p in (TOP / "docs" / "schema").glob("*.json")}
FAULTY = "sim:reference,fault=residue-zero"


def validate(document):
    schema = SCHEMAS[document["format"].replace("/", "-") + ".json"]
    resolver = jsonschema.RefResolver("", schema, store=SCHEMAS)
    validator = jsonschema.Draft202012Validator(schema, resolver=resolver)
    worst = jsonschema.exceptions.best_match(validator.iter_errors(document))
    assert worst is None, f"{worst.json_path}: {worst.message[:500]}"


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


# What the name of a member says of its unit, its description says too.
UNITS = {r"_ns$|^ns_per": "nanosecond", r"bytes|^block_size$|^max_packet": "byte", r"^blocks$|_blocks$": "block|written as one",
         r"^lba$|_lba$": "block|address", r"ppm$": "parts per million"}


def properties(node, path):
    """Each property of a schema, with its path; what belongs to a condition only names those of elsewhere."""
    if isinstance(node, dict):
        for name, one in node.items():
            if name == "properties" and path[-1:] != ["properties"]:
                yield from ((path + [member], value) for member, value in one.items())
            if name not in ("if", "then"):
                yield from properties(one, path + [name])
    elif isinstance(node, list):
        for at, one in enumerate(node):
            yield from properties(one, path + [str(at)])


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_member_is_described_with_its_unit(name):
    bad = []
    for path, schema in properties(SCHEMAS[name], []):
        text = schema.get("description", "")
        if len(text) < 5 or any(re.search(member, path[-1]) and not re.search(unit, text)
                                for member, unit in UNITS.items()):
            bad.append(f"{'/'.join(path)}: {text!r}")
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("args, status", [
    (["check", "sim:reference"], 0),
    (["check", "sim:reference", "--allow-writes", "-vv", "--profile", "spec"], 0),
    (["check", FAULTY], 1),
    (["check", FAULTY, "-vv", "--queued", "--allow-writes"], 1),
    (["check", "sim:linux-gadget,stall=0", "--profile", "spec", "-vv"], None),
    (["check", "sim:reference,unplug=30ms"], 3),
    (["check", "usb:1234:5678"], 3),
    (["ls", "sim:lsd"], 0),
    (["ls", "sim:reference"], 4),
    (["probe", "sim:reference,luns=3"], 0),
    (["probe", "sim:reference,medium=0"], 0),
    (["probe", FAULTY], 0),
    (["send", "sim:reference", "--", "12 00 00 00 24 00"], 0),
    (["send", "sim:reference", "--in", "512", "--", "28 00 00000000 00 0001 00"], 1),
    (["send", "sim:reference", "--truncate", "30", "--", "00 00 00 00 00 00"], 1),
    (["send", "sim:reference", "--signature", "0", "--", "00 00 00 00 00 00"], 1),
    (["list"], 0),
    (["bench", "sim:stm32,stage=cube"], 0),
    (["soak", "sim:reference,fault=cache-lost", "--allow-writes", "--bytes", "2M"], 1),
    (["soak", "sim:reference,unplug=1s", "--allow-writes"], 3),
], ids=lambda x: " ".join(x) if isinstance(x, list) else None)
def test_json_is_as_its_schema_says(mscope, tmp_path, args, status):
    args = [args[0], "--json", "result.json", *args[1:]]
    process = mscope.popen(*args)
    process.communicate(timeout=60)
    assert status is None or process.returncode == status
    document = json.loads((tmp_path / "result.json").read_text())
    assert document["exit_status"] == process.returncode
    assert document["argv"] == ["mscope", *args]
    validate(document)
    if document["format"] == "mscope.result/1":
        for verdict, count in document["summary"].items():
            assert count == sum(c["verdict"] == verdict for c in document["cases"])


def test_a_schema_can_fail(mscope):
    document = mscope.json("check", "sim:reference", "-s", "bot.case01*")
    document["cases"][0]["verdict"] = "splendid"
    with pytest.raises(AssertionError, match="splendid"):
        validate(document)


def test_a_failure_has_its_evidence(mscope):
    document = mscope.json("check", FAULTY, status=1)
    case = next(c for c in document["cases"] if c["verdict"] == "fail")
    finding = next(f for f in case["findings"] if f["rule"] == "bot.residue.in")
    assert finding["severity"] == "fail" and "BOT 1.0" in finding["spec"]
    assert finding["expected"] and finding["actual"] and finding["message"] and finding["context"]
    assert any(x["kind"] == "exchange" and x["residue"] == 0 for x in case["exchanges"])


@pytest.mark.parametrize("args", [
    ["check", "sim:reference", "--allow-writes", "-vv"],
    ["check", "sim:linux-gadget", "--allow-writes", "-vv"],
    ["check", FAULTY, "-v"],
    ["check", "sim:reference", "--json", "-", "-vv"],
    ["check", "sim:reference", "--tap"],
    ["check", "sim:reference", "--junit", "-"],
    ["check", "sim:reference", "--seed", "7", "--queued"],
    ["probe", "sim:linux-gadget"],
    ["soak", "sim:reference,fault=ring-end", "--allow-writes", "--bytes", "8M", "--seed", "7"],
    ["fuzz", "sim:reference,fault=residue-zero", "--allow-writes", "--count", "40", "--seed", "7"],
], ids=" ".join)
def test_two_runs_are_the_same_bytes(mscope, args):
    runs = []
    for _ in range(2):
        process = mscope.popen(*args)
        runs.append((process.communicate(timeout=60), process.returncode))
    assert runs[0] == runs[1]
    assert b"/tmp" not in runs[0][0][0]


def test_junit_agrees_with_json(mscope, tmp_path):
    document = mscope.json("check", FAULTY, "--junit", "out.xml", status=1)
    suite = ElementTree.parse(tmp_path / "out.xml").getroot().find("testsuite")
    cases = suite.findall("testcase")
    assert [c.get("name") for c in cases] == [c["name"] for c in document["cases"]]
    assert int(suite.get("tests")) == len(cases)
    for key, verdict, tag in (("failures", "fail", "failure"), ("skipped", "skip", "skipped"),
                              ("errors", "error", "error")):
        count = sum(c.find(tag) is not None for c in cases)
        assert count == int(suite.get(key)) == document["summary"][verdict]
    assert any("bot.residue.in" in (c.findtext("failure") or "") for c in cases)
    assert all(c.find("skipped").get("message") for c in cases if c.find("skipped") is not None)


def parse_tap(text):
    """The Test Anything Protocol's grammar, version 13: (ok, number, name, skip reason) rows."""
    lines = text.splitlines()
    assert lines.pop(0) == "TAP version 13"
    plan = int(re.fullmatch(r"1\.\.(\d+)", lines.pop(0)).group(1))
    rows, block = [], None
    for line in lines:
        if block is not None:
            assert line.startswith("  ")
            block = None if line == "  ..." else block
        elif line == "  ---":
            assert rows
            block = line
        elif not line.startswith("#"):
            m = re.fullmatch(r"(not )?ok (\d+) - ((?:[^#\\]|\\[#\\])+?)(?: # SKIP (.+))?", line)
            assert m, line
            rows.append((not m.group(1), int(m.group(2)), m.group(3), m.group(4)))
    assert block is None
    assert [r[1] for r in rows] == list(range(1, plan + 1))
    return rows


def test_tap_agrees_with_json(mscope):
    document = mscope.json("check", FAULTY, status=1)
    rows = parse_tap(mscope("check", FAULTY, "--tap", status=1, env={"COLUMNS": "0"}).out)
    assert len(rows) == len(document["cases"])
    for (ok, _, name, skip), case in zip(rows, document["cases"]):
        assert name == case["name"]
        assert ok == (case["verdict"] in ("pass", "warn", "skip"))
        assert (skip or "").replace("\\#", "#") == (case["reason"] or "" if case["verdict"] == "skip" else "")


def test_tap_on_a_terminal_says_the_same_in_80_columns(mscope):
    def read(columns):
        text = mscope("check", FAULTY, "--tap", status=1, env={"COLUMNS": columns}).out
        return text, [yaml.safe_load(b) for b in re.findall(r"^  ---\n(.*?)^  \.\.\.$", text, re.M | re.S)]

    (narrow, evidence), (wide, same) = read("80"), read("0")
    assert max(map(len, narrow.splitlines())) <= 80 < max(map(len, wide.splitlines()))
    assert evidence == same and len(same) > 5
    assert [row[:3] for row in parse_tap(narrow)] == [row[:3] for row in parse_tap(wide)]
    comments = " ".join(line[2:] for line in narrow.splitlines() if line.startswith("# "))
    for row, whole in zip(parse_tap(narrow), parse_tap(wide)):
        assert row[3] == whole[3] or whole[3] in comments


def test_text_agrees_with_json(mscope):
    s = mscope.json("check", FAULTY, status=1)["summary"]
    last = mscope("check", FAULTY, status=1).out.splitlines()[-1]
    assert last.startswith(f"{s['pass']} passed, {s['fail']} failed")
    assert f"{s['skip']} skipped" in last and last.endswith(" of device time")


def test_golden_reports_are_what_they_say():
    """The golden files of the unit test, full of nasty strings, for real parsers."""
    golden = TOP / "tests" / "unit" / "golden"
    ElementTree.parse(golden / "report.xml")
    json.loads((golden / "report.json").read_text())
    validate(json.loads((golden / "report-vv.json").read_text()))
