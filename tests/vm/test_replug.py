# SPDX-License-Identifier: BSD-2-Clause
"""The power of the real gadget goes and comes back: by the port of its hub, which dummy_hcd switches, and by its cable. What soak has
written is read once more; the kernel's driver is back afterwards."""

import json

import pytest

SOAK = ["mscope", "soak", "usb:0525:a4a5", "--allow-writes", "--bytes", "2M", "--json", "/tmp/soak.json"]


@pytest.fixture
def gadget(vm):
    vm.kernel_driver(True)
    with vm.gadget(stall=0, size="2M", format="none") as gadget:
        yield gadget


def result(vm):
    return json.loads(vm.pull("/tmp/soak.json"))


def test_the_port_takes_its_power(vm, gadget):
    address = gadget.device.address
    done = vm.run([*SOAK, "--replug"])
    assert done.status == 0, done.stdout + done.stderr
    assert result(vm)["power"]["state"] == "cycled" and result(vm)["restored"]
    assert gadget.device.address != address
    assert list(gadget.wait().drivers.values()) == ["usb-storage"]


def test_without_leave_it_keeps_its_power(vm, gadget):
    address = gadget.device.address
    done = vm.run(SOAK)
    assert done.status == 0, done.stdout + done.stderr
    assert "--replug allows it" in result(vm)["power"]["reason"]
    assert gadget.device.address == address
