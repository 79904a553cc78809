# SPDX-License-Identifier: BSD-2-Clause
"""Blocks are put back where they came from, or not at all: a serial number is shared by every board of a kind, a first block by every
blank card, and a medium can be changed while mscope runs."""

import pytest

from safety_bench import BACKING, QUICK, WRITES, bench, flat, module_bench  # noqa: F401 (fixtures)

OTHER = "/tmp/other.img"
LUN = "/sys/kernel/config/usb_gadget/g1/functions/mass_storage.0/lun.0"

# A second board beside the first: the same in all that a host can ask for, but on another port.
SECOND = f"""
a=/sys/kernel/config/usb_gadget/g1 b=/sys/kernel/config/usb_gadget/g2
case $1 in
up)
    mkdir -p $b/strings/0x409 $b/configs/c.1 $b/functions/mass_storage.0
    for f in idVendor idProduct strings/0x409/serialnumber strings/0x409/manufacturer strings/0x409/product \\
             functions/mass_storage.0/stall functions/mass_storage.0/lun.0/removable; do cat $a/$f >$b/$f; done
    echo {OTHER} >$b/functions/mass_storage.0/lun.0/file
    ln -s $b/functions/mass_storage.0 $b/configs/c.1
    echo dummy_udc.1 >$b/UDC ;;
down)
    echo >$b/UDC; rm $b/configs/c.1/mass_storage.0
    rmdir $b/functions/mass_storage.0 $b/configs/c.1 $b/strings/0x409 $b ;;
esac
"""

def other(vm, size="2M"):
    """A medium of the same size and with the same first block, and other contents."""
    vm.run(f"dd if=/dev/urandom of={OTHER} bs={size} count=1 && dd if=/dev/zero of={OTHER} bs=512 count=1 conv=notrunc").check()
    return stored(vm, OTHER)


def blank_first(vm):
    vm.run(f"dd if=/dev/zero of={BACKING} bs=512 count=1 conv=notrunc").check()


def stored(vm, image):
    return vm.run(["md5sum", image]).check().stdout.split()[0]


def put_in(vm, image):
    """Change the medium as its owner does, whatever the host has forbidden."""
    vm.run(f"echo 1 >{LUN}/forced_eject; echo {image} >{LUN}/file").check()


def kill(bench, job):
    job.signal("KILL")
    bench.vm.wait_for(lambda: bench.driver() == "usb-storage", "the driver to be back")


@pytest.fixture
def two_boards(bench):
    """Answers the targets of the first and the second."""
    vm = bench.vm
    bench.gadget.down()
    bench.gadget = None
    vm.kernel_driver(False)
    vm.push(SECOND.encode(), "/tmp/second")
    vm.run("rmmod dummy_hcd; modprobe dummy_hcd num=2 is_high_speed=1 && mkdir -p /run/gadget && echo high >/run/gadget/speed").check()
    before = other(vm)
    gadget = vm.gadget(stall=0, size="2M", format="none")
    vm.run("sh /tmp/second up").check()
    try:
        boards = vm.wait_for(lambda: [found.target for found in vm.devices() if found.vid == "0525"][1:] and
                             sorted(found.target for found in vm.devices() if found.vid == "0525"), "two boards")
        first = boards[0]
        yield (*boards, before) if vm.run(["readlink", "-f", f"/sys/bus/usb/devices/{first[9:]}"]).stdout.count("dummy_hcd.0") else \
              (*reversed(boards), before)
    finally:
        vm.run("sh /tmp/second down").check()
        gadget.down()
        vm.run("rmmod dummy_hcd; rm /run/gadget/speed").check()


def test_two_boards_of_one_serial_number(bench, two_boards):
    vm, (first, second, theirs) = bench.vm, two_boards
    ours = stored(vm, BACKING)
    job = vm.start(["mscope", "run", first, WRITES, "--allow-writes"])
    vm.wait_for(lambda: stored(vm, BACKING) != ours, "the write to reach the medium")
    job.signal("KILL")
    job.wait(10)
    done = vm.run(["mscope", "check", second, *QUICK, "--allow-writes"])
    assert "put back" not in flat(done.stdout + done.stderr)
    assert stored(vm, OTHER) == theirs
    assert bench.journals()
    done = vm.run(["mscope", "check", first, *QUICK, "--allow-writes"])
    assert done.status == 0 and "put back" in flat(done.stdout)
    assert (stored(vm, BACKING), stored(vm, OTHER)) == (ours, theirs)
    assert not bench.journals()


@pytest.mark.parametrize("options", [["--allow-writes"], ["--restore"]], ids=["writes", "restore"])
def test_a_cloned_card(bench, options):
    """The same reader, another card: of the same size, and as blank where its partition table would be."""
    vm = bench.vm
    blank_first(vm)
    theirs, ours = other(vm), bench.stored()
    kill(bench, bench.begin_writing())
    dirty = bench.stored()
    put_in(vm, OTHER)
    done = bench.mscope("check", *QUICK, *options)
    said = flat(done.stdout + done.stderr)
    assert stored(vm, OTHER) == theirs
    assert bench.journals()
    assert "were put back" not in said and "journal" in said
    assert stored(vm, BACKING) == dirty
    put_in(vm, BACKING)
    assert "put back" in flat(bench.mscope("check", *QUICK, *options).stdout)
    assert bench.stored() == ours
    assert not bench.journals()


@pytest.mark.parametrize("size", ["2M", "1M"], ids=["same-size", "smaller"])
def test_a_medium_changed_in_mid_run(bench, size):
    """The writing ends at once: nothing reaches the new medium, and what the first one held is kept."""
    vm = bench.vm
    blank_first(vm)
    theirs, ours = other(vm, size), bench.stored()
    job = bench.begin_writing()
    put_in(vm, OTHER)
    done = job.wait(60)
    said = flat(done.stdout + done.stderr)
    try:
        assert stored(vm, OTHER) == theirs
        assert bench.journals()
        assert done.status != 0
        assert "kept in" in said and "medium" in said
    finally:
        put_in(vm, BACKING)
    assert "put back" in flat(bench.mscope("check", *QUICK, "--allow-writes").stdout)
    assert bench.stored() == ours
    assert not bench.journals()
