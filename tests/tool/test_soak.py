# SPDX-License-Identifier: BSD-2-Clause
"""mscope soak: nothing is found where nothing is wrong, and each pattern of loss is named with its period and its place; whatever
happens, the medium is as it was."""
import hashlib
import os
import re
import signal
import time

import pytest

MIB = 1 << 20
WRITES = "--allow-writes"


def image(path, mib=8):
    """A medium on which no block is like another."""
    with open(path, "wb") as f:
        for i in range(mib * MIB // 64):
            f.write(hashlib.sha512(b"%d" % i).digest())
    return path.read_bytes()


def pattern(document, name):
    return {p["id"]: p for p in document["patterns"]}.get(name)


@pytest.mark.parametrize("target", ["sim:reference,file=", "sim:linux-gadget,file=", "sim:reference,speed=full,file=",
                                    "sim:stm32,file=", "sim:reference,block-size=4096,file=",
                                    "sim:reference,variant=write-cache,file="])
def test_nothing_is_found_and_nothing_left(mscope, tmp_path, target):
    before = image(tmp_path / "medium")
    d = mscope.json("soak", target + "medium", WRITES, "--bytes", "4M")
    assert d["wrong_blocks"] == 0 and d["compared_all"] and d["restored"] and d["failure"] is None
    assert d["power"]["state"] == "cycled" and d["power"]["flushed"] == ("write-cache" in target or "gadget" in target)
    assert d["bytes_written"] > MIB and d["bytes_read"] > MIB
    assert (tmp_path / "medium").read_bytes() == before
    assert not list(tmp_path.glob("state/mscope/*"))


@pytest.mark.parametrize("queued", [[], ["--queued"]])
@pytest.mark.parametrize("fault, kinds, name, period", [
    ("buffer-end", {"foreign"}, "command", 64),
    ("buffer-end,speed=full", {"mixed"}, "command", 64),
    ("ring-end", {"foreign"}, "ring", 2048),
    ("ring-end,speed=full", {"mixed"}, "ring", 2048),
    ("block-worn", {"bits"}, "place", 2048),
    ("medium-wraps-1m", {"foreign"}, "alias", 2048),
    ("page-not-erased", {"anded"}, "not-erased", None),
    ("cache-lost", {"stale"}, "power", None),
    ("write-cached", {"zeros"}, "reset", None),
    ("write-first-only", {"zeros", "stale"}, "command", None),
    ("page-rest-lost", {"ones"}, "neighbour", 8),
])
def test_the_pattern_is_named(mscope, fault, kinds, name, period, queued):
    d = mscope.json("soak", f"sim:reference,fault={fault}", WRITES, "--bytes", "32M", *queued, status=1)
    assert set(d["kinds"]) == kinds
    assert [p["id"] for p in d["patterns"]] == [name]
    assert pattern(d, name)["period_blocks"] == period
    assert pattern(d, name)["of"] >= d["wrong_times"] * 0.9 or d["wrong_times"] > len(d["wrong"])
    assert d["restored"]


@pytest.mark.parametrize("fault, size, words", [
    ("write-alternate-lost", "1M", "it is each second of the blocks of its command, from block 2 on, wherever that begins"),
    ("write-tail-lost", "4M", "it is always the last block of its command; these have 2 to 512 blocks"),
    ("write-onto-first", "2M", "the first block of a command holds what was written to its last, and the others nothing of that command: "
     "all are stored in one place"),
    ("write-pairs-swapped", "1M", "each two blocks of a command, counted from its first, have changed places"),
    ("write-first-only", "2M", "it is what lies behind the first block of its command: nothing longer is stored as it was sent"),
    ("blocks-8-bit", "16M", "of a command of 256 blocks or more only the remainder of its length divided by 256 is stored: "
     "the number of blocks is kept in 8 bits"),
    ("page-rest-lost", "2M", "it lies in the same 8 blocks (4 KiB) of the medium as other blocks that a later command wrote: "
     "a page is erased, and what it held is not put back"),
])
def test_a_pattern_in_words(mscope, fault, size, words):
    d = mscope.json("soak", f"sim:reference,fault={fault}", WRITES, "--bytes", size, status=1)
    assert [p["text"] for p in d["patterns"]] == [words]


@pytest.mark.parametrize("target, options, end, least, passes", [
    ("luns=2,fault=unit-wedge", ["--lun", "1"], "hung", 2, 1),
    ("fault=hang-long-read", [], "hung", 65, 64),
    ("fault=hang-long-read-240", [], "hung", 241, 240),
    ("fault=data-missing", [], "short", 2, 1),
])
def test_a_command_that_fails(mscope, target, options, end, least, passes):
    """It is told, with its size, and the time is kept to but for the command that hangs first."""
    args = ("soak", f"sim:reference,{target}", WRITES, "--duration", "5s", "--bytes", "4M", *options)
    d = mscope.json(*args, status=1)
    failed, *past = d["commands"]
    assert (failed["end"], failed["command"], failed["times"]) == (end, "read", d["failed_commands"] - len(past))
    assert [c["end"] for c in past] == ["accepted"] * (end == "short")  # half of it is there
    assert least <= failed["least_blocks"] <= failed["first"]["blocks"] <= failed["most_blocks"]
    assert passes is None or (failed["longest_passed"] or 0) <= passes < failed["least_blocks"]
    assert d["elapsed_ns"] < 40e9
    words = " ".join(mscope(*args, status=1).out.split())
    assert f"FAIL {failed['text']}" in words and " ok " not in words


@pytest.mark.parametrize("fault, ends", [
    ("read-past-clipped", {("accepted", "read")}),
    ("status-late,attention=0", {("accepted", "read"), ("refused", "read")}),
    ("last-block-alone", {("refused", "read")}),
    ("lba-start-only", {("accepted", "read")}),
    ("residue-kept", {("residue", "write")}),
    ("residue-kept-read", {("residue", "read")}),
])
def test_the_end_of_the_medium_and_what_the_csw_says(mscope, fault, ends):
    """They cost none of the data, and the run goes on to its end."""
    d = mscope.json("soak", f"sim:reference,fault={fault}", WRITES, "--bytes", "1M", status=1)
    assert {(c["end"], c["command"]) for c in d["commands"]} == ends
    assert d["compared_all"] and d["wrong_blocks"] == 0 and d["failure"] is None


def test_a_block_goes_bad_on_the_way(mscope):
    """It is found by halves, whichever command meets it, and costs no other block."""
    d = mscope.json("soak", "sim:reference,event=bad-block:16100@write-block:900", WRITES, "--bytes", "1M", status=1)
    assert {w["lba"] for w in d["wrong"] if w["kind"] == "unreadable"} <= {16100} and "MEDIUM ERROR" in d["commands"][0]["text"]
    assert set(d["kinds"]) <= {"unreadable", "unwritable"} and d["kinds"]


def test_other_units_are_named(mscope):
    args = ("soak", "sim:reference,luns=3", WRITES, "--bytes", "256k", "--lun", "1")
    assert mscope.json(*args)["units_not_tested"] == [0, 2]
    assert "not tested  unit 0 (--lun 0), unit 2 (--lun 2)" in mscope(*args).out


def test_blocks_that_changed_elsewhere_are_not_called_right(mscope):
    r = mscope("soak", "sim:reference,blocks=131072,fault=block-address-16", WRITES, "--bytes", "1M", status=1)
    assert "blocks have changed that nobody wrote" in " ".join(r.out.split()) and "\nok " not in r.out


@pytest.mark.parametrize("variant", ["limit-256", "late-1s", "recovered-errors", "long-write", "write-cache"])
def test_what_is_legal_is_no_failure(mscope, variant):
    d = mscope.json("soak", f"sim:reference,variant={variant}", WRITES, "--bytes", "8M")
    assert d["failed_commands"] == d["wrong_blocks"] == 0 and d["compared_all"]
    assert {c["end"] for c in d["commands"]} == ({"limited"} if variant == "limit-256" else set())


def test_what_bytes_counts(mscope):
    words = " ".join(mscope("soak", "sim:reference", WRITES, "--bytes", "2M").out.split())
    wrote, read, both = map(float, re.search(r"([\d.]+) MiB written .* ([\d.]+) MiB read and compared in \d+: "
                                             r"([\d.]+) MiB in both directions", words).groups())
    assert abs(wrote + read - both) < 0.2


def test_it_is_placed(mscope):
    d = mscope.json("soak", "sim:reference,fault=block-worn", WRITES, "--bytes", "32M", status=1)
    assert {w["lba"] % 2048 for w in d["wrong"]} == {pattern(d, "place")["phase_blocks"]} == {1000}
    assert {w["first_byte"] for w in d["wrong"]} == {142}
    d = mscope.json("soak", "sim:reference,fault=medium-wraps-1m", WRITES, "--bytes", "32M", status=1)
    assert all((w["from_lba"] - w["lba"]) % 2048 == 0 for w in d["wrong"])
    d = mscope.json("soak", "sim:reference,fault=cache-lost", WRITES, "--bytes", "8M", status=1)
    assert d["wrong_blocks"] == 32 and all(w["after_power"] for w in d["wrong"])


@pytest.mark.parametrize("fault", ["block-worn", "ring-end"])
def test_a_block_counts_once(mscope, fault):
    """However often it was written and found wrong; that is told beside it."""
    args = ("soak", f"sim:reference,fault={fault}", WRITES, "--bytes", "32M")
    d = mscope.json(*args, status=1)
    assert len(d["wrong"]) == d["wrong_times"] == sum(d["kinds"].values())
    assert d["wrong_blocks"] == len({w["lba"] for w in d["wrong"]})
    words = " ".join(mscope(*args, status=1).out.split())
    assert re.search(rf"FAIL {d['wrong_blocks']} blocks are not as they should be[,:]", words), words
    assert (f", {d['wrong_times']} times in all, once for each write of them:" in words) == (d["wrong_times"] != d["wrong_blocks"])


def test_a_defect_once_per_mib_of_much_traffic(mscope):
    """2 GiB take 6 s; here it is a part of that."""
    d = mscope.json("soak", "sim:reference,fault=ring-end", WRITES, "--bytes", "256M", status=1)
    assert 256 * MIB <= d["bytes_written"] + d["bytes_read"] < 280 * MIB
    ring = pattern(d, "ring")
    assert ring["period_blocks"] == 2048 and ring["of"] == d["wrong_times"] > 80
    found = re.search(r"; of its (\d+) places (\d+) wrong, (\d+) written over before .*, (\d+) right$", ring["text"])
    places, wrong, over, right = map(int, found.groups())
    assert (wrong, over, right) == (ring["of"], places - wrong, 0) and abs(places - d["bytes_written"] / MIB) < 2


def test_the_seed_decides(mscope):
    runs = [mscope("soak", "sim:reference,fault=ring-end", WRITES, "--bytes", "4M", "--seed", s, status=1).out for s in (5, 5, 6)]
    assert runs[0] == runs[1]
    assert runs[0].splitlines()[3:] != runs[2].splitlines()[3:]


def test_without_permission_nothing_is_sent(mscope, tmp_path):
    before = image(tmp_path / "medium")
    assert "--allow-writes" in mscope("soak", "sim:reference,file=medium", status=2).err
    assert "write-protected" in mscope("soak", "sim:reference,wp=1,file=medium", WRITES, status=None).err
    assert (tmp_path / "medium").read_bytes() == before


def test_ctrl_c_ends_with_a_summary(mscope, tmp_path):
    before = image(tmp_path / "medium")
    process = mscope.popen("soak", "sim:reference,file=medium", WRITES, "--bytes", "100G")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT or process.returncode == -signal.SIGINT
    assert b"traffic" in out and b"stopped" in out
    assert re.search(rb"^to go on    mscope soak sim:reference,file=medium --allow-writes --bytes 100G --from \d+$", out, re.M)
    assert (tmp_path / "medium").read_bytes() == before


def written(mscope, tmp_path, *options):
    """The document, and the places that are written, in their order; the first 60 are what every run begins with."""
    d = mscope.json("soak", "sim:reference", WRITES, *options, "--log", "trace")
    return d, re.findall(r"WRITE\(10\) lba (\d+) blocks (\d+)", (tmp_path / "trace").read_text())[60:]


def test_a_run_is_gone_on_with(mscope, tmp_path):
    """The second round is the same, whether the first was in the run or not."""
    (d, whole), (_, second) = (written(mscope, tmp_path, "--bytes", *o) for o in (["120M"], ["36M", "--from", "1"]))
    assert (d["from"], d["next"]) == (0, 1)
    assert any(whole[i:i + 40] == second[:40] for i in range(len(whole)))
    assert whole[:40] != second[:40]
    r = mscope("soak", "sim:reference,unplug=1s", WRITES, "--from", "7", "--seed=5", status=3)
    assert r.out.endswith("to go on    mscope soak sim:reference,unplug=1s --allow-writes --seed=5 --from 7\n")


def test_a_crash_is_put_right(mscope, tmp_path):
    """The journal knows what a soak writes by its stamps, of which it has none itself."""
    before = image(tmp_path / "medium")
    process = mscope.popen("soak", "sim:reference,file=medium", WRITES, "--bytes", "100G")
    deadline = time.monotonic() + 20
    while (tmp_path / "medium").read_bytes() == before and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert (tmp_path / "medium").read_bytes() != before
    mscope("check", "sim:reference,file=medium", WRITES, "-s", "bot.case12.*")
    assert (tmp_path / "medium").read_bytes() == before


def test_a_plug_that_is_pulled(mscope):
    d = mscope.json("soak", "sim:reference,unplug=1s", WRITES, status=3)
    assert d["reason"] and d["writes"] > 0 and not d["compared_all"]


def test_small_media(mscope):
    for blocks in (1, 2, 64, 200, 512, 1000, 5000):
        d = mscope.json("soak", f"sim:reference,blocks={blocks}", WRITES, "--bytes", "1M")
        assert d["wrong_blocks"] == 0 and d["restored"], blocks
