# SPDX-License-Identifier: BSD-2-Clause
"""Scenarios that imitate a host: what it would have done, how long it took, and what it needs to run at all."""
import re

import pytest

HOSTS = {"windows": "Windows", "linux": "Linux", "macos": "macOS", "freebsd": "FreeBSD", "uefi": "UEFI"}


def case(mscope, target, name, *options, status=0):
    document = mscope.json("check", target, "--select", name, *options, status=status)
    assert [c["name"] for c in document["cases"]] == [name]
    return document["cases"][0], document


@pytest.mark.parametrize("host", HOSTS)
def test_attach_says_what_the_host_would_have_done(mscope, host):
    broken, _ = case(mscope, "sim:reference,fault=inquiry-short", f"attach.{host}.probe", status=1)
    told = {f["host"] for f in broken["findings"] if f["severity"] == "fail" and "host" in f}
    assert len(told) == 1 and told.pop().startswith(HOSTS[host] + " ")
    shown = mscope("check", "sim:reference,fault=inquiry-short", "--select", f"attach.{host}.probe", status=1).out
    assert re.search(rf"^ {{10}}host: +{HOSTS[host]} ", shown, re.M)


def test_attach_needs_a_volume_for_the_volume(mscope):
    blank, _ = case(mscope, "sim:reference", "attach.windows.fat32")
    assert (blank["verdict"], blank["reason"]) == ("skip", "there is no partition table")


def seconds(text):
    number, unit = text.split()
    return float(number) * {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[unit]


def phases(mscope, target):
    shown = " ".join(mscope("check", target, "--select", "attach.windows.fat32", "-v").out.split())
    total, each = re.search(r"took ([\d.]+ \w+): (.*?) \d+ passed", shown).groups()
    return seconds(total), {" ".join(p.split()[:-2]): seconds(" ".join(p.split()[-2:])) for p in each.split(", ")}


def test_attach_time_is_that_of_the_allocation_table(mscope):
    """The STM32 of the article: the whole table is read, a quarter of it with clusters four times as large."""
    small, parts = phases(mscope, "sim:stm32,stage=cube,cluster=4k")
    large, fewer = phases(mscope, "sim:stm32,stage=cube,cluster=16k")
    assert abs(sum(parts.values()) - small) < 0.01 * small
    assert 30 < parts["allocation table"] < 50 and max(parts, key=parts.get) == "allocation table"
    assert 3.8 < parts["allocation table"] / fewer["allocation table"] < 4.2 and large < small


def test_attach_that_takes_long_is_noted_and_no_fault(mscope):
    slow, document = case(mscope, "sim:reference,fault=answer-slow", "attach.windows.probe")
    notes = [f for f in slow["findings"] if f["rule"] == "attach.time"]
    assert slow["verdict"] == "pass" and [f["severity"] for f in notes] == ["note"]
    assert notes[0]["expected"] == "at most 3.000 s" and notes[0]["actual"].startswith("4.0")


def test_all_operation_codes_are_one_case(mscope):
    swept, _ = case(mscope, "sim:reference", "scsi.opcodes.all", "--allow-writes", "--allow-unsafe",
                    "-vv")
    for direction in ("none", "in", "out"):
        sent = {int(e["cdb"][:2], 16) for e in swept["exchanges"] if e.get("direction") == direction}
        assert set(range(256)) - sent == {0x0a, 0x1b}       # WRITE(6) of zeros writes, START STOP UNIT has tests of its own
    assert swept["verdict"] == "pass"


def test_a_medium_that_is_not_what_it_says(mscope):
    target = "sim:reference,blocks=16384,fault="
    wraps, _ = case(mscope, target + "medium-wraps", "scsi.fake.read")
    assert wraps["verdict"] == "warn" and {f["rule"] for f in wraps["findings"]} == {"scsi.medium.repeats"}
    wraps, _ = case(mscope, target + "medium-wraps", "scsi.fake.write", "--allow-writes", status=1)
    alias = [f for f in wraps["findings"] if f["rule"] == "scsi.medium.alias"]
    assert alias[0]["expected"].startswith("what was written to block ") and alias[0]["actual"] != alias[0]["expected"]
    drops, _ = case(mscope, target + "medium-drops", "scsi.fake.write", "--allow-writes", status=1)
    assert {f["rule"] for f in drops["findings"]} == {"expect.data"}
