# SPDX-License-Identifier: BSD-2-Clause
"""The core of the Live Storage Device without mscope: it is firmware, and fits where the document's did. What is compiled is a copy
of its directory and the table of static files, so nothing else can be needed."""
import re
import shutil
import subprocess

import pytest
from conftest import TOP

CORE = TOP / "lib/firmware/lsd/core"
FILES = sorted((TOP / "lib/firmware/lsd/files").iterdir())
RAM = 32 * 1024
BUDGET = 4 * 1024                       # of it for the core, its stack included: docs/lsd.md
pytestmark = pytest.mark.nosan          # it has no part in what the sanitizers see


def run(*command, **kw):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
    return done


@pytest.fixture
def sources(tmp_path):
    """A directory with the core and nothing else, and the files to compile."""
    shutil.copytree(CORE, tmp_path / "firmware/lsd/core")
    table = run(TOP / "scripts/lsd-files.sh", *FILES).stdout
    (tmp_path / "lsd_files.c").write_bytes(table)
    shutil.copy(TOP / "tests/lsd/alone.c", tmp_path)
    return [*(tmp_path / "firmware/lsd/core").glob("*.c"), tmp_path / "lsd_files.c", tmp_path / "alone.c"]


def sections(path):
    """The sizes of an ELF file's sections by name."""
    table = run("readelf", "-SW", path).stdout.decode()
    return {name: int(size, 16) for name, size in re.findall(r"\] (\.\S+) +\S+ +\S+ +\S+ +([0-9a-f]+) ", table)}


def symbol(path, name):
    table = run("readelf", "-sW", path).stdout.decode()
    return int(next(line.split()[2] for line in table.splitlines() if line.split()[-1:] == [name]))


def test_core_includes_nothing_but_itself():
    for path in CORE.iterdir():
        for name in re.findall(r'#\s*include\s+[<"](.*?)[>"]', path.read_text()):
            assert name in ("stdbool.h", "stddef.h", "stdint.h") or name.startswith("firmware/lsd/core/"), path


def test_core_is_within_its_budget_on_a_computer(sources, tmp_path):
    """Its state, which is all that it has in RAM, and the most stack that any packet takes; pointers are twice as wide here."""
    run("gcc", "-std=gnu11", "-Os", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fno-pie", "-no-pie", "-I.", "-o", "alone",
        *sources, cwd=tmp_path)
    done = run("./alone", cwd=tmp_path)
    state, stack = symbol(tmp_path / "alone", "device"), int(done.stderr)
    assert 2560 < state and 0 < stack < 1024
    assert state + stack <= BUDGET
    (tmp_path / "volume.img").write_bytes(done.stdout)
    run("fsck.fat", "-n", "-v", "volume.img", cwd=tmp_path)


def test_core_is_an_image_for_an_lpc2148(sources, tmp_path):
    """As the linker measures it; all but the device is this test's own board and packet."""
    objects = []
    for source in sources:
        objects.append(tmp_path / (source.stem + ".o"))
        run("clang", "--target=armv4t-none-eabi", "-mcpu=arm7tdmi-s", "-mthumb", "-ffreestanding", "-std=c11", "-Os", "-Wall",
            "-Wextra", "-Wpedantic", "-Werror", "-I.", "-c", "-o", objects[-1], source, cwd=tmp_path)
    run("ld.lld", "-T", TOP / "tests/lsd/lpc2148.ld", "-o", "lsd.elf", *objects, cwd=tmp_path)
    size = sections(tmp_path / "lsd.elf")
    state = symbol(tmp_path / "lsd.elf", "device")
    assert size.get(".data", 0) == 0, "what is not zero at power-on takes flash and RAM"
    assert state <= size[".bss"] <= state + 256 < BUDGET
    documented = re.search(r"`struct lsd` is ([\d ]+) bytes on an LPC2148", (TOP / "docs/lsd.md").read_text())
    assert int(documented[1].replace(" ", "")) == state


def test_a_program_that_is_linked_in_is_on_the_disk_byte_for_byte(sources, tmp_path):
    """As the direct reader for Windows is, when it was built."""
    program = bytes(range(256)) * 201 + b"\r\n\n"
    (tmp_path / "dread.exe").write_bytes(program)
    (tmp_path / "lsd_files.c").write_bytes(run(TOP / "scripts/lsd-files.sh", *FILES, tmp_path / "dread.exe").stdout)
    run("gcc", "-std=gnu11", "-O1", "-I.", "-o", "alone", *sources, cwd=tmp_path)
    (tmp_path / "volume.img").write_bytes(run("./alone", cwd=tmp_path).stdout)
    run("fsck.fat", "-n", "volume.img", cwd=tmp_path)
    run("mcopy", "-i", "volume.img", "::/DREAD.EXE", "copy", cwd=tmp_path)
    assert (tmp_path / "copy").read_bytes() == program
    (tmp_path / "much-too-long.exe").write_bytes(b"")
    assert subprocess.run([TOP / "scripts/lsd-files.sh", tmp_path / "much-too-long.exe"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).returncode == 2
