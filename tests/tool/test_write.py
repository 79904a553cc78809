# SPDX-License-Identifier: BSD-2-Clause
"""mscope write: a file inside a device gets new bytes in its own blocks, all of them or none, and nothing else changes."""
import os
import re
import subprocess

import pytest
from test_read import content, drained

PATH = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


def shell(mscope, *args):
    return subprocess.run(args, cwd=mscope.cwd, check=True, env=os.environ | PATH, stdout=subprocess.PIPE).stdout


def volume(mscope, bits, size, length):
    """A volume with a file in pieces: it was written into the holes that others had left."""
    with open(mscope.cwd / "image", "wb") as f:
        f.truncate(size)
    shell(mscope, "mkfs.fat", "-F", str(bits), "image")
    (mscope.cwd / "small").write_bytes(b"s" * 5000)
    (mscope.cwd / "old").write_bytes(content(length))
    for i in range(8):
        shell(mscope, "mcopy", "-i", "image", "small", f"::S{i}.TXT")
    for i in range(0, 8, 2):
        shell(mscope, "mdel", "-i", "image", f"::S{i}.TXT")
    shell(mscope, "mcopy", "-i", "image", "old", "::Some name.bin")


def write(mscope, *args, target="sim:reference,file=image", status=0):
    return mscope("write", target, "--file", "/Some name.bin", "--allow-writes", "-i", "new", *args, status=status)


@pytest.mark.parametrize("bits, size", [(12, 2 << 20), (16, 32 << 20), (32, 64 << 20)])
def test_only_the_file(mscope, bits, size):
    """What mtools reads is the new file; with the old one written again the image is what it was."""
    volume(mscope, bits, size, 60_001)
    before = (mscope.cwd / "image").read_bytes()
    (mscope.cwd / "new").write_bytes(content(120_002)[60_001:])
    assert write(mscope).err == ""
    assert shell(mscope, "mcopy", "-i", "image", "::Some name.bin", "-") == (mscope.cwd / "new").read_bytes()
    assert (mscope.cwd / "image").read_bytes() != before
    shell(mscope, "fsck.fat", "-n", "image")
    (mscope.cwd / "new").write_bytes((mscope.cwd / "old").read_bytes())
    write(mscope)
    assert (mscope.cwd / "image").read_bytes() == before
    assert not list(mscope.cwd.glob("state/mscope/*.journal"))


def test_lengths(mscope):
    """A file keeps its length: what is shorter replaces its beginning, what is longer is refused before anything is written."""
    volume(mscope, 12, 2 << 20, 3000)
    old = (mscope.cwd / "old").read_bytes()
    for length, options, expected in [(0, [], old), (1, [], b"n" + old[1:]), (700, [], b"n" * 700 + old[700:]),
                                      (700, ["--fill"], b"n" * 700 + bytes(2300)), (3000, [], b"n" * 3000)]:
        (mscope.cwd / "new").write_bytes(b"n" * length)
        said = write(mscope, *options).err
        assert ("keeps them" in said) == (length < 3000 and not options)
        assert drained(mscope.popen("read", "image", "--file", "/Some name.bin"))[0] == expected
    (mscope.cwd / "new").write_bytes(b"m" * 3001)
    assert "cannot grow" in write(mscope, status=4).err
    assert drained(mscope.popen("read", "image", "--file", "/Some name.bin"))[0] == b"n" * 3000


@pytest.mark.parametrize("args, status, says", [
    (["--file", "/A"], 2, "--allow-writes"),
    (["--allow-writes"], 2, "--file"),
    (["--file", "/A", "--allow-writes"], 4, "there is no /A"),
    (["--file", "/", "--allow-writes"], 4, "is a directory"),
    (["--file", "/A", "--allow-writes", "-i", "missing"], 4, "cannot read missing"),
    (["--file", "/A", "--allow-writes", "another"], 2, "takes one target"),
])
def test_refusals(mscope, args, status, says):
    volume(mscope, 12, 2 << 20, 3000)
    before = (mscope.cwd / "image").read_bytes()
    assert says in mscope("write", "sim:reference,file=image", *args, status=status).err
    assert (mscope.cwd / "image").read_bytes() == before


def test_a_file_without_blocks_of_its_own(mscope):
    """A hole has no blocks, and none are given to it."""
    with open(mscope.cwd / "sparse", "wb") as f:
        f.write(b"x" * 4096)
        f.seek(65536)
        f.write(b"y" * 4096)
    os.makedirs(mscope.cwd / "tree")
    os.rename(mscope.cwd / "sparse", mscope.cwd / "tree" / "sparse")
    shell(mscope, "mkfs.ext2", "-q", "-d", "tree", "image", "4M")
    before = (mscope.cwd / "image").read_bytes()
    (mscope.cwd / "new").write_bytes(b"n" * 69632)
    p = mscope("write", "sim:reference,file=image", "--file", "/sparse", "--allow-writes", "-i", "new", status=3)
    assert "sparse" in p.err and (mscope.cwd / "image").read_bytes() == before


def test_a_medium_that_is_protected(mscope):
    volume(mscope, 12, 2 << 20, 3000)
    before = (mscope.cwd / "image").read_bytes()
    (mscope.cwd / "new").write_bytes(b"n" * 3000)
    assert "write-protected" in write(mscope, target="sim:linux-gadget,file=image,ro=1", status=3).err
    assert (mscope.cwd / "image").read_bytes() == before


def test_a_device_that_writes_elsewhere(mscope):
    """Its addresses are cut to 24 bits: the first block that is written is found at another place, and that one is put back."""
    with open(mscope.cwd / "image", "wb") as f:
        f.truncate(64 << 20)
    shell(mscope, "mkfs.fat", "-F", "32", "image")
    (mscope.cwd / "large").write_bytes(b"l" * (40 << 20))
    (mscope.cwd / "old").write_bytes(content(3000))
    shell(mscope, "mcopy", "-i", "image", "large", "::LARGE.BIN")
    shell(mscope, "mcopy", "-i", "image", "old", "::Some name.bin")
    before = (mscope.cwd / "image").read_bytes()
    (mscope.cwd / "new").write_bytes(b"n" * 3000)
    p = write(mscope, target="sim:reference,file=image,fault=byte-address-24-write", status=3)
    assert re.search(r"does not keep block \d+: block \d+ was overwritten .*; the file is as it was\n", p.err), p.err
    assert (mscope.cwd / "image").read_bytes() == before


def test_a_device_that_reads_otherwise_than_it_writes(mscope):
    """What it reads is not what is on the medium, so it cannot be put back: but for the mark nothing is written."""
    with open(mscope.cwd / "image", "wb") as f:
        f.truncate(4 << 20)
    shell(mscope, "mkfs.fat", "-S", "2048", "image")
    (mscope.cwd / "old").write_bytes(content(9000))
    shell(mscope, "mcopy", "-i", "image", "old", "::Some name.bin")
    before = (mscope.cwd / "image").read_bytes()
    (mscope.cwd / "new").write_bytes(b"n" * 9000)
    said = write(mscope, target="sim:reference,file=image,fault=block-512", status=3).err
    block, = set(re.findall(r"block (\d+) reads otherwise than it was written, from byte 512 on", said))
    assert f"the device does not keep block {block}: block" in said and "does not take" not in said
    assert "what was read of its blocks is kept in" in said and list(mscope.cwd.glob("state/mscope/*.journal"))
    after = (mscope.cwd / "image").read_bytes()
    assert {at // 2048 for at, (a, b) in enumerate(zip(before, after)) if a != b} == {int(block)}


def test_a_cable_that_is_pulled(mscope):
    """At every command: the old file, the new one, or a journal with which "check --restore" makes the old one of it."""
    volume(mscope, 12, 2 << 20, 20_000)
    before = (mscope.cwd / "image").read_bytes()
    (mscope.cwd / "new").write_bytes(content(40_000)[20_000:])
    journals, restored = mscope.cwd / "state" / "mscope", 0
    finished = 0
    for n in range(20, 60):
        (mscope.cwd / "image").write_bytes(before)
        process = mscope.popen("write", f"sim:reference,file=image,event=unplug@cbw:{n}", "--file", "/Some name.bin",
                               "--allow-writes", "-i", "new")
        _, err, status = drained(process)
        left = list(journals.glob("*.journal"))
        if status == 0:
            break
        assert status == 3 and bool(left) == (b"old and new in parts" in err), err
        changed = (mscope.cwd / "image").read_bytes() != before
        assert left or not changed
        if shell(mscope, "mcopy", "-i", "image", "::Some name.bin", "-") == (mscope.cwd / "new").read_bytes():
            finished += 1   # all is there, and only that could not be seen any more
        elif changed:
            mscope("check", "sim:reference,file=image", "--restore", "--allow-writes", "--select", "bot.case01*")
            assert (mscope.cwd / "image").read_bytes() == before
            restored += 1
        for path in left:
            path.unlink(missing_ok=True)
    assert restored >= 3 and finished <= 3 and status == 0


def test_a_display(mscope):
    """A file that acts: what it shows is what was written."""
    def shown(*args, text):
        (mscope.cwd / "text").write_text(text)
        done = mscope("write", "sim:lsd", "--file", "/DISPLAY/LCD.TXT", "--allow-writes", "-i", "text", "-vv", *args)
        return [line.split("lcd ")[1] for line in done.err.splitlines() if "firmware: lcd " in line]

    assert shown("--fill", "--live", text="Hello World")[-1] == "|Hello World     |                |"
    assert shown("--live", text="Hello World")[-1] == "|Hello World     |                |"


def test_by_usbip(mscope, tmp_path):
    """Into the file of the server's medium."""
    from usbip import Serve
    volume(mscope, 12, 2 << 20, 3000)
    (mscope.cwd / "new").write_bytes(b"n" * 3000)
    with Serve(tmp_path, "sim:reference,file=image", args=["--allow-writes"]) as serve:
        write(mscope, target=serve.target())
        assert mscope("read", serve.target(), "--file", "/Some name.bin").out == "n" * 3000
    assert shell(mscope, "mcopy", "-i", "image", "::Some name.bin", "-") == b"n" * 3000
