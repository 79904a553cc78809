# SPDX-License-Identifier: BSD-2-Clause
"""Whose blocks are these: media that are swapped, pulled out, cut short at random, and devices that cut
addresses. Afterwards the medium is byte for byte as it was, or the journal is kept and the program says
so; and no other medium was ever written."""
import os
import random

import pytest
from conftest import PROGRAM
from crash import Disk, Killer, build_shim

sanitized = "build-san" in PROGRAM
ROUNDS = int(os.environ.get("MSC_SAFETY_ROUNDS", "12"))     # 1000 for a night
READS = ["--select", "bot.case01.tur"]
WRITES = ["--select", "scsi.write10.*", "--select", "scsi.range.write*", "--select", "bot.case1[13].*",
          "--select", "scsi.integrity.*"]
CUTS = ["byte-address-32", "byte-address-32-write", "byte-address-24", "byte-address-24-write",
        "block-address-16", "block-address-16-write"]


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def killer(tmp_path, shim):
    return Killer(PROGRAM, tmp_path, shim)


def large(killer, blocks):
    """So large that an address can be cut."""
    killer.disk = Disk(killer.disk.path, 1)
    killer.disk.original = b"".join((lba * 2654435761 % 2**32).to_bytes(4, "little") * 128
                                    for lba in range(blocks))
    killer.disk.renew()


def words(p):
    return " ".join((p.stdout + p.stderr).split())


def settle(killer):
    """The next run on the first medium: it is put back, or the journal is kept with the reason."""
    p = killer.run("--allow-writes", "-q", *READS)
    if p.returncode == 0:
        assert killer.disk.changed() == [] and killer.journals() == [], words(p)
        return
    assert p.returncode == 3 and "the mark of that run is missing" in words(p), words(p)
    assert killer.disk.changed() == [] and len(killer.journals()) == 1
    assert killer.run("--forget-journal", *READS).returncode == 0


@pytest.mark.parametrize("how", ["attach.windows.eject", "scsi.medium.*"])
def test_ejected_by_us(killer, how):
    """It is as it was before it goes, and nothing is left to be put back: this device does not load it by itself."""
    p = killer.run("--allow-writes", "--select", "scsi.write10.readback", "--select", how,
                   target=f"sim:linux-gadget,stall=0,file={killer.disk.path}")
    assert p.returncode == 0 and "is written any more" not in words(p), words(p)
    assert killer.disk.changed() == [] and killer.journals() == []


@pytest.mark.parametrize("speed", ["90ms", "200ms"])
def test_slow_flash(killer, speed):
    p = killer.run("--allow-writes", *WRITES,
                   target=f"{killer.target},speed=full,card-write={speed}")
    assert p.returncode == 0 and " 0 failed" in p.stdout and "not finished" not in p.stdout, p.stdout
    assert killer.disk.changed() == [] and killer.journals() == []


@pytest.mark.parametrize("fault", CUTS)
@pytest.mark.parametrize("blocks", [8192, 70000])
def test_cut_addresses_change_nothing(killer, fault, blocks):
    large(killer, blocks)
    p = killer.run("--allow-writes", *WRITES, target=f"{killer.target},fault={fault}")
    assert p.returncode in (0, 1), words(p)
    assert killer.disk.changed() == [] and killer.journals() == []
    if fault == "byte-address-32-write":
        assert ("block 0 was overwritten by a write to block 2147483648 (80000000h): the byte address "
                "is cut to 32 bits") in words(p)


def test_a_read_past_the_end_that_passes_keeps_the_write_back(killer):
    p = killer.run("--allow-writes", "--select", "scsi.range.write10",
                   target=f"{killer.target},fault=byte-address-32")
    assert p.returncode == 1 and "scsi.lba.range" in p.stdout
    assert "not sent: a READ of block 2147483648 passes although the last one is 8191" in words(p)
    assert killer.disk.changed() == []


@pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")
@pytest.mark.parametrize("fault", CUTS)
def test_killed_while_addresses_are_cut(killer, fault):
    """At any call, and at those after something new was noted: there a block that nobody named is hit."""
    rng = random.Random(fault)
    large(killer, 70000)
    killer.target += f",fault={fault}"
    killer.run("--allow-writes", *WRITES, at=0)
    calls = killer.calls()
    noted = [i + 2 for i in range(len(calls) - 1) if calls[i:i + 2] == "fm"]
    touched = 0
    for at in [*rng.choices(range(1, len(calls)), k=3), *rng.choices(noted, k=3)]:
        killer.disk.renew()
        assert killer.crash(at, rng.choice(["before", "middle", "after"]), *WRITES)
        touched += killer.disk.changed() != []
        settle(killer)
    assert touched > 2


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
        settle(killer)
    assert hits


def event(rng, other):
    what = rng.choice(["card-out", "unplug", f"card-swap:file={other}"])
    when = rng.choice([f"cbw:{rng.randint(100, 2500)}", f"write-block:{rng.randint(1, 900)}",
                       f"write-block:{rng.randint(1, 900)}+{rng.randint(1, 511)}"])
    return f"event={what}@{when}"


def test_swaps_and_unplugs_at_random(killer, tmp_path):
    """The other card is blank, of other contents, a clone, or a clone with another end."""
    rng = random.Random(7)
    other = tmp_path / "other.img"
    size = len(killer.disk.original)
    for _ in range(ROUNDS):
        killer.disk.renew()
        content = rng.choice([bytes(size), killer.disk.original, killer.disk.original[::-1],
                              killer.disk.original[:512] + bytes(size - 512)])
        other.write_bytes(content)
        happens = event(rng, other)
        p = killer.run("--allow-writes", "-q", *WRITES, target=f"{killer.target},{happens}")
        assert other.read_bytes() == content, (happens, words(p))
        if killer.disk.changed():
            assert len(killer.journals()) == 1, (happens, words(p))
            assert p.returncode in (1, 3) and "kept in" in words(p), (happens, words(p))
        settle(killer)


@pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")
def test_kills_at_random(killer):
    rng = random.Random(11)
    killer.run("--allow-writes", *WRITES, at=0)
    calls = len(killer.calls())
    for _ in range(ROUNDS):
        killer.disk.renew()
        killer.crash(rng.randint(1, calls), rng.choice(["before", "middle", "after"]), *WRITES)
        settle(killer)


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
    p = killer.run(target=f"{killer.target},event=card-out@cbw:400")
    assert "skip" in p.stdout and "the medium has been taken out" in words(p)
    assert " 0 failed" in p.stdout, p.stdout
