# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's SCSI path as a target: /dev/sdX and /dev/sgN."""

import json

import pytest

from safety_bench import QUICK, bench, flat, module_bench  # noqa: F401 (fixtures)
from suite import findings

@pytest.fixture(params=["disk", "generic"])
def node(bench, request):
    device = bench.gadget.device
    return f"/dev/{device.disks[0] if request.param == 'disk' else device.generics[0]}"


def check(bench, target, *options):
    done = bench.vm.run(["mscope", "check", target, *options, "--json", "-"], timeout=300)
    return json.loads(done.stdout)


def test_nodes_are_listed(bench):
    device = bench.gadget.device
    listed = json.loads(bench.vm.run(["mscope", "list", "targets", "--json", "-"]).check().stdout)["targets"]
    what, = [target["description"] for target in listed if target["name"] == f"/dev/{device.generics[0]}"]
    assert what == f"the same as /dev/{device.disks[0]}, commands only; USB 0525:a4a5 path {device.path}"


def test_the_findings_are_those_over_usb(bench, node):
    """Of what a command shows; the rest is skipped for one reason."""
    over_usb, here = (check(bench, target, "--select", "scsi.*") for target in (bench.gadget.target, node))
    run = {case["name"] for case in here["cases"] if case["verdict"] != "skip"}
    assert len(run) > 50
    assert findings(here) == [line for line in findings(over_usb) if line.split(": ")[0].split()[1] in run]
    reasons = {case["reason"] for case in here["cases"] if case["verdict"] == "skip"} - \
              {case["reason"] for case in over_usb["cases"] if case["verdict"] == "skip"}
    assert reasons <= {f"needs the device's own endpoints: the kernel's SCSI path ({node}) sends command blocks only"}


def test_a_command_beside_a_mounted_filesystem(bench, node):
    """To read is harmless; the kernel's driver stays where it is."""
    vm, disk = bench.vm, bench.disk()
    vm.run(f"mkdir -p /mnt/host && mount /dev/{disk} /mnt/host").check()
    try:
        done = vm.run(["mscope", "send", node, "--", "12", "00", "00", "00", "24", "00"])
        assert done.status == 0, done.stderr
        assert "File-Stor Gadget" in done.stdout
        assert (bench.driver(), bench.disk()) == ("usb-storage", disk)
    finally:
        vm.run(["umount", "/mnt/host"]).check()


def test_nothing_stays_written(bench, node):
    before = bench.stored()
    check(bench, node, "--select", "scsi.*", "--allow-writes")
    assert bench.stored() == before


def test_who_writes_is_alone(bench, node):
    vm, disk = bench.vm, bench.disk()
    vm.run(f"mkdir -p /mnt/host && mount /dev/{disk} /mnt/host").check()
    try:
        done = vm.run(["mscope", "check", node, *QUICK, "--allow-writes"])
        assert done.status == 3
        assert f"{node}: /dev/{disk} is mounted on /mnt/host; unmount it first" in flat(done.stderr)
    finally:
        vm.run(["umount", "/mnt/host"]).check()


def test_what_is_no_disk(bench):
    for path, says in (("/dev/null", "is no SCSI disk"), ("/dev/sdzz", "No such file")):
        done = bench.vm.run(["mscope", "probe", path])
        assert done.status == 3 and says in done.stderr


def test_without_permission(bench, node):
    done = bench.vm.run(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "mscope", "probe", node])
    assert done.status == 3
    assert "join the group that owns it" in flat(done.stderr)
