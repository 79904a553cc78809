# SPDX-License-Identifier: BSD-2-Clause
"""Write safety: whenever a run that writes is killed, the next one puts the medium back as it was,
byte for byte; and what a user is told, and can say, about what was left."""
import os
import random
import resource
import signal
import subprocess
import threading
import time

import pytest
from conftest import PROGRAM
from crash import HOW, Killer, build_shim

SOME = ["--select", "scsi.write10.*", "--select", "bot.case1[13].write10"]
READS = ["--select", "bot.case01.tur"]
sanitized = "build-san" in PROGRAM


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def killer(tmp_path, shim):
    return Killer(PROGRAM, tmp_path, shim)


def put_back(c, *args):
    """What the next run that may write leaves: the medium as it was, and no journal."""
    p = c.run("--allow-writes", *READS, *args)
    assert p.returncode == 0, p.stdout + p.stderr
    assert c.disk.changed() == [] and c.journals() == []
    return p


def left_behind(c, *args):
    """Kills a run in the middle of its writes, so that the medium differs and a journal is there."""
    calls = (c.run("--allow-writes", *SOME, *args, at=0), c.calls())[1]
    assert c.crash(calls.index("m") + 1, "after", *SOME, *args)
    assert c.disk.changed() and len(c.journals()) == 1
    return c.journals()[0]


# The preloaded library must come before the sanitizer's own, which it cannot.
needs_shim = pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")


@needs_shim
def test_journal_is_on_disk_before_the_first_write(killer):
    assert killer.run("--allow-writes", *SOME, at=0).returncode == 0
    calls = killer.calls()
    first = calls.index("m")
    assert calls[:first].endswith("frd"), calls[:first]     # file, name, directory
    assert calls.endswith("ud")                             # and it is removed for good
    assert "m" not in calls[calls.index("u"):]
    assert killer.disk.changed() == [] and killer.journals() == []


@needs_shim
@pytest.mark.parametrize("how", HOW)
def test_killed_at_any_call(killer, how):
    killer.run("--allow-writes", *SOME, at=0)
    calls = killer.calls()
    first = calls.index("m")
    points = sorted({*range(1, first + 3), *range(first, len(calls), len(calls) // 12),
                     *range(len(calls) - 3, len(calls) + 1)})
    touched = 0
    for at in points:
        killer.disk.renew()
        assert killer.crash(at, how, *SOME), at
        touched += bool(killer.disk.changed())
        put_back(killer)
    assert touched > 5


@needs_shim
@pytest.mark.parametrize("how", HOW)
def test_killed_while_it_puts_back(killer, how):
    left_behind(killer)
    killer.run("--allow-writes", *READS, at=0)
    calls = killer.calls()
    assert calls.endswith("ud") and "m" in calls
    for at in range(1, len(calls) + 1):
        killer.disk.renew()
        left_behind(killer)
        assert killer.crash(at, how, *READS)
        put_back(killer)


def test_killed_at_any_time(killer):
    rng = random.Random(1)
    started = time.monotonic()
    killer.run("--allow-writes")
    whole = time.monotonic() - started
    for _ in range(12):
        killer.disk.renew()
        p = subprocess.Popen([PROGRAM, "check", killer.target, "--allow-writes"],
                             env=os.environ | {"XDG_STATE_HOME": str(killer.state)},
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        timer = threading.Timer(rng.uniform(0, whole), p.kill)
        timer.start()
        p.wait()
        timer.cancel()
        put_back(killer)


def test_ctrl_c_puts_back_at_once(killer):
    p = subprocess.Popen([PROGRAM, "check", killer.target, "--allow-writes", "--timeout", "30s"],
                         env=os.environ | {"XDG_STATE_HOME": str(killer.state)},
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not killer.journals() and p.poll() is None and time.monotonic() < deadline:
        pass
    p.send_signal(signal.SIGINT)
    p.wait()
    assert killer.disk.changed() == [] and killer.journals() == []


# ---- what the user sees, and says ----------------------------------------------------------------

@needs_shim
def test_reading_run_tells_and_leaves_it(killer):
    journal = left_behind(killer)
    before = killer.disk.changed()
    p = killer.run(*READS)
    assert p.returncode == 0
    text = " ".join(p.stdout.split())
    assert "an earlier run was cut short while it was writing" in text
    assert "--restore" in text and "--forget-journal" in text and journal.name in p.stdout
    assert killer.disk.changed() == before and killer.journals() == [journal]


@needs_shim
def test_restore_writes_nothing_but_that(killer):
    left_behind(killer)
    p = killer.run("--restore", *READS, *SOME)
    assert p.returncode == 0
    assert "were put back from" in " ".join(p.stdout.split())
    assert " 0 failed" in p.stdout and "give --allow-writes" in " ".join(p.stdout.split())
    assert killer.disk.changed() == [] and killer.journals() == []
    p = killer.run("--restore", *READS)
    assert "no earlier run has left anything to put back" in " ".join(p.stdout.split())


@needs_shim
def test_forget_leaves_the_medium(killer):
    left_behind(killer)
    before = killer.disk.changed()
    p = killer.run("--forget-journal", *READS)
    assert p.returncode == 0 and "was removed; the medium stays as it is" in " ".join(p.stdout.split())
    assert killer.disk.changed() == before and killer.journals() == []
    p = killer.run("--forget-journal", *READS)
    assert p.returncode == 0 and "no earlier run has left a journal" in " ".join(p.stdout.split())
    p = killer.run("--forget-journal", "--restore", *READS)
    assert p.returncode == 2 and "exclude each other" in p.stderr


@needs_shim
def test_medium_that_was_formatted_since(killer):
    """Its new owner does not want the old blocks back unless he says so."""
    journal = left_behind(killer)
    with open(killer.disk.path, "r+b") as f:
        f.write(b"another partition table")
    before = killer.disk.changed()
    p = killer.run("--allow-writes", *READS)
    assert p.returncode == 3 and "its first block has been written since" in p.stderr
    assert killer.disk.changed() == before and killer.journals() == [journal]
    p = killer.run("--restore", *READS)
    assert p.returncode == 0 and killer.disk.changed() == [0] and killer.journals() == []


@needs_shim
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "bit"])
def test_damaged_journal_is_never_applied(killer, damage):
    journal = left_behind(killer)
    before, whole = killer.disk.changed(), journal.read_bytes()
    middle = len(whole) // 2
    journal.write_bytes({"cut": whole[:-100], "empty": b"", "text": b"a letter\n",
                         "bit": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:]}[damage])
    p = killer.run("--allow-writes", *READS)
    assert p.returncode == 4
    assert "expected a journal of mscope, found something else; --forget-journal" in p.stderr
    assert killer.disk.changed() == before and journal.exists()
    p = killer.run(*READS)     # reading can go on
    assert p.returncode == 0 and "found something else" in " ".join(p.stdout.split())
    assert killer.run("--forget-journal", *READS).returncode == 0 and not journal.exists()
    journal.write_bytes(whole)
    put_back(killer)


@needs_shim
def test_other_medium(killer):
    journal = left_behind(killer)
    os.truncate(killer.disk.path, 4096 * 512)
    p = killer.run("--allow-writes", *READS)
    assert p.returncode == 3 and "holds blocks of another medium of this device" in p.stderr
    assert journal.exists()


# ---- where the journal cannot be ---------------------------------------------------------------

def test_no_place_for_the_journal(killer):
    killer.state = "/dev/null"
    p = killer.run("--allow-writes", *SOME)
    assert p.returncode == 4 and "cannot make the journal directory" in p.stderr
    assert killer.disk.changed() == []


def test_no_room_for_the_journal(killer):
    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    p = killer.run("--allow-writes", *SOME, preexec_fn=small)
    assert p.returncode == 4 and "cannot write the journal" in p.stderr, p.stderr
    assert killer.disk.changed() == []
    assert [f for f in killer.state.rglob("*") if f.is_file()] == []


# ---- more than one -------------------------------------------------------------------------------

@needs_shim
def test_two_devices_have_two_journals(killer, tmp_path, shim):
    (tmp_path / "other").mkdir()
    other = Killer(PROGRAM, tmp_path / "other", shim)
    other.state = killer.state
    mine = left_behind(killer)
    calls = (other.run("--allow-writes", *SOME, at=0), other.calls())[1]
    assert other.crash(calls.index("m") + 1, "after", *SOME)
    assert len(killer.journals()) == 2
    p = other.run("--allow-writes", *READS)
    assert p.returncode == 0 and other.disk.changed() == []
    assert killer.journals() == [mine] and killer.disk.changed()
    put_back(killer)


@needs_shim
def test_same_disk_by_another_name(killer, tmp_path):
    left_behind(killer)
    (tmp_path / "link.img").symlink_to(killer.disk.path)
    p = killer.run("--allow-writes", *READS, target=f"sim:reference,file={tmp_path}/./link.img")
    assert p.returncode == 0 and killer.disk.changed() == [] and killer.journals() == []


def test_two_runs_on_one_device(killer):
    """Whoever comes second is told, and writes nothing; whoever was first ends as always."""
    runs = []
    for _ in range(6):
        runs.append(subprocess.Popen([PROGRAM, "check", killer.target, "--allow-writes"],
                                     env=os.environ | {"XDG_STATE_HOME": str(killer.state)},
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    for p in runs:
        err = p.communicate()[1]
        assert p.returncode in (0, 3), err
        if p.returncode == 3:
            assert "another run of mscope uses this device" in err or "there is a journal already" in err
    assert killer.disk.changed() == [] and killer.journals() == []
