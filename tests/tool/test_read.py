# SPDX-License-Identifier: BSD-2-Clause
"""mscope read and ls: exactly the bytes, past the cache or with a word about it; and files inside a device."""
import os
import shutil
import signal
import subprocess
import threading

import pytest
from conftest import PROGRAM

LENGTHS = [0, 1, 511, 512, 513, 4095, 4096, 4097, 1 << 20, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, (9 << 20) + 513]
SPARSE = (64 << 20) + 1


def content(length):
    """No two blocks alike, NUL bytes and line ends among them."""
    return b"".join(n.to_bytes(8, "little") + b"\0\r\n\xff%4d" % (n % 7919) for n in range(length // 16 + 1))[:length]


def drained(process):
    """Both outputs, whole, and the status."""
    out, err = process.communicate(timeout=60)
    return out, err, process.returncode


@pytest.mark.parametrize("length", LENGTHS)
def test_identical_bytes(mscope, length):
    data = content(length)
    (mscope.cwd / "in").write_bytes(data)
    assert drained(mscope.popen("read", "in")) == (data, b"", 0)
    assert mscope("read", "in", "-o", "out").out == ""
    assert (mscope.cwd / "out").read_bytes() == data


def test_sparse_and_large(mscope):
    with open(mscope.cwd / "in", "wb") as f:
        f.write(content(5000))
        f.seek(SPARSE - 3)
        f.write(b"end")
    mscope("read", "in", "-o", "out")
    assert (mscope.cwd / "out").stat().st_size == SPARSE
    subprocess.run(["cmp", "in", "out"], cwd=mscope.cwd, check=True)


def test_by_o_direct(mscope):
    """The data is read from the file by O_DIRECT only, and several reads are under way at once."""
    if not shutil.which("strace"):
        pytest.skip("no strace")
    (mscope.cwd / "in").write_bytes(content(6 << 20))
    # The leak checker of a sanitizer is a debugger too, and a process can have but one.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    subprocess.run(["strace", "-f", "-o", "trace", "-e", "trace=openat,pread64", PROGRAM, "read", "in", "-o", "out"],
                   cwd=mscope.cwd, check=True, env=os.environ | {"ASAN_OPTIONS": options})
    trace = (mscope.cwd / "trace").read_text()
    assert [line for line in trace.splitlines() if '"in"' in line and "O_DIRECT" in line]
    assert trace.count(str(2 << 20)) >= 3


def test_dread_is_read(mscope):
    data = content(5000)
    (mscope.cwd / "in").write_bytes(data)
    os.symlink(PROGRAM, mscope.cwd / "dread")

    def dread(*args):
        return subprocess.run(["./dread", *args], cwd=mscope.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    assert dread("in").stdout == data
    assert dread("--version").stdout.startswith(b"mscope ")
    assert b"mscope read" in dread("--help").stdout
    assert dread("in", "another").returncode == 2


def test_ranges(mscope):
    data = content(10 * 512 + 100)
    (mscope.cwd / "in").write_bytes(data)
    for options, expected in [(["--lba", 1, "--blocks", 2], data[512:1536]), (["--lba", 9], data[4608:]),
                              (["--lba", 10, "--blocks", 1], data[5120:]), (["--blocks", 3], data[:1536]),
                              (["--lba", 0, "--blocks", 11], data)]:
        assert drained(mscope.popen("read", "in", *options)) == (expected, b"", 0)
    for options in (["--lba", 11], ["--lba", 10, "--blocks", 2], ["--blocks", 12]):
        assert "there are 11 blocks of 512 bytes" in mscope("read", "in", *options, status=2).err
    big = content((3 << 20) + 77)
    (mscope.cwd / "big").write_bytes(big)
    assert drained(mscope.popen("read", "big", "--lba", 3, "--blocks", 4097))[0] == big[1536:1536 + 4097 * 512]


@pytest.mark.parametrize("args, status, says", [
    (["missing"], 4, "cannot read missing: No such file"),
    (["."], 4, ". is a directory"),
    (["fifo"], 4, "neither a file nor a block device"),
    ([], 2, "no target"),
    (["in", "in"], 2, "takes one"),
    (["in", "--lba", "0", "--file", "x"], 2, "exclude each other"),
    (["in", "--follow", "-o", "x"], 2, "exclude each other"),
    (["in", "--interval", "1s"], 2, "goes with --follow"),
    (["in", "--blocks", "0"], 2, "at least 1"),
    (["in", "-o", "no/where"], 4, "no/where"),
    (["in", "--lun", "1"], 2, "is a path"),
])
def test_refusals(mscope, args, status, says):
    (mscope.cwd / "in").write_bytes(b"x" * 600)
    os.mkfifo(mscope.cwd / "fifo")
    done = mscope("read", *args, status=status)
    assert says in done.err and done.out == ""


def test_a_failure_leaves_the_old_output(mscope):
    (mscope.cwd / "out").write_text("old")
    mscope("read", "missing", "-o", "out", status=4)
    assert (mscope.cwd / "out").read_text() == "old"
    assert sorted(p.name for p in mscope.cwd.iterdir() if p.is_file()) == ["out"]


def test_proc_is_announced(mscope):
    """The kernel keeps no size of it, and has no direct reads."""
    done = mscope("read", "/proc/cpuinfo")
    assert "may be cached" in done.err and done.err.count("\n") == 1
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        assert done.out.count("processor") == f.read().count("processor")
    assert mscope("read", "/proc/version", "--blocks", 1).out == open("/proc/version", encoding="utf-8").read()


def test_size_of_a_page(mscope):
    """A file of sysfs has the size of a page, and is not one that shrank."""
    path = "/sys/kernel/mm/transparent_hugepage/enabled"
    if not os.path.exists(path):
        path = "/sys/devices/system/cpu/possible"
    assert mscope("read", path).out == open(path, encoding="utf-8").read()


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no /dev/shm")
def test_tmpfs(mscope):
    """Before Linux 6.6 it refuses; in either case the bytes are the file's."""
    path, data = f"/dev/shm/mscope-test-{os.getpid()}", content((2 << 20) + 4097)
    try:
        with open(path, "wb") as f:
            f.write(data)
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
            refused = False
        except OSError:
            refused = True
        out, err, status = drained(mscope.popen("read", path))
        assert (out, status) == (data, 0)
        assert (b"may be cached" in err) == refused
    finally:
        os.unlink(path)


def test_pipe_closed(mscope):
    (mscope.cwd / "in").write_bytes(content(8 << 20))
    process = mscope.popen("read", "in")
    process.stdout.read(100)
    process.stdout.close()
    process.stdout = None
    assert drained(process)[1:] == (b"", 4)


def test_full_disk(mscope):
    (mscope.cwd / "in").write_bytes(content(8 << 20))
    with open("/dev/full", "wb") as full:
        assert "standard output: No space left" in mscope("read", "in", stdout=full, status=4).err


def test_interrupted(mscope):
    """Its reader does not read: a signal ends it, by that signal, and what came out is the file's beginning."""
    data = content(8 << 20)
    (mscope.cwd / "in").write_bytes(data)
    process = mscope.popen("read", "in")
    begin = process.stdout.read(1 << 16)
    process.send_signal(signal.SIGINT)
    # The signal is seen when a write returns; the pipe is read on for that.
    out, err, status = drained(process)
    out = begin + out
    assert (status, out == data[:len(out)]) == (-signal.SIGINT, True) or len(out) == len(data)
    assert status != -signal.SIGINT or b"stopped" in err


def test_interrupted_while_it_waits(mscope):
    (mscope.cwd / "in").write_bytes(b"21.5 C\r\n")
    process = mscope.popen("read", "in", "--follow", "--interval", "3600s")
    assert process.stdout.read(8) == b"21.5 C\r\n"
    process.send_signal(signal.SIGINT)
    assert drained(process) == (b"", b"mscope: stopped\n", -signal.SIGINT)


def follow(mscope, *args):
    return mscope.popen("read", *args, "--follow", "--interval", "10ms", bufsize=0)


def read_exactly(f, n):
    """Each byte as it comes; a test that waits for ever is ended by its time-out."""
    got = b""
    while len(got) < n:
        more = f.read(n - len(got))
        if not more:
            break
        got += more
    return got


def test_follow(mscope):
    """All of it at first, what is appended, and all of it when anything else changes."""
    path = mscope.cwd / "in"
    path.write_bytes(b"21.5 C\r\n")
    process = follow(mscope, "in")
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        assert read_exactly(process.stdout, 8) == b"21.5 C\r\n"
        with open(path, "r+b") as f:
            f.write(b"30")
        assert read_exactly(process.stdout, 8) == b"30.5 C\r\n"
        with open(path, "ab") as f:
            f.write(b"more")
        assert read_exactly(process.stdout, 4) == b"more"
        (mscope.cwd / "new").write_bytes(b"other")
        os.rename(mscope.cwd / "new", path)
        assert read_exactly(process.stdout, 5) == b"other"
        path.unlink()
        out, err, status = drained(process)
        assert (out, status) == (b"", 4) and b"No such file" in err
    finally:
        guard.cancel()
        process.kill()


def test_follow_ends_with_its_reader(mscope):
    (mscope.cwd / "in").write_bytes(b"x")
    process = follow(mscope, "in")
    assert read_exactly(process.stdout, 1) == b"x"
    process.stdout.close()
    process.stdout = None
    assert drained(process)[1:] == (b"", 4)


def test_a_file_that_shrinks(mscope):
    """The reader of the output waits, so the file is cut in the middle of the reading."""
    data = content(32 << 20)
    path = mscope.cwd / "in"
    path.write_bytes(data)
    read_end, write_end = os.pipe()
    process = mscope.popen("read", "in", stdout=write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as f:
        begin = f.read(4096)
        os.truncate(path, 9 << 20)
        out = begin + f.read()
    _, err, status = drained(process)
    assert status == 4 and b"shrank while it was read" in err
    assert len(out) == 9 << 20 and out == data[:len(out)]


# ---- inside a device or an image -----------------------------------------------------------------

def test_inside_lsd(mscope):
    listed = {line.split(None, 1)[1]: line.split()[0] for line in mscope("ls", "sim:lsd").out.splitlines()}
    assert listed["/SENSORS/"] == "-" and int(listed["/SENSORS/THERMO.TXT"]) > 0
    assert not [name for name in listed if "Label" in name]
    below = mscope("ls", "sim:lsd", "/SENSORS").out.splitlines()
    assert below and all("  /SENSORS/" in line for line in below)
    hot = mscope("read", "sim:lsd,temperature=31.5", "--file", "/SENSORS/THERMO.TXT").out
    assert "31.5" in hot and len(hot) == int(listed["/SENSORS/THERMO.TXT"])
    assert hot != mscope("read", "sim:lsd,temperature=-5.5", "--file", "sensors/thermo.txt").out
    assert "no /NOPE.TXT" in mscope("read", "sim:lsd", "--file", "/NOPE.TXT", status=4).err
    assert "is a directory" in mscope("read", "sim:lsd", "--file", "/SENSORS", status=4).err
    assert "no directory" in mscope("ls", "sim:lsd", "/README.TXT", status=4).err
    assert "no filesystem" in mscope("ls", "sim:reference", status=4).err


def test_follow_inside_a_device(mscope):
    process = follow(mscope, "sim:lsd,temperature=21.5,event=set:temperature=31.5@1s", "--file", "/SENSORS/THERMO.TXT")
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        assert b"21.5" in read_exactly(process.stdout, 8)
        assert b"31.5" in read_exactly(process.stdout, 8)
    finally:
        guard.cancel()
        process.kill()
        process.communicate()


def test_blocks_of_a_target(mscope):
    first = drained(mscope.popen("read", "sim:lsd", "--blocks", 1))[0]
    assert len(first) == 512 and first[510:] == b"\x55\xaa"
    whole = drained(mscope.popen("read", "sim:lsd"))[0]
    assert whole[:512] == first and len(whole) % 512 == 0
    fat = int.from_bytes(first[14:16], "little")
    assert drained(mscope.popen("read", "sim:lsd", "--lba", fat, "--blocks", 1))[0] == whole[fat * 512:fat * 512 + 512]
    assert "there are" in mscope("read", "sim:lsd", "--lba", len(whole) // 512, status=2).err


def test_a_device_that_fails(mscope):
    """It is unplugged while the file is looked for, and when its own blocks are read: no zeros instead."""
    whole = mscope("read", "sim:lsd", "--file", "/README.TXT").out
    statuses = []
    for n in range(1, 14):
        process = mscope.popen("read", f"sim:lsd,event=unplug@cbw:{n}", "--file", "/README.TXT")
        out, _, status = drained(process)
        assert (out.decode(), status) in (("", 3), (whole, 0)), n
        statuses.append(status)
    assert statuses == sorted(statuses, reverse=True) and set(statuses) == {0, 3}
    assert "medium not present" in drained(mscope.popen("read", "sim:stm32,event=card-out@cbw:12"))[1].decode()


@pytest.mark.parametrize("bits, size", [(12, 2 << 20), (16, 32 << 20), (32, 64 << 20)])
def test_fat_images(mscope, bits, size):
    """Against mtools; the image itself is read by O_DIRECT."""
    data = content(200_000)
    (mscope.cwd / "big.bin").write_bytes(data)
    with open(mscope.cwd / "image", "wb") as f:
        f.truncate(size)
    for command in (["mkfs.fat", "-F", str(bits), "image"], ["mmd", "-i", "image", "::deep", "::deep/er"],
                    ["mcopy", "-i", "image", "big.bin", "::deep/er/A long name.bin"],
                    ["mcopy", "-i", "image", "big.bin", "::GONE.BIN"], ["mdel", "-i", "image", "::GONE.BIN"]):
        subprocess.run(command, cwd=mscope.cwd, check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
    assert mscope("ls", "image").out.split("\n") == ["           -  /deep/", "           -  /deep/er/",
                                                     "      200000  /deep/er/A long name.bin", ""]
    assert drained(mscope.popen("read", "image", "--file", "/deep/er/A long name.bin")) == (data, b"", 0)
    mscope("read", "image", "--file", "/GONE.BIN", status=4)


def test_a_partition(mscope):
    data = content(3000)
    (mscope.cwd / "a.txt").write_bytes(data)
    with open(mscope.cwd / "volume", "wb") as f:
        f.truncate(4 << 20)
    env = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    subprocess.run(["mkfs.fat", "volume"], cwd=mscope.cwd, check=True, stdout=subprocess.DEVNULL, env=env)
    subprocess.run(["mcopy", "-i", "volume", "a.txt", "::A.TXT"], cwd=mscope.cwd, check=True, env=env)
    table = bytearray(2048 * 512)
    table[446:462] = bytes([0, 0, 0, 0, 6, 0, 0, 0]) + (2048).to_bytes(4, "little") + (8192).to_bytes(4, "little")
    table[510:512] = b"\x55\xaa"
    (mscope.cwd / "disk").write_bytes(bytes(table) + (mscope.cwd / "volume").read_bytes())
    assert drained(mscope.popen("read", "disk", "--file", "/A.TXT")) == (data, b"", 0)
