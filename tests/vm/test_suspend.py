# SPDX-License-Identifier: BSD-2-Clause
"""The real gadget is suspended and resumed by the kernel's power management. What test_gadget.py runs of it are the scenarios that every
check has; here is that the gadget itself notices, and that the device's settings and driver come back however it ends."""

import json

import pytest

LONG = b"""
name: suspend.long
title: it sleeps while somebody looks
spec: [USB 2.0 7.1.7.6]
steps:
  - command: test_unit_ready
  - suspend: 60s
  - command: test_unit_ready
"""
SHORT = LONG.replace(b"60s", b"1500ms")
NAP = LONG.replace(b"60s", b"8s")       # long enough for a busy machine to pull the cable and plug it in again
SETTINGS = "cat /sys/bus/usb/devices/{path}/power/control /sys/bus/usb/devices/{path}/power/autosuspend_delay_ms"
ASLEEP = "[ $(cat /sys/devices/platform/dummy_udc.0/gadget*/suspended) = 1 ]"


class Bench:
    def __init__(self, vm, gadget):
        self.vm, self.gadget = vm, gadget
        self.path = gadget.device.path
        self.before = self.settings()
        vm.push(LONG, "/tmp/long.yaml")
        vm.push(SHORT, "/tmp/short.yaml")
        vm.push(NAP, "/tmp/nap.yaml")

    def settings(self):
        return self.vm.run(SETTINGS.format(path=self.path)).check().stdout.split()

    def begin(self, name="long"):
        """A run that is in the middle of its suspend, as the gadget tells."""
        job = self.vm.start(["mscope", "run", self.gadget.target, f"/tmp/{name}.yaml", "-vv", "--json", "/tmp/result.json"])
        self.vm.wait_for(lambda: self.vm.run(ASLEEP).status == 0, "the gadget to be suspended")
        return job

    def case(self):
        case, = json.loads(self.vm.pull("/tmp/result.json"))["cases"]
        return case

    def as_before(self):
        return self.settings() == self.before and self.vm.run(ASLEEP).status != 0


@pytest.fixture(scope="module")
def bench(shared_machine):
    vm = shared_machine.ready()
    with vm.gadget(stall=0, size="2M", format="none") as gadget:
        yield Bench(vm, gadget)


def test_the_gadget_sleeps_and_wakes(bench):
    assert bench.before == ["on", "2000"]
    done = bench.begin("short").wait()
    assert done.status == 0, done.stdout + done.stderr
    assert bench.as_before()
    record, = [record for record in bench.case()["exchanges"] if record["kind"] == "suspend"]
    assert record["outcome"] == "done"
    assert record["suspended_ns"] >= 1_500_000_000 and record["took_ns"] == record["suspended_ns"] + record["resume_ns"]


@pytest.mark.parametrize("signal", ["INT", "KILL"])
def test_the_settings_come_back(bench, signal):
    job = bench.begin()
    assert bench.settings() == ["auto", "0"]
    job.signal(signal)
    bench.vm.wait_for(bench.as_before, "the settings to be as before")


def test_a_device_that_comes_back_as_another_has_failed(bench):
    """While it sleeps the gadget leaves and comes again; the host, which wakes it, finds another."""
    job = bench.begin("nap")
    bench.vm.run(["gadget", "unplug"]).check()
    bench.vm.wait_for(lambda: bench.vm.run(f"[ -e /sys/bus/usb/devices/{bench.path} ]").status, "the host to notice")
    bench.vm.run(["gadget", "replug"]).check()
    done = job.wait()
    assert done.status == 1, done.stdout + done.stderr
    assert [finding["rule"] for finding in bench.case()["findings"]] == ["usb.suspend.resumes"]


def test_who_cannot_suspend_it_says_why(bench):
    device = bench.gadget.device
    node = f"/dev/bus/usb/{device.bus:03}/{device.address:03}"
    other = bench.vm.start(f"exec sleep 1000 <>{node}")
    done = bench.vm.run(["mscope", "run", bench.gadget.target, "/tmp/short.yaml", "--json", "/tmp/result.json"])
    other.signal("KILL")
    other.wait(10)
    assert bench.case()["verdict"] == "skip", done.stdout
    assert "keeps it awake" in bench.case()["reason"]
    assert bench.as_before()

    bench.vm.run(["chmod", "0666", node]).check()
    user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]
    done = bench.vm.run([*user, "mscope", "run", bench.gadget.target, "/tmp/short.yaml", "--json", "/tmp/user.json"])
    case, = json.loads(bench.vm.pull("/tmp/user.json"))["cases"]
    assert case["verdict"] == "skip" and "power/control in sysfs cannot be set (Permission denied); that is root's" in case["reason"]
