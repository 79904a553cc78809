# SPDX-License-Identifier: BSD-2-Clause
"""What holds a disk is found before the disk is taken from the kernel, and the kernel's driver comes back however mscope ends."""

import contextlib
import re

import pytest

from safety_bench import QUICK, READS, bench, flat, module_bench  # noqa: F401 (fixtures)

SLEEP = "exec sleep 1000"


@contextlib.contextmanager
def undone(vm, script):
    try:
        yield
    finally:
        vm.run(script).check()


@contextlib.contextmanager
def process(vm, script, until):
    """A process in the guest for as long as the block lasts. `until` is a condition of the shell."""
    job = vm.start(script)
    try:
        vm.wait_for(lambda: vm.run(until).status == 0, until)
        yield
    finally:
        job.signal("KILL")
        job.wait(10)


def held(bench, *sentences):
    """Nobody takes the disk: it is still the same, by the same driver, and what to do is said."""
    disk = bench.disk()
    for command in (["probe"], ["check", *QUICK], ["check", *QUICK, "--allow-writes"], ["bench", "--count", "1"]):
        done = bench.mscope(*command)
        assert done.status == 3, done.stdout + done.stderr
        for sentence in sentences:
            assert re.search(sentence, flat(done.stderr)), done.stderr
        assert (bench.driver(), bench.disk()) == ("usb-storage", disk)


def free(bench):
    done = bench.mscope("check", *QUICK)
    assert done.status == 0, done.stderr
    assert bench.driver() == "usb-storage"


def test_mounted_by_a_loop_device(bench):
    vm, disk = bench.vm, bench.disk()
    vm.run(f"losetup /dev/loop5 /dev/{disk} && mkdir -p /mnt/h && mount /dev/loop5 /mnt/h").check()
    with undone(vm, "losetup -d /dev/loop5"):
        with undone(vm, "umount /mnt/h"):
            held(bench, f"/dev/loop5, which lies upon /dev/{disk}, is mounted on /mnt/h; unmount it first")
            vm.run("echo still here >/mnt/h/file && sync && cat /mnt/h/file").check()
        held(bench, rf"/dev/{disk} is used by the loop device /dev/loop5; detach that first \(losetup -d /dev/loop5\)")
    free(bench)


def test_a_loop_device_by_another_name(bench):
    """Nodes can be made anywhere."""
    vm, disk = bench.vm, bench.disk()
    vm.run(f"mknod /tmp/node b $(tr : ' ' </sys/block/{disk}/dev) && losetup /dev/loop5 /tmp/node").check()
    with undone(vm, "losetup -d /dev/loop5; rm /tmp/node"):
        held(bench, f"/dev/{disk} is used by the loop device /dev/loop5")
    free(bench)


def test_mounted_in_another_namespace(bench):
    vm, disk = bench.vm, bench.disk()
    inside = f"mkdir -p /mnt/h && mount /dev/{disk} /mnt/h && touch /tmp/inside && {SLEEP}"
    with process(vm, f"rm -f /tmp/inside; exec unshare -m sh -c '{inside}'", "test -e /tmp/inside"):
        assert vm.run("grep -c /mnt/h /proc/mounts").stdout.strip() == "0"
        held(bench, rf"/dev/{disk} is mounted on /mnt/h in the mount namespace of process \d+ \(sleep\); unmount it there first")
    free(bench)


def test_unmounted_lazily(bench):
    """Then it is in no namespace, but still in use: the kernel knows."""
    vm, disk = bench.vm, bench.disk()
    vm.run(f"mkdir -p /mnt/h && mount /dev/{disk} /mnt/h").check()
    with process(vm, f"cd /mnt/h && umount -l /mnt/h && touch /tmp/lazy && {SLEEP}", "test -e /tmp/lazy"):
        held(bench, f"/dev/{disk} is claimed by something that is not to be seen from here")
    free(bench)


def test_below_a_device_mapper(bench):
    vm, disk = bench.vm, bench.disk()
    vm.run("modprobe dm_mod").check()
    vm.run(["dmsetup", "--noudevsync", "create", "slow", "--table", f"0 2048 linear /dev/{disk} 0"]).check()
    with undone(vm, "/usr/local/bin/dmsetup --noudevsync remove slow"):
        held(bench, rf"/dev/{disk} is used by /dev/dm-\d+, a device-mapper device called slow; close that first \(dmsetup remove")
    free(bench)


def test_swap(bench):
    vm, disk = bench.vm, bench.disk()
    vm.run(f"mkswap /dev/{disk} && swapon /dev/{disk}").check()
    with undone(vm, f"swapoff /dev/{disk}"):
        held(bench, f"/dev/{disk} is used as swap; swapoff it first")
    free(bench)


@pytest.mark.parametrize("node", ["disk", "generic"])
def test_open_in_a_process(bench, node):
    vm = bench.vm
    name = bench.disk() if node == "disk" else bench.gadget.device.generics[0]
    with process(vm, f"{SLEEP} </dev/{name}", f"ls -l /proc/*/fd | grep -q ' /dev/{name}$'"):
        held(bench, rf"/dev/{name} is open in process \d+ \(sleep\); end it first")
    free(bench)


def test_who_only_looks_in_is_waited_for(bench):
    """As udev does, when a disk has come."""
    disk = bench.disk()
    job = bench.vm.start(f"sleep 0.5 </dev/{disk}")
    free(bench)
    job.wait(10)


# The kernel's driver

def kill_guardian(vm):
    vm.run("for p in /proc/[0-9]*; do [ \"$(cat $p/comm 2>/dev/null)\" != mscope-guardian ] || kill -9 ${p#/proc/}; done").check()


def guardians(vm):
    return vm.run("cat /proc/[0-9]*/comm 2>/dev/null | grep -c mscope-guardian").stdout.strip()


def test_the_driver_comes_back_after_kill_9(bench):
    contents = bench.contents()
    bench.begin(READS).signal("KILL")
    bench.vm.wait_for(lambda: bench.driver() == "usb-storage", "the driver to be back")
    assert bench.contents() == contents
    bench.vm.wait_for(lambda: guardians(bench.vm) == "0", "the guardian to leave")


def test_the_driver_comes_back_in_the_middle_of_a_command(bench):
    """What was cut short is no obstacle: the disk answers."""
    contents = bench.contents()
    job = bench.vm.start(["mscope", "bench", bench.gadget.target, "--blocks", "1024", "--duration", "60s"])
    bench.vm.wait_for(lambda: bench.driver() == "usbfs", "mscope to take the device")
    bench.vm.run("sleep 1")
    job.signal("KILL")
    bench.vm.wait_for(lambda: bench.driver() == "usb-storage", "the driver to be back")
    assert bench.contents() == contents


def test_the_run_after_puts_the_driver_back(bench):
    """If the guardian was killed as well."""
    job = bench.begin(READS)
    kill_guardian(bench.vm)
    job.signal("KILL")
    bench.vm.wait_for(lambda: bench.driver() is None, "the device to be free")
    done = bench.mscope("check", *QUICK)
    assert done.status == 0
    assert "interface 0 had no driver, as after a program that was killed" in flat(done.stderr)
    assert bench.driver() == "usb-storage"
    assert bench.contents() == bench.stored()
    assert "had no driver" not in flat(bench.mscope("check", *QUICK).stderr)


def test_a_file_that_may_not_grow(bench):
    """SIGXFSZ: the run ends as with a full disk."""
    done = bench.vm.run(f"ulimit -f 1; exec mscope check {bench.gadget.target} --select 'scsi.*' --json /tmp/result.json")
    assert done.status == 4, done.stdout + done.stderr
    assert bench.driver() == "usb-storage"


def test_no_guardian_is_left(bench):
    assert bench.mscope("probe").status == 0
    bench.vm.wait_for(lambda: guardians(bench.vm) == "0", "the guardian to leave")


# Other kinds of devices

SERIAL_PORT = """
g=/sys/kernel/config/usb_gadget/serial
case $1 in
up)
    modprobe dummy_hcd; modprobe libcomposite; modprobe usb_f_acm
    mkdir -p $g/strings/0x409 $g/configs/c.1 $g/functions/acm.0
    echo 0x1209 >$g/idVendor; echo 0x0001 >$g/idProduct; echo serialdev >$g/strings/0x409/serialnumber
    ln -s $g/functions/acm.0 $g/configs/c.1
    echo dummy_udc.0 >$g/UDC ;;
down)
    echo >$g/UDC; rm $g/configs/c.1/acm.0
    rmdir $g/functions/acm.0 $g/configs/c.1 $g/strings/0x409 $g ;;
esac
"""


def test_a_serial_port_is_refused(vm, mscope):
    vm.push(SERIAL_PORT.encode(), "/tmp/serial")
    vm.run("sh /tmp/serial up").check()
    try:
        vm.wait_device("serialdev")
        for command in (["probe"], ["check", *QUICK], ["bench"], ["send"]):
            done = mscope(command[0], "usb:serial=serialdev", *command[1:], *(["--", "0" * 12] if command == ["send"] else []))
            assert done.status == 3, done.stdout + done.stderr
            assert "no interface is mass storage by Bulk-Only" in flat(done.stderr)
            assert "interface 1 has bulk endpoints, but is class 0ah (serial data)" in flat(done.stderr)
        assert mscope("send", "usb:serial=serialdev", "--any-interface", "--timeout", "200ms", "--raw", "--", "0" * 12).status == 1
    finally:
        vm.run("sh /tmp/serial down").check()
