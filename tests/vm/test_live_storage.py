"""What two boards are for, on the real kernel: files that change by themselves, and data that a board collects while a host has its disk."""

import re

import pytest

from test_usbip import attach, serve     # noqa: F401 (a fixture)

DREAD = "ln -sf $(command -v mscope) /run/dread; "
FLASH = "/dev/mtdblock0"
COLLECT = ("echo 0 >/run/synced; i=1; while :; do echo line $i >>/mnt/device/data.log; sync; "
           "echo $i >/run/synced.new; mv /run/synced.new /run/synced; i=$((i + 1)); done")


@pytest.fixture
def live(vm, serve):                    # noqa: F811
    """sim:lsd, as Linux has it: its disk and its generic node."""
    port = serve("sim:lsd,temperature=21.5")
    vm.kernel_driver(True)
    device = vm.wait_device(attach(vm, port, 1).serial, disks=1)
    vm.run(f"mkdir -p /mnt/live && mount -t vfat /dev/{device.disks[0]} /mnt/live").check()
    yield device.disks[0], device.generics[0]
    vm.run("umount /mnt/live").check()


def board(vm, generic):
    """What the board shows, by the command that no LPC2148 has."""
    vm.run(["sg_raw", "-r", "512", "-o", "/run/board", f"/dev/{generic}", *"c0 00 00 00 00 00".split()]).check()
    return vm.pull("/run/board").decode(errors="replace")


def test_cat_shows_what_was_and_dread_what_is(vm, live):
    _, generic = live
    thermometer = "/mnt/live/SENSORS/THERMO.TXT"
    assert "21.5" in vm.run(f"cat {thermometer}").stdout
    vm.run(["sg_raw", f"/dev/{generic}", *"c0 03 01 3b 00 00".split()]).check()       # 31.5
    assert "21.5" in vm.run(f"cat {thermometer}").stdout
    read = vm.run(DREAD + f"/run/dread {thermometer}").check()
    assert read.stdout.strip() == "31.5" and read.stderr == ""
    assert "21.5" in vm.run(f"cat {thermometer}").stdout


def test_a_change_is_followed(vm, live):
    """Each reading is of the device, though the kernel goes on with the first: a change is shown, once, and nothing that was before."""
    _, generic = live
    thermometer = "/mnt/live/SENSORS/THERMO.TXT"
    assert "21.5" in vm.run(f"cat {thermometer}").stdout
    job = vm.start(["mscope", "read", thermometer, "--follow", "--interval", "200ms"], stdout="/run/followed")
    for seen, following in (["21.5"], "c0 03 01 3b"), (["21.5", "31.5"], "c0 03 ff c9"), (["21.5", "31.5", "-5.5"], None):
        vm.wait_for(lambda: vm.run("cat /run/followed").stdout.split() == seen, f"{seen[-1]} to be shown", 60)
        if following:
            vm.run(["sg_raw", f"/dev/{generic}", *following.split(), "00", "00"]).check()
    assert "21.5" in vm.run(f"cat {thermometer}").stdout
    job.signal("INT")
    done = job.wait()
    assert done.status == 130 and re.fullmatch(r"mscope: .*stopped.*\n", done.stderr)      # while it reads or between two readings
    assert vm.run("cat /run/followed").stdout.split() == ["21.5", "31.5", "-5.5"]


def test_echo_changes_the_display(vm, live):
    _, generic = live
    assert "Hello World" not in board(vm, generic)
    vm.run("echo Hello World >/mnt/live/DISPLAY/LCD.TXT && sync").check()
    assert re.search(r"lcd +\|Hello World +\|", board(vm, generic))
    assert vm.run("echo x >/mnt/live/NEW.TXT").status != 0                      # the disk is full


def test_the_programs_of_sg3_utils(vm, live):
    disk, generic = live
    vm.run(["sg_inq", f"/dev/{generic}"]).check()
    assert re.search(r"Last LBA=683 .*\n.*512", vm.run(["sg_readcap", f"/dev/{disk}"]).check().stdout)


# ---- the application note of the gadget ---------------------------------------------------------------

def host_reads(vm, disk, path):
    vm.run(f"mkdir -p /mnt/host && mount -t vfat -o ro /dev/{disk} /mnt/host").check()
    return vm.run(f"cat /mnt/host/{path}").check().stdout


def test_data_is_collected_and_taken_along(vm):
    """5 MB on JFFS2 on flash; the host sees what was there when it was plugged in, dread what is, and a new plug-in all."""
    with vm.gadget(backing="jffs2", stall=0) as gadget:
        vm.kernel_driver(True)
        gadget.mount()
        vm.run("for i in 1 2 3; do echo line $i >>/mnt/device/data.log; sync; done").check()
        gadget.unplug()
        gadget.replug()
        disk = vm.wait_device("123456", disks=1).disks[0]
        assert host_reads(vm, disk, "data.log") == "line 1\nline 2\nline 3\n"
        vm.run("echo line 4 >>/mnt/device/data.log; sync").check()
        assert vm.run("cat /mnt/host/data.log").stdout == "line 1\nline 2\nline 3\n"
        now = vm.run(DREAD + f"/run/dread /dev/{disk} | strings | grep ^line").stdout
        assert now == "line 1\nline 2\nline 3\nline 4\n"
        vm.run("umount /mnt/host").check()
        gadget.unplug()
        gadget.replug()
        disk = vm.wait_device("123456", disks=1).disks[0]
        assert host_reads(vm, disk, "data.log") == "line 1\nline 2\nline 3\nline 4\n"
        vm.run("umount /mnt/host").check()


def test_power_fails_while_data_is_collected(vm):
    """The flash as it was at one instant, put into a board that starts anew: every line that had been synced is there."""
    with vm.gadget(backing="jffs2", stall=0) as gadget:
        gadget.mount()
        job = vm.start(COLLECT)
        vm.wait_for(lambda: int(vm.run("cat /run/synced 2>/dev/null").stdout or 0) >= 3, "three lines", 120)
        synced = int(vm.run(f"cat /run/synced; cat {FLASH} >/run/flash").check().stdout)
        job.signal("KILL")
        job.wait()
        gadget.umount()
    vm.run(f"modprobe mtdram total_size=6144 erase_size=128 && modprobe mtdblock && cat /run/flash >{FLASH} && mkdir -p /mnt/backing "
           f"/mnt/device && mount -t jffs2 {FLASH} /mnt/backing && mount -t vfat -o loop,ro /mnt/backing/lun0.img /mnt/device").check()
    try:
        lines = vm.run("cat /mnt/device/data.log").check().stdout.splitlines()
        assert lines[:synced] == [f"line {i}" for i in range(1, synced + 1)]
    finally:
        vm.run("umount /mnt/device; umount /mnt/backing; rmmod jffs2 mtdblock mtdram").check()
