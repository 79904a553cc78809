# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the program share: running it, and the places of things."""
import errno
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.path.abspath(os.environ.get("MSCOPE", TOP / "build" / "mscope"))
MATRIX = TOP / "tests" / "golden" / "matrix.txt"
UPDATE = bool(os.environ.get("MSC_GOLDEN_UPDATE"))


# Whatever a simulated device writes to its medium, mscope must have permitted it: else the run ends with status 70.
# A pipe is not a terminal, but the documents show what one does: lines of 80 columns.
SETTINGS = {"MSCOPE_WATCH_MEDIUM": "1", "COLUMNS": "80"}
os.environ |= SETTINGS
# What the address sanitizer says of every program with coroutines, however right.
CONTEXTS = re.compile(rb"^==\d+==WARNING: ASan doesn't fully support makecontext/swapcontext.*\n", re.M)


class Process(subprocess.Popen):
    def communicate(self, *args, **kw):
        out, err = super().communicate(*args, **kw)
        return out, err and CONTEXTS.sub(b"", err)


def heed_signals():
    """Whoever runs the tests in the background has them ignored, and children inherit that."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Mscope:
    """Runs the program in a directory of its own, with nothing of the user's environment."""

    def __init__(self, cwd):
        self.cwd = cwd
        self.env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LC_ALL": "C.UTF-8",
                    "XDG_STATE_HOME": str(cwd / "state")} | SETTINGS
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def popen(self, *args, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("preexec_fn", heed_signals)
        return Process([PROGRAM, *map(str, args)], cwd=self.cwd,
                       env=self.env | kw.pop("env", {}), **kw)

    def __call__(self, *args, status=0, timeout=180, **kw):
        """Runs it and insists on its exit status, unless that is None; returns what it printed as .out and .err."""
        process = self.popen(*args, **kw)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
        process.out = (out or b"").decode()
        process.err = (err or b"").decode()
        assert status is None or process.returncode == status, (
            f"mscope {' '.join(map(str, args))}: exit status {process.returncode}, expected "
            f"{status}\n{process.out}\n{process.err}")
        return process

    def json(self, *args, status=0):
        """The document that it writes, and nothing else on standard output."""
        return json.loads(self(*args, "--json", "-", status=status).out)


def read_terminal(leader):
    """All that was written to a terminal whose other end is closed, which Linux tells with EIO."""
    shown = b""
    try:
        while more := os.read(leader, 1 << 16):
            shown += more
    except OSError as e:
        assert e.errno == errno.EIO
    os.close(leader)
    return shown


MANY = 5   # cases of one test


def pytest_collection_modifyitems(config, items):
    """Under the sanitizers a fifth of the cases of a test that has many: they look for what the code does to memory, and
    the cases of one test go through the same code. What every fault does there is in test_faults.py."""
    if "build-san" not in PROGRAM:
        return
    families = {}
    for item in items:
        families.setdefault(item.nodeid.split("[")[0], []).append(item)
    kept = {id(item) for family in families.values() for item in family[::5 if len(family) > MANY else 1]}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = [item for item in items if id(item) in kept]


def pytest_terminal_summary(terminalreporter):
    """When the matrix has been computed anew and is as committed: what it shows."""
    passed = {r.nodeid.split("::")[-1].split("@")[0] for r in terminalreporter.stats.get("passed", [])}
    if "test_matrix_is_as_committed" not in passed:
        return
    faults, rules = ({entry["name"] for entry in listing(kind)} for kind in ("faults", "rules"))
    caught, proven = set(), set()
    for line in MATRIX.read_text().splitlines():
        name, _, _, *found = line.replace("(", "").replace(")", "").split()
        if name in faults and rules & set(found):
            caught.add(name)
            proven |= rules & set(found)
    terminalreporter.write_line(f"{len(caught)} of {len(faults)} faults caught, {len(proven)} of {len(rules)} rules proven")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """What a test that has passed leaves behind is nobody's to look at: all of them together leave tens of gigabytes."""
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or report.failed
    left = getattr(item, "funcargs", {}).get("tmp_path")
    if report.when == "teardown" and left and not item.failed:
        shutil.rmtree(left, ignore_errors=True)


@pytest.fixture
def mscope(tmp_path):
    return Mscope(tmp_path)


def listing(kind):
    """What the program itself can name, for tests that walk all of it."""
    out = subprocess.run([PROGRAM, "list", kind, "--json", "-"], stdout=subprocess.PIPE,
                         check=True).stdout
    return json.loads(out)[kind]
