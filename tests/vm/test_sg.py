# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's SCSI path as a target: /dev/sdX and /dev/sgN."""

import json

import pytest

from safety_bench import QUICK, bench, flat, module_bench  # noqa: F401 (fixtures)
from suite import select, selection
from test_sticks import LEFT_OUT, PATTERNS

@pytest.fixture(params=["disk", "generic"])
def node(bench, request):
    device = bench.gadget.device
    return f"/dev/{device.disks[0] if request.param == 'disk' else device.generics[0]}"


def check(bench, target, *options):
    done = bench.vm.run(["mscope", "check", target, *options, "--json", "-"], timeout=600)
    return json.loads(done.stdout)


def test_nodes_are_listed(bench):
    device = bench.gadget.device
    listed = json.loads(bench.vm.run(["mscope", "list", "targets", "--json", "-"]).check().stdout)["targets"]
    what, = [target["description"] for target in listed if target["name"] == f"/dev/{device.generics[0]}"]
    assert what == f"the same as /dev/{device.disks[0]}, commands only; USB 0525:a4a5 path {device.path}"


def of_commands(result, run):
    """(scenario, rule) of what a command shows by itself; of the scenarios in `run`."""
    return sorted({(case["name"], finding["rule"]) for case in result["cases"] if case["name"] in run for finding in case["findings"]
                   if finding["severity"] != "note" and not finding["rule"].startswith(("bot.", "usb."))})


def same_findings(bench, target, node, options=("--select", "scsi.*", "--select", "bot.case0*"), least=50):
    """Of what a command shows; the rest is skipped for one reason, or two that the kernel has."""
    here, over_usb = check(bench, node, *options), check(bench, target, *options)
    run = {case["name"] for case in here["cases"] if case["verdict"] != "skip"}
    assert len([name for name in run if name.startswith("scsi.")]) > least, here["reason"] or [case["reason"] for case in here["cases"]]
    assert of_commands(here, run) == of_commands(over_usb, run)
    assert [finding for _, finding in of_commands(here, run) if finding == "expect.status"] == []
    reasons = {case["reason"] for case in here["cases"] if case["verdict"] == "skip"} - \
              {case["reason"] for case in over_usb["cases"] if case["verdict"] == "skip"}
    limits = ("the kernel has asked", f"{node}: the kernel does not let a command of ")
    assert {reason for reason in reasons if not any(limit in reason for limit in limits)} == \
           {f"needs the device's own endpoints: the kernel's SCSI path ({node}) sends command blocks only"}


def test_the_findings_are_those_over_usb(bench, node):
    same_findings(bench, bench.gadget.target, node)


@pytest.mark.parametrize("controller", ["uhci", "ehci", "xhci"])
def test_the_findings_on_a_stick(bench, controller):
    stick = bench.vm.wait_device(controller, disks=1)
    same_findings(bench, stick.target, f"/dev/{stick.disks[0]}", select(selection(PATTERNS, LEFT_OUT)), 15)


def test_what_is_said_of_itself(bench, node):
    probed = json.loads(bench.vm.run(["mscope", "probe", node, "--json", "-"]).check().stdout)
    unit, = probed["units"]
    assert (unit["inquiry"]["product"].strip(), unit["capacity"]) == ("File-Stor Gadget", {"blocks": 4096, "block_size": 512})
    assert "0525:a4a5, high speed" in bench.vm.run(["mscope", "probe", node]).check().stdout


def test_why_a_command_failed(bench, node):
    """The kernel has asked; and that is told."""
    done = bench.vm.run(["mscope", "send", node, "--in", "512", "--", "28 00 7fffffff 00 0001 00"])
    assert done.status == 1
    assert "02h (check condition), 0 of 512 bytes" in done.stdout
    assert "REQUEST SENSE: ILLEGAL REQUEST" in done.stdout and "(5/21/00)" in done.stdout


def test_time(bench):
    generic = f"/dev/{bench.gadget.device.generics[0]}"
    timed = json.loads(bench.vm.run(["mscope", "bench", generic, "--count", "10", "--json", "-"], timeout=600).check().stdout)
    assert [(run["mode"], run["blocks"], run["commands"], run["phases_ns"]) for run in timed["runs"]] == \
           [("kernel", blocks, 10, None) for blocks in (1, 8, 64)]
    before = bench.stored()
    done = bench.vm.run(["mscope", "bench", generic, "--op", "write", "--allow-writes", "--count", "10"], timeout=300)
    assert (done.status, bench.stored()) == (0, before), done.stdout + done.stderr


def test_what_needs_endpoints(bench, node):
    for command in (["pace"], ["check", "--bring-up"]):
        done = bench.vm.run(["mscope", command[0], node, *command[1:]])
        assert done.status == 2
        assert f"this needs the device's own endpoints: the kernel's SCSI path ({node})" in flat(done.stderr)


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
