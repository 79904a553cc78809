# SPDX-License-Identifier: BSD-2-Clause
"""Writes diagnosed: media and stacks whose mechanisms can be switched off, so that what pace promises can be held against
what mending saves. All times are virtual."""

import pytest

from test_pace import validate

XHCI, FULL = "sim:reference,host=xhci", "sim:reference,speed=full"
PAGES = ",erase-page=4096"
WITHIN = 0.005 # of the time: what a run of 16 writes leaves open

MECHANISMS = [ # cause, what makes it, what mends it, a host that sees frames too
    ("page-merge", PAGES, PAGES + ",cache=1"),
    ("page-merge", PAGES + ",cache=1,flush=1", PAGES + ",cache=1"),
    ("small-buffer", PAGES + ",piece=512", PAGES),
    ("block-by-block", ",access=1ms,piece=512", ",access=1ms"),
    ("polling-task", ",poll=5ms", ""),
    ("write-pauses", ",pause-every=200", ""),
]


@pytest.fixture(scope="module")
def measured():
    return {}


def pace(mscope, measured, target):
    if target not in measured:
        measured[target] = mscope.json("pace", target, "--op", "write", "--allow-writes")
    return measured[target]


def sizes(document):
    return {z["blocks"]: z for z in document["writing"]["sizes"]}


def took(document):
    return {n: z["steady_ns"] + z["pauses_ns"] for n, z in sizes(document).items()}


@pytest.mark.parametrize("base", [XHCI, FULL])
@pytest.mark.parametrize("cause, knobs, mended", MECHANISMS)
def test_the_first_cause_saves_what_it_says(mscope, measured, base, cause, knobs, mended):
    document = pace(mscope, measured, base + knobs)
    validate(document)
    first = document["diagnosis"][0]
    assert first["id"] == cause and all(d["op"] == "write" for d in document["diagnosis"])
    before, after = took(document), took(pace(mscope, measured, base + mended))
    saved = sum(1 - after[n] / before[n] for n in before) / len(before)
    assert first["saves"]["least"] - WITHIN <= saved <= first["saves"]["most"] + WITHIN
    assert cause not in [d["id"] for d in pace(mscope, measured, base + mended)["diagnosis"]
                         if cause != "block-by-block"]


def test_times_are_those_of_the_mechanisms(mscope, measured):
    """A page: 45 ms to erase, 8 blocks of 1 ms, and what is not written read at 82 us a block."""
    writing = pace(mscope, measured, XHCI + PAGES)["writing"]
    alone = {p["blocks"]: (p["aligned_ns"], p["across_ns"]) for p in writing["alone"]}
    page = 45_000_000 + 8 * 1_000_000
    near = lambda ns: pytest.approx(ns, abs=30_000) # interrupts, and SYNCHRONIZE CACHE
    assert alone[1][0] == near(page + 7 * 82_000) and writing["again_ns"] == near(page + 7 * 82_000)
    assert alone[8] == (near(page), near(2 * page + 8 * 82_000))
    assert 8 * page - 600_000 < alone[64][0] < 8 * page # most of the bus is behind the medium
    assert writing["unit_blocks"] == 8 and not writing["gathers"] and writing["poll_ns"] is None
    cached = pace(mscope, measured, XHCI + PAGES + ",cache=1")["writing"]
    assert cached["gathers"] and cached["alone"][0]["sync_ns"] == near(page + 7 * 82_000)
    assert pace(mscope, measured, XHCI + ",poll=5ms")["writing"]["poll_ns"] == pytest.approx(5e6, rel=1e-4)
    assert sizes(pace(mscope, measured, XHCI + ",poll=5ms"))[1]["steady_ns"] == near(15_000_000)


def test_naks_are_told_from_the_bus(mscope, measured):
    for n, z in sizes(pace(mscope, measured, XHCI + PAGES)).items():
        assert z["naks"] > 1000 and z["nak_ns"] + z["host_ns"] + z["bus_ns"] == pytest.approx(z["steady_ns"], abs=2)
        assert z["host_ns"] < 50_000 < 50 * z["bus_ns"] and z["nak_ns"] > 0.99 * z["steady_ns"], n


def test_pauses_are_told_from_the_pace(mscope, measured):
    writing = pace(mscope, measured, XHCI + ",pause-every=200")["writing"]
    assert writing["pauses"]["median_ns"] == pytest.approx(200e6, rel=.01)
    assert writing["pauses"]["per_block_ns"] == pytest.approx(200e6 / 200, rel=.3)
    assert sizes(pace(mscope, measured, XHCI + ",pause-every=200"))[1]["steady_ns"] < 100_000


@pytest.mark.parametrize("quiet, pauses", [
    (FULL + ",host=xhci,erase-page=65536,load=82us,cache=1", ",pause-every=300,pause=200ms"),
    (XHCI + ",speed=high,erase-page=8192,erase=20ms,load=82us,cache=1", ",pause-every=100,pause=100ms"),
])
def test_pauses_beside_a_cache_hide_in_the_steps_of_its_pages(mscope, measured, quiet, pauses):
    """What runs take beyond what their pages take alone is a range that holds what mending saves; without pauses nothing."""
    document, mended = (pace(mscope, measured, t) for t in (quiet + pauses, quiet))
    before, after = took(document), took(mended)
    saved = sum(1 - after[n] / before[n] for n in before) / len(before)
    saves = next(d["saves"] for d in document["diagnosis"] if d["id"] == "write-pauses")
    assert saved > .05 and saves["least"] - WITHIN <= saved <= saves["most"] + WITHIN
    assert saves["most"] - saves["least"] < .5
    assert "write-pauses" not in [d["id"] for d in mended["diagnosis"]]


def test_what_hosts_wait_for(mscope, measured):
    hosts = pace(mscope, measured, XHCI + PAGES)["writing"]["hosts"]
    assert [(h["name"], h["bytes"], h["waits_ns"]) for h in hosts] == [
        ("Windows", 65536, 20_000_000_000), ("Linux", 122880, 30_000_000_000), ("macOS", 1048576, 30_000_000_000)]
    assert hosts[0]["takes_ns"] == pytest.approx(16 * 53e6, rel=.01) and not hosts[0]["reckoned"] and hosts[2]["reckoned"]
    out = " ".join(mscope("pace", FULL + PAGES + ",piece=512", "--op", "write", "--allow-writes").out.split())
    assert "Windows' writes of 64 KiB take 6.8" in out and "of the 20 s that it waits" in out
    assert "resets the device" in out


def test_text_fits_and_the_medium_is_put_back(mscope, tmp_path):
    medium = tmp_path / "medium"
    medium.write_bytes(bytes(range(256)) * 8192)
    before = medium.read_bytes()
    for knobs in ",pause-every=100,poll=2ms", PAGES:
        out = mscope("pace", f"sim:reference,file={medium}{knobs}", "--op", "write", "--allow-writes").out
        assert all(len(line) <= 80 and line == line.rstrip() for line in out.splitlines()[1:]) # after the name
        assert medium.read_bytes() == before
    assert not [p for p in (tmp_path / "state").rglob("*") if p.is_file()]


def test_small_media_are_measured_as_far_as_they_go(mscope):
    assert 64 in sizes(mscope.json("pace", "sim:reference,blocks=600", "--op", "write", "--allow-writes"))


@pytest.mark.parametrize("args, says", [
    ((XHCI, "--op", "write"), "writing changes the medium; give --allow-writes to allow it (a scratch range is saved and "
     "put back)"),
    ((XHCI, "--op", "erase"), "--op: 'erase' is none of read, write"),
    ((XHCI + ",cache=1",), "'cache' means nothing without erase-page=4096"),
    ((XHCI + PAGES + ",flush=1",), "'flush' means nothing without cache=1"),
    ((XHCI + ",poll=300s",), "too long for a medium or a poll: at most 100 s"),
])
def test_refusals(mscope, args, says):
    p = mscope("pace", *args, status=2)
    assert p.out == "" and p.err == f"mscope: {says}\n"
