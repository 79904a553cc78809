# SPDX-License-Identifier: BSD-2-Clause
"""Firmware of others in the simulator: examples/firmware, built out of tree against the public header."""
import json
import os
import re
import shutil
import subprocess

import pace_points
import pytest
from conftest import PROGRAM, TOP, Mscope

EXAMPLE = TOP / "examples" / "firmware"
SANITIZED = "build-san" in PROGRAM
dies = pytest.mark.skipif(SANITIZED, reason="the sanitizers take the signals that it dies of")
leaks = pytest.mark.skipif(SANITIZED, reason="exit() in the middle of the work is a leak to the sanitizers, with a status of theirs")


def build(folder, *sources, name="disk.so", flags=()):
    """A shared object of these sources, with nothing of the tree but mscope_firmware.h."""
    include = folder / "include"
    include.mkdir(exist_ok=True)
    shutil.copy(TOP / "lib" / "mscope_firmware.h", include)
    out = folder / name
    subprocess.run([os.environ.get("CC", "cc").split()[-1], "-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror",
                    "-shared", "-fPIC", f"-I{include}", f"-I{EXAMPLE}", *flags, "-o", out, *sources], check=True)
    return out


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    return build(tmp_path_factory.mktemp("firmware"), EXAMPLE / "disk.c", EXAMPLE / "port_mscope.c")


def source(mscope, text, **kw):
    path = mscope.cwd / "firmware.c"
    path.write_text('#include "mscope_firmware.h"\n' + text)
    return build(mscope.cwd, path, **kw)


@pytest.mark.parametrize("profile", ["spec", "usbif", "interop"])
def test_the_example_conforms(mscope, disk, profile):
    summary = mscope.json("check", f"sim:{disk}", "--allow-writes", "--profile", profile)["summary"]
    assert summary["fail"] == summary["warn"] == summary["error"] == 0 and summary["pass"] > 200


@pytest.mark.parametrize("bench", ["speed=full,host=uhci", "speed=full,host=ohci", "speed=full,host=xhci", "host=xhci",
                                   "wp=1", "blocks=65536", "drift=200", "variant=late-8s"])
def test_it_does_so_on_every_bench(mscope, disk, bench):
    summary = mscope.json("check", f"sim:{disk},{bench}", "--allow-writes")["summary"]
    assert summary["fail"] == summary["warn"] == 0


def test_two_runs_are_alike_byte_for_byte(mscope, disk):
    first, second = (mscope("check", f"sim:{disk}", "--allow-writes", "-vv").out for _ in range(2))
    assert first == second


@pytest.mark.parametrize("fault", ["csw-tag", "residue-zero", "maxlun-high"])
def test_faults_are_switched_on_in_it_as_in_any_model(mscope, disk, fault):
    causes = mscope.json("check", f"sim:{disk},fault={fault}", status=1)["causes"]
    assert causes[0]["id"] == fault


def test_its_defect_is_named_and_shown_alone(mscope, disk):
    target = f"sim:{disk},defect=residue"
    document = mscope.json("check", target, status=1)
    (cause,) = document["causes"]
    assert (cause["id"], cause["confidence"]) == ("residue-zero", "certain")
    out = mscope("check", target, status=1).out
    command = re.search(r"alone: +mscope (.*)", out).group(1).split()
    assert "bot.residue.in" in mscope(*command, status=1).out


def test_a_driver_that_does_not_restart_the_toggle_says_so(mscope):
    """The controller keeps toggles; a port whose hardware does not restart them by itself has a call for it."""
    port, call = (EXAMPLE / "port_mscope.c").read_text(), "board->ep_unstall(board, ep);"
    assert call in port
    (mscope.cwd / "port.c").write_text(port.replace(call, "if (board->size > offsetof(mscope_board, ep_unstall_keep))\n"
                                                    "\t\tboard->ep_unstall_keep(board, ep);"))
    so = build(mscope.cwd, EXAMPLE / "disk.c", mscope.cwd / "port.c")
    causes = mscope.json("check", f"sim:{so}", "--allow-writes", status=1)["causes"]
    assert causes[0]["id"] == "toggle-kept" and causes[0]["confidence"] == "likely"


@dies
@pytest.mark.parametrize("defect, how", [("crash", "SIGSEGV at address 0x0"), ("loop", "a loop without an end")])
def test_what_it_dies_of_is_told_with_the_case_and_the_command(mscope, disk, defect, how):
    """The results are kept, the run goes on, and nothing else of that case is held against a known cause."""
    document = mscope.json("check", f"sim:{disk},defect={defect}", status=1)
    assert document["causes"] == [] and document["summary"]["error"] == 0
    failed = [c for c in document["cases"] if c["verdict"] == "fail"]
    assert "bot.case01.dataless" in [c["name"] for c in failed]
    for case in failed:
        (death,) = [f for f in case["findings"] if f["rule"] == "firmware.dead"]
        assert death["message"] == f"the firmware has died in main: {how}"
        assert death["context"].startswith("VERIFY(10)")
    assert document["summary"]["pass"] > 180
    text = mscope("check", f"sim:{disk},defect={defect}", "-q", status=1).out
    assert text.splitlines()[1].split()[0] == "firmware.dead:"


@dies
@pytest.mark.parametrize("where, body, told", [
    ("start", "*(volatile int *)8 = 0;", "start: SIGSEGV at address 0x8"),
    ("bus_reset", "static char room[8]; for (volatile char *p = room;; p++) *p = 0;",
     "bus_reset: SIGSEGV past the end of its globals"),
    ("bus_reset", "__builtin_trap();", "bus_reset: SIGILL"),
    ("bus_reset", "abort();", "bus_reset: SIGABRT"),
    ("setup", "for (;;) b->now(b);", "setup: a loop without an end"),
    ("main", "for (;;) b->is_high_speed(b);", "main: a loop without an end"),
])
def test_firmware_that_dies_at_once_is_no_target_and_says_of_what(mscope, where, body, told):
    handler = f"static void f(mscope_board *b{', const uint8_t p[8]' if where == 'setup' else ''})"
    so = source(mscope, f"""#include <stdlib.h>
{handler} {{ (void)b; {'(void)p;' if where == 'setup' else ''} {body} }}
static void open(mscope_board *b) {{ b->ep_open(b, 0, 64); b->ep_open(b, 0x80, 64); }}
const struct mscope_firmware mscope_firmware = {{ MSCOPE_FIRMWARE_BEGIN, .{where} = f,
    {'.bus_reset = open' if where != 'bus_reset' else '.resume = open'} }};
""")
    err = mscope("probe", f"sim:{so}", status=3).err
    assert f"the firmware has died in {told}" in err


SPOILS = "{ char room[8]; memset(room, 0x41, cmd.cb[0] * 100); __asm__ volatile(\"\" :: \"r\"(room) : \"memory\"); }"


@pytest.mark.parametrize("body, told", [
    ("_exit(0);", "died in main: it has ended the process, with exit status 0"),
    pytest.param("exit(0);", "died in main: it has ended the process, with exit status 0", marks=leaks),
    ("raise(SIGKILL);", "died in main: signal 9 ("),
    pytest.param(SPOILS, "died in main: signal 11 (", marks=dies),
    ("for (int i = 0; i < 1024; i++) close(i);", "it has closed descriptors of the process"),
    pytest.param("hw_read(0, 1, (void *)8);", "outside of its own code: signal 11 (", marks=dies),
])
def test_what_ends_the_process_ends_one_case(mscope, body, told):
    """The case and the command are told, the others have their results, and what is found is in every report."""
    source = mscope.cwd / "disk.c"
    text, defect = (EXAMPLE / "disk.c").read_text(), 'if (hw_defect("crash") && cmd.cb[0] == 0x2f)'
    assert defect in text
    source.write_text("#include <signal.h>\n#include <stdlib.h>\n#include <unistd.h>\n" +
                      text.replace(defect, f"if (cmd.cb[0] == 0x2f) {{ {body} }}\n\t{defect}"))
    so = build(mscope.cwd, source, EXAMPLE / "port_mscope.c", flags=["-w", "-D_GNU_SOURCE"])
    p = mscope("check", f"sim:{so}", "-s", "bot.case01.*", "-s", "bot.case06.*", "--json", "out.json", "--junit", "out.xml",
               "--record", "out.pcap", status=1)
    document = json.loads((mscope.cwd / "out.json").read_text())
    dead = {c["name"]: c["findings"] for c in document["cases"] if c["verdict"] == "fail"}
    assert set(dead) == {"bot.case01.dataless"} and document["exit_status"] == 1
    (finding,) = dead["bot.case01.dataless"]
    assert finding["rule"] == "firmware.dead" and told in finding["message"] and "; under way was " in finding["message"]
    assert document["summary"]["pass"] > 2 and "1 failed" in p.out
    assert p.out.count("bot.case01.dataless ") <= 2 and (mscope.cwd / "out.xml").read_text().count("<failure") == 1
    assert mscope("decode", "out.pcap", "-q", status=None).returncode in (0, 1)


def test_a_constructor_that_ends_the_process_makes_it_no_target(mscope):
    so = source(mscope, """#include <unistd.h>
__attribute__((constructor)) static void begin(void) { _exit(0); }
const struct mscope_firmware mscope_firmware = { MSCOPE_FIRMWARE_BEGIN };
""")
    told = "the firmware has died in a constructor: it has ended the process, with exit status 0"
    assert told in mscope("check", f"sim:{so}", "--json", "out.json", status=3).err
    assert told in json.loads((mscope.cwd / "out.json").read_text())["reason"]


def test_a_second_stall_of_endpoint_0_changes_nothing(mscope):
    """Many stacks halt 00h and 80h."""
    port = mscope.cwd / "port.c"
    text = (EXAMPLE / "port_mscope.c").read_text()
    once = "board->ep0_stall(board);"
    assert once in text
    port.write_text(text.replace(once, once + once))
    so = build(mscope.cwd, EXAMPLE / "disk.c", port)
    out = mscope("check", f"sim:{so}", "--select", "usb.descriptor.unknown").out
    assert "1 passed, 0 failed" in out


def test_who_learns_his_speed_from_the_device_descriptor_is_asked_for_it(mscope):
    """As CherryUSB does; hosts read it behind every reset."""
    port = mscope.cwd / "port.c"
    text = (EXAMPLE / "port_mscope.c").read_text()
    for old, new in [("return board->is_high_speed(board);", "return fast;"),
                     ("bool hw_high_speed", "static bool fast;\nbool hw_high_speed"),
                     ("	disk_bus_reset();", "	fast = false;\n	disk_bus_reset();"),
                     ("	disk_setup(packet);", "	if (packet[1] == 6 && packet[3] == 1)\n"
                      "		fast = board->is_high_speed(board);\n	disk_setup(packet);")]:
        assert old in text
        text = text.replace(old, new, 1)
    port.write_text(text)
    so = build(mscope.cwd, EXAMPLE / "disk.c", port)
    assert ", 0 failed" in mscope("check", f"sim:{so}", "--select", "bot.port-reset.*", "--select",
                                  "bot.case06.*").out


def test_each_power_on_has_globals_of_its_own(mscope):
    """Two copies in one process, and one that loses its power: all begin at 0; a bus reset keeps them."""
    so = source(mscope, """
static unsigned starts, resets;
static void start(mscope_board *b) { starts++; (void)b; }
static void reset(mscope_board *b) {
    char text[] = "starts N resets N";
    resets++; text[7] = '0' + starts; text[16] = '0' + resets;
    b->print(b, text); b->ep_open(b, 0, 64); b->ep_open(b, 0x80, 64);
}
const struct mscope_firmware mscope_firmware = { MSCOPE_FIRMWARE_BEGIN, .start = start, .bus_reset = reset };
""")
    log = mscope.cwd / "log"
    mscope("probe", f"sim:{so},event=unplug@20ms,event=plug@40ms", "--log", log, status=3)
    told = re.findall(r"starts (\d) resets (\d)", log.read_text())
    assert told and {starts for starts, _ in told} == {"1"}
    assert [int(n) for _, n in told].count(1) >= 1


def test_knobs_are_checked_and_listed(mscope, disk):
    assert "did you mean 'defect'?" in mscope("probe", f"sim:{disk},defekt=x", status=2).err
    (entry,) = mscope.json("list", "firmware", disk)["firmware"]
    assert entry["name"] == str(disk) and entry["summary"].startswith("example disk")
    assert {"defect", "file", "blocks", "read-time", "host"} <= {k["name"] for k in entry["knobs"]}


@pytest.mark.parametrize("text, told", [
    ("int other;", "does not export 'mscope_firmware'"),
    ("const struct mscope_firmware mscope_firmware = { .abi = 9, .size = sizeof mscope_firmware };",
     "was built for version 9 of mscope_firmware.h, and this is 1"),
])
def test_what_is_no_firmware_is_refused(mscope, text, told):
    assert told in mscope("probe", f"sim:{source(mscope, text)}", status=2).err


def test_what_cannot_be_loaded_is_refused(mscope):
    (mscope.cwd / "text.so").write_text("no firmware" * 100)
    assert "invalid ELF header" in mscope("probe", "sim:./text.so", status=2).err
    assert "No such file" in mscope("probe", "sim:./nothing.so", status=2).err


def test_a_file_that_is_cut_short_is_refused(mscope, disk):
    whole = disk.read_bytes()
    for size in (60, 1000, 5000, len(whole) // 3):
        (mscope.cwd / "cut.so").write_bytes(whole[:size])
        assert "cannot load firmware: " in mscope("probe", "sim:./cut.so", status=2).err


def test_interrupts_can_be_disabled_and_waited_for(mscope):
    """A handler does not come between two calls of main that has disabled them, and waiting enables them."""
    so = source(mscope, """
static volatile unsigned handled;
static mscope_board *board;
static void tick(mscope_board *b, void *arg) { (void)b; (void)arg; handled++; }
static void run(mscope_board *b) {
    unsigned before, meanwhile, after;
    board = b;
    b->irq_disable(b); b->irq_disable(b);
    b->timer(b, 1000, tick, 0);
    before = handled; b->spin(b, 1000000); meanwhile = handled;
    b->irq_enable(b); b->spin(b, 1000); meanwhile += handled;
    b->irq_enable(b); b->spin(b, 100000); after = handled;
    b->print(b, before == 0 && meanwhile == 0 && after == 1 ? "masked" : "not masked");
    b->irq_disable(b); b->timer(b, 1000, tick, 0); b->wait_for_interrupt(b);
    while (handled == 1) b->wait_for_interrupt(b);
    b->print(b, "woken");
}
const struct mscope_firmware mscope_firmware = { MSCOPE_FIRMWARE_BEGIN, .main = run };
""")
    log = mscope.cwd / "log"
    mscope("probe", f"sim:{so}", "--log", log, status=3)
    text = log.read_text()
    assert "firmware: masked" in text and "woken" in text


def test_timers_that_never_expire_are_given_back(mscope):
    """Those that are left at the end, and those that a power cycle takes away; the sanitizers see what is lost."""
    so = source(mscope, """
static void tick(mscope_board *b, void *arg) { (void)b; (void)arg; }
static void start(mscope_board *b) { for (int i = 1; i <= 100; i++) b->timer(b, i * 3600000000000, tick, 0); }
const struct mscope_firmware mscope_firmware = { MSCOPE_FIRMWARE_BEGIN, .start = start };
""")
    for world in "", ",event=unplug@20ms,event=plug@40ms":
        assert "Sanitizer" not in mscope("probe", f"sim:{so}{world}", status=3).err


def make(folder, *args, status=0):
    """The example's own Makefile, in a copy of it."""
    shutil.copytree(EXAMPLE, folder / "firmware", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so", "now.json"))
    done = subprocess.run(["make", "-C", folder / "firmware", *args, f"INCLUDE={TOP / 'lib'}", f"MSCOPE={PROGRAM}"],
                          capture_output=True, text=True, env=os.environ | Mscope(folder).env)
    assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
    return done.stdout


def test_its_makefile_gates_conformance_and_speed(mscope):
    assert "no change" in make(mscope.cwd, "check")
    assert "residue-zero" in make(mscope.cwd, "check", "DEFECT=residue", status=1)
    assert "SLOWER" in make(mscope.cwd, "check", "DEFECT=slow", status=1)


@pytest.mark.parametrize("medium_us", [2, 10, 20, 100])
def test_one_buffer_at_high_speed_is_named(mscope, medium_us):
    """512 bytes, copied and sent one after the other: what two buffers would save is in the range, and no more."""
    text = (EXAMPLE / "disk.c").read_text()
    (mscope.cwd / "one.c").write_text(text.replace("BUFFER_BLOCKS = 16", "BUFFER_BLOCKS = 1"))
    build(mscope.cwd, mscope.cwd / "one.c", EXAMPLE / "port_mscope.c")
    model = mscope.json("pace", f"sim:./disk.so,host=xhci,read-time={medium_us}us")
    saves = next(d["saves"] for d in model["diagnosis"] if d["id"] == "single-buffered")
    block, bus = model["model"]["block_ns"], model["model"]["bus_ns"]
    assert model["model"]["buffers"] == 1 and block > 1000 * medium_us + bus
    assert pace_points.holds(saves, 1 - max(bus, block - bus) / block)


def test_all_writes_to_one_block_are_found_and_put_back(mscope):
    """Firmware that does not look at the address of a write: block 0 would be lost, and the card taken for another one."""
    text = (EXAMPLE / "disk.c").read_text()
    (mscope.cwd / "first.c").write_text(text.replace("hw_write(lba, n, buffer)", "hw_write(0, n, buffer)"))
    build(mscope.cwd, mscope.cwd / "first.c", EXAMPLE / "port_mscope.c")
    disk = mscope.cwd / "disk.img"
    before = b"".join(i.to_bytes(4, "little") * 128 for i in range(8192))
    disk.write_bytes(before)
    del mscope.env["MSCOPE_WATCH_MEDIUM"]      # the defect itself writes where nothing was permitted
    found = mscope.json("check", f"sim:./disk.so,file={disk}", "--allow-writes", status=1)
    seen = [f["message"] for c in found["cases"] for f in c["findings"] if f["rule"] == "scsi.write.readback"]
    assert seen == ["what was written to block 8143 is read at block 0: what lies on the medium cannot be saved"]
    assert disk.read_bytes() == before


ODD = "for (uint32_t i = 1; i < n; i += 2) memset(buffer + i * BLOCK, {}, BLOCK);"
MOVED = "if (n > 1) memmove(buffer + BLOCK + {0}, buffer + BLOCK, n * BLOCK - BLOCK - {0});"
SWAP = "for (uint32_t i = 0; i < n * BLOCK; i += 2) { uint8_t t = buffer[i]; buffer[i] = buffer[i + 1]; buffer[i + 1] = t; }"
SECOND = "if (n > 1) { if (!hw_write(lba, 1, buffer) || (n > 2 && !hw_write(lba + 2, n - 2, buffer + 2 * BLOCK))) return false; continue; }"
SHIFTED = "it is shifted by 100 bytes"
EVEN = ["blocks 16129 and 16131, each second one: ", "blocks 16129, 16131, ... 16135, each second one: ", "blocks 16129, 16131, ... 16191, each second one: "]


@pytest.mark.parametrize("defect, stories, never", [
    (ODD.format(0), [e + "zeros, as before the write" for e in EVEN], ["write-tail-lost", "write-line-stale"]),
    (ODD.format(255), [e + "FFh, as flash is when it is erased" for e in EVEN], ["write-lost"]),
    (MOVED.format(100), [f"from byte 614 on {SHIFTED}{more}: some are too many" for more in ("", ", in 4 pieces")], []),
    (SECOND, ["block 16129, the second of 8: zeros, as before the write"], ["write-tail-lost", "write-line-stale"]),
    (SWAP, ["from byte 0 on: the bytes of each 16-bit word are swapped"], ["write-line-stale"])],
    ids=["zeros", "ones", "moved", "second", "swapped"])
def test_what_a_write_has_spoilt(mscope, defect, stories, never):
    """The wrong blocks alone, by what they hold, and no defect as certain that shows otherwise."""
    text = (EXAMPLE / "disk.c").read_text()
    (mscope.cwd / "spoilt.c").write_text(text.replace("\t\tif (!hw_write(", f"\t\t{defect}\n\t\tif (!hw_write("))
    build(mscope.cwd, mscope.cwd / "spoilt.c", EXAMPLE / "port_mscope.c")
    found = mscope.json("check", "sim:./disk.so", "--allow-writes", "-s", "bot.case*.write10", "-s", "bot.case12.*",
                        "-s", "scsi.integrity.*", "-s", "scsi.write10.*", status=1)
    said = {f["message"] for c in found["cases"] for f in c["findings"]}
    for story in stories:
        assert any(message.endswith(story) for message in said), (story, sorted(said))
    assert not {c["id"] for c in found["causes"] if c["confidence"] == "certain"} & set(never)


def test_its_port_is_short():
    lines = [line for line in (EXAMPLE / "port_mscope.c").read_text().splitlines() if line.strip()]
    assert len(lines) <= 150


def test_the_header_stands_alone(mscope):
    """It compiles by itself, in C and in C++, beside names that every USB stack has."""
    (mscope.cwd / "a.c").write_text("enum { MSC_CBW_SIGNATURE, MSC_REQ_GET_MAX_LUN, MSC_CSW_PASSED };\n"
                                    f'#include "{TOP / "lib" / "mscope_firmware.h"}"\n')
    for compiler in (["gcc", "-std=c11"], ["g++", "-x", "c++"]):
        if shutil.which(compiler[0]):
            subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", mscope.cwd / "a.c"], check=True)


def test_results_of_the_example_are_the_committed_ones():
    """base.json is what `make base` writes: of this firmware, with these figures."""
    base = json.loads((EXAMPLE / "base.json").read_text())
    assert base["target"]["name"] == "sim:./disk.so,defect=none,read-time=100us"


# Three commands in that order, in a conversation of tens, each of them in one of a hundred: it dies.
CHAIN = """
	static int depth;
	if (depth == 0) { if (cmd.cb[0] == 0x2f) depth = 1; }
	else if (depth == 1) { if (cmd.cb[0] == 0x35) depth = 2; }
	else if (depth == 2) { if (cmd.cb[0] == 0xa8) *(volatile int *)0 = 1; }
	switch (cmd.cb[0]) {
	case 0x00: return true;"""


def chain(folder, *flags):
    text = (EXAMPLE / "disk.c").read_text()
    spoilt = text.replace("\n	switch (cmd.cb[0]) {\n	case 0x00: return true;", CHAIN)
    assert spoilt != text
    (folder / "chain.c").write_text(spoilt)
    return build(folder, folder / "chain.c", EXAMPLE / "port_mscope.c", name="chain.so", flags=("-O0", *flags))


@dies
def test_code_that_tells_what_has_run_steers_the_fuzzer(mscope):
    """Three conversations of four vary one that reached a new place; without that the same number finds nothing."""
    target, seed = f"sim:{chain(mscope.cwd)}", ["--seed", "6"]
    blind = mscope.json("fuzz", target, "--count", "300", *seed)
    assert not blind["failures"] and blind["code_places"] is None
    chain(mscope.cwd, "-fsanitize-coverage=trace-pc")
    runs = [mscope.json("fuzz", target, "--count", "300", "--first", *seed, status=1) for _ in range(2)]
    (failure,) = runs[0]["failures"]
    assert failure["rule"] == "firmware.dead" and failure["steps"] == 3 and failure["repeats"]
    assert runs[0]["code_places"] > 200 and runs[0] == runs[1]
    assert "places of the code" in mscope("fuzz", target, "--count", "5").out
    case = mscope.json("run", target, failure["scenario"], status=1)["cases"][0]
    assert "firmware.dead" in [f["rule"] for f in case["findings"]]


@dies
@pytest.mark.skipif(not shutil.which("clang"), reason="there is no clang")
def test_so_does_code_of_clang(mscope, monkeypatch):
    monkeypatch.setenv("CC", "clang")
    target = f"sim:{chain(mscope.cwd, '-fsanitize-coverage=trace-pc-guard')}"
    (failure,) = mscope.json("fuzz", target, "--count", "200", "--first", "--seed", "6", status=1)["failures"]
    assert (failure["rule"], failure["steps"]) == ("firmware.dead", 3)


@dies
def test_a_crash_is_one_failure_of_the_fuzzer(mscope, disk):
    """Whatever else fails in a conversation in which the firmware dies is what became of it."""
    document = mscope.json("fuzz", f"sim:{disk},defect=crash", "--count", "120", status=1)
    (failure,) = document["failures"]
    assert (failure["rule"], failure["command"], failure["steps"]) == ("firmware.dead", "VERIFY(10)", 1)
    assert failure["again"] > 2


@leaks
def test_what_ends_the_process_at_every_start_is_told_by_the_fuzzer(mscope):
    text = (EXAMPLE / "disk.c").read_text()
    spoilt = text.replace("case 0x1a: return mode_sense();", "case 0x1a: exit(mode_sense() ? 3 : 3);").replace("#include <string.h>", "#include <stdlib.h>\n#include <string.h>")
    assert spoilt.count("exit(mode") == 1
    (mscope.cwd / "ends.c").write_text(spoilt)
    target = f"sim:{build(mscope.cwd, mscope.cwd / 'ends.c', EXAMPLE / 'port_mscope.c', name='ends.so')}"
    (failure,) = mscope.json("fuzz", target, "--count", "3", status=1)["failures"]
    assert failure["rule"] == "device.gone" and "exit status 3; under way was MODE SENSE(6)" in failure["message"]


def test_its_coverage_is_written(mscope):
    """By gcov's own code in the shared object, which is not ended before its time by what watches over it."""
    build(mscope.cwd, EXAMPLE / "disk.c", EXAMPLE / "port_mscope.c", flags=("--coverage", "-O0"))
    for command in ("probe", "check"):
        mscope(command, "sim:./disk.so", "-q")
        report = subprocess.run(["gcov", "-n", "disk.so-disk.gcda"], cwd=mscope.cwd, capture_output=True, text=True, check=True).stdout
        run = float(re.search(r"Lines executed:([\d.]+)%", report).group(1))
        assert run > (50 if command == "probe" else 85), report


def test_packets_of_full_speed_at_high_speed_are_told(mscope):
    """By who measures, whether the firmware sends such packets or only says so; what they cost is told where they are sent."""
    text = (EXAMPLE / "disk.c").read_text()
    described = text.replace("uint16_t packet = high ? 512 : 64;", "uint16_t packet = high ? 64 : 64;")
    sent = described.replace("hw_high_speed() ? 512 : 64", "64")
    assert text != described != sent
    for name, source in ("described", described), ("sent", sent):
        (mscope.cwd / f"{name}.c").write_text(source)
        build(mscope.cwd, mscope.cwd / f"{name}.c", EXAMPLE / "port_mscope.c", name=f"{name}.so")
        for host in "ehci", "xhci":
            pace = mscope.json("pace", f"sim:./{name}.so,host={host}")
            assert "bulk-in is 64 at high speed" in pace["warning"]
            assert (pace["diagnosis"][0]["id"] == "small-packets") == (name == "sent"), (name, host)
    for target, warned in ("sim:reference", False), ("sim:reference,fault=endpoint-packet", True):
        assert ("once more" in (mscope.json("bench", target, "--blocks", "8", "--count", "4")["warning"] or "")) == warned
        assert ("once more" in mscope.json("pace", target, "--blocks", "1,8").get("warning", "")) == warned
        assert ("of 512 bytes, as used; configured, it says 64 and 64" in " ".join(mscope("probe", target).out.split())) == warned
