# SPDX-License-Identifier: BSD-2-Clause
"""docs/faults.md and the faults agree: every field failure and every quirk has a fault or a reason why there can be none."""
import re

import pytest
from conftest import PROGRAM, TOP, UPDATE, listing

DOC = TOP / "docs" / "faults.md"
FIELD = 42
QUIRKS = set("abcdefghijklmnoprstuwy")
FLAGS = {"BROKEN_FUA", "BULK32", "BULK_IGNORE_TAG", "FIX_INQUIRY", "GO_SLOW", "LAST_SECTOR_BUG", "MAX_SECTORS_MIN",
         "NEEDS_CAP16", "NEED_OVERRIDE", "SCM_MULT_TARG", "SENSE_AFTER_SYNC", "USB_PR", "USB_SC"}


def rows(section):
    """The cells of the table in a section, without its head."""
    text = DOC.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines()
            if line.startswith("|")][2:]


def named(pattern):
    """What the faults say of themselves: {key: ids}."""
    found = {}
    for fault in listing("faults"):
        for keys in re.findall(pattern, fault["seen"]):
            for key in keys.split(" and "):
                found.setdefault(key, []).append(fault["name"])
    return found


def check(section, key, found):
    """The last column holds just those faults, or "none: " and the reason."""
    for row in rows(section):
        ids = sorted(found.pop(row[key], []))
        last = ", ".join(f"`{i}`" for i in ids)
        if not ids:
            assert re.match(r"none: \w", row[-1]), f"{section}: {row[key]} has neither fault nor reason"
        elif UPDATE:
            before, head, text = DOC.read_text().partition(f"\n## {section}\n")
            text, rest, after = text.partition("\n## ")
            lines = (re.sub(r"\| [^|]* \|$", f"| {last} |", line) if line.startswith(f"| {row[0]} |") and f"| {row[key]} |" in line
                     else line for line in text.splitlines(keepends=True))
            DOC.write_text(before + head + "".join(lines) + rest + after)
        else:
            assert row[-1] == last, f"{section}: {row[key]}"
    assert found == {}, f"{section}: these are not in the table"


def test_every_field_failure():
    assert [row[0] for row in rows("Field failures")] == [str(n + 1) for n in range(FIELD)]
    check("Field failures", 0, named(r"\bfield (\d+(?: and \d+)*):"))


def test_every_quirk():
    table = rows("Linux workarounds")
    assert {row[0] for row in table if row[0]} == QUIRKS
    assert FLAGS <= {row[1] for row in table}
    check("Linux workarounds", 1, named(r"\bLinux quirks? ([A-Z0-9_]+(?: and [A-Z0-9_]+)*)"))


def test_every_source():
    known = {fault["name"] for fault in listing("faults")}
    for row in rows("Read in sources"):
        ids = re.findall(r"`([a-z0-9-]+)`", row[-1])
        assert ids and set(ids) <= known or re.match(r"none: \w", row[-1]), row


def test_every_thread_found_later():
    """The fault says itself where it was seen."""
    seen = {fault["name"]: fault["seen"] for fault in listing("faults")}
    table = rows("Found later")
    assert len(table) >= 11
    for row in table:
        ids = re.findall(r"`([a-z0-9-]+)`", row[-1])
        assert ids and all(row[0] in seen[name] for name in ids), row


def test_every_fault_says_where_it_comes_from():
    """An address at which the defect can be looked at; or that there is none, and the rules and clauses that it proves."""
    clauses = {rule["name"]: rule["spec"] for rule in listing("rules")}
    for fault in listing("faults"):
        if re.search(r"\bhttps?://[^ /]+\.[^ /]+/", fault["seen"]):
            continue
        said = re.fullmatch(r"no report of it is known; it proves (.*)", fault["seen"])
        assert said, f"{fault['name']}: neither an address nor what it is for: {fault['seen']}"
        proves = dict(re.findall(r"([a-z0-9.]+) \((.*?)\)(?:, (?=[a-z0-9.]+ \()|$)", said[1]))
        assert list(proves) == fault["caught_by"], fault["name"]
        for rule, clause in proves.items():
            assert re.match(r"(USB|BOT|UASP|SPC|SBC|SAM|MMC|Microsoft|EFI|UEFI)\b", clause), f"{fault['name']}: {rule}: no clause: {clause}"
            assert clause == clauses[rule] or rule.startswith(("expect.", "firmware.")), fault["name"]


def test_every_field_failure_has_an_address():
    """Its thread; and one of its faults, at least, gives an address of the row."""
    seen = {fault["name"]: fault["seen"] for fault in listing("faults")}
    for row in rows("Field failures"):
        there = re.findall(r"\]\((https://[^)]*)\)", row[2])
        assert there, f"{row[0]}: no address"
        names = re.findall(r"`([a-z0-9-]+)`", row[3])
        assert any(address in seen[name] for name in names for address in there), row


def on_no_list():
    """(fault, rule, needs writes) of each entry; a fault that needs no writes is found with them as well."""
    return [(fault, rule, "(writes)" in row[-1]) for row in rows("On no list")
            for fault, rule in re.findall(r"`([a-z0-9-]+)`: `([a-z0-9.]+)`", row[-1])]


@pytest.mark.parametrize("fault, rule, writes", on_no_list(), ids=lambda x: x if isinstance(x, str) else "")
def test_what_was_on_no_list_is_found(mscope, fault, rule, writes):
    knobs = {f["name"]: f["target"] for f in listing("faults")}[fault]
    target = "sim:reference" + ("," + knobs if knobs else "") + ",fault=" + fault
    for allow in [["--allow-writes"]] if writes else [[], ["--allow-writes"]]:
        d = mscope.json("check", target, *allow, status=None)
        assert [c["id"] for c in d["causes"]] == [fault]
        assert {u["severity"] for u in d["unexplained"]} <= {"note"}
        assert rule in {f["rule"] for case in d["cases"] for f in case["findings"]}


def test_what_was_on_no_list_and_no_rule_finds(mscope):
    """The command that the table gives instead."""
    no_rule = [row[-1] for row in rows("On no list") if not re.search(r"`[a-z0-9-]+`: `", row[-1])]
    assert len(no_rule) == 3 and all(text.startswith("no rule") for text in no_rule)
    for text in no_rule:
        command = re.search(r"`mscope (\S+) ([^`]*)`", text)
        status = re.search(r"status (\d)", text)
        d = mscope.json(command[1], *command[2].split(), status=int(status[1]) if status else 0)
        if command[1] == "pace":
            assert d["diagnosis"][0]["id"] == re.search(r"names `([a-z-]+)` first", text)[1]
        else:
            assert "WRITE(10)" in d["reason"]


@pytest.mark.skipif("build-san" not in PROGRAM, reason="test_matrix.py runs them all")
@pytest.mark.parametrize("part", range(8))
def test_every_fault_under_the_sanitizers(mscope, part):
    for fault in listing("faults")[part::8]:
        target = "sim:reference" + ("," + fault["target"] if fault["target"] else "")
        process = mscope.popen("check", f"{target},fault={fault['name']}", "--allow-writes", "-q")
        err = process.communicate(timeout=120)[1].decode()
        assert process.returncode in (0, 1, 3) and "ERROR: " not in err, f"{fault['name']}: {err}"
