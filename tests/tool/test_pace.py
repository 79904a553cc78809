# SPDX-License-Identifier: BSD-2-Clause
"""mscope pace: the right bottleneck for each stage, and a document and a picture that hold."""
import dataclasses
import random
import re
import unicodedata

import pace_points
import pytest
from pace_points import Board, foreign
from test_documents import validate

EXPECTED = {"cube": "medium-in-interrupt", "async": "single-buffered", "double": "tick-bound",
            "single-block": "tick-bound", "yield": "medium-bound"}
CARDS = ["c6-8g", "c10-8g", "sd-32g"]


def ids(document):
    return [d["id"] for d in document["diagnosis"]]


def firsts(document):
    """The first cause, and those of which it cannot be told whether they save more."""
    return [d["id"] for i, d in enumerate(document["diagnosis"]) if not i or d["tied"]]


@pytest.mark.parametrize("stage", EXPECTED)
@pytest.mark.parametrize("card", CARDS)
def test_stages_and_cards(mscope, stage, card):
    document = mscope.json("pace", f"sim:stm32,stage={stage},card={card}")
    assert EXPECTED[stage] in firsts(document)
    validate(document)


@pytest.mark.parametrize("knobs", ["tick=2ms,seed=5", "tick=500us,seed=6", "read-wait=800us,seed=7",
                                   "block=400us,drift=120", "host=xhci,seed=8", "host=ohci"])
@pytest.mark.parametrize("stage", EXPECTED)
def test_other_ticks_cards_and_hosts(mscope, stage, knobs):
    document = mscope.json("pace", f"sim:stm32,stage={stage},{knobs}")
    assert EXPECTED[stage] in firsts(document)


# Hosts, cards and knobs at which the probes see different things; what the program said of them was wrong once.
MENDED = ["cube", "cube,card=c10-8g", "cube,read-wait=1us,host=xhci", "cube,read-wait=3ms", "async",
          "async,card=sd-32g,host=ohci", "async,read-wait=1500us", "async,tick=10ms", "async,tick=0ms",
          "async,tick=0ms,read-wait=1us", "async,tick=0ms,read-wait=50us", "async,host=xhci,block=280us,tick=500us",
          "async,host=ohci,read-wait=50us,block=100us,tick=200us", "double", "double,tick=10ms", "double,tick=500us",
          "double,read-wait=700us,block=100us", "double,host=ohci,block=50us,tick=100us", "single-block",
          "single-block,read-wait=1us", "single-block,read-wait=620us,host=xhci", "single-block,host=xhci,tick=200us",
          "single-block,host=xhci,read-wait=50us,block=800us", "yield,host=uhci,read-wait=100us,tick=10ms",
          "yield,host=ohci,read-wait=50us,block=50us", "yield,host=xhci,read-wait=100us"]
GRID = pace_points.published()[::4]
RNG = random.Random(13)
DRAWN = [pace_points.drawn(RNG) for _ in range(20)]


# What a host that takes few packets a frame costs is its own: 64 blocks with all that fit, and what is promised of that.
@pytest.mark.parametrize("stage, host, packets, now_ns, all_ns, first", [
    ("cube", "xhci", 2, 321000000, 157006334, "host-limited"),
    ("cube", "xhci", 7, 192000000, 157006334, "medium-in-interrupt"),
    ("async", "uhci", 2, 267000000, 138000000, "host-limited"),
    ("async", "xhci", 12, 137002324, 137002324, "single-buffered"),
    ("double", "xhci", 4, 129000000, 74004360, "host-limited"),
    ("double", "uhci", 4, 130000000, 75000000, "host-limited"),
    ("yield", "uhci", 7, 75000000, 57000000, "host-limited"),
    ("yield", "xhci", 7, 74000000, 56357618, "host-limited"),
    ("yield", "xhci", 12, 56375562, 56357618, "medium-bound"),
])
def test_a_host_that_takes_few_packets_is_not_laid_to_the_device(mscope, stage, host, packets, now_ns, all_ns, first):
    target = f"sim:stm32,stage={stage},host={host}"
    document = mscope.json("pace", f"{target},packets={packets}")
    took = [mscope.json("bench", f"{target},packets={n}", "-b", "64", "--mode", "queued", "-n", "1")["runs"][0]["samples_ns"]
            for n in (packets, 0)]
    assert took == [[now_ns], [all_ns]]
    assert (document["frame"]["packets"], ids(document)[0]) == (packets if now_ns > all_ns + 1e6 else None, first)
    validate(document)


@pytest.mark.parametrize("target", [f"sim:stm32,stage={m}" for m in MENDED] + GRID + DRAWN
                         + pace_points.slow_media()[1::3]
                         + pace_points.few_packets(["uhci", "xhci"], [3, 7, 12])[::2])
def test_mending_saves_what_was_promised(mscope, target):
    def mean_ns(target):
        run = mscope.json("bench", target, "-b", pace_points.blocks_of(target), "--mode", "queued", "-n",
                          "24")["runs"][0]
        return sum(run["samples_ns"]) / len(run["samples_ns"])
    document = mscope.json("pace", target)
    rows = pace_points.held_against_mending(document, target, mean_ns)
    for cause, _, saves, saved in rows:
        assert not saves or pace_points.holds(saves, saved), (cause, saves, saved)
    cause, named, _, saved = max(rows, key=lambda row: row[3])
    assert named or saved < pace_points.MATTERS[cause] or document["untold"], (cause, saved, ids(document))
    assert document["frame"]["packets"] in (None, *map(int, re.findall("packets=(.*)", target)))
    if target.startswith("sim:stm32"):
        assert pace_points.floor_holds(document, target, mean_ns), document["model"]["mended_block_ns"]
    # and never more than what is not the bus's
    size = document["sizes"][-1] # a few of them that wait long move the mean
    bus = size["bus_ns"] / max(mean_ns(target), size["queued"]["median_ns"])
    assert all(d["saves"]["most"] <= 1 - bus + 0.01 for d in document["diagnosis"])


@pytest.fixture(scope="session")
def boards(tmp_path_factory):
    return tmp_path_factory.mktemp("boards")


def saves(document, cause):
    return next((d["saves"] for d in document["diagnosis"] if d["id"] == cause), None)


@pytest.mark.parametrize("medium_us", [0, 2, 10])
def test_one_buffer_or_two_is_not_told_where_frames_hide_it(mscope, boards, medium_us):
    """At high speed a block of 512 bytes is a packet, and an EHCI sees microframes of thirteen."""
    for hold in 1, 2:
        board = Board(hold=hold, medium_us=medium_us, bench="host=ehci")
        document = mscope.json("pace", board.target(boards))
        validate(document)
        assert document["model"]["buffers"] is None and "xHCI" in document["untold"]
        assert "single-buffered" in firsts(document) and document["tick"]["clock"] is None
        assert "order of work" not in document["diagnosis"][0]["advice"]
    slow = Board(medium_us=50, bench="host=ehci")
    assert mscope.json("pace", slow.target(boards))["model"]["buffers"] == 1


@pytest.mark.parametrize("board", [Board(blocks=8, copy_ns=us * 1000, bench="host=ehci") for us in (6, 20)]
                         + [Board(blocks=12, copy_ns=6000, bench="host=xhci,moderation=40us"),
                            Board(blocks=12, medium_us=20, bench="host=ehci"),
                            Board(blocks=12, copy_ns=150000, bench="speed=full,host=ohci")], ids=str)
def test_one_large_buffer_is_seen_or_said_not_to_be(mscope, boards, board):
    """All that is read behind a pause of the host may be in one buffer."""
    document = mscope.json("pace", board.target(boards))
    assert "single-buffered" in firsts(document)
    assert document["model"]["buffers"] == 1 or document["untold"].startswith("one buffer or two could not be told")


def queued_ns(mscope, target):
    samples = mscope.json("bench", target, "-b", 64, "--mode", "queued", "-n", "24")["runs"][0]["samples_ns"]
    return sum(samples) / len(samples)


# bytes of a packet, a host and a medium; ns of a read of 64 blocks with small packets and with those of 64 bytes
SMALL = [(8, "host=uhci", 58000000, 28000000), (16, "host=xhci", 40235500, 27000000), (32, "host=ohci", 32000000, 28000000)]


@pytest.mark.parametrize("packet, host, small_ns, large_ns", SMALL)
def test_small_packets_are_a_cause(mscope, packet, host, small_ns, large_ns):
    target = f"sim:reference,speed=full,{host}"
    document = mscope.json("pace", f"{target},packet={packet}")
    validate(document)
    first = document["diagnosis"][0]
    assert (first["id"], first["confidence"]) == ("small-packets", "shown")
    assert queued_ns(mscope, f"{target},packet={packet}") == pytest.approx(small_ns, abs=1)
    assert queued_ns(mscope, target) == pytest.approx(large_ns, abs=1)
    assert pace_points.holds(first["saves"], 1 - large_ns / small_ns) and first["saves"]["least"] > .05
    bus = next(d for d in document["diagnosis"] if d["id"] == "bus-bound")
    assert "nothing is left" not in bus["advice"]
    assert ids(mscope.json("pace", target))[0] == "bus-bound"


FED = Board(feed_ns=6000, bench="speed=full,host=xhci")
# what is fed packet by packet; ns of a read of 64 blocks; the same with packets that follow each other
FED_NS = [(dataclasses.replace(FED, bench=f"speed=full,host={host}", **knobs), fed_ns, whole_ns)
          for host, knobs, fed_ns, whole_ns in (
              ("xhci", {"hold": 2, "copy_ns": 50000}, 34200333, 27556639), ("uhci", {"medium_us": 300}, 52000000, 48000000),
              ("xhci", {"medium_us": 400}, 59156000, 53333333))]


@pytest.mark.parametrize("board, fed_ns, whole_ns", FED_NS, ids=str)
def test_packets_fed_one_by_one_are_a_cause_and_no_second_buffer_hides_them(mscope, boards, board, fed_ns, whole_ns):
    document = mscope.json("pace", board.target(boards))
    validate(document)
    took = queued_ns(mscope, board.target(boards))
    assert took == pytest.approx(fed_ns, abs=1)
    whole = queued_ns(mscope, dataclasses.replace(board, feed_ns=0).target(boards))
    assert whole == pytest.approx(whole_ns, abs=1)
    assert pace_points.holds(saves(document, "packet-by-packet"), 1 - whole / took)
    if board.hold == 1:
        second = queued_ns(mscope, dataclasses.replace(board, hold=2).target(boards))
        assert pace_points.holds(saves(document, "single-buffered"), 1 - second / took)
    assert "packet-by-packet" not in ids(mscope.json("pace", dataclasses.replace(board, feed_ns=0).target(boards)))


@pytest.mark.parametrize("board", [Board(look_ns=1000000, wake_ns=100000, medium_us=40, hold=2),
                                   Board(look_ns=5000000, wake_ns=500000, medium_us=80, hold=2),
                                   Board(look_ns=100000, copy_ns=8000, hold=2, bench="host=ehci")], ids=str)
def test_the_tick_of_the_task_that_reads_is_found_beside_the_other(mscope, boards, board):
    """Two ticks; and one near the microframe of the host."""
    document = mscope.json("pace", board.target(boards))
    validate(document)
    tick = document["tick"]["blocks"]
    assert tick["locked"] and tick["period_ns"] == pytest.approx(board.wake_ns or board.look_ns, rel=1e-3)
    assert "tick-bound" in firsts(document)


def test_what_a_frame_hides_of_endpoint_0_is_said(mscope, boards):
    board = Board(copy_ns=24000, deaf=1, hold=2, bench="host=ehci")
    hidden = mscope.json("pace", board.target(boards))
    assert "USB interrupt could not be told" in hidden["untold"]
    assert "medium-in-interrupt" not in ids(hidden)
    shown = mscope.json("pace", dataclasses.replace(board, bench="host=xhci").target(boards))
    assert "medium-in-interrupt" in ids(shown)


@pytest.mark.parametrize("bench", ["host=xhci", "host=xhci,moderation=40us"])
def test_what_keeps_requests_waiting_is_not_the_interrupt(mscope, boards, bench):
    """Packets of the read go before a request's, and a host with moderation reports it late."""
    for board in Board(medium_us=10), Board(medium_us=20, hold=2), Board(copy_ns=20000):
        document = mscope.json("pace", dataclasses.replace(board, bench=bench).target(boards))
        assert "medium-in-interrupt" not in ids(document)
    if bench == "host=xhci":
        assert ids(mscope.json("pace", Board(medium_us=10, deaf=1).target(boards)))[0] == "medium-in-interrupt"


def test_what_waits_for_the_hosts_next_poll_is_not_promised(mscope, boards):
    """An endpoint that is armed when its packet has gone is asked again a little later, with one buffer and with two."""
    document = mscope.json("pace", Board().target(boards))
    assert saves(document, "single-buffered")["least"] == 0 and "next poll" in document["untold"]


@pytest.mark.parametrize("board", [Board(medium_us=5), Board(medium_us=10), Board(copy_ns=20000, medium_us=5),
                                   Board(copy_ns=5000, medium_us=20, blocks=8), Board(medium_us=50, bench="host=ehci"),
                                   Board(copy_ns=100000, deaf=1), Board(look_ns=200000, copy_ns=5000),
                                   Board(copy_ns=20000, bench="host=xhci,moderation=40us"),
                                   Board(copy_ns=100000, medium_us=50, bench="speed=full,host=ohci"),
                                   Board(blocks=2, deaf=1, copy_ns=20000, medium_us=100, bench="speed=full,host=xhci")]
                         + [foreign(random.Random(seed)) for seed in range(10)], ids=str)
def test_a_stack_of_others_is_promised_what_mending_saves(mscope, boards, board):
    def mean_ns(target):
        run = mscope.json("bench", target, "-b", pace_points.blocks_of(target), "--mode", "queued", "-n",
                          "24")["runs"][0]
        return sum(run["samples_ns"]) / len(run["samples_ns"])
    target = board.target(boards)
    document = mscope.json("pace", target)
    rows = pace_points.held_against_mending(document, target, mean_ns,
                                            [(names, b.target(boards)) for names, b in board.mends()])
    for cause, _, said, saved in rows:
        assert not said or pace_points.holds(said, saved), (cause, said, saved)
    cause, saved, named = pace_points.names_what_saves_most(rows) if rows else ("", 0, True)
    assert named or saved < .1 or document["untold"], (cause, saved, ids(document))


def test_a_tick_that_this_host_cannot_show_is_not_denied(mscope):
    target = "sim:stm32,stage=yield,read-wait=100us" # some blocks wait for the task that hands them over
    hidden = mscope.json("pace", target)
    assert ids(hidden)[0] == "medium-bound" and hidden["diagnosis"][0]["confidence"] == "likely"
    assert "order of work" not in hidden["diagnosis"][0]["advice"] and "xHCI" in hidden["untold"]
    assert {"tick-bound": "possible"} == {d["id"]: d["confidence"] for d in hidden["diagnosis"] if d["tied"]}
    shown = mscope.json("pace", target + ",host=xhci")
    assert "tick-bound" in firsts(shown)
    shared = mscope.json("pace", "sim:stm32,stage=yield,read-wait=20us") # three blocks in two ticks
    assert "tick-bound" in firsts(shared)


@pytest.mark.parametrize("host", ["uhci", "xhci"])
def test_a_tick_of_what_is_handed_over_alone(mscope, host):
    """Requests switch at once; the task that waits for the bus does not, and a pause of the host shows it."""
    tick = mscope.json("pace", f"sim:stm32,stage=yield,read-wait=1us,block=100us,host={host}")["tick"]
    assert not tick["first_block"]["locked"] and tick["clock"] == "device"
    assert tick["handed_over"]["locked"] and abs(tick["handed_over"]["period_ns"] - 1e6) < 100
    none = mscope.json("pace", f"sim:stm32,stage=yield,tick=0ms,host={host}")["tick"]
    assert not none["handed_over"]["locked"] and none["clock"] is None


# a build that reads in the interrupt; the same that reads in a task that a tick of 1 ms wakes
WOKEN = [("sim:stm32,stage=cube", "stage=async"), ("sim:stm32,stage=cube,host=xhci,card=sd-32g", "stage=async"),
         ("sim:stm32,stage=cube,read-wait=1us", "stage=async"), ("sim:reference,speed=full,card-read=700us", None)]


@pytest.mark.parametrize("target, mended", WOKEN)
def test_what_a_task_loses_that_a_tick_wakes(mscope, target, mended):
    """What the advice says a block takes then, it takes; and of a buffer of many blocks nothing worth a word is lost."""
    cause = next(d for d in mscope.json("pace", target)["diagnosis"] if d["id"] == "medium-in-interrupt")
    said = re.search(r"if a tick of 1.000 ms wakes it, a block takes (2.000) ms at least, (longer than now|so that at most (\d+) %)",
                     cause["advice"])
    assert bool(said) == bool(mended), cause["advice"]
    if mended:
        now, then = queued_ns(mscope, target), queued_ns(mscope, target.replace("stage=cube", mended))
        assert then >= 64 * float(said[1]) * 1e6
        assert then > now if said[2] == "longer than now" else 1 - then / now <= int(said[3]) / 100 + pace_points.WITHIN


def test_every_mended_fault_leaves_the_list(mscope):
    found = {s: set(ids(mscope.json("pace", f"sim:stm32,stage={s}"))) for s in EXPECTED}
    for stage, faults in {"async": {"medium-in-interrupt"},
                          "double": {"medium-in-interrupt", "single-buffered"},
                          "yield": {"medium-in-interrupt", "single-buffered", "tick-bound"}}.items():
        assert not found[stage] & faults, stage


@pytest.mark.parametrize("mode, first", [("serial", "host-paced"), ("queued", "bus-bound"),
                                         ("both", "bus-bound")])
def test_reference(mscope, mode, first):
    document = mscope.json("pace", "sim:reference,speed=full", "--mode", mode)
    validate(document)
    assert ids(document)[0] == first
    assert document["mode"] == mode
    assert document["frame"] | {"events": 0} == {
        "period_ns": 1000000, "locked": True, "clock": "host", "packets": None, "resultant": 1.0, "chance": 0.0,
        "events": 0}
    if mode == "serial":
        assert document["phases"] == {"mode": "serial", "blocks": 1, "cbw": 1000000,
                                      "data": 1000000, "csw": 1000000}


def test_large_serial_reads_are_bus_bound(mscope):
    document = mscope.json("pace", "sim:reference,speed=full", "--mode", "serial", "-b", "128")
    assert ids(document)[0] == "bus-bound"


def test_high_speed_frames(mscope):
    frame = mscope.json("pace", "sim:reference")["frame"]
    assert frame["period_ns"] == 125000 and frame["locked"]


def test_the_devices_tick_drifts_and_is_told_from_the_hosts_frame(mscope):
    steady = mscope.json("pace", "sim:stm32,stage=double")["tick"]
    drifts = mscope.json("pace", "sim:stm32,stage=double,drift=150")["tick"]
    assert steady["clock"] == drifts["clock"] == "device"
    assert abs(steady["drift"]["ppm"]) < 5
    assert abs(drifts["drift"]["ppm"] - 150) < drifts["drift"]["error_ppm"] < 40
    assert drifts["blocks"]["locked"] and 1000100 < drifts["blocks"]["period_ns"] < 1000200
    # Where the host reports at once, the device's tick is what completions keep to.
    frame = mscope.json("pace", "sim:stm32,stage=double,host=xhci")["frame"]
    assert frame["locked"] and frame["clock"] == "device" and abs(frame["period_ns"] - 1e6) < 100
    none = mscope.json("pace", "sim:stm32,stage=double,tick=0ms")["tick"]
    assert none["clock"] is None and not none["blocks"]["locked"]


def test_naks_are_seen_on_the_bus(mscope):
    naks = mscope.json("pace", "sim:stm32,stage=async")["naks"]
    assert naks["source"] == "bus" and naks["count"] > 1000
    assert 200 < naks["per_block"] < 300 and 1.6e6 < naks["ns_per_block"] < 1.9e6


def test_model(mscope):
    model = mscope.json("pace", "sim:stm32,stage=yield")["model"]
    rate = 1e6 / model["per_byte_ns"]
    assert 540 < rate < 660
    assert model["buffers"] == 2 and model["chunk_blocks"] == 1
    assert abs(model["bus_ns"] - 421053) < 10
    assert mscope.json("pace", "sim:stm32,stage=async")["model"]["buffers"] == 1


def test_evidence_has_numbers_with_units(mscope):
    for stage in EXPECTED:
        for d in mscope.json("pace", f"sim:stm32,stage={stage}")["diagnosis"]:
            assert re.search(r"\d (ns|us|ms|s)\b", d["evidence"]), d
            assert d["confidence"] in ("shown", "likely", "possible") and len(d["advice"]) > 40


def test_a_range_of_one_figure_is_said_as_one(mscope):
    target = "sim:stm32,stage=yield,host=xhci,packets=7"
    buffer = next(d for d in mscope.json("pace", target)["diagnosis"] if d["id"] == "single-buffered")
    assert buffer["saves"] == {"least": 0.028, "most": 0.028}
    assert "single-buffered   fixing it saves 3 % of reads; likely\n" in mscope("pace", target).out


def test_writes_need_to_be_allowed(mscope):
    target = "sim:stm32,stage=async,seed=2"
    assert mscope.json("pace", target)["writes"] is None
    allowed = mscope.json("pace", target, "--allow-writes")
    validate(allowed)
    assert allowed["writes"]["commands"] > 5
    if allowed["writes"]["pauses"]:
        assert "write-pauses" in ids(allowed)
        assert allowed["writes"]["pause_ns"] > 100e6
    quiet = mscope.json("pace", target + ",pauses=0", "--allow-writes")
    assert quiet["writes"]["pauses"] == 0 and "write-pauses" not in ids(quiet)


def test_writes_leave_the_medium_as_it_was(mscope, tmp_path):
    medium = tmp_path / "medium"
    medium.write_bytes(bytes(range(256)) * 4096)
    before = medium.read_bytes()
    mscope("pace", f"sim:stm32,file={medium}", "--allow-writes")
    assert medium.read_bytes() == before
    assert not [p for p in (tmp_path / "state").rglob("*") if p.is_file()]


@pytest.mark.parametrize("target", ["sim:stm32,stage=async", "sim:reference"])
def test_two_runs_are_the_same_bytes(mscope, target):
    assert mscope("pace", target).out == mscope("pace", target).out
    assert mscope("pace", target, "--json", "-").out == mscope("pace", target, "--json", "-").out


def width(line):
    return sum(not unicodedata.combining(c) for c in line)


@pytest.mark.parametrize("locale, marks", [("C", "[].#~"), ("C.UTF-8", "├┤·█▒")])
def test_the_picture_fits_the_terminal(mscope, locale, marks):
    for target in "sim:stm32,stage=async", "sim:stm32,host=xhci", "sim:reference":
        out = mscope("pace", target, env={"LC_ALL": locale}).out
        assert all(width(line) <= 84 for line in out.splitlines())
    picture = mscope("pace", "sim:stm32,stage=async", "--timeline", env={"LC_ALL": locale}).out
    assert locale != "C" or picture.isascii()
    assert all(m in picture for m in marks)
    assert [line.split()[0] for line in picture.splitlines()[1:6:1] if line[0] != " "] == [
        "time", "host", "bus", "medium"]
    assert "Of 9.000 ms the bus carries packets for " in picture


def test_two_pictures_of_one_scale(mscope):
    steps = [mscope("pace", f"sim:stm32,stage={stage}", "--timeline", "--scale", "150us").out for stage in ("async", "double")]
    assert all("a column is 150 us" in s and "is beyond" not in s for s in steps)
    assert "is beyond the picture" in mscope("pace", "sim:stm32,stage=async", "--timeline", "--scale", "10us").out


def test_timeline_json_is_in_order(mscope):
    document = mscope.json("pace", "sim:stm32,stage=double")
    line = document["timeline"]
    data = [s for s in line["spans"] if s["lane"] == "bus" and s["kind"] == "data"]
    assert line["blocks"] == 4 and len(data) == 4 and not line["exact"]
    for a, b in zip(data, data[1:]):
        assert a["from_ns"] < a["to_ns"] <= b["from_ns"] <= line["end_ns"]
    kinds = [(t["blocks"], t["mode"]) for t in document["timelines"]]
    assert kinds and len(set(kinds)) == len(kinds) and all(blocks > 4 for blocks, _ in kinds)
    assert all({"host", "bus"} < {s["lane"] for s in t["spans"]} <= {"host", "bus", "medium", "ticks"} for t in document["timelines"])


@pytest.mark.parametrize("target", [Board(medium_us=20), Board(copy_ns=5000), Board(medium_us=10, hold=2, copy_ns=5000),
                                    Board(medium_us=20, bench="host=ehci"), "sim:lsd", "sim:stm32,stage=async",
                                    "sim:stm32,host=xhci", "sim:linux-gadget,blocks=16384,host=xhci"], ids=str)
def test_the_bus_carries_in_the_picture_what_it_needs(mscope, boards, target):
    """Waits shorter than a few packets are waits too."""
    target = target if isinstance(target, str) else target.target(boards)
    document = mscope.json("pace", target)
    line = document["timeline"]
    spans = [s for s in line["spans"] if s["lane"] == "bus"]
    carried = sum(s["to_ns"] - s["from_ns"] for s in spans if s["kind"] == "data")
    assert carried == pytest.approx(line["blocks"] * document["model"]["bus_ns"], rel=.03)
    for a, b in zip(spans, spans[1:]):
        assert a["to_ns"] <= b["from_ns"] + 1, (a, b)


@pytest.mark.parametrize("args, status, says", [
    (["sim:stm32", "--mode", "parallel"], 2, "--mode: 'parallel' is none of serial, queued, both"),
    (["sim:stm32", "--blocks", "0"], 2, "--blocks: '0': expected 1 to 65535 blocks"),
    (["sim:stm32", "--blocks", ","], 2, "--blocks: expected sizes such as 1,8,64"),
    (["sim:stm32", "--blocks", "8,8"], 2, "--blocks: 8 is there twice"),
    (["sim:stm32", "--count", "0"], 2, "--count: expected at least 1"),
    (["sim:reference,blocks=64", "--lba", "64"], 2, "--lba: the last block is 63"),
    (["sim:reference,blocks=64", "--blocks", "8,65"], 2,
     "--blocks: 65 is more than the 64 blocks that there are"),
    (["sim:reference,medium=0"], 3, None),
    (["sim:stm32", "sim:stm32"], 2, "pace takes one target or one capture, not 'sim:stm32'"),
], ids=lambda x: " ".join(x) if isinstance(x, list) else None)
def test_refusals(mscope, tmp_path, args, status, says):
    p = mscope("pace", *args, status=status)
    assert p.out == "" and p.err.startswith("mscope: ")
    if says:
        assert p.err == f"mscope: {says}\n"


def test_a_device_that_hangs_is_told_and_bounded(mscope):
    p = mscope("pace", "sim:reference,speed=full,fault=hang-long-read", "--json", "x.json", status=1,
               timeout=20)
    assert "FAIL" in p.out and "time-out" in p.out


def test_unplugged_results_are_kept(mscope, tmp_path):
    p = mscope("pace", "sim:stm32,unplug=2s", "--json", "-", status=3)
    assert '"mscope.pace/1"' in p.out and "went away" in p.err
