# SPDX-License-Identifier: BSD-2-Clause
"""A disk in a file, and runs on it that are killed: shared by test_crash.py and the bench."""
import os
import pathlib
import signal
import subprocess

HERE = pathlib.Path(__file__).parent
HOW = ("before", "middle", "after")
READS = ["--select", "bot.case01.tur"]
WRITES = ["--select", "scsi.write10.*", "--select", "scsi.range.write*", "--select", "bot.case1[13].*",
          "--select", "scsi.integrity.*"]
# Devices that form addresses in too few bits, on a medium so large that it matters.
CUTS = ["byte-address-32", "byte-address-32-read", "byte-address-32-write", "byte-address-24", "byte-address-24-write",
        "block-address-16", "block-address-16-write"]
LARGE = 70000


def build_shim(where):
    """The library that kills; see crash.c."""
    out = where / "crash.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", out,
                    HERE / "crash.c", "-ldl"], check=True)
    return out


def words(p):
    return " ".join((p.stdout + p.stderr).split())


class Disk:
    """What lies on it is never the same in two blocks, and never what a scenario writes."""

    def __init__(self, path, blocks=8192, block_size=512):
        self.path = path
        if blocks < LARGE:
            self.original = b"".join(
                ((lba * 2654435761 + word) & 0xffffffff).to_bytes(4, "little")
                for lba in range(blocks) for word in range(block_size // 4))
        else:
            self.original = b"".join((lba * 2654435761 % 2**32).to_bytes(4, "little") * (block_size // 4)
                                     for lba in range(blocks))
        self.renew()

    def renew(self):
        self.path.write_bytes(self.original)

    def changed(self):
        """The blocks that are not as they were."""
        now = self.path.read_bytes()
        return [i // 512 for i in range(0, len(now), 512) if now[i:i + 512] != self.original[i:i + 512]]


class Killer:
    """Runs `mscope check` on a disk, kills it, and runs it again."""

    def __init__(self, program, where, shim, firmware="reference"):
        self.program, self.where, self.shim = program, where, shim
        self.disk = Disk(where / "disk.img")
        self.state = where / "state"
        (self.state / "mscope").mkdir(parents=True, exist_ok=True)    # so that runs differ in nothing
        self.target = f"sim:{firmware},file={self.disk.path}"
        self.log = where / "calls"

    def run(self, *args, at=None, how="before", target=None, **kw):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.where), "LC_ALL": "C.UTF-8",
               "XDG_STATE_HOME": str(self.state), "MSCOPE_WATCH_MEDIUM": "1"}
        if at is not None:
            env |= {"LD_PRELOAD": str(self.shim), "CRASH_AT": str(at), "CRASH_HOW": how,
                    "CRASH_LOG": str(self.log)}
        self.log.unlink(missing_ok=True)
        return subprocess.run([self.program, "check", target or self.target, *args], env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, text=True, **kw)

    def calls(self):
        """The calls that change files, in order: see crash.c."""
        return self.log.read_text() if self.log.exists() else ""

    def journals(self):
        return sorted(self.state.rglob("*.journal"))

    def crash(self, at, how, *args):
        """A run that is killed there. False: it ended before."""
        p = self.run("--allow-writes", *args, at=at, how=how)
        assert p.returncode in (0, 1, -signal.SIGKILL), (p.returncode, p.stderr)
        return p.returncode == -signal.SIGKILL

    def settle(self):
        """The next run on the first medium. True: it put it back. False: the medium is as it was, and the
        journal was kept, for nobody can know whether this is its medium; it is removed here."""
        p = self.run("--allow-writes", "-q", *READS)
        if p.returncode == 0:
            assert self.disk.changed() == [] and self.journals() == [], words(p)
            return True
        assert p.returncode == 3 and "the mark of that run is missing" in words(p), words(p)
        assert "all " in words(p) and "blocks hold here what they held before" in words(p), words(p)
        assert self.disk.changed() == [] and len(self.journals()) == 1
        assert self.run("--forget-journal", *READS).returncode == 0
        return False

    def survives(self, fault):
        """A whole run on a device with this fault: the medium is as it was, or its blocks are kept, and the
        program says so."""
        self.disk.renew()
        p = self.run("--allow-writes", target=f"{self.target},fault={fault}")
        assert p.returncode in (0, 1, 3), (fault, p.returncode, p.stderr)
        journals = self.journals()
        if self.disk.changed():
            assert len(journals) == 1 and p.returncode and "kept in" in words(p), (fault, self.disk.changed(), words(p))
        for journal in journals:
            journal.unlink()

    def swap(self, rng):
        """A run in which the card is swapped or taken out, or the cable pulled, at random; and the next
        one. The other card is blank, of other contents, a clone, or a clone with another end, and is
        never written. True: the medium was changed when the run ended."""
        self.disk.renew()
        other, size = self.where / "other.img", len(self.disk.original)
        content = rng.choice([bytes(size), self.disk.original, self.disk.original[::-1],
                              self.disk.original[:512] + bytes(size - 512)])
        other.write_bytes(content)
        what = rng.choice(["card-out", "unplug", f"card-swap:file={other}"])
        when = rng.choice([f"cbw:{rng.randint(100, 2500)}", f"write-block:{rng.randint(1, 900)}",
                           f"write-block:{rng.randint(1, 900)}+{rng.randint(1, 511)}"])
        p = self.run("--allow-writes", "-q", *WRITES, target=f"{self.target},event={what}@{when}")
        assert other.read_bytes() == content, (what, when, words(p))
        changed = self.disk.changed() != []
        if changed:
            assert len(self.journals()) == 1, (what, when, words(p))
            assert p.returncode in (1, 3) and "kept in" in words(p), (what, when, words(p))
        self.settle()
        return changed
