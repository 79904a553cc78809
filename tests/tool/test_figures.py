# SPDX-License-Identifier: BSD-2-Clause
"""Figures that the documents give as measured, and that any machine can measure again because their time is virtual."""
import re

import pytest
from conftest import TOP

STAGES = re.findall(r"^\| `(stage=[\w=,-]+)` \| (\d+) \| `([\w-]+)`, (?:(\d+) to )?(\d+) % \|", (TOP / "docs/guide.md").read_text(), re.M)
PERIOD_NS = 1e6


def rounded(seconds):
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"


def page(name):
    """One line, so that a sentence can be looked for."""
    return " ".join((TOP / "docs" / name).read_text().split())


def median_ns(doc, mode, blocks):
    samples = sorted(next(r for r in doc["runs"] if r["mode"] == mode and r["blocks"] == blocks)["samples_ns"])
    return (samples[(len(samples) - 1) // 2] + samples[len(samples) // 2]) / 2


def kilobytes(doc, mode, blocks):
    return round(blocks * 512 / median_ns(doc, mode, blocks) * 1e6)


@pytest.mark.parametrize("stage, rate, cause, least, most", STAGES)
def test_each_stage_of_the_guide(mscope, stage, rate, cause, least, most):
    doc = mscope.json("bench", f"sim:stm32,{stage}", "--mode", "serial", "--blocks", 128, "--count", 64)
    assert kilobytes(doc, "serial", 128) == int(rate)
    first = re.search(r"^1\. (\S+) +(?:fixing it saves|a limit, at most) (?:up to )?(?:(\d+) to )?(\d+) %",
                      mscope("pace", f"sim:stm32,{stage}", "-q").out, re.M)
    assert [first[1], first[2] or "", first[3]] == [cause, least, most]


def test_the_guide_goes_through_every_stage(mscope):
    knobs = mscope.json("list", "firmware", "stm32")["firmware"][0]["knobs"]
    stages = next(k["choices"] for k in knobs if k["name"] == "stage")
    assert list(dict.fromkeys(row[0].split(",")[0].split("=")[1] for row in STAGES)) == stages


@pytest.mark.parametrize("options", ["--bring-up", "--select usbif", "", "--allow-writes"])
def test_how_long_a_run_takes(mscope, options):
    took = [rounded(mscope.json("check", target, *options.split())["device_ns"] / 1e9) for target in ("sim:stm32", "sim:reference")]
    row = re.search(rf"^\| `check{' ' if options else ''}{options}` \| [^|]* \| (.*) \| (.*) \|$", (TOP / "docs/guide.md").read_text(), re.M)
    assert list(row.groups()) == took


def test_how_long_a_slow_card_takes(mscope):
    target, minutes = re.search(r"A slow card takes longer \(`(sim:\S+)`: (\d+) minutes with `--allow-writes`\)", page("guide.md")).groups()
    assert round(mscope.json("check", target, "--allow-writes")["device_ns"] / 60e9) == int(minutes)


def test_rates_behind_a_hub(mscope):
    told = re.search(r"in kB/s: (\d+) on a root port; (\d+) behind `hub=tt`.*?; (\d+) with one bulk neighbour.*?; (\d+) with two; "
                     r"(\d+) with six mice", page("design.md")).groups()
    measured = []
    for knobs in ("host=xhci", "host=xhci,hub=tt", "host=xhci,hub=tt,neighbours=1", "host=xhci,hub=tt,neighbours=2",
                  "host=ehci,hub=tt,neighbours=6,neighbour=interrupt"):
        doc = mscope.json("bench", f"sim:reference,speed=full,{knobs}", "--mode", "queued", "--blocks", 64, "--count", 20)
        measured.append(kilobytes(doc, "queued", 64))
    assert [int(t) for t in told] == pytest.approx(measured, abs=1)


def test_frames_of_a_read(mscope):
    """The simulated columns of the table; the kernel's are those of a virtual machine."""
    doc = mscope.json("bench", "sim:reference,speed=full,host=uhci,turnaround=150us", "--blocks", "1,8,64", "--count", 100)
    rows = re.findall(r"^\| (\d+) \| [\d.]+ to [\d.]+ \| ([\d.]+) \| [\d.]+ to [\d.]+ \| ([\d.]+) \|$", (TOP / "docs/design.md").read_text(), re.M)
    assert len(rows) == 3
    for blocks, serial, queued in rows:
        assert [f"{median_ns(doc, mode, int(blocks)) / PERIOD_NS:.1f}" for mode in ("serial", "queued")] == [serial, queued]


def test_size_of_the_page_program():
    """Of `mscope report`; what its tests hold is what it does."""
    size = sum(f.stat().st_size for f in (TOP / "lib/report/html").iterdir() if f.suffix in (".js", ".css"))
    told = int(re.search(r"The program with its style sheet is (\d+) kB", page("design.md"))[1])
    assert told == pytest.approx(size / 1000, rel=0.05)
