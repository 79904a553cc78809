# SPDX-License-Identifier: BSD-2-Clause
"""Known failures: what --waive lets pass, how each format shows it, and what fails the run."""
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from test_documents import validate

FAULTY = ["check", "sim:reference,fault=residue-zero", "-s", "bot.case05.read10", "-s", "bot.case01.tur"]
TODAY = {"SOURCE_DATE_EPOCH": "1801353600"}   # 2027-01-31
WAIVER = """- rule: {rule}
  case: {case}
  reason: "ticket 4711: <fixed> in 2.3"
  until: {until}
"""


def waivers(tmp_path, *rows):
    text = "".join(WAIVER.format(rule=r, case=c, until=u) for r, c, u in rows)
    (tmp_path / "known.yaml").write_text(text or "[]\n")


def check(mscope, *args, status, **kw):
    return mscope(*FAULTY, "--waive", "known.yaml", *args, status=status, env=TODAY | kw)


def test_a_known_failure_passes_and_is_shown(mscope, tmp_path):
    """In text, JSON, JUnit and TAP, each with the reason; on its last day still."""
    mscope(*FAULTY, status=1)
    waivers(tmp_path, ("bot.residue.in", "bot.case05.*", "2027-01-31"))
    p = check(mscope, "--json", "out.json", "--junit", "out.xml", "--report", "tap:out.tap", status=0)
    text = " ".join(p.out.split())
    assert "waived bot.residue.in in bot.case05.*: 1 finding in 1 case, until 2027-01-31: ticket 4711: <fixed> in 2.3" in text
    assert "1 passed, 0 failed, 1 waived" in text and p.err == ""

    document = json.loads((tmp_path / "out.json").read_text())
    validate(document)
    assert document["exit_status"] == 0 and document["summary"] == {
        "pass": 1, "fail": 0, "warn": 0, "skip": 0, "error": 0, "waived": 1}
    case = next(c for c in document["cases"] if c["verdict"] == "waived")
    reason = "ticket 4711: <fixed> in 2.3"
    assert case["name"] == "bot.case05.read10" and case["reason"] == f"until 2027-01-31: {reason}"
    assert case["findings"][0]["waived"] == {"severity": "fail", "reason": reason, "until": "2027-01-31"}
    assert [w["state"] for w in document["waivers"]] == ["used"] and document["waivers"][0]["cases"] == 1

    suite = ElementTree.parse(tmp_path / "out.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "0", "1")
    assert suite.find("testcase/skipped").get("message") == f"waived until 2027-01-31: {reason}"
    tap = (tmp_path / "out.tap").read_text()
    assert tap.startswith("TAP version 13\n1..3\n")
    assert re.search(r"^not ok \d - bot.case05.read10 # TODO waived until 2027-01-31: ticket 4711", tap, re.M)
    assert re.search(r"^ok 3 - waiver of bot.residue.in in bot.case05", tap, re.M)


@pytest.mark.parametrize("row, said", [
    (("bot.residue.in", "bot.case05.*", "2027-01-30"), "expired on 2027-01-30, and waives nothing"),
    (("bot.csw.tag", "bot.case01.tur", "2027-01-31"), "is unused: the case no longer shows it; remove the waiver"),
    (("bot.csw.tag", "bot.case01.turr", "2027-01-31"), "is unused: there is no case of that name"),
])
def test_a_stale_waiver_fails_the_run(mscope, tmp_path, row, said):
    """Even where every case is good, and in every format."""
    waivers(tmp_path, row)
    good = ["check", "sim:reference", "-s", "bot.case01.tur", "-s", "bot.case05.read10", "--waive", "known.yaml"]
    p = mscope(*good, "--junit", "out.xml", "--report", "tap:out.tap", status=1, env=TODAY)
    message = f"known.yaml:1:3: the waiver of {row[0]} in {row[1]} {said}"
    assert p.err == f"mscope: {message}\n" and message in " ".join(p.out.split())
    suite = ElementTree.parse(tmp_path / "out.xml").getroot().find("testsuite")
    assert suite.get("failures") == "1" and suite.find("testcase/failure").get("message") == message
    assert f"not ok 3 - waiver of {row[0]} in {row[1]}\n# {message}\n" in (tmp_path / "out.tap").read_text()


def test_what_was_not_tried_fails_nothing(mscope, tmp_path):
    """A case that exists and was not selected, or that was skipped."""
    waivers(tmp_path, ("bot.csw.tag", "scsi.ready.medium", "2027-01-31"), ("bot.residue.in", "bot.case05.*", "2027-01-31"),
            ("bot.csw.tag", "scsi.write.long", "2027-01-31"))
    p = mscope(*FAULTY, "-s", "scsi.write.long", "--waive", "known.yaml", status=0, env=TODAY)
    assert p.out.count("untried  ") == 2 and "1 waived" in p.out


def test_only_what_is_named_is_let_pass(mscope, tmp_path):
    waivers(tmp_path, ("bot.residue.in", "bot.case05.read10", "2027-01-31"))
    p = mscope("check", "sim:reference,fault=residue-zero", "-s", "bot.case05.*", "--waive", "known.yaml", status=1, env=TODAY)
    assert re.search(r"^0 passed, 8 failed, 1 waived", p.out, re.M) and p.err == ""
    assert "--waive" not in p.out   # the command to repeat shows the failure


@pytest.mark.parametrize("text, status, said", [
    (None, 4, "known.yaml: cannot open the file of waivers: No such file or directory"),
    ("- rule: bot.csw.tagg\n", 4,
     "known.yaml:1:9: expected a rule: no rule called 'bot.csw.tagg'; did you mean 'bot.csw.tag'?"),
])
def test_a_bad_file_sends_nothing(mscope, tmp_path, text, status, said):
    if text:
        (tmp_path / "known.yaml").write_text(text)
    assert check(mscope, status=status).err == f"mscope: {said}\n"


def test_a_date_that_is_none_is_usage(mscope, tmp_path):
    waivers(tmp_path)
    p = check(mscope, status=2, SOURCE_DATE_EPOCH="tomorrow")
    assert p.err == "mscope: SOURCE_DATE_EPOCH: expected seconds since 1970, found 'tomorrow'\n"


@pytest.mark.parametrize("data, where", [(b"%;[\xd5", "1:4"), (b"# \xc3\xa9\n- rule: \xed\xa0\x80\n", "2:9"), (b"a: \xff", "1:4")])
def test_what_is_no_utf8_is_refused(mscope, tmp_path, data, where):
    """The first of these the parser would read for ever; scenarios are read by the same."""
    (tmp_path / "known.yaml").write_bytes(data)
    said = f"known.yaml:{where}: expected text in UTF-8, found something else"
    assert said in check(mscope, status=4).err
    assert said in mscope("run", "sim:reference", "known.yaml", status=4).err
