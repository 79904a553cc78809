# SPDX-License-Identifier: BSD-2-Clause
"""`mscope read` on filesystems of the real kernel: the same bytes, past the cache where there is a way; and on devices that fail while
they are read. tests/tool/test_read.py has the rest of it."""

import re
import subprocess

import pytest

LENGTHS = [0, 1, 511, 512, 513, 4095, 4096, 4097]
LARGE = (1 << 30) + 1
# Where eight bytes of the large file are not a hole: at both ends, and across those of blocks and buffers.
MARKS = [0, 507, (1 << 20) - 4, (1 << 29) + 4091, (1 << 30) - 12, LARGE - 8]
CLUSTER = 32768
MOUNTS = {"ext4": "mkfs.ext4 -q -b 4096 -O ^has_journal {image} && mount -o loop {image}",
          "vfat": "mount -t vfat -o loop {image}",
          "tmpfs": "mount -t tmpfs none"}


def content(length):
    """No two blocks alike, NUL bytes and line ends among them."""
    return b"".join(n.to_bytes(8, "little") + b"\0\r\n\xff%4d" % (n % 7919) for n in range(length // 16 + 1))[:length]


def vfat_with_a_large_file(folder):
    """The beginning of a FAT32 volume, behind which all is zero: a FAT has no holes, so LARGE.BIN is given its clusters here."""
    image = folder / "vfat"
    with open(image, "wb") as file:
        file.truncate(LARGE + (64 << 20))
    subprocess.run(["mkfs.fat", "-F", "32", "-s", str(CLUSTER // 512), "-f", "1", image], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    with open(image, "r+b") as file:
        boot = file.read(512)
        table = int.from_bytes(boot[14:16], "little") * 512
        root = table + int.from_bytes(boot[36:40], "little") * 512
        clusters = -(-LARGE // CLUSTER)
        chain = [*range(4, 3 + clusters), 0x0fffffff]
        file.seek(table + 3 * 4)
        file.write(b"".join(cluster.to_bytes(4, "little") for cluster in chain))
        file.seek(root)
        file.write(b"LARGE   BIN \0\0\0\0\0\0\0\0\0\0\0\0\0\0" + (3).to_bytes(2, "little") + LARGE.to_bytes(4, "little"))
        file.seek(0)
        return file.read(root + CLUSTER)


@pytest.fixture
def filesystem(vm, tmp_path):
    """Mounts one at /mnt/read. Its image is a file with holes."""
    def mount(kind):
        vm.push(vfat_with_a_large_file(tmp_path) if kind == "vfat" else b"", "/run/image")
        vm.run(f"truncate -s {LARGE + (64 << 20)} /run/image && mkdir -p /mnt/read && "
               f"{MOUNTS[kind].format(image='/run/image')} /mnt/read").check()
        return "/mnt/read"

    vm.run("modprobe ext4").check()
    yield mount
    vm.run("umount /mnt/read; rm -f /run/image /run/out /run/ref").check()


def refuses(vm, path):
    """Does the kernel refuse to open it for direct reads? (tmpfs did before Linux 6.6.)"""
    return vm.run(f"dd if={path} of=/dev/null bs=4096 count=1 iflag=direct").status != 0


@pytest.mark.parametrize("kind", MOUNTS)
def test_identical_bytes(vm, filesystem, kind):
    folder = filesystem(kind)
    vm.push(content(max(LENGTHS)), "/run/ref")
    vm.run("for n in %s; do head -c $n /run/ref >%s/$n; done; sync; echo 3 >/proc/sys/vm/drop_caches"
           % (" ".join(map(str, LENGTHS)), folder)).check()
    cached = refuses(vm, f"{folder}/4096")
    assert not cached or kind == "tmpfs"
    for length in LENGTHS:
        done = vm.run(["mscope", "read", f"{folder}/{length}"]).check()
        assert done.out == content(length), length
        assert ("may be cached" in done.stderr) == cached and done.stderr.count("\n") == cached, length


@pytest.mark.parametrize("kind", MOUNTS)
def test_identical_bytes_of_a_large_file(vm, filesystem, kind):
    """Of a GiB and one byte, which is more than there is memory for."""
    folder = filesystem(kind)
    large = f"{folder}/large.bin"
    marks = " ".join(map(str, MARKS))
    vm.run(f"for f in {large} /run/ref; do truncate -s {LARGE} $f; for at in {marks}; do printf %08d $((at % 9973)) | "
           f"dd of=$f bs=1 seek=$at conv=notrunc 2>/dev/null; done; done; sync; echo 3 >/proc/sys/vm/drop_caches").check()
    assert vm.run(f"stat -c %s {large}").stdout.strip() == str(LARGE)
    done = vm.run(f"{{ mscope read {large}; echo $? >/run/status; }} | /usr/local/bin/cmp - /run/ref && cat /run/status", timeout=600)
    assert (done.status, done.stdout) == (0, "0\n"), done.stdout + done.stderr
    assert ("may be cached" in done.stderr) == refuses(vm, large)
    again = vm.run(f"mscope read {large} --lba {LARGE // 512 - 1} --blocks 2").check()
    assert again.out == vm.run(f"tail -c {512 + LARGE % 512} /run/ref").out


# ---- what fails -------------------------------------------------------------------------------------------------

GOOD = (3 << 20) + 4096 # bytes before the first block that cannot be read


DISK = 8 << 20


@pytest.fixture
def bad_disk(vm):
    """A disk of which eight blocks cannot be read, as the device mapper makes it of a good one."""
    first, after = GOOD // 512, GOOD // 512 + 8
    vm.push(content(DISK), "/run/image")
    vm.run(f"modprobe dm_mod && losetup /dev/loop5 /run/image && printf '0 {first} linear /dev/loop5 0\\n{first} 8 error\\n"
           f"{after} {DISK // 512 - after} linear /dev/loop5 {after}\\n' | /usr/local/bin/dmsetup --noudevsync create bad").check()
    yield vm.run("cd /sys/block && grep -lx bad dm-*/dm/name | sed 's,/.*,,; s,^,/dev/,'").check().stdout.strip()
    vm.run("/usr/local/bin/dmsetup --noudevsync remove bad; losetup -d /dev/loop5; rm -f /run/image /run/out").check()


def test_blocks_that_cannot_be_read(vm, bad_disk):
    """All before them, a message, and nothing instead of them; a file that was to hold it all does not appear."""
    done = vm.run(["mscope", "read", bad_disk])
    assert done.status == 4 and re.search(f"{bad_disk}: cannot read on at byte {GOOD}: Input/output error", done.stderr), done.stderr
    assert done.out == content(GOOD)
    done = vm.run(["mscope", "read", bad_disk, "-o", "/run/out"])
    assert done.status == 4 and vm.run("ls /run/out").status != 0
    behind = vm.run(["mscope", "read", bad_disk, "--lba", str(GOOD // 512 + 8), "--blocks", "16"]).check()
    assert behind.out == content(DISK)[GOOD + 8 * 512:][:16 * 512]


def held_up(vm, command):
    """Starts it with a reader that takes 64 KiB and then waits until /run/go is there."""
    vm.run("rm -f /run/go /run/begun /run/out /run/status").check()
    job = vm.start(f"{{ {command}; echo $? >/run/status; }} | {{ dd bs=4k count=16 iflag=fullblock 2>/dev/null; touch /run/begun; "
                   "while [ ! -e /run/go ]; do sleep 0.1; done; cat; } >/run/out")
    vm.wait_for(lambda: vm.run("test -e /run/begun").status == 0, "the reader to begin")

    def go_on():
        vm.run("touch /run/go").check()
        done = job.wait()
        return int(vm.run("cat /run/status").stdout), vm.pull("/run/out"), done.stderr
    return go_on


def test_a_device_that_is_unplugged_while_it_is_read(vm):
    data = content(12 << 20)
    with vm.gadget(stall=0, size="12M", format="none") as gadget:
        vm.push(data, "/mnt/backing/lun0.img")
        vm.kernel_driver(True)
        disk = vm.wait_device("123456", disks=1).disks[0]
        go_on = held_up(vm, f"mscope read /dev/{disk}")
        gadget.unplug()
        status, out, said = go_on()
    assert status == 3 and re.search(f"/dev/{disk}: the device went away at byte \\d+", said), said
    assert len(out) < len(data) and out == data[:len(out)]


def test_a_file_that_shrinks(vm, filesystem):
    folder = filesystem("ext4")
    data = content(24 << 20)
    vm.push(data, f"{folder}/file")
    go_on = held_up(vm, f"mscope read {folder}/file")
    vm.run(f"truncate -s {(16 << 20) + 77} {folder}/file").check()
    status, out, said = go_on()
    assert status == 4 and "shrank while it was read" in said, said
    assert out == data[:(16 << 20) + 77]
