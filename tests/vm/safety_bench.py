"""The machine with one gadget and the kernel's driver, for the tests of what mscope promises about other people's devices. The gadget is
shared, and made anew when a test has left it in another state."""

import json

import pytest

QUICK = ["--select", "scsi.inquiry.*", "--select", "scsi.ready.*"]
SCENARIOS = """\
name: test.first
title: over at once
spec: [test]
stage: descriptors
steps:
  - command: test_unit_ready
---
name: test.second
title: goes on for half a minute, and touches nothing
spec: [test]
stage: requests
steps:
  - repeat: 300
    do:
      - command: test_unit_ready
      - wait: 100ms
---
name: test.third
title: comes after the second
spec: [test]
stage: last
steps:
  - command: test_unit_ready
---
name: test.write
title: writes, and then goes on for half a minute
spec: [test]
stage: commands
scratch: 8
steps:
  - command: { write10: { lba: scratch, blocks: 8 } }
    data: ones
    expect: { status: passed }
  - repeat: 300
    do:
      - wait: 100ms
      - command: test_unit_ready
"""
READS, WRITES = "/tmp/reads.yaml", "/tmp/writes.yaml"
STATE = "/root/.local/state/mscope"
BACKING = "/mnt/backing/lun0.img"


class Bench:
    """The machine with one gadget and the kernel's driver."""

    def __init__(self, shared_machine):
        self._shared = shared_machine
        self.vm = self.gadget = None

    def ready(self):
        if not (self.gadget and self.vm.process.poll() is None and self.driver() == "usb-storage" and self.disk()):
            self.vm = self._shared.ready()
            first, second, third, write = SCENARIOS.split("---\n")
            self.vm.push("---\n".join([first, second, third]).encode(), READS)
            self.vm.push(write.encode(), WRITES)
            self.vm.kernel_driver(True)
            self.gadget = self.vm.gadget(stall=0, size="2M")
        self.vm.run(["rm", "-rf", STATE, "/tmp/result.json"]).check()
        return self

    def driver(self):
        device = self.gadget.device
        return device and next(iter(device.drivers.values()))

    def disk(self):
        return self.gadget.wait().disks[0]

    def contents(self):
        """The checksum of all blocks, as the kernel's driver reads them now."""
        return self.vm.run(["md5sum", f"/dev/{self.disk()}"]).check().stdout.split()[0]

    def stored(self):
        """The same on the device's side."""
        return self.vm.run(["md5sum", BACKING]).check().stdout.split()[0]

    def mscope(self, command, *arguments):
        return self.vm.run(["mscope", command, self.gadget.target, *arguments])

    def begin(self, *arguments):
        """Start a run that is soon in its second scenario, and stays there."""
        job = self.vm.start(["mscope", "run", self.gadget.target, *arguments, "--json", "/tmp/result.json"])
        self.vm.wait_for(lambda: self.driver() == "usbfs", "mscope to take the device")
        return job

    def begin_writing(self):
        """Start a run that has written to the device, and goes on."""
        before = self.stored()
        job = self.begin(WRITES, "--allow-writes")
        self.vm.wait_for(lambda: self.stored() != before, "the write to reach the medium")
        return job

    def result(self):
        return json.loads(self.vm.pull("/tmp/result.json"))

    def journals(self):
        return self.vm.run(f"cd {STATE} 2>/dev/null && ls").stdout.split()


@pytest.fixture(scope="module")
def module_bench(shared_machine):
    return Bench(shared_machine)


@pytest.fixture
def bench(module_bench):
    return module_bench.ready()


def flat(text):
    """Without the breaks of lines."""
    return " ".join(text.split())
