# SPDX-License-Identifier: BSD-2-Clause
"""The Live Storage Device as a host has it: its volume under the programs that check and list FAT volumes, its files while the world
around the board changes, its scenarios, and what mscope has against it, which docs/lsd.md must say."""
import ctypes
import json
import os
import re
import subprocess

import pytest
from conftest import PROGRAM, TOP, listing

BLOCK, BLOCKS = 512, 684
ALLOW_WRITES, ALLOW_UNSAFE = 1, 2
DOC = TOP / "docs" / "lsd.md"


class Disk:
    """A simulated device for as long as it is open, through libmscope.so."""

    def __init__(self, knobs="", flags=0):
        self.lib = ctypes.CDLL(os.path.join(os.path.dirname(PROGRAM), "libmscope.so"))
        self.lib.mscope_error.restype = ctypes.c_char_p
        self.lib.mscope_error.argtypes = self.lib.mscope_close.argtypes = [ctypes.c_void_p]
        self.lib.mscope_close.restype = self.lib.mscope_free.restype = None
        self.lib.mscope_free.argtypes = [ctypes.c_void_p]
        self.m = ctypes.c_void_p()
        status = self.lib.mscope_open(ctypes.byref(self.m), ("sim:lsd" + knobs).encode(), flags)
        assert status == 0, self.lib.mscope_error(self.m).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.mscope_close(self.m)

    def command(self, cdb, length=0):
        data = ctypes.create_string_buffer(length or 1)
        cdb = bytes.fromhex(cdb) if isinstance(cdb, str) else cdb
        exchange = ctypes.c_void_p()
        status = self.lib.mscope_send(self.m, 0, cdb, ctypes.c_size_t(len(cdb)), data if length else None,
                                      ctypes.c_size_t(length), None, ctypes.c_size_t(0), ctypes.byref(exchange))
        self.lib.mscope_free(exchange)
        return status, data.raw[:length]

    def read(self, lba, blocks=1):
        cdb = bytes([0x28, 0]) + lba.to_bytes(4, "big") + b"\0" + blocks.to_bytes(2, "big") + b"\0"
        status, data = self.command(cdb, blocks * BLOCK)
        assert status == 0
        return data

    def file(self, directory, name):
        """The block of a file, found as a host finds it."""
        boot = self.read(0)
        root = boot[14] + boot[16] * int.from_bytes(boot[22:24], "little")
        data = root + int.from_bytes(boot[17:19], "little") * 32 // BLOCK
        lba = root
        for wanted in (directory, name):
            block = self.read(lba)
            entry = next(block[at:at + 32] for at in range(0, BLOCK, 32) if block[at:at + 11].decode() == wanted)
            lba = data + int.from_bytes(entry[26:28], "little") - 2
        return lba


def text(block):
    return block.rstrip(b"\0").decode()


THERMO = ("SENSORS    ", "THERMO  TXT")
nosan = pytest.mark.nosan               # an instrumented library cannot be loaded into this Python


@nosan
def test_volume_read_through_the_tool_is_what_fsck_and_mtools_accept(tmp_path):
    with Disk() as disk:
        image = b"".join(disk.read(lba, min(64, BLOCKS - lba)) for lba in range(0, BLOCKS, 64))
    (tmp_path / "lsd.img").write_bytes(image)

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              env={"PATH": "/usr/sbin:/sbin:" + os.environ["PATH"], "MTOOLS_SKIP_CHECK": "0"})
        assert done.returncode == 0, done.stdout.decode()
        return done.stdout.decode()

    assert re.search(r"(\d+)/\1 clusters", run("fsck.fat", "-n", "lsd.img")), "a cluster is free"
    names = set(re.findall(r"^::/(\S+[^/\s])$", run("mdir", "-i", "lsd.img", "-/", "-b", "::/"), re.M))
    outputs = {"LEDS/LED%d.TXT" % n for n in range(8)} | {f"LEDS/{c}.TXT" for c in ("RED", "GREEN", "BLUE")}
    outputs |= {"DISPLAY/LCD.TXT", "DISPLAY/MATRIX.BMP", "ACTUATOR/BUZZER.TXT", "ACTUATOR/MOTOR.TXT"}
    inputs = {"SENSORS/BUTTON.TXT", "SENSORS/JOYSTICK.TXT", "SENSORS/THERMO.TXT"}
    files = {p.name: p.read_bytes() for p in (TOP / "lib/firmware/lsd/files").iterdir()}
    assert outputs | inputs | set(files) <= names
    for name, content in files.items():
        run("mcopy", "-i", "lsd.img", f"::/{name}", "copy")
        assert (tmp_path / "copy").read_bytes().replace(b"\r\n", b"\n") == content
        (tmp_path / "copy").unlink()
    run("mtype", "-i", "lsd.img", "::/SENSORS/THERMO.TXT")


@nosan
def test_stale_data_is_never_served():
    """The temperature changes between two readings; that both went through the same block of the same open device is the point."""
    with Disk(",temperature=-5.5,event=set:temperature=31.5@cbw:12") as disk:
        lba = disk.file(*THERMO)
        seen = [text(disk.read(lba)) for _ in range(12)]
    assert seen[0] == "  -5.5\r\n" and seen[-1] == "  31.5\r\n"
    assert seen == sorted(seen, reverse=True) or len(set(seen)) == 2


@nosan
def test_bench_turns_the_world_and_sees_what_the_board_shows():
    with Disk(flags=ALLOW_WRITES | ALLOW_UNSAFE) as disk:
        joystick, thermo = disk.file("SENSORS    ", "JOYSTICKTXT"), disk.file(*THERMO)
        assert disk.command("c0 02 03")[0] == 0 and text(disk.read(joystick)) == "LEFT  \r\n"
        assert disk.command("c0 03 ff c9")[0] == 0 and text(disk.read(thermo)) == "  -5.5\r\n"
        shown = text(disk.command("c0 00", 512)[1])
        assert "joystick  left\n" in shown and "thermo    -5.5\n" in shown
        assert len(re.findall(r"^matrix    [.#]{8}$", shown, re.M)) == 8
    with Disk() as disk:
        assert disk.command("c0 01 01")[0] != 0, "the gate lets a vendor's command out unasked"


def test_knobs_and_events_are_checked_when_they_are_named(mscope):
    for spec, says in (("temperature=warm", "expected a number with at most one decimal"),
                       ("temperature=1.25", "expected a number with at most one decimal"),
                       ("temperature=-1000.1", "out of range"),
                       ("joystick=north", "none of center, up, down"),
                       ("event=set:temperatu=3@1s", "did you mean 'temperature'"),
                       ("event=set:seed=3@1s", "no 'seed' that could change"),
                       ("event=set:joystick=north@1s", "none of center, up, down"),
                       ("event=set@1s", "expected a knob and its value"),
                       ("speed=high", "is a full-speed device")):
        assert says in " ".join(mscope("probe", f"sim:lsd,{spec}", status=2).err.split()), spec
    assert "no 'luns' that could change" in mscope("probe", "sim:reference,event=set:luns=2@1s", status=2).err


# ---- scenarios


def cases(document):
    return {c["name"]: c for c in document["cases"]}


def test_scenarios_of_the_device_pass_on_it(mscope):
    for options in ([], ["--queued"]):
        document = mscope.json("check", "sim:lsd", "--select", "lsd", "--allow-writes", "--allow-unsafe=c0", *options)
        verdicts = {c["verdict"] for c in document["cases"]}
        assert verdicts == {"pass"} and len(document["cases"]) >= 24


def test_scenarios_of_the_device_are_left_out_elsewhere_unless_they_are_named(mscope):
    lsd = {s["name"] for s in listing("scenarios") if s["name"].startswith("lsd.")}
    assert lsd & set(cases(mscope.json("check", "sim:lsd", status=1))) == lsd
    assert not lsd & set(cases(mscope.json("check", "sim:reference")))
    named = cases(mscope.json("check", "sim:reference", "--select", "lsd", "--allow-writes", "--allow-unsafe=c0"))
    assert set(named) == lsd and {c["verdict"] for c in named.values()} == {"skip"}
    assert all(c["reason"] for c in named.values())


LIVE = """name: t.first
title: t
spec: [t]
steps:
{live}  - command: {{ write10: {{ lba: {lba}, blocks: 1 }} }}
    data: {{ hex: "58 59 5a" }}
  - command: {{ read10: {{ lba: {lba}, blocks: 1 }} }}
    expect: {{ data: {{ at: 0, hex: "58 59 5a" }} }}
---
name: t.second
title: t
spec: [t]
steps:
  - command: {{ read10: {{ lba: {lba}, blocks: 1 }} }}
    expect: {{ data: {{ at: 0, hex: "{found}" }} }}
"""


@nosan
def test_what_acts_is_written_only_by_permit_and_what_was_found_is_written_back(mscope):
    with Disk() as disk:
        lcd = disk.file("DISPLAY    ", "LCD     TXT")
    live = f"  - live: {{ lba: {lcd} }}\n"
    (mscope.cwd / "a.yaml").write_text(LIVE.format(live=live, lba=lcd, found="20 20 20"))
    (mscope.cwd / "b.yaml").write_text(LIVE.format(live="", lba=lcd, found="20 20 20"))
    (mscope.cwd / "c.yaml").write_text(LIVE.format(live="  - live: { lba: 0, blocks: 8 }\n", lba=lcd, found="20 20 20"))
    found = cases(mscope.json("run", "sim:lsd", "a.yaml", "--allow-writes"))
    assert found["t.first"]["verdict"] == found["t.second"]["verdict"] == "pass"
    for path in ("b.yaml", "c.yaml"):
        found = cases(mscope.json("run", "sim:lsd", path, "--allow-writes"))
        assert found["t.first"]["verdict"] == "skip" and "outside of the scratch range" in found["t.first"]["reason"]
        assert found["t.second"]["verdict"] == "pass"
    assert cases(mscope.json("run", "sim:lsd", "a.yaml"))["t.first"]["verdict"] == "skip"


def test_what_acts_on_an_ordinary_disk_is_put_back(mscope):
    """Should the device turn out to be one after all, nothing is lost."""
    before = os.urandom(4096 * BLOCK)
    (mscope.cwd / "disk.img").write_bytes(before)
    (mscope.cwd / "a.yaml").write_text(LIVE.format(live="  - live: { lba: 77 }\n", lba=77, found=before[77 * BLOCK:][:8].hex()))
    document = mscope.json("run", "sim:reference,file=disk.img", "a.yaml", "--allow-writes")
    assert [c["verdict"] for c in document["cases"]] == ["pass", "pass"]
    assert (mscope.cwd / "disk.img").read_bytes() == before
    assert not list((mscope.cwd / "state").rglob("*.journal*"))


def test_what_acts_is_in_the_journal_before_it_is_written(mscope):
    """The cable is pulled behind the write; the next run puts the block back, as it would one of the scratch range."""
    before = os.urandom(4096 * BLOCK)
    (mscope.cwd / "disk.img").write_bytes(before)
    (mscope.cwd / "a.yaml").write_text(LIVE.format(live="  - live: { lba: 77 }\n", lba=77, found="")
                                       .split("---")[0] + "  - repeat: 2000\n    do:\n      - command: test_unit_ready\n")
    mscope("run", "sim:reference,file=disk.img,event=unplug@cbw:1000", "a.yaml", "--allow-writes", status=3)
    cut = (mscope.cwd / "disk.img").read_bytes()
    assert cut[77 * BLOCK:][:3] == b"XYZ" != before[77 * BLOCK:][:3]
    mscope("check", "sim:reference,file=disk.img", "--select", "scsi.write10.readback", "--allow-writes")
    assert (mscope.cwd / "disk.img").read_bytes() == before


# ---- findings


def table():
    """{rule: where} of the findings that the document lists."""
    section = DOC.read_text().split("\n## What mscope finds\n")[1].split("\n## ")[0]
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")]
    return {rule: row[1] for row in rows for rule in re.findall(r"`([a-z.0-9-]+)`", row[0])}


def test_document_lists_just_what_mscope_finds(mscope):
    found = {}
    for profile in ("spec", "usbif", "interop"):
        for options in ([], ["--allow-writes"], ["--allow-writes", "--queued"]):
            process = mscope.popen("check", "sim:lsd", "--profile", profile, "--json", "-", *options)
            document = json.loads(process.communicate(timeout=120)[0])
            assert process.returncode == 1 and document["summary"]["error"] == 0
            for case in document["cases"]:
                assert not case["name"].startswith("lsd.") or case["verdict"] in ("pass", "skip", "warn"), case
                for f in case["findings"]:
                    if f["severity"] in ("warn", "fail"):
                        found.setdefault(f["rule"], set()).add("--allow-writes" in options)
    assert set(found) == set(table())
    only_writing = {rule for rule, ways in found.items() if ways == {True}}
    assert only_writing == {rule for rule, where in table().items() if "writes" in where}


def test_direct_reader_on_the_disk_is_a_program(tmp_path):
    """DREAD.C compiles without a warning, and prints a file with NUL bytes in it whole, or says why it cannot."""
    source = TOP / "lib/firmware/lsd/files/DREAD.C"
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-x", "c", "-o", tmp_path / "dread", source], check=True)
    content = bytes(range(256)) * 300
    (tmp_path / "file").write_bytes(content)
    done = subprocess.run([tmp_path / "dread", tmp_path / "file"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 1:
        assert b"Invalid argument" in done.stderr, "no O_DIRECT on this filesystem is the one excuse"
    else:
        assert done.returncode == 0 and done.stdout == content
    assert subprocess.run([tmp_path / "dread", tmp_path / "none"], stderr=subprocess.PIPE).returncode == 1
