# SPDX-License-Identifier: BSD-2-Clause
"""Ends that nobody planned: Ctrl-C, a closed pipe, a full disk, a pulled cable."""
import json
import os
import pty
import re
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import TOP, read_terminal

LONG = "".join(f"""---
name: test.long{n:02}
title: takes long enough to be interrupted
spec: [BOT 1.0 5.1]
steps:
  - repeat: 10000
    do:
      - command: {{ read10: {{ lba: 0, blocks: 64 }} }}
""" for n in range(50))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_in_good_order(mscope, tmp_path, number):
    (tmp_path / "long.yaml").write_text(LONG)
    process = mscope.popen("run", "sim:reference", "long.yaml", "--json", "out.json", "--junit",
                           "out.xml")
    first = process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == -number
    assert first.startswith(b"target ") and b"of device time\n" in out and b"stopped " in out
    assert err.count(b"\n") == 1 and err.startswith(b"mscope: ")
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["exit_status"] == 128 + number and document["reason"]
    ElementTree.parse(tmp_path / "out.xml")


def test_a_signal_that_is_ignored_stays_ignored(mscope, tmp_path):
    (tmp_path / "short.yaml").write_text(LONG.split("---\n")[1].replace("10000", "10"))
    process = mscope.popen("run", "sim:reference", "short.yaml", preexec_fn=lambda: signal.signal(
        signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0


CAPTURE = str(TOP / "captures/residue-zero/capture.pcap")
# A line of each command that has results, all of which go to standard output. record, serve and write have none.
EVERY = [["--version"], ["--help"], ["help"], ["list"], ["list", "rules"], ["check", "sim:reference"],
         ["check", "sim:reference", "-vv"], ["check", "sim:reference", "--tap"], ["check", "sim:reference", "--json", "-"],
         ["check", "sim:reference", "--dry-run"], ["check", "sim:reference", "--bring-up"], ["run", "sim:reference", "long.yaml"],
         ["probe", "sim:reference"], ["send", "sim:reference", "--", "00 00 00 00 00 00"],
         ["bench", "sim:reference", "--count", "4", "--blocks", "1"], ["compare", "bench.json", "bench.json", "--force"],
         ["pace", "sim:reference", "--blocks", "8"], ["soak", "sim:reference", "--allow-writes", "--duration", "100ms"],
         ["fuzz", "sim:reference", "--duration", "100ms", "--seed", "1"], ["ls", "sim:lsd"],
         ["read", "sim:lsd", "--file", "/SENSORS/THERMO.TXT"], ["decode", CAPTURE], ["replay", CAPTURE, "sim:reference"],
         ["report", "bench.json", "-o", "-"], ["session", "sim:reference"]]


def test_every_command_is_in_the_table(mscope):
    commands = set(re.findall(r"^  (\w+) ", mscope("help").out, re.M))
    assert len(commands) > 15 and commands - {args[0] for args in EVERY} == {"record", "serve", "write"}


def end_of(mscope, tmp_path, args, **kw):
    (tmp_path / "long.yaml").write_text(LONG)
    if "bench.json" in args:
        mscope("bench", "sim:reference", "--count", "4", "--blocks", "1", "--json", "bench.json", "-q")
    (tmp_path / "input").write_text('{"id": 1, "op": "command", "cdb": "000000000000"}\n')
    with open(tmp_path / "input", "rb") as given:
        process = mscope.popen(*args, stdin=given, **kw)
        err = process.communicate(timeout=60)[1]
    return process.returncode, err.decode()


@pytest.mark.parametrize("args", EVERY, ids=" ".join)
def test_a_closed_pipe_ends_it_quietly(mscope, tmp_path, args):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status, err = end_of(mscope, tmp_path, args, stdout=writer)
    finally:
        os.close(writer)
    assert (status, err) == (4, "")


@pytest.mark.parametrize("args", EVERY, ids=" ".join)
def test_a_full_disk_is_told(mscope, tmp_path, args):
    with open("/dev/full", "wb") as full:
        status, err = end_of(mscope, tmp_path, args, stdout=full)
    assert status == 4
    assert "No space left on device" in err or args[0] == "session"


@pytest.mark.parametrize("args", EVERY, ids=" ".join)
def test_a_closed_standard_output_is_told(mscope, tmp_path, args):
    status, err = end_of(mscope, tmp_path, args, preexec_fn=lambda: os.close(1))
    assert status == 4
    assert "Bad file descriptor" in err or args[0] == "session"


@pytest.mark.parametrize("option", ["--json", "--junit", "--log"])
def test_a_full_disk_under_a_report_is_told(mscope, option):
    p = mscope("check", "sim:reference", option, "/dev/full", status=4)
    assert "No space left on device" in p.err


def test_output_files_are_opened_before_the_device_is(mscope):
    p = mscope("check", "usb:1234:5678", "--json", "/no/such/place", status=4)
    assert "/no/such/place" in p.err


def test_a_pulled_cable_keeps_what_there_is(mscope, tmp_path):
    p = mscope("check", "sim:reference,unplug=29ms", "--json", "out.json", "--junit", "out.xml",
               status=3)
    document = json.loads((tmp_path / "out.json").read_text())
    whole = mscope.json("check", "sim:reference")
    assert p.err.count("\n") == 1 and document["reason"] in p.err
    assert 0 < document["summary"]["pass"] < whole["summary"]["pass"]
    for got, want in zip(document["cases"], whole["cases"]):
        if got["verdict"] == "pass":
            assert got["name"] == want["name"]
    assert "stopped " in p.out and p.out.splitlines()[-1].endswith("of device time")
    ElementTree.parse(tmp_path / "out.xml")


def test_a_terminal_sees_progress_and_no_trace_of_it(mscope):
    leader, follower = os.openpty()
    # Few, so that all of it fits into the terminal's buffer, which is read at the end.
    process = mscope.popen("check", "sim:reference", "-s", "bot.tag.*", "-s", "bot.case0?.read10", stderr=follower)
    os.close(follower)
    out = process.communicate(timeout=60)[0]
    shown = read_terminal(leader)
    assert process.returncode == 0 and b"\x1b" not in out
    assert b"[1/" in shown and shown.endswith(b"\r\x1b[K")


@pytest.mark.parametrize("text, says", [
    ("name: x.y\ntitle: t\nspec: [a]\nsteps: [", "bad.yaml:"),
    ("name: x.y\ntitle: t\nspec: [a]\nsteps:\n  - kommand: { test_unit_ready: {} }\n", "bad.yaml:5:"),
    ("", "bad.yaml"),
    ("\0\xff", "bad.yaml"),
])
def test_a_malformed_file_is_told_with_its_place(mscope, tmp_path, text, says):
    (tmp_path / "bad.yaml").write_bytes(text.encode("latin-1"))
    p = mscope("run", "sim:reference", "bad.yaml", status=4)
    assert says in p.err and p.err.count("\n") == 1


def terminal(mscope, *args, **env):
    """What a terminal of 80 columns shows of both streams, and what it was sent."""
    leader, follower = pty.openpty()
    process = mscope.popen(*args, stdout=follower, stderr=follower, env={"TERM": "xterm", "COLUMNS": ""} | env)
    os.close(follower)
    sent = read_terminal(leader).decode()
    process.wait(timeout=60)
    lines, at = [""], 0
    for part in re.split("(\r|\n|\x1b\\[[0-9;]*[A-Za-z])", sent):
        if part == "\r":
            at = 0
        elif part == "\n":
            lines.append("")
        elif part == "\x1b[K":
            lines[-1] = lines[-1][:at]
        elif not part.startswith("\x1b"):
            lines[-1] = lines[-1][:at] + part + lines[-1][at + len(part):]
            at += len(part)
    return lines, sent


RESIDUE = "sim:reference,fault=residue-zero"


@pytest.mark.parametrize("args", [["check", RESIDUE, "-vv", "-s", "bot.case0*"], ["probe", "sim:lsd", "-vv"], ["pace", "sim:reference,medium=0"]], ids=" ".join)
def test_each_stream_is_as_wide_as_where_it_goes(mscope, args):
    """A log on a terminal is broken while standard output is a pipe; and is whole in a file while that is a terminal."""
    leader, follower = pty.openpty()
    process = mscope.popen(*args, stdout=subprocess.DEVNULL, stderr=follower, env={"TERM": "xterm", "COLUMNS": ""})
    os.close(follower)
    lines = re.sub(r"[^\n]*\r\x1b\[K", "", read_terminal(leader).decode().replace("\r\n", "\n")).splitlines()
    process.wait(timeout=60)
    assert lines and [line for line in lines if len(line) > 80] == []
    leader, follower = pty.openpty()
    with open(mscope.cwd / "log", "wb") as log:
        process = mscope.popen(*args, stdout=follower, stderr=log, env={"TERM": "xterm", "COLUMNS": ""})
    os.close(follower)
    read_terminal(leader)
    process.wait(timeout=60)
    whole = (mscope.cwd / "log").read_text().splitlines()
    assert all(line.startswith("mscope: ") for line in whole) and len(whole) < len(lines)


@pytest.mark.nosan
@pytest.mark.parametrize("args", [
    ["help"], ["check", RESIDUE, "-s", "bot.case05.*", "-vv"], ["check", RESIDUE, "-s", "bot.case0*"],
    ["send", RESIDUE, "--truncate", "30", "--", "12 00 00 00 24 00"], ["send", "sim:reference", "--in", "512", "--", "28 00 00000000 00 0001 00"],
    ["decode", str(TOP / "captures/residue-zero/capture.pcap"), "-v"], ["pace", "sim:reference", "--blocks", "8"],
    ["check", "sim:reference,fault=" + 20 * "a-fault-"], ["check", "sim:linux-gadget", "-s", "gadget.serial", "-s", "scsi.mode-sense6.*", "-v"]])
def test_on_a_terminal_lines_have_80_columns(mscope, args):
    """Nothing runs into the line of progress, and nothing of it is left; only a command to copy is one line."""
    lines, _ = terminal(mscope, *args)
    assert [line for line in lines if len(line) > 80 and "mscope check" not in line and len(line.split()) > 1
            and max(map(len, line.split())) < 80] == []
    assert [line for line in lines if re.search(r"\[\d+/\d+\]|\d %, \d+ exchanges|asking the device|^opening", line)] == []


@pytest.mark.nosan
def test_help_and_every_list_have_80_columns(mscope):
    commands = re.findall(r"^  (\w+) ", mscope("help").out, re.M)
    kinds = ("targets", "firmware", "faults", "variants", "scenarios", "rules", "profiles", "formats")
    for args in [["help", c] for c in commands] + [["list", k] for k in kinds]:
        assert [line for line in terminal(mscope, *args)[0] if len(line) > 80] == [], args


def test_a_dumb_terminal_is_sent_no_sequences(mscope):
    args = "check", RESIDUE, "-s", "bot.case05.*"
    assert "\x1b[K" in terminal(mscope, *args)[1] and "\x1b[1;31m" in terminal(mscope, *args)[1]
    assert "\x1b" not in terminal(mscope, *args, TERM="dumb")[1]
    assert "\x1b[1" not in terminal(mscope, *args, NO_COLOR="1")[1]


def test_into_a_pipe_no_line_is_broken(mscope):
    """Whoever searches finds the reason; the same with COLUMNS is as on a terminal."""
    args = "check", RESIDUE, "-s", "bot.case05.*"
    reason = "status 00h, and dCSWDataResidue is 0"
    broken = mscope(*args, status=1).out
    whole = mscope(*args, status=1, env={"COLUMNS": ""}).out
    assert reason in whole and reason not in broken and whole.split() == broken.split()
    assert max(map(len, broken.replace("mscope check", "").splitlines())) <= 91 and max(map(len, whole.splitlines())) > 100
