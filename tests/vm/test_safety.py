"""What mscope promises about other people's devices (README.md, "Safety"): the kernel's driver is given back on every way out, nothing
that was written stays, nothing in use is taken, and whoever is refused is told what to do.

The tests share one gadget with the kernel's driver on it; it is made anew when a test has left it in another state.
"""

import json

import pytest

from safety_bench import QUICK, READS, WRITES, bench, flat, module_bench  # noqa: F401 (fixtures)

# The kernel's driver

INQUIRY = ["--", "12", "00", "00", "00", "24", "00"]


@pytest.mark.parametrize("command, status", [
    (["probe"], 0),
    (["send", *INQUIRY], 0),
    (["send", "--truncate", "30", "--raw", *INQUIRY], 1),
    (["check", *QUICK], 0),
    (["check", "--select", "bot.recovery.port-reset", "--allow-writes"], 0),
    (["check", "--select", "nothing.like.it"], 2),
    (["check", "--lun", "16"], 2),
    (["check", *QUICK, "--json", "/nowhere/result.json"], 4),
], ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else None)
def test_the_driver_is_given_back(bench, command, status):
    done = bench.mscope(*command)
    assert done.status == status, done.stdout + done.stderr
    assert bench.driver() == "usb-storage"
    assert bench.contents() == bench.stored()


@pytest.mark.parametrize("signal, status", [("INT", 130), ("TERM", 143), ("HUP", 129), ("QUIT", 131),
                                            ("USR1", 138), ("USR2", 140)])
def test_the_driver_is_given_back_after_a_signal(bench, signal, status):
    job = bench.begin(READS)
    bench.vm.run("sleep 0.5")
    job.signal(signal)
    done = job.wait(10)
    assert (done.status, bench.driver()) == (status, "usb-storage"), done.stderr
    assert bench.contents() == bench.stored()
    result = bench.result()
    assert (result["exit_status"], result["reason"]) == (status, "interrupted")
    assert [case["verdict"] for case in result["cases"]] == ["pass", "error", "skip"]


# What was written

@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_blocks_are_put_back_after_a_signal(bench, signal):
    before = bench.contents()
    job = bench.begin_writing()
    assert bench.journals()
    job.signal(signal)
    job.wait(20)
    assert bench.contents() == before
    assert not bench.journals()


def test_blocks_are_put_back_by_the_run_after_a_crash(bench):
    before = bench.contents()
    bench.begin_writing().signal("KILL")
    bench.vm.wait_for(lambda: bench.driver() == "usb-storage", "the driver to be back")
    done = bench.mscope("check", *QUICK)
    assert '"mscope check --restore" puts the' in flat(done.stdout)
    assert bench.journals() and bench.stored() != before
    done = bench.mscope("check", *QUICK, "--allow-writes")
    assert done.status == 0
    assert "were put back from" in flat(done.stdout)
    assert not bench.journals()
    assert bench.stored() == before


def test_blocks_are_put_back_by_the_run_after_the_cable_was_pulled(bench):
    before = bench.contents()
    job = bench.begin_writing()
    bench.gadget.unplug()
    done = job.wait(10)
    assert done.status == 3
    assert "could not be put back; they are kept in" in flat(done.stdout), done.stdout
    bench.gadget.replug()
    assert bench.contents() != before
    assert "were put back from" in flat(bench.mscope("check", *QUICK, "--allow-writes").stdout)
    assert bench.contents() == before


def test_nothing_is_written_without_leave(bench):
    before = bench.stored()
    case, = json.loads(bench.mscope("run", WRITES, "--json", "-").stdout)["cases"]
    assert case["verdict"] == "skip" and "--allow-writes" in case["reason"]
    assert bench.stored() == before


# Devices that are in use

@pytest.mark.parametrize("options", [[], ["--allow-writes"]], ids=["reads", "writes"])
def test_a_mounted_device_is_left_alone(bench, options):
    """Also for work that only reads: to take the interface is to the kernel as if the cable were pulled."""
    vm, disk = bench.vm, bench.disk()
    vm.run(f"mkdir -p /mnt/host && mount /dev/{disk} /mnt/host").check()
    try:
        done = bench.mscope("check", *options)
        assert done.status == 3
        assert f"/dev/{disk} is mounted on /mnt/host; unmount it first" in done.stderr
        assert bench.driver() == "usb-storage"
        vm.run("echo still here >/mnt/host/file && sync && cat /mnt/host/file").check()
    finally:
        vm.run(["umount", "/mnt/host"]).check()
    assert bench.mscope("check", *QUICK).status == 0


def test_a_device_that_another_run_has(bench):
    job = bench.begin(READS)
    done = bench.mscope("probe")
    assert done.status == 3
    assert "another program is using the device" in done.stderr
    assert job.running()
    job.signal("INT")
    job.wait(10)
    assert bench.mscope("probe").status == 0


# Devices that leave

def check_unfinished(vm, done):
    assert done.status == 3, done.stdout + done.stderr
    assert "the device has left" in done.stderr or "the device went away" in done.stderr
    result = json.loads(vm.pull("/tmp/result.json"))
    assert result["exit_status"] == 3
    assert [case["verdict"] for case in result["cases"]] == ["pass", "error", "skip"]
    assert result["cases"][-1]["reason"].startswith("not run: ")


def test_a_gadget_is_unplugged_in_mid_run(bench):
    job = bench.begin(READS)
    bench.vm.run("sleep 0.5")
    bench.gadget.unplug()
    check_unfinished(bench.vm, job.wait(10))
    bench.gadget.replug()
    assert bench.mscope("check", *QUICK).status == 0


@pytest.mark.parametrize("controller", ["uhci", "ehci", "xhci"])
def test_a_stick_is_unplugged_in_mid_run(bench, controller):
    vm = bench.vm
    job = vm.start(["mscope", "run", f"usb:serial={controller}", READS, "--json", "/tmp/result.json"])
    vm.wait_for(lambda: "usbfs" in vm.device(controller).drivers.values(), "mscope to take the device")
    vm.run("sleep 0.5")
    vm.unplug_stick(controller)
    check_unfinished(vm, job.wait(10))
    vm.plug_stick(controller)


# Devices that cannot be had

def test_without_permission(bench):
    device = bench.gadget.device
    done = bench.vm.run(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "mscope", "probe", bench.gadget.target])
    assert done.status == 3
    assert f"/dev/bus/usb/{device.bus:03}/{device.address:03}" in done.stderr
    assert "60-mscope.rules" in done.stderr
    assert bench.driver() == "usb-storage"


def test_no_such_device(bench):
    done = bench.vm.run(["mscope", "probe", "usb:dead:beef"])
    assert done.status == 3
    for here in ("usb:46f4:0001", "usb:0525:a4a5", "serial=uhci"):
        assert here in done.stderr


def test_several_devices_match(bench):
    done = bench.vm.run(["mscope", "probe", "usb:46f4:0001"])
    assert done.status == 3
    for controller in ("uhci", "ehci", "xhci"):
        assert f"path={bench.vm.device(controller).path} serial={controller}" in done.stderr
