"""Served devices and the real kernel: vhci-hcd attaches what `mscope serve` exports as real USB devices, and Linux's own server
exports what `usbip:` then drives from user space."""

import contextlib
import json
import re
import shlex
import subprocess
from dataclasses import dataclass, field

import pytest

from compare import Differences, compare_verdicts
from conftest import HERE, MSCOPE, REPOSITORY
from suite import catalogue, select

# vhci-hcd's ports in use: "hs  0001 006 003 00010003 000003 1-2" is port 1, the second device of the server, here 1-2.
ATTACHED = "awk '$3 == \"006\" { print $2, $5, $7 }' /sys/devices/platform/vhci_hcd.0/status*"
DETACH = "for port in $(" + ATTACHED + " | cut -d ' ' -f 1); do usbip detach --port $port; done; "


@contextlib.contextmanager
def served(vm, *targets):
    """These devices, served in the guest: the port."""
    vm.run("modprobe vhci_hcd && rm -f /run/serve.out").check()
    job = vm.start(f"exec mscope serve {shlex.join(targets)} --listen 127.0.0.1:0 -v >/run/serve.out 2>/run/serve.err")
    try:
        vm.wait_for(lambda: vm.run("grep -q '^serving at' /run/serve.out").status == 0, "mscope serve", 60)
        yield re.search(r"port (\d+)", vm.run("cat /run/serve.out").stdout.splitlines()[-1]).group(1)
    finally:
        vm.wait_for(lambda: not vm.run(f"{DETACH} {ATTACHED}").stdout, "the devices to go", 60)
        job.signal("TERM")
        job.wait()


@pytest.fixture
def serve(vm):
    """Serves these devices in the guest; returns the port."""
    with contextlib.ExitStack() as stack:
        yield lambda *targets: stack.enter_context(served(vm, *targets))


def attach(vm, port, number):
    """The device as the guest's kernel has it."""
    path = attach_all(vm, port, [number])[number]
    return next(device for device in vm.devices() if device.path == path)


def attach_all(vm, port, numbers):
    """Attach these devices of the server: where the kernel has each, by its number. While the kernel is about to add one, usbip fails
    ("open vhci_driver"): it looks in sysfs for all that are attached."""
    vm.run(f"for n in {' '.join(map(str, numbers))}; do "
           f"until usbip --tcp-port {port} attach --remote 127.0.0.1 --busid 1-$n; do :; done; done", timeout=600).check()

    def paths():
        lines = [line.split() for line in vm.run(ATTACHED).stdout.splitlines()]
        there = {int(devid[-4:], 16) - 1: path for _, devid, path in lines}
        ready = {device.path for device in vm.devices() if device.drivers}
        return there if set(numbers) <= there.keys() and {there[n] for n in numbers} <= ready else None
    return vm.wait_for(paths, f"the served devices {numbers}", 120)


def test_linux_attaches_a_disk_and_reads_it(vm, serve):
    """The kernel's own drivers, and the programs of sg3_utils on what they make of it."""
    port = serve("sim:reference", "sim:stm32")
    vm.kernel_driver(True)
    device = attach(vm, port, 1)
    assert (device.vid, device.pid, device.speed, device.controller) == ("1209", "0001", "480", "vhci_hcd")
    device = vm.wait_device(device.serial, disks=1)
    disk, generic = device.disks[0], device.generics[0]
    assert vm.run(f"cat /sys/block/{disk}/size").stdout.strip() == "16384"
    pattern = bytes(range(256)) * 512
    vm.push(pattern, "/run/pattern")
    vm.run(f"dd if=/run/pattern of=/dev/{disk} bs=64k seek=3 oflag=direct conv=fsync && "
           f"echo 3 >/proc/sys/vm/drop_caches && dd if=/dev/{disk} of=/run/read bs=64k skip=3 count=2 iflag=direct").check()
    assert vm.pull("/run/read") == pattern
    inquiry = vm.run(["sg_inq", f"/dev/{generic}"]).check().stdout
    assert "Product identification: Reference Disk" in inquiry
    assert re.search(r"Last LBA=16383 .*\n.*512", vm.run(["sg_readcap", f"/dev/{disk}"]).check().stdout)
    raw = vm.run(["sg_raw", "-r", "512", "-o", "/run/raw", f"/dev/{generic}", *"28 00 00 00 01 80 00 00 01 00".split()]).check()
    assert "SCSI Status: Good" in raw.stderr and vm.pull("/run/raw") == pattern[:512]
    # Two at once, and the other one is at full speed.
    other = attach(vm, port, 2)
    assert other.speed == "12" and {other.vid, other.pid} == {"0483", "572a"}
    vm.run(f"mkfs.fat /dev/{disk} && mkdir -p /mnt/served && mount -t vfat /dev/{disk} /mnt/served && "
           "echo hello >/mnt/served/hello && umount /mnt/served").check()
    assert "reset" not in vm.run("grep -i 'cannot keep up' /run/serve.err; true").stdout


def test_the_kernel_resets_a_served_device(vm, serve):
    """What libusb_reset_device() and the kernel's error handling do is inferred from what they send."""
    port = serve("sim:reference")
    device = attach(vm, port, 1)
    said = vm.run("grep -c 'reset the port: inferred' /run/serve.err").stdout.strip()
    done = vm.run(["mscope", "check", f"usb:path={device.path}", "--select", "bot.port-reset.*", "--select", "bot.recovery.*"],
                  timeout=600)
    assert done.status == 0, done.stdout + done.stderr
    assert int(vm.run("grep -c 'reset the port: inferred' /run/serve.err").stdout) > int(said)


# ---- the same verdicts through the kernel -------------------------------------------------------------

CAPTURE = "/run/capture.pcap"
# They wait for 30 and for 10 seconds, or read as long; the last two give each packet 5 ms, and are skipped where 1 MiB takes too
# long, which is more than this machine may reach.
LEFT_OUT = {"attach.windows.idle", "attach.linux.hold", "attach.windows.fat32", "bot.case12.small-packets", "scsi.write.long"}
FAULTS = """
    capacity-count capacity-long cbw-ignored cbw-signature-unchecked configuration-keeps-halt csw-padded csw-signature csw-tag
    data-excess data-missing inquiry-clamp inquiry-short mode-length phase-needless port-reset-loses-command residue-zero sense-zero
    status-reserved write-lost zlp-before-csw
""".split()
SHOWN_BY = 3            # so many of the scenarios that show a fault are run
WRITES = ["--allow-writes", "--allow-eject"]
TOGETHER = 2            # faults are looked at two at a time, beside the models: most of it is waiting


@dataclass
class Compared:
    """A device, what is run on it, and what it showed through the kernel and by itself."""
    target: str
    names: list
    options: list = field(default_factory=list)
    caught_by: list = field(default_factory=list)       # of a fault
    real: dict = None
    simulated: dict = None

    @property
    def unexpected(self):
        known = Differences(HERE / "expected/usbip-differences.toml")
        return known.judge(self.target, self.names, compare_verdicts(self.real, self.simulated))


# By usbfs, as docs/design.md says; and what vhci-hcd cannot do.
HELD_BACK = {"usb.request.get-max-lun-absent", "usb.request.reset-absent", "usb.absent.endpoint", "usb.absent.interface",
             "usb.suspend.idle", "usb.suspend.medium", "usb.suspend.reset"}
MODELS = {                                              # target, options
    "reference": ("sim:reference", WRITES),
    "linux-gadget": ("sim:linux-gadget,blocks=4096", []),
    "lsd": ("sim:lsd", []),
    "stm32": ("sim:stm32", []),
    "recorded": (f"sim:recorded,capture={CAPTURE}", []),
    "hostile": ("sim:hostile,wild=0", []),
}
WILD = "sim:hostile"    # what this one does is drawn at every request, and the kernel sends some that mscope does not


def directly(target, names, options):
    capture = next((REPOSITORY / "captures/reference-high").glob("*.pcap"))
    done = subprocess.run([MSCOPE, "check", target.replace(CAPTURE, str(capture)), *select(names), *options, "-q", "--json", "-"],
                          stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout)


def shown_by(target, names, rules):
    """The first scenarios in which one of the rules has a finding."""
    cases = directly(target, names, WRITES)["cases"]
    return [case["name"] for case in cases if rules & {finding["rule"] for finding in case["findings"]}][:SHOWN_BY]


class Runs:
    """Each model in nearly every scenario, and each fault in some that show it: all served and attached at once, and run once."""

    def __init__(self, vm):
        names = [scenario["name"] for scenario in catalogue("scenarios") if scenario["name"] not in LEFT_OUT]
        faults = {fault["name"]: fault for fault in catalogue("faults")}
        self.models = {name: Compared(target, names, options) for name, (target, options) in MODELS.items()}
        self.faults = {}
        for fault in FAULTS:
            target, rules = f"sim:reference,fault={fault}", set(faults[fault]["caught_by"])
            self.faults[fault] = Compared(target, shown_by(target, names, rules), WRITES, rules)
        # What this one answers is drawn at each command; a request that the kernel does not let through would leave out some of them.
        self.models["hostile"].names = [name for name in names if name not in HELD_BACK]
        self.wild = Compared(WILD, names)
        everything = dict(enumerate([*self.models.values(), self.wild, *self.faults.values()], 1))
        vm.push(next((REPOSITORY / "captures/reference-high").glob("*.pcap")), CAPTURE)
        with served(vm, *(one.target for one in everything.values())) as port:
            self.paths = attach_all(vm, port, everything)
            whole = len(self.models) + 1
            self.run(vm, [[n] for n in range(1, whole + 1)] +
                     [list(everything)[whole + lane::TOGETHER] for lane in range(TOGETHER)], everything)
            for one in everything.values():
                one.simulated = directly(one.target, one.names, one.options)
            self.run_again(vm, {n: one for n, one in everything.items() if one not in (self.wild, self.models["hostile"])})
        if self.models["hostile"].unexpected:       # from its first draw
            with served(vm, self.models["hostile"].target) as port:
                self.paths = attach_all(vm, port, [1])
                self.run(vm, [[1]], {1: self.models["hostile"]})

    def run(self, vm, lanes, everything):
        """What is in one lane is run one after the other, the lanes at the same time."""
        def command(number):
            one = everything[number]
            words = ["mscope", "check", f"usb:path={self.paths[number]}", *select(one.names), *one.options]
            return f"{shlex.join(words)} -q --json /run/result-{number}"
        jobs = [vm.start("\n".join(map(command, lane))) for lane in lanes]
        for job in jobs:
            job.wait(1800)
        for number in sum(lanes, []):
            everything[number].real = json.loads(vm.pull(f"/run/result-{number}"))

    def run_again(self, vm, everything):
        """A machine under load can hold up one side for longer than a scenario waits. What differs is run again, by itself."""
        for number, one in everything.items():
            names = sorted({line.split(": ")[0] for line in one.unexpected} & set(one.names))
            if names:
                again = {number: Compared(one.target, names, one.options)}
                self.run(vm, [[number]], again)
                for document, newer in (one.real, again[number].real), (one.simulated, directly(one.target, names, one.options)):
                    cases = {case["name"]: case for case in newer["cases"]}
                    document["cases"] = [cases.get(case["name"], case) for case in document["cases"]]


@pytest.fixture(scope="module")
def runs(shared_machine):
    return Runs(shared_machine.ready())


@pytest.mark.parametrize("model", MODELS)
def test_a_model_shows_the_same_through_the_kernel(runs, model):
    """mscope, libusb, usbfs, vhci-hcd, TCP, mscope serve, and the simulated device behind all that. What differs is in
    expected/usbip-differences.toml, with the reason."""
    run = runs.models[model]
    assert run.real["reason"] is None and len(run.real["cases"]) == len(run.names)
    assert run.unexpected == [], "\n".join(run.unexpected)


def test_a_wild_device_is_survived(runs):
    """Through the kernel too every scenario comes to its end, and its verdict is no error of ours."""
    run = runs.wild
    assert run.real["reason"] is None and [case["name"] for case in run.real["cases"]] == [case["name"] for case in run.simulated["cases"]]
    assert "error" not in {case["verdict"] for case in run.real["cases"]} and run.real["exit_status"] == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_shows_the_same_through_the_kernel(runs, fault):
    run = runs.faults[fault]
    assert run.unexpected == [], "\n".join(run.unexpected)
    found = {finding["rule"] for case in run.real["cases"] for finding in case["findings"]}
    assert found & run.caught_by and run.real["exit_status"] == 1


def test_the_comparison_of_verdicts_notices(runs):
    """A faulty device through the kernel is none that conforms."""
    for fault, run in runs.faults.items():
        conforming = directly("sim:reference", run.names, run.options)
        assert len(compare_verdicts(run.real, conforming)) == len(run.names) > 0, fault


def test_every_model_is_compared():
    assert {firmware["name"] for firmware in catalogue("firmware")} == MODELS.keys() and len(set(FAULTS)) >= 20


def test_what_linux_exports(vm):
    """The other way round: usbipd exports the gadget, and mscope drives it without vhci-hcd."""
    with vm.gadget(udc="usbip"):
        vm.run("usbipd --device --daemon --pid && sleep 1").check()
        try:
            done = vm.run(["mscope", "probe", "usbip:127.0.0.1/usbip-vudc.0"])
            assert done.status == 0 and "File-Stor Gadget" in done.stdout, done.stdout + done.stderr
            done = vm.run(["mscope", "check", "usbip:127.0.0.1/usbip-vudc.0", "--select", "bot.case01*", "--select", "bot.case06*",
                           "--select", "scsi.inquiry*", "--select", "bot.recovery.idle"], timeout=600)
            assert done.status == 0, done.stdout + done.stderr
        finally:
            vm.run("kill $(cat /var/run/usbipd.pid)")
