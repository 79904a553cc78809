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
from crash import HOW, Killer, build_shim, words

SOME = ["--select", "scsi.write10.*", "--select", "bot.case1[13].write10"]
READS = ["--select", "bot.case01.tur"]
sanitized = "build-san" in PROGRAM


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def killer(tmp_path, shim):
    return Killer(PROGRAM, tmp_path, shim)


DOUBT = "and the mark of that run is missing"


def put_back(c, *args):
    """What the next run that may write leaves: the medium as it was, and no journal. Where the run was
    cut short just as it wrote its mark, or after it had put that back, nobody can know whether this is
    its medium: then it is told so, and the journal stays until the user decides. True: it was put
    back."""
    p = c.run("--allow-writes", *READS, *args)
    if p.returncode == 3:
        assert DOUBT in p.stderr and "--forget-journal" in p.stderr, p.stderr
        assert c.disk.changed() == [] and len(c.journals()) == 1
        assert c.run("--forget-journal", *READS).returncode == 0
        assert c.journals() == []
        return False
    assert p.returncode == 0, p.stdout + p.stderr
    assert c.disk.changed() == [] and c.journals() == []
    return True


def left_behind(c, *args):
    """Kills a run in the middle of its writes, so that the medium differs and a journal is there."""
    calls = (c.run("--allow-writes", *SOME, *args, at=0), c.calls())[1]
    writes = [i for i, call in enumerate(calls) if call == "m"]
    assert c.crash(writes[2] + 1, "after", *SOME, *args)     # the first is the mark
    assert len(c.disk.changed()) > 1 and len(c.journals()) == 1
    return c.journals()[0]


# The preloaded library must come before the sanitizer's own, which it cannot.
needs_shim = pytest.mark.skipif(sanitized, reason="the sanitizer takes no preloaded library")


@needs_shim
def test_journal_is_on_disk_before_the_first_write(killer):
    assert killer.run("--allow-writes", *SOME, at=0).returncode == 0
    calls = killer.calls()
    first = calls.index("m")
    assert calls[:first].endswith("frdjf"), calls[:first]   # file, name, directory; that writing begins
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
    touched, doubts = 0, []
    for at in points:
        killer.disk.renew()
        assert killer.crash(at, how, *SOME), at
        touched += bool(killer.disk.changed())
        doubts += [] if put_back(killer) else [at]
    # call `first` says that writing begins, the one after it is the mark; at the end the mark is put back
    last = len(calls) - calls[::-1].index("m")
    assert touched > 5 and set(doubts) <= {first - 1, first, first + 1, *range(last, last + 3)}, doubts


@needs_shim
@pytest.mark.parametrize("how", HOW)
def test_killed_while_it_puts_back(killer, how):
    left_behind(killer)
    killer.run("--allow-writes", *READS, at=0)
    calls = killer.calls()
    assert calls.endswith("ud") and "m" in calls
    doubts = 0
    for at in range(1, len(calls) + 1):
        killer.disk.renew()
        left_behind(killer)
        assert killer.crash(at, how, *READS)
        doubts += not put_back(killer)
    assert doubts < 3


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
def test_killed_before_it_wrote(killer):
    """Nobody need decide: the journal says that writing had not begun."""
    killer.run("--allow-writes", *SOME, at=0)
    named = killer.calls().index("r") + 1
    assert killer.crash(named, "after", *SOME)
    assert len(killer.journals()) == 1 and killer.disk.changed() == []
    p = killer.run(*READS)
    assert p.returncode == 0 and "cut short" not in words(p) and len(killer.journals()) == 1
    p = killer.run("--allow-writes", *READS)
    assert p.returncode == 0 and "an earlier run was cut short before it wrote anything" in words(p)
    assert killer.disk.changed() == [] and killer.journals() == []

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
@pytest.mark.parametrize("damage, what", [("cut", "length"), ("empty", "length"), ("bit", "checksum"),
                                          ("text", "length"), ("letter", "it does not begin as a journal"),
                                          ("digit", "checksum")])
def test_damaged_journal_is_never_applied(killer, damage, what):
    journal = left_behind(killer)
    before, whole = killer.disk.changed(), journal.read_bytes()
    middle = len(whole) // 2
    journal.write_bytes({"cut": whole[:middle], "empty": b"", "text": b"a letter\n",
                         "letter": b"a letter to whom it may concern\n",
                         "digit": whole.replace(b"mark 8143 ", b"mark 8145 "),
                         "bit": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:]}[damage])
    assert journal.read_bytes() != whole
    for word in ("--allow-writes", "--restore"):
        p = killer.run(word, *READS)
        assert p.returncode == 4
        assert f"is damaged ({what}), and is not applied" in p.stderr, p.stderr
        assert killer.disk.changed() == before and journal.exists()
    p = killer.run("-q", *READS)     # reading can go on
    assert p.returncode == 0 and f"is damaged ({what})" in " ".join(p.stdout.split())
    assert killer.run("--forget-journal", *READS).returncode == 0 and not journal.exists()
    journal.write_bytes(whole)
    assert put_back(killer)


@needs_shim
def test_journal_that_is_cut_is_put_back_or_kept(killer):
    """What was announced last may be lost: then the blocks that hold it are left alone."""
    journal = left_behind(killer)
    whole, dirty = journal.read_bytes(), killer.disk.path.read_bytes()
    kept = 0
    for cut in (1, 16, 100, 520, 700, 1200):
        journal.write_bytes(whole[:-cut])
        killer.disk.path.write_bytes(dirty)
        p = killer.run("--allow-writes", *READS)
        assert p.returncode in (0, 3), p.stderr
        if p.returncode:
            assert "neither what was there before nor what that run wrote" in p.stderr
            assert journal.exists()
            kept += 1
        else:
            assert killer.disk.changed() == []
    assert kept


@needs_shim
def test_journal_of_an_older_program(killer):
    journal = left_behind(killer)
    before = killer.disk.changed()
    journal.write_bytes(b"mscope journal 1\ndevice x\nlun 0\ncapacity 8192\n\n")
    p = killer.run("--allow-writes", *READS)
    assert p.returncode == 4 and "format 1" in p.stderr and journal.exists()
    assert killer.disk.changed() == before


# ---- whose blocks are these? -----------------------------------------------------------------------

def swap(killer, content):
    """Another medium in the same place: the file stays the same, as a slot does."""
    mine = killer.disk.path.read_bytes()
    with open(killer.disk.path, "r+b") as f:
        f.write(content)
    return mine


@needs_shim
@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize("word", ["--allow-writes", "--restore"])
def test_cloned_card(killer, blank, word):
    """A card of the same contents, or as blank, in the place of the one that was written."""
    if blank:
        killer.disk.original = bytes(len(killer.disk.original))
        killer.disk.renew()
    journal = left_behind(killer)
    dirty = swap(killer, killer.disk.original)
    p = killer.run(word, *READS)
    assert p.returncode == 3 and DOUBT in p.stderr, p.stderr
    assert killer.disk.changed() == [] and journal.exists()
    swap(killer, dirty)
    assert put_back(killer)


@needs_shim
@pytest.mark.parametrize("word", ["--allow-writes", "--restore"])
def test_other_card_of_the_same_size(killer, word):
    journal = left_behind(killer)
    other = killer.disk.original[:512] + bytes(reversed(killer.disk.original[512:]))
    dirty = swap(killer, other)
    p = killer.run(word, *READS)
    assert p.returncode == 3 and "holds blocks of another medium" in p.stderr, p.stderr
    assert killer.disk.path.read_bytes() == other and journal.exists()
    swap(killer, dirty)
    assert put_back(killer)


@needs_shim
def test_card_in_another_reader(killer, tmp_path):
    """The journal has another name there; the mark on the card tells."""
    journal = left_behind(killer)
    moved = tmp_path / "moved.img"
    moved.write_bytes(killer.disk.path.read_bytes())
    p = killer.run("--allow-writes", *READS, target=f"sim:reference,file={moved}")
    assert p.returncode == 0 and "were put back from" in " ".join(p.stdout.split())
    assert moved.read_bytes() == killer.disk.original and not journal.exists()


@needs_shim
def test_what_the_user_has_written_since_stays(killer):
    journal = left_behind(killer)
    lba = killer.disk.changed()[0]
    with open(killer.disk.path, "r+b") as f:
        f.seek(lba * 512 + 100)
        f.write(b"a file of the user")
        f.seek(lba * 512)
        mine = f.read(512)
    for word in ("--allow-writes", "--restore"):
        p = killer.run(word, *READS)
        assert p.returncode == 3
        assert f"block {lba} holds neither what was there before nor what that run wrote" in words(p), words(p)
        now = killer.disk.path.read_bytes()
        assert now[lba * 512:lba * 512 + 512] == mine and journal.exists()


@needs_shim
@pytest.mark.parametrize("command", [["probe"], ["bench", "-n", "1"], ["pace"],
                                     ["send", "--", "03 00 00 00 12 00"]])
def test_every_command_tells_of_a_journal(killer, mscope, command):
    journal = left_behind(killer)
    before = killer.disk.changed()
    p = mscope(command[0], killer.target, "-q", *command[1:],
               env={"XDG_STATE_HOME": str(killer.state)})
    assert "an earlier run was cut short" in p.err and journal.name in p.err
    assert killer.disk.changed() == before and journal.exists()


@needs_shim
def test_a_document_hides_no_journal(killer):
    left_behind(killer)
    p = killer.run("--json", "-", *READS)
    assert p.returncode == 0 and "an earlier run was cut short" in p.stderr
    p = killer.run("-q", *READS)
    assert "an earlier run was cut short" in p.stdout


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
    p = killer.run("--allow-writes", "-q", *SOME, *READS)
    assert p.returncode == 0 and "1 passed, 0 failed" in p.stdout
    text = " ".join(p.stdout.split())
    assert "cannot make the journal directory; set XDG_STATE_HOME" in text
    assert killer.disk.changed() == []


def test_medium_in_memory_needs_no_journal(killer):
    killer.state = "/dev/null"
    p = killer.run("--allow-writes", *SOME, target="sim:reference")
    assert p.returncode == 0 and "5 passed, 0 failed" in p.stdout, p.stdout


def test_journal_that_cannot_be_opened(killer):
    """What only reads still runs; a run that may write does not go past it."""
    killer.run("--allow-writes", *SOME)
    st = os.stat(killer.disk.path)
    (killer.state / "mscope" / f"sim-file-{st.st_dev:x}-{st.st_ino:x}-lun0.journal").mkdir(parents=True)
    p = killer.run("-q", *READS)
    assert p.returncode == 0 and "cannot open the journal" in p.stdout
    p = killer.run("--allow-writes", *READS)
    assert p.returncode == 4 and "cannot open the journal" in p.stderr
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
@pytest.mark.parametrize("name", ["sim:reference,file={}/./link.img", "sim:reference,serial=afile=/etc/passwd,file={}/link.img"])
def test_same_disk_by_another_name(killer, tmp_path, name):
    left_behind(killer)
    (tmp_path / "link.img").symlink_to(killer.disk.path)
    p = killer.run("--allow-writes", *READS, target=name.format(tmp_path))
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
