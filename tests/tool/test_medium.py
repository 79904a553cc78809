# SPDX-License-Identifier: BSD-2-Clause
"""Whose blocks are these: media that are swapped, pulled out, cut short at random, and devices that cut
addresses. Afterwards the medium is byte for byte as it was, or the journal is kept and the program says
so; and no other medium was ever written."""
import json
import os
import random
import re
import shlex

import pytest
from conftest import PROGRAM, listing
from crash import CUTS, HOW, LARGE, READS, WRITES, Disk, Killer, build_shim, words

sanitized = "build-san" in PROGRAM
ROUNDS = int(os.environ.get("MSC_SAFETY_ROUNDS", "12"))     # 1000 for a night


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def killer(tmp_path, shim):
    return Killer(PROGRAM, tmp_path, shim)


@pytest.mark.parametrize("speed", ["90ms", "200ms"])
def test_slow_flash(killer, speed):
    p = killer.run("--allow-writes", *WRITES,
                   target=f"{killer.target},speed=full,card-write={speed}")
    assert p.returncode == 0 and " 0 failed" in p.stdout and "not finished" not in p.stdout, p.stdout
    assert killer.disk.changed() == [] and killer.journals() == []


@pytest.mark.parametrize("fault", CUTS)
@pytest.mark.parametrize("blocks", [8192, LARGE])
def test_cut_addresses_change_nothing(killer, fault, blocks):
    """The whole suite."""
    killer.disk = Disk(killer.disk.path, blocks)
    p = killer.run("--allow-writes", target=f"{killer.target},fault={fault}")
    assert p.returncode in (0, 1), words(p)
    assert killer.disk.changed() == [] and killer.journals() == []
    if fault == "byte-address-32-write":
        assert ("block 0 was overwritten by a write to block 2147483648 (80000000h): the byte address "
                "is cut to 32 bits") in words(p)


SPARSE = (5 << 30) + (3 << 20)      # bytes; more than 32 bits of them can name
FILLED = [0, 1 << 24, 1 << 30, SPARSE - (1 << 32) - (1 << 20), 1 << 32, SPARSE - (1 << 20)]


def what_it_holds(path):
    """The parts of a sparse file that are not zero, by where they lie."""
    found = {}
    with open(path, "rb") as f:
        at, end = 0, os.fstat(f.fileno()).st_size
        while at < end:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError:             # ENXIO: nothing follows
                break
            stop = os.lseek(f.fileno(), at, os.SEEK_HOLE)
            for page in range(at // 4096 * 4096, stop, 4096):
                data = os.pread(f.fileno(), 4096, page)
                if any(data):
                    found[page] = data
            at = stop
    return found


@pytest.mark.parametrize("fault", CUTS)
def test_cut_addresses_on_a_large_medium(killer, tmp_path, fault):
    path = tmp_path / "large.img"
    with open(path, "wb") as f:
        f.truncate(SPARSE)
        for at in FILLED:
            f.seek(at)
            f.write(b"".join((at + i).to_bytes(8, "little") * 64 for i in range(0, 1 << 20, 512)))
    before = what_it_holds(path)
    p = killer.run("--allow-writes", *WRITES, target=f"sim:reference,file={path},fault={fault}")
    assert p.returncode in (0, 1) and "not finished" not in p.stdout, words(p)
    assert what_it_holds(path) == before and killer.journals() == []
    path.unlink()


CBW = "55 53 42 43 01 00 00 00 00 02 00 00 00 {lun} 0a 2a 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00"
DATA = '- poll: { endpoint: out, data: "' + "a5" * 512 + '" }'
PAST_THE_GUARD = {
    "a wrapper and its data": [f'- wrapper: "{CBW.format(lun="00")}"', DATA],
    "a CBW as a bare transfer": [f'- poll: {{ endpoint: out, data: "{CBW.format(lun="00")}" }}', DATA],
    "a CBW in two pieces": [f'- poll: {{ endpoint: out, data: "{CBW.format(lun="00")[:30]}" }}',
                            f'- poll: {{ endpoint: out, data: "{CBW.format(lun="00")[30:]}" }}', DATA],
    "another unit": ["- command: { write10: { lba: scratch, blocks: 1 } }", "  cbw: { lun: 0 }", "  data: ones"],
    "compare and write": ['- command: "89 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00"',
                          "  cbw: { length: 1024, direction: out }", "  data: ones"],
    "write buffer": ['- command: "3b 05 00 00 00 00 00 02 00 00"', "  cbw: { length: 512, direction: out }",
                     "  data: ones"],
}


@pytest.mark.parametrize("what", PAST_THE_GUARD)
def test_nothing_leaves_past_the_gate(killer, mscope, tmp_path, what):
    """Each of these went out when every caller guarded writes by itself."""
    scenario = tmp_path / "my.yaml"
    scenario.write_text("\n".join(["name: my.any", "title: something that writes", "spec: [X]", "steps:",
                                   *(f"  {line}" for line in PAST_THE_GUARD[what])]) + "\n")
    log = tmp_path / "log"
    unknown = what in ("compare and write", "write buffer")       # those are not even begun
    p = mscope("run", f"{killer.target},luns=2", "--lun", "1" if what == "another unit" else "0",
               "--allow-writes", "--log", log, scenario)
    text = " ".join(p.out.split())
    assert "give --allow-unsafe to allow it" in text and "0 passed, 0 failed, 1 skipped" in p.out, p.out
    if not unknown:
        assert "would write to another unit" in text or "is not sent: it writes to blocks" in text
    assert killer.disk.changed() == [] and killer.journals() == []
    assert "WRITE BUFFER" not in log.read_text() and "COMPARE AND WRITE" not in log.read_text()


def test_a_read_past_the_end_that_passes_keeps_the_write_back(killer):
    p = killer.run("--allow-writes", "--select", "scsi.range.write10", "-v",
                   target=f"{killer.target},fault=byte-address-32")
    assert p.returncode == 1 and "scsi.lba.range" in p.stdout
    assert "not sent: a READ of block 2147483648 passes although the last one is 8191" in words(p)
    assert killer.disk.changed() == []


@pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")
@pytest.mark.parametrize("fault", CUTS)
def test_killed_while_addresses_are_cut(killer, fault):
    """The whole suite, at any call, and at those after something new was noted: there a block that nobody
    named is hit. The bench takes all calls."""
    rng = random.Random(fault)
    killer.disk = Disk(killer.disk.path, LARGE)
    killer.target += f",fault={fault}"
    killer.run("--allow-writes", at=0)
    calls = killer.calls()
    noted = [i + 2 for i in range(len(calls) - 1) if calls[i:i + 2] == "fm"]
    touched = 0
    for at in [*rng.choices(range(1, len(calls)), k=3), *rng.choices(noted, k=3)]:
        killer.disk.renew()
        assert killer.crash(at, rng.choice(HOW))
        touched += killer.disk.changed() != []
        killer.settle()
    assert touched > 1


FAULTS = [f["name"] for f in listing("faults")]
# Without a capacity every block lay beyond the end; what was read in a row was not what lies there; a
# row that cannot be read kept blocks from being put back.
# What one reads was not what lay on its medium, so putting it back was what destroyed it.
# Each write erases the rest of its page, also the one that puts a block back.
ONCE_LOST = ["csw-tag", "csw-padded", "read-hole", "medium-wraps", "last-block-alone", "block-512", "page-rest-lost"]


@pytest.mark.parametrize("fault", sorted({*ONCE_LOST, *random.Random(3).sample(FAULTS, len(FAULTS) // 8)}))
def test_a_faulty_device_keeps_its_blocks(killer, fault):
    """Some of the faults; the bench takes all."""
    killer.survives(fault)


@pytest.mark.parametrize("content", ["noise", "zeros"])
@pytest.mark.parametrize("fault, seen", [
    ("read-rounded", "a READ of block 8143 gives block 8136, the first of 8"),
    ("read-neighbour", "what was written to block 8143 is read at block 8142, the one before it"),
    ("write-neighbour", "what was written to block 8143 is read at block 8144, the next one"),
    ("unit-rest-lost", "a write to block 8143 changes others of the 128 blocks from 8064 on, an erase unit of 64 KiB")])
def test_what_was_never_read_is_not_written(killer, fault, seen, content):
    """What a READ gives is another block: saving it saves nothing, and putting it back destroys. It is found
    out by blocks that are put back, before anything else is written."""
    if content == "zeros":
        killer.disk.original = bytes(len(killer.disk.original))
        killer.disk.renew()
    p = killer.run("--allow-writes", target=f"{killer.target},fault={fault}")
    assert p.returncode == 1 and seen in words(p), words(p)
    assert f"cause {fault}: " in words(p), words(p)
    assert killer.disk.changed() == []
    # Of what is hidden behind zeros nobody knows what it was; zeros lie there now.
    if (fault, content) == ("read-rounded", "zeros"):
        assert "kept in" in words(p) and len(killer.journals()) == 1
    else:
        assert killer.journals() == []


@pytest.mark.parametrize("fault, seen", [("read-wraps", r"a READ of block \d+ gives block \d+"),
                                         ("write-wraps", r"what was written to block \d+ is read at block \d+")])
def test_an_address_that_wraps_on_one_path(killer, fault, seen):
    killer.disk = Disk(killer.disk.path, 16384)
    p = killer.run("--allow-writes", target=f"{killer.target},fault={fault}")
    assert p.returncode == 1 and re.search(seen, words(p)) and re.search(rf"\b(cause|or) {fault}: ", words(p)), words(p)
    assert killer.disk.changed() == [] and killer.journals() == []


ONE = ["--select", "scsi.write10.readback"]
# What lies behind a block of zeros that a READ gives instead of the mark's own was never read, and cannot be put back.
HIDING = {"read-wraps", "read-rounded"}


def after_a_kill(killer):
    """The next run, and one by the user's word where that refuses. The blocks that were not as they were after
    the kill, after the first, and in the end."""
    left = killer.disk.changed()
    p = killer.run("--allow-writes", "-q", *READS)
    assert p.returncode in (0, 3), words(p)
    assert bool(p.returncode) == bool(killer.journals()), words(p)
    first = killer.disk.changed()
    if p.returncode and killer.run("--restore", "-q", *READS).returncode:
        assert killer.run("--forget-journal", *READS).returncode == 0
    assert killer.journals() == []
    return left, first, killer.disk.changed()


@pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")
@pytest.mark.parametrize("picture", ["noise", "zeros"])
@pytest.mark.parametrize("fault", ["read-wraps", "write-wraps", "medium-wraps", "read-rounded", "read-neighbour", "write-neighbour"])
def test_killed_while_it_finds_out_what_an_address_does(killer, fault, picture):
    """At every call of the trial with the mark: no block is written but those that were. What reads as marked because a
    READ gives another block than its own is as it was once that one is."""
    rng = random.Random(fault + picture)
    blocks = 16384 if fault.endswith("-wraps") else 8192    # those faults come with a medium of that size
    mark = blocks - 49
    killer.disk = Disk(killer.disk.path, blocks)
    if picture == "zeros":
        killer.disk.original = bytes(len(killer.disk.original))
        killer.disk.renew()
    killer.target += f",fault={fault}"
    killer.run("--allow-writes", *ONE, at=0)
    calls = killer.calls()
    for journal in killer.journals():
        journal.unlink()
    first, touched = calls.index("m"), 0
    for at in range(first, min(first + 12, len(calls) + 1)):
        for how in HOW if picture == "noise" else [rng.choice(HOW)]:
            killer.disk.renew()
            assert killer.crash(at, how, *ONE)
            left, then, end = after_a_kill(killer)
            touched += left != []
            assert set(then) <= set(left), (at, how, left, then)
            assert end == [] or end == [mark] and picture == "zeros" and fault in HIDING, (at, how, left, end)
            assert then == [] or picture == "zeros" and fault in HIDING, (at, how, left, then)
    assert touched


@pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")
def test_killed_on_a_device_that_loses_the_rest_of_a_page(killer):
    rng = random.Random(17)
    killer.target += ",fault=page-rest-lost"
    killer.run("--allow-writes", *WRITES, at=0)
    calls = len(killer.calls())
    touched = 0
    for _ in range(ROUNDS):
        killer.disk.renew()
        killer.crash(rng.randint(1, calls), rng.choice(HOW), *WRITES)
        touched += killer.disk.changed() != []
        killer.settle()
    assert touched


@pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")
def test_killed_when_block_0_was_hit(killer):
    """It is one of the fingerprint, and put back all the same: that run's own device has hit it."""
    killer.target += ",fault=byte-address-32-write"
    killer.run("--allow-writes", "--select", "scsi.range.write10", at=0)
    calls = killer.calls()
    hits = 0
    for at in [i + 2 for i in range(len(calls) - 1) if calls[i:i + 2] == "fm"]:
        killer.disk.renew()
        assert killer.crash(at, "after", "--select", "scsi.range.write10")
        hits += 0 in killer.disk.changed()
        killer.settle()
    assert hits


def test_swapped_round_a_write_past_the_end(killer, tmp_path):
    """What is read of the other card is neither saved as the first one's nor said to have been hit."""
    past, other, log = ["--select", "scsi.write10.range"], tmp_path / "other.img", tmp_path / "log"
    other.write_bytes(killer.disk.original[::-1])
    killer.run("--allow-writes", "--log", log, *past)
    cbws = log.read_text().count("31 of 31 bytes")
    rng = random.Random(5)
    changed = 0
    for at in rng.sample(range(cbws * 2 // 3, cbws), 24):
        killer.disk.renew()
        p = killer.run("--allow-writes", "-q", *past, target=f"{killer.target},event=card-swap:file={other}@cbw:{at}")
        assert "elsewhere" not in p.stdout, (at, words(p))
        assert other.read_bytes() == killer.disk.original[::-1], (at, words(p))
        changed += killer.disk.changed() != []
        killer.settle()
    assert changed


@pytest.mark.parametrize("fault", ["byte-address-32-write", "block-address-16-write", "mode-protect-sticky"])
def test_a_hit_is_repeated_as_it_is_printed(killer, mscope, fault):
    """scsi.write.elsewhere: the command below the finding finds it again."""
    target = f"{killer.target},fault={fault}"
    first = mscope("check", target, "--allow-writes", "--json", "first.json", status=1).out
    hits = {c["name"]: {f["message"] for f in c["findings"] if f["rule"] == "scsi.write.elsewhere"}
            for c in json.loads((killer.where / "first.json").read_text())["cases"]}
    hits = {name: texts for name, texts in hits.items() if texts}
    assert hits
    repeat = [shlex.split(line.split("to repeat: mscope ")[1]) for line in first.splitlines() if "to repeat:" in line]
    for name, texts in hits.items():
        words = next(w for w in repeat if name in w)
        cases = mscope.json(*words, status=1)["cases"]
        assert {f["message"] for c in cases for f in c["findings"] if f["rule"] == "scsi.write.elsewhere"} >= texts, words


@pytest.mark.parametrize("target", ["sim:reference,fill=noise,fault=read-hole", "sim:reference,fault=write-cached"])
def test_what_reads_differently_was_not_hit(mscope, target):
    found = {f["rule"] for c in mscope.json("check", target, "--allow-writes", status=1)["cases"] for f in c["findings"]}
    assert "scsi.write.elsewhere" not in found


def test_swaps_and_unplugs_at_random(killer):
    rng = random.Random(7)
    assert sum(killer.swap(rng) for _ in range(ROUNDS)) > ROUNDS // 8


@pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")
def test_kills_at_random(killer):
    rng = random.Random(11)
    killer.run("--allow-writes", *WRITES, at=0)
    calls = len(killer.calls())
    for _ in range(ROUNDS):
        killer.disk.renew()
        killer.crash(rng.randint(1, calls), rng.choice(HOW), *WRITES)
        killer.settle()


# ---- commands that write without scenarios -----------------------------------------------------------

def test_send_puts_back(killer, mscope, tmp_path):
    block = tmp_path / "block"
    block.write_bytes(b"mine" * 128)
    p = mscope("send", killer.target, "--allow-writes", "--out", block, "--", "2a 00 00 00 1f 80 00 00 01 00")
    assert "what was written has been put back as it was" in p.out
    assert killer.disk.changed() == []
    p = mscope("send", killer.target, "--allow-writes", "--out", block, "--",
               "2a 00 00 00 00 00 00 00 01 00", status=2)
    assert "would write outside of the scratch range" in p.err and "--allow-unsafe" in p.err
    p = mscope("send", killer.target, "--allow-writes", "--out", block, "--",
               "2a 00 80 00 00 00 00 00 01 00", status=1)
    assert "LOGICAL BLOCK ADDRESS OUT OF RANGE" in p.out.upper()
    assert killer.disk.changed() == []


def test_bench_and_pace_put_back(killer, mscope):
    mscope("bench", killer.target, "--op", "write", "--allow-writes", "-n", "4")
    assert killer.disk.changed() == []
    mscope("pace", killer.target, "--allow-writes", "--count", "2")
    assert killer.disk.changed() == []


def test_taken_out_is_no_failure_of_the_rest(killer):
    """But of the case that it happened in, where that says what it wants."""
    p = killer.run(target=f"{killer.target},event=card-out@cbw:400")
    assert "skip" in p.stdout and "the medium has been taken out" in words(p)
    assert re.search(r" [01] failed", p.stdout), p.stdout


def test_who_calls_every_failure_no_medium_has_one(killer):
    """What needs a medium is run all the same, and what was written is put back."""
    p = killer.run("--allow-writes", "--select", "scsi.[c-w]*", target=f"{killer.target},fault=sense-range-absent")
    assert "expect.sense" in p.stdout
    assert "taken out" not in words(p) and "is written any more" not in words(p)
    assert killer.disk.changed() == [] and killer.journals() == []


@pytest.mark.parametrize("how", ["attach.linux.eject", "attach.windows.eject", "attach.macos.eject", "scsi.medium.*"])
def test_ejected_by_us(killer, how):
    """It is as it was before it goes, and nothing is left to be put back: this device does not load it by itself."""
    p = killer.run("--allow-writes", "--select", "scsi.write10.readback", "--select", how,
                   target=f"sim:linux-gadget,stall=0,file={killer.disk.path}")
    assert p.returncode == 0 and "is written any more" not in words(p), words(p)
    assert killer.disk.changed() == [] and killer.journals() == []
