# SPDX-License-Identifier: BSD-2-Clause
"""Options that would do nothing are refused with the reason; colour is where it helps, in every command by the same
words, and nowhere else."""
import re
import shutil
import subprocess

import pytest
from conftest import PROGRAM, TOP
from test_robust import terminal

pytestmark = pytest.mark.nosan
CAPTURE = str(TOP / "captures/csw-missing/capture.pcap")
TAG = "sim:reference,fault=csw-tag"
TUR = ["--", "00 00 00 00 00 00"]
SCENARIO = """name: user.inquiry
title: an answer with data
spec: [BOT 1.0 5.2]
steps:
  - command: { inquiry: { alloc: 36 } }
"""


def commands():
    text = subprocess.run([PROGRAM, "help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  (\w+) ", text, re.M)


def options(command):
    text = subprocess.run([PROGRAM, "help", command], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  (?:-\w, |    )--([\w-]+)", text, re.M)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What the commands below read: benches of two devices, an image, a scenario, waivers."""
    d = tmp_path_factory.mktemp("files")

    def run(*args):
        subprocess.run([PROGRAM, *args], cwd=d, capture_output=True, timeout=60)

    run("bench", "sim:reference", "-n", "5", "--json", "a.json")
    run("bench", "sim:stm32,stage=cube", "-n", "5", "--json", "b.json")
    run("read", "sim:lsd", "-o", "image")
    (d / "s.yaml").write_text(SCENARIO)
    (d / "waivers").write_text('- { rule: bot.csw.tag, case: "*", reason: known, until: 2099-01-01 }\n')
    (d / "bytes").write_bytes(b"\0" * 512)
    (d / "history").mkdir()
    for name in ("a.json", "b.json"):
        shutil.copy(d / name, d / "history" / name)
    return d


# ---- colour --------------------------------------------------------------------------------------------------------

COLOURED = {
    "bench": ["bench", "sim:reference", "-n", "5", "--baseline", "b.json", "--force"],
    "check": ["check", TAG, "-s", "bot.case01*"],
    "compare": ["compare", "a.json", "b.json", "--force"],
    "decode": ["decode", CAPTURE],
    "fuzz": ["fuzz", TAG, "--count", "50", "--first"],
    "list": ["list", "rules", "bot.csw.tag"],
    "ls": ["ls", "sim:lsd"],
    "pace": ["pace", "sim:reference", "--blocks", "8"],
    "probe": ["probe", TAG],
    "replay": ["replay", CAPTURE, "sim:reference", "--fast"],
    "run": ["run", TAG, "s.yaml"],
    "send": ["send", TAG, "-i", "36", "--", "12 00 00 00 24 00"],
    "soak": ["soak", "sim:reference,fault=write-tail-lost", "--allow-writes", "--bytes", "1M"],
}
BACKGROUND = ["help", "read", "record", "report", "serve", "session", "write"]  # their output is data, or help
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def at(mscope, files):
    for f in files.iterdir():
        (shutil.copytree if f.is_dir() else shutil.copy)(f, mscope.cwd / f.name)
    return mscope


def test_every_command_is_there():
    assert sorted(COLOURED) + BACKGROUND == sorted(COLOURED) + [c for c in sorted(commands()) if c not in COLOURED]
    for command in commands():
        assert ("color" in options(command)) == (command in COLOURED), command


@pytest.mark.parametrize("command", sorted(COLOURED))
def test_colour(at, command):
    args = COLOURED[command]
    plain = at(*args, status=None).out
    assert plain and "\x1b" not in plain, "into a pipe"
    always = at(args[0], "--color=always", *args[1:], status=None).out
    assert ESCAPE.search(always), "--color=always"
    assert ESCAPE.sub("", always).replace(" --color=always", "") == plain, "colour adds nothing else"
    assert at(args[0], "--color=always", *args[1:], status=None, env={"NO_COLOR": "1", "TERM": "dumb"}).out == always, "asked for"
    assert at(args[0], "--color=never", *args[1:], status=None).out.replace(" --color=never", "") == plain
    at(*args[:1], "--color=always", "--report", "text:there", *args[1:], status=None)
    assert "\x1b" not in (at.cwd / "there").read_text(), "in a file"
    assert ESCAPE.search(terminal(at, *args)[1]), "on a terminal"
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert not ESCAPE.search(terminal(at, *args, **env)[1]), env
    assert not ESCAPE.search(terminal(at, args[0], "--color=never", *args[1:])[1])


def test_colours_mean_the_same_everywhere(at):
    """Red is only what makes the exit status 1; and what passes has none of it."""
    for command, args in COLOURED.items():
        process = at(args[0], "--color=always", *args[1:], status=None)
        red = re.findall(r"\x1b\[1;31m *([A-Za-z]+)", process.out)
        assert not red or process.returncode == 1 or command == "probe", (command, red, process.returncode)
        assert set(red) <= {"FAIL", "SLOWER", "fail", "cause", "differs"}, red
    for args in (["check", "sim:reference"], ["probe", "sim:reference"], ["bench", "sim:reference", "-n", "5"],
                 ["compare", "a.json", "a.json"], ["send", "sim:reference,power-on=0", *TUR]):
        assert "\x1b[1;31m" not in at(args[0], "--color=always", *args[1:], status=None).out, args


# ---- options -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [
    ["compare", "a.json", "a.json", "--log", "l"], ["compare", "a.json", "a.json", "-v"], ["decode", CAPTURE, "--log", "l"],
    ["list", "--log", "l"], ["list", "-v"], ["list", "--quiet"], ["record", TAG, "-o", "r", "--json", "j", "--", "probe"],
    ["record", TAG, "-o", "r", "--log", "l", "--", "probe"], ["record", TAG, "-o", "r", "-v", "--", "probe"],
    ["record", TAG, "-o", "r", "-q", "--", "probe"], ["report", "a.json", "-o", "h", "--log", "l"], ["report", "a.json", "-o", "h", "-q"],
    ["pace", CAPTURE, "--log", "l"], ["read", "image", "--timeout", "1s"], ["read", "image", "--record", "r"],
    ["read", "image", "--any-interface"], ["read", "image", "--log", "l"], ["ls", "image", "--record-transfers"],
    ["bench", "sim:reference", "--force"], ["bench", "sim:reference", "--threshold", "3%"], ["bench", "sim:reference", "--clock", "libusb"],
    ["send", "sim:reference", "--direction", "in", "--flags", "0", *TUR], ["check", "sim:reference", "--dry-run", "--record", "r"],
    ["check", "sim:reference", "--dry-run", "--log", "l"], ["read", "image", "-v"], ["read", "image", "-q"], ["ls", "image", "-q"],
    ["pace", "sim:reference", "-q", "--scale", "1ms"],
    ["pace", "sim:reference", "--op", "write", "--allow-writes", "--mode", "serial"],
    ["pace", "sim:reference", "--op", "write", "--allow-writes", "--scale", "1ms"],
    ["decode", CAPTURE, "--only", "failed", "-q"],
], ids=" ".join)
def test_what_would_do_nothing_is_refused(at, args):
    """With the reason, and before anything is written."""
    before = set(at.cwd.rglob("*"))
    process = at(*args, status=2)
    words = [a for a in args[1:] if a.startswith("-") and a != "--" and a not in ("-o", "--dry-run")]
    names = {"-v": "--verbose", "-q": "--quiet"}
    assert any(names.get(w, w) in process.err for w in words), process.err
    assert re.search(r"--[\w-]+(: .{12}| .{12})", process.err) and not process.out
    assert set(at.cwd.rglob("*")) == before
