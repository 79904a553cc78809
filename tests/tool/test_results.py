# SPDX-License-Identifier: BSD-2-Clause
"""Every command into every exit status that it can give; result files that are whole or not at all;
a document for every failure."""
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import tempfile
import threading
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import PROGRAM, TOP, listing
from test_documents import validate

FULL = "sim:reference,speed=full"
GONE = "usb:dead:beef"
COMMANDS = sorted(set(re.findall(r"^CMD\((\w+)\)", (TOP / "tool" / "cmd.list").read_text(), re.M)))

SCENARIO = """name: test.one
title: one command
spec: [BOT 1.0 5.1]
steps:
  - command: { test_unit_ready: {} }
"""

CAPTURE = str(TOP / "captures/reference-full/capture.pcap")

# Command, exit status, arguments.
ENDS = [
    ("list", 0, ["rules"]),
    ("list", 2, ["rulez"]),
    ("help", 0, []),
    ("help", 2, ["cheek"]),
    ("probe", 0, ["sim:reference"]),
    ("probe", 2, ["sim:reverence"]),
    ("probe", 3, [GONE]),
    ("probe", 3, ["sim:reference,unplug=1us"]),
    ("send", 0, ["sim:reference", "--", "12 00 00 00 24 00"]),
    ("send", 1, ["sim:reference", "--", "00 00 00 00 00 00"]),
    ("send", 2, ["sim:reference", "--", "xx"]),
    ("send", 3, [GONE, "--", "12 00 00 00 24 00"]),
    ("send", 4, ["sim:reference", "--out", "missing", "--allow-writes", "--", "2a 00 00000000 00 0001 00"]),
    ("check", 0, ["sim:reference", "-s", "scsi.ready*"]),
    ("check", 1, ["sim:reference,fault=residue-zero"]),
    ("check", 2, ["sim:reference", "-s", "nosuch.name"]),
    ("check", 3, [GONE]),
    ("check", 3, ["sim:reference,unplug=25ms"]),
    ("check", 4, ["sim:reference,file=missing"]),
    ("run", 0, ["sim:reference", "one.yaml"]),
    ("run", 1, ["sim:reference,fault=residue-zero", str(TOP / "scenarios/bot/case05.yaml")]),
    ("run", 2, ["sim:reference"]),
    ("run", 3, [GONE, "one.yaml"]),
    ("run", 4, ["sim:reference", "missing.yaml"]),
    ("run", 4, ["sim:reference", "bad.yaml"]),
    ("bench", 0, [FULL, "--blocks", "1"]),
    ("bench", 1, [FULL, "--blocks", "1", "--baseline", "fast.json"]),
    ("bench", 2, [FULL, "--blocks", "0"]),
    ("bench", 3, [GONE]),
    ("bench", 3, [f"{FULL},unplug=400ms", "--mode", "serial"]),
    ("bench", 4, [FULL, "--baseline", "missing.json"]),
    ("bench", 5, [FULL, "--baseline", "base.json", "--count", "2"]),
    ("bench", 5, ["sim:reference", "--baseline", "base.json"]),
    ("pace", 0, ["sim:stm32"]),
    ("pace", 1, ["sim:reference,speed=full,fault=hang-long-read"]),
    ("pace", 2, ["sim:stm32", "--blocks", "8,"]),
    ("pace", 3, [GONE]),
    ("pace", 3, ["sim:stm32,unplug=2s"]),
    ("ls", 0, ["sim:lsd", "/SENSORS"]),
    ("ls", 2, ["sim:lsd", "/SENSORS", "more"]),
    ("ls", 3, [GONE]),
    ("ls", 4, ["sim:lsd", "/NOPE"]),
    ("compare", 0, ["base.json", "base.json"]),
    ("compare", 1, ["fast.json", "base.json"]),
    ("compare", 2, ["base.json"]),
    ("compare", 4, ["base.json", "missing.json"]),
    ("compare", 4, ["base.json", "bad.yaml"]),
    ("compare", 5, ["base.json", "few.json"]),
    ("compare", 5, ["base.json", "other.json"]),
    ("replay", 0, [CAPTURE, "sim:reference,speed=full"]),
    ("replay", 1, [CAPTURE, "sim:reference,speed=full,fault=residue-zero"]),
    ("replay", 2, []),
    ("replay", 3, [CAPTURE, GONE]),
    ("replay", 4, ["missing.pcap", "sim:reference"]),
    ("soak", 0, ["sim:reference", "--allow-writes", "--bytes", "1M"]),
    ("soak", 1, ["sim:reference,fault=buffer-end", "--allow-writes", "--bytes", "1M"]),
    ("soak", 2, ["sim:reference"]),
    ("soak", 3, [GONE, "--allow-writes"]),
    ("fuzz", 0, ["sim:reference", "--count", "5"]),
    ("fuzz", 1, ["sim:reference,fault=residue-zero", "--count", "5"]),
    ("fuzz", 2, []),
    ("fuzz", 3, [GONE]),
    ("fuzz", 4, ["sim:reference", "-o", "/dev/null/x"]),
    ("decode", 0, [CAPTURE]),
    ("decode", 2, []),
    ("decode", 4, ["missing.pcap"]),
    ("decode", 4, ["bad.yaml"]),
]
# What they write is no document: test_read.py, test_decode.py, test_report.py, test_session.py and test_usbip.py have their
# exit statuses.
WITHOUT = {"read", "record", "report", "serve", "session", "write"}


@pytest.fixture
def place(mscope, tmp_path, request):
    """With scenario files; and benches, where one is named."""
    (tmp_path / "one.yaml").write_text(SCENARIO)
    (tmp_path / "bad.yaml").write_text(SCENARIO.replace("command", "kommand"))
    if any(x.endswith(".json") for x in request.node.callspec.params.get("args", [])):
        mscope("bench", FULL, "--blocks", "1", "--mode", "serial", "--json", "base.json", "-q")
        text = (tmp_path / "base.json").read_text()

        def edit(name, change):
            document = json.loads(text)
            change(document)
            (tmp_path / name).write_text(json.dumps(document))

        def sample(document, ns, count):
            document["runs"][0].update(samples_ns=[ns] * count, commands=count)

        edit("fast.json", lambda d: sample(d, 1000000, 100))
        edit("few.json", lambda d: sample(d, 3000000, 2))
        edit("other.json", lambda d: d["target"].update(speed="high"))
    return mscope


def with_options(args, *options):
    at = args.index("--") if "--" in args else len(args)
    return [*args[:at], *options, *args[at:]]


@pytest.mark.parametrize("command, status, args", ENDS, ids=lambda x: " ".join(x) if isinstance(x, list) else None)
def test_every_command_in_every_status(place, tmp_path, command, status, args):
    """And its document: there is one for each failure but of the usage, which leaves the old one."""
    place(command, *args, status=status)
    if command == "help":
        return
    (tmp_path / "out.json").write_text("old")
    before = set(os.listdir(tmp_path))
    args = with_options(args, "--json", "out.json", "--report", "text:out.txt")
    p = place(command, *args, status=status)
    if status == 2:
        assert (tmp_path / "out.json").read_text() == "old"
        assert set(os.listdir(tmp_path)) == before
        return
    document = json.loads((tmp_path / "out.json").read_text())
    validate(document)
    assert document["exit_status"] == status and document["argv"] == ["mscope", command, *args]
    assert set(os.listdir(tmp_path)) - {"state"} == before - {"state"} | {"out.txt"}
    if status in (3, 4) or (status == 5 and p.err):
        assert p.err == f"mscope: {document['reason']}\n"
        told = " ".join((tmp_path / "out.txt").read_text().split())
        assert f"stopped {' '.join(document['reason'].split())}" in told
    elif status != 1:
        assert document["reason"] is None


def test_the_table_has_every_command():
    assert {row[0] for row in ENDS} == set(COMMANDS) - WITHOUT
    for command in set(COMMANDS) - {"help"} - WITHOUT:
        assert any(row[:2] == (command, 2) for row in ENDS)


@pytest.mark.parametrize("command, args", [(c, a) for c, s, a in ENDS if s == 0 and c != "help"], ids=lambda x: str(x))
def test_a_file_that_cannot_be_written_is_4(place, command, args):
    p = place(command, *with_options(args, "--json", "/no/such/place"), status=4)
    assert p.err == "mscope: cannot write /no/such/place: No such file or directory\n"


# Whatever else takes the name of a file: @ is where it goes.
FILES = [
    ("bench", [FULL, "--blocks", "1", "--count", "2", "--report", "bmf:@"]),
    ("check", ["sim:reference", "-s", "scsi.ready*", "--junit", "@"]),
    ("check", ["sim:reference", "-s", "scsi.ready*", "--log", "@"]),
    ("check", ["sim:reference", "-s", "scsi.ready*", "--record", "@"]),
    ("compare", ["base.json", "base.json", "--report", "text:@"]),
    ("decode", [CAPTURE, "--image", "@"]),
    ("decode", [CAPTURE, "--to-scenario", "@"]),
    ("pace", [CAPTURE, "--report", "text:@"]),
    ("read", ["sim:reference", "--blocks", "64", "-o", "@"]),
    ("record", ["sim:reference", "-o", "@", "--", "probe"]),
    ("report", ["base.json", "-o", "@"]),
    ("session", ["sim:reference", "--record", "@"]),
]
FILES += [(c, with_options(a, "--json", "@")) for c, s, a in ENDS if s == 0 and c != "help"]


@pytest.mark.parametrize("command, args", FILES, ids=lambda x: " ".join(x) if isinstance(x, list) else None)
def test_a_full_disk_is_4_and_names_the_file(place, command, args):
    p = place(command, *["/dev/full".join(a.split("@")) for a in args], status=4)
    assert re.search(r"^mscope: .*/dev/full.*: No space left on device$", p.err, re.M), p.err


@pytest.mark.parametrize("format", ["junit", "tap"])
def test_what_is_no_json_tells_of_failures_too(mscope, tmp_path, format):
    for args, status in ((["check", GONE], 3), (["run", "sim:reference", "missing.yaml"], 4)):
        p = mscope(*args, "--report", f"{format}:out", status=status)
        text = (tmp_path / "out").read_text()
        assert "no such device" in text or "missing.yaml: cannot open" in text
        if format == "junit":
            suite = ElementTree.parse(tmp_path / "out").getroot().find("testsuite")
            assert suite.get("errors") == "1" and suite.find("testcase/error").get("message") in p.err
        else:
            assert text.startswith("TAP version 13\nBail out! ")


def test_one_table_of_statuses():
    """The program, the library, the readme, the manual page and the help say the same."""
    sources = {
        "tool/main.c": r"^ \*\t(\d+(?:\+N)?)\t(.+)$",
        "lib/mscope.h": r"^\tMSCOPE_(?!ALLOW)\w+ = (\d+), +/\* (.+) \*/$",
        "README.md": r"^\| (\d+(?:\+N)?) \| (.+) \|$",
        "docs/mscope.1.scd": r"^\*(\d+(?:\+N)?)\*\n\t(.+)$",
    }
    tables = {name: [(n, re.split("[.:]", text)[0].lower()) for n, text in re.findall(row, (TOP / name).read_text(), re.M)]
              for name, row in sources.items()}
    first = tables["tool/main.c"]
    assert [n for n, _ in first] == ["0", "1", "2", "3", "4", "5", "70", "128+N"]
    for name, table in tables.items():
        assert table == (first[:-1] if name.endswith(".h") else first), name


# ---- result files --------------------------------------------------------------------------------

CHECK = ["check", "sim:reference", "-s", "scsi.ready*", "-q"]


def test_a_baseline_may_be_written_over(mscope, tmp_path):
    mscope("bench", FULL, "--blocks", "1", "--json", "x.json", "-q")
    mscope("bench", FULL, "--baseline", "x.json", "--json", "x.json", "-q")
    assert json.loads((tmp_path / "x.json").read_text())["comparison"]["base"]["file"] == "x.json"
    mscope("bench", FULL, "--blocks", "1", "--json", "y.json", "-q")
    mscope("compare", "y.json", "y.json", "--json", "y.json", "-q")
    assert json.loads((tmp_path / "y.json").read_text())["format"] == "mscope.compare/1"


def test_a_run_that_is_killed_leaves_the_old_file(mscope, tmp_path):
    (tmp_path / "long.yaml").write_text(SCENARIO + "  - repeat: 10000\n    do:\n      - repeat: 90\n        do:\n"
                                        "          - let: { a: '1' }\n          - command: { test_unit_ready: {} }\n")
    (tmp_path / "out.json").write_text("old")
    process = mscope.popen("run", "sim:reference", "long.yaml", "--json", "out.json")
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert (tmp_path / "out.json").read_text() == "old"


def test_a_file_keeps_its_mode(mscope, tmp_path):
    out = tmp_path / "out.json"
    mscope(*CHECK, "--json", "out.json", preexec_fn=lambda: os.umask(0o027))
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    out.chmod(0o604)
    mscope(*CHECK, "--json", "out.json")
    assert stat.S_IMODE(out.stat().st_mode) == 0o604


def test_a_link_stays_a_link(mscope, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "old").write_text("old")
    for name in ("old", "new"):
        (tmp_path / "link").symlink_to(f"there/{name}")
        mscope(*CHECK, "--json", "link")
        assert (tmp_path / "link").is_symlink()
        json.loads((tmp_path / "there" / name).read_text())
        (tmp_path / "link").unlink()
    os.link(tmp_path / "there" / "old", tmp_path / "hard")
    p = mscope(*CHECK, "--json", "hard", "--junit", "there/old", status=2)
    assert p.err == "mscope: a file takes one report: --json hard and --junit there/old\n"


def test_a_pipe_is_written_in_place(mscope, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    mscope(*CHECK, "--report", "tap:pipe")
    reader.join(timeout=60)
    assert got[0].startswith("TAP version 13\n") and stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_standard_output_by_another_name(mscope, tmp_path):
    p = mscope(*CHECK, "--json", "/dev/stdout")
    assert json.loads(p.out)["argv"][-1] == "/dev/stdout"
    with open(tmp_path / "all", "w") as f:
        mscope.popen(*CHECK, "--json", "/dev/stdout", stdout=f).communicate(timeout=60)
    assert json.loads((tmp_path / "all").read_text())["exit_status"] == 0
    mscope(*CHECK, "--json", "/dev/null", "--junit", "/dev/null")


def test_where_the_directory_takes_no_file(mscope):
    """As a file that a container was given: it is written over, at the end."""
    drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as top:
        place = pathlib.Path(top, "fixed")
        place.mkdir()
        (place / "out.json").write_text("old, and longer than nothing")
        (place / "out.json").chmod(0o666)
        place.chmod(0o555)
        pathlib.Path(top).chmod(0o755)
        if subprocess.run([*drop, PROGRAM, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            pytest.skip("nobody else can run the program here")
        command = [*drop, PROGRAM, *CHECK, "--json", str(place / "out.json")]
        assert subprocess.run([*command, "-s", "no.such"], env=mscope.env, cwd="/").returncode == 2
        assert (place / "out.json").read_text().startswith("old")
        assert subprocess.run(command, env=mscope.env, cwd="/").returncode == 0
        assert json.loads((place / "out.json").read_text())["exit_status"] == 0
        place.chmod(0o755)


# ---- formats -------------------------------------------------------------------------------------

def test_every_format_that_is_listed_can_be_made(mscope, tmp_path):
    args = {"list": ["rules"], "probe": ["sim:reference"], "pace": ["sim:stm32"], "bench": [FULL, "--blocks", "1"],
            "send": ["sim:reference", "--", "12 00 00 00 24 00"], "check": CHECK[1:-1], "run": ["sim:reference", "one.yaml"],
            "compare": ["base.json", "base.json"], "decode": [CAPTURE], "ls": ["sim:lsd", "/SENSORS"],
            "replay": [CAPTURE, "sim:reference,speed=full"],
            "soak": ["sim:reference", "--allow-writes", "--bytes", "1M"], "fuzz": ["sim:reference", "--count", "5"]}
    (tmp_path / "one.yaml").write_text(SCENARIO)
    mscope("bench", FULL, "--blocks", "1", "--json", "base.json", "-q")
    for format in listing("formats"):
        for command in format["commands"]:
            name = f"{command}.{format['name']}"
            mscope(command, *with_options(args[command], "--report", f"{format['name']}:{name}"))
            assert (tmp_path / name).stat().st_size > 0, name


def test_many_reports_at_once(mscope, tmp_path):
    p = mscope("check", "sim:reference,fault=residue-zero", "--report", "json:a.json", "--report", "junit:b.xml",
               "--report", "tap:c.tap", "--report", "text:d.txt", "--report", "json:e.json", "--color=always", status=1)
    plain = re.sub(r"\x1b\[[\d;]*m", "", p.out)
    assert p.out != plain == (tmp_path / "d.txt").read_text()
    assert (tmp_path / "a.json").read_text() == (tmp_path / "e.json").read_text()
    ElementTree.parse(tmp_path / "b.xml")
    assert (tmp_path / "c.tap").read_text().startswith("TAP version 13\n1..")


def test_the_short_forms_are_the_same(mscope, tmp_path):
    short = mscope("check", "sim:reference", "--tap", "--junit", "a.xml").out
    assert mscope("check", "sim:reference", "--report", "tap", "--report", "junit:b.xml").out == short
    assert (tmp_path / "a.xml").read_bytes() == (tmp_path / "b.xml").read_bytes()


def test_no_command_knows_a_single_format():
    """A new one is a file and a line in report.list, and nothing in tool/."""
    names = re.findall(r"REPORT\((\w+)\)", (TOP / "lib/report/report.list").read_text())
    assert len(names) >= 4
    for path in (TOP / "tool").glob("*.c"):
        assert not re.search(r"msc_report_(" + "|".join(names) + r")\b", path.read_text()), path.name
    assert not re.search("|".join(f'"{n}"' for n in names), (TOP / "tool/conduct.c").read_text())


# ---- loops ---------------------------------------------------------------------------------------

ENDLESS = SCENARIO.split("steps:")[0] + """steps:
  - repeat: 10000
    do:
      - repeat: 10000
        do:
          - repeat: 10000
            do:
              - let: { a: "1" }
"""


def test_a_loop_in_no_time_ends_at_the_limit_of_steps(mscope, tmp_path):
    (tmp_path / "loop.yaml").write_text(ENDLESS + "---\n" + SCENARIO.replace("test.one", "test.two"))
    cases = mscope.json("run", "sim:reference", "loop.yaml", status=1)["cases"]
    assert [c["verdict"] for c in cases] == ["error", "pass"]
    assert cases[0]["reason"] == "cut short: more than 1000000 steps, turns of loops included"
    assert "1000000 steps" in (TOP / "docs/scenarios.md").read_text()


def test_a_step_limit_is_of_each_case(mscope, tmp_path):
    one = SCENARIO.split("steps:")[0] + "steps:\n  - repeat: 600\n    do:\n      - repeat: 1000\n        do:\n          - let: { a: '1' }\n"
    (tmp_path / "many.yaml").write_text(one.replace("1000", "500") + "---\n" + one.replace("test.one", "test.two").replace("1000", "500"))
    mscope("run", "sim:reference", "many.yaml")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_loop_in_no_time(mscope, tmp_path, number):
    (tmp_path / "loop.yaml").write_text("---\n".join(ENDLESS.replace("test.one", f"test.no{n}") for n in range(2000)))
    process = mscope.popen("run", "sim:reference", "loop.yaml", "--json", "out.json")
    process.stdout.readline()
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == -number
    assert json.loads((tmp_path / "out.json").read_text())["reason"] == "interrupted"
