"""The bench proves itself: what the other tests rely on, without mscope."""

import pytest

from vm import CONTROLLERS, CommandTimeout, VMError, block_pattern

VARIANTS = [
    {},
    {"speed": "full"},
    {"speed": "super"},
    {"stall": 0},
    {"ro": 1},
    {"removable": 0},
    {"luns": 2},
    {"file": None},
    {"backing": "jffs2"},
    {"speed": "full", "stall": 0, "backing": "jffs2"},
]
MBITS = {"full": "12", "high": "480", "super": "5000"}


def name(variant):
    return ",".join(f"{key}={value}" for key, value in variant.items()) or "default"


def test_status_and_output_are_exact(vm):
    done = vm.run(r"printf 'a\000b\377'; printf 'oops\n' >&2; exit 42")
    assert (done.status, done.out, done.err) == (42, b"a\0b\xff", b"oops\n")


def test_a_list_of_words_is_one_program(vm):
    assert vm.run(["printf", "%s|", "two words", "$HOME", ""]).out == b"two words|$HOME||"


def test_stdin_and_large_output(vm):
    data = bytes(range(256)) * 8192
    assert vm.run("cat", stdin=data).out == data


def test_push_and_pull(vm, tmp_path):
    data = b"\0\r\n\xff" * 1000
    (tmp_path / "file").write_bytes(data)
    vm.push(tmp_path / "file", "/tmp/a folder/it's")
    assert vm.pull("/tmp/a folder/it's") == data


def test_a_slow_command_is_ended_and_the_next_one_runs(vm):
    with pytest.raises(CommandTimeout) as caught:
        vm.run("echo begun; sleep 100; echo ended", timeout=1)
    assert (caught.value.result.status, caught.value.result.out) == (137, b"begun\n")
    assert vm.run("true").status == 0
    assert vm.run("pidof sleep").status == 1


def test_a_background_command_can_be_interrupted(vm):
    job = vm.start("trap 'echo caught; exit 7' INT; while :; do sleep 0.1; done")
    vm.run("sleep 0.5")
    assert job.running()
    job.signal("INT")
    done = job.wait(10)
    assert (done.status, done.out) == (7, b"caught\n")


def test_the_default_of_sigint_is_to_die(vm):
    job = vm.start(["sleep", "100"])
    job.signal("INT")
    assert job.wait(10).status == 130


def test_usbmon_sees_every_bus(vm):
    job = vm.start(["cat", "/sys/kernel/debug/usb/usbmon/0u"])
    vm.kernel_driver(True)
    job.signal("TERM")
    seen = {line.split()[3].split(":")[1] for line in job.wait().stdout.splitlines()}
    assert {str(vm.device(serial).bus) for serial in CONTROLLERS} <= seen
    assert all(vm.run(["test", "-c", f"/dev/usbmon{bus}"]).status == 0 for bus in seen)


@pytest.mark.parametrize("controller, speed", [("uhci", "12"), ("ehci", "480"), ("xhci", "5000")])
def test_stick(vm, controller, speed):
    stick = vm.device(controller)
    assert (stick.vid, stick.pid, stick.speed) == ("46f4", "0001", speed)
    assert stick.controller.startswith(controller)
    vm.kernel_driver(True)
    disk = vm.device(controller).disks[0]
    assert vm.run(["dd", f"if=/dev/{disk}", "bs=512", "skip=1000", "count=1"]).out == block_pattern(controller, 1000)


def test_the_kernel_driver_comes_and_goes(vm):
    assert list(vm.device("ehci").drivers.values()) == [None]
    vm.kernel_driver(True)
    assert list(vm.device("ehci").drivers.values()) == ["usb-storage"]
    vm.kernel_driver(False)
    assert list(vm.device("ehci").drivers.values()) == [None]


def test_a_stick_can_be_pulled(vm):
    vm.unplug_stick("uhci")
    assert vm.device("uhci") is None
    assert vm.plug_stick("uhci").speed == "12"


@pytest.mark.parametrize("variant", VARIANTS, ids=name)
def test_gadget(vm, variant):
    with vm.gadget(**variant) as gadget:
        device = gadget.device
        assert (device.vid, device.pid, device.serial) == ("0525", "a4a5", "123456")
        assert (device.speed, device.controller) == (MBITS[variant.get("speed", "high")], "dummy_hcd")
        vm.kernel_driver(True)
        device = gadget.wait()
        assert len(device.disks) == len(device.generics) == variant.get("luns", 1)
        for disk in device.disks:
            assert "File-Stor Gadget" in vm.run(["sg_inq", f"/dev/{disk}"]).check().stdout
            shown = vm.run(f"cd /sys/block/{disk} && cat removable ro").stdout.split()
            assert shown == [str(variant.get("removable", 1)), str(variant.get("ro", 0))]
            if variant.get("file", "made") is None:
                assert vm.run(["sg_turs", f"/dev/{disk}"]).status == 2      # not ready: no medium
            else:
                assert vm.run(["dd", f"if=/dev/{disk}", "bs=512", "count=1"]).out[510:] == b"\x55\xaa"
    assert vm.device("123456") is None


def test_two_logical_units_differ(vm):
    vm.kernel_driver(True)
    with vm.gadget(luns=2) as gadget:
        labels = [vm.run(["dd", f"if=/dev/{disk}", "bs=512", "count=1"]).out[43:47] for disk in gadget.device.disks]
        assert labels == [b"LUN0", b"LUN1"]


def test_the_medium_is_changed(vm):
    vm.kernel_driver(True)
    with vm.gadget(file=None) as gadget:
        disk = f"/dev/{gadget.device.disks[0]}"
        assert vm.run(["sg_turs", disk]).status == 2
        vm.run("dd if=/dev/zero of=/tmp/other bs=1M count=1").check()
        gadget.medium("/tmp/other")
        vm.run(["sg_turs", disk])                                           # takes the unit attention
        assert "Number of logical blocks=2048" in vm.run(["sg_readcap", disk]).check().stdout
        gadget.medium(None)
        assert vm.run(["sg_turs", disk]).status != 0


def test_unplug_is_seen_and_replug_too(vm):
    vm.kernel_driver(True)
    with vm.gadget() as gadget:
        disk = gadget.device.disks[0]
        job = vm.start(f"while dd if=/dev/{disk} of=/dev/null bs=64k count=1; do :; done")
        gadget.unplug()
        job.wait(20)                                                        # it ends, with one error or another
        assert gadget.device is None
        assert len(gadget.replug().disks) == 1


def test_device_and_host_share_files_on_jffs2(vm):
    """The first of the source documents: the device logs into a FAT volume on flash, the host reads it."""
    vm.kernel_driver(True)
    with vm.gadget(backing="jffs2", stall=0) as gadget:
        assert "/mnt/backing jffs2" in vm.run("cat /proc/mounts").stdout
        vm.run(f"echo harvested >{gadget.mount()}/data.log && sync").check()
        gadget.umount()
        disk = gadget.device.disks[0]
        text = vm.run(f"blockdev --flushbufs /dev/{disk}; mkdir -p /mnt/host; mount -o ro /dev/{disk} /mnt/host && "
                      "cat /mnt/host/data.log; umount /mnt/host").check().stdout
        assert text == "harvested\n"


def test_usbip_carries_a_gadget(vm):
    """usbipd exports the gadget and the same kernel attaches to it over the network."""
    with vm.gadget(udc="usbip"):
        vm.run("modprobe vhci_hcd && usbipd --device --daemon --pid && sleep 1").check()
        vm.run("usbip attach --remote 127.0.0.1 --busid usbip-vudc.0").check()
        assert vm.wait_device("123456").controller == "vhci_hcd"
        vm.run("usbip detach --port 0; kill $(cat /var/run/usbipd.pid)").check()
        vm.wait_gone("123456")


def test_the_host_is_reachable(vm):
    """A server on this machine is at 10.0.2.2 for the guest."""
    import socket
    with socket.create_server(("127.0.0.1", 0)) as server:
        job = vm.start(["nc", "10.0.2.2", str(server.getsockname()[1])])
        server.settimeout(20)
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"hello")
        assert job.wait(20).out == b"hello"


def test_a_crash_of_the_kernel_is_shown(vm):
    """The last test here, because the next one has to boot again."""
    with pytest.raises(VMError, match="sysrq triggered crash"):
        vm.run("echo c >/proc/sysrq-trigger")
