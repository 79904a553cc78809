# SPDX-License-Identifier: BSD-2-Clause
"""mscope bench on real host controllers and the real gadget. Nothing here judges a wall-clock time."""
import json

import pytest
from usbmon import Watch
from vm import block_pattern


def bench(vm, mscope, target, *arguments, status=0):
    done = mscope("bench", target, "--json", "/tmp/bench.json", "--count", "20", *arguments, timeout=300)
    assert done.status == status, done.stdout + done.stderr
    return done, json.loads(vm.pull("/tmp/bench.json"))


@pytest.mark.parametrize("controller, speed, queued", [("uhci", "full", True), ("ehci", "high", False), ("xhci", "super", False)])
def test_sticks(vm, mscope, controller, speed, queued):
    done, document = bench(vm, mscope, f"usb:serial={controller}", "--blocks", "1,8")
    assert document["target"]["speed"] == speed and document["target"]["host"].startswith(controller)
    assert document["host"]["system"].startswith("Linux ") and document["clock"] == "libusb"
    assert document["queued"]["works"] == queued
    assert ("queued    not possible: " in done.stdout) == (not queued)
    assert [(r["mode"], r["blocks"]) for r in document["runs"]] == [
        (mode, blocks) for mode in (["serial", "queued"] if queued else ["serial"]) for blocks in (1, 8)]
    for r in document["runs"]:
        assert r["commands"] == 20 and r["naks"] is None and r["host_cpu_ns"] > 0 and r["device_cpu"] is None
        assert sum(r["phases_ns"].values()) == sum(r["samples_ns"])
    assert document["pattern"] is None


def test_the_same_device_twice(vm, mscope):
    bench(vm, mscope, "usb:serial=uhci", "--mode", "serial", "--blocks", "64")
    vm.run("mv /tmp/bench.json /tmp/base.json").check()
    done = mscope("compare", "/tmp/base.json", "/tmp/base.json")
    assert done.status in (0, 5) and "SLOWER" not in done.stdout      # a busy machine may allow no verdict
    bench(vm, mscope, "usb:serial=ehci", "--mode", "serial", "--blocks", "64")
    done = mscope("compare", "/tmp/base.json", "/tmp/bench.json")
    assert done.status == 5 and "different devices: serial numbers 'uhci' and 'ehci'" in done.stderr


def test_usbmon(vm, mscope):
    _, document = bench(vm, mscope, "usb:serial=uhci", "--clock", "usbmon", "--blocks", "1,64")
    assert document["clock"] == "usbmon"
    for r in document["runs"]:
        assert all(x > 0 and x % 1000 == 0 for x in r["samples_ns"])       # microseconds
        assert sum(r["phases_ns"].values()) == sum(r["samples_ns"]) <= r["elapsed_ns"]


def test_usbmon_is_not_there(vm, mscope):
    node = f"/dev/usbmon{vm.device('uhci').bus}"
    vm.run(f"mv {node} /tmp/usbmon").check()
    try:
        done = mscope("bench", "usb:serial=uhci", "--clock", "usbmon")
    finally:
        vm.run(f"mv /tmp/usbmon {node}").check()
    assert done.status == 3
    assert done.stderr == (f"mscope: --clock usbmon: it needs the module usbmon, and permission to read {node}: "
                           "No such file or directory\n")


def test_the_kernel_s_path(vm, mscope):
    vm.kernel_driver(True)
    disk = vm.wait_device("ehci", 1).disks[0]
    done, document = bench(vm, mscope, f"/dev/{disk}", "--blocks", "1,64")
    assert [(r["mode"], r["blocks"], r["commands"]) for r in document["runs"]] == [("kernel", 1, 20), ("kernel", 64, 20)]
    assert document["target"]["serial"] == "ehci" and document["target"]["speed"] == "high"
    assert document["target"]["host"].startswith("ehci") and document["clock"] == "kernel"
    assert document["runs"][0]["phases_ns"] is None and "kernel" in done.stdout


def test_writes_are_put_back(vm, mscope):
    done, document = bench(vm, mscope, "usb:serial=uhci", "--op", "write", "--allow-writes", "--blocks", "1,64")
    assert document["pattern"] == 0x55 and {r["op"] for r in document["runs"]} == {"write"}
    first, end = 16384 - 64 - 192, 16384 - 64       # the scratch range; the mark lies 16 blocks behind it
    for lba in (first - 1, first, end - 1, end, end + 16, 16383):
        done = mscope("send", "usb:serial=uhci", "--json", "/tmp/x.json", "--in", "512", "--", f"28 00 {lba:08x} 00 0001 00")
        assert done.status == 0
        shown = json.loads(vm.pull("/tmp/x.json"))["exchanges"][0]["data"]
        assert bytes.fromhex(shown) == block_pattern("uhci", lba)[:64]


def test_mounted(vm, mscope):
    with vm.gadget() as gadget:
        vm.kernel_driver(True)
        disk = vm.wait_device(gadget.serial, 1).disks[0]
        vm.run(f"mkdir -p /tmp/m; mount /dev/{disk} /tmp/m").check()
        done = mscope("bench", gadget.target, "--op", "write", "--allow-writes")
        vm.run("umount /tmp/m").check()
    assert done.status == 3 and "mounted" in done.stderr


def mapped(vm, job, device, least):
    """A running bench has mapped so many bytes of the device's memory in one piece, or has not in time, or ended before it."""
    node = f"/dev/bus/usb/{device.bus:03}/{device.address:03}"

    def look():
        assert job.running(), job.wait().stderr
        lines = vm.run("cat /proc/$(pidof mscope)/maps").stdout.splitlines()
        ranges = [line.split()[0].split("-") for line in lines if line.endswith(node)]
        return any(int(end, 16) - int(begin, 16) >= least for begin, end in ranges)
    return vm.wait_for(look, f"{least} bytes of {node}")


@pytest.mark.parametrize("serial", ["uhci", "ehci", "xhci", "123456"])
def test_device_memory(vm, mscope, serial):
    """Where the kernel gives it, the data lies in memory that it need not copy from, and none of that outlives the run."""
    with vm.gadget() as gadget:
        device = vm.device(serial)
        job = vm.start(["mscope", "bench", device.target, "-v", "--mode", "serial", "--blocks", "240", "--count", "100000"])
        mapped(vm, job, device, 240 * 512)
        job.signal("INT")
        done = job.wait(timeout=120)
        assert "bytes of device memory" in done.stderr and "the kernel copies" not in done.stderr, done.stderr
        vm.kernel_driver(True)
        assert vm.wait_device(gadget.serial, 1).drivers != {}
        assert "usb-storage" in vm.device(serial).drivers.values()


def test_one_urb(vm, mscope):
    """1 MiB is one command and one transfer, also to the kernel: nothing is split that it takes whole."""
    with vm.gadget(size="16M", format="none") as gadget:
        with Watch(vm, gadget.device) as watch:
            _, document = bench(vm, mscope, gadget.target, "--mode", "serial", "--blocks", "2048")
    assert [r["commands"] for r in document["runs"]] == [20]
    assert watch.ins.count(2048 * 512) >= 20 and not [n for n in watch.ins if 4096 < n < 2048 * 512], sorted(set(watch.ins))


def test_unplugged(vm, mscope):
    with vm.gadget() as gadget:
        job = vm.start(["mscope", "bench", gadget.target, "--count", "100000", "--blocks", "8", "--json", "/tmp/gone.json"])
        vm.run("sleep 2")
        gadget.unplug()
        done = job.wait(timeout=120)
    assert done.status == 3, done.stdout + done.stderr
    assert done.stderr.startswith(f"mscope: {gadget.target}: ")
    document = json.loads(vm.pull("/tmp/gone.json"))
    assert document["exit_status"] == 3 and document["runs"][0]["commands"] > 0
