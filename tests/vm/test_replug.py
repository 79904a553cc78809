# SPDX-License-Identifier: BSD-2-Clause
"""The power of the real gadget goes and comes back: by the port of its hub, which dummy_hcd switches, and by its cable. What soak has
written is read once more; the kernel's driver is back afterwards."""

import json

import pytest

from conftest import REPOSITORY
from safety_bench import BACKING, QUICK, STATE

SOAK = ["mscope", "soak", "usb:0525:a4a5", "--allow-writes", "--bytes", "2M", "--json", "/tmp/soak.json"]
PORT = "/sys/bus/usb/devices/{path}/port"
OLDER = "/tmp/older.img"


@pytest.fixture(scope="module")
def machine(shared_machine):
    vm = shared_machine.ready()
    vm.kernel_driver(True)
    with vm.gadget(stall=0, size="2M", format="none") as gadget:
        yield vm, gadget


@pytest.fixture
def vm(machine):
    vm, _ = machine
    vm.run(["rm", "-rf", STATE]).check()
    return vm


@pytest.fixture
def gadget(machine):
    _, gadget = machine
    gadget.wait()
    return gadget


@pytest.fixture
def by_hand(vm, gadget):
    """A kernel that does not switch ports; answers how to begin a soak that asks for the cable."""
    port = vm.run(["readlink", "-f", PORT.format(path=gadget.device.path)]).check().stdout.strip()
    vm.run(f"mkdir -p /tmp/nothing && mount -o bind /tmp/nothing {port}").check()

    def begin(time):
        vm.run("rm -f /tmp/said").check()
        job = vm.start(f"exec {' '.join(SOAK)} --replug={time} 2>/tmp/said")
        vm.wait_for(lambda: vm.run("grep -q 'pull its cable' /tmp/said").status == 0, "somebody to be asked for the cable")
        return job

    yield begin
    vm.run(["umount", port]).check()


def result(vm):
    return json.loads(vm.pull("/tmp/soak.json"))


def stored(vm):
    return vm.run(["md5sum", BACKING]).check().stdout.split()[0]


def test_the_port_takes_its_power(vm, gadget):
    address, before = gadget.device.address, stored(vm)
    done = vm.run([*SOAK, "--replug"])
    assert done.status == 0, done.stdout + done.stderr
    assert result(vm)["power"]["state"] == "cycled" and result(vm)["restored"]
    assert gadget.device.address != address and stored(vm) == before
    assert list(gadget.wait().drivers.values()) == ["usb-storage"]


def test_a_scenario_takes_its_power(vm, gadget):
    """By the port of its hub, once with `check` and once with `run`; without --replug it is skipped, and says so."""
    vm.push((REPOSITORY / "scenarios/scsi/long.yaml").read_bytes(), "/tmp/long.yaml")
    before, addresses = stored(vm), [gadget.device.address]
    for words in ["check", gadget.target], ["run", gadget.target, "/tmp/long.yaml"]:
        done = vm.run(["mscope", *words, "--select", "scsi.write.power", "--allow-writes", "--replug", "--json", "/tmp/soak.json"])
        assert done.status == 0, done.stdout + done.stderr
        assert [case["verdict"] for case in result(vm)["cases"]] == ["pass"]
        addresses.append(gadget.device.address)
    assert len(set(addresses)) == 3 and stored(vm) == before and not vm.run(f"ls {STATE}").stdout.strip()
    assert list(gadget.wait().drivers.values()) == ["usb-storage"]


def test_killed_while_the_power_is_off(vm, gadget):
    disable = vm.run(["readlink", "-f", PORT.format(path=gadget.device.path)]).check().stdout.strip() + "/disable"
    job = vm.start([*SOAK, "--replug"])
    vm.wait_for(lambda: vm.run(["cat", disable]).stdout.strip() == "1", "the power to be off")
    job.signal("KILL")
    vm.wait_for(lambda: vm.run(["cat", disable]).stdout.strip() == "0", "the power to be back")
    assert list(gadget.wait().drivers.values()) == ["usb-storage"]
    done = vm.run(["mscope", "check", gadget.target, *QUICK, "--restore"])
    assert done.status == 0, done.stdout + done.stderr


def test_without_leave_it_keeps_its_power(vm, gadget):
    address = gadget.device.address
    done = vm.run(SOAK)
    assert done.status == 0, done.stdout + done.stderr
    assert "--replug allows it" in result(vm)["power"]["reason"]
    assert gadget.device.address == address


def test_somebody_pulls_its_cable(vm, gadget, by_hand):
    before = stored(vm)
    job = by_hand("20s")
    gadget.unplug()
    vm.run(["gadget", "replug"]).check()
    done = job.wait()
    assert done.status == 0, done.stdout + vm.pull("/tmp/said").decode()
    assert result(vm)["power"]["state"] == "cycled" and result(vm)["restored"]
    assert stored(vm) == before
    assert list(gadget.wait().drivers.values()) == ["usb-storage"]


@pytest.mark.parametrize("first, lost, restored", [(3520, 256, True), (0, 512, False)], ids=["half", "all"])
def test_a_device_that_loses_what_was_written(vm, gadget, by_hand, first, lost, restored):
    """While it is unplugged, 256 blocks or the whole medium become what they were before. The whole medium may be another one as well:
    nothing is written to it, and the journal is kept."""
    before = stored(vm)
    vm.run(["cp", BACKING, OLDER]).check()
    job = by_hand("20s")
    gadget.unplug()
    vm.run(f"dd if={OLDER} of={BACKING} skip={first} seek={first} conv=notrunc count={256 if first else 4096}").check()
    vm.run(["gadget", "replug"]).check()
    done = job.wait()
    assert done.status == 1, done.stdout + vm.pull("/tmp/said").decode()
    document = result(vm)
    assert document["wrong_blocks"] == lost and [pattern["id"] for pattern in document["patterns"]] == ["power"]
    assert document["wrong"][0]["lba"] == 3520 and document["wrong"][0]["after_power"]
    assert document["restored"] == restored and bool(vm.run(f"ls {STATE}").stdout.strip()) != restored
    assert stored(vm) == before


def test_a_device_that_stays_away(vm, gadget, by_hand):
    job = by_hand("6s")
    gadget.unplug()
    done = job.wait()
    said = vm.pull("/tmp/said").decode()
    assert done.status == 3, done.stdout + said
    assert "did not come back after its cable was pulled" in said
    assert vm.run(f"ls {STATE}").stdout.strip()
    gadget.replug()
    done = vm.run(["mscope", "check", gadget.target, *QUICK, "--restore"])
    assert done.status == 0, done.stdout + done.stderr


def test_nobody_pulls_its_cable(vm, gadget, by_hand):
    address = gadget.device.address
    done = by_hand("1s").wait()
    assert done.status == 0, done.stdout
    assert "nobody pulled its cable" in result(vm)["power"]["reason"] and result(vm)["restored"]
    assert gadget.device.address == address


def test_who_is_asked_can_say_no(vm, gadget, by_hand):
    before = stored(vm)
    job = by_hand("60s")
    job.signal("INT")
    done = job.wait()
    assert done.status not in (0, 1), done.stdout
    assert stored(vm) == before and not vm.run(f"ls {STATE}").stdout.strip()
    assert list(gadget.wait().drivers.values()) == ["usb-storage"]
